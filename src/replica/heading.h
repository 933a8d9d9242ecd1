// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The parts of a packet that belong to one client and are not shared: which entity, which of its
/// sections, and what each of them is the difference from.
///
/// A shape is six bits a section: 0 if it is not there, otherwise what it is based on. Few shapes
/// occur in one packet, so a shape is named by how recently it was used. Entities come in rising
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

/// Shapes that have a short name.
#define HEADING_SHAPE_COUNT 4

/// Longest gap and shape together, in bits.
#define HEADING_BITS_MAX (12 + HEADING_INDEX_BITS + 4 + 7 * MUSTER_REPLICA_SECTION_COUNT_MAX)

/// The shapes last used, latest first. Begins as all zero, which no shape is.
struct heading_shapes {
    uint64_t recent[HEADING_SHAPE_COUNT];
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

/// Writes a shape, which is not zero, and moves it to the front.
void heading_put_shape(struct bit_writer *writer,
    struct heading_shapes *shapes,
    uint32_t section_count,
    uint64_t shape);

/// Reads a shape and moves it to the front; fails the reader and returns 0 on one that is none.
uint64_t heading_get_shape(
    struct bit_reader *reader, struct heading_shapes *shapes, uint32_t section_count);

/// Writes an index, which is not below `next_index`.
void heading_put_index(
    struct bit_writer *writer, uint32_t rice_bits, uint32_t next_index, uint32_t index);

/// Reads an index; fails the reader if it is not in [next_index, index_count).
uint32_t heading_get_index(
    struct bit_reader *reader, uint32_t rice_bits, uint32_t next_index, uint32_t index_count);
