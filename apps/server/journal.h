// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Journal: what the server's owner keeps of what happened: the newest events, who is here, the
/// last map, and the audit log.
///
/// - Memory: taken at creation.
/// - Threads: journal_collect() by one owner; everything by any, under a lock that neither the
///   packet path nor a tick ever takes.

#include "apps/muster/settings.h"
#include "apps/server/audit.h"
#include "apps/server/server.h"
#include "apps/server/server_event.h"

#include <jansson.h>

/// Events that are kept.
#define JOURNAL_EVENT_COUNT 8192u

/// The most events of one answer.
#define JOURNAL_PAGE_COUNT 256u

struct journal;

/// Creates a journal and opens the audit log.
/// @param settings  only read here
/// @param out_error  told why
/// @return MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status journal_create(
    const struct settings *settings, struct journal **out_journal, struct driver_error *out_error);

/// Closes it. Does nothing for NULL.
void journal_destroy(struct journal *journal);

/// Takes what the server's world has told.
/// @param time_ms  since 1970
/// @return true if there were events, or there is a new live map
bool journal_collect(struct journal *journal, struct server *server, uint64_t time_ms);

/// Notes a login in the audit log.
/// @param player   NULL when nobody is known
/// @param refusal  NULL for a token that was given out
void journal_note_login(struct journal *journal,
    uint64_t time_ms,
    const muster_player *player,
    const muster_address *address,
    const char *refusal);

/// The events after a number, as {"events": [...], "next": N, "missed": N}.
/// @return NULL when there is none and `can_be_empty` is false
json_t *journal_events(struct journal *journal, uint64_t after, bool can_be_empty);

/// Notes in the audit log that somebody is banned, or that a ban is lifted, of which only the
/// number is known.
void journal_note_ban(
    struct journal *journal, uint64_t time_ms, const struct ban *ban, bool is_in_force);

/// Who is here and how their connections stand, as {"players": [...]}.
json_t *journal_players(struct journal *journal, const struct server *server);

/// A player's name and where the player was last.
/// @param player_index  of one who is here, or was
void journal_describe_player(struct journal *journal,
    uint32_t player_index,
    char out_name[MUSTER_NAME_BYTES],
    muster_address *out_address);

/// Finds a player who is here.
/// @return MUSTER_NONE if the id is nobody's
uint32_t journal_find_player(struct journal *journal, const uint64_t player_id[2]);

/// Where things are, as {"tick": N, "entities": N, "points": [[x, y, kind, team, is_player], ...]}.
json_t *journal_map(struct journal *journal);

/// The newest live map, as server_live.h has it, if it is of a later tick.
/// @param bytes  room for SERVER_LIVE_BYTES_MAX
/// @return its length, 0 when there is none yet
uint32_t journal_live(struct journal *journal, uint64_t after_tick, void *bytes);

/// True when a line of the audit log could not be written.
bool journal_has_failed(struct journal *journal);
