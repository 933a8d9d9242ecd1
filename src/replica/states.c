// SPDX-License-Identifier: Apache-2.0
#include "replica/states.h"

#include "core/assert.h"

void states_take(struct states *states,
    struct slab *slab,
    uint32_t capacity,
    uint32_t value_count,
    uint32_t index_count)
{
    states->capacity = capacity;
    states->value_count = value_count;
    states->ticks = slab_take(slab, capacity * sizeof *states->ticks);
    states->next = slab_take(slab, capacity * sizeof *states->next);
    states->values = slab_take(slab, (size_t)capacity * value_count * sizeof *states->values);
    states->firsts = slab_take(slab, index_count * sizeof *states->firsts);
}

void states_clear(struct states *states, uint32_t index_count)
{
    for (uint32_t state = 0; state < states->capacity; state++) {
        states->next[state] = state + 1 < states->capacity ? state + 1 : STATES_NONE;
    }
    states->free_first = 0;
    for (uint32_t index = 0; index < index_count; index++) {
        states->firsts[index] = STATES_NONE;
    }
}

uint32_t states_acquire(struct states *states)
{
    const uint32_t state = states->free_first;
    if (state != STATES_NONE) {
        states->free_first = states->next[state];
    }
    return state;
}

void states_release(struct states *states, uint32_t state)
{
    MUSTER_ASSERT(state < states->capacity);
    states->next[state] = states->free_first;
    states->free_first = state;
}

uint32_t states_find(const struct states *states, uint32_t index, uint64_t tick)
{
    uint32_t state = states->firsts[index];
    while (state != STATES_NONE && states->ticks[state] > tick) {
        state = states->next[state];
    }
    return state;
}

void states_insert(struct states *states, uint32_t index, uint32_t state)
{
    uint32_t *link = &states->firsts[index];
    while (*link != STATES_NONE && states->ticks[*link] > states->ticks[state]) {
        link = &states->next[*link];
    }
    if (*link != STATES_NONE && states->ticks[*link] == states->ticks[state]) {
        states_release(states, state);
        return;
    }
    states->next[state] = *link;
    *link = state;
}

void states_prune(struct states *states, uint32_t index, uint64_t base_tick)
{
    // One state that is older still stays: packets on their way may build on it as on "the newest
    // that is older than the history".
    uint32_t state = states->firsts[index];
    while (state != STATES_NONE && states->ticks[state] + STATES_REORDER_TICKS >= base_tick) {
        state = states->next[state];
    }
    if (state == STATES_NONE) {
        return;
    }
    uint32_t dropped = states->next[state];
    states->next[state] = STATES_NONE;
    while (dropped != STATES_NONE) {
        const uint32_t next = states->next[dropped];
        states_release(states, dropped);
        dropped = next;
    }
}

void states_drop(struct states *states, uint32_t index)
{
    uint32_t state = states->firsts[index];
    states->firsts[index] = STATES_NONE;
    while (state != STATES_NONE) {
        const uint32_t next = states->next[state];
        states_release(states, state);
        state = next;
    }
}
