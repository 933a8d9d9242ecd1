// SPDX-License-Identifier: Apache-2.0
#include "space/harness.h"

#include "harness/random.h"

static const muster_space_material plain = {.friction = 0.5f, .gravity_scale = 1.0f};
static const muster_space_material slick = {.gravity_scale = 1.0f};
static const muster_space_material lively = {.restitution = 1.0f, .gravity_scale = 1.0f};

static const muster_vec3 none = {0.0f, 0.0f, 0.0f};

static void a_body_in_the_air_falls_as_gravity_says(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    muster_space *space = test_create(&def);
    test_add(space, 7, (muster_vec3){1.0f, 2.0f, 100.0f}, (muster_vec3){3.0f, 0.0f, 0.0f});
    test_steps(space, 60);
    assert_near(test_velocity(space, 7).z, -9.81f, 1e-3f);
    assert_near(test_position(space, 7).x, 4.0f, 1e-3f);
    assert_near(test_position(space, 7).z, 100.0f - 9.81f / 2.0f, 0.1f);
    muster_space_destroy(space);
}

static void a_body_comes_to_rest_on_a_floor_and_sleeps(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 3.0f}, none);
    test_steps(space, 240);
    assert_near(test_position(space, 0).z, 0.5f, 0.01f);
    assert_near(test_velocity(space, 0).z, 0.0f, 1e-3f);
    assert_true(muster_space_body_is_asleep(space, 0));
    assert_near(muster_space_columns_read(space).ground_normal[0].z, 1.0f, 1e-5f);
    muster_space_destroy(space);
}

static void a_stack_of_ten_stays_up(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    def.boxes = &test_floor;
    def.box_count = 1;
    def.sleep_ticks = 0;
    muster_space *space = test_create(&def);
    for (uint32_t i = 0; i < 10; i++) {
        test_add(space, i, (muster_vec3){0.0f, 0.0f, 0.5f + 1.0f * (float)i}, none);
    }
    test_steps(space, 600);
    for (uint32_t i = 0; i < 10; i++) {
        assert_near(test_position(space, i).z, 0.5f + 1.0f * (float)i, 0.02f + 0.02f * (float)i);
        assert_near(test_position(space, i).x, 0.0f, 1e-3f);
        assert_near(muster_vec3_length(test_velocity(space, i)), 0.0f, 0.02f);
    }
    muster_space_destroy(space);
}

static void a_lively_ball_bounces_back_to_its_height(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&lively);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 5.5f}, none);
    float highest = 0.0f;
    for (uint32_t i = 0; i < 200; i++) {
        test_steps(space, 1);
        if (i > 70) {
            highest = muster_clamp(test_position(space, 0).z, highest, 100.0f);
        }
    }
    assert_near(highest, 5.5f, 0.35f);
    muster_space_destroy(space);
}

static void half_restitution_gives_a_quarter_of_the_height(void **state)
{
    (void)state;
    const muster_space_material half = {.restitution = 0.5f, .gravity_scale = 1.0f};
    muster_space *space = test_floor_space(&half);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 8.5f}, none);
    float highest = 0.0f;
    for (uint32_t i = 0; i < 150; i++) {
        test_steps(space, 1);
        if (i > 90) {
            highest = muster_clamp(test_position(space, 0).z, highest, 100.0f);
        }
    }
    assert_near(highest, 2.5f, 0.25f);
    muster_space_destroy(space);
}

static void equal_balls_swap_their_speeds_head_on(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&lively);
    test_add(space, 0, (muster_vec3){-2.0f, 0.0f, 0.0f}, (muster_vec3){4.0f, 0.0f, 0.0f});
    test_add(space, 1, (muster_vec3){2.0f, 0.0f, 0.0f}, (muster_vec3){-2.0f, 0.0f, 0.0f});
    test_steps(space, 120);
    assert_near(test_velocity(space, 0).x, -2.0f, 1e-3f);
    assert_near(test_velocity(space, 1).x, 4.0f, 1e-3f);
    muster_space_destroy(space);
}

static void a_crowd_in_free_space_keeps_its_momentum(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    uint64_t random = 5;
    muster_vec3 before = none;
    for (uint32_t i = 0; i < 300; i++) {
        muster_body_def body = muster_body_default_def();
        body.position = (muster_vec3){(float)(random_next(&random) % 800) * 0.01f,
            (float)(random_next(&random) % 800) * 0.01f,
            (float)(random_next(&random) % 800) * 0.01f};
        body.velocity = (muster_vec3){(float)(random_next(&random) % 100) * 0.1f - 5.0f,
            (float)(random_next(&random) % 100) * 0.1f - 5.0f,
            (float)(random_next(&random) % 100) * 0.1f - 5.0f};
        body.mass_kg = 1.0f + (float)(i % 3);
        assert_int_equal(muster_space_body_add(space, i, &body), MUSTER_OK);
        before = muster_vec3_add(before, muster_vec3_scale(body.velocity, body.mass_kg));
    }
    test_steps(space, 120);
    muster_vec3 after = none;
    float energy = 0.0f;
    for (uint32_t i = 0; i < 300; i++) {
        const muster_vec3 velocity = test_velocity(space, i);
        after = muster_vec3_add(after, muster_vec3_scale(velocity, 1.0f + (float)(i % 3)));
        energy += muster_vec3_dot(velocity, velocity);
    }
    assert_near(after.x, before.x, 0.05f);
    assert_near(after.y, before.y, 0.05f);
    assert_near(after.z, before.z, 0.05f);
    assert_true(energy > 0.0f);
    assert_int_equal(muster_space_dropped_count(space), 0);
    muster_space_destroy(space);
}

// A sphere that cannot turn stays on a slope whose tangent is below its friction.
static float slide_on_slope(float slope, float friction)
{
    float heights[32 * 32];
    for (uint32_t i = 0; i < 32 * 32; i++) {
        heights[i] = slope * (float)(i % 32);
    }
    const muster_space_material material = {.friction = friction, .gravity_scale = 1.0f};
    muster_space_def def = muster_space_default_def();
    def.materials = &material;
    def.terrain = (muster_space_terrain){
        .heights_m = heights, .column_count = 32, .row_count = 32, .sample_m = 1.0f, .category = 1};
    muster_space *space = test_create(&def);
    const float lift = 0.5f * muster_sqrt(1.0f + slope * slope);
    test_add(space, 0, (muster_vec3){20.3f, 15.4f, slope * 20.3f + lift}, none);
    test_steps(space, 60);
    const float moved = 20.3f - test_position(space, 0).x;
    muster_space_destroy(space);
    return moved;
}

static void friction_holds_below_its_angle_and_slides_above(void **state)
{
    (void)state;
    assert_near(slide_on_slope(0.3f, 0.4f), 0.0f, 0.01f);
    assert_near(slide_on_slope(0.5f, 0.6f), 0.0f, 0.02f);
    // Down a slope of 0.5 without friction: g sin cos t^2 / 2 along x.
    assert_near(slide_on_slope(0.5f, 0.0f), 9.81f * 0.4f / 2.0f, 0.1f);
    assert_near(slide_on_slope(0.5f, 0.2f), 9.81f * 0.8f * (0.5f - 0.2f) / 2.0f, 0.1f);
}

static void drag_slows_and_weightless_bodies_float(void **state)
{
    (void)state;
    const muster_space_material floating = {.damping_per_s = 1.0f};
    muster_space_def def = muster_space_default_def();
    def.materials = &floating;
    muster_space *space = test_create(&def);
    test_add(space, 0, none, (muster_vec3){8.0f, 0.0f, 0.0f});
    test_steps(space, 60);
    assert_near(test_velocity(space, 0).x, 8.0f * 0.371f, 0.05f);
    assert_near(test_velocity(space, 0).z, 0.0f, 0.0f);
    muster_space_destroy(space);
}

int main(void)
{
    (void)slick;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_in_the_air_falls_as_gravity_says),
        cmocka_unit_test(a_body_comes_to_rest_on_a_floor_and_sleeps),
        cmocka_unit_test(a_stack_of_ten_stays_up),
        cmocka_unit_test(a_lively_ball_bounces_back_to_its_height),
        cmocka_unit_test(half_restitution_gives_a_quarter_of_the_height),
        cmocka_unit_test(equal_balls_swap_their_speeds_head_on),
        cmocka_unit_test(a_crowd_in_free_space_keeps_its_momentum),
        cmocka_unit_test(friction_holds_below_its_angle_and_slides_above),
        cmocka_unit_test(drag_slows_and_weightless_bodies_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
