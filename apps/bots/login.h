// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Asking a server's HTTP side for a connect token.

#include "drivers/error.h"
#include "muster/connect_token.h"

/// What a login says beside the token.
struct login_answer {
    uint64_t tick_zero_us; // the server's clock at tick 0: of use on the same machine only
    uint32_t tick_rate_hz;
};

/// POST /v1/sessions for a bot.
/// @param api_key  hexadecimal, or NULL to come as a guest
/// @return MUSTER_ERR_IO if the server cannot be reached or refuses, MUSTER_ERR_MALFORMED
MUSTER_NODISCARD muster_status login_ask(const muster_address *server,
    const char *api_key,
    uint32_t bot_index,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES],
    struct login_answer *out_answer,
    struct driver_error *out_error);

/// True for an address of this machine's loopback.
bool login_is_local(const muster_address *address);
