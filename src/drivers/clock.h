// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Time, chance and what this process uses: the values that library parts take as arguments.
///
/// - Cost: reading a clock is no system call, except the CPU clocks (about 200 ns).
/// - Threads: all of it may be called by any thread.

#include <stddef.h>
#include <stdint.h>

/// Microseconds since some moment before this process began. Never goes back, and is not moved by
/// anyone who sets the clock.
uint64_t clock_monotonic_us(void);

/// The same clock in nanoseconds.
uint64_t clock_monotonic_ns(void);

/// Seconds since 1970, UTC. May jump when the clock is set.
uint64_t clock_unix_seconds(void);

/// Microseconds since 1970, UTC. May jump when the clock is set.
uint64_t clock_unix_us(void);

/// Sleeps until clock_monotonic_us() has reached `deadline_us`; returns at once if it has. Signals
/// do not cut it short.
void clock_sleep_until_us(uint64_t deadline_us);

/// Lets the calling thread wake up within microseconds of a deadline, where the kernel otherwise
/// gathers wake-ups within 50 us, and get its share soon when others want the processor too. Once,
/// at the start of a thread that keeps time.
void clock_prefer_punctual(void);

/// CPU time the calling thread has used, in nanoseconds.
uint64_t clock_thread_cpu_ns(void);

/// CPU time all threads of this process have used, in nanoseconds.
uint64_t clock_process_cpu_ns(void);

/// Memory of this process that is in RAM, in bytes. 0 where /proc is not mounted.
uint64_t clock_resident_bytes(void);

/// Fills `bytes` with random bytes fit for keys. Waits only in the first moments after boot.
void clock_random_bytes(void *bytes, size_t length);
