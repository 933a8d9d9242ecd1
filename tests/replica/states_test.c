// SPDX-License-Identifier: Apache-2.0
#include "replica/states.h"

#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 200u
#define INDEX    3u
#define TICKS    4096u

static uint64_t seed = 1;

static struct states create(void)
{
    struct states states = {0};
    struct slab slab = {0};
    states_take(&states, &slab, CAPACITY, 2, INDEX + 1);
    slab = (struct slab){.bytes = aligned_alloc(SLAB_ALIGNMENT, slab.used)};
    assert_non_null(slab.bytes);
    states_take(&states, &slab, CAPACITY, 2, INDEX + 1);
    states_clear(&states);
    states_begin(&states, INDEX);
    return states;
}

static void add(struct states *states, uint64_t tick)
{
    const uint16_t state = states_acquire(states);
    assert_int_not_equal(state, STATES_NONE);
    states_values(states, state)[0] = (uint32_t)tick;
    states_insert(states, INDEX, tick, state);
}

static uint64_t find(const struct states *states, uint64_t tick, bool is_older_too)
{
    const uint16_t state = states_find(states, INDEX, tick, is_older_too);
    return state == STATES_NONE ? 0 : states_values(states, state)[0];
}

static uint32_t free_count(const struct states *states)
{
    return states->free_count + states->capacity - states->used_count;
}

// The states that should be there, kept the simple way.
static uint8_t is_there[TICKS];
static uint64_t newest;

static void model_prune(uint64_t kept_tick)
{
    uint64_t tick = kept_tick;
    while (tick > 0 && is_there[tick - 1] == 0) {
        tick--;
    }
    for (uint64_t older = 0; tick > 0 && older < tick - 1; older++) {
        is_there[older] = 0;
    }
}

static void states_in_any_order_are_found_by_their_ticks(void **state)
{
    (void)state;
    uint64_t random_state = seed;
    struct states states = create();
    memset(is_there, 0, sizeof is_there);
    newest = 0;
    uint64_t clock = 1;
    while (clock < TICKS - 100) {
        const uint32_t chance = (uint32_t)(random_next(&random_state) % 40);
        clock += chance == 0 ? 90 : chance % 3;
        const uint64_t late = random_next(&random_state) % 12;
        const uint64_t tick = clock > late ? clock - late : clock;
        add(&states, tick);
        is_there[tick] = 1;
        newest = tick > newest ? tick : newest;
        model_prune(newest >= STATES_TICKS ? newest - STATES_TICKS + 1 : 0);
        if (chance % 4 == 0 && tick > 20) {
            states_prune(&states, INDEX, tick - 10);
            model_prune(tick - 10 - STATES_REORDER_TICKS);
        }
        uint32_t count = 0;
        uint64_t older = 0;
        for (uint64_t t = 1; t <= newest + 1; t++) {
            older = is_there[t] != 0 ? t : older;
            count += is_there[t];
            assert_int_equal(find(&states, t, false), is_there[t] != 0 ? t : 0);
            assert_int_equal(find(&states, t, true), older);
        }
        assert_int_equal(free_count(&states), CAPACITY - count);
        assert_int_equal(states_newest_tick(&states, INDEX), newest);
        assert_int_equal(states_values(&states, states_newest(&states, INDEX))[0], newest);
    }
    states_drop(&states, INDEX);
    assert_int_equal(free_count(&states), CAPACITY);
    assert_int_equal(find(&states, newest, true), 0);
    free(states.values);
}

static void a_state_that_comes_twice_or_far_too_late_is_released(void **state)
{
    (void)state;
    struct states states = create();
    add(&states, 100);
    add(&states, 100);
    assert_int_equal(free_count(&states), CAPACITY - 1);
    add(&states, 99 - STATES_TICKS);
    assert_int_equal(free_count(&states), CAPACITY - 1);
    assert_int_equal(find(&states, 99 - STATES_TICKS, true), 0);
    add(&states, 101 - STATES_TICKS);
    assert_int_equal(find(&states, 101 - STATES_TICKS, false), 101 - STATES_TICKS);
    free(states.values);
}

static void an_empty_pool_gives_none(void **state)
{
    (void)state;
    struct states states = create();
    for (uint32_t i = 0; i < CAPACITY; i++) {
        assert_int_equal(states_acquire(&states), i);
    }
    assert_int_equal(states_acquire(&states), STATES_NONE);
    states_release(&states, 7);
    assert_int_equal(states_acquire(&states), 7);
    assert_int_equal(states_acquire(&states), STATES_NONE);
    free(states.values);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_in_any_order_are_found_by_their_ticks),
        cmocka_unit_test(a_state_that_comes_twice_or_far_too_late_is_released),
        cmocka_unit_test(an_empty_pool_gives_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
