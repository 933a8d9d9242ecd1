// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

// An island is what hangs together by contacts between bodies that can be pushed. Islands share
// no body, so they can be solved at the same time. Small ones are put together, in the order in
// which their first contacts come, until they are worth a worker's while; one that is large is a
// batch of its own.

uint32_t space_island_root(muster_space *space, uint32_t place)
{
    uint32_t *parent = space->parent;
    while (parent[place] != place) {
        parent[place] = parent[parent[place]];
        place = parent[place];
    }
    return place;
}

static void join(muster_space *space, uint32_t a, uint32_t b)
{
    const uint32_t root_a = space_island_root(space, a);
    const uint32_t root_b = space_island_root(space, b);
    const uint32_t low = root_a < root_b ? root_a : root_b;
    space->parent[root_a] = low;
    space->parent[root_b] = low;
}

static void join_pairs(muster_space *space)
{
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const struct chunk *chunk = &space->chunks[c];
        const struct contact *contacts = &space->contacts[chunk->contact_begin];
        for (uint32_t i = 0; i < chunk->contact_count; i++) {
            if (contacts[i].sort == CONTACT_PAIR) {
                join(space, contacts[i].place_a, contacts[i].place_b);
            }
        }
    }
}

static uint32_t island_at(muster_space *space, uint32_t place)
{
    const uint32_t root = space_island_root(space, place);
    if (space->island_of[root] == SPACE_NO_PLACE) {
        space->island_of[root] = space->island_count;
        space->island_size[space->island_count++] = 0;
    }
    return space->island_of[root];
}

// Numbers the islands by their first contact and counts their contacts.
static void count_islands(muster_space *space)
{
    space->island_count = 0;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const struct chunk *chunk = &space->chunks[c];
        struct contact *contacts = &space->contacts[chunk->contact_begin];
        for (uint32_t i = 0; i < chunk->contact_count; i++) {
            if (contacts[i].sort != CONTACT_SENSOR) {
                const uint32_t island = island_at(space, contacts[i].place_a);
                contacts[i].island = island;
                space->island_size[island]++;
            }
        }
    }
}

static uint32_t open_batch(muster_space *space, bool is_large)
{
    MUSTER_ASSERT(space->batch_count < space->batch_capacity);
    struct batch *batch = &space->batches[space->batch_count];
    batch->is_large = is_large;
    batch->contact_end = 0;
    return space->batch_count++;
}

// Gives each island a batch. contact_end holds the batch's size for now.
static void fill_batches(muster_space *space)
{
    space->batch_count = 0;
    uint32_t current = SPACE_NO_PLACE;
    for (uint32_t island = 0; island < space->island_count; island++) {
        const uint32_t size = space->island_size[island];
        uint32_t batch;
        if (size > SPACE_LARGE_ISLAND_CONTACT_COUNT) {
            batch = open_batch(space, true);
        } else {
            if (current == SPACE_NO_PLACE ||
                space->batches[current].contact_end >= SPACE_BATCH_CONTACT_COUNT) {
                current = open_batch(space, false);
            }
            batch = current;
        }
        space->island_batch[island] = batch;
        space->batches[batch].contact_end += size;
    }
}

// Lays out the batches' contacts and groups one after the other.
static void place_batches(muster_space *space)
{
    uint32_t contact_count = 0;
    uint32_t group_count = 0;
    for (uint32_t i = 0; i < space->batch_count; i++) {
        struct batch *batch = &space->batches[i];
        const uint32_t size = batch->contact_end;
        batch->contact_begin = contact_count;
        batch->contact_end = contact_count;
        batch->group_begin = group_count;
        batch->group_capacity =
            size / KERNEL_LANE_COUNT + size / SPACE_LONE_SHARE + 2 * KERNEL_COLOUR_COUNT + 2;
        contact_count += size;
        group_count += batch->group_capacity;
    }
    MUSTER_ASSERT(group_count <= space->group_capacity);
}

void space_find_islands(muster_space *space)
{
    join_pairs(space);
    count_islands(space);
    fill_batches(space);
    place_batches(space);
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const struct chunk *chunk = &space->chunks[c];
        for (uint32_t i = 0; i < chunk->contact_count; i++) {
            const uint32_t index = chunk->contact_begin + i;
            const struct contact *contact = &space->contacts[index];
            if (contact->sort != CONTACT_SENSOR) {
                struct batch *batch = &space->batches[space->island_batch[contact->island]];
                space->batch_contacts[batch->contact_end++] = index;
            }
        }
    }
}

static bool may_sleep(const muster_space *space)
{
    bool may_sleep = false;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        may_sleep = may_sleep || space->chunks[c].may_sleep;
    }
    return may_sleep && space->sleep_ticks > 0;
}

void space_put_to_sleep(muster_space *space)
{
    if (!may_sleep(space)) {
        return;
    }
    const uint32_t count = space->view.point_count;
    for (uint32_t place = 0; place < count; place++) {
        space->island_rest_ticks[place] = UINT16_MAX;
    }
    for (uint32_t place = 0; place < count; place++) {
        const uint32_t root = space_island_root(space, place);
        const uint16_t ticks = space->rest_ticks[space->view.ids[place]];
        if (ticks < space->island_rest_ticks[root]) {
            space->island_rest_ticks[root] = ticks;
        }
    }
    for (uint32_t place = 0; place < count; place++) {
        const uint32_t root = space_island_root(space, place);
        const uint32_t slot = space->view.ids[place];
        const bool is_pushed = (space->place_flags[place] & PLACE_PUSHED) != 0;
        if (is_pushed && space->island_rest_ticks[root] >= space->sleep_ticks) {
            space->sleep_label[slot] = space->view.ids[root];
            space->velocity[slot] = (muster_vec3){0.0f, 0.0f, 0.0f};
        }
    }
}
