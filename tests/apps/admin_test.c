// SPDX-License-Identifier: Apache-2.0

// What operators see and do, over the admin side of a running world.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/server/server_live.h"
#include "apps/world.h"

#include <inttypes.h>
#include <sys/stat.h>

// The keys that everybody knows.
#define API_KEY   "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define ADMIN_KEY "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"

static struct outcome outcome;
static char folder[64];
static char answer[WORLD_ROOM];

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

static void events_come_in_order_and_can_be_waited_for(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    await_text(&world, "/v1/events", "\"instance_started\"");
    assert_int_equal(
        strncmp(answer, "{\"events\":[{\"sequence\":1,", strlen("{\"events\":[{\"sequence\":1,")),
        0);
    const uint64_t next = world_number(answer, "next");
    world_play(&world, "2", "200ms");
    char path[64];
    snprintf(path, sizeof path, "/v1/events?after=%" PRIu64, next);
    const uint64_t begin_us = clock_monotonic_us();
    do {
        assert_int_equal(world_get(&world, path, answer), 200);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    } while (count_of(answer, "\"player_left\"") < 2);
    assert_int_equal(count_of(answer, "\"player_joined\""), 2);
    assert_int_equal(world_number(answer, "sequence"), next + 1);
    assert_null(strstr(answer, "instance_started"));
    assert_int_equal(world_get(&world, "/v1/events?after=x", answer), 400);
    assert_int_equal(world_get(&world, "/v1/events?after=-1", answer), 400);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void players_are_listed_and_sent_away(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", "--bots", "2", "--set",
                            "audit.file=audit.jsonl", NULL});
    await_text(&world, "/v1/players", "\"index\":1");
    const char *at = strstr(answer, "\"player_id\":\"");
    assert_non_null(at);
    char id[33];
    memcpy(id, at + strlen("\"player_id\":\""), 32);
    id[32] = '\0';
    char path[128];
    snprintf(path, sizeof path, "/v1/players/%s/kick", id);
    assert_int_equal(world_ask(&world, false, "POST", path, NULL, "{\"why\":\"\"}", answer), 400);
    assert_int_equal(world_ask(&world, false, "POST", path, NULL, "[", answer), 400);
    assert_int_equal(
        world_ask(&world, false, "POST", path, NULL, "{\"reason\":\"be\\nkind\"}", answer), 400);
    assert_int_equal(
        world_ask(&world, false, "POST", path, NULL, "{\"reason\":\"be kind\"}", answer), 202);
    await_text(&world, "/v1/events", "\"player_kicked\"");
    assert_non_null(strstr(answer, "\"text\":\"kicked\""));
    assert_int_equal(world_ask(&world, false, "POST", path, NULL, NULL, answer), 404);
    assert_int_equal(
        world_ask(&world, false, "POST", "/v1/players/7/kick", NULL, NULL, answer), 404);
    await_text(&world, "/v1/map", "\"points\":[[");
    assert_int_equal(world_end(&world, SIGTERM), 0);
    static char audit[OUTCOME_BYTES_MAX];
    file_read("audit.jsonl", audit);
    assert_int_equal(count_of(audit, "\"event\":\"login\""), 2);
    assert_int_equal(count_of(audit, "\"event\":\"player_joined\""), 2);
    assert_int_equal(count_of(audit, "\"event\":\"player_kicked\""), 1);
    assert_int_equal(count_of(audit, "\"event\":\"player_left\""), 2);
    assert_non_null(strstr(audit, "\"reason\":\"kicked\""));
    assert_non_null(strstr(audit, "\"address\":\"127.0.0.1:"));
    assert_non_null(strstr(audit, id));
}

// The id of the first player that the answer lists.
static void copy_id(char out_id[33])
{
    const char *at = strstr(answer, "\"player_id\":\"");
    assert_non_null(at);
    memcpy(out_id, at + strlen("\"player_id\":\""), 32);
    out_id[32] = '\0';
}

static uint32_t post(
    const struct running *world, const char *id, const char *verb, const char *body)
{
    char path[128];
    snprintf(path, sizeof path, "/v1/players/%s/%s", id, verb);
    return world_ask(world, false, "POST", path, NULL, body, answer);
}

static void players_are_described_and_spoken_to(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--bots", "2", NULL});
    await_text(&world, "/v1/players", "\"index\":1");
    char id[33];
    copy_id(id);
    const uint64_t begin_us = clock_monotonic_us();
    while (world_number(answer, "bytes_sent") == 0 || world_number(answer, "bytes_received") == 0) {
        assert_int_equal(world_get(&world, "/v1/players", answer), 200);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    }
    assert_non_null(strstr(answer, "\"activity\":\""));
    assert_non_null(strstr(answer, "\"latency_ms\":"));
    assert_non_null(strstr(answer, "\"loss\":0"));
    assert_int_equal(post(&world, id, "message", "{\"text\":\"be kind\"}"), 202);
    assert_int_equal(post(&world, id, "message", "{\"text\":\"\"}"), 400);
    assert_int_equal(post(&world, id, "message", "{\"text\":7}"), 400);
    assert_int_equal(post(&world, id, "message", "{\"text\":\"a\",\"to\":\"b\"}"), 400);
    assert_int_equal(post(&world, id, "message", NULL), 400);
    assert_int_equal(post(&world, id, "message", "[]"), 400);
    assert_int_equal(post(&world, id, "praise", NULL), 404);
    assert_int_equal(
        post(&world, "00000000000000000000000000000001", "message", "{\"text\":\"a\"}"), 404);
    assert_int_equal(world_end(&world, SIGTERM), 0);
    world_begin(&world, (const char *const[]){"--game", "hello", "--bots", "1", NULL});
    await_text(&world, "/v1/players", "\"index\":0");
    copy_id(id);
    assert_int_equal(post(&world, id, "message", "{\"text\":\"be kind\"}"), 409);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void who_is_banned_stays_out_until_the_ban_is_lifted(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", "--bots", "2", "--set",
                            "audit.file=bans.jsonl", NULL});
    await_text(&world, "/v1/players", "\"index\":1");
    char id[33];
    copy_id(id);
    static const char *const wrong[] = {"{\"seconds\":0}", "{\"seconds\":31536001}",
        "{\"seconds\":1.5}", "{\"reason\":1}", "{\"reason\":\"a\\nb\"}", "{\"address\":1}",
        "{\"why\":\"\"}", "7"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(post(&world, id, "ban", wrong[i]), 400);
    }
    assert_int_equal(world_ask(&world, true, "POST", "/v1/sessions", NULL, NULL, answer), 201);
    assert_int_equal(
        post(&world, id, "ban", "{\"seconds\":600,\"reason\":\"rude\",\"address\":true}"), 202);
    assert_int_equal(world_number(answer, "ban"), 1);
    assert_int_equal(world_ask(&world, true, "POST", "/v1/sessions", NULL, NULL, answer), 403);
    assert_non_null(strstr(answer, "\"banned\""));
    assert_non_null(strstr(answer, "rude"));
    await_text(&world, "/v1/events", "\"player_kicked\"");
    assert_int_equal(world_get(&world, "/v1/bans", answer), 200);
    assert_non_null(strstr(answer, id));
    assert_non_null(strstr(answer, "\"address\":\"127.0.0.1:0\""));
    assert_int_equal(world_ask(&world, false, "POST", "/v1/bans/2/lift", NULL, NULL, answer), 404);
    assert_int_equal(world_ask(&world, false, "POST", "/v1/bans/x", NULL, NULL, answer), 404);
    assert_int_equal(world_ask(&world, false, "POST", "/v1/bans/1/lift", NULL, NULL, answer), 202);
    assert_int_equal(world_ask(&world, true, "POST", "/v1/sessions", NULL, NULL, answer), 201);
    assert_int_equal(world_get(&world, "/v1/bans", answer), 200);
    assert_string_equal(answer, "{\"bans\":[]}");
    assert_int_equal(world_end(&world, SIGTERM), 0);
    static char audit[OUTCOME_BYTES_MAX];
    file_read("bans.jsonl", audit);
    assert_int_equal(count_of(audit, "\"event\":\"player_banned\""), 1);
    assert_int_equal(count_of(audit, "\"event\":\"ban_lifted\""), 1);
    assert_int_equal(count_of(audit, "\"reason\":\"banned\""), 1);
    assert_non_null(strstr(audit, "\"text\":\"rude\""));
}

static void the_live_map_shows_every_entity_and_waits_for_the_next(void **state)
{
    (void)state;
    struct running world;
    world_begin(
        &world, (const char *const[]){"--game", "skirmish", "--bots", "3", "--bodies", "20", NULL});
    await_text(&world, "/v1/players", "\"index\":2");
    struct server_live_head head;
    const uint64_t begin_us = clock_monotonic_us();
    do {
        assert_int_equal(world_get(&world, "/v1/live", answer), 200);
        memcpy(&head, answer, sizeof head);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    } while (head.player_count < 3);
    assert_int_equal(head.version, 1);
    assert_int_equal(head.partition_side_count, 8);
    assert_true(head.entity_count >= 23);
    assert_int_equal(head.point_count, head.entity_count);
    assert_true(head.side_m >= 4000.0f && head.side_m <= 8192.0f);
    uint32_t body_count = 0;
    uint32_t player_count = 0;
    for (uint32_t i = 0; i < 64; i++) {
        muster_space_partition partition;
        memcpy(&partition, answer + sizeof head + i * sizeof partition, sizeof partition);
        body_count += partition.body_count;
        player_count += partition.player_count;
    }
    assert_int_equal(player_count, 3);
    assert_true(body_count >= 23 && body_count <= head.entity_count);
    const char *points = answer + sizeof head + 64 * sizeof(muster_space_partition);
    for (uint32_t i = 0; i < head.player_count; i++) {
        struct server_live_point point;
        memcpy(&point, points + i * sizeof point, sizeof point);
        assert_in_range(point.player, 1, 3);
        assert_in_range(point.team, 1, 4);
    }
    // A later one only, and none of a tick that this run has not reached.
    char path[64];
    const uint64_t tick = head.tick;
    snprintf(path, sizeof path, "/v1/live?after=%" PRIu64, tick);
    assert_int_equal(world_get(&world, path, answer), 200);
    assert_true(server_live_tick(answer) > tick);
    assert_int_equal(world_get(&world, "/v1/live?after=99999999999", answer), 200);
    assert_true(server_live_tick(answer) < 99999999);
    assert_int_equal(world_get(&world, "/v1/live?after=x", answer), 400);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void operators_need_the_admin_key_where_it_is_asked_for(void **state)
{
    (void)state;
    struct running world;
    world_start(&world,
        (const char *const[]){"--game", "hello", "--set", "gateway.admin_authentication=true",
            "--set", "gateway.secrets=development", NULL});
    world_await(&world); // /readyz needs no key
    static const char *const paths[] = {
        "/metrics", "/v1/status", "/v1/events", "/v1/players", "/v1/map", "/v1/live"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(world_get(&world, paths[i], answer), 401);
        assert_non_null(strstr(answer, "unauthorized"));
        assert_int_equal(
            world_ask(&world, false, "GET", paths[i], "Bearer " API_KEY, NULL, answer), 401);
        assert_int_equal(
            world_ask(&world, false, "GET", paths[i], "Bearer " ADMIN_KEY, NULL, answer), 200);
    }
    assert_int_equal(world_ask(&world, false, "POST",
                         "/v1/players/00000000000000000000000000000001/kick", NULL, NULL, answer),
        401);
    assert_int_equal(world_get(&world, "/healthz", answer), 200);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

// Asks the admin side as a browser does, with what it keeps. The answer comes with its head.
static void ask_as_browser(const struct running *world,
    const char *request_line,
    const char *cookie,
    const char *token,
    const char *body)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)world->admin_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    char request[2048];
    const int length = snprintf(request, sizeof request,
        "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: %s\r\n"
        "X-Auth-Token: %s\r\nContent-Length: %zu\r\n\r\n%s",
        request_line, cookie, token, strlen(body), body);
    assert_int_equal(send(file, request, (size_t)length, MSG_NOSIGNAL), length);
    size_t used = 0;
    for (ssize_t got = 1; got > 0; used += (size_t)(got > 0 ? got : 0)) {
        got = recv(file, answer + used, sizeof answer - 1 - used, 0);
    }
    answer[used] = '\0';
    close(file);
}

static void assert_answer(const char *status, const char *part)
{
    if (strncmp(answer, status, strlen(status)) != 0 || strstr(answer, part) == NULL) {
        fail_msg("not %s with %s: %s", status, part, answer);
    }
}

// Copies what stands between two texts of the answer.
static void take_between(const char *before, const char *after, char out_text[256])
{
    const char *begin = strstr(answer, before);
    assert_non_null(begin);
    begin += strlen(before);
    const char *end = strstr(begin, after);
    assert_true(end != NULL && end - begin < 256);
    snprintf(out_text, 256, "%.*s", (int)(end - begin), begin);
}

static void browsers_log_in_by_a_cookie_and_change_nothing_without_its_token(void **state)
{
    (void)state;
    static const char kick[] = "POST /v1/players/00000000000000000000000000000001/kick";
    static const char login[] = "{\"key\":\"" ADMIN_KEY "\"}";
    struct running world;
    char cookie[256];
    char token[256];
    char viewer_key[256];
    char viewer_login[300];
    world_begin(&world,
        (const char *const[]){"--game", "hello", "--set", "gateway.admin_authentication=true",
            "--set", "gateway.secrets=development", NULL});
    ask_as_browser(&world, "POST /v1/login", "", "", "{\"key\":\"" API_KEY "\"}");
    assert_answer("HTTP/1.1 401", "unauthorized");
    ask_as_browser(&world, "POST /v1/login", "", "", "{}");
    assert_answer("HTTP/1.1 400", "invalid");
    ask_as_browser(&world, "POST /v1/login", "", "", login);
    assert_answer("HTTP/1.1 200", "; HttpOnly; SameSite=Strict\r\n");
    take_between("set-cookie: ", ";", cookie);
    take_between("\"csrf\":\"", "\"", token);
    take_between("\"viewer_key\":\"", "\"", viewer_key);

    ask_as_browser(&world, "GET /v1/status", cookie, "", "");
    assert_answer("HTTP/1.1 200", "\"tick\"");
    ask_as_browser(&world, "GET /v1/session", cookie, "", "");
    assert_answer("HTTP/1.1 200", token);
    ask_as_browser(&world, kick, cookie, "", "");
    assert_answer("HTTP/1.1 403", "\"csrf\"");
    ask_as_browser(&world, kick, cookie, viewer_key, ""); // of the right length, and another one
    assert_answer("HTTP/1.1 403", "\"csrf\"");
    ask_as_browser(&world, kick, "", token, "");
    assert_answer("HTTP/1.1 401", "unauthorized");
    ask_as_browser(&world, kick, cookie, token, "");
    assert_answer("HTTP/1.1 404", "No such player");

    snprintf(viewer_login, sizeof viewer_login, "{\"key\":\"%s\"}", viewer_key);
    ask_as_browser(&world, "POST /v1/login", "", "", viewer_login);
    assert_answer("HTTP/1.1 200", "\"viewer\"");
    assert_null(strstr(answer, "viewer_key"));
    take_between("set-cookie: ", ";", cookie);
    take_between("\"csrf\":\"", "\"", token);
    ask_as_browser(&world, "GET /metrics", cookie, "", "");
    assert_answer("HTTP/1.1 200", "muster_ticks_total");
    ask_as_browser(&world, kick, cookie, token, "");
    assert_answer("HTTP/1.1 403", "read_only");
    ask_as_browser(&world, "POST /v1/logout", cookie, "", "");
    assert_answer("HTTP/1.1 200", "muster_admin=; Max-Age=0");
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

// Asks for /healthz of a port by a name.
static uint32_t ask_by_name(uint32_t port, const char *name)
{
    char text[64];
    struct http_client_request request = {.host = name, .method = "GET", .path = "/healthz"};
    request.timeout_ms = WORLD_WAIT_US / 1000;
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_int_equal(muster_address_parse(text, &request.server), MUSTER_OK);
    struct http_client_response response;
    assert_int_equal(http_client_send(&request, answer, sizeof answer, &response, NULL), MUSTER_OK);
    return response.status;
}

static void each_side_answers_to_its_own_name_only(void **state)
{
    (void)state;
    struct running world;
    world_begin(
        &world, (const char *const[]){"--game", "hello", "--set", "network.host=play.example.org",
                    "--set", "network.admin_host=ops.example.org", NULL});
    assert_int_equal(ask_by_name(world.port, "play.example.org:7777"), 200);
    assert_int_equal(ask_by_name(world.port, "ops.example.org"), 421);
    assert_int_equal(ask_by_name(world.admin_port, "ops.example.org"), 200);
    assert_int_equal(ask_by_name(world.admin_port, "play.example.org"), 421);
    assert_int_equal(ask_by_name(world.admin_port, "localhost"), 200);
    assert_int_equal(world_end(&world, SIGTERM), 0);
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    assert_int_equal(ask_by_name(world.port, "play.example.org"), 421);
    assert_int_equal(ask_by_name(world.port, ":7777"), 421);
    // What is refused is counted, a moment later.
    do {
        clock_sleep_until_us(clock_monotonic_us() + 5000);
        assert_int_equal(world_get(&world, "/metrics", answer), 200);
    } while (strstr(answer, "muster_http_events_total{event=\"refused\"} 2\n") == NULL);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void the_audit_log_turns_over_and_holds_no_secret(void **state)
{
    (void)state;
    struct running world;
    world_begin(
        &world, (const char *const[]){"--game", "hello", "--set", "gateway.secrets=development",
                    "--set", "audit.file=turn.jsonl", "--set", "audit.rotate=64KiB", "--set",
                    "audit.keep=2", "--set", "gateway.address_requests_per_second=1000", NULL});
    static char token[2048];
    assert_int_equal(world_ask(&world, true, "POST", "/v1/sessions", "Bearer " API_KEY,
                         "{\"name\":\"Ada\"}", answer),
        201);
    const char *at = strstr(answer, "\"token\":\"");
    assert_non_null(at);
    snprintf(token, sizeof token, "%.100s", at + strlen("\"token\":\""));
    assert_int_equal(
        world_ask(&world, true, "POST", "/v1/sessions", "Bearer 00ff", NULL, answer), 401);
    assert_int_equal(world_ask(&world, true, "POST", "/v1/sessions", NULL, "{", answer), 400);
    static char audit[OUTCOME_BYTES_MAX * 2];
    file_read("turn.jsonl", audit);
    assert_non_null(strstr(audit, "\"event\":\"login\",\"player_id\":\""));
    assert_non_null(strstr(audit, "\"name\":\"Ada\""));
    assert_non_null(strstr(audit, "\"event\":\"login_refused\""));
    assert_non_null(strstr(audit, "\"reason\":\"unauthorized\""));
    assert_null(strstr(audit, token));
    assert_null(strstr(audit, API_KEY));
    assert_null(strstr(audit, "00ff"));
    // The file turns over twice, and only the newest old one stays.
    struct stat about;
    const uint64_t begin_us = clock_monotonic_us();
    for (uint32_t turns = 0; turns < 2;) {
        const bool was_small = stat("turn.jsonl", &about) == 0 && about.st_size > 60000;
        (void)world_ask(&world, true, "POST", "/v1/sessions", "Bearer no", NULL, answer);
        assert_int_equal(stat("turn.jsonl", &about), 0);
        turns += was_small && about.st_size < 1000 ? 1 : 0;
        assert_true(clock_monotonic_us() - begin_us < 3 * (uint64_t)WORLD_WAIT_US);
    }
    assert_int_equal(stat("turn.jsonl.1", &about), 0);
    assert_in_range(about.st_size, 60000, 65536);
    assert_int_not_equal(stat("turn.jsonl.2", &about), 0);
    assert_int_equal(world_end(&world, SIGTERM), 0);
    file_read(world.err_path, outcome.err);
    assert_null(strstr(outcome.err, API_KEY));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_order_and_can_be_waited_for),
        cmocka_unit_test(players_are_listed_and_sent_away),
        cmocka_unit_test(players_are_described_and_spoken_to),
        cmocka_unit_test(who_is_banned_stays_out_until_the_ban_is_lifted),
        cmocka_unit_test(the_live_map_shows_every_entity_and_waits_for_the_next),
        cmocka_unit_test(operators_need_the_admin_key_where_it_is_asked_for),
        cmocka_unit_test(browsers_log_in_by_a_cookie_and_change_nothing_without_its_token),
        cmocka_unit_test(each_side_answers_to_its_own_name_only),
        cmocka_unit_test(the_audit_log_turns_over_and_holds_no_secret),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
