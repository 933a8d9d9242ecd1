// SPDX-License-Identifier: Apache-2.0
#include "sched/runner.h"

#include "core/assert.h"

static uint64_t now_ns(const struct runner_source *source)
{
    return source->now_ns != NULL ? source->now_ns(source->clock_context) : 0;
}

static void run_task(
    const struct runner *runner, const struct runner_source *source, uint64_t tick, uint32_t task)
{
    const uint64_t period_ticks = runner->tasks[task].period_ticks;
    MUSTER_ASSERT(period_ticks >= 1);

    struct runner_cost *cost = &runner->costs[task];
    const uint64_t start_ns = now_ns(source);
    uint32_t index = source->next(source->context, task, 0);
    while (index != RUNNER_NONE) {
        if ((tick + index) % period_ticks == 0) {
            source->run(source->context, task, index);
            cost->item_count++;
        }
        index = source->next(source->context, task, index + 1);
    }

    const uint64_t spent_ns = now_ns(source) - start_ns;
    cost->total_ns += spent_ns;
    cost->tick_ns_max = spent_ns > cost->tick_ns_max ? spent_ns : cost->tick_ns_max;
}

void runner_run(const struct runner *runner,
    const struct runner_source *source,
    uint64_t tick,
    uint32_t class_min,
    uint32_t class_max)
{
    MUSTER_ASSERT(runner != NULL);
    MUSTER_ASSERT(source != NULL);
    MUSTER_ASSERT(class_min <= class_max);
    for (uint32_t task_class = class_min; task_class <= class_max; task_class++) {
        for (uint32_t task = 0; task < runner->task_count; task++) {
            if (runner->tasks[task].task_class == task_class) {
                run_task(runner, source, tick, task);
            }
        }
    }
}
