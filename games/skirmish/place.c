// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define BATTLE_X_M 600.0f
#define BATTLE_Y_M 350.0f
#define BASE_M     1300.0f
#define OUTPOST_M  85.0f
#define START_SIDE                                                                                 \
    32u // starts of the battle square lie on a grid, so that nobody begins in another
#define LAND_SIDE   32u
#define LAND_HALF_M 1800.0f
#define TRY_COUNT   8u
#define SKY_M       150.0f

muster_vec3 place_battle(void)
{
    const muster_vec3 centre = {BATTLE_X_M, BATTLE_Y_M, 0.0f};
    return centre;
}

static muster_vec3 corner(uint32_t team, muster_vec3 centre, float reach_m)
{
    const bool is_east = team == 1 || team == 4;
    const bool is_north = team == 1 || team == 3;
    const muster_vec3 place = {
        centre.x + (is_east ? reach_m : -reach_m),
        centre.y + (is_north ? reach_m : -reach_m),
        0.0f,
    };
    return place;
}

muster_vec3 place_base(uint32_t team, muster_vec3 near)
{
    const muster_vec3 home = corner(team, (muster_vec3){0}, BASE_M);
    const muster_vec3 outpost = corner(team, place_battle(), OUTPOST_M);
    return distance_flat(near, outpost) < distance_flat(near, home) ? outpost : home;
}

// What a thing of that radius lies on when it comes from above: the ground, or a roof.
static muster_vec3 drop(
    const struct state *state, float x, float y, float radius_m, bool *out_is_ground)
{
    const muster_space_ray ray = {
        .from = {x, y, SKY_M},
        .to = {x, y, -SKY_M},
        .mask = CATEGORY_STATIC,
        .ignore_slot = MUSTER_NONE,
    };
    muster_space_hit hit = {.kind = MUSTER_SPACE_NOTHING};
    (void)state->host->space->ray_cast(state->world, &ray, &hit);
    *out_is_ground = hit.kind == MUSTER_SPACE_TERRAIN;
    const muster_vec3 place = {x, y, hit.point.z + radius_m + 0.05f};
    return place;
}

muster_vec3 place_near(
    const struct state *state, uint64_t who, muster_vec3 centre, float spread_m, float radius_m)
{
    const float edge_m = WORLD_HALF_SIDE_M - 20.0f;
    muster_vec3 place = centre;
    bool is_ground = false;
    for (uint32_t i = 0; i < TRY_COUNT && !is_ground; i++) {
        const float x =
            centre.x + state_random(state, who, PURPOSE_PLACE, 2 * i, -spread_m, spread_m);
        const float y =
            centre.y + state_random(state, who, PURPOSE_PLACE, 2 * i + 1, -spread_m, spread_m);
        place = drop(state, muster_clamp(x, -edge_m, edge_m), muster_clamp(y, -edge_m, edge_m),
            radius_m, &is_ground);
    }
    return place;
}

// The middle of a cell of a square grid.
static muster_vec3 cell(muster_vec3 centre, float half_side_m, uint32_t side, uint32_t number)
{
    const float cell_m = 2.0f * half_side_m / (float)side;
    const muster_vec3 place = {
        centre.x - half_side_m + ((float)(number % side) + 0.5f) * cell_m,
        centre.y - half_side_m + ((float)(number / side % side) + 0.5f) * cell_m,
        0.0f,
    };
    return place;
}

muster_vec3 place_start(const struct state *state, uint64_t who, uint32_t number, float radius_m)
{
    const int64_t scene = state->host->option(state->world, OPTION_SCENE);
    const bool is_battle = scene == SCENE_BATTLE || (scene == SCENE_MIXED && number % 5 == 0);
    // An odd stride goes around the whole grid, and takes neighbours in number far apart.
    const uint32_t cell_number = number * 389u;
    if (is_battle) {
        const float spread_m = 0.4f * 2.0f * BATTLE_HALF_SIDE_M / (float)START_SIDE;
        return place_near(state, who,
            cell(place_battle(), BATTLE_HALF_SIDE_M, START_SIDE, cell_number), spread_m, radius_m);
    }
    const float spread_m = 0.4f * 2.0f * LAND_HALF_M / (float)LAND_SIDE;
    return place_near(state, who, cell((muster_vec3){0}, LAND_HALF_M, LAND_SIDE, cell_number),
        spread_m, radius_m);
}
