// SPDX-License-Identifier: Apache-2.0
#include "muster/frame.h"

#include "core/assert.h"
#include "instance/frame_codec.h"

#include <string.h>

// Records are encoded as they are added, each with the key of its place beside it. Closing sorts
// the keys by heap sort, which needs no memory and has no bad case, and copies the records.

#define INPUT_COUNT_MAX 1048576u
#define BYTES_MIN       256u
#define BYTES_MAX       (16u * 1024 * 1024)

// A time scale is kept apart until closing; its record takes at most this.
#define TIME_SCALE_BYTES 3u

struct entry {
    struct frame_key key;
    uint32_t arrival; // of two inputs with one key the first counts
    uint32_t offset;
    uint32_t length;
};

struct muster_frame_builder {
    muster_frame_builder_def def;
    size_t bytes;
    uint64_t tick;
    uint64_t seed;
    uint32_t permille; // 0 if the frame does not set it
    uint32_t entry_count;
    uint32_t record_bytes;
    struct entry *entries;
    uint8_t *records; // as added
    uint8_t *frame;   // as closed
};

muster_frame_builder_def muster_frame_builder_default_def(void)
{
    return (muster_frame_builder_def){
        .input_count_max = 16384,
        .bytes_max = 1024 * 1024,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_frame_builder_def *def)
{
    return def->input_count_max >= 1 && def->input_count_max <= INPUT_COUNT_MAX &&
           def->bytes_max >= BYTES_MIN && def->bytes_max <= BYTES_MAX &&
           def->allocator.alloc != NULL && def->allocator.free != NULL;
}

muster_status muster_frame_builder_create(
    const muster_frame_builder_def *def, muster_frame_builder **out_builder)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_builder != NULL);
    *out_builder = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const size_t records_offset =
        sizeof(muster_frame_builder) + (size_t)def->input_count_max * sizeof(struct entry);
    const size_t bytes = records_offset + 2 * (size_t)def->bytes_max;
    uint8_t *memory =
        def->allocator.alloc(def->allocator.context, bytes, _Alignof(muster_frame_builder));
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }

    muster_frame_builder *builder = (void *)memory;
    *builder = (muster_frame_builder){
        .def = *def,
        .bytes = bytes,
        .entries = (void *)(memory + sizeof(muster_frame_builder)),
        .records = memory + records_offset,
        .frame = memory + records_offset + def->bytes_max,
    };
    *out_builder = builder;
    return MUSTER_OK;
}

void muster_frame_builder_destroy(muster_frame_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    const muster_allocator allocator = builder->def.allocator;
    allocator.free(allocator.context, builder, builder->bytes);
}

void muster_frame_begin(muster_frame_builder *builder, uint64_t tick, uint64_t seed)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(tick >= 1 && tick <= MUSTER_TICK_MAX);
    builder->tick = tick;
    builder->seed = seed;
    builder->permille = 0;
    builder->entry_count = 0;
    builder->record_bytes = 0;
}

static muster_status add(
    muster_frame_builder *builder, const struct frame_record *record, uint32_t step_count)
{
    MUSTER_ASSERT(builder->tick >= 1);
    if (builder->entry_count == builder->def.input_count_max) {
        return MUSTER_ERR_FULL;
    }
    const uint32_t room =
        builder->def.bytes_max - FRAME_HEADER_BYTES_MAX - TIME_SCALE_BYTES - builder->record_bytes;
    struct record_writer writer = record_writer_on(builder->records + builder->record_bytes, room);
    frame_write_record(&writer, record, step_count);
    if (writer.is_full) {
        return MUSTER_ERR_FULL;
    }

    const uint64_t *id = record->player.id;
    builder->entries[builder->entry_count] = (struct entry){
        .key =
            {
                .rank = frame_rank(record->type),
                .order = frame_order(builder->seed, builder->tick, id),
                .id = {id[0], id[1]},
                .type = (uint32_t)record->type,
                .sequence = record->sequence,
            },
        .arrival = builder->entry_count,
        .offset = builder->record_bytes,
        .length = (uint32_t)writer.length,
    };
    builder->entry_count++;
    builder->record_bytes += (uint32_t)writer.length;
    return MUSTER_OK;
}

muster_status muster_frame_add_join(
    muster_frame_builder *builder, uint32_t player_index, const muster_player *player)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(player != NULL);
    MUSTER_ASSERT(memchr(player->name, '\0', sizeof player->name) != NULL);
    const struct frame_record record = {
        .type = FRAME_JOIN,
        .player_index = player_index,
        .player = *player,
    };
    return add(builder, &record, 0);
}

muster_status muster_frame_add_leave(
    muster_frame_builder *builder, uint32_t player_index, const uint64_t player_id[2])
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(player_id != NULL);
    const struct frame_record record = {
        .type = FRAME_LEAVE,
        .player_index = player_index,
        .player.id = {player_id[0], player_id[1]},
    };
    return add(builder, &record, 0);
}

void muster_frame_add_time_scale(muster_frame_builder *builder, uint32_t permille)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(permille >= FRAME_PERMILLE_MIN && permille <= FRAME_PERMILLE_MAX);
    builder->permille = permille;
}

muster_status muster_frame_add_action(muster_frame_builder *builder,
    uint32_t player_index,
    const uint64_t player_id[2],
    uint32_t sequence,
    uint32_t action_index,
    const uint32_t *steps,
    uint32_t step_count)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(player_id != NULL);
    MUSTER_ASSERT(steps != NULL || step_count == 0);
    MUSTER_ASSERT(step_count <= MUSTER_PARAM_COUNT_MAX);
    struct frame_record record = {
        .type = FRAME_ACTION,
        .player_index = player_index,
        .sequence = sequence,
        .index = action_index,
        .player.id = {player_id[0], player_id[1]},
    };
    for (uint32_t i = 0; i < step_count; i++) {
        record.steps[i] = steps[i];
    }
    return add(builder, &record, step_count);
}

muster_status muster_frame_add_message(muster_frame_builder *builder,
    uint32_t player_index,
    const uint64_t player_id[2],
    uint32_t sequence,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(player_id != NULL);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(length <= MUSTER_MESSAGE_BYTES_MAX);
    const struct frame_record record = {
        .type = FRAME_MESSAGE,
        .player_index = player_index,
        .sequence = sequence,
        .index = message_index,
        .player.id = {player_id[0], player_id[1]},
        .bytes = bytes,
        .length = length,
    };
    return add(builder, &record, 0);
}

// Sorting.

static bool is_before(const struct entry *left, const struct entry *right)
{
    const int order = frame_key_compare(&left->key, &right->key);
    return order < 0 || (order == 0 && left->arrival < right->arrival);
}

static void swap(struct entry *left, struct entry *right)
{
    const struct entry kept = *left;
    *left = *right;
    *right = kept;
}

// Moves the entry at `index` down until no child comes after it.
static void sink(struct entry *entries, uint32_t index, uint32_t count)
{
    while (2 * index + 1 < count) {
        uint32_t child = 2 * index + 1;
        if (child + 1 < count && is_before(&entries[child], &entries[child + 1])) {
            child++;
        }
        if (!is_before(&entries[index], &entries[child])) {
            return;
        }
        swap(&entries[index], &entries[child]);
        index = child;
    }
}

static void sort(struct entry *entries, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--) {
        sink(entries, i - 1, count);
    }
    for (uint32_t end = count; end > 1; end--) {
        swap(&entries[0], &entries[end - 1]);
        sink(entries, 0, end - 1);
    }
}

static uint32_t drop_doubles(struct entry *entries, uint32_t count)
{
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool is_double =
            kept_count > 0 && frame_key_compare(&entries[kept_count - 1].key, &entries[i].key) == 0;
        if (!is_double) {
            entries[kept_count] = entries[i];
            kept_count++;
        }
    }
    return kept_count;
}

static void write_entries(struct record_writer *writer,
    const muster_frame_builder *builder,
    uint32_t rank_min,
    uint32_t rank_max)
{
    for (uint32_t i = 0; i < builder->entry_count; i++) {
        const struct entry *entry = &builder->entries[i];
        if (entry->key.rank >= rank_min && entry->key.rank <= rank_max) {
            record_write_bytes(writer, builder->records + entry->offset, entry->length);
        }
    }
}

void muster_frame_close(
    muster_frame_builder *builder, const uint8_t **out_frame, uint32_t *out_length)
{
    MUSTER_ASSERT(builder != NULL);
    MUSTER_ASSERT(out_frame != NULL);
    MUSTER_ASSERT(out_length != NULL);
    MUSTER_ASSERT(builder->tick >= 1);
    sort(builder->entries, builder->entry_count);
    builder->entry_count = drop_doubles(builder->entries, builder->entry_count);

    struct record_writer writer = record_writer_on(builder->frame, builder->def.bytes_max);
    record_write_u8(&writer, FRAME_VERSION);
    record_write_varint(&writer, builder->tick);
    record_write_varint(&writer, builder->entry_count + (builder->permille != 0));
    write_entries(&writer, builder, FRAME_LEAVE, FRAME_JOIN);
    if (builder->permille != 0) {
        const struct frame_record record = {
            .type = FRAME_TIME_SCALE,
            .permille = builder->permille,
        };
        frame_write_record(&writer, &record, 0);
    }
    write_entries(&writer, builder, FRAME_ACTION, FRAME_ACTION);
    MUSTER_ASSERT(!writer.is_full);

    *out_frame = builder->frame;
    *out_length = (uint32_t)writer.length;
}
