// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a client has received of one section: for every index the states that the server may still
/// build on.
///
/// They are few, because what the server builds on only ever moves forward:
///
/// - A state that comes late, when a newer one of its section and index is here, is of no use. The
///   client acknowledges both, the newer one not after it, so the server builds on the newer one.
/// - Once a state has come that builds on another, no later one builds on anything older.
/// - A state that builds on none says nothing of that kind; but only the last HEADING_AGE_MAX ticks
///   can be named, and besides them "the newest state that is older".
///
/// So there are at most HEADING_AGE_MAX + 2 states of an index, and one more on its way. They lie
/// in slots, the lowest free one being taken, so that a good line uses two or three:
///
///     block of an index:  | list | slot 0 | slot 1 | slot 2 |     whole cache lines
///     far slots:          | slot 3 of all indices | slot 4 of all indices | ...
///
/// A process may have a thousand views, and what is kept of an entity has left the caches when its
/// next state comes. That takes one block, found by the index alone and fetched while the packet
/// is still being read. Memory that is not used is not touched: far slots rarely are.

#include "replica/heading.h"
#include "replica/layout.h"
#include "replica/slab.h"

#include <stdbool.h>

/// States of one section of one index.
#define STATES_SLOT_COUNT (HEADING_AGE_MAX + 3)

/// Slots in a block, at least; as many as fill its last cache line.
#define STATES_NEAR_COUNT_MIN 3

/// Slots whose ticks are in a list. Those of the others are elsewhere.
#define STATES_LIST_TICKS 13

/// No slot.
#define STATES_NONE UINT8_MAX

/// The states of one index. All zero is none.
struct states_list {
    uint64_t newest_tick;
    uint64_t used;  // slots
    uint8_t newest; // slot
    bool has_old;
    uint8_t old;                      // the slot of a state that is older than what can be named
    uint8_t ticks[STATES_LIST_TICKS]; // the low bits, by slot, except of the old one
};

/// The states of one section.
struct states {
    uint32_t index_count;
    uint32_t value_count;
    uint32_t near_count;
    uint32_t block_bytes;
    uint8_t *blocks;
    uint32_t *far_values;                                        // by slot and index
    uint8_t (*far_ticks)[STATES_SLOT_COUNT - STATES_LIST_TICKS]; // by index
};

/// Takes memory for the states of `index_count` indices.
void states_take(
    struct states *states, struct slab *slab, uint32_t value_count, uint32_t index_count);

/// The slot of the state that an arrival of `tick`, newer than all that are here, builds on.
/// @param base  as in a shape; not HEADING_BASE_NONE
/// @return STATES_NONE if it is not here
uint8_t states_find(const struct states *states, uint32_t index, uint64_t tick, uint32_t base);

/// Adds the state in a free slot, newer than all that are here, and frees the slots of those that
/// no later arrival can build on.
/// @param base  what it builds on, as in a shape
void states_insert(
    struct states *states, uint32_t index, uint64_t tick, uint32_t base, uint8_t slot);

/// The list of an index.
static inline struct states_list *states_of(const struct states *states, uint32_t index)
{
    return (struct states_list *)(void *)(states->blocks + (size_t)index * states->block_bytes);
}

/// A slot that is free; the same one until it is taken.
static inline uint8_t states_free_slot(const struct states *states, uint32_t index)
{
    return (uint8_t)__builtin_ctzll(~states_of(states, index)->used);
}

/// The values in a slot of an index.
static inline uint32_t *states_values(const struct states *states, uint32_t index, uint8_t slot)
{
    if (slot < states->near_count) {
        return (uint32_t *)(void *)(states_of(states, index) + 1) + slot * states->value_count;
    }
    const size_t record = (size_t)(slot - states->near_count) * states->index_count + index;
    return states->far_values + record * states->value_count;
}

/// Begins to bring the block of an index into the caches.
static inline void states_prefetch(const struct states *states, uint32_t index)
{
    const uint8_t *block = states->blocks + (size_t)index * states->block_bytes;
    __builtin_prefetch(block, 1);
    __builtin_prefetch(block + states->block_bytes - SLAB_ALIGNMENT, 1);
}

/// Begins to bring the values in a slot of an index into the caches.
static inline void states_prefetch_values(const struct states *states, uint32_t index, uint8_t slot)
{
    const uint32_t *values = states_values(states, index, slot);
    __builtin_prefetch(values, 1);
    __builtin_prefetch(values + states->value_count - 1, 1);
}
