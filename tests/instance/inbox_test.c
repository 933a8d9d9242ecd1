// SPDX-License-Identifier: Apache-2.0
#include "muster/inbox.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define PLAYER_COUNT 4u
#define SEED         5u

struct fixture {
    muster_inbox *inbox;
    muster_frame_builder *builder;
    uint64_t tick;
    const uint8_t *frame;
    uint32_t frame_length;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    muster_inbox_def def = muster_inbox_default_def();
    def.player_count_max = PLAYER_COUNT;
    def.action_count_max = 8;
    def.action_count_per_player_max = 6;
    def.message_bytes_max = 4096;
    def.message_bytes_per_player_max = 2200;
    assert_int_equal(muster_inbox_create(&def, &f->inbox), MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&builder_def, &f->builder), MUSTER_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    muster_inbox_destroy(f->inbox);
    muster_frame_builder_destroy(f->builder);
    free(f);
    return 0;
}

static muster_player player_of(uint64_t id)
{
    return (muster_player){.id = {id, 1}, .entity_slot = MUSTER_NONE, .name = "Ada"};
}

static void join(struct fixture *f, uint32_t index, uint64_t id)
{
    const muster_player player = player_of(id);
    muster_inbox_push_join(f->inbox, index, &player, false);
}

static muster_status act(struct fixture *f, uint32_t index, uint32_t sequence, uint64_t tick)
{
    const uint32_t steps[] = {3};
    return muster_inbox_push_action(f->inbox, index, sequence, tick, 0, steps, 1);
}

static muster_status say(struct fixture *f, uint32_t index, uint32_t length)
{
    static const uint8_t bytes[MUSTER_MESSAGE_BYTES_MAX] = {1};
    return muster_inbox_push_message(f->inbox, index, 0, bytes, length);
}

static void close_frame(struct fixture *f)
{
    f->tick++;
    muster_frame_begin(f->builder, f->tick, SEED);
    muster_inbox_close(f->inbox, f->builder, f->tick);
    muster_frame_close(f->builder, &f->frame, &f->frame_length);
}

// How many inputs the last frame holds: an empty frame's length tells.
static uint32_t empty_length(struct fixture *f)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_builder *builder;
    const muster_frame_builder_def def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_OK);
    muster_frame_begin(builder, f->tick, SEED);
    muster_frame_close(builder, &frame, &length);
    muster_frame_builder_destroy(builder);
    return length;
}

static bool is_empty(struct fixture *f)
{
    return f->frame_length == empty_length(f);
}

static void an_action_waits_for_its_tick(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    assert_int_equal(act(f, 0, 1, 3), MUSTER_OK);
    close_frame(f);
    assert_false(is_empty(f)); // the join
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 0);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).margin_ticks, 2);
    close_frame(f);
    assert_true(is_empty(f));
    close_frame(f);
    assert_false(is_empty(f));
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 1);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).counted_tick, 3);
}

static void a_late_action_counts_in_the_next_frame_and_is_told(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    for (uint32_t i = 0; i < 9; i++) {
        close_frame(f);
    }
    assert_int_equal(act(f, 0, 1, 4), MUSTER_OK);
    close_frame(f);
    const muster_inbox_receipt receipt = muster_inbox_player_receipt(f->inbox, 0);
    assert_int_equal(receipt.sequence, 1);
    assert_int_equal(receipt.counted_tick, 10);
    assert_int_equal(receipt.margin_ticks, -6);
}

static void ticks_far_off_are_taken_as_the_farthest(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    for (uint32_t i = 0; i < 200; i++) {
        close_frame(f);
    }
    assert_int_equal(act(f, 0, 1, 1), MUSTER_OK);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).margin_ticks, -127);
    assert_int_equal(act(f, 0, 2, MUSTER_TICK_MAX), MUSTER_OK);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).margin_ticks, 127);
    close_frame(f);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 1);
    for (uint32_t i = 0; i < MUSTER_INBOX_AHEAD_TICKS_MAX - 1; i++) {
        close_frame(f);
    }
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 1);
    close_frame(f);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 2);
}

static void one_player_cannot_take_more_than_its_share(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    join(f, 1, 11);
    for (uint32_t i = 1; i <= 6; i++) {
        assert_int_equal(act(f, 0, i, 9), MUSTER_OK);
    }
    assert_int_equal(act(f, 0, 7, 9), MUSTER_ERR_FULL);
    assert_int_equal(act(f, 1, 1, 9), MUSTER_OK);
    assert_int_equal(act(f, 1, 2, 9), MUSTER_OK);
    assert_int_equal(act(f, 1, 3, 9), MUSTER_ERR_FULL); // nobody's room is left
    assert_int_equal(say(f, 0, 1024), MUSTER_OK);
    assert_int_equal(say(f, 0, 1024), MUSTER_OK);
    assert_int_equal(say(f, 0, 200), MUSTER_ERR_FULL);
    assert_int_equal(say(f, 1, 1024), MUSTER_OK);
    assert_int_equal(say(f, 1, 1024), MUSTER_ERR_FULL);
    for (uint32_t i = 0; i < 9; i++) {
        close_frame(f);
    }
    assert_int_equal(act(f, 0, 7, 10), MUSTER_OK); // all given back
    assert_int_equal(say(f, 0, 1024), MUSTER_OK);
}

static void what_waits_of_a_player_who_goes_is_dropped(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    close_frame(f);
    assert_int_equal(act(f, 0, 1, 3), MUSTER_OK);
    assert_int_equal(say(f, 0, 5), MUSTER_OK);
    muster_inbox_push_leave(f->inbox, 0);
    muster_inbox_push_leave(f->inbox, 0); // again: nothing
    assert_int_equal(act(f, 0, 2, 3), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(say(f, 0, 5), MUSTER_ERR_NOT_FOUND);
    close_frame(f);
    assert_false(is_empty(f)); // the leave
    close_frame(f);
    assert_true(is_empty(f));
    muster_inbox_push_resume(f->inbox, 0); // nobody: nothing
    assert_int_equal(act(f, 0, 1, 3), MUSTER_ERR_NOT_FOUND);
}

static void a_join_that_is_taken_back_in_the_same_tick_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    join(f, 2, 10);
    muster_inbox_push_leave(f->inbox, 2);
    close_frame(f);
    assert_true(is_empty(f));
}

static void a_successor_joins_a_tick_after_the_leave(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    close_frame(f);
    muster_inbox_push_leave(f->inbox, 0);
    join(f, 0, 11);
    assert_int_equal(act(f, 0, 1, 2), MUSTER_OK); // the successor's
    close_frame(f);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 0);
    close_frame(f);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 1);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).counted_tick, 3);
}

static void a_new_connection_counts_from_one_and_keeps_its_messages(void **state)
{
    struct fixture *f = *state;
    join(f, 0, 10);
    close_frame(f);
    assert_int_equal(act(f, 0, 7, 2), MUSTER_OK);
    close_frame(f);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 7);
    assert_int_equal(act(f, 0, 8, 3), MUSTER_OK);
    muster_inbox_push_resume(f->inbox, 0);
    assert_int_equal(muster_inbox_player_receipt(f->inbox, 0).sequence, 0);
    close_frame(f);
    assert_true(is_empty(f)); // the old connection's action is gone
    assert_int_equal(say(f, 0, 5), MUSTER_OK);
    muster_inbox_push_resume(f->inbox, 0);
    close_frame(f);
    assert_false(is_empty(f)); // its message is not
}

static void a_restored_players_presence_adds_no_join(void **state)
{
    struct fixture *f = *state;
    f->tick = 99;
    muster_inbox_set_next_tick(f->inbox, 100);
    const muster_player player = player_of(10);
    muster_inbox_push_join(f->inbox, 0, &player, true);
    close_frame(f);
    assert_true(is_empty(f));
    assert_int_equal(act(f, 0, 1, 101), MUSTER_OK);
    close_frame(f);
    assert_false(is_empty(f));
}

static void creation_refuses_what_is_out_of_range_and_survives_an_empty_heap(void **state)
{
    (void)state;
    muster_inbox *inbox;
    muster_inbox_def def = muster_inbox_default_def();
    def.player_count_max = 4097;
    assert_int_equal(muster_inbox_create(&def, &inbox), MUSTER_ERR_INVALID);
    def = muster_inbox_default_def();
    def.message_bytes_per_player_max = 100;
    assert_int_equal(muster_inbox_create(&def, &inbox), MUSTER_ERR_INVALID);
    def = muster_inbox_default_def();
    struct failing_heap heap = {.alloc_count_max = 0};
    def.allocator = failing_heap_allocator(&heap);
    assert_int_equal(muster_inbox_create(&def, &inbox), MUSTER_ERR_NO_MEMORY);
    muster_inbox_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_action_waits_for_its_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_late_action_counts_in_the_next_frame_and_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(ticks_far_off_are_taken_as_the_farthest, setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_player_cannot_take_more_than_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_waits_of_a_player_who_goes_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_join_that_is_taken_back_in_the_same_tick_leaves_no_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(a_successor_joins_a_tick_after_the_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_new_connection_counts_from_one_and_keeps_its_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_players_presence_adds_no_join, setup, teardown),
        cmocka_unit_test(creation_refuses_what_is_out_of_range_and_survives_an_empty_heap),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
