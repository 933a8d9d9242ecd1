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

#define INDEX_COUNT 3u
#define TICKS       16384u

static uint64_t seed = 1;

static struct states create(uint32_t value_count)
{
    struct states states = {0};
    struct slab slab = {0};
    states_take(&states, &slab, value_count, INDEX_COUNT);
    slab = (struct slab){.bytes = aligned_alloc(SLAB_ALIGNMENT, slab.used)};
    assert_non_null(slab.bytes);
    states_take(&states, &slab, value_count, INDEX_COUNT);
    for (uint32_t index = 0; index < INDEX_COUNT; index++) {
        *states_of(&states, index) = (struct states_list){0};
    }
    return states;
}

static void destroy(struct states *states)
{
    free(states->blocks); // the first of the slab
}

static uint32_t value_of(uint32_t index, uint64_t tick, uint32_t place)
{
    return (uint32_t)tick * 1000 + place * 10 + index;
}

// Adds a state whose values tell of which tick it is.
static void add(struct states *states, uint32_t index, uint64_t tick, uint32_t base)
{
    const uint8_t slot = states_free_slot(states, index);
    uint32_t *values = states_values(states, index, slot);
    for (uint32_t place = 0; place < states->value_count; place++) {
        values[place] = value_of(index, tick, place);
    }
    states_insert(states, index, tick, base, slot);
}

static void assert_holds(const struct states *states, uint32_t index, uint8_t slot, uint64_t tick)
{
    assert_in_range(slot, 0, STATES_SLOT_COUNT - 1);
    const uint32_t *values = states_values(states, index, slot);
    for (uint32_t place = 0; place < states->value_count; place++) {
        assert_int_equal(values[place], value_of(index, tick, place));
    }
}

static uint32_t count(const struct states *states, uint32_t index)
{
    return (uint32_t)__builtin_popcountll(states_of(states, index)->used);
}

// The states that should be there, kept the simple way.
static uint8_t is_there[INDEX_COUNT][TICKS];

// The newest state of `tick` or before, 0 if there is none.
static uint64_t model_newest(uint32_t index, uint64_t tick)
{
    while (tick > 0 && is_there[index][tick] == 0) {
        tick--;
    }
    return tick;
}

static void model_add(uint32_t index, uint64_t tick, uint32_t base)
{
    const uint64_t age = base >= 1 && base <= HEADING_AGE_MAX ? base : HEADING_BASE_OLD;
    const uint64_t kept = tick > age ? model_newest(index, tick - age) : 0;
    memset(is_there[index], 0, kept);
    is_there[index][tick] = 1;
}

// Everything that an arrival of `tick` might build on is found, and nothing else.
static void check(const struct states *states, uint32_t index, uint64_t tick)
{
    for (uint32_t base = 1; base <= HEADING_AGE_MAX && base < tick; base++) {
        const uint8_t slot = states_find(states, index, tick, base);
        if (is_there[index][tick - base] != 0) {
            assert_holds(states, index, slot, tick - base);
        } else {
            assert_int_equal(slot, STATES_NONE);
        }
    }
    const uint64_t old = tick > HEADING_BASE_OLD ? model_newest(index, tick - HEADING_BASE_OLD) : 0;
    const uint8_t slot = states_find(states, index, tick, HEADING_BASE_OLD);
    if (old != 0) {
        assert_holds(states, index, slot, old);
    } else {
        assert_int_equal(slot, STATES_NONE);
    }
}

// A base for an arrival of `tick` that is here, as a server would name it.
static uint32_t choose_base(uint64_t *random_state, uint32_t index, uint64_t tick)
{
    if (random_next(random_state) % 8 == 0) {
        return random_next(random_state) % 2 == 0 ? 0 : HEADING_BASE_NONE;
    }
    const uint64_t longest = random_next(random_state) % 2 == 0 ? 8 : 40;
    const uint64_t age = 1 + random_next(random_state) % longest;
    const uint64_t base_tick = tick > age ? model_newest(index, tick - age) : 0;
    if (base_tick == 0) {
        return HEADING_BASE_NONE;
    }
    return tick - base_tick <= HEADING_AGE_MAX ? (uint32_t)(tick - base_tick) : HEADING_BASE_OLD;
}

static void what_later_arrivals_may_build_on_is_found(void **state)
{
    (void)state;
    static const uint32_t value_counts[] = {1, 2, 7, MUSTER_REPLICA_VALUE_COUNT_MAX};
    for (uint32_t v = 0; v < sizeof value_counts / sizeof value_counts[0]; v++) {
        uint64_t random_state = seed + v;
        struct states states = create(value_counts[v]);
        memset(is_there, 0, sizeof is_there);
        uint64_t newest[INDEX_COUNT] = {0};
        uint32_t most = 0;
        for (uint64_t tick = 1; tick < TICKS - 400;) {
            const uint32_t index = (uint32_t)(random_next(&random_state) % INDEX_COUNT);
            if (tick > newest[index]) {
                check(&states, index, tick);
                const uint32_t base = choose_base(&random_state, index, tick);
                add(&states, index, tick, base);
                model_add(index, tick, base);
                newest[index] = tick;
                assert_int_equal(states_of(&states, index)->newest_tick, tick);
                assert_holds(&states, index, states_of(&states, index)->newest, tick);
                most = count(&states, index) > most ? count(&states, index) : most;
            }
            const uint64_t pause = random_next(&random_state) % 400;
            tick += pause == 0 ? 300 : (pause == 1 ? 33 : pause % 2);
        }
        assert_in_range(most, 9, STATES_SLOT_COUNT - 1);
        destroy(&states);
    }
}

static void there_is_room_for_all_that_can_be_named(void **state)
{
    (void)state;
    struct states states = create(3);
    for (uint64_t tick = 1; tick <= 200; tick++) {
        for (uint32_t index = 0; index < INDEX_COUNT; index++) {
            add(&states, index, tick, HEADING_BASE_NONE);
            assert_in_range(count(&states, index), 1, HEADING_AGE_MAX + 2);
        }
    }
    for (uint32_t index = 0; index < INDEX_COUNT; index++) {
        assert_int_equal(count(&states, index), HEADING_AGE_MAX + 2);
        for (uint32_t base = 1; base <= HEADING_BASE_OLD; base++) {
            assert_holds(&states, index, states_find(&states, index, 201, base), 201 - base);
        }
        assert_true(states_free_slot(&states, index) < STATES_SLOT_COUNT);
    }
    destroy(&states);
}

static void nothing_older_than_what_was_built_on_stays(void **state)
{
    (void)state;
    struct states states = create(3);
    for (uint64_t tick = 101; tick <= 110; tick++) {
        add(&states, 1, tick, HEADING_BASE_NONE);
    }
    add(&states, 1, 111, 4);
    assert_int_equal(count(&states, 1), 5);
    assert_int_equal(states_find(&states, 1, 112, 6), STATES_NONE);
    assert_holds(&states, 1, states_find(&states, 1, 112, 5), 107);
    add(&states, 1, 120, 9); // the newest of them
    assert_int_equal(count(&states, 1), 2);
    destroy(&states);
}

static void the_newest_old_state_stays_for_minutes(void **state)
{
    (void)state;
    struct states states = create(3);
    add(&states, 2, 100, 0);
    add(&states, 2, 102, 0);
    assert_holds(&states, 2, states_find(&states, 2, 20000, HEADING_BASE_OLD), 102);
    // The low bits of these ticks are near.
    assert_int_equal(states_find(&states, 2, 100 + 256 + 4, 4), STATES_NONE);
    assert_int_equal(states_find(&states, 2, 102 + 65536 + 1, 1), STATES_NONE);
    add(&states, 2, 20000, HEADING_BASE_OLD);
    assert_int_equal(count(&states, 2), 2);
    add(&states, 2, 20010, HEADING_BASE_NONE);
    assert_holds(&states, 2, states_find(&states, 2, 20032, HEADING_BASE_OLD), 102);
    assert_holds(&states, 2, states_find(&states, 2, 20033, HEADING_BASE_OLD), 20000);
    assert_int_equal(states_find(&states, 2, 20052, 20), STATES_NONE);
    add(&states, 2, 20011, 1);
    assert_int_equal(count(&states, 2), 2);
    assert_int_equal(states_find(&states, 2, 20012, HEADING_BASE_OLD), STATES_NONE);
    destroy(&states);
}

static void blocks_are_whole_cache_lines(void **state)
{
    (void)state;
    for (uint32_t value_count = 1; value_count <= MUSTER_REPLICA_VALUE_COUNT_MAX; value_count++) {
        struct states states = create(value_count);
        assert_int_equal(states.block_bytes % SLAB_ALIGNMENT, 0);
        assert_in_range(states.near_count, STATES_NEAR_COUNT_MIN, STATES_SLOT_COUNT);
        const uint8_t *end = states.blocks + (size_t)INDEX_COUNT * states.block_bytes;
        const uint8_t near = (uint8_t)(states.near_count - 1);
        const uint32_t *last = states_values(&states, INDEX_COUNT - 1, near) + value_count;
        assert_true((const uint8_t *)last <= end && end - (const uint8_t *)last < SLAB_ALIGNMENT);
        destroy(&states);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_later_arrivals_may_build_on_is_found),
        cmocka_unit_test(there_is_room_for_all_that_can_be_named),
        cmocka_unit_test(nothing_older_than_what_was_built_on_stays),
        cmocka_unit_test(the_newest_old_state_stays_for_minutes),
        cmocka_unit_test(blocks_are_whole_cache_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
