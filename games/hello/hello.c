// SPDX-License-Identifier: Apache-2.0

// Hello: players walk about and chat. A complete game, all of whose state the host owns.

#include "muster/game.h"

static void join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    uint32_t slot = host->player_entity(world, player_index);
    if (slot == MUSTER_NONE && host->entity_spawn(world, 0, (muster_vec3){0}, &slot) == MUSTER_OK) {
        host->player_set_entity(world, player_index, slot);
    }
}

static void walk(const muster_host *host, muster_world *world, const muster_action *action)
{
    const muster_vec3 way = muster_vec3_heading(action->values[0].real);
    const uint32_t slot = host->player_entity(world, action->player_index);
    muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    if (slot != MUSTER_NONE) {
        velocity[slot] = muster_vec3_scale(way, action->values[1].real);
    }
}

static void chat(const muster_host *host, muster_world *world, const muster_message *message)
{
    (void)host->message_send(world, 0, MUSTER_TO_ALL, 0, message->bytes, message->length);
}

static void move(const muster_host *host, muster_world *world, uint32_t slot)
{
    muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    const muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    const muster_vec3 step = muster_vec3_scale(velocity[slot], 1.0f / 60.0f);
    position[slot] = muster_vec3_add(position[slot], step);
}

const muster_game *muster_game_module(void)
{
    static const muster_param_def params[] = {
        {.name = "heading", .is_real = true, .min = -3.15f, .max = 3.15f, .precision = 0.01f},
        {.name = "speed_mps", .is_real = true, .min = 0.0f, .max = 5.0f, .precision = 0.1f}};
    static const muster_action_def actions[] = {{"walk", params, 2, .rate_hz_max = 60}};
    static const muster_message_def messages[] = {{"chat", 200, true, true, .rate_hz_max = 2}};
    static const muster_field_def fields[] = {{"position", MUSTER_COLUMN_POSITION,
        MUSTER_FIELD_POSITION, .min = -500.0f, .max = 500.0f, .precision = 0.01f}};
    static const muster_task_def tasks[] = {{"move", MUSTER_TASK_CRITICAL, MUSTER_TASK_EACH_ENTITY,
        .period_ticks = 1, .deadline_ticks = 1, .run = move}};
    static const muster_game game = {MUSTER_GAME_ABI, .rules_version = 1, .name = "hello",
        .tick_rate_hz = 60, .limits = {.player_count_max = 100, .entity_count_max = 100},
        .fields = fields, .field_count = 1, .actions = actions, .action_count = 1,
        .messages = messages, .message_count = 1, .tasks = tasks, .task_count = 1, .join = join,
        .act = walk, .receive = chat};
    return &game;
}
