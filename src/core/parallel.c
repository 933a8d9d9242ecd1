// SPDX-License-Identifier: Apache-2.0
#include "muster/parallel.h"

#include <stddef.h>

static void run_in_order(void *pool, uint32_t item_count, muster_parallel_item *item, void *context)
{
    (void)pool;
    for (uint32_t i = 0; i < item_count; i++) {
        item(context, i, 0);
    }
}

muster_parallel muster_parallel_serial(void)
{
    return (muster_parallel){.worker_count = 1, .run = run_in_order, .pool = NULL};
}
