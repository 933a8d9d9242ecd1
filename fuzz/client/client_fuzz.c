// SPDX-License-Identifier: Apache-2.0

// A server with the right keys that says whatever the input says: session packets, welcomes,
// updates, tokens and messages. The client must take it or leave, and never lose its footing.

#include "muster/client.h"

#include "core/assert.h"
#include "net/netcode_fuzz.h"
#include "wire/play.h"

#define TICK_US 16667

struct fuzz {
    muster_netcode_server *server;
    muster_client *client;
    muster_session_pool *pool;
    muster_session *session;
    muster_netcode_time now;
    bool is_connected;
    struct slots up, down;
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void step(struct fuzz *fuzz)
{
    fuzz->now.steady_us += TICK_US;
    slots_reset(&fuzz->up, FUZZ_SLOT_COUNT);
    muster_client_update(fuzz->client, fuzz->now, &fuzz->up.batch);
    for (uint32_t i = 0; i < fuzz->up.batch.count; i++) {
        slots_reset(&fuzz->down, FUZZ_SLOT_COUNT);
        fuzz->up.packets[i].address = fuzz_address(0);
        muster_netcode_event event;
        if (muster_netcode_server_receive(
                fuzz->server, fuzz->now, &fuzz->up.packets[i], &fuzz->down.batch, &event)) {
            fuzz->is_connected = fuzz->is_connected || event.type == MUSTER_NETCODE_EVENT_CONNECTED;
            muster_session_received received;
            if (event.type == MUSTER_NETCODE_EVENT_PAYLOAD) {
                (void)!muster_session_read(
                    fuzz->session, fuzz->now.steady_us, event.bytes, event.length, &received);
            }
        }
        for (uint32_t k = 0; k < fuzz->down.batch.count; k++) {
            fuzz->down.packets[k].address = fuzz_server_address();
            muster_client_receive(fuzz->client, fuzz->now, &fuzz->down.packets[k]);
        }
    }
}

// The payload lies in slot 0.
static void send_payload(struct fuzz *fuzz, uint32_t length)
{
    muster_packet *packet = &fuzz->down.packets[0];
    if (fuzz->is_connected && length > 0 &&
        muster_netcode_server_seal(fuzz->server, 0, length, packet) == MUSTER_OK) {
        packet->address = fuzz_server_address();
        muster_client_receive(fuzz->client, fuzz->now, packet);
    }
}

static uint8_t *payload_space(struct fuzz *fuzz)
{
    slots_reset(&fuzz->down, FUZZ_SLOT_COUNT);
    return fuzz->down.packets[0].bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
}

static void send_session(struct fuzz *fuzz, struct input *input, uint8_t kind)
{
    uint8_t *blob;
    uint32_t capacity;
    if (muster_session_begin_packet(
            fuzz->session, fuzz->now.steady_us, payload_space(fuzz), 1200, 600) != MUSTER_OK) {
        return;
    }
    if (kind > 0 &&
        muster_session_begin_blob(fuzz->session, kind, true, &blob, &capacity) == MUSTER_OK) {
        const uint8_t wanted = take_byte(input);
        muster_session_end_blob(fuzz->session, take_bytes(input, blob, wanted));
    }
    send_payload(fuzz, muster_session_end_packet(fuzz->session, 0));
}

static void push_message(struct fuzz *fuzz, struct input *input)
{
    uint8_t bytes[2048] = {0};
    const uint8_t kind = take_byte(input) % 7;
    uint32_t length = take_byte(input) * 8u;
    (void)take_bytes(input, bytes, length);
    length = kind == PLAY_MESSAGE_RESUME ? sizeof bytes : length;
    (void)!muster_session_push(fuzz->session, kind, bytes, length);
}

// A welcome as it should be, so that what comes after it is reached.
static void push_welcome(struct fuzz *fuzz)
{
    static const muster_param_def params[] = {
        {.name = "x", .is_real = true, .min = -1.0f, .max = 1.0f, .precision = 0.5f}};
    static const muster_action_def actions[] = {{"walk", params, 1, 60}};
    static const muster_message_def messages[] = {{"chat", 64, true, true, 4}};
    static const muster_game game = {.name = "fuzz",
        .actions = actions,
        .action_count = 1,
        .messages = messages,
        .message_count = 1};
    const muster_field_def field = {"position", MUSTER_COLUMN_POSITION, MUSTER_FIELD_POSITION,
        -100.0f, 100.0f, 0.01f, MUSTER_CHANNEL_CRITICAL, MUSTER_VISIBLE_EVERYONE};
    muster_replica_schema schema = muster_replica_default_schema();
    schema.known_count_max = 8;
    uint8_t schema_bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t schema_length = 0;
    muster_status status = muster_replica_schema_add(&schema, &field, MUSTER_STATE_F32, 3);
    MUSTER_ASSERT(status == MUSTER_OK);
    status =
        muster_replica_schema_encode(&schema, schema_bytes, sizeof schema_bytes, &schema_length);
    MUSTER_ASSERT(status == MUSTER_OK);
    uint8_t bytes[1152];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    const struct play_welcome welcome = {.tick = 100, .tick_rate_hz = 60};
    play_write_welcome(&writer, &welcome, &game, schema_bytes, schema_length);
    MUSTER_ASSERT(!writer.is_full);
    (void)!muster_session_push(fuzz->session, PLAY_MESSAGE_WELCOME, bytes, (uint32_t)writer.length);
}

// What a game does every frame.
static void play(struct fuzz *fuzz)
{
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {{.real = 1.0f}};
    muster_client_action pending[MUSTER_CLIENT_PENDING_MAX];
    muster_client_message message;
    uint32_t sequence;
    float place[MUSTER_REPLICA_LANE_COUNT_MAX];
    (void)!muster_client_act(fuzz->client, 0, values, &sequence);
    (void)!muster_client_send(fuzz->client, 0, "hello", 5);
    (void)muster_client_pending(fuzz->client, pending, MUSTER_CLIENT_PENDING_MAX);
    (void)muster_client_place(fuzz->client, 0, muster_client_render_tick(fuzz->client), place);
    (void)muster_client_find_action(fuzz->client, "walk");
    (void)muster_client_find_message(fuzz->client, "chat");
    while (muster_client_pop_message(fuzz->client, &message)) {
        MUSTER_ASSERT(message.length <= MUSTER_SESSION_MESSAGE_BYTES_MAX);
    }
    (void)muster_client_stats_of(fuzz->client);
}

static void create(struct fuzz *fuzz)
{
    fuzz->now = (muster_netcode_time){.steady_us = 1000000, .unix_s = FUZZ_UNIX_S};
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.protocol_id = FUZZ_PROTOCOL_ID;
    def.address_count = 1;
    def.client_count_max = 2;
    def.addresses[0] = fuzz_server_address();
    muster_status status = muster_netcode_server_create(&def, &fuzz->server);
    MUSTER_ASSERT(status == MUSTER_OK);
    const muster_session_pool_def pool_def = muster_session_pool_default_def();
    status = muster_session_pool_create(&pool_def, &fuzz->pool);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_session_pool_acquire(fuzz->pool, &fuzz->session);
    MUSTER_ASSERT(status == MUSTER_OK);
    const muster_client_def client_def = muster_client_default_def();
    status = muster_client_create(&client_def, &fuzz->client);
    MUSTER_ASSERT(status == MUSTER_OK);
    const muster_connect_token_def token_def = fuzz_token_def(1, FUZZ_UNIX_S);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    status = muster_connect_token_write(&token_def, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_client_connect(fuzz->client, fuzz->now, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < 30; i++) {
        step(fuzz);
    }
    MUSTER_ASSERT(fuzz->is_connected);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct fuzz fuzz;
    fuzz = (struct fuzz){0};
    create(&fuzz);
    struct input input = {.bytes = bytes, .length = length};
    for (uint32_t turn = 0; input.length > 0 && turn < 200; turn++) {
        const uint8_t what = take_byte(&input) % 8;
        if (what == 0) {
            send_payload(&fuzz, take_bytes(&input, payload_space(&fuzz), take_byte(&input)));
        } else if (what == 1) {
            push_message(&fuzz, &input);
        } else if (what == 2) {
            push_welcome(&fuzz);
        } else if (what < 6) {
            send_session(&fuzz, &input, (uint8_t)(what - 2));
        } else {
            step(&fuzz);
            send_session(&fuzz, &input, 0);
        }
        play(&fuzz);
    }
    fuzz.now.steady_us += 2000000;
    step(&fuzz);
    muster_client_destroy(fuzz.client);
    muster_session_pool_destroy(fuzz.pool);
    muster_netcode_server_destroy(fuzz.server);
    return 0;
}
