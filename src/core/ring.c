// SPDX-License-Identifier: Apache-2.0
#include "core/ring.h"

#include "core/assert.h"

#include <stdatomic.h>
#include <string.h>

// Positions count bytes since creation and never wrap; the low bits are the place in the buffer.
// A record is an 8-byte header and its bytes. One that would cross the end of the buffer starts
// over at the front, and a header marked SKIP fills what is left behind it:
//
//     | free | header record | header record | SKIP ... |
//            ^ head (consumer)                           then tail (producer) is at the front
//
// The producer alone writes `tail`, the consumer alone writes `head`. Each keeps a copy of the
// other's position and loads the real one only when the copy says full or empty.

#define CACHE_LINE_BYTES 64u
#define HEADER_BYTES     8u
#define SKIP             UINT32_MAX // a header's length when it fills the end of the buffer

struct header {
    uint32_t length;
    uint32_t room_bytes; // with this header, a multiple of HEADER_BYTES
};

_Static_assert(sizeof(struct header) == HEADER_BYTES, "records must stay aligned");

struct ring {
    muster_allocator allocator;
    uint32_t capacity_bytes; // constant after creation, so both ends may share this line

    // The producer's line.
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t tail;
    uint64_t head_seen;
    uint64_t reserved_at;    // where the reservation's header goes
    uint32_t reserved_bytes; // what its record may take; valid while has_reservation
    bool has_reservation;

    // The consumer's line.
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t head;
    uint64_t tail_seen;
    bool has_peeked;

    _Alignas(CACHE_LINE_BYTES) uint8_t buffer[];
};

static struct header *header_at(struct ring *ring, uint64_t position)
{
    return (void *)(ring->buffer + (position & (ring->capacity_bytes - 1)));
}

static uint32_t room_for(uint32_t length)
{
    return (length + 2 * HEADER_BYTES - 1) & ~(HEADER_BYTES - 1);
}

struct ring_def ring_default_def(void)
{
    return (struct ring_def){.capacity_bytes = 64 * 1024, .allocator = muster_heap_allocator()};
}

muster_status ring_create(const struct ring_def *def, struct ring **out_ring)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_ring != NULL);
    *out_ring = NULL;

    const uint32_t capacity_bytes = def->capacity_bytes;
    if (capacity_bytes < RING_BYTES_MIN || capacity_bytes > RING_BYTES_MAX ||
        (capacity_bytes & (capacity_bytes - 1)) != 0 || def->allocator.alloc == NULL ||
        def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }

    struct ring *made = def->allocator.alloc(
        def->allocator.context, sizeof(struct ring) + capacity_bytes, _Alignof(struct ring));
    if (made == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    // The buffer too: its pages are touched here and not on the first lap.
    memset(made, 0, sizeof(struct ring) + capacity_bytes);
    made->allocator = def->allocator;
    made->capacity_bytes = capacity_bytes;
    atomic_init(&made->tail, 0);
    atomic_init(&made->head, 0);
    *out_ring = made;
    return MUSTER_OK;
}

void ring_destroy(struct ring *ring)
{
    if (ring == NULL) {
        return;
    }
    const muster_allocator allocator = ring->allocator;
    allocator.free(allocator.context, ring, sizeof(struct ring) + ring->capacity_bytes);
}

uint32_t ring_record_bytes_max(const struct ring *ring)
{
    MUSTER_ASSERT(ring != NULL);
    return ring->capacity_bytes / 2 - HEADER_BYTES;
}

// True if the producer may write up to `end`. Looks at the consumer's position only if it must.
static bool has_room_until(struct ring *ring, uint64_t end)
{
    if (end - ring->head_seen <= ring->capacity_bytes) {
        return true;
    }
    // Acquire: pairs with the release in ring_release(), so that the consumer has finished
    // reading the bytes before they are written again.
    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    return end - ring->head_seen <= ring->capacity_bytes;
}

muster_status ring_reserve(struct ring *ring, uint32_t bytes_max, void **out_bytes)
{
    MUSTER_ASSERT(ring != NULL);
    MUSTER_ASSERT(bytes_max <= ring_record_bytes_max(ring));
    MUSTER_ASSERT(out_bytes != NULL);
    *out_bytes = NULL;
    ring->has_reservation = false;

    // Relaxed: only this thread writes the tail.
    uint64_t position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const uint32_t room_bytes = room_for(bytes_max);
    const uint32_t offset = (uint32_t)(position & (ring->capacity_bytes - 1));
    const uint32_t bytes_to_end = ring->capacity_bytes - offset;
    const uint32_t skip_bytes = room_bytes > bytes_to_end ? bytes_to_end : 0;

    if (!has_room_until(ring, position + skip_bytes + room_bytes)) {
        return MUSTER_ERR_FULL;
    }
    if (skip_bytes != 0) {
        // Published together with the record that follows it.
        *header_at(ring, position) = (struct header){.length = SKIP, .room_bytes = skip_bytes};
        position += skip_bytes;
    }
    ring->has_reservation = true;
    ring->reserved_at = position;
    ring->reserved_bytes = bytes_max;
    *out_bytes = header_at(ring, position) + 1;
    return MUSTER_OK;
}

void ring_commit(struct ring *ring, uint32_t length)
{
    MUSTER_ASSERT(ring != NULL);
    MUSTER_ASSERT(ring->has_reservation);
    MUSTER_ASSERT(length <= ring->reserved_bytes);

    const uint32_t room_bytes = room_for(length);
    *header_at(ring, ring->reserved_at) =
        (struct header){.length = length, .room_bytes = room_bytes};
    ring->has_reservation = false;
    // Release: pairs with the acquire in ring_peek(), which then sees the header and the record.
    atomic_store_explicit(&ring->tail, ring->reserved_at + room_bytes, memory_order_release);
}

muster_status ring_push(struct ring *ring, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);

    void *room;
    const muster_status status = ring_reserve(ring, length, &room);
    if (status != MUSTER_OK) {
        return status;
    }
    if (length != 0) {
        memcpy(room, bytes, length);
    }
    ring_commit(ring, length);
    return MUSTER_OK;
}

bool ring_peek(struct ring *ring, const void **out_bytes, uint32_t *out_length)
{
    MUSTER_ASSERT(ring != NULL);
    MUSTER_ASSERT(out_bytes != NULL);
    MUSTER_ASSERT(out_length != NULL);
    *out_bytes = NULL;
    *out_length = 0;

    // Relaxed: only this thread writes the head.
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        // Acquire: pairs with the release in ring_commit().
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen) {
            return false;
        }
    }

    const struct header *header = header_at(ring, head);
    if (header->length == SKIP) {
        // A record always follows a skip, for both are published at once. Release: pairs with the
        // acquire in has_room_until(); the skip's header has been read.
        head += header->room_bytes;
        atomic_store_explicit(&ring->head, head, memory_order_release);
        header = header_at(ring, head);
    }
    MUSTER_ASSERT(header->length <= ring_record_bytes_max(ring));
    ring->has_peeked = true;
    *out_bytes = header + 1;
    *out_length = header->length;
    return true;
}

void ring_release(struct ring *ring)
{
    MUSTER_ASSERT(ring != NULL);
    MUSTER_ASSERT(ring->has_peeked);

    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    const uint32_t room_bytes = header_at(ring, head)->room_bytes;
    ring->has_peeked = false;
    // Release: pairs with the acquire in has_room_until(); this thread is done with the record.
    atomic_store_explicit(&ring->head, head + room_bytes, memory_order_release);
}
