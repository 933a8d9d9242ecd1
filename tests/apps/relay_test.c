// SPDX-License-Identifier: Apache-2.0

// A bad network between real bots and a real server.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/world.h"

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, &outcome)

static struct outcome outcome;
static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    world_folder_begin(folder, MUSTER_GAMES);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static pid_t start_relay(uint32_t port, uint32_t server_port, const char *flag, const char *rules)
{
    char listen[64];
    char to[64];
    snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    snprintf(to, sizeof to, "127.0.0.1:%u", server_port);
    const pid_t parent = getpid();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        die_with_parent(parent);
        dup2(open("relay.json", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        dup2(open("relay.err", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        execl(MUSTER_PROGRAM, "muster", "relay", "--listen", listen, "--to", to, flag, rules,
            "--seed", "9", "--json", (char *)NULL);
        _exit(127);
    }
    const uint64_t begin_us = clock_monotonic_us();
    do { // it says its seed once it listens
        file_read("relay.err", outcome.err);
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    } while (strstr(outcome.err, "seed 9\n") == NULL);
    return child;
}

static void bots_play_through_a_network_that_loses_and_doubles(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    const uint32_t port = world_free_port();
    const pid_t relay =
        start_relay(port, world.port, "--network", "delay=20ms,jitter=5ms,loss=10%,dup=5%");
    char server[64];
    char via[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.port);
    snprintf(via, sizeof via, "127.0.0.1:%u", port);
    RUN("bots", "--count", "3", "--server", server, "--via", via, "--for", "2s", "--json");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "joined"), 3);
    assert_int_equal(world_number(outcome.out, "playing"), 3);

    assert_int_equal(kill(relay, SIGTERM), 0);
    int status = 0;
    assert_int_equal(waitpid(relay, &status, 0), relay);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    file_read("relay.json", outcome.out);
    assert_int_equal(world_number(outcome.out, "clients"), 3);
    assert_int_equal(world_number(outcome.out, "refused"), 0);
    assert_int_equal(world_number(outcome.out, "seed"), 9);
    const char *back = strstr(outcome.out, "\"to_clients\"");
    const char *there = strstr(outcome.out, "\"to_server\"");
    const char *const ways[] = {there, back};
    for (uint32_t i = 0; i < 2; i++) {
        assert_non_null(ways[i]);
        assert_in_range(world_number(ways[i], "packets_in"), 50, 100000);
        assert_in_range(world_number(ways[i], "lost"), 1, 100000);
        assert_in_range(world_number(ways[i], "duplicated"), 1, 100000);
    }
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void bots_play_through_a_narrow_path(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "skirmish", NULL});
    const uint32_t port = world_free_port();
    const pid_t relay = start_relay(port, world.port, "--network", "delay=5ms,mtu=1110B");
    char server[64];
    char via[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.port);
    snprintf(via, sizeof via, "127.0.0.1:%u", port);
    RUN("bots", "--count", "2", "--server", server, "--via", via, "--for", "3s", "--json");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "joined"), 2);
    assert_int_equal(world_number(outcome.out, "playing"), 2);
    assert_int_equal(kill(relay, SIGTERM), 0);
    int status = 0;
    assert_int_equal(waitpid(relay, &status, 0), relay);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    file_read("relay.json", outcome.out);
    assert_in_range(world_number(strstr(outcome.out, "\"to_clients\""), "too_long"), 1, 1000);
    assert_int_equal(world_number(strstr(outcome.out, "\"to_server\""), "too_long"), 0);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void bots_play_through_a_recorded_network(void **state)
{
    (void)state;
    struct running world;
    world_begin(&world, (const char *const[]){"--game", "hello", NULL});
    const uint32_t port = world_free_port();
    file_write(
        "train.trace", "# a tunnel in every second\n0ms 10ms\n800ms lost\n900ms 60ms\n1s end\n");
    const pid_t relay = start_relay(port, world.port, "--trace", "train.trace");
    char server[64];
    char via[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world.port);
    snprintf(via, sizeof via, "127.0.0.1:%u", port);
    RUN("bots", "--count", "2", "--server", server, "--via", via, "--for", "3s", "--json");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "playing"), 2);
    assert_int_equal(kill(relay, SIGTERM), 0);
    assert_int_equal(waitpid(relay, NULL, 0), relay);
    file_read("relay.json", outcome.out);
    const char *back = strstr(outcome.out, "\"to_clients\"");
    assert_in_range(world_number(back, "lost"), 1, 1000);
    assert_true(world_number(back, "lost") < world_number(back, "packets_in") / 2);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void a_trace_that_is_none_is_refused_by_its_line(void **state)
{
    (void)state;
    RUN("relay", "--trace", "nowhere");
    assert_int_equal(outcome.code, 3);
    assert_non_null(strstr(outcome.err, "muster: nowhere: No such file"));
    file_write("bad.trace", "0ms 10ms\n800ms never\n");
    RUN("relay", "--trace", "bad.trace");
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.err, "muster: bad.trace: "));
    assert_non_null(strstr(outcome.err, "2"));
    file_write("bad.trace", "");
    RUN("relay", "--trace", "bad.trace");
    assert_int_equal(outcome.code, 2);
    RUN("relay", "--trace", "/");
    assert_int_equal(outcome.code, 1);
}

static void wrong_rules_and_addresses_are_refused(void **state)
{
    (void)state;
    RUN("relay", "--network", "bda");
    assert_int_equal(outcome.code, 2);
    assert_int_equal(strncmp(outcome.err, "muster: --network is \"bda\": ", 28), 0);
    RUN("relay", "--to", "7777");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(
        outcome.err, "muster: --to is \"7777\", expected ADDRESS:PORT, such as 127.0.0.1:7777\n");
    RUN("bots", "--via", "there");
    assert_int_equal(outcome.code, 2);
    RUN("relay", "--listen", "127.0.0.1:9", "--to", "127.0.0.1:9");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err, "muster: --listen and --to are the same address\n");
    RUN("relay", "--for", "0s");
    assert_int_equal(outcome.code, 2);
}

static void a_port_in_use_is_missing(void **state)
{
    (void)state;
    const int taken = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &length), 0);
    char listen[64];
    snprintf(listen, sizeof listen, "127.0.0.1:%u", ntohs(address.sin_port));
    RUN("relay", "--listen", listen);
    assert_int_equal(outcome.code, 3);
    assert_non_null(strstr(outcome.err, "Address already in use"));
    close(taken);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bots_play_through_a_network_that_loses_and_doubles),
        cmocka_unit_test(bots_play_through_a_narrow_path),
        cmocka_unit_test(bots_play_through_a_recorded_network),
        cmocka_unit_test(a_trace_that_is_none_is_refused_by_its_line),
        cmocka_unit_test(wrong_rules_and_addresses_are_refused),
        cmocka_unit_test(a_port_in_use_is_missing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
