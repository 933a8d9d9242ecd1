// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a space is made from: its limits, materials, boxes, ground and settings. All of it is
/// constant for the life of the space, and equal definitions give equal worlds.
///
/// - Memory, cost: see muster/space.h.
/// - Threads: plain values.

#include "muster/base.h"
#include "muster/math.h"

#define MUSTER_SPACE_BODY_CAPACITY_MAX  (1u << 20) ///< Slots of one space.
#define MUSTER_SPACE_MATERIAL_COUNT_MAX 64u        ///< Materials of one space.
#define MUSTER_SPACE_BOX_COUNT_MAX      (1u << 16) ///< Static boxes of one space.
#define MUSTER_SPACE_TERRAIN_SIDE_MAX   4097u      ///< Samples of a height field each way.
#define MUSTER_SPACE_PARTITION_SIDE_MAX 64u        ///< Partitions each way.
#define MUSTER_SPACE_COORDINATE_MAX     16384.0f   ///< Metres from the origin along an axis.
#define MUSTER_SPACE_SPEED_MAX          1000.0f    ///< Metres a second.
#define MUSTER_SPACE_RADIUS_MIN         0.01f      ///< Metres.
#define MUSTER_SPACE_RADIUS_MAX         64.0f      ///< Metres.
#define MUSTER_SPACE_MASS_MIN           0.001f     ///< Kilograms.
#define MUSTER_SPACE_MASS_MAX           1e6f       ///< Kilograms.

/// What a body or a box is made of. Where two touch, friction is the geometric mean and
/// restitution the larger of the two.
typedef struct muster_space_material {
    /// Friction by normal force, in [0, 10].
    float friction;

    /// Speed kept in a bounce, in [0, 1]. Touches slower than 1 m/s do not bounce.
    float restitution;

    /// Share of the space's gravity that acts, in [-10, 10].
    float gravity_scale;

    /// Speed lost through drag, in [0, 60] a second.
    float damping_per_s;
} muster_space_material;

/// A box that never moves, turned about the vertical by a heading.
typedef struct muster_space_box {
    /// The middle, within MUSTER_SPACE_COORDINATE_MAX.
    muster_vec3 centre;

    /// Half the lengths of its sides before turning, in [0.01, MUSTER_SPACE_COORDINATE_MAX] metres.
    muster_vec3 half_size;

    /// In [-pi, pi].
    float heading;

    /// Index into the materials.
    uint8_t material;

    /// Bits that say what the box is, for masks.
    uint16_t category;
} muster_space_box;

/// A height field: samples on a regular grid, two triangles between each four.
typedef struct muster_space_terrain {
    /// `row_count` rows of `column_count` heights in metres along x; finite. NULL for no terrain.
    /// Copied at creation.
    const float *heights_m;

    /// Samples each way, in [2, MUSTER_SPACE_TERRAIN_SIDE_MAX].
    uint32_t column_count, row_count;

    /// Distance between samples in metres, in [0.1, 1000].
    float sample_m;

    /// Where the first sample of the first row lies.
    float min_x, min_y;

    /// Index into the materials.
    uint8_t material;

    /// Bits that say what the terrain is, for masks.
    uint16_t category;
} muster_space_terrain;

/// Which version of the inner loops to run. All give the same bits.
typedef enum muster_space_variant {
    MUSTER_SPACE_FASTEST = 0,  ///< The fastest that this processor has.
    MUSTER_SPACE_BASELINE = 1, ///< What every processor of the architecture has.
    MUSTER_SPACE_AVX2 = 2,     ///< Refused where it is missing.
} muster_space_variant;

/// What a space is made from. Start from muster_space_default_def().
typedef struct muster_space_def {
    /// Slots, in [1, MUSTER_SPACE_BODY_CAPACITY_MAX]. Default 1024.
    uint32_t body_capacity;

    /// Contacts kept at once, in [1, 64] a slot. Default 8. Further ones are dropped and counted.
    uint32_t contact_capacity_per_body;

    /// Length of a step, in [0.001, 0.1] seconds. Default 1/60.
    float step_s;

    /// Acceleration in m/s^2, each part in [-1000, 1000]. Default (0, 0, -9.81).
    muster_vec3 gravity;

    /// Rounds of the solver, in [2, 64]. Default 10.
    uint32_t iteration_count;

    /// Side of a cell of the index in metres, in [0.05, 128]. Best a little more than the
    /// diameter of most bodies. Default 2.
    float cell_m;

    /// Speed below which a body rests, in [0, 10] m/s. Default 0.05.
    float sleep_speed_mps;

    /// Ticks that a group of touching bodies rests before it sleeps, in [0, 60000]; 0 for never.
    /// Default 30.
    uint32_t sleep_ticks;

    /// Steepest ground that a body stands on: the least vertical part of its normal, in (0, 1].
    /// Default 0.7.
    float ground_normal_z_min;

    /// Materials; copied. Default one, with friction 0.5, no bounce, full gravity, no damping.
    const muster_space_material *materials;
    uint32_t material_count; ///< In [1, MUSTER_SPACE_MATERIAL_COUNT_MAX].

    /// Static boxes; copied. Default none.
    const muster_space_box *boxes;
    uint32_t box_count; ///< At most MUSTER_SPACE_BOX_COUNT_MAX.

    /// The ground. Default none.
    muster_space_terrain terrain;

    /// The lowest corner of the partitions, in metres. Default -2000 each.
    float partition_min_x, partition_min_y;

    /// Side of a partition in metres, in [1, 32768]. Default 500.
    float partition_m;

    /// Partitions each way, in [1, MUSTER_SPACE_PARTITION_SIDE_MAX]. Default 8.
    uint32_t partition_side_count;

    /// Version of the inner loops. Default MUSTER_SPACE_FASTEST.
    muster_space_variant variant;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_space_def;

/// A definition with every field at its default.
MUSTER_API muster_space_def muster_space_default_def(void);
