// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/terminal.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US UINT64_C(1000000)

static char *output;
static size_t output_bytes;
static FILE *file;
static struct progress progress;

static int begin(void **state)
{
    (void)state;
    file = open_memstream(&output, &output_bytes);
    return file == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    fclose(file);
    free(output);
    return 0;
}

static void expect_output(const char *expected)
{
    fflush(file);
    assert_string_equal(output, expected);
}

static void nothing_is_drawn_in_the_first_two_seconds(void **state)
{
    (void)state;
    progress_begin(&progress, file, true, "replay", 100, 5);
    progress_update(&progress, 10, 5);
    progress_update(&progress, 50, 2 * SECOND_US + 4);
    progress_end(&progress);
    expect_output("");
}

static void the_line_shows_share_and_time_left_and_is_removed(void **state)
{
    (void)state;
    progress_begin(&progress, file, true, "replay", 100, 0);
    progress_update(&progress, 25, 2 * SECOND_US);
    progress_update(&progress, 26, 2 * SECOND_US + SECOND_US / 10 - 1);
    progress_update(&progress, 100, 3 * SECOND_US);
    progress_end(&progress);
    progress_end(&progress);
    expect_output("\r\x1b[Kreplay: 25 of 100 (25 %), 6 s left, 2 s"
                  "\r\x1b[Kreplay: 100 of 100 (100 %), 3 s"
                  "\r\x1b[K");
}

static void an_unknown_number_of_steps_is_counted(void **state)
{
    (void)state;
    progress_begin(&progress, file, true, "read", 0, 0);
    progress_update(&progress, 7, 9 * SECOND_US);
    expect_output("\r\x1b[Kread: 7, 9 s");
}

static void no_terminal_sees_no_line(void **state)
{
    (void)state;
    progress_begin(&progress, file, false, "replay", 100, 0);
    progress_update(&progress, 50, 9 * SECOND_US);
    progress_end(&progress);
    expect_output("");
}

// A terminal of its own, so that the answer does not depend on where the test runs.
static FILE *open_terminal(int *out_master)
{
    *out_master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*out_master >= 0);
    assert_int_equal(grantpt(*out_master), 0);
    assert_int_equal(unlockpt(*out_master), 0);
    FILE *terminal = fopen(ptsname(*out_master), "r+");
    assert_non_null(terminal);
    return terminal;
}

static void colour_is_for_terminals_that_want_it(void **state)
{
    (void)state;
    int master = -1;
    FILE *terminal = open_terminal(&master);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_true(terminal_is_lively(terminal));
    assert_true(terminal_has_colour(terminal));
    setenv("NO_COLOR", "", 1);
    assert_true(terminal_has_colour(terminal));
    setenv("NO_COLOR", "1", 1);
    assert_false(terminal_has_colour(terminal));
    assert_true(terminal_is_lively(terminal));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_false(terminal_has_colour(terminal));
    unsetenv("TERM");
    assert_false(terminal_is_lively(terminal));
    fclose(terminal);
    close(master);
    FILE *plain = tmpfile();
    setenv("TERM", "xterm", 1);
    assert_false(terminal_has_colour(plain));
    fclose(plain);
}

static void colours_are_empty_without_colour(void **state)
{
    (void)state;
    for (int colour = TERMINAL_PLAIN; colour <= TERMINAL_DIM; colour++) {
        assert_string_equal(terminal_colour(false, (enum terminal_colour)colour), "");
        assert_int_equal(terminal_colour(true, (enum terminal_colour)colour)[0], '\x1b');
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_drawn_in_the_first_two_seconds, begin, end),
        cmocka_unit_test_setup_teardown(
            the_line_shows_share_and_time_left_and_is_removed, begin, end),
        cmocka_unit_test_setup_teardown(an_unknown_number_of_steps_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(no_terminal_sees_no_line, begin, end),
        cmocka_unit_test(colour_is_for_terminals_that_want_it),
        cmocka_unit_test(colours_are_empty_without_colour),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
