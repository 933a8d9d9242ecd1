// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

static void a_player_that_joins_has_a_fighter_with_all_it_begins_with(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 3, 0);
    scene_run(&scene, 60);
    const uint32_t slot = scene_slot(&scene, 3);
    assert_int_equal(scene_view(&scene)->kind[slot], KIND_FIGHTER);
    assert_int_equal(scene_u8(&scene, COLUMN_HEALTH, slot), HEALTH_MAX);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, slot), AMMO_MAX);
    assert_int_equal(scene_u8(&scene, COLUMN_STAMINA, slot), STAMINA_MAX);
    assert_int_equal(scene_u16(&scene, COLUMN_NUMBER, slot), 4);
    assert_int_equal(scene_view(&scene)->owner[slot], 4);
    assert_true(scene_at(&scene, 3).z > 0.45f && scene_at(&scene, 3).z < 0.55f);
    scene_tear_down(&scene);
}

static void a_fighter_walks_while_it_is_told_and_stops_soon_after(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_run(&scene, 30);
    const muster_vec3 begin = scene_at(&scene, 0);
    for (uint32_t i = 0; i < 60; i++) {
        scene_move(&scene, 0, 0.0f, 4, false);
        scene_step(&scene);
    }
    const muster_vec3 middle = scene_at(&scene, 0);
    assert_true(middle.x - begin.x > 3.6f && middle.x - begin.x < 4.05f);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, scene_slot(&scene, 0)), LOOK_WALKING);
    scene_run(&scene, 60);
    const muster_vec3 end = scene_at(&scene, 0);
    assert_true(distance_flat(middle, end) < 2.3f);
    scene_run(&scene, 60);
    assert_true(distance_flat(end, scene_at(&scene, 0)) < 0.05f);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, scene_slot(&scene, 0)), LOOK_STANDING);
    scene_tear_down(&scene);
}

static void sprinting_is_faster_until_the_breath_is_gone(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_run(&scene, 30);
    const muster_vec3 begin = scene_at(&scene, 0);
    for (uint32_t i = 0; i < 60; i++) {
        scene_move(&scene, 0, 1.5f, 4, true);
        scene_step(&scene);
    }
    const uint32_t slot = scene_slot(&scene, 0);
    assert_true(distance_flat(begin, scene_at(&scene, 0)) > 6.5f);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_SPRINTING);
    assert_int_equal(scene_u8(&scene, COLUMN_STAMINA, slot), STAMINA_MAX - 20);
    for (uint32_t i = 0; i < 245; i++) {
        scene_move(&scene, 0, 1.5f, 4, true);
        scene_step(&scene);
    }
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_WALKING);
    assert_true(scene_u8(&scene, COLUMN_STAMINA, slot) < 5);

    // It comes back at half the pace, and only counts when there is enough of it.
    for (uint32_t i = 0; i < 120; i++) {
        scene_move(&scene, 0, 1.5f, 4, true);
        scene_step(&scene);
        assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_WALKING);
    }
    scene_run(&scene, 120);
    scene_move(&scene, 0, 1.5f, 4, true);
    scene_step(&scene);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_SPRINTING);
    scene_tear_down(&scene);
}

static void a_wall_stops_a_fighter(void **state)
{
    (void)state;
    const muster_space_box wall = {
        .centre = {10.0f, 0.0f, 1.0f},
        .half_size = {0.2f, 5.0f, 1.0f},
        .category = CATEGORY_STATIC,
    };
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.boxes = &wall, .box_count = 1});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_put(&scene, 0, 5.0f, 0.0f);
    for (uint32_t i = 0; i < 200; i++) {
        scene_move(&scene, 0, 0.0f, 4, true);
        scene_step(&scene);
    }
    assert_true(scene_at(&scene, 0).x > 9.0f && scene_at(&scene, 0).x < 9.4f);
    scene_tear_down(&scene);
}

static void the_real_land_has_a_fence_that_nobody_passes(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.has_land = true});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_put(&scene, 0, 1975.0f, 1700.0f);
    for (uint32_t i = 0; i < 600; i++) {
        scene_move(&scene, 0, 0.0f, 4, true);
        scene_step(&scene);
    }
    assert_true(scene_at(&scene, 0).x < 1989.0f);
    scene_tear_down(&scene);
}

static void looking_follows_the_way_unless_the_player_aims(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    const float *heading = scene_view(&scene)->columns[COLUMN_HEADING];
    const float *pitch = scene_view(&scene)->columns[COLUMN_PITCH];
    const uint32_t slot = scene_slot(&scene, 0);
    scene_move(&scene, 0, 1.0f, 2, false);
    scene_step(&scene);
    assert_float_equal(heading[slot], 1.0f, 0.02f);
    scene_aim(&scene, 0, -2.0f, 0.5f);
    scene_step(&scene);
    scene_move(&scene, 0, 1.0f, 2, false);
    scene_step(&scene);
    assert_float_equal(heading[slot], -2.0f, 0.01f);
    assert_float_equal(pitch[slot], 0.5f, 0.01f);
    scene_run(&scene, 61);
    scene_move(&scene, 0, 1.0f, 2, false);
    scene_step(&scene);
    assert_float_equal(heading[slot], 1.0f, 0.02f);
    assert_float_equal(pitch[slot], 0.0f, 0.01f);
    scene_tear_down(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_player_that_joins_has_a_fighter_with_all_it_begins_with),
        cmocka_unit_test(a_fighter_walks_while_it_is_told_and_stops_soon_after),
        cmocka_unit_test(sprinting_is_faster_until_the_breath_is_gone),
        cmocka_unit_test(a_wall_stops_a_fighter),
        cmocka_unit_test(the_real_land_has_a_fence_that_nobody_passes),
        cmocka_unit_test(looking_follows_the_way_unless_the_player_aims),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
