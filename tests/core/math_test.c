// SPDX-License-Identifier: Apache-2.0
#include "muster/math.h"

#include <math.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(float actual, double expected, double error_max)
{
    assert_true(fabs((double)actual - expected) <= error_max);
}

static void trigonometry_is_close_to_the_real_thing(void **state)
{
    (void)state;
    for (int i = -10000; i <= 10000; i++) {
        const float radians = (float)i * 0.01f;
        assert_near(muster_sin(radians), sin((double)radians), 2e-5);
        assert_near(muster_cos(radians), cos((double)radians), 2e-5);
    }
    for (int i = -314; i <= 314; i++) {
        const float radians = (float)i * 0.01f;
        assert_near(muster_sin(radians), sin((double)radians), 1e-6);
        const float x = muster_cos(radians) * 3.0f;
        const float y = muster_sin(radians) * 3.0f;
        assert_near(muster_atan2(y, x), atan2((double)y, (double)x), 1e-5);
    }
    assert_true(muster_atan2(0.0f, 0.0f) == 0.0f);
}

static void floor_and_wrap_hold_at_their_edges(void **state)
{
    (void)state;
    assert_true(muster_floor(1.5f) == 1.0f);
    assert_true(muster_floor(-1.5f) == -2.0f);
    assert_true(muster_floor(-2.0f) == -2.0f);
    assert_near(muster_angle_wrap(3.0f * MUSTER_PI), -(double)MUSTER_PI, 1e-5);
    assert_near(muster_angle_wrap(-0.5f), -0.5, 0.0);
    assert_true(muster_clamp(5.0f, 0.0f, 1.0f) == 1.0f);
    assert_true(muster_clamp(-5.0f, 0.0f, 1.0f) == 0.0f);
}

static void vectors_follow_their_definitions(void **state)
{
    (void)state;
    const muster_vec3 x = {1.0f, 0.0f, 0.0f};
    const muster_vec3 y = {0.0f, 1.0f, 0.0f};
    const muster_vec3 zero = {0.0f, 0.0f, 0.0f};
    assert_true(muster_vec3_cross(x, y).z == 1.0f);
    assert_true(muster_vec3_dot(x, y) == 0.0f);
    const muster_vec3 diagonal =
        muster_vec3_add(muster_vec3_scale(x, 3.0f), muster_vec3_scale(y, 4.0f));
    assert_true(muster_vec3_length(diagonal) == 5.0f);
    assert_near(muster_vec3_length(muster_vec3_normalize(diagonal)), 1.0, 1e-6);
    assert_true(muster_vec3_length(muster_vec3_normalize(zero)) == 0.0f);
    assert_true(muster_vec3_sub(diagonal, diagonal).x == 0.0f);
    assert_true(muster_sqrt(-1.0f) == 0.0f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trigonometry_is_close_to_the_real_thing),
        cmocka_unit_test(floor_and_wrap_hold_at_their_edges),
        cmocka_unit_test(vectors_follow_their_definitions),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
