// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

// Clients on paths that do not carry long packets, in a world that moves so much that every update
// fills some.

#define CLIENT_COUNT  3u
#define NARROW_CLIENT 1u
#define CROWD_COUNT   200u
#define STOP_TICK     900u
#define CROWD_PURPOSE 2u
#define NEAR_M        45.0f

static void move_crowd(const muster_host *host, muster_world *world, uint32_t slot)
{
    const uint64_t tick = host->tick(world);
    const uint32_t *owner = host->column(world, MUSTER_COLUMN_OWNER);
    if (owner[slot] == 0) {
        const uint64_t bits = host->random(world, slot, CROWD_PURPOSE, (uint32_t)(tick / 30));
        const float speed = tick < STOP_TICK ? 1.0f : 0.0f;
        muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
        velocity[slot].x = speed * ((float)(bits % 7) - 3.0f);
        velocity[slot].y = speed * ((float)(bits / 8 % 7) - 3.0f);
    }
    sim_game()->tasks[0].run(host, world, slot);
}

static void join_crowd(const muster_host *host, muster_world *world, uint32_t player_index)
{
    if (host->entity_next(world, sim_game()->tasks[0].kind, 0) == MUSTER_NONE) {
        for (uint32_t i = 0; i < CROWD_COUNT; i++) {
            const muster_vec3 place = {(float)(i % 40), (float)(i / 5), 0.0f};
            uint32_t slot;
            if (host->entity_spawn(world, sim_game()->tasks[0].kind, place, &slot) != MUSTER_OK) {
                return;
            }
        }
    }
    sim_game()->join(host, world, player_index);
}

static const muster_game *crowd_game(void)
{
    static muster_task_def task;
    static muster_game game;
    task = sim_game()->tasks[0];
    task.run = move_crowd;
    game = *sim_game();
    game.tasks = &task;
    game.join = join_crowd;
    return &game;
}

// What a client has got, to compare it with another run.
struct account {
    uint64_t updates;
    uint64_t bytes;
};

static struct account account_of(struct sim *sim, uint32_t client_index)
{
    const muster_client_stats stats = muster_client_stats_of(sim_client(sim, client_index));
    return (struct account){.updates = stats.updates, .bytes = stats.bytes_received};
}

static struct sim *sim_with(void **state, const char *network, const char *narrow_network)
{
    const struct sim_def def = {
        .game = crowd_game(), .seed = 5, .client_count = CLIENT_COUNT, .network = network};
    struct sim *sim = sim_create(&def);
    *state = sim;
    sim_set_client_network(sim, NARROW_CLIENT, narrow_network);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    return sim;
}

static void assert_everybody_plays_and_sees(struct sim *sim)
{
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_true(sim_view_is_right(sim, i, NEAR_M));
        assert_int_equal(muster_client_stats_of(sim_client(sim, i)).resumes, 0);
        assert_true(sim_update_age_us(sim, i) < 250000);
    }
}

static void a_client_behind_a_narrow_path_plays_and_nobody_else_notices(void **state)
{
    struct account accounts[2][CLIENT_COUNT];
    for (uint32_t run = 0; run < 2; run++) {
        struct sim *sim =
            sim_with(state, "delay=20ms", run == 0 ? "delay=20ms" : "delay=20ms,mtu=1110B");
        sim_run_ms(sim, 3000);
        assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
        const uint64_t too_long_count = sim_too_long_count(sim, NARROW_CLIENT);
        assert_in_range(too_long_count, run == 0 ? 0 : 6, run == 0 ? 0 : 200);
        sim_run_ms(sim, 15000);
        assert_int_equal(sim_too_long_count(sim, NARROW_CLIENT), too_long_count);
        assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_NARROWED), run);
        assert_everybody_plays_and_sees(sim);
        for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
            accounts[run][i] = account_of(sim, i);
        }
        if (run == 0) {
            sim_destroy(sim);
        }
    }
    // When something is sent within its tick depends on how much there is to send to all.
    for (uint32_t i = 0; i < CLIENT_COUNT; i += 2) {
        const struct account *alone = &accounts[0][i];
        const struct account *beside = &accounts[1][i];
        assert_in_range(beside->updates * 1000, alone->updates * 995, alone->updates * 1005);
        assert_in_range(beside->bytes * 1000, alone->bytes * 995, alone->bytes * 1005);
    }
    // Shorter packets, and more of them, but no less of the world.
    assert_true(accounts[1][1].updates > accounts[0][1].updates);
    assert_true(accounts[1][1].bytes * 10 > accounts[0][1].bytes * 9);
}

static void a_path_that_becomes_narrow_is_found_while_playing(void **state)
{
    struct sim *sim = sim_with(state, "delay=20ms", "delay=20ms");
    sim_run_ms(sim, 4000);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_NARROWED), 0);
    sim_set_client_network(sim, NARROW_CLIENT, "delay=20ms,mtu=640B");
    sim_run_ms(sim, 3000);
    const uint64_t too_long_count = sim_too_long_count(sim, NARROW_CLIENT);
    sim_run_ms(sim, 11000);
    assert_int_equal(sim_too_long_count(sim, NARROW_CLIENT), too_long_count);
    assert_everybody_plays_and_sees(sim);
}

static void a_narrow_path_that_also_loses_by_chance_is_found(void **state)
{
    struct sim *sim =
        sim_with(state, "delay=50ms,jitter=10ms", "delay=50ms,jitter=10ms,loss=10%,mtu=1110B");
    sim_run_ms(sim, 4000);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    const uint64_t too_long_count = sim_too_long_count(sim, NARROW_CLIENT);
    sim_run_ms(sim, 16000);
    assert_int_equal(sim_too_long_count(sim, NARROW_CLIENT), too_long_count);
    sim_set_network(sim, "delay=50ms");
    sim_run_ms(sim, 1000);
    assert_everybody_plays_and_sees(sim);
}

// netcode's request to connect has 1,078 bytes, and nothing can make it shorter.
static void a_path_must_carry_the_request_to_connect(void **state)
{
    struct sim *sim = sim_with(state, "delay=20ms", "delay=20ms,mtu=1105B");
    sim_run_ms(sim, 3000);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT - 1);
    assert_int_equal(
        muster_client_state_of(sim_client(sim, NARROW_CLIENT)), MUSTER_CLIENT_CONNECTING);
    sim_set_client_network(sim, NARROW_CLIENT, "delay=20ms,mtu=1106B");
    sim_run_ms(sim, 3000);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
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
            a_client_behind_a_narrow_path_plays_and_nobody_else_notices, teardown),
        cmocka_unit_test_teardown(a_path_that_becomes_narrow_is_found_while_playing, teardown),
        cmocka_unit_test_teardown(a_narrow_path_that_also_loses_by_chance_is_found, teardown),
        cmocka_unit_test_teardown(a_path_must_carry_the_request_to_connect, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
