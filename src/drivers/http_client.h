// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small HTTP/1.1 client: one request, one connection, waiting for the answer.
///
/// It is for programs of one's own, such as bots that ask their server for a token: plain TCP, no
/// redirects, no compression, no chunks. It needs no library, so that a game client which links it
/// gains none.
///
/// - Memory: the caller's room. Threads: any; a call waits at most its time limit.

#include "drivers/error.h"
#include "muster/packet.h"

/// The longest head of a request.
#define HTTP_CLIENT_HEAD_BYTES_MAX 2048

/// What is asked. Texts must not contain line ends.
struct http_client_request {
    muster_address server;     ///< Where.
    const char *host;          ///< The Host header; NULL for the address as text.
    const char *method;        ///< "GET", "POST".
    const char *path;          ///< With arguments, encoded.
    const char *authorization; ///< The header of that name; NULL for none.
    const char *content_type;  ///< Of the body; NULL for "application/json".
    const void *body;          ///< NULL for none.
    uint32_t body_bytes;       ///< Its length.
    uint32_t timeout_ms;       ///< For everything together, at least 1.
};

/// What came back.
struct http_client_response {
    uint32_t status;     ///< 200 to 599.
    const char *body;    ///< In the caller's room, closed by a zero that does not count.
    uint32_t body_bytes; ///< Its length.
};

/// Asks and waits.
/// @param room          where head and body of the response are put
/// @param room_bytes    its size, at least 256
/// @param out_response  set to the response, or to zeros on failure
/// @param out_error     told why on MUSTER_ERR_IO, its code ETIMEDOUT when the time was up
/// @return MUSTER_ERR_IO, MUSTER_ERR_MALFORMED for what is no HTTP response, MUSTER_ERR_FULL for a
///         response longer than the room, MUSTER_ERR_INVALID for a request that is none
MUSTER_NODISCARD muster_status http_client_send(const struct http_client_request *request,
    char *room,
    uint32_t room_bytes,
    struct http_client_response *out_response,
    struct driver_error *out_error);

/// What http_response_parse() found.
enum http_parse {
    HTTP_PARSE_BAD = -1, ///< This is no response, or one of a kind that is not understood.
    HTTP_PARSE_MORE = 0, ///< There must be more.
    HTTP_PARSE_DONE = 1, ///< It is whole.
};

/// A response's parts.
struct http_parsed_response {
    uint32_t status;     ///< 200 to 599.
    uint32_t body_first; ///< Where the body begins.
    uint32_t body_bytes; ///< Its length.
};

/// Reads a response out of the bytes that have come so far.
/// @param is_end        no more will come: a body without Content-Length ends here
/// @param out_response  set when the answer is HTTP_PARSE_DONE
enum http_parse http_response_parse(
    const char *bytes, uint32_t length, bool is_end, struct http_parsed_response *out_response);
