// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

// The load of each part of the world, counted from the state alone when somebody asks.

static uint32_t side_of(const muster_space *space, float offset_m)
{
    const float last = (float)space->partition_side_count - 1.0f;
    return (uint32_t)muster_clamp(offset_m * space->partitions_per_m, 0.0f, last);
}

static uint32_t partition_of(const muster_space *space, uint32_t slot)
{
    const muster_vec3 position = space->position[slot];
    const uint32_t column = side_of(space, position.x - space->partition_min_x);
    const uint32_t row = side_of(space, position.y - space->partition_min_y);
    return row * space->partition_side_count + column;
}

muster_space_partition_grid muster_space_partitions_grid(const muster_space *space)
{
    MUSTER_ASSERT(space != NULL);
    return (muster_space_partition_grid){
        .min_x = space->partition_min_x,
        .min_y = space->partition_min_y,
        .side_m = 1.0f / space->partitions_per_m,
        .side_count = space->partition_side_count,
    };
}

void muster_space_partitions(const muster_space *space, muster_space_partition *out_partitions)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_partitions != NULL);
    const uint32_t side_count = space->partition_side_count;
    for (uint32_t i = 0; i < side_count * side_count; i++) {
        out_partitions[i] = (muster_space_partition){0};
    }
    for (uint32_t slot = 0; slot < space->counts[0]; slot++) {
        if ((space->flags[slot] & MUSTER_BODY_EXISTS) == 0) {
            continue;
        }
        muster_space_partition *partition = &out_partitions[partition_of(space, slot)];
        partition->body_count++;
        partition->player_count += (space->flags[slot] & MUSTER_BODY_PLAYER) != 0;
        partition->cost += space->sleep_label[slot] == SPACE_AWAKE;
    }
    for (uint32_t i = 0; i < space->counts[1]; i++) {
        // An owner that was removed since the step counts where free slots are: nowhere.
        const uint32_t owner = space->contact_ends[i][0];
        const bool is_live =
            owner < space->counts[0] && (space->flags[owner] & MUSTER_BODY_EXISTS) != 0;
        if (is_live && space->sleep_label[owner] == SPACE_AWAKE) {
            out_partitions[partition_of(space, owner)].cost += 2;
        }
    }
}
