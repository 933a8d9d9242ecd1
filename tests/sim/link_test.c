// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"
#include "sim/stranger.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define STRANGER_INDEX 7u // in the names of players

static int teardown(void **state)
{
    sim_destroy(*state);
    return 0;
}

// Until a tick, so that what clients know can be compared afterwards.
#define WALK_TICKS 240u
#define STOP_TICKS 30u

static void everybody_walks(struct sim *sim, uint32_t client_index, muster_client *client)
{
    if (sim_tick(sim) > WALK_TICKS + STOP_TICKS) {
        return;
    }
    const float speed = sim_tick(sim) > WALK_TICKS ? 0.0f : client_index % 2 == 0 ? 3.0f : -3.0f;
    const muster_value values[] = {{.real = speed}, {.real = speed / 4.0f}};
    uint32_t sequence;
    const muster_status status = muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
    assert_true(status == MUSTER_OK || status == MUSTER_ERR_FULL);
}

// Every other client, from the first on, comes over a link.
static struct sim *sim_half_links(
    void **state, uint32_t client_count, const char *network, sim_behaviour *behaviour)
{
    const struct sim_def def = {
        .game = sim_game(),
        .seed = 1,
        .client_count = client_count,
        .network = network,
        .behaviour = behaviour,
    };
    struct sim *sim = sim_create(&def);
    *state = sim;
    for (uint32_t i = 0; i < client_count; i++) {
        sim_set_link(sim, i, i % 2 == 0);
        sim_login(sim, i);
    }
    for (uint32_t i = 0; i < 50 && sim_playing_count(sim) < client_count; i++) {
        sim_run_ms(sim, 100);
    }
    sim_run_ms(sim, 500);
    assert_int_equal(sim_playing_count(sim), client_count);
    return sim;
}

static void players_over_links_and_udp_see_one_world(void **state)
{
    struct sim *sim = sim_half_links(state, 4, NULL, everybody_walks);
    assert_int_equal(sim_link_count(sim), 2);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REQUEST), 2);
    sim_run_ms(sim, 5000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(sim_view_is_right(sim, i, 20.0f));
        assert_in_range(muster_client_stats_of(sim_client(sim, i)).refreshes, 0, 0);
    }
    assert_true(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_ACTIONS) > 4 * 150);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 0);
}

// A client that moves from one way to the other hears nothing there any more, and resumes.
static void a_player_resumes_from_udp_to_a_link_and_back(void **state)
{
    struct sim *sim = sim_half_links(state, 2, "delay=20ms", NULL);
    sim_run_ms(sim, 2000); // until both resume tokens are there
    sim_set_link(sim, 1, true);
    sim_run_ms(sim, 8000);
    assert_int_equal(sim_playing_count(sim), 2);
    assert_int_equal(muster_client_stats_of(sim_client(sim, 1)).resumes, 1);
    assert_int_equal(sim_link_count(sim), 2);
    assert_true(sim_view_is_right(sim, 1, 20.0f));

    sim_set_link(sim, 1, false);
    sim_run_ms(sim, 8000);
    assert_int_equal(sim_playing_count(sim), 2);
    assert_int_equal(muster_client_stats_of(sim_client(sim, 1)).resumes, 2);
    assert_int_equal(sim_link_count(sim), 1); // the one that was replaced is closed
    assert_true(sim_view_is_right(sim, 1, 20.0f));
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED), 2);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_RESUMED), 2);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LEFT), 0);
}

static void a_player_whose_link_breaks_stays_and_resumes_on_another(void **state)
{
    struct sim *sim = sim_half_links(state, 2, NULL, NULL);
    sim_run_ms(sim, 2000);
    sim_cut_links(sim);
    sim_run_ms(sim, 200);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 1);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LEFT), 0);
    sim_run_ms(sim, 8000);
    assert_int_equal(sim_playing_count(sim), 2);
    assert_int_equal(sim_link_count(sim), 1);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_RESUMED), 1);
    assert_true(sim_view_is_right(sim, 0, 20.0f));
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_DISCONNECT), 1);
}

static void a_drain_closes_links_with_its_reason(void **state)
{
    struct sim *sim = sim_half_links(state, 4, NULL, NULL);
    sim_drain(sim);
    sim_run_ms(sim, 1000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(muster_client_close_reason(sim_client(sim, i)), MUSTER_CLOSE_DRAINING);
    }
    assert_int_equal(sim_link_count(sim), 0);
    assert_true(server_is_drained(sim_server(sim)));
}

static void the_same_run_is_the_same(void **state)
{
    uint64_t fingerprints[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct sim *sim =
            sim_half_links(state, 6, "delay=40ms,jitter=20ms,loss=10%", everybody_walks);
        sim_run_ms(sim, 3000);
        fingerprints[i] = sim_fingerprint(sim);
        sim_destroy(sim);
        *state = NULL;
    }
    assert_int_equal(fingerprints[0], fingerprints[1]);
}

// A link by hand, beside two players.

static struct stranger stranger;
static uint32_t close_count; // empty packets to the stranger's link
static bool has_words_behind_close;

static void answer(struct sim *sim, const muster_packet *packet)
{
    if (muster_address_is_equal(&packet->address, &stranger.address)) {
        close_count += packet->length == 0 ? 1 : 0;
        has_words_behind_close = has_words_behind_close || (close_count > 0 && packet->length > 0);
    }
    stranger_take(&stranger, sim, packet);
}

static struct sim *sim_with_answer(void **state)
{
    const struct sim_def def = {
        .game = sim_game(),
        .seed = 9,
        .client_count = 2,
        .network = "delay=10ms",
        .answer = answer,
    };
    struct sim *sim = sim_create(&def);
    *state = sim;
    stranger = (struct stranger){.comes_by_link = true};
    close_count = 0;
    has_words_behind_close = false;
    for (uint32_t i = 0; i < 2; i++) {
        sim_set_link(sim, i, i == 0);
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1500);
    assert_int_equal(sim_playing_count(sim), 2);
    return sim;
}

static int teardown_stranger(void **state)
{
    stranger_destroy(&stranger);
    return teardown(state);
}

static void make_token(struct sim *sim, uint8_t token[MUSTER_CONNECT_TOKEN_BYTES])
{
    const muster_login tokens = sim_tokens(sim);
    sim_make_token(sim, &tokens, STRANGER_INDEX, token);
}

static void stranger_comes(struct sim *sim)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(sim, token);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
}

// What the stranger has sent must be refused for a reason, with words, and once.
static void assert_refused(
    struct sim *sim, muster_netcode_counter counter, muster_close_reason reason, const char *text)
{
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_link_counter(sim, counter), 1);
    assert_int_equal(stranger.close_reason, reason);
    assert_string_equal(stranger.close_text, text);
    assert_int_equal(close_count, 1);
    assert_false(has_words_behind_close);
    assert_int_equal(sim_playing_count(sim), 2);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED), 2);
}

static void an_expired_ticket_is_refused_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(sim, token);
    sim_run_ms(sim, 31000);
    stranger_connect(&stranger, sim, token);
    assert_refused(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED, MUSTER_CLOSE_REFUSED,
        "the ticket has expired");
}

static void a_forged_ticket_is_refused_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    muster_login login = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    login.private_key[3] ^= 1;
    sim_make_token(sim, &login, STRANGER_INDEX, token);
    stranger_connect(&stranger, sim, token);
    assert_refused(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED, MUSTER_CLOSE_REFUSED,
        "the ticket is not good");
}

static void a_ticket_for_another_server_is_refused_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    muster_login login = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    login.addresses[0].port++;
    sim_make_token(sim, &login, STRANGER_INDEX, token);
    stranger_connect(&stranger, sim, token);
    assert_refused(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER, MUSTER_CLOSE_REFUSED,
        "the ticket is not good");
}

static void a_ticket_for_another_game_is_refused_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    muster_login login = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    login.protocol_id++;
    sim_make_token(sim, &login, STRANGER_INDEX, token);
    stranger_connect(&stranger, sim, token);
    assert_refused(sim, MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL, MUSTER_CLOSE_VERSION,
        "the ticket is for another game");
}

static void a_ticket_is_good_for_one_link(void **state)
{
    struct sim *sim = sim_with_answer(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(sim, token);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
    struct stranger first = stranger;
    stranger = (struct stranger){.comes_by_link = true, .port = first.port};
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED), 1);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_REFUSED);
    assert_string_equal(stranger.close_text, "the ticket was used");
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED), 3);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_RESUMED), 0);
    stranger_destroy(&first);
}

// The same table knows them, whichever way they were shown first.
static void a_ticket_is_good_for_a_link_or_for_udp(void **state)
{
    struct sim *sim = sim_with_answer(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    uint8_t request[MUSTER_PACKET_BYTES_MAX];
    make_token(sim, token);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 300);
    const uint32_t length = stranger_write_request(token, request);
    muster_address udp = {
        .ip = {127, 0, 0, 9}, .port = STRANGER_PORT, .family = MUSTER_ADDRESS_IPV4};
    sim_inject(sim, &udp, request, length);
    sim_run_ms(sim, 200);
    assert_int_equal(muster_stats_read(server_stats(sim_server(sim)), SERVER_STAT_NETCODE,
                         MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED),
        1);

    make_token(sim, token);
    const uint32_t other_length = stranger_write_request(token, request);
    udp.port = STRANGER_PORT + 1;
    sim_inject(sim, &udp, request, other_length); // as far as the challenge
    sim_run_ms(sim, 20);
    stranger_connect(&stranger, sim, token); // from the same address
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED), 1);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_REFUSED);
}

static void a_ticket_of_any_other_length_is_refused(void **state)
{
    struct sim *sim = sim_with_answer(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(sim, token);
    for (uint32_t length = 0; length < MUSTER_CONNECT_TOKEN_BYTES; length++) {
        stranger_connect_link(&stranger, sim, token, length);
        sim_run_ms(sim, 3); // more often would be too often for one address
        assert_false(stranger.is_link_open);
        assert_int_equal(stranger.close_reason, MUSTER_CLOSE_REFUSED);
    }
    assert_int_equal(close_count, MUSTER_CONNECT_TOKEN_BYTES);
    sim_run_ms(sim, 200);
    assert_int_equal(
        sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), MUSTER_CONNECT_TOKEN_BYTES);
    stranger_connect(&stranger, sim, token); // and is as good as before
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED), 3);
}

static void too_many_tickets_from_one_address_are_refused_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    uint8_t ticket[MUSTER_CONNECT_TOKEN_BYTES] = {0};
    for (uint32_t i = 0; i < 2000; i++) {
        stranger_connect_link(&stranger, sim, ticket, sizeof ticket);
        if (i % 50 == 0) {
            sim_run_ms(sim, 1);
        }
    }
    sim_run_ms(sim, 300);
    const uint64_t limited = sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE);
    const uint64_t looked_at = sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_VERSION);
    assert_in_range(looked_at, 480, 540);
    assert_int_equal(looked_at + limited, 2000);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_LIMIT);
    assert_int_equal(sim_playing_count(sim), 2);
}

static void a_silent_link_is_closed_and_its_player_waits(void **state)
{
    struct sim *sim = sim_with_answer(state);
    stranger_comes(sim);
    const uint32_t packet_count = stranger.packets_received;
    assert_true(packet_count > 10);
    sim_run_ms(sim, 4400);
    assert_int_equal(close_count, 0);
    sim_run_ms(sim, 1000);
    assert_int_equal(close_count, 1);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_NONE);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 1);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LEFT), 0);
    assert_false(has_words_behind_close);

    // What still comes of it is answered by its end, and by nothing else.
    const uint8_t late[] = {0x10, 0, 0};
    sim_inject(sim, &stranger.address, late, sizeof late);
    sim_run_ms(sim, 200);
    assert_int_equal(close_count, 2);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REPEATED), 1);
    assert_int_equal(sim_playing_count(sim), 2);
}

static void packets_that_are_too_long_are_refused(void **state)
{
    struct sim *sim = sim_with_answer(state);
    stranger_comes(sim);
    const uint8_t bytes[MUSTER_NETCODE_PAYLOAD_BYTES_MAX + 1] = {0};
    sim_inject(sim, &stranger.address, bytes, sizeof bytes);
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_link_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), 1);
    assert_true(stranger.is_link_open);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET), 0);
}

static void nonsense_on_a_link_ends_it_with_a_reason(void **state)
{
    struct sim *sim = sim_with_answer(state);
    stranger_comes(sim);
    const uint8_t nonsense[] = {0x10, 0};
    for (uint32_t i = 0; i < 32; i++) {
        stranger_send_payload(&stranger, sim, nonsense, sizeof nonsense);
    }
    stranger_run_ms(&stranger, sim, 300);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET), 32);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_PROTOCOL);
    assert_false(stranger.is_link_open);
    assert_int_equal(close_count, 1);
}

static void a_link_that_ends_in_its_goodbye_is_forgotten(void **state)
{
    struct sim *sim = sim_with_answer(state);
    stranger_comes(sim);
    uint8_t bytes[16];
    stranger_send_payload(&stranger, sim, bytes,
        muster_session_write_close(MUSTER_CLOSE_LEFT, NULL, bytes, sizeof bytes));
    sim_inject(sim, &stranger.address, NULL, 0);
    sim_run_ms(sim, 300);
    assert_int_equal(close_count, 0);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LEFT), 1);
    stranger_comes(sim);
    assert_true(stranger.is_link_open);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(players_over_links_and_udp_see_one_world, teardown),
        cmocka_unit_test_teardown(a_player_resumes_from_udp_to_a_link_and_back, teardown),
        cmocka_unit_test_teardown(
            a_player_whose_link_breaks_stays_and_resumes_on_another, teardown),
        cmocka_unit_test_teardown(a_drain_closes_links_with_its_reason, teardown),
        cmocka_unit_test_teardown(the_same_run_is_the_same, teardown),
        cmocka_unit_test_teardown(an_expired_ticket_is_refused_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(a_forged_ticket_is_refused_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(
            a_ticket_for_another_server_is_refused_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(
            a_ticket_for_another_game_is_refused_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(a_ticket_is_good_for_one_link, teardown_stranger),
        cmocka_unit_test_teardown(a_ticket_is_good_for_a_link_or_for_udp, teardown_stranger),
        cmocka_unit_test_teardown(a_ticket_of_any_other_length_is_refused, teardown_stranger),
        cmocka_unit_test_teardown(
            too_many_tickets_from_one_address_are_refused_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(a_silent_link_is_closed_and_its_player_waits, teardown_stranger),
        cmocka_unit_test_teardown(packets_that_are_too_long_are_refused, teardown_stranger),
        cmocka_unit_test_teardown(nonsense_on_a_link_ends_it_with_a_reason, teardown_stranger),
        cmocka_unit_test_teardown(a_link_that_ends_in_its_goodbye_is_forgotten, teardown_stranger),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
