// SPDX-License-Identifier: Apache-2.0
#include "replica/codec.h"

// The classes of a lane's code, by the bits of their numbers. Chosen by measurement: see
// muster-bench-replication.
#define CLASS_COUNT 3

// The bits of a number in each class and the smallest number of it, counted from 1. Class 0 is no
// difference: it has no number.
struct classes {
    uint8_t bits[1 + CLASS_COUNT];
    uint16_t firsts[1 + CLASS_COUNT];
};

#define CLASSES(a, b, c)                                                                           \
    {                                                                                              \
        {0, a, b, c},                                                                              \
        {                                                                                          \
            0, 1, 1 + (1 << (a)), 1 + (1 << (a)) + (1 << (b))                                      \
        }                                                                                          \
    }

// The error of a prediction grows with the time predicted.
static const struct classes position_classes[] = {
    CLASSES(1, 3, 7), CLASSES(2, 4, 8), CLASSES(3, 5, 9)};
static const struct classes motion_classes = CLASSES(2, 4, 7);
static const struct classes number_classes = CLASSES(4, 5, 8);

struct code {
    const struct classes *classes;
    uint32_t class_count; // classes that have fewer bits than the whole value
    uint32_t whole_bits;
};

static const struct code motion_code = {
    .classes = &motion_classes, .class_count = 3, .whole_bits = LAYOUT_MOTION_BITS};

static inline struct code make_code(const struct classes *classes, uint32_t whole_bits)
{
    uint32_t count = whole_bits > classes->bits[1] ? 1 : 0;
    count = whole_bits > classes->bits[2] + 1u ? 2 : count;
    count = whole_bits > classes->bits[3] + 1u ? 3 : count;
    return (struct code){.classes = classes, .class_count = count, .whole_bits = whole_bits};
}

static inline struct code position_code(uint32_t value_bits, uint32_t age_ticks)
{
    const uint32_t more = age_ticks > 9 ? (age_ticks > 18 ? 2 : 1) : 0;
    return make_code(&position_classes[more], value_bits);
}

static inline struct code number_code(uint32_t value_bits)
{
    return make_code(&number_classes, value_bits);
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
        const uint32_t number_bits = code->classes->bits[c + 1];
        if (number < UINT64_C(1) << number_bits) {
            bits_put(writer, bits_mask(ones) | number << (ones + 1), ones + 1 + number_bits);
            return;
        }
        number -= UINT64_C(1) << number_bits;
    }
    bits_put(writer, bits_mask(ones) | whole << ones, ones + code->whole_bits);
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

// What put_lane() wrote: a difference, or the whole value.
struct lane {
    uint32_t number;
    uint32_t bit_count;
    bool is_whole;
};

// The lane that the bits of `word` begin with, of which there are enough.
static inline struct lane get_lane(uint64_t word, const struct code *code, bool is_zero_possible)
{
    const uint32_t missing_bits = is_zero_possible ? 0 : 1; // as if the first bit were there
    const uint64_t rest = word << missing_bits | missing_bits;
    const uint32_t class = (uint32_t)__builtin_ctzll(~rest | 2u << code->class_count);
    if (class > code->class_count) {
        return (struct lane){
            .number = (uint32_t)(rest >> class & bits_mask(code->whole_bits)),
            .bit_count = class - missing_bits + code->whole_bits,
            .is_whole = true,
        };
    }
    // Without branches: of which class the next one is cannot be foretold.
    const uint32_t number_bits = code->classes->bits[class];
    const uint64_t number = rest >> (class + 1) & ((UINT64_C(1) << number_bits) - 1);
    return (struct lane){
        .number = (uint32_t)bits_unzigzag(code->classes->firsts[class] + number),
        .bit_count = class + 1 - missing_bits + number_bits,
    };
}

// A motion that is whole is not there as a difference.
static inline uint32_t motion_of(struct lane lane)
{
    return lane.is_whole ? (uint32_t)bits_unzigzag(lane.number) : lane.number;
}

static bool is_motion(int64_t motion)
{
    return motion >= -LAYOUT_MOTION_MAX && motion <= LAYOUT_MOTION_MAX;
}

// A lane of a position and its motion are in one word, and so is a lane of another field.
_Static_assert(2 * (1 + CLASS_COUNT) + 25 + LAYOUT_MOTION_BITS <= BITS_PEEK_MAX, "one peek");
_Static_assert(1 + CLASS_COUNT + 32 <= BITS_PEEK_MAX, "one peek");

// Notes a lane of a section.
static inline void keep_lane(
    struct codec_section *read, uint32_t value_index, uint32_t number, bool is_whole)
{
    read->numbers[value_index] = number;
    read->wholes |= (uint64_t)is_whole << value_index;
}

static inline void read_position(const struct layout_field *field,
    uint32_t first,
    uint32_t age_ticks,
    struct codec_section *read,
    struct bit_reader *reader)
{
    const struct code code = position_code(field->value_bits, age_ticks);
    for (uint32_t lane = first; lane < first + field->lane_count; lane++) {
        const uint64_t word = bits_peek(reader);
        const struct lane position = get_lane(word, &code, true);
        const struct lane motion = get_lane(word >> position.bit_count, &motion_code, true);
        bits_skip(reader, position.bit_count + motion.bit_count);
        keep_lane(read, lane, position.number, position.is_whole);
        keep_lane(read, lane + field->lane_count, motion_of(motion), motion.is_whole);
    }
}

static inline void read_numbers(const struct layout_field *field,
    uint32_t first,
    bool is_zero_possible,
    struct codec_section *read,
    struct bit_reader *reader)
{
    const struct code code = number_code(field->value_bits);
    for (uint32_t i = first; i < first + field->lane_count; i++) {
        const struct lane lane = get_lane(bits_peek(reader), &code, is_zero_possible);
        bits_skip(reader, lane.bit_count);
        keep_lane(read, i, lane.number, lane.is_whole);
    }
}

void codec_read_delta(const struct layout *layout,
    uint32_t section_index,
    uint32_t age_ticks,
    struct codec_section *out_read,
    struct bit_reader *reader)
{
    const struct layout_section *section = &layout->sections[section_index];
    out_read->wholes = 0;
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        const uint32_t first = field->value_index - section->value_index;
        if (is_flagged(section, field) && !bits_get_bool(reader)) {
            for (uint32_t lane = first; lane < first + field->lane_count; lane++) {
                keep_lane(out_read, lane, 0, false);
            }
        } else if (field->encoding == MUSTER_FIELD_POSITION) {
            read_position(field, first, age_ticks, out_read, reader);
        } else {
            read_numbers(field, first, can_be_zero(section, field), out_read, reader);
        }
    }
}

void codec_read_whole(const struct layout *layout,
    uint32_t section_index,
    struct codec_section *out_read,
    struct bit_reader *reader)
{
    const struct layout_section *section = &layout->sections[section_index];
    bool is_right = true;
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        uint32_t *numbers = out_read->numbers + (field->value_index - section->value_index);
        for (uint32_t lane = 0; lane < field->lane_count; lane++) {
            numbers[lane] = (uint32_t)bits_get(reader, field->value_bits);
            is_right = is_right && numbers[lane] <= field->value_max;
            if (field->encoding == MUSTER_FIELD_POSITION) {
                const struct lane motion = get_lane(bits_peek(reader), &motion_code, true);
                bits_skip(reader, motion.bit_count);
                is_right = is_right && is_motion((int32_t)motion_of(motion));
                numbers[field->lane_count + lane] = motion_of(motion);
            }
        }
    }
    reader->is_failed = reader->is_failed || !is_right;
}

static inline bool is_whole_lane(const struct codec_section *read, uint32_t value_index)
{
    return (read->wholes >> value_index & 1) != 0;
}

static inline bool resolve_position(const struct layout_field *field,
    uint32_t first,
    uint32_t age_ticks,
    const struct codec_section *read,
    const uint32_t *baseline,
    uint32_t *out_values)
{
    bool is_right = true;
    for (uint32_t lane = first; lane < first + field->lane_count; lane++) {
        const uint32_t motion_lane = lane + field->lane_count;
        const int32_t base_motion = (int32_t)baseline[motion_lane];
        const int64_t predicted = predict_position(baseline[lane], base_motion, age_ticks);
        const uint32_t number = read->numbers[lane];
        const int64_t value = is_whole_lane(read, lane) ? number : predicted + (int32_t)number;
        int64_t motion = (int32_t)read->numbers[motion_lane];
        if (!is_whole_lane(read, motion_lane)) {
            motion += predict_motion(base_motion, value - predicted, age_ticks);
        }
        is_right = is_right && value >= 0 && value <= (int64_t)field->value_max;
        is_right = is_right && is_motion(motion);
        out_values[lane] = (uint32_t)value;
        out_values[motion_lane] = (uint32_t)(int32_t)motion;
    }
    return is_right;
}

static inline bool resolve_numbers(const struct layout_field *field,
    uint32_t first,
    const struct codec_section *read,
    const uint32_t *baseline,
    uint32_t *out_values)
{
    const int64_t turn = (int64_t)field->value_max + 1;
    bool is_right = true;
    for (uint32_t lane = first; lane < first + field->lane_count; lane++) {
        int64_t value = (int64_t)baseline[lane] + (int32_t)read->numbers[lane];
        if (is_whole_lane(read, lane)) {
            value = read->numbers[lane];
        } else if (field->encoding == MUSTER_FIELD_ANGLE) {
            value = value < 0 ? value + turn : (value >= turn ? value - turn : value);
        }
        is_right = is_right && value >= 0 && value < turn;
        out_values[lane] = (uint32_t)value;
    }
    return is_right;
}

bool codec_resolve(const struct layout *layout,
    uint32_t section_index,
    uint32_t age_ticks,
    const struct codec_section *read,
    const uint32_t *baseline,
    uint32_t *out_values)
{
    const struct layout_section *section = &layout->sections[section_index];
    bool is_right = true;
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        const uint32_t first = field->value_index - section->value_index;
        const bool is_position = field->encoding == MUSTER_FIELD_POSITION;
        const bool is_field_right =
            is_position ? resolve_position(field, first, age_ticks, read, baseline, out_values)
                        : resolve_numbers(field, first, read, baseline, out_values);
        is_right = is_right && is_field_right;
    }
    return is_right;
}
