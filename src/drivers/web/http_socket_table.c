// SPDX-License-Identifier: Apache-2.0
#include "drivers/http_socket.h"

#include "core/assert.h"
#include "drivers/web/http_internal.h"

#include <string.h>

// The sockets as their owner and their consumer see them: made and freed, events and orders in
// their rings, figures.

#define TIME_MS_MAX 3600000u

// A ring has room for so many of the longest messages.
#define RING_PART           8u
#define RING_HEAD_BYTES_MAX 64u

_Static_assert(HTTP_SOCKET_COUNT_MAX <= 1u << SOCKET_INDEX_BITS, "an index must fit a number");

// Making and freeing.

struct http_socket_def http_socket_default_def(void)
{
    return (struct http_socket_def){
        .count_max = 64,
        .address_silent_count_max = 64,
        .receive_bytes_max = 4096,
        .send_bytes_max = 4096,
        .queue_count = 16,
        .first_ms_max = 5000,
        .silence_ms_max = 30000,
        .ring_bytes = 1u << 20,
    };
}

static bool is_within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

bool http_sockets_are_valid(const struct http_server_def *def)
{
    const struct http_socket_def *sockets = &def->sockets;
    const uint32_t bytes_max = sockets->receive_bytes_max > sockets->send_bytes_max
                                   ? sockets->receive_bytes_max
                                   : sockets->send_bytes_max;
    return sockets->path == NULL ||
           (sockets->subprotocol != NULL && sockets->listener_index < def->listener_count &&
               (sockets->origins != NULL || sockets->origin_count == 0) &&
               is_within(sockets->count_max, 1, HTTP_SOCKET_COUNT_MAX) &&
               sockets->address_silent_count_max >= 1 &&
               is_within(sockets->receive_bytes_max, 1, HTTP_SOCKET_BYTES_MAX) &&
               is_within(sockets->send_bytes_max, 1, HTTP_SOCKET_BYTES_MAX) &&
               is_within(sockets->queue_count, 1, HTTP_SOCKET_QUEUE_COUNT_MAX) &&
               is_within(sockets->first_ms_max, 1, TIME_MS_MAX) &&
               is_within(sockets->silence_ms_max, 1, TIME_MS_MAX) &&
               is_within(sockets->ring_bytes, RING_PART * (bytes_max + RING_HEAD_BYTES_MAX),
                   RING_BYTES_MAX));
}

static uint32_t round_up(uint32_t bytes)
{
    return (bytes + 7u) / 8u * 8u;
}

// The sockets, and behind them the rooms of each, whose pages stay untouched.
static muster_status make_table(struct http_server *server)
{
    const struct http_socket_def *def = &server->def.sockets;
    struct socket_table *table = &server->sockets;
    table->message_stride = round_up((uint32_t)sizeof(struct socket_message) + def->send_bytes_max);
    const size_t queue_bytes = (size_t)def->queue_count * table->message_stride;
    const size_t room_bytes = queue_bytes + round_up(def->receive_bytes_max);
    const size_t head_bytes = def->count_max * sizeof(struct web_socket);
    table->sockets_bytes = head_bytes + def->count_max * room_bytes;
    const muster_allocator *allocator = &server->def.allocator;
    table->sockets =
        allocator->alloc(allocator->context, table->sockets_bytes, _Alignof(struct web_socket));
    if (table->sockets == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(table->sockets, 0, head_bytes);
    uint8_t *room = (uint8_t *)(table->sockets + def->count_max);
    for (uint32_t i = 0; i < def->count_max; i++) {
        table->sockets[i].server = server;
        table->sockets[i].queue = room + i * room_bytes;
        table->sockets[i].message = table->sockets[i].queue + queue_bytes;
    }
    return MUSTER_OK;
}

muster_status http_sockets_create(struct http_server *server)
{
    if (server->def.sockets.path == NULL) {
        return MUSTER_OK;
    }
    const struct ring_def ring_def = {
        .capacity_bytes = server->def.sockets.ring_bytes,
        .allocator = server->def.allocator,
    };
    muster_status status = make_table(server);
    if (status == MUSTER_OK) {
        status = ring_create(&ring_def, &server->sockets.events);
    }
    return status == MUSTER_OK ? ring_create(&ring_def, &server->sockets.orders) : status;
}

void http_sockets_destroy(struct http_server *server)
{
    const muster_allocator *allocator = &server->def.allocator;
    ring_destroy(server->sockets.events);
    ring_destroy(server->sockets.orders);
    if (server->sockets.sockets != NULL) {
        allocator->free(allocator->context, server->sockets.sockets, server->sockets.sockets_bytes);
    }
}

// The consumer.

bool http_server_pop_socket_event(struct http_server *server, struct http_socket_event *out_event)
{
    MUSTER_ASSERT(server != NULL && server->sockets.events != NULL);
    MUSTER_ASSERT(out_event != NULL);
    struct socket_table *table = &server->sockets;
    if (table->is_event_held) {
        ring_release(table->events);
    }
    const void *record;
    uint32_t record_bytes;
    table->is_event_held = ring_peek(table->events, &record, &record_bytes);
    *out_event = (struct http_socket_event){0};
    if (table->is_event_held) {
        const struct socket_event_head *head = record;
        *out_event = (struct http_socket_event){
            .type = head->type,
            .number = head->number,
            .code = head->code,
            .peer = head->peer,
            .bytes = (const uint8_t *)(head + 1),
            .length = record_bytes - (uint32_t)sizeof *head,
        };
    }
    return table->is_event_held;
}

static muster_status order(
    struct http_server *server, struct socket_order head, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(server != NULL && server->sockets.orders != NULL);
    struct ring *ring = server->sockets.orders;
    void *room;
    const muster_status status = ring_reserve(ring, (uint32_t)sizeof head + length, &room);
    server->sockets.has_orders = true;
    if (status == MUSTER_OK) {
        memcpy(room, &head, sizeof head);
        if (length > 0) {
            memcpy((uint8_t *)room + sizeof head, bytes, length);
        }
        ring_commit(ring, (uint32_t)sizeof head + length);
    }
    return status;
}

muster_status http_server_send_socket(
    struct http_server *server, uint32_t number, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(length <= server->def.sockets.send_bytes_max);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    const muster_status status =
        order(server, (struct socket_order){.number = number}, bytes, length);
    if (status != MUSTER_OK) {
        // Relaxed: others read the number and nothing because of it.
        atomic_fetch_add_explicit(
            &server->sockets.counts[HTTP_SOCKET_COUNT_SENT_DROPPED], 1, memory_order_relaxed);
    }
    return status;
}

muster_status http_server_close_socket(
    struct http_server *server, uint32_t number, uint32_t code, const char *reason)
{
    MUSTER_ASSERT(is_within(code, 1000, 1011) || is_within(code, 3000, 4999));
    MUSTER_ASSERT(reason != NULL && strlen(reason) <= HTTP_SOCKET_REASON_BYTES_MAX);
    return order(server, (struct socket_order){.number = number, .code = code}, reason,
        (uint32_t)strlen(reason));
}

void http_server_flush_sockets(struct http_server *server)
{
    MUSTER_ASSERT(server != NULL);
    if (server->sockets.has_orders) {
        server->sockets.has_orders = false;
        http_ring_bell(server);
    }
}

// Statistics.

struct http_socket_stats http_server_read_socket_stats(const struct http_server *server)
{
    MUSTER_ASSERT(server != NULL);
    const struct socket_table *table = &server->sockets;
    struct http_socket_stats stats = {
        .open_count = atomic_load_explicit(&table->open_count, memory_order_relaxed),
        .received_bytes = atomic_load_explicit(&table->in_bytes, memory_order_relaxed),
        .sent_bytes = atomic_load_explicit(&table->out_bytes, memory_order_relaxed),
    };
    for (int i = 0; i < HTTP_SOCKET_COUNTER_COUNT; i++) {
        stats.counts[i] = atomic_load_explicit(&table->counts[i], memory_order_relaxed);
    }
    return stats;
}

const char *http_socket_counter_name(enum http_socket_counter counter)
{
    static const char *const names[HTTP_SOCKET_COUNTER_COUNT] = {
        [HTTP_SOCKET_COUNT_OPENED] = "opened",
        [HTTP_SOCKET_COUNT_CLOSED] = "closed",
        [HTTP_SOCKET_COUNT_REFUSED_HOST] = "refused_host",
        [HTTP_SOCKET_COUNT_REFUSED_ORIGIN] = "refused_origin",
        [HTTP_SOCKET_COUNT_REFUSED_PROTOCOL] = "refused_protocol",
        [HTTP_SOCKET_COUNT_REFUSED_BAD] = "refused_bad",
        [HTTP_SOCKET_COUNT_REFUSED_FULL] = "refused_full",
        [HTTP_SOCKET_COUNT_TEXT] = "text",
        [HTTP_SOCKET_COUNT_TOO_LONG] = "too_long",
        [HTTP_SOCKET_COUNT_LATE] = "late",
        [HTTP_SOCKET_COUNT_SILENT] = "silent",
        [HTTP_SOCKET_COUNT_LOST] = "lost",
        [HTTP_SOCKET_COUNT_RECEIVED] = "received",
        [HTTP_SOCKET_COUNT_RECEIVED_DROPPED] = "received_dropped",
        [HTTP_SOCKET_COUNT_SENT] = "sent",
        [HTTP_SOCKET_COUNT_SENT_DROPPED] = "sent_dropped",
    };
    MUSTER_ASSERT(counter >= 0 && counter < HTTP_SOCKET_COUNTER_COUNT);
    return names[counter];
}
