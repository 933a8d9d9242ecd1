// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "core/assert.h"
#include "wire/param.h"

// What the server sends, and what the player does about it.

#define REFRESH_US_MIN 1000000u

// From the server.

static uint32_t rtt_us(const muster_client *client)
{
    return muster_session_get_stats(client->links[client->link_index].session).rtt_us;
}

static muster_status create_view(muster_client *client, const muster_replica_schema *schema)
{
    muster_replica_view_destroy(client->view);
    tracks_destroy(client->tracks);
    client->view = NULL;
    client->tracks = NULL;
    muster_replica_view_def def = muster_replica_view_default_def();
    def.schema = schema;
    def.allocator = client->def.allocator;
    muster_status status = muster_replica_view_create(&def, &client->view);
    if (status == MUSTER_OK && client->def.keeps_places) {
        status = tracks_create(&client->def.allocator, schema, &client->tracks);
    }
    return status == MUSTER_ERR_NOT_FOUND ? MUSTER_OK : status;
}

static void end_with(muster_client *client, muster_close_reason reason, const char *text)
{
    client->close_reason = reason;
    const size_t length = strlen(text);
    MUSTER_ASSERT(length < sizeof client->close_text);
    memcpy(client->close_text, text, length + 1);
    client_end(client, MUSTER_CLIENT_CLOSED);
}

static bool take_welcome_part(muster_client *client, const muster_session_message *message)
{
    if (client->is_welcomed ||
        message->length > sizeof client->welcome_bytes - client->welcome_length) {
        end_with(client, MUSTER_CLOSE_PROTOCOL, "the server's welcome is too much");
        return false;
    }
    memcpy(client->welcome_bytes + client->welcome_length, message->bytes, message->length);
    client->welcome_length += message->length;
    return true;
}

static void take_welcome(muster_client *client, const muster_session_message *message)
{
    if (!take_welcome_part(client, message)) {
        return;
    }
    struct play_welcome welcome;
    struct play_tables tables;
    muster_replica_schema schema;
    if (play_read_welcome(client->welcome_bytes, client->welcome_length, &welcome, &tables) !=
            MUSTER_OK ||
        muster_replica_schema_decode(client->welcome_bytes + tables.schema_offset,
            tables.schema_length, &schema) != MUSTER_OK) {
        end_with(client, MUSTER_CLOSE_VERSION, "the server's tables cannot be read");
        return;
    }
    if (create_view(client, &schema) != MUSTER_OK) {
        end_with(client, MUSTER_CLOSE_LIMIT, "no memory for the server's world");
        return;
    }
    client->welcome = welcome;
    client->tables = tables;
    client->schema = schema;
    client->is_welcomed = true;
    client->state = MUSTER_CLIENT_PLAYING;
    clock_start(&client->clock, client->now.steady_us, welcome.tick, welcome.tick_rate_hz,
        client->def.margin_ticks, rtt_us(client));
}

static void take_resume_token(muster_client *client, const muster_session_message *message)
{
    if (message->length != MUSTER_CONNECT_TOKEN_BYTES) {
        return;
    }
    if (!client->has_fresh_tokens) {
        client->has_fresh_tokens = true;
        client->resume_token_count = 0;
    }
    if (client->resume_token_count == RESUME_TOKEN_COUNT) {
        memmove(
            client->resume_tokens[0], client->resume_tokens[1], sizeof client->resume_tokens[0]);
        client->resume_token_count--;
    }
    memcpy(client->resume_tokens[client->resume_token_count++], message->bytes, message->length);
}

// Messages that the caller does not take in time are dropped: it may take none at all.
static void take_custom(muster_client *client, const uint8_t *bytes, uint32_t length)
{
    struct record_reader reader = record_reader_on(bytes, length);
    const uint64_t message_index = record_read_varint_max(&reader, UINT32_MAX);
    if (reader.is_malformed || message_index >= client->tables.message_count) {
        client->stats.messages_dropped++;
        return;
    }
    const uint32_t body_bytes = (uint32_t)(reader.length - reader.offset);
    void *space;
    if (ring_reserve(client->messages, (uint32_t)sizeof(uint32_t) + body_bytes, &space) !=
        MUSTER_OK) {
        client->stats.messages_dropped++;
        return;
    }
    bytes_store_u32(space, (uint32_t)message_index);
    if (body_bytes > 0) {
        memcpy((uint8_t *)space + sizeof(uint32_t), bytes + reader.offset, body_bytes);
    }
    ring_commit(client->messages, (uint32_t)sizeof(uint32_t) + body_bytes);
}

static void take_message(muster_client *client, const muster_session_message *message)
{
    switch (message->kind) {
    case PLAY_MESSAGE_WELCOME:
        take_welcome(client, message);
        break;
    case PLAY_MESSAGE_CUSTOM:
        take_custom(client, message->bytes, message->length);
        break;
    case PLAY_MESSAGE_RESUME:
        take_resume_token(client, message);
        break;
    case PLAY_MESSAGE_WELCOME_PART:
        (void)take_welcome_part(client, message);
        break;
    default:
        break; // of a newer server
    }
}

// Until the server may be told, what can be decoded is shown, with a gap in it.
void client_ask_refresh(muster_client *client)
{
    const struct link *link = &client->links[client->link_index];
    const uint64_t now_us = client->now.steady_us;
    const bool is_early =
        client->refreshed_us > 0 && now_us - client->refreshed_us < REFRESH_US_MIN;
    if (!client->needs_refresh || is_early ||
        muster_session_push(link->session, PLAY_MESSAGE_REFRESH, NULL, 0) != MUSTER_OK) {
        return;
    }
    client->needs_refresh = false;
    client->is_refreshing = true;
    client->refreshed_us = now_us;
    client->stats.refreshes++;
    muster_replica_view_clear(client->view);
    if (client->tracks != NULL) {
        tracks_clear(client->tracks);
    }
}

// The session has confirmed what cannot be decoded, so the server builds on what is not here.
static void refuse_update(muster_client *client)
{
    client->stats.updates_refused++;
    client->needs_refresh = true;
    client_ask_refresh(client);
}

static void take_update(muster_client *client, const muster_session_blob *blob)
{
    if (!client->is_welcomed) {
        return;
    }
    struct record_reader reader = record_reader_on(blob->bytes, blob->length);
    struct play_update update;
    play_read_update(&reader, &update);
    if (reader.is_malformed) {
        client->stats.updates_refused++;
        return;
    }
    const int8_t epochs_ahead = (int8_t)(uint8_t)(update.epoch - client->epoch);
    if (epochs_ahead < 0 || (client->is_refreshing && epochs_ahead == 0)) {
        return; // of a state that was given up
    }
    if (epochs_ahead > 0) {
        client->epoch = update.epoch;
        client->is_refreshing = false;
        client->needs_refresh = false;
    }
    clock_take(
        &client->clock, client->now.steady_us, &update, client->def.margin_ticks, rtt_us(client));
    client_forget_pending(client, update.counted_sequence);
    const size_t state_bytes = reader.length - reader.offset;
    if (state_bytes > 0 && muster_replica_view_decode(client->view, blob->bytes + reader.offset,
                               state_bytes) != MUSTER_OK) {
        refuse_update(client);
        return;
    }
    if (state_bytes > 0 && client->tracks != NULL) {
        tracks_follow(client->tracks, client->view);
    }
    client->stats.updates++;
}

static void take_close(muster_client *client, const muster_session_received *received)
{
    const uint32_t length = received->close_text_length < MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX
                                ? received->close_text_length
                                : MUSTER_SESSION_CLOSE_TEXT_BYTES_MAX;
    client->close_reason = (muster_close_reason)received->close_reason;
    client->close_text[0] = '\0';
    if (record_is_text((const uint8_t *)received->close_text, length)) {
        memcpy(client->close_text, received->close_text, length);
        client->close_text[length] = '\0';
    }
}

void client_take_payload(
    muster_client *client, uint32_t link_index, const muster_netcode_payload *payload)
{
    struct link *link = &client->links[link_index];
    muster_session_received received;
    if (link->session == NULL || muster_session_read(link->session, client->now.steady_us,
                                     payload->bytes, payload->length, &received) != MUSTER_OK) {
        client->stats.updates_refused++;
        return;
    }
    if (link_index != client->link_index) {
        client_resume_link(client, link_index);
    }
    link->heard_us = client->now.steady_us;
    if (received.close_reason != MUSTER_CLOSE_NONE) {
        take_close(client, &received);
        client_end(client, MUSTER_CLIENT_CLOSED);
        return;
    }
    muster_session_message message;
    while (muster_session_pop(link->session, &message)) {
        take_message(client, &message);
        if (client->state == MUSTER_CLIENT_CLOSED) {
            return;
        }
    }
    for (uint32_t i = 0; i < received.blob_count; i++) {
        const muster_session_blob *blob = &received.blobs[i];
        if (blob->kind == PLAY_RECORD_UPDATE) {
            take_update(client, blob);
        } else if (blob->kind == PLAY_RECORD_CUSTOM) {
            take_custom(client, blob->bytes, blob->length);
        }
    }
    muster_session_fate fate;
    while (muster_session_pop_fate(link->session, &fate)) {
    }
}

bool muster_client_pop_message(muster_client *client, muster_client_message *out_message)
{
    MUSTER_ASSERT(client != NULL && out_message != NULL);
    if (client->is_message_held) {
        client->is_message_held = false;
        ring_release(client->messages);
    }
    const void *record;
    uint32_t length;
    if (!ring_peek(client->messages, &record, &length)) {
        return false;
    }
    client->is_message_held = true;
    *out_message = (muster_client_message){
        .message_index = bytes_load_u32(record),
        .bytes = (const uint8_t *)record + sizeof(uint32_t),
        .length = length - (uint32_t)sizeof(uint32_t),
    };
    return true;
}

// From the player.

void client_forget_pending(muster_client *client, uint32_t sequence)
{
    uint32_t gone_count = 0;
    while (gone_count < client->pending_count &&
           (int32_t)(client->pending[gone_count].sequence - sequence) <= 0) {
        gone_count++;
    }
    client->pending_count -= gone_count;
    memmove(client->pending, client->pending + gone_count,
        client->pending_count * sizeof client->pending[0]);
}

muster_status muster_client_act(muster_client *client,
    uint32_t action_index,
    const muster_value *values,
    uint32_t *out_sequence)
{
    MUSTER_ASSERT(client != NULL && out_sequence != NULL);
    *out_sequence = 0;
    if (client->state != MUSTER_CLIENT_PLAYING || action_index >= client->tables.action_count) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (client->pending_count == MUSTER_CLIENT_PENDING_MAX) {
        return MUSTER_ERR_FULL;
    }
    struct play_action action;
    play_action_at(&client->tables, action_index, &action);
    MUSTER_ASSERT(action.param_count == 0 || values != NULL);
    struct play_input *input = &client->pending[client->pending_count];
    *input = (struct play_input){
        .tick = muster_client_tick(client),
        .sequence = ++client->sequence,
        .action_index = action_index,
        .step_count = action.param_count,
    };
    for (uint32_t i = 0; i < action.param_count; i++) {
        input->steps[i] = param_step(&action.params[i], values[i]);
    }
    client->pending_count++;
    client->clock.action_tick = input->tick;
    *out_sequence = input->sequence;
    return MUSTER_OK;
}

uint32_t muster_client_pending(
    const muster_client *client, muster_client_action *out_actions, uint32_t count_max)
{
    MUSTER_ASSERT(client != NULL && out_actions != NULL);
    const uint32_t count = client->pending_count < count_max ? client->pending_count : count_max;
    for (uint32_t i = 0; i < count; i++) {
        const struct play_input *input = &client->pending[i];
        struct play_action action;
        play_action_at(&client->tables, input->action_index, &action);
        out_actions[i] = (muster_client_action){
            .tick = input->tick,
            .sequence = input->sequence,
            .action_index = input->action_index,
        };
        for (uint32_t k = 0; k < input->step_count; k++) {
            out_actions[i].values[k] = param_value(&action.params[k], input->steps[k]);
        }
    }
    return count;
}

muster_status muster_client_send(
    muster_client *client, uint32_t message_index, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(client != NULL);
    MUSTER_ASSERT(length == 0 || bytes != NULL);
    const struct link *link = &client->links[client->link_index];
    if (client->state != MUSTER_CLIENT_PLAYING || message_index >= client->tables.message_count) {
        return MUSTER_ERR_NOT_FOUND;
    }
    struct play_message def;
    play_message_at(&client->tables, message_index, &def);
    if (!def.is_from_players) {
        return MUSTER_ERR_NOT_FOUND;
    }
    if (length > def.bytes_max) {
        return MUSTER_ERR_INVALID;
    }
    if (!def.is_reliable) {
        return loose_push(&client->loose, message_index, bytes, length) ? MUSTER_OK
                                                                        : MUSTER_ERR_FULL;
    }
    uint8_t message[MUSTER_MESSAGE_BYTES_MAX + RECORD_VARINT_BYTES_MAX];
    struct record_writer writer = record_writer_on(message, sizeof message);
    record_write_varint(&writer, message_index);
    record_write_bytes(&writer, bytes, length);
    return muster_session_push(
        link->session, PLAY_MESSAGE_CUSTOM, message, (uint32_t)writer.length);
}
