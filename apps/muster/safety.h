// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Whether a server may listen where its settings say. On loopback everything may be left open
/// for development; wider than that, nothing may.

#include "apps/muster/secrets.h"
#include "apps/muster/settings.h"

/// True when only this machine can reach `address`, an IPv4 or IPv6 address in digits.
bool address_is_loopback(const char *address);

/// Gets the keys that the settings ask for: the published ones for `development`, otherwise those
/// of gateway.secrets_file, or of the user's own file when that is empty; made at first start.
/// `state_home` and `home` are the variables XDG_STATE_HOME and HOME, or NULL. Statuses are those
/// of secrets_read_or_create() and secrets_default_path().
MUSTER_NODISCARD muster_status safety_load_secrets(const struct settings *settings,
    const char *state_home,
    const char *home,
    struct secrets *out_secrets,
    struct problem *problem);

/// MUSTER_ERR_DENIED, with the problem that names setting and remedy, when an address is wider
/// than loopback while `secrets` are for development, guests need no key, or operators need none.
MUSTER_NODISCARD muster_status safety_check(
    const struct settings *settings, const struct secrets *secrets, struct problem *problem);
