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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_with_a_token_gets_a_slot, setup, teardown),
        cmocka_unit_test_setup_teardown(payloads_go_both_ways_whatever_their_size, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
