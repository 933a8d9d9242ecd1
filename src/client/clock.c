// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "core/assert.h"

// Two estimates, each moved a little by every update.
//
// The offset says how local time stands to the server's ticks, network included: a quick update
// moves it at once, a slow one hardly, so that it follows the network's best and drifts with the
// clocks. The lead says how much earlier than that an action must be made; the server reports how
// early or late actions arrive, and the lead closes the gap.

// A slow update moves the offset by this share of its lateness.
#define OFFSET_SHARE 256

// A report moves the lead by this share of the error: with 60 reports a second and a round trip of
// up to 400 ms the loop does not swing.
#define LEAD_SHARE 16

#define JITTER_SHARE 16

// After a jump the reports of a whole round trip speak of the time before it.
#define JUMP_PAUSE_US 100000u

#define LEAD_US_MAX 1000000

void clock_start(struct clock *clock, uint64_t now_us, uint64_t tick, uint32_t tick_rate_hz)
{
    MUSTER_ASSERT(tick_rate_hz >= 1);
    const uint64_t tick_us = 1000000 / tick_rate_hz;
    *clock = (struct clock){
        .newest_tick = tick,
        .tick_us = tick_us,
        .offset_us = (int64_t)now_us - (int64_t)(tick * tick_us),
        .lead_us = 3 * (int64_t)tick_us,
        .jumped_us = now_us,
        .is_set = true,
    };
}

// The tick nearest to the newest whose low bits these are.
static uint64_t whole_tick(const struct clock *clock, uint16_t tick_low)
{
    const int16_t ahead = (int16_t)(uint16_t)(tick_low - (uint16_t)clock->newest_tick);
    if (ahead < 0 && clock->newest_tick < (uint64_t) - (int64_t)ahead) {
        return 0;
    }
    return clock->newest_tick + (uint64_t)(int64_t)ahead;
}

static void move_offset(struct clock *clock, uint64_t now_us, uint64_t tick)
{
    const int64_t sample_us = (int64_t)now_us - (int64_t)(tick * clock->tick_us);
    const int64_t late_us = sample_us - clock->offset_us;
    clock->offset_us += late_us < 0 ? late_us : late_us / OFFSET_SHARE;
    const int64_t jitter_us = late_us > 0 ? late_us : -late_us;
    const int64_t change_us = (jitter_us - (int64_t)clock->jitter_us) / JITTER_SHARE;
    clock->jitter_us = (uint32_t)((int64_t)clock->jitter_us + change_us);
}

static void move_lead(struct clock *clock, uint64_t now_us, uint32_t target_ticks, uint32_t rtt_us)
{
    const int64_t error_us =
        ((int64_t)clock->margin_ticks - (int64_t)target_ticks) * (int64_t)clock->tick_us;
    const bool is_settled = now_us - clock->jumped_us > rtt_us + JUMP_PAUSE_US;
    if (clock->margin_ticks < 0 && is_settled) {
        clock->lead_us -= error_us;
        clock->jumped_us = now_us;
    } else if (is_settled) {
        clock->lead_us -= error_us / LEAD_SHARE;
    }
    clock->lead_us = clock->lead_us < 0 ? 0 : clock->lead_us;
    clock->lead_us = clock->lead_us > LEAD_US_MAX ? LEAD_US_MAX : clock->lead_us;
}

void clock_take(struct clock *clock,
    uint64_t now_us,
    const struct play_update *update,
    uint32_t margin_ticks,
    uint32_t rtt_us)
{
    const uint64_t tick = whole_tick(clock, update->tick_low);
    if (tick <= clock->newest_tick) {
        return; // overtaken: a late witness
    }
    clock->newest_tick = tick;
    move_offset(clock, now_us, tick);
    clock->margin_ticks = update->margin_ticks;

    // Without new actions the report is of old ones, and says nothing new.
    if ((int32_t)(update->counted_sequence - clock->counted_sequence) > 0) {
        clock->counted_sequence = update->counted_sequence;
        move_lead(clock, now_us, margin_ticks, rtt_us);
    }
}

uint64_t clock_action_tick(const struct clock *clock, uint64_t now_us)
{
    const int64_t server_us = (int64_t)now_us - clock->offset_us + clock->lead_us;
    const uint64_t tick = server_us > 0 ? (uint64_t)server_us / clock->tick_us + 1 : 1;
    return tick > clock->action_tick ? tick : clock->action_tick;
}
