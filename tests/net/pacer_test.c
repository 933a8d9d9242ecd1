// SPDX-License-Identifier: Apache-2.0
#include "muster/pacer.h"

#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US      16667u
#define CLIENT_COUNT 1000u
#define TICK_COUNT   50u
#define SPAN_US      (TICK_US * (TICK_COUNT + 2))

static uint64_t seed = 1;
static uint32_t sent_at[SPAN_US]; // packets in each microsecond
static uint32_t sent_to[CLIENT_COUNT];

static muster_pacer pacer_with(uint32_t slot_count)
{
    muster_pacer pacer;
    assert_int_equal(muster_pacer_init(&pacer, TICK_US, slot_count), MUSTER_OK);
    memset(sent_at, 0, sizeof sent_at);
    memset(sent_to, 0, sizeof sent_to);
    return pacer;
}

static void pop_all(muster_pacer *pacer, uint64_t now_us)
{
    for (muster_pacer_share share; muster_pacer_pop(pacer, now_us, &share);) {
        for (uint32_t client = share.client_first; client < share.client_end; client++) {
            sent_to[client]++;
            sent_at[now_us]++;
        }
    }
}

static uint32_t busiest_millisecond(void)
{
    uint32_t busiest = 0;
    uint32_t window = 0;
    for (uint32_t us = 0; us < SPAN_US; us++) {
        window += sent_at[us];
        window -= us >= 1000 ? sent_at[us - 1000] : 0;
        busiest = window > busiest ? window : busiest;
    }
    return busiest;
}

static void arguments_out_of_range_are_refused(void **state)
{
    (void)state;
    muster_pacer pacer;
    assert_int_equal(muster_pacer_init(&pacer, 999, 16), MUSTER_ERR_INVALID);
    assert_int_equal(muster_pacer_init(&pacer, 10000001, 16), MUSTER_ERR_INVALID);
    assert_int_equal(muster_pacer_init(&pacer, TICK_US, 7), MUSTER_ERR_INVALID);
    assert_int_equal(muster_pacer_init(&pacer, TICK_US, 65), MUSTER_ERR_INVALID);
}

static void no_millisecond_gets_more_than_15_percent_of_a_tick(void **state)
{
    (void)state;
    const uint32_t slot_counts[] = {8, 12, 16, 24, 64};
    for (int i = 0; i < 5; i++) {
        muster_pacer pacer = pacer_with(slot_counts[i]);
        for (uint32_t tick = 0; tick < TICK_COUNT; tick++) {
            muster_pacer_begin_tick(&pacer, tick * TICK_US, CLIENT_COUNT);
            while (muster_pacer_next_us(&pacer) != UINT64_MAX) {
                pop_all(&pacer, muster_pacer_next_us(&pacer));
            }
        }
        assert_in_range(busiest_millisecond(), CLIENT_COUNT / slot_counts[i], 150);
        for (uint32_t client = 0; client < CLIENT_COUNT; client++) {
            assert_int_equal(sent_to[client], TICK_COUNT);
        }
    }
}

// The owner is woken late by up to three milliseconds, and every seventh tick by half a tick.
static void lost_time_makes_no_burst(void **state)
{
    (void)state;
    const uint32_t slot_counts[] = {8, 16};
    for (int i = 0; i < 2; i++) {
        muster_pacer pacer = pacer_with(slot_counts[i]);
        uint64_t random_state = seed;
        print_message("seed %llu\n", (unsigned long long)seed);
        uint64_t now_us = 0;
        for (uint32_t tick = 0; tick < TICK_COUNT; tick++) {
            const uint64_t tick_end_us = (tick + 1) * TICK_US;
            muster_pacer_begin_tick(&pacer, tick * TICK_US, CLIENT_COUNT);
            now_us += tick % 7 == 0 ? TICK_US / 2 : 0;
            while (muster_pacer_next_us(&pacer) < tick_end_us) {
                const uint64_t next_us = muster_pacer_next_us(&pacer);
                now_us = next_us > now_us ? next_us : now_us;
                now_us += random_next(&random_state) % 3000;
                pop_all(&pacer, now_us);
            }
        }
        assert_in_range(busiest_millisecond(), 1, 150);
        assert_true(pacer.skipped_count < TICK_COUNT * slot_counts[i] / 4);
        for (uint32_t client = 0; client < CLIENT_COUNT; client++) {
            assert_in_range(sent_to[client], TICK_COUNT / 2, TICK_COUNT);
        }
    }
}

static void shares_that_a_tick_could_not_send_come_first_in_the_next(void **state)
{
    (void)state;
    muster_pacer pacer = pacer_with(8);
    muster_pacer_begin_tick(&pacer, 0, 80);
    muster_pacer_share share;
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(muster_pacer_pop(&pacer, muster_pacer_next_us(&pacer), &share));
        assert_int_equal(share.client_first, i * 10);
        assert_int_equal(share.client_end, i * 10 + 10);
    }
    muster_pacer_begin_tick(&pacer, TICK_US, 80);
    assert_int_equal(pacer.skipped_count, 3);
    for (uint32_t i = 5; i < 13; i++) {
        assert_true(muster_pacer_pop(&pacer, muster_pacer_next_us(&pacer), &share));
        assert_int_equal(share.client_first, i % 8 * 10);
    }
    assert_false(muster_pacer_pop(&pacer, UINT64_MAX, &share));
    muster_pacer_begin_tick(&pacer, 2 * TICK_US, 80);
    assert_int_equal(pacer.skipped_count, 3);
    assert_true(muster_pacer_pop(&pacer, muster_pacer_next_us(&pacer), &share));
    assert_int_equal(share.client_first, 50); // clients keep their time of the tick from then on
}

static void nothing_goes_out_early_or_without_a_tick(void **state)
{
    (void)state;
    muster_pacer pacer = pacer_with(16);
    muster_pacer_share share;
    assert_false(muster_pacer_pop(&pacer, UINT64_MAX, &share));
    muster_pacer_begin_tick(&pacer, 5000, 3);
    assert_false(muster_pacer_pop(&pacer, 4999, &share));
    uint32_t client_count = 0;
    for (uint32_t slot = 0; slot < 16; slot++) {
        const uint64_t due_us = 5000 + (uint64_t)slot * TICK_US / 16;
        assert_int_equal(muster_pacer_next_us(&pacer), due_us);
        assert_false(muster_pacer_pop(&pacer, due_us - 1, &share));
        assert_true(muster_pacer_pop(&pacer, due_us, &share));
        assert_int_equal(share.client_first, client_count);
        client_count = share.client_end;
    }
    assert_int_equal(client_count, 3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_out_of_range_are_refused),
        cmocka_unit_test(no_millisecond_gets_more_than_15_percent_of_a_tick),
        cmocka_unit_test(lost_time_makes_no_burst),
        cmocka_unit_test(shares_that_a_tick_could_not_send_come_first_in_the_next),
        cmocka_unit_test(nothing_goes_out_early_or_without_a_tick),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
