// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define CLIENT_COUNT 2u
#define RUN_MS       4000u

// Somebody on the way sees every packet of the players and sends what it makes of them, with the
// players' addresses. The run must be the one without it: the same world, the same packets to
// everybody. What was refused is counted by netcode.

struct attack {
    void (*spoil)(struct sim *sim, const muster_packet *packet);
    uint64_t number; // of the packet
    uint64_t injected;
};

static struct attack attack;

static void inject(
    struct sim *sim, const muster_address *from, const uint8_t *bytes, uint32_t length)
{
    attack.injected++;
    sim_inject(sim, from, bytes, length);
}

static void listen_in(struct sim *sim, const muster_packet *packet)
{
    attack.number++;
    if (attack.spoil != NULL) {
        attack.spoil(sim, packet);
    }
}

static void walk_about(struct sim *sim, uint32_t client_index, muster_client *client)
{
    const muster_value values[] = {
        {.real = sim_tick(sim) % 120 < 60 ? 2.0f : -2.0f}, {.real = (float)client_index}};
    uint32_t sequence;
    (void)!muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
}

struct outcome {
    uint64_t hash;
    uint64_t bytes_received[CLIENT_COUNT];
    uint64_t updates[CLIENT_COUNT];
    uint64_t refused;
};

static uint64_t refused_count(struct sim *sim)
{
    uint64_t count = 0;
    for (uint32_t i = MUSTER_NETCODE_COUNTER_REFUSED_SIZE; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        count += (uint64_t)muster_stats_read(server_stats(sim_server(sim)), SERVER_STAT_NETCODE, i);
    }
    return count;
}

static struct outcome run_with(void (*spoil)(struct sim *sim, const muster_packet *packet))
{
    attack = (struct attack){.spoil = spoil};
    const struct sim_def def = {.game = sim_game(),
        .seed = 9,
        .client_count = CLIENT_COUNT,
        .network = "delay=10ms",
        .behaviour = walk_about,
        .tap = listen_in};
    struct sim *sim = sim_create(&def);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, RUN_MS);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    struct outcome outcome = {
        .hash = server_read_summary(sim_server(sim)).hash, .refused = refused_count(sim)};
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_client_stats stats = muster_client_stats_of(sim_client(sim, i));
        outcome.bytes_received[i] = stats.bytes_received;
        outcome.updates[i] = stats.updates;
        assert_int_equal(stats.resumes, 0);
    }
    sim_destroy(sim);
    return outcome;
}

static void assert_harmless(void (*spoil)(struct sim *sim, const muster_packet *packet))
{
    const struct outcome quiet = run_with(NULL);
    const struct outcome attacked = run_with(spoil);
    assert_true(attack.injected > 100);
    assert_true(attacked.refused > quiet.refused + attack.injected / 2);
    assert_int_equal(attacked.hash, quiet.hash);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_int_equal(attacked.bytes_received[i], quiet.bytes_received[i]);
        assert_int_equal(attacked.updates[i], quiet.updates[i]);
    }
}

// Of the first packets, which open the connections, every length; later one length each.
static void truncate(struct sim *sim, const muster_packet *packet)
{
    const uint32_t step = attack.number < 20 ? 1 : packet->length;
    for (uint32_t length = (uint32_t)attack.number % step; length < packet->length;
         length += step) {
        inject(sim, &packet->address, packet->bytes, length);
    }
}

static void flip_bits(struct sim *sim, const muster_packet *packet)
{
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    const uint32_t bit_count = 8 * packet->length;
    const uint32_t step = attack.number < 20 ? 7 : bit_count / 3;
    for (uint32_t bit = (uint32_t)attack.number % step; bit < bit_count; bit += step) {
        memcpy(bytes, packet->bytes, packet->length);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        inject(sim, &packet->address, bytes, packet->length);
    }
}

// The connections' first packets are left alone: sent again at once they are what a slow network
// would do, and are answered again.
static void replay(struct sim *sim, const muster_packet *packet)
{
    if (attack.number > 40) {
        inject(sim, &packet->address, packet->bytes, packet->length);
        inject(sim, &packet->address, packet->bytes, packet->length);
    }
}

static void send_as_the_other_session(struct sim *sim, const muster_packet *packet)
{
    muster_address other = packet->address;
    other.port = (uint16_t)(packet->address.port ^ 1u);
    if (attack.number > 40) {
        inject(sim, &other, packet->bytes, packet->length);
    }
}

static void send_from_nowhere(struct sim *sim, const muster_packet *packet)
{
    muster_address other = packet->address;
    other.ip[3] = 200;
    if (attack.number > 40) {
        inject(sim, &other, packet->bytes, packet->length);
    }
}

static void packets_cut_at_every_length_change_nothing(void **state)
{
    (void)state;
    assert_harmless(truncate);
}

static void packets_with_a_flipped_bit_change_nothing(void **state)
{
    (void)state;
    assert_harmless(flip_bits);
}

static void replayed_packets_change_nothing(void **state)
{
    (void)state;
    assert_harmless(replay);
}

static void packets_of_another_session_change_nothing(void **state)
{
    (void)state;
    assert_harmless(send_as_the_other_session);
}

static void packets_from_an_unknown_address_change_nothing(void **state)
{
    (void)state;
    assert_harmless(send_from_nowhere);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_cut_at_every_length_change_nothing),
        cmocka_unit_test(packets_with_a_flipped_bit_change_nothing),
        cmocka_unit_test(replayed_packets_change_nothing),
        cmocka_unit_test(packets_of_another_session_change_nothing),
        cmocka_unit_test(packets_from_an_unknown_address_change_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
