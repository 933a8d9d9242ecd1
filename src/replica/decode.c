// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "replica/codec.h"
#include "replica/view.h"

#include <string.h>

// A packet is read into scratch first and takes effect when all of it has turned out to be right.

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
    struct bit_reader reader;
    uint64_t tick;
    muster_status status;
};

// Notes a state that was read. `base` 0 is none.
static void arrive(
    struct reading *reading, uint32_t index, uint32_t section_index, uint32_t base, uint16_t state)
{
    muster_replica_view *view = reading->view;
    MUSTER_ASSERT(view->arrival_count < view->arrival_capacity);
    view->arrivals[view->arrival_count++] = (struct arrival){
        .index = (uint16_t)index,
        .state = state,
        .section_index = (uint8_t)section_index,
        .base = (uint8_t)base,
    };
}

// Takes a state for a section; false when the pool is empty, which ends the decode.
static bool begin_state(struct reading *reading, uint32_t section_index, uint16_t *out_state)
{
    *out_state = states_acquire(&reading->view->states[section_index]);
    if (*out_state == STATES_NONE) {
        reading->status = MUSTER_ERR_FULL;
        return false;
    }
    return true;
}

static void read_whole(struct reading *reading, uint32_t index, uint32_t section_index)
{
    uint16_t state;
    if (!begin_state(reading, section_index, &state)) {
        return;
    }
    uint32_t *values = states_values(&reading->view->states[section_index], state);
    codec_get_whole(&reading->view->layout, section_index, values, &reading->reader);
    arrive(reading, index, section_index, 0, state);
}

static void skip_section(struct reading *reading, uint32_t section_index, uint32_t base)
{
    const struct layout *layout = &reading->view->layout;
    if (base == HEADING_BASE_NONE) {
        codec_get_whole(layout, section_index, NULL, &reading->reader);
    } else {
        codec_get_delta(layout, section_index, NULL, NULL, base, &reading->reader);
    }
}

static void read_delta(
    struct reading *reading, uint32_t index, uint32_t section_index, uint32_t base)
{
    const muster_replica_view *view = reading->view;
    const struct states *states = &view->states[section_index];
    const uint16_t base_state =
        reading->tick < base
            ? STATES_NONE
            : states_find(states, index, reading->tick - base, base == HEADING_BASE_OLD);
    if (base_state == STATES_NONE) {
        if (states_newest_tick(states, index) >= reading->tick) {
            skip_section(reading, section_index, base); // late: it would change nothing
        } else {
            reading->status = MUSTER_ERR_NOT_FOUND;
        }
        return;
    }
    uint16_t state;
    if (!begin_state(reading, section_index, &state)) {
        return;
    }
    codec_get_delta(&view->layout, section_index, states_values(states, state),
        states_values(states, base_state), base, &reading->reader);
    arrive(reading, index, section_index, base, state);
}

// Reads an index that stands alone, each at most once in a packet.
static bool read_index(struct reading *reading, uint32_t *out_index)
{
    const uint32_t index = (uint32_t)bits_get(&reading->reader, HEADING_INDEX_BITS);
    uint64_t *touched = reading->view->touched;
    const uint64_t bit = UINT64_C(1) << (index % 64);
    if (reading->reader.is_failed || index >= reading->view->layout.known_count_max ||
        (touched[index / 64] & bit) != 0) {
        reading->reader.is_failed = true;
        return false;
    }
    touched[index / 64] |= bit;
    *out_index = index;
    return true;
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
        for (; sections != 0 && reading->status == MUSTER_OK; sections &= sections - 1) {
            read_whole(reading, index, (uint32_t)__builtin_ctzll(sections));
        }
        if (reading->status != MUSTER_OK || reader->is_failed) {
            return;
        }
    }
}

// What comes too late for an entity that has left, or for one that has another's index.
static bool is_outdated(const struct reading *reading, const struct known *known)
{
    return reading->tick < known->changed_tick ||
           (known->id == 0 && reading->tick == known->changed_tick);
}

static void read_update(struct reading *reading, uint32_t index, uint64_t shape)
{
    const struct known *known = view_known(reading->view, index);
    const bool is_skipped = is_outdated(reading, known);
    if (!is_skipped && known->id == 0) {
        reading->status = MUSTER_ERR_NOT_FOUND;
        return;
    }
    for (uint32_t s = 0; s < reading->view->layout.section_count; s++) {
        const uint32_t base = heading_base(shape, s);
        if (base == 0 || reading->status != MUSTER_OK) {
            continue;
        }
        if (is_skipped) {
            skip_section(reading, s, base);
        } else if (base == HEADING_BASE_NONE) {
            read_whole(reading, index, s);
        } else {
            read_delta(reading, index, s, base);
        }
    }
}

static void read_updates(struct reading *reading, const struct head *head)
{
    struct heading_shapes shapes = {.newest_age = head->newest_age};
    const struct layout *layout = &reading->view->layout;
    uint32_t next_index = head->first_index;
    for (uint32_t i = 0; i < head->update_count && reading->status == MUSTER_OK; i++) {
        const uint32_t index = heading_get_index(
            &reading->reader, head->rice_bits, next_index, layout->known_count_max);
        const uint64_t shape = heading_get_shape(&reading->reader, &shapes, layout->section_count);
        if (reading->reader.is_failed ||
            shape >> (layout->section_count * HEADING_BASE_BITS) != 0) {
            reading->reader.is_failed = true;
            return;
        }
        view_prefetch(reading->view, index + 2, reading->tick);
        read_update(reading, index, shape);
        next_index = index + 1;
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
        states_drop(&view->states[s], index);
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
    if (known->id == 0 || tick < known->changed_tick) {
        states_release(states, arrival->state);
        return;
    }
    known->newest_tick = tick > known->newest_tick ? tick : known->newest_tick;
    states_insert(states, arrival->index, tick, arrival->state);
    const bool is_exact = arrival->base != 0 && arrival->base != HEADING_BASE_OLD;
    const uint32_t age = is_exact ? arrival->base : HEADING_AGE_MAX;
    states_prune(states, arrival->index, tick < age ? 0 : tick - age);
}

// Makes room when states have run out: of those that no later packet can build on, also where
// nothing has arrived of late. The newest states stay, so nothing changes that can be seen.
static void prune_all(muster_replica_view *view, uint64_t tick)
{
    const uint64_t oldest_tick = tick < HEADING_AGE_MAX ? 0 : tick - HEADING_AGE_MAX;
    for (uint32_t s = 0; s < view->layout.section_count; s++) {
        for (uint32_t index = 0; index < view->index_end; index++) {
            states_prune(&view->states[s], index, oldest_tick);
        }
    }
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

static void release_arrivals(muster_replica_view *view)
{
    for (uint32_t i = 0; i < view->arrival_count; i++) {
        const struct arrival *arrival = &view->arrivals[i];
        states_release(&view->states[arrival->section_index], arrival->state);
    }
}

// What is left behind the last update: less than a byte, all zero.
static bool is_at_end(struct bit_reader *reader)
{
    return bit_reader_left(reader) < 8 && bits_get(reader, (uint32_t)bit_reader_left(reader)) == 0;
}

muster_status muster_replica_view_decode(
    muster_replica_view *view, const uint8_t *bytes, size_t length)
{
    MUSTER_ASSERT(view != NULL && (bytes != NULL || length == 0));
    if (length > MUSTER_REPLICA_PACKET_BYTES_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    view->leave_count = 0;
    view->enter_count = 0;
    view->arrival_count = 0;
    memset(view->touched, 0, (view->layout.known_count_max + 63) / 64 * sizeof *view->touched);
    struct reading reading = {.view = view, .status = MUSTER_OK};
    bit_reader_init(&reading.reader, bytes, length);
    struct head head;
    head.update_count = (uint32_t)bits_get(&reading.reader, 8 * HEADING_COUNT_BYTES);
    reading.tick = bits_get_varint(&reading.reader);
    head.rice_bits = (uint32_t)bits_get(&reading.reader, HEADING_RICE_BITS);
    head.first_index = (uint32_t)bits_get(&reading.reader, HEADING_INDEX_BITS);
    head.newest_age = (uint32_t)bits_get(&reading.reader, HEADING_BASE_BITS);
    if (reading.tick == 0 || reading.tick > MUSTER_TICK_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    read_leaves(&reading);
    if (!reading.reader.is_failed) {
        read_enters(&reading);
    }
    if (!reading.reader.is_failed && reading.status == MUSTER_OK) {
        read_updates(&reading, &head);
    }
    if (reading.reader.is_failed || (reading.status == MUSTER_OK && !is_at_end(&reading.reader))) {
        reading.status = MUSTER_ERR_MALFORMED;
    }
    const uint32_t event_space = view->event_capacity - view->event_count;
    if (reading.status == MUSTER_OK && event_space < view->leave_count + 2 * view->enter_count) {
        reading.status = MUSTER_ERR_FULL;
    }
    if (reading.status != MUSTER_OK) {
        release_arrivals(view);
        if (reading.status == MUSTER_ERR_FULL) {
            prune_all(view, reading.tick);
        }
        return reading.status;
    }
    apply_all(view, reading.tick);
    return MUSTER_OK;
}
