// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a server says of itself at one moment, asked over its admin side.

#include "drivers/error.h"
#include "muster/packet.h"

#define TOP_REFUSAL_COUNT_MAX 64u
#define TOP_POINT_COUNT_MAX   2048u
#define TOP_WORD_BYTES        40u

enum top_phase { TOP_INPUT, TOP_STEP, TOP_REPLICATE, TOP_PHASE_COUNT };

struct top_refusal {
    char reason[TOP_WORD_BYTES];
    double count;
};

struct top_point {
    int32_t x, y; // metres
    uint32_t kind;
    uint32_t team;
    bool is_player;
};

struct top_sample {
    uint64_t time_us;
    char version[TOP_WORD_BYTES];
    char game[TOP_WORD_BYTES];
    uint32_t tick_rate_hz;
    double tick, players, entities;
    double tick_ms_p50, tick_ms_p99, tick_ms_max; // since the server's start

    // From /metrics; counters since the server's start, seconds and bytes.
    double ticks, missed_ticks, cpu_s, resident_bytes;
    double received_bytes, sent_bytes, received_packets, sent_packets;
    double phase_s[TOP_PHASE_COUNT];
    double record_failed;
    struct top_refusal refusals[TOP_REFUSAL_COUNT_MAX]; // those that are not zero
    uint32_t refusal_count;

    struct top_point points[TOP_POINT_COUNT_MAX];
    uint32_t point_count;
};

/// Asks a server.
/// @param key        the admin key, NULL for none
/// @param out_error  told why
/// @return MUSTER_ERR_IO if nobody answers, MUSTER_ERR_DENIED without the right key,
///         MUSTER_ERR_MALFORMED for answers that make no sense, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status top_sample_fetch(const muster_address *server,
    const char *key,
    struct top_sample *out_sample,
    struct driver_error *out_error);

/// Reads Prometheus text into a sample.
void top_sample_read_metrics(struct top_sample *sample, const char *text);
