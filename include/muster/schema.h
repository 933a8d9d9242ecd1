// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a game shows its clients: replicated fields, declared once, and the channels that carry
/// them. A field reads one column of the world's state; on the wire it is a small integer.

#include "muster/base.h"

/// The channels of a schema.
#define MUSTER_CHANNEL_COUNT 4

/// The most fields one game can replicate.
#define MUSTER_FIELD_COUNT_MAX 32

/// Which channel carries a field. The defaults: 60 Hz within 50 m, 30 Hz within 150 m, 15 Hz
/// within 300 m, 5 Hz within 1,000 m.
typedef enum muster_channel {
    /// What a player must know now: position, health.
    MUSTER_CHANNEL_CRITICAL = 0,

    /// What makes motion smooth: velocity, rotation.
    MUSTER_CHANNEL_DETAILED = 1,

    /// What only pleases the eye.
    MUSTER_CHANNEL_COSMETIC = 2,

    /// What rarely changes: names, teams, scores.
    MUSTER_CHANNEL_METADATA = 3,
} muster_channel;

/// How often and how far a channel is sent.
typedef struct muster_channel_def {
    /// Sends a second for one entity, in [1, tick rate]; it must divide the tick rate.
    uint32_t rate_hz;

    /// Entities nearer than this to the client's viewpoint are sent, in metres.
    float radius_m;
} muster_channel_def;

/// How a field's numbers become integers.
typedef enum muster_field_encoding {
    /// Unsigned whole numbers in [min, max] of a column of U8, U16 or U32, exact.
    MUSTER_FIELD_UINT = 0,

    /// F32 numbers in [min, max], rounded to the nearest multiple of `precision` above `min`.
    MUSTER_FIELD_FLOAT = 1,

    /// F32 positions in metres: as FLOAT, and expected to move evenly, so that what is sent is the
    /// error of a linear prediction.
    MUSTER_FIELD_POSITION = 2,

    /// An F32 angle in radians, wrapped, rounded to a multiple of `precision`.
    MUSTER_FIELD_ANGLE = 3,
} muster_field_encoding;

/// Who may see a field of an entity.
typedef enum muster_visibility {
    /// Every client near enough.
    MUSTER_VISIBLE_EVERYONE = 0,

    /// The client of the player that the entity belongs to.
    MUSTER_VISIBLE_OWNER = 1,

    /// Clients of the entity's team.
    MUSTER_VISIBLE_TEAM = 2,

    /// Clients for whom the game's visibility rule says so.
    MUSTER_VISIBLE_RULE = 3,
} muster_visibility;

/// One replicated field.
typedef struct muster_field_def {
    /// Unique within the game, lower case with underscores.
    const char *name;

    /// The column it reads, by its index in the game's table of columns.
    uint32_t column_index;

    /// How its numbers become integers; a column of several lanes encodes each alike.
    muster_field_encoding encoding;

    /// The range: values outside are clamped before they are sent. Unused for ANGLE.
    float min, max;

    /// The step between two neighbouring values; 1 for UINT.
    float precision;

    /// Which channel carries it.
    muster_channel channel;

    /// Who may see it.
    muster_visibility visibility;
} muster_field_def;

/// A kind of entity, by its index in the game's table.
typedef struct muster_kind_def {
    /// Unique within the game, lower case with underscores.
    const char *name;

    /// Clients further away know nothing of such an entity, in metres; 0: as far as channels reach.
    /// Small things of which there are thousands should not reach far.
    float reach_m;
} muster_kind_def;

/// The four channels at their default rates and radii.
/// @param out_channels  filled in, indexed by muster_channel
MUSTER_API void muster_channel_defaults(muster_channel_def out_channels[MUSTER_CHANNEL_COUNT]);
