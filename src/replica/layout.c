// SPDX-License-Identifier: Apache-2.0
#include "replica/layout.h"

#include "core/assert.h"
#include "wire/bits.h"

#include <string.h>

#define TURN_RADIANS 6.283185307179586

// What a lane costs beyond its own bits when it is sent whole.
#define LANE_PREFIX_BITS 4

double layout_field_steps(const muster_replica_field *field)
{
    if (field->encoding == MUSTER_FIELD_ANGLE) {
        const double steps = TURN_RADIANS / (double)field->precision;
        return steps < 1e9 ? (double)(int64_t)(steps + 0.5) - 1.0 : -1.0;
    }
    const double steps = ((double)field->max - (double)field->min) / (double)field->precision;
    return steps >= 0.0 && steps < 1e10 ? (double)(int64_t)(steps + 0.5) : -1.0;
}

static void field_init(struct layout_field *field, const muster_replica_field *from)
{
    const double steps = layout_field_steps(from);
    MUSTER_ASSERT(steps >= 1.0);
    const uint32_t value_max = steps >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)steps;
    const bool is_angle = from->encoding == MUSTER_FIELD_ANGLE;
    *field = (struct layout_field){
        .encoding = from->encoding,
        .type = from->type,
        .lane_count = from->lane_count,
        .value_max = value_max,
        .value_bits = bits_for(value_max),
        .min = is_angle ? 0.0 : (double)from->min,
        .step = is_angle ? TURN_RADIANS / (steps + 1.0) : (double)from->precision,
    };
}

// Gathers the fields of one channel and visibility, if there are any.
static void section_add(struct layout *layout,
    const muster_replica_schema *schema,
    muster_channel channel,
    muster_visibility visibility)
{
    struct layout_section section = {
        .channel = channel, .visibility = visibility, .value_index = layout->value_count};
    for (uint32_t f = 0; f < schema->field_count; f++) {
        const muster_replica_field *from = &schema->fields[f];
        if (from->channel != channel || from->visibility != visibility) {
            continue;
        }
        struct layout_field *field = &layout->fields[f];
        field->section_index = layout->section_count;
        field->value_index = section.value_index + section.value_count;
        const bool is_position = field->encoding == MUSTER_FIELD_POSITION;
        const uint32_t motion_bits = is_position ? LANE_PREFIX_BITS + LAYOUT_MOTION_BITS : 0;
        section.value_count += field->lane_count * (is_position ? 2 : 1);
        section.bit_count_max +=
            1 + field->lane_count * (LANE_PREFIX_BITS + field->value_bits + motion_bits);
        section.fields[section.field_count++] = (uint8_t)f;
    }
    if (section.field_count > 0) {
        MUSTER_ASSERT(layout->section_count < MUSTER_REPLICA_SECTION_COUNT_MAX);
        layout->sections[layout->section_count++] = section;
        layout->value_count += section.value_count;
        layout->bit_count_max += section.bit_count_max;
    }
}

static void fill_lanes(struct layout *layout)
{
    for (uint32_t s = 0; s < layout->section_count; s++) {
        const uint64_t one = UINT64_C(1) << (layout->sections[s].channel * LAYOUT_LANE_BITS);
        for (uint32_t set = 0; set < 16; set++) {
            layout->lanes[s / 4][set] += (set >> s % 4 & 1) != 0 ? one : 0;
        }
    }
}

void layout_init(struct layout *layout, const muster_replica_schema *schema)
{
    MUSTER_ASSERT(muster_replica_schema_check(schema) == MUSTER_OK);
    memset(layout, 0, sizeof *layout);
    layout->field_count = schema->field_count;
    layout->known_count_max = schema->known_count_max;
    for (uint32_t f = 0; f < schema->field_count; f++) {
        field_init(&layout->fields[f], &schema->fields[f]);
    }
    for (int c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        layout->interval_ticks[c] = schema->tick_rate_hz / schema->channels[c].rate_hz;
        layout->radius_m[c] = schema->channels[c].radius_m;
        for (int v = MUSTER_VISIBLE_EVERYONE; v <= MUSTER_VISIBLE_RULE; v++) {
            section_add(layout, schema, (muster_channel)c, (muster_visibility)v);
        }
    }
    fill_lanes(layout);
}
