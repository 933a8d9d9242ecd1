// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What bots do. A brain sees what its client sees and acts as a player could: it knows a game by
/// the names of its actions, and nothing that the server did not send.

#include "muster/client.h"

/// What one bot remembers.
struct brain {
    uint64_t seed;
    uint32_t bot_index;
    uint32_t actions[8]; // by the kind of brain
    uint64_t decided_tick;
    uint64_t spoke_tick;
    float heading;
    float speed;
    float home[3];
    uint32_t target_index;
    bool is_ready; // the tables were looked at
    bool has_home;
    enum { BRAIN_NONE, BRAIN_WALKER, BRAIN_FIGHTER } kind;
};

/// A brain for one bot.
void brain_init(struct brain *brain, uint64_t seed, uint32_t bot_index);

/// Acts once, as a client that plays.
void brain_think(struct brain *brain, muster_client *client);
