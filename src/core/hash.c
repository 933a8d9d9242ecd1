// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include "core/assert.h"
#include "core/bytes.h"

// Four lanes, each of which takes 16 bytes at a time: two words, each under its own constant, are
// multiplied to 128 bits, and the halves are folded together with what the lane holds. Every bit
// of the product depends on the words below it and the fold brings the upper half down, so one
// multiplication mixes 16 bytes. The lanes are independent, which keeps the multiplier busy: the
// loop runs at the speed of memory, and wider vectors, which have no such multiplication, do not
// make it faster.

#define LANE_COUNT   4
#define LANE_BYTES   16
#define STRIPE_BYTES (LANE_COUNT * LANE_BYTES)
#define AHEAD_BYTES  1024 // a world has mostly left the cache since it was hashed last

__extension__ typedef unsigned __int128 product;

// Odd constants without a pattern: fractional digits of the square roots of small primes.
static const uint64_t keys[2 * LANE_COUNT] = {
    UINT64_C(0x6A09E667F3BCC909),
    UINT64_C(0xBB67AE8584CAA73B),
    UINT64_C(0x3C6EF372FE94F82B),
    UINT64_C(0xA54FF53A5F1D36F1),
    UINT64_C(0x510E527FADE682D1),
    UINT64_C(0x9B05688C2B3E6C1F),
    UINT64_C(0x1F83D9ABFB41BD6B),
    UINT64_C(0x5BE0CD19137E2179),
};

static inline uint64_t fold(uint64_t left, uint64_t right)
{
    const product whole = (product)left * right;
    return (uint64_t)whole ^ (uint64_t)(whole >> 64);
}

// The lane's old value goes into one factor and is added to the result, so that it survives a
// factor of zero. All words are read before the first multiplication, which keeps compilers from
// parking halves of products in memory.
static inline void take_stripe(uint64_t lanes[LANE_COUNT], const uint8_t *bytes)
{
    uint64_t first[LANE_COUNT];
    uint64_t second[LANE_COUNT];
    for (size_t i = 0; i < LANE_COUNT; i++) {
        first[i] = bytes_load_u64(bytes + i * LANE_BYTES) ^ keys[2 * i];
        second[i] = bytes_load_u64(bytes + i * LANE_BYTES + 8) ^ keys[2 * i + 1];
    }
    for (size_t i = 0; i < LANE_COUNT; i++) {
        const uint64_t lane = lanes[i];
        lanes[i] = fold(first[i] ^ lane, second[i]) + (lane << 23 | lane >> 41) + first[i];
    }
}

uint64_t hash_combine(uint64_t hash, uint64_t number)
{
    return fold(hash ^ keys[0], number ^ keys[1]) + (hash << 23 | hash >> 41) + number;
}

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    uint64_t lanes[LANE_COUNT];
    for (size_t i = 0; i < LANE_COUNT; i++) {
        lanes[i] = seed ^ keys[2 * LANE_COUNT - 1 - i];
    }

    const uint8_t *next = bytes;
    size_t left = length;
    for (; left >= STRIPE_BYTES; left -= STRIPE_BYTES, next += STRIPE_BYTES) {
        __builtin_prefetch(
            (const void *)((uintptr_t)next + AHEAD_BYTES)); // beyond the end it is void
        take_stripe(lanes, next);
    }
    if (left > 0) {
        // The length, added below, tells this padding from zeros that belong to the bytes.
        uint8_t tail[STRIPE_BYTES] = {0};
        memcpy(tail, next, left);
        take_stripe(lanes, tail);
    }

    uint64_t hash = hash_combine(seed, length);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        hash = hash_combine(hash, lanes[i]);
    }
    return fold(hash ^ keys[2], hash ^ keys[3]) ^ hash;
}
