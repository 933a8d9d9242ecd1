// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Encodings of the current tick, by what they are of. Shared by all clients and threads.
///
/// An entry is written once a tick. Its tag holds the tick, so entries of earlier ticks are free
/// without being cleared. A writer claims an entry by exchanging its stale tag for BUSY, fills it
/// in and publishes the tag; a reader that sees its own tag sees the bits. Nobody waits: who finds
/// an entry busy encodes for itself, which gives the same bits.

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bits of the longest encoding that is shared.
#define CACHE_ENTRY_BITS_MAX 384

/// One encoding. A cache line.
struct cache_entry {
    _Atomic uint64_t tag;
    uint32_t bit_count;
    uint32_t zero;
    uint8_t bytes[CACHE_ENTRY_BITS_MAX / 8];
};

_Static_assert(sizeof(struct cache_entry) == 64, "an encoding fills a cache line");

struct cache {
    struct cache_entry *entries;
    uint32_t mask; // entries minus 1; their number is a power of two
};

/// What an encoding is of.
static inline uint64_t cache_tag(
    uint32_t stamp, uint32_t slot, uint32_t section_index, uint32_t base)
{
    return (uint64_t)stamp << 26 | (uint64_t)slot << 10 | section_index << 6 | base;
}

/// The encoding with this tag, NULL if nobody has published it.
const struct cache_entry *cache_find(const struct cache *cache, uint64_t tag);

/// Publishes an encoding, if there is room.
void cache_add(struct cache *cache, uint64_t tag, const uint8_t *bytes, uint32_t bit_count);
