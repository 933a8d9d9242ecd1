// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Every setting of the program, typed, and where each value came from: built-in default, then
/// file, then environment, then flag, each over the one before.
///
///     struct configuration configuration;
///     configuration_init(&configuration);
///     settings_read_file(&configuration, "arena.yaml", &problem);      // settings_yaml.h
///     settings_read_environment(&configuration, environ, &problem);
///     use(configuration.settings.game.workers);
///
/// A setting is one row of the table in settings.c; the file format, the environment names
/// (`game.seed` is MUSTER_GAME_SEED), `config init`, `config show` and the flags follow from it.
///
/// Memory: none of its own; a configuration is about 20 KiB. Threads: one owner.

#include "apps/muster/value.h"

#include "muster/base.h"

/// Room for a path or text in the settings, its final zero included.
#define SETTING_TEXT_CAPACITY (VALUE_TEXT_BYTES_MAX + 1)

/// Room for an address in the settings, its final zero included.
#define SETTING_ADDRESS_CAPACITY 46

/// Room for a setting's dotted name or environment variable, its final zero included.
#define SETTING_NAME_CAPACITY 64

/// The most rows that the table may have.
#define SETTING_COUNT_MAX 128u

enum setting_secrets { SETTING_SECRETS_OWN, SETTING_SECRETS_DEVELOPMENT };
enum setting_log_level {
    SETTING_LOG_DEBUG,
    SETTING_LOG_INFO,
    SETTING_LOG_WARN,
    SETTING_LOG_ERROR,
};
enum setting_log_format { SETTING_LOG_AUTO, SETTING_LOG_TEXT, SETTING_LOG_JSON };

/// The values. Each field's meaning, range and default stand in its row in settings.c; choices
/// hold the positions that the enums above name.
struct settings {
    struct {
        char name[SETTING_TEXT_CAPACITY];
        uint64_t seed;
        uint64_t workers;
    } game;
    struct {
        uint64_t players;
        uint64_t entities;
    } limits;
    struct {
        char bind[SETTING_ADDRESS_CAPACITY];
        uint64_t udp_port;
        uint64_t http_port;
        char host[SETTING_TEXT_CAPACITY];
        char admin_bind[SETTING_ADDRESS_CAPACITY];
        uint64_t admin_port;
        char admin_host[SETTING_TEXT_CAPACITY];
        uint64_t websocket_players;
        uint64_t receive_buffer_bytes;
        uint64_t send_buffer_bytes;
    } network;
    struct {
        bool guests;
        char origins[SETTING_TEXT_CAPACITY];
        bool admin_authentication;
        uint64_t secrets; // enum setting_secrets
        char secrets_file[SETTING_TEXT_CAPACITY];
        uint64_t token_lifetime_us;
        uint64_t connection_timeout_us;
        uint64_t resume_window_us;
        uint64_t address_requests_per_second;
        uint64_t session_packets_per_second;
        uint64_t session_traffic_bytes;
        uint64_t session_malformed_records;
    } gateway;
    struct {
        uint64_t critical_rate_hz;
        uint64_t critical_radius_m;
        uint64_t detailed_rate_hz;
        uint64_t detailed_radius_m;
        uint64_t cosmetic_rate_hz;
        uint64_t cosmetic_radius_m;
        uint64_t metadata_rate_hz;
        uint64_t metadata_radius_m;
        uint64_t client_budget_bytes;
    } replication;
    struct {
        char certificate[SETTING_TEXT_CAPACITY];
        char key[SETTING_TEXT_CAPACITY];
        bool self_signed;
        bool admin;
        uint64_t plain_port;
    } tls;
    struct {
        char file[SETTING_TEXT_CAPACITY];
    } record;
    struct {
        char directory[SETTING_TEXT_CAPACITY];
        uint64_t snapshot_interval_us;
    } state;
    struct {
        char file[SETTING_TEXT_CAPACITY];
        uint64_t rotate_bytes;
        uint64_t keep;
    } audit;
    struct {
        uint64_t level;  // enum setting_log_level
        uint64_t format; // enum setting_log_format
    } log;
};

/// One row of the table.
struct setting {
    const char *section;
    const char *key;
    struct value_rule rule;
    const char *fallback; // the default, as it is written in a file
    const char *help;     // one line, at most 70 columns
    size_t offset;        // of the field in struct settings
};

/// The row at `index` in the order of the file, NULL behind the last one.
const struct setting *setting_at(uint32_t index);

/// What a section is about, one line; NULL for a section that does not exist.
const char *setting_section_help(const char *section);

/// Finds the row of `section` and `key`. False, with `*out_index` 0, when there is none.
bool setting_find(const char *section, const char *key, uint32_t *out_index);

/// Finds the row of a dotted name such as "game.seed". On failure `problem` says so, with the
/// nearest name.
MUSTER_NODISCARD muster_status setting_find_dotted(
    const char *name, uint32_t *out_index, struct problem *problem);

/// The environment variable of a row: MUSTER_GAME_SEED.
void setting_environment_name(const struct setting *setting, struct text *text);

/// Where a value came from.
enum setting_source {
    SETTING_FROM_DEFAULT,
    SETTING_FROM_FILE,
    SETTING_FROM_ENVIRONMENT,
    SETTING_FROM_FLAG,
};

struct setting_origin {
    enum setting_source source;
    uint32_t line;    // of SETTING_FROM_FILE, from 1
    const char *flag; // of SETTING_FROM_FLAG: its name without dashes, static
};

/// Values and their origins, by row.
struct configuration {
    struct settings settings;
    struct setting_origin origins[SETTING_COUNT_MAX];
    char path[SETTING_TEXT_CAPACITY]; // of the file that was read; empty without one
};

/// All defaults.
void configuration_init(struct configuration *configuration);

/// Sets the row at `index` from `text`. MUSTER_ERR_INVALID, changing nothing, when its rule
/// refuses the text; the caller words the problem by value_complain().
MUSTER_NODISCARD muster_status configuration_set(struct configuration *configuration,
    uint32_t index,
    const char *text,
    struct setting_origin origin);

/// Sets what `text`, "game.seed=7", says, as a flag `--set` does. MUSTER_ERR_INVALID with the
/// problem otherwise.
MUSTER_NODISCARD muster_status configuration_assign(
    struct configuration *configuration, const char *text, struct problem *problem);

/// Sets every row whose variable stands in `environment`, which ends with NULL and is laid out as
/// `environ`. MUSTER_ERR_INVALID with the problem at the first wrong value. A variable that no row
/// has is no error, because orchestrators set MUSTER_PORT and the like for their own reasons.
MUSTER_NODISCARD muster_status settings_read_environment(
    struct configuration *configuration, char *const *environment, struct problem *problem);

/// Appends the value of the row at `index`, as a file would hold it but without quotes.
void configuration_print_value(
    const struct configuration *configuration, uint32_t index, struct text *text);

/// Appends where the row's value came from: "default", "arena.yaml:12", "MUSTER_GAME_SEED" or
/// "--seed".
void configuration_print_origin(
    const struct configuration *configuration, uint32_t index, struct text *text);
