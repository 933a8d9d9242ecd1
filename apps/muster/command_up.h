// SPDX-License-Identifier: Apache-2.0
#pragma once

/// `muster up` from the inside: what it holds while it runs.

#include "apps/muster/command.h"
#include "apps/muster/crash.h"
#include "apps/muster/log.h"
#include "apps/muster/secrets.h"
#include "apps/server/game_module.h"
#include "apps/server/server_process.h"
#include "apps/server/server_tls.h"
#include "apps/server/server_web.h"
#include "apps/server/state_folder.h"
#include "drivers/signals.h"

#include <sys/types.h>

#define BOTS_TEXT_BYTES 4096u

// What the server had done and spent at some moment.
struct up_moment {
    uint64_t time_us;
    uint64_t cpu_ns;
    int64_t ticks;
    int64_t missed_ticks;
    muster_histogram *tick_times;
};

struct up {
    const struct invocation *invocation;
    struct settings settings;
    struct secrets secrets;
    struct log log;
    struct signals signals;
    struct game_module module;
    int64_t options[MUSTER_OPTION_COUNT_MAX];
    struct server_process *process;
    struct server_web *web;
    struct journal *journal;
    struct crash_facts facts;
    uint64_t seed;
    uint64_t started_us;
    struct up_moment begin; // from here on figures count
    struct up_moment end;   // and up to here
    bool has_all;           // bots that were asked for have all come in
    bool has_top;           // a live view was asked for, and there is a terminal
    pid_t top_pid;          // 0: none
    pid_t bots_pid;         // 0: none
    int bots_file;          // their standard output, -1: none
    char bots_text[BOTS_TEXT_BYTES];
    size_t bots_length;
    int bots_status;
    bool has_audit_failed;
    struct server_tls tls;
    struct http_certificate_facts certificate; // zeros without TLS
    uint64_t certificate_warned_unix_s;        // when people last were
    uint32_t hangup_count;                     // that were answered
    int log_failures[SERVER_LOG_COUNT];        // that were reported
    struct state_folder *folder;               // NULL: the world ends with the run
    struct state_world world;                  // what it resumes from
};

/// Takes the memory for figures.
MUSTER_NODISCARD muster_status up_create_figures(struct up *up);

void up_destroy_figures(struct up *up);

/// Figures count from now on.
void up_begin_figures(struct up *up);

/// Figures count up to now; only the first call does anything.
void up_end_figures(struct up *up);

/// Prints what the run ended with: with `--json` a document, else a few lines.
enum exit_code up_print_report(const struct up *up);

/// Says what is wrong. @return the code
enum exit_code up_complain(const struct up *up, const char *text, enum exit_code code);

/// Says where the server listens.
void up_say_where(struct up *up);

/// Gets the certificate, and says which.
/// @param out_certificate  the caller's; NULL without TLS
enum exit_code up_load_tls(struct up *up, struct http_certificate **out_certificate);

/// Uses another certificate when there is one, and warns of its end.
void up_tend_tls(struct up *up);

/// Starts the bots, if some are asked for.
enum exit_code up_start_bots(struct up *up);

/// Takes what the bots have printed, and their end.
void up_read_bots(struct up *up);

/// Ends the bots. They get the signal that their parent got, and some time to say goodbye.
void up_stop_bots(struct up *up);

/// Starts the live view, if it is asked for.
enum exit_code up_start_top(struct up *up);

/// True once the person at the view has left it.
bool up_is_top_over(struct up *up);

/// Ends the view.
void up_stop_top(struct up *up);
