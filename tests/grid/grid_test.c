// SPDX-License-Identifier: Apache-2.0
#include "muster/grid.h"

#include "harness/failing_heap.h"
#include "harness/random.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define POINT_COUNT 600u

static uint64_t test_seed = 1;

static float random_between(uint64_t *state, float min, float max)
{
    const float unit = (float)(random_next(state) >> 40) / 16777216.0f;
    return min + (max - min) * unit;
}

static muster_grid *create(muster_grid_def def)
{
    muster_grid *grid;
    assert_int_equal(muster_grid_create(&def, &grid), MUSTER_OK);
    return grid;
}

static void scatter(uint64_t *state, muster_vec3 *positions, float extent_m)
{
    for (uint32_t i = 0; i < POINT_COUNT; i++) {
        positions[i].x = random_between(state, -extent_m, extent_m);
        positions[i].y = random_between(state, -extent_m, extent_m);
        positions[i].z = random_between(state, -extent_m, extent_m);
    }
}

static int compare_ids(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static uint32_t within_by_force(
    const muster_vec3 *positions, muster_vec3 centre, float radius_m, uint32_t *out_ids)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < POINT_COUNT; i++) {
        const muster_vec3 way = muster_vec3_sub(positions[i], centre);
        if (muster_vec3_dot(way, way) <= radius_m * radius_m) {
            out_ids[count++] = i;
        }
    }
    return count;
}

static void assert_same_as_by_force(
    const muster_grid *grid, const muster_vec3 *positions, muster_vec3 centre, float radius_m)
{
    uint32_t expected[POINT_COUNT];
    uint32_t found[POINT_COUNT];
    const uint32_t expected_count = within_by_force(positions, centre, radius_m, expected);
    uint32_t found_count;
    assert_int_equal(
        muster_grid_within(grid, centre, radius_m, found, POINT_COUNT, &found_count), MUSTER_OK);
    assert_int_equal(found_count, expected_count);
    qsort(found, found_count, sizeof found[0], compare_ids);
    assert_memory_equal(found, expected, expected_count * sizeof found[0]);
}

static void check_queries(muster_grid_def def, float extent_m)
{
    muster_grid *grid = create(def);
    for (uint64_t seed = test_seed; seed < test_seed + 8; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        uint64_t state = seed;
        static muster_vec3 positions[POINT_COUNT];
        scatter(&state, positions, extent_m);
        assert_int_equal(muster_grid_build(grid, positions, NULL, POINT_COUNT), MUSTER_OK);
        for (uint32_t i = 0; i < 50; i++) {
            const muster_vec3 centre = {
                random_between(&state, -extent_m, extent_m),
                random_between(&state, -extent_m, extent_m),
                random_between(&state, -extent_m, extent_m),
            };
            const float radius_m = random_between(&state, 0.0f, extent_m);
            assert_same_as_by_force(grid, positions, centre, radius_m);
            assert_same_as_by_force(grid, positions, centre, radius_m * 0.1f);
        }
    }
    muster_grid_destroy(grid);
}

static void a_radius_query_finds_what_brute_force_finds(void **state)
{
    (void)state;
    muster_grid_def def = muster_grid_default_def();
    def.cell_m = 10.0f;
    check_queries(def, 500.0f);
}

static void a_small_table_that_wraps_finds_each_point_once(void **state)
{
    (void)state;
    muster_grid_def def = muster_grid_default_def();
    def.cell_m = 1.0f;
    def.column_count = 8;
    def.row_count = 8;
    check_queries(def, 30.0f);
}

static void a_layered_grid_finds_each_point_once(void **state)
{
    (void)state;
    muster_grid_def def = muster_grid_default_def();
    def.cell_m = 3.0f;
    def.column_count = 16;
    def.is_layered = true;
    check_queries(def, 40.0f);
}

static void points_keep_the_order_they_were_given_in_within_a_cell(void **state)
{
    (void)state;
    muster_grid *grid = create(muster_grid_default_def());
    uint64_t random = test_seed;
    static muster_vec3 positions[POINT_COUNT];
    scatter(&random, positions, 300.0f);
    assert_int_equal(muster_grid_build(grid, positions, NULL, POINT_COUNT), MUSTER_OK);

    const muster_grid_view view = muster_grid_read(grid);
    assert_int_equal(view.point_count, POINT_COUNT);
    assert_int_equal(view.cell_start[view.cell_count], POINT_COUNT);
    for (uint32_t cell = 0; cell < view.cell_count; cell++) {
        for (uint32_t i = view.cell_start[cell]; i < view.cell_start[cell + 1]; i++) {
            assert_int_equal(muster_grid_cell_at(grid, positions[view.ids[i]]), cell);
            assert_true(i == view.cell_start[cell] || view.ids[i - 1] < view.ids[i]);
            assert_true(view.x[i] == positions[view.ids[i]].x);
            assert_true(view.y[i] == positions[view.ids[i]].y);
            assert_true(view.z[i] == positions[view.ids[i]].z);
        }
    }
    muster_grid_destroy(grid);
}

static bool are_near(muster_vec3 a, muster_vec3 b, muster_grid_def def)
{
    const float x = muster_floor(a.x / def.cell_m) - muster_floor(b.x / def.cell_m);
    const float y = muster_floor(a.y / def.cell_m) - muster_floor(b.y / def.cell_m);
    const float z = muster_floor(a.z / def.cell_m) - muster_floor(b.z / def.cell_m);
    const bool is_near_in_height = !def.is_layered || z * z <= 1.0f;
    return x * x <= 1.0f && y * y <= 1.0f && is_near_in_height;
}

static void check_partners(muster_grid_def def)
{
    muster_grid *grid = create(def);
    uint64_t random = test_seed;
    static muster_vec3 positions[POINT_COUNT];
    static uint8_t meetings[POINT_COUNT][POINT_COUNT];
    scatter(&random, positions, 20.0f);
    memset(meetings, 0, sizeof meetings);
    assert_int_equal(muster_grid_build(grid, positions, NULL, POINT_COUNT), MUSTER_OK);
    const muster_grid_view view = muster_grid_read(grid);
    for (uint32_t i = 0; i < POINT_COUNT; i++) {
        muster_grid_range ranges[MUSTER_GRID_AFTER_RANGE_COUNT];
        const uint32_t range_count = muster_grid_after(grid, i, ranges);
        for (uint32_t k = 0; k < range_count; k++) {
            assert_true(ranges[k].begin < ranges[k].end);
            for (uint32_t j = ranges[k].begin; j < ranges[k].end; j++) {
                meetings[view.ids[i]][view.ids[j]]++;
            }
        }
    }
    for (uint32_t i = 0; i < POINT_COUNT; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (are_near(positions[i], positions[j], def)) {
                assert_int_equal(meetings[i][j] + meetings[j][i], 1);
            }
        }
    }
    muster_grid_destroy(grid);
}

static void neighbours_come_together_exactly_once(void **state)
{
    (void)state;
    muster_grid_def def = muster_grid_default_def();
    def.cell_m = 2.0f;
    def.column_count = 8;
    check_partners(def);
    def.is_layered = true;
    check_partners(def);
}

static void only_the_listed_ids_are_in_the_grid(void **state)
{
    (void)state;
    muster_grid *grid = create(muster_grid_default_def());
    const muster_vec3 positions[4] = {{0}, {1.0f, 0, 0}, {2.0f, 0, 0}, {3.0f, 0, 0}};
    const uint32_t ids[2] = {3, 1};
    assert_int_equal(muster_grid_build(grid, positions, ids, 2), MUSTER_OK);

    uint32_t found[4];
    uint32_t count;
    const muster_vec3 centre = {0};
    assert_int_equal(muster_grid_within(grid, centre, 5.0f, found, 4, &count), MUSTER_OK);
    assert_int_equal(count, 2);
    assert_int_equal(found[0], 3);
    assert_int_equal(found[1], 1);
    assert_int_equal(muster_grid_build(grid, positions, NULL, 0), MUSTER_OK);
    assert_int_equal(muster_grid_within(grid, centre, 5.0f, found, 4, &count), MUSTER_OK);
    assert_int_equal(count, 0);
    muster_grid_destroy(grid);
}

static void more_points_than_fit_are_refused_and_change_nothing(void **state)
{
    (void)state;
    muster_grid_def def = muster_grid_default_def();
    def.point_capacity = 2;
    muster_grid *grid = create(def);
    const muster_vec3 positions[3] = {{0}, {1.0f, 0, 0}, {2.0f, 0, 0}};
    assert_int_equal(muster_grid_build(grid, positions, NULL, 2), MUSTER_OK);
    assert_int_equal(muster_grid_build(grid, positions, NULL, 3), MUSTER_ERR_FULL);
    assert_int_equal(muster_grid_read(grid).point_count, 2);
    muster_grid_destroy(grid);
}

static void a_query_that_finds_too_much_says_so_and_keeps_the_first(void **state)
{
    (void)state;
    muster_grid *grid = create(muster_grid_default_def());
    const muster_vec3 positions[3] = {{0}, {1.0f, 0, 0}, {2.0f, 0, 0}};
    assert_int_equal(muster_grid_build(grid, positions, NULL, 3), MUSTER_OK);
    uint32_t found[2] = {9, 9};
    uint32_t count;
    const muster_vec3 centre = {0};
    assert_int_equal(muster_grid_within(grid, centre, 5.0f, found, 2, &count), MUSTER_ERR_FULL);
    assert_int_equal(count, 2);
    assert_int_equal(found[0], 0);
    assert_int_equal(found[1], 1);
    assert_int_equal(muster_grid_within(grid, centre, 5.0f, NULL, 0, &count), MUSTER_ERR_FULL);
    muster_grid_destroy(grid);
}

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    muster_grid_def defs[11];
    for (uint32_t i = 0; i < 11; i++) {
        defs[i] = muster_grid_default_def();
    }
    defs[0].point_capacity = 0;
    defs[1].point_capacity = MUSTER_GRID_POINT_CAPACITY_MAX + 1;
    defs[2].cell_m = 0.0f;
    defs[3].cell_m = 2e6f;
    defs[4].column_count = 4;
    defs[5].column_count = 100;
    defs[6].row_count = MUSTER_GRID_SIDE_MAX * 2;
    defs[7].row_count = 64;
    defs[7].is_layered = true;
    defs[8].allocator.alloc = NULL;
    defs[9].allocator.free = NULL;
    defs[10].cell_m = __builtin_nanf("");
    for (uint32_t i = 0; i < 11; i++) {
        muster_grid *grid;
        assert_int_equal(muster_grid_create(&defs[i], &grid), MUSTER_ERR_INVALID);
        assert_null(grid);
    }
    muster_grid_destroy(NULL);
}

static void creation_survives_a_heap_that_runs_dry(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    muster_grid_def def = muster_grid_default_def();
    def.allocator = failing_heap_allocator(&heap);
    muster_grid *grid;
    assert_int_equal(muster_grid_create(&def, &grid), MUSTER_ERR_NO_MEMORY);
    assert_null(grid);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_grid_create(&def, &grid), MUSTER_OK);
    muster_grid_destroy(grid);
    assert_int_equal(heap.bytes_live, 0);
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 1) {
        test_seed = strtoull(arguments[1], NULL, 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_radius_query_finds_what_brute_force_finds),
        cmocka_unit_test(a_small_table_that_wraps_finds_each_point_once),
        cmocka_unit_test(a_layered_grid_finds_each_point_once),
        cmocka_unit_test(points_keep_the_order_they_were_given_in_within_a_cell),
        cmocka_unit_test(neighbours_come_together_exactly_once),
        cmocka_unit_test(only_the_listed_ids_are_in_the_grid),
        cmocka_unit_test(more_points_than_fit_are_refused_and_change_nothing),
        cmocka_unit_test(a_query_that_finds_too_much_says_so_and_keeps_the_first),
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(creation_survives_a_heap_that_runs_dry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
