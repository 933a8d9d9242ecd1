// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // mkdtemp()

#include "drivers/clock.h"
#include "drivers/http_certificate.h"
#include "drivers/http_server.h"
#include "drivers/linux/socket_address.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// Certificates are made by the openssl command, as an operator would, in a folder that goes at the
// end. Clients are OpenSSL's.

#define ROOM_BYTES   400000u
#define BIG_BYTES    300000u
#define TIMEOUT_S    20
#define DAY_S        86400u
#define MESSAGE      "hello over there"
#define SECOND_US    1000000u
#define LOADER_COUNT 2u
#define ROUND_COUNT  40u
#define MANY_COUNT   4000u
#define MANY_BYTES   1000u
#define QUEUE_COUNT  16u

static char folder[64];

static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

// A path in the folder, good until the fourth next call.
static const char *at(const char *name)
{
    static char paths[4][128];
    static uint32_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void make(const char *name, const char *key_kind, const char *options)
{
    run("cd %s && openssl req -x509 -newkey %s -nodes -keyout %s.key -out %s.pem -subj /CN=%s "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 %s 2>>log",
        folder, key_kind, name, name, name, options);
}

#define EC "ec -pkeyopt ec_paramgen_curve:P-256"

static int make_all(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/muster_tls_XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    make("good", EC, "-days 30");
    make("other", EC, "-days 30");
    make("rsa", "rsa:2048", "-days 30");
    make("weak", "rsa:512", "-days 30");
    make("locked", EC, "-days 30");
    run("cd %s && openssl ec -in locked.key -aes128 -passout pass:secret -out locked.key.2 "
        "2>>log && mv locked.key.2 locked.key",
        folder);
    run("cd %s && cat good.pem other.pem > chain.pem && cat good.key good.pem > both.pem", folder);
    run("cd %s && echo garbage > garbage.pem && head -c 200 good.pem > cut.pem", folder);
    run("cd %s && (cat good.pem; echo -----BEGIN CERTIFICATE-----; echo AAAA; "
        "echo -----END CERTIFICATE-----) > badchain.pem",
        folder);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    run("rm -r %s", folder);
    return 0;
}

static struct http_certificate *load(const char *pem, const char *key)
{
    struct http_certificate *certificate = NULL;
    struct driver_error error = {0};
    if (http_certificate_load(at(pem), at(key), clock_unix_seconds(), &certificate, &error) !=
        MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    return certificate;
}

static void fingerprint_of(const char *pem, char room[HTTP_FINGERPRINT_BYTES])
{
    char command[256];
    (void)snprintf(
        command, sizeof command, "openssl x509 -in %s -noout -fingerprint -sha256", at(pem));
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    char line[256] = "";
    assert_non_null(fgets(line, sizeof line, pipe));
    assert_int_equal(pclose(pipe), 0);
    const char *text = strchr(line, '=');
    assert_non_null(text);
    (void)snprintf(room, HTTP_FINGERPRINT_BYTES, "%.95s", text + 1);
}

// Certificates.

static void a_certificate_is_read_with_its_key(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"good.pem", "good.key"}, {"rsa.pem", "rsa.key"},
        {"chain.pem", "good.key"}, {"both.pem", "both.pem"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct http_certificate *certificate = load(pairs[i][0], pairs[i][1]);
        const struct http_certificate_facts *facts = http_certificate_facts(certificate);
        char fingerprint[HTTP_FINGERPRINT_BYTES];
        fingerprint_of(pairs[i][0], fingerprint);
        assert_string_equal(facts->fingerprint, fingerprint);
        const uint64_t left_s = facts->expires_unix_s - clock_unix_seconds();
        assert_in_range(left_s, 30 * DAY_S - 120, 30 * DAY_S);
        http_certificate_destroy(certificate);
    }
}

static void what_cannot_be_used_is_refused_with_file_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *pem;
        const char *key;
        muster_status status;
        int code;
        const char *file;
        const char *word;
    } cases[] = {
        {"missing.pem", "good.key", MUSTER_ERR_IO, ENOENT, "missing.pem", "cannot be read"},
        {"good.pem", "missing.key", MUSTER_ERR_IO, ENOENT, "missing.key", "cannot be read"},
        {"", "good.key", MUSTER_ERR_IO, EISDIR, "", "cannot be read"},
        {"garbage.pem", "good.key", MUSTER_ERR_MALFORMED, 0, "garbage.pem", "no certificate"},
        {"good.pem", "garbage.pem", MUSTER_ERR_MALFORMED, 0, "garbage.pem", "no key"},
        {"cut.pem", "good.key", MUSTER_ERR_MALFORMED, 0, "cut.pem", "no certificate"},
        {"badchain.pem", "good.key", MUSTER_ERR_MALFORMED, 0, "badchain.pem", "no certificate"},
        {"good.key", "good.key", MUSTER_ERR_MALFORMED, 0, "good.key", "no certificate"},
        {"good.pem", "good.pem", MUSTER_ERR_MALFORMED, 0, "good.pem", "no key"},
        {"locked.pem", "locked.key", MUSTER_ERR_MALFORMED, 0, "locked.key", "password"},
        {"good.pem", "other.key", MUSTER_ERR_INVALID, 0, "other.key", "does not belong"},
        {"good.pem", "rsa.key", MUSTER_ERR_INVALID, 0, "rsa.key", "does not belong"},
        {"weak.pem", "weak.key", MUSTER_ERR_INVALID, 0, "weak.pem", "cannot be used"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_certificate *certificate;
        struct driver_error error = {0};
        const muster_status status = http_certificate_load(
            at(cases[i].pem), at(cases[i].key), clock_unix_seconds(), &certificate, &error);
        assert_int_equal(status, cases[i].status);
        assert_null(certificate);
        assert_int_equal(error.code, cases[i].code);
        if (strstr(error.text, cases[i].file) == NULL ||
            strstr(error.text, cases[i].word) == NULL) {
            fail_msg("case %zu: %s", i, error.text);
        }
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void a_certificate_is_good_in_its_time_alone(void **state)
{
    (void)state;
    struct http_certificate *certificate = load("good.pem", "good.key");
    const struct http_certificate_facts facts = *http_certificate_facts(certificate);
    http_certificate_destroy(certificate);
    const uint64_t times[] = {facts.begins_unix_s - 1, facts.begins_unix_s,
        facts.expires_unix_s - 1, facts.expires_unix_s};
    static const char *const words[] = {"begins only on 20", NULL, NULL, "expired on 20"};
    for (size_t i = 0; i < 4; i++) {
        struct driver_error error = {0};
        const muster_status status =
            http_certificate_load(at("good.pem"), at("good.key"), times[i], &certificate, &error);
        assert_int_equal(status, words[i] == NULL ? MUSTER_OK : MUSTER_ERR_INVALID);
        assert_true(words[i] == NULL || strstr(error.text, words[i]) != NULL);
        http_certificate_destroy(certificate);
    }
}

static uint32_t read_text(const char *name, char *room, uint32_t room_bytes)
{
    FILE *file = fopen(at(name), "rbe");
    assert_non_null(file);
    const size_t length = fread(room, 1, room_bytes, file);
    (void)fclose(file);
    return (uint32_t)length;
}

static void every_cut_of_a_certificate_in_memory_is_refused(void **state)
{
    (void)state;
    char pem[4096];
    char key[4096];
    const uint32_t pem_bytes = read_text("good.pem", pem, sizeof pem);
    const uint32_t key_bytes = read_text("good.key", key, sizeof key);
    struct http_certificate *certificate;
    const uint64_t now_s = clock_unix_seconds();
    // Without its line end it is whole.
    for (uint32_t length = 0; length < pem_bytes - 1; length++) {
        assert_int_equal(
            http_certificate_read(pem, length, key, key_bytes, now_s, &certificate, NULL),
            MUSTER_ERR_MALFORMED);
    }
    for (uint32_t length = 0; length < key_bytes - 1; length++) {
        assert_int_equal(
            http_certificate_read(pem, pem_bytes, key, length, now_s, &certificate, NULL),
            MUSTER_ERR_MALFORMED);
    }
    assert_int_equal(
        http_certificate_read(pem, pem_bytes, key, key_bytes, now_s, &certificate, NULL),
        MUSTER_OK);
    http_certificate_destroy(certificate);
}

static void a_certificate_is_made_for_its_names(void **state)
{
    (void)state;
    static const char *const names[] = {"localhost", "", "play.example.org", "127.0.0.1", "::1"};
    static const char *const bad[] = {"a b", "a,DNS:evil", "a:b", "a\n"};
    struct http_certificate *certificate;
    struct http_certificate *second;
    const uint64_t now_s = clock_unix_seconds();
    assert_int_equal(http_certificate_make(names, 5, now_s, &certificate, NULL), MUSTER_OK);
    assert_int_equal(http_certificate_make(NULL, 0, now_s, &second, NULL), MUSTER_OK);
    const struct http_certificate_facts *facts = http_certificate_facts(certificate);
    assert_true(facts->begins_unix_s < now_s);
    assert_int_equal(facts->expires_unix_s, now_s + HTTP_CERTIFICATE_DAYS * DAY_S);
    assert_string_not_equal(facts->fingerprint, http_certificate_facts(second)->fingerprint);
    http_certificate_destroy(certificate);
    http_certificate_destroy(second);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            http_certificate_make(&bad[i], 1, now_s, &certificate, NULL), MUSTER_ERR_INVALID);
    }
}

// A server and its clients.

static void answer_hello(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    char text[64];
    (void)snprintf(text, sizeof text, "hello family %d", request->peer.family);
    http_respond(response, 200, "text/plain", text);
}

static void answer_echo(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    memcpy(response->room, request->body, request->body_bytes);
    response->status = 200;
    response->body_bytes = request->body_bytes;
}

static void answer_big(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    memset(response->room, 'b', BIG_BYTES);
    response->status = 200;
    response->body_bytes = BIG_BYTES;
}

// Never has an answer of its own.
static void answer_wait(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    if (request->is_last_call) {
        http_respond(response, 200, "text/plain", "waited");
    }
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", answer_hello, NULL, false},
    {HTTP_POST, "/echo", answer_echo, NULL, false},
    {HTTP_GET, "/big", answer_big, NULL, false},
    {HTTP_GET, "/wait", answer_wait, NULL, true},
};

static struct http_server_def test_def(const struct http_certificate *certificate)
{
    struct http_server_def def = http_server_default_def();
    for (uint32_t i = 0; i < 2; i++) {
        def.listeners[i] = (struct http_listener_def){
            .address = {.family = MUSTER_ADDRESS_IPV4, .ip = {127, 0, 0, 1}},
            .routes = routes,
            .route_count = sizeof routes / sizeof routes[0],
            .has_tls = i == 0,
        };
    }
    def.listener_count = 2;
    def.certificate = certificate;
    def.connection_count_max = 16;
    def.address_connection_count_max = 16;
    def.strict_transport_s = 1000;
    def.sockets.path = "/v1/connect";
    def.sockets.subprotocol = "muster.1";
    def.sockets.count_max = 4;
    return def;
}

static struct http_server *start(const char *name)
{
    char pem[32];
    char key[32];
    (void)snprintf(pem, sizeof pem, "%s.pem", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    struct http_certificate *certificate = load(pem, key);
    const struct http_server_def def = test_def(certificate);
    struct http_server *server = NULL;
    struct driver_error error = {0};
    if (http_server_start(&def, &server, &error) != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    http_certificate_destroy(certificate);
    return server;
}

static int connect_to(const struct http_server *server, uint32_t listener_index)
{
    const muster_address address = http_server_address(server, listener_index);
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    assert_true(file >= 0);
    assert_int_equal(setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
    assert_int_equal(connect(file, &name.any, length), 0);
    return file;
}

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int file;
};

// Shakes hands, trusting one certificate. Returns whether that worked.
static bool shake_hands(struct tls_client *client,
    const struct http_server *server,
    const char *trusted,
    int version_max)
{
    client->context = SSL_CTX_new(TLS_client_method());
    client->file = connect_to(server, 0);
    assert_non_null(client->context);
    if (trusted != NULL) {
        SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
        assert_int_equal(SSL_CTX_load_verify_file(client->context, at(trusted)), 1);
    }
    assert_int_equal(SSL_CTX_set_max_proto_version(client->context, version_max), 1);
    client->ssl = SSL_new(client->context);
    assert_int_equal(SSL_set_fd(client->ssl, client->file), 1);
    const bool is_done = SSL_connect(client->ssl) == 1;
    ERR_clear_error();
    return is_done;
}

static void hang_up(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->file);
    ERR_clear_error();
}

static void send_text(struct tls_client *client, const char *text)
{
    const int length = (int)strlen(text);
    assert_int_equal(SSL_write(client->ssl, text, length), length);
}

// Reads to the end.
static uint32_t read_all(struct tls_client *client, char *room)
{
    uint32_t length = 0;
    int got;
    while ((got = SSL_read(client->ssl, room + length, (int)(ROOM_BYTES - 1 - length))) > 0) {
        length += (uint32_t)got;
    }
    room[length] = '\0';
    ERR_clear_error();
    return length;
}

// One request over TLS. Returns whether the handshake worked.
static bool ask(
    const struct http_server *server, const char *trusted, const char *request, char *room)
{
    struct tls_client client;
    const bool is_done = shake_hands(&client, server, trusted, TLS1_3_VERSION);
    if (is_done) {
        send_text(&client, request);
        (void)read_all(&client, room);
    }
    hang_up(&client);
    return is_done;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void https_is_answered(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct http_server *server = start("good");
    assert_true(ask(server, "good.pem", GET("/hello"), room));
    assert_memory_equal(room, "HTTP/1.1 200", 12);
    assert_non_null(strstr(room, "strict-transport-security: max-age=1000\r\n"));
    assert_non_null(strstr(room, "\r\n\r\nhello family 4"));
    assert_true(ask(server, "good.pem",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde", room));
    assert_non_null(strstr(room, "\r\n\r\nabcde"));
    assert_true(ask(server, "good.pem", GET("/big"), room));
    const char *body = strstr(room, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strspn(body + 4, "b"), BIG_BYTES);
    assert_false(ask(server, "other.pem", GET("/hello"), room));
    http_server_stop(server);
}

static void any_kind_of_certificate_serves(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct http_server *server = start("rsa");
    assert_true(ask(server, "rsa.pem", GET("/hello"), room));
    http_server_stop(server);
    static const char *const names[] = {"localhost"};
    struct http_certificate *certificate;
    assert_int_equal(
        http_certificate_make(names, 1, clock_unix_seconds(), &certificate, NULL), MUSTER_OK);
    const struct http_server_def def = test_def(certificate);
    assert_int_equal(http_server_start(&def, &server, NULL), MUSTER_OK);
    http_certificate_destroy(certificate);
    assert_true(ask(server, NULL, GET("/hello"), room));
    http_server_stop(server);
}

static void tls_1_2_is_refused(void **state)
{
    (void)state;
    struct http_server *server = start("good");
    struct tls_client client;
    assert_false(shake_hands(&client, server, "good.pem", TLS1_2_VERSION));
    hang_up(&client);
    http_server_stop(server);
}

// One request without TLS.
static void ask_plain(
    const struct http_server *server, uint32_t listener_index, const char *request, char *room)
{
    const int file = connect_to(server, listener_index);
    const ssize_t sent = send(file, request, strlen(request), MSG_NOSIGNAL);
    assert_int_equal(sent, strlen(request));
    size_t length = 0;
    ssize_t got;
    while ((got = recv(file, room + length, ROOM_BYTES - 1 - length, 0)) > 0) {
        length += (size_t)got;
    }
    room[length] = '\0';
    close(file);
}

#define UPGRADE_HEAD                                                                               \
    "GET /v1/connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"                       \
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                                          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: muster.1\r\n"
#define UPGRADE UPGRADE_HEAD "\r\n"

static void plain_http_on_a_port_with_tls_is_told_so(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    static const char *const requests[] = {GET("/hello"), GET("/v1/connect"), GET("/nowhere"),
        UPGRADE, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde"};
    struct http_server *server = start("good");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ask_plain(server, 0, requests[i], room);
        assert_non_null(strstr(room, " 400 Bad Request\r\n"));
        assert_non_null(strstr(room, "tls_required"));
        assert_null(strstr(room, "strict-transport"));
    }
    ask_plain(server, 1, GET("/hello"), room);
    assert_memory_equal(room, "HTTP/1.1 200", 12);
    assert_null(strstr(room, "strict-transport"));
    http_server_stop(server);
}

static void pages_that_came_without_tls_are_strangers(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
#define FROM(scheme)                                                                               \
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: " scheme "://localhost\r\n\r\n"
#define SOCKET_FROM(scheme) UPGRADE_HEAD "Origin: " scheme "://localhost\r\n\r\n"
    struct http_server *server = start("good");
    assert_true(ask(server, "good.pem", FROM("https"), room));
    assert_non_null(strstr(room, " 200 OK\r\n"));
    assert_true(ask(server, "good.pem", FROM("http"), room));
    assert_non_null(strstr(room, "wrong_host"));
    assert_true(ask(server, "good.pem", SOCKET_FROM("http"), room));
    assert_non_null(strstr(room, "foreign_origin"));
    ask_plain(server, 1, FROM("http"), room);
    assert_non_null(strstr(room, " 200 OK\r\n"));
    http_server_stop(server);
}

static uint64_t cpu_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * SECOND_US + (uint64_t)time.tv_nsec / 1000;
}

static void wait_for_open_count(const struct http_server *server, uint64_t wanted)
{
    const uint64_t deadline_us = clock_monotonic_us() + TIMEOUT_S * SECOND_US;
    while (http_server_read_stats(server).open_count != wanted) {
        assert_true(clock_monotonic_us() < deadline_us);
        clock_sleep_until_us(clock_monotonic_us() + 1000);
    }
}

static void what_comes_behind_a_waiting_request_costs_nothing(void **state)
{
    (void)state;
    struct http_server *server = start("good");
    struct tls_client client;
    assert_true(shake_hands(&client, server, "good.pem", TLS1_3_VERSION));
    send_text(&client, GET("/wait") "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                                    "Content-Length: 5\r\n\r\nabcde");
    send_text(&client, GET("/hello"));
    wait_for_open_count(server, 1);
    const uint64_t before_us = cpu_us();
    clock_sleep_until_us(clock_monotonic_us() + SECOND_US);
    assert_true(cpu_us() - before_us < SECOND_US / 4);
    assert_int_equal(shutdown(client.file, SHUT_WR), 0);
    wait_for_open_count(server, 0); // who has left is noticed, with words unread
    hang_up(&client);
    http_server_stop(server);
}

static void handshakes_that_do_not_end_are_ended(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    static const uint8_t begin[] = {0x16, 3, 1, 2, 0, 1};
    struct http_certificate *certificate = load("good.pem", "good.key");
    struct http_server_def def = test_def(certificate);
    def.idle_seconds_max = 1;
    struct http_server *server;
    assert_int_equal(http_server_start(&def, &server, NULL), MUSTER_OK);
    http_certificate_destroy(certificate);
    int files[16];
    for (uint32_t i = 0; i < 16; i++) {
        files[i] = connect_to(server, 0);
        if (i % 2 == 0) {
            assert_int_equal(send(files[i], begin, sizeof begin, MSG_NOSIGNAL), sizeof begin);
        }
    }
    wait_for_open_count(server, 16);
    const int refused = connect_to(server, 0);
    assert_true(recv(refused, room, 1, 0) <= 0);
    close(refused);
    wait_for_open_count(server, 0);
    for (uint32_t i = 0; i < 16; i++) {
        assert_true(recv(files[i], room, sizeof room, 0) <= 7); // at most an alert
        close(files[i]);
    }
    assert_true(ask(server, "good.pem", GET("/hello"), room));
    http_server_stop(server);
}

static void bytes_that_are_no_tls_do_no_harm(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct http_server *server = start("good");
    for (uint32_t i = 0; i < 64; i++) {
        uint8_t bytes[64];
        for (uint32_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = (uint8_t)(i * 37u + k * (i + 5u));
        }
        bytes[0] = (uint8_t)(i < 32 ? 0x16 : i - 32);
        const int file = connect_to(server, 0);
        (void)!send(file, bytes, sizeof bytes, MSG_NOSIGNAL);
        (void)shutdown(file, SHUT_WR);
        (void)!recv(file, room, sizeof room, 0);
        close(file);
    }
    wait_for_open_count(server, 0);
    assert_true(ask(server, "good.pem", GET("/hello"), room));
    http_server_stop(server);
}

// Sockets.

// A message that fits one short frame, with a mask of zeros.
static void send_message(struct tls_client *client, const char *text)
{
    uint8_t frame[128] = {0x82, (uint8_t)(0x80 | strlen(text))};
    memcpy(frame + 6, text, strlen(text));
    const int length = (int)(6 + strlen(text));
    assert_int_equal(SSL_write(client->ssl, frame, length), length);
}

static void read_exactly(struct tls_client *client, uint8_t *room, uint32_t length)
{
    for (uint32_t done = 0; done < length;) {
        const int got = SSL_read(client->ssl, room + done, (int)(length - done));
        assert_true(got > 0);
        done += (uint32_t)got;
    }
}

static void open_socket(struct tls_client *client, const struct http_server *server)
{
    assert_true(shake_hands(client, server, "good.pem", TLS1_3_VERSION));
    send_text(client, UPGRADE);
    char head[1024] = "";
    for (uint32_t length = 0; strstr(head, "\r\n\r\n") == NULL; length++) {
        read_exactly(client, (uint8_t *)head + length, 1);
    }
    assert_memory_equal(head, "HTTP/1.1 101", 12);
}

// Sends a message both ways. Returns the socket's number.
static uint32_t talk(struct tls_client *client, struct http_server *server)
{
    send_message(client, MESSAGE);
    struct http_socket_event event;
    const uint64_t deadline_us = clock_monotonic_us() + TIMEOUT_S * SECOND_US;
    do {
        assert_true(clock_monotonic_us() < deadline_us);
        if (!http_server_pop_socket_event(server, &event)) {
            clock_sleep_until_us(clock_monotonic_us() + 500);
        }
        assert_int_not_equal(event.type, HTTP_SOCKET_CLOSED);
    } while (event.type != HTTP_SOCKET_MESSAGE || event.bytes == NULL);
    assert_int_equal(event.length, strlen(MESSAGE));
    assert_memory_equal(event.bytes, MESSAGE, event.length);
    assert_int_equal(
        http_server_send_socket(server, event.number, event.bytes, event.length), MUSTER_OK);
    http_server_flush_sockets(server);
    uint8_t frame[2 + sizeof MESSAGE - 1];
    read_exactly(client, frame, sizeof frame);
    assert_memory_equal(frame + 2, MESSAGE, sizeof MESSAGE - 1);
    return event.number;
}

static void a_slow_reader_is_owed_little_over_tls(void **state)
{
    (void)state;
    struct http_server *server = start("good");
    struct tls_client client;
    open_socket(&client, server);
    const uint32_t number = talk(&client, server);
    for (uint32_t i = 0; i < MANY_COUNT; i++) {
        uint8_t message[MANY_BYTES] = {(uint8_t)(i >> 8), (uint8_t)i};
        while (http_server_send_socket(server, number, message, sizeof message) != MUSTER_OK) {
            http_server_flush_sockets(server);
            clock_sleep_until_us(clock_monotonic_us() + 1000);
        }
        http_server_flush_sockets(server);
    }
    const uint64_t deadline_us = clock_monotonic_us() + TIMEOUT_S * SECOND_US;
    struct http_socket_stats stats;
    do {
        assert_true(clock_monotonic_us() < deadline_us);
        clock_sleep_until_us(clock_monotonic_us() + 10000);
        stats = http_server_read_socket_stats(server);
    } while (stats.counts[HTTP_SOCKET_COUNT_SENT] + stats.counts[HTTP_SOCKET_COUNT_SENT_DROPPED] +
                 QUEUE_COUNT <
             MANY_COUNT);
    assert_true(stats.counts[HTTP_SOCKET_COUNT_SENT_DROPPED] > 0);
    uint32_t read_count = 0;
    uint32_t newest = 0;
    do {
        uint8_t frame[4 + MANY_BYTES];
        read_exactly(&client, frame, sizeof frame);
        assert_int_equal(frame[1], 126);
        const uint32_t value = (uint32_t)frame[4] << 8 | frame[5];
        assert_true(read_count == 0 || value > newest);
        newest = value;
        read_count++;
    } while (newest != MANY_COUNT - 1);
    assert_true(read_count < MANY_COUNT);
    hang_up(&client);
    http_server_stop(server);
}

// Another certificate.

static void another_certificate_is_for_those_who_come_later(void **state)
{
    (void)state;
    static char room[ROOM_BYTES];
    struct http_server *server = start("good");
    struct tls_client socket;
    struct tls_client slow;
    open_socket(&socket, server);
    assert_true(shake_hands(&slow, server, "good.pem", TLS1_3_VERSION));
    (void)talk(&socket, server);
    http_server_set_certificate(server, load("rsa.pem", "rsa.key"));
    http_server_set_certificate(server, load("other.pem", "other.key"));
    // The certificate is taken in the turn of the loop that the bell begins.
    const uint64_t deadline_us = clock_monotonic_us() + TIMEOUT_S * SECOND_US;
    while (!ask(server, "other.pem", GET("/hello"), room)) {
        assert_true(clock_monotonic_us() < deadline_us);
    }
    assert_memory_equal(room, "HTTP/1.1 200", 12);
    assert_false(ask(server, "good.pem", GET("/hello"), room));
    (void)talk(&socket, server);
    send_text(&slow, GET("/hello"));
    assert_true(read_all(&slow, room) > 0);
    assert_memory_equal(room, "HTTP/1.1 200", 12);
    hang_up(&slow);
    hang_up(&socket);
    http_server_stop(server);
}

struct loader {
    const struct http_server *server;
    uint32_t asked_count;
    uint32_t failed_count;
};

static void *load_server(void *argument)
{
    struct loader *loader = argument;
    char *room = malloc(ROOM_BYTES);
    for (uint32_t i = 0; i < ROUND_COUNT; i++) {
        const bool is_asked = ask(loader->server, NULL, GET("/big"), room);
        loader->asked_count++;
        loader->failed_count += is_asked && strlen(room) > BIG_BYTES ? 0 : 1;
    }
    free(room);
    return NULL;
}

static void certificates_change_under_load_and_nobody_is_lost(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"good.pem", "good.key"}, {"rsa.pem", "rsa.key"}, {"other.pem", "other.key"}};
    struct http_server *server = start("good");
    struct tls_client sockets[3];
    struct loader loaders[LOADER_COUNT];
    pthread_t threads[LOADER_COUNT];
    for (uint32_t i = 0; i < 3; i++) {
        open_socket(&sockets[i], server);
    }
    for (uint32_t i = 0; i < LOADER_COUNT; i++) {
        loaders[i] = (struct loader){.server = server};
        assert_int_equal(pthread_create(&threads[i], NULL, load_server, &loaders[i]), 0);
    }
    for (uint32_t i = 0; i < ROUND_COUNT; i++) {
        http_server_set_certificate(server, load(names[i % 3][0], names[i % 3][1]));
        (void)talk(&sockets[i % 3], server);
    }
    for (uint32_t i = 0; i < LOADER_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(loaders[i].asked_count, ROUND_COUNT);
        assert_int_equal(loaders[i].failed_count, 0);
    }
    for (uint32_t i = 0; i < 3; i++) {
        (void)talk(&sockets[i], server);
    }
    for (uint32_t i = 0; i < 3; i++) {
        hang_up(&sockets[i]);
    }
    http_server_set_certificate(server, load("good.pem", "good.key"));
    http_server_stop(server);
}

static void tls_without_a_certificate_is_refused(void **state)
{
    (void)state;
    const struct http_server_def def = test_def(NULL);
    struct http_server *server;
    assert_int_equal(http_server_start(&def, &server, NULL), MUSTER_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_read_with_its_key),
        cmocka_unit_test(what_cannot_be_used_is_refused_with_file_and_reason),
        cmocka_unit_test(a_certificate_is_good_in_its_time_alone),
        cmocka_unit_test(every_cut_of_a_certificate_in_memory_is_refused),
        cmocka_unit_test(a_certificate_is_made_for_its_names),
        cmocka_unit_test(https_is_answered),
        cmocka_unit_test(any_kind_of_certificate_serves),
        cmocka_unit_test(tls_1_2_is_refused),
        cmocka_unit_test(plain_http_on_a_port_with_tls_is_told_so),
        cmocka_unit_test(pages_that_came_without_tls_are_strangers),
        cmocka_unit_test(what_comes_behind_a_waiting_request_costs_nothing),
        cmocka_unit_test(handshakes_that_do_not_end_are_ended),
        cmocka_unit_test(bytes_that_are_no_tls_do_no_harm),
        cmocka_unit_test(a_slow_reader_is_owed_little_over_tls),
        cmocka_unit_test(another_certificate_is_for_those_who_come_later),
        cmocka_unit_test(certificates_change_under_load_and_nobody_is_lost),
        cmocka_unit_test(tls_without_a_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
