// SPDX-License-Identifier: Apache-2.0
#include "replica/server.h"

#include "muster/math.h"

// What is in a ring stays there up to this factor beyond its radius, so that nobody flickers who
// walks along the border.
#define HYSTERESIS 1.05f

// How the reach follows a throng: never below this, down at once, up slowly.
#define REACH_MIN_M      1.0f
#define REACH_GROWTH     1.05f
#define REACH_STEP_COUNT 64
#define ROOM_FILLED      7 / 8 // of the table, after the reach went down
#define ROOM_FREE        5 / 8 // of the table, below which it goes up

// More births than this in a tick and clients look at everything instead.
#define BIRTH_COUNT_MAX 2048

uint32_t server_ruled_sections(
    const muster_replica *replica, const struct client *client, uint32_t slot)
{
    const muster_replica_viewer *viewer = &client->viewer;
    if (replica->can_see_entity != NULL &&
        !replica->can_see_entity(replica->rule_context, viewer->player_index, slot)) {
        return 0;
    }
    const struct history_slot *entry = &replica->history.slots[slot];
    uint32_t mask = replica->everyone_mask;
    if (replica->owner_mask != 0 && entry->owner == viewer->player_index + 1) {
        mask |= replica->owner_mask;
    }
    if (replica->team_mask != 0 && entry->team != 0 && entry->team == viewer->team) {
        mask |= replica->team_mask;
    }
    if (replica->rule_mask != 0 && replica->can_see_fields != NULL &&
        replica->can_see_fields(replica->rule_context, viewer->player_index, slot)) {
        mask |= replica->rule_mask;
    }
    return mask;
}

static float distance_squared(muster_vec3 a, muster_vec3 b)
{
    const muster_vec3 between = muster_vec3_sub(a, b);
    return muster_vec3_dot(between, between);
}

// How far a client looks for an entity.
static float reach_m(const muster_replica *replica, const struct client *client, uint32_t slot)
{
    const float kind_m = server_kind_reach_m(replica, slot);
    return kind_m > 0.0f && kind_m < client->reach_m ? kind_m : client->reach_m;
}

// The ring for a distance, coming from another ring or from none.
static uint32_t find_ring(
    const muster_replica *replica, float far_m, float squared, uint32_t from_ring)
{
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        const float channel_m = replica->layout.radius_m[ring];
        const float radius_m = channel_m < far_m ? channel_m : far_m;
        const float limit_m = ring >= from_ring ? radius_m * HYSTERESIS : radius_m;
        if (squared <= limit_m * limit_m) {
            return ring;
        }
    }
    return CLIENT_RING_NONE;
}

// Whether a client may know of an entity at all.
static bool is_visible(const muster_replica *replica, const struct client *client, uint32_t slot)
{
    const bool is_open_to_all = replica->can_see_entity == NULL && replica->everyone_mask != 0;
    return is_open_to_all || server_visible_sections(replica, client, slot) != 0;
}

// Looks at one entity that is known: whether it died, is too far, or is in another ring.
static void review(const muster_replica *replica, struct client *client, uint32_t index)
{
    const struct history *history = &replica->history;
    const uint32_t slot = client_entry(client, index)->slot;
    if (history->slots[slot].born_stamp > client_entry(client, index)->since_stamp) {
        client_leave(client, history, index, true);
        return;
    }
    const float squared = distance_squared(history->positions[slot], client->viewer.viewpoint);
    const uint32_t ring = find_ring(
        replica, reach_m(replica, client, slot), squared, client_entry(client, index)->ring);
    if (ring == CLIENT_RING_NONE || !is_visible(replica, client, slot)) {
        client_leave(client, history, index, false);
    } else {
        client_move(client, index, ring);
    }
}

static void review_known(const muster_replica *replica, struct client *client)
{
    client_prefetch_entries(client, 0, client->taken[0]);
    for (uint32_t w = 0; w < client->word_count; w++) {
        if (w + 1 < client->word_count) {
            client_prefetch_entries(client, w + 1, client->taken[w + 1]);
        }
        for (uint64_t left = client->taken[w]; left != 0; left &= left - 1) {
            const uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(left);
            const uint32_t slot = client_entry(client, index)->slot;
            __builtin_prefetch(&replica->history.slots[slot]);
            __builtin_prefetch(&replica->history.positions[slot]);
        }
        for (uint64_t left = client->taken[w] & ~client->leaving[w]; left != 0; left &= left - 1) {
            review(replica, client, w * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
}

static void enter_if_near(
    const muster_replica *replica, struct client *client, uint32_t slot, float squared)
{
    if (set_has(client->seen, slot)) {
        return;
    }
    const uint32_t ring =
        find_ring(replica, reach_m(replica, client, slot), squared, CLIENT_RING_NONE);
    if (ring != CLIENT_RING_NONE && is_visible(replica, client, slot)) {
        (void)client_enter(client, &replica->history, slot, ring); // full: the reach goes down
    }
}

// How far a client looks in one of the grids.
static float grid_reach_m(
    const muster_replica *replica, const struct client *client, uint32_t grid_index)
{
    const bool is_short = grid_index == 1 && replica->short_reach_m < client->reach_m;
    return is_short ? replica->short_reach_m : client->reach_m;
}

static muster_grid_cursor walk_reach(
    const muster_replica *replica, const struct client *client, uint32_t grid_index)
{
    const muster_vec3 centre = client->viewer.viewpoint;
    const float far_m = grid_reach_m(replica, client, grid_index);
    const muster_vec3 min = {centre.x - far_m, centre.y - far_m, centre.z - far_m};
    const muster_vec3 max = {centre.x + far_m, centre.y + far_m, centre.z + far_m};
    return muster_grid_walk(replica->grids[grid_index], min, max);
}

// Counts the entities within reach by distance: step i holds those whose squared distance is
// between i and i + 1 of REACH_STEP_COUNT parts of the squared reach.
static uint32_t count_near(const muster_replica *replica,
    const struct client *client,
    uint32_t grid_index,
    uint32_t steps[REACH_STEP_COUNT])
{
    const muster_grid_view view = muster_grid_read(replica->grids[grid_index]);
    const muster_vec3 centre = client->viewer.viewpoint;
    const float steps_per_m2 = (float)REACH_STEP_COUNT / (client->reach_m * client->reach_m);
    const float far_m = grid_reach_m(replica, client, grid_index);
    uint32_t count = 0;
    muster_grid_cursor cursor = walk_reach(replica, client, grid_index);
    for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
        for (uint32_t i = range.begin; i < range.end; i++) {
            const muster_vec3 place = {view.x[i], view.y[i], view.z[i]};
            const float squared = distance_squared(place, centre);
            const float step = squared * steps_per_m2;
            if (step < (float)REACH_STEP_COUNT && squared <= far_m * far_m) {
                steps[(uint32_t)step]++;
                count++;
            }
        }
    }
    return count;
}

// Draws the reach in until what is within it fits into the table, so that the nearest are known.
// As long as the reach is whole and half of the table is free there is nothing to count: what comes
// near until the next look finds room.
static void adjust_reach(const muster_replica *replica, struct client *client)
{
    uint32_t steps[REACH_STEP_COUNT] = {0};
    const float reach_max_m = replica->layout.radius_m[MUSTER_CHANNEL_COUNT - 1];
    if (client->reach_m == reach_max_m && client->known_count > 0 &&
        client->known_count + client->leaving_count < client->index_count / 2) {
        return;
    }
    const uint32_t count =
        count_near(replica, client, 0, steps) + count_near(replica, client, 1, steps);
    if (count > client->index_count) {
        uint32_t within = 0;
        uint32_t step = 0;
        while (within + steps[step] <= client->index_count * ROOM_FILLED) {
            within += steps[step++];
        }
        const float part = (float)(step == 0 ? 1 : step) / (float)REACH_STEP_COUNT;
        const float less_m = client->reach_m * muster_sqrt(part);
        client->reach_m = less_m < REACH_MIN_M ? REACH_MIN_M : less_m;
    } else if (count < client->index_count * ROOM_FREE && client->reach_m < reach_max_m) {
        const float more_m = client->reach_m * REACH_GROWTH;
        client->reach_m = more_m > reach_max_m ? reach_max_m : more_m;
    }
}

static void look_around(const muster_replica *replica, struct client *client, uint32_t grid_index)
{
    const muster_grid_view view = muster_grid_read(replica->grids[grid_index]);
    const muster_vec3 centre = client->viewer.viewpoint;
    const float far_m = grid_reach_m(replica, client, grid_index);
    muster_grid_cursor cursor = walk_reach(replica, client, grid_index);
    for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
        for (uint32_t i = range.begin; i < range.end; i++) {
            const muster_vec3 place = {view.x[i], view.y[i], view.z[i]};
            const float squared = distance_squared(place, centre);
            if (squared <= far_m * far_m) {
                enter_if_near(replica, client, view.ids[i], squared);
            }
        }
    }
}

// Those born in this tick, so that nobody waits for a shot.
static void look_at_births(const muster_replica *replica, struct client *client)
{
    const struct history *history = &replica->history;
    for (uint32_t i = 0; i < history->birth_count; i++) {
        const bool is_seen = set_has(client->seen, history->births[i]);
        const uint32_t index =
            is_seen ? client_find(client, history->births[i]) : client->index_count;
        if (index < client->index_count) {
            review(replica, client, index); // whoever was there is dead
        }
    }
    for (uint32_t i = 0; i < history->birth_count; i++) {
        const uint32_t slot = history->births[i];
        enter_if_near(replica, client, slot,
            distance_squared(history->positions[slot], client->viewer.viewpoint));
    }
}

void server_look(const muster_replica *replica, struct client *client)
{
    const struct history *history = &replica->history;
    const bool is_due = client->looked_stamp == 0 ||
                        (history->stamp + client->number) % replica->interest_ticks == 0 ||
                        history->stamp - client->looked_stamp >= replica->interest_ticks;
    if (is_due || history->birth_count > BIRTH_COUNT_MAX) {
        client->looked_stamp = history->stamp;
        adjust_reach(replica, client);
        review_known(replica, client);
        look_around(replica, client, 0);
        look_around(replica, client, 1);
    } else if (history->birth_count > 0) {
        look_at_births(replica, client);
    }
}
