// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Histogram: how a quantity is spread, to two significant digits, in fixed memory.
///
///     muster_histogram_record(tick_us, elapsed_us);
///     ...
///     uint64_t p99_us = muster_histogram_quantile(tick_us, 990000);
///
/// A value below 64 has a bucket of its own; above, every power of two is cut into 64 buckets, so
/// that what comes out is at most 0.8 % beside what went in.
///
/// - Memory: one allocation at creation, about 18 KiB.
/// - Cost: recording is O(1), some nanoseconds; everything else walks 2,240 buckets.
/// - Threads: one thread at a time records, merges and resets. Any thread may read at any moment;
///   it may then see a value counted and not yet in the sum.

#include "muster/base.h"

/// Values from here on share the last bucket. In microseconds it is twelve days. The sum and the
/// largest value stay exact.
#define MUSTER_HISTOGRAM_VALUE_MAX ((UINT64_C(1) << 40) - 1)

/// A histogram of unsigned integers. Created and destroyed by its owner.
typedef struct muster_histogram muster_histogram;

/// Creates an empty histogram. The caller owns it and ends it with muster_histogram_destroy().
/// @param allocator      where its memory comes from; copied
/// @param out_histogram  set to the histogram, or to NULL on failure
/// @return MUSTER_ERR_INVALID if the allocator lacks a function, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_histogram_create(
    const muster_allocator *allocator, muster_histogram **out_histogram);

/// Destroys a histogram. Does nothing for NULL.
MUSTER_API void muster_histogram_destroy(muster_histogram *histogram);

/// Counts one value. Any value is taken.
MUSTER_API void muster_histogram_record(muster_histogram *histogram, uint64_t value);

/// Adds everything `other` holds, as if it had been recorded here.
MUSTER_API void muster_histogram_merge(muster_histogram *histogram, const muster_histogram *other);

/// Takes away what `earlier` holds, a copy of this one from before, so that what is left has been
/// recorded since then. The largest value is still exact if it came since then, and else known
/// within 0.8 %.
MUSTER_API void muster_histogram_subtract(
    muster_histogram *histogram, const muster_histogram *earlier);

/// Forgets every value.
MUSTER_API void muster_histogram_reset(muster_histogram *histogram);

/// The number of values recorded.
MUSTER_API uint64_t muster_histogram_count(const muster_histogram *histogram);

/// The sum of the values recorded, modulo 2^64.
MUSTER_API uint64_t muster_histogram_sum(const muster_histogram *histogram);

/// The largest value recorded, exactly; 0 if there is none.
MUSTER_API uint64_t muster_histogram_max(const muster_histogram *histogram);

/// A value that `per_million` of the recorded ones do not exceed, within 0.8 %: 500000 is the
/// median, 990000 the 99th percentile, 1000000 the largest, exactly.
/// @param per_million  at most 1,000,000; 0 is the smallest
/// @return 0 if nothing is recorded
MUSTER_API uint64_t muster_histogram_quantile(
    const muster_histogram *histogram, uint32_t per_million);

/// The number of values up to and including `bound`. Values at most 1.6 % above it count too.
MUSTER_API uint64_t muster_histogram_count_to(const muster_histogram *histogram, uint64_t bound);
