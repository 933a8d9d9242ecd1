// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A bridge in a simulation: real clients, which speak netcode, come to the server over links.
///
/// It ends netcode as a server would and carries the payloads over a link of its own for each
/// connection. The link's ticket is the token that the client asked with, so that tokens for
/// resuming work as well.

#include "muster/link.h"
#include "muster/login.h"
#include "muster/netcode.h"

struct bridge;

/// Takes what a bridge has: for a client, by its address; or for the server, by a link's.
typedef void bridge_send(void *context, const muster_packet *packet);

struct bridge_def {
    muster_login login;       // of the server
    bridge_send *send_client; // netcode packets
    bridge_send *send_server; // packets of links
    void *context;
};

struct bridge *bridge_create(const struct bridge_def *def);

void bridge_destroy(struct bridge *bridge);

/// Takes a netcode packet of a client.
void bridge_receive_client(
    struct bridge *bridge, muster_netcode_time now, const muster_packet *packet);

/// Takes a packet of a link from the server.
void bridge_receive_server(
    struct bridge *bridge, muster_netcode_time now, const muster_packet *packet);

/// Does what is due.
void bridge_update(struct bridge *bridge, muster_netcode_time now);

/// Links that are open.
uint32_t bridge_link_count(const struct bridge *bridge);

/// Closes all links, as a web server that loses its connections.
void bridge_cut(struct bridge *bridge);
