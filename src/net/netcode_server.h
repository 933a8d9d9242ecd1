// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the two sources of the netcode server share: netcode_server.c has its clients and its
/// interface, netcode_admission.c the way from a request to a client slot.

#include "muster/netcode_server.h"

#include "core/map.h"
#include "net/netcode_clock.h"
#include "net/netcode_packet.h"
#include "net/replay_window.h"
#include "net/used_tokens.h"

enum client_state {
    CLIENT_FREE = 0,
    CLIENT_CONNECTED,
    CLIENT_LEAVING, // being told goodbye
};

/// A client slot.
struct client {
    enum client_state state;
    bool is_confirmed;
    uint32_t goodbye_count; // packets still to be sent
    int32_t timeout_s;
    struct replay_window replay;
    uint64_t send_sequence;
    uint64_t client_id;
    uint64_t refused_id; // of the last token that asked for another connection from the address
    muster_address address;
    uint8_t receive_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t send_key[MUSTER_NETCODE_KEY_BYTES];
};

/// When a client slot needs a look. Apart from the slots, so that a sweep reads little memory.
struct client_timer {
    uint64_t silent_us; // the client has timed out; NETCODE_NEVER if it never does
    uint64_t send_us;   // a keep-alive or goodbye is due; NETCODE_NEVER in a free slot
};

/// A connection being opened: the encryption mapping of the standard.
struct pending {
    bool is_live;
    int32_t timeout_s;
    uint64_t deadline_us;
    uint64_t client_id;
    muster_address address;
    uint8_t token_mac[USED_TOKEN_MAC_BYTES];
    uint8_t receive_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t send_key[MUSTER_NETCODE_KEY_BYTES];
};

/// A stack of free slot numbers.
struct free_slots {
    uint32_t *indices;
    uint32_t count;
};

/// An address from which a client has left: it says goodbye more than once.
struct leaver {
    uint64_t address_key;
    uint64_t until_us;
};

/// A client that timed out, waiting to be told of.
struct departure {
    uint32_t client_index;
    uint64_t client_id;
    muster_address address;
};

struct muster_netcode_server {
    size_t bytes;
    muster_netcode_server_def def;
    struct netcode_associated associated;
    struct netcode_clock clock;
    uint64_t challenge_sequence;
    uint64_t global_sequence; // of packets before a connection
    uint8_t challenge_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t address_key[MUSTER_NETCODE_KEY_BYTES];
    muster_netcode_counters counters;

    /// From an address to a client slot, or to a pending connection beyond the client slots.
    struct map *slot_by_address;
    struct map *client_by_id;
    struct used_tokens *tokens;

    struct client *clients;
    struct client_timer *timers;
    struct free_slots free_clients;
    uint32_t client_index_end; // no slot from here on has been used yet

    struct pending *pendings;
    struct free_slots free_pendings;
    uint32_t pending_sweep_index;

    struct leaver *leavers; // by address key; a later one takes the place

    struct departure *departures; // a ring
    uint32_t departure_first;
    uint32_t departure_count;
};

/// An address as a key of `slot_by_address`.
uint64_t netcode_server_address_key(
    const muster_netcode_server *server, const muster_address *address);

/// Counts a packet that was refused, or accepted.
void netcode_server_count(muster_netcode_server *server, muster_netcode_counter counter);

/// Writes a keep-alive packet.
void netcode_server_write_keep_alive(
    muster_netcode_server *server, uint32_t client_index, muster_packet *packet);

/// The seal by which the token of a request is known.
static inline const uint8_t *netcode_request_mac(const muster_packet *packet)
{
    return packet->bytes + NETCODE_REQUEST_BYTES - USED_TOKEN_MAC_BYTES;
}

/// Decrypts and reads the token of a request, and checks that it leads here and is good now.
/// @param out_token    set on success
/// @param out_refusal  set to the reason on failure
bool netcode_server_open_request(const muster_netcode_server *server,
    const muster_packet *packet,
    struct private_token *out_token,
    muster_netcode_counter *out_refusal);

/// Notes that the token of a request was shown from the packet's address.
/// @param out_refusal  set to the reason on failure
bool netcode_server_claim_token(muster_netcode_server *server,
    const muster_packet *packet,
    muster_netcode_counter *out_refusal);

/// Takes a connection request.
void netcode_server_receive_request(
    muster_netcode_server *server, muster_packet *packet, muster_packet_batch *replies);

/// Takes a packet from an address that is being connected.
/// @return true if there is an event
bool netcode_server_receive_pending(muster_netcode_server *server,
    uint32_t pending_index,
    muster_packet *packet,
    muster_packet_batch *replies,
    muster_netcode_event *out_event);

/// Gives up some of the connections that were not opened in time. Calls go round the table.
void netcode_server_sweep_pending(muster_netcode_server *server);
