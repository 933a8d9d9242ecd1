// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "core/assert.h"
#include "wire/param.h"

#include <sodium.h>

#define MESSAGE_RING_BYTES      65536u
#define RECEIVE_FRAGMENT_COUNT  64u
#define SEND_FRAGMENT_COUNT     64u
#define INPUT_PERIOD_US_DEFAULT 50000u

// An action that has not counted after this long never will: the server has refused it.
#define PENDING_US_MAX 2000000u

// Room for a packet's session header and reliable fragments beside its inputs.
#define INPUT_BYTES_MAX 700u

// At most: a session's header and window, and the head of a blob that is not the last.
#define LOOSE_PACKET_HEAD_BYTES 16u
#define LOOSE_HEAD_BYTES        3u

// Creation.

muster_client_def muster_client_default_def(void)
{
    return (muster_client_def){
        .resume_after_us = 1500000,
        .resume_window_us = 30000000,
        .margin_ticks = 2,
        .send_ticks = 1,
        .keeps_places = true,
        .allocator = muster_heap_allocator(),
    };
}

static muster_status create_parts(muster_client *client)
{
    const muster_allocator *allocator = &client->def.allocator;
    muster_session_pool_def pool_def = muster_session_pool_default_def();
    pool_def.session_count = LINK_COUNT;
    pool_def.receive_fragment_count = RECEIVE_FRAGMENT_COUNT;
    pool_def.send_fragment_count = LINK_COUNT * SEND_FRAGMENT_COUNT;
    pool_def.session_send_fragment_count_max = SEND_FRAGMENT_COUNT;
    pool_def.allocator = *allocator;
    muster_status status = muster_session_pool_create(&pool_def, &client->sessions);
    for (uint32_t i = 0; i < LINK_COUNT && status == MUSTER_OK; i++) {
        status = muster_netcode_client_create(allocator, &client->links[i].netcode);
    }
    if (status == MUSTER_OK) {
        struct ring_def ring_def = ring_default_def();
        ring_def.capacity_bytes = MESSAGE_RING_BYTES;
        ring_def.allocator = *allocator;
        status = ring_create(&ring_def, &client->messages);
    }
    return status;
}

muster_status muster_client_create(const muster_client_def *def, muster_client **out_client)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_client != NULL);
    *out_client = NULL;
    if (def->margin_ticks > 16 || def->send_ticks < 1 || def->send_ticks > 4 ||
        def->resume_after_us == 0 || def->allocator.alloc == NULL || def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }
    muster_client *client = def->allocator.alloc(
        def->allocator.context, sizeof *client, _Alignof(struct muster_client));
    if (client == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(client, 0, sizeof *client);
    client->def = *def;
    const muster_status status = create_parts(client);
    if (status != MUSTER_OK) {
        muster_client_destroy(client);
        return status;
    }
    *out_client = client;
    return MUSTER_OK;
}

void muster_client_destroy(muster_client *client)
{
    if (client == NULL) {
        return;
    }
    for (uint32_t i = 0; i < LINK_COUNT; i++) {
        muster_netcode_client_destroy(client->links[i].netcode);
    }
    muster_session_pool_destroy(client->sessions);
    muster_replica_view_destroy(client->view);
    tracks_destroy(client->tracks);
    ring_destroy(client->messages);
    const muster_allocator allocator = client->def.allocator;
    sodium_memzero(client, sizeof *client);
    allocator.free(allocator.context, client, sizeof *client);
}

// Coming and going.

muster_status muster_client_connect(
    muster_client *client, muster_netcode_time now, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES])
{
    MUSTER_ASSERT(client != NULL && token != NULL);
    client->now = now;
    client->resume_token_count = 0;
    client->is_denied = false;
    client->close_reason = MUSTER_CLOSE_NONE;
    client->close_text[0] = '\0';
    const uint32_t link_index = 1 - client->link_index; // the other one may still say goodbye
    const muster_status status = client_open_link(client, link_index, token);
    client_use_link(client, link_index);
    client->state = status == MUSTER_OK ? MUSTER_CLIENT_CONNECTING : MUSTER_CLIENT_IDLE;
    return status;
}

void muster_client_leave(muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    client_end(client, MUSTER_CLIENT_IDLE);
}

// Packets in.

static bool is_open(const muster_client *client)
{
    return client->state > MUSTER_CLIENT_IDLE;
}

// Decryption happens in place and spoils what it refuses, so while there are two links the second
// gets a copy.
void muster_client_receive(muster_client *client, muster_netcode_time now, muster_packet *packet)
{
    MUSTER_ASSERT(client != NULL && packet != NULL);
    client->now = now;
    if (!is_open(client) || packet->length > MUSTER_PACKET_BYTES_MAX) {
        return;
    }
    client->stats.packets_received++;
    client->stats.bytes_received += packet->length;
    uint8_t copy_bytes[MUSTER_PACKET_BYTES_MAX];
    muster_packet copy = {.address = packet->address, .length = packet->length};
    copy.bytes = copy_bytes;
    const bool has_two_links = client->state == MUSTER_CLIENT_RESUMING;
    if (has_two_links) {
        memcpy(copy_bytes, packet->bytes, packet->length);
    }

    const uint32_t other_index = 1 - client->link_index;
    muster_netcode_payload payload;
    if (muster_netcode_client_receive(
            client->links[client->link_index].netcode, now, packet, &payload)) {
        client_take_payload(client, client->link_index, &payload);
    } else if (has_two_links && muster_netcode_client_receive(
                                    client->links[other_index].netcode, now, &copy, &payload)) {
        client_take_payload(client, other_index, &payload);
    }
}

// What is due.

static void append_packet(
    muster_client *client, struct link *link, uint32_t payload_bytes, muster_packet_batch *packets)
{
    muster_packet *packet = &packets->packets[packets->count];
    if (muster_netcode_client_seal(link->netcode, payload_bytes, packet) == MUSTER_OK) {
        packets->count++;
        client->stats.packets_sent++;
        client->stats.bytes_sent += packet->length;
    }
}

// Actions that were never counted make room for those that can still be.
static void drop_stale_pending(muster_client *client)
{
    const uint64_t tick_us = client->clock.tick_us;
    const uint64_t newest_tick = client->clock.newest_tick;
    while (client->pending_count > 0 &&
           (client->pending[0].tick + PENDING_US_MAX / tick_us) < newest_tick) {
        client_forget_pending(client, client->pending[0].sequence);
    }
}

// The newest actions that fit: older ones were in the packets before.
static uint32_t write_inputs(muster_client *client, uint8_t *bytes, uint32_t capacity)
{
    const uint64_t newest_tick = client->is_welcomed ? client->clock.newest_tick : 0;
    uint32_t count =
        client->pending_count < PLAY_INPUT_COUNT_MAX ? client->pending_count : PLAY_INPUT_COUNT_MAX;
    for (;;) {
        const struct play_input *first = &client->pending[client->pending_count - count];
        struct record_writer writer =
            record_writer_on(bytes, capacity < INPUT_BYTES_MAX ? capacity : INPUT_BYTES_MAX);
        const uint32_t written_count = play_write_inputs(&writer, newest_tick, first, count);
        MUSTER_ASSERT(!writer.is_full);
        if (written_count == count) {
            return (uint32_t)writer.length;
        }
        count = written_count;
    }
}

// Unreliable messages, in a packet of their own: they are rare. What the path has no room for waits
// for the next, but the first goes out however long it is.
static void send_loose(muster_client *client, muster_packet_batch *packets)
{
    struct link *link = &client->links[client->link_index];
    if (client->loose.count == 0 || packets->count == packets->capacity) {
        return;
    }
    uint8_t *space = packets->packets[packets->count].bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    if (muster_session_begin_packet(link->session, client->now.steady_us, space,
            MUSTER_SESSION_PACKET_BYTES_MAX, 0) != MUSTER_OK) {
        return;
    }
    const uint8_t *record;
    uint32_t left = muster_session_packet_bytes(link->session) - LOOSE_PACKET_HEAD_BYTES;
    bool is_first = true;
    for (uint32_t length; (length = loose_first(&client->loose, &record)) > 0; is_first = false) {
        const uint32_t needed = length + LOOSE_HEAD_BYTES;
        if (!is_first && needed > left) {
            break;
        }
        left -= needed < left ? needed : left;
        uint8_t *bytes;
        uint32_t capacity;
        const muster_status status =
            muster_session_begin_blob(link->session, PLAY_RECORD_CUSTOM, false, &bytes, &capacity);
        MUSTER_ASSERT(status == MUSTER_OK && capacity >= length);
        memcpy(bytes, record, length);
        muster_session_end_blob(link->session, length);
        loose_pop(&client->loose);
    }
    append_packet(client, link, muster_session_end_packet(link->session, 0), packets);
}

static void send_inputs(muster_client *client, muster_packet_batch *packets)
{
    struct link *link = &client->links[client->link_index];
    const uint64_t tick_us = client->is_welcomed ? client->clock.tick_us : INPUT_PERIOD_US_DEFAULT;
    const uint64_t period_us = tick_us * client->def.send_ticks;
    const uint64_t now_us = client->now.steady_us;
    // Whoever asks a little early is not made to wait for the next time.
    if (now_us - client->sent_us < period_us - tick_us / 8 || packets->count == packets->capacity) {
        return;
    }
    client->sent_us = now_us;
    uint8_t *space = packets->packets[packets->count].bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    uint8_t *blob;
    uint32_t capacity;
    const uint32_t packet_bytes = muster_session_packet_bytes(link->session);
    const uint32_t reliable_bytes =
        packet_bytes > INPUT_BYTES_MAX + MUSTER_SESSION_FRAGMENT_RECORD_BYTES
            ? packet_bytes - INPUT_BYTES_MAX
            : MUSTER_SESSION_FRAGMENT_RECORD_BYTES;
    if (muster_session_begin_packet(link->session, now_us, space, packet_bytes, reliable_bytes) !=
        MUSTER_OK) {
        return;
    }
    if (muster_session_begin_blob(link->session, PLAY_RECORD_INPUT, true, &blob, &capacity) ==
        MUSTER_OK) {
        muster_session_end_blob(link->session, write_inputs(client, blob, capacity));
    }
    append_packet(client, link, muster_session_end_packet(link->session, 0), packets);
}

void muster_client_update(
    muster_client *client, muster_netcode_time now, muster_packet_batch *packets)
{
    MUSTER_ASSERT(client != NULL && packets != NULL);
    client->now = now;
    client_update_links(client, packets);
    if (client->state == MUSTER_CLIENT_JOINING || client->state == MUSTER_CLIENT_PLAYING) {
        if (client->is_welcomed) {
            drop_stale_pending(client);
            clock_render(&client->clock, now.steady_us);
            client_ask_refresh(client);
        }
        send_loose(client, packets);
        send_inputs(client, packets);
    }
}

// Questions.

muster_client_state muster_client_state_of(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->state;
}

muster_close_reason muster_client_close_reason(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->close_reason;
}

const char *muster_client_close_text(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->close_text;
}

muster_status muster_client_failure(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    if (client->state == MUSTER_CLIENT_CLOSED) {
        return MUSTER_ERR_DENIED;
    }
    if (client->state == MUSTER_CLIENT_UNREACHABLE) {
        return client->is_denied ? MUSTER_ERR_FULL : MUSTER_ERR_TIMED_OUT;
    }
    return MUSTER_OK;
}

// A link that is not resting is open, or says goodbye.
muster_address muster_client_server_address(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    const struct link *link = &client->links[client->link_index];
    const struct link *other = &client->links[1 - client->link_index];
    const muster_address address = muster_netcode_client_server_address(link->netcode);
    const muster_address other_address = muster_netcode_client_server_address(other->netcode);
    const bool is_other_used = !other->is_resting && other_address.family != MUSTER_ADDRESS_NONE;
    return is_other_used && !muster_address_is_equal(&address, &other_address) ? (muster_address){0}
                                                                               : address;
}

bool muster_client_is_leaving(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return muster_netcode_client_is_leaving(client->links[0].netcode) ||
           muster_netcode_client_is_leaving(client->links[1].netcode);
}

uint32_t muster_client_player_index(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->is_welcomed ? client->welcome.player_index : MUSTER_NONE;
}

uint32_t muster_client_find_action(const muster_client *client, const char *name)
{
    MUSTER_ASSERT(client != NULL && name != NULL);
    for (uint32_t i = 0; i < client->tables.action_count; i++) {
        struct play_action action;
        play_action_at(&client->tables, i, &action);
        if (strcmp(action.name, name) == 0) {
            return i;
        }
    }
    return MUSTER_NONE;
}

uint32_t muster_client_find_message(const muster_client *client, const char *name)
{
    MUSTER_ASSERT(client != NULL && name != NULL);
    for (uint32_t i = 0; i < client->tables.message_count; i++) {
        struct play_message message;
        play_message_at(&client->tables, i, &message);
        if (strcmp(message.name, name) == 0) {
            return i;
        }
    }
    return MUSTER_NONE;
}

uint32_t muster_client_find_field(const muster_client *client, const char *name)
{
    MUSTER_ASSERT(client != NULL && name != NULL);
    for (uint32_t i = 0; i < client->schema.field_count; i++) {
        if (strcmp(client->schema.fields[i].name, name) == 0) {
            return i;
        }
    }
    return MUSTER_NONE;
}

uint64_t muster_client_tick(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->is_welcomed ? clock_action_tick(&client->clock, client->now.steady_us) : 0;
}

uint64_t muster_client_newest_tick(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->clock.newest_tick;
}

uint32_t muster_client_counted(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->is_welcomed ? client->clock.counted_sequence : 0;
}

double muster_client_render_tick(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    const struct clock *clock = &client->clock;
    return clock->tick_us > 0 && clock->render_us > 0
               ? (double)clock->render_us / (double)clock->tick_us
               : 0.0;
}

bool muster_client_place(const muster_client *client,
    uint32_t entity_index,
    double tick,
    float out_place[MUSTER_REPLICA_LANE_COUNT_MAX])
{
    MUSTER_ASSERT(client != NULL && out_place != NULL);
    if (client->tracks == NULL) {
        memset(out_place, 0, MUSTER_REPLICA_LANE_COUNT_MAX * sizeof out_place[0]);
        return false;
    }
    return tracks_place(client->tracks, entity_index, tick, out_place);
}

muster_replica_view *muster_client_view(muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->view;
}

muster_client_stats muster_client_stats_of(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    muster_client_stats stats = client->stats;
    const struct link *link = &client->links[client->link_index];
    if (link->session != NULL) {
        const muster_session_stats session = muster_session_get_stats(link->session);
        stats.rtt_us = session.rtt_us;
        stats.loss_ppm = session.loss_ppm;
    }
    stats.margin_ticks = client->clock.margin_ticks;
    stats.interpolation_us = clock_interpolation_us(&client->clock);
    return stats;
}
