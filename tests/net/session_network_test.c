// SPDX-License-Identifier: Apache-2.0

// Sessions over a bad network on a virtual clock, for ten minutes of it.

#include "muster/impairment.h"
#include "muster/session.h"

#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US         16667u
#define TICK_COUNT      36000u // ten minutes
#define BLOB_KIND       9u
#define WIRE_BYTES      48u // of UDP, IP and netcode around a payload
#define MESSAGE_MAX     80000u
#define PERCENTILE_RANK 99u

static uint64_t seed = 1;

// One end: what it pushed and what it expects, both told by a message's number alone.
struct end {
    muster_session_pool *pool;
    muster_session *session;
    uint32_t pushed_count;
    uint32_t popped_count;
    uint64_t push_us[MESSAGE_MAX];     // of the messages pushed here
    uint64_t delivery_us[MESSAGE_MAX]; // of the messages popped here, since their push
    uint64_t token_next;
    uint64_t acked_count;
    uint64_t lost_count;
    uint64_t wire_bytes;
    bool has_arrived[4 * TICK_COUNT]; // blobs, by the number they carry
};

struct world {
    muster_impairment *network;
    struct end ends[2];
    uint64_t random_state;
    uint64_t now_us;
};

static struct world world;

static uint32_t length_of(uint32_t number)
{
    return number % 50 == 7 ? 2000 + number % 3000 : number % 150;
}

static uint8_t byte_of(uint32_t number, uint32_t index)
{
    return (uint8_t)(number * 31 + index * 7 + index / 256);
}

static void world_create(const char *rules_text)
{
    memset(&world, 0, sizeof world);
    world.random_state = seed;
    print_message("seed %llu, %s\n", (unsigned long long)seed, rules_text);
    muster_impairment_def network_def = muster_impairment_default_def();
    network_def.seed = seed;
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    assert_int_equal(muster_impairment_parse(rules_text, &network_def.rules, error), MUSTER_OK);
    assert_int_equal(muster_impairment_create(&network_def, &world.network), MUSTER_OK);
    muster_session_pool_def def = muster_session_pool_default_def();
    for (int i = 0; i < 2; i++) {
        struct end *end = &world.ends[i];
        assert_int_equal(muster_session_pool_create(&def, &end->pool), MUSTER_OK);
        assert_int_equal(muster_session_pool_acquire(end->pool, &end->session), MUSTER_OK);
        end->token_next = 1;
    }
}

static void world_destroy(void)
{
    for (int i = 0; i < 2; i++) {
        muster_session_pool_destroy(world.ends[i].pool);
    }
    muster_impairment_destroy(world.network);
}

static bool push_message(struct end *end, uint32_t length)
{
    static uint8_t bytes[MUSTER_SESSION_MESSAGE_BYTES_MAX];
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = byte_of(end->pushed_count, i);
    }
    const uint16_t kind = (uint16_t)end->pushed_count;
    if (muster_session_push(end->session, kind, bytes, length) != MUSTER_OK) {
        return false;
    }
    end->push_us[end->pushed_count++] = world.now_us;
    return true;
}

// A packet with what is due and a blob that carries its token.
static void send_packet(uint32_t from)
{
    struct end *end = &world.ends[from];
    uint8_t packet[MUSTER_SESSION_PACKET_BYTES_MAX];
    assert_int_equal(
        muster_session_begin_packet(end->session, world.now_us, packet, sizeof packet, 1100),
        MUSTER_OK);
    uint8_t *bytes;
    uint32_t capacity;
    assert_int_equal(
        muster_session_begin_blob(end->session, BLOB_KIND, true, &bytes, &capacity), MUSTER_OK);
    memcpy(bytes, &end->token_next, sizeof end->token_next);
    muster_session_end_blob(end->session, sizeof end->token_next);
    const uint32_t length = muster_session_end_packet(end->session, end->token_next++);
    end->wire_bytes += length + WIRE_BYTES;
    assert_int_equal(
        muster_impairment_push(world.network, world.now_us, from, packet, length), MUSTER_OK);
}

static void take_messages(uint32_t to, uint32_t fixed_length)
{
    struct end *end = &world.ends[to];
    const struct end *peer = &world.ends[1 - to];
    for (muster_session_message message; muster_session_pop(end->session, &message);) {
        const uint32_t number = end->popped_count;
        assert_true(number < peer->pushed_count);
        assert_int_equal(message.kind, (uint16_t)number);
        assert_int_equal(message.length, fixed_length != 0 ? fixed_length : length_of(number));
        for (uint32_t i = 0; i < message.length; i++) {
            assert_int_equal(message.bytes[i], byte_of(number, i));
        }
        end->delivery_us[number] = world.now_us - peer->push_us[number];
        end->popped_count++;
    }
}

static void take_fates(struct end *end, const struct end *peer)
{
    for (muster_session_fate fate; muster_session_pop_fate(end->session, &fate);) {
        assert_in_range(fate.token, 1, end->token_next - 1);
        if (fate.is_acked) {
            assert_true(peer->has_arrived[fate.token]);
        }
        end->acked_count += fate.is_acked;
        end->lost_count += !fate.is_acked;
    }
}

static void deliver_until(uint64_t until_us, uint32_t fixed_length)
{
    muster_impairment_packet packet;
    while (muster_impairment_pop(world.network, until_us, &packet)) {
        const uint32_t to = 1 - packet.link;
        struct end *end = &world.ends[to];
        world.now_us = packet.due_us;
        muster_session_received received;
        assert_int_equal(
            muster_session_read(end->session, world.now_us, packet.bytes, packet.length, &received),
            MUSTER_OK);
        if (received.blob_count == 1) {
            uint64_t token;
            assert_int_equal(received.blobs[0].kind, BLOB_KIND);
            memcpy(&token, received.blobs[0].bytes, sizeof token);
            assert_false(end->has_arrived[token]); // each blob once
            end->has_arrived[token] = true;
        }
        take_messages(to, fixed_length);
        take_fates(end, &world.ends[1 - to]);
    }
}

static int compare_us(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t percentile_us(struct end *end, uint32_t rank)
{
    qsort(end->delivery_us, end->popped_count, sizeof end->delivery_us[0], compare_us);
    return end->delivery_us[(uint64_t)end->popped_count * rank / 100];
}

// Ten minutes of mixed messages in both directions, then silence until all have arrived.
static void run_conversation(const char *rules_text)
{
    world_create(rules_text);
    for (uint64_t tick = 0; tick < TICK_COUNT + 600; tick++) {
        const uint64_t tick_us = tick * TICK_US;
        deliver_until(tick_us, 0);
        world.now_us = tick_us;
        for (uint32_t i = 0; i < 2; i++) {
            struct end *end = &world.ends[i];
            const bool is_pushing =
                tick < TICK_COUNT && random_next(&world.random_state) % 100 < 25;
            if (is_pushing) {
                (void)push_message(end, length_of(end->pushed_count));
            }
            send_packet(i);
            take_fates(end, &world.ends[1 - i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct end *end = &world.ends[i];
        const struct end *peer = &world.ends[1 - i];
        const muster_session_stats stats = muster_session_get_stats(end->session);
        assert_int_equal(end->popped_count, peer->pushed_count);
        assert_true(end->popped_count > 8000);
        assert_int_equal(stats.send_fragment_count, 0);
        assert_int_equal(stats.packets_malformed + stats.packets_refused, 0);
        const uint64_t p99_us = percentile_us(end, PERCENTILE_RANK); // sorts
        print_message(
            "  end %d: %u messages, p50 %llu ms, p99 %llu ms, longest %llu ms; rtt %u ms, "
            "loss %u ppm, fates %llu acked %llu lost, fragments %llu, again %llu\n",
            i, end->popped_count, (unsigned long long)percentile_us(end, 50) / 1000,
            (unsigned long long)p99_us / 1000,
            (unsigned long long)end->delivery_us[end->popped_count - 1] / 1000, stats.rtt_us / 1000,
            stats.loss_ppm, (unsigned long long)end->acked_count,
            (unsigned long long)end->lost_count, (unsigned long long)stats.fragments_sent,
            (unsigned long long)stats.fragments_repeated);
        // Every token but those of the last moments has come back, and once.
        assert_in_range(end->acked_count + end->lost_count, end->token_next - 40, end->token_next);
    }
    world_destroy();
}

static void nothing_reliable_is_lost_at_5_percent(void **state)
{
    (void)state;
    run_conversation("delay=100ms,jitter=30ms,loss=5%");
}

static void nothing_reliable_is_lost_at_20_percent(void **state)
{
    (void)state;
    run_conversation("delay=100ms,jitter=30ms,loss=20%");
}

static void nothing_reliable_is_lost_in_a_mess(void **state)
{
    (void)state;
    run_conversation("bad,burst=1%/10%/100%,dup=5%,reorder=10%,reorder_by=90ms,order=free");
}

// Messages of 10 kB one after the other. A packet goes out only if something is due, so the bytes
// counted are those that the messages cost.
static void fragments_cost_little_on_the_wire(void **state)
{
    (void)state;
    enum { MESSAGE_BYTES = 10000, MESSAGE_COUNT = 500 };
    world_create("delay=20ms,jitter=5ms,loss=1%");
    world.now_us = 0;
    send_packet(1); // tells the window
    deliver_until(100000, MESSAGE_BYTES);
    uint64_t tick = 100;
    while (world.ends[1].popped_count < MESSAGE_COUNT) {
        assert_true(tick < 100 + 1000 * MESSAGE_COUNT);
        world.now_us = ++tick * TICK_US;
        if (world.ends[0].pushed_count == world.ends[1].popped_count) {
            assert_true(push_message(&world.ends[0], MESSAGE_BYTES));
        }
        // Packets go out only for a reason, as fast as they are full.
        for (uint32_t i = 0; i < 2; i++) {
            for (int j = 0; j < 4; j++) {
                if (muster_session_has_due(world.ends[i].session, world.now_us)) {
                    send_packet(i);
                }
            }
        }
        deliver_until((tick + 1) * TICK_US - 1, MESSAGE_BYTES);
        take_fates(&world.ends[0], &world.ends[1]);
        take_fates(&world.ends[1], &world.ends[0]);
    }
    const uint64_t percent = world.ends[0].wire_bytes * 100 / (MESSAGE_BYTES * MESSAGE_COUNT);
    print_message("10 kB at 1 %% loss: %llu %% of the payload on the wire, p50 %llu ms, "
                  "p99 %llu ms\n",
        (unsigned long long)percent, (unsigned long long)percentile_us(&world.ends[1], 50) / 1000,
        (unsigned long long)percentile_us(&world.ends[1], PERCENTILE_RANK) / 1000);
    assert_in_range(percent, 100, 115);
    world_destroy();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_reliable_is_lost_at_5_percent),
        cmocka_unit_test(nothing_reliable_is_lost_at_20_percent),
        cmocka_unit_test(nothing_reliable_is_lost_in_a_mess),
        cmocka_unit_test(fragments_cost_little_on_the_wire),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
