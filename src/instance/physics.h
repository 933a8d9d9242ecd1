// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The space of a world with physics, and the table through which games reach it.

#include "instance/world.h"

/// What a space is put together in while the game's build() runs.
struct physics_build {
    muster_space_def def;
    muster_space_box *boxes;
    uint32_t box_count_max;
    float *heights_m;
    size_t heights_bytes;
    bool has_failed; // no memory for the terrain
};

/// The table that modules get.
extern const muster_space_api physics_api;

/// Calls the game's build() and creates the space if it has physics; adds its blocks to the state.
/// @return MUSTER_ERR_NO_MEMORY, or MUSTER_ERR_INVALID if the game built what no space can be
MUSTER_NODISCARD muster_status physics_create(muster_world *world);

/// Ends the space, if there is one.
void physics_destroy(muster_world *world);

/// Takes over velocities that the game wrote, steps, and copies bodies into columns.
void physics_step(muster_world *world);

/// Takes an entity's body out, if it has one.
void physics_remove(muster_world *world, uint32_t slot);

/// Must be called when state was overwritten.
/// @return false if it is no state that the space, or the space with these entities, can have
bool physics_restored(muster_world *world);
