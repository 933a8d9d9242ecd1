// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"

// The world's side, between two runs: what it writes down, and how it goes on from there.

// Snapshots from which a replay of a record may start.
#define RECORD_SNAPSHOT_S 10u

// A gateway that has just begun knows nobody: whoever was in the world leaves it in the first tick
// and may join anew.
muster_status world_restore(struct server *server)
{
    struct world *world = &server->world;
    const muster_status status =
        muster_instance_restore(world->instance, server->def.snapshot, server->def.snapshot_length);
    if (status != MUSTER_OK) {
        return status;
    }
    const uint64_t tick = muster_instance_tick(world->instance);
    muster_inbox_set_next_tick(world->inbox, tick + 1);
    for (uint32_t i = 0; i < server->limits.player_count_max; i++) {
        const muster_player *player = muster_instance_player(world->instance, i);
        if (player != NULL) {
            muster_inbox_push_join(world->inbox, i, player, true);
            muster_inbox_push_leave(world->inbox, i);
        }
    }
    atomic_store_explicit(&server->tick, tick, memory_order_relaxed);
    atomic_store_explicit(
        &server->hash, muster_instance_hash(world->instance), memory_order_relaxed);
    return MUSTER_OK;
}

muster_status world_begin_logs(struct server *server)
{
    struct world *world = &server->world;
    muster_status first_status = MUSTER_OK;
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        struct recorder_def def = {
            .instance = world->instance,
            .file = server->def.log_files[i],
            .snapshot_period_ticks = RECORD_SNAPSHOT_S * server->def.game->tick_rate_hz,
        };
        server->def.log_files[i] = NULL;
        if (world->instance == NULL) {
            log_file_close(def.file);
        } else if (def.file != NULL) {
            const muster_status status = recorder_create(&def, &world->recorders[i]);
            first_status = first_status == MUSTER_OK ? status : first_status;
        }
    }
    return first_status;
}

void world_record(struct server *server, const uint8_t *frame, uint32_t length)
{
    bool has_failed = false;
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        struct recorder *recorder = server->world.recorders[i];
        if (recorder != NULL) {
            recorder_add(recorder, frame, length);
            has_failed = has_failed || recorder_failure(recorder) != 0;
        }
    }
    muster_stats_set(server->stats, SERVER_STAT_RECORD_FAILED, 0, has_failed ? 1 : 0);
}

void world_end_logs(struct server *server)
{
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        recorder_destroy(server->world.recorders[i]);
    }
}
