// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"
#include "instance/physics.h"
#include "muster/random.h"

#include <stdio.h>
#include <string.h>

// The table that modules call through. Every function first checks that the game asks for what is
// there, since a wrong slot would damage the world silently; what fails is named together with the
// game, because its author reads the message.

#define MISUSE_BYTES 256

// The purpose of a game's random numbers has its upper half set, which no part's has.
#define GAME_PURPOSE (UINT64_C(1) << 63)

_Noreturn void world_misuse(const muster_world *world, const char *function, const char *what)
{
    char text[MISUSE_BYTES];
    snprintf(text, sizeof text, "game '%s' in tick %llu: %s: %s", world->game->name,
        (unsigned long long)world->tick, function, what);
    muster_assert_fail(text, "muster/host.h", 0);
}

#define MUST(condition, what) ((condition) ? (void)0 : world_misuse(world, __func__, what))

static uint64_t tick(const muster_world *world)
{
    return world->tick;
}

static uint32_t tick_rate_hz(const muster_world *world)
{
    return world->game->tick_rate_hz;
}

static uint64_t random_bits(
    const muster_world *world, uint64_t entity, uint32_t purpose, uint32_t index)
{
    const muster_random_key key = {
        .seed = world->seed,
        .entity = entity,
        .tick = world->tick,
        .purpose = GAME_PURPOSE | purpose,
    };
    return muster_random(key, index);
}

static uint32_t time_scale_permille(const muster_world *world)
{
    return world->time_scale_permille;
}

static int64_t option(const muster_world *world, uint32_t option_index)
{
    MUST(option_index < world->game->option_count, "there is no such option");
    return world->options[option_index];
}

static void *blob(const muster_world *world)
{
    return world->blob;
}

static void *column(const muster_world *world, uint32_t column_index)
{
    const uint32_t end = MUSTER_COLUMN_GAME + world->game->column_count;
    MUST(column_index < end, "there is no such column");
    const muster_state_block *block = world->column_blocks[column_index];
    MUST(block != NULL, "there is no such column");
    return block->data;
}

static void *player_column(const muster_world *world, uint32_t column_index)
{
    MUST(column_index < world->game->player_column_count, "there is no such column by player");
    return world->blocks[world->entity_block_end + column_index].data;
}

static muster_status entity_spawn(
    muster_world *world, uint32_t kind, muster_vec3 position, uint32_t *out_slot)
{
    MUST(kind < MUSTER_KIND_COUNT_MAX, "the kind is not below MUSTER_KIND_COUNT_MAX");
    MUST(out_slot != NULL, "out_slot is NULL");
    return world_spawn(world, kind, position, out_slot);
}

static void entity_remove(muster_world *world, uint32_t slot)
{
    MUST(world_is_alive(world, slot), "no entity lives in the slot");
    world_remove(world, slot);
}

static bool entity_is_alive(const muster_world *world, uint32_t slot)
{
    return world_is_alive(world, slot);
}

static uint32_t entity_next(const muster_world *world, uint32_t kind, uint32_t slot_min)
{
    MUST(kind < MUSTER_KIND_COUNT_MAX, "the kind is not below MUSTER_KIND_COUNT_MAX");
    return world_entity_next(world, kind, slot_min);
}

static muster_entity_id entity_id(const muster_world *world, uint32_t slot)
{
    MUST(world_is_alive(world, slot), "no entity lives in the slot");
    return world->id[slot];
}

static uint32_t entity_find(const muster_world *world, muster_entity_id id)
{
    return world_entity_find(world, id);
}

static const muster_player *player(const muster_world *world, uint32_t player_index)
{
    return world_has_player(world, player_index) ? &world->players[player_index] : NULL;
}

static uint32_t player_next(const muster_world *world, uint32_t player_index_min)
{
    for (uint32_t i = player_index_min; i < world->player_slot_count; i++) {
        if (world_has_player(world, i)) {
            return i;
        }
    }
    return MUSTER_NONE;
}

static uint32_t player_entity(const muster_world *world, uint32_t player_index)
{
    MUST(world_has_player(world, player_index), "there is no player at the index");
    return world->players[player_index].entity_slot;
}

static void player_set_entity(muster_world *world, uint32_t player_index, uint32_t slot)
{
    MUST(world_has_player(world, player_index), "there is no player at the index");
    MUST(slot == MUSTER_NONE || world_is_alive(world, slot), "no entity lives in the slot");
    world_set_player_entity(world, player_index, slot);
}

static void player_set_activity(
    muster_world *world, uint32_t player_index, muster_activity activity)
{
    MUST(world_has_player(world, player_index), "there is no player at the index");
    MUST((uint32_t)activity <= MUSTER_ACTIVITY_COMBAT, "there is no such activity");
    world->activity[player_index] = (uint8_t)activity;
}

static bool is_audience(const muster_world *world, muster_audience audience, uint32_t target)
{
    switch (audience) {
    case MUSTER_TO_PLAYER:
        return world_has_player(world, target);
    case MUSTER_TO_TEAM:
        return target <= UINT16_MAX;
    case MUSTER_TO_ALL:
        return true;
    }
    return false;
}

static uint64_t effect_id(const muster_world *world)
{
    const muster_random_key key = {
        .seed = world->seed,
        .entity = world->instance_id,
        .tick = world->tick,
    };
    return muster_random(key, world->outgoing_count);
}

static muster_status message_send(muster_world *world,
    uint32_t message_index,
    muster_audience audience,
    uint32_t target,
    const void *bytes,
    uint32_t length)
{
    MUST(message_index < world->game->message_count, "there is no such message");
    MUST(length <= world->game->messages[message_index].bytes_max, "the message is too long");
    MUST(bytes != NULL || length == 0, "bytes is NULL");
    MUST(is_audience(world, audience, target), "there is no such player, team or audience");
    const bool has_room = world->outgoing_count < world->outgoing_count_max &&
                          length <= world->outgoing_bytes_max - world->outgoing_bytes_used;
    if (!has_room) {
        return MUSTER_ERR_FULL;
    }

    uint8_t *copy = world->outgoing_bytes + world->outgoing_bytes_used;
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    world->outgoing[world->outgoing_count] = (muster_outgoing){
        .message_index = message_index,
        .audience = audience,
        .target = target,
        .effect_id = effect_id(world),
        .bytes = copy,
        .length = length,
    };
    world->outgoing_count++;
    world->outgoing_bytes_used += length;
    return MUSTER_OK;
}

const muster_host *world_host(void)
{
    static const muster_host host = {
        .tick = tick,
        .tick_rate_hz = tick_rate_hz,
        .random = random_bits,
        .time_scale_permille = time_scale_permille,
        .option = option,
        .blob = blob,
        .column = column,
        .player_column = player_column,
        .entity_spawn = entity_spawn,
        .entity_remove = entity_remove,
        .entity_is_alive = entity_is_alive,
        .entity_next = entity_next,
        .entity_id = entity_id,
        .entity_find = entity_find,
        .player = player,
        .player_next = player_next,
        .player_entity = player_entity,
        .player_set_entity = player_set_entity,
        .player_set_activity = player_set_activity,
        .message_send = message_send,
        .space = &physics_api,
    };
    return &host;
}
