// SPDX-License-Identifier: Apache-2.0
#include "instance/frame_codec.h"

#include "core/assert.h"
#include "muster/random.h"
#include "wire/param.h"

#include <string.h>

#define ORDER_PURPOSE UINT64_C(0x6672616D65) // tells the order of players from other uses

uint32_t frame_rank(enum frame_type type)
{
    return type == FRAME_MESSAGE ? (uint32_t)FRAME_ACTION : (uint32_t)type;
}

uint64_t frame_order(uint64_t seed, uint64_t tick, const uint64_t player_id[2])
{
    const muster_random_key key = {
        .seed = seed,
        .entity = player_id[0],
        .tick = tick,
        .purpose = ORDER_PURPOSE,
    };
    return muster_random(key, player_id[1]);
}

static int compare(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

int frame_key_compare(const struct frame_key *left, const struct frame_key *right)
{
    if (left->rank != right->rank) {
        return compare(left->rank, right->rank);
    }
    if (left->order != right->order) {
        return compare(left->order, right->order);
    }
    if (left->id[0] != right->id[0]) {
        return compare(left->id[0], right->id[0]);
    }
    if (left->id[1] != right->id[1]) {
        return compare(left->id[1], right->id[1]);
    }
    if (left->type != right->type) {
        return compare(left->type, right->type);
    }
    return compare(left->sequence, right->sequence);
}

// Writing.

static void write_id(struct record_writer *writer, const muster_player *player)
{
    record_write_u64(writer, player->id[0]);
    record_write_u64(writer, player->id[1]);
}

static void write_action(
    struct record_writer *writer, const struct frame_record *record, uint32_t step_count)
{
    record_write_varint(writer, record->sequence);
    record_write_varint(writer, record->index);
    for (uint32_t i = 0; i < step_count; i++) {
        record_write_varint(writer, record->steps[i]);
    }
}

static void write_message(struct record_writer *writer, const struct frame_record *record)
{
    record_write_varint(writer, record->sequence);
    record_write_varint(writer, record->index);
    record_write_varint(writer, record->length);
    record_write_bytes(writer, record->bytes, record->length);
}

void frame_write_record(
    struct record_writer *writer, const struct frame_record *record, uint32_t step_count)
{
    record_write_u8(writer, (uint8_t)record->type);
    if (record->type == FRAME_TIME_SCALE) {
        record_write_varint(writer, record->permille);
        return;
    }
    record_write_varint(writer, record->player_index);
    switch (record->type) {
    case FRAME_LEAVE:
        write_id(writer, &record->player);
        return;
    case FRAME_JOIN:
        write_id(writer, &record->player);
        record_write_varint(writer, record->player.party_id);
        record_write_varint(writer, record->player.tier);
        record_write_text(writer, record->player.name);
        return;
    case FRAME_ACTION:
        write_action(writer, record, step_count);
        return;
    default:
        write_message(writer, record);
    }
}

// Reading.

static uint32_t read_below(struct record_reader *reader, uint32_t bound)
{
    const uint32_t value = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    if (value >= bound) {
        reader->is_malformed = true;
        return 0;
    }
    return value;
}

static void read_id(struct record_reader *reader, muster_player *out_player)
{
    out_player->id[0] = record_read_u64(reader);
    out_player->id[1] = record_read_u64(reader);
}

static void read_action(
    struct record_reader *reader, const muster_game *game, struct frame_record *out_record)
{
    out_record->sequence = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    out_record->index = read_below(reader, game->action_count);
    if (reader->is_malformed) {
        return;
    }
    const muster_action_def *action = &game->actions[out_record->index];
    for (uint32_t i = 0; i < action->param_count; i++) {
        const uint32_t step_max = param_step_max(&action->params[i]);
        out_record->steps[i] = (uint32_t)record_read_varint_max(reader, step_max);
    }
}

static void read_message(
    struct record_reader *reader, const muster_game *game, struct frame_record *out_record)
{
    out_record->sequence = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    out_record->index = read_below(reader, game->message_count);
    if (reader->is_malformed) {
        return;
    }
    const muster_message_def *message = &game->messages[out_record->index];
    if (!message->is_from_players) {
        reader->is_malformed = true;
        return;
    }
    out_record->length = (uint32_t)record_read_varint_max(reader, message->bytes_max);
    out_record->bytes = record_read_space(reader, out_record->length);
}

static void read_join(struct record_reader *reader, muster_player *out_player)
{
    read_id(reader, out_player);
    out_player->party_id = record_read_varint(reader);
    out_player->tier = (uint32_t)record_read_varint_max(reader, UINT32_MAX);
    record_read_text(reader, out_player->name, sizeof out_player->name);
}

static void read_time_scale(struct record_reader *reader, struct frame_record *out_record)
{
    out_record->permille = (uint32_t)record_read_varint_max(reader, FRAME_PERMILLE_MAX);
    if (out_record->permille < FRAME_PERMILLE_MIN) {
        reader->is_malformed = true;
    }
}

uint32_t frame_read_header(struct record_reader *reader, uint64_t *out_tick)
{
    if (record_read_u8(reader) != FRAME_VERSION) {
        reader->is_malformed = true;
    }
    *out_tick = record_read_varint_max(reader, MUSTER_TICK_MAX);
    return (uint32_t)record_read_varint_max(reader, UINT32_MAX);
}

void frame_read_record(struct record_reader *reader,
    const muster_game *game,
    const muster_game_limits *limits,
    struct frame_record *out_record)
{
    memset(out_record, 0, sizeof *out_record);
    const uint8_t type = record_read_u8(reader);
    if (type == FRAME_TIME_SCALE) {
        out_record->type = FRAME_TIME_SCALE;
        read_time_scale(reader, out_record);
        return;
    }
    out_record->player_index = read_below(reader, limits->player_count_max);
    switch (type) {
    case FRAME_LEAVE:
        read_id(reader, &out_record->player);
        break;
    case FRAME_JOIN:
        read_join(reader, &out_record->player);
        break;
    case FRAME_ACTION:
        read_action(reader, game, out_record);
        break;
    case FRAME_MESSAGE:
        read_message(reader, game, out_record);
        break;
    default:
        reader->is_malformed = true;
        return;
    }
    out_record->type = (enum frame_type)type;
}

// Checking.

static bool is_same_id(const uint64_t left[2], const uint64_t right[2])
{
    return left[0] == right[0] && left[1] == right[1];
}

static void begin_members(muster_world *world, uint64_t tick)
{
    for (uint32_t i = 0; i < world->limits.player_count_max; i++) {
        struct frame_member *member = &world->members[i];
        const muster_player *player = &world->players[i];
        *member = (struct frame_member){.is_there = world_has_player(world, i)};
        if (member->is_there) {
            memcpy(member->id, player->id, sizeof member->id);
            member->order = frame_order(world->seed, tick, player->id);
        }
    }
}

// A player comes to a free index, or back to its own, and is nowhere else.
static bool check_join(muster_world *world, uint64_t tick, const struct frame_record *record)
{
    struct frame_member *member = &world->members[record->player_index];
    const uint64_t *id = record->player.id;
    if (member->is_there && !is_same_id(member->id, id)) {
        return false;
    }
    for (uint32_t i = 0; i < world->limits.player_count_max; i++) {
        const struct frame_member *other = &world->members[i];
        if (other != member && other->is_there && is_same_id(other->id, id)) {
            return false;
        }
    }
    member->is_there = true;
    memcpy(member->id, id, sizeof member->id);
    member->order = frame_order(world->seed, tick, id);
    return true;
}

static bool check_member(muster_world *world, uint64_t tick, const struct frame_record *record)
{
    struct frame_member *member = &world->members[record->player_index];
    switch (record->type) {
    case FRAME_JOIN:
        return check_join(world, tick, record);
    case FRAME_LEAVE:
        if (!member->is_there || !is_same_id(member->id, record->player.id)) {
            return false;
        }
        member->is_there = false;
        return true;
    case FRAME_TIME_SCALE:
        return true;
    default:
        return member->is_there;
    }
}

static struct frame_key key_of(const muster_world *world, const struct frame_record *record)
{
    struct frame_key key = {
        .rank = frame_rank(record->type),
        .type = (uint32_t)record->type,
        .sequence = record->sequence,
    };
    if (record->type != FRAME_TIME_SCALE) {
        const struct frame_member *member = &world->members[record->player_index];
        key.order = member->order;
        memcpy(key.id, member->id, sizeof key.id);
    }
    return key;
}

bool frame_is_valid(muster_world *world, const uint8_t *frame, uint32_t length)
{
    struct record_reader reader = record_reader_on(frame, length);
    uint64_t tick;
    const uint32_t record_count = frame_read_header(&reader, &tick);
    if (reader.is_malformed || tick != world->tick + 1) {
        return false;
    }

    begin_members(world, tick);
    struct frame_key last = {0};
    for (uint32_t i = 0; i < record_count; i++) {
        struct frame_record record;
        frame_read_record(&reader, world->game, &world->limits, &record);
        if (reader.is_malformed || !check_member(world, tick, &record)) {
            return false;
        }
        const struct frame_key key = key_of(world, &record);
        if (frame_key_compare(&last, &key) >= 0) {
            return false;
        }
        last = key;
    }
    return record_is_read(&reader);
}
