// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The server's end of netcode 1.02, as a state machine without sockets and clocks.
///
///     for each received slot:
///         if (muster_netcode_server_receive(server, now, slot, replies, &event)) handle(&event);
///     muster_netcode_server_update(server, now, replies);
///     while (muster_netcode_server_pop_event(server, &event)) handle(&event);
///     for each client with something to say:
///         payload_bytes = write(slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET);
///         status = muster_netcode_server_seal(server, client_index, payload_bytes, slot);
///
/// - Order: a client's CONNECTED event comes before its payloads, its DISCONNECTED event after.
/// - Trust: nothing is stored for a sender before its token authenticates. No answer is larger
///   than its question. A token leads to one connection at most.
/// - Memory: five allocations at creation, about 350 bytes a client slot, 200 a pending connection
///   and 120 a used token; none afterwards.
/// - Cost: receive and seal are O(1) beside the cipher; update looks at 16 bytes a client slot.
/// - Threads: a server belongs to one thread at a time.

#include "muster/netcode.h"

/// The most client slots of one server.
#define MUSTER_NETCODE_CLIENT_COUNT_MAX 65536

/// The most addresses one server is known by.
#define MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX 8

/// A server. Created and destroyed by its owner, who passes it to every call.
typedef struct muster_netcode_server muster_netcode_server;

/// What a server is made from. Start from muster_netcode_server_default_def().
typedef struct muster_netcode_server_def {
    /// Tokens and packets of another protocol id are refused. Default 0.
    uint64_t protocol_id;

    /// Client slots, in [1, MUSTER_NETCODE_CLIENT_COUNT_MAX]. Default 1024.
    uint32_t client_count_max;

    /// Connections being opened at once, in [1, MUSTER_NETCODE_CLIENT_COUNT_MAX]. Default 1024.
    uint32_t pending_count_max;

    /// Tokens remembered until they expire, in [1, 2^20]. More in their lifetime are refused.
    /// Default 8192.
    uint32_t token_count_max;

    /// Addresses in use, in [1, MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX]. Default 0.
    uint32_t address_count;

    /// The addresses that tokens know this server by; a token that names none of them is refused.
    muster_address addresses[MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX];

    /// Shared with the login. A key that is made new at each start also ends the tokens of the
    /// last run, of which a new server knows nothing.
    uint8_t private_key[MUSTER_NETCODE_KEY_BYTES];

    /// Random bytes, fresh for every server: its challenges and the order of its tables follow
    /// from them. Equal bytes and calls give equal packets.
    uint8_t secret[MUSTER_NETCODE_KEY_BYTES];

    /// Where the server's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_netcode_server_def;

/// What happened to a client.
typedef enum muster_netcode_event_type {
    MUSTER_NETCODE_EVENT_NONE = 0,

    /// The client has a slot; `bytes` is its user data.
    MUSTER_NETCODE_EVENT_CONNECTED = 1,

    /// The client lost its slot for `reason`. Its index may be another client's from now on.
    MUSTER_NETCODE_EVENT_DISCONNECTED = 2,

    /// The client sent `bytes`.
    MUSTER_NETCODE_EVENT_PAYLOAD = 3,
} muster_netcode_event_type;

/// One event.
typedef struct muster_netcode_event {
    /// What happened.
    muster_netcode_event_type type;

    /// Of a DISCONNECTED event, else none.
    muster_netcode_reason reason;

    /// The client's slot.
    uint32_t client_index;

    /// Bytes at `bytes`: 256 of user data, [1, 1200] of a payload, otherwise 0.
    uint32_t length;

    /// Inside the packet that was received, decrypted in place; good as long as its slot is.
    uint8_t *bytes;

    /// The client's id, from its token.
    uint64_t client_id;

    /// The client's address.
    muster_address address;
} muster_netcode_event;

/// A definition with every field at its default.
MUSTER_API muster_netcode_server_def muster_netcode_server_default_def(void);

/// Creates a server without clients. The caller owns it and ends it with
/// muster_netcode_server_destroy().
/// @param def         not kept; may be on the stack
/// @param out_server  set to the server, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY,
///     MUSTER_ERR_IO if the machine gives libsodium no random bytes
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_server_create(
    const muster_netcode_server_def *def, muster_netcode_server **out_server);

/// Destroys a server and wipes its keys; clients are told nothing. Does nothing for NULL.
MUSTER_API void muster_netcode_server_destroy(muster_netcode_server *server);

/// Takes one received packet, decrypting it in place. What is refused is counted.
/// @param packet   as it came; its bytes are changed
/// @param replies  an answer is appended, at most one and at most as long as the packet; none is
///     given when no slot is free, and the client asks again
/// @param out_event  set to the event; left alone if there is none
/// @return true if there is an event
MUSTER_API bool muster_netcode_server_receive(muster_netcode_server *server,
    muster_netcode_time now,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event);

/// Does what is due: keep-alive and disconnect packets are appended to `packets`, silent clients
/// lose their slot. What finds no free slot is due again in the next call. Call it every tick, and
/// before sealing that tick's payloads.
MUSTER_API void muster_netcode_server_update(
    muster_netcode_server *server, muster_netcode_time now, muster_packet_batch *packets);

/// Takes the next event of muster_netcode_server_update(). Events that are not taken keep silent
/// clients in their slots once there are as many as slots.
/// @return false, leaving `out_event` alone, when there is none
MUSTER_API bool muster_netcode_server_pop_event(
    muster_netcode_server *server, muster_netcode_event *out_event);

/// Encrypts the payload that the caller has written at MUSTER_NETCODE_PAYLOAD_OFFSET of the slot,
/// and sets the slot's address and length. Any number of payloads may be written first and sealed
/// later. While muster_netcode_server_is_confirmed() is false, a packet from
/// muster_netcode_server_keep_alive() goes out before every payload.
/// @param payload_bytes  in [1, MUSTER_NETCODE_PAYLOAD_BYTES_MAX]
/// @param packet         a slot of MUSTER_PACKET_BYTES_MAX bytes
/// @return MUSTER_ERR_NOT_FOUND if no client is connected there; the packet is empty then
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_server_seal(muster_netcode_server *server,
    uint32_t client_index,
    uint32_t payload_bytes,
    muster_packet *packet);

/// Writes a keep-alive packet, which tells the client its index and the number of slots.
/// @param packet  a slot of MUSTER_PACKET_BYTES_MAX bytes
/// @return MUSTER_ERR_NOT_FOUND if no client is connected there; the packet is empty then
MUSTER_API MUSTER_NODISCARD muster_status muster_netcode_server_keep_alive(
    muster_netcode_server *server, uint32_t client_index, muster_packet *packet);

/// Ends a connection: the next updates send MUSTER_NETCODE_DISCONNECT_PACKET_COUNT packets that
/// say so, after which the slot is free. Nothing more is received from the client and no event
/// follows.
/// @return false if no client is connected there
MUSTER_API bool muster_netcode_server_disconnect(
    muster_netcode_server *server, uint32_t client_index);

/// Frees a slot at once and tells the client nothing; for a client that is back on another
/// connection. No event follows.
/// @return false if no client is connected there
MUSTER_API bool muster_netcode_server_drop(muster_netcode_server *server, uint32_t client_index);

/// True if a client is connected there.
MUSTER_API bool muster_netcode_server_is_connected(
    const muster_netcode_server *server, uint32_t client_index);

/// True once a connected client has shown that it knows it is connected.
MUSTER_API bool muster_netcode_server_is_confirmed(
    const muster_netcode_server *server, uint32_t client_index);

/// Slots that are not free: connected clients and those still being told goodbye.
MUSTER_API uint32_t muster_netcode_server_client_count(const muster_netcode_server *server);

/// What the server has counted. Good until the server is destroyed.
MUSTER_API const muster_netcode_counters *muster_netcode_server_counters(
    const muster_netcode_server *server);
