// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A game module: the rules of a world, as tables of declarations and functions.
///
/// A module is a shared library that exports one function, muster_game_module(). It declares what
/// its world is made of; the host owns all of that memory and hands it to the module's functions
/// together with a table of host functions (muster/host.h):
///
///     static void walk(const muster_host *host, muster_world *world, const muster_action *action)
///     {
///         muster_vec3 *velocity = host->column(world, MUSTER_COLUMN_VELOCITY);
///         velocity[host->player_entity(world, action->player_index)].x = action->values[0].real;
///     }
///
/// - State: all of it lies in columns and the blob. A module has no statics, keeps no pointers
///   between calls, reads no clock and calls no C library function that is not pure; so its world
///   can be replayed, moved and compared.
/// - Order: within a tick, joins and leaves, actions and messages in the order of the frame, tasks
///   of class CRITICAL and PLAYER, physics, tasks of class WORLD, AMBIENT and BACKGROUND. Tasks of
///   one class run in the order of the table, and one task's items in the order of their index.
/// - Threads: all functions of one world are called on one thread at a time.

#include "muster/base.h"
#include "muster/host.h"
#include "muster/math.h"
#include "muster/schema.h"
#include "muster/state.h"
#include "muster/world_def.h"

/// The number of this interface. A module is loaded only if it was built with the same one.
#define MUSTER_GAME_ABI 1u

/// The most that one module may declare; the last is of bytes.
#define MUSTER_COLUMN_COUNT_MAX  64
#define MUSTER_ACTION_COUNT_MAX  64
#define MUSTER_PARAM_COUNT_MAX   16
#define MUSTER_MESSAGE_COUNT_MAX 64
#define MUSTER_TASK_COUNT_MAX    64

/// The most bytes of any name, its closing zero included, and of a message.
#define MUSTER_NAME_BYTES        32
#define MUSTER_MESSAGE_BYTES_MAX 1024

/// One array of the world's state, an element for every entity slot, or for every player.
typedef struct muster_column_def {
    /// Unique within its table, lower case with underscores.
    const char *name;

    /// The type of one number.
    muster_state_type type;

    /// Numbers in an element, in [1, 16]: 3 for a vector.
    uint32_t lane_count;
} muster_column_def;

/// One parameter of an action: a whole number, or a real one in steps.
typedef struct muster_param_def {
    /// Unique within the action.
    const char *name;

    /// True for real numbers in steps of `precision`, false for whole numbers.
    bool is_real;

    /// The range: at most 2^31 steps apart; of whole numbers whole and within 2^24 of zero.
    float min, max;

    /// The step between two neighbouring values; 1 for whole numbers.
    float precision;
} muster_param_def;

/// Something a player does. It reaches the game only with every parameter in its range.
typedef struct muster_action_def {
    /// Unique within the game.
    const char *name;

    /// `param_count` parameters, at most MUSTER_PARAM_COUNT_MAX.
    const muster_param_def *params;
    uint32_t param_count;

    /// The most a player may do in a second, at least 1; more are refused and counted.
    uint32_t rate_hz_max;
} muster_action_def;

/// A custom message, such as chat: bytes that the host carries and does not read.
typedef struct muster_message_def {
    /// Unique within the game.
    const char *name;

    /// The longest one, at most MUSTER_MESSAGE_BYTES_MAX.
    uint32_t bytes_max;

    /// True to deliver each once and in order; false to send once and forget.
    bool is_reliable;

    /// True if players may send it; the host refuses it from them otherwise.
    bool is_from_players;

    /// The most a player may send in a second, at least 1.
    uint32_t rate_hz_max;
} muster_message_def;

/// How much a task matters to players, and where it stands in a tick.
typedef enum muster_task_class {
    /// Before physics; never left out.
    MUSTER_TASK_CRITICAL = 0,

    /// Before physics, for a player.
    MUSTER_TASK_PLAYER = 1,

    /// After physics: the world itself.
    MUSTER_TASK_WORLD = 2,

    /// After physics: what is nice to have, such as distant characters.
    MUSTER_TASK_AMBIENT = 3,

    /// After physics: what can wait.
    MUSTER_TASK_BACKGROUND = 4,
} muster_task_class;

/// What a task runs over.
typedef enum muster_task_scope {
    /// Once, with index 0.
    MUSTER_TASK_ONCE = 0,

    /// For every player in the world, with the player's index.
    MUSTER_TASK_EACH_PLAYER = 1,

    /// For every entity of `kind`, with the entity's slot.
    MUSTER_TASK_EACH_ENTITY = 2,
} muster_task_scope;

/// Work that the host runs for the game, every `period_ticks`.
typedef struct muster_task_def {
    /// Unique within the game.
    const char *name;

    /// How urgent it is, and what it runs for.
    muster_task_class task_class;
    muster_task_scope scope;

    /// The kind of entity for MUSTER_TASK_EACH_ENTITY.
    uint32_t kind;

    /// How often an item runs, at least 1. Items of one task are spread over the period.
    uint32_t period_ticks;

    /// What one item is expected to cost, in nanoseconds of one core.
    uint32_t estimate_ns;

    /// How many ticks an item may be late before it is of no use, at least 1.
    uint32_t deadline_ticks;

    /// Runs one item. It may spawn and remove entities; entities that are spawned in this tick run
    /// from the next one.
    void (*run)(const muster_host *host, muster_world *world, uint32_t index);
} muster_task_def;

/// A game. Everything it points to lives as long as the module is loaded.
typedef struct muster_game {
    /// MUSTER_GAME_ABI of the header that the module was built with. Always the first field.
    uint32_t abi;

    /// Raised whenever the rules change, so that an old recording is refused with both numbers.
    uint32_t rules_version;

    /// Lower case with underscores, at most 31 characters: the name it is loaded by.
    const char *name;

    /// Ticks a second, in [1, 240].
    uint32_t tick_rate_hz;

    /// True if the world has physics; false leaves positions to the game.
    bool has_physics;

    /// What the world is made for at most.
    muster_game_limits limits;

    /// What whoever creates a world may choose.
    const muster_option_def *options;
    uint32_t option_count;

    /// The game's columns by entity. The first is MUSTER_COLUMN_GAME in host calls and fields.
    const muster_column_def *columns;
    uint32_t column_count;

    /// The game's columns by player.
    const muster_column_def *player_columns;
    uint32_t player_column_count;

    /// Kinds of entities; those without a row are known as far as channels reach.
    const muster_kind_def *kinds;
    uint32_t kind_count;

    /// What clients are sent of entities.
    const muster_field_def *fields;
    uint32_t field_count;

    /// What players can do.
    const muster_action_def *actions;
    uint32_t action_count;

    /// What else travels between clients and the game.
    const muster_message_def *messages;
    uint32_t message_count;

    /// Work that the host runs.
    const muster_task_def *tasks;
    uint32_t task_count;

    /// Places terrain and static boxes through host->space, as a function of the seed alone: it is
    /// called for a new world and for one that will be restored. May be NULL.
    void (*build)(const muster_host *host, muster_world *world);

    /// Fills a new world, once, before its first tick. May be NULL.
    void (*start)(const muster_host *host, muster_world *world);

    /// A player has come in, or came back after an absence that the world did not see as a leave.
    void (*join)(const muster_host *host, muster_world *world, uint32_t player_index);

    /// A player goes. Its columns are cleared and its index is free when this returns. NULL
    /// removes its entity.
    void (*leave)(const muster_host *host, muster_world *world, uint32_t player_index);

    /// A player acts. May be NULL if there are no actions.
    void (*act)(const muster_host *host, muster_world *world, const muster_action *action);

    /// A player's message. May be NULL if there are none from players.
    void (*receive)(const muster_host *host, muster_world *world, const muster_message *message);

    /// Whether a player may see the fields of MUSTER_VISIBLE_RULE of an entity. It reads the world
    /// and never changes it. NULL: nobody may.
    bool (*can_see)(
        const muster_host *host, const muster_world *world, uint32_t player_index, uint32_t slot);
} muster_game;

/// The one symbol that a module exports.
/// @return the game; the same pointer each time
MUSTER_API const muster_game *muster_game_module(void);
