// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/settings.h"

#include "core/assert.h"

#include <ctype.h>
#include <string.h>

// The one table that the file format, the environment, `config` and many flags follow from. The
// kind of a row and the type of its field are checked against each other by FIELD.

#define MEMBER(section, field) (((struct settings *)NULL)->section.field)
#define FIELD(section, field, type)                                                                \
    (offsetof(struct settings, section.field) +                                                    \
        0 * sizeof(char[sizeof MEMBER(section, field) == sizeof(type) ? 1 : -1]))

#define SWITCH(in, field, initial, about)                                                          \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_BOOL}, .fallback = initial,          \
        .help = about, .offset = FIELD(in, field, bool)                                            \
    }
#define NUMBER(in, field, least, most, initial, about)                                             \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_INTEGER, .min = least, .max = most}, \
        .fallback = initial, .help = about, .offset = FIELD(in, field, uint64_t)                   \
    }
#define DURATION(in, field, least_ms, most_ms, initial, about)                                     \
    {                                                                                              \
        .section = #in, .key = #field,                                                             \
        .rule = {.kind = VALUE_DURATION, .min = (least_ms)*MS, .max = (most_ms)*MS},               \
        .fallback = initial, .help = about, .offset = FIELD(in, field##_us, uint64_t)              \
    }
#define SIZE(in, field, least, most, initial, about)                                               \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_BYTES, .min = least, .max = most},   \
        .fallback = initial, .help = about, .offset = FIELD(in, field##_bytes, uint64_t)           \
    }
#define CHOICE(in, field, words, initial, about)                                                   \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_CHOICE, .choices = words},           \
        .fallback = initial, .help = about, .offset = FIELD(in, field, uint64_t)                   \
    }
#define TEXT(in, field, initial, about)                                                            \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_TEXT, .min = 1, .max = 31},          \
        .fallback = initial, .help = about,                                                        \
        .offset = FIELD(in, field, char[SETTING_TEXT_CAPACITY])                                    \
    }
#define PATH(in, field, initial, about)                                                            \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_PATH}, .fallback = initial,          \
        .help = about, .offset = FIELD(in, field, char[SETTING_TEXT_CAPACITY])                     \
    }
#define ADDRESS(in, field, initial, about)                                                         \
    {                                                                                              \
        .section = #in, .key = #field,                                                             \
        .rule = {.kind = VALUE_ADDRESS, .min = 2, .max = SETTING_ADDRESS_CAPACITY - 1},            \
        .fallback = initial, .help = about,                                                        \
        .offset = FIELD(in, field, char[SETTING_ADDRESS_CAPACITY])                                 \
    }

#define HOST(in, field, about)                                                                     \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_TEXT, .max = 253}, .fallback = "",   \
        .help = about, .offset = FIELD(in, field, char[SETTING_TEXT_CAPACITY])                     \
    }

#define TEXTS(in, field, about)                                                                    \
    {                                                                                              \
        .section = #in, .key = #field, .rule = {.kind = VALUE_TEXT}, .fallback = "",               \
        .help = about, .offset = FIELD(in, field, char[SETTING_TEXT_CAPACITY])                     \
    }

#define MS  UINT64_C(1000)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const char *const secrets_words[] = {"own", "development", NULL};
static const char *const level_words[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_words[] = {"auto", "text", "json", NULL};

// clang-format off
static const struct setting table[] = {
    TEXT(game, name, "skirmish", "Which game module runs."),
    NUMBER(game, seed, 0, 0, "0", "Decides all chance in the world; 0 picks one at start."),
    NUMBER(game, workers, 0, 64, "0", "Threads that step worlds; 0: one for each core but one."),

    NUMBER(limits, players, 0, 4096, "0", "Players at once; 0 takes the game's own."),
    NUMBER(limits, entities, 0, 65536, "0", "Entities at once; 0 takes the game's own."),

    ADDRESS(network, bind, "127.0.0.1", "Where players reach the server."),
    NUMBER(network, udp_port, 1, 65535, "7777", "UDP port of players."),
    NUMBER(network, http_port, 1, 65535, "7777", "TCP port of the public HTTP side."),
    HOST(network, host, "Name by which players reach it, beside its addresses; empty: none."),
    ADDRESS(network, admin_bind, "127.0.0.1", "Where operators reach the server."),
    NUMBER(network, admin_port, 1, 65535, "7770", "TCP port of the admin HTTP side."),
    HOST(network, admin_host, "Name by which operators reach it; empty: none."),
    NUMBER(network, websocket_players, 0, 4096, "0",
        "Players by WebSocket at once; 0: as many as players."),
    SIZE(network, receive_buffer, 64 * KIB, 256 * MIB, "4MiB", "Receive buffer of a socket."),
    SIZE(network, send_buffer, 64 * KIB, 256 * MIB, "4MiB", "Send buffer of a socket."),

    SWITCH(gateway, guests, "true", "Let players in without an API key; for development."),
    TEXTS(gateway, origins, "Pages of other hosts that may connect: https://a.org, https://b.org."),
    SWITCH(gateway, admin_authentication, "false", "Ask operators for the admin key."),
    CHOICE(gateway, secrets, secrets_words, "own",
        "Own keys, or the published ones for development."),
    PATH(gateway, secrets_file, "", "The own keys; empty: in the user's state folder."),
    DURATION(gateway, token_lifetime, 1000, 3600000, "30s", "How long a connect token is valid."),
    DURATION(gateway, connection_timeout, 1000, 60000, "5s", "Silence that ends a connection."),
    DURATION(gateway, resume_window, 0, 600000, "30s", "How long a lost player stays."),
    NUMBER(gateway, address_requests_per_second, 1, 100000, "500",
        "Requests to connect from one address."),
    NUMBER(gateway, session_packets_per_second, 1, 10000, "300", "Packets from one session."),
    SIZE(gateway, session_traffic, 1200, GIB, "64KiB", "Bytes from one session in a second."),
    NUMBER(gateway, session_malformed_records, 1, 10000, "32",
        "Malformed records that end a session."),

    NUMBER(replication, critical_rate_hz, 1, 240, "60", "Position and health: updates a second."),
    NUMBER(replication, critical_radius_m, 1, 100000, "50", "Position and health: metres far."),
    NUMBER(replication, detailed_rate_hz, 1, 240, "30", "Velocity and rotation: updates a second."),
    NUMBER(replication, detailed_radius_m, 1, 100000, "150",
        "Velocity and rotation: metres far."),
    NUMBER(replication, cosmetic_rate_hz, 1, 240, "15", "Looks: updates a second."),
    NUMBER(replication, cosmetic_radius_m, 1, 100000, "300", "Looks: metres far."),
    NUMBER(replication, metadata_rate_hz, 1, 240, "5", "Names and scores: updates a second."),
    NUMBER(replication, metadata_radius_m, 1, 100000, "1000", "Names and scores: metres far."),
    SIZE(replication, client_budget, KIB, GIB, "125kB", "Bytes to one client in a second."),

    PATH(tls, certificate, "", "Certificate and chain, PEM; read again when it changes."),
    PATH(tls, key, "", "The certificate's key, PEM, without a password."),
    SWITCH(tls, self_signed, "false", "Make a certificate at start; for development."),
    SWITCH(tls, admin, "true", "Where there is TLS: also on the admin side."),
    NUMBER(tls, plain_port, 0, 65535, "0",
        "Both sides without TLS on 127.0.0.1, for bots and top; 0: none."),

    PATH(record, file, "", "Write the frame log for `muster replay`; empty: none."),

    PATH(state, directory, "", "Keep the world over restarts; empty: it ends with the run."),
    DURATION(state, snapshot_interval, 1000, 3600000, "10s", "Time between two snapshots."),

    PATH(audit, file, "", "Joins, leaves, refusals and kicks, a JSON line each; empty: none."),
    SIZE(audit, rotate, 64 * KIB, 16 * GIB, "64MiB", "Begin another file at this size."),
    NUMBER(audit, keep, 1, 1000, "8", "Audit files kept, the current one included."),

    CHOICE(log, level, level_words, "info", "The least important line that is written."),
    CHOICE(log, format, format_words, "auto", "auto: text on a terminal, else JSON lines."),
};
// clang-format on

static const struct {
    const char *name;
    const char *help;
} sections[] = {
    {"game", "What is played."},
    {"limits", "Sizes that memory is taken for at start; beyond them is refused."},
    {"network", "Where the server listens."},
    {"gateway", "Who may come in, and how much each may send."},
    {"replication", "What a client is told, how often, and from how far."},
    {"tls", "HTTPS on both sides, TLS 1.3; without a certificate there is none."},
    {"record", "The frame log, from which a run can be replayed."},
    {"state", "What a restart resumes from."},
    {"audit", "Who came, who left, who was refused."},
    {"log", "What the program says on standard error."},
};

#define ROW_COUNT     (sizeof table / sizeof table[0])
#define SECTION_COUNT (sizeof sections / sizeof sections[0])

_Static_assert(ROW_COUNT <= SETTING_COUNT_MAX, "origins must cover every row");

const struct setting *setting_at(uint32_t index)
{
    return index < ROW_COUNT ? &table[index] : NULL;
}

const char *setting_section_help(const char *section)
{
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        if (strcmp(sections[i].name, section) == 0) {
            return sections[i].help;
        }
    }
    return NULL;
}

bool setting_find(const char *section, const char *key, uint32_t *out_index)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0) {
            *out_index = i;
            return true;
        }
    }
    *out_index = 0;
    return false;
}

static void print_dotted(const struct setting *setting, struct text *text)
{
    text_format(text, "%s.%s", setting->section, setting->key);
}

muster_status setting_find_dotted(const char *name, uint32_t *out_index, struct problem *problem)
{
    struct nearest nearest = nearest_begin(name);
    char dotted[ROW_COUNT][SETTING_NAME_CAPACITY];
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        struct text text = text_in(dotted[i], sizeof dotted[i]);
        print_dotted(&table[i], &text);
        MUSTER_ASSERT(!text.is_cut);
        if (strcmp(dotted[i], name) == 0) {
            *out_index = i;
            return MUSTER_OK;
        }
        nearest_offer(&nearest, dotted[i]);
    }
    *out_index = 0;
    struct text text = text_in(problem->text, sizeof problem->text);
    text_append(&text, "unknown setting ");
    text_quote(&text, name, strlen(name));
    nearest_append(&nearest, &text);
    return MUSTER_ERR_NOT_FOUND;
}

void setting_environment_name(const struct setting *setting, struct text *text)
{
    text_append(text, "MUSTER_");
    const size_t start = text->length;
    text_format(text, "%s_%s", setting->section, setting->key);
    for (size_t i = start; i < text->length; i++) {
        text->bytes[i] = (char)toupper((unsigned char)text->bytes[i]);
    }
}

// Values in their fields.

static void store(
    const struct setting *setting, const struct value *value, struct settings *settings)
{
    char *field = (char *)settings + setting->offset;
    const bool is_true = value->number != 0;
    switch (setting->rule.kind) {
    case VALUE_BOOL:
        memcpy(field, &is_true, sizeof is_true);
        break;
    case VALUE_INTEGER:
    case VALUE_DURATION:
    case VALUE_BYTES:
    case VALUE_CHOICE:
        memcpy(field, &value->number, sizeof value->number);
        break;
    case VALUE_TEXT:
    case VALUE_PATH:
    case VALUE_ADDRESS:
        // The rule's max is below the field's capacity.
        memcpy(field, value->text, strlen(value->text) + 1);
        break;
    }
}

static struct value load(const struct setting *setting, const struct settings *settings)
{
    const char *field = (const char *)settings + setting->offset;
    struct value value = {.text = field};
    bool is_true = false;
    switch (setting->rule.kind) {
    case VALUE_BOOL:
        memcpy(&is_true, field, sizeof is_true);
        value.number = is_true ? 1 : 0;
        break;
    case VALUE_INTEGER:
    case VALUE_DURATION:
    case VALUE_BYTES:
    case VALUE_CHOICE:
        memcpy(&value.number, field, sizeof value.number);
        break;
    case VALUE_TEXT:
    case VALUE_PATH:
    case VALUE_ADDRESS:
        break;
    }
    return value;
}

muster_status configuration_set(struct configuration *configuration,
    uint32_t index,
    const char *text,
    struct setting_origin origin)
{
    MUSTER_ASSERT(index < ROW_COUNT);
    struct value value;
    if (!value_read(&table[index].rule, text, &value)) {
        return MUSTER_ERR_INVALID;
    }
    store(&table[index], &value, &configuration->settings);
    configuration->origins[index] = origin;
    return MUSTER_OK;
}

void configuration_init(struct configuration *configuration)
{
    memset(configuration, 0, sizeof *configuration);
    const struct setting_origin origin = {.source = SETTING_FROM_DEFAULT};
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        const muster_status status = configuration_set(configuration, i, table[i].fallback, origin);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
}

muster_status configuration_assign(
    struct configuration *configuration, const char *text, struct problem *problem)
{
    char name[SETTING_NAME_CAPACITY];
    struct text name_text = text_in(name, sizeof name);
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        struct text message = text_in(problem->text, sizeof problem->text);
        text_append(&message, "--set is ");
        text_quote(&message, text, strlen(text));
        text_append(&message, ", expected KEY=VALUE, such as game.seed=7");
        return MUSTER_ERR_INVALID;
    }
    text_append_bytes(&name_text, text, (size_t)(equals - text));
    uint32_t index = 0;
    if (setting_find_dotted(name, &index, problem) != MUSTER_OK) {
        return MUSTER_ERR_INVALID;
    }
    const struct setting_origin origin = {.source = SETTING_FROM_FLAG, .flag = "set"};
    if (configuration_set(configuration, index, equals + 1, origin) == MUSTER_OK) {
        return MUSTER_OK;
    }
    struct text message = text_in(problem->text, sizeof problem->text);
    text_format(&message, "--set: %s is ", name);
    value_complain(&table[index].rule, equals + 1, &message);
    return MUSTER_ERR_INVALID;
}

muster_status settings_read_environment(
    struct configuration *configuration, char *const *environment, struct problem *problem)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        char name[SETTING_NAME_CAPACITY];
        struct text text = text_in(name, sizeof name);
        setting_environment_name(&table[i], &text);
        for (char *const *variable = environment; *variable != NULL; variable++) {
            if (strncmp(*variable, name, text.length) != 0 || (*variable)[text.length] != '=') {
                continue;
            }
            const char *found = *variable + text.length + 1;
            const struct setting_origin origin = {.source = SETTING_FROM_ENVIRONMENT};
            if (configuration_set(configuration, i, found, origin) != MUSTER_OK) {
                struct text message = text_in(problem->text, sizeof problem->text);
                text_format(&message, "%s is ", name);
                value_complain(&table[i].rule, found, &message);
                return MUSTER_ERR_INVALID;
            }
        }
    }
    return MUSTER_OK;
}

void configuration_print_value(
    const struct configuration *configuration, uint32_t index, struct text *text)
{
    MUSTER_ASSERT(index < ROW_COUNT);
    const struct value value = load(&table[index], &configuration->settings);
    value_print(&table[index].rule, &value, text);
}

void configuration_print_origin(
    const struct configuration *configuration, uint32_t index, struct text *text)
{
    MUSTER_ASSERT(index < ROW_COUNT);
    const struct setting_origin *origin = &configuration->origins[index];
    switch (origin->source) {
    case SETTING_FROM_DEFAULT:
        text_append(text, "default");
        break;
    case SETTING_FROM_FILE:
        text_format(text, "%s:%u", configuration->path, origin->line);
        break;
    case SETTING_FROM_ENVIRONMENT:
        setting_environment_name(&table[index], text);
        break;
    case SETTING_FROM_FLAG:
        text_format(text, "--%s", origin->flag);
        break;
    }
}
