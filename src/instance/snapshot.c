// SPDX-License-Identifier: Apache-2.0
#include "muster/instance.h"

#include "core/assert.h"
#include "core/hash.h"
#include "instance/identity.h"
#include "instance/physics.h"

#include <string.h>

// A snapshot is the identity of the world, then the live elements of every block, then a hash of
// all that. docs/protocol/frame_log.md has every byte.
//
// A restore first checks whatever can be checked on the bytes. Some rules only hold or fail when
// the state is in place, so it keeps the old state aside until the new one has passed.

#define MAGIC          UINT64_C(0x31504E535453554D) // "MUSTSNP1"
#define CHECKSUM_BYTES sizeof(uint64_t)
#define CHECKSUM_SEED  UINT64_C(1)

static size_t live_bytes(const muster_state_block *block)
{
    return (size_t)*block->element_count * muster_state_element_bytes(block);
}

static size_t write_header(const muster_world *world, uint8_t bytes[IDENTITY_BYTES_MAX])
{
    const muster_world_identity identity = identity_of(world);
    struct record_writer writer = record_writer_on(bytes, IDENTITY_BYTES_MAX);
    record_write_u64(&writer, MAGIC);
    identity_write(&writer, &identity);
    MUSTER_ASSERT(!writer.is_full);
    return writer.length;
}

size_t muster_instance_snapshot_bytes(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    const muster_world *world = &instance->world;
    uint8_t header[IDENTITY_BYTES_MAX];
    size_t bytes = write_header(world, header) + CHECKSUM_BYTES;
    for (uint32_t i = 0; i < world->block_count; i++) {
        bytes += sizeof(uint32_t) + live_bytes(&world->blocks[i]);
    }
    return bytes;
}

static void write_blocks(struct record_writer *writer, const muster_world *world)
{
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        record_write_u32(writer, *block->element_count);
        record_write_bytes(writer, block->data, live_bytes(block));
    }
}

void muster_instance_snapshot(const muster_instance *instance, uint8_t *bytes)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(bytes != NULL);
    const size_t capacity = muster_instance_snapshot_bytes(instance);
    struct record_writer writer = record_writer_on(bytes, capacity);
    writer.length = write_header(&instance->world, bytes);
    write_blocks(&writer, &instance->world);
    record_write_u64(&writer, hash_bytes(bytes, writer.length, CHECKSUM_SEED));
    MUSTER_ASSERT(!writer.is_full && writer.length == capacity);
}

// Restoring.

static bool check_blocks(struct record_reader reader, const muster_world *world)
{
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        const uint32_t count = record_read_u32(&reader);
        if (count > block->element_capacity) {
            return false;
        }
        (void)record_read_space(&reader, (size_t)count * muster_state_element_bytes(block));
    }
    return record_is_read(&reader);
}

// Copies elements into their blocks. Counts lie in blocks before what they count.
// @return false if a block's count is not the one that the state itself says
static bool read_blocks(struct record_reader reader, muster_world *world)
{
    bool is_good = true;
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        const uint32_t count = record_read_u32(&reader);
        const size_t bytes = (size_t)count * muster_state_element_bytes(block);
        const uint8_t *elements = record_read_space(&reader, bytes);
        MUSTER_ASSERT(elements != NULL);
        if (bytes > 0) {
            memcpy(block->data, elements, bytes);
        }
        is_good = is_good && count == *block->element_count;
    }
    return is_good;
}

static bool check_entities(const muster_world *world)
{
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        const bool is_empty_good = world->is_alive[slot] == 0;
        const bool is_live_good = world->is_alive[slot] == 1 && world->generation[slot] != 0 &&
                                  world->kind[slot] < MUSTER_KIND_COUNT_MAX &&
                                  world->owner[slot] <= world->limits.player_count_max;
        if (!is_empty_good && !is_live_good) {
            return false;
        }
    }
    return true;
}

static bool check_player(const muster_world *world, uint32_t player_index)
{
    const muster_player *player = &world->players[player_index];
    const char *name_end = memchr(player->name, '\0', sizeof player->name);
    if (player->joined_tick == 0) {
        return world->activity[player_index] == 0;
    }
    return player->joined_tick <= world->tick &&
           (player->entity_slot == MUSTER_NONE || world_is_alive(world, player->entity_slot)) &&
           world->activity[player_index] <= MUSTER_ACTIVITY_COMBAT && name_end != NULL &&
           record_is_text((const uint8_t *)player->name, (size_t)(name_end - player->name));
}

static bool check_world(const muster_world *world)
{
    if (world->tick > MUSTER_TICK_MAX || world->time_scale_permille < 100 ||
        world->time_scale_permille > 1000 || !check_entities(world)) {
        return false;
    }
    for (uint32_t i = 0; i < world->player_slot_count; i++) {
        if (!check_player(world, i)) {
            return false;
        }
    }
    return true;
}

static bool load(struct record_reader blocks, muster_world *world)
{
    const bool is_read = read_blocks(blocks, world);
    const bool is_space_good = physics_restored(world);
    return is_read && is_space_good && check_world(world);
}

muster_status muster_instance_restore(
    muster_instance *instance, const uint8_t *bytes, size_t length)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    muster_world *world = &instance->world;
    if (length < CHECKSUM_BYTES) {
        return MUSTER_ERR_MALFORMED;
    }
    struct record_reader reader = record_reader_on(bytes, length - CHECKSUM_BYTES);
    const uint64_t checksum = bytes_load_u64(bytes + reader.length);
    if (checksum != hash_bytes(bytes, reader.length, CHECKSUM_SEED) ||
        record_read_u64(&reader) != MAGIC) {
        return MUSTER_ERR_MALFORMED;
    }
    muster_world_identity identity;
    const muster_world_identity own = identity_of(world);
    identity_read(&reader, &identity);
    if (reader.is_malformed) {
        return MUSTER_ERR_MALFORMED;
    }
    if (!identity_is_equal(&identity, &own)) {
        return MUSTER_ERR_VERSION;
    }
    if (!check_blocks(reader, world)) {
        return MUSTER_ERR_MALFORMED;
    }

    struct record_writer old = record_writer_on(world->backup, world->backup_bytes);
    write_blocks(&old, world);
    MUSTER_ASSERT(!old.is_full);
    const bool is_good = load(reader, world);
    if (!is_good) {
        const bool is_back = load(record_reader_on(world->backup, old.length), world);
        MUSTER_ASSERT(is_back);
    }
    world_restored(world);
    return is_good ? MUSTER_OK : MUSTER_ERR_MALFORMED;
}
