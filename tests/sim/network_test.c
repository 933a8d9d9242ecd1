// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bytes.h"
#include "muster/histogram.h"
#include "muster/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_COUNT 3u
#define TICK_S       (1.0 / 60.0)

// Minutes on a network that loses a fifth of all packets: one, or as many as the second argument
// says.

static uint32_t minutes_ms = 60000;

struct minutes {
    muster_histogram *age_us;
    uint32_t shouted[CLIENT_COUNT];
    uint32_t heard[CLIENT_COUNT][CLIENT_COUNT];
    bool is_over;  // nobody shouts, everybody stands still
    bool is_quiet; // nobody acts
};

static struct minutes minutes;

static void walk(muster_client *client, float x, float y)
{
    const muster_value values[] = {{.real = x}, {.real = y}};
    uint32_t sequence;
    const muster_status status = muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
    assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
}

static void shout_and_hear(struct sim *sim, uint32_t client_index, muster_client *client)
{
    muster_histogram_record(minutes.age_us, sim_update_age_us(sim, client_index));
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
        const uint32_t from = bytes_load_u32(message.bytes);
        assert_true(from < CLIENT_COUNT);
        const uint32_t number = bytes_load_u32(message.bytes + 4);
        assert_int_equal(number, ++minutes.heard[client_index][from]);
    }
    muster_replica_event event;
    while (muster_replica_view_pop_event(muster_client_view(client), &event)) {
    }
    const muster_random_key key = {.seed = 3, .entity = client_index, .tick = sim_tick(sim) / 30};
    const uint64_t bits = muster_random(key, 0);
    const float speed = minutes.is_over ? 0.0f : 1.0f;
    if (minutes.is_quiet) {
        return;
    }
    walk(client, speed * ((float)(bits % 7) - 3.0f), speed * ((float)(bits / 8 % 7) - 3.0f));
    if (!minutes.is_over && sim_tick(sim) % 20 == client_index) {
        uint8_t shout[8];
        bytes_store_u32(shout, client_index);
        bytes_store_u32(shout + 4, minutes.shouted[client_index] + 1);
        if (muster_client_send(client, SIM_MESSAGE_SHOUT, shout, sizeof shout) == MUSTER_OK) {
            minutes.shouted[client_index]++;
        }
    }
}

static void log_all_in(struct sim *sim, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sim_login(sim, i);
    }
    for (uint32_t i = 0; i < 100 && sim_playing_count(sim) < count; i++) {
        sim_run_ms(sim, 100);
    }
    assert_int_equal(sim_playing_count(sim), count);
}

static void minutes_at_a_fifth_lost_lose_nothing_that_counts(void **state)
{
    const muster_allocator heap = muster_heap_allocator();
    minutes = (struct minutes){.is_over = true}; // until everybody is there
    assert_int_equal(muster_histogram_create(&heap, &minutes.age_us), MUSTER_OK);
    const struct sim_def def = {.game = sim_game(),
        .seed = 11,
        .client_count = CLIENT_COUNT,
        .network = "delay=100ms,jitter=30ms,loss=20%",
        .behaviour = shout_and_hear};
    struct sim *sim = sim_create(&def);
    *state = sim;
    log_all_in(sim, CLIENT_COUNT);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_int_equal(muster_client_stats_of(sim_client(sim, i)).resumes, 0);
    }
    sim_run_ms(sim, 3000);
    muster_histogram_reset(minutes.age_us);
    minutes.is_over = false;
    sim_run_ms(sim, minutes_ms);
    minutes.is_over = true;
    sim_run_ms(sim, 2000);
    minutes.is_quiet = true;
    sim_run_ms(sim, 4000);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_true(sim_view_is_right(sim, i, 45.0f));
        assert_int_equal(muster_client_stats_of(sim_client(sim, i)).resumes, 0);
        for (uint32_t k = 0; k < CLIENT_COUNT; k++) {
            assert_int_equal(minutes.heard[i][k], minutes.shouted[k]);
        }
    }
    assert_true(muster_histogram_quantile(minutes.age_us, 990000) <= 250000);
    muster_histogram_destroy(minutes.age_us);
}

// A player who predicts its own steps, and what the server made of them.

struct prediction {
    float x, y;         // where the server will have the player, by the client's reckoning
    uint64_t tick;      // in this tick
    float way_x, way_y; // the last action that has counted
    uint32_t way_sequence;
    muster_client_action sent[4096]; // by sequence
    float right_x, right_y;
    uint32_t right_count, wrong_count;
};

static struct prediction prediction;

// The newest state of the own entity, and the actions that have not counted applied to it tick by
// tick: what a game client does after each update.
static void predict(muster_client *client)
{
    muster_replica_view *view = muster_client_view(client);
    muster_replica_event event;
    while (muster_replica_view_pop_event(view, &event)) {
    }
    float place[MUSTER_REPLICA_LANE_COUNT_MAX];
    muster_replica_entity entity = {0};
    for (uint32_t i = 0; i < 64 && !entity.is_mine; i++) {
        (void)muster_replica_view_entity(view, i, &entity);
    }
    if (!entity.is_mine ||
        !muster_replica_view_numbers(view, entity.index, SIM_FIELD_POSITION, place)) {
        return;
    }
    const uint32_t counted = muster_client_counted(client);
    float way_x = counted > 0 ? prediction.sent[counted % 4096].values[0].real : 0.0f;
    float way_y = counted > 0 ? prediction.sent[counted % 4096].values[1].real : 0.0f;
    muster_client_action pending[MUSTER_CLIENT_PENDING_MAX];
    const uint32_t count = muster_client_pending(client, pending, MUSTER_CLIENT_PENDING_MAX);
    const uint64_t end_tick = muster_client_tick(client);
    uint32_t next = 0;
    prediction.x = place[0];
    prediction.y = place[1];
    for (uint64_t tick = muster_client_newest_tick(client) + 1; tick <= end_tick; tick++) {
        while (next < count && pending[next].tick <= tick) {
            way_x = pending[next].values[0].real;
            way_y = pending[next].values[1].real;
            next++;
        }
        prediction.x += way_x * (float)TICK_S;
        prediction.y += way_y * (float)TICK_S;
    }
    prediction.tick = end_tick;
}

static void walk_and_predict(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)client_index;
    const uint64_t turn = sim_tick(sim) / 15;
    static const float ways[][2] = {{3, 0}, {0, 3}, {-3, 0}, {0, -3}, {0, 0}};
    walk(client, ways[turn % 5][0], ways[turn % 5][1]);
    muster_client_action pending[MUSTER_CLIENT_PENDING_MAX];
    const uint32_t count = muster_client_pending(client, pending, MUSTER_CLIENT_PENDING_MAX);
    if (count > 0) {
        prediction.sent[pending[count - 1].sequence % 4096] = pending[count - 1];
    }
    predict(client);
}

static void a_predicted_place_is_where_the_server_then_has_the_player(void **state)
{
    prediction = (struct prediction){0};
    const struct sim_def def = {.game = sim_game(),
        .seed = 4,
        .client_count = 1,
        .network = "delay=50ms,jitter=5ms,loss=5%",
        .behaviour = walk_and_predict};
    struct sim *sim = sim_create(&def);
    *state = sim;
    log_all_in(sim, 1);
    sim_run_ms(sim, 3000);
    float predicted[256][2] = {{0}};
    uint64_t predicted_ticks[256] = {0};
    for (uint32_t i = 0; i < 20000; i++) {
        sim_run_ms(sim, 1);
        const uint64_t at = prediction.tick % 256;
        predicted[at][0] = prediction.x;
        predicted[at][1] = prediction.y;
        predicted_ticks[at] = prediction.tick;
        float right[2];
        const uint64_t tick = sim_tick(sim);
        if (predicted_ticks[tick % 256] == tick && sim_player_place(sim, 0, right)) {
            const bool is_right = fabsf(predicted[tick % 256][0] - right[0]) < 0.03f &&
                                  fabsf(predicted[tick % 256][1] - right[1]) < 0.03f;
            prediction.right_count += is_right ? 1 : 0;
            prediction.wrong_count += is_right ? 0 : 1;
            predicted_ticks[tick % 256] = 0;
        }
    }
    // Wrong is only what the server counted later than meant, because a packet was lost.
    assert_true(prediction.right_count > 900);
    assert_true(prediction.wrong_count * 10 < prediction.right_count);
}

static int teardown(void **state)
{
    sim_destroy(*state);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(minutes_at_a_fifth_lost_lose_nothing_that_counts, teardown),
        cmocka_unit_test_teardown(
            a_predicted_place_is_where_the_server_then_has_the_player, teardown),
    };
    minutes_ms = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) * 60000 : minutes_ms;
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
