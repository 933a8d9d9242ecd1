// SPDX-License-Identifier: Apache-2.0
#include "net/link_server.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "net/netcode_server.h"

#include <sodium.h>
#include <string.h>

struct link {
    uint32_t number; // 0 for a free slot
    int32_t timeout_s;
    uint64_t silent_us; // NETCODE_NEVER if it never is, or is known to be
    uint64_t client_id;
    muster_address peer;
};

struct link_server {
    struct link_server_def def;
    size_t bytes;
    struct map *index_by_number;
    muster_netcode_counters counters;
    uint32_t free_count;
    uint32_t index_end;
    uint32_t *free;    // a stack, the lowest index on top
    uint32_t *leavers; // the last numbers that were closed from here; a later one takes the place
    struct link links[];
};

// The peer's address in front of a ticket.

#define PEER_PORT_OFFSET   16u
#define PEER_FAMILY_OFFSET 18u

void muster_link_write_peer(const muster_address *peer, uint8_t out_bytes[MUSTER_LINK_PEER_BYTES])
{
    MUSTER_ASSERT(peer != NULL && out_bytes != NULL);
    memset(out_bytes, 0, MUSTER_LINK_PEER_BYTES);
    memcpy(out_bytes, peer->ip, sizeof peer->ip);
    bytes_store_u16(out_bytes + PEER_PORT_OFFSET, peer->port);
    out_bytes[PEER_FAMILY_OFFSET] = peer->family;
}

muster_address muster_link_read_peer(const uint8_t bytes[MUSTER_LINK_PEER_BYTES])
{
    MUSTER_ASSERT(bytes != NULL);
    muster_address peer = {
        .port = bytes_load_u16(bytes + PEER_PORT_OFFSET),
        .family = bytes[PEER_FAMILY_OFFSET],
    };
    memcpy(peer.ip, bytes, sizeof peer.ip);
    return peer;
}

// Creation.

muster_status link_server_create(const struct link_server_def *def, struct link_server **out_server)
{
    MUSTER_ASSERT(def != NULL && out_server != NULL);
    MUSTER_ASSERT(def->netcode != NULL);
    MUSTER_ASSERT(
        def->link_count_max >= 1 && def->link_count_max <= MUSTER_NETCODE_CLIENT_COUNT_MAX);
    *out_server = NULL;
    const uint32_t count = def->link_count_max;
    const size_t free_offset = sizeof(struct link_server) + count * sizeof(struct link);
    const size_t leavers_offset = free_offset + count * sizeof(uint32_t);
    const size_t bytes = leavers_offset + count * sizeof(uint32_t);
    struct link_server *server =
        def->allocator.alloc(def->allocator.context, bytes, _Alignof(struct link_server));
    if (server == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(server, 0, bytes);
    server->def = *def;
    server->bytes = bytes;
    server->free = (void *)((char *)server + free_offset);
    server->leavers = (void *)((char *)server + leavers_offset);
    for (uint32_t i = 0; i < count; i++) {
        server->free[server->free_count++] = count - 1 - i;
    }
    const muster_status status =
        map_create(&def->allocator, count, def->seed, &server->index_by_number);
    if (status != MUSTER_OK) {
        link_server_destroy(server);
        return status;
    }
    *out_server = server;
    return MUSTER_OK;
}

void link_server_destroy(struct link_server *server)
{
    if (server == NULL) {
        return;
    }
    map_destroy(server->index_by_number);
    const muster_allocator allocator = server->def.allocator;
    allocator.free(allocator.context, server, server->bytes);
}

// Slots.

static void count(struct link_server *server, muster_netcode_counter counter)
{
    server->counters.values[counter]++;
}

static bool find(const struct link_server *server, const muster_address *address, uint32_t *index)
{
    return map_find(server->index_by_number, muster_address_link(address), index);
}

static void set_silent(const struct link_server *server, struct link *link)
{
    link->silent_us = netcode_clock_timeout_us(&server->def.netcode->clock, link->timeout_s);
}

static uint32_t open_link(struct link_server *server,
    uint32_t number,
    const struct private_token *token,
    const muster_address *peer)
{
    MUSTER_ASSERT(server->free_count > 0);
    const uint32_t index = server->free[--server->free_count];
    const muster_status status = map_put(server->index_by_number, number, index);
    MUSTER_ASSERT(status == MUSTER_OK);
    struct link *link = &server->links[index];
    *link = (struct link){
        .number = number,
        .timeout_s = token->timeout_s,
        .client_id = token->client_id,
        .peer = *peer,
    };
    set_silent(server, link);
    server->index_end = server->index_end > index + 1 ? server->index_end : index + 1;
    return index;
}

static void free_link(struct link_server *server, uint32_t index)
{
    struct link *link = &server->links[index];
    MUSTER_ASSERT(link->number != 0);
    const bool is_removed = map_remove(server->index_by_number, link->number);
    MUSTER_ASSERT(is_removed);
    *link = (struct link){0};
    server->free[server->free_count++] = index;
}

static muster_netcode_event event_of(
    const struct link_server *server, uint32_t index, muster_netcode_event_type type)
{
    const struct link *link = &server->links[index];
    return (muster_netcode_event){
        .type = type,
        .client_index = index,
        .client_id = link->client_id,
        .address = link->peer,
    };
}

// Packets out.

static uint32_t *leaver_of(const struct link_server *server, uint32_t number)
{
    return &server->leavers[number % server->def.link_count_max];
}

static void write_close(
    struct link_server *server, const muster_address *link, muster_packet *packet)
{
    const uint32_t number = muster_address_link(link);
    *leaver_of(server, number) = number;
    packet->address = *link;
    packet->length = 0;
}

void link_server_address(
    const struct link_server *server, uint32_t index, uint32_t bytes, muster_packet *packet)
{
    MUSTER_ASSERT(server != NULL && packet != NULL && index < server->index_end);
    MUSTER_ASSERT(bytes >= 1 && bytes <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX);
    MUSTER_ASSERT(server->links[index].number != 0);
    packet->address = muster_address_of_link(server->links[index].number);
    packet->length = bytes;
}

void link_server_close(struct link_server *server, uint32_t index, muster_packet *packet)
{
    MUSTER_ASSERT(server != NULL && packet != NULL && index < server->index_end);
    const muster_address link = muster_address_of_link(server->links[index].number);
    free_link(server, index);
    write_close(server, &link, packet);
}

void link_server_refuse(struct link_server *server,
    const muster_address *link,
    muster_close_reason reason,
    const char *text,
    muster_packet_batch *replies)
{
    MUSTER_ASSERT(server != NULL && link != NULL && replies != NULL);
    MUSTER_ASSERT(replies->capacity - replies->count >= LINK_REPLY_COUNT_MAX);
    muster_packet *why = &replies->packets[replies->count++];
    why->address = *link;
    why->length =
        muster_session_write_close(reason, text, why->bytes, MUSTER_SESSION_PACKET_BYTES_MAX);
    write_close(server, link, &replies->packets[replies->count++]);
}

// Tickets.

// A ticket says what a netcode request says, so the netcode server can check it as one. Both are
// refused for the same reasons.
static bool write_request(
    const uint8_t *ticket, muster_packet *out_request, muster_netcode_counter *out_refusal)
{
    muster_connect_token token;
    const muster_status status = muster_connect_token_read(ticket, &token);
    if (status != MUSTER_OK) {
        *out_refusal = status == MUSTER_ERR_VERSION
                           ? MUSTER_NETCODE_COUNTER_REFUSED_VERSION
                           : MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED;
        return false;
    }
    uint8_t *bytes = out_request->bytes;
    bytes[0] = NETCODE_PACKET_REQUEST;
    memcpy(bytes + 1, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(bytes + NETCODE_REQUEST_PROTOCOL_OFFSET, token.protocol_id);
    bytes_store_u64(bytes + NETCODE_REQUEST_EXPIRE_OFFSET, token.expire_unix_s);
    memcpy(bytes + NETCODE_REQUEST_NONCE_OFFSET, token.nonce, sizeof token.nonce);
    memcpy(bytes + NETCODE_REQUEST_PRIVATE_OFFSET, token.private_data, sizeof token.private_data);
    out_request->length = NETCODE_REQUEST_BYTES;
    return true;
}

// A token is noted for the link's address, which no other link and no UDP client has: whoever shows
// it first has it.
static bool admit(struct link_server *server,
    const muster_packet *packet,
    struct private_token *out_token,
    muster_netcode_counter *out_refusal)
{
    muster_netcode_server *netcode = server->def.netcode;
    uint8_t bytes[NETCODE_REQUEST_BYTES];
    muster_packet request = {.address = packet->address, .bytes = bytes};
    if (packet->length != MUSTER_LINK_TICKET_BYTES) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SIZE;
        return false;
    }
    bool is_good = write_request(packet->bytes + MUSTER_LINK_PEER_BYTES, &request, out_refusal) &&
                   netcode_server_open_request(netcode, &request, out_token, out_refusal);
    if (is_good && server->free_count == 0) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL;
        is_good = false;
    }
    if (is_good && netcode_server_claim_token(netcode, &request, out_refusal)) {
        used_tokens_spend(netcode->tokens, netcode_request_mac(&request));
    } else {
        is_good = false;
    }
    sodium_memzero(bytes, sizeof bytes);
    return is_good;
}

static void refuse_ticket(struct link_server *server,
    const muster_address *link,
    muster_netcode_counter refusal,
    muster_packet_batch *replies)
{
    count(server, refusal);
    switch (refusal) {
    case MUSTER_NETCODE_COUNTER_REFUSED_VERSION:
    case MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL:
        link_server_refuse(
            server, link, MUSTER_CLOSE_VERSION, "the ticket is for another game", replies);
        break;
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED:
        link_server_refuse(server, link, MUSTER_CLOSE_REFUSED, "the ticket has expired", replies);
        break;
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED:
        link_server_refuse(server, link, MUSTER_CLOSE_REFUSED, "the ticket was used", replies);
        break;
    case MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL:
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL:
        link_server_refuse(server, link, MUSTER_CLOSE_FULL, "the server is full", replies);
        break;
    default:
        link_server_refuse(server, link, MUSTER_CLOSE_REFUSED, "the ticket is not good", replies);
        break;
    }
}

static bool is_leaver(const struct link_server *server, const muster_address *link)
{
    const uint32_t number = muster_address_link(link);
    return *leaver_of(server, number) == number;
}

static bool receive_ticket(struct link_server *server,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event)
{
    struct private_token token;
    muster_netcode_counter refusal;
    if (!admit(server, packet, &token, &refusal)) {
        refuse_ticket(server, &packet->address, refusal, replies);
        return false;
    }
    count(server, MUSTER_NETCODE_COUNTER_REQUEST);
    const muster_address peer = muster_link_read_peer(packet->bytes);
    const uint32_t index = open_link(server, muster_address_link(&packet->address), &token, &peer);
    memcpy(packet->bytes, token.user_data, sizeof token.user_data);
    sodium_memzero(&token, sizeof token);
    *out_event = event_of(server, index, MUSTER_NETCODE_EVENT_CONNECTED);
    out_event->length = MUSTER_NETCODE_USER_DATA_BYTES;
    out_event->bytes = packet->bytes;
    return true;
}

bool link_server_is_ticket(
    const struct link_server *server, const muster_packet *packet, muster_address *out_peer)
{
    MUSTER_ASSERT(server != NULL && packet != NULL && out_peer != NULL);
    uint32_t index;
    if (packet->length < MUSTER_LINK_PEER_BYTES || find(server, &packet->address, &index) ||
        is_leaver(server, &packet->address)) {
        return false;
    }
    *out_peer = muster_link_read_peer(packet->bytes);
    return true;
}

// Packets in.

// What comes of a link that has no slot and is no ticket. The driver may not have heard yet that
// the link is closed, or may have found no room to hear it, so it is told again.
static bool receive_stray(
    struct link_server *server, const muster_packet *packet, muster_packet_batch *replies)
{
    const bool is_known = is_leaver(server, &packet->address);
    if (packet->length == 0) {
        count(server, MUSTER_NETCODE_COUNTER_REPEATED);
        return true;
    }
    if (is_known) {
        count(server, MUSTER_NETCODE_COUNTER_REPEATED);
        write_close(server, &packet->address, &replies->packets[replies->count++]);
    }
    return is_known;
}

static bool receive_open(struct link_server *server,
    uint32_t index,
    muster_packet *packet,
    muster_netcode_event *out_event)
{
    if (packet->length > MUSTER_NETCODE_PAYLOAD_BYTES_MAX) {
        count(server, MUSTER_NETCODE_COUNTER_REFUSED_SIZE);
        return false;
    }
    if (packet->length == 0) {
        count(server, MUSTER_NETCODE_COUNTER_DISCONNECT);
        *out_event = event_of(server, index, MUSTER_NETCODE_EVENT_DISCONNECTED);
        out_event->reason = MUSTER_NETCODE_REASON_LINK_CLOSED;
        free_link(server, index);
        return true;
    }
    count(server, MUSTER_NETCODE_COUNTER_PAYLOAD);
    set_silent(server, &server->links[index]);
    *out_event = event_of(server, index, MUSTER_NETCODE_EVENT_PAYLOAD);
    out_event->length = packet->length;
    out_event->bytes = packet->bytes;
    return true;
}

bool link_server_receive(struct link_server *server,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event)
{
    MUSTER_ASSERT(server != NULL && packet != NULL && replies != NULL && out_event != NULL);
    MUSTER_ASSERT(muster_address_link(&packet->address) != 0);
    MUSTER_ASSERT(replies->capacity - replies->count >= LINK_REPLY_COUNT_MAX);
    netcode_clock_advance(&server->def.netcode->clock, now);
    uint32_t index;
    if (find(server, &packet->address, &index)) {
        return receive_open(server, index, packet, out_event);
    }
    return !receive_stray(server, packet, replies) &&
           receive_ticket(server, packet, replies, out_event);
}

bool link_server_pop_silent(struct link_server *server, muster_netcode_event *out_event)
{
    MUSTER_ASSERT(server != NULL && out_event != NULL);
    for (uint32_t i = 0; i < server->index_end; i++) {
        struct link *link = &server->links[i];
        if (link->number != 0 && link->silent_us <= server->def.netcode->clock.now_us) {
            link->silent_us = NETCODE_NEVER;
            *out_event = event_of(server, i, MUSTER_NETCODE_EVENT_DISCONNECTED);
            out_event->reason = MUSTER_NETCODE_REASON_TIMED_OUT;
            return true;
        }
    }
    return false;
}

// Questions.

uint32_t link_server_count(const struct link_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->def.link_count_max - server->free_count;
}

uint32_t link_server_index_end(const struct link_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return server->index_end;
}

const muster_netcode_counters *link_server_counters(const struct link_server *server)
{
    MUSTER_ASSERT(server != NULL);
    return &server->counters;
}
