// SPDX-License-Identifier: Apache-2.0

// Bytes become reads of a stream of the rest of the bytes. What the reads return is written again
// and must give the same bits.

#include "wire/bits.h"

#include <stdlib.h>

#define READ_COUNT_MAX 64

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t again[1 << 16];

static void read_and_write_one(struct bit_reader *reader, struct bit_writer *writer, uint8_t choice)
{
    const uint32_t bit_count = choice % 65;
    switch (choice / 65) {
    case 0:
        bits_put(writer, bits_get(reader, bit_count), bit_count);
        break;
    case 1:
        bits_put_varint(writer, bits_get_varint(reader));
        break;
    case 2:
        bits_put_ranged(
            writer, bits_get_ranged(reader, -5, (int64_t)bit_count), -5, (int64_t)bit_count);
        break;
    default: {
        uint8_t copied[64];
        bits_get_bytes(reader, copied, bit_count % 64);
        bits_put_bytes(writer, copied, bit_count % 64);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1 || length > sizeof again / 2) {
        return 0;
    }
    const size_t read_count = bytes[0] % READ_COUNT_MAX;
    if (length < 1 + read_count) {
        return 0;
    }
    const uint8_t *stream = bytes + 1 + read_count;
    const size_t stream_bytes = length - 1 - read_count;
    struct bit_reader reader;
    struct bit_writer writer;
    bit_reader_init(&reader, stream, stream_bytes);
    bit_writer_init(&writer, again, sizeof again);
    for (size_t i = 0; i < read_count; i++) {
        const struct bit_writer bookmark = writer;
        read_and_write_one(&reader, &writer, bytes[1 + i]);
        if (reader.is_failed) {
            writer = bookmark;
            break;
        }
    }
    MUSTER_ASSERT(!writer.is_overrun && reader.bit_index <= stream_bytes * 8);
    if (!reader.is_failed) {
        MUSTER_ASSERT(writer.bit_count == reader.bit_index);
    }
    (void)bit_writer_finish(&writer);
    struct bit_reader original;
    struct bit_reader copy;
    bit_reader_init(&original, stream, stream_bytes);
    bit_reader_init(&copy, again, sizeof again);
    for (size_t i = 0; i < writer.bit_count; i++) {
        MUSTER_ASSERT(bits_get(&original, 1) == bits_get(&copy, 1));
    }
    return 0;
}
