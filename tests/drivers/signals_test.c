// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // kill()

#include "drivers/signals.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static void wait_for_one(const struct signals *signals)
{
    struct pollfd poll_file = {.fd = signals->file, .events = POLLIN};
    assert_int_equal(poll(&poll_file, 1, 5000), 1);
}

static void a_stop_is_counted_and_the_second_one_too(void **state)
{
    (void)state;
    struct signals signals;
    assert_int_equal(signals_open(&signals, NULL), MUSTER_OK);
    assert_int_equal(signals_read(&signals), 0);
    assert_int_equal(signals.last_signal, 0);

    assert_int_equal(kill(getpid(), SIGTERM), 0);
    wait_for_one(&signals);
    assert_int_equal(signals_read(&signals), 1);
    assert_int_equal(signals.last_signal, SIGTERM);
    assert_int_equal(signals_read(&signals), 1);

    assert_int_equal(kill(getpid(), SIGINT), 0);
    wait_for_one(&signals);
    assert_int_equal(signals_read(&signals), 2);
    assert_int_equal(signals.last_signal, SIGINT);
    signals_close(&signals);
}

static void a_peer_that_hangs_up_does_not_end_the_process(void **state)
{
    (void)state;
    struct signals signals;
    assert_int_equal(signals_open(&signals, NULL), MUSTER_OK);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    signals_close(&signals);
}

static void a_stop_nobody_took_does_not_outlive_the_file(void **state)
{
    (void)state;
    struct signals signals;
    assert_int_equal(signals_open(&signals, NULL), MUSTER_OK);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    wait_for_one(&signals);
    signals_close(&signals);
    assert_int_equal(signals.stop_count, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_is_counted_and_the_second_one_too),
        cmocka_unit_test(a_peer_that_hangs_up_does_not_end_the_process),
        cmocka_unit_test(a_stop_nobody_took_does_not_outlive_the_file),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
