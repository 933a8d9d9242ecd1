// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/document.h"
#include "apps/muster/terminal.h"
#include "apps/server/dump.h"
#include "apps/server/frame_file.h"
#include "apps/server/game_module.h"
#include "apps/server/server_live.h"
#include "drivers/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Runs a frame log against its game and says whether the world went the same way.

#define PROGRESS_TICKS 64u
#define NUMBER_BYTES   32u

// What a map file begins with, and how many maps a second are in it.
#define MAP_MAGIC "MUSTMAP1"
#define MAP_HZ    5u

struct replay_run {
    const struct invocation *invocation;
    const char *path;
    struct frame_file file;
    struct game_module module;
    muster_replay *replay;
    uint64_t first_tick; // of the snapshot that the replay began from
    FILE *map;           // NULL for none
    bool has_map_failed;
};

static enum exit_code complain(const struct replay_run *run, const char *text, enum exit_code code)
{
    fprintf(run->invocation->err, "muster: %s\n", text);
    return code;
}

// What a log names is looked up among the games; only `--game` may name a file.
static enum exit_code load_game(struct replay_run *run)
{
    struct driver_error error = {0};
    const char *name = flag_text(run->invocation, "game");
    if (name == NULL) {
        name = run->file.identity.game_name;
        if (strchr(name, '/') != NULL) {
            return complain(run, "the log names no game that could be looked up", EXIT_CODE_USAGE);
        }
    }
    const muster_status status =
        game_module_open(name, getenv("MUSTER_GAME_PATH"), &run->module, &error);
    if (status == MUSTER_OK) {
        return EXIT_CODE_DONE;
    }
    return complain(
        run, error.text, status == MUSTER_ERR_NOT_FOUND ? EXIT_CODE_MISSING : EXIT_CODE_USAGE);
}

static enum exit_code begin(struct replay_run *run)
{
    struct driver_error error = {0};
    if (frame_file_open(run->path, &run->file, &error) != MUSTER_OK) {
        return complain(run, error.text, EXIT_CODE_USAGE);
    }
    const enum exit_code code = load_game(run);
    if (code != EXIT_CODE_DONE) {
        return code;
    }
    muster_replay_def def = muster_replay_default_def();
    def.game = run->module.game;
    def.from_tick = flag_number(run->invocation, "from");
    if (flag_is_given(run->invocation, "to")) {
        def.to_tick = flag_number(run->invocation, "to");
    }
    if (def.from_tick > def.to_tick) {
        return complain(run, "--from is later than --to", EXIT_CODE_USAGE);
    }
    if (frame_file_replay(run->path, &run->file, &def, &run->replay, &error) != MUSTER_OK) {
        return complain(run, error.text, EXIT_CODE_USAGE);
    }
    run->first_tick = muster_instance_tick(muster_replay_instance(run->replay));
    return EXIT_CODE_DONE;
}

static uint64_t tick_of(const struct replay_run *run)
{
    return muster_instance_tick(muster_replay_instance(run->replay));
}

// The map file: a magic number, then maps, each behind its length.

static enum exit_code begin_map(struct replay_run *run)
{
    const char *path = flag_text(run->invocation, "map");
    if (path == NULL) {
        return EXIT_CODE_DONE;
    }
    run->map = fopen(path, "wbx");
    if (run->map == NULL) {
        fprintf(run->invocation->err, "muster: %s: %s\n", path, strerror(errno));
        return EXIT_CODE_FAILED;
    }
    run->has_map_failed = fputs(MAP_MAGIC, run->map) < 0;
    return EXIT_CODE_DONE;
}

static void add_map(struct replay_run *run)
{
    static _Alignas(8) uint8_t bytes[SERVER_LIVE_BYTES_MAX];
    const uint32_t tick_rate_hz = run->module.game->tick_rate_hz;
    const uint32_t period = tick_rate_hz > MAP_HZ ? tick_rate_hz / MAP_HZ : 1;
    if (run->map == NULL || tick_of(run) % period != 0) {
        return;
    }
    const uint32_t length = server_live_write(muster_replay_instance(run->replay), bytes);
    run->has_map_failed |=
        fwrite(&length, sizeof length, 1, run->map) != 1 || fwrite(bytes, length, 1, run->map) != 1;
}

static enum exit_code end_map(struct replay_run *run, enum exit_code code)
{
    if (run->map == NULL) {
        return code;
    }
    run->has_map_failed |= fclose(run->map) != 0;
    if (run->has_map_failed) {
        return complain(run, "the map could not be written", EXIT_CODE_FAILED);
    }
    return code;
}

static void play(struct replay_run *run)
{
    FILE *err = run->invocation->err;
    struct progress progress;
    progress_begin(&progress, err, terminal_is_lively(err), "replay",
        flag_number(run->invocation, "to"), clock_monotonic_us());
    while (muster_replay_step(run->replay) == MUSTER_REPLAY_RUNNING) {
        add_map(run);
        if (tick_of(run) % PROGRESS_TICKS == 0) {
            progress_update(&progress, tick_of(run), clock_monotonic_us());
        }
    }
    progress_end(&progress);
}

// What was found.

static const char *state_word(muster_replay_state_type state)
{
    switch (state) {
    case MUSTER_REPLAY_RUNNING:
    case MUSTER_REPLAY_ENDED:
        return "equal";
    case MUSTER_REPLAY_CUT:
        return "cut";
    case MUSTER_REPLAY_DAMAGED:
        return "damaged";
    case MUSTER_REPLAY_DIFFERS:
        return "differs";
    }
    return "unknown";
}

static enum exit_code code_of(muster_replay_state_type state)
{
    switch (state) {
    case MUSTER_REPLAY_DIFFERS:
        return EXIT_CODE_VIOLATION;
    case MUSTER_REPLAY_DAMAGED:
        return EXIT_CODE_USAGE;
    default:
        return EXIT_CODE_DONE;
    }
}

static void print_place(const muster_replay_finding *found, FILE *file)
{
    if (found->block_name == NULL) {
        fprintf(file, "  where           the log does not tell\n");
        return;
    }
    const char *kind = found->is_by_entity ? "slot" : "element";
    fprintf(
        file, "  field           %s, number %" PRIu32 "\n", found->block_name, found->lane_index);
    if (found->element_min != found->element_max) {
        fprintf(file, "  %-15s one of %" PRIu32 " to %" PRIu32 "\n", kind, found->element_min,
            found->element_max);
        return;
    }
    if (found->entity_id != 0) {
        fprintf(file, "  entity          %016" PRIx64 "\n", (uint64_t)found->entity_id);
    }
    char text[NUMBER_BYTES];
    fprintf(file, "  %-15s %" PRIu32 "\n", kind, found->element_min);
    if (found->has_recorded) {
        dump_number(found->type, found->recorded_bits, text, sizeof text);
        fprintf(file, "  recorded value  %s\n", text);
    }
    dump_number(found->type, found->replayed_bits, text, sizeof text);
    fprintf(file, "  replayed value  %s\n", text);
}

static void print_text(const struct replay_run *run, muster_replay_state_type state)
{
    FILE *out = run->invocation->out;
    const muster_replay_finding *found = muster_replay_found(run->replay);
    if (found != NULL) {
        fprintf(out, "%s: differs first at tick %" PRIu64 "\n", run->path, found->tick);
        fprintf(out, "  recorded hash   %016" PRIx64 "\n", found->recorded_hash);
        fprintf(out, "  replayed hash   %016" PRIx64 "\n", found->replayed_hash);
        print_place(found, out);
        return;
    }
    fprintf(out, "%s: ticks %" PRIu64 " to %" PRIu64 " are equal, hash %016" PRIx64 "\n", run->path,
        run->first_tick + 1, tick_of(run),
        muster_instance_hash(muster_replay_instance(run->replay)));
    if (state == MUSTER_REPLAY_CUT) {
        fprintf(run->invocation->err,
            "muster: %s breaks off in the middle of a record; it was played to the last whole "
            "one, tick %" PRIu64 "\n",
            run->path, tick_of(run));
    } else if (state == MUSTER_REPLAY_DAMAGED) {
        fprintf(run->invocation->err,
            "muster: %s is damaged behind tick %" PRIu64 "; it was played up to there\n", run->path,
            tick_of(run));
    }
}

static json_t *finding_json(const muster_replay_finding *found)
{
    char recorded[NUMBER_BYTES];
    char replayed[NUMBER_BYTES];
    char id[NUMBER_BYTES];
    (void)snprintf(recorded, sizeof recorded, "%016" PRIx64, found->recorded_hash);
    (void)snprintf(replayed, sizeof replayed, "%016" PRIx64, found->replayed_hash);
    json_t *document = json_pack("{s:I, s:s, s:s}", "tick", (json_int_t)found->tick,
        "recorded_hash", recorded, "replayed_hash", replayed);
    if (found->block_name == NULL) {
        return document;
    }
    json_object_set_new(document, "field", json_string(found->block_name));
    json_object_set_new(document, "number", json_integer(found->lane_index));
    json_object_set_new(document, found->is_by_entity ? "slots" : "elements",
        json_pack("[I, I]", (json_int_t)found->element_min, (json_int_t)found->element_max));
    if (found->entity_id != 0) {
        (void)snprintf(id, sizeof id, "%016" PRIx64, (uint64_t)found->entity_id);
        json_object_set_new(document, "entity", json_string(id));
    }
    if (found->element_min == found->element_max) {
        dump_number(found->type, found->replayed_bits, replayed, sizeof replayed);
        json_object_set_new(document, "replayed_value", json_string(replayed));
    }
    if (found->has_recorded) {
        dump_number(found->type, found->recorded_bits, recorded, sizeof recorded);
        json_object_set_new(document, "recorded_value", json_string(recorded));
    }
    return document;
}

static bool print_json(const struct replay_run *run, muster_replay_state_type state)
{
    const muster_world_identity *identity = &run->file.identity;
    const muster_instance *instance = muster_replay_instance(run->replay);
    const muster_replay_finding *found = muster_replay_found(run->replay);
    char hash[NUMBER_BYTES];
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, muster_instance_hash(instance));
    json_t *document =
        json_pack("{s:o, s:s, s:I, s:o, s:s, s:I, s:I, s:s, s:o}", "file", document_text(run->path),
            "game", identity->game_name, "rules_version", (json_int_t)identity->rules_version,
            "seed", document_number(identity->seed), "result", state_word(state), "first_tick",
            (json_int_t)run->first_tick + 1, "last_tick", (json_int_t)tick_of(run), "hash", hash,
            "difference", found != NULL ? finding_json(found) : json_null());
    if (flag_is_true(run->invocation, "dump")) {
        json_object_set_new(document, "entities", dump_json(run->module.game, instance));
    }
    return document_write(document, run->invocation->out);
}

static enum exit_code report(const struct replay_run *run)
{
    const muster_replay_state_type state = muster_replay_state(run->replay);
    if (flag_is_true(run->invocation, "json")) {
        return print_json(run, state) ? code_of(state) : EXIT_CODE_FAILED;
    }
    print_text(run, state);
    if (flag_is_true(run->invocation, "dump")) {
        dump_print(run->module.game, muster_replay_instance(run->replay), run->invocation->out);
    }
    return code_of(state);
}

// A log that ends before what was asked for was not checked as somebody thinks it was.
static void say_if_short(const struct replay_run *run)
{
    static const char *const flags[] = {"from", "to"};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t asked = flag_number(run->invocation, flags[i]);
        if (flag_is_given(run->invocation, flags[i]) && asked > tick_of(run) &&
            muster_replay_state(run->replay) == MUSTER_REPLAY_ENDED) {
            fprintf(run->invocation->err,
                "muster: the log ends at tick %" PRIu64 ", before --%s %" PRIu64 "\n", tick_of(run),
                flags[i], asked);
        }
    }
}

static enum exit_code run(const struct invocation *invocation)
{
    struct replay_run run = {
        .invocation = invocation,
        .path = argument_text(invocation, 0),
    };
    enum exit_code code = begin(&run);
    if (code == EXIT_CODE_DONE) {
        code = begin_map(&run);
    }
    if (code == EXIT_CODE_DONE) {
        fprintf(invocation->err, "seed %" PRIu64 "\n", run.file.identity.seed);
        play(&run);
        say_if_short(&run);
        code = end_map(&run, report(&run));
    }
    muster_replay_destroy(run.replay);
    game_module_close(&run.module);
    frame_file_close(&run.file);
    return code;
}

static const struct example examples[] = {
    {"muster replay run.frames", "Run it again and check every tick."},
    {"muster replay run.frames --to 600 --dump", "The world as it was after ten seconds."},
    {"muster replay run.frames --map run.map", "For the dashboard, which shows it on its map."},
    {"muster replay run.frames --from 5000 --json", "From a later tick on; one document."},
    {0},
};

static const struct argument arguments[] = {
    {.name = "FILE", .help = "A frame log, as `muster up --record FILE` writes it."},
    {0},
};

static const struct flag flags[] = {
    {.name = "from",
        .placeholder = "TICK",
        .rule = {.kind = VALUE_INTEGER, .max = INT64_MAX},
        .help = "Begin at the last snapshot that is not later."},
    {.name = "to",
        .placeholder = "TICK",
        .rule = {.kind = VALUE_INTEGER, .max = INT64_MAX},
        .help = "End after this tick; else with the log."},
    {.name = "game",
        .placeholder = "NAME",
        .rule = {.kind = VALUE_TEXT},
        .help = "The game's name or file, if not the one that the log names."},
    {.name = "map",
        .placeholder = "FILE",
        .rule = {.kind = VALUE_TEXT},
        .help = "Write where everything was, for the dashboard. FILE must not exist."},
    {.name = "dump", .rule = {.kind = VALUE_BOOL}, .help = "Print the entities of the last tick."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

const struct command command_replay = {
    .name = "replay",
    .summary = "Run a frame log again and check every tick.",
    .examples = examples,
    .flags = flags,
    .arguments = arguments,
    .run = run,
};
