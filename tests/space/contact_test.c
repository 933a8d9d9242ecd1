// SPDX-License-Identifier: Apache-2.0
#include "space/harness.h"

#include "harness/random.h"

static const muster_space_material plain = {.friction = 0.5f, .gravity_scale = 1.0f};
static const muster_space_material lively = {.restitution = 1.0f, .gravity_scale = 1.0f};
static const muster_vec3 none = {0.0f, 0.0f, 0.0f};

static void add_sort(muster_space *space, uint32_t slot, muster_vec3 position, uint8_t flags)
{
    muster_body_def body = muster_body_default_def();
    body.position = position;
    body.flags = flags;
    assert_int_equal(muster_space_body_add(space, slot, &body), MUSTER_OK);
}

static void add_bullet(
    muster_space *space, uint32_t slot, muster_vec3 position, muster_vec3 velocity)
{
    muster_body_def body = muster_body_default_def();
    body.position = position;
    body.velocity = velocity;
    body.radius_m = 0.05f;
    body.mass_kg = 0.1f;
    body.flags = MUSTER_BODY_BULLET;
    assert_int_equal(muster_space_body_add(space, slot, &body), MUSTER_OK);
}

static uint32_t contact_count(const muster_space *space)
{
    uint32_t count;
    muster_space_contacts(space, &count);
    return count;
}

static uint32_t hit_count(const muster_space *space)
{
    uint32_t count;
    muster_space_hits(space, &count);
    return count;
}

static void a_touch_is_told_once_when_it_begins(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    test_add(space, 3, (muster_vec3){0.0f, 0.0f, 1.0f}, none);
    uint32_t told_count = 0;
    for (uint32_t i = 0; i < 120; i++) {
        test_steps(space, 1);
        uint32_t count;
        const muster_space_contact *contacts = muster_space_contacts(space, &count);
        for (uint32_t k = 0; k < count; k++) {
            assert_int_equal(contacts[k].slot, 3);
            assert_int_equal(contacts[k].kind, MUSTER_SPACE_BOX);
            assert_int_equal(contacts[k].index, 0);
            assert_near(contacts[k].normal.z, 1.0f, 1e-5f);
            assert_near(contacts[k].approach_mps, 3.1f, 0.3f);
        }
        told_count += count;
    }
    assert_int_equal(told_count, 1);
    muster_space_destroy(space);
}

static void bodies_whose_masks_do_not_match_pass_through_each_other(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    for (uint32_t i = 0; i < 2; i++) {
        muster_body_def body = muster_body_default_def();
        body.position.x = i == 0 ? -1.0f : 1.0f;
        body.velocity.x = i == 0 ? 2.0f : -2.0f;
        body.category = (uint16_t)(i == 0 ? 1 : 2);
        body.mask = (uint16_t)(i == 0 ? 1 : 3);
        assert_int_equal(muster_space_body_add(space, i, &body), MUSTER_OK);
    }
    test_steps(space, 60);
    assert_near(test_velocity(space, 0).x, 2.0f, 1e-6f);
    assert_near(test_velocity(space, 1).x, -2.0f, 1e-6f);
    muster_space_destroy(space);
}

static void a_body_that_does_not_look_for_statics_falls_through_them(void **state)
{
    (void)state;
    float heights[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    muster_space_def def = muster_space_default_def();
    def.boxes = &test_floor;
    def.box_count = 1;
    def.terrain = (muster_space_terrain){
        .heights_m = heights, .column_count = 2, .row_count = 2, .sample_m = 10.0f, .category = 1};
    muster_space *space = test_create(&def);
    muster_body_def body = muster_body_default_def();
    body.position = (muster_vec3){2.0f, 2.0f, 1.0f};
    body.mask = 2;
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    body.flags = MUSTER_BODY_BULLET;
    assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_OK);
    test_steps(space, 120);
    assert_true(test_position(space, 0).z < -10.0f);
    assert_true(test_position(space, 1).z < -10.0f);
    muster_space_destroy(space);
}

static void a_kinematic_body_pushes_and_is_not_pushed(void **state)
{
    (void)state;
    for (uint32_t turn = 0; turn < 2; turn++) {
        muster_space *space = test_empty_space(&plain);
        // Either may come first in the order of places.
        const float side = turn == 0 ? 1.0f : -1.0f;
        muster_body_def body = muster_body_default_def();
        body.flags = MUSTER_BODY_KINEMATIC;
        body.velocity.x = 2.0f * side;
        assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
        add_sort(space, 2, (muster_vec3){4.0f * side, 0.2f, 0.0f}, MUSTER_BODY_KINEMATIC);
        test_add(space, 1, (muster_vec3){2.0f * side, 0.0f, 0.0f}, none);
        test_steps(space, 60);
        assert_near(test_velocity(space, 0).x, 2.0f * side, 0.0f);
        assert_near(test_position(space, 0).x, 2.0f * side, 1e-4f);
        assert_true(side * test_position(space, 1).x > 2.4f);
        assert_near(test_position(space, 2).x, 4.0f * side, 0.0f);
        muster_space_destroy(space);
    }
}

static void a_sensor_tells_and_is_not_felt(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    add_sort(space, 0, none, MUSTER_BODY_SENSOR);
    add_sort(space, 1, (muster_vec3){0.4f, 0.0f, 0.0f}, MUSTER_BODY_SENSOR);
    test_add(space, 2, (muster_vec3){-3.0f, 0.0f, 0.0f}, (muster_vec3){3.0f, 0.0f, 0.0f});
    uint32_t told_count = 0;
    for (uint32_t i = 0; i < 120; i++) {
        test_steps(space, 1);
        told_count += contact_count(space);
    }
    assert_int_equal(told_count, 2);
    assert_near(test_velocity(space, 2).x, 3.0f, 1e-5f);
    assert_near(muster_space_columns_read(space).ground_normal[2].z, 0.0f, 0.0f);
    muster_space_destroy(space);
}

static void a_sensor_that_appears_tells_of_those_that_sleep(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 0.5f}, none);
    test_steps(space, 120);
    assert_true(muster_space_body_is_asleep(space, 0));
    add_sort(space, 1, (muster_vec3){0.0f, 0.0f, 0.7f}, MUSTER_BODY_SENSOR);
    test_steps(space, 1);
    assert_int_equal(contact_count(space), 1);
    assert_true(muster_space_body_is_asleep(space, 0));
    test_steps(space, 5);
    assert_int_equal(contact_count(space), 0);
    muster_space_destroy(space);
}

static muster_space *create_sleeping_pair(void)
{
    muster_space *space = test_floor_space(&plain);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 0.5f}, none);
    test_add(space, 1, (muster_vec3){0.0f, 0.0f, 1.5f}, none);
    test_steps(space, 200);
    assert_true(muster_space_body_is_asleep(space, 0));
    assert_true(muster_space_body_is_asleep(space, 1));
    return space;
}

static void what_rests_together_sleeps_and_wakes_together(void **state)
{
    (void)state;
    muster_space *space = create_sleeping_pair();
    assert_int_equal(muster_space_body_push(space, 0, (muster_vec3){0.5f, 0.0f, 0.0f}), MUSTER_OK);
    assert_false(muster_space_body_is_asleep(space, 0));
    assert_false(muster_space_body_is_asleep(space, 1));
    muster_space_destroy(space);

    space = create_sleeping_pair();
    assert_int_equal(muster_space_body_set_velocity(space, 1, none), MUSTER_OK);
    assert_true(muster_space_body_is_asleep(space, 1));
    assert_int_equal(
        muster_space_body_set_position(space, 1, (muster_vec3){9.0f, 0.0f, 0.5f}), MUSTER_OK);
    assert_false(muster_space_body_is_asleep(space, 0));
    muster_space_destroy(space);
}

static void taking_away_what_it_sleeps_on_wakes_a_body(void **state)
{
    (void)state;
    muster_space *space = create_sleeping_pair();
    assert_true(muster_space_body_remove(space, 0));
    test_steps(space, 60);
    assert_near(test_position(space, 1).z, 0.5f, 0.02f);
    muster_space_destroy(space);
}

static void a_body_that_runs_into_sleepers_gives_them_its_momentum(void **state)
{
    (void)state;
    const muster_space_material material = {.restitution = 1.0f};
    muster_space *space = test_empty_space(&material);
    test_add(space, 0, none, none);
    test_steps(space, 60);
    assert_true(muster_space_body_is_asleep(space, 0));
    test_add(space, 1, (muster_vec3){-5.0f, 0.0f, 0.0f}, (muster_vec3){4.0f, 0.0f, 0.0f});
    test_steps(space, 120);
    assert_near(test_velocity(space, 0).x, 4.0f, 1e-3f);
    assert_near(test_velocity(space, 1).x, 0.0f, 1e-3f);
    muster_space_destroy(space);
}

static void sleepers_keep_their_contacts_and_are_not_told_again(void **state)
{
    (void)state;
    muster_space *space = create_sleeping_pair();
    // One more falls beside and wakes nobody, then one falls on top.
    test_add(space, 2, (muster_vec3){20.0f, 0.0f, 2.0f}, none);
    uint32_t told_count = 0;
    for (uint32_t i = 0; i < 60; i++) {
        test_steps(space, 1);
        told_count += contact_count(space);
        assert_true(muster_space_body_is_asleep(space, 0));
    }
    assert_int_equal(told_count, 1);
    test_add(space, 3, (muster_vec3){0.0f, 0.0f, 3.0f}, none);
    test_steps(space, 40);
    assert_false(muster_space_body_is_asleep(space, 0));
    muster_space_destroy(space);
}

static void ground_is_what_is_level_enough_to_stand_on(void **state)
{
    (void)state;
    muster_space *space = create_sleeping_pair();
    const muster_space_columns columns = muster_space_columns_read(space);
    assert_near(columns.ground_normal[0].z, 1.0f, 1e-4f);
    assert_near(columns.ground_normal[1].z, 1.0f, 1e-4f);
    muster_space_destroy(space);

    muster_space_box wall = test_floor;
    wall.centre = (muster_vec3){2.0f, 0.0f, 0.0f};
    wall.half_size = (muster_vec3){1.0f, 50.0f, 50.0f};
    muster_space_def def = muster_space_default_def();
    def.boxes = &wall;
    def.box_count = 1;
    space = test_create(&def);
    test_add(space, 0, (muster_vec3){0.49f, 0.0f, 0.0f}, (muster_vec3){1.0f, 0.0f, 0.0f});
    test_steps(space, 5);
    assert_near(muster_space_columns_read(space).ground_normal[0].z, 0.0f, 0.0f);
    muster_space_destroy(space);
}

static void bullets_never_pass_a_thin_wall(void **state)
{
    (void)state;
    muster_space_box wall = test_floor;
    wall.centre = (muster_vec3){10.0f, 0.0f, 0.0f};
    wall.half_size = (muster_vec3){0.01f, 30.0f, 30.0f};
    muster_space_def def = muster_space_default_def();
    def.boxes = &wall;
    def.box_count = 1;
    def.body_capacity = 300;
    muster_space *space = test_create(&def);
    uint64_t random = 3;
    for (uint32_t i = 0; i < 300; i++) {
        const float speed = 100.0f + (float)(random_next(&random) % 890);
        const float y = (float)(random_next(&random) % 100) * 0.1f - 5.0f;
        add_bullet(space, i, (muster_vec3){0.0f, y, 0.0f}, (muster_vec3){speed, 0.0f, 0.0f});
    }
    uint32_t hits = 0;
    for (uint32_t tick = 0; tick < 20; tick++) {
        test_steps(space, 1);
        hits += hit_count(space);
        for (uint32_t i = 0; i < 300; i++) {
            assert_true(test_position(space, i).x < 10.0f);
        }
    }
    assert_int_equal(hits, 300);
    muster_space_destroy(space);
}

static void bullets_never_pass_rough_ground(void **state)
{
    (void)state;
    uint64_t random = 11;
    static float heights[64 * 64];
    for (uint32_t i = 0; i < 64 * 64; i++) {
        heights[i] = (float)(random_next(&random) % 400) * 0.01f;
    }
    muster_space_def def = muster_space_default_def();
    def.body_capacity = 500;
    def.terrain = (muster_space_terrain){
        .heights_m = heights, .column_count = 64, .row_count = 64, .sample_m = 1.0f, .category = 1};
    muster_space *space = test_create(&def);
    for (uint32_t i = 0; i < 500; i++) {
        const muster_vec3 from = {10.0f + (float)(random_next(&random) % 400) * 0.1f,
            10.0f + (float)(random_next(&random) % 400) * 0.1f, 30.0f};
        const muster_vec3 velocity = {(float)(random_next(&random) % 200) - 100.0f,
            (float)(random_next(&random) % 200) - 100.0f, -300.0f};
        add_bullet(space, i, from, velocity);
    }
    for (uint32_t tick = 0; tick < 10; tick++) {
        test_steps(space, 1);
        for (uint32_t i = 0; i < 500; i++) {
            const muster_vec3 at = test_position(space, i);
            float height;
            if (muster_space_ground_height(space, at.x, at.y, &height)) {
                assert_true(at.z > height - 1e-3f);
            }
        }
    }
    muster_space_destroy(space);
}

static void a_bullet_hits_the_first_body_and_pushes_it(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&lively);
    for (uint32_t i = 0; i < 3; i++) {
        test_add(space, i, (muster_vec3){5.0f + 3.0f * (float)i, 0.1f, 0.0f}, none);
    }
    add_sort(space, 5, (muster_vec3){3.0f, 0.0f, 0.0f}, MUSTER_BODY_SENSOR);
    test_steps(space, 60);
    add_bullet(space, 9, none, (muster_vec3){600.0f, 0.0f, 0.0f});
    test_steps(space, 1);
    uint32_t count;
    const muster_space_hit *hits = muster_space_hits(space, &count);
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].slot, 9);
    assert_int_equal(hits[0].kind, MUSTER_SPACE_BODY);
    assert_int_equal(hits[0].index, 0);
    assert_near(hits[0].point.x, 4.46f, 0.02f);
    assert_true(hits[0].normal.x < -0.9f);
    assert_near(hits[0].fraction, 0.446f, 0.002f);
    assert_true(test_velocity(space, 9).x < 0.0f);
    // Momentum is kept: 0.1 kg at 600 m/s.
    const float momentum = test_velocity(space, 0).x + 0.1f * test_velocity(space, 9).x;
    assert_near(momentum, 60.0f, 0.05f);
    assert_false(muster_space_body_is_asleep(space, 0));
    muster_space_destroy(space);
}

static void a_bullet_and_a_fast_body_that_meet_cannot_miss(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        muster_space *space = test_empty_space(&plain);
        const float gap = 2.0f + 0.1f * (float)i;
        add_bullet(space, 0, (muster_vec3){-gap, 0.0f, 0.0f}, (muster_vec3){90.0f, 0.0f, 0.0f});
        test_add(space, 1, (muster_vec3){gap, 0.0f, 0.0f}, (muster_vec3){-80.0f, 0.0f, 0.0f});
        uint32_t hits = 0;
        for (uint32_t tick = 0; tick < 10 && hits == 0; tick++) {
            test_steps(space, 1);
            hits = hit_count(space);
        }
        assert_int_equal(hits, 1);
        muster_space_destroy(space);
    }
}

static void bullets_respect_masks_kinematic_bodies_and_large_ones(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    muster_body_def body = muster_body_default_def();
    body.position.x = 4.0f;
    body.category = 4;
    body.mask = 4;
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    body = muster_body_default_def();
    body.position.x = 30.0f;
    body.radius_m = 10.0f;
    body.flags = MUSTER_BODY_KINEMATIC;
    assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_OK);
    add_bullet(space, 2, none, (muster_vec3){300.0f, 0.0f, 0.0f});
    uint32_t hits = 0;
    for (uint32_t tick = 0; tick < 10; tick++) {
        test_steps(space, 1);
        uint32_t count;
        const muster_space_hit *hit = muster_space_hits(space, &count);
        if (count > 0) {
            assert_int_equal(hit[0].index, 1);
            assert_near(hit[0].point.x, 19.95f, 0.01f);
        }
        hits += count;
    }
    assert_int_equal(hits, 1);
    assert_near(test_velocity(space, 1).x, 0.0f, 0.0f);
    muster_space_destroy(space);
}

static void a_bullet_that_starts_inside_a_body_may_leave_it(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 0, none, none);
    add_bullet(space, 1, (muster_vec3){0.2f, 0.0f, 0.0f}, (muster_vec3){50.0f, 0.0f, 0.0f});
    test_steps(space, 3);
    assert_int_equal(hit_count(space), 0);
    assert_true(test_position(space, 1).x > 2.0f);
    muster_space_destroy(space);
}

static void bodies_larger_than_a_cell_touch_all_that_they_reach(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    muster_body_def body = muster_body_default_def();
    body.radius_m = 5.0f;
    body.mass_kg = 1000.0f;
    body.position = (muster_vec3){0.0f, 0.0f, 5.0f};
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    body.position = (muster_vec3){9.0f, 0.0f, 5.0f};
    assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_OK);
    test_add(space, 2, (muster_vec3){0.0f, 0.0f, 12.0f}, none);
    test_add(space, 3, (muster_vec3){0.0f, 3.9f, 3.0f}, none);
    test_steps(space, 200);
    const muster_vec3 apart = muster_vec3_sub(test_position(space, 0), test_position(space, 1));
    assert_true(muster_vec3_length(apart) > 9.9f);
    for (uint32_t i = 2; i < 4; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            const muster_vec3 way =
                muster_vec3_sub(test_position(space, i), test_position(space, k));
            assert_true(muster_vec3_length(way) > 5.4f);
        }
    }
    muster_space_destroy(space);
}

static void a_ball_rests_in_a_valley_and_does_not_fall_through_the_ground(void **state)
{
    (void)state;
    float heights[9 * 9];
    for (uint32_t i = 0; i < 81; i++) {
        const float x = (float)(i % 9) - 4.0f;
        heights[i] = x < 0.0f ? -x : x;
    }
    muster_space_def def = muster_space_default_def();
    def.terrain = (muster_space_terrain){.heights_m = heights,
        .column_count = 9,
        .row_count = 9,
        .sample_m = 1.0f,
        .min_x = -4.0f,
        .min_y = -4.0f,
        .category = 1};
    muster_space *space = test_create(&def);
    test_add(space, 0, (muster_vec3){0.0f, 0.3f, 3.0f}, none);
    // One that begins under the ground is lifted out.
    test_add(space, 1, (muster_vec3){2.0f, 2.5f, 1.5f}, none);
    test_steps(space, 400);
    assert_near(test_position(space, 0).x, 0.0f, 0.02f);
    assert_near(test_position(space, 0).z, 0.5f * 1.41421f, 0.03f);
    float height;
    assert_true(muster_space_ground_height(
        space, test_position(space, 1).x, test_position(space, 1).y, &height));
    assert_true(test_position(space, 1).z > height);
    muster_space_destroy(space);
}

static void a_ball_rolls_over_even_ground_without_a_bump(void **state)
{
    (void)state;
    static float heights[64 * 64];
    memset(heights, 0, sizeof heights);
    const muster_space_material slick = {.gravity_scale = 1.0f};
    muster_space_def def = muster_space_default_def();
    def.materials = &slick;
    def.terrain = (muster_space_terrain){
        .heights_m = heights, .column_count = 64, .row_count = 64, .sample_m = 0.7f, .category = 1};
    muster_space *space = test_create(&def);
    test_add(space, 0, (muster_vec3){2.0f, 2.1f, 0.5f}, (muster_vec3){6.0f, 5.0f, 0.0f});
    for (uint32_t i = 0; i < 300; i++) {
        test_steps(space, 1);
        assert_near(test_position(space, 0).z, 0.5f, 0.012f);
    }
    assert_near(test_velocity(space, 0).x, 6.0f, 1e-3f);
    assert_near(test_velocity(space, 0).y, 5.0f, 1e-3f);
    muster_space_destroy(space);
}

static void a_ball_on_a_peak_touches_its_tip_alone(void **state)
{
    (void)state;
    float heights[9] = {0.0f, 0.0f, 0.0f, 0.0f, 3.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    muster_space_def def = muster_space_default_def();
    def.gravity = none;
    def.terrain = (muster_space_terrain){.heights_m = heights,
        .column_count = 3,
        .row_count = 3,
        .sample_m = 1.0f,
        .min_x = -1.0f,
        .min_y = -1.0f,
        .category = 1};
    muster_space *space = test_create(&def);
    test_add(space, 0, (muster_vec3){0.0f, 0.0f, 4.0f}, (muster_vec3){0.0f, 0.0f, -1.0f});
    test_steps(space, 60);
    assert_near(test_position(space, 0).z, 3.5f, 0.02f);
    assert_near(test_position(space, 0).x, 0.0f, 0.02f);
    muster_space_destroy(space);
}

static void bodies_in_one_place_part_and_what_finds_no_room_is_counted(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    def.body_capacity = 400;
    def.contact_capacity_per_body = 4;
    def.gravity = none;
    muster_space *space = test_create(&def);
    for (uint32_t i = 0; i < 400; i++) {
        test_add(space, i, none, none);
    }
    test_steps(space, 5);
    assert_true(muster_space_dropped_count(space) > 0);
    test_steps(space, 400);
    const uint64_t dropped = muster_space_dropped_count(space);
    test_steps(space, 10);
    assert_true(muster_space_dropped_count(space) == dropped);
    assert_true(muster_vec3_length(test_position(space, 7)) > 0.0f);
    muster_space_destroy(space);
}

// A body that touches more others than there are colours, and more boxes.
static void a_body_may_touch_more_than_there_are_colours(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    static muster_space_box boxes[80];
    for (uint32_t i = 0; i < 80; i++) {
        boxes[i] = (muster_space_box){
            .centre = {0.0f, 0.0f, -1.0f}, .half_size = {8.0f, 8.0f, 1.0f}, .category = 1};
    }
    def.boxes = boxes;
    def.box_count = 80;
    def.contact_capacity_per_body = 64;
    muster_space *space = test_create(&def);
    muster_body_def body = muster_body_default_def();
    body.radius_m = 4.0f;
    body.mass_kg = 50.0f;
    body.position = (muster_vec3){0.0f, 0.0f, 4.0f};
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    for (uint32_t i = 0; i < 120; i++) {
        const float turn = 0.4f * (float)i;
        const float height = 1.0f - 2.0f * ((float)i + 0.5f) / 120.0f;
        const float wide = muster_sqrt(1.0f - height * height);
        body = muster_body_default_def();
        body.radius_m = 0.2f;
        body.mass_kg = 1.0f;
        body.position = (muster_vec3){4.19f * wide * muster_cos(turn),
            4.19f * wide * muster_sin(turn), 4.0f + 4.19f * height};
        if (body.position.z > 0.3f) {
            assert_int_equal(muster_space_body_add(space, i + 1, &body), MUSTER_OK);
        }
    }
    test_steps(space, 60);
    assert_near(test_position(space, 0).z, 4.0f, 0.1f);
    muster_space_destroy(space);
}

static void far_from_the_origin_things_rest_as_well(void **state)
{
    (void)state;
    muster_space_box floor = test_floor;
    floor.centre = (muster_vec3){12000.0f, -12000.0f, -5.0f};
    muster_space_def def = muster_space_default_def();
    def.boxes = &floor;
    def.box_count = 1;
    muster_space *space = test_create(&def);
    for (uint32_t i = 0; i < 4; i++) {
        test_add(space, i, (muster_vec3){12000.0f, -12000.0f, 0.5f + (float)i}, none);
    }
    test_steps(space, 300);
    for (uint32_t i = 0; i < 4; i++) {
        assert_near(test_position(space, i).z, 0.5f + (float)i, 0.05f);
        assert_true(muster_space_body_is_asleep(space, i));
    }
    muster_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_touch_is_told_once_when_it_begins),
        cmocka_unit_test(bodies_whose_masks_do_not_match_pass_through_each_other),
        cmocka_unit_test(a_body_that_does_not_look_for_statics_falls_through_them),
        cmocka_unit_test(a_kinematic_body_pushes_and_is_not_pushed),
        cmocka_unit_test(a_sensor_tells_and_is_not_felt),
        cmocka_unit_test(a_sensor_that_appears_tells_of_those_that_sleep),
        cmocka_unit_test(what_rests_together_sleeps_and_wakes_together),
        cmocka_unit_test(taking_away_what_it_sleeps_on_wakes_a_body),
        cmocka_unit_test(a_body_that_runs_into_sleepers_gives_them_its_momentum),
        cmocka_unit_test(sleepers_keep_their_contacts_and_are_not_told_again),
        cmocka_unit_test(ground_is_what_is_level_enough_to_stand_on),
        cmocka_unit_test(bullets_never_pass_a_thin_wall),
        cmocka_unit_test(bullets_never_pass_rough_ground),
        cmocka_unit_test(a_bullet_hits_the_first_body_and_pushes_it),
        cmocka_unit_test(a_bullet_and_a_fast_body_that_meet_cannot_miss),
        cmocka_unit_test(bullets_respect_masks_kinematic_bodies_and_large_ones),
        cmocka_unit_test(a_bullet_that_starts_inside_a_body_may_leave_it),
        cmocka_unit_test(bodies_larger_than_a_cell_touch_all_that_they_reach),
        cmocka_unit_test(a_ball_rests_in_a_valley_and_does_not_fall_through_the_ground),
        cmocka_unit_test(a_ball_rolls_over_even_ground_without_a_bump),
        cmocka_unit_test(a_ball_on_a_peak_touches_its_tip_alone),
        cmocka_unit_test(bodies_in_one_place_part_and_what_finds_no_room_is_counted),
        cmocka_unit_test(a_body_may_touch_more_than_there_are_colours),
        cmocka_unit_test(far_from_the_origin_things_rest_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
