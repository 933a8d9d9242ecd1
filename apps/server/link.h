// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the two threads of a server say to each other.
///
/// Up, from the network to the world: muster_gateway_event as it was popped, followed by the bytes
/// of a message. Down, from the world to the network: struct link_down, followed by bytes.

#include "apps/server/server_player.h"
#include "muster/gateway.h"

enum link_type {
    LINK_TICK = 1,    // a tick has run: `tick`
    LINK_STATE = 2,   // state for a player: `state`, and its bytes
    LINK_MESSAGE = 3, // a message of the game for a player: `message_index`, and its bytes
    LINK_KICK = 4,    // a player must go: `kick`
    LINK_DRAIN = 5,   // everybody must go
};

/// Somebody must go: from the web thread, or from the world, to the network. Of a player who has
/// left by then nothing more is wanted.
struct link_kick {
    uint32_t player_index;
    uint64_t player_id[2];
    muster_close_reason reason;
    char text[101]; // empty for none
};

/// An operator's words for a player: from the web thread to the network.
struct link_notice {
    uint32_t player_index;
    uint32_t message_index; // of the game's table
    uint64_t player_id[2];
    uint32_t length;
    uint8_t bytes[SERVER_NOTICE_BYTES_MAX];
};

struct link_down {
    enum link_type type;
    uint32_t player_index;
    union {
        uint64_t tick;
        muster_gateway_state state;
        uint32_t message_index;
        struct link_kick kick;
    };
};
