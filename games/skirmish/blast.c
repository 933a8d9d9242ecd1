// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define THROW_MPS        16.0f
#define THROW_LIFT_MPS   3.0f
#define THROW_TICKS      45u
#define FUSE_TICKS       120u
#define GRENADE_RADIUS_M 0.12f
#define GRENADE_MASS_KG  0.5f
#define BLAST_TICKS      15u
#define BLAST_RADIUS_M   8.0f
#define BLAST_DAMAGE     90.0f
#define BLAST_PUSH_MPS   9.0f
#define BLAST_LIFT       0.5f // upwards, as a share of the push
#define STAGGER_TICKS    25u
#define FOUND_COUNT_MAX  256u

void blast_throw(const struct state *state, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    uint64_t *times = state->times[player_index];
    uint32_t grenade;
    if (state->tick < times[WHEN_READY] || state->grenades[slot] == 0 ||
        state->memory->grenade_count == GRENADE_COUNT_MAX ||
        state->host->entity_spawn(state->world, KIND_GRENADE, state->position[slot], &grenade) !=
            MUSTER_OK) {
        return;
    }
    state->memory->grenade_count++;
    state->grenades[slot]--;
    times[WHEN_READY] = state->tick + THROW_TICKS;
    times[WHEN_FOUGHT] = state->tick;

    const float heading = state->heading[slot];
    const float level_mps = muster_cos(state->pitch[slot]) * THROW_MPS;
    const muster_vec3 velocity = {
        muster_cos(heading) * level_mps,
        muster_sin(heading) * level_mps,
        muster_sin(state->pitch[slot]) * THROW_MPS + THROW_LIFT_MPS,
    };
    state->velocity[grenade] = velocity;
    state->team[grenade] = state->team[slot];
    state->owner[grenade] = state->owner[slot];
    state->due[grenade] = (uint32_t)(state->tick + FUSE_TICKS);
    muster_body_def body = state->host->space->body_default_def();
    body.radius_m = GRENADE_RADIUS_M;
    body.mass_kg = GRENADE_MASS_KG;
    body.material = MATERIAL_LOOSE;
    body.category = CATEGORY_GRENADE;
    body.mask = CATEGORY_STATIC | CATEGORY_LOOSE; // it passes through people, its owner first
    state->host->space->body_add(state->world, grenade, &body);
}

// What clients see of it: a sensor that touches nothing.
static void show(const struct state *state, muster_vec3 centre)
{
    uint32_t slot;
    if (state->host->entity_spawn(state->world, KIND_BLAST, centre, &slot) != MUSTER_OK) {
        return;
    }
    state->due[slot] = (uint32_t)(state->tick + BLAST_TICKS);
    muster_body_def body = state->host->space->body_default_def();
    body.radius_m = BLAST_RADIUS_M;
    body.flags = MUSTER_BODY_SENSOR;
    body.category = CATEGORY_BLAST;
    body.mask = 0;
    state->host->space->body_add(state->world, slot, &body);
}

static void throw_over(const struct state *state, uint32_t slot, muster_vec3 way, float part)
{
    const bool is_loose = state->kind[slot] == KIND_LOOSE;
    const float mass_kg = is_loose ? LOOSE_MASS_KG : FIGHTER_MASS_KG;
    muster_vec3 push = muster_vec3_normalize(way);
    push.z += BLAST_LIFT;
    state->host->space->body_push(
        state->world, slot, muster_vec3_scale(push, part * BLAST_PUSH_MPS * mass_kg));
    const uint64_t steady_tick = state->tick + STAGGER_TICKS;
    if (state->kind[slot] == KIND_FIGHTER) {
        state->times[state->number[slot] - 1][WHEN_STEADY] = steady_tick;
    } else if (state->kind[slot] == KIND_GUARD) {
        state->memory->guards[state->number[slot] - 1].steady_tick = steady_tick;
    }
}

void blast_at(const struct state *state, muster_vec3 centre, uint32_t owner, uint32_t team)
{
    uint32_t slots[FOUND_COUNT_MAX];
    uint32_t count = 0;
    const muster_status status = state->host->space->overlap(state->world, centre, BLAST_RADIUS_M,
        CATEGORY_FIGHTER | CATEGORY_LOOSE, slots, FOUND_COUNT_MAX, &count);
    count = status == MUSTER_OK ? count : FOUND_COUNT_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = slots[i];
        const muster_vec3 way = muster_vec3_sub(state->position[slot], centre);
        const float part = 1.0f - muster_vec3_length(way) / BLAST_RADIUS_M;
        if (part <= 0.0f || !state_is_clear(state, centre, state->position[slot])) {
            continue;
        }
        if (state->kind[slot] != KIND_LOOSE) {
            (void)harm(state, slot, (uint32_t)(BLAST_DAMAGE * part), owner, team);
        }
        if (state->host->space->has_body(state->world, slot)) {
            throw_over(state, slot, way, part);
        }
    }
    show(state, centre);
}

void blast_fuse(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    if (!state_is_due(&state, slot)) {
        return;
    }
    const muster_vec3 centre = state.position[slot];
    const uint32_t owner = state.owner[slot];
    const uint32_t team = state.team[slot];
    host->entity_remove(world, slot);
    state.memory->grenade_count--;
    blast_at(&state, centre, owner, team);
}

void blast_fade(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    if (state_is_due(&state, slot)) {
        host->entity_remove(world, slot);
    }
}
