// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The inner loops of a step, compiled once for every processor and once for those with AVX2.
/// Both work on eight lanes with the same operations in the same order, so their results are
/// equal to the bit.

#include "muster/grid.h"

/// Contacts that are solved side by side.
#define KERNEL_LANE_COUNT 8u

/// Colours of contacts; those that find none free are solved alone.
#define KERNEL_COLOUR_COUNT 32u

/// A body as the solver sees it.
struct kernel_body {
    _Alignas(16) float x; ///< Velocity in m/s.
    float y, z;
    float inverse_mass; ///< 0 for what is never pushed.
};

/// Eight contacts that share no body that can be pushed. A lane without a contact has the still
/// body at both ends and zeros elsewhere.
struct kernel_group {
    _Alignas(32) uint32_t place_a[KERNEL_LANE_COUNT];
    uint32_t place_b[KERNEL_LANE_COUNT];
    float normal_x[KERNEL_LANE_COUNT]; ///< From b to a.
    float normal_y[KERNEL_LANE_COUNT];
    float normal_z[KERNEL_LANE_COUNT];
    float mass[KERNEL_LANE_COUNT];     ///< Momentum for a change of speed.
    float bias_mps[KERNEL_LANE_COUNT]; ///< Speed along the normal that is aimed at, negated.
    float friction[KERNEL_LANE_COUNT];
    float bounce_mps[KERNEL_LANE_COUNT]; ///< Speed to part at; 0 for none.
    float impulse[KERNEL_LANE_COUNT];
    float friction_x[KERNEL_LANE_COUNT];
    float friction_y[KERNEL_LANE_COUNT];
    float friction_z[KERNEL_LANE_COUNT];
    uint32_t contact[KERNEL_LANE_COUNT]; ///< Index of the contact; UINT32_MAX for none.
    uint32_t lane_count;                 ///< Lanes with contacts; the first ones.
};

/// The index as the search for neighbours sees it.
struct kernel_index {
    const float *x, *y, *z;
    const float *reach_m;
};

/// One version of the inner loops. `is_anchored` groups leave body b alone.
struct kernels {
    /// Lists the places in some ranges that body `place` reaches; returns how many, at most
    /// `capacity`.
    uint32_t (*find_near)(const struct kernel_index *index,
        uint32_t place,
        const muster_grid_range *ranges,
        uint32_t range_count,
        uint32_t *out_places,
        uint32_t capacity);

    /// Applies the impulses that the groups begin with.
    void (*warm_start)(
        struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored);

    /// One round of the solver.
    void (*solve)(
        struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored);

    /// Notes the velocities that move bodies, and takes out of the groups what pushed them apart.
    void (*relax)(struct kernel_group *groups,
        uint32_t count,
        const struct kernel_body *bodies,
        struct kernel_body *moves,
        bool is_anchored);

    /// Makes what should bounce part at its speed.
    void (*bounce)(
        struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored);
};

extern const struct kernels kernels_baseline;

/// The version for AVX2, or NULL where it was not compiled or the processor has none.
const struct kernels *kernels_avx2(void);
