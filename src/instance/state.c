// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"
#include "core/hash.h"

#include <string.h>

static size_t live_bytes(const muster_state_block *block)
{
    MUSTER_ASSERT(*block->element_count <= block->element_capacity);
    return (size_t)*block->element_count * muster_state_element_bytes(block);
}

void world_hash_state(muster_world *world)
{
    uint64_t hash = world->seed;
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        world->block_hashes[i] = hash_bytes(block->data, live_bytes(block), i);
        hash = hash_combine(hash, world->block_hashes[i]);
    }
    world->hash = hash;
}

static uint64_t lane_bits(const uint8_t *lane, uint32_t lane_bytes)
{
    uint64_t bits = 0;
    memcpy(&bits, lane, lane_bytes);
    return bits;
}

// Finds the first lane of two blocks of one shape that is not the same.
static bool find_difference(const muster_state_block *left,
    const muster_state_block *right,
    muster_difference *out_difference)
{
    const uint32_t lane_bytes = muster_state_type_bytes(left->type);
    const uint32_t count =
        *left->element_count < *right->element_count ? *left->element_count : *right->element_count;
    const size_t bytes = (size_t)count * muster_state_element_bytes(left);
    if (bytes == 0 || memcmp(left->data, right->data, bytes) == 0) {
        return false;
    }
    const uint8_t *left_lane = left->data;
    const uint8_t *right_lane = right->data;
    size_t lane = 0;
    while (memcmp(left_lane, right_lane, lane_bytes) == 0) {
        left_lane += lane_bytes;
        right_lane += lane_bytes;
        lane++;
    }
    *out_difference = (muster_difference){
        .block_name = left->name,
        .element_index = (uint32_t)(lane / left->lane_count),
        .is_by_entity = left->is_by_entity,
        .lane_index = (uint32_t)(lane % left->lane_count),
        .left_bits = lane_bits(left_lane, lane_bytes),
        .right_bits = lane_bits(right_lane, lane_bytes),
        .type = left->type,
    };
    return true;
}

bool muster_instance_difference(
    const muster_instance *left, const muster_instance *right, muster_difference *out_difference)
{
    MUSTER_ASSERT(left != NULL);
    MUSTER_ASSERT(right != NULL);
    MUSTER_ASSERT(out_difference != NULL);
    MUSTER_ASSERT(left->world.block_count == right->world.block_count);
    *out_difference = (muster_difference){0};

    // A count that differs lies in a block before what it counts, so comparing common elements
    // misses nothing.
    for (uint32_t i = 0; i < left->world.block_count; i++) {
        if (find_difference(&left->world.blocks[i], &right->world.blocks[i], out_difference)) {
            return true;
        }
    }
    return false;
}
