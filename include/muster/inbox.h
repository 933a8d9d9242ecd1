// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Inbox: what players send, between its arrival and the frame that it counts in.
///
/// An action names the tick it is meant for. It waits for that tick's frame; one that comes late
/// counts in the next frame, and the player is told in which tick it counted and how early or late
/// it was, so that clients can adjust their clocks. Joins, leaves and messages count in the next
/// frame.
///
///     muster_inbox_push_action(inbox, player_index, sequence, tick, action_index, steps, 2);
///     muster_inbox_close(inbox, builder, tick); // adds what is due to the frame of `tick`
///
/// - Order: the frame's own, see muster/frame.h; the inbox adds none.
/// - Memory: one allocation at creation, about 100 bytes an action; none afterwards.
/// - Threads: one at a time.

#include "muster/frame.h"
#include "muster/game.h"

/// The most ticks an action may name ahead of the next frame; more is taken as this.
#define MUSTER_INBOX_AHEAD_TICKS_MAX 63

/// Waiting inputs of one instance.
typedef struct muster_inbox muster_inbox;

/// What an inbox is made from. Start from muster_inbox_default_def().
typedef struct muster_inbox_def {
    /// Player indices lie below it; in [1, 4,096]. Default 1,024.
    uint32_t player_count_max;

    /// Actions that may wait at once, in [1, 1,048,576]. Default 32,768.
    uint32_t action_count_max;

    /// Actions of one player that may wait at once, at least 1. Where players times this is no
    /// more than `action_count_max`, nobody can take another's room. Default 64.
    uint32_t action_count_per_player_max;

    /// Bytes of messages for one frame, in [1,040, 16 MiB]; a message costs its length and 16 to
    /// 31 bytes. Default 256 KiB.
    uint32_t message_bytes_max;

    /// Bytes of one player's messages for one frame, at least 1,040. Default 16 KiB.
    uint32_t message_bytes_per_player_max;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_inbox_def;

/// What became of a player's latest action.
typedef struct muster_inbox_receipt {
    /// The newest of the player's actions that counted, 0 if none has.
    uint32_t sequence;

    /// The tick in which it counted.
    uint64_t counted_tick;

    /// Whole ticks that the latest arrival was early; negative if it was late. Within [-127, 127].
    int32_t margin_ticks;
} muster_inbox_receipt;

/// A definition with every field at its default.
MUSTER_API muster_inbox_def muster_inbox_default_def(void);

/// Creates an empty inbox whose next frame is tick 1.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_inbox_create(
    const muster_inbox_def *def, muster_inbox **out_inbox);

/// Ends an inbox with all that waits in it. Does nothing for NULL.
MUSTER_API void muster_inbox_destroy(muster_inbox *inbox);

/// Sets the tick of the next frame, for a world that was restored.
MUSTER_API void muster_inbox_set_next_tick(muster_inbox *inbox, uint64_t tick);

/// A player comes in at a free index, or at one whose player is just leaving: it then joins a tick
/// after the leave. Players of a restored world are pushed as `is_present`: they are in the world
/// already and no join is added to a frame.
MUSTER_API void muster_inbox_push_join(
    muster_inbox *inbox, uint32_t player_index, const muster_player *player, bool is_present);

/// A player goes; what waits of it is dropped. Does nothing for an index without a player.
MUSTER_API void muster_inbox_push_leave(muster_inbox *inbox, uint32_t player_index);

/// A player is back on a new connection and counts its actions from 1 again; actions that wait of
/// the old one are dropped, messages are not: they were confirmed. Does nothing for an index
/// without a player.
MUSTER_API void muster_inbox_push_resume(muster_inbox *inbox, uint32_t player_index);

/// A player acts; steps as in muster_frame_add_action().
/// @return MUSTER_ERR_NOT_FOUND without such a player, MUSTER_ERR_FULL if too many wait
MUSTER_API MUSTER_NODISCARD muster_status muster_inbox_push_action(muster_inbox *inbox,
    uint32_t player_index,
    uint32_t sequence,
    uint64_t tick,
    uint32_t action_index,
    const uint32_t *steps,
    uint32_t step_count);

/// A player's message, copied.
/// @return MUSTER_ERR_NOT_FOUND without such a player, MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_inbox_push_message(muster_inbox *inbox,
    uint32_t player_index,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length);

/// Adds all that is due to the frame of `tick`, which must be the next. What does not fit into the
/// frame waits for the one after it.
/// @param builder  begun for `tick`
MUSTER_API void muster_inbox_close(
    muster_inbox *inbox, muster_frame_builder *builder, uint64_t tick);

/// What became of a player's latest action.
MUSTER_API muster_inbox_receipt muster_inbox_player_receipt(
    const muster_inbox *inbox, uint32_t player_index);
