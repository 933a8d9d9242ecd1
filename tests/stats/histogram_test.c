// SPDX-License-Identifier: Apache-2.0
#include "muster/histogram.h"

#include "harness/failing_heap.h"
#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#define SAMPLE_COUNT 20000u

static muster_histogram *histogram_new(void)
{
    const muster_allocator heap = muster_heap_allocator();
    muster_histogram *histogram;
    assert_int_equal(muster_histogram_create(&heap, &histogram), MUSTER_OK);
    return histogram;
}

static void memory_is_taken_once_and_given_back(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    muster_allocator allocator = failing_heap_allocator(&heap);
    muster_histogram *histogram;
    assert_int_equal(muster_histogram_create(&allocator, &histogram), MUSTER_ERR_NO_MEMORY);
    assert_null(histogram);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_histogram_create(&allocator, &histogram), MUSTER_OK);
    for (uint64_t i = 0; i < 1000; i++) {
        muster_histogram_record(histogram, i * i);
    }
    muster_histogram_destroy(histogram);
    assert_int_equal(heap.bytes_live, 0);
    muster_histogram_destroy(NULL);
    allocator.free = NULL;
    assert_int_equal(muster_histogram_create(&allocator, &histogram), MUSTER_ERR_INVALID);
}

static void an_empty_histogram_answers_zero(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    assert_int_equal(muster_histogram_count(histogram), 0);
    assert_int_equal(muster_histogram_sum(histogram), 0);
    assert_int_equal(muster_histogram_max(histogram), 0);
    assert_int_equal(muster_histogram_quantile(histogram, 500000), 0);
    assert_int_equal(muster_histogram_count_to(histogram, UINT64_MAX), 0);
    muster_histogram_destroy(histogram);
}

static void a_single_value_is_every_quantile(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 63, 64, 65, 127, 128, 1000, 123456789,
        MUSTER_HISTOGRAM_VALUE_MAX, MUSTER_HISTOGRAM_VALUE_MAX + 1, UINT64_MAX};
    muster_histogram *histogram = histogram_new();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        muster_histogram_reset(histogram);
        muster_histogram_record(histogram, values[i]);
        assert_true(muster_histogram_quantile(histogram, 0) == values[i]);
        assert_true(muster_histogram_quantile(histogram, 500000) == values[i]);
        assert_true(muster_histogram_quantile(histogram, 1000000) == values[i]);
        assert_true(muster_histogram_max(histogram) == values[i]);
        assert_true(muster_histogram_sum(histogram) == values[i]);
    }
    muster_histogram_destroy(histogram);
}

static int compare_values(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void quantiles_are_within_their_error_of_the_sorted_values(void **state)
{
    (void)state;
    static uint64_t values[SAMPLE_COUNT];
    uint64_t random_state = 7;
    muster_histogram *histogram = histogram_new();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
        // Every magnitude alike.
        values[i] = random_next(&random_state) >> (24 + random_next(&random_state) % 40);
        muster_histogram_record(histogram, values[i]);
        sum += values[i];
    }
    qsort(values, SAMPLE_COUNT, sizeof values[0], compare_values);
    assert_int_equal(muster_histogram_count(histogram), SAMPLE_COUNT);
    assert_int_equal(muster_histogram_sum(histogram), sum);
    assert_int_equal(muster_histogram_max(histogram), values[SAMPLE_COUNT - 1]);

    for (uint32_t per_million = 50; per_million <= 1000000; per_million += 50) {
        const uint32_t rank = (uint32_t)(((uint64_t)SAMPLE_COUNT * per_million + 999999) / 1000000);
        const uint64_t wanted = values[rank - 1];
        const uint64_t got = muster_histogram_quantile(histogram, per_million);
        const uint64_t difference = got > wanted ? got - wanted : wanted - got;
        if (difference * 1000 > wanted * 8) {
            fail_msg("%u per million: %llu instead of %llu", per_million, (unsigned long long)got,
                (unsigned long long)wanted);
        }
    }
    muster_histogram_destroy(histogram);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    for (uint64_t value = 0; value < 64; value++) {
        muster_histogram_record(histogram, value);
    }
    for (uint32_t value = 0; value < 64; value++) {
        assert_int_equal(muster_histogram_count_to(histogram, value), value + 1);
        assert_int_equal(muster_histogram_quantile(histogram, (value + 1) * 15625), value);
    }
    muster_histogram_destroy(histogram);
}

static void a_count_up_to_a_bound_leaves_out_what_is_well_above(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    for (uint64_t bits = 6; bits < 40; bits++) {
        const uint64_t bound = UINT64_C(1) << bits;
        muster_histogram_reset(histogram);
        muster_histogram_record(histogram, bound - 1);
        muster_histogram_record(histogram, bound);
        muster_histogram_record(histogram, bound + bound / 62);
        assert_int_equal(muster_histogram_count_to(histogram, bound - 1), 1);
        assert_int_equal(muster_histogram_count_to(histogram, bound), 2);
        assert_int_equal(muster_histogram_count_to(histogram, 2 * bound), 3);
    }
    muster_histogram_destroy(histogram);
}

static void a_merge_is_as_if_all_had_been_recorded(void **state)
{
    (void)state;
    muster_histogram *left = histogram_new();
    muster_histogram *right = histogram_new();
    muster_histogram *both = histogram_new();
    uint64_t random_state = 11;
    for (uint32_t i = 0; i < 3000; i++) {
        const uint64_t value = random_next(&random_state) >> 40;
        muster_histogram_record(i % 3 == 0 ? left : right, value);
        muster_histogram_record(both, value);
    }
    muster_histogram_merge(left, right);
    assert_int_equal(muster_histogram_count(left), muster_histogram_count(both));
    assert_int_equal(muster_histogram_sum(left), muster_histogram_sum(both));
    assert_int_equal(muster_histogram_max(left), muster_histogram_max(both));
    for (uint32_t per_million = 0; per_million <= 1000000; per_million += 10000) {
        assert_int_equal(muster_histogram_quantile(left, per_million),
            muster_histogram_quantile(both, per_million));
    }
    muster_histogram_destroy(left);
    muster_histogram_destroy(right);
    muster_histogram_destroy(both);
}

static void a_difference_is_as_if_only_what_came_since_had_been_recorded(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    muster_histogram *earlier = histogram_new();
    muster_histogram *since = histogram_new();
    uint64_t random_state = 12;
    for (uint32_t i = 0; i < 3000; i++) {
        const uint64_t value = random_next(&random_state) >> 40;
        muster_histogram_record(histogram, value);
        muster_histogram_record(i < 1000 ? earlier : since, value);
    }
    muster_histogram_record(histogram, UINT64_C(1) << 30);
    muster_histogram_record(since, UINT64_C(1) << 30);
    muster_histogram_subtract(histogram, earlier);
    assert_int_equal(muster_histogram_count(histogram), muster_histogram_count(since));
    assert_int_equal(muster_histogram_sum(histogram), muster_histogram_sum(since));
    assert_int_equal(muster_histogram_max(histogram), UINT64_C(1) << 30);
    for (uint32_t per_million = 0; per_million <= 1000000; per_million += 10000) {
        assert_int_equal(muster_histogram_quantile(histogram, per_million),
            muster_histogram_quantile(since, per_million));
    }
    muster_histogram_subtract(histogram, since);
    assert_int_equal(muster_histogram_count(histogram), 0);
    assert_int_equal(muster_histogram_max(histogram), 0);
    muster_histogram_destroy(histogram);
    muster_histogram_destroy(earlier);
    muster_histogram_destroy(since);
}

static void a_largest_value_from_before_does_not_stay_in_a_difference(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    muster_histogram *earlier = histogram_new();
    muster_histogram_record(histogram, 1000000);
    muster_histogram_merge(earlier, histogram);
    muster_histogram_record(histogram, 5000);
    muster_histogram_record(histogram, 20);
    muster_histogram_subtract(histogram, earlier);
    assert_in_range(muster_histogram_max(histogram), 4960, 5040);
    assert_in_range(muster_histogram_quantile(histogram, 1000000), 4960, 5040);
    assert_int_equal(muster_histogram_quantile(histogram, 0), 20);
    muster_histogram_destroy(histogram);
    muster_histogram_destroy(earlier);
}

static void *record_many(void *argument)
{
    for (uint64_t i = 0; i < 100000; i++) {
        muster_histogram_record(argument, i % 1000);
    }
    return NULL;
}

static void others_may_read_while_the_owner_records(void **state)
{
    (void)state;
    muster_histogram *histogram = histogram_new();
    pthread_t owner;
    assert_int_equal(pthread_create(&owner, NULL, record_many, histogram), 0);
    uint64_t before = 0;
    for (int i = 0; i < 200; i++) {
        const uint64_t count = muster_histogram_count_to(histogram, UINT64_MAX);
        assert_true(count >= before);
        assert_true(muster_histogram_quantile(histogram, 990000) <= 999);
        before = count;
    }
    assert_int_equal(pthread_join(owner, NULL), 0);
    assert_int_equal(muster_histogram_count(histogram), 100000);
    muster_histogram_destroy(histogram);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_taken_once_and_given_back),
        cmocka_unit_test(an_empty_histogram_answers_zero),
        cmocka_unit_test(a_single_value_is_every_quantile),
        cmocka_unit_test(quantiles_are_within_their_error_of_the_sorted_values),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(a_count_up_to_a_bound_leaves_out_what_is_well_above),
        cmocka_unit_test(a_merge_is_as_if_all_had_been_recorded),
        cmocka_unit_test(a_difference_is_as_if_only_what_came_since_had_been_recorded),
        cmocka_unit_test(a_largest_value_from_before_does_not_stay_in_a_difference),
        cmocka_unit_test(others_may_read_while_the_owner_records),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
