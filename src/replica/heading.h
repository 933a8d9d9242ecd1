// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The parts of a packet that belong to one client and are not shared: which entity, which of its
/// sections, and what each of them is the difference from.
///
/// A shape is six bits a section: 0 if it is not there, otherwise what it is based on. Few shapes
/// occur in one packet, so a shape is named by its place in a list in which it rises by one place
/// with every use; a shape that is not in the list replaces the last. Entities come in rising
/// order of their index, so an index is the gap from the one before, as a Rice code.

#include "muster/replica_schema.h"
#include "wire/bits.h"

/// Ticks back to the oldest baseline that is named exactly.
#define HEADING_AGE_MAX 32

/// A section in a shape: the newest state the client has of HEADING_AGE_MAX + 1 or more ticks ago.
#define HEADING_BASE_OLD 33

/// A section in a shape: none, the section is whole.
#define HEADING_BASE_NONE 63

/// Bits of a section in a shape, of an index where it stands alone, of a gap's parameter, of the
/// count of updates.
#define HEADING_BASE_BITS   6
#define HEADING_INDEX_BITS  12
#define HEADING_RICE_BITS   3
#define HEADING_COUNT_BYTES 2

/// A gap of this many times its parameter is written as the index itself, behind as many ones.
#define HEADING_ONES_MAX 12

/// Shapes that have a short name.
#define HEADING_SHAPE_COUNT 6

/// Bits of a base that is hardly older than the newest state the client has acknowledged.
#define HEADING_NEAR_BITS 2

/// Longest gap and shape together, in bits.
#define HEADING_BITS_MAX (12 + HEADING_INDEX_BITS + 6 + 8 * MUSTER_REPLICA_SECTION_COUNT_MAX)

/// Shapes, those used often in front. Begins as all zero, which no shape is.
struct heading_shapes {
    uint32_t newest_age; // of all states the client has acknowledged, in [0, 63]
    uint64_t places[HEADING_SHAPE_COUNT];
};

/// What a section of a shape is based on.
static inline uint32_t heading_base(uint64_t shape, uint32_t section_index)
{
    return (uint32_t)(shape >> (section_index * HEADING_BASE_BITS)) & 63;
}

/// A section's part of a shape.
static inline uint64_t heading_shape_part(uint32_t section_index, uint32_t base)
{
    return (uint64_t)base << (section_index * HEADING_BASE_BITS);
}

/// The place of a shape, HEADING_SHAPE_COUNT if it is not in the list.
static inline uint32_t heading_place(const struct heading_shapes *shapes, uint64_t shape)
{
    uint32_t places = 1u << HEADING_SHAPE_COUNT;
    for (uint32_t place = 0; place < HEADING_SHAPE_COUNT; place++) {
        places |= (shapes->places[place] == shape ? 1u : 0u) << place;
    }
    return (uint32_t)__builtin_ctz(places);
}

/// Lets the shape at a place rise.
static inline void heading_rise(struct heading_shapes *shapes, uint32_t place)
{
    const uint32_t above = place - (place > 0 ? 1 : 0);
    const uint64_t shape = shapes->places[place];
    shapes->places[place] = shapes->places[above];
    shapes->places[above] = shape;
}

/// Writes the beginning of a shape that is not in the list, and puts it there.
/// @return its last bits, which are left to the caller
uint64_t heading_new_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape,
    uint32_t *out_bit_count);

/// Writes a shape, which is not zero.
void heading_put_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape);

/// Reads a shape that is not in the list, and puts it there.
uint64_t heading_get_new_shape(
    struct bit_reader *reader, struct heading_shapes *shapes, uint32_t section_count);

/// Reads a shape; fails the reader and returns 0 on one that is none.
static inline uint64_t heading_get_shape(
    struct bit_reader *reader, struct heading_shapes *shapes, uint32_t section_count)
{
    const uint64_t ends = ~bits_peek(reader) | 1u << HEADING_SHAPE_COUNT;
    const uint32_t place = (uint32_t)__builtin_ctzll(ends); // ones before it
    uint64_t shape;
    if (place < HEADING_SHAPE_COUNT) {
        bits_skip(reader, place + 1);
        shape = shapes->places[place];
        heading_rise(shapes, place);
    } else {
        bits_skip(reader, HEADING_SHAPE_COUNT);
        shape = heading_get_new_shape(reader, shapes, section_count);
    }
    reader->is_failed = reader->is_failed || shape == 0;
    return reader->is_failed ? 0 : shape;
}

/// Writes an index, which is not below `next_index`.
void heading_put_index(
    struct bit_writer *writer, uint32_t rice_bits, uint32_t next_index, uint32_t index);

/// Reads an index; fails the reader and returns 0 if it is not in [next_index, index_count).
static inline uint32_t heading_get_index(
    struct bit_reader *reader, uint32_t rice_bits, uint32_t next_index, uint32_t index_count)
{
    const uint64_t word = bits_peek(reader);
    const uint32_t ones = (uint32_t)__builtin_ctzll(~word | 1u << HEADING_ONES_MAX);
    uint32_t index;
    if (ones < HEADING_ONES_MAX) {
        const uint64_t rest = word >> (ones + 1) & bits_mask(rice_bits);
        index = next_index + (ones << rice_bits) + (uint32_t)rest;
        bits_skip(reader, ones + 1 + rice_bits);
    } else {
        index = (uint32_t)(word >> HEADING_ONES_MAX & bits_mask(HEADING_INDEX_BITS));
        bits_skip(reader, HEADING_ONES_MAX + HEADING_INDEX_BITS);
    }
    if (reader->is_failed || index < next_index || index >= index_count) {
        reader->is_failed = true;
        return 0;
    }
    return index;
}
