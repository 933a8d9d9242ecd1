// SPDX-License-Identifier: Apache-2.0

// What a message to a browser costs a server.
//
// 1,000 WebSocket clients get 500 bytes 20 times a second, from the HTTP server and from a plain
// push server on the same libwebsockets, which has the bytes at hand and writes them to whoever can
// take some. Each server is a process of its own, whose CPU time and memory are read from outside;
// they push in turns. A figure counts only if every client has got every message.
//
// Then one client of the HTTP server stops reading for 5 s: how much is held for it, how long it
// takes until it has a state of the last two ticks when it goes on, and what others notice.
//
// In the end both servers start again with TLS, for the memory of a connection.

#define _GNU_SOURCE // clock_getcpuclockid()

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/http_server.h"
#include "drivers/linux/socket_address.h"
#include "drivers/web/http_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND_COUNT     5
#define CLIENT_COUNT    1000u
#define MESSAGE_BYTES   500u
#define FRAME_BYTES     (MESSAGE_BYTES + 4u)
#define TICK_US         50000u
#define TICKS_PER_ROUND 40u
#define TLS_TICKS       20u
#define STALL_TICKS     100u
#define DRAIN_US        300000u
#define READ_BYTES      65536u
#define SLOW_CLIENT     0
#define RECEIVE_BYTES   16384
#define AGE_COUNT_MAX   (CLIENT_COUNT * STALL_TICKS)
#define START_US        10000000u

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

// What a server and its clients tell each other.
struct shared {
    _Atomic uint32_t port;
    _Atomic uint32_t wanted_ticks; // pushes that the clients want so far
    _Atomic uint32_t pushed_ticks; // pushes that were made
    _Atomic bool must_end;
};

// What a message begins with.
struct stamp {
    uint64_t pushed_us;
    uint32_t tick;
};

struct client {
    int file;
    uint64_t bytes;
    struct stamp stamp; // of the last message that has begun
    uint32_t stamp_bytes;
};

struct side {
    const char *name;
    struct shared *shared;
    pid_t pid;
    int poll_file;
    uint64_t bytes;       // of all clients
    uint64_t empty_bytes; // resident, before clients came
    uint64_t full_bytes;  // and with them
    struct client clients[CLIENT_COUNT];
};

static struct {
    double ms[AGE_COUNT_MAX];
    uint32_t count;
    bool is_counting;
} ages;

// Both servers show it; NULL while they speak without TLS.
static struct http_certificate *certificate;

static void stop(const char *what)
{
    fprintf(stderr, "web_bench: %s: %s\n", what, strerror(errno));
    exit(3);
}

static void fill_message(uint8_t bytes[MESSAGE_BYTES], uint32_t tick)
{
    const struct stamp stamp = {.pushed_us = clock_monotonic_us(), .tick = tick};
    memset(bytes, (int)tick, MESSAGE_BYTES);
    memcpy(bytes, &stamp, sizeof stamp);
}

// The server that is measured.

static uint32_t take_opened(struct http_server *server, uint32_t *numbers, uint32_t count)
{
    struct http_socket_event event;
    while (http_server_pop_socket_event(server, &event)) {
        if (event.type == HTTP_SOCKET_OPENED && count < CLIENT_COUNT) {
            numbers[count++] = event.number;
        }
    }
    return count;
}

static void push_muster(
    struct http_server *server, const uint32_t *numbers, uint32_t count, uint32_t tick)
{
    uint8_t bytes[MESSAGE_BYTES];
    fill_message(bytes, tick);
    for (uint32_t i = 0; i < count; i++) {
        // What finds no room is missed by the clients.
        (void)!http_server_send_socket(server, numbers[i], bytes, sizeof bytes);
    }
    http_server_flush_sockets(server);
}

static void serve_muster(struct shared *shared)
{
    static uint32_t numbers[CLIENT_COUNT];
    uint32_t count = 0;
    struct http_server_def def = http_server_default_def();
    def.listener_count = 1;
    def.listeners[0].address =
        (muster_address){.family = MUSTER_ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    def.listeners[0].has_tls = certificate != NULL;
    def.certificate = certificate;
    def.sockets.path = "/push";
    def.sockets.subprotocol = "push";
    def.sockets.count_max = CLIENT_COUNT;
    def.sockets.address_silent_count_max = CLIENT_COUNT;
    def.sockets.receive_bytes_max = 2048;
    def.sockets.send_bytes_max = 1200;
    def.sockets.first_ms_max = 3600000;
    def.sockets.silence_ms_max = 3600000;
    def.sockets.ring_bytes = 1u << 22;
    struct http_server *server;
    struct driver_error error = {0};
    if (http_server_start(&def, &server, &error) != MUSTER_OK) {
        fprintf(stderr, "web_bench: %s\n", error.text);
        exit(3);
    }
    atomic_store(&shared->port, http_server_address(server, 0).port);
    uint64_t next_us = clock_monotonic_us();
    while (!atomic_load(&shared->must_end)) {
        next_us += TICK_US;
        clock_sleep_until_us(next_us);
        count = take_opened(server, numbers, count);
        const uint32_t tick = atomic_load(&shared->pushed_ticks);
        if (tick < atomic_load(&shared->wanted_ticks)) {
            push_muster(server, numbers, count, tick + 1);
            atomic_store(&shared->pushed_ticks, tick + 1);
        }
    }
    http_server_stop(server);
}

// The plain server.

struct plain {
    struct shared *shared;
    struct lws_context *context;
    const struct lws_protocols *protocol;
    lws_sorted_usec_list_t timer;
    uint64_t next_us;
    uint8_t bytes[LWS_PRE + MESSAGE_BYTES];
};

static struct plain plain;

static void push_plain(lws_sorted_usec_list_t *timer)
{
    const uint32_t tick = atomic_load(&plain.shared->pushed_ticks);
    if (tick < atomic_load(&plain.shared->wanted_ticks)) {
        fill_message(plain.bytes + LWS_PRE, tick + 1);
        lws_callback_on_writable_all_protocol(plain.context, plain.protocol);
        atomic_store(&plain.shared->pushed_ticks, tick + 1);
    }
    plain.next_us += TICK_US;
    const uint64_t now_us = clock_monotonic_us();
    const uint64_t wait_us = plain.next_us > now_us ? plain.next_us - now_us : 1;
    lws_sul_schedule(plain.context, 0, timer, push_plain, (lws_usec_t)wait_us);
}

static int call_plain(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)in;
    (void)length;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        return http_certificate_apply(certificate, user) ? 0 : -1;
    }
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        plain.protocol = lws_get_protocol(wsi);
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        return lws_write(wsi, plain.bytes + LWS_PRE, MESSAGE_BYTES, LWS_WRITE_BINARY) <
                       (int)MESSAGE_BYTES
                   ? -1
                   : 0;
    }
    return 0;
}

static void serve_plain(struct shared *shared)
{
    static const struct lws_protocols protocols[] = {
        {.name = "http", .callback = call_plain},
        {.name = "push", .callback = call_plain, .rx_buffer_size = 2304},
        {.name = NULL},
    };
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(0, NULL);
    plain.shared = shared;
    plain.protocol = &protocols[1];
    plain.context = lws_create_context(&info);
    struct lws_context_creation_info listener = info;
    listener.port = 0;
    listener.iface = "127.0.0.1";
    if (certificate != NULL) {
        listener.options =
            LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
        listener.alpn = "http/1.1";
    }
    struct lws_vhost *vhost =
        plain.context != NULL ? lws_create_vhost(plain.context, &listener) : NULL;
    if (vhost == NULL) {
        fprintf(stderr, "web_bench: libwebsockets cannot start\n");
        exit(3);
    }
    atomic_store(&shared->port, (uint32_t)lws_get_vhost_listen_port(vhost));
    plain.next_us = clock_monotonic_us();
    lws_sul_schedule(plain.context, 0, &plain.timer, push_plain, TICK_US);
    while (!atomic_load(&shared->must_end)) {
        (void)lws_service(plain.context, 0);
    }
    lws_context_destroy(plain.context);
}

// The clients.

static void begin_side(struct side *side, const char *name, void (*serve)(struct shared *))
{
    side->name = name;
    side->shared =
        mmap(NULL, sizeof *side->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    side->poll_file = epoll_create1(EPOLL_CLOEXEC);
    if (side->shared == MAP_FAILED || side->poll_file < 0) {
        stop("cannot start");
    }
    (void)fflush(NULL);
    side->pid = fork();
    if (side->pid == 0) {
        serve(side->shared);
        exit(EXIT_SUCCESS);
    }
    const uint64_t end_us = clock_monotonic_us() + START_US;
    while (atomic_load(&side->shared->port) == 0) {
        MUSTER_ASSERT(clock_monotonic_us() < end_us);
        clock_sleep_until_us(clock_monotonic_us() + 1000);
    }
}

static void end_side(struct side *side)
{
    int status;
    atomic_store(&side->shared->must_end, true);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        close(side->clients[i].file);
    }
    close(side->poll_file);
    (void)waitpid(side->pid, &status, 0);
}

static const char request[] =
    "GET /push HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: push\r\n\r\n";

static void connect_client(struct side *side, struct client *client)
{
    const muster_address address = {.family = MUSTER_ADDRESS_IPV4,
        .ip = {127, 0, 0, 1},
        .port = (uint16_t)atomic_load(&side->shared->port)};
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    client->file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client == &side->clients[SLOW_CLIENT]) {
        // What a client's own kernel takes is not held by the server: it is to take little.
        const int receive_bytes = RECEIVE_BYTES;
        (void)setsockopt(client->file, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    if (client->file < 0 || connect(client->file, &name.any, length) != 0) {
        stop("cannot connect");
    }
}

static void open_client(struct side *side, struct client *client)
{
    connect_client(side, client);
    if (send(client->file, request, sizeof request - 1, 0) != (ssize_t)sizeof request - 1) {
        stop("cannot send");
    }
    char head[1024] = "";
    for (size_t used = 0; strstr(head, "\r\n\r\n") == NULL; used++) {
        if (used + 1 >= sizeof head || recv(client->file, head + used, 1, 0) != 1) {
            stop("no answer to the handshake");
        }
    }
    MUSTER_ASSERT(strncmp(head, "HTTP/1.1 101", 12) == 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (fcntl(client->file, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(side->poll_file, EPOLL_CTL_ADD, client->file, &event) != 0) {
        stop("cannot watch a client");
    }
}

// Nothing more is read of it: its kernel has room for what the test sends.
static void open_tls_client(struct side *side, struct client *client, SSL_CTX *context)
{
    connect_client(side, client);
    SSL *ssl = SSL_new(context);
    char head[12];
    if (ssl == NULL || SSL_set_fd(ssl, client->file) != 1 || SSL_connect(ssl) != 1 ||
        SSL_write(ssl, request, sizeof request - 1) != (int)sizeof request - 1 ||
        SSL_read(ssl, head, sizeof head) != (int)sizeof head ||
        memcmp(head, "HTTP/1.1 101", sizeof head) != 0) {
        stop("no answer to the handshake over TLS");
    }
    SSL_free(ssl);
}

// Follows the frames, which all have one length, to the stamps in them.
static void take_bytes(struct client *client, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        const uint32_t place = (uint32_t)(client->bytes % FRAME_BYTES);
        const uint32_t head_bytes = FRAME_BYTES - MESSAGE_BYTES;
        size_t step = 1;
        if (place >= head_bytes && place < head_bytes + sizeof client->stamp) {
            ((uint8_t *)&client->stamp)[place - head_bytes] = bytes[i];
        } else if (place >= head_bytes + sizeof client->stamp) {
            step = FRAME_BYTES - place < length - i ? FRAME_BYTES - place : length - i;
        }
        client->bytes += step;
        i += step;
        if (client->bytes % FRAME_BYTES == 0 && ages.is_counting && ages.count < AGE_COUNT_MAX) {
            const uint64_t us = clock_monotonic_us() - client->stamp.pushed_us;
            ages.ms[ages.count++] = (double)us / 1000.0;
        }
    }
}

static bool read_client(struct side *side, struct client *client)
{
    static uint8_t bytes[READ_BYTES];
    const ssize_t got = recv(client->file, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        stop("a client was lost");
    }
    if (got <= 0) {
        return false;
    }
    side->bytes += (uint64_t)got;
    take_bytes(client, bytes, (size_t)got);
    return true;
}

// Reads until the server has pushed all that is wanted and nothing has come for a while.
static void read_all(struct side *side)
{
    uint64_t quiet_us = clock_monotonic_us();
    while (atomic_load(&side->shared->pushed_ticks) < atomic_load(&side->shared->wanted_ticks) ||
           clock_monotonic_us() - quiet_us < DRAIN_US) {
        struct epoll_event events[64];
        const int count = epoll_wait(side->poll_file, events, 64, 10);
        for (int i = 0; i < count; i++) {
            (void)read_client(side, events[i].data.ptr);
            quiet_us = clock_monotonic_us();
        }
    }
}

// Figures.

static uint64_t cpu_ns(const struct side *side)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(side->pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
        stop("cannot read the CPU time of a server");
    }
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static uint64_t resident_bytes(const struct side *side)
{
    char path[64];
    unsigned long long all;
    unsigned long long resident;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)side->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%llu %llu", &all, &resident) != 2) {
        stop(path);
    }
    (void)fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void open_clients(struct side *side)
{
    side->empty_bytes = resident_bytes(side);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        open_client(side, &side->clients[i]);
    }
    clock_sleep_until_us(clock_monotonic_us() + 3 * TICK_US); // all are noticed
}

// The CPU time of a message, and 0 if one did not come.
static double run_round(struct side *side)
{
    const uint64_t first_ns = cpu_ns(side);
    const uint64_t first_bytes = side->bytes;
    atomic_fetch_add(&side->shared->wanted_ticks, TICKS_PER_ROUND);
    read_all(side);
    const uint64_t wanted = (uint64_t)CLIENT_COUNT * TICKS_PER_ROUND;
    if (side->bytes - first_bytes != wanted * FRAME_BYTES) {
        fprintf(stderr, "web_bench: %s lost messages: %llu of %llu bytes\n", side->name,
            (unsigned long long)(side->bytes - first_bytes),
            (unsigned long long)(wanted * FRAME_BYTES));
        return 0;
    }
    return (double)(cpu_ns(side) - first_ns) / (double)wanted;
}

static int compare_values(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_beside(const char *metric, const char *unit, double value, double peer)
{
    printf("{\"bench\":\"web\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"%s\","
           "\"peer\":\"libwebsockets-plain\",\"peer_value\":%.1f,\"ratio\":%.3f}\n",
        metric, value, unit, peer, value / peer);
}

static void print_alone(const char *metric, const char *unit, double value)
{
    printf("{\"bench\":\"web\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", metric, value,
        unit);
}

static void compare_servers(struct side *ours, struct side *theirs)
{
    double ours_ns[ROUND_COUNT];
    double theirs_ns[ROUND_COUNT];
    bool is_whole = true;
    for (int round = -1; round < ROUND_COUNT; round++) { // the first one warms up
        const int place = round < 0 ? 0 : round;
        ours_ns[place] = run_round(ours);
        theirs_ns[place] = run_round(theirs);
        is_whole = is_whole && ours_ns[place] > 0 && theirs_ns[place] > 0;
    }
    ours->full_bytes = resident_bytes(ours);
    theirs->full_bytes = resident_bytes(theirs);
    if (!is_whole) {
        fprintf(stderr, "web_bench: message skipped: messages were lost\n");
        return;
    }
    qsort(ours_ns, ROUND_COUNT, sizeof ours_ns[0], compare_values);
    qsort(theirs_ns, ROUND_COUNT, sizeof theirs_ns[0], compare_values);
    print_beside("message", "ns", ours_ns[ROUND_COUNT / 2], theirs_ns[ROUND_COUNT / 2]);
}

// Pushes for 5 s. Returns the age that 1 of 100 messages exceeds when it is read.
static double push_with_ages(struct side *side)
{
    ages.count = 0;
    ages.is_counting = true;
    atomic_fetch_add(&side->shared->wanted_ticks, STALL_TICKS);
    read_all(side);
    ages.is_counting = false;
    qsort(ages.ms, ages.count, sizeof ages.ms[0], compare_values);
    return ages.count > 0 ? ages.ms[(uint64_t)ages.count * 99 / 100] : 0;
}

static void stall_one(struct side *side)
{
    struct client *slow = &side->clients[SLOW_CLIENT];
    const double calm_ms = push_with_ages(side);

    (void)epoll_ctl(side->poll_file, EPOLL_CTL_DEL, slow->file, NULL);
    const double stalled_ms = push_with_ages(side);
    const uint32_t last_tick = atomic_load(&side->shared->pushed_ticks);
    const uint64_t first_bytes = slow->bytes;
    int taken = 0;
    (void)ioctl(slow->file, FIONREAD, &taken);

    // It goes on while the server does, until what it has is at most two ticks old.
    atomic_fetch_add(&side->shared->wanted_ticks, STALL_TICKS);
    const uint64_t resume_us = clock_monotonic_us();
    double resume_ms = -1;
    while (slow->stamp.tick <= last_tick) {
        struct pollfd file = {.fd = slow->file, .events = POLLIN};
        (void)poll(&file, 1, 1);
        (void)read_client(side, slow);
        if (resume_ms < 0 && slow->stamp.tick + 2 >= atomic_load(&side->shared->pushed_ticks)) {
            resume_ms = (double)(clock_monotonic_us() - resume_us) / 1000.0;
        }
    }
    // Of what it has read, what waited for it on the server's side.
    const uint64_t newer_bytes = (uint64_t)(slow->stamp.tick - last_tick) * FRAME_BYTES;
    const double held = (double)(slow->bytes - first_bytes - newer_bytes) - (double)taken;
    print_alone("slow_reader_held", "B", held);
    print_alone("slow_reader_resumes", "ms", resume_ms);
    printf("{\"bench\":\"web\",\"metric\":\"others_age_p99\",\"value\":%.2f,\"unit\":\"ms\","
           "\"peer\":\"without-a-slow-reader\",\"peer_value\":%.2f,\"ratio\":%.3f}\n",
        stalled_ms, calm_ms, stalled_ms / calm_ms);
}

static double connection_bytes(struct side *side)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    side->empty_bytes = resident_bytes(side);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        open_tls_client(side, &side->clients[i], context);
    }
    SSL_CTX_free(context);
    clock_sleep_until_us(clock_monotonic_us() + 3 * TICK_US); // all are noticed
    atomic_fetch_add(&side->shared->wanted_ticks, TLS_TICKS);
    while (atomic_load(&side->shared->pushed_ticks) < TLS_TICKS) {
        clock_sleep_until_us(clock_monotonic_us() + TICK_US);
    }
    clock_sleep_until_us(clock_monotonic_us() + DRAIN_US);
    return (double)(resident_bytes(side) - side->empty_bytes) / CLIENT_COUNT;
}

static void compare_tls(struct side *ours, struct side *theirs)
{
    static const char *const names[] = {"localhost"};
    struct driver_error error = {0};
    if (http_certificate_make(names, 1, clock_unix_seconds(), &certificate, &error) != MUSTER_OK) {
        fprintf(stderr, "web_bench: %s\n", error.text);
        exit(3);
    }
    memset(ours, 0, sizeof *ours);
    memset(theirs, 0, sizeof *theirs);
    begin_side(ours, "muster", serve_muster);
    begin_side(theirs, "libwebsockets", serve_plain);
    const double ours_bytes = connection_bytes(ours);
    print_beside("tls_connection_memory", "B", ours_bytes, connection_bytes(theirs));
    end_side(ours);
    end_side(theirs);
    http_certificate_destroy(certificate);
}

int main(void)
{
    static struct side ours;
    static struct side theirs;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    begin_side(&ours, "muster", serve_muster);
    begin_side(&theirs, "libwebsockets", serve_plain);
    open_clients(&ours);
    open_clients(&theirs);
    compare_servers(&ours, &theirs);
    print_beside("connection_memory", "B",
        (double)(ours.full_bytes - ours.empty_bytes) / CLIENT_COUNT,
        (double)(theirs.full_bytes - theirs.empty_bytes) / CLIENT_COUNT);
    stall_one(&ours);
    end_side(&ours);
    end_side(&theirs);
    compare_tls(&ours, &theirs);
    return EXIT_SUCCESS;
}
