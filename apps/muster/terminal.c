// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/terminal.h"

#include "core/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US     UINT64_C(1000000)
#define PATIENCE_US   (2 * SECOND_US)
#define REDRAW_US     (SECOND_US / 10)
#define ERASE_LINE    "\r\x1b[K"
#define PERCENT_WHOLE 100u

bool terminal_is_lively(FILE *file)
{
    const char *terminal = getenv("TERM");
    return isatty(fileno(file)) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

bool terminal_has_colour(FILE *file)
{
    const char *refusal = getenv("NO_COLOR");
    return terminal_is_lively(file) && (refusal == NULL || refusal[0] == '\0');
}

const char *terminal_colour(bool has_colour, enum terminal_colour colour)
{
    if (!has_colour) {
        return "";
    }
    switch (colour) {
    case TERMINAL_PLAIN:
        return "\x1b[0m";
    case TERMINAL_GREEN:
        return "\x1b[32m";
    case TERMINAL_YELLOW:
        return "\x1b[33m";
    case TERMINAL_RED:
        return "\x1b[31m";
    case TERMINAL_DIM:
        return "\x1b[2m";
    }
    return "";
}

void progress_begin(struct progress *progress,
    FILE *file,
    bool is_lively,
    const char *label,
    uint64_t total,
    uint64_t now_us)
{
    MUSTER_ASSERT(file != NULL);
    MUSTER_ASSERT(label != NULL);
    *progress = (struct progress){
        .file = file,
        .label = label,
        .total = total,
        .begin_us = now_us,
        .is_lively = is_lively,
    };
}

static void draw(const struct progress *progress, uint64_t done, uint64_t now_us)
{
    const uint64_t elapsed_us = now_us - progress->begin_us;
    fprintf(progress->file, ERASE_LINE "%s: ", progress->label);
    if (progress->total == 0) {
        fprintf(progress->file, "%" PRIu64, done);
    } else {
        const double share = (double)done / (double)progress->total;
        fprintf(progress->file, "%" PRIu64 " of %" PRIu64 " (%u %%)", done, progress->total,
            (unsigned)(share * PERCENT_WHOLE));
        if (done > 0 && done < progress->total) {
            const double left_us = (double)elapsed_us * (1 / share - 1);
            fprintf(progress->file, ", %.0f s left", left_us / (double)SECOND_US);
        }
    }
    fprintf(progress->file, ", %" PRIu64 " s", elapsed_us / SECOND_US);
    fflush(progress->file);
}

void progress_update(struct progress *progress, uint64_t done, uint64_t now_us)
{
    MUSTER_ASSERT(now_us >= progress->begin_us);
    if (!progress->is_lively || now_us - progress->begin_us < PATIENCE_US) {
        return;
    }
    if (progress->drawn_us != 0 && now_us - progress->drawn_us < REDRAW_US) {
        return;
    }
    draw(progress, done, now_us);
    progress->drawn_us = now_us;
}

void progress_end(struct progress *progress)
{
    if (progress->drawn_us != 0) {
        fputs(ERASE_LINE, progress->file);
        fflush(progress->file);
        progress->drawn_us = 0;
    }
}
