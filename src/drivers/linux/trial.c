// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // sigabbrev_np(), prctl()

#include "drivers/trial.h"

#include "core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Whoever ends the process before the function is back does not know this code.
#define CODE_IS_BACK 93

// Signals mean here what they mean to a new program, also where the parent handles or blocks them.
static void set_signals(void)
{
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &plain, NULL); // the two that cannot be set are plain anyway
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void try_it(void (*run)(void *context), void *context, uint32_t timeout_s)
{
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int file = STDIN_FILENO; file <= STDERR_FILENO && nowhere >= 0; file++) {
        (void)dup2(nowhere, file);
    }
    set_signals();
    alarm(timeout_s);
    run(context);
    _exit(CODE_IS_BACK);
}

static void explain(
    int wait_status, const char *what, uint32_t timeout_s, struct driver_error *out_error)
{
    if (WIFEXITED(wait_status)) {
        driver_error_write(
            out_error, 0, "%s ends the program with exit code %d", what, WEXITSTATUS(wait_status));
    } else if (WTERMSIG(wait_status) == SIGALRM) {
        driver_error_write(out_error, 0, "%s does not come back within %u s", what, timeout_s);
    } else {
        const char *name = sigabbrev_np(WTERMSIG(wait_status));
        driver_error_write(out_error, 0, "%s is stopped by signal %d (SIG%s)", what,
            WTERMSIG(wait_status), name != NULL ? name : "?");
    }
}

muster_status trial_run(void (*run)(void *context),
    void *context,
    const char *what,
    uint32_t timeout_s,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(run != NULL && what != NULL);
    MUSTER_ASSERT(timeout_s >= 1);
    (void)fflush(NULL); // or the copy would hold what the program has not printed yet
    const pid_t child = fork();
    if (child < 0) {
        driver_error_write(out_error, errno, "cannot try %s", what);
        return MUSTER_ERR_IO;
    }
    if (child == 0) {
        try_it(run, context, timeout_s);
    }
    int wait_status = 0;
    while (waitpid(child, &wait_status, 0) < 0) {
        if (errno != EINTR) {
            driver_error_write(out_error, errno, "cannot wait for %s", what);
            return MUSTER_ERR_IO;
        }
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == CODE_IS_BACK) {
        return MUSTER_OK;
    }
    explain(wait_status, what, timeout_s, out_error);
    return MUSTER_ERR_INVALID;
}
