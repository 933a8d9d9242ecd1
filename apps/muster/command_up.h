// SPDX-License-Identifier: Apache-2.0
#pragma once

/// `muster up` from the inside: what it holds while it runs.

#include "apps/muster/command.h"
#include "apps/muster/crash.h"
#include "apps/muster/log.h"
#include "apps/muster/secrets.h"
#include "apps/server/game_module.h"
#include "apps/server/server_process.h"
#include "apps/server/server_web.h"
#include "apps/server/state_folder.h"
#include "drivers/signals.h"

#include <sys/types.h>

#define BOTS_TEXT_BYTES 4096u

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
    uint64_t started_cpu_ns;
    bool has_top;   // a live view was asked for, and there is a terminal
    pid_t top_pid;  // 0: none
    pid_t bots_pid; // 0: none
    int bots_file;  // their standard output, -1: none
    char bots_text[BOTS_TEXT_BYTES];
    size_t bots_length;
    int bots_status;
    bool has_audit_failed;
    int log_failures[SERVER_LOG_COUNT]; // that were reported
    struct state_folder *folder;        // NULL: the world ends with the run
    struct state_world world;           // what it resumes from
};

/// Prints what the run ended with: with `--json` a document, else a few lines.
enum exit_code up_print_report(const struct up *up);

/// Says what is wrong. @return the code
enum exit_code up_complain(const struct up *up, const char *text, enum exit_code code);

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
