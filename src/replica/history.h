// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What every entity looked like in the last ticks, in integers, and when it changed.
///
/// Time is counted in stamps, one a tick. Stamp 0 is longer ago than the history. A record holds
/// all values of an entity. "Anything new since that baseline?" is one comparison with the stamp of
/// a section's latest change.

#include "muster/replica.h"
#include "replica/heading.h"
#include "replica/layout.h"

/// Records that are kept of each entity: the current one and HEADING_AGE_MAX before it.
#define HISTORY_DEPTH (HEADING_AGE_MAX + 1)

/// The stamp before the first tick. A multiple of the usual channels' intervals.
#define HISTORY_STAMP_FIRST 960u

/// Stamps of an entity's sections lie in blocks of so many, the last of which is filled up with
/// sections that never change, so that a block is looked at without a loop.
#define HISTORY_LANES     4u
#define HISTORY_LANES_MAX 12u

/// `born_stamp` of an empty slot: later than everything.
#define HISTORY_NEVER UINT32_MAX

/// A slot of the world. One cache line, which is all that an unchanged entity costs.
struct history_slot {
    uint32_t born_stamp;
    uint32_t owner;
    uint16_t team;
    uint16_t kind;
    uint32_t section_stamps[HISTORY_LANES_MAX]; // when each changed last
    uint32_t changed_stamp; // when anything of it changed last, its owner and team included
};

/// How a section of a slot changed before.
struct history_past {
    uint32_t changes;     // bit k: changed k ticks ago
    uint32_t older_stamp; // the latest change of 32 or more ticks ago
};

_Static_assert(sizeof(struct history_slot) == 64, "a slot fills a cache line");

struct history {
    const struct layout *layout;
    uint32_t entity_capacity;
    uint32_t stamp;
    uint64_t tick;
    uint32_t slot_count; // of the latest world
    uint32_t live_count;
    uint32_t birth_count;
    uint32_t lane_count; // lanes of an entity's fields
    uint32_t *values;    // HISTORY_DEPTH x entity_capacity records
    struct history_slot *slots;
    struct history_past *pasts; // by slot and section
    uint64_t *ids;              // 0: nothing there that is sent
    muster_vec3 *positions;
    uint8_t *columns[MUSTER_FIELD_COUNT_MAX]; // of the tick before
    uint8_t *is_moving;                       // by slot: a position of it changed in the last tick
    uint32_t *lives;                          // slots that hold an entity, rising
    uint32_t *births;                         // those of them that did not in the tick before
};

/// The record of a slot `age_ticks` ago, at most HEADING_AGE_MAX.
static inline uint32_t *history_record(
    const struct history *history, uint32_t slot, uint32_t age_ticks)
{
    const uint32_t row = (history->stamp - age_ticks) % HISTORY_DEPTH;
    const size_t record = (size_t)row * history->entity_capacity + slot;
    return history->values + record * history->layout->value_count;
}

/// What the difference of a section is based on that changed since `base_stamp`, which is older
/// than the history, or 0 for none.
uint32_t history_old_base(
    const struct history *history, uint32_t slot, uint32_t section_index, uint32_t base_stamp);

/// Whether a section changed after `base_stamp`; 0, of none, is before everything.
static inline bool history_is_changed(
    const struct history *history, uint32_t slot, uint32_t section_index, uint32_t base_stamp)
{
    return history->slots[slot].section_stamps[section_index] > base_stamp;
}

/// Makes the records of a tick whose slots are known, and notes what changed. In quantise.c.
void history_quantise(
    struct history *history, const muster_replica_world *world, const muster_parallel *parallel);

/// Takes in a tick's world. `columns` need not stay.
void history_begin_tick(
    struct history *history, const muster_replica_world *world, const muster_parallel *parallel);
