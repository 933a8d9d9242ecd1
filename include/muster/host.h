// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the host does for a game: the table of functions that every call into a module gets.
///
/// A module imports no symbol of the host; it calls through this table. Entities are named by slot
/// within a tick, and by id for longer: a slot is used again after its entity was removed, an id
/// never is.
///
/// - Errors: a wrong slot, index or pointer is a bug of the game and stops the process with a
///   message. A full limit is a status.
/// - Threads: the thread that called the module.

#include "muster/base.h"
#include "muster/math.h"

/// A world, seen from its game. Only ever handed back to the host.
typedef struct muster_world muster_world;

/// No slot, no player.
#define MUSTER_NONE UINT32_MAX

/// Columns that every world has. A game's own columns follow from MUSTER_COLUMN_GAME on, in the
/// order of its table.
enum {
    /// U16: the entity's kind, as given to entity_spawn(). Read only.
    MUSTER_COLUMN_KIND = 0,

    /// U16: the team that MUSTER_VISIBLE_TEAM compares; 0 is no team.
    MUSTER_COLUMN_TEAM = 1,

    /// U32: index + 1 of the player that MUSTER_VISIBLE_OWNER means; 0 is nobody.
    MUSTER_COLUMN_OWNER = 2,

    /// F32 x 3, metres. Read only for an entity with a body; see muster/space_api.h.
    MUSTER_COLUMN_POSITION = 3,

    /// F32 x 3, metres a second. May be written.
    MUSTER_COLUMN_VELOCITY = 4,

    /// The game's first own column.
    MUSTER_COLUMN_GAME = 8,
};

/// An entity's name for its whole life and beyond; zero is no entity.
typedef uint64_t muster_entity_id;

/// The most bytes of a player's name, its closing zero included.
#define MUSTER_PLAYER_NAME_BYTES 32

/// A player of the world.
typedef struct muster_player {
    /// 128 bits from the studio's back end, or made for a guest.
    uint64_t id[2];

    /// UTF-8, without control characters.
    char name[MUSTER_PLAYER_NAME_BYTES];

    /// The party that the player came with; 0 is none.
    uint64_t party_id;

    /// The tick in which the player joined.
    uint64_t joined_tick;

    /// The subscription tier, 0 for the lowest.
    uint32_t tier;

    /// Slot of the entity that the player sees from, MUSTER_NONE if none.
    uint32_t entity_slot;
} muster_player;

/// What a player is at, for those who give out time: set by the game when it changes.
typedef enum muster_activity {
    MUSTER_ACTIVITY_IDLE = 0,
    MUSTER_ACTIVITY_TRAVEL = 1,
    MUSTER_ACTIVITY_TRADE = 2,
    MUSTER_ACTIVITY_COMBAT = 3,
} muster_activity;

/// A parameter's value.
typedef union muster_value {
    /// Of a whole-number parameter.
    int32_t whole;

    /// Of a real parameter.
    float real;
} muster_value;

/// An action, checked.
typedef struct muster_action {
    /// Who acts.
    uint32_t player_index;

    /// Which of the game's actions.
    uint32_t action_index;

    /// One for each parameter, in order.
    const muster_value *values;
} muster_action;

/// A message from a player, its length checked; the bytes are whatever the player sent.
typedef struct muster_message {
    /// Who sent it.
    uint32_t player_index;

    /// Which of the game's messages.
    uint32_t message_index;

    /// What was sent; valid for the call.
    const uint8_t *bytes;
    uint32_t length;
} muster_message;

/// Whom a message goes to.
typedef enum muster_audience {
    /// The player `target`.
    MUSTER_TO_PLAYER = 0,

    /// Players whose entity is of team `target`.
    MUSTER_TO_TEAM = 1,

    /// Everyone.
    MUSTER_TO_ALL = 2,
} muster_audience;

/// Kinds of entities that a game may have.
#define MUSTER_KIND_COUNT_MAX 64

/// The table. Functions are grouped by what they are about.
typedef struct muster_host {
    /// The world's current tick; the first step is tick 1, build() and start() run in tick 0.
    uint64_t (*tick)(const muster_world *world);

    /// Ticks a second.
    uint32_t (*tick_rate_hz)(const muster_world *world);

    /// Random bits as a function of the world's seed, the tick and the arguments. `purpose` is a
    /// constant of the game for one use; `index` numbers several draws for one use.
    uint64_t (*random)(
        const muster_world *world, uint64_t entity, uint32_t purpose, uint32_t index);

    /// How slowly time passes for players, in thousandths, in [100, 1000]: the time between two
    /// steps is a tick's length times 1000 / time scale. The length of a step stays the same.
    uint32_t (*time_scale_permille)(const muster_world *world);

    /// What was chosen for an option, by its index in the game's table; also in build().
    int64_t (*option)(const muster_world *world, uint32_t option_index);

    /// The game's blob, `blob_bytes` long, zero at first. A visibility rule only reads it, and the
    /// columns below.
    void *(*blob)(const muster_world *world);

    /// A column's first element; the element of slot s is s elements further. Zero at spawn.
    void *(*column)(const muster_world *world, uint32_t column_index);

    /// A column by player; zero at join.
    void *(*player_column)(const muster_world *world, uint32_t column_index);

    /// Makes an entity at a position.
    /// @param kind      the game's own meaning, below MUSTER_KIND_COUNT_MAX
    /// @param out_slot  set to the slot, MUSTER_NONE on failure
    /// @return MUSTER_ERR_FULL
    muster_status (*entity_spawn)(
        muster_world *world, uint32_t kind, muster_vec3 position, uint32_t *out_slot);

    /// Removes an entity, with its body. Its columns keep their values until the tick ends.
    void (*entity_remove)(muster_world *world, uint32_t slot);

    /// Whether an entity lives in a slot; false for one that was removed in this tick.
    bool (*entity_is_alive)(const muster_world *world, uint32_t slot);

    /// The first live entity of a kind at or after a slot, MUSTER_NONE if there is none.
    uint32_t (*entity_next)(const muster_world *world, uint32_t kind, uint32_t slot_min);

    /// The id of a live entity.
    muster_entity_id (*entity_id)(const muster_world *world, uint32_t slot);

    /// The slot of an entity, MUSTER_NONE if it is no more.
    uint32_t (*entity_find)(const muster_world *world, muster_entity_id id);

    /// The player at an index, NULL if there is none. Valid until the call into the game returns.
    const muster_player *(*player)(const muster_world *world, uint32_t player_index);

    /// The first player at or after an index, MUSTER_NONE if there is none.
    uint32_t (*player_next)(const muster_world *world, uint32_t player_index_min);

    /// Slot of a player's entity, MUSTER_NONE if it has none.
    uint32_t (*player_entity)(const muster_world *world, uint32_t player_index);

    /// Gives a player the entity it sees from and owns; MUSTER_NONE takes it away.
    void (*player_set_entity)(muster_world *world, uint32_t player_index, uint32_t slot);

    /// Says what a player is at.
    void (*player_set_activity)(
        muster_world *world, uint32_t player_index, muster_activity activity);

    /// Sends a message of the game's table after this step.
    /// @param target  a player's index or a team, as `audience` says
    /// @return MUSTER_ERR_FULL if this step has sent as many as it may
    muster_status (*message_send)(muster_world *world,
        uint32_t message_index,
        muster_audience audience,
        uint32_t target,
        const void *bytes,
        uint32_t length);

    /// Physics, see muster/space_api.h.
    const struct muster_space_api *space;
} muster_host;
