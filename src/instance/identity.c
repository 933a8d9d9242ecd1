// SPDX-License-Identifier: Apache-2.0
#include "instance/identity.h"

#include "core/assert.h"
#include "core/hash.h"

#include <string.h>

// Names, types and sizes of all blocks: two builds of a game with other columns under one rules
// version differ here.
static uint64_t layout_hash(const muster_world *world)
{
    uint64_t hash = world->block_count;
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        hash = hash_combine(hash, hash_bytes(block->name, strlen(block->name), i));
        hash = hash_combine(hash, (uint64_t)block->type << 32 | block->lane_count);
        hash = hash_combine(hash, block->element_capacity);
    }
    return hash;
}

muster_world_identity identity_of(const muster_world *world)
{
    muster_world_identity identity = {
        .rules_version = world->game->rules_version,
        .tick_rate_hz = world->game->tick_rate_hz,
        .instance_id = world->instance_id,
        .limits = world->limits,
        .seed = world->seed,
        .option_count = world->game->option_count,
        .layout_hash = layout_hash(world),
        .static_hash = world->space != NULL ? muster_space_static_hash(world->space) : 0,
    };
    memcpy(identity.game_name, world->game->name, strlen(world->game->name));
    memcpy(identity.options, world->options, sizeof identity.options);
    return identity;
}

void identity_write(struct record_writer *writer, const muster_world_identity *identity)
{
    record_write_text(writer, identity->game_name);
    record_write_u32(writer, identity->rules_version);
    record_write_u32(writer, identity->tick_rate_hz);
    record_write_u32(writer, identity->instance_id);
    record_write_u32(writer, identity->limits.player_count_max);
    record_write_u32(writer, identity->limits.entity_count_max);
    record_write_u32(writer, identity->limits.box_count_max);
    record_write_u32(writer, identity->limits.blob_bytes);
    record_write_u64(writer, identity->seed);
    record_write_u32(writer, identity->option_count);
    for (uint32_t i = 0; i < identity->option_count; i++) {
        record_write_u64(writer, (uint64_t)identity->options[i]);
    }
    record_write_u64(writer, identity->layout_hash);
    record_write_u64(writer, identity->static_hash);
}

void identity_read(struct record_reader *reader, muster_world_identity *out_identity)
{
    memset(out_identity, 0, sizeof *out_identity);
    record_read_text(reader, out_identity->game_name, sizeof out_identity->game_name);
    out_identity->rules_version = record_read_u32(reader);
    out_identity->tick_rate_hz = record_read_u32(reader);
    out_identity->instance_id = record_read_u32(reader);
    out_identity->limits.player_count_max = record_read_u32(reader);
    out_identity->limits.entity_count_max = record_read_u32(reader);
    out_identity->limits.box_count_max = record_read_u32(reader);
    out_identity->limits.blob_bytes = record_read_u32(reader);
    out_identity->seed = record_read_u64(reader);
    out_identity->option_count = record_read_u32(reader);
    if (out_identity->option_count > MUSTER_OPTION_COUNT_MAX) {
        reader->is_malformed = true;
        out_identity->option_count = 0;
    }
    for (uint32_t i = 0; i < out_identity->option_count; i++) {
        out_identity->options[i] = (int64_t)record_read_u64(reader);
    }
    out_identity->layout_hash = record_read_u64(reader);
    out_identity->static_hash = record_read_u64(reader);
}

bool identity_is_equal(const muster_world_identity *left, const muster_world_identity *right)
{
    uint8_t left_bytes[IDENTITY_BYTES_MAX];
    uint8_t right_bytes[IDENTITY_BYTES_MAX];
    struct record_writer left_writer = record_writer_on(left_bytes, sizeof left_bytes);
    struct record_writer right_writer = record_writer_on(right_bytes, sizeof right_bytes);
    identity_write(&left_writer, left);
    identity_write(&right_writer, right);
    MUSTER_ASSERT(!left_writer.is_full && !right_writer.is_full);
    return left_writer.length == right_writer.length &&
           memcmp(left_bytes, right_bytes, left_writer.length) == 0;
}
