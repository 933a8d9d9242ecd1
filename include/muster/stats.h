// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Statistics: what a server counts and measures, declared in one table, updated by the threads
/// that do the work, and written as Prometheus text by the one that is asked for it.
///
///     enum { TICKS, REFUSED, TICK_TIME };
///     static const char *const reasons[] = {"full", "banned"};
///     static const uint64_t bounds_us[] = {1000, 4000, 8000, 12000, 16000, 32000};
///     static const muster_stat_def table[] = {
///         [TICKS] = {.name = "muster_ticks_total", .help = "Ticks.", .kind = MUSTER_STAT_COUNTER},
///         [REFUSED] = {.name = "muster_refused_total", .help = "Refused, by reason.",
///             .kind = MUSTER_STAT_COUNTER, .label_name = "reason", .label_values = reasons,
///             .series_count = 2},
///         [TICK_TIME] = {.name = "muster_tick_seconds", .help = "Time a tick took.",
///             .kind = MUSTER_STAT_HISTOGRAM, .decimals = 6, .bounds = bounds_us,
///             .bound_count = 6},
///     };
///     muster_stats_add(stats, REFUSED, 1, 1);         // one more, reason="banned"
///     muster_stats_record(stats, TICK_TIME, 0, 9400); // microseconds; shown as 0.009400 s
///
/// - Order: the text has the stats in the order of the table and series in the order of labels.
/// - Memory: one allocation at creation, 64 bytes a series, and 18 KiB for each of a histogram.
/// - Cost: an update is one relaxed atomic operation, some nanoseconds; recording four.
/// - Threads: any thread may add and set, at any moment. A histogram's series has one thread that
///   records. Any thread may read or write the text meanwhile; the text is no snapshot, as each
///   value is read by itself.

#include "muster/histogram.h"

/// The most stats of one table.
#define MUSTER_STAT_COUNT_MAX 1024

/// The most series of one stat.
#define MUSTER_STAT_SERIES_MAX 256

/// The most bounds of one histogram.
#define MUSTER_STAT_BOUND_MAX 32

/// What kind of value a stat is.
typedef enum muster_stat_kind {
    /// Only ever grows: packets, ticks, refusals. Its name ends in "_total".
    MUSTER_STAT_COUNTER = 0,

    /// Goes up and down: players, bytes in use.
    MUSTER_STAT_GAUGE = 1,

    /// A spread of values: durations, sizes.
    MUSTER_STAT_HISTOGRAM = 2,
} muster_stat_kind;

/// One line of the table. Everything it points to must outlive the stats.
typedef struct muster_stat_def {
    /// Lower case letters, digits and "_", beginning with "muster_". Ends in its base unit
    /// ("_seconds", "_bytes"), and a counter in "_total".
    const char *name;

    /// One sentence. Not empty.
    const char *help;

    /// A muster_stat_kind.
    muster_stat_kind kind;

    /// How many decimals of the base unit the values are counted in, at most 9: 6 for a stat in
    /// seconds that is given microseconds. Default 0.
    uint32_t decimals;

    /// The name of the label that tells the series apart, of the same characters; NULL for a stat
    /// of one series.
    const char *label_name;

    /// The label's value for each series; any UTF-8. Only with a label_name.
    const char *const *label_values;

    /// The number of series, in [1, MUSTER_STAT_SERIES_MAX] with a label_name, else 0.
    uint32_t series_count;

    /// Histograms: the upper bounds that the text shows, growing, in the unit of the values.
    const uint64_t *bounds;

    /// Histograms: the number of bounds, in [1, MUSTER_STAT_BOUND_MAX]; else 0.
    uint32_t bound_count;
} muster_stat_def;

/// What stats are made from. Start from muster_stats_default_def().
typedef struct muster_stats_def {
    /// The table, indexed as the updates are. Must outlive the stats. Default NULL.
    const muster_stat_def *stats;

    /// Its lines, in [1, MUSTER_STAT_COUNT_MAX]. Default 0.
    uint32_t stat_count;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_stats_def;

/// The values of a table. Created and destroyed by their owner.
typedef struct muster_stats muster_stats;

/// A definition with every field at its default.
MUSTER_API muster_stats_def muster_stats_default_def(void);

/// Creates the values of a table, all zero.
/// @param out_stats  set to the stats, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a line is not as its fields say or two have one name,
///         MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_stats_create(
    const muster_stats_def *def, muster_stats **out_stats);

/// Destroys stats. Does nothing for NULL.
MUSTER_API void muster_stats_destroy(muster_stats *stats);

/// Counter: `amount` more.
/// @param stat_index    a counter's line
/// @param series_index  below its series_count; 0 where it has no label
MUSTER_API void muster_stats_add(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, uint64_t amount);

/// Counter or gauge: the value is `value`. For a counter that somebody else counts already; such a
/// value must not fall.
/// @param series_index  below its series_count; 0 where it has no label
MUSTER_API void muster_stats_set(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, int64_t value);

/// Histogram: one value.
/// @param series_index  below its series_count; 0 where it has no label
MUSTER_API void muster_stats_record(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, uint64_t value);

/// The value of a counter or gauge.
MUSTER_API int64_t muster_stats_read(
    const muster_stats *stats, uint32_t stat_index, uint32_t series_index);

/// The histogram of a series, to read quantiles of. Belongs to the stats.
MUSTER_API const muster_histogram *muster_stats_histogram(
    const muster_stats *stats, uint32_t stat_index, uint32_t series_index);

/// Writes everything in Prometheus text format 0.0.4, without a closing zero.
/// @param capacity_bytes  of `text`
/// @param out_length      set to the bytes written, or to 0 on failure
/// @return MUSTER_ERR_FULL if `text` is too short; its content is then of no use
MUSTER_API MUSTER_NODISCARD muster_status muster_stats_write(
    const muster_stats *stats, char *text, size_t capacity_bytes, size_t *out_length);
