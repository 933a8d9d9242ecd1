// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

static bool is_within(float value, float max)
{
    return value >= -max && value <= max;
}

static bool position_is_valid(muster_vec3 position)
{
    const float max = MUSTER_SPACE_COORDINATE_MAX;
    return is_within(position.x, max) && is_within(position.y, max) && is_within(position.z, max);
}

static bool velocity_is_valid(muster_vec3 velocity)
{
    const float max = MUSTER_SPACE_SPEED_MAX;
    return muster_vec3_dot(velocity, velocity) <= max * max;
}

static bool slot_is_used(const muster_space *space, uint32_t slot)
{
    return slot < space->counts[0] && (space->flags[slot] & MUSTER_BODY_EXISTS) != 0;
}

static void clear_slot(muster_space *space, uint32_t slot)
{
    const muster_vec3 zero = {0.0f, 0.0f, 0.0f};
    space->position[slot] = zero;
    space->velocity[slot] = zero;
    space->ground_normal[slot] = zero;
    space->radius_m[slot] = 0.0f;
    space->inverse_mass[slot] = 0.0f;
    space->sleep_label[slot] = 0;
    space->rest_ticks[slot] = 0;
    space->category[slot] = 0;
    space->mask[slot] = 0;
    space->flags[slot] = 0;
    space->material[slot] = 0;
}

void space_wake_label(muster_space *space, uint32_t label)
{
    for (uint32_t slot = 0; slot < space->counts[0]; slot++) {
        const bool is_body = (space->flags[slot] & MUSTER_BODY_EXISTS) != 0;
        if (is_body && space->sleep_label[slot] == label) {
            space->sleep_label[slot] = SPACE_AWAKE;
            space->rest_ticks[slot] = 0;
        }
    }
}

void space_wake(muster_space *space, uint32_t slot)
{
    const uint32_t label = space->sleep_label[slot];
    space->rest_ticks[slot] = 0;
    if (label != SPACE_AWAKE) {
        space_wake_label(space, label);
    }
}

muster_body_def muster_body_default_def(void)
{
    return (muster_body_def){.radius_m = 0.5f, .mass_kg = 1.0f, .category = 1, .mask = 0xFFFF};
}

static bool flags_are_valid(uint8_t flags)
{
    const uint8_t sorts = flags & (MUSTER_BODY_BULLET | SPACE_UNPUSHED);
    const uint8_t known = MUSTER_BODY_BULLET | SPACE_UNPUSHED | MUSTER_BODY_PLAYER;
    return (sorts & (sorts - 1)) == 0 && (flags & ~known) == 0;
}

static bool body_is_valid(const muster_space *space, const muster_body_def *def)
{
    return position_is_valid(def->position) && velocity_is_valid(def->velocity) &&
           def->radius_m >= MUSTER_SPACE_RADIUS_MIN && def->radius_m <= MUSTER_SPACE_RADIUS_MAX &&
           def->mass_kg >= MUSTER_SPACE_MASS_MIN && def->mass_kg <= MUSTER_SPACE_MASS_MAX &&
           flags_are_valid(def->flags) && def->material < space->material_count;
}

muster_status muster_space_body_add(muster_space *space, uint32_t slot, const muster_body_def *def)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(def != NULL);
    if (slot >= space->body_capacity) {
        return MUSTER_ERR_FULL;
    }
    if (slot_is_used(space, slot) || !body_is_valid(space, def)) {
        return MUSTER_ERR_INVALID;
    }

    // Slots beyond the count are not state and may hold anything.
    for (; space->counts[0] <= slot; space->counts[0]++) {
        clear_slot(space, space->counts[0]);
    }
    const bool is_unpushed = (def->flags & SPACE_UNPUSHED) != 0;
    space->position[slot] = def->position;
    space->velocity[slot] = def->velocity;
    space->radius_m[slot] = def->radius_m;
    space->inverse_mass[slot] = is_unpushed ? 0.0f : 1.0f / def->mass_kg;
    space->sleep_label[slot] = SPACE_AWAKE;
    space->category[slot] = def->category;
    space->mask[slot] = def->mask;
    space->flags[slot] = (uint8_t)(def->flags | MUSTER_BODY_EXISTS | SPACE_FRESH);
    space->material[slot] = def->material;
    space_index_touch(space, slot);
    return MUSTER_OK;
}

bool muster_space_body_remove(muster_space *space, uint32_t slot)
{
    MUSTER_ASSERT(space != NULL);
    if (!slot_is_used(space, slot)) {
        return false;
    }
    space_wake(space, slot);
    space_index_touch(space, slot);
    clear_slot(space, slot);
    while (space->counts[0] > 0 && (space->flags[space->counts[0] - 1] & MUSTER_BODY_EXISTS) == 0) {
        space->counts[0]--;
    }
    return true;
}

muster_status muster_space_body_set_position(
    muster_space *space, uint32_t slot, muster_vec3 position)
{
    MUSTER_ASSERT(space != NULL);
    if (!slot_is_used(space, slot)) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (!position_is_valid(position)) {
        return MUSTER_ERR_INVALID;
    }
    space_wake(space, slot);
    space_index_touch(space, slot);
    space->position[slot] = position;
    space->flags[slot] |= SPACE_FRESH;
    return MUSTER_OK;
}

muster_status muster_space_body_set_velocity(
    muster_space *space, uint32_t slot, muster_vec3 velocity)
{
    MUSTER_ASSERT(space != NULL);
    if (!slot_is_used(space, slot)) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (!velocity_is_valid(velocity)) {
        return MUSTER_ERR_INVALID;
    }
    if (memcmp(&space->velocity[slot], &velocity, sizeof velocity) != 0) {
        space->velocity[slot] = velocity;
        space_wake(space, slot);
    }
    return MUSTER_OK;
}

muster_status muster_space_body_push(muster_space *space, uint32_t slot, muster_vec3 impulse)
{
    MUSTER_ASSERT(space != NULL);
    if (!slot_is_used(space, slot)) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const float max = MUSTER_SPACE_MASS_MAX * MUSTER_SPACE_SPEED_MAX;
    if (!is_within(impulse.x, max) || !is_within(impulse.y, max) || !is_within(impulse.z, max)) {
        return MUSTER_ERR_INVALID;
    }
    if (space->inverse_mass[slot] > 0.0f) {
        const muster_vec3 change = muster_vec3_scale(impulse, space->inverse_mass[slot]);
        space->velocity[slot] = space_limit_speed(muster_vec3_add(space->velocity[slot], change));
        space_wake(space, slot);
    }
    return MUSTER_OK;
}

muster_space_columns muster_space_columns_read(const muster_space *space)
{
    MUSTER_ASSERT(space != NULL);
    return (muster_space_columns){
        .position = space->position,
        .velocity = space->velocity,
        .ground_normal = space->ground_normal,
        .radius_m = space->radius_m,
        .inverse_mass = space->inverse_mass,
        .flags = space->flags,
        .slot_count = space->counts[0],
    };
}

bool muster_space_body_is_asleep(const muster_space *space, uint32_t slot)
{
    MUSTER_ASSERT(space != NULL);
    return slot_is_used(space, slot) && space->sleep_label[slot] != SPACE_AWAKE;
}
