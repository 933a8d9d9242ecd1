// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // shutdown()

#include "drivers/linux/socket_address.h"
#include "muster/client_driver.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "drivers_client/login_answers.h"

#define LONG_NAME 64u // no part of a name may be so long, so nobody is asked for it

// A server for one login.
struct server {
    char name[64];      // for muster_client_login_def
    const char *answer; // NULL: none
    bool must_hold;     // keeps the connection open until the client gives up
    char asked[8192];
    int file;
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct server *server = argument;
    const int client = accept(server->file, NULL, NULL);
    size_t length = 0;
    // Head and body come one right behind the other; the body is one JSON object.
    while (strstr(server->asked, "}") == NULL) {
        const ssize_t got =
            recv(client, server->asked + length, sizeof server->asked - 1 - length, 0);
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    if (server->answer != NULL) {
        (void)!send(client, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    }
    if (server->must_hold) {
        char byte;
        (void)!recv(client, &byte, 1, 0);
    }
    close(client);
    return NULL;
}

static void server_start(struct server *server, const char *answer)
{
    muster_address address;
    union socket_address name;
    assert_int_equal(muster_address_parse("127.0.0.1:0", &address), MUSTER_OK);
    socklen_t length = socket_address_write(&address, AF_INET, &name);
    server->answer = answer;
    server->file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->file, &name.any, length), 0);
    assert_int_equal(listen(server->file, 1), 0);
    assert_int_equal(getsockname(server->file, &name.any, &length), 0);
    address = socket_address_read(&name);
    muster_address_print(&address, server->name);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_finish(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    close(server->file);
}

static muster_client_ticket ticket;
static muster_client_error error;
static struct server server;
static char answer[ANSWER_BYTES + 256];

static int reset(void **state)
{
    (void)state;
    char body[ANSWER_BYTES];
    answer_good(body);
    snprintf(answer, sizeof answer, "HTTP/1.1 201 Created\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    server = (struct server){0};
    memset(&ticket, 0xAA, sizeof ticket);
    memset(&error, 0xAA, sizeof error);
    return 0;
}

// A failure leaves no ticket and says something.
static void assert_fails(const muster_client_login_def *def, muster_status status)
{
    const muster_client_ticket none = {0};
    assert_int_equal(muster_client_login_ask(def, &ticket, &error), status);
    assert_memory_equal(&ticket, &none, sizeof none);
    assert_string_not_equal(error.text, "");
}

static void assert_answer_fails(const char *text, muster_status status)
{
    server_start(&server, text);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server.name;
    assert_fails(&def, status);
    server_finish(&server);
}

static void a_guest_is_let_in(void **state)
{
    (void)state;
    server_start(&server, answer);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server.name;
    assert_int_equal(muster_client_login_ask(&def, &ticket, &error), MUSTER_OK);
    server_finish(&server);
    assert_string_equal(ticket.player_id, ANSWER_ID);
    assert_string_equal(error.text, "");
    assert_non_null(strstr(server.asked, "POST /v1/sessions HTTP/1.1\r\n"));
    assert_non_null(strstr(server.asked, "\r\n\r\n{}"));
    assert_null(strstr(server.asked, "Authorization"));
}

static void a_player_is_let_in_by_key(void **state)
{
    (void)state;
    server_start(&server, answer);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server.name;
    def.api_key = "a1b2";
    def.name = "Zo\xC3\xAB \"z\"";
    def.player_id = ANSWER_ID;
    def.party_id = 7;
    def.tier = 3;
    assert_int_equal(muster_client_login_ask(&def, &ticket, &error), MUSTER_OK);
    server_finish(&server);
    assert_non_null(strstr(server.asked, "\r\nAuthorization: Bearer a1b2\r\n"));
    assert_non_null(
        strstr(server.asked, "{\"name\":\"Zo\xC3\xAB \\\"z\\\"\",\"player_id\":\"" ANSWER_ID
                             "\",\"party_id\":7,\"tier\":3}"));
}

static void a_server_may_be_called_by_name(void **state)
{
    (void)state;
    server_start(&server, answer);
    char name[64];
    snprintf(name, sizeof name, "localhost%s", strchr(server.name, ':'));
    muster_client_login_def def = muster_client_login_default_def();
    def.server = name;
    assert_int_equal(muster_client_login_ask(&def, &ticket, &error), MUSTER_OK);
    assert_string_equal(error.text, "");
    server_finish(&server);
}

static void a_refused_login_says_why(void **state)
{
    (void)state;
    assert_answer_fails("HTTP/1.1 429 Too Many Requests\r\n\r\n"
                        "{\"error\":\"rate\",\"message\":\"Too many.\"}",
        MUSTER_ERR_DENIED);
    assert_int_equal(error.http_status, 429);
    assert_string_equal(error.code, "rate");
    assert_non_null(strstr(error.text, "Too many."));
}

static void an_answer_of_another_program_is_malformed(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\n\r\n<html></html>",
        "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n<html></html>",
        "HTTP/1.1 201 Created\r\n\r\n{\"token\":\"\"}",
        "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        reset(state);
        assert_answer_fails(answers[i], MUSTER_ERR_MALFORMED);
    }
}

static void an_answer_without_end_is_malformed(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "HTTP/1.1 201 Created\r\n\r\n", 24);
    assert_answer_fails(text, MUSTER_ERR_MALFORMED);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    server.must_hold = true;
    server_start(&server, NULL);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server.name;
    def.timeout_ms = 30;
    assert_fails(&def, MUSTER_ERR_TIMED_OUT);
    server_finish(&server);
}

static void a_dead_server_is_named(void **state)
{
    (void)state;
    server_start(&server, answer);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server.name;
    assert_int_equal(muster_client_login_ask(&def, &ticket, &error), MUSTER_OK);
    server_finish(&server);
    assert_fails(&def, MUSTER_ERR_IO);
    assert_non_null(strstr(error.text, server.name));
}

static void a_host_that_does_not_exist_is_named(void **state)
{
    (void)state;
    char name[LONG_NAME + 1];
    memset(name, 'x', LONG_NAME);
    name[LONG_NAME] = '\0';
    muster_client_login_def def = muster_client_login_default_def();
    def.server = name;
    assert_fails(&def, MUSTER_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, name));
}

static void what_cannot_be_asked_for_is_invalid(void **state)
{
    (void)state;
    static char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    static const char *const servers[] = {
        "", ":7777", "host:", "host:0", "host:65536", "host:7777x", "host:123456", "a:b:c"};
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        muster_client_login_def def = muster_client_login_default_def();
        def.server = servers[i];
        assert_fails(&def, MUSTER_ERR_INVALID);
    }
    muster_client_login_def defs[6];
    for (uint32_t i = 0; i < 6; i++) {
        defs[i] = muster_client_login_default_def();
    }
    defs[0].timeout_ms = 0;
    defs[1].name = "\xFF";
    defs[2].name = long_text;
    defs[3].party_id = UINT64_MAX;
    defs[4].api_key = "a\r\nX: y";
    defs[5].api_key = long_text;
    for (uint32_t i = 0; i < 6; i++) {
        assert_fails(&defs[i], MUSTER_ERR_INVALID);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_guest_is_let_in, reset),
        cmocka_unit_test_setup(a_player_is_let_in_by_key, reset),
        cmocka_unit_test_setup(a_server_may_be_called_by_name, reset),
        cmocka_unit_test_setup(a_refused_login_says_why, reset),
        cmocka_unit_test_setup(an_answer_of_another_program_is_malformed, reset),
        cmocka_unit_test_setup(an_answer_without_end_is_malformed, reset),
        cmocka_unit_test_setup(a_server_that_says_nothing_is_given_up, reset),
        cmocka_unit_test_setup(a_dead_server_is_named, reset),
        cmocka_unit_test_setup(a_host_that_does_not_exist_is_named, reset),
        cmocka_unit_test_setup(what_cannot_be_asked_for_is_invalid, reset),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
