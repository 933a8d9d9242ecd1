// SPDX-License-Identifier: Apache-2.0
#include "replica/history.h"

#include "core/assert.h"
#include "replica/codec.h"

#include <string.h>

#define BLOCK_SLOTS 256 // one item of a parallel loop

#define COORDINATE_MAX_M 1e8f

uint32_t history_old_base(
    const struct history *history, uint32_t slot, uint32_t section_index, uint32_t base_stamp)
{
    // An old state serves as long as it lasted into the history.
    const size_t past = (size_t)slot * history->layout->section_count + section_index;
    const bool is_lasting = base_stamp != 0 && history->pasts[past].older_stamp <= base_stamp;
    return is_lasting ? HEADING_BASE_OLD : HEADING_BASE_NONE;
}

static uint32_t read_uint(const void *column, muster_state_type type, size_t index)
{
    switch (type) {
    case MUSTER_STATE_U8:
        return ((const uint8_t *)column)[index];
    case MUSTER_STATE_U16:
        return ((const uint16_t *)column)[index];
    default:
        return ((const uint32_t *)column)[index];
    }
}

static uint32_t quantise_uint(const struct layout_field *field, uint32_t number)
{
    const uint32_t min = (uint32_t)field->min;
    const uint32_t above = number < min ? 0 : number - min;
    return above > field->value_max ? field->value_max : above;
}

// Brings one field of one slot into the record.
static void quantise_field(const struct layout_field *field,
    const void *column,
    uint32_t slot,
    uint32_t *values,
    float *previous,
    bool is_born)
{
    const size_t first = (size_t)slot * field->lane_count;
    for (uint32_t lane = 0; lane < field->lane_count; lane++) {
        if (field->encoding == MUSTER_FIELD_UINT) {
            values[lane] = quantise_uint(field, read_uint(column, field->type, first + lane));
            continue;
        }
        const float number = ((const float *)column)[first + lane];
        values[lane] = codec_quantise(field, number);
        if (field->encoding == MUSTER_FIELD_POSITION) {
            const int32_t motion = is_born ? 0 : codec_motion(field, previous[lane], number);
            values[field->lane_count + lane] = (uint32_t)motion;
            previous[lane] = number;
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

static void note_changes(struct history *history, uint32_t slot, bool is_born)
{
    const struct layout *layout = history->layout;
    const uint32_t *values = history_record(history, slot, 0);
    const uint32_t *before = history_record(history, slot, 1);
    struct history_slot *entry = &history->slots[slot];
    struct history_past *pasts = history->pasts + (size_t)slot * layout->section_count;
    for (uint32_t s = 0; s < layout->section_count; s++) {
        const struct layout_section *section = &layout->sections[s];
        struct history_past *past = &pasts[s];
        if (is_born) {
            *past = (struct history_past){.changes = 1, .older_stamp = history->stamp};
            entry->section_stamps[s] = history->stamp;
            entry->changed_stamp = history->stamp;
            continue;
        }
        if ((past->changes & 1u << (HEADING_AGE_MAX - 1)) != 0) {
            past->older_stamp = history->stamp - HEADING_AGE_MAX;
        }
        const uint32_t first = section->value_index;
        const bool is_changed =
            memcmp(values + first, before + first, section->value_count * sizeof *values) != 0 ||
            is_moving(layout, section, values);
        past->changes = past->changes << 1 | (is_changed ? 1 : 0);
        if (is_changed) {
            entry->section_stamps[s] = history->stamp;
            entry->changed_stamp = history->stamp;
        }
    }
}

struct quantise_job {
    struct history *history;
    const muster_replica_world *world;
};

static void quantise_block(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    const struct quantise_job *job = context;
    struct history *history = job->history;
    const struct layout *layout = history->layout;
    const uint32_t begin = item_index * BLOCK_SLOTS;
    const uint32_t left = history->live_count - begin;
    const uint32_t end = begin + (left < BLOCK_SLOTS ? left : BLOCK_SLOTS);
    for (uint32_t i = begin; i < end; i++) {
        const uint32_t slot = history->lives[i];
        const bool is_born = history->slots[slot].born_stamp == history->stamp;
        uint32_t *values = history_record(history, slot, 0);
        float *previous = history->previous + (size_t)slot * history->position_lane_count;
        for (uint32_t f = 0; f < layout->field_count; f++) {
            const struct layout_field *field = &layout->fields[f];
            quantise_field(field, job->world->columns[f], slot, values + field->value_index,
                previous, is_born);
            previous += field->encoding == MUSTER_FIELD_POSITION ? field->lane_count : 0;
        }
        note_changes(history, slot, is_born);
    }
}

static bool is_place(muster_vec3 position)
{
    // Written so that a number that is not finite fails.
    return position.x > -COORDINATE_MAX_M && position.x < COORDINATE_MAX_M &&
           position.y > -COORDINATE_MAX_M && position.y < COORDINATE_MAX_M &&
           position.z > -COORDINATE_MAX_M && position.z < COORDINATE_MAX_M;
}

// Looks at every slot: who was born, who died, who is where.
static void census(struct history *history, const muster_replica_world *world)
{
    history->live_count = 0;
    history->birth_count = 0;
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        struct history_slot *entry = &history->slots[slot];
        if (world->is_alive[slot] == 0 || !is_place(world->position[slot])) {
            entry->born_stamp = HISTORY_NEVER;
            history->ids[slot] = 0;
            continue;
        }
        MUSTER_ASSERT(world->id[slot] != 0);
        history->lives[history->live_count++] = slot;
        history->positions[slot] = world->position[slot];
        if (history->ids[slot] != world->id[slot]) {
            history->ids[slot] = world->id[slot];
            entry->born_stamp = history->stamp;
            history->births[history->birth_count++] = slot;
        }
        const uint32_t owner = world->owner == NULL ? 0 : world->owner[slot];
        const uint16_t team = world->team == NULL ? 0 : world->team[slot];
        if (entry->owner != owner || entry->team != team) {
            entry->changed_stamp = history->stamp; // others may see it now
        }
        entry->owner = owner;
        entry->team = team;
        entry->kind = world->kind[slot];
    }
    for (uint32_t slot = world->slot_count; slot < history->slot_count; slot++) {
        history->slots[slot].born_stamp = HISTORY_NEVER;
        history->ids[slot] = 0;
    }
    history->slot_count = world->slot_count;
}

void history_begin_tick(
    struct history *history, const muster_replica_world *world, const muster_parallel *parallel)
{
    MUSTER_ASSERT(world->slot_count <= history->entity_capacity);
    MUSTER_ASSERT(world->tick >= 1 && world->tick <= MUSTER_TICK_MAX);
    MUSTER_ASSERT(history->tick == 0 || world->tick == history->tick + 1);
    MUSTER_ASSERT(history->stamp < HISTORY_NEVER - 1);
    history->stamp++;
    history->tick = world->tick;
    census(history, world);
    struct quantise_job job = {.history = history, .world = world};
    parallel->run(parallel->pool, (history->live_count + BLOCK_SLOTS - 1) / BLOCK_SLOTS,
        quantise_block, &job);
}
