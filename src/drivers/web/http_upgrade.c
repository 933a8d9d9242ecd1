// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // strncasecmp()

#include "drivers/web/http_internal.h"

#include <string.h>
#include <strings.h>

// The handshake of a socket. The library hangs up without a word on what it does not like, and lets
// through what the standard does not: so everything is looked at here first.

#define HEADER_BYTES_MAX  300
#define LIST_BYTES_MAX    120 // a little below what the library has room for
#define KEY_BYTES         24u
#define SOCKET_VERSION    "13"
#define REQUEST_PROTOCOL  "HTTP/1.1"
#define UPGRADE_WEBSOCKET "websocket"

const struct socket_refusal http_refused_plain = {426, "upgrade_required",
    "This path is for WebSocket, version 13.", HTTP_SOCKET_COUNT_REFUSED_BAD};
static const struct socket_refusal refused_bad = {
    400, "bad_handshake", "This is no handshake for WebSocket.", HTTP_SOCKET_COUNT_REFUSED_BAD};
static const struct socket_refusal refused_host = {421, "wrong_host",
    "This server does not answer for that host.", HTTP_SOCKET_COUNT_REFUSED_HOST};
static const struct socket_refusal refused_origin = {403, "foreign_origin",
    "Pages from there may not connect to this server.", HTTP_SOCKET_COUNT_REFUSED_ORIGIN};
static const struct socket_refusal refused_protocol = {400, "wrong_subprotocol",
    "The subprotocol that this server speaks was not offered.", HTTP_SOCKET_COUNT_REFUSED_PROTOCOL};
static const struct socket_refusal refused_full = {503, "full",
    "The server has no room for another socket, or one from there.",
    HTTP_SOCKET_COUNT_REFUSED_FULL};

bool http_is_socket_path(const struct listener *listener, const char *path)
{
    const struct http_server *server = listener->server;
    const struct http_socket_def *def = &server->def.sockets;
    return def->path != NULL && listener == &server->listeners[def->listener_index] &&
           strcmp(def->path, path) == 0;
}

// Copies a header that must be there.
static bool take_header(struct lws *wsi, enum lws_token_indexes token, char *room, int room_bytes)
{
    return http_copy_header(wsi, token, room, room_bytes) && room[0] != '\0';
}

static bool is_handshake(struct lws *wsi)
{
    char text[HEADER_BYTES_MAX];
    enum http_method method;
    return http_read_method(wsi, &method) && method == HTTP_GET &&
           take_header(wsi, WSI_TOKEN_HTTP, text, sizeof text) &&
           strcmp(text, REQUEST_PROTOCOL) == 0 &&
           take_header(wsi, WSI_TOKEN_CONNECTION, text, LIST_BYTES_MAX) &&
           http_list_has(text, "upgrade", true) &&
           take_header(wsi, WSI_TOKEN_KEY, text, sizeof text) && strlen(text) == KEY_BYTES &&
           http_content_length(wsi) == 0 &&
           lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) == 0;
}

const struct socket_refusal *http_check_handshake(const struct connection *connection)
{
    const struct http_server *server = connection->server;
    const struct http_listener_def *listener = &connection->listener->def;
    const struct http_socket_def *def = &server->def.sockets;
    struct lws *wsi = connection->wsi;
    char host[HEADER_BYTES_MAX];
    char text[HEADER_BYTES_MAX];
    if (!http_copy_header(wsi, WSI_TOKEN_HOST, host, sizeof host) ||
        !http_host_is_allowed(host, "", listener->has_tls, listener->hosts, listener->host_count)) {
        return &refused_host;
    }
    if (!http_copy_header(wsi, WSI_TOKEN_ORIGIN, text, sizeof text) ||
        !http_origin_is_allowed(text, host, listener->has_tls, def->origins, def->origin_count)) {
        return &refused_origin;
    }
    if (!is_handshake(wsi)) {
        return &refused_bad;
    }
    if (!take_header(wsi, WSI_TOKEN_VERSION, text, sizeof text) ||
        strcmp(text, SOCKET_VERSION) != 0) {
        return &http_refused_plain;
    }
    if (!take_header(wsi, WSI_TOKEN_PROTOCOL, text, LIST_BYTES_MAX) ||
        !http_list_has(text, def->subprotocol, false)) {
        return &refused_protocol;
    }
    return http_sockets_have_room(server, &connection->peer) ? NULL : &refused_full;
}

bool http_is_socket_request(const struct connection *connection, const char *upgrade)
{
    char *path;
    int path_bytes;
    return strcasecmp(upgrade, UPGRADE_WEBSOCKET) == 0 &&
           lws_http_get_uri_and_method(connection->wsi, &path, &path_bytes) >= 0 &&
           http_is_socket_path(connection->listener, path);
}
