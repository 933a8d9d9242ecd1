// SPDX-License-Identifier: Apache-2.0

// Bytes as packets to one view: two bytes of length, then so many bytes. In front of each packet a
// byte says with what to begin: the bytes themselves, or a packet header that is right, so that
// what follows is reached. Values must stay in their ranges.

#include "muster/replica_view.h"

#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void add(muster_replica_schema *schema,
    muster_field_def field,
    muster_state_type type,
    uint32_t lane_count)
{
    const muster_status status = muster_replica_schema_add(schema, &field, type, lane_count);
    MUSTER_ASSERT(status == MUSTER_OK);
}

static muster_replica_schema make_schema(void)
{
    muster_replica_schema schema = muster_replica_default_schema();
    schema.known_count_max = 40;
    add(&schema,
        (muster_field_def){.name = "position",
            .encoding = MUSTER_FIELD_POSITION,
            .min = -100.0f,
            .max = 100.0f,
            .precision = 0.01f},
        MUSTER_STATE_F32, 2);
    add(&schema, (muster_field_def){.name = "health", .max = 100.0f, .precision = 1.0f},
        MUSTER_STATE_U8, 1);
    add(&schema,
        (muster_field_def){.name = "yaw",
            .encoding = MUSTER_FIELD_ANGLE,
            .precision = 0.1f,
            .channel = MUSTER_CHANNEL_DETAILED},
        MUSTER_STATE_F32, 1);
    add(&schema,
        (muster_field_def){.name = "secret",
            .max = 4294967040.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_METADATA,
            .visibility = MUSTER_VISIBLE_OWNER},
        MUSTER_STATE_U32, 2);
    return schema;
}

static void check(const muster_replica_view *view)
{
    uint32_t count = 0;
    for (uint32_t index = 0; index < 40; index++) {
        muster_replica_entity entity;
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        if (muster_replica_view_entity(view, index, &entity)) {
            count++;
            MUSTER_ASSERT(entity.id != 0);
        }
        (void)muster_replica_view_values(view, index, 0, values);
        MUSTER_ASSERT(values[0] <= 20000 && values[1] <= 20000);
        (void)muster_replica_view_values(view, index, 1, values);
        MUSTER_ASSERT(values[0] <= 100);
        (void)muster_replica_view_values(view, index, 2, values);
        MUSTER_ASSERT(values[0] < 63);
    }
    MUSTER_ASSERT(count == muster_replica_view_count(view));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const muster_replica_schema schema = make_schema();
    muster_replica_view_def def = muster_replica_view_default_def();
    def.schema = &schema;
    muster_replica_view *view;
    const muster_status status = muster_replica_view_create(&def, &view);
    MUSTER_ASSERT(status == MUSTER_OK);
    uint8_t tick = 1;
    while (length >= 3) {
        size_t packet_bytes = (size_t)bytes[0] | (size_t)(bytes[1] & 7) << 8;
        const bool has_header = (bytes[1] & 0x80) != 0;
        bytes += 2;
        length -= 2;
        packet_bytes = packet_bytes < length ? packet_bytes : length;
        uint8_t *packet = malloc(packet_bytes + 1);
        MUSTER_ASSERT(packet != NULL);
        memcpy(packet, bytes, packet_bytes);
        if (has_header && packet_bytes >= 3) {
            packet[1] = 0; // at most 255 updates
            packet[2] = tick < 0x7F ? tick++ : tick;
        }
        const muster_status decoded = muster_replica_view_decode(view, packet, packet_bytes);
        MUSTER_ASSERT(decoded != MUSTER_ERR_INVALID);
        free(packet);
        for (muster_replica_event event; muster_replica_view_pop_event(view, &event);) {
        }
        bytes += packet_bytes;
        length -= packet_bytes;
        check(view);
    }
    muster_replica_view_destroy(view);
    return 0;
}
