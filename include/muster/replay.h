// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Replay: runs a frame log against its game and checks every tick.
///
///     muster_frame_log_read_header(bytes, length, &identity, &offset); // which game to load
///     muster_replay_create(&def, &replay);
///     while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
///     }
///     if (muster_replay_state(replay) == MUSTER_REPLAY_DIFFERS) { name muster_replay_found() }
///
/// - Memory: an instance and two sets of sums, at creation; the log stays the caller's. None
///   afterwards.
/// - Threads: one at a time.

#include "muster/frame_log.h"

/// A replay in progress.
typedef struct muster_replay muster_replay;

/// What a replay is made from. Start from muster_replay_default_def().
typedef struct muster_replay_def {
    /// The game that the log's header names. Must outlive the replay. No default.
    const muster_game *game;

    /// The whole log, for the life of the replay. No default.
    const uint8_t *bytes;
    size_t length;

    /// The tick to begin after: the replay starts from the last snapshot that is not later, and
    /// the ticks from there on are run too. Default 0.
    uint64_t from_tick;

    /// The last tick to run. Default MUSTER_TICK_NEVER, the end of the log.
    uint64_t to_tick;

    /// Who runs parallel loops. Default muster_parallel_serial().
    muster_parallel parallel;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_replay_def;

/// Where a replay is.
typedef enum muster_replay_state_type {
    /// There may be more ticks.
    MUSTER_REPLAY_RUNNING = 0,

    /// All ticks ran and were equal.
    MUSTER_REPLAY_ENDED = 1,

    /// All ticks up to here were equal; the log then breaks off in the middle of a record.
    MUSTER_REPLAY_CUT = 2,

    /// A record is damaged or is none that can follow; the ticks before it were equal.
    MUSTER_REPLAY_DAMAGED = 3,

    /// The world is not the one that was recorded; muster_replay_found() says where.
    MUSTER_REPLAY_DIFFERS = 4,
} muster_replay_state_type;

/// The first difference, as far as the log's sums tell.
typedef struct muster_replay_finding {
    /// The first tick that differs, and the two hashes after it.
    uint64_t tick;
    uint64_t recorded_hash, replayed_hash;

    /// The block, which is the column's or field's name, and the number in an element. NULL if
    /// the sums do not show it.
    const char *block_name;
    uint32_t lane_index;
    muster_state_type type;

    /// The element: an entity's slot where `is_by_entity`. If several elements of the lane differ
    /// and none can be told from the others, it is one of a range; else both are equal.
    uint32_t element_min, element_max;
    bool is_by_entity;

    /// The global id of the entity in slot `element_min`, if that is known and one lives there.
    muster_entity_id entity_id;

    /// The bits of the two numbers; the recorded one only if `has_recorded`, the replayed one if
    /// the element is known.
    bool has_recorded;
    uint64_t recorded_bits, replayed_bits;
} muster_replay_finding;

/// A definition with every field at its default.
MUSTER_API muster_replay_def muster_replay_default_def(void);

/// Creates a replay, at the snapshot it begins from.
/// @return MUSTER_ERR_INVALID for a definition or game that is wrong; MUSTER_ERR_VERSION if the log
///         is of another game, rules, layout or format; MUSTER_ERR_MALFORMED if it has no whole
///         header and snapshot; MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_replay_create(
    const muster_replay_def *def, muster_replay **out_replay);

/// Ends a replay. Does nothing for NULL.
MUSTER_API void muster_replay_destroy(muster_replay *replay);

/// Runs the next tick and compares. Does nothing unless it is running.
MUSTER_API muster_replay_state_type muster_replay_step(muster_replay *replay);

/// Where the replay is.
MUSTER_API muster_replay_state_type muster_replay_state(const muster_replay *replay);

/// The first difference, NULL unless there is one.
MUSTER_API const muster_replay_finding *muster_replay_found(const muster_replay *replay);

/// The world as it is, to read: its tick, view and blocks.
MUSTER_API const muster_instance *muster_replay_instance(const muster_replay *replay);
