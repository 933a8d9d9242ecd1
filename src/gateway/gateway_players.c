// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_state.h"

#include "core/assert.h"

// Who comes in and who goes.

static uint32_t find_player(const muster_gateway *gateway, const uint64_t id[2])
{
    for (uint32_t i = 0; i < gateway->def.player_count_max; i++) {
        const struct player *player = &gateway->players[i];
        const bool is_same = player->info.id[0] == id[0] && player->info.id[1] == id[1];
        if (player->state != PLAYER_FREE && is_same) {
            return i;
        }
    }
    return MUSTER_NONE;
}

static uint32_t find_free_player(const muster_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->def.player_count_max; i++) {
        if (gateway->players[i].state == PLAYER_FREE) {
            return i;
        }
    }
    return MUSTER_NONE;
}

static void copy_text(char *out_text, const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    length = length < GOODBYE_TEXT_BYTES - 1 ? length : GOODBYE_TEXT_BYTES - 1;
    memcpy(out_text, text != NULL ? text : "", length);
    out_text[length] = '\0';
}

// From now on the connection only says why it ends; the next updates send that and close it.
static void begin_goodbye(
    muster_gateway *gateway, uint32_t client_index, muster_close_reason reason, const char *text)
{
    struct connection *connection = &gateway->connections[client_index];
    if (connection->session != NULL) {
        muster_session_pool_release(gateway->sessions, connection->session);
    }
    *connection = (struct connection){
        .player_index = MUSTER_NONE,
        .goodbye_count = GOODBYE_COUNT,
        .reason = reason,
    };
    copy_text(connection->text, text);
}

static void free_connection(muster_gateway *gateway, uint32_t client_index)
{
    struct connection *connection = &gateway->connections[client_index];
    if (connection->session != NULL) {
        muster_session_pool_release(gateway->sessions, connection->session);
    }
    *connection = (struct connection){.player_index = MUSTER_NONE};
}

static void refuse(muster_gateway *gateway,
    const muster_netcode_event *netcode_event,
    const struct play_token_data *data,
    muster_close_reason reason,
    const char *text)
{
    muster_gateway_event event = {
        .type = MUSTER_GATEWAY_REFUSED,
        .player_index = MUSTER_NONE,
        .reason = reason,
        .address = netcode_event->address,
        .is_link = gateway_is_link(gateway, netcode_event->client_index),
    };
    memcpy(event.player.id, data->player_id, sizeof event.player.id);
    memcpy(event.player.name, data->name, sizeof event.player.name);
    (void)gateway_push_event(gateway, &event, NULL, 0);
    begin_goodbye(gateway, netcode_event->client_index, reason, text);
}

static void open_connection(
    muster_gateway *gateway, uint32_t client_index, uint32_t player_index, bool is_back)
{
    struct connection *connection = &gateway->connections[client_index];
    MUSTER_ASSERT(connection->session == NULL);
    // By naming a tick a client says that it has its WELCOME, so none comes before the first.
    *connection = (struct connection){
        .player_index = player_index,
        .number = ++gateway->connection_number,
        .welcome_tick = gateway->tick > 0 ? gateway->tick : 1,
        .is_link = gateway_is_link(gateway, client_index),
        .needs_welcome = true,
        .is_back = is_back,
    };
    const muster_status status =
        muster_session_pool_acquire(gateway->sessions, &connection->session);
    MUSTER_ASSERT(status == MUSTER_OK); // there are more sessions than players

    struct player *player = &gateway->players[player_index];
    player->state = PLAYER_PLAYING;
    player->client_index = client_index;
    player->is_link = connection->is_link;
    player->last_sequence = 0;
    player->malformed_count = 0;
    player->packet_rate = (struct rate){0};
    player->byte_rate = (struct rate){0};
    gateway_send_welcome(gateway, connection);
}

static void let_new_player_in(
    muster_gateway *gateway, const muster_netcode_event *event, const struct play_token_data *data)
{
    const uint32_t player_index = find_free_player(gateway);
    if (player_index == MUSTER_NONE) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_FULL]++;
        refuse(gateway, event, data, MUSTER_CLOSE_FULL, "the world is full");
        return;
    }
    struct player *player = &gateway->players[player_index];
    *player = (struct player){
        .info =
            {
                .id = {data->player_id[0], data->player_id[1]},
                .party_id = data->party_id,
                .tier = data->tier,
                .entity_slot = MUSTER_NONE,
            },
        .address = event->address,
        .issue = data->issue,
    };
    memcpy(player->info.name, data->name, sizeof player->info.name);

    const uint32_t action_count = gateway->def.game->action_count;
    const uint32_t message_count = gateway->def.game->message_count;
    memset(&gateway->action_rates[(size_t)player_index * action_count], 0,
        action_count * sizeof(struct rate));
    memset(&gateway->message_rates[(size_t)player_index * message_count], 0,
        message_count * sizeof(struct rate));

    open_connection(gateway, event->client_index, player_index, false);
    gateway->counters[MUSTER_GATEWAY_COUNTER_JOINED]++;
    const muster_gateway_event joined =
        gateway_player_event(gateway, MUSTER_GATEWAY_JOINED, player_index, true);
    const bool is_pushed = gateway_push_event(gateway, &joined, NULL, 0);
    MUSTER_ASSERT(is_pushed); // the events of a packet find the ring empty
}

// A connection of netcode that is replaced gets no goodbye that could cross the new one's packets:
// its client is the same player, or somebody who had an older token. On a link nothing crosses.
static void replace_connection(muster_gateway *gateway, uint32_t client_index)
{
    if (gateway_is_link(gateway, client_index)) {
        begin_goodbye(gateway, client_index, MUSTER_CLOSE_REPLACED, "resumed from elsewhere");
        return;
    }
    free_connection(gateway, client_index);
    (void)muster_netcode_server_drop(gateway->server, client_index);
}

static void let_player_back_in(muster_gateway *gateway,
    const muster_netcode_event *event,
    const struct play_token_data *data,
    uint32_t player_index)
{
    struct player *player = &gateway->players[player_index];
    if (data->issue <= player->issue) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN]++;
        refuse(gateway, event, data, MUSTER_CLOSE_REPLACED, "a newer token is in use");
        return;
    }
    if (player->state == PLAYER_PLAYING) {
        replace_connection(gateway, player->client_index);
    }
    player->issue = data->issue;
    player->address = event->address;
    open_connection(gateway, event->client_index, player_index, true);
    gateway->counters[MUSTER_GATEWAY_COUNTER_RESUMED]++;
    const muster_gateway_event resumed =
        gateway_player_event(gateway, MUSTER_GATEWAY_RESUMED, player_index, true);
    const bool is_pushed = gateway_push_event(gateway, &resumed, NULL, 0);
    MUSTER_ASSERT(is_pushed);
}

// A player who is put out holds tokens to come back with, and perhaps one of a login before.
static void cast_out(muster_gateway *gateway, const struct player *player)
{
    gateway->outcasts[gateway->next_outcast] = (struct outcast){
        .id = {player->info.id[0], player->info.id[1]},
        .issue = player->issue + RESUME_TOKENS_AT_START,
        .until_us = gateway->now.steady_us + (UINT64_C(1000000) * RESUME_TOKEN_LIFETIME_S),
    };
    gateway->next_outcast = (gateway->next_outcast + 1) % OUTCAST_COUNT;
}

static bool is_outcast(const muster_gateway *gateway, const struct play_token_data *data)
{
    for (uint32_t i = 0; i < OUTCAST_COUNT; i++) {
        const struct outcast *outcast = &gateway->outcasts[i];
        const bool is_same =
            outcast->id[0] == data->player_id[0] && outcast->id[1] == data->player_id[1];
        if (is_same && data->issue <= outcast->issue &&
            gateway->now.steady_us < outcast->until_us) {
            return true;
        }
    }
    return false;
}

void gateway_let_in(muster_gateway *gateway, const muster_netcode_event *event)
{
    MUSTER_ASSERT(event->length == PLAY_TOKEN_DATA_BYTES);
    struct play_token_data data;
    if (play_read_token_data(event->bytes, &data) != MUSTER_OK) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_PLAYER_DATA]++;
        refuse(gateway, event, &data, MUSTER_CLOSE_VERSION, "the token's player cannot be read");
        return;
    }
    if (gateway->is_draining) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_DRAINING]++;
        refuse(gateway, event, &data, MUSTER_CLOSE_DRAINING, "the server is shutting down");
        return;
    }
    if (is_outcast(gateway, &data)) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST]++;
        refuse(gateway, event, &data, MUSTER_CLOSE_REFUSED, "a new login is needed");
        return;
    }
    const uint32_t player_index = find_player(gateway, data.player_id);
    if (player_index == MUSTER_NONE) {
        let_new_player_in(gateway, event, &data);
    } else {
        let_player_back_in(gateway, event, &data, player_index);
    }
}

bool gateway_end_player(
    muster_gateway *gateway, uint32_t player_index, muster_close_reason reason, const char *text)
{
    struct player *player = &gateway->players[player_index];
    MUSTER_ASSERT(player->state != PLAYER_FREE);
    muster_gateway_event event =
        gateway_player_event(gateway, MUSTER_GATEWAY_LEFT, player_index, true);
    event.reason = reason;
    if (!gateway_push_event(gateway, &event, NULL, 0)) {
        return false;
    }
    if (player->state == PLAYER_PLAYING) {
        begin_goodbye(gateway, player->client_index, reason, text);
    }
    player->state = PLAYER_FREE;
    player->kick_reason = MUSTER_CLOSE_NONE;
    gateway->counters[MUSTER_GATEWAY_COUNTER_LEFT]++;
    return true;
}

// A silent link is still open, and may be on its way to a goodbye already.
static void end_connection(
    muster_gateway *gateway, uint32_t client_index, muster_netcode_reason reason)
{
    const bool is_open =
        gateway_is_link(gateway, client_index) && reason == MUSTER_NETCODE_REASON_TIMED_OUT;
    if (!is_open) {
        free_connection(gateway, client_index);
    } else if (gateway->connections[client_index].goodbye_count == 0) {
        begin_goodbye(gateway, client_index, MUSTER_CLOSE_NONE, NULL);
    }
}

bool gateway_lose(muster_gateway *gateway, uint32_t client_index, muster_netcode_reason reason)
{
    const uint32_t player_index = gateway->connections[client_index].player_index;
    if (gateway->connections[client_index].session == NULL) {
        end_connection(gateway, client_index, reason);
        return true;
    }
    struct player *player = &gateway->players[player_index];
    if (reason == MUSTER_NETCODE_REASON_PEER_LEFT) {
        if (!gateway_end_player(gateway, player_index, MUSTER_CLOSE_LEFT, NULL)) {
            return false;
        }
    } else {
        const muster_gateway_event event =
            gateway_player_event(gateway, MUSTER_GATEWAY_LOST, player_index, false);
        if (!gateway_push_event(gateway, &event, NULL, 0)) {
            return false;
        }
        player->state = PLAYER_LOST;
        player->lost_us = gateway->now.steady_us;
        gateway->counters[MUSTER_GATEWAY_COUNTER_LOST]++;
    }
    end_connection(gateway, client_index, reason);
    return true;
}

void gateway_update_players(muster_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->def.player_count_max; i++) {
        struct player *player = &gateway->players[i];
        if (player->state == PLAYER_FREE) {
            continue;
        }
        if (player->kick_reason == MUSTER_CLOSE_NONE && gateway->is_draining) {
            player->kick_reason = MUSTER_CLOSE_DRAINING;
            copy_text(player->kick_text, "the server is shutting down");
        }
        const uint64_t lost_us = gateway->now.steady_us - player->lost_us;
        if (player->kick_reason != MUSTER_CLOSE_NONE) {
            const muster_close_reason reason = player->kick_reason;
            const bool is_ended = gateway_end_player(gateway, i, reason, player->kick_text);
            const bool is_kick = reason != MUSTER_CLOSE_LEFT && reason != MUSTER_CLOSE_DRAINING;
            if (is_ended && is_kick) {
                gateway->counters[MUSTER_GATEWAY_COUNTER_KICKED]++;
                cast_out(gateway, player);
            }
        } else if (player->state == PLAYER_LOST && lost_us >= gateway->def.resume_window_us) {
            (void)gateway_end_player(gateway, i, MUSTER_CLOSE_UNREACHABLE, NULL);
        }
    }
}

void muster_gateway_kick(
    muster_gateway *gateway, uint32_t player_index, muster_close_reason reason, const char *text)
{
    MUSTER_ASSERT(gateway != NULL);
    MUSTER_ASSERT(player_index < gateway->def.player_count_max);
    MUSTER_ASSERT(reason != MUSTER_CLOSE_NONE);
    struct player *player = &gateway->players[player_index];
    if (player->state != PLAYER_FREE && player->kick_reason == MUSTER_CLOSE_NONE) {
        player->kick_reason = reason;
        copy_text(player->kick_text, text);
    }
}

void muster_gateway_drain(muster_gateway *gateway)
{
    MUSTER_ASSERT(gateway != NULL);
    gateway->is_draining = true;
}
