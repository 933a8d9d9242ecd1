// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Deterministic physics: spheres that move, boxes and a height field that do not.
///
///     muster_space_body_add(space, slot, &body);
///     muster_space_step(space, &parallel);
///     const muster_space_hit *hits = muster_space_hits(space, &hit_count);
///     const muster_vec3 *positions = muster_space_columns_read(space).position;
///
/// A body is named by its slot, which the caller chooses. Bodies do not rotate. A body without
/// flags is pushed by others; a kinematic one keeps its velocity; a sensor only reports what it
/// touches; a bullet is swept from place to place, so that nothing is too thin to be hit. A
/// character is a sphere whose velocity is set each tick, and looks at its ground normal.
///
/// - Order: everything follows from the definition and the calls made. Workers, compilers and
///   processor features do not change one bit of the state.
/// - State: muster_space_state_blocks() shows all of it; whoever overwrites it calls
///   muster_space_restored(). Boxes, terrain and materials are constants, see
///   muster_space_static_hash().
/// - Memory: one allocation at creation, about 2 KB a body; none afterwards.
/// - Bounds: coordinates stay within MUSTER_SPACE_COORDINATE_MAX, speeds within
///   MUSTER_SPACE_SPEED_MAX. No call lets a value that is not finite in.
/// - Threads: a space belongs to one thread at a time; a step shares its work by the
///   muster_parallel it is given.

#include "muster/base.h"
#include "muster/math.h"
#include "muster/parallel.h"
#include "muster/space_def.h"
#include "muster/state.h"

/// The most blocks that muster_space_state_blocks() fills in.
#define MUSTER_SPACE_STATE_BLOCK_COUNT 14u

/// A space. Created and destroyed by its owner.
typedef struct muster_space muster_space;

/// Bits of muster_body_def.flags and of the flags column.
typedef enum muster_body_flag {
    /// Moves at its own velocity, pushes others and is pushed by nothing.
    MUSTER_BODY_KINEMATIC = 1,

    /// Swept from place to place; stops for the tick at the first thing it meets, which is
    /// reported as a hit if it came at 0.5 m/s or more, and bounces off. Touches no other bullet;
    /// queries do not see it.
    MUSTER_BODY_BULLET = 2,

    /// Reports what it touches and is not felt. Moves like a kinematic body.
    MUSTER_BODY_SENSOR = 4,

    /// Counts as a player in its partition.
    MUSTER_BODY_PLAYER = 8,

    /// The slot holds a body. Only ever read.
    MUSTER_BODY_EXISTS = 128,
} muster_body_flag;

/// A body to be added. Start from muster_body_default_def().
typedef struct muster_body_def {
    /// Where its middle is, within MUSTER_SPACE_COORDINATE_MAX. Default the origin.
    muster_vec3 position;

    /// In m/s, at most MUSTER_SPACE_SPEED_MAX. Default at rest.
    muster_vec3 velocity;

    /// In [MUSTER_SPACE_RADIUS_MIN, MUSTER_SPACE_RADIUS_MAX]. Default 0.5.
    float radius_m;

    /// In [MUSTER_SPACE_MASS_MIN, MUSTER_SPACE_MASS_MAX]. Default 1.
    float mass_kg;

    /// Bits of muster_body_flag, at most one of kinematic, bullet and sensor. Default 0.
    uint8_t flags;

    /// Index into the space's materials. Default 0.
    uint8_t material;

    /// What the body is, and what it touches: two bodies meet if each one's mask has a bit of the
    /// other's category. Defaults 1 and 0xFFFF.
    uint16_t category, mask;
} muster_body_def;

/// The bodies, by slot, for reading; the arrays keep their addresses. Free slots are zero.
typedef struct muster_space_columns {
    const muster_vec3 *position;      ///< Metres.
    const muster_vec3 *velocity;      ///< Metres a second.
    const muster_vec3 *ground_normal; ///< What it stands on in the latest step; zero if nothing.
    const float *radius_m;            ///< Metres.
    const float *inverse_mass;        ///< One a kilogram; 0 for kinematic bodies and sensors.
    const uint8_t *flags;             ///< Bits of muster_body_flag.
    uint32_t slot_count;              ///< One more than the highest slot in use.
} muster_space_columns;

/// What a body met.
typedef enum muster_space_kind {
    MUSTER_SPACE_NOTHING = 0,
    MUSTER_SPACE_BODY = 1,    ///< The index is a slot.
    MUSTER_SPACE_BOX = 2,     ///< The index is that of the box in the definition.
    MUSTER_SPACE_TERRAIN = 3, ///< The index is 0.
} muster_space_kind;

/// Two things that touch since the latest step and did not before it.
typedef struct muster_space_contact {
    uint32_t slot;          ///< A body.
    muster_space_kind kind; ///< What it met.
    uint32_t index;         ///< Which one of that kind.
    muster_vec3 normal;     ///< From what it met to the body, of length 1.
    float approach_mps;     ///< How fast they came together; 0 if they did not.
} muster_space_contact;

/// The first thing in the way of a ray or a bullet.
typedef struct muster_space_hit {
    uint32_t slot;          ///< The bullet; 0 for a ray.
    muster_space_kind kind; ///< What was hit.
    uint32_t index;         ///< Which one of that kind.
    muster_vec3 point;      ///< Where the ray, or the middle of the bullet, was then.
    muster_vec3 normal;     ///< Of what was hit, of length 1.
    float fraction;         ///< Of the ray's length or the bullet's way in this step, in [0, 1].
} muster_space_hit;

/// A straight line to look along. Zero-length rays are allowed.
typedef struct muster_space_ray {
    muster_vec3 from;     ///< Within MUSTER_SPACE_COORDINATE_MAX.
    muster_vec3 to;       ///< Within MUSTER_SPACE_COORDINATE_MAX.
    uint16_t mask;        ///< Categories to look for.
    uint32_t ignore_slot; ///< A body to look through, such as the one that looks; or UINT32_MAX.
} muster_space_ray;

/// The load of one square of the world. Bodies outside count for the nearest square.
typedef struct muster_space_partition {
    uint32_t body_count;   ///< Bodies of all sorts.
    uint32_t player_count; ///< Those with MUSTER_BODY_PLAYER.
    uint32_t cost;         ///< Work: one for each body that is awake and two for each contact.
} muster_space_partition;

/// How the world is cut into partitions, as the definition says.
typedef struct muster_space_partition_grid {
    float min_x, min_y;  ///< The lowest corner, in metres.
    float side_m;        ///< Of one partition.
    uint32_t side_count; ///< Partitions each way.
} muster_space_partition_grid;

/// A body definition with every field at its default.
MUSTER_API muster_body_def muster_body_default_def(void);

/// Creates a space without bodies. The caller owns it and ends it with muster_space_destroy().
/// @param def        not kept; may be on the stack
/// @param out_space  set to the space, or to NULL on failure
/// @return MUSTER_ERR_INVALID if something in `def` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_space_create(
    const muster_space_def *def, muster_space **out_space);

/// Destroys a space. Does nothing for NULL.
MUSTER_API void muster_space_destroy(muster_space *space);

/// A hash of all that is constant: terrain, boxes, materials and settings. Spaces with equal
/// hashes and equal states go on equally.
MUSTER_API uint64_t muster_space_static_hash(const muster_space *space);

/// Puts a body into a free slot.
/// @return MUSTER_ERR_INVALID if a field is out of range or not finite or the slot is taken,
/// MUSTER_ERR_FULL if the slot is at or above the capacity
MUSTER_API MUSTER_NODISCARD muster_status muster_space_body_add(
    muster_space *space, uint32_t slot, const muster_body_def *def);

/// Takes a body out. Bodies that slept on it wake.
/// @return false if the slot is empty
MUSTER_API bool muster_space_body_remove(muster_space *space, uint32_t slot);

/// Puts a body somewhere else at once and wakes it.
/// @return MUSTER_ERR_INVALID out of range or not finite, MUSTER_ERR_NOT_FOUND for an empty slot
MUSTER_API MUSTER_NODISCARD muster_status muster_space_body_set_position(
    muster_space *space, uint32_t slot, muster_vec3 position);

/// Sets a velocity in m/s; wakes the body if that is a change.
/// @return MUSTER_ERR_INVALID out of range or not finite, MUSTER_ERR_NOT_FOUND for an empty slot
MUSTER_API MUSTER_NODISCARD muster_status muster_space_body_set_velocity(
    muster_space *space, uint32_t slot, muster_vec3 velocity);

/// Adds momentum in kg m/s, and wakes the body. Speeds are limited to MUSTER_SPACE_SPEED_MAX.
/// Bodies that nothing pushes ignore it.
/// @return MUSTER_ERR_INVALID not finite, MUSTER_ERR_NOT_FOUND for an empty slot
MUSTER_API MUSTER_NODISCARD muster_status muster_space_body_push(
    muster_space *space, uint32_t slot, muster_vec3 impulse);

/// The bodies, for reading.
MUSTER_API muster_space_columns muster_space_columns_read(const muster_space *space);

/// True if the slot holds a body that sleeps.
MUSTER_API bool muster_space_body_is_asleep(const muster_space *space, uint32_t slot);

/// Moves the world on by one step.
/// @param parallel  how to share the work; the result does not depend on it
MUSTER_API void muster_space_step(muster_space *space, const muster_parallel *parallel);

/// What began to touch in the latest step, in a fixed order. Valid until the next step.
MUSTER_API const muster_space_contact *muster_space_contacts(
    const muster_space *space, uint32_t *out_count);

/// What bullets hit in the latest step, by slot. Valid until the next step.
MUSTER_API const muster_space_hit *muster_space_hits(
    const muster_space *space, uint32_t *out_count);

/// Contacts that found no room since creation. Not part of the state.
MUSTER_API uint64_t muster_space_dropped_count(const muster_space *space);

/// Finds the first thing on a ray, as things are now. What the ray begins in is hit at once if
/// it goes further in, and not at all if it goes out. Of equally near things, bodies come first
/// and lower indices first.
/// @return false if the way is free, or if the ray is out of range
MUSTER_API bool muster_space_ray_cast(
    muster_space *space, const muster_space_ray *ray, muster_space_hit *out_hit);

/// Lists the bodies that a ball touches, as things are now, in order of slots; no bullets.
/// @param mask       categories to look for
/// @param out_slots  room for `slot_capacity` slots
/// @param out_count  set to how many there are, also when there is no room for all
/// @return MUSTER_ERR_INVALID out of range, MUSTER_ERR_FULL if there are more than
/// `slot_capacity`, the lowest of which were written
MUSTER_API MUSTER_NODISCARD muster_status muster_space_overlap(muster_space *space,
    muster_vec3 centre,
    float radius_m,
    uint16_t mask,
    uint32_t *out_slots,
    uint32_t slot_capacity,
    uint32_t *out_count);

/// The height of the terrain at a place; false outside it or if there is none.
MUSTER_API bool muster_space_ground_height(
    const muster_space *space, float x, float y, float *out_height_m);

/// Where the partitions are.
MUSTER_API muster_space_partition_grid muster_space_partitions_grid(const muster_space *space);

/// Counts the load of each partition, row by row along x.
/// @param out_partitions  room for the square of partition_side_count
MUSTER_API void muster_space_partitions(
    const muster_space *space, muster_space_partition *out_partitions);

/// Shows the state. The blocks stay valid for the life of the space.
/// @param out_blocks  room for MUSTER_SPACE_STATE_BLOCK_COUNT
/// @param out_count   set to how many were filled in
MUSTER_API void muster_space_state_blocks(
    muster_space *space, muster_state_block *out_blocks, uint32_t *out_count);

/// Must be called after the state was overwritten, before anything else.
/// @return MUSTER_ERR_MALFORMED if the state is none that a space can have; the space is then empty
MUSTER_API MUSTER_NODISCARD muster_status muster_space_restored(muster_space *space);
