// SPDX-License-Identifier: Apache-2.0

// Worlds that go on after a restart, also after one that nobody asked for.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/world.h"

#include <inttypes.h>

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, &outcome)

static struct outcome outcome;
static char folder[64];
static char answer[WORLD_ROOM];

static int enter_folder(void **state)
{
    (void)state;
    world_folder_begin(folder, MUSTER_GAMES ":" MUSTER_TEST_GAMES);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static uint64_t tick_now(const struct running *world)
{
    assert_int_equal(world_get(world, "/v1/status", answer), 200);
    return world_number(answer, "tick");
}

// The two numbers of "resumed at tick N, lost at most M ticks".
static void read_resumed(const struct running *world, uint64_t *out_tick, uint64_t *out_lost)
{
    const uint64_t begin_us = clock_monotonic_us();
    do { // it may be ready before it has said so
        file_read(world->err_path, outcome.err);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    } while (strstr(outcome.err, "seed") == NULL);
    const char *at = strstr(outcome.err, "muster: resumed at tick ");
    assert_non_null(at);
    assert_int_equal(
        sscanf(at, "muster: resumed at tick %" SCNu64 ", lost at most %" SCNu64 " ticks", out_tick,
            out_lost),
        2);
}

// The hash that the logs of a folder lead to at a tick, by the program that replays them.
static void read_hash(const char *path, uint64_t tick, char out_hash[17])
{
    char to[32];
    snprintf(to, sizeof to, "%" PRIu64, tick);
    out_hash[0] = '\0';
    RUN("replay", path, "--to", to, "--json");
    const char *at = strstr(outcome.out, "\"hash\": \"");
    if (outcome.code == 0 && at != NULL) {
        snprintf(out_hash, 17, "%s", at + strlen("\"hash\": \""));
        const char *last = strstr(outcome.out, "\"last_tick\": ");
        assert_non_null(last);
        if (world_number(outcome.out, "last_tick") != tick) {
            out_hash[0] = '\0';
        }
    }
}

static void copy_folder(const char *from, const char *to)
{
    const char *const line[] = {"-c", "cp -r \"$0\" \"$1\"", from, to, NULL};
    program_run_at("/bin/sh", line, &outcome);
    assert_int_equal(outcome.code, 0);
}

static void a_killed_world_goes_on_where_it_was(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", "--state", "killed", "--set",
                            "state.snapshot_interval=1s", "--seed", "5", NULL});
    world_play(&world, "3", "2s");
    const uint64_t seen_tick = tick_now(&world);
    assert_int_equal(world_end(&world, SIGKILL), 128 + SIGKILL);
    copy_folder("killed", "copy");

    world_begin(&world, (const char *const[]){"--game", "hello", "--state", "killed", "--record",
                            "resumed.frames", NULL});
    uint64_t resumed_tick;
    uint64_t lost_ticks;
    read_resumed(&world, &resumed_tick, &lost_ticks);
    assert_int_equal(lost_ticks, 60);
    assert_true(resumed_tick + lost_ticks >= seen_tick);
    assert_true(tick_now(&world) >= resumed_tick);
    assert_non_null(strstr(outcome.err, "seed"));
    world_play(&world, "3", "500ms");
    assert_int_equal(world_end(&world, SIGTERM), 0);

    // What it went on from is what the logs of the first run lead to.
    RUN("replay", "resumed.frames", "--json");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "first_tick"), resumed_tick + 1);
    assert_int_equal(world_number(outcome.out, "seed"), 5);
    char resumed_hash[17];
    char recorded_hash[17] = "";
    read_hash("resumed.frames", resumed_tick, resumed_hash);
    for (uint32_t i = 1; i < 20 && recorded_hash[0] == '\0'; i++) {
        char path[64];
        snprintf(path, sizeof path, "copy/world-%08u.frames", i);
        read_hash(path, resumed_tick, recorded_hash);
    }
    assert_int_equal(strlen(resumed_hash), 16);
    assert_string_equal(recorded_hash, resumed_hash);
}

static void a_world_that_was_stopped_loses_nothing(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", "--state", "stopped", NULL});
    assert_int_equal(world_end(&world, SIGTERM), 0);
    uint64_t tick = 0;
    for (uint32_t i = 0; i < 2; i++) {
        world_begin(&world, (const char *const[]){"--game", "hello", "--state", "stopped", NULL});
        uint64_t resumed_tick;
        uint64_t lost_ticks;
        read_resumed(&world, &resumed_tick, &lost_ticks);
        assert_int_equal(lost_ticks, 0);
        assert_true(resumed_tick > tick);
        tick = resumed_tick;
        assert_int_equal(world_end(&world, SIGTERM), 0);
    }
}

static void a_log_that_was_only_begun_is_passed_over(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", "--state", "begun", NULL});
    assert_int_equal(world_end(&world, SIGTERM), 0);
    file_write("begun/world-00000002.frames", "MUSTRLOG");
    file_write("begun/world-00000003.frames", "");
    file_write("begun/notes.txt", "not ours");
    world_begin(&world, (const char *const[]){"--game", "hello", "--state", "begun", NULL});
    uint64_t tick;
    uint64_t lost_ticks;
    read_resumed(&world, &tick, &lost_ticks);
    assert_int_equal(lost_ticks, 0);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void a_folder_serves_one_server_game_and_seed(void **state)
{
    (void)state;
    struct running world;
    struct running second;
    world_begin(
        &world, (const char *const[]){"--game", "hello", "--state", "one", "--seed", "8", NULL});
    world_start(&second, (const char *const[]){"--game", "hello", "--state", "one", NULL});
    assert_int_equal(world_join(&second), 3);
    file_read(second.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "muster: one is in use by another server"));
    assert_int_equal(world_end(&world, SIGTERM), 0);

    world_start(
        &second, (const char *const[]){"--game", "hello", "--state", "one", "--seed", "9", NULL});
    assert_int_equal(world_join(&second), 2);
    file_read(second.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "muster: game.seed is 9, but the world in one has 8"));
    world_start(&second, (const char *const[]){"--game", "misuse", "--state", "one", NULL});
    assert_int_equal(world_join(&second), 1);
    file_read(second.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "is of hello with rules 1 at 60 Hz, but the game is misuse "
                                        "with rules 7 at 60 Hz\n"));
    world_start(&second, (const char *const[]){"--game", "hello", "--state", "one", "--set",
                             "limits.players=3", NULL});
    assert_int_equal(world_join(&second), 2);
    file_read(second.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "muster: limits.players is 3, but the world in one has "));
    file_write("file", "");
    world_start(&second, (const char *const[]){"--game", "hello", "--state", "file", NULL});
    assert_int_equal(world_join(&second), 1);
}

static void a_world_keeps_its_options_and_limits(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "skirmish", "--state", "options",
                            "--bodies", "70", "--scene", "battle", "--set", "limits.players=9",
                            "--set", "limits.entities=3000", NULL});
    assert_int_equal(world_end(&world, SIGTERM), 0);
    static const char *const same[][6] = {
        {NULL}, {"--bodies", "70", NULL}, {"--scene", "battle", "--set", "limits.players=9", NULL}};
    for (uint32_t i = 0; i < 3; i++) {
        const char *arguments[12] = {"--game", "skirmish", "--state", "options"};
        for (uint32_t k = 0; k < 6 && same[i][k] != NULL; k++) {
            arguments[4 + k] = same[i][k];
        }
        uint64_t tick;
        uint64_t lost_ticks;
        world_begin(&world, arguments);
        read_resumed(&world, &tick, &lost_ticks);
        assert_int_equal(lost_ticks, 0);
        assert_int_equal(world_end(&world, SIGTERM), 0);
    }
    static const char *const other[][3] = {
        {"--bodies", "71", "muster: --bodies is 71, but the world in options has 70; leave it out"},
        {"--scene", "spread",
            "muster: --scene is spread, but the world in options has battle; leave it out"},
        {"--set", "limits.players=8",
            "muster: limits.players is 8, but the world in options has 9; leave it out"},
        {"--set", "limits.entities=2999",
            "muster: limits.entities is 2999, but the world in options has 3000; leave it out"}};
    for (uint32_t i = 0; i < 4; i++) {
        world_start(&world, (const char *const[]){"--game", "skirmish", "--state", "options",
                                other[i][0], other[i][1], NULL});
        assert_int_equal(world_join(&world), 2);
        file_read(world.err_path, outcome.err);
        assert_non_null(strstr(outcome.err, other[i][2]));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_world_goes_on_where_it_was),
        cmocka_unit_test(a_world_that_was_stopped_loses_nothing),
        cmocka_unit_test(a_log_that_was_only_begun_is_passed_over),
        cmocka_unit_test(a_folder_serves_one_server_game_and_seed),
        cmocka_unit_test(a_world_keeps_its_options_and_limits),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
