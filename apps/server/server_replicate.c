// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"

#include <string.h>

// What clients see of a tick. Clients do not depend on each other, so that workers write for
// several at once; what they write is then put into the ring in the order of the players.

// A client that has nothing to be told still learns what became of its actions this often.
#define RECEIPT_TICKS 6u

// What a packet of state costs beside the state: IP and UDP, netcode, session, update head.
#define STATE_OVERHEAD_BYTES 66u

static uint32_t smaller(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static bool can_see_fields(void *context, uint32_t player_index, uint32_t slot)
{
    return muster_instance_can_see(context, player_index, slot);
}

static void look_at_world(struct server *server)
{
    struct world *world = &server->world;
    const muster_world_view *view = muster_instance_view(world->instance);
    muster_replica_world replica_world = {
        .tick = view->tick,
        .slot_count = view->slot_count,
        .is_alive = view->is_alive,
        .id = view->id,
        .kind = view->kind,
        .team = view->team,
        .owner = view->owner,
        .position = view->position,
        .can_see_fields = can_see_fields,
        .context = world->instance,
    };
    const muster_game *game = server->def.game;
    for (uint32_t i = 0; i < game->field_count; i++) {
        replica_world.columns[i] = view->columns[game->fields[i].column_index];
    }
    muster_replica_begin_tick(world->replica, &replica_world, &server->def.parallel);
}

static void set_viewer(struct server *server, uint32_t player_index)
{
    struct world *world = &server->world;
    const muster_player *player = muster_instance_player(world->instance, player_index);
    const muster_world_view *view = muster_instance_view(world->instance);
    if (player->entity_slot == MUSTER_NONE) {
        return;
    }
    const muster_replica_viewer viewer = {
        .viewpoint = view->position[player->entity_slot],
        .player_index = player_index,
        .team = view->team[player->entity_slot],
        .packet_overhead_bytes = STATE_OVERHEAD_BYTES,
        .bytes_per_s = smaller(server->def.settings->replication.client_budget_bytes, UINT32_MAX),
    };
    muster_replica_look(world->replica, player_index, &viewer);
}

// A packet in a group's bytes: its length, the record, the state.
struct draft {
    uint32_t body_bytes;
    struct link_down record;
};

// A draft with its body, so that the next one is aligned.
static uint32_t draft_bytes(uint32_t body_bytes)
{
    return ((uint32_t)sizeof(struct draft) + body_bytes + 7) / 8 * 8;
}

// Writes one packet of state behind those that the group has. @return false if there is no more
static bool draft_state(
    struct server *server, uint32_t group_index, uint32_t player_index, bool is_first)
{
    struct world *world = &server->world;
    struct draft_table *drafts = world->drafts;
    const uint64_t tick = muster_instance_tick(world->instance);
    uint8_t *place = drafts->bytes[group_index] + drafts->lengths[group_index];
    struct draft *draft = (struct draft *)place;
    size_t length;
    muster_replica_token token;
    muster_replica_write(world->replica, player_index, (uint8_t *)(draft + 1),
        world->state_bytes[player_index], &length, &token);
    const bool needs_receipt = is_first && tick - world->sent_ticks[player_index] >= RECEIPT_TICKS;
    if (length == 0 && !needs_receipt) {
        return false;
    }
    const muster_inbox_receipt receipt = muster_inbox_player_receipt(world->inbox, player_index);
    draft->body_bytes = (uint32_t)length;
    draft->record = (struct link_down){
        .type = LINK_STATE,
        .player_index = player_index,
        .state =
            {
                .player_index = player_index,
                .connection = world->connections[player_index],
                .tick = tick,
                .counted_sequence = receipt.sequence,
                .counted_age_ticks = (uint32_t)(tick - receipt.counted_tick),
                .margin_ticks = receipt.margin_ticks,
                .token = token,
                .length = (uint32_t)length,
            },
    };
    world->sent_ticks[player_index] = tick;
    drafts->lengths[group_index] += draft_bytes(draft->body_bytes);
    return length > 0;
}

// Writes for a group of clients. While one is written for, the memory of the next is on its way.
static void draft_group(void *context, uint32_t group_index, uint32_t worker_index)
{
    (void)worker_index;
    struct server *server = context;
    struct draft_table *drafts = server->world.drafts;
    const uint32_t first = group_index * DRAFT_GROUP_CLIENTS;
    const uint32_t left = drafts->player_count - first;
    const uint32_t count = left < DRAFT_GROUP_CLIENTS ? left : DRAFT_GROUP_CLIENTS;
    drafts->lengths[group_index] = 0;
    set_viewer(server, drafts->players[first]);
    for (uint32_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            set_viewer(server, drafts->players[first + i + 1]);
        }
        const uint32_t player_index = drafts->players[first + i];
        for (uint32_t k = 0; k < STATE_PACKETS_MAX; k++) {
            if (!draft_state(server, group_index, player_index, k == 0)) {
                break;
            }
        }
    }
}

// Puts what a group has written into the ring. What finds no room is lost, and written again.
static void send_group(struct server *server, uint32_t group_index)
{
    const struct draft_table *drafts = server->world.drafts;
    for (uint32_t at = 0; at < drafts->lengths[group_index];) {
        const struct draft *draft = (const struct draft *)(drafts->bytes[group_index] + at);
        struct link_down *record =
            world_begin_down(server, draft->body_bytes, LINK_DOWN_KEPT_BYTES);
        if (record != NULL) {
            *record = draft->record;
            memcpy(record + 1, draft + 1, draft->body_bytes);
            world_end_down(server, draft->body_bytes);
        } else {
            (void)muster_replica_lost(
                server->world.replica, draft->record.player_index, draft->record.state.token);
        }
        at += draft_bytes(draft->body_bytes);
    }
}

static void send_drafts(struct server *server)
{
    struct draft_table *drafts = server->world.drafts;
    const uint32_t group_count =
        (drafts->player_count + DRAFT_GROUP_CLIENTS - 1) / DRAFT_GROUP_CLIENTS;
    const muster_parallel *parallel = &server->def.parallel;
    parallel->run(parallel->pool, group_count, draft_group, server);
    for (uint32_t i = 0; i < group_count; i++) {
        send_group(server, i);
    }
    drafts->player_count = 0;
}

// A server that has missed a tick sends to every client in every second tick only, until it has
// kept up for a while: what comes late is acknowledged late, and costs more for it.
static bool is_its_turn(const struct server *server, uint32_t player_index, uint64_t tick)
{
    return tick >= server->world.behind_until_tick || (player_index + tick) % 2 == 0;
}

void world_replicate(struct server *server)
{
    struct world *world = &server->world;
    struct draft_table *drafts = world->drafts;
    look_at_world(server);
    drafts->player_count = 0;
    const uint64_t tick = muster_instance_tick(world->instance);
    for (uint32_t i = 0; i < server->limits.player_count_max; i++) {
        if (world->connections[i] == 0 || muster_instance_player(world->instance, i) == NULL ||
            !is_its_turn(server, i, tick)) {
            continue;
        }
        drafts->players[drafts->player_count++] = i;
        if (drafts->player_count == DRAFT_GROUP_CLIENTS * DRAFT_GROUPS) {
            send_drafts(server);
        }
    }
    send_drafts(server);
}
