// SPDX-License-Identifier: Apache-2.0

// What it costs that every tick is hashed: a world of 10,000 entities with 64 bytes each of the
// game's own, in the state in which a match leaves it. Beside it the hash of plain memory.
//
// Prints one line of JSON per metric: process CPU time, the median of several rounds.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "bench_world.h"
#include "core/hash.h"

#define ROUND_COUNT  9
#define REPEAT_COUNT 200

static double hash_world_us(muster_instance *instance)
{
    const double start_us = bench_cpu_us();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < REPEAT_COUNT; i++) {
        world_hash_state(&instance->world);
        sum += instance->world.hash;
    }
    bench_keep(sum);
    return (bench_cpu_us() - start_us) / REPEAT_COUNT;
}

static double hash_memory_us(const uint8_t *bytes, size_t length)
{
    const double start_us = bench_cpu_us();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < REPEAT_COUNT; i++) {
        sum += hash_bytes(bytes, length, i);
    }
    bench_keep(sum);
    return (bench_cpu_us() - start_us) / REPEAT_COUNT;
}

static size_t state_bytes(const muster_instance *instance)
{
    uint32_t count;
    size_t bytes = 0;
    const muster_state_block *blocks = muster_instance_blocks(instance, &count);
    for (uint32_t i = 0; i < count; i++) {
        bytes += (size_t)*blocks[i].element_count * muster_state_element_bytes(&blocks[i]);
    }
    return bytes;
}

int main(void)
{
    static uint8_t memory[1 << 20];
    const muster_game plain_game = bench_game(false);
    const muster_game body_game = bench_game(true);
    muster_instance *plain = bench_world(&plain_game);
    muster_instance *bodies = bench_world(&body_game);

    double plain_us[ROUND_COUNT];
    double bodies_us[ROUND_COUNT];
    double memory_us[ROUND_COUNT];
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        plain_us[round] = hash_world_us(plain);
        bodies_us[round] = hash_world_us(bodies);
        memory_us[round] = hash_memory_us(memory, sizeof memory);
    }
    const double memory_median_us = bench_median(memory_us, ROUND_COUNT);
    bench_print("hash", "entities_10000", bench_median(plain_us, ROUND_COUNT), "us");
    bench_print("hash", "entities_10000_bytes", (double)state_bytes(plain), "B");
    bench_print("hash", "bodies_10000", bench_median(bodies_us, ROUND_COUNT), "us");
    bench_print("hash", "bodies_10000_bytes", (double)state_bytes(bodies), "B");
    bench_print("hash", "memory", sizeof memory / memory_median_us / 1000.0, "GB/s");
    muster_instance_destroy(plain);
    muster_instance_destroy(bodies);
    return 0;
}
