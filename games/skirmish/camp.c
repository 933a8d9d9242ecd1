// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// Camps lie on a grid, each somewhere around its square, and not where players begin or fight. A
// camp with players near is awake: its guards think often.

#define GRID_SIDE    8u
#define GRID_STRIDE  37u // odd: visits every square of the grid once
#define SQUARE_M     440.0f
#define JITTER_M     100.0f // of the first try; each further one looks as much further
#define TRY_COUNT    16u
#define QUIET_M      300.0f // from the battle square, the town and bases
#define NOTICE_M     130.0f
#define FORGET_M     150.0f
#define EDGE_M       1850.0f
#define AWAKE_TICKS  90u
#define RETURN_TICKS 1200u
#define SPREAD_M     10.0f

static bool is_quiet(float x, float y)
{
    const muster_vec3 place = {x, y, 0.0f};
    const muster_vec3 origin = {0.0f, 0.0f, 0.0f};
    bool is_far = distance_flat(place, place_battle()) > QUIET_M;
    is_far = is_far && distance_flat(place, origin) > QUIET_M;
    for (uint32_t team = 1; team <= TEAM_COUNT_MAX; team++) {
        is_far = is_far && distance_flat(place, place_base(team, place)) > QUIET_M;
    }
    return is_far;
}

static float jitter(uint32_t land, uint32_t camp, uint32_t index)
{
    const struct land_use use = {PURPOSE_CAMP, camp, 0, index};
    return land_draw(land, use, -JITTER_M, JITTER_M);
}

muster_vec3 camp_centre(uint32_t land, uint32_t camp)
{
    const uint32_t square = camp * GRID_STRIDE % (GRID_SIDE * GRID_SIDE);
    const float middle = 0.5f * (float)(GRID_SIDE - 1);
    const float square_x = ((float)(square % GRID_SIDE) - middle) * SQUARE_M;
    const float square_y = ((float)(square / GRID_SIDE) - middle) * SQUARE_M;
    muster_vec3 place = {square_x, square_y, 0.0f};
    for (uint32_t i = 0; i < TRY_COUNT; i++) {
        const float reach = (float)(i + 1);
        const float x = square_x + reach * jitter(land, camp, 2 * i);
        const float y = square_y + reach * jitter(land, camp, 2 * i + 1);
        place.x = muster_clamp(x, -EDGE_M, EDGE_M);
        place.y = muster_clamp(y, -EDGE_M, EDGE_M);
        if (is_quiet(place.x, place.y)) {
            break;
        }
    }
    place.z = ground_height_m(land, place.x, place.y);
    return place;
}

bool camp_is_awake(const struct state *state, uint32_t camp)
{
    const uint64_t awake_tick = state->memory->camps[camp].awake_tick;
    return awake_tick != 0 && state->tick - awake_tick <= AWAKE_TICKS;
}

// Guards.

void camp_place_guard(const struct state *state, uint32_t index)
{
    struct guard *guard = &state->memory->guards[index];
    const struct camp *camp = &state->memory->camps[index / CAMP_SIZE];
    const muster_vec3 centre = {camp->at[0], camp->at[1], 0.0f};
    const muster_vec3 place =
        place_near(state, PLAYER_COUNT_MAX + index, centre, SPREAD_M, FIGHTER_RADIUS_M);
    uint32_t slot;
    *guard = (struct guard){.slot = MUSTER_NONE, .target = MUSTER_NONE};
    if (state->host->entity_spawn(state->world, KIND_GUARD, place, &slot) != MUSTER_OK) {
        guard_set_mood(state, guard, MOOD_DEAD); // until there is room
        return;
    }
    guard->slot = slot;
    guard->goal[0] = place.x;
    guard->goal[1] = place.y;
    state->team[slot] = TEAM_CAMP;
    state->number[slot] = (uint16_t)(index + 1);
    fighter_equip(state, slot);
    fighter_add_body(state, slot);
    guard_set_mood(state, guard, MOOD_PATROL);
}

void camp_start(const struct state *state)
{
    struct memory *memory = state->memory;
    memory->camp_count = (uint32_t)state->host->option(state->world, OPTION_CAMPS);
    for (uint32_t i = 0; i < memory->camp_count; i++) {
        const muster_vec3 centre = camp_centre(memory->land, i);
        memory->camps[i].at[0] = centre.x;
        memory->camps[i].at[1] = centre.y;
        for (uint32_t k = 0; k < CAMP_SIZE; k++) {
            camp_place_guard(state, i * CAMP_SIZE + k);
        }
    }
}

// Guests: players that are near.

static muster_vec3 centre_of(const struct camp *camp)
{
    const muster_vec3 centre = {camp->at[0], camp->at[1], 0.0f};
    return centre;
}

static void add_guest(struct camp *camp, uint32_t player_index)
{
    for (uint32_t i = 0; i < camp->guest_count; i++) {
        if (camp->guests[i] == player_index) {
            return;
        }
    }
    if (camp->guest_count < CAMP_GUEST_COUNT) {
        camp->guests[camp->guest_count] = player_index;
        camp->guest_count++;
    }
}

void camp_notice(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    const uint32_t slot = host->player_entity(world, player_index);
    if (!state_is_fighting(&state, slot)) {
        return;
    }
    for (uint32_t i = 0; i < state.memory->camp_count; i++) {
        struct camp *camp = &state.memory->camps[i];
        if (distance_flat(state.position[slot], centre_of(camp)) < NOTICE_M) {
            camp->awake_tick = state.tick;
            add_guest(camp, player_index);
        }
    }
}

static bool is_guest_here(const struct state *state, const struct camp *camp, uint32_t player_index)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    return state_is_fighting(state, slot) &&
           distance_flat(state->position[slot], centre_of(camp)) < FORGET_M;
}

static void keep_guests(const struct state *state, struct camp *camp)
{
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < camp->guest_count; i++) {
        if (is_guest_here(state, camp, camp->guests[i])) {
            camp->guests[kept_count] = camp->guests[i];
            kept_count++;
        }
    }
    camp->guest_count = kept_count;
}

void camp_keep(const muster_host *host, muster_world *world, uint32_t index)
{
    (void)index;
    const struct state state = state_of(host, world);
    struct memory *memory = state.memory;
    for (uint32_t i = 0; i < memory->camp_count; i++) {
        keep_guests(&state, &memory->camps[i]);
    }
    for (uint32_t i = 0; i < memory->camp_count * CAMP_SIZE; i++) {
        const struct guard *guard = &memory->guards[i];
        if (guard->mood == MOOD_DEAD && state.tick - guard->mood_tick >= RETURN_TICKS) {
            camp_place_guard(&state, i);
        }
    }
}

// Another player may come to the index in the same frame.
void camp_forget(const struct state *state, uint32_t player_index)
{
    struct memory *memory = state->memory;
    for (uint32_t i = 0; i < memory->camp_count; i++) {
        struct camp *camp = &memory->camps[i];
        for (uint32_t k = 0; k < camp->guest_count; k++) {
            if (camp->guests[k] == player_index) {
                camp->guest_count--;
                camp->guests[k] = camp->guests[camp->guest_count];
            }
        }
    }
    for (uint32_t i = 0; i < memory->camp_count * CAMP_SIZE; i++) {
        if (memory->guards[i].target == player_index) {
            memory->guards[i].target = MUSTER_NONE;
        }
    }
}
