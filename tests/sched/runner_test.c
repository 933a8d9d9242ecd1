// SPDX-License-Identifier: Apache-2.0
#include "sched/runner.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TASK_COUNT 3
#define RUN_MAX    64

// Tasks 0 and 2 have items 0 to 5, task 1 has one.
struct log {
    uint32_t tasks[RUN_MAX];
    uint32_t indices[RUN_MAX];
    uint32_t count;
    uint64_t clock_ns;
};

static uint32_t next(void *context, uint32_t task_index, uint32_t index_min)
{
    (void)context;
    const uint32_t count = task_index == 1 ? 1 : 6;
    return index_min < count ? index_min : RUNNER_NONE;
}

static void run(void *context, uint32_t task_index, uint32_t index)
{
    struct log *log = context;
    assert_true(log->count < RUN_MAX);
    log->tasks[log->count] = task_index;
    log->indices[log->count] = index;
    log->count++;
    log->clock_ns += 10;
}

static uint64_t now_ns(void *clock_context)
{
    return ((struct log *)clock_context)->clock_ns;
}

static const struct runner_task tasks[TASK_COUNT] = {
    {.task_class = 2, .period_ticks = 1},
    {.task_class = 0, .period_ticks = 1},
    {.task_class = 0, .period_ticks = 4},
};

static void tasks_run_by_class_then_table_then_index(void **state)
{
    (void)state;
    struct log log = {0};
    struct runner_cost costs[TASK_COUNT] = {{0}};
    const struct runner runner = {.tasks = tasks, .costs = costs, .task_count = TASK_COUNT};
    const struct runner_source source = {.context = &log, .next = next, .run = run};
    runner_run(&runner, &source, 3, 0, 4);

    // In tick 3 items 1 and 5 of task 2 are due.
    const uint32_t expected_tasks[] = {1, 2, 2, 0, 0, 0, 0, 0, 0};
    const uint32_t expected_indices[] = {0, 1, 5, 0, 1, 2, 3, 4, 5};
    assert_int_equal(log.count, 9);
    assert_memory_equal(log.tasks, expected_tasks, sizeof expected_tasks);
    assert_memory_equal(log.indices, expected_indices, sizeof expected_indices);
}

static void only_classes_asked_for_run(void **state)
{
    (void)state;
    struct log log = {0};
    struct runner_cost costs[TASK_COUNT] = {{0}};
    const struct runner runner = {.tasks = tasks, .costs = costs, .task_count = TASK_COUNT};
    const struct runner_source source = {.context = &log, .next = next, .run = run};
    runner_run(&runner, &source, 3, 2, 2);
    assert_int_equal(log.count, 6);
    assert_int_equal(costs[1].item_count, 0);
}

static void every_item_runs_once_in_its_period(void **state)
{
    (void)state;
    struct log log = {0};
    struct runner_cost costs[TASK_COUNT] = {{0}};
    const struct runner runner = {.tasks = tasks, .costs = costs, .task_count = TASK_COUNT};
    const struct runner_source source = {.context = &log, .next = next, .run = run};
    for (uint64_t tick = 100; tick < 104; tick++) {
        runner_run(&runner, &source, tick, 0, 0);
    }
    assert_int_equal(costs[2].item_count, 6);
    assert_int_equal(costs[1].item_count, 4);
    assert_int_equal(costs[1].total_ns, 0);
}

static void costs_come_from_the_clock_that_is_given(void **state)
{
    (void)state;
    struct log log = {0};
    struct runner_cost costs[TASK_COUNT] = {{0}};
    const struct runner runner = {.tasks = tasks, .costs = costs, .task_count = TASK_COUNT};
    const struct runner_source source = {
        .context = &log,
        .next = next,
        .run = run,
        .now_ns = now_ns,
        .clock_context = &log,
    };
    runner_run(&runner, &source, 0, 0, 2); // items 0 and 4 of task 2
    runner_run(&runner, &source, 2, 0, 2); // item 2 of task 2
    assert_int_equal(costs[0].total_ns, 120);
    assert_int_equal(costs[0].tick_ns_max, 60);
    assert_int_equal(costs[2].total_ns, 30);
    assert_int_equal(costs[2].tick_ns_max, 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests_of_this[] = {
        cmocka_unit_test(tasks_run_by_class_then_table_then_index),
        cmocka_unit_test(only_classes_asked_for_run),
        cmocka_unit_test(every_item_runs_once_in_its_period),
        cmocka_unit_test(costs_come_from_the_clock_that_is_given),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests_of_this, NULL, NULL);
}
