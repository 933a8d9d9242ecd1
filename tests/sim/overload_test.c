// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/server/server_event.h"
#include "core/bytes.h"

#include <stdio.h>
#include <string.h>

// A server that cannot keep up: what it tells of it, and what becomes of players whose messages
// find no room.

#define FLOOD_TICK       300u
#define FLOOD_TICK_COUNT 4500u
#define NOISE_BYTES      1000u
#define NEWS_TICKS       100u // between two pieces of news

enum { MESSAGE_SHOUT, MESSAGE_NOISE };

// Noise for player 0, which may be lost, and now and then a number for player 1, which may not.
static void flood(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    const uint64_t tick = host->tick(world);
    if (tick < FLOOD_TICK || tick >= FLOOD_TICK + FLOOD_TICK_COUNT) {
        return;
    }
    if (tick % NEWS_TICKS == 0) {
        uint8_t number[4];
        bytes_store_u32(number, (uint32_t)((tick - FLOOD_TICK) / NEWS_TICKS));
        assert_int_equal(
            host->message_send(world, MESSAGE_SHOUT, MUSTER_TO_PLAYER, 1, number, 4), MUSTER_OK);
    }
    static const uint8_t noise[NOISE_BYTES] = {0};
    for (uint32_t i = 0; i < 4; i++) {
        (void)host->message_send(world, MESSAGE_NOISE, MUSTER_TO_PLAYER, 0, noise, NOISE_BYTES);
    }
}

static const muster_game *flood_game(void)
{
    static const muster_message_def messages[] = {{"shout", 200, true, true, .rate_hz_max = 20},
        {"noise", NOISE_BYTES, false, false, .rate_hz_max = 1}};
    static const muster_task_def tasks[] = {{"flood", MUSTER_TASK_CRITICAL, MUSTER_TASK_ONCE,
        .period_ticks = 1, .deadline_ticks = 1, .run = flood}};
    static muster_game game;
    game = *sim_game();
    game.messages = messages;
    game.message_count = 2;
    game.tasks = tasks;
    return &game;
}

static uint32_t heard_count;

// News comes in order and without a gap.
static void hear(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)sim;
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
        if (message.message_index == MESSAGE_SHOUT) {
            assert_int_equal(client_index, 1);
            assert_int_equal(bytes_load_u32(message.bytes), heard_count);
            heard_count++;
        }
    }
}

static struct sim *sim_with(void **state, const muster_game *game)
{
    const struct sim_def def = {
        .game = game, .seed = 1, .client_count = 3, .network = "delay=5ms", .behaviour = hear};
    struct sim *sim = sim_create(&def);
    *state = sim;
    for (uint32_t i = 0; i < 3; i++) {
        sim_login(sim, i);
        sim_run_ms(sim, 500); // one after the other, so that indices are known
    }
    assert_int_equal(sim_playing_count(sim), 3);
    return sim;
}

static void a_reliable_message_without_room_ends_its_player_and_nobody_else(void **state)
{
    heard_count = 0;
    struct sim *sim = sim_with(state, flood_game());
    assert_int_equal(muster_client_player_index(sim_client(sim, 1)), 1);
    assert_true(sim_tick(sim) < FLOOD_TICK);
    sim_stall_network(sim, FLOOD_TICK + FLOOD_TICK_COUNT);
    assert_true(muster_stats_read(server_stats(sim_server(sim)), SERVER_STAT_LINK_FULL, 1) > 0);
    sim_run_ms(sim, 2000);
    assert_in_range(heard_count, 1, FLOOD_TICK_COUNT / NEWS_TICKS - 1);
    assert_int_equal(muster_client_state_of(sim_client(sim, 1)), MUSTER_CLIENT_CLOSED);
    assert_int_equal(muster_client_close_reason(sim_client(sim, 1)), MUSTER_CLOSE_LIMIT);
    assert_string_equal(muster_client_close_text(sim_client(sim, 1)), "too far behind");
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_KICKED), 1);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_QUEUE_FULL), 0);
    assert_int_equal(sim_playing_count(sim), 2);

    // Whoever takes the place is not concerned.
    sim_login(sim, 1);
    sim_run_ms(sim, 2000);
    assert_int_equal(sim_playing_count(sim), 3);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_KICKED), 1);
}

static uint32_t take_missed(struct sim *sim, struct server_event *out_last)
{
    uint32_t count = 0;
    struct server_event event;
    while (server_pop_event(sim_server(sim), &event)) {
        if (event.event.type == MUSTER_EVENT_TICK_MISSED) {
            *out_last = event;
            count++;
        }
    }
    return count;
}

static void missed_ticks_are_told_once_a_second_with_their_number(void **state)
{
    struct sim *sim = sim_with(state, sim_game());
    struct server *server = sim_server(sim);
    struct server_event event;
    (void)take_missed(sim, &event);
    uint64_t now_us = 1000000;
    server_tell_tick_time(server, now_us, 0);
    assert_int_equal(take_missed(sim, &event), 0);
    server_tell_tick_time(server, now_us, 500);
    assert_int_equal(take_missed(sim, &event), 1); // the first at once
    assert_int_equal(event.event.detail, 1);
    assert_string_equal(event.event.text, "late by up to 500 us");
    for (uint32_t i = 0; i < 120; i++) {
        now_us += 1000000 / 60;
        server_tell_tick_time(server, now_us, 1000 + i % 50);
    }
    assert_int_equal(take_missed(sim, &event), 1);
    assert_int_equal(event.event.detail, 61);
    assert_string_equal(event.event.text, "late by up to 1049 us");
    now_us += 1000000; // the rest follows when all is well again
    server_tell_tick_time(server, now_us, 0);
    assert_int_equal(take_missed(sim, &event), 1);
    assert_int_equal(event.event.detail, 59);
    now_us += 1000000;
    server_tell_tick_time(server, now_us, 0);
    assert_int_equal(take_missed(sim, &event), 0);
}

// Everybody walks, so that there is something to tell in every tick.
static void wander(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)client_index;
    const muster_value values[] = {
        {.real = sim_tick(sim) % 120 < 60 ? 2.0f : -2.0f}, {.real = 0.0f}};
    uint32_t sequence;
    assert_int_equal(muster_client_act(client, SIM_ACTION_WALK, values, &sequence), MUSTER_OK);
}

static uint64_t updates_in_a_second(struct sim *sim, bool is_late)
{
    const uint64_t before = muster_client_stats_of(sim_client(sim, 0)).updates;
    for (uint32_t ms = 0; ms < 1000; ms += 10) {
        server_tell_tick_time(sim_server(sim), sim_now(sim).steady_us, is_late ? 500 : 0);
        sim_run_ms(sim, 10);
    }
    return muster_client_stats_of(sim_client(sim, 0)).updates - before;
}

static void after_a_missed_tick_clients_take_turns_for_half_a_second(void **state)
{
    const struct sim_def def = {.game = sim_game(),
        .seed = 1,
        .client_count = 20,
        .network = "delay=5ms",
        .behaviour = wander};
    struct sim *sim = sim_create(&def);
    *state = sim;
    for (uint32_t i = 0; i < 20; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 2000);
    assert_int_equal(sim_playing_count(sim), 20);
    assert_in_range(updates_in_a_second(sim, false), 55, 65);
    assert_in_range(updates_in_a_second(sim, true), 28, 33);
    assert_in_range(updates_in_a_second(sim, false), 40, 50);
    assert_in_range(updates_in_a_second(sim, false), 55, 65);
}

static int teardown(void **state)
{
    sim_destroy(*state);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(
            a_reliable_message_without_room_ends_its_player_and_nobody_else, teardown),
        cmocka_unit_test_teardown(
            after_a_missed_tick_clients_take_turns_for_half_a_second, teardown),
        cmocka_unit_test_teardown(missed_ticks_are_told_once_a_second_with_their_number, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
