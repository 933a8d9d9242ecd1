// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A client from the inside.
///
/// A client has room for two links to the server. One carries the game. When that one falls silent
/// the other is opened beside it, with the resume token; the first of the two that is heard wins,
/// so neither a short outage nor a changed address costs more than it must.

#include "client/track.h"
#include "core/ring.h"
#include "muster/client.h"
#include "wire/loose.h"

#define LINK_COUNT         2u
#define RESUME_TOKEN_COUNT 2u

/// A connection and its session.
struct link {
    muster_netcode_client *netcode;
    muster_session *session;
    uint64_t heard_us; // the last authentic packet
    bool is_resting;   // closed, and all goodbyes are said
};

/// How the client's clock stands to the server's.
struct clock {
    uint64_t newest_tick;
    uint64_t tick_us;
    int64_t offset_us;        // local time less the server's, as the quickest updates arrive
    int64_t quickest_us[2];   // the least offset of the last window and of this one
    uint64_t window_us;       // when this window began
    int64_t late_us;          // how much later than the quickest updates arrive, smoothed
    int64_t uneven_us;        // and how much that varies
    int64_t action_offset_us; // local time less that of the tick that an action is meant for
    uint64_t jumped_us;
    uint64_t reported_us; // when the server last spoke of new actions
    uint64_t action_tick; // of the last action: ticks of actions never go back
    uint32_t counted_sequence;
    int32_t margin_ticks;
    int64_t render_us; // of the server, that the picture shows; negative before the first
    uint64_t rendered_us;
};

struct muster_client {
    muster_client_def def;
    muster_client_state state;
    muster_netcode_time now;
    struct link links[LINK_COUNT];
    uint32_t link_index; // of the link that carries the game
    muster_session_pool *sessions;
    struct ring *messages;
    bool is_message_held; // the front of `messages` was shown to the caller
    struct clock clock;
    muster_replica_view *view;
    muster_replica_schema schema; // without fields until the WELCOME is there
    struct tracks *tracks;        // NULL if the game has no positions, or places are not kept
    struct play_welcome welcome;
    struct play_tables tables;
    uint8_t welcome_bytes[PLAY_WELCOME_BYTES_MAX];
    uint32_t welcome_length;                                               // of the parts so far
    uint8_t resume_tokens[RESUME_TOKEN_COUNT][MUSTER_CONNECT_TOKEN_BYTES]; // oldest first
    uint32_t resume_token_count;
    bool has_fresh_tokens; // from the link that carries the game
    bool is_welcomed;      // on the link that carries the game
    uint64_t resume_started_us;
    uint64_t sent_us;
    struct loose loose;
    uint64_t refreshed_us;
    uint8_t epoch;      // of the newest update
    bool is_refreshing; // updates of `epoch` are ignored
    bool needs_refresh; // and the server is yet to be told
    struct play_input pending[MUSTER_CLIENT_PENDING_MAX];
    uint32_t pending_count;
    uint32_t sequence; // of the last action
    bool is_denied;    // the last server that was asked has no room
    muster_close_reason close_reason;
    char close_text[MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX + 1];
    muster_client_stats stats;
};

/// Starts a clock at the server's word that it is at `tick`.
/// @param lead_ticks  how much earlier than their ticks actions should arrive
/// @param rtt_us      the session's estimate, 0 if unknown
void clock_start(struct clock *clock,
    uint64_t now_us,
    uint64_t tick,
    uint32_t tick_rate_hz,
    uint32_t lead_ticks,
    uint32_t rtt_us);

/// An update of a tick has arrived.
/// @param rtt_us  the session's estimate, 0 if unknown
void clock_take(struct clock *clock,
    uint64_t now_us,
    const struct play_update *update,
    uint32_t margin_ticks,
    uint32_t rtt_us);

/// The tick that an action made now is meant for.
uint64_t clock_action_tick(const struct clock *clock, uint64_t now_us);

/// How far behind the newest update the picture is drawn.
uint32_t clock_interpolation_us(const struct clock *clock);

/// Moves the picture's clock on.
void clock_render(struct clock *clock, uint64_t now_us);

/// Takes a packet's payload, of the link that carries the game or of one that may come to.
void client_take_payload(
    muster_client *client, uint32_t link_index, const muster_netcode_payload *payload);

/// Forgets what was pending up to a sequence.
void client_forget_pending(muster_client *client, uint32_t sequence);

/// Closes the link at an index and opens it anew, with a token.
muster_status client_open_link(
    muster_client *client, uint32_t link_index, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES]);

/// The link at an index carries the game from now on; the other is closed.
void client_use_link(muster_client *client, uint32_t link_index);

/// As client_use_link(), for one that was opened with the oldest resume token.
void client_resume_link(muster_client *client, uint32_t link_index);

/// Both links do what is due, and the client goes on to the state that follows from theirs.
void client_update_links(muster_client *client, muster_packet_batch *packets);

/// Both links are closed, and the client is at rest in a state.
void client_end(muster_client *client, muster_client_state state);

/// Asks for everything anew, if that is needed and may be said.
void client_ask_refresh(muster_client *client);
