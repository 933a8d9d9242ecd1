// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A world of the built program, running beside a test on ports of its own.
///
///     struct running world;
///     world_begin(&world, (const char *[]){"--record", "run.frames", NULL});
///     world_get(&world, "/v1/status", answer);
///     assert_int_equal(world_end(&world, SIGTERM), 0);

#include "apps/program.h"

#include "drivers/clock.h"
#include "drivers/http_client.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define WORLD_WAIT_US 20000000u
#define WORLD_ROOM    262144u

struct running {
    pid_t pid;
    uint32_t port; // of players
    uint32_t admin_port;
    char out_path[64];
    char err_path[64];
};

/// folder_begin() for a test with worlds: they keep their state in it, and find these games, a list
/// of folders with a colon between them.
static inline void world_folder_begin(char out_path[64], const char *games)
{
    folder_begin(out_path);
    setenv("MUSTER_GAME_PATH", games, 1);
    setenv("XDG_STATE_HOME", out_path, 1);
}

/// A port that is free now, and most likely still when a program asks for it.
static inline uint32_t world_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    close(file);
    return ntohs(address.sin_port);
}

/// Asks the admin side, or the public one.
/// @return the status; 0 if nobody answers
static inline uint32_t world_ask(const struct running *world,
    bool is_public,
    const char *method,
    const char *path,
    const char *authorization,
    const char *body,
    char out_text[WORLD_ROOM])
{
    struct http_client_request request = {
        .method = method,
        .path = path,
        .authorization = authorization,
        .body = body,
        .body_bytes = body != NULL ? (uint32_t)strlen(body) : 0,
        .timeout_ms = 5000,
    };
    assert_int_equal(muster_address_parse("127.0.0.1", &request.server), MUSTER_OK);
    request.server.port = (uint16_t)(is_public ? world->port : world->admin_port);
    static char room[WORLD_ROOM];
    struct http_client_response response;
    struct driver_error error;
    out_text[0] = '\0';
    if (http_client_send(&request, room, sizeof room, &response, &error) != MUSTER_OK) {
        return 0;
    }
    memcpy(out_text, response.body, response.body_bytes + 1);
    return response.status;
}

/// GET on the admin side.
static inline uint32_t world_get(
    const struct running *world, const char *path, char out_text[WORLD_ROOM])
{
    return world_ask(world, false, "GET", path, NULL, NULL, out_text);
}

/// Starts `muster up` with further arguments, which end with NULL. Does not wait.
static inline void world_start(struct running *world, const char *const *arguments)
{
    world->port = world_free_port();
    world->admin_port = world_free_port();
    char texts[3][64];
    snprintf(texts[0], 64, "network.udp_port=%u", world->port);
    snprintf(texts[1], 64, "network.http_port=%u", world->port);
    snprintf(texts[2], 64, "network.admin_port=%u", world->admin_port);
    const char *list[RUN_ARGUMENT_MAX + 12] = {
        "muster", "up", "--set", texts[0], "--set", texts[1], "--set", texts[2]};
    for (uint32_t i = 0; i < RUN_ARGUMENT_MAX && arguments[i] != NULL; i++) {
        list[8 + i] = arguments[i];
    }
    snprintf(world->out_path, sizeof world->out_path, "out-%u", world->port);
    snprintf(world->err_path, sizeof world->err_path, "err-%u", world->port);
    const pid_t parent = getpid();
    world->pid = fork();
    assert_true(world->pid >= 0);
    if (world->pid == 0) {
        die_with_parent(parent);
        dup2(open(world->out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        dup2(open(world->err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        execv(MUSTER_PROGRAM, (char *const *)(uintptr_t)list);
        _exit(127);
    }
}

/// Waits until the world is ready.
static inline void world_await(const struct running *world)
{
    static char text[WORLD_ROOM];
    const uint64_t begin_us = clock_monotonic_us();
    while (world_get(world, "/readyz", text) != 200) {
        if (waitpid(world->pid, NULL, WNOHANG) != 0 ||
            clock_monotonic_us() - begin_us > WORLD_WAIT_US) {
            file_read(world->err_path, text);
            fail_msg("the world does not begin: %s", text);
        }
        clock_sleep_until_us(clock_monotonic_us() + 20000);
    }
}

/// Starts one and waits.
static inline void world_begin(struct running *world, const char *const *arguments)
{
    world_start(world, arguments);
    world_await(world);
}

/// Waits for its end. @return its exit code, or 128 and the signal
static inline int world_join(const struct running *world)
{
    int status = 0;
    assert_int_equal(waitpid(world->pid, &status, 0), world->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Ends it by a signal and waits.
static inline int world_end(const struct running *world, int number)
{
    assert_int_equal(kill(world->pid, number), 0);
    return world_join(world);
}

/// A whole number behind `"key": ` or `"key":` in a JSON text; fails without one.
static inline uint64_t world_number(const char *text, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(text, pattern);
    if (at == NULL) {
        fail_msg("no \"%s\" in %s", key, text);
    }
    return strtoull(at + strlen(pattern), NULL, 10);
}

/// Runs bots against the world until they have played for a while; they must all join.
static inline void world_play(const struct running *world, const char *count, const char *duration)
{
    static struct outcome outcome;
    char server[64];
    snprintf(server, sizeof server, "127.0.0.1:%u", world->port);
    program_run((const char *const[]){"bots", "--count", count, "--server", server, "--for",
                    duration, "--json", NULL},
        &outcome);
    assert_int_equal(outcome.code, 0);
    assert_int_equal(world_number(outcome.out, "joined"), strtoull(count, NULL, 10));
}
