// SPDX-License-Identifier: Apache-2.0

// Reads and replays logs. With the top bit of the first byte set the rest of the input is a log;
// else every three bytes change one byte of a good log, whose records are then sealed again, so
// that damage gets past the checksums.

#include "muster/replay.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "core/hash.h"
#include "instance/probe_play.h"

#include <stdlib.h>

#define TICK_COUNT    12
#define LOG_BYTES_MAX 65536

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct log {
    uint8_t *bytes;
    size_t length;
};

static void append(struct log *log, const uint8_t *bytes, size_t length)
{
    MUSTER_ASSERT(log->length + length <= LOG_BYTES_MAX);
    memcpy(log->bytes + log->length, bytes, length);
    log->length += length;
}

static void record_ticks(struct log *log, muster_instance *instance, muster_frame_log *writer)
{
    struct probe_play play = {.random_state = 1, .seed = 1};
    muster_frame_builder_def def = muster_frame_builder_default_def();
    def.input_count_max = 100;
    def.bytes_max = 4096;
    muster_frame_builder *builder;
    muster_status status = muster_frame_builder_create(&def, &builder);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint64_t tick = 1; tick <= TICK_COUNT; tick++) {
        const uint8_t *frame;
        const uint8_t *bytes;
        uint32_t frame_length;
        size_t length;
        status = probe_next_frame(&play, builder, tick, &frame, &frame_length);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_instance_step(instance, frame, frame_length);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_frame_log_add(writer, frame, frame_length, &bytes, &length);
        MUSTER_ASSERT(status == MUSTER_OK);
        append(log, bytes, length);
    }
    muster_frame_builder_destroy(builder);
}

static void make_log(struct log *log, const muster_game *game)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    muster_instance *instance;
    muster_status status = muster_instance_create(&def, &instance);
    MUSTER_ASSERT(status == MUSTER_OK);
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = instance;
    log_def.snapshot_period_ticks = 5;
    muster_frame_log *writer;
    status = muster_frame_log_create(&log_def, &writer);
    MUSTER_ASSERT(status == MUSTER_OK);
    const uint8_t *bytes;
    size_t length;
    muster_frame_log_begin(writer, &bytes, &length);
    append(log, bytes, length);
    record_ticks(log, instance, writer);
    muster_frame_log_destroy(writer);
    muster_instance_destroy(instance);
}

static uint32_t checksum_of(const uint8_t *bytes, size_t length)
{
    return (uint32_t)(hash_bytes(bytes, length, 2) >> 32);
}

// Makes every checksum right again, as far as lengths still lead from record to record.
static void seal(struct log *log, size_t offset)
{
    bytes_store_u32(log->bytes + offset - 4, checksum_of(log->bytes, offset - 4));
    while (log->length - offset >= 9) {
        const size_t payload_bytes = bytes_load_u32(log->bytes + offset + 1);
        if (payload_bytes > log->length - offset - 9) {
            return;
        }
        const size_t end = offset + 5 + payload_bytes;
        bytes_store_u32(log->bytes + end, checksum_of(log->bytes + offset, end - offset));
        offset = end + 4;
    }
}

static void replay_log(const struct log *log, const muster_game *game)
{
    muster_replay_def def = muster_replay_default_def();
    def.game = game;
    def.bytes = log->bytes;
    def.length = log->length;
    muster_replay *replay;
    if (muster_replay_create(&def, &replay) != MUSTER_OK) {
        return;
    }
    while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
    }
    const muster_replay_finding *found = muster_replay_found(replay);
    MUSTER_ASSERT(found == NULL || found->element_min <= found->element_max);
    muster_replay_destroy(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0 || length > LOG_BYTES_MAX) {
        return 0;
    }
    // Small limits make a short log, most of which is worth changing.
    muster_game game = probe_game();
    game.limits.entity_count_max = 40;
    struct log log = {.bytes = malloc(LOG_BYTES_MAX)};
    MUSTER_ASSERT(log.bytes != NULL);
    if (bytes[0] >= 0x80) {
        append(&log, bytes + 1, length - 1);
    } else {
        make_log(&log, &game);
        muster_world_identity identity;
        size_t offset;
        const muster_status status =
            muster_frame_log_read_header(log.bytes, log.length, &identity, &offset);
        MUSTER_ASSERT(status == MUSTER_OK);
        for (size_t i = 1; i + 3 <= length; i += 3) {
            log.bytes[bytes_load_u16(bytes + i) % log.length] ^= bytes[i + 2];
        }
        seal(&log, offset);
    }
    replay_log(&log, &game);
    free(log.bytes);
    return 0;
}
