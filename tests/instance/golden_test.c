// SPDX-License-Identifier: Apache-2.0

// Hashes that every build must reach, whatever the compiler, its optimisation, the number of
// workers and the processor: a world that gives other ones cannot play back what was recorded
// elsewhere. They change with the rules of the two test games and with the engine's state; then the
// new ones, which the failing test prints, are written here.

#include "muster/instance.h"

#include "harness/shuffled_parallel.h"
#include "instance/pit_game.h"
#include "instance/probe_play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEED       2030
#define TICK_COUNT 1000

#define PROBE_HASH UINT64_C(0x23FE928B0A4FFFE3)
#define PIT_HASH   UINT64_C(0xD86E98836EC03F6A)

static uint64_t play(const muster_game *game, const muster_parallel *parallel, bool is_probe)
{
    struct probe_play play = {.random_state = 7, .seed = SEED};
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    def.seed = SEED;
    def.parallel = *parallel;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    muster_frame_builder *builder;
    assert_int_equal(muster_frame_builder_create(&builder_def, &builder), MUSTER_OK);
    for (uint64_t tick = 1; tick <= TICK_COUNT; tick++) {
        const uint8_t *frame;
        uint32_t length;
        if (is_probe) {
            assert_int_equal(probe_next_frame(&play, builder, tick, &frame, &length), MUSTER_OK);
        } else {
            muster_frame_begin(builder, tick, SEED);
            muster_frame_close(builder, &frame, &length);
        }
        assert_int_equal(muster_instance_step(instance, frame, length), MUSTER_OK);
    }
    const uint64_t hash = muster_instance_hash(instance);
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
    return hash;
}

static void expect(uint64_t hash, uint64_t expected)
{
    if (hash != expected) {
        fail_msg("the hash is 0x%016llX", (unsigned long long)hash);
    }
}

static void a_play_reaches_the_hash_of_every_other_build(void **state)
{
    (void)state;
    const muster_game game = probe_game();
    const muster_parallel serial = muster_parallel_serial();
    expect(play(&game, &serial, true), PROBE_HASH);
}

static void physics_reaches_the_hash_of_every_other_build(void **state)
{
    (void)state;
    const muster_game game = pit_game();
    const muster_parallel serial = muster_parallel_serial();
    struct shuffled_parallel four = {.seed = 5, .worker_count = 4};
    const muster_parallel shuffled = shuffled_parallel(&four);
    expect(play(&game, &serial, false), PIT_HASH);
    expect(play(&game, &shuffled, false), PIT_HASH);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_play_reaches_the_hash_of_every_other_build),
        cmocka_unit_test(physics_reaches_the_hash_of_every_other_build),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
