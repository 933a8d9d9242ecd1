// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

// Queries answer for the bodies as they are now: the index, without those that were touched
// since it was sorted, and then those one by one. The nearest wins, and of equally near ones the
// lowest slot, so the answer does not depend on the order in which they are looked at.

void ball_sweep(const struct sweep *sweep,
    muster_vec3 centre,
    float radius_m,
    uint32_t slot,
    struct sweep_hit *hit)
{
    const float reach = sweep->radius_m + radius_m;
    const muster_vec3 offset = muster_vec3_sub(sweep->from, centre);
    const float square = muster_vec3_dot(sweep->way, sweep->way);
    const float along = muster_vec3_dot(offset, sweep->way);
    if (along >= 0.0f) {
        return; // it moves away, or not at all
    }

    // The nearest that it comes, and from there back to the surface: this loses less to rounding
    // than the formula for the roots.
    const float nearest = -along / square;
    const muster_vec3 foot = muster_vec3_add(offset, muster_vec3_scale(sweep->way, nearest));
    const float inside = reach * reach - muster_vec3_dot(foot, foot);
    if (inside <= 0.0f) {
        return;
    }
    const float entry = nearest - muster_sqrt(inside / square);
    const float fraction = entry > 0.0f ? entry : 0.0f;
    const bool is_nearer = fraction < hit->fraction;
    const bool is_tie_won =
        fraction == hit->fraction && hit->kind == MUSTER_SPACE_BODY && slot < hit->index;
    if (!is_nearer && !is_tie_won) {
        return;
    }
    const muster_vec3 at = muster_vec3_add(offset, muster_vec3_scale(sweep->way, fraction));
    *hit = (struct sweep_hit){
        .kind = MUSTER_SPACE_BODY,
        .index = slot,
        .fraction = fraction,
        .normal = muster_vec3_normalize(at),
    };
}

// A query at work: a ray, or a ball that stands still.
struct query {
    muster_space *space;
    struct sweep sweep;
    struct sweep_hit hit;
    uint16_t mask;
    uint32_t ignore_slot;
};

static bool is_sought(const struct query *query, uint32_t slot)
{
    return (query->space->category[slot] & query->mask) != 0 && slot != query->ignore_slot;
}

static void cast_at_slot(struct query *query, uint32_t slot)
{
    const muster_space *space = query->space;
    if (is_sought(query, slot)) {
        ball_sweep(&query->sweep, space->position[slot], space->radius_m[slot], slot, &query->hit);
    }
}

static void mark_slot(struct query *query, uint32_t slot)
{
    const muster_space *space = query->space;
    if (!is_sought(query, slot)) {
        return;
    }
    const muster_vec3 way = muster_vec3_sub(space->position[slot], query->sweep.from);
    const float reach = query->sweep.radius_m + space->radius_m[slot];
    if (muster_vec3_dot(way, way) <= reach * reach) {
        space->found_slots[slot / 64] |= UINT64_C(1) << (slot % 64);
    }
}

typedef void look_at_slot(struct query *query, uint32_t slot);

static void look_in_box(struct query *query, muster_vec3 min, muster_vec3 max, look_at_slot *look)
{
    const muster_space *space = query->space;
    muster_grid_cursor cursor = muster_grid_walk(space->grid, min, max);
    for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
        for (uint32_t place = range.begin; place < range.end; place++) {
            const uint32_t slot = space->view.ids[place];
            if (space->is_stale[slot] == 0) {
                look(query, slot);
            }
        }
    }
}

// The bodies that are not found by the cells they are in.
static void look_at_others(struct query *query, look_at_slot *look)
{
    const muster_space *space = query->space;
    for (uint32_t i = 0; i < space->large_count; i++) {
        const uint32_t slot = space->view.ids[space->large_places[i]];
        if (space->is_stale[slot] == 0) {
            look(query, slot);
        }
    }
    for (uint32_t i = 0; i < space->stale_count; i++) {
        const uint32_t slot = space->stale_slots[i];
        const uint8_t sort = space->flags[slot] & (MUSTER_BODY_EXISTS | MUSTER_BODY_BULLET);
        if (slot < space->counts[0] && sort == MUSTER_BODY_EXISTS) {
            look(query, slot);
        }
    }
}

static void sort_if_needed(muster_space *space)
{
    if (!space->is_grid_sorted) {
        space_index_sort(space);
    }
}

static bool is_in_bounds(muster_vec3 point)
{
    const muster_vec3 bounded = space_limit_position(point);
    return bounded.x == point.x && bounded.y == point.y && bounded.z == point.z;
}

bool muster_space_ray_cast(
    muster_space *space, const muster_space_ray *ray, muster_space_hit *out_hit)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(ray != NULL);
    MUSTER_ASSERT(out_hit != NULL);
    *out_hit = (muster_space_hit){.point = ray->to, .fraction = 1.0f};
    if (!is_in_bounds(ray->from) || !is_in_bounds(ray->to)) {
        return false;
    }

    sort_if_needed(space);
    struct query query = {
        .space = space,
        .sweep = {.from = ray->from, .way = muster_vec3_sub(ray->to, ray->from)},
        .hit = {.fraction = 1.0f},
        .mask = ray->mask,
        .ignore_slot = ray->ignore_slot,
    };
    look_at_others(&query, cast_at_slot);

    // Piece by piece, no further than the nearest hit so far.
    const float reach = space->reach_max_m;
    const muster_vec3 out = {reach, reach, reach};
    const float length = muster_vec3_length(query.sweep.way);
    const float piece_count = muster_floor(length / (2.0f * space->cell_m)) + 1.0f;
    for (float i = 0.0f; i < piece_count && i <= query.hit.fraction * piece_count; i += 1.0f) {
        const muster_vec3 begin =
            muster_vec3_add(ray->from, muster_vec3_scale(query.sweep.way, i / piece_count));
        const muster_vec3 end = muster_vec3_add(
            ray->from, muster_vec3_scale(query.sweep.way, (i + 1.0f) / piece_count));
        look_in_box(&query, muster_vec3_sub(vec3_min(begin, end), out),
            muster_vec3_add(vec3_max(begin, end), out), cast_at_slot);
    }
    box_table_sweep(&space->box_table, &query.sweep, ray->mask, &query.hit);
    if ((space->terrain.category & ray->mask) != 0) {
        terrain_sweep(&space->terrain, &query.sweep, &query.hit);
    }

    const struct sweep_hit *hit = &query.hit;
    out_hit->kind = hit->kind;
    out_hit->index = hit->index;
    out_hit->normal = hit->normal;
    out_hit->fraction = hit->fraction;
    out_hit->point = muster_vec3_add(ray->from, muster_vec3_scale(query.sweep.way, hit->fraction));
    return hit->kind != MUSTER_SPACE_NOTHING;
}

muster_status muster_space_overlap(muster_space *space,
    muster_vec3 centre,
    float radius_m,
    uint16_t mask,
    uint32_t *out_slots,
    uint32_t slot_capacity,
    uint32_t *out_count)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_slots != NULL || slot_capacity == 0);
    MUSTER_ASSERT(out_count != NULL);
    *out_count = 0;
    const bool has_radius = radius_m >= 0.0f && radius_m <= MUSTER_SPACE_COORDINATE_MAX;
    if (!is_in_bounds(centre) || !has_radius) {
        return MUSTER_ERR_INVALID;
    }

    sort_if_needed(space);
    struct query query = {
        .space = space,
        .sweep = {.from = centre, .radius_m = radius_m},
        .mask = mask,
        .ignore_slot = UINT32_MAX,
    };
    const float reach = radius_m + space->reach_max_m;
    const muster_vec3 out = {reach, reach, reach};
    look_in_box(&query, muster_vec3_sub(centre, out), muster_vec3_add(centre, out), mark_slot);
    look_at_others(&query, mark_slot);

    uint32_t count = 0;
    for (uint32_t word = 0; word <= space->body_capacity / 64; word++) {
        for (uint64_t bits = space->found_slots[word]; bits != 0; bits &= bits - 1) {
            if (count < slot_capacity) {
                out_slots[count] = word * 64 + (uint32_t)__builtin_ctzll(bits);
            }
            count++;
        }
        space->found_slots[word] = 0;
    }
    *out_count = count;
    return count > slot_capacity ? MUSTER_ERR_FULL : MUSTER_OK;
}
