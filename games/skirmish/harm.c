// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define RESPAWN_TICKS  300u
#define BASE_SPREAD_M  25.0f
#define PARTY_SPREAD_M 6.0f
#define REWARD_FIGHTER 10u
#define REWARD_GUARD   5u
#define SCORE_MAX      65535u

void harm_reward(const struct state *state, uint32_t player_index, uint32_t points)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    if (slot != MUSTER_NONE) {
        const uint32_t score = state->score[slot] + points;
        state->score[slot] = (uint16_t)(score < SCORE_MAX ? score : SCORE_MAX);
    }
}

// The fighter stays where it fell, without a body, until it comes back.
static void fell_fighter(const struct state *state, uint32_t slot, uint32_t owner)
{
    const uint32_t player_index = state->number[slot] - 1u;
    (void)state->host->space->body_remove(state->world, slot);
    state->velocity[slot] = (muster_vec3){0};
    state->look[slot] = LOOK_DEAD;
    state->times[player_index][WHEN_RESPAWN] = state->tick + RESPAWN_TICKS;
    state->times[player_index][WHEN_RELOADED] = 0;
    chat_tell_kill(state, owner, player_index + 1);
}

static void fell_guard(const struct state *state, uint32_t slot)
{
    struct guard *guard = &state->memory->guards[state->number[slot] - 1];
    state->host->entity_remove(state->world, slot);
    guard->slot = MUSTER_NONE;
    guard_set_mood(state, guard, MOOD_DEAD);
}

static void fell(const struct state *state, uint32_t slot, uint32_t owner)
{
    const bool is_fighter = state->kind[slot] == KIND_FIGHTER;
    if (owner != 0) {
        harm_reward(state, owner - 1, is_fighter ? REWARD_FIGHTER : REWARD_GUARD);
    }
    if (is_fighter) {
        fell_fighter(state, slot, owner);
    } else {
        fell_guard(state, slot);
    }
}

static void note_fight(const struct state *state, uint32_t slot, uint32_t owner)
{
    if (state->kind[slot] == KIND_FIGHTER) {
        state->times[state->number[slot] - 1][WHEN_FOUGHT] = state->tick;
    }
    if (owner == 0) {
        return;
    }
    state->times[owner - 1][WHEN_FOUGHT] = state->tick;
    const uint32_t attacker = state->host->player_entity(state->world, owner - 1);
    if (attacker != MUSTER_NONE) {
        state->marker[attacker][0] = state->position[slot].x;
        state->marker[attacker][1] = state->position[slot].y;
    }
}

bool harm(const struct state *state, uint32_t slot, uint32_t damage, uint32_t owner, uint32_t team)
{
    if (!state_is_fighting(state, slot) || state->team[slot] == team || damage == 0) {
        return false;
    }
    const uint32_t half = damage / 2;
    const uint32_t absorbed = state->armour[slot] < half ? state->armour[slot] : half;
    const uint32_t wound = damage - absorbed;
    const uint32_t health = state->health[slot];
    state->armour[slot] = (uint8_t)(state->armour[slot] - absorbed);
    state->health[slot] = (uint8_t)(wound < health ? health - wound : 0);
    note_fight(state, slot, owner);
    if (state->health[slot] == 0) {
        fell(state, slot, owner);
    } else if (state->kind[slot] == KIND_GUARD) {
        guard_hurt(state, slot, owner);
    }
    return true;
}

// Coming back.

static muster_vec3 respawn_place(const struct state *state, uint32_t player_index, uint32_t slot)
{
    if ((state->flags[player_index] & FLAG_BESIDE_PARTY) != 0) {
        const uint32_t mate = fighter_party_mate(state, player_index);
        if (mate != MUSTER_NONE && state_is_fighting(state, mate) &&
            state->team[mate] == state->team[slot]) {
            return place_near(
                state, player_index, state->position[mate], PARTY_SPREAD_M, FIGHTER_RADIUS_M);
        }
    }
    const muster_vec3 base = place_base(state->team[slot], state->position[slot]);
    return place_near(state, player_index, base, BASE_SPREAD_M, FIGHTER_RADIUS_M);
}

void harm_respawn(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    uint64_t *times = state.times[player_index];
    if (times[WHEN_RESPAWN] == 0 || state.tick < times[WHEN_RESPAWN]) {
        return;
    }
    const uint32_t slot = host->player_entity(world, player_index);
    if (slot == MUSTER_NONE) {
        (void)fighter_spawn(&state, player_index); // there was no room when it joined
        return;
    }
    times[WHEN_RESPAWN] = 0;
    state.position[slot] = respawn_place(&state, player_index, slot);
    state.velocity[slot] = (muster_vec3){0};
    fighter_equip(&state, slot);
    fighter_add_body(&state, slot);
}
