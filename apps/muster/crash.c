// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/crash.h"

#include "core/assert.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

// Everything below the handler is async-signal-safe: it formats by hand into its own stack, calls
// open, write and close, and takes no lock. backtrace() loads a library at its first call, so that
// call is made at installation.

#define FRAME_COUNT_MAX   64
#define STACK_BYTES       65536u
#define DIGIT_COUNT_MAX   20u
#define REPORT_PATH_BYTES (CRASH_TEXT_BYTES_MAX + 64u)

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])

static struct {
    struct crash_facts *facts;
    // The failed assertion; written before abort(), read by the handler on the same thread.
    const char *condition;
    const char *file;
    int line;
    atomic_flag is_reported;
    struct sigaction previous[SIGNAL_COUNT];
    char stack[STACK_BYTES];
} installed = {.is_reported = ATOMIC_FLAG_INIT};

_Noreturn void __real_muster_assert_fail(const char *condition, const char *file, int line);
_Noreturn void __wrap_muster_assert_fail(const char *condition, const char *file, int line);

// The linker sends every call of muster_assert_fail() here (see CMakeLists.txt): the core library
// has no variable that could remember what failed.
_Noreturn void __wrap_muster_assert_fail(const char *condition, const char *file, int line)
{
    installed.condition = condition;
    installed.file = file;
    installed.line = line;
    __real_muster_assert_fail(condition, file, line);
}

static void put(int descriptor, const char *string)
{
    size_t length = 0;
    while (string[length] != '\0') {
        length++;
    }
    // Nothing can be done about a report that cannot be written.
    const ssize_t written = write(descriptor, string, length);
    (void)written;
}

static const char *digits(uint64_t number, char buffer[DIGIT_COUNT_MAX + 1])
{
    char *at = buffer + DIGIT_COUNT_MAX;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return at;
}

static void put_number(int descriptor, uint64_t number)
{
    char buffer[DIGIT_COUNT_MAX + 1];
    put(descriptor, digits(number, buffer));
}

static const char *signal_words(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    case SIGILL:
        return "SIGILL";
    default:
        return "SIGABRT";
    }
}

static void append(char *path, size_t *length, const char *string)
{
    for (size_t i = 0; string[i] != '\0' && *length + 1 < REPORT_PATH_BYTES; i++) {
        path[(*length)++] = string[i];
    }
    path[*length] = '\0';
}

static void report_path(const struct crash_facts *facts, char out_path[REPORT_PATH_BYTES])
{
    char buffer[DIGIT_COUNT_MAX + 1];
    size_t length = 0;
    append(out_path, &length, facts->folder[0] != '\0' ? facts->folder : ".");
    append(out_path, &length, "/crash-");
    append(out_path, &length, digits((uint64_t)getpid(), buffer));
    append(out_path, &length, ".txt");
}

static void put_fact(int descriptor, const char *name, const char *value)
{
    put(descriptor, name);
    put(descriptor, value);
    put(descriptor, "\n");
}

static void write_report(int descriptor, const struct crash_facts *facts, int signal_number)
{
    put(descriptor, "muster stopped itself\n");
    put_fact(descriptor, "version: ", facts->version);
    put_fact(descriptor, "command: ", facts->command);
    put_fact(descriptor, "game: ", facts->game[0] != '\0' ? facts->game : "none");
    put_fact(descriptor, "signal: ", signal_words(signal_number));
    if (installed.condition != NULL) {
        put(descriptor, "assertion: ");
        put(descriptor, installed.file);
        put(descriptor, ":");
        put_number(descriptor, (uint64_t)installed.line);
        put_fact(descriptor, ": ", installed.condition);
    }
    put(descriptor, "seed: ");
    put_number(descriptor, facts->seed);
    put(descriptor, "\ntick: ");
    // Relaxed: on the crashing thread it is its own store, on another one a tick more or less.
    put_number(descriptor, atomic_load_explicit(&facts->tick, memory_order_relaxed));
    put_fact(descriptor, "\nlog: ", facts->log_path[0] != '\0' ? facts->log_path : "none");
    if (facts->log_path[0] != '\0') {
        put_fact(descriptor, "replay: muster replay ", facts->log_path);
    }
    put(descriptor, "backtrace:\n");
    void *frames[FRAME_COUNT_MAX];
    backtrace_symbols_fd(frames, backtrace(frames, FRAME_COUNT_MAX), descriptor);
}

static void handle(int signal_number)
{
    const struct crash_facts *facts = installed.facts;
    if (facts != NULL && !atomic_flag_test_and_set(&installed.is_reported)) {
        char path[REPORT_PATH_BYTES];
        report_path(facts, path);
        const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        write_report(descriptor < 0 ? STDERR_FILENO : descriptor, facts, signal_number);
        if (descriptor >= 0) {
            close(descriptor);
            put(STDERR_FILENO, "muster: stopped itself");
            put(STDERR_FILENO, facts->game[0] != '\0' ? " while it ran game " : "");
            put(STDERR_FILENO, facts->game);
            put_fact(STDERR_FILENO, "; the report is ", path);
        }
    }
    // The signal's default action was restored before this call (SA_RESETHAND), and ends the
    // process once the handler returns and unblocks it.
    raise(signal_number);
}

void crash_install(struct crash_facts *facts)
{
    MUSTER_ASSERT(installed.facts == NULL);
    void *frame = NULL;
    (void)backtrace(&frame, 1);
    installed.facts = facts;
    // Of the installing thread: a handler cannot run on a stack that has overflowed.
    const stack_t stack = {.ss_sp = installed.stack, .ss_size = sizeof installed.stack};
    (void)sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_handler = handle, .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK)};
    sigemptyset(&action.sa_mask);
    for (uint32_t i = 0; i < SIGNAL_COUNT; i++) {
        const int result = sigaction(signals[i], &action, &installed.previous[i]);
        MUSTER_ASSERT(result == 0);
    }
}

void crash_remove(void)
{
    MUSTER_ASSERT(installed.facts != NULL);
    for (uint32_t i = 0; i < SIGNAL_COUNT; i++) {
        const int result = sigaction(signals[i], &installed.previous[i], NULL);
        MUSTER_ASSERT(result == 0);
    }
    const stack_t none = {.ss_flags = SS_DISABLE};
    (void)sigaltstack(&none, NULL);
    installed.facts = NULL;
}
