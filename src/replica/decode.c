// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "replica/codec.h"
#include "replica/view.h"

#include <string.h>

// A packet takes effect when all of it has turned out to be right. It is gone through in steps:
// where in it what is said of whom, which states that builds on, the values, what becomes of them.
// Each step asks for the memory that the next one needs, since all that is kept of an entity has
// long left the caches when the next packet comes.

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

// Steps over a section and notes where it is. `base` is as in a shape, 0 if it comes with an enter.
static void scan_section(
    struct reading *reading, uint32_t index, uint32_t section_index, uint32_t base)
{
    muster_replica_view *view = reading->view;
    MUSTER_ASSERT(view->arrival_count < view->arrival_capacity);
    view->arrivals[view->arrival_count++] = (struct arrival){
        .bit_index = (uint32_t)reading->reader.bit_index,
        .index = (uint16_t)index,
        .state = STATES_NONE,
        .base_state = STATES_NONE,
        .section_index = (uint8_t)section_index,
        .base = (uint8_t)base,
    };
    if (base == 0 || base == HEADING_BASE_NONE) {
        codec_get_whole(&view->layout, section_index, NULL, &reading->reader);
    } else {
        states_prefetch(&view->states[section_index], index, reading->tick - base);
        codec_get_delta(&view->layout, section_index, NULL, NULL, base, &reading->reader);
    }
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
        for (; sections != 0 && !reader->is_failed; sections &= sections - 1) {
            scan_section(reading, index, (uint32_t)__builtin_ctzll(sections), 0);
        }
        if (reader->is_failed) {
            return;
        }
    }
}

static void read_updates(struct reading *reading, const struct head *head)
{
    struct heading_shapes shapes = {.newest_age = head->newest_age};
    const struct layout *layout = &reading->view->layout;
    uint32_t next_index = head->first_index;
    for (uint32_t i = 0; i < head->update_count && !reading->reader.is_failed; i++) {
        const uint32_t index = heading_get_index(
            &reading->reader, head->rice_bits, next_index, layout->known_count_max);
        const uint64_t shape = heading_get_shape(&reading->reader, &shapes, layout->section_count);
        if (reading->reader.is_failed ||
            shape >> (layout->section_count * HEADING_BASE_BITS) != 0) {
            reading->reader.is_failed = true;
            return;
        }
        __builtin_prefetch(view_known(reading->view, index));
        for (uint32_t s = 0; s < layout->section_count; s++) {
            const uint32_t base = heading_base(shape, s);
            if (base != 0) {
                scan_section(reading, index, s, base);
            }
        }
        next_index = index + 1;
    }
}

// What comes too late for an entity that has left, or for one that has another's index.
static bool is_outdated(const struct reading *reading, const struct known *known)
{
    return reading->tick < known->changed_tick ||
           (known->id == 0 && reading->tick == known->changed_tick);
}

// Finds the state that a section builds on and whether it is of any use.
static muster_status find_base(
    const struct reading *reading, struct arrival *arrival, bool *out_is_used)
{
    const struct states *states = &reading->view->states[arrival->section_index];
    *out_is_used = true;
    if (arrival->base == 0) {
        return MUSTER_OK;
    }
    const struct known *known = &reading->view->known[arrival->index];
    *out_is_used = !is_outdated(reading, known);
    if (!*out_is_used) {
        return MUSTER_OK;
    }
    if (known->id == 0) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (arrival->base == HEADING_BASE_NONE) {
        return MUSTER_OK;
    }
    if (reading->tick > arrival->base) {
        arrival->base_state = states_find(states, arrival->index, reading->tick - arrival->base,
            arrival->base == HEADING_BASE_OLD);
    }
    // Late: its base is given up, but it would change nothing.
    const bool is_late = states_newest_tick(states, arrival->index) >= reading->tick;
    *out_is_used = arrival->base_state != STATES_NONE;
    return *out_is_used || is_late ? MUSTER_OK : MUSTER_ERR_NOT_FOUND;
}

// Finds what everything builds on, and a state for it. What is of no use gets none.
static void find_states(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    for (uint32_t i = 0; i < view->arrival_count && reading->status == MUSTER_OK; i++) {
        struct arrival *arrival = &view->arrivals[i];
        struct states *states = &view->states[arrival->section_index];
        bool is_used;
        reading->status = find_base(reading, arrival, &is_used);
        if (reading->status != MUSTER_OK || !is_used) {
            continue;
        }
        arrival->state = states_acquire(states);
        if (arrival->state == STATES_NONE) {
            reading->status = MUSTER_ERR_FULL;
            return;
        }
        __builtin_prefetch(states_values(states, arrival->state), 1);
        if (arrival->base_state != STATES_NONE) {
            __builtin_prefetch(states_values(states, arrival->base_state));
        }
    }
}

static void read_values(struct reading *reading)
{
    const muster_replica_view *view = reading->view;
    for (uint32_t i = 0; i < view->arrival_count && !reading->reader.is_failed; i++) {
        const struct arrival *arrival = &view->arrivals[i];
        const struct states *states = &view->states[arrival->section_index];
        if (arrival->state == STATES_NONE) {
            continue;
        }
        uint32_t *values = states_values(states, arrival->state);
        reading->reader.bit_index = arrival->bit_index;
        if (arrival->base_state == STATES_NONE) {
            codec_get_whole(&view->layout, arrival->section_index, values, &reading->reader);
        } else {
            codec_get_delta(&view->layout, arrival->section_index, values,
                states_values(states, arrival->base_state), arrival->base, &reading->reader);
        }
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
    if (arrival->state == STATES_NONE) {
        return;
    }
    if (known->id == 0 || tick < known->changed_tick) {
        states_release(states, arrival->state);
        return;
    }
    known->newest_tick = tick > known->newest_tick ? tick : known->newest_tick;
    states_insert(states, arrival->index, tick, arrival->state);
    const bool is_exact = arrival->base != 0 && arrival->base < HEADING_AGE_MAX;
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
        if (arrival->state != STATES_NONE) {
            states_release(&view->states[arrival->section_index], arrival->state);
        }
    }
}

// What is left behind the last update: less than a byte, all zero.
static bool is_at_end(struct bit_reader *reader)
{
    return bit_reader_left(reader) < 8 && bits_get(reader, (uint32_t)bit_reader_left(reader)) == 0;
}

// Reads who and where; nothing of it depends on what is known.
static void scan(struct reading *reading)
{
    muster_replica_view *view = reading->view;
    struct bit_reader *reader = &reading->reader;
    view->leave_count = 0;
    view->enter_count = 0;
    view->arrival_count = 0;
    memset(view->touched, 0, (view->layout.known_count_max + 63) / 64 * sizeof *view->touched);
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
    if (!reader->is_failed && !is_at_end(reader)) {
        reader->is_failed = true;
    }
}

muster_status muster_replica_view_decode(
    muster_replica_view *view, const uint8_t *bytes, size_t length)
{
    MUSTER_ASSERT(view != NULL && (bytes != NULL || length == 0));
    if (length > MUSTER_REPLICA_PACKET_BYTES_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    struct reading reading = {.view = view, .status = MUSTER_OK};
    bit_reader_init(&reading.reader, bytes, length);
    scan(&reading);
    if (reading.reader.is_failed) {
        return MUSTER_ERR_MALFORMED;
    }
    const uint32_t event_space = view->event_capacity - view->event_count;
    if (event_space < view->leave_count + 2 * view->enter_count) {
        return MUSTER_ERR_FULL;
    }
    find_states(&reading);
    if (reading.status == MUSTER_OK) {
        read_values(&reading);
    }
    if (reading.reader.is_failed) {
        reading.status = MUSTER_ERR_MALFORMED;
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
