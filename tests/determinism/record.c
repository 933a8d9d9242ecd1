// SPDX-License-Identifier: Apache-2.0

// Records a world that bots play in, on a virtual clock and a virtual network that loses packets:
//
//     determinism_record GAME.so FILE SECONDS BOTS SEED
//
// Bots come in one after the other; every second one of them leaves and another comes back. Prints
// what the log shows. Exit codes: 0 done, 1 the log is not whole or shows too little: a tick is
// missing, nobody died, nobody came back, or the share of lost packets is another; 2 usage.

#include "apps/bots/brain.h"
#include "apps/server/game_module.h"
#include "apps/server/recorder.h"
#include "core/bytes.h"
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NETWORK       "delay=40ms,jitter=10ms,loss=5%"
#define LOSS_PERCENT  5.0
#define BOT_COUNT_MAX 1000u
#define TICK_RATE_HZ  60u
#define JOIN_MS       40u // between the first joins of two bots
#define SHIFT_MS      1000u
#define AWAY_SHIFTS   3u // for which who has left stays away

static struct {
    struct brain brains[BOT_COUNT_MAX];
    uint64_t death_count;
} bots; // sim_behaviour has no context

static void think(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)sim;
    brain_think(&bots.brains[client_index], client);
    const uint32_t beaten = muster_client_find_message(client, "beaten");
    const uint32_t own_index = muster_client_player_index(client);
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
        // The victor is told too.
        const bool is_death = message.message_index == beaten && message.length == 4 &&
                              bytes_load_u16(message.bytes + 2) == own_index;
        bots.death_count += is_death ? 1 : 0;
    }
    muster_replica_view *view = muster_client_view(client);
    muster_replica_event event;
    while (view != NULL && muster_replica_view_pop_event(view, &event)) {
    }
}

static void play(struct sim *sim, uint32_t bot_count, uint32_t seconds)
{
    uint32_t joined_count = 0;
    for (uint32_t ms = 0; ms < seconds * 1000; ms += JOIN_MS) {
        if (joined_count < bot_count) {
            sim_login(sim, joined_count++);
        }
        if (ms % SHIFT_MS == 0 && ms > 0) {
            const uint32_t shift = ms / SHIFT_MS;
            const uint32_t leaver = shift % joined_count;
            muster_client_leave(sim_client(sim, leaver));
            if (shift > AWAY_SHIFTS) {
                sim_login(sim, (shift - AWAY_SHIFTS) % joined_count);
            }
        }
        sim_run_ms(sim, JOIN_MS);
    }
}

// Prints what has happened, and says whether it is what such a log is for.
static bool say(struct sim *sim, const uint32_t numbers[3])
{
    const struct server_summary summary = server_read_summary(sim_server(sim));
    const muster_impairment_stats network = sim_network_stats(sim);
    const uint64_t join_count = sim_gateway_counter(sim, MUSTER_GATEWAY_COUNTER_JOINED);
    const double loss_percent =
        100.0 * (double)network.packets_lost / (double)(network.packets_pushed + 1);
    printf("recorded %llu ticks, %u players, %u entities, %llu joins, %llu deaths, "
           "%.2f %% of %llu packets lost, hash %016llx\n",
        (unsigned long long)summary.tick, sim_playing_count(sim), summary.entities,
        (unsigned long long)join_count, (unsigned long long)bots.death_count, loss_percent,
        (unsigned long long)network.packets_pushed, (unsigned long long)summary.hash);
    return summary.tick >= numbers[0] * (uint64_t)TICK_RATE_HZ && join_count > numbers[1] &&
           bots.death_count > 0 && fabs(loss_percent - LOSS_PERCENT) < 0.2;
}

static int record(const muster_game *game, const char *path, const uint32_t numbers[3])
{
    const struct sim_def def = {
        .game = game,
        .seed = numbers[2],
        .client_count = numbers[1],
        .network = NETWORK,
        .behaviour = think,
        .record_path = path,
    };
    for (uint32_t i = 0; i < numbers[1]; i++) {
        brain_init(&bots.brains[i], numbers[2], i);
    }
    struct sim *sim = sim_create(&def);
    play(sim, numbers[1], numbers[0]);
    const bool is_enough = say(sim, numbers);
    const int failure = recorder_failure(server_recorder(sim_server(sim), SERVER_LOG_RECORD));
    sim_destroy(sim);
    if (failure != 0) {
        fprintf(stderr, "the log ended early: %d\n", failure);
    } else if (!is_enough) {
        fprintf(stderr, "the log shows too little\n");
    }
    return failure == 0 && is_enough ? 0 : 1;
}

int main(int argument_count, char **arguments)
{
    uint32_t numbers[3] = {0};
    struct game_module module;
    struct driver_error error = {0};
    for (int i = 3; i < argument_count && i < 6; i++) {
        numbers[i - 3] = (uint32_t)strtoul(arguments[i], NULL, 10);
    }
    if (argument_count != 6 || numbers[1] < 1 || numbers[1] > BOT_COUNT_MAX) {
        fprintf(stderr, "determinism_record GAME.so FILE SECONDS BOTS SEED\n");
        return 2;
    }
    if (game_module_open(arguments[1], NULL, &module, &error) != MUSTER_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    const int code = record(module.game, arguments[2], numbers);
    game_module_close(&module);
    return code;
}
