// SPDX-License-Identifier: Apache-2.0
#include "drivers/http_server.h"

#include "core/assert.h"

#include <stdio.h>
#include <string.h>

// The helpers of handlers. They know nothing of the library that carries the answer.

#define MESSAGE_BYTES_MAX 400u

const char *http_request_argument(const struct http_request *request, const char *name)
{
    MUSTER_ASSERT(request != NULL);
    MUSTER_ASSERT(name != NULL);
    const size_t name_bytes = strlen(name);
    for (const char *next = request->arguments; next[0] != '\0'; next += strlen(next) + 1) {
        if (strncmp(next, name, name_bytes) == 0 && next[name_bytes] == '=') {
            return next + name_bytes + 1;
        }
    }
    return NULL;
}

void http_respond(
    struct http_response *response, uint32_t status, const char *content_type, const char *text)
{
    MUSTER_ASSERT(response != NULL);
    MUSTER_ASSERT(content_type != NULL);
    const size_t bytes = strlen(text);
    if (bytes > response->room_bytes) {
        http_respond_error(
            response, 500, "too_long", "The answer is longer than the server sends.");
        return;
    }
    memcpy(response->room, text, bytes);
    response->status = status;
    response->content_type = content_type;
    response->body = response->room;
    response->body_bytes = (uint32_t)bytes;
}

void http_add_header(struct http_response *response, const char *name, const char *value)
{
    MUSTER_ASSERT(response != NULL);
    MUSTER_ASSERT(name != NULL && value != NULL);
    MUSTER_ASSERT(response->header_count < HTTP_HEADER_COUNT_MAX);
    response->headers[response->header_count++] = (struct http_header){name, value};
}

// Writes `text` as the inside of a JSON string, whole characters only, at most `out_bytes_max`.
static uint32_t escape(const char *text, char *out, uint32_t out_bytes_max)
{
    uint32_t length = 0;
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        char piece[8];
        if (c == '"' || c == '\\') {
            (void)snprintf(piece, sizeof piece, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7F) {
            // Beyond ASCII a message quotes what somebody sent: it need not be UTF-8.
            (void)snprintf(piece, sizeof piece, "\\u%04x", c < 0x20 ? c : (unsigned)'?');
        } else {
            (void)snprintf(piece, sizeof piece, "%c", c);
        }
        const uint32_t piece_bytes = (uint32_t)strlen(piece);
        if (length + piece_bytes > out_bytes_max) {
            break;
        }
        memcpy(out + length, piece, piece_bytes);
        length += piece_bytes;
    }
    return length;
}

void http_respond_error(
    struct http_response *response, uint32_t status, const char *code, const char *message)
{
    MUSTER_ASSERT(response != NULL);
    MUSTER_ASSERT(code != NULL && strlen(code) <= 64);
    MUSTER_ASSERT(message != NULL);
    MUSTER_ASSERT(response->room_bytes >= MESSAGE_BYTES_MAX + 128);

    char escaped[MESSAGE_BYTES_MAX + 1];
    escaped[escape(message, escaped, MESSAGE_BYTES_MAX)] = '\0';
    const int length = snprintf(response->room, response->room_bytes,
        "{\"error\":\"%s\",\"message\":\"%s\"}\n", code, escaped);
    response->status = status;
    response->content_type = "application/json";
    response->body = response->room;
    response->body_bytes = (uint32_t)length;
}
