// SPDX-License-Identifier: Apache-2.0
#include "muster/frame.h"
#include "muster/instance.h"

#include "harness/failing_heap.h"
#include "harness/shuffled_parallel.h"
#include "instance/pit_game.h"
#include "instance/world.h"

#include <stdlib.h>
#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED 4

static muster_instance *create(const muster_game *game, const muster_parallel *parallel)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    def.seed = SEED;
    def.parallel = *parallel;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    return instance;
}

static muster_frame_builder *create_builder(void)
{
    muster_frame_builder_def def = muster_frame_builder_default_def();
    def.bytes_max = 4096;
    muster_frame_builder *builder;
    assert_int_equal(muster_frame_builder_create(&def, &builder), MUSTER_OK);
    return builder;
}

// Player 0 joins in tick 1 and kicks its ball in every tenth.
static void step(muster_instance *instance, muster_frame_builder *builder)
{
    const muster_player player = {.id = {1, 2}, .name = "kim"};
    const uint64_t tick = muster_instance_tick(instance) + 1;
    const uint32_t power = (uint32_t)(tick * 7 % 101);
    muster_frame_begin(builder, tick, SEED);
    if (tick == 1) {
        assert_int_equal(muster_frame_add_join(builder, 0, &player), MUSTER_OK);
    } else if (tick % 10 == 0) {
        assert_int_equal(
            muster_frame_add_action(builder, 0, player.id, (uint32_t)tick, 0, &power, 1),
            MUSTER_OK);
    }
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(builder, &frame, &length);
    assert_int_equal(muster_instance_step(instance, frame, length), MUSTER_OK);
}

static const struct pit_blob *blob_of(const muster_instance *instance)
{
    uint32_t count;
    const muster_state_block *blocks = muster_instance_blocks(instance, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(blocks[i].name, "blob") == 0) {
            return blocks[i].data;
        }
    }
    fail_msg("no blob");
    return NULL;
}

static void balls_fall_touch_and_come_to_rest_inside(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *instance = create(&game, &serial);
    muster_frame_builder *builder = create_builder();
    const muster_world_view *view = muster_instance_view(instance);
    const float start_z = view->position[50].z;
    for (uint32_t i = 0; i < 600; i++) {
        step(instance, builder);
    }
    assert_true(view->position[50].z < start_z - 5.0f);
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        assert_true(view->is_alive[slot] == 0 || view->position[slot].z > -1.0f);
    }
    assert_true(blob_of(instance)->contact_count > 30);
    assert_true(blob_of(instance)->hit_count > 0);
    assert_int_equal(blob_of(instance)->early_contact_count, 0);

    // What has no body stays where the game has put it.
    assert_int_equal(view->kind[PIT_BALL_COUNT], PIT_MARK);
    assert_true(view->position[PIT_BALL_COUNT].y == 2.0f);
    assert_non_null(muster_instance_space(instance));
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
}

static uint64_t count_up(void *clock_context)
{
    uint64_t *now_ns = clock_context;
    return *now_ns += 5;
}

static void physics_tells_what_it_has_cost_by_the_clock_it_is_given(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    uint64_t now_ns = 0;
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    def.seed = SEED;
    def.now_ns = count_up;
    def.clock_context = &now_ns;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    muster_frame_builder *builder = create_builder();
    for (uint32_t i = 0; i < 7; i++) {
        step(instance, builder);
    }
    const muster_task_cost cost = muster_instance_physics_cost(instance);
    assert_int_equal(cost.item_count, 7);
    assert_int_equal(cost.total_ns, 7 * 5);
    assert_int_equal(cost.tick_ns_max, 5);
    muster_instance_destroy(instance);
    const muster_parallel serial = muster_parallel_serial();
    instance = create(&game, &serial);
    step(instance, builder);
    assert_int_equal(muster_instance_physics_cost(instance).total_ns, 0);
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
}

static void workers_and_their_order_change_nothing(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    const muster_parallel serial = muster_parallel_serial();
    struct shuffled_parallel two = {.seed = 1, .worker_count = 2};
    struct shuffled_parallel four = {.seed = 2, .worker_count = 4};
    const muster_parallel by_two = shuffled_parallel(&two);
    const muster_parallel by_four = shuffled_parallel(&four);
    muster_instance *instances[] = {
        create(&game, &serial), create(&game, &by_two), create(&game, &by_four)};
    muster_frame_builder *builder = create_builder();
    for (uint32_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < 3; k++) {
            step(instances[k], builder);
            assert_true(muster_instance_hash(instances[k]) == muster_instance_hash(instances[0]));
        }
    }
    for (size_t k = 0; k < 3; k++) {
        muster_instance_destroy(instances[k]);
    }
    muster_frame_builder_destroy(builder);
}

static void a_restored_world_goes_on_as_if_it_had_never_stopped(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *instance = create(&game, &serial);
    muster_instance *fresh = create(&game, &serial);
    muster_frame_builder *builder = create_builder();
    for (uint32_t i = 0; i < 240; i++) {
        step(instance, builder);
    }
    const size_t length = muster_instance_snapshot_bytes(instance);
    uint8_t *bytes = malloc(length);
    muster_instance_snapshot(instance, bytes);
    for (uint32_t i = 0; i < 5; i++) {
        step(fresh, builder);
    }
    assert_int_equal(muster_instance_restore(fresh, bytes, length), MUSTER_OK);
    muster_difference difference;
    assert_false(muster_instance_difference(instance, fresh, &difference));
    for (uint32_t i = 0; i < 300; i++) {
        step(instance, builder);
        step(fresh, builder);
        assert_true(muster_instance_hash(instance) == muster_instance_hash(fresh));
    }
    free(bytes);
    muster_instance_destroy(fresh);
    muster_instance_destroy(instance);
    muster_frame_builder_destroy(builder);
}

static void a_body_where_no_entity_lives_is_not_restored(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *instance = create(&game, &serial);
    muster_instance *fresh = create(&game, &serial);
    muster_instance *witness = create(&game, &serial);
    const muster_body_def body = muster_body_default_def();
    muster_world *world = &instance->world;
    const uint32_t slot = PIT_BALL_COUNT + 1;
    assert_false(world_is_alive(world, slot));
    assert_int_equal(muster_space_body_add(world->space, slot, &body), MUSTER_OK);
    const size_t length = muster_instance_snapshot_bytes(instance);
    uint8_t *bytes = malloc(length);
    muster_instance_snapshot(instance, bytes);
    assert_int_equal(muster_instance_restore(fresh, bytes, length), MUSTER_ERR_MALFORMED);
    muster_difference difference;
    assert_false(muster_instance_difference(fresh, witness, &difference));

    assert_true(muster_space_body_remove(world->space, slot));
    const size_t good_length = muster_instance_snapshot_bytes(instance);
    assert_true(good_length <= length);
    muster_instance_snapshot(instance, bytes);
    assert_int_equal(muster_instance_restore(fresh, bytes, good_length), MUSTER_OK);
    free(bytes);
    muster_instance_destroy(witness);
    muster_instance_destroy(fresh);
    muster_instance_destroy(instance);
}

static void start_with_one_more(const muster_host *host, muster_world *world)
{
    pit_start(host, world);
    uint32_t slot;
    const muster_vec3 place = {0.0f, 0.0f, 60.0f};
    assert_int_equal(host->entity_spawn(world, 0, place, &slot), MUSTER_OK);
    const muster_body_def body = host->space->body_default_def();
    host->space->body_add(world, slot, &body);
}

// Slots that were in use and are not in the snapshot must not count as bodies.
static void a_smaller_world_is_restored_over_a_larger_one(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    muster_game larger_game = game;
    larger_game.start = start_with_one_more;
    const muster_parallel serial = muster_parallel_serial();
    muster_instance *small = create(&game, &serial);
    muster_instance *large = create(&larger_game, &serial);
    const size_t length = muster_instance_snapshot_bytes(small);
    uint8_t *bytes = malloc(length);
    muster_instance_snapshot(small, bytes);
    assert_true(muster_instance_snapshot_bytes(large) > length);
    assert_int_equal(muster_instance_restore(large, bytes, length), MUSTER_OK);
    muster_difference difference;
    assert_false(muster_instance_difference(small, large, &difference));
    free(bytes);
    muster_instance_destroy(large);
    muster_instance_destroy(small);
}

static void creation_survives_a_heap_that_runs_dry(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    struct failing_heap heap = {0};
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    def.allocator = failing_heap_allocator(&heap);
    muster_instance *instance;
    muster_status status;
    uint32_t try_count = 0;
    do {
        heap.alloc_count = 0;
        heap.alloc_count_max = try_count;
        status = muster_instance_create(&def, &instance);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        assert_true(status == MUSTER_OK || heap.bytes_live == 0);
        try_count++;
    } while (status != MUSTER_OK);
    assert_true(try_count > 4);
    muster_instance_destroy(instance);
    assert_int_equal(heap.bytes_live, 0);
}

static void build_too_steep(const muster_host *host, muster_world *world)
{
    host->space->def(world)->iteration_count = 1000;
}

static void build_many_boxes(const muster_host *host, muster_world *world)
{
    const muster_space_box box = {.half_size = {1.0f, 1.0f, 1.0f}, .category = 1};
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(host->space->box_add(world, &box), MUSTER_OK);
    }
    assert_int_equal(host->space->box_add(world, &box), MUSTER_ERR_FULL);
}

static void what_no_space_can_be_is_refused(void **state)
{
    (void)state;
    muster_game game = pit_game();
    game.build = build_too_steep;
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
    game.build = build_many_boxes;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    muster_instance_destroy(instance);
}

static void look_around(const muster_host *host, muster_world *world)
{
    pit_start(host, world);
    const muster_space_ray ray = {
        .from = {0.0f, 0.0f, 100.0f},
        .to = {0.0f, 0.0f, -100.0f},
        .mask = 1,
        .ignore_slot = MUSTER_NONE,
    };
    muster_space_hit hit;
    uint32_t slots[PIT_BALL_COUNT];
    uint32_t count;
    float height_m;
    assert_true(host->space->ray_cast(world, &ray, &hit));
    assert_true(host->space->ground_height(world, 0.0f, 0.0f, &height_m));
    assert_false(host->space->ground_height(world, 500.0f, 0.0f, &height_m));
    const muster_vec3 centre = {0.0f, 0.0f, 10.0f};
    assert_int_equal(
        host->space->overlap(world, centre, 40.0f, 1, slots, PIT_BALL_COUNT, &count), MUSTER_OK);
    assert_true(count > 40);

    assert_true(host->space->has_body(world, 3));
    assert_false(host->space->has_body(world, PIT_BALL_COUNT));
    const muster_vec3 place = {2.0f, 2.0f, 40.0f};
    host->space->body_move(world, 3, place);
    const muster_vec3 *position = host->column(world, MUSTER_COLUMN_POSITION);
    assert_true(position[3].z == 40.0f);
    const muster_vec3 impulse = {0.0f, 3.0f, 0.0f};
    host->space->body_push(world, 3, impulse);
    const muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    assert_true(velocity[3].y == 3.0f);
    assert_true(host->space->ground_normal(world, 3).z == 0.0f);
    assert_false(host->space->is_asleep(world, 3));
    assert_true(host->space->body_remove(world, 4));
    assert_false(host->space->body_remove(world, 4));
    assert_true(host->entity_is_alive(world, 4));
}

static void games_look_at_and_move_bodies(void **state)
{
    (void)state;
    muster_game game = pit_game();
    game.start = look_around;
    const muster_parallel serial = muster_parallel_serial();
    muster_instance_destroy(create(&game, &serial));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balls_fall_touch_and_come_to_rest_inside),
        cmocka_unit_test(physics_tells_what_it_has_cost_by_the_clock_it_is_given),
        cmocka_unit_test(workers_and_their_order_change_nothing),
        cmocka_unit_test(a_restored_world_goes_on_as_if_it_had_never_stopped),
        cmocka_unit_test(a_body_where_no_entity_lives_is_not_restored),
        cmocka_unit_test(a_smaller_world_is_restored_over_a_larger_one),
        cmocka_unit_test(creation_survives_a_heap_that_runs_dry),
        cmocka_unit_test(what_no_space_can_be_is_refused),
        cmocka_unit_test(games_look_at_and_move_bodies),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
