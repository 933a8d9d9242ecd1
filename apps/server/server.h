// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One world on one machine: an instance, its gateway and its sockets, on two threads.
///
///     network thread   owns sockets and gateway: receives, checks, sends spread over the tick
///     world thread     owns instance, inbox and replica: closes frames, steps, encodes
///
/// Between them run two rings of records (link.h). A server reads no flag and writes no log line
/// of its own accord beyond what the definition names.
///
/// - Memory: taken at creation; the two threads allocate nothing afterwards.
/// - Threads: one thread creates, stops and destroys. Statistics may be read by any.

#include "apps/muster/log.h"
#include "apps/muster/settings.h"
#include "drivers/error.h"
#include "muster/game.h"
#include "muster/stats.h"

/// A running server.
struct server;

struct server_def {
    const muster_game *game;         // must outlive the server
    const struct settings *settings; // must outlive the server
    struct log *log;                 // must outlive the server
    const uint8_t *private_key;      // 32 bytes, copied
    uint64_t seed;
    uint32_t worker_count;
};

/// What a server has done so far, for its last words.
struct server_summary {
    uint64_t tick;
    uint64_t hash;
    uint64_t missed_ticks;
    uint64_t disconnects; // players lost or ended against their will
    uint64_t cpu_ns;      // of the two threads and the workers, since the start
    uint32_t players;
    uint32_t entities;
    bool is_stopped;
};

/// The netcode protocol id of a game: other games, and other rules of it, never meet.
uint64_t server_protocol_id(const muster_game *game);

/// Builds the world, opens the sockets and starts both threads.
/// @param out_error  told why; its code is EADDRINUSE for a port in use
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status server_start(
    const struct server_def *def, struct server **out_server, struct driver_error *out_error);

/// Asks for a drain: nobody is let in, everybody is told, the last frame is run. Returns at once.
void server_drain(struct server *server);

/// Stops the threads and frees everything. A server that was not drained ends without goodbyes.
/// Does nothing for NULL.
void server_destroy(struct server *server);

/// How it stands.
struct server_summary server_read_summary(const struct server *server);

/// Counters and histograms, by enum server_stat of server_stats.h.
muster_stats *server_stats(struct server *server);

/// Where the server listens.
muster_address server_address(const struct server *server);
