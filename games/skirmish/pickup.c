// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define REACH_M      1.5f
#define LIE_M        0.5f // above the ground
#define RETURN_TICKS 1200u
#define BASE_REACH_M 30.0f
#define PRICE        5u
#define HEALTH_GIVEN 40u
#define AMMO_GIVEN   30u
#define ARMOUR_GIVEN 50u
#define ARMOUR_MAX   100u
#define TAKER_COUNT  8u

static uint8_t filled(uint32_t have, uint32_t given, uint32_t max)
{
    return (uint8_t)(have + given < max ? have + given : max);
}

// @return false if the fighter has enough of it
static bool give(const struct state *state, uint32_t slot, enum look what)
{
    switch (what) {
    case LOOK_HEALTH:
        if (state->health[slot] == HEALTH_MAX) {
            return false;
        }
        state->health[slot] = filled(state->health[slot], HEALTH_GIVEN, HEALTH_MAX);
        return true;
    case LOOK_AMMO:
        if (state->reserve[slot] == RESERVE_MAX && state->grenades[slot] == GRENADES_MAX) {
            return false;
        }
        state->reserve[slot] = filled(state->reserve[slot], AMMO_GIVEN, RESERVE_MAX);
        state->grenades[slot] = filled(state->grenades[slot], 1, GRENADES_MAX);
        return true;
    case LOOK_ARMOUR:
        if (state->armour[slot] == ARMOUR_MAX) {
            return false;
        }
        state->armour[slot] = filled(state->armour[slot], ARMOUR_GIVEN, ARMOUR_MAX);
        return true;
    default:
        return false;
    }
}

static enum look look_of(const struct state *state, uint32_t slot)
{
    return LOOK_HEALTH + (enum look)(state->number[slot] % 3);
}

// A fifth lies in the battle square, a fifth in the town, some at each base, the rest anywhere.
static muster_vec3 place_of(const struct state *state, uint32_t number)
{
    const muster_vec3 origin = {0.0f, 0.0f, 0.0f};
    if (number < PICKUP_COUNT / 5) {
        return place_near(state, number, place_battle(), BATTLE_HALF_SIDE_M, LIE_M);
    }
    if (number < 2 * PICKUP_COUNT / 5) {
        return place_near(state, number, origin, 150.0f, LIE_M);
    }
    if (number < 3 * PICKUP_COUNT / 5) {
        const muster_vec3 base = place_base(1 + number % TEAM_COUNT_MAX, origin);
        return place_near(state, number, base, 40.0f, LIE_M);
    }
    return place_near(state, number, origin, 0.9f * WORLD_HALF_SIDE_M, LIE_M);
}

void pickup_start(const struct state *state)
{
    for (uint32_t i = 0; i < PICKUP_COUNT; i++) {
        uint32_t slot;
        const muster_vec3 place = place_of(state, i);
        if (state->host->entity_spawn(state->world, KIND_PICKUP, place, &slot) == MUSTER_OK) {
            state->number[slot] = (uint16_t)i;
            state->look[slot] = (uint8_t)look_of(state, slot);
        }
    }
}

static bool offer_to(const struct state *state, uint32_t slot, uint32_t taker)
{
    return state->kind[taker] == KIND_FIGHTER && state_is_fighting(state, taker) &&
           give(state, taker, look_of(state, slot));
}

void pickup_offer(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    if (state.look[slot] == LOOK_TAKEN) {
        state.look[slot] = state_is_due(&state, slot) ? (uint8_t)look_of(&state, slot) : LOOK_TAKEN;
        return;
    }
    uint32_t takers[TAKER_COUNT];
    uint32_t count = 0;
    const muster_status status = host->space->overlap(
        world, state.position[slot], REACH_M, CATEGORY_FIGHTER, takers, TAKER_COUNT, &count);
    count = status == MUSTER_OK ? count : TAKER_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        if (offer_to(&state, slot, takers[i])) {
            state.look[slot] = LOOK_TAKEN;
            state.due[slot] = (uint32_t)(state.tick + RETURN_TICKS);
            return;
        }
    }
}

void pickup_trade(const struct state *state, uint32_t player_index, enum look what)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    const muster_vec3 base = place_base(state->team[slot], state->position[slot]);
    if (distance_flat(base, state->position[slot]) > BASE_REACH_M) {
        return;
    }
    state->times[player_index][WHEN_TRADED] = state->tick;
    if (state->score[slot] >= PRICE && give(state, slot, what)) {
        state->score[slot] = (uint16_t)(state->score[slot] - PRICE);
    }
}
