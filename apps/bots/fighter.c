// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/brain.h"

// Looks about every 60 ticks for the nearest enemy. With one in sight it aims at where it sees it
// and fires; without, it wanders around where it first was. It moves in every tick, as a player
// with a stick does.

#define LOOK_TICKS   60u
#define DECIDE_TICKS 120u
#define FIRE_TICKS   20u
#define ASK_TICKS    30u
#define SIGHT_M      80.0f
#define ROAM_M       60.0f
#define KIND_FIGHTER 1u
#define KIND_GUARD   2u
#define LOOK_DEAD    4.0f
#define DROP_PER_M   0.0004f
#define SPEED_STEPS  4

enum { DRAW_HEADING = 11, DRAW_PACE = 12, DRAW_SPRINT = 13, DRAW_SPREAD = 14 };

bool fighter_init(struct fighter *fighter, const muster_client *client)
{
    *fighter = (struct fighter){
        .move = muster_client_find_action(client, "move"),
        .aim = muster_client_find_action(client, "aim"),
        .fire = muster_client_find_action(client, "fire"),
        .reload = muster_client_find_action(client, "reload"),
        .respawn = muster_client_find_action(client, "respawn"),
        .position = muster_client_find_field(client, "position"),
        .health = muster_client_find_field(client, "health"),
        .team = muster_client_find_field(client, "team"),
        .look = muster_client_find_field(client, "look"),
        .ammo = muster_client_find_field(client, "ammo"),
        .own_index = MUSTER_NONE,
        .target_index = MUSTER_NONE,
    };
    return fighter->move != MUSTER_NONE && fighter->aim != MUSTER_NONE &&
           fighter->fire != MUSTER_NONE && fighter->position != MUSTER_NONE;
}

// A field's first number, or what to think if it is not known.
static float number_of(
    const muster_replica_view *view, uint32_t index, uint32_t field_index, float otherwise)
{
    float numbers[MUSTER_REPLICA_LANE_COUNT_MAX];
    if (field_index == MUSTER_NONE ||
        !muster_replica_view_numbers(view, index, field_index, numbers)) {
        return otherwise;
    }
    return numbers[0];
}

static bool place_of(
    const muster_replica_view *view, uint32_t index, uint32_t field_index, muster_vec3 *out_place)
{
    float numbers[MUSTER_REPLICA_LANE_COUNT_MAX];
    if (!muster_replica_view_numbers(view, index, field_index, numbers)) {
        return false;
    }
    *out_place = (muster_vec3){numbers[0], numbers[1], numbers[2]};
    return true;
}

static bool is_person(const muster_replica_entity *entity)
{
    return entity->kind == KIND_FIGHTER || entity->kind == KIND_GUARD;
}

static bool is_enemy(
    const struct fighter *fighter, const muster_replica_view *view, uint32_t index, float own_team)
{
    return number_of(view, index, fighter->team, own_team) != own_team &&
           number_of(view, index, fighter->look, 0.0f) != LOOK_DEAD;
}

static void look_about(struct brain *brain, const muster_replica_view *view)
{
    struct fighter *fighter = &brain->fighter;
    const float own_team = number_of(view, fighter->own_index, fighter->team, 0.0f);
    float nearest_m = SIGHT_M;
    fighter->target_index = MUSTER_NONE;
    const uint32_t index_end = muster_replica_view_index_end(view);
    for (uint32_t i = 0; i < index_end; i++) {
        muster_replica_entity entity;
        muster_vec3 place;
        if (!muster_replica_view_entity(view, i, &entity) || !is_person(&entity) ||
            !place_of(view, i, fighter->position, &place)) {
            continue;
        }
        const float distance_m = muster_vec3_length(muster_vec3_sub(place, fighter->own_place));
        if (distance_m < nearest_m && is_enemy(fighter, view, i, own_team)) {
            nearest_m = distance_m;
            fighter->target_index = i;
        }
    }
}

static bool find_self(struct fighter *fighter, const muster_replica_view *view)
{
    muster_replica_entity entity;
    if (fighter->own_index != MUSTER_NONE &&
        muster_replica_view_entity(view, fighter->own_index, &entity) && entity.is_mine) {
        return true;
    }
    const uint32_t index_end = muster_replica_view_index_end(view);
    for (uint32_t i = 0; i < index_end; i++) {
        if (muster_replica_view_entity(view, i, &entity) && entity.is_mine &&
            entity.kind == KIND_FIGHTER) {
            fighter->own_index = i;
            return true;
        }
    }
    fighter->own_index = MUSTER_NONE;
    return false;
}

// Every two seconds another way: home when far from it, else anywhere.
static void decide(struct brain *brain, uint64_t tick)
{
    struct fighter *fighter = &brain->fighter;
    brain->decided_tick = tick;
    const muster_vec3 way_home = muster_vec3_sub(fighter->home, fighter->own_place);
    const float far_m = muster_vec3_length(way_home);
    const float any = (brain_draw(brain, DRAW_HEADING) * 2.0f - 1.0f) * MUSTER_PI;
    brain->heading = far_m > ROAM_M ? muster_atan2(way_home.y, way_home.x) : any;
    brain->speed = 1.0f + brain_draw(brain, DRAW_PACE) * (SPEED_STEPS - 1);
}

static void shoot(struct brain *brain, muster_client *client, uint64_t tick)
{
    struct fighter *fighter = &brain->fighter;
    const muster_vec3 way = muster_vec3_sub(fighter->target_place, fighter->own_place);
    const float flat_m = muster_sqrt(way.x * way.x + way.y * way.y);
    const float spread = (brain_draw(brain, DRAW_SPREAD + (uint32_t)(tick % 64)) - 0.5f) * 0.1f;
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {
        {.real = muster_angle_wrap(muster_atan2(way.y, way.x) + spread)},
        {.real = muster_atan2(way.z, flat_m) + flat_m * DROP_PER_M},
    };
    fighter->fired_tick = tick;
    brain_act(client, fighter->aim, values);
    brain_act(client, fighter->fire, NULL);
}

static void walk(struct brain *brain, muster_client *client)
{
    const bool has_target = brain->fighter.target_index != MUSTER_NONE;
    const bool is_sprinting = !has_target && brain_draw(brain, DRAW_SPRINT) < 0.2f;
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {
        {.real = brain->heading},
        {.whole = (int32_t)brain->speed},
        {.whole = is_sprinting ? 1 : 0},
    };
    brain_act(client, brain->fighter.move, values);
}

static void ask_to_respawn(struct fighter *fighter, muster_client *client, uint64_t tick)
{
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {{.whole = 0}};
    if (fighter->respawn != MUSTER_NONE && tick >= fighter->asked_tick + ASK_TICKS) {
        fighter->asked_tick = tick;
        brain_act(client, fighter->respawn, values);
    }
}

static void fight(struct brain *brain, muster_client *client, uint64_t tick)
{
    struct fighter *fighter = &brain->fighter;
    const muster_replica_view *view = muster_client_view(client);
    if (fighter->target_index == MUSTER_NONE ||
        !place_of(view, fighter->target_index, fighter->position, &fighter->target_place)) {
        fighter->target_index = MUSTER_NONE;
        return;
    }
    const bool is_empty = number_of(view, fighter->own_index, fighter->ammo, 1.0f) == 0.0f;
    if (is_empty && fighter->reload != MUSTER_NONE) {
        if (tick >= fighter->asked_tick + ASK_TICKS) {
            fighter->asked_tick = tick;
            brain_act(client, fighter->reload, NULL);
        }
    } else if (tick >= fighter->fired_tick + FIRE_TICKS) {
        shoot(brain, client, tick);
    }
}

void fighter_think(struct brain *brain, muster_client *client)
{
    struct fighter *fighter = &brain->fighter;
    const muster_replica_view *view = muster_client_view(client);
    const uint64_t tick = muster_client_tick(client);
    if (view == NULL || !find_self(fighter, view) ||
        !place_of(view, fighter->own_index, fighter->position, &fighter->own_place)) {
        return;
    }
    if (!fighter->has_home) {
        fighter->has_home = true;
        fighter->home = fighter->own_place;
        fighter->looked_tick = tick + brain->bot_index % LOOK_TICKS;
    }
    if (number_of(view, fighter->own_index, fighter->health, 1.0f) == 0.0f) {
        ask_to_respawn(fighter, client, tick);
        return;
    }
    if (tick >= fighter->looked_tick + LOOK_TICKS) {
        fighter->looked_tick = tick;
        look_about(brain, view);
    }
    if (tick >= brain->decided_tick + DECIDE_TICKS) {
        decide(brain, tick);
    }
    fight(brain, client, tick);
    walk(brain, client);
}
