// SPDX-License-Identifier: Apache-2.0
#include "muster/frame_log.h"

#include "core/assert.h"
#include "core/hash.h"
#include "instance/identity.h"
#include "instance/sums.h"

#include <string.h>

// A record is its type, the length of its payload, the payload, and a checksum of all that. The
// writer encodes into one buffer that holds the largest header, tick and snapshot together.

#define MAGIC           UINT64_C(0x474F4C525453554D) // "MUSTRLOG"
#define CHECKSUM_SEED   UINT64_C(2)
#define HEAD_BYTES      5u // type and length
#define CHECKSUM_BYTES  4u
#define TICK_BYTES_MAX  (2 * RECORD_VARINT_BYTES_MAX + sizeof(uint64_t))
#define FRAME_BYTES_MAX (16u * 1024 * 1024)

struct muster_frame_log {
    muster_frame_log_def def;
    size_t bytes;
    struct sums sums; // of the world now
    struct sums last; // as the log has them
    uint8_t *buffer;
    size_t buffer_bytes;
};

static uint32_t checksum_of(const uint8_t *bytes, size_t length)
{
    return (uint32_t)(hash_bytes(bytes, length, CHECKSUM_SEED) >> 32);
}

muster_frame_log_def muster_frame_log_default_def(void)
{
    return (muster_frame_log_def){
        .snapshot_period_ticks = 600,
        .frame_bytes_max = 1024 * 1024,
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const muster_frame_log_def *def)
{
    return def->instance != NULL && def->snapshot_period_ticks >= 1 && def->frame_bytes_max >= 1 &&
           def->frame_bytes_max <= FRAME_BYTES_MAX && def->allocator.alloc != NULL &&
           def->allocator.free != NULL;
}

muster_status muster_frame_log_create(const muster_frame_log_def *def, muster_frame_log **out_log)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_log != NULL);
    *out_log = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const muster_world *world = &def->instance->world;
    const size_t sums_memory = sums_bytes(world);
    const size_t sums_written = sums_memory + sums_memory / 2 + 64;
    const size_t overhead =
        4 * (HEAD_BYTES + CHECKSUM_BYTES + TICK_BYTES_MAX) + 2 * IDENTITY_BYTES_MAX;
    const size_t buffer_bytes =
        def->frame_bytes_max + sums_written + world->backup_bytes + overhead;
    const size_t bytes = sizeof(muster_frame_log) + 2 * sums_memory + buffer_bytes;
    uint8_t *memory = def->allocator.alloc(def->allocator.context, bytes, 16);
    if (memory == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }

    muster_frame_log *log = (void *)memory;
    *log = (muster_frame_log){.def = *def, .bytes = bytes, .buffer_bytes = buffer_bytes};
    sums_init(&log->sums, world, memory + sizeof(muster_frame_log));
    sums_init(&log->last, world, memory + sizeof(muster_frame_log) + sums_memory);
    log->buffer = memory + sizeof(muster_frame_log) + 2 * sums_memory;
    MUSTER_ASSERT(sums_write_bytes_max(&log->sums) <= sums_written);
    *out_log = log;
    return MUSTER_OK;
}

void muster_frame_log_destroy(muster_frame_log *log)
{
    if (log == NULL) {
        return;
    }
    const muster_allocator allocator = log->def.allocator;
    allocator.free(allocator.context, log, log->bytes);
}

// Writing.

// Leaves room for the length, which is known at the end.
static size_t begin_record(struct record_writer *writer, muster_frame_log_type type)
{
    const size_t begin = writer->length;
    record_write_u8(writer, (uint8_t)type);
    record_write_u32(writer, 0);
    return begin;
}

static void end_record(struct record_writer *writer, size_t begin)
{
    MUSTER_ASSERT(!writer->is_full);
    bytes_store_u32(writer->bytes + begin + 1, (uint32_t)(writer->length - begin - HEAD_BYTES));
    record_write_u32(writer, checksum_of(writer->bytes + begin, writer->length - begin));
    MUSTER_ASSERT(!writer->is_full);
}

// The sums start anew, so that a replay can start here.
static void write_snapshot(struct record_writer *writer, muster_frame_log *log)
{
    const muster_instance *instance = log->def.instance;
    const size_t begin = begin_record(writer, MUSTER_FRAME_LOG_SNAPSHOT);
    record_write_varint(writer, instance->world.tick);
    record_write_u64(writer, instance->world.hash);
    uint8_t *space = record_write_space(writer, muster_instance_snapshot_bytes(instance));
    MUSTER_ASSERT(space != NULL);
    muster_instance_snapshot(instance, space);
    end_record(writer, begin);
    sums_clear(&log->last);
}

static void write_tick(struct record_writer *writer,
    muster_frame_log *log,
    const uint8_t *frame,
    uint32_t frame_length)
{
    const muster_world *world = &log->def.instance->world;
    const size_t begin = begin_record(writer, MUSTER_FRAME_LOG_TICK);
    record_write_varint(writer, world->tick);
    record_write_u64(writer, world->hash);
    record_write_varint(writer, frame_length);
    record_write_bytes(writer, frame, frame_length);
    sums_update(&log->sums, world);
    sums_write(writer, &log->last, &log->sums);
    end_record(writer, begin);
}

void muster_frame_log_begin(muster_frame_log *log, const uint8_t **out_bytes, size_t *out_length)
{
    MUSTER_ASSERT(log != NULL);
    MUSTER_ASSERT(out_bytes != NULL);
    MUSTER_ASSERT(out_length != NULL);
    const muster_world_identity identity = identity_of(&log->def.instance->world);
    struct record_writer writer = record_writer_on(log->buffer, log->buffer_bytes);
    record_write_u64(&writer, MAGIC);
    record_write_u32(&writer, MUSTER_FRAME_LOG_VERSION);
    identity_write(&writer, &identity);
    record_write_u32(&writer, checksum_of(writer.bytes, writer.length));
    write_snapshot(&writer, log);
    *out_bytes = log->buffer;
    *out_length = writer.length;
}

muster_status muster_frame_log_add(muster_frame_log *log,
    const uint8_t *frame,
    uint32_t frame_length,
    const uint8_t **out_bytes,
    size_t *out_length)
{
    MUSTER_ASSERT(log != NULL);
    MUSTER_ASSERT(frame != NULL);
    MUSTER_ASSERT(out_bytes != NULL);
    MUSTER_ASSERT(out_length != NULL);
    *out_bytes = log->buffer;
    *out_length = 0;
    if (frame_length > log->def.frame_bytes_max) {
        return MUSTER_ERR_FULL;
    }
    struct record_writer writer = record_writer_on(log->buffer, log->buffer_bytes);
    write_tick(&writer, log, frame, frame_length);
    if (log->def.instance->world.tick % log->def.snapshot_period_ticks == 0) {
        write_snapshot(&writer, log);
    }
    *out_length = writer.length;
    return MUSTER_OK;
}

// Reading.

muster_status muster_frame_log_read_header(
    const uint8_t *bytes, size_t length, muster_world_identity *out_identity, size_t *out_offset)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(out_identity != NULL);
    MUSTER_ASSERT(out_offset != NULL);
    *out_identity = (muster_world_identity){0};
    *out_offset = 0;
    struct record_reader reader = record_reader_on(bytes, length);
    const uint64_t magic = record_read_u64(&reader);
    const uint32_t version = record_read_u32(&reader);
    if (reader.is_malformed || magic != MAGIC) {
        return MUSTER_ERR_MALFORMED;
    }
    if (version != MUSTER_FRAME_LOG_VERSION) {
        return MUSTER_ERR_VERSION;
    }
    muster_world_identity identity;
    identity_read(&reader, &identity);
    const size_t end = reader.offset;
    const uint32_t checksum = record_read_u32(&reader);
    if (reader.is_malformed || checksum != checksum_of(bytes, end)) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_identity = identity;
    *out_offset = reader.offset;
    return MUSTER_OK;
}

static bool read_payload(struct record_reader *reader, muster_frame_log_record *record)
{
    record->tick = record_read_varint_max(reader, MUSTER_TICK_MAX);
    record->hash = record_read_u64(reader);
    switch (record->type) {
    case MUSTER_FRAME_LOG_TICK:
        record->length = (size_t)record_read_varint_max(reader, FRAME_BYTES_MAX);
        record->bytes = record_read_space(reader, record->length);
        record->sums_length = reader->length - reader->offset;
        record->sums = record_read_space(reader, record->sums_length);
        break;
    case MUSTER_FRAME_LOG_SNAPSHOT:
        record->length = reader->length - reader->offset;
        record->bytes = record_read_space(reader, record->length);
        break;
    default:
        return false;
    }
    return !reader->is_malformed;
}

muster_status muster_frame_log_read(
    const uint8_t *bytes, size_t length, size_t *offset, muster_frame_log_record *out_record)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(offset != NULL && *offset <= length);
    MUSTER_ASSERT(out_record != NULL);
    *out_record = (muster_frame_log_record){0};
    if (length - *offset < HEAD_BYTES + CHECKSUM_BYTES) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const uint8_t *head = bytes + *offset;
    const size_t payload_bytes = bytes_load_u32(head + 1);
    if (payload_bytes > length - *offset - HEAD_BYTES - CHECKSUM_BYTES) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const uint32_t checksum = bytes_load_u32(head + HEAD_BYTES + payload_bytes);
    struct record_reader reader = record_reader_on(head + HEAD_BYTES, payload_bytes);
    muster_frame_log_record record = {.type = (muster_frame_log_type)head[0]};
    if (checksum != checksum_of(head, HEAD_BYTES + payload_bytes) ||
        !read_payload(&reader, &record)) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_record = record;
    *offset += HEAD_BYTES + payload_bytes + CHECKSUM_BYTES;
    return MUSTER_OK;
}
