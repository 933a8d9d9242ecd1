// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the files of the session layer share: the state of one session and of its pool.
///
/// The idea: a packet is the unit that is confirmed or lost, everything else follows from its
/// fate. A fragment remembers the packet that carried it last; a token lies in the record of its
/// packet. So acks need no bookkeeping for each record, and nothing is timed but packets.

#include "muster/session.h"
#include "net/packet_ladder.h"

#define SESSION_SENT_COUNT     256u // packets whose fate may be open; a power of two
#define SESSION_FRAGMENTS_MAX  32u  // fragment records in one packet
#define SESSION_WINDOW_MIN     4u   // fragments in flight before the peer has said its window
#define SESSION_WINDOW_MAX     256u
#define SESSION_ACK_BITS_MAX   56u
#define SESSION_DELAY_INTERVAL 8u // one packet of so many carries the delay of its ack
#define SESSION_DELAY_UNIT_US  512u

// The first byte of a packet: version in the high nibble, then one bit, then a count of bytes.
#define SESSION_HEADER_HAS_ACK       0x08u
#define SESSION_HEADER_ACK_BYTES     0x07u
#define SESSION_HEADER_VERSION_SHIFT 4u

// The first byte of a record. A blob's kind lies in the low six bits.
#define SESSION_TAG_PART      0x01u
#define SESSION_TAG_LAST      0x02u
#define SESSION_TAG_WINDOW    0x03u
#define SESSION_TAG_BLOB      0x40u
#define SESSION_TAG_BLOB_LAST 0x80u
#define SESSION_TAG_GROUP     0xC0u

#define SESSION_PART_HEADER_BYTES 3u
#define SESSION_LAST_HEADER_BYTES 7u
#define SESSION_BLOB_HEADER_BYTES 3u
#define SESSION_CLOSE_BYTES       3u

_Static_assert(MUSTER_SESSION_FRAGMENT_RECORD_BYTES ==
                   SESSION_LAST_HEADER_BYTES + MUSTER_SESSION_FRAGMENT_BYTES,
    "the public constant is the largest record");
_Static_assert(
    SESSION_WINDOW_MAX *MUSTER_SESSION_FRAGMENT_BYTES >= MUSTER_SESSION_MESSAGE_BYTES_MAX,
    "the longest message fits the widest window");

enum session_sent_state {
    SESSION_SENT_NONE,
    SESSION_SENT_WAITING,
    SESSION_SENT_ACKED,
    SESSION_SENT_LOST,
};

// A packet of the recent past, at its sequence modulo SESSION_SENT_COUNT.
struct session_sent {
    uint64_t token;
    uint64_t sent_us;
    uint16_t ack;   // what the packet told the peer
    uint16_t bytes; // its length
    uint8_t state;
    bool has_ack;
    bool has_fragments;
    bool is_fate_queued; // the slot may not be used again before the fate is popped
};

// A fragment is due in every state but IN_FLIGHT.
enum session_fragment_state {
    SESSION_FRAGMENT_NEW,
    SESSION_FRAGMENT_ONCE, // in flight, and to be doubled in the next packet
    SESSION_FRAGMENT_IN_FLIGHT,
    SESSION_FRAGMENT_LOST, // with every packet that carried it
};

// An outgoing fragment on its session's list, or on the pool's free list.
struct session_fragment {
    uint64_t packet;        // how many were sent before the last one that carried it
    uint64_t packet_before; // the same of the one before; equal to `packet` if there is none
    uint32_t next1;         // index plus one; 0 ends the list
    uint16_t sequence;
    uint16_t message_first; // the sequence of its message's first fragment
    uint16_t kind;
    uint16_t length;
    uint8_t state;
    uint8_t open_count; // packets that carried it and are not lost
    bool is_last;
    uint8_t bytes[MUSTER_SESSION_FRAGMENT_BYTES];
};

// What a slot for an incoming fragment holds: nothing, a part that fills it, or the end of a
// message, whose length is added to SESSION_MARK_LAST.
#define SESSION_MARK_EMPTY 0u
#define SESSION_MARK_PART  1u
#define SESSION_MARK_LAST  2u

struct session_slot {
    uint16_t mark;
    uint16_t kind; // of the message, in its last fragment
};

// The packet between begin and end.
struct session_writer {
    uint8_t *bytes;
    uint32_t capacity;
    uint32_t length;
    uint32_t blob_offset; // of the open blob's tag; 0 if none is open
    uint32_t blob_count;
    uint64_t now_us;
    bool is_open;
    bool has_last_blob;
    bool has_fragments;
};

struct muster_session {
    muster_session_pool *pool;
    struct session_sent *sent;  // SESSION_SENT_COUNT
    uint8_t *fates;             // SESSION_SENT_COUNT, a ring of slots of `sent`
    struct session_slot *slots; // the pool's receive_fragment_count
    uint8_t *slot_bytes;        // MUSTER_SESSION_FRAGMENT_BYTES for each slot
    uint32_t next_free1;        // on the pool's list of free sessions
    bool is_acquired;

    bool has_received;
    bool has_peer_ack;
    bool has_told;
    bool is_ended; // closed by the peer or broken; nothing more is read
    bool is_ack_owed;

    // Packets received: bit i of the mask is packet `receive_newest - i`.
    uint16_t receive_newest;
    uint64_t receive_mask;
    uint64_t receive_newest_us;

    // Packets sent, and those the peer has confirmed: bit i of the mask is `peer_ack - i`.
    uint16_t sent_next;
    uint16_t sent_oldest; // the first whose fate is open, or sent_next
    uint16_t peer_ack;
    uint16_t told_ack; // the newest ack of ours that the peer is known to have
    uint64_t peer_mask;
    uint32_t fate_first;
    uint32_t fate_count;

    // Outgoing fragments, in order.
    uint32_t send_first1;
    uint32_t send_last1;
    uint32_t send_count;
    uint32_t send_due_count;
    uint16_t send_next;
    uint16_t peer_window; // 0 until the peer has said it

    // Incoming fragments: `receive_base` is the first not popped, `receive_missing` the first not
    // there, with `receive_part_count` parts of an unfinished message right before it.
    uint16_t receive_base;
    uint16_t receive_missing;
    uint16_t receive_part_count;
    uint16_t receive_message_count;

    struct packet_ladder ladder;
    struct session_writer writer;
    muster_session_stats stats;
};

struct muster_session_pool {
    muster_allocator allocator;
    size_t bytes;
    uint32_t session_count;
    uint32_t receive_fragment_count;
    uint32_t session_send_fragment_count_max;
    uint32_t free_session1;
    uint32_t free_fragment1;
    uint32_t free_fragment_count;
    muster_session *sessions;
    struct session_fragment *fragments;
    uint8_t *message; // a message that wraps around its session's slots is put together here
};

/// True if `a` comes after `b`, in numbers that wrap.
static inline bool session_is_after(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b) > 0;
}

/// Gives an outgoing fragment back to the pool. It must be off its session's list.
void session_fragment_release(muster_session_pool *pool, uint32_t index1);

/// Judges which open packets are lost by `now_us`.
void session_judge_lost(muster_session *session, uint64_t now_us);

/// Applies acks that were checked: bit i of `mask` confirms packet `ack - i`.
/// @param delay_us  how long the peer held the newest ack, or UINT32_MAX if it did not say
void session_apply_acks(
    muster_session *session, uint64_t now_us, uint16_t ack, uint64_t mask, uint32_t delay_us);
