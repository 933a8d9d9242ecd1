// SPDX-License-Identifier: Apache-2.0

// What any server may send as a response. A response that is whole must lie inside the bytes, must
// be whole for every longer part of the input too, and in the same place.

#include "core/assert.h"
#include "drivers/http_client.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096) {
        return 0;
    }
    const uint32_t length = (uint32_t)size;
    char *bytes = malloc(size + 1);
    MUSTER_ASSERT(bytes != NULL);
    memcpy(bytes, data, size);

    struct http_parsed_response parsed;
    const enum http_parse open = http_response_parse(bytes, length, false, &parsed);
    if (open == HTTP_PARSE_DONE) {
        MUSTER_ASSERT(parsed.status >= 200 && parsed.status <= 599);
        MUSTER_ASSERT(parsed.body_first <= length);
        MUSTER_ASSERT(parsed.body_bytes <= length - parsed.body_first);
        struct http_parsed_response shorter;
        const uint32_t end = parsed.body_first + parsed.body_bytes;
        MUSTER_ASSERT(http_response_parse(bytes, end, false, &shorter) == HTTP_PARSE_DONE);
        MUSTER_ASSERT(memcmp(&shorter, &parsed, sizeof parsed) == 0);
    }
    struct http_parsed_response ended;
    const enum http_parse closed = http_response_parse(bytes, length, true, &ended);
    MUSTER_ASSERT(closed != HTTP_PARSE_MORE);
    MUSTER_ASSERT(open != HTTP_PARSE_BAD || closed == HTTP_PARSE_BAD);
    free(bytes);
    return 0;
}
