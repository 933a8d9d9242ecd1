// SPDX-License-Identifier: Apache-2.0
#include "muster/frame_log.h"
#include "muster/replay.h"

#include "harness/failing_heap.h"
#include "instance/probe_play.h"

#include <stdlib.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED          33
#define LOG_BYTES_MAX (4u * 1024 * 1024)

// Records a play of the probe game into memory. A test may spoil the world in one tick.
struct recording {
    muster_game game;
    muster_instance *instance;
    muster_frame_builder *builder;
    muster_frame_log *log;
    struct probe_play play;
    uint8_t *bytes;
    size_t length;
};

static void append(struct recording *recording, const uint8_t *bytes, size_t length)
{
    assert_true(recording->length + length <= LOG_BYTES_MAX);
    memcpy(recording->bytes + recording->length, bytes, length);
    recording->length += length;
}

static void set_up(struct recording *recording, uint32_t snapshot_period_ticks)
{
    *recording = (struct recording){
        .game = probe_game(),
        .play = {.random_state = 3, .seed = SEED},
        .bytes = malloc(LOG_BYTES_MAX),
    };
    muster_instance_def def = muster_instance_default_def();
    def.game = &recording->game;
    def.seed = SEED;
    assert_int_equal(muster_instance_create(&def, &recording->instance), MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&builder_def, &recording->builder), MUSTER_OK);
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = recording->instance;
    log_def.snapshot_period_ticks = snapshot_period_ticks;
    assert_int_equal(muster_frame_log_create(&log_def, &recording->log), MUSTER_OK);
    const uint8_t *bytes;
    size_t length;
    muster_frame_log_begin(recording->log, &bytes, &length);
    append(recording, bytes, length);
}

static void tear_down(struct recording *recording)
{
    muster_frame_log_destroy(recording->log);
    muster_instance_destroy(recording->instance);
    muster_frame_builder_destroy(recording->builder);
    free(recording->bytes);
}

// Steps the world with a frame and logs it.
static void record_frame(struct recording *recording, const uint8_t *frame, uint32_t frame_length)
{
    const uint8_t *bytes;
    size_t length;
    assert_int_equal(muster_instance_step(recording->instance, frame, frame_length), MUSTER_OK);
    assert_int_equal(
        muster_frame_log_add(recording->log, frame, frame_length, &bytes, &length), MUSTER_OK);
    append(recording, bytes, length);
}

static void record(struct recording *recording, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        const uint8_t *frame;
        uint32_t length;
        const uint64_t tick = muster_instance_tick(recording->instance) + 1;
        assert_int_equal(
            probe_next_frame(&recording->play, recording->builder, tick, &frame, &length),
            MUSTER_OK);
        record_frame(recording, frame, length);
    }
}

// Ticks in which nothing comes but, in one of them, a player, and in another it goes.
static void record_visit(
    struct recording *recording, uint64_t join_tick, uint64_t leave_tick, uint64_t last_tick)
{
    const muster_player player = probe_player(0);
    const uint64_t first_tick = muster_instance_tick(recording->instance) + 1;
    for (uint64_t tick = first_tick; tick <= last_tick; tick++) {
        const uint8_t *frame;
        uint32_t length;
        muster_frame_begin(recording->builder, tick, SEED);
        if (tick == join_tick) {
            assert_int_equal(muster_frame_add_join(recording->builder, 0, &player), MUSTER_OK);
        } else if (tick == leave_tick) {
            assert_int_equal(muster_frame_add_leave(recording->builder, 0, player.id), MUSTER_OK);
        }
        muster_frame_close(recording->builder, &frame, &length);
        record_frame(recording, frame, length);
    }
}

static muster_replay_def replay_def(const struct recording *recording)
{
    muster_replay_def def = muster_replay_default_def();
    def.game = &recording->game;
    def.bytes = recording->bytes;
    def.length = recording->length;
    return def;
}

static muster_replay *replay_all(const muster_replay_def *def)
{
    muster_replay *replay;
    assert_int_equal(muster_replay_create(def, &replay), MUSTER_OK);
    while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
    }
    return replay;
}

// The array of a block of the recorded world, to spoil.
static void *block_data(const struct recording *recording, const char *name)
{
    uint32_t count;
    const muster_state_block *blocks = muster_instance_blocks(recording->instance, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(blocks[i].name, name) == 0) {
            return blocks[i].data;
        }
    }
    fail_msg("no block %s", name);
    return NULL;
}

static void a_log_replays_equal_at_every_tick(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 100);
    record(&recording, 450);
    const muster_replay_def def = replay_def(&recording);
    muster_replay *replay = replay_all(&def);
    assert_int_equal(muster_replay_state(replay), MUSTER_REPLAY_ENDED);
    assert_null(muster_replay_found(replay));
    const muster_instance *instance = muster_replay_instance(replay);
    assert_int_equal(muster_instance_tick(instance), 450);
    assert_true(muster_instance_hash(instance) == muster_instance_hash(recording.instance));
    assert_int_equal(muster_replay_step(replay), MUSTER_REPLAY_ENDED);
    muster_replay_destroy(replay);
    tear_down(&recording);
}

static void a_replay_starts_at_the_snapshot_before_a_tick(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 100);
    record(&recording, 450);
    muster_replay_def def = replay_def(&recording);
    def.from_tick = 317;
    def.to_tick = 333;
    muster_replay *replay;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_OK);
    assert_int_equal(muster_instance_tick(muster_replay_instance(replay)), 300);
    while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
    }
    assert_int_equal(muster_replay_state(replay), MUSTER_REPLAY_ENDED);
    assert_int_equal(muster_instance_tick(muster_replay_instance(replay)), 333);
    muster_replay_destroy(replay);
    tear_down(&recording);
}

static void one_number_that_differs_is_named_with_both_values(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 100);
    record(&recording, 250);
    muster_vec3 *velocity = block_data(&recording, "velocity");
    velocity[5].y = 0.5f; // walker 5 belongs to nobody and stands still
    record(&recording, 50);

    const muster_replay_def def = replay_def(&recording);
    muster_replay *replay = replay_all(&def);
    const muster_replay_finding *found = muster_replay_found(replay);
    assert_non_null(found);
    assert_int_equal(found->tick, 251);
    assert_true(found->is_by_entity);
    assert_int_equal(found->element_min, 5);
    assert_int_equal(found->element_max, 5);
    assert_int_equal(found->entity_id, muster_instance_view(recording.instance)->id[5]);

    // It moved in that tick, and position comes first.
    assert_string_equal(found->block_name, "position");
    assert_int_equal(found->lane_index, 1);
    assert_true(found->has_recorded);
    float recorded;
    float replayed;
    memcpy(&recorded, &found->recorded_bits, sizeof recorded);
    memcpy(&replayed, &found->replayed_bits, sizeof replayed);
    assert_true(replayed == 1.0f);
    assert_true(recorded == 1.0f + 0.5f * (1.0f / 60.0f));
    assert_true(found->recorded_hash != found->replayed_hash);
    muster_replay_destroy(replay);
    tear_down(&recording);
}

static void numbers_of_every_width_are_named(void **state)
{
    (void)state;
    const struct {
        const char *block;
        uint32_t element;
        uint32_t bytes;
        bool is_by_entity;
    } cases[] = {
        {"health", 5, 2, true}, // it does not heal in that tick
        {"thrower", 3, 8, true},
        {"team", 2, 2, true},
        {"life", 1, 4, true},
        {"player_score", 9, 4, false},
        {"blob", 5, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct recording recording;
        set_up(&recording, 1000);
        record(&recording, 201);
        uint8_t *data = block_data(&recording, cases[i].block);
        data[cases[i].element * cases[i].bytes + cases[i].bytes - 1] ^= 0x40;
        record(&recording, 1);
        const muster_replay_def def = replay_def(&recording);
        muster_replay *replay = replay_all(&def);
        const muster_replay_finding *found = muster_replay_found(replay);
        assert_non_null(found);
        assert_int_equal(found->tick, 202);
        assert_string_equal(found->block_name, cases[i].block);
        assert_int_equal(found->element_min, cases[i].element);
        assert_int_equal(found->element_max, cases[i].element);
        assert_int_equal(found->is_by_entity, cases[i].is_by_entity);
        assert_true(found->has_recorded);
        assert_true((found->recorded_bits ^ found->replayed_bits) ==
                    UINT64_C(0x40) << (8 * (cases[i].bytes - 1)));
        muster_replay_destroy(replay);
        tear_down(&recording);
    }
}

static void of_several_entities_one_or_a_range_is_named(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    record(&recording, 100);
    muster_vec3 *velocity = block_data(&recording, "velocity");
    velocity[3].x = 0.5f;
    velocity[6].x = 0.75f;
    record(&recording, 1);
    const muster_replay_def def = replay_def(&recording);
    muster_replay *replay = replay_all(&def);
    const muster_replay_finding *found = muster_replay_found(replay);
    assert_non_null(found);
    assert_string_equal(found->block_name, "position");
    assert_int_equal(found->element_min, 0);
    assert_int_equal(found->element_max, 255);
    assert_false(found->has_recorded);
    muster_replay_destroy(replay);
    tear_down(&recording);
}

// What has gone to zero since a snapshot is not in the log and must not be held against the world.
static void sums_start_anew_at_a_snapshot(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 10);
    record_visit(&recording, 5, 11, 11);
    uint8_t *blob = block_data(&recording, "blob");
    blob[1] ^= 1;
    record_visit(&recording, 5, 11, 12);
    const muster_replay_def def = replay_def(&recording);
    muster_replay *replay = replay_all(&def);
    const muster_replay_finding *found = muster_replay_found(replay);
    assert_non_null(found);
    assert_int_equal(found->tick, 12);
    assert_string_equal(found->block_name, "blob");
    assert_int_equal(found->element_min, 1);
    muster_replay_destroy(replay);
    tear_down(&recording);
}

static void a_log_is_good_up_to_its_last_whole_record(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 10);
    size_t ends[41];
    for (uint32_t i = 0; i <= 40; i++) {
        ends[i] = recording.length;
        record(&recording, 1);
    }
    muster_replay_def def = replay_def(&recording);
    const size_t length = ends[40];
    for (size_t cut = 0; cut <= length; cut += cut < ends[0] ? 1 : 7) {
        uint8_t *copy = malloc(cut + 1); // so that a read behind the end is seen
        memcpy(copy, recording.bytes, cut);
        def.bytes = copy;
        def.length = cut;
        muster_replay *replay;
        const muster_status status = muster_replay_create(&def, &replay);
        if (cut < ends[0]) {
            assert_int_equal(status, MUSTER_ERR_MALFORMED);
            free(copy);
            continue;
        }
        assert_int_equal(status, MUSTER_OK);
        while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
        }
        const uint64_t tick = muster_instance_tick(muster_replay_instance(replay));
        assert_true(muster_replay_state(replay) == MUSTER_REPLAY_ENDED ||
                    muster_replay_state(replay) == MUSTER_REPLAY_CUT);
        assert_true(ends[tick] <= cut || tick % 10 == 0);
        assert_true(tick == 40 || cut < ends[tick + 1]);
        muster_replay_destroy(replay);
        free(copy);
    }
    tear_down(&recording);
}

static void a_damaged_record_ends_the_replay(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    record(&recording, 20);
    const size_t end = recording.length;
    record(&recording, 1);
    const muster_replay_def def = replay_def(&recording);
    for (size_t i = end; i < recording.length; i++) {
        recording.bytes[i] ^= 0x10;
        muster_replay *replay = replay_all(&def);
        assert_true(muster_replay_state(replay) == MUSTER_REPLAY_DAMAGED ||
                    muster_replay_state(replay) == MUSTER_REPLAY_CUT);
        assert_int_equal(muster_instance_tick(muster_replay_instance(replay)), 20);
        muster_replay_destroy(replay);
        recording.bytes[i] ^= 0x10;
    }
    tear_down(&recording);
}

static void a_log_of_another_game_or_format_is_refused(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    record(&recording, 5);
    muster_game other = recording.game;
    other.rules_version++;
    muster_replay_def def = replay_def(&recording);
    def.game = &other;
    muster_replay *replay;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_ERR_VERSION);
    assert_null(replay);

    def.game = &recording.game;
    recording.bytes[8]++; // the format's version
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_ERR_VERSION);
    recording.bytes[8]--;
    recording.bytes[0]++;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_ERR_MALFORMED);
    def.bytes = NULL;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_ERR_INVALID);
    tear_down(&recording);
}

static void the_header_names_the_world(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    muster_world_identity identity;
    size_t offset;
    assert_int_equal(
        muster_frame_log_read_header(recording.bytes, recording.length, &identity, &offset),
        MUSTER_OK);
    assert_string_equal(identity.game_name, "probe");
    assert_int_equal(identity.rules_version, 3);
    assert_int_equal(identity.tick_rate_hz, 60);
    assert_int_equal(identity.seed, SEED);
    assert_int_equal(identity.instance_id, 1);
    assert_int_equal(identity.limits.entity_count_max, 600);
    tear_down(&recording);
}

static void creation_survives_a_heap_that_runs_dry(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    record(&recording, 5);
    struct failing_heap heap = {0};
    muster_replay_def def = replay_def(&recording);
    def.allocator = failing_heap_allocator(&heap);
    muster_replay *replay;
    muster_status status;
    do {
        status = muster_replay_create(&def, &replay);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        heap.alloc_count_max += heap.alloc_count + 1;
    } while (status != MUSTER_OK);
    muster_replay_destroy(replay);
    assert_int_equal(heap.bytes_live, 0);
    muster_replay_destroy(NULL);

    heap = (struct failing_heap){0};
    muster_frame_log_def log_def = muster_frame_log_default_def();
    muster_frame_log *log;
    assert_int_equal(muster_frame_log_create(&log_def, &log), MUSTER_ERR_INVALID);
    log_def.instance = recording.instance;
    log_def.allocator = failing_heap_allocator(&heap);
    assert_int_equal(muster_frame_log_create(&log_def, &log), MUSTER_ERR_NO_MEMORY);
    log_def.snapshot_period_ticks = 0;
    assert_int_equal(muster_frame_log_create(&log_def, &log), MUSTER_ERR_INVALID);
    muster_frame_log_destroy(NULL);
    tear_down(&recording);
}

static void a_frame_that_is_too_long_for_the_log_is_full(void **state)
{
    (void)state;
    struct recording recording;
    set_up(&recording, 1000);
    muster_frame_log_def def = muster_frame_log_default_def();
    def.instance = recording.instance;
    def.frame_bytes_max = 3;
    muster_frame_log *log;
    assert_int_equal(muster_frame_log_create(&def, &log), MUSTER_OK);
    const uint8_t frame[4] = {0};
    const uint8_t *bytes;
    size_t length;
    assert_int_equal(muster_frame_log_add(log, frame, 4, &bytes, &length), MUSTER_ERR_FULL);
    assert_int_equal(length, 0);
    muster_frame_log_destroy(log);
    tear_down(&recording);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_replays_equal_at_every_tick),
        cmocka_unit_test(a_replay_starts_at_the_snapshot_before_a_tick),
        cmocka_unit_test(one_number_that_differs_is_named_with_both_values),
        cmocka_unit_test(numbers_of_every_width_are_named),
        cmocka_unit_test(of_several_entities_one_or_a_range_is_named),
        cmocka_unit_test(sums_start_anew_at_a_snapshot),
        cmocka_unit_test(a_log_is_good_up_to_its_last_whole_record),
        cmocka_unit_test(a_damaged_record_ends_the_replay),
        cmocka_unit_test(a_log_of_another_game_or_format_is_refused),
        cmocka_unit_test(the_header_names_the_world),
        cmocka_unit_test(creation_survives_a_heap_that_runs_dry),
        cmocka_unit_test(a_frame_that_is_too_long_for_the_log_is_full),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
