// SPDX-License-Identifier: Apache-2.0
#include "replica/cache.h"

#include <string.h>

#define TAG_BUSY    UINT64_MAX // no encoding has this tag
#define TAG_SHIFT   26         // a tag without the tick
#define PROBE_COUNT 8

static uint32_t first_place(const struct cache *cache, uint64_t tag)
{
    const uint64_t what = tag & ((1u << TAG_SHIFT) - 1);
    return (uint32_t)((what * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & cache->mask;
}

const struct cache_entry *cache_find(const struct cache *cache, uint64_t tag)
{
    const uint32_t first = first_place(cache, tag);
    for (uint32_t probe = 0; probe < PROBE_COUNT; probe++) {
        const struct cache_entry *entry = &cache->entries[(first + probe) & cache->mask];
        // Pairs with the release in cache_add(): the bits are there when the tag is.
        const uint64_t found = atomic_load_explicit(&entry->tag, memory_order_acquire);
        if (found == tag) {
            return entry;
        }
        if (found != TAG_BUSY && found >> TAG_SHIFT != tag >> TAG_SHIFT) {
            return NULL; // of another tick: nobody has come this far
        }
    }
    return NULL;
}

void cache_add(struct cache *cache, uint64_t tag, const uint8_t *bytes, uint32_t bit_count)
{
    if (bit_count > CACHE_ENTRY_BITS_MAX) {
        return;
    }
    const uint32_t first = first_place(cache, tag);
    for (uint32_t probe = 0; probe < PROBE_COUNT; probe++) {
        struct cache_entry *entry = &cache->entries[(first + probe) & cache->mask];
        uint64_t found = atomic_load_explicit(&entry->tag, memory_order_relaxed);
        if (found == TAG_BUSY || found >> TAG_SHIFT == tag >> TAG_SHIFT) {
            continue;
        }
        // Nobody reads an entry with a stale tag, so who wins the exchange may write.
        if (!atomic_compare_exchange_strong_explicit(
                &entry->tag, &found, TAG_BUSY, memory_order_relaxed, memory_order_relaxed)) {
            continue;
        }
        entry->bit_count = bit_count;
        memcpy(entry->bytes, bytes, (bit_count + 7) / 8);
        // Pairs with the acquire in cache_find().
        atomic_store_explicit(&entry->tag, tag, memory_order_release);
        return;
    }
}
