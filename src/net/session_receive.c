// SPDX-License-Identifier: Apache-2.0
#include "net/session_state.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <string.h>

// Reading is in two halves. The first only looks: it takes the packet apart and compares it with
// the session, and every refusal happens there. The second changes the session. The one thing it
// can still find is a message longer than was agreed, which ends the session.

#define PACKET_BYTES_MIN 3u // version, sequence

struct parsed_fragment {
    const uint8_t *bytes;
    uint16_t sequence;
    uint16_t mark;
    uint16_t kind;
};

struct parsed {
    uint64_t ack_mask; // bit i confirms packet `ack - i`; 0 without an ack
    uint32_t delay_us;
    uint32_t fragment_count;
    uint16_t sequence;
    uint16_t ack;
    uint16_t window; // 0 without a window record
    struct parsed_fragment fragments[SESSION_FRAGMENTS_MAX];
};

// The bytes not yet taken. `is_short` is set by the first take that finds too few.
struct reader {
    const uint8_t *bytes;
    uint32_t length;
    bool is_short;
};

static const uint8_t *take(struct reader *reader, uint32_t length)
{
    static const uint8_t zeros[MUSTER_SESSION_FRAGMENT_BYTES] = {0};
    if (length > reader->length) {
        reader->is_short = true;
        reader->length = 0;
        return zeros;
    }
    const uint8_t *bytes = reader->bytes;
    reader->bytes += length;
    reader->length -= length;
    return bytes;
}

// Taking apart.

static void parse_header(struct reader *reader, struct parsed *parsed)
{
    const uint8_t *header = take(reader, 3);
    parsed->sequence = bytes_load_u16(header + 1);
    parsed->delay_us = UINT32_MAX;
    const uint32_t ack_bytes = header[0] & SESSION_HEADER_ACK_BYTES;
    if ((header[0] & SESSION_HEADER_HAS_ACK) == 0) {
        reader->is_short |= ack_bytes != 0;
        return;
    }
    parsed->ack = bytes_load_u16(take(reader, 2));
    const uint8_t *bytes = take(reader, ack_bytes);
    uint64_t bits = 0;
    for (uint32_t i = ack_bytes; i-- > 0;) {
        bits = bits << 8 | bytes[i];
    }
    parsed->ack_mask = bits << 1 | 1;
    if (parsed->sequence % SESSION_DELAY_INTERVAL == 0) {
        const uint32_t delay = *take(reader, 1);
        parsed->delay_us = delay == UINT8_MAX ? UINT32_MAX : delay * SESSION_DELAY_UNIT_US;
    }
}

static bool parse_fragment(struct reader *reader, uint8_t tag, struct parsed *parsed)
{
    if (parsed->fragment_count == SESSION_FRAGMENTS_MAX) {
        return false;
    }
    struct parsed_fragment *fragment = &parsed->fragments[parsed->fragment_count++];
    fragment->sequence = bytes_load_u16(take(reader, 2));
    fragment->kind = 0;
    fragment->mark = SESSION_MARK_PART;
    uint32_t length = MUSTER_SESSION_FRAGMENT_BYTES;
    if (tag == SESSION_TAG_LAST) {
        fragment->kind = bytes_load_u16(take(reader, 2));
        length = bytes_load_u16(take(reader, 2));
        if (length > MUSTER_SESSION_FRAGMENT_BYTES) {
            return false;
        }
        fragment->mark = (uint16_t)(SESSION_MARK_LAST + length);
    }
    fragment->bytes = take(reader, length);
    return true;
}

static bool parse_blob(struct reader *reader, uint8_t tag, muster_session_received *received)
{
    if (received->blob_count == MUSTER_SESSION_BLOBS_MAX) {
        return false;
    }
    const bool is_last = (tag & SESSION_TAG_GROUP) == SESSION_TAG_BLOB_LAST;
    const uint32_t length = is_last ? reader->length : bytes_load_u16(take(reader, 2));
    muster_session_blob *blob = &received->blobs[received->blob_count++];
    blob->kind = tag & MUSTER_SESSION_BLOB_KIND_MAX;
    blob->length = length;
    blob->bytes = take(reader, length);
    return true;
}

static bool parse_records(
    struct reader *reader, struct parsed *parsed, muster_session_received *received)
{
    while (reader->length > 0) {
        const uint8_t tag = *take(reader, 1);
        const uint8_t group = tag & SESSION_TAG_GROUP;
        if (group == SESSION_TAG_BLOB || group == SESSION_TAG_BLOB_LAST) {
            if (!parse_blob(reader, tag, received)) {
                return false;
            }
        } else if (tag == SESSION_TAG_PART || tag == SESSION_TAG_LAST) {
            if (!parse_fragment(reader, tag, parsed)) {
                return false;
            }
        } else if (tag == SESSION_TAG_WINDOW && parsed->window == 0) {
            parsed->window = bytes_load_u16(take(reader, 2));
            if (parsed->window < SESSION_WINDOW_MIN || parsed->window > SESSION_WINDOW_MAX) {
                return false;
            }
        } else {
            return false;
        }
    }
    return true;
}

// Checking against the session.

// Acks may name packets of the last half of the numbers, and only such as were sent.
static bool acks_are_possible(const muster_session *session, const struct parsed *parsed)
{
    if (parsed->ack_mask == 0) {
        return true;
    }
    const uint16_t distance = (uint16_t)(session->sent_next - 1 - parsed->ack);
    const uint32_t depth = 63u - (uint32_t)__builtin_clzll(parsed->ack_mask);
    return distance < 0x8000u && distance + depth < session->stats.packets_sent;
}

static muster_status check_fragments(const muster_session *session, const struct parsed *parsed)
{
    const uint32_t window = session->pool->receive_fragment_count;
    bool is_full = false;
    for (uint32_t i = 0; i < parsed->fragment_count; i++) {
        const uint16_t ahead = (uint16_t)(parsed->fragments[i].sequence - session->receive_base);
        if (ahead >= 2 * window && ahead < 0x8000u) {
            return MUSTER_ERR_MALFORMED;
        }
        // The sender counts from what it knows to be received, this end from what is popped.
        is_full |= ahead >= window && ahead < 0x8000u;
    }
    return is_full ? MUSTER_ERR_FULL : MUSTER_OK;
}

static muster_status check(const muster_session *session, const struct parsed *parsed)
{
    if (!acks_are_possible(session, parsed)) {
        return MUSTER_ERR_MALFORMED;
    }
    const bool is_other_window =
        parsed->window != 0 && session->peer_window != 0 && parsed->window != session->peer_window;
    if (is_other_window) {
        return MUSTER_ERR_MALFORMED;
    }
    return check_fragments(session, parsed);
}

// Changing the session.

// Notes the packet as received. False for a duplicate, and for one too old to tell.
static bool accept_sequence(muster_session *session, uint64_t now_us, uint16_t sequence)
{
    if (session->has_received && !session_is_after(sequence, session->receive_newest)) {
        const uint16_t behind = (uint16_t)(session->receive_newest - sequence);
        if (behind > SESSION_ACK_BITS_MAX || (session->receive_mask >> behind & 1) != 0) {
            return false;
        }
        session->receive_mask |= UINT64_C(1) << behind;
        return true;
    }
    const uint16_t ahead = (uint16_t)(sequence - session->receive_newest);
    session->receive_mask =
        session->has_received && ahead < 64 ? session->receive_mask << ahead | 1 : 1;
    session->has_received = true;
    session->receive_newest = sequence;
    session->receive_newest_us = now_us;
    return true;
}

static void store_fragment(muster_session *session, const struct parsed_fragment *fragment)
{
    const uint32_t window = session->pool->receive_fragment_count;
    const uint16_t ahead = (uint16_t)(fragment->sequence - session->receive_base);
    const uint32_t index = fragment->sequence % window;
    struct session_slot *slot = &session->slots[index];
    if (ahead >= window || slot->mark != SESSION_MARK_EMPTY) {
        return; // received before
    }
    slot->mark = fragment->mark;
    slot->kind = fragment->kind;
    const size_t length = fragment->mark == SESSION_MARK_PART ? MUSTER_SESSION_FRAGMENT_BYTES
                                                              : fragment->mark - SESSION_MARK_LAST;
    memcpy(session->slot_bytes + (size_t)index * MUSTER_SESSION_FRAGMENT_BYTES, fragment->bytes,
        length);
}

// Walks over what is complete by now. False if a message exceeds what was agreed.
static bool complete_messages(muster_session *session)
{
    const uint32_t window = session->pool->receive_fragment_count;
    while ((uint16_t)(session->receive_missing - session->receive_base) < window) {
        const uint16_t mark = session->slots[session->receive_missing % window].mark;
        if (mark == SESSION_MARK_EMPTY) {
            break;
        }
        session->receive_missing++;
        if (mark == SESSION_MARK_PART) {
            session->receive_part_count++;
            continue;
        }
        const uint32_t length = session->receive_part_count * MUSTER_SESSION_FRAGMENT_BYTES +
                                (uint32_t)(mark - SESSION_MARK_LAST);
        if (length > MUSTER_SESSION_MESSAGE_BYTES_MAX) {
            return false;
        }
        session->receive_part_count = 0;
        session->receive_message_count++;
    }
    return session->receive_part_count < window;
}

static muster_status apply(muster_session *session,
    uint64_t now_us,
    const struct parsed *parsed,
    muster_session_received *received)
{
    received->sequence = parsed->sequence;
    received->is_fresh = accept_sequence(session, now_us, parsed->sequence);
    if (!received->is_fresh) {
        session->stats.packets_stale++;
        received->blob_count = 0;
        return MUSTER_OK;
    }
    received->is_newest = parsed->sequence == session->receive_newest;
    session->stats.packets_received++;
    session->is_ack_owed |= parsed->fragment_count > 0 || received->blob_count > 0;
    for (uint32_t i = 0; i < parsed->fragment_count; i++) {
        store_fragment(session, &parsed->fragments[i]);
    }
    if (parsed->fragment_count > 0 && !complete_messages(session)) {
        return MUSTER_ERR_MALFORMED;
    }
    if (parsed->window != 0) {
        session->peer_window = parsed->window;
    }
    if (parsed->ack_mask != 0) {
        session_apply_acks(session, now_us, parsed->ack, parsed->ack_mask, parsed->delay_us);
    }
    return MUSTER_OK;
}

static muster_status read_close(muster_session *session,
    const uint8_t *bytes,
    uint32_t length,
    muster_session_received *received)
{
    const bool is_whole =
        length >= SESSION_CLOSE_BYTES && bytes[0] == 0 && bytes[1] != MUSTER_CLOSE_NONE &&
        bytes[2] <= MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX && length == SESSION_CLOSE_BYTES + bytes[2];
    if (!is_whole) {
        return MUSTER_ERR_MALFORMED;
    }
    received->is_fresh = true;
    received->close_reason = bytes[1];
    received->close_text = (const char *)bytes + SESSION_CLOSE_BYTES;
    received->close_text_length = bytes[2];
    session->is_ended = true;
    return MUSTER_OK;
}

static muster_status read_packet(muster_session *session,
    uint64_t now_us,
    const uint8_t *bytes,
    uint32_t length,
    muster_session_received *received)
{
    if (session->is_ended) {
        return MUSTER_ERR_DENIED;
    }
    if (length < PACKET_BYTES_MIN || length > MUSTER_SESSION_PACKET_BYTES_MAX) {
        return MUSTER_ERR_MALFORMED;
    }
    const uint32_t version = bytes[0] >> SESSION_HEADER_VERSION_SHIFT;
    if (version == 0) {
        return read_close(session, bytes, length, received);
    }
    if (version != MUSTER_SESSION_VERSION) {
        return MUSTER_ERR_VERSION;
    }
    struct reader reader = {.bytes = bytes, .length = length};
    struct parsed parsed; // its fragments are written before they are read
    parsed.ack = 0;
    parsed.ack_mask = 0;
    parsed.delay_us = 0;
    parsed.fragment_count = 0;
    parsed.window = 0;
    parse_header(&reader, &parsed);
    if (!parse_records(&reader, &parsed, received) || reader.is_short) {
        return MUSTER_ERR_MALFORMED;
    }
    const muster_status status = check(session, &parsed);
    if (status != MUSTER_OK) {
        return status;
    }
    const muster_status applied = apply(session, now_us, &parsed, received);
    session->is_ended |= applied != MUSTER_OK;
    return applied;
}

// Clears what a failed packet may have written. Blobs beyond the count are never looked at.
static void received_clear(muster_session_received *received)
{
    received->blob_count = 0;
    received->sequence = 0;
    received->is_newest = false;
    received->is_fresh = false;
    received->close_reason = MUSTER_CLOSE_NONE;
    received->close_text = NULL;
    received->close_text_length = 0;
}

muster_status muster_session_read(muster_session *session,
    uint64_t now_us,
    const uint8_t *bytes,
    uint32_t length,
    muster_session_received *out_received)
{
    MUSTER_ASSERT(session != NULL && session->is_acquired && !session->writer.is_open);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(out_received != NULL);

    received_clear(out_received);
    const muster_status status = read_packet(session, now_us, bytes, length, out_received);
    if (status != MUSTER_OK) {
        received_clear(out_received);
        session->stats.packets_malformed += status == MUSTER_ERR_MALFORMED;
        session->stats.packets_refused += status != MUSTER_ERR_MALFORMED;
    }
    session->stats.bytes_received += out_received->is_fresh ? length : 0;
    return status;
}

// Messages.

bool muster_session_pop(muster_session *session, muster_session_message *out_message)
{
    MUSTER_ASSERT(session != NULL && session->is_acquired);
    MUSTER_ASSERT(out_message != NULL);

    if (session->receive_message_count == 0) {
        return false;
    }
    muster_session_pool *pool = session->pool;
    const uint32_t window = pool->receive_fragment_count;
    const uint32_t first = session->receive_base % window;
    uint32_t length = 0;
    bool is_whole = false;
    while (!is_whole) {
        struct session_slot *slot = &session->slots[session->receive_base % window];
        MUSTER_ASSERT(slot->mark != SESSION_MARK_EMPTY);
        is_whole = slot->mark >= SESSION_MARK_LAST;
        length +=
            is_whole ? (uint32_t)slot->mark - SESSION_MARK_LAST : MUSTER_SESSION_FRAGMENT_BYTES;
        out_message->kind = slot->kind;
        slot->mark = SESSION_MARK_EMPTY;
        session->receive_base++;
    }
    session->receive_message_count--;
    session->stats.messages_popped++;

    // Fragments but the last are full, so a message lies in one piece, or in two around the end.
    const uint8_t *bytes = session->slot_bytes + (size_t)first * MUSTER_SESSION_FRAGMENT_BYTES;
    const uint32_t straight = (window - first) * MUSTER_SESSION_FRAGMENT_BYTES;
    if (length > straight) {
        memcpy(pool->message, bytes, straight);
        memcpy(pool->message + straight, session->slot_bytes, length - straight);
        bytes = pool->message;
    }
    out_message->bytes = bytes;
    out_message->length = length;
    return true;
}
