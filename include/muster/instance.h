// SPDX-License-Identifier: Apache-2.0
#pragma once

/// An instance: one running world. It is a deterministic machine that is stepped with frames:
///
///     muster_frame_begin(builder, tick, seed);
///     muster_frame_add_action(builder, player_index, sequence, action_index, steps, step_count);
///     muster_frame_close(builder, &frame);
///     muster_instance_step(instance, frame.bytes, frame.length);
///     send(muster_instance_view(instance)); // columns for replication; messages to drain
///
/// - Order: nothing but frames changes a world. The same module, definition and frames give the
///   same hash after every tick on every machine.
/// - Memory: taken at creation, in proportion to the limits; an instance with the smallest limits
///   and no physics takes at most 64 KiB. None afterwards.
/// - Cost: a step costs what the game and physics cost, plus the hash: at most 100 us for 10,000
///   entities.
/// - Threads: one at a time; `parallel` runs inside a step.

#include "muster/event_log.h"
#include "muster/game.h"
#include "muster/parallel.h"

/// A running world. Created and destroyed by its owner.
typedef struct muster_instance muster_instance;

/// What an instance is made from. Start from muster_instance_default_def().
typedef struct muster_instance_def {
    /// The game. Must outlive the instance. No default.
    const muster_game *game;

    /// Everything random in the world follows from it. Default 1.
    uint64_t seed;

    /// Names the instance in global entity ids and effects, in [1, 65,535]. Default 1.
    uint32_t instance_id;

    /// The world's limits; a zero takes the game's. None may be above the game's. Default zeros.
    muster_game_limits limits;

    /// A value for each of the game's options; read at creation only. Default NULL: each at its
    /// fallback.
    const int64_t *options;

    /// Who runs parallel loops. Default muster_parallel_serial().
    muster_parallel parallel;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;

    /// A clock in nanoseconds for what tasks and physics cost; the world never sees it. NULL, the
    /// default, leaves times at zero.
    uint64_t (*now_ns)(void *clock_context);
    void *clock_context;
} muster_instance_def;

/// What one of the game's tasks has cost since the instance was created.
typedef struct muster_task_cost {
    /// Items that ran.
    uint64_t item_count;

    /// The time of all of them together, and the most in one tick.
    uint64_t total_ns, tick_ns_max;
} muster_task_cost;

/// A message that a step wants sent.
typedef struct muster_outgoing {
    /// Which of the game's messages.
    uint32_t message_index;

    /// To whom, and which player or team.
    muster_audience audience;
    uint32_t target;

    /// The same for every replay and copy of the world, so that receivers can drop doubles.
    uint64_t effect_id;

    /// Valid until the next step.
    const uint8_t *bytes;
    uint32_t length;
} muster_outgoing;

/// One event of a step, in order, of one of the types from INSTANCE_STARTED (in tick 0, to be taken
/// before the first step) to PLAYER_ACTIVITY (at the end of the step).
typedef struct muster_core_event {
    /// What happened, and in which step.
    muster_event_type type;
    uint64_t tick;

    /// The player, MUSTER_NONE if it is about none.
    uint32_t player_index;

    /// The activity for PLAYER_ACTIVITY, otherwise 0.
    uint32_t detail;
} muster_core_event;

/// What replication and queries read between two steps. Pointers stay the same for the life of
/// the instance; contents change in a step.
typedef struct muster_world_view {
    /// The last tick that ran.
    uint64_t tick;

    /// Slots at and beyond it are empty.
    uint32_t slot_count;

    /// By slot: 1 if an entity lives in it.
    const uint8_t *is_alive;

    /// By slot: the global id of what lives there.
    const muster_entity_id *id;

    /// By slot: kind, team, and owner's player index + 1.
    const uint16_t *kind;
    const uint16_t *team;
    const uint32_t *owner;

    /// By slot.
    const muster_vec3 *position;
    const muster_vec3 *velocity;

    /// Every column by its index in host calls, NULL where there is none.
    const void *columns[MUSTER_COLUMN_GAME + MUSTER_COLUMN_COUNT_MAX];
} muster_world_view;

/// Where two worlds, or a world and its record, differ first.
typedef struct muster_difference {
    /// The block's name, which is the column's or field's.
    const char *block_name;

    /// The element: an entity's slot where `is_by_entity`.
    uint32_t element_index;
    bool is_by_entity;

    /// Which number of the element.
    uint32_t lane_index;

    /// The two values' bits, and their type.
    uint64_t left_bits, right_bits;
    muster_state_type type;
} muster_difference;

/// A definition with every field at its default.
MUSTER_API muster_instance_def muster_instance_default_def(void);

/// Bytes of a reason, its closing zero included.
#define MUSTER_REASON_BYTES 192

/// Checks a module's tables: names, ranges, counts, pointers.
/// @param out_reason  set to a sentence that names what is wrong, empty if nothing is
/// @return MUSTER_ERR_INVALID, or MUSTER_ERR_VERSION for another MUSTER_GAME_ABI
MUSTER_API MUSTER_NODISCARD muster_status muster_game_check(
    const muster_game *game, char out_reason[MUSTER_REASON_BYTES]);

/// Creates a world at tick 0, built and started.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_VERSION, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_instance_create(
    const muster_instance_def *def, muster_instance **out_instance);

/// Ends a world. Does nothing for NULL.
MUSTER_API void muster_instance_destroy(muster_instance *instance);

/// Runs one tick with a frame as muster_frame_close() made it.
/// @return MUSTER_ERR_MALFORMED if the bytes are no frame for the next tick of this world, in
///         which case nothing has changed
MUSTER_API MUSTER_NODISCARD muster_status muster_instance_step(
    muster_instance *instance, const uint8_t *frame, uint32_t length);

/// The last tick that ran, 0 at first.
MUSTER_API uint64_t muster_instance_tick(const muster_instance *instance);

/// The hash of the world's state after that tick.
MUSTER_API uint64_t muster_instance_hash(const muster_instance *instance);

/// What others read of the world between steps.
MUSTER_API const muster_world_view *muster_instance_view(const muster_instance *instance);

/// The blocks of the world's state, in order, for reading; the same for the life of the instance.
MUSTER_API const muster_state_block *muster_instance_blocks(
    const muster_instance *instance, uint32_t *out_count);

/// The world's space, for reading, NULL without physics; see muster/space.h.
MUSTER_API const struct muster_space *muster_instance_space(const muster_instance *instance);

/// The player at an index, NULL if there is none.
MUSTER_API const muster_player *muster_instance_player(
    const muster_instance *instance, uint32_t player_index);

/// Asks the game's visibility rule.
MUSTER_API bool muster_instance_can_see(
    const muster_instance *instance, uint32_t player_index, uint32_t slot);

/// Takes the next message that the last step wants sent. What is not taken is gone with the next
/// step.
/// @return false when there are no more
MUSTER_API bool muster_instance_pop_outgoing(
    muster_instance *instance, muster_outgoing *out_outgoing);

/// Takes the next event of the last step, likewise.
MUSTER_API bool muster_instance_pop_event(muster_instance *instance, muster_core_event *out_event);

/// What a task of the game's table has cost so far.
MUSTER_API muster_task_cost muster_instance_task_cost(
    const muster_instance *instance, uint32_t task_index);

/// What physics has cost so far; one item a step, with a clock.
MUSTER_API muster_task_cost muster_instance_physics_cost(const muster_instance *instance);

/// Bytes of a snapshot of the world as it is.
MUSTER_API size_t muster_instance_snapshot_bytes(const muster_instance *instance);

/// Writes the whole state: a header that names game, rules, limits, seed and tick, then blocks.
/// @param bytes  room for muster_instance_snapshot_bytes()
MUSTER_API void muster_instance_snapshot(const muster_instance *instance, uint8_t *bytes);

/// Replaces the world's state by a snapshot of a world of the same game, limits and seed.
/// @return MUSTER_ERR_MALFORMED or MUSTER_ERR_VERSION, in which case nothing has changed
MUSTER_API MUSTER_NODISCARD muster_status muster_instance_restore(
    muster_instance *instance, const uint8_t *bytes, size_t length);

/// Compares a world with another of the same game and limits.
/// @return false if they are equal
MUSTER_API bool muster_instance_difference(
    const muster_instance *left, const muster_instance *right, muster_difference *out_difference);
