// SPDX-License-Identifier: Apache-2.0
#pragma once

/// WebSocket on an HTTP server: one path on which clients open sockets, served by the web thread
/// and used by one other thread, the consumer.
///
///     struct http_socket_event event;
///     while (http_server_pop_socket_event(server, &event)) {
///         if (event.type == HTTP_SOCKET_MESSAGE) {
///             (void)http_server_send_socket(server, event.number, event.bytes, event.length);
///         }
///     }
///     http_server_flush_sockets(server);
///
/// Messages are binary and whole. What the standard (RFC 6455) forbids ends the socket with its
/// close code: 1002 for a broken frame, 1003 for text, 1009 for a message that is too long. The
/// library takes frames without a mask. No extension is offered, so nothing is compressed.
///
/// - Order: a number is OPENED once, then has messages, then is CLOSED once, whoever closed it. It
///   is not 0 and comes back only after a million other sockets.
/// - Slow readers: messages wait in a queue for each socket; when it is full the oldest is dropped.
///   The kernel is told to hold little, so that what a reader gets when it resumes is new.
/// - Memory: at start, for each socket `receive_bytes_max` and `queue_count` times `send_bytes_max`
///   plus a few bytes, of which a socket touches what it uses, and two rings. The foreign library
///   takes about 3 KiB more for each open socket.
/// - Cost: a message is copied twice each way; to a reader that keeps up it goes without a queue.
/// - Threads: all functions here belong to the consumer, except the statistics.

#include "muster/packet.h"

struct http_server;

/// The most sockets of one server.
#define HTTP_SOCKET_COUNT_MAX 4096u

/// The longest message either way.
#define HTTP_SOCKET_BYTES_MAX 65535u

/// The most messages that wait for one socket.
#define HTTP_SOCKET_QUEUE_COUNT_MAX 256u

/// The longest reason that goes with a close code.
#define HTTP_SOCKET_REASON_BYTES_MAX 123u

/// What sockets are made from. Start from http_socket_default_def().
struct http_socket_def {
    /// Where they are opened: "/v1/connect". Must outlive the server. Default NULL: nowhere.
    const char *path;

    /// The subprotocol that a client must offer: letters, digits, ".", "-", "_", at most 63. Must
    /// outlive the server.
    const char *subprotocol;

    /// The listener that has the path. Default 0.
    uint32_t listener_index;

    /// Sockets at once, in [1, HTTP_SOCKET_COUNT_MAX]. Default 64.
    uint32_t count_max;

    /// Of these, how many that have not sent a message yet, or are being closed, one IPv4 address
    /// or one IPv6 network of 64 bits may hold, at least 1, so that no single client keeps all
    /// others out. Default 64.
    uint32_t address_silent_count_max;

    /// The longest message from a client, in [1, HTTP_SOCKET_BYTES_MAX]. Default 4,096.
    uint32_t receive_bytes_max;

    /// The longest message to a client, in [1, HTTP_SOCKET_BYTES_MAX]. Default 4,096.
    uint32_t send_bytes_max;

    /// Messages that wait for one client, in [1, HTTP_SOCKET_QUEUE_COUNT_MAX]. Default 16.
    uint32_t queue_count;

    /// Milliseconds until the first message of a client, in [1, 3,600,000]; then 1008. Default
    /// 5,000.
    uint32_t first_ms_max;

    /// Milliseconds of silence that end a socket, in [1, 3,600,000]. A ping is sent after a third
    /// of it. Default 30,000.
    uint32_t silence_ms_max;

    /// Pages that may open sockets beside those of the same host: "https://play.example.org". Must
    /// outlive the server.
    const char *const *origins;
    uint32_t origin_count; ///< How many.

    /// Bytes of the ring each way, a power of two in [4 KiB, 2^30]. Default 1 MiB.
    uint32_t ring_bytes;
};

/// What has happened to a socket.
enum http_socket_event_type {
    HTTP_SOCKET_OPENED,
    HTTP_SOCKET_MESSAGE,
    HTTP_SOCKET_CLOSED,
};

/// One event.
struct http_socket_event {
    enum http_socket_event_type type; ///< As above.
    uint32_t number;                  ///< The socket; never 0.
    muster_address peer;              ///< Of OPENED: who it is.
    const uint8_t *bytes;             ///< Of MESSAGE: valid until the next pop.
    uint32_t length;                  ///< Of MESSAGE: how many.
    uint32_t code;                    ///< Of CLOSED: the close code, 1006 without one.
};

/// What is counted.
enum http_socket_counter {
    HTTP_SOCKET_COUNT_OPENED,           ///< Sockets opened.
    HTTP_SOCKET_COUNT_CLOSED,           ///< Sockets that have ended, however.
    HTTP_SOCKET_COUNT_REFUSED_HOST,     ///< Handshakes for another host.
    HTTP_SOCKET_COUNT_REFUSED_ORIGIN,   ///< Handshakes from a foreign page.
    HTTP_SOCKET_COUNT_REFUSED_PROTOCOL, ///< Handshakes without the subprotocol.
    HTTP_SOCKET_COUNT_REFUSED_BAD,      ///< Handshakes that are none.
    HTTP_SOCKET_COUNT_REFUSED_FULL,     ///< Handshakes beyond `count_max`.
    HTTP_SOCKET_COUNT_TEXT,             ///< Sockets ended for a text message.
    HTTP_SOCKET_COUNT_TOO_LONG,         ///< Sockets ended for a message too long.
    HTTP_SOCKET_COUNT_LATE,             ///< Sockets ended for want of a first message.
    HTTP_SOCKET_COUNT_SILENT,           ///< Sockets ended for silence.
    HTTP_SOCKET_COUNT_LOST,             ///< Sockets that ended without a goodbye, or broke a frame.
    HTTP_SOCKET_COUNT_RECEIVED,         ///< Messages from clients.
    HTTP_SOCKET_COUNT_RECEIVED_DROPPED, ///< Of these, what found the consumer too far behind.
    HTTP_SOCKET_COUNT_SENT,             ///< Messages to clients.
    HTTP_SOCKET_COUNT_SENT_DROPPED, ///< Messages a slow reader or the web thread had no room for.
    HTTP_SOCKET_COUNTER_COUNT,
};

/// What sockets have done since the server's start.
struct http_socket_stats {
    uint64_t counts[HTTP_SOCKET_COUNTER_COUNT]; ///< By enum http_socket_counter.
    uint64_t open_count;                        ///< Sockets at this moment.
    uint64_t received_bytes;                    ///< Of messages from clients.
    uint64_t sent_bytes;                        ///< Of messages to clients.
};

/// A definition with every field at its default.
struct http_socket_def http_socket_default_def(void);

/// Takes the oldest event.
/// @param out_event  set to it; its bytes are valid until the next call
/// @return false if there is none
bool http_server_pop_socket_event(struct http_server *server, struct http_socket_event *out_event);

/// Has a message sent. To a socket that is closed it is passed over in silence.
/// @param length  at most `send_bytes_max`
/// @return MUSTER_ERR_FULL if the web thread is behind
MUSTER_NODISCARD muster_status http_server_send_socket(
    struct http_server *server, uint32_t number, const void *bytes, uint32_t length);

/// Has a socket closed when what was sent before is gone, or within seconds. Its CLOSED follows.
/// @param code    1000, 1001, 1003, 1007 to 1011, or in [3000, 4999]
/// @param reason  UTF-8, at most HTTP_SOCKET_REASON_BYTES_MAX bytes; "" for none
/// @return MUSTER_ERR_FULL if the web thread is behind
MUSTER_NODISCARD muster_status http_server_close_socket(
    struct http_server *server, uint32_t number, uint32_t code, const char *reason);

/// Wakes the web thread for what was sent and closed since the last flush.
void http_server_flush_sockets(struct http_server *server);

/// What sockets have done. Any thread.
struct http_socket_stats http_server_read_socket_stats(const struct http_server *server);

/// The name of a counter, as in "refused_origin".
const char *http_socket_counter_name(enum http_socket_counter counter);
