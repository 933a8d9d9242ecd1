// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Client: joins a world, sends actions and holds what the player may see. A state machine without
/// sockets and clocks; muster/client_driver.h has those.
///
///     muster_client_connect(client, now, token);
///     each frame:
///         for each received packet: muster_client_receive(client, now, packet);
///         if (muster_client_state_of(client) == MUSTER_CLIENT_PLAYING) {
///             muster_client_act(client, walk, values, &sequence);
///         }
///         muster_client_update(client, now, packets); // then send them
///
/// - Prediction: actions that have not counted yet are muster_client_pending(); apply them to the
///   newest state of your own entity after each update, and it is where the server will have it.
/// - Time: muster_client_tick() says which tick an action made now is meant for. It runs a little
///   ahead of the server, by as much as the network needs and no more.
/// - Loss: an action is repeated until the server has counted it. When nothing is heard for a
///   while, the client opens a new connection by itself, from whatever address it then has.
/// - Memory: a few allocations at creation and when the server's schema comes; about 100 KiB.
/// - Threads: a client belongs to one thread at a time.

#include "muster/host.h"
#include "muster/netcode_client.h"
#include "muster/replica_view.h"
#include "muster/session.h"

/// Actions that can wait to be counted.
#define MUSTER_CLIENT_PENDING_MAX 64

/// Parameters of an action, at most: MUSTER_PARAM_COUNT_MAX of muster/game.h.
#define MUSTER_CLIENT_PARAM_MAX 16

/// A client. Created and destroyed by its owner.
typedef struct muster_client muster_client;

/// What a client is made from. Start from muster_client_default_def().
typedef struct muster_client_def {
    /// Silence after which a new connection is tried. Default 1,500,000.
    uint64_t resume_after_us;

    /// How long it is tried. Default 30,000,000.
    uint64_t resume_window_us;

    /// The tick margin that actions should arrive with, in [0, 16]. Default 2.
    uint32_t margin_ticks;

    /// Ticks between two packets of actions, in [1, 4]. With 2 there are half as many packets, and
    /// every second action is under way a tick longer. Default 1.
    uint32_t send_ticks;

    /// Whether the last places of entities are kept for muster_client_place(): about 240 bytes for
    /// each that can be known. Default true.
    bool keeps_places;

    /// Where memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_client_def;

/// Where a client stands.
typedef enum muster_client_state {
    /// The connection could not be made, or was not to be had back.
    MUSTER_CLIENT_UNREACHABLE = -2,

    /// The server has ended it: muster_client_close_reason() says why.
    MUSTER_CLIENT_CLOSED = -1,

    /// At rest.
    MUSTER_CLIENT_IDLE = 0,

    /// Opening a connection.
    MUSTER_CLIENT_CONNECTING = 1,

    /// Connected, and waiting for the server's tables.
    MUSTER_CLIENT_JOINING = 2,

    /// In the world.
    MUSTER_CLIENT_PLAYING = 3,

    /// In the world, but nothing is heard: opening a new connection.
    MUSTER_CLIENT_RESUMING = 4,
} muster_client_state;

/// An action that has not counted yet.
typedef struct muster_client_action {
    /// The tick it is meant for.
    uint64_t tick;
    /// The client's count of actions on this connection.
    uint32_t sequence;
    /// Which of the server's actions.
    uint32_t action_index;
    /// Values as the server will see them: rounded to the parameters' steps.
    muster_value values[MUSTER_CLIENT_PARAM_MAX];
} muster_client_action;

/// A custom message from the server.
typedef struct muster_client_message {
    /// Which of the server's messages.
    uint32_t message_index;

    /// Valid until the next call to the client.
    const uint8_t *bytes;
    uint32_t length;
} muster_client_message;

/// Figures of a client.
typedef struct muster_client_stats {
    /// Of the session; 0 while unknown.
    uint32_t rtt_us;
    uint32_t loss_ppm;

    /// How far behind the newest tick a smooth picture should be drawn, in microseconds: follows
    /// how unevenly updates arrive.
    uint32_t interpolation_us;

    /// The margin that the server reported last, in ticks.
    int32_t margin_ticks;

    /// Since creation.
    uint64_t updates, updates_refused, refreshes, resumes, packets_sent, packets_received,
        bytes_sent, bytes_received;

    /// Custom messages that are not in the tables, or that nobody took in time.
    uint64_t messages_dropped;
} muster_client_stats;

/// A definition with every field at its default.
MUSTER_API muster_client_def muster_client_default_def(void);

/// Creates a client at rest.
/// @return MUSTER_ERR_INVALID, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO as in netcode
MUSTER_API MUSTER_NODISCARD muster_status muster_client_create(
    const muster_client_def *def, muster_client **out_client);

/// Destroys a client; the server is told nothing. Does nothing for NULL.
MUSTER_API void muster_client_destroy(muster_client *client);

/// Begins to join with a token from the login.
/// @return as muster_connect_token_read()
MUSTER_API MUSTER_NODISCARD muster_status muster_client_connect(muster_client *client,
    muster_netcode_time now,
    const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES]);

/// Leaves the world: the next updates tell the server. The state is IDLE at once.
MUSTER_API void muster_client_leave(muster_client *client);

/// Takes one received packet, decrypting it in place.
MUSTER_API void muster_client_receive(
    muster_client *client, muster_netcode_time now, muster_packet *packet);

/// Does what is due; at most four packets are appended. Call it every frame, at least 10 times a
/// second.
MUSTER_API void muster_client_update(
    muster_client *client, muster_netcode_time now, muster_packet_batch *packets);

/// Where the client stands.
MUSTER_API muster_client_state muster_client_state_of(const muster_client *client);

/// Why the server ended it, MUSTER_CLOSE_NONE before; and its words, never NULL.
MUSTER_API muster_close_reason muster_client_close_reason(const muster_client *client);
MUSTER_API const char *muster_client_close_text(const muster_client *client);

/// Why the client has failed.
/// @return MUSTER_ERR_DENIED when CLOSED; when UNREACHABLE, MUSTER_ERR_FULL if the last server that
///         was asked has no room, else MUSTER_ERR_TIMED_OUT; MUSTER_OK in any other state
MUSTER_API muster_status muster_client_failure(const muster_client *client);

/// The server that the client talks to or, at rest, talked to last; none before the first connect,
/// and while it talks to two: a goodbye to one, and a connection to another.
MUSTER_API muster_address muster_client_server_address(const muster_client *client);

/// True while goodbyes are still to be sent: muster_client_update() sends them.
MUSTER_API bool muster_client_is_leaving(const muster_client *client);

/// The player's index in the world, MUSTER_NONE before the client plays.
MUSTER_API uint32_t muster_client_player_index(const muster_client *client);

/// Finds an action or a message by name.
/// @return MUSTER_NONE if the server has none of that name, or its tables are not there yet
MUSTER_API uint32_t muster_client_find_action(const muster_client *client, const char *name);
MUSTER_API uint32_t muster_client_find_message(const muster_client *client, const char *name);

/// Finds a replicated field by name, for muster_replica_view_numbers().
/// @return MUSTER_NONE if there is none of that name, or the schema is not there yet
MUSTER_API uint32_t muster_client_find_field(const muster_client *client, const char *name);

/// Acts, in muster_client_tick().
/// @param values        one for each parameter; brought into range and rounded to its steps
/// @param out_sequence  set to the action's number, 0 on failure
/// @return MUSTER_ERR_NOT_FOUND without such an action or while the client does not play,
///         MUSTER_ERR_FULL if
///         MUSTER_CLIENT_PENDING_MAX wait to be counted
MUSTER_API MUSTER_NODISCARD muster_status muster_client_act(muster_client *client,
    uint32_t action_index,
    const muster_value *values,
    uint32_t *out_sequence);

/// Sends a custom message. One that is under way when the connection is lost for good may be lost
/// with it, reliable or not.
/// @return MUSTER_ERR_NOT_FOUND without such a message for players, MUSTER_ERR_INVALID if it is too
///         long, MUSTER_ERR_FULL
MUSTER_API MUSTER_NODISCARD muster_status muster_client_send(
    muster_client *client, uint32_t message_index, const void *bytes, uint32_t length);

/// Takes the next custom message.
/// @return false, leaving `out_message` alone, when there is none
MUSTER_API bool muster_client_pop_message(
    muster_client *client, muster_client_message *out_message);

/// The tick that an action made now is meant for; 0 before the client plays.
MUSTER_API uint64_t muster_client_tick(const muster_client *client);

/// The newest tick that an update has brought; 0 before the first.
MUSTER_API uint64_t muster_client_newest_tick(const muster_client *client);

/// Actions that have not counted yet, oldest first, at most MUSTER_CLIENT_PENDING_MAX.
MUSTER_API uint32_t muster_client_pending(
    const muster_client *client, muster_client_action *out_actions, uint32_t count_max);

/// The newest action that has counted, as of the newest update; 0 if none has.
MUSTER_API uint32_t muster_client_counted(const muster_client *client);

/// What a picture drawn now should show: a tick of the server with a fraction, so much in the past
/// that most updates have arrived. Runs evenly, never back while the client plays; 0 before.
MUSTER_API double muster_client_render_tick(const muster_client *client);

/// Where an entity was at a tick, between its states: its first POSITION field.
/// @param entity_index  in the view
/// @param tick          muster_client_render_tick() for all but the player's own entity
/// @param out_place     in the game's units; zeros on failure
/// @return false if nothing is known of it, or places are not kept
MUSTER_API bool muster_client_place(const muster_client *client,
    uint32_t entity_index,
    double tick,
    float out_place[MUSTER_REPLICA_LANE_COUNT_MAX]);

/// The entities that the player may see, NULL before the tables are there. The client's: a new
/// connection comes with a new view, so ask each frame. Pop its events each frame, too: when they
/// have no room, updates cannot be taken in.
MUSTER_API muster_replica_view *muster_client_view(muster_client *client);

/// Figures so far.
MUSTER_API muster_client_stats muster_client_stats_of(const muster_client *client);
