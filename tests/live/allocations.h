// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Counts what threads take from the heap, whoever asks for it: our code, a library or libc.
///
///     allocations_watch(names, 3);
///     ... run ...
///     struct allocations allocations = allocations_end();
///
/// A program that links this has its heap functions replaced; under a sanitizer, which replaces
/// them itself, the sanitizer is asked to tell.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The most names that can be watched.
#define ALLOCATIONS_NAME_MAX 8u

struct allocations {
    uint64_t count;     // by threads that are watched
    uint64_t others;    // by all other threads: shows that anything is counted at all
    size_t first_bytes; // of the first counted one
    void *first_caller; // its return address, NULL where it is not known
    char first_thread[16];
    bool is_complete; // false: the thread sanitizer does not tell of aligned allocations
};

/// Starts to count. A thread is watched if its name begins with one of `names`, which must stay.
void allocations_watch(const char *const *names, uint32_t name_count);

/// Stops counting.
/// @return what was counted
struct allocations allocations_end(void);
