// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // pthread_barrier_wait()

#include "drivers/workers.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#define ITEM_COUNT_MAX 5000u

// What a loop writes: plain memory, so that the thread sanitizer sees every missing order.
struct loop {
    uint32_t round;
    uint32_t results[ITEM_COUNT_MAX];
    uint32_t items_by_worker[MUSTER_WORKER_COUNT_MAX];
};

static struct workers *workers_of(uint32_t worker_count, uint32_t spin_count)
{
    struct workers_def def = workers_default_def();
    def.worker_count = worker_count;
    def.spin_count = spin_count;
    struct workers *workers;
    assert_int_equal(workers_create(&def, &workers, NULL), MUSTER_OK);
    return workers;
}

static void run_item(void *context, uint32_t item_index, uint32_t worker_index)
{
    struct loop *loop = context;
    loop->results[item_index] += loop->round * (item_index + 1);
    loop->items_by_worker[worker_index]++;
}

// Runs loops of many lengths and checks that each item ran once and nothing else did.
static void run_rounds(struct workers *workers, uint32_t round_count)
{
    static struct loop loop;
    const muster_parallel parallel = workers_parallel(workers);
    for (uint32_t round = 1; round <= round_count; round++) {
        const uint32_t item_count = round * 7919u % ITEM_COUNT_MAX % (round % 5 == 0 ? 4000 : 40);
        memset(&loop, 0, sizeof loop);
        loop.round = round;
        parallel.run(parallel.pool, item_count, run_item, &loop);

        uint32_t total = 0;
        for (uint32_t i = 0; i < MUSTER_WORKER_COUNT_MAX; i++) {
            assert_true(i < parallel.worker_count || loop.items_by_worker[i] == 0);
            total += loop.items_by_worker[i];
        }
        assert_int_equal(total, item_count);
        for (uint32_t i = 0; i < ITEM_COUNT_MAX; i++) {
            const uint32_t wanted = i < item_count ? round * (i + 1) : 0;
            if (loop.results[i] != wanted) {
                fail_msg("round %u item %u: %u", round, i, loop.results[i]);
            }
        }
    }
}

static void create_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    struct workers_def bad[4];
    for (size_t i = 0; i < 4; i++) {
        bad[i] = workers_default_def();
    }
    bad[0].worker_count = 0;
    bad[1].worker_count = MUSTER_WORKER_COUNT_MAX + 1;
    bad[2].spin_count = 1000001;
    bad[3].allocator.alloc = NULL;
    for (size_t i = 0; i < 4; i++) {
        struct workers *workers;
        assert_int_equal(workers_create(&bad[i], &workers, NULL), MUSTER_ERR_INVALID);
        assert_null(workers);
    }
}

static void memory_is_taken_once_and_given_back(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    struct workers_def def = workers_default_def();
    def.worker_count = 3;
    def.allocator = failing_heap_allocator(&heap);
    struct workers *workers;
    assert_int_equal(workers_create(&def, &workers, NULL), MUSTER_ERR_NO_MEMORY);
    assert_null(workers);
    heap.alloc_count_max = 1;
    assert_int_equal(workers_create(&def, &workers, NULL), MUSTER_OK);
    run_rounds(workers, 10);
    workers_destroy(workers);
    assert_int_equal(heap.bytes_live, 0);
    workers_destroy(NULL);
}

static void one_worker_runs_on_the_calling_thread(void **state)
{
    (void)state;
    struct workers *workers = workers_of(1, 2000);
    run_rounds(workers, 20);
    workers_destroy(workers);
}

static void every_item_runs_once_whatever_the_worker_count(void **state)
{
    (void)state;
    const uint32_t counts[] = {2, 3, 4, 17, MUSTER_WORKER_COUNT_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct workers *workers = workers_of(counts[i], 100);
        assert_int_equal(workers_parallel(workers).worker_count, counts[i]);
        run_rounds(workers, 100);
        workers_destroy(workers);
    }
}

static void workers_that_sleep_at_once_are_woken(void **state)
{
    (void)state;
    struct workers *workers = workers_of(3, 0);
    run_rounds(workers, 500);
    workers_destroy(workers);
}

static void a_pool_that_never_ran_stops(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        workers_destroy(workers_of(4, i % 2 == 0 ? 0 : 10000));
    }
}

// Two items wait for each other: they can only end on two workers at once.
static void meet(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)item_index;
    (void)worker_index;
    pthread_barrier_wait(context);
}

static void items_run_at_the_same_time(void **state)
{
    (void)state;
    for (uint32_t spin_count = 0; spin_count <= 10000; spin_count += 5000) {
        struct workers *workers = workers_of(4, spin_count);
        const muster_parallel parallel = workers_parallel(workers);
        pthread_barrier_t barrier;
        assert_int_equal(pthread_barrier_init(&barrier, NULL, 4), 0);
        for (int i = 0; i < 50; i++) {
            parallel.run(parallel.pool, 4, meet, &barrier);
        }
        pthread_barrier_destroy(&barrier);
        workers_destroy(workers);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_refuses_a_definition_out_of_range),
        cmocka_unit_test(memory_is_taken_once_and_given_back),
        cmocka_unit_test(one_worker_runs_on_the_calling_thread),
        cmocka_unit_test(every_item_runs_once_whatever_the_worker_count),
        cmocka_unit_test(workers_that_sleep_at_once_are_woken),
        cmocka_unit_test(a_pool_that_never_ran_stops),
        cmocka_unit_test(items_run_at_the_same_time),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
