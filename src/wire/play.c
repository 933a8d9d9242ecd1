// SPDX-License-Identifier: Apache-2.0
#include "wire/play.h"

#include "core/assert.h"
#include "wire/param.h"

#define FLAG_IS_BACK         1u
#define FLAG_IS_REAL         1u
#define FLAG_IS_RELIABLE     1u
#define FLAG_IS_FROM_PLAYERS 2u

#define TOKEN_DATA_NAME_OFFSET 40

// Between two actions of one INPUT: far more than any action may be early or late.
#define INPUT_GAP_TICKS_MAX 65535

// Token data.

// Bytes before the closing zero, `capacity` without one.
static size_t text_length(const char *text, size_t capacity)
{
    const char *end = memchr(text, 0, capacity);
    return end != NULL ? (size_t)(end - text) : capacity;
}

void play_write_token_data(
    const struct play_token_data *data, uint8_t out_bytes[PLAY_TOKEN_DATA_BYTES])
{
    MUSTER_ASSERT(data != NULL);
    memset(out_bytes, 0, PLAY_TOKEN_DATA_BYTES);
    struct record_writer writer = record_writer_on(out_bytes, PLAY_TOKEN_DATA_BYTES);
    record_write_u16(&writer, PLAY_VERSION);
    record_write_u16(&writer, 0);
    record_write_u32(&writer, data->tier);
    record_write_u64(&writer, data->player_id[0]);
    record_write_u64(&writer, data->player_id[1]);
    record_write_u64(&writer, data->party_id);
    record_write_u64(&writer, data->issue);
    MUSTER_ASSERT(writer.length == TOKEN_DATA_NAME_OFFSET);
    const size_t name_length = text_length(data->name, sizeof data->name - 1);
    record_write_bytes(&writer, data->name, name_length);
}

muster_status play_read_token_data(
    const uint8_t bytes[PLAY_TOKEN_DATA_BYTES], struct play_token_data *out_data)
{
    MUSTER_ASSERT(out_data != NULL);
    *out_data = (struct play_token_data){0};
    struct record_reader reader = record_reader_on(bytes, PLAY_TOKEN_DATA_BYTES);
    if (record_read_u16(&reader) != PLAY_VERSION) {
        return MUSTER_ERR_VERSION;
    }
    (void)record_read_u16(&reader);
    struct play_token_data data = {.tier = record_read_u32(&reader)};
    data.player_id[0] = record_read_u64(&reader);
    data.player_id[1] = record_read_u64(&reader);
    data.party_id = record_read_u64(&reader);
    data.issue = record_read_u64(&reader);
    memcpy(data.name, bytes + TOKEN_DATA_NAME_OFFSET, sizeof data.name);
    const size_t name_length = text_length(data.name, sizeof data.name);
    if (name_length == sizeof data.name ||
        !record_is_text((const uint8_t *)data.name, name_length)) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_data = data;
    return MUSTER_OK;
}

// Welcome.

static void write_action(struct record_writer *writer, const muster_action_def *action)
{
    record_write_text(writer, action->name);
    record_write_varint(writer, action->rate_hz_max);
    record_write_varint(writer, action->param_count);
    for (uint32_t i = 0; i < action->param_count; i++) {
        const muster_param_def *param = &action->params[i];
        record_write_text(writer, param->name);
        record_write_u8(writer, param->is_real ? FLAG_IS_REAL : 0);
        record_write_f32(writer, param->min);
        record_write_f32(writer, param->max);
        record_write_f32(writer, param->precision);
    }
}

static void write_message(struct record_writer *writer, const muster_message_def *message)
{
    record_write_text(writer, message->name);
    record_write_varint(writer, message->bytes_max);
    record_write_u8(writer, (uint8_t)((message->is_reliable ? FLAG_IS_RELIABLE : 0) |
                                      (message->is_from_players ? FLAG_IS_FROM_PLAYERS : 0)));
}

void play_write_welcome(struct record_writer *writer,
    const struct play_welcome *welcome,
    const muster_game *game,
    const uint8_t *schema,
    size_t schema_length)
{
    MUSTER_ASSERT(game != NULL);
    record_write_u16(writer, PLAY_VERSION);
    record_write_u16(writer, welcome->tick_rate_hz);
    record_write_u64(writer, welcome->tick);
    record_write_u32(writer, welcome->player_index);
    record_write_u8(writer, welcome->is_back ? FLAG_IS_BACK : 0);
    record_write_text(writer, game->name);
    record_write_u32(writer, game->rules_version);
    record_write_varint(writer, game->action_count);
    for (uint32_t i = 0; i < game->action_count; i++) {
        write_action(writer, &game->actions[i]);
    }
    record_write_varint(writer, game->message_count);
    for (uint32_t i = 0; i < game->message_count; i++) {
        write_message(writer, &game->messages[i]);
    }
    record_write_varint(writer, schema_length);
    record_write_bytes(writer, schema, schema_length);
}

static void read_action(struct record_reader *reader, struct play_action *out_action)
{
    record_read_text(reader, out_action->name, sizeof out_action->name);
    out_action->rate_hz_max = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    out_action->param_count = (uint32_t)record_read_varint_max(reader, MUSTER_PARAM_COUNT_MAX);
    for (uint32_t i = 0; i < out_action->param_count; i++) {
        muster_param_def *param = &out_action->params[i];
        record_read_text(reader, out_action->param_names[i], PLAY_NAME_BYTES);
        param->name = out_action->param_names[i];
        param->is_real = (record_read_u8(reader) & FLAG_IS_REAL) != 0;
        param->min = record_read_f32(reader);
        param->max = record_read_f32(reader);
        param->precision = record_read_f32(reader);
        const double steps = ((double)param->max - (double)param->min) / (double)param->precision;
        const bool is_range = param->precision > 0.0f && steps >= 0.0 && steps <= 0x1p31;
        reader->is_malformed = reader->is_malformed || !is_range;
    }
}

static void read_message(struct record_reader *reader, struct play_message *out_message)
{
    record_read_text(reader, out_message->name, sizeof out_message->name);
    out_message->bytes_max = (uint32_t)record_read_varint_max(reader, MUSTER_MESSAGE_BYTES_MAX);
    const uint8_t flags = record_read_u8(reader);
    out_message->is_reliable = (flags & FLAG_IS_RELIABLE) != 0;
    out_message->is_from_players = (flags & FLAG_IS_FROM_PLAYERS) != 0;
}

static void read_tables(struct record_reader *reader, struct play_tables *tables)
{
    tables->action_count = (uint32_t)record_read_varint_max(reader, MUSTER_ACTION_COUNT_MAX);
    for (uint32_t i = 0; i < tables->action_count; i++) {
        struct play_action action;
        tables->action_offsets[i] = (uint16_t)reader->offset;
        read_action(reader, &action);
    }
    tables->message_count = (uint32_t)record_read_varint_max(reader, MUSTER_MESSAGE_COUNT_MAX);
    for (uint32_t i = 0; i < tables->message_count; i++) {
        struct play_message message;
        tables->message_offsets[i] = (uint16_t)reader->offset;
        read_message(reader, &message);
    }
    tables->schema_length = (size_t)record_read_varint_max(reader, PLAY_WELCOME_BYTES_MAX);
    tables->schema_offset = reader->offset;
    (void)record_read_space(reader, tables->schema_length);
}

muster_status play_read_welcome(const uint8_t *bytes,
    size_t length,
    struct play_welcome *out_welcome,
    struct play_tables *out_tables)
{
    MUSTER_ASSERT(bytes != NULL);
    *out_welcome = (struct play_welcome){0};
    *out_tables = (struct play_tables){.bytes = bytes, .length = length};
    struct record_reader reader = record_reader_on(bytes, length);
    const uint16_t version = record_read_u16(&reader);
    if (length > PLAY_WELCOME_BYTES_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    if (!reader.is_malformed && version != PLAY_VERSION) {
        return MUSTER_ERR_VERSION;
    }
    out_welcome->tick_rate_hz = record_read_u16(&reader);
    out_welcome->tick = record_read_u64(&reader);
    out_welcome->player_index = record_read_u32(&reader);
    out_welcome->is_back = (record_read_u8(&reader) & FLAG_IS_BACK) != 0;
    record_read_text(&reader, out_welcome->game_name, sizeof out_welcome->game_name);
    out_welcome->rules_version = record_read_u32(&reader);
    read_tables(&reader, out_tables);
    const bool is_rate = out_welcome->tick_rate_hz >= 1 && out_welcome->tick_rate_hz <= 240;
    const bool is_tick = out_welcome->tick <= PLAY_TICK_MAX;
    return record_is_read(&reader) && is_rate && is_tick ? MUSTER_OK : MUSTER_ERR_MALFORMED;
}

void play_action_at(
    const struct play_tables *tables, uint32_t action_index, struct play_action *out_action)
{
    MUSTER_ASSERT(action_index < tables->action_count);
    struct record_reader reader = record_reader_on(tables->bytes, tables->length);
    reader.offset = tables->action_offsets[action_index];
    read_action(&reader, out_action);
    MUSTER_ASSERT(!reader.is_malformed);
}

void play_message_at(
    const struct play_tables *tables, uint32_t message_index, struct play_message *out_message)
{
    MUSTER_ASSERT(message_index < tables->message_count);
    struct record_reader reader = record_reader_on(tables->bytes, tables->length);
    reader.offset = tables->message_offsets[message_index];
    read_message(&reader, out_message);
    MUSTER_ASSERT(!reader.is_malformed);
}

// Input.

static void write_input(
    struct record_writer *writer, const struct play_input *input, uint64_t tick_before)
{
    MUSTER_ASSERT(input->tick >= tick_before);
    record_write_varint(writer, input->tick - tick_before);
    record_write_varint(writer, input->action_index);
    for (uint32_t i = 0; i < input->step_count; i++) {
        record_write_varint(writer, input->steps[i]);
    }
}

uint32_t play_write_inputs(struct record_writer *writer,
    uint64_t newest_tick,
    const struct play_input *inputs,
    uint32_t count)
{
    MUSTER_ASSERT(count <= PLAY_INPUT_COUNT_MAX);
    record_write_varint(writer, newest_tick);
    record_write_varint(writer, count > 0 ? inputs[0].sequence : 0);
    record_write_varint(writer, count > 0 ? inputs[0].tick : 0);
    uint8_t *count_space = record_write_space(writer, 1);
    if (count_space == NULL) {
        return 0;
    }

    uint32_t written_count = 0;
    while (written_count < count) {
        const struct play_input *input = &inputs[written_count];
        const struct play_input *before = written_count > 0 ? input - 1 : input;
        MUSTER_ASSERT(input->sequence == inputs[0].sequence + written_count);
        const struct record_writer before_input = *writer;
        write_input(writer, input, before->tick);
        if (writer->is_full) {
            *writer = before_input;
            break;
        }
        written_count++;
    }
    *count_space = (uint8_t)written_count;
    return written_count;
}

static void read_input(
    struct record_reader *reader, const muster_game *game, struct play_input *input)
{
    input->action_index = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    if (input->action_index >= game->action_count) {
        reader->is_malformed = true;
        return;
    }
    const muster_action_def *action = &game->actions[input->action_index];
    input->step_count = action->param_count;
    for (uint32_t i = 0; i < action->param_count; i++) {
        input->steps[i] =
            (uint32_t)record_read_varint_max(reader, param_step_max(&action->params[i]));
    }
}

muster_status play_read_inputs(const uint8_t *bytes,
    size_t length,
    const muster_game *game,
    uint64_t *out_newest_tick,
    struct play_input *out_inputs,
    uint32_t *out_count)
{
    MUSTER_ASSERT(game != NULL);
    struct record_reader reader = record_reader_on(bytes, length);
    *out_count = 0;
    *out_newest_tick = record_read_varint_max(&reader, MUSTER_TICK_MAX);
    uint32_t sequence = (uint32_t)record_read_varint_max(&reader, UINT32_MAX);
    uint64_t tick = record_read_varint_max(&reader, MUSTER_TICK_MAX);
    const uint32_t count = record_read_u8(&reader);
    const bool is_range = (count == 0 || sequence > 0) && sequence <= UINT32_MAX - count;
    if (reader.is_malformed || count > PLAY_INPUT_COUNT_MAX || !is_range) {
        return MUSTER_ERR_MALFORMED;
    }
    for (uint32_t i = 0; i < count; i++) {
        tick += record_read_varint_max(&reader, INPUT_GAP_TICKS_MAX);
        out_inputs[i] = (struct play_input){.tick = tick, .sequence = sequence++};
        read_input(&reader, game, &out_inputs[i]);
    }
    if (!record_is_read(&reader) || tick > MUSTER_TICK_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_count = count;
    return MUSTER_OK;
}

// Update.

void play_write_update(struct record_writer *writer, const struct play_update *update)
{
    record_write_u8(writer, update->epoch);
    record_write_u16(writer, update->tick_low);
    record_write_varint(writer, update->counted_sequence);
    record_write_varint(writer, update->counted_age_ticks);
    record_write_u8(writer, (uint8_t)update->margin_ticks);
}

void play_read_update(struct record_reader *reader, struct play_update *out_update)
{
    out_update->epoch = record_read_u8(reader);
    out_update->tick_low = record_read_u16(reader);
    out_update->counted_sequence = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    out_update->counted_age_ticks = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    out_update->margin_ticks = (int8_t)record_read_u8(reader);
}
