// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Connect tokens of netcode 1.02: the ticket that lets one client open one connection.
///
/// The login makes a token and hands it to a player over HTTPS. The part for the server inside is
/// encrypted with a key that the login and the servers share; the player cannot read or change it.
///
///     muster_connect_token_def def = muster_connect_token_default_def();
///     def.client_id = ...; def.addresses[0] = ...;     // and keys and nonce: fresh random bytes
///     uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
///     status = muster_connect_token_write(&def, bytes);
///
/// Format: docs/protocol/netcode.md.
///
/// - Memory: none is allocated. Token and definition are plain values; wipe them after use.
/// - Cost: about 3 us to write, less to read.
/// - Threads: pure functions.

#include "muster/packet.h"

/// Bytes of a token.
#define MUSTER_CONNECT_TOKEN_BYTES 2048

/// Bytes of every key in the protocol.
#define MUSTER_NETCODE_KEY_BYTES 32

/// Bytes of a token's nonce.
#define MUSTER_CONNECT_TOKEN_NONCE_BYTES 24

/// Bytes of the part of a token that only servers can read.
#define MUSTER_CONNECT_TOKEN_PRIVATE_BYTES 1024

/// Bytes that travel in a token from the login to the server, unread in between.
#define MUSTER_NETCODE_USER_DATA_BYTES 256

/// The most servers one token can name.
#define MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX 32

/// What a token is made from. Start from muster_connect_token_default_def().
typedef struct muster_connect_token_def {
    /// Names the game and its version; clients and servers of another id ignore each other.
    /// Default 0.
    uint64_t protocol_id;

    /// The connection's id, unlike that of every other connection alive. Default 0.
    uint64_t client_id;

    /// When the token is made, in seconds since 1970. Default 0.
    uint64_t create_unix_s;

    /// When it stops being good for a new connection, in seconds since 1970; not before
    /// `create_unix_s`. Default 0.
    uint64_t expire_unix_s;

    /// Silence after which either side gives the connection up, in seconds. Zero and below is
    /// never, for development only. Default 10.
    int32_t timeout_s;

    /// Addresses in use, in [1, MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX]. Default 0.
    uint32_t address_count;

    /// The servers to try, in this order. None may be without a family.
    muster_address addresses[MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX];

    /// Shared by the login and the servers, secret from everyone else.
    uint8_t private_key[MUSTER_NETCODE_KEY_BYTES];

    /// Fresh random bytes for every token.
    uint8_t nonce[MUSTER_CONNECT_TOKEN_NONCE_BYTES];

    /// Encrypts what the client sends. Fresh random bytes for every token.
    uint8_t client_to_server_key[MUSTER_NETCODE_KEY_BYTES];

    /// Encrypts what the server sends. Fresh random bytes for every token.
    uint8_t server_to_client_key[MUSTER_NETCODE_KEY_BYTES];

    /// For the server; the client cannot read it. Default zero.
    uint8_t user_data[MUSTER_NETCODE_USER_DATA_BYTES];
} muster_connect_token_def;

/// A token as its client sees it.
typedef struct muster_connect_token {
    /// As in the definition.
    uint64_t protocol_id;

    /// As in the definition.
    uint64_t create_unix_s;

    /// As in the definition.
    uint64_t expire_unix_s;

    /// As in the definition.
    int32_t timeout_s;

    /// As in the definition.
    uint32_t address_count;

    /// As in the definition; those beyond `address_count` are none.
    muster_address addresses[MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX];

    /// As in the definition.
    uint8_t client_to_server_key[MUSTER_NETCODE_KEY_BYTES];

    /// As in the definition.
    uint8_t server_to_client_key[MUSTER_NETCODE_KEY_BYTES];

    /// As in the definition.
    uint8_t nonce[MUSTER_CONNECT_TOKEN_NONCE_BYTES];

    /// Encrypted; the client passes it on as it is.
    uint8_t private_data[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES];
} muster_connect_token;

/// A definition with every field at its default.
MUSTER_API muster_connect_token_def muster_connect_token_default_def(void);

/// Writes a token.
/// @param out_bytes  MUSTER_CONNECT_TOKEN_BYTES; zeroed on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range
MUSTER_API MUSTER_NODISCARD muster_status muster_connect_token_write(
    const muster_connect_token_def *def, uint8_t out_bytes[MUSTER_CONNECT_TOKEN_BYTES]);

/// Reads the public part of a token, as a client does.
/// @param out_token  set to the token; zeroed on failure
/// @return MUSTER_ERR_VERSION if it is not of netcode 1.02; MUSTER_ERR_MALFORMED if the number of
///     addresses is not in [1, 32], an address is neither IPv4 nor IPv6, or it expires before it
///     was made
MUSTER_API MUSTER_NODISCARD muster_status muster_connect_token_read(
    const uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES], muster_connect_token *out_token);
