// SPDX-License-Identifier: Apache-2.0

// A netcode server or client over UDP, to be run against one of another implementation:
//
//     netcode_peer server 127.0.0.1:40000
//     netcode_peer client 127.0.0.1:40000
//
// Both ends send payloads of all lengths that follow from their number. The client leaves when it
// has enough of them; the server ends when the client has left. Exit code 0 means that enough came,
// all of them right, and that the other end was seen to go or said goodbye to.

#include "drivers/clock.h"
#include "drivers/udp.h"
#include "muster/netcode_client.h"
#include "muster/netcode_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_ID   UINT64_C(0x1122334455667788)
#define SLOT_COUNT    64u
#define STEP_US       4000u
#define TIME_MAX_US   10000000u
#define PAYLOAD_COUNT 400u // for which the client waits
#define ENOUGH_COUNT  50u
#define GOODBYE_US    200000u

struct peer {
    struct udp_socket *socket;
    muster_packet packets[2][SLOT_COUNT];
    uint8_t bytes[2][SLOT_COUNT][MUSTER_PACKET_BYTES_MAX];
    muster_packet_batch in, out;
    uint32_t sent_count, good_count, bad_count;
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "netcode_peer: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static muster_netcode_time now(void)
{
    return (muster_netcode_time){.steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
}

static void private_key(uint8_t out_key[MUSTER_NETCODE_KEY_BYTES])
{
    for (uint32_t i = 0; i < MUSTER_NETCODE_KEY_BYTES; i++) {
        out_key[i] = (uint8_t)(i * 7 + 1);
    }
}

static uint32_t write_payload(uint32_t number, uint8_t *out_bytes)
{
    const uint32_t length = 1 + number * 37 % MUSTER_NETCODE_PAYLOAD_BYTES_MAX;
    for (uint32_t i = 0; i < length; i++) {
        out_bytes[i] = (uint8_t)(i + length);
    }
    return length;
}

static void take_payload(struct peer *peer, const uint8_t *bytes, uint32_t length)
{
    bool is_good = length > 0;
    for (uint32_t i = 0; i < length; i++) {
        is_good = is_good && bytes[i] == (uint8_t)(i + length);
    }
    peer->good_count += is_good ? 1 : 0;
    peer->bad_count += is_good ? 0 : 1;
}

static void open_peer(struct peer *peer, const muster_address *address)
{
    struct udp_def def = udp_default_def();
    struct driver_error error = {0};
    if (address != NULL) {
        def.address = *address;
    }
    require(udp_open(&def, &peer->socket, &error) == MUSTER_OK, error.text);
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        peer->packets[0][i].bytes = peer->bytes[0][i];
        peer->packets[1][i].bytes = peer->bytes[1][i];
    }
    peer->in = (muster_packet_batch){.packets = peer->packets[0], .capacity = SLOT_COUNT};
    peer->out = (muster_packet_batch){.packets = peer->packets[1], .capacity = SLOT_COUNT};
}

static void flush(struct peer *peer)
{
    (void)udp_send(peer->socket, &peer->out, 0);
    peer->out.count = 0;
}

static void send_to_client(struct peer *peer, muster_netcode_server *server)
{
    muster_packet *packet = &peer->out.packets[peer->out.count];
    const uint32_t length =
        write_payload(peer->sent_count, packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET);
    if (peer->good_count > 0 && muster_netcode_server_is_connected(server, 0) &&
        muster_netcode_server_seal(server, 0, length, packet) == MUSTER_OK) {
        peer->out.count++;
        peer->sent_count++;
    }
}

// @return whether the client has said goodbye
static bool run_server(struct peer *peer, const muster_address *address)
{
    open_peer(peer, address);
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.protocol_id = PROTOCOL_ID;
    def.address_count = 1;
    def.addresses[0] = *address;
    private_key(def.private_key);
    muster_netcode_server *server;
    require(muster_netcode_server_create(&def, &server) == MUSTER_OK, "no server");
    bool has_left = false;
    for (const uint64_t end_us = clock_monotonic_us() + TIME_MAX_US;
         clock_monotonic_us() < end_us && !has_left;) {
        (void)udp_wait(peer->socket, STEP_US);
        (void)udp_receive(peer->socket, &peer->in);
        for (uint32_t i = 0; i < peer->in.count; i++) {
            muster_netcode_event event;
            if (!muster_netcode_server_receive(
                    server, now(), &peer->in.packets[i], &peer->out, &event)) {
                continue;
            }
            if (event.type == MUSTER_NETCODE_EVENT_PAYLOAD) {
                take_payload(peer, event.bytes, event.length);
            }
            has_left = has_left || event.type == MUSTER_NETCODE_EVENT_DISCONNECTED;
        }
        flush(peer);
        muster_netcode_server_update(server, now(), &peer->out);
        send_to_client(peer, server);
        flush(peer);
    }
    muster_netcode_server_destroy(server);
    return has_left;
}

static void make_token(const muster_address *address, uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES])
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = PROTOCOL_ID;
    def.client_id = clock_unix_us();
    def.create_unix_s = clock_unix_seconds();
    def.expire_unix_s = def.create_unix_s + 30;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = *address;
    private_key(def.private_key);
    memcpy(def.nonce, &def.client_id, sizeof def.client_id);
    def.client_to_server_key[0] = 1;
    def.server_to_client_key[0] = 2;
    require(muster_connect_token_write(&def, out_token) == MUSTER_OK, "no token");
}

static void step_client(struct peer *peer, muster_netcode_client *client)
{
    (void)udp_wait(peer->socket, STEP_US);
    (void)udp_receive(peer->socket, &peer->in);
    for (uint32_t i = 0; i < peer->in.count; i++) {
        muster_netcode_payload payload;
        if (muster_netcode_client_receive(client, now(), &peer->in.packets[i], &payload)) {
            take_payload(peer, payload.bytes, payload.length);
        }
    }
    muster_netcode_client_update(client, now(), &peer->out);
    muster_packet *packet = &peer->out.packets[peer->out.count];
    const uint32_t length =
        write_payload(peer->sent_count, packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET);
    if (muster_netcode_client_seal(client, length, packet) == MUSTER_OK) {
        peer->out.count++;
        peer->sent_count++;
    }
    flush(peer);
}

static void run_client(struct peer *peer, const muster_address *address)
{
    open_peer(peer, NULL);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    muster_netcode_client *client;
    make_token(address, token);
    require(muster_netcode_client_create(NULL, &client) == MUSTER_OK, "no client");
    require(muster_netcode_client_connect(client, now(), token) == MUSTER_OK, "no connection");
    const uint64_t end_us = clock_monotonic_us() + TIME_MAX_US;
    while (clock_monotonic_us() < end_us && peer->good_count < PAYLOAD_COUNT) {
        step_client(peer, client);
    }
    muster_netcode_client_disconnect(client);
    const uint64_t goodbye_end_us = clock_monotonic_us() + GOODBYE_US;
    while (clock_monotonic_us() < goodbye_end_us) {
        step_client(peer, client);
    }
    muster_netcode_client_destroy(client);
}

int main(int argc, char **argv)
{
    static struct peer peer;
    muster_address address;
    require(argc == 3 && muster_address_parse(argv[2], &address) == MUSTER_OK,
        "usage: netcode_peer server|client ADDRESS:PORT");
    bool is_over = true;
    if (strcmp(argv[1], "server") == 0) {
        is_over = run_server(&peer, &address);
    } else {
        run_client(&peer, &address);
    }
    udp_close(peer.socket);
    printf("ours, %s: %u payloads sent, %u good and %u bad ones received%s\n", argv[1],
        peer.sent_count, peer.good_count, peer.bad_count, is_over ? "" : ", nobody said goodbye");
    const bool is_enough = peer.good_count >= ENOUGH_COUNT && peer.bad_count == 0;
    return is_enough && is_over ? EXIT_SUCCESS : EXIT_FAILURE;
}
