// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The server's end of links: does for them what the netcode server does for UDP. Tickets are
/// checked by that server, against its table of used tokens, so that one leads to one connection
/// either way.
///
///     if (link_server_receive(server, now, packet, packets, &event)) handle(&event);
///     while (link_server_pop_silent(server, &event)) handle(&event);
///     payload_bytes = write(slot->bytes);
///     link_server_address(server, index, payload_bytes, slot);
///     link_server_close(server, index, slot);
///
/// - Trust: nothing is stored for a link before its ticket authenticates, but the numbers of the
///   last ones that were refused.
/// - Memory: two allocations at creation, about 100 bytes a link; none afterwards.
/// - Threads: that of the netcode server.

#include "muster/link.h"
#include "muster/netcode_server.h"
#include "muster/session.h"

/// Free slots that an answer may take.
#define LINK_REPLY_COUNT_MAX 2u

struct link_server;

struct link_server_def {
    muster_netcode_server *netcode; // must outlive the link server
    uint32_t link_count_max;        // in [1, MUSTER_NETCODE_CLIENT_COUNT_MAX]
    uint64_t seed;                  // secret and random
    muster_allocator allocator;
};

/// @return MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status link_server_create(
    const struct link_server_def *def, struct link_server **out_server);

/// Does nothing for NULL.
void link_server_destroy(struct link_server *server);

/// True if a packet asks for a connection.
/// @param out_peer  set to where the other end of the link is
bool link_server_is_ticket(
    const struct link_server *server, const muster_packet *packet, muster_address *out_peer);

/// Takes one packet. A CONNECTED event has the peer's address; a DISCONNECTED one frees the slot.
/// @param packet   its bytes are changed
/// @param replies  with LINK_REPLY_COUNT_MAX free slots
/// @return true if there is an event
bool link_server_receive(struct link_server *server,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event);

/// Tells a link that has no slot why it gets none, and closes it.
void link_server_refuse(struct link_server *server,
    const muster_address *link,
    muster_close_reason reason,
    const char *text,
    muster_packet_batch *replies);

/// Finds a link from which nothing came for its token's timeout, since the netcode server's last
/// call, once. It keeps its slot until it is closed.
/// @return true if there is an event
bool link_server_pop_silent(struct link_server *server, muster_netcode_event *out_event);

/// Addresses the packet that the caller has written at the beginning of a slot.
void link_server_address(
    const struct link_server *server, uint32_t index, uint32_t bytes, muster_packet *packet);

/// Writes the packet that closes a link, and frees its slot. No event follows.
void link_server_close(struct link_server *server, uint32_t index, muster_packet *packet);

/// Links that have a slot.
uint32_t link_server_count(const struct link_server *server);

/// No slot from here on has been used yet.
uint32_t link_server_index_end(const struct link_server *server);

/// What has become of packets. A REQUEST is a ticket that opened a connection, REPEATED what came
/// of a link that had been closed.
const muster_netcode_counters *link_server_counters(const struct link_server *server);
