// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Players who walk, fight and come and go at random, as the bots of docs/games/skirmish.md do but
/// seeing the whole world: load for benchmarks and replays.
///
///     muster_frame_begin(builder, tick, seed);
///     crowd_play(&crowd, builder, instance);
///     muster_frame_close(builder, &frame, &length);

#include "skirmish/skirmish.h"

#include "core/assert.h"
#include "harness/random.h"
#include "muster/frame.h"
#include "muster/instance.h"

#include <string.h>

struct crowd_member {
    muster_player player;
    bool is_there;
    bool is_fighter;
    float heading;
    uint64_t turn_tick;
    uint32_t target; // player index
    uint32_t sequence;
};

struct crowd {
    uint64_t random_state;
    uint32_t member_count;
    uint32_t leave_permille; // of a second in which a player leaves; joins again a second later
    int64_t scene;
    struct crowd_member members[PLAYER_COUNT_MAX];
};

static inline float crowd_draw(struct crowd *crowd, float min, float max)
{
    const float unit = (float)(random_next(&crowd->random_state) >> 40) * (1.0f / 16777216.0f);
    return min + (max - min) * unit;
}

static inline bool crowd_add(struct crowd *crowd,
    muster_frame_builder *builder,
    uint32_t index,
    enum action action,
    const uint32_t *steps,
    uint32_t step_count)
{
    struct crowd_member *member = &crowd->members[index];
    member->sequence++;
    return muster_frame_add_action(builder, index, member->player.id, member->sequence, action,
               steps, step_count) == MUSTER_OK;
}

// The nearest of a few that live and are of another team.
static inline uint32_t crowd_find(
    struct crowd *crowd, const muster_instance *instance, uint32_t index)
{
    const muster_world_view *view = muster_instance_view(instance);
    const uint8_t *health = view->columns[COLUMN_HEALTH];
    const uint32_t own = muster_instance_player(instance, index)->entity_slot;
    uint32_t found = MUSTER_NONE;
    float found_m = 60.0f;
    for (uint32_t i = 0; i < 12; i++) {
        const uint32_t other = (uint32_t)(random_next(&crowd->random_state) % crowd->member_count);
        const muster_player *player = muster_instance_player(instance, other);
        if (player == NULL || player->entity_slot == MUSTER_NONE ||
            health[player->entity_slot] == 0 ||
            view->team[player->entity_slot] == view->team[own]) {
            continue;
        }
        const float distance_m =
            distance_flat(view->position[own], view->position[player->entity_slot]);
        if (distance_m < found_m) {
            found = other;
            found_m = distance_m;
        }
    }
    return found;
}

static inline void crowd_fight(struct crowd *crowd,
    muster_frame_builder *builder,
    const muster_instance *instance,
    uint32_t index,
    uint64_t tick)
{
    struct crowd_member *member = &crowd->members[index];
    const uint32_t own = muster_instance_player(instance, index)->entity_slot;
    if (tick % 30 == index % 30) {
        member->target = crowd_find(crowd, instance, index);
    }
    const muster_player *target =
        member->target != MUSTER_NONE ? muster_instance_player(instance, member->target) : NULL;
    if (target == NULL || target->entity_slot == MUSTER_NONE || tick % 6 != index % 6) {
        return;
    }
    const muster_world_view *view = muster_instance_view(instance);
    const muster_vec3 way =
        muster_vec3_sub(view->position[target->entity_slot], view->position[own]);
    const float distance_m =
        distance_flat(view->position[target->entity_slot], view->position[own]);
    const float heading = muster_atan2(way.y, way.x) + crowd_draw(crowd, -0.03f, 0.03f);
    const float pitch = muster_atan2(way.z, distance_m) + 0.0004f * distance_m;
    const uint32_t aim[] = {
        (uint32_t)(muster_clamp(heading + 3.15f, 0.0f, 6.3f) * 500.0f),
        (uint32_t)(muster_clamp(pitch + 1.5f, 0.0f, 3.0f) * 500.0f),
    };
    (void)crowd_add(crowd, builder, index, ACTION_AIM, aim, 2);
    if (tick % 60 == index % 60) {
        (void)crowd_add(crowd, builder, index, ACTION_FIRE, NULL, 0);
    }
    if (tick % 900 == index % 900) {
        (void)crowd_add(crowd, builder, index, ACTION_THROW, NULL, 0);
    }
}

// Turns now and then; fighters back to the middle of the battle when they are out of it.
static inline void crowd_turn(
    struct crowd *crowd, const muster_instance *instance, uint32_t index, uint64_t tick)
{
    struct crowd_member *member = &crowd->members[index];
    const uint32_t own = muster_instance_player(instance, index)->entity_slot;
    const muster_vec3 here = muster_instance_view(instance)->position[own];
    const muster_vec3 middle = place_battle();
    member->turn_tick = tick + 60 + random_next(&crowd->random_state) % 120;
    member->heading = crowd_draw(crowd, -MUSTER_PI, MUSTER_PI);
    if (member->is_fighter && distance_flat(here, middle) > 0.9f * BATTLE_HALF_SIDE_M) {
        member->heading = muster_atan2(middle.y - here.y, middle.x - here.x);
    }
}

static inline void crowd_act(struct crowd *crowd,
    muster_frame_builder *builder,
    const muster_instance *instance,
    uint32_t index,
    uint64_t tick)
{
    struct crowd_member *member = &crowd->members[index];
    const muster_player *player = muster_instance_player(instance, index);
    if (player == NULL || player->entity_slot == MUSTER_NONE) {
        return;
    }
    if (tick >= member->turn_tick) {
        crowd_turn(crowd, instance, index, tick);
    }
    const uint32_t move[] = {
        (uint32_t)((member->heading + 3.15f) * 100.0f), 4, tick / 64 % 4 == index % 4};
    (void)crowd_add(crowd, builder, index, ACTION_MOVE, move, 3);
    if (member->is_fighter) {
        crowd_fight(crowd, builder, instance, index, tick);
    }
}

static inline void crowd_come_and_go(
    struct crowd *crowd, muster_frame_builder *builder, uint32_t index)
{
    struct crowd_member *member = &crowd->members[index];
    const bool is_leaving =
        member->is_there && random_next(&crowd->random_state) % 60000 < crowd->leave_permille;
    if (is_leaving) {
        member->is_there = false;
        MUSTER_ASSERT(muster_frame_add_leave(builder, index, member->player.id) == MUSTER_OK);
    } else if (!member->is_there && random_next(&crowd->random_state) % 4 == 0) {
        member->is_there = true;
        member->target = MUSTER_NONE;
        member->is_fighter =
            crowd->scene == SCENE_BATTLE || (crowd->scene == SCENE_MIXED && index % 5 == 0);
        member->player = (muster_player){
            .id = {index + 1, 3},
            .name = "walker",
            .party_id = index % 7 == 0 ? index / 20 + 1 : 0,
        };
        MUSTER_ASSERT(muster_frame_add_join(builder, index, &member->player) == MUSTER_OK);
    }
}

/// Adds to the frame that is begun what everybody does in it.
static inline void crowd_play(
    struct crowd *crowd, muster_frame_builder *builder, const muster_instance *instance)
{
    const uint64_t tick = muster_instance_tick(instance) + 1;
    for (uint32_t i = 0; i < crowd->member_count; i++) {
        crowd_come_and_go(crowd, builder, i);
        if (crowd->members[i].is_there) {
            crowd_act(crowd, builder, instance, i, tick);
        }
    }
}
