// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A server from the inside: what each of its threads owns, and what they share.

#include "apps/server/link.h"
#include "apps/server/server.h"
#include "apps/server/server_stats.h"
#include "core/ring.h"
#include "drivers/udp.h"
#include "drivers/workers.h"
#include "muster/inbox.h"
#include "muster/instance.h"
#include "muster/pacer.h"
#include "muster/replica.h"

#include <pthread.h>
#include <stdatomic.h>

/// Packets of one receive, and of one send.
#define NETWORK_BATCH_COUNT 256u

/// Room between the threads: some ticks of the largest world.
#define LINK_UP_BYTES   (1u << 22)
#define LINK_DOWN_BYTES (1u << 24)

struct slots {
    muster_packet_batch batch;
    muster_packet packets[NETWORK_BATCH_COUNT];
    uint8_t bytes[NETWORK_BATCH_COUNT][MUSTER_PACKET_BYTES_MAX];
};

/// Owned by the network thread.
struct network {
    muster_gateway *gateway;
    struct udp_socket *socket;
    muster_pacer pacer;
    uint64_t updated_us;  // of the gateway's last update
    uint64_t stated_us;   // of the last statistics
    uint32_t state_count; // LINK_STATE records since the last LINK_TICK
    uint32_t allowance;   // LINK_STATE records that may go out now
    struct slots in;
    struct slots out;
};

/// Owned by the world thread.
struct world {
    muster_instance *instance;
    muster_inbox *inbox;
    muster_frame_builder *builder;
    muster_replica *replica;
    struct workers *workers;
    uint32_t *connections; // by player index: 0 while no state may be sent
    uint64_t *sent_ticks;  // by player index: the last tick in which something was sent
    uint64_t started_us;   // when tick 0 would have begun
    uint32_t entity_count;
    bool is_drain_passed_on;
};

struct server {
    struct server_def def;
    muster_allocator allocator;
    muster_stats *stats;
    struct server_stat_table stat_table;
    struct ring *up;
    struct ring *down;
    pthread_t network_thread;
    pthread_t world_thread;
    bool is_network_running;
    bool is_world_running;
    struct network network;
    struct world world;
    uint8_t schema[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t schema_length;

    // Shared: one thread writes, the others read. Each stands for itself, so all are relaxed.
    _Atomic bool must_drain; // by the owner
    _Atomic bool must_stop;  // by the owner
    _Atomic bool is_drained; // by the network thread: no connection is left
    _Atomic bool is_stopped; // by the world thread: its last tick has run
    _Atomic uint64_t tick;   // by the world thread
    _Atomic uint64_t hash;   // by the world thread
    _Atomic uint64_t world_cpu_ns;
    _Atomic uint64_t network_cpu_ns;
};

/// Makes instance, inbox, replica and workers.
MUSTER_NODISCARD muster_status world_create(struct server *server, struct driver_error *out_error);

/// Frees them; what was not made is skipped.
void world_destroy(struct server *server);

/// The world thread.
void *world_run(void *server);

/// Makes gateway and socket.
MUSTER_NODISCARD muster_status network_create(
    struct server *server, struct driver_error *out_error);

/// Frees them; what was not made is skipped.
void network_destroy(struct server *server);

/// The network thread.
void *network_run(void *server);
