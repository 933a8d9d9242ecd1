// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"

#define COLUMN_SCORE  MUSTER_COLUMN_GAME
#define COLUMN_SECRET (MUSTER_COLUMN_GAME + 1)
#define KIND_WALKER   1
#define SPAWN_PURPOSE 1

static void join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    uint32_t slot = host->player_entity(world, player_index);
    const uint64_t bits = host->random(world, player_index, SPAWN_PURPOSE, 0);
    const muster_vec3 place = {(float)(bits % 40), (float)(bits / 64 % 40), 0.0f};
    if (slot != MUSTER_NONE || host->entity_spawn(world, KIND_WALKER, place, &slot) != MUSTER_OK) {
        return;
    }
    host->player_set_entity(world, player_index, slot);
    uint32_t *secrets = host->column(world, COLUMN_SECRET);
    secrets[slot] = 1000 + player_index;
}

static void leave(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const uint32_t slot = host->player_entity(world, player_index);
    if (slot != MUSTER_NONE) {
        host->entity_remove(world, slot);
    }
}

static void act(const muster_host *host, muster_world *world, const muster_action *action)
{
    const uint32_t slot = host->player_entity(world, action->player_index);
    if (slot == MUSTER_NONE) {
        return;
    }
    muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    uint32_t *score = host->column(world, COLUMN_SCORE);
    velocity[slot].x = action->values[0].real;
    velocity[slot].y = action->values[1].real;
    score[slot] = (score[slot] + 1) % 65536;
}

static void receive(const muster_host *host, muster_world *world, const muster_message *message)
{
    (void)host->message_send(
        world, SIM_MESSAGE_SHOUT, MUSTER_TO_ALL, 0, message->bytes, message->length);
}

static void move(const muster_host *host, muster_world *world, uint32_t slot)
{
    muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    const muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    position[slot] =
        muster_vec3_add(position[slot], muster_vec3_scale(velocity[slot], 1.0f / 60.0f));
    position[slot].x = muster_clamp(position[slot].x, -100.0f, 100.0f);
    position[slot].y = muster_clamp(position[slot].y, -100.0f, 100.0f);
}

const muster_game *sim_game(void)
{
    static const muster_column_def columns[] = {
        {"score", MUSTER_STATE_U32, 1}, {"secret", MUSTER_STATE_U32, 1}};
    static const muster_param_def params[] = {
        {.name = "x", .is_real = true, .min = -6.0f, .max = 6.0f, .precision = 0.1f},
        {.name = "y", .is_real = true, .min = -6.0f, .max = 6.0f, .precision = 0.1f}};
    static const muster_action_def actions[] = {{"walk", params, 2, .rate_hz_max = 60}};
    static const muster_message_def messages[] = {{"shout", 200, true, true, .rate_hz_max = 20}};
    static const muster_field_def fields[] = {
        {"position", MUSTER_COLUMN_POSITION, MUSTER_FIELD_POSITION, -200.0f, 200.0f, 0.01f,
            MUSTER_CHANNEL_CRITICAL, MUSTER_VISIBLE_EVERYONE},
        {"score", COLUMN_SCORE, MUSTER_FIELD_UINT, 0.0f, 65535.0f, 1.0f, MUSTER_CHANNEL_METADATA,
            MUSTER_VISIBLE_EVERYONE},
        {"secret", COLUMN_SECRET, MUSTER_FIELD_UINT, 0.0f, 65535.0f, 1.0f, MUSTER_CHANNEL_METADATA,
            MUSTER_VISIBLE_OWNER},
    };
    static const muster_task_def tasks[] = {{"move", MUSTER_TASK_CRITICAL, MUSTER_TASK_EACH_ENTITY,
        .kind = KIND_WALKER, .period_ticks = 1, .deadline_ticks = 1, .run = move}};
    static const muster_game game = {
        .abi = MUSTER_GAME_ABI,
        .rules_version = 1,
        .name = "sim",
        .tick_rate_hz = 60,
        .limits = {.player_count_max = 64, .entity_count_max = 256},
        .columns = columns,
        .column_count = 2,
        .fields = fields,
        .field_count = 3,
        .actions = actions,
        .action_count = 1,
        .messages = messages,
        .message_count = 1,
        .tasks = tasks,
        .task_count = 1,
        .join = join,
        .leave = leave,
        .act = act,
        .receive = receive,
    };
    return &game;
}
