// SPDX-License-Identifier: Apache-2.0
#include "net/aead.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <sodium.h>
#include <string.h>

// The key stream of a packet, in blocks of 64 bytes: block 0 begins with the key of the seal, the
// blocks from 1 on are combined with the packet's bytes. The seal covers the associated bytes and
// the encrypted bytes, each padded with zeros to whole 16, and the lengths of both.

#define BLOCK_BYTES  64u
#define FEW_BYTES    256u // libsodium makes four blocks in less time than two one by one,
#define MANY_BYTES   512u // and eight in as good as the same
#define STREAM_BYTES (BLOCK_BYTES + AEAD_BYTES_MAX)

_Static_assert(STREAM_BYTES % FEW_BYTES == 0, "the rounded stream of the largest packet must fit");

// The next size that is made as fast as `length`.
static uint32_t rounded(uint32_t length)
{
    const uint32_t rest = length % MANY_BYTES;
    if (rest == 0) {
        return length;
    }
    const uint32_t whole = length - rest;
    if (rest <= BLOCK_BYTES) {
        return whole + BLOCK_BYTES;
    }
    return whole + (rest <= FEW_BYTES ? FEW_BYTES : MANY_BYTES);
}

// Makes the stream's bytes in [begin, end), where `begin` is a whole block.
static void make_stream(const struct aead *aead, uint8_t *stream, uint32_t begin, uint32_t end)
{
    const uint32_t wanted = rounded(end - begin);
    const uint32_t room = STREAM_BYTES - begin;
    const uint32_t made = wanted < room ? wanted : room;
    memset(stream + begin, 0, made);
    crypto_stream_chacha20_ietf_xor_ic(
        stream + begin, stream + begin, made, aead->nonce, begin / BLOCK_BYTES, aead->key);
}

static void combine(uint8_t *bytes, const uint8_t *stream, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] ^= stream[i];
    }
}

static uint32_t padding_of(uint32_t length)
{
    return (16 - length % 16) % 16;
}

static void make_mac(const struct aead *aead,
    const uint8_t *stream,
    const uint8_t *bytes,
    uint32_t length,
    uint8_t out_mac[AEAD_MAC_BYTES])
{
    uint8_t head[AEAD_ASSOCIATED_BYTES_MAX] = {0};
    memcpy(head, aead->associated, aead->associated_bytes);
    uint8_t tail[15 + 16] = {0};
    const uint32_t padding = padding_of(length);
    bytes_store_u64(tail + padding, aead->associated_bytes);
    bytes_store_u64(tail + padding + 8, length);

    crypto_onetimeauth_poly1305_state state;
    crypto_onetimeauth_poly1305_init(&state, stream);
    crypto_onetimeauth_poly1305_update(
        &state, head, aead->associated_bytes + padding_of(aead->associated_bytes));
    crypto_onetimeauth_poly1305_update(&state, bytes, length);
    crypto_onetimeauth_poly1305_update(&state, tail, padding + 16);
    crypto_onetimeauth_poly1305_final(&state, out_mac);
}

void aead_seal(
    const struct aead *aead, uint8_t *bytes, uint32_t length, uint8_t out_mac[AEAD_MAC_BYTES])
{
    MUSTER_ASSERT(length <= AEAD_BYTES_MAX);
    MUSTER_ASSERT(aead->associated_bytes <= AEAD_ASSOCIATED_BYTES_MAX);
    uint8_t stream[STREAM_BYTES];
    make_stream(aead, stream, 0, BLOCK_BYTES + length);
    combine(bytes, stream + BLOCK_BYTES, length);
    make_mac(aead, stream, bytes, length, out_mac);
}

// A forged packet costs its seal and the first few blocks, whatever its length.
bool aead_open(
    const struct aead *aead, uint8_t *bytes, uint32_t length, const uint8_t mac[AEAD_MAC_BYTES])
{
    MUSTER_ASSERT(length <= AEAD_BYTES_MAX);
    MUSTER_ASSERT(aead->associated_bytes <= AEAD_ASSOCIATED_BYTES_MAX);
    const uint32_t end = BLOCK_BYTES + length;
    const uint32_t first_end = end < MANY_BYTES ? end : MANY_BYTES;
    uint8_t stream[STREAM_BYTES];
    make_stream(aead, stream, 0, first_end);

    uint8_t expected[AEAD_MAC_BYTES];
    make_mac(aead, stream, bytes, length, expected);
    if (crypto_verify_16(expected, mac) != 0) {
        return false;
    }
    if (end > first_end) {
        make_stream(aead, stream, first_end, end);
    }
    combine(bytes, stream + BLOCK_BYTES, length);
    return true;
}
