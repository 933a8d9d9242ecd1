// SPDX-License-Identifier: Apache-2.0
#include "muster/instance.h"

#include "harness/failing_heap.h"
#include "instance/probe_play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    muster_game game;
    muster_instance *instance;
    muster_frame_builder *builder;
    struct probe_play play;
};

static void set_up(struct fixture *fixture)
{
    fixture->game = probe_game();
    fixture->play = (struct probe_play){.random_state = 5, .seed = 9};
    muster_instance_def def = muster_instance_default_def();
    def.game = &fixture->game;
    def.seed = 9;
    assert_int_equal(muster_instance_create(&def, &fixture->instance), MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    assert_int_equal(muster_frame_builder_create(&builder_def, &fixture->builder), MUSTER_OK);
}

static void tear_down(struct fixture *fixture)
{
    muster_instance_destroy(fixture->instance);
    muster_frame_builder_destroy(fixture->builder);
}

static void begin(struct fixture *fixture)
{
    muster_frame_begin(
        fixture->builder, muster_instance_tick(fixture->instance) + 1, fixture->play.seed);
}

static muster_status step(struct fixture *fixture)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(fixture->builder, &frame, &length);
    return muster_instance_step(fixture->instance, frame, length);
}

static void join(struct fixture *fixture, uint32_t player_index)
{
    const muster_player player = probe_player(player_index);
    begin(fixture);
    assert_int_equal(muster_frame_add_join(fixture->builder, player_index, &player), MUSTER_OK);
    assert_int_equal(step(fixture), MUSTER_OK);
}

static void step_empty(struct fixture *fixture)
{
    begin(fixture);
    assert_int_equal(step(fixture), MUSTER_OK);
}

static void step_random(struct fixture *fixture)
{
    const uint8_t *frame;
    uint32_t length;
    const uint64_t tick = muster_instance_tick(fixture->instance) + 1;
    assert_int_equal(
        probe_next_frame(&fixture->play, fixture->builder, tick, &frame, &length), MUSTER_OK);
    assert_int_equal(muster_instance_step(fixture->instance, frame, length), MUSTER_OK);
}

static void a_new_world_is_started_at_tick_0(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_int_equal(muster_instance_tick(fixture.instance), 0);
    const muster_world_view *view = muster_instance_view(fixture.instance);
    assert_int_equal(view->slot_count, 8);
    assert_int_equal(view->is_alive[7], 1);
    assert_int_equal(view->kind[7], PROBE_WALKER);
    assert_true(view->position[7].x == 21.0f);
    const uint16_t *health = view->columns[PROBE_HEALTH];
    assert_int_equal(health[7], 50);
    assert_null(view->columns[5]);
    assert_null(view->columns[MUSTER_COLUMN_GAME + 4]);

    muster_core_event event;
    assert_true(muster_instance_pop_event(fixture.instance, &event));
    assert_int_equal(event.type, MUSTER_EVENT_INSTANCE_STARTED);
    assert_int_equal(event.player_index, MUSTER_NONE);
    assert_false(muster_instance_pop_event(fixture.instance, &event));
    tear_down(&fixture);
}

static void a_player_joins_acts_and_leaves(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_null(muster_instance_player(fixture.instance, 3));
    join(&fixture, 3);
    const muster_player *player = muster_instance_player(fixture.instance, 3);
    assert_non_null(player);
    assert_string_equal(player->name, "player d");
    assert_int_equal(player->joined_tick, 1);
    assert_int_equal(player->entity_slot, 8);

    const muster_world_view *view = muster_instance_view(fixture.instance);
    assert_int_equal(view->owner[8], 4);
    assert_int_equal(view->team[8], 2);
    const float x = view->position[8].x;

    // Steps of 0.01 above -3.5 and of 0.5 above 0: nearly due east at 6 m/s.
    const uint32_t steps[] = {350, 12};
    begin(&fixture);
    assert_int_equal(
        muster_frame_add_action(fixture.builder, 3, player->id, 1, PROBE_WALK, steps, 2),
        MUSTER_OK);
    assert_int_equal(step(&fixture), MUSTER_OK);
    assert_true(view->velocity[8].x > 5.99f);
    assert_true(view->position[8].x > x + 0.09f);

    muster_core_event event;
    assert_true(muster_instance_pop_event(fixture.instance, &event));
    assert_int_equal(event.type, MUSTER_EVENT_PLAYER_ACTIVITY);
    assert_int_equal(event.detail, MUSTER_ACTIVITY_TRAVEL);
    assert_int_equal(event.player_index, 3);

    begin(&fixture);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 3, probe_player(3).id), MUSTER_OK);
    assert_int_equal(step(&fixture), MUSTER_OK);
    assert_null(muster_instance_player(fixture.instance, 3));
    assert_int_equal(view->is_alive[8], 0);
    assert_int_equal(view->owner[8], 0);
    assert_int_equal(view->id[8], 0);
    assert_true(view->position[8].x == 0.0f);
    assert_true(muster_instance_pop_event(fixture.instance, &event));
    assert_int_equal(event.type, MUSTER_EVENT_PLAYER_LEFT);
    tear_down(&fixture);
}

static void a_player_who_comes_back_keeps_its_entity(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 0);
    join(&fixture, 0);
    assert_int_equal(muster_instance_player(fixture.instance, 0)->joined_tick, 1);
    assert_int_equal(muster_instance_player(fixture.instance, 0)->entity_slot, 8);
    assert_int_equal(muster_instance_view(fixture.instance)->slot_count, 9);
    tear_down(&fixture);
}

static void what_a_player_owned_is_nobodys_when_it_goes(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 3);
    uint32_t *owner = (uint32_t *)muster_instance_view(fixture.instance)->owner;
    owner[2] = 4;
    owner[5] = 1;
    begin(&fixture);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 3, probe_player(3).id), MUSTER_OK);
    assert_int_equal(step(&fixture), MUSTER_OK);
    assert_int_equal(owner[2], 0);
    assert_int_equal(owner[5], 1);
    tear_down(&fixture);
}

static void one_frame_may_replace_a_player_by_another(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 2);
    const muster_player other = probe_player(7);
    begin(&fixture);
    assert_int_equal(muster_frame_add_join(fixture.builder, 2, &other), MUSTER_OK);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 2, probe_player(2).id), MUSTER_OK);
    assert_int_equal(step(&fixture), MUSTER_OK);
    assert_string_equal(muster_instance_player(fixture.instance, 2)->name, "player h");

    // The slot of the old one is given out again only after the tick.
    assert_int_equal(muster_instance_player(fixture.instance, 2)->entity_slot, 9);
    tear_down(&fixture);
}

static void a_slot_is_used_again_and_an_id_never(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 0);
    const muster_world_view *view = muster_instance_view(fixture.instance);
    const muster_entity_id first = view->id[8];
    assert_int_equal(first >> 48, 1);
    begin(&fixture);
    assert_int_equal(muster_frame_add_leave(fixture.builder, 0, probe_player(0).id), MUSTER_OK);
    assert_int_equal(step(&fixture), MUSTER_OK);
    join(&fixture, 1);
    assert_int_equal(muster_instance_player(fixture.instance, 1)->entity_slot, 8);
    assert_true(view->id[8] != first);
    tear_down(&fixture);
}

static void a_message_goes_out_with_an_id_that_is_its_own(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 0);
    begin(&fixture);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(muster_frame_add_message(fixture.builder, 0, probe_player(0).id, i,
                             PROBE_CHAT, (const uint8_t *)"hi", 2),
            MUSTER_OK);
    }
    assert_int_equal(step(&fixture), MUSTER_OK);
    muster_outgoing first;
    muster_outgoing second;
    assert_true(muster_instance_pop_outgoing(fixture.instance, &first));
    assert_true(muster_instance_pop_outgoing(fixture.instance, &second));
    assert_false(muster_instance_pop_outgoing(fixture.instance, &second));
    assert_int_equal(first.audience, MUSTER_TO_ALL);
    assert_int_equal(first.length, 2);
    assert_memory_equal(first.bytes, "hi", 2);
    assert_true(first.effect_id != second.effect_id);

    step_empty(&fixture);
    assert_false(muster_instance_pop_outgoing(fixture.instance, &first));
    tear_down(&fixture);
}

static void equal_frames_give_equal_hashes(void **state)
{
    (void)state;
    struct fixture left;
    struct fixture right;
    set_up(&left);
    set_up(&right);
    uint64_t last_hash = 0;
    for (uint32_t i = 0; i < 500; i++) {
        step_random(&left);
        step_random(&right);
        const uint64_t hash = muster_instance_hash(left.instance);
        assert_true(hash == muster_instance_hash(right.instance));
        assert_true(hash != last_hash);
        last_hash = hash;
    }
    muster_difference difference;
    assert_false(muster_instance_difference(left.instance, right.instance, &difference));
    tear_down(&left);
    tear_down(&right);
}

static void a_difference_is_named_by_block_entity_and_lane(void **state)
{
    (void)state;
    struct fixture left;
    struct fixture right;
    set_up(&left);
    set_up(&right);
    float *position = (float *)muster_instance_view(right.instance)->position;
    position[3 * 5 + 1] = 2.0f;
    muster_difference difference;
    assert_true(muster_instance_difference(left.instance, right.instance, &difference));
    assert_string_equal(difference.block_name, "position");
    assert_true(difference.is_by_entity);
    assert_int_equal(difference.element_index, 5);
    assert_int_equal(difference.lane_index, 1);
    assert_int_equal(difference.type, MUSTER_STATE_F32);
    assert_int_equal(difference.left_bits, 0x3F800000);
    assert_int_equal(difference.right_bits, 0x40000000);
    tear_down(&left);
    tear_down(&right);
}

static void tasks_tell_what_they_have_cost(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    for (uint32_t i = 0; i < 16; i++) {
        step_empty(&fixture);
    }
    // Eight walkers heal once in 16 ticks; one task moves all of them in each.
    assert_int_equal(muster_instance_task_cost(fixture.instance, 0).item_count, 8);
    assert_int_equal(muster_instance_task_cost(fixture.instance, 3).item_count, 16);
    tear_down(&fixture);
}

static void the_rule_decides_who_sees(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    join(&fixture, 0);
    join(&fixture, 1);
    join(&fixture, 2);
    assert_true(muster_instance_can_see(fixture.instance, 0, 10));
    assert_false(muster_instance_can_see(fixture.instance, 0, 9));
    tear_down(&fixture);
}

static void creation_survives_a_heap_that_runs_dry(void **state)
{
    (void)state;
    const muster_game game = probe_game();
    struct failing_heap heap = {0};
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    def.allocator = failing_heap_allocator(&heap);
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_NO_MEMORY);
    assert_null(instance);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_NO_MEMORY);
    assert_int_equal(heap.bytes_live, 0);
    heap.alloc_count_max = 3;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    muster_instance_destroy(instance);
    assert_int_equal(heap.bytes_live, 0);
    muster_instance_destroy(NULL);
}

static void definitions_out_of_range_are_refused(void **state)
{
    (void)state;
    const muster_game game = probe_game();
    muster_instance_def good = muster_instance_default_def();
    good.game = &game;
    muster_instance *instance;

    muster_instance_def def = good;
    def.game = NULL;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def = good;
    def.instance_id = 0;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def.instance_id = 65536;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def = good;
    def.limits.entity_count_max = game.limits.entity_count_max + 1;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def = good;
    def.limits.entity_count_max = 0;
    def.limits.blob_bytes = game.limits.blob_bytes + 1;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def.limits.blob_bytes = game.limits.blob_bytes - 1;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def.limits.blob_bytes = 0;
    def.limits.player_count_max = game.limits.player_count_max + 1;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    def = good;
    def.parallel.worker_count = 0;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);

    muster_game other = game;
    other.abi = MUSTER_GAME_ABI + 1;
    def = good;
    def.game = &other;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_VERSION);
    assert_null(instance);
}

static void the_smallest_world_takes_at_most_64_kib(void **state)
{
    (void)state;
    const muster_game game = probe_game();
    struct failing_heap heap = {.alloc_count_max = 100};
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    def.limits.player_count_max = 1;
    def.limits.entity_count_max = 1;
    def.allocator = failing_heap_allocator(&heap);
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    assert_true(heap.bytes_live <= 64 * 1024);
    muster_instance_destroy(instance);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_instance_destroy(fixture.instance);
    struct failing_heap heap = {.alloc_count_max = 100};
    muster_instance_def def = muster_instance_default_def();
    def.game = &fixture.game;
    def.seed = 9;
    def.allocator = failing_heap_allocator(&heap);
    assert_int_equal(muster_instance_create(&def, &fixture.instance), MUSTER_OK);
    const uint32_t alloc_count = heap.alloc_count;
    for (uint32_t i = 0; i < 200; i++) {
        step_random(&fixture);
    }
    assert_int_equal(heap.alloc_count, alloc_count);
    tear_down(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_world_is_started_at_tick_0),
        cmocka_unit_test(a_player_joins_acts_and_leaves),
        cmocka_unit_test(a_player_who_comes_back_keeps_its_entity),
        cmocka_unit_test(what_a_player_owned_is_nobodys_when_it_goes),
        cmocka_unit_test(one_frame_may_replace_a_player_by_another),
        cmocka_unit_test(a_slot_is_used_again_and_an_id_never),
        cmocka_unit_test(a_message_goes_out_with_an_id_that_is_its_own),
        cmocka_unit_test(equal_frames_give_equal_hashes),
        cmocka_unit_test(a_difference_is_named_by_block_entity_and_lane),
        cmocka_unit_test(tasks_tell_what_they_have_cost),
        cmocka_unit_test(the_rule_decides_who_sees),
        cmocka_unit_test(creation_survives_a_heap_that_runs_dry),
        cmocka_unit_test(definitions_out_of_range_are_refused),
        cmocka_unit_test(the_smallest_world_takes_at_most_64_kib),
        cmocka_unit_test(a_step_allocates_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
