// SPDX-License-Identifier: Apache-2.0

// What a game does wrong stops the process with a message that names the game and the function.

#include "muster/instance.h"

#include "instance/pit_game.h"
#include "instance/probe_game.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef void misuse_function(const muster_host *host, muster_world *world);

// Runs a game whose start() misbehaves, in a process of its own.
static void expect_end(const muster_game *game, misuse_function *misuse, const char *message)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        muster_game bad = *game;
        bad.start = misuse;
        muster_instance_def def = muster_instance_default_def();
        def.game = &bad;
        muster_instance *instance;
        (void)!muster_instance_create(&def, &instance);
        _exit(0);
    }
    close(ends[1]);
    char text[1024] = {0};
    size_t length = 0;
    ssize_t count;
    while ((count = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)count;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (strstr(text, message) == NULL) {
        fail_msg("'%s' is not in '%s'", message, text);
    }
}

static void expect_probe_end(misuse_function *misuse, const char *message)
{
    const muster_game game = probe_game();
    expect_end(&game, misuse, message);
}

static void expect_pit_end(misuse_function *misuse, const char *message)
{
    const muster_game game = pit_game();
    expect_end(&game, misuse, message);
}

static void remove_empty_slot(const muster_host *host, muster_world *world)
{
    host->entity_remove(world, 17);
}

static void remove_twice(const muster_host *host, muster_world *world)
{
    uint32_t slot;
    const muster_vec3 origin = {0};
    (void)host->entity_spawn(world, 0, origin, &slot);
    host->entity_remove(world, slot);
    host->entity_remove(world, slot);
}

static void spawn_unknown_kind(const muster_host *host, muster_world *world)
{
    uint32_t slot;
    const muster_vec3 origin = {0};
    (void)host->entity_spawn(world, MUSTER_KIND_COUNT_MAX, origin, &slot);
}

static void spawn_without_slot(const muster_host *host, muster_world *world)
{
    const muster_vec3 origin = {0};
    (void)host->entity_spawn(world, 0, origin, NULL);
}

static void walk_unknown_kind(const muster_host *host, muster_world *world)
{
    (void)host->entity_next(world, MUSTER_KIND_COUNT_MAX, 0);
}

static void ask_id_of_nothing(const muster_host *host, muster_world *world)
{
    (void)host->entity_id(world, 0);
}

static void an_entity_that_is_not_there_stops_the_game(void **state)
{
    (void)state;
    expect_probe_end(remove_empty_slot, "game 'probe' in tick 0: entity_remove: no entity");
    expect_probe_end(remove_twice, "entity_remove: no entity lives in the slot");
    expect_probe_end(spawn_unknown_kind, "entity_spawn: the kind");
    expect_probe_end(spawn_without_slot, "entity_spawn: out_slot is NULL");
    expect_probe_end(walk_unknown_kind, "entity_next: the kind");
    expect_probe_end(ask_id_of_nothing, "entity_id: no entity");
}

static void read_gap_column(const muster_host *host, muster_world *world)
{
    (void)host->column(world, 6);
}

static void read_high_column(const muster_host *host, muster_world *world)
{
    (void)host->column(world, MUSTER_COLUMN_GAME + 4);
}

static void read_high_player_column(const muster_host *host, muster_world *world)
{
    (void)host->player_column(world, 1);
}

static void a_column_that_is_not_there_stops_the_game(void **state)
{
    (void)state;
    expect_probe_end(read_gap_column, "column: there is no such column");
    expect_probe_end(read_high_column, "column: there is no such column");
    expect_probe_end(read_high_player_column, "player_column: there is no such column");
}

static void ask_entity_of_nobody(const muster_host *host, muster_world *world)
{
    (void)host->player_entity(world, 0);
}

static void set_entity_of_nobody(const muster_host *host, muster_world *world)
{
    host->player_set_entity(world, 0, MUSTER_NONE);
}

static void set_activity_of_nobody(const muster_host *host, muster_world *world)
{
    host->player_set_activity(world, 0, MUSTER_ACTIVITY_TRADE);
}

static void send_unknown_message(const muster_host *host, muster_world *world)
{
    (void)host->message_send(world, 2, MUSTER_TO_ALL, 0, "", 0);
}

static void send_long_message(const muster_host *host, muster_world *world)
{
    (void)host->message_send(world, PROBE_NOTICE, MUSTER_TO_ALL, 0, "12345", 5);
}

static void send_to_nobody(const muster_host *host, muster_world *world)
{
    (void)host->message_send(world, PROBE_NOTICE, MUSTER_TO_PLAYER, 0, "1", 1);
}

static void send_to_unknown_audience(const muster_host *host, muster_world *world)
{
    (void)host->message_send(world, PROBE_NOTICE, (muster_audience)9, 0, "1", 1);
}

static void send_nothing(const muster_host *host, muster_world *world)
{
    (void)host->message_send(world, PROBE_NOTICE, MUSTER_TO_ALL, 0, NULL, 1);
}

static void a_player_or_message_that_is_not_there_stops_the_game(void **state)
{
    (void)state;
    expect_probe_end(ask_entity_of_nobody, "player_entity: there is no player");
    expect_probe_end(set_entity_of_nobody, "player_set_entity: there is no player");
    expect_probe_end(set_activity_of_nobody, "player_set_activity: there is no player");
    expect_probe_end(send_unknown_message, "message_send: there is no such message");
    expect_probe_end(send_long_message, "message_send: the message is too long");
    expect_probe_end(send_to_nobody, "message_send: there is no such player");
    expect_probe_end(send_to_unknown_audience, "message_send: there is no such player");
    expect_probe_end(send_nothing, "message_send: bytes is NULL");
}

static void add_two_bodies(const muster_host *host, muster_world *world)
{
    const muster_body_def body = host->space->body_default_def();
    pit_start(host, world);
    host->space->body_add(world, 0, &body);
}

static void add_body_without_mass(const muster_host *host, muster_world *world)
{
    muster_body_def body = host->space->body_default_def();
    pit_start(host, world);
    body.mass_kg = 0.0f;
    host->space->body_add(world, PIT_BALL_COUNT, &body);
}

static void add_body_to_nothing(const muster_host *host, muster_world *world)
{
    const muster_body_def body = host->space->body_default_def();
    host->space->body_add(world, 0, &body);
}

static void move_without_body(const muster_host *host, muster_world *world)
{
    const muster_vec3 origin = {0};
    pit_start(host, world);
    host->space->body_move(world, PIT_BALL_COUNT, origin);
}

static void move_too_far(const muster_host *host, muster_world *world)
{
    const muster_vec3 far = {1e9f, 0.0f, 0.0f};
    pit_start(host, world);
    host->space->body_move(world, 0, far);
}

static void push_too_fast(const muster_host *host, muster_world *world)
{
    const muster_vec3 none = {0};
    pit_start(host, world);
    muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
    velocity[0].x = 1e9f;
    host->space->body_push(world, 0, none);
}

static void build_late(const muster_host *host, muster_world *world)
{
    (void)host->space->terrain_heights(world, 2, 2);
}

static void ask_without_physics(const muster_host *host, muster_world *world)
{
    uint32_t count;
    (void)host->space->contacts(world, &count);
}

static void a_body_that_cannot_be_stops_the_game(void **state)
{
    (void)state;
    expect_pit_end(add_two_bodies, "game 'pit' in tick 0: body_add: the entity has a body");
    expect_pit_end(add_body_without_mass, "body_add: a field of the definition");
    expect_pit_end(add_body_to_nothing, "body_add: no entity lives in the slot");
    expect_pit_end(move_without_body, "body_move: no body is in the slot");
    expect_pit_end(move_too_far, "body_move: the position");
    expect_pit_end(push_too_fast, "column: a body's velocity");
    expect_pit_end(build_late, "terrain_heights: only build()");
    expect_probe_end(ask_without_physics, "contacts: the game has no physics");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entity_that_is_not_there_stops_the_game),
        cmocka_unit_test(a_column_that_is_not_there_stops_the_game),
        cmocka_unit_test(a_player_or_message_that_is_not_there_stops_the_game),
        cmocka_unit_test(a_body_that_cannot_be_stops_the_game),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
