// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Encodings of the current tick, by entity and shape. Shared by all clients and threads.
///
/// An entry is written once a tick. Its tag holds the tick, so entries of earlier ticks are free
/// without being cleared. A writer claims an entry by exchanging its stale tag for BUSY, fills it
/// in and publishes the tag; a reader that sees its own tag sees the rest. Nobody waits: who finds
/// an entry busy encodes for itself, which gives the same bits.

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bits of the longest encoding that is shared.
#define CACHE_ENTRY_BITS_MAX 352

/// All sections of a shape, one after the other. A cache line.
struct cache_entry {
    _Atomic uint64_t tag;
    uint64_t shape;
    uint32_t bit_count;
    uint8_t bytes[CACHE_ENTRY_BITS_MAX / 8];
};

_Static_assert(sizeof(struct cache_entry) == 64, "an encoding fills a cache line");

/// Of the memory as much is used as the tick before suggests, so that it stays in the processor's
/// caches as long as the world is small or quiet.
struct cache {
    struct cache_entry *entries;
    uint32_t capacity;          // entries; a power of two
    uint32_t mask;              // entries in use in this tick, a power of two, minus 1
    _Atomic uint32_t add_count; // encodings added in this tick
};

/// Begins a tick: chooses how many entries are used. No other call at the same time.
void cache_begin_tick(struct cache *cache);

/// Where to look for an encoding.
struct cache_key {
    uint64_t tag;
    uint64_t shape;
    uint32_t place;
};

/// The key of an entity's shape in a tick.
static inline struct cache_key cache_key_of(
    const struct cache *cache, uint32_t stamp, uint32_t slot, uint64_t shape)
{
    const uint64_t what = (shape + slot) * UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t mixed = ((what ^ what >> 32) + slot) * UINT64_C(0x94D049BB133111EB);
    return (struct cache_key){
        .tag = (uint64_t)stamp << 16 | slot,
        .shape = shape,
        .place = (uint32_t)(mixed >> 32) & cache->mask,
    };
}

/// Asks for an entry's memory, so that it is there when it is looked at.
static inline void cache_prefetch(const struct cache *cache, const struct cache_key *key)
{
    __builtin_prefetch(&cache->entries[key->place]);
}

/// cache_find() beyond the first place.
const struct cache_entry *cache_find_further(
    const struct cache *cache, const struct cache_key *key);

/// The encoding with this key, NULL if nobody has published it.
static inline const struct cache_entry *cache_find(
    const struct cache *cache, const struct cache_key *key)
{
    const struct cache_entry *entry = &cache->entries[key->place];
    // Pairs with the release in cache_add(): the rest is there when the tag is.
    const uint64_t found = atomic_load_explicit(&entry->tag, memory_order_acquire);
    return found == key->tag && entry->shape == key->shape ? entry : cache_find_further(cache, key);
}

/// Publishes an encoding, if there is room.
void cache_add(
    struct cache *cache, const struct cache_key *key, const uint8_t *bytes, uint32_t bit_count);
