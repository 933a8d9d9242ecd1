// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a client has received: for every index and section the states that the server may still
/// build on, newest first. Each section has a pool of states of its own size.

#include "replica/layout.h"
#include "replica/slab.h"

/// No state.
#define STATES_NONE UINT32_MAX

/// How much older than what the server last built on a state may be and still be of use: packets
/// come in the wrong order.
#define STATES_REORDER_TICKS 8

/// The states of one section. A state is in the list of an index or in the list of free ones.
struct states {
    uint32_t capacity;
    uint32_t value_count;
    uint32_t free_first;
    uint64_t *ticks;
    uint32_t *next;
    uint32_t *values;
    uint32_t *firsts; // by index: the newest
};

/// Takes memory for `capacity` states of a section and `index_count` lists.
void states_take(struct states *states,
    struct slab *slab,
    uint32_t capacity,
    uint32_t value_count,
    uint32_t index_count);

/// Frees all states.
void states_clear(struct states *states, uint32_t index_count);

/// Takes a free state out, STATES_NONE if there is none.
uint32_t states_acquire(struct states *states);

/// Gives a state back that is in no list.
void states_release(struct states *states, uint32_t state);

/// The newest state of an index not newer than `tick`, STATES_NONE if there is none.
uint32_t states_find(const struct states *states, uint32_t index, uint64_t tick);

/// Puts a state into the list of an index by its tick. Releases it if that tick is there already.
void states_insert(struct states *states, uint32_t index, uint32_t state);

/// Releases what the server cannot build on any more once it has built on the state of `base_tick`.
void states_prune(struct states *states, uint32_t index, uint64_t base_tick);

/// Releases all states of an index.
void states_drop(struct states *states, uint32_t index);

/// A state's values.
static inline uint32_t *states_values(const struct states *states, uint32_t state)
{
    return states->values + (size_t)state * states->value_count;
}
