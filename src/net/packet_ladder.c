// SPDX-License-Identifier: Apache-2.0
#include "net/packet_ladder.h"

#include "core/assert.h"
#include "muster/session.h"

#include <stddef.h>

// A loss counts alone, or once a short packet has arrived since the one counted before. So an
// outage, which loses long and short ones together, adds up to little.
#define COUNTED_ALONE 3u

// Losses in a row that are enough: few on a path that has carried nothing of the length yet, many
// on one that has. At a fifth lost by chance they come once in 15,000 starts, and never later.
#define ENOUGH_AT_FIRST 6u
#define ENOUGH_LATER    16u

static const uint32_t rungs[] = {
    MUSTER_SESSION_PACKET_BYTES_MAX, 1000, 800, MUSTER_SESSION_NARROW_BYTES_MIN};

#define RUNG_LAST (sizeof rungs / sizeof rungs[0] - 1)

uint32_t packet_ladder_bytes(const struct packet_ladder *ladder)
{
    MUSTER_ASSERT(ladder != NULL && ladder->rung <= RUNG_LAST);
    return rungs[ladder->rung];
}

// Long is what the next rung would not send.
static bool is_long(const struct packet_ladder *ladder, uint32_t packet_bytes)
{
    return ladder->rung < RUNG_LAST && packet_bytes > rungs[ladder->rung + 1];
}

void packet_ladder_send(struct packet_ladder *ladder, uint32_t packet_bytes)
{
    MUSTER_ASSERT(ladder != NULL);
    ladder->is_short_on_the_way |= !is_long(ladder, packet_bytes);
}

void packet_ladder_confirm(struct packet_ladder *ladder, uint32_t packet_bytes)
{
    MUSTER_ASSERT(ladder != NULL);
    while (ladder->rung > 0 && packet_bytes > rungs[ladder->rung]) {
        ladder->rung--;
    }
    if (is_long(ladder, packet_bytes)) {
        ladder->lost_count = 0;
        ladder->has_carried_long = true;
    } else {
        ladder->has_carried_short = true;
    }
}

void packet_ladder_lose(struct packet_ladder *ladder, uint32_t packet_bytes)
{
    MUSTER_ASSERT(ladder != NULL);
    const bool is_of_this_rung = packet_bytes <= rungs[ladder->rung];
    if (!is_of_this_rung || !is_long(ladder, packet_bytes)) {
        return;
    }
    ladder->is_short_on_the_way = false;
    if (!ladder->has_carried_short && ladder->lost_count >= COUNTED_ALONE) {
        return;
    }
    ladder->has_carried_short = false;
    ladder->lost_count++;
    if (ladder->lost_count == (ladder->has_carried_long ? ENOUGH_LATER : ENOUGH_AT_FIRST)) {
        *ladder = (struct packet_ladder){.rung = (uint8_t)(ladder->rung + 1)};
    }
}

bool packet_ladder_needs_short(const struct packet_ladder *ladder)
{
    MUSTER_ASSERT(ladder != NULL);
    return ladder->lost_count >= COUNTED_ALONE && !ladder->has_carried_short &&
           !ladder->is_short_on_the_way;
}
