// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // memmem()

#include "drivers/http_server.h"

#include "drivers/clock.h"
#include "drivers/http_client.h"
#include "drivers/linux/socket_address.h"
#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 20000u
#define ROOM_BYTES 400000u
#define BIG_BYTES  300000u
#define BODY_BYTES 100000u

// What the handlers and the tests share.
static struct {
    _Atomic uint64_t later_id;     // the last request that /later left without an answer
    _Atomic uint64_t event_number; // what /events waits for
} shared;

static void answer_hello(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)request;
    http_respond(response, 200, "text/plain", context);
}

// Says back what came.
static void answer_echo(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    memcpy(response->room, request->body, request->body_bytes);
    response->status = 201;
    response->body_bytes = request->body_bytes;
    response->content_type = "application/octet-stream";
}

static void answer_details(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    char text[1024];
    const char *color = http_request_argument(request, "color");
    const char *colo = http_request_argument(request, "colo");
    (void)snprintf(text, sizeof text, "path=%s tail=%s color=%s colo=%s key=%s family=%d",
        request->path, request->tail, color != NULL ? color : "none", colo != NULL ? colo : "none",
        request->authorization, request->peer.family);
    http_respond(response, 200, "text/plain", text);
}

static void answer_big(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    for (uint32_t i = 0; i < BIG_BYTES; i++) {
        response->room[i] = (char)('a' + i % 23);
    }
    response->status = 200;
    response->body_bytes = BIG_BYTES;
}

static void answer_later(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)response;
    atomic_store(&shared.later_id, request->id);
}

static void answer_events(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    const char *after = http_request_argument(request, "after");
    const uint64_t number = atomic_load(&shared.event_number);
    if (number > strtoull(after != NULL ? after : "0", NULL, 10)) {
        char text[32];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        http_respond(response, 200, "text/plain", text);
    } else if (request->is_last_call) {
        http_respond(response, 200, "text/plain", "none");
    }
}

static void answer_nothing(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    response->status = request->path[0] == '/' ? 204 : 500;
}

// Says back what a browser shows on its own account, and adds headers.
static void answer_browser(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    char text[2048];
    (void)snprintf(text, sizeof text, "cookie=%s tag=%s token=%s", request->cookie,
        request->if_none_match, request->auth_token);
    http_respond(response, 200, "text/plain", text);
    http_add_header(response, "set-cookie:", "taste=bitter");
    if (request->if_none_match[0] != '\0') {
        http_add_header(response, "cache-control:", "no-cache");
    }
}

static char hello_public[] = "hello";
static char hello_admin[] = "admin";

static const struct http_route public_routes[] = {
    {HTTP_GET, "/hello", answer_hello, hello_public, false},
    {HTTP_POST, "/echo", answer_echo, NULL, false},
    {HTTP_PUT, "/echo", answer_echo, NULL, false},
    {HTTP_GET, "/details", answer_details, NULL, false},
    {HTTP_GET, "/v1/players/*", answer_details, NULL, false},
    {HTTP_GET, "/big", answer_big, NULL, false},
    {HTTP_GET, "/later", answer_later, NULL, false},
    {HTTP_GET, "/events", answer_events, NULL, true},
    {HTTP_GET, "/browser", answer_browser, NULL, false},
    {HTTP_DELETE, "/thing", answer_nothing, NULL, false},
};

static const struct http_route admin_routes[] = {
    {HTTP_GET, "/hello", answer_hello, hello_admin, false},
};

static const char *const public_hosts[] = {"play.example.org"};

static struct http_server_def test_def(void)
{
    struct http_server_def def = http_server_default_def();
    def.listener_count = 2;
    def.listeners[0] = (struct http_listener_def){
        .address = {.family = MUSTER_ADDRESS_IPV4, .ip = {127, 0, 0, 1}},
        .routes = public_routes,
        .route_count = sizeof public_routes / sizeof public_routes[0],
        .hosts = public_hosts,
        .host_count = 1,
    };
    def.listeners[1] = def.listeners[0];
    def.listeners[1].routes = admin_routes;
    def.listeners[1].route_count = 1;
    def.connection_count_max = 8;
    def.request_bytes_max = BODY_BYTES;
    def.producer_count = 1;
    def.producer_bytes = 4096;
    return def;
}

static struct http_server *start(const struct http_server_def *def)
{
    struct http_server *server;
    struct driver_error error = {0};
    if (http_server_start(def, &server, &error) != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    return server;
}

static int setup(void **state)
{
    memset(&shared, 0, sizeof shared);
    const struct http_server_def def = test_def();
    *state = start(&def);
    return 0;
}

static int teardown(void **state)
{
    http_server_stop(*state);
    return 0;
}

// Asks by the project's own client.
static struct http_client_response ask(struct http_server *server,
    const char *method,
    const char *path,
    const void *body,
    uint32_t body_bytes)
{
    static char room[ROOM_BYTES];
    const struct http_client_request request = {
        .server = http_server_address(server, 0),
        .method = method,
        .path = path,
        .authorization = "Bearer k3y",
        .body = body,
        .body_bytes = body_bytes,
        .timeout_ms = TIMEOUT_MS,
    };
    struct http_client_response response;
    struct driver_error error = {0};
    const muster_status status = http_client_send(&request, room, sizeof room, &response, &error);
    if (status != MUSTER_OK) {
        fail_msg("%s %s: %s %s", method, path, muster_status_name(status), error.text);
    }
    return response;
}

// A socket of a client that need not keep to any rule.
static int connect_raw(struct http_server *server, uint32_t listener_index)
{
    const muster_address address = http_server_address(server, listener_index);
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(connect(file, &name.any, length), 0);
    return file;
}

static void send_raw(int file, const char *text)
{
    // A server that has refused already may have closed: what it said is what counts.
    const ssize_t sent = send(file, text, strlen(text), MSG_NOSIGNAL);
    (void)sent;
}

// Reads until the server closes, or `until` has come.
static const char *read_raw(int file, const char *until)
{
    static char room[ROOM_BYTES];
    size_t length = 0;
    room[0] = '\0';
    while (until == NULL || strstr(room, until) == NULL) {
        struct pollfd poll_file = {.fd = file, .events = POLLIN};
        assert_int_equal(poll(&poll_file, 1, (int)TIMEOUT_MS), 1);
        const ssize_t got = recv(file, room + length, sizeof room - 1 - length, 0);
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
        room[length] = '\0';
    }
    return room;
}

// Sends one request as it is and checks that it is answered with `status` and `text`.
static void assert_raw(
    struct http_server *server, const char *request, const char *status, const char *text)
{
    const int file = connect_raw(server, 0);
    send_raw(file, request);
    const char *response = read_raw(file, text);
    if (strstr(response, status) == NULL || strstr(response, text) == NULL) {
        fail_msg("asked: %.200s\nanswered: %.400s", request, response);
    }
    close(file);
}

// Lets others run. What is waited for in a loop of these ends by the test's time limit if it never
// comes.
static void give_way(void)
{
    clock_sleep_until_us(clock_monotonic_us() + 500);
}

static void wait_until(const _Atomic uint64_t *value, uint64_t before)
{
    while (atomic_load(value) == before) {
        give_way();
    }
}

static void start_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    struct http_server_def bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = test_def();
    }
    bad[0].listener_count = 0;
    bad[1].listener_count = HTTP_LISTENER_COUNT_MAX + 1;
    bad[2].connection_count_max = 0;
    bad[3].connection_count_max = HTTP_CONNECTION_COUNT_MAX + 1;
    bad[4].request_bytes_max = (16u << 20) + 1;
    bad[5].response_bytes_max = 1023;
    bad[6].idle_seconds_max = 0;
    bad[7].body_ms_max = 0;
    bad[8].producer_bytes = 1000;
    bad[9].listeners[1].address.family = MUSTER_ADDRESS_NONE;
    bad[10].listeners[0].routes = NULL;
    bad[11].address_connection_count_max = 0;
    for (size_t i = 0; i < 12; i++) {
        struct http_server *server;
        assert_int_equal(http_server_start(&bad[i], &server, NULL), MUSTER_ERR_INVALID);
        assert_null(server);
    }
    http_server_stop(NULL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct http_server_def def = test_def();
    for (uint32_t count = 0; count <= 3; count++) {
        struct failing_heap heap = {.alloc_count_max = count};
        def.allocator = failing_heap_allocator(&heap);
        struct http_server *server;
        assert_int_equal(
            http_server_start(&def, &server, NULL), count < 3 ? MUSTER_ERR_NO_MEMORY : MUSTER_OK);
        http_server_stop(server);
        assert_int_equal(heap.bytes_live, 0);
    }
}

static void a_port_in_use_is_named(void **state)
{
    struct http_server_def def = test_def();
    def.listeners[1].address = http_server_address(*state, 0);
    struct http_server *second;
    struct driver_error error = {0};
    assert_int_equal(http_server_start(&def, &second, &error), MUSTER_ERR_IO);
    assert_null(second);
    assert_int_equal(error.code, EADDRINUSE);
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&def.listeners[1].address, text);
    assert_non_null(strstr(error.text, text));
}

static void what_a_browser_shows_by_itself_comes_through_and_headers_go_back(void **state)
{
    assert_raw(*state,
        "GET /browser HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Cookie: taste=sweet; other=1\r\nIf-None-Match: \"abc\"\r\nX-Auth-Token: t0ken\r\n\r\n",
        "200", "cookie=taste=sweet; other=1 tag=\"abc\" token=t0ken");
    const int file = connect_raw(*state, 0);
    send_raw(file, "GET /browser HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: x\r\n"
                   "Connection: close\r\n\r\n");
    const char *kept = read_raw(file, "token=");
    assert_non_null(strstr(kept, "set-cookie: taste=bitter\r\n"));
    assert_non_null(strstr(kept, "cache-control: no-cache\r\n"));
    assert_null(strstr(kept, "no-store"));
    close(file);
    // What is too long counts as not there, and nobody keeps an answer that does not say so.
    char request[2 * HTTP_COOKIE_BYTES_MAX];
    (void)snprintf(request, sizeof request,
        "GET /browser HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: %0*d\r\n\r\n",
        HTTP_COOKIE_BYTES_MAX, 7);
    assert_raw(*state, request, "cache-control: no-store\r\n", "cookie= tag= token=");
}

static void two_servers_live_side_by_side(void **state)
{
    const struct http_server_def def = test_def();
    struct http_server *second = start(&def);
    assert_string_equal(ask(second, "GET", "/hello", NULL, 0).body, "hello");
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
    http_server_stop(second);
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void each_listener_has_its_own_routes(void **state)
{
    const struct http_client_response response = ask(*state, "GET", "/hello", NULL, 0);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "hello");

    const int file = connect_raw(*state, 1);
    send_raw(file, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_non_null(strstr(read_raw(file, "admin"), "admin"));
    close(file);
}

static void a_body_arrives_whole_at_every_length(void **state)
{
    static char body[BODY_BYTES];
    for (uint32_t i = 0; i < BODY_BYTES; i++) {
        body[i] = (char)(i * 31 + i / 256);
    }
    const uint32_t lengths[] = {0, 1, 4095, 4096, 4097, 10000, 65536, BODY_BYTES};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int k = 0; k < 2; k++) {
            const struct http_client_response response =
                ask(*state, k == 0 ? "POST" : "PUT", "/echo", body, lengths[i]);
            assert_int_equal(response.status, 201);
            assert_int_equal(response.body_bytes, lengths[i]);
            assert_memory_equal(response.body, body, lengths[i]);
        }
    }
}

static void a_body_beyond_the_limit_is_refused(void **state)
{
    static char body[BODY_BYTES + 1];
    const struct http_client_response response = ask(*state, "POST", "/echo", body, BODY_BYTES + 1);
    assert_int_equal(response.status, 413);
    assert_non_null(strstr(response.body, "\"error\":\"too_long\""));
    assert_raw(*state,
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999\r\n\r\n",
        "413", "too_long");
}

static void a_long_response_arrives_whole(void **state)
{
    const struct http_client_response response = ask(*state, "GET", "/big", NULL, 0);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body_bytes, BIG_BYTES);
    for (uint32_t i = 0; i < BIG_BYTES; i++) {
        if (response.body[i] != (char)('a' + i % 23)) {
            fail_msg("byte %u", i);
        }
    }
}

static void a_request_is_given_with_its_details(void **state)
{
    struct http_client_response response =
        ask(*state, "GET", "/details?color=dark%20red&size=3", NULL, 0);
    assert_string_equal(
        response.body, "path=/details tail= color=dark red colo=none key=Bearer k3y family=4");
    response = ask(*state, "GET", "/v1/players/al%69ce/items", NULL, 0);
    assert_string_equal(response.body, "path=/v1/players/alice/items tail=alice/items color=none "
                                       "colo=none key=Bearer k3y family=4");
}

static void a_response_may_have_no_body(void **state)
{
    const struct http_client_response response = ask(*state, "DELETE", "/thing", NULL, 0);
    assert_int_equal(response.status, 204);
    assert_int_equal(response.body_bytes, 0);
}

static void a_connection_carries_one_request(void **state)
{
    const int file = connect_raw(*state, 0);
    send_raw(file, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const char *response = read_raw(file, NULL); // until it is closed
    assert_non_null(strstr(response, "HTTP/1.1 200"));
    assert_non_null(strstr(response, "connection: close\r\n"));
    close(file);
}

static void requests_behind_the_first_in_one_packet_hold_up_nobody(void **state)
{
#define GET    "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POST   "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd"
#define LOST   "POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd"
#define LATER  "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define BROKEN "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\na"
    static const char *const packets[] = {GET GET GET, GET POST, POST POST, POST GET, GET LOST,
        LOST POST, POST LOST POST, GET BROKEN, POST BROKEN, BROKEN, LATER POST, POST LATER,
        GET "\r\n", POST "abcd"};
#undef GET
#undef POST
#undef LOST
#undef LATER
#undef BROKEN
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        const int file = connect_raw(*state, 0);
        send_raw(file, packets[i]);
        (void)shutdown(file, SHUT_WR);
        // Asked while the first client is there, and after it has gone.
        assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
        close(file);
        assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
    }
}

static void another_protocol_is_refused(void **state)
{
    assert_raw(*state,
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        " 400 Bad Request", "bad_request");
    assert_raw(*state,
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        " 400 Bad Request", "bad_request");
    assert_int_equal(http_server_read_stats(*state).bad_count, 2);
}

static void what_is_not_there_is_refused_in_json(void **state)
{
    struct http_client_response response = ask(*state, "GET", "/nowhere", NULL, 0);
    assert_int_equal(response.status, 404);
    assert_string_equal(response.body,
        "{\"error\":\"not_found\",\"message\":\"There is nothing at this path.\"}\n");
    response = ask(*state, "POST", "/hello", "x", 1);
    assert_int_equal(response.status, 405);
    response = ask(*state, "PATCH", "/hello", NULL, 0);
    assert_int_equal(response.status, 405);
    assert_int_equal(http_server_read_stats(*state).bad_count, 3);
}

static void foreign_hosts_and_pages_are_refused(void **state)
{
    const char *const good[] = {"localhost", "LocalHost:80", "127.0.0.1:7777", "[::1]:7777",
        "[::1]", "play.example.org", "PLAY.example.org:443"};
    const char *const bad[] = {"evil.example.org", "play.example.org.evil.net", "localhost.evil",
        "127.0.0.1.evil", "", "[::1", "x"};
    char request[300];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        assert_raw(*state, request, "HTTP/1.1 200", "hello");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        assert_raw(*state, request, "HTTP/1.1 421", "wrong_host");
    }
    assert_raw(*state, "GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 421", "wrong_host");
    assert_raw(*state,
        "GET /hello HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1\r\n\r\n",
        "HTTP/1.1 200", "hello");
    assert_raw(*state,
        "GET /hello HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:2\r\n\r\n",
        "HTTP/1.1 421", "wrong_host");
    assert_raw(*state, "GET /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        "HTTP/1.1 421", "wrong_host");
}

static void bodies_of_unknown_length_are_refused(void **state)
{
    assert_raw(
        *state, "POST /echo HTTP/1.1\r\nHost: localhost\r\n\r\nabc", "411", "length_required");
    assert_raw(*state,
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "411", "length_required");
    assert_raw(*state, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "400", "bad_request");
    assert_raw(*state, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3x\r\n\r\nabc",
        "400", "bad_request");
    assert_raw(*state, "GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
        "400", "bad_request");
}

// Appends `count` times `piece` to a request for /details.
static void assert_long_raw(
    struct http_server *server, const char *head, uint32_t count, const char *status)
{
    static char request[60000];
    size_t length = (size_t)snprintf(request, sizeof request, "%s", head);
    memset(request + length, 'a', count);
    length += count;
    (void)snprintf(
        request + length, sizeof request - length, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const int file = connect_raw(server, 0);
    send_raw(file, request);
    const char *response = read_raw(file, NULL);
    // An empty answer is a connection that the library has closed.
    if (response[0] != '\0' && strstr(response, status) == NULL) {
        fail_msg("%u bytes: %.300s", count, response);
    }
    close(file);
}

static void long_paths_and_heads_are_refused(void **state)
{
    assert_long_raw(*state, "GET /details/", 300, "414");
    assert_long_raw(*state, "GET /details?color=", 2000, "414");
    assert_long_raw(*state, "GET /details?color=", 20000, "HTTP/1.1 4");
    // The server is as before.
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void rubbish_gets_nowhere(void **state)
{
    const char *const rubbish[] = {"\r\n\r\n\r\n", "BREW /pot HTCPCP/1.0\r\n\r\n", "GET\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/hello HTTP/9.9\r\n\r\n"};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        const int file = connect_raw(*state, 0);
        send_raw(file, rubbish[i]);
        (void)shutdown(file, SHUT_WR);
        const char *response = read_raw(file, NULL);
        assert_null(strstr(response, "HTTP/1.1 200"));
        close(file);
    }
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void a_request_cut_short_at_any_byte_harms_nobody(void **state)
{
    static const char request[] =
        "POST /echo?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabcdef";
    for (size_t length = 0; length < sizeof request - 1; length++) {
        const int file = connect_raw(*state, 0);
        assert_int_equal(send(file, request, length, MSG_NOSIGNAL), length);
        close(file);
    }
    // Every connection is seen and given back.
    struct http_server_stats stats;
    do {
        give_way();
        stats = http_server_read_stats(*state);
    } while (
        stats.connection_count + stats.refused_count < sizeof request - 1 || stats.open_count != 0);
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void connections_beyond_the_limit_are_closed(void **state)
{
    int files[8];
    for (int i = 0; i < 8; i++) {
        files[i] = connect_raw(*state, 0);
        send_raw(files[i], "GET /hello HTTP/1.1\r\n");
    }
    while (http_server_read_stats(*state).open_count != 8) {
        give_way();
    }
    const int ninth = connect_raw(*state, 0);
    assert_string_equal(read_raw(ninth, NULL), "");
    close(ninth);
    assert_int_equal(http_server_read_stats(*state).refused_count, 1);

    // The other port has connections of its own.
    const int admin = connect_raw(*state, 1);
    send_raw(admin, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_non_null(strstr(read_raw(admin, "admin"), "admin"));
    close(admin);

    for (int i = 0; i < 8; i++) {
        send_raw(files[i], "Host: localhost\r\n\r\n");
        assert_non_null(strstr(read_raw(files[i], "hello"), "hello"));
        close(files[i]);
    }
    while (http_server_read_stats(*state).open_count != 0) {
        give_way();
    }
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void one_address_cannot_hold_all_connections(void **state)
{
    (void)state;
    struct http_server_def def = test_def();
    def.address_connection_count_max = 3;
    struct http_server *server = start(&def);
    int files[3];
    for (int i = 0; i < 3; i++) {
        files[i] = connect_raw(server, 0);
        send_raw(files[i], "GET /hello HTTP/1.1\r\n");
    }
    while (http_server_read_stats(server).open_count != 3) {
        give_way();
    }
    const int fourth = connect_raw(server, 0);
    assert_string_equal(read_raw(fourth, NULL), "");
    close(fourth);
    assert_int_equal(http_server_read_stats(server).refused_count, 1);

    // Another address of this machine is let in.
    const muster_address address = http_server_address(server, 0);
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    const struct sockaddr_in other = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(file, (const struct sockaddr *)&other, sizeof other), 0);
    assert_int_equal(connect(file, &name.any, length), 0);
    send_raw(file, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_non_null(strstr(read_raw(file, "hello"), "hello"));
    close(file);
    for (int i = 0; i < 3; i++) {
        close(files[i]);
    }
    http_server_stop(server);
}

static void *answer_what_waits(void *argument)
{
    struct http_server *server = argument;
    wait_until(&shared.later_id, 0);
    const uint64_t id = atomic_load(&shared.later_id);
    struct http_response response = {
        .status = 202,
        .content_type = "text/plain",
        .body = "for you",
        .body_bytes = 7,
    };
    // The same connection's next request, and a stranger's: both are passed over.
    assert_int_equal(http_server_answer(server, 0, id + (1u << 16), &response), MUSTER_OK);
    assert_int_equal(http_server_answer(server, 0, 12345, &response), MUSTER_OK);
    response.body = "at last";
    assert_int_equal(http_server_answer(server, 0, id, &response), MUSTER_OK);
    response.body = "too late";
    assert_int_equal(http_server_answer(server, 0, id, &response), MUSTER_OK);
    return NULL;
}

static void another_thread_may_answer(void **state)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_what_waits, *state), 0);
    const struct http_client_response response = ask(*state, "GET", "/later", NULL, 0);
    assert_int_equal(response.status, 202);
    assert_string_equal(response.body, "at last");
    assert_int_equal(pthread_join(thread, NULL), 0);

    static char body[4096];
    const struct http_response too_long = {
        .status = 200,
        .content_type = "text/plain",
        .body = body,
        .body_bytes = sizeof body,
    };
    assert_int_equal(http_server_answer(*state, 0, 1, &too_long), MUSTER_ERR_INVALID);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
    const int file = connect_raw(*state, 0);
    send_raw(file, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wait_until(&shared.later_id, 0);
    close(file);
    while (http_server_read_stats(*state).open_count != 0) {
        give_way();
    }
    const struct http_response response = {.status = 200, .content_type = "text/plain"};
    const uint64_t id = atomic_load(&shared.later_id);
    assert_int_equal(http_server_answer(*state, 0, id, &response), MUSTER_OK);
    assert_string_equal(ask(*state, "GET", "/hello", NULL, 0).body, "hello");
}

static void *raise_event(void *argument)
{
    struct http_server *server = argument;
    // Wakes without news are no answer.
    for (int i = 0; i < 20; i++) {
        http_server_wake(server);
        give_way();
    }
    atomic_store(&shared.event_number, 8);
    http_server_wake(server);
    return NULL;
}

static void a_long_poll_is_answered_when_there_is_news(void **state)
{
    atomic_store(&shared.event_number, 7);
    assert_string_equal(ask(*state, "GET", "/events?after=6", NULL, 0).body, "7");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, raise_event, *state), 0);
    assert_string_equal(ask(*state, "GET", "/events?after=7", NULL, 0).body, "8");
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void what_waits_too_long_is_ended(void **state)
{
    (void)state;
    memset(&shared, 0, sizeof shared);
    struct http_server_def def = test_def();
    def.answer_ms_max = 50;
    def.body_ms_max = 50;
    def.idle_seconds_max = 1;
    struct http_server *server = start(&def);
    struct http_client_response response = ask(server, "GET", "/later", NULL, 0);
    assert_int_equal(response.status, 504);
    assert_non_null(strstr(response.body, "no_answer"));
    assert_string_equal(ask(server, "GET", "/events?after=7", NULL, 0).body, "none");
    assert_raw(server, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 408", "timeout");

    // A head that never ends, and a connection that never asks.
    const int slow = connect_raw(server, 0);
    send_raw(slow, "GET /hello HTTP/1.1\r\nHost: loc");
    const int silent = connect_raw(server, 0);
    (void)read_raw(slow, NULL);
    (void)read_raw(silent, NULL);
    close(slow);
    close(silent);
    http_server_stop(server);
}

static void *stop_when_it_waits(void *argument)
{
    wait_until(&shared.later_id, 0);
    http_server_stop(argument);
    return NULL;
}

static void a_stop_answers_what_waits(void **state)
{
    (void)state;
    memset(&shared, 0, sizeof shared);
    const struct http_server_def def = test_def();
    struct http_server *server = start(&def);
    const int file = connect_raw(server, 0);
    const int idle = connect_raw(server, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_when_it_waits, server), 0);
    send_raw(file, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const char *response = read_raw(file, NULL);
    assert_non_null(strstr(response, "HTTP/1.1 503"));
    assert_non_null(strstr(response, "stopping"));
    assert_string_equal(read_raw(idle, NULL), "");
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(file);
    close(idle);
}

static void responses_carry_the_headers_that_keep_them_safe(void **state)
{
    const int file = connect_raw(*state, 0);
    send_raw(file, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const char *response = read_raw(file, "hello");
    assert_non_null(strstr(response, "x-content-type-options: nosniff\r\n"));
    assert_non_null(strstr(response, "cache-control: no-store\r\n"));
    assert_non_null(strstr(response, "content-length: 5\r\n"));
    assert_null(strstr(response, "server:"));
    close(file);
}

static void error_messages_are_escaped(void **state)
{
    (void)state;
    static char room[1024];
    struct http_response response = {.room = room, .room_bytes = sizeof room};
    http_respond_error(&response, 400, "bad", "a \"b\" \\ \n \xff");
    assert_memory_equal(response.body,
        "{\"error\":\"bad\",\"message\":\"a \\\"b\\\" \\\\ \\u000a \\u003f\"}\n",
        response.body_bytes);
    char message[2000];
    memset(message, '"', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    http_respond_error(&response, 400, "bad", message);
    assert_true(response.body_bytes < 500);
    assert_memory_equal(response.body + response.body_bytes - 5, "\\\"\"}\n", 5);
    http_respond(&response, 200, "text/plain", message);
    assert_int_equal(response.status, 500);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_refuses_a_definition_out_of_range),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_a_browser_shows_by_itself_comes_through_and_headers_go_back, setup, teardown),
        cmocka_unit_test_setup_teardown(two_servers_live_side_by_side, setup, teardown),
        cmocka_unit_test_setup_teardown(each_listener_has_its_own_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_arrives_whole_at_every_length, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_beyond_the_limit_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_response_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_is_given_with_its_details, setup, teardown),
        cmocka_unit_test_setup_teardown(a_response_may_have_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_carries_one_request, setup, teardown),
        cmocka_unit_test_setup_teardown(
            requests_behind_the_first_in_one_packet_hold_up_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(another_protocol_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_refused_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_hosts_and_pages_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_of_unknown_length_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(long_paths_and_heads_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rubbish_gets_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_request_cut_short_at_any_byte_harms_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_beyond_the_limit_are_closed, setup, teardown),
        cmocka_unit_test(one_address_cannot_hold_all_connections),
        cmocka_unit_test_setup_teardown(another_thread_may_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_long_poll_is_answered_when_there_is_news, setup, teardown),
        cmocka_unit_test(what_waits_too_long_is_ended),
        cmocka_unit_test(a_stop_answers_what_waits),
        cmocka_unit_test_setup_teardown(
            responses_carry_the_headers_that_keep_them_safe, setup, teardown),
        cmocka_unit_test(error_messages_are_escaped),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
