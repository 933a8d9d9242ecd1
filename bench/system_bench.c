// SPDX-License-Identifier: Apache-2.0

// A server and its bots in one process on a virtual clock, without sockets and threads: what each
// of them costs the processor, and how long the world's ticks take, when nothing else is in their
// way.
//
//     muster-bench-system [--players N] [--bodies M] [--scene 0|1|2] [--seconds S]
//
// Without arguments it runs 1,000 bots and 10,000 bodies in the scene mixed. Prints one line of
// JSON per metric, in CPU time of the one thread; percent are of one core at 60 ticks a second.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "apps/bots/brain.h"
#include "apps/server/server.h"
#include "apps/server/server_stats.h"
#include "bench_arguments.h"
#include "core/assert.h"
#include "core/bytes.h"
#include "harness/packets.h"
#include "muster/client.h"
#include "muster/login.h"
#include "muster/random.h"
#include "skirmish/skirmish.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEED           1u
#define STEP_US        1000u
#define START_US       1000000u
#define START_UNIX_S   1000000u
#define PORT_SERVER    7777u
#define PORT_CLIENT    10000u
#define JOIN_PER_MS    1u
#define WARM_UP_S      3u
#define TICK_COUNT_MAX 36000u
#define WIRE_COUNT     8192u
#define SEND_TICKS     2u  // as bots do
#define HEADER_BYTES   28u // IPv4 and UDP

struct load {
    uint32_t player_count;
    int64_t bodies, scene;
    uint32_t seconds;
};

// Packets of a step on their way to the bots.
struct wire {
    uint32_t count;
    struct {
        uint32_t client_index;
        uint32_t length;
        uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    } packets[WIRE_COUNT];
};

struct bot {
    muster_client *client;
    struct brain brain;
    uint32_t acted_ticks;
};

// What was spent and moved since the warm-up.
struct spent {
    double world_ms, network_ms, receive_ms, think_ms, update_ms;
    uint64_t down_bytes, down_packets, up_packets;
    int64_t updates, sections, encodings;
};

static struct settings settings;
static struct wire wire;
static struct packets arrived, sent;
static double tick_ms[TICK_COUNT_MAX];

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print(const struct load *load, const char *metric, double value, const char *unit)
{
    static const char *const scenes[] = {"mixed", "battle", "spread"};
    printf("{\"bench\":\"system\",\"metric\":\"%s_%s\",\"value\":%.4f,\"unit\":\"%s\"}\n",
        scenes[load->scene], metric, value, unit);
}

static void send_to_bots(void *context, muster_packet_batch *batch)
{
    (void)context;
    for (uint32_t i = 0; i < batch->count; i++) {
        const muster_packet *packet = &batch->packets[i];
        MUSTER_ASSERT(wire.count < WIRE_COUNT);
        wire.packets[wire.count].client_index = packet->address.port - PORT_CLIENT;
        wire.packets[wire.count].length = packet->length;
        memcpy(wire.packets[wire.count].bytes, packet->bytes, packet->length);
        wire.count++;
    }
    batch->count = 0;
}

static struct server *create_server(const struct load *load, muster_login *out_login)
{
    struct configuration *configuration = malloc(sizeof *configuration);
    MUSTER_ASSERT(configuration != NULL);
    configuration_init(configuration);
    settings = configuration->settings;
    free(configuration);
    *out_login = muster_login_default();
    out_login->protocol_id = server_protocol_id(muster_game_module());
    out_login->address_count = 1;
    out_login->addresses[0] = packets_address(1, PORT_SERVER);
    memset(out_login->private_key, SEED, sizeof out_login->private_key);
    const int64_t options[] = {load->bodies, load->scene, 24, 4};
    const struct server_def def = {
        .game = muster_game_module(),
        .settings = &settings,
        .private_key = out_login->private_key,
        .secret = out_login->private_key,
        .address = out_login->addresses[0],
        .parallel = muster_parallel_serial(),
        .seed = SEED,
        .options = options,
    };
    struct server *server;
    struct driver_error error = {0};
    MUSTER_ASSERT(server_create(&def, &server, &error) == MUSTER_OK);
    return server;
}

static void log_in(
    const muster_login *login, struct bot *bot, uint32_t index, muster_netcode_time now)
{
    muster_player player = {.id = {index + 1, SEED}};
    snprintf(player.name, sizeof player.name, "bot %u", index);
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    for (uint32_t i = 0; i < sizeof random_bytes; i += 8) {
        const muster_random_key key = {.seed = SEED, .entity = index};
        bytes_store_u64(random_bytes + i, muster_random(key, i));
    }
    MUSTER_ASSERT(muster_login_issue(login, &player, index + 1, now.unix_s, random_bytes, token) ==
                  MUSTER_OK);
    MUSTER_ASSERT(muster_client_connect(bot->client, now, token) == MUSTER_OK);
}

static void step_network(struct server *server, muster_netcode_time now, struct spent *spent)
{
    const struct server_sink sink = {.send = send_to_bots};
    const double start_ms = cpu_ms();
    server_network_step(server, now, &arrived.batch, &sink);
    spent->network_ms += cpu_ms() - start_ms;
    arrived.batch.count = 0;
}

static void deliver(
    struct bot *bots, const muster_login *login, muster_netcode_time now, struct spent *spent)
{
    const double start_ms = cpu_ms();
    for (uint32_t i = 0; i < wire.count; i++) {
        muster_packet packet = {.address = login->addresses[0], .length = wire.packets[i].length};
        packet.bytes = wire.packets[i].bytes;
        muster_client_receive(bots[wire.packets[i].client_index].client, now, &packet);
        spent->down_bytes += wire.packets[i].length + HEADER_BYTES;
    }
    spent->down_packets += wire.count;
    wire.count = 0;
    spent->receive_ms += cpu_ms() - start_ms;
}

static void drop_messages(muster_client *client)
{
    muster_client_message message;
    while (muster_client_pop_message(client, &message)) {
    }
    muster_replica_view *view = muster_client_view(client);
    muster_replica_event event;
    while (view != NULL && muster_replica_view_pop_event(view, &event)) {
    }
}

static void step_bot(struct server *server,
    struct bot *bot,
    uint32_t index,
    muster_netcode_time now,
    struct spent *spent)
{
    const double start_ms = cpu_ms();
    if (muster_client_state_of(bot->client) == MUSTER_CLIENT_PLAYING) {
        brain_think(&bot->brain, bot->client);
        if (++bot->acted_ticks < SEND_TICKS) {
            spent->think_ms += cpu_ms() - start_ms;
            return;
        }
        bot->acted_ticks = 0;
    }
    const double thought_ms = cpu_ms();
    sent.batch.count = 0;
    muster_client_update(bot->client, now, &sent.batch);
    drop_messages(bot->client);
    spent->think_ms += thought_ms - start_ms;
    spent->update_ms += cpu_ms() - thought_ms;
    spent->up_packets += sent.batch.count;
    for (uint32_t i = 0; i < sent.batch.count; i++) {
        if (arrived.batch.count == PACKETS_CAPACITY) {
            step_network(server, now, spent);
        }
        muster_packet *packet = &arrived.slots[arrived.batch.count++];
        packet->address = packets_address(2, (uint16_t)(PORT_CLIENT + index));
        packet->length = sent.slots[i].length;
        memcpy(packet->bytes, sent.slots[i].bytes, packet->length);
    }
}

static void count_state(struct server *server, struct spent *spent)
{
    muster_stats *stats = server_stats(server);
    spent->updates = muster_stats_read(stats, SERVER_STAT_STATE_UPDATES, 0) - spent->updates;
    spent->sections = muster_stats_read(stats, SERVER_STAT_SECTIONS, 0) - spent->sections;
    spent->encodings = muster_stats_read(stats, SERVER_STAT_ENCODINGS, 0) - spent->encodings;
}

static void report(const struct load *load, const struct spent *spent, uint32_t tick_count)
{
    qsort(tick_ms, tick_count, sizeof tick_ms[0], compare);
    const double percent = 100.0 / (load->seconds * 1000.0);
    const double per_client = 8e-3 / ((double)load->seconds * load->player_count);
    print(load, "tick_p50", tick_ms[tick_count / 2], "ms");
    print(load, "tick_p99", tick_ms[tick_count * 99 / 100], "ms");
    print(load, "world", spent->world_ms * percent, "percent");
    print(load, "network", spent->network_ms * percent, "percent");
    print(load, "bots_receive", spent->receive_ms * percent, "percent");
    print(load, "bots_think", spent->think_ms * percent, "percent");
    print(load, "bots_update", spent->update_ms * percent, "percent");
    print(load, "down", (double)spent->down_bytes * per_client, "kbit/s");
    print(load, "down_packets", (double)spent->down_packets / load->seconds, "1/s");
    print(load, "updates", (double)spent->updates / load->seconds, "1/s");
    print(load, "sections", (double)spent->sections / load->seconds, "1/s");
    print(load, "encodings", (double)spent->encodings / load->seconds, "1/s");
    print(load, "up_packets", (double)spent->up_packets / load->seconds, "1/s");
}

static void run(const struct load *load)
{
    muster_login login;
    struct server *server = create_server(load, &login);
    struct bot *bots = calloc(load->player_count, sizeof *bots);
    MUSTER_ASSERT(bots != NULL);
    for (uint32_t i = 0; i < load->player_count; i++) {
        muster_client_def client_def = muster_client_default_def();
        client_def.keeps_places = false;
        client_def.send_ticks = SEND_TICKS;
        MUSTER_ASSERT(muster_client_create(&client_def, &bots[i].client) == MUSTER_OK);
        brain_init(&bots[i].brain, SEED, i);
    }
    (void)packets_reset(&arrived);
    (void)packets_reset(&sent);
    const uint64_t tick_us = 1000000 / muster_game_module()->tick_rate_hz;
    const uint32_t join_ms = load->player_count / JOIN_PER_MS;
    const uint32_t warm_ms = join_ms + WARM_UP_S * 1000;
    struct spent spent = {0};
    uint64_t tick = 0;
    uint32_t tick_count = 0;
    for (uint32_t ms = 0; ms < warm_ms + load->seconds * 1000; ms++) {
        const uint64_t before_us = (uint64_t)ms * STEP_US;
        const uint64_t after_us = before_us + STEP_US;
        const muster_netcode_time now = {
            .steady_us = START_US + after_us, .unix_s = START_UNIX_S + after_us / 1000000};
        if (ms == warm_ms) {
            spent = (struct spent){0};
            count_state(server, &spent);
            tick_count = 0;
        }
        deliver(bots, &login, now, &spent);
        if (after_us / tick_us > before_us / tick_us) {
            const double start_ms = cpu_ms();
            server_world_tick(server, ++tick);
            tick_ms[tick_count] = cpu_ms() - start_ms;
            spent.world_ms += tick_ms[tick_count++];
        }
        step_network(server, now, &spent);
        for (uint32_t i = 0; i < load->player_count; i++) {
            const uint64_t phase_us = (uint64_t)i * tick_us / load->player_count;
            if (i / JOIN_PER_MS == ms) {
                log_in(&login, &bots[i], i, now);
            }
            if (i / JOIN_PER_MS <= ms &&
                (after_us + phase_us) / tick_us > (before_us + phase_us) / tick_us) {
                step_bot(server, &bots[i], i, now, &spent);
            }
        }
    }
    count_state(server, &spent);
    report(load, &spent, tick_count);
    for (uint32_t i = 0; i < load->player_count; i++) {
        muster_client_destroy(bots[i].client);
    }
    free(bots);
    server_destroy(server);
}

static bool read_load(int argc, char **argv, struct load *load)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t value;
        if (strcmp(argv[i], "--players") == 0 && bench_read_number(argv[i + 1], 1, 1000, &value)) {
            load->player_count = (uint32_t)value;
        } else if (strcmp(argv[i], "--bodies") == 0 &&
                   bench_read_number(argv[i + 1], 0, 12000, &value)) {
            load->bodies = value;
        } else if (strcmp(argv[i], "--scene") == 0 &&
                   bench_read_number(argv[i + 1], 0, 2, &value)) {
            load->scene = value;
        } else if (strcmp(argv[i], "--seconds") == 0 &&
                   bench_read_number(argv[i + 1], 1, 600, &value)) {
            load->seconds = (uint32_t)value;
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct load load = {.player_count = 1000, .bodies = 10000, .scene = SCENE_MIXED, .seconds = 5};
    if (!read_load(argc, argv, &load)) {
        fprintf(stderr, "usage: muster-bench-system [--players N] [--bodies M] [--scene 0|1|2] "
                        "[--seconds S]\n");
        return 2;
    }
    run(&load);
    return 0;
}
