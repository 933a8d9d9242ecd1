// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Runs declared tasks in a fixed order: by class, then in the order of the table, then by the
/// index of the item. Which items run in a tick follows from the tick and their index alone, so
/// that every copy of a world runs the same.
///
/// What a task costs is measured beside that and never given to it.
///
/// - Memory: the caller's.
/// - Threads: one at a time.

#include "muster/base.h"

/// The end of a task's items.
#define RUNNER_NONE UINT32_MAX

/// A task, as far as order needs it.
struct runner_task {
    /// Tasks of a lower class run first.
    uint32_t task_class;

    /// An item runs in ticks in which (tick + index) is a multiple of it; at least 1.
    uint32_t period_ticks;
};

/// What a task has cost since the runner began.
struct runner_cost {
    /// Items that ran.
    uint64_t item_count;

    /// Time of all of them together, and the most in one tick.
    uint64_t total_ns, tick_ns_max;
};

/// Who knows the items and runs them.
struct runner_source {
    /// Passed to the two functions below.
    void *context;

    /// The first item of a task at or after an index, RUNNER_NONE if there is none. It is asked
    /// again after every item, so items may come and go meanwhile.
    uint32_t (*next)(void *context, uint32_t task_index, uint32_t index_min);

    /// Runs an item.
    void (*run)(void *context, uint32_t task_index, uint32_t index);

    /// A clock for the costs; NULL counts items only.
    uint64_t (*now_ns)(void *clock_context);
    void *clock_context;
};

/// A table of tasks with their costs, both the caller's.
struct runner {
    const struct runner_task *tasks;
    struct runner_cost *costs;
    uint32_t task_count;
};

/// Runs what is due in a tick of the tasks of the classes from `class_min` to `class_max`.
void runner_run(const struct runner *runner,
    const struct runner_source *source,
    uint64_t tick,
    uint32_t class_min,
    uint32_t class_max);
