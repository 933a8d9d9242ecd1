// SPDX-License-Identifier: Apache-2.0
#include "replica/heading.h"

// A gap of this many times its parameter is written as the index itself.
#define RICE_ONES_MAX 12

void heading_put_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape)
{
    MUSTER_ASSERT(shape != 0);
    uint64_t *recent = shapes->recent;
    if (shape == recent[0]) {
        bits_put(writer, 0, 1);
        return;
    }
    uint32_t place = 1;
    while (place < HEADING_SHAPE_COUNT && recent[place] != shape) {
        place++;
    }
    if (place < HEADING_SHAPE_COUNT) {
        bits_put(writer, bits_mask(place), place + 1); // ones, then a zero
    } else {
        bits_put(writer, bits_mask(HEADING_SHAPE_COUNT), HEADING_SHAPE_COUNT);
        for (uint32_t s = 0; s < section_count; s++) {
            const uint32_t base = heading_base(shape, s);
            bits_put_bool(writer, base != 0);
            if (base != 0) {
                bits_put(writer, base, HEADING_BASE_BITS);
            }
        }
        place = HEADING_SHAPE_COUNT - 1;
    }
    for (; place > 0; place--) {
        recent[place] = recent[place - 1];
    }
    recent[0] = shape;
}

// A shape in full.
static uint64_t get_new_shape(struct bit_reader *reader, uint32_t section_count)
{
    uint64_t shape = 0;
    for (uint32_t s = 0; s < section_count; s++) {
        if (!bits_get_bool(reader)) {
            continue;
        }
        const uint32_t base = (uint32_t)bits_get(reader, HEADING_BASE_BITS);
        if (base == 0 || (base > HEADING_BASE_OLD && base != HEADING_BASE_NONE)) {
            reader->is_failed = true;
            return 0;
        }
        shape |= heading_shape_part(s, base);
    }
    return shape;
}

uint64_t heading_get_shape(
    struct bit_reader *reader, struct heading_shapes *shapes, uint32_t section_count)
{
    uint64_t *recent = shapes->recent;
    uint32_t place = 0;
    while (place < HEADING_SHAPE_COUNT && bits_get_bool(reader)) {
        place++;
    }
    uint64_t shape;
    if (place < HEADING_SHAPE_COUNT) {
        shape = recent[place];
    } else {
        shape = get_new_shape(reader, section_count);
        place = HEADING_SHAPE_COUNT - 1;
    }
    if (shape == 0) {
        reader->is_failed = true;
        return 0;
    }
    for (; place > 0; place--) {
        recent[place] = recent[place - 1];
    }
    recent[0] = shape;
    return shape;
}

void heading_put_index(
    struct bit_writer *writer, uint32_t rice_bits, uint32_t next_index, uint32_t index)
{
    MUSTER_ASSERT(index >= next_index && index < MUSTER_REPLICA_KNOWN_COUNT_MAX);
    const uint32_t gap = index - next_index;
    const uint32_t ones = gap >> rice_bits;
    if (ones >= RICE_ONES_MAX) {
        const uint64_t escaped = bits_mask(RICE_ONES_MAX) | (uint64_t)index << RICE_ONES_MAX;
        bits_put(writer, escaped, RICE_ONES_MAX + HEADING_INDEX_BITS);
        return;
    }
    const uint64_t rest = gap & bits_mask(rice_bits);
    bits_put(writer, bits_mask(ones) | rest << (ones + 1), ones + 1 + rice_bits);
}

uint32_t heading_get_index(
    struct bit_reader *reader, uint32_t rice_bits, uint32_t next_index, uint32_t index_count)
{
    uint32_t ones = 0;
    while (ones < RICE_ONES_MAX && bits_get_bool(reader)) {
        ones++;
    }
    uint32_t index;
    if (ones == RICE_ONES_MAX) {
        index = (uint32_t)bits_get(reader, HEADING_INDEX_BITS);
    } else {
        index = next_index + (ones << rice_bits) + (uint32_t)bits_get(reader, rice_bits);
    }
    if (reader->is_failed || index < next_index || index >= index_count) {
        reader->is_failed = true;
        return 0;
    }
    return index;
}
