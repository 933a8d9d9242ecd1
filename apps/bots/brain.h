// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What bots do. A brain sees what its client sees and acts as a player could: it knows a game by
/// the names of its actions and fields, and nothing that the server did not send.

#include "muster/client.h"

enum brain_kind {
    BRAIN_NONE,    // the game has no action that a bot knows; it only looks
    BRAIN_WALKER,  // "walk": about, at random
    BRAIN_FIGHTER, // "move", "aim", "fire": docs/games/skirmish.md says how
};

/// A fighter's tables and memory.
struct fighter {
    uint32_t move, aim, fire, reload, respawn;   // actions
    uint32_t position, health, team, look, ammo; // fields
    uint32_t own_index;                          // in the view, MUSTER_NONE while not seen
    uint32_t target_index;                       // likewise
    uint64_t looked_tick;
    uint64_t fired_tick;
    uint64_t asked_tick;
    muster_vec3 own_place;
    muster_vec3 target_place;
    muster_vec3 home; // where it was seen first
    bool has_home;
};

/// What one bot remembers.
struct brain {
    enum brain_kind kind;
    uint64_t seed;
    uint32_t bot_index;
    uint32_t walk; // action
    uint64_t decided_tick;
    float heading;
    float speed;
    struct fighter fighter;
    bool has_tables; // the game was looked at
};

/// A brain for one bot.
void brain_init(struct brain *brain, uint64_t seed, uint32_t bot_index);

/// Acts once, as a client that plays.
void brain_think(struct brain *brain, muster_client *client);

/// A number in [0, 1) that follows from seed, bot, time of the last decision and purpose.
float brain_draw(const struct brain *brain, uint32_t purpose);

/// Acts; what finds no room is dropped, for there will be another turn.
void brain_act(muster_client *client, uint32_t action_index, const muster_value *values);

/// Looks up what a fighter needs. @return false if the game has no such actions
bool fighter_init(struct fighter *fighter, const muster_client *client);

/// Acts once as a fighter.
void fighter_think(struct brain *brain, muster_client *client);
