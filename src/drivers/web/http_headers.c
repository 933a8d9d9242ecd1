// SPDX-License-Identifier: Apache-2.0
#include "drivers/web/http_internal.h"

#include <stdio.h>
#include <string.h>

#define HEAD_BYTES_MAX 4096u

// The heads of requests, which the library keeps only until they are answered, and of responses.

bool http_copy_header(struct lws *wsi, enum lws_token_indexes token, char *room, int room_bytes)
{
    room[0] = '\0';
    return lws_hdr_total_length(wsi, token) == 0 || lws_hdr_copy(wsi, room, room_bytes, token) >= 0;
}

bool http_copy_arguments(struct lws *wsi, char room[HTTP_ARGUMENTS_BYTES_MAX])
{
    int used = 0;
    for (int i = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        const int left = HTTP_ARGUMENTS_BYTES_MAX - 1 - used;
        const int length =
            left < 2 ? -1
                     : lws_hdr_copy_fragment(wsi, room + used, left, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length < 0) {
            return false;
        }
        used += (int)strlen(room + used) + 1;
    }
    room[used] = '\0';
    return true;
}

uint64_t http_content_length(struct lws *wsi)
{
    char text[24];
    if (!http_copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text)) {
        return HTTP_LENGTH_BAD;
    }
    uint64_t length = 0;
    for (const char *digit = text; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || digit - text > 17) {
            return HTTP_LENGTH_BAD;
        }
        length = length * 10 + (uint64_t)(*digit - '0');
    }
    return length;
}

bool http_read_method(struct lws *wsi, enum http_method *out_method)
{
    char *uri;
    int uri_bytes;
    switch (lws_http_get_uri_and_method(wsi, &uri, &uri_bytes)) {
    case LWSHUMETH_GET:
        *out_method = HTTP_GET;
        return true;
    case LWSHUMETH_POST:
        *out_method = HTTP_POST;
        return true;
    case LWSHUMETH_PUT:
        *out_method = HTTP_PUT;
        return true;
    case LWSHUMETH_DELETE:
        *out_method = HTTP_DELETE;
        return true;
    default:
        return false;
    }
}

// What is sent.

static bool add_header(
    struct lws *wsi, const char *name, const char *value, uint8_t **next, uint8_t *end)
{
    return lws_add_http_header_by_name(wsi, (const uint8_t *)name, (const uint8_t *)value,
               (int)strlen(value), next, end) == 0;
}

static bool add_strict_transport(
    const struct http_server *server, struct lws *wsi, uint8_t **next, uint8_t *end)
{
    char value[32];
    (void)snprintf(value, sizeof value, "max-age=%u", server->def.strict_transport_s);
    return server->def.strict_transport_s == 0 ||
           add_header(wsi, "strict-transport-security:", value, next, end);
}

static bool add_headers(const struct http_server *server,
    const struct http_response *response,
    struct lws *wsi,
    uint8_t **next,
    uint8_t *end)
{
    bool is_kept = false;
    bool fits = add_header(wsi, "x-content-type-options:", "nosniff", next, end);
    for (uint32_t i = 0; i < response->header_count && fits; i++) {
        const struct http_header *header = &response->headers[i];
        is_kept = is_kept || strcmp(header->name, "cache-control:") == 0;
        fits = add_header(wsi, header->name, header->value, next, end);
    }
    fits = fits && (lws_is_ssl(wsi) == 0 || add_strict_transport(server, wsi, next, end));
    return fits && (is_kept || add_header(wsi, "cache-control:", "no-store", next, end));
}

bool http_write_head(struct connection *connection)
{
    const struct http_response *response = &connection->response;
    uint8_t head[LWS_PRE + HEAD_BYTES_MAX];
    uint8_t *start = head + LWS_PRE;
    uint8_t *next = start;
    uint8_t *end = head + sizeof head;
    struct lws *wsi = connection->wsi;
    if (lws_add_http_common_headers(wsi, response->status | LWSAHH_FLAG_NO_SERVER_NAME,
            response->content_type, response->body_bytes, &next, end) != 0 ||
        !add_headers(connection->server, response, wsi, &next, end) ||
        !add_header(wsi, "connection:", "close", &next, end)) {
        return false;
    }
    return lws_finalize_write_http_header(wsi, start, &next, end) == 0;
}
