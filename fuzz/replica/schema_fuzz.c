// SPDX-License-Identifier: Apache-2.0

// Bytes as a schema. One that is accepted is written again and must be the same bytes.

#include "muster/replica_schema.h"

#include "core/assert.h"

#include <string.h>

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    muster_replica_schema schema;
    if (muster_replica_schema_decode(bytes, length, &schema) != MUSTER_OK) {
        MUSTER_ASSERT(schema.field_count == 0);
        return 0;
    }
    uint8_t again[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t again_length;
    const muster_status status =
        muster_replica_schema_encode(&schema, again, sizeof again, &again_length);
    MUSTER_ASSERT(status == MUSTER_OK && again_length == length);
    MUSTER_ASSERT(memcmp(again, bytes, length) == 0);
    return 0;
}
