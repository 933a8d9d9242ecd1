// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A netcode server and clients in memory, on a clock that the test moves.
///
///     struct pair pair = {0};
///     pair_create(&pair);
///     pair_connect(&pair, pair.client, 7);
///     pair_destroy(&pair);

#include "muster/netcode_client.h"
#include "muster/netcode_server.h"

#include "harness/failing_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PAIR_PROTOCOL_ID    UINT64_C(0x1122334455667788)
#define PAIR_UNIX_S         UINT64_C(1800000000)
#define PAIR_SLOT_COUNT     64
#define PAIR_CLIENT_ADDRESS "10.0.0.1:5000"
#define PAIR_SERVER_ADDRESS "192.0.2.1:7777"

/// Slots with memory of their own.
struct slots {
    muster_packet_batch batch;
    muster_packet packets[PAIR_SLOT_COUNT];
    uint8_t bytes[PAIR_SLOT_COUNT][MUSTER_PACKET_BYTES_MAX];
};

struct pair {
    struct failing_heap heap;
    muster_netcode_server_def server_def;
    muster_connect_token_def token_def;
    muster_netcode_server *server;
    muster_netcode_client *client;
    muster_netcode_time now;
    struct slots to_server;
    struct slots to_client;
    muster_netcode_event event; // the last one of the server
    uint32_t event_count;       // how many there were
    uint8_t event_bytes[MUSTER_NETCODE_PAYLOAD_BYTES_MAX];
    uint8_t payload[MUSTER_NETCODE_PAYLOAD_BYTES_MAX]; // the client's last one
    uint32_t payload_bytes;
    uint32_t payload_count;
};

static inline void slots_reset(struct slots *slots)
{
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = PAIR_SLOT_COUNT};
    for (uint32_t i = 0; i < PAIR_SLOT_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
}

static inline muster_address address_of(const char *text)
{
    muster_address address;
    assert_int_equal(muster_address_parse(text, &address), MUSTER_OK);
    return address;
}

static inline void pair_create(struct pair *pair)
{
    pair->heap.alloc_count_max = UINT32_MAX;
    pair->now = (muster_netcode_time){.steady_us = 1000, .unix_s = PAIR_UNIX_S};
    slots_reset(&pair->to_server);
    slots_reset(&pair->to_client);

    muster_netcode_server_def *def = &pair->server_def;
    if (def->client_count_max == 0) {
        *def = muster_netcode_server_default_def();
        def->client_count_max = 4;
        def->pending_count_max = 4;
        def->token_count_max = 16;
    }
    def->protocol_id = PAIR_PROTOCOL_ID;
    def->address_count = 1;
    def->addresses[0] = address_of(PAIR_SERVER_ADDRESS);
    memset(def->private_key, 0x11, sizeof def->private_key);
    memset(def->secret, 0x22, sizeof def->secret);
    def->allocator = failing_heap_allocator(&pair->heap);
    assert_int_equal(muster_netcode_server_create(def, &pair->server), MUSTER_OK);
    assert_int_equal(muster_netcode_client_create(&def->allocator, &pair->client), MUSTER_OK);
}

static inline void pair_destroy(struct pair *pair)
{
    muster_netcode_server_destroy(pair->server);
    muster_netcode_client_destroy(pair->client);
    assert_int_equal(pair->heap.bytes_live, 0);
}

/// A token for this server, good for 30 s; every number gives another one.
static inline muster_connect_token_def pair_token_def(const struct pair *pair, uint64_t number)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = PAIR_PROTOCOL_ID;
    def.client_id = number;
    def.create_unix_s = pair->now.unix_s;
    def.expire_unix_s = pair->now.unix_s + 30;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = address_of(PAIR_SERVER_ADDRESS);
    memcpy(def.private_key, pair->server_def.private_key, sizeof def.private_key);
    memset(def.nonce, (int)(number + 1), sizeof def.nonce);
    memset(def.client_to_server_key, (int)(number + 2), sizeof def.client_to_server_key);
    memset(def.server_to_client_key, (int)(number + 3), sizeof def.server_to_client_key);
    for (uint32_t i = 0; i < sizeof def.user_data; i++) {
        def.user_data[i] = (uint8_t)(i + number);
    }
    return def;
}

static inline void pair_advance_us(struct pair *pair, uint64_t us)
{
    pair->now.steady_us += us;
}

static inline void pair_keep_event(struct pair *pair)
{
    pair->event_count++;
    if (pair->event.length > 0) {
        memcpy(pair->event_bytes, pair->event.bytes, pair->event.length);
    }
}

/// Hands a copy of the bytes to the server, in a slot of its own.
static inline bool pair_server_receive(
    struct pair *pair, const muster_address *from, const uint8_t *bytes, uint32_t length)
{
    static uint8_t slot[MUSTER_PACKET_BYTES_MAX];
    if (length > 0) {
        memcpy(slot, bytes, length);
    }
    muster_packet packet = {.address = *from, .length = length, .bytes = slot};
    const uint32_t reply_count = pair->to_client.batch.count;
    const bool is_event = muster_netcode_server_receive(
        pair->server, pair->now, &packet, &pair->to_client.batch, &pair->event);
    assert_in_range(pair->to_client.batch.count, reply_count, reply_count + 1);
    if (pair->to_client.batch.count > reply_count) {
        const muster_packet *reply = &pair->to_client.packets[reply_count];
        assert_true(reply->length <= length);
        assert_true(muster_address_is_equal(&reply->address, from));
    }
    if (is_event) {
        pair_keep_event(pair);
    }
    return is_event;
}

/// Hands a copy of the bytes to a client.
static inline bool pair_client_receive(struct pair *pair,
    muster_netcode_client *client,
    const muster_address *from,
    const uint8_t *bytes,
    uint32_t length)
{
    static uint8_t slot[MUSTER_PACKET_BYTES_MAX];
    if (length > 0) {
        memcpy(slot, bytes, length);
    }
    muster_packet packet = {.address = *from, .length = length, .bytes = slot};
    muster_netcode_payload payload;
    const bool is_payload = muster_netcode_client_receive(client, pair->now, &packet, &payload);
    if (is_payload) {
        pair->payload_count++;
        pair->payload_bytes = payload.length;
        memcpy(pair->payload, payload.bytes, payload.length);
    }
    return is_payload;
}

/// Delivers what the client has sent to the server, from `from`.
static inline void pair_deliver_to_server(struct pair *pair, const muster_address *from)
{
    for (uint32_t i = 0; i < pair->to_server.batch.count; i++) {
        const muster_packet *packet = &pair->to_server.packets[i];
        pair_server_receive(pair, from, packet->bytes, packet->length);
    }
    slots_reset(&pair->to_server);
}

/// Delivers what the server has sent to the client, whomever it is for.
static inline void pair_deliver_to_client(struct pair *pair, muster_netcode_client *client)
{
    const muster_address server = address_of(PAIR_SERVER_ADDRESS);
    for (uint32_t i = 0; i < pair->to_client.batch.count; i++) {
        const muster_packet *packet = &pair->to_client.packets[i];
        pair_client_receive(pair, client, &server, packet->bytes, packet->length);
    }
    slots_reset(&pair->to_client);
}

static inline void pair_update_server(struct pair *pair)
{
    muster_netcode_server_update(pair->server, pair->now, &pair->to_client.batch);
    while (muster_netcode_server_pop_event(pair->server, &pair->event)) {
        pair_keep_event(pair);
    }
}

static inline void pair_update_client(struct pair *pair, muster_netcode_client *client)
{
    muster_netcode_client_update(client, pair->now, &pair->to_server.batch);
}

/// One exchange: the client speaks, the server answers. Then time moves on by `us`.
static inline void pair_step(
    struct pair *pair, muster_netcode_client *client, const muster_address *from, uint64_t us)
{
    pair_update_client(pair, client);
    pair_deliver_to_server(pair, from);
    pair_update_server(pair);
    pair_deliver_to_client(pair, client);
    pair_advance_us(pair, us);
}

/// Gives the client a token with this number.
static inline void pair_begin(struct pair *pair, muster_netcode_client *client, uint64_t number)
{
    pair->token_def = pair_token_def(pair, number);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&pair->token_def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(client, pair->now, token), MUSTER_OK);
}

/// Connects the client from an address, confirmed.
static inline void pair_connect_from(
    struct pair *pair, muster_netcode_client *client, uint64_t number, const muster_address *from)
{
    pair_begin(pair, client, number);
    for (uint32_t i = 0; i < 4; i++) {
        pair_step(pair, client, from, MUSTER_NETCODE_SEND_INTERVAL_US);
    }
    assert_int_equal(muster_netcode_client_state_of(client), MUSTER_NETCODE_CLIENT_CONNECTED);
}

/// Connects the pair's own client.
static inline void pair_connect(struct pair *pair, uint64_t number)
{
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_connect_from(pair, pair->client, number, &from);
}

static inline uint64_t pair_server_count(const struct pair *pair, muster_netcode_counter counter)
{
    return muster_netcode_server_counters(pair->server)->values[counter];
}

static inline uint64_t pair_client_count(const struct pair *pair, muster_netcode_counter counter)
{
    return muster_netcode_client_counters(pair->client)->values[counter];
}
