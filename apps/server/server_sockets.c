// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_sockets.h"

#include "core/assert.h"
#include "core/map.h"
#include "muster/netcode.h"
#include "muster/session.h"

#include <string.h>

#define RECEIVE_COUNT 64u

// Two ticks of a thousand players, in packets of 500 bytes.
#define RING_BYTES (1u << 20)

// Sockets beyond the players: those that have not shown a ticket, those that replace another and
// those being told goodbye.
#define SPARE_COUNT(player_count) (64u + (player_count) / 4u)

// Close codes of RFC 6455, and where those of an application begin.
#define CODE_DONE        1000u
#define CODE_GOING_AWAY  1001u
#define CODE_APPLICATION 4000u

// A close packet of the session layer: this, the reason, a text.
#define CLOSE_HEAD  0u
#define REASON_BYTE 1u

struct socket {
    uint32_t number;
    muster_address peer;
    uint8_t reason;  // of the close packet that went out
    bool has_ticket; // the gateway knows of it
    bool is_closing; // the gateway wants nothing more of it
};

struct server_sockets {
    struct http_server *http;
    size_t bytes;
    struct map *index_by_number;
    muster_packet_batch batch;
    muster_packet packets[RECEIVE_COUNT];
    uint8_t space[RECEIVE_COUNT][MUSTER_LINK_TICKET_BYTES];
    uint32_t free_count;
    uint32_t *free;
    struct socket sockets[];
};

static uint32_t socket_count(uint32_t player_count_max)
{
    const uint32_t count = player_count_max + SPARE_COUNT(player_count_max);
    return count < HTTP_SOCKET_COUNT_MAX ? count : HTTP_SOCKET_COUNT_MAX;
}

struct http_socket_def server_sockets_def(uint32_t player_count_max)
{
    struct http_socket_def def = http_socket_default_def();
    def.path = "/v1/connect";
    def.subprotocol = "muster.1";
    def.count_max = socket_count(player_count_max);
    def.receive_bytes_max = MUSTER_CONNECT_TOKEN_BYTES;
    def.send_bytes_max = MUSTER_SESSION_PACKET_BYTES_MAX;
    def.ring_bytes = RING_BYTES;
    return def;
}

muster_status server_sockets_create(
    struct http_server *http, uint32_t player_count_max, struct server_sockets **out_sockets)
{
    MUSTER_ASSERT(http != NULL && out_sockets != NULL);
    *out_sockets = NULL;
    const muster_allocator heap = muster_heap_allocator();
    const uint32_t count = 2 * socket_count(player_count_max); // closed ones may still be told of
    const size_t free_offset = sizeof(struct server_sockets) + count * sizeof(struct socket);
    const size_t bytes = free_offset + count * sizeof(uint32_t);
    struct server_sockets *sockets =
        heap.alloc(heap.context, bytes, _Alignof(struct server_sockets));
    if (sockets == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(sockets, 0, bytes);
    sockets->http = http;
    sockets->bytes = bytes;
    sockets->free = (void *)((char *)sockets + free_offset);
    for (uint32_t i = 0; i < count; i++) {
        sockets->free[sockets->free_count++] = count - 1 - i;
    }
    for (uint32_t i = 0; i < RECEIVE_COUNT; i++) {
        sockets->packets[i].bytes = sockets->space[i];
    }
    sockets->batch = (muster_packet_batch){.packets = sockets->packets, .capacity = RECEIVE_COUNT};
    const muster_status status = map_create(&heap, count, 1, &sockets->index_by_number);
    if (status != MUSTER_OK) {
        server_sockets_destroy(sockets);
        return status;
    }
    *out_sockets = sockets;
    return MUSTER_OK;
}

void server_sockets_destroy(struct server_sockets *sockets)
{
    if (sockets == NULL) {
        return;
    }
    map_destroy(sockets->index_by_number);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, sockets, sockets->bytes);
}

static struct socket *find(struct server_sockets *sockets, uint32_t number)
{
    uint32_t index;
    return map_find(sockets->index_by_number, number, &index) ? &sockets->sockets[index] : NULL;
}

// In.

static void open_socket(struct server_sockets *sockets, const struct http_socket_event *event)
{
    MUSTER_ASSERT(sockets->free_count > 0);
    const uint32_t index = sockets->free[--sockets->free_count];
    const muster_status status = map_put(sockets->index_by_number, event->number, index);
    MUSTER_ASSERT(status == MUSTER_OK);
    sockets->sockets[index] = (struct socket){.number = event->number, .peer = event->peer};
}

static muster_packet *begin_packet(struct server_sockets *sockets, uint32_t number)
{
    muster_packet *packet = &sockets->packets[sockets->batch.count++];
    packet->address = muster_address_of_link(number);
    packet->length = 0;
    return packet;
}

static void close_socket(struct server_sockets *sockets, struct socket *socket)
{
    uint32_t code = CODE_APPLICATION +
                    (socket->reason != 0 ? socket->reason : (uint32_t)MUSTER_CLOSE_UNREACHABLE);
    if (socket->reason == MUSTER_CLOSE_LEFT) {
        code = CODE_DONE;
    } else if (socket->reason == MUSTER_CLOSE_DRAINING) {
        code = CODE_GOING_AWAY;
    }
    // Without room now it is asked for again when something comes of the socket.
    socket->is_closing =
        http_server_close_socket(sockets->http, socket->number, code, "") == MUSTER_OK;
}

// An empty message is none of the session layer's, and to the gateway it would say something else.
static void take_message(struct server_sockets *sockets, const struct http_socket_event *event)
{
    struct socket *socket = find(sockets, event->number);
    MUSTER_ASSERT(socket != NULL);
    if (socket->is_closing) {
        return;
    }
    if (event->length == 0) {
        socket->reason = MUSTER_CLOSE_PROTOCOL;
        close_socket(sockets, socket);
        if (socket->has_ticket) {
            (void)begin_packet(sockets, socket->number);
        }
        return;
    }
    muster_packet *packet = begin_packet(sockets, event->number);
    if (!socket->has_ticket) {
        muster_link_write_peer(&socket->peer, packet->bytes);
        packet->length = MUSTER_LINK_PEER_BYTES;
        socket->has_ticket = true;
    }
    MUSTER_ASSERT(event->length <= MUSTER_CONNECT_TOKEN_BYTES);
    memcpy(packet->bytes + packet->length, event->bytes, event->length);
    packet->length += event->length;
}

static void take_end(struct server_sockets *sockets, const struct http_socket_event *event)
{
    uint32_t index;
    const bool is_found = map_find(sockets->index_by_number, event->number, &index);
    MUSTER_ASSERT(is_found);
    const struct socket *socket = &sockets->sockets[index];
    if (socket->has_ticket && !socket->is_closing) {
        (void)begin_packet(sockets, socket->number);
    }
    (void)map_remove(sockets->index_by_number, event->number);
    sockets->free[sockets->free_count++] = index;
}

const muster_packet_batch *server_sockets_receive(struct server_sockets *sockets)
{
    MUSTER_ASSERT(sockets != NULL);
    sockets->batch.count = 0;
    struct http_socket_event event;
    while (sockets->batch.count < RECEIVE_COUNT &&
           http_server_pop_socket_event(sockets->http, &event)) {
        switch (event.type) {
        case HTTP_SOCKET_OPENED:
            open_socket(sockets, &event);
            break;
        case HTTP_SOCKET_MESSAGE:
            take_message(sockets, &event);
            break;
        case HTTP_SOCKET_CLOSED:
            take_end(sockets, &event);
            break;
        }
    }
    return &sockets->batch;
}

// Out.

void server_sockets_send(
    struct server_sockets *sockets, const muster_packet *packets, uint32_t packet_count)
{
    MUSTER_ASSERT(sockets != NULL && packets != NULL);
    for (uint32_t i = 0; i < packet_count; i++) {
        const muster_packet *packet = &packets[i];
        struct socket *socket = find(sockets, muster_address_link(&packet->address));
        if (socket == NULL || socket->is_closing) {
            continue; // it was closed meanwhile
        }
        if (packet->length == 0) {
            close_socket(sockets, socket);
            continue;
        }
        if (packet->bytes[0] == CLOSE_HEAD && packet->length > REASON_BYTE) {
            socket->reason = packet->bytes[REASON_BYTE];
        }
        // What finds no room is counted there.
        (void)!http_server_send_socket(
            sockets->http, socket->number, packet->bytes, packet->length);
    }
    http_server_flush_sockets(sockets->http);
}
