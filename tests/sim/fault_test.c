// SPDX-License-Identifier: Apache-2.0
#include "sim/game.h"
#include "sim/sim.h"

#include "core/bytes.h"
#include "muster/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Random schedules of faults, one for each seed, over UDP and over links, from one to the other and
// with links that break, and what must hold in all of them:
//
// - Messages come once each and in order; none is missing while neither end changed connections.
// - Once it is quiet, everybody who wants to be in the world is, and sees what is near as it is.
// - Whoever has a good network notices nothing of the others' faults.
// - The same seed gives the same run, to the last counter.
//
// With arguments: the first seed, and how many. Without, some that have found something before are
// among them.

#define CLIENT_COUNT     4u
#define GOOD_CLIENT      0u
#define FAULT_MS         4000u
#define SETTLE_MS_MAX    14000u
#define SETTLED_MS       2000u // longer than a client takes to see that nothing comes any more
#define HEARING_US_MAX   1000000u
#define STEP_MS          50u
#define RESUME_WINDOW_US 4000000u
#define NEAR_M           45.0f

// 14 ms on the line, a tick of 17 ms, two in which few updates wait for company, and the pacing of
// what is sent.
#define GOOD_AGE_US_MAX 70000u
#define QUIET_MS        1800u
#define STOP_MS         500u
#define SHOUT_BYTES     16u
#define SHOUT_TICKS     12u

#define SEED_COUNT    100u
#define REPEAT_PERIOD 10u // of so many seeds one is run twice

static const uint64_t telling_seeds[] = {1223, 1318};

enum purpose { PURPOSE_WHAT = 1, PURPOSE_WALK, PURPOSE_WHEN };

// What one client has heard of another's shouts.
struct heard {
    uint32_t last;
    uint64_t from; // the connection that it was sent on
    uint64_t to;   // the connection that it was heard on, or the one before it
};

struct player {
    bool wants_in;
    bool is_quiet;
    bool was_harmed;
    bool is_link;
    uint32_t cut_until_ms;
    uint32_t login_count;
    uint32_t shouted;
    uint32_t step_count;
    uint64_t connection; // as of its last step
    struct heard heard[CLIENT_COUNT];
};

struct run {
    uint64_t seed;
    uint32_t ms;
    bool is_over; // no more shouts, everybody stands still
    uint32_t over_ms;
    struct sim *sim;
    struct player players[CLIENT_COUNT];
};

// The behaviour is called without a context, so the run under way is found here.
static struct run *current;

static void require(bool condition, const char *what, uint32_t client_index)
{
    if (!condition) {
        fprintf(stderr, "seed %llu at %u ms: client %u: %s\n", (unsigned long long)current->seed,
            current->ms, client_index, what);
        exit(1);
    }
}

static uint64_t draw(const struct run *run, uint64_t entity, enum purpose purpose)
{
    const muster_random_key key = {
        .seed = run->seed, .entity = entity, .tick = run->ms, .purpose = purpose};
    return muster_random(key, 0);
}

// Another number after each login and each resumed connection.
static uint64_t connection_of(const struct run *run, uint32_t client_index)
{
    const muster_client_stats stats = muster_client_stats_of(sim_client(run->sim, client_index));
    return ((uint64_t)run->players[client_index].login_count << 32) + stats.resumes;
}

// What clients do.

static void hear(struct run *run, uint32_t client_index, muster_client *client)
{
    struct player *player = &run->players[client_index];
    const uint64_t to = connection_of(run, client_index);
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
        require(message.length == SHOUT_BYTES, "a message is cut", client_index);
        const uint32_t sender = bytes_load_u32(message.bytes);
        const uint32_t number = bytes_load_u32(message.bytes + 4);
        const uint64_t from = bytes_load_u64(message.bytes + 8);
        require(sender < CLIENT_COUNT, "a message is spoilt", client_index);
        struct heard *heard = &player->heard[sender];
        require(number > heard->last, "a message comes twice or too late", client_index);
        require(number == heard->last + 1 || from != heard->from || to != heard->to,
            "a message is missing", client_index);
        *heard = (struct heard){.last = number, .from = from, .to = player->connection};
    }
    player->connection = to;
    muster_replica_view *view = muster_client_view(client);
    muster_replica_event event;
    while (muster_replica_view_pop_event(view, &event)) {
    }
}

static void behave(struct sim *sim, uint32_t client_index, muster_client *client)
{
    (void)sim;
    struct run *run = current;
    struct player *player = &run->players[client_index];
    hear(run, client_index, client);
    const uint64_t bits = draw(run, client_index, PURPOSE_WALK);
    const float speed = run->is_over ? 0.0f : 1.0f;
    const muster_value values[] = {{.real = speed * ((float)(bits % 13) - 6.0f)},
        {.real = speed * ((float)(bits / 16 % 13) - 6.0f)}};
    uint32_t sequence;
    if (!run->is_over || run->over_ms + STOP_MS > run->ms) {
        (void)!muster_client_act(client, SIM_ACTION_WALK, values, &sequence);
    }
    if (run->is_over) {
        return;
    }
    if (player->step_count++ % SHOUT_TICKS == 0) {
        uint8_t shout[SHOUT_BYTES];
        bytes_store_u32(shout, client_index);
        bytes_store_u32(shout + 4, player->shouted + 1);
        bytes_store_u64(shout + 8, player->connection);
        player->shouted +=
            muster_client_send(client, SIM_MESSAGE_SHOUT, shout, sizeof shout) == MUSTER_OK ? 1 : 0;
    }
}

// What befalls them.

static void log_in(struct run *run, uint32_t client_index)
{
    run->players[client_index].login_count++;
    run->players[client_index].wants_in = true;
    sim_login(run->sim, client_index);
}

static void cut(struct run *run, uint32_t client_index, uint32_t ms)
{
    sim_set_cut(run->sim, client_index, true);
    run->players[client_index].cut_until_ms = run->ms + ms;
    run->players[client_index].was_harmed = true;
}

static void break_links(struct run *run)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        struct player *player = &run->players[i];
        player->was_harmed = player->was_harmed || player->is_link;
    }
    sim_cut_links(run->sim);
}

static void befall(struct run *run, uint32_t client_index)
{
    static const char *const networks[] = {"delay=100ms,jitter=30ms,loss=20%",
        "delay=20ms,dup=20%,reorder=20%", "delay=30ms,jitter=20ms,loss=60%", "delay=5ms",
        "delay=40ms,rate=200kbit,queue=16KB"};
    const uint64_t bits = draw(run, client_index, PURPOSE_WHAT);
    const uint32_t length = (uint32_t)(bits >> 8 & 1023);
    struct player *player = &run->players[client_index];
    switch (bits % 16) {
    case 0:
    case 1:
        cut(run, client_index, 200 + length);
        break;
    case 2:
        cut(run, client_index, 1500 + 3 * length);
        break;
    case 3:
        cut(run, client_index, 5000 + 2 * length);
        break;
    case 4:
        cut(run, client_index, 9500 + 2 * length);
        break;
    case 5:
    case 6:
        sim_move_client(run->sim, client_index);
        player->was_harmed = true;
        break;
    case 7:
        muster_client_leave(sim_client(run->sim, client_index));
        player->wants_in = false;
        break;
    case 8:
        log_in(run, client_index);
        break;
    case 14:
        player->is_link = !player->is_link;
        player->was_harmed = true;
        sim_set_link(run->sim, client_index, player->is_link);
        break;
    case 15:
        break_links(run);
        break;
    default:
        sim_set_client_network(run->sim, client_index, networks[bits >> 20 & 3]);
        if ((bits >> 24 & 3) == 0) {
            sim_set_client_network(run->sim, client_index, networks[4]);
        }
        break;
    }
}

// In two steps out of a hundred something befalls somebody.
static void befall_all(struct run *run)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        struct player *player = &run->players[i];
        if (player->cut_until_ms > 0 && run->ms >= player->cut_until_ms) {
            player->cut_until_ms = 0;
            sim_set_cut(run->sim, i, false);
        }
        const bool is_due = draw(run, i, PURPOSE_WHEN) % 100 < 3;
        if (i != GOOD_CLIENT && run->ms < FAULT_MS && is_due) {
            if (!player->wants_in) {
                log_in(run, i);
            } else if (player->cut_until_ms == 0) {
                befall(run, i);
            }
        }
    }
}

// What must hold.

static void check_good_client(struct run *run)
{
    muster_client *client = sim_client(run->sim, GOOD_CLIENT);
    if (run->ms < 1000 || run->is_over) {
        return; // joining, or nothing to be told
    }
    const muster_client_stats stats = muster_client_stats_of(client);
    require(muster_client_state_of(client) == MUSTER_CLIENT_PLAYING, "is out", GOOD_CLIENT);
    require(stats.resumes == 0 && stats.refreshes == 0, "lost the thread", GOOD_CLIENT);
    require(sim_update_age_us(run->sim, GOOD_CLIENT) <= GOOD_AGE_US_MAX, "waits", GOOD_CLIENT);
}

static void step(struct run *run)
{
    sim_run_ms(run->sim, STEP_MS);
    run->ms += STEP_MS;
    befall_all(run);
    check_good_client(run);
}

static bool is_settled(struct run *run)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const struct player *player = &run->players[i];
        const muster_client_state state = muster_client_state_of(sim_client(run->sim, i));
        if (player->wants_in && state < MUSTER_CLIENT_IDLE) {
            require(player->was_harmed, muster_client_close_text(sim_client(run->sim, i)), i);
            log_in(run, i);
        }
        // Who was cut off before it had a token to resume with plays on and hears nothing, until
        // its connection times out.
        const bool is_in =
            state == MUSTER_CLIENT_PLAYING && sim_update_age_us(run->sim, i) <= HEARING_US_MAX;
        if (player->cut_until_ms > 0 || (player->wants_in && !is_in)) {
            return false;
        }
    }
    return true;
}

static void check_end(struct run *run)
{
    uint32_t wanted_count = 0;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        if (!run->players[i].wants_in) {
            continue;
        }
        wanted_count++;
        require(sim_view_is_right(run->sim, i, NEAR_M), "sees what is not so", i);
        for (uint32_t k = 0; k < CLIENT_COUNT; k++) {
            const struct heard *heard = &run->players[i].heard[k];
            require(!run->players[k].wants_in || heard->from != connection_of(run, k) ||
                        heard->to != connection_of(run, i) ||
                        heard->last == run->players[k].shouted,
                "a last message is missing", i);
        }
    }
    require(sim_playing_count(run->sim) == wanted_count, "is there too many", CLIENT_COUNT);
}

static void check_drain(struct run *run)
{
    sim_drain(run->sim);
    sim_run_ms(run->sim, 2000);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_client *client = sim_client(run->sim, i);
        require(!run->players[i].wants_in ||
                    muster_client_close_reason(client) == MUSTER_CLOSE_DRAINING,
            "is not told to go", i);
    }
    require(server_is_drained(sim_server(run->sim)), "server is not empty", CLIENT_COUNT);
}

static uint64_t run_seed(uint64_t seed)
{
    static struct run run;
    run = (struct run){.seed = seed};
    current = &run;
    const struct sim_def def = {.game = sim_game(),
        .seed = seed,
        .client_count = CLIENT_COUNT,
        .network = "delay=10ms,jitter=4ms",
        .behaviour = behave,
        .resume_window_us = RESUME_WINDOW_US};
    run.sim = sim_create(&def);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        run.players[i].is_link = i != GOOD_CLIENT && (seed >> i & 1) != 0;
        sim_set_link(run.sim, i, run.players[i].is_link);
        log_in(&run, i);
    }
    while (run.ms < FAULT_MS) {
        step(&run);
    }
    sim_set_network(run.sim, "delay=10ms,jitter=4ms");
    for (uint32_t settled_ms = 0; settled_ms < SETTLED_MS; settled_ms += STEP_MS) {
        require(run.ms < FAULT_MS + SETTLE_MS_MAX, "somebody does not settle", CLIENT_COUNT);
        settled_ms = is_settled(&run) ? settled_ms : 0;
        step(&run);
    }
    run.is_over = true;
    run.over_ms = run.ms;
    for (uint32_t i = 0; i < QUIET_MS / STEP_MS; i++) {
        step(&run);
        (void)is_settled(&run);
    }
    check_end(&run);
    const uint64_t fingerprint = sim_fingerprint(run.sim);
    if (seed % 8 == 0) {
        check_drain(&run);
    }
    sim_destroy(run.sim);
    return fingerprint;
}

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : SEED_COUNT;
    printf(
        "seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)(first + count - 1));
    for (uint32_t i = 0; argc == 1 && i < sizeof telling_seeds / sizeof telling_seeds[0]; i++) {
        (void)run_seed(telling_seeds[i]);
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        const uint64_t fingerprint = run_seed(seed);
        if (seed % REPEAT_PERIOD == 0 && run_seed(seed) != fingerprint) {
            fprintf(stderr, "seed %llu: two runs differ\n", (unsigned long long)seed);
            return 1;
        }
    }
    return 0;
}
