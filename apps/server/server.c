// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/linux/thread.h"

#include <string.h>

// FNV-1a over the name, then the version.
uint64_t server_protocol_id(const muster_game *game)
{
    MUSTER_ASSERT(game != NULL);
    uint64_t id = UINT64_C(0xCBF29CE484222325);
    for (const char *letter = game->name; *letter != '\0'; letter++) {
        id = (id ^ (uint8_t)*letter) * UINT64_C(0x100000001B3);
    }
    return (id ^ game->rules_version) * UINT64_C(0x100000001B3);
}

static muster_status create_links(struct server *server)
{
    struct ring_def def = ring_default_def();
    def.allocator = server->allocator;
    def.capacity_bytes = LINK_UP_BYTES;
    const muster_status status = ring_create(&def, &server->up);
    if (status != MUSTER_OK) {
        return status;
    }
    def.capacity_bytes = LINK_DOWN_BYTES;
    return ring_create(&def, &server->down);
}

static muster_status create_parts(struct server *server, struct driver_error *out_error)
{
    muster_status status =
        server_stats_create(&server->stat_table, &server->allocator, &server->stats);
    if (status == MUSTER_OK) {
        status = create_links(server);
    }
    if (status == MUSTER_OK) {
        status = world_create(server, out_error);
    }
    if (status == MUSTER_OK) {
        status = network_create(server, out_error);
    }
    return status;
}

static muster_status start_threads(struct server *server, struct driver_error *out_error)
{
    int code = thread_start(&server->network_thread, "muster-network", network_run, server);
    if (code != 0) {
        driver_error_write(out_error, code, "cannot start the network thread");
        return MUSTER_ERR_IO;
    }
    server->is_network_running = true;
    code = thread_start(&server->world_thread, "muster-world", world_run, server);
    if (code != 0) {
        driver_error_write(out_error, code, "cannot start the world thread");
        return MUSTER_ERR_IO;
    }
    server->is_world_running = true;
    return MUSTER_OK;
}

muster_status server_start(
    const struct server_def *def, struct server **out_server, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && def->game != NULL && def->settings != NULL);
    MUSTER_ASSERT(out_server != NULL && out_error != NULL);
    *out_server = NULL;
    out_error->code = 0;
    out_error->text[0] = '\0';
    const muster_allocator allocator = muster_heap_allocator();
    struct server *server =
        allocator.alloc(allocator.context, sizeof *server, _Alignof(struct server));
    if (server == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(server, 0, sizeof *server);
    server->def = *def;
    server->allocator = allocator;

    muster_status status = create_parts(server, out_error);
    if (status == MUSTER_OK) {
        status = start_threads(server, out_error);
    }
    if (status != MUSTER_OK) {
        server_destroy(server);
        return status;
    }
    *out_server = server;
    return MUSTER_OK;
}

void server_drain(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    atomic_store_explicit(&server->must_drain, true, memory_order_relaxed);
}

// The world goes first: it may still hand something to the network.
void server_destroy(struct server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store_explicit(&server->must_stop, true, memory_order_relaxed);
    if (server->is_world_running) {
        pthread_join(server->world_thread, NULL);
    }
    if (server->is_network_running) {
        pthread_join(server->network_thread, NULL);
    }
    network_destroy(server);
    world_destroy(server);
    ring_destroy(server->up);
    ring_destroy(server->down);
    muster_stats_destroy(server->stats);
    const muster_allocator allocator = server->allocator;
    allocator.free(allocator.context, server, sizeof *server);
}

struct server_summary server_read_summary(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    const muster_stats *stats = server->stats;
    const int64_t lost = muster_stats_read(stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_LOST);
    const int64_t kicked =
        muster_stats_read(stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_KICKED);
    return (struct server_summary){
        .tick = atomic_load_explicit(&server->tick, memory_order_relaxed),
        .hash = atomic_load_explicit(&server->hash, memory_order_relaxed),
        .missed_ticks = (uint64_t)muster_stats_read(stats, SERVER_STAT_TICKS_MISSED, 0),
        .disconnects = (uint64_t)(lost + kicked),
        .cpu_ns = atomic_load_explicit(&server->world_cpu_ns, memory_order_relaxed) +
                  atomic_load_explicit(&server->network_cpu_ns, memory_order_relaxed),
        .players = (uint32_t)muster_stats_read(stats, SERVER_STAT_PLAYERS, 0),
        .entities = (uint32_t)muster_stats_read(stats, SERVER_STAT_ENTITIES, 0),
        .is_stopped = atomic_load_explicit(&server->is_stopped, memory_order_relaxed),
    };
}

muster_stats *server_stats(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->stats;
}

muster_address server_address(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return udp_local_address(server->network.socket);
}
