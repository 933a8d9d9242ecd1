// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

// One camp on flat land, and guard 0 of it, which a test puts before players.

static const struct guard *guard_of(const struct scene *scene, uint32_t index)
{
    return &scene_memory(scene)->guards[index];
}

static enum mood mood_of(const struct scene *scene)
{
    return (enum mood)guard_of(scene, 0)->mood;
}

static muster_vec3 camp_at(const struct scene *scene)
{
    const struct camp *camp = &scene_memory(scene)->camps[0];
    const muster_vec3 place = {camp->at[0], camp->at[1], 0.0f};
    return place;
}

// Only guard 0 is left, in the middle of its camp and in a mood.
static void prepare(const struct state *state, void *context)
{
    const enum mood *mood = context;
    for (uint32_t i = 1; i < CAMP_SIZE; i++) {
        struct guard *other = &state->memory->guards[i];
        if (other->slot != MUSTER_NONE) {
            state->host->entity_remove(state->world, other->slot);
            *other = (struct guard){.slot = MUSTER_NONE, .target = MUSTER_NONE};
            guard_set_mood(state, other, MOOD_DEAD);
        }
    }
    struct guard *guard = &state->memory->guards[0];
    const struct camp *camp = &state->memory->camps[0];
    const muster_vec3 place = {camp->at[0], camp->at[1], FIGHTER_RADIUS_M};
    state->host->space->body_move(state->world, guard->slot, place);
    state->velocity[guard->slot] = (muster_vec3){0};
    state->health[guard->slot] = HEALTH_MAX;
    guard_set_mood(state, guard, *mood);
    guard->target = *mood == MOOD_PATROL ? MUSTER_NONE : 0;
    guard->seen_tick = state->tick;
}

static struct scene_spot spot_from_camp(const struct scene *scene, float east_m)
{
    const muster_vec3 camp = camp_at(scene);
    return (struct scene_spot){0, camp.x + east_m, camp.y};
}

// Player 0 stands so far east of the camp.
static void put_player(struct scene *scene, float east_m)
{
    struct scene_spot spot = spot_from_camp(scene, east_m);
    scene_do(scene, scene_put_script, &spot);
}

static void begin(struct scene *scene, const struct scene_def *def, float east_m, enum mood mood)
{
    scene_set_up(scene, def);
    scene_join(scene, 0, 0);
    scene_step(scene);
    put_player(scene, east_m);
    scene_do(scene, prepare, &mood);
}

// Runs until the mood is no more the given one.
// @return how many ticks that took, at most `tick_count`
static uint32_t run_while(struct scene *scene, enum mood mood, uint32_t tick_count)
{
    uint32_t i = 0;
    for (; i < tick_count && mood_of(scene) == mood; i++) {
        scene_step(scene);
    }
    return i;
}

static const struct scene_def one_camp = {.camps = 1};

static void guards_begin_on_patrol_and_walk_about_their_camp(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &one_camp);
    scene_run(&scene, 10);
    assert_int_equal(scene_count(&scene, KIND_GUARD), CAMP_SIZE);
    const uint32_t slot = guard_of(&scene, 0)->slot;
    const muster_vec3 begin_at = scene_view(&scene)->position[slot];
    float far_m = 0.0f;
    for (uint32_t i = 0; i < 3000; i++) {
        scene_step(&scene);
        const muster_vec3 here = scene_view(&scene)->position[slot];
        assert_true(distance_flat(here, camp_at(&scene)) < 50.0f);
        const float moved_m = distance_flat(here, begin_at);
        far_m = moved_m > far_m ? moved_m : far_m;
        assert_int_equal(mood_of(&scene), MOOD_PATROL);
    }
    assert_true(far_m > 10.0f);
    scene_tear_down(&scene);
}

static void patrol_becomes_chase_when_it_sees_a_player(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 50.0f, MOOD_PATROL);
    assert_true(run_while(&scene, MOOD_PATROL, 200) < 120);
    assert_int_equal(mood_of(&scene), MOOD_CHASE);
    assert_int_equal(guard_of(&scene, 0)->target, 0);
    scene_tear_down(&scene);
}

static void patrol_goes_on_while_players_are_far(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 110.0f, MOOD_PATROL);
    for (uint32_t i = 0; i < 300; i++) {
        scene_step(&scene);
        assert_int_equal(mood_of(&scene), MOOD_PATROL);
    }
    scene_tear_down(&scene);
}

static void kill_player(const struct state *state, void *context)
{
    (void)context;
    (void)harm(state, state->host->player_entity(state->world, 0), 250, 0, TEAM_CAMP);
}

static void patrol_ignores_the_dead(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 40.0f, MOOD_PATROL);
    scene_do(&scene, kill_player, NULL);
    assert_int_equal(run_while(&scene, MOOD_PATROL, 250), 250);
    scene_tear_down(&scene);
}

static void nobody_is_seen_through_a_wall(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &one_camp);
    const muster_vec3 camp = camp_at(&scene);
    scene_tear_down(&scene);
    const muster_space_box wall = {
        .centre = {camp.x + 44.0f, camp.y, 2.0f},
        .half_size = {0.2f, 60.0f, 4.0f},
        .category = CATEGORY_STATIC,
    };
    const struct scene_def def = {.camps = 1, .boxes = &wall, .box_count = 1};
    begin(&scene, &def, 48.0f, MOOD_PATROL);
    assert_int_equal(run_while(&scene, MOOD_PATROL, 300), 300);

    // One whom it chases is lost behind it, after five seconds.
    enum mood mood = MOOD_CHASE;
    scene_do(&scene, prepare, &mood);
    const uint32_t tick_count = run_while(&scene, MOOD_CHASE, 400);
    assert_true(tick_count >= 295 && tick_count <= 320);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);

    // One whom it shoots at is chased first.
    mood = MOOD_SHOOT;
    put_player(&scene, 48.0f);
    scene_do(&scene, prepare, &mood);
    assert_true(run_while(&scene, MOOD_SHOOT, 100) < 20);
    assert_int_equal(mood_of(&scene), MOOD_CHASE);
    scene_tear_down(&scene);
}

static void chase_becomes_shoot_within_thirty_metres(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 50.0f, MOOD_CHASE);
    (void)run_while(&scene, MOOD_CHASE, 600);
    assert_int_equal(mood_of(&scene), MOOD_SHOOT);
    const uint32_t slot = guard_of(&scene, 0)->slot;
    const float distance_m = distance_flat(scene_view(&scene)->position[slot], scene_at(&scene, 0));
    assert_true(distance_m <= 30.0f && distance_m > 28.0f);
    scene_tear_down(&scene);
}

static void chase_ends_when_the_target_dies_or_leaves(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 55.0f, MOOD_CHASE);
    scene_do(&scene, kill_player, NULL);
    assert_true(run_while(&scene, MOOD_CHASE, 100) < 20);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    scene_tear_down(&scene);

    begin(&scene, &one_camp, 55.0f, MOOD_CHASE);
    scene_leave(&scene, 0);
    scene_step(&scene);
    assert_int_equal(guard_of(&scene, 0)->target, MUSTER_NONE);
    (void)run_while(&scene, MOOD_CHASE, 100);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    scene_tear_down(&scene);
}

static void move_guard_far(const struct state *state, void *context)
{
    (void)context;
    const struct camp *camp = &state->memory->camps[0];
    const muster_vec3 place = {camp->at[0] + 152.0f, camp->at[1], FIGHTER_RADIUS_M};
    state->host->space->body_move(state->world, state->memory->guards[0].slot, place);
}

static void chase_ends_far_from_the_camp(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 200.0f, MOOD_CHASE);
    scene_do(&scene, move_guard_far, NULL);
    (void)run_while(&scene, MOOD_CHASE, 100);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    scene_tear_down(&scene);
}

static void shooting_guards_hit_step_aside_and_look_at_the_target(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 20.0f, MOOD_SHOOT);
    const uint32_t slot = guard_of(&scene, 0)->slot;
    const muster_vec3 begin_at = scene_view(&scene)->position[slot];
    float aside_m = 0.0f;
    for (uint32_t i = 0; i < 400; i++) {
        scene_step(&scene);
        const float moved_m = distance_flat(scene_view(&scene)->position[slot], begin_at);
        aside_m = moved_m > aside_m ? moved_m : aside_m;
        assert_int_equal(mood_of(&scene), MOOD_SHOOT);
    }
    assert_true(aside_m > 1.5f);
    assert_true(scene_health(&scene, 0) < 100);
    const float *heading = scene_view(&scene)->columns[COLUMN_HEADING];
    const muster_vec3 way =
        muster_vec3_sub(scene_at(&scene, 0), scene_view(&scene)->position[slot]);
    assert_float_equal(heading[slot], muster_atan2(way.y, way.x), 0.1f);
    scene_tear_down(&scene);
}

static void shoot_becomes_chase_when_the_target_is_far(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 20.0f, MOOD_SHOOT);
    scene_run(&scene, 20);
    assert_int_equal(mood_of(&scene), MOOD_SHOOT);
    put_player(&scene, 45.0f);
    (void)run_while(&scene, MOOD_SHOOT, 60);
    assert_int_equal(mood_of(&scene), MOOD_CHASE);
    scene_tear_down(&scene);
}

static void shoot_ends_when_the_target_dies(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 20.0f, MOOD_SHOOT);
    scene_do(&scene, kill_player, NULL);
    (void)run_while(&scene, MOOD_SHOOT, 60);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    scene_tear_down(&scene);
}

// Player 0 hurts guard 0.
static void hurt_guard(const struct state *state, void *context)
{
    const uint32_t *damage = context;
    assert_true(harm(state, state->memory->guards[0].slot, *damage, 1, 1));
}

static void a_guard_that_is_hit_raises_the_alarm_in_its_camp(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &one_camp);
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    put_player(&scene, 120.0f);
    scene_do(&scene, hurt_guard, &(uint32_t){20});
    for (uint32_t i = 0; i < CAMP_SIZE; i++) {
        assert_int_equal(guard_of(&scene, i)->mood, MOOD_CHASE);
        assert_int_equal(guard_of(&scene, i)->target, 0);
    }
    scene_tear_down(&scene);
}

static void every_mood_becomes_flight_at_low_health(void **state)
{
    (void)state;
    const enum mood moods[] = {MOOD_PATROL, MOOD_CHASE, MOOD_SHOOT};
    for (size_t i = 0; i < 3; i++) {
        struct scene scene;
        begin(&scene, &one_camp, 20.0f, moods[i]);
        scene_do(&scene, hurt_guard, &(uint32_t){70});
        assert_int_not_equal(mood_of(&scene), MOOD_FLEE); // 30 left
        scene_do(&scene, hurt_guard, &(uint32_t){1});
        assert_int_equal(mood_of(&scene), MOOD_FLEE);
        const uint32_t slot = guard_of(&scene, 0)->slot;
        const float before_m =
            distance_flat(scene_view(&scene)->position[slot], scene_at(&scene, 0));
        scene_run(&scene, 240);
        assert_int_equal(mood_of(&scene), MOOD_FLEE);
        assert_true(distance_flat(scene_view(&scene)->position[slot], scene_at(&scene, 0)) >
                    before_m + 10.0f);
        scene_tear_down(&scene);
    }
}

static void flight_becomes_patrol_when_nobody_has_hit_it_for_a_while(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 140.0f, MOOD_PATROL);
    scene_do(&scene, hurt_guard, &(uint32_t){80});
    assert_int_equal(mood_of(&scene), MOOD_FLEE);
    scene_run(&scene, 240);
    scene_do(&scene, hurt_guard, &(uint32_t){1}); // begins anew
    const uint32_t tick_count = run_while(&scene, MOOD_FLEE, 800);
    assert_true(tick_count >= 475 && tick_count <= 545);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    assert_true(scene_u8(&scene, COLUMN_HEALTH, guard_of(&scene, 0)->slot) >= 60);
    scene_tear_down(&scene);
}

static void a_dead_guard_is_worth_points_and_comes_back(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 140.0f, MOOD_PATROL);
    scene_do(&scene, hurt_guard, &(uint32_t){100});
    assert_int_equal(mood_of(&scene), MOOD_DEAD);
    assert_int_equal(guard_of(&scene, 0)->slot, MUSTER_NONE);
    assert_int_equal(scene_count(&scene, KIND_GUARD), 0);
    assert_int_equal(scene_u16(&scene, COLUMN_SCORE, scene_slot(&scene, 0)), 5);
    const uint32_t tick_count = run_while(&scene, MOOD_DEAD, 1300);
    assert_true(tick_count >= 1195 && tick_count <= 1235);
    assert_int_equal(mood_of(&scene), MOOD_PATROL);
    const uint32_t slot = guard_of(&scene, 0)->slot;
    assert_int_equal(scene_u8(&scene, COLUMN_HEALTH, slot), 100);
    assert_true(distance_flat(scene_view(&scene)->position[slot], camp_at(&scene)) < 20.0f);
    scene_tear_down(&scene);
}

static void guards_think_often_only_when_players_are_near(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, &one_camp, 500.0f, MOOD_PATROL);
    scene_run(&scene, 200);
    // A player who comes is noticed within half a second and seen soon after.
    put_player(&scene, 45.0f);
    assert_true(run_while(&scene, MOOD_PATROL, 200) <= 45);
    assert_true(scene_memory(&scene)->camps[0].guest_count == 1);
    put_player(&scene, 500.0f);
    scene_run(&scene, 60);
    assert_int_equal(scene_memory(&scene)->camps[0].guest_count, 0);
    scene_tear_down(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guards_begin_on_patrol_and_walk_about_their_camp),
        cmocka_unit_test(patrol_becomes_chase_when_it_sees_a_player),
        cmocka_unit_test(patrol_goes_on_while_players_are_far),
        cmocka_unit_test(patrol_ignores_the_dead),
        cmocka_unit_test(nobody_is_seen_through_a_wall),
        cmocka_unit_test(chase_becomes_shoot_within_thirty_metres),
        cmocka_unit_test(chase_ends_when_the_target_dies_or_leaves),
        cmocka_unit_test(chase_ends_far_from_the_camp),
        cmocka_unit_test(shooting_guards_hit_step_aside_and_look_at_the_target),
        cmocka_unit_test(shoot_becomes_chase_when_the_target_is_far),
        cmocka_unit_test(shoot_ends_when_the_target_dies),
        cmocka_unit_test(a_guard_that_is_hit_raises_the_alarm_in_its_camp),
        cmocka_unit_test(every_mood_becomes_flight_at_low_health),
        cmocka_unit_test(flight_becomes_patrol_when_nobody_has_hit_it_for_a_while),
        cmocka_unit_test(a_dead_guard_is_worth_points_and_comes_back),
        cmocka_unit_test(guards_think_often_only_when_players_are_near),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
