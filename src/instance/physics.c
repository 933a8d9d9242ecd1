// SPDX-License-Identifier: Apache-2.0
#include "instance/physics.h"

#include "core/assert.h"

#include <stdio.h>
#include <string.h>

// The space keeps positions and velocities of bodies itself; the world's columns hold copies of
// them beside those of entities without bodies, so that games and clients find every entity in one
// place. Both are state.

#define MUST(condition, what) ((condition) ? (void)0 : world_misuse(world, __func__, what))

static bool is_body(const muster_world *world, uint32_t slot)
{
    const muster_space_columns *bodies = &world->bodies;
    return world->space != NULL && slot < world->limits.entity_count_max &&
           (bodies->flags[slot] & MUSTER_BODY_EXISTS) != 0;
}

// The columns' addresses never change; only their count does, which is not kept.
static void copy_body(muster_world *world, uint32_t slot)
{
    world->position[slot] = world->bodies.position[slot];
    world->velocity[slot] = world->bodies.velocity[slot];
}

// A velocity that the game has written is the body's from here on.
static void push_velocity(muster_world *world, uint32_t slot)
{
    const muster_vec3 *wanted = &world->velocity[slot];
    if (memcmp(wanted, &world->bodies.velocity[slot], sizeof *wanted) == 0) {
        return;
    }
    const muster_status status = muster_space_body_set_velocity(world->space, slot, *wanted);
    if (status != MUSTER_OK) {
        world_misuse(world, "column", "a body's velocity is not finite or too high");
    }
}

// Building.

static muster_space_def *def(muster_world *world)
{
    MUST(world->build != NULL, "only build() of a game with physics may change the space");
    return &world->build->def;
}

static muster_status box_add(muster_world *world, const muster_space_box *box)
{
    MUST(world->build != NULL, "only build() of a game with physics may add boxes");
    MUST(box != NULL, "the box is NULL");
    struct physics_build *build = world->build;
    if (build->def.box_count == build->box_count_max) {
        return MUSTER_ERR_FULL;
    }
    build->boxes[build->def.box_count] = *box;
    build->def.box_count++;
    return MUSTER_OK;
}

static float *terrain_heights(muster_world *world, uint32_t column_count, uint32_t row_count)
{
    MUST(world->build != NULL, "only build() of a game with physics may set terrain");
    MUST(world->build->heights_m == NULL, "there is a terrain already");
    MUST(column_count <= MUSTER_SPACE_TERRAIN_SIDE_MAX, "there are too many columns");
    MUST(row_count <= MUSTER_SPACE_TERRAIN_SIDE_MAX, "there are too many rows");
    struct physics_build *build = world->build;
    const size_t bytes = (size_t)column_count * row_count * sizeof(float);
    build->heights_m = world->allocator.alloc(world->allocator.context, bytes, 64);
    build->has_failed = build->heights_m == NULL;
    if (build->heights_m != NULL) {
        build->heights_bytes = bytes;
        memset(build->heights_m, 0, bytes);
        build->def.terrain.heights_m = build->heights_m;
        build->def.terrain.column_count = column_count;
        build->def.terrain.row_count = row_count;
    }
    return build->heights_m;
}

// Columns have some of the same names as the space's own arrays.
static void add_blocks(muster_world *world)
{
    muster_state_block *blocks = &world->blocks[world->block_count];
    uint32_t block_count;
    muster_space_state_blocks(world->space, blocks, &block_count);
    MUSTER_ASSERT(block_count <= MUSTER_SPACE_STATE_BLOCK_COUNT);
    for (uint32_t i = 0; i < block_count; i++) {
        char *name = world->names[world->game->player_column_count + i];
        snprintf(name, WORLD_NAME_BYTES, "body_%s", blocks[i].name);
        blocks[i].name = name;
    }
    world->block_count += block_count;
}

static muster_status create_space(muster_world *world, const struct physics_build *build)
{
    if (build->has_failed) {
        return MUSTER_ERR_NO_MEMORY;
    }
    muster_space_def space_def = build->def;
    space_def.body_capacity = world->limits.entity_count_max;
    space_def.step_s = 1.0f / (float)world->game->tick_rate_hz;
    space_def.boxes = build->boxes;
    space_def.allocator = world->allocator;
    const muster_status status = muster_space_create(&space_def, &world->space);
    if (status != MUSTER_OK) {
        return status;
    }
    world->bodies = muster_space_columns_read(world->space);
    add_blocks(world);
    return MUSTER_OK;
}

muster_status physics_create(muster_world *world)
{
    const muster_game *game = world->game;
    if (!game->has_physics) {
        if (game->build != NULL) {
            game->build(world_host(), world);
        }
        return MUSTER_OK;
    }

    struct physics_build build = {
        .def = muster_space_default_def(),
        .box_count_max = world->limits.box_count_max,
    };
    const muster_allocator *allocator = &world->allocator;
    const size_t boxes_bytes = (size_t)build.box_count_max * sizeof *build.boxes;
    if (boxes_bytes > 0) {
        build.boxes = allocator->alloc(allocator->context, boxes_bytes, 64);
        if (build.boxes == NULL) {
            return MUSTER_ERR_NO_MEMORY;
        }
    }
    if (game->build != NULL) {
        world->build = &build;
        game->build(world_host(), world);
        world->build = NULL;
    }
    const muster_status status = create_space(world, &build);
    if (build.heights_m != NULL) {
        allocator->free(allocator->context, build.heights_m, build.heights_bytes);
    }
    if (build.boxes != NULL) {
        allocator->free(allocator->context, build.boxes, boxes_bytes);
    }
    return status;
}

void physics_destroy(muster_world *world)
{
    muster_space_destroy(world->space);
}

// Stepping.

void physics_step(muster_world *world)
{
    if (world->space == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        if (is_body(world, slot)) {
            push_velocity(world, slot);
        }
    }
    muster_space_step(world->space, &world->parallel);
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        if (is_body(world, slot)) {
            copy_body(world, slot);
        }
    }
    world->has_contacts = true;
}

void physics_remove(muster_world *world, uint32_t slot)
{
    if (world->space != NULL) {
        (void)muster_space_body_remove(world->space, slot);
    }
}

bool physics_restored(muster_world *world)
{
    if (world->space == NULL) {
        return true;
    }
    if (muster_space_restored(world->space) != MUSTER_OK) {
        return false;
    }
    for (uint32_t slot = 0; slot < world->limits.entity_count_max; slot++) {
        if (is_body(world, slot) && !world_is_alive(world, slot)) {
            return false;
        }
    }
    return true;
}

// Bodies.

static void body_add(muster_world *world, uint32_t slot, const muster_body_def *body)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(world_is_alive(world, slot), "no entity lives in the slot");
    MUST(!is_body(world, slot), "the entity has a body");
    MUST(body != NULL, "the definition is NULL");
    muster_body_def placed = *body;
    placed.position = world->position[slot];
    placed.velocity = world->velocity[slot];
    const muster_status status = muster_space_body_add(world->space, slot, &placed);
    MUST(status == MUSTER_OK, "a field of the definition, position or velocity is out of range");
}

static bool body_remove(muster_world *world, uint32_t slot)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(world_is_alive(world, slot), "no entity lives in the slot");
    return muster_space_body_remove(world->space, slot);
}

static bool has_body(const muster_world *world, uint32_t slot)
{
    return is_body(world, slot);
}

static void body_move(muster_world *world, uint32_t slot, muster_vec3 position)
{
    MUST(is_body(world, slot), "no body is in the slot");
    const muster_status status = muster_space_body_set_position(world->space, slot, position);
    MUST(status == MUSTER_OK, "the position is not finite or too far out");
    world->position[slot] = world->bodies.position[slot];
}

static void body_push(muster_world *world, uint32_t slot, muster_vec3 impulse)
{
    MUST(is_body(world, slot), "no body is in the slot");
    push_velocity(world, slot);
    const muster_status status = muster_space_body_push(world->space, slot, impulse);
    MUST(status == MUSTER_OK, "the impulse is not finite");
    world->velocity[slot] = world->bodies.velocity[slot];
}

static muster_vec3 ground_normal(const muster_world *world, uint32_t slot)
{
    MUST(is_body(world, slot), "no body is in the slot");
    return world->bodies.ground_normal[slot];
}

static bool is_asleep(const muster_world *world, uint32_t slot)
{
    MUST(is_body(world, slot), "no body is in the slot");
    return muster_space_body_is_asleep(world->space, slot);
}

// Asking.

// What the step before has left is no state, so a game must not see it in the next tick.
static const muster_space_contact *contacts(const muster_world *world, uint32_t *out_count)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(out_count != NULL, "out_count is NULL");
    const muster_space_contact *found = muster_space_contacts(world->space, out_count);
    *out_count = world->has_contacts ? *out_count : 0;
    return found;
}

static const muster_space_hit *hits(const muster_world *world, uint32_t *out_count)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(out_count != NULL, "out_count is NULL");
    const muster_space_hit *found = muster_space_hits(world->space, out_count);
    *out_count = world->has_contacts ? *out_count : 0;
    return found;
}

static bool ray_cast(
    const muster_world *world, const muster_space_ray *ray, muster_space_hit *out_hit)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(ray != NULL && out_hit != NULL, "ray or out_hit is NULL");
    return muster_space_ray_cast(world->space, ray, out_hit);
}

static muster_status overlap(const muster_world *world,
    muster_vec3 centre,
    float radius_m,
    uint16_t mask,
    uint32_t *out_slots,
    uint32_t slot_capacity,
    uint32_t *out_count)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(out_slots != NULL && out_count != NULL, "out_slots or out_count is NULL");
    return muster_space_overlap(
        world->space, centre, radius_m, mask, out_slots, slot_capacity, out_count);
}

static bool ground_height(const muster_world *world, float x, float y, float *out_height_m)
{
    MUST(world->space != NULL, "the game has no physics, or the world is not built yet");
    MUST(out_height_m != NULL, "out_height_m is NULL");
    return muster_space_ground_height(world->space, x, y, out_height_m);
}

const muster_space_api physics_api = {
    .def = def,
    .box_add = box_add,
    .terrain_heights = terrain_heights,
    .body_default_def = muster_body_default_def,
    .body_add = body_add,
    .body_remove = body_remove,
    .has_body = has_body,
    .body_move = body_move,
    .body_push = body_push,
    .ground_normal = ground_normal,
    .is_asleep = is_asleep,
    .contacts = contacts,
    .hits = hits,
    .ray_cast = ray_cast,
    .overlap = overlap,
    .ground_height = ground_height,
};
