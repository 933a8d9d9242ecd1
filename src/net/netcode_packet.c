// SPDX-License-Identifier: Apache-2.0
#include "net/netcode_packet.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "net/aead.h"

#include <sodium.h>
#include <string.h>

_Static_assert(
    NETCODE_REQUEST_PRIVATE_OFFSET + MUSTER_CONNECT_TOKEN_PRIVATE_BYTES == NETCODE_REQUEST_BYTES,
    "a request's fields must fill it");
_Static_assert(MUSTER_NETCODE_PAYLOAD_OFFSET == 1 + 8, "room for the longest header");
_Static_assert(
    MUSTER_NETCODE_PAYLOAD_OFFSET + MUSTER_NETCODE_PAYLOAD_BYTES_MAX + NETCODE_MAC_BYTES <=
        MUSTER_PACKET_BYTES_MAX,
    "the largest payload must fit a slot");
_Static_assert(NETCODE_MAC_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "one seal");
_Static_assert(MUSTER_NETCODE_KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "one key");

struct nonce {
    uint8_t bytes[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
};

// Four zero bytes, then the sequence number.
static struct nonce nonce_of(uint64_t sequence)
{
    struct nonce nonce = {0};
    bytes_store_u64(nonce.bytes + 4, sequence);
    return nonce;
}

static uint32_t sequence_bytes_of(uint64_t sequence)
{
    const uint32_t bits = 64u - (uint32_t)__builtin_clzll(sequence | 1);
    return (bits + 7) / 8;
}

static struct netcode_associated associated_with(
    const struct netcode_associated *associated, uint8_t prefix)
{
    struct netcode_associated result = *associated;
    result.bytes[sizeof result.bytes - 1] = prefix;
    return result;
}

struct netcode_associated netcode_associated_of(uint64_t protocol_id)
{
    struct netcode_associated associated = {0};
    memcpy(associated.bytes, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(associated.bytes + NETCODE_VERSION_BYTES, protocol_id);
    return associated;
}

bool netcode_header_read(const uint8_t *bytes,
    uint32_t length,
    struct netcode_header *out_header,
    muster_netcode_counter *out_refusal)
{
    MUSTER_ASSERT(bytes != NULL);
    MUSTER_ASSERT(out_header != NULL);
    MUSTER_ASSERT(out_refusal != NULL);

    if (length < NETCODE_PACKET_BYTES_MIN) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SIZE;
        return false;
    }
    const uint32_t type = bytes[0] & 0x0f;
    const uint32_t sequence_bytes = bytes[0] >> 4;
    if (type >= NETCODE_PACKET_TYPE_COUNT || type == NETCODE_PACKET_REQUEST) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_TYPE;
        return false;
    }
    if (sequence_bytes < 1 || sequence_bytes > 8) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SEQUENCE;
        return false;
    }
    if (length < 1 + sequence_bytes + NETCODE_MAC_BYTES) {
        *out_refusal = MUSTER_NETCODE_COUNTER_REFUSED_SIZE;
        return false;
    }
    uint8_t sequence[8] = {0};
    memcpy(sequence, bytes + 1, sequence_bytes);
    *out_header = (struct netcode_header){
        .type = (enum netcode_packet_type)type,
        .body_offset = 1 + sequence_bytes,
        .body_bytes = length - 1 - sequence_bytes - NETCODE_MAC_BYTES,
        .sequence = bytes_load_u64(sequence),
    };
    return true;
}

bool netcode_packet_open(const struct netcode_associated *associated,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    const struct netcode_header *header,
    uint8_t *bytes)
{
    MUSTER_ASSERT(header != NULL);
    const struct netcode_associated with_prefix = associated_with(associated, bytes[0]);
    const struct nonce nonce = nonce_of(header->sequence);
    uint8_t *body = bytes + header->body_offset;
    const struct aead aead = {
        .key = key,
        .nonce = nonce.bytes,
        .associated = with_prefix.bytes,
        .associated_bytes = sizeof with_prefix.bytes,
    };
    return aead_open(&aead, body, header->body_bytes, body + header->body_bytes);
}

bool netcode_body_is_valid(const struct netcode_header *header)
{
    switch (header->type) {
    case NETCODE_PACKET_DENIED:
    case NETCODE_PACKET_DISCONNECT:
        return header->body_bytes == 0;
    case NETCODE_PACKET_CHALLENGE:
    case NETCODE_PACKET_RESPONSE:
        return header->body_bytes == NETCODE_CHALLENGE_BODY_BYTES;
    case NETCODE_PACKET_KEEP_ALIVE:
        return header->body_bytes == 8;
    case NETCODE_PACKET_PAYLOAD:
        return header->body_bytes >= 1 && header->body_bytes <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX;
    case NETCODE_PACKET_REQUEST:
    case NETCODE_PACKET_TYPE_COUNT:
        break;
    }
    return false;
}

uint32_t netcode_packet_seal(const struct netcode_associated *associated,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    const struct netcode_header *header,
    uint8_t *bytes)
{
    MUSTER_ASSERT(header != NULL);
    MUSTER_ASSERT(header->body_bytes <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX);

    const uint32_t sequence_bytes = sequence_bytes_of(header->sequence);
    const uint8_t prefix = (uint8_t)(sequence_bytes << 4 | (uint32_t)header->type);
    const struct netcode_associated with_prefix = associated_with(associated, prefix);
    const struct nonce nonce = nonce_of(header->sequence);
    uint8_t *body = bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;

    const struct aead aead = {
        .key = key,
        .nonce = nonce.bytes,
        .associated = with_prefix.bytes,
        .associated_bytes = sizeof with_prefix.bytes,
    };
    aead_seal(&aead, body, header->body_bytes, body + header->body_bytes);

    // The header is as short as the number allows, so the body closes up to it by a few bytes.
    const uint32_t sealed_bytes = header->body_bytes + NETCODE_MAC_BYTES;
    bytes[0] = prefix;
    memcpy(bytes + 1, nonce.bytes + 4, sequence_bytes);
    memmove(bytes + 1 + sequence_bytes, body, sealed_bytes);
    return 1 + sequence_bytes + sealed_bytes;
}

// A challenge: client id, user data, zeros up to the seal that ends it.

#define CHALLENGE_TEXT_BYTES (NETCODE_CHALLENGE_BYTES - NETCODE_MAC_BYTES)

void netcode_challenge_seal(const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    uint64_t sequence,
    uint64_t client_id,
    const uint8_t user_data[MUSTER_NETCODE_USER_DATA_BYTES],
    uint8_t out_bytes[NETCODE_CHALLENGE_BYTES])
{
    memset(out_bytes, 0, NETCODE_CHALLENGE_BYTES);
    bytes_store_u64(out_bytes, client_id);
    memcpy(out_bytes + 8, user_data, MUSTER_NETCODE_USER_DATA_BYTES);
    const struct nonce nonce = nonce_of(sequence);
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out_bytes, out_bytes + CHALLENGE_TEXT_BYTES,
        NULL, out_bytes, CHALLENGE_TEXT_BYTES, NULL, 0, NULL, nonce.bytes, key);
}

bool netcode_challenge_open(const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    uint64_t sequence,
    uint8_t bytes[NETCODE_CHALLENGE_BYTES])
{
    const struct nonce nonce = nonce_of(sequence);
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(bytes, NULL, bytes,
               CHALLENGE_TEXT_BYTES, bytes + CHALLENGE_TEXT_BYTES, NULL, 0, nonce.bytes, key) == 0;
}
