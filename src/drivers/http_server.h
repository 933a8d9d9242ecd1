// SPDX-License-Identifier: Apache-2.0
#pragma once

/// An HTTP server: routes in a table, all on one thread of its own.
///
///     static void answer_health(void *context, const struct http_request *request,
///         struct http_response *response)
///     {
///         http_respond(response, 200, "text/plain", "ok\n");
///     }
///     static const struct http_route routes[] = {{HTTP_GET, "/healthz", answer_health, NULL}};
///
/// A handler runs on the web thread and must be quick. One that cannot answer yet leaves the
/// status at 0, in one of two ways:
///
/// - The route is polled: it is called again after every http_server_wake() until it answers, and
///   for the last time when its time is up. This makes a long poll.
/// - Otherwise another thread answers by the request's id with http_server_answer().
///
/// A connection carries one request and is closed after the answer; "Connection: close" says so.
///
/// A request that is refused, and every error of http_respond_error(), gets the JSON document
/// {"error":"<code>","message":"<sentence>"}.
///
/// - Memory: at start, `connection_count_max` times the two body limits for each listener, of which
///   a connection touches what it uses. The foreign library allocates for connections and headers
///   as they come, bounded by the same limits.
/// - Threads: start and stop on one thread. Handlers run on the web thread only.
///   http_server_wake() may be called by any thread.

#include "drivers/error.h"
#include "drivers/http_certificate.h"
#include "drivers/http_socket.h"
#include "muster/packet.h"

/// The most listeners of one server.
#define HTTP_LISTENER_COUNT_MAX 4

/// The most connections of one listener.
#define HTTP_CONNECTION_COUNT_MAX 1024

/// The most threads that may answer requests.
#define HTTP_PRODUCER_COUNT_MAX 8

/// The longest path, arguments and Authorization header, each with its closing zero.
#define HTTP_PATH_BYTES_MAX          256
#define HTTP_ARGUMENTS_BYTES_MAX     1024 ///< As above.
#define HTTP_AUTHORIZATION_BYTES_MAX 512  ///< As above.

/// The longest Cookie, If-None-Match and X-Auth-Token header, each with its closing zero. What is
/// longer counts as not there.
#define HTTP_COOKIE_BYTES_MAX     1024
#define HTTP_TAG_BYTES_MAX        128 ///< As above.
#define HTTP_AUTH_TOKEN_BYTES_MAX 128 ///< As above.

/// The most headers that a handler may add to a response.
#define HTTP_HEADER_COUNT_MAX 8

/// What a request wants done. Others are refused with 405.
enum http_method {
    HTTP_GET,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
};

/// A request, valid until the handler returns.
struct http_request {
    uint64_t id;               ///< Names it for http_server_answer(); never 0, never used again.
    enum http_method method;   ///< That of the route.
    bool is_last_call;         ///< A polled route has to answer now: its time is up.
    muster_address peer;       ///< Who asks.
    const char *path;          ///< Decoded, without arguments.
    const char *tail;          ///< What the "*" of the route stands for; else "".
    const char *authorization; ///< The header of that name; "" without one.
    const char *cookie;        ///< As above.
    const char *if_none_match; ///< As above.
    const char *auth_token;    ///< X-Auth-Token, likewise.
    const char *arguments;     ///< Decoded "name=value" texts, each closed by a zero, then a zero.
    const char *body;          ///< Closed by a zero that does not count.
    uint32_t body_bytes;       ///< Without that zero.
};

/// A header of a response.
struct http_header {
    const char *name;  ///< In lower case, closed by a colon.
    const char *value; ///< As it is sent.
};

/// What a handler answers.
struct http_response {
    uint32_t status;          ///< 200 to 599; 0, as it begins, for "not yet".
    const char *content_type; ///< Must outlive the server. Begins as "application/json".
    const char *body;         ///< `room`, as it begins, or memory that outlives the server.
    uint32_t body_bytes;      ///< Its length.
    char *room;               ///< Where a body may be written.
    uint32_t room_bytes;      ///< Its size, `response_bytes_max` of the server.

    /// Headers to add, copied; their texts must outlive the server or stand in the room, behind the
    /// body. Without a "cache-control:" among them the response is not to be kept.
    struct http_header headers[HTTP_HEADER_COUNT_MAX];
    uint32_t header_count; ///< How many.
};

/// Answers a request, or leaves the status at 0.
/// @param context  the route's
typedef void http_handler(
    void *context, const struct http_request *request, struct http_response *response);

/// One line of a route table.
struct http_route {
    enum http_method method; ///< What is answered.
    const char *path;        ///< "/v1/sessions", or "/v1/players/*" for all that begins so.
    http_handler *handler;   ///< Who answers, on the web thread.
    void *context;           ///< Passed to it.
    bool is_polled;          ///< Whether it is called again while it has no answer.
};

/// One port to listen on.
struct http_listener_def {
    /// Where. Port 0 takes a free one; "[::]" takes IPv4 too.
    muster_address address;

    /// Routes, the first that fits being taken. Must outlive the server.
    const struct http_route *routes;
    uint32_t route_count; ///< How many.

    /// Host names that requests may be for, beside "localhost" and plain addresses, which no
    /// foreign page can make its own name point at. Must outlive the server.
    const char *const *hosts;
    uint32_t host_count; ///< How many.

    /// Whether it speaks HTTPS alone: TLS 1.3 with the server's certificate. Plain HTTP is refused
    /// with 400 then.
    bool has_tls;
};

/// What a server is made from. Start from http_server_default_def().
struct http_server_def {
    /// Listeners, copied. Default none.
    struct http_listener_def listeners[HTTP_LISTENER_COUNT_MAX];
    uint32_t listener_count; ///< How many, at least one.

    /// Connections of each listener, in [1, HTTP_CONNECTION_COUNT_MAX]. Further ones are closed
    /// at once. Default 64.
    uint32_t connection_count_max;

    /// Of these, how many one IPv4 address or one IPv6 network of 64 bits may hold, at least 1, so
    /// that no single client keeps all others out. Default 64.
    uint32_t address_connection_count_max;

    /// The longest body of a request, in [0, 16 MiB]; longer ones are refused with 413.
    /// Default 64 KiB.
    uint32_t request_bytes_max;

    /// The longest body of a response, in [1 KiB, 16 MiB]. Default 1 MiB.
    uint32_t response_bytes_max;

    /// Seconds a client may take for the head of a request and to read the response, in
    /// [1, 3,600]. Default 10.
    uint32_t idle_seconds_max;

    /// Milliseconds a client may take for the body of a request, in [1, 3,600,000]; then 408.
    /// Default 10,000.
    uint32_t body_ms_max;

    /// Milliseconds until a request that is not answered gets 504, in [1, 3,600,000].
    /// Default 30,000.
    uint32_t answer_ms_max;

    /// Threads that call http_server_answer(), in [0, HTTP_PRODUCER_COUNT_MAX]. Default 0.
    uint32_t producer_count;

    /// Bytes of each one's ring, a power of two in [64, 2^30]; an answer may take up to half.
    /// Default 256 KiB.
    uint32_t producer_bytes;

    /// What listeners with TLS show; needed if there is one, only read while the server starts.
    /// Default NULL.
    const struct http_certificate *certificate;

    /// Seconds for which browsers that came by TLS use nothing else for any port of the host; 0
    /// says nothing. Default 0.
    uint32_t strict_transport_s;

    /// WebSocket. Default nowhere.
    struct http_socket_def sockets;

    /// Where the server's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
};

/// What a server has done since its start.
struct http_server_stats {
    uint64_t connection_count; ///< Connections taken.
    uint64_t refused_count;    ///< Connections closed because there were too many, or of one peer.
    uint64_t request_count;    ///< Requests whose head was read.
    uint64_t bad_count;        ///< Responses of 400 to 499.
    uint64_t failed_count;     ///< Responses of 500 and above.
    uint64_t open_count;       ///< Connections at this moment.
};

/// A server. Started and stopped by its owner.
struct http_server;

/// A definition with every field at its default.
struct http_server_def http_server_default_def(void);

/// Listens and starts the web thread.
/// @param out_server  set to the server, or to NULL on failure
/// @param out_error   told why on MUSTER_ERR_IO, its code EADDRINUSE for a port in use; may be NULL
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY,
///         MUSTER_ERR_IO
MUSTER_NODISCARD muster_status http_server_start(const struct http_server_def *def,
    struct http_server **out_server,
    struct driver_error *out_error);

/// Stops listening, answers what waits with 503, gives clients up to a second to read what is on
/// its way, and ends the web thread. Does nothing for NULL. No other call may be under way.
void http_server_stop(struct http_server *server);

/// Where a listener listens, with the port that was taken.
muster_address http_server_address(const struct http_server *server, uint32_t listener_index);

/// Has connections that come from now on see another certificate; those that are open stay as they
/// are. For a server with TLS. Any thread.
/// @param certificate  the server's from then on
void http_server_set_certificate(struct http_server *server, struct http_certificate *certificate);

/// Has the polled routes that wait called again, soon.
void http_server_wake(struct http_server *server);

/// Answers a request that waits. One that waits no longer (its client left, its time was up) is
/// passed over in silence.
/// @param producer_index  below `producer_count`; each belongs to one thread at a time
/// @param response        its body is copied; `room` and `room_bytes` are not looked at
/// @return MUSTER_ERR_FULL if the web thread is behind; the caller may try again later,
///         MUSTER_ERR_INVALID if the body is longer than the server's limits
MUSTER_NODISCARD muster_status http_server_answer(struct http_server *server,
    uint32_t producer_index,
    uint64_t request_id,
    const struct http_response *response);

/// What the server has done. Any thread.
struct http_server_stats http_server_read_stats(const struct http_server *server);

/// The value of an argument: "5" of "after" in "/v1/events?after=5".
/// @return NULL if there is no such argument
const char *http_request_argument(const struct http_request *request, const char *name);

/// Answers with text, copied into the room; 500 if it does not fit.
/// @param content_type  must outlive the server
void http_respond(
    struct http_response *response, uint32_t status, const char *content_type, const char *text);

/// Adds a header. See http_response.
void http_add_header(struct http_response *response, const char *name, const char *value);

/// Answers with the JSON document of an error.
/// @param code     a stable word for programs: "not_found"
/// @param message  a sentence for people; escaped here, and cut if it is long
void http_respond_error(
    struct http_response *response, uint32_t status, const char *code, const char *message);
