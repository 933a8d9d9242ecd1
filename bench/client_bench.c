// SPDX-License-Identifier: Apache-2.0

// What a client's end of replication costs: taking in packets of 20 and of 200 updates, each by a
// hundred views in turn, so that no view's memory is in a cache when its next packet comes, as in a
// process of many bots.
//
// Prints one line of JSON per metric: process CPU time, as the median of several rounds.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "muster/replica.h"
#include "muster/replica_view.h"

#include "core/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTITY_COUNT_MAX 200u
#define VIEW_COUNT       100u
#define TICK_COUNT       240u
#define WARM_UP_TICKS    60u
#define ACK_TICKS        6u // there and back
#define ROUND_COUNT      5
#define PACKET_BYTES     1150u
#define PACKET_COUNT_MAX 8u // of a tick

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

struct tick {
    uint32_t packet_count;
    size_t lengths[PACKET_COUNT_MAX];
    muster_replica_token tokens[PACKET_COUNT_MAX];
    uint8_t bytes[PACKET_COUNT_MAX][PACKET_BYTES];
};

static struct tick ticks[TICK_COUNT];
static uint8_t is_alive[ENTITY_COUNT_MAX];
static uint64_t ids[ENTITY_COUNT_MAX];
static uint16_t kinds[ENTITY_COUNT_MAX];
static muster_vec3 positions[ENTITY_COUNT_MAX];
static float yaws[ENTITY_COUNT_MAX];
static uint8_t healths[ENTITY_COUNT_MAX];

static double cpu_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void add_field(muster_replica_schema *schema, muster_field_def field, muster_state_type type)
{
    const uint32_t lane_count = field.encoding == MUSTER_FIELD_POSITION ? 3 : 1;
    const muster_status status = muster_replica_schema_add(schema, &field, type, lane_count);
    MUSTER_ASSERT(status == MUSTER_OK);
}

static muster_replica_schema make_schema(void)
{
    muster_replica_schema schema = muster_replica_default_schema();
    add_field(&schema,
        (muster_field_def){.name = "position",
            .encoding = MUSTER_FIELD_POSITION,
            .min = -4096.0f,
            .max = 4096.0f,
            .precision = 0.01f,
            .channel = MUSTER_CHANNEL_CRITICAL},
        MUSTER_STATE_F32);
    add_field(&schema,
        (muster_field_def){
            .name = "health", .max = 100.0f, .precision = 1.0f, .channel = MUSTER_CHANNEL_CRITICAL},
        MUSTER_STATE_U8);
    add_field(&schema,
        (muster_field_def){.name = "yaw",
            .encoding = MUSTER_FIELD_ANGLE,
            .precision = 0.0061359f,
            .channel = MUSTER_CHANNEL_DETAILED},
        MUSTER_STATE_F32);
    return schema;
}

static void move(uint32_t tick, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t way = (tick / 20 + i) % 4;
        positions[i].x += way == 0 ? 0.05f : (way == 1 ? -0.05f : 0.0f);
        positions[i].y += way == 2 ? 0.05f : (way == 3 ? -0.05f : 0.0f);
        yaws[i] += 0.02f;
        healths[i] = (uint8_t)((tick + i) % 100);
    }
}

// Writes what one client among `entity_count` walkers gets, acknowledged after ACK_TICKS.
static void record(const muster_replica_schema *schema, uint32_t entity_count)
{
    muster_replica_def def = muster_replica_default_def();
    def.schema = schema;
    def.client_capacity = 1;
    def.entity_capacity = ENTITY_COUNT_MAX;
    muster_replica *replica;
    const muster_status status = muster_replica_create(&def, &replica);
    MUSTER_ASSERT(status == MUSTER_OK);
    muster_replica_add_client(replica, 0);
    const muster_parallel parallel = muster_parallel_serial();
    for (uint32_t i = 0; i < entity_count; i++) {
        is_alive[i] = 1;
        ids[i] = i + 1;
        positions[i] = (muster_vec3){(float)(i % 16), (float)(i / 16), 0.0f};
    }
    const muster_replica_viewer viewer = {.packet_overhead_bytes = 63, .bytes_per_s = 1000000};
    for (uint32_t t = 0; t < TICK_COUNT; t++) {
        move(t, entity_count);
        const muster_replica_world world = {
            .tick = t + 1,
            .slot_count = entity_count,
            .is_alive = is_alive,
            .id = ids,
            .kind = kinds,
            .position = positions,
            .columns = {positions, healths, yaws},
        };
        for (uint32_t k = 0; t >= ACK_TICKS && k < ticks[t - ACK_TICKS].packet_count; k++) {
            (void)muster_replica_acked(replica, 0, ticks[t - ACK_TICKS].tokens[k]);
        }
        muster_replica_begin_tick(replica, &world, &parallel);
        muster_replica_look(replica, 0, &viewer);
        struct tick *tick = &ticks[t];
        for (tick->packet_count = 0; tick->packet_count < PACKET_COUNT_MAX; tick->packet_count++) {
            const uint32_t k = tick->packet_count;
            muster_replica_write(
                replica, 0, tick->bytes[k], PACKET_BYTES, &tick->lengths[k], &tick->tokens[k]);
            if (tick->lengths[k] == 0) {
                break;
            }
        }
    }
    muster_replica_destroy(replica);
}

// Feeds a tick to all views.
static uint32_t play(muster_replica_view *const *views, const struct tick *tick)
{
    uint32_t update_count = 0;
    for (uint32_t v = 0; v < VIEW_COUNT; v++) {
        for (uint32_t k = 0; k < tick->packet_count; k++) {
            const muster_status status =
                muster_replica_view_decode(views[v], tick->bytes[k], tick->lengths[k]);
            MUSTER_ASSERT(status == MUSTER_OK);
            update_count += tick->bytes[k][0] | (uint32_t)tick->bytes[k][1] << 8;
        }
        for (muster_replica_event event; muster_replica_view_pop_event(views[v], &event);) {
        }
    }
    return update_count;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void run(uint32_t entity_count)
{
    const muster_replica_schema schema = make_schema();
    record(&schema, entity_count);
    muster_replica_view *views[VIEW_COUNT];
    muster_replica_view_def def = muster_replica_view_default_def();
    def.schema = &schema;
    for (uint32_t v = 0; v < VIEW_COUNT; v++) {
        const muster_status status = muster_replica_view_create(&def, &views[v]);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    double rounds_ns[ROUND_COUNT] = {0};
    uint64_t update_count = 0;
    for (int round = 0; round < ROUND_COUNT; round++) {
        for (uint32_t v = 0; v < VIEW_COUNT; v++) {
            muster_replica_view_clear(views[v]);
        }
        double start_ns = 0.0;
        for (uint32_t t = 0; t < TICK_COUNT; t++) {
            if (t == WARM_UP_TICKS) {
                start_ns = cpu_now_ns();
                update_count = 0;
            }
            update_count += play(views, &ticks[t]);
        }
        rounds_ns[round] = cpu_now_ns() - start_ns;
    }
    for (uint32_t v = 0; v < VIEW_COUNT; v++) {
        muster_replica_view_destroy(views[v]);
    }
    qsort(rounds_ns, ROUND_COUNT, sizeof rounds_ns[0], compare_doubles);
    const double median_ns = rounds_ns[ROUND_COUNT / 2];
    printf("{\"bench\":\"client\",\"metric\":\"tick_%u\",\"value\":%.4g,\"unit\":\"ns\"}\n",
        entity_count, median_ns / ((TICK_COUNT - WARM_UP_TICKS) * VIEW_COUNT));
    printf("{\"bench\":\"client\",\"metric\":\"update_of_%u\",\"value\":%.4g,\"unit\":\"ns\"}\n",
        entity_count, median_ns / (double)update_count);
}

int main(void)
{
    run(20);
    run(ENTITY_COUNT_MAX);
    return 0;
}
