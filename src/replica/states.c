// SPDX-License-Identifier: Apache-2.0
#include "replica/states.h"

#include "core/assert.h"

_Static_assert(sizeof(struct states_list) == 32, "a list leaves room in its cache line");
_Static_assert(STATES_SLOT_COUNT < 64, "slots are the bits of a word, and one is always free");
_Static_assert(2 * HEADING_AGE_MAX <= UINT8_MAX, "ages are told by the low bits of ticks");

// Some of the states of an index, and the newest of them.
struct older {
    uint64_t slots;
    uint32_t age; // of the newest, HEADING_BASE_OLD if that is more than can be named
    uint8_t newest;
};

void states_take(
    struct states *states, struct slab *slab, uint32_t value_count, uint32_t index_count)
{
    const uint32_t state_bytes = value_count * (uint32_t)sizeof *states->far_values;
    const uint32_t list_bytes = sizeof(struct states_list);
    const uint32_t least_bytes = list_bytes + STATES_NEAR_COUNT_MIN * state_bytes;
    const uint32_t line_count = (least_bytes + SLAB_ALIGNMENT - 1) / SLAB_ALIGNMENT;
    states->index_count = index_count;
    states->value_count = value_count;
    states->block_bytes = line_count * SLAB_ALIGNMENT;
    states->near_count = (states->block_bytes - list_bytes) / state_bytes;
    const size_t far_count = STATES_SLOT_COUNT - states->near_count;
    states->blocks = slab_take(slab, (size_t)index_count * states->block_bytes);
    states->far_values = slab_take(slab, far_count * index_count * state_bytes);
    states->far_ticks = slab_take(slab, index_count * sizeof *states->far_ticks);
}

// The low bits of the tick of a state.
static inline uint8_t *tick_of(const struct states *states, uint32_t index, uint8_t slot)
{
    return slot < STATES_LIST_TICKS ? &states_of(states, index)->ticks[slot]
                                    : &states->far_ticks[index][slot - STATES_LIST_TICKS];
}

// The states that are `age_min` or more ticks before `tick`, which is newer than all.
static struct older find_older(
    const struct states *states, uint32_t index, uint64_t tick, uint32_t age_min)
{
    const struct states_list *list = states_of(states, index);
    struct older older = {.age = HEADING_BASE_OLD, .newest = list->newest};
    if (tick - list->newest_tick > HEADING_AGE_MAX) {
        older.slots = list->used;
        return older;
    }
    uint64_t named = list->used;
    if (list->has_old) {
        older.slots = UINT64_C(1) << list->old;
        older.newest = list->old;
        named &= ~older.slots;
    }
    // Without branches: how many there are of which age cannot be foretold.
    uint32_t least = UINT32_MAX; // an age and its slot
    for (; named != 0; named &= named - 1) {
        const uint32_t slot = (uint32_t)__builtin_ctzll(named);
        const uint32_t age = (uint8_t)(tick - *tick_of(states, index, (uint8_t)slot));
        const bool is_older = age >= age_min;
        const uint32_t key = is_older ? age << 8 | slot : UINT32_MAX;
        older.slots |= (uint64_t)is_older << slot;
        least = key < least ? key : least;
    }
    if (least != UINT32_MAX) {
        older.newest = (uint8_t)least;
        older.age = least >> 8 < HEADING_BASE_OLD ? least >> 8 : HEADING_BASE_OLD;
    }
    return older;
}

uint8_t states_find(const struct states *states, uint32_t index, uint64_t tick, uint32_t base)
{
    MUSTER_ASSERT(tick > states_of(states, index)->newest_tick);
    MUSTER_ASSERT(base >= 1 && base <= HEADING_BASE_OLD);
    const struct older older = find_older(states, index, tick, base);
    return older.slots != 0 && older.age == base ? older.newest : STATES_NONE;
}

void states_insert(
    struct states *states, uint32_t index, uint64_t tick, uint32_t base, uint8_t slot)
{
    struct states_list *list = states_of(states, index);
    MUSTER_ASSERT(tick > list->newest_tick && slot < STATES_SLOT_COUNT);
    MUSTER_ASSERT((list->used >> slot & 1) == 0);
    const bool is_named = base >= 1 && base <= HEADING_AGE_MAX;
    const struct older older = find_older(states, index, tick, is_named ? base : HEADING_BASE_OLD);
    const uint64_t kept = older.slots != 0 ? UINT64_C(1) << older.newest : 0;
    list->used = (list->used & ~older.slots) | kept | UINT64_C(1) << slot;
    list->has_old = kept != 0 && older.age == HEADING_BASE_OLD;
    list->old = older.newest;
    list->newest = slot;
    list->newest_tick = tick;
    *tick_of(states, index, slot) = (uint8_t)tick;
}
