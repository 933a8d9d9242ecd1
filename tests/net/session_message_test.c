// SPDX-License-Identifier: Apache-2.0
#include "net/session_pair.h"

// Reliable messages: their fragments, their order, the windows of both ends, and what a bad link
// does to them.

static void the_fragments_of_a_pool_are_shared_up_to_each_sessions_cap(void **state)
{
    (void)state;
    muster_session_pool_def def = small_def();
    def.session_count = 3;
    def.session_send_fragment_count_max = 7;
    muster_session_pool *pool;
    assert_int_equal(muster_session_pool_create(&def, &pool), MUSTER_OK);
    const uint32_t expected_counts[3] = {7, 7, 2};
    for (int i = 0; i < 3; i++) {
        muster_session *session;
        assert_int_equal(muster_session_pool_acquire(pool, &session), MUSTER_OK);
        uint32_t count = 0;
        while (muster_session_push(session, 1, NULL, 0) == MUSTER_OK) {
            count++;
        }
        assert_int_equal(count, expected_counts[i]);
    }
    muster_session_pool_destroy(pool);
}

static void messages_of_every_length_arrive_whole_and_in_order(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 287, 288, 289, 576, 1152, 1153, 5000, 65536, 3};
    enum { LENGTH_COUNT = sizeof lengths / sizeof lengths[0] };
    struct pair pair = pair_create();
    carry(&pair, 1, 0); // tells the window
    uint32_t pushed = 0;
    uint32_t popped = 0;
    for (int step = 0; popped < 3 * LENGTH_COUNT; step++) {
        assert_in_range(step, 0, 1000);
        const uint32_t length = lengths[pushed % LENGTH_COUNT];
        fill_message(length, (uint8_t)pushed);
        if (pushed < 3 * LENGTH_COUNT && muster_session_push(pair.ends[0], (uint16_t)(pushed * 999),
                                             message_bytes, length) == MUSTER_OK) {
            pushed++;
        }
        carry(&pair, 0, 0);
        for (muster_session_message message; muster_session_pop(pair.ends[1], &message);) {
            assert_message(&message, (uint16_t)(popped * 999), lengths[popped % LENGTH_COUNT],
                (uint8_t)popped);
            popped++;
        }
        carry(&pair, 1, 0);
    }
    const muster_session_stats stats = muster_session_get_stats(pair.ends[0]);
    assert_int_equal(stats.fragments_repeated, 0);
    assert_int_equal(stats.send_fragment_count, 0);
    const muster_session_stats others = muster_session_get_stats(pair.ends[1]);
    assert_int_equal(others.messages_popped, popped);
    assert_int_equal(others.bytes_received, stats.bytes_sent);
    assert_int_equal(stats.bytes_received, others.bytes_sent);
    assert_true(stats.bytes_sent > 3 * 65536 && others.bytes_sent > 0);
    pair_destroy(&pair);
}

static void a_lost_fragment_is_sent_again_and_only_that_one(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    fill_message(10000, 9);
    assert_int_equal(muster_session_push(pair.ends[0], 4, message_bytes, 10000), MUSTER_OK);
    muster_session_message message;
    for (int i = 0; i < 9; i++) {
        write_from(&pair, 0, 0, 0);
        if (i != 3) {
            assert_int_equal(read_at(&pair, 1), MUSTER_OK);
        }
        assert_false(muster_session_pop(pair.ends[1], &message));
        carry(&pair, 1, 0);
    }
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    pair.now_us += 1000000;
    assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
    carry(&pair, 0, 0);
    assert_true(muster_session_pop(pair.ends[1], &message));
    assert_message(&message, 4, 10000, 9);
    assert_int_equal(muster_session_get_stats(pair.ends[0]).fragments_repeated, 4);
    pair_destroy(&pair);
}

static void the_budget_for_reliable_bytes_is_kept(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    fill_message(1000, 1);
    assert_int_equal(muster_session_push(pair.ends[0], 4, message_bytes, 1000), MUSTER_OK);
    // Three parts of 291 bytes as records, and a last one of 143.
    const uint32_t budgets[] = {0, 142, 143, 290, 291, 582};
    const uint32_t fragment_counts[] = {0, 0, 1, 0, 1, 2};
    for (int i = 0; i < 6; i++) {
        const uint64_t before = muster_session_get_stats(pair.ends[0]).fragments_sent;
        assert_int_equal(muster_session_begin_packet(
                             pair.ends[0], pair.now_us, pair.packet, PACKET_MAX, budgets[i]),
            MUSTER_OK);
        (void)muster_session_end_packet(pair.ends[0], 0);
        const uint64_t sent = muster_session_get_stats(pair.ends[0]).fragments_sent - before;
        assert_int_equal(sent, fragment_counts[i]);
    }
    pair_destroy(&pair);
}

static void a_long_message_waits_until_the_peer_has_said_its_window(void **state)
{
    (void)state;
    struct pair pair = pair_with(small_def()); // windows of 8 fragments
    muster_session *session = pair.ends[0];
    assert_int_equal(muster_session_push(session, 1, message_bytes, 1153), MUSTER_ERR_FULL);
    assert_int_equal(muster_session_push(session, 1, message_bytes, 1152), MUSTER_OK);
    carry(&pair, 1, 0);
    assert_int_equal(muster_session_push(session, 1, message_bytes, 8 * 288), MUSTER_OK);
    assert_int_equal(
        muster_session_push(session, 1, message_bytes, 8 * 288 + 1), MUSTER_ERR_INVALID);
    pair_destroy(&pair);
}

static void what_the_peers_window_holds_back_is_not_due(void **state)
{
    (void)state;
    struct pair pair = pair_with(small_def()); // windows of 8 fragments
    carry(&pair, 1, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 8 * 288), MUSTER_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
        carry(&pair, 0, 0); // four fragments
        muster_session_message message;
        assert_int_equal(muster_session_pop(pair.ends[1], &message), i == 1);
    }
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    carry(&pair, 1, 0);
    assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
    pair_destroy(&pair);
}

static void a_receiver_that_does_not_pop_holds_the_sender_back(void **state)
{
    (void)state;
    struct pair pair = pair_with(small_def());
    carry(&pair, 1, 0);
    uint32_t popped = 0;
    for (int i = 0; i < 200; i++) {
        muster_status status = muster_session_push(pair.ends[0], 1, NULL, 0);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
        write_from(&pair, 0, 0, 0);
        status = read_at(&pair, 1);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
        carry(&pair, 1, 0);
        pair.now_us += 100000;
        const bool is_popping = i >= 100;
        if (is_popping) {
            for (muster_session_message message; muster_session_pop(pair.ends[1], &message);) {
                popped++;
            }
        }
    }
    assert_true(muster_session_get_stats(pair.ends[1]).packets_refused > 0);
    assert_true(popped > 100);
    assert_in_range(muster_session_get_stats(pair.ends[0]).messages_pushed, popped, popped + 16);
    pair_destroy(&pair);
}

// Loses so many packets from end 0 that the link counts as bad: each adds a 256th to the estimate.
static void lose_packets(struct pair *pair, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        write_from(pair, 0, 0, 0);
    }
    pair->now_us += 5000000;
    assert_false(muster_session_has_due(pair->ends[0], pair->now_us));
}

static uint64_t fragments_in_packet(struct pair *pair)
{
    const uint64_t before = muster_session_get_stats(pair->ends[0]).fragments_sent;
    write_from(pair, 0, 0, 0);
    return muster_session_get_stats(pair->ends[0]).fragments_sent - before;
}

static void a_link_that_loses_little_gets_messages_once(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    lose_packets(&pair, 5);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 100), MUSTER_OK);
    assert_int_equal(fragments_in_packet(&pair), 1);
    assert_int_equal(fragments_in_packet(&pair), 0);
    pair_destroy(&pair);
}

static void a_doubled_message_is_delivered_once_and_confirmed_by_either_packet(void **state)
{
    (void)state;
    for (int lost = -1; lost < 2; lost++) {
        struct pair pair = pair_create();
        carry(&pair, 1, 0);
        carry(&pair, 0, 0);
        lose_packets(&pair, 8);
        assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 100), MUSTER_OK);
        assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 600), MUSTER_OK);
        uint32_t popped_count = 0;
        for (int i = 0; i < 2; i++) {
            assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
            assert_int_equal(fragments_in_packet(&pair), i == 0 ? 4 : 1); // the short one alone
            if (i != lost) {
                assert_int_equal(read_at(&pair, 1), MUSTER_OK);
            }
            muster_session_message message;
            while (muster_session_pop(pair.ends[1], &message)) {
                popped_count++;
            }
        }
        assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
        assert_int_equal(fragments_in_packet(&pair), 0);
        assert_int_equal(popped_count, lost == 0 ? 1 : 2);
        carry(&pair, 1, 0);
        pair.now_us += 5000000;
        // The parts of the long one, if they were lost; of the short one nothing is left.
        assert_int_equal(muster_session_has_due(pair.ends[0], pair.now_us), lost == 0);
        assert_int_equal(
            muster_session_get_stats(pair.ends[0]).send_fragment_count, lost == 0 ? 3 : 0);
        pair_destroy(&pair);
    }
}

static void a_doubled_message_waits_for_the_fate_of_both_packets(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    lose_packets(&pair, 8);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 100), MUSTER_OK);
    assert_int_equal(fragments_in_packet(&pair), 1);
    pair.now_us += 200000;
    assert_int_equal(fragments_in_packet(&pair), 1);
    pair.now_us += 160000; // the first one is lost after 350 ms of silence
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    assert_int_equal(muster_session_get_stats(pair.ends[0]).packets_lost, 9);
    pair.now_us += 200000;
    assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
    pair_destroy(&pair);
}

static void a_message_lost_before_it_was_doubled_is_due_once(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    lose_packets(&pair, 8);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 100), MUSTER_OK);
    assert_int_equal(fragments_in_packet(&pair), 1);
    pair.now_us += 5000000;
    assert_true(muster_session_has_due(pair.ends[0], pair.now_us));
    assert_int_equal(fragments_in_packet(&pair), 1);
    assert_int_equal(fragments_in_packet(&pair), 1);
    assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    pair_destroy(&pair);
}

static void what_a_bad_link_lost_goes_out_twice(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    lose_packets(&pair, 8);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 600), MUSTER_OK);
    assert_int_equal(fragments_in_packet(&pair), 3);
    assert_int_equal(fragments_in_packet(&pair), 0);
    for (int i = 0; i < 2; i++) { // and again when both are lost
        pair.now_us += 5000000;
        assert_int_equal(fragments_in_packet(&pair), 3);
        assert_int_equal(fragments_in_packet(&pair), 3);
        assert_int_equal(fragments_in_packet(&pair), 0);
        assert_false(muster_session_has_due(pair.ends[0], pair.now_us));
    }
    pair_destroy(&pair);
}

static void a_packet_takes_32_fragments(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(muster_session_push(pair.ends[0], 1, NULL, 0), MUSTER_OK);
    }
    assert_int_equal(fragments_in_packet(&pair), 32);
    assert_int_equal(read_at(&pair, 1), MUSTER_OK);
    assert_int_equal(fragments_in_packet(&pair), 8);
    pair_destroy(&pair);
}

static void a_fragment_with_other_content_does_not_replace_the_first(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    const uint8_t second[] = {0x10, 1, 0, 2, 1, 0, 7, 0, 1, 0, 0xAA};
    const uint8_t changed[] = {0x10, 2, 0, 2, 1, 0, 9, 0, 1, 0, 0xBB};
    const uint8_t first[] = {0x10, 3, 0, 2, 0, 0, 7, 0, 0, 0};
    muster_session *session = pair.ends[1];
    assert_int_equal(
        muster_session_read(session, 0, second, sizeof second, &pair.received), MUSTER_OK);
    assert_int_equal(
        muster_session_read(session, 0, changed, sizeof changed, &pair.received), MUSTER_OK);
    assert_int_equal(
        muster_session_read(session, 0, first, sizeof first, &pair.received), MUSTER_OK);
    muster_session_message message;
    assert_true(muster_session_pop(session, &message));
    assert_true(muster_session_pop(session, &message));
    assert_int_equal(message.kind, 7);
    assert_int_equal(message.bytes[0], 0xAA);
    assert_false(muster_session_pop(session, &message));
    pair_destroy(&pair);
}

static void a_fragment_that_waits_for_65536_packets_is_not_taken_for_confirmed(void **state)
{
    (void)state;
    struct pair pair = pair_create();
    carry(&pair, 1, 0);
    fill_message(200, 1);
    assert_int_equal(muster_session_push(pair.ends[0], 1, message_bytes, 200), MUSTER_OK);
    write_from(&pair, 0, 0, 0); // lost, and from then on there is no budget for it
    pair.now_us += 2000000;
    for (uint32_t i = 1; i <= 65540; i++) {
        if (i > 65530) {
            assert_int_equal(muster_session_push(pair.ends[0], 2, NULL, 0), MUSTER_OK);
        }
        assert_int_equal(
            muster_session_begin_packet(pair.ends[0], pair.now_us, pair.packet, PACKET_MAX, 20),
            MUSTER_OK);
        pair.length = muster_session_end_packet(pair.ends[0], 0);
        assert_int_equal(read_at(&pair, 1), MUSTER_OK);
        carry(&pair, 1, 0);
    }
    carry(&pair, 0, 0);
    muster_session_message message;
    assert_true(muster_session_pop(pair.ends[1], &message));
    assert_message(&message, 1, 200, 1);
    pair_destroy(&pair);
}

static void a_message_longer_than_the_window_ends_the_session(void **state)
{
    (void)state;
    struct pair pair = pair_with(small_def());
    static uint8_t packet[3 + 291] = {0x10};
    for (uint8_t i = 0; i < 8; i++) {
        packet[1] = i;
        packet[3] = 1;
        packet[4] = i;
        const muster_status status =
            muster_session_read(pair.ends[1], 0, packet, sizeof packet, &pair.received);
        assert_int_equal(status, i < 7 ? MUSTER_OK : MUSTER_ERR_MALFORMED);
    }
    packet[1] = 8;
    assert_int_equal(
        muster_session_read(pair.ends[1], 0, packet, 3, &pair.received), MUSTER_ERR_DENIED);
    pair_destroy(&pair);
}

static void a_message_longer_than_the_longest_ends_the_session(void **state)
{
    (void)state;
    struct pair pair = pair_create(); // 256 fragments hold more than 65,536 bytes
    static uint8_t packet[3 + 291] = {0x10};
    muster_status status = MUSTER_OK;
    for (uint32_t i = 0; i < 228; i++) { // 227 parts make 65,376 bytes, 161 are too many
        packet[1] = (uint8_t)i;
        memcpy(packet + 3, (const uint8_t[3]){1, (uint8_t)i, 0}, 3);
        if (i == 227) {
            memcpy(packet + 3, (const uint8_t[7]){2, (uint8_t)i, 0, 0, 0, 161, 0}, 7);
        }
        const uint32_t length = i == 227 ? 3 + 7 + 161 : sizeof packet;
        status = muster_session_read(pair.ends[1], 0, packet, length, &pair.received);
        assert_int_equal(status, i < 227 ? MUSTER_OK : MUSTER_ERR_MALFORMED);
    }
    pair_destroy(&pair);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fragments_of_a_pool_are_shared_up_to_each_sessions_cap),
        cmocka_unit_test(messages_of_every_length_arrive_whole_and_in_order),
        cmocka_unit_test(a_lost_fragment_is_sent_again_and_only_that_one),
        cmocka_unit_test(the_budget_for_reliable_bytes_is_kept),
        cmocka_unit_test(a_long_message_waits_until_the_peer_has_said_its_window),
        cmocka_unit_test(what_the_peers_window_holds_back_is_not_due),
        cmocka_unit_test(a_receiver_that_does_not_pop_holds_the_sender_back),
        cmocka_unit_test(a_link_that_loses_little_gets_messages_once),
        cmocka_unit_test(a_doubled_message_is_delivered_once_and_confirmed_by_either_packet),
        cmocka_unit_test(a_doubled_message_waits_for_the_fate_of_both_packets),
        cmocka_unit_test(a_message_lost_before_it_was_doubled_is_due_once),
        cmocka_unit_test(what_a_bad_link_lost_goes_out_twice),
        cmocka_unit_test(a_packet_takes_32_fragments),
        cmocka_unit_test(a_fragment_with_other_content_does_not_replace_the_first),
        cmocka_unit_test(a_fragment_that_waits_for_65536_packets_is_not_taken_for_confirmed),
        cmocka_unit_test(a_message_longer_than_the_window_ends_the_session),
        cmocka_unit_test(a_message_longer_than_the_longest_ends_the_session),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
