// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_state.h"

#include "core/assert.h"

#include <sodium.h>

// Connections beyond the players: those being told goodbye, and those that replace another.
#define SPARE_CONNECTION_COUNT(player_count) (64u + (player_count) / 4u)

#define REQUEST_RATE_SLOT_COUNT 16384u
#define REQUEST_TYPE            0u // the first byte of a netcode connection request

// Fragments for a session's WELCOME, resume token and some messages.
#define SEND_FRAGMENTS_PER_SESSION    48u
#define SEND_FRAGMENTS_OF_SESSION_MAX 256u

// The longest message of a player takes four.
#define RECEIVE_FRAGMENTS_PER_SESSION 8u

static size_t padded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

muster_gateway_def muster_gateway_default_def(void)
{
    return (muster_gateway_def){
        .login = muster_login_default(),
        .player_count_max = 1024,
        .resume_window_us = 30000000,
        .request_rate_max = 500,
        .packet_rate_max = 300,
        .byte_rate_max = 65536,
        .malformed_count_max = 32,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_gateway_def *def)
{
    return def->game != NULL && def->player_count_max >= 1 && def->player_count_max <= 4096 &&
           def->login.address_count >= 1 &&
           def->login.address_count <= MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX &&
           def->request_rate_max >= 1 && def->packet_rate_max >= 1 &&
           def->byte_rate_max >= MUSTER_NETCODE_PAYLOAD_BYTES_MAX &&
           def->malformed_count_max >= 1 && def->allocator.alloc != NULL &&
           def->allocator.free != NULL;
}

static muster_status create_server(muster_gateway *gateway)
{
    const muster_gateway_def *def = &gateway->def;
    muster_netcode_server_def server_def = muster_netcode_server_default_def();
    server_def.protocol_id = def->login.protocol_id;
    server_def.client_count_max = gateway->netcode_count_max;
    server_def.token_count_max = 8192 + 8 * gateway->netcode_count_max;
    server_def.address_count = def->login.address_count;
    memcpy(server_def.addresses, def->login.addresses, sizeof server_def.addresses);
    memcpy(server_def.private_key, def->login.private_key, sizeof server_def.private_key);
    memcpy(server_def.secret, def->secret, sizeof server_def.secret);
    server_def.allocator = def->allocator;
    const muster_status status = muster_netcode_server_create(&server_def, &gateway->server);
    sodium_memzero(&server_def, sizeof server_def);
    return status;
}

// As many as netcode has, so that everybody may come either way.
static muster_status create_links(muster_gateway *gateway)
{
    const muster_gateway_def *def = &gateway->def;
    struct link_server_def links_def = {
        .netcode = gateway->server,
        .link_count_max = gateway->netcode_count_max,
        .allocator = def->allocator,
    };
    uint8_t seed[crypto_kdf_BYTES_MIN];
    const int result = crypto_kdf_derive_from_key(seed, sizeof seed, 1, "linkseed", def->secret);
    MUSTER_ASSERT(result == 0);
    memcpy(&links_def.seed, seed, sizeof links_def.seed);
    return link_server_create(&links_def, &gateway->links);
}

static muster_status create_sessions(muster_gateway *gateway)
{
    muster_session_pool_def pool_def = muster_session_pool_default_def();
    pool_def.session_count = gateway->netcode_count_max;
    pool_def.receive_fragment_count = RECEIVE_FRAGMENTS_PER_SESSION;
    pool_def.send_fragment_count = SEND_FRAGMENTS_PER_SESSION * gateway->netcode_count_max;
    pool_def.session_send_fragment_count_max = SEND_FRAGMENTS_OF_SESSION_MAX;
    pool_def.allocator = gateway->def.allocator;
    return muster_session_pool_create(&pool_def, &gateway->sessions);
}

// Every object that the gateway owns; what was created before a failure is destroyed by the caller.
static muster_status create_parts(muster_gateway *gateway)
{
    muster_status status = create_server(gateway);
    if (status == MUSTER_OK) {
        status = create_links(gateway);
    }
    if (status == MUSTER_OK) {
        status = create_sessions(gateway);
    }
    if (status == MUSTER_OK) {
        struct ring_def ring_def = ring_default_def();
        ring_def.capacity_bytes = EVENT_RING_BYTES;
        ring_def.allocator = gateway->def.allocator;
        status = ring_create(&ring_def, &gateway->events);
    }
    if (status == MUSTER_OK) {
        status = rate_table_create(&gateway->def.allocator, REQUEST_RATE_SLOT_COUNT,
            gateway->def.secret, &gateway->request_rates);
    }
    return status;
}

muster_status muster_gateway_create(const muster_gateway_def *def, muster_gateway **out_gateway)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_gateway != NULL);
    *out_gateway = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const uint32_t player_count = def->player_count_max;
    const uint32_t netcode_count = player_count + SPARE_CONNECTION_COUNT(player_count);
    const size_t players_offset = padded(sizeof(muster_gateway));
    const size_t connections_offset = players_offset + padded(player_count * sizeof(struct player));
    const size_t outcasts_offset =
        connections_offset + padded(2 * netcode_count * sizeof(struct connection));
    const size_t actions_offset = outcasts_offset + padded(OUTCAST_COUNT * sizeof(struct outcast));
    const size_t messages_offset =
        actions_offset +
        padded((size_t)player_count * def->game->action_count * sizeof(struct rate));
    const size_t bytes = messages_offset + padded((size_t)player_count * def->game->message_count *
                                                  sizeof(struct rate));

    uint8_t *memory = def->allocator.alloc(def->allocator.context, bytes, 16);
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(memory, 0, bytes);
    muster_gateway *gateway = (void *)memory;
    gateway->def = *def;
    gateway->bytes = bytes;
    gateway->netcode_count_max = netcode_count;
    gateway->players = (void *)(memory + players_offset);
    gateway->connections = (void *)(memory + connections_offset);
    gateway->outcasts = (void *)(memory + outcasts_offset);
    gateway->action_rates = (void *)(memory + actions_offset);
    gateway->message_rates = (void *)(memory + messages_offset);

    const muster_status status = create_parts(gateway);
    if (status != MUSTER_OK) {
        muster_gateway_destroy(gateway);
        return status;
    }
    *out_gateway = gateway;
    return MUSTER_OK;
}

void muster_gateway_destroy(muster_gateway *gateway)
{
    if (gateway == NULL) {
        return;
    }
    link_server_destroy(gateway->links);
    muster_netcode_server_destroy(gateway->server);
    muster_session_pool_destroy(gateway->sessions);
    ring_destroy(gateway->events);
    rate_table_destroy(gateway->request_rates);
    const muster_allocator allocator = gateway->def.allocator;
    const size_t bytes = gateway->bytes;
    sodium_memzero(gateway, sizeof *gateway);
    allocator.free(allocator.context, gateway, bytes);
}

void muster_gateway_set_tick(muster_gateway *gateway, uint64_t tick)
{
    MUSTER_ASSERT(gateway != NULL);
    MUSTER_ASSERT(tick >= gateway->tick);
    gateway->tick = tick;
}

// Events.

bool gateway_push_event(
    muster_gateway *gateway, const muster_gateway_event *event, const void *bytes, uint32_t length)
{
    void *space;
    const uint32_t record_bytes = (uint32_t)sizeof *event + length;
    if (ring_reserve(gateway->events, record_bytes, &space) != MUSTER_OK) {
        return false;
    }
    memcpy(space, event, sizeof *event);
    if (length > 0) {
        memcpy((uint8_t *)space + sizeof *event, bytes, length);
    }
    ring_commit(gateway->events, record_bytes);
    return true;
}

muster_gateway_event gateway_player_event(const muster_gateway *gateway,
    muster_gateway_event_type type,
    uint32_t player_index,
    bool has_info)
{
    const struct player *player = &gateway->players[player_index];
    const bool is_connected = player->state == PLAYER_PLAYING;
    muster_gateway_event event = {
        .type = type,
        .player_index = player_index,
        .connection = is_connected ? gateway->connections[player->client_index].number : 0,
        .address = player->address,
        .is_link = player->is_link,
    };
    if (has_info) {
        event.player = player->info;
    }
    return event;
}

// The record that the last pop showed is given back now, because its bytes were read in place.
bool muster_gateway_pop_event(muster_gateway *gateway, muster_gateway_event *out_event)
{
    MUSTER_ASSERT(gateway != NULL);
    MUSTER_ASSERT(out_event != NULL);
    if (gateway->is_event_held) {
        gateway->is_event_held = false;
        ring_release(gateway->events);
    }
    const void *record;
    uint32_t length;
    if (!ring_peek(gateway->events, &record, &length)) {
        return false;
    }
    gateway->is_event_held = true;
    memcpy(out_event, record, sizeof *out_event);
    if (out_event->type == MUSTER_GATEWAY_MESSAGE) {
        out_event->message.bytes = (const uint8_t *)record + sizeof *out_event;
    }
    return true;
}

static void assert_events_are_drained(const muster_gateway *gateway)
{
    const void *record;
    uint32_t length;
    MUSTER_ASSERT(!gateway->is_event_held);
    MUSTER_ASSERT(!ring_peek(gateway->events, &record, &length));
}

// Packets in.

static bool take_request(muster_gateway *gateway, const muster_address *address)
{
    const uint64_t interval_us = 1000000 / gateway->def.request_rate_max;
    if (rate_table_take(
            gateway->request_rates, address, gateway->now.steady_us, interval_us, 1000000)) {
        return true;
    }
    gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE]++;
    return false;
}

static bool receive_netcode(muster_gateway *gateway,
    muster_packet *packet,
    muster_packet_batch *packets,
    muster_netcode_event *out_event)
{
    const bool is_request = packet->length > 0 && packet->bytes[0] == REQUEST_TYPE;
    return (!is_request || take_request(gateway, &packet->address)) &&
           muster_netcode_server_receive(gateway->server, gateway->now, packet, packets, out_event);
}

static bool receive_link(muster_gateway *gateway,
    muster_packet *packet,
    muster_packet_batch *packets,
    muster_netcode_event *out_event)
{
    muster_address peer;
    if (link_server_is_ticket(gateway->links, packet, &peer) && !take_request(gateway, &peer)) {
        link_server_refuse(gateway->links, &packet->address, MUSTER_CLOSE_LIMIT,
            "too many connections from this address", packets);
        return false;
    }
    if (!link_server_receive(gateway->links, gateway->now, packet, packets, out_event)) {
        return false;
    }
    out_event->client_index += gateway->netcode_count_max;
    return true;
}

void muster_gateway_receive(muster_gateway *gateway,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *packets)
{
    MUSTER_ASSERT(gateway != NULL && packet != NULL && packets != NULL);
    assert_events_are_drained(gateway);
    gateway->now = now;
    muster_netcode_event event;
    const bool is_event = packet->address.family == MUSTER_ADDRESS_LINK
                              ? receive_link(gateway, packet, packets, &event)
                              : receive_netcode(gateway, packet, packets, &event);
    if (!is_event) {
        return;
    }
    switch (event.type) {
    case MUSTER_NETCODE_EVENT_CONNECTED:
        gateway_let_in(gateway, &event);
        break;
    case MUSTER_NETCODE_EVENT_PAYLOAD:
        gateway_take_payload(gateway, event.client_index, event.bytes, event.length);
        break;
    case MUSTER_NETCODE_EVENT_DISCONNECTED:
        (void)gateway_lose(gateway, event.client_index, event.reason);
        break;
    case MUSTER_NETCODE_EVENT_NONE:
        break;
    }
}

static bool has_event_room(const muster_gateway *gateway)
{
    void *space;
    return ring_reserve(gateway->events, (uint32_t)sizeof(muster_gateway_event), &space) ==
           MUSTER_OK;
}

static void lose(muster_gateway *gateway, const muster_netcode_event *event, uint32_t first_index)
{
    MUSTER_ASSERT(event->type == MUSTER_NETCODE_EVENT_DISCONNECTED);
    const bool is_lost = gateway_lose(gateway, first_index + event->client_index, event->reason);
    MUSTER_ASSERT(is_lost);
}

// A connection that was given up has no packets to send, so events that find no room wait where
// they are: nothing is popped that cannot be handed on.
static void pop_silent(muster_gateway *gateway)
{
    muster_netcode_event event;
    while (has_event_room(gateway) && muster_netcode_server_pop_event(gateway->server, &event)) {
        lose(gateway, &event, 0);
    }
    while (has_event_room(gateway) && link_server_pop_silent(gateway->links, &event)) {
        lose(gateway, &event, gateway->netcode_count_max);
    }
}

void muster_gateway_update(
    muster_gateway *gateway, muster_netcode_time now, muster_packet_batch *packets)
{
    MUSTER_ASSERT(gateway != NULL && packets != NULL);
    assert_events_are_drained(gateway);
    gateway->now = now;
    muster_netcode_server_update(gateway->server, now, packets);
    pop_silent(gateway);
    gateway_update_players(gateway);
    gateway_update_connections(gateway, packets);
}

// What is known.

uint32_t muster_gateway_connection_count(const muster_gateway *gateway)
{
    MUSTER_ASSERT(gateway != NULL);
    return muster_netcode_server_client_count(gateway->server) + link_server_count(gateway->links);
}

const uint64_t *muster_gateway_counters(const muster_gateway *gateway)
{
    MUSTER_ASSERT(gateway != NULL);
    return gateway->counters;
}

const muster_netcode_counters *muster_gateway_netcode_counters(const muster_gateway *gateway)
{
    MUSTER_ASSERT(gateway != NULL);
    return muster_netcode_server_counters(gateway->server);
}

const muster_netcode_counters *muster_gateway_link_counters(const muster_gateway *gateway)
{
    MUSTER_ASSERT(gateway != NULL);
    return link_server_counters(gateway->links);
}

const muster_session *muster_gateway_session(const muster_gateway *gateway, uint32_t player_index)
{
    MUSTER_ASSERT(gateway != NULL);
    MUSTER_ASSERT(player_index < gateway->def.player_count_max);
    const struct player *player = &gateway->players[player_index];
    return player->state == PLAYER_PLAYING ? gateway->connections[player->client_index].session
                                           : NULL;
}

const char *muster_gateway_counter_name(muster_gateway_counter counter)
{
    static const char *const names[MUSTER_GATEWAY_COUNTER_COUNT] = {"joined", "resumed", "lost",
        "left", "kicked", "actions", "messages", "refused_full", "refused_draining",
        "refused_old_token", "refused_player_data", "refused_request_rate", "refused_packet_rate",
        "refused_action_rate", "refused_message_rate", "malformed_packet", "malformed_input",
        "malformed_message", "queue_full", "refused_outcast", "messages_dropped", "narrowed"};
    const uint32_t index = (uint32_t)counter;
    return index < MUSTER_GATEWAY_COUNTER_COUNT ? names[index] : "unknown";
}
