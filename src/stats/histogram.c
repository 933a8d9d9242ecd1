// SPDX-License-Identifier: Apache-2.0
#include "muster/histogram.h"

#include "core/assert.h"

#include <stdatomic.h>

// Bucket numbers read like small floating-point numbers: an exponent, and six bits below the
// leading one. Bucket 64 * g + s, for g > 0, holds the values from (64 + s) << (g - 1) on, and as
// many of them as 1 << (g - 1); the first 64 buckets hold one value each.
//
// One thread writes. Every field is a relaxed atomic so that others may read meanwhile: no reader
// draws a conclusion from two fields, so that no order between them is needed.

#define DIGIT_BITS   6u
#define DIGIT_COUNT  (1u << DIGIT_BITS)
#define VALUE_BITS   40u
#define BUCKET_COUNT ((VALUE_BITS - DIGIT_BITS + 1) * DIGIT_COUNT)
#define PER_MILLION  1000000u

_Static_assert(
    MUSTER_HISTOGRAM_VALUE_MAX == (UINT64_C(1) << VALUE_BITS) - 1, "the buckets must cover it");

struct muster_histogram {
    muster_allocator allocator;
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t buckets[BUCKET_COUNT];
};

static uint64_t load(const _Atomic uint64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

// Adds without a locked instruction: only the owner writes.
static void add(_Atomic uint64_t *field, uint64_t amount)
{
    atomic_store_explicit(field, load(field) + amount, memory_order_relaxed);
}

static uint32_t bucket_of(uint64_t value)
{
    if (value < DIGIT_COUNT) {
        return (uint32_t)value;
    }
    if (value > MUSTER_HISTOGRAM_VALUE_MAX) {
        return BUCKET_COUNT - 1;
    }
    const uint32_t group = 64 - DIGIT_BITS - (uint32_t)__builtin_clzll(value);
    const uint32_t digit = (uint32_t)(value >> (group - 1)) - DIGIT_COUNT;
    return group * DIGIT_COUNT + digit;
}

// The value in the middle of a bucket.
static uint64_t middle_of(uint32_t bucket)
{
    if (bucket < DIGIT_COUNT) {
        return bucket;
    }
    const uint32_t group = bucket / DIGIT_COUNT;
    const uint64_t lowest = (uint64_t)(DIGIT_COUNT + bucket % DIGIT_COUNT) << (group - 1);
    return lowest + ((UINT64_C(1) << (group - 1)) - 1) / 2;
}

muster_status muster_histogram_create(
    const muster_allocator *allocator, muster_histogram **out_histogram)
{
    MUSTER_ASSERT(allocator != NULL);
    MUSTER_ASSERT(out_histogram != NULL);
    *out_histogram = NULL;
    if (allocator->alloc == NULL || allocator->free == NULL) {
        return MUSTER_ERR_INVALID;
    }
    muster_histogram *histogram =
        allocator->alloc(allocator->context, sizeof *histogram, _Alignof(muster_histogram));
    if (histogram == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    histogram->allocator = *allocator;
    muster_histogram_reset(histogram);
    *out_histogram = histogram;
    return MUSTER_OK;
}

void muster_histogram_destroy(muster_histogram *histogram)
{
    if (histogram == NULL) {
        return;
    }
    const muster_allocator allocator = histogram->allocator;
    allocator.free(allocator.context, histogram, sizeof *histogram);
}

static void raise_max(muster_histogram *histogram, uint64_t value)
{
    if (value > load(&histogram->max)) {
        atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
    }
}

void muster_histogram_record(muster_histogram *histogram, uint64_t value)
{
    MUSTER_ASSERT(histogram != NULL);
    add(&histogram->buckets[bucket_of(value)], 1);
    add(&histogram->count, 1);
    add(&histogram->sum, value);
    raise_max(histogram, value);
}

void muster_histogram_merge(muster_histogram *histogram, const muster_histogram *other)
{
    MUSTER_ASSERT(histogram != NULL);
    MUSTER_ASSERT(other != NULL && other != histogram);

    // The count is taken from the buckets, so that it fits them even while `other` goes on.
    uint64_t count = 0;
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        const uint64_t added = load(&other->buckets[i]);
        if (added != 0) {
            add(&histogram->buckets[i], added);
            count += added;
        }
    }
    add(&histogram->count, count);
    add(&histogram->sum, load(&other->sum));
    raise_max(histogram, load(&other->max));
}

void muster_histogram_subtract(muster_histogram *histogram, const muster_histogram *earlier)
{
    MUSTER_ASSERT(histogram != NULL);
    MUSTER_ASSERT(earlier != NULL && earlier != histogram);

    uint64_t count = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        MUSTER_ASSERT(load(&earlier->buckets[i]) <= load(&histogram->buckets[i]));
        const uint64_t left = load(&histogram->buckets[i]) - load(&earlier->buckets[i]);
        atomic_store_explicit(&histogram->buckets[i], left, memory_order_relaxed);
        count += left;
        last = left != 0 ? i : last;
    }
    atomic_store_explicit(&histogram->count, count, memory_order_relaxed);
    atomic_store_explicit(
        &histogram->sum, load(&histogram->sum) - load(&earlier->sum), memory_order_relaxed);
    if (count == 0 || load(&histogram->max) == load(&earlier->max)) {
        atomic_store_explicit(
            &histogram->max, count == 0 ? 0 : middle_of(last), memory_order_relaxed);
    }
}

void muster_histogram_reset(muster_histogram *histogram)
{
    MUSTER_ASSERT(histogram != NULL);
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        atomic_store_explicit(&histogram->buckets[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&histogram->count, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->sum, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->max, 0, memory_order_relaxed);
}

uint64_t muster_histogram_count(const muster_histogram *histogram)
{
    MUSTER_ASSERT(histogram != NULL);
    return load(&histogram->count);
}

uint64_t muster_histogram_sum(const muster_histogram *histogram)
{
    MUSTER_ASSERT(histogram != NULL);
    return load(&histogram->sum);
}

uint64_t muster_histogram_max(const muster_histogram *histogram)
{
    MUSTER_ASSERT(histogram != NULL);
    return load(&histogram->max);
}

uint64_t muster_histogram_quantile(const muster_histogram *histogram, uint32_t per_million)
{
    MUSTER_ASSERT(histogram != NULL);
    MUSTER_ASSERT(per_million <= PER_MILLION);

    const uint64_t max = load(&histogram->max);
    const uint64_t count = muster_histogram_count_to(histogram, UINT64_MAX);
    if (count == 0) {
        return 0;
    }
    // The rank is rounded up: of two values, the median is the first. In two steps, so that no
    // count overflows.
    const uint64_t whole = count / PER_MILLION * per_million;
    const uint64_t rest = count % PER_MILLION * per_million;
    const uint64_t rank_wanted = whole + (rest + PER_MILLION - 1) / PER_MILLION;
    const uint64_t rank = rank_wanted > 0 ? rank_wanted : 1;
    if (rank >= count) {
        return max;
    }
    uint64_t seen = 0;
    for (uint32_t i = 0; i < BUCKET_COUNT; i++) {
        seen += load(&histogram->buckets[i]);
        if (seen >= rank) {
            const uint64_t middle = middle_of(i);
            return middle < max ? middle : max;
        }
    }
    return max; // the owner reset it meanwhile
}

uint64_t muster_histogram_count_to(const muster_histogram *histogram, uint64_t bound)
{
    MUSTER_ASSERT(histogram != NULL);
    const uint32_t last = bucket_of(bound);
    uint64_t count = 0;
    for (uint32_t i = 0; i <= last; i++) {
        count += load(&histogram->buckets[i]);
    }
    return count;
}
