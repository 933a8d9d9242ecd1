// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int teardown(void **state)
{
    sim_destroy(*state);
    return 0;
}

// Until a tick, so that what clients know can be compared afterwards.
#define WALK_TICKS 240u
#define STOP_TICKS 30u

static void everybody_walks(struct sim *sim, uint32_t client_index, muster_client *client)
{
    if (sim_tick(sim) > WALK_TICKS + STOP_TICKS) {
        return;
    }
    const float speed = sim_tick(sim) > WALK_TICKS ? 0.0f : client_index % 2 == 0 ? 3.0f : -3.0f;
    const muster_value values[] = {{.real = speed}, {.real = speed / 4.0f}};
    uint32_t sequence;
    const muster_status status = muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
    assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
}

// Every other client, from the first on, comes over a link.
static struct sim *sim_half_links(
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
        sim_set_link(sim, i, i % 2 == 0);
        sim_login(sim, i);
    }
    for (uint32_t i = 0; i < 50 && sim_playing_count(sim) < client_count; i++) {
        sim_run_ms(sim, 100);
    }
    sim_run_ms(sim, 500);
    assert_int_equal(sim_playing_count(sim), client_count);
    return sim;
}

static void players_over_links_and_udp_see_one_world(void **state)
{
    struct sim *sim = sim_half_links(state, 4, NULL, everybody_walks);
    assert_int_equal(sim_link_count(sim), 2);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REQUEST), 2);
    sim_run_ms(sim, 5000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(sim_view_is_right(sim, i, 20.0f));
        assert_in_range(muster_client_stats_of(sim_client(sim, i)).refreshes, 0, 0);
    }
    assert_true(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_ACTIONS) > 4 * 150);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(players_over_links_and_udp_see_one_world, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
