// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_player.h"

#include "apps/server/server_state.h"
#include "core/assert.h"

#include <string.h>

// Figures.

#define RELAXED memory_order_relaxed

static void note_figures(struct server *server, uint32_t player_index)
{
    struct server_player_cell *cell = &server->players[player_index];
    const muster_session *session = muster_gateway_session(server->network.gateway, player_index);
    muster_session_stats stats = {0};
    if (session != NULL) {
        stats = muster_session_get_stats(session);
    }
    atomic_store_explicit(&cell->rtt_us, stats.rtt_us, RELAXED);
    atomic_store_explicit(&cell->loss_ppm, stats.loss_ppm, RELAXED);
    atomic_store_explicit(&cell->bytes_sent, stats.bytes_sent, RELAXED);
    atomic_store_explicit(&cell->bytes_received, stats.bytes_received, RELAXED);
}

// A share of the players each time, so that no packet waits for all of them.
void network_note_figures(struct server *server)
{
    struct network *network = &server->network;
    const uint32_t player_count = server->limits.player_count_max;
    const uint32_t share = player_count / NETWORK_FIGURE_SHARES + 1;
    for (uint32_t i = 0; i < share; i++) {
        note_figures(server, network->figure_next);
        network->figure_next = (network->figure_next + 1) % player_count;
    }
}

struct server_player_figures server_read_player(const struct server *server, uint32_t player_index)
{
    MUSTER_ASSERT(server != NULL && player_index < MUSTER_PLAYER_COUNT_MAX);
    const struct server_player_cell *cell = &server->players[player_index];
    return (struct server_player_figures){
        .rtt_us = atomic_load_explicit(&cell->rtt_us, RELAXED),
        .loss_ppm = atomic_load_explicit(&cell->loss_ppm, RELAXED),
        .bytes_sent = atomic_load_explicit(&cell->bytes_sent, RELAXED),
        .bytes_received = atomic_load_explicit(&cell->bytes_received, RELAXED),
    };
}

// Notices.

static uint32_t find_notice(const muster_game *game)
{
    for (uint32_t i = 0; i < game->message_count; i++) {
        if (strcmp(game->messages[i].name, SERVER_NOTICE_NAME) == 0 &&
            !game->messages[i].is_from_players) {
            return i;
        }
    }
    return MUSTER_NONE;
}

muster_status server_notice(
    struct server *server, uint32_t player_index, const uint64_t player_id[2], const char *text)
{
    MUSTER_ASSERT(server != NULL && player_id != NULL && text != NULL);
    MUSTER_ASSERT(player_index < MUSTER_PLAYER_COUNT_MAX);
    const muster_game *game = server->def.game;
    const uint32_t message_index = find_notice(game);
    if (message_index == MUSTER_NONE) {
        return MUSTER_ERR_NOT_FOUND;
    }
    const size_t length = strlen(text);
    if (length == 0 || length > SERVER_NOTICE_BYTES_MAX ||
        length > game->messages[message_index].bytes_max) {
        return MUSTER_ERR_INVALID;
    }
    struct link_notice notice = {
        .player_index = player_index,
        .player_id = {player_id[0], player_id[1]},
        .message_index = message_index,
        .length = (uint32_t)length,
    };
    memcpy(notice.bytes, text, length);
    return ring_push(server->notices, &notice, sizeof notice);
}

void network_take_notices(struct server *server)
{
    const void *bytes;
    uint32_t length;
    while (ring_peek(server->notices, &bytes, &length)) {
        const struct link_notice *notice = bytes;
        const uint64_t *id = server->network.player_ids[notice->player_index];
        if (id[0] == notice->player_id[0] && id[1] == notice->player_id[1]) {
            muster_gateway_send_message(server->network.gateway, notice->player_index,
                notice->message_index, notice->bytes, notice->length);
        }
        ring_release(server->notices);
    }
}
