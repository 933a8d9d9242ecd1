// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

static muster_state_block by_slot(
    const muster_space *space, const char *name, void *data, muster_state_type type, uint32_t lanes)
{
    return (muster_state_block){
        .name = name,
        .data = data,
        .element_count = &space->counts[0],
        .element_capacity = space->body_capacity,
        .lane_count = lanes,
        .type = type,
        .is_by_entity = true,
    };
}

static muster_state_block by_contact(
    const muster_space *space, const char *name, void *data, muster_state_type type, uint32_t lanes)
{
    return (muster_state_block){
        .name = name,
        .data = data,
        .element_count = &space->counts[1],
        .element_capacity = space->contact_capacity,
        .lane_count = lanes,
        .type = type,
        .is_by_entity = false,
    };
}

void muster_space_state_blocks(
    muster_space *space, muster_state_block *out_blocks, uint32_t *out_count)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_blocks != NULL);
    MUSTER_ASSERT(out_count != NULL);
    const muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT] = {
        {
            .name = "space_counts",
            .data = space->counts,
            .element_count = &space->one,
            .element_capacity = 1,
            .lane_count = 2,
            .type = MUSTER_STATE_U32,
        },
        by_slot(space, "flags", space->flags, MUSTER_STATE_U8, 1),
        by_slot(space, "position", space->position, MUSTER_STATE_F32, 3),
        by_slot(space, "velocity", space->velocity, MUSTER_STATE_F32, 3),
        by_slot(space, "ground_normal", space->ground_normal, MUSTER_STATE_F32, 3),
        by_slot(space, "radius_m", space->radius_m, MUSTER_STATE_F32, 1),
        by_slot(space, "inverse_mass", space->inverse_mass, MUSTER_STATE_F32, 1),
        by_slot(space, "sleep_label", space->sleep_label, MUSTER_STATE_U32, 1),
        by_slot(space, "rest_ticks", space->rest_ticks, MUSTER_STATE_U16, 1),
        by_slot(space, "category", space->category, MUSTER_STATE_U16, 1),
        by_slot(space, "mask", space->mask, MUSTER_STATE_U16, 1),
        by_slot(space, "material", space->material, MUSTER_STATE_U8, 1),
        by_contact(space, "contact_ends", space->contact_ends, MUSTER_STATE_U32, 2),
        by_contact(space, "contact_impulse", space->contact_impulse, MUSTER_STATE_F32, 4),
    };
    for (uint32_t i = 0; i < MUSTER_SPACE_STATE_BLOCK_COUNT; i++) {
        out_blocks[i] = blocks[i];
    }
    *out_count = MUSTER_SPACE_STATE_BLOCK_COUNT;
}

// Restored bytes may come from a file or another machine: nothing in them may lead outside an
// array or let a value in that no call would have.

static bool is_within(float value, float min, float max)
{
    return value >= min && value <= max;
}

static bool vector_is_within(muster_vec3 vector, float max)
{
    return is_within(vector.x, -max, max) && is_within(vector.y, -max, max) &&
           is_within(vector.z, -max, max);
}

// As muster_space_body_add() sets it: rounding leaves it a little beside the bounds.
static bool inverse_mass_is_sound(const muster_space *space, uint32_t slot)
{
    if ((space->flags[slot] & SPACE_UNPUSHED) != 0) {
        return space->inverse_mass[slot] == 0.0f;
    }
    const float min = 0.99f / MUSTER_SPACE_MASS_MAX;
    return is_within(space->inverse_mass[slot], min, 1.01f / MUSTER_SPACE_MASS_MIN);
}

static bool slot_is_sound(const muster_space *space, uint32_t slot)
{
    if ((space->flags[slot] & MUSTER_BODY_EXISTS) == 0) {
        return true;
    }
    return vector_is_within(space->position[slot], MUSTER_SPACE_COORDINATE_MAX) &&
           vector_is_within(space->velocity[slot], MUSTER_SPACE_SPEED_MAX) &&
           vector_is_within(space->ground_normal[slot], 1.01f) &&
           is_within(space->radius_m[slot], MUSTER_SPACE_RADIUS_MIN, MUSTER_SPACE_RADIUS_MAX) &&
           inverse_mass_is_sound(space, slot) && space->material[slot] < space->material_count;
}

static bool contact_is_sound(const muster_space *space, uint32_t contact)
{
    const uint32_t owner = space->contact_ends[contact][0];
    const uint32_t other = space->contact_ends[contact][1] & ~SPACE_OTHER_TOUCHING;
    bool is_sound = owner < space->counts[0];
    is_sound = is_sound && (other >= SPACE_OTHER_BOX || other < space->body_capacity);
    for (uint32_t i = 0; i < 4; i++) {
        is_sound = is_sound && is_within(space->contact_impulse[contact][i], -1e12f, 1e12f);
    }
    return is_sound;
}

static bool state_is_sound(const muster_space *space)
{
    bool is_sound =
        space->counts[0] <= space->body_capacity && space->counts[1] <= space->contact_capacity;
    for (uint32_t slot = 0; is_sound && slot < space->counts[0]; slot++) {
        is_sound = slot_is_sound(space, slot);
    }
    for (uint32_t i = 0; is_sound && i < space->counts[1]; i++) {
        is_sound = contact_is_sound(space, i);
    }
    return is_sound;
}

// Slots that the restored state does not reach still hold what was there before it.
static void clear_slots_beyond(muster_space *space)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t block_count;
    muster_space_state_blocks(space, blocks, &block_count);
    for (uint32_t i = 0; i < block_count; i++) {
        if (blocks[i].element_count == &space->counts[0]) {
            const size_t bytes = muster_state_element_bytes(&blocks[i]);
            memset((uint8_t *)blocks[i].data + space->counts[0] * bytes, 0,
                (space->body_capacity - space->counts[0]) * bytes);
        }
    }
}

muster_status muster_space_restored(muster_space *space)
{
    MUSTER_ASSERT(space != NULL);
    const bool is_sound = state_is_sound(space);
    if (!is_sound) {
        space->counts[0] = 0;
        space->counts[1] = 0;
    }
    clear_slots_beyond(space);
    space->event_count = 0;
    space->hit_count = 0;
    space_index_drop(space);
    space_chain_contacts(space);
    return is_sound ? MUSTER_OK : MUSTER_ERR_MALFORMED;
}
