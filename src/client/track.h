// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where entities were in their last few states, for a picture that is drawn a little behind the
/// newest: one track for each index of a view.

#include "muster/replica_view.h"

#define TRACK_STATES     8u
#define TRACK_LANE_COUNT 3u

struct tracks;

/// Tracks of the first POSITION field of a schema.
/// @return MUSTER_ERR_NOT_FOUND if there is none, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status tracks_create(const muster_allocator *allocator,
    const muster_replica_schema *schema,
    struct tracks **out_tracks);

/// Does nothing for NULL.
void tracks_destroy(struct tracks *tracks);

/// Forgets everything.
void tracks_clear(struct tracks *tracks);

/// Notes what is new in the view.
void tracks_follow(struct tracks *tracks, const muster_replica_view *view);

/// Where the entity at an index was at a time in ticks: between two states, or at the nearest end.
/// @return false if nothing is known of it
bool tracks_place(const struct tracks *tracks,
    uint32_t index,
    double tick,
    float out_place[MUSTER_REPLICA_LANE_COUNT_MAX]);
