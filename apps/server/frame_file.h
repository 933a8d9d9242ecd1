// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Frame logs as files, to read.

#include "drivers/error.h"
#include "muster/replay.h"

/// A file in memory, as it was when it was opened.
struct frame_file {
    const uint8_t *bytes;
    size_t length;
    muster_world_identity identity;
};

/// Maps a file and reads its header.
/// @param out_error  told why: no such file, empty, no frame log, another version of the format
/// @return MUSTER_ERR_NOT_FOUND, MUSTER_ERR_IO, MUSTER_ERR_MALFORMED, MUSTER_ERR_VERSION
MUSTER_NODISCARD muster_status frame_file_open(
    const char *path, struct frame_file *out_file, struct driver_error *out_error);

/// Gives the memory back. Does nothing for a file that is not open.
void frame_file_close(struct frame_file *file);

/// Checks that a log is of a game, as far as both tell.
/// @param out_error  names what both are
/// @return MUSTER_ERR_VERSION
MUSTER_NODISCARD muster_status frame_file_check_game(const char *path,
    const struct frame_file *file,
    const muster_game *game,
    struct driver_error *out_error);

/// Begins a replay of the file.
/// @param out_error  told why
MUSTER_NODISCARD muster_status frame_file_replay(const char *path,
    const struct frame_file *file,
    const muster_replay_def *def,
    muster_replay **out_replay,
    struct driver_error *out_error);
