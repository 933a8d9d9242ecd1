// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What both ends derive from a schema: where each field's integers lie in an entity's record and
/// in how many bits they are sent.
///
/// Fields of one channel and one visibility make a section. A section is the unit of everything
/// below: it changes, has a baseline, is encoded, cached and sent by itself, so that shared bits
/// never hold what one of the sharers may not see.
///
///     record:  | section 0: field, field | section 1: field | ...
///     field:   one value a lane; a POSITION has after them one motion a lane

#include "muster/replica_schema.h"

/// A motion is the way of one tick in quarters of a step; faster ones are sent as none.
#define LAYOUT_MOTION_SHIFT 2
#define LAYOUT_MOTION_MAX   4095
#define LAYOUT_MOTION_BITS  13

/// A field, ready for use.
struct layout_field {
    muster_field_encoding encoding;
    muster_state_type type;
    uint32_t lane_count;
    uint32_t section_index;
    uint32_t value_index; // of its first lane, in the record
    uint32_t value_max;   // the largest integer
    uint32_t value_bits;  // that hold value_max
    double min;
    double step;
};

/// A section, ready for use.
struct layout_section {
    muster_channel channel;
    muster_visibility visibility;
    uint32_t value_index; // its first value in the record
    uint32_t value_count;
    uint32_t bit_count_max; // of any encoding of it
    uint32_t field_count;
    uint8_t fields[MUSTER_FIELD_COUNT_MAX]; // in the order they are sent
};

struct layout {
    uint32_t field_count;
    uint32_t section_count;
    uint32_t value_count;
    uint32_t bit_count_max; // of all sections together
    uint32_t known_count_max;
    uint32_t interval_ticks[MUSTER_CHANNEL_COUNT];
    float radius_m[MUSTER_CHANNEL_COUNT];
    struct layout_field fields[MUSTER_FIELD_COUNT_MAX];
    struct layout_section sections[MUSTER_REPLICA_SECTION_COUNT_MAX];
    uint64_t lanes[3][16]; // by four sections each
};

/// Bits of a channel's count in layout_lanes().
#define LAYOUT_LANE_BITS 16u

_Static_assert(MUSTER_REPLICA_SECTION_COUNT_MAX <= 12, "three tables are for twelve sections");

/// How many sections of a set there are of each channel: a number of 16 bits for each, so that sums
/// of them are sums of all four.
static inline uint64_t layout_lanes(const struct layout *layout, uint32_t sections)
{
    return layout->lanes[0][sections & 15] + layout->lanes[1][sections >> 4 & 15] +
           layout->lanes[2][sections >> 8 & 15];
}

/// Derives a layout from a schema that muster_replica_schema_check() accepts.
void layout_init(struct layout *layout, const muster_replica_schema *schema);

/// The steps of a field, which are its largest integer; a turn of an ANGLE has one more. Negative
/// or not finite if the field's numbers make no sense.
double layout_field_steps(const muster_replica_field *field);
