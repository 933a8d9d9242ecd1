// SPDX-License-Identifier: Apache-2.0
#include "client/track.h"

#include "core/assert.h"

#include <string.h>

// An entity that rests sends no states. When it moves on, its last state is long past, and the
// picture must not drift slowly from there: it rests until shortly before the new state.
#define GAP_TICKS_MAX 12u

struct track_state {
    uint64_t tick;
    float place[TRACK_LANE_COUNT];
};

struct track {
    uint64_t entity_id;
    uint32_t count;
    uint32_t newest; // of `states`, a ring
    struct track_state states[TRACK_STATES];
};

struct tracks {
    muster_allocator allocator;
    size_t bytes;
    uint32_t field_index;
    uint32_t lane_count;
    uint32_t count;
    struct track list[];
};

static uint32_t find_position(const muster_replica_schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (schema->fields[i].encoding == MUSTER_FIELD_POSITION) {
            return i;
        }
    }
    return UINT32_MAX;
}

muster_status tracks_create(const muster_allocator *allocator,
    const muster_replica_schema *schema,
    struct tracks **out_tracks)
{
    MUSTER_ASSERT(allocator != NULL && schema != NULL && out_tracks != NULL);
    *out_tracks = NULL;
    const uint32_t field_index = find_position(schema);
    if (field_index == UINT32_MAX) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const size_t bytes =
        sizeof(struct tracks) + (size_t)schema->known_count_max * sizeof(struct track);
    struct tracks *tracks = allocator->alloc(allocator->context, bytes, _Alignof(struct tracks));
    if (tracks == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(tracks, 0, bytes);
    const uint32_t lane_count = schema->fields[field_index].lane_count;
    tracks->allocator = *allocator;
    tracks->bytes = bytes;
    tracks->field_index = field_index;
    tracks->lane_count = lane_count < TRACK_LANE_COUNT ? lane_count : TRACK_LANE_COUNT;
    tracks->count = schema->known_count_max;
    *out_tracks = tracks;
    return MUSTER_OK;
}

void tracks_destroy(struct tracks *tracks)
{
    if (tracks == NULL) {
        return;
    }
    const muster_allocator allocator = tracks->allocator;
    allocator.free(allocator.context, tracks, tracks->bytes);
}

void tracks_clear(struct tracks *tracks)
{
    MUSTER_ASSERT(tracks != NULL);
    memset(tracks->list, 0, tracks->count * sizeof tracks->list[0]);
}

static void note_state(struct track *track, uint64_t tick, const float *numbers)
{
    track->newest = track->count == 0 ? 0 : (track->newest + 1) % TRACK_STATES;
    track->count += track->count < TRACK_STATES ? 1 : 0;
    struct track_state *state = &track->states[track->newest];
    state->tick = tick;
    memcpy(state->place, numbers, sizeof state->place);
}

void tracks_follow(struct tracks *tracks, const muster_replica_view *view)
{
    MUSTER_ASSERT(tracks != NULL && view != NULL);
    for (uint32_t i = 0; i < tracks->count; i++) {
        struct track *track = &tracks->list[i];
        const uint64_t tick = muster_replica_view_field_tick(view, i, tracks->field_index);
        muster_replica_entity entity;
        if (tick == 0 || !muster_replica_view_entity(view, i, &entity)) {
            track->count = 0;
            continue;
        }
        track->count = track->entity_id == entity.id ? track->count : 0;
        track->entity_id = entity.id;
        float numbers[MUSTER_REPLICA_LANE_COUNT_MAX];
        if ((track->count == 0 || tick > track->states[track->newest].tick) &&
            muster_replica_view_numbers(view, i, tracks->field_index, numbers)) {
            note_state(track, tick, numbers);
        }
    }
}

// The state `age` states before the newest.
static const struct track_state *state_at(const struct track *track, uint32_t age)
{
    return &track->states[(track->newest + TRACK_STATES - age) % TRACK_STATES];
}

static float share_between(
    const struct track_state *from, const struct track_state *to, double tick)
{
    const uint64_t gap_ticks = to->tick - from->tick;
    const uint64_t from_tick = gap_ticks > GAP_TICKS_MAX ? to->tick - GAP_TICKS_MAX : from->tick;
    const double share = (tick - (double)from_tick) / (double)(to->tick - from_tick);
    return share > 0.0 ? (float)share : 0.0f;
}

bool tracks_place(const struct tracks *tracks,
    uint32_t index,
    double tick,
    float out_place[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    MUSTER_ASSERT(tracks != NULL && out_place != NULL);
    memset(out_place, 0, MUSTER_REPLICA_LANE_COUNT_MAX * sizeof out_place[0]);
    if (index >= tracks->count || tracks->list[index].count == 0) {
        return false;
    }
    const struct track *track = &tracks->list[index];
    uint32_t age = 0;
    while (age + 1 < track->count && (double)state_at(track, age)->tick > tick) {
        age++;
    }
    const struct track_state *from = state_at(track, age);
    const struct track_state *to = age > 0 ? state_at(track, age - 1) : from;
    const bool is_between = to != from && (double)from->tick <= tick;
    const float share = is_between ? share_between(from, to, tick) : 0.0f;
    for (uint32_t i = 0; i < tracks->lane_count; i++) {
        out_place[i] = from->place[i] + (to->place[i] - from->place[i]) * share;
    }
    return true;
}
