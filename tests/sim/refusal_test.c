// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // mkstemp()
#include "apps/server/audit.h"
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

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENT_COUNT   2u
#define STRANGER_INDEX 7u // in the names of players
#define REQUEST_COUNT  50u

// Who is not let in, or is sent away: what the client learns, what is counted, what the audit log
// says, and that the others notice nothing.

static bool comes_by_link; // the stranger
static struct stranger stranger;
static uint32_t answer_count; // to others than the stranger

static void answer(struct sim *sim, const muster_packet *packet)
{
    if (muster_address_is_equal(&packet->address, &stranger.address)) {
        stranger_take(&stranger, sim, packet);
    } else {
        answer_count++;
    }
}

static void walk_about(struct sim *sim, uint32_t client_index, muster_client *client)
{
    const muster_value values[] = {
        {.real = sim_tick(sim) % 120 < 60 ? 2.0f : -2.0f}, {.real = (float)client_index}};
    uint32_t sequence;
    (void)!muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
}

static struct sim *sim_of(const muster_game *game)
{
    stranger = (struct stranger){.comes_by_link = comes_by_link};
    answer_count = 0;
    const struct sim_def def = {.game = game,
        .seed = 9,
        .client_count = CLIENT_COUNT,
        .network = "delay=10ms",
        .behaviour = walk_about,
        .answer = answer,
        .resume_window_us = 2000000};
    return sim_create(&def);
}

static void end(struct sim *sim)
{
    stranger_destroy(&stranger);
    sim_destroy(sim);
}

// Two players are in the world.
static struct sim *sim_with_players(void)
{
    struct sim *sim = sim_of(sim_game());
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1000);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    return sim;
}

static void stranger_comes(struct sim *sim)
{
    const muster_login tokens = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    sim_make_token(sim, &tokens, STRANGER_INDEX, token);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
}

// What is told.

static uint64_t netcode_counter(struct sim *sim, muster_netcode_counter counter)
{
    return (uint64_t)muster_stats_read(
        server_stats(sim_server(sim)), SERVER_STAT_NETCODE, (uint32_t)counter);
}

static uint32_t count_lines(const char *path, const char *event, const char *reason)
{
    char line[1024];
    char event_part[64];
    char reason_part[64];
    (void)snprintf(event_part, sizeof event_part, "\"event\":\"%s\"", event);
    (void)snprintf(reason_part, sizeof reason_part, "\"reason\":\"%s\"", reason);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    uint32_t count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, event_part) != NULL && strstr(line, reason_part) != NULL ? 1 : 0;
    }
    fclose(file);
    return count;
}

// Writes what happened so far into an audit log; each line must be there once.
static void assert_audited(struct sim *sim, const char *reason, const char *const events[])
{
    char path[] = "/tmp/muster-sim-audit-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct audit audit;
    struct driver_error error;
    assert_int_equal(audit_open(&audit, path, 1000000, 1, &error), MUSTER_OK);
    struct server_event event;
    while (server_pop_event(sim_server(sim), &event)) {
        audit_event(&audit, &event);
    }
    assert_false(audit.has_failed);
    audit_close(&audit);
    for (uint32_t i = 0; events[i] != NULL; i++) {
        assert_int_equal(count_lines(path, events[i], reason), 1);
    }
    assert_int_equal(unlink(path), 0);
}

static void assert_stranger_refused(struct sim *sim,
    muster_close_reason reason,
    const char *text,
    const char *word,
    muster_gateway_counter counter)
{
    assert_int_equal(stranger.close_reason, reason);
    assert_string_equal(stranger.close_text, text);
    sim_run_ms(sim, 1100); // counters are shown once a second
    assert_int_equal(sim_gateway_counter(sim, counter), 1);
    assert_audited(sim, word, (const char *const[]){"player_refused", NULL});
}

// Tokens that netcode refuses: nothing is answered, and there is nobody to write of.

struct bad_token {
    muster_netcode_counter counter;
    void (*change_login)(muster_login *login);
    void (*change_request)(uint8_t *request, struct sim *sim);
};

struct outcome {
    uint64_t hash;
    uint64_t bytes_received[CLIENT_COUNT];
    uint64_t updates[CLIENT_COUNT];
    uint32_t stranger_packets;
    uint32_t answers;
    uint64_t refused;
};

static struct outcome run_with(const struct bad_token *bad)
{
    struct sim *sim = sim_with_players();
    stranger_comes(sim);
    muster_login login = sim_tokens(sim);
    if (bad->change_login != NULL) {
        bad->change_login(&login);
    }
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    uint8_t request[MUSTER_PACKET_BYTES_MAX] = {0};
    sim_make_token(sim, &login, STRANGER_INDEX + 1, token);
    const uint32_t length = stranger_write_request(token, request);
    stranger_run_ms(&stranger, sim, 3000);
    if (bad->change_request != NULL) {
        bad->change_request(request, sim);
    }
    for (uint32_t i = 0; i < REQUEST_COUNT && bad->counter < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        const muster_address from = packets_address(77, (uint16_t)(30000 + i));
        sim_inject(sim, &from, request, length);
        stranger_run_ms(&stranger, sim, 3);
    }
    stranger_run_ms(
        &stranger, sim, bad->counter < MUSTER_NETCODE_COUNTER_COUNT ? 2000 : 2000 + 150);
    struct outcome outcome = {
        .hash = server_read_summary(sim_server(sim)).hash,
        .stranger_packets = stranger.packets_received,
        .answers = answer_count,
    };
    if (bad->counter < MUSTER_NETCODE_COUNTER_COUNT) {
        outcome.refused = netcode_counter(sim, bad->counter);
    }
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_client_stats stats = muster_client_stats_of(sim_client(sim, i));
        outcome.bytes_received[i] = stats.bytes_received;
        outcome.updates[i] = stats.updates;
    }
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_NONE);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
    return outcome;
}

static void assert_token_refused(const struct bad_token *bad)
{
    const struct bad_token none = {.counter = MUSTER_NETCODE_COUNTER_COUNT};
    const struct outcome quiet = run_with(&none);
    const struct outcome attacked = run_with(bad);
    assert_int_equal(attacked.refused, REQUEST_COUNT);
    assert_int_equal(attacked.answers, 0);
    assert_int_equal(attacked.hash, quiet.hash);
    assert_int_equal(attacked.stranger_packets, quiet.stranger_packets);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_int_equal(attacked.bytes_received[i], quiet.bytes_received[i]);
        assert_int_equal(attacked.updates[i], quiet.updates[i]);
    }
}

static void live_briefly(muster_login *login)
{
    login->lifetime_s = 1;
}

static void use_another_key(muster_login *login)
{
    login->private_key[0] ^= 1;
}

static void lead_elsewhere(muster_login *login)
{
    login->addresses[0].port++;
}

static void play_another_game(muster_login *login)
{
    login->protocol_id++;
}

static void flip_a_bit(uint8_t *request, struct sim *sim)
{
    (void)sim;
    request[500] ^= 4;
}

static void change_the_version(uint8_t *request, struct sim *sim)
{
    (void)sim;
    request[9]++;
}

// Puts the request's own expiry into the future.
static void live_on(uint8_t *request, struct sim *sim)
{
    bytes_store_u64(request + 22, sim_now(sim).unix_s + 1000);
}

static void an_expired_token_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED, .change_login = live_briefly};
    assert_token_refused(&bad);
}

static void a_token_whose_expiry_was_moved_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {.counter = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED,
        .change_login = live_briefly,
        .change_request = live_on};
    assert_token_refused(&bad);
}

static void a_forged_token_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED, .change_login = use_another_key};
    assert_token_refused(&bad);
}

static void a_token_with_a_flipped_bit_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED, .change_request = flip_a_bit};
    assert_token_refused(&bad);
}

static void a_token_for_another_server_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER, .change_login = lead_elsewhere};
    assert_token_refused(&bad);
}

static void a_token_for_another_game_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL, .change_login = play_another_game};
    assert_token_refused(&bad);
}

static void a_request_of_another_version_is_refused(void **state)
{
    (void)state;
    const struct bad_token bad = {
        .counter = MUSTER_NETCODE_COUNTER_REFUSED_VERSION, .change_request = change_the_version};
    assert_token_refused(&bad);
}

static void a_token_that_was_used_is_refused(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    const muster_login tokens = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    uint8_t request[MUSTER_PACKET_BYTES_MAX];
    sim_make_token(sim, &tokens, STRANGER_INDEX, token);
    const uint32_t length = stranger_write_request(token, request);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
    const muster_address thief = packets_address(77, 30000);
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        sim_inject(sim, &thief, request, length);
        stranger_run_ms(&stranger, sim, 20);
    }
    assert_int_equal(answer_count, 0);
    assert_int_equal(stranger.close_reason, MUSTER_CLOSE_NONE);

    uint8_t bytes[64];
    stranger_send_payload(&stranger, sim, bytes,
        muster_session_write_close(MUSTER_CLOSE_LEFT, NULL, bytes, sizeof bytes));
    sim_run_ms(sim, 3000); // gone, and still its token leads nowhere
    sim_inject(sim, &thief, request, length);
    sim_inject(sim, &stranger.address, request, length);
    sim_run_ms(sim, 1100);
    assert_int_equal(
        netcode_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED), REQUEST_COUNT);
    assert_int_equal(netcode_counter(sim, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED), 2);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED), CLIENT_COUNT + 1);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
}

// Good tokens that the gateway refuses: the client is told why.

static void a_full_world_refuses_with_a_reason(void **state)
{
    (void)state;
    muster_game game = *sim_game();
    game.limits.player_count_max = CLIENT_COUNT;
    struct sim *sim = sim_of(&game);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1000);
    stranger_comes(sim);
    assert_stranger_refused(
        sim, MUSTER_CLOSE_FULL, "the world is full", "full", MUSTER_GATEWAY_COUNTER_REFUSED_FULL);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
}

static void a_draining_server_refuses_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    sim_drain(sim);
    sim_run_ms(sim, 50);
    stranger_comes(sim);
    assert_stranger_refused(sim, MUSTER_CLOSE_DRAINING, "the server is shutting down", "draining",
        MUSTER_GATEWAY_COUNTER_REFUSED_DRAINING);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        assert_int_equal(muster_client_close_reason(sim_client(sim, i)), MUSTER_CLOSE_DRAINING);
    }
    end(sim);
}

static void an_older_token_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_of(sim_game());
    const muster_login tokens = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    sim_make_token(sim, &tokens, 0, token);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1000);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
    assert_stranger_refused(sim, MUSTER_CLOSE_REPLACED, "a newer token is in use", "replaced",
        MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    assert_int_equal(muster_client_stats_of(sim_client(sim, 0)).resumes, 0);
    end(sim);
}

static void who_was_sent_away_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_of(sim_game());
    const muster_login tokens = sim_tokens(sim);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    sim_make_token(sim, &tokens, 0, token);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1000);
    const uint64_t id[2] = {1, 9}; // of client 0 under this seed
    const uint32_t player_index = muster_client_player_index(sim_client(sim, 0));
    assert_int_equal(server_kick(sim_server(sim), player_index, id, "for shouting"), MUSTER_OK);
    sim_run_ms(sim, 200);
    assert_int_equal(muster_client_close_reason(sim_client(sim, 0)), MUSTER_CLOSE_KICKED);
    assert_string_equal(muster_client_close_text(sim_client(sim, 0)), "for shouting");
    assert_audited(sim, "kicked", (const char *const[]){"player_kicked", "player_left", NULL});

    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
    assert_stranger_refused(sim, MUSTER_CLOSE_REFUSED, "a new login is needed", "refused",
        MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST);
    sim_login(sim, 0);
    sim_run_ms(sim, 500);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
}

static void a_player_of_another_version_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    const muster_login tokens = sim_tokens(sim);
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = tokens.protocol_id;
    def.client_id = 99;
    def.create_unix_s = sim_now(sim).unix_s;
    def.expire_unix_s = def.create_unix_s + 30;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = tokens.addresses[0];
    memcpy(def.private_key, tokens.private_key, sizeof def.private_key);
    bytes_store_u16(def.user_data, PLAY_VERSION + 1);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&def, token), MUSTER_OK);
    stranger_connect(&stranger, sim, token);
    stranger_run_ms(&stranger, sim, 500);
    assert_stranger_refused(sim, MUSTER_CLOSE_VERSION, "the token's player cannot be read",
        "version", MUSTER_GATEWAY_COUNTER_REFUSED_PLAYER_DATA);
    end(sim);
}

// Players who are sent away, or go.

static void assert_stranger_sent_away(
    struct sim *sim, muster_close_reason reason, const char *text, const char *word)
{
    assert_int_equal(stranger.close_reason, reason);
    assert_string_equal(stranger.close_text, text);
    sim_run_ms(sim, 1100);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_KICKED), 1);
    assert_audited(sim, word, (const char *const[]){"player_kicked", "player_left", NULL});
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
}

static void who_breaks_the_protocol_is_sent_away_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    stranger_comes(sim);
    const uint8_t step_too_large[] = {1, 1, 5, 1, 0, 0, 121, 0};
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(stranger.close_reason, MUSTER_CLOSE_NONE);
        stranger_send(&stranger, sim, PLAY_RECORD_INPUT, step_too_large, sizeof step_too_large);
        stranger_run_ms(&stranger, sim, 20);
    }
    stranger_run_ms(&stranger, sim, 100);
    assert_stranger_sent_away(sim, MUSTER_CLOSE_PROTOCOL, "too many malformed records", "protocol");
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_MALFORMED_INPUT), 32);
    end(sim);
}

static void who_speaks_another_version_is_sent_away_with_a_reason(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    stranger_comes(sim);
    const uint8_t bytes[16] = {0xff};
    stranger_send_payload(&stranger, sim, bytes, sizeof bytes);
    stranger_run_ms(&stranger, sim, 100);
    assert_stranger_sent_away(sim, MUSTER_CLOSE_VERSION, "another version", "version");
    end(sim);
}

// Everybody hears each shout, and the stranger acknowledges none.
static void who_falls_too_far_behind_is_sent_away(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    stranger.never_acks = true;
    stranger_comes(sim);
    for (uint32_t i = 0; i < 300; i++) {
        for (uint32_t k = 0; k < CLIENT_COUNT; k++) {
            assert_int_equal(
                muster_client_send(sim_client(sim, k), SIM_MESSAGE_SHOUT, "hey", 3), MUSTER_OK);
        }
        stranger_run_ms(&stranger, sim, 60);
    }
    assert_audited(sim, "limit", (const char *const[]){"player_kicked", "player_left", NULL});
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_QUEUE_FULL), 1);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
}

static void who_leaves_or_falls_silent_is_written_down(void **state)
{
    (void)state;
    struct sim *sim = sim_with_players();
    stranger_comes(sim);
    uint8_t bytes[64];
    stranger_send_payload(&stranger, sim, bytes,
        muster_session_write_close(MUSTER_CLOSE_KICKED, "of its own", bytes, sizeof bytes));
    sim_run_ms(sim, 100);
    assert_audited(sim, "left", (const char *const[]){"player_left", NULL});

    stranger_comes(sim);
    sim_run_ms(sim, 9000); // without the stranger's packets
    assert_audited(sim, "unreachable", (const char *const[]){"player_left", NULL});
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_LOST), 1);
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_KICKED), 0);
    end(sim);
}

// Actions of those who are gone.

static void send_walk(struct sim *sim, uint32_t sequence)
{
    uint8_t bytes[64];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    const struct play_input input = {.tick = sim_tick(sim) + 2,
        .sequence = sequence,
        .action_index = SIM_ACTION_WALK,
        .step_count = 2,
        .steps = {10, 20}};
    assert_int_equal(play_write_inputs(&writer, stranger.newest_tick, &input, 1), 1);
    stranger_send(&stranger, sim, PLAY_RECORD_INPUT, bytes, (uint32_t)writer.length);
}

static uint64_t hash_after_leaving(bool acts_on)
{
    struct sim *sim = sim_with_players();
    stranger_comes(sim);
    send_walk(sim, 1);
    stranger_run_ms(&stranger, sim, 100);
    uint8_t bytes[64];
    stranger_send_payload(&stranger, sim, bytes,
        muster_session_write_close(MUSTER_CLOSE_LEFT, NULL, bytes, sizeof bytes));
    for (uint32_t i = 0; i < 200; i++) {
        if (acts_on) {
            send_walk(sim, 2 + i);
        }
        sim_run_ms(sim, 10);
    }
    const uint64_t hash = server_read_summary(sim_server(sim)).hash;
    assert_int_equal(sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET), 0);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    end(sim);
    return hash;
}

static void actions_after_leaving_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(hash_after_leaving(true), hash_after_leaving(false));
}

// Dies of walking as fast as it can to the north.
static void act_or_die(const muster_host *host, muster_world *world, const muster_action *action)
{
    const uint32_t slot = host->player_entity(world, action->player_index);
    if (slot != MUSTER_NONE && action->values[1].real > 5.95f) {
        host->entity_remove(world, slot);
        return;
    }
    sim_game()->act(host, world, action);
}

static uint64_t death_ms;
static bool acts_after_death;

static void walk_and_die(struct sim *sim, uint32_t client_index, muster_client *client)
{
    const uint64_t now_ms = sim_now(sim).steady_us / 1000;
    const muster_value deadly[] = {{.real = 0.0f}, {.real = 6.0f}};
    uint32_t sequence;
    if (client_index == 0 && now_ms >= death_ms) {
        const bool acts = now_ms < death_ms + 100 || acts_after_death;
        (void)!(acts ? muster_client_act(client, SIM_ACTION_WALK, deadly, &sequence) : MUSTER_OK);
        return;
    }
    walk_about(sim, client_index, client);
}

static uint64_t hash_after_death(bool acts_on, uint32_t *out_counted)
{
    muster_game game = *sim_game();
    game.act = act_or_die;
    acts_after_death = acts_on;
    death_ms = UINT64_MAX;
    const struct sim_def def = {.game = &game,
        .seed = 9,
        .client_count = CLIENT_COUNT,
        .network = "delay=10ms",
        .behaviour = walk_and_die};
    struct sim *sim = sim_create(&def);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        sim_login(sim, i);
    }
    sim_run_ms(sim, 1000);
    assert_int_equal(server_read_summary(sim_server(sim)).entities, CLIENT_COUNT);
    death_ms = sim_now(sim).steady_us / 1000;
    sim_run_ms(sim, 2000);
    const struct server_summary summary = server_read_summary(sim_server(sim));
    assert_int_equal(summary.entities, CLIENT_COUNT - 1);
    assert_int_equal(summary.players, CLIENT_COUNT);
    assert_int_equal(sim_playing_count(sim), CLIENT_COUNT);
    *out_counted = muster_client_counted(sim_client(sim, 0));
    sim_destroy(sim);
    return summary.hash;
}

static void actions_after_death_count_and_change_nothing(void **state)
{
    (void)state;
    uint32_t counted_quiet;
    uint32_t counted;
    const uint64_t quiet = hash_after_death(false, &counted_quiet);
    assert_int_equal(hash_after_death(true, &counted), quiet);
    assert_true(counted > counted_quiet + 100); // the client learns that they came
}

int main(int argc, char **argv)
{
    const struct CMUnitTest of_netcode[] = {
        cmocka_unit_test(an_expired_token_is_refused),
        cmocka_unit_test(a_token_whose_expiry_was_moved_is_refused),
        cmocka_unit_test(a_forged_token_is_refused),
        cmocka_unit_test(a_token_with_a_flipped_bit_is_refused),
        cmocka_unit_test(a_token_for_another_server_is_refused),
        cmocka_unit_test(a_token_for_another_game_is_refused),
        cmocka_unit_test(a_request_of_another_version_is_refused),
        cmocka_unit_test(a_token_that_was_used_is_refused),
        cmocka_unit_test(actions_after_death_count_and_change_nothing),
    };
    const struct CMUnitTest of_both[] = {
        cmocka_unit_test(a_full_world_refuses_with_a_reason),
        cmocka_unit_test(a_draining_server_refuses_with_a_reason),
        cmocka_unit_test(an_older_token_is_refused_with_a_reason),
        cmocka_unit_test(who_was_sent_away_is_refused_with_a_reason),
        cmocka_unit_test(a_player_of_another_version_is_refused_with_a_reason),
        cmocka_unit_test(who_breaks_the_protocol_is_sent_away_with_a_reason),
        cmocka_unit_test(who_speaks_another_version_is_sent_away_with_a_reason),
        cmocka_unit_test(who_falls_too_far_behind_is_sent_away),
        cmocka_unit_test(who_leaves_or_falls_silent_is_written_down),
        cmocka_unit_test(actions_after_leaving_change_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    int failures = cmocka_run_group_tests_name("of netcode", of_netcode, NULL, NULL);
    failures += cmocka_run_group_tests_name("over UDP", of_both, NULL, NULL);
    comes_by_link = true;
    return failures + cmocka_run_group_tests_name("over a link", of_both, NULL, NULL);
}
