// SPDX-License-Identifier: Apache-2.0
#include "muster/random.h"

#include "core/assert.h"

// The output function of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", 2014), a bijection in which every input bit reaches every output bit.
static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
    return bits ^ (bits >> 31);
}

// Odd constants keep two words that are swapped, or both zero, from meaning the same stream.
uint64_t muster_random(muster_random_key key, uint64_t index)
{
    uint64_t bits = mix(key.seed + UINT64_C(0x9E3779B97F4A7C15));
    bits = mix(bits ^ (key.entity * UINT64_C(0xD1342543DE82EF95) + 1));
    bits = mix(bits ^ (key.tick * UINT64_C(0xA0761D6478BD642F) + 2));
    bits = mix(bits ^ (key.purpose * UINT64_C(0xE7037ED1A0B428DB) + 3));
    return mix(bits + index * UINT64_C(0x9E3779B97F4A7C15));
}

float muster_random_unit(uint64_t bits)
{
    return (float)(bits >> 40) * 0x1p-24f;
}

uint32_t muster_random_below(uint64_t bits, uint32_t bound)
{
    MUSTER_ASSERT(bound >= 1);
    return (uint32_t)(((bits >> 32) * bound) >> 32);
}
