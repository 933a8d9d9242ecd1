// SPDX-License-Identifier: Apache-2.0

#include "apps/server/game_module.h"
#include "apps/server/server_process.h"
#include "apps/server/server_stats.h"
#include "live/allocations.h"
#include "live/crowd.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_COUNT  96u
#define TICKS         600u // at least, and until all has happened that has_happened() asks for
#define JOIN_TICKS    1u   // between two joins
#define LEAVE_TICKS   30u  // between two leaves
#define CUT_TICKS     50u  // between two clients that are cut off
#define CUT_FOR_TICKS 120u // longer than the connection timeout
#define LOSS_PPM      50000u

static const char *const packet_path_threads[] = {"muster-network", "muster-world", "muster-work-"};

struct scene {
    struct game_module module;
    struct configuration configuration;
    struct server_process *process;
    struct crowd *crowd;
    uint64_t first_tick;
    char folder[32];
    char log_path[48];
    bool is_fight;
};

static void start_server(struct scene *scene)
{
    static const uint8_t private_key[MUSTER_NETCODE_KEY_BYTES] = {1, 2, 3};
    static const int64_t fight[] = {300, 1, 24, 2}; // bodies, scene battle, camps, teams
    struct driver_error error = {0};
    configuration_init(&scene->configuration);
    struct settings *settings = &scene->configuration.settings;
    settings->network.udp_port = 0; // a free one
    settings->game.workers = 2;
    settings->gateway.connection_timeout_us = 1000000;
    settings->gateway.resume_window_us = 1500000;
    const struct server_process_def def = {
        .game = scene->module.game,
        .settings = settings,
        .private_key = private_key,
        .seed = 7,
        .options = scene->is_fight ? fight : NULL,
        .log_paths = {[SERVER_LOG_RECORD] = scene->log_path},
    };
    if (server_process_start(&def, &scene->process, &error) != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    struct crowd_def crowd_def = {
        .login = muster_login_default(),
        .client_count = CLIENT_COUNT,
        .loss_ppm = LOSS_PPM,
        .seed = 7,
    };
    crowd_def.login.protocol_id = server_protocol_id(scene->module.game);
    crowd_def.login.address_count = 1;
    crowd_def.login.addresses[0] = server_process_address(scene->process);
    crowd_def.login.timeout_s = 1;
    memcpy(crowd_def.login.private_key, private_key, sizeof private_key);
    scene->crowd = crowd_create(&crowd_def);
}

static uint64_t ticks_run(const struct scene *scene)
{
    return server_read_summary(server_process_server(scene->process)).tick;
}

static int64_t counter(struct scene *scene, muster_gateway_counter which)
{
    return muster_stats_read(
        server_stats(server_process_server(scene->process)), SERVER_STAT_GATEWAY, (uint32_t)which);
}

// What happens in a tick: joins, goodbyes of some who come back soon, and clients that fall silent
// and return when the server has already given their connection up.
static void direct(struct scene *scene, uint64_t tick)
{
    if (tick % JOIN_TICKS == 0 && tick / JOIN_TICKS < CLIENT_COUNT) {
        crowd_join(scene->crowd, (uint32_t)(tick / JOIN_TICKS));
    }
    if (tick < CLIENT_COUNT * JOIN_TICKS) {
        return;
    }
    const uint64_t after = tick - CLIENT_COUNT * JOIN_TICKS;
    const uint32_t leaver = (uint32_t)(after / LEAVE_TICKS % (CLIENT_COUNT / 2));
    if (after % LEAVE_TICKS == 0) {
        crowd_leave(scene->crowd, leaver);
    } else if (after % LEAVE_TICKS == LEAVE_TICKS - 1) {
        crowd_join(scene->crowd, leaver);
    }
    for (uint64_t begin = 0; begin <= after; begin += CUT_TICKS) {
        const uint32_t cut = CLIENT_COUNT / 2 + (uint32_t)(begin / CUT_TICKS % (CLIENT_COUNT / 2));
        if (after - begin == 0 || after - begin == CUT_FOR_TICKS) {
            crowd_set_cut(scene->crowd, cut, after == begin);
        }
    }
}

static bool has_happened(struct scene *scene)
{
    return ticks_run(scene) >= scene->first_tick + TICKS &&
           counter(scene, MUSTER_GATEWAY_COUNTER_JOINED) >= (int64_t)CLIENT_COUNT &&
           counter(scene, MUSTER_GATEWAY_COUNTER_LEFT) > 0 &&
           counter(scene, MUSTER_GATEWAY_COUNTER_LOST) > 0 &&
           counter(scene, MUSTER_GATEWAY_COUNTER_RESUMED) > 0 &&
           (!scene->is_fight || crowd_death_count(scene->crowd) > 0);
}

static void play(struct scene *scene)
{
    scene->first_tick = ticks_run(scene);
    for (uint64_t tick = 0; !has_happened(scene);) {
        crowd_step(scene->crowd);
        const uint64_t now_tick = ticks_run(scene) - scene->first_tick;
        for (; tick <= now_tick; tick++) {
            direct(scene, tick);
        }
    }
    assert_true(crowd_playing_count(scene->crowd) > 0);
}

static void assert_nothing_allocated(struct scene *scene)
{
    start_server(scene);
    allocations_watch(packet_path_threads, 3);
    play(scene);
    const struct allocations allocations = allocations_end();
    print_message("%llu deaths in %llu ticks\n",
        (unsigned long long)crowd_death_count(scene->crowd),
        (unsigned long long)(ticks_run(scene) - scene->first_tick));
    // Clients allocate when they join, which shows that counting works.
    assert_true(allocations.others > 0 || !allocations.is_complete);
    if (allocations.count > 0) {
        fail_msg("%llu allocations, the first of %zu bytes by %s from %p",
            (unsigned long long)allocations.count, allocations.first_bytes,
            allocations.first_thread, allocations.first_caller);
    }
}

static int open_game(void **state, const char *path)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct driver_error error = {0};
    *state = scene;
    if (scene == NULL) {
        return -1;
    }
    memcpy(scene->folder, "/tmp/muster-live-XXXXXX", sizeof "/tmp/muster-live-XXXXXX");
    if (mkdtemp(scene->folder) == NULL) {
        return -1;
    }
    snprintf(scene->log_path, sizeof scene->log_path, "%s/frames", scene->folder);
    if (game_module_open(path, NULL, &scene->module, &error) != MUSTER_OK) {
        fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    return 0;
}

static int open_hello(void **state)
{
    return open_game(state, MUSTER_GAMES_FOLDER "/hello.so");
}

static int open_skirmish(void **state)
{
    const int code = open_game(state, MUSTER_GAMES_FOLDER "/skirmish.so");
    ((struct scene *)*state)->is_fight = true;
    return code;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    server_process_stop(scene->process);
    crowd_destroy(scene->crowd);
    game_module_close(&scene->module);
    unlink(scene->log_path);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static void threads_of_a_walking_world_allocate_nothing(void **state)
{
    assert_nothing_allocated(*state);
}

static void threads_of_a_fighting_world_allocate_nothing(void **state)
{
    assert_nothing_allocated(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            threads_of_a_walking_world_allocate_nothing, open_hello, teardown),
        cmocka_unit_test_setup_teardown(
            threads_of_a_fighting_world_allocate_nothing, open_skirmish, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
