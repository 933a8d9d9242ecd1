// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The client's end of netcode 1.02, as a state machine without sockets and clocks.
///
///     status = muster_netcode_client_connect(client, now, token_bytes);
///     each tick:
///         for each received slot:
///             if (muster_netcode_client_receive(client, now, slot, &payload)) handle(&payload);
///         muster_netcode_client_update(client, now, packets);
///         if (muster_netcode_client_state_of(client) == MUSTER_NETCODE_CLIENT_CONNECTED) {
///             payload_bytes = write(slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET);
///             status = muster_netcode_client_seal(client, payload_bytes, slot);
///         }
///
/// The servers of the token are tried in turn; the client ends in a negative state only after the
/// last of them failed.
///
/// - Memory: one allocation of about 3 KiB at creation; none afterwards.
/// - Cost: O(1) beside the cipher.
/// - Threads: a client belongs to one thread at a time.

#include "muster/netcode.h"

/// A client. Created and destroyed by its owner, who passes it to every call.
typedef struct muster_netcode_client muster_netcode_client;

/// Where a client stands. Negative states are failures; all but the three positive ones are at
/// rest until the next muster_netcode_client_connect().
typedef enum muster_netcode_client_state {
    /// The token's lifetime passed before a server answered for good.
    MUSTER_NETCODE_CLIENT_TOKEN_EXPIRED = -6,

    /// The token cannot be read.
    MUSTER_NETCODE_CLIENT_INVALID_TOKEN = -5,

    /// The connection was open, and the server fell silent.
    MUSTER_NETCODE_CLIENT_TIMED_OUT = -4,

    /// The last server fell silent after its challenge.
    MUSTER_NETCODE_CLIENT_RESPONSE_TIMED_OUT = -3,

    /// The last server never answered.
    MUSTER_NETCODE_CLIENT_REQUEST_TIMED_OUT = -2,

    /// The last server is full.
    MUSTER_NETCODE_CLIENT_DENIED = -1,

    /// At rest: never connected, or disconnected by either end.
    MUSTER_NETCODE_CLIENT_DISCONNECTED = 0,

    /// Asking a server for a challenge.
    MUSTER_NETCODE_CLIENT_REQUESTING = 1,

    /// Answering a challenge.
    MUSTER_NETCODE_CLIENT_RESPONDING = 2,

    /// Connected: payloads go both ways.
    MUSTER_NETCODE_CLIENT_CONNECTED = 3,
} muster_netcode_client_state;

/// A payload from the server.
typedef struct muster_netcode_payload {
    /// Inside the packet that was received, decrypted in place; good as long as its slot is.
    uint8_t *bytes;

    /// Bytes in [1, MUSTER_NETCODE_PAYLOAD_BYTES_MAX].
    uint32_t length;
} muster_netcode_payload;

/// Creates a client at rest. The caller owns it and ends it with muster_netcode_client_destroy().
/// @param allocator   copied; NULL for muster_heap_allocator()
/// @param out_client  set to the client, or to NULL on failure
/// @return MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO if the machine gives libsodium no random bytes
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_client_create(
    const muster_allocator *allocator, muster_netcode_client **out_client);

/// Destroys a client and wipes its keys; the server is told nothing. Does nothing for NULL.
MUSTER_API void muster_netcode_client_destroy(muster_netcode_client *client);

/// Begins to connect, giving up at once what was open before. A token must not be used twice.
/// @param token_bytes  MUSTER_CONNECT_TOKEN_BYTES, copied
/// @return as muster_connect_token_read(); on failure the state is INVALID_TOKEN
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_client_connect(
    muster_netcode_client *client,
    muster_netcode_time now,
    const uint8_t token_bytes[MUSTER_CONNECT_TOKEN_BYTES]);

/// Takes one received packet, decrypting it in place. What is refused is counted.
/// @param packet       as it came; its bytes are changed
/// @param out_payload  set to the payload it held; left alone if it held none
/// @return true if it held a payload
MUSTER_API bool muster_netcode_client_receive(muster_netcode_client *client,
    muster_netcode_time now,
    muster_packet *packet,
    muster_netcode_payload *out_payload);

/// Does what is due: appends request, response, keep-alive and disconnect packets, gives up on
/// silent servers. Never more than one packet a call.
MUSTER_API void muster_netcode_client_update(
    muster_netcode_client *client, muster_netcode_time now, muster_packet_batch *packets);

/// Encrypts the payload that the caller has written at MUSTER_NETCODE_PAYLOAD_OFFSET of the slot,
/// and sets the slot's address and length.
/// @param payload_bytes  in [1, MUSTER_NETCODE_PAYLOAD_BYTES_MAX]
/// @param packet         a slot of MUSTER_PACKET_BYTES_MAX bytes
/// @return MUSTER_ERR_NOT_FOUND if the client is not connected; the packet is empty then
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_client_seal(
    muster_netcode_client *client, uint32_t payload_bytes, muster_packet *packet);

/// Leaves: the state is DISCONNECTED at once. If the client was connected, the next updates send
/// MUSTER_NETCODE_DISCONNECT_PACKET_COUNT packets that say so.
MUSTER_API void muster_netcode_client_disconnect(muster_netcode_client *client);

/// True while packets that say goodbye are still to be sent.
MUSTER_API bool muster_netcode_client_is_leaving(const muster_netcode_client *client);

/// Where the client stands.
MUSTER_API muster_netcode_client_state muster_netcode_client_state_of(
    const muster_netcode_client *client);

/// The server that is being tried or connected to; none at rest before the first connect.
MUSTER_API muster_address muster_netcode_client_server_address(const muster_netcode_client *client);

/// The client's slot at the server and the number of slots, both 0 until connected.
MUSTER_API void muster_netcode_client_slot(
    const muster_netcode_client *client, uint32_t *out_index, uint32_t *out_slot_count);

/// What the client has counted. Good until the client is destroyed.
MUSTER_API const muster_netcode_counters *muster_netcode_client_counters(
    const muster_netcode_client *client);
