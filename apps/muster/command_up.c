// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command_up.h"
#include "apps/muster/commands.h"
#include "apps/muster/safety.h"
#include "apps/muster/terminal.h"
#include "apps/muster/version.h"
#include "apps/server/recorder.h"
#include "apps/server/server_stats.h"
#include "drivers/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Everything on one machine: the game, the server around it, its HTTP side and, on request, bots
// and a live view in processes of their own.

#define POLL_MS     25
#define VALUE_BYTES 32u
#define SCENE_COUNT 3
#define STOP_US_MAX 5000000u

static const char *const scenes[SCENE_COUNT + 1] = {"mixed", "battle", "spread", NULL};

// Preparations.

static enum exit_code load_secrets(struct up *up)
{
    struct problem problem;
    if (safety_load_secrets(&up->settings, getenv("XDG_STATE_HOME"), getenv("HOME"), &up->secrets,
            &problem) != MUSTER_OK) {
        return up_complain(up, problem.text, EXIT_CODE_FAILED);
    }
    if (safety_check(&up->settings, &up->secrets, &problem) != MUSTER_OK) {
        return up_complain(up, problem.text, EXIT_CODE_USAGE);
    }
    return EXIT_CODE_DONE;
}

static enum exit_code load_game(struct up *up)
{
    struct driver_error error = {0};
    const muster_status status =
        game_module_open(up->settings.game.name, getenv("MUSTER_GAME_PATH"), &up->module, &error);
    if (status == MUSTER_OK) {
        return EXIT_CODE_DONE;
    }
    return up_complain(
        up, error.text, status == MUSTER_ERR_NOT_FOUND ? EXIT_CODE_MISSING : EXIT_CODE_USAGE);
}

// @return false, after saying so, if the game has no such option or not that value
static bool choose_option(struct up *up, const char *flag)
{
    const muster_game *game = up->module.game;
    struct problem problem;
    if (!flag_is_given(up->invocation, flag)) {
        return true;
    }
    const int64_t chosen = (int64_t)flag_number(up->invocation, flag);
    for (uint32_t i = 0; i < game->option_count; i++) {
        const muster_option_def *option = &game->options[i];
        if (strcmp(option->name, flag) != 0) {
            continue;
        }
        if (chosen < option->min || chosen > option->max) {
            problem_set(&problem, "--%s is %lld, expected a number from %lld to %lld in game %s",
                flag, (long long)chosen, (long long)option->min, (long long)option->max,
                game->name);
            return up_complain(up, problem.text, EXIT_CODE_USAGE) == EXIT_CODE_DONE;
        }
        up->options[i] = chosen;
        return true;
    }
    problem_set(&problem, "game %s has no option \"%s\"", game->name, flag);
    return up_complain(up, problem.text, EXIT_CODE_USAGE) == EXIT_CODE_DONE;
}

// The flags that choose a game's options, by the options' names.
static const char *const option_flags[] = {"bodies", "scene"};

#define OPTION_FLAG_COUNT (sizeof option_flags / sizeof option_flags[0])

// True if the option was chosen on the command line.
static bool is_chosen(const struct up *up, const char *name)
{
    for (size_t i = 0; i < OPTION_FLAG_COUNT; i++) {
        if (strcmp(option_flags[i], name) == 0) {
            return flag_is_given(up->invocation, name);
        }
    }
    return false;
}

static bool choose_options(struct up *up)
{
    const muster_game *game = up->module.game;
    for (uint32_t i = 0; i < game->option_count; i++) {
        up->options[i] = game->options[i].fallback;
    }
    for (size_t i = 0; i < OPTION_FLAG_COUNT; i++) {
        if (!choose_option(up, option_flags[i])) {
            return false;
        }
    }
    return true;
}

static void choose_seed(struct up *up)
{
    up->seed = up->seed != 0 ? up->seed : up->settings.game.seed;
    while (up->seed == 0) {
        clock_random_bytes(&up->seed, sizeof up->seed);
        up->seed &= INT64_MAX; // what every JSON reader and `--seed` take
    }
}

static enum exit_code explain_folder(
    const struct up *up, muster_status status, const struct driver_error *error)
{
    if (error->code == EWOULDBLOCK) {
        return up_complain(up, error->text, EXIT_CODE_MISSING);
    }
    return up_complain(
        up, error->text, status == MUSTER_ERR_MALFORMED ? EXIT_CODE_VIOLATION : EXIT_CODE_FAILED);
}

static void print_value(const char *name, int64_t value, char out_text[VALUE_BYTES])
{
    const bool is_scene = strcmp(name, "--scene") == 0 && value >= 0 && value < SCENE_COUNT;
    if (is_scene) {
        (void)snprintf(out_text, VALUE_BYTES, "%s", scenes[value]);
    } else {
        (void)snprintf(out_text, VALUE_BYTES, "%lld", (long long)value);
    }
}

// @return false, after saying so, if what was asked for is not what the world has
static bool is_as_resumed(const struct up *up, const char *name, int64_t asked, int64_t resumed)
{
    char asked_text[VALUE_BYTES];
    char resumed_text[VALUE_BYTES];
    if (asked == resumed) {
        return true;
    }
    print_value(name, asked, asked_text);
    print_value(name, resumed, resumed_text);
    fprintf(up->invocation->err,
        "muster: %s is %s, but the world in %s has %s; leave it out or choose another folder\n",
        name, asked_text, up->settings.state.directory, resumed_text);
    return false;
}

// A limit of 0 is not asked for. One above the game's own is the game's own.
static bool take_limit(
    const struct up *up, const char *name, uint64_t *wanted, uint32_t own, uint32_t resumed)
{
    const int64_t asked = (int64_t)(*wanted < own ? *wanted : own);
    if (*wanted != 0 && !is_as_resumed(up, name, asked, resumed)) {
        return false;
    }
    *wanted = resumed;
    return true;
}

static bool take_options(struct up *up)
{
    const muster_game *game = up->module.game;
    for (uint32_t i = 0; i < game->option_count; i++) {
        char flag[MUSTER_NAME_BYTES + 2];
        (void)snprintf(flag, sizeof flag, "--%s", game->options[i].name);
        if (is_chosen(up, game->options[i].name) &&
            !is_as_resumed(up, flag, up->options[i], up->world.options[i])) {
            return false;
        }
        up->options[i] = up->world.options[i];
    }
    return true;
}

// Seed, limits and options are the world's, so a resumed one keeps its own.
static enum exit_code take_world(struct up *up)
{
    struct settings *settings = &up->settings;
    const muster_game_limits *own = &up->module.game->limits;
    const bool is_same_seed =
        settings->game.seed == 0 ||
        is_as_resumed(up, "game.seed", (int64_t)settings->game.seed, (int64_t)up->world.seed);
    if (!is_same_seed || !take_options(up) ||
        !take_limit(up, "limits.players", &settings->limits.players, own->player_count_max,
            up->world.limits.player_count_max) ||
        !take_limit(up, "limits.entities", &settings->limits.entities, own->entity_count_max,
            up->world.limits.entity_count_max)) {
        return EXIT_CODE_USAGE;
    }
    up->seed = up->world.seed;
    fprintf(up->invocation->err, "muster: resumed at tick %llu, lost at most %llu ticks\n",
        (unsigned long long)up->world.tick, (unsigned long long)up->world.lost_ticks_max);
    return EXIT_CODE_DONE;
}

static enum exit_code load_world(struct up *up)
{
    const struct settings *settings = &up->settings;
    struct driver_error error = {0};
    if (settings->state.directory[0] == '\0') {
        return EXIT_CODE_DONE;
    }
    muster_status status = state_folder_open(
        settings->state.directory, settings->state.snapshot_interval_us, &up->folder, &error);
    if (status == MUSTER_OK) {
        status = state_folder_load(up->folder, up->module.game, &up->world, &error);
    }
    if (status != MUSTER_OK) {
        return explain_folder(up, status, &error);
    }
    return up->world.snapshot != NULL ? take_world(up) : EXIT_CODE_DONE;
}

// Tokens are good for one run: a server that starts again knows nothing of those that were used,
// and would repeat the numbers that keep packets secret.
static void renew_private_key(struct up *up)
{
    uint8_t random_bytes[SECRET_BYTES];
    uint8_t key[SECRET_BYTES];
    clock_random_bytes(random_bytes, sizeof random_bytes);
    (void)crypto_generichash(key, sizeof key, random_bytes, sizeof random_bytes,
        up->secrets.private_key, sizeof up->secrets.private_key);
    memcpy(up->secrets.private_key, key, sizeof key);
    sodium_memzero(key, sizeof key);
}

static void install_crash_report(struct up *up)
{
    (void)snprintf(up->facts.folder, sizeof up->facts.folder, ".");
    (void)snprintf(up->facts.version, sizeof up->facts.version, "%s", muster_version());
    (void)snprintf(up->facts.command, sizeof up->facts.command, "%s", up->invocation->path);
    (void)snprintf(up->facts.log_path, sizeof up->facts.log_path, "%s", up->settings.record.file);
    (void)snprintf(up->facts.game, sizeof up->facts.game, "%s", module_path(up->module.module));
    up->facts.seed = up->seed;
    crash_install(&up->facts);
}

static const char *path_or_null(const char *path)
{
    return path[0] != '\0' ? path : NULL;
}

static enum exit_code explain_start(
    const struct up *up, muster_status status, const struct driver_error *error)
{
    if (error->code == EEXIST) {
        fprintf(up->invocation->err, "muster: %s; choose another name or remove it\n", error->text);
        return EXIT_CODE_USAGE;
    }
    if (error->code == EADDRINUSE) {
        fprintf(up->invocation->err,
            "muster: %s; `muster doctor` says who has it and how to take another\n", error->text);
        return EXIT_CODE_MISSING;
    }
    return up_complain(
        up, error->text, status == MUSTER_ERR_INVALID ? EXIT_CODE_USAGE : EXIT_CODE_FAILED);
}

static enum exit_code start_server(struct up *up)
{
    struct driver_error error = {0};
    struct http_certificate *certificate;
    const enum exit_code code = up_load_tls(up, &certificate);
    if (code != EXIT_CODE_DONE) {
        return code;
    }
    const struct server_process_def process_def = {
        .game = up->module.game,
        .settings = &up->settings,
        .private_key = up->secrets.private_key,
        .seed = up->seed,
        .options = up->options,
        .log_paths = {[SERVER_LOG_RECORD] = path_or_null(up->settings.record.file),
            [SERVER_LOG_STATE] = up->folder != NULL ? state_folder_next_path(up->folder) : NULL},
        .snapshot = up->world.snapshot,
        .snapshot_length = up->world.snapshot_length,
        .tick = &up->facts.tick,
    };
    muster_status status = journal_create(&up->settings, &up->journal, &error);
    if (status == MUSTER_OK) {
        status = server_process_start(&process_def, &up->process, &error);
    }
    if (status == MUSTER_OK) {
        const struct server_web_def web_def = {
            .process = up->process,
            .journal = up->journal,
            .settings = &up->settings,
            .secrets = &up->secrets,
            .game = up->module.game,
            .version = muster_version(),
            .certificate = certificate,
        };
        status = server_web_start(&web_def, &up->web, &error);
    }
    http_certificate_destroy(certificate);
    return status == MUSTER_OK ? EXIT_CODE_DONE : explain_start(up, status, &error);
}

// Running.

static bool is_over(struct up *up)
{
    const uint64_t for_us = flag_number(up->invocation, "for");
    const bool has_bots = flag_number(up->invocation, "bots") > 0;
    if (up_is_top_over(up)) {
        return true;
    }
    if (has_bots) {
        return up->bots_pid == 0;
    }
    return for_us > 0 && clock_monotonic_us() - up->started_us >= for_us;
}

// The world goes on without its log; people must know.
static void watch_logs(struct up *up)
{
    static const char *const names[SERVER_LOG_COUNT] = {"record", "state"};
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        const struct recorder *recorder =
            server_recorder(server_process_server(up->process), (enum server_log)i);
        const int failure = recorder != NULL ? recorder_failure(recorder) : 0;
        if (failure != 0 && failure != up->log_failures[i]) {
            log_write(&up->log, LOG_ERROR, "the frame log ends early",
                LOG_FIELDS(log_text("log", names[i]),
                    log_text(
                        "reason", failure == EAGAIN ? "the disk is too slow" : strerror(failure))));
        }
        up->log_failures[i] = failure;
    }
}

static void collect(struct up *up)
{
    if (journal_collect(up->journal, server_process_server(up->process), clock_unix_us() / 1000)) {
        server_web_wake(up->web);
    }
    const bool has_failed = journal_has_failed(up->journal);
    if (has_failed && !up->has_audit_failed) {
        log_write(&up->log, LOG_ERROR, "the audit log cannot be written",
            LOG_FIELDS(log_text("file", up->settings.audit.file)));
    }
    up->has_audit_failed = has_failed;
}

// Bots that come in are more work than bots that play, and are not what figures are asked about.
static void watch_bots_join(struct up *up)
{
    muster_stats *stats = server_stats(server_process_server(up->process));
    const int64_t joined =
        muster_stats_read(stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_JOINED);
    const int64_t wanted = (int64_t)flag_number(up->invocation, "bots");
    if (!up->has_all && wanted > 0 && joined >= wanted) {
        up->has_all = true;
        up_begin_figures(up);
    }
}

static void run_until_over(struct up *up)
{
    while (!is_over(up) && up->signals.stop_count == 0) {
        struct pollfd files[2] = {
            {.fd = up->signals.file, .events = POLLIN},
            {.fd = up->bots_file, .events = POLLIN},
        };
        (void)poll(files, 2, POLL_MS);
        (void)signals_read(&up->signals);
        server_web_count(up->web, server_stats(server_process_server(up->process)));
        if (up->bots_file >= 0 && files[1].revents != 0) {
            up_end_figures(up); // they print theirs before they go
            up_read_bots(up);
        }
        watch_logs(up);
        watch_bots_join(up);
        collect(up);
        up_tend_tls(up);
        if (up->folder != NULL) {
            state_folder_tend(up->folder,
                server_recorder(server_process_server(up->process), SERVER_LOG_STATE),
                clock_monotonic_us());
        }
    }
}

// @return false after a second signal
static bool drain(struct up *up)
{
    const uint64_t begin_us = clock_monotonic_us();
    server_web_drain(up->web);
    server_process_drain(up->process);
    while (
        !server_process_is_stopped(up->process) && clock_monotonic_us() - begin_us < STOP_US_MAX) {
        struct pollfd file = {.fd = up->signals.file, .events = POLLIN};
        (void)poll(&file, 1, POLL_MS);
        collect(up);
        if (signals_read(&up->signals) > 1) {
            return false;
        }
    }
    collect(up);
    return true;
}

static enum exit_code finish(struct up *up)
{
    const struct server_summary summary = server_read_summary(server_process_server(up->process));
    log_write(&up->log, LOG_INFO, "stopped",
        LOG_FIELDS(log_number("tick", (int64_t)summary.tick),
            log_number("missed_ticks", (int64_t)summary.missed_ticks)));
    return up_print_report(up);
}

static enum exit_code play(struct up *up)
{
    up->started_us = clock_monotonic_us();
    if (up_create_figures(up) != MUSTER_OK) {
        return up_complain(up, "no memory", EXIT_CODE_FAILED);
    }
    up_begin_figures(up);
    up_say_where(up);
    enum exit_code code = up_start_top(up);
    if (code == EXIT_CODE_DONE) {
        code = up_start_bots(up);
    }
    if (code == EXIT_CODE_DONE) {
        run_until_over(up);
        up_end_figures(up);
    }
    up_stop_top(up);
    up_stop_bots(up);
    if (!drain(up)) {
        return up->signals.last_signal == SIGTERM ? EXIT_CODE_TERMINATED : EXIT_CODE_INTERRUPTED;
    }
    return code == EXIT_CODE_DONE ? finish(up) : code;
}

// The mark that the world ended as it should stands only behind its last frame.
static void end_process(struct up *up)
{
    if (up->process == NULL) {
        return;
    }
    const struct recorder *recorder =
        server_recorder(server_process_server(up->process), SERVER_LOG_STATE);
    const bool is_whole = recorder != NULL && recorder_failure(recorder) == 0 &&
                          server_process_is_stopped(up->process);
    const uint64_t tick = server_read_summary(server_process_server(up->process)).tick;
    server_process_stop(up->process);
    if (is_whole) {
        state_folder_mark_stopped(up->folder, tick);
    }
}

static enum exit_code prepare_and_play(struct up *up)
{
    enum exit_code code = load_secrets(up);
    if (code == EXIT_CODE_DONE) {
        code = load_game(up);
    }
    if (code != EXIT_CODE_DONE) {
        return code;
    }
    if (!choose_options(up)) {
        return EXIT_CODE_USAGE;
    }
    code = load_world(up);
    if (code != EXIT_CODE_DONE) {
        return code;
    }
    choose_seed(up);
    renew_private_key(up);
    install_crash_report(up);
    code = start_server(up);
    if (code == EXIT_CODE_DONE) {
        code = play(up);
    }
    server_web_stop(up->web);
    end_process(up);
    journal_destroy(up->journal);
    up_destroy_figures(up);
    crash_remove();
    return code;
}

// The log of a run with a live view waits until the terminal is free again.
static void show_kept(FILE *kept, FILE *err)
{
    if (kept == NULL) {
        return;
    }
    char bytes[4096];
    rewind(kept);
    for (size_t count = 1; count > 0;) {
        count = fread(bytes, 1, sizeof bytes, kept);
        (void)fwrite(bytes, 1, count, err);
    }
    fclose(kept);
}

static enum exit_code run(const struct invocation *invocation)
{
    struct up up = {
        .invocation = invocation,
        .settings = invocation->configuration.settings,
        .bots_file = -1,
    };
    struct log_def log_def = command_log_def(invocation);
    struct driver_error error = {0};
    if (signals_open(&up.signals, &error) != MUSTER_OK) {
        return up_complain(&up, error.text, EXIT_CODE_FAILED);
    }
    up.has_top = flag_is_true(invocation, "top") && terminal_is_lively(invocation->out);
    FILE *kept = up.has_top ? tmpfile() : NULL;
    if (kept != NULL) {
        log_def.descriptor = fileno(kept);
    }
    log_open(&up.log, &log_def);
    const enum exit_code code = prepare_and_play(&up);
    log_close(&up.log);
    show_kept(kept, invocation->err);
    if (up.module.module != NULL) {
        game_module_close(&up.module);
    }
    state_world_free(&up.world);
    state_folder_close(up.folder);
    secrets_finish(&up.secrets);
    signals_close(&up.signals);
    return code;
}

static const struct example examples[] = {
    {"muster up", "The world of the configured game, until a signal."},
    {"muster up --game hello --bots 100", "Another game, with bots."},
    {"muster up --bots 1000 --for 60s --json", "For a minute; figures as one document."},
    {"muster up --record run.frames", "With a frame log for `muster replay`."},
    {"muster up --state world", "A world that goes on after a restart."},
    {0},
};

static const struct flag flags[] = {
    {.name = "game", .placeholder = "NAME", .setting = "game.name"},
    {.name = "seed", .placeholder = "N", .setting = "game.seed"},
    {.name = "workers", .placeholder = "N", .setting = "game.workers"},
    {.name = "bots",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .max = 4096},
        .fallback = "0",
        .help = "Bots that play along, in a process of their own."},
    {.name = "bodies",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .max = 65536},
        .help = "Loose bodies in the world, where the game has them."},
    {.name = "scene",
        .placeholder = "NAME",
        .rule = {.kind = VALUE_CHOICE, .choices = scenes},
        .help = "mixed, battle or spread: where players begin."},
    {.name = "for",
        .placeholder = "TIME",
        .rule = {.kind = VALUE_DURATION, .min = 1000},
        .help = "How long, counted from when the bots have joined."},
    {.name = "state", .placeholder = "DIR", .setting = "state.directory"},
    {.name = "record", .placeholder = "FILE", .setting = "record.file"},
    {.name = "top",
        .rule = {.kind = VALUE_BOOL},
        .help = "Show the live view, in a terminal; q ends the world."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "End with one JSON document."},
    {0},
};

const struct command command_up = {
    .name = "up",
    .summary = "Run a world on this machine.",
    .examples = examples,
    .flags = flags,
    .uses_settings = true,
    .run = run,
};
