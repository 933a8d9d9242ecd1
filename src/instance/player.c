// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"

#include <string.h>

_Static_assert(sizeof(muster_player) == 72, "a player has no padding, so that it can be hashed");

// Blocks by player lie behind those by entity.
static void zero_player(muster_world *world, uint32_t player_index)
{
    for (uint32_t i = world->entity_block_end; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        if (block->element_count == &world->player_slot_count) {
            const size_t bytes = muster_state_element_bytes(block);
            memset((uint8_t *)block->data + player_index * bytes, 0, bytes);
        }
    }
}

// The name is copied up to its end only: what lies behind it in the caller's memory is no state.
static void copy_identity(muster_player *to, const muster_player *from)
{
    memcpy(to->id, from->id, sizeof to->id);
    memset(to->name, 0, sizeof to->name);
    for (size_t i = 0; i + 1 < sizeof to->name && from->name[i] != '\0'; i++) {
        to->name[i] = from->name[i];
    }
    to->party_id = from->party_id;
    to->tier = from->tier;
}

void world_join(muster_world *world, uint32_t player_index, const muster_player *player)
{
    MUSTER_ASSERT(player_index < world->limits.player_count_max);
    while (world->player_slot_count <= player_index) {
        zero_player(world, world->player_slot_count);
        world->player_slot_count++;
    }
    muster_player *slot = &world->players[player_index];
    if (slot->joined_tick == 0) {
        slot->joined_tick = world->tick;
        slot->entity_slot = MUSTER_NONE;
    }
    copy_identity(slot, player);
    world_push_event(world, MUSTER_EVENT_PLAYER_JOINED, player_index, 0);
}

void world_leave(muster_world *world, uint32_t player_index)
{
    MUSTER_ASSERT(world_has_player(world, player_index));
    world_set_player_entity(world, player_index, MUSTER_NONE);
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        if (world->owner[slot] == player_index + 1) {
            world->owner[slot] = 0;
        }
    }
    zero_player(world, player_index);
    world->activity_told[player_index] = MUSTER_ACTIVITY_IDLE;
    world_push_event(world, MUSTER_EVENT_PLAYER_LEFT, player_index, 0);
}

void world_set_player_entity(muster_world *world, uint32_t player_index, uint32_t slot)
{
    MUSTER_ASSERT(world_has_player(world, player_index));
    muster_player *player = &world->players[player_index];
    const uint32_t old_slot = player->entity_slot;
    if (old_slot != MUSTER_NONE) {
        world->viewer_count[old_slot]--;
        if (world->owner[old_slot] == player_index + 1) {
            world->owner[old_slot] = 0;
        }
    }
    player->entity_slot = slot;
    if (slot != MUSTER_NONE) {
        MUSTER_ASSERT(world_is_alive(world, slot));
        world->viewer_count[slot]++;
        world->owner[slot] = player_index + 1;
    }
}

void world_push_event(
    muster_world *world, muster_event_type type, uint32_t player_index, uint32_t detail)
{
    MUSTER_ASSERT(world->event_count < world->event_count_max);
    world->events[world->event_count] = (muster_core_event){
        .type = type,
        .tick = world->tick,
        .player_index = player_index,
        .detail = detail,
    };
    world->event_count++;
}

void world_tell_activities(muster_world *world)
{
    for (uint32_t i = 0; i < world->player_slot_count; i++) {
        if (world->activity[i] != world->activity_told[i]) {
            world->activity_told[i] = world->activity[i];
            world_push_event(world, MUSTER_EVENT_PLAYER_ACTIVITY, i, world->activity[i]);
        }
    }
}
