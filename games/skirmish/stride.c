// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// Guards walk straight to their goal. One that has come nowhere in a second goes another way for a
// moment, longer each time; after a few times it gives the goal up.

#define ARRIVED_M        0.7f
#define CHECK_TICKS      60u
#define CHECK_M          0.6f
#define DETOUR_MIN       0.7f  // radians off the straight way
#define DETOUR_MAX       3.14f // back the way it came, out of a corner
#define DETOUR_TICKS     40u
#define DETOUR_MORE      25u
#define DETOUR_COUNT_MAX 5u

static void begin_check(const struct state *state, struct guard *guard)
{
    guard->check_tick = state->tick + CHECK_TICKS;
    guard->check_at[0] = state->position[guard->slot].x;
    guard->check_at[1] = state->position[guard->slot].y;
}

static void begin_detour(const struct state *state, struct guard *guard, float heading)
{
    const uint64_t who = state->number[guard->slot];
    const float angle = state_random(state, who, PURPOSE_DETOUR, 0, DETOUR_MIN, DETOUR_MAX);
    const bool is_left = state_random(state, who, PURPOSE_DETOUR, 1, -1.0f, 1.0f) < 0.0f;
    guard->detour_count++;
    guard->detour_heading = muster_angle_wrap(heading + (is_left ? angle : -angle));
    guard->detour_tick = state->tick + DETOUR_TICKS + DETOUR_MORE * guard->detour_count;
    if (guard->detour_count > DETOUR_COUNT_MAX) {
        guard->detour_count = 0;
        guard_wander(state, guard);
    }
}

// Looks once a second whether it has come anywhere.
static void check(const struct state *state, struct guard *guard, float heading)
{
    if (guard->check_tick == 0) {
        begin_check(state, guard);
        return;
    }
    if (state->tick < guard->check_tick) {
        return;
    }
    const muster_vec3 then = {guard->check_at[0], guard->check_at[1], 0.0f};
    if (distance_flat(then, state->position[guard->slot]) < CHECK_M) {
        begin_detour(state, guard, heading);
    } else if (state->tick >= guard->detour_tick) {
        guard->detour_count = 0;
    }
    begin_check(state, guard);
}

static void stand(const struct state *state, struct guard *guard)
{
    guard->check_tick = 0;
    state->look[guard->slot] = LOOK_STANDING;
    fighter_set_pace(state, guard->slot, 0.0f, 0.0f);
}

void stride_walk(const muster_host *host, muster_world *world, uint32_t slot)
{
    const struct state state = state_of(host, world);
    struct guard *guard = &state.memory->guards[state.number[slot] - 1];
    if (state.tick < guard->steady_tick) {
        return;
    }
    const float way_x = guard->goal[0] - state.position[slot].x;
    const float way_y = guard->goal[1] - state.position[slot].y;
    const bool has_arrived = way_x * way_x + way_y * way_y < ARRIVED_M * ARRIVED_M;
    if (has_arrived || state.tick < guard->pause_tick) {
        stand(&state, guard);
        return;
    }
    float heading = muster_atan2(way_y, way_x);
    check(&state, guard, heading);
    heading = state.tick < guard->detour_tick ? guard->detour_heading : heading;
    if (guard->mood != MOOD_SHOOT) {
        state.heading[slot] = heading;
        state.pitch[slot] = 0.0f;
    }
    state.look[slot] = guard->mood == MOOD_PATROL ? LOOK_WALKING : LOOK_SPRINTING;
    fighter_set_pace(&state, slot, heading, guard->speed_mps);
}
