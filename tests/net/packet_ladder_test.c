// SPDX-License-Identifier: Apache-2.0
#include "net/packet_ladder.h"

#include "harness/random.h"
#include "muster/session.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG  1150u
#define SHORT 60u

static uint64_t seed = 1;

// A path that carries so many bytes; packets go out and are judged one after the other.
static void pass(struct packet_ladder *ladder, uint32_t packet_bytes, uint32_t path_bytes)
{
    packet_ladder_send(ladder, packet_bytes);
    if (packet_bytes <= path_bytes) {
        packet_ladder_confirm(ladder, packet_bytes);
    } else {
        packet_ladder_lose(ladder, packet_bytes);
    }
}

// As many full packets and short ones in turn as it takes to stay on a rung for a while.
static uint32_t settle(struct packet_ladder *ladder, uint32_t path_bytes)
{
    uint32_t lost_count = 0;
    for (uint32_t i = 0; i < 200; i++) {
        const uint32_t full_bytes = packet_ladder_bytes(ladder);
        lost_count += full_bytes > path_bytes ? 1 : 0;
        pass(ladder, full_bytes, path_bytes);
        pass(ladder, SHORT, path_bytes);
    }
    return lost_count;
}

static void a_session_begins_with_the_longest_packets(void **state)
{
    (void)state;
    const struct packet_ladder ladder = {0};
    assert_int_equal(packet_ladder_bytes(&ladder), MUSTER_SESSION_PACKET_BYTES_MAX);
}

static void packets_become_as_short_as_the_path_wants_them(void **state)
{
    (void)state;
    static const uint32_t wanted[][2] = {{1200, 1200}, {1199, 1000}, {1000, 1000}, {999, 800},
        {800, 800}, {799, 560}, {560, 560}, {100, 560}};
    for (uint32_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct packet_ladder ladder = {0};
        const uint32_t lost_count = settle(&ladder, wanted[i][0]);
        assert_int_equal(packet_ladder_bytes(&ladder), wanted[i][1]);
        assert_true(wanted[i][0] < 560 || lost_count <= 3 * 6);
    }
}

static void a_path_that_carried_long_packets_is_given_more_time(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    pass(&ladder, LONG, 1200);
    uint32_t lost_count = 0;
    for (; packet_ladder_bytes(&ladder) == 1200 && lost_count < 100; lost_count++) {
        pass(&ladder, SHORT, 900);
        pass(&ladder, LONG, 900);
    }
    assert_int_equal(lost_count, 16);
    assert_int_equal(packet_ladder_bytes(&ladder), 1000);
}

static void an_outage_that_loses_everything_says_nothing_of_the_length(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    for (uint32_t i = 0; i < 10; i++) {
        pass(&ladder, LONG, 1200);
        for (uint32_t k = 0; k < 300; k++) {
            pass(&ladder, LONG, 0);
            pass(&ladder, SHORT, 0);
        }
        pass(&ladder, SHORT, 1200); // the first one after it
        for (uint32_t k = 0; k < 60; k++) {
            pass(&ladder, LONG, 0); // sent before it, and judged now
        }
        assert_int_equal(packet_ladder_bytes(&ladder), 1200);
    }
}

static void loss_of_short_packets_alone_changes_nothing(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    for (uint32_t i = 0; i < 100; i++) {
        packet_ladder_lose(&ladder, 1000); // the next rung would send it as well
        packet_ladder_confirm(&ladder, SHORT);
    }
    assert_int_equal(packet_ladder_bytes(&ladder), 1200);
}

static void packets_of_an_earlier_rung_do_not_count_when_lost(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    for (uint32_t i = 0; i < 100; i++) { // all were sent before the first was judged
        packet_ladder_lose(&ladder, LONG);
        packet_ladder_confirm(&ladder, SHORT);
    }
    assert_int_equal(packet_ladder_bytes(&ladder), 1000);
}

static void a_long_packet_that_arrives_after_all_gives_its_length_back(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    settle(&ladder, 600);
    assert_int_equal(packet_ladder_bytes(&ladder), 560);
    packet_ladder_confirm(&ladder, 900);
    assert_int_equal(packet_ladder_bytes(&ladder), 1000);
    packet_ladder_confirm(&ladder, 1001);
    assert_int_equal(packet_ladder_bytes(&ladder), 1200);
    packet_ladder_lose(&ladder, LONG); // it has carried long ones: one loss is nothing
    assert_int_equal(packet_ladder_bytes(&ladder), 1200);
}

static void where_only_long_packets_go_a_short_one_is_asked_for(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    uint32_t short_count = 0;
    uint32_t long_count = 0;
    while (packet_ladder_bytes(&ladder) == 1200 && long_count < 1000) {
        for (uint32_t i = 0; i < 4; i++, long_count++) {
            pass(&ladder, LONG, 900);
        }
        if (packet_ladder_needs_short(&ladder)) {
            packet_ladder_send(&ladder, SHORT);
            assert_false(packet_ladder_needs_short(&ladder)); // one on its way is enough
            packet_ladder_confirm(&ladder, SHORT);
            short_count++;
        }
    }
    assert_int_equal(packet_ladder_bytes(&ladder), 1000);
    assert_int_equal(short_count, 3);
    assert_true(long_count <= 16);

    struct packet_ladder good = {0};
    for (uint32_t i = 0; i < 100; i++) {
        pass(&good, LONG, 1200);
        assert_false(packet_ladder_needs_short(&good));
    }
}

static void a_short_packet_that_is_lost_too_is_asked_for_again(void **state)
{
    (void)state;
    struct packet_ladder ladder = {0};
    for (uint32_t i = 0; i < 4; i++) {
        pass(&ladder, LONG, 0);
    }
    assert_true(packet_ladder_needs_short(&ladder));
    pass(&ladder, SHORT, 0);
    assert_false(packet_ladder_needs_short(&ladder));
    pass(&ladder, LONG, 0);
    assert_true(packet_ladder_needs_short(&ladder));
}

static void loss_by_chance_rarely_shortens_packets(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed;
    uint32_t shortened_count = 0;
    for (uint32_t i = 0; i < 1000; i++) { // sessions of 36 s at a fifth lost
        struct packet_ladder ladder = {0};
        for (uint32_t k = 0; k < 4320; k++) {
            const uint32_t path_bytes = random_next(&random) % 5 == 0 ? 0 : 1200;
            pass(&ladder, k % 2 == 0 ? LONG : SHORT, path_bytes);
        }
        shortened_count += packet_ladder_bytes(&ladder) < 1200 ? 1 : 0;
    }
    assert_true(shortened_count <= 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_with_the_longest_packets),
        cmocka_unit_test(packets_become_as_short_as_the_path_wants_them),
        cmocka_unit_test(a_path_that_carried_long_packets_is_given_more_time),
        cmocka_unit_test(an_outage_that_loses_everything_says_nothing_of_the_length),
        cmocka_unit_test(loss_of_short_packets_alone_changes_nothing),
        cmocka_unit_test(packets_of_an_earlier_rung_do_not_count_when_lost),
        cmocka_unit_test(a_long_packet_that_arrives_after_all_gives_its_length_back),
        cmocka_unit_test(where_only_long_packets_go_a_short_one_is_asked_for),
        cmocka_unit_test(a_short_packet_that_is_lost_too_is_asked_for_again),
        cmocka_unit_test(loss_by_chance_rarely_shortens_packets),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
