// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Ring: records of any length from one thread to another, in fixed memory, without a lock.
///
///     producer                                  consumer
///     void *bytes;                              const void *bytes; uint32_t length;
///     ring_reserve(ring, 512, &bytes);          while (ring_peek(ring, &bytes, &length)) {
///     length = encode(bytes, 512);                  decode(bytes, length);
///     ring_commit(ring, length);                    ring_release(ring);
///                                               }
///
/// - Order: records come out in the order of their commits.
/// - Memory: one allocation at creation: the capacity plus three cache lines. A record takes its
///   length plus 8 bytes, rounded up to 8, and lies in one piece, so that it is written and read
///   in place.
/// - Cost: O(1) and no system call. Each end looks at the other's cache line only when what it
///   remembers of it does not suffice.
/// - Threads: one producer and one consumer at a time, which may be one thread. A full ring
///   refuses and an empty one says so; nothing waits.

#include "muster/base.h"

/// The least and the most bytes a ring can be created for.
#define RING_BYTES_MIN 64u
#define RING_BYTES_MAX (1u << 30)

/// A ring. Created and destroyed by its owner while neither end is in use.
struct ring;

/// What a ring is made from. Start from ring_default_def().
struct ring_def {
    /// A power of two in [RING_BYTES_MIN, RING_BYTES_MAX]. Default 64 KiB.
    uint32_t capacity_bytes;

    /// Where the ring's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
};

/// A definition with every field at its default.
struct ring_def ring_default_def(void);

/// Creates an empty ring.
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status ring_create(const struct ring_def *def, struct ring **out_ring);

/// Destroys a ring with every record in it. Does nothing for NULL.
void ring_destroy(struct ring *ring);

/// The longest record the ring takes: half the capacity less 8 bytes. An empty ring always has
/// room for one, wherever its ends happen to be.
uint32_t ring_record_bytes_max(const struct ring *ring);

/// Producer: finds room for a record of up to `bytes_max` bytes. Nothing is visible to the
/// consumer before ring_commit(); reserving again without a commit gives the reservation up.
/// @param bytes_max  at most ring_record_bytes_max()
/// @param out_bytes  set to `bytes_max` bytes aligned to 8, or to NULL on failure
/// @return MUSTER_ERR_FULL if the consumer has to release records first
MUSTER_NODISCARD muster_status ring_reserve(
    struct ring *ring, uint32_t bytes_max, void **out_bytes);

/// Producer: hands over the first `length` bytes of the last reservation as one record.
/// @param length  at most what was reserved; 0 is a record too
void ring_commit(struct ring *ring, uint32_t length);

/// Producer: copies one record in.
/// @param length  at most ring_record_bytes_max()
/// @return MUSTER_ERR_FULL if the consumer has to release records first
MUSTER_NODISCARD muster_status ring_push(struct ring *ring, const void *bytes, uint32_t length);

/// Consumer: looks at the oldest record, which stays where it is until ring_release().
/// @param out_bytes   set to the record, aligned to 8, or to NULL
/// @param out_length  set to its length, or to 0
/// @return false if the ring is empty
bool ring_peek(struct ring *ring, const void **out_bytes, uint32_t *out_length);

/// Consumer: gives the room of the record that ring_peek() showed back to the producer.
void ring_release(struct ring *ring);
