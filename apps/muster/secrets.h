// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The keys of one server, in a file that only its owner can read.
///
///     # Keys of a Muster server. Whoever reads this can let players in.
///     private_key = 64 hexadecimal digits    netcode: encrypts and signs connect tokens
///     api_key = 64 hexadecimal digits        a studio's back end: POST /v1/sessions
///     admin_key = 64 hexadecimal digits      operators
///
/// The first start makes the file, with random keys and mode 0600. No function here prints or
/// logs a key.
///
/// Memory: none. Threads: one owner. Wipe a copy by secrets_finish() when it is not needed.

#include "apps/muster/text.h"

#include "muster/base.h"

/// Bytes of each key.
#define SECRET_BYTES 32u

/// Room for a key as hexadecimal digits, its final zero included.
#define SECRET_TEXT_CAPACITY (2 * SECRET_BYTES + 1)

struct secrets {
    uint8_t private_key[SECRET_BYTES];
    uint8_t api_key[SECRET_BYTES];
    uint8_t admin_key[SECRET_BYTES];
    bool is_development; // keys that everybody knows
};

/// The keys that everybody knows, for tests and for trying foreign clients: byte i of
/// private_key is i, of api_key 32 + i, of admin_key 64 + i.
void secrets_init_development(struct secrets *out_secrets);

/// Reads the file at `path`. MUSTER_ERR_NOT_FOUND when there is none; MUSTER_ERR_DENIED when
/// another user owns it, when others may read it, or when it is a link; MUSTER_ERR_MALFORMED when
/// it does not hold each key once; MUSTER_ERR_IO. All but MUSTER_OK come with the problem and
/// zeroed keys. A file with the keys of secrets_init_development() is read as such.
MUSTER_NODISCARD muster_status secrets_read(
    const char *path, struct secrets *out_secrets, struct problem *problem);

/// As secrets_read(), but makes the file, and missing folders above it with mode 0700, when there
/// is none; `*out_is_created` says whether it did. Two programs that start at once end with the
/// same keys.
MUSTER_NODISCARD muster_status secrets_read_or_create(
    const char *path, struct secrets *out_secrets, bool *out_is_created, struct problem *problem);

/// Appends where a user's file stands when no setting says so: $XDG_STATE_HOME/muster/secrets, or
/// ~/.local/state/muster/secrets. MUSTER_ERR_NOT_FOUND with the problem when both variables,
/// given here as `state_home` and `home`, are NULL or empty.
MUSTER_NODISCARD muster_status secrets_default_path(
    const char *state_home, const char *home, struct text *path, struct problem *problem);

/// Compares a key that somebody sent, as hexadecimal digits, without telling by its time how much
/// of it was right.
bool secret_is_equal(const uint8_t key[SECRET_BYTES], const char *sent);

/// Wipes the keys.
void secrets_finish(struct secrets *secrets);
