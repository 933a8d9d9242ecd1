// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // syscall()

#include "drivers/linux/futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void futex_sleep(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_us)
{
    const struct timespec timeout = {
        .tv_sec = (time_t)(timeout_us / 1000000),
        .tv_nsec = (long)(timeout_us % 1000000) * 1000,
    };
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
        timeout_us == FUTEX_FOREVER ? NULL : &timeout, NULL, 0);
}

void futex_wake_all(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
