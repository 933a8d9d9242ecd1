// SPDX-License-Identifier: Apache-2.0
#include "replica/codec.h"
#include "replica/history.h"

#include <string.h>

// From the world's columns to records of integers. Columns are compared with what they were, many
// slots at once: in a large world most fields of most entities stay as they are, and their records
// are copied.

#define BLOCK_SLOTS 256 // one item of a parallel loop

struct quantise_job {
    struct history *history;
    const muster_replica_world *world;
};

static size_t lane_bytes(const struct layout_field *field)
{
    switch (field->type) {
    case MUSTER_STATE_U8:
        return sizeof(uint8_t);
    case MUSTER_STATE_U16:
        return sizeof(uint16_t);
    default:
        return sizeof(uint32_t);
    }
}

static uint32_t read_uint(const uint8_t *lane, muster_state_type type)
{
    uint16_t short_number;
    uint32_t number;
    switch (type) {
    case MUSTER_STATE_U8:
        return *lane;
    case MUSTER_STATE_U16:
        memcpy(&short_number, lane, sizeof short_number);
        return short_number;
    default:
        memcpy(&number, lane, sizeof number);
        return number;
    }
}

static float read_float(const uint8_t *lane)
{
    float number;
    memcpy(&number, lane, sizeof number);
    return number;
}

static uint32_t quantise_uint(const struct layout_field *field, uint32_t number)
{
    const uint32_t min = (uint32_t)field->min;
    const uint32_t above = number < min ? 0 : number - min;
    return above > field->value_max ? field->value_max : above;
}

// Brings a field of an entity into its record. `before` is what the column had, NULL at birth.
static void quantise_field(
    const struct layout_field *field, const uint8_t *now, const uint8_t *before, uint32_t *values)
{
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        const size_t offset = lane * lane_bytes(field);
        if (field->encoding == MUSTER_FIELD_UINT) {
            values[lane] = quantise_uint(field, read_uint(now + offset, field->type));
            continue;
        }
        const float number = read_float(now + offset);
        values[lane] = codec_quantise(field, number);
        if (field->encoding == MUSTER_FIELD_POSITION) {
            const int32_t motion =
                before == NULL ? 0 : codec_motion(field, read_float(before + offset), number);
            values[field->lane_count + lane] = (uint32_t)motion;
        }
    }
}

// A field that stays as it is, which is to say that it does not move.
static void keep_field(const struct layout_field *field, const uint32_t *before, uint32_t *values)
{
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        values[lane] = before[lane];
        if (field->encoding == MUSTER_FIELD_POSITION) {
            values[field->lane_count + lane] = 0;
        }
    }
}

// What moves changes in every tick, also while its integers happen to stay: its motion goes on.
static bool is_moving(
    const struct layout *layout, const struct layout_section *section, const uint32_t *values)
{
    uint32_t motion_bits = 0;
    for (uint32_t i = 0; i < section->field_count; i++) {
        const struct layout_field *field = &layout->fields[section->fields[i]];
        if (field->encoding == MUSTER_FIELD_POSITION) {
            for (uint32_t lane = 0; lane < field->lane_count; lane++) {
                motion_bits |= values[field->value_index + field->lane_count + lane];
            }
        }
    }
    return motion_bits != 0;
}

// Notes for all sections of a slot that another tick has passed.
static void age_pasts(struct history_past *pasts, uint32_t section_count, uint32_t stamp)
{
    for (uint32_t s = 0; s < section_count; s++) {
        const bool is_leaving = (pasts[s].changes & 1u << (HEADING_AGE_MAX - 1)) != 0;
        pasts[s].older_stamp = is_leaving ? stamp - HEADING_AGE_MAX : pasts[s].older_stamp;
        pasts[s].changes <<= 1;
    }
}

// Notes which sections changed. @return whether any of them moves
static bool note_changes(struct history *history, uint32_t slot, struct history_past *pasts)
{
    const struct layout *layout = history->layout;
    const uint32_t *values = history_record(history, slot, 0);
    const uint32_t *before = history_record(history, slot, 1);
    struct history_slot *entry = &history->slots[slot];
    bool is_any_moving = false;
    for (uint32_t s = 0; s < layout->section_count; s++) {
        const struct layout_section *section = &layout->sections[s];
        const size_t first = section->value_index;
        const size_t bytes = section->value_count * sizeof *values;
        const bool moves = is_moving(layout, section, values);
        is_any_moving = is_any_moving || moves;
        if (moves || memcmp(values + first, before + first, bytes) != 0) {
            pasts[s].changes |= 1;
            entry->section_stamps[s] = history->stamp;
            entry->changed_stamp = history->stamp;
        }
    }
    return is_any_moving;
}

static void note_birth(struct history *history, uint32_t slot, struct history_past *pasts)
{
    struct history_slot *entry = &history->slots[slot];
    entry->changed_stamp = history->stamp;
    for (uint32_t s = 0; s < history->layout->section_count; s++) {
        pasts[s] = (struct history_past){.changes = 1, .older_stamp = history->stamp};
        entry->section_stamps[s] = history->stamp;
    }
}

// Makes the record of an entity. `touched` has a bit for each field whose column changed.
static void quantise_slot(const struct quantise_job *job, uint32_t slot, uint32_t touched)
{
    struct history *history = job->history;
    const struct layout *layout = history->layout;
    const bool is_born = history->slots[slot].born_stamp == history->stamp;
    struct history_past *pasts = history->pasts + (size_t)slot * layout->section_count;
    uint32_t *values = history_record(history, slot, 0);
    const uint32_t *before = history_record(history, slot, 1);
    age_pasts(pasts, layout->section_count, history->stamp);
    if (touched == 0 && !is_born && history->is_moving[slot] == 0) {
        memcpy(values, before, layout->value_count * sizeof *values);
        return;
    }
    for (uint32_t f = 0; f < layout->field_count; f++) {
        const struct layout_field *field = &layout->fields[f];
        const size_t offset = slot * field->lane_count * lane_bytes(field);
        const uint8_t *column = job->world->columns[f];
        if (is_born || (touched >> f & 1) != 0) {
            quantise_field(field, column + offset, is_born ? NULL : history->columns[f] + offset,
                values + field->value_index);
        } else {
            keep_field(field, before + field->value_index, values + field->value_index);
        }
    }
    if (is_born) {
        history->is_moving[slot] = 0;
        note_birth(history, slot, pasts);
    } else {
        history->is_moving[slot] = note_changes(history, slot, pasts) ? 1 : 0;
    }
}

// Adds a field's bit to those slots of a block whose part of the column has changed.
static void find_touched(const uint8_t *now,
    const uint8_t *before,
    size_t slot_bytes,
    uint32_t slot_count,
    uint32_t field_bit,
    uint32_t touched[BLOCK_SLOTS])
{
    if (memcmp(now, before, slot_count * slot_bytes) == 0) {
        return;
    }
    for (uint32_t i = 0; i < slot_count; i++) {
        const size_t offset = i * slot_bytes;
        touched[i] |= memcmp(now + offset, before + offset, slot_bytes) != 0 ? field_bit : 0;
    }
}

static void quantise_block(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    const struct quantise_job *job = context;
    struct history *history = job->history;
    const struct layout *layout = history->layout;
    const uint32_t begin = item_index * BLOCK_SLOTS;
    const uint32_t left = history->slot_count - begin;
    const uint32_t count = left < BLOCK_SLOTS ? left : BLOCK_SLOTS;
    uint32_t touched[BLOCK_SLOTS] = {0};
    for (uint32_t f = 0; f < layout->field_count; f++) {
        const size_t slot_bytes = layout->fields[f].lane_count * lane_bytes(&layout->fields[f]);
        const uint8_t *now = (const uint8_t *)job->world->columns[f] + begin * slot_bytes;
        find_touched(
            now, history->columns[f] + begin * slot_bytes, slot_bytes, count, 1u << f, touched);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (history->ids[begin + i] != 0) {
            quantise_slot(job, begin + i, touched[i]);
        }
    }
    for (uint32_t f = 0; f < layout->field_count; f++) {
        const size_t slot_bytes = layout->fields[f].lane_count * lane_bytes(&layout->fields[f]);
        const uint8_t *now = (const uint8_t *)job->world->columns[f] + begin * slot_bytes;
        memcpy(history->columns[f] + begin * slot_bytes, now, count * slot_bytes);
    }
}

void history_quantise(
    struct history *history, const muster_replica_world *world, const muster_parallel *parallel)
{
    struct quantise_job job = {.history = history, .world = world};
    parallel->run(parallel->pool, (history->slot_count + BLOCK_SLOTS - 1) / BLOCK_SLOTS,
        quantise_block, &job);
}
