// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A gateway with clients by hand, in memory and on a clock that the test moves.
///
///     struct world *world = world_with_player(state); // client 0 plays as player 42
///     client_send_inputs(world, 0, &input, 1);
///     exchange(world);                                // the events are in world->events
///
/// The clients show what the gateway lets through and what not, which a real client would never
/// send.

#include "muster/gateway.h"

#include "core/bytes.h"
#include "harness/packets.h"
#include "muster/link.h"
#include "muster/netcode_client.h"
#include "muster/random.h"
#include "wire/play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define TICK_US     16667u
#define EVENT_MAX   256u
#define CLIENT_MAX  20u
#define PLAYER_MAX  2u
#define ISSUE_START 1000u
#define TOKEN_MAX   8u

static const muster_param_def walk_params[] = {
    {.name = "x", .is_real = true, .min = -1.0f, .max = 1.0f, .precision = 0.5f},
};

static const muster_action_def actions[] = {
    {.name = "walk", .params = walk_params, .param_count = 1, .rate_hz_max = 60},
    {.name = "wave", .rate_hz_max = 1},
};

enum { MESSAGE_CHAT, MESSAGE_NEWS, MESSAGE_POINT, MESSAGE_HINT };

static const muster_message_def messages[] = {
    {.name = "chat",
        .bytes_max = 200,
        .is_reliable = true,
        .is_from_players = true,
        .rate_hz_max = 4},
    {.name = "news",
        .bytes_max = 1000,
        .is_reliable = true,
        .is_from_players = false,
        .rate_hz_max = 1},
    {.name = "point",
        .bytes_max = 100,
        .is_reliable = false,
        .is_from_players = true,
        .rate_hz_max = 4},
    {.name = "hint",
        .bytes_max = 1000,
        .is_reliable = false,
        .is_from_players = false,
        .rate_hz_max = 1},
};

static const muster_game game = {
    .abi = MUSTER_GAME_ABI,
    .rules_version = 1,
    .name = "test",
    .tick_rate_hz = 60,
    .actions = actions,
    .action_count = 2,
    .messages = messages,
    .message_count = 4,
};

struct client {
    muster_netcode_client *netcode; // NULL on a link
    muster_session_pool *pool;
    muster_session *session;
    muster_address address;
    uint8_t welcome[PLAY_WELCOME_BYTES_MAX];
    uint32_t welcome_bytes;
    uint32_t welcome_part_count; // before the WELCOME itself
    uint32_t welcome_count;
    size_t schema_length;
    uint32_t update_count;
    uint32_t epoch; // of the last update
    uint32_t custom_count;
    uint32_t loose_count;
    uint64_t newest_tick;
    uint8_t close_reason;
    uint8_t resume_tokens[TOKEN_MAX][MUSTER_CONNECT_TOKEN_BYTES];
    uint32_t resume_token_count;
    uint32_t path_bytes; // longer packets do not reach it; 0 lets all through
    bool is_silent;      // sends nothing and hears nothing
};

struct world {
    muster_gateway *gateway;
    struct client clients[CLIENT_MAX];
    muster_netcode_time now;
    muster_gateway_event events[EVENT_MAX];
    uint8_t message[MUSTER_MESSAGE_BYTES_MAX]; // of the last MESSAGE event
    uint32_t event_count;
    uint64_t issue;
    uint64_t tick;
    struct packets to_server;
    struct packets to_clients;
};

static inline muster_login login(void)
{
    muster_login value = muster_login_default();
    value.protocol_id = 7;
    value.address_count = 1;
    value.addresses[0] = packets_address(1, 7777);
    value.private_key[0] = 9;
    return value;
}

static inline muster_gateway_def world_default_def(void)
{
    muster_gateway_def def = muster_gateway_default_def();
    def.game = &game;
    def.login = login();
    def.player_count_max = PLAYER_MAX;
    def.malformed_count_max = 4;
    def.schema = (const uint8_t *)"schema";
    def.schema_length = 6;
    return def;
}

static inline struct world *world_create(void **state, const muster_gateway_def *def)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    *state = world;
    (void)packets_reset(&world->to_server);
    (void)packets_reset(&world->to_clients);
    assert_int_equal(muster_gateway_create(def, &world->gateway), MUSTER_OK);
    world->tick = 1;
    world->now = (muster_netcode_time){.steady_us = 1000000, .unix_s = 1000};
    world->issue = ISSUE_START;
    return world;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < CLIENT_MAX; i++) {
        muster_netcode_client_destroy(world->clients[i].netcode);
        muster_session_pool_destroy(world->clients[i].pool);
    }
    muster_gateway_destroy(world->gateway);
    free(world);
    return 0;
}

static inline void begin_client(struct client *client, const muster_address *address)
{
    muster_netcode_client_destroy(client->netcode);
    muster_session_pool_destroy(client->pool);
    *client = (struct client){.address = *address};
    const muster_session_pool_def def = muster_session_pool_default_def();
    assert_int_equal(muster_session_pool_create(&def, &client->pool), MUSTER_OK);
    assert_int_equal(muster_session_pool_acquire(client->pool, &client->session), MUSTER_OK);
}

static inline void connect_with(struct world *world, uint32_t index, const uint8_t *token)
{
    struct client *client = &world->clients[index];
    const uint16_t port = (uint16_t)(client->address.port + 5000u + index);
    const muster_address address = packets_address(1, port);
    begin_client(client, &address);
    assert_int_equal(muster_netcode_client_create(NULL, &client->netcode), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(client->netcode, world->now, token), MUSTER_OK);
}

static inline void make_token(
    struct world *world, uint64_t player_id, uint64_t issue, uint8_t *out_token)
{
    const muster_login maker = login();
    const muster_player player = {.id = {player_id, 1}, .name = "Ada", .tier = 2};
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    const muster_random_key key = {.seed = issue, .entity = player_id, .tick = world->now.unix_s};
    for (uint32_t i = 0; i < sizeof random_bytes; i += 8) {
        bytes_store_u64(random_bytes + i, muster_random(key, i));
    }
    assert_int_equal(
        muster_login_issue(&maker, &player, issue, world->now.unix_s, random_bytes, out_token),
        MUSTER_OK);
}

static inline void connect_client(struct world *world, uint32_t index, uint64_t player_id)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, player_id, world->issue, token);
    world->issue += 10;
    connect_with(world, index, token);
}

static inline void drain_events(struct world *world);

// The same over a link.
static inline void connect_link(
    struct world *world, uint32_t index, uint32_t number, uint64_t player_id)
{
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    const muster_address peer = packets_address(9, (uint16_t)number);
    muster_packet packet = {
        .address = muster_address_of_link(number), .length = sizeof ticket, .bytes = ticket};
    begin_client(&world->clients[index], &packet.address);
    muster_link_write_peer(&peer, ticket);
    make_token(world, player_id, world->issue, ticket + MUSTER_LINK_PEER_BYTES);
    world->issue += 10;
    muster_gateway_receive(world->gateway, world->now, &packet, &world->to_clients.batch);
    drain_events(world);
}

static inline void drain_events(struct world *world)
{
    muster_gateway_event event;
    while (muster_gateway_pop_event(world->gateway, &event)) {
        if (event.type == MUSTER_GATEWAY_MESSAGE) {
            memcpy(world->message, event.message.bytes, event.message.length);
        }
        assert_true(world->event_count < EVENT_MAX);
        world->events[world->event_count++] = event;
    }
}

static inline void client_take_welcome(struct client *client, const muster_session_message *message)
{
    assert_true(message->length <= sizeof client->welcome - client->welcome_bytes);
    memcpy(client->welcome + client->welcome_bytes, message->bytes, message->length);
    client->welcome_bytes += message->length;
    if (message->kind == PLAY_MESSAGE_WELCOME_PART) {
        client->welcome_part_count++;
        return;
    }
    struct play_welcome welcome;
    struct play_tables tables;
    assert_int_equal(
        play_read_welcome(client->welcome, client->welcome_bytes, &welcome, &tables), MUSTER_OK);
    client->newest_tick = welcome.tick;
    client->schema_length = tables.schema_length;
    client->welcome_count++;
}

static inline void client_take_blob(struct client *client, const muster_session_blob *blob)
{
    if (blob->kind == PLAY_RECORD_CUSTOM) {
        client->loose_count++;
    }
    if (blob->kind == PLAY_RECORD_UPDATE) {
        struct record_reader reader = record_reader_on(blob->bytes, blob->length);
        struct play_update update;
        play_read_update(&reader, &update);
        assert_false(reader.is_malformed);
        client->epoch = update.epoch;
        client->update_count++;
    }
}

static inline void client_take(
    struct client *client, muster_netcode_time now, muster_packet *packet)
{
    muster_netcode_payload payload;
    muster_session_received received;
    if (client->path_bytes > 0 && packet->length > client->path_bytes) {
        return;
    }
    if (client->netcode == NULL) {
        payload = (muster_netcode_payload){.bytes = packet->bytes, .length = packet->length};
    } else if (!muster_netcode_client_receive(client->netcode, now, packet, &payload)) {
        return;
    }
    if (muster_session_read(client->session, now.steady_us, payload.bytes, payload.length,
            &received) != MUSTER_OK) {
        return;
    }
    if (received.close_reason != 0) {
        client->close_reason = received.close_reason;
    }
    for (uint32_t i = 0; i < received.blob_count; i++) {
        client_take_blob(client, &received.blobs[i]);
    }
    muster_session_message message;
    while (muster_session_pop(client->session, &message)) {
        if (message.kind == PLAY_MESSAGE_WELCOME || message.kind == PLAY_MESSAGE_WELCOME_PART) {
            client_take_welcome(client, &message);
        } else if (message.kind == PLAY_MESSAGE_RESUME) {
            assert_int_equal(message.length, MUSTER_CONNECT_TOKEN_BYTES);
            assert_true(client->resume_token_count < TOKEN_MAX);
            memcpy(
                client->resume_tokens[client->resume_token_count++], message.bytes, message.length);
        } else {
            client->custom_count++;
        }
    }
}

// One packet of the client with a record of given bytes; none if it is not connected.
static inline void client_send(
    struct world *world, uint32_t index, uint8_t kind, const uint8_t *bytes, uint32_t length)
{
    struct client *client = &world->clients[index];
    muster_packet *slot = &world->to_server.batch.packets[world->to_server.batch.count];
    const bool is_link = client->netcode == NULL;
    uint8_t *space = slot->bytes + (is_link ? 0 : MUSTER_NETCODE_PAYLOAD_OFFSET);
    uint8_t *blob;
    uint32_t capacity;
    if (!is_link &&
        muster_netcode_client_state_of(client->netcode) != MUSTER_NETCODE_CLIENT_CONNECTED) {
        return;
    }
    assert_int_equal(
        muster_session_begin_packet(client->session, world->now.steady_us, space, 1200, 1200),
        MUSTER_OK);
    assert_int_equal(
        muster_session_begin_blob(client->session, kind, true, &blob, &capacity), MUSTER_OK);
    if (length > 0) {
        memcpy(blob, bytes, length);
    }
    muster_session_end_blob(client->session, length);
    slot->length = muster_session_end_packet(client->session, 0);
    if (!is_link) {
        assert_int_equal(
            muster_netcode_client_seal(client->netcode, slot->length, slot), MUSTER_OK);
    }
    slot->address = client->address;
    world->to_server.batch.count++;
}

static inline void client_send_inputs(
    struct world *world, uint32_t index, const struct play_input *inputs, uint32_t count)
{
    uint8_t bytes[512];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    assert_int_equal(
        play_write_inputs(&writer, world->clients[index].newest_tick, inputs, count), count);
    client_send(world, index, PLAY_RECORD_INPUT, bytes, (uint32_t)writer.length);
}

// Carries what clients have written to the gateway, and its answers back.
static inline void exchange(struct world *world)
{
    for (uint32_t i = 0; i < CLIENT_MAX; i++) {
        struct client *client = &world->clients[i];
        if (client->netcode != NULL && !client->is_silent) {
            const uint32_t before_count = world->to_server.batch.count;
            muster_netcode_client_update(client->netcode, world->now, &world->to_server.batch);
            for (uint32_t k = before_count; k < world->to_server.batch.count; k++) {
                world->to_server.slots[k].address = client->address;
            }
        }
    }
    for (uint32_t i = 0; i < world->to_server.batch.count; i++) {
        muster_gateway_receive(
            world->gateway, world->now, &world->to_server.slots[i], &world->to_clients.batch);
        drain_events(world);
    }
    muster_gateway_update(world->gateway, world->now, &world->to_clients.batch);
    drain_events(world);
    for (uint32_t i = 0; i < world->to_clients.batch.count; i++) {
        for (uint32_t k = 0; k < CLIENT_MAX; k++) {
            struct client *client = &world->clients[k];
            if (client->session != NULL && !client->is_silent &&
                muster_address_is_equal(&client->address, &world->to_clients.slots[i].address)) {
                world->to_clients.slots[i].address = packets_address(1, 7777);
                client_take(client, world->now, &world->to_clients.slots[i]);
            }
        }
    }
    (void)packets_reset(&world->to_server);
    (void)packets_reset(&world->to_clients);
}

static inline void run(struct world *world, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        muster_gateway_set_tick(world->gateway, world->tick++);
        world->now.steady_us += TICK_US;
        world->now.unix_s = 1000 + world->now.steady_us / 1000000;
        for (uint32_t k = 0; k < CLIENT_MAX; k++) {
            if (world->clients[k].session != NULL && !world->clients[k].is_silent) {
                client_send_inputs(world, k, NULL, 0);
            }
        }
        exchange(world);
    }
}

static inline const muster_gateway_event *find_event(
    const struct world *world, muster_gateway_event_type type)
{
    for (uint32_t i = 0; i < world->event_count; i++) {
        if (world->events[i].type == type) {
            return &world->events[i];
        }
    }
    return NULL;
}

static inline uint32_t count_events(const struct world *world, muster_gateway_event_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->event_count; i++) {
        count += world->events[i].type == type ? 1 : 0;
    }
    return count;
}

static inline uint64_t counter(const struct world *world, muster_gateway_counter which)
{
    return muster_gateway_counters(world->gateway)[which];
}

static inline struct world *world_with_player(void **state)
{
    const muster_gateway_def def = world_default_def();
    struct world *world = world_create(state, &def);
    connect_client(world, 0, 42);
    run(world, 30);
    assert_non_null(find_event(world, MUSTER_GATEWAY_READY));
    return world;
}

static inline struct play_input walk(uint32_t sequence, uint64_t tick, uint32_t step)
{
    return (struct play_input){
        .tick = tick, .sequence = sequence, .action_index = 0, .step_count = 1, .steps = {step}};
}

// Sends full states of a length for some ticks.
// @return the length that the last PATH event has asked for, or `state_bytes`
static inline uint32_t send_full_states(
    struct world *world, uint32_t state_bytes, uint32_t tick_count)
{
    static const uint8_t bytes[MUSTER_GATEWAY_STATE_BYTES_MAX] = {0};
    const uint32_t connection = find_event(world, MUSTER_GATEWAY_READY)->connection;
    const muster_gateway_event ready = *find_event(world, MUSTER_GATEWAY_READY);
    for (uint32_t i = 0; i < tick_count; i++) {
        const muster_gateway_state update = {.player_index = 0,
            .connection = connection,
            .token = i + 1,
            .bytes = bytes,
            .length = state_bytes};
        assert_int_equal(muster_gateway_send_state(
                             world->gateway, world->now, &update, &world->to_clients.batch),
            MUSTER_OK);
        world->events[0] = ready;
        world->event_count = 1;
        run(world, 1);
        const muster_gateway_event *path = find_event(world, MUSTER_GATEWAY_PATH);
        if (path != NULL) {
            assert_int_equal(path->connection, connection);
            state_bytes = path->state_bytes_max;
        }
    }
    return state_bytes;
}
