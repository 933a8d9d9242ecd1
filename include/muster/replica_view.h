// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Replication, the client's end: packets of muster_replica become entities with their fields.
///
///     status = muster_replica_view_decode(view, bytes, length);
///     if (status != MUSTER_OK) { ... the packet must not be acknowledged ... }
///     for (muster_replica_event event; muster_replica_view_pop_event(view, &event);) { ... }
///     if (muster_replica_view_numbers(view, index, field_index, place)) { draw(place); }
///
/// Acknowledge exactly the packets that decoded with MUSTER_OK: the server takes an ack as the
/// promise that the client has these states and builds on them.
///
/// - Order: packets may come late, twice, in any order or never. What is older than what is known
///   changes nothing that can be seen. An ack of a packet that came late must not reach the server
///   before those of the newer packets that were taken before it.
/// - Memory: one allocation at creation, see muster_replica_view_memory_bytes(); with the defaults
///   and 14 values an entity about 2.5 MB, of which a good line touches a tenth; none afterwards.
/// - Cost: 100 to 200 ns an update, in a process of many views most of it waiting for memory.
/// - Threads: a view belongs to one thread at a time.
/// - Format: `docs/protocol/replication.md`.

#include "muster/base.h"
#include "muster/replica_schema.h"

/// A view. Created and destroyed by its owner.
typedef struct muster_replica_view muster_replica_view;

/// What a view is made from. Start from muster_replica_view_default_def().
typedef struct muster_replica_view_def {
    /// What the server sent at join. Not kept. Default NULL, which is refused.
    const muster_replica_schema *schema;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_replica_view_def;

/// What became of an entity.
typedef enum muster_replica_event_type {
    /// It can be seen from now on.
    MUSTER_REPLICA_ENTER = 1,

    /// It is gone: dead, hidden, or too far away.
    MUSTER_REPLICA_LEAVE = 2,
} muster_replica_event_type;

/// An entity as a client knows it.
typedef struct muster_replica_entity {
    /// Its global id.
    uint64_t id;

    /// The server's tick of its newest state.
    uint64_t tick;

    /// Where it is in the view, below muster_replica_view_index_end(). Another entity may have it
    /// later.
    uint32_t index;

    /// The game's kind.
    uint16_t kind;

    /// Whether it belongs to this client's player, as of when it entered.
    bool is_mine;
} muster_replica_entity;

/// An enter or a leave, in the order they took effect.
typedef struct muster_replica_event {
    /// Which of them.
    muster_replica_event_type type;

    /// The entity, `tick` being that of the event.
    muster_replica_entity entity;
} muster_replica_event;

/// A definition with every field at its default.
MUSTER_API muster_replica_view_def muster_replica_view_default_def(void);

/// The bytes that a view of this definition takes; 0 if it is not valid.
MUSTER_API size_t muster_replica_view_memory_bytes(const muster_replica_view_def *def);

/// Creates a view that knows nothing. The caller ends it with muster_replica_view_destroy().
/// @param out_view  set to the view, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range or the schema is not valid,
///         MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_view_create(
    const muster_replica_view_def *def, muster_replica_view **out_view);

/// Destroys a view. Does nothing for NULL.
MUSTER_API void muster_replica_view_destroy(muster_replica_view *view);

/// Forgets everything, as for a new connection.
MUSTER_API void muster_replica_view_clear(muster_replica_view *view);

/// Takes in a packet, whole or not at all: after a failure the view is as it was, and the packet
/// must not be acknowledged.
/// @return MUSTER_ERR_MALFORMED if the bytes are not a packet; MUSTER_ERR_NOT_FOUND if it builds on
///         what is not here, as a very late packet may; MUSTER_ERR_FULL if there is no room for its
///         events
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_view_decode(
    muster_replica_view *view, const uint8_t *bytes, size_t length);

/// The newest tick of all packets, 0 before the first.
MUSTER_API uint64_t muster_replica_view_tick(const muster_replica_view *view);

/// Takes the next event.
/// @return false, leaving `out_event` alone, when there is none
MUSTER_API bool muster_replica_view_pop_event(
    muster_replica_view *view, muster_replica_event *out_event);

/// Entities that are known.
MUSTER_API uint32_t muster_replica_view_count(const muster_replica_view *view);

/// All entities that are known have an index below this one, which is at most known_count_max and
/// falls only with muster_replica_view_clear(): the server uses low indices first.
MUSTER_API uint32_t muster_replica_view_index_end(const muster_replica_view *view);

/// The entity at an index; go through all below muster_replica_view_index_end() to list them.
/// @return false, leaving `out_entity` alone, if there is none
MUSTER_API bool muster_replica_view_entity(
    const muster_replica_view *view, uint32_t index, muster_replica_entity *out_entity);

/// The server's tick of the newest state of a field; 0 if there is no such entity or the field was
/// never sent, which is so for what the client may not see.
MUSTER_API uint64_t muster_replica_view_field_tick(
    const muster_replica_view *view, uint32_t index, uint32_t field_index);

/// The integers of a field's lanes: steps above the field's minimum. A UINT is minimum + steps.
/// @return false, setting all to 0, if the field is not known
MUSTER_API bool muster_replica_view_values(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    uint32_t out_values[MUSTER_REPLICA_LANE_COUNT_MAX]);

/// The numbers of a field's lanes, in the game's units.
/// @return false, setting all to 0, if the field is not known
MUSTER_API bool muster_replica_view_numbers(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    float out_numbers[MUSTER_REPLICA_LANE_COUNT_MAX]);

/// How fast a POSITION changes, in metres a second: its way in the tick of its state.
/// @return false, setting all to 0, if the field is not known or is no POSITION
MUSTER_API bool muster_replica_view_motion(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    float out_motions[MUSTER_REPLICA_LANE_COUNT_MAX]);
