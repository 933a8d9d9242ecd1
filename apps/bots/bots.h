// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Bots: players of flesh and blood as far as the server can tell. Each logs in over HTTP, has a
/// socket of its own, and acts sixty times a second by what it sees.
///
/// - Memory: about 250 KiB a bot, at creation and when it joins.
/// - Threads: one owner, which runs all of them.

#include "drivers/error.h"
#include "muster/packet.h"

struct bots;

struct bots_def {
    muster_address server; // its public HTTP side
    const char *api_key;   // hexadecimal; NULL: the bots come as guests
    uint32_t count;
    uint32_t join_rate; // bots that begin to join in a second, at least 1
    uint64_t seed;
    muster_address via; // a relay that packets go through; family NONE: straight to the server
};

/// What the bots have seen so far.
struct bots_summary {
    uint32_t count;
    uint32_t playing;         // in the world now
    uint32_t joined;          // have been in it
    uint32_t refused;         // that never came in, and try no longer
    uint32_t disconnected;    // that were in, and were closed by the server or gave up
    uint64_t resumes;         // connections that were lost and came back
    uint64_t refreshes;       // updates that could not be decoded
    double update_age_ms_p50; // age of the newest tick a bot knows, when it acts
    double update_age_ms_p99;
    double client_kbit_s_mean; // what a bot receives, IP and UDP headers included
    double client_kbit_s_p99;  // of the bots' means
    double client_kbit_s_up_mean;
    double rtt_ms_mean;
    double late_ms_p99; // how late bots act
    double cpu_percent; // of one core
};

/// Logs the bots in.
/// @param out_error  told why
/// @return MUSTER_ERR_IO if the server cannot be reached or refuses, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status bots_create(
    const struct bots_def *def, struct bots **out_bots, struct driver_error *out_error);

/// Leaves without goodbye and frees everything. Does nothing for NULL.
void bots_destroy(struct bots *bots);

/// Runs the bots until a point in time of clock_monotonic_us().
void bots_run_until(struct bots *bots, uint64_t until_us);

/// Every bot says goodbye; run on for a moment so that it is sent.
void bots_leave(struct bots *bots);

/// Begins to count afresh: what was measured while the bots joined does not count.
void bots_reset_figures(struct bots *bots);

struct bots_summary bots_read_summary(const struct bots *bots);

/// Why the first bot that was refused at its login could not come in; empty if none was.
const char *bots_refusal(const struct bots *bots);
