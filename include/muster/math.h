// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Vectors and trigonometry that give the same bits on every machine and compiler: only
/// + - * / and the correctly rounded square root, in a fixed order. The one public header with
/// code in it, so that games pay no call for an addition. Games and deterministic parts use this
/// and never the C library's mathematics.
///
/// Axes: x east, y north, z up. Lengths in metres, angles in radians; a heading of 0 looks along
/// +x and grows towards +y.

#include "muster/base.h"

/// Half a turn in radians.
#define MUSTER_PI 3.14159265358979f

/// A point, a direction or a velocity.
typedef struct muster_vec3 {
    /// East, north and up.
    float x, y, z;
} muster_vec3;

/// A sum.
static inline muster_vec3 muster_vec3_add(muster_vec3 a, muster_vec3 b)
{
    const muster_vec3 sum = {a.x + b.x, a.y + b.y, a.z + b.z};
    return sum;
}

/// The way from `b` to `a`.
static inline muster_vec3 muster_vec3_sub(muster_vec3 a, muster_vec3 b)
{
    const muster_vec3 difference = {a.x - b.x, a.y - b.y, a.z - b.z};
    return difference;
}

/// A vector `factor` times as long.
static inline muster_vec3 muster_vec3_scale(muster_vec3 a, float factor)
{
    const muster_vec3 scaled = {a.x * factor, a.y * factor, a.z * factor};
    return scaled;
}

/// The dot product, summed x, y, z.
static inline float muster_vec3_dot(muster_vec3 a, muster_vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

/// The cross product.
static inline muster_vec3 muster_vec3_cross(muster_vec3 a, muster_vec3 b)
{
    const muster_vec3 cross = {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
    return cross;
}

/// The square root, correctly rounded; 0 for a negative number.
static inline float muster_sqrt(float value)
{
    return value > 0.0f ? __builtin_sqrtf(value) : 0.0f;
}

/// The length in metres.
static inline float muster_vec3_length(muster_vec3 a)
{
    return muster_sqrt(muster_vec3_dot(a, a));
}

/// A vector of length 1 in the same direction; zero for zero.
static inline muster_vec3 muster_vec3_normalize(muster_vec3 a)
{
    const float length = muster_vec3_length(a);
    const muster_vec3 zero = {0.0f, 0.0f, 0.0f};
    return length > 0.0f ? muster_vec3_scale(a, 1.0f / length) : zero;
}

/// The value, or the bound that it crosses.
static inline float muster_clamp(float value, float min, float max)
{
    return value < min ? min : value > max ? max : value;
}

/// The largest whole number not above `value`, for |value| < 2^31.
static inline float muster_floor(float value)
{
    const float truncated = (float)(int32_t)value;
    return truncated > value ? truncated - 1.0f : truncated;
}

/// The angle brought into [-pi, pi).
static inline float muster_angle_wrap(float radians)
{
    const float turns = muster_floor(radians * (0.5f / MUSTER_PI) + 0.5f);
    return radians - turns * (2.0f * MUSTER_PI);
}

/// The sine, within 2e-5 for |radians| <= 100: an odd polynomial on a quarter turn.
static inline float muster_sin(float radians)
{
    float angle = muster_angle_wrap(radians);
    if (angle > 0.5f * MUSTER_PI) {
        angle = MUSTER_PI - angle;
    } else if (angle < -0.5f * MUSTER_PI) {
        angle = -MUSTER_PI - angle;
    }
    const float square = angle * angle;
    float sum = -2.3889859e-8f;
    sum = sum * square + 2.7525562e-6f;
    sum = sum * square - 1.9840874e-4f;
    sum = sum * square + 8.3333310e-3f;
    sum = sum * square - 1.6666667e-1f;
    return angle + angle * square * sum;
}

/// The cosine, within 2e-5 for |radians| <= 100.
static inline float muster_cos(float radians)
{
    return muster_sin(radians + 0.5f * MUSTER_PI);
}

/// The level direction of length 1 that a heading looks in.
static inline muster_vec3 muster_vec3_heading(float radians)
{
    const muster_vec3 way = {muster_cos(radians), muster_sin(radians), 0.0f};
    return way;
}

/// The heading of (x, y) in [-pi, pi], within 1e-5; 0 for (0, 0).
static inline float muster_atan2(float y, float x)
{
    const float abs_x = x < 0.0f ? -x : x;
    const float abs_y = y < 0.0f ? -y : y;
    const float larger = abs_x > abs_y ? abs_x : abs_y;
    if (larger == 0.0f) {
        return 0.0f;
    }
    const float ratio = (abs_x > abs_y ? abs_y : abs_x) / larger;
    const float square = ratio * ratio;
    float sum = -0.01172120f;
    sum = sum * square + 0.05265332f;
    sum = sum * square - 0.11643287f;
    sum = sum * square + 0.19354346f;
    sum = sum * square - 0.33262347f;
    sum = sum * square + 0.99997726f;
    float angle = sum * ratio;
    angle = abs_y > abs_x ? 0.5f * MUSTER_PI - angle : angle;
    angle = x < 0.0f ? MUSTER_PI - angle : angle;
    return y < 0.0f ? -angle : angle;
}
