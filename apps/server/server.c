// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"

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
    muster_status status = ring_create(&def, &server->up);
    if (status != MUSTER_OK) {
        return status;
    }
    const struct {
        uint32_t bytes;
        struct ring **ring;
    } others[] = {
        {LINK_DOWN_BYTES, &server->down},
        {LINK_EVENT_BYTES, &server->events},
        {LINK_MAP_BYTES, &server->maps},
        {LINK_LIVE_BYTES, &server->lives},
        {LINK_KICK_BYTES, &server->kicks},
        {LINK_WORDS_BYTES, &server->notices},
    };
    for (uint32_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        def.capacity_bytes = others[i].bytes;
        status = ring_create(&def, others[i].ring);
        if (status != MUSTER_OK) {
            return status;
        }
    }
    return MUSTER_OK;
}

static muster_status create_parts(struct server *server)
{
    muster_status status = server_stats_create(
        &server->stat_table, server->def.game, &server->allocator, &server->stats);
    if (status == MUSTER_OK) {
        status = create_links(server);
    }
    if (status == MUSTER_OK) {
        status = world_create(server);
    }
    if (status == MUSTER_OK) {
        status = network_create(server);
    }
    const muster_status log_status = world_begin_logs(server);
    return status == MUSTER_OK ? log_status : status;
}

// A setting of 0 is the game's own limit.
static uint32_t lowered(uint32_t limit, uint64_t wanted)
{
    return wanted > 0 && wanted < limit ? (uint32_t)wanted : limit;
}

static void explain(
    const struct server_def *def, muster_status status, struct driver_error *out_error)
{
    if (status == MUSTER_ERR_VERSION && def->snapshot != NULL) {
        driver_error_write(out_error, 0,
            "the world to resume has other rules, limits or options than this one of game \"%s\"",
            def->game->name);
        return;
    }
    if (def->game->field_count == 0) {
        driver_error_write(out_error, 0,
            "game \"%s\" declares no replicated fields, so players would see nothing of it; it "
            "needs "
            "at least one in `fields`",
            def->game->name);
        return;
    }
    driver_error_write(out_error, 0, "the world of game \"%s\" cannot be made: %s", def->game->name,
        muster_status_name(status));
}

static void close_files(const struct server_def *def)
{
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        log_file_close(def->log_files[i]);
    }
}

muster_status server_create(
    const struct server_def *def, struct server **out_server, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && def->game != NULL && def->settings != NULL);
    MUSTER_ASSERT(def->private_key != NULL && def->secret != NULL);
    MUSTER_ASSERT(out_server != NULL && out_error != NULL);
    *out_server = NULL;
    const muster_allocator allocator = muster_heap_allocator();
    struct server *server =
        allocator.alloc(allocator.context, sizeof *server, _Alignof(struct server));
    if (server == NULL) {
        close_files(def);
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(server, 0, sizeof *server);
    server->def = *def;
    server->allocator = allocator;
    server->limits = def->game->limits;
    server->limits.player_count_max =
        lowered(server->limits.player_count_max, def->settings->limits.players);
    server->limits.entity_count_max =
        lowered(server->limits.entity_count_max, def->settings->limits.entities);

    const muster_status status = create_parts(server);
    if (status != MUSTER_OK) {
        explain(def, status, out_error);
        server_destroy(server);
        return status;
    }
    *out_server = server;
    return MUSTER_OK;
}

void server_destroy(struct server *server)
{
    if (server == NULL) {
        return;
    }
    network_destroy(server);
    world_destroy(server);
    ring_destroy(server->up);
    ring_destroy(server->down);
    ring_destroy(server->events);
    ring_destroy(server->maps);
    ring_destroy(server->lives);
    ring_destroy(server->kicks);
    ring_destroy(server->notices);
    muster_stats_destroy(server->stats);
    const muster_allocator allocator = server->allocator;
    allocator.free(allocator.context, server, sizeof *server);
}

void server_drain(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    atomic_store_explicit(&server->must_drain, true, memory_order_relaxed);
}

bool server_is_drained(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return atomic_load_explicit(&server->is_drained, memory_order_relaxed);
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
        .players = (uint32_t)muster_stats_read(stats, SERVER_STAT_PLAYERS, 0),
        .entities = (uint32_t)muster_stats_read(stats, SERVER_STAT_ENTITIES, 0),
    };
}

uint32_t server_player_count_max(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->limits.player_count_max;
}

struct recorder *server_recorder(struct server *server, enum server_log log)
{
    MUSTER_ASSERT(server != NULL && log < SERVER_LOG_COUNT);
    return server->world.recorders[log];
}

muster_stats *server_stats(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->stats;
}
