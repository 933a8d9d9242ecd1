// SPDX-License-Identifier: Apache-2.0
#include "muster/client_tables.h"

#include "harness/failing_heap.h"
#include "harness/packets.h"
#include "muster/netcode_server.h"
#include "muster/replica.h"
#include "wire/play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

// A server by hand with the right keys: it says what a real one never would, and hears what the
// client makes of it.

#define TICK_US     16667u
#define PROTOCOL_ID 7u
#define SLOT_COUNT  4u
#define EPOCH_NONE  256u

struct rig {
    struct failing_heap heap;
    muster_client *client;
    muster_netcode_server *server;
    muster_session_pool *pool;
    muster_session *sessions[SLOT_COUNT]; // by netcode slot
    uint32_t slot;                        // of the newest connection
    uint64_t connection_id;               // of the newest connection
    uint64_t token_count;
    uint16_t port;      // of the client
    uint16_t elsewhere; // the port that tokens lead to; 0: to the server
    muster_netcode_time now;
    uint32_t refresh_count;
    uint32_t custom_count;
    uint32_t loose_count;
    uint32_t action_count; // in the newest INPUT
    uint64_t newest_tick;  // as the newest INPUT says
    bool is_cut;           // nothing gets through
    struct packets up;
    struct packets down;
};

static const muster_param_def walk_params[] = {
    {.name = "x", .is_real = true, .min = -1.0f, .max = 1.0f, .precision = 0.5f},
};
static const muster_action_def actions[] = {{"walk", walk_params, 1, 60}};
static const muster_message_def messages[] = {
    {"chat", 64, true, true, 4}, {"news", 64, true, false, 4}, {"point", 64, false, true, 4}};
static const muster_game game = {.name = "test",
    .actions = actions,
    .action_count = 1,
    .messages = messages,
    .message_count = 3};

enum { MESSAGE_CHAT, MESSAGE_NEWS, MESSAGE_POINT };

// Both ends.

static void make_token(struct rig *rig, uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES])
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = PROTOCOL_ID;
    def.client_id = ++rig->token_count;
    def.create_unix_s = rig->now.unix_s;
    def.expire_unix_s = rig->now.unix_s + 60;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = packets_address(1, rig->elsewhere != 0 ? rig->elsewhere : 7777);
    def.nonce[0] = (uint8_t)rig->token_count;
    def.client_to_server_key[0] = (uint8_t)rig->token_count;
    def.server_to_client_key[0] = (uint8_t)rig->token_count;
    assert_int_equal(muster_connect_token_write(&def, out_token), MUSTER_OK);
}

static struct rig *rig_create(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *state = rig;
    rig->now = (muster_netcode_time){.steady_us = 5000000, .unix_s = 1000};
    rig->heap.alloc_count_max = UINT32_MAX;
    rig->port = 5000;
    muster_netcode_server_def server_def = muster_netcode_server_default_def();
    server_def.protocol_id = PROTOCOL_ID;
    server_def.client_count_max = SLOT_COUNT;
    server_def.address_count = 1;
    server_def.addresses[0] = packets_address(1, 7777);
    assert_int_equal(muster_netcode_server_create(&server_def, &rig->server), MUSTER_OK);
    muster_session_pool_def pool_def = muster_session_pool_default_def();
    pool_def.session_count = SLOT_COUNT;
    assert_int_equal(muster_session_pool_create(&pool_def, &rig->pool), MUSTER_OK);
    muster_client_def client_def = muster_client_default_def();
    client_def.allocator = failing_heap_allocator(&rig->heap);
    assert_int_equal(muster_client_create(&client_def, &rig->client), MUSTER_OK);
    (void)packets_reset(&rig->up);
    (void)packets_reset(&rig->down);
    return rig;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    muster_client_destroy(rig->client);
    assert_int_equal(rig->heap.bytes_live, 0);
    muster_session_pool_destroy(rig->pool);
    muster_netcode_server_destroy(rig->server);
    free(rig);
    return 0;
}

static void server_take(struct rig *rig, const muster_netcode_event *event)
{
    muster_session **session = &rig->sessions[event->client_index];
    if (event->type == MUSTER_NETCODE_EVENT_CONNECTED) {
        if (*session != NULL) {
            muster_session_pool_release(rig->pool, *session);
        }
        assert_int_equal(muster_session_pool_acquire(rig->pool, session), MUSTER_OK);
        rig->slot = event->client_index;
        rig->connection_id = event->client_id;
    }
    muster_session_received received;
    if (event->type != MUSTER_NETCODE_EVENT_PAYLOAD ||
        muster_session_read(*session, rig->now.steady_us, event->bytes, event->length, &received) !=
            MUSTER_OK) {
        return;
    }
    for (uint32_t i = 0; i < received.blob_count; i++) {
        struct play_input inputs[PLAY_INPUT_COUNT_MAX];
        rig->loose_count += received.blobs[i].kind == PLAY_RECORD_CUSTOM ? 1 : 0;
        if (received.blobs[i].kind == PLAY_RECORD_INPUT) {
            assert_int_equal(play_read_inputs(received.blobs[i].bytes, received.blobs[i].length,
                                 &game, &rig->newest_tick, inputs, &rig->action_count),
                MUSTER_OK);
        }
    }
    muster_session_message message;
    while (muster_session_pop(*session, &message)) {
        rig->refresh_count += message.kind == PLAY_MESSAGE_REFRESH ? 1 : 0;
        rig->custom_count += message.kind == PLAY_MESSAGE_CUSTOM ? 1 : 0;
    }
}

static void deliver_down(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->down.batch.count && !rig->is_cut; i++) {
        rig->down.slots[i].address = packets_address(1, 7777);
        muster_client_receive(rig->client, rig->now, &rig->down.slots[i]);
    }
    (void)packets_reset(&rig->down);
}

// A tick of the client, whose packets reach the server, and the server's answers the client.
static void step(struct rig *rig)
{
    rig->now.steady_us += TICK_US;
    rig->now.unix_s = 1000 + rig->now.steady_us / 1000000;
    muster_client_update(rig->client, rig->now, &rig->up.batch);
    for (uint32_t i = 0; i < rig->up.batch.count && !rig->is_cut; i++) {
        muster_netcode_event event;
        rig->up.slots[i].address = packets_address(9, rig->port);
        if (muster_netcode_server_receive(
                rig->server, rig->now, &rig->up.slots[i], &rig->down.batch, &event)) {
            server_take(rig, &event);
        }
    }
    (void)packets_reset(&rig->up);
    muster_netcode_server_update(rig->server, rig->now, &rig->down.batch);
    muster_netcode_event event;
    while (muster_netcode_server_pop_event(rig->server, &event)) {
    }
    deliver_down(rig);
}

static void run(struct rig *rig, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        step(rig);
    }
}

// What the server says.

// A packet with an UPDATE, none with EPOCH_NONE; and the reliable messages that are due.
static void send_packet(
    struct rig *rig, uint32_t epoch, uint64_t tick, const uint8_t *bytes, uint32_t length)
{
    muster_packet *slot = &rig->down.slots[rig->down.batch.count];
    uint8_t *space = slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    muster_session *session = rig->sessions[rig->slot];
    assert_int_equal(
        muster_session_begin_packet(session, rig->now.steady_us, space, 1200, 1200), MUSTER_OK);
    uint8_t *blob;
    uint32_t capacity;
    if (epoch != EPOCH_NONE) {
        assert_int_equal(
            muster_session_begin_blob(session, PLAY_RECORD_UPDATE, true, &blob, &capacity),
            MUSTER_OK);
        struct record_writer writer = record_writer_on(blob, capacity);
        const struct play_update update = {.epoch = (uint8_t)epoch, .tick_low = (uint16_t)tick};
        play_write_update(&writer, &update);
        record_write_bytes(&writer, bytes, length);
        assert_false(writer.is_full);
        muster_session_end_blob(session, (uint32_t)writer.length);
    }
    const uint32_t payload_bytes = muster_session_end_packet(session, 0);
    assert_int_equal(
        muster_netcode_server_seal(rig->server, rig->slot, payload_bytes, slot), MUSTER_OK);
    rig->down.batch.count++;
    deliver_down(rig);
}

static void send_update(struct rig *rig, uint32_t epoch, uint64_t tick)
{
    send_packet(rig, epoch, tick, NULL, 0);
}

// An update that no client can take: a difference against a state that never was.
static void send_broken_update(struct rig *rig, uint32_t epoch, uint64_t tick)
{
    static const uint8_t bytes[4] = {0xff, 0xff, 0xff, 0xff};
    send_packet(rig, epoch, tick, bytes, sizeof bytes);
}

static void send_message(struct rig *rig, uint16_t kind, const uint8_t *bytes, uint32_t length)
{
    assert_int_equal(muster_session_push(rig->sessions[rig->slot], kind, bytes, length), MUSTER_OK);
    for (uint32_t i = 0; i < 4; i++) { // of as many packets as the longest takes
        send_packet(rig, EPOCH_NONE, 0, NULL, 0);
    }
}

static muster_replica_schema make_schema(void)
{
    const muster_field_def field = {"position", MUSTER_COLUMN_POSITION, MUSTER_FIELD_POSITION,
        -100.0f, 100.0f, 0.01f, MUSTER_CHANNEL_CRITICAL, MUSTER_VISIBLE_EVERYONE};
    muster_replica_schema schema = muster_replica_default_schema();
    schema.known_count_max = 8;
    assert_int_equal(muster_replica_schema_add(&schema, &field, MUSTER_STATE_F32, 3), MUSTER_OK);
    return schema;
}

// An update in which one entity enters.
static void send_state(struct rig *rig, uint32_t epoch, uint64_t tick)
{
    const muster_replica_schema schema = make_schema();
    muster_replica_def def = muster_replica_default_def();
    def.schema = &schema;
    def.client_capacity = 1;
    def.entity_capacity = 1;
    muster_replica *replica;
    assert_int_equal(muster_replica_create(&def, &replica), MUSTER_OK);
    muster_replica_add_client(replica, 0);
    const muster_vec3 position = {1.0f, 2.0f, 3.0f};
    const muster_replica_world world = {.tick = tick,
        .slot_count = 1,
        .is_alive = (const uint8_t[]){1},
        .id = (const uint64_t[]){77},
        .kind = (const uint16_t[]){0},
        .position = &position,
        .columns = {&position}};
    const muster_replica_viewer viewer = {.viewpoint = position, .player_index = 3};
    const muster_parallel parallel = muster_parallel_serial();
    muster_replica_begin_tick(replica, &world, &parallel);
    muster_replica_look(replica, 0, &viewer);
    uint8_t bytes[MUSTER_REPLICA_PACKET_BYTES_MIN];
    size_t length;
    muster_replica_token token;
    muster_replica_write(replica, 0, bytes, sizeof bytes, &length, &token);
    assert_true(length > 0);
    muster_replica_destroy(replica);
    send_packet(rig, epoch, tick, bytes, (uint32_t)length);
}

static uint32_t write_welcome(uint8_t out_bytes[PLAY_WELCOME_BYTES_MAX])
{
    const muster_replica_schema schema = make_schema();
    uint8_t schema_bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t schema_length;
    assert_int_equal(
        muster_replica_schema_encode(&schema, schema_bytes, sizeof schema_bytes, &schema_length),
        MUSTER_OK);
    struct record_writer writer = record_writer_on(out_bytes, PLAY_WELCOME_BYTES_MAX);
    const struct play_welcome welcome = {.tick = 100, .tick_rate_hz = 60, .player_index = 3};
    play_write_welcome(&writer, &welcome, &game, schema_bytes, schema_length);
    assert_false(writer.is_full);
    return (uint32_t)writer.length;
}

static void send_welcome(struct rig *rig)
{
    uint8_t bytes[PLAY_WELCOME_BYTES_MAX];
    const uint32_t length = write_welcome(bytes);
    send_message(rig, PLAY_MESSAGE_WELCOME, bytes, length);
}

static void send_close(struct rig *rig, muster_close_reason reason, const char *text)
{
    muster_packet *slot = &rig->down.slots[rig->down.batch.count];
    const uint32_t length =
        muster_session_write_close(reason, text, slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, 1200);
    assert_int_equal(muster_netcode_server_seal(rig->server, rig->slot, length, slot), MUSTER_OK);
    rig->down.batch.count++;
    deliver_down(rig);
}

static void send_resume_token(struct rig *rig)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    send_message(rig, PLAY_MESSAGE_RESUME, token, sizeof token);
}

static muster_client_state state_of(const struct rig *rig)
{
    return muster_client_state_of(rig->client);
}

static struct rig *joining(void **state)
{
    struct rig *rig = rig_create(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_CONNECTING);
    run(rig, 40);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
    return rig;
}

static struct rig *playing(void **state)
{
    struct rig *rig = joining(state);
    send_welcome(rig);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    return rig;
}

static void assert_closed(const struct rig *rig, muster_close_reason reason, const char *text)
{
    assert_int_equal(state_of(rig), MUSTER_CLIENT_CLOSED);
    assert_int_equal(muster_client_close_reason(rig->client), reason);
    assert_string_equal(muster_client_close_text(rig->client), text);
    assert_int_equal(muster_client_failure(rig->client), MUSTER_ERR_DENIED);
}

// Welcomes.

static void a_welcome_lets_the_client_play(void **state)
{
    struct rig *rig = joining(state);
    assert_int_equal(muster_client_player_index(rig->client), MUSTER_NONE);
    assert_int_equal(muster_client_tick(rig->client), 0);
    send_welcome(rig);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    assert_int_equal(muster_client_player_index(rig->client), 3);
    assert_true(muster_client_tick(rig->client) >= 100);
    assert_int_equal(muster_client_find_action(rig->client, "walk"), 0);
    assert_int_equal(muster_client_find_action(rig->client, "fly"), MUSTER_NONE);
    assert_int_equal(muster_client_find_message(rig->client, "point"), MESSAGE_POINT);
    assert_int_equal(muster_client_find_message(rig->client, "poin"), MUSTER_NONE);
    assert_int_equal(muster_client_find_field(rig->client, "position"), 0);
    assert_int_equal(muster_client_find_field(rig->client, "health"), MUSTER_NONE);
    run(rig, 5);
    assert_true(rig->newest_tick >= 100); // which tells the server that the tables are there
}

static void the_tables_say_what_a_player_may_do(void **state)
{
    struct rig *rig = joining(state);
    muster_client_action_def action;
    muster_client_message_def message;
    assert_int_equal(muster_client_action_count(rig->client), 0);
    assert_int_equal(muster_client_message_count(rig->client), 0);
    assert_null(muster_client_schema(rig->client));
    assert_false(muster_client_action_at(rig->client, 0, &action));
    assert_false(muster_client_message_at(rig->client, 0, &message));
    send_welcome(rig);

    assert_int_equal(muster_client_action_count(rig->client), 1);
    assert_true(muster_client_action_at(rig->client, 0, &action));
    assert_string_equal(action.name, "walk");
    assert_int_equal(action.rate_hz_max, 60);
    assert_int_equal(action.param_count, 1);
    assert_string_equal(action.params[0].name, "x");
    assert_true(action.params[0].is_real);
    assert_true(action.params[0].min == -1.0f && action.params[0].max == 1.0f);
    assert_true(action.params[0].precision == 0.5f);
    assert_false(muster_client_action_at(rig->client, 1, &action));
    assert_int_equal(action.param_count, 0);

    assert_int_equal(muster_client_message_count(rig->client), 3);
    assert_true(muster_client_message_at(rig->client, MESSAGE_POINT, &message));
    assert_string_equal(message.name, "point");
    assert_int_equal(message.bytes_max, 64);
    assert_false(message.is_reliable);
    assert_true(message.is_from_players);
    assert_true(muster_client_message_at(rig->client, MESSAGE_NEWS, &message));
    assert_true(message.is_reliable);
    assert_false(message.is_from_players);
    assert_false(muster_client_message_at(rig->client, 3, &message));
    assert_int_equal(message.bytes_max, 0);

    assert_string_equal(muster_client_schema(rig->client)->fields[0].name, "position");
}

static void a_welcome_in_parts_is_put_together(void **state)
{
    struct rig *rig = joining(state);
    uint8_t bytes[PLAY_WELCOME_BYTES_MAX];
    const uint32_t length = write_welcome(bytes);
    send_message(rig, PLAY_MESSAGE_WELCOME_PART, bytes, 10);
    send_message(rig, PLAY_MESSAGE_WELCOME_PART, bytes + 10, 1);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
    send_message(rig, PLAY_MESSAGE_WELCOME, bytes + 11, length - 11);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    assert_int_equal(muster_client_player_index(rig->client), 3);
}

static void a_welcome_cut_anywhere_ends_the_client(void **state)
{
    uint8_t bytes[PLAY_WELCOME_BYTES_MAX];
    const uint32_t length = write_welcome(bytes);
    for (uint32_t cut = 0; cut < length; cut++) {
        struct rig *rig = joining(state);
        send_message(rig, PLAY_MESSAGE_WELCOME, bytes, cut);
        assert_closed(rig, MUSTER_CLOSE_VERSION, "the server's tables cannot be read");
        assert_int_equal(muster_client_player_index(rig->client), MUSTER_NONE);
        (void)teardown(state);
    }
    struct rig *rig = joining(state);
    bytes[length] = 0;
    send_message(rig, PLAY_MESSAGE_WELCOME, bytes, length + 1); // and one that goes on
    assert_closed(rig, MUSTER_CLOSE_VERSION, "the server's tables cannot be read");
}

static void a_welcome_of_another_version_ends_the_client(void **state)
{
    struct rig *rig = joining(state);
    uint8_t bytes[PLAY_WELCOME_BYTES_MAX];
    const uint32_t length = write_welcome(bytes);
    bytes[0]++;
    send_message(rig, PLAY_MESSAGE_WELCOME, bytes, length);
    assert_closed(rig, MUSTER_CLOSE_VERSION, "the server's tables cannot be read");
}

static void a_welcome_without_end_ends_the_client(void **state)
{
    static const uint8_t part[PLAY_WELCOME_PART_BYTES];
    struct rig *rig = joining(state);
    const uint32_t part_count = PLAY_WELCOME_BYTES_MAX / PLAY_WELCOME_PART_BYTES;
    for (uint32_t i = 0; i < part_count; i++) {
        send_message(rig, PLAY_MESSAGE_WELCOME_PART, part, sizeof part);
        run(rig, 1);
        assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
    }
    send_message(rig, PLAY_MESSAGE_WELCOME_PART, part, sizeof part);
    assert_closed(rig, MUSTER_CLOSE_PROTOCOL, "the server's welcome is too much");
}

static void a_second_welcome_ends_the_client(void **state)
{
    struct rig *rig = playing(state);
    send_welcome(rig);
    assert_closed(rig, MUSTER_CLOSE_PROTOCOL, "the server's welcome is too much");
    run(rig, 10); // at rest, and no packet brings it back
    assert_int_equal(state_of(rig), MUSTER_CLIENT_CLOSED);
}

static void a_welcome_for_which_there_is_no_memory_ends_the_client(void **state)
{
    struct rig *rig = joining(state);
    rig->heap.alloc_count_max = rig->heap.alloc_count;
    send_welcome(rig);
    assert_closed(rig, MUSTER_CLOSE_LIMIT, "no memory for the server's world");
    (void)teardown(state);

    rig = joining(state);
    rig->heap.alloc_count_max = rig->heap.alloc_count + 1; // the view, but no places
    send_welcome(rig);
    assert_closed(rig, MUSTER_CLOSE_LIMIT, "no memory for the server's world");
}

// Epochs.

static uint64_t updates_of(const struct rig *rig)
{
    return muster_client_stats_of(rig->client).updates;
}

static void updates_before_the_welcome_are_ignored(void **state)
{
    struct rig *rig = joining(state);
    send_update(rig, 0, 100);
    send_broken_update(rig, 5, 100);
    assert_int_equal(updates_of(rig), 0);
    send_welcome(rig);
    send_update(rig, 0, 101);
    assert_int_equal(updates_of(rig), 1);
    assert_int_equal(muster_client_newest_tick(rig->client), 101);
}

static void updates_of_an_older_epoch_are_ignored(void **state)
{
    struct rig *rig = playing(state);
    send_update(rig, 0, 101);
    send_update(rig, 1, 102);
    assert_int_equal(updates_of(rig), 2);
    send_update(rig, 0, 103);
    send_update(rig, 255, 104);
    send_broken_update(rig, 0, 105);
    assert_int_equal(updates_of(rig), 2);
    assert_int_equal(muster_client_stats_of(rig->client).updates_refused, 0);
    assert_int_equal(muster_client_newest_tick(rig->client), 102);
    run(rig, 5);
    assert_int_equal(rig->refresh_count, 0);
}

static void an_update_that_cannot_be_taken_is_answered_by_a_refresh(void **state)
{
    struct rig *rig = playing(state);
    send_broken_update(rig, 0, 101);
    run(rig, 5);
    assert_int_equal(rig->refresh_count, 1);
    assert_int_equal(muster_client_stats_of(rig->client).updates_refused, 1);
    assert_int_equal(muster_client_stats_of(rig->client).refreshes, 1);

    // Until the server begins the next epoch nothing of this one counts, nor is it asked again.
    send_update(rig, 0, 102);
    send_broken_update(rig, 0, 103);
    run(rig, 120);
    assert_int_equal(updates_of(rig), 0);
    assert_int_equal(rig->refresh_count, 1);

    send_update(rig, 1, 230);
    assert_int_equal(updates_of(rig), 1);
    send_update(rig, 1, 231);
    assert_int_equal(updates_of(rig), 2);
}

static void a_refresh_forgets_what_the_client_knew(void **state)
{
    struct rig *rig = playing(state);
    const muster_replica_view *view = muster_client_view(rig->client);
    float place[MUSTER_REPLICA_LANE_COUNT_MAX];
    send_state(rig, 0, 101);
    assert_int_equal(muster_replica_view_count(view), 1);
    assert_int_equal(muster_replica_view_tick(view), 101);
    assert_true(muster_client_place(rig->client, 0, 101.0, place));

    send_broken_update(rig, 0, 102);
    assert_int_equal(muster_replica_view_count(view), 0);
    assert_int_equal(muster_replica_view_tick(view), 0);
    assert_false(muster_client_place(rig->client, 0, 101.0, place));

    send_state(rig, 1, 103);
    assert_int_equal(muster_replica_view_count(view), 1);
    assert_int_equal(muster_replica_view_tick(view), 103);
    assert_true(muster_client_place(rig->client, 0, 103.0, place));
}

static void refreshes_are_asked_for_once_a_second(void **state)
{
    struct rig *rig = playing(state);
    send_broken_update(rig, 0, 101);
    run(rig, 5);
    assert_int_equal(rig->refresh_count, 1);
    send_broken_update(rig, 1, 106);
    run(rig, 50);
    assert_int_equal(rig->refresh_count, 1);

    // Until it may ask, the client shows what it can.
    send_update(rig, 1, 150);
    assert_int_equal(updates_of(rig), 1);
    run(rig, 10);
    assert_int_equal(rig->refresh_count, 2);
    send_update(rig, 1, 170);
    assert_int_equal(updates_of(rig), 1);
    send_update(rig, 2, 171);
    assert_int_equal(updates_of(rig), 2);
}

static void a_new_epoch_makes_a_refresh_that_waits_needless(void **state)
{
    struct rig *rig = playing(state);
    send_broken_update(rig, 0, 101);
    run(rig, 5);
    send_broken_update(rig, 1, 106);
    run(rig, 5);
    send_update(rig, 2, 111);
    run(rig, 120);
    assert_int_equal(rig->refresh_count, 1);
}

static void epochs_go_round(void **state)
{
    struct rig *rig = playing(state);
    for (uint32_t i = 0; i < 600; i++) {
        send_update(rig, i % 256, 101 + i);
        send_update(rig, (i + 255) % 256, 101 + i); // late
        assert_int_equal(updates_of(rig), i + 1);
        step(rig);
    }
}

static void a_new_connection_begins_anew(void **state)
{
    struct rig *rig = playing(state);
    const muster_value value = {.real = 1.0f};
    muster_client_action pending;
    uint32_t sequence;
    send_update(rig, 7, 101);
    send_resume_token(rig);
    assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_OK);
    assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_OK);
    const uint32_t old_slot = rig->slot;
    muster_netcode_server_drop(rig->server, old_slot);
    run(rig, 120);
    assert_true(rig->slot != old_slot || rig->connection_id > 1);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
    send_welcome(rig);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    send_update(rig, 0, 250);
    assert_int_equal(updates_of(rig), 2);
    assert_int_equal(muster_client_pending(rig->client, &pending, 1), 0);
    assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_OK);
    assert_int_equal(sequence, 1);
}

static void a_record_that_is_no_update_is_refused(void **state)
{
    struct rig *rig = playing(state);
    muster_packet *slot = &rig->down.slots[rig->down.batch.count];
    muster_session *session = rig->sessions[rig->slot];
    uint8_t *blob;
    uint32_t capacity;
    assert_int_equal(muster_session_begin_packet(session, rig->now.steady_us,
                         slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, 1200, 1200),
        MUSTER_OK);
    assert_int_equal(
        muster_session_begin_blob(session, PLAY_RECORD_UPDATE, false, &blob, &capacity), MUSTER_OK);
    memset(blob, 1, 3);
    muster_session_end_blob(session, 3); // cut
    assert_int_equal(muster_session_begin_blob(session, 9, true, &blob, &capacity), MUSTER_OK);
    muster_session_end_blob(session, 0); // of a newer server
    const uint32_t payload_bytes = muster_session_end_packet(session, 0);
    assert_int_equal(
        muster_netcode_server_seal(rig->server, rig->slot, payload_bytes, slot), MUSTER_OK);
    rig->down.batch.count++;
    deliver_down(rig);
    assert_int_equal(muster_client_stats_of(rig->client).updates_refused, 1);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    run(rig, 5);
    assert_int_equal(rig->refresh_count, 0);
}

// Tokens.

static void a_token_that_cannot_be_read_leaves_the_client_at_rest(void **state)
{
    struct rig *rig = rig_create(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    token[0] ^= 1;
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_ERR_VERSION);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_IDLE);
    memset(token + 13, 0xff, sizeof token - 13);
    token[0] ^= 1;
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_ERR_MALFORMED);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_IDLE);
    run(rig, 10);

    make_token(rig, token); // and a good one works after it
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    run(rig, 40);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
}

static void a_token_that_the_server_refuses_leads_nowhere_in_its_time(void **state)
{
    struct rig *rig = rig_create(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    token[200] ^= 1; // of the part that only the server reads
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    run(rig, 4 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_CONNECTING);
    run(rig, 2 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_UNREACHABLE);
    assert_int_equal(muster_client_close_reason(rig->client), MUSTER_CLOSE_NONE);
}

static void an_expired_token_leads_nowhere_at_once(void **state)
{
    struct rig *rig = rig_create(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    rig->now.steady_us += UINT64_C(61) * 1000000;
    rig->now.unix_s += 61;
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    rig->is_cut = true;
    run(rig, 6 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_UNREACHABLE);
    assert_int_equal(muster_client_failure(rig->client), MUSTER_ERR_TIMED_OUT);
}

static void a_refusal_says_why(void **state)
{
    struct rig *rig = joining(state);
    send_close(rig, MUSTER_CLOSE_REFUSED, "a new login is needed");
    assert_closed(rig, MUSTER_CLOSE_REFUSED, "a new login is needed");
    (void)teardown(state);

    rig = playing(state);
    send_close(rig, MUSTER_CLOSE_KICKED, "no\nescape \033[31m");
    assert_closed(rig, MUSTER_CLOSE_KICKED, ""); // no text that plays with terminals

    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    assert_int_equal(muster_client_close_reason(rig->client), MUSTER_CLOSE_NONE);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_CONNECTING);
}

static void a_goodbye_without_a_reason_closes_the_client_too(void **state)
{
    struct rig *rig = playing(state);
    assert_true(muster_netcode_server_disconnect(rig->server, rig->slot));
    run(rig, 5);
    assert_closed(rig, MUSTER_CLOSE_NONE, "");
}

// Coming back.

static void without_a_resume_token_silence_ends_the_client_in_its_time(void **state)
{
    struct rig *rig = playing(state);
    rig->is_cut = true;
    run(rig, 4 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    run(rig, 2 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_UNREACHABLE);
}

static void a_resume_token_of_another_length_is_ignored(void **state)
{
    struct rig *rig = playing(state);
    static const uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES + 1];
    send_message(rig, PLAY_MESSAGE_RESUME, bytes, MUSTER_CONNECT_TOKEN_BYTES + 1);
    send_message(rig, PLAY_MESSAGE_RESUME, bytes, MUSTER_CONNECT_TOKEN_BYTES - 1);
    rig->is_cut = true;
    run(rig, 3 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING); // it has nothing to resume with
}

static void a_server_that_is_heard_again_keeps_the_first_connection(void **state)
{
    struct rig *rig = playing(state);
    send_resume_token(rig);
    rig->is_cut = true;
    run(rig, 100);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_RESUMING);
    rig->is_cut = false;
    send_update(rig, 0, 210);
    run(rig, 1);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);
    assert_int_equal(muster_client_stats_of(rig->client).resumes, 0);
    assert_int_equal(updates_of(rig), 1);
}

static void a_resume_token_that_the_server_refuses_gives_way_to_the_next(void **state)
{
    struct rig *rig = playing(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(rig, token);
    token[200] ^= 1;
    send_message(rig, PLAY_MESSAGE_RESUME, token, sizeof token);
    send_resume_token(rig);
    const uint64_t good_id = rig->token_count;
    assert_true(muster_netcode_server_drop(rig->server, rig->slot));
    run(rig, 60 * 10);
    assert_int_equal(rig->connection_id, good_id);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_JOINING);
    assert_int_equal(muster_client_stats_of(rig->client).resumes, 1);
}

static void of_many_resume_tokens_the_newest_two_are_kept(void **state)
{
    struct rig *rig = playing(state);
    for (uint32_t i = 0; i < 5; i++) {
        send_resume_token(rig);
        run(rig, 10);
    }
    const uint64_t newest_id = rig->token_count;
    assert_true(muster_netcode_server_drop(rig->server, rig->slot));
    run(rig, 120);
    assert_int_equal(rig->connection_id, newest_id - 1);
    send_welcome(rig);
    assert_true(muster_netcode_server_drop(rig->server, rig->slot));
    run(rig, 120);
    assert_int_equal(rig->connection_id, newest_id);
    assert_int_equal(muster_client_stats_of(rig->client).resumes, 2);
}

static void tokens_of_a_new_connection_replace_all_older_ones(void **state)
{
    struct rig *rig = playing(state);
    send_resume_token(rig);
    send_resume_token(rig);
    assert_true(muster_netcode_server_drop(rig->server, rig->slot));
    run(rig, 120);
    assert_int_equal(muster_client_stats_of(rig->client).resumes, 1);
    send_welcome(rig);
    send_resume_token(rig);
    const uint64_t fresh_id = rig->token_count;
    assert_true(muster_netcode_server_drop(rig->server, rig->slot));
    run(rig, 120);
    assert_int_equal(rig->connection_id, fresh_id);
}

static void the_resume_window_ends(void **state)
{
    struct rig *rig = playing(state);
    send_resume_token(rig);
    rig->is_cut = true;
    run(rig, 31 * 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_RESUMING);
    run(rig, 60);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_UNREACHABLE);
}

// From the player.

static void actions_wait_until_they_are_counted_or_too_old(void **state)
{
    struct rig *rig = joining(state);
    const muster_value value = {.real = 1.0f};
    uint32_t sequence;
    assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_ERR_NOT_FOUND);
    send_welcome(rig);
    assert_int_equal(muster_client_act(rig->client, 1, &value, &sequence), MUSTER_ERR_NOT_FOUND);
    for (uint32_t i = 1; i <= MUSTER_CLIENT_PENDING_MAX; i++) {
        assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_OK);
        assert_int_equal(sequence, i);
    }
    assert_int_equal(muster_client_act(rig->client, 0, &value, &sequence), MUSTER_ERR_FULL);
    assert_int_equal(sequence, 0);
    run(rig, 2);
    assert_int_equal(rig->action_count, PLAY_INPUT_COUNT_MAX);

    muster_client_action pending[MUSTER_CLIENT_PENDING_MAX];
    assert_int_equal(muster_client_pending(rig->client, pending, 5), 5);
    assert_int_equal(pending[4].sequence, 5);
    assert_true(pending[4].values[0].real > 0.9f);
    for (uint32_t i = 0; i < 125; i++) {
        send_update(rig, 0, 101 + i);
        step(rig);
    }
    assert_int_equal(muster_client_pending(rig->client, pending, MUSTER_CLIENT_PENDING_MAX), 0);
}

static void messages_are_checked_before_they_are_sent(void **state)
{
    struct rig *rig = joining(state);
    const uint8_t bytes[65] = {0};
    assert_int_equal(muster_client_send(rig->client, MESSAGE_CHAT, bytes, 1), MUSTER_ERR_NOT_FOUND);
    send_welcome(rig);
    assert_int_equal(muster_client_send(rig->client, 3, bytes, 1), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_client_send(rig->client, MESSAGE_NEWS, bytes, 1), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_client_send(rig->client, MESSAGE_CHAT, bytes, 65), MUSTER_ERR_INVALID);
    assert_int_equal(muster_client_send(rig->client, MESSAGE_POINT, bytes, 65), MUSTER_ERR_INVALID);
    assert_int_equal(muster_client_send(rig->client, MESSAGE_CHAT, bytes, 64), MUSTER_OK);
    uint32_t point_count = 0;
    while (muster_client_send(rig->client, MESSAGE_POINT, bytes, 64) == MUSTER_OK) {
        point_count++;
    }
    run(rig, 3);
    assert_int_equal(rig->custom_count, 1);
    assert_in_range(point_count, 1, 8);
    assert_int_equal(rig->loose_count, point_count);
    assert_int_equal(muster_client_send(rig->client, MESSAGE_POINT, bytes, 64), MUSTER_OK);
}

static void messages_that_nobody_takes_are_dropped_and_counted(void **state)
{
    struct rig *rig = playing(state);
    const uint8_t unknown[] = {3, 'x'};
    send_message(rig, PLAY_MESSAGE_CUSTOM, unknown, sizeof unknown);
    send_message(rig, PLAY_MESSAGE_CUSTOM, NULL, 0);
    assert_int_equal(muster_client_stats_of(rig->client).messages_dropped, 2);
    send_message(rig, 99, unknown, sizeof unknown); // of a newer server
    assert_int_equal(state_of(rig), MUSTER_CLIENT_PLAYING);

    const uint8_t news[1000] = {MESSAGE_NEWS, 'n'};
    for (uint32_t i = 0; i < 70; i++) {
        send_message(rig, PLAY_MESSAGE_CUSTOM, news, sizeof news);
        run(rig, 1);
    }
    const uint64_t dropped_count = muster_client_stats_of(rig->client).messages_dropped - 2;
    assert_true(dropped_count > 0);
    muster_client_message message;
    uint64_t taken_count = 0;
    while (muster_client_pop_message(rig->client, &message)) {
        assert_int_equal(message.message_index, MESSAGE_NEWS);
        assert_int_equal(message.length, sizeof news - 1);
        assert_int_equal(message.bytes[0], 'n');
        taken_count++;
    }
    assert_int_equal(taken_count + dropped_count, 70);
}

static void a_client_that_leaves_says_so_and_rests(void **state)
{
    struct rig *rig = playing(state);
    const uint32_t slot = rig->slot;
    assert_false(muster_client_is_leaving(rig->client));
    muster_client_leave(rig->client);
    assert_int_equal(state_of(rig), MUSTER_CLIENT_IDLE);
    assert_int_equal(muster_client_failure(rig->client), MUSTER_OK);
    assert_true(muster_client_is_leaving(rig->client));
    run(rig, 2);
    assert_false(muster_netcode_server_is_connected(rig->server, slot));
    run(rig, MUSTER_NETCODE_DISCONNECT_PACKET_COUNT);
    assert_false(muster_client_is_leaving(rig->client));
}

static void assert_server_port(const struct rig *rig, uint16_t port)
{
    assert_int_equal(muster_client_server_address(rig->client).port, port);
}

static void a_client_talks_to_two_servers_until_one_has_heard_its_goodbye(void **state)
{
    struct rig *rig = rig_create(state);
    assert_int_equal(muster_client_server_address(rig->client).family, MUSTER_ADDRESS_NONE);
    (void)teardown(state);

    rig = playing(state);
    assert_server_port(rig, 7777);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    rig->elsewhere = 8888;
    make_token(rig, token);
    assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
    run(rig, 2);
    assert_int_equal(muster_client_server_address(rig->client).family, MUSTER_ADDRESS_NONE);
    run(rig, MUSTER_NETCODE_DISCONNECT_PACKET_COUNT);
    assert_server_port(rig, 8888);
    muster_client_leave(rig->client);
    run(rig, 2);
    assert_server_port(rig, 8888);
}

static void a_full_server_is_a_failure_of_its_own(void **state)
{
    struct rig *rig = rig_create(state);
    muster_client *client = rig->client;
    for (uint32_t i = 0; i <= SLOT_COUNT; i++) { // each from an address of its own
        uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
        rig->client = NULL;
        const muster_client_def def = muster_client_default_def();
        assert_int_equal(muster_client_create(&def, &rig->client), MUSTER_OK);
        rig->port = (uint16_t)(6000 + i);
        make_token(rig, token);
        assert_int_equal(muster_client_connect(rig->client, rig->now, token), MUSTER_OK);
        run(rig, 30);
        assert_int_equal(
            state_of(rig), i < SLOT_COUNT ? MUSTER_CLIENT_JOINING : MUSTER_CLIENT_UNREACHABLE);
        assert_int_equal(
            muster_client_failure(rig->client), i < SLOT_COUNT ? MUSTER_OK : MUSTER_ERR_FULL);
        muster_client_destroy(rig->client);
    }
    rig->client = client;
}

static void creation_refuses_what_is_out_of_range_and_survives_an_empty_heap(void **state)
{
    (void)state;
    muster_client *client;
    muster_client_def def = muster_client_default_def();
    def.margin_ticks = 17;
    assert_int_equal(muster_client_create(&def, &client), MUSTER_ERR_INVALID);
    def = muster_client_default_def();
    def.resume_after_us = 0;
    assert_int_equal(muster_client_create(&def, &client), MUSTER_ERR_INVALID);
    def = muster_client_default_def();
    muster_status status = MUSTER_ERR_NO_MEMORY;
    for (uint32_t i = 0; status != MUSTER_OK; i++) {
        struct failing_heap heap = {.alloc_count_max = i};
        def.allocator = failing_heap_allocator(&heap);
        status = muster_client_create(&def, &client);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        muster_client_destroy(client);
        assert_int_equal(heap.bytes_live, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_welcome_lets_the_client_play, teardown),
        cmocka_unit_test_teardown(the_tables_say_what_a_player_may_do, teardown),
        cmocka_unit_test_teardown(a_welcome_in_parts_is_put_together, teardown),
        cmocka_unit_test_teardown(a_welcome_cut_anywhere_ends_the_client, teardown),
        cmocka_unit_test_teardown(a_welcome_of_another_version_ends_the_client, teardown),
        cmocka_unit_test_teardown(a_welcome_without_end_ends_the_client, teardown),
        cmocka_unit_test_teardown(a_second_welcome_ends_the_client, teardown),
        cmocka_unit_test_teardown(a_welcome_for_which_there_is_no_memory_ends_the_client, teardown),
        cmocka_unit_test_teardown(updates_before_the_welcome_are_ignored, teardown),
        cmocka_unit_test_teardown(updates_of_an_older_epoch_are_ignored, teardown),
        cmocka_unit_test_teardown(
            an_update_that_cannot_be_taken_is_answered_by_a_refresh, teardown),
        cmocka_unit_test_teardown(a_refresh_forgets_what_the_client_knew, teardown),
        cmocka_unit_test_teardown(refreshes_are_asked_for_once_a_second, teardown),
        cmocka_unit_test_teardown(a_new_epoch_makes_a_refresh_that_waits_needless, teardown),
        cmocka_unit_test_teardown(epochs_go_round, teardown),
        cmocka_unit_test_teardown(a_new_connection_begins_anew, teardown),
        cmocka_unit_test_teardown(a_record_that_is_no_update_is_refused, teardown),
        cmocka_unit_test_teardown(a_token_that_cannot_be_read_leaves_the_client_at_rest, teardown),
        cmocka_unit_test_teardown(
            a_token_that_the_server_refuses_leads_nowhere_in_its_time, teardown),
        cmocka_unit_test_teardown(an_expired_token_leads_nowhere_at_once, teardown),
        cmocka_unit_test_teardown(a_refusal_says_why, teardown),
        cmocka_unit_test_teardown(a_goodbye_without_a_reason_closes_the_client_too, teardown),
        cmocka_unit_test_teardown(
            without_a_resume_token_silence_ends_the_client_in_its_time, teardown),
        cmocka_unit_test_teardown(a_resume_token_of_another_length_is_ignored, teardown),
        cmocka_unit_test_teardown(
            a_server_that_is_heard_again_keeps_the_first_connection, teardown),
        cmocka_unit_test_teardown(
            a_resume_token_that_the_server_refuses_gives_way_to_the_next, teardown),
        cmocka_unit_test_teardown(of_many_resume_tokens_the_newest_two_are_kept, teardown),
        cmocka_unit_test_teardown(tokens_of_a_new_connection_replace_all_older_ones, teardown),
        cmocka_unit_test_teardown(the_resume_window_ends, teardown),
        cmocka_unit_test_teardown(actions_wait_until_they_are_counted_or_too_old, teardown),
        cmocka_unit_test_teardown(messages_are_checked_before_they_are_sent, teardown),
        cmocka_unit_test_teardown(messages_that_nobody_takes_are_dropped_and_counted, teardown),
        cmocka_unit_test_teardown(a_client_that_leaves_says_so_and_rests, teardown),
        cmocka_unit_test_teardown(
            a_client_talks_to_two_servers_until_one_has_heard_its_goodbye, teardown),
        cmocka_unit_test_teardown(a_full_server_is_a_failure_of_its_own, teardown),
        cmocka_unit_test(creation_refuses_what_is_out_of_range_and_survives_an_empty_heap),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
