// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Byte-aligned records: fixed integers, varints and texts, written and read in order.
///
/// Both ends latch their first error and do nothing after it, so a codec checks once at the end.
/// A reader never looks beyond its bytes, whatever they say.

#include "core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/// Bytes of the longest varint.
#define RECORD_VARINT_BYTES_MAX 10

/// Writes into memory of the caller.
struct record_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
    bool is_full; // something did not fit, and nothing was written from there on
};

/// Reads memory of the caller.
struct record_reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset;
    bool is_malformed; // something was cut short or wrong, and all is zero from there on
};

static inline struct record_writer record_writer_on(uint8_t *bytes, size_t capacity)
{
    return (struct record_writer){.bytes = bytes, .capacity = capacity};
}

static inline struct record_reader record_reader_on(const uint8_t *bytes, size_t length)
{
    return (struct record_reader){.bytes = bytes, .length = length};
}

/// Room for `length` bytes, NULL when they do not fit.
static inline uint8_t *record_write_space(struct record_writer *writer, size_t length)
{
    if (writer->is_full || length > writer->capacity - writer->length) {
        writer->is_full = true;
        return NULL;
    }
    uint8_t *space = writer->bytes + writer->length;
    writer->length += length;
    return space;
}

/// The next `length` bytes in place, NULL when there are fewer.
static inline const uint8_t *record_read_space(struct record_reader *reader, size_t length)
{
    if (reader->is_malformed || length > reader->length - reader->offset) {
        reader->is_malformed = true;
        return NULL;
    }
    const uint8_t *space = reader->bytes + reader->offset;
    reader->offset += length;
    return space;
}

static inline void record_write_u8(struct record_writer *writer, uint8_t value)
{
    uint8_t *space = record_write_space(writer, sizeof value);
    if (space != NULL) {
        *space = value;
    }
}

static inline void record_write_u16(struct record_writer *writer, uint16_t value)
{
    uint8_t *space = record_write_space(writer, sizeof value);
    if (space != NULL) {
        bytes_store_u16(space, value);
    }
}

static inline void record_write_u32(struct record_writer *writer, uint32_t value)
{
    uint8_t *space = record_write_space(writer, sizeof value);
    if (space != NULL) {
        bytes_store_u32(space, value);
    }
}

static inline void record_write_u64(struct record_writer *writer, uint64_t value)
{
    uint8_t *space = record_write_space(writer, sizeof value);
    if (space != NULL) {
        bytes_store_u64(space, value);
    }
}

static inline void record_write_f32(struct record_writer *writer, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    record_write_u32(writer, bits);
}

static inline void record_write_bytes(
    struct record_writer *writer, const void *bytes, size_t length)
{
    uint8_t *space = record_write_space(writer, length);
    if (space != NULL && length > 0) {
        memcpy(space, bytes, length);
    }
}

static inline uint8_t record_read_u8(struct record_reader *reader)
{
    const uint8_t *space = record_read_space(reader, sizeof(uint8_t));
    return space != NULL ? *space : 0;
}

static inline uint16_t record_read_u16(struct record_reader *reader)
{
    const uint8_t *space = record_read_space(reader, sizeof(uint16_t));
    return space != NULL ? bytes_load_u16(space) : 0;
}

static inline uint32_t record_read_u32(struct record_reader *reader)
{
    const uint8_t *space = record_read_space(reader, sizeof(uint32_t));
    return space != NULL ? bytes_load_u32(space) : 0;
}

static inline uint64_t record_read_u64(struct record_reader *reader)
{
    const uint8_t *space = record_read_space(reader, sizeof(uint64_t));
    return space != NULL ? bytes_load_u64(space) : 0;
}

static inline float record_read_f32(struct record_reader *reader)
{
    const uint32_t bits = record_read_u32(reader);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// Seven bits a byte, lowest first; the top bit is set on all bytes but the last.
void record_write_varint(struct record_writer *writer, uint64_t value);

/// Refuses encodings longer than needed, so that a value has one form.
uint64_t record_read_varint(struct record_reader *reader);

/// A varint that must not be above `max`.
uint64_t record_read_varint_max(struct record_reader *reader, uint64_t max);

/// A varint of the length, then the bytes. The text is closed by a zero.
void record_write_text(struct record_writer *writer, const char *text);

/// Reads a text into `out_text`, closed by a zero; refuses one that does not fit, is not UTF-8 or
/// has control characters. On failure it is empty.
void record_read_text(struct record_reader *reader, char *out_text, size_t capacity);

/// True if bytes are UTF-8 (no surrogates, no overlong forms) without control characters.
bool record_is_text(const uint8_t *bytes, size_t length);

/// True if everything was read and nothing was wrong.
static inline bool record_is_read(const struct record_reader *reader)
{
    return !reader->is_malformed && reader->offset == reader->length;
}
