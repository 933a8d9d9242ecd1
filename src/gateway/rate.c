// SPDX-License-Identifier: Apache-2.0
#include "gateway/rate.h"

#include "core/assert.h"

#include <sodium.h>
#include <string.h>

bool rate_take(struct rate *rate, uint64_t now_us, uint64_t interval_us, uint64_t burst_us)
{
    MUSTER_ASSERT(rate != NULL);
    const uint64_t due_us = rate->due_us > now_us ? rate->due_us : now_us;
    if (due_us - now_us > burst_us) {
        return false;
    }
    rate->due_us = due_us + interval_us;
    return true;
}

struct rate_table {
    muster_allocator allocator;
    size_t bytes;
    uint32_t slot_count;
    uint8_t secret[crypto_shorthash_KEYBYTES];
    struct rate slots[];
};

muster_status rate_table_create(const muster_allocator *allocator,
    uint32_t slot_count,
    const uint8_t *secret,
    struct rate_table **out_table)
{
    MUSTER_ASSERT(slot_count >= 1 && (slot_count & (slot_count - 1)) == 0);
    const size_t bytes = sizeof(struct rate_table) + slot_count * sizeof(struct rate);
    struct rate_table *table =
        allocator->alloc(allocator->context, bytes, _Alignof(struct rate_table));
    *out_table = table;
    if (table == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(table, 0, bytes);
    table->allocator = *allocator;
    table->bytes = bytes;
    table->slot_count = slot_count;
    memcpy(table->secret, secret, sizeof table->secret);
    return MUSTER_OK;
}

void rate_table_destroy(struct rate_table *table)
{
    if (table == NULL) {
        return;
    }
    const muster_allocator allocator = table->allocator;
    allocator.free(allocator.context, table, table->bytes);
}

bool rate_table_take(struct rate_table *table,
    const muster_address *address,
    uint64_t now_us,
    uint64_t interval_us,
    uint64_t burst_us)
{
    MUSTER_ASSERT(table != NULL);
    const size_t prefix_bytes = address->family == MUSTER_ADDRESS_IPV6 ? 8 : 4;
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, address->ip, prefix_bytes, table->secret);
    uint32_t slot;
    memcpy(&slot, hash, sizeof slot);
    return rate_take(&table->slots[slot & (table->slot_count - 1)], now_us, interval_us, burst_us);
}
