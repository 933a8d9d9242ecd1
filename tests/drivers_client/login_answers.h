// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Answers of a login for tests.

#include "muster/connect_token.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES 4096u
#define ANSWER_TOKEN_B64                                                                           \
    sodium_base64_ENCODED_LEN(MUSTER_CONNECT_TOKEN_BYTES, sodium_base64_VARIANT_ORIGINAL)

#define ANSWER_ID "00112233445566778899aabbccddeeff"

/// A token that a client can read, as text.
static inline void answer_token(char out_text[ANSWER_TOKEN_B64])
{
    muster_connect_token_def def = muster_connect_token_default_def();
    uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
    def.expire_unix_s = 30;
    def.address_count = 1;
    assert_int_equal(muster_address_parse("127.0.0.1:7777", &def.addresses[0]), MUSTER_OK);
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_OK);
    sodium_bin2base64(
        out_text, ANSWER_TOKEN_B64, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
}

/// The members of a good answer.
static inline void answer_good(char out_body[ANSWER_BYTES])
{
    char token[ANSWER_TOKEN_B64];
    answer_token(token);
    snprintf(out_body, ANSWER_BYTES,
        "{\"player_id\":\"" ANSWER_ID "\",\"token\":\"%s\",\"udp\":\"127.0.0.1:7777\","
        "\"token_lifetime_s\":30,\"tick_rate_hz\":60,\"clock_us\":5000,\"tick_zero_us\":2000}",
        token);
}

/// A good answer in which the first `from` is now `to`.
static inline void answer_with(const char *from, const char *to, char out_body[ANSWER_BYTES])
{
    char good[ANSWER_BYTES];
    answer_good(good);
    const char *at = strstr(good, from);
    assert_non_null(at);
    snprintf(out_body, ANSWER_BYTES, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}
