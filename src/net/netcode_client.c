// SPDX-License-Identifier: Apache-2.0
#include "muster/netcode_client.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "net/netcode_clock.h"
#include "net/netcode_packet.h"
#include "net/replay_window.h"

#include <sodium.h>
#include <string.h>

// At rest -> requesting -> responding -> connected, for one server of the token after the other.
// The sequence of sent packets goes on from server to server, because all of them share the
// token's keys and no number may be used with a key twice.

struct muster_netcode_client {
    muster_allocator allocator;
    muster_netcode_client_state state;
    muster_connect_token token;
    struct netcode_associated associated;
    struct netcode_clock clock;
    muster_netcode_counters counters;
    struct replay_window replay;
    uint64_t send_sequence;
    uint64_t expire_us; // the token's life is over
    uint64_t silent_us; // the server has timed out
    uint64_t send_us;   // a packet is due
    uint32_t address_index;
    uint32_t goodbye_count; // packets still to be sent
    uint32_t slot_index;
    uint32_t slot_count;
    uint64_t challenge_sequence;
    uint8_t challenge[NETCODE_CHALLENGE_BYTES];
};

muster_status muster_netcode_client_create(
    const muster_allocator *allocator, muster_netcode_client **out_client)
{
    MUSTER_ASSERT(out_client != NULL);
    *out_client = NULL;

    // Chooses the fastest cipher the processor has; harmless when repeated.
    if (sodium_init() < 0) {
        return MUSTER_ERR_IO;
    }
    const muster_allocator source = allocator != NULL ? *allocator : muster_heap_allocator();
    muster_netcode_client *client = source.alloc(
        source.context, sizeof(muster_netcode_client), _Alignof(muster_netcode_client));
    if (client == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    *client = (muster_netcode_client){.allocator = source};
    *out_client = client;
    return MUSTER_OK;
}

void muster_netcode_client_destroy(muster_netcode_client *client)
{
    if (client == NULL) {
        return;
    }
    const muster_allocator allocator = client->allocator;
    sodium_memzero(client, sizeof *client);
    allocator.free(allocator.context, client, sizeof *client);
}

// Begins with one server of the token.
static void begin_request(muster_netcode_client *client, uint32_t address_index)
{
    client->state = MUSTER_NETCODE_CLIENT_REQUESTING;
    client->address_index = address_index;
    client->replay = (struct replay_window){0};
    client->silent_us = netcode_clock_timeout_us(&client->clock, client->token.timeout_s);
    client->send_us = client->clock.now_us;
}

// Goes on to the next server, or ends for the reason the last one failed.
static void give_up(muster_netcode_client *client, muster_netcode_client_state failure)
{
    if (client->address_index + 1 < client->token.address_count) {
        begin_request(client, client->address_index + 1);
    } else {
        client->state = failure;
    }
}

muster_status muster_netcode_client_connect(muster_netcode_client *client,
    muster_netcode_time now,
    const uint8_t token_bytes[MUSTER_CONNECT_TOKEN_BYTES])
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(token_bytes != NULL);

    const muster_allocator allocator = client->allocator;
    const muster_netcode_counters counters = client->counters;
    struct netcode_clock clock = client->clock;
    netcode_clock_advance(&clock, now);
    *client = (muster_netcode_client){
        .allocator = allocator,
        .counters = counters,
        .clock = clock,
        .state = MUSTER_NETCODE_CLIENT_INVALID_TOKEN,
    };
    const muster_status status = muster_connect_token_read(token_bytes, &client->token);
    if (status != MUSTER_OK) {
        return status;
    }
    const uint64_t life_s = client->token.expire_unix_s - client->token.create_unix_s;
    client->expire_us = life_s < (NETCODE_NEVER - clock.now_us) / 1000000
                            ? clock.now_us + life_s * 1000000
                            : NETCODE_NEVER;
    client->associated = netcode_associated_of(client->token.protocol_id);
    begin_request(client, 0);
    return MUSTER_OK;
}

// Receiving.

static void count(muster_netcode_client *client, muster_netcode_counter counter)
{
    client->counters.values[counter]++;
}

// The types that mean something in the client's state.
static bool type_is_expected(const muster_netcode_client *client, enum netcode_packet_type type)
{
    switch (client->state) {
    case MUSTER_NETCODE_CLIENT_REQUESTING:
        return type == NETCODE_PACKET_CHALLENGE || type == NETCODE_PACKET_DENIED;
    case MUSTER_NETCODE_CLIENT_RESPONDING:
        return type == NETCODE_PACKET_KEEP_ALIVE || type == NETCODE_PACKET_DENIED;
    case MUSTER_NETCODE_CLIENT_CONNECTED:
        return type == NETCODE_PACKET_KEEP_ALIVE || type == NETCODE_PACKET_PAYLOAD ||
               type == NETCODE_PACKET_DISCONNECT;
    default:
        return false;
    }
}

static bool type_is_replayable(enum netcode_packet_type type)
{
    return type == NETCODE_PACKET_CHALLENGE || type == NETCODE_PACKET_DENIED;
}

static void receive_challenge(muster_netcode_client *client, const uint8_t *body)
{
    count(client, MUSTER_NETCODE_COUNTER_CHALLENGE);
    client->challenge_sequence = bytes_load_u64(body);
    memcpy(client->challenge, body + 8, NETCODE_CHALLENGE_BYTES);
    client->state = MUSTER_NETCODE_CLIENT_RESPONDING;
    client->silent_us = netcode_clock_timeout_us(&client->clock, client->token.timeout_s);
    client->send_us = client->clock.now_us;
}

static void receive_keep_alive(muster_netcode_client *client, const uint8_t *body)
{
    count(client, MUSTER_NETCODE_COUNTER_KEEP_ALIVE);
    client->silent_us = netcode_clock_timeout_us(&client->clock, client->token.timeout_s);
    if (client->state == MUSTER_NETCODE_CLIENT_RESPONDING) {
        client->state = MUSTER_NETCODE_CLIENT_CONNECTED;
        client->slot_index = bytes_load_u32(body);
        client->slot_count = bytes_load_u32(body + 4);
        client->send_us = client->clock.now_us;
    }
}

// Takes an authentic packet that means something now. Returns true if it is a payload.
static bool process(
    muster_netcode_client *client, const struct netcode_header *header, const uint8_t *body)
{
    switch (header->type) {
    case NETCODE_PACKET_DENIED:
        count(client, MUSTER_NETCODE_COUNTER_DENIED);
        give_up(client, MUSTER_NETCODE_CLIENT_DENIED);
        return false;
    case NETCODE_PACKET_CHALLENGE:
        receive_challenge(client, body);
        return false;
    case NETCODE_PACKET_KEEP_ALIVE:
        receive_keep_alive(client, body);
        return false;
    case NETCODE_PACKET_DISCONNECT:
        count(client, MUSTER_NETCODE_COUNTER_DISCONNECT);
        client->state = MUSTER_NETCODE_CLIENT_DISCONNECTED;
        return false;
    default:
        MUSTER_ASSERT(header->type == NETCODE_PACKET_PAYLOAD);
        count(client, MUSTER_NETCODE_COUNTER_PAYLOAD);
        client->silent_us = netcode_clock_timeout_us(&client->clock, client->token.timeout_s);
        return true;
    }
}

// Checks and decrypts a packet from the server.
static bool open_packet(muster_netcode_client *client,
    muster_packet *packet,
    struct netcode_header *out_header,
    muster_netcode_counter *out_refusal)
{
    if (!netcode_header_read(packet->bytes, packet->length, out_header, out_refusal)) {
        return false;
    }
    if (!type_is_expected(client, out_header->type)) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TYPE;
        return false;
    }
    const bool is_replayable = type_is_replayable(out_header->type);
    if (!is_replayable && replay_window_has(&client->replay, out_header->sequence)) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_REPLAY;
        return false;
    }
    if (!netcode_packet_open(
            &client->associated, client->token.server_to_client_key, out_header, packet->bytes)) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_FORGED;
        return false;
    }
    if (!is_replayable) {
        replay_window_add(&client->replay, out_header->sequence);
    }
    *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_BODY;
    return netcode_body_is_valid(out_header);
}

bool muster_netcode_client_receive(muster_netcode_client *client,
    muster_netcode_time now,
    muster_packet *packet,
    muster_netcode_payload *out_payload)
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(packet != NULL);
    MUSTER_ASSERT(packet->length <= MUSTER_PACKET_BYTES_MAX);
    MUSTER_ASSERT(out_payload != NULL);

    netcode_clock_advance(&client->clock, now);
    const muster_address server = muster_netcode_client_server_address(client);
    if (!muster_address_is_equal(&packet->address, &server)) {
        count(client, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS);
        return false;
    }
    struct netcode_header header;
    muster_netcode_counter refusal;
    if (!open_packet(client, packet, &header, &refusal)) {
        count(client, refusal);
        return false;
    }
    uint8_t *body = packet->bytes + header.body_offset;
    if (!process(client, &header, body)) {
        return false;
    }
    *out_payload = (muster_netcode_payload){.bytes = body, .length = header.body_bytes};
    return true;
}

// Sending.

static void seal(muster_netcode_client *client,
    enum netcode_packet_type type,
    uint32_t body_bytes,
    muster_packet *packet)
{
    const struct netcode_header header = {
        .type = type,
        .body_bytes = body_bytes,
        .sequence = client->send_sequence++,
    };
    packet->length = netcode_packet_seal(
        &client->associated, client->token.client_to_server_key, &header, packet->bytes);
}

static void write_request(const muster_netcode_client *client, muster_packet *packet)
{
    const muster_connect_token *token = &client->token;
    uint8_t *bytes = packet->bytes;
    bytes[0] = NETCODE_PACKET_REQUEST;
    memcpy(bytes + 1, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(bytes + NETCODE_REQUEST_PROTOCOL_OFFSET, token->protocol_id);
    bytes_store_u64(bytes + NETCODE_REQUEST_EXPIRE_OFFSET, token->expire_unix_s);
    memcpy(bytes + NETCODE_REQUEST_NONCE_OFFSET, token->nonce, sizeof token->nonce);
    memcpy(bytes + NETCODE_REQUEST_PRIVATE_OFFSET, token->private_data, sizeof token->private_data);
    packet->length = NETCODE_REQUEST_BYTES;
}

// Writes the packet that the state repeats.
static void write_due(muster_netcode_client *client, muster_packet *packet)
{
    uint8_t *body = packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    packet->address = muster_netcode_client_server_address(client);
    client->send_us = client->clock.now_us + MUSTER_NETCODE_SEND_INTERVAL_US;
    if (client->goodbye_count > 0) {
        client->goodbye_count--;
        client->send_us = client->clock.now_us + MUSTER_NETCODE_DISCONNECT_INTERVAL_US;
        seal(client, NETCODE_PACKET_DISCONNECT, 0, packet);
    } else if (client->state == MUSTER_NETCODE_CLIENT_REQUESTING) {
        write_request(client, packet);
    } else if (client->state == MUSTER_NETCODE_CLIENT_RESPONDING) {
        bytes_store_u64(body, client->challenge_sequence);
        memcpy(body + 8, client->challenge, NETCODE_CHALLENGE_BYTES);
        seal(client, NETCODE_PACKET_RESPONSE, NETCODE_CHALLENGE_BODY_BYTES, packet);
    } else {
        // A client's keep-alive has the fields of a server's; what they hold is of no interest.
        bytes_store_u32(body, client->slot_index);
        bytes_store_u32(body + 4, client->slot_count);
        seal(client, NETCODE_PACKET_KEEP_ALIVE, 8, packet);
    }
}

static void check_timeouts(muster_netcode_client *client)
{
    const uint64_t now_us = client->clock.now_us;
    if (client->state == MUSTER_NETCODE_CLIENT_CONNECTED) {
        if (client->silent_us <= now_us) {
            client->state = MUSTER_NETCODE_CLIENT_TIMED_OUT;
        }
    } else if (client->expire_us <= now_us) {
        client->state = MUSTER_NETCODE_CLIENT_TOKEN_EXPIRED;
    } else if (client->silent_us <= now_us) {
        give_up(client, client->state == MUSTER_NETCODE_CLIENT_REQUESTING
                            ? MUSTER_NETCODE_CLIENT_REQUEST_TIMED_OUT
                            : MUSTER_NETCODE_CLIENT_RESPONSE_TIMED_OUT);
    }
}

void muster_netcode_client_update(
    muster_netcode_client *client, muster_netcode_time now, muster_packet_batch *packets)
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(packets != NULL && packets->count <= packets->capacity);

    netcode_clock_advance(&client->clock, now);
    if (client->state > MUSTER_NETCODE_CLIENT_DISCONNECTED) {
        check_timeouts(client);
    }
    const bool has_more =
        client->state > MUSTER_NETCODE_CLIENT_DISCONNECTED || client->goodbye_count > 0;
    if (has_more && client->send_us <= client->clock.now_us && packets->count < packets->capacity) {
        write_due(client, &packets->packets[packets->count++]);
    }
}

muster_status muster_netcode_client_seal(
    muster_netcode_client *client, uint32_t payload_bytes, muster_packet *packet)
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(packet != NULL);
    MUSTER_ASSERT(payload_bytes >= 1 && payload_bytes <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX);
    if (client->state != MUSTER_NETCODE_CLIENT_CONNECTED) {
        packet->length = 0;
        return MUSTER_ERR_NOT_FOUND;
    }
    packet->address = muster_netcode_client_server_address(client);
    seal(client, NETCODE_PACKET_PAYLOAD, payload_bytes, packet);
    client->send_us = client->clock.now_us + MUSTER_NETCODE_SEND_INTERVAL_US;
    return MUSTER_OK;
}

void muster_netcode_client_disconnect(muster_netcode_client *client)
{
    MUSTER_ASSERT(client != NULL);
    if (client->state == MUSTER_NETCODE_CLIENT_CONNECTED) {
        client->goodbye_count = MUSTER_NETCODE_DISCONNECT_PACKET_COUNT;
        client->send_us = client->clock.now_us;
    }
    client->state = MUSTER_NETCODE_CLIENT_DISCONNECTED;
}

// Questions.

bool muster_netcode_client_is_leaving(const muster_netcode_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->goodbye_count > 0;
}

muster_netcode_client_state muster_netcode_client_state_of(const muster_netcode_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->state;
}

muster_address muster_netcode_client_server_address(const muster_netcode_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->token.addresses[client->address_index];
}

void muster_netcode_client_slot(
    const muster_netcode_client *client, uint32_t *out_index, uint32_t *out_slot_count)
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(out_index != NULL);
    MUSTER_ASSERT(out_slot_count != NULL);
    *out_index = client->slot_index;
    *out_slot_count = client->slot_count;
}

const muster_netcode_counters *muster_netcode_client_counters(const muster_netcode_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return &client->counters;
}
