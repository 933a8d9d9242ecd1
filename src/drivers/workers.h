// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Workers: threads that run the loops of muster/parallel.h.
///
/// The calling thread is worker 0 and takes part. Items are claimed in chunks from a counter, so
/// a worker that is held up delays nobody: one that comes late finds the loop closed and goes
/// back to sleep, and the caller waits only for those that claimed something.
///
/// - Memory: one allocation and the threads' stacks, at creation; none in a run.
/// - Cost: a run whose workers are awake costs a few hundred nanoseconds. They spin briefly after
///   one, and then sleep; waking one is a system call.
/// - Threads: one thread at a time may run loops, the same that gives the pool its work.

#include "drivers/error.h"
#include "muster/base.h"
#include "muster/parallel.h"

/// A pool. Created and destroyed by its owner.
struct workers;

/// What a pool is made from. Start from workers_default_def().
struct workers_def {
    /// Workers, the calling thread included, in [1, MUSTER_WORKER_COUNT_MAX]. Default 1.
    uint32_t worker_count;

    /// How often an idle worker looks for the next loop before it sleeps; 0 sleeps at once, at
    /// most 1,000,000. Default 2,000, which is some ten microseconds.
    uint32_t spin_count;

    /// Where the pool's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
};

/// A definition with every field at its default.
struct workers_def workers_default_def(void);

/// Creates a pool and starts its threads.
/// @param out_error  told why on MUSTER_ERR_IO; may be NULL
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY,
///         MUSTER_ERR_IO if a thread could not be started
MUSTER_NODISCARD muster_status workers_create(
    const struct workers_def *def, struct workers **out_workers, struct driver_error *out_error);

/// Stops and joins the threads. Does nothing for NULL. Not while a loop runs.
void workers_destroy(struct workers *workers);

/// The pool as parts take it. Valid until workers_destroy().
muster_parallel workers_parallel(struct workers *workers);
