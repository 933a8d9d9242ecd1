// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Muster's client as one shared library, libmuster_client.so, for engines and managed languages:
/// Unity (unity.md), Unreal (unreal.md), Godot (godot.md), or anything that can call C.
///
///     muster_sdk_client *client;
///     muster_sdk_def def;
///     muster_sdk_default_def(&def);
///     muster_sdk_create(MUSTER_SDK_ABI, &def, &client);
///     muster_sdk_join(client, "127.0.0.1:7777", NULL, "ada", 5000);
///     each frame:
///         if (muster_sdk_update(client) != MUSTER_SDK_OK) { ... muster_sdk_last_error() ... }
///         ... pop events and messages, act, list and draw entities ...
///     muster_sdk_leave(client);
///     muster_sdk_destroy(client);
///
/// - Answers: a function that can fail returns a status as an int32_t. What `out_` names is always
///   written, zeros on failure, but arrays are left alone then. A NULL by mistake, also for the
///   client, is MUSTER_SDK_ERR_INVALID. A buffer that is too small is MUSTER_SDK_ERR_FULL, and
///   nothing is lost. MUSTER_SDK_ERR_NOT_FOUND says that there is none, or no world.
/// - Waiting: only muster_sdk_wait() and muster_sdk_leave() wait, each as long as it says.
/// - Memory: about 100 KiB at creation, and up to 2.5 MB when the tables of a world come; a login
///   takes a thread and gives it back. All buffers are the caller's, and nothing of them is kept.
/// - Threads: a client belongs to one thread at a time. A login runs on a thread of the library's,
///   which ends with the answer or the time limit; no code of the caller's is ever called.
/// - Texts are UTF-8 and end with a zero.
/// - Structs have no holes, and their sizes and offsets are the same with every compiler. Whatever
///   of this file changes for existing programs changes MUSTER_SDK_ABI.

#include <stdint.h>

/// Before each function.
#ifdef __cplusplus
#define MUSTER_SDK_API extern "C" __attribute__((visibility("default")))
#else
#define MUSTER_SDK_API __attribute__((visibility("default")))
#endif

/// The number of this interface.
#define MUSTER_SDK_ABI 1

/// Bytes of a name of the tables, a connect token, an error's code and text, each with its zero.
#define MUSTER_SDK_NAME_BYTES       32
#define MUSTER_SDK_TOKEN_BYTES      2048
#define MUSTER_SDK_ERROR_CODE_BYTES 32
#define MUSTER_SDK_ERROR_TEXT_BYTES 256

/// The most bytes of a message, parameters of an action, actions that wait to be counted, numbers
/// of a field, and entities that a client knows.
#define MUSTER_SDK_MESSAGE_BYTES_MAX 1024
#define MUSTER_SDK_PARAM_COUNT_MAX   16
#define MUSTER_SDK_PENDING_COUNT_MAX 64
#define MUSTER_SDK_LANE_COUNT_MAX    4
#define MUSTER_SDK_ENTITY_COUNT_MAX  4096

/// Statuses: done; an argument is wrong; no memory; no room; bytes that are not what they should
/// be; not there; the system refuses; the server refuses; another version; nobody answers.
#define MUSTER_SDK_OK            0
#define MUSTER_SDK_ERR_INVALID   (-1)
#define MUSTER_SDK_ERR_NO_MEMORY (-2)
#define MUSTER_SDK_ERR_FULL      (-3)
#define MUSTER_SDK_ERR_MALFORMED (-4)
#define MUSTER_SDK_ERR_NOT_FOUND (-5)
#define MUSTER_SDK_ERR_IO        (-6)
#define MUSTER_SDK_ERR_DENIED    (-7)
#define MUSTER_SDK_ERR_VERSION   (-8)
#define MUSTER_SDK_ERR_TIMED_OUT (-9)

/// Where a client stands: the login failed; no way to the server; the server has ended it; at rest;
/// opening a connection; waiting for the tables; in the world; in the world, but nothing is heard;
/// asking for a token.
#define MUSTER_SDK_REFUSED     (-3)
#define MUSTER_SDK_UNREACHABLE (-2)
#define MUSTER_SDK_CLOSED      (-1)
#define MUSTER_SDK_IDLE        0
#define MUSTER_SDK_CONNECTING  1
#define MUSTER_SDK_JOINING     2
#define MUSTER_SDK_PLAYING     3
#define MUSTER_SDK_RESUMING    4
#define MUSTER_SDK_LOGGING_IN  5

/// What became of entities: one can be seen; one is gone; all are forgotten, since a connection
/// begins anew: those that are still there enter again.
#define MUSTER_SDK_ENTER 1
#define MUSTER_SDK_LEAVE 2
#define MUSTER_SDK_RESET 3

/// How a field's numbers travel: whole numbers, numbers, places, an angle in radians.
#define MUSTER_SDK_UINT     0
#define MUSTER_SDK_FLOAT    1
#define MUSTER_SDK_POSITION 2
#define MUSTER_SDK_ANGLE    3

/// A client. Only ever handed back to the library.
typedef struct muster_sdk_client muster_sdk_client;

/// What a client is made from. Start from muster_sdk_default_def().
typedef struct muster_sdk_def {
    uint32_t resume_after_ms;  ///< Silence after which a new connection is tried. Default 1,500.
    uint32_t resume_window_ms; ///< How long it is tried. Default 30,000.
    uint32_t margin_ticks;     ///< How early actions should arrive, in [0, 16]. Default 2.
    uint32_t send_ticks;       ///< Ticks between two packets of actions, in [1, 4]. Default 1.
} muster_sdk_def;

/// Why something failed.
typedef struct muster_sdk_error {
    int32_t status;                         ///< Of the call that failed last; 0 if none has.
    uint32_t http_status;                   ///< Of a refused login, such as 401; else 0.
    char code[MUSTER_SDK_ERROR_CODE_BYTES]; ///< Of one, such as "unauthorized"; else empty.
    char text[MUSTER_SDK_ERROR_TEXT_BYTES]; ///< One line for a person.
} muster_sdk_error;

/// A client at a moment. Whatever belongs to a world is 0 before the client plays.
typedef struct muster_sdk_info {
    uint64_t tick;             ///< That an action made now is meant for.
    uint64_t newest_tick;      ///< That an update has brought.
    double render_tick;        ///< That a picture drawn now should show.
    int32_t state;             ///< MUSTER_SDK_PLAYING and the like.
    uint32_t close_reason;     ///< Why the server ended it, as in docs/protocol/session.md.
    uint32_t player_index;     ///< In the world; UINT32_MAX before the client plays.
    uint32_t tick_rate_hz;     ///< Ticks a second.
    uint32_t action_count;     ///< Of the game's tables.
    uint32_t message_count;    ///< Of the game's tables.
    uint32_t field_count;      ///< Of the game's tables.
    uint32_t entity_count;     ///< That are known.
    uint32_t counted_sequence; ///< The newest action that has counted.
    uint32_t pending_count;    ///< Actions that have not counted yet.
    uint32_t is_leaving;       ///< 1 while goodbyes are to be sent by muster_sdk_update().
    uint32_t unused;           ///< 0.
} muster_sdk_info;

/// An action of the game's tables.
typedef struct muster_sdk_action {
    char name[MUSTER_SDK_NAME_BYTES]; ///< Unique within the game.
    uint32_t param_count;             ///< Values that it takes.
    uint32_t rate_hz_max;             ///< The most that a player may do in a second.
} muster_sdk_action;

/// A parameter of an action.
typedef struct muster_sdk_param {
    char name[MUSTER_SDK_NAME_BYTES]; ///< Unique within the action.
    double min;                       ///< The range.
    double max;                       ///< The range.
    double precision;                 ///< The step between two neighbouring values.
    uint32_t is_real;                 ///< 1 for real numbers, 0 for whole ones.
    uint32_t unused;                  ///< 0.
} muster_sdk_param;

/// A custom message of the game's tables.
typedef struct muster_sdk_message {
    char name[MUSTER_SDK_NAME_BYTES]; ///< Unique within the game.
    uint32_t bytes_max;               ///< The longest one.
    uint32_t is_reliable;             ///< 1 if each comes once and in order.
    uint32_t is_from_players;         ///< 1 if players may send it.
    uint32_t unused;                  ///< 0.
} muster_sdk_message;

/// A replicated field of the game's tables.
typedef struct muster_sdk_field {
    char name[MUSTER_SDK_NAME_BYTES]; ///< Unique within the game.
    double min;                       ///< The range.
    double max;                       ///< The range.
    double precision;                 ///< The step between two neighbouring values.
    uint32_t lane_count;              ///< Numbers of it, at most MUSTER_SDK_LANE_COUNT_MAX.
    uint32_t encoding;                ///< MUSTER_SDK_UINT and the like.
} muster_sdk_field;

/// An entity that the player may see.
typedef struct muster_sdk_entity {
    uint64_t id;        ///< Its name for ever.
    uint64_t tick;      ///< Of its newest state.
    uint32_t index;     ///< Its place among those that are known; another may have it later.
    uint32_t kind;      ///< The game's kind.
    uint32_t is_mine;   ///< 1 if it belongs to this player.
    uint32_t has_place; ///< 1 if `place` is known.

    /// Where it is at info.render_tick: its first POSITION field, in the game's units. The player's
    /// own entity is better drawn at its newest state, with pending actions applied.
    float place[MUSTER_SDK_LANE_COUNT_MAX];
} muster_sdk_entity;

/// What became of an entity, or of all.
typedef struct muster_sdk_event {
    uint32_t type;            ///< MUSTER_SDK_ENTER and the like.
    uint32_t unused;          ///< 0.
    muster_sdk_entity entity; ///< As it was then, without a place; zeros for RESET.
} muster_sdk_event;

/// An action that has not counted yet.
typedef struct muster_sdk_pending {
    uint64_t tick;                             ///< That it is meant for.
    uint32_t sequence;                         ///< Its number.
    uint32_t action_index;                     ///< Which action.
    uint32_t value_count;                      ///< Values in use.
    uint32_t unused;                           ///< 0.
    double values[MUSTER_SDK_PARAM_COUNT_MAX]; ///< As the server will see them.
} muster_sdk_pending;

/// Figures of a client since its creation; the last four are of now.
typedef struct muster_sdk_stats {
    uint64_t updates;          ///< Updates of the world.
    uint64_t updates_refused;  ///< That could not be taken in.
    uint64_t refreshes;        ///< Times that everything was asked for anew.
    uint64_t resumes;          ///< Connections that were lost and made anew.
    uint64_t packets_sent;     ///< Packets.
    uint64_t packets_received; ///< Packets.
    uint64_t bytes_sent;       ///< Of them, without IP and UDP.
    uint64_t bytes_received;   ///< Of them, without IP and UDP.
    uint64_t messages_dropped; ///< Custom messages that nobody took in time, or too long ones.
    uint32_t rtt_us;           ///< There and back; 0 while unknown.
    uint32_t loss_ppm;         ///< Packets lost, of a million.
    uint32_t interpolation_us; ///< How far behind the newest tick render_tick is.
    int32_t margin_ticks;      ///< How early actions arrive.
} muster_sdk_stats;

/// The number that the library was built with; it must be MUSTER_SDK_ABI.
MUSTER_SDK_API uint32_t muster_sdk_abi(void);

/// A definition with every field at its default.
MUSTER_SDK_API int32_t muster_sdk_default_def(muster_sdk_def *out_def);

/// Destroys a client; the server is told nothing. Does nothing for NULL.
MUSTER_SDK_API void muster_sdk_destroy(muster_sdk_client *client);

/// Creates a client at rest.
/// @param abi  MUSTER_SDK_ABI, as the caller knows it
/// @return ERR_VERSION for another number; ERR_INVALID; ERR_NO_MEMORY; ERR_IO without a socket
MUSTER_SDK_API int32_t muster_sdk_create(
    uint32_t abi, const muster_sdk_def *def, muster_sdk_client **out_client);

/// Begins to join: asks the server's HTTP side for a token, then connects. What was open before is
/// given up. muster_sdk_update() goes on with it and says what has failed. The login is plain HTTP:
/// with TLS, let the engine's own HTTP client ask for the token and use muster_sdk_connect().
/// @param server      "203.0.113.7:7777" or "play.example.com:7777"; NULL for 127.0.0.1:7777
/// @param api_key     of a back end or a test, never on a player's machine; NULL for a guest
/// @param name        what the player is called, 1 to 31 bytes; NULL: the server decides
/// @param timeout_ms  for the login, at least 1; looking up a host's name comes on top
/// @return ERR_INVALID, ERR_NO_MEMORY, ERR_IO without a thread
MUSTER_SDK_API int32_t muster_sdk_join(muster_sdk_client *client,
    const char *server,
    const char *api_key,
    const char *name,
    uint32_t timeout_ms);

/// Begins to join with a token that a back end has asked for.
/// @param token_bytes  MUSTER_SDK_TOKEN_BYTES
/// @return ERR_INVALID for another length; ERR_MALFORMED, ERR_VERSION for what is no token
MUSTER_SDK_API int32_t muster_sdk_connect(
    muster_sdk_client *client, const uint8_t *token, uint32_t token_bytes);

/// Receives what has come, does what is due and sends; never waits. Call it each frame, at least 10
/// times a second. Drops events that were not popped since the last call.
/// @return OK as long as nothing has failed. Of a login: as muster_client_login_ask(). Later:
///         ERR_DENIED if the server has ended it, ERR_FULL if it has no room, ERR_IO, ERR_TIMED_OUT
MUSTER_SDK_API int32_t muster_sdk_update(muster_sdk_client *client);

/// Updates until the client plays.
/// @param timeout_ms  the longest that it waits, at most 600,000
/// @return as muster_sdk_update(), ERR_TIMED_OUT also if it does not play by then; the login or the
///         connection goes on then
MUSTER_SDK_API int32_t muster_sdk_wait(muster_sdk_client *client, uint32_t timeout_ms);

/// Leaves the world and says so, ten times within 100 ms against loss: waits that long.
MUSTER_SDK_API int32_t muster_sdk_leave(muster_sdk_client *client);

/// Leaves without waiting: go on with muster_sdk_update() while info.is_leaving.
MUSTER_SDK_API int32_t muster_sdk_begin_leave(muster_sdk_client *client);

/// Why the last call that failed did. Failures of questions (find, get, pop) are not kept.
MUSTER_SDK_API int32_t muster_sdk_last_error(
    const muster_sdk_client *client, muster_sdk_error *out_error);

/// Where the client stands, and figures.
MUSTER_SDK_API int32_t muster_sdk_get_info(
    const muster_sdk_client *client, muster_sdk_info *out_info);
MUSTER_SDK_API int32_t muster_sdk_get_stats(
    const muster_sdk_client *client, muster_sdk_stats *out_stats);

/// Finds an action, a message or a field by name; an index holds while the client plays the game.
/// @return ERR_NOT_FOUND if the game has none of that name, or its tables are not there yet
MUSTER_SDK_API int32_t muster_sdk_find_action(
    const muster_sdk_client *client, const char *name, uint32_t *out_index);
MUSTER_SDK_API int32_t muster_sdk_find_message(
    const muster_sdk_client *client, const char *name, uint32_t *out_index);
MUSTER_SDK_API int32_t muster_sdk_find_field(
    const muster_sdk_client *client, const char *name, uint32_t *out_index);

/// What stands in the game's tables at an index, which is below the count in muster_sdk_info.
/// @return ERR_NOT_FOUND if there is none
MUSTER_SDK_API int32_t muster_sdk_get_action(
    const muster_sdk_client *client, uint32_t action_index, muster_sdk_action *out_action);
MUSTER_SDK_API int32_t muster_sdk_get_param(const muster_sdk_client *client,
    uint32_t action_index,
    uint32_t param_index,
    muster_sdk_param *out_param);
MUSTER_SDK_API int32_t muster_sdk_get_message(
    const muster_sdk_client *client, uint32_t message_index, muster_sdk_message *out_message);
MUSTER_SDK_API int32_t muster_sdk_get_field(
    const muster_sdk_client *client, uint32_t field_index, muster_sdk_field *out_field);

/// Acts, in info.tick.
/// @param values        brought into range and rounded to their steps; NULL if there are none
/// @param value_count   as many as the action has parameters
/// @param out_sequence  set to the action's number
/// @return ERR_INVALID for another number of values, or one that is no number; ERR_NOT_FOUND
///         without such an action or while the client does not play; ERR_FULL if too many wait
MUSTER_SDK_API int32_t muster_sdk_act(muster_sdk_client *client,
    uint32_t action_index,
    const double *values,
    uint32_t value_count,
    uint32_t *out_sequence);

/// The same by the action's name.
MUSTER_SDK_API int32_t muster_sdk_act_by_name(muster_sdk_client *client,
    const char *name,
    const double *values,
    uint32_t value_count,
    uint32_t *out_sequence);

/// Actions that have not counted yet, oldest first: for prediction.
/// @param capacity   elements of `out_actions`; MUSTER_SDK_PENDING_COUNT_MAX always suffice
/// @param out_count  set to how many there are, also when they have no room
/// @return ERR_FULL, writing none, if they have no room
MUSTER_SDK_API int32_t muster_sdk_get_pending(const muster_sdk_client *client,
    muster_sdk_pending *out_actions,
    uint32_t capacity,
    uint32_t *out_count);

/// The entities that the player may see.
/// @param capacity   elements of `out_entities`; MUSTER_SDK_ENTITY_COUNT_MAX always suffice
/// @param out_count  set to how many there are, also when they have no room
/// @return ERR_FULL, writing none, if they have no room
MUSTER_SDK_API int32_t muster_sdk_get_entities(const muster_sdk_client *client,
    muster_sdk_entity *out_entities,
    uint32_t capacity,
    uint32_t *out_count);

/// One entity; and the first that belongs to the player.
/// @return ERR_NOT_FOUND if there is none
MUSTER_SDK_API int32_t muster_sdk_get_entity(
    const muster_sdk_client *client, uint32_t entity_index, muster_sdk_entity *out_entity);
MUSTER_SDK_API int32_t muster_sdk_get_own(
    const muster_sdk_client *client, muster_sdk_entity *out_entity);

/// The numbers of a field in its newest state, in the game's units; those beyond its lanes are 0.
/// @param out_numbers  MUSTER_SDK_LANE_COUNT_MAX elements
/// @return ERR_NOT_FOUND if there is no such entity or field, or the player may not see it
MUSTER_SDK_API int32_t muster_sdk_get_numbers(const muster_sdk_client *client,
    uint32_t entity_index,
    uint32_t field_index,
    double *out_numbers);

/// Where an entity was at a tick, between its states.
/// @param out_place  MUSTER_SDK_LANE_COUNT_MAX elements
/// @return ERR_NOT_FOUND if nothing is known of it; ERR_INVALID if the tick is no number
MUSTER_SDK_API int32_t muster_sdk_get_place(
    const muster_sdk_client *client, uint32_t entity_index, double tick, float *out_place);

/// Takes the next event.
/// @return ERR_NOT_FOUND when there is none
MUSTER_SDK_API int32_t muster_sdk_pop_event(muster_sdk_client *client, muster_sdk_event *out_event);

/// Sends a custom message.
/// @return ERR_NOT_FOUND without such a message for players, ERR_INVALID if it is too long,
///         ERR_FULL while too much is under way
MUSTER_SDK_API int32_t muster_sdk_send(
    muster_sdk_client *client, uint32_t message_index, const uint8_t *bytes, uint32_t length);

/// Takes the next custom message.
/// @param capacity    of `out_bytes`, at least MUSTER_SDK_MESSAGE_BYTES_MAX
/// @param out_length  set to its length
/// @return ERR_NOT_FOUND when there is none; ERR_FULL for too small a buffer
MUSTER_SDK_API int32_t muster_sdk_pop_message(muster_sdk_client *client,
    uint32_t *out_message_index,
    uint8_t *out_bytes,
    uint32_t capacity,
    uint32_t *out_length);
