// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small game that touches everything a game can: for tests of worlds, frames and logs.
///
/// Players steer a walker each and throw sparks, which fly for a while, burn walkers near them and
/// go out. Every 16 ticks a walker heals a little. Chat is passed on to everyone.

#include "muster/game.h"

#include <string.h>

enum {
    PROBE_WALKER,
    PROBE_SPARK,
};

enum {
    PROBE_HEALTH = MUSTER_COLUMN_GAME, // u16
    PROBE_HEADING,                     // f32
    PROBE_THROWER,                     // u64: the id of who threw a spark
    PROBE_LIFE,                        // i32: ticks that a spark has left
};

enum {
    PROBE_SCORE, // by player, u32: burns
};

enum {
    PROBE_WALK,  // heading, speed
    PROBE_THROW, // power
    PROBE_TAUNT, // no parameters
};

enum {
    PROBE_CHAT,
    PROBE_NOTICE,
};

/// What the blob holds.
struct probe_blob {
    uint64_t thrown_count;
    uint32_t burn_count;
    uint32_t player_count;
};

static void probe_start(const muster_host *host, muster_world *world)
{
    uint16_t *health = host->column(world, PROBE_HEALTH);
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t slot;
        const muster_vec3 place = {(float)i * 3.0f, 1.0f, 0.0f};
        if (host->entity_spawn(world, PROBE_WALKER, place, &slot) == MUSTER_OK) {
            health[slot] = 50;
        }
    }
}

static void probe_join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    struct probe_blob *blob = host->blob(world);
    if (host->player_entity(world, player_index) != MUSTER_NONE) {
        return;
    }
    uint32_t slot;
    const uint64_t bits = host->random(world, host->player(world, player_index)->id[0], 1, 0);
    const muster_vec3 place = {(float)(bits % 64), (float)(bits / 64 % 64), 0.0f};
    if (host->entity_spawn(world, PROBE_WALKER, place, &slot) != MUSTER_OK) {
        return;
    }
    uint16_t *health = host->column(world, PROBE_HEALTH);
    uint16_t *team = host->column(world, MUSTER_COLUMN_TEAM);
    health[slot] = 100;
    team[slot] = (uint16_t)(1 + player_index % 2);
    host->player_set_entity(world, player_index, slot);
    blob->player_count++;
}

static void probe_leave(const muster_host *host, muster_world *world, uint32_t player_index)
{
    struct probe_blob *blob = host->blob(world);
    const uint32_t slot = host->player_entity(world, player_index);
    if (slot != MUSTER_NONE) {
        host->entity_remove(world, slot);
    }
    blob->player_count--;
}

static void probe_throw(const muster_host *host, muster_world *world, uint32_t slot, int32_t power)
{
    const muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    uint32_t spark;
    if (host->entity_spawn(world, PROBE_SPARK, position[slot], &spark) != MUSTER_OK) {
        return;
    }
    const float *heading = host->column(world, PROBE_HEADING);
    muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    uint64_t *thrower = host->column(world, PROBE_THROWER);
    int32_t *life = host->column(world, PROBE_LIFE);
    struct probe_blob *blob = host->blob(world);
    const float speed = (float)power * 0.25f;
    velocity[spark].x = muster_cos(heading[slot]) * speed;
    velocity[spark].y = muster_sin(heading[slot]) * speed;
    thrower[spark] = host->entity_id(world, slot);
    life[spark] = 10 + power;
    blob->thrown_count++;
}

static void probe_act(const muster_host *host, muster_world *world, const muster_action *action)
{
    const uint32_t slot = host->player_entity(world, action->player_index);
    if (slot == MUSTER_NONE) {
        return;
    }
    muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    float *heading = host->column(world, PROBE_HEADING);
    switch (action->action_index) {
    case PROBE_WALK:
        heading[slot] = action->values[0].real;
        velocity[slot].x = muster_cos(heading[slot]) * action->values[1].real;
        velocity[slot].y = muster_sin(heading[slot]) * action->values[1].real;
        host->player_set_activity(world, action->player_index, MUSTER_ACTIVITY_TRAVEL);
        return;
    case PROBE_THROW:
        probe_throw(host, world, slot, action->values[0].whole);
        host->player_set_activity(world, action->player_index, MUSTER_ACTIVITY_COMBAT);
        return;
    default:
        host->player_set_activity(world, action->player_index, MUSTER_ACTIVITY_IDLE);
    }
}

static void probe_receive(
    const muster_host *host, muster_world *world, const muster_message *message)
{
    (void)host->message_send(
        world, message->message_index, MUSTER_TO_ALL, 0, message->bytes, message->length);
}

// A critical task, once a tick: everything moves.
static void probe_move(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    const muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    const float seconds = 1.0f / (float)host->tick_rate_hz(world);
    for (uint32_t kind = PROBE_WALKER; kind <= PROBE_SPARK; kind++) {
        for (uint32_t slot = host->entity_next(world, kind, 0); slot != MUSTER_NONE;
             slot = host->entity_next(world, kind, slot + 1)) {
            position[slot] =
                muster_vec3_add(position[slot], muster_vec3_scale(velocity[slot], seconds));
        }
    }
}

// For each player: who stands still for long is idle.
static void probe_watch(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const uint32_t slot = host->player_entity(world, player_index);
    const muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    if (slot != MUSTER_NONE && muster_vec3_length(velocity[slot]) == 0.0f) {
        host->player_set_activity(world, player_index, MUSTER_ACTIVITY_IDLE);
    }
}

static void probe_burn_walker(
    const muster_host *host, muster_world *world, uint32_t spark, uint32_t walker)
{
    uint16_t *health = host->column(world, PROBE_HEALTH);
    const uint64_t *thrower = host->column(world, PROBE_THROWER);
    const uint32_t *owner = host->column(world, MUSTER_COLUMN_OWNER);
    uint32_t *score = host->player_column(world, PROBE_SCORE);
    struct probe_blob *blob = host->blob(world);
    blob->burn_count++;
    health[walker] = (uint16_t)(health[walker] > 3 ? health[walker] - 3 : 1);
    const uint32_t by = host->entity_find(world, thrower[spark]);
    if (by != MUSTER_NONE && owner[by] != 0) {
        score[owner[by] - 1]++;
        (void)host->message_send(
            world, PROBE_NOTICE, MUSTER_TO_PLAYER, owner[by] - 1, &walker, sizeof walker);
    }
}

// For each spark: it burns the first other walker near it, or goes out.
static void probe_burn(const muster_host *host, muster_world *world, uint32_t spark)
{
    const muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    const uint64_t *thrower = host->column(world, PROBE_THROWER);
    int32_t *life = host->column(world, PROBE_LIFE);
    life[spark]--;
    for (uint32_t slot = host->entity_next(world, PROBE_WALKER, 0); slot != MUSTER_NONE;
         slot = host->entity_next(world, PROBE_WALKER, slot + 1)) {
        const muster_vec3 way = muster_vec3_sub(position[slot], position[spark]);
        if (muster_vec3_dot(way, way) < 4.0f && host->entity_id(world, slot) != thrower[spark]) {
            probe_burn_walker(host, world, spark, slot);
            life[spark] = 0;
            break;
        }
    }
    if (life[spark] <= 0) {
        host->entity_remove(world, spark);
    }
}

// For each walker, every 16 ticks: it heals.
static void probe_heal(const muster_host *host, muster_world *world, uint32_t slot)
{
    uint16_t *health = host->column(world, PROBE_HEALTH);
    if (health[slot] < 100) {
        health[slot]++;
    }
}

static bool probe_can_see(
    const muster_host *host, const muster_world *world, uint32_t player_index, uint32_t slot)
{
    const uint16_t *team = host->column(world, MUSTER_COLUMN_TEAM);
    const uint32_t own = host->player_entity(world, player_index);
    return own != MUSTER_NONE && team[own] == team[slot];
}

static const muster_column_def probe_columns[] = {
    {.name = "health", .type = MUSTER_STATE_U16, .lane_count = 1},
    {.name = "heading", .type = MUSTER_STATE_F32, .lane_count = 1},
    {.name = "thrower", .type = MUSTER_STATE_U64, .lane_count = 1},
    {.name = "life", .type = MUSTER_STATE_I32, .lane_count = 1},
};

static const muster_column_def probe_player_columns[] = {
    {.name = "score", .type = MUSTER_STATE_U32, .lane_count = 1},
};

static const muster_field_def probe_fields[] = {
    {
        .name = "position",
        .column_index = MUSTER_COLUMN_POSITION,
        .encoding = MUSTER_FIELD_POSITION,
        .min = -1024.0f,
        .max = 1024.0f,
        .precision = 0.01f,
    },
    {
        .name = "health",
        .column_index = PROBE_HEALTH,
        .encoding = MUSTER_FIELD_UINT,
        .max = 100.0f,
        .precision = 1.0f,
        .visibility = MUSTER_VISIBLE_RULE,
    },
    {
        .name = "heading",
        .column_index = PROBE_HEADING,
        .encoding = MUSTER_FIELD_ANGLE,
        .precision = 0.01f,
        .channel = MUSTER_CHANNEL_DETAILED,
    },
};

static const muster_param_def probe_walk_params[] = {
    {.name = "heading", .is_real = true, .min = -3.5f, .max = 3.5f, .precision = 0.01f},
    {.name = "speed", .is_real = true, .min = 0.0f, .max = 6.0f, .precision = 0.5f},
};

static const muster_param_def probe_throw_params[] = {
    {.name = "power", .min = -5.0f, .max = 40.0f, .precision = 1.0f},
};

static const muster_action_def probe_actions[] = {
    {.name = "walk", .params = probe_walk_params, .param_count = 2, .rate_hz_max = 60},
    {.name = "throw", .params = probe_throw_params, .param_count = 1, .rate_hz_max = 10},
    {.name = "taunt", .rate_hz_max = 1},
};

static const muster_message_def probe_messages[] = {
    {
        .name = "chat",
        .bytes_max = 200,
        .is_reliable = true,
        .is_from_players = true,
        .rate_hz_max = 2,
    },
    {.name = "notice", .bytes_max = 4},
};

static const muster_task_def probe_tasks[] = {
    {
        .name = "heal",
        .task_class = MUSTER_TASK_AMBIENT,
        .scope = MUSTER_TASK_EACH_ENTITY,
        .kind = PROBE_WALKER,
        .period_ticks = 16,
        .deadline_ticks = 16,
        .run = probe_heal,
    },
    {
        .name = "burn",
        .task_class = MUSTER_TASK_WORLD,
        .scope = MUSTER_TASK_EACH_ENTITY,
        .kind = PROBE_SPARK,
        .period_ticks = 1,
        .deadline_ticks = 1,
        .run = probe_burn,
    },
    {
        .name = "watch",
        .task_class = MUSTER_TASK_PLAYER,
        .scope = MUSTER_TASK_EACH_PLAYER,
        .period_ticks = 2,
        .deadline_ticks = 2,
        .run = probe_watch,
    },
    {
        .name = "move",
        .task_class = MUSTER_TASK_CRITICAL,
        .period_ticks = 1,
        .deadline_ticks = 1,
        .run = probe_move,
    },
};

/// The game's table. Every call gives an equal one, for tests to spoil a copy of.
static inline muster_game probe_game(void)
{
    return (muster_game){
        .abi = MUSTER_GAME_ABI,
        .rules_version = 3,
        .name = "probe",
        .tick_rate_hz = 60,
        .limits =
            {
                .player_count_max = 32,
                .entity_count_max = 600,
                .blob_bytes = sizeof(struct probe_blob),
            },
        .columns = probe_columns,
        .column_count = 4,
        .player_columns = probe_player_columns,
        .player_column_count = 1,
        .fields = probe_fields,
        .field_count = 3,
        .actions = probe_actions,
        .action_count = 3,
        .messages = probe_messages,
        .message_count = 2,
        .tasks = probe_tasks,
        .task_count = 4,
        .start = probe_start,
        .join = probe_join,
        .leave = probe_leave,
        .act = probe_act,
        .receive = probe_receive,
        .can_see = probe_can_see,
    };
}
