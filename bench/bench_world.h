// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A world of 10,000 entities with 64 bytes each of the game's own, with bodies or without, for
/// benches of what is done with whole worlds; and how benches measure and print.

#include "muster/frame.h"
#include "muster/instance.h"

#include "core/assert.h"
#include "instance/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ENTITY_COUNT 10000

static double bench_cpu_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

/// Makes the compiler believe that a result is used.
static inline void bench_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

static int bench_compare(const void *left, const void *right)
{
    const double left_value = *(const double *)left;
    const double right_value = *(const double *)right;
    return (left_value > right_value) - (left_value < right_value);
}

/// Sorts the rounds and returns the middle one.
static inline double bench_median(double *rounds, size_t count)
{
    qsort(rounds, count, sizeof *rounds, bench_compare);
    return rounds[count / 2];
}

static inline void bench_print(
    const char *bench, const char *metric, double value, const char *unit)
{
    printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.2f,\"unit\":\"%s\"}\n", bench, metric,
        value, unit);
}

static void bench_start(const muster_host *host, muster_world *world)
{
    uint32_t *numbers = host->column(world, MUSTER_COLUMN_GAME);
    const bool has_physics = host->tick_rate_hz(world) == 60;
    for (uint32_t i = 0; i < BENCH_ENTITY_COUNT; i++) {
        uint32_t slot;
        const uint64_t bits = host->random(world, i, 1, 0);
        const muster_vec3 place = {
            (float)(bits % 40000) * 0.025f,
            (float)(bits / 40000 % 40000) * 0.025f,
            (float)(i % 10),
        };
        if (host->entity_spawn(world, i % 4, place, &slot) != MUSTER_OK) {
            return;
        }
        for (uint32_t k = 0; k < 16; k++) {
            numbers[slot * 16 + k] = (uint32_t)host->random(world, i, 2, k);
        }
        if (has_physics) {
            const muster_body_def body = host->space->body_default_def();
            host->space->body_add(world, slot, &body);
        }
    }
}

static void bench_join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    (void)host;
    (void)world;
    (void)player_index;
}

static const muster_column_def bench_columns[] = {
    {.name = "numbers", .type = MUSTER_STATE_U32, .lane_count = 16},
};

/// The game; with bodies it ticks at 60 Hz, without at 50.
static inline muster_game bench_game(bool has_physics)
{
    return (muster_game){
        .abi = MUSTER_GAME_ABI,
        .rules_version = 1,
        .name = "bench",
        .tick_rate_hz = has_physics ? 60 : 50,
        .has_physics = has_physics,
        .limits = {.player_count_max = 16, .entity_count_max = BENCH_ENTITY_COUNT},
        .columns = bench_columns,
        .column_count = 1,
        .start = bench_start,
        .join = bench_join,
    };
}

/// Creates a world and runs it for two seconds.
static inline muster_instance *bench_world(const muster_game *game)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    muster_instance *instance;
    muster_status status = muster_instance_create(&def, &instance);
    MUSTER_ASSERT(status == MUSTER_OK);
    muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    muster_frame_builder *builder;
    status = muster_frame_builder_create(&builder_def, &builder);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint64_t tick = 1; tick <= 120; tick++) {
        const uint8_t *frame;
        uint32_t length;
        muster_frame_begin(builder, tick, def.seed);
        muster_frame_close(builder, &frame, &length);
        status = muster_instance_step(instance, frame, length);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    muster_frame_builder_destroy(builder);
    return instance;
}
