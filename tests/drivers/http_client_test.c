// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // shutdown()

#include "drivers/http_client.h"

#include "drivers/linux/socket_address.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_BYTES 4096u

static const char whole[] = "HTTP/1.1 201 Created\r\nX: y\r\nContent-Length:  5 \r\n\r\nhello";

// A server for one connection that answers `answer` whatever is asked.
struct server {
    muster_address address;
    const char *answer;
    bool must_hold;   // keeps the connection open until the client gives up
    char asked[8192]; // what the client sent
    int file;
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct server *server = argument;
    const int client = accept(server->file, NULL, NULL);
    size_t length = 0;
    // The request is whole when its head is and no more of its body is expected.
    while (strstr(server->asked, "\r\n\r\n") == NULL) {
        const ssize_t got =
            recv(client, server->asked + length, sizeof server->asked - 1 - length, 0);
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    // In two pieces, as a network may.
    const size_t answer_bytes = strlen(server->answer);
    (void)!send(client, server->answer, answer_bytes / 2, MSG_NOSIGNAL);
    (void)!send(
        client, server->answer + answer_bytes / 2, answer_bytes - answer_bytes / 2, MSG_NOSIGNAL);
    if (server->must_hold) {
        char byte;
        (void)!recv(client, &byte, 1, 0);
    }
    close(client);
    return NULL;
}

static void server_start(struct server *server, const char *answer)
{
    server->answer = answer;
    server->file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(muster_address_parse("127.0.0.1:0", &server->address), MUSTER_OK);
    union socket_address name;
    socklen_t length = socket_address_write(&server->address, AF_INET, &name);
    assert_int_equal(bind(server->file, &name.any, length), 0);
    assert_int_equal(listen(server->file, 1), 0);
    assert_int_equal(getsockname(server->file, &name.any, &length), 0);
    server->address = socket_address_read(&name);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_finish(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    close(server->file);
}

static struct http_client_request request_to(muster_address address)
{
    return (struct http_client_request){
        .server = address,
        .method = "POST",
        .path = "/v1/sessions",
        .timeout_ms = 10000,
    };
}

// Asks a server that answers `answer`, into a room of `room_bytes`.
static muster_status ask(const char *answer, uint32_t room_bytes, struct http_client_response *out)
{
    static char room[ROOM_BYTES];
    struct server server = {0};
    server_start(&server, answer);
    const struct http_client_request request = request_to(server.address);
    const muster_status status = http_client_send(&request, room, room_bytes, out, NULL);
    server_finish(&server);
    return status;
}

static void a_request_is_sent_as_it_is_given(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct server server = {0};
    server_start(&server, whole);
    struct http_client_request request = request_to(server.address);
    request.host = "play.example.org";
    request.authorization = "Bearer k3y";
    request.body = "{}";
    request.body_bytes = 2;
    struct http_client_response response;
    assert_int_equal(http_client_send(&request, room, sizeof room, &response, NULL), MUSTER_OK);
    assert_int_equal(response.status, 201);
    assert_string_equal(response.body, "hello");
    assert_int_equal(response.body_bytes, 5);
    server_finish(&server);
    static const char head[] = "POST /v1/sessions HTTP/1.1\r\nHost: play.example.org\r\n"
                               "Connection: close\r\nAuthorization: Bearer k3y\r\n"
                               "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n";
    assert_memory_equal(server.asked, head, sizeof head - 1);
}

static void responses_are_understood_or_refused(void **state)
{
    (void)state;
    struct http_client_response response;
    assert_int_equal(ask("HTTP/1.0 404 No\r\n\r\nall of this", ROOM_BYTES, &response), MUSTER_OK);
    assert_int_equal(response.status, 404);
    assert_string_equal(response.body, "all of this");
    assert_int_equal(ask("rubbish\r\n", ROOM_BYTES, &response), MUSTER_ERR_MALFORMED);
    assert_int_equal(response.status, 0);
    assert_int_equal(ask("", ROOM_BYTES, &response), MUSTER_ERR_MALFORMED);
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", ROOM_BYTES, &response),
        MUSTER_ERR_MALFORMED);
}

static void a_response_longer_than_the_room_is_refused(void **state)
{
    (void)state;
    char answer[600];
    (void)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n%500d", 7);
    struct http_client_response response;
    assert_int_equal(ask(answer, 400, &response), MUSTER_ERR_FULL);
    assert_int_equal(response.body_bytes, 0);
    assert_int_equal(ask(answer, 600, &response), MUSTER_OK);
    assert_int_equal(response.body_bytes, 500);
}

static void nobody_there_is_told(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct server server = {0};
    server_start(&server, whole);
    struct http_client_request request = request_to(server.address);
    struct http_client_response response;
    struct driver_error error;
    assert_int_equal(http_client_send(&request, room, sizeof room, &response, NULL), MUSTER_OK);
    server_finish(&server); // nobody listens any longer
    assert_int_equal(
        http_client_send(&request, room, sizeof room, &response, &error), MUSTER_ERR_IO);
    assert_int_equal(error.code, ECONNREFUSED);
    assert_non_null(strstr(error.text, "127.0.0.1"));
}

static void an_answer_that_never_comes_is_not_waited_for(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct server server = {.must_hold = true};
    server_start(&server, "HTTP/1.1 200 OK\r\nContent-Le");
    struct http_client_request request = request_to(server.address);
    request.timeout_ms = 30;
    struct http_client_response response;
    struct driver_error error;
    assert_int_equal(
        http_client_send(&request, room, sizeof room, &response, &error), MUSTER_ERR_IO);
    assert_int_equal(error.code, ETIMEDOUT);
    server_finish(&server);
}

static void what_is_no_request_is_invalid(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    static char long_path[4000];
    memset(long_path, '/', sizeof long_path - 1);
    struct http_client_request good = {.method = "GET", .path = "/", .timeout_ms = 1};
    assert_int_equal(muster_address_parse("127.0.0.1:1", &good.server), MUSTER_OK);
    struct http_client_request bad[9];
    for (size_t i = 0; i < 9; i++) {
        bad[i] = good;
    }
    bad[0].server.family = MUSTER_ADDRESS_NONE;
    bad[1].method = NULL;
    bad[2].path = "no/slash";
    bad[3].path = "/a\r\nX: injected";
    bad[4].authorization = "a\nb";
    bad[5].timeout_ms = 0;
    bad[6].body_bytes = 1;
    bad[7].path = long_path;
    bad[8].host = "a\rb";
    struct http_client_response response;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(
            http_client_send(&bad[i], room, sizeof room, &response, NULL), MUSTER_ERR_INVALID);
    }
    assert_int_equal(http_client_send(&good, room, 255, &response, NULL), MUSTER_ERR_INVALID);
}

static enum http_parse parse(const char *text, bool is_end)
{
    struct http_parsed_response parsed;
    return http_response_parse(text, (uint32_t)strlen(text), is_end, &parsed);
}

static void a_response_cut_short_at_any_byte_is_not_whole(void **state)
{
    (void)state;
    struct http_parsed_response parsed;
    for (uint32_t length = 0; length < sizeof whole - 1; length++) {
        assert_int_equal(http_response_parse(whole, length, false, &parsed), HTTP_PARSE_MORE);
        assert_int_equal(http_response_parse(whole, length, true, &parsed), HTTP_PARSE_BAD);
    }
    assert_int_equal(http_response_parse(whole, sizeof whole - 1, false, &parsed), HTTP_PARSE_DONE);
    assert_int_equal(parsed.status, 201);
    assert_int_equal(parsed.body_bytes, 5);
}

static void heads_that_lie_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 199 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1_200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1234567890\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i], false), HTTP_PARSE_BAD);
        assert_int_equal(parse(bad[i], true), HTTP_PARSE_BAD);
    }
    assert_int_equal(
        parse("HTTP/1.1 200\r\ncontent-length:\t1\t\r\n\r\na", false), HTTP_PARSE_DONE);
    assert_int_equal(parse("HTTP/1.1 200\r\ncontent-lengths: 9\r\n\r\na", true), HTTP_PARSE_DONE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_sent_as_it_is_given),
        cmocka_unit_test(responses_are_understood_or_refused),
        cmocka_unit_test(a_response_longer_than_the_room_is_refused),
        cmocka_unit_test(nobody_there_is_told),
        cmocka_unit_test(an_answer_that_never_comes_is_not_waited_for),
        cmocka_unit_test(what_is_no_request_is_invalid),
        cmocka_unit_test(a_response_cut_short_at_any_byte_is_not_whole),
        cmocka_unit_test(heads_that_lie_are_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
