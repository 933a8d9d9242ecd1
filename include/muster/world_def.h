// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a world is made with: how much it holds, and what whoever creates it may choose. Both are
/// part of the world: a recording plays back only under the same ones.

#include "muster/base.h"

/// What a world can be made for at most; the last is of bytes.
#define MUSTER_PLAYER_COUNT_MAX 4096
#define MUSTER_ENTITY_COUNT_MAX 65536
#define MUSTER_BOX_COUNT_MAX    65536
#define MUSTER_BLOB_BYTES_MAX   (1024 * 1024)

/// The most options of a game.
#define MUSTER_OPTION_COUNT_MAX 16

/// The most a world of this game holds; the configuration may lower each.
typedef struct muster_game_limits {
    /// Players at once, in [1, 4,096].
    uint32_t player_count_max;

    /// Entities at once, in [1, 65,536].
    uint32_t entity_count_max;

    /// Static boxes, at most 65,536.
    uint32_t box_count_max;

    /// Bytes of the blob, at most 1 MiB. It cannot be lowered.
    uint32_t blob_bytes;
} muster_game_limits;

/// A number that is chosen when a world is created, and stays: the game asks host->option().
typedef struct muster_option_def {
    /// Unique within the game, lower case with underscores.
    const char *name;

    /// The range, both ends included, and the value if nothing is chosen.
    int64_t min, max, fallback;
} muster_option_def;
