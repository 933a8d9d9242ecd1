// SPDX-License-Identifier: Apache-2.0

// Both ends together: how a connection opens, carries payloads and ends.

#include "net/netcode_pair.h"

#include <stdlib.h>

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair_create(pair);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    pair_destroy(*state);
    free(*state);
    return 0;
}

static void a_client_with_a_token_gets_a_slot(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    assert_int_equal(pair->event_count, 1);
    assert_int_equal(pair->event.type, MUSTER_NETCODE_EVENT_CONNECTED);
    assert_int_equal(pair->event.client_id, 7);
    assert_int_equal(pair->event.length, MUSTER_NETCODE_USER_DATA_BYTES);
    assert_memory_equal(
        pair->event_bytes, pair->token_def.user_data, MUSTER_NETCODE_USER_DATA_BYTES);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    assert_true(muster_address_is_equal(&pair->event.address, &from));

    uint32_t index;
    uint32_t count;
    muster_netcode_client_slot(pair->client, &index, &count);
    assert_int_equal(index, pair->event.client_index);
    assert_int_equal(count, 4);
    assert_true(muster_netcode_server_is_connected(pair->server, index));
    assert_true(muster_netcode_server_is_confirmed(pair->server, index));
    assert_int_equal(muster_netcode_server_client_count(pair->server), 1);
}

static void payloads_go_both_ways_whatever_their_size(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    for (uint32_t length = 1; length <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX; length++) {
        muster_packet *up = &pair->to_server.packets[pair->to_server.batch.count++];
        memset(up->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, (int)length, length);
        assert_int_equal(muster_netcode_client_seal(pair->client, length, up), MUSTER_OK);
        assert_in_range(up->length, length + 18, length + MUSTER_NETCODE_OVERHEAD_BYTES_MAX);
        pair_deliver_to_server(pair, &from);
        assert_int_equal(pair->event.type, MUSTER_NETCODE_EVENT_PAYLOAD);
        assert_int_equal(pair->event.length, length);
        assert_int_equal(pair->event_bytes[length - 1], (uint8_t)length);

        muster_packet *down = &pair->to_client.packets[pair->to_client.batch.count++];
        memset(down->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, (int)length + 1, length);
        assert_int_equal(muster_netcode_server_seal(pair->server, 0, length, down), MUSTER_OK);
        pair_deliver_to_client(pair, pair->client);
        assert_int_equal(pair->payload_bytes, length);
        assert_int_equal(pair->payload[0], (uint8_t)(length + 1));
        assert_int_equal(pair->payload[length - 1], (uint8_t)(length + 1));
    }
    assert_int_equal(pair->payload_count, MUSTER_NETCODE_PAYLOAD_BYTES_MAX);
}

static void nothing_is_sealed_without_a_connection(void **state)
{
    struct pair *pair = *state;
    muster_packet *packet = &pair->to_client.packets[0];
    packet->length = 77;
    assert_int_equal(muster_netcode_client_seal(pair->client, 1, packet), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(packet->length, 0);
    for (uint32_t index = 0; index < 6; index++) {
        packet->length = 77;
        assert_int_equal(
            muster_netcode_server_seal(pair->server, index, 1, packet), MUSTER_ERR_NOT_FOUND);
        assert_int_equal(packet->length, 0);
        packet->length = 77;
        assert_int_equal(
            muster_netcode_server_keep_alive(pair->server, index, packet), MUSTER_ERR_NOT_FOUND);
        assert_int_equal(packet->length, 0);
        assert_false(muster_netcode_server_disconnect(pair->server, index));
        assert_false(muster_netcode_server_drop(pair->server, index));
        assert_false(muster_netcode_server_is_confirmed(pair->server, index));
    }
}

static void a_client_is_confirmed_by_its_first_packet(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 7);
    pair_step(pair, pair->client, &from, 0);
    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    assert_true(muster_netcode_server_is_connected(pair->server, 0));
    assert_false(muster_netcode_server_is_confirmed(pair->server, 0));

    // The keep-alive that answered is lost; one before a payload connects the client as well.
    slots_reset(&pair->to_client);
    muster_packet *packets = pair->to_client.packets;
    assert_int_equal(muster_netcode_server_keep_alive(pair->server, 0, &packets[0]), MUSTER_OK);
    assert_int_equal(muster_netcode_server_seal(pair->server, 0, 5, &packets[1]), MUSTER_OK);
    pair->to_client.batch.count = 2;
    pair_deliver_to_client(pair, pair->client);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);
    assert_int_equal(pair->payload_count, 1);

    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    assert_true(muster_netcode_server_is_confirmed(pair->server, 0));
}

static void a_lost_answer_is_repaired_by_the_next_keep_alive(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 7);
    pair_step(pair, pair->client, &from, 0);
    pair->to_client.batch.count = pair->to_client.batch.capacity;
    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    slots_reset(&pair->to_client);
    assert_true(muster_netcode_server_is_connected(pair->server, 0));
    pair_update_server(pair);
    pair_deliver_to_client(pair, pair->client);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);
}

static void a_client_that_leaves_says_so_until_it_is_heard(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    muster_netcode_client_disconnect(pair->client);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_DISCONNECTED);
    uint32_t sent_count = 0;
    while (muster_netcode_client_is_leaving(pair->client)) {
        slots_reset(&pair->to_server); // all but the last are lost
        pair_update_client(pair, pair->client);
        sent_count += pair->to_server.batch.count;
        pair_advance_us(pair, 5000);
    }
    assert_int_equal(sent_count, MUSTER_NETCODE_DISCONNECT_PACKET_COUNT);
    pair_deliver_to_server(pair, &from);
    assert_int_equal(pair->event.type, MUSTER_NETCODE_EVENT_DISCONNECTED);
    assert_int_equal(pair->event.reason, MUSTER_NETCODE_REASON_PEER_LEFT);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 0);
    pair_update_client(pair, pair->client);
    assert_int_equal(pair->to_server.batch.count, 0);
}

static void goodbyes_after_the_first_are_no_refusals_for_a_while(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const muster_address other = address_of("10.0.0.1:5001");
    const uint64_t repeated_count = pair_server_count(pair, MUSTER_NETCODE_COUNTER_REPEATED);
    muster_netcode_client_disconnect(pair->client);
    slots_reset(&pair->to_server);
    pair_update_client(pair, pair->client);
    const muster_packet *goodbye = &pair->to_server.packets[0];
    uint8_t payload[MUSTER_PACKET_BYTES_MAX];
    memcpy(payload, goodbye->bytes, goodbye->length);
    payload[0] = (uint8_t)((payload[0] & 0xF0) | 5);
    assert_true(pair_server_receive(pair, &from, goodbye->bytes, goodbye->length));
    for (uint32_t i = 0; i < 9; i++) {
        assert_false(pair_server_receive(pair, &from, goodbye->bytes, goodbye->length));
    }
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_DISCONNECT), 1);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REPEATED), repeated_count + 9);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 0);

    // Anything else from there, a goodbye from elsewhere, and one that comes much later.
    assert_false(pair_server_receive(pair, &from, payload, goodbye->length));
    assert_false(pair_server_receive(pair, &other, goodbye->bytes, goodbye->length));
    for (uint32_t i = 0; i < 20; i++) {
        pair_advance_us(pair, 100000);
        pair_update_server(pair);
    }
    assert_false(pair_server_receive(pair, &from, goodbye->bytes, goodbye->length));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REPEATED), repeated_count + 9);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 3);
}

static void a_client_that_never_connected_leaves_in_silence(void **state)
{
    struct pair *pair = *state;
    pair_begin(pair, pair->client, 7);
    muster_netcode_client_disconnect(pair->client);
    assert_false(muster_netcode_client_is_leaving(pair->client));
    pair_update_client(pair, pair->client);
    assert_int_equal(pair->to_server.batch.count, 0);
}

static void a_kicked_client_is_told_and_its_slot_freed(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const uint32_t event_count = pair->event_count;
    assert_true(muster_netcode_server_disconnect(pair->server, 0));
    assert_false(muster_netcode_server_is_connected(pair->server, 0));
    assert_false(muster_netcode_server_disconnect(pair->server, 0));

    // What it still sends is not heard.
    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    uint32_t sent_count = 0;
    while (muster_netcode_server_client_count(pair->server) > 0) {
        slots_reset(&pair->to_client);
        pair_update_server(pair);
        sent_count += pair->to_client.batch.count;
        pair_advance_us(pair, 5000);
    }
    assert_int_equal(sent_count, MUSTER_NETCODE_DISCONNECT_PACKET_COUNT);
    pair_deliver_to_client(pair, pair->client);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_DISCONNECTED);
    assert_int_equal(pair->event_count, event_count);
}

// The way back of a player whose address changed: a new token, and the old slot dropped.
static void a_player_comes_back_from_another_address_with_a_new_token(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of("10.9.9.9:1");
    muster_netcode_client *again;
    assert_int_equal(muster_netcode_client_create(NULL, &again), MUSTER_OK);
    pair_connect_from(pair, again, 8, &from);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 2);
    const uint32_t event_count = pair->event_count;
    assert_true(muster_netcode_server_drop(pair->server, 0));
    pair_update_server(pair);
    assert_int_equal(pair->event_count, event_count);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 1);
    muster_netcode_client_destroy(again);
}

static void a_player_comes_back_from_its_old_address_with_a_new_token(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    assert_true(muster_netcode_server_drop(pair->server, 0));
    pair_connect(pair, 8);
    assert_int_equal(pair->event.client_id, 8);
}

static void the_servers_of_a_token_are_tried_in_turn(void **state)
{
    struct pair *pair = *state;
    pair->token_def = pair_token_def(pair, 7);
    pair->token_def.address_count = 3;
    pair->token_def.addresses[2] = pair->token_def.addresses[0];
    pair->token_def.addresses[0] = address_of("192.0.2.8:1");
    pair->token_def.addresses[1] = address_of("[2001:db8::8]:1");
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&pair->token_def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_OK);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const muster_address server = address_of(PAIR_SERVER_ADDRESS);
    for (uint32_t i = 0; i < 130; i++) {
        pair_update_client(pair, pair->client);
        const muster_address to = muster_netcode_client_server_address(pair->client);
        assert_int_equal(muster_address_is_equal(&to, &server), i >= 100);
        if (i >= 100) {
            pair_deliver_to_server(pair, &from);
            pair_update_server(pair);
            pair_deliver_to_client(pair, pair->client);
        } else {
            assert_true(muster_address_is_equal(&pair->to_server.packets[0].address, &to));
            slots_reset(&pair->to_server);
        }
        pair_advance_us(pair, 100000);
    }
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);
}

static void a_token_that_cannot_be_read_is_a_state(void **state)
{
    struct pair *pair = *state;
    const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES] = {0};
    assert_int_equal(
        muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_ERR_VERSION);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_INVALID_TOKEN);
    pair_update_client(pair, pair->client);
    assert_int_equal(pair->to_server.batch.count, 0);
}

static void a_full_batch_delays_and_loses_nothing(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    slots_reset(&pair->to_client);
    pair_advance_us(pair, 200000);
    pair->to_client.batch.capacity = 0;
    pair_update_server(pair);
    pair->to_client.batch.capacity = PAIR_SLOT_COUNT;
    pair_update_server(pair);
    assert_int_equal(pair->to_client.batch.count, 1);

    assert_true(muster_netcode_server_disconnect(pair->server, 0));
    uint32_t sent_count = 0;
    for (uint32_t i = 0; i < 100; i++) {
        slots_reset(&pair->to_client);
        pair->to_client.batch.capacity = i % 2;
        pair_update_server(pair);
        sent_count += pair->to_client.batch.count;
        pair_advance_us(pair, 5000);
    }
    assert_int_equal(sent_count, MUSTER_NETCODE_DISCONNECT_PACKET_COUNT);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 0);
}

static void events_that_are_not_taken_keep_their_slots(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    for (uint64_t number = 0; number < 6; number++) {
        pair_begin(pair, pair->client, number);
        for (uint32_t i = 0; i < 3; i++) {
            pair_update_client(pair, pair->client);
            pair_deliver_to_server(pair, &from);
            pair_deliver_to_client(pair, pair->client);
            pair_advance_us(pair, 100000);
        }
        for (uint32_t i = 0; i < 6; i++) {
            slots_reset(&pair->to_client);
            muster_netcode_server_update(pair->server, pair->now, &pair->to_client.batch);
            pair_advance_us(pair, 1000000);
        }
    }
    assert_int_equal(muster_netcode_server_client_count(pair->server), 1);
    for (uint64_t number = 0; number < 4; number++) {
        assert_true(muster_netcode_server_pop_event(pair->server, &pair->event));
        assert_int_equal(pair->event.client_id, number);
    }
    assert_false(muster_netcode_server_pop_event(pair->server, &pair->event));
    pair_update_server(pair);
    assert_int_equal(pair->event.client_id, 4);
}

static void thousands_of_clients_share_a_server(void **state)
{
    enum { CLIENT_COUNT = 1500 };
    (void)state;
    struct pair *pair = calloc(1, sizeof *pair);
    pair->server_def = muster_netcode_server_default_def();
    pair->server_def.client_count_max = 4096;
    pair_create(pair);
    const uint32_t alloc_count = pair->heap.alloc_count;
    assert_true(pair->heap.bytes_live < 4096 * 1200);
    static muster_netcode_client *clients[CLIENT_COUNT];
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_int_equal(muster_netcode_client_create(NULL, &clients[i]), MUSTER_OK);
        muster_address from = address_of(i % 2 == 0 ? "10.0.0.1:1" : "[2001:db8::1]:1");
        from.port = (uint16_t)(1000 + i);
        pair_begin(pair, clients[i], 1000 + i);
        for (uint32_t step = 0; step < 3; step++) {
            pair_update_client(pair, clients[i]);
            pair_deliver_to_server(pair, &from);
            pair_deliver_to_client(pair, clients[i]);
            pair_advance_us(pair, 100);
        }
    }
    assert_int_equal(muster_netcode_server_client_count(pair->server), CLIENT_COUNT);
    assert_int_equal(pair->heap.alloc_count, alloc_count);

    // Each hears what is meant for it, and frees another's slot for nobody but itself.
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        uint32_t index;
        uint32_t count;
        muster_netcode_client_slot(clients[i], &index, &count);
        muster_packet *packet = &pair->to_client.packets[pair->to_client.batch.count++];
        packet->bytes[MUSTER_NETCODE_PAYLOAD_OFFSET] = (uint8_t)i;
        assert_int_equal(muster_netcode_server_seal(pair->server, index, 1, packet), MUSTER_OK);
        pair_deliver_to_client(pair, clients[i]);
        assert_int_equal(pair->payload[0], (uint8_t)i);
        assert_int_equal(pair->payload_count, i + 1);
        muster_netcode_client_destroy(clients[i]);
        if (i % 3 == 0) {
            assert_true(muster_netcode_server_drop(pair->server, index));
        }
    }
    pair_destroy(pair);
    free(pair);
}

static void equal_definitions_and_calls_give_equal_packets(void **state)
{
    struct pair *pair = *state;
    struct pair *twin = calloc(1, sizeof *twin);
    pair_create(twin);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 7);
    pair_begin(twin, twin->client, 7);
    for (uint32_t i = 0; i < 5; i++) {
        pair_update_client(pair, pair->client);
        pair_update_client(twin, twin->client);
        pair_deliver_to_server(pair, &from);
        pair_deliver_to_server(twin, &from);
        pair_update_server(pair);
        pair_update_server(twin);
        assert_memory_equal(pair->to_client.bytes[0], twin->to_client.bytes[0], 300);
        pair_deliver_to_client(pair, pair->client);
        pair_deliver_to_client(twin, twin->client);
        pair_advance_us(pair, 100000);
        pair_advance_us(twin, 100000);
    }
    pair_destroy(twin);
    free(twin);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_with_a_token_gets_a_slot, setup, teardown),
        cmocka_unit_test_setup_teardown(payloads_go_both_ways_whatever_their_size, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_sealed_without_a_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_is_confirmed_by_its_first_packet, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_lost_answer_is_repaired_by_the_next_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_client_that_leaves_says_so_until_it_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(
            goodbyes_after_the_first_are_no_refusals_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_client_that_never_connected_leaves_in_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_kicked_client_is_told_and_its_slot_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_player_comes_back_from_another_address_with_a_new_token, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_player_comes_back_from_its_old_address_with_a_new_token, setup, teardown),
        cmocka_unit_test_setup_teardown(the_servers_of_a_token_are_tried_in_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_that_cannot_be_read_is_a_state, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_batch_delays_and_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            events_that_are_not_taken_keep_their_slots, setup, teardown),
        cmocka_unit_test(thousands_of_clients_share_a_server),
        cmocka_unit_test_setup_teardown(
            equal_definitions_and_calls_give_equal_packets, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
