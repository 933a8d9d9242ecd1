// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The packets of netcode 1.02: sealing and opening one packet in place. No state.

#include "muster/netcode.h"

#include "net/connect_token.h"

/// Sizes that the format fixes.
#define NETCODE_MAC_BYTES        16
#define NETCODE_REQUEST_BYTES    1078
#define NETCODE_CHALLENGE_BYTES  300
#define NETCODE_PACKET_BYTES_MIN 18

/// Where the fields of a request lie.
#define NETCODE_REQUEST_PROTOCOL_OFFSET (1 + NETCODE_VERSION_BYTES)
#define NETCODE_REQUEST_EXPIRE_OFFSET   (NETCODE_REQUEST_PROTOCOL_OFFSET + 8)
#define NETCODE_REQUEST_NONCE_OFFSET    (NETCODE_REQUEST_EXPIRE_OFFSET + 8)
#define NETCODE_REQUEST_PRIVATE_OFFSET                                                             \
    (NETCODE_REQUEST_NONCE_OFFSET + MUSTER_CONNECT_TOKEN_NONCE_BYTES)

/// Bytes of a challenge or response body: the challenge's sequence and the challenge.
#define NETCODE_CHALLENGE_BODY_BYTES (8 + NETCODE_CHALLENGE_BYTES)

/// The low four bits of a packet's first byte.
enum netcode_packet_type {
    NETCODE_PACKET_REQUEST = 0,
    NETCODE_PACKET_DENIED = 1,
    NETCODE_PACKET_CHALLENGE = 2,
    NETCODE_PACKET_RESPONSE = 3,
    NETCODE_PACKET_KEEP_ALIVE = 4,
    NETCODE_PACKET_PAYLOAD = 5,
    NETCODE_PACKET_DISCONNECT = 6,
    NETCODE_PACKET_TYPE_COUNT,
};

/// What every packet is authenticated with beside its contents. The last byte, the packet's first,
/// is filled in per packet.
struct netcode_associated {
    uint8_t bytes[NETCODE_VERSION_BYTES + 8 + 1];
};

/// The readable beginning of an encrypted packet.
struct netcode_header {
    enum netcode_packet_type type;
    uint32_t body_offset;
    uint32_t body_bytes; // without the seal
    uint64_t sequence;
};

/// The associated data of a protocol id.
struct netcode_associated netcode_associated_of(uint64_t protocol_id);

/// Reads the beginning of a packet that is not a request.
/// @param out_header   set on success
/// @param out_refusal  set to the reason on failure
bool netcode_header_read(const uint8_t *bytes,
    uint32_t length,
    struct netcode_header *out_header,
    muster_netcode_counter *out_refusal);

/// Decrypts the body in place.
/// @return false if it is forged, in which case the bytes are unchanged
bool netcode_packet_open(const struct netcode_associated *associated,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    const struct netcode_header *header,
    uint8_t *bytes);

/// True if a body of this type has a size the format allows.
bool netcode_body_is_valid(const struct netcode_header *header);

/// Encrypts the body at MUSTER_NETCODE_PAYLOAD_OFFSET and puts the header before it, so that the
/// packet begins at the first byte.
/// @return the packet's bytes
uint32_t netcode_packet_seal(const struct netcode_associated *associated,
    const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    const struct netcode_header *header,
    uint8_t *bytes);

/// Encrypts a challenge for a client into `out_bytes`.
void netcode_challenge_seal(const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    uint64_t sequence,
    uint64_t client_id,
    const uint8_t user_data[MUSTER_NETCODE_USER_DATA_BYTES],
    uint8_t out_bytes[NETCODE_CHALLENGE_BYTES]);

/// Decrypts a challenge in place; afterwards it begins with the client's id and user data.
/// @return false if it is forged
bool netcode_challenge_open(const uint8_t key[MUSTER_NETCODE_KEY_BYTES],
    uint64_t sequence,
    uint8_t bytes[NETCODE_CHALLENGE_BYTES]);
