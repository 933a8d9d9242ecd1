// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A server from the inside: what each of its sides owns, and what they share.

#include "apps/server/link.h"
#include "apps/server/recorder.h"
#include "apps/server/server.h"
#include "apps/server/server_event.h"
#include "apps/server/server_stats.h"
#include "core/ring.h"
#include "muster/inbox.h"
#include "muster/instance.h"
#include "muster/pacer.h"
#include "muster/replica.h"

#include <stdatomic.h>

/// Packets that are collected before they are sent.
#define NETWORK_BATCH_COUNT 64u

/// Room between the sides: some ticks of the largest world.
#define LINK_UP_BYTES   (1u << 22)
#define LINK_DOWN_BYTES (1u << 23)

/// Of these, what states leave for messages and orders, which do not come again.
#define LINK_DOWN_KEPT_BYTES (LINK_DOWN_BYTES / 4u)

/// Room for some thousand events, a few maps, and more kicks than anybody types.
#define LINK_EVENT_BYTES (1u << 20)
#define LINK_MAP_BYTES   (1u << 17)
#define LINK_KICK_BYTES  (1u << 14)
#define LINK_LIVE_BYTES  (1u << 20)
#define LINK_WORDS_BYTES (1u << 15)

/// In so many steps of a tenth of a second the figures of all players are told anew.
#define NETWORK_FIGURE_SHARES 10u

/// Time between two maps.
#define MAP_PER_SECOND 4u

struct slots {
    muster_packet_batch batch;
    muster_packet packets[NETWORK_BATCH_COUNT];
    uint8_t bytes[NETWORK_BATCH_COUNT][MUSTER_PACKET_BYTES_MAX];
};

/// Owned by the network's side.
struct network {
    muster_gateway *gateway;
    muster_pacer pacer;
    const struct server_sink *sink;                  // of this step
    muster_netcode_time now;                         // of this step
    uint64_t updated_us;                             // of the gateway's last update
    uint64_t stated_us;                              // of the last statistics
    uint64_t player_ids[MUSTER_PLAYER_COUNT_MAX][2]; // zero where there is nobody
    uint64_t tick;                                   // of the states that are being sent
    uint32_t state_count;                            // LINK_STATE records since the last LINK_TICK
    uint32_t figure_next;                            // player index whose figures are next
    uint32_t allowance;                              // LINK_STATE records that may go out now
    struct slots out;
};

/// Packets of state for one client and tick.
#define STATE_PACKETS_MAX 8u

/// Clients whose states are written one after the other by one worker, and such groups whose
/// states are on their way before the next ones begin.
#define DRAFT_GROUP_CLIENTS 8u
#define DRAFT_GROUPS        16u

/// A packet of state that a worker has written, and with 8 bytes in front how long it is.
#define DRAFT_BYTES_MAX (16u + sizeof(struct link_down) + MUSTER_GATEWAY_STATE_BYTES_MAX)
_Static_assert(DRAFT_BYTES_MAX % 8 == 0, "drafts follow each other aligned");

/// Where workers put what goes into the ring, which has one writer.
struct draft_table {
    uint32_t players[DRAFT_GROUP_CLIENTS * DRAFT_GROUPS];
    uint32_t player_count;
    uint32_t lengths[DRAFT_GROUPS]; // of what a group has written
    _Alignas(
        8) uint8_t bytes[DRAFT_GROUPS][DRAFT_GROUP_CLIENTS * STATE_PACKETS_MAX * DRAFT_BYTES_MAX];
};

/// Whether a reliable message for a player was dropped, and the player must go.
enum hole {
    HOLE_NONE,
    HOLE_OPEN, // the network has not been told
    HOLE_TOLD, // the player is about to go; nothing more is sent
};

/// Ticks that ended late and that no event has told of yet.
struct missed_ticks {
    uint64_t told_us; // when the last event did
    uint64_t count;
    uint64_t late_us_max;
};

/// Owned by the world's side.
struct world {
    muster_instance *instance;
    muster_inbox *inbox;
    muster_frame_builder *builder;
    muster_replica *replica;
    muster_replica_counts counts; // of the last statistics
    uint32_t *connections;        // by player index: 0 while no state may be sent
    uint64_t *sent_ticks;         // by player index: the last tick in which something was sent
    uint32_t *state_bytes;        // by player index: the most that a packet of state is to carry
    struct recorder *recorders[SERVER_LOG_COUNT];
    struct draft_table *drafts;
    bool is_drain_passed_on;
    uint8_t *holes; // by player index: an enum hole
    bool has_holes; // some may be open
    struct missed_ticks missed;
    uint64_t behind_until_tick; // before which clients take turns, since a tick was missed
};

struct server {
    struct server_def def;
    muster_game_limits limits;
    muster_allocator allocator;
    muster_stats *stats;
    struct server_stat_table stat_table;
    struct ring *up;
    struct ring *down;
    struct ring *events;  // world to owner: struct server_event
    struct ring *maps;    // world to owner: struct server_map
    struct ring *lives;   // world to owner: bytes of a live map
    struct ring *kicks;   // web to network: struct link_kick
    struct ring *notices; // web to network: struct link_notice
    struct network network;
    struct world world;
    uint8_t schema[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t schema_length;

    // Shared: one side writes, others read. Each stands for itself, so all are relaxed.
    _Atomic bool must_drain; // by the owner
    _Atomic bool is_drained; // by the network: no connection is left
    _Atomic uint64_t tick;   // by the world
    _Atomic uint64_t hash;   // by the world

    struct server_player_cell players[MUSTER_PLAYER_COUNT_MAX]; // by the network

    _Atomic uint64_t live_until_tick; // by the owner: live maps are wanted up to this tick
};

/// Makes instance, inbox and replica.
MUSTER_NODISCARD muster_status world_create(struct server *server);

/// Restores the world that the server is to go on with. Who was in it leaves in the first tick.
MUSTER_NODISCARD muster_status world_restore(struct server *server);

/// Begins the frame logs. The files are taken also on failure.
MUSTER_NODISCARD muster_status world_begin_logs(struct server *server);

/// Adds the tick that has run to the frame logs.
void world_record(struct server *server, const uint8_t *frame, uint32_t length);

/// Ends the frame logs.
void world_end_logs(struct server *server);

/// Frees them; what was not made is skipped.
void world_destroy(struct server *server);

/// Room in the ring to the network for a record and so many bytes behind it, NULL if it is full.
/// @param kept_bytes  that must still be free behind it
struct link_down *world_begin_down(
    struct server *server, uint32_t body_bytes_max, uint32_t kept_bytes);

/// Hands the record on, with so many bytes behind it.
void world_end_down(struct server *server, uint32_t body_bytes);

/// Writes what clients are to see of the tick that has run. In server_replicate.c.
void world_replicate(struct server *server);

/// Tells the owner what happened.
void world_tell(struct server *server, muster_event_type type, uint64_t detail, const char *text);

/// Tells what the gateway's event means to the outside.
void world_tell_gateway(struct server *server, const muster_gateway_event *event);

/// Tells what the last step says itself.
void world_tell_instance(struct server *server);

/// Tells where things are, if the owner has taken the last map.
void world_tell_map(struct server *server);

/// Shows where everything is, if somebody looks and has taken the last live map. In server_live.c.
void world_show(struct server *server, uint64_t tick);

/// Sends a player away who is still the one that was meant.
void network_kick(struct server *server, const struct link_kick *kick);

/// Sends away whom the operators want gone.
void network_take_kicks(struct server *server);

/// Says to players what operators have to say.
void network_take_notices(struct server *server);

/// Tells how some players' connections stand.
void network_note_figures(struct server *server);

/// Notes who is at an index.
void network_note_player(struct server *server, const muster_gateway_event *event);

/// Makes the gateway.
MUSTER_NODISCARD muster_status network_create(struct server *server);

/// Frees it, if it was made.
void network_destroy(struct server *server);
