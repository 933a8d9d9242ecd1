// SPDX-License-Identifier: Apache-2.0
#include "muster/gateway.h"

#include "harness/failing_heap.h"
#include "harness/packets.h"
#include "muster/netcode_client.h"
#include "wire/play.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define TICK_US     16667u
#define EVENT_MAX   256u
#define CLIENT_MAX  4u
#define PLAYER_MAX  2u
#define ISSUE_START 1000u

static const muster_param_def walk_params[] = {
    {.name = "x", .is_real = true, .min = -1.0f, .max = 1.0f, .precision = 0.5f},
};

static const muster_action_def actions[] = {
    {.name = "walk", .params = walk_params, .param_count = 1, .rate_hz_max = 60},
    {.name = "wave", .rate_hz_max = 1},
};

static const muster_message_def messages[] = {
    {.name = "chat",
        .bytes_max = 200,
        .is_reliable = true,
        .is_from_players = true,
        .rate_hz_max = 4},
    {.name = "news",
        .bytes_max = 1000,
        .is_reliable = true,
        .is_from_players = false,
        .rate_hz_max = 1},
};

static const muster_game game = {
    .abi = MUSTER_GAME_ABI,
    .rules_version = 1,
    .name = "test",
    .tick_rate_hz = 60,
    .actions = actions,
    .action_count = 2,
    .messages = messages,
    .message_count = 2,
};

// A client by hand: it shows what the gateway lets through and what not, which a real client would
// never send.
struct client {
    muster_netcode_client *netcode;
    muster_session_pool *pool;
    muster_session *session;
    muster_address address;
    uint32_t welcome_count;
    uint32_t update_count;
    uint32_t custom_count;
    uint64_t newest_tick;
    uint8_t close_reason;
    uint8_t resume_token[MUSTER_CONNECT_TOKEN_BYTES];
    bool has_resume_token;
    bool is_silent;
};

struct world {
    muster_gateway *gateway;
    struct client clients[CLIENT_MAX];
    muster_netcode_time now;
    muster_gateway_event events[EVENT_MAX];
    uint8_t message[MUSTER_MESSAGE_BYTES_MAX]; // of the last MESSAGE event
    uint32_t event_count;
    uint64_t issue;
};

static struct packets to_server;
static struct packets to_clients;

static muster_login login(void)
{
    muster_login value = muster_login_default();
    value.protocol_id = 7;
    value.address_count = 1;
    value.addresses[0] = packets_address(1, 7777);
    value.private_key[0] = 9;
    return value;
}

static struct world *world_create(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    *state = world;
    muster_gateway_def def = muster_gateway_default_def();
    def.game = &game;
    def.login = login();
    def.player_count_max = PLAYER_MAX;
    def.malformed_count_max = 4;
    def.schema = (const uint8_t *)"schema";
    def.schema_length = 6;
    assert_int_equal(muster_gateway_create(&def, &world->gateway), MUSTER_OK);
    world->now = (muster_netcode_time){.steady_us = 1000000, .unix_s = 1000};
    world->issue = ISSUE_START;
    return world;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (uint32_t i = 0; i < CLIENT_MAX; i++) {
        muster_netcode_client_destroy(world->clients[i].netcode);
        muster_session_pool_destroy(world->clients[i].pool);
    }
    muster_gateway_destroy(world->gateway);
    free(world);
    return 0;
}

static void connect_with(struct world *world, uint32_t index, const uint8_t *token)
{
    struct client *client = &world->clients[index];
    muster_netcode_client_destroy(client->netcode);
    muster_session_pool_destroy(client->pool);
    const uint16_t port = (uint16_t)(client->address.port + 5000u + index);
    *client = (struct client){.address = packets_address(1, port)};
    assert_int_equal(muster_netcode_client_create(NULL, &client->netcode), MUSTER_OK);
    const muster_session_pool_def def = muster_session_pool_default_def();
    assert_int_equal(muster_session_pool_create(&def, &client->pool), MUSTER_OK);
    assert_int_equal(muster_session_pool_acquire(client->pool, &client->session), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(client->netcode, world->now, token), MUSTER_OK);
}

static void make_token(struct world *world, uint64_t player_id, uint64_t issue, uint8_t *out_token)
{
    const muster_login maker = login();
    const muster_player player = {.id = {player_id, 1}, .name = "Ada", .tier = 2};
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    for (size_t i = 0; i < sizeof random_bytes; i++) {
        random_bytes[i] = (uint8_t)(issue * 31 + player_id * 7 + i);
    }
    assert_int_equal(
        muster_login_issue(&maker, &player, issue, world->now.unix_s, random_bytes, out_token),
        MUSTER_OK);
}

static void connect_client(struct world *world, uint32_t index, uint64_t player_id)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, player_id, world->issue, token);
    world->issue += 10;
    connect_with(world, index, token);
}

static void drain_events(struct world *world)
{
    muster_gateway_event event;
    while (muster_gateway_pop_event(world->gateway, &event)) {
        if (event.type == MUSTER_GATEWAY_MESSAGE) {
            memcpy(world->message, event.message.bytes, event.message.length);
        }
        assert_true(world->event_count < EVENT_MAX);
        world->events[world->event_count++] = event;
    }
}

static void client_take(struct client *client, muster_netcode_time now, muster_packet *packet)
{
    muster_netcode_payload payload;
    muster_session_received received;
    if (!muster_netcode_client_receive(client->netcode, now, packet, &payload) ||
        muster_session_read(client->session, now.steady_us, payload.bytes, payload.length,
            &received) != MUSTER_OK) {
        return;
    }
    if (received.close_reason != 0) {
        client->close_reason = received.close_reason;
    }
    for (uint32_t i = 0; i < received.blob_count; i++) {
        client->update_count += received.blobs[i].kind == PLAY_RECORD_UPDATE ? 1 : 0;
    }
    muster_session_message message;
    while (muster_session_pop(client->session, &message)) {
        if (message.kind == PLAY_MESSAGE_WELCOME) {
            struct play_welcome welcome;
            struct play_tables tables;
            assert_int_equal(
                play_read_welcome(message.bytes, message.length, &welcome, &tables), MUSTER_OK);
            client->newest_tick = welcome.tick;
            client->welcome_count++;
        } else if (message.kind == PLAY_MESSAGE_RESUME) {
            assert_int_equal(message.length, MUSTER_CONNECT_TOKEN_BYTES);
            memcpy(client->resume_token, message.bytes, message.length);
            client->has_resume_token = true;
        } else {
            client->custom_count++;
        }
    }
}

// One packet of the client with an INPUT of given bytes; none if it is not connected.
static void client_send(
    struct world *world, uint32_t index, uint8_t kind, const uint8_t *bytes, uint32_t length)
{
    struct client *client = &world->clients[index];
    muster_packet *slot = &to_server.batch.packets[to_server.batch.count];
    uint8_t *space = slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET;
    uint8_t *blob;
    uint32_t capacity;
    if (muster_netcode_client_state_of(client->netcode) != MUSTER_NETCODE_CLIENT_CONNECTED) {
        return;
    }
    assert_int_equal(
        muster_session_begin_packet(client->session, world->now.steady_us, space, 1200, 1200),
        MUSTER_OK);
    assert_int_equal(
        muster_session_begin_blob(client->session, kind, true, &blob, &capacity), MUSTER_OK);
    memcpy(blob, bytes, length);
    muster_session_end_blob(client->session, length);
    const uint32_t payload_bytes = muster_session_end_packet(client->session, 0);
    assert_int_equal(muster_netcode_client_seal(client->netcode, payload_bytes, slot), MUSTER_OK);
    slot->address = client->address;
    to_server.batch.count++;
}

static void client_send_inputs(
    struct world *world, uint32_t index, const struct play_input *inputs, uint32_t count)
{
    uint8_t bytes[512];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    assert_int_equal(
        play_write_inputs(&writer, world->clients[index].newest_tick, inputs, count), count);
    client_send(world, index, PLAY_RECORD_INPUT, bytes, (uint32_t)writer.length);
}

// Carries what clients have written to the gateway, and its answers back.
static void exchange(struct world *world)
{
    for (uint32_t i = 0; i < CLIENT_MAX; i++) {
        struct client *client = &world->clients[i];
        if (client->netcode != NULL && !client->is_silent) {
            const uint32_t before_count = to_server.batch.count;
            muster_netcode_client_update(client->netcode, world->now, &to_server.batch);
            for (uint32_t k = before_count; k < to_server.batch.count; k++) {
                to_server.slots[k].address = client->address;
            }
        }
    }
    for (uint32_t i = 0; i < to_server.batch.count; i++) {
        muster_gateway_receive(world->gateway, world->now, &to_server.slots[i], &to_clients.batch);
        drain_events(world);
    }
    muster_gateway_update(world->gateway, world->now, &to_clients.batch);
    drain_events(world);
    for (uint32_t i = 0; i < to_clients.batch.count; i++) {
        for (uint32_t k = 0; k < CLIENT_MAX; k++) {
            struct client *client = &world->clients[k];
            if (client->netcode != NULL && !client->is_silent &&
                muster_address_is_equal(&client->address, &to_clients.slots[i].address)) {
                to_clients.slots[i].address = packets_address(1, 7777);
                client_take(client, world->now, &to_clients.slots[i]);
            }
        }
    }
    (void)packets_reset(&to_server);
    (void)packets_reset(&to_clients);
}

static void run(struct world *world, uint32_t tick_count)
{
    static uint64_t tick = 1;
    for (uint32_t i = 0; i < tick_count; i++) {
        muster_gateway_set_tick(world->gateway, tick++);
        world->now.steady_us += TICK_US;
        world->now.unix_s = 1000 + world->now.steady_us / 1000000;
        for (uint32_t k = 0; k < CLIENT_MAX; k++) {
            if (world->clients[k].netcode != NULL && !world->clients[k].is_silent) {
                client_send_inputs(world, k, NULL, 0);
            }
        }
        exchange(world);
    }
}

static const muster_gateway_event *find_event(
    const struct world *world, muster_gateway_event_type type)
{
    for (uint32_t i = 0; i < world->event_count; i++) {
        if (world->events[i].type == type) {
            return &world->events[i];
        }
    }
    return NULL;
}

static uint32_t count_events(const struct world *world, muster_gateway_event_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->event_count; i++) {
        count += world->events[i].type == type ? 1 : 0;
    }
    return count;
}

static uint64_t counter(const struct world *world, muster_gateway_counter which)
{
    return muster_gateway_counters(world->gateway)[which];
}

static struct world *world_with_player(void **state)
{
    (void)packets_reset(&to_server);
    (void)packets_reset(&to_clients);
    struct world *world = world_create(state);
    connect_client(world, 0, 42);
    run(world, 30);
    assert_non_null(find_event(world, MUSTER_GATEWAY_READY));
    return world;
}

static struct play_input walk(uint32_t sequence, uint64_t tick, uint32_t step)
{
    return (struct play_input){
        .tick = tick, .sequence = sequence, .action_index = 0, .step_count = 1, .steps = {step}};
}

static void a_player_with_a_token_joins_and_is_welcomed(void **state)
{
    struct world *world = world_with_player(state);
    const muster_gateway_event *joined = find_event(world, MUSTER_GATEWAY_JOINED);
    assert_non_null(joined);
    assert_int_equal(joined->player.id[0], 42);
    assert_int_equal(joined->player.tier, 2);
    assert_string_equal(joined->player.name, "Ada");
    assert_int_equal(world->clients[0].welcome_count, 1);
    assert_true(world->clients[0].has_resume_token);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
}

static void actions_come_once_and_in_order(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    const struct play_input first[] = {walk(1, 50, 0), walk(2, 51, 1)};
    const struct play_input again[] = {walk(1, 50, 0), walk(2, 51, 1), walk(3, 52, 4)};
    client_send_inputs(world, 0, first, 2);
    client_send_inputs(world, 0, again, 3);
    exchange(world);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_ACTION), 3);
    for (uint32_t i = 0, next = 1; i < world->event_count; i++) {
        if (world->events[i].type == MUSTER_GATEWAY_ACTION) {
            assert_int_equal(world->events[i].action.sequence, next);
            assert_int_equal(world->events[i].action.tick, 49 + next);
            next++;
        }
    }
}

static void an_action_out_of_range_is_refused_and_too_many_end_the_session(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    const uint8_t step_too_large[] = {1, 1, 5, 1, 0, 0, 5};
    for (uint32_t i = 0; i < 3; i++) {
        client_send(world, 0, PLAY_RECORD_INPUT, step_too_large, sizeof step_too_large);
        exchange(world);
    }
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_INPUT), 3);
    assert_null(find_event(world, MUSTER_GATEWAY_ACTION));
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));

    client_send(world, 0, PLAY_RECORD_INPUT, step_too_large, sizeof step_too_large);
    exchange(world);
    run(world, 5);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_PROTOCOL);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_PROTOCOL);
}

static void actions_beyond_their_rate_are_refused(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    uint32_t sequence = 1;
    for (uint32_t i = 0; i < 60; i++) {
        struct play_input wave = {.tick = 9, .sequence = sequence++, .action_index = 1};
        client_send_inputs(world, 0, &wave, 1);
        exchange(world);
        run(world, 1);
    }
    // A second of waves at one a second, after a burst of eight and a half.
    assert_in_range(count_events(world, MUSTER_GATEWAY_ACTION), 9, 11);
    assert_in_range(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_ACTION_RATE), 49, 51);
}

static void messages_are_checked_against_the_table(void **state)
{
    struct world *world = world_with_player(state);
    struct client *client = &world->clients[0];
    world->event_count = 0;
    const uint8_t chat[] = "\0hello";
    const uint8_t news[] = "\1made up";
    const uint8_t unknown[] = "\2hello";
    assert_int_equal(muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, chat, 6), MUSTER_OK);
    assert_int_equal(muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, news, 8), MUSTER_OK);
    assert_int_equal(
        muster_session_push(client->session, PLAY_MESSAGE_CUSTOM, unknown, 6), MUSTER_OK);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_MESSAGE), 1);
    const muster_gateway_event *event = find_event(world, MUSTER_GATEWAY_MESSAGE);
    assert_int_equal(event->message.message_index, 0);
    assert_int_equal(event->message.length, 5);
    assert_memory_equal(world->message, "hello", 5);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 2);
}

static void state_reaches_the_player_and_its_fate_comes_back(void **state)
{
    struct world *world = world_with_player(state);
    const uint32_t connection = find_event(world, MUSTER_GATEWAY_READY)->connection;
    world->event_count = 0;
    const muster_gateway_state update = {.player_index = 0,
        .connection = connection,
        .token = 77,
        .bytes = (const uint8_t *)"state",
        .length = 5};
    assert_int_equal(
        muster_gateway_send_state(world->gateway, world->now, &update, &to_clients.batch),
        MUSTER_OK);
    exchange(world);
    assert_int_equal(world->clients[0].update_count, 1);
    run(world, 10);
    const muster_gateway_event *acked = find_event(world, MUSTER_GATEWAY_UPDATE_ACKED);
    assert_non_null(acked);
    assert_int_equal(acked->token, 77);

    muster_gateway_state stale = update;
    stale.connection = connection + 1;
    assert_int_equal(
        muster_gateway_send_state(world->gateway, world->now, &stale, &to_clients.batch),
        MUSTER_ERR_NOT_FOUND);
}

static void a_message_of_the_game_reaches_the_player(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_send_message(world->gateway, 0, 1, (const uint8_t *)"news", 4);
    run(world, 10);
    assert_int_equal(world->clients[0].custom_count, 1);
}

static void a_full_world_says_so(void **state)
{
    struct world *world = world_with_player(state);
    connect_client(world, 1, 43);
    connect_client(world, 2, 44);
    run(world, 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
    const muster_gateway_event *refused = find_event(world, MUSTER_GATEWAY_REFUSED);
    assert_non_null(refused);
    assert_int_equal(refused->reason, MUSTER_CLOSE_FULL);
    const int closed_full_count = (world->clients[1].close_reason == MUSTER_CLOSE_FULL) +
                                  (world->clients[2].close_reason == MUSTER_CLOSE_FULL);
    assert_int_equal(closed_full_count, 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_FULL), 1);
}

static void a_lost_player_comes_back_with_its_resume_token(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    memcpy(token, world->clients[0].resume_token, sizeof token);
    world->clients[0].is_silent = true;
    run(world, 6 * 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));

    connect_with(world, 1, token); // from another address
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);
    assert_int_equal(world->clients[1].welcome_count, 1);
}

static void a_new_connection_replaces_one_that_still_stands(void **state)
{
    struct world *world = world_with_player(state);
    connect_with(world, 1, world->clients[0].resume_token);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LOST));
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
}

static void an_older_token_does_not_push_a_player_out(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, 42, ISSUE_START - 1, token);
    connect_with(world, 1, token);
    run(world, 30);
    assert_null(find_event(world, MUSTER_GATEWAY_RESUMED));
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN), 1);
    assert_int_equal(world->clients[1].close_reason, MUSTER_CLOSE_REPLACED);
}

static void a_lost_player_leaves_when_the_window_is_over(void **state)
{
    struct world *world = world_with_player(state);
    world->clients[0].is_silent = true;
    run(world, 36 * 60);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_UNREACHABLE);
    connect_client(world, 1, 43); // its place is free
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
}

static void a_client_that_leaves_is_gone_at_once(void **state)
{
    struct world *world = world_with_player(state);
    muster_netcode_client_disconnect(world->clients[0].netcode);
    run(world, 5);
    const muster_gateway_event *left = find_event(world, MUSTER_GATEWAY_LEFT);
    assert_non_null(left);
    assert_int_equal(left->reason, MUSTER_CLOSE_LEFT);
}

static void a_kicked_player_learns_why(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, "shouting");
    run(world, 10);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_KICKED);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_KICKED), 1);
}

static void a_draining_gateway_empties_and_lets_nobody_in(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_drain(world->gateway);
    connect_client(world, 1, 43);
    run(world, 90);
    assert_int_equal(world->clients[0].close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(world->clients[1].close_reason, MUSTER_CLOSE_DRAINING);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 0);
}

static void requests_beyond_an_addresss_rate_are_dropped(void **state)
{
    struct world *world = world_with_player(state);
    for (uint32_t i = 0; i < 2000; i++) {
        muster_packet *slot = &to_server.slots[0];
        memset(slot->bytes, 0, 1078);
        slot->length = 1078;
        slot->address = packets_address(9, 9);
        muster_gateway_receive(world->gateway, world->now, slot, &to_clients.batch);
        drain_events(world);
    }
    assert_in_range(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE), 1498, 1501);
    assert_int_equal(to_clients.batch.count, 0);
}

static void packets_beyond_a_sessions_rate_are_dropped(void **state)
{
    struct world *world = world_with_player(state);
    for (uint32_t i = 0; i < 900; i++) {
        client_send_inputs(world, 0, NULL, 0);
        if (i % 100 == 99) {
            exchange(world);
        }
    }
    assert_true(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE) >= 500);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
}

static void creation_refuses_what_is_out_of_range_and_survives_an_empty_heap(void **state)
{
    (void)state;
    muster_gateway_def def = muster_gateway_default_def();
    muster_gateway *gateway;
    assert_int_equal(muster_gateway_create(&def, &gateway), MUSTER_ERR_INVALID);
    def.game = &game;
    def.login = login();
    def.player_count_max = 0;
    assert_int_equal(muster_gateway_create(&def, &gateway), MUSTER_ERR_INVALID);
    def.player_count_max = 2;
    muster_status status = MUSTER_ERR_NO_MEMORY;
    for (uint32_t i = 0; status != MUSTER_OK; i++) {
        struct failing_heap heap = {.alloc_count_max = i};
        def.allocator = failing_heap_allocator(&heap);
        status = muster_gateway_create(&def, &gateway);
        assert_true(status == MUSTER_OK || status == MUSTER_ERR_NO_MEMORY);
        muster_gateway_destroy(gateway);
        assert_int_equal(heap.bytes_live, 0);
    }
    for (int i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        assert_string_not_equal(muster_gateway_counter_name((muster_gateway_counter)i), "unknown");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_player_with_a_token_joins_and_is_welcomed, teardown),
        cmocka_unit_test_teardown(actions_come_once_and_in_order, teardown),
        cmocka_unit_test_teardown(
            an_action_out_of_range_is_refused_and_too_many_end_the_session, teardown),
        cmocka_unit_test_teardown(actions_beyond_their_rate_are_refused, teardown),
        cmocka_unit_test_teardown(messages_are_checked_against_the_table, teardown),
        cmocka_unit_test_teardown(state_reaches_the_player_and_its_fate_comes_back, teardown),
        cmocka_unit_test_teardown(a_message_of_the_game_reaches_the_player, teardown),
        cmocka_unit_test_teardown(a_full_world_says_so, teardown),
        cmocka_unit_test_teardown(a_lost_player_comes_back_with_its_resume_token, teardown),
        cmocka_unit_test_teardown(a_new_connection_replaces_one_that_still_stands, teardown),
        cmocka_unit_test_teardown(an_older_token_does_not_push_a_player_out, teardown),
        cmocka_unit_test_teardown(a_lost_player_leaves_when_the_window_is_over, teardown),
        cmocka_unit_test_teardown(a_client_that_leaves_is_gone_at_once, teardown),
        cmocka_unit_test_teardown(a_kicked_player_learns_why, teardown),
        cmocka_unit_test_teardown(a_draining_gateway_empties_and_lets_nobody_in, teardown),
        cmocka_unit_test_teardown(requests_beyond_an_addresss_rate_are_dropped, teardown),
        cmocka_unit_test_teardown(packets_beyond_a_sessions_rate_are_dropped, teardown),
        cmocka_unit_test(creation_refuses_what_is_out_of_range_and_survives_an_empty_heap),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
