// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// The relief is a sum of octaves of value noise: random heights at the crossings of a lattice and a
// smooth surface between them. Slopes stay below a fifth or so, which everything that lies about
// holds on to by friction.

#define SAMPLE_M     16.0f
#define SAMPLE_COUNT 257u // a side: 256 squares of 16 m are 4,096 m
#define MIN_M        (-2048.0f)

struct octave {
    float side_m;   // of the lattice
    float height_m; // above and below zero at most
};

static float lattice_m(uint32_t land, uint32_t octave, int32_t x, int32_t y)
{
    const struct land_use use = {PURPOSE_GROUND, (uint32_t)x, (uint32_t)y, octave};
    return land_draw(land, use, -1.0f, 1.0f);
}

static float smooth(float part)
{
    return part * part * (3.0f - 2.0f * part);
}

static float mix(float from, float to, float part)
{
    return from + (to - from) * part;
}

static float octave_m(uint32_t land, uint32_t index, float x, float y)
{
    static const struct octave octaves[] = {{512.0f, 22.0f}, {160.0f, 4.0f}};
    const float across = x / octaves[index].side_m;
    const float along = y / octaves[index].side_m;
    const int32_t column = (int32_t)muster_floor(across);
    const int32_t row = (int32_t)muster_floor(along);
    const float part_x = smooth(across - (float)column);
    const float part_y = smooth(along - (float)row);
    const float near =
        mix(lattice_m(land, index, column, row), lattice_m(land, index, column + 1, row), part_x);
    const float far = mix(lattice_m(land, index, column, row + 1),
        lattice_m(land, index, column + 1, row + 1), part_x);
    return mix(near, far, part_y) * octaves[index].height_m;
}

float ground_height_m(uint32_t land, float x, float y)
{
    return octave_m(land, 0, x, y) + octave_m(land, 1, x, y);
}

static void set_materials(muster_space_def *def)
{
    static const muster_space_material materials[] = {
        [MATERIAL_GROUND] = {.friction = 0.6f, .gravity_scale = 1.0f},
        [MATERIAL_FIGHTER] = {.friction = 0.6f, .gravity_scale = 1.0f},
        [MATERIAL_LOOSE] =
            {
                .friction = 0.6f,
                .restitution = 0.3f,
                .gravity_scale = 1.0f,
                .damping_per_s = 0.1f,
            },
        [MATERIAL_BULLET] = {.friction = 0.6f, .gravity_scale = 1.0f},
    };
    def->materials = materials;
    def->material_count = sizeof materials / sizeof materials[0];
}

void ground_build(const muster_host *host, muster_world *world)
{
    muster_space_def *def = host->space->def(world);
    set_materials(def);
    def->terrain.sample_m = SAMPLE_M;
    def->terrain.min_x = MIN_M;
    def->terrain.min_y = MIN_M;
    def->terrain.material = MATERIAL_GROUND;
    def->terrain.category = CATEGORY_STATIC;
    float *heights_m = host->space->terrain_heights(world, SAMPLE_COUNT, SAMPLE_COUNT);
    if (heights_m == NULL) {
        return;
    }
    const uint32_t land = land_of(host, world);
    for (uint32_t row = 0; row < SAMPLE_COUNT; row++) {
        for (uint32_t column = 0; column < SAMPLE_COUNT; column++) {
            const float x = MIN_M + (float)column * SAMPLE_M;
            const float y = MIN_M + (float)row * SAMPLE_M;
            heights_m[row * SAMPLE_COUNT + column] = ground_height_m(land, x, y);
        }
    }
    town_build(host, world);
}
