// SPDX-License-Identifier: Apache-2.0
#include "wire/bits.h"

#include <string.h>

#define VARINT_GROUP_BITS 7
#define VARINT_MORE       0x80u

// What fits in one load of eight bytes from any bit of the first.
#define LOAD_BITS_MAX 57

size_t bit_writer_finish(struct bit_writer *writer)
{
    const size_t stored_bytes = writer->bit_count / 64 * 8;
    const size_t length = (writer->bit_count + 7) / 8;
    uint8_t tail[8];
    bytes_store_u64(tail, writer->pending);
    if (length > stored_bytes) {
        memcpy(writer->bytes + stored_bytes, tail, length - stored_bytes);
    }
    return length;
}

void bits_put_varint(struct bit_writer *writer, uint64_t value)
{
    while (value >= VARINT_MORE) {
        bits_put(writer, (value & (VARINT_MORE - 1)) | VARINT_MORE, 8);
        value >>= VARINT_GROUP_BITS;
    }
    bits_put(writer, value, 8);
}

void bits_put_bytes(struct bit_writer *writer, const uint8_t *bytes, size_t byte_count)
{
    bits_put_run(writer, bytes, byte_count, 0, byte_count * 8);
}

void bits_put_run(struct bit_writer *writer,
    const uint8_t *source,
    size_t source_bytes,
    size_t bit_offset,
    size_t bit_count)
{
    MUSTER_ASSERT(source_bytes <= BITS_BYTES_MAX);
    MUSTER_ASSERT(bit_offset <= source_bytes * 8 && bit_count <= source_bytes * 8 - bit_offset);
    if (writer->is_overrun || bit_count > bit_writer_space(writer)) {
        writer->is_overrun = true;
        return;
    }
    struct bit_reader reader = {
        .bytes = source, .capacity_bits = source_bytes * 8, .bit_index = bit_offset};
    while (bit_count > LOAD_BITS_MAX) {
        bits_put(writer, bits_get(&reader, LOAD_BITS_MAX), LOAD_BITS_MAX);
        bit_count -= LOAD_BITS_MAX;
    }
    bits_put(writer, bits_get(&reader, (uint32_t)bit_count), (uint32_t)bit_count);
}

uint64_t bits_get_slowly(struct bit_reader *reader, uint32_t bit_count)
{
    if (reader->is_failed || bit_count > bit_reader_left(reader)) {
        reader->is_failed = true;
        return 0;
    }
    uint64_t value = 0;
    for (uint32_t taken_bits = 0; taken_bits < bit_count;) {
        const uint32_t skipped_bits = (uint32_t)(reader->bit_index % 8);
        const uint32_t left_bits = bit_count - taken_bits;
        const uint32_t bits = left_bits < 8 - skipped_bits ? left_bits : 8 - skipped_bits;
        const uint64_t byte = reader->bytes[reader->bit_index / 8];
        value |= ((byte >> skipped_bits) & bits_mask(bits)) << taken_bits;
        taken_bits += bits;
        reader->bit_index += bits;
    }
    return value;
}

uint64_t bits_peek_slowly(const struct bit_reader *reader)
{
    const size_t byte_count = reader->capacity_bits / 8;
    uint64_t word = 0;
    uint32_t shift = 0;
    for (size_t i = reader->bit_index / 8; i < byte_count && shift < 64; i++, shift += 8) {
        word |= (uint64_t)reader->bytes[i] << shift;
    }
    return word >> (reader->bit_index % 8);
}

uint64_t bits_get_varint(struct bit_reader *reader)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += VARINT_GROUP_BITS) {
        const uint64_t group = bits_get(reader, 8);
        const uint64_t number = group & (VARINT_MORE - 1);
        const bool is_last = (group & VARINT_MORE) == 0;
        const bool is_too_large = shift == 63 && number > 1;
        const bool is_too_long = is_last && shift > 0 && number == 0;
        if (reader->is_failed || is_too_large || is_too_long) {
            break;
        }
        value |= number << shift;
        if (is_last) {
            return value;
        }
    }
    reader->is_failed = true;
    return 0;
}

void bits_get_bytes(struct bit_reader *reader, uint8_t *out_bytes, size_t byte_count)
{
    if (reader->is_failed || byte_count > bit_reader_left(reader) / 8) {
        reader->is_failed = true;
        memset(out_bytes, 0, byte_count);
        return;
    }
    for (size_t i = 0; i < byte_count; i++) {
        out_bytes[i] = (uint8_t)bits_get(reader, 8);
    }
}
