// SPDX-License-Identifier: Apache-2.0
#include "net/netcode_server.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <sodium.h>
#include <string.h>

// From a request to a client slot, in the order of checks that the standard fixes. Before a token
// authenticates nothing is stored; then a used-token entry and a pending entry, both in fixed
// tables; a client slot only after the response, which proves that the client can receive at the
// address it claims.

// How long a connection may be opening, whatever its token says, so that a token without timeout
// does not hold its entry for ever.
#define PENDING_S_MAX 30

// Pending entries looked at in one sweep.
#define SWEEP_COUNT 64

// A free slot for an answer, or NULL.
static muster_packet *reply_begin(muster_packet_batch *replies, const muster_address *address)
{
    if (replies->count == replies->capacity) {
        return NULL;
    }
    muster_packet *reply = &replies->packets[replies->count++];
    reply->address = *address;
    return reply;
}

// Denials and challenges are encrypted with the same key as the packets of the connection to come,
// whose sequence starts at zero. Theirs comes from the upper half of the numbers, from a random
// place on, so that servers sharing a token do not repeat each other either.
static void reply_seal(muster_netcode_server *server,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    enum netcode_packet_type type,
    uint32_t body_bytes,
    muster_packet *reply)
{
    const struct netcode_header header = {
        .type = type,
        .body_bytes = body_bytes,
        .sequence = server->global_sequence++,
    };
    reply->length = netcode_packet_seal(&server->associated, key, &header, reply->bytes);
}

static void deny(muster_netcode_server *server,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    const muster_address *address,
    muster_packet_batch *replies)
{
    netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL);
    muster_packet *reply = reply_begin(replies, address);
    if (reply != NULL) {
        reply_seal(server, key, NETCODE_PACKET_DENIED, 0, reply);
    }
}

// Pending connections.

static void pending_free(muster_netcode_server *server, uint32_t pending_index)
{
    struct pending *pending = &server->pendings[pending_index];
    MUSTER_ASSERT(pending->is_live);
    const uint64_t key = netcode_server_address_key(server, &pending->address);
    const bool is_removed = map_remove(server->slot_by_address, key);
    MUSTER_ASSERT(is_removed);
    sodium_memzero(pending, sizeof *pending);
    server->free_pendings.indices[server->free_pendings.count++] = pending_index;
}

void netcode_server_sweep_pending(muster_netcode_server *server)
{
    const uint32_t capacity = server->def.pending_count_max;
    for (uint32_t i = 0; i < SWEEP_COUNT && i < capacity; i++) {
        const uint32_t index = server->pending_sweep_index;
        const struct pending *pending = &server->pendings[index];
        if (pending->is_live && pending->deadline_us <= server->clock.now_us) {
            pending_free(server, index);
        }
        server->pending_sweep_index = (index + 1) % capacity;
    }
}

// The pending entry of an address, new if there is none; NULL if there is no room.
static struct pending *pending_of(muster_netcode_server *server, const muster_address *address)
{
    const uint64_t key = netcode_server_address_key(server, address);
    uint32_t slot;
    if (map_find(server->slot_by_address, key, &slot)) {
        MUSTER_ASSERT(slot >= server->def.client_count_max);
        struct pending *known = &server->pendings[slot - server->def.client_count_max];
        return muster_address_is_equal(&known->address, address) ? known : NULL;
    }
    if (server->free_pendings.count == 0) {
        return NULL;
    }
    const uint32_t index = server->free_pendings.indices[--server->free_pendings.count];
    const muster_status status =
        map_put(server->slot_by_address, key, server->def.client_count_max + index);
    MUSTER_ASSERT(status == MUSTER_OK);
    return &server->pendings[index];
}

static void pending_fill(struct pending *pending,
    const struct netcode_clock *clock,
    const struct private_token *token,
    const uint8_t mac[USED_TOKEN_MAC_BYTES],
    const muster_address *address)
{
    const bool is_bounded = token->timeout_s > 0 && token->timeout_s < PENDING_S_MAX;
    const int32_t timeout_s = is_bounded ? token->timeout_s : PENDING_S_MAX;
    *pending = (struct pending){
        .is_live = true,
        .timeout_s = token->timeout_s,
        .deadline_us = netcode_clock_timeout_us(clock, timeout_s),
        .client_id = token->client_id,
        .address = *address,
    };
    memcpy(pending->token_mac, mac, USED_TOKEN_MAC_BYTES);
    memcpy(pending->receive_key, token->client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(pending->send_key, token->server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
}

// Requests.

// Checks what can be read of a request without its key.
static bool request_is_plausible(const muster_netcode_server *server,
    const muster_packet *packet,
    muster_netcode_counter *out_refusal)
{
    if (packet->length != NETCODE_REQUEST_BYTES) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SIZE;
        return false;
    }
    if (memcmp(packet->bytes + 1, NETCODE_VERSION, NETCODE_VERSION_BYTES) != 0) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_VERSION;
        return false;
    }
    if (bytes_load_u64(packet->bytes + NETCODE_REQUEST_PROTOCOL_OFFSET) !=
        server->def.protocol_id) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL;
        return false;
    }
    if (bytes_load_u64(packet->bytes + NETCODE_REQUEST_EXPIRE_OFFSET) <= server->clock.unix_s) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED;
        return false;
    }
    return true;
}

static bool names_this_server(
    const muster_netcode_server *server, const struct private_token *token)
{
    for (uint32_t i = 0; i < token->address_count; i++) {
        for (uint32_t j = 0; j < server->def.address_count; j++) {
            if (muster_address_is_equal(&token->addresses[i], &server->def.addresses[j])) {
                return true;
            }
        }
    }
    return false;
}

bool netcode_server_open_request(const muster_netcode_server *server,
    const muster_packet *packet,
    struct private_token *out_token,
    muster_netcode_counter *out_refusal)
{
    if (!request_is_plausible(server, packet, out_refusal)) {
        return false;
    }
    const struct private_token_seal seal = {
        .protocol_id = server->def.protocol_id,
        .expire_unix_s = bytes_load_u64(packet->bytes + NETCODE_REQUEST_EXPIRE_OFFSET),
        .key = server->def.private_key,
        .nonce = packet->bytes + NETCODE_REQUEST_NONCE_OFFSET,
    };
    uint8_t *private_bytes = packet->bytes + NETCODE_REQUEST_PRIVATE_OFFSET;
    if (!private_token_open(&seal, private_bytes)) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED;
        return false;
    }
    if (private_token_read(private_bytes, out_token) != MUSTER_OK) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED;
        return false;
    }
    if (!names_this_server(server, out_token)) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER;
        return false;
    }
    return true;
}

// A client repeats its request until it is answered, so some are under way when it is in. One that
// hears nothing asks for another connection, again and again, while its first is still there; that
// is one refusal.
static muster_netcode_counter fate_of_connected(struct client *client, uint64_t client_id)
{
    if (client->client_id == client_id || client->refused_id == client_id) {
        return MUSTER_NETCODE_COUNTER_REPEATED;
    }
    client->refused_id = client_id;
    return MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS_CONNECTED;
}

// Counts and returns true if the address or the client id has a client slot.
static bool is_connected_already(
    muster_netcode_server *server, const muster_address *address, uint64_t client_id)
{
    uint32_t slot;
    const uint64_t key = netcode_server_address_key(server, address);
    if (map_find(server->slot_by_address, key, &slot) && slot < server->def.client_count_max) {
        netcode_server_count(server, fate_of_connected(&server->clients[slot], client_id));
        return true;
    }
    if (map_find(server->client_by_id, client_id, &slot)) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED);
        return true;
    }
    return false;
}

bool netcode_server_claim_token(
    muster_netcode_server *server, const muster_packet *packet, muster_netcode_counter *out_refusal)
{
    const uint64_t expire_unix_s = bytes_load_u64(packet->bytes + NETCODE_REQUEST_EXPIRE_OFFSET);
    const uint8_t *mac = netcode_request_mac(packet);
    const muster_status status =
        used_tokens_claim(server->tokens, mac, &packet->address, expire_unix_s);
    if (status == MUSTER_OK) {
        return true;
    }
    *out_refusal = status == MUSTER_ERR_FULL ? MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL
                                             : MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED;
    return false;
}

static void send_challenge(muster_netcode_server *server,
    const struct private_token *token,
    const muster_address *address,
    muster_packet_batch *replies)
{
    muster_packet *reply = reply_begin(replies, address);
    MUSTER_ASSERT(reply != NULL);
    uint8_t *body = reply->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    const uint64_t sequence = server->challenge_sequence++;
    bytes_store_u64(body, sequence);
    netcode_challenge_seal(
        server->challenge_key, sequence, token->client_id, token->user_data, body + 8);
    reply_seal(server, token->server_to_client_key, NETCODE_PACKET_CHALLENGE,
        NETCODE_CHALLENGE_BODY_BYTES, reply);
    netcode_server_count(server, MUSTER_NETCODE_COUNTER_REQUEST);
}

void netcode_server_receive_request(
    muster_netcode_server *server, muster_packet *packet, muster_packet_batch *replies)
{
    struct private_token token;
    muster_netcode_counter refusal;
    if (!netcode_server_open_request(server, packet, &token, &refusal)) {
        netcode_server_count(server, refusal);
        return;
    }
    if (is_connected_already(server, &packet->address, token.client_id)) {
        return;
    }
    if (!netcode_server_claim_token(server, packet, &refusal)) {
        netcode_server_count(server, refusal);
        return;
    }
    if (server->free_clients.count == 0) {
        deny(server, token.server_to_client_key, &packet->address, replies);
        return;
    }
    if (replies->count == replies->capacity) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_NO_SLOT);
        return;
    }
    struct pending *pending = pending_of(server, &packet->address);
    if (pending == NULL) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_PENDING_FULL);
        return;
    }
    pending_fill(pending, &server->clock, &token, netcode_request_mac(packet), &packet->address);
    send_challenge(server, &token, &packet->address, replies);
}

// Responses.

// Turns a pending connection into a client and returns its slot. A free one is there.
static uint32_t client_open(muster_netcode_server *server, uint32_t pending_index)
{
    const struct pending pending = server->pendings[pending_index];
    pending_free(server, pending_index);
    used_tokens_spend(server->tokens, pending.token_mac);

    MUSTER_ASSERT(server->free_clients.count > 0);
    const uint32_t index = server->free_clients.indices[--server->free_clients.count];
    const uint64_t key = netcode_server_address_key(server, &pending.address);
    muster_status status = map_put(server->slot_by_address, key, index);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = map_put(server->client_by_id, pending.client_id, index);
    MUSTER_ASSERT(status == MUSTER_OK);

    struct client *client = &server->clients[index];
    *client = (struct client){
        .state = CLIENT_CONNECTED,
        .timeout_s = pending.timeout_s,
        .client_id = pending.client_id,
        .address = pending.address,
    };
    memcpy(client->receive_key, pending.receive_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(client->send_key, pending.send_key, MUSTER_NETCODE_KEY_BYTES);
    server->timers[index] = (struct client_timer){
        .silent_us = netcode_clock_timeout_us(&server->clock, pending.timeout_s),
        .send_us = server->clock.now_us,
    };
    if (server->client_index_end <= index) {
        server->client_index_end = index + 1;
    }
    return index;
}

// Opens the challenge that a response carries and checks that it was made for this client.
static bool challenge_is_valid(
    muster_netcode_server *server, const struct pending *pending, uint8_t *body)
{
    const uint64_t sequence = bytes_load_u64(body);
    if (!netcode_challenge_open(server->challenge_key, sequence, body + 8) ||
        bytes_load_u64(body + 8) != pending->client_id) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_CHALLENGE);
        return false;
    }
    return true;
}

static bool receive_response(muster_netcode_server *server,
    uint32_t pending_index,
    uint8_t *body,
    muster_packet_batch *replies,
    muster_netcode_event *out_event)
{
    const struct pending *pending = &server->pendings[pending_index];
    if (!challenge_is_valid(server, pending, body)) {
        return false;
    }
    uint32_t other;
    if (map_find(server->client_by_id, pending->client_id, &other)) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED);
        return false;
    }
    if (server->free_clients.count == 0) {
        deny(server, pending->send_key, &pending->address, replies);
        return false;
    }
    const uint32_t index = client_open(server, pending_index);
    netcode_server_count(server, MUSTER_NETCODE_COUNTER_RESPONSE);
    muster_packet *reply = reply_begin(replies, &server->clients[index].address);
    if (reply != NULL) {
        netcode_server_write_keep_alive(server, index, reply);
    }
    *out_event = (muster_netcode_event){
        .type = MUSTER_NETCODE_EVENT_CONNECTED,
        .client_index = index,
        .length = MUSTER_NETCODE_USER_DATA_BYTES,
        .bytes = body + 16,
        .client_id = server->clients[index].client_id,
        .address = server->clients[index].address,
    };
    return true;
}

bool netcode_server_receive_pending(muster_netcode_server *server,
    uint32_t pending_index,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event)
{
    const struct pending *pending = &server->pendings[pending_index];
    struct netcode_header header;
    muster_netcode_counter refusal;
    if (pending->deadline_us <= server->clock.now_us) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS;
    } else if (!netcode_header_read(packet->bytes, packet->length, &header, &refusal)) {
        // The reason is set.
    } else if (header.type != NETCODE_PACKET_RESPONSE) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_TYPE;
    } else if (!netcode_packet_open(
                   &server->associated, pending->receive_key, &header, packet->bytes)) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_FORGED;
    } else if (!netcode_body_is_valid(&header)) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_BODY;
    } else {
        uint8_t *body = packet->bytes + header.body_offset;
        return receive_response(server, pending_index, body, replies, out_event);
    }
    netcode_server_count(server, refusal);
    return false;
}
