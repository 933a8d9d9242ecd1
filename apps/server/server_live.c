// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_live.h"

#include "apps/server/server_state.h"
#include "core/assert.h"
#include "muster/space.h"

#include <string.h>

// The structs of a map are sent as they lie in memory.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian machine needs byte swaps");

#define STEPS    65535.0f
#define BYTE_MAX 255u

static uint8_t to_byte(uint16_t value)
{
    return (uint8_t)(value < BYTE_MAX ? value : BYTE_MAX);
}

static uint32_t count_owned(const muster_world_view *view, bool is_owned)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        count += view->is_alive[i] != 0 && (view->owner[i] != 0) == is_owned ? 1 : 0;
    }
    return count;
}

// A power of two, so that it stays the same while things move about in it.
static float side_of(const muster_world_view *view)
{
    float reach_m = 0.0f;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        if (view->is_alive[i] != 0) {
            const float x = view->position[i].x < 0 ? -view->position[i].x : view->position[i].x;
            const float y = view->position[i].y < 0 ? -view->position[i].y : view->position[i].y;
            reach_m = x > reach_m ? x : reach_m;
            reach_m = y > reach_m ? y : reach_m;
        }
    }
    float side_m = 64.0f;
    while (side_m < 2.0f * reach_m && side_m < 2.0f * MUSTER_SPACE_COORDINATE_MAX) {
        side_m *= 2.0f;
    }
    return side_m;
}

static uint16_t to_step(float coordinate_m, float side_m)
{
    const float share = coordinate_m / side_m + 0.5f;
    return (uint16_t)(muster_clamp(share, 0.0f, 1.0f) * STEPS + 0.5f);
}

static uint32_t add_points(struct server_live_point *points,
    uint32_t point_count_max,
    const muster_world_view *view,
    bool is_owned,
    float side_m)
{
    const uint32_t entity_count = count_owned(view, is_owned);
    if (entity_count == 0 || point_count_max == 0) {
        return 0;
    }
    const uint32_t stride = (entity_count - 1) / point_count_max + 1;
    uint32_t number = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->slot_count; i++) {
        if (view->is_alive[i] == 0 || (view->owner[i] != 0) != is_owned || number++ % stride != 0) {
            continue;
        }
        points[count++] = (struct server_live_point){
            .x = to_step(view->position[i].x, side_m),
            .y = to_step(view->position[i].y, side_m),
            .player = (uint16_t)view->owner[i],
            .kind = to_byte(view->kind[i]),
            .team = to_byte(view->team[i]),
        };
    }
    return count;
}

// @return how many
static uint32_t add_partitions(struct server_live_head *head,
    muster_space_partition *partitions,
    const struct muster_space *space)
{
    if (space == NULL) {
        return 0;
    }
    const muster_space_partition_grid grid = muster_space_partitions_grid(space);
    muster_space_partitions(space, partitions);
    head->partition_side_count = grid.side_count;
    head->partition_min_x = grid.min_x;
    head->partition_min_y = grid.min_y;
    head->partition_m = grid.side_m;
    return grid.side_count * grid.side_count;
}

uint32_t server_live_write(const muster_instance *instance, void *bytes)
{
    MUSTER_ASSERT(instance != NULL && bytes != NULL);
    const muster_world_view *view = muster_instance_view(instance);
    struct server_live_head *head = bytes;
    *head = (struct server_live_head){.version = 1, .tick = view->tick, .side_m = side_of(view)};
    muster_space_partition *partitions = (muster_space_partition *)(head + 1);
    const uint32_t partition_count =
        add_partitions(head, partitions, muster_instance_space(instance));
    struct server_live_point *points = (struct server_live_point *)(partitions + partition_count);
    head->player_count = count_owned(view, true);
    head->entity_count = head->player_count + count_owned(view, false);
    head->point_count =
        add_points(points, SERVER_LIVE_POINT_COUNT_MAX / 2, view, true, head->side_m);
    head->point_count += add_points(points + head->point_count,
        SERVER_LIVE_POINT_COUNT_MAX - head->point_count, view, false, head->side_m);
    return (uint32_t)((uint8_t *)(points + head->point_count) - (uint8_t *)bytes);
}

// Nothing waits: while the ring is full of maps that nobody takes, none is made.
void world_show(struct server *server, uint64_t tick)
{
    const uint32_t tick_rate_hz = server->def.game->tick_rate_hz;
    const uint32_t period = tick_rate_hz > SERVER_LIVE_HZ ? tick_rate_hz / SERVER_LIVE_HZ : 1;
    void *space;
    if (tick > atomic_load_explicit(&server->live_until_tick, memory_order_relaxed) ||
        tick % period != 0 ||
        ring_reserve(server->lives, SERVER_LIVE_BYTES_MAX, &space) != MUSTER_OK) {
        return;
    }
    ring_commit(server->lives, server_live_write(server->world.instance, space));
}

void server_want_live(struct server *server)
{
    MUSTER_ASSERT(server != NULL);
    const uint64_t tick = atomic_load_explicit(&server->tick, memory_order_relaxed);
    const uint64_t wanted_ticks = (uint64_t)server->def.game->tick_rate_hz * SERVER_LIVE_WANTED_S;
    atomic_store_explicit(&server->live_until_tick, tick + wanted_ticks, memory_order_relaxed);
}

bool server_pop_live(struct server *server, void *bytes, uint32_t *out_length)
{
    MUSTER_ASSERT(server != NULL && bytes != NULL && out_length != NULL);
    const void *record;
    uint32_t length;
    bool is_found = false;
    while (ring_peek(server->lives, &record, &length)) {
        MUSTER_ASSERT(length <= SERVER_LIVE_BYTES_MAX);
        memcpy(bytes, record, length);
        *out_length = length;
        ring_release(server->lives);
        is_found = true;
    }
    return is_found;
}

uint64_t server_live_tick(const void *bytes)
{
    struct server_live_head head;
    memcpy(&head, bytes, sizeof head);
    return head.tick;
}
