// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command_up.h"
#include "apps/muster/document.h"
#include "apps/server/server_stats.h"
#include "drivers/clock.h"

#include <string.h>

// What a run ends with: the server's figures, and those that the bots measured.

static double milliseconds(uint64_t us)
{
    return (double)us / 1000.0;
}

static json_t *tick_times(muster_stats *stats)
{
    const muster_histogram *times = muster_stats_histogram(stats, SERVER_STAT_TICK_TIME, 0);
    return json_pack("{s:f, s:f, s:f, s:f}", "p50",
        milliseconds(muster_histogram_quantile(times, 500000)), "p99",
        milliseconds(muster_histogram_quantile(times, 990000)), "p999",
        milliseconds(muster_histogram_quantile(times, 999000)), "max",
        milliseconds(muster_histogram_max(times)));
}

static json_t *refusals(muster_stats *stats)
{
    json_t *refused = json_object();
    for (uint32_t i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        const char *name = muster_gateway_counter_name((muster_gateway_counter)i);
        const int64_t value = muster_stats_read(stats, SERVER_STAT_GATEWAY, i);
        if (strncmp(name, "refused_", 8) == 0 || strncmp(name, "malformed_", 10) == 0) {
            json_object_set_new(refused, name, json_integer(value));
        }
    }
    return refused;
}

static double cpu_percent(const struct up *up)
{
    const double cpu_ns = (double)(clock_process_cpu_ns() - up->started_cpu_ns);
    const double wall_us = (double)(clock_monotonic_us() - up->started_us);
    return wall_us > 0.0 ? cpu_ns / wall_us / 10.0 : 0.0;
}

// What the bots measured stands beside what the server did; their keys are those of the document.
static bool merge_bots(const struct up *up, json_t *document)
{
    static const char *const keys[] = {"update_age_ms", "client_kbit_s", "client_kbit_s_up",
        "bots_late_ms", "bots_cpu_percent", "resumes", "refreshes", "void"};
    json_t *bots = json_loadb(up->bots_text, up->bots_length, 0, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(bots, keys[i]);
        json_object_set(document, keys[i], value != NULL ? value : json_null());
    }
    const bool is_void = bots == NULL || json_is_true(json_object_get(bots, "void"));
    json_object_set_new(document, "void", json_boolean(is_void));
    json_decref(bots);
    return is_void;
}

enum exit_code up_print_json(const struct up *up)
{
    struct server *server = server_process_server(up->process);
    muster_stats *stats = server_stats(server);
    const struct server_summary summary = server_read_summary(server);
    char hash[17];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary.hash);
    json_t *document = json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:s, s:I}", "ticks",
        (json_int_t)muster_stats_read(stats, SERVER_STAT_TICKS, 0), "tick_ms", tick_times(stats),
        "missed_ticks", (json_int_t)summary.missed_ticks, "players",
        (json_int_t)muster_stats_read(stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_JOINED),
        "bodies", (json_int_t)summary.entities, "disconnects", (json_int_t)summary.disconnects,
        "server_cpu_percent", cpu_percent(up), "rss_mb", (double)clock_resident_bytes() / 1048576.0,
        "refused", refusals(stats), "final_hash", hash, "seed", (json_int_t)up->seed);
    bool is_void = false;
    if (flag_number(up->invocation, "bots") > 0) {
        is_void = merge_bots(up, document);
    } else {
        json_object_set_new(document, "void", json_false());
    }
    if (!document_write(document, up->invocation->out)) {
        return EXIT_CODE_FAILED;
    }
    return is_void ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}
