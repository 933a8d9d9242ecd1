// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What gateways count, by name.

#include "muster/base.h"

/// What a gateway has counted, beside netcode's own counters.
typedef enum muster_gateway_counter {
    MUSTER_GATEWAY_COUNTER_JOINED,
    MUSTER_GATEWAY_COUNTER_RESUMED,
    MUSTER_GATEWAY_COUNTER_LOST,
    MUSTER_GATEWAY_COUNTER_LEFT,
    MUSTER_GATEWAY_COUNTER_KICKED,

    /// Actions and messages let through.
    MUSTER_GATEWAY_COUNTER_ACTIONS,
    MUSTER_GATEWAY_COUNTER_MESSAGES,

    /// Not let in: every player index is taken, the gateway drains, the token is older than the
    /// one in use, or its player data cannot be read.
    MUSTER_GATEWAY_COUNTER_REFUSED_FULL,
    MUSTER_GATEWAY_COUNTER_REFUSED_DRAINING,
    MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN,
    MUSTER_GATEWAY_COUNTER_REFUSED_PLAYER_DATA,

    /// Requests to connect beyond the address's rate.
    MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE,

    /// Packets beyond the session's rate of packets or bytes.
    MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE,

    /// Actions and messages beyond their own rate.
    MUSTER_GATEWAY_COUNTER_REFUSED_ACTION_RATE,
    MUSTER_GATEWAY_COUNTER_REFUSED_MESSAGE_RATE,

    /// Packets and records that are not what their format says.
    MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET,
    MUSTER_GATEWAY_COUNTER_MALFORMED_INPUT,
    MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE,

    /// Reliable messages that found no room in their session's queue; the session was ended.
    MUSTER_GATEWAY_COUNTER_QUEUE_FULL,

    /// Not let in: the token was issued before its player was put out.
    MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST,

    /// Unreliable messages of the game that found no room in the next packet.
    MUSTER_GATEWAY_COUNTER_MESSAGES_DROPPED,

    /// Times that a connection's packets became shorter, because long ones did not arrive.
    MUSTER_GATEWAY_COUNTER_NARROWED,

    /// How many counters there are; not a counter.
    MUSTER_GATEWAY_COUNTER_COUNT,
} muster_gateway_counter;

/// A counter's name in lower case. Never NULL; "unknown" for a foreign value.
MUSTER_API const char *muster_gateway_counter_name(muster_gateway_counter counter);
