// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What both ends of netcode 1.02 share: sizes, time and counters.
///
/// The protocol opens, encrypts and closes connections over UDP; docs/protocol/netcode.md has its
/// bytes. The ends are muster/netcode_server.h and muster/netcode_client.h, the tickets that lead
/// to a connection muster/connect_token.h.
///
/// A payload is written once, where it will be sent from, and read where it was received:
///
///     slot->bytes   0        9                                    9 + payload_bytes + 16
///                   | room   | payload, written by the caller     | room for the seal |
///
/// muster_netcode_server_seal() turns such a slot into the finished packet, beginning at byte 0.

#include "muster/connect_token.h"

/// Where in a slot the caller writes a payload that it will have sealed.
#define MUSTER_NETCODE_PAYLOAD_OFFSET 9

/// The largest payload. With its seal it takes 1,225 bytes of a slot at most.
#define MUSTER_NETCODE_PAYLOAD_BYTES_MAX 1200

/// Bytes around a payload in a packet: at least 18 (the first 256 packets), at most 25.
#define MUSTER_NETCODE_OVERHEAD_BYTES_MAX 25

/// How long a connected end may send nothing before it sends a keep-alive packet. Requests and
/// responses are repeated at the same interval.
#define MUSTER_NETCODE_SEND_INTERVAL_US 100000

/// The most time that passes between two calls. A clock that steps further counts as this much,
/// so that a process that stood still reads what has arrived before it gives its peers up; one
/// that steps back counts as no time.
#define MUSTER_NETCODE_STEP_US_MAX 1000000

/// Packets that say goodbye, one every MUSTER_NETCODE_DISCONNECT_INTERVAL_US.
#define MUSTER_NETCODE_DISCONNECT_PACKET_COUNT 10

/// The time between two packets that say goodbye, so that a short loss does not take them all.
#define MUSTER_NETCODE_DISCONNECT_INTERVAL_US 10000

/// What time it is.
typedef struct muster_netcode_time {
    /// A steady clock in microseconds, for timers. Its origin does not matter.
    uint64_t steady_us;

    /// Seconds since 1970, for the expiry of tokens.
    uint64_t unix_s;
} muster_netcode_time;

/// Why a connection ended.
typedef enum muster_netcode_reason {
    MUSTER_NETCODE_REASON_NONE = 0,

    /// Nothing came from the other end for the token's timeout.
    MUSTER_NETCODE_REASON_TIMED_OUT = 1,

    /// The other end said goodbye.
    MUSTER_NETCODE_REASON_PEER_LEFT = 2,

    /// The link that carried the connection was closed.
    MUSTER_NETCODE_REASON_LINK_CLOSED = 3,
} muster_netcode_reason;

/// What one end has received, by what became of it. Every packet counts once.
typedef enum muster_netcode_counter {
    /// Payload packets accepted.
    MUSTER_NETCODE_COUNTER_PAYLOAD,

    /// Keep-alive packets accepted.
    MUSTER_NETCODE_COUNTER_KEEP_ALIVE,

    /// Disconnect packets accepted.
    MUSTER_NETCODE_COUNTER_DISCONNECT,

    /// Connection requests answered with a challenge.
    MUSTER_NETCODE_COUNTER_REQUEST,

    /// Challenges answered with a response (by a client).
    MUSTER_NETCODE_COUNTER_CHALLENGE,

    /// Responses that opened a connection.
    MUSTER_NETCODE_COUNTER_RESPONSE,

    /// Denials accepted (by a client).
    MUSTER_NETCODE_COUNTER_DENIED,

    /// What says again what is known: requests and responses of a client that is connected or that
    /// was just refused, and goodbyes of one that has just left.
    MUSTER_NETCODE_COUNTER_REPEATED,

    /// Too short, or a request of another size than 1,078 bytes.
    MUSTER_NETCODE_COUNTER_REFUSED_SIZE,

    /// Of a type that does not exist or that this end does not take, now or ever.
    MUSTER_NETCODE_COUNTER_REFUSED_TYPE,

    /// With a sequence number of no or more than 8 bytes.
    MUSTER_NETCODE_COUNTER_REFUSED_SEQUENCE,

    /// From an address that nothing is known of (or, for a client, not from its server).
    MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS,

    /// Received before, or too old to tell.
    MUSTER_NETCODE_COUNTER_REFUSED_REPLAY,

    /// Not encrypted by the other end, or changed on the way.
    MUSTER_NETCODE_COUNTER_REFUSED_FORGED,

    /// Authentic, but with contents of the wrong size.
    MUSTER_NETCODE_COUNTER_REFUSED_BODY,

    /// Requests of another version of the protocol.
    MUSTER_NETCODE_COUNTER_REFUSED_VERSION,

    /// Requests of another game.
    MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL,

    /// Requests with an expired token.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED,

    /// Requests with a token not made with the private key, or changed since.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED,

    /// Requests with an authentic token that cannot be read.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED,

    /// Requests with a token for another server.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER,

    /// Requests with a token used from another address, or that has led to a connection already.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED,

    /// Requests from an address that is connected, for another connection; once for each token.
    MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS_CONNECTED,

    /// Requests and responses for a client id that is connected from another address.
    MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED,

    /// Requests and responses denied because every client slot is taken.
    MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL,

    /// Requests that found no room in the table of used tokens.
    MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL,

    /// Requests that found no room in the table of connections being opened.
    MUSTER_NETCODE_COUNTER_REFUSED_PENDING_FULL,

    /// Requests that found no free slot in the caller's batch for the answer.
    MUSTER_NETCODE_COUNTER_REFUSED_NO_SLOT,

    /// Responses whose challenge this server did not make, or made for another client.
    MUSTER_NETCODE_COUNTER_REFUSED_CHALLENGE,

    /// How many counters there are; not a counter.
    MUSTER_NETCODE_COUNTER_COUNT,
} muster_netcode_counter;

/// Everything an end has counted since its creation.
typedef struct muster_netcode_counters {
    /// By muster_netcode_counter.
    uint64_t values[MUSTER_NETCODE_COUNTER_COUNT];
} muster_netcode_counters;

/// A counter's name in lower case, such as "refused_token_expired". Never NULL; "unknown" for a
/// foreign value.
MUSTER_API const char *muster_netcode_counter_name(muster_netcode_counter counter);
