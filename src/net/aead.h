// SPDX-License-Identifier: Apache-2.0
#pragma once

/// ChaCha20-Poly1305 as in RFC 8439, in place, put together from libsodium's two halves.
///
/// It gives the bytes of crypto_aead_chacha20poly1305_ietf_encrypt_detached(), in up to 40 % less
/// time for the packets of a game: the key stream is made in one go and in whole runs of blocks,
/// which the vector code of libsodium makes many at a time, where the library's own combination
/// makes the first block and each block of the end one by one.

#include "muster/base.h"

/// The most bytes that can be sealed: a key stream of them lies on the stack.
#define AEAD_BYTES_MAX 1216

/// The most associated bytes.
#define AEAD_ASSOCIATED_BYTES_MAX 32

/// Bytes of a seal.
#define AEAD_MAC_BYTES 16

/// What bytes are sealed with. All pointers are borrowed.
struct aead {
    const uint8_t *key;   // 32 bytes
    const uint8_t *nonce; // 12 bytes, never the same twice with a key
    const uint8_t *associated;
    uint32_t associated_bytes;
};

/// Encrypts in place.
void aead_seal(
    const struct aead *aead, uint8_t *bytes, uint32_t length, uint8_t out_mac[AEAD_MAC_BYTES]);

/// Decrypts in place.
/// @return false if the bytes are forged, in which case they are unchanged
bool aead_open(
    const struct aead *aead, uint8_t *bytes, uint32_t length, const uint8_t mac[AEAD_MAC_BYTES]);
