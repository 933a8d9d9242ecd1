// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A muster_parallel without threads that runs items in a random order and gives them to random
/// workers: what depends on either shows as a difference between two seeds.
///
///     struct shuffled_parallel shuffled = {.seed = 1, .worker_count = 4};
///     def.parallel = shuffled_parallel(&shuffled);

#include "harness/random.h"
#include "muster/parallel.h"

struct shuffled_parallel {
    uint64_t seed;
    uint32_t worker_count;
};

// Steps through the items by a stride that shares no divisor with their number, which meets each
// of them once, from a random one on.
static inline void shuffled_parallel_run(
    void *pool, uint32_t item_count, muster_parallel_item *item, void *context)
{
    struct shuffled_parallel *shuffled = pool;
    if (item_count == 0) {
        return;
    }
    uint32_t stride = 1 + (uint32_t)(random_next(&shuffled->seed) % item_count);
    for (uint32_t divisor = 2; divisor <= stride; divisor++) {
        if (stride % divisor == 0 && item_count % divisor == 0) {
            stride--;
            divisor = 1;
        }
    }
    uint64_t index = random_next(&shuffled->seed) % item_count;
    for (uint32_t i = 0; i < item_count; i++) {
        const uint64_t worker = random_next(&shuffled->seed) % shuffled->worker_count;
        item(context, (uint32_t)index, (uint32_t)worker);
        index = (index + stride) % item_count;
    }
}

/// A loop runner over `shuffled`, which must outlive every object that it is given to.
static inline muster_parallel shuffled_parallel(struct shuffled_parallel *shuffled)
{
    return (muster_parallel){
        .worker_count = shuffled->worker_count,
        .run = shuffled_parallel_run,
        .pool = shuffled,
    };
}
