// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a stream can show: colours, and a progress line for what takes longer than two seconds.
///
///     struct progress progress;
///     progress_begin(&progress, stderr, terminal_is_lively(stderr), "replay", tick_count, now_us);
///     progress_update(&progress, tick, now_us);
///     progress_end(&progress);
///
/// Memory: none. Threads: one owner.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/// True when `file` is a terminal that understands escape sequences.
bool terminal_is_lively(FILE *file);

/// True when colour may be written to `file`: it is lively, and NO_COLOR is unset or empty.
bool terminal_has_colour(FILE *file);

enum terminal_colour {
    TERMINAL_PLAIN,
    TERMINAL_GREEN,
    TERMINAL_YELLOW,
    TERMINAL_RED,
    TERMINAL_DIM,
};

/// The escape sequence that begins `colour`, an empty string when `has_colour` is false.
/// TERMINAL_PLAIN ends every other one.
const char *terminal_colour(bool has_colour, enum terminal_colour colour);

struct progress {
    FILE *file;
    const char *label;
    uint64_t total;
    uint64_t begin_us;
    uint64_t drawn_us; // when the line was drawn last; 0: never
    bool is_lively;
};

/// Begins a task of `total` steps; a total of 0 stands for an unknown number. Nothing is drawn
/// unless `is_lively`. `now_us` is any monotonic time.
void progress_begin(struct progress *progress,
    FILE *file,
    bool is_lively,
    const char *label,
    uint64_t total,
    uint64_t now_us);

/// Draws the line when two seconds have passed since the beginning and a tenth of one since the
/// last time.
void progress_update(struct progress *progress, uint64_t done, uint64_t now_us);

/// Removes the line.
void progress_end(struct progress *progress);
