// SPDX-License-Identifier: Apache-2.0
#include "replica/layout.h"

#include "core/assert.h"
#include "wire/record.h"

#include <string.h>

#define FORMAT_VERSION 1

#define TICK_RATE_HZ_MAX 240
#define ANGLE_STEPS_MAX  65536.0
#define FLOAT_STEPS_MAX  16777216.0
#define UINT_STEPS_MAX   4294967296.0
#define COORDINATE_MAX   1e9f // floats beyond it are no use as metres, and squares stay finite
#define PRECISION_MIN    1e-6f

muster_replica_schema muster_replica_default_schema(void)
{
    muster_replica_schema schema = {.tick_rate_hz = 60, .known_count_max = 1024};
    muster_channel_defaults(schema.channels);
    return schema;
}

muster_status muster_replica_schema_add(muster_replica_schema *schema,
    const muster_field_def *field,
    muster_state_type type,
    uint32_t lane_count)
{
    MUSTER_ASSERT(schema != NULL && field != NULL && field->name != NULL);
    if (schema->field_count >= MUSTER_FIELD_COUNT_MAX) {
        return MUSTER_ERR_FULL;
    }
    const size_t name_bytes = strlen(field->name);
    if (name_bytes == 0 || name_bytes >= MUSTER_REPLICA_NAME_BYTES) {
        return MUSTER_ERR_INVALID;
    }
    muster_replica_field *added = &schema->fields[schema->field_count++];
    *added = (muster_replica_field){
        .type = type,
        .lane_count = lane_count,
        .encoding = field->encoding,
        .min = field->min,
        .max = field->max,
        .precision = field->precision,
        .channel = field->channel,
        .visibility = field->visibility,
    };
    memcpy(added->name, field->name, name_bytes);
    return MUSTER_OK;
}

static bool is_field_valid(const muster_replica_field *field)
{
    const char *name_end = memchr(field->name, '\0', MUSTER_REPLICA_NAME_BYTES);
    if (name_end == NULL || name_end == field->name ||
        !record_is_text((const uint8_t *)field->name, (size_t)(name_end - field->name)) ||
        field->lane_count == 0 || field->lane_count > MUSTER_REPLICA_LANE_COUNT_MAX ||
        (uint32_t)field->encoding > MUSTER_FIELD_ANGLE ||
        (uint32_t)field->channel >= MUSTER_CHANNEL_COUNT ||
        (uint32_t)field->visibility > MUSTER_VISIBLE_RULE) {
        return false;
    }
    const bool is_uint = field->encoding == MUSTER_FIELD_UINT;
    const bool is_angle = field->encoding == MUSTER_FIELD_ANGLE;
    if ((field->type == MUSTER_STATE_F32) == is_uint ||
        (is_uint && (uint32_t)field->type > MUSTER_STATE_U32)) {
        return false;
    }
    // Written so that a number that is not finite fails.
    if (!(field->precision >= PRECISION_MIN && field->precision <= COORDINATE_MAX) ||
        (is_uint && field->precision != 1.0f)) {
        return false;
    }
    const float bound = is_uint ? (float)UINT_STEPS_MAX : COORDINATE_MAX;
    const float lowest = is_uint ? 0.0f : -bound;
    if (!is_angle && !(field->min >= lowest && field->max <= bound && field->min < field->max)) {
        return false;
    }
    const double steps_max =
        is_uint ? UINT_STEPS_MAX : (is_angle ? ANGLE_STEPS_MAX - 1.0 : FLOAT_STEPS_MAX);
    const double steps = layout_field_steps(field);
    return steps >= 1.0 && steps <= steps_max;
}

static bool are_channels_valid(const muster_replica_schema *schema)
{
    for (int c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        const muster_channel_def *channel = &schema->channels[c];
        if (channel->rate_hz < 1 || channel->rate_hz > schema->tick_rate_hz ||
            schema->tick_rate_hz % channel->rate_hz != 0 ||
            !(channel->radius_m > 0.0f && channel->radius_m <= 1e6f)) {
            return false;
        }
        if (c > 0 &&
            (channel->rate_hz > channel[-1].rate_hz || channel->radius_m < channel[-1].radius_m)) {
            return false;
        }
    }
    return true;
}

muster_status muster_replica_schema_check(const muster_replica_schema *schema)
{
    MUSTER_ASSERT(schema != NULL);
    if (schema->tick_rate_hz < 1 || schema->tick_rate_hz > TICK_RATE_HZ_MAX ||
        schema->known_count_max < 1 || schema->known_count_max > MUSTER_REPLICA_KNOWN_COUNT_MAX ||
        schema->field_count < 1 || schema->field_count > MUSTER_FIELD_COUNT_MAX ||
        !are_channels_valid(schema)) {
        return MUSTER_ERR_INVALID;
    }
    uint32_t value_count = 0;
    uint32_t sections = 0; // one bit a pair of channel and visibility
    for (uint32_t f = 0; f < schema->field_count; f++) {
        const muster_replica_field *field = &schema->fields[f];
        if (!is_field_valid(field)) {
            return MUSTER_ERR_INVALID;
        }
        for (uint32_t other = 0; other < f; other++) {
            if (strcmp(field->name, schema->fields[other].name) == 0) {
                return MUSTER_ERR_INVALID;
            }
        }
        value_count += field->lane_count * (field->encoding == MUSTER_FIELD_POSITION ? 2 : 1);
        sections |= 1u << ((uint32_t)field->channel * 4 + (uint32_t)field->visibility);
    }
    const bool is_too_large = value_count > MUSTER_REPLICA_VALUE_COUNT_MAX ||
                              __builtin_popcount(sections) > MUSTER_REPLICA_SECTION_COUNT_MAX;
    return is_too_large ? MUSTER_ERR_INVALID : MUSTER_OK;
}

static void write_field(struct record_writer *writer, const muster_replica_field *field)
{
    record_write_text(writer, field->name);
    record_write_u8(writer, (uint8_t)field->type);
    record_write_u8(writer, (uint8_t)field->lane_count);
    record_write_u8(writer, (uint8_t)field->encoding);
    record_write_u8(writer, (uint8_t)field->channel);
    record_write_u8(writer, (uint8_t)field->visibility);
    record_write_f32(writer, field->min);
    record_write_f32(writer, field->max);
    record_write_f32(writer, field->precision);
}

muster_status muster_replica_schema_encode(
    const muster_replica_schema *schema, uint8_t *bytes, size_t capacity, size_t *out_length)
{
    MUSTER_ASSERT(bytes != NULL && out_length != NULL);
    *out_length = 0;
    if (muster_replica_schema_check(schema) != MUSTER_OK) {
        return MUSTER_ERR_INVALID;
    }
    struct record_writer writer = record_writer_on(bytes, capacity);
    record_write_u8(&writer, FORMAT_VERSION);
    record_write_u16(&writer, (uint16_t)schema->tick_rate_hz);
    record_write_u16(&writer, (uint16_t)schema->known_count_max);
    for (int c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        record_write_u16(&writer, (uint16_t)schema->channels[c].rate_hz);
        record_write_f32(&writer, schema->channels[c].radius_m);
    }
    record_write_u8(&writer, (uint8_t)schema->field_count);
    for (uint32_t f = 0; f < schema->field_count; f++) {
        write_field(&writer, &schema->fields[f]);
    }
    if (writer.is_full) {
        return MUSTER_ERR_FULL;
    }
    *out_length = writer.length;
    return MUSTER_OK;
}

static void read_field(struct record_reader *reader, muster_replica_field *field)
{
    record_read_text(reader, field->name, sizeof field->name);
    field->type = (muster_state_type)record_read_u8(reader);
    field->lane_count = record_read_u8(reader);
    field->encoding = (muster_field_encoding)record_read_u8(reader);
    field->channel = (muster_channel)record_read_u8(reader);
    field->visibility = (muster_visibility)record_read_u8(reader);
    field->min = record_read_f32(reader);
    field->max = record_read_f32(reader);
    field->precision = record_read_f32(reader);
}

muster_status muster_replica_schema_decode(
    const uint8_t *bytes, size_t length, muster_replica_schema *out_schema)
{
    MUSTER_ASSERT((bytes != NULL || length == 0) && out_schema != NULL);
    *out_schema = muster_replica_default_schema();
    struct record_reader reader = record_reader_on(bytes, length);
    const uint8_t version = record_read_u8(&reader);
    if (reader.is_malformed) {
        return MUSTER_ERR_MALFORMED;
    }
    if (version != FORMAT_VERSION) {
        return MUSTER_ERR_VERSION;
    }
    muster_replica_schema schema;
    memset(&schema, 0, sizeof schema); // equal schemas are equal bytes
    schema.tick_rate_hz = record_read_u16(&reader);
    schema.known_count_max = record_read_u16(&reader);
    for (int c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        schema.channels[c].rate_hz = record_read_u16(&reader);
        schema.channels[c].radius_m = record_read_f32(&reader);
    }
    schema.field_count = record_read_u8(&reader);
    if (schema.field_count > MUSTER_FIELD_COUNT_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    for (uint32_t f = 0; f < schema.field_count; f++) {
        read_field(&reader, &schema.fields[f]);
    }
    if (!record_is_read(&reader) || muster_replica_schema_check(&schema) != MUSTER_OK) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_schema = schema;
    return MUSTER_OK;
}
