// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// A guard is in one of five moods. What each of them looks for is one function below, and every
// change goes through guard_set_mood(). docs/games/skirmish.md has the moods as a picture.

#define SIGHT_M       60.0f
#define SHOOT_M       30.0f
#define SHOOT_STOP_M  38.0f
#define LEASH_M       150.0f
#define LOST_TICKS    300u // without a sight of the target
#define AFRAID_HEALTH 30u
#define CALM_HEALTH   60u
#define CALM_TICKS    480u // since it was hit
#define PATROL_M      30.0f
#define ARRIVED_M     1.5f
#define PATROL_TICKS  1200u // for one leg at most
#define FLEE_M        50.0f
#define STRAFE_M      4.0f
#define STRAFE_TICKS  90u
#define FIRE_TICKS    45u
#define AIM_ERROR     0.03f     // radians
#define DROP_PER_M    0.000405f // radians that a bullet falls behind for a metre: g / (2 v^2)
#define PATROL_MPS    2.0f
#define CHASE_MPS     4.5f
#define SHOOT_MPS     2.0f
#define FLEE_MPS      5.5f

static uint32_t index_of(const struct state *state, const struct guard *guard)
{
    return (uint32_t)(guard - state->memory->guards);
}

static struct camp *camp_of(const struct state *state, const struct guard *guard)
{
    return &state->memory->camps[index_of(state, guard) / CAMP_SIZE];
}

static muster_vec3 camp_place(const struct state *state, const struct guard *guard)
{
    const struct camp *camp = camp_of(state, guard);
    const muster_vec3 place = {camp->at[0], camp->at[1], 0.0f};
    return place;
}

static void go_to(struct guard *guard, float x, float y)
{
    const float edge_m = WORLD_HALF_SIDE_M - 20.0f;
    guard->goal[0] = muster_clamp(x, -edge_m, edge_m);
    guard->goal[1] = muster_clamp(y, -edge_m, edge_m);
}

void guard_wander(const struct state *state, struct guard *guard)
{
    const struct camp *camp = camp_of(state, guard);
    const uint64_t who = index_of(state, guard);
    go_to(guard, camp->at[0] + state_random(state, who, PURPOSE_PATROL, 0, -PATROL_M, PATROL_M),
        camp->at[1] + state_random(state, who, PURPOSE_PATROL, 1, -PATROL_M, PATROL_M));
    guard->leg_tick = state->tick;
}

void guard_set_mood(const struct state *state, struct guard *guard, enum mood mood)
{
    static const float speeds_mps[MOOD_COUNT] = {
        [MOOD_PATROL] = PATROL_MPS,
        [MOOD_CHASE] = CHASE_MPS,
        [MOOD_SHOOT] = SHOOT_MPS,
        [MOOD_FLEE] = FLEE_MPS,
    };
    guard->mood = (uint16_t)mood;
    guard->mood_tick = state->tick;
    guard->speed_mps = speeds_mps[mood];
    guard->pause_tick = 0;
    if (mood == MOOD_PATROL) {
        guard->target = MUSTER_NONE;
        guard_wander(state, guard);
    }
}

// Seeing.

static uint32_t target_slot(const struct state *state, const struct guard *guard)
{
    return guard->target != MUSTER_NONE ? state->host->player_entity(state->world, guard->target)
                                        : MUSTER_NONE;
}

static bool can_see(const struct state *state, const struct guard *guard, uint32_t slot)
{
    const muster_vec3 way = muster_vec3_sub(state->position[slot], state->position[guard->slot]);
    return muster_vec3_dot(way, way) <= SIGHT_M * SIGHT_M &&
           state_is_clear(state, state->position[guard->slot], state->position[slot]);
}

// The nearest of the camp's guests that it can see, MUSTER_NONE if there is none.
static uint32_t find_target(const struct state *state, const struct guard *guard)
{
    const struct camp *camp = camp_of(state, guard);
    uint32_t nearest = MUSTER_NONE;
    float nearest_m = SIGHT_M;
    for (uint32_t i = 0; i < camp->guest_count; i++) {
        const uint32_t slot = state->host->player_entity(state->world, camp->guests[i]);
        if (!state_is_fighting(state, slot)) {
            continue;
        }
        const float distance_m = distance_flat(state->position[slot], state->position[guard->slot]);
        if (distance_m < nearest_m && can_see(state, guard, slot)) {
            nearest = camp->guests[i];
            nearest_m = distance_m;
        }
    }
    return nearest;
}

static void begin_chase(const struct state *state, struct guard *guard, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    guard->target = player_index;
    guard->seen_tick = state->tick;
    go_to(guard, state->position[slot].x, state->position[slot].y);
    guard_set_mood(state, guard, MOOD_CHASE);
}

// The moods.

static void patrol(const struct state *state, struct guard *guard)
{
    const uint32_t player_index = find_target(state, guard);
    if (player_index != MUSTER_NONE) {
        begin_chase(state, guard, player_index);
        return;
    }
    uint8_t *health = &state->health[guard->slot];
    *health = (uint8_t)(*health + (*health < HEALTH_MAX ? 1 : 0));
    const muster_vec3 goal = {guard->goal[0], guard->goal[1], 0.0f};
    const bool has_arrived = distance_flat(goal, state->position[guard->slot]) < ARRIVED_M;
    if (has_arrived || state->tick - guard->leg_tick > PATROL_TICKS) {
        const uint64_t who = index_of(state, guard);
        const float pause_ticks = state_random(state, who, PURPOSE_PATROL, 2, 60.0f, 240.0f);
        guard_wander(state, guard);
        guard->pause_tick = state->tick + (uint64_t)pause_ticks;
    }
}

static void chase(const struct state *state, struct guard *guard)
{
    const uint32_t slot = target_slot(state, guard);
    const muster_vec3 here = state->position[guard->slot];
    if (!state_is_fighting(state, slot) ||
        distance_flat(here, camp_place(state, guard)) > LEASH_M) {
        guard_set_mood(state, guard, MOOD_PATROL);
        return;
    }
    if (!can_see(state, guard, slot)) {
        if (state->tick - guard->seen_tick > LOST_TICKS) {
            guard_set_mood(state, guard, MOOD_PATROL);
        }
        return;
    }
    guard->seen_tick = state->tick;
    go_to(guard, state->position[slot].x, state->position[slot].y);
    if (distance_flat(here, state->position[slot]) <= SHOOT_M) {
        guard_set_mood(state, guard, MOOD_SHOOT);
        guard->leg_tick = 0;
    }
}

static void shoot_at(const struct state *state, struct guard *guard, uint32_t slot)
{
    const muster_vec3 way = muster_vec3_sub(state->position[slot], state->position[guard->slot]);
    const muster_vec3 level = {way.x, way.y, 0.0f};
    const float distance_m = muster_vec3_length(level);
    const float heading = muster_atan2(way.y, way.x);
    const float pitch = muster_atan2(way.z, distance_m) + distance_m * DROP_PER_M;
    state->heading[guard->slot] = heading;
    state->pitch[guard->slot] = pitch;
    if (state->tick < guard->ready_tick) {
        return;
    }
    const uint64_t who = index_of(state, guard);
    const float error = state_random(state, who, PURPOSE_AIM, 0, -AIM_ERROR, AIM_ERROR);
    const float error_up = state_random(state, who, PURPOSE_AIM, 1, -AIM_ERROR, AIM_ERROR);
    (void)weapon_shoot(state, guard->slot, heading + error, pitch + error_up);
    guard->ready_tick = state->tick + FIRE_TICKS;
}

// Sideways, now to one side and now to the other, so that it is harder to hit.
static void strafe(const struct state *state, struct guard *guard)
{
    if (guard->leg_tick != 0 && state->tick - guard->leg_tick < STRAFE_TICKS) {
        return;
    }
    guard->leg_tick = state->tick;
    const uint64_t who = index_of(state, guard);
    const float side = state_random(state, who, PURPOSE_STRAFE, 0, -1.0f, 1.0f) < 0.0f ? -1 : 1;
    const float heading = state->heading[guard->slot] + side * 0.5f * MUSTER_PI;
    const muster_vec3 here = state->position[guard->slot];
    go_to(guard, here.x + muster_cos(heading) * STRAFE_M, here.y + muster_sin(heading) * STRAFE_M);
}

static void shoot(const struct state *state, struct guard *guard)
{
    const uint32_t slot = target_slot(state, guard);
    if (!state_is_fighting(state, slot)) {
        guard_set_mood(state, guard, MOOD_PATROL);
        return;
    }
    const float distance_m = distance_flat(state->position[slot], state->position[guard->slot]);
    if (distance_m > SHOOT_STOP_M || !can_see(state, guard, slot)) {
        guard_set_mood(state, guard, MOOD_CHASE);
        return;
    }
    guard->seen_tick = state->tick;
    shoot_at(state, guard, slot);
    strafe(state, guard);
}

static void flee(const struct state *state, struct guard *guard)
{
    if (state->tick - guard->hurt_tick > CALM_TICKS) {
        uint8_t *health = &state->health[guard->slot];
        *health = (uint8_t)(*health < CALM_HEALTH ? CALM_HEALTH : *health);
        guard_set_mood(state, guard, MOOD_PATROL);
        return;
    }
    const muster_vec3 goal = {guard->goal[0], guard->goal[1], 0.0f};
    if (distance_flat(goal, state->position[guard->slot]) < ARRIVED_M) {
        guard_wander(state, guard);
    }
}

static void think(const struct state *state, struct guard *guard)
{
    switch ((enum mood)guard->mood) {
    case MOOD_PATROL:
        patrol(state, guard);
        break;
    case MOOD_CHASE:
        chase(state, guard);
        break;
    case MOOD_SHOOT:
        shoot(state, guard);
        break;
    case MOOD_FLEE:
        flee(state, guard);
        break;
    case MOOD_DEAD:
    case MOOD_COUNT:
        break;
    }
}

// Guards of a camp that is awake think often, and those that are after somebody; others rarely.
static void think_if(const struct state *state, uint32_t slot, bool is_near)
{
    const uint32_t index = state->number[slot] - 1u;
    struct guard *guard = &state->memory->guards[index];
    const bool is_awake = guard->mood != MOOD_PATROL || camp_is_awake(state, index / CAMP_SIZE);
    if (is_awake == is_near) {
        think(state, guard);
    }
}

void guard_think_near(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    think_if(&state, slot, true);
}

void guard_think_far(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    think_if(&state, slot, false);
}

// Being hit.

static void run_away(const struct state *state, struct guard *guard, uint32_t attacker)
{
    const muster_vec3 here = state->position[guard->slot];
    const muster_vec3 from =
        attacker != MUSTER_NONE ? state->position[attacker] : camp_place(state, guard);
    const float heading = muster_atan2(here.y - from.y, here.x - from.x);
    go_to(guard, here.x + muster_cos(heading) * FLEE_M, here.y + muster_sin(heading) * FLEE_M);
    guard_set_mood(state, guard, MOOD_FLEE);
}

// Whoever of the camp is on patrol goes for the attacker.
static void raise_alarm(const struct state *state, const struct guard *hurt, uint32_t player_index)
{
    camp_of(state, hurt)->awake_tick = state->tick;
    const uint32_t first = index_of(state, hurt) / CAMP_SIZE * CAMP_SIZE;
    for (uint32_t i = first; i < first + CAMP_SIZE; i++) {
        struct guard *guard = &state->memory->guards[i];
        if (guard->mood == MOOD_PATROL) {
            begin_chase(state, guard, player_index);
        }
    }
}

void guard_hurt(const struct state *state, uint32_t slot, uint32_t owner)
{
    struct guard *guard = &state->memory->guards[state->number[slot] - 1];
    guard->hurt_tick = state->tick;
    const uint32_t attacker =
        owner != 0 ? state->host->player_entity(state->world, owner - 1) : MUSTER_NONE;
    if (state->health[slot] < AFRAID_HEALTH) {
        run_away(state, guard, attacker);
    }
    if (state_is_fighting(state, attacker)) {
        raise_alarm(state, guard, owner - 1);
    }
}
