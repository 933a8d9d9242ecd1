// SPDX-License-Identifier: Apache-2.0
#include "instance/sums.h"

#include "harness/random.h"
#include "instance/probe_game.h"

#include <stdio.h>
#include <stdlib.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ENTITY_COUNT 600
#define PLAYER_COUNT 5

// Two worlds that are equal until a test changes one, and the sums of both.
struct fixture {
    muster_game game;
    muster_instance *own;
    muster_instance *recorded;
    void *own_memory;
    void *recorded_memory;
    struct sums own_sums;
    struct sums recorded_sums;
};

static void fill(const muster_host *host, muster_world *world)
{
    uint64_t *thrower = host->column(world, PROBE_THROWER);
    uint16_t *health = host->column(world, PROBE_HEALTH);
    for (uint32_t i = 0; i < ENTITY_COUNT; i++) {
        uint32_t slot;
        const muster_vec3 place = {(float)i, 1.0f, (float)(i % 7)};
        (void)host->entity_spawn(world, i % 2, place, &slot);
        thrower[slot] = host->random(world, i, 1, 0);
        health[slot] = (uint16_t)host->random(world, i, 2, 0);
    }
    for (uint32_t i = 0; i < PLAYER_COUNT; i++) {
        world->players[i].joined_tick = 1;
        world->players[i].id[0] = i;
    }
    world->player_slot_count = PLAYER_COUNT;
}

static muster_instance *create(const muster_game *game)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    return instance;
}

static void set_up(struct fixture *fixture)
{
    fixture->game = probe_game();
    fixture->game.start = fill;
    fixture->own = create(&fixture->game);
    fixture->recorded = create(&fixture->game);
    fixture->own_memory = malloc(sums_bytes(&fixture->own->world));
    fixture->recorded_memory = malloc(sums_bytes(&fixture->recorded->world));
    sums_init(&fixture->own_sums, &fixture->own->world, fixture->own_memory);
    sums_init(&fixture->recorded_sums, &fixture->recorded->world, fixture->recorded_memory);
    sums_update(&fixture->own_sums, &fixture->own->world);
}

static void tear_down(struct fixture *fixture)
{
    muster_instance_destroy(fixture->own);
    muster_instance_destroy(fixture->recorded);
    free(fixture->own_memory);
    free(fixture->recorded_memory);
}

static bool find(struct fixture *fixture, struct sums_finding *out_finding)
{
    world_hash_state(&fixture->recorded->world);
    sums_update(&fixture->recorded_sums, &fixture->recorded->world);
    return sums_find(
        &fixture->own->world, &fixture->own_sums, &fixture->recorded_sums, out_finding);
}

static const char *block_name(const struct fixture *fixture, const struct sums_finding *finding)
{
    return fixture->own->world.blocks[finding->block_index].name;
}

static void equal_worlds_have_equal_sums(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct sums_finding finding;
    assert_false(find(&fixture, &finding));
    tear_down(&fixture);
}

// Any number of any element, changed to anything, is named with its value.
static void one_number_is_always_named(void **state)
{
    (void)state;
    const uint64_t seed = 17;
    printf("seed %llu\n", (unsigned long long)seed);
    uint64_t random_state = seed;
    struct fixture fixture;
    set_up(&fixture);
    for (uint32_t i = 0; i < 3000; i++) {
        const muster_world *world = &fixture.recorded->world;
        const uint32_t block_index = (uint32_t)(random_next(&random_state) % world->block_count);
        const muster_state_block *block = &world->blocks[block_index];
        if (block_index <= WORLD_BLOCK_SLOT_COUNT) {
            continue; // these change what other blocks hold
        }
        const uint32_t element = (uint32_t)(random_next(&random_state) % *block->element_count);
        const uint32_t lane = (uint32_t)(random_next(&random_state) % block->lane_count);
        const uint32_t lane_bytes = muster_state_type_bytes(block->type);
        uint8_t *number = (uint8_t *)block->data + element * muster_state_element_bytes(block) +
                          lane * lane_bytes;
        uint64_t kept = 0;
        uint64_t changed = 0;
        memcpy(&kept, number, lane_bytes);
        changed = i % 3 == 0 ? kept ^ UINT64_C(1) << (random_next(&random_state) % (8 * lane_bytes))
                             : random_next(&random_state) >> (64 - 8 * lane_bytes);
        memcpy(number, &changed, lane_bytes);

        struct sums_finding finding;
        assert_int_equal(find(&fixture, &finding), changed != kept);
        if (changed != kept) {
            assert_int_equal(finding.block_index, block_index);
            assert_int_equal(finding.lane_index, lane);
            assert_int_equal(finding.element_min, element);
            assert_int_equal(finding.element_max, element);
            assert_true(finding.has_recorded);
            assert_true(finding.recorded_bits == changed);
        }
        memcpy(number, &kept, lane_bytes);
    }
    tear_down(&fixture);
}

static void one_entity_is_named_however_much_of_it_differs(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_world *world = &fixture.recorded->world;
    world->position[300] = (muster_vec3){7.0f, 8.0f, 9.0f};
    world->velocity[300] = (muster_vec3){1.0f, 1.0f, 1.0f};
    world->team[300] = 3;
    struct sums_finding finding;
    assert_true(find(&fixture, &finding));
    assert_string_equal(block_name(&fixture, &finding), "team");
    assert_int_equal(finding.element_min, 300);
    assert_int_equal(finding.recorded_bits, 3);
    tear_down(&fixture);
}

static void of_two_entities_one_that_is_alone_in_its_group_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    muster_vec3 *position = fixture.recorded->world.position;
    struct sums_finding finding;

    // In two groups: the first is named.
    position[200].y = 2.0f;
    position[400].y = 2.5f;
    assert_true(find(&fixture, &finding));
    assert_string_equal(block_name(&fixture, &finding), "position");
    assert_int_equal(finding.lane_index, 1);
    assert_int_equal(finding.element_min, 200);
    assert_int_equal(finding.element_max, 200);
    assert_false(finding.has_recorded);

    // With another in the first group the second is the one that is certain.
    position[201].y = 3.5f;
    assert_true(find(&fixture, &finding));
    assert_int_equal(finding.element_min, 400);
    assert_int_equal(finding.element_max, 400);

    // And with another there too, only the first group is.
    position[410].y = 3.75f;
    assert_true(find(&fixture, &finding));
    assert_int_equal(finding.element_min, 0);
    assert_int_equal(finding.element_max, 255);
    tear_down(&fixture);
}

// Equal changes around a third entity must not name that one.
static void entities_between_others_are_not_blamed(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    uint16_t *health = (uint16_t *)fixture.recorded->world.view.columns[PROBE_HEALTH];
    struct sums_finding finding;
    health[4]++;
    health[6]++;
    assert_true(find(&fixture, &finding));
    assert_string_equal(block_name(&fixture, &finding), "health");
    assert_false(finding.has_recorded);
    assert_int_equal(finding.element_min, 0);
    assert_int_equal(finding.element_max, 255);
    tear_down(&fixture);
}

static void several_players_are_named_as_a_range(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    uint8_t *activity = fixture.recorded->world.activity;
    activity[1] = 1;
    activity[3] = 2;
    struct sums_finding finding;
    assert_true(find(&fixture, &finding));
    assert_string_equal(block_name(&fixture, &finding), "player_activity");
    assert_int_equal(finding.element_min, 0);
    assert_int_equal(finding.element_max, PLAYER_COUNT - 1);
    assert_false(finding.has_recorded);
    tear_down(&fixture);
}

// Where two elements weigh the same the sums say that one of them differs, and not which.
static void of_two_that_weigh_the_same_none_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct sums_finding finding;
    uint8_t *activity = fixture.recorded->world.activity;
    activity[1] = 1;
    assert_true(find(&fixture, &finding));
    assert_true(finding.has_recorded);
    assert_int_equal(finding.element_min, 1);

    activity[1] = 0;
    fixture.own_sums.weights[3] = fixture.own_sums.weights[1];
    fixture.recorded_sums.weights[3] = fixture.recorded_sums.weights[1];
    memset(fixture.own_sums.block_hashes, 0, fixture.own_sums.block_count * sizeof(uint64_t));
    memset(fixture.recorded_sums.block_hashes, 0, fixture.own_sums.block_count * sizeof(uint64_t));
    sums_update(&fixture.own_sums, &fixture.own->world);
    assert_false(find(&fixture, &finding));
    activity[1] = 1;
    assert_true(find(&fixture, &finding));
    assert_string_equal(block_name(&fixture, &finding), "player_activity");
    assert_false(finding.has_recorded);
    assert_int_equal(finding.element_min, 0);
    assert_int_equal(finding.element_max, PLAYER_COUNT - 1);
    tear_down(&fixture);
}

static void sums_of_part_of_the_blocks_are_those_of_all(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct sums_finding finding;
    fixture.recorded->world.velocity[599].z = -4.0f;
    assert_true(find(&fixture, &finding)); // sums velocity alone again
    fixture.own->world.velocity[599].z = -4.0f;
    world_hash_state(&fixture.own->world);
    sums_init(&fixture.own_sums, &fixture.own->world, fixture.own_memory);
    sums_update(&fixture.own_sums, &fixture.own->world); // sums everything
    assert_false(find(&fixture, &finding));
    assert_memory_equal(fixture.own_sums.groups, fixture.recorded_sums.groups,
        fixture.own_sums.group_count * sizeof(struct sum));
    tear_down(&fixture);
}

static void written_sums_are_read_back(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    static uint8_t bytes[1 << 20];
    const size_t bytes_max = sums_write_bytes_max(&fixture.own_sums);
    assert_true(bytes_max <= sizeof bytes);

    // The other set of sums stands for what the log has, zero at first, and then for a reader's.
    struct record_writer writer = record_writer_on(bytes, bytes_max);
    sums_write(&writer, &fixture.recorded_sums, &fixture.own_sums);
    assert_false(writer.is_full);
    const size_t first_length = writer.length;
    sums_write(&writer, &fixture.recorded_sums, &fixture.own_sums);
    assert_int_equal(writer.length, first_length + 2);

    sums_clear(&fixture.recorded_sums);
    struct record_reader reader = record_reader_on(bytes, first_length);
    sums_read(&reader, &fixture.recorded_sums);
    assert_true(record_is_read(&reader));
    assert_memory_equal(fixture.own_sums.words, fixture.recorded_sums.words,
        fixture.own_sums.word_count * sizeof(struct sum));
    assert_memory_equal(fixture.own_sums.groups, fixture.recorded_sums.groups,
        fixture.own_sums.group_count * sizeof(struct sum));
    for (size_t cut = 0; cut < first_length; cut++) {
        reader = record_reader_on(bytes, cut);
        sums_read(&reader, &fixture.recorded_sums);
        assert_true(reader.is_malformed);
    }
    const uint8_t beyond[] = {1, 0xFF, 0x7F};
    reader = record_reader_on(beyond, sizeof beyond);
    sums_read(&reader, &fixture.recorded_sums);
    assert_true(reader.is_malformed);
    tear_down(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_worlds_have_equal_sums),
        cmocka_unit_test(one_number_is_always_named),
        cmocka_unit_test(one_entity_is_named_however_much_of_it_differs),
        cmocka_unit_test(of_two_entities_one_that_is_alone_in_its_group_is_named),
        cmocka_unit_test(entities_between_others_are_not_blamed),
        cmocka_unit_test(several_players_are_named_as_a_range),
        cmocka_unit_test(of_two_that_weigh_the_same_none_is_named),
        cmocka_unit_test(sums_of_part_of_the_blocks_are_those_of_all),
        cmocka_unit_test(written_sums_are_read_back),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
