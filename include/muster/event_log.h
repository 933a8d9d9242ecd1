// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Event log: what happened on a server, typed, numbered and kept for a while, for whoever reads
/// along: other parts, the audit log, the admin API.
///
///     muster_event_log_push(log, &event);                  // gets the next number
///     while (muster_event_log_read(log, &cursor, &event)) { ... }
///
/// - Order: that of pushing; numbers rise by one, from 1.
/// - Retention: the newest `capacity` events. A reader that falls further behind goes on with the
///   oldest that is left, and its cursor says how many it has missed.
/// - Memory: one allocation at creation, 128 bytes an event; none afterwards.
/// - Cost: O(1), a copy.
/// - Threads: one at a time. Readers on other threads are given copies, as by a ring.

#include "muster/base.h"

/// Bytes of an event's text, its closing zero included.
#define MUSTER_EVENT_TEXT_BYTES 64

/// What happened. Numbers are stable.
typedef enum muster_event_type {
    /// A world is new, or about to end. Of the first its tick is 0.
    MUSTER_EVENT_INSTANCE_STARTED = 1,
    MUSTER_EVENT_INSTANCE_ENDED = 2,

    /// A player came into a world, or went.
    MUSTER_EVENT_PLAYER_JOINED = 3,
    MUSTER_EVENT_PLAYER_LEFT = 4,

    /// What a player is at has changed: `detail` is a muster_activity.
    MUSTER_EVENT_PLAYER_ACTIVITY = 5,

    /// A player's connection was lost, was taken up again, was refused, was ended by the server.
    /// The text says why.
    MUSTER_EVENT_PLAYER_LOST = 6,
    MUSTER_EVENT_PLAYER_RESUMED = 7,
    MUSTER_EVENT_PLAYER_REFUSED = 8,
    MUSTER_EVENT_PLAYER_KICKED = 9,

    /// Ticks ended later than the next should have begun: `detail` is how many since the last such
    /// event, of which there is at most one a second. The text says how late.
    MUSTER_EVENT_TICK_MISSED = 10,

    /// Something that a client tells: `detail` and text are the client's.
    MUSTER_EVENT_CLIENT = 11,
} muster_event_type;

/// One event.
typedef struct muster_event {
    /// Its number, given by muster_event_log_push().
    uint64_t sequence;

    /// When, in milliseconds since 1970, and the world's tick.
    uint64_t time_ms;
    uint64_t tick;

    /// The player, zero if it is about none.
    uint64_t player_id[2];

    /// What happened.
    muster_event_type type;

    /// The instance, 0 if it is about none.
    uint32_t instance_id;

    /// As the type says, otherwise 0.
    uint64_t detail;

    /// UTF-8, may be empty.
    char text[MUSTER_EVENT_TEXT_BYTES];
} muster_event;

/// How far a reader has come. All zeros is a reader of everything that is kept.
typedef struct muster_event_cursor {
    /// Number of the last event that was read.
    uint64_t sequence;

    /// Events that were gone before this reader came to them.
    uint64_t missed_count;
} muster_event_cursor;

/// The newest events of a server.
typedef struct muster_event_log muster_event_log;

/// The type in lower case with underscores, for logs and the admin API; "unknown" for a foreign
/// value.
MUSTER_API const char *muster_event_type_name(muster_event_type type);

/// Creates an empty log.
/// @param capacity  events it keeps, in [1, 1,048,576]
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_event_log_create(
    const muster_allocator *allocator, uint32_t capacity, muster_event_log **out_log);

/// Destroys a log. Does nothing for NULL.
MUSTER_API void muster_event_log_destroy(muster_event_log *log);

/// Adds an event, at the cost of the oldest if the log is full.
/// @param event  its sequence is ignored, and its text cut to a length that fits
/// @return the event's number
MUSTER_API uint64_t muster_event_log_push(muster_event_log *log, const muster_event *event);

/// The number of the newest event, 0 if there has been none.
MUSTER_API uint64_t muster_event_log_newest(const muster_event_log *log);

/// Reads the event after a cursor and moves the cursor to it.
/// @return false if there is none yet
MUSTER_API bool muster_event_log_read(
    const muster_event_log *log, muster_event_cursor *cursor, muster_event *out_event);
