// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // popen()

#include "muster/stats.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS, PLAYERS, REFUSED, TICK_TIME, PACKET_SIZE, STAT_COUNT };

static const char *const reasons[] = {"full", "a \"quoted\" \\ word\nand a line", ""};
static const char *const directions[] = {"in", "out"};
static const uint64_t time_bounds_us[] = {1000, 8000, 1500000};
static const uint64_t size_bounds[] = {100, 1200};

static const muster_stat_def table[STAT_COUNT] = {
    [TICKS] = {.name = "muster_ticks_total", .help = "Ticks.", .kind = MUSTER_STAT_COUNTER},
    [PLAYERS] =
        {
            .name = "muster_temperature_celsius",
            .help = "With a \\ and\na line end and \"quotes\".",
            .kind = MUSTER_STAT_GAUGE,
            .decimals = 3,
        },
    [REFUSED] =
        {
            .name = "muster_refused_total",
            .help = "Refused joins, by reason.",
            .kind = MUSTER_STAT_COUNTER,
            .label_name = "reason",
            .label_values = reasons,
            .series_count = 3,
        },
    [TICK_TIME] =
        {
            .name = "muster_tick_seconds",
            .help = "Time a tick took.",
            .kind = MUSTER_STAT_HISTOGRAM,
            .decimals = 6,
            .bounds = time_bounds_us,
            .bound_count = 3,
        },
    [PACKET_SIZE] =
        {
            .name = "muster_packet_bytes",
            .help = "Payload of packets.",
            .kind = MUSTER_STAT_HISTOGRAM,
            .label_name = "direction",
            .label_values = directions,
            .series_count = 2,
            .bounds = size_bounds,
            .bound_count = 2,
        },
};

static const char expected_text[] =
    "# HELP muster_ticks_total Ticks.\n"
    "# TYPE muster_ticks_total counter\n"
    "muster_ticks_total 9223372036854775807\n"
    "# HELP muster_temperature_celsius With a \\\\ and\\na line end and \"quotes\".\n"
    "# TYPE muster_temperature_celsius gauge\n"
    "muster_temperature_celsius -0.042\n"
    "# HELP muster_refused_total Refused joins, by reason.\n"
    "# TYPE muster_refused_total counter\n"
    "muster_refused_total{reason=\"full\"} 3\n"
    "muster_refused_total{reason=\"a \\\"quoted\\\" \\\\ word\\nand a line\"} 10\n"
    "muster_refused_total{reason=\"\"} 0\n"
    "# HELP muster_tick_seconds Time a tick took.\n"
    "# TYPE muster_tick_seconds histogram\n"
    "muster_tick_seconds_bucket{le=\"0.001000\"} 2\n"
    "muster_tick_seconds_bucket{le=\"0.008000\"} 2\n"
    "muster_tick_seconds_bucket{le=\"1.500000\"} 3\n"
    "muster_tick_seconds_bucket{le=\"+Inf\"} 4\n"
    "muster_tick_seconds_sum 3.010501\n"
    "muster_tick_seconds_count 4\n"
    "# HELP muster_packet_bytes Payload of packets.\n"
    "# TYPE muster_packet_bytes histogram\n"
    "muster_packet_bytes_bucket{direction=\"in\",le=\"100\"} 0\n"
    "muster_packet_bytes_bucket{direction=\"in\",le=\"1200\"} 0\n"
    "muster_packet_bytes_bucket{direction=\"in\",le=\"+Inf\"} 0\n"
    "muster_packet_bytes_sum{direction=\"in\"} 0\n"
    "muster_packet_bytes_count{direction=\"in\"} 0\n"
    "muster_packet_bytes_bucket{direction=\"out\",le=\"100\"} 0\n"
    "muster_packet_bytes_bucket{direction=\"out\",le=\"1200\"} 1\n"
    "muster_packet_bytes_bucket{direction=\"out\",le=\"+Inf\"} 1\n"
    "muster_packet_bytes_sum{direction=\"out\"} 500\n"
    "muster_packet_bytes_count{direction=\"out\"} 1\n";

static muster_stats *stats_new(void)
{
    muster_stats_def def = muster_stats_default_def();
    def.stats = table;
    def.stat_count = STAT_COUNT;
    muster_stats *stats;
    assert_int_equal(muster_stats_create(&def, &stats), MUSTER_OK);
    return stats;
}

// The state that expected_text describes.
static muster_stats *stats_filled(void)
{
    muster_stats *stats = stats_new();
    muster_stats_add(stats, TICKS, 0, INT64_MAX);
    muster_stats_set(stats, PLAYERS, 0, -42);
    muster_stats_add(stats, REFUSED, 0, 1);
    muster_stats_add(stats, REFUSED, 0, 2);
    muster_stats_set(stats, REFUSED, 1, 10);
    muster_stats_record(stats, TICK_TIME, 0, 1);
    muster_stats_record(stats, TICK_TIME, 0, 500);
    muster_stats_record(stats, TICK_TIME, 0, 1010000);
    muster_stats_record(stats, TICK_TIME, 0, 2000000);
    muster_stats_record(stats, PACKET_SIZE, 1, 500);
    return stats;
}

static void assert_invalid(const muster_stat_def *lines, uint32_t count)
{
    muster_stats_def def = muster_stats_default_def();
    def.stats = lines;
    def.stat_count = count;
    muster_stats *stats;
    assert_int_equal(muster_stats_create(&def, &stats), MUSTER_ERR_INVALID);
    assert_null(stats);
}

static void create_refuses_a_table_that_breaks_the_rules(void **state)
{
    (void)state;
    assert_invalid(NULL, 1);
    assert_invalid(table, 0);
    assert_invalid(table, MUSTER_STAT_COUNT_MAX + 1);
    const muster_stat_def twins[] = {table[TICKS], table[TICKS]};
    assert_invalid(twins, 2);

    const char *const names[] = {NULL, "", "ticks_total", "muster_Ticks_total",
        "muster_ti cks_total", "muster_ticks", "muster_a:b_total", "9muster_total"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        muster_stat_def line = table[TICKS];
        line.name = names[i];
        assert_invalid(&line, 1);
    }
    muster_stat_def line = table[PLAYERS];
    line.name = "muster_players_total";
    assert_invalid(&line, 1);
    line = table[TICKS];
    line.help = "";
    assert_invalid(&line, 1);
    line = table[TICKS];
    line.decimals = 10;
    assert_invalid(&line, 1);
    line = table[TICKS];
    line.kind = (muster_stat_kind)3;
    assert_invalid(&line, 1);
    line = table[TICKS];
    line.series_count = 1;
    assert_invalid(&line, 1);
    line = table[TICKS];
    line.bound_count = 1;
    assert_invalid(&line, 1);
}

static void create_refuses_labels_and_bounds_that_break_the_rules(void **state)
{
    (void)state;
    muster_stat_def line = table[REFUSED];
    line.label_name = "Reason";
    assert_invalid(&line, 1);
    line.label_name = "le";
    assert_invalid(&line, 1);
    line = table[REFUSED];
    line.series_count = 0;
    assert_invalid(&line, 1);
    line.series_count = MUSTER_STAT_SERIES_MAX + 1;
    assert_invalid(&line, 1);
    line = table[REFUSED];
    line.label_values = NULL;
    assert_invalid(&line, 1);
    const char *const twins[] = {"a", "b", "a"};
    line.label_values = twins;
    assert_invalid(&line, 1);
    const char *const gap[] = {"a", NULL, "c"};
    line.label_values = gap;
    assert_invalid(&line, 1);

    line = table[TICK_TIME];
    line.bound_count = 0;
    assert_invalid(&line, 1);
    line.bound_count = MUSTER_STAT_BOUND_MAX + 1;
    assert_invalid(&line, 1);
    line = table[TICK_TIME];
    line.bounds = NULL;
    assert_invalid(&line, 1);
    const uint64_t falling[] = {1, 3, 3};
    line.bounds = falling;
    assert_invalid(&line, 1);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    muster_stats_def def = muster_stats_default_def();
    def.stats = table;
    def.stat_count = STAT_COUNT;
    for (uint32_t count = 0; count <= 4; count++) {
        struct failing_heap heap = {.alloc_count_max = count};
        def.allocator = failing_heap_allocator(&heap);
        muster_stats *stats;
        const muster_status status = muster_stats_create(&def, &stats);
        assert_int_equal(status, count < 4 ? MUSTER_ERR_NO_MEMORY : MUSTER_OK);
        muster_stats_destroy(stats);
        assert_int_equal(heap.bytes_live, 0);
    }
}

static void values_are_read_back(void **state)
{
    (void)state;
    muster_stats *stats = stats_filled();
    assert_int_equal(muster_stats_read(stats, PLAYERS, 0), -42);
    assert_int_equal(muster_stats_read(stats, REFUSED, 0), 3);
    assert_int_equal(muster_stats_read(stats, REFUSED, 2), 0);
    assert_int_equal(muster_histogram_max(muster_stats_histogram(stats, TICK_TIME, 0)), 2000000);
    assert_int_equal(muster_histogram_count(muster_stats_histogram(stats, PACKET_SIZE, 0)), 0);
    muster_stats_destroy(stats);
}

static void the_text_is_as_prometheus_reads_it(void **state)
{
    (void)state;
    muster_stats *stats = stats_filled();
    char text[4096];
    size_t length;
    assert_int_equal(muster_stats_write(stats, text, sizeof text - 1, &length), MUSTER_OK);
    text[length] = '\0';
    assert_string_equal(text, expected_text);
    muster_stats_destroy(stats);
}

static void a_buffer_too_short_by_any_length_is_refused(void **state)
{
    (void)state;
    muster_stats *stats = stats_filled();
    const size_t bytes = sizeof expected_text - 1;
    for (size_t capacity = 0; capacity < bytes; capacity++) {
        // An exact allocation, so that the sanitizer sees a byte beyond it.
        char *text = malloc(capacity);
        size_t length = 1;
        assert_int_equal(muster_stats_write(stats, text, capacity, &length), MUSTER_ERR_FULL);
        assert_int_equal(length, 0);
        free(text);
    }
    char *text = malloc(bytes);
    size_t length;
    assert_int_equal(muster_stats_write(stats, text, bytes, &length), MUSTER_OK);
    assert_int_equal(length, bytes);
    free(text);
    muster_stats_destroy(stats);
}

static void *add_many(void *argument)
{
    for (int i = 0; i < 50000; i++) {
        muster_stats_add(argument, TICKS, 0, 1);
        muster_stats_set(argument, PLAYERS, 0, i);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    muster_stats *stats = stats_new();
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, stats), 0);
    }
    for (int i = 0; i < 100; i++) {
        char text[4096];
        size_t length;
        muster_stats_record(stats, TICK_TIME, 0, 10);
        assert_int_equal(muster_stats_write(stats, text, sizeof text, &length), MUSTER_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(muster_stats_read(stats, TICKS, 0), 100000);
    muster_stats_destroy(stats);
}

static void promtool_has_nothing_to_say(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        print_message("promtool is not installed (Debian package prometheus)\n");
        skip();
    }
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    assert_int_equal(
        fwrite(expected_text, 1, sizeof expected_text - 1, promtool), sizeof expected_text - 1);
    assert_int_equal(pclose(promtool), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_refuses_a_table_that_breaks_the_rules),
        cmocka_unit_test(create_refuses_labels_and_bounds_that_break_the_rules),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(values_are_read_back),
        cmocka_unit_test(the_text_is_as_prometheus_reads_it),
        cmocka_unit_test(a_buffer_too_short_by_any_length_is_refused),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(promtool_has_nothing_to_say),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
