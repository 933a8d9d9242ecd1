// SPDX-License-Identifier: Apache-2.0

// What netcode adds to a packet at a server of a thousand clients: sealing and opening payloads
// of three sizes, refusing forgeries of every kind, and the look at every client in each tick.
//
// Prints one line of JSON per metric: process CPU time, which other load on the machine disturbs
// little, as the median of several rounds.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "muster/netcode_client.h"
#include "muster/netcode_server.h"

#include "core/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENT_COUNT 1000u
#define ROUND_COUNT  15
#define PROTOCOL_ID  7
#define UNIX_S       1800000000
#define TICK_US      16667

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

enum metric {
    SEAL_100,
    SEAL_500,
    SEAL_1200,
    OPEN_100,
    OPEN_500,
    OPEN_1200,
    REPLAYED,
    FORGED_CONNECTED_100,
    FORGED_CONNECTED_1200,
    FORGED_UNKNOWN,
    FORGED_REQUEST,
    UPDATE_CLIENT,
    METRIC_COUNT,
};

static const char *const metric_names[METRIC_COUNT] = {"seal_100", "seal_500", "seal_1200",
    "open_100", "open_500", "open_1200", "refuse_replayed", "refuse_forged_100",
    "refuse_forged_1200", "refuse_unknown_address", "refuse_bad_token", "update_per_client"};

static const uint32_t payload_sizes[3] = {100, 500, 1200};

static muster_netcode_server *server;
static muster_netcode_client *clients[CLIENT_COUNT];
static muster_netcode_time now = {.unix_s = UNIX_S};

// One slot a client, so that the working set is that of a real tick.
static muster_packet packets[CLIENT_COUNT];
static uint8_t bytes[CLIENT_COUNT][MUSTER_PACKET_BYTES_MAX];
static muster_packet_batch replies;

static double cpu_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static muster_address address_of(uint32_t client)
{
    return (muster_address){
        .ip = {10, 0, (uint8_t)(client >> 8), (uint8_t)client},
        .port = 40000,
        .family = MUSTER_ADDRESS_IPV4,
    };
}

static void create(void)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        packets[i] = (muster_packet){.bytes = bytes[i]};
    }
    replies = (muster_packet_batch){.packets = packets, .capacity = CLIENT_COUNT};
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.protocol_id = PROTOCOL_ID;
    def.address_count = 1;
    def.addresses[0] = address_of(65535);
    const muster_status status = muster_netcode_server_create(&def, &server);
    MUSTER_ASSERT(status == MUSTER_OK);
}

// Three exchanges open a connection.
static void connect_client(uint32_t number)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = PROTOCOL_ID;
    def.client_id = number;
    def.create_unix_s = UNIX_S;
    def.expire_unix_s = UNIX_S + 30;
    def.address_count = 1;
    def.addresses[0] = address_of(65535);
    memcpy(def.client_to_server_key, &number, sizeof number);
    memcpy(def.nonce, &number, sizeof number);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    muster_status status = muster_connect_token_write(&def, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_netcode_client_create(NULL, &clients[number]);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_netcode_client_connect(clients[number], now, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < 3; i++) {
        muster_netcode_event event;
        muster_netcode_payload payload;
        muster_packet_batch up = {.packets = &packets[0], .capacity = 1};
        muster_packet_batch down = {.packets = &packets[1], .capacity = 1};
        muster_netcode_client_update(clients[number], now, &up);
        packets[0].address = address_of(number);
        (void)muster_netcode_server_receive(server, now, &packets[0], &down, &event);
        packets[1].address = address_of(65535);
        (void)muster_netcode_client_receive(clients[number], now, &packets[1], &payload);
    }
    MUSTER_ASSERT(
        muster_netcode_client_state_of(clients[number]) == MUSTER_NETCODE_CLIENT_CONNECTED);
}

// Fills the slots with a packet from each client.
static void write_up(uint32_t payload_bytes)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_status status =
            muster_netcode_client_seal(clients[i], payload_bytes, &packets[i]);
        MUSTER_ASSERT(status == MUSTER_OK);
        packets[i].address = address_of(i);
    }
}

static double seal_ns(uint32_t payload_bytes)
{
    const double start_ns = cpu_now_ns();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_status status =
            muster_netcode_server_seal(server, i, payload_bytes, &packets[i]);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    return (cpu_now_ns() - start_ns) / CLIENT_COUNT;
}

// Hands all slots to the server, which finds this many payloads in them.
static double receive_ns(uint32_t expected_count)
{
    uint32_t event_count = 0;
    muster_packet_batch none = {0};
    const double start_ns = cpu_now_ns();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        muster_netcode_event event;
        event_count +=
            muster_netcode_server_receive(server, now, &packets[i], &none, &event) ? 1 : 0;
    }
    const double ns = (cpu_now_ns() - start_ns) / CLIENT_COUNT;
    MUSTER_ASSERT(event_count == expected_count);
    return ns;
}

static double forged_ns(uint32_t payload_bytes)
{
    write_up(payload_bytes);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        packets[i].bytes[packets[i].length - 1] ^= 1;
    }
    return receive_ns(0);
}

static double unknown_ns(void)
{
    write_up(payload_sizes[0]);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        packets[i].address.ip[0] = 11;
    }
    return receive_ns(0);
}

// Right in everything that can be checked without the private key.
static double bad_token_ns(void)
{
    static const char version[] = "NETCODE 1.02";
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        memset(packets[i].bytes, 0, MUSTER_PACKET_BYTES_MAX);
        memcpy(packets[i].bytes + 1, version, sizeof version);
        packets[i].bytes[1 + sizeof version] = PROTOCOL_ID;
        packets[i].bytes[1 + sizeof version + 8 + 7] = 1; // expires late
        packets[i].length = 1078;
    }
    return receive_ns(0);
}

// A tick in which nothing is due.
static double update_ns(void)
{
    enum { TICK_COUNT = 100 };
    now.steady_us += MUSTER_NETCODE_STEP_US_MAX;
    replies.count = 0;
    muster_netcode_server_update(server, now, &replies);
    const double start_ns = cpu_now_ns();
    for (uint32_t i = 0; i < TICK_COUNT; i++) {
        muster_netcode_server_update(server, now, &replies);
    }
    return (cpu_now_ns() - start_ns) / TICK_COUNT / CLIENT_COUNT;
}

static void run_round(double out_ns[METRIC_COUNT])
{
    now.steady_us += TICK_US;
    for (uint32_t i = 0; i < 3; i++) {
        out_ns[SEAL_100 + i] = seal_ns(payload_sizes[i]);
        write_up(payload_sizes[i]);
        out_ns[OPEN_100 + i] = receive_ns(CLIENT_COUNT);
    }
    out_ns[REPLAYED] = receive_ns(0);
    out_ns[FORGED_CONNECTED_100] = forged_ns(payload_sizes[0]);
    out_ns[FORGED_CONNECTED_1200] = forged_ns(payload_sizes[2]);
    out_ns[FORGED_UNKNOWN] = unknown_ns();
    out_ns[FORGED_REQUEST] = bad_token_ns();
    out_ns[UPDATE_CLIENT] = update_ns();
}

static int compare_ns(const void *left, const void *right)
{
    const double left_ns = *(const double *)left;
    const double right_ns = *(const double *)right;
    return (left_ns > right_ns) - (left_ns < right_ns);
}

int main(void)
{
    create();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        connect_client(i);
    }
    static double rounds_ns[METRIC_COUNT][ROUND_COUNT];
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        double ns[METRIC_COUNT];
        run_round(ns);
        for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
            rounds_ns[metric][round] = ns[metric];
        }
    }
    for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
        qsort(rounds_ns[metric], ROUND_COUNT, sizeof(double), compare_ns);
        printf("{\"bench\":\"netcode\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"ns\"}\n",
            metric_names[metric], rounds_ns[metric][ROUND_COUNT / 2]);
    }
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        muster_netcode_client_destroy(clients[i]);
    }
    muster_netcode_server_destroy(server);
    return EXIT_SUCCESS;
}
