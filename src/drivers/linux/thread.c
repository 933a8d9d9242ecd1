// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // pthread_setname_np()

#include "drivers/linux/thread.h"

#include "core/assert.h"

#include <signal.h>
#include <stddef.h>

int thread_start(pthread_t *out_thread, const char *name, void *(*run)(void *), void *argument)
{
    MUSTER_ASSERT(out_thread != NULL);
    MUSTER_ASSERT(run != NULL);

    // A thread inherits the mask of the one that creates it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int result = pthread_create(out_thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0) {
        (void)pthread_setname_np(*out_thread, name);
    }
    return result;
}
