// SPDX-License-Identifier: Apache-2.0
#include "net/replay_window.h"

#include "harness/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t test_seed = 20261120;

static void a_number_is_accepted_once(void **state)
{
    (void)state;
    struct replay_window window = {0};
    for (uint64_t sequence = 0; sequence < 1000; sequence++) {
        assert_false(replay_window_has(&window, sequence));
        replay_window_add(&window, sequence);
        assert_true(replay_window_has(&window, sequence));
    }
}

static void numbers_may_come_in_any_order_within_the_window(void **state)
{
    (void)state;
    struct replay_window window = {0};
    replay_window_add(&window, 1000);
    for (uint64_t back = REPLAY_WINDOW_SIZE - 1; back >= 1; back--) {
        assert_false(replay_window_has(&window, 1000 - back));
        replay_window_add(&window, 1000 - back);
        assert_true(replay_window_has(&window, 1000 - back));
    }
    assert_true(replay_window_has(&window, 1000));
    assert_true(replay_window_has(&window, 1000 - REPLAY_WINDOW_SIZE));
    assert_true(replay_window_has(&window, 0));
    assert_false(replay_window_has(&window, 1001));
}

static void asking_changes_nothing(void **state)
{
    (void)state;
    struct replay_window window = {0};
    replay_window_add(&window, 5);
    const struct replay_window before = window;
    assert_false(replay_window_has(&window, UINT64_MAX));
    assert_false(replay_window_has(&window, 4));
    assert_memory_equal(&window, &before, sizeof window);
}

static void the_last_numbers_of_all_are_no_exception(void **state)
{
    (void)state;
    struct replay_window window = {0};
    for (uint64_t sequence = UINT64_MAX - 300; sequence != 0; sequence++) {
        assert_false(replay_window_has(&window, sequence));
        replay_window_add(&window, sequence);
    }
    assert_true(replay_window_has(&window, UINT64_MAX));
    assert_true(replay_window_has(&window, UINT64_MAX - 256));
    assert_true(replay_window_has(&window, 0));
}

// The model: a set of everything received, and the rule of the standard.
static void random_numbers_agree_with_a_set(void **state)
{
    (void)state;
    enum { RANGE = 4000 };
    print_message("seed %llu\n", (unsigned long long)test_seed);
    uint64_t random = test_seed;
    struct replay_window window = {0};
    static bool is_received[RANGE];
    memset(is_received, 0, sizeof is_received);
    uint64_t newest = 0;
    for (uint32_t step = 0; step < 20000; step++) {
        const uint64_t ahead = random_next(&random) % 8 == 0 ? 400 : 40;
        const uint64_t low = newest > 300 ? newest - 300 : 0;
        const uint64_t sequence = low + random_next(&random) % (newest - low + ahead);
        if (sequence >= RANGE) {
            break;
        }
        const bool is_old = newest >= 256 && sequence <= newest - 256;
        const bool expected = is_old || is_received[sequence];
        assert_int_equal(replay_window_has(&window, sequence), expected);
        if (!expected) {
            replay_window_add(&window, sequence);
            is_received[sequence] = true;
            newest = sequence > newest ? sequence : newest;
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_accepted_once),
        cmocka_unit_test(numbers_may_come_in_any_order_within_the_window),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(the_last_numbers_of_all_are_no_exception),
        cmocka_unit_test(random_numbers_agree_with_a_set),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    if (argc > 2) {
        test_seed = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
