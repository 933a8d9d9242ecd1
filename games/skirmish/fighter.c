// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define WALK_MPS       4.0f
#define SPRINT_MPS     7.0f
#define WAY_TICKS      30u // a player who says nothing more stops after so long
#define AIM_TICKS      60u // a player who aims no more looks where it walks after so long
#define PARTY_SLACK    10u // a party stays together until its team is so much larger
#define STAMINA_SPENT  2u
#define STAMINA_RESTED 30u
#define RETRY_TICKS    60u
#define PACE_STILL_MPS 0.05f

// Teams.

static uint32_t smallest_team(const struct state *state)
{
    const uint32_t team_count = (uint32_t)state->host->option(state->world, OPTION_TEAMS);
    uint32_t smallest = 1;
    for (uint32_t team = 2; team <= team_count; team++) {
        if (state->memory->team_sizes[team] < state->memory->team_sizes[smallest]) {
            smallest = team;
        }
    }
    return smallest;
}

uint32_t fighter_party_mate(const struct state *state, uint32_t player_index)
{
    const muster_host *host = state->host;
    const uint64_t party_id = host->player(state->world, player_index)->party_id;
    if (party_id == 0) {
        return MUSTER_NONE;
    }
    uint32_t found = MUSTER_NONE;
    for (uint32_t i = host->player_next(state->world, 0); i != MUSTER_NONE;
         i = host->player_next(state->world, i + 1)) {
        const muster_player *other = host->player(state->world, i);
        const bool is_mate = i != player_index && other->party_id == party_id;
        if (!is_mate || other->entity_slot == MUSTER_NONE) {
            continue;
        }
        found = other->entity_slot;
        if (state_is_fighting(state, found)) {
            return found;
        }
    }
    return found;
}

// That of the party if it is not much larger than the smallest, else the smallest.
static uint32_t choose_team(const struct state *state, uint32_t player_index)
{
    const uint32_t smallest = smallest_team(state);
    const uint32_t mate = fighter_party_mate(state, player_index);
    if (mate == MUSTER_NONE) {
        return smallest;
    }
    const uint32_t *sizes = state->memory->team_sizes;
    const uint32_t team = state->team[mate];
    return sizes[team] <= sizes[smallest] + PARTY_SLACK ? team : smallest;
}

// Coming and going.

void fighter_add_body(const struct state *state, uint32_t slot)
{
    muster_body_def body = state->host->space->body_default_def();
    body.radius_m = FIGHTER_RADIUS_M;
    body.mass_kg = FIGHTER_MASS_KG;
    body.material = MATERIAL_FIGHTER;
    body.flags = state->kind[slot] == KIND_FIGHTER ? MUSTER_BODY_PLAYER : 0;
    body.category = CATEGORY_FIGHTER;
    body.mask = CATEGORY_STATIC | CATEGORY_FIGHTER | CATEGORY_LOOSE | CATEGORY_BULLET;
    state->host->space->body_add(state->world, slot, &body);
}

void fighter_equip(const struct state *state, uint32_t slot)
{
    state->health[slot] = HEALTH_MAX;
    state->armour[slot] = 0;
    state->ammo[slot] = AMMO_MAX;
    state->reserve[slot] = AMMO_MAX * 2;
    state->grenades[slot] = 1;
    state->stamina[slot] = STAMINA_MAX;
    state->look[slot] = LOOK_STANDING;
}

bool fighter_spawn(const struct state *state, uint32_t player_index)
{
    uint64_t *times = state->times[player_index];
    const muster_vec3 place = place_start(state, player_index, player_index, FIGHTER_RADIUS_M);
    uint32_t slot;
    if (state->host->entity_spawn(state->world, KIND_FIGHTER, place, &slot) != MUSTER_OK) {
        times[WHEN_RESPAWN] = state->tick + RETRY_TICKS;
        return false;
    }
    times[WHEN_RESPAWN] = 0;
    const uint32_t team = choose_team(state, player_index);
    state->memory->team_sizes[team]++;
    state->team[slot] = (uint16_t)team;
    state->number[slot] = (uint16_t)(player_index + 1);
    fighter_equip(state, slot);
    fighter_add_body(state, slot);
    state->host->player_set_entity(state->world, player_index, slot);
    return true;
}

void fighter_join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    const bool is_new = host->player_entity(world, player_index) == MUSTER_NONE;
    if (is_new) {
        (void)fighter_spawn(&state, player_index);
    }
    land_tell(&state, player_index);
}

void fighter_leave(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    const uint32_t slot = host->player_entity(world, player_index);
    camp_forget(&state, player_index);
    if (slot != MUSTER_NONE) {
        state.memory->team_sizes[state.team[slot]]--;
        host->entity_remove(world, slot);
    }
}

// Acting.

static void set_flag(const struct state *state, uint32_t player_index, uint32_t flag, bool is_set)
{
    const uint32_t others = state->flags[player_index] & ~flag;
    state->flags[player_index] = (uint8_t)(is_set ? others | flag : others);
}

static void move(const struct state *state, uint32_t player_index, const muster_value *values)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    uint64_t *times = state->times[player_index];
    float *way = state->way[player_index];
    way[0] = values[0].real;
    way[1] = 0.25f * (float)values[1].whole;
    set_flag(state, player_index, FLAG_SPRINT, values[2].whole != 0);
    if (values[1].whole == 0) {
        return;
    }
    times[WHEN_MOVED] = state->tick;
    if (times[WHEN_AIMED] == 0 || state->tick - times[WHEN_AIMED] > AIM_TICKS) {
        state->heading[slot] = muster_angle_wrap(way[0]);
        state->pitch[slot] = 0.0f;
    }
}

static void aim(const struct state *state, uint32_t player_index, const muster_value *values)
{
    const uint32_t slot = state->host->player_entity(state->world, player_index);
    state->heading[slot] = muster_angle_wrap(values[0].real);
    state->pitch[slot] = values[1].real;
    state->times[player_index][WHEN_AIMED] = state->tick;
}

static void choose_respawn(const struct state *state, uint32_t player_index, int32_t place)
{
    set_flag(state, player_index, FLAG_BESIDE_PARTY, place != 0);
}

static void act_alive(const struct state *state, const muster_action *action)
{
    const uint32_t player_index = action->player_index;
    switch ((enum action)action->action_index) {
    case ACTION_MOVE:
        move(state, player_index, action->values);
        break;
    case ACTION_AIM:
        aim(state, player_index, action->values);
        break;
    case ACTION_FIRE:
        weapon_fire(state, player_index);
        break;
    case ACTION_THROW:
        blast_throw(state, player_index);
        break;
    case ACTION_RELOAD:
        weapon_reload(state, player_index);
        break;
    case ACTION_TRADE:
        pickup_trade(state, player_index, LOOK_HEALTH + (enum look)action->values[0].whole);
        break;
    case ACTION_RESPAWN:
        break;
    }
}

void fighter_act(const muster_host *host, muster_world *world, const muster_action *action)
{
    const struct state state = state_of(host, world);
    if (action->action_index == ACTION_RESPAWN) {
        choose_respawn(&state, action->player_index, action->values[0].whole);
    } else if (state_is_fighting(&state, host->player_entity(world, action->player_index))) {
        act_alive(&state, action);
    }
}

// Walking.

void fighter_set_pace(const struct state *state, uint32_t slot, float heading, float speed_mps)
{
    muster_vec3 *velocity = &state->velocity[slot];
    if (speed_mps > 0.0f) {
        velocity->x = muster_cos(heading) * speed_mps;
        velocity->y = muster_sin(heading) * speed_mps;
        return;
    }
    // What hardly moves is left to friction, so that it can fall asleep.
    const float square = velocity->x * velocity->x + velocity->y * velocity->y;
    if (square > PACE_STILL_MPS * PACE_STILL_MPS) {
        velocity->x = 0.0f;
        velocity->y = 0.0f;
    }
}

static bool is_on_the_way(const struct state *state, uint32_t player_index)
{
    const uint64_t moved_tick = state->times[player_index][WHEN_MOVED];
    return moved_tick != 0 && state->tick - moved_tick <= WAY_TICKS &&
           state->way[player_index][1] > 0.0f;
}

void fighter_walk(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    const uint32_t slot = host->player_entity(world, player_index);
    if (!state_is_fighting(&state, slot)) {
        return;
    }
    const uint64_t *times = state.times[player_index];
    if (times[WHEN_RELOADED] != 0 && state.tick >= times[WHEN_RELOADED]) {
        weapon_finish_reload(&state, player_index);
    }
    if (state.tick < times[WHEN_STEADY]) {
        return;
    }
    const float *way = state.way[player_index];
    const uint32_t flags = state.flags[player_index];
    const bool is_moving = is_on_the_way(&state, player_index);
    const bool is_sprinting = is_moving && (flags & (FLAG_SPRINT | FLAG_TIRED)) == FLAG_SPRINT;
    const float full_mps = is_sprinting ? SPRINT_MPS : WALK_MPS;
    fighter_set_pace(&state, slot, way[0], is_moving ? way[1] * full_mps : 0.0f);
    if (times[WHEN_RELOADED] != 0) {
        state.look[slot] = LOOK_RELOADING;
    } else {
        state.look[slot] = is_sprinting ? LOOK_SPRINTING : is_moving ? LOOK_WALKING : LOOK_STANDING;
    }
    // The breath is spent by running, also while the magazine is filled.
    set_flag(&state, player_index, FLAG_RUNNING, is_sprinting);
}

void fighter_breathe(const muster_host *host, muster_world *world, uint32_t player_index)
{
    const struct state state = state_of(host, world);
    const uint32_t slot = host->player_entity(world, player_index);
    if (!state_is_fighting(&state, slot)) {
        return;
    }
    uint8_t *stamina = &state.stamina[slot];
    if ((state.flags[player_index] & FLAG_RUNNING) != 0) {
        *stamina = (uint8_t)(*stamina > STAMINA_SPENT ? *stamina - STAMINA_SPENT : 0);
        if (*stamina == 0) {
            set_flag(&state, player_index, FLAG_TIRED, true);
        }
    } else if (*stamina < STAMINA_MAX) {
        (*stamina)++;
        if (*stamina >= STAMINA_RESTED) {
            set_flag(&state, player_index, FLAG_TIRED, false);
        }
    }
}
