// SPDX-License-Identifier: Apache-2.0
#include "core/map.h"

#include "harness/failing_heap.h"
#include "harness/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t test_seed = 20261120;

static struct map *create(uint32_t capacity, uint64_t seed)
{
    const muster_allocator allocator = muster_heap_allocator();
    struct map *map;
    assert_int_equal(map_create(&allocator, capacity, seed, &map), MUSTER_OK);
    return map;
}

static void a_key_is_found_with_its_last_value(void **state)
{
    (void)state;
    struct map *map = create(4, 1);
    uint32_t value = 77;
    assert_false(map_find(map, 0, &value));
    assert_int_equal(value, 77);
    assert_int_equal(map_put(map, 0, 5), MUSTER_OK);
    assert_int_equal(map_put(map, UINT64_MAX, MAP_VALUE_MAX), MUSTER_OK);
    assert_int_equal(map_put(map, 0, 6), MUSTER_OK);
    assert_int_equal(map_count(map), 2);
    assert_true(map_find(map, 0, &value));
    assert_int_equal(value, 6);
    assert_true(map_find(map, UINT64_MAX, &value));
    assert_int_equal(value, MAP_VALUE_MAX);
    map_destroy(map);
}

static void a_full_map_refuses_new_keys_and_changes_old_ones(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity < 20; capacity++) {
        struct map *map = create(capacity, capacity);
        for (uint32_t key = 0; key < capacity; key++) {
            assert_int_equal(map_put(map, key, key), MUSTER_OK);
        }
        assert_int_equal(map_put(map, capacity, 0), MUSTER_ERR_FULL);
        assert_int_equal(map_put(map, 0, 9), MUSTER_OK);
        assert_int_equal(map_count(map), capacity);
        assert_true(map_remove(map, 0));
        assert_int_equal(map_put(map, capacity, 0), MUSTER_OK);
        map_destroy(map);
    }
}

static void removing_what_is_not_there_says_so(void **state)
{
    (void)state;
    struct map *map = create(4, 1);
    assert_false(map_remove(map, 3));
    assert_int_equal(map_put(map, 3, 1), MUSTER_OK);
    assert_true(map_remove(map, 3));
    assert_false(map_remove(map, 3));
    assert_int_equal(map_count(map), 0);
    map_destroy(map);
}

// Few keys in a small table, so that chains, wrap-around and holes of every kind occur.
static void random_calls_agree_with_an_array(void **state)
{
    (void)state;
    enum { KEY_COUNT = 40, CAPACITY = 31, NONE = -1 };
    print_message("seed %llu\n", (unsigned long long)test_seed);
    uint64_t random = test_seed;
    for (uint32_t round = 0; round < 50; round++) {
        struct map *map = create(CAPACITY, random_next(&random));
        int64_t model[KEY_COUNT];
        uint32_t count = 0;
        for (uint32_t key = 0; key < KEY_COUNT; key++) {
            model[key] = NONE;
        }
        for (uint32_t step = 0; step < 2000; step++) {
            const uint32_t key = (uint32_t)(random_next(&random) % KEY_COUNT);
            if (random_next(&random) % 2 == 0) {
                const bool is_full = model[key] == NONE && count == CAPACITY;
                assert_int_equal(map_put(map, key, step), is_full ? MUSTER_ERR_FULL : MUSTER_OK);
                count += model[key] == NONE && !is_full ? 1 : 0;
                model[key] = is_full ? NONE : (int64_t)step;
            } else {
                assert_int_equal(map_remove(map, key), model[key] != NONE);
                count -= model[key] != NONE ? 1 : 0;
                model[key] = NONE;
            }
            assert_int_equal(map_count(map), count);
            for (uint32_t other = 0; other < KEY_COUNT; other++) {
                uint32_t value = 0;
                assert_int_equal(map_find(map, other, &value), model[other] != NONE);
                assert_true(model[other] == NONE || value == model[other]);
            }
        }
        map_destroy(map);
    }
}

static void a_creation_that_cannot_succeed_leaves_nothing(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    const muster_allocator allocator = failing_heap_allocator(&heap);
    struct map *map;
    assert_int_equal(map_create(&allocator, 8, 1, &map), MUSTER_ERR_NO_MEMORY);
    assert_null(map);
    assert_int_equal(map_create(&allocator, 0, 1, &map), MUSTER_ERR_INVALID);
    assert_int_equal(map_create(&allocator, MAP_CAPACITY_MAX + 1, 1, &map), MUSTER_ERR_INVALID);
    heap.alloc_count_max = 1;
    assert_int_equal(map_create(&allocator, 8, 1, &map), MUSTER_OK);
    map_destroy(map);
    map_destroy(NULL);
    assert_int_equal(heap.bytes_live, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_with_its_last_value),
        cmocka_unit_test(a_full_map_refuses_new_keys_and_changes_old_ones),
        cmocka_unit_test(removing_what_is_not_there_says_so),
        cmocka_unit_test(random_calls_agree_with_an_array),
        cmocka_unit_test(a_creation_that_cannot_succeed_leaves_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    if (argc > 2) {
        test_seed = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
