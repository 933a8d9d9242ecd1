// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the world's side tells the server's owner: events with all that an audit wants to know,
/// and now and then where things are.
///
/// - Order: as it happened in the world.
/// - Loss: what finds no room in the ring is dropped and counted; nothing waits.
/// - Threads: written by the world's side, popped by one owner.

#include "muster/event_log.h"
#include "muster/gateway.h"

struct server;

/// An event, and who it is about.
struct server_event {
    muster_event event;    // its time and sequence are the owner's to set
    uint32_t player_index; // MUSTER_NONE if it is about none
    muster_close_reason reason;
    muster_address address;
    bool is_link;                 // over which the player came
    char name[MUSTER_NAME_BYTES]; // of the player
};

/// The most points of one sample; of more entities every n-th is taken.
#define SERVER_MAP_POINT_COUNT_MAX 2048u

struct server_map_point {
    float x, y; // metres
    uint16_t kind;
    uint16_t team;
    uint32_t is_player; // 1 for what a player owns
};

struct server_map {
    uint64_t tick;
    uint32_t entity_count;
    uint32_t point_count;
    struct server_map_point points[SERVER_MAP_POINT_COUNT_MAX];
};

/// A reason as a word: "kicked".
const char *server_reason_name(muster_close_reason reason);

/// The word for how a player came, as in "websocket".
const char *server_transport_name(bool is_link);

/// Owner: takes the next event. @return false when there is none
bool server_pop_event(struct server *server, struct server_event *out_event);

/// Owner: takes the newest sample. @return false, leaving `out_map` alone, when there is none
bool server_pop_map(struct server *server, struct server_map *out_map);

/// Web thread: has a player sent away, if it is the one at that index when the network's side comes
/// to it.
/// @param text  for the player to read, cut at 100 bytes; may be NULL
/// @return MUSTER_ERR_FULL if too many wait
MUSTER_NODISCARD muster_status server_kick(
    struct server *server, uint32_t player_index, const uint64_t player_id[2], const char *text);
