// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One section of one entity to and from bits, and how floating-point columns become integers.
///
/// A section goes out whole, or as the difference from a baseline that the client has. Positions
/// are predicted: where the baseline's motion would have taken them by now. What is sent of a lane
/// is the difference from its prediction, in a short code if it is small:
///
///     0               as predicted
///     10 + few bits   a small difference
///     110 + more, 1110 + more still
///     1111            the whole value
///
/// All arithmetic is on integers, so both ends agree bit for bit. The length of an encoding can be
/// told without the baseline: a client can step over what it has no use for.

#include "replica/layout.h"
#include "wire/bits.h"

/// Brings one lane into [0, value_max]. What is not a number becomes 0.
uint32_t codec_quantise(const struct layout_field *field, float number);

/// The number that an integer of a lane stands for.
float codec_dequantise(const struct layout_field *field, uint32_t value);

/// A tick's way from one position to the next, in the unit of LAYOUT_MOTION_SHIFT.
int32_t codec_motion(const struct layout_field *field, float from, float to);

/// Writes a section whole. `values` is the entity's record.
void codec_put_whole(const struct layout *layout,
    uint32_t section_index,
    const uint32_t *values,
    struct bit_writer *writer);

/// Writes a section as its difference from a baseline of `age_ticks` ago, in [1, 2^16).
void codec_put_delta(const struct layout *layout,
    uint32_t section_index,
    const uint32_t *values,
    const uint32_t *baseline,
    uint32_t age_ticks,
    struct bit_writer *writer);

/// A section as it was read, before it is known what it builds on.
struct codec_section {
    uint64_t wholes; // bit v: number v is the value, not the difference from what is predicted
    uint32_t numbers[MUSTER_REPLICA_VALUE_COUNT_MAX];
};

/// Reads a section that was written whole: its numbers are its values. Fails the reader if one is
/// out of its range.
void codec_read_whole(const struct layout *layout,
    uint32_t section_index,
    struct codec_section *out_read,
    struct bit_reader *reader);

/// Reads a section that was written as a difference.
void codec_read_delta(const struct layout *layout,
    uint32_t section_index,
    uint32_t age_ticks,
    struct codec_section *out_read,
    struct bit_reader *reader);

/// The values of a section that was read as a difference.
/// @param baseline  the section's part of what it builds on
/// @return false if a value gets out of its range
bool codec_resolve(const struct layout *layout,
    uint32_t section_index,
    uint32_t age_ticks,
    const struct codec_section *read,
    const uint32_t *baseline,
    uint32_t *out_values);
