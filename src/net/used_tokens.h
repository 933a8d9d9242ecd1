// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Which connect tokens have been shown to a server, by whom, and which have led to a connection.
/// A token is known by the seal of its private part and remembered until it expires, however many
/// others come: room runs out before a token is forgotten.

#include "muster/connect_token.h"

/// Bytes of the seal.
#define USED_TOKEN_MAC_BYTES 16

/// The most tokens one table can be created for.
#define USED_TOKENS_CAPACITY_MAX (1u << 20)

struct used_tokens;

/// Creates an empty table.
/// @param seed  secret and random
/// @return MUSTER_ERR_INVALID if `capacity` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status used_tokens_create(const muster_allocator *allocator,
    uint32_t capacity,
    uint64_t seed,
    struct used_tokens **out_tokens);

/// Destroys a table. Does nothing for NULL.
void used_tokens_destroy(struct used_tokens *tokens);

/// Notes that a token was shown from an address.
/// @return MUSTER_ERR_DENIED if it may not be used (any more) from there, MUSTER_ERR_FULL
MUSTER_NODISCARD muster_status used_tokens_claim(struct used_tokens *tokens,
    const uint8_t mac[USED_TOKEN_MAC_BYTES],
    const muster_address *address,
    uint64_t expire_unix_s);

/// Notes that a token has led to a connection; it is refused from now on.
void used_tokens_spend(struct used_tokens *tokens, const uint8_t mac[USED_TOKEN_MAC_BYTES]);

/// Forgets some of the tokens that have expired. Calls go round the table.
void used_tokens_sweep(struct used_tokens *tokens, uint64_t unix_s);
