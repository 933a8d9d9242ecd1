// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Words every Muster part shares: status codes, ticks and the allocator hook.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define MUSTER_API extern "C" __attribute__((visibility("default")))
#else
#define MUSTER_API __attribute__((visibility("default")))
#endif

/// The caller must look at the result. Put on every function that returns muster_status.
#define MUSTER_NODISCARD __attribute__((warn_unused_result))

/// The largest tick the library accepts. Half the range is kept free so that tick arithmetic
/// cannot wrap; at 1000 ticks per second it is reached after 292 million years.
#define MUSTER_TICK_MAX (UINT64_MAX / 2)

/// A tick that never comes. Only ever returned, never passed in.
#define MUSTER_TICK_NEVER UINT64_MAX

/// What became of an operation. Zero is success; failures are negative and stable, so they may
/// be logged, sent on the wire and compared by value.
typedef enum muster_status {
    /// Done.
    MUSTER_OK = 0,

    /// An argument or definition is out of its documented range.
    MUSTER_ERR_INVALID = -1,

    /// The allocator had no memory. Nothing was changed.
    MUSTER_ERR_NO_MEMORY = -2,

    /// A fixed capacity is used up. Nothing was changed; the caller may retry later or shed load.
    MUSTER_ERR_FULL = -3,

    /// Bytes from outside are not what their format says: cut short, out of range, or forged.
    MUSTER_ERR_MALFORMED = -4,

    /// What was asked for is not there.
    MUSTER_ERR_NOT_FOUND = -5,

    /// The operating system refused; the driver says more in its log or its own error text.
    MUSTER_ERR_IO = -6,

    /// The caller may not do this: a wrong key, a limit of its rights, a session that ended.
    MUSTER_ERR_DENIED = -7,

    /// Made by another version or for another game; both are named where it is reported.
    MUSTER_ERR_VERSION = -8,

    /// The other side did not answer in time.
    MUSTER_ERR_TIMED_OUT = -9,
} muster_status;

/// The status as its enumerator's name, for logs. Never NULL; "MUSTER_UNKNOWN" for a foreign value.
MUSTER_API const char *muster_status_name(muster_status status);

/// Where a part takes its memory from. Copied by value at creation; `context` must outlive every
/// object created with it. Both functions are called on the creating and destroying thread only.
typedef struct muster_allocator {
    /// Returns `bytes` bytes aligned to `alignment` (a power of two), or NULL.
    void *(*alloc)(void *context, size_t bytes, size_t alignment);

    /// Gives back memory from `alloc`, with the same `bytes`. Never called with NULL.
    void (*free)(void *context, void *memory, size_t bytes);

    /// Passed through to both functions, untouched.
    void *context;
} muster_allocator;

/// The C library's heap. Good for tools and tests; servers pass an arena.
MUSTER_API muster_allocator muster_heap_allocator(void);
