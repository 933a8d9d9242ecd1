// SPDX-License-Identifier: Apache-2.0
#include "drivers/clock.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t before_us = clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now_us = clock_monotonic_us();
        assert_true(now_us >= before_us);
        before_us = now_us;
    }
}

static void unix_time_is_in_this_century(void **state)
{
    (void)state;
    assert_in_range(clock_unix_seconds(), UINT64_C(1577836800), UINT64_C(4102444800));
    const uint64_t seconds = clock_unix_us() / 1000000;
    assert_in_range(seconds, clock_unix_seconds() - 60, clock_unix_seconds() + 60);
}

static void a_sleep_is_never_too_short(void **state)
{
    (void)state;
    clock_prefer_punctual();
    for (uint64_t i = 0; i < 20; i++) {
        const uint64_t deadline_us = clock_monotonic_us() + i * 100;
        clock_sleep_until_us(deadline_us);
        assert_true(clock_monotonic_us() >= deadline_us);
    }
    clock_sleep_until_us(0); // long past
}

static void cpu_time_is_counted_while_working(void **state)
{
    (void)state;
    const uint64_t process_ns = clock_process_cpu_ns();
    const uint64_t thread_ns = clock_thread_cpu_ns();
    while (clock_thread_cpu_ns() < thread_ns + 2000000) {
    }
    assert_true(clock_process_cpu_ns() >= process_ns + 2000000);
}

static void resident_memory_is_that_of_a_small_program(void **state)
{
    (void)state;
    assert_in_range(clock_resident_bytes(), 100000, UINT64_C(1) << 36);
}

static void random_bytes_differ_and_stay_in_their_place(void **state)
{
    (void)state;
    uint8_t first[1024] = {0};
    uint8_t second[1024] = {0};
    clock_random_bytes(first, 1000);
    clock_random_bytes(second, 1000);
    assert_memory_not_equal(first, second, 1000);
    for (int i = 1000; i < 1024; i++) {
        assert_int_equal(first[i], 0);
    }
    clock_random_bytes(first, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(unix_time_is_in_this_century),
        cmocka_unit_test(a_sleep_is_never_too_short),
        cmocka_unit_test(cpu_time_is_counted_while_working),
        cmocka_unit_test(resident_memory_is_that_of_a_small_program),
        cmocka_unit_test(random_bytes_differ_and_stay_in_their_place),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
