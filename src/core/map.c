// SPDX-License-Identifier: Apache-2.0
#include "core/map.h"

#include "core/assert.h"

#include <string.h>

// Open addressing with linear probing. A key lies at its home place or after it, with no empty
// place between:
//
//     home(A) = 3, home(B) = 3, home(C) = 4     places  3:A  4:B  5:C  6:empty
//
// Removal keeps that true without marks for the dead: it closes the hole by moving back whatever
// lies behind it and may lie there. Removing A moves B to 3 and C to 4.

#define EMPTY UINT32_MAX

struct entry {
    uint64_t key;
    uint32_t value; // EMPTY if the place is free
};

struct map {
    muster_allocator allocator;
    size_t bytes; // of this one allocation
    uint64_t secrets[2];
    uint32_t place_mask; // places are a power of two, at least twice the capacity
    uint32_t capacity;
    uint32_t count;
    struct entry entries[];
};

__extension__ typedef unsigned __int128 uint128;

// Multiplies and folds the upper half of the product onto the lower: every bit of either factor
// reaches every bit of the result.
static uint64_t multiply_fold(uint64_t a, uint64_t b)
{
    const uint128 product = (uint128)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint32_t home_of(const struct map *map, uint64_t key)
{
    const uint64_t mixed = multiply_fold(key ^ map->secrets[0], map->secrets[1]);
    return (uint32_t)multiply_fold(mixed ^ map->secrets[1], UINT64_C(0x9E3779B97F4A7C15)) &
           map->place_mask;
}

// The place of the key, or the empty one that ends its search.
static uint32_t place_of(const struct map *map, uint64_t key)
{
    uint32_t place = home_of(map, key);
    while (map->entries[place].value != EMPTY && map->entries[place].key != key) {
        place = (place + 1) & map->place_mask;
    }
    return place;
}

// The secret multiplier must be odd; the rest of the seed's bits may be anything.
static void set_secrets(struct map *map, uint64_t seed)
{
    map->secrets[0] =
        multiply_fold(seed ^ UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB));
    map->secrets[1] =
        multiply_fold(seed ^ UINT64_C(0x8EBC6AF09C88C6E3), UINT64_C(0x589965CC75374CC3)) | 1;
}

muster_status map_create(
    const muster_allocator *allocator, uint32_t capacity, uint64_t seed, struct map **out_map)
{
    MUSTER_ASSERT(allocator != NULL);
    MUSTER_ASSERT(out_map != NULL);
    *out_map = NULL;

    if (capacity < 1 || capacity > MAP_CAPACITY_MAX) {
        return MUSTER_ERR_INVALID;
    }
    uint32_t place_count = 2;
    while (place_count < capacity * 2) {
        place_count *= 2;
    }
    const size_t bytes = sizeof(struct map) + (size_t)place_count * sizeof(struct entry);
    struct map *map = allocator->alloc(allocator->context, bytes, _Alignof(struct map));
    if (map == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(map, 0, bytes);
    map->allocator = *allocator;
    map->bytes = bytes;
    map->place_mask = place_count - 1;
    map->capacity = capacity;
    set_secrets(map, seed);
    for (uint32_t place = 0; place < place_count; place++) {
        map->entries[place].value = EMPTY;
    }
    *out_map = map;
    return MUSTER_OK;
}

void map_destroy(struct map *map)
{
    if (map == NULL) {
        return;
    }
    const muster_allocator allocator = map->allocator;
    allocator.free(allocator.context, map, map->bytes);
}

muster_status map_put(struct map *map, uint64_t key, uint32_t value)
{
    MUSTER_ASSERT(map != NULL);
    MUSTER_ASSERT(value <= MAP_VALUE_MAX);

    struct entry *entry = &map->entries[place_of(map, key)];
    if (entry->value == EMPTY) {
        if (map->count == map->capacity) {
            return MUSTER_ERR_FULL;
        }
        map->count++;
    }
    *entry = (struct entry){.key = key, .value = value};
    return MUSTER_OK;
}

bool map_find(const struct map *map, uint64_t key, uint32_t *out_value)
{
    MUSTER_ASSERT(map != NULL);
    MUSTER_ASSERT(out_value != NULL);

    const struct entry *entry = &map->entries[place_of(map, key)];
    if (entry->value == EMPTY) {
        return false;
    }
    *out_value = entry->value;
    return true;
}

bool map_remove(struct map *map, uint64_t key)
{
    MUSTER_ASSERT(map != NULL);

    uint32_t hole = place_of(map, key);
    if (map->entries[hole].value == EMPTY) {
        return false;
    }
    MUSTER_ASSERT(map->count > 0);
    map->count--;

    for (uint32_t place = (hole + 1) & map->place_mask; map->entries[place].value != EMPTY;
         place = (place + 1) & map->place_mask) {
        // An entry may move back to the hole if its home is not between the hole and itself.
        const uint32_t home = home_of(map, map->entries[place].key);
        const uint32_t distance_to_home = (place - home) & map->place_mask;
        const uint32_t distance_to_hole = (place - hole) & map->place_mask;
        if (distance_to_home >= distance_to_hole) {
            map->entries[hole] = map->entries[place];
            hole = place;
        }
    }
    map->entries[hole].value = EMPTY;
    return true;
}

uint32_t map_count(const struct map *map)
{
    MUSTER_ASSERT(map != NULL);
    return map->count;
}
