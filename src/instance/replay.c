// SPDX-License-Identifier: Apache-2.0
#include "muster/replay.h"

#include "core/assert.h"
#include "instance/identity.h"
#include "instance/sums.h"

#include <string.h>

// A replay steps a world with the log's frames and compares hashes. The log tells the sums of each
// tick as what changed since the tick before, counted from a snapshot; the replay keeps both the
// recorded sums and those of its own world, so that at the first tick whose hashes differ the two
// can be compared at once.

struct muster_replay {
    muster_replay_def def;
    muster_instance *instance;
    size_t offset; // of the next record
    muster_replay_state_type state;
    muster_replay_finding finding;
    size_t sums_memory;
    uint8_t *sums_bytes; // of the two below
    struct sums own;
    struct sums recorded;
};

muster_replay_def muster_replay_default_def(void)
{
    return (muster_replay_def){
        .to_tick = MUSTER_TICK_NEVER,
        .parallel = muster_parallel_serial(),
        .allocator = muster_heap_allocator(),
    };
}

// Finds the last snapshot that is not later than a tick.
// @param out_offset  set to behind it
static muster_status find_snapshot(const muster_replay_def *def,
    size_t offset,
    muster_frame_log_record *out_snapshot,
    size_t *out_offset)
{
    bool is_found = false;
    muster_frame_log_record record;
    while (muster_frame_log_read(def->bytes, def->length, &offset, &record) == MUSTER_OK) {
        if (record.tick > def->from_tick && is_found) {
            break;
        }
        if (record.type == MUSTER_FRAME_LOG_SNAPSHOT) {
            is_found = true;
            *out_snapshot = record;
            *out_offset = offset;
        }
    }
    return is_found ? MUSTER_OK : MUSTER_ERR_MALFORMED;
}

static muster_status create_instance(muster_replay *replay, const muster_world_identity *identity)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = replay->def.game;
    def.seed = identity->seed;
    def.instance_id = identity->instance_id;
    def.limits = identity->limits;
    def.options = identity->options;
    def.parallel = replay->def.parallel;
    def.allocator = replay->def.allocator;
    const bool is_of_game = strcmp(def.game->name, identity->game_name) == 0 &&
                            def.game->rules_version == identity->rules_version &&
                            def.game->tick_rate_hz == identity->tick_rate_hz &&
                            def.game->option_count == identity->option_count;
    if (!is_of_game) {
        return MUSTER_ERR_VERSION;
    }
    return muster_instance_create(&def, &replay->instance);
}

static muster_status create_sums(muster_replay *replay)
{
    const muster_world *world = &replay->instance->world;
    const muster_allocator *allocator = &replay->def.allocator;
    replay->sums_memory = sums_bytes(world);
    replay->sums_bytes = allocator->alloc(allocator->context, 2 * replay->sums_memory, 16);
    if (replay->sums_bytes == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    sums_init(&replay->own, world, replay->sums_bytes);
    sums_init(&replay->recorded, world, replay->sums_bytes + replay->sums_memory);
    return MUSTER_OK;
}

static muster_status begin(muster_replay *replay)
{
    muster_world_identity identity;
    muster_frame_log_record snapshot = {0};
    size_t offset;
    muster_status status =
        muster_frame_log_read_header(replay->def.bytes, replay->def.length, &identity, &offset);
    if (status == MUSTER_OK) {
        status = find_snapshot(&replay->def, offset, &snapshot, &replay->offset);
    }
    if (status == MUSTER_OK) {
        status = create_instance(replay, &identity);
    }
    if (status == MUSTER_OK) {
        status = create_sums(replay);
    }
    if (status == MUSTER_OK) {
        status = muster_instance_restore(replay->instance, snapshot.bytes, snapshot.length);
    }
    return status;
}

muster_status muster_replay_create(const muster_replay_def *def, muster_replay **out_replay)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_replay != NULL);
    *out_replay = NULL;
    if (def->game == NULL || def->bytes == NULL || def->allocator.alloc == NULL ||
        def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }
    muster_replay *replay = def->allocator.alloc(
        def->allocator.context, sizeof(muster_replay), _Alignof(muster_replay));
    if (replay == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    *replay = (muster_replay){.def = *def};
    const muster_status status = begin(replay);
    if (status != MUSTER_OK) {
        muster_replay_destroy(replay);
        return status;
    }
    *out_replay = replay;
    return MUSTER_OK;
}

void muster_replay_destroy(muster_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    const muster_allocator allocator = replay->def.allocator;
    muster_instance_destroy(replay->instance);
    if (replay->sums_bytes != NULL) {
        allocator.free(allocator.context, replay->sums_bytes, 2 * replay->sums_memory);
    }
    allocator.free(allocator.context, replay, sizeof *replay);
}

static uint64_t bits_of(const muster_state_block *block, uint32_t element, uint32_t lane)
{
    const uint32_t bytes = muster_state_type_bytes(block->type);
    const uint8_t *data = block->data;
    uint64_t bits = 0;
    memcpy(&bits, data + (size_t)element * muster_state_element_bytes(block) + lane * bytes, bytes);
    return bits;
}

static void find_difference(muster_replay *replay, const muster_frame_log_record *record)
{
    const muster_world *world = &replay->instance->world;
    muster_replay_finding *finding = &replay->finding;
    *finding = (muster_replay_finding){
        .tick = record->tick,
        .recorded_hash = record->hash,
        .replayed_hash = world->hash,
    };
    sums_update(&replay->own, world);
    struct sums_finding found;
    if (!sums_find(world, &replay->own, &replay->recorded, &found)) {
        return;
    }
    const muster_state_block *block = &world->blocks[found.block_index];
    finding->block_name = block->name;
    finding->lane_index = found.lane_index;
    finding->type = block->type;
    finding->element_min = found.element_min;
    finding->element_max = found.element_max;
    finding->is_by_entity = block->is_by_entity;
    finding->has_recorded = found.has_recorded;
    finding->recorded_bits = found.recorded_bits;
    const bool is_known =
        found.element_min == found.element_max && found.element_min < *block->element_count;
    if (is_known) {
        finding->replayed_bits = bits_of(block, found.element_min, found.lane_index);
    }
    if (is_known && block->is_by_entity) {
        finding->entity_id = world->id[found.element_min];
    }
}

static muster_replay_state_type run_tick(
    muster_replay *replay, const muster_frame_log_record *record)
{
    muster_instance *instance = replay->instance;
    struct record_reader sums = record_reader_on(record->sums, record->sums_length);
    sums_read(&sums, &replay->recorded);
    if (!record_is_read(&sums) ||
        muster_instance_step(instance, record->bytes, (uint32_t)record->length) != MUSTER_OK ||
        muster_instance_tick(instance) != record->tick) {
        return MUSTER_REPLAY_DAMAGED;
    }
    if (muster_instance_hash(instance) != record->hash) {
        find_difference(replay, record);
        return MUSTER_REPLAY_DIFFERS;
    }
    return record->tick >= replay->def.to_tick ? MUSTER_REPLAY_ENDED : MUSTER_REPLAY_RUNNING;
}

// A snapshot on the way must be the world as it is, and starts the sums anew.
static muster_replay_state_type pass_snapshot(
    muster_replay *replay, const muster_frame_log_record *record)
{
    const muster_instance *instance = replay->instance;
    const bool is_here = record->tick == muster_instance_tick(instance) &&
                         record->hash == muster_instance_hash(instance);
    sums_clear(&replay->recorded);
    return is_here ? MUSTER_REPLAY_RUNNING : MUSTER_REPLAY_DAMAGED;
}

// Reads records up to the end of the next tick.
static muster_replay_state_type step(muster_replay *replay)
{
    const muster_replay_def *def = &replay->def;
    if (muster_instance_tick(replay->instance) >= def->to_tick) {
        return MUSTER_REPLAY_ENDED;
    }
    for (;;) {
        muster_frame_log_record record;
        const muster_status status =
            muster_frame_log_read(def->bytes, def->length, &replay->offset, &record);
        if (status == MUSTER_ERR_NOT_FOUND) {
            return replay->offset == def->length ? MUSTER_REPLAY_ENDED : MUSTER_REPLAY_CUT;
        }
        if (status != MUSTER_OK) {
            return MUSTER_REPLAY_DAMAGED;
        }
        if (record.type == MUSTER_FRAME_LOG_TICK) {
            return run_tick(replay, &record);
        }
        const muster_replay_state_type state = pass_snapshot(replay, &record);
        if (state != MUSTER_REPLAY_RUNNING) {
            return state;
        }
    }
}

muster_replay_state_type muster_replay_step(muster_replay *replay)
{
    MUSTER_ASSERT(replay != NULL);
    if (replay->state == MUSTER_REPLAY_RUNNING) {
        replay->state = step(replay);
    }
    return replay->state;
}

muster_replay_state_type muster_replay_state(const muster_replay *replay)
{
    MUSTER_ASSERT(replay != NULL);
    return replay->state;
}

const muster_replay_finding *muster_replay_found(const muster_replay *replay)
{
    MUSTER_ASSERT(replay != NULL);
    return replay->state == MUSTER_REPLAY_DIFFERS ? &replay->finding : NULL;
}

const muster_instance *muster_replay_instance(const muster_replay *replay)
{
    MUSTER_ASSERT(replay != NULL);
    return replay->instance;
}
