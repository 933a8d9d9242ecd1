// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A hash map of fixed capacity from 64-bit keys to 32-bit values, such as an index into a table.
///
///     struct map *map;
///     status = map_create(&allocator, player_count_max, seed, &map);
///     status = map_put(map, player_id, player_index);
///     if (map_find(map, player_id, &player_index)) { ... }
///
/// - Hostile keys: where a key goes depends on a secret seed, so whoever chooses keys but does not
///   know the seed cannot make them collide. A seed from a good random source is the caller's part.
/// - Memory: one allocation at creation, 32 to 64 bytes a key; none afterwards.
/// - Cost: O(1); at most half of the places are taken, and removal leaves no marks behind.
/// - Threads: a map belongs to one thread at a time.

#include "muster/base.h"

/// The most keys one map can be created for.
#define MAP_CAPACITY_MAX (1u << 26)

/// The largest value; the one above it marks an empty place.
#define MAP_VALUE_MAX (UINT32_MAX - 1)

struct map;

/// Creates an empty map.
/// @param capacity   keys it can hold, in [1, MAP_CAPACITY_MAX]
/// @param seed       secret and random where keys come from outside
/// @param out_map    set to the map, or to NULL on failure
/// @return MUSTER_ERR_INVALID if `capacity` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status map_create(
    const muster_allocator *allocator, uint32_t capacity, uint64_t seed, struct map **out_map);

/// Destroys a map. Does nothing for NULL.
void map_destroy(struct map *map);

/// Sets the value of a key, whether the key is there or not.
/// @param value  at most MAP_VALUE_MAX
/// @return MUSTER_ERR_FULL if the key is not there and `capacity` others are
MUSTER_NODISCARD muster_status map_put(struct map *map, uint64_t key, uint32_t value);

/// Looks a key up.
/// @param out_value  set to the key's value; left alone if the key is not there
bool map_find(const struct map *map, uint64_t key, uint32_t *out_value);

/// Removes a key.
/// @return false if it was not there
bool map_remove(struct map *map, uint64_t key);

/// Keys in the map.
uint32_t map_count(const struct map *map);
