// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // kill()

#include "drivers/trial.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void count(void *context)
{
    ++*(uint32_t *)context;
    puts("not seen");
}

static void kill_itself(void *context)
{
    (void)raise(*(int *)context);
}

static void end(void *context)
{
    _exit(*(int *)context);
}

static void wait_for_ever(void *context)
{
    (void)context;
    for (;;) {
        (void)pause();
    }
}

static void what_comes_back_changes_nothing_here(void **state)
{
    (void)state;
    uint32_t number = 1;
    struct driver_error error = {0};
    assert_int_equal(trial_run(count, &number, "counting", 5, &error), MUSTER_OK);
    assert_int_equal(number, 1);
    assert_string_equal(error.text, "");
}

static void a_crash_is_survived_and_named(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *words;
    } cases[] = {{SIGSEGV, "it is stopped by signal 11 (SIGSEGV)"},
        {SIGABRT, "it is stopped by signal 6 (SIGABRT)"},
        {SIGFPE, "it is stopped by signal 8 (SIGFPE)"},
        {SIGTERM, "it is stopped by signal 15 (SIGTERM)"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct driver_error error;
        int number = cases[i].number;
        assert_int_equal(trial_run(kill_itself, &number, "it", 5, &error), MUSTER_ERR_INVALID);
        assert_string_equal(error.text, cases[i].words);
        assert_int_equal(trial_run(kill_itself, &number, "it", 5, NULL), MUSTER_ERR_INVALID);
    }
}

static void handled_and_blocked_signals_still_end_a_trial(void **state)
{
    (void)state;
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGSEGV);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    struct driver_error error;
    int number = SIGSEGV;
    assert_int_equal(trial_run(kill_itself, &number, "it", 5, &error), MUSTER_ERR_INVALID);
    assert_string_equal(error.text, "it is stopped by signal 11 (SIGSEGV)");
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void ending_the_program_is_no_way_back(void **state)
{
    (void)state;
    struct driver_error error;
    int code = 0;
    assert_int_equal(trial_run(end, &code, "it", 5, &error), MUSTER_ERR_INVALID);
    assert_string_equal(error.text, "it ends the program with exit code 0");
}

static void what_takes_too_long_is_ended(void **state)
{
    (void)state;
    struct driver_error error;
    assert_int_equal(trial_run(wait_for_ever, NULL, "it", 1, &error), MUSTER_ERR_INVALID);
    assert_string_equal(error.text, "it does not come back within 1 s");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_changes_nothing_here),
        cmocka_unit_test(a_crash_is_survived_and_named),
        cmocka_unit_test(handled_and_blocked_signals_still_end_a_trial),
        cmocka_unit_test(ending_the_program_is_no_way_back),
        cmocka_unit_test(what_takes_too_long_is_ended),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
