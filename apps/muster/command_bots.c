// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/bots.h"
#include "apps/muster/commands.h"
#include "apps/muster/document.h"
#include "apps/muster/terminal.h"
#include "drivers/clock.h"
#include "drivers/signals.h"

#include <string.h>

#define SLICE_US      100000u
#define JOIN_GRACE_US 10000000u
#define GOODBYE_US    300000u
#define LATE_MS_MAX   2.0 // beyond it the bots, not the server, are measured
#define US_PER_S      1000000u

struct bots_run {
    const struct invocation *invocation;
    struct bots *bots;
    struct signals signals;
    struct progress progress;
};

static bool is_asked_to_stop(struct bots_run *run)
{
    return signals_read(&run->signals) > 0;
}

// Runs until a time, a signal or the end of all bots. @return false after a signal
static bool run_until(struct bots_run *run, uint64_t until_us)
{
    for (uint64_t now_us = clock_monotonic_us(); now_us < until_us; now_us = clock_monotonic_us()) {
        const uint64_t slice_us = now_us + SLICE_US < until_us ? now_us + SLICE_US : until_us;
        bots_run_until(run->bots, slice_us);
        progress_update(&run->progress, bots_read_summary(run->bots).playing, slice_us);
        if (is_asked_to_stop(run)) {
            return false;
        }
        const struct bots_summary summary = bots_read_summary(run->bots);
        if (summary.refused + summary.disconnected == flag_number(run->invocation, "count")) {
            return true;
        }
    }
    return true;
}

static bool run_until_joined(struct bots_run *run, uint32_t count, uint32_t join_rate)
{
    const uint64_t last_us = clock_monotonic_us() + (uint64_t)count * US_PER_S / join_rate;
    while (clock_monotonic_us() < last_us + JOIN_GRACE_US) {
        if (!run_until(run, clock_monotonic_us() + SLICE_US)) {
            return false;
        }
        const struct bots_summary summary = bots_read_summary(run->bots);
        if (summary.joined + summary.refused >= count) {
            return true;
        }
    }
    return true;
}

static json_t *as_json(const struct bots_summary *summary)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:f, s:f}, s:{s:f, s:f}, s:f, s:f, s:{s:f},"
        " s:f, s:b}",
        "bots", (json_int_t)summary->count, "joined", (json_int_t)summary->joined, "playing",
        (json_int_t)summary->playing, "refused", (json_int_t)summary->refused, "disconnects",
        (json_int_t)summary->disconnected, "resumes", (json_int_t)summary->resumes, "refreshes",
        (json_int_t)summary->refreshes, "update_age_ms", "p50", summary->update_age_ms_p50, "p99",
        summary->update_age_ms_p99, "client_kbit_s", "mean", summary->client_kbit_s_mean, "p99",
        summary->client_kbit_s_p99, "client_kbit_s_up", summary->client_kbit_s_up_mean, "rtt_ms",
        summary->rtt_ms_mean, "bots_late_ms", "p99", summary->late_ms_p99, "bots_cpu_percent",
        summary->cpu_percent, "void", summary->late_ms_p99 > LATE_MS_MAX);
}

static enum exit_code print(const struct bots_run *run, const struct bots_summary *summary)
{
    FILE *out = run->invocation->out;
    if (flag_is_true(run->invocation, "json")) {
        return document_write(as_json(summary), out) ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
    }
    fprintf(out, "bots           %u joined, %u still playing, %u refused, %u disconnected\n",
        summary->joined, summary->playing, summary->refused, summary->disconnected);
    fprintf(out, "update age     %.1f ms median, %.1f ms p99\n", summary->update_age_ms_p50,
        summary->update_age_ms_p99);
    fprintf(out, "received       %.0f kbit/s mean, %.0f kbit/s p99 a bot\n",
        summary->client_kbit_s_mean, summary->client_kbit_s_p99);
    fprintf(out, "round trip     %.1f ms\n", summary->rtt_ms_mean);
    fprintf(out, "bots late      %.2f ms p99%s\n", summary->late_ms_p99,
        summary->late_ms_p99 > LATE_MS_MAX ? " (void: this machine cannot run so many)" : "");
    fprintf(out, "bots CPU       %.0f %% of a core\n", summary->cpu_percent);
    return EXIT_CODE_DONE;
}

static enum exit_code tell(const struct bots_run *run, const struct bots_summary *summary)
{
    if (bots_refusal(run->bots)[0] != '\0') {
        fprintf(
            run->invocation->err, "muster: a bot could not come in: %s\n", bots_refusal(run->bots));
    }
    if (summary->joined > 0) {
        return print(run, summary);
    }
    // Without anybody in the world figures in a table would only hide the reason.
    if (flag_is_true(run->invocation, "json")) {
        (void)print(run, summary);
    }
    fprintf(run->invocation->err, "No bot is in. A world is started by `muster up`; --server takes "
                                  "its public side.\n");
    return EXIT_CODE_FAILED;
}

static enum exit_code play(struct bots_run *run)
{
    const uint32_t count = (uint32_t)flag_number(run->invocation, "count");
    const uint32_t join_rate = (uint32_t)flag_number(run->invocation, "join-rate");
    const uint64_t for_us = flag_number(run->invocation, "for");
    progress_begin(&run->progress, run->invocation->err, terminal_is_lively(run->invocation->err),
        "bots", count, clock_monotonic_us());
    bool goes_on = run_until_joined(run, count, join_rate);
    bots_reset_figures(run->bots);
    if (goes_on) {
        goes_on = run_until(run, for_us > 0 ? clock_monotonic_us() + for_us : UINT64_MAX);
    }
    const struct bots_summary summary = bots_read_summary(run->bots);
    progress_end(&run->progress);
    const enum exit_code code = tell(run, &summary);
    (void)fflush(run->invocation->out); // whoever reads it knows that the bots go now
    bots_leave(run->bots);
    bots_run_until(run->bots, clock_monotonic_us() + GOODBYE_US);
    return code;
}

static enum exit_code run(const struct invocation *invocation)
{
    struct bots_run run = {.invocation = invocation};
    struct bots_def def = {
        .count = (uint32_t)flag_number(invocation, "count"),
        .join_rate = (uint32_t)flag_number(invocation, "join-rate"),
        .seed = flag_number(invocation, "seed"),
    };
    const char *server = flag_text(invocation, "server");
    if (muster_address_parse(server, &def.server) != MUSTER_OK || def.server.port == 0) {
        fprintf(invocation->err,
            "muster: --server is \"%s\", expected ADDRESS:PORT, such as 127.0.0.1:7777\n", server);
        return EXIT_CODE_USAGE;
    }
    const char *via = flag_text(invocation, "via");
    if (via != NULL && (muster_address_parse(via, &def.via) != MUSTER_OK || def.via.port == 0)) {
        fprintf(invocation->err,
            "muster: --via is \"%s\", expected ADDRESS:PORT, such as 127.0.0.1:7778\n", via);
        return EXIT_CODE_USAGE;
    }
    struct driver_error error = {0};
    if (signals_open(&run.signals, &error) != MUSTER_OK ||
        bots_create(&def, &run.bots, &error) != MUSTER_OK) {
        fprintf(invocation->err, "muster: %s\n", error.text);
        return EXIT_CODE_FAILED;
    }
    fprintf(invocation->err, "seed %llu\n", (unsigned long long)def.seed);
    const enum exit_code code = play(&run);
    bots_destroy(run.bots);
    signals_close(&run.signals);
    return code;
}

static const struct example examples[] = {
    {"muster bots --count 100", "A hundred bots join the world on this machine."},
    {"muster bots --count 500 --for 60s --json", "For a minute; figures as one document."},
    {0},
};

static const struct flag flags[] = {
    {.name = "count",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .min = 1, .max = 4096},
        .fallback = "10",
        .help = "How many."},
    {.name = "server",
        .placeholder = "ADDRESS:PORT",
        .rule = {.kind = VALUE_TEXT},
        .fallback = "127.0.0.1:7777",
        .help = "The server's public HTTP side."},
    {.name = "via",
        .placeholder = "ADDRESS:PORT",
        .rule = {.kind = VALUE_TEXT},
        .help = "A relay that their packets go through."},
    {.name = "for",
        .placeholder = "TIME",
        .rule = {.kind = VALUE_DURATION, .min = 1000},
        .help = "How long they play once all have joined; else until a signal."},
    {.name = "join-rate",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .min = 1, .max = 10000},
        .fallback = "200",
        .help = "Bots that begin to join in a second."},
    {.name = "seed",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER},
        .fallback = "1",
        .help = "Decides what the bots do."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

const struct command command_bots = {
    .name = "bots",
    .summary = "Load by real clients over real sockets.",
    .examples = examples,
    .flags = flags,
    .run = run,
};
