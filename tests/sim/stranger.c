// SPDX-License-Identifier: Apache-2.0
#include "sim/stranger.h"

#include "harness/packets.h"
#include "wire/play.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 17u

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "stranger: %s\n", what);
        abort();
    }
}

// A stranger who comes again does so from another port, or on another link.
static void begin_anew(struct stranger *stranger)
{
    struct stranger before = *stranger;
    stranger_destroy(&before);
    *stranger = (struct stranger){
        .port = before.port == 0 ? STRANGER_PORT : before.port + 1,
        .comes_by_link = before.comes_by_link,
        .never_acks = before.never_acks,
        .packets_per_tick = before.packets_per_tick,
    };
    stranger->address = packets_address(9, (uint16_t)stranger->port);
    const muster_session_pool_def def = muster_session_pool_default_def();
    require(muster_session_pool_create(&def, &stranger->pool) == MUSTER_OK &&
                muster_session_pool_acquire(stranger->pool, &stranger->session) == MUSTER_OK,
        "no memory");
}

void stranger_connect_link(
    struct stranger *stranger, struct sim *sim, const uint8_t *ticket, uint32_t length)
{
    uint8_t bytes[MUSTER_LINK_TICKET_BYTES];
    require(length <= MUSTER_CONNECT_TOKEN_BYTES, "a ticket is too long");
    begin_anew(stranger);
    muster_link_write_peer(&stranger->address, bytes);
    memcpy(bytes + MUSTER_LINK_PEER_BYTES, ticket, length);
    stranger->address = muster_address_of_link(stranger->port);
    stranger->is_link_open = true;
    sim_inject(sim, &stranger->address, bytes, MUSTER_LINK_PEER_BYTES + length);
}

void stranger_connect(
    struct stranger *stranger, struct sim *sim, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES])
{
    if (stranger->comes_by_link) {
        stranger_connect_link(stranger, sim, token, MUSTER_CONNECT_TOKEN_BYTES);
        return;
    }
    begin_anew(stranger);
    require(muster_netcode_client_create(NULL, &stranger->netcode) == MUSTER_OK, "no memory");
    require(muster_netcode_client_connect(stranger->netcode, sim_now(sim), token) == MUSTER_OK,
        "the token is refused");
}

void stranger_destroy(struct stranger *stranger)
{
    muster_netcode_client_destroy(stranger->netcode);
    muster_session_pool_destroy(stranger->pool);
    stranger->netcode = NULL;
    stranger->pool = NULL;
    stranger->session = NULL;
    stranger->is_link_open = false;
}

// Finds what the server's end wrote in a packet. @return false if there is nothing for the session
static bool open_packet(
    struct stranger *stranger, struct sim *sim, muster_packet *packet, muster_netcode_payload *out)
{
    if (stranger->netcode != NULL) {
        return muster_netcode_client_receive(stranger->netcode, sim_now(sim), packet, out);
    }
    *out = (muster_netcode_payload){.bytes = packet->bytes, .length = packet->length};
    stranger->is_link_open = stranger->is_link_open && packet->length > 0;
    return stranger->is_link_open;
}

void stranger_take(struct stranger *stranger, struct sim *sim, const muster_packet *packet)
{
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    muster_packet copy = {
        .address = sim_tokens(sim).addresses[0], .length = packet->length, .bytes = bytes};
    muster_netcode_payload payload;
    muster_session_received received;
    if (stranger->session == NULL ||
        !muster_address_is_equal(&packet->address, &stranger->address)) {
        return;
    }
    memcpy(bytes, packet->bytes, packet->length);
    if (!open_packet(stranger, sim, &copy, &payload)) {
        return;
    }
    stranger->packets_received++;
    stranger->newest_tick = 1; // as if it had its welcome: it looks at no state
    if (stranger->never_acks) {
        return;
    }
    if (muster_session_read(stranger->session, sim_now(sim).steady_us, payload.bytes,
            payload.length, &received) != MUSTER_OK) {
        return;
    }
    if (received.close_reason != MUSTER_CLOSE_NONE) {
        stranger->close_reason = received.close_reason;
        memcpy(stranger->close_text, received.close_text, received.close_text_length);
        stranger->close_text[received.close_text_length] = '\0';
    }
    muster_session_message message;
    while (muster_session_pop(stranger->session, &message)) {
    }
}

static bool is_connected(const struct stranger *stranger)
{
    return stranger->is_link_open ||
           (stranger->netcode != NULL && muster_netcode_client_state_of(stranger->netcode) ==
                                             MUSTER_NETCODE_CLIENT_CONNECTED);
}

// Where in a slot a payload is written.
static uint32_t payload_offset(const struct stranger *stranger)
{
    return stranger->is_link_open ? 0 : MUSTER_NETCODE_PAYLOAD_OFFSET;
}

static void seal_and_send(
    struct stranger *stranger, struct sim *sim, muster_packet *packet, uint32_t payload_bytes)
{
    packet->length = payload_bytes;
    require(stranger->is_link_open ||
                muster_netcode_client_seal(stranger->netcode, payload_bytes, packet) == MUSTER_OK,
        "a packet cannot be sealed");
    sim_inject(sim, &stranger->address, packet->bytes, packet->length);
}

void stranger_send_payload(
    struct stranger *stranger, struct sim *sim, const uint8_t *bytes, uint32_t length)
{
    uint8_t space[MUSTER_PACKET_BYTES_MAX];
    muster_packet packet = {.bytes = space};
    if (is_connected(stranger)) {
        memcpy(space + payload_offset(stranger), bytes, length);
        seal_and_send(stranger, sim, &packet, length);
    }
}

void stranger_send(
    struct stranger *stranger, struct sim *sim, uint8_t kind, const uint8_t *bytes, uint32_t length)
{
    uint8_t space[MUSTER_PACKET_BYTES_MAX];
    muster_packet packet = {.bytes = space};
    uint8_t *blob = NULL;
    uint32_t capacity;
    if (!is_connected(stranger)) {
        return;
    }
    require(
        muster_session_begin_packet(stranger->session, sim_now(sim).steady_us,
            space + payload_offset(stranger), 1200, 600) == MUSTER_OK &&
            muster_session_begin_blob(stranger->session, kind, true, &blob, &capacity) == MUSTER_OK,
        "a packet cannot be written");
    memcpy(blob, bytes, length);
    muster_session_end_blob(stranger->session, length);
    seal_and_send(stranger, sim, &packet, muster_session_end_packet(stranger->session, 0));
}

static void step(struct stranger *stranger, struct sim *sim)
{
    uint8_t space[MUSTER_PACKET_BYTES_MAX];
    muster_packet packet = {.bytes = space};
    muster_packet_batch batch = {.packets = &packet, .capacity = 1};
    if (stranger->netcode != NULL) {
        muster_netcode_client_update(stranger->netcode, sim_now(sim), &batch);
    }
    if (batch.count > 0) {
        sim_inject(sim, &stranger->address, packet.bytes, packet.length);
    }
    uint8_t input[64];
    struct record_writer writer = record_writer_on(input, sizeof input);
    (void)play_write_inputs(&writer, stranger->newest_tick, NULL, 0);
    const uint32_t count = stranger->packets_per_tick > 0 ? stranger->packets_per_tick : 1;
    for (uint32_t i = 0; i < count; i++) {
        stranger_send(stranger, sim, PLAY_RECORD_INPUT, input, (uint32_t)writer.length);
    }
}

void stranger_run_ms(struct stranger *stranger, struct sim *sim, uint32_t ms)
{
    for (uint32_t i = 0; i < ms; i++) {
        if (stranger->session != NULL && sim_now(sim).steady_us / 1000 % TICK_MS == 0) {
            step(stranger, sim);
        }
        sim_run_ms(sim, 1);
    }
}

uint32_t stranger_write_request(
    const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES], uint8_t out_bytes[MUSTER_PACKET_BYTES_MAX])
{
    muster_packet packet = {.bytes = out_bytes};
    muster_packet_batch batch = {.packets = &packet, .capacity = 1};
    muster_netcode_client *client;
    muster_connect_token parts;
    require(muster_connect_token_read(token, &parts) == MUSTER_OK, "the token cannot be read");
    const muster_netcode_time then = {.steady_us = 1000000, .unix_s = parts.create_unix_s};
    require(muster_netcode_client_create(NULL, &client) == MUSTER_OK, "no memory");
    require(muster_netcode_client_connect(client, then, token) == MUSTER_OK, "no request");
    muster_netcode_client_update(client, then, &batch);
    muster_netcode_client_destroy(client);
    require(batch.count == 1, "there is no request");
    return packet.length;
}
