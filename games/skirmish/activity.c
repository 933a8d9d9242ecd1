// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// What a player is at follows from what it has done lately; the most urgent counts.

#define COMBAT_TICKS 600u
#define TRADE_TICKS  300u
#define TRAVEL_TICKS 600u

void activity_follow(const muster_host *host, muster_world *world, uint32_t player_index)
{
    static const struct {
        enum when when;
        uint32_t ticks;
        muster_activity activity;
    } rows[] = {
        {WHEN_FOUGHT, COMBAT_TICKS, MUSTER_ACTIVITY_COMBAT},
        {WHEN_TRADED, TRADE_TICKS, MUSTER_ACTIVITY_TRADE},
        {WHEN_MOVED, TRAVEL_TICKS, MUSTER_ACTIVITY_TRAVEL},
    };
    const struct state state = state_of(host, world);
    const uint64_t *times = state.times[player_index];
    muster_activity activity = MUSTER_ACTIVITY_IDLE;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t last_tick = times[rows[i].when];
        if (last_tick != 0 && state.tick - last_tick <= rows[i].ticks) {
            activity = rows[i].activity;
            break;
        }
    }
    host->player_set_activity(world, player_index, activity);
}
