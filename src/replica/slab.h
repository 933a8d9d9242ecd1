// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One allocation cut into arrays. With `bytes` NULL it only measures, so that one function both
/// counts what an object needs and lays it out.

#include <stddef.h>
#include <stdint.h>

/// Every array begins on a cache line.
#define SLAB_ALIGNMENT 64

struct slab {
    uint8_t *bytes;
    size_t used;
};

/// The next `byte_count` bytes, NULL while measuring. Not cleared.
static inline void *slab_take(struct slab *slab, size_t byte_count)
{
    void *taken = slab->bytes == NULL ? NULL : slab->bytes + slab->used;
    slab->used += (byte_count + SLAB_ALIGNMENT - 1) / SLAB_ALIGNMENT * SLAB_ALIGNMENT;
    return taken;
}
