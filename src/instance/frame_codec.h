// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The records of a frame, as docs/protocol/frame.md has them.

#include "instance/world.h"
#include "wire/record.h"

/// The version of the format, a frame's first byte.
#define FRAME_VERSION 1

/// Bytes of a frame before its records, at most: version, tick, count.
#define FRAME_HEADER_BYTES_MAX (1 + RECORD_VARINT_BYTES_MAX + 5)

/// The range of the time scale.
#define FRAME_PERMILLE_MIN 100
#define FRAME_PERMILLE_MAX 1000

/// What a record is, its first byte.
enum frame_type {
    FRAME_LEAVE = 1,
    FRAME_JOIN = 2,
    FRAME_TIME_SCALE = 3,
    FRAME_ACTION = 4,
    FRAME_MESSAGE = 5,
};

/// One record. Which fields count follows from its type.
struct frame_record {
    enum frame_type type;
    uint32_t player_index;
    uint32_t sequence;
    uint32_t index; // of the action or message
    uint32_t permille;
    uint32_t steps[MUSTER_PARAM_COUNT_MAX];
    const uint8_t *bytes; // of a message, in the frame
    uint32_t length;
    muster_player player; // id, and of a join the name, party and tier
};

/// Where a record stands in its frame. Compared field by field, in this order.
struct frame_key {
    uint32_t rank;  // leaves, joins, time scale, what players send
    uint64_t order; // a hash of seed, tick and player id
    uint64_t id[2];
    uint32_t type;
    uint32_t sequence;
};

/// The place of a type among others.
uint32_t frame_rank(enum frame_type type);

/// The hash that orders players in a tick.
uint64_t frame_order(uint64_t seed, uint64_t tick, const uint64_t player_id[2]);

/// Below zero if `left` comes first, zero if they are equal.
int frame_key_compare(const struct frame_key *left, const struct frame_key *right);

/// Writes a record, which must be in range; its action has `step_count` parameters.
void frame_write_record(
    struct record_writer *writer, const struct frame_record *record, uint32_t step_count);

/// Reads the header.
/// @return how many records follow, as the frame says
uint32_t frame_read_header(struct record_reader *reader, uint64_t *out_tick);

/// Reads a record, checked against the tables and limits of a game; latches an error.
void frame_read_record(struct record_reader *reader,
    const muster_game *game,
    const muster_game_limits *limits,
    struct frame_record *out_record);

/// Checks a whole frame against a world: the next tick, every record in range and in order, players
/// there or not as the records need. Changes scratch only.
bool frame_is_valid(muster_world *world, const uint8_t *frame, uint32_t length);
