// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Login: turns a player whom the studio's back end vouches for into a connect token.
///
///     muster_login_issue(&login, &player, unix_s, random_bytes, token);
///
/// The same tokens open a first connection and a resumed one. Of two tokens of one player the one
/// issued later wins, so that a stolen old one is of no use once the player is back.
///
/// - Memory: none is allocated; a login is a plain value with a secret in it.
/// - Threads: pure functions.

#include "muster/connect_token.h"
#include "muster/host.h"

/// Random bytes that one token takes: client id, keys and nonce. They must be fresh and
/// unpredictable.
#define MUSTER_LOGIN_RANDOM_BYTES 96

/// Where tokens lead and how long they are good.
typedef struct muster_login {
    /// As in muster_connect_token_def.
    uint64_t protocol_id;

    /// Addresses in use, in [1, MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX].
    uint32_t address_count;

    /// The servers to try, in this order.
    muster_address addresses[MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX];

    /// Shared with the gateways.
    uint8_t private_key[MUSTER_NETCODE_KEY_BYTES];

    /// Seconds in which a token must be used, at least 1.
    uint32_t lifetime_s;

    /// Seconds of silence after which a connection is given up, at least 1.
    uint32_t timeout_s;
} muster_login;

/// A fresh login with no address and no key: lifetime 30 s, timeout 5 s.
MUSTER_API muster_login muster_login_default(void);

/// Makes a token.
/// @param player        id, name, party and tier are used
/// @param issue         orders the tokens of one player: microseconds since 1970 will do
/// @param random_bytes  MUSTER_LOGIN_RANDOM_BYTES
/// @param out_token     MUSTER_CONNECT_TOKEN_BYTES; zeroed on failure
/// @return MUSTER_ERR_INVALID if a field is out of range or the name is no text
MUSTER_API MUSTER_NODISCARD muster_status muster_login_issue(const muster_login *login,
    const muster_player *player,
    uint64_t issue,
    uint64_t unix_s,
    const uint8_t *random_bytes,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES]);
