// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Gateway: lets players in, checks everything they send, and carries the world to them.
///
///     muster_gateway_receive(gateway, now, packet, packets);
///     while (muster_gateway_pop_event(gateway, &event)) hand_to_world(&event);
///     muster_gateway_send_state(gateway, now, &state, packets);
///     muster_gateway_update(gateway, now, packets); // at least once a tick
///
/// - Ways in: UDP by netcode, and links (muster/link.h); a packet's address tells which.
/// - Order: a player's JOINED comes first and LEFT last. Between them LOST and RESUMED alternate.
///   Actions come in the order of the player's sequence, each once.
/// - Trust: an event's contents are within the game's tables and limits. What is not is refused
///   and counted, and harms only its sender.
/// - Memory: a fixed number of allocations at creation, about 35 KiB a player; none afterwards.
/// - Threads: one at a time.

#include "muster/game.h"
#include "muster/gateway_counter.h"
#include "muster/link.h"
#include "muster/login.h"
#include "muster/netcode_server.h"
#include "muster/session.h"

/// The most bytes of state that one update carries, and the most that fit on the narrowest path
/// that is looked for.
#define MUSTER_GATEWAY_STATE_BYTES_MAX    1152
#define MUSTER_GATEWAY_STATE_BYTES_NARROW 512

/// A gateway. Created and destroyed by its owner.
typedef struct muster_gateway muster_gateway;

/// What a gateway is made from. Start from muster_gateway_default_def().
typedef struct muster_gateway_def {
    /// The game whose actions and messages are let through. Must outlive the gateway. No default.
    const muster_game *game;

    /// Where tokens for resuming lead; protocol id, addresses and key are also those that the
    /// gateway accepts. No default.
    muster_login login;

    /// Random bytes, fresh for every gateway. Default zeros, for tests only.
    uint8_t secret[MUSTER_NETCODE_KEY_BYTES];

    /// Replication schema for WELCOME messages; must outlive the gateway. Default none.
    const uint8_t *schema;
    uint32_t schema_length;

    /// Players at once, in [1, 4,096]. Default 1,024.
    uint32_t player_count_max;

    /// How long a player whose connection was lost stays in the world. Default 30,000,000.
    uint64_t resume_window_us;

    /// Requests to connect from one address in a second, with as many again in a burst; at least
    /// 1. Default 500.
    uint32_t request_rate_max;

    /// Packets of one session in a second, at least 1. Default 300.
    uint32_t packet_rate_max;

    /// Bytes of one session in a second, at least 1,200. Default 65,536.
    uint32_t byte_rate_max;

    /// Malformed records after which a session is ended, at least 1. Default 32.
    uint32_t malformed_count_max;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_gateway_def;

/// What happened.
typedef enum muster_gateway_event_type {
    /// A player comes in: `player`.
    MUSTER_GATEWAY_JOINED = 1,

    /// A player who was lost, or whose connection is replaced, is back on a new connection.
    MUSTER_GATEWAY_RESUMED = 2,

    /// A player's connection is lost; the player stays in the world for the resume window.
    MUSTER_GATEWAY_LOST = 3,

    /// A player goes, for `reason`. The index is free for others.
    MUSTER_GATEWAY_LEFT = 4,

    /// Somebody with a good token is not let in, for `reason`. No player index.
    MUSTER_GATEWAY_REFUSED = 5,

    /// A player acts: `action`.
    MUSTER_GATEWAY_ACTION = 6,

    /// A player's message: `message`.
    MUSTER_GATEWAY_MESSAGE = 7,

    /// The packet with an update has arrived, or was judged lost: `token`.
    MUSTER_GATEWAY_UPDATE_ACKED = 8,
    MUSTER_GATEWAY_UPDATE_LOST = 9,

    /// A player's connection takes state from now on: it has its WELCOME, or it has lost the thread
    /// and asks for everything anew, with a new connection number.
    MUSTER_GATEWAY_READY = 10,

    /// Updates of this connection should carry another number of bytes at most: `state_bytes_max`.
    /// From READY on it is MUSTER_GATEWAY_STATE_BYTES_MAX; longer ones are sent, and likely lost.
    MUSTER_GATEWAY_PATH = 11,
} muster_gateway_event_type;

/// An action that passed every check.
typedef struct muster_gateway_action {
    /// The tick that the player means it for.
    uint64_t tick;

    /// The player's count of actions on this connection.
    uint32_t sequence;
    uint32_t action_index;

    /// Steps above each parameter's minimum.
    uint32_t step_count;
    uint32_t steps[MUSTER_PARAM_COUNT_MAX];
} muster_gateway_action;

/// A message that passed every check.
typedef struct muster_gateway_message {
    /// Which of the game's messages.
    uint32_t message_index;

    /// At most what the game's table allows.
    uint32_t length;

    /// Valid until the next call to the gateway.
    const uint8_t *bytes;
} muster_gateway_message;

/// One event.
typedef struct muster_gateway_event {
    muster_gateway_event_type type; ///< What happened.
    uint32_t player_index;          ///< MUSTER_NONE for REFUSED.
    uint32_t connection;            ///< Numbers the connections, also those begun anew, from 1.
    muster_close_reason reason;     ///< Of LEFT and REFUSED.
    muster_address address; ///< Of JOINED, RESUMED, LOST, LEFT and REFUSED: the player's IP.
    bool is_link;           ///< With `address`: whether the player came over a link.

    /// What belongs to the type.
    union {
        muster_player player;           ///< Of JOINED, RESUMED, LEFT and REFUSED: who.
        muster_gateway_action action;   ///< Of ACTION.
        muster_gateway_message message; ///< Of MESSAGE.
        uint32_t token;                 ///< Of UPDATE_ACKED and UPDATE_LOST.
        uint32_t state_bytes_max;       ///< Of PATH.
    };
} muster_gateway_event;

/// State for one player, one packet's worth.
typedef struct muster_gateway_state {
    /// Whose.
    uint32_t player_index;

    /// The connection that the state is for, as its READY event said.
    uint32_t connection;

    /// The tick that the state is of.
    uint64_t tick;

    /// What became of the player's actions: see muster_inbox_receipt.
    uint32_t counted_sequence;
    uint32_t counted_age_ticks;
    int32_t margin_ticks;

    /// Comes back by UPDATE_ACKED or UPDATE_LOST; zero does not.
    uint32_t token;

    /// At most MUSTER_GATEWAY_STATE_BYTES_MAX.
    const uint8_t *bytes;
    uint32_t length;
} muster_gateway_state;

/// A definition with every field at its default.
MUSTER_API muster_gateway_def muster_gateway_default_def(void);

/// Creates a gateway without players.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO as in netcode
MUSTER_API MUSTER_NODISCARD muster_status muster_gateway_create(
    const muster_gateway_def *def, muster_gateway **out_gateway);

/// Destroys a gateway; clients are told nothing. Does nothing for NULL.
MUSTER_API void muster_gateway_destroy(muster_gateway *gateway);

/// Says which tick the world has reached.
MUSTER_API void muster_gateway_set_tick(muster_gateway *gateway, uint64_t tick);

/// Takes one received packet, decrypting it in place; answers are appended to `packets`, which must
/// have room for two if the packet is of a link. Drain the events before the next.
MUSTER_API void muster_gateway_receive(muster_gateway *gateway,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *packets);

/// Does what is due: acknowledgements, reliable messages, keep-alives, goodbyes, lost players.
/// What finds no free slot is due again in the next call.
MUSTER_API void muster_gateway_update(
    muster_gateway *gateway, muster_netcode_time now, muster_packet_batch *packets);

/// Takes the next event.
/// @return false, leaving `out_event` alone, when there is none
MUSTER_API bool muster_gateway_pop_event(muster_gateway *gateway, muster_gateway_event *out_event);

/// Sends state to a player: one or two packets are appended.
/// @return MUSTER_ERR_NOT_FOUND if that connection is no more: the token does not come back;
///         MUSTER_ERR_FULL if `packets` has no room for two, or events must be drained first
MUSTER_API MUSTER_NODISCARD muster_status muster_gateway_send_state(muster_gateway *gateway,
    muster_netcode_time now,
    const muster_gateway_state *state,
    muster_packet_batch *packets);

/// Sends a message of the game's table. A reliable one waits for the next packets; a player whose
/// queue is full is ended. Does nothing for a player without a connection.
MUSTER_API void muster_gateway_send_message(muster_gateway *gateway,
    uint32_t player_index,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length);

/// Ends a player's stay: LEFT follows, and the client is told the reason. Does nothing for an index
/// without a player.
/// @param text  for humans, at most 100 bytes; may be NULL
MUSTER_API void muster_gateway_kick(
    muster_gateway *gateway, uint32_t player_index, muster_close_reason reason, const char *text);

/// Lets nobody in from now on and ends everyone's stay with MUSTER_CLOSE_DRAINING.
MUSTER_API void muster_gateway_drain(muster_gateway *gateway);

/// Connections that are open, or still being told goodbye.
MUSTER_API uint32_t muster_gateway_connection_count(const muster_gateway *gateway);

/// What the gateway has counted, by muster_gateway_counter.
MUSTER_API const uint64_t *muster_gateway_counters(const muster_gateway *gateway);

/// What netcode has counted.
MUSTER_API const muster_netcode_counters *muster_gateway_netcode_counters(
    const muster_gateway *gateway);

/// What has become of packets of links, by the same names.
MUSTER_API const muster_netcode_counters *muster_gateway_link_counters(
    const muster_gateway *gateway);

/// A player's session for statistics, NULL without a connection.
MUSTER_API const muster_session *muster_gateway_session(
    const muster_gateway *gateway, uint32_t player_index);
