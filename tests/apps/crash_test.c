// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/crash.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"

#include "core/assert.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

static char folder[64];
static struct crash_facts facts;
static char report[OUTCOME_BYTES_MAX];

static int enter_folder(void **state)
{
    (void)state;
    folder_begin(folder);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static void set_facts(void)
{
    facts = (struct crash_facts){.version = "0.1.0 (abc)", .seed = UINT64_MAX};
    snprintf(facts.folder, sizeof facts.folder, "%s", folder);
    snprintf(facts.command, sizeof facts.command, "muster up --bots 3");
    snprintf(facts.game, sizeof facts.game, "games/hello.so");
    snprintf(facts.log_path, sizeof facts.log_path, "run.mlog");
}

static void fail_an_assertion(void)
{
    MUSTER_ASSERT(facts.seed == 0);
}

static void read_a_forbidden_page(void)
{
    volatile const char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)page[0];
}

// Ends by using up the stack, so that the handler has to bring its own.
static uint32_t descend(volatile uint32_t *depth)
{
    volatile uint32_t frame[4096];
    frame[*depth % 4096] = *depth;
    *depth += 1;
    return *depth == 0 ? 0 : descend(depth) + frame[*depth % 4096];
}

static void overflow_the_stack(void)
{
    volatile uint32_t depth = 1;
    (void)descend(&depth);
}

static void abort_plainly(void)
{
    abort();
}

// Crashes a child by `crash` and returns what it died of; its report is then in `report`.
static int crash_child(void (*crash)(void), bool is_folder_there)
{
    set_facts();
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        if (!is_folder_there) {
            snprintf(facts.folder, sizeof facts.folder, "/nowhere");
        }
        crash_install(&facts);
        atomic_store(&facts.tick, 12345);
        crash();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    char path[64];
    snprintf(path, sizeof path, "crash-%d.txt", (int)child);
    file_read(path, report);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void an_assertion_leaves_a_report_of_what_failed_and_how_to_replay_it(void **state)
{
    (void)state;
    assert_int_equal(crash_child(fail_an_assertion, true), SIGABRT);
    const char *begin = "muster stopped itself\n"
                        "version: 0.1.0 (abc)\n"
                        "command: muster up --bots 3\n"
                        "game: games/hello.so\n"
                        "signal: SIGABRT\n"
                        "assertion: tests/apps/crash_test.c:";
    assert_int_equal(strncmp(report, begin, strlen(begin)), 0);
    assert_non_null(strstr(report, ": facts.seed == 0\n"
                                   "seed: 18446744073709551615\n"
                                   "tick: 12345\n"
                                   "log: run.mlog\n"
                                   "replay: muster replay run.mlog\n"
                                   "backtrace:\n"));
    assert_non_null(strstr(report, "crash_test"));
}

static void signals_leave_a_report_and_end_the_process_as_before(void **state)
{
    (void)state;
    assert_int_equal(crash_child(read_a_forbidden_page, true), SIGSEGV);
    assert_non_null(strstr(report, "signal: SIGSEGV\nseed: "));
    assert_int_equal(crash_child(overflow_the_stack, true), SIGSEGV);
    assert_non_null(strstr(report, "signal: SIGSEGV\nseed: "));
    assert_int_equal(crash_child(abort_plainly, true), SIGABRT);
    assert_non_null(strstr(report, "signal: SIGABRT\nseed: "));
}

static void a_folder_that_is_missing_changes_nothing_of_the_end(void **state)
{
    (void)state;
    assert_int_equal(crash_child(abort_plainly, false), SIGABRT);
    assert_string_equal(report, "");
}

static void removal_gives_signals_back(void **state)
{
    (void)state;
    set_facts();
    struct sigaction before;
    struct sigaction after;
    assert_int_equal(sigaction(SIGSEGV, NULL, &before), 0);
    crash_install(&facts);
    assert_int_equal(sigaction(SIGSEGV, NULL, &after), 0);
    assert_true(before.sa_handler != after.sa_handler);
    crash_remove();
    assert_int_equal(sigaction(SIGSEGV, NULL, &after), 0);
    assert_true(before.sa_handler == after.sa_handler);
    crash_install(&facts);
    crash_remove();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assertion_leaves_a_report_of_what_failed_and_how_to_replay_it),
        cmocka_unit_test(signals_leave_a_report_and_end_the_process_as_before),
        cmocka_unit_test(a_folder_that_is_missing_changes_nothing_of_the_end),
        cmocka_unit_test(removal_gives_signals_back),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
