// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Who asks the admin side, and what they may.
///
/// A program shows a key with every request: "Authorization: Bearer KEY". A browser shows it once,
/// to POST /v1/login, and then a cookie that no script can read and no foreign page can send. What
/// changes something also needs the session's CSRF token, which only a page of this server can ask
/// for.
///
/// The cookie is "ROLE.EXPIRY.MAC"; the MAC is a keyed BLAKE2b of what stands before it, its key
/// random and new with each start, so that nothing is stored and a restart ends all sessions. The
/// read-only key is made from the admin key, so that there is nothing else to keep.
///
/// Memory: none. Threads: any.

#include "apps/muster/secrets.h"

/// How long a session lasts.
#define ADMIN_SESSION_S 43200u

/// The cookie's name.
#define ADMIN_COOKIE "muster_admin"

/// Room for the texts below, with their closing zeros.
#define ADMIN_COOKIE_BYTES_MAX 128u
#define ADMIN_CSRF_BYTES       65u ///< As above.

/// What somebody may. The higher may all that the lower may.
enum admin_role {
    ADMIN_NOBODY = 0,
    ADMIN_VIEWER = 1,   ///< Look.
    ADMIN_OPERATOR = 2, ///< Look and act.
};

/// "viewer" or "operator".
const char *admin_role_name(enum admin_role role);

/// Makes the read-only key.
void admin_viewer_key(const uint8_t admin_key[SECRET_BYTES], uint8_t out_key[SECRET_BYTES]);

/// What a key in hexadecimal digits is good for.
enum admin_role admin_role_of_key(const uint8_t admin_key[SECRET_BYTES], const char *sent);

/// Writes the value of a new session's cookie.
void admin_session_issue(const uint8_t secret[SECRET_BYTES],
    enum admin_role role,
    uint64_t now_s,
    char out_value[ADMIN_COOKIE_BYTES_MAX]);

/// The role that a Cookie header shows, and the CSRF token of that session.
/// @param out_csrf  empty for ADMIN_NOBODY
enum admin_role admin_session_check(const uint8_t secret[SECRET_BYTES],
    const char *cookies,
    uint64_t now_s,
    char out_csrf[ADMIN_CSRF_BYTES]);
