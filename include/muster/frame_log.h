// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Frame logs: all that a world was given, so that it can be run again, and enough about what it
/// became to say where a second run first went another way.
///
/// A log is a header, then records: for each tick the frame, the hash of the world after it and
/// sums of what the tick changed; now and then a snapshot. Each record has its own checksum, so a
/// log that was cut anywhere is good up to its last whole record. docs/protocol/frame_log.md has
/// every byte and says how a difference is found.
///
///     muster_frame_log_begin(log, &bytes, &length);             // header and snapshot
///     muster_frame_log_add(log, frame, frame_length, &bytes, &length); // after each step
///
/// - Memory: one allocation at creation, a little more than the largest snapshot; none afterwards.
/// - Cost: adding a tick costs about twice as much as hashing what it changed, and 1 KB on disk
///   for 10,000 entities that all move.
/// - Threads: one at a time; never while the instance is stepped.

#include "muster/instance.h"

/// The version of the format.
#define MUSTER_FRAME_LOG_VERSION 1

/// Which world a log or snapshot is of. Only a world that is equal in all of it can go on from one.
typedef struct muster_world_identity {
    /// The game's name, rules version and tick rate.
    char game_name[MUSTER_NAME_BYTES];
    uint32_t rules_version;
    uint32_t tick_rate_hz;

    /// As in muster_instance_def.
    uint32_t instance_id;
    muster_game_limits limits;
    uint64_t seed;
    uint32_t option_count;
    int64_t options[MUSTER_OPTION_COUNT_MAX];

    /// Of names and types of the state's blocks.
    uint64_t layout_hash;

    /// Of terrain, boxes and settings of physics; 0 without physics.
    uint64_t static_hash;
} muster_world_identity;

/// Writes the log of one instance, as bytes for others to keep.
typedef struct muster_frame_log muster_frame_log;

/// What a log is made from. Start from muster_frame_log_default_def().
typedef struct muster_frame_log_def {
    /// The instance, which must outlive the log. No default.
    const muster_instance *instance;

    /// Ticks between two snapshots, at least 1. Default 600.
    uint32_t snapshot_period_ticks;

    /// The longest frame, in [1, 16 MiB]. Default 1 MiB.
    uint32_t frame_bytes_max;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_frame_log_def;

/// What a record is.
typedef enum muster_frame_log_type {
    MUSTER_FRAME_LOG_TICK = 1,
    MUSTER_FRAME_LOG_SNAPSHOT = 2,
} muster_frame_log_type;

/// One record, read in place.
typedef struct muster_frame_log_record {
    /// Which of the fields below are set follows from it.
    muster_frame_log_type type;

    /// The tick that the frame led to, or that the snapshot is of.
    uint64_t tick;

    /// The world's hash then.
    uint64_t hash;

    /// The frame, or the snapshot.
    const uint8_t *bytes;
    size_t length;

    /// Of a tick: its sums, for a replay to read.
    const uint8_t *sums;
    size_t sums_length;
} muster_frame_log_record;

/// A definition with every field at its default.
MUSTER_API muster_frame_log_def muster_frame_log_default_def(void);

/// Creates a log.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_log_create(
    const muster_frame_log_def *def, muster_frame_log **out_log);

/// Ends a log. Does nothing for NULL.
MUSTER_API void muster_frame_log_destroy(muster_frame_log *log);

/// The beginning of a log: a header, and a snapshot of the world as it is. It may be called again,
/// to go on in another file.
/// @param out_bytes  what to write, the log's, valid until the next call
MUSTER_API void muster_frame_log_begin(
    muster_frame_log *log, const uint8_t **out_bytes, size_t *out_length);

/// What to append after a step: the tick, and a snapshot when one is due.
/// @param frame  what the instance was stepped with
/// @return MUSTER_ERR_FULL if the frame is longer than `frame_bytes_max`
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_log_add(muster_frame_log *log,
    const uint8_t *frame,
    uint32_t frame_length,
    const uint8_t **out_bytes,
    size_t *out_length);

/// Reads the header of a log.
/// @param out_offset  set to where the first record begins
/// @return MUSTER_ERR_MALFORMED if it is none or cut, MUSTER_ERR_VERSION for another format
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_log_read_header(
    const uint8_t *bytes, size_t length, muster_world_identity *out_identity, size_t *out_offset);

/// Reads the record at an offset and moves the offset behind it.
/// @return MUSTER_ERR_NOT_FOUND if no whole record is left, MUSTER_ERR_MALFORMED if it is damaged;
///         the offset then stays
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_log_read(
    const uint8_t *bytes, size_t length, size_t *offset, muster_frame_log_record *out_record);
