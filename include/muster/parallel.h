// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How a part runs a loop on several workers without knowing what a thread is.
///
/// The caller of a part fills in a muster_parallel; a driver has one on threads, and
/// muster_parallel_serial() runs everything on the calling thread.
///
/// - Order: none. Items of one call may run in any order and at once; results must be written to
///   places that belong to the item, so that the number of workers cannot change them.
/// - Threads: `run` returns when every item has run; what the items wrote is visible then.

#include "muster/base.h"

/// The most workers a muster_parallel may have.
#define MUSTER_WORKER_COUNT_MAX 64

/// One item of a parallel loop.
/// @param context       what was passed to `run`
/// @param item_index    in [0, item_count)
/// @param worker_index  in [0, worker_count): two items at once never share it, so scratch memory
///                      may be kept by worker
typedef void muster_parallel_item(void *context, uint32_t item_index, uint32_t worker_index);

/// A way to run loops. Copied by value; `pool` must outlive every object it was given to.
typedef struct muster_parallel {
    /// Workers that may run items at once, the calling thread included; in
    /// [1, MUSTER_WORKER_COUNT_MAX].
    uint32_t worker_count;

    /// Runs `item` for every index below `item_count`, each once, and returns when all are done.
    /// Must not be called from inside an item.
    void (*run)(void *pool, uint32_t item_count, muster_parallel_item *item, void *context);

    /// Passed to `run`, untouched.
    void *pool;
} muster_parallel;

/// Runs items one after the other, in order, on the calling thread.
MUSTER_API muster_parallel muster_parallel_serial(void);
