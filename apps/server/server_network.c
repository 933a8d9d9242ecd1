// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"
#include "muster/login.h"

#include <string.h>

// The network's side: receives, checks and hands on; takes what the world has for players and sends
// it spread over the tick.

#define PACER_SLOT_COUNT 16u

// States are made in the first part of a tick. Sending them over the rest of it, not all of it,
// keeps the last client's state younger.
#define PACED_SHARE_NUMERATOR   6u
#define PACED_SHARE_DENOMINATOR 10u

#define LINK_UP_KEPT_BYTES (LINK_UP_BYTES / 4u)

#define STATS_PERIOD_US 100000u

static void init_slots(struct slots *slots)
{
    for (uint32_t i = 0; i < NETWORK_BATCH_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch =
        (muster_packet_batch){.packets = slots->packets, .capacity = NETWORK_BATCH_COUNT};
}

static uint32_t timeout_s(const struct settings *settings)
{
    const uint64_t seconds = settings->gateway.connection_timeout_us / 1000000;
    return seconds > 0 ? (uint32_t)seconds : 1;
}

static muster_status create_gateway(struct server *server)
{
    const struct server_def *def = &server->def;
    const struct settings *settings = def->settings;
    muster_gateway_def gateway_def = muster_gateway_default_def();
    gateway_def.game = def->game;
    gateway_def.login.protocol_id = server_protocol_id(def->game);
    gateway_def.login.address_count = 1;
    gateway_def.login.addresses[0] = def->address;
    memcpy(gateway_def.login.private_key, def->private_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(gateway_def.secret, def->secret, sizeof gateway_def.secret);
    gateway_def.schema = server->schema;
    gateway_def.schema_length = (uint32_t)server->schema_length;
    gateway_def.player_count_max = server->limits.player_count_max;
    gateway_def.resume_window_us = settings->gateway.resume_window_us;
    gateway_def.request_rate_max = (uint32_t)settings->gateway.address_requests_per_second;
    gateway_def.malformed_count_max = (uint32_t)settings->gateway.session_malformed_records;
    gateway_def.login.timeout_s = timeout_s(settings);
    gateway_def.packet_rate_max = (uint32_t)settings->gateway.session_packets_per_second;
    gateway_def.byte_rate_max = (uint32_t)settings->gateway.session_traffic_bytes;
    return muster_gateway_create(&gateway_def, &server->network.gateway);
}

muster_status network_create(struct server *server)
{
    struct network *network = &server->network;
    init_slots(&network->out);
    const uint32_t tick_us = 1000000 / server->def.game->tick_rate_hz;
    const muster_status status = muster_pacer_init(&network->pacer,
        tick_us * PACED_SHARE_NUMERATOR / PACED_SHARE_DENOMINATOR, PACER_SLOT_COUNT);
    return status == MUSTER_OK ? create_gateway(server) : status;
}

void network_destroy(struct server *server)
{
    muster_gateway_destroy(server->network.gateway);
}

// Out.

// Packets of links leave the batch, in order; the others close up without losing a slot's memory.
static void flush_links(struct network *network)
{
    muster_packet_batch *batch = &network->out.batch;
    muster_packet links[NETWORK_BATCH_COUNT];
    uint32_t link_count = 0;
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const muster_packet packet = batch->packets[i];
        if (packet.address.family == MUSTER_ADDRESS_LINK) {
            links[link_count++] = packet;
            continue;
        }
        batch->packets[i] = batch->packets[kept_count];
        batch->packets[kept_count++] = packet;
    }
    batch->count = kept_count;
    if (link_count > 0) {
        network->sink->send_links(network->sink->context, links, link_count);
    }
}

static void flush(struct network *network)
{
    flush_links(network);
    if (network->out.batch.count > 0) {
        network->sink->send(network->sink->context, &network->out.batch);
        MUSTER_ASSERT(network->out.batch.count == 0);
    }
}

static void flush_if_short(struct network *network)
{
    if (NETWORK_BATCH_COUNT - network->out.batch.count < 4) {
        flush(network);
    }
}

// In.

// Joins and leaves must not be lost, or world and gateway would disagree about who is there, and
// neither must what a connection has come to: what players send in masses while the world is behind
// leaves them room.
static void push_up(struct server *server, const muster_gateway_event *event)
{
    const bool has_body = event->type == MUSTER_GATEWAY_MESSAGE;
    const uint32_t body_bytes = has_body ? event->message.length : 0;
    const bool is_of_stay =
        event->type <= MUSTER_GATEWAY_LEFT || event->type >= MUSTER_GATEWAY_READY;
    const uint32_t kept_bytes = is_of_stay ? 0 : LINK_UP_KEPT_BYTES;
    void *space;
    if (ring_reserve(server->up, (uint32_t)sizeof *event + body_bytes + kept_bytes, &space) !=
        MUSTER_OK) {
        muster_stats_add(server->stats, SERVER_STAT_LINK_FULL, 0, 1);
        return;
    }
    memcpy(space, event, sizeof *event);
    if (body_bytes > 0) {
        memcpy((uint8_t *)space + sizeof *event, event->message.bytes, body_bytes);
    }
    ring_commit(server->up, (uint32_t)sizeof *event + body_bytes);
}

static void hand_on_events(struct server *server)
{
    muster_gateway_event event;
    while (muster_gateway_pop_event(server->network.gateway, &event)) {
        network_note_player(server, &event);
        push_up(server, &event);
    }
}

static void take_packets(struct server *server, const muster_packet_batch *received)
{
    struct network *network = &server->network;
    for (uint32_t i = 0; i < received->count; i++) {
        flush_if_short(network);
        muster_gateway_receive(
            network->gateway, network->now, &received->packets[i], &network->out.batch);
        hand_on_events(server);
    }
}

// From the world.

static void begin_tick(struct server *server, uint64_t tick)
{
    struct network *network = &server->network;
    muster_gateway_set_tick(network->gateway, tick);
    muster_pacer_begin_tick(&network->pacer, network->now.steady_us, network->state_count);
    network->tick = tick;
    network->state_count = 0;
    network->allowance = 0;
}

static void take_state(struct server *server, const struct link_down *record)
{
    struct network *network = &server->network;
    muster_gateway_state state = record->state;
    state.bytes = (const uint8_t *)(record + 1);
    flush_if_short(network);
    const muster_status status =
        muster_gateway_send_state(network->gateway, network->now, &state, &network->out.batch);
    if (status == MUSTER_ERR_FULL && state.token != 0) {
        const muster_gateway_event lost = {
            .type = MUSTER_GATEWAY_UPDATE_LOST,
            .player_index = state.player_index,
            .connection = state.connection,
            .token = state.token,
        };
        push_up(server, &lost);
    }
    network->state_count++;
}

static void take_record(struct server *server, const struct link_down *record, uint32_t length)
{
    muster_gateway *gateway = server->network.gateway;
    switch (record->type) {
    case LINK_TICK:
        begin_tick(server, record->tick);
        break;
    case LINK_STATE:
        take_state(server, record);
        break;
    case LINK_MESSAGE:
        muster_gateway_send_message(gateway, record->player_index, record->message_index,
            (const uint8_t *)(record + 1), length - (uint32_t)sizeof *record);
        break;
    case LINK_KICK:
        network_kick(server, &record->kick);
        break;
    case LINK_DRAIN:
        muster_gateway_drain(gateway);
        break;
    }
}

// Shares of a tick's states come due one after the other; behind the last share nothing waits, and
// neither does what a later tick has overtaken.
static void add_allowance(struct server *server, uint64_t now_us)
{
    struct network *network = &server->network;
    muster_pacer_share share;
    while (muster_pacer_pop(&network->pacer, now_us, &share)) {
        network->allowance += share.client_end - share.client_first;
    }
    const bool is_behind =
        atomic_load_explicit(&server->tick, memory_order_relaxed) > network->tick;
    if (is_behind || muster_pacer_next_us(&network->pacer) == UINT64_MAX) {
        network->allowance = UINT32_MAX;
    }
}

static void take_records(struct server *server)
{
    struct network *network = &server->network;
    const void *bytes;
    uint32_t length;
    add_allowance(server, network->now.steady_us);
    while (ring_peek(server->down, &bytes, &length)) {
        const struct link_down *record = bytes;
        const bool is_state = record->type == LINK_STATE;
        if (is_state && network->allowance == 0) {
            break;
        }
        network->allowance -= is_state && network->allowance != UINT32_MAX ? 1 : 0;
        take_record(server, record, length);
        ring_release(server->down);
        if (!is_state) {
            add_allowance(server, network->now.steady_us);
        }
    }
}

// What is due without anybody asking.

static void update(struct server *server)
{
    struct network *network = &server->network;
    const uint64_t period_us = 1000000 / server->def.game->tick_rate_hz;
    const uint64_t now_us = network->now.steady_us;
    if (now_us - network->updated_us < period_us) {
        return;
    }
    network->updated_us = now_us;
    flush(network);
    muster_gateway_update(network->gateway, network->now, &network->out.batch);
    hand_on_events(server);
}

static void set_stats(struct server *server)
{
    struct network *network = &server->network;
    muster_stats *stats = server->stats;
    const uint64_t now_us = network->now.steady_us;
    if (now_us - network->stated_us < STATS_PERIOD_US) {
        return;
    }
    network->stated_us = now_us;
    network_note_figures(server);
    const uint64_t *gateway = muster_gateway_counters(network->gateway);
    for (uint32_t i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_GATEWAY, i, (int64_t)gateway[i]);
    }
    const muster_netcode_counters *netcode = muster_gateway_netcode_counters(network->gateway);
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_NETCODE, i, (int64_t)netcode->values[i]);
    }
    const muster_netcode_counters *links = muster_gateway_link_counters(network->gateway);
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_LINKS, i, (int64_t)links->values[i]);
    }
    const uint32_t connection_count = muster_gateway_connection_count(network->gateway);
    muster_stats_set(stats, SERVER_STAT_CONNECTIONS, 0, connection_count);
    const bool must_drain = atomic_load_explicit(&server->must_drain, memory_order_relaxed);
    atomic_store_explicit(
        &server->is_drained, must_drain && connection_count == 0, memory_order_relaxed);
}

void server_network_step(struct server *server,
    muster_netcode_time now,
    const muster_packet_batch *received,
    const struct server_sink *sink)
{
    MUSTER_ASSERT(server != NULL && received != NULL && sink != NULL);
    struct network *network = &server->network;
    network->now = now;
    network->sink = sink;
    take_packets(server, received);
    take_records(server);
    network_take_kicks(server);
    network_take_notices(server);
    update(server);
    flush(network);
    set_stats(server);
}

uint64_t server_network_next_us(const struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    return muster_pacer_next_us(&server->network.pacer);
}
