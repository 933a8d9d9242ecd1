// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The time an end goes by. It adds up the steps of the caller's clock, so that a clock that jumps
/// neither ends connections nor keeps them from ending.

#include "muster/netcode.h"

/// A time that never comes.
#define NETCODE_NEVER UINT64_MAX

struct netcode_clock {
    uint64_t now_us;
    uint64_t caller_us; // the caller's clock at the last call
    uint64_t unix_s;
    bool is_started;
};

/// Moves on to the caller's time.
static inline void netcode_clock_advance(struct netcode_clock *clock, muster_netcode_time now)
{
    if (clock->is_started && now.steady_us > clock->caller_us) {
        const uint64_t step_us = now.steady_us - clock->caller_us;
        clock->now_us +=
            step_us < MUSTER_NETCODE_STEP_US_MAX ? step_us : MUSTER_NETCODE_STEP_US_MAX;
    }
    clock->is_started = true;
    clock->caller_us = now.steady_us;
    clock->unix_s = now.unix_s;
}

/// When a timeout of so many seconds, begun now, is over; never for zero and below.
static inline uint64_t netcode_clock_timeout_us(
    const struct netcode_clock *clock, int32_t timeout_s)
{
    return timeout_s <= 0 ? NETCODE_NEVER : clock->now_us + (uint64_t)timeout_s * 1000000;
}
