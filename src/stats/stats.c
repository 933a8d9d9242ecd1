// SPDX-License-Identifier: Apache-2.0
#include "muster/stats.h"

#include "core/assert.h"

#include <stdatomic.h>
#include <string.h>

// Values stand in one array, one cache line a series, so that threads which count different things
// do not slow each other down. All accesses are relaxed: each value means something by itself and
// nothing is concluded from two of them.

#define CACHE_LINE_BYTES 64u
#define DECIMALS_MAX     9u
#define NAME_PREFIX      "muster_"
#define COUNTER_SUFFIX   "_total"

struct series {
    _Alignas(CACHE_LINE_BYTES) _Atomic int64_t value; // counters and gauges
    muster_histogram *histogram;                      // histograms; constant after creation
};

struct muster_stats {
    muster_allocator allocator;
    const muster_stat_def *defs;
    uint32_t stat_count;
    uint32_t series_count;
    size_t bytes;
    uint32_t *first_series; // of each stat
    struct series series[];
};

static uint32_t series_of(const muster_stat_def *def)
{
    return def->label_name != NULL ? def->series_count : 1;
}

// The table's rules.

static bool is_name(const char *text)
{
    if (text == NULL || !(text[0] == '_' || (text[0] >= 'a' && text[0] <= 'z'))) {
        return false;
    }
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool ends_with(const char *text, const char *suffix)
{
    const size_t text_bytes = strlen(text);
    const size_t suffix_bytes = strlen(suffix);
    return text_bytes >= suffix_bytes &&
           memcmp(text + text_bytes - suffix_bytes, suffix, suffix_bytes) == 0;
}

static bool labels_are_valid(const muster_stat_def *def)
{
    if (def->label_name == NULL) {
        return def->series_count == 0 && def->label_values == NULL;
    }
    if (!is_name(def->label_name) || strcmp(def->label_name, "le") == 0 ||
        def->label_values == NULL || def->series_count < 1 ||
        def->series_count > MUSTER_STAT_SERIES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < def->series_count; i++) {
        if (def->label_values[i] == NULL) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(def->label_values[i], def->label_values[k]) == 0) {
                return false;
            }
        }
    }
    return true;
}

static bool bounds_are_valid(const muster_stat_def *def)
{
    if (def->kind != MUSTER_STAT_HISTOGRAM) {
        return def->bound_count == 0;
    }
    if (def->bounds == NULL || def->bound_count < 1 || def->bound_count > MUSTER_STAT_BOUND_MAX) {
        return false;
    }
    for (uint32_t i = 1; i < def->bound_count; i++) {
        if (def->bounds[i] <= def->bounds[i - 1]) {
            return false;
        }
    }
    return true;
}

static bool line_is_valid(const muster_stat_def *def)
{
    const bool is_kind = def->kind == MUSTER_STAT_COUNTER || def->kind == MUSTER_STAT_GAUGE ||
                         def->kind == MUSTER_STAT_HISTOGRAM;
    return is_kind && is_name(def->name) &&
           strncmp(def->name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0 &&
           ends_with(def->name, COUNTER_SUFFIX) == (def->kind == MUSTER_STAT_COUNTER) &&
           def->help != NULL && def->help[0] != '\0' && def->decimals <= DECIMALS_MAX &&
           labels_are_valid(def) && bounds_are_valid(def);
}

static bool def_is_valid(const muster_stats_def *def)
{
    if (def->stats == NULL || def->stat_count < 1 || def->stat_count > MUSTER_STAT_COUNT_MAX ||
        def->allocator.alloc == NULL || def->allocator.free == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < def->stat_count; i++) {
        if (!line_is_valid(&def->stats[i])) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(def->stats[i].name, def->stats[k].name) == 0) {
                return false;
            }
        }
    }
    return true;
}

// Life.

muster_stats_def muster_stats_default_def(void)
{
    return (muster_stats_def){.allocator = muster_heap_allocator()};
}

muster_status muster_stats_create(const muster_stats_def *def, muster_stats **out_stats)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_stats != NULL);
    *out_stats = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    uint32_t series_count = 0;
    for (uint32_t i = 0; i < def->stat_count; i++) {
        series_count += series_of(&def->stats[i]);
    }
    const size_t firsts_offset =
        sizeof(muster_stats) + (size_t)series_count * sizeof(struct series);
    const size_t bytes = firsts_offset + (size_t)def->stat_count * sizeof(uint32_t);
    muster_stats *stats =
        def->allocator.alloc(def->allocator.context, bytes, _Alignof(muster_stats));
    if (stats == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(stats, 0, bytes);
    stats->allocator = def->allocator;
    stats->defs = def->stats;
    stats->stat_count = def->stat_count;
    stats->series_count = series_count;
    stats->bytes = bytes;
    stats->first_series = (void *)((char *)stats + firsts_offset);

    uint32_t next = 0;
    for (uint32_t i = 0; i < def->stat_count; i++) {
        stats->first_series[i] = next;
        for (uint32_t k = 0; k < series_of(&def->stats[i]); k++, next++) {
            atomic_init(&stats->series[next].value, 0);
            const bool is_histogram = def->stats[i].kind == MUSTER_STAT_HISTOGRAM;
            if (is_histogram && muster_histogram_create(
                                    &def->allocator, &stats->series[next].histogram) != MUSTER_OK) {
                muster_stats_destroy(stats);
                return MUSTER_ERR_NO_MEMORY;
            }
        }
    }
    *out_stats = stats;
    return MUSTER_OK;
}

void muster_stats_destroy(muster_stats *stats)
{
    if (stats == NULL) {
        return;
    }
    for (uint32_t i = 0; i < stats->series_count; i++) {
        muster_histogram_destroy(stats->series[i].histogram);
    }
    const muster_allocator allocator = stats->allocator;
    allocator.free(allocator.context, stats, stats->bytes);
}

// Values.

// The place of a series in the array.
static uint32_t place_of(const muster_stats *stats, uint32_t stat_index, uint32_t series_index)
{
    MUSTER_ASSERT(stats != NULL);
    MUSTER_ASSERT(stat_index < stats->stat_count);
    MUSTER_ASSERT(series_index < series_of(&stats->defs[stat_index]));
    return stats->first_series[stat_index] + series_index;
}

void muster_stats_add(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, uint64_t amount)
{
    struct series *series = &stats->series[place_of(stats, stat_index, series_index)];
    MUSTER_ASSERT(stats->defs[stat_index].kind == MUSTER_STAT_COUNTER);
    atomic_fetch_add_explicit(&series->value, (int64_t)amount, memory_order_relaxed);
}

void muster_stats_set(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, int64_t value)
{
    struct series *series = &stats->series[place_of(stats, stat_index, series_index)];
    MUSTER_ASSERT(stats->defs[stat_index].kind != MUSTER_STAT_HISTOGRAM);
    MUSTER_ASSERT(stats->defs[stat_index].kind == MUSTER_STAT_GAUGE || value >= 0);
    atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void muster_stats_record(
    muster_stats *stats, uint32_t stat_index, uint32_t series_index, uint64_t value)
{
    struct series *series = &stats->series[place_of(stats, stat_index, series_index)];
    MUSTER_ASSERT(series->histogram != NULL);
    muster_histogram_record(series->histogram, value);
}

int64_t muster_stats_read(const muster_stats *stats, uint32_t stat_index, uint32_t series_index)
{
    const struct series *series = &stats->series[place_of(stats, stat_index, series_index)];
    MUSTER_ASSERT(series->histogram == NULL);
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

const muster_histogram *muster_stats_histogram(
    const muster_stats *stats, uint32_t stat_index, uint32_t series_index)
{
    const struct series *series = &stats->series[place_of(stats, stat_index, series_index)];
    MUSTER_ASSERT(series->histogram != NULL);
    return series->histogram;
}

// Text. A writer that is full takes nothing more and says so at the end.

struct writer {
    char *text;
    size_t capacity_bytes;
    size_t length;
    bool is_full;
};

static void put_bytes(struct writer *writer, const char *bytes, size_t length)
{
    if (writer->is_full || length > writer->capacity_bytes - writer->length) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->text + writer->length, bytes, length);
    writer->length += length;
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

// Help and label values: "\" and line ends are escaped, quotes only inside quotes.
static void put_escaped(struct writer *writer, const char *text, bool is_quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            put(writer, "\\n");
        } else if (*text == '\\' || (is_quoted && *text == '"')) {
            put(writer, "\\");
            put_bytes(writer, text, 1);
        } else {
            put_bytes(writer, text, 1);
        }
    }
}

// A value in decimal with its decimals, written from the right. No floating point: it would round
// counters above 2^53, and depend on the locale.
static void put_number(struct writer *writer, uint64_t value, uint32_t decimals)
{
    char digits[32];
    size_t first = sizeof digits;
    uint32_t digit_count = 0;
    while (value != 0 || digit_count <= decimals) {
        if (digit_count == decimals && decimals != 0) {
            digits[--first] = '.';
        }
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
        digit_count++;
    }
    put_bytes(writer, digits + first, sizeof digits - first);
}

// "{reason="full",le="0.5"}", or nothing. `bound` is NULL, a bound, or a bound beyond all.
static void put_labels(
    struct writer *writer, const muster_stat_def *def, uint32_t series_index, const uint64_t *bound)
{
    if (def->label_name == NULL && bound == NULL) {
        return;
    }
    put(writer, "{");
    if (def->label_name != NULL) {
        put(writer, def->label_name);
        put(writer, "=\"");
        put_escaped(writer, def->label_values[series_index], true);
        put(writer, bound != NULL ? "\"," : "\"");
    }
    if (bound != NULL) {
        put(writer, "le=\"");
        if (*bound == UINT64_MAX) {
            put(writer, "+Inf");
        } else {
            put_number(writer, *bound, def->decimals);
        }
        put(writer, "\"");
    }
    put(writer, "}");
}

static void put_value(
    struct writer *writer, const muster_stat_def *def, const struct series *series, uint32_t index)
{
    const int64_t value = atomic_load_explicit(&series->value, memory_order_relaxed);
    const bool is_negative = value < 0 && def->kind == MUSTER_STAT_GAUGE;
    put(writer, def->name);
    put_labels(writer, def, index, NULL);
    put(writer, is_negative ? " -" : " ");
    put_number(writer, is_negative ? 0 - (uint64_t)value : (uint64_t)value, def->decimals);
    put(writer, "\n");
}

static void put_histogram(
    struct writer *writer, const muster_stat_def *def, const struct series *series, uint32_t index)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i <= def->bound_count; i++) {
        const uint64_t bound = i < def->bound_count ? def->bounds[i] : UINT64_MAX;
        const uint64_t count_to = muster_histogram_count_to(series->histogram, bound);
        // Never below the one before, even if the owner has reset it meanwhile.
        count = count_to > count ? count_to : count;
        put(writer, def->name);
        put(writer, "_bucket");
        put_labels(writer, def, index, &bound);
        put(writer, " ");
        put_number(writer, count, 0);
        put(writer, "\n");
    }
    put(writer, def->name);
    put(writer, "_sum");
    put_labels(writer, def, index, NULL);
    put(writer, " ");
    put_number(writer, muster_histogram_sum(series->histogram), def->decimals);
    put(writer, "\n");
    put(writer, def->name);
    put(writer, "_count");
    put_labels(writer, def, index, NULL);
    put(writer, " ");
    put_number(writer, count, 0);
    put(writer, "\n");
}

static void put_stat(struct writer *writer, const muster_stats *stats, uint32_t stat_index)
{
    static const char *const kinds[] = {
        [MUSTER_STAT_COUNTER] = "counter",
        [MUSTER_STAT_GAUGE] = "gauge",
        [MUSTER_STAT_HISTOGRAM] = "histogram",
    };
    const muster_stat_def *def = &stats->defs[stat_index];
    put(writer, "# HELP ");
    put(writer, def->name);
    put(writer, " ");
    put_escaped(writer, def->help, false);
    put(writer, "\n# TYPE ");
    put(writer, def->name);
    put(writer, " ");
    put(writer, kinds[def->kind]);
    put(writer, "\n");
    for (uint32_t i = 0; i < series_of(def); i++) {
        const struct series *series = &stats->series[stats->first_series[stat_index] + i];
        if (def->kind == MUSTER_STAT_HISTOGRAM) {
            put_histogram(writer, def, series, i);
        } else {
            put_value(writer, def, series, i);
        }
    }
}

muster_status muster_stats_write(
    const muster_stats *stats, char *text, size_t capacity_bytes, size_t *out_length)
{
    MUSTER_ASSERT(stats != NULL);
    MUSTER_ASSERT(text != NULL || capacity_bytes == 0);
    MUSTER_ASSERT(out_length != NULL);
    *out_length = 0;

    struct writer writer = {.text = text, .capacity_bytes = capacity_bytes};
    for (uint32_t i = 0; i < stats->stat_count; i++) {
        put_stat(&writer, stats, i);
    }
    if (writer.is_full) {
        return MUSTER_ERR_FULL;
    }
    *out_length = writer.length;
    return MUSTER_OK;
}
