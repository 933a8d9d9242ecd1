// SPDX-License-Identifier: Apache-2.0
#include "wire/record.h"

#include "core/assert.h"

void record_write_varint(struct record_writer *writer, uint64_t value)
{
    uint8_t bytes[RECORD_VARINT_BYTES_MAX];
    size_t length = 0;
    while (value >= 0x80) {
        bytes[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[length++] = (uint8_t)value;
    record_write_bytes(writer, bytes, length);
}

uint64_t record_read_varint(struct record_reader *reader)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 70; shift += 7) {
        const uint8_t byte = record_read_u8(reader);
        const uint64_t bits = byte & 0x7F;
        const bool is_over = shift == 63 && bits > 1;
        const bool is_longer_than_needed = shift > 0 && byte == 0;
        if (reader->is_malformed || is_over || is_longer_than_needed) {
            break;
        }
        value |= bits << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    reader->is_malformed = true;
    return 0;
}

uint64_t record_read_varint_max(struct record_reader *reader, uint64_t max)
{
    const uint64_t value = record_read_varint(reader);
    if (value > max) {
        reader->is_malformed = true;
        return 0;
    }
    return value;
}

void record_write_text(struct record_writer *writer, const char *text)
{
    MUSTER_ASSERT(text != NULL);
    const size_t length = strlen(text);
    record_write_varint(writer, length);
    record_write_bytes(writer, text, length);
}

void record_read_text(struct record_reader *reader, char *out_text, size_t capacity)
{
    MUSTER_ASSERT(capacity >= 1);
    out_text[0] = '\0';
    const size_t length = (size_t)record_read_varint_max(reader, capacity - 1);
    const uint8_t *bytes = record_read_space(reader, length);
    if (bytes == NULL || !record_is_text(bytes, length)) {
        reader->is_malformed = true;
        return;
    }
    memcpy(out_text, bytes, length);
    out_text[length] = '\0';
}

// Bytes that follow a first byte, and the least code point of that length, which rules out
// overlong forms. Lengths of 1 and of bytes that start nothing are handled by the caller.
static size_t sequence_length(uint8_t first, uint32_t *out_least)
{
    if ((first & 0xE0) == 0xC0) {
        *out_least = 0x80;
        return 2;
    }
    if ((first & 0xF0) == 0xE0) {
        *out_least = 0x800;
        return 3;
    }
    if ((first & 0xF8) == 0xF0) {
        *out_least = 0x10000;
        return 4;
    }
    return 0;
}

// Decodes one sequence of several bytes.
// @return its length, 0 if it is not UTF-8
static size_t decode_sequence(const uint8_t *bytes, size_t length, uint32_t *out_code)
{
    uint32_t least;
    const size_t count = sequence_length(bytes[0], &least);
    if (count == 0 || count > length) {
        return 0;
    }
    uint32_t code = bytes[0] & (0x7Fu >> count);
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3Fu);
    }
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    *out_code = code;
    return code < least || is_surrogate || code > 0x10FFFF ? 0 : count;
}

bool record_is_text(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t code = bytes[i];
        const size_t count = code < 0x80 ? 1 : decode_sequence(bytes + i, length - i, &code);
        const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        if (count == 0 || is_control) {
            return false;
        }
        i += count;
    }
    return true;
}
