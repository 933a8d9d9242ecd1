// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What operators see of single players' connections, and what they say to players.
///
/// - Memory: part of the server.
/// - Threads: figures are written by the network's side and read by any; each stands for itself.
///   Notices come from one other thread, by a ring.

#include "muster/base.h"

#include <stdatomic.h>

struct server;

/// The longest notice, in bytes.
#define SERVER_NOTICE_BYTES_MAX 200u

/// The message of a game by which operators speak: to players, and nothing but UTF-8 in it.
#define SERVER_NOTICE_NAME "notice"

/// A connection as it was within the last second. Zeros while there is none.
struct server_player_figures {
    uint32_t rtt_us;         ///< 0 while it is not known.
    uint32_t loss_ppm;       ///< Of what is sent to the player, in millionths.
    uint64_t bytes_sent;     ///< In packets of this connection, without netcode's and IP's own.
    uint64_t bytes_received; ///< As above.
};

/// The same, as two threads share it.
struct server_player_cell {
    _Atomic uint32_t rtt_us, loss_ppm;
    _Atomic uint64_t bytes_sent, bytes_received;
};

/// Any thread: a player's connection.
struct server_player_figures server_read_player(const struct server *server, uint32_t player_index);

/// Web thread: says something to a player, if it is the one at that index when the network's side
/// comes to it.
/// @return MUSTER_ERR_NOT_FOUND if the game has no message for it, MUSTER_ERR_INVALID if the text
///         is empty or longer than that message, MUSTER_ERR_FULL if too many wait
MUSTER_NODISCARD muster_status server_notice(
    struct server *server, uint32_t player_index, const uint64_t player_id[2], const char *text);
