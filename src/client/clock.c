// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "core/assert.h"

// Two clocks, each steered by what it is for.
//
// The arrival offset says how local time stands to the server's ticks as the quickest updates of
// the last seconds arrive, network included. What an update is later than that is the network's
// unevenness; the picture is drawn so much behind that most updates are there in time.
//
// The action offset says the same for actions. The server reports how many ticks before its frame
// an action arrived, and the offset closes the gap to the margin that is wanted. While no action is
// reported it follows the arrival offset, so that the first one after a pause is meant for a tick
// that makes sense.

// The quickest update of the last one to two of these counts.
#define WINDOW_US 1000000u

// A report moves the action offset by this share of the error, or by less on a long way: a change
// shows only a round trip later, and the loop must not swing meanwhile.
#define ACTION_SHARE_MIN 16

// An error of so many ticks is closed at once: after a join, or when a clock has jumped.
#define JUMP_TICKS 6

// After a jump the reports of a whole round trip speak of the time before it.
#define JUMP_PAUSE_US 100000u

// Without a report for so long the action offset follows the arrival offset.
#define IDLE_US 500000u

#define LATENESS_SHARE 16

// The picture's clock runs this share faster or slower to come to where it should be; when it is
// too far off, it jumps.
#define RENDER_SHARE   8
#define RENDER_OFF_MAX 500000

void clock_start(struct clock *clock,
    uint64_t now_us,
    uint64_t tick,
    uint32_t tick_rate_hz,
    uint32_t lead_ticks,
    uint32_t rtt_us)
{
    MUSTER_ASSERT(tick_rate_hz >= 1);
    const uint64_t tick_us = 1000000 / tick_rate_hz;
    const int64_t offset_us = (int64_t)now_us - (int64_t)(tick * tick_us);
    *clock = (struct clock){
        .newest_tick = tick,
        .tick_us = tick_us,
        .offset_us = offset_us,
        .quickest_us = {offset_us, offset_us},
        .window_us = now_us,
        .action_offset_us = offset_us - (int64_t)rtt_us - (int64_t)(lead_ticks * tick_us),
        .jumped_us = now_us,
        .render_us = -1,
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

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void move_offset(struct clock *clock, uint64_t now_us, uint64_t tick)
{
    const int64_t sample_us = (int64_t)now_us - (int64_t)(tick * clock->tick_us);
    if (now_us - clock->window_us >= 2 * WINDOW_US) {
        clock->quickest_us[0] = sample_us; // nothing came for long: what was known is stale
        clock->quickest_us[1] = sample_us;
        clock->window_us = now_us;
    } else if (now_us - clock->window_us >= WINDOW_US) {
        clock->quickest_us[0] = clock->quickest_us[1];
        clock->quickest_us[1] = sample_us;
        clock->window_us = now_us;
    }
    clock->quickest_us[1] = smaller(clock->quickest_us[1], sample_us);
    const int64_t offset_us = smaller(clock->quickest_us[0], clock->quickest_us[1]);
    if (now_us - clock->reported_us >= IDLE_US) {
        clock->action_offset_us += offset_us - clock->offset_us;
    }
    clock->offset_us = offset_us;

    const int64_t late_us = sample_us - offset_us;
    const int64_t off_us = late_us - clock->late_us;
    clock->late_us += off_us / LATENESS_SHARE;
    clock->uneven_us += ((off_us < 0 ? -off_us : off_us) - clock->uneven_us) / LATENESS_SHARE;
}

static void move_action_offset(
    struct clock *clock, uint64_t now_us, uint32_t margin_ticks, uint32_t rtt_us)
{
    const int32_t error_ticks = clock->margin_ticks - (int32_t)margin_ticks;
    const int64_t error_us = error_ticks * (int64_t)clock->tick_us;
    const bool is_far = error_ticks >= JUMP_TICKS || error_ticks <= -JUMP_TICKS;
    if (is_far) {
        if (now_us - clock->jumped_us > rtt_us + JUMP_PAUSE_US) {
            clock->action_offset_us += error_us;
            clock->jumped_us = now_us;
        }
        return;
    }
    const int64_t share = (int64_t)(2 * (uint64_t)rtt_us / clock->tick_us);
    clock->action_offset_us += error_us / (share > ACTION_SHARE_MIN ? share : ACTION_SHARE_MIN);
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
    if (update->counted_sequence > clock->counted_sequence) {
        clock->counted_sequence = update->counted_sequence;
        clock->reported_us = now_us;
        move_action_offset(clock, now_us, margin_ticks, rtt_us);
    }
}

uint64_t clock_action_tick(const struct clock *clock, uint64_t now_us)
{
    const int64_t server_us = (int64_t)now_us - clock->action_offset_us;
    const uint64_t tick = server_us > 0 ? (uint64_t)server_us / clock->tick_us + 1 : 1;
    return tick > clock->action_tick ? tick : clock->action_tick;
}

uint32_t clock_interpolation_us(const struct clock *clock)
{
    return (uint32_t)(2 * (int64_t)clock->tick_us + clock->late_us + 2 * clock->uneven_us);
}

void clock_render(struct clock *clock, uint64_t now_us)
{
    const int64_t wanted_us =
        (int64_t)now_us - clock->offset_us - (int64_t)clock_interpolation_us(clock);
    const int64_t passed_us = (int64_t)(now_us - clock->rendered_us);
    const int64_t off_us = wanted_us - (clock->render_us + passed_us);
    clock->rendered_us = now_us;
    if (clock->render_us < 0 || off_us > RENDER_OFF_MAX || off_us < -RENDER_OFF_MAX) {
        clock->render_us = wanted_us > 0 ? wanted_us : 0;
        return;
    }
    const int64_t step_us_max = passed_us / RENDER_SHARE;
    const int64_t step_us = smaller(off_us < 0 ? -off_us : off_us, step_us_max);
    clock->render_us += passed_us + (off_us < 0 ? -step_us : step_us);
}
