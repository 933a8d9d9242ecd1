// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The formats of docs/protocol/play.md, for both ends.

#include "muster/game.h"
#include "wire/record.h"

#define PLAY_VERSION               1
#define PLAY_TOKEN_DATA_BYTES      256
#define PLAY_INPUT_COUNT_MAX       32
#define PLAY_NAME_BYTES            32 // of games, actions, parameters, messages; its zero included
#define PLAY_WELCOME_BYTES_MAX     16384
#define PLAY_UPDATE_HEAD_BYTES_MAX 16

/// Kinds of reliable messages.
enum play_message_kind {
    PLAY_MESSAGE_WELCOME = 1,
    PLAY_MESSAGE_CUSTOM = 2,
    PLAY_MESSAGE_RESUME = 3,
    PLAY_MESSAGE_REFRESH = 4,
    PLAY_MESSAGE_WELCOME_PART = 5,
};

/// The newest tick that a WELCOME may name: in microseconds it fits 64 bits at any tick rate.
#define PLAY_TICK_MAX (UINT64_C(1) << 40)

/// Bytes of each part of a long WELCOME: what a session takes before its peer has said anything.
#define PLAY_WELCOME_PART_BYTES 1152

/// Kinds of unreliable records.
enum play_record_kind {
    PLAY_RECORD_INPUT = 1,
    PLAY_RECORD_UPDATE = 2,
    PLAY_RECORD_CUSTOM = 3,
};

/// What a login says of a player, inside the connect token.
struct play_token_data {
    uint64_t player_id[2];
    uint64_t party_id;
    uint64_t issue;
    uint32_t tier;
    char name[MUSTER_PLAYER_NAME_BYTES];
};

void play_write_token_data(
    const struct play_token_data *data, uint8_t out_bytes[PLAY_TOKEN_DATA_BYTES]);

/// @return MUSTER_ERR_VERSION, MUSTER_ERR_MALFORMED
MUSTER_NODISCARD muster_status play_read_token_data(
    const uint8_t bytes[PLAY_TOKEN_DATA_BYTES], struct play_token_data *out_data);

/// The fixed part of a WELCOME.
struct play_welcome {
    uint64_t tick;
    uint32_t player_index;
    uint32_t rules_version;
    uint16_t tick_rate_hz;
    bool is_back;
    char game_name[PLAY_NAME_BYTES];
};

/// Writes a WELCOME with the game's tables and the replication schema.
void play_write_welcome(struct record_writer *writer,
    const struct play_welcome *welcome,
    const muster_game *game,
    const uint8_t *schema,
    size_t schema_length);

/// Where the tables of a WELCOME lie in its bytes.
struct play_tables {
    const uint8_t *bytes;
    size_t length;
    uint32_t action_count;
    uint32_t message_count;
    uint16_t action_offsets[MUSTER_ACTION_COUNT_MAX];
    uint16_t message_offsets[MUSTER_MESSAGE_COUNT_MAX];
    size_t schema_offset;
    size_t schema_length;
};

/// An action of a WELCOME's tables, copied out. `action.params` points to `params`.
struct play_action {
    char name[PLAY_NAME_BYTES];
    muster_param_def params[MUSTER_PARAM_COUNT_MAX];
    char param_names[MUSTER_PARAM_COUNT_MAX][PLAY_NAME_BYTES];
    uint32_t param_count;
    uint32_t rate_hz_max;
};

/// A message of a WELCOME's tables, copied out.
struct play_message {
    char name[PLAY_NAME_BYTES];
    uint32_t bytes_max;
    bool is_reliable;
    bool is_from_players;
};

/// Reads and checks a whole WELCOME, which must stay where it is as long as the tables are used.
/// @return MUSTER_ERR_VERSION, MUSTER_ERR_MALFORMED
MUSTER_NODISCARD muster_status play_read_welcome(const uint8_t *bytes,
    size_t length,
    struct play_welcome *out_welcome,
    struct play_tables *out_tables);

/// An action or message of tables that were read; the index must be below their count.
void play_action_at(
    const struct play_tables *tables, uint32_t action_index, struct play_action *out_action);
void play_message_at(
    const struct play_tables *tables, uint32_t message_index, struct play_message *out_message);

/// One action of an INPUT.
struct play_input {
    uint64_t tick;
    uint32_t sequence;
    uint32_t action_index;
    uint32_t step_count;
    uint32_t steps[MUSTER_PARAM_COUNT_MAX];
};

/// Writes an INPUT of actions with sequences in a row and ticks that do not go back.
/// @return how many were written: fewer than `count` when the writer is full
uint32_t play_write_inputs(struct record_writer *writer,
    uint64_t newest_tick,
    const struct play_input *inputs,
    uint32_t count);

/// Reads an INPUT against a game's tables.
/// @param out_inputs  room for PLAY_INPUT_COUNT_MAX
/// @return MUSTER_ERR_MALFORMED, also for an index or a step out of range
MUSTER_NODISCARD muster_status play_read_inputs(const uint8_t *bytes,
    size_t length,
    const muster_game *game,
    uint64_t *out_newest_tick,
    struct play_input *out_inputs,
    uint32_t *out_count);

/// The head of an UPDATE.
struct play_update {
    uint8_t epoch;
    uint16_t tick_low; // the low bits of the tick that the state is of
    uint32_t counted_sequence;
    uint32_t counted_age_ticks;
    int8_t margin_ticks;
};

void play_write_update(struct record_writer *writer, const struct play_update *update);

/// Leaves the reader at the state.
void play_read_update(struct record_reader *reader, struct play_update *out_update);
