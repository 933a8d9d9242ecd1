// SPDX-License-Identifier: Apache-2.0
#include "drivers/udp.h"

#include "harness/packets.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#define WAIT_US 5000000u

struct scene {
    struct udp_socket *client;
    struct udp_socket *servers[2];
    muster_address addresses[2];
    struct packets packets;
};

static struct scene scene;

static const muster_address nobody = {0};

static struct udp_socket *open_on(const char *address)
{
    struct udp_def def = udp_default_def();
    struct udp_socket *socket;
    assert_int_equal(muster_address_parse(address, &def.address), MUSTER_OK);
    assert_int_equal(udp_open(&def, &socket, NULL), MUSTER_OK);
    return socket;
}

static int setup(void **state)
{
    (void)state;
    scene.client = open_on("127.0.0.1:0");
    for (uint32_t i = 0; i < 2; i++) {
        scene.servers[i] = open_on("127.0.0.1:0");
        scene.addresses[i] = udp_local_address(scene.servers[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    udp_close(scene.client);
    udp_close(scene.servers[0]);
    udp_close(scene.servers[1]);
    return 0;
}

static void send_one(struct udp_socket *from, muster_address to, uint8_t fill)
{
    muster_packet_batch *batch = packets_reset(&scene.packets);
    batch->packets[0].address = to;
    batch->packets[0].length = 1;
    batch->packets[0].bytes[0] = fill;
    batch->count = 1;
    assert_int_equal(udp_send(from, batch, 0), 1);
}

// Receives one packet and returns where it came from.
static muster_address receive_one(struct udp_socket *socket, uint8_t fill)
{
    muster_packet_batch *batch = packets_reset(&scene.packets);
    batch->capacity = 1;
    assert_true(udp_wait(socket, WAIT_US));
    assert_int_equal(udp_receive(socket, batch), 1);
    assert_int_equal(batch->packets[0].length, 1);
    assert_int_equal(batch->packets[0].bytes[0], fill);
    return batch->packets[0].address;
}

static void assert_address(muster_address address, muster_address expected)
{
    assert_true(muster_address_is_equal(&address, &expected));
}

static void a_connected_socket_hears_one_address_only(void **state)
{
    (void)state;
    const muster_address client = udp_local_address(scene.client);
    assert_address(udp_peer_address(scene.client), nobody);
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    assert_address(udp_peer_address(scene.client), scene.addresses[0]);
    send_one(scene.servers[1], client, 1);
    send_one(scene.servers[0], client, 2);
    assert_address(receive_one(scene.client, 2), scene.addresses[0]);
    assert_false(udp_wait(scene.client, 0));
}

static void a_connected_socket_sends_to_its_peer_and_to_others(void **state)
{
    (void)state;
    const muster_address client = udp_local_address(scene.client);
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    for (uint8_t i = 0; i < 2; i++) {
        send_one(scene.client, scene.addresses[i], i);
        assert_address(receive_one(scene.servers[i], i), client);
    }
}

static void a_socket_connected_to_none_hears_all_again(void **state)
{
    (void)state;
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    assert_int_equal(udp_connect(scene.client, &nobody), MUSTER_OK);
    assert_address(udp_peer_address(scene.client), nobody);
    send_one(scene.client, scene.addresses[1], 1);
    const muster_address client = receive_one(scene.servers[1], 1);
    for (uint8_t i = 0; i < 2; i++) {
        send_one(scene.servers[i], client, i);
        assert_address(receive_one(scene.client, i), scene.addresses[i]);
    }
}

static void a_port_that_was_asked_for_stays(void **state)
{
    (void)state;
    const muster_address asked = udp_local_address(scene.client);
    udp_close(scene.client);
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&asked, text);
    scene.client = open_on(text);
    for (uint8_t i = 0; i < 4; i++) {
        const muster_address *server = &scene.addresses[i % 2];
        assert_int_equal(udp_connect(scene.client, i == 2 ? &nobody : server), MUSTER_OK);
        send_one(scene.client, *server, i);
        assert_address(receive_one(scene.servers[i % 2], i), asked);
    }
}

static void nobody_at_the_other_end_is_known_until_somebody_is(void **state)
{
    (void)state;
    udp_close(scene.servers[0]);
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    assert_int_equal(udp_path_code(scene.client), 0);
    send_one(scene.client, scene.addresses[0], 1);
    muster_packet_batch *batch = packets_reset(&scene.packets);
    assert_true(udp_wait(scene.client, WAIT_US));
    assert_int_equal(udp_receive(scene.client, batch), 0);
    assert_int_equal(udp_path_code(scene.client), ECONNREFUSED);
    assert_int_equal(udp_receive(scene.client, batch), 0);
    assert_int_equal(udp_path_code(scene.client), ECONNREFUSED);

    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&scene.addresses[0], text);
    scene.servers[0] = open_on(text);
    send_one(scene.servers[0], udp_local_address(scene.client), 2);
    assert_address(receive_one(scene.client, 2), scene.addresses[0]);
    assert_int_equal(udp_path_code(scene.client), 0);
}

// The word against an earlier packet comes in place of packets that are sent; these go once it is
// heard, and nothing is learnt from it of how they may travel.
static void an_old_word_against_the_other_end_costs_no_packet(void **state)
{
    (void)state;
    udp_close(scene.servers[0]);
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    send_one(scene.client, scene.addresses[0], 1);
    assert_true(udp_wait(scene.client, WAIT_US));
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&scene.addresses[0], text);
    scene.servers[0] = open_on(text);

    muster_packet_batch *batch = packets_reset(&scene.packets);
    for (uint32_t i = 0; i < 4; i++) {
        batch->packets[i].address = scene.addresses[0];
        batch->packets[i].length = 1;
        batch->packets[i].bytes[0] = 7;
    }
    batch->count = 4;
    assert_int_equal(udp_send(scene.client, batch, 0), 4);
    assert_true(udp_read_stats(scene.client).is_segmenting);
    for (uint32_t i = 0; i < 4; i++) {
        (void)receive_one(scene.servers[0], 7);
    }
}

static void an_address_out_of_reach_leaves_the_socket_free(void **state)
{
    (void)state;
    muster_address far;
    assert_int_equal(muster_address_parse("[::1]:7777", &far), MUSTER_OK);
    assert_int_equal(udp_connect(scene.client, &scene.addresses[0]), MUSTER_OK);
    assert_int_equal(udp_connect(scene.client, &far), MUSTER_ERR_IO);
    assert_int_equal(udp_path_code(scene.client), EAFNOSUPPORT);
    assert_address(udp_peer_address(scene.client), nobody);
    send_one(scene.client, scene.addresses[1], 1);
    send_one(scene.servers[1], receive_one(scene.servers[1], 1), 2);
    assert_address(receive_one(scene.client, 2), scene.addresses[1]);
}

static void a_socket_of_two_families_moves_between_them(void **state)
{
    (void)state;
    struct udp_def def = udp_default_def();
    struct udp_socket *server;
    struct udp_socket *client;
    assert_int_equal(muster_address_parse("[::1]:0", &def.address), MUSTER_OK);
    if (udp_open(&def, &server, NULL) != MUSTER_OK) {
        print_message("no IPv6 on this machine\n");
        return;
    }
    assert_int_equal(muster_address_parse("[::]:0", &def.address), MUSTER_OK);
    assert_int_equal(udp_open(&def, &client, NULL), MUSTER_OK);
    const muster_address address = udp_local_address(server);
    for (uint8_t i = 0; i < 2; i++) {
        assert_int_equal(udp_connect(client, &scene.addresses[0]), MUSTER_OK);
        send_one(client, scene.addresses[0], i);
        assert_int_equal(receive_one(scene.servers[0], i).family, MUSTER_ADDRESS_IPV4);
        assert_int_equal(udp_connect(client, &address), MUSTER_OK);
        send_one(client, address, i);
        send_one(server, receive_one(server, i), i);
        assert_address(receive_one(client, i), address);
    }
    udp_close(client);
    udp_close(server);
}

#define SCENE(the_test_itself) cmocka_unit_test_setup_teardown(the_test_itself, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_connected_socket_hears_one_address_only),
        SCENE(a_connected_socket_sends_to_its_peer_and_to_others),
        SCENE(a_socket_connected_to_none_hears_all_again),
        SCENE(a_port_that_was_asked_for_stays),
        SCENE(nobody_at_the_other_end_is_known_until_somebody_is),
        SCENE(an_old_word_against_the_other_end_costs_no_packet),
        SCENE(an_address_out_of_reach_leaves_the_socket_free),
        SCENE(a_socket_of_two_families_moves_between_them),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
