// SPDX-License-Identifier: Apache-2.0
#include "wire/loose.h"

#include "core/assert.h"
#include "core/bytes.h"

#define LENGTH_BYTES 2u

bool loose_push(struct loose *loose, uint32_t message_index, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(loose != NULL);
    MUSTER_ASSERT(length == 0 || bytes != NULL);
    if (loose->count == LOOSE_COUNT_MAX || LOOSE_BYTES - loose->length < LENGTH_BYTES) {
        return false;
    }
    uint8_t *head = loose->bytes + loose->length;
    struct record_writer writer =
        record_writer_on(head + LENGTH_BYTES, LOOSE_BYTES - loose->length - LENGTH_BYTES);
    record_write_varint(&writer, message_index);
    record_write_bytes(&writer, bytes, length);
    if (writer.is_full) {
        return false;
    }
    bytes_store_u16(head, (uint16_t)writer.length);
    loose->length += LENGTH_BYTES + (uint32_t)writer.length;
    loose->count++;
    return true;
}

uint32_t loose_first(const struct loose *loose, const uint8_t **out_bytes)
{
    MUSTER_ASSERT(loose != NULL && out_bytes != NULL);
    *out_bytes = loose->bytes + LENGTH_BYTES;
    return loose->count > 0 ? bytes_load_u16(loose->bytes) : 0;
}

void loose_pop(struct loose *loose)
{
    MUSTER_ASSERT(loose != NULL && loose->count > 0);
    const uint32_t record_bytes = LENGTH_BYTES + bytes_load_u16(loose->bytes);
    loose->length -= record_bytes;
    loose->count--;
    memmove(loose->bytes, loose->bytes + record_bytes, loose->length);
}
