// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_state.h"

#include "core/assert.h"

#include <sodium.h>

// What goes to players. A session packet is written where it will be sent from: into the payload
// part of a slot.

// Session header and the heads of an update and its blob, at most.
#define PACKET_OVERHEAD_BYTES 48u

// After a session had no room for a token, and between the first two.
#define RESUME_RETRY_US 250000u

// A payload and, for a client that may not know yet that it is connected, a keep-alive before it.
#define SLOTS_PER_PAYLOAD 2u

// Packets of one update: unreliable messages on the narrowest path, then what is reliable.
#define UPDATE_PACKETS_MAX 4u

#define LOOSE_HEAD_BYTES 3u // of a blob that is not the last

_Static_assert(
    MUSTER_GATEWAY_STATE_BYTES_MAX + PACKET_OVERHEAD_BYTES == MUSTER_SESSION_PACKET_BYTES_MAX &&
        MUSTER_GATEWAY_STATE_BYTES_NARROW + PACKET_OVERHEAD_BYTES ==
            MUSTER_SESSION_NARROW_BYTES_MIN,
    "the largest state fits a packet, on every path");

// The bytes that all unreliable messages that wait take in a packet.
static uint32_t loose_packet_bytes(const struct loose *loose)
{
    return loose->length + loose->count; // a head of three, not two, each
}

// Writes those that fit, but always the first: one that is too long for the path is worth a try.
static void write_loose(struct connection *connection, uint32_t bytes_max)
{
    const uint8_t *record;
    uint32_t bytes = 0;
    for (uint32_t length; (length = loose_first(&connection->loose, &record)) > 0;) {
        bytes += LOOSE_HEAD_BYTES + length;
        if (bytes > bytes_max && bytes > LOOSE_HEAD_BYTES + length) {
            break;
        }
        uint8_t *space;
        uint32_t capacity;
        const muster_status status = muster_session_begin_blob(
            connection->session, PLAY_RECORD_CUSTOM, false, &space, &capacity);
        MUSTER_ASSERT(status == MUSTER_OK && capacity >= length);
        memcpy(space, record, length);
        muster_session_end_blob(connection->session, length);
        loose_pop(&connection->loose);
    }
}

static bool has_slots(const muster_packet_batch *packets)
{
    return packets->capacity - packets->count >= SLOTS_PER_PAYLOAD;
}

// On a link nothing stands around a payload.
static uint8_t *payload_space(const muster_gateway *gateway,
    uint32_t client_index,
    const muster_packet_batch *packets,
    uint32_t slot_index)
{
    const uint32_t offset =
        gateway_is_link(gateway, client_index) ? 0 : MUSTER_NETCODE_PAYLOAD_OFFSET;
    return packets->packets[slot_index].bytes + offset;
}

// The slot that the next payload must be written into.
static uint32_t begin_payload(
    muster_gateway *gateway, uint32_t client_index, muster_packet_batch *packets)
{
    MUSTER_ASSERT(has_slots(packets));
    if (!gateway_is_link(gateway, client_index) &&
        !muster_netcode_server_is_confirmed(gateway->server, client_index)) {
        const muster_status status = muster_netcode_server_keep_alive(
            gateway->server, client_index, &packets->packets[packets->count]);
        packets->count += status == MUSTER_OK ? 1 : 0;
    }
    return packets->count;
}

static void end_payload(muster_gateway *gateway,
    uint32_t client_index,
    uint32_t payload_bytes,
    muster_packet_batch *packets)
{
    muster_packet *packet = &packets->packets[packets->count];
    muster_status status = MUSTER_OK;
    if (gateway_is_link(gateway, client_index)) {
        link_server_address(
            gateway->links, client_index - gateway->netcode_count_max, payload_bytes, packet);
    } else {
        status = muster_netcode_server_seal(gateway->server, client_index, payload_bytes, packet);
    }
    packets->count += status == MUSTER_OK ? 1 : 0;
}

// A link carries every length: what its driver drops for a slow reader says nothing of a path.
static uint32_t path_bytes(const struct connection *connection)
{
    return connection->is_link ? MUSTER_SESSION_PACKET_BYTES_MAX
                               : muster_session_packet_bytes(connection->session);
}

// What a packet has room for beside its heads and so many bytes, on the connection's path.
static uint32_t room_beside(const struct connection *connection, uint32_t bytes)
{
    const uint32_t room = path_bytes(connection) - PACKET_OVERHEAD_BYTES;
    return room > bytes ? room - bytes : 0;
}

void gateway_tell_path(muster_gateway *gateway, struct connection *connection)
{
    const uint32_t packet_bytes = path_bytes(connection);
    if (!connection->is_ready || packet_bytes == connection->told_bytes) {
        return;
    }
    muster_gateway_event event =
        gateway_player_event(gateway, MUSTER_GATEWAY_PATH, connection->player_index, false);
    event.state_bytes_max = packet_bytes - PACKET_OVERHEAD_BYTES;
    if (gateway_push_event(gateway, &event, NULL, 0)) {
        const bool is_narrower = packet_bytes < connection->told_bytes;
        gateway->counters[MUSTER_GATEWAY_COUNTER_NARROWED] += is_narrower ? 1 : 0;
        connection->told_bytes = packet_bytes;
    }
}

muster_status muster_gateway_send_state(muster_gateway *gateway,
    muster_netcode_time now,
    const muster_gateway_state *state,
    muster_packet_batch *packets)
{
    MUSTER_ASSERT(gateway != NULL && state != NULL && packets != NULL);
    MUSTER_ASSERT(state->player_index < gateway->def.player_count_max);
    MUSTER_ASSERT(state->length <= MUSTER_GATEWAY_STATE_BYTES_MAX);
    const struct player *player = &gateway->players[state->player_index];
    const uint32_t client_index = player->client_index;
    struct connection *connection = &gateway->connections[client_index];
    if (player->state != PLAYER_PLAYING || connection->number != state->connection) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (!has_slots(packets)) {
        return MUSTER_ERR_FULL;
    }

    // A token carries its connection's number, which a REFRESH changes while packets are under way.
    const uint64_t token =
        state->token == 0 ? 0 : (uint64_t)connection->number << 32 | state->token;
    const uint32_t slot_index = begin_payload(gateway, client_index, packets);
    const uint32_t room = room_beside(connection, state->length);
    const uint32_t loose_bytes = loose_packet_bytes(&connection->loose);
    const bool has_loose = loose_bytes > 0 && loose_bytes <= room;
    const muster_status status = muster_session_begin_packet(connection->session, now.steady_us,
        payload_space(gateway, client_index, packets, slot_index), MUSTER_SESSION_PACKET_BYTES_MAX,
        has_loose ? room - loose_bytes : room);
    if (status != MUSTER_OK) {
        return MUSTER_ERR_FULL;
    }
    if (has_loose) {
        write_loose(connection, room);
    }
    uint8_t *space;
    uint32_t capacity;
    const muster_status blob_status =
        muster_session_begin_blob(connection->session, PLAY_RECORD_UPDATE, true, &space, &capacity);
    MUSTER_ASSERT(blob_status == MUSTER_OK);
    struct record_writer writer = record_writer_on(space, capacity);
    const struct play_update update = {
        .epoch = connection->epoch,
        .tick_low = (uint16_t)state->tick,
        .counted_sequence = state->counted_sequence,
        .counted_age_ticks = state->counted_age_ticks,
        .margin_ticks = (int8_t)state->margin_ticks,
    };
    play_write_update(&writer, &update);
    record_write_bytes(&writer, state->bytes, state->length);
    MUSTER_ASSERT(!writer.is_full);
    muster_session_end_blob(connection->session, (uint32_t)writer.length);
    end_payload(
        gateway, client_index, muster_session_end_packet(connection->session, token), packets);
    return MUSTER_OK;
}

// A player whose reliable messages find no room has stopped reading for long; it could never catch
// up in order.
static void push_message(muster_gateway *gateway,
    struct connection *connection,
    uint16_t kind,
    const uint8_t *bytes,
    uint32_t length)
{
    if (connection->needs_welcome ||
        muster_session_push(connection->session, kind, bytes, length) != MUSTER_OK) {
        gateway->counters[MUSTER_GATEWAY_COUNTER_QUEUE_FULL]++;
        muster_gateway_kick(
            gateway, connection->player_index, MUSTER_CLOSE_LIMIT, "too far behind");
    }
}

void muster_gateway_send_message(muster_gateway *gateway,
    uint32_t player_index,
    uint32_t message_index,
    const uint8_t *bytes,
    uint32_t length)
{
    MUSTER_ASSERT(gateway != NULL);
    MUSTER_ASSERT(player_index < gateway->def.player_count_max);
    MUSTER_ASSERT(message_index < gateway->def.game->message_count);
    MUSTER_ASSERT(length <= gateway->def.game->messages[message_index].bytes_max);
    const struct player *player = &gateway->players[player_index];
    if (player->state != PLAYER_PLAYING) {
        return;
    }
    struct connection *connection = &gateway->connections[player->client_index];
    if (!gateway->def.game->messages[message_index].is_reliable) {
        const bool is_pushed = loose_push(&connection->loose, message_index, bytes, length);
        gateway->counters[MUSTER_GATEWAY_COUNTER_MESSAGES_DROPPED] += is_pushed ? 0 : 1;
        return;
    }
    uint8_t message[MUSTER_MESSAGE_BYTES_MAX + RECORD_VARINT_BYTES_MAX];
    struct record_writer writer = record_writer_on(message, sizeof message);
    record_write_varint(&writer, message_index);
    record_write_bytes(&writer, bytes, length);
    push_message(gateway, connection, PLAY_MESSAGE_CUSTOM, message, (uint32_t)writer.length);
}

// Random bytes from the gateway's secret, never the same twice.
static void random_bytes(muster_gateway *gateway, uint8_t out_bytes[MUSTER_LOGIN_RANDOM_BYTES])
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    const uint64_t count = ++gateway->random_count;
    _Static_assert(sizeof nonce == sizeof count, "a count is a nonce");
    memcpy(nonce, &count, sizeof nonce);
    (void)crypto_stream_chacha20(out_bytes, MUSTER_LOGIN_RANDOM_BYTES, nonce, gateway->def.secret);
}

// Parts that find no room in the session follow in the next updates.
void gateway_send_welcome(muster_gateway *gateway, struct connection *connection)
{
    uint8_t message[PLAY_WELCOME_BYTES_MAX];
    const struct play_welcome welcome = {
        .tick = connection->welcome_tick,
        .player_index = connection->player_index,
        .tick_rate_hz = (uint16_t)gateway->def.game->tick_rate_hz,
        .is_back = connection->is_back,
    };
    struct record_writer writer = record_writer_on(message, sizeof message);
    play_write_welcome(
        &writer, &welcome, gateway->def.game, gateway->def.schema, gateway->def.schema_length);
    MUSTER_ASSERT(!writer.is_full);
    const uint32_t length = (uint32_t)writer.length;
    while (connection->needs_welcome) {
        const uint32_t left = length - connection->welcome_bytes;
        const bool is_last = left <= PLAY_WELCOME_PART_BYTES;
        const uint32_t part = is_last ? left : PLAY_WELCOME_PART_BYTES;
        if (muster_session_push(connection->session,
                is_last ? PLAY_MESSAGE_WELCOME : PLAY_MESSAGE_WELCOME_PART,
                message + connection->welcome_bytes, part) != MUSTER_OK) {
            break;
        }
        connection->welcome_bytes += part;
        connection->needs_welcome = !is_last;
    }
}

// With it the client comes back from wherever it is, without a login. It is longer than what a
// session takes before its peer has spoken, so it waits for that.
static void send_resume_token(muster_gateway *gateway, struct connection *connection)
{
    struct player *player = &gateway->players[connection->player_index];
    muster_login login = gateway->def.login;
    login.lifetime_s = RESUME_TOKEN_LIFETIME_S;
    uint8_t random[MUSTER_LOGIN_RANDOM_BYTES];
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    random_bytes(gateway, random);
    const bool is_first = connection->resume_count == 0;
    const muster_status status = muster_login_issue(&login, &player->info,
        player->issue + (is_first ? 1 : RESUME_TOKENS_AT_START), gateway->now.unix_s, random,
        token);
    MUSTER_ASSERT(status == MUSTER_OK);
    const bool is_pushed = muster_session_push(connection->session, PLAY_MESSAGE_RESUME, token,
                               sizeof token) == MUSTER_OK;
    connection->resume_count += is_pushed ? 1 : 0;
    const bool is_started = connection->resume_count >= RESUME_TOKENS_AT_START;
    connection->resume_due_us =
        gateway->now.steady_us + (is_started ? RESUME_TOKEN_PERIOD_US : RESUME_RETRY_US);
    sodium_memzero(&login, sizeof login);
    sodium_memzero(random, sizeof random);
    sodium_memzero(token, sizeof token);
}

static void send_goodbye(
    muster_gateway *gateway, uint32_t client_index, muster_packet_batch *packets)
{
    struct connection *connection = &gateway->connections[client_index];
    const uint32_t slot_index = begin_payload(gateway, client_index, packets);
    const uint32_t length = muster_session_write_close(connection->reason, connection->text,
        payload_space(gateway, client_index, packets, slot_index), MUSTER_SESSION_PACKET_BYTES_MAX);
    end_payload(gateway, client_index, length, packets);
    connection->goodbye_count--;
    if (connection->goodbye_count == 0) {
        (void)muster_netcode_server_disconnect(gateway->server, client_index);
    }
}

// A link loses nothing, so one goodbye is enough and the link is closed behind it.
static void close_link(muster_gateway *gateway, uint32_t client_index, muster_packet_batch *packets)
{
    struct connection *connection = &gateway->connections[client_index];
    if (connection->reason != MUSTER_CLOSE_NONE) {
        const uint32_t slot_index = begin_payload(gateway, client_index, packets);
        const uint32_t length = muster_session_write_close(connection->reason, connection->text,
            payload_space(gateway, client_index, packets, slot_index),
            MUSTER_SESSION_PACKET_BYTES_MAX);
        end_payload(gateway, client_index, length, packets);
    }
    link_server_close(gateway->links, client_index - gateway->netcode_count_max,
        &packets->packets[packets->count++]);
    *connection = (struct connection){.player_index = MUSTER_NONE};
}

static void send_packet(
    muster_gateway *gateway, uint32_t client_index, muster_packet_batch *packets)
{
    struct connection *connection = &gateway->connections[client_index];
    const uint32_t slot_index = begin_payload(gateway, client_index, packets);
    const uint32_t room = room_beside(connection, 0);
    const uint32_t loose_bytes = loose_packet_bytes(&connection->loose);
    if (muster_session_begin_packet(connection->session, gateway->now.steady_us,
            payload_space(gateway, client_index, packets, slot_index),
            MUSTER_SESSION_PACKET_BYTES_MAX,
            loose_bytes < room ? room - loose_bytes : 0) == MUSTER_OK) {
        write_loose(connection, room);
        end_payload(
            gateway, client_index, muster_session_end_packet(connection->session, 0), packets);
    }
}

static void send_due(muster_gateway *gateway, uint32_t client_index, muster_packet_batch *packets)
{
    struct connection *connection = &gateway->connections[client_index];
    const uint64_t now_us = gateway->now.steady_us;
    if (connection->needs_welcome) {
        gateway_send_welcome(gateway, connection);
    }
    if (connection->is_ready && now_us >= connection->resume_due_us) {
        send_resume_token(gateway, connection);
    }
    gateway_refresh(gateway, connection);
    gateway_pop_fates(gateway, connection);
    gateway_tell_path(gateway, connection);

    // Unreliable messages must not keep reliable ones waiting: those then get another packet.
    for (uint32_t i = 0; i < UPDATE_PACKETS_MAX && has_slots(packets); i++) {
        const bool has_loose = connection->loose.count > 0;
        if (has_loose || muster_session_has_due(connection->session, now_us)) {
            send_packet(gateway, client_index, packets);
        }
        if (!has_loose) {
            break;
        }
    }
}

// Goes round: the next call goes on where this one ran out of slots.
void gateway_update_connections(muster_gateway *gateway, muster_packet_batch *packets)
{
    const uint32_t count = gateway_connection_end(gateway);
    for (uint32_t i = 0; i < count && has_slots(packets); i++) {
        const uint32_t client_index = gateway->next_client_index;
        const struct connection *connection = &gateway->connections[client_index];
        if (connection->session != NULL) {
            send_due(gateway, client_index, packets);
        } else if (connection->goodbye_count > 0 && gateway_is_link(gateway, client_index)) {
            close_link(gateway, client_index, packets);
        } else if (connection->goodbye_count > 0) {
            send_goodbye(gateway, client_index, packets);
        }
        gateway->next_client_index = client_index + 1 < count ? client_index + 1 : 0;
    }
}
