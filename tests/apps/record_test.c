// SPDX-License-Identifier: Apache-2.0

// Recorded runs of the built program, over real sockets, and their replays.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/server/server_live.h"
#include "apps/world.h"

#include "core/bytes.h"
#include "core/hash.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, &outcome)

#define LOG_BYTES_MAX (1u << 22)
#define TYPE_TICK     1u

static struct outcome outcome;
static char folder[64];
static char answer[WORLD_ROOM];
static uint8_t bytes[LOG_BYTES_MAX];

// One recorded run with bots serves all tests that read a log.
static int enter_folder(void **state)
{
    (void)state;
    world_folder_begin(folder, MUSTER_GAMES ":" MUSTER_TEST_GAMES);
    struct running world;
    world_begin(&world,
        (const char *const[]){"--game", "hello", "--seed", "42", "--record", "run.frames", NULL});
    world_play(&world, "4", "1s");
    assert_int_equal(world_end(&world, SIGTERM), 0);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static size_t load(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_in_range(length, 1, sizeof bytes - 1);
    return length;
}

static void store(const char *path, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static uint32_t checksum(const uint8_t *from, size_t length)
{
    return (uint32_t)(hash_bytes(from, length, 2) >> 32);
}

// The header's bytes: magic, version, identity up to the snapshot's record, checksum. The first
// record is where a checksum over all before it fits.
static size_t header_bytes(void)
{
    for (size_t length = 16; length < 1024; length++) {
        if (bytes_load_u32(bytes + length) == checksum(bytes, length)) {
            return length + 4;
        }
    }
    fail_msg("no header");
    return 0;
}

// The record of the tick at `number`, counted from 1.
static uint8_t *find_tick(uint32_t number, uint32_t *out_length)
{
    uint8_t *at = bytes + header_bytes();
    for (;;) {
        const uint32_t length = bytes_load_u32(at + 1);
        number -= at[0] == TYPE_TICK ? 1 : 0;
        if (number == 0) {
            *out_length = length;
            return at;
        }
        at += 5 + length + 4;
    }
}

static void a_recorded_run_replays_equal(void **state)
{
    (void)state;
    RUN("replay", "run.frames");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.out, "run.frames: ticks 1 to "));
    assert_non_null(strstr(outcome.out, " are equal, hash "));
    assert_string_equal(outcome.err, "seed 42\n");
    RUN("replay", "run.frames", "--json");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.out, "\"result\": \"equal\""));
    assert_in_range(world_number(outcome.out, "last_tick"), 60, 100000);
    assert_non_null(strstr(outcome.out, "\"difference\": null"));
}

static void a_replay_writes_the_map_of_five_ticks_a_second(void **state)
{
    (void)state;
    RUN("replay", "run.frames", "--map", "run.map", "--to", "90");
    assert_int_equal(outcome.code, 0);
    FILE *file = fopen("run.map", "rb");
    assert_non_null(file);
    char magic[8];
    assert_int_equal(fread(magic, sizeof magic, 1, file), 1);
    assert_memory_equal(magic, "MUSTMAP1", sizeof magic);
    static uint8_t map[SERVER_LIVE_BYTES_MAX];
    uint64_t tick = 0;
    uint32_t count = 0;
    uint32_t length;
    while (fread(&length, sizeof length, 1, file) == 1) {
        assert_in_range(length, sizeof(struct server_live_head), sizeof map);
        assert_int_equal(fread(map, length, 1, file), 1);
        assert_true(server_live_tick(map) > tick);
        tick = server_live_tick(map);
        count++;
    }
    assert_true(feof(file));
    fclose(file);
    assert_true(tick > 60 && tick <= 90);
    assert_in_range(count, 4, 90);
    RUN("replay", "run.frames", "--map", "run.map");
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "exists"));
}

static void a_part_of_a_run_replays_and_shows_its_entities(void **state)
{
    (void)state;
    RUN("replay", "run.frames", "--to", "20", "--json");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "last_tick"), 20);
    RUN("replay", "run.frames", "--dump");
    assert_int_equal(outcome.code, 0);
    RUN("replay", "run.frames", "--to", "90", "--dump", "--json");
    assert_non_null(strstr(outcome.out, "\"entities\": ["));
    RUN("replay", "run.frames", "--to", "900000");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.err, "muster: the log ends at tick "));
    assert_non_null(strstr(outcome.err, ", before --to 900000\n"));
    RUN("replay", "run.frames", "--from", "20", "--to", "10");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err, "muster: --from is later than --to\n");
}

static void a_changed_hash_is_found_at_its_tick(void **state)
{
    (void)state;
    const size_t length = load("run.frames");
    uint32_t record_bytes;
    uint8_t *record = find_tick(50, &record_bytes);
    record[5 + 1] ^= 1; // behind the tick's varint of one byte
    bytes_store_u32(record + 5 + record_bytes, checksum(record, 5 + record_bytes));
    store("changed.frames", length);
    RUN("replay", "changed.frames");
    assert_int_equal(outcome.code, 4);
    assert_non_null(strstr(outcome.out, "changed.frames: differs first at tick 50\n"));
    RUN("replay", "changed.frames", "--json");
    assert_int_equal(outcome.code, 4);
    assert_non_null(strstr(outcome.out, "\"result\": \"differs\""));
    RUN("replay", "changed.frames", "--to", "49");
    assert_int_equal(outcome.code, 0);
}

// Flips a bit of a tick's frame, near its end, where the steps of an action are.
static bool is_named_after_flip(size_t length, uint32_t tick, uint32_t from_end)
{
    uint32_t record_bytes;
    uint8_t *record = find_tick(tick, &record_bytes);
    uint8_t *frame = record + 5 + 1 + 8 + 1; // behind tick, hash and the frame's length
    const uint32_t frame_bytes = frame[-1];
    if (frame_bytes < 20 || frame_bytes > 127) {
        return false;
    }
    frame[frame_bytes - from_end] ^= 1;
    bytes_store_u32(record + 5 + record_bytes, checksum(record, 5 + record_bytes));
    store("changed.frames", length);
    frame[frame_bytes - from_end] ^= 1;
    bytes_store_u32(record + 5 + record_bytes, checksum(record, 5 + record_bytes));
    RUN("replay", "changed.frames");
    assert_true(outcome.code == 0 || outcome.code == 2 || outcome.code == 4);
    return outcome.code == 4 && strstr(outcome.out, "\n  field           ") != NULL &&
           strstr(outcome.out, "\n  entity          ") != NULL;
}

// Some bits make it no frame, or change nothing that counts; among so many there are others.
static void a_changed_input_is_found_with_entity_and_field(void **state)
{
    (void)state;
    const size_t length = load("run.frames");
    bool is_found = false;
    for (uint32_t tick = 30; tick < 100 && !is_found; tick++) {
        for (uint32_t from_end = 1; from_end <= 4 && !is_found; from_end++) {
            is_found = is_named_after_flip(length, tick, from_end);
        }
    }
    assert_true(is_found);
}

static void a_flipped_byte_is_damage_and_a_missing_end_is_none(void **state)
{
    (void)state;
    const size_t length = load("run.frames");
    uint32_t record_bytes;
    uint8_t *record = find_tick(50, &record_bytes);
    record[5 + 1] ^= 1;
    store("damaged.frames", length);
    RUN("replay", "damaged.frames");
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "muster: damaged.frames is damaged behind tick 49; it was "
                                        "played up to there\n"));
    record[5 + 1] ^= 1;
    store("cut.frames", (size_t)(record - bytes) + 9);
    RUN("replay", "cut.frames");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.out, "cut.frames: ticks 1 to 49 are equal"));
    assert_non_null(strstr(outcome.err, "muster: cut.frames breaks off in the middle of a record; "
                                        "it was played to the last whole one, tick 49\n"));
}

static void what_is_no_log_is_refused_by_name(void **state)
{
    (void)state;
    static const char expected[] = "expected a frame log as `muster up --record FILE` writes it\n";
    file_write("empty.frames", "");
    RUN("replay", "empty.frames");
    assert_int_equal(outcome.code, 2);
    assert_int_equal(strncmp(outcome.err, "muster: empty.frames is empty, ", 31), 0);
    assert_non_null(strstr(outcome.err, expected));
    for (uint32_t i = 0; i < 4096; i++) {
        bytes[i] = (uint8_t)hash_bytes(&i, sizeof i, 7);
    }
    store("random.frames", 4096);
    RUN("replay", "random.frames");
    assert_int_equal(outcome.code, 2);
    assert_int_equal(strncmp(outcome.err, "muster: random.frames is no frame log, ", 39), 0);
    RUN("replay", "none.frames");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err, "muster: none.frames: No such file or directory\n");
    RUN("replay", ".");
    assert_int_equal(outcome.code, 2);
    load("run.frames");
    store("head.frames", header_bytes() + 3);
    RUN("replay", "head.frames");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err, "muster: head.frames breaks off or is damaged before the end "
                                     "of its first snapshot\n");
}

static void another_game_is_refused_with_both_names(void **state)
{
    (void)state;
    RUN("replay", "run.frames", "--game", "misuse");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err,
        "muster: run.frames is of hello with rules 1 at 60 Hz, but the game is misuse with rules 7 "
        "at 60 Hz\n");
    RUN("replay", "run.frames", "--game", "nowhere");
    assert_int_equal(outcome.code, 3);
}

static void a_file_that_exists_is_not_written_over(void **state)
{
    (void)state;
    file_write("mine.txt", "mine");
    struct running world;
    world_start(&world, (const char *const[]){"--game", "hello", "--record", "mine.txt", NULL});
    assert_int_equal(world_join(&world), 2);
    file_read(world.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "muster: cannot write to mine.txt: File exists; choose "
                                        "another name or remove it\n"));
    file_read("mine.txt", outcome.out);
    assert_string_equal(outcome.out, "mine");
}

// A limit of the file's size stands for a full disk.
static void a_world_goes_on_when_its_record_cannot(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {.rlim_cur = 8192, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct running world;
    world_start(&world, (const char *const[]){"--game", "hello", "--record", "full.frames", NULL});
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    world_await(&world);
    world_play(&world, "4", "1s");
    const uint64_t begin_us = clock_monotonic_us();
    do {
        assert_int_equal(world_get(&world, "/metrics", answer), 200);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    } while (strstr(answer, "\nmuster_record_failed 1\n") == NULL);
    assert_int_equal(world_end(&world, SIGTERM), 0);
    file_read(world.err_path, outcome.err);
    assert_non_null(strstr(outcome.err, "the frame log ends early"));
    RUN("replay", "full.frames");
    assert_int_equal(outcome.code, 0);
    assert_null(strstr(outcome.err, "breaks off"));
}

static void an_assertion_leaves_a_report_with_seed_tick_and_log(void **state)
{
    (void)state;
    struct running world;
    world_start(&world, (const char *const[]){
                            "--game", "misuse", "--seed", "77", "--record", "crash.frames", NULL});
    assert_int_equal(world_join(&world), 128 + SIGABRT);
    char path[64];
    snprintf(path, sizeof path, "crash-%d.txt", (int)world.pid);
    file_read(path, outcome.out);
    assert_non_null(strstr(outcome.out, "\nassertion: "));
    assert_non_null(strstr(outcome.out, "\nseed: 77\ntick: 30\nlog: crash.frames\n"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_run_replays_equal),
        cmocka_unit_test(a_replay_writes_the_map_of_five_ticks_a_second),
        cmocka_unit_test(a_part_of_a_run_replays_and_shows_its_entities),
        cmocka_unit_test(a_changed_hash_is_found_at_its_tick),
        cmocka_unit_test(a_changed_input_is_found_with_entity_and_field),
        cmocka_unit_test(a_flipped_byte_is_damage_and_a_missing_end_is_none),
        cmocka_unit_test(what_is_no_log_is_refused_by_name),
        cmocka_unit_test(another_game_is_refused_with_both_names),
        cmocka_unit_test(a_file_that_exists_is_not_written_over),
        cmocka_unit_test(a_world_goes_on_when_its_record_cannot),
        cmocka_unit_test(an_assertion_leaves_a_report_with_seed_tick_and_log),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
