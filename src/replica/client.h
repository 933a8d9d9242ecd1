// SPDX-License-Identifier: Apache-2.0
#pragma once

/// One client as the server sees it: a table of the entities it knows, with the state of each that
/// it is sure to have, and a journal of what is under way.
///
/// An entity has an index in the table for as long as the client knows it; an index that is not in
/// the set `taken` is free:
///
///     FREE ──▶ NEW ──written──▶ TOLD ──acked──▶ LIVE
///       ▲       │                 │              │
///       │       └─ gone ──▶ FREE  └──── gone ────┴──▶ LEAVING ──acked──▶ FREE
///
/// An index is free again only when the client has acknowledged that the entity left, so it never
/// means two entities in packets that may still arrive in the wrong order: those older than the
/// latest enter or leave are told by their tick.

#include "replica/history.h"

/// Packets under way that are remembered.
#define CLIENT_PACKET_COUNT 256

/// Ticks after which an enter or a leave is repeated.
#define CLIENT_REPEAT_TICKS 6

/// Acks that may wait until the client's next packets are planned, when its table is at hand.
#define CLIENT_ACK_COUNT 32

/// A note of the journal is one byte, a gap and a set of sections of four bits each, and two bytes
/// more for either that is not below this.
#define CLIENT_NOTE_ESCAPE 15u

/// No ring: further than every radius.
#define CLIENT_RING_NONE MUSTER_CHANNEL_COUNT

enum client_state {
    CLIENT_STATE_NEW,
    CLIENT_STATE_TOLD,
    CLIENT_STATE_LIVE,
    CLIENT_STATE_LEAVING,
};

/// What is known of an index that is taken. All of it lies together: a thousand tables fit into no
/// cache, and so an index costs one line of memory.
struct client_entry {
    uint32_t since_stamp; // when it entered, or began to leave
    uint16_t slot;
    uint16_t sent_stamp; // the low bits of when it was last sent
    uint8_t state;
    uint8_t ring;
    uint32_t base_stamps[]; // of `lane_count` sections, the states that it is sure to have; 0: none
};

/// A packet under way. `token` 0 is none.
struct client_packet {
    uint32_t token;
    uint32_t stamp;
    uint32_t journal_begin; // positions count on and wrap; the byte is at position & mask
    uint32_t journal_end;
};

struct client {
    bool is_added;
    bool has_viewer;
    bool is_open;    // something may be sent in this tick
    bool is_limited; // `chosen` says which of `pending` are sent in this tick
    muster_replica_viewer viewer;
    float reach_m; // entities beyond it are not told of; less than the last radius in a throng
    uint32_t number;
    uint32_t prepared_stamp;
    uint32_t looked_stamp; // when it last looked for entities near
    uint32_t known_count;
    uint32_t entering_count;
    uint32_t leaving_count;
    uint32_t tick_enter_count; // enters written in this tick
    uint32_t tick_packet_count;
    uint32_t next_token;
    uint32_t cursor;         // where the next packet goes on
    uint32_t update_bits;    // what an update costs of late, in sixteenths of a bit
    uint32_t gap_sixteenths; // what lies between two updates of late
    int32_t credit_bytes;
    uint32_t newest_acked_stamp;
    uint32_t unheard_stamp; // since when what is sent is not acknowledged; 0: all of it is
    uint32_t lost_stamp;    // when a packet was last known to be lost; 0: never
    uint32_t ack_count;
    struct client_packet acks[CLIENT_ACK_COUNT]; // acknowledged, not applied yet
    uint32_t wait_stamps[MUSTER_CHANNEL_COUNT];  // when pending updates of a ring began to wait
    uint32_t index_count;                        // indices in the table
    uint32_t lane_count;   // sections, filled up to a multiple of HISTORY_LANES
    uint32_t word_count;   // words of each set of indices
    uint32_t journal_mask; // bytes of the journal minus 1; they are a power of two
    uint32_t journal_head;

    uint8_t *entries;     // by index, see client_entry()
    uint32_t entry_bytes; // a multiple of 16, with all of its bases
    uint16_t *slots;      // by index, once more, for client_find()

    // Sets of indices.
    uint64_t *taken;
    uint64_t *ring_sets; // `word_count` words a ring
    uint64_t *pending;   // an update is due
    uint64_t *chosen;
    uint64_t *entering; // NEW and TOLD
    uint64_t *leaving;
    uint64_t *quiet; // had all there was to tell when it was last sent, or found to be so

    uint64_t *seen; // by slot: what lives there has an index
    uint8_t *journal;
    struct client_packet *packets;
    muster_replica_counts counts;
};

static inline void set_add(uint64_t *set, uint32_t index)
{
    set[index / 64] |= UINT64_C(1) << (index % 64);
}

static inline void set_remove(uint64_t *set, uint32_t index)
{
    set[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

static inline bool set_has(const uint64_t *set, uint32_t index)
{
    return (set[index / 64] >> (index % 64) & 1) != 0;
}

/// What is known of an index.
static inline struct client_entry *client_entry(const struct client *client, uint32_t index)
{
    return (struct client_entry *)(client->entries + (size_t)index * client->entry_bytes);
}

/// Asks for the entries of some indices of a word, which are needed soon.
static inline void client_prefetch_entries(const struct client *client, uint32_t w, uint64_t set)
{
    for (uint64_t left = set; left != 0; left &= left - 1) {
        __builtin_prefetch(client_entry(client, w * 64 + (uint32_t)__builtin_ctzll(left)), 1);
    }
}

/// Asks for what planning a client's packets begins with.
void client_prefetch(const struct client *client);

/// Ticks since an index was last sent; wraps after 65,536.
static inline uint32_t client_idle_ticks(
    const struct client *client, uint32_t stamp, uint32_t index)
{
    return (uint16_t)(stamp - client_entry(client, index)->sent_stamp);
}

/// Forgets everything but the token to come, so that tokens of an earlier client mean nothing.
void client_reset(struct client *client, const struct history *history, float reach_m);

/// Gives an entity an index.
/// @return false if there is none free
bool client_enter(
    struct client *client, const struct history *history, uint32_t slot, uint32_t ring);

/// Begins to take an entity away. `is_dead` frees its slot for what lives there now.
void client_leave(
    struct client *client, const struct history *history, uint32_t index, bool is_dead);

/// The index that an entity which is `seen` has by its slot; `index_count` if it is leaving.
uint32_t client_find(const struct client *client, uint32_t slot);

/// Moves an entity to another ring.
void client_move(struct client *client, uint32_t index, uint32_t ring);

/// client_note() for gaps and sets that take more than a byte.
void client_note_at_length(
    struct client *client, uint32_t next_index, uint32_t index, uint32_t section_mask);

/// Notes in the journal that the packet being written holds sections of an index. Zero sections
/// are a leave. `next_index` is one more than the index noted before it in this packet.
static inline void client_note(
    struct client *client, uint32_t next_index, uint32_t index, uint32_t section_mask)
{
    const uint32_t gap = index - next_index;
    if (gap >= CLIENT_NOTE_ESCAPE || section_mask >= CLIENT_NOTE_ESCAPE) {
        client_note_at_length(client, next_index, index, section_mask);
        return;
    }
    client->journal[client->journal_head++ & client->journal_mask] =
        (uint8_t)(gap | section_mask << 4);
}

/// Remembers the packet whose notes began at `journal_begin`.
/// @return its token
uint32_t client_sent(struct client *client, uint32_t stamp, uint32_t journal_begin);

/// Applies the acks that wait.
void client_apply_acks(struct client *client);

/// As muster_replica_acked() and muster_replica_lost().
bool client_acked(struct client *client, uint32_t token);
bool client_lost(struct client *client, const struct history *history, uint32_t token);
