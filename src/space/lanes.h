// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The inner loops on eight lanes. Included by one source for each instruction set, which gives
/// its own version of the functions; the compiler turns a vector into what the set has.

#include "space/kernels.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

typedef float lanes __attribute__((vector_size(32)));
typedef int32_t lanes_i32 __attribute__((vector_size(32)));

#define LANES_INLINE static inline __attribute__((always_inline))

LANES_INLINE lanes lanes_load(const float *from)
{
    lanes result;
    memcpy(&result, from, sizeof result);
    return result;
}

LANES_INLINE void lanes_store(float *to, lanes value)
{
    memcpy(to, &value, sizeof value);
}

LANES_INLINE lanes lanes_all(float value)
{
    return (lanes){value, value, value, value, value, value, value, value};
}

// Where the mask is set the first value, else the second.
LANES_INLINE lanes lanes_select(lanes_i32 mask, lanes yes, lanes no)
{
    return (lanes)((mask & (lanes_i32)yes) | (~mask & (lanes_i32)no));
}

LANES_INLINE lanes lanes_max(lanes a, lanes b)
{
    return lanes_select(a > b, a, b);
}

#if defined(__AVX2__)

LANES_INLINE lanes lanes_sqrt(lanes value)
{
    return (lanes)_mm256_sqrt_ps((__m256)value);
}

// One bit a lane.
LANES_INLINE uint32_t lanes_bits(lanes_i32 mask)
{
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
}

#elif defined(__SSE2__)

struct lanes_halves {
    __m128 low, high;
};

LANES_INLINE lanes lanes_sqrt(lanes value)
{
    struct lanes_halves halves;
    memcpy(&halves, &value, sizeof halves);
    halves.low = _mm_sqrt_ps(halves.low);
    halves.high = _mm_sqrt_ps(halves.high);
    memcpy(&value, &halves, sizeof halves);
    return value;
}

LANES_INLINE uint32_t lanes_bits(lanes_i32 mask)
{
    struct lanes_halves halves;
    memcpy(&halves, &mask, sizeof halves);
    const int bits = _mm_movemask_ps(halves.low) | (_mm_movemask_ps(halves.high) << 4);
    return (uint32_t)bits;
}

#else

LANES_INLINE lanes lanes_sqrt(lanes value)
{
    for (uint32_t i = 0; i < KERNEL_LANE_COUNT; i++) {
        value[i] = __builtin_sqrtf(value[i]);
    }
    return value;
}

LANES_INLINE uint32_t lanes_bits(lanes_i32 mask)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < KERNEL_LANE_COUNT; i++) {
        bits |= (uint32_t)(mask[i] & 1) << i;
    }
    return bits;
}

#endif

// Eight bodies, turned so that each part is one vector.
struct lanes_bodies {
    lanes x, y, z, inverse_mass;
};

#if defined(__AVX2__)

LANES_INLINE __m256 load_two(
    const struct kernel_body *bodies, const uint32_t *places, uint32_t low, uint32_t high)
{
    const __m256 first = _mm256_castps128_ps256(_mm_load_ps(&bodies[places[low]].x));
    return _mm256_insertf128_ps(first, _mm_load_ps(&bodies[places[high]].x), 1);
}

LANES_INLINE struct lanes_bodies gather(const struct kernel_body *bodies, const uint32_t *places)
{
    const __m256 b0 = load_two(bodies, places, 0, 4);
    const __m256 b1 = load_two(bodies, places, 1, 5);
    const __m256 b2 = load_two(bodies, places, 2, 6);
    const __m256 b3 = load_two(bodies, places, 3, 7);
    const __m256 xy01 = _mm256_unpacklo_ps(b0, b1);
    const __m256 zm01 = _mm256_unpackhi_ps(b0, b1);
    const __m256 xy23 = _mm256_unpacklo_ps(b2, b3);
    const __m256 zm23 = _mm256_unpackhi_ps(b2, b3);
    return (struct lanes_bodies){
        .x = (lanes)_mm256_shuffle_ps(xy01, xy23, 0x44),
        .y = (lanes)_mm256_shuffle_ps(xy01, xy23, 0xEE),
        .z = (lanes)_mm256_shuffle_ps(zm01, zm23, 0x44),
        .inverse_mass = (lanes)_mm256_shuffle_ps(zm01, zm23, 0xEE),
    };
}

LANES_INLINE void scatter(struct kernel_body *bodies,
    const uint32_t *places,
    uint32_t lane_count,
    const struct lanes_bodies *values)
{
    const __m256 xy_low = _mm256_unpacklo_ps((__m256)values->x, (__m256)values->y);
    const __m256 xy_high = _mm256_unpackhi_ps((__m256)values->x, (__m256)values->y);
    const __m256 zm_low = _mm256_unpacklo_ps((__m256)values->z, (__m256)values->inverse_mass);
    const __m256 zm_high = _mm256_unpackhi_ps((__m256)values->z, (__m256)values->inverse_mass);
    const __m256 b0 = _mm256_shuffle_ps(xy_low, zm_low, 0x44);
    const __m256 b1 = _mm256_shuffle_ps(xy_low, zm_low, 0xEE);
    const __m256 b2 = _mm256_shuffle_ps(xy_high, zm_high, 0x44);
    const __m256 b3 = _mm256_shuffle_ps(xy_high, zm_high, 0xEE);
    const __m128 rows[KERNEL_LANE_COUNT] = {
        _mm256_castps256_ps128(b0),
        _mm256_castps256_ps128(b1),
        _mm256_castps256_ps128(b2),
        _mm256_castps256_ps128(b3),
        _mm256_extractf128_ps(b0, 1),
        _mm256_extractf128_ps(b1, 1),
        _mm256_extractf128_ps(b2, 1),
        _mm256_extractf128_ps(b3, 1),
    };
    if (lane_count == KERNEL_LANE_COUNT) {
        for (uint32_t i = 0; i < KERNEL_LANE_COUNT; i++) {
            _mm_store_ps(&bodies[places[i]].x, rows[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < lane_count; i++) {
        _mm_store_ps(&bodies[places[i]].x, rows[i]);
    }
}

#else

LANES_INLINE struct lanes_bodies gather(const struct kernel_body *bodies, const uint32_t *places)
{
    struct lanes_bodies values;
    for (uint32_t i = 0; i < KERNEL_LANE_COUNT; i++) {
        const struct kernel_body *body = &bodies[places[i]];
        values.x[i] = body->x;
        values.y[i] = body->y;
        values.z[i] = body->z;
        values.inverse_mass[i] = body->inverse_mass;
    }
    return values;
}

LANES_INLINE void scatter(struct kernel_body *bodies,
    const uint32_t *places,
    uint32_t lane_count,
    const struct lanes_bodies *values)
{
    for (uint32_t i = 0; i < lane_count; i++) {
        struct kernel_body *body = &bodies[places[i]];
        body->x = values->x[i];
        body->y = values->y[i];
        body->z = values->z[i];
    }
}

#endif

// A dot product. The order of the sum is part of the result: the definition below exists so that
// a test can build a library that sums in another order, and see that it is found out.
#if defined(MUSTER_SPACE_REORDERED_SUM)
#define LANES_DOT(ax, bx, ay, by, az, bz) ((az) * (bz) + (ay) * (by) + (ax) * (bx))
#else
#define LANES_DOT(ax, bx, ay, by, az, bz) ((ax) * (bx) + (ay) * (by) + (az) * (bz))
#endif

// Adds an impulse to a and takes it from b.
LANES_INLINE void push(struct lanes_bodies *a, struct lanes_bodies *b, lanes x, lanes y, lanes z)
{
    a->x += x * a->inverse_mass;
    a->y += y * a->inverse_mass;
    a->z += z * a->inverse_mass;
    b->x -= x * b->inverse_mass;
    b->y -= y * b->inverse_mass;
    b->z -= z * b->inverse_mass;
}

LANES_INLINE void put_back(struct kernel_group *group,
    struct kernel_body *bodies,
    const struct lanes_bodies *a,
    const struct lanes_bodies *b,
    bool is_anchored)
{
    scatter(bodies, group->place_a, group->lane_count, a);
    if (!is_anchored) {
        scatter(bodies, group->place_b, group->lane_count, b);
    }
}

LANES_INLINE void warm_start_group(
    struct kernel_group *group, struct kernel_body *bodies, bool is_anchored)
{
    struct lanes_bodies a = gather(bodies, group->place_a);
    struct lanes_bodies b = gather(bodies, group->place_b);
    const lanes impulse = lanes_load(group->impulse);
    push(&a, &b, lanes_load(group->normal_x) * impulse + lanes_load(group->friction_x),
        lanes_load(group->normal_y) * impulse + lanes_load(group->friction_y),
        lanes_load(group->normal_z) * impulse + lanes_load(group->friction_z));
    put_back(group, bodies, &a, &b, is_anchored);
}

// Bodies do not turn, so friction acts across the normal with the same mass in every direction
// and does not disturb the speed along it: both are solved from one relative velocity.
LANES_INLINE void solve_group(
    struct kernel_group *group, struct kernel_body *bodies, bool is_anchored)
{
    struct lanes_bodies a = gather(bodies, group->place_a);
    struct lanes_bodies b = gather(bodies, group->place_b);
    const lanes nx = lanes_load(group->normal_x);
    const lanes ny = lanes_load(group->normal_y);
    const lanes nz = lanes_load(group->normal_z);
    const lanes mass = lanes_load(group->mass);
    const lanes rx = a.x - b.x;
    const lanes ry = a.y - b.y;
    const lanes rz = a.z - b.z;

    const lanes zero = lanes_all(0.0f);
    const lanes speed = LANES_DOT(rx, nx, ry, ny, rz, nz);
    const lanes before = lanes_load(group->impulse);
    const lanes wanted = mass * (speed + lanes_load(group->bias_mps));
    const lanes after = lanes_max(before - wanted, zero);
    const lanes step = after - before;
    lanes_store(group->impulse, after);

    // The impulse that would stop the sliding, cut to what friction can bear.
    const lanes fx = lanes_load(group->friction_x);
    const lanes fy = lanes_load(group->friction_y);
    const lanes fz = lanes_load(group->friction_z);
    const lanes tx = fx - mass * (rx - nx * speed);
    const lanes ty = fy - mass * (ry - ny * speed);
    const lanes tz = fz - mass * (rz - nz * speed);
    const lanes limit = lanes_load(group->friction) * after;
    const lanes square = tx * tx + ty * ty + tz * tz;
    const lanes_i32 slides = square > limit * limit;
    const lanes length = lanes_sqrt(lanes_select(slides, square, lanes_all(1.0f)));
    const lanes share = lanes_select(slides, limit / length, lanes_all(1.0f));
    const lanes gx = tx * share;
    const lanes gy = ty * share;
    const lanes gz = tz * share;
    lanes_store(group->friction_x, gx);
    lanes_store(group->friction_y, gy);
    lanes_store(group->friction_z, gz);

    push(&a, &b, nx * step + (gx - fx), ny * step + (gy - fy), nz * step + (gz - fz));
    put_back(group, bodies, &a, &b, is_anchored);
}

LANES_INLINE void bounce_group(
    struct kernel_group *group, struct kernel_body *bodies, bool is_anchored)
{
    struct lanes_bodies a = gather(bodies, group->place_a);
    struct lanes_bodies b = gather(bodies, group->place_b);
    const lanes nx = lanes_load(group->normal_x);
    const lanes ny = lanes_load(group->normal_y);
    const lanes nz = lanes_load(group->normal_z);
    const lanes zero = lanes_all(0.0f);
    const lanes speed = (a.x - b.x) * nx + (a.y - b.y) * ny + (a.z - b.z) * nz;
    const lanes wanted = lanes_load(group->bounce_mps);
    const lanes before = lanes_load(group->impulse);
    const lanes_i32 bounces = (wanted > zero) & (before > zero);
    const lanes after = lanes_max(before + lanes_load(group->mass) * (wanted - speed), zero);
    const lanes step = lanes_select(bounces, after - before, zero);
    lanes_store(group->impulse, before + step);
    push(&a, &b, nx * step, ny * step, nz * step);
    put_back(group, bodies, &a, &b, is_anchored);
}

static void warm_start(
    struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored)
{
    for (uint32_t i = 0; i < count; i++) {
        warm_start_group(&groups[i], bodies, is_anchored);
    }
}

static void solve(
    struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored)
{
    for (uint32_t i = 0; i < count; i++) {
        solve_group(&groups[i], bodies, is_anchored);
    }
}

static void bounce(
    struct kernel_group *groups, uint32_t count, struct kernel_body *bodies, bool is_anchored)
{
    for (uint32_t i = 0; i < count; i++) {
        bounce_group(&groups[i], bodies, is_anchored);
    }
}

static void relax(struct kernel_group *groups,
    uint32_t count,
    const struct kernel_body *bodies,
    struct kernel_body *moves,
    bool is_anchored)
{
    for (uint32_t i = 0; i < count; i++) {
        struct kernel_group *group = &groups[i];
        for (uint32_t lane = 0; lane < group->lane_count; lane++) {
            moves[group->place_a[lane]] = bodies[group->place_a[lane]];
            if (!is_anchored) {
                moves[group->place_b[lane]] = bodies[group->place_b[lane]];
            }
        }
        const lanes zero = lanes_all(0.0f);
        lanes_store(group->bias_mps, lanes_max(lanes_load(group->bias_mps), zero));
    }
}

static uint32_t find_near(const struct kernel_index *index,
    uint32_t place,
    const muster_grid_range *ranges,
    uint32_t range_count,
    uint32_t *out_places,
    uint32_t capacity)
{
    const lanes x = lanes_all(index->x[place]);
    const lanes y = lanes_all(index->y[place]);
    const lanes z = lanes_all(index->z[place]);
    const lanes own_reach = lanes_all(index->reach_m[place]);
    const lanes zero = lanes_all(0.0f);
    uint32_t count = 0;
    for (uint32_t r = 0; r < range_count; r++) {
        const uint32_t end = ranges[r].end;
        for (uint32_t base = ranges[r].begin; base < end; base += KERNEL_LANE_COUNT) {
            const lanes dx = lanes_load(index->x + base) - x;
            const lanes dy = lanes_load(index->y + base) - y;
            const lanes dz = lanes_load(index->z + base) - z;
            const lanes reach = lanes_max(lanes_load(index->reach_m + base) + own_reach, zero);
            uint32_t bits = lanes_bits(dx * dx + dy * dy + dz * dz < reach * reach);
            const uint32_t rest = end - base;
            bits &= rest < KERNEL_LANE_COUNT ? (1u << rest) - 1u : 0xFFu;
            for (; bits != 0 && count < capacity; bits &= bits - 1) {
                out_places[count++] = base + (uint32_t)__builtin_ctz(bits);
            }
        }
    }
    return count;
}

#define LANES_KERNELS                                                                              \
    {                                                                                              \
        .find_near = find_near, .warm_start = warm_start, .solve = solve, .relax = relax,          \
        .bounce = bounce                                                                           \
    }
