// SPDX-License-Identifier: Apache-2.0

// Players who come to a running world over WebSockets.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/websocket.h"
#include "muster/link.h"
#include "muster/session.h"
#include "wire/play.h"

#include <sodium.h>

static char folder[64];
static char answer[WORLD_ROOM];

// A player by hand.
struct player {
    struct websocket socket;
    muster_session_pool *pool;
    muster_session *session;
    uint64_t newest_tick;
    uint32_t welcome_count;
    uint32_t update_count;
    uint32_t resume_count;
    uint8_t resume_token[MUSTER_CONNECT_TOKEN_BYTES];
    uint8_t close_reason;
    uint32_t close_code; // of the WebSocket
    char id[40];
};

static int enter_folder(void **state)
{
    (void)state;
    world_folder_begin(folder, MUSTER_GAMES ":" MUSTER_TEST_GAMES);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static void read_text(const char *key, char *out_text, size_t capacity)
{
    char pattern[32];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(answer, pattern);
    assert_non_null(at);
    at = strchr(at + strlen(pattern), '"') + 1;
    const size_t length = strcspn(at, "\"");
    assert_true(length < capacity);
    memcpy(out_text, at, length);
    out_text[length] = '\0';
}

// Figures and lists are brought up to date now and then.
static void await_text(const struct running *world, const char *path, const char *text)
{
    const uint64_t begin_us = clock_monotonic_us();
    do {
        assert_int_equal(world_get(world, path, answer), 200);
        if (clock_monotonic_us() - begin_us > WORLD_WAIT_US) {
            fail_msg("no %s in %s", text, answer);
        }
    } while (strstr(answer, text) == NULL);
}

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void login(const struct running *world, char id[40], uint8_t *out_token)
{
    static char text[4096];
    size_t length = 0;
    assert_int_equal(
        world_ask(world, true, "POST", "/v1/sessions", NULL, "{\"name\":\"Ada\"}", answer), 201);
    read_text("player_id", id, 40);
    read_text("token", text, sizeof text);
    assert_int_equal(sodium_base642bin(out_token, MUSTER_CONNECT_TOKEN_BYTES, text, strlen(text),
                         NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL),
        0);
    assert_int_equal(length, MUSTER_CONNECT_TOKEN_BYTES);
}

static void begin_session(struct player *player)
{
    const muster_session_pool_def def = muster_session_pool_default_def();
    muster_session_pool_destroy(player->pool);
    assert_int_equal(muster_session_pool_create(&def, &player->pool), MUSTER_OK);
    assert_int_equal(muster_session_pool_acquire(player->pool, &player->session), MUSTER_OK);
    player->welcome_count = 0;
    player->update_count = 0;
    player->newest_tick = 0;
}

static void connect_with(
    struct player *player, const struct running *world, const void *ticket, uint32_t length)
{
    begin_session(player);
    websocket_open(&player->socket, world);
    websocket_send(&player->socket, WEBSOCKET_BINARY, ticket, length);
}

static void begin_player(struct player *player, const struct running *world)
{
    uint8_t ticket[MUSTER_CONNECT_TOKEN_BYTES];
    *player = (struct player){0};
    login(world, player->id, ticket);
    connect_with(player, world, ticket, sizeof ticket);
}

static void end_player(struct player *player)
{
    websocket_close(&player->socket);
    muster_session_pool_destroy(player->pool);
    player->pool = NULL;
}

static void send_input(struct player *player)
{
    uint8_t packet[MUSTER_SESSION_PACKET_BYTES_MAX];
    uint8_t input[64];
    uint8_t *blob;
    uint32_t capacity;
    struct record_writer writer = record_writer_on(input, sizeof input);
    (void)play_write_inputs(&writer, player->newest_tick, NULL, 0);
    assert_int_equal(muster_session_begin_packet(
                         player->session, clock_monotonic_us(), packet, sizeof packet, 600),
        MUSTER_OK);
    assert_int_equal(
        muster_session_begin_blob(player->session, PLAY_RECORD_INPUT, true, &blob, &capacity),
        MUSTER_OK);
    memcpy(blob, input, writer.length);
    muster_session_end_blob(player->session, (uint32_t)writer.length);
    websocket_send(
        &player->socket, WEBSOCKET_BINARY, packet, muster_session_end_packet(player->session, 0));
}

static void take_session_message(struct player *player, const muster_session_message *message)
{
    if (message->kind == PLAY_MESSAGE_WELCOME) {
        player->welcome_count++;
        player->newest_tick = 1;
    } else if (message->kind == PLAY_MESSAGE_RESUME) {
        assert_int_equal(message->length, sizeof player->resume_token);
        memcpy(player->resume_token, message->bytes, message->length);
        player->resume_count++;
    }
}

// Takes one message. @return false when the socket is closed
static bool take(struct player *player)
{
    const uint32_t opcode = websocket_receive(&player->socket);
    const struct websocket *socket = &player->socket;
    if (opcode == WEBSOCKET_CLOSE) {
        assert_true(socket->length >= 2);
        player->close_code = (uint32_t)socket->bytes[0] << 8 | socket->bytes[1];
        return false;
    }
    assert_int_equal(opcode, WEBSOCKET_BINARY);
    muster_session_received received;
    assert_int_equal(muster_session_read(player->session, clock_monotonic_us(), socket->bytes,
                         socket->length, &received),
        MUSTER_OK);
    if (received.close_reason != 0) {
        player->close_reason = received.close_reason;
    }
    for (uint32_t i = 0; i < received.blob_count; i++) {
        player->update_count += received.blobs[i].kind == PLAY_RECORD_UPDATE ? 1 : 0;
    }
    muster_session_message message;
    while (muster_session_pop(player->session, &message)) {
        take_session_message(player, &message);
    }
    return true;
}

static void play_until(struct player *player, uint32_t update_count, uint32_t resume_count)
{
    const uint64_t begin_us = clock_monotonic_us();
    send_input(player);
    while (player->update_count < update_count || player->resume_count < resume_count) {
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
        assert_true(take(player));
        send_input(player);
    }
    assert_int_equal(player->welcome_count, 1);
}

static void await_end(struct player *player)
{
    const uint64_t begin_us = clock_monotonic_us();
    while (take(player)) {
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    }
}

static void a_player_comes_in_plays_and_is_kicked(void **state)
{
    (void)state;
    struct running world;
    struct player player;
    char path[96];
    world_begin(&world, (const char *const[]){"--game", "hello", "--bots", "2", "--set",
                            "audit.file=audit.jsonl", NULL});
    begin_player(&player, &world);
    play_until(&player, 20, 1);
    await_text(&world, "/v1/players", player.id);
    assert_non_null(strstr(answer, "\"transport\":\"websocket\""));
    snprintf(path, sizeof path, "/v1/players/%s/kick", player.id);
    assert_in_range(world_ask(&world, false, "POST", path, NULL, NULL, answer), 200, 204);
    await_end(&player);
    assert_int_equal(player.close_reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(player.close_code, 4000 + MUSTER_CLOSE_KICKED);
    end_player(&player);
    assert_int_equal(world_end(&world, SIGTERM), 0);
    static char audit[OUTCOME_BYTES_MAX];
    file_read("audit.jsonl", audit);
    assert_int_equal(count_of(audit, "\"transport\":\"websocket\""), 3); // in, kicked, out
    assert_true(count_of(audit, "\"transport\":\"udp\"") >= 2);
    assert_int_equal(count_of(audit, "\"address\":\"link:"), 0);
}

static void who_loses_a_socket_resumes_on_another(void **state)
{
    (void)state;
    struct running world;
    struct player player;
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    begin_player(&player, &world);
    play_until(&player, 5, 2);
    memcpy(token, player.resume_token, sizeof token);
    websocket_close(&player.socket);
    connect_with(&player, &world, token, sizeof token);
    play_until(&player, 5, 2);
    await_text(&world, "/metrics", "muster_gateway_events_total{event=\"resumed\"} 1\n");
    await_text(&world, "/metrics", "muster_gateway_events_total{event=\"joined\"} 1\n");
    end_player(&player);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

// Long before anything is silent for too long.
static void who_loses_a_socket_is_lost_at_once(void **state)
{
    (void)state;
    struct running world;
    struct player player;
    world_begin(&world,
        (const char *const[]){"--game", "hello", "--set", "gateway.connection_timeout=1m", NULL});
    begin_player(&player, &world);
    play_until(&player, 5, 0);
    end_player(&player);
    await_text(&world, "/metrics", "muster_gateway_events_total{event=\"lost\"} 1\n");
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void who_says_goodbye_has_left(void **state)
{
    (void)state;
    struct running world;
    struct player player;
    uint8_t bytes[16];
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    begin_player(&player, &world);
    play_until(&player, 5, 0);
    const uint32_t length = muster_session_write_close(MUSTER_CLOSE_LEFT, "", bytes, sizeof bytes);
    websocket_send(&player.socket, WEBSOCKET_BINARY, bytes, length);
    await_end(&player);
    assert_int_equal(player.close_code, 1000);
    end_player(&player);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void a_drain_is_told(void **state)
{
    (void)state;
    struct running world;
    struct player player;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    begin_player(&player, &world);
    play_until(&player, 5, 0);
    assert_int_equal(kill(world.pid, SIGTERM), 0);
    await_end(&player);
    assert_int_equal(player.close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(player.close_code, 1001);
    end_player(&player);
    assert_int_equal(world_join(&world), 0);
}

static void a_ticket_is_good_once_and_whole(void **state)
{
    (void)state;
    struct running world;
    struct player player = {0};
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    login(&world, player.id, token);
    connect_with(&player, &world, token, sizeof token - 1);
    await_end(&player);
    assert_int_equal(player.close_reason, MUSTER_CLOSE_REFUSED);
    assert_int_equal(player.close_code, 4000 + MUSTER_CLOSE_REFUSED);
    websocket_close(&player.socket);

    connect_with(&player, &world, token, sizeof token);
    play_until(&player, 5, 0);
    struct player other = {0};
    connect_with(&other, &world, token, sizeof token);
    await_end(&other);
    assert_int_equal(other.close_code, 4000 + MUSTER_CLOSE_REFUSED);
    end_player(&other);
    connect_with(&other, &world, "", 0);
    login(&world, other.id, token);
    websocket_send(&other.socket, WEBSOCKET_BINARY, token, sizeof token); // comes too late
    await_end(&other);
    assert_int_equal(other.close_code, 4000 + MUSTER_CLOSE_PROTOCOL);
    end_player(&other);
    play_until(&player, player.update_count + 5, 0);
    end_player(&player);
    await_text(&world, "/metrics", "muster_link_packets_total{kind=\"refused_size\"} 1\n");
    await_text(&world, "/metrics", "muster_link_packets_total{kind=\"refused_token_used\"} 1\n");
    await_text(&world, "/metrics", "muster_link_packets_total{kind=\"request\"} 1\n");
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void pages_of_other_hosts_come_in_if_they_are_named(void **state)
{
    (void)state;
    struct running world;
    struct websocket socket;
    world_begin(&world, (const char *const[]){"--game", "hello", "--set",
                            "gateway.origins=https://a.example.org, https://b.example.org", NULL});
    assert_int_equal(websocket_ask(&socket, &world, "https://b.example.org"), 101);
    await_text(&world, "/metrics", "muster_websockets 1\n");
    await_text(&world, "/metrics", "muster_websocket_events_total{event=\"opened\"} 1\n");
    websocket_close(&socket);
    assert_int_equal(websocket_ask(&socket, &world, "https://c.example.org"), 403);
    websocket_close(&socket);
    await_text(&world, "/metrics", "muster_websocket_events_total{event=\"refused_origin\"} 1\n");
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_player_comes_in_plays_and_is_kicked),
        cmocka_unit_test(who_loses_a_socket_resumes_on_another),
        cmocka_unit_test(who_loses_a_socket_is_lost_at_once),
        cmocka_unit_test(who_says_goodbye_has_left),
        cmocka_unit_test(a_drain_is_told),
        cmocka_unit_test(a_ticket_is_good_once_and_whole),
        cmocka_unit_test(pages_of_other_hosts_come_in_if_they_are_named),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
