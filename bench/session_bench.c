// SPDX-License-Identifier: Apache-2.0

// What the session layer adds to a packet: 1,000 clients at one packet a tick each way, 100 bytes
// up and 500 bytes down, with acks and a token in each, and 5 % of the packets lost.
//
// Prints one line of JSON per metric: process CPU time for each packet, as the median of several
// rounds. The payload's own bytes are not written: that is not the session's work.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "muster/session.h"

#include "core/assert.h"
#include "harness/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SESSION_COUNT 1000u
#define TICK_COUNT    300u
#define TICK_US       16667u
#define ROUND_COUNT   7
#define UP_BYTES      100u
#define DOWN_BYTES    500u
#define LOSS_PERCENT  5u

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

struct packet {
    uint32_t length; // 0 for a lost one
    uint8_t bytes[MUSTER_SESSION_PACKET_BYTES_MAX];
};

// One side's sessions and the packets it wrote.
struct side {
    muster_session_pool *pool;
    muster_session *sessions[SESSION_COUNT];
    struct packet packets[SESSION_COUNT];
    uint64_t fate_count;
};

enum metric { METRIC_WRITE_DOWN, METRIC_READ_DOWN, METRIC_WRITE_UP, METRIC_READ_UP, METRIC_COUNT };

static const char *const metric_names[METRIC_COUNT] = {
    "write_500", "read_500", "write_100", "read_100"};

static struct side server;
static struct side clients;

static double cpu_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void side_create(struct side *side, uint32_t receive_fragment_count)
{
    muster_session_pool_def def = muster_session_pool_default_def();
    def.session_count = SESSION_COUNT;
    def.receive_fragment_count = receive_fragment_count;
    def.send_fragment_count = 8192;
    const muster_status status = muster_session_pool_create(&def, &side->pool);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < SESSION_COUNT; i++) {
        const muster_status acquired = muster_session_pool_acquire(side->pool, &side->sessions[i]);
        MUSTER_ASSERT(acquired == MUSTER_OK);
    }
}

static double write_all_ns(struct side *side, uint64_t now_us, uint32_t blob_bytes)
{
    const double start_ns = cpu_now_ns();
    for (uint32_t i = 0; i < SESSION_COUNT; i++) {
        muster_session *session = side->sessions[i];
        struct packet *packet = &side->packets[i];
        uint8_t *bytes;
        uint32_t capacity;
        muster_status status =
            muster_session_begin_packet(session, now_us, packet->bytes, sizeof packet->bytes, 600);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_session_begin_blob(session, 1, true, &bytes, &capacity);
        MUSTER_ASSERT(status == MUSTER_OK);
        muster_session_end_blob(session, blob_bytes);
        packet->length = muster_session_end_packet(session, now_us);
    }
    return cpu_now_ns() - start_ns;
}

static double read_all_ns(struct side *side, const struct side *peer, uint64_t now_us)
{
    const double start_ns = cpu_now_ns();
    for (uint32_t i = 0; i < SESSION_COUNT; i++) {
        const struct packet *packet = &peer->packets[i];
        if (packet->length == 0) {
            continue;
        }
        muster_session_received received;
        const muster_status status = muster_session_read(
            side->sessions[i], now_us, packet->bytes, packet->length, &received);
        MUSTER_ASSERT(status == MUSTER_OK && received.blob_count == 1);
        for (muster_session_message message; muster_session_pop(side->sessions[i], &message);) {
        }
        for (muster_session_fate fate; muster_session_pop_fate(side->sessions[i], &fate);) {
            side->fate_count++;
        }
    }
    return cpu_now_ns() - start_ns;
}

static void lose_some(struct side *side, uint64_t *random_state)
{
    for (uint32_t i = 0; i < SESSION_COUNT; i++) {
        if (random_next(random_state) % 100 < LOSS_PERCENT) {
            side->packets[i].length = 0;
        }
    }
}

static void run_round(uint64_t *now_us, uint64_t *random_state, double out_ns[METRIC_COUNT])
{
    for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
        out_ns[metric] = 0;
    }
    for (uint32_t tick = 0; tick < TICK_COUNT; tick++) {
        *now_us += TICK_US;
        out_ns[METRIC_WRITE_DOWN] += write_all_ns(&server, *now_us, DOWN_BYTES);
        lose_some(&server, random_state);
        out_ns[METRIC_READ_DOWN] += read_all_ns(&clients, &server, *now_us + TICK_US / 4);
        out_ns[METRIC_WRITE_UP] += write_all_ns(&clients, *now_us + TICK_US / 4, UP_BYTES);
        lose_some(&clients, random_state);
        out_ns[METRIC_READ_UP] += read_all_ns(&server, &clients, *now_us + TICK_US / 2);
    }
    for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
        out_ns[metric] /= (double)TICK_COUNT * SESSION_COUNT;
    }
}

static int compare_ns(const void *left, const void *right)
{
    const double left_ns = *(const double *)left;
    const double right_ns = *(const double *)right;
    return (left_ns > right_ns) - (left_ns < right_ns);
}

int main(void)
{
    side_create(&server, 16);
    side_create(&clients, 16);
    uint64_t now_us = 0;
    uint64_t random_state = 1;
    double rounds_ns[METRIC_COUNT][ROUND_COUNT];
    for (int round = -1; round < ROUND_COUNT; round++) { // the first one warms up
        double ns[METRIC_COUNT];
        run_round(&now_us, &random_state, ns);
        for (uint32_t metric = 0; metric < METRIC_COUNT && round >= 0; metric++) {
            rounds_ns[metric][round] = ns[metric];
        }
    }
    MUSTER_ASSERT(server.fate_count > 0 && clients.fate_count > 0);
    for (uint32_t metric = 0; metric < METRIC_COUNT; metric++) {
        qsort(rounds_ns[metric], ROUND_COUNT, sizeof rounds_ns[metric][0], compare_ns);
        printf("{\"bench\":\"session\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"ns\"}\n",
            metric_names[metric], rounds_ns[metric][ROUND_COUNT / 2]);
    }
    muster_session_pool_destroy(server.pool);
    muster_session_pool_destroy(clients.pool);
    return EXIT_SUCCESS;
}
