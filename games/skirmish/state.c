// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

struct state state_of(const muster_host *host, muster_world *world)
{
    return (struct state){
        .host = host,
        .world = world,
        .tick = host->tick(world),
        .memory = host->blob(world),
        .kind = host->column(world, MUSTER_COLUMN_KIND),
        .team = host->column(world, MUSTER_COLUMN_TEAM),
        .owner = host->column(world, MUSTER_COLUMN_OWNER),
        .position = host->column(world, MUSTER_COLUMN_POSITION),
        .velocity = host->column(world, MUSTER_COLUMN_VELOCITY),
        .heading = host->column(world, COLUMN_HEADING),
        .pitch = host->column(world, COLUMN_PITCH),
        .health = host->column(world, COLUMN_HEALTH),
        .armour = host->column(world, COLUMN_ARMOUR),
        .look = host->column(world, COLUMN_LOOK),
        .ammo = host->column(world, COLUMN_AMMO),
        .reserve = host->column(world, COLUMN_RESERVE),
        .grenades = host->column(world, COLUMN_GRENADES),
        .stamina = host->column(world, COLUMN_STAMINA),
        .number = host->column(world, COLUMN_NUMBER),
        .score = host->column(world, COLUMN_SCORE),
        .marker = host->column(world, COLUMN_MARKER),
        .due = host->column(world, COLUMN_DUE),
        .way = host->player_column(world, PLAYER_COLUMN_WAY),
        .times = host->player_column(world, PLAYER_COLUMN_TIMES),
        .flags = host->player_column(world, PLAYER_COLUMN_FLAGS),
    };
}

float state_random(const struct state *state,
    uint64_t who,
    enum purpose purpose,
    uint32_t index,
    float min,
    float max)
{
    const uint64_t bits = state->host->random(state->world, who, purpose, index);
    const float unit = (float)(bits >> 40) * (1.0f / 16777216.0f);
    return min + (max - min) * unit;
}

bool state_is_fighting(const struct state *state, uint32_t slot)
{
    return slot != MUSTER_NONE && state->host->entity_is_alive(state->world, slot) &&
           (state->kind[slot] == KIND_FIGHTER || state->kind[slot] == KIND_GUARD) &&
           state->health[slot] > 0;
}

bool state_is_clear(const struct state *state, muster_vec3 from, muster_vec3 to)
{
    const muster_space_ray ray = {
        .from = from,
        .to = to,
        .mask = CATEGORY_STATIC,
        .ignore_slot = MUSTER_NONE,
    };
    muster_space_hit hit;
    return !state->host->space->ray_cast(state->world, &ray, &hit);
}
