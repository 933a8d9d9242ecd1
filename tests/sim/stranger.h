// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A client by hand in a simulation, on a path without delay: it does what no real client would.
/// What the server sends it comes by the simulation's `answer`.
///
///     stranger_connect(&stranger, sim, token);
///     stranger_run_ms(&stranger, sim, 500);
///     stranger_send(&stranger, sim, PLAY_RECORD_INPUT, bytes, length);
///     stranger_destroy(&stranger);

#include "muster/link.h"
#include "sim/sim.h"

#define STRANGER_PORT 20000u // and the number of its first link

struct stranger {
    muster_netcode_client *netcode;
    muster_session_pool *pool;
    muster_session *session;
    muster_address address;
    uint32_t port;        // or the number of its link
    uint64_t newest_tick; // named in each INPUT; 0 before anything is heard
    uint32_t packets_received;
    uint8_t close_reason;
    char close_text[MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX + 1];
    bool comes_by_link; // not over UDP
    bool is_link_open;
    bool never_acks;           // reads nothing of what comes
    uint32_t packets_per_tick; // INPUTs without actions; 0: one
};

/// Begins to connect; a stranger who was connected begins anew, from another address.
void stranger_connect(
    struct stranger *stranger, struct sim *sim, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES]);

/// Begins anew on a link with any bytes as its ticket.
void stranger_connect_link(
    struct stranger *stranger, struct sim *sim, const uint8_t *ticket, uint32_t length);

void stranger_destroy(struct stranger *stranger);

/// Runs the simulation with the stranger in it.
void stranger_run_ms(struct stranger *stranger, struct sim *sim, uint32_t ms);

/// Takes a packet if it is for the stranger.
void stranger_take(struct stranger *stranger, struct sim *sim, const muster_packet *packet);

/// Sends one record in a packet of its own, and the messages that are due.
void stranger_send(struct stranger *stranger,
    struct sim *sim,
    uint8_t kind,
    const uint8_t *bytes,
    uint32_t length);

/// Sends bytes as the payload of a packet.
void stranger_send_payload(
    struct stranger *stranger, struct sim *sim, const uint8_t *bytes, uint32_t length);

/// The netcode packet that asks for a connection, as a client sends it that does not look at the
/// token's expiry.
/// @return its length
uint32_t stranger_write_request(
    const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES], uint8_t out_bytes[MUSTER_PACKET_BYTES_MAX]);
