// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_rig.h"
#include "harness/failing_heap.h"

static void a_player_with_a_token_joins_and_is_welcomed(void **state)
{
    struct world *world = world_with_player(state);
    const muster_gateway_event *joined = find_event(world, MUSTER_GATEWAY_JOINED);
    assert_non_null(joined);
    assert_int_equal(joined->player.id[0], 42);
    assert_int_equal(joined->player.tier, 2);
    assert_string_equal(joined->player.name, "Ada");
    assert_int_equal(world->clients[0].welcome_count, 1);
    assert_true(world->clients[0].resume_token_count > 0);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
}

static void actions_come_once_and_in_order(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    const struct play_input first[] = {walk(1, 50, 0), walk(2, 51, 1)};
    const struct play_input again[] = {walk(1, 50, 0), walk(2, 51, 1), walk(3, 52, 4)};
    client_send_inputs(world, 0, first, 2);
    client_send_inputs(world, 0, again, 3);
    exchange(world);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_ACTION), 3);
    for (uint32_t i = 0, next = 1; i < world->event_count; i++) {
        if (world->events[i].type == MUSTER_GATEWAY_ACTION) {
            assert_int_equal(world->events[i].action.sequence, next);
            assert_int_equal(world->events[i].action.tick, 49 + next);
            next++;
        }
    }
}

static void an_action_out_of_range_is_refused_and_too_many_end_the_session(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    const uint8_t step_too_large[] = {1, 1, 5, 1, 0, 0, 5};
    for (uint32_t i = 0; i < 3; i++) {
        client_send(world, 0, PLAY_RECORD_INPUT, step_too_large, sizeof step_too_large);
        exchange(world);
    }
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_INPUT), 3);
    assert_null(find_event(world, MUSTER_GATEWAY_ACTION));
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));

    client_send(world, 0, PLAY_RECORD_INPUT, step_too_large, sizeof step_too_large);
    exchange(world);
    run(world, 5);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_PROTOCOL);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_PROTOCOL);
}

static void actions_beyond_their_rate_are_refused(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    uint32_t sequence = 1;
    for (uint32_t i = 0; i < 60; i++) {
        struct play_input wave = {.tick = 9, .sequence = sequence++, .action_index = 1};
        client_send_inputs(world, 0, &wave, 1);
        exchange(world);
        run(world, 1);
    }
    // A second of waves at one a second, after a burst of eight and a half.
    assert_in_range(count_events(world, MUSTER_GATEWAY_ACTION), 9, 11);
    assert_in_range(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_ACTION_RATE), 49, 51);
}

static void messages_are_checked_against_the_table(void **state)
{
    struct world *world = world_with_player(state);
    struct client *client = &world->clients[0];
    world->event_count = 0;
    const uint8_t chat[] = "\0hello";
    const uint8_t news[] = "\1made up";
    const uint8_t unknown[] = "\3hello";
    assert_int_equal(muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, chat, 6), MUSTER_OK);
    assert_int_equal(muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, news, 8), MUSTER_OK);
    assert_int_equal(
        muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, unknown, 6), MUSTER_OK);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_MESSAGE), 1);
    const muster_gateway_event *event = find_event(world, MUSTER_GATEWAY_MESSAGE);
    assert_int_equal(event->message.message_index, 0);
    assert_int_equal(event->message.length, 5);
    assert_memory_equal(world->message, "hello", 5);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 2);
}

static void state_reaches_the_player_and_its_fate_comes_back(void **state)
{
    struct world *world = world_with_player(state);
    const uint32_t connection = find_event(world, MUSTER_GATEWAY_READY)->connection;
    world->event_count = 0;
    const muster_gateway_state update = {.player_index = 0,
        .connection = connection,
        .token = 77,
        .bytes = (const uint8_t *)"state",
        .length = 5};
    assert_int_equal(
        muster_gateway_send_state(world->gateway, world->now, &update, &world->to_clients.batch),
        MUSTER_OK);
    exchange(world);
    assert_int_equal(world->clients[0].update_count, 1);
    run(world, 10);
    const muster_gateway_event *acked = find_event(world, MUSTER_GATEWAY_UPDATE_ACKED);
    assert_non_null(acked);
    assert_int_equal(acked->token, 77);

    muster_gateway_state stale = update;
    stale.connection = connection + 1;
    assert_int_equal(
        muster_gateway_send_state(world->gateway, world->now, &stale, &world->to_clients.batch),
        MUSTER_ERR_NOT_FOUND);
}

static void a_message_of_the_game_reaches_the_player(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_send_message(world->gateway, 0, 1, (const uint8_t *)"news", 4);
    run(world, 10);
    assert_int_equal(world->clients[0].custom_count, 1);
}

static void a_narrow_path_gets_packets_that_it_carries(void **state)
{
    struct world *world = world_with_player(state);
    assert_int_equal(send_full_states(world, MUSTER_GATEWAY_STATE_BYTES_MAX, 60),
        MUSTER_GATEWAY_STATE_BYTES_MAX);
    world->clients[0].path_bytes = 600;
    assert_int_equal(send_full_states(world, MUSTER_GATEWAY_STATE_BYTES_MAX, 200),
        MUSTER_GATEWAY_STATE_BYTES_NARROW);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_NARROWED), 3);
    const uint32_t before_count = world->clients[0].update_count;
    send_full_states(world, MUSTER_GATEWAY_STATE_BYTES_NARROW, 60);
    assert_int_equal(world->clients[0].update_count, before_count + 60);

    static const uint8_t bytes[1000] = {0};
    const uint32_t news_count = world->clients[0].custom_count;
    muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, bytes, 1000);
    for (uint32_t i = 0; i < 3; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_HINT, bytes, 300);
    }
    run(world, 1);
    assert_int_equal(world->clients[0].loose_count, 3);
    run(world, 10);
    assert_int_equal(world->clients[0].custom_count, news_count + 1);
    muster_gateway_send_message(
        world->gateway, 0, MESSAGE_HINT, bytes, 1000); // too long for this path
    muster_gateway_send_message(world->gateway, 0, MESSAGE_HINT, bytes, 20);
    run(world, 2);
    assert_int_equal(world->clients[0].loose_count, 4); // and no harm to the one behind it
}

static void a_full_world_says_so(void **state)
{
    struct world *world = world_with_player(state);
    connect_client(world, 1, 43);
    connect_client(world, 2, 44);
    run(world, 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
    const muster_gateway_event *refused = find_event(world, MUSTER_GATEWAY_REFUSED);
    assert_non_null(refused);
    assert_int_equal(refused->reason, MUSTER_CLOSE_FULL);
    const int closed_full_count = (world->clients[1].close_reason == MUSTER_CLOSE_FULL) +
                                  (world->clients[2].close_reason == MUSTER_CLOSE_FULL);
    assert_int_equal(closed_full_count, 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_FULL), 1);
}

static void a_lost_player_comes_back_with_its_resume_token(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    memcpy(token, world->clients[0].resume_tokens[0], sizeof token);
    world->clients[0].is_silent = true;
    run(world, 6 * 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));

    connect_with(world, 1, token); // from another address
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);
    assert_int_equal(world->clients[1].welcome_count, 1);
}

static void a_new_connection_replaces_one_that_still_stands(void **state)
{
    struct world *world = world_with_player(state);
    connect_with(world, 1, world->clients[0].resume_tokens[0]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LOST));
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
}

static void an_older_token_does_not_push_a_player_out(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, 42, ISSUE_START - 1, token);
    connect_with(world, 1, token);
    run(world, 30);
    assert_null(find_event(world, MUSTER_GATEWAY_RESUMED));
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN), 1);
    assert_int_equal(world->clients[1].close_reason, MUSTER_CLOSE_REPLACED);
}

static void a_lost_player_leaves_when_the_window_is_over(void **state)
{
    struct world *world = world_with_player(state);
    world->clients[0].is_silent = true;
    run(world, 36 * 60);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_UNREACHABLE);
    connect_client(world, 1, 43); // its place is free
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
}

static void a_client_that_leaves_is_gone_at_once(void **state)
{
    struct world *world = world_with_player(state);
    muster_netcode_client_disconnect(world->clients[0].netcode);
    run(world, 5);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_LEFT);
}

static void a_kicked_player_learns_why(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, "shouting");
    run(world, 10);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_KICKED), 1);
}

static void a_draining_gateway_empties_and_lets_nobody_in(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_drain(world->gateway);
    connect_client(world, 1, 43);
    run(world, 90);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(world->clients[1].close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 0);
}

static void requests_beyond_an_addresss_rate_are_dropped(void **state)
{
    struct world *world = world_with_player(state);
    for (uint32_t i = 0; i < 2000; i++) {
        muster_packet *slot = &world->to_server.slots[0];
        memset(slot->bytes, 0, 1078);
        slot->length = 1078;
        slot->address = packets_address(9, 9);
        muster_gateway_receive(world->gateway, world->now, slot, &world->to_clients.batch);
        drain_events(world);
    }
    assert_in_range(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE), 1498, 1501);
    assert_int_equal(world->to_clients.batch.count, 0);
}

static void packets_beyond_a_sessions_rate_are_dropped(void **state)
{
    struct world *world = world_with_player(state);
    for (uint32_t i = 0; i < 900; i++) {
        client_send_inputs(world, 0, NULL, 0);
        if (i % 100 == 99) {
            exchange(world);
        }
    }
    assert_true(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE) >= 500);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
}

static void creation_refuses_what_is_out_of_range_and_survives_an_empty_heap(void **state)
{
    (void)state;
    muster_gateway_def def = muster_gateway_default_def();
    muster_gateway *gateway;
    assert_int_equal(muster_gateway_create(&def, &gateway), MUSTER_ERR_INVALID);
    def.game = &game;
    def.login = login();
    def.player_count_max = 0;
    assert_int_equal(muster_gateway_create(&def, &gateway), MUSTER_ERR_INVALID);
    def.player_count_max = 2;
    muster_status status = MUSTER_ERR_NO_MEMORY;
    for (uint32_t i = 0; status != MUSTER_OK; i++) {
        struct failing_heap heap = {.alloc_count_max = i};
        def.allocator = failing_heap_allocator(&heap);
        status = muster_gateway_create(&def, &gateway);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        muster_gateway_destroy(gateway);
        assert_int_equal(heap.bytes_live, 0);
    }
    for (int i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        assert_string_not_equal(muster_gateway_counter_name((muster_gateway_counter)i), "unknown");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_player_with_a_token_joins_and_is_welcomed, teardown),
        cmocka_unit_test_teardown(actions_come_once_and_in_order, teardown),
        cmocka_unit_test_teardown(
            an_action_out_of_range_is_refused_and_too_many_end_the_session, teardown),
        cmocka_unit_test_teardown(actions_beyond_their_rate_are_refused, teardown),
        cmocka_unit_test_teardown(messages_are_checked_against_the_table, teardown),
        cmocka_unit_test_teardown(state_reaches_the_player_and_its_fate_comes_back, teardown),
        cmocka_unit_test_teardown(a_message_of_the_game_reaches_the_player, teardown),
        cmocka_unit_test_teardown(a_narrow_path_gets_packets_that_it_carries, teardown),
        cmocka_unit_test_teardown(a_full_world_says_so, teardown),
        cmocka_unit_test_teardown(a_lost_player_comes_back_with_its_resume_token, teardown),
        cmocka_unit_test_teardown(a_new_connection_replaces_one_that_still_stands, teardown),
        cmocka_unit_test_teardown(an_older_token_does_not_push_a_player_out, teardown),
        cmocka_unit_test_teardown(a_lost_player_leaves_when_the_window_is_over, teardown),
        cmocka_unit_test_teardown(a_client_that_leaves_is_gone_at_once, teardown),
        cmocka_unit_test_teardown(a_kicked_player_learns_why, teardown),
        cmocka_unit_test_teardown(a_draining_gateway_empties_and_lets_nobody_in, teardown),
        cmocka_unit_test_teardown(requests_beyond_an_addresss_rate_are_dropped, teardown),
        cmocka_unit_test_teardown(packets_beyond_a_sessions_rate_are_dropped, teardown),
        cmocka_unit_test(creation_refuses_what_is_out_of_range_and_survives_an_empty_heap),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
