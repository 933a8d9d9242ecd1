// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the tests of this part share: short ways to make spaces and bodies.

#include "muster/space.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/// A flat floor whose top is at height 0, 200 m wide.
static const muster_space_box test_floor = {
    .centre = {0.0f, 0.0f, -5.0f},
    .half_size = {100.0f, 100.0f, 5.0f},
    .category = 1,
};

static inline muster_space *test_create(const muster_space_def *def)
{
    muster_space *space;
    assert_int_equal(muster_space_create(def, &space), MUSTER_OK);
    return space;
}

/// A small space with a floor and one material.
static inline muster_space *test_floor_space(const muster_space_material *material)
{
    muster_space_def def = muster_space_default_def();
    def.body_capacity = 512;
    def.materials = material;
    def.boxes = &test_floor;
    def.box_count = 1;
    return test_create(&def);
}

/// A small space without anything that pulls or stands.
static inline muster_space *test_empty_space(const muster_space_material *material)
{
    muster_space_def def = muster_space_default_def();
    def.body_capacity = 512;
    def.materials = material;
    def.gravity = (muster_vec3){0.0f, 0.0f, 0.0f};
    return test_create(&def);
}

static inline void test_add(
    muster_space *space, uint32_t slot, muster_vec3 position, muster_vec3 velocity)
{
    muster_body_def body = muster_body_default_def();
    body.position = position;
    body.velocity = velocity;
    assert_int_equal(muster_space_body_add(space, slot, &body), MUSTER_OK);
}

static inline void test_steps(muster_space *space, uint32_t step_count)
{
    const muster_parallel serial = muster_parallel_serial();
    for (uint32_t i = 0; i < step_count; i++) {
        muster_space_step(space, &serial);
    }
}

static inline muster_vec3 test_position(const muster_space *space, uint32_t slot)
{
    return muster_space_columns_read(space).position[slot];
}

static inline muster_vec3 test_velocity(const muster_space *space, uint32_t slot)
{
    return muster_space_columns_read(space).velocity[slot];
}

static inline void assert_near(float value, float expected, float tolerance)
{
    if (!(value >= expected - tolerance && value <= expected + tolerance)) {
        fail_msg("%g is not within %g of %g", (double)value, (double)tolerance, (double)expected);
    }
}
