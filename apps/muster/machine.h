// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Checks of the machine that a server runs on: what was found, what is wanted, and the line that
/// repairs it.
///
/// Memory: none. Threads: one owner. Every check reads only; ports are bound for a moment.

#include "apps/muster/settings.h"

enum check_state {
    CHECK_OK,
    CHECK_WARN, // works, but slower or for fewer players
    CHECK_FAIL, // does not work
};

struct check {
    const char *name;
    enum check_state state;
    char found[128];
    char wanted[128]; // empty when the state is CHECK_OK
    char fix[256];    // a line for a shell, or words; empty when there is nothing to repair
};

/// The most checks that machine_check() makes.
#define MACHINE_CHECK_COUNT_MAX 32u

struct machine_def {
    /// Stands before /proc and /sys; empty for the real ones.
    const char *root;
    /// Addresses and ports that must be free, sizes that must be had, folders that must have room.
    const struct settings *settings;
};

/// Runs all checks. Returns how many of `out_checks` it filled.
uint32_t machine_check(
    const struct machine_def *def, struct check out_checks[MACHINE_CHECK_COUNT_MAX]);

/// The worst state among them.
enum check_state machine_worst(const struct check *checks, uint32_t count);
