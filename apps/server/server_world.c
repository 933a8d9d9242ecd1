// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"
#include "drivers/clock.h"

#include <stdio.h>
#include <string.h>

// The world's side: closes a frame, steps the world with it, and encodes what clients are to see.

static uint64_t now_ns(void *clock_context)
{
    (void)clock_context;
    return clock_monotonic_ns();
}

static muster_status create_instance(struct server *server)
{
    const struct server_def *def = &server->def;
    muster_instance_def instance_def = muster_instance_default_def();
    instance_def.game = def->game;
    instance_def.seed = def->seed;
    instance_def.options = def->options;
    instance_def.limits = server->limits;
    instance_def.parallel = def->parallel;
    instance_def.now_ns = now_ns;
    return muster_instance_create(&instance_def, &server->world.instance);
}

static muster_status create_inbox(struct server *server)
{
    muster_inbox_def inbox_def = muster_inbox_default_def();
    inbox_def.player_count_max = server->limits.player_count_max;
    inbox_def.action_count_max =
        server->limits.player_count_max * inbox_def.action_count_per_player_max;
    const muster_status status = muster_inbox_create(&inbox_def, &server->world.inbox);
    if (status != MUSTER_OK) {
        return status;
    }
    muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    return muster_frame_builder_create(&builder_def, &server->world.builder);
}

// The type and the lanes of a column as host calls name it.
static muster_column_def column_of(const muster_game *game, uint32_t column_index)
{
    static const muster_column_def fixed[MUSTER_COLUMN_GAME] = {
        [MUSTER_COLUMN_KIND] = {"kind", MUSTER_STATE_U16, 1},
        [MUSTER_COLUMN_TEAM] = {"team", MUSTER_STATE_U16, 1},
        [MUSTER_COLUMN_OWNER] = {"owner", MUSTER_STATE_U32, 1},
        [MUSTER_COLUMN_POSITION] = {"position", MUSTER_STATE_F32, 3},
        [MUSTER_COLUMN_VELOCITY] = {"velocity", MUSTER_STATE_F32, 3},
    };
    return column_index < MUSTER_COLUMN_GAME ? fixed[column_index]
                                             : game->columns[column_index - MUSTER_COLUMN_GAME];
}

// A channel cannot be faster than the world.
static uint32_t rate_hz(uint64_t wanted_hz, uint32_t tick_rate_hz)
{
    return wanted_hz < tick_rate_hz ? (uint32_t)wanted_hz : tick_rate_hz;
}

static muster_status make_schema(const struct server_def *def, muster_replica_schema *out_schema)
{
    const struct settings *settings = def->settings;
    const uint32_t tick_rate_hz = def->game->tick_rate_hz;
    *out_schema = muster_replica_default_schema();
    out_schema->tick_rate_hz = tick_rate_hz;
    const muster_channel_def channels[MUSTER_CHANNEL_COUNT] = {
        {rate_hz(settings->replication.critical_rate_hz, tick_rate_hz),
            (float)settings->replication.critical_radius_m},
        {rate_hz(settings->replication.detailed_rate_hz, tick_rate_hz),
            (float)settings->replication.detailed_radius_m},
        {rate_hz(settings->replication.cosmetic_rate_hz, tick_rate_hz),
            (float)settings->replication.cosmetic_radius_m},
        {rate_hz(settings->replication.metadata_rate_hz, tick_rate_hz),
            (float)settings->replication.metadata_radius_m},
    };
    memcpy(out_schema->channels, channels, sizeof channels);
    for (uint32_t i = 0; i < def->game->field_count; i++) {
        const muster_field_def *field = &def->game->fields[i];
        const muster_column_def column = column_of(def->game, field->column_index);
        const muster_status status =
            muster_replica_schema_add(out_schema, field, column.type, column.lane_count);
        if (status != MUSTER_OK) {
            return status;
        }
    }
    return muster_replica_schema_check(out_schema);
}

static muster_status create_replica(struct server *server)
{
    muster_replica_schema schema;
    muster_status status = make_schema(&server->def, &schema);
    if (status == MUSTER_OK) {
        status = muster_replica_schema_encode(
            &schema, server->schema, sizeof server->schema, &server->schema_length);
    }
    if (status != MUSTER_OK) {
        return status;
    }
    muster_replica_def replica_def = muster_replica_default_def();
    replica_def.schema = &schema;
    replica_def.kinds = server->def.game->kinds;
    replica_def.kind_count = server->def.game->kind_count;
    replica_def.client_capacity = server->limits.player_count_max;
    replica_def.entity_capacity = server->limits.entity_count_max;
    return muster_replica_create(&replica_def, &server->world.replica);
}

static muster_status create_tables(struct server *server)
{
    struct world *world = &server->world;
    const uint32_t count = server->limits.player_count_max;
    const muster_allocator heap = server->allocator;
    world->connections = heap.alloc(heap.context, count * sizeof world->connections[0], 8);
    world->holes = heap.alloc(heap.context, count * sizeof world->holes[0], 8);
    world->sent_ticks = heap.alloc(heap.context, count * sizeof world->sent_ticks[0], 8);
    world->state_bytes = heap.alloc(heap.context, count * sizeof world->state_bytes[0], 8);
    world->drafts = heap.alloc(heap.context, sizeof *world->drafts, 64);
    if (world->drafts == NULL || world->connections == NULL || world->holes == NULL ||
        world->sent_ticks == NULL || world->state_bytes == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(world->connections, 0, count * sizeof world->connections[0]);
    memset(world->holes, 0, count * sizeof world->holes[0]);
    memset(world->sent_ticks, 0, count * sizeof world->sent_ticks[0]);
    return MUSTER_OK;
}

muster_status world_create(struct server *server)
{
    muster_status status = create_instance(server);
    if (status == MUSTER_OK) {
        status = create_inbox(server);
    }
    if (status == MUSTER_OK) {
        status = create_replica(server);
    }
    if (status == MUSTER_OK) {
        status = create_tables(server);
    }
    if (status == MUSTER_OK && server->def.snapshot != NULL) {
        status = world_restore(server);
    }
    if (status == MUSTER_OK) {
        world_tell(server, MUSTER_EVENT_INSTANCE_STARTED, 0, server->def.game->name);
    }
    return status;
}

void world_destroy(struct server *server)
{
    struct world *world = &server->world;
    const uint32_t count = server->limits.player_count_max;
    const muster_allocator heap = server->allocator;
    world_end_logs(server);
    muster_replica_destroy(world->replica);
    muster_frame_builder_destroy(world->builder);
    muster_inbox_destroy(world->inbox);
    muster_instance_destroy(world->instance);
    if (world->drafts != NULL) {
        heap.free(heap.context, world->drafts, sizeof *world->drafts);
    }
    if (world->connections != NULL) {
        heap.free(heap.context, world->connections, count * sizeof world->connections[0]);
    }
    if (world->holes != NULL) {
        heap.free(heap.context, world->holes, count * sizeof world->holes[0]);
    }
    if (world->sent_ticks != NULL) {
        heap.free(heap.context, world->sent_ticks, count * sizeof world->sent_ticks[0]);
    }
    if (world->state_bytes != NULL) {
        heap.free(heap.context, world->state_bytes, count * sizeof world->state_bytes[0]);
    }
}

// To the network.

struct link_down *world_begin_down(
    struct server *server, uint32_t body_bytes_max, uint32_t kept_bytes)
{
    void *space;
    const uint32_t record_bytes = (uint32_t)sizeof(struct link_down) + body_bytes_max;
    if (ring_reserve(server->down, record_bytes + kept_bytes, &space) != MUSTER_OK) {
        muster_stats_add(server->stats, SERVER_STAT_LINK_FULL, 1, 1);
        return NULL;
    }
    struct link_down *record = space;
    *record = (struct link_down){0};
    return record;
}

void world_end_down(struct server *server, uint32_t body_bytes)
{
    ring_commit(server->down, (uint32_t)sizeof(struct link_down) + body_bytes);
}

static void send_tick(struct server *server, uint64_t tick)
{
    struct link_down *record = world_begin_down(server, 0, 0);
    if (record != NULL) {
        record->type = LINK_TICK;
        record->tick = tick;
        world_end_down(server, 0);
    }
}

static void send_drain(struct server *server)
{
    struct link_down *record = world_begin_down(server, 0, 0);
    if (record != NULL) {
        record->type = LINK_DRAIN;
        world_end_down(server, 0);
        server->world.is_drain_passed_on = true;
    }
}

static void send_message_to(
    struct server *server, uint32_t player_index, const muster_outgoing *outgoing)
{
    struct world *world = &server->world;
    const bool is_reliable = server->def.game->messages[outgoing->message_index].is_reliable;
    if (world->holes[player_index] != HOLE_NONE) {
        return; // what came before is missing
    }
    struct link_down *record = world_begin_down(server, outgoing->length, 0);
    if (record != NULL) {
        record->type = LINK_MESSAGE;
        record->player_index = player_index;
        record->message_index = outgoing->message_index;
        memcpy(record + 1, outgoing->bytes, outgoing->length);
        world_end_down(server, outgoing->length);
    } else if (is_reliable) {
        world->holes[player_index] = HOLE_OPEN;
        world->has_holes = true;
    }
}

// A player whom a reliable message did not reach has lost the thread for good, as one whose own
// queue is full. The order to go waits until there is room for it.
static void send_kicks(struct server *server)
{
    struct world *world = &server->world;
    for (uint32_t i = 0; i < server->limits.player_count_max && world->has_holes; i++) {
        const muster_player *player = muster_instance_player(world->instance, i);
        if (world->holes[i] != HOLE_OPEN || player == NULL) {
            continue;
        }
        struct link_down *record = world_begin_down(server, 0, 0);
        if (record == NULL) {
            return;
        }
        record->type = LINK_KICK;
        record->player_index = i;
        record->kick = (struct link_kick){.player_index = i,
            .player_id = {player->id[0], player->id[1]},
            .reason = MUSTER_CLOSE_LIMIT,
            .text = "too far behind"};
        world_end_down(server, 0);
        world->holes[i] = HOLE_TOLD;
    }
    world->has_holes = false;
}

static uint16_t team_of(const muster_instance *instance, const muster_player *player)
{
    const muster_world_view *view = muster_instance_view(instance);
    return player->entity_slot == MUSTER_NONE ? 0 : view->team[player->entity_slot];
}

static bool is_addressed(const muster_instance *instance,
    const muster_outgoing *outgoing,
    uint32_t player_index,
    const muster_player *player)
{
    switch (outgoing->audience) {
    case MUSTER_TO_PLAYER:
        return outgoing->target == player_index;
    case MUSTER_TO_TEAM:
        return outgoing->target == team_of(instance, player);
    case MUSTER_TO_ALL:
        return true;
    }
    return false;
}

static void send_messages(struct server *server)
{
    struct world *world = &server->world;
    const uint32_t player_count_max = server->limits.player_count_max;
    muster_outgoing outgoing;
    while (muster_instance_pop_outgoing(world->instance, &outgoing)) {
        for (uint32_t i = 0; i < player_count_max; i++) {
            const muster_player *player = muster_instance_player(world->instance, i);
            if (player != NULL && is_addressed(world->instance, &outgoing, i, player)) {
                send_message_to(server, i, &outgoing);
            }
        }
    }
}

// From the network.

static void forget_connection(struct world *world, uint32_t player_index)
{
    if (world->connections[player_index] != 0) {
        muster_replica_remove_client(world->replica, player_index);
        world->connections[player_index] = 0;
    }
}

static void take_event(struct server *server, const muster_gateway_event *event, const void *body)
{
    struct world *world = &server->world;
    const uint32_t player_index = event->player_index;
    muster_status status = MUSTER_OK;
    switch (event->type) {
    case MUSTER_GATEWAY_JOINED:
        world->holes[player_index] = HOLE_NONE;
        muster_inbox_push_join(world->inbox, player_index, &event->player, false);
        break;
    case MUSTER_GATEWAY_RESUMED:
        muster_inbox_push_resume(world->inbox, player_index);
        forget_connection(world, player_index);
        break;
    case MUSTER_GATEWAY_READY:
        forget_connection(world, player_index);
        muster_replica_add_client(world->replica, player_index);
        world->connections[player_index] = event->connection;
        world->state_bytes[player_index] = MUSTER_GATEWAY_STATE_BYTES_MAX;
        break;
    case MUSTER_GATEWAY_PATH:
        if (world->connections[player_index] == event->connection) {
            world->state_bytes[player_index] = event->state_bytes_max;
        }
        break;
    case MUSTER_GATEWAY_LOST:
        forget_connection(world, player_index);
        break;
    case MUSTER_GATEWAY_LEFT:
        muster_inbox_push_leave(world->inbox, player_index);
        forget_connection(world, player_index);
        break;
    case MUSTER_GATEWAY_ACTION:
        status = muster_inbox_push_action(world->inbox, player_index, event->action.sequence,
            event->action.tick, event->action.action_index, event->action.steps,
            event->action.step_count);
        break;
    case MUSTER_GATEWAY_MESSAGE:
        status = muster_inbox_push_message(
            world->inbox, player_index, event->message.message_index, body, event->message.length);
        break;
    case MUSTER_GATEWAY_UPDATE_ACKED:
    case MUSTER_GATEWAY_UPDATE_LOST:
        if (world->connections[player_index] == event->connection) {
            const muster_replica_token token = (muster_replica_token)event->token;
            (void)(event->type == MUSTER_GATEWAY_UPDATE_ACKED
                       ? muster_replica_acked(world->replica, player_index, token)
                       : muster_replica_lost(world->replica, player_index, token));
        }
        break;
    case MUSTER_GATEWAY_REFUSED:
        break;
    }
    if (status != MUSTER_OK) {
        muster_stats_add(server->stats, SERVER_STAT_INPUTS_DROPPED, 0, 1);
    }
}

static void take_events(struct server *server)
{
    const void *record;
    uint32_t length;
    while (ring_peek(server->up, &record, &length)) {
        muster_gateway_event event;
        memcpy(&event, record, sizeof event);
        world_tell_gateway(server, &event);
        take_event(server, &event, (const uint8_t *)record + sizeof event);
        ring_release(server->up);
    }
}

// One tick.

static void step(struct server *server, uint64_t tick)
{
    struct world *world = &server->world;
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(world->builder, tick, server->def.seed);
    muster_inbox_close(world->inbox, world->builder, tick);
    muster_frame_close(world->builder, &frame, &length);
    const muster_status status = muster_instance_step(world->instance, frame, length);
    MUSTER_ASSERT(status == MUSTER_OK); // the gateway and the inbox let nothing else through
    world_record(server, frame, length);
    muster_stats_add(server->stats, SERVER_STAT_FRAME_BYTES, 0, length);
    atomic_store_explicit(
        &server->hash, muster_instance_hash(world->instance), memory_order_relaxed);
    atomic_store_explicit(&server->tick, tick, memory_order_relaxed);
}

static void record_phase(struct server *server, enum server_phase phase, uint64_t *start_us)
{
    const uint64_t now_us = clock_monotonic_us();
    muster_stats_record(server->stats, SERVER_STAT_PHASE_TIME, phase, now_us - *start_us);
    *start_us = now_us;
}

// What is shared is as long as what was encoded, of which the mean is known.
static void add_channel_bytes(struct server *server, const muster_replica_counts *now)
{
    const muster_replica_counts *before = &server->world.counts;
    for (uint32_t c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        const uint64_t encodings = now->channel_encodings[c] - before->channel_encodings[c];
        const uint64_t bits = now->channel_encoding_bits[c] - before->channel_encoding_bits[c];
        const uint64_t sections = now->channel_sections[c] - before->channel_sections[c];
        if (encodings > 0) {
            muster_stats_add(
                server->stats, SERVER_STAT_CHANNEL_BYTES, c, sections * bits / encodings / 8);
        }
    }
    server->world.counts = *now;
}

static void set_gauges(struct server *server)
{
    const struct world *world = &server->world;
    const muster_world_view *view = muster_instance_view(world->instance);
    uint32_t entity_count = 0;
    uint32_t player_count = 0;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        entity_count += view->is_alive[i];
    }
    for (uint32_t i = 0; i < server->limits.player_count_max; i++) {
        player_count += muster_instance_player(world->instance, i) != NULL ? 1 : 0;
    }
    const muster_replica_counts counts = muster_replica_count_all(world->replica);
    muster_stats *stats = server->stats;
    add_channel_bytes(server, &counts);
    muster_stats_set(stats, SERVER_STAT_ENTITIES, 0, entity_count);
    muster_stats_set(stats, SERVER_STAT_PLAYERS, 0, player_count);
    muster_stats_set(stats, SERVER_STAT_STATE_BYTES, 0, (int64_t)counts.bytes);
    muster_stats_set(stats, SERVER_STAT_STATE_UPDATES, 0, (int64_t)counts.updates);
    muster_stats_set(stats, SERVER_STAT_SECTIONS, 0, (int64_t)counts.sections);
    muster_stats_set(stats, SERVER_STAT_ENCODINGS, 0, (int64_t)counts.encodings);
}

static void set_costs(struct server *server)
{
    const muster_instance *instance = server->world.instance;
    for (uint32_t i = 0; i < server->stat_table.task_count; i++) {
        const muster_task_cost cost = muster_instance_task_cost(instance, i);
        muster_stats_set(server->stats, SERVER_STAT_TASK_TIME, i, (int64_t)cost.total_ns);
    }
    const muster_task_cost cost = muster_instance_physics_cost(instance);
    muster_stats_set(server->stats, SERVER_STAT_PHYSICS_TIME, 0, (int64_t)cost.total_ns);
}

static void pass_on_drain(struct server *server)
{
    if (atomic_load_explicit(&server->must_drain, memory_order_relaxed) &&
        !server->world.is_drain_passed_on) {
        send_drain(server);
    }
}

void server_world_tick(struct server *server, uint64_t tick)
{
    MUSTER_ASSERT(server != NULL);
    uint64_t phase_us = clock_monotonic_us();
    take_events(server);
    record_phase(server, SERVER_PHASE_INPUT, &phase_us);
    step(server, tick);
    send_tick(server, tick);
    send_messages(server);
    send_kicks(server);
    world_tell_instance(server);
    record_phase(server, SERVER_PHASE_STEP, &phase_us);
    set_costs(server);
    world_replicate(server);
    pass_on_drain(server);
    record_phase(server, SERVER_PHASE_REPLICATE, &phase_us);
    const uint32_t tick_rate_hz = server->def.game->tick_rate_hz;
    if (tick % tick_rate_hz == 0) {
        set_gauges(server);
    }
    if (tick % (tick_rate_hz / MAP_PER_SECOND + 1) == 0) {
        world_tell_map(server);
    }
    world_show(server, tick);
}

uint64_t server_world_now(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return muster_instance_tick(server->world.instance);
}
