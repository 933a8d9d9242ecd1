// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Finding and loading a game by name.

#include "drivers/error.h"
#include "drivers/module.h"
#include "muster/game.h"

struct game_module {
    struct module *module;
    const muster_game *game;
};

/// Loads a game: a path if it contains "/", else NAME.so in a folder of MUSTER_GAME_PATH (separated
/// by colons), then beside the program and where games are installed. It is loaded in a process of
/// its own first: one that crashes or hangs there is refused. Only while there is one thread.
/// @param game_path  the value of MUSTER_GAME_PATH, or NULL
/// @param out_error  told why: no such file, no game in it, another interface, a wrong table, a
///                   crash
/// @return MUSTER_ERR_NOT_FOUND, MUSTER_ERR_IO, MUSTER_ERR_VERSION, MUSTER_ERR_INVALID,
///         MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status game_module_open(const char *name,
    const char *game_path,
    struct game_module *out_module,
    struct driver_error *out_error);

/// Unloads it. Nothing of the game may be in use.
void game_module_close(struct game_module *module);
