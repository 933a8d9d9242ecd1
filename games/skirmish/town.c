// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// Boxes by kind and place: a town of houses around the origin, cover in the battle square, crates
// at the camps, walls and crates all over the land, and a fence around all of it.

#define HOUSE_ROW_COUNT    7u
#define HOUSE_DISTANCE_M   42.0f
#define BATTLE_COVER_COUNT 36u
#define CAMP_CRATE_COUNT   3u
#define LAND_COVER_COUNT   240u
#define FENCE_M            1990.0f
#define FENCE_HEIGHT_M     200.0f
#define DEPTH_M            4.0f // how far a box reaches into the ground, for slopes

struct builder {
    const muster_host *host;
    muster_world *world;
    uint32_t land;
    uint32_t box_count;
};

struct shape {
    float half_x, half_y, height_m;
};

static float draw(const struct builder *builder, uint32_t index, float min, float max)
{
    const struct land_use use = {PURPOSE_BOX, builder->box_count, 0, index};
    return land_draw(builder->land, use, min, max);
}

static void add(struct builder *builder, float x, float y, struct shape shape, float heading)
{
    const float ground_m = ground_height_m(builder->land, x, y);
    const float half_z = 0.5f * (shape.height_m + DEPTH_M);
    const muster_space_box box = {
        .centre = {x, y, ground_m + shape.height_m - half_z},
        .half_size = {shape.half_x, shape.half_y, half_z},
        .heading = heading,
        .material = MATERIAL_GROUND,
        .category = CATEGORY_STATIC,
    };
    // A world whose limit of boxes is lower has fewer of them, and is otherwise the same.
    (void)builder->host->space->box_add(builder->world, &box);
    builder->box_count++;
}

// A wall to hide behind or a crate to stand on.
static void add_cover(struct builder *builder, float x, float y)
{
    const float heading = draw(builder, 2, -MUSTER_PI, MUSTER_PI);
    const struct shape wall = {draw(builder, 3, 2.0f, 5.0f), 0.25f, 2.4f};
    const struct shape crate = {1.0f, 1.0f, draw(builder, 3, 1.0f, 2.0f)};
    add(builder, x, y, draw(builder, 4, 0.0f, 1.0f) < 0.5f ? wall : crate, heading);
}

static void add_fence(struct builder *builder)
{
    static const float sides[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    for (uint32_t i = 0; i < 4; i++) {
        const bool is_across = sides[i][0] == 0.0f;
        const struct shape shape = {
            is_across ? FENCE_M : 2.0f,
            is_across ? 2.0f : FENCE_M,
            FENCE_HEIGHT_M,
        };
        add(builder, sides[i][0] * FENCE_M, sides[i][1] * FENCE_M, shape, 0.0f);
    }
}

static void add_town(struct builder *builder)
{
    for (uint32_t row = 0; row < HOUSE_ROW_COUNT; row++) {
        for (uint32_t column = 0; column < HOUSE_ROW_COUNT; column++) {
            const float x = ((float)column - 3.0f) * HOUSE_DISTANCE_M;
            const float y = ((float)row - 3.0f) * HOUSE_DISTANCE_M;
            const struct shape house = {
                draw(builder, 0, 5.0f, 11.0f),
                draw(builder, 1, 5.0f, 11.0f),
                draw(builder, 2, 3.0f, 7.0f),
            };
            add(builder, x, y, house, draw(builder, 3, -0.2f, 0.2f));
            add_cover(builder, x + 0.5f * HOUSE_DISTANCE_M, y + 0.5f * HOUSE_DISTANCE_M);
        }
    }
}

static void add_covers(struct builder *builder, muster_vec3 centre, float spread_m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const float x = centre.x + draw(builder, 0, -spread_m, spread_m);
        const float y = centre.y + draw(builder, 1, -spread_m, spread_m);
        add_cover(builder, x, y);
    }
}

void town_build(const muster_host *host, muster_world *world)
{
    struct builder builder = {.host = host, .world = world, .land = land_of(host, world)};
    const muster_vec3 origin = {0.0f, 0.0f, 0.0f};
    add_fence(&builder);
    add_town(&builder);
    add_covers(&builder, place_battle(), BATTLE_HALF_SIDE_M, BATTLE_COVER_COUNT);
    const uint32_t camp_count = (uint32_t)host->option(world, OPTION_CAMPS);
    for (uint32_t i = 0; i < camp_count; i++) {
        add_covers(&builder, camp_centre(builder.land, i), 12.0f, CAMP_CRATE_COUNT);
    }
    add_covers(&builder, origin, 0.95f * WORLD_HALF_SIDE_M, LAND_COVER_COUNT);
}
