// SPDX-License-Identifier: Apache-2.0
#pragma once

/// State folder: what a world resumes from after a restart, also after a crash.
///
///     world-00000017.frames   frame logs, one after the other; each begins with a snapshot
///     world-00000018.frames
///     stopped                 the last tick of a run that ended as it should
///     lock                    held by the server that uses the folder
///
/// A restart replays the newest log from its snapshot to its last whole tick, which is checked on
/// the way. The run's own logs come behind it. Only the newest two are kept.
///
/// - Threads: one owner, not the world's.

#include "apps/server/recorder.h"
#include "muster/game.h"

#define STATE_PATH_BYTES 1200u

struct state_folder;

/// What a folder holds.
struct state_world {
    uint8_t *snapshot; // NULL: no world yet
    size_t snapshot_length;
    uint64_t seed;
    muster_game_limits limits;
    int64_t options[MUSTER_OPTION_COUNT_MAX]; // as many as the game has
    uint64_t tick;
    uint64_t lost_ticks_max; // ticks that the run before may have got further
};

/// Makes the folder where there is none, and locks it.
/// @param interval_us  time between two logs
/// @param out_error    told why, its code EWOULDBLOCK for a folder in use
/// @return MUSTER_ERR_IO, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status state_folder_open(const char *path,
    uint64_t interval_us,
    struct state_folder **out_folder,
    struct driver_error *out_error);

/// Unlocks it. Does nothing for NULL.
void state_folder_close(struct state_folder *folder);

/// Brings the world in the folder to its last tick, if there is one.
/// @param out_world  to be freed by state_world_free()
/// @param out_error  told why: a log of another game, a replay that differs
/// @return MUSTER_ERR_VERSION, MUSTER_ERR_MALFORMED for a replay that differs, MUSTER_ERR_IO,
///         MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status state_folder_load(struct state_folder *folder,
    const muster_game *game,
    struct state_world *out_world,
    struct driver_error *out_error);

/// Gives its memory back.
void state_world_free(struct state_world *world);

/// The path of the next log. Belongs to the folder, valid until the next call.
const char *state_folder_next_path(struct state_folder *folder);

/// Now and then: has the recorder go on in another log when it is time, and removes old ones.
void state_folder_tend(struct state_folder *folder, struct recorder *recorder, uint64_t now_us);

/// Notes that the run has ended as it should, with its logs closed.
void state_folder_mark_stopped(struct state_folder *folder, uint64_t tick);
