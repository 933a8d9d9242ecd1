// SPDX-License-Identifier: Apache-2.0
#include "net/netcode_server.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <sodium.h>
#include <string.h>

// Client slots, and what happens to a connection once it is open. A received packet finds its slot
// by its address in one look-up. What is due is found by a sweep over the timers, two words a slot
// in an array of their own: for a thousand clients 16 KiB a tick, with nothing to keep in order.

// Goodbyes of a client come within this time, also those that the network held back.
#define LEAVER_US 2000000u

_Static_assert(USED_TOKENS_CAPACITY_MAX == 1u << 20, "as the definition's comment says");

// What the secret is good for. Each purpose gets key material that says nothing of the others'.
enum secret_purpose {
    SECRET_CHALLENGE = 1,
    SECRET_ADDRESS,
    SECRET_SEEDS,
};

struct seeds {
    uint64_t slot_by_address;
    uint64_t client_by_id;
    uint64_t tokens;
    uint64_t global_sequence;
};

muster_netcode_server_def muster_netcode_server_default_def(void)
{
    return (muster_netcode_server_def){
        .client_count_max = 1024,
        .pending_count_max = 1024,
        .token_count_max = 8192,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_netcode_server_def *def)
{
    if (def->address_count < 1 || def->address_count > MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < def->address_count; i++) {
        if (def->addresses[i].family == MUSTER_ADDRESS_NONE) {
            return false;
        }
    }
    return def->client_count_max >= 1 && def->client_count_max <= MUSTER_NETCODE_CLIENT_COUNT_MAX &&
           def->pending_count_max >= 1 &&
           def->pending_count_max <= MUSTER_NETCODE_CLIENT_COUNT_MAX && def->token_count_max >= 1 &&
           def->token_count_max <= USED_TOKENS_CAPACITY_MAX && def->allocator.alloc != NULL &&
           def->allocator.free != NULL;
}

// Where the tables lie behind the server in its one allocation. The larger elements come first, so
// that each table is aligned.
struct layout {
    size_t clients;
    size_t pendings;
    size_t departures;
    size_t leavers;
    size_t timers;
    size_t free_clients;
    size_t free_pendings;
    size_t bytes;
};

static struct layout layout_of(const muster_netcode_server_def *def)
{
    const size_t clients = def->client_count_max;
    const size_t pendings = def->pending_count_max;
    struct layout layout = {.clients = sizeof(muster_netcode_server)};
    layout.pendings = layout.clients + clients * sizeof(struct client);
    layout.departures = layout.pendings + pendings * sizeof(struct pending);
    layout.leavers = layout.departures + clients * sizeof(struct departure);
    layout.timers = layout.leavers + clients * sizeof(struct leaver);
    layout.free_clients = layout.timers + clients * sizeof(struct client_timer);
    layout.free_pendings = layout.free_clients + clients * sizeof(uint32_t);
    layout.bytes = layout.free_pendings + pendings * sizeof(uint32_t);
    return layout;
}

// A stack that hands out the lowest numbers first, so that the sweep stays short.
static struct free_slots free_slots_of(void *memory, uint32_t capacity)
{
    struct free_slots slots = {.indices = memory, .count = capacity};
    for (uint32_t i = 0; i < capacity; i++) {
        slots.indices[i] = capacity - 1 - i;
    }
    return slots;
}

static void set_tables(muster_netcode_server *server, const struct layout *layout)
{
    const muster_netcode_server_def *def = &server->def;
    char *memory = (char *)server;
    server->clients = (void *)(memory + layout->clients);
    server->pendings = (void *)(memory + layout->pendings);
    server->departures = (void *)(memory + layout->departures);
    server->leavers = (void *)(memory + layout->leavers);
    server->timers = (void *)(memory + layout->timers);
    server->free_clients = free_slots_of(memory + layout->free_clients, def->client_count_max);
    server->free_pendings = free_slots_of(memory + layout->free_pendings, def->pending_count_max);
    for (uint32_t i = 0; i < def->client_count_max; i++) {
        server->timers[i] =
            (struct client_timer){.silent_us = NETCODE_NEVER, .send_us = NETCODE_NEVER};
    }
}

static void derive(const muster_netcode_server_def *def,
    enum secret_purpose purpose,
    void *out_bytes,
    size_t length)
{
    const int result =
        crypto_kdf_derive_from_key(out_bytes, length, (uint64_t)purpose, "netcode", def->secret);
    MUSTER_ASSERT(result == 0);
}

static muster_status set_secrets_and_maps(muster_netcode_server *server)
{
    const muster_netcode_server_def *def = &server->def;
    struct seeds seeds;
    derive(def, SECRET_CHALLENGE, server->challenge_key, sizeof server->challenge_key);
    derive(def, SECRET_ADDRESS, server->address_key, sizeof server->address_key);
    derive(def, SECRET_SEEDS, &seeds, sizeof seeds);
    server->global_sequence = UINT64_C(1) << 63 | seeds.global_sequence >> 2;

    muster_status status =
        map_create(&def->allocator, def->client_count_max + def->pending_count_max,
            seeds.slot_by_address, &server->slot_by_address);
    if (status == MUSTER_OK) {
        status = map_create(
            &def->allocator, def->client_count_max, seeds.client_by_id, &server->client_by_id);
    }
    if (status == MUSTER_OK) {
        status = used_tokens_create(
            &def->allocator, def->token_count_max, seeds.tokens, &server->tokens);
    }
    return status;
}

muster_status muster_netcode_server_create(
    const muster_netcode_server_def *def, muster_netcode_server **out_server)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_server != NULL);
    *out_server = NULL;

    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    // Chooses the fastest cipher the processor has; harmless when repeated.
    if (sodium_init() < 0) {
        return MUSTER_ERR_IO;
    }
    const struct layout layout = layout_of(def);
    muster_netcode_server *server =
        def->allocator.alloc(def->allocator.context, layout.bytes, _Alignof(muster_netcode_server));
    if (server == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(server, 0, layout.bytes);
    server->bytes = layout.bytes;
    server->def = *def;
    server->associated = netcode_associated_of(def->protocol_id);
    set_tables(server, &layout);

    const muster_status status = set_secrets_and_maps(server);
    if (status != MUSTER_OK) {
        muster_netcode_server_destroy(server);
        return status;
    }
    *out_server = server;
    return MUSTER_OK;
}

void muster_netcode_server_destroy(muster_netcode_server *server)
{
    if (server == NULL) {
        return;
    }
    used_tokens_destroy(server->tokens);
    map_destroy(server->client_by_id);
    map_destroy(server->slot_by_address);
    const muster_allocator allocator = server->def.allocator;
    const size_t bytes = server->bytes;
    sodium_memzero(server, bytes);
    allocator.free(allocator.context, server, bytes);
}

// What the sources share.

uint64_t netcode_server_address_key(
    const muster_netcode_server *server, const muster_address *address)
{
    // An IPv4 address fits a key as it is. An IPv6 address is hashed with a secret key; that two
    // of them agree is as good as impossible, and then only the later one is refused.
    if (address->family == MUSTER_ADDRESS_IPV4) {
        uint32_t ip;
        memcpy(&ip, address->ip, sizeof ip);
        return (uint64_t)ip << 16 | address->port;
    }
    uint64_t hash;
    crypto_shorthash(
        (uint8_t *)&hash, (const uint8_t *)address, sizeof *address, server->address_key);
    return hash;
}

void netcode_server_count(muster_netcode_server *server, muster_netcode_counter counter)
{
    server->counters.values[counter]++;
}

// The connected client in a slot, or NULL.
static struct client *connected(const muster_netcode_server *server, uint32_t client_index)
{
    if (client_index >= server->def.client_count_max ||
        server->clients[client_index].state != CLIENT_CONNECTED) {
        return NULL;
    }
    return &server->clients[client_index];
}

// Sending.

static void client_seal(muster_netcode_server *server,
    uint32_t client_index,
    enum netcode_packet_type type,
    uint32_t body_bytes,
    muster_packet *packet)
{
    struct client *client = &server->clients[client_index];
    const struct netcode_header header = {
        .type = type,
        .body_bytes = body_bytes,
        .sequence = client->send_sequence++,
    };
    packet->address = client->address;
    packet->length =
        netcode_packet_seal(&server->associated, client->send_key, &header, packet->bytes);
    server->timers[client_index].send_us = server->clock.now_us + MUSTER_NETCODE_SEND_INTERVAL_US;
}

void netcode_server_write_keep_alive(
    muster_netcode_server *server, uint32_t client_index, muster_packet *packet)
{
    uint8_t *body = packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    bytes_store_u32(body, client_index);
    bytes_store_u32(body + 4, server->def.client_count_max);
    client_seal(server, client_index, NETCODE_PACKET_KEEP_ALIVE, 8, packet);
}

muster_status muster_netcode_server_seal(muster_netcode_server *server,
    uint32_t client_index,
    uint32_t payload_bytes,
    muster_packet *packet)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(packet != NULL);
    MUSTER_ASSERT(payload_bytes >= 1 && payload_bytes <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX);
    if (connected(server, client_index) == NULL) {
        packet->length = 0;
        return MUSTER_ERR_NOT_FOUND;
    }
    client_seal(server, client_index, NETCODE_PACKET_PAYLOAD, payload_bytes, packet);
    return MUSTER_OK;
}

muster_status muster_netcode_server_keep_alive(
    muster_netcode_server *server, uint32_t client_index, muster_packet *packet)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(packet != NULL);
    if (connected(server, client_index) == NULL) {
        packet->length = 0;
        return MUSTER_ERR_NOT_FOUND;
    }
    netcode_server_write_keep_alive(server, client_index, packet);
    return MUSTER_OK;
}

// Ending.

static void client_free(muster_netcode_server *server, uint32_t client_index)
{
    struct client *client = &server->clients[client_index];
    MUSTER_ASSERT(client->state != CLIENT_FREE);
    const bool is_address_removed =
        map_remove(server->slot_by_address, netcode_server_address_key(server, &client->address));
    MUSTER_ASSERT(is_address_removed);
    const bool is_id_removed = map_remove(server->client_by_id, client->client_id);
    MUSTER_ASSERT(is_id_removed);

    sodium_memzero(client, sizeof *client);
    server->timers[client_index] =
        (struct client_timer){.silent_us = NETCODE_NEVER, .send_us = NETCODE_NEVER};
    server->free_clients.indices[server->free_clients.count++] = client_index;
}

bool muster_netcode_server_disconnect(muster_netcode_server *server, uint32_t client_index)
{
    MUSTER_ASSERT(server != NULL);
    struct client *client = connected(server, client_index);
    if (client == NULL) {
        return false;
    }
    client->state = CLIENT_LEAVING;
    client->goodbye_count = MUSTER_NETCODE_DISCONNECT_PACKET_COUNT;
    server->timers[client_index] =
        (struct client_timer){.silent_us = NETCODE_NEVER, .send_us = server->clock.now_us};
    return true;
}

bool muster_netcode_server_drop(muster_netcode_server *server, uint32_t client_index)
{
    MUSTER_ASSERT(server != NULL);
    if (connected(server, client_index) == NULL) {
        return false;
    }
    client_free(server, client_index);
    return true;
}

// Receiving.

static struct leaver *leaver_of(const muster_netcode_server *server, uint64_t address_key)
{
    return &server->leavers[address_key % server->def.client_count_max];
}

static void note_leaver(muster_netcode_server *server, const muster_address *address)
{
    const uint64_t key = netcode_server_address_key(server, address);
    *leaver_of(server, key) = (struct leaver){
        .address_key = key,
        .until_us = server->clock.now_us + LEAVER_US,
    };
}

// Nothing is known of the address, so the packet cannot be opened. The goodbyes of a client that
// has just left are no refusals: the first one of the ten was taken.
static muster_netcode_counter fate_of_stranger(
    const muster_netcode_server *server, uint64_t address_key, const muster_packet *packet)
{
    const struct leaver *leaver = leaver_of(server, address_key);
    struct netcode_header header;
    muster_netcode_counter refusal;
    const bool is_goodbye = netcode_header_read(packet->bytes, packet->length, &header, &refusal) &&
                            header.type == NETCODE_PACKET_DISCONNECT;
    return is_goodbye && leaver->address_key == address_key &&
                   server->clock.now_us < leaver->until_us
               ? MUSTER_NETCODE_COUNTER_REPEATED
               : MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS;
}

// Takes an authentic packet of a connected client. Returns true if there is an event.
static bool client_process(muster_netcode_server *server,
    uint32_t client_index,
    const struct netcode_header *header,
    uint8_t *bytes,
    muster_netcode_event *out_event)
{
    struct client *client = &server->clients[client_index];
    muster_netcode_event event = {
        .client_index = client_index,
        .client_id = client->client_id,
        .address = client->address,
    };
    if (header->type == NETCODE_PACKET_DISCONNECT) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_DISCONNECT);
        note_leaver(server, &client->address);
        client_free(server, client_index);
        event.type = MUSTER_NETCODE_EVENT_DISCONNECTED;
        event.reason = MUSTER_NETCODE_REASON_PEER_LEFT;
        *out_event = event;
        return true;
    }
    client->is_confirmed = true;
    server->timers[client_index].silent_us =
        netcode_clock_timeout_us(&server->clock, client->timeout_s);
    if (header->type == NETCODE_PACKET_KEEP_ALIVE) {
        netcode_server_count(server, MUSTER_NETCODE_COUNTER_KEEP_ALIVE);
        return false;
    }
    netcode_server_count(server, MUSTER_NETCODE_COUNTER_PAYLOAD);
    event.type = MUSTER_NETCODE_EVENT_PAYLOAD;
    event.length = header->body_bytes;
    event.bytes = bytes + header->body_offset;
    *out_event = event;
    return true;
}

// The types a connected client may send; it repeats its response until it has the answer.
static bool type_is_expected(enum netcode_packet_type type, muster_netcode_counter *out_refusal)
{
    *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TYPE;
    return type == NETCODE_PACKET_KEEP_ALIVE || type == NETCODE_PACKET_PAYLOAD ||
           type == NETCODE_PACKET_DISCONNECT || type == NETCODE_PACKET_RESPONSE;
}

// The standard has no replay protection for responses, and here they change nothing.
static bool is_replay(const struct client *client, const struct netcode_header *header)
{
    return header->type != NETCODE_PACKET_RESPONSE &&
           replay_window_has(&client->replay, header->sequence);
}

static bool receive_connected(muster_netcode_server *server,
    uint32_t client_index,
    muster_packet *packet,
    muster_netcode_event *out_event)
{
    struct client *client = &server->clients[client_index];
    struct netcode_header header;
    muster_netcode_counter refusal;
    if (client->state != CLIENT_CONNECTED) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS;
    } else if (!netcode_header_read(packet->bytes, packet->length, &header, &refusal) ||
               !type_is_expected(header.type, &refusal)) {
        // The reason is set.
    } else if (is_replay(client, &header)) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_REPLAY;
    } else if (!netcode_packet_open(
                   &server->associated, client->receive_key, &header, packet->bytes)) {
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_FORGED;
    } else if (header.type == NETCODE_PACKET_RESPONSE) {
        refusal = netcode_body_is_valid(&header) ? MUSTER_NETCODE_COUNTER_REPEATED
                                                 : MUSTER_NETCODE_COUNTER_REFUSED_BODY;
    } else {
        replay_window_add(&client->replay, header.sequence);
        if (netcode_body_is_valid(&header)) {
            return client_process(server, client_index, &header, packet->bytes, out_event);
        }
        refusal = MUSTER_NETCODE_COUNTER_REFUSED_BODY;
    }
    netcode_server_count(server, refusal);
    return false;
}

bool muster_netcode_server_receive(muster_netcode_server *server,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(packet != NULL);
    MUSTER_ASSERT(packet->length <= MUSTER_PACKET_BYTES_MAX);
    MUSTER_ASSERT(replies != NULL && replies->count <= replies->capacity);
    MUSTER_ASSERT(out_event != NULL);

    netcode_clock_advance(&server->clock, now);
    if (packet->length >= 1 && packet->bytes[0] == NETCODE_PACKET_REQUEST) {
        netcode_server_receive_request(server, packet, replies);
        return false;
    }
    uint32_t slot;
    const uint64_t key = netcode_server_address_key(server, &packet->address);
    if (!map_find(server->slot_by_address, key, &slot)) {
        netcode_server_count(server, fate_of_stranger(server, key, packet));
        return false;
    }
    if (slot < server->def.client_count_max) {
        return receive_connected(server, slot, packet, out_event);
    }
    const uint32_t pending_index = slot - server->def.client_count_max;
    return netcode_server_receive_pending(server, pending_index, packet, replies, out_event);
}

// What is due.

// Ends a silent client. Without room for its event it stays until the next update.
static void time_out(muster_netcode_server *server, uint32_t client_index)
{
    const uint32_t capacity = server->def.client_count_max;
    if (server->departure_count == capacity) {
        return;
    }
    const struct client *client = &server->clients[client_index];
    const uint32_t last = (server->departure_first + server->departure_count) % capacity;
    server->departures[last] = (struct departure){
        .client_index = client_index,
        .client_id = client->client_id,
        .address = client->address,
    };
    server->departure_count++;
    client_free(server, client_index);
}

static void send_due(
    muster_netcode_server *server, uint32_t client_index, muster_packet_batch *packets)
{
    if (packets->count == packets->capacity) {
        return;
    }
    struct client *client = &server->clients[client_index];
    muster_packet *packet = &packets->packets[packets->count++];
    if (client->state == CLIENT_CONNECTED) {
        netcode_server_write_keep_alive(server, client_index, packet);
        return;
    }
    MUSTER_ASSERT(client->state == CLIENT_LEAVING && client->goodbye_count > 0);
    client_seal(server, client_index, NETCODE_PACKET_DISCONNECT, 0, packet);
    server->timers[client_index].send_us =
        server->clock.now_us + MUSTER_NETCODE_DISCONNECT_INTERVAL_US;
    client->goodbye_count--;
    if (client->goodbye_count == 0) {
        client_free(server, client_index);
    }
}

void muster_netcode_server_update(
    muster_netcode_server *server, muster_netcode_time now, muster_packet_batch *packets)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(packets != NULL && packets->count <= packets->capacity);

    netcode_clock_advance(&server->clock, now);
    const uint64_t now_us = server->clock.now_us;
    for (uint32_t i = 0; i < server->client_index_end; i++) {
        if (server->timers[i].silent_us <= now_us) {
            time_out(server, i);
        } else if (server->timers[i].send_us <= now_us) {
            send_due(server, i, packets);
        }
    }
    netcode_server_sweep_pending(server);
    used_tokens_sweep(server->tokens, server->clock.unix_s);
}

bool muster_netcode_server_pop_event(muster_netcode_server *server, muster_netcode_event *out_event)
{
    MUSTER_ASSERT(server != NULL);
    MUSTER_ASSERT(out_event != NULL);
    if (server->departure_count == 0) {
        return false;
    }
    const struct departure *departure = &server->departures[server->departure_first];
    *out_event = (muster_netcode_event){
        .type = MUSTER_NETCODE_EVENT_DISCONNECTED,
        .reason = MUSTER_NETCODE_REASON_TIMED_OUT,
        .client_index = departure->client_index,
        .client_id = departure->client_id,
        .address = departure->address,
    };
    server->departure_first = (server->departure_first + 1) % server->def.client_count_max;
    server->departure_count--;
    return true;
}

// Questions.

bool muster_netcode_server_is_connected(const muster_netcode_server *server, uint32_t client_index)
{
    MUSTER_ASSERT(server != NULL);
    return connected(server, client_index) != NULL;
}

bool muster_netcode_server_is_confirmed(const muster_netcode_server *server, uint32_t client_index)
{
    MUSTER_ASSERT(server != NULL);
    const struct client *client = connected(server, client_index);
    return client != NULL && client->is_confirmed;
}

uint32_t muster_netcode_server_client_count(const muster_netcode_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->def.client_count_max - server->free_clients.count;
}

const muster_netcode_counters *muster_netcode_server_counters(const muster_netcode_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return &server->counters;
}
