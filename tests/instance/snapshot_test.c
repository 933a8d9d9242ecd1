// SPDX-License-Identifier: Apache-2.0
#include "muster/instance.h"

#include "core/bytes.h"
#include "core/hash.h"
#include "instance/probe_play.h"

#include <stdlib.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED 21

struct fixture {
    muster_game game;
    muster_instance *instance;
    muster_frame_builder *builder;
    struct probe_play play;
};

static muster_instance *create(const muster_game *game, uint64_t seed)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    def.seed = seed;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    return instance;
}

static void set_up(struct fixture *fixture)
{
    fixture->game = probe_game();
    fixture->play = (struct probe_play){.random_state = 77, .seed = SEED};
    fixture->instance = create(&fixture->game, SEED);
    const muster_frame_builder_def def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&def, &fixture->builder), MUSTER_OK);
}

static void tear_down(struct fixture *fixture)
{
    muster_instance_destroy(fixture->instance);
    muster_frame_builder_destroy(fixture->builder);
}

// Steps a world, and another one with the same frames if there is one.
static void run(struct fixture *fixture, muster_instance *other, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        const uint8_t *frame;
        uint32_t length;
        const uint64_t tick = muster_instance_tick(fixture->instance) + 1;
        assert_int_equal(
            probe_next_frame(&fixture->play, fixture->builder, tick, &frame, &length), MUSTER_OK);
        assert_int_equal(muster_instance_step(fixture->instance, frame, length), MUSTER_OK);
        if (other != NULL) {
            assert_int_equal(muster_instance_step(other, frame, length), MUSTER_OK);
            assert_true(muster_instance_hash(other) == muster_instance_hash(fixture->instance));
        }
    }
}

static uint8_t *take_snapshot(const muster_instance *instance, size_t *out_length)
{
    *out_length = muster_instance_snapshot_bytes(instance);
    uint8_t *bytes = malloc(*out_length);
    assert_non_null(bytes);
    muster_instance_snapshot(instance, bytes);
    return bytes;
}

// Makes the checksum right again after a change, as a forger can.
static void seal(uint8_t *bytes, size_t length)
{
    bytes_store_u64(bytes + length - 8, hash_bytes(bytes, length - 8, 1));
}

static void a_restored_world_goes_on_as_if_it_had_never_stopped(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    run(&fixture, NULL, 300);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);

    muster_instance *fresh = create(&fixture.game, SEED);
    assert_int_equal(muster_instance_restore(fresh, bytes, length), MUSTER_OK);
    assert_int_equal(muster_instance_tick(fresh), 300);
    assert_true(muster_instance_hash(fresh) == muster_instance_hash(fixture.instance));
    run(&fixture, fresh, 300);
    muster_instance_destroy(fresh);
    free(bytes);
    tear_down(&fixture);
}

static void a_world_can_go_back_to_an_older_state(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_instance *other = create(&fixture.game, SEED);
    run(&fixture, other, 50);
    size_t length;
    uint8_t *bytes = take_snapshot(other, &length);
    const struct probe_play play = fixture.play;
    run(&fixture, NULL, 400);

    // More slots are in use than in the snapshot; what lies beyond must not come through.
    assert_int_equal(muster_instance_restore(fixture.instance, bytes, length), MUSTER_OK);
    fixture.play = play;
    run(&fixture, other, 400);
    free(bytes);
    muster_instance_destroy(other);
    tear_down(&fixture);
}

static void equal_worlds_have_equal_snapshots(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_instance *other = create(&fixture.game, SEED);
    run(&fixture, other, 200);
    size_t length;
    size_t other_length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);
    uint8_t *other_bytes = take_snapshot(other, &other_length);
    assert_int_equal(length, other_length);
    assert_memory_equal(bytes, other_bytes, length);
    free(bytes);
    free(other_bytes);
    muster_instance_destroy(other);
    tear_down(&fixture);
}

static void a_snapshot_that_is_cut_or_damaged_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    run(&fixture, NULL, 100);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);
    run(&fixture, NULL, 10);
    const uint64_t hash = muster_instance_hash(fixture.instance);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(
            muster_instance_restore(fixture.instance, bytes, cut), MUSTER_ERR_MALFORMED);
    }
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(
            muster_instance_restore(fixture.instance, bytes, length), MUSTER_ERR_MALFORMED);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
    assert_true(muster_instance_hash(fixture.instance) == hash);
    assert_int_equal(muster_instance_tick(fixture.instance), 110);
    free(bytes);
    tear_down(&fixture);
}

static void a_forged_snapshot_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    run(&fixture, NULL, 100);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);
    run(&fixture, NULL, 10);
    muster_instance *witness = create(&fixture.game, SEED);
    size_t own_length;
    uint8_t *own = take_snapshot(fixture.instance, &own_length);
    assert_int_equal(muster_instance_restore(witness, own, own_length), MUSTER_OK);

    // Any byte may be wrong: either the state is one that can be, or nothing changes.
    for (size_t i = 0; i + 8 < length; i++) {
        const uint8_t kept = bytes[i];
        bytes[i] = (uint8_t)~kept;
        seal(bytes, length);
        muster_difference difference;
        if (muster_instance_restore(fixture.instance, bytes, length) != MUSTER_OK) {
            assert_false(muster_instance_difference(fixture.instance, witness, &difference));
        } else {
            assert_int_equal(muster_instance_restore(fixture.instance, own, own_length), MUSTER_OK);
        }
        bytes[i] = kept;
    }
    run(&fixture, witness, 50);
    free(own);
    free(bytes);
    muster_instance_destroy(witness);
    tear_down(&fixture);
}

// Where the first element of a block lies in a snapshot.
static size_t block_offset(const muster_instance *instance, const char *name)
{
    uint32_t count;
    const muster_state_block *blocks = muster_instance_blocks(instance, &count);
    size_t offset = muster_instance_snapshot_bytes(instance) - 8;
    for (uint32_t i = count; i > 0; i--) {
        const muster_state_block *block = &blocks[i - 1];
        offset -= (size_t)*block->element_count * muster_state_element_bytes(block);
        if (strcmp(block->name, name) == 0) {
            return offset;
        }
        offset -= 4;
    }
    fail_msg("no block %s", name);
    return 0;
}

static void a_state_that_no_world_has_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *block;
        uint32_t offset;
        uint8_t value;
    } cases[] = {
        {"slot_count", 0, 7},
        {"kind", 2, MUSTER_KIND_COUNT_MAX},
        {"alive", 2, 2},
        {"generation", 8, 0},
        {"owner", 2, 1},
        {"time_scale_permille", 1, 0xFF},
        {"tick", 7, 0xFF},
    };
    struct fixture fixture;
    set_up(&fixture);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t offset = block_offset(fixture.instance, cases[i].block) + cases[i].offset;
        const uint8_t kept = bytes[offset];
        assert_int_not_equal(kept, cases[i].value);
        bytes[offset] = cases[i].value;
        seal(bytes, length);
        assert_int_equal(
            muster_instance_restore(fixture.instance, bytes, length), MUSTER_ERR_MALFORMED);
        bytes[offset] = kept;
    }
    seal(bytes, length);
    assert_int_equal(muster_instance_restore(fixture.instance, bytes, length), MUSTER_OK);
    free(bytes);
    tear_down(&fixture);
}

static void a_snapshot_of_another_world_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);

    muster_instance *other = create(&fixture.game, SEED + 1);
    assert_int_equal(muster_instance_restore(other, bytes, length), MUSTER_ERR_VERSION);
    muster_instance_destroy(other);

    muster_game rules = fixture.game;
    rules.rules_version++;
    other = create(&rules, SEED);
    assert_int_equal(muster_instance_restore(other, bytes, length), MUSTER_ERR_VERSION);
    muster_instance_destroy(other);

    muster_game columns = fixture.game;
    columns.column_count--;
    columns.tasks = NULL;
    columns.task_count = 0;
    other = create(&columns, SEED);
    assert_int_equal(muster_instance_restore(other, bytes, length), MUSTER_ERR_VERSION);
    muster_instance_destroy(other);
    free(bytes);
    tear_down(&fixture);
}

static void a_restore_leaves_no_messages_or_events(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    size_t length;
    uint8_t *bytes = take_snapshot(fixture.instance, &length);
    assert_int_equal(muster_instance_restore(fixture.instance, bytes, length), MUSTER_OK);
    muster_core_event event;
    muster_outgoing outgoing;
    assert_false(muster_instance_pop_event(fixture.instance, &event));
    assert_false(muster_instance_pop_outgoing(fixture.instance, &outgoing));
    free(bytes);
    tear_down(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_world_goes_on_as_if_it_had_never_stopped),
        cmocka_unit_test(a_world_can_go_back_to_an_older_state),
        cmocka_unit_test(equal_worlds_have_equal_snapshots),
        cmocka_unit_test(a_snapshot_that_is_cut_or_damaged_changes_nothing),
        cmocka_unit_test(a_forged_snapshot_changes_nothing),
        cmocka_unit_test(a_state_that_no_world_has_is_refused),
        cmocka_unit_test(a_snapshot_of_another_world_is_refused),
        cmocka_unit_test(a_restore_leaves_no_messages_or_events),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
