// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_crowd.h"

#include "harness/shuffled_parallel.h"
#include "muster/frame_log.h"
#include "muster/replay.h"

#include <stdlib.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED         UINT64_C(42)
#define PLAYER_COUNT 60u
#define TICK_COUNT   400u

static struct crowd crowd;

static muster_instance *create(const muster_parallel *parallel)
{
    static const int64_t options[] = {
        [OPTION_BODIES] = 600,
        [OPTION_SCENE] = SCENE_BATTLE,
        [OPTION_CAMPS] = 12,
        [OPTION_TEAMS] = 3,
    };
    muster_instance_def def = muster_instance_default_def();
    def.game = muster_game_module();
    def.seed = SEED;
    def.options = options;
    def.parallel = *parallel;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    return instance;
}

static muster_frame_builder *create_builder(void)
{
    const muster_frame_builder_def def = muster_frame_builder_default_def();
    muster_frame_builder *builder;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_OK);
    crowd = (struct crowd){
        .random_state = SEED,
        .member_count = PLAYER_COUNT,
        .leave_permille = 20,
        .scene = SCENE_BATTLE,
    };
    return builder;
}

// What everybody does next, seeing one world.
static void make_frame(muster_frame_builder *builder,
    const muster_instance *instance,
    const uint8_t **out_frame,
    uint32_t *out_length)
{
    muster_frame_begin(builder, muster_instance_tick(instance) + 1, SEED);
    crowd_play(&crowd, builder, instance);
    muster_frame_close(builder, out_frame, out_length);
}

static uint32_t count_dead(const muster_instance *instance)
{
    const muster_world_view *view = muster_instance_view(instance);
    const uint8_t *health = view->columns[COLUMN_HEALTH];
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        count += view->is_alive[slot] != 0 && view->kind[slot] == KIND_FIGHTER && health[slot] == 0;
    }
    return count;
}

static void workers_and_their_order_change_nothing(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    struct shuffled_parallel two = {.seed = 1, .worker_count = 2};
    struct shuffled_parallel four = {.seed = 2, .worker_count = 4};
    const muster_parallel by_two = shuffled_parallel(&two);
    const muster_parallel by_four = shuffled_parallel(&four);
    muster_instance *instances[] = {create(&serial), create(&by_two), create(&by_four)};
    muster_frame_builder *builder = create_builder();
    uint32_t dead_count = 0;
    for (uint32_t i = 0; i < TICK_COUNT; i++) {
        const uint8_t *frame;
        uint32_t length;
        make_frame(builder, instances[0], &frame, &length);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(muster_instance_step(instances[k], frame, length), MUSTER_OK);
            assert_true(muster_instance_hash(instances[k]) == muster_instance_hash(instances[0]));
        }
        dead_count += count_dead(instances[0]);
    }
    assert_true(dead_count > 0); // they did fight
    for (size_t k = 0; k < 3; k++) {
        muster_instance_destroy(instances[k]);
    }
    muster_frame_builder_destroy(builder);
}

static void a_restored_world_goes_on_as_if_it_had_never_stopped(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *instance = create(&serial);
    muster_instance *fresh = create(&serial);
    muster_frame_builder *builder = create_builder();
    for (uint32_t i = 0; i < TICK_COUNT; i++) {
        if (i == TICK_COUNT / 2) {
            const size_t length = muster_instance_snapshot_bytes(instance);
            uint8_t *bytes = malloc(length);
            muster_instance_snapshot(instance, bytes);
            assert_int_equal(muster_instance_restore(fresh, bytes, length), MUSTER_OK);
            free(bytes);
        }
        const uint8_t *frame;
        uint32_t length;
        make_frame(builder, instance, &frame, &length);
        assert_int_equal(muster_instance_step(instance, frame, length), MUSTER_OK);
        if (i >= TICK_COUNT / 2) {
            assert_int_equal(muster_instance_step(fresh, frame, length), MUSTER_OK);
            assert_true(muster_instance_hash(instance) == muster_instance_hash(fresh));
        }
    }
    muster_instance_destroy(fresh);
    muster_instance_destroy(instance);
    muster_frame_builder_destroy(builder);
}

static void a_recording_plays_back_equal(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *instance = create(&serial);
    muster_frame_builder *builder = create_builder();
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = instance;
    muster_frame_log *log;
    assert_int_equal(muster_frame_log_create(&log_def, &log), MUSTER_OK);
    const size_t capacity = 16u << 20;
    uint8_t *recording = malloc(capacity);
    const uint8_t *bytes;
    size_t added;
    muster_frame_log_begin(log, &bytes, &added);
    memcpy(recording, bytes, added);
    size_t length = added;
    for (uint32_t i = 0; i < TICK_COUNT / 2; i++) {
        const uint8_t *frame;
        uint32_t frame_length;
        make_frame(builder, instance, &frame, &frame_length);
        assert_int_equal(muster_instance_step(instance, frame, frame_length), MUSTER_OK);
        assert_int_equal(muster_frame_log_add(log, frame, frame_length, &bytes, &added), MUSTER_OK);
        assert_true(length + added <= capacity);
        memcpy(recording + length, bytes, added);
        length += added;
    }
    muster_replay_def def = muster_replay_default_def();
    def.game = muster_game_module();
    def.bytes = recording;
    def.length = length;
    muster_replay *replay;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_OK);
    while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
    }
    assert_int_equal(muster_replay_state(replay), MUSTER_REPLAY_ENDED);
    assert_int_equal(muster_instance_tick(muster_replay_instance(replay)), TICK_COUNT / 2);
    muster_replay_destroy(replay);
    free(recording);
    muster_frame_log_destroy(log);
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_and_their_order_change_nothing),
        cmocka_unit_test(a_restored_world_goes_on_as_if_it_had_never_stopped),
        cmocka_unit_test(a_recording_plays_back_equal),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
