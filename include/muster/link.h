// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Links: streams that carry a player's session packets, such as WebSocket connections.
///
/// A link is reliable, ordered and, by TLS, secret, so netcode is not needed on it. Its packets
/// come and go as a muster_packet whose address is muster_address_of_link() of the link's number.
/// The driver that owns the stream chooses the number: not 0, and not used again soon.
///
///     to the gateway     the ticket, MUSTER_LINK_TICKET_BYTES; then one packet for each session
///                        packet, [1, 1,200] bytes; an empty packet when the link is closed
///     from the gateway   one packet for each session packet; an empty packet: close the link
///
/// Nothing comes from the gateway behind its empty packet, and nothing is wanted of a link that was
/// closed. docs/protocol/websocket.md says what that means for a client.

#include "muster/connect_token.h"

/// Bytes in front of a ticket that say where the other end of the link is.
#define MUSTER_LINK_PEER_BYTES 20

/// Bytes of a link's first packet: where its other end is, by the driver, and the connect token
/// that the other end has sent.
#define MUSTER_LINK_TICKET_BYTES (MUSTER_LINK_PEER_BYTES + MUSTER_CONNECT_TOKEN_BYTES)

/// Writes what stands in front of a ticket.
/// @param peer  the IP address and port of the link's other end
MUSTER_API void muster_link_write_peer(
    const muster_address *peer, uint8_t out_bytes[MUSTER_LINK_PEER_BYTES]);

/// Reads what stands in front of a ticket.
MUSTER_API muster_address muster_link_read_peer(const uint8_t bytes[MUSTER_LINK_PEER_BYTES]);
