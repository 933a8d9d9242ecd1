// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

// Players 0 and 1 are of teams 1 and 2, 20 m apart along x.
static void face_each_other(struct scene *scene, const struct scene_def *def)
{
    scene_set_up(scene, def);
    scene_join(scene, 0, 0);
    scene_step(scene);
    scene_join(scene, 1, 0);
    scene_step(scene);
    scene_put(scene, 0, 100.0f, 0.0f);
    scene_put(scene, 1, 120.0f, 0.0f);
    scene_run(scene, 30);
}

static void fire(struct scene *scene, uint32_t player_index, float heading, float pitch)
{
    scene_aim(scene, player_index, heading, pitch);
    scene_step(scene);
    scene_act(scene, player_index, ACTION_FIRE, 0, 0, 0);
    scene_step(scene);
}

static void a_shot_hurts_whom_it_meets_and_is_gone(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    fire(&scene, 0, 0.0f, 0.008f);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 1);
    assert_int_equal(scene_memory(&scene)->bullet_count, 1);
    assert_int_equal(scene_health(&scene, 1), 100);
    scene_run(&scene, 15);
    assert_int_equal(scene_health(&scene, 1), 80);
    assert_int_equal(scene_health(&scene, 0), 100);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);
    assert_int_equal(scene_memory(&scene)->bullet_count, 0);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, scene_slot(&scene, 0)), AMMO_MAX - 1);
    // The team can be told where the enemy is.
    const float *marker = scene_view(&scene)->columns[COLUMN_MARKER];
    assert_float_equal(marker[2 * scene_slot(&scene, 0)], 120.0f, 1.0f);
    scene_tear_down(&scene);
}

static void a_wall_takes_the_shot_for_whoever_is_behind_it(void **state)
{
    (void)state;
    const muster_space_box wall = {
        .centre = {115.0f, 0.0f, 1.5f},
        .half_size = {0.05f, 2.0f, 1.5f},
        .category = CATEGORY_STATIC,
    };
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){.boxes = &wall, .box_count = 1});
    fire(&scene, 0, 0.0f, 0.008f);
    scene_run(&scene, 30);
    assert_int_equal(scene_health(&scene, 1), 100);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);

    // Right in front of it, where a muzzle would already be behind.
    scene_put(&scene, 0, 114.4f, 0.0f);
    fire(&scene, 0, 0.0f, 0.008f);
    scene_run(&scene, 30);
    assert_int_equal(scene_health(&scene, 1), 100);
    scene_tear_down(&scene);
}

static void a_shot_falls_and_ends_after_its_time(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    fire(&scene, 0, 1.57f, 0.8f);
    const uint32_t bullet = scene_view(&scene)->slot_count - 1;
    assert_int_equal(scene_view(&scene)->kind[bullet], KIND_BULLET);
    const float speed_up_mps = scene_view(&scene)->velocity[bullet].z;
    scene_run(&scene, 60);
    const float fallen_mps = speed_up_mps - scene_view(&scene)->velocity[bullet].z;
    assert_float_equal(fallen_mps, 9.81f, 0.05f);
    scene_run(&scene, 38);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);
    assert_int_equal(scene_memory(&scene)->bullet_count, 0);
    scene_tear_down(&scene);
}

static void shots_of_the_own_team_do_no_harm(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 5);
    scene_step(&scene);
    scene_join(&scene, 1, 5);
    scene_step(&scene);
    scene_put(&scene, 0, 100.0f, 0.0f);
    scene_put(&scene, 1, 110.0f, 0.0f);
    fire(&scene, 0, 0.0f, 0.004f);
    scene_run(&scene, 30);
    assert_int_equal(scene_health(&scene, 1), 100);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);
    scene_tear_down(&scene);
}

static void the_rifle_needs_time_between_shots_and_to_be_filled(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    const uint32_t slot = scene_slot(&scene, 0);
    scene_aim(&scene, 0, 1.5f, 1.0f);
    for (uint32_t i = 0; i < 48; i++) {
        scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
        scene_step(&scene);
    }
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, slot), AMMO_MAX - 2);
    scene_act(&scene, 0, ACTION_RELOAD, 0, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_RELOADING);
    scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0); // not while it is filled
    scene_run(&scene, 80);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, slot), AMMO_MAX - 2);
    scene_run(&scene, 10);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, slot), AMMO_MAX);
    assert_int_equal(scene_u8(&scene, COLUMN_RESERVE, slot), 2 * AMMO_MAX - 2);

    // An empty magazine is filled at once, until there is nothing left to fill it with.
    for (uint32_t i = 0; i < 3400; i++) {
        scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
        scene_step(&scene);
    }
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, slot), 0);
    assert_int_equal(scene_u8(&scene, COLUMN_RESERVE, slot), 0);
    scene_tear_down(&scene);
}

struct wound {
    uint32_t player_index, damage, armour;
};

// Player 0 hurts somebody by magic.
static void hurt(const struct state *state, void *context)
{
    const struct wound *wound = context;
    const uint32_t slot = state->host->player_entity(state->world, wound->player_index);
    state->armour[slot] = wound->armour != 0 ? (uint8_t)wound->armour : state->armour[slot];
    (void)harm(state, slot, wound->damage, 1, 1);
}

static void armour_takes_half_until_it_is_worn(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    scene_do(&scene, hurt, &(struct wound){1, 30, 20});
    const uint32_t slot = scene_slot(&scene, 1);
    assert_int_equal(scene_health(&scene, 1), 85);
    assert_int_equal(scene_u8(&scene, COLUMN_ARMOUR, slot), 5);
    scene_do(&scene, hurt, &(struct wound){1, 30, 0});
    assert_int_equal(scene_health(&scene, 1), 60);
    assert_int_equal(scene_u8(&scene, COLUMN_ARMOUR, slot), 0);
    scene_tear_down(&scene);
}

static void a_fallen_fighter_does_nothing_and_comes_back_at_its_base(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    const uint32_t slot = scene_slot(&scene, 1);
    const muster_entity_id id = scene_view(&scene)->id[slot];
    scene_do(&scene, hurt, &(struct wound){1, 250, 0});
    assert_int_equal(scene_health(&scene, 1), 0);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, slot), LOOK_DEAD);
    assert_int_equal(scene_u16(&scene, COLUMN_SCORE, scene_slot(&scene, 0)), 10);
    muster_outgoing outgoing;
    uint32_t told_count = 0;
    while (muster_instance_pop_outgoing(scene.instance, &outgoing)) {
        const uint8_t expected[] = {0, 0, 1, 0};
        assert_int_equal(outgoing.message_index, MESSAGE_BEATEN);
        assert_int_equal(outgoing.audience, MUSTER_TO_PLAYER);
        assert_memory_equal(outgoing.bytes, expected, sizeof expected);
        told_count++;
    }
    assert_int_equal(told_count, 2);

    const muster_vec3 place = scene_at(&scene, 1);
    for (uint32_t i = 0; i < 290; i++) {
        scene_move(&scene, 1, 0.0f, 4, false);
        scene_act(&scene, 1, ACTION_FIRE, 0, 0, 0);
        scene_act(&scene, 1, ACTION_THROW, 0, 0, 0);
        scene_act(&scene, 1, ACTION_RELOAD, 0, 0, 0);
        scene_act(&scene, 1, ACTION_TRADE, 0, 0, 0);
        scene_step(&scene);
        assert_int_equal(scene_health(&scene, 1), 0);
    }
    assert_memory_equal(&scene_view(&scene)->position[slot], &place, sizeof place);
    assert_int_equal(scene_count(&scene, KIND_BULLET) + scene_count(&scene, KIND_GRENADE), 0);
    scene_run(&scene, 30);
    assert_int_equal(scene_health(&scene, 1), 100);
    assert_true(scene_view(&scene)->id[slot] == id);
    const muster_vec3 base = place_base(2, place);
    assert_true(distance_flat(base, scene_at(&scene, 1)) < 40.0f);
    scene_tear_down(&scene);
}

// Whatever its team.
static void fell_player(const struct state *state, void *context)
{
    const uint32_t *player_index = context;
    const uint32_t slot = state->host->player_entity(state->world, *player_index);
    assert_true(harm(state, slot, 250, 0, TEAM_CAMP));
}

static void a_player_may_come_back_near_its_party(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    scene_join(&scene, 2, 77);
    scene_join(&scene, 3, 77);
    scene_step(&scene);
    scene_put(&scene, 3, 300.0f, 300.0f);
    scene_act(&scene, 2, ACTION_RESPAWN, 1, 0, 0);
    scene_step(&scene);
    const muster_world_view *view = scene_view(&scene);
    assert_int_equal(view->team[scene_slot(&scene, 2)], view->team[scene_slot(&scene, 3)]);
    scene_do(&scene, fell_player, &(uint32_t){2});
    assert_int_equal(scene_health(&scene, 2), 0);
    scene_run(&scene, 310);
    assert_int_equal(scene_health(&scene, 2), 100);
    assert_true(distance_flat(scene_at(&scene, 2), scene_at(&scene, 3)) < 12.0f);
    scene_tear_down(&scene);
}

struct explosion {
    float x, y, z;
};

static void explode(const struct state *state, void *context)
{
    const struct explosion *explosion = context;
    const muster_vec3 centre = {explosion->x, explosion->y, explosion->z};
    blast_at(state, centre, 1, 1);
}

static void an_explosion_hurts_less_further_away(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    const float distances_m[] = {2.0f, 4.0f, 6.0f, 7.9f, 9.0f};
    for (uint32_t i = 0; i < 6; i++) {
        scene_join(&scene, 2 * i, 0);
        scene_step(&scene);
        scene_join(&scene, 2 * i + 1, 0);
        scene_step(&scene);
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(scene_view(&scene)->team[scene_slot(&scene, 2 * i + 1)], 2);
        const float angle = (float)i;
        scene_put(&scene, 2 * i + 1, 100.0f + muster_cos(angle) * distances_m[i],
            muster_sin(angle) * distances_m[i]);
    }
    scene_run(&scene, 20);
    scene_do(&scene, explode, &(struct explosion){100.0f, 0.0f, 0.5f});
    uint32_t last = 0;
    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t health = scene_health(&scene, 2 * i + 1);
        const float part = 1.0f - distances_m[i] / 8.0f;
        const uint32_t damage = part > 0.0f ? (uint32_t)(90.0f * part) : 0;
        assert_true(100 - health <= damage + 1 && 100 - health + 1 >= damage);
        assert_true(health >= last);
        last = health;
    }
    assert_int_equal(last, 100);
    assert_int_equal(scene_count(&scene, KIND_BLAST), 1);
    // Thrown over, away from the middle.
    const muster_vec3 velocity = scene_view(&scene)->velocity[scene_slot(&scene, 1)];
    assert_true(velocity.x > 2.0f && velocity.z > 1.0f);
    scene_run(&scene, 30);
    assert_int_equal(scene_count(&scene, KIND_BLAST), 0);
    scene_tear_down(&scene);
}

static void cover_keeps_an_explosion_off(void **state)
{
    (void)state;
    const muster_space_box wall = {
        .centre = {118.0f, 0.0f, 1.5f},
        .half_size = {0.1f, 3.0f, 1.5f},
        .category = CATEGORY_STATIC,
    };
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){.boxes = &wall, .box_count = 1});
    scene_do(&scene, explode, &(struct explosion){117.0f, 0.0f, 0.5f});
    assert_int_equal(scene_health(&scene, 1), 100);
    scene_do(&scene, explode, &(struct explosion){121.0f, 0.0f, 0.5f});
    assert_true(scene_health(&scene, 1) < 40);
    scene_tear_down(&scene);
}

static void a_grenade_flies_and_goes_off_after_two_seconds(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    scene_aim(&scene, 0, 0.0f, 0.5f);
    scene_step(&scene);
    scene_act(&scene, 0, ACTION_THROW, 0, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), 1);
    assert_int_equal(scene_u8(&scene, COLUMN_GRENADES, scene_slot(&scene, 0)), 0);
    scene_run(&scene, 119);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), 1);
    scene_run(&scene, 2);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), 0);
    assert_int_equal(scene_count(&scene, KIND_BLAST), 1);
    assert_int_equal(scene_memory(&scene)->grenade_count, 0);
    // It has none left.
    scene_act(&scene, 0, ACTION_THROW, 0, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), 0);
    scene_tear_down(&scene);
}

static void an_explosion_pushes_loose_things(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.bodies = 1});
    scene_run(&scene, 60);
    const muster_world_view *view = scene_view(&scene);
    uint32_t slot = 0;
    while (view->kind[slot] != KIND_LOOSE) {
        slot++;
    }
    const muster_vec3 begin = view->position[slot];
    scene_do(&scene, explode, &(struct explosion){begin.x - 2.0f, begin.y, begin.z});
    assert_true(view->velocity[slot].x > 3.0f);
    scene_run(&scene, 60);
    assert_true(view->position[slot].x > begin.x + 1.0f);
    scene_tear_down(&scene);
}

// Fires until no more bullets may fly.
static void fire_all(const struct state *state, void *context)
{
    uint32_t *out_count = context;
    const uint32_t slot = state->host->player_entity(state->world, 0);
    while (weapon_shoot(state, slot, 0.5f, 0.7f)) {
        (*out_count)++;
        assert_true(*out_count <= BULLET_COUNT_MAX);
    }
    assert_int_equal(state->memory->bullet_count, BULLET_COUNT_MAX);
    const uint8_t ammo = state->ammo[slot];
    weapon_fire(state, 0);
    assert_int_equal(state->ammo[slot], ammo); // a shot that cannot be is not spent
    assert_int_equal(state->memory->bullet_count, BULLET_COUNT_MAX);
}

static void no_more_bullets_fly_than_there_may_be(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    uint32_t count = 0;
    scene_do(&scene, fire_all, &count);
    assert_int_equal(count, BULLET_COUNT_MAX);
    scene_run(&scene, 30);
    assert_int_equal(scene_count(&scene, KIND_BULLET), BULLET_COUNT_MAX);
    scene_run(&scene, 70);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);
    assert_int_equal(scene_memory(&scene)->bullet_count, 0);
    fire(&scene, 0, 1.57f, 0.8f); // and then there is room again
    assert_int_equal(scene_memory(&scene)->bullet_count, 1);
    scene_tear_down(&scene);
}

// Throws until no more grenades may lie about.
static void throw_all(const struct state *state, void *context)
{
    uint32_t *out_count = context;
    const uint32_t slot = state->host->player_entity(state->world, 0);
    for (; state->memory->grenade_count < GRENADE_COUNT_MAX; (*out_count)++) {
        state->grenades[slot] = 1;
        state->times[0][WHEN_READY] = 0;
        blast_throw(state, 0);
        assert_int_equal(state->memory->grenade_count, *out_count + 1);
        assert_int_equal(state->grenades[slot], 0);
    }
    state->grenades[slot] = 1;
    state->times[0][WHEN_READY] = 0;
    blast_throw(state, 0);
    assert_int_equal(state->memory->grenade_count, GRENADE_COUNT_MAX);
    assert_int_equal(state->grenades[slot], 1);
    assert_int_equal(state->times[0][WHEN_READY], 0);
}

static void no_more_grenades_lie_about_than_there_may_be(void **state)
{
    (void)state;
    struct scene scene;
    face_each_other(&scene, &(struct scene_def){0});
    uint32_t count = 0;
    scene_do(&scene, throw_all, &count);
    assert_int_equal(count, GRENADE_COUNT_MAX);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), GRENADE_COUNT_MAX);
    scene_run(&scene, 130);
    assert_int_equal(scene_count(&scene, KIND_GRENADE), 0);
    assert_int_equal(scene_memory(&scene)->grenade_count, 0);
    scene_tear_down(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shot_hurts_whom_it_meets_and_is_gone),
        cmocka_unit_test(a_wall_takes_the_shot_for_whoever_is_behind_it),
        cmocka_unit_test(a_shot_falls_and_ends_after_its_time),
        cmocka_unit_test(shots_of_the_own_team_do_no_harm),
        cmocka_unit_test(the_rifle_needs_time_between_shots_and_to_be_filled),
        cmocka_unit_test(armour_takes_half_until_it_is_worn),
        cmocka_unit_test(a_fallen_fighter_does_nothing_and_comes_back_at_its_base),
        cmocka_unit_test(a_player_may_come_back_near_its_party),
        cmocka_unit_test(an_explosion_hurts_less_further_away),
        cmocka_unit_test(cover_keeps_an_explosion_off),
        cmocka_unit_test(a_grenade_flies_and_goes_off_after_two_seconds),
        cmocka_unit_test(an_explosion_pushes_loose_things),
        cmocka_unit_test(no_more_bullets_fly_than_there_may_be),
        cmocka_unit_test(no_more_grenades_lie_about_than_there_may_be),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
