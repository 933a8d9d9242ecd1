// SPDX-License-Identifier: Apache-2.0
#include "net/session_state.h"

#include "core/assert.h"
#include "core/bytes.h"

#include <string.h>

// Packets are sent in order and mostly confirmed in order, so their fates are kept with a cursor:
// `sent_oldest` waits at the first open packet until it is confirmed or judged lost. A packet is
// lost when it can no longer be confirmed, when a later one was confirmed and it is overdue, or
// when nothing was heard for longer than any answer takes.

#define RTT_UNKNOWN_US    250000u // assumed until the first sample
#define REORDER_SLACK_US  1000u
#define TIMEOUT_SLACK_US  100000u  // how rarely a peer may send and still be waited for
#define RTT_SAMPLE_US_MAX 60000000 // a longer round trip is a clock that jumped
#define ACK_OVERLAP       8u       // acks behind the last one the peer has, for late packets
#define PACKET_BYTES_MIN  64u
#define LOSS_PPM          1000000
#define LOSS_SMOOTH_SHIFT 8     // a few seconds at usual rates
#define DOUBLING_LOSS_PPM 25000 // above the 1 % of a good link and its chance

_Static_assert(SESSION_SENT_COUNT == 256, "fates are slots in a byte");

// Fates.

static void queue_fate(muster_session *session, struct session_sent *sent)
{
    if (sent->token == 0) {
        return;
    }
    MUSTER_ASSERT(session->fate_count < SESSION_SENT_COUNT);
    const uint32_t end = (session->fate_first + session->fate_count) % SESSION_SENT_COUNT;
    session->fates[end] = (uint8_t)(sent - session->sent);
    session->fate_count++;
    sent->is_fate_queued = true;
}

static void count_loss(muster_session *session, bool is_lost)
{
    const int32_t target = is_lost ? LOSS_PPM : 0;
    const int32_t old = (int32_t)session->stats.loss_ppm;
    session->stats.loss_ppm = (uint32_t)(old + (target - old) / (1 << LOSS_SMOOTH_SHIFT));
}

// A packet's number without wrapping: fragments may wait longer than the wrapped numbers last.
static uint64_t number_of(const muster_session *session, uint16_t packet)
{
    return session->stats.packets_sent - (uint16_t)(session->sent_next - packet);
}

static bool is_carried_by(const struct session_fragment *fragment, uint64_t number)
{
    return fragment->state != SESSION_FRAGMENT_NEW &&
           (fragment->packet == number || fragment->packet_before == number);
}

static void mark_fragments_lost(muster_session *session, uint16_t packet)
{
    const uint64_t number = number_of(session, packet);
    struct session_fragment *fragments = session->pool->fragments;
    for (uint32_t i1 = session->send_first1; i1 != 0; i1 = fragments[i1 - 1].next1) {
        struct session_fragment *fragment = &fragments[i1 - 1];
        if (is_carried_by(fragment, number) && --fragment->open_count == 0) {
            session->send_due_count += fragment->state == SESSION_FRAGMENT_IN_FLIGHT;
            fragment->state = SESSION_FRAGMENT_LOST;
        }
    }
}

// Takes the fragments that a confirmed packet carried off the list. A packet that was judged lost
// may still be confirmed, as long as another has not carried the fragment since.
static void remove_fragments(muster_session *session, uint16_t packet)
{
    const uint64_t number = number_of(session, packet);
    struct session_fragment *fragments = session->pool->fragments;
    uint32_t previous1 = 0;
    for (uint32_t i1 = session->send_first1; i1 != 0;) {
        struct session_fragment *fragment = &fragments[i1 - 1];
        const uint32_t next1 = fragment->next1;
        if (!is_carried_by(fragment, number)) {
            previous1 = i1;
            i1 = next1;
            continue;
        }
        if (previous1 == 0) {
            session->send_first1 = next1;
        } else {
            fragments[previous1 - 1].next1 = next1;
        }
        if (next1 == 0) {
            session->send_last1 = previous1;
        }
        session->send_due_count -= fragment->state != SESSION_FRAGMENT_IN_FLIGHT;
        session->send_count--;
        session_fragment_release(session->pool, i1);
        i1 = next1;
    }
}

static void lose_packet(muster_session *session, uint16_t packet)
{
    struct session_sent *sent = &session->sent[packet % SESSION_SENT_COUNT];
    MUSTER_ASSERT(sent->state == SESSION_SENT_WAITING);
    sent->state = SESSION_SENT_LOST;
    session->stats.packets_lost++;
    packet_ladder_lose(&session->ladder, sent->bytes);
    count_loss(session, true);
    if (sent->has_fragments) {
        mark_fragments_lost(session, packet);
    }
    queue_fate(session, sent);
}

static bool is_lost(const muster_session *session, uint16_t packet, uint64_t now_us)
{
    const struct session_sent *sent = &session->sent[packet % SESSION_SENT_COUNT];
    const uint64_t age_us = now_us > sent->sent_us ? now_us - sent->sent_us : 0;
    const uint32_t rtt_us = session->stats.rtt_us != 0 ? session->stats.rtt_us : RTT_UNKNOWN_US;
    if (session->has_peer_ack && session_is_after(session->peer_ack, packet)) {
        return (uint16_t)(session->peer_ack - packet) > SESSION_ACK_BITS_MAX ||
               age_us > (uint64_t)rtt_us + rtt_us / 8 + REORDER_SLACK_US;
    }
    return age_us > (uint64_t)rtt_us + 4ull * session->stats.rtt_var_us + TIMEOUT_SLACK_US;
}

void session_judge_lost(muster_session *session, uint64_t now_us)
{
    while (session->sent_oldest != session->sent_next) {
        const uint16_t packet = session->sent_oldest;
        if (session->sent[packet % SESSION_SENT_COUNT].state == SESSION_SENT_WAITING) {
            if (!is_lost(session, packet, now_us)) {
                return;
            }
            lose_packet(session, packet);
        }
        session->sent_oldest++;
    }
}

bool muster_session_pop_fate(muster_session *session, muster_session_fate *out_fate)
{
    MUSTER_ASSERT(session != NULL);
    MUSTER_ASSERT(out_fate != NULL);

    if (session->fate_count == 0) {
        return false;
    }
    struct session_sent *sent = &session->sent[session->fates[session->fate_first]];
    session->fate_first = (session->fate_first + 1) % SESSION_SENT_COUNT;
    session->fate_count--;
    sent->is_fate_queued = false;
    // A packet that was lost when its fate was queued may have been confirmed since.
    *out_fate = (muster_session_fate){
        .token = sent->token,
        .is_acked = sent->state == SESSION_SENT_ACKED,
    };
    return true;
}

// Acks.

static void sample_rtt(muster_session *session, int64_t sample_us)
{
    if (sample_us < 0 || sample_us > RTT_SAMPLE_US_MAX) {
        return;
    }
    muster_session_stats *stats = &session->stats;
    sample_us += sample_us == 0; // 0 stands for unknown
    if (stats->rtt_us == 0) {
        stats->rtt_us = (uint32_t)sample_us;
        stats->rtt_var_us = (uint32_t)sample_us / 2;
        stats->rtt_us_min = (uint32_t)sample_us;
        return;
    }
    // The gains of RFC 6298: an eighth for the mean, a quarter for the deviation.
    const int64_t error_us = sample_us - (int64_t)stats->rtt_us;
    const int64_t deviation_us = error_us < 0 ? -error_us : error_us;
    const int64_t var_us = (int64_t)stats->rtt_var_us;
    stats->rtt_var_us = (uint32_t)(var_us + (deviation_us - var_us) / 4);
    stats->rtt_us = (uint32_t)((int64_t)stats->rtt_us + error_us / 8);
    if (sample_us < (int64_t)stats->rtt_us_min) {
        stats->rtt_us_min = (uint32_t)sample_us;
    }
}

static void confirm_packet(muster_session *session, uint16_t packet)
{
    struct session_sent *sent = &session->sent[packet % SESSION_SENT_COUNT];
    const bool was_waiting = sent->state == SESSION_SENT_WAITING;
    const bool is_old = (uint16_t)(session->sent_next - packet) > SESSION_SENT_COUNT;
    if (is_old || (!was_waiting && sent->state != SESSION_SENT_LOST)) {
        return; // another packet has its slot, or it was confirmed before the numbers wrapped
    }
    sent->state = SESSION_SENT_ACKED;
    session->stats.packets_acked++;
    packet_ladder_confirm(&session->ladder, sent->bytes);
    if (sent->has_ack && (!session->has_told || session_is_after(sent->ack, session->told_ack))) {
        session->has_told = true;
        session->told_ack = sent->ack;
    }
    if (sent->has_fragments) {
        remove_fragments(session, packet);
    }
    if (was_waiting) {
        count_loss(session, false);
        queue_fate(session, sent);
    }
}

void session_apply_acks(
    muster_session *session, uint64_t now_us, uint16_t ack, uint64_t mask, uint32_t delay_us)
{
    const bool is_ahead = !session->has_peer_ack || session_is_after(ack, session->peer_ack);
    const uint16_t distance =
        is_ahead ? (uint16_t)(ack - session->peer_ack) : (uint16_t)(session->peer_ack - ack);
    uint64_t known = 0;
    if (is_ahead) {
        known = session->has_peer_ack && distance < 64 ? session->peer_mask << distance : 0;
        session->peer_ack = ack;
        session->has_peer_ack = true;
        session->peer_mask = known | mask;
    } else {
        mask = distance < 64 ? mask << distance : 0;
        known = session->peer_mask;
        session->peer_mask |= mask;
    }

    // The newest first: who acts on a fate before the next one comes must not take an older packet
    // for the newest that the peer has.
    for (uint64_t fresh = mask & ~known; fresh != 0; fresh &= fresh - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctzll(fresh);
        const uint16_t packet = (uint16_t)(session->peer_ack - bit);
        confirm_packet(session, packet);
        if (bit == 0 && is_ahead && delay_us != UINT32_MAX) {
            const uint64_t sent_us = session->sent[packet % SESSION_SENT_COUNT].sent_us;
            sample_rtt(session, (int64_t)(now_us - sent_us) - (int64_t)delay_us);
        }
    }
    session_judge_lost(session, now_us);
}

// Messages.

static uint32_t fragment_count_of(uint32_t length)
{
    return length == 0
               ? 1
               : (length + MUSTER_SESSION_FRAGMENT_BYTES - 1) / MUSTER_SESSION_FRAGMENT_BYTES;
}

static struct session_fragment *append_fragment(muster_session *session)
{
    muster_session_pool *pool = session->pool;
    const uint32_t index1 = pool->free_fragment1;
    struct session_fragment *fragment = &pool->fragments[index1 - 1];
    pool->free_fragment1 = fragment->next1;
    pool->free_fragment_count--;
    fragment->next1 = 0;
    fragment->sequence = session->send_next++;
    fragment->state = SESSION_FRAGMENT_NEW;
    fragment->open_count = 0;
    if (session->send_last1 == 0) {
        session->send_first1 = index1;
    } else {
        pool->fragments[session->send_last1 - 1].next1 = index1;
    }
    session->send_last1 = index1;
    session->send_count++;
    session->send_due_count++;
    return fragment;
}

muster_status muster_session_push(
    muster_session *session, uint16_t kind, const uint8_t *bytes, uint32_t length)
{
    MUSTER_ASSERT(session != NULL && session->is_acquired);
    MUSTER_ASSERT(bytes != NULL || length == 0);
    MUSTER_ASSERT(length <= MUSTER_SESSION_MESSAGE_BYTES_MAX);

    const muster_session_pool *pool = session->pool;
    const uint32_t count = fragment_count_of(length);
    if (session->peer_window == 0 ? count > SESSION_WINDOW_MIN : count > session->peer_window) {
        return session->peer_window == 0 ? MUSTER_ERR_FULL : MUSTER_ERR_INVALID;
    }
    if (count > pool->free_fragment_count ||
        session->send_count + count > pool->session_send_fragment_count_max) {
        return MUSTER_ERR_FULL;
    }
    const uint16_t message_first = session->send_next;
    for (uint32_t left = count; left > 0; left--) {
        struct session_fragment *fragment = append_fragment(session);
        const uint32_t taken =
            length < MUSTER_SESSION_FRAGMENT_BYTES ? length : MUSTER_SESSION_FRAGMENT_BYTES;
        fragment->message_first = message_first;
        fragment->kind = kind;
        fragment->is_last = left == 1;
        fragment->length = (uint16_t)taken;
        if (taken > 0) {
            memcpy(fragment->bytes, bytes, taken);
            bytes += taken;
            length -= taken;
        }
    }
    session->stats.messages_pushed++;
    return MUSTER_OK;
}

// Packets.

static uint8_t *write_ahead(struct session_writer *writer, uint32_t length)
{
    MUSTER_ASSERT(length <= writer->capacity - writer->length);
    uint8_t *bytes = writer->bytes + writer->length;
    writer->length += length;
    return bytes;
}

// How many bytes of ack bits the peer needs: those back to the last ack it is known to have, a few
// more for packets that came late, and none beyond the oldest packet received.
static uint32_t ack_byte_count(const muster_session *session)
{
    const uint32_t received_bits = 63u - (uint32_t)__builtin_clzll(session->receive_mask);
    uint32_t bits = SESSION_ACK_BITS_MAX;
    if (session->has_told) {
        bits = (uint32_t)(uint16_t)(session->receive_newest - session->told_ack) + ACK_OVERLAP;
    }
    bits = bits < received_bits ? bits : received_bits;
    bits = bits < SESSION_ACK_BITS_MAX ? bits : SESSION_ACK_BITS_MAX;
    return (bits + 7) / 8;
}

static void write_header(muster_session *session)
{
    struct session_writer *writer = &session->writer;
    uint8_t *header = write_ahead(writer, 3);
    header[0] = MUSTER_SESSION_VERSION << SESSION_HEADER_VERSION_SHIFT;
    bytes_store_u16(header + 1, session->sent_next);
    if (!session->has_received) {
        return;
    }
    const uint32_t ack_bytes = ack_byte_count(session);
    header[0] |= (uint8_t)(SESSION_HEADER_HAS_ACK | ack_bytes);
    bytes_store_u16(write_ahead(writer, 2), session->receive_newest);
    uint64_t bits = session->receive_mask >> 1;
    for (uint8_t *byte = write_ahead(writer, ack_bytes); byte < writer->bytes + writer->length;
         byte++) {
        *byte = (uint8_t)bits;
        bits >>= 8;
    }
    if (session->sent_next % SESSION_DELAY_INTERVAL == 0) {
        const uint64_t now_us = writer->now_us;
        const uint64_t since_us = session->receive_newest_us;
        const uint64_t delay = now_us > since_us ? (now_us - since_us) / SESSION_DELAY_UNIT_US : 0;
        *write_ahead(writer, 1) = (uint8_t)(delay < UINT8_MAX ? delay : UINT8_MAX);
    }
}

static void write_window(muster_session *session)
{
    uint8_t *record = write_ahead(&session->writer, 3);
    record[0] = SESSION_TAG_WINDOW;
    bytes_store_u16(record + 1, (uint16_t)session->pool->receive_fragment_count);
}

static uint32_t record_bytes(const struct session_fragment *fragment)
{
    return (fragment->is_last ? SESSION_LAST_HEADER_BYTES : SESSION_PART_HEADER_BYTES) +
           fragment->length;
}

// On a link that loses much, what is short or was lost before goes out twice: to notice its loss
// would take longer than a round trip, and the bytes are few.
static bool is_worth_doubling(
    const muster_session *session, const struct session_fragment *fragment)
{
    const bool is_short = fragment->is_last && fragment->sequence == fragment->message_first;
    return session->stats.loss_ppm >= DOUBLING_LOSS_PPM &&
           (fragment->state == SESSION_FRAGMENT_LOST ||
               (fragment->state == SESSION_FRAGMENT_NEW && is_short));
}

static void write_fragment(muster_session *session, struct session_fragment *fragment)
{
    uint8_t *record = write_ahead(&session->writer, record_bytes(fragment));
    bytes_store_u16(record + 1, fragment->sequence);
    if (fragment->is_last) {
        record[0] = SESSION_TAG_LAST;
        bytes_store_u16(record + 3, fragment->kind);
        bytes_store_u16(record + 5, fragment->length);
        record += SESSION_LAST_HEADER_BYTES;
    } else {
        record[0] = SESSION_TAG_PART;
        record += SESSION_PART_HEADER_BYTES;
    }
    memcpy(record, fragment->bytes, fragment->length);
    session->stats.fragments_sent++;
    session->stats.fragments_repeated += fragment->state != SESSION_FRAGMENT_NEW;
    const uint64_t number = session->stats.packets_sent;
    fragment->packet_before = fragment->state == SESSION_FRAGMENT_NEW ? number : fragment->packet;
    fragment->packet = number;
    if (is_worth_doubling(session, fragment)) {
        fragment->state = SESSION_FRAGMENT_ONCE;
    } else {
        fragment->state = SESSION_FRAGMENT_IN_FLIGHT;
        session->send_due_count--;
    }
    fragment->open_count++;
    session->writer.has_fragments = true;
}

// The peer holds a message until all of it is there, so its window begins with the first one that
// is not confirmed as a whole.
static bool is_in_window(const muster_session *session, const struct session_fragment *fragment)
{
    const uint16_t base = session->pool->fragments[session->send_first1 - 1].message_first;
    const uint32_t window = session->peer_window != 0 ? session->peer_window : SESSION_WINDOW_MIN;
    return (uint16_t)(fragment->sequence - base) < window;
}

static bool has_due_fragment(const muster_session *session)
{
    const struct session_fragment *fragments = session->pool->fragments;
    uint32_t i1 = session->send_due_count > 0 ? session->send_first1 : 0;
    while (i1 != 0 && fragments[i1 - 1].state == SESSION_FRAGMENT_IN_FLIGHT) {
        i1 = fragments[i1 - 1].next1;
    }
    return i1 != 0 && is_in_window(session, &fragments[i1 - 1]);
}

static void write_due_fragments(muster_session *session, uint32_t bytes_max)
{
    struct session_fragment *fragments = session->pool->fragments;
    const struct session_writer *writer = &session->writer;
    if (session->send_due_count == 0) {
        return;
    }
    const uint32_t room = writer->capacity - writer->length;
    const uint32_t end = writer->length + (bytes_max < room ? bytes_max : room);
    uint32_t count = 0;
    uint32_t next1;
    for (uint32_t i1 = session->send_first1; i1 != 0; i1 = next1) {
        struct session_fragment *fragment = &fragments[i1 - 1];
        next1 = fragment->next1;
        if (!is_in_window(session, fragment) || count == SESSION_FRAGMENTS_MAX ||
            session->send_due_count == 0) {
            return;
        }
        if (fragment->state != SESSION_FRAGMENT_IN_FLIGHT &&
            writer->length + record_bytes(fragment) <= end) {
            write_fragment(session, fragment);
            count++;
        }
    }
}

uint32_t muster_session_packet_bytes(const muster_session *session)
{
    MUSTER_ASSERT(session != NULL && session->is_acquired);
    return packet_ladder_bytes(&session->ladder);
}

muster_status muster_session_begin_packet(muster_session *session,
    uint64_t now_us,
    uint8_t *bytes,
    uint32_t capacity,
    uint32_t reliable_bytes_max)
{
    MUSTER_ASSERT(session != NULL && session->is_acquired && !session->writer.is_open);
    MUSTER_ASSERT(bytes != NULL);
    MUSTER_ASSERT(capacity >= PACKET_BYTES_MIN && capacity <= MUSTER_SESSION_PACKET_BYTES_MAX);

    session_judge_lost(session, now_us);
    const uint16_t packet = session->sent_next;
    struct session_sent *sent = &session->sent[packet % SESSION_SENT_COUNT];
    if (sent->state == SESSION_SENT_WAITING) {
        // Every slot waits: the oldest gives way.
        MUSTER_ASSERT(session->sent_oldest == (uint16_t)(packet - SESSION_SENT_COUNT));
        lose_packet(session, session->sent_oldest);
        session->sent_oldest++;
    }
    if (sent->is_fate_queued) {
        return MUSTER_ERR_FULL;
    }

    session->writer = (struct session_writer){
        .bytes = bytes,
        .capacity = capacity,
        .now_us = now_us,
        .is_open = true,
    };
    write_header(session);
    if (!session->has_peer_ack) {
        write_window(session);
    }
    write_due_fragments(session, reliable_bytes_max);
    return MUSTER_OK;
}

muster_status muster_session_begin_blob(muster_session *session,
    uint8_t kind,
    bool is_last,
    uint8_t **out_bytes,
    uint32_t *out_capacity)
{
    MUSTER_ASSERT(session != NULL);
    MUSTER_ASSERT(kind <= MUSTER_SESSION_BLOB_KIND_MAX);
    MUSTER_ASSERT(out_bytes != NULL && out_capacity != NULL);
    struct session_writer *writer = &session->writer;
    MUSTER_ASSERT(writer->is_open && writer->blob_offset == 0 && !writer->has_last_blob);
    *out_bytes = NULL;
    *out_capacity = 0;

    const uint32_t header_bytes = is_last ? 1 : SESSION_BLOB_HEADER_BYTES;
    if (writer->capacity - writer->length <= header_bytes ||
        writer->blob_count == MUSTER_SESSION_BLOBS_MAX) {
        return MUSTER_ERR_FULL;
    }
    writer->blob_offset = writer->length;
    writer->has_last_blob = is_last;
    *write_ahead(writer, header_bytes) =
        (uint8_t)((is_last ? SESSION_TAG_BLOB_LAST : SESSION_TAG_BLOB) | kind);
    *out_bytes = writer->bytes + writer->length;
    *out_capacity = writer->capacity - writer->length;
    return MUSTER_OK;
}

void muster_session_end_blob(muster_session *session, uint32_t length)
{
    MUSTER_ASSERT(session != NULL);
    struct session_writer *writer = &session->writer;
    MUSTER_ASSERT(writer->is_open && writer->blob_offset != 0);
    MUSTER_ASSERT(length <= writer->capacity - writer->length);

    if (!writer->has_last_blob) {
        bytes_store_u16(writer->bytes + writer->blob_offset + 1, (uint16_t)length);
    }
    writer->length += length;
    writer->blob_offset = 0;
    writer->blob_count++;
}

uint32_t muster_session_end_packet(muster_session *session, uint64_t token)
{
    MUSTER_ASSERT(session != NULL);
    struct session_writer *writer = &session->writer;
    MUSTER_ASSERT(writer->is_open && writer->blob_offset == 0);

    session->sent[session->sent_next % SESSION_SENT_COUNT] = (struct session_sent){
        .token = token,
        .sent_us = writer->now_us,
        .ack = session->receive_newest,
        .bytes = (uint16_t)writer->length,
        .state = SESSION_SENT_WAITING,
        .has_ack = session->has_received,
        .has_fragments = writer->has_fragments,
    };
    packet_ladder_send(&session->ladder, writer->length);
    session->sent_next++;
    session->is_ack_owed = false;
    session->stats.packets_sent++;
    session->stats.bytes_sent += writer->length;
    writer->is_open = false;
    return writer->length;
}

bool muster_session_has_due(muster_session *session, uint64_t now_us)
{
    MUSTER_ASSERT(session != NULL);
    session_judge_lost(session, now_us);
    return session->is_ack_owed || has_due_fragment(session) ||
           packet_ladder_needs_short(&session->ladder);
}

uint32_t muster_session_write_close(
    muster_close_reason reason, const char *text, uint8_t *bytes, uint32_t capacity)
{
    MUSTER_ASSERT(reason > MUSTER_CLOSE_NONE && reason <= UINT8_MAX);
    MUSTER_ASSERT(bytes != NULL);
    MUSTER_ASSERT(capacity >= SESSION_CLOSE_BYTES);

    const uint32_t room = capacity - SESSION_CLOSE_BYTES;
    const uint32_t length_max =
        room < MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX ? room : MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX;
    uint32_t length = 0;
    while (text != NULL && length < length_max && text[length] != '\0') {
        bytes[SESSION_CLOSE_BYTES + length] = (uint8_t)text[length];
        length++;
    }
    bytes[0] = 0;
    bytes[1] = (uint8_t)reason;
    bytes[2] = (uint8_t)length;
    return SESSION_CLOSE_BYTES + length;
}
