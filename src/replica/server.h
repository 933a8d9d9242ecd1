// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The replica itself: the world's history, the shared encodings, the clients. Its functions are
/// in replica.c, interest.c (who sees what), plan.c (what is sent in a tick) and write.c (packets).

#include "muster/grid.h"
#include "replica/cache.h"
#include "replica/client.h"
#include "replica/history.h"

/// Channels' phases repeat after 64 indices, so that the indices of a client that are due in a
/// tick are one pattern of a word.
#define SERVER_PHASE_COUNT 64

struct muster_replica {
    struct layout layout;
    struct history history;
    struct cache cache;
    muster_grid *grid;
    uint32_t client_capacity;
    uint32_t interest_ticks;
    uint32_t tick_rate_hz;
    uint32_t everyone_mask; // sections by visibility
    uint32_t owner_mask;
    uint32_t team_mask;
    uint32_t rule_mask;
    uint32_t channel_masks[MUSTER_CHANNEL_COUNT]; // sections by channel

    // The tick's phases: what is left of (stamp + phase) / interval, and which phases are due.
    uint8_t phases[MUSTER_CHANNEL_COUNT][SERVER_PHASE_COUNT];
    uint64_t due_patterns[MUSTER_CHANNEL_COUNT];

    // The rules of the latest world.
    bool (*can_see_fields)(void *context, uint32_t player_index, uint32_t slot);
    bool (*can_see_entity)(void *context, uint32_t player_index, uint32_t slot);
    void *rule_context;

    struct client *clients;
    muster_replica_counts removed_counts;
    muster_allocator allocator;
    void *memory;
    size_t memory_bytes;
};

/// The phase of an index of a client.
static inline uint32_t server_phase(const struct client *client, uint32_t index)
{
    return (index + client->number) % SERVER_PHASE_COUNT;
}

/// Looks which entities came near, went away or changed their ring.
void server_look(const muster_replica *replica, struct client *client);

/// Decides what is sent to a client in this tick.
void server_plan(const muster_replica *replica, struct client *client);

/// The sections of a slot that a client may see; 0 if it may not know of the entity.
uint32_t server_visible_sections(
    const muster_replica *replica, const struct client *client, uint32_t slot);

/// What an update of an index has to hold now, as a shape; 0 if there is nothing to tell.
uint64_t server_shape(const muster_replica *replica, const struct client *client, uint32_t index);
