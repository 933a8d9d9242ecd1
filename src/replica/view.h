// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The view itself. Its functions are in view.c (life and queries) and decode.c (packets).

#include "muster/replica.h"
#include "muster/replica_view.h"
#include "replica/heading.h"
#include "replica/states.h"

/// No packet of MUSTER_REPLICA_PACKET_BYTES_MAX has more enters: each has at least a mark before
/// it, an index, an id, a kind and whose it is.
#define VIEW_ENTER_COUNT_MAX                                                                       \
    (MUSTER_REPLICA_PACKET_BYTES_MAX * 8 / (1 + HEADING_INDEX_BITS + 64 + 16 + 1) + 1)

// What is known of an index.
struct known {
    uint64_t id;           // 0: nothing there
    uint64_t changed_tick; // of the latest enter or leave
    uint64_t newest_tick;
    uint16_t kind;
    bool is_mine;
};

// An entity that a packet tells of for the first time, or again.
struct enter {
    uint32_t index;
    uint64_t id;
    uint16_t kind;
    bool is_mine;
};

// A section of an entity that a packet holds.
struct arrival {
    uint16_t index;
    uint8_t section_index;
    uint8_t base; // as in a shape, 0 if it comes with an enter
    uint8_t slot; // where its values are, STATES_NONE if it is of no use
};

struct muster_replica_view {
    struct layout layout;
    uint32_t tick_rate_hz;
    uint32_t known_count;
    uint32_t index_end; // indices from here on were never used; what there is of them is not set
    uint64_t tick;
    struct states states[MUSTER_REPLICA_SECTION_COUNT_MAX];
    struct known *known;
    muster_replica_event *events; // a ring
    uint32_t event_capacity;
    uint32_t event_first;
    uint32_t event_count;

    // Scratch of a decode.
    uint32_t *leaves;
    struct enter *enters;
    struct arrival *arrivals;
    uint32_t leave_count;
    uint32_t enter_count;
    uint32_t arrival_count;
    uint32_t arrival_capacity;

    muster_allocator allocator;
    size_t memory_bytes;
};

/// What is known of an index, which is used from now on.
static inline struct known *view_known(muster_replica_view *view, uint32_t index)
{
    for (; view->index_end <= index; view->index_end++) {
        view->known[view->index_end] = (struct known){0};
        for (uint32_t s = 0; s < view->layout.section_count; s++) {
            *states_of(&view->states[s], view->index_end) = (struct states_list){0};
        }
    }
    return &view->known[index];
}
