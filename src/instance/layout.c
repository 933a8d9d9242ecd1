// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"

#include <stdio.h>
#include <string.h>

// The slab is divided by one function that runs twice: without memory it only counts, and so the
// size of the slab cannot differ from what is taken of it.

#define SLAB_ALIGNMENT 64

struct slab {
    uint8_t *base; // NULL while counting
    size_t bytes;
};

static void *take(struct slab *slab, size_t count, size_t element_bytes)
{
    const size_t offset = slab->bytes;
    const size_t bytes = count * element_bytes;
    slab->bytes += (bytes + SLAB_ALIGNMENT - 1) / SLAB_ALIGNMENT * SLAB_ALIGNMENT;
    return slab->base != NULL ? slab->base + offset : NULL;
}

// Blocks.

static uint32_t space_block_count(const muster_game *game)
{
    return game->has_physics ? MUSTER_SPACE_STATE_BLOCK_COUNT : 0;
}

static uint32_t game_block_count(const muster_game *game)
{
    const uint32_t after_columns = 3; // players, activity, blob
    return WORLD_BLOCK_GAME + game->column_count + game->player_column_count + after_columns +
           space_block_count(game);
}

static void add_block(muster_world *world, muster_state_block block)
{
    world->blocks[world->block_count] = block;
    world->block_count++;
}

static void add_number(muster_world *world, const char *name, muster_state_type type, void *data)
{
    add_block(world, (muster_state_block){
                         .name = name,
                         .data = data,
                         .element_count = &world->one,
                         .element_capacity = 1,
                         .lane_count = 1,
                         .type = type,
                     });
}

static void add_by_entity(muster_world *world, const muster_column_def *column, void *data)
{
    add_block(world, (muster_state_block){
                         .name = column->name,
                         .data = data,
                         .element_count = &world->slot_count,
                         .element_capacity = world->limits.entity_count_max,
                         .lane_count = column->lane_count,
                         .type = column->type,
                         .is_by_entity = true,
                     });
}

static void add_by_player(muster_world *world, const muster_column_def *column, void *data)
{
    add_block(world, (muster_state_block){
                         .name = column->name,
                         .data = data,
                         .element_count = &world->player_slot_count,
                         .element_capacity = world->limits.player_count_max,
                         .lane_count = column->lane_count,
                         .type = column->type,
                     });
}

static size_t column_bytes(const muster_column_def *column)
{
    return (size_t)muster_state_type_bytes(column->type) * column->lane_count;
}

static void add_entity_numbers(
    muster_world *world, const char *name, void *data, uint32_t lane_count, muster_state_type type)
{
    const muster_column_def column = {.name = name, .lane_count = lane_count, .type = type};
    add_by_entity(world, &column, data);
}

static void add_world_blocks(muster_world *world)
{
    add_number(world, "tick", MUSTER_STATE_U64, &world->tick);
    add_number(world, "time_scale_permille", MUSTER_STATE_U32, &world->time_scale_permille);
    add_number(world, "player_slot_count", MUSTER_STATE_U32, &world->player_slot_count);
    add_number(world, "slot_count", MUSTER_STATE_U32, &world->slot_count);
    add_entity_numbers(world, "generation", world->generation, 1, MUSTER_STATE_U32);
    add_entity_numbers(world, "alive", world->is_alive, 1, MUSTER_STATE_U8);
    add_entity_numbers(world, "kind", world->kind, 1, MUSTER_STATE_U16);
    add_entity_numbers(world, "team", world->team, 1, MUSTER_STATE_U16);
    add_entity_numbers(world, "owner", world->owner, 1, MUSTER_STATE_U32);
    add_entity_numbers(world, "position", world->position, 3, MUSTER_STATE_F32);
    add_entity_numbers(world, "velocity", world->velocity, 3, MUSTER_STATE_F32);
    MUSTER_ASSERT(world->block_count == WORLD_BLOCK_GAME);
}

static void add_player_blocks(muster_world *world)
{
    const muster_column_def player = {
        .name = "player",
        .lane_count = sizeof(muster_player) / sizeof(uint32_t),
        .type = MUSTER_STATE_U32,
    };
    add_by_player(world, &player, world->players);
    const muster_column_def activity = {
        .name = "player_activity",
        .lane_count = 1,
        .type = MUSTER_STATE_U8,
    };
    add_by_player(world, &activity, world->activity);
}

static void add_blob_block(muster_world *world)
{
    if (world->limits.blob_bytes == 0) {
        return;
    }
    world->blob_bytes = world->limits.blob_bytes;
    add_block(world, (muster_state_block){
                         .name = "blob",
                         .data = world->blob,
                         .element_count = &world->blob_bytes,
                         .element_capacity = world->limits.blob_bytes,
                         .lane_count = 1,
                         .type = MUSTER_STATE_U8,
                     });
}

// The slab.

static void divide_entities(struct slab *slab, muster_world *world)
{
    const size_t count = world->limits.entity_count_max;
    world->slot_words = (uint32_t)((count + 63) / 64);
    world->generation = take(slab, count, sizeof *world->generation);
    world->is_alive = take(slab, count, sizeof *world->is_alive);
    world->kind = take(slab, count, sizeof *world->kind);
    world->team = take(slab, count, sizeof *world->team);
    world->owner = take(slab, count, sizeof *world->owner);
    world->position = take(slab, count, sizeof *world->position);
    world->velocity = take(slab, count, sizeof *world->velocity);
    world->id = take(slab, count, sizeof *world->id);
    world->viewer_count = take(slab, count, sizeof *world->viewer_count);
    world->free_slots = take(slab, world->slot_words, sizeof(uint64_t));
    world->newborn_slots = take(slab, world->slot_words, sizeof(uint64_t));
    world->removed_slots = take(slab, world->slot_words, sizeof(uint64_t));
    world->kind_slots =
        take(slab, (size_t)world->slot_words * MUSTER_KIND_COUNT_MAX, sizeof(uint64_t));
}

static void divide_players(struct slab *slab, muster_world *world)
{
    const uint32_t count = world->limits.player_count_max;
    world->players = take(slab, count, sizeof *world->players);
    world->activity = take(slab, count, sizeof *world->activity);
    world->activity_told = take(slab, count, sizeof *world->activity_told);
    world->members = take(slab, count, sizeof *world->members);

    // In one step each index can be left, joined and change its activity; creation adds one.
    world->event_count_max = 3 * count + 1;
    world->events = take(slab, world->event_count_max, sizeof *world->events);
}

static void divide_messages(struct slab *slab, muster_world *world)
{
    if (world->game->message_count == 0) {
        return;
    }
    world->outgoing_count_max = 16 + 4 * world->limits.player_count_max;
    world->outgoing_bytes_max = 4 * MUSTER_MESSAGE_BYTES_MAX + 64 * world->outgoing_count_max;
    world->outgoing = take(slab, world->outgoing_count_max, sizeof *world->outgoing);
    world->outgoing_bytes = take(slab, world->outgoing_bytes_max, 1);
}

static void divide_tasks(struct slab *slab, muster_world *world)
{
    const uint32_t count = world->game->task_count;
    world->runner_tasks = take(slab, count, sizeof *world->runner_tasks);
    world->runner_costs = take(slab, count, sizeof *world->runner_costs);
}

// The game's columns, each with its block as soon as there is memory for it.
static void divide_columns(struct slab *slab, muster_world *world)
{
    const muster_game *game = world->game;
    for (uint32_t i = 0; i < game->column_count; i++) {
        const muster_column_def *column = &game->columns[i];
        void *data = take(slab, world->limits.entity_count_max, column_bytes(column));
        if (slab->base != NULL) {
            add_by_entity(world, column, data);
        }
    }
    world->entity_block_end = world->block_count;
    for (uint32_t i = 0; i < game->player_column_count; i++) {
        muster_column_def column = game->player_columns[i];
        void *data = take(slab, world->limits.player_count_max, column_bytes(&column));
        if (slab->base != NULL) {
            snprintf(world->names[i], WORLD_NAME_BYTES, "player_%s", column.name);
            column.name = world->names[i];
            add_by_player(world, &column, data);
        }
    }
}

static void divide(struct slab *slab, muster_world *world)
{
    const muster_game *game = world->game;
    (void)take(slab, 1, sizeof(muster_instance));
    world->blocks = take(slab, game_block_count(game), sizeof *world->blocks);
    world->block_hashes = take(slab, game_block_count(game), sizeof *world->block_hashes);
    const uint32_t name_count = game->player_column_count + space_block_count(game);
    world->names = take(slab, name_count, sizeof *world->names);
    divide_entities(slab, world);
    divide_players(slab, world);
    divide_messages(slab, world);
    divide_tasks(slab, world);
    world->blob = take(slab, world->limits.blob_bytes, 1);
    if (slab->base != NULL) {
        add_world_blocks(world);
    }
    divide_columns(slab, world);
    if (slab->base != NULL) {
        add_player_blocks(world);
        add_blob_block(world);
    }
}

size_t world_slab_bytes(const muster_game *game, const muster_game_limits *limits)
{
    muster_world counted = {.game = game, .limits = *limits};
    struct slab slab = {0};
    divide(&slab, &counted);
    return slab.bytes;
}

// Columns by their index in host calls, NULL where there is none.
static void fill_columns(muster_world *world)
{
    world->column_blocks[MUSTER_COLUMN_KIND] = &world->blocks[WORLD_BLOCK_KIND];
    world->column_blocks[MUSTER_COLUMN_TEAM] = &world->blocks[WORLD_BLOCK_TEAM];
    world->column_blocks[MUSTER_COLUMN_OWNER] = &world->blocks[WORLD_BLOCK_OWNER];
    world->column_blocks[MUSTER_COLUMN_POSITION] = &world->blocks[WORLD_BLOCK_POSITION];
    world->column_blocks[MUSTER_COLUMN_VELOCITY] = &world->blocks[WORLD_BLOCK_VELOCITY];
    for (uint32_t i = 0; i < world->game->column_count; i++) {
        world->column_blocks[MUSTER_COLUMN_GAME + i] = &world->blocks[WORLD_BLOCK_GAME + i];
    }
}

static void fill_view(muster_world *world)
{
    muster_world_view *view = &world->view;
    view->is_alive = world->is_alive;
    view->id = world->id;
    view->kind = world->kind;
    view->team = world->team;
    view->owner = world->owner;
    view->position = world->position;
    view->velocity = world->velocity;
    for (uint32_t i = 0; i < MUSTER_COLUMN_GAME + MUSTER_COLUMN_COUNT_MAX; i++) {
        const muster_state_block *block = world->column_blocks[i];
        view->columns[i] = block != NULL ? block->data : NULL;
    }
}

void world_lay_out(muster_world *world)
{
    struct slab slab = {.base = (uint8_t *)world};
    world->one = 1;
    divide(&slab, world);
    fill_columns(world);
    fill_view(world);
    for (uint32_t i = 0; i < world->game->task_count; i++) {
        const muster_task_def *task = &world->game->tasks[i];
        world->runner_tasks[i] = (struct runner_task){
            .task_class = (uint32_t)task->task_class,
            .period_ticks = task->period_ticks,
        };
    }
    world->runner = (struct runner){
        .tasks = world->runner_tasks,
        .costs = world->runner_costs,
        .task_count = world->game->task_count,
    };
}
