// SPDX-License-Identifier: Apache-2.0
#include "wire/play.h"

#include "wire/param.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const muster_param_def move_params[] = {
    {.name = "heading", .is_real = true, .min = -3.0f, .max = 3.0f, .precision = 0.5f},
    {.name = "speed", .is_real = false, .min = -1.0f, .max = 2.0f, .precision = 1.0f},
};

static const muster_action_def actions[] = {
    {.name = "move", .params = move_params, .param_count = 2, .rate_hz_max = 60},
    {.name = "jump", .rate_hz_max = 5},
};

static const muster_message_def messages[] = {
    {.name = "chat",
        .bytes_max = 200,
        .is_reliable = true,
        .is_from_players = true,
        .rate_hz_max = 2},
};

static const muster_game game = {
    .abi = MUSTER_GAME_ABI,
    .rules_version = 3,
    .name = "test",
    .tick_rate_hz = 60,
    .actions = actions,
    .action_count = 2,
    .messages = messages,
    .message_count = 1,
};

static void token_data_comes_back_as_it_was(void **state)
{
    (void)state;
    const struct play_token_data data = {
        .player_id = {1, 2}, .party_id = 3, .issue = 4, .tier = 5, .name = "Zo\xC3\xAB"};
    uint8_t bytes[PLAY_TOKEN_DATA_BYTES];
    struct play_token_data back;
    play_write_token_data(&data, bytes);
    assert_int_equal(play_read_token_data(bytes, &back), MUSTER_OK);
    assert_memory_equal(back.player_id, data.player_id, sizeof data.player_id);
    assert_int_equal(back.party_id, 3);
    assert_int_equal(back.issue, 4);
    assert_int_equal(back.tier, 5);
    assert_string_equal(back.name, data.name);
}

static void token_data_of_another_version_or_with_a_wrong_name_is_refused(void **state)
{
    (void)state;
    const struct play_token_data data = {.name = "ok"};
    uint8_t bytes[PLAY_TOKEN_DATA_BYTES];
    struct play_token_data back;
    play_write_token_data(&data, bytes);
    bytes[0] = 2;
    assert_int_equal(play_read_token_data(bytes, &back), MUSTER_ERR_VERSION);
    bytes[0] = PLAY_VERSION;
    bytes[40] = '\n';
    assert_int_equal(play_read_token_data(bytes, &back), MUSTER_ERR_MALFORMED);
    memset(bytes + 40, 'a', PLAY_TOKEN_DATA_BYTES - 40);
    assert_int_equal(play_read_token_data(bytes, &back), MUSTER_ERR_MALFORMED);
}

static size_t write_welcome(uint8_t *bytes, size_t capacity)
{
    const struct play_welcome welcome = {
        .tick = 77, .player_index = 9, .tick_rate_hz = 60, .is_back = true};
    struct record_writer writer = record_writer_on(bytes, capacity);
    play_write_welcome(&writer, &welcome, &game, (const uint8_t *)"schema", 6);
    assert_false(writer.is_full);
    return writer.length;
}

static void a_welcome_carries_the_tables_of_the_game(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    const size_t length = write_welcome(bytes, sizeof bytes);
    struct play_welcome welcome;
    struct play_tables tables;
    assert_int_equal(play_read_welcome(bytes, length, &welcome, &tables), MUSTER_OK);
    assert_int_equal(welcome.tick, 77);
    assert_int_equal(welcome.player_index, 9);
    assert_int_equal(welcome.rules_version, 3);
    assert_true(welcome.is_back);
    assert_string_equal(welcome.game_name, "test");
    assert_int_equal(tables.action_count, 2);
    assert_int_equal(tables.message_count, 1);
    assert_int_equal(tables.schema_length, 6);
    assert_memory_equal(bytes + tables.schema_offset, "schema", 6);

    struct play_action action;
    play_action_at(&tables, 0, &action);
    assert_string_equal(action.name, "move");
    assert_int_equal(action.param_count, 2);
    assert_string_equal(action.params[1].name, "speed");
    assert_int_equal(param_step_max(&action.params[0]), 12);
    play_action_at(&tables, 1, &action);
    assert_string_equal(action.name, "jump");
    struct play_message message;
    play_message_at(&tables, 0, &message);
    assert_string_equal(message.name, "chat");
    assert_int_equal(message.bytes_max, 200);
    assert_true(message.is_reliable && message.is_from_players);
}

static void a_welcome_cut_short_or_of_another_version_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    const size_t length = write_welcome(bytes, sizeof bytes);
    struct play_welcome welcome;
    struct play_tables tables;
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(play_read_welcome(bytes, cut, &welcome, &tables), MUSTER_ERR_MALFORMED);
    }
    assert_int_equal(play_read_welcome(bytes, length + 1, &welcome, &tables), MUSTER_ERR_MALFORMED);
    bytes[0]++;
    assert_int_equal(play_read_welcome(bytes, length, &welcome, &tables), MUSTER_ERR_VERSION);
}

static struct play_input input_at(uint32_t sequence, uint64_t tick, uint32_t action_index)
{
    struct play_input input = {.tick = tick, .sequence = sequence, .action_index = action_index};
    input.step_count = actions[action_index].param_count;
    for (uint32_t i = 0; i < input.step_count; i++) {
        input.steps[i] = 3;
    }
    return input;
}

static void inputs_come_back_as_they_were(void **state)
{
    (void)state;
    const struct play_input inputs[] = {
        input_at(7, 100, 0), input_at(8, 100, 1), input_at(9, 103, 0)};
    uint8_t bytes[128];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    assert_int_equal(play_write_inputs(&writer, 98, inputs, 3), 3);

    uint64_t newest_tick;
    struct play_input back[PLAY_INPUT_COUNT_MAX];
    uint32_t count;
    assert_int_equal(
        play_read_inputs(bytes, writer.length, &game, &newest_tick, back, &count), MUSTER_OK);
    assert_int_equal(newest_tick, 98);
    assert_int_equal(count, 3);
    assert_memory_equal(back, inputs, sizeof inputs);

    for (size_t cut = 0; cut < writer.length; cut++) {
        assert_int_equal(
            play_read_inputs(bytes, cut, &game, &newest_tick, back, &count), MUSTER_ERR_MALFORMED);
        assert_int_equal(count, 0);
    }
}

static void inputs_that_do_not_fit_are_left_for_the_next_packet(void **state)
{
    (void)state;
    const struct play_input inputs[] = {input_at(1, 5, 0), input_at(2, 6, 0), input_at(3, 7, 0)};
    uint8_t bytes[13];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    assert_int_equal(play_write_inputs(&writer, 1, inputs, 3), 2);
    uint64_t newest_tick;
    struct play_input back[PLAY_INPUT_COUNT_MAX];
    uint32_t count;
    assert_int_equal(
        play_read_inputs(bytes, writer.length, &game, &newest_tick, back, &count), MUSTER_OK);
    assert_int_equal(count, 2);
    struct record_writer none = record_writer_on(bytes, 2);
    assert_int_equal(play_write_inputs(&none, 1, inputs, 3), 0);
}

static void inputs_out_of_range_are_refused_whole(void **state)
{
    (void)state;
    uint64_t newest_tick;
    struct play_input back[PLAY_INPUT_COUNT_MAX];
    uint32_t count;
    const uint8_t no_such_action[] = {1, 1, 5, 1, 0, 2};
    const uint8_t step_too_large[] = {1, 1, 5, 1, 0, 0, 13, 0};
    const uint8_t step_at_its_end[] = {1, 1, 5, 1, 0, 0, 12, 3};
    const uint8_t too_many[] = {1, 1, 5, 33};
    const uint8_t sequence_of_zero[] = {1, 0, 5, 1, 0, 1};
    const uint8_t none[] = {1, 0, 0, 0};
#define READ(bytes) play_read_inputs(bytes, sizeof bytes, &game, &newest_tick, back, &count)
    assert_int_equal(READ(no_such_action), MUSTER_ERR_MALFORMED);
    assert_int_equal(READ(step_too_large), MUSTER_ERR_MALFORMED);
    assert_int_equal(READ(step_at_its_end), MUSTER_OK);
    assert_int_equal(READ(too_many), MUSTER_ERR_MALFORMED);
    assert_int_equal(READ(sequence_of_zero), MUSTER_ERR_MALFORMED);
    assert_int_equal(READ(none), MUSTER_OK);
#undef READ
}

static void an_update_head_comes_back_as_it_was(void **state)
{
    (void)state;
    const struct play_update update = {.epoch = 9,
        .tick_low = 65535,
        .counted_sequence = 300,
        .counted_age_ticks = 2,
        .margin_ticks = -5};
    uint8_t bytes[PLAY_UPDATE_HEAD_BYTES_MAX];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    play_write_update(&writer, &update);
    struct record_reader reader = record_reader_on(bytes, writer.length);
    struct play_update back;
    play_read_update(&reader, &back);
    assert_true(record_is_read(&reader));
    assert_int_equal(back.epoch, 9);
    assert_int_equal(back.tick_low, 65535);
    assert_int_equal(back.counted_sequence, 300);
    assert_int_equal(back.counted_age_ticks, 2);
    assert_int_equal(back.margin_ticks, -5);
}

static void a_value_becomes_the_nearest_step_in_range(void **state)
{
    (void)state;
    const muster_param_def *heading = &move_params[0];
    const muster_param_def *speed = &move_params[1];
    assert_int_equal(param_step(heading, (muster_value){.real = 0.2f}), 6);
    assert_int_equal(param_step(heading, (muster_value){.real = 0.3f}), 7);
    assert_int_equal(param_step(heading, (muster_value){.real = -9.0f}), 0);
    assert_int_equal(param_step(heading, (muster_value){.real = 9.0f}), 12);
    assert_int_equal(param_step(heading, (muster_value){.real = __builtin_nanf("")}), 0);
    assert_true(param_value(heading, 7).real == 0.5f);
    assert_int_equal(param_step_max(speed), 3);
    for (int32_t whole = -1; whole <= 2; whole++) {
        const uint32_t step = param_step(speed, (muster_value){.whole = whole});
        assert_int_equal(param_value(speed, step).whole, whole);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_data_comes_back_as_it_was),
        cmocka_unit_test(token_data_of_another_version_or_with_a_wrong_name_is_refused),
        cmocka_unit_test(a_welcome_carries_the_tables_of_the_game),
        cmocka_unit_test(a_welcome_cut_short_or_of_another_version_is_refused),
        cmocka_unit_test(inputs_come_back_as_they_were),
        cmocka_unit_test(inputs_that_do_not_fit_are_left_for_the_next_packet),
        cmocka_unit_test(inputs_out_of_range_are_refused_whole),
        cmocka_unit_test(an_update_head_comes_back_as_it_was),
        cmocka_unit_test(a_value_becomes_the_nearest_step_in_range),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
