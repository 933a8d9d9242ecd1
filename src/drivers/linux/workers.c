// SPDX-License-Identifier: Apache-2.0
#include "drivers/workers.h"

#include "core/assert.h"
#include "drivers/linux/futex.h"
#include "drivers/linux/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

// `door` decides who may touch a loop: an OPEN bit, a CALLER_SLEEPS bit, and a count of the
// workers inside.
//
//     caller: write loop, open the door, raise `generation`, wake, work, shut the door, wait
//     worker: see `generation` change, go in if the door is open, work, go out
//
// The loop's fields are written only while the door is shut and nobody is inside, so whoever is
// inside reads them without further care.

#define CACHE_LINE_BYTES   64u
#define SPIN_COUNT_MAX     1000000u
#define CHUNKS_PER_WORKER  8u // small enough to even out, large enough to rarely claim
#define DOOR_OPEN          (1u << 31)
#define DOOR_CALLER_SLEEPS (1u << 30)
#define DOOR_COUNT_MASK    (DOOR_CALLER_SLEEPS - 1)

struct worker_thread {
    struct workers *workers;
    uint32_t worker_index;
    pthread_t thread;
};

struct workers {
    muster_allocator allocator;
    uint32_t worker_count;
    uint32_t spin_count;
    uint32_t thread_count; // started so far; worker_count - 1 once created

    // The loop. Written by the caller behind a shut door.
    uint32_t item_count;
    uint32_t chunk_count;
    muster_parallel_item *item;
    void *context;

    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t next_item; // 64 bits: late claims never wrap it
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t door;
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t generation; // raised for every loop, and to stop
    _Atomic uint32_t sleeper_count;
    _Atomic bool is_stopping;

    _Alignas(CACHE_LINE_BYTES) struct worker_thread threads[MUSTER_WORKER_COUNT_MAX - 1];
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(struct workers *workers, uint32_t worker_index)
{
    const uint32_t item_count = workers->item_count;
    const uint32_t chunk_count = workers->chunk_count;
    for (;;) {
        // Relaxed: the counter only deals out numbers. What the items read was published by the
        // door, and what they write is by leaving it.
        const uint64_t first =
            atomic_fetch_add_explicit(&workers->next_item, chunk_count, memory_order_relaxed);
        if (first >= item_count) {
            return;
        }
        const uint64_t end = first + chunk_count < item_count ? first + chunk_count : item_count;
        for (uint64_t i = first; i < end; i++) {
            workers->item(workers->context, (uint32_t)i, worker_index);
        }
    }
}

// Goes in if the door is open.
static bool enter(struct workers *workers)
{
    uint32_t door = atomic_load_explicit(&workers->door, memory_order_relaxed);
    while ((door & DOOR_OPEN) != 0) {
        // Acquire: pairs with the release that opened the door in workers_run().
        if (atomic_compare_exchange_weak_explicit(
                &workers->door, &door, door + 1, memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void leave(struct workers *workers)
{
    // Release: pairs with the acquire in wait_until_empty(), which then sees what the items wrote.
    const uint32_t before = atomic_fetch_sub_explicit(&workers->door, 1, memory_order_release);
    if (before == (DOOR_CALLER_SLEEPS | 1)) {
        futex_wake_all(&workers->door);
    }
}

// Returns when `generation` is no longer `seen`: spins for a while and then sleeps.
static uint32_t wait_for_next(struct workers *workers, uint32_t seen)
{
    for (uint32_t i = 0; i < workers->spin_count; i++) {
        const uint32_t now = atomic_load_explicit(&workers->generation, memory_order_acquire);
        if (now != seen) {
            return now;
        }
        pause_briefly();
    }

    // Either the caller sees the sleeper counted and wakes it, or this thread sees the generation
    // raised and does not sleep: all four accesses are sequentially consistent so that not both
    // can miss. Partner: announce().
    atomic_fetch_add_explicit(&workers->sleeper_count, 1, memory_order_seq_cst);
    uint32_t now = atomic_load_explicit(&workers->generation, memory_order_seq_cst);
    while (now == seen) {
        futex_sleep(&workers->generation, seen, FUTEX_FOREVER);
        now = atomic_load_explicit(&workers->generation, memory_order_seq_cst);
    }
    atomic_fetch_sub_explicit(&workers->sleeper_count, 1, memory_order_relaxed);
    return now;
}

// Tells the threads that there is something to look at. Partner: wait_for_next().
static void announce(struct workers *workers)
{
    atomic_fetch_add_explicit(&workers->generation, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&workers->sleeper_count, memory_order_seq_cst) > 0) {
        futex_wake_all(&workers->generation);
    }
}

static void *run_thread(void *argument)
{
    const struct worker_thread *self = argument;
    struct workers *workers = self->workers;
    uint32_t seen = 0;
    for (;;) {
        seen = wait_for_next(workers, seen);
        // Acquire: pairs with the release in workers_destroy().
        if (atomic_load_explicit(&workers->is_stopping, memory_order_acquire)) {
            return NULL;
        }
        if (enter(workers)) {
            work(workers, self->worker_index);
            leave(workers);
        }
    }
}

// Waits until the last worker has left the shut door.
static void wait_until_empty(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->spin_count; i++) {
        // Acquire: pairs with the release in leave().
        if (atomic_load_explicit(&workers->door, memory_order_acquire) == 0) {
            return;
        }
        pause_briefly();
    }
    uint32_t door =
        atomic_fetch_or_explicit(&workers->door, DOOR_CALLER_SLEEPS, memory_order_acquire);
    door |= DOOR_CALLER_SLEEPS;
    while ((door & DOOR_COUNT_MASK) != 0) {
        futex_sleep(&workers->door, door, FUTEX_FOREVER);
        door = atomic_load_explicit(&workers->door, memory_order_acquire);
    }
    atomic_store_explicit(&workers->door, 0, memory_order_relaxed);
}

static void workers_run(void *pool, uint32_t item_count, muster_parallel_item *item, void *context)
{
    struct workers *workers = pool;
    MUSTER_ASSERT(workers != NULL);
    MUSTER_ASSERT(item != NULL);
    MUSTER_ASSERT(atomic_load_explicit(&workers->door, memory_order_relaxed) == 0);

    if (workers->worker_count == 1 || item_count <= 1) {
        for (uint32_t i = 0; i < item_count; i++) {
            item(context, i, 0);
        }
        return;
    }

    const uint32_t chunk_count = item_count / (workers->worker_count * CHUNKS_PER_WORKER);
    workers->item_count = item_count;
    workers->chunk_count = chunk_count > 0 ? chunk_count : 1;
    workers->item = item;
    workers->context = context;
    atomic_store_explicit(&workers->next_item, 0, memory_order_relaxed);
    // Release: pairs with the acquire in enter().
    atomic_store_explicit(&workers->door, DOOR_OPEN, memory_order_release);
    announce(workers);

    work(workers, 0);
    atomic_fetch_and_explicit(&workers->door, ~DOOR_OPEN, memory_order_relaxed);
    wait_until_empty(workers);
}

struct workers_def workers_default_def(void)
{
    return (struct workers_def){
        .worker_count = 1,
        .spin_count = 2000,
        .allocator = muster_heap_allocator(),
    };
}

muster_status workers_create(
    const struct workers_def *def, struct workers **out_workers, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_workers != NULL);
    *out_workers = NULL;

    if (def->worker_count < 1 || def->worker_count > MUSTER_WORKER_COUNT_MAX ||
        def->spin_count > SPIN_COUNT_MAX || def->allocator.alloc == NULL ||
        def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }
    struct workers *workers =
        def->allocator.alloc(def->allocator.context, sizeof *workers, _Alignof(struct workers));
    if (workers == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(workers, 0, sizeof *workers);
    workers->allocator = def->allocator;
    workers->worker_count = def->worker_count;
    workers->spin_count = def->spin_count;
    atomic_init(&workers->next_item, 0);
    atomic_init(&workers->door, 0);
    atomic_init(&workers->generation, 0);
    atomic_init(&workers->sleeper_count, 0);
    atomic_init(&workers->is_stopping, false);

    for (uint32_t i = 1; i < def->worker_count; i++) {
        struct worker_thread *thread = &workers->threads[i - 1];
        thread->workers = workers;
        thread->worker_index = i;
        char name[16];
        (void)snprintf(name, sizeof name, "muster-work-%u", i & 63u);
        const int result = thread_start(&thread->thread, name, run_thread, thread);
        if (result != 0) {
            driver_error_write(out_error, result, "cannot start worker %u", i);
            workers_destroy(workers);
            return MUSTER_ERR_IO;
        }
        workers->thread_count++;
    }
    *out_workers = workers;
    return MUSTER_OK;
}

void workers_destroy(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    // Release: pairs with the acquire in run_thread().
    atomic_store_explicit(&workers->is_stopping, true, memory_order_release);
    announce(workers);
    for (uint32_t i = 0; i < workers->thread_count; i++) {
        const int result = pthread_join(workers->threads[i].thread, NULL);
        MUSTER_ASSERT(result == 0);
    }
    const muster_allocator allocator = workers->allocator;
    allocator.free(allocator.context, workers, sizeof *workers);
}

muster_parallel workers_parallel(struct workers *workers)
{
    MUSTER_ASSERT(workers != NULL);
    return (muster_parallel){
        .worker_count = workers->worker_count,
        .run = workers_run,
        .pool = workers,
    };
}
