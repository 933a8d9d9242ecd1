// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // clock_nanosleep(), getrandom(), prctl()

#include "drivers/clock.h"

#include "core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A slice of a thread that keeps time, a fraction of what others have.
#define SLICE_NS 300000u

static uint64_t read_ns(clockid_t id)
{
    struct timespec time;
    const int result = clock_gettime(id, &time);
    MUSTER_ASSERT(result == 0);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_unix_seconds(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000000u;
}

uint64_t clock_unix_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

void clock_sleep_until_us(uint64_t deadline_us)
{
    const struct timespec deadline = {
        .tv_sec = (time_t)(deadline_us / 1000000),
        .tv_nsec = (long)(deadline_us % 1000000) * 1000,
    };
    int result;
    do {
        result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    } while (result == EINTR);
    MUSTER_ASSERT(result == 0);
}

// What sched_setattr(2) takes, in its first version.
struct schedule {
    uint32_t bytes;
    uint32_t policy;
    uint64_t flags;
    int32_t niceness;
    uint32_t priority;
    uint64_t slice_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
};

void clock_prefer_punctual(void)
{
    // Refused only by a kernel that has no timer slack, which is punctual already.
    (void)prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    // The same share of the processor in shorter slices, which come sooner. Kernels before 6.12
    // know no slices and change nothing.
    const struct schedule schedule = {.bytes = sizeof schedule,
        .policy = SCHED_OTHER,
        .niceness = getpriority(PRIO_PROCESS, 0),
        .slice_ns = SLICE_NS};
    (void)syscall(SYS_sched_setattr, 0, &schedule, 0u);
}

uint64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_resident_bytes(void)
{
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    // Pages: "total resident shared ...".
    char text[128];
    const ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    char *resident;
    (void)strtoull(text, &resident, 10);
    return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void clock_random_bytes(void *bytes, size_t length)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    uint8_t *next = bytes;
    while (length > 0) {
        const ssize_t got = getrandom(next, length, 0);
        if (got < 0) {
            // A key made of anything else would be worse than no server.
            MUSTER_ASSERT(errno == EINTR);
            continue;
        }
        next += got;
        length -= (size_t)got;
    }
}
