// SPDX-License-Identifier: Apache-2.0
#include "core/bytes.h"
#include "harness/packets.h"
#include "sim/game.h"
#include "sim/sim.h"
#include "sim/stranger.h"
#include "wire/play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_COUNT   3u
#define STRANGER_INDEX 7u
#define LOG_MAX        1200u
#define RUN_MS         8000u
#define SHOUT_TICKS    15u
#define STRANGER_MARK  0xffffu // in shouts, instead of a client's index

// Packets are spread over a tick by how many there are, so they and what is said of them may come
// some milliseconds earlier or later, and then another tick's metadata is sent. It goes out every
// 12 ticks and may wait six for company: so much may differ of a number that changes with every
// tick.
#define SCORE_LAG_MAX 18

// All come at once: until each has been told of all, the packets that tell of them differ, too.
#define SETTLE_TICKS 60u

// Few updates wait a tick or two for company, and in which ticks they go out, and with them when a
// client sees what and acts, is a matter of what was sent before: so far apart may be where a
// player is who walks at 2 m/s and turns around, in metres.
#define PLACE_OFF_MAX 0.3f

// A client that behaves badly, and the same run in which it behaves: at every tick of the others
// they must be where they were then and see each other there, but for what waiting makes of it, and
// none of what they shout may be lost.

// What a client has seen in one of its ticks, and where the world has its player.
struct sight {
    float seen[CLIENT_COUNT][MUSTER_REPLICA_LANE_COUNT_MAX]; // where everybody is
    int32_t scores[CLIENT_COUNT];
    float place[2];
};

struct neighbours {
    struct stranger stranger;
    uint64_t ids[CLIENT_COUNT]; // of their entities
    struct sight sights[CLIENT_COUNT][LOG_MAX];
    uint32_t sight_count[CLIENT_COUNT];
    uint32_t shouted[CLIENT_COUNT];
    uint32_t heard[CLIENT_COUNT][CLIENT_COUNT];
    uint32_t heard_of_stranger[CLIENT_COUNT];
    bool is_over; // nobody shouts any more
};

static struct neighbours neighbours;

static bool comes_by_link; // the stranger

static void answer(struct sim *sim, const muster_packet *packet)
{
    stranger_take(&neighbours.stranger, sim, packet);
}

// CLIENT_COUNT for who is none of them.
static uint32_t neighbour_of(uint64_t id)
{
    uint32_t i = 0;
    while (i < CLIENT_COUNT && neighbours.ids[i] != id) {
        i++;
    }
    return i;
}

// What a client knows of the neighbours now, wherever its view holds it.
static void look(struct sight *sight, uint32_t client_index, muster_client *client)
{
    const muster_replica_view *view = muster_client_view(client);
    memset(sight->seen, 0, sizeof sight->seen);
    for (uint32_t i = 0; i < muster_replica_view_index_end(view); i++) {
        muster_replica_entity entity;
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        if (!muster_replica_view_entity(view, i, &entity)) {
            continue;
        }
        if (entity.is_mine) {
            neighbours.ids[client_index] = entity.id;
        }
        const uint32_t neighbour = neighbour_of(entity.id);
        if (neighbour < CLIENT_COUNT) {
            (void)muster_replica_view_numbers(view, i, SIM_FIELD_POSITION, sight->seen[neighbour]);
            (void)muster_replica_view_values(view, i, SIM_FIELD_SCORE, values);
            sight->scores[neighbour] = (int32_t)values[0];
        }
    }
}

static void hear(uint32_t client_index, muster_client *client)
{
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
        assert_int_equal(message.length, 8);
        const uint32_t from = bytes_load_u32(message.bytes);
        const uint32_t number = bytes_load_u32(message.bytes + 4);
        if (from == STRANGER_MARK) {
            neighbours.heard_of_stranger[client_index]++;
        } else {
            assert_true(from < CLIENT_COUNT);
            assert_int_equal(number, ++neighbours.heard[client_index][from]);
        }
    }
    muster_replica_event event;
    while (muster_replica_view_pop_event(muster_client_view(client), &event)) {
    }
}

static void walk_and_shout(struct sim *sim, uint32_t client_index, muster_client *client)
{
    hear(client_index, client);
    assert_true(neighbours.sight_count[client_index] < LOG_MAX);
    struct sight *sight = &neighbours.sights[client_index][neighbours.sight_count[client_index]++];
    look(sight, client_index, client);
    (void)sim_player_place(sim, client_index, sight->place);
    const muster_value values[] = {
        {.real = sim_tick(sim) % 120 < 60 ? 2.0f : -2.0f}, {.real = (float)client_index}};
    uint32_t sequence;
    assert_int_equal(muster_client_act(client, SIM_ACTION_WALK, values, &sequence), MUSTER_OK);
    if (sim_tick(sim) % SHOUT_TICKS == 0 && !neighbours.is_over) {
        uint8_t bytes[8];
        bytes_store_u32(bytes, client_index);
        bytes_store_u32(bytes + 4, ++neighbours.shouted[client_index]);
        assert_int_equal(
            muster_client_send(client, SIM_MESSAGE_SHOUT, bytes, sizeof bytes), MUSTER_OK);
    }
}

// What a stranger does in each of its ticks, beside standing there.
typedef void manners(struct stranger *stranger, struct sim *sim);

static struct sim *begin(bool never_acks, uint32_t packets_per_tick)
{
    neighbours = (struct neighbours){.stranger = {.comes_by_link = comes_by_link,
                                         .never_acks = never_acks,
                                         .packets_per_tick = packets_per_tick}};
    const struct sim_def def = {.game = sim_game(),
        .seed = 9,
        .client_count = CLIENT_COUNT,
        .network = "delay=20ms",
        .behaviour = walk_and_shout,
        .answer = answer};
    struct sim *sim = sim_create(&def);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    const muster_login tokens = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    sim_make_token(sim, &tokens, STRANGER_INDEX, token);
    stranger_connect(&neighbours.stranger, sim, token);
    return sim;
}

static void run(struct sim *sim, manners *misbehave)
{
    struct stranger *stranger = &neighbours.stranger;
    for (uint32_t ms = 0; ms < RUN_MS; ms += 20) {
        if (misbehave != NULL && ms > 1000) {
            misbehave(stranger, sim);
        }
        stranger_run_ms(stranger, sim, 20);
    }
    neighbours.is_over = true;
    stranger_run_ms(stranger, sim, 500);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_true(neighbours.shouted[i] >= RUN_MS / 1000 * 60 / SHOUT_TICKS - 8);
        for (uint32_t k = 0; k < CLIENT_COUNT; k++) {
            assert_int_equal(neighbours.heard[i][k], neighbours.shouted[k]);
        }
        const muster_client_stats stats = muster_client_stats_of(sim_client(sim, i));
        assert_int_equal(stats.resumes, 0);
        assert_int_equal(stats.updates_refused, 0);
        assert_int_equal(stats.messages_dropped, 0);
    }
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
}

static void end(struct sim *sim)
{
    stranger_destroy(&neighbours.stranger);
    sim_destroy(sim);
}

static void assert_same_sight(const struct sight *a, const struct sight *b)
{
    for (uint32_t axis = 0; axis < 2; axis++) {
        assert_true(fabsf(a->place[axis] - b->place[axis]) < PLACE_OFF_MAX);
        for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
            assert_true(fabsf(a->seen[i][axis] - b->seen[i][axis]) < PLACE_OFF_MAX);
        }
    }
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_true(abs(a->scores[i] - b->scores[i]) <= SCORE_LAG_MAX);
    }
}

// Runs with manners and without, and compares what the neighbours have seen.
static void assert_neighbours_see_the_same(bool never_acks, uint32_t packets_per_tick, manners *bad)
{
    struct neighbours *attacked = malloc(sizeof *attacked);
    assert_non_null(attacked);
    struct sim *sim = begin(never_acks, packets_per_tick);
    run(sim, bad);
    if (packets_per_tick > 1) {
        assert_true(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE) > 1000);
    }
    end(sim);
    *attacked = neighbours;
    assert_true(attacked->stranger.packets_received > 30);

    sim = begin(false, 1);
    run(sim, NULL);
    assert_int_equal(neighbours.stranger.close_reason, MUSTER_CLOSE_NONE);
    end(sim);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_true(neighbours.sight_count[i] > RUN_MS / 1000 * 60 - 60);
        assert_int_equal(attacked->sight_count[i], neighbours.sight_count[i]);
        for (uint32_t k = SETTLE_TICKS; k < neighbours.sight_count[i]; k++) {
            assert_same_sight(&attacked->sights[i][k], &neighbours.sights[i][k]);
        }
    }
    free(attacked);
}

static void who_never_acknowledges_costs_the_others_nothing(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(true, 1, NULL);
}

static void who_sends_too_many_packets_costs_the_others_nothing(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(false, 20, NULL);
}

static void send_nonsense(struct stranger *stranger, struct sim *sim)
{
    const uint8_t bytes[1000] = {0};
    stranger_send(stranger, sim, 9, bytes, sizeof bytes); // of no kind that there is
}

static void who_sends_nonsense_is_ended_and_costs_the_others_nothing(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(false, 1, send_nonsense);
    struct sim *sim = begin(false, 1);
    run(sim, send_nonsense);
    assert_int_equal(neighbours.stranger.close_reason, MUSTER_CLOSE_PROTOCOL);
    end(sim);
}

// An INPUT of as many actions as one holds, in which the stranger stands still.
static void send_actions(struct stranger *stranger, struct sim *sim, uint32_t first_sequence)
{
    uint8_t bytes[512];
    struct play_input inputs[PLAY_INPUT_COUNT_MAX];
    for (uint32_t i = 0; i < PLAY_INPUT_COUNT_MAX; i++) {
        inputs[i] = (struct play_input){.tick = sim_tick(sim) + 1,
            .sequence = first_sequence + i,
            .action_index = SIM_ACTION_WALK,
            .step_count = 2,
            .steps = {60, 60}};
    }
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    assert_int_equal(
        play_write_inputs(&writer, stranger->newest_tick, inputs, PLAY_INPUT_COUNT_MAX),
        PLAY_INPUT_COUNT_MAX);
    stranger_send(stranger, sim, PLAY_RECORD_INPUT, bytes, (uint32_t)writer.length);
}

static void repeat_actions(struct stranger *stranger, struct sim *sim)
{
    for (uint32_t i = 0; i < 16; i++) {
        send_actions(stranger, sim, 1);
    }
}

static void who_sends_too_many_bytes_costs_the_others_nothing(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(false, 1, repeat_actions);
}

static void act_too_often(struct stranger *stranger, struct sim *sim)
{
    static uint32_t sequence = 1;
    send_actions(stranger, sim, sequence);
    sequence += PLAY_INPUT_COUNT_MAX;
}

static void who_acts_too_often_costs_the_others_nothing(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(false, 1, act_too_often);
}

static void shout_too_often(struct stranger *stranger, struct sim *sim)
{
    (void)sim;
    uint8_t bytes[9] = {SIM_MESSAGE_SHOUT};
    bytes_store_u32(bytes + 1, STRANGER_MARK);
    for (uint32_t i = 0; i < 4 && stranger->session != NULL; i++) {
        (void)!muster_session_push(stranger->session, PLAY_MESSAGE_CUSTOM, bytes, sizeof bytes);
    }
}

static void who_shouts_too_often_is_heard_at_its_rate_and_drowns_nobody(void **state)
{
    (void)state;
    assert_neighbours_see_the_same(false, 1, shout_too_often);
    struct sim *sim = begin(false, 1);
    run(sim, shout_too_often);
    // Twenty a second for seven seconds, after five seconds' worth and half a second's at once.
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_in_range(neighbours.heard_of_stranger[i], 240, 270);
    }
    assert_true(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_REFUSED_MESSAGE_RATE) > 500);
    end(sim);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_never_acknowledges_costs_the_others_nothing),
        cmocka_unit_test(who_sends_too_many_packets_costs_the_others_nothing),
        cmocka_unit_test(who_sends_too_many_bytes_costs_the_others_nothing),
        cmocka_unit_test(who_sends_nonsense_is_ended_and_costs_the_others_nothing),
        cmocka_unit_test(who_acts_too_often_costs_the_others_nothing),
        cmocka_unit_test(who_shouts_too_often_is_heard_at_its_rate_and_drowns_nobody),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    const int over_udp = cmocka_run_group_tests_name("over UDP", tests, NULL, NULL);
    comes_by_link = true;
    return over_udp + cmocka_run_group_tests_name("over a link", tests, NULL, NULL);
}
