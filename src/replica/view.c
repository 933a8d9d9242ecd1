// SPDX-License-Identifier: Apache-2.0
#include "replica/view.h"

#include "core/assert.h"
#include "replica/codec.h"

#include <string.h>

muster_replica_view_def muster_replica_view_default_def(void)
{
    return (muster_replica_view_def){
        .allocator = muster_heap_allocator(),
    };
}

static bool is_def_valid(const muster_replica_view_def *def)
{
    return def->schema != NULL && muster_replica_schema_check(def->schema) == MUSTER_OK;
}

// Lays everything out in one slab; with a slab that has no memory it only measures.
static muster_replica_view *take_all(struct slab *slab, const muster_replica_view_def *def)
{
    muster_replica_view *view = slab_take(slab, sizeof *view);
    muster_replica_view measured;
    muster_replica_view *filled = view != NULL ? view : &measured;
    memset(filled, 0, sizeof *filled);
    layout_init(&filled->layout, def->schema);
    const size_t indices = def->schema->known_count_max;
    const size_t sections = filled->layout.section_count;
    for (uint32_t s = 0; s < sections; s++) {
        states_take(
            &filled->states[s], slab, filled->layout.sections[s].value_count, (uint32_t)indices);
    }
    filled->event_capacity = (uint32_t)(2 * indices + 2 * VIEW_ENTER_COUNT_MAX);
    filled->arrival_capacity = (uint32_t)(indices * sections);
    filled->known = slab_take(slab, indices * sizeof *filled->known);
    filled->events = slab_take(slab, filled->event_capacity * sizeof *filled->events);
    filled->leaves = slab_take(slab, indices * sizeof *filled->leaves);
    filled->enters = slab_take(slab, VIEW_ENTER_COUNT_MAX * sizeof *filled->enters);
    filled->arrivals = slab_take(slab, filled->arrival_capacity * sizeof *filled->arrivals);
    return view;
}

size_t muster_replica_view_memory_bytes(const muster_replica_view_def *def)
{
    MUSTER_ASSERT(def != NULL);
    if (!is_def_valid(def)) {
        return 0;
    }
    struct slab slab = {0};
    (void)take_all(&slab, def);
    return slab.used;
}

muster_status muster_replica_view_create(
    const muster_replica_view_def *def, muster_replica_view **out_view)
{
    MUSTER_ASSERT(def != NULL && out_view != NULL);
    *out_view = NULL;
    const size_t bytes = muster_replica_view_memory_bytes(def);
    if (bytes == 0) {
        return MUSTER_ERR_INVALID;
    }
    struct slab slab = {
        .bytes = def->allocator.alloc(def->allocator.context, bytes, SLAB_ALIGNMENT)};
    if (slab.bytes == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    muster_replica_view *view = take_all(&slab, def);
    view->tick_rate_hz = def->schema->tick_rate_hz;
    view->allocator = def->allocator;
    view->memory_bytes = bytes;
    muster_replica_view_clear(view);
    *out_view = view;
    return MUSTER_OK;
}

void muster_replica_view_destroy(muster_replica_view *view)
{
    if (view != NULL) {
        const muster_allocator allocator = view->allocator;
        allocator.free(allocator.context, view, view->memory_bytes);
    }
}

void muster_replica_view_clear(muster_replica_view *view)
{
    MUSTER_ASSERT(view != NULL);
    view->tick = 0;
    view->known_count = 0;
    view->index_end = 0;
    view->event_first = 0;
    view->event_count = 0;
}

uint64_t muster_replica_view_tick(const muster_replica_view *view)
{
    MUSTER_ASSERT(view != NULL);
    return view->tick;
}

bool muster_replica_view_pop_event(muster_replica_view *view, muster_replica_event *out_event)
{
    MUSTER_ASSERT(view != NULL && out_event != NULL);
    if (view->event_count == 0) {
        return false;
    }
    *out_event = view->events[view->event_first];
    view->event_first = (view->event_first + 1) % view->event_capacity;
    view->event_count--;
    return true;
}

uint32_t muster_replica_view_index_end(const muster_replica_view *view)
{
    MUSTER_ASSERT(view != NULL);
    return view->index_end;
}

uint32_t muster_replica_view_count(const muster_replica_view *view)
{
    MUSTER_ASSERT(view != NULL);
    return view->known_count;
}

bool muster_replica_view_entity(
    const muster_replica_view *view, uint32_t index, muster_replica_entity *out_entity)
{
    MUSTER_ASSERT(view != NULL && out_entity != NULL);
    if (index >= view->index_end || view->known[index].id == 0) {
        return false;
    }
    const struct known *known = &view->known[index];
    *out_entity = (muster_replica_entity){
        .id = known->id,
        .tick = known->newest_tick,
        .index = index,
        .kind = known->kind,
        .is_mine = known->is_mine,
    };
    return true;
}

// The newest values of a field, NULL if it is not known.
static const uint32_t *field_values(
    const muster_replica_view *view, uint32_t index, uint32_t field_index, uint64_t *out_tick)
{
    MUSTER_ASSERT(view != NULL && field_index < view->layout.field_count);
    const struct layout_field *field = &view->layout.fields[field_index];
    const struct states *states = &view->states[field->section_index];
    const struct states_list *list = states_of(states, index < view->index_end ? index : 0);
    *out_tick = index < view->index_end ? list->newest_tick : 0;
    if (*out_tick == 0) {
        return NULL;
    }
    const uint32_t first = view->layout.sections[field->section_index].value_index;
    return states_values(states, index, list->newest) + (field->value_index - first);
}

uint64_t muster_replica_view_field_tick(
    const muster_replica_view *view, uint32_t index, uint32_t field_index)
{
    uint64_t tick;
    (void)field_values(view, index, field_index, &tick);
    return tick;
}

bool muster_replica_view_values(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    uint32_t out_values[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    uint64_t tick;
    const uint32_t *values = field_values(view, index, field_index, &tick);
    const uint32_t lane_count = view->layout.fields[field_index].lane_count;
    for (uint32_t lane = 0; lane < MUSTER_REPLICA_LANE_COUNT_MAX; lane++) {
        out_values[lane] = values != NULL && lane < lane_count ? values[lane] : 0;
    }
    return values != NULL;
}

bool muster_replica_view_numbers(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    float out_numbers[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    uint64_t tick;
    const uint32_t *values = field_values(view, index, field_index, &tick);
    const struct layout_field *field = &view->layout.fields[field_index];
    for (uint32_t lane = 0; lane < MUSTER_REPLICA_LANE_COUNT_MAX; lane++) {
        const bool is_there = values != NULL && lane < field->lane_count;
        out_numbers[lane] = is_there ? codec_dequantise(field, values[lane]) : 0.0f;
    }
    return values != NULL;
}

bool muster_replica_view_motion(const muster_replica_view *view,
    uint32_t index,
    uint32_t field_index,
    float out_motions[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    uint64_t tick;
    const uint32_t *values = field_values(view, index, field_index, &tick);
    const struct layout_field *field = &view->layout.fields[field_index];
    const bool is_known = values != NULL && field->encoding == MUSTER_FIELD_POSITION;
    const double unit = field->step / (1 << LAYOUT_MOTION_SHIFT) * view->tick_rate_hz;
    for (uint32_t lane = 0; lane < MUSTER_REPLICA_LANE_COUNT_MAX; lane++) {
        const bool is_there = is_known && lane < field->lane_count;
        out_motions[lane] =
            is_there ? (float)((int32_t)values[field->lane_count + lane] * unit) : 0.0f;
    }
    return is_known;
}
