// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything a server counts, one line of the table each.

#include "drivers/http_socket.h"
#include "muster/game.h"
#include "muster/gateway_counter.h"
#include "muster/netcode.h"
#include "muster/stats.h"

enum server_stat {
    SERVER_STAT_TICKS,
    SERVER_STAT_TICKS_MISSED,
    SERVER_STAT_TICK_TIME,    // microseconds
    SERVER_STAT_PHASE_TIME,   // microseconds, by enum server_phase
    SERVER_STAT_TASK_TIME,    // nanoseconds, by the game's tasks
    SERVER_STAT_PHYSICS_TIME, // nanoseconds
    SERVER_STAT_PLAYERS,
    SERVER_STAT_ENTITIES,
    SERVER_STAT_CONNECTIONS,
    SERVER_STAT_FRAME_BYTES,
    SERVER_STAT_GATEWAY, // by muster_gateway_counter
    SERVER_STAT_NETCODE, // by muster_netcode_counter
    SERVER_STAT_LINKS,   // by muster_netcode_counter
    SERVER_STAT_PACKETS_IN,
    SERVER_STAT_PACKETS_OUT,
    SERVER_STAT_PACKETS_LOST,
    SERVER_STAT_BYTES_IN,
    SERVER_STAT_BYTES_OUT,
    SERVER_STAT_STATE_BYTES,
    SERVER_STAT_CHANNEL_BYTES, // by muster_channel
    SERVER_STAT_STATE_UPDATES,
    SERVER_STAT_ENCODINGS,
    SERVER_STAT_SECTIONS,
    SERVER_STAT_INPUTS_DROPPED,
    SERVER_STAT_LINK_FULL, // by direction: up, down
    SERVER_STAT_HTTP,      // by enum server_http
    SERVER_STAT_SOCKETS,
    SERVER_STAT_SOCKET_EVENTS, // by enum http_socket_counter
    SERVER_STAT_SOCKET_BYTES,  // by direction: up, down
    SERVER_STAT_CERTIFICATE,   // seconds until it expires
    SERVER_STAT_RECORD_FAILED,
    SERVER_STAT_EVENTS_LOST,
    SERVER_STAT_RESIDENT,
    SERVER_STAT_CPU, // milliseconds
    SERVER_STAT_COUNT,
};

enum server_phase {
    SERVER_PHASE_INPUT,
    SERVER_PHASE_STEP,
    SERVER_PHASE_REPLICATE,
    SERVER_PHASE_COUNT,
};

enum server_http {
    SERVER_HTTP_CONNECTION,
    SERVER_HTTP_CONNECTION_REFUSED,
    SERVER_HTTP_REQUEST,
    SERVER_HTTP_BAD,
    SERVER_HTTP_FAILED,
    SERVER_HTTP_COUNT,
};

/// The table with the label values that its lines point to.
struct server_stat_table {
    const char *gateway[MUSTER_GATEWAY_COUNTER_COUNT];
    const char *netcode[MUSTER_NETCODE_COUNTER_COUNT];
    const char *sockets[HTTP_SOCKET_COUNTER_COUNT];
    const char *tasks[MUSTER_STAT_SERIES_MAX];
    uint32_t task_count; // of those that are counted
    muster_stat_def defs[SERVER_STAT_COUNT];
};

/// Creates the values of the table.
/// @param table  filled in; must outlive the stats and stay where it is
/// @param game   whose tasks are counted; must outlive the stats
MUSTER_NODISCARD muster_status server_stats_create(struct server_stat_table *table,
    const muster_game *game,
    const muster_allocator *allocator,
    muster_stats **out_stats);
