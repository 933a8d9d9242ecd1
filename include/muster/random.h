// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Counter-based randomness: a number is a function of who asks for what and when, never of how
/// many numbers were drawn before. Threads, replays and restored worlds therefore agree.
///
///     const muster_random_key key = {.seed = seed, .entity = id, .tick = tick, .purpose = AIM};
///     const float spread = muster_random_unit(muster_random(key, 0));
///
/// - Quality: two rounds of a 64-bit mixer over each word; for games and simulation, never for
///   keys or tokens.
/// - Threads: pure functions.

#include "muster/base.h"

/// Names one stream of numbers.
typedef struct muster_random_key {
    /// The world's or the test's seed. Any value is good.
    uint64_t seed;

    /// Who asks: an entity's or a player's id, or zero.
    uint64_t entity;

    /// When: the tick, or zero for what is decided once.
    uint64_t tick;

    /// What for: a constant of the caller, so that two uses in one tick differ.
    uint64_t purpose;
} muster_random_key;

/// The number at `index` of the stream: 64 evenly distributed bits.
MUSTER_API uint64_t muster_random(muster_random_key key, uint64_t index);

/// Maps 64 random bits to [0, 1), exactly the same on every machine.
MUSTER_API float muster_random_unit(uint64_t bits);

/// Maps 64 random bits to [0, bound), with a bias below 2^-32. `bound` is at least 1.
MUSTER_API uint32_t muster_random_below(uint64_t bits, uint32_t bound);
