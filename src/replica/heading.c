// SPDX-License-Identifier: Apache-2.0
#include "replica/heading.h"

// A new shape's section: whether it is there, and what it is based on. Returns the bits, and adds
// their number to `bit_count`.
static uint64_t base_code(uint32_t newest_age, uint32_t base, uint32_t *bit_count)
{
    const uint32_t beyond = base - newest_age; // huge if it is newer
    const bool is_near = beyond < 1u << HEADING_NEAR_BITS;
    const uint32_t code = is_near ? 1 | beyond << 2 : 3 | base << 2;
    const uint32_t length = is_near ? 2 + HEADING_NEAR_BITS : 2 + HEADING_BASE_BITS;
    *bit_count += base == 0 ? 1 : length;
    return base == 0 ? 0 : code;
}

static uint32_t get_base(struct bit_reader *reader, uint32_t newest_age)
{
    if (!bits_get_bool(reader)) {
        return 0;
    }
    const bool is_near = !bits_get_bool(reader);
    const uint32_t base = is_near ? newest_age + (uint32_t)bits_get(reader, HEADING_NEAR_BITS)
                                  : (uint32_t)bits_get(reader, HEADING_BASE_BITS);
    if (base == 0 || (base > HEADING_BASE_OLD && base != HEADING_BASE_NONE)) {
        reader->is_failed = true;
        return 0;
    }
    return base;
}

uint64_t heading_new_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape,
    uint32_t *out_bit_count)
{
    uint64_t bits = bits_mask(HEADING_SHAPE_COUNT);
    uint32_t bit_count = HEADING_SHAPE_COUNT;
    for (uint32_t s = 0; s < section_count; s++) {
        if (bit_count > 64 - 2 - HEADING_BASE_BITS) {
            bits_put(writer, bits, bit_count);
            bits = 0;
            bit_count = 0;
        }
        const uint32_t shift = bit_count;
        bits |= base_code(shapes->newest_age, heading_base(shape, s), &bit_count) << shift;
    }
    shapes->places[HEADING_SHAPE_COUNT - 1] = shape;
    *out_bit_count = bit_count;
    return bits;
}

void heading_put_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape)
{
    MUSTER_ASSERT(shape != 0);
    const uint32_t place = heading_place(shapes, shape);
    if (place < HEADING_SHAPE_COUNT) {
        bits_put(writer, bits_mask(place), place + 1); // ones, then a zero
        heading_rise(shapes, place);
        return;
    }
    uint32_t bit_count;
    const uint64_t bits = heading_new_shape(writer, shapes, section_count, shape, &bit_count);
    bits_put(writer, bits, bit_count);
}

uint64_t heading_get_new_shape(
    struct bit_reader *reader, struct heading_shapes *shapes, uint32_t section_count)
{
    uint64_t shape = 0;
    for (uint32_t s = 0; s < section_count; s++) {
        shape |= heading_shape_part(s, get_base(reader, shapes->newest_age));
    }
    shapes->places[HEADING_SHAPE_COUNT - 1] = shape;
    return shape;
}

void heading_put_index(
    struct bit_writer *writer, uint32_t rice_bits, uint32_t next_index, uint32_t index)
{
    MUSTER_ASSERT(index >= next_index && index < MUSTER_REPLICA_KNOWN_COUNT_MAX);
    const uint32_t gap = index - next_index;
    const uint32_t ones = gap >> rice_bits;
    if (ones >= HEADING_ONES_MAX) {
        const uint64_t escaped = bits_mask(HEADING_ONES_MAX) | (uint64_t)index << HEADING_ONES_MAX;
        bits_put(writer, escaped, HEADING_ONES_MAX + HEADING_INDEX_BITS);
        return;
    }
    const uint64_t rest = gap & bits_mask(rice_bits);
    bits_put(writer, bits_mask(ones) | rest << (ones + 1), ones + 1 + rice_bits);
}
