// SPDX-License-Identifier: Apache-2.0
#include "harness/failing_heap.h"
#include "net/session_pair.h"

#include <stdlib.h>

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    muster_session_pool *pool = (void *)1;
    muster_session_pool_def defs[11];
    for (int i = 0; i < 11; i++) {
        defs[i] = muster_session_pool_default_def();
    }
    defs[0].session_count = 0;
    defs[1].session_count = 65536;
    defs[2].receive_fragment_count = 2;
    defs[3].receive_fragment_count = 512;
    defs[4].receive_fragment_count = 12;
    defs[5].send_fragment_count = 0;
    defs[6].send_fragment_count = (1 << 20) + 1;
    defs[7].session_send_fragment_count_max = 0;
    defs[8].session_send_fragment_count_max = 4097;
    defs[9].allocator.alloc = NULL;
    defs[10].allocator.free = NULL;
    for (int i = 0; i < 11; i++) {
        assert_int_equal(muster_session_pool_create(&defs[i], &pool), MUSTER_ERR_INVALID);
        assert_null(pool);
    }
}

static void a_pool_takes_its_memory_once(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    muster_session_pool_def def = small_def();
    def.allocator = failing_heap_allocator(&heap);
    muster_session_pool *pool;
    assert_int_equal(muster_session_pool_create(&def, &pool), MUSTER_ERR_NO_MEMORY);
    assert_null(pool);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_session_pool_create(&def, &pool), MUSTER_OK);
    muster_session_pool_destroy(pool);
    muster_session_pool_destroy(NULL);
    assert_int_equal(heap.bytes_live, 0);
}

static void sessions_are_acquired_up_to_the_count_and_come_back(void **state)
{
    (void)state;
    muster_session_pool_def def = small_def();
    def.session_count = 3;
    muster_session_pool *pool;
    assert_int_equal(muster_session_pool_create(&def, &pool), MUSTER_OK);
    muster_session *sessions[4];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(muster_session_pool_acquire(pool, &sessions[i]), MUSTER_OK);
    }
    assert_int_equal(muster_session_pool_acquire(pool, &sessions[3]), MUSTER_ERR_FULL);
    assert_null(sessions[3]);

    // A released session gives its fragments back and starts afresh.
    for (int i = 0; i < 50; i++) {
        for (int j = 0; j < 16; j++) {
            assert_int_equal(muster_session_push(sessions[1], 1, NULL, 0), MUSTER_OK);
        }
        assert_int_equal(muster_session_push(sessions[1], 1, NULL, 0), MUSTER_ERR_FULL);
        muster_session_pool_release(pool, sessions[1]);
        assert_int_equal(muster_session_pool_acquire(pool, &sessions[1]), MUSTER_OK);
        assert_int_equal(muster_session_get_stats(sessions[1]).messages_pushed, 0);
        assert_false(muster_session_has_due(sessions[1], 0));
    }
    muster_session_pool_destroy(pool);
}

static void a_blob_arrives_in_place_with_its_kind(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    muster_session *session = pair.ends[0];
    assert_int_equal(
        muster_session_begin_packet(session, pair.now_us, pair.packet, PACKET_MAX, 0), MUSTER_OK);
    for (uint8_t i = 0; i < MUSTER_SESSION_BLOBS_MAX; i++) {
        uint8_t *bytes;
        uint32_t capacity;
        const bool is_last = i == MUSTER_SESSION_BLOBS_MAX - 1;
        assert_int_equal(
            muster_session_begin_blob(session, 63 - i, is_last, &bytes, &capacity), MUSTER_OK);
        memset(bytes, i, i);
        muster_session_end_blob(session, i);
    }
    pair.length = muster_session_end_packet(session, 0);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_int_equal(pair.received.blob_count, MUSTER_SESSION_BLOBS_MAX);
    for (uint8_t i = 0; i < MUSTER_SESSION_BLOBS_MAX; i++) {
        const muster_session_blob *blob = &pair.received.blobs[i];
        assert_int_equal(blob->kind, 63 - i);
        assert_int_equal(blob->length, i);
        assert_true(blob->bytes >= pair.packet && blob->bytes <= pair.packet + pair.length);
        for (uint32_t j = 0; j < i; j++) {
            assert_int_equal(blob->bytes[j], i);
        }
    }
    pair_destroy(&pair);
}

static void a_packet_has_room_for_so_many_blobs_and_bytes(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    muster_session *session = pair.ends[0];
    uint8_t *bytes;
    uint32_t capacity;
    assert_int_equal(
        muster_session_begin_packet(session, pair.now_us, pair.packet, PACKET_MAX, 0), MUSTER_OK);
    for (int i = 0; i < MUSTER_SESSION_BLOBS_MAX; i++) {
        assert_int_equal(
            muster_session_begin_blob(session, 1, false, &bytes, &capacity), MUSTER_OK);
        muster_session_end_blob(session, 0);
    }
    assert_int_equal(
        muster_session_begin_blob(session, 1, false, &bytes, &capacity), MUSTER_ERR_FULL);
    assert_null(bytes);
    assert_int_equal(capacity, 0);
    (void)muster_session_end_packet(session, 0);

    assert_int_equal(
        muster_session_begin_packet(session, pair.now_us, pair.packet, PACKET_MAX, 0), MUSTER_OK);
    assert_int_equal(muster_session_begin_blob(session, 1, false, &bytes, &capacity), MUSTER_OK);
    muster_session_end_blob(session, capacity - 3);
    assert_int_equal(
        muster_session_begin_blob(session, 1, false, &bytes, &capacity), MUSTER_ERR_FULL);
    assert_int_equal(muster_session_begin_blob(session, 1, true, &bytes, &capacity), MUSTER_OK);
    assert_int_equal(capacity, 2);
    muster_session_end_blob(session, capacity);
    assert_int_equal(muster_session_end_packet(session, 0), PACKET_MAX);
    pair_destroy(&pair);
}

static void a_token_comes_back_acked_once_the_peer_answers(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 0, 111);
    carry(&pair, 0, 0);
    carry(&pair, 0, 333);
    assert_no_fate(&pair, 0);
    carry(&pair, 1, 0);
    assert_next_fate(&pair, 0, 333, true);
    assert_next_fate(&pair, 0, 111, true);
    assert_no_fate(&pair, 0);
    assert_int_equal(muster_session_get_stats(pair.ends[0]).packets_acked, 3);
    pair_destroy(&pair);
}

static void a_packet_that_later_ones_overtook_is_lost_after_a_round_trip(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    for (int i = 0; i < 20; i++) { // a round trip of 100 ms
        write_from(&pair, 0, 0, 0);
        pair.now_us += 100000;
        assert_int_equal(read_at(&pair, 1), MUSTER_OK);
        carry(&pair, 1, 0);
    }
    assert_in_range(muster_session_get_stats(pair.ends[0]).rtt_us, 95000, 105000);
    write_from(&pair, 0, 0, 7); // never arrives
    pair.now_us += 10000;
    carry(&pair, 0, 8);
    carry(&pair, 1, 0);
    assert_next_fate(&pair, 0, 8, true);
    assert_no_fate(&pair, 0);
    pair.now_us += 120000;
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    assert_next_fate(&pair, 0, 7, false);
    assert_int_equal(muster_session_get_stats(pair.ends[0]).packets_lost, 1);
    assert_true(muster_session_get_stats(pair.ends[0]).loss_ppm > 0);
    pair_destroy(&pair);
}

static void a_packet_beyond_the_ack_bits_is_lost_at_once(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    write_from(&pair, 0, 0, 7);
    for (int i = 0; i < 56; i++) {
        carry(&pair, 0, 0);
    }
    carry(&pair, 1, 0);
    assert_no_fate(&pair, 0);
    carry(&pair, 0, 0);
    carry(&pair, 1, 0);
    assert_next_fate(&pair, 0, 7, false);
    pair_destroy(&pair);
}

static void silence_loses_every_packet_in_the_end(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    write_from(&pair, 0, 0, 1);
    write_from(&pair, 0, 0, 2);
    (void)muster_session_has_due(pair.ends[0], pair.now_us + 300000);
    assert_no_fate(&pair, 0);
    (void)muster_session_has_due(pair.ends[0], pair.now_us + 2000000);
    assert_next_fate(&pair, 0, 1, false);
    assert_next_fate(&pair, 0, 2, false);
    pair_destroy(&pair);
}

static void a_late_ack_turns_a_lost_token_that_was_not_popped(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 0, 1);
    carry(&pair, 0, 2);
    pair.now_us += 2000000;
    (void)muster_session_has_due(pair.ends[0], pair.now_us);
    assert_next_fate(&pair, 0, 1, false);
    carry(&pair, 1, 0);
    assert_next_fate(&pair, 0, 2, true);
    assert_no_fate(&pair, 0);
    pair_destroy(&pair);
}

static void fates_that_nobody_pops_stop_new_packets(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    for (uint64_t i = 1; i <= 256; i++) {
        write_from(&pair, 0, 0, i);
    }
    assert_int_equal(
        muster_session_begin_packet(pair.ends[0], pair.now_us, pair.packet, PACKET_MAX, 0),
        MUSTER_ERR_FULL);
    assert_next_fate(&pair, 0, 1, false);
    write_from(&pair, 0, 0, 257);
    (void)muster_session_has_due(pair.ends[0], pair.now_us + 5000000);
    for (uint64_t i = 2; i <= 257; i++) {
        assert_next_fate(&pair, 0, i, false);
    }
    assert_no_fate(&pair, 0);
    pair_destroy(&pair);
}

static void acks_reach_back_as_far_as_the_peer_may_not_know_them(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    for (int i = 0; i < 5; i++) {
        carry(&pair, 0, 0);
        carry(&pair, 1, 0);
    }
    for (uint64_t token = 1; token <= 40; token++) {
        carry(&pair, 0, token);
        write_from(&pair, 1, 0, 0); // every answer but the last is lost
    }
    assert_int_equal(read_at(&pair, 0), MUSTER_OK);
    for (uint64_t token = 40; token >= 1; token--) {
        assert_next_fate(&pair, 0, token, true);
    }
    // Once the peer is known to have them, the bits need not be said again.
    carry(&pair, 0, 0);
    carry(&pair, 0, 0);
    write_from(&pair, 1, 0, 0);
    assert_true(pair.length <= 5 + 2 + 1);
    pair_destroy(&pair);
}

static void a_session_used_again_has_nothing_of_the_one_before(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    const uint8_t second[] = {0x10, 1, 0, 2, 1, 0, 7, 0, 0, 0};
    const uint8_t first[] = {0x10, 1, 0, 2, 0, 0, 7, 0, 0, 0};
    for (int i = 0; i < 3; i++) {
        muster_session *session = pair.ends[1];
        write_from(&pair, 1, 0, 5);
        pair.now_us += 5000000;
        assert_false(muster_session_has_due(session, pair.now_us)); // a fate waits
        assert_int_equal(
            muster_session_read(session, 0, first, sizeof first, &pair.received), MUSTER_OK);
        muster_session_message message;
        assert_true(muster_session_pop(session, &message));
        assert_false(muster_session_pop(session, &message));
        muster_session_pool_release(pair.pools[1], session);
        assert_int_equal(muster_session_pool_acquire(pair.pools[1], &pair.ends[1]), MUSTER_OK);
        assert_no_fate(&pair, 1);
    }
    assert_int_equal(
        muster_session_read(pair.ends[1], 0, second, sizeof second, &pair.received), MUSTER_OK);
    muster_session_pool_release(pair.pools[1], pair.ends[1]);
    assert_int_equal(muster_session_pool_acquire(pair.pools[1], &pair.ends[1]), MUSTER_OK);
    assert_int_equal(
        muster_session_read(pair.ends[1], 0, first, sizeof first, &pair.received), MUSTER_OK);
    muster_session_message message;
    assert_true(muster_session_pop(pair.ends[1], &message));
    assert_false(muster_session_pop(pair.ends[1], &message));
    pair_destroy(&pair);
}

static void duplicates_and_packets_too_old_are_ignored(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    assert_int_equal(muster_session_push(pair.ends[0], 1, NULL, 0), MUSTER_OK);
    write_from(&pair, 0, 10, 0);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_int_equal(pair.received.blob_count, 1);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_false(pair.received.is_fresh);
    assert_int_equal(pair.received.blob_count, 0);
    assert_int_equal(muster_session_get_stats(pair.ends[1]).packets_stale, 1);
    muster_session_message message;
    assert_true(muster_session_pop(pair.ends[1], &message));
    assert_false(muster_session_pop(pair.ends[1], &message));

    // 57 behind the newest is too old, 56 is not.
    struct pair late = pair;
    write_from(&late, 0, 1, 0);
    struct pair later = pair;
    write_from(&later, 0, 1, 0);
    for (int i = 0; i < 56; i++) {
        carry(&pair, 0, 0);
    }
    assert_int_equal(read_at(&later, 1), MUSTER_OK);
    assert_true(later.received.is_fresh);
    assert_false(later.received.is_newest);
    assert_int_equal(later.received.blob_count, 1);
    assert_int_equal(read_at(&late, 1), MUSTER_OK);
    assert_false(late.received.is_fresh);
    pair_destroy(&pair);
}

static void sequences_wrap_without_a_trace(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    for (uint32_t i = 0; i < 140000; i++) {
        fill_message(3, (uint8_t)i);
        assert_int_equal(
            muster_session_push(pair.ends[0], (uint16_t)i, message_bytes, 3), MUSTER_OK);
        carry(&pair, 0, i + 1);
        muster_session_message message;
        assert_true(muster_session_pop(pair.ends[1], &message));
        assert_message(&message, (uint16_t)i, 3, (uint8_t)i);
        carry(&pair, 1, 0);
        assert_next_fate(&pair, 0, i + 1, true);
        pair.now_us += 1000;
    }
    assert_int_equal(muster_session_get_stats(pair.ends[0]).packets_lost, 0);
    pair_destroy(&pair);
}

static void the_round_trip_leaves_the_peers_delay_out(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    for (int i = 0; i < 400; i++) {
        write_from(&pair, 0, 0, 0);
        pair.now_us += 20000;
        assert_int_equal(read_at(&pair, 1), MUSTER_OK);
        pair.now_us += 15000; // the peer waits for its tick
        write_from(&pair, 1, 0, 0);
        pair.now_us += 20000;
        assert_int_equal(read_at(&pair, 0), MUSTER_OK);
    }
    const muster_session_stats stats = muster_session_get_stats(pair.ends[0]);
    assert_in_range(stats.rtt_us, 40000, 40300);
    assert_in_range(stats.rtt_us_min, 40000, 40300);
    assert_in_range(stats.rtt_var_us, 0, 300);
    pair_destroy(&pair);
}

static void acks_are_owed_for_content_and_not_for_acks(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    write_from(&pair, 0, 1, 0);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_true(muster_session_has_due(pair.ends[1], pair.now_us));
    carry(&pair, 1, 0);
    assert_false(muster_session_has_due(pair.ends[1], pair.now_us));
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    pair_destroy(&pair);
}

// Time enough for every packet under way to be judged lost.
static bool is_due_after_a_loss(struct pair *pair)
{
    pair->now_us += 2000000;
    return muster_session_has_due(pair->ends[0], pair->now_us);
}

static void long_packets_that_get_lost_make_packets_shorter(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    assert_int_equal(muster_session_packet_bytes(pair.ends[0]), MUSTER_SESSION_PACKET_BYTES_MAX);
    for (uint32_t i = 0; i < 2; i++) {
        write_from(&pair, 0, 1100, 0); // and does not arrive
        assert_false(is_due_after_a_loss(&pair));
    }
    for (uint32_t i = 0; i < 3; i++) {
        write_from(&pair, 0, 1100, 0);
        assert_true(is_due_after_a_loss(&pair)); // a short one, to see whether that arrives
        assert_int_equal(
            muster_session_packet_bytes(pair.ends[0]), MUSTER_SESSION_PACKET_BYTES_MAX);
        carry(&pair, 0, 0);
        assert_false(muster_session_has_due(pair.ends[0], pair.now_us)); // it is on its way
        carry(&pair, 1, 0);
    }
    write_from(&pair, 0, 1100, 0);
    assert_false(is_due_after_a_loss(&pair));
    assert_int_equal(muster_session_packet_bytes(pair.ends[0]), 1000);
    assert_int_equal(muster_session_packet_bytes(pair.ends[1]), MUSTER_SESSION_PACKET_BYTES_MAX);

    // A long one may still be sent, and if it arrives the path has been wronged.
    write_from(&pair, 0, 1100, 0);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    carry(&pair, 1, 0);
    assert_int_equal(muster_session_packet_bytes(pair.ends[0]), MUSTER_SESSION_PACKET_BYTES_MAX);
    pair_destroy(&pair);
}

static void a_close_packet_brings_its_reason_and_ends_reading(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    pair.length =
        muster_session_write_close(MUSTER_CLOSE_DRAINING, "back at noon", pair.packet, PACKET_MAX);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_int_equal(pair.received.close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(pair.received.close_text_length, 12);
    assert_memory_equal(pair.received.close_text, "back at noon", 12);
    write_from(&pair, 0, 0, 0);
    assert_int_equal(read_at(&pair, 1), MUSTER_ERR_DENIED);
    assert_int_equal(pair.received.close_reason, MUSTER_CLOSE_NONE);
    assert_int_equal(muster_session_get_stats(pair.ends[1]).packets_refused, 1);

    char long_text[300];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(
        muster_session_write_close(MUSTER_CLOSE_LEFT, long_text, pair.packet, PACKET_MAX), 203);
    assert_int_equal(muster_session_write_close(MUSTER_CLOSE_LEFT, long_text, pair.packet, 8), 8);
    assert_int_equal(muster_session_write_close(MUSTER_CLOSE_LEFT, NULL, pair.packet, 3), 3);
    pair_destroy(&pair);
}

static void another_version_is_refused_by_name(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    write_from(&pair, 0, 5, 0);
    pair.packet[0] = (uint8_t)((MUSTER_SESSION_VERSION + 1) << 4 | (pair.packet[0] & 15));
    assert_int_equal(read_at(&pair, 1), MUSTER_ERR_VERSION);
    assert_int_equal(pair.received.blob_count, 0);
    pair_destroy(&pair);
}

static void assert_malformed(struct pair *pair, const uint8_t *bytes, uint32_t length)
{
    const uint64_t before = muster_session_get_stats(pair->ends[1]).packets_malformed;
    memcpy(pair->packet, bytes, length);
    pair->length = length;
    assert_int_equal(read_at(pair, 1), MUSTER_ERR_MALFORMED);
    assert_int_equal(muster_session_get_stats(pair->ends[1]).packets_malformed, before + 1);
    assert_int_equal(pair->received.blob_count, 0);
}

static void packets_that_break_a_rule_are_malformed(void **state)
{
    (void)state;
    struct pair pair = pair_with(small_def());
    carry(&pair, 1, 0); // one packet was sent: number 0
    const struct {
        const char *rule;
        uint32_t length;
        uint8_t bytes[16];
    } cases[] = {
        {"a packet has three bytes", 2, {0x10, 0}},
        {"ack bits need an ack", 5, {0x12, 1, 0, 0, 0}},
        {"the ack is whole", 4, {0x18, 1, 0, 0}},
        {"the ack bits are whole", 6, {0x1A, 1, 0, 0, 0, 0}},
        {"packet 0 carries the delay", 5, {0x18, 0, 0, 0, 0}},
        {"packet 1 was never sent", 5, {0x18, 1, 0, 1, 0}},
        {"packet 65535 was never sent", 5, {0x18, 1, 0, 255, 255}},
        {"packet -1 was never sent", 6, {0x19, 1, 0, 0, 0, 1}},
        {"record 0 is not defined", 4, {0x10, 1, 0, 0x00}},
        {"record 4 is not defined", 4, {0x10, 1, 0, 0x04}},
        {"record 0xC0 is not defined", 4, {0x10, 1, 0, 0xC0}},
        {"a window is at least 4", 6, {0x10, 1, 0, 3, 3, 0}},
        {"a window is at most 256", 6, {0x10, 1, 0, 3, 1, 1}},
        {"a window is said once", 9, {0x10, 1, 0, 3, 4, 0, 3, 4, 0}},
        {"a fragment is at most 288 bytes", 10, {0x10, 1, 0, 2, 0, 0, 0, 0, 0x21, 1}},
        {"a fragment lies in the window", 10, {0x10, 1, 0, 2, 16, 0, 0, 0, 0, 0}},
        {"a part is whole", 7, {0x10, 1, 0, 1, 0, 0, 9}},
        {"a blob is whole", 7, {0x10, 1, 0, 0x40, 2, 0, 9}},
        {"a blob has a length", 5, {0x10, 1, 0, 0x40, 0}},
        {"a close packet has three bytes", 2, {0, 1}},
        {"a close packet has a reason", 3, {0, 0, 0}},
        {"a close packet's text is whole", 3, {0, 1, 1}},
        {"a close packet ends with its text", 4, {0, 1, 0, 1}},
        {"a close packet has no flags", 3, {8, 1, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].rule);
        assert_malformed(&pair, cases[i].bytes, cases[i].length);
    }
    static uint8_t many[PACKET_MAX + 1] = {0x10, 1, 0};
    for (uint32_t i = 0; i < 9; i++) {
        memcpy(many + 3 + 3 * i, (const uint8_t[3]){0x40, 0, 0}, 3);
    }
    assert_malformed(&pair, many, 30); // nine blobs
    for (uint32_t i = 0; i < 33; i++) {
        memcpy(many + 3 + 7 * i, (const uint8_t[7]){2, 0, 0, 0, 0, 0, 0}, 7);
    }
    assert_malformed(&pair, many, 3 + 33 * 7); // 33 fragments

    pair.length = 0;
    assert_int_equal(
        muster_session_read(pair.ends[1], 0, NULL, 0, &pair.received), MUSTER_ERR_MALFORMED);
    assert_int_equal(muster_session_read(pair.ends[1], 0, many, PACKET_MAX + 1, &pair.received),
        MUSTER_ERR_MALFORMED);

    // None of it has left a trace.
    carry(&pair, 0, 0);
    pair_destroy(&pair);
}

static void a_second_window_must_equal_the_first(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    const uint8_t first[] = {0x10, 0, 0, 3, 4, 0};
    const uint8_t second[] = {0x10, 1, 0, 3, 5, 0};
    assert_int_equal(
        muster_session_read(pair.ends[1], 0, first, sizeof first, &pair.received), MUSTER_OK);
    assert_malformed(&pair, second, sizeof second);
    pair_destroy(&pair);
}

static void every_truncation_of_a_packet_is_harmless(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 400), MUSTER_OK);
    write_from(&pair, 0, 20, 0);
    const uint32_t whole = pair.length;
    muster_session_message message;
    for (uint32_t length = 0; length < whole; length++) {
        struct pair end = pair_create();
        carry(&end, 1, 0);
        uint8_t *copy = malloc(length + 1); // so that reading beyond it is seen
        memcpy(copy, pair.packet, length);
        const muster_status status =
            muster_session_read(end.ends[1], 0, copy, length, &end.received);
        // Where a record ends a shorter packet begins, and the last blob may have any length.
        assert_true(status == MUSTER_ERR_MALFORMED || status == MUSTER_OK);
        if (status != MUSTER_OK) {
            assert_false(muster_session_pop(end.ends[1], &message));
        }
        free(copy);
        pair_destroy(&end);
    }
    pair_destroy(&pair);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(a_pool_takes_its_memory_once),
        cmocka_unit_test(sessions_are_acquired_up_to_the_count_and_come_back),
        cmocka_unit_test(a_blob_arrives_in_place_with_its_kind),
        cmocka_unit_test(a_packet_has_room_for_so_many_blobs_and_bytes),
        cmocka_unit_test(a_token_comes_back_acked_once_the_peer_answers),
        cmocka_unit_test(a_packet_that_later_ones_overtook_is_lost_after_a_round_trip),
        cmocka_unit_test(a_packet_beyond_the_ack_bits_is_lost_at_once),
        cmocka_unit_test(silence_loses_every_packet_in_the_end),
        cmocka_unit_test(a_late_ack_turns_a_lost_token_that_was_not_popped),
        cmocka_unit_test(fates_that_nobody_pops_stop_new_packets),
        cmocka_unit_test(acks_reach_back_as_far_as_the_peer_may_not_know_them),
        cmocka_unit_test(a_session_used_again_has_nothing_of_the_one_before),
        cmocka_unit_test(duplicates_and_packets_too_old_are_ignored),
        cmocka_unit_test(sequences_wrap_without_a_trace),
        cmocka_unit_test(the_round_trip_leaves_the_peers_delay_out),
        cmocka_unit_test(acks_are_owed_for_content_and_not_for_acks),
        cmocka_unit_test(long_packets_that_get_lost_make_packets_shorter),
        cmocka_unit_test(a_close_packet_brings_its_reason_and_ends_reading),
        cmocka_unit_test(another_version_is_refused_by_name),
        cmocka_unit_test(packets_that_break_a_rule_are_malformed),
        cmocka_unit_test(a_second_window_must_equal_the_first),
        cmocka_unit_test(every_truncation_of_a_packet_is_harmless),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
