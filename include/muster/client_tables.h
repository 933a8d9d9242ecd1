// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Client, its tables: what the game lets a player do and say, as the server told it at join. For
/// programs that do not know their game beforehand, such as bindings of engines.
///
///     muster_client_action_def def;
///     for (uint32_t i = 0; muster_client_action_at(client, i, &def); i++) { ... def.name ... }
///
/// - Order: the tables are there while the client plays. A new connection brings them anew.
/// - Memory: answers are copied out; nothing is allocated.
/// - Cost: of an action about a microsecond, since its texts are read from what the server sent.
/// - Threads: as the client.

#include "muster/client.h"

/// Room for a name of the tables, its closing zero included.
#define MUSTER_CLIENT_NAME_BYTES 32

/// A parameter of an action.
typedef struct muster_client_param_def {
    /// Unique within the action.
    char name[MUSTER_CLIENT_NAME_BYTES];

    /// True for real numbers in steps of `precision`, false for whole numbers.
    bool is_real;

    /// The range, and the step between two neighbouring values.
    float min, max, precision;
} muster_client_param_def;

/// An action.
typedef struct muster_client_action_def {
    /// Unique within the game.
    char name[MUSTER_CLIENT_NAME_BYTES];

    /// The most that a player may do in a second.
    uint32_t rate_hz_max;

    /// Parameters in use.
    uint32_t param_count;

    /// In the order of the values of muster_client_act().
    muster_client_param_def params[MUSTER_CLIENT_PARAM_MAX];
} muster_client_action_def;

/// A custom message.
typedef struct muster_client_message_def {
    /// Unique within the game.
    char name[MUSTER_CLIENT_NAME_BYTES];

    /// The longest one.
    uint32_t bytes_max;

    /// Whether each is delivered once and in order; else it is sent once and forgotten.
    bool is_reliable;

    /// Whether players may send it.
    bool is_from_players;
} muster_client_message_def;

/// How many actions and messages the game has; 0 before the tables are there.
MUSTER_API uint32_t muster_client_action_count(const muster_client *client);
MUSTER_API uint32_t muster_client_message_count(const muster_client *client);

/// The action or message at an index.
/// @param out_def  set to it, or to zeros if there is none
/// @return false if there is none
MUSTER_API bool muster_client_action_at(
    const muster_client *client, uint32_t action_index, muster_client_action_def *out_def);
MUSTER_API bool muster_client_message_at(
    const muster_client *client, uint32_t message_index, muster_client_message_def *out_def);

/// The replicated fields and the tick rate; NULL before the tables were there first. The client's,
/// until it connects anew.
MUSTER_API const muster_replica_schema *muster_client_schema(const muster_client *client);
