// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

// The index is sorted when it is first needed after bodies moved: by a query, or by the next
// step. Bodies that are added, moved or removed by hand in between do not sort it anew each
// time; queries look at those few one by one. What a query answers never depends on when the
// index was sorted.

#define PAIRS_PER_BODY_MAX 6u

static void forget_touched(muster_space *space)
{
    for (uint32_t i = 0; i < space->stale_count; i++) {
        space->is_stale[space->stale_slots[i]] = 0;
    }
    space->stale_count = 0;
}

void space_index_drop(muster_space *space)
{
    forget_touched(space);
    space->is_grid_sorted = false;
}

void space_index_touch(muster_space *space, uint32_t slot)
{
    if (!space->is_grid_sorted || space->is_stale[slot] != 0) {
        return;
    }
    if (space->stale_count == SPACE_STALE_COUNT_MAX) {
        space_index_drop(space);
        return;
    }
    space->is_stale[slot] = 1;
    space->stale_slots[space->stale_count++] = slot;
}

// Lists the bodies for the index and the bullets, both by slot.
static uint32_t list_bodies(muster_space *space)
{
    uint32_t count = 0;
    space->bullet_count = 0;
    for (uint32_t slot = 0; slot < space->counts[0]; slot++) {
        const uint8_t flags = space->flags[slot];
        const bool is_body = (flags & MUSTER_BODY_EXISTS) != 0;
        const bool is_bullet = (flags & MUSTER_BODY_BULLET) != 0;
        space->place_of_slot[slot] = SPACE_NO_PLACE;
        space->slot_list[count] = slot;
        count += is_body && !is_bullet;
        space->bullet_slots[space->bullet_count] = slot;
        space->bullet_count += is_body && is_bullet;
    }
    return count;
}

// Pairs of bodies in one cell that a grid makes look at each other.
static uint64_t pairs_in_cells(const muster_grid *grid)
{
    const muster_grid_view view = muster_grid_read(grid);
    uint64_t sum = 0;
    for (uint32_t cell = 0; cell < view.cell_count; cell++) {
        const uint64_t count = view.cell_start[cell + 1] - view.cell_start[cell];
        sum += count * count;
    }
    return sum;
}

// Most worlds are flat, and a grid without layers has the fewest neighbouring cells. Where
// bodies are piled up, it would have too many of them in one cell.
static void build_grid(muster_space *space, uint32_t count)
{
    space->grid = space->flat_grid;
    muster_status status = muster_grid_build(space->grid, space->position, space->slot_list, count);
    if (pairs_in_cells(space->grid) > PAIRS_PER_BODY_MAX * (uint64_t)count) {
        space->grid = space->layered_grid;
        status = muster_grid_build(space->grid, space->position, space->slot_list, count);
    }
    MUSTER_ASSERT(status == MUSTER_OK);
}

void space_index_sort(muster_space *space)
{
    if (space->is_grid_sorted && space->stale_count == 0) {
        return;
    }
    forget_touched(space);
    const uint32_t count = list_bodies(space);
    build_grid(space, count);
    space->view = muster_grid_read(space->grid);
    space->large_count = 0;
    for (uint32_t place = 0; place < count; place++) {
        const uint32_t slot = space->view.ids[place];
        const float radius = space->radius_m[slot];
        space->place_of_slot[slot] = place;
        space->place_radius_m[place] = radius;
        space->large_places[space->large_count] = place;
        space->large_count += radius + SPACE_TOUCH_M > space->reach_max_m;
    }
    space->is_grid_sorted = true;
}

void space_chain_contacts(muster_space *space)
{
    for (uint32_t slot = 0; slot < space->counts[0]; slot++) {
        space->contact_head[slot] = SPACE_NO_CONTACT;
    }
    for (uint32_t i = space->counts[1]; i-- > 0;) {
        const uint32_t owner = space->contact_ends[i][0];
        space->contact_next[i] = space->contact_head[owner];
        space->contact_head[owner] = i;
    }
}
