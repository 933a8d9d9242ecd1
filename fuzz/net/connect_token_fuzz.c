// SPDX-License-Identifier: Apache-2.0

// Both parts of a connect token from any bytes. What is read and written again is read the same.

#include "net/connect_token.h"

#include "core/assert.h"

#include <string.h>

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

// The two parts agree in what they hold, so a definition can be made from them.
static void check_again(
    const muster_connect_token *token, const struct private_token *private_token)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = token->protocol_id;
    def.client_id = private_token->client_id;
    def.create_unix_s = token->create_unix_s;
    def.expire_unix_s = token->expire_unix_s;
    def.timeout_s = token->timeout_s;
    def.address_count = token->address_count;
    memcpy(def.addresses, token->addresses, sizeof def.addresses);
    memcpy(def.user_data, private_token->user_data, sizeof def.user_data);

    uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
    muster_status status = muster_connect_token_write(&def, bytes);
    MUSTER_ASSERT(status == MUSTER_OK);
    muster_connect_token again;
    status = muster_connect_token_read(bytes, &again);
    MUSTER_ASSERT(status == MUSTER_OK);
    MUSTER_ASSERT(again.address_count == token->address_count);
    MUSTER_ASSERT(memcmp(again.addresses, token->addresses, sizeof again.addresses) == 0);
    MUSTER_ASSERT(again.timeout_s == token->timeout_s);

    const struct private_token_seal seal = {
        .protocol_id = def.protocol_id,
        .expire_unix_s = def.expire_unix_s,
        .key = def.private_key,
        .nonce = def.nonce,
    };
    const bool is_open = private_token_open(&seal, again.private_data);
    MUSTER_ASSERT(is_open);
    struct private_token private_again;
    status = private_token_read(again.private_data, &private_again);
    MUSTER_ASSERT(status == MUSTER_OK);
    MUSTER_ASSERT(private_again.client_id == def.client_id);
    MUSTER_ASSERT(memcmp(private_again.user_data, def.user_data, sizeof def.user_data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    // The version is given away, so that short inputs get past it.
    uint8_t token_bytes[MUSTER_CONNECT_TOKEN_BYTES] = {0};
    const size_t used = length < sizeof token_bytes ? length : sizeof token_bytes;
    memcpy(token_bytes, bytes, used);
    if (length % 2 == 0) {
        memcpy(token_bytes, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    }
    uint8_t private_bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES] = {0};
    const size_t skipped = used > 1024 ? used - 1024 : 0;
    memcpy(private_bytes, bytes + skipped, used - skipped);

    muster_connect_token token;
    struct private_token private_token;
    const muster_status public_status = muster_connect_token_read(token_bytes, &token);
    const muster_status private_status = private_token_read(private_bytes, &private_token);
    if (public_status == MUSTER_OK && private_status == MUSTER_OK) {
        check_again(&token, &private_token);
    }
    return 0;
}
