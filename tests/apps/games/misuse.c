// SPDX-License-Identifier: Apache-2.0

// A game with a mistake: in tick 30 it removes an entity that does not exist.

#include "muster/game.h"

static void join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    (void)host;
    (void)world;
    (void)player_index;
}

static void misuse(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    if (host->tick(world) == 30) {
        host->entity_remove(world, 0);
    }
}

const muster_game *muster_game_module(void)
{
    static const muster_field_def fields[] = {{"position", MUSTER_COLUMN_POSITION,
        MUSTER_FIELD_POSITION, .min = -500.0f, .max = 500.0f, .precision = 0.01f}};
    static const muster_task_def tasks[] = {{"misuse", MUSTER_TASK_CRITICAL, MUSTER_TASK_ONCE,
        .period_ticks = 1, .deadline_ticks = 1, .run = misuse}};
    static const muster_game game = {MUSTER_GAME_ABI, .rules_version = 7, .name = "misuse",
        .tick_rate_hz = 60, .limits = {.player_count_max = 4, .entity_count_max = 4},
        .fields = fields, .field_count = 1, .tasks = tasks, .task_count = 1, .join = join};
    return &game;
}
