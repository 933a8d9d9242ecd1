// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a client has received: for every index and section the states that the server may still
/// build on. Each section has a pool of states of its own size.
///
/// The states of an index are found by their tick in one step: a word says which of the last
/// STATES_TICKS ticks have one, a ring of as many places says where. Of all that is older one state
/// stays, the newest.
///
/// Memory is touched only as it is needed: places and states that were never used are not cleared,
/// and what was given back last is taken first.

#include "replica/layout.h"
#include "replica/slab.h"

#include <stdbool.h>

/// No state.
#define STATES_NONE UINT16_MAX

/// The most states of a section.
#define STATES_CAPACITY_MAX (UINT16_MAX - 1)

/// How much older than what the server last built on a state may be and still be of use: packets
/// come in the wrong order.
#define STATES_REORDER_TICKS 8

/// Ticks back from an index's newest state in which all states are kept until they are pruned.
#define STATES_TICKS 64

/// The states of one index. All zero is none.
struct states_list {
    uint64_t newest_tick;
    uint64_t ages;      // bit a: the state of a ticks before the newest; bit 0 unless there is none
    uint64_t old_tick;  // of the newest that is older than those, 0 if there is none
    uint16_t old_state; // which it is
};

/// The states of one section. A state is in the list of an index, on its way there, or free.
struct states {
    uint32_t capacity;
    uint32_t value_count;
    uint32_t used_count; // states that were ever taken; those behind them are free as well
    uint32_t free_count;
    uint16_t *frees; // those given back, a stack apart from the states, which are cold
    uint32_t *values;
    struct states_list *lists;        // by index
    uint16_t (*places)[STATES_TICKS]; // by index and tick
};

/// Takes memory for `capacity` states of a section and `index_count` lists.
void states_take(struct states *states,
    struct slab *slab,
    uint32_t capacity,
    uint32_t value_count,
    uint32_t index_count);

/// Frees all states. Lists must be begun before they are used.
void states_clear(struct states *states);

/// An index has no states.
void states_begin(struct states *states, uint32_t index);

/// Takes a free state out, STATES_NONE if there is none.
uint16_t states_acquire(struct states *states);

/// Gives a state back that is in no list.
void states_release(struct states *states, uint16_t state);

/// The state of a tick; or, if `is_older_too`, the newest not newer than it. STATES_NONE if there
/// is none.
uint16_t states_find(const struct states *states, uint32_t index, uint64_t tick, bool is_older_too);

/// Puts a state into the list of an index. Releases it if that tick is there already, or so long
/// ago that nothing can build on it.
void states_insert(struct states *states, uint32_t index, uint64_t tick, uint16_t state);

/// Releases what the server cannot build on any more once it has built on the state of `base_tick`.
void states_prune(struct states *states, uint32_t index, uint64_t base_tick);

/// Releases all states of an index.
void states_drop(struct states *states, uint32_t index);

/// The tick of an index's newest state, 0 if there is none.
static inline uint64_t states_newest_tick(const struct states *states, uint32_t index)
{
    return states->lists[index].newest_tick;
}

/// An index's newest state, which must be there.
static inline uint16_t states_newest(const struct states *states, uint32_t index)
{
    return states->places[index][states->lists[index].newest_tick % STATES_TICKS];
}

/// A state's values.
static inline uint32_t *states_values(const struct states *states, uint16_t state)
{
    return states->values + (size_t)state * states->value_count;
}

/// Begins to bring what states_find() needs for a tick into the caches.
static inline void states_prefetch(const struct states *states, uint32_t index, uint64_t tick)
{
    __builtin_prefetch(&states->lists[index]);
    __builtin_prefetch(&states->places[index][tick % STATES_TICKS]);
}
