// SPDX-License-Identifier: Apache-2.0
#include "muster/frame_log.h"
#include "muster/instance.h"
#include "muster/replay.h"

#include <stdlib.h>
#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const muster_option_def options[] = {
    {.name = "bodies", .min = 0, .max = 40, .fallback = 7},
    {.name = "tilt", .min = INT64_MIN, .max = INT64_MAX, .fallback = -3},
};

// A game whose blob keeps what it was told in build(), and in start() behind that.
static void build(const muster_host *host, muster_world *world)
{
    int64_t *seen = host->blob(world);
    seen[0] = host->option(world, 0);
    seen[1] = host->option(world, 1);
}

static void start(const muster_host *host, muster_world *world)
{
    int64_t *seen = host->blob(world);
    seen[2] = host->option(world, 0);
    seen[3] = host->option(world, 1);
}

static void join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    (void)host;
    (void)world;
    (void)player_index;
}

static muster_game make_game(void)
{
    return (muster_game){
        .abi = MUSTER_GAME_ABI,
        .rules_version = 1,
        .name = "chooser",
        .tick_rate_hz = 60,
        .limits = {.player_count_max = 1, .entity_count_max = 1, .blob_bytes = 32},
        .options = options,
        .option_count = 2,
        .build = build,
        .start = start,
        .join = join,
    };
}

static muster_instance *create(const muster_game *game, const int64_t *values)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    def.options = values;
    muster_instance *instance;
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    return instance;
}

static const int64_t *seen_by(const muster_instance *instance)
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

static void the_game_is_told_fallbacks_or_what_was_chosen(void **state)
{
    (void)state;
    const muster_game game = make_game();
    const int64_t fallbacks[] = {7, -3, 7, -3};
    muster_instance *instance = create(&game, NULL);
    assert_memory_equal(seen_by(instance), fallbacks, sizeof fallbacks);
    muster_instance_destroy(instance);

    const int64_t values[] = {40, INT64_MIN};
    const int64_t expected[] = {40, INT64_MIN, 40, INT64_MIN};
    instance = create(&game, values);
    assert_memory_equal(seen_by(instance), expected, sizeof expected);
    muster_instance_destroy(instance);
}

static void a_value_out_of_range_is_refused(void **state)
{
    (void)state;
    const muster_game game = make_game();
    const int64_t values[][2] = {{-1, 0}, {41, 0}};
    for (size_t i = 0; i < 2; i++) {
        muster_instance_def def = muster_instance_default_def();
        def.game = &game;
        def.options = values[i];
        muster_instance *instance;
        assert_int_equal(muster_instance_create(&def, &instance), MUSTER_ERR_INVALID);
        assert_null(instance);
    }
}

static void a_snapshot_of_other_options_is_refused(void **state)
{
    (void)state;
    const muster_game game = make_game();
    const int64_t values[] = {8, -3};
    muster_instance *left = create(&game, NULL);
    muster_instance *right = create(&game, values);
    const size_t length = muster_instance_snapshot_bytes(left);
    uint8_t *bytes = malloc(length);
    muster_instance_snapshot(left, bytes);
    assert_int_equal(muster_instance_restore(right, bytes, length), MUSTER_ERR_VERSION);
    assert_int_equal(muster_instance_restore(left, bytes, length), MUSTER_OK);
    free(bytes);
    muster_instance_destroy(left);
    muster_instance_destroy(right);
}

static void a_replay_takes_options_from_the_log(void **state)
{
    (void)state;
    muster_game game = make_game();
    const int64_t values[] = {12, 5};
    muster_instance *instance = create(&game, values);
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = instance;
    muster_frame_log *log;
    assert_int_equal(muster_frame_log_create(&log_def, &log), MUSTER_OK);
    const uint8_t *bytes;
    size_t length;
    muster_frame_log_begin(log, &bytes, &length);

    muster_replay_def def = muster_replay_default_def();
    def.game = &game;
    def.bytes = bytes;
    def.length = length;
    muster_replay *replay;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_OK);
    assert_int_equal(seen_by(muster_replay_instance(replay))[0], 12);
    assert_int_equal(seen_by(muster_replay_instance(replay))[3], 5);
    muster_replay_destroy(replay);

    // Another build of the game, with fewer options.
    game.option_count = 1;
    assert_int_equal(muster_replay_create(&def, &replay), MUSTER_ERR_VERSION);
    muster_frame_log_destroy(log);
    muster_instance_destroy(instance);
}

static void an_option_table_that_is_wrong_is_named(void **state)
{
    (void)state;
    char reason[MUSTER_REASON_BYTES];
    muster_game game = make_game();
    muster_option_def wrong[] = {options[0], options[1]};
    game.options = wrong;
    wrong[0].fallback = 41;
    assert_int_equal(muster_game_check(&game, reason), MUSTER_ERR_INVALID);
    assert_string_equal(reason, "option 'bodies' needs min <= fallback <= max");
    wrong[0].fallback = -1;
    assert_int_equal(muster_game_check(&game, reason), MUSTER_ERR_INVALID);
    wrong[0] = options[1];
    assert_int_equal(muster_game_check(&game, reason), MUSTER_ERR_INVALID);
    assert_string_equal(reason, "option 0 and 1 are both named 'tilt'");
    game.option_count = MUSTER_OPTION_COUNT_MAX + 1;
    assert_int_equal(muster_game_check(&game, reason), MUSTER_ERR_INVALID);
    game.options = NULL;
    game.option_count = 1;
    assert_int_equal(muster_game_check(&game, reason), MUSTER_ERR_INVALID);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_game_is_told_fallbacks_or_what_was_chosen),
        cmocka_unit_test(a_value_out_of_range_is_refused),
        cmocka_unit_test(a_snapshot_of_other_options_is_refused),
        cmocka_unit_test(a_replay_takes_options_from_the_log),
        cmocka_unit_test(an_option_table_that_is_wrong_is_named),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
