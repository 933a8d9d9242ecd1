// SPDX-License-Identifier: Apache-2.0
#include "muster/frame.h"
#include "muster/instance.h"

#include "harness/failing_heap.h"
#include "instance/probe_play.h"

#include <stdlib.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED 9

struct fixture {
    muster_game game;
    muster_instance *instance;
    muster_frame_builder *builder;
};

static const uint64_t id_of_3[2] = {5, 6};

static muster_frame_builder *create_builder(uint32_t input_count_max, uint32_t bytes_max)
{
    muster_frame_builder_def def = muster_frame_builder_default_def();
    def.input_count_max = input_count_max;
    def.bytes_max = bytes_max;
    muster_frame_builder *builder;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_OK);
    return builder;
}

// A world in tick 1, with player 3.
static void set_up(struct fixture *fixture)
{
    fixture->game = probe_game();
    muster_instance_def def = muster_instance_default_def();
    def.game = &fixture->game;
    def.seed = SEED;
    assert_int_equal(muster_instance_create(&def, &fixture->instance), MUSTER_OK);
    fixture->builder = create_builder(1000, 65536);

    const muster_player player = {.id = {5, 6}, .name = "lin"};
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(fixture->builder, 1, SEED);
    assert_int_equal(muster_frame_add_join(fixture->builder, 3, &player), MUSTER_OK);
    muster_frame_close(fixture->builder, &frame, &length);
    assert_int_equal(muster_instance_step(fixture->instance, frame, length), MUSTER_OK);
}

static void tear_down(struct fixture *fixture)
{
    muster_frame_builder_destroy(fixture->builder);
    muster_instance_destroy(fixture->instance);
}

// Checks that a frame is refused and has changed nothing.
static void expect_refusal(struct fixture *fixture, const uint8_t *frame, uint32_t length)
{
    const uint64_t hash = muster_instance_hash(fixture->instance);
    const uint64_t tick = muster_instance_tick(fixture->instance);
    assert_int_equal(muster_instance_step(fixture->instance, frame, length), MUSTER_ERR_MALFORMED);
    assert_true(muster_instance_hash(fixture->instance) == hash);
    assert_int_equal(muster_instance_tick(fixture->instance), tick);
}

static void close_and_expect_refusal(struct fixture *fixture)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(fixture->builder, &frame, &length);
    expect_refusal(fixture, frame, length);
}

// The frame of the example in docs/protocol/frame.md.
static const uint8_t example[] = {
    0x01, 0x02, 0x02, 0x03, 0xF4, 0x03, 0x04, 0x03, 0x04, 0x01, 0xAC, 0x02, 0x07};

static void the_bytes_are_those_of_the_document(void **state)
{
    (void)state;
    muster_frame_builder *builder = create_builder(16, 256);
    const uint32_t steps[] = {300, 7};
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(builder, 2, SEED);
    assert_int_equal(muster_frame_add_action(builder, 3, id_of_3, 4, 1, steps, 2), MUSTER_OK);
    muster_frame_add_time_scale(builder, 1000);
    muster_frame_add_time_scale(builder, 500);
    muster_frame_close(builder, &frame, &length);
    assert_int_equal(length, sizeof example);
    assert_memory_equal(frame, example, length);
    muster_frame_builder_destroy(builder);
}

static void the_time_scale_becomes_state(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(fixture.builder, 2, SEED);
    muster_frame_add_time_scale(fixture.builder, 250);
    muster_frame_close(fixture.builder, &frame, &length);
    assert_int_equal(muster_instance_step(fixture.instance, frame, length), MUSTER_OK);
    uint32_t count;
    const muster_state_block *blocks = muster_instance_blocks(fixture.instance, &count);
    assert_string_equal(blocks[1].name, "time_scale_permille");
    assert_int_equal(*(const uint32_t *)blocks[1].data, 250);
    tear_down(&fixture);
}

static void order_of_arrival_changes_nothing(void **state)
{
    (void)state;
    muster_frame_builder *forward = create_builder(1000, 65536);
    muster_frame_builder *backward = create_builder(1000, 65536);
    muster_frame_begin(forward, 77, SEED);
    muster_frame_begin(backward, 77, SEED);
    const uint32_t steps[] = {1, 2};
    for (uint32_t i = 0; i < 100; i++) {
        const uint32_t k = 99 - i;
        const uint64_t first[2] = {i / 4, 1};
        const uint64_t last[2] = {k / 4, 1};
        assert_int_equal(muster_frame_add_action(forward, i / 4, first, i, 0, steps, 2), MUSTER_OK);
        assert_int_equal(muster_frame_add_action(backward, k / 4, last, k, 0, steps, 2), MUSTER_OK);
    }
    const uint8_t *left;
    const uint8_t *right;
    uint32_t left_length;
    uint32_t right_length;
    muster_frame_close(forward, &left, &left_length);
    muster_frame_close(backward, &right, &right_length);
    assert_int_equal(left_length, right_length);
    assert_memory_equal(left, right, left_length);
    muster_frame_builder_destroy(forward);
    muster_frame_builder_destroy(backward);
}

static void no_player_is_always_first(void **state)
{
    (void)state;
    muster_frame_builder *builder = create_builder(16, 1024);
    uint32_t first_count[4] = {0};
    for (uint64_t tick = 1; tick <= 400; tick++) {
        const uint8_t *frame;
        uint32_t length;
        muster_frame_begin(builder, tick, SEED);
        for (uint32_t i = 0; i < 4; i++) {
            const uint64_t id[2] = {i, 0};
            assert_int_equal(muster_frame_add_action(builder, i, id, 1, 2, NULL, 0), MUSTER_OK);
        }
        muster_frame_close(builder, &frame, &length);
        const uint32_t header_bytes = tick < 128 ? 3 : 4;
        first_count[frame[header_bytes + 1]]++;
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_in_range(first_count[i], 70, 130);
    }
    muster_frame_builder_destroy(builder);
}

static void an_input_that_comes_twice_counts_once(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const uint32_t first[] = {350, 12};
    const uint32_t second[] = {0, 0};
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(
        muster_frame_add_action(fixture.builder, 3, id_of_3, 1, 0, first, 2), MUSTER_OK);
    assert_int_equal(
        muster_frame_add_action(fixture.builder, 3, id_of_3, 1, 0, second, 2), MUSTER_OK);
    muster_frame_close(fixture.builder, &frame, &length);
    assert_int_equal(frame[2], 1);
    assert_int_equal(muster_instance_step(fixture.instance, frame, length), MUSTER_OK);
    assert_true(muster_instance_view(fixture.instance)->velocity[8].x > 5.9f);
    tear_down(&fixture);
}

static void inputs_out_of_range_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const uint32_t good[] = {1, 1};
    const uint32_t bad[] = {1, 13};
    const uint32_t cases[][2] = {{3, 3}, {3, 0}, {4, 0}, {32, 0}, {UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool is_known = cases[i][0] == 3 && cases[i][1] == 0;
        muster_frame_begin(fixture.builder, 2, SEED);
        assert_int_equal(muster_frame_add_action(fixture.builder, cases[i][0], id_of_3, 1,
                             cases[i][1], is_known ? bad : good, 2),
            MUSTER_OK);
        close_and_expect_refusal(&fixture);
    }

    // A message that players may not send, one that is too long, one that does not exist.
    const uint8_t text[201] = {0};
    const uint32_t messages[][2] = {{PROBE_NOTICE, 2}, {PROBE_CHAT, 201}, {2, 1}};
    for (size_t i = 0; i < 3; i++) {
        muster_frame_begin(fixture.builder, 2, SEED);
        assert_int_equal(muster_frame_add_message(
                             fixture.builder, 3, id_of_3, 1, messages[i][0], text, messages[i][1]),
            MUSTER_OK);
        close_and_expect_refusal(&fixture);
    }
    tear_down(&fixture);
}

static void a_frame_of_another_tick_or_seed_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    for (uint64_t tick = 1; tick <= 3; tick += 2) {
        muster_frame_begin(fixture.builder, tick, SEED);
        close_and_expect_refusal(&fixture);
    }
    // Another seed puts players into another order; with enough of them none is the same.
    muster_frame_begin(fixture.builder, 2, SEED + 1);
    for (uint32_t i = 8; i < 28; i++) {
        const muster_player player = probe_player(i);
        assert_int_equal(muster_frame_add_join(fixture.builder, i, &player), MUSTER_OK);
    }
    close_and_expect_refusal(&fixture);
    tear_down(&fixture);
}

static void members_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const muster_player other = {.id = {7, 7}, .name = "ann"};
    const muster_player same = {.id = {5, 6}, .name = "lin"};

    // An index that is taken; a player at two; one who leaves without being there, or with
    // another's id.
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_join(fixture.builder, 3, &other), MUSTER_OK);
    close_and_expect_refusal(&fixture);
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_join(fixture.builder, 4, &same), MUSTER_OK);
    close_and_expect_refusal(&fixture);
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 4, id_of_3), MUSTER_OK);
    close_and_expect_refusal(&fixture);
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 3, other.id), MUSTER_OK);
    close_and_expect_refusal(&fixture);

    // Two who join at one index, in either order of their hashes.
    const muster_player third = {.id = {8, 8}, .name = "bo"};
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_join(fixture.builder, 5, &other), MUSTER_OK);
    assert_int_equal(muster_frame_add_join(fixture.builder, 5, &third), MUSTER_OK);
    close_and_expect_refusal(&fixture);

    // One who acts and leaves in one frame.
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 3, id_of_3), MUSTER_OK);
    assert_int_equal(
        muster_frame_add_action(fixture.builder, 3, id_of_3, 1, 2, NULL, 0), MUSTER_OK);
    close_and_expect_refusal(&fixture);
    tear_down(&fixture);
}

static void a_name_that_is_no_text_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const muster_player player = {.id = {1, 1}, .name = "a\nb"};
    muster_frame_begin(fixture.builder, 2, SEED);
    assert_int_equal(muster_frame_add_join(fixture.builder, 1, &player), MUSTER_OK);
    close_and_expect_refusal(&fixture);
    tear_down(&fixture);
}

// Makes a frame of every kind of record, and changes or cuts it at every place.
static uint32_t make_rich_frame(struct fixture *fixture, uint8_t *copy)
{
    const muster_player other = probe_player(1);
    const uint32_t steps[] = {300, 7};
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(fixture->builder, 2, SEED);
    assert_int_equal(muster_frame_add_join(fixture->builder, 1, &other), MUSTER_OK);
    muster_frame_add_time_scale(fixture->builder, 900);
    assert_int_equal(
        muster_frame_add_action(fixture->builder, 3, id_of_3, 1, 0, steps, 2), MUSTER_OK);
    assert_int_equal(muster_frame_add_message(
                         fixture->builder, 3, id_of_3, 1, PROBE_CHAT, (const uint8_t *)"hello", 5),
        MUSTER_OK);
    assert_int_equal(
        muster_frame_add_action(fixture->builder, 1, other.id, 1, 2, NULL, 0), MUSTER_OK);
    muster_frame_close(fixture->builder, &frame, &length);
    memcpy(copy, frame, length);
    return length;
}

static void a_frame_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    uint8_t frame[256];
    const uint32_t length = make_rich_frame(&fixture, frame);
    for (uint32_t cut = 0; cut < length; cut++) {
        uint8_t *copy = malloc(cut + 1); // so that a read behind the end is seen
        memcpy(copy, frame, cut);
        expect_refusal(&fixture, copy, cut);
        free(copy);
    }
    frame[length] = 0;
    expect_refusal(&fixture, frame, length + 1);
    assert_int_equal(muster_instance_step(fixture.instance, frame, length), MUSTER_OK);
    tear_down(&fixture);
}

static void records_in_another_order_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);

    // The example with its records changed round, and one with an action twice.
    const uint8_t turned[] = {
        0x01, 0x02, 0x02, 0x04, 0x03, 0x04, 0x00, 0xAC, 0x02, 0x07, 0x03, 0xF4, 0x03};
    expect_refusal(&fixture, turned, sizeof turned);
    const uint8_t doubled[] = {0x01, 0x02, 0x02, 0x04, 0x03, 0x04, 0x02, 0x04, 0x03, 0x04, 0x02};
    expect_refusal(&fixture, doubled, sizeof doubled);
    const uint8_t falling[] = {0x01, 0x02, 0x02, 0x04, 0x03, 0x05, 0x02, 0x04, 0x03, 0x04, 0x02};
    expect_refusal(&fixture, falling, sizeof falling);
    const uint8_t rising[] = {0x01, 0x02, 0x02, 0x04, 0x03, 0x04, 0x02, 0x04, 0x03, 0x05, 0x02};
    assert_int_equal(muster_instance_step(fixture.instance, rising, sizeof rising), MUSTER_OK);
    tear_down(&fixture);
}

static void time_scales_out_of_range_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const uint8_t low[] = {0x01, 0x02, 0x01, 0x03, 99};
    const uint8_t high[] = {0x01, 0x02, 0x01, 0x03, 0xE9, 0x07};
    const uint8_t other_version[] = {0x02, 0x02, 0x00};
    const uint8_t unknown[] = {0x01, 0x02, 0x01, 0x06, 0x03};
    expect_refusal(&fixture, low, sizeof low);
    expect_refusal(&fixture, high, sizeof high);
    expect_refusal(&fixture, other_version, sizeof other_version);
    expect_refusal(&fixture, unknown, sizeof unknown);
    tear_down(&fixture);
}

static void a_full_builder_says_so_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_frame_builder *few = create_builder(2, 256);
    muster_frame_begin(few, 2, SEED);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(muster_frame_add_action(few, 3, id_of_3, i, 2, NULL, 0),
            i < 2 ? MUSTER_OK : MUSTER_ERR_FULL);
    }
    muster_frame_add_time_scale(few, 1000);
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(few, &frame, &length);
    assert_int_equal(muster_instance_step(fixture.instance, frame, length), MUSTER_OK);
    muster_frame_builder_destroy(few);

    muster_frame_builder *small = create_builder(1000, 256);
    uint32_t added_count = 0;
    muster_frame_begin(small, 3, SEED);
    while (muster_frame_add_message(small, 3, id_of_3, added_count, PROBE_CHAT,
               (const uint8_t *)"0123456789", 10) == MUSTER_OK) {
        added_count++;
    }
    muster_frame_add_time_scale(small, 1000);
    assert_int_equal(added_count, 15); // of 15 bytes each
    muster_frame_close(small, &frame, &length);
    assert_int_equal(frame[2], added_count + 1);
    assert_true(length <= 256);
    assert_int_equal(muster_instance_step(fixture.instance, frame, length), MUSTER_OK);
    muster_frame_builder_destroy(small);
    tear_down(&fixture);
}

static void builders_out_of_range_are_refused(void **state)
{
    (void)state;
    struct failing_heap heap = {0};
    muster_frame_builder_def def = muster_frame_builder_default_def();
    def.allocator = failing_heap_allocator(&heap);
    muster_frame_builder *builder;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_ERR_NO_MEMORY);
    assert_null(builder);
    def.input_count_max = 0;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_ERR_INVALID);
    def.input_count_max = 1048577;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_ERR_INVALID);
    def.input_count_max = 1;
    def.bytes_max = 255;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_ERR_INVALID);
    def.bytes_max = 16u * 1024 * 1024 + 1;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_ERR_INVALID);
    muster_frame_builder_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_document),
        cmocka_unit_test(the_time_scale_becomes_state),
        cmocka_unit_test(order_of_arrival_changes_nothing),
        cmocka_unit_test(no_player_is_always_first),
        cmocka_unit_test(an_input_that_comes_twice_counts_once),
        cmocka_unit_test(inputs_out_of_range_are_refused),
        cmocka_unit_test(a_frame_of_another_tick_or_seed_is_refused),
        cmocka_unit_test(members_that_cannot_be_are_refused),
        cmocka_unit_test(a_name_that_is_no_text_is_refused),
        cmocka_unit_test(a_frame_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(records_in_another_order_are_refused),
        cmocka_unit_test(time_scales_out_of_range_are_refused),
        cmocka_unit_test(a_full_builder_says_so_and_keeps_what_it_has),
        cmocka_unit_test(builders_out_of_range_are_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
