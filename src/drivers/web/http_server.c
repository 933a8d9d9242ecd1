// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "drivers/http_server.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/linux/futex.h"
#include "drivers/linux/socket_address.h"
#include "drivers/linux/thread.h"
#include "drivers/web/http_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

// The caller's thread binds the ports, so that an error is told at once; the web thread makes the
// library's context, hands it the ports, serves, and destroys it. No other thread calls the
// library: they ring a bell of the server's own, of which the library watches a duplicate. Its
// lws_cancel_service() would race with the end of the context.

#define BODY_BYTES_MAX     (16u << 20)
#define RESPONSE_BYTES_MIN 1024u
#define SECONDS_MAX        3600u
#define LISTEN_QUEUE_COUNT 128
#define HEADER_DATA_BYTES  8192u
#define OTHER_FILE_COUNT   16u // the library's own, beside connections and listeners
#define STOP_MS_MAX        1000u
#define STOP_STEP_US       10000
#define SOCKET_READ_BYTES  2304u // a ticket in one piece; the library keeps as much for each socket

enum startup { STARTUP_PENDING, STARTUP_DONE, STARTUP_FAILED };

struct http_server_def http_server_default_def(void)
{
    return (struct http_server_def){
        .connection_count_max = 64,
        .address_connection_count_max = 64,
        .request_bytes_max = 64 * 1024,
        .response_bytes_max = 1 << 20,
        .idle_seconds_max = 10,
        .body_ms_max = 10000,
        .answer_ms_max = 30000,
        .producer_bytes = 256 * 1024,
        .sockets = http_socket_default_def(),
        .allocator = muster_heap_allocator(),
    };
}

static bool is_within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

static bool def_is_valid(const struct http_server_def *def)
{
    if (!is_within(def->listener_count, 1, HTTP_LISTENER_COUNT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < def->listener_count; i++) {
        const struct http_listener_def *listener = &def->listeners[i];
        if (listener->address.family == MUSTER_ADDRESS_NONE ||
            (listener->routes == NULL && listener->route_count != 0) ||
            (listener->hosts == NULL && listener->host_count != 0) ||
            (listener->has_tls && def->certificate == NULL)) {
            return false;
        }
    }
    return is_within(def->connection_count_max, 1, HTTP_CONNECTION_COUNT_MAX) &&
           def->address_connection_count_max > 0 && def->request_bytes_max <= BODY_BYTES_MAX &&
           is_within(def->response_bytes_max, RESPONSE_BYTES_MIN, BODY_BYTES_MAX) &&
           is_within(def->idle_seconds_max, 1, SECONDS_MAX) &&
           is_within(def->body_ms_max, 1, SECONDS_MAX * 1000) &&
           is_within(def->answer_ms_max, 1, SECONDS_MAX * 1000) &&
           def->producer_count <= HTTP_PRODUCER_COUNT_MAX && http_sockets_are_valid(def) &&
           def->allocator.alloc != NULL && def->allocator.free != NULL;
}

// The web thread.

static void finish_startup(struct http_server *server, enum startup startup)
{
    // Release: pairs with the acquire in wait_for_startup().
    atomic_store_explicit(&server->startup, startup, memory_order_release);
    futex_wake_all(&server->startup);
}

// Gives the library a file to watch, which it closes in the end, or at once if it fails.
static struct lws *adopt_file(
    struct http_server *server, struct lws_vhost *vhost, int file, void *opaque)
{
    const lws_adopt_desc_t adoption = {
        .vh = vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd = {.filefd = file},
        .vh_prot_name = server->protocols[0].name,
        .opaque = opaque,
    };
    return lws_adopt_descriptor_vhost_via_info(&adoption);
}

static bool make_context(struct http_server *server)
{
    const int idle_seconds = (int)server->def.idle_seconds_max;
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = server->protocols,
        .vhost_name = "muster",
        .max_http_header_data2 = HEADER_DATA_BYTES,
        .timeout_secs = (unsigned)idle_seconds,
        .timeout_secs_ah_idle = (unsigned)idle_seconds,
        .fd_limit_per_thread = server->connection_count + server->def.sockets.count_max +
                               server->def.listener_count + OTHER_FILE_COUNT,
        .gid = -1,
        .uid = -1,
        .user = server,
        .options = server->tls.first != NULL ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
    };
    lws_set_log_level(0, NULL); // its words go to stderr, which is the program's
    server->context = lws_create_context(&info);
    if (server->context == NULL) {
        return false;
    }
    struct lws_vhost *vhost = lws_get_vhost_by_name(server->context, "muster");
    const int bell = vhost != NULL ? dup(server->bell) : -1;
    bool is_made = bell >= 0 && adopt_file(server, vhost, bell, server) != NULL &&
                   (server->tls.first == NULL || http_tls_start(server));
    for (uint32_t i = 0; is_made && i < server->def.listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        const int file = listener->file;
        listener->file = -1;
        listener->wsi = adopt_file(server, vhost, file, listener);
        is_made = listener->wsi != NULL;
    }
    if (!is_made) {
        lws_context_destroy(server->context);
    }
    return is_made;
}

static void do_nothing(lws_sorted_usec_list_t *timer)
{
    (void)timer;
}

// Lets clients read what is on its way, for a while.
static void serve_until_written(struct http_server *server)
{
    http_begin_stop(server);
    const uint64_t deadline_us = clock_monotonic_us() + STOP_MS_MAX * 1000;
    while ((http_is_writing(server) || http_has_sockets(server)) &&
           clock_monotonic_us() < deadline_us) {
        lws_sorted_usec_list_t timer = {0};
        lws_sul_schedule(server->context, 0, &timer, do_nothing, STOP_STEP_US);
        (void)lws_service(server->context, 0);
        lws_sul_schedule(server->context, 0, &timer, do_nothing, LWS_SET_TIMER_USEC_CANCEL);
    }
}

static void *run_web(void *argument)
{
    struct http_server *server = argument;
    if (!make_context(server)) {
        finish_startup(server, STARTUP_FAILED);
        return NULL;
    }
    http_sockets_start(server);
    finish_startup(server, STARTUP_DONE);
    // Acquire: both pair with the releases of who sets them.
    while (!atomic_load_explicit(&server->is_stopping, memory_order_acquire)) {
        (void)lws_service(server->context, 0);
        http_tls_renew(server);
        http_take_answers(server);
        http_take_socket_orders(server);
        if (atomic_exchange_explicit(&server->is_woken, false, memory_order_acquire)) {
            http_poll_waiting(server);
        }
    }
    serve_until_written(server);
    lws_context_destroy(server->context);
    return NULL;
}

// Starting and stopping.

void http_ring_bell(struct http_server *server)
{
    // Fails only when the bell has been rung 2^64 - 2 times and not been heard.
    const uint64_t one = 1;
    const ssize_t written = write(server->bell, &one, sizeof one);
    (void)written;
}

// Makes a listening socket. Returns it, or -1 with errno set.
static int listen_on(const muster_address *address, muster_address *out_local)
{
    const int family = address->family == MUSTER_ADDRESS_IPV4 ? AF_INET : AF_INET6;
    const int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) {
        return -1;
    }
    const int yes = 1;
    const int no = 0;
    union socket_address local;
    socklen_t length = socket_address_write(address, family, &local);
    // A port whose last server has just ended is free.
    if (setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        (family == AF_INET6 && setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0) ||
        bind(file, &local.any, length) != 0 || listen(file, LISTEN_QUEUE_COUNT) != 0) {
        goto fail;
    }
    length = sizeof local;
    if (getsockname(file, &local.any, &length) != 0) {
        goto fail;
    }
    *out_local = socket_address_read(&local);
    return file;

fail:;
    const int code = errno;
    close(file);
    errno = code;
    return -1;
}

static muster_status open_listeners(struct http_server *server, struct driver_error *out_error)
{
    for (uint32_t i = 0; i < server->def.listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        listener->file = listen_on(&listener->def.address, &listener->address);
        if (listener->file < 0) {
            char text[MUSTER_ADDRESS_TEXT_BYTES];
            const int code = errno;
            muster_address_print(&listener->def.address, text);
            driver_error_write(out_error, code, "cannot listen on TCP %s", text);
            return MUSTER_ERR_IO;
        }
    }
    return MUSTER_OK;
}

static size_t room_bytes(const struct http_server_def *def)
{
    return (size_t)def->request_bytes_max + 1 + def->response_bytes_max;
}

// Allocates the server with its connections, and their rooms, whose pages stay untouched.
static struct http_server *server_alloc(const struct http_server_def *def)
{
    const muster_allocator *allocator = &def->allocator;
    const uint32_t connection_count = def->listener_count * def->connection_count_max;
    const size_t bytes = sizeof(struct http_server) + connection_count * sizeof(struct connection);
    struct http_server *server =
        allocator->alloc(allocator->context, bytes, _Alignof(struct http_server));
    if (server == NULL) {
        return NULL;
    }
    memset(server, 0, bytes);
    server->def = *def;
    server->def.sockets.count_max = def->sockets.path != NULL ? def->sockets.count_max : 0;
    server->bytes = bytes;
    server->bell = -1;
    server->connections = (void *)(server + 1);
    server->connection_count = connection_count;
    server->rooms_bytes = connection_count * room_bytes(def);
    server->rooms = allocator->alloc(allocator->context, server->rooms_bytes, 8);
    if (server->rooms == NULL) {
        allocator->free(allocator->context, server, bytes);
        return NULL;
    }
    // No client can name the first one, which is no word of a list.
    server->protocols[0] = (struct lws_protocols){.name = "(http)", .callback = http_callback};
    if (def->sockets.path != NULL) {
        server->protocols[1] = (struct lws_protocols){
            .name = def->sockets.subprotocol,
            .callback = http_socket_callback,
            .rx_buffer_size = SOCKET_READ_BYTES,
            .per_session_data_size = 1, // without any it does not tell that it begins to close
        };
    }
    for (uint32_t i = 0; i < HTTP_LISTENER_COUNT_MAX; i++) {
        struct listener *listener = &server->listeners[i];
        listener->server = server;
        listener->def = def->listeners[i];
        server->tls.first = listener->def.has_tls ? def->certificate : server->tls.first;
        listener->file = -1;
    }
    for (uint32_t i = 0; i < connection_count; i++) {
        struct connection *connection = &server->connections[i];
        connection->server = server;
        connection->listener = &server->listeners[i / def->connection_count_max];
        connection->request_room = server->rooms + i * room_bytes(def);
        connection->response_room = connection->request_room + def->request_bytes_max + 1;
        if (i % def->connection_count_max == 0) {
            connection->listener->connections = connection;
        }
    }
    return server;
}

static void server_free(struct http_server *server)
{
    const muster_allocator allocator = server->def.allocator;
    if (server->bell >= 0) {
        close(server->bell);
    }
    for (uint32_t i = 0; i < server->def.listener_count; i++) {
        if (server->listeners[i].file >= 0) {
            close(server->listeners[i].file);
        }
    }
    for (uint32_t i = 0; i < server->def.producer_count; i++) {
        ring_destroy(server->producers[i]);
    }
    http_sockets_destroy(server);
    http_tls_finish(server);
    allocator.free(allocator.context, server->rooms, server->rooms_bytes);
    allocator.free(allocator.context, server, server->bytes);
}

static muster_status make_producers(struct http_server *server)
{
    const struct ring_def def = {
        .capacity_bytes = server->def.producer_bytes,
        .allocator = server->def.allocator,
    };
    for (uint32_t i = 0; i < server->def.producer_count; i++) {
        const muster_status status = ring_create(&def, &server->producers[i]);
        if (status != MUSTER_OK) {
            return status;
        }
    }
    return MUSTER_OK;
}

// Starts the web thread and waits until it serves or has failed.
static muster_status start_thread(struct http_server *server, struct driver_error *out_error)
{
    server->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int code =
        server->bell < 0 ? errno : thread_start(&server->thread, "muster-web", run_web, server);
    if (code != 0) {
        driver_error_write(out_error, code, "cannot start the web thread");
        return MUSTER_ERR_IO;
    }
    uint32_t startup;
    // Acquire: pairs with the release in finish_startup().
    while ((startup = atomic_load_explicit(&server->startup, memory_order_acquire)) ==
           STARTUP_PENDING) {
        futex_sleep(&server->startup, STARTUP_PENDING, FUTEX_FOREVER);
    }
    if (startup == STARTUP_FAILED) {
        (void)pthread_join(server->thread, NULL);
        driver_error_write(out_error, 0, "libwebsockets cannot start");
        return MUSTER_ERR_IO;
    }
    return MUSTER_OK;
}

muster_status http_server_start(const struct http_server_def *def,
    struct http_server **out_server,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_server != NULL);
    *out_server = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    struct http_server *server = server_alloc(def);
    if (server == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    muster_status status = make_producers(server);
    if (status == MUSTER_OK) {
        status = http_sockets_create(server);
    }
    if (status == MUSTER_OK) {
        status = open_listeners(server, out_error);
    }
    if (status == MUSTER_OK) {
        status = start_thread(server, out_error);
    }
    if (status != MUSTER_OK) {
        server_free(server);
        return status;
    }
    *out_server = server;
    return MUSTER_OK;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    // Release: pairs with the acquire in run_web().
    atomic_store_explicit(&server->is_stopping, true, memory_order_release);
    http_ring_bell(server);
    const int result = pthread_join(server->thread, NULL);
    MUSTER_ASSERT(result == 0);
    server_free(server);
}

// Other threads.

muster_address http_server_address(const struct http_server *server, uint32_t listener_index)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(listener_index < server->def.listener_count);
    return server->listeners[listener_index].address;
}

void http_server_wake(struct http_server *server)
{
    MUSTER_ASSERT(server != NULL);
    // Release: pairs with the acquire in run_web(); the handlers see what was done before.
    if (!atomic_exchange_explicit(&server->is_woken, true, memory_order_acq_rel)) {
        http_ring_bell(server);
    }
}

muster_status http_server_answer(struct http_server *server,
    uint32_t producer_index,
    uint64_t request_id,
    const struct http_response *response)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(producer_index < server->def.producer_count);
    MUSTER_ASSERT(response != NULL && response->status >= 200 && response->status <= 599);

    struct ring *ring = server->producers[producer_index];
    const uint32_t head_bytes = (uint32_t)sizeof(struct http_answer);
    if (response->body_bytes > server->def.response_bytes_max ||
        response->body_bytes > ring_record_bytes_max(ring) - head_bytes) {
        return MUSTER_ERR_INVALID;
    }
    void *room;
    const muster_status status = ring_reserve(ring, head_bytes + response->body_bytes, &room);
    if (status != MUSTER_OK) {
        return status;
    }
    struct http_answer *answer = room;
    *answer = (struct http_answer){
        .request_id = request_id,
        .content_type = response->content_type,
        .status = response->status,
    };
    if (response->body_bytes > 0) {
        memcpy(answer + 1, response->body, response->body_bytes);
    }
    ring_commit(ring, head_bytes + response->body_bytes);
    http_ring_bell(server);
    return MUSTER_OK;
}

struct http_server_stats http_server_read_stats(const struct http_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return (struct http_server_stats){
        .connection_count = atomic_load_explicit(&server->opened_count, memory_order_relaxed),
        .refused_count = atomic_load_explicit(&server->refused_count, memory_order_relaxed),
        .request_count = atomic_load_explicit(&server->request_count, memory_order_relaxed),
        .bad_count = atomic_load_explicit(&server->bad_count, memory_order_relaxed),
        .failed_count = atomic_load_explicit(&server->failed_count, memory_order_relaxed),
        .open_count = atomic_load_explicit(&server->open_count, memory_order_relaxed),
    };
}
