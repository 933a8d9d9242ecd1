// SPDX-License-Identifier: Apache-2.0
#include "replica/cache.h"

#include <string.h>

#define TAG_BUSY    UINT64_MAX // no encoding has this tag
#define TAG_SHIFT   16         // to the tick in a tag
#define PROBE_COUNT 8

// Entries in use: so many times those that were added in the tick before, and not less than this.
#define ROOM_FACTOR     2
#define ENTRY_COUNT_MIN 1024u

void cache_begin_tick(struct cache *cache)
{
    const uint32_t add_count = atomic_load_explicit(&cache->add_count, memory_order_relaxed);
    uint32_t entry_count = cache->capacity < ENTRY_COUNT_MIN ? cache->capacity : ENTRY_COUNT_MIN;
    while (entry_count < cache->capacity && entry_count / ROOM_FACTOR < add_count) {
        entry_count *= 2;
    }
    cache->mask = entry_count - 1;
    atomic_store_explicit(&cache->add_count, 0, memory_order_relaxed);
}

const struct cache_entry *cache_find_further(const struct cache *cache, const struct cache_key *key)
{
    for (uint32_t probe = 0; probe < PROBE_COUNT; probe++) {
        const struct cache_entry *entry = &cache->entries[(key->place + probe) & cache->mask];
        const uint64_t found = atomic_load_explicit(&entry->tag, memory_order_acquire);
        if (found == key->tag && entry->shape == key->shape) {
            return entry;
        }
        if (found != TAG_BUSY && found >> TAG_SHIFT != key->tag >> TAG_SHIFT) {
            return NULL; // of another tick: nobody has come this far
        }
    }
    return NULL;
}

void cache_add(
    struct cache *cache, const struct cache_key *key, const uint8_t *bytes, uint32_t bit_count)
{
    if (bit_count > CACHE_ENTRY_BITS_MAX) {
        return;
    }
    // Also those that find no room count: they are why the next tick has more.
    atomic_fetch_add_explicit(&cache->add_count, 1, memory_order_relaxed);
    for (uint32_t probe = 0; probe < PROBE_COUNT; probe++) {
        struct cache_entry *entry = &cache->entries[(key->place + probe) & cache->mask];
        uint64_t found = atomic_load_explicit(&entry->tag, memory_order_relaxed);
        if (found == TAG_BUSY || found >> TAG_SHIFT == key->tag >> TAG_SHIFT) {
            continue;
        }
        // Nobody reads an entry with a stale tag, so who wins the exchange may write.
        if (!atomic_compare_exchange_strong_explicit(
                &entry->tag, &found, TAG_BUSY, memory_order_acquire, memory_order_relaxed)) {
            continue;
        }
        entry->shape = key->shape;
        entry->bit_count = bit_count;
        memcpy(entry->bytes, bytes, (bit_count + 7) / 8);
        // Pairs with the acquire in cache_find_further().
        atomic_store_explicit(&entry->tag, key->tag, memory_order_release);
        return;
    }
}
