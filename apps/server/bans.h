// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Bans: who gets no ticket for a while, by player id, by address, or by both.
///
/// - Memory: the table itself, fixed.
/// - Retention: until a ban is over or lifted, or the server ends.
/// - Threads: one at a time; the web thread's, where logins are answered.

#include "muster/packet.h"

#include <jansson.h>

/// Bans at once, the longest in seconds, and a reason's bytes with its closing zero.
#define BAN_COUNT_MAX        1024u
#define BAN_SECONDS_MAX      31536000u ///< As above.
#define BAN_REASON_BYTES_MAX 101u      ///< As above.

/// A ban.
struct ban {
    uint32_t number;        ///< Names it, from 1; 0 where there is none.
    uint64_t player_id[2];  ///< Zero for none.
    muster_address address; ///< Its port does not count; of no family for none.
    uint64_t until_ms;      ///< Since 1970.
    char name[32];          ///< Of the player, for operators; may be empty.
    char reason[BAN_REASON_BYTES_MAX];
};

/// A table of bans; all zeros is an empty one.
struct bans {
    uint32_t newest_number;
    struct ban list[BAN_COUNT_MAX];
};

/// Adds a ban. Those that are over make room.
/// @param ban         its number is set by this
/// @return MUSTER_ERR_FULL if as many as there may be are in force
MUSTER_NODISCARD muster_status bans_add(struct bans *bans, struct ban *ban, uint64_t now_ms);

/// Lifts a ban.
/// @return false if none in force has this number
bool bans_lift(struct bans *bans, uint32_t number, uint64_t now_ms);

/// The ban in force that is about a player or an address, NULL if there is none.
/// @param player_id  NULL for nobody yet
const struct ban *bans_find(const struct bans *bans,
    const uint64_t player_id[2],
    const muster_address *address,
    uint64_t now_ms);

/// All bans in force, as {"bans": [...]}.
json_t *bans_list(const struct bans *bans, uint64_t now_ms);
