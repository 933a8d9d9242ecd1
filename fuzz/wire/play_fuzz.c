// SPDX-License-Identifier: Apache-2.0

// Reads hostile bytes as every format of the play protocol. What is accepted must also be usable:
// every table entry of a welcome can be copied out, every step of an input is in its range, and
// inputs that were read are read again as the same after being written.

#include "wire/play.h"

#include "core/assert.h"
#include "wire/param.h"

static const muster_param_def params[] = {
    {.name = "a", .is_real = true, .min = -100.0f, .max = 100.0f, .precision = 0.01f},
    {.name = "b", .is_real = false, .min = 0.0f, .max = 1.0f, .precision = 1.0f},
};

static const muster_action_def actions[] = {
    {.name = "two", .params = params, .param_count = 2, .rate_hz_max = 1},
    {.name = "none", .rate_hz_max = 1},
};

static const muster_game game = {.name = "fuzz", .actions = actions, .action_count = 2};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_welcome(const uint8_t *bytes, size_t length)
{
    struct play_welcome welcome;
    struct play_tables tables;
    if (play_read_welcome(bytes, length, &welcome, &tables) != MUSTER_OK) {
        return;
    }
    for (uint32_t i = 0; i < tables.action_count; i++) {
        struct play_action action;
        play_action_at(&tables, i, &action);
        for (uint32_t k = 0; k < action.param_count; k++) {
            (void)param_step_max(&action.params[k]);
        }
    }
    for (uint32_t i = 0; i < tables.message_count; i++) {
        struct play_message message;
        play_message_at(&tables, i, &message);
    }
    MUSTER_ASSERT(tables.schema_offset + tables.schema_length == length);
}

static void read_inputs(const uint8_t *bytes, size_t length)
{
    static struct play_input inputs[PLAY_INPUT_COUNT_MAX];
    static struct play_input again[PLAY_INPUT_COUNT_MAX];
    static uint8_t written[16384];
    uint64_t newest_tick;
    uint32_t count;
    if (play_read_inputs(bytes, length, &game, &newest_tick, inputs, &count) != MUSTER_OK) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const muster_action_def *action = &actions[inputs[i].action_index];
        for (uint32_t k = 0; k < action->param_count; k++) {
            (void)param_value(&action->params[k], inputs[i].steps[k]);
        }
    }
    struct record_writer writer = record_writer_on(written, sizeof written);
    MUSTER_ASSERT(play_write_inputs(&writer, newest_tick, inputs, count) == count);
    uint32_t again_count;
    MUSTER_ASSERT(play_read_inputs(written, writer.length, &game, &newest_tick, again,
                      &again_count) == MUSTER_OK);
    MUSTER_ASSERT(again_count == count);
    MUSTER_ASSERT(memcmp(inputs, again, count * sizeof inputs[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    const uint8_t format = bytes[0] % 4;
    bytes++;
    length--;
    struct play_token_data data;
    struct play_update update;
    struct record_reader reader = record_reader_on(bytes, length);
    switch (format) {
    case 0:
        read_welcome(bytes, length);
        break;
    case 1:
        read_inputs(bytes, length);
        break;
    case 2:
        play_read_update(&reader, &update);
        break;
    default:
        if (length == PLAY_TOKEN_DATA_BYTES && play_read_token_data(bytes, &data) == MUSTER_OK) {
            MUSTER_ASSERT(memchr(data.name, 0, sizeof data.name) != NULL);
        }
        break;
    }
    return 0;
}
