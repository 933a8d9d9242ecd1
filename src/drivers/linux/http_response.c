// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // strncasecmp()

#include "core/assert.h"
#include "drivers/http_client.h"

#include <string.h>
#include <strings.h>

// Reads what any server may have sent: every byte is looked at before it is believed.

#define STATUS_LINE_BYTES_MIN 12u // "HTTP/1.1 200"
#define LENGTH_DIGITS_MAX     9u

// The end of the line that begins at `first`: where its "\r\n" is; `length` if it is not there.
static uint32_t line_end(const char *bytes, uint32_t length, uint32_t first)
{
    for (uint32_t i = first; i + 1 < length; i++) {
        if (bytes[i] == '\r' && bytes[i + 1] == '\n') {
            return i;
        }
    }
    return length;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_status(const char *line, uint32_t length, uint32_t *out_status)
{
    if (length < STATUS_LINE_BYTES_MIN || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) ||
        line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
        (length > STATUS_LINE_BYTES_MIN && line[12] != ' ')) {
        return false;
    }
    *out_status = (uint32_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return *out_status >= 200 && *out_status <= 599;
}

// Finds the value of a header on its line. False if the line is another one.
static bool read_header(const char *line,
    uint32_t length,
    const char *name,
    const char **out_value,
    uint32_t *out_value_length)
{
    const uint32_t name_length = (uint32_t)strlen(name);
    if (length <= name_length || line[name_length] != ':' ||
        strncasecmp(line, name, name_length) != 0) {
        return false;
    }
    uint32_t first = name_length + 1;
    while (first < length && (line[first] == ' ' || line[first] == '\t')) {
        first++;
    }
    while (length > first && (line[length - 1] == ' ' || line[length - 1] == '\t')) {
        length--;
    }
    *out_value = line + first;
    *out_value_length = length - first;
    return true;
}

static bool read_length(const char *value, uint32_t value_length, uint32_t *out_length)
{
    if (value_length < 1 || value_length > LENGTH_DIGITS_MAX) {
        return false;
    }
    uint32_t length = 0;
    for (uint32_t i = 0; i < value_length; i++) {
        if (!is_digit(value[i])) {
            return false;
        }
        length = length * 10 + (uint32_t)(value[i] - '0');
    }
    *out_length = length;
    return true;
}

enum http_parse http_response_parse(
    const char *bytes, uint32_t length, bool is_end, struct http_parsed_response *out_response)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(out_response != NULL);
    *out_response = (struct http_parsed_response){0};

    const enum http_parse cut_short = is_end ? HTTP_PARSE_BAD : HTTP_PARSE_MORE;
    uint32_t status = 0;
    uint32_t body_bytes = 0;
    bool has_length = false;
    uint32_t first = 0;
    for (;;) {
        const uint32_t end = line_end(bytes, length, first);
        if (end == length) {
            return cut_short;
        }
        const char *line = bytes + first;
        const uint32_t line_length = end - first;
        const char *value;
        uint32_t value_length;
        uint32_t stated_bytes;
        if (first == 0) {
            if (!read_status(line, line_length, &status)) {
                return HTTP_PARSE_BAD;
            }
        } else if (line_length == 0) {
            first = end + 2;
            break;
        } else if (read_header(line, line_length, "transfer-encoding", &value, &value_length)) {
            return HTTP_PARSE_BAD; // chunks: nothing that this client talks to sends them
        } else if (read_header(line, line_length, "content-length", &value, &value_length)) {
            if (!read_length(value, value_length, &stated_bytes) ||
                (has_length && stated_bytes != body_bytes)) {
                return HTTP_PARSE_BAD;
            }
            has_length = true;
            body_bytes = stated_bytes;
        }
        first = end + 2;
    }

    const uint32_t come_bytes = length - first;
    if (has_length ? come_bytes < body_bytes : !is_end) {
        return cut_short;
    }
    *out_response = (struct http_parsed_response){
        .status = status,
        .body_first = first,
        .body_bytes = has_length ? body_bytes : come_bytes,
    };
    return HTTP_PARSE_DONE;
}
