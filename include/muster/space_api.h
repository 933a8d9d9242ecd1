// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Physics as a game sees it: the table `space` of muster_host. It works on the space that the host
/// keeps for a world whose game has_physics, with the types of muster/space.h.
///
/// - Bodies: an entity may have one, in the slot of the entity; it goes with the entity.
/// - Columns: position and velocity of an entity with a body are copied from the body after every
///   step of physics and whenever a function here changes them. A velocity that the game writes
///   counts from the next step of physics on. A position is changed with body_move() only.
///   Entities without a body are left to the game.
/// - Order: physics steps once a tick, after tasks of class PLAYER and before those of class WORLD.
/// - Errors: a value out of the ranges of muster/space_def.h is a bug of the game.

#include "muster/host.h"
#include "muster/space.h"

/// The table.
typedef struct muster_space_api {
    /// In build() only: settings of the space to come, at their defaults, to be changed. The host
    /// sets capacity, step length, boxes and allocator itself.
    muster_space_def *(*def)(muster_world *world);

    /// In build() only: adds a box; its index is how many were added before.
    /// @return MUSTER_ERR_FULL at the limit `box_count_max`
    muster_status (*box_add)(muster_world *world, const muster_space_box *box);

    /// In build() only: makes room for the terrain's samples and sets heights and both counts in
    /// def(). The game fills in the heights, row by row, and sets the rest.
    /// @return the heights, all zero; NULL if there is no memory, with which creation then fails
    float *(*terrain_heights)(muster_world *world, uint32_t column_count, uint32_t row_count);

    /// A body definition with every field at its default.
    muster_body_def (*body_default_def)(void);

    /// Gives a live entity a body, where the entity is and as fast; `def` says the rest.
    void (*body_add)(muster_world *world, uint32_t slot, const muster_body_def *def);

    /// Takes an entity's body away; the entity stays.
    /// @return false if it has none
    bool (*body_remove)(muster_world *world, uint32_t slot);

    /// Whether an entity has a body.
    bool (*has_body)(const muster_world *world, uint32_t slot);

    /// Puts a body somewhere else at once.
    void (*body_move)(muster_world *world, uint32_t slot, muster_vec3 position);

    /// Adds momentum in kg m/s to a body.
    void (*body_push)(muster_world *world, uint32_t slot, muster_vec3 impulse);

    /// What a body stands on: the normal of the ground in the latest step, zero if it stands on
    /// nothing.
    muster_vec3 (*ground_normal)(const muster_world *world, uint32_t slot);

    /// True if a body rests and nothing touches it anew.
    bool (*is_asleep)(const muster_world *world, uint32_t slot);

    /// What began to touch in this tick's step of physics; nothing before it. Entities in it may
    /// have been removed since.
    const muster_space_contact *(*contacts)(const muster_world *world, uint32_t *out_count);

    /// What bullets hit in this tick's step of physics, likewise.
    const muster_space_hit *(*hits)(const muster_world *world, uint32_t *out_count);

    /// As muster_space_ray_cast().
    bool (*ray_cast)(
        const muster_world *world, const muster_space_ray *ray, muster_space_hit *out_hit);

    /// As muster_space_overlap().
    muster_status (*overlap)(const muster_world *world,
        muster_vec3 centre,
        float radius_m,
        uint16_t mask,
        uint32_t *out_slots,
        uint32_t slot_capacity,
        uint32_t *out_count);

    /// The height of the terrain at a place; false outside it or if there is none.
    bool (*ground_height)(const muster_world *world, float x, float y, float *out_height_m);
} muster_space_api;
