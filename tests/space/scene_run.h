// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Runs the physics scenes in tests and names what came out by one number.

#include "space/harness.h"

#include "harness/physics_scene.h"

/// A hash over the live elements of all blocks of a state.
static inline uint64_t test_state_hash(muster_space *space)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t block_count;
    muster_space_state_blocks(space, blocks, &block_count);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (uint32_t i = 0; i < block_count; i++) {
        const uint8_t *bytes = blocks[i].data;
        const size_t byte_count =
            (size_t)*blocks[i].element_count * muster_state_element_bytes(&blocks[i]);
        for (size_t k = 0; k < byte_count; k++) {
            hash = (hash ^ bytes[k]) * UINT64_C(0x100000001B3);
        }
    }
    return hash;
}

/// A space with all bodies of a scene.
static inline muster_space *test_scene(
    const struct physics_scene *scene, muster_space_variant variant, uint32_t sleep_ticks)
{
    muster_space_def def = physics_scene_def(scene);
    def.variant = variant;
    def.sleep_ticks = sleep_ticks;
    muster_space *space;
    assert_int_equal(physics_scene_create(scene, &def, &space), MUSTER_OK);
    return space;
}

/// Runs a scene for some ticks, the first of which is `begin_tick`.
static inline void test_run_scene(const struct physics_scene *scene,
    muster_space *space,
    const muster_parallel *parallel,
    uint64_t begin_tick,
    uint64_t end_tick)
{
    for (uint64_t tick = begin_tick; tick < end_tick; tick++) {
        physics_scene_push_all(scene, space, tick);
        muster_space_step(space, parallel);
    }
}
