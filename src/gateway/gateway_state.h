// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A gateway from the inside: players, connections, and the events on their way out.
///
/// A player and a connection are two things. A player lives in the world and keeps its index while
/// connections come and go; a connection is a client slot of netcode, or behind those the slot of a
/// link, with a session in it. They point at each other while a player is connected; a connection
/// without a player is being told goodbye.

#include "core/ring.h"
#include "gateway/rate.h"
#include "muster/gateway.h"
#include "net/link_server.h"
#include "wire/loose.h"

/// Goodbyes of a connection that is ended, so that the loss of some does not hide the reason.
#define GOODBYE_COUNT 3

#define GOODBYE_TEXT_BYTES 101

/// Resume tokens are good for three times as long as they are used, so that a player who is lost
/// just before a new one would have come has its whole window left.
#define RESUME_TOKEN_LIFETIME_S 180
#define RESUME_TOKEN_PERIOD_US  (UINT64_C(60) * 1000000)

/// Of these a client gets two at the start: one that got through to here while the answer was lost
/// is used up, and another one must be left.
#define RESUME_TOKENS_AT_START 2

/// Players put out, whose older tokens are remembered.
#define OUTCAST_COUNT 1024

/// Room for the events of one packet, or of a good part of one update.
#define EVENT_RING_BYTES (1u << 20)

enum player_state {
    PLAYER_FREE = 0,
    PLAYER_PLAYING, // connected
    PLAYER_LOST,    // waiting for a connection until the resume window is over
};

struct player {
    muster_player info;
    muster_address address;
    uint64_t issue;
    uint64_t lost_us;
    enum player_state state;
    uint32_t client_index; // while PLAYING
    bool is_link;          // the last connection was one
    uint32_t last_sequence;
    uint32_t malformed_count;
    struct rate packet_rate;
    struct rate byte_rate;
    muster_close_reason kick_reason; // not NONE: to be kicked in the next update
    char kick_text[GOODBYE_TEXT_BYTES];
};

struct connection {
    muster_session *session; // NULL for a slot that is not in use
    uint64_t resume_due_us;
    uint32_t resume_count; // tokens sent
    struct rate refresh_rate;
    uint64_t welcome_tick;
    uint32_t welcome_bytes; // handed to the session so far
    struct loose loose;
    uint8_t epoch;         // told to the client with every update
    uint32_t told_bytes;   // of a packet, as READY and PATH events have said
    uint32_t player_index; // MUSTER_NONE while being told goodbye
    uint32_t number;
    uint32_t goodbye_count;
    muster_close_reason reason;
    char text[GOODBYE_TEXT_BYTES];
    bool is_link;
    bool needs_welcome;
    bool is_back;
    bool is_ready;
    bool wants_refresh;
};

/// A player who was put out: tokens that were issued up to then lead nowhere.
struct outcast {
    uint64_t id[2];
    uint64_t issue;
    uint64_t until_us; // the last of them has expired
};

struct muster_gateway {
    muster_gateway_def def;
    size_t bytes;
    muster_netcode_server *server;
    struct link_server *links;
    muster_session_pool *sessions;
    struct ring *events;
    struct rate_table *request_rates;
    struct player *players;
    struct connection *connections;
    struct outcast *outcasts;
    uint32_t next_outcast;
    struct rate *action_rates;  // by player, then action
    struct rate *message_rates; // by player, then message
    uint64_t counters[MUSTER_GATEWAY_COUNTER_COUNT];
    uint64_t tick;
    uint64_t random_count; // numbers the tokens made here
    muster_netcode_time now;
    uint32_t netcode_count_max; // connections below are of netcode, the others of links
    uint32_t connection_number;
    uint32_t next_client_index; // where the next update goes on
    bool is_draining;
    bool is_event_held; // the front of `events` was shown to the caller
};

/// True if a connection's packets go over a link.
static inline bool gateway_is_link(const muster_gateway *gateway, uint32_t client_index)
{
    return client_index >= gateway->netcode_count_max;
}

/// Connections from here on have never been used.
static inline uint32_t gateway_connection_end(const muster_gateway *gateway)
{
    return gateway->netcode_count_max + link_server_index_end(gateway->links);
}

/// Queues an event with the bytes that belong to it.
/// @return false if there is no room; nothing may then be changed
bool gateway_push_event(
    muster_gateway *gateway, const muster_gateway_event *event, const void *bytes, uint32_t length);

/// An event of a player: type, index, connection, address and, with `has_info`, who.
muster_gateway_event gateway_player_event(const muster_gateway *gateway,
    muster_gateway_event_type type,
    uint32_t player_index,
    bool has_info);

/// A client has connected with a good token.
void gateway_let_in(muster_gateway *gateway, const muster_netcode_event *event);

/// netcode or a link has ended a connection.
/// @return false if there was no room for the event
bool gateway_lose(muster_gateway *gateway, uint32_t client_index, muster_netcode_reason reason);

/// Ends a player's stay. A connection, if there is one, is told goodbye.
/// @return false if there was no room for the event
bool gateway_end_player(
    muster_gateway *gateway, uint32_t player_index, muster_close_reason reason, const char *text);

/// Kicks who is to be kicked and ends the stay of who has been lost for too long.
void gateway_update_players(muster_gateway *gateway);

/// Takes a payload of a connection that has a player.
void gateway_take_payload(
    muster_gateway *gateway, uint32_t client_index, const uint8_t *bytes, uint32_t length);

/// Hands on what a session knows of its packets, as far as there is room.
void gateway_pop_fates(muster_gateway *gateway, struct connection *connection);

/// Hands a WELCOME to the connection's session, or goes on with it.
void gateway_send_welcome(muster_gateway *gateway, struct connection *connection);

/// Begins a new epoch if the client has asked for one and may.
void gateway_refresh(muster_gateway *gateway, struct connection *connection);

/// Says with an event how long packets should be, if that has changed.
void gateway_tell_path(muster_gateway *gateway, struct connection *connection);

/// Sends what connections have due, as far as there are slots.
void gateway_update_connections(muster_gateway *gateway, muster_packet_batch *packets);
