// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A whole system in one process: a server and its clients, on a virtual clock and a virtual
/// network with faults, under one seed. The same seed gives the same run.
///
///     struct sim *sim = sim_create(&def);
///     sim_login(sim, 0);
///     sim_run_ms(sim, 1000);
///     assert(muster_client_state_of(sim_client(sim, 0)) == MUSTER_CLIENT_PLAYING);
///     sim_destroy(sim);

#include "apps/server/server.h"
#include "apps/server/server_stats.h"
#include "muster/client.h"
#include "muster/impairment.h"
#include "muster/login.h"

struct sim;

/// What a client does on each of its ticks.
typedef void sim_behaviour(struct sim *sim, uint32_t client_index, muster_client *client);

/// Sees each packet that arrives at the server over the network, not those that are injected; or
/// each that the server sends to an address that is no client's, also of links.
typedef void sim_tap(struct sim *sim, const muster_packet *packet);

struct sim_def {
    const muster_game *game;
    uint64_t seed;
    uint32_t client_count;
    const char *network; // rules both ways, as muster_impairment_parse() reads them; NULL: none
    sim_behaviour *behaviour;  // NULL: clients only look
    sim_tap *tap;              // NULL: nobody listens
    sim_tap *answer;           // NULL: what goes to addresses that are no client's is lost
    muster_parallel parallel;  // zeroed: serial
    uint64_t resume_window_us; // 0: the default of both ends
    uint32_t send_ticks;       // 0: the clients' default
    const char *record_path;   // a new file for the frame log; NULL: none
};

/// Stops the test with a message if something cannot be created.
struct sim *sim_create(const struct sim_def *def);

void sim_destroy(struct sim *sim);

/// Gives a client a token of a player named after it, and lets it connect.
void sim_login(struct sim *sim, uint32_t client_index);

/// What the server's tokens are made from.
muster_login sim_tokens(const struct sim *sim);

/// Makes a fresh token for the player who is named after an index.
void sim_make_token(struct sim *sim,
    const muster_login *login,
    uint32_t index,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES]);

/// Runs on.
void sim_run_ms(struct sim *sim, uint32_t ms);

/// From now on a client sends from another address, as behind a router that forgot it.
void sim_move_client(struct sim *sim, uint32_t client_index);

/// From now on a client comes over a link, or over UDP again.
void sim_set_link(struct sim *sim, uint32_t client_index, bool is_link);

/// All links break.
void sim_cut_links(struct sim *sim);

/// Links of clients that are open.
uint32_t sim_link_count(const struct sim *sim);

/// Cuts a client off, or connects it again: all its packets are lost both ways.
void sim_set_cut(struct sim *sim, uint32_t client_index, bool is_cut);

/// Changes the network's rules for everybody, as muster_impairment_parse() reads them.
void sim_set_network(struct sim *sim, const char *rules);

/// The same for one client.
void sim_set_client_network(struct sim *sim, uint32_t client_index, const char *rules);

/// Packets from the server to a client that were too long for its path.
uint64_t sim_too_long_count(struct sim *sim, uint32_t client_index);

/// Ticks the world while the network's side of the server does nothing, as a thread that hangs.
void sim_stall_network(struct sim *sim, uint32_t tick_count);

/// The server empties itself.
void sim_drain(struct sim *sim);

/// Hands the server a packet from an address, or of a link, as a hostile client would.
void sim_inject(struct sim *sim, const muster_address *from, const uint8_t *bytes, uint32_t length);

muster_client *sim_client(struct sim *sim, uint32_t client_index);
struct server *sim_server(struct sim *sim);
uint64_t sim_tick(const struct sim *sim);
muster_netcode_time sim_now(const struct sim *sim);

/// Clients that are in the world.
uint32_t sim_playing_count(struct sim *sim);

/// How old the newest state is that a client knows.
uint64_t sim_update_age_us(struct sim *sim, uint32_t client_index);

/// Compares what a client knows with the server: every entity within a distance of its own must be
/// there, every field that it may see must hold the server's value, and no other may be known. What
/// still moves, as the entity of a player who is lost does, is left out but for its own.
/// @return false after printing the first difference
bool sim_view_is_right(struct sim *sim, uint32_t client_index, float distance);

/// Where the world has a client's player now; false if it is not there.
bool sim_player_place(struct sim *sim, uint32_t client_index, float out_place[2]);

/// The world's hash together with every counter of the server and of the clients.
uint64_t sim_fingerprint(struct sim *sim);

/// What became of all packets so far, over all clients and both ways.
muster_impairment_stats sim_network_stats(const struct sim *sim);

/// What became of packets of links.
uint64_t sim_link_counter(struct sim *sim, muster_netcode_counter which);

/// A counter of the gateway.
uint64_t sim_gateway_counter(struct sim *sim, muster_gateway_counter which);
