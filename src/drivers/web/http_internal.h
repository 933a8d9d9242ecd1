// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the sources of the HTTP server share: the server, its listeners and its connections.
/// Everything but the atomics belongs to the web thread once the server runs.

#include "core/ring.h"
#include "drivers/http_server.h"
#include "drivers/web/http_tls.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

/// Bytes of a response handed to the socket at a time.
#define HTTP_CHUNK_BYTES 16384u

/// Why a socket is not opened.
struct socket_refusal {
    uint32_t status;                  ///< Of the response.
    const char *code;                 ///< As in http_respond_error().
    const char *message;              ///< As above.
    enum http_socket_counter counter; ///< What it counts as.
};

/// Where a socket is.
enum socket_state {
    SOCKET_FREE,    ///< No client.
    SOCKET_OPEN,    ///< Messages go both ways.
    SOCKET_CLOSING, ///< Its close frame waits for its queue.
    SOCKET_ENDING,  ///< The library is closing it.
};

/// One WebSocket client, from its handshake to its end.
struct web_socket {
    struct http_server *server; ///< The server it belongs to.
    struct lws *wsi;            ///< The library's connection while not FREE.
    enum socket_state state;    ///< As above.
    uint32_t number;            ///< While not FREE; also the last one of a free socket.
    muster_address peer;        ///< Who it is.
    bool has_spoken;            ///< Whether a message has come.
    bool is_pinged;             ///< Whether a ping is wanted, or on its way.
    bool must_ping;             ///< Whether the ping is still to be written.
    bool is_end_owed;           ///< Whether the consumer does not know of its end yet.
    uint32_t close_code;        ///< What ends it, or has ended it.
    uint64_t opened_us;         ///< When it was opened.
    uint64_t heard_us;          ///< When something last came.
    uint64_t closing_us;        ///< Since when it is CLOSING.
    uint32_t message_count;     ///< Messages told of since the last sweep.
    uint32_t unconfirmed_bytes; ///< Written since the kernel has last said that it has room.
    uint32_t received_bytes;    ///< Of the message that is arriving in pieces.
    uint32_t queue_first;       ///< The oldest message that waits.
    uint32_t queue_count;       ///< How many wait.
    uint8_t *queue;             ///< Room for them, of `message_stride` bytes each.
    uint8_t *message;           ///< Room for one that arrives in pieces.
    char close_reason[HTTP_SOCKET_REASON_BYTES_MAX + 1]; ///< Of `close_code`.
};

/// Below it, a socket's number holds its index; the rest counts the uses of the index.
#define SOCKET_INDEX_BITS 12u

/// What goes before a message in the ring to the consumer.
struct socket_event_head {
    enum http_socket_event_type type; ///< As in http_socket_event.
    uint32_t number;                  ///< As above.
    uint32_t code;                    ///< As above.
    muster_address peer;              ///< As above.
};

/// What goes before a message, or a reason, in the ring from the consumer.
struct socket_order {
    uint32_t number; ///< The socket.
    uint32_t code;   ///< 0 for a message, else the close code.
};

/// What goes before a message in a socket's queue.
struct socket_message {
    uint64_t length;      ///< Of the message.
    uint8_t pre[LWS_PRE]; ///< Where the library writes its header.
};

/// All sockets.
struct socket_table {
    struct web_socket *sockets;   ///< `count_max` of the definition; NULL without sockets.
    size_t sockets_bytes;         ///< Of that allocation, their rooms included.
    uint32_t message_stride;      ///< Bytes of a message that waits, with what goes before it.
    uint32_t owed_count;          ///< Sockets whose end is owed.
    lws_sorted_usec_list_t timer; ///< Until the next sweep.
    struct ring *events;          ///< To the consumer.
    struct ring *orders;          ///< From the consumer.
    bool is_event_held;           ///< Consumer: whether the oldest event was popped.
    bool has_orders;              ///< Consumer: whether the web thread is to be woken.
    _Atomic uint64_t open_count;  ///< As in http_socket_stats.
    _Atomic uint64_t in_bytes;    ///< As above.
    _Atomic uint64_t out_bytes;   ///< As above.
    _Atomic uint64_t counts[HTTP_SOCKET_COUNTER_COUNT]; ///< As above.
};

/// An answer in a producer's ring; its body follows.
struct http_answer {
    uint64_t request_id;      ///< Whom it is for.
    const char *content_type; ///< As in http_response.
    uint32_t status;          ///< As in http_response.
};

/// Where a connection is on its way through its one request.
enum connection_state {
    CONNECTION_FREE,    ///< No client.
    CONNECTION_IDLE,    ///< Reading the head of the request, or being closed.
    CONNECTION_READING, ///< Reading its body.
    CONNECTION_WAITING, ///< Its handler has no answer yet.
    CONNECTION_HEAD,    ///< The head of the response is to be written.
    CONNECTION_WRITING, ///< Its body is being written.
};

/// One client, from accept to close.
struct connection {
    struct http_server *server;      ///< The server it belongs to.
    struct listener *listener;       ///< Where it came in; constant.
    struct lws *wsi;                 ///< The library's connection while not FREE.
    enum connection_state state;     ///< As above.
    uint64_t deadline_us;            ///< While WAITING: when its time is up.
    muster_address peer;             ///< Who it is.
    uint64_t request_id;             ///< The request under way; 0 without one.
    const struct http_route *route;  ///< Its route.
    uint32_t request_bytes;          ///< Bytes of its body so far.
    uint32_t request_bytes_expected; ///< By its Content-Length.
    uint32_t response_sent_bytes;    ///< Bytes of the response's body so far.
    struct http_response response;   ///< The response under way.
    char *request_room;              ///< Its body, and a zero.
    char *response_room;             ///< Where handlers write.

    char path[HTTP_PATH_BYTES_MAX];                   ///< Of the request.
    char arguments[HTTP_ARGUMENTS_BYTES_MAX];         ///< Each closed by a zero, then a zero.
    char authorization[HTTP_AUTHORIZATION_BYTES_MAX]; ///< The header.
    char cookie[HTTP_COOKIE_BYTES_MAX];               ///< As above.
    char if_none_match[HTTP_TAG_BYTES_MAX];           ///< As above.
    char auth_token[HTTP_AUTH_TOKEN_BYTES_MAX];       ///< As above.
};

/// One port.
struct listener {
    struct http_server *server;     ///< The server it belongs to.
    struct http_listener_def def;   ///< What it was made from.
    muster_address address;         ///< Where it listens.
    int file;                       ///< Until the library owns it; then -1.
    struct lws *wsi;                ///< The library's listener.
    struct connection *connections; ///< `connection_count_max` of the server.
};

struct http_server {
    struct http_server_def def;                         ///< What it was made from.
    struct listener listeners[HTTP_LISTENER_COUNT_MAX]; ///< `def.listener_count` are in use.
    struct ring *producers[HTTP_PRODUCER_COUNT_MAX];    ///< Answers on their way here.
    struct connection *connections;                     ///< Of all listeners.
    uint32_t connection_count;                          ///< How many.
    size_t bytes;                                       ///< Of this allocation.
    char *rooms;                                        ///< The bodies of all connections.
    size_t rooms_bytes;                                 ///< Of that allocation.
    pthread_t thread;                                   ///< The web thread.
    struct lws_context *context;                        ///< Made and destroyed by that thread.
    int bell;                                           ///< An eventfd that other threads ring.
    struct lws_protocols protocols[3];                  ///< The library wants them to stay.
    struct socket_table sockets;                        ///< WebSocket.
    struct http_tls tls;                                ///< TLS.
    uint64_t request_serial;                            ///< Of the last request.
    uint32_t waiting_count;                             ///< Connections that are WAITING.
    uint8_t chunk[LWS_PRE + HTTP_CHUNK_BYTES];          ///< What is being written.

    _Atomic uint32_t startup; ///< A word to sleep on: how far the thread has come.
    _Atomic bool is_stopping; ///< Set by http_server_stop().
    _Atomic bool is_woken;    ///< Set by http_server_wake().

    _Atomic uint64_t opened_count;  ///< The counts of http_server_stats.
    _Atomic uint64_t refused_count; ///< As above.
    _Atomic uint64_t request_count; ///< As above.
    _Atomic uint64_t bad_count;     ///< As above.
    _Atomic uint64_t failed_count;  ///< As above.
    _Atomic uint64_t open_count;    ///< As above.
};

/// The library's callback for everything.
int http_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);

/// Takes the answers that other threads have given.
void http_take_answers(struct http_server *server);

/// Calls the polled routes that wait.
void http_poll_waiting(struct http_server *server);

/// Ends what waits and what is not asked yet, and stops listening.
void http_begin_stop(struct http_server *server);

/// Whether a response is still on its way.
bool http_is_writing(const struct http_server *server);

/// What http_content_length() answers for a header that is no number.
#define HTTP_LENGTH_BAD UINT64_MAX

/// Copies a header; empty if it is not there.
/// @return false if it is longer than the room
bool http_copy_header(struct lws *wsi, enum lws_token_indexes token, char *room, int room_bytes);

/// Copies the arguments, each closed by a zero, and a zero behind them.
/// @return false if they are too long
bool http_copy_arguments(struct lws *wsi, char room[HTTP_ARGUMENTS_BYTES_MAX]);

/// The length of the body that comes; 0 without the header.
uint64_t http_content_length(struct lws *wsi);

/// The method of a request.
/// @return false if it is none of http_method
bool http_read_method(struct lws *wsi, enum http_method *out_method);

/// Whether two addresses are one IPv4 address, or of one IPv6 network of 64 bits.
bool http_is_same_place(const muster_address *a, const muster_address *b);

/// Whether a Host header names this machine or one of `hosts`, and an Origin header, unless empty,
/// the same host, by https where there is TLS.
bool http_host_is_allowed(const char *host,
    const char *origin,
    bool has_tls,
    const char *const *hosts,
    uint32_t host_count);

/// Finds the route of a request.
/// @param out_tail          set to what "*" stands for, a part of `path`
/// @param out_is_path_known set to whether another method is answered there
/// @return NULL if there is none
const struct http_route *http_find_route(const struct http_listener_def *listener,
    enum http_method method,
    const char *path,
    const char **out_tail,
    bool *out_is_path_known);

/// Writes the head of the response.
/// @return false if the connection is of no more use
bool http_write_head(struct connection *connection);

/// Wakes the web thread. Any thread.
void http_ring_bell(struct http_server *server);

/// Whether a path is where sockets are opened.
bool http_is_socket_path(const struct listener *listener, const char *path);

/// Whether a request to upgrade is one for a socket, at its path.
bool http_is_socket_request(const struct connection *connection, const char *upgrade);

/// Why a request for a socket opens none.
/// @return NULL if it may
const struct socket_refusal *http_check_handshake(const struct connection *connection);

/// A request for the path of sockets that does not ask for one.
extern const struct socket_refusal http_refused_plain;

/// Whether a list of words, "a, b", has one. A list that is none has nothing.
bool http_list_has(const char *list, const char *word, bool is_case_free);

/// Whether a page may open a socket on a host. Without an Origin header it is no page.
bool http_origin_is_allowed(const char *origin,
    const char *host,
    bool has_tls,
    const char *const *origins,
    uint32_t origin_count);

/// Gives a connection up whose client has become a socket.
void http_forget_connection(struct connection *connection);

/// Whether a definition of sockets can be used.
bool http_sockets_are_valid(const struct http_server_def *def);

/// Allocates the table and its rings.
MUSTER_NODISCARD muster_status http_sockets_create(struct http_server *server);

/// Frees them; what was not made is skipped.
void http_sockets_destroy(struct http_server *server);

/// Begins to look after the sockets. The library's context is there.
void http_sockets_start(struct http_server *server);

/// Whether another socket may be opened by somebody.
bool http_sockets_have_room(const struct http_server *server, const muster_address *peer);

/// Does what the consumer wants.
void http_take_socket_orders(struct http_server *server);

/// Closes all sockets because the server stops.
void http_close_sockets(struct http_server *server);

/// Whether there are sockets whose end is still on its way.
bool http_has_sockets(const struct http_server *server);

/// Frees what the library's connection belongs to if it is a socket.
/// @return whether it is one
bool http_release_socket(struct http_server *server, struct lws *wsi);

/// The library's callback for sockets.
int http_socket_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
