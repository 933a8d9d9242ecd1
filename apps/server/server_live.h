// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The live map: where everything in the world is and what each part of it costs, up to twenty
/// times a second, for as long as somebody looks.
///
///     server_want_live(server);                            // whenever somebody asks
///     while (server_pop_live(server, bytes, &length)) ...  // now and then
///
/// A map is the bytes that GET /v1/live answers with; docs/http.md has every one of them.
///
/// - Memory: one ring, taken with the server.
/// - Cost: without somebody who looks one comparison a tick; with somebody, every third of them or
///   so, some ten nanoseconds for each slot of the world and what muster_space_partitions() takes.
/// - Threads: written by the world's side, popped by one owner; wanted by any.

#include "muster/base.h"
#include "muster/instance.h"
#include "muster/space.h"
#include "muster/world_def.h"

#include <stdbool.h>
#include <stdint.h>

struct server;

/// Maps a second.
#define SERVER_LIVE_HZ 20u

/// How long maps are made after they were wanted.
#define SERVER_LIVE_WANTED_S 2u

/// The most points of one map; of more entities every n-th is taken, players' before others.
#define SERVER_LIVE_POINT_COUNT_MAX 32768u

/// Where a map begins.
struct server_live_head {
    uint32_t version; ///< 1.
    uint32_t point_count;
    uint64_t tick;
    uint32_t entity_count;         ///< In the world; points may be fewer.
    uint32_t player_count;         ///< Entities that players own.
    uint32_t partition_side_count; ///< Partitions each way; 0 without physics.
    float partition_min_x;         ///< The lowest corner, in metres.
    float partition_min_y;         ///< As above.
    float partition_m;             ///< Side of a partition.
    float side_m;                  ///< Points are in the square of that side around 0, 0.
    uint32_t reserved;             ///< 0.
};

/// Then partitions, each a muster_space_partition, row by row along x.

/// Then points, players' entities first.
struct server_live_point {
    uint16_t x, y;   ///< 0 for one side of the square, 65,535 for the other.
    uint16_t player; ///< The owner's player index and one, 0 for nobody's.
    uint8_t kind;    ///< The game's; 255 for that and all above.
    uint8_t team;    ///< As above.
};

#define SERVER_LIVE_PARTITION_COUNT_MAX                                                            \
    (MUSTER_SPACE_PARTITION_SIDE_MAX * MUSTER_SPACE_PARTITION_SIDE_MAX)

/// The longest map.
#define SERVER_LIVE_BYTES_MAX                                                                      \
    (sizeof(struct server_live_head) +                                                             \
        SERVER_LIVE_PARTITION_COUNT_MAX * sizeof(muster_space_partition) +                         \
        SERVER_LIVE_POINT_COUNT_MAX * sizeof(struct server_live_point))

_Static_assert(sizeof(struct server_live_head) == 48, "as documented");
_Static_assert(sizeof(muster_space_partition) == 12, "as documented");
_Static_assert(sizeof(struct server_live_point) == 8, "as documented");

/// Any thread: somebody looks, and will be shown maps for the next SERVER_LIVE_WANTED_S.
void server_want_live(struct server *server);

/// Owner: takes the newest map.
/// @param bytes       room for SERVER_LIVE_BYTES_MAX
/// @param out_length  left alone when there is none
/// @return false when there is none
bool server_pop_live(struct server *server, void *bytes, uint32_t *out_length);

/// Writes the map of a world as it is.
/// @param bytes  room for SERVER_LIVE_BYTES_MAX, aligned to 8
/// @return its length
uint32_t server_live_write(const muster_instance *instance, void *bytes);

/// The tick of a map.
uint64_t server_live_tick(const void *bytes);
