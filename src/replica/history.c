// SPDX-License-Identifier: Apache-2.0
#include "replica/history.h"

#include "core/assert.h"

#define COORDINATE_MAX_M 1e8f

uint32_t history_old_base(
    const struct history *history, uint32_t slot, uint32_t section_index, uint32_t base_stamp)
{
    // An old state serves as long as it lasted into the history.
    const size_t past = (size_t)slot * history->layout->section_count + section_index;
    const bool is_lasting = base_stamp != 0 && history->pasts[past].older_stamp <= base_stamp;
    return is_lasting ? HEADING_BASE_OLD : HEADING_BASE_NONE;
}

static bool is_place(muster_vec3 position)
{
    // Written so that a number that is not finite fails.
    return position.x > -COORDINATE_MAX_M && position.x < COORDINATE_MAX_M &&
           position.y > -COORDINATE_MAX_M && position.y < COORDINATE_MAX_M &&
           position.z > -COORDINATE_MAX_M && position.z < COORDINATE_MAX_M;
}

// Looks at every slot: who was born, who died, who is where.
static void census(struct history *history, const muster_replica_world *world)
{
    history->live_count = 0;
    history->birth_count = 0;
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        struct history_slot *entry = &history->slots[slot];
        if (world->is_alive[slot] == 0 || !is_place(world->position[slot])) {
            entry->born_stamp = HISTORY_NEVER;
            history->ids[slot] = 0;
            continue;
        }
        MUSTER_ASSERT(world->id[slot] != 0);
        history->lives[history->live_count++] = slot;
        history->positions[slot] = world->position[slot];
        if (history->ids[slot] != world->id[slot]) {
            history->ids[slot] = world->id[slot];
            entry->born_stamp = history->stamp;
            history->births[history->birth_count++] = slot;
        }
        const uint32_t owner = world->owner == NULL ? 0 : world->owner[slot];
        const uint16_t team = world->team == NULL ? 0 : world->team[slot];
        if (entry->owner != owner || entry->team != team) {
            entry->changed_stamp = history->stamp; // others may see it now
        }
        entry->owner = owner;
        entry->team = team;
        entry->kind = world->kind[slot];
    }
    for (uint32_t slot = world->slot_count; slot < history->slot_count; slot++) {
        history->slots[slot].born_stamp = HISTORY_NEVER;
        history->ids[slot] = 0;
    }
    history->slot_count = world->slot_count;
}

void history_begin_tick(
    struct history *history, const muster_replica_world *world, const muster_parallel *parallel)
{
    MUSTER_ASSERT(world->slot_count <= history->entity_capacity);
    MUSTER_ASSERT(world->tick >= 1 && world->tick <= MUSTER_TICK_MAX);
    MUSTER_ASSERT(history->tick == 0 || world->tick == history->tick + 1);
    MUSTER_ASSERT(history->stamp < HISTORY_NEVER - 1);
    history->stamp++;
    history->tick = world->tick;
    census(history, world);
    history_quantise(history, world, parallel);
}
