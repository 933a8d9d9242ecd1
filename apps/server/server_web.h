// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The HTTP side of a server: logins for players, health and figures for operators. docs/http.md
/// has every route.
///
/// - Threads: one starts and stops it; handlers run on the web thread and read only what any
///   thread may read.

#include "apps/muster/secrets.h"
#include "apps/server/journal.h"
#include "apps/server/server_process.h"
#include "drivers/http_certificate.h"
#include "muster/stats.h"

struct server_web;

struct server_web_def {
    struct server_process *process;  // must outlive the web side
    struct journal *journal;         // must outlive the web side
    const struct settings *settings; // must outlive the web side
    const struct secrets *secrets;   // copied
    const muster_game *game;         // must outlive the web side
    const char *version;             // must outlive the web side

    // With it both sides have TLS, unless the settings leave the admin side out; only read by
    // server_web_start(). NULL: no TLS.
    const struct http_certificate *certificate;
};

/// Listens on both ports.
/// @param out_error  told why; its code is EADDRINUSE for a port in use
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status server_web_start(
    const struct server_web_def *def, struct server_web **out_web, struct driver_error *out_error);

/// Shows another certificate from now on. For a web side that was started with one.
/// @param certificate  the web side's from then on
void server_web_set_certificate(struct server_web *web, struct http_certificate *certificate);

/// From now on /readyz says no and logins are refused.
void server_web_drain(struct server_web *web);

/// Sets what the HTTP side has counted. One thread at a time.
void server_web_count(const struct server_web *web, muster_stats *stats);

/// Has those who wait for events answered. Any thread.
void server_web_wake(struct server_web *web);

/// Does nothing for NULL.
void server_web_stop(struct server_web *web);
