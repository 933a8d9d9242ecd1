// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Audit log: who came, left, was refused or sent away, a JSON line each. docs/audit.md has every
/// field. Neither a key nor a token is ever in it.
///
/// A file that reaches its size becomes FILE.1, that FILE.2 and so on; what is beyond the count is
/// removed.
///
/// - Threads: one at a time. Writing may wait for the disk.

#include "apps/server/bans.h"
#include "apps/server/server_event.h"
#include "drivers/error.h"

#include <stdbool.h>

#define AUDIT_PATH_BYTES 1100u

struct audit {
    char path[AUDIT_PATH_BYTES];
    uint64_t rotate_bytes;
    uint64_t keep_count;
    uint64_t bytes;
    int file;        // -1: none
    bool has_failed; // a line could not be written
};

/// Opens the file, behind what is in it already; an empty path stands for no audit log.
/// @param keep_count  files in all, at least 1
/// @param out_error   told why
/// @return MUSTER_ERR_IO
MUSTER_NODISCARD muster_status audit_open(struct audit *out_audit,
    const char *path,
    uint64_t rotate_bytes,
    uint64_t keep_count,
    struct driver_error *out_error);

/// Closes it.
void audit_close(struct audit *audit);

/// Writes an event if it is one that an audit is about.
void audit_event(struct audit *audit, const struct server_event *event);

/// Writes a login: that a token was given out, or why not.
/// @param player  NULL when nobody is known
/// @param refusal  NULL for a token that was given out
void audit_login(struct audit *audit,
    uint64_t time_ms,
    const muster_player *player,
    const muster_address *address,
    const char *refusal);

/// Writes that somebody is banned, or that a ban is lifted, of which only the number is known.
void audit_ban(struct audit *audit, uint64_t time_ms, const struct ban *ban, bool is_in_force);
