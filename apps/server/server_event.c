// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_event.h"

#include "apps/server/server_state.h"
#include "core/assert.h"

#include <stdio.h>
#include <string.h>

// So long do clients take turns after a missed tick.
#define BEHIND_TICKS 30u

// Events of missed ticks are no closer together.
#define MISSED_PERIOD_US 1000000u

const char *server_transport_name(bool is_link)
{
    return is_link ? "websocket" : "udp";
}

const char *server_reason_name(muster_close_reason reason)
{
    static const char *const names[] = {
        [MUSTER_CLOSE_NONE] = "none",
        [MUSTER_CLOSE_LEFT] = "left",
        [MUSTER_CLOSE_KICKED] = "kicked",
        [MUSTER_CLOSE_REFUSED] = "refused",
        [MUSTER_CLOSE_FULL] = "full",
        [MUSTER_CLOSE_DRAINING] = "draining",
        [MUSTER_CLOSE_REPLACED] = "replaced",
        [MUSTER_CLOSE_VERSION] = "version",
        [MUSTER_CLOSE_PROTOCOL] = "protocol",
        [MUSTER_CLOSE_LIMIT] = "limit",
        [MUSTER_CLOSE_ENDED] = "ended",
        [MUSTER_CLOSE_UNREACHABLE] = "unreachable",
    };
    const size_t count = sizeof names / sizeof names[0];
    return (size_t)reason < count && names[reason] != NULL ? names[reason] : "unknown";
}

// The world's side.

static void push(struct server *server, const struct server_event *event)
{
    if (ring_push(server->events, event, sizeof *event) != MUSTER_OK) {
        muster_stats_add(server->stats, SERVER_STAT_EVENTS_LOST, 0, 1);
    }
}

static struct server_event event_of(const struct server *server, muster_event_type type)
{
    return (struct server_event){
        .event = {.type = type,
            .tick = muster_instance_tick(server->world.instance),
            .instance_id = 1},
        .player_index = MUSTER_NONE,
    };
}

void world_tell(struct server *server, muster_event_type type, uint64_t detail, const char *text)
{
    struct server_event event = event_of(server, type);
    event.event.detail = detail;
    (void)snprintf(event.event.text, sizeof event.event.text, "%s", text);
    push(server, &event);
}

static bool is_ended_by_server(muster_close_reason reason)
{
    return reason == MUSTER_CLOSE_KICKED || reason == MUSTER_CLOSE_VERSION ||
           reason == MUSTER_CLOSE_PROTOCOL || reason == MUSTER_CLOSE_LIMIT;
}

static void tell_player(
    struct server *server, muster_event_type type, const muster_gateway_event *from)
{
    struct server_event event = event_of(server, type);
    const muster_player *player =
        from->type == MUSTER_GATEWAY_LOST
            ? muster_instance_player(server->world.instance, from->player_index)
            : &from->player;
    event.player_index = from->player_index;
    event.reason = from->reason;
    event.address = from->address;
    event.is_link = from->is_link;
    if (player != NULL) {
        memcpy(event.event.player_id, player->id, sizeof event.event.player_id);
        memcpy(event.name, player->name, sizeof event.name);
    }
    if (from->reason != MUSTER_CLOSE_NONE) {
        (void)snprintf(
            event.event.text, sizeof event.event.text, "%s", server_reason_name(from->reason));
    }
    push(server, &event);
}

static void tell_message(struct server *server, const muster_gateway_event *from)
{
    struct server_event event = event_of(server, MUSTER_EVENT_CLIENT);
    const muster_player *player =
        muster_instance_player(server->world.instance, from->player_index);
    event.player_index = from->player_index;
    event.event.detail = from->message.message_index;
    if (player != NULL) {
        memcpy(event.event.player_id, player->id, sizeof event.event.player_id);
    }
    (void)snprintf(event.event.text, sizeof event.event.text, "%s",
        server->def.game->messages[from->message.message_index].name);
    push(server, &event);
}

void world_tell_gateway(struct server *server, const muster_gateway_event *from)
{
    switch (from->type) {
    case MUSTER_GATEWAY_JOINED:
        tell_player(server, MUSTER_EVENT_PLAYER_JOINED, from);
        break;
    case MUSTER_GATEWAY_RESUMED:
        tell_player(server, MUSTER_EVENT_PLAYER_RESUMED, from);
        break;
    case MUSTER_GATEWAY_LOST:
        tell_player(server, MUSTER_EVENT_PLAYER_LOST, from);
        break;
    case MUSTER_GATEWAY_LEFT:
        if (is_ended_by_server(from->reason)) {
            tell_player(server, MUSTER_EVENT_PLAYER_KICKED, from);
        }
        tell_player(server, MUSTER_EVENT_PLAYER_LEFT, from);
        break;
    case MUSTER_GATEWAY_REFUSED:
        tell_player(server, MUSTER_EVENT_PLAYER_REFUSED, from);
        break;
    case MUSTER_GATEWAY_MESSAGE:
        tell_message(server, from);
        break;
    default:
        break;
    }
}

// Comings and goings are told by the gateway's events, which know more of them.
void world_tell_instance(struct server *server)
{
    muster_core_event from;
    while (muster_instance_pop_event(server->world.instance, &from)) {
        if (from.type != MUSTER_EVENT_PLAYER_ACTIVITY) {
            continue;
        }
        struct server_event event = event_of(server, MUSTER_EVENT_PLAYER_ACTIVITY);
        const muster_player *player =
            muster_instance_player(server->world.instance, from.player_index);
        event.player_index = from.player_index;
        event.event.detail = from.detail;
        if (player != NULL) {
            memcpy(event.event.player_id, player->id, sizeof event.event.player_id);
        }
        push(server, &event);
    }
}

static uint32_t count_points(const muster_world_view *view, bool is_player)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        count += view->is_alive[i] != 0 && (view->owner[i] != 0) == is_player ? 1 : 0;
    }
    return count;
}

static void add_points(
    struct server_map *map, const muster_world_view *view, bool is_player, uint32_t point_count_max)
{
    const uint32_t stride = count_points(view, is_player) / point_count_max + 1;
    uint32_t number = 0;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        if (view->is_alive[i] == 0 || (view->owner[i] != 0) != is_player ||
            number++ % stride != 0) {
            continue;
        }
        map->points[map->point_count] = (struct server_map_point){
            .x = view->position[i].x,
            .y = view->position[i].y,
            .kind = view->kind[i],
            .team = view->team[i],
            .is_player = is_player ? 1 : 0,
        };
        map->point_count++;
    }
}

// Players come first: they are what people look for.
static void fill_map(struct server_map *map, const muster_world_view *view)
{
    map->tick = view->tick;
    map->point_count = 0;
    map->entity_count = count_points(view, true) + count_points(view, false);
    add_points(map, view, true, SERVER_MAP_POINT_COUNT_MAX / 2);
    add_points(map, view, false, SERVER_MAP_POINT_COUNT_MAX - map->point_count);
}

// A map that nobody takes stays in the ring, and none is made until it is gone.
void world_tell_map(struct server *server)
{
    void *space;
    if (ring_reserve(server->maps, sizeof(struct server_map), &space) == MUSTER_OK) {
        fill_map(space, muster_instance_view(server->world.instance));
        ring_commit(server->maps, sizeof(struct server_map));
    }
}

// Under overload every tick is missed, and what else happened must not drown in that.
void server_tell_tick_time(struct server *server, uint64_t now_us, uint64_t late_us)
{
    MUSTER_ASSERT(server != NULL);
    struct missed_ticks *missed = &server->world.missed;
    missed->count += late_us > 0 ? 1 : 0;
    if (late_us > 0) {
        server->world.behind_until_tick = server_world_now(server) + BEHIND_TICKS;
    }
    missed->late_us_max = late_us > missed->late_us_max ? late_us : missed->late_us_max;
    const bool is_time = missed->told_us == 0 || now_us - missed->told_us >= MISSED_PERIOD_US;
    if (missed->count == 0 || !is_time) {
        return;
    }
    char text[MUSTER_EVENT_TEXT_BYTES];
    (void)snprintf(
        text, sizeof text, "late by up to %llu us", (unsigned long long)missed->late_us_max);
    world_tell(server, MUSTER_EVENT_TICK_MISSED, missed->count, text);
    *missed = (struct missed_ticks){.told_us = now_us};
}

void server_tell_end(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    world_tell(server, MUSTER_EVENT_INSTANCE_ENDED, 0, server->def.game->name);
}

// The owner.

bool server_pop_event(struct server *server, struct server_event *out_event)
{
    MUSTER_ASSERT(server != NULL && out_event != NULL);
    const void *bytes;
    uint32_t length;
    if (!ring_peek(server->events, &bytes, &length)) {
        return false;
    }
    memcpy(out_event, bytes, sizeof *out_event);
    ring_release(server->events);
    return true;
}

bool server_pop_map(struct server *server, struct server_map *out_map)
{
    MUSTER_ASSERT(server != NULL && out_map != NULL);
    const void *bytes;
    uint32_t length;
    bool is_found = false;
    while (ring_peek(server->maps, &bytes, &length)) {
        memcpy(out_map, bytes, sizeof *out_map);
        ring_release(server->maps);
        is_found = true;
    }
    return is_found;
}

// Kicks: from the web thread to the network's side.

muster_status server_kick(
    struct server *server, uint32_t player_index, const uint64_t player_id[2], const char *text)
{
    MUSTER_ASSERT(server != NULL && player_id != NULL);
    struct link_kick kick = {.player_index = player_index,
        .player_id = {player_id[0], player_id[1]},
        .reason = MUSTER_CLOSE_KICKED};
    if (text != NULL) {
        (void)snprintf(kick.text, sizeof kick.text, "%s", text);
    }
    return ring_push(server->kicks, &kick, sizeof kick);
}

void network_kick(struct server *server, const struct link_kick *kick)
{
    const uint64_t *id = server->network.player_ids[kick->player_index];
    if (id[0] == kick->player_id[0] && id[1] == kick->player_id[1]) {
        muster_gateway_kick(server->network.gateway, kick->player_index, kick->reason,
            kick->text[0] != '\0' ? kick->text : NULL);
    }
}

void network_take_kicks(struct server *server)
{
    const void *bytes;
    uint32_t length;
    while (ring_peek(server->kicks, &bytes, &length)) {
        struct link_kick kick;
        memcpy(&kick, bytes, sizeof kick);
        ring_release(server->kicks);
        network_kick(server, &kick);
    }
}

// Who is at an index, so that a kick that comes late meets nobody else.
void network_note_player(struct server *server, const muster_gateway_event *event)
{
    if (event->type == MUSTER_GATEWAY_JOINED || event->type == MUSTER_GATEWAY_RESUMED) {
        memcpy(server->network.player_ids[event->player_index], event->player.id,
            sizeof event->player.id);
    } else if (event->type == MUSTER_GATEWAY_LEFT) {
        memset(server->network.player_ids[event->player_index], 0, sizeof event->player.id);
    }
}
