// SPDX-License-Identifier: Apache-2.0

// The client driver, and the example on it, against a real world.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/world.h"
#include "muster/client_driver.h"

#define STEP_US          5000u
#define TICKS_RUNNING    30u
#define TICKS_FOR_TOKENS 30u // by which the means to resume have come

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

// A world that has been running for a while.
static void begin_hello(struct running *world, char out_server[64])
{
    static char text[WORLD_ROOM];
    world_begin(world, (const char *const[]){"--game", "hello", NULL});
    do {
        clock_sleep_until_us(clock_monotonic_us() + STEP_US);
        assert_int_equal(world_get(world, "/v1/status", text), 200);
    } while (world_number(text, "tick") < TICKS_RUNNING);
    snprintf(out_server, 64, "127.0.0.1:%u", world->port);
}

static void the_example_joins_and_leaves(void **state)
{
    (void)state;
    struct running world;
    char server[64];
    begin_hello(&world, server);
    program_run_at(EXAMPLE_CLIENT, (const char *const[]){server, NULL}, &outcome);
    assert_string_equal(outcome.err, "");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out, "sees itself\n");

    static char text[WORLD_ROOM];
    assert_int_equal(world_get(&world, "/v1/events", text), 200);
    assert_non_null(strstr(text, "player_joined"));
    assert_non_null(strstr(text, "player_left"));
    assert_null(strstr(text, "player_lost"));
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void the_example_says_why_it_cannot_join(void **state)
{
    (void)state;
    char server[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world_free_port());
    program_run_at(EXAMPLE_CLIENT, (const char *const[]){server, NULL}, &outcome);
    assert_int_equal(outcome.code, 1);
    assert_string_equal(outcome.out, "");
    assert_non_null(strstr(outcome.err, server));

    struct running world;
    world_begin(
        &world, (const char *const[]){"--game", "hello", "--set", "gateway.guests=false", NULL});
    snprintf(server, sizeof server, "127.0.0.1:%u", world.port);
    program_run_at(EXAMPLE_CLIENT, (const char *const[]){server, NULL}, &outcome);
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "401 unauthorized"));
    snprintf(server, sizeof server, "127.0.0.1:%u", world.admin_port);
    program_run_at(EXAMPLE_CLIENT, (const char *const[]){server, NULL}, &outcome);
    assert_int_equal(outcome.code, 1);
    assert_non_null(strstr(outcome.err, "404 not_found"));
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void run_until(muster_client_driver *driver, muster_client_state wanted)
{
    const uint64_t begin_us = clock_monotonic_us();
    while (muster_client_driver_run(driver, STEP_US) != wanted) {
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
    }
}

static uint16_t port_of(muster_client_driver *driver)
{
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    assert_int_equal(
        getsockname(muster_client_driver_file(driver), (struct sockaddr *)&name, &length), 0);
    return ntohs(name.sin6_port);
}

static bool is_connected(muster_client_driver *driver)
{
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    const int file = muster_client_driver_file(driver);
    return getpeername(file, (struct sockaddr *)&name, &length) == 0;
}

static muster_client_driver *join(const char *server)
{
    muster_client_login_def login = muster_client_login_default_def();
    login.server = server;
    const muster_client_driver_def def = muster_client_driver_default_def();
    muster_client_ticket ticket;
    muster_client_driver *driver;
    muster_client_error error;
    assert_int_equal(muster_client_login_ask(&login, &ticket, &error), MUSTER_OK);
    assert_int_equal(muster_client_driver_create(&def, &driver, &error), MUSTER_OK);
    assert_int_equal(muster_client_driver_connect(driver, ticket.token), MUSTER_OK);
    run_until(driver, MUSTER_CLIENT_PLAYING);
    return driver;
}

static void a_client_resumes_on_the_same_socket(void **state)
{
    (void)state;
    struct running world;
    char server[64];
    begin_hello(&world, server);
    muster_client_driver *driver = join(server);
    const uint16_t port = port_of(driver);
    const muster_client *client = muster_client_driver_client(driver);
    const uint64_t tick = muster_client_newest_tick(client) + TICKS_FOR_TOKENS;
    const uint64_t begin_us = clock_monotonic_us();
    while (muster_client_newest_tick(client) < tick) {
        assert_true(clock_monotonic_us() - begin_us < WORLD_WAIT_US);
        assert_int_equal(muster_client_driver_run(driver, STEP_US), MUSTER_CLIENT_PLAYING);
    }
    assert_int_equal(kill(world.pid, SIGSTOP), 0);
    run_until(driver, MUSTER_CLIENT_RESUMING);
    (void)muster_client_driver_run(driver, 4 * STEP_US);
    assert_false(is_connected(driver)); // its own address may have changed
    assert_int_equal(kill(world.pid, SIGCONT), 0);
    run_until(driver, MUSTER_CLIENT_PLAYING);
    const uint64_t back_us = clock_monotonic_us();
    while (!is_connected(driver)) { // with the next packet
        assert_true(clock_monotonic_us() - back_us < WORLD_WAIT_US);
        assert_int_equal(muster_client_driver_run(driver, STEP_US), MUSTER_CLIENT_PLAYING);
    }
    assert_int_equal(port_of(driver), port);
    muster_client_driver_leave(driver);
    muster_client_driver_destroy(driver);
    assert_int_equal(world_end(&world, SIGTERM), 0);
}

static void a_client_is_told_that_its_world_ends(void **state)
{
    (void)state;
    struct running world;
    char server[64];
    begin_hello(&world, server);
    muster_client_driver *driver = join(server);
    assert_int_equal(kill(world.pid, SIGTERM), 0);
    run_until(driver, MUSTER_CLIENT_CLOSED);
    muster_client_error error;
    assert_int_equal(muster_client_driver_failure(driver, &error), MUSTER_ERR_DENIED);
    assert_non_null(strstr(error.text, "the server empties itself"));
    muster_client_driver_destroy(driver);
    assert_int_equal(world_join(&world), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_example_joins_and_leaves, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            the_example_says_why_it_cannot_join, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            a_client_resumes_on_the_same_socket, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            a_client_is_told_that_its_world_ends, enter_folder, leave_folder),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
