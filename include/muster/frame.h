// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Frames: one tick's ordered inputs, as bytes. What steps a world, what is recorded, and what
/// travels between servers that hold the same world.
///
/// A builder collects inputs in any order of arrival; closing sorts them: leaves, then joins, then
/// the time scale, then actions and messages. Within each, players are ordered by a hash of seed,
/// tick and player id, and what one player sends by its own sequence, actions before messages; so
/// arrival decides nothing and no player is always first. docs/protocol/frame.md has every byte.
///
/// - Memory: one allocation at creation, from `bytes_max` and `input_count_max`.
/// - Threads: one at a time.

#include "muster/host.h"

/// Collects the inputs of one tick.
typedef struct muster_frame_builder muster_frame_builder;

/// What a builder is made from. Start from muster_frame_builder_default_def().
typedef struct muster_frame_builder_def {
    /// Inputs a frame may hold, in [1, 1,048,576]. Default 16,384.
    uint32_t input_count_max;

    /// Bytes a frame may hold, in [256, 16 MiB]. Default 1 MiB.
    uint32_t bytes_max;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_frame_builder_def;

/// A definition with every field at its default.
MUSTER_API muster_frame_builder_def muster_frame_builder_default_def(void);

/// Creates an empty builder.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_builder_create(
    const muster_frame_builder_def *def, muster_frame_builder **out_builder);

/// Ends a builder. Does nothing for NULL.
MUSTER_API void muster_frame_builder_destroy(muster_frame_builder *builder);

/// Starts the frame of a tick, empty.
MUSTER_API void muster_frame_begin(muster_frame_builder *builder, uint64_t tick, uint64_t seed);

/// A player comes in at an index that is free, or that is freed in the same frame, or comes back
/// to its own.
/// @param player  id, name, party and tier are used
/// @return MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_add_join(
    muster_frame_builder *builder, uint32_t player_index, const muster_player *player);

/// A player goes.
/// @return MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_add_leave(
    muster_frame_builder *builder, uint32_t player_index, const uint64_t player_id[2]);

/// Sets how slowly time passes, from this tick on; the last one of a frame counts.
/// There is always room for it.
/// @param permille  thousandths, in [100, 1000]
MUSTER_API void muster_frame_add_time_scale(muster_frame_builder *builder, uint32_t permille);

/// A player acts. The steps are parameter values as whole numbers of steps above the minimum,
/// already checked against the game's table.
/// @param sequence  the player's own count of actions, which orders them; of two that are equal
///                  the one added first counts
/// @return MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_add_action(muster_frame_builder *builder,
    uint32_t player_index,
    const uint64_t player_id[2],
    uint32_t sequence,
    uint32_t action_index,
    const uint32_t *steps,
    uint32_t step_count);

/// A player's message.
/// @param sequence  of messages, likewise
/// @return MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_frame_add_message(muster_frame_builder *builder,
    uint32_t player_index,
    const uint64_t player_id[2],
    uint32_t sequence,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length);

/// Sorts and encodes.
/// @param out_frame   the frame's bytes, the builder's, valid until the next begin
/// @param out_length  how many
MUSTER_API void muster_frame_close(
    muster_frame_builder *builder, const uint8_t **out_frame, uint32_t *out_length);
