// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Players of the probe game who do random things, the same for one seed, for as many ticks as a
/// test needs: joins, leaves, returns, actions, chat and changes of the time scale.

#include "harness/random.h"
#include "instance/probe_game.h"
#include "muster/frame.h"
#include "muster/instance.h"

#define PROBE_PLAYER_COUNT 24

struct probe_play {
    uint64_t random_state;
    uint64_t seed; // of the world
    uint32_t sequence;
    bool is_in[PROBE_PLAYER_COUNT];
};

static inline muster_player probe_player(uint32_t player_index)
{
    muster_player player = {
        .id = {UINT64_C(0xABCD000000000000) + player_index, player_index * 77u},
        .party_id = player_index / 4,
        .tier = player_index % 3,
        .name = "player ?",
    };
    player.name[7] = (char)('a' + player_index % 26);
    return player;
}

static inline uint32_t probe_below(struct probe_play *play, uint32_t bound)
{
    return (uint32_t)(random_next(&play->random_state) % bound);
}

static inline muster_status probe_add_action(
    struct probe_play *play, muster_frame_builder *builder, uint32_t i)
{
    const muster_player player = probe_player(i);
    const uint32_t steps[2] = {probe_below(play, 701), probe_below(play, 13)};
    const uint32_t power = probe_below(play, 46);
    play->sequence++;
    switch (probe_below(play, 8)) {
    case 0:
        return muster_frame_add_action(
            builder, i, player.id, play->sequence, PROBE_THROW, &power, 1);
    case 1:
        return muster_frame_add_action(builder, i, player.id, play->sequence, PROBE_TAUNT, NULL, 0);
    case 2:
        return muster_frame_add_message(builder, i, player.id, play->sequence, PROBE_CHAT,
            (const uint8_t *)"hello", probe_below(play, 6));
    default:
        return muster_frame_add_action(builder, i, player.id, play->sequence, PROBE_WALK, steps, 2);
    }
}

/// Closes the next frame of a play.
/// @return MUSTER_ERR_FULL if the builder is too small for it
static inline muster_status probe_next_frame(struct probe_play *play,
    muster_frame_builder *builder,
    uint64_t tick,
    const uint8_t **out_frame,
    uint32_t *out_length)
{
    muster_status status = MUSTER_OK;
    muster_frame_begin(builder, tick, play->seed);
    for (uint32_t i = 0; i < PROBE_PLAYER_COUNT && status == MUSTER_OK; i++) {
        const muster_player player = probe_player(i);
        const uint32_t chance = probe_below(play, 256);
        if (!play->is_in[i] && chance < 16) {
            status = muster_frame_add_join(builder, i, &player);
            play->is_in[i] = true;
        } else if (play->is_in[i] && chance == 0) {
            status = muster_frame_add_leave(builder, i, player.id);
            play->is_in[i] = false;
        } else if (play->is_in[i] && chance == 1) {
            status = muster_frame_add_join(builder, i, &player);
        }
        if (status == MUSTER_OK && play->is_in[i] && chance % 4 == 0) {
            status = probe_add_action(play, builder, i);
        }
    }
    if (probe_below(play, 64) == 0) {
        muster_frame_add_time_scale(builder, 100 + probe_below(play, 901));
    }
    muster_frame_close(builder, out_frame, out_length);
    return status;
}
