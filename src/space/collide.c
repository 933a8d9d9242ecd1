// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

// Chunks of places look for contacts on their own, each into its own part of the array, so that
// the order of contacts is that of places whatever runs at once. A chunk that meets a sleeping
// body notes whom to wake; then those are woken and all chunks look again, because what was
// asleep has contacts of its own.
//
// Two bodies are in contact if they touch, or would within the step if nothing stopped them. The
// solver then lets them come exactly together.

// Neighbours of one body; more are dropped.
#define NEAR_COUNT_MAX 256u

// Slower touches do not bounce.
#define BOUNCE_SPEED_MIN 1.0f

// One chunk at work.
struct search {
    muster_space *space;
    struct chunk *chunk;
    struct kernel_index index;
};

static struct contact *add_contact(struct search *search)
{
    struct chunk *chunk = search->chunk;
    if (chunk->contact_count == chunk->contact_capacity) {
        chunk->dropped_count++;
        return NULL;
    }
    struct contact *contact =
        &search->space->contacts[chunk->contact_begin + chunk->contact_count++];
    *contact = (struct contact){0};
    return contact;
}

static uint32_t find_in_chain(const muster_space *space, uint32_t owner, uint32_t other)
{
    for (uint32_t i = space->contact_head[owner]; i != SPACE_NO_CONTACT;
         i = space->contact_next[i]) {
        if ((space->contact_ends[i][1] & ~SPACE_OTHER_TOUCHING) == other) {
            return i;
        }
    }
    return SPACE_NO_CONTACT;
}

// Takes over what is left of the same contact in the step before.
static void inherit(const muster_space *space, struct contact *contact, uint32_t owner)
{
    float sign = 1.0f;
    uint32_t kept = find_in_chain(space, owner, contact->other);
    if (kept == SPACE_NO_CONTACT && contact->other < SPACE_OTHER_BOX) {
        kept = find_in_chain(space, contact->other, owner);
        sign = -1.0f;
    }
    if (kept == SPACE_NO_CONTACT) {
        return;
    }
    const float *impulse = space->contact_impulse[kept];
    contact->was_touching = (space->contact_ends[kept][1] & SPACE_OTHER_TOUCHING) != 0;
    contact->normal_impulse = impulse[0];

    // The part of the old friction that still lies across the normal.
    const muster_vec3 friction = {sign * impulse[1], sign * impulse[2], sign * impulse[3]};
    const float along = muster_vec3_dot(friction, contact->normal);
    contact->friction_impulse =
        muster_vec3_sub(friction, muster_vec3_scale(contact->normal, along));
}

static void mix_materials(
    const muster_space *space, struct contact *contact, uint8_t material_a, uint8_t material_b)
{
    const muster_space_material *a = &space->materials[material_a];
    const muster_space_material *b = &space->materials[material_b];
    contact->friction = muster_sqrt(a->friction * b->friction);
    const float restitution = a->restitution > b->restitution ? a->restitution : b->restitution;
    const bool bounces = contact->approach_mps > BOUNCE_SPEED_MIN;
    contact->bounce_mps = bounces ? restitution * contact->approach_mps : 0.0f;
}

static muster_vec3 velocity_at(const muster_space *space, uint32_t place)
{
    const struct kernel_body *body = &space->bodies[place];
    return (muster_vec3){body->x, body->y, body->z};
}

static muster_vec3 centre_at(const muster_space *space, uint32_t place)
{
    const muster_grid_view *view = &space->view;
    return (muster_vec3){view->x[place], view->y[place], view->z[place]};
}

// Two bodies near each other, as far as is known without looking at their slots.
struct meeting {
    uint32_t place_a, place_b;
    muster_vec3 normal;
    float separation_m;
    float closing_mps;
};

static struct meeting meet(const muster_space *space, uint32_t place_a, uint32_t place_b)
{
    const muster_vec3 way = muster_vec3_sub(centre_at(space, place_a), centre_at(space, place_b));
    const float distance = muster_vec3_length(way);
    const muster_vec3 aside = {1.0f, 0.0f, 0.0f};
    const muster_vec3 normal = distance > 1e-6f ? muster_vec3_scale(way, 1.0f / distance) : aside;
    const muster_vec3 velocity =
        muster_vec3_sub(velocity_at(space, place_a), velocity_at(space, place_b));
    return (struct meeting){
        .place_a = place_a,
        .place_b = place_b,
        .normal = normal,
        .separation_m = distance - space->place_radius_m[place_a] - space->place_radius_m[place_b],
        .closing_mps = -muster_vec3_dot(velocity, normal),
    };
}

// The gap that is left at the end of the step if nothing stops the two.
static float gap_ahead(const muster_space *space, float separation_m, float closing_mps)
{
    return closing_mps > 0.0f ? separation_m - closing_mps * space->step_s : separation_m;
}

static bool slots_meet(const muster_space *space, uint32_t a, uint32_t b)
{
    return (space->category[a] & space->mask[b]) != 0 && (space->category[b] & space->mask[a]) != 0;
}

// How two bodies meet, if at all.
static bool sort_of(const muster_space *space, const struct meeting *meeting, uint8_t *out_sort)
{
    const uint8_t a = space->place_flags[meeting->place_a];
    const uint8_t b = space->place_flags[meeting->place_b];
    const uint8_t both = a & b;
    const uint8_t any = a | b;
    if ((any & PLACE_ACTIVE) == 0 || (both & PLACE_SENSOR) != 0) {
        return false;
    }
    const float gap = gap_ahead(space, meeting->separation_m, meeting->closing_mps);
    if ((any & PLACE_SENSOR) != 0) {
        *out_sort = CONTACT_SENSOR;
        return meeting->separation_m <= 0.0f;
    }
    if ((any & PLACE_SLEEPING) != 0) {
        *out_sort = CONTACT_WAKE;
        return gap <= 0.0f;
    }
    *out_sort = (both & PLACE_PUSHED) != 0 ? CONTACT_PAIR : CONTACT_ANCHOR;
    return (any & PLACE_PUSHED) != 0 && gap <= SPACE_TOUCH_M;
}

static void add_meeting(struct search *search, uint32_t place_a, uint32_t place_b)
{
    muster_space *space = search->space;
    struct meeting meeting = meet(space, place_a, place_b);
    uint8_t sort;
    const uint32_t slot_a = space->view.ids[place_a];
    const uint32_t slot_b = space->view.ids[place_b];
    if (!sort_of(space, &meeting, &sort) || !slots_meet(space, slot_a, slot_b)) {
        return;
    }
    struct contact *contact = add_contact(search);
    if (contact == NULL) {
        return;
    }

    // Of an anchored contact the first body is the one that can be pushed.
    const bool is_turned =
        sort == CONTACT_ANCHOR && (space->place_flags[place_a] & PLACE_PUSHED) == 0;
    contact->place_a = is_turned ? place_b : place_a;
    contact->place_b = is_turned ? place_a : place_b;
    contact->normal = muster_vec3_scale(meeting.normal, is_turned ? -1.0f : 1.0f);
    contact->other = is_turned ? slot_a : slot_b;
    contact->sort = sort;
    contact->separation_m = meeting.separation_m;
    contact->approach_mps = meeting.closing_mps > 0.0f ? meeting.closing_mps : 0.0f;
    contact->is_touching = meeting.separation_m <= SPACE_TOUCH_M;
    if (sort == CONTACT_WAKE) {
        search->chunk->has_sleeper = true;
        return;
    }
    mix_materials(space, contact, space->material[slot_a], space->material[slot_b]);
    if (((space->flags[slot_a] | space->flags[slot_b]) & SPACE_FRESH) == 0) {
        inherit(space, contact, is_turned ? slot_b : slot_a);
    }
}

static void find_neighbours(struct search *search, uint32_t place)
{
    muster_space *space = search->space;
    muster_grid_range ranges[MUSTER_GRID_AFTER_RANGE_COUNT];
    const uint32_t range_count = muster_grid_after(space->grid, place, ranges);
    if (range_count == 0) {
        return;
    }
    uint32_t near[NEAR_COUNT_MAX];
    const uint32_t count =
        space->kernels->find_near(&search->index, place, ranges, range_count, near, NEAR_COUNT_MAX);
    search->chunk->dropped_count += count == NEAR_COUNT_MAX;
    for (uint32_t i = 0; i < count; i++) {
        add_meeting(search, place, near[i]);
    }
}

// A body too large for the cells looks at all that is within its reach, and at the other large
// ones that follow it.
static void find_around_large(struct search *search, uint32_t place)
{
    muster_space *space = search->space;
    const float reach = space->place_radius_m[place] + space->reach_max_m + SPACE_TOUCH_M;
    const muster_vec3 out = {reach, reach, reach};
    const muster_vec3 centre = centre_at(space, place);
    muster_grid_cursor cursor =
        muster_grid_walk(space->grid, muster_vec3_sub(centre, out), muster_vec3_add(centre, out));
    for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
        for (uint32_t i = range.begin; i < range.end; i++) {
            const struct meeting meeting = meet(space, place, i);
            const bool is_near = meeting.separation_m < space->reach_max_m;
            if (is_near && space->place_reach_m[i] >= 0.0f && muster_grid_is_in_row(&cursor, i)) {
                add_meeting(search, place, i);
            }
        }
    }
    for (uint32_t i = 0; i < space->large_count; i++) {
        if (space->large_places[i] > place) {
            add_meeting(search, place, space->large_places[i]);
        }
    }
}

// A contact with something that has no body.
static void add_anchor(struct search *search,
    uint32_t place,
    uint32_t other,
    uint8_t material,
    const struct terrain_contact *touch)
{
    muster_space *space = search->space;
    const uint32_t slot = space->view.ids[place];
    const float closing = -muster_vec3_dot(velocity_at(space, place), touch->normal);
    if (gap_ahead(space, touch->separation_m, closing) > SPACE_TOUCH_M) {
        return;
    }
    struct contact *contact = add_contact(search);
    if (contact == NULL) {
        return;
    }
    contact->place_a = place;
    contact->place_b = space->view.point_count;
    contact->other = other;
    contact->sort = CONTACT_ANCHOR;
    contact->normal = touch->normal;
    contact->separation_m = touch->separation_m;
    contact->approach_mps = closing > 0.0f ? closing : 0.0f;
    contact->is_touching = touch->separation_m <= SPACE_TOUCH_M;
    mix_materials(space, contact, space->material[slot], material);
    if ((space->flags[slot] & SPACE_FRESH) == 0) {
        inherit(space, contact, slot);
    }
}

static bool bounds_meet(const struct bounds *a, const struct bounds *b)
{
    // Height first: of what is listed for a place, most lies below or above.
    return a->min.z <= b->max.z && a->max.z >= b->min.z && a->min.x <= b->max.x &&
           a->max.x >= b->min.x && a->min.y <= b->max.y && a->max.y >= b->min.y;
}

static void find_box(
    struct search *search, uint32_t place, uint32_t box, const struct bounds *swept)
{
    const muster_space *space = search->space;
    const struct box_table *table = &space->box_table;
    if (!bounds_meet(&table->bounds[box], swept)) {
        return;
    }
    const uint32_t slot = space->view.ids[place];
    if ((table->boxes[box].category & space->mask[slot]) == 0) {
        return;
    }
    struct terrain_contact touch;
    const float distance = box_distance(table, box, centre_at(space, place), &touch.normal);
    touch.separation_m = distance - space->place_radius_m[place];
    add_anchor(search, place, SPACE_OTHER_BOX | box, table->boxes[box].material, &touch);
}

static void find_boxes(struct search *search, uint32_t place)
{
    const muster_space *space = search->space;
    const struct box_table *table = &space->box_table;
    const muster_vec3 centre = centre_at(space, place);
    const muster_vec3 way = muster_vec3_scale(velocity_at(space, place), space->step_s);
    const float radius = space->place_radius_m[place] + SPACE_TOUCH_M;
    const muster_vec3 out = {radius, radius, radius};
    const muster_vec3 end = muster_vec3_add(centre, way);
    const struct bounds swept = {
        muster_vec3_sub(vec3_min(centre, end), out), muster_vec3_add(vec3_max(centre, end), out)};
    if (space->place_reach_m[place] < 0.0f) {
        for (uint32_t box = 0; box < table->box_count; box++) {
            find_box(search, place, box, &swept);
        }
        return;
    }
    const muster_grid_range range = box_table_at(table, centre.x, centre.y);
    for (uint32_t i = range.begin; i < range.end; i++) {
        find_box(search, place, table->cell_boxes[i], &swept);
    }
}

static void find_ground(struct search *search, uint32_t place)
{
    const muster_space *space = search->space;
    const uint32_t slot = space->view.ids[place];
    if ((space->terrain.category & space->mask[slot]) == 0) {
        return;
    }
    const float speed = muster_vec3_length(velocity_at(space, place));
    const float margin = SPACE_TOUCH_M + speed * space->step_s;
    struct terrain_contact touches[SPACE_TERRAIN_CONTACT_MAX];
    const uint32_t count = terrain_touch(
        &space->terrain, centre_at(space, place), space->place_radius_m[place], margin, touches);
    for (uint32_t i = 0; i < count; i++) {
        add_anchor(search, place, SPACE_OTHER_TERRAIN | i, space->terrain.material, &touches[i]);
    }
}

static void search_chunk(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    muster_space *space = context;
    struct search search = {
        .space = space,
        .chunk = &space->chunks[item_index],
        .index =
            {
                .x = space->view.x,
                .y = space->view.y,
                .z = space->view.z,
                .reach_m = space->place_reach_m,
            },
    };
    struct chunk *chunk = search.chunk;
    chunk->contact_count = 0;
    chunk->dropped_count = 0;
    chunk->has_sleeper = false;
    const uint32_t begin = item_index * SPACE_CHUNK_BODY_COUNT;
    const uint32_t rest = space->view.point_count - begin;
    const uint32_t count = rest < SPACE_CHUNK_BODY_COUNT ? rest : SPACE_CHUNK_BODY_COUNT;
    for (uint32_t place = begin; place < begin + count; place++) {
        if (space->place_reach_m[place] < 0.0f) {
            find_around_large(&search, place);
        } else {
            find_neighbours(&search, place);
        }
        if ((space->place_flags[place] & PLACE_PUSHED) != 0) {
            find_boxes(&search, place);
            if (space->terrain.column_count > 0) {
                find_ground(&search, place);
            }
        }
    }
}

// Wakes whom the chunks noted. Returns whether there was anyone.
static bool wake_the_met(muster_space *space)
{
    bool has_woken = false;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const struct chunk *chunk = &space->chunks[c];
        const uint32_t count = chunk->has_sleeper ? chunk->contact_count : 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct contact *contact = &space->contacts[chunk->contact_begin + i];
            if (contact->sort == CONTACT_WAKE) {
                space_wake(space, space->view.ids[contact->place_a]);
                space_wake(space, space->view.ids[contact->place_b]);
                has_woken = true;
            }
        }
    }
    return has_woken;
}

void space_find_contacts(muster_space *space, const muster_parallel *parallel)
{
    do {
        space_prepare_bodies(space, parallel);
        parallel->run(parallel->pool, space->chunk_count, search_chunk, space);
    } while (wake_the_met(space));
}
