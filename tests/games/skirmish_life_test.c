// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

// Teams.

static uint32_t team_of(const struct scene *scene, uint32_t player_index)
{
    return scene_view(scene)->team[scene_slot(scene, player_index)];
}

static void teams_fill_up_evenly(void **state)
{
    (void)state;
    for (uint32_t team_count = 2; team_count <= 4; team_count++) {
        struct scene scene;
        scene_set_up(&scene, &(struct scene_def){.teams = team_count});
        for (uint32_t i = 0; i < 24; i++) {
            scene_join(&scene, i, 0);
        }
        scene_step(&scene);
        for (uint32_t team = 1; team <= team_count; team++) {
            assert_int_equal(scene_memory(&scene)->team_sizes[team], 24 / team_count);
        }
        scene_tear_down(&scene);
    }
}

static void parties_share_a_team_until_it_is_too_large(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.teams = 4});
    scene_join(&scene, 0, 8);
    scene_step(&scene);
    const uint32_t team = team_of(&scene, 0);
    for (uint32_t i = 1; i <= 10; i++) {
        scene_join(&scene, i, 8);
        scene_step(&scene);
        assert_int_equal(team_of(&scene, i), team);
    }
    assert_int_equal(scene_memory(&scene)->team_sizes[team], 11);
    scene_join(&scene, 11, 8);
    scene_step(&scene);
    assert_int_not_equal(team_of(&scene, 11), team);
    scene_tear_down(&scene);
}

static void who_leaves_leaves_nothing_behind(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_aim(&scene, 0, 1.0f, 1.0f);
    scene_step(&scene);
    scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 1);
    scene_leave(&scene, 0);
    scene_step(&scene);
    assert_int_equal(scene_count(&scene, KIND_FIGHTER), 0);
    assert_int_equal(scene_memory(&scene)->team_sizes[1], 0);
    // Its shot flies on, and is nobody's when another comes to the index.
    scene_join(&scene, 0, 0);
    scene_run(&scene, 120);
    assert_int_equal(scene_count(&scene, KIND_BULLET), 0);
    assert_int_equal(scene_memory(&scene)->bullet_count, 0);
    assert_int_equal(scene_u16(&scene, COLUMN_SCORE, scene_slot(&scene, 0)), 0);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, scene_slot(&scene, 0)), AMMO_MAX);
    scene_tear_down(&scene);
}

static void who_comes_back_unseen_keeps_its_fighter(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    const uint32_t slot = scene_slot(&scene, 0);
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_slot(&scene, 0), slot);
    assert_int_equal(scene_count(&scene, KIND_FIGHTER), 1);
    assert_int_equal(scene_memory(&scene)->team_sizes[1], 1);
    scene_tear_down(&scene);
}

static void a_full_world_lets_players_wait_for_their_fighter(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.entity_count_max = PICKUP_COUNT + 2, .camps = 0});
    for (uint32_t i = 0; i < 3; i++) {
        scene_join(&scene, i, 0);
        scene_step(&scene);
    }
    assert_int_equal(scene_slot(&scene, 2), MUSTER_NONE);
    // It can do nothing, and neither can the others find room for a shot.
    scene_move(&scene, 2, 0.0f, 4, false);
    scene_act(&scene, 2, ACTION_FIRE, 0, 0, 0);
    scene_say(&scene, 2, MESSAGE_SAY_TEAM, "hello");
    scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
    scene_act(&scene, 0, ACTION_THROW, 0, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_u8(&scene, COLUMN_AMMO, scene_slot(&scene, 0)), AMMO_MAX);
    assert_int_equal(scene_u8(&scene, COLUMN_GRENADES, scene_slot(&scene, 0)), 1);
    scene_run(&scene, 100);
    assert_int_equal(scene_slot(&scene, 2), MUSTER_NONE);
    scene_leave(&scene, 0);
    scene_run(&scene, 100);
    assert_int_not_equal(scene_slot(&scene, 2), MUSTER_NONE);
    assert_int_equal(scene_health(&scene, 2), 100);
    scene_tear_down(&scene);
}

static void a_world_without_room_for_its_things_has_fewer(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.entity_count_max = 40, .camps = 4, .bodies = 1000});
    scene_run(&scene, 10);
    assert_int_equal(scene_count(&scene, KIND_GUARD), 24);
    assert_int_equal(scene_count(&scene, KIND_PICKUP), 16);
    assert_int_equal(scene_count(&scene, KIND_LOOSE), 0);
    scene_tear_down(&scene);
    scene_set_up(&scene, &(struct scene_def){.entity_count_max = 20, .camps = 4});
    assert_int_equal(scene_count(&scene, KIND_GUARD), 20);
    scene_run(&scene, 1300); // those without room come when there is some, and wait until then
    assert_int_equal(scene_count(&scene, KIND_GUARD), 20);
    scene_tear_down(&scene);
}

// Scenes.

static uint32_t count_in_battle(const struct scene *scene, enum kind kind)
{
    const muster_world_view *view = scene_view(scene);
    const muster_vec3 middle = place_battle();
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        const float x = view->position[slot].x - middle.x;
        const float y = view->position[slot].y - middle.y;
        const bool is_in = x * x <= 101.0f * 101.0f && y * y <= 101.0f * 101.0f;
        count += view->is_alive[slot] != 0 && view->kind[slot] == kind && is_in;
    }
    return count;
}

static void scenes_say_where_players_and_things_begin(void **state)
{
    (void)state;
    static const uint32_t in_battle[] = {
        [SCENE_MIXED] = 20, [SCENE_BATTLE] = 100, [SCENE_SPREAD] = 0};
    for (uint32_t start = SCENE_MIXED; start <= SCENE_SPREAD; start++) {
        struct scene scene;
        const struct scene_def def = {.has_land = true, .start = start, .bodies = 100, .camps = 0};
        scene_set_up(&scene, &def);
        for (uint32_t i = 0; i < 100; i++) {
            scene_join(&scene, i, 0);
        }
        scene_step(&scene);
        assert_int_equal(scene_count(&scene, KIND_LOOSE), 100);
        const uint32_t expected = in_battle[start];
        const uint32_t fighters = count_in_battle(&scene, KIND_FIGHTER);
        const uint32_t things = count_in_battle(&scene, KIND_LOOSE);
        assert_true(fighters >= expected && fighters <= expected + 3);
        assert_true(things >= expected && things <= expected + 3);
        scene_tear_down(&scene);
    }
}

static void bodies_count_guards_and_loose_things_together(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.camps = 5, .bodies = 70});
    assert_int_equal(scene_count(&scene, KIND_GUARD), 30);
    assert_int_equal(scene_count(&scene, KIND_LOOSE), 40);
    scene_tear_down(&scene);
}

static void loose_things_come_to_rest_on_the_land(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.has_land = true, .bodies = 200});
    scene_run(&scene, 300);
    const muster_world_view *view = scene_view(&scene);
    uint32_t moving_count = 0;
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        if (view->is_alive[slot] != 0 && view->kind[slot] == KIND_LOOSE) {
            const float speed_mps = muster_vec3_length(view->velocity[slot]);
            moving_count += speed_mps > 0.1f;
            assert_true(view->position[slot].z > -40.0f);
        }
    }
    assert_true(moving_count <= 4);
    scene_tear_down(&scene);
}

// Pick-ups and trade.

static uint32_t pickup_of(const struct scene *scene, enum look look)
{
    const muster_world_view *view = scene_view(scene);
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        if (view->kind[slot] == KIND_PICKUP && scene_u8(scene, COLUMN_LOOK, slot) == look) {
            return slot;
        }
    }
    fail_msg("no such pick-up");
    return MUSTER_NONE;
}

static void wound_player(const struct state *state, void *context)
{
    const uint32_t *damage = context;
    (void)harm(state, state->host->player_entity(state->world, 0), *damage, 0, TEAM_CAMP);
}

static void take(struct scene *scene, uint32_t pickup)
{
    const muster_vec3 place = scene_view(scene)->position[pickup];
    scene_put(scene, 0, place.x, place.y);
    scene_run(scene, 12);
}

static void pickups_give_what_is_missing_and_come_back(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_run(&scene, 2);
    const uint32_t slot = scene_slot(&scene, 0);
    const uint32_t health = pickup_of(&scene, LOOK_HEALTH);
    take(&scene, health);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, health), LOOK_HEALTH); // it has enough
    scene_do(&scene, wound_player, &(uint32_t){70});
    scene_run(&scene, 12);
    assert_int_equal(scene_health(&scene, 0), 70);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, health), LOOK_TAKEN);

    const uint32_t armour = pickup_of(&scene, LOOK_ARMOUR);
    take(&scene, armour);
    assert_int_equal(scene_u8(&scene, COLUMN_ARMOUR, slot), 50);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, armour), LOOK_TAKEN);

    const uint32_t ammo = pickup_of(&scene, LOOK_AMMO);
    take(&scene, ammo);
    assert_int_equal(scene_u8(&scene, COLUMN_RESERVE, slot), 2 * AMMO_MAX + 30);
    assert_int_equal(scene_u8(&scene, COLUMN_GRENADES, slot), 2);

    scene_put(&scene, 0, -1500.0f, 0.0f);
    scene_run(&scene, 1130);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, ammo), LOOK_TAKEN);
    scene_run(&scene, 90);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, ammo), LOOK_AMMO);
    assert_int_equal(scene_u8(&scene, COLUMN_LOOK, health), LOOK_HEALTH);
    scene_tear_down(&scene);
}

static void set_score(const struct state *state, void *context)
{
    const uint16_t *score = context;
    state->score[state->host->player_entity(state->world, 0)] = *score;
}

static void trade_costs_points_and_is_made_at_bases_only(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    const uint32_t slot = scene_slot(&scene, 0);
    scene_do(&scene, set_score, &(uint16_t){12});
    scene_put(&scene, 0, 1000.0f, 1000.0f);
    scene_act(&scene, 0, ACTION_TRADE, 2, 0, 0);
    scene_step(&scene);
    assert_int_equal(scene_u8(&scene, COLUMN_ARMOUR, slot), 0);

    scene_put(&scene, 0, 1310.0f, 1290.0f);
    scene_act(&scene, 0, ACTION_TRADE, 0, 0, 0); // it is well
    scene_step(&scene);
    assert_int_equal(scene_u16(&scene, COLUMN_SCORE, slot), 12);
    for (uint32_t i = 0; i < 2; i++) {
        scene_act(&scene, 0, ACTION_TRADE, 2, 0, 0);
        scene_step(&scene);
    }
    scene_act(&scene, 0, ACTION_TRADE, 1, 0, 0); // too dear now
    scene_step(&scene);
    assert_int_equal(scene_u8(&scene, COLUMN_RESERVE, slot), 2 * AMMO_MAX);
    assert_int_equal(scene_u16(&scene, COLUMN_SCORE, slot), 2);
    assert_int_equal(scene_u8(&scene, COLUMN_ARMOUR, slot), 100);
    scene_tear_down(&scene);
}

// Activities.

static uint32_t last_activity(struct scene *scene, uint32_t tick_count)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < tick_count; i++) {
        scene_step(scene);
        muster_core_event event;
        while (muster_instance_pop_event(scene->instance, &event)) {
            found = event.type == MUSTER_EVENT_PLAYER_ACTIVITY ? event.detail : found;
        }
    }
    return found;
}

static void activities_follow_from_what_a_player_does(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_put(&scene, 0, 1300.0f, 1300.0f);
    assert_int_equal(last_activity(&scene, 60), UINT32_MAX); // idle as at first
    scene_move(&scene, 0, 0.0f, 1, false);
    assert_int_equal(last_activity(&scene, 60), MUSTER_ACTIVITY_TRAVEL);
    scene_act(&scene, 0, ACTION_TRADE, 0, 0, 0);
    assert_int_equal(last_activity(&scene, 60), MUSTER_ACTIVITY_TRADE);
    scene_do(&scene, wound_player, &(uint32_t){5});
    assert_int_equal(last_activity(&scene, 60), MUSTER_ACTIVITY_COMBAT);
    assert_int_equal(last_activity(&scene, 500), UINT32_MAX);
    assert_int_equal(last_activity(&scene, 120), MUSTER_ACTIVITY_IDLE);
    scene_act(&scene, 0, ACTION_FIRE, 0, 0, 0);
    assert_int_equal(last_activity(&scene, 60), MUSTER_ACTIVITY_COMBAT);
    assert_int_equal(last_activity(&scene, 600), MUSTER_ACTIVITY_IDLE);
    // Standing still is not travelling.
    scene_move(&scene, 0, 0.0f, 0, false);
    assert_int_equal(last_activity(&scene, 60), UINT32_MAX);
    scene_tear_down(&scene);
}

// Chat.

static void chat_goes_to_all_or_to_the_team(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_join(&scene, 300, 0);
    scene_step(&scene);
    scene_say(&scene, 300, MESSAGE_SAY, "hello \xC3\xA4ll");
    scene_say(&scene, 300, MESSAGE_SAY_TEAM, "psst");
    scene_step(&scene);
    muster_outgoing outgoing;
    const uint8_t to_all[] = "\0\x2C\x01hello \xC3\xA4ll";
    const uint8_t to_team[] = "\1\x2C\x01psst";
    assert_true(muster_instance_pop_outgoing(scene.instance, &outgoing));
    assert_int_equal(outgoing.message_index, MESSAGE_HEARD);
    assert_int_equal(outgoing.audience, MUSTER_TO_ALL);
    assert_int_equal(outgoing.length, sizeof to_all - 1);
    assert_memory_equal(outgoing.bytes, to_all, sizeof to_all - 1);
    assert_true(muster_instance_pop_outgoing(scene.instance, &outgoing));
    assert_int_equal(outgoing.audience, MUSTER_TO_TEAM);
    assert_int_equal(outgoing.target, team_of(&scene, 300));
    assert_int_equal(outgoing.length, sizeof to_team - 1);
    assert_memory_equal(outgoing.bytes, to_team, sizeof to_team - 1);
    assert_false(muster_instance_pop_outgoing(scene.instance, &outgoing));
    scene_tear_down(&scene);
}

static void chat_without_printable_text_is_dropped(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    scene_say(&scene, 0, MESSAGE_SAY, "");
    scene_say(&scene, 0, MESSAGE_SAY, "bell\x07");
    scene_say(&scene, 0, MESSAGE_SAY, "del\x7F");
    scene_step(&scene);
    muster_outgoing outgoing;
    assert_false(muster_instance_pop_outgoing(scene.instance, &outgoing));
    scene_tear_down(&scene);
}

static void who_asks_is_told_a_name(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){0});
    scene_join(&scene, 5, 0);
    scene_join(&scene, 300, 0);
    scene_step(&scene);
    scene_step(&scene);
    muster_outgoing outgoing;
    while (muster_instance_pop_outgoing(scene.instance, &outgoing)) {
    }
    scene_say(&scene, 5, MESSAGE_WHO, "\x2C\x01");
    scene_say(&scene, 5, MESSAGE_WHO, "\x2D\x01"); // nobody
    scene_say(&scene, 5, MESSAGE_WHO, "\xFF\xFF"); // beyond all players
    scene_say(&scene, 5, MESSAGE_WHO, "\x2C");
    scene_step(&scene);
    const uint8_t named[] = "\x2C\x01p";
    assert_true(muster_instance_pop_outgoing(scene.instance, &outgoing));
    assert_int_equal(outgoing.message_index, MESSAGE_NAMED);
    assert_int_equal(outgoing.audience, MUSTER_TO_PLAYER);
    assert_int_equal(outgoing.target, 5);
    assert_int_equal(outgoing.length, sizeof named - 1);
    assert_memory_equal(outgoing.bytes, named, sizeof named - 1);
    assert_false(muster_instance_pop_outgoing(scene.instance, &outgoing));
    scene_tear_down(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(teams_fill_up_evenly),
        cmocka_unit_test(parties_share_a_team_until_it_is_too_large),
        cmocka_unit_test(who_leaves_leaves_nothing_behind),
        cmocka_unit_test(who_comes_back_unseen_keeps_its_fighter),
        cmocka_unit_test(a_full_world_lets_players_wait_for_their_fighter),
        cmocka_unit_test(a_world_without_room_for_its_things_has_fewer),
        cmocka_unit_test(scenes_say_where_players_and_things_begin),
        cmocka_unit_test(bodies_count_guards_and_loose_things_together),
        cmocka_unit_test(loose_things_come_to_rest_on_the_land),
        cmocka_unit_test(pickups_give_what_is_missing_and_come_back),
        cmocka_unit_test(trade_costs_points_and_is_made_at_bases_only),
        cmocka_unit_test(activities_follow_from_what_a_player_does),
        cmocka_unit_test(chat_goes_to_all_or_to_the_team),
        cmocka_unit_test(chat_without_printable_text_is_dropped),
        cmocka_unit_test(who_asks_is_told_a_name),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
