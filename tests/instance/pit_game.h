// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A game with physics for tests: balls fall into a walled pit and are kicked about. Player 0's
/// action kicks, contacts are counted, and every 32 ticks the first ball is replaced by a new one.

#include "muster/game.h"
#include "muster/space_api.h"

#define PIT_BALL_COUNT 60

enum {
    PIT_BALL,
    PIT_MARK, // an entity without a body, at its own place
};

struct pit_blob {
    uint64_t contact_count;
    uint64_t early_contact_count; // seen before physics, which must not be
    uint64_t hit_count;
};

static void pit_build(const muster_host *host, muster_world *world)
{
    host->space->def(world)->terrain.sample_m = 4.0f;
    host->space->def(world)->terrain.min_x = -16.0f;
    host->space->def(world)->terrain.min_y = -16.0f;
    host->space->def(world)->terrain.category = 1;
    float *heights = host->space->terrain_heights(world, 9, 9);
    if (heights == NULL) {
        return;
    }
    for (uint32_t i = 0; i < 81; i++) {
        heights[i] = (float)(host->random(world, i, 1, 0) % 100) * 0.01f;
    }
    for (uint32_t i = 0; i < 4; i++) {
        const float side = i % 2 == 0 ? 8.0f : -8.0f;
        const muster_space_box box = {
            .centre = {i < 2 ? side : 0.0f, i < 2 ? 0.0f : side, 4.0f},
            .half_size = {i < 2 ? 0.5f : 9.0f, i < 2 ? 9.0f : 0.5f, 4.0f},
            .category = 1,
        };
        (void)host->space->box_add(world, &box);
    }
}

static void pit_drop(const muster_host *host, muster_world *world, uint32_t number)
{
    uint32_t slot;
    const uint64_t bits = host->random(world, number, 2, 0);
    const muster_vec3 place = {
        (float)(bits % 13) - 6.0f,
        (float)(bits / 13 % 13) - 6.0f,
        3.0f + (float)number * 0.4f,
    };
    if (host->entity_spawn(world, PIT_BALL, place, &slot) == MUSTER_OK) {
        muster_body_def body = host->space->body_default_def();
        body.radius_m = 0.4f;
        body.flags = number % 7 == 6 ? MUSTER_BODY_BULLET : 0;
        host->space->body_add(world, slot, &body);
    }
}

static void pit_start(const muster_host *host, muster_world *world)
{
    for (uint32_t i = 0; i < PIT_BALL_COUNT; i++) {
        pit_drop(host, world, i);
    }
    uint32_t slot;
    const muster_vec3 place = {1.0f, 2.0f, 3.0f};
    (void)host->entity_spawn(world, PIT_MARK, place, &slot);
}

static void pit_join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    host->player_set_entity(world, player_index, host->entity_next(world, PIT_BALL, player_index));
}

static void pit_leave(const muster_host *host, muster_world *world, uint32_t player_index)
{
    (void)host;
    (void)world;
    (void)player_index;
}

static void pit_act(const muster_host *host, muster_world *world, const muster_action *action)
{
    const uint32_t slot = host->player_entity(world, action->player_index);
    if (slot != MUSTER_NONE) {
        const muster_vec3 impulse = {action->values[0].real, 0.0f, 4.0f};
        host->space->body_push(world, slot, impulse);
    }
}

static void pit_early(const muster_host *host, muster_world *world, uint32_t index)
{
    struct pit_blob *blob = host->blob(world);
    uint32_t count;
    (void)index;
    (void)host->space->contacts(world, &count);
    blob->early_contact_count += count;
    (void)host->space->hits(world, &count);
    blob->early_contact_count += count;
}

static void pit_count(const muster_host *host, muster_world *world, uint32_t index)
{
    struct pit_blob *blob = host->blob(world);
    uint32_t count;
    (void)index;
    (void)host->space->contacts(world, &count);
    blob->contact_count += count;
    (void)host->space->hits(world, &count);
    blob->hit_count += count;
    if (host->tick(world) % 32 == 0) {
        host->entity_remove(world, host->entity_next(world, PIT_BALL, 0));
        pit_drop(host, world, (uint32_t)host->tick(world) % 16);
    }
    if (host->tick(world) % 50 == 0) {
        muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
        velocity[host->entity_next(world, PIT_BALL, 30)].z = 6.0f;
    }
}

static const muster_param_def pit_params[] = {
    {.name = "impulse", .is_real = true, .min = -5.0f, .max = 5.0f, .precision = 0.1f},
};

static const muster_action_def pit_actions[] = {
    {.name = "kick", .params = pit_params, .param_count = 1, .rate_hz_max = 60},
};

static const muster_task_def pit_tasks[] = {
    {
        .name = "early",
        .task_class = MUSTER_TASK_CRITICAL,
        .period_ticks = 1,
        .deadline_ticks = 1,
        .run = pit_early,
    },
    {
        .name = "count",
        .task_class = MUSTER_TASK_WORLD,
        .period_ticks = 1,
        .deadline_ticks = 1,
        .run = pit_count,
    },
};

/// The game's table.
static inline muster_game pit_game(void)
{
    return (muster_game){
        .abi = MUSTER_GAME_ABI,
        .rules_version = 1,
        .name = "pit",
        .tick_rate_hz = 60,
        .has_physics = true,
        .limits =
            {
                .player_count_max = 4,
                .entity_count_max = 100,
                .box_count_max = 8,
                .blob_bytes = sizeof(struct pit_blob),
            },
        .actions = pit_actions,
        .action_count = 1,
        .tasks = pit_tasks,
        .task_count = 2,
        .build = pit_build,
        .start = pit_start,
        .join = pit_join,
        .leave = pit_leave,
        .act = pit_act,
    };
}
