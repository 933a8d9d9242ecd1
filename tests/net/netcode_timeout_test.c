// SPDX-License-Identifier: Apache-2.0

// Both ends together: what time does to a connection, and what a clock that jumps does not.

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

// Steps until the state or the number of events changes, and says how long it took.
static uint64_t silence_us(struct pair *pair, bool is_server)
{
    const uint32_t event_count = pair->event_count;
    uint64_t waited_us = 0;
    while (waited_us < 60000000) {
        slots_reset(&pair->to_client);
        slots_reset(&pair->to_server);
        pair_update_server(pair);
        pair_update_client(pair, pair->client);
        const bool is_over = is_server ? pair->event_count > event_count
                                       : muster_netcode_client_state_of(pair->client) !=
                                             MUSTER_NETCODE_CLIENT_CONNECTED;
        if (is_over) {
            break;
        }
        pair_advance_us(pair, 10000);
        waited_us += 10000;
    }
    return waited_us;
}

static void a_silent_client_loses_its_slot_after_the_tokens_timeout(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    assert_in_range(silence_us(pair, true), 4800000, 5010000);
    assert_int_equal(pair->event.type, MUSTER_NETCODE_EVENT_DISCONNECTED);
    assert_int_equal(pair->event.reason, MUSTER_NETCODE_REASON_TIMED_OUT);
    assert_int_equal(pair->event.client_id, 7);
    assert_int_equal(pair->event.client_index, 0);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 0);
}

static void a_client_gives_a_silent_server_up(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    assert_in_range(silence_us(pair, false), 4800000, 5010000);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_TIMED_OUT);
}

static void a_token_without_timeout_waits_for_ever(void **state)
{
    struct pair *pair = *state;
    pair->token_def = pair_token_def(pair, 7);
    pair->token_def.timeout_s = -1;
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&pair->token_def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_OK);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    for (uint32_t i = 0; i < 3; i++) {
        pair_step(pair, pair->client, &from, 100000);
    }
    assert_int_equal(silence_us(pair, true), 60000000);
    assert_int_equal(silence_us(pair, false), 60000000);
}

static void a_client_that_nobody_answers_fails(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 7);
    for (uint32_t i = 0; i < 51; i++) {
        pair_update_client(pair, pair->client);
        slots_reset(&pair->to_server);
        pair_advance_us(pair, 100000);
    }
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_REQUEST_TIMED_OUT);

    pair_begin(pair, pair->client, 8);
    pair_step(pair, pair->client, &from, 0);
    for (uint32_t i = 0; i < 51; i++) {
        pair_update_client(pair, pair->client);
        slots_reset(&pair->to_server);
        pair_advance_us(pair, 100000);
    }
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_RESPONSE_TIMED_OUT);
}

static void a_client_stops_when_its_token_expires(void **state)
{
    struct pair *pair = *state;
    pair->token_def = pair_token_def(pair, 7);
    pair->token_def.address_count = 32;
    for (uint32_t i = 1; i < 32; i++) {
        pair->token_def.addresses[i] = pair->token_def.addresses[0];
    }
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&pair->token_def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_OK);
    for (uint32_t i = 0; i < 299; i++) {
        pair_update_client(pair, pair->client);
        slots_reset(&pair->to_server);
        pair_advance_us(pair, 100000);
    }
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_REQUESTING);
    pair_advance_us(pair, 100000);
    pair_update_client(pair, pair->client);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_TOKEN_EXPIRED);
}

static void a_clock_that_steps_back_ends_nothing(void **state)
{
    struct pair *pair = *state;
    pair->now.steady_us = UINT64_C(1) << 40;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const uint64_t alive = pair_client_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE);
    pair->now.steady_us = 5;
    pair->now.unix_s = 5;
    for (uint32_t tick = 0; tick < 60; tick++) {
        pair_step(pair, pair->client, &from, 100000);
    }
    assert_true(muster_netcode_server_is_connected(pair->server, 0));
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);

    // Nor does a hundred times as much as one second.
    for (uint32_t i = 0; i < 100; i++) {
        pair->now.steady_us--;
        pair_update_server(pair);
        pair_update_client(pair, pair->client);
        slots_reset(&pair->to_server);
        slots_reset(&pair->to_client);
    }
    assert_true(muster_netcode_server_is_connected(pair->server, 0));
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);

    // And timers go on from there.
    assert_in_range(pair_client_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE) - alive, 58, 61);
    assert_in_range(silence_us(pair, true), 4800000, 5010000);
}

static void a_clock_that_leaps_ahead_counts_as_one_second(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    pair_advance_us(pair, UINT64_C(1) << 50);
    const uint32_t event_count = pair->event_count;
    pair_update_server(pair);
    pair_update_client(pair, pair->client);
    assert_int_equal(pair->event_count, event_count);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);

    // Five leaps in silence are the five seconds of the token.
    for (uint32_t i = 0; i < 5; i++) {
        pair_advance_us(pair, UINT64_C(1) << 50);
        slots_reset(&pair->to_client);
        pair_update_server(pair);
    }
    assert_int_equal(pair->event_count, event_count + 1);
}

static void idle_ends_keep_each_other_alive_ten_times_a_second(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const uint64_t up = pair_server_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE);
    const uint64_t down = pair_client_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE);
    for (uint32_t tick = 0; tick < 600; tick++) {
        pair_step(pair, pair->client, &from, 16667);
    }
    assert_in_range(pair_server_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE) - up, 80, 101);
    assert_in_range(pair_client_count(pair, MUSTER_NETCODE_COUNTER_KEEP_ALIVE) - down, 80, 101);
    assert_int_equal(pair->event_count, 1);
}

static void payloads_make_keep_alives_needless(void **state)
{
    struct pair *pair = *state;
    pair_connect(pair, 7);
    pair_update_server(pair);
    pair_update_client(pair, pair->client);
    slots_reset(&pair->to_client);
    slots_reset(&pair->to_server);
    for (uint32_t tick = 0; tick < 60; tick++) {
        assert_int_equal(
            muster_netcode_server_seal(pair->server, 0, 1, &pair->to_client.packets[63]),
            MUSTER_OK);
        assert_int_equal(
            muster_netcode_client_seal(pair->client, 1, &pair->to_server.packets[63]), MUSTER_OK);
        pair_advance_us(pair, 50000);
        pair_update_server(pair);
        pair_update_client(pair, pair->client);
        assert_int_equal(pair->to_client.batch.count, 0);
        assert_int_equal(pair->to_server.batch.count, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_silent_client_loses_its_slot_after_the_tokens_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_gives_a_silent_server_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_without_timeout_waits_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_nobody_answers_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_stops_when_its_token_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_steps_back_ends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_clock_that_leaps_ahead_counts_as_one_second, setup, teardown),
        cmocka_unit_test_setup_teardown(
            idle_ends_keep_each_other_alive_ten_times_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(payloads_make_keep_alives_needless, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
