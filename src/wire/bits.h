// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Bit streams: numbers of any width, packed without gaps, least significant bit first. Bit i of a
/// stream is bit i % 8 of byte i / 8.
///
///     struct bit_writer writer;
///     bit_writer_init(&writer, bytes, sizeof bytes);
///     bits_put(&writer, 5, 3);
///     bits_put_varint(&writer, sequence);
///     const size_t length = bit_writer_finish(&writer);
///     if (writer.is_overrun) { ... }             // it did not fit; nothing outside was touched
///
/// Both ends check every access and remember the first failure: a caller writes or reads a whole
/// record and looks once. After a failure a writer writes nothing more and a reader reads zeros.
/// Copying the struct is a bookmark: assigning the copy back returns to that place.

#include "core/assert.h"
#include "core/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The largest buffer of a stream, so that its length in bits fits everywhere.
#define BITS_BYTES_MAX ((size_t)1 << 28)

/// Bits that can be looked at ahead, wherever in a byte a stream stands.
#define BITS_PEEK_MAX 57

/// Bytes of the longest varint.
#define BITS_VARINT_BYTES_MAX 10

/// Writes bits into memory of the caller.
struct bit_writer {
    uint8_t *bytes;
    size_t capacity_bits;
    size_t bit_count; // written so far
    uint64_t pending; // the last bit_count % 64 of them, not stored yet
    bool is_overrun;
};

/// Reads bits from memory of the caller.
struct bit_reader {
    const uint8_t *bytes;
    size_t capacity_bits;
    size_t bit_index; // the next bit
    bool is_failed;   // read past the end, or met a number that its format does not allow
};

/// The lowest `bit_count` bits set; `bit_count` at most 64.
static inline uint64_t bits_mask(uint32_t bit_count)
{
    return bit_count == 0 ? 0 : UINT64_MAX >> (64 - bit_count);
}

/// Bits that hold every number up to `max`: 0 for 0, 8 for 255.
static inline uint32_t bits_for(uint64_t max)
{
    return max == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(max);
}

/// Small magnitudes become small numbers: 0, -1, 1, -2 are 0, 1, 2, 3.
static inline uint64_t bits_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

/// The inverse of bits_zigzag().
static inline int64_t bits_unzigzag(uint64_t value)
{
    const uint64_t half = value >> 1;
    return (int64_t)((value & 1) != 0 ? ~half : half);
}

/// Begins a stream in `byte_count` bytes, at most BITS_BYTES_MAX, which are overwritten.
static inline void bit_writer_init(struct bit_writer *writer, uint8_t *bytes, size_t byte_count)
{
    MUSTER_ASSERT(byte_count <= BITS_BYTES_MAX);
    *writer = (struct bit_writer){.bytes = bytes, .capacity_bits = byte_count * 8};
}

/// Bits that still fit.
static inline size_t bit_writer_space(const struct bit_writer *writer)
{
    return writer->capacity_bits - writer->bit_count;
}

/// Appends the lowest `bit_count` bits of `value`, in [0, 64]; the others must be zero.
static inline void bits_put(struct bit_writer *writer, uint64_t value, uint32_t bit_count)
{
    MUSTER_ASSERT(bit_count <= 64 && value <= bits_mask(bit_count));
    if (writer->is_overrun || bit_count > bit_writer_space(writer)) {
        writer->is_overrun = true;
        return;
    }
    const uint32_t fill = (uint32_t)(writer->bit_count % 64);
    writer->pending |= value << fill;
    writer->bit_count += bit_count;
    if (fill + bit_count >= 64) {
        bytes_store_u64(writer->bytes + (writer->bit_count / 64 - 1) * 8, writer->pending);
        writer->pending = fill == 0 ? 0 : value >> (64 - fill);
    }
}

/// Stores what is pending; the rest of the last byte is zero. Appending may go on afterwards.
/// @return the bytes in use
size_t bit_writer_finish(struct bit_writer *writer);

/// Appends a truth value as one bit.
static inline void bits_put_bool(struct bit_writer *writer, bool value)
{
    bits_put(writer, value ? 1 : 0, 1);
}

/// Appends an integer in [min, max] in as many bits as the range needs.
static inline void bits_put_ranged(
    struct bit_writer *writer, int64_t value, int64_t min, int64_t max)
{
    MUSTER_ASSERT(min <= value && value <= max);
    bits_put(writer, (uint64_t)value - (uint64_t)min, bits_for((uint64_t)max - (uint64_t)min));
}

/// Appends a number in groups of 8 bits: 7 of the number, lowest first, and one that says that more
/// follow. At most BITS_VARINT_BYTES_MAX groups.
void bits_put_varint(struct bit_writer *writer, uint64_t value);

/// Appends zeros up to the next whole byte.
static inline void bits_put_align(struct bit_writer *writer)
{
    bits_put(writer, 0, (uint32_t)(-writer->bit_count % 8));
}

/// Appends whole bytes, wherever in a byte the stream stands.
void bits_put_bytes(struct bit_writer *writer, const uint8_t *bytes, size_t byte_count);

/// Appends `bit_count` bits of another stream, from its bit `bit_offset` on. The whole run must lie
/// within the `source_bytes` bytes at `source`, which do not overlap the writer's.
void bits_put_run(struct bit_writer *writer,
    const uint8_t *source,
    size_t source_bytes,
    size_t bit_offset,
    size_t bit_count);

/// Begins reading `byte_count` bytes, at most BITS_BYTES_MAX.
static inline void bit_reader_init(
    struct bit_reader *reader, const uint8_t *bytes, size_t byte_count)
{
    MUSTER_ASSERT(byte_count <= BITS_BYTES_MAX);
    *reader = (struct bit_reader){.bytes = bytes, .capacity_bits = byte_count * 8};
}

/// Bits not read yet.
static inline size_t bit_reader_left(const struct bit_reader *reader)
{
    return reader->capacity_bits - reader->bit_index;
}

/// Reads near the end of the buffer, where eight bytes at once are too many.
uint64_t bits_get_slowly(struct bit_reader *reader, uint32_t bit_count);

/// Takes the next `bit_count` bits, in [0, 64]; zero past the end.
static inline uint64_t bits_get(struct bit_reader *reader, uint32_t bit_count)
{
    MUSTER_ASSERT(bit_count <= 64);
    const size_t byte_index = reader->bit_index / 8;
    const uint32_t skipped_bits = (uint32_t)(reader->bit_index % 8);
    const bool is_in_one_word = skipped_bits + bit_count <= 64;
    if (!is_in_one_word || byte_index + 8 > reader->capacity_bits / 8 || reader->is_failed) {
        return bits_get_slowly(reader, bit_count);
    }
    reader->bit_index += bit_count;
    return (bytes_load_u64(reader->bytes + byte_index) >> skipped_bits) & bits_mask(bit_count);
}

/// bits_peek() near the end of the buffer.
uint64_t bits_peek_slowly(const struct bit_reader *reader);

/// The next bits without taking them, at least BITS_PEEK_MAX; zeros past the end.
static inline uint64_t bits_peek(const struct bit_reader *reader)
{
    const size_t byte_index = reader->bit_index / 8;
    if (byte_index + 8 > reader->capacity_bits / 8) {
        return bits_peek_slowly(reader);
    }
    return bytes_load_u64(reader->bytes + byte_index) >> (reader->bit_index % 8);
}

/// Takes `bit_count` bits that bits_peek() has shown.
static inline void bits_skip(struct bit_reader *reader, uint32_t bit_count)
{
    if (reader->is_failed || bit_count > bit_reader_left(reader)) {
        reader->is_failed = true;
        return;
    }
    reader->bit_index += bit_count;
}

/// Takes one bit.
static inline bool bits_get_bool(struct bit_reader *reader)
{
    return bits_get(reader, 1) != 0;
}

/// Takes an integer that bits_put_ranged() wrote; one above `max` fails the reader and gives `min`.
static inline int64_t bits_get_ranged(struct bit_reader *reader, int64_t min, int64_t max)
{
    const uint64_t range = (uint64_t)max - (uint64_t)min;
    const uint64_t offset = bits_get(reader, bits_for(range));
    if (offset > range) {
        reader->is_failed = true;
        return min;
    }
    return (int64_t)((uint64_t)min + offset);
}

/// Takes a number that bits_put_varint() wrote. Fails the reader on more than 64 bits and on a
/// longer form than needed, so that a number has one encoding.
uint64_t bits_get_varint(struct bit_reader *reader);

/// Skips to the next whole byte; fails the reader if a skipped bit is set.
static inline void bits_get_align(struct bit_reader *reader)
{
    if (bits_get(reader, (uint32_t)(-reader->bit_index % 8)) != 0) {
        reader->is_failed = true;
    }
}

/// Takes whole bytes, wherever in a byte the stream stands; all zero if they are not all there.
void bits_get_bytes(struct bit_reader *reader, uint8_t *out_bytes, size_t byte_count);
