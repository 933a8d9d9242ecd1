// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Relay: carries UDP packets between clients and a server as a bad network would.
///
/// Each client has two links of its own in the impairment model, one each way, and a socket of its
/// own towards the server, which so tells clients apart. A client that is silent for a minute gives
/// its place to others.
///
/// - Memory: at creation, and for each client's socket.
/// - Threads: one.

#include "drivers/error.h"
#include "muster/impairment.h"

/// Clients at once; packets of further ones are refused and counted.
#define RELAY_CLIENT_COUNT_MAX 256u

struct relay;

struct relay_def {
    muster_address listen;         // where clients send
    muster_address server;         // where it goes
    muster_impairment_rules rules; // of each link
    uint64_t seed;
};

struct relay_summary {
    uint32_t client_count;  // that were ever served
    uint64_t refused_count; // packets of clients that found no place, or while too many were held
    muster_impairment_stats to_server;
    muster_impairment_stats to_clients;
};

/// Opens the socket for clients.
/// @param out_error  told why, its code EADDRINUSE for a port in use
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status relay_create(
    const struct relay_def *def, struct relay **out_relay, struct driver_error *out_error);

/// Closes everything. Does nothing for NULL.
void relay_destroy(struct relay *relay);

/// Carries packets until a time by clock_monotonic_us().
void relay_run_until(struct relay *relay, uint64_t end_us);

/// What happened so far.
struct relay_summary relay_read_summary(const struct relay *relay);
