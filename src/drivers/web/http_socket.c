// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // TCP_NOTSENT_LOWAT

#include "drivers/http_socket.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/web/http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

// A socket's way: OPEN, CLOSING while what was sent before is written, ENDING while the library
// exchanges close frames, and FREE again. The consumer is told of the end as soon as it is certain.
//
// The library hands over pieces of a message as they arrive. One that arrives whole goes to the
// consumer's ring straight from there; pieces are put together first. What other threads do to
// sockets stands in http_socket_table.c.

#define SWEEP_US          250000u
#define MS_US             1000u
#define CLOSING_US        2000000u
#define MESSAGE_COUNT_MAX 512u // of a client between two sweeps
#define PING_BYTES        4u   // the library keeps an empty answer to itself
#define KERNEL_BYTES      16384
#define KERNEL_LOW_BYTES  4096
#define CONFIRM_BYTES     4096u
#define CODE_BYTES        2u
#define CODE_LOST         1006u

static void count(struct http_server *server, enum http_socket_counter counter)
{
    // Relaxed: others read the number and nothing because of it.
    atomic_fetch_add_explicit(&server->sockets.counts[counter], 1, memory_order_relaxed);
}

// Telling the consumer.

// Room in the ring for an event with `length` bytes behind it, which leaves `kept_bytes` free.
static struct socket_event_head *begin_event(
    struct web_socket *socket, uint32_t length, uint32_t kept_bytes)
{
    struct ring *ring = socket->server->sockets.events;
    const uint32_t bytes = (uint32_t)sizeof(struct socket_event_head) + length;
    void *room;
    if (ring_reserve(ring, bytes + kept_bytes, &room) != MUSTER_OK) {
        return NULL;
    }
    struct socket_event_head *head = room;
    *head = (struct socket_event_head){.number = socket->number, .peer = socket->peer};
    return head;
}

static void end_event(struct web_socket *socket, uint32_t length)
{
    ring_commit(
        socket->server->sockets.events, (uint32_t)sizeof(struct socket_event_head) + length);
}

static bool tell_opened(struct web_socket *socket)
{
    struct socket_event_head *head = begin_event(socket, 0, 0);
    if (head != NULL) {
        head->type = HTTP_SOCKET_OPENED;
        end_event(socket, 0);
    }
    return head != NULL;
}

// Opened and closed must be told, messages may be lost: they leave a quarter of the ring free. Who
// sends without end would take the ring and the consumer's time from all others.
static void tell_message(struct web_socket *socket, const uint8_t *bytes, uint32_t length)
{
    struct http_server *server = socket->server;
    struct socket_event_head *head = NULL;
    if (socket->message_count < MESSAGE_COUNT_MAX) {
        socket->message_count++;
        head = begin_event(socket, length, server->def.sockets.ring_bytes / 4);
    }
    count(server, HTTP_SOCKET_COUNT_RECEIVED);
    atomic_fetch_add_explicit(&server->sockets.in_bytes, length, memory_order_relaxed);
    if (head == NULL) {
        count(server, HTTP_SOCKET_COUNT_RECEIVED_DROPPED);
        return;
    }
    head->type = HTTP_SOCKET_MESSAGE;
    if (length > 0) {
        memcpy(head + 1, bytes, length);
    }
    end_event(socket, length);
}

static void set_owed(struct web_socket *socket, bool is_end_owed)
{
    struct socket_table *table = &socket->server->sockets;
    table->owed_count += is_end_owed ? 1 : 0;
    table->owed_count -= socket->is_end_owed ? 1 : 0;
    socket->is_end_owed = is_end_owed;
}

static void tell_closed(struct web_socket *socket)
{
    struct socket_event_head *head = socket->is_end_owed ? begin_event(socket, 0, 0) : NULL;
    if (head != NULL) {
        head->type = HTTP_SOCKET_CLOSED;
        head->code = socket->close_code;
        end_event(socket, 0);
        set_owed(socket, false);
    }
}

// From here on the socket's end is certain, and the consumer is told.
static void begin_end(struct web_socket *socket, enum socket_state state, uint32_t code)
{
    if (socket->state == SOCKET_OPEN) {
        socket->close_code = code;
        set_owed(socket, true);
        tell_closed(socket);
    }
    socket->state = state;
}

// Opening and ending.

static struct web_socket *free_socket(const struct http_server *server)
{
    for (uint32_t i = 0; i < server->def.sockets.count_max; i++) {
        struct web_socket *socket = &server->sockets.sockets[i];
        if (socket->state == SOCKET_FREE && !socket->is_end_owed) {
            return socket;
        }
    }
    return NULL;
}

// How many sockets of one place have not sent a message yet, or are being closed.
static uint32_t silent_count(const struct http_server *server, const muster_address *peer)
{
    uint32_t silent = 0;
    for (uint32_t i = 0; i < server->def.sockets.count_max; i++) {
        const struct web_socket *socket = &server->sockets.sockets[i];
        const bool is_of_use = socket->state == SOCKET_OPEN && socket->has_spoken;
        if (socket->state != SOCKET_FREE && !is_of_use && http_is_same_place(&socket->peer, peer)) {
            silent++;
        }
    }
    return silent;
}

bool http_sockets_have_room(const struct http_server *server, const muster_address *peer)
{
    void *room;
    const uint32_t head_bytes = (uint32_t)sizeof(struct socket_event_head);
    return free_socket(server) != NULL &&
           silent_count(server, peer) < server->def.sockets.address_silent_count_max &&
           ring_reserve(server->sockets.events, head_bytes, &room) == MUSTER_OK;
}

static struct web_socket *socket_of(const struct http_server *server, struct lws *wsi)
{
    struct web_socket *socket = lws_get_opaque_user_data(wsi);
    const struct web_socket *first = server->sockets.sockets;
    const bool is_socket =
        first != NULL && socket >= first && socket < first + server->def.sockets.count_max;
    return is_socket && socket->wsi == wsi ? socket : NULL;
}

// What the kernel holds for a slow reader cannot be taken back, so it is to hold little.
static void tune(struct lws *wsi)
{
    const int file = lws_get_socket_fd(wsi);
    const int yes = 1;
    const int kernel_bytes = KERNEL_BYTES;
    const int low_bytes = KERNEL_LOW_BYTES;
    (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(file, SOL_SOCKET, SO_SNDBUF, &kernel_bytes, sizeof kernel_bytes);
    (void)setsockopt(file, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low_bytes, sizeof low_bytes);
}

// The number of the next client of a socket: never 0.
static uint32_t next_number(const struct web_socket *socket)
{
    const uint32_t index = (uint32_t)(socket - socket->server->sockets.sockets);
    const uint32_t uses = (socket->number >> SOCKET_INDEX_BITS) + 1;
    const uint32_t number = uses << SOCKET_INDEX_BITS | index;
    return number >> SOCKET_INDEX_BITS != 0 ? number : 1u << SOCKET_INDEX_BITS | index;
}

static int open_socket(struct http_server *server, struct lws *wsi)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    struct web_socket *socket = free_socket(server);
    if (socket == NULL) {
        return -1;
    }
    const uint64_t now_us = clock_monotonic_us();
    *socket = (struct web_socket){
        .server = server,
        .wsi = wsi,
        .state = SOCKET_OPEN,
        .number = next_number(socket),
        .peer = connection->peer,
        .opened_us = now_us,
        .heard_us = now_us,
        .queue = socket->queue,
        .message = socket->message,
    };
    http_forget_connection(connection);
    lws_set_opaque_user_data(wsi, socket);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    atomic_fetch_add_explicit(&server->sockets.open_count, 1, memory_order_relaxed);
    count(server, HTTP_SOCKET_COUNT_OPENED);
    tune(wsi);
    if (!tell_opened(socket)) {
        // The consumer is far behind and will not hear of this one.
        socket->state = SOCKET_ENDING;
        return -1;
    }
    return 0;
}

// The library begins to close a socket by itself: the connection is gone, or a frame was broken.
static void lose_socket(const struct http_server *server, struct lws *wsi)
{
    struct web_socket *socket = socket_of(server, wsi);
    if (socket != NULL && socket->state == SOCKET_OPEN) {
        count(socket->server, HTTP_SOCKET_COUNT_LOST);
        begin_end(socket, SOCKET_ENDING, CODE_LOST);
    }
}

bool http_release_socket(struct http_server *server, struct lws *wsi)
{
    struct web_socket *socket = socket_of(server, wsi);
    if (socket == NULL) {
        return false;
    }
    lose_socket(server, wsi);
    socket->state = SOCKET_FREE;
    socket->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    atomic_fetch_sub_explicit(&server->sockets.open_count, 1, memory_order_relaxed);
    count(server, HTTP_SOCKET_COUNT_CLOSED);
    return true;
}

// Ends a socket from within its callback. Returns -1, for the library.
static int end_at_once(struct web_socket *socket, uint32_t code, enum http_socket_counter counter)
{
    count(socket->server, counter);
    begin_end(socket, SOCKET_ENDING, code);
    lws_close_reason(socket->wsi, (enum lws_close_status)code, NULL, 0);
    return -1;
}

// Ends a socket when its queue is empty.
static void end_soon(struct web_socket *socket, uint32_t code, const char *reason, size_t length)
{
    if (socket->state != SOCKET_OPEN) {
        return;
    }
    memcpy(socket->close_reason, reason, length);
    socket->close_reason[length] = '\0';
    socket->closing_us = clock_monotonic_us();
    begin_end(socket, SOCKET_CLOSING, code);
    (void)lws_callback_on_writable(socket->wsi);
}

// Receiving.

static int take_piece(struct web_socket *socket, const uint8_t *bytes, size_t length)
{
    const struct http_socket_def *def = &socket->server->def.sockets;
    socket->heard_us = clock_monotonic_us();
    socket->is_pinged = false;
    if (socket->state != SOCKET_OPEN) {
        return 0;
    }
    if (!lws_frame_is_binary(socket->wsi)) {
        return end_at_once(socket, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, HTTP_SOCKET_COUNT_TEXT);
    }
    const bool is_last = lws_is_final_fragment(socket->wsi) != 0;
    if (length > def->receive_bytes_max - socket->received_bytes ||
        (lws_remaining_packet_payload(socket->wsi) >
            def->receive_bytes_max - socket->received_bytes - length)) {
        return end_at_once(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, HTTP_SOCKET_COUNT_TOO_LONG);
    }
    if (is_last && socket->received_bytes == 0) {
        socket->has_spoken = true;
        tell_message(socket, bytes, (uint32_t)length);
        return 0;
    }
    if (length > 0) {
        memcpy(socket->message + socket->received_bytes, bytes, length);
    }
    socket->received_bytes += (uint32_t)length;
    if (is_last) {
        socket->has_spoken = true;
        tell_message(socket, socket->message, socket->received_bytes);
        socket->received_bytes = 0;
    }
    return 0;
}

static int take_close(struct web_socket *socket, const uint8_t *bytes, size_t length)
{
    const uint32_t code = length >= CODE_BYTES ? (uint32_t)bytes[0] << 8 | bytes[1]
                                               : (uint32_t)LWS_CLOSE_STATUS_NO_STATUS;
    begin_end(socket, SOCKET_ENDING, code);
    return 0; // the library answers
}

// Sending.

static struct socket_message *queued_message(const struct web_socket *socket, uint32_t position)
{
    const struct http_server *server = socket->server;
    const uint32_t slot = (socket->queue_first + position) % server->def.sockets.queue_count;
    return (void *)(socket->queue + (size_t)slot * server->sockets.message_stride);
}

static void drop_oldest(struct web_socket *socket)
{
    socket->queue_count--;
    // An empty queue begins again with the slot that is in the cache.
    socket->queue_first = socket->queue_count == 0
                              ? 0
                              : (socket->queue_first + 1) % socket->server->def.sockets.queue_count;
}

static void count_sent(struct web_socket *socket, uint64_t length)
{
    socket->unconfirmed_bytes += (uint32_t)length;
    count(socket->server, HTTP_SOCKET_COUNT_SENT);
    atomic_fetch_add_explicit(&socket->server->sockets.out_bytes, length, memory_order_relaxed);
}

// Writes a message past the queue, which saves most of the work for a reader that keeps up. The
// kernel takes more than it was told to hold, so that it is asked again after some of it.
static bool write_at_once(struct web_socket *socket, const void *bytes, uint32_t length)
{
    uint8_t *chunk = socket->server->chunk + LWS_PRE;
    if (socket->queue_count > 0 || length > HTTP_CHUNK_BYTES ||
        socket->unconfirmed_bytes + length > CONFIRM_BYTES ||
        lws_partial_buffered(socket->wsi) != 0) {
        return false;
    }
    if (length > 0) {
        memcpy(chunk, bytes, length);
    }
    if (lws_write(socket->wsi, chunk, length, LWS_WRITE_BINARY) < 0) {
        lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }
    count_sent(socket, length);
    return true;
}

static void queue_message(struct web_socket *socket, const void *bytes, uint32_t length)
{
    if (write_at_once(socket, bytes, length)) {
        return;
    }
    if (socket->queue_count == socket->server->def.sockets.queue_count) {
        count(socket->server, HTTP_SOCKET_COUNT_SENT_DROPPED);
        drop_oldest(socket);
    }
    struct socket_message *head = queued_message(socket, socket->queue_count);
    head->length = length;
    if (length > 0) {
        memcpy(head + 1, bytes, length);
    }
    if (socket->queue_count++ == 0) {
        (void)lws_callback_on_writable(socket->wsi);
    }
}

static int write_ping(struct web_socket *socket)
{
    uint8_t ping[LWS_PRE + PING_BYTES] = {0};
    socket->must_ping = false;
    return lws_write(socket->wsi, ping + LWS_PRE, PING_BYTES, LWS_WRITE_PING) < 0 ? -1 : 0;
}

// Writes what waits until the kernel has enough. What it takes half of, the library keeps.
static int write_queue(struct web_socket *socket)
{
    socket->unconfirmed_bytes = 0;
    while (socket->queue_count > 0 && lws_partial_buffered(socket->wsi) == 0) {
        struct socket_message *head = queued_message(socket, 0);
        if (lws_write(socket->wsi, (uint8_t *)(head + 1), head->length, LWS_WRITE_BINARY) < 0) {
            return -1;
        }
        count_sent(socket, head->length);
        drop_oldest(socket);
    }
    return 0;
}

static int write_what_waits(struct web_socket *socket)
{
    if (socket->state == SOCKET_ENDING) {
        return 0;
    }
    if ((socket->must_ping && write_ping(socket) != 0) || write_queue(socket) != 0) {
        return -1;
    }
    if (socket->queue_count > 0 || lws_partial_buffered(socket->wsi) != 0) {
        (void)lws_callback_on_writable(socket->wsi);
        return 0;
    }
    if (socket->state == SOCKET_CLOSING) {
        socket->state = SOCKET_ENDING;
        lws_close_reason(socket->wsi, (enum lws_close_status)socket->close_code,
            (uint8_t *)socket->close_reason, strlen(socket->close_reason));
        return -1;
    }
    return 0;
}

int http_socket_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    (void)user;
    struct http_server *server = lws_context_user(lws_get_context(wsi));
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
        // Only what was looked at may go on: a connection of a listener, not one within another.
        const struct connection *connection = lws_get_opaque_user_data(wsi);
        return connection != NULL && connection->wsi == wsi ? 0 : -1;
    }
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        return open_socket(server, wsi);
    }
    if (reason == LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL) {
        lose_socket(server, wsi);
        return 0;
    }
    if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_WSI_DESTROY) {
        (void)http_release_socket(server, wsi);
        return 0;
    }
    if (reason != LWS_CALLBACK_RECEIVE && reason != LWS_CALLBACK_RECEIVE_PONG &&
        reason != LWS_CALLBACK_SERVER_WRITEABLE && reason != LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
        return 0;
    }
    struct web_socket *socket = socket_of(server, wsi);
    if (socket == NULL) {
        return -1;
    }
    switch ((int)reason) {
    case LWS_CALLBACK_RECEIVE:
        return take_piece(socket, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_what_waits(socket);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return take_close(socket, in, length);
    default:
        socket->heard_us = clock_monotonic_us();
        socket->is_pinged = false;
        return 0;
    }
}

// Looking after all of them.

static void kill(struct web_socket *socket)
{
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void look_after(struct web_socket *socket, uint64_t now_us)
{
    const struct http_socket_def *def = &socket->server->def.sockets;
    socket->message_count = 0;
    const uint64_t silence_us = (uint64_t)def->silence_ms_max * MS_US;
    if (socket->state == SOCKET_CLOSING && now_us - socket->closing_us > CLOSING_US) {
        socket->state = SOCKET_ENDING;
        kill(socket);
    }
    if (socket->state != SOCKET_OPEN) {
        return;
    }
    if (!socket->has_spoken && now_us - socket->opened_us > (uint64_t)def->first_ms_max * MS_US) {
        count(socket->server, HTTP_SOCKET_COUNT_LATE);
        end_soon(socket, LWS_CLOSE_STATUS_POLICY_VIOLATION, "late", strlen("late"));
    } else if (now_us - socket->heard_us > silence_us) {
        count(socket->server, HTTP_SOCKET_COUNT_SILENT);
        begin_end(socket, SOCKET_ENDING, CODE_LOST);
        kill(socket);
    } else if (!socket->is_pinged && now_us - socket->heard_us > silence_us / 3) {
        socket->is_pinged = true;
        socket->must_ping = true;
        (void)lws_callback_on_writable(socket->wsi);
    }
}

static void sweep(lws_sorted_usec_list_t *timer)
{
    struct socket_table *table = lws_container_of(timer, struct socket_table, timer);
    struct http_server *server = lws_container_of(table, struct http_server, sockets);
    const uint64_t now_us = clock_monotonic_us();
    for (uint32_t i = 0; i < server->def.sockets.count_max; i++) {
        struct web_socket *socket = &table->sockets[i];
        if (table->owed_count > 0) {
            tell_closed(socket);
        }
        if (socket->state != SOCKET_FREE) {
            look_after(socket, now_us);
        }
    }
    lws_sul_schedule(server->context, 0, timer, sweep, SWEEP_US);
}

void http_sockets_start(struct http_server *server)
{
    if (server->sockets.sockets != NULL) {
        lws_sul_schedule(server->context, 0, &server->sockets.timer, sweep, SWEEP_US);
    }
}

void http_take_socket_orders(struct http_server *server)
{
    struct socket_table *table = &server->sockets;
    const void *record;
    uint32_t record_bytes;
    while (table->orders != NULL && ring_peek(table->orders, &record, &record_bytes)) {
        const struct socket_order *head = record;
        const uint32_t length = record_bytes - (uint32_t)sizeof *head;
        const uint32_t index = head->number & ((1u << SOCKET_INDEX_BITS) - 1);
        struct web_socket *socket =
            index < server->def.sockets.count_max ? &table->sockets[index] : NULL;
        if (socket != NULL && socket->number == head->number && socket->state == SOCKET_OPEN) {
            if (head->code == 0) {
                queue_message(socket, head + 1, length);
            } else {
                end_soon(socket, head->code, (const char *)(head + 1), length);
            }
        }
        ring_release(table->orders);
    }
}

void http_close_sockets(struct http_server *server)
{
    static const char reason[] = "stopping";
    for (uint32_t i = 0; server->sockets.sockets != NULL && i < server->def.sockets.count_max;
         i++) {
        end_soon(
            &server->sockets.sockets[i], LWS_CLOSE_STATUS_GOINGAWAY, reason, sizeof reason - 1);
    }
}

bool http_has_sockets(const struct http_server *server)
{
    return atomic_load_explicit(&server->sockets.open_count, memory_order_relaxed) > 0;
}
