// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static int teardown(void **state)
{
    sim_destroy(*state);
    return 0;
}

static void walk(muster_client *client, float x, float y)
{
    const muster_value values[] = {{.real = x}, {.real = y}};
    uint32_t sequence;
    const muster_status status = muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
    assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
}

// Client 0 walks east for ever.
static void first_walks(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)sim;
    if (client_index == 0) {
        walk(client, 3.0f, 0.0f);
    }
}

static struct sim *sim_with(
    void **state, uint32_t client_count, const char *network, sim_behaviour *behaviour)
{
    const struct sim_def def = {
        .game = sim_game(),
        .seed = 1,
        .client_count = client_count,
        .network = network,
        .behaviour = behaviour,
    };
    struct sim *sim = sim_create(&def);
    *state = sim;
    for (uint32_t i = 0; i < client_count; i++) {
        sim_login(sim, i);
    }
    for (uint32_t i = 0; i < 50 && sim_playing_count(sim) < client_count; i++) {
        sim_run_ms(sim, 100);
    }
    sim_run_ms(sim, 500);
    assert_int_equal(sim_playing_count(sim), client_count);
    return sim;
}

// Where a client sees another player's entity: the first that is not its own.
static bool find_other(muster_client *client, float out_place[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    const muster_replica_view *view = muster_client_view(client);
    for (uint32_t i = 0; i < 256; i++) {
        muster_replica_entity entity;
        if (muster_replica_view_entity(view, i, &entity) && !entity.is_mine) {
            return muster_replica_view_numbers(view, i, SIM_FIELD_POSITION, out_place);
        }
    }
    return false;
}

static void a_client_sees_another_one_move(void **state)
{
    struct sim *sim = sim_with(state, 2, NULL, first_walks);
    float before[MUSTER_REPLICA_LANE_COUNT_MAX];
    float after[MUSTER_REPLICA_LANE_COUNT_MAX];
    assert_true(find_other(sim_client(sim, 1), before));
    sim_run_ms(sim, 2000);
    assert_true(find_other(sim_client(sim, 1), after));
    assert_true(after[0] - before[0] > 5.5f && after[0] - before[0] < 6.5f);
}

static void the_same_over_a_bad_network(void **state)
{
    struct sim *sim = sim_with(state, 2, "delay=100ms,jitter=30ms,loss=20%", first_walks);
    float before[MUSTER_REPLICA_LANE_COUNT_MAX];
    float after[MUSTER_REPLICA_LANE_COUNT_MAX];
    sim_run_ms(sim, 2000);
    assert_true(find_other(sim_client(sim, 1), before));
    sim_run_ms(sim, 2000);
    assert_true(find_other(sim_client(sim, 1), after));
    assert_true(after[0] - before[0] > 5.0f && after[0] - before[0] < 7.0f);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 0);
}

// The first half of a client's actions wait for the second, and all of them count.
static void two_ticks_of_actions_share_a_packet(void **state)
{
    uint64_t packets[2];
    uint64_t counted[2];
    for (uint32_t send_ticks = 1; send_ticks <= 2; send_ticks++) {
        const struct sim_def def = {
            .game = sim_game(),
            .seed = 1,
            .client_count = 1,
            .behaviour = first_walks,
            .send_ticks = send_ticks,
        };
        struct sim *sim = sim_create(&def);
        *state = sim;
        sim_login(sim, 0);
        sim_run_ms(sim, 1000);
        const muster_client_stats before = muster_client_stats_of(sim_client(sim, 0));
        const uint64_t actions_before = sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_ACTIONS);
        sim_run_ms(sim, 2000);
        const muster_client_stats after = muster_client_stats_of(sim_client(sim, 0));
        packets[send_ticks - 1] = after.packets_sent - before.packets_sent;
        counted[send_ticks - 1] =
            sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_ACTIONS) - actions_before;
        sim_destroy(sim);
        *state = NULL;
    }
    assert_in_range(packets[0], 117, 123);
    assert_in_range(packets[1], 58, 62);
    assert_in_range(counted[0], 117, 123);
    assert_in_range(counted[1], 117, 123);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_client_sees_another_one_move, teardown),
        cmocka_unit_test_teardown(the_same_over_a_bad_network, teardown),
        cmocka_unit_test_teardown(two_ticks_of_actions_share_a_packet, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
