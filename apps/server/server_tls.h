// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The certificate that a server shows, over the time that it runs: read at start, again when its
/// files change or somebody asks, and watched until it expires.
///
///     struct server_tls tls;
///     server_tls_init(&tls, &settings);
///     status = server_tls_load(&tls, clock_unix_seconds(), &certificate, &error);
///     ...
///     if (server_tls_look(&tls, clock_monotonic_us()) || is_asked) {
///         status = server_tls_load(...); // a failure changes nothing
///     }
///
/// - Memory: none but certificates. Threads: one at a time.

#include "apps/muster/settings.h"
#include "drivers/error.h"
#include "drivers/http_certificate.h"

/// Seconds before the end of a certificate from which on people are warned.
#define SERVER_TLS_WARN_S (14u * 24u * 3600u)

/// What tells one version of a file from another.
struct server_tls_stamp {
    uint64_t device;
    uint64_t inode;
    uint64_t length;
    uint64_t changed_ns;
};

/// Two files, in the order of the settings.
#define SERVER_TLS_FILE_COUNT 2

struct server_tls {
    const struct settings *settings;
    struct server_tls_stamp stamps[SERVER_TLS_FILE_COUNT];
    bool has_changed; // at the last look
    uint64_t look_us; // when to look again
};

/// True if the settings ask for TLS.
bool server_tls_is_wanted(const struct settings *settings);

/// True if what is asked for is read from files.
bool server_tls_has_files(const struct settings *settings);

/// @param settings  must outlive `out_tls`
void server_tls_init(struct server_tls *out_tls, const struct settings *settings);

/// Reads the certificate, or makes it.
/// @param out_certificate  the caller's; NULL if no TLS is asked for, and on failure
/// @param out_error        told which setting or file, and why
/// @return MUSTER_ERR_INVALID for settings that do not go together, and as
///         http_certificate_load() does
MUSTER_NODISCARD muster_status server_tls_load(struct server_tls *tls,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error);

/// Reads it as server_tls_load() does, to tell what a start would say.
/// @param out_facts  zeros if no TLS is asked for, and on failure
MUSTER_NODISCARD muster_status server_tls_check(const struct settings *settings,
    uint64_t now_unix_s,
    struct http_certificate_facts *out_facts,
    struct driver_error *out_error);

/// Looks at the files, if some seconds have passed since the last look.
/// @return true once the files are others than those that were read, and stay so for a while
bool server_tls_look(struct server_tls *tls, uint64_t now_us);
