// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The scenes that physics is tested and measured on. Their geometry is fixed and all of their
/// randomness comes from one seed, so that every engine gets the same bodies and the same pushes.
///
/// - open: 4 km x 4 km with 1,000 bodies in a battle of 200 m and 9,000 scattered, at 1-10 m/s.
/// - crowd: 10,000 bodies in 120 m x 120 m, each pushed towards a speed of 3 m/s.
/// - pile: 10,000 bodies that fall into a bin 101 m wide.
///
/// The planar version of a scene keeps all bodies between two walls: `open` and `crowd` are seen
/// from above, without gravity; `pile` from the side. In the native version they stand on a floor,
/// and the bin is 5 m deep.

#include "muster/space.h"

#define PHYSICS_SCENE_RADIUS_M  0.5f
#define PHYSICS_SCENE_BOX_COUNT 8u

enum physics_scene_kind { PHYSICS_SCENE_OPEN, PHYSICS_SCENE_CROWD, PHYSICS_SCENE_PILE };

struct physics_scene {
    enum physics_scene_kind kind;
    bool is_planar;
    uint32_t body_count;
    muster_space_box boxes[PHYSICS_SCENE_BOX_COUNT]; ///< Walls, and the floor if there is one.
    uint32_t box_count;
    muster_space_material materials[2]; ///< Of bodies and of walls.
    muster_vec3 gravity;
};

/// The name of a kind: "open", "crowd" or "pile".
const char *physics_scene_name(enum physics_scene_kind kind);

/// A scene, in which `body_count` of at most 10,000 bodies take part.
void physics_scene_init(
    struct physics_scene *scene, enum physics_scene_kind kind, bool is_planar, uint32_t body_count);

/// A definition for the scene without sleeping. It points into `scene`.
muster_space_def physics_scene_def(const struct physics_scene *scene);

/// Where a body begins and how fast.
muster_body_def physics_scene_body(const struct physics_scene *scene, uint32_t body);

/// What a game does to a body before a tick: its velocity becomes this.
/// @return false if nothing is done to it
bool physics_scene_push(const struct physics_scene *scene,
    uint32_t body,
    uint64_t tick,
    muster_vec3 velocity,
    muster_vec3 *out_velocity);

/// Creates a space of the scene with all its bodies in.
muster_status physics_scene_create(
    const struct physics_scene *scene, const muster_space_def *def, muster_space **out_space);

/// Pushes all bodies of a space as the scene says.
void physics_scene_push_all(const struct physics_scene *scene, muster_space *space, uint64_t tick);
