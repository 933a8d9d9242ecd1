// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define BULLET_MPS      110.0f
#define BULLET_RADIUS_M 0.06f
#define BULLET_MASS_KG  0.02f
#define BULLET_TICKS    90u
#define FIRE_TICKS      24u
#define RELOAD_TICKS    90u
#define DAMAGE          20u
#define DAMAGE_OF_GUARD 8u

// A bullet starts in the middle of whoever fires it. It moves away from there at once, so it never
// meets its owner, and there is no muzzle that could be behind a wall.
bool weapon_shoot(const struct state *state, uint32_t slot, float heading, float pitch)
{
    uint32_t bullet;
    if (state->memory->bullet_count == BULLET_COUNT_MAX ||
        state->host->entity_spawn(state->world, KIND_BULLET, state->position[slot], &bullet) !=
            MUSTER_OK) {
        return false;
    }
    const float level_mps = muster_cos(pitch) * BULLET_MPS;
    const muster_vec3 velocity = {
        muster_cos(heading) * level_mps,
        muster_sin(heading) * level_mps,
        muster_sin(pitch) * BULLET_MPS,
    };
    state->memory->bullet_count++;
    state->velocity[bullet] = velocity;
    state->heading[bullet] = heading;
    state->team[bullet] = state->team[slot];
    state->owner[bullet] = state->owner[slot];
    state->due[bullet] = (uint32_t)(state->tick + BULLET_TICKS);
    muster_body_def body = state->host->space->body_default_def();
    body.radius_m = BULLET_RADIUS_M;
    body.mass_kg = BULLET_MASS_KG;
    body.material = MATERIAL_BULLET;
    body.flags = MUSTER_BODY_BULLET;
    body.category = CATEGORY_BULLET;
    body.mask = CATEGORY_STATIC | CATEGORY_FIGHTER | CATEGORY_LOOSE;
    state->host->space->body_add(state->world, bullet, &body);
    return true;
}

void weapon_reload(const struct state *state, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    uint64_t *times = state->times[player_index];
    if (times[WHEN_RELOADED] == 0 && state->ammo[slot] < AMMO_MAX && state->reserve[slot] > 0) {
        times[WHEN_RELOADED] = state->tick + RELOAD_TICKS;
    }
}

void weapon_finish_reload(const struct state *state, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    const uint32_t room = AMMO_MAX - state->ammo[slot];
    const uint32_t moved = state->reserve[slot] < room ? state->reserve[slot] : room;
    state->ammo[slot] = (uint8_t)(state->ammo[slot] + moved);
    state->reserve[slot] = (uint8_t)(state->reserve[slot] - moved);
    state->times[player_index][WHEN_RELOADED] = 0;
}

void weapon_fire(const struct state *state, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    uint64_t *times = state->times[player_index];
    if (state->tick < times[WHEN_READY] || times[WHEN_RELOADED] != 0 || state->ammo[slot] == 0 ||
        !weapon_shoot(state, slot, state->heading[slot], state->pitch[slot])) {
        return;
    }
    state->ammo[slot]--;
    times[WHEN_READY] = state->tick + FIRE_TICKS;
    times[WHEN_FOUGHT] = state->tick;
    if (state->ammo[slot] == 0) {
        weapon_reload(state, player_index);
    }
}

static void remove_bullet(const struct state *state, uint32_t slot)
{
    state->host->entity_remove(state->world, slot);
    state->memory->bullet_count--;
}

static void strike(const struct state *state, const muster_space_hit *hit)
{
    if (!state->host->entity_is_alive(state->world, hit->slot) ||
        state->kind[hit->slot] != KIND_BULLET) {
        return;
    }
    const uint32_t team = state->team[hit->slot];
    if (hit->kind == MUSTER_SPACE_BODY && state_is_fighting(state, hit->index)) {
        (void)harm(state, hit->index, team == TEAM_CAMP ? DAMAGE_OF_GUARD : DAMAGE,
            state->owner[hit->slot], team);
    }
    remove_bullet(state, hit->slot);
}

void weapon_impacts(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    const struct state state = state_of(host, world);
    uint32_t hit_count;
    const muster_space_hit *hits = host->space->hits(world, &hit_count);
    for (uint32_t i = 0; i < hit_count; i++) {
        strike(&state, &hits[i]);
    }
}

void weapon_expire(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    if (state_is_due(&state, slot)) {
        remove_bullet(&state, slot);
    }
}
