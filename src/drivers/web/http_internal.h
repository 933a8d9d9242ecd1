// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the sources of the HTTP server share: the server, its listeners and its connections.
/// Everything but the atomics belongs to the web thread once the server runs.

#include "core/ring.h"
#include "drivers/http_server.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

/// Bytes of a response handed to the socket at a time.
#define HTTP_CHUNK_BYTES 16384u

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
    struct lws_protocols protocols[2];                  ///< The library wants it to stay.
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

/// Whether a Host header names this machine or one of `hosts`, and an Origin header, unless empty,
/// the same host.
bool http_host_is_allowed(
    const char *host, const char *origin, const char *const *hosts, uint32_t host_count);

/// Finds the route of a request.
/// @param out_tail          set to what "*" stands for, a part of `path`
/// @param out_is_path_known set to whether another method is answered there
/// @return NULL if there is none
const struct http_route *http_find_route(const struct http_listener_def *listener,
    enum http_method method,
    const char *path,
    const char **out_tail,
    bool *out_is_path_known);
