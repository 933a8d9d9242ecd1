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

/// Prints the document of `--json`.
enum exit_code up_print_json(const struct up *up);
