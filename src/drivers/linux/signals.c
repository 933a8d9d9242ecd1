// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // signalfd(), pthread_sigmask()

#include "drivers/signals.h"

#include "core/assert.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static sigset_t all_signals(void)
{
    sigset_t set = stop_signals();
    sigaddset(&set, SIGHUP);
    return set;
}

muster_status signals_open(struct signals *out_signals, struct driver_error *out_error)
{
    MUSTER_ASSERT(out_signals != NULL);
    *out_signals = (struct signals){.file = -1};
    const sigset_t set = stop_signals();
    const int file = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (file < 0) {
        driver_error_write(out_error, errno, "cannot wait for signals");
        return MUSTER_ERR_IO;
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    out_signals->file = file;
    return MUSTER_OK;
}

bool signals_take_hangup(struct signals *signals)
{
    MUSTER_ASSERT(signals != NULL && signals->file >= 0);
    const sigset_t set = all_signals();
    if (signalfd(signals->file, &set, SFD_NONBLOCK | SFD_CLOEXEC) < 0) {
        return false;
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return true;
}

void signals_close(struct signals *signals)
{
    MUSTER_ASSERT(signals != NULL);
    // Those that came and nobody took would end the process once they are let through.
    (void)signals_read(signals);
    close(signals->file);
    signals->file = -1;
    const sigset_t set = all_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
}

uint32_t signals_read(struct signals *signals)
{
    MUSTER_ASSERT(signals != NULL);
    struct signalfd_siginfo info;
    while (read(signals->file, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            signals->hangup_count++;
            continue;
        }
        signals->stop_count++;
        signals->last_signal = (int)info.ssi_signo;
    }
    return signals->stop_count;
}
