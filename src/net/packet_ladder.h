// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How long a session's packets may be on their path: one of a few lengths, found from what becomes
/// of packets.
///
/// A path that is too narrow loses every long packet and lets short ones pass, whether a hop drops
/// them without a word or the own system refuses them. Loss by chance hits both alike, so a rung is
/// left when many long packets in a row are lost while short ones arrive in between. It is
/// taken again when a packet that was longer arrives after all; nothing is tried for its own sake.

#include <stdbool.h>
#include <stdint.h>

struct packet_ladder {
    uint8_t rung;
    uint8_t lost_count;       // long packets lost since one arrived
    bool has_carried_long;    // on this rung
    bool has_carried_short;   // since the last long one that was counted
    bool is_short_on_the_way; // sent since the last long one that was lost
};

/// The most bytes of a packet. A zeroed ladder begins at the top.
uint32_t packet_ladder_bytes(const struct packet_ladder *ladder);

/// A packet goes out.
void packet_ladder_send(struct packet_ladder *ladder, uint32_t packet_bytes);

/// A packet was confirmed, perhaps after it was judged lost.
void packet_ladder_confirm(struct packet_ladder *ladder, uint32_t packet_bytes);

/// A packet was judged lost.
void packet_ladder_lose(struct packet_ladder *ladder, uint32_t packet_bytes);

/// True when only a short packet can tell a narrow path from one that carries nothing, and none is
/// on its way.
bool packet_ladder_needs_short(const struct packet_ladder *ladder);
