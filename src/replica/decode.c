// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "replica/codec.h"
#include "replica/view.h"

#include <string.h>

// A packet takes effect when all of it has turned out to be right: until then only slots are
// written that are free. All that is kept of an entity has long left the caches when the next
// packet comes, so sections are gone through in batches, and each step over a batch asks for the
// memory that the next one needs:
//
//     read       the bits, which needs nothing of the view
//     find       what a section builds on, by the list of its index
//     resolve    its values, from those that it builds on

// Sections in a batch.
#define BATCH_COUNT 32

// A section on its way from the packet into the view.
struct passage {
    struct arrival arrival;
    uint8_t base_slot; // what it builds on, STATES_NONE if it is whole
    struct codec_section read;
};

struct batch {
    uint32_t count;
    struct passage passages[BATCH_COUNT];
};

// What a packet says of its updates in front of them.
struct head {
    uint32_t update_count;
    uint32_t rice_bits;
    uint32_t first_index;
    uint32_t newest_age;
};

// A packet being read.
struct reading {
    muster_replica_view *view;
    struct batch *batch;
    struct bit_reader reader;
    uint64_t tick;
    muster_status status;
    uint64_t touched[MUSTER_REPLICA_KNOWN_COUNT_MAX / 64]; // indices that it told of so far
};

// Finds what a section builds on and a slot for it. One that is of no use gets none.
static muster_status find_slots(const struct reading *reading, struct passage *passage)
{
    const muster_replica_view *view = reading->view;
    struct arrival *arrival = &passage->arrival;
    const bool is_used = arrival->index < view->index_end;
    const struct states *states = &view->states[arrival->section_index];
    if (arrival->base == 0) {
        arrival->slot = is_used ? states_free_slot(states, arrival->index) : 0;
        return MUSTER_OK;
    }
    const struct known *known = &view->known[arrival->index];
    const uint64_t id = is_used ? known->id : 0;
    const uint64_t changed_tick = is_used ? known->changed_tick : 0;
    if (reading->tick < changed_tick || (id == 0 && reading->tick == changed_tick)) {
        return MUSTER_OK; // of an entity that has left, or whose index is another's
    }
    if (id == 0) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (reading->tick <= states_of(states, arrival->index)->newest_tick) {
        return MUSTER_OK; // late
    }
    if (arrival->base != HEADING_BASE_NONE) {
        passage->base_slot = states_find(states, arrival->index, reading->tick, arrival->base);
        if (passage->base_slot == STATES_NONE) {
            return MUSTER_ERR_NOT_FOUND;
        }
    }
    arrival->slot = states_free_slot(states, arrival->index);
    return MUSTER_OK;
}

static void find_batch(struct reading *reading)
{
    for (uint32_t i = 0; i < reading->batch->count; i++) {
        struct passage *passage = &reading->batch->passages[i];
        const struct arrival *arrival = &passage->arrival;
        const struct states *states = &reading->view->states[arrival->section_index];
        const muster_status status = find_slots(reading, passage);
        reading->status = status == MUSTER_OK ? reading->status : status;
        if (arrival->slot != STATES_NONE) {
            states_prefetch_values(states, arrival->index, arrival->slot);
        }
        if (passage->base_slot != STATES_NONE) {
            states_prefetch_values(states, arrival->index, passage->base_slot);
        }
    }
}

static void resolve_batch(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    for (uint32_t i = 0; i < reading->batch->count; i++) {
        const struct passage *passage = &reading->batch->passages[i];
        const struct arrival *arrival = &passage->arrival;
        const struct states *states = &view->states[arrival->section_index];
        if (arrival->slot == STATES_NONE) {
            continue;
        }
        uint32_t *values = states_values(states, arrival->index, arrival->slot);
        if (passage->base_slot == STATES_NONE) {
            memcpy(values, passage->read.numbers, states->value_count * sizeof *values);
        } else if (!codec_resolve(&view->layout, arrival->section_index, arrival->base,
                       &passage->read, states_values(states, arrival->index, passage->base_slot),
                       values)) {
            reading->reader.is_failed = true;
        }
        MUSTER_ASSERT(view->arrival_count < view->arrival_capacity);
        view->arrivals[view->arrival_count++] = *arrival;
    }
}

static void close_batch(struct reading *reading)
{
    find_batch(reading);
    resolve_batch(reading);
    reading->batch->count = 0;
}

// Reads a section. `base` is as in a shape, 0 if it comes with an enter.
static void read_section(
    struct reading *reading, uint32_t index, uint32_t section_index, uint32_t base)
{
    const muster_replica_view *view = reading->view;
    struct batch *batch = reading->batch;
    if (batch->count == BATCH_COUNT) {
        close_batch(reading);
    }
    states_prefetch(&view->states[section_index], index);
    struct passage *passage = &batch->passages[batch->count++];
    passage->arrival = (struct arrival){
        .index = (uint16_t)index,
        .section_index = (uint8_t)section_index,
        .base = (uint8_t)base,
        .slot = STATES_NONE,
    };
    passage->base_slot = STATES_NONE;
    if (base == 0 || base == HEADING_BASE_NONE) {
        codec_read_whole(&view->layout, section_index, &passage->read, &reading->reader);
    } else {
        codec_read_delta(&view->layout, section_index, base, &passage->read, &reading->reader);
    }
}

// Notes that a packet tells of an index, which it does at most once.
static void touch(struct reading *reading, uint32_t index)
{
    const uint64_t bit = UINT64_C(1) << (index % 64);
    uint64_t *word = &reading->touched[index / 64];
    if (index >= reading->view->layout.known_count_max || (*word & bit) != 0) {
        reading->reader.is_failed = true;
    }
    *word |= bit;
}

// Reads an index that stands alone.
static bool read_index(struct reading *reading, uint32_t *out_index)
{
    *out_index = (uint32_t)bits_get(&reading->reader, HEADING_INDEX_BITS);
    touch(reading, *out_index);
    return !reading->reader.is_failed;
}

static void read_leaves(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    uint32_t index;
    while (bits_get_bool(&reading->reader) && read_index(reading, &index)) {
        view->leaves[view->leave_count++] = index;
    }
}

static void read_enters(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    struct bit_reader *reader = &reading->reader;
    uint32_t index;
    while (bits_get_bool(reader) && read_index(reading, &index)) {
        struct enter *enter = &view->enters[view->enter_count++];
        enter->index = index;
        enter->id = bits_get(reader, 64);
        enter->kind = (uint16_t)bits_get(reader, 16);
        enter->is_mine = bits_get_bool(reader);
        uint64_t sections = bits_get(reader, view->layout.section_count);
        if (enter->id == 0 || sections == 0) {
            reader->is_failed = true; // also when the bits are used up
        }
        for (; sections != 0 && !reader->is_failed; sections &= sections - 1) {
            read_section(reading, index, (uint32_t)__builtin_ctzll(sections), 0);
        }
        if (reader->is_failed) {
            return;
        }
    }
}

static void read_updates(struct reading *reading, const struct head *head)
{
    struct heading_shapes shapes = {.newest_age = head->newest_age};
    const muster_replica_view *view = reading->view;
    const uint32_t section_count = view->layout.section_count;
    struct bit_reader *reader = &reading->reader;
    uint32_t next_index = head->first_index;
    for (uint32_t i = 0; i < head->update_count && !reader->is_failed; i++) {
        const uint32_t index =
            heading_get_index(reader, head->rice_bits, next_index, view->layout.known_count_max);
        const uint64_t shape = heading_get_shape(reader, &shapes, section_count);
        touch(reading, index);
        if (reader->is_failed || shape >> (section_count * HEADING_BASE_BITS) != 0) {
            reader->is_failed = true;
            return;
        }
        __builtin_prefetch(&view->known[index], 1);
        uint64_t left = shape;
        for (uint32_t s = 0; left != 0; s++, left >>= HEADING_BASE_BITS) {
            if (heading_base(left, 0) != 0) {
                read_section(reading, index, s, heading_base(left, 0));
            }
        }
        next_index = index + 1;
    }
}

// What is left behind the last update: less than a byte, all zero.
static bool is_at_end(struct bit_reader *reader)
{
    return bit_reader_left(reader) < 8 && bits_get(reader, (uint32_t)bit_reader_left(reader)) == 0;
}

// Reads all of a packet, and writes the values of what can be used into free slots.
static void read_packet(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    struct bit_reader *reader = &reading->reader;
    view->leave_count = 0;
    view->enter_count = 0;
    view->arrival_count = 0;
    struct head head;
    head.update_count = (uint32_t)bits_get(reader, 8 * HEADING_COUNT_BYTES);
    reading->tick = bits_get_varint(reader);
    head.rice_bits = (uint32_t)bits_get(reader, HEADING_RICE_BITS);
    head.first_index = (uint32_t)bits_get(reader, HEADING_INDEX_BITS);
    head.newest_age = (uint32_t)bits_get(reader, HEADING_BASE_BITS);
    if (reading->tick == 0 || reading->tick > MUSTER_TICK_MAX) {
        reader->is_failed = true;
        return;
    }
    read_leaves(reading);
    if (!reader->is_failed) {
        read_enters(reading);
    }
    if (!reader->is_failed) {
        read_updates(reading, &head);
    }
    if (!reader->is_failed && is_at_end(reader)) {
        close_batch(reading);
    } else {
        reader->is_failed = true;
    }
}

static void push_event(
    muster_replica_view *view, muster_replica_event_type type, uint32_t index, uint64_t tick)
{
    MUSTER_ASSERT(view->event_count < view->event_capacity);
    const struct known *known = &view->known[index];
    const uint32_t place = (view->event_first + view->event_count++) % view->event_capacity;
    view->events[place] = (muster_replica_event){
        .type = type,
        .entity =
            {
                .id = known->id,
                .tick = tick,
                .index = index,
                .kind = known->kind,
                .is_mine = known->is_mine,
            },
    };
}

static void remove_known(muster_replica_view *view, uint32_t index, uint64_t tick)
{
    push_event(view, MUSTER_REPLICA_LEAVE, index, tick);
    for (uint32_t s = 0; s < view->layout.section_count; s++) {
        *states_of(&view->states[s], index) = (struct states_list){0};
    }
    view->known[index].id = 0;
    view->known_count--;
}

static void apply_leave(muster_replica_view *view, uint32_t index, uint64_t tick)
{
    struct known *known = view_known(view, index);
    if (tick <= known->changed_tick) {
        return;
    }
    if (known->id != 0) {
        remove_known(view, index, tick);
    }
    known->changed_tick = tick;
}

static void apply_enter(muster_replica_view *view, const struct enter *enter, uint64_t tick)
{
    struct known *known = view_known(view, enter->index);
    if (tick <= known->changed_tick || known->id == enter->id) {
        return;
    }
    if (known->id != 0) {
        remove_known(view, enter->index, tick);
    }
    *known = (struct known){
        .id = enter->id,
        .changed_tick = tick,
        .newest_tick = tick,
        .kind = enter->kind,
        .is_mine = enter->is_mine,
    };
    view->known_count++;
    push_event(view, MUSTER_REPLICA_ENTER, enter->index, tick);
}

static void apply_arrival(muster_replica_view *view, const struct arrival *arrival, uint64_t tick)
{
    struct known *known = &view->known[arrival->index];
    struct states *states = &view->states[arrival->section_index];
    if (known->id == 0 || tick < known->changed_tick ||
        tick <= states_of(states, arrival->index)->newest_tick) {
        return;
    }
    known->newest_tick = tick > known->newest_tick ? tick : known->newest_tick;
    states_insert(states, arrival->index, tick, arrival->base, arrival->slot);
}

static void apply_all(muster_replica_view *view, uint64_t tick)
{
    for (uint32_t i = 0; i < view->leave_count; i++) {
        apply_leave(view, view->leaves[i], tick);
    }
    for (uint32_t i = 0; i < view->enter_count; i++) {
        apply_enter(view, &view->enters[i], tick);
    }
    for (uint32_t i = 0; i < view->arrival_count; i++) {
        apply_arrival(view, &view->arrivals[i], tick);
    }
    view->tick = tick > view->tick ? tick : view->tick;
}

muster_status muster_replica_view_decode(
    muster_replica_view *view, const uint8_t *bytes, size_t length)
{
    MUSTER_ASSERT(view != NULL && (bytes != NULL || length == 0));
    if (length > MUSTER_REPLICA_PACKET_BYTES_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    struct batch batch;
    batch.count = 0;
    struct reading reading = {.view = view, .batch = &batch, .status = MUSTER_OK};
    bit_reader_init(&reading.reader, bytes, length);
    read_packet(&reading);
    if (reading.reader.is_failed) {
        return MUSTER_ERR_MALFORMED;
    }
    if (reading.status != MUSTER_OK) {
        return reading.status;
    }
    const uint32_t event_space = view->event_capacity - view->event_count;
    if (event_space < view->leave_count + 2 * view->enter_count) {
        return MUSTER_ERR_FULL;
    }
    apply_all(view, reading.tick);
    return MUSTER_OK;
}
