// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_state.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "muster/login.h"

#include <string.h>

// The network thread: receives, checks and hands on; takes what the world has for players and sends
// it spread over the tick.

#define POLL_US_MAX      1000u
#define RECEIVE_ROUNDS   8u
#define PACER_SLOT_COUNT 16u

// States are made in the first part of a tick. Sending them over the rest of it, not all of it,
// keeps the last client's state younger.
#define PACED_SHARE_NUMERATOR   6u
#define PACED_SHARE_DENOMINATOR 10u

#define STATS_PERIOD_US 100000u

static void init_slots(struct slots *slots)
{
    for (uint32_t i = 0; i < NETWORK_BATCH_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch =
        (muster_packet_batch){.packets = slots->packets, .capacity = NETWORK_BATCH_COUNT};
}

static muster_status open_socket(struct server *server, struct driver_error *out_error)
{
    const struct settings *settings = server->def.settings;
    struct udp_def def = udp_default_def();
    def.receive_buffer_bytes = (uint32_t)settings->network.receive_buffer_bytes;
    def.send_buffer_bytes = (uint32_t)settings->network.send_buffer_bytes;
    const muster_status status = muster_address_parse(settings->network.bind, &def.address);
    if (status != MUSTER_OK) {
        driver_error_write(
            out_error, 0, "network.bind is no address: \"%s\"", settings->network.bind);
        return MUSTER_ERR_INVALID;
    }
    def.address.port = (uint16_t)settings->network.udp_port;
    return udp_open(&def, &server->network.socket, out_error);
}

static muster_status create_gateway(struct server *server)
{
    const struct server_def *def = &server->def;
    const struct settings *settings = def->settings;
    muster_gateway_def gateway_def = muster_gateway_default_def();
    gateway_def.game = def->game;
    gateway_def.login.protocol_id = server_protocol_id(def->game);
    gateway_def.login.address_count = 1;
    gateway_def.login.addresses[0] = udp_local_address(server->network.socket);
    memcpy(gateway_def.login.private_key, def->private_key, MUSTER_NETCODE_KEY_BYTES);
    clock_random_bytes(gateway_def.secret, sizeof gateway_def.secret);
    gateway_def.schema = server->schema;
    gateway_def.schema_length = (uint32_t)server->schema_length;
    gateway_def.player_count_max = def->game->limits.player_count_max;
    if (settings->limits.players < gateway_def.player_count_max) {
        gateway_def.player_count_max = (uint32_t)settings->limits.players;
    }
    gateway_def.resume_window_us = settings->gateway.resume_window_ns / 1000;
    gateway_def.packet_rate_max = (uint32_t)settings->gateway.session_packets_per_second;
    gateway_def.byte_rate_max = (uint32_t)settings->gateway.session_traffic_bytes;
    return muster_gateway_create(&gateway_def, &server->network.gateway);
}

muster_status network_create(struct server *server, struct driver_error *out_error)
{
    struct network *network = &server->network;
    init_slots(&network->in);
    init_slots(&network->out);
    const uint32_t tick_us = 1000000 / server->def.game->tick_rate_hz;
    muster_status status = muster_pacer_init(&network->pacer,
        tick_us * PACED_SHARE_NUMERATOR / PACED_SHARE_DENOMINATOR, PACER_SLOT_COUNT);
    if (status == MUSTER_OK) {
        status = open_socket(server, out_error);
    }
    if (status == MUSTER_OK) {
        status = create_gateway(server);
    }
    if (status != MUSTER_OK && out_error->text[0] == '\0') {
        driver_error_write(
            out_error, 0, "the gateway cannot be made: %s", muster_status_name(status));
    }
    return status;
}

void network_destroy(struct server *server)
{
    muster_gateway_destroy(server->network.gateway);
    udp_close(server->network.socket);
}

static muster_netcode_time now(void)
{
    return (muster_netcode_time){.steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
}

// Out.

// What the kernel has no room for is dropped: state goes stale, and the rest is sent again.
static void flush(struct network *network)
{
    if (network->out.batch.count > 0) {
        (void)udp_send(network->socket, &network->out.batch, 0);
        network->out.batch.count = 0;
    }
}

static void flush_if_short(struct network *network)
{
    if (NETWORK_BATCH_COUNT - network->out.batch.count < 4) {
        flush(network);
    }
}

// In.

static void push_up(struct server *server, const muster_gateway_event *event)
{
    const bool has_body = event->type == MUSTER_GATEWAY_MESSAGE;
    const uint32_t body_bytes = has_body ? event->message.length : 0;
    void *space;
    if (ring_reserve(server->up, (uint32_t)sizeof *event + body_bytes, &space) != MUSTER_OK) {
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
        push_up(server, &event);
    }
}

static void receive(struct server *server)
{
    struct network *network = &server->network;
    for (uint32_t round = 0; round < RECEIVE_ROUNDS; round++) {
        const uint32_t count = udp_receive(network->socket, &network->in.batch);
        const muster_netcode_time time = now();
        for (uint32_t i = 0; i < count; i++) {
            flush_if_short(network);
            muster_gateway_receive(
                network->gateway, time, &network->in.batch.packets[i], &network->out.batch);
            hand_on_events(server);
        }
        if (count < NETWORK_BATCH_COUNT) {
            return;
        }
    }
}

// From the world.

static void begin_tick(struct server *server, uint64_t tick)
{
    struct network *network = &server->network;
    muster_gateway_set_tick(network->gateway, tick);
    muster_pacer_begin_tick(&network->pacer, clock_monotonic_us(), network->state_count);
    network->state_count = 0;
    network->allowance = 0;
}

static void take_state(
    struct server *server, const struct link_down *record, muster_netcode_time time)
{
    struct network *network = &server->network;
    muster_gateway_state state = record->state;
    state.bytes = (const uint8_t *)(record + 1);
    flush_if_short(network);
    const muster_status status =
        muster_gateway_send_state(network->gateway, time, &state, &network->out.batch);
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

static void take_record(struct server *server,
    const struct link_down *record,
    uint32_t length,
    muster_netcode_time time)
{
    muster_gateway *gateway = server->network.gateway;
    switch (record->type) {
    case LINK_TICK:
        begin_tick(server, record->tick);
        break;
    case LINK_STATE:
        take_state(server, record, time);
        break;
    case LINK_MESSAGE:
        muster_gateway_send_message(gateway, record->player_index, record->message_index,
            (const uint8_t *)(record + 1), length - (uint32_t)sizeof *record);
        break;
    case LINK_KICK:
        muster_gateway_kick(gateway, record->player_index, record->reason, NULL);
        break;
    case LINK_DRAIN:
        muster_gateway_drain(gateway);
        break;
    }
}

// Shares of a tick's states come due one after the other; behind the last share nothing waits.
static void add_allowance(struct network *network, uint64_t now_us)
{
    muster_pacer_share share;
    while (muster_pacer_pop(&network->pacer, now_us, &share)) {
        network->allowance += share.client_end - share.client_first;
    }
    if (muster_pacer_next_us(&network->pacer) == UINT64_MAX) {
        network->allowance = UINT32_MAX;
    }
}

static void take_records(struct server *server)
{
    struct network *network = &server->network;
    const muster_netcode_time time = now();
    const void *bytes;
    uint32_t length;
    add_allowance(network, time.steady_us);
    while (ring_peek(server->down, &bytes, &length)) {
        const struct link_down *record = bytes;
        const bool is_state = record->type == LINK_STATE;
        if (is_state && network->allowance == 0) {
            break;
        }
        network->allowance -= is_state && network->allowance != UINT32_MAX ? 1 : 0;
        take_record(server, record, length, time);
        ring_release(server->down);
        if (!is_state) {
            add_allowance(network, time.steady_us);
        }
    }
}

// What is due without anybody asking.

static void update(struct server *server)
{
    struct network *network = &server->network;
    const muster_netcode_time time = now();
    const uint64_t period_us = 1000000 / server->def.game->tick_rate_hz;
    if (time.steady_us - network->updated_us < period_us) {
        return;
    }
    network->updated_us = time.steady_us;
    flush(network);
    muster_gateway_update(network->gateway, time, &network->out.batch);
    hand_on_events(server);
}

static void set_stats(struct server *server)
{
    struct network *network = &server->network;
    muster_stats *stats = server->stats;
    const uint64_t now_us = clock_monotonic_us();
    if (now_us - network->stated_us < STATS_PERIOD_US) {
        return;
    }
    network->stated_us = now_us;
    const uint64_t *gateway = muster_gateway_counters(network->gateway);
    for (uint32_t i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_GATEWAY, i, (int64_t)gateway[i]);
    }
    const muster_netcode_counters *netcode = muster_gateway_netcode_counters(network->gateway);
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_NETCODE, i, (int64_t)netcode->values[i]);
    }
    const struct udp_stats udp = udp_read_stats(network->socket);
    const uint32_t connection_count = muster_gateway_connection_count(network->gateway);
    muster_stats_set(stats, SERVER_STAT_CONNECTIONS, 0, connection_count);
    muster_stats_set(stats, SERVER_STAT_PACKETS_IN, 0, (int64_t)udp.packets_received);
    muster_stats_set(stats, SERVER_STAT_PACKETS_OUT, 0, (int64_t)udp.packets_sent);
    muster_stats_set(stats, SERVER_STAT_BYTES_IN, 0, (int64_t)udp.bytes_received);
    muster_stats_set(stats, SERVER_STAT_BYTES_OUT, 0, (int64_t)udp.bytes_sent);
    atomic_store_explicit(&server->network_cpu_ns, clock_thread_cpu_ns(), memory_order_relaxed);
    const bool must_drain = atomic_load_explicit(&server->must_drain, memory_order_relaxed);
    atomic_store_explicit(
        &server->is_drained, must_drain && connection_count == 0, memory_order_relaxed);
}

static uint32_t wait_us(const struct server *server)
{
    const uint64_t next_us = muster_pacer_next_us(&server->network.pacer);
    const uint64_t now_us = clock_monotonic_us();
    if (next_us <= now_us) {
        return 0;
    }
    return next_us - now_us < POLL_US_MAX ? (uint32_t)(next_us - now_us) : POLL_US_MAX;
}

void *network_run(void *context)
{
    struct server *server = context;
    struct network *network = &server->network;
    clock_prefer_punctual();
    while (!atomic_load_explicit(&server->must_stop, memory_order_relaxed)) {
        if (udp_wait(network->socket, wait_us(server))) {
            receive(server);
        }
        take_records(server);
        update(server);
        flush(network);
        set_stats(server);
    }
    return NULL;
}
