// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_rig.h"

// Players who come over links: what the gateway sends them, and when it closes a link. The
// simulation has whole games over links; here links are held by hand.

#define TIMEOUT_US 5000000u // of the rig's tokens

struct heard {
    uint32_t packet_count;
    uint32_t close_count;
    uint8_t close_reason; // of the session's close packet
};

// What the gateway has sent to a link since the last time, in order.
static struct heard hear(struct world *world, uint32_t link)
{
    struct heard heard = {0};
    for (uint32_t i = 0; i < world->to_clients.batch.count; i++) {
        const muster_packet *packet = &world->to_clients.slots[i];
        if (muster_address_link(&packet->address) != link) {
            continue;
        }
        assert_int_equal(heard.close_count, 0); // nothing comes behind the end
        heard.close_count += packet->length == 0 ? 1 : 0;
        heard.packet_count += packet->length > 0 ? 1 : 0;
        if (packet->length > 1 && packet->bytes[0] == 0) {
            heard.close_reason = packet->bytes[1];
        }
    }
    return heard;
}

static void update(struct world *world)
{
    muster_gateway_update(world->gateway, world->now, &world->to_clients.batch);
    drain_events(world);
}

static struct world *world_with_link(void **state, uint32_t link)
{
    const muster_gateway_def def = world_default_def();
    struct world *world = world_create(state, &def);
    connect_link(world, 0, link, 42);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    return world;
}

static void a_ticket_lets_a_player_in_and_is_welcomed(void **state)
{
    struct world *world = world_with_link(state, 70);
    const muster_gateway_event *joined = find_event(world, MUSTER_GATEWAY_JOINED);
    const muster_address peer = packets_address(9, 70);
    assert_true(joined->is_link);
    assert_true(muster_address_is_equal(&joined->address, &peer));
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
    run(world, 30);
    assert_int_equal(world->clients[0].welcome_count, 1);
    assert_int_equal(world->clients[0].resume_token_count, 2);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
}

static void actions_and_messages_come_over_a_link(void **state)
{
    struct world *world = world_with_link(state, 70);
    run(world, 30);
    const struct play_input input = walk(1, world->tick, 3);
    client_send_inputs(world, 0, &input, 1);
    exchange(world);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_ACTION)->action.steps[0], 3);
    const uint8_t chat[] = {MESSAGE_CHAT, 'h', 'i'};
    assert_int_equal(
        muster_session_push(world->clients[0].session, PLAY_MESSAGE_CUSTOM, chat, sizeof chat),
        MUSTER_OK);
    run(world, 2);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_MESSAGE)->message.length, 2);
    muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, (const uint8_t *)"news", 4);
    run(world, 10);
    assert_int_equal(world->clients[0].custom_count, 1);
}

// As when a slow reader's queue drops what is long and keeps what is short.
static void what_a_link_drops_makes_its_packets_no_shorter(void **state)
{
    struct world *world = world_with_link(state, 70);
    run(world, 30);
    world->clients[0].path_bytes = 600;
    assert_int_equal(send_full_states(world, MUSTER_GATEWAY_STATE_BYTES_MAX, 200),
        MUSTER_GATEWAY_STATE_BYTES_MAX);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_NARROWED), 0);
    world->clients[0].path_bytes = 0;
    const uint32_t before_count = world->clients[0].update_count;
    assert_int_equal(send_full_states(world, MUSTER_GATEWAY_STATE_BYTES_MAX, 10),
        MUSTER_GATEWAY_STATE_BYTES_MAX);
    assert_int_equal(world->clients[0].update_count, before_count + 10);
}

static void a_link_that_is_replaced_is_told_and_closed(void **state)
{
    struct world *world = world_with_link(state, 70);
    update(world);
    (void)packets_reset(&world->to_clients);
    connect_link(world, 1, 71, 42);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 2);
    update(world);
    const struct heard old = hear(world, 70);
    assert_int_equal(old.close_reason, MUSTER_CLOSE_REPLACED);
    assert_int_equal(old.close_count, 1);
    assert_int_equal(hear(world, 71).close_count, 0);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
}

static void a_link_replaces_udp_and_udp_a_link(void **state)
{
    const muster_gateway_def def = world_default_def();
    struct world *world = world_create(state, &def);
    connect_client(world, 0, 42);
    run(world, 10);
    assert_false(find_event(world, MUSTER_GATEWAY_JOINED)->is_link);
    connect_link(world, 2, 70, 42);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
    assert_true(find_event(world, MUSTER_GATEWAY_RESUMED)->is_link);
    world->clients[0].is_silent = true;
    connect_client(world, 1, 42);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 2);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 0);
}

static void a_goodbye_that_waits_for_slots_keeps_its_reason(void **state)
{
    struct world *world = world_with_link(state, 70);
    muster_packet_batch none = {0};
    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, "enough");
    for (uint64_t passed_us = 0; passed_us < 2 * TIMEOUT_US; passed_us += 500000) {
        world->now.steady_us += 500000;
        muster_gateway_update(world->gateway, world->now, &none);
        drain_events(world);
    }
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LEFT), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 0);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
    update(world);
    assert_int_equal(hear(world, 70).close_reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(hear(world, 70).close_count, 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 0);
}

static void a_silent_link_is_closed_without_words(void **state)
{
    struct world *world = world_with_link(state, 70);
    update(world);
    for (uint64_t passed_us = 0; passed_us < TIMEOUT_US; passed_us += 500000) {
        assert_int_equal(hear(world, 70).close_count, 0);
        (void)packets_reset(&world->to_clients);
        world->now.steady_us += 500000;
        update(world);
    }
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 1);
    assert_int_equal(hear(world, 70).close_reason, 0);
    assert_int_equal(hear(world, 70).close_count, 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 0);
}

static void a_refused_player_is_told_and_the_link_closed(void **state)
{
    struct world *world = world_with_link(state, 70);
    connect_link(world, 1, 71, 43);
    connect_link(world, 2, 72, 44); // the rig has room for two
    assert_int_equal(find_event(world, MUSTER_GATEWAY_REFUSED)->reason, MUSTER_CLOSE_FULL);
    assert_true(find_event(world, MUSTER_GATEWAY_REFUSED)->is_link);
    update(world);
    assert_int_equal(hear(world, 72).close_reason, MUSTER_CLOSE_FULL);
    assert_int_equal(hear(world, 72).close_count, 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 2);
}

static void links_beyond_the_slots_are_refused(void **state)
{
    struct world *world = world_with_link(state, 1);
    uint32_t refused_count = 0;
    for (uint32_t i = 0; i < 200 && refused_count == 0; i++) {
        (void)packets_reset(&world->to_clients);
        connect_link(world, 1, 2 + i, 100 + i); // refused by the gateway, and never updated
        refused_count = hear(world, 2 + i).close_count;
        world->event_count = 0;
    }
    assert_int_equal(refused_count, 1);
    assert_int_equal(muster_gateway_link_counters(world->gateway)
                         ->values[MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL],
        1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_ticket_lets_a_player_in_and_is_welcomed, teardown),
        cmocka_unit_test_teardown(actions_and_messages_come_over_a_link, teardown),
        cmocka_unit_test_teardown(what_a_link_drops_makes_its_packets_no_shorter, teardown),
        cmocka_unit_test_teardown(a_link_that_is_replaced_is_told_and_closed, teardown),
        cmocka_unit_test_teardown(a_link_replaces_udp_and_udp_a_link, teardown),
        cmocka_unit_test_teardown(a_goodbye_that_waits_for_slots_keeps_its_reason, teardown),
        cmocka_unit_test_teardown(a_silent_link_is_closed_without_words, teardown),
        cmocka_unit_test_teardown(a_refused_player_is_told_and_the_link_closed, teardown),
        cmocka_unit_test_teardown(links_beyond_the_slots_are_refused, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
