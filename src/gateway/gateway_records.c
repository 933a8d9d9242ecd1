// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_state.h"

#include "core/assert.h"

// What players send, checked against the game's tables and limits before anybody sees it.

// Half a second's worth on top of a few, so that what a short stall of the network held up passes.
#define ACTION_BURST_US(interval_us) (500000u + 8u * (interval_us))

// A packet or byte rate may be used up to a second ahead.
#define PACKET_BURST_US 1000000u

// What a reliable message waited for comes with it, at worst after a silence that nearly ended the
// connection; none of it may be lost.
#define RELIABLE_BURST_US 5000000u

#define REFRESH_INTERVAL_US 1000000u

static void count_malformed(
    muster_gateway *gateway, uint32_t player_index, muster_gateway_counter counter)
{
    struct player *player = &gateway->players[player_index];
    gateway->counters[counter]++;
    player->malformed_count++;
    if (player->malformed_count >= gateway->def.malformed_count_max) {
        muster_gateway_kick(
            gateway, player_index, MUSTER_CLOSE_PROTOCOL, "too many malformed records");
    }
}

static bool may_act(muster_gateway *gateway, uint32_t player_index, uint32_t action_index)
{
    const muster_game *game = gateway->def.game;
    const uint64_t interval_us = 1000000 / game->actions[action_index].rate_hz_max;
    struct rate *rate =
        &gateway->action_rates[(size_t)player_index * game->action_count + action_index];
    if (rate_take(rate, gateway->now.steady_us, interval_us, ACTION_BURST_US(interval_us))) {
        return true;
    }
    gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_ACTION_RATE]++;
    return false;
}

static void take_action(
    muster_gateway *gateway, uint32_t player_index, const struct play_input *input)
{
    struct player *player = &gateway->players[player_index];
    if (input->sequence <= player->last_sequence) {
        return; // a repetition
    }
    player->last_sequence = input->sequence;
    if (!may_act(gateway, player_index, input->action_index)) {
        return;
    }
    muster_gateway_event event =
        gateway_player_event(gateway, MUSTER_GATEWAY_ACTION, player_index, false);
    event.action = (muster_gateway_action){
        .tick = input->tick,
        .sequence = input->sequence,
        .action_index = input->action_index,
        .step_count = input->step_count,
    };
    memcpy(event.action.steps, input->steps, sizeof event.action.steps);
    if (gateway_push_event(gateway, &event, NULL, 0)) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_ACTIONS]++;
    }
}

static void take_inputs(
    muster_gateway *gateway, struct connection *connection, const muster_session_blob *blob)
{
    const uint32_t player_index = connection->player_index;
    struct play_input inputs[PLAY_INPUT_COUNT_MAX];
    uint64_t newest_tick;
    uint32_t count;
    if (play_read_inputs(blob->bytes, blob->length, gateway->def.game, &newest_tick, inputs,
            &count) != MUSTER_OK) {
        count_malformed(gateway, player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_INPUT);
        return;
    }
    // A client names a tick only after it has its WELCOME, and with it the schema of the state.
    if (newest_tick > 0 && !connection->is_ready && !connection->needs_welcome) {
        connection->is_ready = true;
        const muster_gateway_event event =
            gateway_player_event(gateway, MUSTER_GATEWAY_READY, player_index, false);
        connection->is_ready = gateway_push_event(gateway, &event, NULL, 0);
        connection->told_bytes = MUSTER_SESSION_PACKET_BYTES_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        take_action(gateway, player_index, &inputs[i]);
    }
}

static bool is_message_allowed(
    const muster_game *game, uint64_t message_index, size_t length, bool is_reliable)
{
    if (message_index >= game->message_count) {
        return false;
    }
    const muster_message_def *message = &game->messages[message_index];
    return message->is_from_players && message->is_reliable == is_reliable &&
           length <= message->bytes_max;
}

static void take_message(muster_gateway *gateway,
    uint32_t player_index,
    const uint8_t *bytes,
    uint32_t length,
    bool is_reliable)
{
    const muster_game *game = gateway->def.game;
    struct record_reader reader = record_reader_on(bytes, length);
    const uint64_t message_index = record_read_varint(&reader);
    const size_t body_length = reader.length - reader.offset;
    if (reader.is_malformed || !is_message_allowed(game, message_index, body_length, is_reliable)) {
        count_malformed(gateway, player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE);
        return;
    }
    const uint64_t interval_us = 1000000 / game->messages[message_index].rate_hz_max;
    struct rate *rate =
        &gateway->message_rates[(size_t)player_index * game->message_count + message_index];
    const uint64_t stall_us = is_reliable ? RELIABLE_BURST_US : 0;
    if (!rate_take(
            rate, gateway->now.steady_us, interval_us, stall_us + ACTION_BURST_US(interval_us))) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_MESSAGE_RATE]++;
        return;
    }
    muster_gateway_event event =
        gateway_player_event(gateway, MUSTER_GATEWAY_MESSAGE, player_index, false);
    event.message.message_index = (uint32_t)message_index;
    event.message.length = (uint32_t)body_length;
    if (gateway_push_event(gateway, &event, bytes + reader.offset, (uint32_t)body_length)) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_MESSAGES]++;
    }
}

static void take_blobs(
    muster_gateway *gateway, struct connection *connection, const muster_session_received *received)
{
    for (uint32_t i = 0; i < received->blob_count; i++) {
        const muster_session_blob *blob = &received->blobs[i];
        if (blob->kind == PLAY_RECORD_INPUT) {
            take_inputs(gateway, connection, blob);
        } else if (blob->kind == PLAY_RECORD_CUSTOM) {
            take_message(gateway, connection->player_index, blob->bytes, blob->length, false);
        } else {
            count_malformed(
                gateway, connection->player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET);
        }
    }
}

// One that comes too early waits: a client that has asked takes no state before it is answered.
void gateway_refresh(muster_gateway *gateway, struct connection *connection)
{
    if (!connection->wants_refresh ||
        !rate_take(&connection->refresh_rate, gateway->now.steady_us, REFRESH_INTERVAL_US, 0)) {
        return;
    }
    muster_gateway_event event =
        gateway_player_event(gateway, MUSTER_GATEWAY_READY, connection->player_index, false);
    event.connection = gateway->connection_number + 1;
    if (gateway_push_event(gateway, &event, NULL, 0)) {
        connection->number = ++gateway->connection_number;
        connection->epoch++;
        connection->wants_refresh = false;
        connection->told_bytes = MUSTER_SESSION_PACKET_BYTES_MAX;
    }
}

static void take_refresh(muster_gateway *gateway, struct connection *connection)
{
    if (!connection->is_ready) {
        count_malformed(
            gateway, connection->player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE);
        return;
    }
    connection->wants_refresh = true;
    gateway_refresh(gateway, connection);
}

static void take_messages(muster_gateway *gateway, struct connection *connection)
{
    muster_session_message message;
    while (muster_session_pop(connection->session, &message)) {
        if (message.kind == PLAY_MESSAGE_CUSTOM) {
            take_message(gateway, connection->player_index, message.bytes, message.length, true);
        } else if (message.kind == PLAY_MESSAGE_REFRESH) {
            take_refresh(gateway, connection);
        } else {
            count_malformed(
                gateway, connection->player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE);
        }
    }
}

static bool is_within_rates(muster_gateway *gateway, struct player *player, uint32_t length)
{
    const muster_gateway_def *def = &gateway->def;
    const uint64_t now_us = gateway->now.steady_us;
    const uint64_t byte_interval_us = (uint64_t)length * 1000000 / def->byte_rate_max;
    return rate_take(
               &player->packet_rate, now_us, 1000000 / def->packet_rate_max, PACKET_BURST_US) &&
           rate_take(&player->byte_rate, now_us, byte_interval_us, PACKET_BURST_US);
}

void gateway_pop_fates(muster_gateway *gateway, struct connection *connection)
{
    muster_session_fate fate;
    void *space;
    while (ring_reserve(gateway->events, (uint32_t)sizeof(muster_gateway_event), &space) ==
               MUSTER_OK &&
           muster_session_pop_fate(connection->session, &fate)) {
        const muster_gateway_event event = {
            .type = fate.is_acked ? MUSTER_GATEWAY_UPDATE_ACKED : MUSTER_GATEWAY_UPDATE_LOST,
            .player_index = connection->player_index,
            .connection = (uint32_t)(fate.token >> 32),
            .token = (uint32_t)fate.token,
        };
        const bool is_pushed = gateway_push_event(gateway, &event, NULL, 0);
        MUSTER_ASSERT(is_pushed);
    }
}

void gateway_take_payload(
    muster_gateway *gateway, uint32_t client_index, const uint8_t *bytes, uint32_t length)
{
    struct connection *connection = &gateway->connections[client_index];
    if (connection->session == NULL) {
        return;
    }
    const uint32_t player_index = connection->player_index;
    struct player *player = &gateway->players[player_index];
    if (!is_within_rates(gateway, player, length)) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE]++;
        return;
    }
    muster_session_received received;
    const muster_status status =
        muster_session_read(connection->session, gateway->now.steady_us, bytes, length, &received);
    if (status == MUSTER_ERR_VERSION) {
        muster_gateway_kick(gateway, player_index, MUSTER_CLOSE_VERSION, "another version");
        return;
    }
    if (status == MUSTER_ERR_FULL) {
        return; // fragments ahead of those that are missing: they come again
    }
    if (status != MUSTER_OK) {
        count_malformed(gateway, player_index, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET);
        return;
    }
    if (received.close_reason != MUSTER_CLOSE_NONE) {
        (void)gateway_end_player(gateway, player_index, MUSTER_CLOSE_LEFT, NULL);
        return;
    }
    take_blobs(gateway, connection, &received);
    take_messages(gateway, connection);
    gateway_pop_fates(gateway, connection);
}
