// SPDX-License-Identifier: Apache-2.0
#include "muster/event_log.h"

#include "harness/failing_heap.h"

#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static muster_event_log *create(uint32_t capacity)
{
    const muster_allocator allocator = muster_heap_allocator();
    muster_event_log *log;
    assert_int_equal(muster_event_log_create(&allocator, capacity, &log), MUSTER_OK);
    return log;
}

static void push(muster_event_log *log, uint64_t tick)
{
    const muster_event event = {.type = MUSTER_EVENT_TICK_MISSED, .tick = tick, .text = "late"};
    (void)muster_event_log_push(log, &event);
}

static void events_are_read_in_order_with_their_numbers(void **state)
{
    (void)state;
    muster_event_log *log = create(8);
    muster_event_cursor cursor = {0};
    muster_event event;
    assert_int_equal(muster_event_log_newest(log), 0);
    assert_false(muster_event_log_read(log, &cursor, &event));
    for (uint64_t i = 1; i <= 5; i++) {
        push(log, 100 + i);
    }
    assert_int_equal(muster_event_log_newest(log), 5);
    for (uint64_t i = 1; i <= 5; i++) {
        assert_true(muster_event_log_read(log, &cursor, &event));
        assert_int_equal(event.sequence, i);
        assert_int_equal(event.tick, 100 + i);
        assert_string_equal(event.text, "late");
    }
    assert_false(muster_event_log_read(log, &cursor, &event));
    push(log, 200);
    assert_true(muster_event_log_read(log, &cursor, &event));
    assert_int_equal(event.sequence, 6);
    assert_int_equal(cursor.missed_count, 0);
    muster_event_log_destroy(log);
}

static void a_reader_that_falls_behind_learns_how_far(void **state)
{
    (void)state;
    muster_event_log *log = create(4);
    muster_event_cursor slow = {0};
    muster_event_cursor fast = {0};
    muster_event event;
    for (uint64_t i = 1; i <= 10; i++) {
        push(log, i);
        assert_true(muster_event_log_read(log, &fast, &event));
    }
    assert_true(muster_event_log_read(log, &slow, &event));
    assert_int_equal(event.sequence, 7);
    assert_int_equal(slow.missed_count, 6);
    assert_int_equal(fast.missed_count, 0);
    for (uint64_t i = 11; i <= 16; i++) {
        push(log, i);
    }
    assert_true(muster_event_log_read(log, &slow, &event));
    assert_int_equal(event.sequence, 13);
    assert_int_equal(slow.missed_count, 11);
    muster_event_log_destroy(log);
}

static void a_cursor_from_before_a_restart_reads_nothing(void **state)
{
    (void)state;
    muster_event_log *log = create(4);
    muster_event_cursor cursor = {.sequence = 1000};
    muster_event event;
    push(log, 1);
    assert_false(muster_event_log_read(log, &cursor, &event));
    muster_event_log_destroy(log);
}

static void a_text_that_is_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    muster_event_log *log = create(1);
    muster_event_cursor cursor = {0};
    muster_event event = {.type = MUSTER_EVENT_CLIENT};
    memset(event.text, 'a', sizeof event.text);
    (void)muster_event_log_push(log, &event);
    assert_true(muster_event_log_read(log, &cursor, &event));
    assert_int_equal(strlen(event.text), 63);

    memset(event.text, 'a', sizeof event.text);
    memcpy(event.text + 61, "\xE2\x82\xAC", 3); // a euro sign that ends with the text
    (void)muster_event_log_push(log, &event);
    assert_true(muster_event_log_read(log, &cursor, &event));
    assert_int_equal(strlen(event.text), 61);
    muster_event_log_destroy(log);
}

static void every_type_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = MUSTER_EVENT_INSTANCE_STARTED; i <= MUSTER_EVENT_CLIENT; i++) {
        assert_string_not_equal(muster_event_type_name((muster_event_type)i), "unknown");
    }
    assert_string_equal(muster_event_type_name(MUSTER_EVENT_TICK_MISSED), "tick_missed");
    assert_string_equal(muster_event_type_name((muster_event_type)99), "unknown");
}

static void capacities_out_of_range_and_a_dry_heap_are_refused(void **state)
{
    (void)state;
    struct failing_heap heap = {0};
    const muster_allocator allocator = failing_heap_allocator(&heap);
    muster_event_log *log;
    assert_int_equal(muster_event_log_create(&allocator, 0, &log), MUSTER_ERR_INVALID);
    assert_int_equal(muster_event_log_create(&allocator, 1048577, &log), MUSTER_ERR_INVALID);
    assert_int_equal(muster_event_log_create(&allocator, 1, &log), MUSTER_ERR_NO_MEMORY);
    assert_null(log);
    muster_event_log_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read_in_order_with_their_numbers),
        cmocka_unit_test(a_reader_that_falls_behind_learns_how_far),
        cmocka_unit_test(a_cursor_from_before_a_restart_reads_nothing),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_between_characters),
        cmocka_unit_test(every_type_has_a_name),
        cmocka_unit_test(capacities_out_of_range_and_a_dry_heap_are_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
