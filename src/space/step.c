// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

// A step: sort the bodies, find what touches, join it into islands, solve them, move everything,
// sweep the bullets, and keep what the next step begins with.

static muster_grid_range places_of(const muster_space *space, uint32_t chunk_index)
{
    const uint32_t begin = chunk_index * SPACE_CHUNK_BODY_COUNT;
    const uint32_t end = begin + SPACE_CHUNK_BODY_COUNT;
    const uint32_t count = space->view.point_count;
    return (muster_grid_range){begin, end < count ? end : count};
}

static uint8_t place_flags_of(const muster_space *space, uint32_t slot)
{
    const uint8_t flags = space->flags[slot];
    const muster_vec3 velocity = space->velocity[slot];
    const bool is_unpushed = (flags & SPACE_UNPUSHED) != 0;
    const bool is_asleep = space->sleep_label[slot] != SPACE_AWAKE;
    const bool moves = muster_vec3_dot(velocity, velocity) > 0.0f;
    const bool is_fresh = (flags & SPACE_FRESH) != 0;
    const bool is_pushed = !is_unpushed && !is_asleep;
    const bool is_active = is_pushed || (is_unpushed && (moves || is_fresh));
    return (uint8_t)((is_pushed ? PLACE_PUSHED : 0) | (is_active ? PLACE_ACTIVE : 0) |
                     ((flags & MUSTER_BODY_SENSOR) != 0 ? PLACE_SENSOR : 0) |
                     (!is_unpushed && is_asleep ? PLACE_SLEEPING : 0));
}

static void prepare_place(muster_space *space, uint32_t place)
{
    const uint32_t slot = space->view.ids[place];
    const uint8_t flags = place_flags_of(space, slot);
    const bool is_pushed = (flags & PLACE_PUSHED) != 0;
    const muster_vec3 velocity = is_pushed ? space_accelerated(space, slot) : space->velocity[slot];
    space->place_flags[place] = flags;
    space->bodies[place] = (struct kernel_body){
        .x = velocity.x,
        .y = velocity.y,
        .z = velocity.z,
        .inverse_mass = is_pushed ? space->inverse_mass[slot] : 0.0f,
    };
    const float radius = space->place_radius_m[place] + SPACE_TOUCH_M;
    const float reach = radius + muster_vec3_length(velocity) * space->step_s;
    const float bounded = reach < space->reach_max_m ? reach : space->reach_max_m;
    space->place_reach_m[place] = radius > space->reach_max_m ? -space->reach_max_m : bounded;
    space->colour_mask[place] = 0;
    space->anchor_count[place] = 0;
    space->parent[place] = place;
    space->island_of[place] = SPACE_NO_PLACE;
}

static void prepare_chunk(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    muster_space *space = context;
    const muster_grid_range places = places_of(space, item_index);
    bool has_inactive = false;
    for (uint32_t place = places.begin; place < places.end; place++) {
        prepare_place(space, place);
        has_inactive = has_inactive || (space->place_flags[place] & PLACE_ACTIVE) == 0;
    }
    space->chunks[item_index].has_inactive = has_inactive;
}

void space_prepare_bodies(muster_space *space, const muster_parallel *parallel)
{
    parallel->run(parallel->pool, space->chunk_count, prepare_chunk, space);
}

// Cuts the bodies into chunks, each with room for its contacts.
static void cut_chunks(muster_space *space)
{
    const uint32_t body_count = space->view.point_count;
    const uint32_t contacts_per_body = space->contact_capacity / space->body_capacity;
    space->chunk_count = (body_count + SPACE_CHUNK_BODY_COUNT - 1) / SPACE_CHUNK_BODY_COUNT;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const muster_grid_range places = places_of(space, c);
        space->chunks[c] = (struct chunk){
            .contact_begin = places.begin * contacts_per_body,
            .contact_capacity = (places.end - places.begin) * contacts_per_body,
        };
    }
    // What boxes and terrain are to the solver: a body that stands still.
    space->bodies[body_count] = (struct kernel_body){0};
}

static bool is_inactive(const muster_space *space, uint32_t slot)
{
    const uint32_t place = space->place_of_slot[slot];
    return place != SPACE_NO_PLACE && (space->place_flags[place] & PLACE_ACTIVE) == 0;
}

// True if neither end of a contact of the step before has been looked at in this one.
static bool is_kept(const muster_space *space, uint32_t contact)
{
    const uint32_t owner = space->contact_ends[contact][0];
    const uint32_t other = space->contact_ends[contact][1] & ~SPACE_OTHER_TOUCHING;
    if (owner >= space->counts[0] || !is_inactive(space, owner)) {
        return false;
    }
    if (other >= SPACE_OTHER_BOX) {
        return true;
    }
    return other < space->counts[0] && is_inactive(space, other);
}

// Moves the contacts that sleep on to the front, and gives every chunk its place behind them.
// Nothing reads the contacts of the step before after this.
static void keep_contacts(muster_space *space)
{
    bool has_inactive = false;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        has_inactive = has_inactive || space->chunks[c].has_inactive;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; has_inactive && i < space->counts[1]; i++) {
        if (is_kept(space, i)) {
            memcpy(
                space->contact_ends[count], space->contact_ends[i], sizeof space->contact_ends[i]);
            memcpy(space->contact_impulse[count], space->contact_impulse[i],
                sizeof space->contact_impulse[i]);
            count++;
        }
    }
    space->kept_count = count;

    for (uint32_t c = 0; c < space->chunk_count; c++) {
        struct chunk *chunk = &space->chunks[c];
        const uint32_t room = space->contact_capacity - count;
        const uint32_t excess = chunk->contact_count > room ? chunk->contact_count - room : 0;
        chunk->contact_count -= excess;
        chunk->cache_begin = count;
        count += chunk->contact_count;
        space->dropped_count += chunk->dropped_count + excess;
    }
    space->counts[1] = count;
}

static void move_place(muster_space *space, struct chunk *chunk, uint32_t place)
{
    const uint32_t slot = space->view.ids[place];
    const uint8_t flags = space->place_flags[place];
    if ((space->flags[slot] & SPACE_FRESH) != 0) {
        space->flags[slot] &= (uint8_t)~SPACE_FRESH;
    }
    if ((flags & PLACE_SLEEPING) != 0) {
        return;
    }
    const bool is_touched = (space->colour_mask[place] | space->anchor_count[place]) != 0;
    const struct kernel_body *move = is_touched ? &space->moves[place] : &space->bodies[place];
    const struct kernel_body *body = &space->bodies[place];
    const muster_vec3 way =
        muster_vec3_scale((muster_vec3){move->x, move->y, move->z}, space->step_s);
    const muster_vec3 velocity = space_limit_speed((muster_vec3){body->x, body->y, body->z});
    space->position[slot] = space_limit_position(muster_vec3_add(space->position[slot], way));
    space->velocity[slot] = velocity;
    space->ground_normal[slot] = (muster_vec3){0.0f, 0.0f, 0.0f};
    if ((flags & PLACE_PUSHED) == 0) {
        return;
    }
    const bool rests = muster_vec3_dot(velocity, velocity) <= space->sleep_speed_squared;
    const uint16_t ticks = space->rest_ticks[slot];
    space->rest_ticks[slot] = (uint16_t)(rests ? ticks + (ticks < UINT16_MAX) : 0);
    const bool has_rested = space->rest_ticks[slot] >= space->sleep_ticks;
    chunk->may_sleep = chunk->may_sleep || has_rested;
}

static void move_chunk(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    muster_space *space = context;
    const muster_grid_range places = places_of(space, item_index);
    struct chunk *chunk = &space->chunks[item_index];
    for (uint32_t place = places.begin; place < places.end; place++) {
        move_place(space, chunk, place);
    }
}

// Writes a chunk's contacts into the state.
static void store_chunk(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    muster_space *space = context;
    const struct chunk *chunk = &space->chunks[item_index];
    for (uint32_t i = 0; i < chunk->contact_count; i++) {
        const struct contact *contact = &space->contacts[chunk->contact_begin + i];
        const uint32_t place = chunk->cache_begin + i;
        const uint32_t touching = contact->is_touching ? SPACE_OTHER_TOUCHING : 0;
        space->contact_ends[place][0] = space->view.ids[contact->place_a];
        space->contact_ends[place][1] = contact->other | touching;
        space->contact_impulse[place][0] = contact->normal_impulse;
        space->contact_impulse[place][1] = contact->friction_impulse.x;
        space->contact_impulse[place][2] = contact->friction_impulse.y;
        space->contact_impulse[place][3] = contact->friction_impulse.z;
    }
}

static void stand(muster_space *space, uint32_t slot, muster_vec3 normal)
{
    // The most level of all that bears it.
    const float steepest = space->ground_normal_z_min;
    const float best = space->ground_normal[slot].z;
    if (normal.z >= steepest && normal.z > best) {
        space->ground_normal[slot] = normal;
    }
}

static void report(muster_space *space, const struct contact *contact)
{
    const uint32_t other = contact->other;
    muster_space_kind kind = MUSTER_SPACE_BODY;
    uint32_t index = other;
    if (other >= SPACE_OTHER_TERRAIN) {
        kind = MUSTER_SPACE_TERRAIN;
        index = 0;
    } else if (other >= SPACE_OTHER_BOX) {
        kind = MUSTER_SPACE_BOX;
        index = other - SPACE_OTHER_BOX;
    }
    space->events[space->event_count++] = (muster_space_contact){
        .slot = space->view.ids[contact->place_a],
        .kind = kind,
        .index = index,
        .normal = contact->normal,
        .approach_mps = contact->approach_mps,
    };
}

// What a contact means to the game.
static void tell(muster_space *space, const struct contact *contact)
{
    if (!contact->is_touching) {
        return;
    }
    // The further contacts of one body with the ground are no news.
    if (!contact->was_touching && contact->other <= SPACE_OTHER_TERRAIN) {
        report(space, contact);
    }
    if (contact->sort == CONTACT_SENSOR) {
        return;
    }
    stand(space, space->view.ids[contact->place_a], contact->normal);
    if (contact->sort == CONTACT_PAIR) {
        stand(space, contact->other, muster_vec3_scale(contact->normal, -1.0f));
    }
}

static void tell_all(muster_space *space)
{
    space->event_count = 0;
    for (uint32_t c = 0; c < space->chunk_count; c++) {
        const struct chunk *chunk = &space->chunks[c];
        for (uint32_t i = 0; i < chunk->contact_count; i++) {
            tell(space, &space->contacts[chunk->contact_begin + i]);
        }
    }
}

void muster_space_step(muster_space *space, const muster_parallel *parallel)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(parallel != NULL);
    MUSTER_ASSERT(parallel->run != NULL);

    space_index_sort(space);
    cut_chunks(space);
    space_find_contacts(space, parallel);
    keep_contacts(space);
    space_find_islands(space);
    space_solve(space, parallel);
    parallel->run(parallel->pool, space->chunk_count, move_chunk, space);
    tell_all(space);
    parallel->run(parallel->pool, space->chunk_count, store_chunk, space);
    space_put_to_sleep(space);
    space_move_bullets(space);
    space_chain_contacts(space);
    space_index_drop(space);
}
