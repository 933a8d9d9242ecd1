// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Rate limits in eight bytes each: the generic cell rate algorithm (ITU-T I.371). A limit
/// remembers only when the next unit would be due if all so far had been evenly spaced; a unit that
/// comes earlier than that by more than the burst is refused.

#include "muster/packet.h"

/// One limit. Zero allows a whole burst.
struct rate {
    uint64_t due_us;
};

/// Takes units at a time.
/// @param interval_us  between two units at the full rate
/// @param burst_us     how far ahead of the even spacing units may come
/// @return false if that is too much; nothing is taken
bool rate_take(struct rate *rate, uint64_t now_us, uint64_t interval_us, uint64_t burst_us);

/// Limits by IP address in fixed memory: addresses share a slot when their keyed hash does, which
/// nobody without the key can arrange. IPv6 addresses count by their first 64 bits.
struct rate_table;

/// @param slot_count  a power of two
/// @param secret      16 bytes
MUSTER_NODISCARD muster_status rate_table_create(const muster_allocator *allocator,
    uint32_t slot_count,
    const uint8_t *secret,
    struct rate_table **out_table);

/// Does nothing for NULL.
void rate_table_destroy(struct rate_table *table);

/// As rate_take(), for an address.
bool rate_table_take(struct rate_table *table,
    const muster_address *address,
    uint64_t now_us,
    uint64_t interval_us,
    uint64_t burst_us);
