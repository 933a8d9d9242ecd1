// SPDX-License-Identifier: Apache-2.0

// Restores snapshots that somebody has changed and sealed again. Either the world is one that can
// be and goes on, or it is the same as before. The first byte chooses the game, then every three
// bytes change one byte of a good snapshot; with the top bit of the first byte set the input is
// the snapshot itself.

#include "muster/frame.h"
#include "muster/instance.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "core/hash.h"
#include "instance/pit_game.h"
#include "instance/probe_game.h"

#include <stdlib.h>

#define STEP_COUNT 12

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static muster_instance *create(const muster_game *game)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    muster_instance *instance;
    const muster_status status = muster_instance_create(&def, &instance);
    MUSTER_ASSERT(status == MUSTER_OK);
    return instance;
}

// Empty frames, but for two joins in the first tick.
static void run(muster_instance *instance, uint32_t step_count)
{
    muster_frame_builder_def def = muster_frame_builder_default_def();
    def.bytes_max = 1024;
    def.input_count_max = 4;
    muster_frame_builder *builder;
    muster_status status = muster_frame_builder_create(&def, &builder);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < step_count; i++) {
        const uint64_t tick = muster_instance_tick(instance) + 1;
        if (tick > MUSTER_TICK_MAX) {
            break;
        }
        muster_frame_begin(builder, tick, 1);
        for (uint32_t k = 0; tick == 1 && k < 2; k++) {
            const muster_player player = {.id = {k + 1, 0}, .name = "someone"};
            status = muster_frame_add_join(builder, k, &player);
            MUSTER_ASSERT(status == MUSTER_OK);
        }
        const uint8_t *frame;
        uint32_t length;
        muster_frame_close(builder, &frame, &length);
        status = muster_instance_step(instance, frame, length);
        MUSTER_ASSERT(status == MUSTER_OK || tick == 1);
    }
    muster_frame_builder_destroy(builder);
}

static void change(uint8_t *snapshot, size_t snapshot_length, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i + 3 <= length; i += 3) {
        const size_t offset = bytes_load_u16(bytes + i) % (snapshot_length - 8);
        snapshot[offset] ^= bytes[i + 2];
    }
    bytes_store_u64(snapshot + snapshot_length - 8, hash_bytes(snapshot, snapshot_length - 8, 1));
}

static void restore(muster_instance *instance,
    muster_instance *witness,
    const uint8_t *snapshot,
    size_t snapshot_length,
    const uint8_t *input,
    size_t input_length)
{
    muster_difference difference;
    if (muster_instance_restore(instance, input, input_length) != MUSTER_OK) {
        const bool is_different = muster_instance_difference(instance, witness, &difference);
        MUSTER_ASSERT(!is_different);
        return;
    }
    MUSTER_ASSERT(muster_instance_snapshot_bytes(instance) == input_length);

    // A step may do what the game does with any state; physics must stay sound.
    const muster_status status = muster_instance_restore(instance, snapshot, snapshot_length);
    MUSTER_ASSERT(status == MUSTER_OK);
    const bool is_different = muster_instance_difference(instance, witness, &difference);
    MUSTER_ASSERT(!is_different);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    const muster_game game = bytes[0] % 2 == 0 ? probe_game() : pit_game();
    muster_instance *instance = create(&game);
    run(instance, STEP_COUNT);
    const size_t snapshot_length = muster_instance_snapshot_bytes(instance);
    uint8_t *snapshot = malloc(snapshot_length);
    uint8_t *changed = malloc(snapshot_length);
    MUSTER_ASSERT(snapshot != NULL && changed != NULL);
    muster_instance_snapshot(instance, snapshot);
    memcpy(changed, snapshot, snapshot_length);
    muster_instance *witness = create(&game);
    const muster_status status = muster_instance_restore(witness, snapshot, snapshot_length);
    MUSTER_ASSERT(status == MUSTER_OK);

    if (bytes[0] >= 0x80) {
        restore(instance, witness, snapshot, snapshot_length, bytes + 1, length - 1);
    } else {
        change(changed, snapshot_length, bytes + 1, length - 1);
        restore(instance, witness, snapshot, snapshot_length, changed, snapshot_length);
    }
    run(instance, 2);
    run(witness, 2);
    MUSTER_ASSERT(muster_instance_hash(instance) == muster_instance_hash(witness));
    free(changed);
    free(snapshot);
    muster_instance_destroy(witness);
    muster_instance_destroy(instance);
    return 0;
}
