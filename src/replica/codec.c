// SPDX-License-Identifier: Apache-2.0
#include "replica/codec.h"

// The classes of a lane's code, by the bits of their numbers. Chosen by measurement: see
// muster-bench-replication.
#define CLASS_COUNT 3

struct code {
    uint8_t class_bits[CLASS_COUNT];
    uint8_t class_count; // classes that have fewer bits than the whole value
    uint8_t whole_bits;
};

// What was read of a lane: a difference, or the whole value.
struct lane {
    int64_t difference;
    uint32_t whole;
    bool is_whole;
};

static const struct code motion_code = {
    .class_bits = {2, 4, 7}, .class_count = 3, .whole_bits = LAYOUT_MOTION_BITS};

static struct code make_code(uint32_t first, uint32_t second, uint32_t third, uint32_t whole_bits)
{
    const uint8_t class_count =
        whole_bits > third + 1 ? 3 : (whole_bits > second + 1 ? 2 : (whole_bits > first ? 1 : 0));
    return (struct code){
        .class_bits = {(uint8_t)first, (uint8_t)second, (uint8_t)third},
        .class_count = class_count,
        .whole_bits = (uint8_t)whole_bits,
    };
}

// The error of a prediction grows with the time predicted.
static struct code position_code(uint32_t value_bits, uint32_t age_ticks)
{
    const uint32_t more = age_ticks > 9 ? (age_ticks > 18 ? 2 : 1) : 0;
    return make_code(1 + more, 3 + more, 7 + more, value_bits);
}

static struct code number_code(uint32_t value_bits)
{
    return make_code(4, 5, 8, value_bits);
}

uint32_t codec_quantise(const struct layout_field *field, float number)
{
    if (field->encoding == MUSTER_FIELD_ANGLE) {
        const double turns = (double)number / (field->step * ((double)field->value_max + 1.0));
        if (!(turns > -1e9 && turns < 1e9)) {
            return 0;
        }
        const double part = turns - (double)(int64_t)turns; // in (-1, 1)
        const double steps = (part < 0.0 ? part + 1.0 : part) * ((double)field->value_max + 1.0);
        const uint32_t value = (uint32_t)(steps + 0.5);
        return value > field->value_max ? 0 : value;
    }
    const double steps = ((double)number - field->min) / field->step + 0.5;
    if (!(steps >= 0.0)) {
        return 0;
    }
    return steps >= (double)field->value_max ? field->value_max : (uint32_t)steps;
}

float codec_dequantise(const struct layout_field *field, uint32_t value)
{
    return (float)(field->min + (double)value * field->step);
}

int32_t codec_motion(const struct layout_field *field, float from, float to)
{
    const double parts =
        ((double)to - (double)from) / field->step * (double)(1 << LAYOUT_MOTION_SHIFT);
    if (!(parts > -LAYOUT_MOTION_MAX && parts < LAYOUT_MOTION_MAX)) {
        return 0; // a jump, or not a number
    }
    return (int32_t)(parts < 0.0 ? parts - 0.5 : parts + 0.5);
}

// Division that rounds down, whatever the sign.
static int64_t shift_down(int64_t value, uint32_t shift)
{
    return value >= 0 ? value >> shift : -((-value + (1 << shift) - 1) >> shift);
}

// Where a lane should be by now.
static int64_t predict_position(uint32_t base, int32_t base_motion, uint32_t age_ticks)
{
    const int64_t half = 1 << (LAYOUT_MOTION_SHIFT - 1);
    const int64_t way = (int64_t)base_motion * age_ticks;
    return (int64_t)base + shift_down(way + half, LAYOUT_MOTION_SHIFT);
}

// A lane that is not where its motion would have taken it has been pushed on the way; evenly, for
// want of better knowledge, so that by now its motion has changed by twice the average.
static int32_t predict_motion(int32_t base_motion, int64_t position_error, uint32_t age_ticks)
{
    if (position_error >= -1 && position_error <= 1) {
        return base_motion; // no more than rounding
    }
    const int64_t change = position_error * (2 << LAYOUT_MOTION_SHIFT) / (int64_t)age_ticks;
    const int64_t motion = base_motion + change;
    if (motion > LAYOUT_MOTION_MAX) {
        return LAYOUT_MOTION_MAX;
    }
    return motion < -LAYOUT_MOTION_MAX ? -LAYOUT_MOTION_MAX : (int32_t)motion;
}

// Writes a difference: as many ones as classes are too small for it, a zero, and its number in the
// class that holds it; the whole value if none does. No difference is a class of its own, without
// a number, unless `is_zero_possible` says that it does not occur.
static void put_lane(struct bit_writer *writer,
    const struct code *code,
    int64_t difference,
    uint64_t whole,
    bool is_zero_possible)
{
    uint32_t ones = is_zero_possible ? 1 : 0;
    if (difference == 0) {
        bits_put(writer, 0, ones);
        return;
    }
    uint64_t number = bits_zigzag(difference) - 1;
    for (uint32_t c = 0; c < code->class_count; c++, ones++) {
        const uint32_t number_bits = code->class_bits[c];
        if (number < UINT64_C(1) << number_bits) {
            bits_put(writer, bits_mask(ones) | number << (ones + 1), ones + 1 + number_bits);
            return;
        }
        number -= UINT64_C(1) << number_bits;
    }
    bits_put(writer, bits_mask(ones) | whole << ones, ones + code->whole_bits);
}

// As get_lane(), bit by bit: near the end of the packet.
static struct lane get_lane_slowly(
    struct bit_reader *reader, const struct code *code, bool is_zero_possible)
{
    struct lane lane = {0};
    if (is_zero_possible && !bits_get_bool(reader)) {
        return lane;
    }
    uint64_t first = 1; // the smallest number of the class
    for (uint32_t c = 0; c < code->class_count; c++) {
        const uint32_t number_bits = code->class_bits[c];
        if (!bits_get_bool(reader)) {
            lane.difference = bits_unzigzag(first + bits_get(reader, number_bits));
            return lane;
        }
        first += UINT64_C(1) << number_bits;
    }
    lane.whole = (uint32_t)bits_get(reader, code->whole_bits);
    lane.is_whole = true;
    return lane;
}

// A lane has at most 1 + CLASS_COUNT + 32 bits, so all of it is in one word.
static inline struct lane get_lane(
    struct bit_reader *reader, const struct code *code, bool is_zero_possible)
{
    if (reader->is_failed || reader->bit_index / 8 + 8 > reader->capacity_bits / 8) {
        return get_lane_slowly(reader, code, is_zero_possible);
    }
    const uint64_t word =
        bytes_load_u64(reader->bytes + reader->bit_index / 8) >> reader->bit_index % 8;
    const uint32_t zero_bits = is_zero_possible ? 1 : 0;
    struct lane lane = {0};
    if ((word & zero_bits) != zero_bits) {
        reader->bit_index++;
        return lane;
    }
    const uint64_t rest = word >> zero_bits;
    const uint32_t ones = (uint32_t)__builtin_ctzll(~rest | 1u << CLASS_COUNT);
    if (ones >= code->class_count) {
        lane.whole = (uint32_t)(rest >> code->class_count & bits_mask(code->whole_bits));
        lane.is_whole = true;
        reader->bit_index += zero_bits + code->class_count + code->whole_bits;
        return lane;
    }
    uint64_t first = 1; // the smallest number of the class
    for (uint32_t c = 0; c < ones; c++) {
        first += UINT64_C(1) << code->class_bits[c];
    }
    const uint32_t number_bits = code->class_bits[ones];
    lane.difference = bits_unzigzag(first + (rest >> (ones + 1) & bits_mask(number_bits)));
    reader->bit_index += zero_bits + ones + 1 + number_bits;
    return lane;
}

// The shorter way round from `from` to `to` on a circle of `turn` steps.
static int64_t angle_difference(uint32_t from, uint32_t to, int64_t turn)
{
    const int64_t difference = (int64_t)to - (int64_t)from;
    if (difference * 2 > turn) {
        return difference - turn;
    }
    return difference * 2 <= -turn ? difference + turn : difference;
}

static void put_position(const struct layout_field *field,
    const uint32_t *values,
    const uint32_t *baseline,
    uint32_t age_ticks,
    struct bit_writer *writer)
{
    const struct code code = position_code(field->value_bits, age_ticks);
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        const uint32_t motion_lane = field->lane_count + lane;
        const int32_t base_motion = (int32_t)baseline[motion_lane];
        const int32_t motion = (int32_t)values[motion_lane];
        const int64_t error =
            (int64_t)values[lane] - predict_position(baseline[lane], base_motion, age_ticks);
        put_lane(writer, &code, error, values[lane], true);
        const int64_t motion_error = motion - predict_motion(base_motion, error, age_ticks);
        put_lane(writer, &motion_code, motion_error, bits_zigzag(motion), true);
    }
}

static void put_numbers(const struct layout_field *field,
    const uint32_t *values,
    const uint32_t *baseline,
    bool is_zero_possible,
    struct bit_writer *writer)
{
    const struct code code = number_code(field->value_bits);
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        const int64_t difference =
            field->encoding == MUSTER_FIELD_ANGLE
                ? angle_difference(baseline[lane], values[lane], (int64_t)field->value_max + 1)
                : (int64_t)values[lane] - (int64_t)baseline[lane];
        put_lane(writer, &code, difference, values[lane], is_zero_possible);
    }
}

// Numbers that stand still are common, positions that do are not: they have no such bit.
static bool is_flagged(const struct layout_section *section, const struct layout_field *field)
{
    return section->field_count > 1 && field->encoding != MUSTER_FIELD_POSITION;
}

// The one lane of a field that is sent because it changed has changed.
static bool can_be_zero(const struct layout_section *section, const struct layout_field *field)
{
    return !is_flagged(section, field) || field->lane_count > 1;
}

static bool is_changed(
    const struct layout_field *field, const uint32_t *values, const uint32_t *baseline)
{
    uint32_t changed_bits = 0;
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        changed_bits |= values[lane] ^ baseline[lane];
    }
    return changed_bits != 0;
}

void codec_put_whole(const struct layout *layout,
    uint32_t section_index,
    const uint32_t *values,
    struct bit_writer *writer)
{
    const struct layout_section *section = &layout->sections[section_index];
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        const uint32_t *lanes = values + field->value_index;
        for (uint32_t lane = 0; lane < field->lane_count; lane++) {
            bits_put(writer, lanes[lane], field->value_bits);
            if (field->encoding == MUSTER_FIELD_POSITION) {
                const int32_t motion = (int32_t)lanes[field->lane_count + lane];
                put_lane(writer, &motion_code, motion, bits_zigzag(motion), true);
            }
        }
    }
}

void codec_put_delta(const struct layout *layout,
    uint32_t section_index,
    const uint32_t *values,
    const uint32_t *baseline,
    uint32_t age_ticks,
    struct bit_writer *writer)
{
    const struct layout_section *section = &layout->sections[section_index];
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        const uint32_t *lanes = values + field->value_index;
        const uint32_t *base_lanes = baseline + field->value_index;
        if (is_flagged(section, field)) {
            const bool is_sent = is_changed(field, lanes, base_lanes);
            bits_put_bool(writer, is_sent);
            if (!is_sent) {
                continue;
            }
        }
        if (field->encoding == MUSTER_FIELD_POSITION) {
            put_position(field, lanes, base_lanes, age_ticks, writer);
        } else {
            put_numbers(field, lanes, base_lanes, can_be_zero(section, field), writer);
        }
    }
}

// Sets a value if it is one, and fails the reader if not.
static void set_value(
    const struct layout_field *field, uint32_t *out_value, int64_t value, struct bit_reader *reader)
{
    if (value < 0 || value > (int64_t)field->value_max) {
        reader->is_failed = true;
        return;
    }
    *out_value = (uint32_t)value;
}

static void set_motion(uint32_t *out_value, int64_t motion, struct bit_reader *reader)
{
    if (motion < -LAYOUT_MOTION_MAX || motion > LAYOUT_MOTION_MAX) {
        reader->is_failed = true;
        return;
    }
    *out_value = (uint32_t)(int32_t)motion;
}

static int64_t motion_of(struct lane lane, int32_t predicted)
{
    return lane.is_whole ? bits_unzigzag(lane.whole) : predicted + lane.difference;
}

static void get_position(const struct layout_field *field,
    uint32_t *values,
    const uint32_t *baseline,
    uint32_t age_ticks,
    struct bit_reader *reader)
{
    const struct code code = position_code(field->value_bits, age_ticks);
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        const struct lane position = get_lane(reader, &code, true);
        const struct lane motion = get_lane(reader, &motion_code, true);
        if (baseline == NULL) {
            continue;
        }
        const uint32_t motion_lane = field->lane_count + lane;
        const int32_t base_motion = (int32_t)baseline[motion_lane];
        const int64_t predicted = predict_position(baseline[lane], base_motion, age_ticks);
        const int64_t value =
            position.is_whole ? (int64_t)position.whole : predicted + position.difference;
        set_value(field, &values[lane], value, reader);
        const int32_t predicted_motion = predict_motion(base_motion, value - predicted, age_ticks);
        set_motion(&values[motion_lane], motion_of(motion, predicted_motion), reader);
    }
}

static void get_numbers(const struct layout_field *field,
    uint32_t *values,
    const uint32_t *baseline,
    bool is_zero_possible,
    struct bit_reader *reader)
{
    const struct code code = number_code(field->value_bits);
    const int64_t turn = (int64_t)field->value_max + 1;
    for (uint32_t i = 0; i < field->lane_count; i++) {
        const struct lane lane = get_lane(reader, &code, is_zero_possible);
        if (baseline == NULL) {
            continue;
        }
        int64_t value = lane.is_whole ? (int64_t)lane.whole : baseline[i] + lane.difference;
        if (field->encoding == MUSTER_FIELD_ANGLE && !lane.is_whole) {
            value = value < 0 ? value + turn : (value >= turn ? value - turn : value);
        }
        set_value(field, &values[i], value, reader);
    }
}

void codec_get_whole(const struct layout *layout,
    uint32_t section_index,
    uint32_t *values,
    struct bit_reader *reader)
{
    const struct layout_section *section = &layout->sections[section_index];
    uint32_t stepped_over[MUSTER_REPLICA_VALUE_COUNT_MAX];
    uint32_t *record = values != NULL ? values : stepped_over;
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        uint32_t *lanes = record + (field->value_index - section->value_index);
        for (uint32_t lane = 0; lane < field->lane_count; lane++) {
            set_value(field, &lanes[lane], (int64_t)bits_get(reader, field->value_bits), reader);
            if (field->encoding == MUSTER_FIELD_POSITION) {
                const struct lane motion = get_lane(reader, &motion_code, true);
                set_motion(&lanes[field->lane_count + lane], motion_of(motion, 0), reader);
            }
        }
    }
}

void codec_get_delta(const struct layout *layout,
    uint32_t section_index,
    uint32_t *values,
    const uint32_t *baseline,
    uint32_t age_ticks,
    struct bit_reader *reader)
{
    const struct layout_section *section = &layout->sections[section_index];
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        const uint32_t first = field->value_index - section->value_index;
        uint32_t *lanes = baseline == NULL ? NULL : values + first;
        const uint32_t *base_lanes = baseline == NULL ? NULL : baseline + first;
        if (is_flagged(section, field) && !bits_get_bool(reader)) {
            for (uint32_t lane = 0; baseline != NULL && lane < field->lane_count; lane++) {
                lanes[lane] = base_lanes[lane];
            }
            continue;
        }
        if (field->encoding == MUSTER_FIELD_POSITION) {
            get_position(field, lanes, base_lanes, age_ticks, reader);
        } else {
            get_numbers(field, lanes, base_lanes, can_be_zero(section, field), reader);
        }
    }
}
