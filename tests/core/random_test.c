// SPDX-License-Identifier: Apache-2.0
#include "muster/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Recorded worlds depend on these bits: they must never change.
static void the_numbers_are_fixed_for_ever(void **state)
{
    (void)state;
    const muster_random_key zero = {0};
    const muster_random_key key = {.seed = 1, .entity = 2, .tick = 3, .purpose = 4};
    assert_int_equal(muster_random(zero, 0), UINT64_C(0x2F1B7DA0E992DE89));
    assert_int_equal(muster_random(key, 5), UINT64_C(0x82DA230DDCCA1AB4));
}

static void every_word_of_the_key_matters(void **state)
{
    (void)state;
    const muster_random_key key = {.seed = 7, .entity = 7, .tick = 7, .purpose = 7};
    const uint64_t base = muster_random(key, 7);
    muster_random_key other = key;
    other.seed++;
    assert_int_not_equal(muster_random(other, 7), base);
    other = key;
    other.entity++;
    assert_int_not_equal(muster_random(other, 7), base);
    other = key;
    other.tick++;
    assert_int_not_equal(muster_random(other, 7), base);
    other = key;
    other.purpose++;
    assert_int_not_equal(muster_random(other, 7), base);
    assert_int_not_equal(muster_random(key, 8), base);

    const muster_random_key one_way = {.entity = 1, .tick = 2};
    const muster_random_key other_way = {.entity = 2, .tick = 1};
    assert_int_not_equal(muster_random(one_way, 0), muster_random(other_way, 0));
}

static void units_and_bounds_are_even_and_in_range(void **state)
{
    (void)state;
    enum { DRAW_COUNT = 100000, BUCKET_COUNT = 10 };
    uint32_t unit_counts[BUCKET_COUNT] = {0};
    uint32_t bound_counts[BUCKET_COUNT] = {0};
    for (uint64_t i = 0; i < DRAW_COUNT; i++) {
        const uint64_t bits = muster_random((muster_random_key){.tick = i}, 0);
        const float unit = muster_random_unit(bits);
        assert_true(unit >= 0.0f && unit < 1.0f);
        unit_counts[(uint32_t)(unit * (float)BUCKET_COUNT)]++;
        bound_counts[muster_random_below(bits, BUCKET_COUNT)]++;
    }
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        assert_in_range(unit_counts[i], 9500, 10500);
        assert_in_range(bound_counts[i], 9500, 10500);
    }
    assert_true(muster_random_unit(UINT64_MAX) < 1.0f);
    assert_int_equal(muster_random_below(UINT64_MAX, 3), 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_fixed_for_ever),
        cmocka_unit_test(every_word_of_the_key_matters),
        cmocka_unit_test(units_and_bounds_are_even_and_in_range),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
