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

#define SERVER_GRID_COUNT 2

/// The lowest bit of every base of a shape. Of those up to HEADING_BASE_OLD, that one alone has its
/// lowest and its highest bit.
#define SERVER_BASE_UNITS UINT64_C(0x0041041041041041)

struct muster_replica {
    struct layout layout;
    struct history history;
    struct cache cache;
    // Those whose kind reaches as far as channels do are in the first grid, others in the second.
    muster_grid *grids[SERVER_GRID_COUNT];
    uint32_t *grid_slots;                              // room for those of one grid
    float kind_reach_m[MUSTER_REPLICA_KIND_COUNT_MAX]; // 0: as far as channels do
    float short_reach_m;                               // the longest of those that are not 0
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

    uint64_t shape_masks[1 << MUSTER_REPLICA_SECTION_COUNT_MAX]; // by a set of sections, their bits

    // By ring and phase, the sections of an update that comes in time.
    uint16_t due_sections[MUSTER_CHANNEL_COUNT][SERVER_PHASE_COUNT];

    // The rules of the latest world; `is_plain` if all see everything.
    bool is_plain;
    bool has_rules; // what a client may see can change without anything else that changes
    bool (*can_see_fields)(void *context, uint32_t player_index, uint32_t slot);
    bool (*can_see_entity)(void *context, uint32_t player_index, uint32_t slot);
    void *rule_context;

    struct client *clients;
    muster_replica_counts removed_counts;
    muster_allocator allocator;
    void *memory;
    size_t memory_bytes;
    void *entries; // of all clients
    size_t entries_bytes;
};

/// How far away an entity is known because of its kind, in metres; 0: as far as channels reach.
static inline float server_kind_reach_m(const muster_replica *replica, uint32_t slot)
{
    const uint32_t kind = replica->history.slots[slot].kind;
    return kind < MUSTER_REPLICA_KIND_COUNT_MAX ? replica->kind_reach_m[kind] : 0.0f;
}

/// The phase of an index of a client.
static inline uint32_t server_phase(const struct client *client, uint32_t index)
{
    return (index + client->number) % SERVER_PHASE_COUNT;
}

/// Looks which entities came near, went away or changed their ring.
void server_look(const muster_replica *replica, struct client *client);

/// Decides what is sent to a client in this tick.
void server_plan(const muster_replica *replica, struct client *client);

/// server_visible_sections() for worlds in which not all see everything.
uint32_t server_ruled_sections(
    const muster_replica *replica, const struct client *client, uint32_t slot);

/// The sections of a slot that a client may see; 0 if it may not know of the entity.
static inline uint32_t server_visible_sections(
    const muster_replica *replica, const struct client *client, uint32_t slot)
{
    return replica->is_plain ? replica->everyone_mask
                             : server_ruled_sections(replica, client, slot);
}

/// The sections that are due for an entity in a ring whose last update is so long ago: those of the
/// critical channel, and those of the ring's channel and after it of which an interval has begun
/// since.
static inline uint32_t server_due_sections(
    const muster_replica *replica, uint32_t ring, uint32_t phase, uint32_t idle_ticks)
{
    uint32_t mask = replica->channel_masks[MUSTER_CHANNEL_CRITICAL];
    for (uint32_t c = ring == 0 ? 1 : ring; c < MUSTER_CHANNEL_COUNT; c++) {
        mask |= replica->phases[c][phase] < idle_ticks ? replica->channel_masks[c] : 0;
    }
    return mask;
}

/// Whether nothing has happened to an entity since its client was found to have all of it. It looks
/// at few bytes, and at most entities of a large world it is all that is looked at.
static inline bool server_is_quiet(
    const muster_replica *replica, const struct client *client, uint32_t index)
{
    if (!set_has(client->quiet, index)) {
        return false;
    }
    const struct history *history = &replica->history;
    const uint32_t changed_stamp = history->slots[client_entry(client, index)->slot].changed_stamp;
    return history->stamp - changed_stamp >= client_idle_ticks(client, history->stamp, index);
}

/// Notes whether a client has all that it may see of an entity, for server_is_quiet().
void server_note_quiet(const muster_replica *replica, struct client *client, uint32_t index);

/// The shape of some sections of an index that changed, some of them since long ago.
uint64_t server_old_shape(
    const muster_replica *replica, const struct client *client, uint32_t index, uint32_t sections);

/// What an update of an index has to hold now, as a shape; 0 if there is nothing to tell.
/// @param out_sections  set to the sections of the shape
static inline uint64_t server_shape(const muster_replica *replica,
    const struct client *client,
    uint32_t index,
    uint32_t *out_sections)
{
    const struct history *history = &replica->history;
    const uint32_t slot = client_entry(client, index)->slot;
    const uint32_t ring = client_entry(client, index)->ring;
    const uint32_t idle_ticks = client_idle_ticks(client, history->stamp, index);
    const uint32_t phase = server_phase(client, index);
    uint32_t mask = idle_ticks == replica->layout.interval_ticks[ring]
                        ? replica->due_sections[ring][phase]
                        : server_due_sections(replica, ring, phase, idle_ticks);
    mask &= server_visible_sections(replica, client, slot);
    // Without branches as long as nothing is old: which sections changed cannot be foretold.
    const uint32_t *base_stamps = client_entry(client, index)->base_stamps;
    const uint32_t *section_stamps = history->slots[slot].section_stamps;
    uint64_t shape = 0;
    uint32_t sections = 0;
    for (uint32_t first = 0; first < client->lane_count; first += HISTORY_LANES) {
        uint32_t changed = 0;
        uint32_t bases = 0;
        for (uint32_t lane = 0; lane < HISTORY_LANES; lane++) {
            const uint32_t base_stamp = base_stamps[first + lane];
            const uint32_t age_ticks = history->stamp - base_stamp;
            const uint32_t is_changed = section_stamps[first + lane] > base_stamp ? 1 : 0;
            changed |= is_changed << lane;
            bases |= (age_ticks <= HEADING_AGE_MAX ? age_ticks : HEADING_BASE_OLD)
                     << (lane * HEADING_BASE_BITS);
        }
        sections |= changed << first;
        shape |= (uint64_t)bases << (first * HEADING_BASE_BITS);
    }
    sections &= mask;
    shape &= replica->shape_masks[sections];
    *out_sections = sections;
    const bool is_any_old = (shape & shape >> (HEADING_BASE_BITS - 1) & SERVER_BASE_UNITS) != 0;
    return is_any_old ? server_old_shape(replica, client, index, sections) : shape;
}
