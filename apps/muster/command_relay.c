// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/document.h"
#include "apps/relay/relay.h"
#include "drivers/clock.h"
#include "drivers/signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

// A bad network between clients and a server, on purpose and repeatable by its seed.

#define SLICE_US        50000u
#define TRACE_BYTES_MAX ((size_t)4 << 20)
#define TRACE_POINT_MAX 65536u

struct relay_run {
    const struct invocation *invocation;
    struct relay *relay;
    struct signals signals;
    char *trace_text;
    muster_impairment_trace_point *trace;
};

static enum exit_code complain(
    const struct invocation *invocation, const char *file, const char *problem, enum exit_code code)
{
    fprintf(invocation->err, "muster: %s: %s\n", file, problem);
    return code;
}

static enum exit_code take_trace_memory(struct relay_run *run)
{
    const muster_allocator heap = muster_heap_allocator();
    run->trace_text = heap.alloc(heap.context, TRACE_BYTES_MAX + 1, 1);
    run->trace = heap.alloc(heap.context, TRACE_POINT_MAX * sizeof run->trace[0], 8);
    return run->trace_text != NULL && run->trace != NULL
               ? EXIT_CODE_DONE
               : complain(run->invocation, "trace", "no memory", EXIT_CODE_FAILED);
}

static void free_trace(struct relay_run *run)
{
    const muster_allocator heap = muster_heap_allocator();
    if (run->trace_text != NULL) {
        heap.free(heap.context, run->trace_text, TRACE_BYTES_MAX + 1);
    }
    if (run->trace != NULL) {
        heap.free(heap.context, run->trace, TRACE_POINT_MAX * sizeof run->trace[0]);
    }
}

// Reads the recorded trace, if one is asked for.
static enum exit_code read_trace(struct relay_run *run, muster_impairment_rules *rules)
{
    const char *path = flag_text(run->invocation, "trace");
    if (path == NULL) {
        return EXIT_CODE_DONE;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return complain(run->invocation, path, strerror(errno), EXIT_CODE_MISSING);
    }
    enum exit_code code = take_trace_memory(run);
    size_t length = 0;
    if (code == EXIT_CODE_DONE) {
        length = fread(run->trace_text, 1, TRACE_BYTES_MAX + 1, file);
        code = ferror(file) != 0
                   ? complain(run->invocation, path, "cannot be read", EXIT_CODE_FAILED)
               : length > TRACE_BYTES_MAX
                   ? complain(run->invocation, path, "longer than 4 MiB", EXIT_CODE_USAGE)
                   : EXIT_CODE_DONE;
    }
    fclose(file);
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    if (code == EXIT_CODE_DONE && muster_impairment_parse_trace(run->trace_text, length, run->trace,
                                      TRACE_POINT_MAX, rules, error) != MUSTER_OK) {
        code = complain(run->invocation, path, error, EXIT_CODE_USAGE);
    }
    return code;
}

static bool read_address(
    const struct invocation *invocation, const char *flag, muster_address *out_address)
{
    const char *text = flag_text(invocation, flag);
    if (muster_address_parse(text, out_address) == MUSTER_OK && out_address->port != 0) {
        return true;
    }
    fprintf(invocation->err,
        "muster: --%s is \"%s\", expected ADDRESS:PORT, such as 127.0.0.1:7777\n", flag, text);
    return false;
}

static bool read_def(const struct invocation *invocation, struct relay_def *out_def)
{
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    // A trace is the network, unless rules are given besides.
    const bool has_rules =
        flag_text(invocation, "trace") == NULL || flag_is_given(invocation, "network");
    const char *rules = has_rules ? flag_text(invocation, "network") : "delay=0ms";
    *out_def = (struct relay_def){.seed = flag_number(invocation, "seed")};
    if (!read_address(invocation, "listen", &out_def->listen) ||
        !read_address(invocation, "to", &out_def->server)) {
        return false;
    }
    if (muster_address_is_equal(&out_def->listen, &out_def->server)) {
        fprintf(invocation->err, "muster: --listen and --to are the same address\n");
        return false;
    }
    if (muster_impairment_parse(rules, &out_def->rules, error) != MUSTER_OK) {
        fprintf(invocation->err, "muster: --network is \"%s\": %s\n", rules, error);
        return false;
    }
    return true;
}

static json_t *way_json(const muster_impairment_stats *stats)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets_in",
        (json_int_t)stats->packets_pushed, "packets_out", (json_int_t)stats->packets_popped, "lost",
        (json_int_t)stats->packets_lost, "burst_lost", (json_int_t)stats->packets_burst_lost,
        "too_long", (json_int_t)stats->packets_too_long, "dropped",
        (json_int_t)stats->packets_dropped, "duplicated", (json_int_t)stats->packets_duplicated,
        "reordered", (json_int_t)stats->packets_reordered, "bytes_out",
        (json_int_t)stats->bytes_popped);
}

static void print_way(const char *name, const muster_impairment_stats *stats, FILE *out)
{
    fprintf(out,
        "%-10s %llu packets in, %llu out; %llu lost, %llu in bursts, %llu too long, %llu for want "
        "of "
        "room, %llu doubled, %llu held back\n",
        name, (unsigned long long)stats->packets_pushed, (unsigned long long)stats->packets_popped,
        (unsigned long long)stats->packets_lost, (unsigned long long)stats->packets_burst_lost,
        (unsigned long long)stats->packets_too_long, (unsigned long long)stats->packets_dropped,
        (unsigned long long)stats->packets_duplicated,
        (unsigned long long)stats->packets_reordered);
}

static enum exit_code print(const struct relay_run *run, const struct relay_summary *summary)
{
    FILE *out = run->invocation->out;
    if (flag_is_true(run->invocation, "json")) {
        json_t *document = json_pack("{s:I, s:I, s:I, s:o, s:o}", "seed",
            (json_int_t)flag_number(run->invocation, "seed"), "clients",
            (json_int_t)summary->client_count, "refused", (json_int_t)summary->refused_count,
            "to_server", way_json(&summary->to_server), "to_clients",
            way_json(&summary->to_clients));
        return document_write(document, out) ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
    }
    fprintf(out, "clients    %u, %llu packets of others refused\n", summary->client_count,
        (unsigned long long)summary->refused_count);
    print_way("to server", &summary->to_server, out);
    print_way("to clients", &summary->to_clients, out);
    return EXIT_CODE_DONE;
}

static enum exit_code carry(struct relay_run *run)
{
    const uint64_t for_us = flag_number(run->invocation, "for");
    const uint64_t end_us = for_us > 0 ? clock_monotonic_us() + for_us : UINT64_MAX;
    while (clock_monotonic_us() < end_us && signals_read(&run->signals) == 0) {
        relay_run_until(run->relay, clock_monotonic_us() + SLICE_US);
    }
    const struct relay_summary summary = relay_read_summary(run->relay);
    return print(run, &summary);
}

static enum exit_code run(const struct invocation *invocation)
{
    struct relay_run run = {.invocation = invocation};
    struct relay_def def;
    struct driver_error error = {0};
    if (!read_def(invocation, &def)) {
        return EXIT_CODE_USAGE;
    }
    enum exit_code code = read_trace(&run, &def.rules);
    if (code != EXIT_CODE_DONE) {
        free_trace(&run);
        return code;
    }
    if (signals_open(&run.signals, &error) != MUSTER_OK) {
        fprintf(invocation->err, "muster: %s\n", error.text);
        free_trace(&run);
        return EXIT_CODE_FAILED;
    }
    if (relay_create(&def, &run.relay, &error) == MUSTER_OK) {
        fprintf(invocation->err, "from %s to %s, seed %llu\n", flag_text(invocation, "listen"),
            flag_text(invocation, "to"), (unsigned long long)def.seed);
        code = carry(&run);
    } else {
        fprintf(invocation->err, "muster: %s\n", error.text);
        code = error.code == EADDRINUSE ? EXIT_CODE_MISSING : EXIT_CODE_FAILED;
    }
    relay_destroy(run.relay);
    free_trace(&run);
    signals_close(&run.signals);
    return code;
}

static const struct example examples[] = {
    {"muster relay --network bad", "A bad network before the server on this machine."},
    {"muster relay --network delay=100ms,jitter=30ms,loss=20%", "One of your own."},
    {"muster bots --via 127.0.0.1:7778", "Bots that play through it."},
    {0},
};

static const struct flag flags[] = {
    {.name = "listen",
        .placeholder = "ADDRESS:PORT",
        .rule = {.kind = VALUE_TEXT},
        .fallback = "127.0.0.1:7778",
        .help = "Where clients send."},
    {.name = "to",
        .placeholder = "ADDRESS:PORT",
        .rule = {.kind = VALUE_TEXT},
        .fallback = "127.0.0.1:7777",
        .help = "The server's UDP port."},
    {.name = "network",
        .placeholder = "RULES",
        .rule = {.kind = VALUE_TEXT},
        .fallback = "wifi",
        .help = "Each way: lan, wifi, mobile, bad, or KEY=VALUE,..."},
    {.name = "trace",
        .placeholder = "FILE",
        .rule = {.kind = VALUE_TEXT},
        .help = "Delays that were recorded, instead of rules or beside them."},
    {.name = "seed",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .max = INT64_MAX},
        .fallback = "1",
        .help = "Decides what happens to which packet."},
    {.name = "for",
        .placeholder = "TIME",
        .rule = {.kind = VALUE_DURATION, .min = 1000},
        .help = "How long; else until a signal."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

const struct command command_relay = {
    .name = "relay",
    .summary = "A bad network before a server, on purpose.",
    .examples = examples,
    .flags = flags,
    .run = run,
};
