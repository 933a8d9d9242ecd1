// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // accept4()

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/linux/socket_address.h"
#include "drivers/web/http_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A connection's way: IDLE, READING if there is a body, WAITING if the handler has no answer, HEAD,
// WRITING, and IDLE until it is closed. The library calls back when a head or a piece of a body has
// come, when there is room to write, and when a time is up. Everything runs on the web thread.
//
// A connection carries one request. If a second one with a body came in the same packet as the
// first, libwebsockets 4.1 would look at it again and again, and serve nobody else.

#define ACCEPT_COUNT_MAX 64 // at a time, so that a flood leaves time for who is there
#define HEADER_BYTES_MAX 300u
#define SERIAL_SHIFT     16u // below it, a request's id holds its connection's number
#define ACCEPT_RETRY_US  10000u
#define MS_US            1000u
#define LOOK_PERIOD_US   500000u // between two looks whether a waiting client is still there

_Static_assert(HTTP_LISTENER_COUNT_MAX *HTTP_CONNECTION_COUNT_MAX <= 1u << SERIAL_SHIFT,
    "a connection's number must fit a request's id");

static void count(_Atomic uint64_t *counter)
{
    // Relaxed: others read the number and nothing because of it.
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void set_state(struct connection *connection, enum connection_state state)
{
    struct http_server *server = connection->server;
    server->waiting_count -= connection->state == CONNECTION_WAITING ? 1 : 0;
    server->waiting_count += state == CONNECTION_WAITING ? 1 : 0;
    // The library does not read while a request waits, but would be told for ever that it could:
    // of the next request, or of a client that has left. It is not told while it is paused; it
    // would not write either, so that only waiting is paused.
    const bool was_paused = connection->state == CONNECTION_WAITING;
    const bool is_paused = state == CONNECTION_WAITING;
    connection->state = state;
    if (was_paused != is_paused && state != CONNECTION_FREE) {
        (void)lws_rx_flow_control(connection->wsi, is_paused ? 0 : 1);
    }
}

// Clients come and go.

// NULL if all are in use, or as many as one address may have.
static struct connection *free_connection(struct listener *listener, const muster_address *peer)
{
    const struct http_server_def *def = &listener->server->def;
    struct connection *found = NULL;
    uint32_t peer_count = 0;
    for (uint32_t i = 0; i < def->connection_count_max; i++) {
        struct connection *connection = &listener->connections[i];
        if (connection->state == CONNECTION_FREE) {
            found = connection;
        } else {
            peer_count += http_is_same_place(&connection->peer, peer) ? 1 : 0;
        }
    }
    return peer_count < def->address_connection_count_max ? found : NULL;
}

static void release(struct connection *connection)
{
    if (connection->state != CONNECTION_FREE) {
        set_state(connection, CONNECTION_FREE);
        connection->wsi = NULL;
        connection->request_id = 0;
        atomic_fetch_sub_explicit(&connection->server->open_count, 1, memory_order_relaxed);
    }
}

void http_forget_connection(struct connection *connection)
{
    release(connection);
}

static void open_connection(struct connection *connection, int file, const muster_address *peer)
{
    struct http_server *server = connection->server;
    connection->peer = *peer;
    connection->request_id = 0;
    set_state(connection, CONNECTION_IDLE);
    count(&server->opened_count);
    count(&server->open_count);

    const bool has_tls = connection->listener->def.has_tls;
    const lws_adopt_desc_t adoption = {
        .vh = has_tls ? server->tls.vhost : lws_get_vhost(connection->listener->wsi),
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (has_tls ? LWS_ADOPT_ALLOW_SSL : 0),
        .fd = {.sockfd = file},
        .opaque = connection,
    };
    connection->wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
    if (connection->wsi == NULL) {
        release(connection); // the library has closed the file
    }
}

static void accept_connections(struct listener *listener)
{
    for (int i = 0; i < ACCEPT_COUNT_MAX; i++) {
        union socket_address name;
        socklen_t length = sizeof name;
        const int file = accept4(
            lws_get_socket_fd(listener->wsi), &name.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (file < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                // The client stays in the queue, which is ready at once again.
                clock_sleep_until_us(clock_monotonic_us() + ACCEPT_RETRY_US);
            }
            return;
        }
        const muster_address peer = socket_address_read(&name);
        struct connection *connection = free_connection(listener, &peer);
        if (connection == NULL) {
            count(&listener->server->refused_count);
            close(file);
            continue;
        }
        open_connection(connection, file, &peer);
    }
}

// Responses.

static struct http_response empty_response(const struct connection *connection)
{
    return (struct http_response){
        .content_type = "application/json",
        .body = connection->response_room,
        .room = connection->response_room,
        .room_bytes = connection->server->def.response_bytes_max,
    };
}

// Sends connection->response as soon as there is room.
static void start_response(struct connection *connection)
{
    const struct http_response *response = &connection->response;
    MUSTER_ASSERT(response->status >= 200 && response->status <= 599);
    MUSTER_ASSERT(response->content_type != NULL);
    MUSTER_ASSERT(response->body != NULL || response->body_bytes == 0);
    if (response->status >= 500) {
        count(&connection->server->failed_count);
    } else if (response->status >= 400) {
        count(&connection->server->bad_count);
    }
    set_state(connection, CONNECTION_HEAD);
    connection->response_sent_bytes = 0;
    lws_set_timer_usecs(connection->wsi, LWS_SET_TIMER_USEC_CANCEL);
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_HTTP_CONTENT,
        (int)connection->server->def.idle_seconds_max);
    (void)lws_callback_on_writable(connection->wsi);
}

// Refuses the request under way. Returns 0, for callbacks.
static int refuse(
    struct connection *connection, uint32_t status, const char *code, const char *message)
{
    connection->response = empty_response(connection);
    http_respond_error(&connection->response, status, code, message);
    start_response(connection);
    return 0;
}

// Ends a response that is written. Returns -1, for callbacks: the connection is to be closed.
static int finish_response(struct connection *connection)
{
    set_state(connection, CONNECTION_IDLE);
    connection->request_id = 0;
    return -1;
}

static int write_response(struct connection *connection)
{
    const struct http_response *response = &connection->response;
    if (connection->state == CONNECTION_HEAD) {
        if (!http_write_head(connection)) {
            return -1;
        }
        set_state(connection, CONNECTION_WRITING);
        if (response->body_bytes == 0) {
            return finish_response(connection);
        }
        (void)lws_callback_on_writable(connection->wsi);
        return 0;
    }
    if (connection->state != CONNECTION_WRITING) {
        return 0;
    }
    const uint32_t left_bytes = response->body_bytes - connection->response_sent_bytes;
    const bool is_last = left_bytes <= HTTP_CHUNK_BYTES;
    const uint32_t bytes = is_last ? left_bytes : HTTP_CHUNK_BYTES;
    uint8_t *chunk = connection->server->chunk + LWS_PRE;
    memcpy(chunk, response->body + connection->response_sent_bytes, bytes);
    const int written =
        lws_write(connection->wsi, chunk, bytes, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
    if (written < (int)bytes) {
        return -1;
    }
    connection->response_sent_bytes += bytes;
    if (is_last) {
        return finish_response(connection);
    }
    (void)lws_callback_on_writable(connection->wsi);
    return 0;
}

// Requests.

// Sets the timer to the end of the wait, or to the next look whether the client is still there.
static void set_look_timer(struct connection *connection)
{
    const uint64_t now_us = clock_monotonic_us();
    const uint64_t left_us =
        connection->deadline_us > now_us ? connection->deadline_us - now_us : 1;
    lws_set_timer_usecs(
        connection->wsi, (lws_usec_t)(left_us < LOOK_PERIOD_US ? left_us : LOOK_PERIOD_US));
}

// Asks the handler. Without an answer the connection waits, unless this is the last call.
static int call_handler(struct connection *connection, bool is_last_call)
{
    const struct http_route *route = connection->route;
    const char *tail;
    bool is_path_known;
    (void)http_find_route(
        &connection->listener->def, route->method, connection->path, &tail, &is_path_known);
    connection->request_room[connection->request_bytes] = '\0';
    const struct http_request request = {
        .id = connection->request_id,
        .method = route->method,
        .is_last_call = is_last_call,
        .peer = connection->peer,
        .path = connection->path,
        .tail = tail,
        .authorization = connection->authorization,
        .cookie = connection->cookie,
        .if_none_match = connection->if_none_match,
        .auth_token = connection->auth_token,
        .arguments = connection->arguments,
        .body = connection->request_room,
        .body_bytes = connection->request_bytes,
    };
    connection->response = empty_response(connection);
    route->handler(route->context, &request, &connection->response);
    if (connection->response.status != 0) {
        start_response(connection);
    } else if (is_last_call) {
        return refuse(connection, 504, "no_answer", "The server had no answer in time.");
    } else if (connection->state != CONNECTION_WAITING) {
        set_state(connection, CONNECTION_WAITING);
        lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0);
        const uint64_t time_us = (uint64_t)connection->server->def.answer_ms_max * MS_US;
        connection->deadline_us = clock_monotonic_us() + time_us;
        set_look_timer(connection);
    }
    return 0;
}

// Checks who the request is for. Returns true, or refuses it.
static bool check_host(struct connection *connection)
{
    char host[HEADER_BYTES_MAX];
    char origin[HEADER_BYTES_MAX];
    const struct http_listener_def *def = &connection->listener->def;
    if (!http_copy_header(connection->wsi, WSI_TOKEN_HOST, host, sizeof host) ||
        !http_copy_header(connection->wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin) ||
        !http_host_is_allowed(host, origin, def->has_tls, def->hosts, def->host_count)) {
        (void)refuse(connection, 421, "wrong_host",
            "This server does not answer for that host, or for a page from another one.");
        return false;
    }
    return true;
}

// Copies a header that counts as not there when it is too long.
static void copy_if_short(struct lws *wsi, enum lws_token_indexes token, char *room, int room_bytes)
{
    if (!http_copy_header(wsi, token, room, room_bytes)) {
        room[0] = '\0';
    }
}

// Finds the route of the request. Returns true, or refuses it.
static bool check_route(struct connection *connection, const char *path)
{
    if (strlen(path) >= sizeof connection->path ||
        !http_copy_arguments(connection->wsi, connection->arguments)) {
        (void)refuse(connection, 414, "too_long", "The path or its arguments are too long.");
        return false;
    }
    memcpy(connection->path, path, strlen(path) + 1);
    if (!http_copy_header(connection->wsi, WSI_TOKEN_HTTP_AUTHORIZATION, connection->authorization,
            sizeof connection->authorization)) {
        (void)refuse(connection, 431, "too_long", "The Authorization header is too long.");
        return false;
    }
    copy_if_short(
        connection->wsi, WSI_TOKEN_HTTP_COOKIE, connection->cookie, HTTP_COOKIE_BYTES_MAX);
    copy_if_short(connection->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, connection->if_none_match,
        HTTP_TAG_BYTES_MAX);
    copy_if_short(
        connection->wsi, WSI_TOKEN_X_AUTH_TOKEN, connection->auth_token, HTTP_AUTH_TOKEN_BYTES_MAX);
    enum http_method method = HTTP_GET;
    const bool is_method_known = http_read_method(connection->wsi, &method);
    bool is_path_known;
    const char *tail;
    connection->route =
        http_find_route(&connection->listener->def, method, path, &tail, &is_path_known);
    if (!is_path_known) {
        (void)refuse(connection, 404, "not_found", "There is nothing at this path.");
        return false;
    }
    if (!is_method_known || connection->route == NULL) {
        (void)refuse(connection, 405, "wrong_method", "This path does not take that method.");
        return false;
    }
    return true;
}

// Checks what body comes. Returns true, or refuses the request.
static bool check_body(struct connection *connection)
{
    struct lws *wsi = connection->wsi;
    const enum http_method method = connection->route->method;
    const bool takes_body = method == HTTP_POST || method == HTTP_PUT;
    const uint64_t length = http_content_length(wsi);
    if (length == HTTP_LENGTH_BAD || (length > 0 && !takes_body)) {
        (void)refuse(connection, 400, "bad_request", "The Content-Length is not as it must be.");
        return false;
    }
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
        (takes_body && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)) {
        (void)refuse(
            connection, 411, "length_required", "A POST needs a Content-Length, 0 without a body.");
        return false;
    }
    if (length > connection->server->def.request_bytes_max) {
        (void)refuse(connection, 413, "too_long", "The body is longer than this server takes.");
        return false;
    }
    connection->request_bytes_expected = (uint32_t)length;
    return true;
}

// Makes the response to a request that opens no socket.
static void fill_refusal(struct connection *connection, const struct socket_refusal *refusal)
{
    connection->response = empty_response(connection);
    http_respond_error(&connection->response, refusal->status, refusal->code, refusal->message);
    if (refusal->status == 426) {
        http_add_header(&connection->response, "upgrade:", "websocket");
        http_add_header(&connection->response, "sec-websocket-version:", "13");
    }
    count(&connection->server->sockets.counts[refusal->counter]);
}

// Answers a plain request for the path of sockets.
static int refuse_plain(struct connection *connection)
{
    fill_refusal(connection, &http_refused_plain);
    start_response(connection);
    return 0;
}

static int begin_request(struct connection *connection, const char *path)
{
    struct http_server *server = connection->server;
    const uint64_t number = (uint64_t)(connection - server->connections);
    count(&server->request_count);
    connection->request_id = ++server->request_serial << SERIAL_SHIFT | number;
    connection->request_bytes = 0;
    connection->request_bytes_expected = 0;
    if (!http_tls_is_as_due(connection)) {
        return refuse(connection, 400, "tls_required", "This port speaks HTTPS; use https://.");
    }
    if (http_is_socket_path(connection->listener, path)) {
        return refuse_plain(connection);
    }
    if (!check_host(connection) || !check_route(connection, path) || !check_body(connection)) {
        return 0;
    }
    if (connection->request_bytes_expected == 0) {
        return call_handler(connection, false);
    }
    set_state(connection, CONNECTION_READING);
    lws_set_timer_usecs(connection->wsi, (lws_usec_t)server->def.body_ms_max * (lws_usec_t)MS_US);
    return 0;
}

// Lets the library open a socket, or answers why not. It would change to whatever the client
// wishes, and says nothing when it does not. Returns -1, for callbacks, to have it closed.
static int take_upgrade(struct connection *connection, const char *upgrade)
{
    static const struct socket_refusal refused_other = {400, "bad_request",
        "This server speaks HTTP and WebSocket only.", HTTP_SOCKET_COUNT_REFUSED_BAD};
    static const struct socket_refusal refused_plain_text = {
        400, "tls_required", "This port speaks HTTPS; use wss://.", HTTP_SOCKET_COUNT_REFUSED_BAD};
    const bool is_known = http_is_socket_request(connection, upgrade);
    const struct socket_refusal *refusal =
        is_known ? http_check_handshake(connection) : &refused_other;
    refusal = http_tls_is_as_due(connection) ? refusal : &refused_plain_text;
    if (refusal == NULL) {
        return 0;
    }
    count(&connection->server->request_count);
    count(&connection->server->bad_count);
    fill_refusal(connection, refusal);
    if (http_write_head(connection)) {
        const struct http_response *response = &connection->response;
        uint8_t *chunk = connection->server->chunk + LWS_PRE;
        memcpy(chunk, response->body, response->body_bytes);
        (void)!lws_write(connection->wsi, chunk, response->body_bytes, LWS_WRITE_HTTP_FINAL);
    }
    return -1;
}

// The library delivers a body in pieces of its own choosing.
static int take_body(struct connection *connection, const void *bytes, size_t length)
{
    if (connection->state != CONNECTION_READING) {
        return 0; // refused already; the connection is about to be closed
    }
    if (length > connection->request_bytes_expected - connection->request_bytes) {
        return -1;
    }
    memcpy(connection->request_room + connection->request_bytes, bytes, length);
    connection->request_bytes += (uint32_t)length;
    return 0;
}

static int finish_body(struct connection *connection)
{
    if (connection->state != CONNECTION_READING ||
        connection->request_bytes != connection->request_bytes_expected) {
        return 0;
    }
    lws_set_timer_usecs(connection->wsi, LWS_SET_TIMER_USEC_CANCEL);
    return call_handler(connection, false);
}

static int time_is_up(struct connection *connection)
{
    if (connection->state == CONNECTION_READING) {
        return refuse(connection, 408, "timeout", "The body took too long.");
    }
    if (connection->state == CONNECTION_WAITING) {
        if (http_has_left(connection)) {
            return -1;
        }
        if (clock_monotonic_us() < connection->deadline_us) {
            set_look_timer(connection);
            return 0;
        }
        if (connection->route->is_polled) {
            return call_handler(connection, true);
        }
        return refuse(connection, 504, "no_answer", "The server had no answer in time.");
    }
    return 0;
}

// A port has clients, or the server's bell was rung.
static void file_is_readable(struct lws *wsi)
{
    const struct http_server *server = lws_context_user(lws_get_context(wsi));
    void *opaque = lws_get_opaque_user_data(wsi);
    if (opaque != server) {
        accept_connections(opaque);
        return;
    }
    // What was wanted is looked at after every turn of the loop; here the bell falls silent.
    uint64_t rings;
    const ssize_t got = read(lws_get_socket_fd(wsi), &rings, sizeof rings);
    (void)got;
}

int http_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    if (reason == LWS_CALLBACK_RAW_RX_FILE) {
        file_is_readable(wsi);
        return 0;
    }
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        return http_tls_prepare(lws_context_user(lws_get_context(wsi)), user);
    }
    if (reason == LWS_CALLBACK_WSI_DESTROY &&
        http_release_socket(lws_context_user(lws_get_context(wsi)), wsi)) {
        return 0;
    }
    if (reason != LWS_CALLBACK_HTTP && reason != LWS_CALLBACK_HTTP_BODY &&
        reason != LWS_CALLBACK_HTTP_BODY_COMPLETION && reason != LWS_CALLBACK_HTTP_WRITEABLE &&
        reason != LWS_CALLBACK_HTTP_CONFIRM_UPGRADE && reason != LWS_CALLBACK_TIMER &&
        reason != LWS_CALLBACK_WSI_DESTROY) {
        return 0;
    }
    // The library has connections of its own, and listeners, which are none of these.
    struct connection *connection = lws_get_opaque_user_data(wsi);
    if (connection == NULL || connection->wsi != wsi) {
        return 0;
    }
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return begin_request(connection, in);
    case LWS_CALLBACK_HTTP_BODY:
        return take_body(connection, in, length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return finish_body(connection);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return write_response(connection);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return take_upgrade(connection, in);
    case LWS_CALLBACK_TIMER:
        return time_is_up(connection);
    default:
        release(connection);
        return 0;
    }
}

// What other threads have to say.

void http_take_answers(struct http_server *server)
{
    for (uint32_t i = 0; i < server->def.producer_count; i++) {
        const void *record;
        uint32_t record_bytes;
        while (ring_peek(server->producers[i], &record, &record_bytes)) {
            const struct http_answer *answer = record;
            const uint64_t number = answer->request_id & ((1u << SERIAL_SHIFT) - 1);
            struct connection *connection =
                number < server->connection_count ? &server->connections[number] : NULL;
            if (connection != NULL && connection->request_id == answer->request_id &&
                connection->state == CONNECTION_WAITING) {
                connection->response = empty_response(connection);
                connection->response.status = answer->status;
                connection->response.content_type = answer->content_type;
                connection->response.body_bytes = record_bytes - (uint32_t)sizeof *answer;
                memcpy(connection->response_room, answer + 1, connection->response.body_bytes);
                start_response(connection);
            }
            ring_release(server->producers[i]);
        }
    }
}

void http_poll_waiting(struct http_server *server)
{
    for (uint32_t i = 0; i < server->connection_count && server->waiting_count > 0; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->state == CONNECTION_WAITING && connection->route->is_polled) {
            (void)call_handler(connection, false);
        }
    }
}

void http_begin_stop(struct http_server *server)
{
    for (uint32_t i = 0; i < server->def.listener_count; i++) {
        lws_set_timeout(server->listeners[i].wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }
    http_close_sockets(server);
    for (uint32_t i = 0; i < server->connection_count; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->state == CONNECTION_WAITING || connection->state == CONNECTION_READING) {
            (void)refuse(connection, 503, "stopping", "The server is stopping.");
        } else if (connection->state == CONNECTION_IDLE) {
            lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        }
    }
}

bool http_is_writing(const struct http_server *server)
{
    for (uint32_t i = 0; i < server->connection_count; i++) {
        if (server->connections[i].state > CONNECTION_IDLE) {
            return true;
        }
    }
    return false;
}
