// SPDX-License-Identifier: Apache-2.0

// Gives bytes to a world as its next frame. What is refused must change nothing; what is taken
// must be exactly the frame that a builder makes of the same inputs.

#include "muster/frame.h"
#include "muster/instance.h"

#include "core/assert.h"
#include "instance/frame_codec.h"
#include "instance/probe_game.h"

#define SEED            9
#define PLAYER_COUNT    3
#define FRAME_BYTES_MAX 65536

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static muster_player player_at(uint32_t player_index)
{
    return (muster_player){.id = {player_index, 1}, .name = "someone"};
}

static void step_with_joins(muster_instance *instance, muster_frame_builder *builder)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_begin(builder, 1, SEED);
    for (uint32_t i = 0; i < PLAYER_COUNT; i++) {
        const muster_player player = player_at(i);
        const muster_status status = muster_frame_add_join(builder, i, &player);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    muster_frame_close(builder, &frame, &length);
    const muster_status status = muster_instance_step(instance, frame, length);
    MUSTER_ASSERT(status == MUSTER_OK);
}

// Ids of players by index, as the frame itself changes them.
static void add_again(muster_frame_builder *builder,
    const struct frame_record *record,
    const muster_game *game,
    uint64_t ids[][2])
{
    const uint32_t i = record->player_index;
    muster_status status = MUSTER_OK;
    switch (record->type) {
    case FRAME_LEAVE:
        status = muster_frame_add_leave(builder, i, record->player.id);
        break;
    case FRAME_JOIN:
        ids[i][0] = record->player.id[0];
        ids[i][1] = record->player.id[1];
        status = muster_frame_add_join(builder, i, &record->player);
        break;
    case FRAME_TIME_SCALE:
        muster_frame_add_time_scale(builder, record->permille);
        break;
    case FRAME_ACTION:
        status = muster_frame_add_action(builder, i, ids[i], record->sequence, record->index,
            record->steps, game->actions[record->index].param_count);
        break;
    case FRAME_MESSAGE:
        status = muster_frame_add_message(
            builder, i, ids[i], record->sequence, record->index, record->bytes, record->length);
        break;
    }
    MUSTER_ASSERT(status == MUSTER_OK);
}

static void check_form(
    muster_frame_builder *builder, const muster_game *game, const uint8_t *frame, uint32_t length)
{
    uint64_t ids[MUSTER_PLAYER_COUNT_MAX][2] = {{0}};
    for (uint32_t i = 0; i < PLAYER_COUNT; i++) {
        ids[i][0] = player_at(i).id[0];
        ids[i][1] = player_at(i).id[1];
    }
    struct record_reader reader = record_reader_on(frame, length);
    uint64_t tick;
    const uint32_t count = frame_read_header(&reader, &tick);
    muster_frame_begin(builder, tick, SEED);
    for (uint32_t i = 0; i < count; i++) {
        struct frame_record record;
        frame_read_record(&reader, game, &game->limits, &record);
        add_again(builder, &record, game, ids);
    }
    const uint8_t *again;
    uint32_t again_length;
    muster_frame_close(builder, &again, &again_length);
    MUSTER_ASSERT(again_length == length);
    MUSTER_ASSERT(memcmp(again, frame, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length > FRAME_BYTES_MAX) {
        return 0;
    }
    const muster_game game = probe_game();
    muster_instance_def def = muster_instance_default_def();
    def.game = &game;
    def.seed = SEED;
    muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    builder_def.bytes_max = 2 * FRAME_BYTES_MAX;
    muster_instance *instance;
    muster_frame_builder *builder;
    muster_status status = muster_instance_create(&def, &instance);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_frame_builder_create(&builder_def, &builder);
    MUSTER_ASSERT(status == MUSTER_OK);
    step_with_joins(instance, builder);

    const uint64_t hash = muster_instance_hash(instance);
    status = muster_instance_step(instance, bytes, (uint32_t)length);
    if (status == MUSTER_OK) {
        MUSTER_ASSERT(muster_instance_tick(instance) == 2);
        check_form(builder, &game, bytes, (uint32_t)length);
    } else {
        MUSTER_ASSERT(status == MUSTER_ERR_MALFORMED);
        MUSTER_ASSERT(muster_instance_tick(instance) == 1);
        MUSTER_ASSERT(muster_instance_hash(instance) == hash);
    }
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
    return 0;
}
