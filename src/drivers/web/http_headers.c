// SPDX-License-Identifier: Apache-2.0
#include "drivers/web/http_internal.h"

#include <string.h>

// What the library has read of a request's head. It keeps it only until the request is answered.

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
