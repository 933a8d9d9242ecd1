// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// Relief and boxes follow from one number, the land's own: players are told it, so that their pages
// can make the same land, and learn nothing of what else is left to chance. Integers of 32 bits and
// single floats alone, which every language has: web/play/skirmish_land.js does the same.

// A single random number could be turned back into the seed: each step of the way is one to one.
uint32_t land_of(const muster_host *host, const muster_world *world)
{
    const uint64_t first = host->random(world, 0, PURPOSE_LAND, 0);
    const uint64_t second = host->random(world, 0, PURPOSE_LAND, 1);
    return (uint32_t)((first ^ second) >> 32);
}

// Each bit of what comes in reaches each bit of what comes out.
static uint32_t mix(uint32_t bits)
{
    bits = (bits ^ bits >> 16) * 0x21F0AAADu;
    bits = (bits ^ bits >> 15) * 0x735A2D97u;
    return bits ^ bits >> 15;
}

float land_draw(uint32_t land, struct land_use use, float min, float max)
{
    const uint32_t words[] = {use.purpose, use.x, use.y, use.index};
    uint32_t bits = mix(land);
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bits = mix((bits ^ words[i]) + 0x9E3779B9u);
    }
    return min + (max - min) * ((float)(bits >> 8) * (1.0f / 16777216.0f));
}

void land_tell(const struct state *state, uint32_t player_index)
{
    const uint32_t land = state->memory->land;
    const uint8_t bytes[LAND_BYTES] = {
        (uint8_t)land,
        (uint8_t)(land >> 8),
        (uint8_t)(land >> 16),
        (uint8_t)(land >> 24),
        (uint8_t)state->memory->camp_count,
    };
    (void)state->host->message_send(
        state->world, MESSAGE_LAND, MUSTER_TO_PLAYER, player_index, bytes, sizeof bytes);
}
