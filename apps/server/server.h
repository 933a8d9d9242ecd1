// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A server: one world and the gateway to it, without threads, sockets and clocks of its own.
///
/// It has two sides that share nothing but two rings of records (link.h), so that each may run on
/// a thread of its own; server_process.h does that, and a simulation calls both in turn.
///
///     server_world_tick(server, tick);                  // the world's side
///     server_network_step(server, now, received, sink); // the network's side
///
/// - Memory: taken at creation; the two sides allocate nothing.
/// - Threads: one for each side. Statistics and flags may be read and set by any.

#include "apps/muster/settings.h"
#include "drivers/error.h"
#include "muster/game.h"
#include "muster/netcode.h"
#include "muster/parallel.h"
#include "muster/stats.h"

struct log_file;
struct recorder;

/// Frame logs that a server writes at once.
enum server_log { SERVER_LOG_RECORD, SERVER_LOG_STATE, SERVER_LOG_COUNT };

/// A server. Created and destroyed by its owner.
struct server;

struct server_def {
    const muster_game *game;         // must outlive the server
    const struct settings *settings; // must outlive the server
    const uint8_t *private_key;      // 32 bytes, copied
    const uint8_t *secret;           // 32 random bytes, copied
    muster_address address;          // what clients are told to connect to
    muster_parallel parallel;        // runs the world's loops
    uint64_t seed;
    const int64_t *options; // of the game, in its order; NULL: their fallbacks

    // The world as it was, from muster_instance_snapshot(); NULL for a new one. Only read by
    // server_create().
    const uint8_t *snapshot;
    size_t snapshot_length;

    // Files for frame logs, by enum server_log, NULL for none; the server's from then on.
    struct log_file *log_files[SERVER_LOG_COUNT];
};

/// Where the network's side puts packets that must go out.
struct server_sink {
    void (*send)(void *context, muster_packet_batch *batch); // empties the batch

    // Packets of links, as muster/link.h has them, in order; good until the call returns. NULL
    // where there are no links.
    void (*send_links)(void *context, const muster_packet *packets, uint32_t packet_count);

    void *context;
};

/// What a server has done so far, for its last words.
struct server_summary {
    uint64_t tick;
    uint64_t hash;
    uint64_t missed_ticks;
    uint64_t disconnects; // players lost or ended against their will
    uint32_t players;
    uint32_t entities;
};

/// The netcode protocol id of a game: other games, and other rules of it, never meet.
uint64_t server_protocol_id(const muster_game *game);

/// Builds the world and the gateway.
/// @param out_error  told why
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status server_create(
    const struct server_def *def, struct server **out_server, struct driver_error *out_error);

/// Does nothing for NULL.
void server_destroy(struct server *server);

/// World: takes what the network has handed on, runs the tick, and hands on what players are told.
void server_world_tick(struct server *server, uint64_t tick);

/// World: the last tick that has run.
uint64_t server_world_now(const struct server *server);

/// Network: takes packets that have arrived, and does what is due.
/// @param received  read and changed in place; also those of links
void server_network_step(struct server *server,
    muster_netcode_time now,
    const muster_packet_batch *received,
    const struct server_sink *sink);

/// Network: when the next packets are due by pacing, UINT64_MAX if none wait.
uint64_t server_network_next_us(const struct server *server);

/// Nobody is let in from now on, everybody is told. Any thread.
void server_drain(struct server *server);

/// True when a drain has emptied the server. Any thread.
bool server_is_drained(const struct server *server);

/// How it stands. Any thread.
struct server_summary server_read_summary(const struct server *server);

/// Players that fit at once. Any thread.
uint32_t server_player_count_max(const struct server *server);

/// The recorder of one of the logs, NULL if there is none.
struct recorder *server_recorder(struct server *server, enum server_log log);

/// World: tells by how much a tick ended after the next should have begun, 0 for in time.
/// @param now_us  steady
void server_tell_tick_time(struct server *server, uint64_t now_us, uint64_t late_us);

/// World: tells that this was the last tick.
void server_tell_end(struct server *server);

/// Counters and histograms, by enum server_stat of server_stats.h.
muster_stats *server_stats(struct server *server);
