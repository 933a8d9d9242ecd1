// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Pacing: spreads the packets of a tick over the tick, so that no network on the way sees a burst
/// at every tick's edge.
///
///     muster_pacer_begin_tick(&pacer, tick_start_us, client_count);
///     while (muster_pacer_pop(&pacer, now_us, &share)) {
///         for (uint32_t i = share.client_first; i < share.client_end; i++) { send(i); }
///     }
///     sleep_until(muster_pacer_next_us(&pacer));
///
/// A tick is cut into equal slots and the clients into as many equal shares. A client keeps its
/// share while the number of clients does, so its packets come one tick apart.
///
/// - Order: shares in the order of clients. When time is lost, slots follow each other faster, but
///   with ticks of at least 8 ms no millisecond gets more than 15 % of a tick's packets. Shares
///   that a tick could not send come first in the next one, so that everybody has a turn.
/// - Memory: the struct; nothing is allocated.
/// - Threads: a pacer belongs to one thread at a time. It reads no clock.

#include "muster/base.h"

/// The fewest slots in a tick: with fewer, one slot alone is more than 15 %.
#define MUSTER_PACER_SLOT_COUNT_MIN 8

/// The most slots in a tick.
#define MUSTER_PACER_SLOT_COUNT_MAX 64

/// The most shares that may go out within a millisecond: 15 % of the most slots.
#define MUSTER_PACER_WINDOW_MAX 9

/// A pacer. Set up by muster_pacer_init(); the fields are the pacer's own.
typedef struct muster_pacer {
    uint64_t tick_start_us; ///< Of the tick that was begun.
    uint64_t skipped_count; ///< Shares that a tick could not send.
    uint32_t tick_us;       ///< The length of a tick.
    uint32_t client_count;  ///< In this tick.
    uint32_t slot_count;    ///< In a tick.
    uint32_t slot_next;     ///< The next one in time; slot_count after the last.
    uint32_t share_first;   ///< The share that goes with the first slot.
    uint32_t window_us;     ///< No more than `window_count` shares go out within this time.
    uint32_t window_count;  ///< At most MUSTER_PACER_WINDOW_MAX.
    uint32_t sent_index;    ///< Of the oldest entry in `allowed_us`.

    /// When the shares that went out last leave the window, in a ring.
    uint64_t allowed_us[MUSTER_PACER_WINDOW_MAX];
} muster_pacer;

/// The clients whose packets go out together.
typedef struct muster_pacer_share {
    uint32_t client_first; ///< The first of them.
    uint32_t client_end;   ///< One beyond the last; equal to the first for an empty share.
} muster_pacer_share;

/// Sets up a pacer before its first tick.
/// @param tick_us     the length of a tick, in [1000, 10^7]
/// @param slot_count  in [MUSTER_PACER_SLOT_COUNT_MIN, MUSTER_PACER_SLOT_COUNT_MAX]; 16 suits 60 Hz
/// @return MUSTER_ERR_INVALID if one is out of range
MUSTER_API MUSTER_NODISCARD muster_status muster_pacer_init(
    muster_pacer *pacer, uint32_t tick_us, uint32_t slot_count);

/// Begins a tick: there is something to send to clients [0, client_count).
/// @param tick_start_us  when the tick's first packets may go out
MUSTER_API void muster_pacer_begin_tick(
    muster_pacer *pacer, uint64_t tick_start_us, uint32_t client_count);

/// Takes the next share that may go out by `now_us`.
/// @return false, leaving `out_share` alone, when none may
MUSTER_API bool muster_pacer_pop(
    muster_pacer *pacer, uint64_t now_us, muster_pacer_share *out_share);

/// When the next share may go out; UINT64_MAX after the tick's last.
MUSTER_API uint64_t muster_pacer_next_us(const muster_pacer *pacer);
