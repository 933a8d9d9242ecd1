// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A server as a process runs it: sockets, clocks and two threads around struct server.
///
///     network thread   owns the socket and the server's network side
///     world thread     keeps the time and runs the server's world side, with its workers
///
/// - Memory: taken at start; the two threads allocate nothing afterwards.
/// - Threads: one thread starts, drains and stops. What is read may be read by any.

#include "apps/server/server.h"

#include <stdatomic.h>

struct server_process;

struct server_process_def {
    const muster_game *game;         // must outlive the process
    const struct settings *settings; // must outlive the process
    const uint8_t *private_key;      // 32 bytes
    uint64_t seed;
    const int64_t *options; // of the game, in its order; read at start only

    // Where frame logs go, by enum server_log; NULL for none. The files must not exist.
    const char *log_paths[SERVER_LOG_COUNT];

    // As in server_def.
    const uint8_t *snapshot;
    size_t snapshot_length;

    // Set to each tick before it runs; NULL for none. Must outlive the process.
    _Atomic uint64_t *tick;
};

/// What carries links beside the UDP socket. Both calls are made by the network thread.
struct server_links {
    // Takes what has arrived, good until the next call; as many packets as there is room for, if
    // more wait.
    const muster_packet_batch *(*receive)(void *context);

    // Sends packets of links, in order.
    void (*send)(void *context, const muster_packet *packets, uint32_t packet_count);

    void *context;
};

/// Opens the socket, builds the world and starts both threads.
/// @param out_error  told why; its code is EADDRINUSE for a port in use, EEXIST for a log's file
///                   that exists
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status server_process_start(const struct server_process_def *def,
    struct server_process **out_process,
    struct driver_error *out_error);

/// From now on links come and go by `links`, which must stay until it is replaced; by none for
/// NULL. Returns when the network thread has nothing more to do with those before.
void server_process_set_links(struct server_process *process, const struct server_links *links);

/// Asks for a drain: nobody is let in, everybody is told, the last frame is run. Returns at once.
void server_process_drain(struct server_process *process);

/// True when the world has stopped after a drain.
bool server_process_is_stopped(const struct server_process *process);

/// Stops the threads and frees everything; without a drain, without goodbyes. Does nothing for
/// NULL.
void server_process_stop(struct server_process *process);

/// The server inside: for its summary and statistics.
struct server *server_process_server(struct server_process *process);

/// Where players connect.
muster_address server_process_address(const struct server_process *process);

/// When tick 0 would have begun, by clock_monotonic_us(), as far as no tick was given up.
uint64_t server_process_started_us(const struct server_process *process);
