// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command_up.h"
#include "apps/muster/document.h"
#include "apps/server/server_stats.h"
#include "drivers/clock.h"

#include <string.h>

// What a run ends with: the server's figures, and those that the bots measured. Both count from
// when all bots are in to when they begin to go; without bots, from the start to the end.

// What the names of some of the gateway's counters begin with, and their keys in `refused` do not.
#define REFUSED "refused_"

#define SEED_BYTES 24u

static double milliseconds(uint64_t us)
{
    return (double)us / 1000.0;
}

muster_status up_create_figures(struct up *up)
{
    const muster_allocator heap = muster_heap_allocator();
    const muster_status status = muster_histogram_create(&heap, &up->begin.tick_times);
    return status == MUSTER_OK ? muster_histogram_create(&heap, &up->end.tick_times) : status;
}

void up_destroy_figures(struct up *up)
{
    muster_histogram_destroy(up->begin.tick_times);
    muster_histogram_destroy(up->end.tick_times);
}

static void take_moment(const struct up *up, struct up_moment *moment)
{
    muster_stats *stats = server_stats(server_process_server(up->process));
    moment->time_us = clock_monotonic_us();
    moment->cpu_ns = clock_process_cpu_ns();
    moment->ticks = muster_stats_read(stats, SERVER_STAT_TICKS, 0);
    moment->missed_ticks = muster_stats_read(stats, SERVER_STAT_TICKS_MISSED, 0);
    muster_histogram_reset(moment->tick_times);
    muster_histogram_merge(
        moment->tick_times, muster_stats_histogram(stats, SERVER_STAT_TICK_TIME, 0));
}

void up_begin_figures(struct up *up)
{
    take_moment(up, &up->begin);
}

void up_end_figures(struct up *up)
{
    if (up->end.time_us != 0) {
        return;
    }
    take_moment(up, &up->end);
    muster_histogram_subtract(up->end.tick_times, up->begin.tick_times);
}

static json_t *tick_times(const muster_histogram *times)
{
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
        const size_t prefix =
            strncmp(name, REFUSED, sizeof REFUSED - 1) == 0 ? sizeof REFUSED - 1 : 0;
        if (prefix > 0 || strncmp(name, "malformed_", 10) == 0) {
            json_object_set_new(refused, name + prefix, json_integer(value));
        }
    }
    return refused;
}

static double cpu_percent(const struct up *up)
{
    const double cpu_ns = (double)(up->end.cpu_ns - up->begin.cpu_ns);
    const double wall_us = (double)(up->end.time_us - up->begin.time_us);
    return wall_us > 0.0 ? cpu_ns / wall_us / 10.0 : 0.0;
}

// What the bots measured stands beside what the server did; their keys are those of the document.
static void merge_bots(const struct up *up, json_t *document)
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
}

static json_t *report(const struct up *up)
{
    struct server *server = server_process_server(up->process);
    muster_stats *stats = server_stats(server);
    const struct server_summary summary = server_read_summary(server);
    char hash[17];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary.hash);
    json_t *document = json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:s, s:o}", "ticks",
        (json_int_t)(up->end.ticks - up->begin.ticks), "tick_ms", tick_times(up->end.tick_times),
        "missed_ticks", (json_int_t)(up->end.missed_ticks - up->begin.missed_ticks), "players",
        (json_int_t)muster_stats_read(stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_JOINED),
        "bodies", (json_int_t)summary.entities, "disconnects", (json_int_t)summary.disconnects,
        "server_cpu_percent", cpu_percent(up), "rss_mb", (double)clock_resident_bytes() / 1048576.0,
        "refused", refusals(stats), "final_hash", hash, "seed", document_number(up->seed));
    if (flag_number(up->invocation, "bots") > 0) {
        merge_bots(up, document);
    } else {
        json_object_set_new(document, "void", json_false());
    }
    return document;
}

// A number of the document, or of an object in it.
static double figure(const json_t *document, const char *key, const char *inner)
{
    const json_t *value = json_object_get(document, key);
    return json_number_value(inner != NULL ? json_object_get(value, inner) : value);
}

static void print_lines(const json_t *document, FILE *out)
{
    fprintf(out, "ticks          %.0f, %.0f missed\n", figure(document, "ticks", NULL),
        figure(document, "missed_ticks", NULL));
    fprintf(out, "tick           %.1f ms median, %.1f ms p99, %.1f ms max\n",
        figure(document, "tick_ms", "p50"), figure(document, "tick_ms", "p99"),
        figure(document, "tick_ms", "max"));
    fprintf(out, "players        %.0f, %.0f disconnects\n", figure(document, "players", NULL),
        figure(document, "disconnects", NULL));
    fprintf(out, "server         %.0f %% of a core, %.0f MB\n",
        figure(document, "server_cpu_percent", NULL), figure(document, "rss_mb", NULL));
    if (json_is_object(json_object_get(document, "bots_late_ms"))) {
        fprintf(out, "update age     %.1f ms median, %.1f ms p99\n",
            figure(document, "update_age_ms", "p50"), figure(document, "update_age_ms", "p99"));
        fprintf(out, "received       %.0f kbit/s mean, %.0f kbit/s p99 a bot\n",
            figure(document, "client_kbit_s", "mean"), figure(document, "client_kbit_s", "p99"));
        fprintf(out, "bots           %.1f ms late p99, %.0f %% of a core\n",
            figure(document, "bots_late_ms", "p99"), figure(document, "bots_cpu_percent", NULL));
    }
    fprintf(out, "final hash     %s\n", json_string_value(json_object_get(document, "final_hash")));
}

enum exit_code up_print_report(const struct up *up)
{
    FILE *out = up->invocation->out;
    json_t *document = report(up);
    if (!flag_is_true(up->invocation, "json")) {
        print_lines(document, out);
        json_decref(document);
        return EXIT_CODE_DONE;
    }
    const bool is_void = json_is_true(json_object_get(document, "void"));
    if (is_void) {
        fprintf(up->invocation->err,
            "muster: the bots acted %.1f ms late at p99, so the figures are void: this machine "
            "cannot run so many\n",
            figure(document, "bots_late_ms", "p99"));
    }
    return document_write(document, out) && !is_void ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

void up_say_where(struct up *up)
{
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    const muster_address udp = server_process_address(up->process);
    muster_address_print(&udp, address);
    char seed[SEED_BYTES];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)up->seed);
    log_write(&up->log, LOG_INFO, "listening",
        LOG_FIELDS(log_text("game", up->module.game->name), log_text("udp", address),
            log_number("http_port", (int64_t)up->settings.network.http_port),
            log_number("admin_port", (int64_t)up->settings.network.admin_port),
            up->seed <= INT64_MAX ? log_number("seed", (int64_t)up->seed)
                                  : log_text("seed", seed)));
}
