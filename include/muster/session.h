// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sessions: what two ends say to each other inside netcode payloads or WebSocket messages. The
/// same code runs on the server and on the client; docs/protocol/session.md has every byte.
///
///     muster_session_begin_packet(session, now_us, slot, sizeof slot, reliable_bytes);
///     muster_session_begin_blob(session, KIND_UPDATE, true, &bytes, &capacity);
///     muster_session_end_blob(session, encode_update(bytes, capacity));
///     send(slot, muster_session_end_packet(session, update_token));
///     ...
///     muster_session_read(session, now_us, payload, length, &received); // blobs, in place
///     while (muster_session_pop(session, &message)) { ... }             // complete, in order
///     while (muster_session_pop_fate(session, &fate)) { ... }           // what became of tokens
///
/// - Order: reliable messages come out once each and in the order of pushing. Blobs are never
///   repeated and come as the network brings them; `is_newest` tells which are up to date.
/// - Memory: one allocation a pool. A session costs about 7 KiB plus 292 bytes for each fragment
///   it can receive; outgoing messages share the pool's fragments up to a cap for each session.
/// - Cost: writing or reading a packet is O(1) plus its records; each acked packet that carried
///   fragments also walks the session's outgoing fragments.
/// - Threads: a pool and its sessions belong to one thread at a time.

#include "muster/base.h"

/// The version of the byte format. The first nibble of a packet; another one is refused.
#define MUSTER_SESSION_VERSION 1

/// The largest packet: what one netcode payload carries.
#define MUSTER_SESSION_PACKET_BYTES_MAX 1200

/// The least that muster_session_packet_bytes() comes down to.
#define MUSTER_SESSION_NARROW_BYTES_MIN 560

/// Message bytes in one fragment. A longer message is cut into several.
#define MUSTER_SESSION_FRAGMENT_BYTES 288

/// The largest part of a packet that a fragment takes. A smaller budget may send no long messages.
#define MUSTER_SESSION_FRAGMENT_RECORD_BYTES 295

/// The longest reliable message.
#define MUSTER_SESSION_MESSAGE_BYTES_MAX 65536

/// The most blobs in one packet.
#define MUSTER_SESSION_BLOBS_MAX 8

/// The largest kind of a blob.
#define MUSTER_SESSION_BLOB_KIND_MAX 63

/// The longest text of a close packet.
#define MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX 200

/// Memory for many sessions.
typedef struct muster_session_pool muster_session_pool;

/// One end of a connection. Acquired from a pool, which keeps its memory.
typedef struct muster_session muster_session;

/// What a pool is made from. Start from muster_session_pool_default_def().
typedef struct muster_session_pool_def {
    /// Sessions that can be acquired at once, in [1, 65535]. Default 1, for a client.
    uint32_t session_count;

    /// Fragments a session receives before the first of them is popped; bounds the longest message
    /// it accepts to this many times 288 bytes. A power of two in [4, 256]. Default 256.
    uint32_t receive_fragment_count;

    /// Outgoing fragments that all sessions share, in [1, 2^20]. Default 512.
    uint32_t send_fragment_count;

    /// Outgoing fragments one session may hold, in [1, 4096]. Default 512.
    uint32_t session_send_fragment_count_max;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_session_pool_def;

/// Why a session ends, in a close packet. Values are part of the protocol.
typedef enum muster_close_reason {
    MUSTER_CLOSE_NONE = 0,        ///< Not closed; never sent.
    MUSTER_CLOSE_LEFT = 1,        ///< The player leaves by choice.
    MUSTER_CLOSE_KICKED = 2,      ///< An operator or the game removed the player.
    MUSTER_CLOSE_REFUSED = 3,     ///< The server does not let the player in.
    MUSTER_CLOSE_FULL = 4,        ///< No room.
    MUSTER_CLOSE_DRAINING = 5,    ///< The server empties itself; try elsewhere.
    MUSTER_CLOSE_REPLACED = 6,    ///< The player resumed from another connection.
    MUSTER_CLOSE_VERSION = 7,     ///< The versions do not fit together.
    MUSTER_CLOSE_PROTOCOL = 8,    ///< The peer broke a rule of the protocol.
    MUSTER_CLOSE_LIMIT = 9,       ///< A limit on rate, bytes or memory was exceeded.
    MUSTER_CLOSE_ENDED = 10,      ///< The instance ended.
    MUSTER_CLOSE_UNREACHABLE = 11 ///< Nothing was heard from the peer for too long.
} muster_close_reason;

/// An unreliable payload inside a packet that was read.
typedef struct muster_session_blob {
    const uint8_t *bytes; ///< Inside the packet, valid as long as its memory is.
    uint32_t length;      ///< May be 0.
    uint8_t kind;         ///< The sender's kind, at most MUSTER_SESSION_BLOB_KIND_MAX.
} muster_session_blob;

/// What muster_session_read() found in one packet.
typedef struct muster_session_received {
    muster_session_blob blobs[MUSTER_SESSION_BLOBS_MAX]; ///< In the order of writing.
    uint32_t blob_count;                                 ///< Blobs in use.
    uint16_t sequence;    ///< The packet's number, which wraps after 65535.
    bool is_newest;       ///< False for a packet that a later one overtook.
    bool is_fresh;        ///< False for one read before or too old to tell: nothing in it counted.
    uint8_t close_reason; ///< In a close packet, else MUSTER_CLOSE_NONE; unknown ones are kept.

    /// The text of a close packet, inside the packet and not zero-terminated: hostile bytes, at
    /// most MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX.
    const char *close_text;
    uint32_t close_text_length;
} muster_session_received;

/// A reliable message that has arrived. Its bytes are the session's and valid until the next read
/// or pop of any session of the pool.
typedef struct muster_session_message {
    const uint8_t *bytes; ///< `length` bytes.
    uint32_t length;      ///< At most MUSTER_SESSION_MESSAGE_BYTES_MAX; may be 0.
    uint16_t kind;        ///< The sender's kind.
} muster_session_message;

/// What became of a packet that was sent with a token.
typedef struct muster_session_fate {
    uint64_t token; ///< As given to muster_session_end_packet().
    bool is_acked;  ///< The peer has confirmed it. A packet judged lost may still have arrived.
} muster_session_fate;

/// Counters and estimates of one session.
typedef struct muster_session_stats {
    uint64_t packets_sent;        ///< Packets ended.
    uint64_t packets_acked;       ///< Confirmed, also late.
    uint64_t packets_lost;        ///< Judged lost; those acked later are counted in both.
    uint64_t packets_received;    ///< Fresh packets read.
    uint64_t bytes_sent;          ///< Bytes of packets ended.
    uint64_t bytes_received;      ///< Bytes of fresh packets read.
    uint64_t packets_stale;       ///< Duplicates and packets too old to tell.
    uint64_t packets_malformed;   ///< Refused with MUSTER_ERR_MALFORMED.
    uint64_t packets_refused;     ///< Refused with another status.
    uint64_t messages_pushed;     ///< Reliable messages accepted from the caller.
    uint64_t messages_popped;     ///< Reliable messages given to the caller.
    uint64_t fragments_sent;      ///< Fragments written into packets, repeats included.
    uint64_t fragments_repeated;  ///< Of these, written again: lost, or doubled on a bad link.
    uint32_t rtt_us;              ///< Smoothed round trip without the peer's delay; 0 if unknown.
    uint32_t rtt_var_us;          ///< Smoothed deviation of the round trip.
    uint32_t rtt_us_min;          ///< The shortest round trip seen; 0 if unknown.
    uint32_t loss_ppm;            ///< Smoothed share of sent packets judged lost, in millionths.
    uint32_t send_fragment_count; ///< Outgoing fragments held now.
} muster_session_stats;

/// A definition with every field at its default.
MUSTER_API muster_session_pool_def muster_session_pool_default_def(void);

/// Creates a pool with no session acquired.
/// @param out_pool  set to the pool, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_session_pool_create(
    const muster_session_pool_def *def, muster_session_pool **out_pool);

/// Destroys a pool with all its sessions. Does nothing for NULL.
MUSTER_API void muster_session_pool_destroy(muster_session_pool *pool);

/// Takes a session in its first state.
/// @param out_session  set to the session, or to NULL on failure
/// @return MUSTER_ERR_FULL if `session_count` are acquired
MUSTER_API MUSTER_NODISCARD muster_status muster_session_pool_acquire(
    muster_session_pool *pool, muster_session **out_session);

/// Gives a session back with everything it holds. The pointer is dead from then on.
MUSTER_API void muster_session_pool_release(muster_session_pool *pool, muster_session *session);

/// Queues a reliable message. Its bytes are copied.
/// @param kind    passed to the peer
/// @param length  at most MUSTER_SESSION_MESSAGE_BYTES_MAX
/// @return MUSTER_ERR_FULL if outgoing fragments are used up, or the message is longer than 1,152
///     bytes and the peer has not yet said how much it accepts; MUSTER_ERR_INVALID if the message
///     is longer than the peer accepts
MUSTER_API MUSTER_NODISCARD muster_status muster_session_push(
    muster_session *session, uint16_t kind, const uint8_t *bytes, uint32_t length);

/// How long packets should be: MUSTER_SESSION_PACKET_BYTES_MAX, or less where long ones got lost
/// while short ones arrived. A longer packet may be written all the same; it is likely to be lost.
MUSTER_API uint32_t muster_session_packet_bytes(const muster_session *session);

/// Begins a packet in the caller's memory: the header and the reliable fragments that are due.
/// Until it is ended only blobs may be written. A packet that was begun must be ended; if it is
/// then not sent, it counts as lost.
/// @param now_us              of the same clock in all calls; must not go back
/// @param capacity            in [64, MUSTER_SESSION_PACKET_BYTES_MAX]
/// @param reliable_bytes_max  the most bytes that fragments may take; 0 sends none
/// @return MUSTER_ERR_FULL if 256 fates wait to be popped
MUSTER_API MUSTER_NODISCARD muster_status muster_session_begin_packet(muster_session *session,
    uint64_t now_us,
    uint8_t *bytes,
    uint32_t capacity,
    uint32_t reliable_bytes_max);

/// Begins an unreliable payload, which the caller then writes in place.
/// @param kind          at most MUSTER_SESSION_BLOB_KIND_MAX
/// @param is_last       true saves two bytes; no blob may follow
/// @param out_bytes     where to write, NULL on failure
/// @param out_capacity  the most bytes that fit, at least 1; 0 on failure
/// @return MUSTER_ERR_FULL if the packet has no room for a byte, or holds 8 blobs
MUSTER_API MUSTER_NODISCARD muster_status muster_session_begin_blob(muster_session *session,
    uint8_t kind,
    bool is_last,
    uint8_t **out_bytes,
    uint32_t *out_capacity);

/// Ends the blob that was begun, with the bytes written, at most its capacity.
MUSTER_API void muster_session_end_blob(muster_session *session, uint32_t length);

/// Ends the packet.
/// @param token  comes back by muster_session_pop_fate(); 0 for none
/// @return the packet's length in bytes
MUSTER_API uint32_t muster_session_end_packet(muster_session *session, uint64_t token);

/// Reads a packet from the peer. It is checked as a whole before any of it counts.
/// @param out_received  always written; empty on failure
/// @return MUSTER_ERR_MALFORMED, MUSTER_ERR_VERSION, MUSTER_ERR_DENIED if the peer has closed or
///     broken the session, MUSTER_ERR_FULL if messages must be popped first (the peer sends again)
MUSTER_API MUSTER_NODISCARD muster_status muster_session_read(muster_session *session,
    uint64_t now_us,
    const uint8_t *bytes,
    uint32_t length,
    muster_session_received *out_received);

/// Takes the next reliable message. Pop all after each read.
/// @return false, leaving `out_message` alone, when none is complete
MUSTER_API bool muster_session_pop(muster_session *session, muster_session_message *out_message);

/// Takes what became of a packet with a token, as learned; of acks that came as one, newest first.
/// @return false, leaving `out_fate` alone, when nothing is known
MUSTER_API bool muster_session_pop_fate(muster_session *session, muster_session_fate *out_fate);

/// True if a packet without a blob is due: for fragments, to acknowledge content, or to try what
/// the path carries. Also judges which packets are lost by `now_us`.
MUSTER_API bool muster_session_has_due(muster_session *session, uint64_t now_us);

/// The session's counters and estimates.
MUSTER_API muster_session_stats muster_session_get_stats(const muster_session *session);

/// Writes a close packet, which needs no session: a refusal has none. Send it a few times.
/// @param reason    not MUSTER_CLOSE_NONE
/// @param text      for humans, cut at MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX bytes; may be NULL
/// @param capacity  at least 3; the text is cut to fit
/// @return the packet's length in bytes
MUSTER_API uint32_t muster_session_write_close(
    muster_close_reason reason, const char *text, uint8_t *bytes, uint32_t capacity);
