// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The part of a connect token that only servers can read.

#include "muster/connect_token.h"

/// "NETCODE 1.02" with its closing zero begins every token and request, and is authenticated with
/// everything that is encrypted.
#define NETCODE_VERSION       "NETCODE 1.02"
#define NETCODE_VERSION_BYTES 13

/// The private part of a token.
struct private_token {
    uint64_t client_id;
    int32_t timeout_s;
    uint32_t address_count;
    muster_address addresses[MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX];
    uint8_t client_to_server_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t server_to_client_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t user_data[MUSTER_NETCODE_USER_DATA_BYTES];
};

/// What the private part of a token is authenticated with.
struct private_token_seal {
    uint64_t protocol_id;
    uint64_t expire_unix_s;
    const uint8_t *key;   // MUSTER_NETCODE_KEY_BYTES
    const uint8_t *nonce; // MUSTER_CONNECT_TOKEN_NONCE_BYTES
};

/// Decrypts a private part in place.
/// @return false if it is forged
bool private_token_open(
    const struct private_token_seal *seal, uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES]);

/// Reads a decrypted private part.
/// @return MUSTER_ERR_MALFORMED if the number of addresses or the type of one is out of range
MUSTER_NODISCARD muster_status private_token_read(
    const uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES], struct private_token *out_token);
