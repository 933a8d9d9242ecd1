// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "muster/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

// A server's ticks, a network and a client's clock, all simulated: updates go down, an action of
// each client tick goes up, and the server reports how early the latest one came.

#define TICK_US     16666
#define DELAY_COUNT 256u // packets under way, more than any round trip here holds
#define TARGET      2

struct model {
    struct clock clock;
    uint64_t seed;
    int64_t rtt_us;
    int64_t jitter_us;               // each way, plus or minus
    int64_t drift_ppm;               // of the client's clock
    int64_t shift_us;                // of the client's clock, by jumps
    int64_t stall_us;                // the server's ticks are late by this, for good
    uint64_t tick;                   // of the server
    int64_t arrives_us[DELAY_COUNT]; // of the update of a tick, or of the action of a client tick
    int64_t action_arrives_us[DELAY_COUNT];
    uint64_t action_ticks[DELAY_COUNT];
    struct play_update updates[DELAY_COUNT];
    uint64_t sent_count;
    uint64_t arrived_count;
    uint64_t shown_count;
    int32_t margin;
    int32_t margins_min, margins_max;
    int64_t margins_sum;
    uint32_t margins_count, late_count;
};

static int64_t draw(const struct model *model, uint64_t number, uint64_t purpose)
{
    const muster_random_key key = {.seed = model->seed, .tick = number, .purpose = purpose};
    const uint64_t span = (uint64_t)(2 * model->jitter_us + 1);
    return (int64_t)(muster_random(key, 0) % span) - model->jitter_us;
}

static uint64_t local_us(const struct model *model, int64_t true_us)
{
    return (uint64_t)(true_us + true_us / 1000000 * model->drift_ppm + model->shift_us + 5000000);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t tick_time_us(const struct model *model, uint64_t tick)
{
    return (int64_t)tick * TICK_US + model->stall_us;
}

// The server closes the frame of a tick: actions that have arrived by then are counted.
static void run_server_tick(struct model *model)
{
    model->tick++;
    const int64_t now_us = tick_time_us(model, model->tick);
    while (model->arrived_count < model->sent_count &&
           model->action_arrives_us[model->arrived_count % DELAY_COUNT] <= now_us) {
        const uint64_t named = model->action_ticks[model->arrived_count % DELAY_COUNT];
        // It arrived before this frame, and after the one before it.
        model->margin = (int32_t)((int64_t)named - (int64_t)model->tick);
        model->arrived_count++;
        model->margins_sum += model->margin;
        model->margins_count++;
        model->late_count += model->margin < 0 ? 1 : 0;
        model->margins_min =
            model->margin < model->margins_min ? model->margin : model->margins_min;
        model->margins_max =
            model->margin > model->margins_max ? model->margin : model->margins_max;
    }
    const uint32_t slot = model->tick % DELAY_COUNT;
    model->updates[slot] = (struct play_update){.tick_low = (uint16_t)model->tick,
        .counted_sequence = (uint32_t)model->arrived_count,
        .margin_ticks = (int8_t)(model->margin > 127    ? 127
                                 : model->margin < -127 ? -127
                                                        : model->margin)};
    model->arrives_us[slot] = later(now_us + model->rtt_us / 2 + draw(model, model->tick, 1),
        model->arrives_us[(model->tick - 1) % DELAY_COUNT]);
}

static void run_client(struct model *model, int64_t true_us, bool acts)
{
    while (model->shown_count < model->tick &&
           model->arrives_us[(model->shown_count + 1) % DELAY_COUNT] <= true_us) {
        model->shown_count++;
        const uint32_t slot = model->shown_count % DELAY_COUNT;
        clock_take(&model->clock, local_us(model, model->arrives_us[slot]), &model->updates[slot],
            TARGET, (uint32_t)model->rtt_us);
    }
    if (!acts) {
        return;
    }
    const uint64_t tick = clock_action_tick(&model->clock, local_us(model, true_us));
    model->clock.action_tick = tick;
    const uint32_t slot = model->sent_count % DELAY_COUNT;
    const int64_t before_us = model->sent_count > 0
                                  ? model->action_arrives_us[(slot + DELAY_COUNT - 1) % DELAY_COUNT]
                                  : 0;
    model->action_ticks[slot] = tick;
    model->action_arrives_us[slot] =
        later(true_us + model->rtt_us / 2 + draw(model, model->sent_count, 2), before_us);
    model->sent_count++;
}

static void run_s(struct model *model, uint32_t seconds, bool acts)
{
    for (uint32_t i = 0; i < 60 * seconds; i++) {
        run_server_tick(model);
        run_client(model, tick_time_us(model, model->tick) + 7000, acts);
    }
}

static void forget_margins(struct model *model)
{
    model->margins_sum = 0;
    model->margins_count = 0;
    model->late_count = 0;
    model->margins_min = INT32_MAX;
    model->margins_max = INT32_MIN;
}

static struct model model_of(int64_t rtt_us, int64_t jitter_us, int64_t drift_ppm)
{
    struct model model = {
        .seed = 7, .rtt_us = rtt_us, .jitter_us = jitter_us, .drift_ppm = drift_ppm};
    model.tick = 1000;
    model.shown_count = 1000;
    model.arrives_us[1000 % DELAY_COUNT] = tick_time_us(&model, 1000) + rtt_us / 2;
    clock_start(&model.clock, local_us(&model, model.arrives_us[1000 % DELAY_COUNT]), 1000, 60,
        TARGET, (uint32_t)rtt_us);
    return model;
}

static void assert_settled(struct model *model, int64_t spread_ticks)
{
    forget_margins(model);
    run_s(model, 10, true);
    const double mean = (double)model->margins_sum / model->margins_count;
    assert_true(mean >= 1.0 && mean <= 3.0);
    assert_true(model->margins_min >= TARGET - 1 - spread_ticks);
    assert_true(model->margins_max <= TARGET + 1 + spread_ticks);
    assert_true(model->late_count * 20 <= model->margins_count);
}

static void actions_arrive_one_to_three_ticks_early_on_any_network(void **state)
{
    (void)state;
    static const int64_t round_trips_us[] = {0, 20000, 50000, 100000, 200000, 300000};
    static const int64_t jitters_us[] = {0, 5000, 20000};
    for (uint32_t i = 0; i < 6; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            if (2 * jitters_us[k] > round_trips_us[i]) {
                continue;
            }
            struct model model = model_of(round_trips_us[i], jitters_us[k], 0);
            run_s(&model, 3, true);
            assert_settled(&model, (2 * jitters_us[k] + TICK_US - 1) / TICK_US);
        }
    }
}

static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    static const int64_t drifts_ppm[] = {-500, 500};
    for (uint32_t i = 0; i < 2; i++) {
        struct model model = model_of(100000, 5000, drifts_ppm[i]);
        run_s(&model, 60, true);
        assert_settled(&model, 1);
    }
}

static void after_a_jump_of_a_clock_the_margin_settles_again(void **state)
{
    (void)state;
    static const int64_t shifts_us[] = {400000, -300000};
    for (uint32_t i = 0; i < 2; i++) {
        struct model model = model_of(100000, 5000, 0);
        run_s(&model, 5, true);
        model.shift_us = shifts_us[i];
        run_s(&model, 5, true);
        assert_settled(&model, 1);
    }
}

static void after_a_stall_of_the_server_the_margin_settles_again(void **state)
{
    (void)state;
    struct model model = model_of(100000, 5000, 0);
    run_s(&model, 5, true);
    model.stall_us = 500000;
    run_s(&model, 5, true);
    assert_settled(&model, 1);
}

static void a_client_that_does_not_act_for_long_still_knows_the_time(void **state)
{
    (void)state;
    struct model model = model_of(100000, 5000, 300);
    run_s(&model, 2, true);
    run_s(&model, 60, false);
    forget_margins(&model);
    run_s(&model, 1, true);
    assert_true(model.margins_min >= 0 && model.margins_max <= 5);
}

static void ticks_of_actions_never_go_back(void **state)
{
    (void)state;
    struct model model = model_of(50000, 20000, 0);
    uint64_t before = 0;
    for (uint32_t i = 0; i < 600; i++) {
        model.shift_us = i == 300 ? -100000 : model.shift_us;
        run_server_tick(&model);
        run_client(&model, tick_time_us(&model, model.tick) + 7000, true);
        assert_true(model.clock.action_tick >= before);
        before = model.clock.action_tick;
    }
}

static void the_picture_runs_evenly_behind_what_has_arrived(void **state)
{
    (void)state;
    struct model model = model_of(100000, 20000, 200);
    run_s(&model, 3, true);
    int64_t before_us = -1;
    uint32_t ahead_count = 0;
    for (uint32_t i = 0; i < 600; i++) {
        run_server_tick(&model);
        const int64_t true_us = tick_time_us(&model, model.tick) + 7000;
        run_client(&model, true_us, true);
        clock_render(&model.clock, local_us(&model, true_us));
        const int64_t step_us = model.clock.render_us - before_us;
        assert_true(before_us < 0 || (step_us > TICK_US * 8 / 10 && step_us < TICK_US * 12 / 10));
        before_us = model.clock.render_us;
        ahead_count += (uint64_t)model.clock.render_us > model.clock.newest_tick * TICK_US ? 1 : 0;
    }
    assert_true(ahead_count <= 12); // in a fiftieth of all pictures the newest state is missing
    assert_true(clock_interpolation_us(&model.clock) < 120000);
}

static void the_low_bits_of_a_tick_are_taken_as_the_nearest_one(void **state)
{
    (void)state;
    struct clock clock;
    clock_start(&clock, 1000000, 65530, 60, TARGET, 0);
    struct play_update update = {.tick_low = 3};
    clock_take(&clock, 1100000, &update, TARGET, 0);
    assert_int_equal(clock.newest_tick, 65539);
    update.tick_low = 65535; // overtaken
    clock_take(&clock, 1200000, &update, TARGET, 0);
    assert_int_equal(clock.newest_tick, 65539);
    clock_start(&clock, 1000000, 3, 60, TARGET, 0);
    update.tick_low = 65535; // before all time
    clock_take(&clock, 1200000, &update, TARGET, 0);
    assert_int_equal(clock.newest_tick, 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_arrive_one_to_three_ticks_early_on_any_network),
        cmocka_unit_test(a_clock_that_drifts_is_followed),
        cmocka_unit_test(after_a_jump_of_a_clock_the_margin_settles_again),
        cmocka_unit_test(after_a_stall_of_the_server_the_margin_settles_again),
        cmocka_unit_test(a_client_that_does_not_act_for_long_still_knows_the_time),
        cmocka_unit_test(ticks_of_actions_never_go_back),
        cmocka_unit_test(the_picture_runs_evenly_behind_what_has_arrived),
        cmocka_unit_test(the_low_bits_of_a_tick_are_taken_as_the_nearest_one),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
