// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Carries links over WebSockets: what the gateway calls packets of a link are messages of a socket
/// of the HTTP server. docs/protocol/websocket.md says what clients see of it.
///
/// - Memory: taken at creation.
/// - Threads: receiving and sending belong to the network thread.

#include "drivers/http_server.h"
#include "muster/link.h"

/// What WebSockets of players are made from; the rest is the HTTP server's default.
struct http_socket_def server_sockets_def(uint32_t player_count_max);

struct server_sockets;

/// @param http  must outlive the sockets
/// @return MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status server_sockets_create(
    struct http_server *http, uint32_t player_count_max, struct server_sockets **out_sockets);

/// Does nothing for NULL.
void server_sockets_destroy(struct server_sockets *sockets);

/// Takes what has arrived, as packets for muster_gateway_receive().
/// @return the packets, good until the next call
const muster_packet_batch *server_sockets_receive(struct server_sockets *sockets);

/// Sends packets of links. What finds no room is dropped, as a network does.
void server_sockets_send(
    struct server_sockets *sockets, const muster_packet *packets, uint32_t packet_count);
