// SPDX-License-Identifier: Apache-2.0

// What it costs to take and to restore a snapshot of a world of 10,000 entities, with bodies and
// without, and to add one of its ticks to a frame log.
//
// Prints one line of JSON per metric: process CPU time, the median of several rounds.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "bench_world.h"
#include "muster/frame_log.h"

#define ROUND_COUNT  9
#define REPEAT_COUNT 20

struct figures {
    double take_us[ROUND_COUNT];
    double restore_us[ROUND_COUNT];
    double log_us[ROUND_COUNT];
};

static double take_us(const muster_instance *instance, uint8_t *bytes)
{
    const double start_us = bench_cpu_us();
    for (uint32_t i = 0; i < REPEAT_COUNT; i++) {
        muster_instance_snapshot(instance, bytes);
    }
    return (bench_cpu_us() - start_us) / REPEAT_COUNT;
}

static double restore_us(muster_instance *instance, const uint8_t *bytes, size_t length)
{
    const double start_us = bench_cpu_us();
    for (uint32_t i = 0; i < REPEAT_COUNT; i++) {
        const muster_status status = muster_instance_restore(instance, bytes, length);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    return (bench_cpu_us() - start_us) / REPEAT_COUNT;
}

// The sums of every entity in motion: all blocks count as changed.
static double log_us(muster_instance *instance, muster_frame_log *log, size_t *out_length)
{
    static const uint8_t frame[] = {0};
    const uint8_t *bytes;
    muster_frame_log_begin(log, &bytes, out_length);
    const double start_us = bench_cpu_us();
    for (uint32_t i = 0; i < REPEAT_COUNT; i++) {
        instance->world.position[i].x += 1.0f;
        instance->world.velocity[i].x += 1.0f;
        world_hash_state(&instance->world);
        const muster_status status =
            muster_frame_log_add(log, frame, sizeof frame, &bytes, out_length);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    return (bench_cpu_us() - start_us) / REPEAT_COUNT;
}

static void print_all(const char *name, struct figures *figures, size_t length)
{
    char metric[64];
    snprintf(metric, sizeof metric, "take_%s", name);
    bench_print("snapshot", metric, bench_median(figures->take_us, ROUND_COUNT) / 1000.0, "ms");
    snprintf(metric, sizeof metric, "restore_%s", name);
    bench_print("snapshot", metric, bench_median(figures->restore_us, ROUND_COUNT) / 1000.0, "ms");
    snprintf(metric, sizeof metric, "bytes_%s", name);
    bench_print("snapshot", metric, (double)length, "B");
    snprintf(metric, sizeof metric, "log_tick_%s", name);
    bench_print("snapshot", metric, bench_median(figures->log_us, ROUND_COUNT), "us");
}

static void measure(const char *name, bool has_physics)
{
    const muster_game game = bench_game(has_physics);
    muster_instance *instance = bench_world(&game);
    const size_t length = muster_instance_snapshot_bytes(instance);
    uint8_t *bytes = malloc(length);
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = instance;
    log_def.snapshot_period_ticks = 1000000;
    muster_frame_log *log;
    const muster_status status = muster_frame_log_create(&log_def, &log);
    MUSTER_ASSERT(status == MUSTER_OK && bytes != NULL);

    static struct figures figures;
    size_t log_length = 0;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        figures.take_us[round] = take_us(instance, bytes);
        figures.restore_us[round] = restore_us(instance, bytes, length);
        figures.log_us[round] = log_us(instance, log, &log_length);
    }
    print_all(name, &figures, length);
    free(bytes);
    muster_frame_log_destroy(log);
    muster_instance_destroy(instance);
}

int main(void)
{
    measure("10000_entities", false);
    measure("10000_bodies", true);
    return EXIT_SUCCESS;
}
