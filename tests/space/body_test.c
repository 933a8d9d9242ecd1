// SPDX-License-Identifier: Apache-2.0
#include "space/harness.h"

#include "harness/failing_heap.h"

static const muster_space_material plain = {.friction = 0.5f, .gravity_scale = 1.0f};
static const muster_vec3 none = {0.0f, 0.0f, 0.0f};

static const float bad_numbers[] = {
    __builtin_nanf(""), __builtin_inff(), -__builtin_inff(), 1e30f, -1e30f};
#define BAD_COUNT (sizeof bad_numbers / sizeof bad_numbers[0])

static void a_body_is_where_it_was_put(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 5, (muster_vec3){1.0f, 2.0f, 3.0f}, (muster_vec3){4.0f, 5.0f, 6.0f});
    const muster_space_columns columns = muster_space_columns_read(space);
    assert_int_equal(columns.slot_count, 6);
    assert_true(columns.position[5].y == 2.0f);
    assert_true(columns.velocity[5].z == 6.0f);
    assert_true(columns.radius_m[5] == 0.5f);
    assert_true(columns.inverse_mass[5] == 1.0f);
    assert_true((columns.flags[5] & MUSTER_BODY_EXISTS) != 0);
    assert_int_equal(columns.flags[4], 0);
    muster_space_destroy(space);
}

static void a_taken_slot_is_refused_and_a_freed_one_is_not(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    const muster_body_def body = muster_body_default_def();
    test_add(space, 2, none, none);
    test_add(space, 0, (muster_vec3){3.0f, 0.0f, 0.0f}, none);
    assert_int_equal(muster_space_body_add(space, 2, &body), MUSTER_ERR_INVALID);
    assert_true(muster_space_body_remove(space, 2));
    assert_false(muster_space_body_remove(space, 2));
    assert_int_equal(muster_space_columns_read(space).slot_count, 1);
    assert_true(muster_space_body_remove(space, 0));
    assert_int_equal(muster_space_columns_read(space).slot_count, 0);
    assert_int_equal(muster_space_body_add(space, 2, &body), MUSTER_OK);
    muster_space_destroy(space);
}

static void a_slot_beyond_the_capacity_is_full(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    const muster_body_def body = muster_body_default_def();
    assert_int_equal(muster_space_body_add(space, 512, &body), MUSTER_ERR_FULL);
    assert_int_equal(muster_space_body_add(space, UINT32_MAX, &body), MUSTER_ERR_FULL);
    assert_int_equal(muster_space_body_add(space, 511, &body), MUSTER_OK);
    muster_space_destroy(space);
}

static void what_is_not_a_finite_number_in_range_never_gets_in(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 0, none, none);
    for (uint32_t i = 0; i < BAD_COUNT; i++) {
        const float bad = bad_numbers[i];
        const muster_vec3 vectors[3] = {{bad, 0.0f, 0.0f}, {0.0f, bad, 0.0f}, {0.0f, 0.0f, bad}};
        for (uint32_t k = 0; k < 3; k++) {
            muster_body_def body = muster_body_default_def();
            body.position = vectors[k];
            assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_ERR_INVALID);
            body = muster_body_default_def();
            body.velocity = vectors[k];
            assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_ERR_INVALID);
            assert_int_equal(
                muster_space_body_set_position(space, 0, vectors[k]), MUSTER_ERR_INVALID);
            assert_int_equal(
                muster_space_body_set_velocity(space, 0, vectors[k]), MUSTER_ERR_INVALID);
            assert_int_equal(muster_space_body_push(space, 0, vectors[k]), MUSTER_ERR_INVALID);
        }
        muster_body_def body = muster_body_default_def();
        body.radius_m = bad;
        assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_ERR_INVALID);
        body = muster_body_default_def();
        body.mass_kg = bad;
        assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_ERR_INVALID);
    }
    assert_int_equal(muster_space_columns_read(space).slot_count, 1);
    muster_space_destroy(space);
}

static void contradictory_flags_and_unknown_materials_are_refused(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    static const uint8_t flags[] = {
        MUSTER_BODY_KINEMATIC | MUSTER_BODY_BULLET,
        MUSTER_BODY_SENSOR | MUSTER_BODY_BULLET,
        MUSTER_BODY_SENSOR | MUSTER_BODY_KINEMATIC,
        MUSTER_BODY_EXISTS,
        64,
        16,
    };
    for (uint32_t i = 0; i < sizeof flags; i++) {
        muster_body_def body = muster_body_default_def();
        body.flags = flags[i];
        assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_ERR_INVALID);
    }
    muster_body_def body = muster_body_default_def();
    body.material = 1;
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_ERR_INVALID);
    muster_space_destroy(space);
}

static void an_empty_slot_cannot_be_changed(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    test_add(space, 1, none, none);
    assert_int_equal(muster_space_body_set_position(space, 0, none), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_space_body_set_velocity(space, 0, none), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_space_body_push(space, 7, none), MUSTER_ERR_NOT_FOUND);
    assert_false(muster_space_body_is_asleep(space, 0));
    assert_false(muster_space_body_is_asleep(space, 9));
    muster_space_destroy(space);
}

static void a_push_changes_speed_by_mass_and_is_bounded(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    muster_body_def body = muster_body_default_def();
    body.mass_kg = 4.0f;
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    body.flags = MUSTER_BODY_KINEMATIC;
    body.position.x = 5.0f;
    assert_int_equal(muster_space_body_add(space, 1, &body), MUSTER_OK);

    const muster_vec3 push = {8.0f, 0.0f, 0.0f};
    assert_int_equal(muster_space_body_push(space, 0, push), MUSTER_OK);
    assert_int_equal(muster_space_body_push(space, 1, push), MUSTER_OK);
    assert_near(test_velocity(space, 0).x, 2.0f, 1e-6f);
    assert_near(test_velocity(space, 1).x, 0.0f, 0.0f);
    const muster_vec3 shove = {1e8f, 1e8f, 0.0f};
    assert_int_equal(muster_space_body_push(space, 0, shove), MUSTER_OK);
    const float speed = muster_vec3_length(test_velocity(space, 0));
    assert_true(speed <= MUSTER_SPACE_SPEED_MAX && speed > 0.99f * MUSTER_SPACE_SPEED_MAX);
    muster_space_destroy(space);
}

static void nothing_leaves_the_world_or_exceeds_its_speed(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    def.gravity = (muster_vec3){1000.0f, 0.0f, -1000.0f};
    muster_space *space = test_create(&def);
    test_add(space, 0, (muster_vec3){16000.0f, 0.0f, -16000.0f}, none);
    test_steps(space, 300);
    const muster_vec3 position = test_position(space, 0);
    assert_true(position.x == MUSTER_SPACE_COORDINATE_MAX);
    assert_true(position.z == -MUSTER_SPACE_COORDINATE_MAX);
    assert_true(muster_vec3_length(test_velocity(space, 0)) <= MUSTER_SPACE_SPEED_MAX);
    muster_space_destroy(space);
}

// Every way in which a definition can be wrong, one at a time.
static void spoil(muster_space_def *def, uint32_t way)
{
    static muster_space_material material;
    material = (muster_space_material){.gravity_scale = 1.0f};
    const float nan = __builtin_nanf("");
    uint32_t i = 0;
#define SPOIL(change)                                                                              \
    if (way == i++) {                                                                              \
        change;                                                                                    \
    }
    SPOIL(def->body_capacity = 0)
    SPOIL(def->body_capacity = MUSTER_SPACE_BODY_CAPACITY_MAX + 1)
    SPOIL(def->contact_capacity_per_body = 0)
    SPOIL(def->contact_capacity_per_body = 65)
    SPOIL(def->step_s = 0.0f)
    SPOIL(def->step_s = nan)
    SPOIL(def->gravity.x = 1001.0f)
    SPOIL(def->gravity.y = nan)
    SPOIL(def->gravity.z = -1001.0f)
    SPOIL(def->iteration_count = 1)
    SPOIL(def->iteration_count = 65)
    SPOIL(def->cell_m = 0.01f)
    SPOIL(def->sleep_speed_mps = -1.0f)
    SPOIL(def->sleep_ticks = 60001)
    SPOIL(def->ground_normal_z_min = 0.0f)
    SPOIL(def->materials = NULL)
    SPOIL(def->material_count = 0)
    SPOIL(def->material_count = 65)
    SPOIL(def->partition_min_x = nan)
    SPOIL(def->partition_min_y = 1e9f)
    SPOIL(def->partition_m = 0.5f)
    SPOIL(def->partition_side_count = 0)
    SPOIL(def->partition_side_count = 65)
    SPOIL(def->allocator.alloc = NULL)
    SPOIL(def->allocator.free = NULL)
    SPOIL(def->variant = (muster_space_variant)9)
    SPOIL(material.friction = -1.0f; def->materials = &material)
    SPOIL(material.restitution = 1.5f; def->materials = &material)
    SPOIL(material.gravity_scale = nan; def->materials = &material)
    SPOIL(material.damping_per_s = 61.0f; def->materials = &material)
    SPOIL(def->box_count = MUSTER_SPACE_BOX_COUNT_MAX + 1)
    assert_true(way < i);
#undef SPOIL
}

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 31; way++) {
        muster_space_def def = muster_space_default_def();
        spoil(&def, way);
        muster_space *space;
        assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
        assert_null(space);
    }
    muster_space_destroy(NULL);
}

static void a_box_out_of_range_is_refused(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 9; way++) {
        muster_space_box box = test_floor;
        box.centre.x = way == 0 ? 2e4f : box.centre.x;
        box.centre.y = way == 1 ? __builtin_nanf("") : box.centre.y;
        box.centre.z = way == 2 ? -2e4f : box.centre.z;
        box.half_size.x = way == 3 ? 0.0f : box.half_size.x;
        box.half_size.y = way == 4 ? __builtin_inff() : box.half_size.y;
        box.half_size.z = way == 5 ? -1.0f : box.half_size.z;
        box.heading = way == 6 ? 4.0f : way == 7 ? -4.0f : box.heading;
        box.material = way == 8 ? 1 : box.material;
        muster_space_def def = muster_space_default_def();
        def.boxes = &box;
        def.box_count = 1;
        muster_space *space;
        assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
    }
}

static void boxes_that_lie_on_top_of_each_other_everywhere_are_refused(void **state)
{
    (void)state;
    static muster_space_box boxes[300];
    for (uint32_t i = 0; i < 300; i++) {
        boxes[i] = test_floor;
        boxes[i].half_size.x = 10000.0f;
        boxes[i].half_size.y = 10000.0f;
    }
    muster_space_def def = muster_space_default_def();
    def.boxes = boxes;
    def.box_count = 300;
    muster_space *space;
    assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
}

static void a_terrain_out_of_range_is_refused(void **state)
{
    (void)state;
    float heights[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (uint32_t way = 0; way < 11; way++) {
        muster_space_def def = muster_space_default_def();
        def.terrain = (muster_space_terrain){
            .heights_m = heights,
            .column_count = way == 0   ? 1
                            : way == 1 ? 5000
                                       : 2,
            .row_count = way == 2   ? 1
                         : way == 3 ? 5000
                                    : 2,
            .sample_m = way == 4   ? 0.0f
                        : way == 5 ? 2000.0f
                                   : 1.0f,
            .min_x = way == 6 ? 1e7f : 0.0f,
            .min_y = way == 7 ? __builtin_nanf("") : 0.0f,
            .material = way == 8 ? 1 : 0,
            .category = 1,
        };
        heights[3] = way == 9 ? __builtin_nanf("") : way == 10 ? 2e4f : 0.0f;
        muster_space *space;
        assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
    }
    muster_space_def def = muster_space_default_def();
    heights[3] = 0.0f;
    def.terrain = (muster_space_terrain){
        .heights_m = heights, .column_count = 2, .row_count = 2, .sample_m = 1.0f, .min_x = -1e7f};
    muster_space *space;
    assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
    def.terrain.min_x = 0.0f;
    def.terrain.min_y = 1e7f;
    assert_int_equal(muster_space_create(&def, &space), MUSTER_ERR_INVALID);
}

static void creation_survives_a_heap_that_runs_dry(void **state)
{
    (void)state;
    muster_status status = MUSTER_ERR_NO_MEMORY;
    for (uint32_t i = 0; status != MUSTER_OK; i++) {
        struct failing_heap heap = {.alloc_count_max = i};
        muster_space_def def = muster_space_default_def();
        def.allocator = failing_heap_allocator(&heap);
        muster_space *space;
        status = muster_space_create(&def, &space);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        assert_true((status == MUSTER_OK) == (space != NULL));
        muster_space_destroy(space);
        assert_int_equal(heap.bytes_live, 0);
        assert_true(i < 10);
    }
}

static void stepping_allocates_nothing(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 100};
    muster_space_def def = muster_space_default_def();
    def.allocator = failing_heap_allocator(&heap);
    muster_space *space = test_create(&def);
    const uint32_t alloc_count = heap.alloc_count;
    for (uint32_t i = 0; i < 100; i++) {
        test_add(space, i, (muster_vec3){(float)(i % 10), (float)(i / 10), 0.0f}, none);
        test_steps(space, 1);
    }
    assert_int_equal(heap.alloc_count, alloc_count);
    muster_space_destroy(space);
}

static void the_static_hash_names_what_is_constant(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    muster_space *one = test_create(&def);
    muster_space *same = test_create(&def);
    def.iteration_count = 11;
    muster_space *other = test_create(&def);
    def = muster_space_default_def();
    def.boxes = &test_floor;
    def.box_count = 1;
    muster_space *floor = test_create(&def);
    assert_true(muster_space_static_hash(one) == muster_space_static_hash(same));
    assert_true(muster_space_static_hash(one) != muster_space_static_hash(other));
    assert_true(muster_space_static_hash(one) != muster_space_static_hash(floor));
    muster_space_destroy(one);
    muster_space_destroy(same);
    muster_space_destroy(other);
    muster_space_destroy(floor);
}

static void state_blocks_have_their_own_names_and_counts_come_first(void **state)
{
    (void)state;
    muster_space *space = test_empty_space(&plain);
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t count;
    muster_space_state_blocks(space, blocks, &count);
    assert_int_equal(count, MUSTER_SPACE_STATE_BLOCK_COUNT);
    const uint32_t *counts = blocks[0].data;
    assert_int_equal(*blocks[0].element_count, 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(muster_state_element_bytes(&blocks[i]) > 0);
        assert_true(
            i == 0 || blocks[i].element_count == counts || blocks[i].element_count == counts + 1);
        for (uint32_t k = 0; k < i; k++) {
            assert_string_not_equal(blocks[i].name, blocks[k].name);
        }
    }
    muster_space_destroy(space);
}

// A state of two bodies in contact, whose numbers a test then falsifies.
static muster_space *create_touching(muster_state_block *blocks)
{
    muster_space *space = test_empty_space(&plain);
    test_add(space, 0, none, none);
    test_add(space, 1, (muster_vec3){0.9f, 0.0f, 0.0f}, none);
    test_steps(space, 1);
    uint32_t count;
    muster_space_state_blocks(space, blocks, &count);
    assert_int_equal(*blocks[12].element_count, 1);
    return space;
}

static void assert_falsified_float_is_found(uint32_t block, uint32_t lane, float value)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    muster_space *space = create_touching(blocks);
    ((float *)blocks[block].data)[lane] = value;
    assert_int_equal(muster_space_restored(space), MUSTER_ERR_MALFORMED);
    assert_int_equal(muster_space_columns_read(space).slot_count, 0);
    test_steps(space, 1);
    muster_space_destroy(space);
}

static void assert_falsified_count_is_found(uint32_t block, uint32_t lane, uint32_t value)
{
    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    muster_space *space = create_touching(blocks);
    ((uint32_t *)blocks[block].data)[lane] = value;
    assert_int_equal(muster_space_restored(space), MUSTER_ERR_MALFORMED);
    test_steps(space, 1);
    muster_space_destroy(space);
}

static void a_state_that_cannot_be_is_refused_and_leaves_an_empty_space(void **state)
{
    (void)state;
    const float nan = __builtin_nanf("");
    for (uint32_t lane = 0; lane < 3; lane++) {
        assert_falsified_float_is_found(2, lane, nan);
        assert_falsified_float_is_found(2, lane, 1e9f);
        assert_falsified_float_is_found(3, lane, __builtin_inff());
        assert_falsified_float_is_found(4, lane, 2.0f);
    }
    assert_falsified_float_is_found(5, 1, 0.0f);
    assert_falsified_float_is_found(6, 0, -1.0f);
    assert_falsified_float_is_found(6, 0, 0.0f);
    assert_falsified_float_is_found(6, 0, 1e-45f); // heavier than any body
    assert_falsified_float_is_found(6, 0, 1.02f / MUSTER_SPACE_MASS_MIN);
    for (uint32_t lane = 0; lane < 4; lane++) {
        assert_falsified_float_is_found(13, lane, nan);
    }
    assert_falsified_count_is_found(0, 0, 513);
    assert_falsified_count_is_found(0, 1, UINT32_MAX);
    assert_falsified_count_is_found(12, 0, 2);
    assert_falsified_count_is_found(12, 1, 512);

    muster_state_block blocks[MUSTER_SPACE_STATE_BLOCK_COUNT];
    muster_space *space = create_touching(blocks);
    ((uint8_t *)blocks[11].data)[0] = 1;
    assert_int_equal(muster_space_restored(space), MUSTER_ERR_MALFORMED);
    muster_space_destroy(space);

    space = create_touching(blocks);
    ((uint8_t *)blocks[1].data)[0] |= MUSTER_BODY_KINEMATIC; // which nothing pushes: it has no mass
    assert_int_equal(muster_space_restored(space), MUSTER_ERR_MALFORMED);
    muster_space_destroy(space);
}

static void partitions_count_bodies_players_and_work(void **state)
{
    (void)state;
    muster_space_def def = muster_space_default_def();
    def.gravity = none;
    def.partition_min_x = -100.0f;
    def.partition_min_y = -100.0f;
    def.partition_m = 100.0f;
    def.partition_side_count = 2;
    def.sleep_ticks = 3;
    muster_space *space = test_create(&def);
    muster_body_def body = muster_body_default_def();
    body.flags = MUSTER_BODY_PLAYER;
    body.position = (muster_vec3){-50.0f, -50.0f, 0.0f};
    assert_int_equal(muster_space_body_add(space, 0, &body), MUSTER_OK);
    test_add(space, 2, (muster_vec3){50.0f, -900.0f, 0.0f}, none);
    test_add(space, 3, (muster_vec3){50.9f, -900.0f, 0.0f}, none);
    test_steps(space, 1);

    const muster_space_partition_grid grid = muster_space_partitions_grid(space);
    assert_true(grid.min_x == -100.0f && grid.min_y == -100.0f);
    assert_true(grid.side_m > 99.99f && grid.side_m < 100.01f);
    assert_int_equal(grid.side_count, 2);
    muster_space_partition parts[4];
    muster_space_partitions(space, parts);
    assert_int_equal(parts[0].body_count, 1);
    assert_int_equal(parts[0].player_count, 1);
    assert_int_equal(parts[0].cost, 1);
    assert_int_equal(parts[1].body_count, 2);
    assert_int_equal(parts[1].player_count, 0);
    assert_int_equal(parts[1].cost, 4);
    assert_int_equal(parts[2].body_count + parts[3].body_count, 0);
    assert_true(muster_space_body_remove(space, 2));
    muster_space_partitions(space, parts);
    assert_int_equal(parts[1].cost, 1);
    test_add(space, 2, (muster_vec3){50.0f, -900.0f, 0.0f}, none);
    test_steps(space, 200);
    muster_space_partitions(space, parts);
    assert_int_equal(parts[1].cost, 0);
    assert_true(muster_space_body_remove(space, 3));
    assert_true(muster_space_body_remove(space, 2));
    muster_space_partitions(space, parts);
    assert_int_equal(parts[1].body_count, 0);
    muster_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_where_it_was_put),
        cmocka_unit_test(a_taken_slot_is_refused_and_a_freed_one_is_not),
        cmocka_unit_test(a_slot_beyond_the_capacity_is_full),
        cmocka_unit_test(what_is_not_a_finite_number_in_range_never_gets_in),
        cmocka_unit_test(contradictory_flags_and_unknown_materials_are_refused),
        cmocka_unit_test(an_empty_slot_cannot_be_changed),
        cmocka_unit_test(a_push_changes_speed_by_mass_and_is_bounded),
        cmocka_unit_test(nothing_leaves_the_world_or_exceeds_its_speed),
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(a_box_out_of_range_is_refused),
        cmocka_unit_test(boxes_that_lie_on_top_of_each_other_everywhere_are_refused),
        cmocka_unit_test(a_terrain_out_of_range_is_refused),
        cmocka_unit_test(creation_survives_a_heap_that_runs_dry),
        cmocka_unit_test(stepping_allocates_nothing),
        cmocka_unit_test(the_static_hash_names_what_is_constant),
        cmocka_unit_test(state_blocks_have_their_own_names_and_counts_come_first),
        cmocka_unit_test(a_state_that_cannot_be_is_refused_and_leaves_an_empty_space),
        cmocka_unit_test(partitions_count_bodies_players_and_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
