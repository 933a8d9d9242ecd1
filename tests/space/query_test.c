// SPDX-License-Identifier: Apache-2.0
#include "space/harness.h"

#include "harness/random.h"

#define BODY_COUNT 200u

static const muster_space_material plain = {.friction = 0.5f, .gravity_scale = 1.0f};
static const muster_vec3 none = {0.0f, 0.0f, 0.0f};
static uint64_t test_seed = 1;

static float between(uint64_t *random, float min, float max)
{
    return min + (max - min) * (float)(random_next(random) >> 40) / 16777216.0f;
}

static muster_vec3 random_place(uint64_t *random, float size)
{
    const float x = between(random, -size, size);
    const float y = between(random, -size, size);
    return (muster_vec3){x, y, between(random, -size, size)};
}

static void fill(muster_space *space, uint64_t *random)
{
    for (uint32_t i = 0; i < BODY_COUNT; i++) {
        muster_body_def body = muster_body_default_def();
        body.position = random_place(random, 20.0f);
        body.radius_m = between(random, 0.1f, i % 20 == 0 ? 4.0f : 0.9f);
        body.category = (uint16_t)(1u << (i % 3));
        body.flags = i % 11 == 0 ? MUSTER_BODY_BULLET : i % 7 == 0 ? MUSTER_BODY_SENSOR : 0;
        assert_int_equal(muster_space_body_add(space, i, &body), MUSTER_OK);
    }
}

static bool is_sought(const muster_space *space, uint32_t slot, uint16_t mask)
{
    const uint8_t flags = muster_space_columns_read(space).flags[slot];
    const uint16_t category = (uint16_t)(1u << (slot % 3));
    return (flags & MUSTER_BODY_EXISTS) != 0 && (flags & MUSTER_BODY_BULLET) == 0 &&
           (category & mask) != 0;
}

static void check_overlap(muster_space *space, uint64_t *random)
{
    const muster_vec3 centre = random_place(random, 25.0f);
    const float radius_m = between(random, 0.0f, 10.0f);
    const uint16_t mask = (uint16_t)(1 + random_next(random) % 7);
    const muster_space_columns columns = muster_space_columns_read(space);
    uint32_t found[BODY_COUNT];
    uint32_t found_count;
    assert_int_equal(
        muster_space_overlap(space, centre, radius_m, mask, found, BODY_COUNT, &found_count),
        MUSTER_OK);
    uint32_t expected_count = 0;
    for (uint32_t slot = 0; slot < columns.slot_count; slot++) {
        const muster_vec3 way = muster_vec3_sub(columns.position[slot], centre);
        const float reach = columns.radius_m[slot] + radius_m;
        if (is_sought(space, slot, mask) && muster_vec3_dot(way, way) <= reach * reach) {
            assert_true(expected_count < found_count);
            assert_int_equal(found[expected_count], slot);
            expected_count++;
        }
    }
    assert_int_equal(found_count, expected_count);
}

// The first body on a line, by the formula for roots in double precision.
static double first_on_line(muster_space *space, const muster_space_ray *ray, uint32_t *out_slot)
{
    const muster_space_columns columns = muster_space_columns_read(space);
    const muster_vec3 way = muster_vec3_sub(ray->to, ray->from);
    const double a = (double)muster_vec3_dot(way, way);
    double first = 1.0;
    *out_slot = UINT32_MAX;
    for (uint32_t slot = 0; slot < columns.slot_count; slot++) {
        if (!is_sought(space, slot, ray->mask) || slot == ray->ignore_slot) {
            continue;
        }
        const muster_vec3 offset = muster_vec3_sub(ray->from, columns.position[slot]);
        const double b = (double)muster_vec3_dot(offset, way);
        const double radius = (double)columns.radius_m[slot];
        const double c = (double)muster_vec3_dot(offset, offset) - radius * radius;
        const double root = b * b - a * c;
        if (b >= 0.0 || root <= 0.0) {
            continue;
        }
        double fraction = (-b - (double)muster_sqrt((float)root)) / a;
        fraction = c < 0.0 ? 0.0 : fraction;
        if (fraction < first) {
            first = fraction;
            *out_slot = slot;
        }
    }
    return first;
}

static void check_ray(muster_space *space, uint64_t *random)
{
    const muster_space_ray ray = {
        .from = random_place(random, 30.0f),
        .to = random_place(random, 30.0f),
        .mask = (uint16_t)(1 + random_next(random) % 7),
        .ignore_slot = (uint32_t)(random_next(random) % BODY_COUNT),
    };
    uint32_t expected;
    const double fraction = first_on_line(space, &ray, &expected);
    muster_space_hit hit;
    const bool is_hit = muster_space_ray_cast(space, &ray, &hit);
    if (is_hit) {
        assert_int_equal(hit.kind, MUSTER_SPACE_BODY);
        assert_near(muster_vec3_length(hit.normal), 1.0f, 1e-4f);
    }
    // Rounding may decide whether a line that only grazes a body touches it.
    assert_near(hit.fraction, (float)fraction, 3e-3f);
}

static void queries_find_what_brute_force_finds(void **state)
{
    (void)state;
    for (uint64_t seed = test_seed; seed < test_seed + 5; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        uint64_t random = seed;
        muster_space *space = test_empty_space(&plain);
        fill(space, &random);
        for (uint32_t round = 0; round < 200; round++) {
            check_overlap(space, &random);
            check_ray(space, &random);
            const uint32_t slot = (uint32_t)(random_next(&random) % BODY_COUNT);
            if (round % 4 == 0) {
                const muster_status status =
                    muster_space_body_set_position(space, slot, random_place(&random, 20.0f));
                assert_true(status == MUSTER_OK || status == MUSTER_ERR_NOT_FOUND);
            } else if (round % 4 == 1) {
                muster_space_body_remove(space, slot);
            }
        }
        muster_space_destroy(space);
    }
}

static void many_changes_between_queries_are_all_seen(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    uint64_t random = test_seed;
    fill(space, &random);
    check_overlap(space, &random);
    for (uint32_t i = 0; i < BODY_COUNT; i++) {
        assert_int_equal(
            muster_space_body_set_position(space, i, random_place(&random, 20.0f)), MUSTER_OK);
        assert_int_equal(
            muster_space_body_set_position(space, i, random_place(&random, 20.0f)), MUSTER_OK);
    }
    check_overlap(space, &random);
    check_ray(space, &random);
    muster_space_destroy(space);
}

static void an_overlap_without_room_counts_all_and_keeps_the_lowest(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    for (uint32_t i = 0; i < 5; i++) {
        test_add(space, 4 - i, (muster_vec3){0.1f * (float)i, 0.0f, 0.0f}, none);
    }
    uint32_t slots[2];
    uint32_t count;
    assert_int_equal(muster_space_overlap(space, none, 5.0f, 1, slots, 2, &count), MUSTER_ERR_FULL);
    assert_int_equal(count, 5);
    assert_int_equal(slots[0], 0);
    assert_int_equal(slots[1], 1);
    assert_int_equal(muster_space_overlap(space, none, 5.0f, 1, NULL, 0, &count), MUSTER_ERR_FULL);
    assert_int_equal(muster_space_overlap(space, none, 5.0f, 2, slots, 2, &count), MUSTER_OK);
    assert_int_equal(count, 0);
    muster_space_destroy(space);
}

static void queries_out_of_range_find_nothing(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 0, none, none);
    const float bad[] = {__builtin_nanf(""), __builtin_inff(), 1e9f};
    for (uint32_t i = 0; i < 3; i++) {
        const muster_vec3 places[3] = {
            {bad[i], 0.0f, 0.0f}, {0.0f, bad[i], 0.0f}, {0.0f, 0.0f, bad[i]}};
        for (uint32_t k = 0; k < 3; k++) {
            const muster_vec3 place = places[k];
            muster_space_ray ray = {.from = place, .to = none, .mask = 1};
            muster_space_hit hit;
            assert_false(muster_space_ray_cast(space, &ray, &hit));
            ray = (muster_space_ray){.from = {5.0f, 0.0f, 0.0f}, .to = place, .mask = 1};
            assert_false(muster_space_ray_cast(space, &ray, &hit));
            uint32_t count;
            assert_int_equal(
                muster_space_overlap(space, place, 1.0f, 1, NULL, 0, &count), MUSTER_ERR_INVALID);
        }
        uint32_t count;
        assert_int_equal(
            muster_space_overlap(space, none, bad[i], 1, NULL, 0, &count), MUSTER_ERR_INVALID);
        assert_int_equal(
            muster_space_overlap(space, none, -1.0f, 1, NULL, 0, &count), MUSTER_ERR_INVALID);
    }
    muster_space_destroy(space);
}

static void of_equally_near_bodies_the_lower_slot_is_hit(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 9, none, none);
    test_add(space, 4, none, none);
    test_add(space, 6, none, none);
    const muster_space_ray ray = {
        .from = {-5.0f, 0.0f, 0.0f}, .to = {5.0f, 0.0f, 0.0f}, .mask = 1, .ignore_slot = 4};
    muster_space_hit hit;
    assert_true(muster_space_ray_cast(space, &ray, &hit));
    assert_int_equal(hit.index, 6);
    assert_near(hit.point.x, -0.5f, 1e-5f);
    assert_near(hit.normal.x, -1.0f, 1e-5f);
    muster_space_destroy(space);
}

static void a_ray_without_length_hits_nothing(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    test_add(space, 0, none, none);
    const muster_space_ray ray = {.mask = 1, .ignore_slot = UINT32_MAX};
    muster_space_hit hit;
    assert_false(muster_space_ray_cast(space, &ray, &hit));
    assert_int_equal(hit.kind, MUSTER_SPACE_NOTHING);
    muster_space_destroy(space);
}

// A point is in a turned box if it is within its half lengths along its own axes.
static bool is_in_box(const muster_space_box *box, muster_vec3 point)
{
    const muster_vec3 way = muster_vec3_sub(point, box->centre);
    const float sine = muster_sin(box->heading);
    const float cosine = muster_cos(box->heading);
    const float x = cosine * way.x + sine * way.y;
    const float y = cosine * way.y - sine * way.x;
    return x * x <= box->half_size.x * box->half_size.x &&
           y * y <= box->half_size.y * box->half_size.y &&
           way.z * way.z <= box->half_size.z * box->half_size.z;
}

static void rays_meet_turned_boxes_where_walking_along_them_does(void **state)
{
    (void)state;
    uint64_t random = test_seed;
    static muster_space_box boxes[40];
    for (uint32_t i = 0; i < 40; i++) {
        boxes[i] = (muster_space_box){
            .centre = random_place(&random, 60.0f),
            .half_size = {between(&random, 1.0f, 6.0f), between(&random, 1.0f, 6.0f),
                between(&random, 1.0f, 6.0f)},
            .heading = between(&random, -3.1f, 3.1f),
            .category = (uint16_t)(1 + i % 2),
        };
    }
    muster_space_def def = muster_space_default_def();
    def.boxes = boxes;
    def.box_count = 40;
    muster_space *space = test_create(&def);
    for (uint32_t i = 0; i < 300; i++) {
        const muster_space_ray ray = {.from = random_place(&random, 80.0f),
            .to = random_place(&random, 80.0f),
            .mask = 1,
            .ignore_slot = UINT32_MAX};
        muster_space_hit hit;
        const bool is_hit = muster_space_ray_cast(space, &ray, &hit);
        bool begins_inside = false;
        float first = 1.0f;
        for (uint32_t step = 0; step <= 2000 && first >= 1.0f; step++) {
            const float fraction = (float)step / 2000.0f;
            const muster_vec3 point = muster_vec3_add(
                ray.from, muster_vec3_scale(muster_vec3_sub(ray.to, ray.from), fraction));
            for (uint32_t k = 0; k < 40; k += 2) {
                if (is_in_box(&boxes[k], point)) {
                    begins_inside = begins_inside || step == 0;
                    first = fraction < first ? fraction : first;
                }
            }
        }
        if (!begins_inside && first < 1.0f) {
            assert_true(is_hit);
            assert_true(hit.fraction <= first + 1e-4f);
        }
        if (is_hit && hit.fraction > 0.0f) {
            assert_int_equal(hit.kind, MUSTER_SPACE_BOX);
            assert_int_equal(hit.index % 2, 0);
            const muster_vec3 in = muster_vec3_sub(hit.point, muster_vec3_scale(hit.normal, 1e-3f));
            assert_true(is_in_box(&boxes[hit.index], in));
        }
    }
    muster_space_destroy(space);
}

static void a_ray_that_begins_in_a_box_hits_it_only_going_further_in(void **state)
{
    (void)state;
    muster_space *space = test_floor_space(&plain);
    muster_space_hit hit;
    const muster_space_ray out = {
        .from = {0.0f, 0.0f, -1.0f}, .to = {0.0f, 0.0f, 5.0f}, .mask = 1, .ignore_slot = 0};
    assert_false(muster_space_ray_cast(space, &out, &hit));
    const muster_space_ray in = {
        .from = {0.0f, 0.0f, -1.0f}, .to = {0.0f, 0.0f, -3.0f}, .mask = 1, .ignore_slot = 0};
    assert_true(muster_space_ray_cast(space, &in, &hit));
    assert_near(hit.fraction, 0.0f, 0.0f);
    assert_near(hit.normal.z, 1.0f, 1e-6f);
    muster_space_destroy(space);
}

static void rays_and_heights_agree_on_the_terrain(void **state)
{
    (void)state;
    uint64_t random = test_seed;
    static float heights[40 * 30];
    for (uint32_t i = 0; i < 40 * 30; i++) {
        heights[i] = between(&random, -3.0f, 3.0f);
    }
    muster_space_def def = muster_space_default_def();
    def.terrain = (muster_space_terrain){.heights_m = heights,
        .column_count = 40,
        .row_count = 30,
        .sample_m = 2.0f,
        .min_x = -30.0f,
        .min_y = -20.0f,
        .category = 1};
    muster_space *space = test_create(&def);
    float height;
    for (uint32_t i = 0; i < 500; i++) {
        const float x = between(&random, -29.9f, 47.9f);
        const float y = between(&random, -19.9f, 37.9f);
        const muster_space_ray ray = {
            .from = {x, y, 50.0f}, .to = {x, y, -50.0f}, .mask = 1, .ignore_slot = UINT32_MAX};
        muster_space_hit hit;
        assert_true(muster_space_ray_cast(space, &ray, &hit));
        assert_true(muster_space_ground_height(space, x, y, &height));
        assert_int_equal(hit.kind, MUSTER_SPACE_TERRAIN);
        assert_near(hit.point.z, height, 1e-3f);
        assert_true(hit.normal.z > 0.0f);
    }
    // Samples are heights of their own, up to the far corner.
    assert_true(muster_space_ground_height(space, -30.0f, -20.0f, &height));
    assert_near(height, heights[0], 1e-4f);
    assert_true(muster_space_ground_height(space, 48.0f, 38.0f, &height));
    assert_near(height, heights[40 * 30 - 1], 1e-4f);
    assert_false(muster_space_ground_height(space, -30.1f, 0.0f, &height));
    assert_false(muster_space_ground_height(space, 48.1f, 0.0f, &height));
    assert_false(muster_space_ground_height(space, 0.0f, -20.1f, &height));
    assert_false(muster_space_ground_height(space, 0.0f, 38.1f, &height));

    const muster_space_ray unsought = {
        .from = {0.0f, 0.0f, 50.0f}, .to = {0.0f, 0.0f, -50.0f}, .mask = 2};
    const muster_space_ray upwards = {
        .from = {0.0f, 0.0f, -50.0f}, .to = {0.0f, 0.0f, 50.0f}, .mask = 1};
    muster_space_hit hit;
    assert_false(muster_space_ray_cast(space, &unsought, &hit));
    assert_false(muster_space_ray_cast(space, &upwards, &hit));
    muster_space_destroy(space);

    space = test_empty_space(&plain);
    assert_false(muster_space_ground_height(space, 0.0f, 0.0f, &height));
    muster_space_destroy(space);
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1) {
        test_seed = strtoull(arguments[1], NULL, 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_find_what_brute_force_finds),
        cmocka_unit_test(many_changes_between_queries_are_all_seen),
        cmocka_unit_test(an_overlap_without_room_counts_all_and_keeps_the_lowest),
        cmocka_unit_test(queries_out_of_range_find_nothing),
        cmocka_unit_test(of_equally_near_bodies_the_lower_slot_is_hit),
        cmocka_unit_test(a_ray_without_length_hits_nothing),
        cmocka_unit_test(rays_meet_turned_boxes_where_walking_along_them_does),
        cmocka_unit_test(a_ray_that_begins_in_a_box_hits_it_only_going_further_in),
        cmocka_unit_test(rays_and_heights_agree_on_the_terrain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
