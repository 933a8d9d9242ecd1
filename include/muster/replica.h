// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Replication, the server's end: what each client must be told of the entities near it, in as few
/// bytes as possible. muster_replica_view is the client's end.
///
///     muster_replica_begin_tick(replica, &world, muster_parallel_serial());
///     for (each client) {
///         muster_replica_look(replica, client, &viewer);
///         do {
///             status = muster_replica_write(replica, client, bytes, 1150, &length, &token);
///             send(client, bytes, length, token);
///         } while (length > 0);
///     }
///     ... and whenever the session layer knows: muster_replica_acked(replica, client, token);
///                                               muster_replica_lost(replica, client, token);
///
/// A client gets the difference between an entity's state now and the newest state that it has
/// acknowledged. Clients with the same baseline share the encoded bits. An entity nearer than the
/// radius of channel k (and of no channel before it) is in ring k: its critical fields come at the
/// rate of channel k, and those of channel k and after it each at their own channel's rate. Up to
/// 5 % beyond a radius an entity stays in the ring where it is. Where few updates are due they
/// wait for others, up to two ticks for the nearest rings while they are few: such a client costs
/// few packets.
///
/// - Order: bytes depend on the calls for one client and on the world alone; not on other clients,
///   on the number of workers, or on who shares what.
/// - Memory: a few allocations at creation, see muster_replica_memory_bytes(); none afterwards.
///   With the defaults, 11,000 entities of 14 values and 1,000 clients it is about 90 MB.
/// - Cost: about 80 ns per update written; begin_tick about 100 ns per live entity.
/// - Threads: one thread at a time, with one exception: between two calls of begin_tick, look and
///   write may run for different clients on different threads at once.
/// - Format: `docs/protocol/replication.md`.

#include "muster/base.h"
#include "muster/math.h"
#include "muster/parallel.h"
#include "muster/replica_schema.h"

/// The most clients of one replica.
#define MUSTER_REPLICA_CLIENT_CAPACITY_MAX 4096

/// The most entities of a world that is replicated.
#define MUSTER_REPLICA_ENTITY_CAPACITY_MAX 65536

/// The most kinds that may have a reach of their own.
#define MUSTER_REPLICA_KIND_COUNT_MAX 64

/// The least room that muster_replica_write() may be given, in bytes.
#define MUSTER_REPLICA_PACKET_BYTES_MIN 512

/// The most room it makes use of.
#define MUSTER_REPLICA_PACKET_BYTES_MAX 4096

/// A replica. Created and destroyed by its owner.
typedef struct muster_replica muster_replica;

/// What a replica is made from. Start from muster_replica_default_def().
typedef struct muster_replica_def {
    /// The fields. Not kept. Default NULL, which is refused.
    const muster_replica_schema *schema;

    /// Kinds of entities, of which the reach is used; not kept. Default none.
    const muster_kind_def *kinds;
    uint32_t kind_count; ///< At most MUSTER_REPLICA_KIND_COUNT_MAX.

    /// Clients at once, in [1, MUSTER_REPLICA_CLIENT_CAPACITY_MAX]. Default 64.
    uint32_t client_capacity;

    /// Slots of the world, in [1, MUSTER_REPLICA_ENTITY_CAPACITY_MAX]. Default 1024.
    uint32_t entity_capacity;

    /// Memory for what is under way to one client, in bytes, a power of two in [1024, 2^20]. One
    /// update takes one to five. When it is full the oldest packets are forgotten, as if they had
    /// been lost. The default 16384 holds 0.4 s of a battle with a thousand players near.
    uint32_t journal_bytes;

    /// Encodings that can be shared in one tick, a power of two in [64, 2^22]. Default 65536; more
    /// are made for each client by itself.
    uint32_t encoding_capacity;

    /// Ticks between two looks for entities that came near or went away, in [1, 60]. Default 12.
    /// An entity that is born near a client is seen at once.
    uint32_t interest_ticks;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_replica_def;

/// The world as it is after a step. The replica only reads it. Arrays are by slot; they must stay
/// as they are until the last muster_replica_write() of the tick only if there is a rule.
typedef struct muster_replica_world {
    /// The tick, at least 1; each call of begin_tick brings the one after the last.
    uint64_t tick;

    /// Slots at and beyond it are empty; at most the entity capacity.
    uint32_t slot_count;

    /// 1 if an entity lives in the slot.
    const uint8_t *is_alive;

    /// The global id of what lives there, not 0. A slot whose id changed holds another entity.
    const uint64_t *id;

    /// The entity's kind, told to clients when they first see it.
    const uint16_t *kind;

    /// The entity's team, for MUSTER_VISIBLE_TEAM; 0 is no team. May be NULL: no teams.
    const uint16_t *team;

    /// The player index + 1 of the entity's owner, for MUSTER_VISIBLE_OWNER; 0 is nobody. May be
    /// NULL: nobody owns anything.
    const uint32_t *owner;

    /// Where it is, in metres, for interest. An entity whose position is not finite is not sent.
    const muster_vec3 *position;

    /// For each field of the schema, the first element of its column.
    const void *columns[MUSTER_FIELD_COUNT_MAX];

    /// Whether a player may see the fields of MUSTER_VISIBLE_RULE of an entity, and with
    /// `can_see_entity` whether it may know of the entity at all. Called from the threads that call
    /// muster_replica_write(); NULL: nobody sees the fields, everybody knows the entities.
    bool (*can_see_fields)(void *context, uint32_t player_index, uint32_t slot);
    bool (*can_see_entity)(void *context, uint32_t player_index, uint32_t slot);

    /// Passed to both, untouched.
    void *context;
} muster_replica_world;

/// Who looks, from where, and how much may be sent.
typedef struct muster_replica_viewer {
    /// The middle of what is seen: the position of the player's entity, in metres, finite.
    muster_vec3 viewpoint;

    /// The player, as in muster_replica_world.owner but without the 1.
    uint32_t player_index;

    /// The player's team; 0 is none.
    uint16_t team;

    /// Bytes that each packet costs on its way beside those that are written. Default for a zeroed
    /// struct: 0.
    uint16_t packet_overhead_bytes;

    /// Bytes a second, overhead included; 0 is no limit. Never exceeded in any second, unless it
    /// is less than one packet of MUSTER_REPLICA_PACKET_BYTES_MIN a tick.
    uint32_t bytes_per_s;
} muster_replica_viewer;

/// Names a packet until it is acknowledged or lost. Zero is none.
typedef uint32_t muster_replica_token;

/// Counts since a client was added; all clients together for muster_replica_count_all().
typedef struct muster_replica_counts {
    /// Packets and their bytes, without overhead.
    uint64_t packets, bytes;

    /// Entities told of for the first time or again, of changes, and of leaving, in all packets.
    uint64_t enters, updates, leaves;

    /// Sections written, and those of them that had to be encoded; the others were shared.
    uint64_t sections, encodings;

    /// The same by channel, and the bits of what had to be encoded.
    uint64_t channel_sections[MUSTER_CHANNEL_COUNT];
    uint64_t channel_encodings[MUSTER_CHANNEL_COUNT];
    uint64_t channel_encoding_bits[MUSTER_CHANNEL_COUNT];
} muster_replica_counts;

/// A definition with every field at its default.
MUSTER_API muster_replica_def muster_replica_default_def(void);

/// The bytes that a replica of this definition takes; 0 if it is not valid.
MUSTER_API size_t muster_replica_memory_bytes(const muster_replica_def *def);

/// Creates a replica without clients. The caller ends it with muster_replica_destroy().
/// @param out_replica  set to the replica, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, the schema is not valid, or an
///         entity's state does not fit into MUSTER_REPLICA_PACKET_BYTES_MIN; MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_replica_create(
    const muster_replica_def *def, muster_replica **out_replica);

/// Destroys a replica. Does nothing for NULL.
MUSTER_API void muster_replica_destroy(muster_replica *replica);

/// Adds a client that knows nothing yet.
/// @param client  chosen by the caller, below the client capacity, not in use
MUSTER_API void muster_replica_add_client(muster_replica *replica, uint32_t client);

/// Removes a client. Its number may be used again at once.
MUSTER_API void muster_replica_remove_client(muster_replica *replica, uint32_t client);

/// Takes in the world after a step. Pointers in `world` are used until the next call only for the
/// two rules.
MUSTER_API void muster_replica_begin_tick(
    muster_replica *replica, const muster_replica_world *world, const muster_parallel *parallel);

/// Says from where a client looks in this tick. A client whose viewer was never set gets nothing.
MUSTER_API void muster_replica_look(
    muster_replica *replica, uint32_t client, const muster_replica_viewer *viewer);

/// Writes the next packet for a client in this tick. Call it until `out_length` is 0, or stop
/// earlier: what was not written waits, and its turn comes the sooner.
/// @param capacity    at least MUSTER_REPLICA_PACKET_BYTES_MIN
/// @param out_length  set to the bytes written; 0 when there is nothing more to send now
/// @param out_token   set to the packet's name, or to 0
MUSTER_API void muster_replica_write(muster_replica *replica,
    uint32_t client,
    uint8_t *bytes,
    size_t capacity,
    size_t *out_length,
    muster_replica_token *out_token);

/// The client has decoded a packet. Baselines move by this alone. Newer packets that the client
/// decoded before this one must have been acknowledged before the next packet is written.
/// @return false, changing nothing, for a token that is not under way: forged, stale or repeated
MUSTER_API bool muster_replica_acked(
    muster_replica *replica, uint32_t client, muster_replica_token token);

/// A packet is believed lost: what it held is sent again soon. Optional, and harmless if wrong,
/// except that a later ack of the same packet is ignored.
/// @return false, changing nothing, for a token that is not under way
MUSTER_API bool muster_replica_lost(
    muster_replica *replica, uint32_t client, muster_replica_token token);

/// Entities that a client knows or is being told of.
MUSTER_API uint32_t muster_replica_known_count(const muster_replica *replica, uint32_t client);

/// What was written for a client since it was added.
MUSTER_API muster_replica_counts muster_replica_count(
    const muster_replica *replica, uint32_t client);

/// What was written for all clients since the replica was created, those removed included.
MUSTER_API muster_replica_counts muster_replica_count_all(const muster_replica *replica);

/// The integer that a lane of a field was given in the latest tick, for tests and tools.
/// @param slot  one that holds an entity
/// @param lane  below the field's lane count
MUSTER_API uint32_t muster_replica_value(
    const muster_replica *replica, uint32_t slot, uint32_t field_index, uint32_t lane);
