// SPDX-License-Identifier: Apache-2.0
#include "sim/bridge.h"

#include "core/bytes.h"
#include "harness/packets.h"
#include "muster/netcode_server.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOT_COUNT     64u
#define PORT_FIRST     10000u // a client's port is this and its index
#define REQUEST_BYTES  1078u
#define VERSION_BYTES  13u
#define NONCE_OFFSET   37u // in a token
#define PRIVATE_OFFSET 61u
#define SERVERS_OFFSET 1089u

struct bridge {
    struct bridge_def def;
    muster_netcode_server *netcode;
    uint32_t links[SLOT_COUNT];                  // by client slot: 0 for none
    uint32_t link_count;                         // opened so far
    uint8_t requests[SLOT_COUNT][REQUEST_BYTES]; // by client: the last one
    struct packets out;
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bridge: %s\n", what);
        abort();
    }
}

struct bridge *bridge_create(const struct bridge_def *def)
{
    struct bridge *bridge = calloc(1, sizeof *bridge);
    require(bridge != NULL, "no memory");
    bridge->def = *def;
    muster_netcode_server_def server_def = muster_netcode_server_default_def();
    server_def.protocol_id = def->login.protocol_id;
    server_def.client_count_max = SLOT_COUNT;
    server_def.address_count = 1;
    server_def.addresses[0] = def->login.addresses[0];
    memcpy(server_def.private_key, def->login.private_key, sizeof server_def.private_key);
    require(muster_netcode_server_create(&server_def, &bridge->netcode) == MUSTER_OK, "no server");
    (void)packets_reset(&bridge->out);
    return bridge;
}

void bridge_destroy(struct bridge *bridge)
{
    if (bridge != NULL) {
        muster_netcode_server_destroy(bridge->netcode);
        free(bridge);
    }
}

static void flush(struct bridge *bridge)
{
    for (uint32_t i = 0; i < bridge->out.batch.count; i++) {
        bridge->def.send_client(bridge->def.context, &bridge->out.slots[i]);
    }
    bridge->out.batch.count = 0;
}

static void send_to_server(
    struct bridge *bridge, uint32_t number, const uint8_t *bytes, uint32_t length)
{
    uint8_t space[MUSTER_LINK_TICKET_BYTES];
    if (length > 0) {
        memcpy(space, bytes, length);
    }
    const muster_packet packet = {
        .address = muster_address_of_link(number), .length = length, .bytes = space};
    bridge->def.send_server(bridge->def.context, &packet);
}

// A request has all of a token that a server reads; the rest is for the client.
static void open_link(struct bridge *bridge, const muster_netcode_event *event)
{
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES] = {0};
    uint8_t *token = ticket + MUSTER_LINK_PEER_BYTES;
    const uint8_t *request = bridge->requests[event->address.port - PORT_FIRST];
    muster_link_write_peer(&event->address, ticket);
    memcpy(token, request + 1, VERSION_BYTES + 8);
    memcpy(token + NONCE_OFFSET - 8, request + 1 + VERSION_BYTES + 8,
        8 + MUSTER_CONNECT_TOKEN_NONCE_BYTES + MUSTER_CONNECT_TOKEN_PRIVATE_BYTES);
    bytes_store_u32(token + SERVERS_OFFSET, 1);
    token[SERVERS_OFFSET + 4] = 1;
    bridge->links[event->client_index] = ++bridge->link_count;
    send_to_server(bridge, bridge->link_count, ticket, sizeof ticket);
}

static void take_event(struct bridge *bridge, const muster_netcode_event *event)
{
    const uint32_t number = bridge->links[event->client_index];
    switch (event->type) {
    case MUSTER_NETCODE_EVENT_CONNECTED:
        open_link(bridge, event);
        break;
    case MUSTER_NETCODE_EVENT_PAYLOAD:
        if (number != 0) {
            send_to_server(bridge, number, event->bytes, event->length);
        }
        break;
    case MUSTER_NETCODE_EVENT_DISCONNECTED:
        if (number != 0) {
            send_to_server(bridge, number, NULL, 0);
        }
        bridge->links[event->client_index] = 0;
        break;
    case MUSTER_NETCODE_EVENT_NONE:
        break;
    }
}

void bridge_receive_client(
    struct bridge *bridge, muster_netcode_time now, const muster_packet *packet)
{
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    muster_packet copy = {.address = packet->address, .length = packet->length, .bytes = bytes};
    memcpy(bytes, packet->bytes, packet->length);
    if (packet->length == REQUEST_BYTES && bytes[0] == 0) {
        memcpy(bridge->requests[packet->address.port - PORT_FIRST], bytes, REQUEST_BYTES);
    }
    muster_netcode_event event;
    if (muster_netcode_server_receive(bridge->netcode, now, &copy, &bridge->out.batch, &event)) {
        take_event(bridge, &event);
    }
    flush(bridge);
}

void bridge_update(struct bridge *bridge, muster_netcode_time now)
{
    muster_netcode_event event;
    muster_netcode_server_update(bridge->netcode, now, &bridge->out.batch);
    while (muster_netcode_server_pop_event(bridge->netcode, &event)) {
        take_event(bridge, &event);
    }
    flush(bridge);
}

// A link that is closed ends in silence, as a connection that breaks does.
void bridge_receive_server(
    struct bridge *bridge, muster_netcode_time now, const muster_packet *packet)
{
    const uint32_t number = muster_address_link(&packet->address);
    uint32_t index = 0;
    bridge_update(bridge, now);
    while (index < SLOT_COUNT && bridge->links[index] != number) {
        index++;
    }
    if (index == SLOT_COUNT) {
        return;
    }
    if (packet->length == 0) {
        (void)muster_netcode_server_drop(bridge->netcode, index);
        bridge->links[index] = 0;
        return;
    }
    muster_packet *slot = &bridge->out.slots[bridge->out.batch.count++];
    if (!muster_netcode_server_is_confirmed(bridge->netcode, index)) {
        require(muster_netcode_server_keep_alive(bridge->netcode, index, slot) == MUSTER_OK,
            "a link without a client");
        slot = &bridge->out.slots[bridge->out.batch.count++];
    }
    memcpy(slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, packet->bytes, packet->length);
    require(muster_netcode_server_seal(bridge->netcode, index, packet->length, slot) == MUSTER_OK,
        "a link without a client");
    flush(bridge);
}

uint32_t bridge_link_count(const struct bridge *bridge)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        count += bridge->links[i] != 0 ? 1 : 0;
    }
    return count;
}

void bridge_cut(struct bridge *bridge)
{
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        if (bridge->links[i] != 0) {
            (void)muster_netcode_server_drop(bridge->netcode, i);
            send_to_server(bridge, bridge->links[i], NULL, 0);
            bridge->links[i] = 0;
        }
    }
}
