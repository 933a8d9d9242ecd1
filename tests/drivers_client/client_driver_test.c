// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // getsockname()

#include "muster/client_driver.h"

#include "drivers/clock.h"
#include "drivers/udp.h"
#include "harness/failing_heap.h"
#include "harness/packets.h"
#include "muster/netcode_server.h"
#include "muster/session.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>

// A driver against the server's end of netcode, both on sockets of this thread.

#define STEP_US     2000u
#define WAIT_US     20000000u
#define TIMEOUT_S   1 // of a server that says nothing
#define SERVERS_MAX 2u

struct scene {
    struct udp_socket *socket;
    muster_address address;
    muster_netcode_server *server; // NULL: says nothing
    struct packets in, out;
    muster_address client; // as the server saw it last
    uint32_t connected_count, left_count;
    uint64_t client_id; // of the last token
    muster_client_driver *driver;
    muster_client_error error;
};

static struct scene scene;

static muster_netcode_time time_now(void)
{
    return (muster_netcode_time){.steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
}

static struct udp_socket *open_socket(muster_address *out_address)
{
    const struct udp_def def = udp_default_def();
    struct udp_socket *socket;
    assert_int_equal(udp_open(&def, &socket, NULL), MUSTER_OK);
    *out_address = udp_local_address(socket);
    return socket;
}

// An address on which nobody listens.
static muster_address dead_address(void)
{
    muster_address address;
    udp_close(open_socket(&address));
    return address;
}

// A server that tokens know by an address, which is not that of its socket behind a relay.
static void start_server(muster_address known_as, uint32_t client_count_max)
{
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.client_count_max = client_count_max;
    def.address_count = 1;
    def.addresses[0] = known_as;
    memset(def.private_key, 0x11, sizeof def.private_key);
    assert_int_equal(muster_netcode_server_create(&def, &scene.server), MUSTER_OK);
}

static void start_driver(muster_address via)
{
    muster_client_driver_def def = muster_client_driver_default_def();
    def.via = via;
    assert_int_equal(muster_client_driver_create(&def, &scene.driver, &scene.error), MUSTER_OK);
    assert_string_equal(scene.error.text, "");
}

static int setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.socket = open_socket(&scene.address);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    muster_client_driver_destroy(scene.driver);
    muster_netcode_server_destroy(scene.server);
    udp_close(scene.socket);
    return 0;
}

static void make_token(const muster_address *servers,
    uint32_t server_count,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES])
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.client_id = ++scene.client_id;
    def.create_unix_s = clock_unix_seconds();
    def.expire_unix_s = def.create_unix_s + 60;
    def.timeout_s = TIMEOUT_S;
    def.address_count = server_count;
    memcpy(def.addresses, servers, server_count * sizeof servers[0]);
    memset(def.private_key, 0x11, sizeof def.private_key);
    memset(def.client_to_server_key, (int)scene.client_id, sizeof def.client_to_server_key);
    memset(def.server_to_client_key, (int)scene.client_id + 1, sizeof def.server_to_client_key);
    memset(def.nonce, (int)scene.client_id, sizeof def.nonce);
    assert_int_equal(muster_connect_token_write(&def, out_token), MUSTER_OK);
}

static void connect_to(const muster_address *servers, uint32_t server_count)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(servers, server_count, token);
    assert_int_equal(muster_client_driver_connect(scene.driver, token), MUSTER_OK);
}

static void serve(void)
{
    if (scene.server == NULL) {
        return;
    }
    muster_packet_batch *in = packets_reset(&scene.in);
    muster_packet_batch *out = packets_reset(&scene.out);
    const uint32_t count = udp_receive(scene.socket, in);
    for (uint32_t i = 0; i < count; i++) {
        muster_netcode_event event = {0};
        scene.client = in->packets[i].address;
        (void)!muster_netcode_server_receive(
            scene.server, time_now(), &in->packets[i], out, &event);
        scene.connected_count += event.type == MUSTER_NETCODE_EVENT_CONNECTED ? 1 : 0;
        scene.left_count += event.type == MUSTER_NETCODE_EVENT_DISCONNECTED ? 1 : 0;
    }
    muster_netcode_server_update(scene.server, time_now(), out);
    (void)udp_send(scene.socket, out, 0);
}

// Plays on until the client is in a state.
static void run_until(muster_client_state wanted)
{
    const uint64_t begin_us = clock_monotonic_us();
    while (muster_client_driver_run(scene.driver, STEP_US) != wanted) {
        serve();
        assert_true(clock_monotonic_us() - begin_us < WAIT_US);
    }
}

static uint16_t driver_port(void)
{
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    const int file = muster_client_driver_file(scene.driver);
    assert_int_equal(getsockname(file, (struct sockaddr *)&name, &length), 0);
    return ntohs(name.sin6_port);
}

static void a_client_reaches_its_server(void **state)
{
    (void)state;
    start_server(scene.address, 4);
    start_driver((muster_address){0});
    const uint16_t port = driver_port();
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    assert_int_equal(scene.client.port, port);
    assert_int_equal(muster_client_driver_failure(scene.driver, &scene.error), MUSTER_OK);
    assert_string_equal(scene.error.text, "");
    assert_int_equal(muster_client_driver_update(scene.driver), MUSTER_CLIENT_JOINING);
}

static void a_client_moves_on_to_the_next_server_of_its_token(void **state)
{
    (void)state;
    start_server(scene.address, 4);
    start_driver((muster_address){0});
    const uint16_t port = driver_port();
    const int file = muster_client_driver_file(scene.driver);
    const muster_address servers[SERVERS_MAX] = {dead_address(), scene.address};
    connect_to(servers, SERVERS_MAX);
    run_until(MUSTER_CLIENT_JOINING);
    assert_int_equal(scene.client.port, port);
    assert_int_equal(muster_client_driver_file(scene.driver), file);
}

static void a_client_that_connects_elsewhere_says_goodbye_from_the_same_port(void **state)
{
    (void)state;
    start_server(scene.address, 4);
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    const muster_address dead = dead_address();
    connect_to(&dead, 1);
    run_until(MUSTER_CLIENT_UNREACHABLE);
    assert_int_equal(scene.left_count, 1);
    assert_int_equal(scene.client.port, driver_port());
}

static void nobody_at_a_server_s_port_is_an_io_error(void **state)
{
    (void)state;
    start_driver((muster_address){0});
    const muster_address dead = dead_address();
    connect_to(&dead, 1);
    const uint64_t begin_us = clock_monotonic_us();
    assert_int_equal(muster_client_driver_run(scene.driver, WAIT_US), MUSTER_CLIENT_UNREACHABLE);
    assert_true(clock_monotonic_us() - begin_us < WAIT_US); // there is nothing to wait for
    assert_int_equal(muster_client_driver_failure(scene.driver, &scene.error), MUSTER_ERR_IO);
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&dead, address);
    assert_non_null(strstr(scene.error.text, address));
    assert_non_null(strstr(scene.error.text, "refused"));
}

static void a_server_that_says_nothing_is_a_time_out(void **state)
{
    (void)state;
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_UNREACHABLE);
    assert_int_equal(
        muster_client_driver_failure(scene.driver, &scene.error), MUSTER_ERR_TIMED_OUT);
    assert_non_null(strstr(scene.error.text, "no answer"));
}

static void a_full_server_says_so(void **state)
{
    (void)state;
    start_server(scene.address, 1);
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    muster_client_driver *first = scene.driver;
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_UNREACHABLE);
    assert_int_equal(muster_client_driver_failure(scene.driver, &scene.error), MUSTER_ERR_FULL);
    assert_non_null(strstr(scene.error.text, "full"));
    muster_client_driver_destroy(first);
}

// The server ends the connection, for a reason if there is one.
static void end_with(muster_close_reason reason, const char *text, const char *expected)
{
    teardown(NULL);
    setup(NULL);
    start_server(scene.address, 1);
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    muster_packet_batch *out = packets_reset(&scene.out);
    if (reason != MUSTER_CLOSE_NONE) {
        uint8_t *payload = out->packets[0].bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
        const uint32_t length = muster_session_write_close(reason, text, payload, 200);
        assert_int_equal(
            muster_netcode_server_seal(scene.server, 0, length, &out->packets[0]), MUSTER_OK);
        out->count = 1;
        assert_int_equal(udp_send(scene.socket, out, 0), 1);
    } else {
        assert_true(muster_netcode_server_disconnect(scene.server, 0));
    }
    run_until(MUSTER_CLIENT_CLOSED);
    assert_int_equal(muster_client_driver_failure(scene.driver, &scene.error), MUSTER_ERR_DENIED);
    if (strstr(scene.error.text, expected) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", expected, scene.error.text);
    }
}

static void a_server_that_ends_the_connection_says_why(void **state)
{
    (void)state;
    end_with(MUSTER_CLOSE_NONE, NULL, "without a reason");
    end_with(MUSTER_CLOSE_KICKED, "too loud", "put out: too loud");
    end_with((muster_close_reason)99, "so", "that is known here: so");
    for (int reason = MUSTER_CLOSE_LEFT; reason <= MUSTER_CLOSE_UNREACHABLE; reason++) {
        end_with((muster_close_reason)reason, "", "connection: ");
        assert_null(strstr(scene.error.text, "without a reason"));
    }
}

static void packets_can_go_through_a_relay(void **state)
{
    (void)state;
    const muster_address elsewhere = {
        .ip = {192, 0, 2, 1}, .port = 7777, .family = MUSTER_ADDRESS_IPV4};
    start_server(elsewhere, 4);
    start_driver(scene.address);
    connect_to(&elsewhere, 1);
    run_until(MUSTER_CLIENT_JOINING);
}

static void leaving_is_said_before_it_returns(void **state)
{
    (void)state;
    start_server(scene.address, 4);
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    muster_client_driver_leave(scene.driver);
    assert_false(muster_client_is_leaving(muster_client_driver_client(scene.driver)));
    serve();
    assert_int_equal(scene.connected_count, 1);
    assert_int_equal(scene.left_count, 1);
    assert_int_equal(muster_client_driver_update(scene.driver), MUSTER_CLIENT_IDLE);
}

static void a_driver_at_rest_may_leave_and_run(void **state)
{
    (void)state;
    start_driver((muster_address){0});
    muster_client_driver_leave(scene.driver);
    assert_int_equal(muster_client_driver_run(scene.driver, 100), MUSTER_CLIENT_IDLE);
    muster_client_driver_destroy(NULL);
}

static void a_token_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    start_driver((muster_address){0});
    const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES] = {0};
    assert_int_equal(muster_client_driver_connect(scene.driver, token), MUSTER_ERR_VERSION);
    assert_int_equal(muster_client_driver_update(scene.driver), MUSTER_CLIENT_IDLE);
}

static void what_strangers_send_is_left_alone(void **state)
{
    (void)state;
    start_server(scene.address, 4);
    start_driver((muster_address){0});
    connect_to(&scene.address, 1);
    run_until(MUSTER_CLIENT_JOINING);
    muster_address stranger_address;
    struct udp_socket *stranger = open_socket(&stranger_address);
    muster_packet_batch *out = packets_reset(&scene.out);
    out->packets[0].address = scene.client;
    out->packets[0].length = 100;
    out->count = 1;
    muster_client *client = muster_client_driver_client(scene.driver);
    const uint64_t before = muster_client_stats_of(client).packets_received;
    assert_int_equal(udp_send(stranger, out, 0), 1);
    muster_client_driver_receive(scene.driver);
    assert_int_equal(muster_client_stats_of(client).packets_received, before);
    udp_close(stranger);
}

static void creation_gives_everything_back_when_memory_is_out(void **state)
{
    (void)state;
    muster_status status = MUSTER_ERR_NO_MEMORY;
    for (uint32_t count = 0; status != MUSTER_OK; count++) {
        struct failing_heap heap = {.alloc_count_max = count};
        muster_client_driver_def def = muster_client_driver_default_def();
        def.client.allocator = failing_heap_allocator(&heap);
        status = muster_client_driver_create(&def, &scene.driver, &scene.error);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        assert_true((status == MUSTER_OK) == (scene.driver != NULL));
        assert_true((status == MUSTER_OK) == (scene.error.text[0] == '\0'));
        muster_client_driver_destroy(scene.driver);
        scene.driver = NULL;
        assert_int_equal(heap.bytes_live, 0);
    }
}

static void a_definition_that_no_client_can_have_is_invalid(void **state)
{
    (void)state;
    muster_client_driver_def def = muster_client_driver_default_def();
    def.client.margin_ticks = 17;
    assert_int_equal(
        muster_client_driver_create(&def, &scene.driver, &scene.error), MUSTER_ERR_INVALID);
    assert_null(scene.driver);
    assert_string_not_equal(scene.error.text, "");
}

#define SCENE(the_test_itself) cmocka_unit_test_setup_teardown(the_test_itself, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_client_reaches_its_server),
        SCENE(a_client_moves_on_to_the_next_server_of_its_token),
        SCENE(a_client_that_connects_elsewhere_says_goodbye_from_the_same_port),
        SCENE(nobody_at_a_server_s_port_is_an_io_error),
        SCENE(a_server_that_says_nothing_is_a_time_out),
        SCENE(a_full_server_says_so),
        SCENE(a_server_that_ends_the_connection_says_why),
        SCENE(packets_can_go_through_a_relay),
        SCENE(leaving_is_said_before_it_returns),
        SCENE(a_driver_at_rest_may_leave_and_run),
        SCENE(a_token_that_cannot_be_read_is_refused),
        SCENE(what_strangers_send_is_left_alone),
        SCENE(creation_gives_everything_back_when_memory_is_out),
        SCENE(a_definition_that_no_client_can_have_is_invalid),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
