// SPDX-License-Identifier: Apache-2.0

// What replication costs in bytes and in CPU time: a thousand players in one battle of 200 m, and
// spread over 4 km; at no loss and at 20 % loss each way, with 100 +- 30 ms there and back.
//
// Players stand, walk or run (0, 3, 6 m/s), turn, and change their mind about twice a second, on
// ground with relief. Fields and channels are the default ones: position and health critical,
// velocity and rotation detailed, a pose cosmetic, a score metadata. Bytes include what a packet
// costs on its way: 28 of IP and UDP, 25 of netcode, 10 of the session. CPU time is everything that
// a server does for replication: taking in the world, interest, encoding, writing, acks.
//
// Prints one line of JSON per metric, CPU time as the median of several rounds, and a sum over all
// bytes, which stays the same for as long as the format and the decisions do.
//
//     muster-bench-replication [SCENARIO [CLIENTS [TICKS]]]
//
// runs one scenario, with fewer clients among the same players, or shorter rounds.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "muster/replica.h"

#include "core/assert.h"
#include "harness/random.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLAYER_COUNT     1000u
#define TICK_RATE_HZ     60
#define WARM_UP_TICKS    240
#define ROUND_TICKS      120
#define ROUND_COUNT      5
#define PACKET_BYTES     1150u
#define OVERHEAD_BYTES   63u
#define DELAY_TICKS_MIN  2u // one way: 50 +- 15 ms
#define DELAY_TICKS_MAX  4u
#define LATE_TICKS_MAX   64u
#define TICK_ACKS_MAX    65536u
#define NAIVE_TICK_BYTES 50000.0
#define GAMUT_M          4096.0f

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

struct ack {
    uint32_t client;
    muster_replica_token token;
};

// What arrives in one tick.
struct ack_list {
    uint32_t count;
    struct ack acks[TICK_ACKS_MAX];
};

struct players {
    uint8_t is_alive[PLAYER_COUNT];
    uint64_t id[PLAYER_COUNT];
    uint16_t kind[PLAYER_COUNT];
    muster_vec3 position[PLAYER_COUNT];
    muster_vec3 velocity[PLAYER_COUNT];
    float heading[PLAYER_COUNT];
    float turn[PLAYER_COUNT]; // radians a second
    float speed[PLAYER_COUNT];
    uint8_t health[PLAYER_COUNT];
    uint8_t pose[PLAYER_COUNT];
    uint16_t score[PLAYER_COUNT];
};

struct scenario {
    const char *name;
    bool has_velocity; // as a field of its own, beside the motion that comes with positions
    float side_m;
    uint32_t loss_percent;
    uint32_t client_count; // of the players, the first
    uint32_t round_ticks;
};

struct result {
    double kbit_s;
    double update_bytes;
    double update_bits; // without what a packet costs
    double hit_rate;
    double updates_per_s; // of one client
    double packets_per_s;
    double cores;
    double update_ns;
    double memory_mb;
    double peak_ratio; // the largest tick of any client over the mean
    uint64_t bytes_sum;
};

static struct players players;
static struct ack_list arrivals[LATE_TICKS_MAX];
static uint64_t random_state;
static uint64_t down_ticks[PLAYER_COUNT]; // of the latest arrival
static uint64_t up_ticks[PLAYER_COUNT];
static uint64_t bytes_sum;

static double cpu_now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint32_t random_below(uint32_t bound)
{
    return (uint32_t)(random_next(&random_state) % bound);
}

static float random_unit(void)
{
    return (float)(random_next(&random_state) >> 40) / 16777216.0f;
}

static void add_bytes(const uint8_t *bytes, size_t length)
{
    bytes_sum = (bytes_sum ^ length) * UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < length; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        const size_t left = length - i;
        memcpy(&word, bytes + i, left < sizeof word ? left : sizeof word);
        bytes_sum = (bytes_sum ^ word ^ bytes_sum >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    }
}

static float height_at(float x, float y)
{
    return 6.0f * sinf(x / 40.0f) * cosf(y / 50.0f);
}

static void place_players(float side_m)
{
    memset(&players, 0, sizeof players);
    for (uint32_t p = 0; p < PLAYER_COUNT; p++) {
        players.is_alive[p] = 1;
        players.id[p] = p + 1;
        players.health[p] = 100;
        players.position[p].x = (random_unit() - 0.5f) * side_m;
        players.position[p].y = (random_unit() - 0.5f) * side_m;
    }
}

static void move_player(uint32_t p, float side_m)
{
    const float dt = 1.0f / TICK_RATE_HZ;
    if (random_below(TICK_RATE_HZ / 2) == 0) {
        players.speed[p] = 3.0f * (float)random_below(3);
        players.heading[p] = random_unit() * 6.2831853f;
        players.turn[p] = (random_unit() - 0.5f) * 2.0f;
        players.pose[p] = (uint8_t)random_below(8);
    }
    const bool is_standing = players.speed[p] == 0.0f;
    muster_vec3 *position = &players.position[p];
    if (fabsf(position->x) > side_m / 2.0f || fabsf(position->y) > side_m / 2.0f) {
        players.heading[p] = atan2f(-position->y, -position->x);
        players.turn[p] = 0.0f;
    }
    players.heading[p] += is_standing ? 0.0f : players.turn[p] * dt;
    const muster_vec3 before = *position;
    position->x += players.speed[p] * cosf(players.heading[p]) * dt;
    position->y += players.speed[p] * sinf(players.heading[p]) * dt;
    position->z = height_at(position->x, position->y);
    players.velocity[p] =
        muster_vec3_scale(muster_vec3_sub(*position, before), (float)TICK_RATE_HZ);
    const uint32_t chance = random_below(600);
    players.health[p] = chance < 5 ? (uint8_t)random_below(101) : players.health[p];
    players.score[p] = (uint16_t)(players.score[p] + (chance == 5 ? 10 : 0));
}

static void add_field(muster_replica_schema *schema,
    muster_field_def field,
    muster_state_type type,
    uint32_t lane_count)
{
    const muster_status status = muster_replica_schema_add(schema, &field, type, lane_count);
    MUSTER_ASSERT(status == MUSTER_OK);
}

static muster_replica_schema make_schema(bool has_velocity)
{
    muster_replica_schema schema = muster_replica_default_schema();
    add_field(&schema,
        (muster_field_def){.name = "position",
            .encoding = MUSTER_FIELD_POSITION,
            .min = -GAMUT_M,
            .max = GAMUT_M,
            .precision = 0.01f,
            .channel = MUSTER_CHANNEL_CRITICAL},
        MUSTER_STATE_F32, 3);
    add_field(&schema,
        (muster_field_def){
            .name = "health", .max = 100.0f, .precision = 1.0f, .channel = MUSTER_CHANNEL_CRITICAL},
        MUSTER_STATE_U8, 1);
    add_field(&schema,
        (muster_field_def){.name = "yaw",
            .encoding = MUSTER_FIELD_ANGLE,
            .precision = 0.0061359f,
            .channel = MUSTER_CHANNEL_DETAILED},
        MUSTER_STATE_F32, 1);
    add_field(&schema,
        (muster_field_def){
            .name = "pose", .max = 7.0f, .precision = 1.0f, .channel = MUSTER_CHANNEL_COSMETIC},
        MUSTER_STATE_U8, 1);
    add_field(&schema,
        (muster_field_def){.name = "score",
            .max = 65535.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_METADATA},
        MUSTER_STATE_U16, 1);
    if (has_velocity) {
        add_field(&schema,
            (muster_field_def){.name = "velocity",
                .encoding = MUSTER_FIELD_FLOAT,
                .min = -64.0f,
                .max = 64.0f,
                .precision = 0.03125f,
                .channel = MUSTER_CHANNEL_DETAILED},
            MUSTER_STATE_F32, 3);
    }
    return schema;
}

// The tick in which the ack of a packet sent now is back. Acks are repeated
// in every packet of the client, so losing one costs a tick. Lines keep the order of packets, and
// the packets of one tick travel together.
static uint64_t ack_tick(uint32_t client, uint64_t tick, uint32_t loss_percent)
{
    const uint32_t spread = DELAY_TICKS_MAX - DELAY_TICKS_MIN + 1;
    uint64_t there = tick + DELAY_TICKS_MIN + random_below(spread);
    there = there > down_ticks[client] ? there : down_ticks[client];
    down_ticks[client] = there;
    uint64_t back = there + DELAY_TICKS_MIN + random_below(spread);
    while (random_below(100) < loss_percent && back < tick + LATE_TICKS_MAX - 1) {
        back++;
    }
    back = back > up_ticks[client] ? back : up_ticks[client];
    up_ticks[client] = back;
    return back;
}

static void send_client(
    muster_replica *replica, uint32_t client, uint64_t tick, uint32_t loss_percent, double *peak)
{
    const muster_replica_viewer viewer = {
        .viewpoint = players.position[client],
        .player_index = client,
        .packet_overhead_bytes = OVERHEAD_BYTES,
    };
    uint8_t bytes[PACKET_BYTES];
    size_t sum = 0;
    const uint64_t back = ack_tick(client, tick, loss_percent);
    muster_replica_look(replica, client, &viewer);
    for (;;) {
        size_t length;
        muster_replica_token token;
        muster_replica_write(replica, client, bytes, sizeof bytes, &length, &token);
        if (length == 0) {
            break;
        }
        sum += length + OVERHEAD_BYTES;
        add_bytes(bytes, length);
        if (random_below(100) >= loss_percent) {
            struct ack_list *list = &arrivals[back % LATE_TICKS_MAX];
            MUSTER_ASSERT(list->count < TICK_ACKS_MAX);
            list->acks[list->count++] = (struct ack){client, token};
        }
    }
    *peak = (double)sum > *peak ? (double)sum : *peak;
}

// One tick. Returns its CPU time without moving the players.
static double run_tick(muster_replica *replica,
    muster_replica_world *world,
    const struct scenario *scenario,
    double *peak)
{
    const muster_parallel parallel = muster_parallel_serial();
    world->tick++;
    for (uint32_t p = 0; p < PLAYER_COUNT; p++) {
        move_player(p, scenario->side_m);
    }
    const double start_s = cpu_now_s();
    struct ack_list *list = &arrivals[world->tick % LATE_TICKS_MAX];
    for (uint32_t i = 0; i < list->count; i++) {
        (void)muster_replica_acked(replica, list->acks[i].client, list->acks[i].token);
    }
    list->count = 0;
    muster_replica_begin_tick(replica, world, &parallel);
    for (uint32_t client = 0; client < scenario->client_count; client++) {
        send_client(replica, client, world->tick, scenario->loss_percent, peak);
    }
    return cpu_now_s() - start_s;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static struct result run_scenario(const struct scenario *scenario)
{
    const double client_count = (double)scenario->client_count;
    random_state = 1;
    bytes_sum = 0;
    memset(arrivals, 0, sizeof arrivals);
    memset(down_ticks, 0, sizeof down_ticks);
    memset(up_ticks, 0, sizeof up_ticks);
    place_players(scenario->side_m);
    const muster_replica_schema schema = make_schema(scenario->has_velocity);
    muster_replica_def def = muster_replica_default_def();
    def.schema = &schema;
    def.client_capacity = scenario->client_count;
    def.entity_capacity = PLAYER_COUNT;
    muster_replica *replica;
    const muster_status status = muster_replica_create(&def, &replica);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t client = 0; client < scenario->client_count; client++) {
        muster_replica_add_client(replica, client);
    }
    muster_replica_world world = {
        .slot_count = PLAYER_COUNT,
        .is_alive = players.is_alive,
        .id = players.id,
        .kind = players.kind,
        .position = players.position,
        .columns = {players.position, players.health, players.heading, players.pose, players.score,
            players.velocity},
    };
    double peak = 0.0;
    for (int tick = 0; tick < WARM_UP_TICKS; tick++) {
        (void)run_tick(replica, &world, scenario, &peak);
    }
    peak = 0.0;
    const muster_replica_counts before = muster_replica_count_all(replica);
    double rounds_s[ROUND_COUNT] = {0};
    for (int round = 0; round < ROUND_COUNT; round++) {
        for (uint32_t tick = 0; tick < scenario->round_ticks; tick++) {
            rounds_s[round] += run_tick(replica, &world, scenario, &peak);
        }
    }
    const muster_replica_counts after = muster_replica_count_all(replica);
    muster_replica_destroy(replica);

    qsort(rounds_s, ROUND_COUNT, sizeof rounds_s[0], compare_doubles);
    const double cpu_s = rounds_s[ROUND_COUNT / 2];
    const double round_s = (double)scenario->round_ticks / TICK_RATE_HZ;
    const double all_s = round_s * ROUND_COUNT;
    const double packets = (double)(after.packets - before.packets);
    const double payload = (double)(after.bytes - before.bytes);
    const double bytes = payload + packets * OVERHEAD_BYTES;
    const double updates = (double)(after.updates - before.updates);
    const double sections = (double)(after.sections - before.sections);
    const double encodings = (double)(after.encodings - before.encodings);
    return (struct result){
        .kbit_s = bytes * 8.0 / 1000.0 / all_s / client_count,
        .update_bytes = bytes / updates,
        .update_bits = payload * 8.0 / updates,
        .hit_rate = 1.0 - encodings / sections,
        .updates_per_s = updates / all_s / client_count,
        .packets_per_s = packets / all_s / client_count,
        .cores = cpu_s / round_s,
        .update_ns = cpu_s * 1e9 * ROUND_COUNT / updates,
        .memory_mb = (double)muster_replica_memory_bytes(&def) / 1e6,
        .peak_ratio = peak / (bytes / all_s / client_count / TICK_RATE_HZ),
        .bytes_sum = bytes_sum,
    };
}

static void print_metric(const char *scenario, const char *metric, double value, const char *unit)
{
    printf("{\"bench\":\"replication\",\"metric\":\"%s_%s\",\"value\":%.4g,\"unit\":\"%s\"}\n",
        scenario, metric, value, unit);
}

static void print_result(const struct scenario *scenario, const struct result *result)
{
    const double naive_kbit_s = NAIVE_TICK_BYTES * TICK_RATE_HZ * 8.0 / 1000.0;
    printf("{\"bench\":\"replication\",\"metric\":\"%s_client\",\"value\":%.4g,\"unit\":\"kbit/s\","
           "\"peer\":\"50 KB x 60 Hz\",\"peer_value\":%.5g,\"ratio\":%.3g}\n",
        scenario->name, result->kbit_s, naive_kbit_s, result->kbit_s / naive_kbit_s);
    print_metric(scenario->name, "cpu", result->cores, "cores");
    print_metric(scenario->name, "update_cpu", result->update_ns, "ns");
    print_metric(scenario->name, "shared", result->hit_rate, "of sections");
    print_metric(scenario->name, "updates", result->updates_per_s, "1/s");
    print_metric(scenario->name, "update", result->update_bytes, "bytes all in");
    print_metric(scenario->name, "update_payload", result->update_bits, "bits");
    print_metric(scenario->name, "packets", result->packets_per_s, "1/s");
    print_metric(scenario->name, "tick_peak", result->peak_ratio, "of the mean");
    print_metric(scenario->name, "memory", result->memory_mb, "MB");
    fprintf(stderr, "%s: all bytes sum up to %016" PRIx64 "\n", scenario->name, result->bytes_sum);
}

// A number between 1 and its default, which is also what is taken if there is none.
static uint32_t argument_or(
    int argument_count, char **arguments, int position, uint32_t default_number)
{
    const long number = position < argument_count ? strtol(arguments[position], NULL, 10) : 0;
    return number >= 1 && number < (long)default_number ? (uint32_t)number : default_number;
}

int main(int argument_count, char **arguments)
{
    const struct scenario scenarios[] = {
        {.name = "battle", .side_m = 200.0f, .loss_percent = 0},
        {.name = "battle_loss20", .side_m = 200.0f, .loss_percent = 20},
        {.name = "battle_velocity", .has_velocity = true, .side_m = 200.0f, .loss_percent = 0},
        {.name = "spread", .side_m = 4000.0f, .loss_percent = 0},
        {.name = "spread_loss20", .side_m = 4000.0f, .loss_percent = 20},
    };
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct scenario scenario = scenarios[i];
        if (argument_count > 1 && strcmp(arguments[1], scenario.name) != 0) {
            continue;
        }
        scenario.client_count = argument_or(argument_count, arguments, 2, PLAYER_COUNT);
        scenario.round_ticks = argument_or(argument_count, arguments, 3, ROUND_TICKS);
        const struct result result = run_scenario(&scenario);
        print_result(&scenario, &result);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
