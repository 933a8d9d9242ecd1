// SPDX-License-Identifier: Apache-2.0

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

// Worlds of `muster up` with real bots over real sockets, as a user starts them.

struct ports {
    char udp[32];
    char http[32];
    char admin[32];
};

// Three ports that are free now, and most likely still when the program asks for them.
static struct ports free_ports(void)
{
    struct ports ports;
    char *texts[] = {ports.udp, ports.http, ports.admin};
    const char *const names[] = {"udp_port", "http_port", "admin_port"};
    int files[3];
    for (int i = 0; i < 3; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t length = sizeof address;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        files[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(files[i], (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(getsockname(files[i], (struct sockaddr *)&address, &length), 0);
        snprintf(texts[i], 32, "network.%s=%u", names[i], ntohs(address.sin_port));
    }
    for (int i = 0; i < 3; i++) {
        close(files[i]);
    }
    return ports;
}

static void run_up(const struct ports *ports, const char *const *more, struct outcome *outcome)
{
    const char *arguments[RUN_ARGUMENT_MAX] = {"up", "--set", "gateway.secrets=development",
        "--set", ports->udp, "--set", ports->http, "--set", ports->admin};
    uint32_t count = 9;
    for (uint32_t i = 0; more[i] != NULL; i++) {
        arguments[count++] = more[i];
    }
    program_run(arguments, outcome);
}

static void bots_play_over_real_sockets_and_the_figures_are_one_document(void **state)
{
    (void)state;
    struct outcome outcome;
    const struct ports ports = free_ports();
    run_up(&ports,
        (const char *[]){
            "--game", "hello", "--bots", "8", "--for", "2s", "--seed", "7", "--json", NULL},
        &outcome);
    json_error_t error;
    json_t *document = json_loads(outcome.out, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(document);
    assert_int_equal(json_integer_value(json_object_get(document, "players")), 8);
    assert_int_equal(json_integer_value(json_object_get(document, "disconnects")), 0);
    assert_int_equal(json_integer_value(json_object_get(document, "seed")), 7);
    assert_true(json_integer_value(json_object_get(document, "ticks")) > 60);
    // Figures count neither the bots' coming nor their going.
    static const char stopped[] = "\"stopped\",\"tick\":";
    const char *last = strstr(outcome.err, stopped);
    assert_non_null(last);
    assert_true(json_integer_value(json_object_get(document, "ticks")) <
                strtoll(last + sizeof stopped - 1, NULL, 10));
    const char *const keys[] = {"tick_ms", "missed_ticks", "bodies", "update_age_ms",
        "client_kbit_s", "server_cpu_percent", "bots_cpu_percent", "rss_mb", "bots_late_ms",
        "refused", "final_hash", "void"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_non_null(json_object_get(document, keys[i]));
    }
    const json_t *refused = json_object_get(document, "refused");
    static const char *const reasons[] = {"full", "draining", "old_token", "player_data",
        "request_rate", "packet_rate", "action_rate", "message_rate", "outcast", "malformed_packet",
        "malformed_input", "malformed_message"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        assert_int_equal(json_integer_value(json_object_get(refused, reasons[i])), 0);
        assert_true(json_is_integer(json_object_get(refused, reasons[i])));
    }
    assert_int_equal(json_object_size(refused), sizeof reasons / sizeof reasons[0]);
    // A busy machine makes the bots late, which the document says and the exit code follows.
    const bool is_void = json_is_true(json_object_get(document, "void"));
    assert_int_equal(outcome.code, is_void ? 1 : 0);
    json_decref(document);
}

static void a_game_that_is_not_there_is_named_with_where_it_was_looked_for(void **state)
{
    (void)state;
    struct outcome outcome;
    const struct ports ports = free_ports();
    setenv("MUSTER_GAME_PATH", "/nowhere:./also", 1);
    run_up(&ports, (const char *[]){"--game", "nosuch", NULL}, &outcome);
    assert_int_equal(outcome.code, 3);
    assert_string_equal(outcome.out, "");
    // Every folder stands there: those of the variable, then the program's own.
    const char *at = strstr(outcome.err, "muster: no module nosuch; looked in /nowhere, ./also, /");
    assert_non_null(at);
    static const char *const own[] = {"/games, ", "/lib/muster/games, ",
        "/lib/x86_64-linux-gnu/muster/games, ", "/lib/aarch64-linux-gnu/muster/games\n"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        at = strstr(at, own[i]);
        assert_non_null(at);
    }
    unsetenv("MUSTER_GAME_PATH");
}

// Runs a game that is broken somewhere.
static void run_broken(const char *place, struct outcome *outcome)
{
    char name[32];
    const struct ports ports = free_ports();
    snprintf(name, sizeof name, "broken_%s", place);
    setenv("MUSTER_GAME_PATH", MUSTER_TEST_GAMES, 1);
    run_up(&ports, (const char *[]){"--game", name, "--bots", "1", "--for", "1s", NULL}, outcome);
    unsetenv("MUSTER_GAME_PATH");
}

static void a_game_that_crashes_while_it_is_loaded_is_named_and_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"constructor", "is stopped by signal 11 (SIGSEGV)"},
        {"end", "ends the program with exit code 7"}, {"entry", "is stopped by signal 6 (SIGABRT)"},
        {"table", "is stopped by signal 11 (SIGSEGV)"}};
    char folder[64];
    struct outcome outcome;
    folder_begin(folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_broken(cases[i][0], &outcome);
        assert_int_equal(outcome.code, 2);
        char words[1024];
        snprintf(words, sizeof words, "muster: loading game %s/broken_%s.so %s\n",
            MUSTER_TEST_GAMES, cases[i][0], cases[i][1]);
        assert_string_equal(outcome.err, words);
        assert_string_equal(outcome.out, "");
    }
    assert_int_equal(rmdir(folder), 0); // empty: no report, no core file
    assert_int_equal(mkdir(folder, 0700), 0);
    folder_end(folder);
}

static void a_game_that_crashes_when_its_world_is_made_is_named_in_a_report(void **state)
{
    (void)state;
    char folder[64];
    struct outcome outcome;
    folder_begin(folder);
    run_broken("start", &outcome);
    assert_int_equal(outcome.code, 128 + SIGSEGV);
    assert_non_null(strstr(outcome.err, "muster: stopped itself while it ran game "));
    assert_non_null(strstr(outcome.err, "/broken_start.so; the report is ./crash-"));
    folder_end(folder);
}

static void a_game_that_shows_players_nothing_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct outcome outcome;
    run_broken("nothing", &outcome);
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "muster: game \"broken\" declares no replicated fields, so "
                                        "players would see nothing of it; "
                                        "it needs at least one in `fields`\n"));
}

static void a_file_that_is_no_game_is_refused(void **state)
{
    (void)state;
    char folder[64];
    struct outcome outcome;
    const struct ports ports = free_ports();
    folder_begin(folder);
    file_write("fake.so", "not a module");
    run_up(&ports, (const char *[]){"--game", "./fake.so", NULL}, &outcome);
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "fake.so"));
    folder_end(folder);
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    struct outcome outcome;
    struct ports ports = free_ports();
    const int file = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    snprintf(ports.udp, sizeof ports.udp, "network.udp_port=%u", ntohs(address.sin_port));
    run_up(&ports, (const char *[]){"--game", "hello", "--for", "1s", NULL}, &outcome);
    assert_int_equal(outcome.code, 3);
    char port[16];
    snprintf(port, sizeof port, "%u", ntohs(address.sin_port));
    assert_non_null(strstr(outcome.err, port));
    assert_non_null(strstr(outcome.err, "`muster doctor` says who has it"));
    close(file);
}

static void bots_without_a_server_say_so(void **state)
{
    (void)state;
    struct outcome outcome;
    program_run((const char *[]){"bots", "--count", "1", "--server", "nowhere", NULL}, &outcome);
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "expected ADDRESS:PORT"));
    program_run(
        (const char *[]){"bots", "--count", "2", "--server", "127.0.0.1:9", NULL}, &outcome);
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "muster: a bot could not come in: "));
    assert_non_null(strstr(outcome.err, "A world is started by `muster up`"));
    assert_string_equal(outcome.out, "");
}

static void a_run_ends_with_its_figures_for_people(void **state)
{
    (void)state;
    struct outcome outcome;
    const struct ports ports = free_ports();
    run_up(
        &ports, (const char *[]){"--game", "hello", "--bots", "2", "--for", "1s", NULL}, &outcome);
    assert_int_equal(outcome.code, 0);
    assert_int_equal(strncmp(outcome.out, "ticks          ", 15), 0);
    assert_non_null(strstr(outcome.out, "\nplayers        2, 0 disconnects\n"));
    assert_non_null(strstr(outcome.out, "\nbots           "));
    const struct ports others = free_ports();
    const char *const seed = "18446744073709551615"; // as long as seeds are, beyond JSON's numbers
    run_up(&others, (const char *[]){"--game", "hello", "--for", "1s", "--seed", seed, NULL},
        &outcome);
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.err, seed));
    assert_null(strstr(outcome.out, "\nbots           "));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bots_play_over_real_sockets_and_the_figures_are_one_document),
        cmocka_unit_test(a_game_that_is_not_there_is_named_with_where_it_was_looked_for),
        cmocka_unit_test(a_game_that_crashes_while_it_is_loaded_is_named_and_refused),
        cmocka_unit_test(a_game_that_crashes_when_its_world_is_made_is_named_in_a_report),
        cmocka_unit_test(a_game_that_shows_players_nothing_is_refused_with_a_sentence),
        cmocka_unit_test(a_file_that_is_no_game_is_refused),
        cmocka_unit_test(a_port_in_use_is_named),
        cmocka_unit_test(bots_without_a_server_say_so),
        cmocka_unit_test(a_run_ends_with_its_figures_for_people),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
