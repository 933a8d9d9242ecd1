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
///     muster_frame_log_begin(log, instance, &bytes, &length);          // header and snapshot
///     muster_frame_log_add(log, instance, frame, ..., &bytes, &length); // after each step
///
/// - Memory: two allocations at creation, together about twice the largest state; none afterwards.
/// - Cost: adding a tick costs about as much as hashing what it changed.
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

    /// Of names and types of the state's blocks.
    uint64_t layout_hash;

    /// Of terrain, boxes and settings of physics; 0 without physics.
    uint64_t static_hash;
} muster_world_identity;
