// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/document.h"

#include "apps/muster/text.h"

#include <string.h>

#define TEXT_BYTES_MAX 4096u
#define REAL_DIGITS    9 // more than is measured, and 0.2 is not written as 0.20000000000000001

json_t *document_text(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    char buffer[TEXT_BYTES_MAX];
    struct text escaped = text_in(buffer, sizeof buffer);
    const size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        const uint32_t count = text_character_bytes(text + i, length - i);
        if (count == 0) {
            text_format(&escaped, "\\x%02x", (unsigned)(uint8_t)text[i]);
        } else if (escaped.length + count < escaped.capacity) {
            text_append_bytes(&escaped, text + i, count);
        }
        i += count == 0 ? 1 : count;
    }
    return json_string(buffer);
}

json_t *document_number(uint64_t number)
{
    if (number <= INT64_MAX) {
        return json_integer((json_int_t)number);
    }
    char buffer[24];
    struct text text = text_in(buffer, sizeof buffer);
    text_format(&text, "%llu", (unsigned long long)number);
    return json_string(buffer);
}

bool document_write(json_t *document, FILE *file)
{
    if (document == NULL) {
        return false;
    }
    const bool is_written =
        json_dumpf(document, file, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS)) == 0;
    json_decref(document);
    return fputc('\n', file) != EOF && is_written;
}
