// SPDX-License-Identifier: Apache-2.0
#include "replica/states.h"

#include "core/assert.h"

_Static_assert(STATES_TICKS == 64, "ages are the bits of a word");

void states_take(struct states *states,
    struct slab *slab,
    uint32_t capacity,
    uint32_t value_count,
    uint32_t index_count)
{
    MUSTER_ASSERT(capacity <= STATES_CAPACITY_MAX);
    states->capacity = capacity;
    states->value_count = value_count;
    states->values = slab_take(slab, (size_t)capacity * value_count * sizeof *states->values);
    states->frees = slab_take(slab, capacity * sizeof *states->frees);
    states->lists = slab_take(slab, index_count * sizeof *states->lists);
    states->places = slab_take(slab, index_count * sizeof *states->places);
}

void states_clear(struct states *states)
{
    states->used_count = 0;
    states->free_count = 0;
}

void states_begin(struct states *states, uint32_t index)
{
    states->lists[index] = (struct states_list){0};
}

uint16_t states_acquire(struct states *states)
{
    if (states->free_count > 0) {
        return states->frees[--states->free_count];
    }
    return states->used_count < states->capacity ? (uint16_t)states->used_count++ : STATES_NONE;
}

void states_release(struct states *states, uint16_t state)
{
    MUSTER_ASSERT(state < states->used_count && states->free_count < states->used_count);
    states->frees[states->free_count++] = state;
}

static uint16_t *place_of(const struct states *states, uint32_t index, uint64_t tick)
{
    return &states->places[index][tick % STATES_TICKS];
}

// Releases the states of some ages and the old one.
static void release_ages(struct states *states, uint32_t index, uint64_t ages)
{
    struct states_list *list = &states->lists[index];
    list->ages &= ~ages;
    for (; ages != 0; ages &= ages - 1) {
        const uint64_t tick = list->newest_tick - (uint32_t)__builtin_ctzll(ages);
        states_release(states, *place_of(states, index, tick));
    }
    if (list->old_tick != 0) {
        states_release(states, list->old_state);
        list->old_tick = 0;
    }
}

uint16_t states_find(const struct states *states, uint32_t index, uint64_t tick, bool is_older_too)
{
    const struct states_list *list = &states->lists[index];
    const uint64_t age = tick < list->newest_tick ? list->newest_tick - tick : 0;
    const uint64_t ages = age < STATES_TICKS ? list->ages >> age : 0;
    const bool is_there = (ages & 1) != 0 && tick <= list->newest_tick;
    if (is_there || (is_older_too && ages != 0)) {
        const uint32_t older_ticks = (uint32_t)__builtin_ctzll(ages);
        return *place_of(states, index, list->newest_tick - age - older_ticks);
    }
    const bool is_old =
        list->old_tick != 0 && (is_older_too ? list->old_tick <= tick : list->old_tick == tick);
    return is_old ? list->old_state : STATES_NONE;
}

// Makes a tick the newest. The newest of those that are too long ago now is the old one.
static void move_on(struct states *states, uint32_t index, uint64_t tick)
{
    struct states_list *list = &states->lists[index];
    const uint64_t ticks = tick - list->newest_tick;
    const uint64_t gone = ticks < STATES_TICKS ? list->ages & ~(UINT64_MAX >> ticks) : list->ages;
    if (gone != 0) {
        const uint64_t newest_gone = gone & -gone;
        const uint64_t old_tick = list->newest_tick - (uint32_t)__builtin_ctzll(gone);
        release_ages(states, index, gone & ~newest_gone);
        list->ages &= ~newest_gone;
        list->old_tick = old_tick;
        list->old_state = *place_of(states, index, old_tick);
    }
    list->ages = ticks < STATES_TICKS ? list->ages << ticks : 0;
    list->newest_tick = tick;
}

void states_insert(struct states *states, uint32_t index, uint64_t tick, uint16_t state)
{
    struct states_list *list = &states->lists[index];
    if (tick > list->newest_tick) {
        move_on(states, index, tick);
    }
    const uint64_t age = list->newest_tick - tick;
    if (age >= STATES_TICKS || (list->ages >> age & 1) != 0) {
        states_release(states, state);
        return;
    }
    list->ages |= UINT64_C(1) << age;
    *place_of(states, index, tick) = state;
}

void states_prune(struct states *states, uint32_t index, uint64_t base_tick)
{
    const struct states_list *list = &states->lists[index];
    if (base_tick <= STATES_REORDER_TICKS || list->ages == 0) {
        return;
    }
    // One state that is older still stays: packets on their way may build on it as on "the newest
    // that is older than the history".
    const uint64_t kept_tick = base_tick - STATES_REORDER_TICKS;
    const uint64_t age = list->newest_tick >= kept_tick ? list->newest_tick - kept_tick + 1 : 0;
    const uint64_t older = age < STATES_TICKS ? list->ages >> age : 0;
    if (older != 0) {
        release_ages(states, index, (older & (older - 1)) << age);
    }
}

void states_drop(struct states *states, uint32_t index)
{
    release_ages(states, index, states->lists[index].ages);
    states_begin(states, index);
}
