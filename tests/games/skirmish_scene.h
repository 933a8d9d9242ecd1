// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A world of skirmish in a test, stepped by hand. By default it is flat and empty at height 0; a
/// test puts things where it wants them from inside a tick:
///
///     scene_set_up(&scene, &(struct scene_def){.teams = 2});
///     scene_join(&scene, 0, 0);
///     scene_do(&scene, face_each_other, NULL); // a tick, with the function at its start
///     scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
///     scene_run(&scene, 10);

#include "skirmish/skirmish.h"

#include "muster/frame.h"
#include "muster/instance.h"

#include <stdlib.h>
#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SCENE_TASK_COUNT_MAX 32u

typedef void scene_script(const struct state *state, void *context);

struct scene_def {
    uint64_t seed; // 0 takes 7
    bool has_land; // the real relief and boxes
    int64_t bodies, start, camps, teams;
    uint32_t entity_count_max, player_count_max; // 0 takes the game's
    const muster_space_box *boxes;
    uint32_t box_count;
    const muster_parallel *parallel;
};

struct scene {
    muster_game game;
    muster_task_def tasks[SCENE_TASK_COUNT_MAX];
    muster_instance *instance;
    muster_frame_builder *builder;
    uint64_t seed;
    uint32_t sequence;
    muster_player players[PLAYER_COUNT_MAX];
};

// What the game's functions are told aside: they have no context of their own.
static const struct scene_def *scene_being_built;
static scene_script *scene_now;
static void *scene_now_context;

static void scene_build_flat(const muster_host *host, muster_world *world)
{
    ground_build(host, world);
    muster_space_def *def = host->space->def(world);
    float *heights_m = (float *)(uintptr_t)def->terrain.heights_m;
    memset(heights_m, 0, sizeof(float) * def->terrain.column_count * def->terrain.row_count);
    def->box_count = 0;
    for (uint32_t i = 0; i < scene_being_built->box_count; i++) {
        assert_int_equal(host->space->box_add(world, &scene_being_built->boxes[i]), MUSTER_OK);
    }
}

static void scene_run_script(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    if (scene_now != NULL) {
        const struct state state = state_of(host, world);
        scene_now(&state, scene_now_context);
    }
}

static inline void scene_begin_frame(struct scene *scene)
{
    muster_frame_begin(scene->builder, muster_instance_tick(scene->instance) + 1, scene->seed);
}

static inline void scene_set_up(struct scene *scene, const struct scene_def *scene_def)
{
    memset(scene, 0, sizeof *scene);
    scene->game = *muster_game_module();
    assert_true(scene->game.task_count < SCENE_TASK_COUNT_MAX);
    scene->tasks[0] = (muster_task_def){
        .name = "script",
        .task_class = MUSTER_TASK_CRITICAL,
        .period_ticks = 1,
        .deadline_ticks = 1,
        .run = scene_run_script,
    };
    memcpy(&scene->tasks[1], scene->game.tasks, sizeof scene->tasks[0] * scene->game.task_count);
    scene->game.tasks = scene->tasks;
    scene->game.task_count++;
    scene->game.build = scene_def->has_land ? scene->game.build : scene_build_flat;
    scene->seed = scene_def->seed != 0 ? scene_def->seed : 7;

    const int64_t options[] = {
        [OPTION_BODIES] = scene_def->bodies,
        [OPTION_SCENE] = scene_def->start,
        [OPTION_CAMPS] = scene_def->camps,
        [OPTION_TEAMS] = scene_def->teams != 0 ? scene_def->teams : 2,
    };
    muster_instance_def def = muster_instance_default_def();
    def.game = &scene->game;
    def.seed = scene->seed;
    def.options = options;
    def.limits.entity_count_max = scene_def->entity_count_max;
    def.limits.player_count_max = scene_def->player_count_max;
    def.parallel = scene_def->parallel != NULL ? *scene_def->parallel : def.parallel;
    scene_being_built = scene_def;
    scene_now = NULL;
    assert_int_equal(muster_instance_create(&def, &scene->instance), MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&builder_def, &scene->builder), MUSTER_OK);
    scene_begin_frame(scene);
}

static inline void scene_tear_down(struct scene *scene)
{
    muster_frame_builder_destroy(scene->builder);
    muster_instance_destroy(scene->instance);
}

// What players do, in the next tick.

static inline void scene_join(struct scene *scene, uint32_t player_index, uint64_t party_id)
{
    muster_player *player = &scene->players[player_index];
    *player = (muster_player){.id = {player_index + 1, 9}, .name = "p", .party_id = party_id};
    assert_int_equal(muster_frame_add_join(scene->builder, player_index, player), MUSTER_OK);
}

static inline void scene_leave(struct scene *scene, uint32_t player_index)
{
    assert_int_equal(
        muster_frame_add_leave(scene->builder, player_index, scene->players[player_index].id),
        MUSTER_OK);
}

/// Acts with parameters as steps above their minimum.
static inline void scene_act(struct scene *scene,
    uint32_t player_index,
    enum action action,
    uint32_t first,
    uint32_t second,
    uint32_t third)
{
    const uint32_t steps[] = {first, second, third};
    scene->sequence++;
    assert_int_equal(
        muster_frame_add_action(scene->builder, player_index, scene->players[player_index].id,
            scene->sequence, action, steps, scene->game.actions[action].param_count),
        MUSTER_OK);
}

/// Moves at a heading in radians.
static inline void scene_move(
    struct scene *scene, uint32_t player_index, float heading, uint32_t speed, bool is_sprinting)
{
    scene_act(scene, player_index, ACTION_MOVE, (uint32_t)((heading + 3.15f) * 100.0f + 0.5f),
        speed, is_sprinting);
}

static inline void scene_aim(struct scene *scene, uint32_t player_index, float heading, float pitch)
{
    scene_act(scene, player_index, ACTION_AIM, (uint32_t)((heading + 3.15f) * 500.0f + 0.5f),
        (uint32_t)((pitch + 1.5f) * 500.0f + 0.5f), 0);
}

static inline void scene_say(
    struct scene *scene, uint32_t player_index, enum message message, const char *text)
{
    scene->sequence++;
    assert_int_equal(
        muster_frame_add_message(scene->builder, player_index, scene->players[player_index].id,
            scene->sequence, message, (const uint8_t *)text, (uint32_t)strlen(text)),
        MUSTER_OK);
}

// Ticks.

static inline void scene_step(struct scene *scene)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(scene->builder, &frame, &length);
    assert_int_equal(muster_instance_step(scene->instance, frame, length), MUSTER_OK);
    scene_now = NULL;
    scene_begin_frame(scene);
}

static inline void scene_run(struct scene *scene, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        scene_step(scene);
    }
}

/// Runs a tick with a function at its start, after the actions of players.
static inline void scene_do(struct scene *scene, scene_script *script, void *context)
{
    scene_now = script;
    scene_now_context = context;
    scene_step(scene);
}

// Looking.

static inline const muster_world_view *scene_view(const struct scene *scene)
{
    return muster_instance_view(scene->instance);
}

static inline uint32_t scene_slot(const struct scene *scene, uint32_t player_index)
{
    return muster_instance_player(scene->instance, player_index)->entity_slot;
}

static inline uint32_t scene_u8(const struct scene *scene, enum column column, uint32_t slot)
{
    return ((const uint8_t *)scene_view(scene)->columns[column])[slot];
}

static inline uint32_t scene_u16(const struct scene *scene, enum column column, uint32_t slot)
{
    return ((const uint16_t *)scene_view(scene)->columns[column])[slot];
}

static inline muster_vec3 scene_at(const struct scene *scene, uint32_t player_index)
{
    return scene_view(scene)->position[scene_slot(scene, player_index)];
}

static inline uint32_t scene_health(const struct scene *scene, uint32_t player_index)
{
    return scene_u8(scene, COLUMN_HEALTH, scene_slot(scene, player_index));
}

static inline uint32_t scene_count(const struct scene *scene, enum kind kind)
{
    const muster_world_view *view = scene_view(scene);
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        count += view->is_alive[slot] != 0 && view->kind[slot] == kind;
    }
    return count;
}

static inline const struct memory *scene_memory(const struct scene *scene)
{
    uint32_t count;
    const muster_state_block *blocks = muster_instance_blocks(scene->instance, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(blocks[i].name, "blob") == 0) {
            return blocks[i].data;
        }
    }
    fail_msg("no blob");
    return NULL;
}

// Scripts.

/// Where to put a player's fighter.
struct scene_spot {
    uint32_t player_index;
    float x, y;
};

static inline void scene_put_script(const struct state *state, void *context)
{
    const struct scene_spot *spot = context;
    const uint32_t slot = state->host->player_entity(state->world, spot->player_index);
    float ground_m = 0.0f;
    (void)state->host->space->ground_height(state->world, spot->x, spot->y, &ground_m);
    const muster_vec3 place = {spot->x, spot->y, ground_m + FIGHTER_RADIUS_M};
    state->host->space->body_move(state->world, slot, place);
    state->velocity[slot] = (muster_vec3){0};
}

/// Puts a fighter somewhere on the ground; runs a tick.
static inline void scene_put(struct scene *scene, uint32_t player_index, float x, float y)
{
    struct scene_spot spot = {player_index, x, y};
    scene_do(scene, scene_put_script, &spot);
}
