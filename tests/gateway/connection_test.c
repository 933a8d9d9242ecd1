// SPDX-License-Identifier: Apache-2.0
#include "core/bytes.h"
#include "gateway/gateway_rig.h"

// What belongs to one connection of a player: its welcome, its tokens for coming back, its epochs,
// the messages that are not reliable, and how it ends.

// What sessions share for messages under way, and what one may hold of it, in fragments.
#define FRAGMENTS_SHARED(connection_count) (48u * (connection_count))
#define FRAGMENTS_OF_SESSION               256u
#define FRAGMENTS_OF_NEWS                  4u

static struct client *client_at(struct world *world, uint32_t index)
{
    return &world->clients[index];
}

static uint32_t ready_connection(const struct world *world)
{
    uint32_t connection = 0;
    for (uint32_t i = 0; i < world->event_count; i++) {
        if (world->events[i].type == MUSTER_GATEWAY_READY) {
            connection = world->events[i].connection;
        }
    }
    return connection;
}

static muster_status send_state(struct world *world, uint32_t connection, uint32_t token)
{
    const muster_gateway_state update = {.player_index = 0,
        .connection = connection,
        .token = token,
        .bytes = (const uint8_t *)"state",
        .length = 5};
    return muster_gateway_send_state(world->gateway, world->now, &update, &world->to_clients.batch);
}

// The welcome.

static size_t welcome_bytes(size_t schema_length)
{
    static const uint8_t schema[PLAY_WELCOME_BYTES_MAX];
    uint8_t bytes[PLAY_WELCOME_BYTES_MAX];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    const struct play_welcome welcome = {.tick_rate_hz = 60};
    play_write_welcome(&writer, &welcome, &game, schema, schema_length);
    assert_false(writer.is_full);
    return writer.length;
}

static void who_comes_before_the_first_tick_becomes_ready_too(void **state)
{
    const muster_gateway_def def = world_default_def();
    struct world *world = world_create(state, &def);
    connect_client(world, 0, 42);
    for (uint32_t i = 0; i < 30; i++) {
        world->tick = 0;
        run(world, 1);
    }
    assert_int_equal(client_at(world, 0)->welcome_count, 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
}

static void assert_welcome_comes_in(void **state, uint32_t schema_length, uint32_t part_count)
{
    static const uint8_t schema[PLAY_WELCOME_BYTES_MAX] = {1, 2, 3};
    muster_gateway_def def = world_default_def();
    def.schema = schema;
    def.schema_length = schema_length;
    struct world *world = world_create(state, &def);
    connect_client(world, 0, 42);
    run(world, 30);
    const struct client *client = client_at(world, 0);
    assert_int_equal(client->welcome_count, 1);
    assert_int_equal(client->welcome_part_count, part_count);
    assert_int_equal(client->welcome_bytes, welcome_bytes(schema_length));
    assert_int_equal(client->schema_length, schema_length);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
    (void)teardown(state);
    *state = NULL;
}

static void a_long_welcome_comes_in_parts(void **state)
{
    uint32_t schema_length = 1000;
    while (welcome_bytes(schema_length) < PLAY_WELCOME_PART_BYTES) {
        schema_length++;
    }
    assert_int_equal(welcome_bytes(schema_length), PLAY_WELCOME_PART_BYTES);
    assert_welcome_comes_in(state, schema_length, 0);
    assert_welcome_comes_in(state, schema_length + 1, 1);
    assert_welcome_comes_in(state, schema_length + PLAY_WELCOME_PART_BYTES, 1);
    assert_welcome_comes_in(state, schema_length + PLAY_WELCOME_PART_BYTES + 1, 2);
    assert_welcome_comes_in(state, 15000, 13);
}

static void a_welcome_that_finds_no_room_waits_for_it(void **state)
{
    static const uint8_t schema[5000] = {0};
    static const uint8_t news[1000] = {0};
    muster_gateway_def def = world_default_def();
    def.schema = schema;
    def.schema_length = sizeof schema;
    def.player_count_max = 20;
    struct world *world = world_create(state, &def);
    uint32_t left = FRAGMENTS_SHARED(20u + 64u + 5u);
    const uint32_t full_count = left / FRAGMENTS_OF_SESSION + 1;
    for (uint32_t i = 0; i < full_count; i++) {
        connect_client(world, i, 100 + i);
    }
    run(world, 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), full_count);

    for (uint32_t i = 0; i < full_count; i++) {
        uint32_t held = left < FRAGMENTS_OF_SESSION ? left : FRAGMENTS_OF_SESSION;
        left -= held;
        world->clients[i].is_silent = true;
        for (; held > 0; held -= FRAGMENTS_OF_NEWS) {
            muster_gateway_send_message(world->gateway, i, MESSAGE_NEWS, news, sizeof news);
        }
    }
    world->event_count = 0;
    connect_client(world, full_count, 42);
    client_at(world, full_count)->newest_tick = 5; // as if it had come
    run(world, 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
    assert_int_equal(client_at(world, full_count)->welcome_part_count, 0);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 0);

    for (uint32_t i = 0; i < full_count; i++) {
        world->clients[i].is_silent = false;
    }
    run(world, 240);
    assert_int_equal(client_at(world, full_count)->welcome_count, 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_QUEUE_FULL), 0);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_LEFT), 0);
}

// Tokens for coming back.

static void either_resume_token_leads_back_the_newer_one_last(void **state)
{
    struct world *world = world_with_player(state);
    assert_int_equal(client_at(world, 0)->resume_token_count, 2);

    // The first one is taken while its answers are lost, then the second one is.
    connect_with(world, 1, client_at(world, 0)->resume_tokens[0]);
    while (count_events(world, MUSTER_GATEWAY_RESUMED) == 0) {
        run(world, 1);
    }
    client_at(world, 1)->is_silent = true;
    connect_with(world, 2, client_at(world, 0)->resume_tokens[1]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 2);
    assert_int_equal(client_at(world, 2)->welcome_count, 1);
    assert_int_equal(muster_gateway_connection_count(world->gateway), 1);
}

static void once_the_newer_resume_token_was_used_the_older_one_leads_nowhere(void **state)
{
    struct world *world = world_with_player(state);
    connect_with(world, 1, client_at(world, 0)->resume_tokens[1]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    connect_with(world, 2, client_at(world, 0)->resume_tokens[0]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN), 1);
    assert_int_equal(client_at(world, 2)->close_reason, MUSTER_CLOSE_REPLACED);
    assert_int_equal(client_at(world, 1)->close_reason, MUSTER_CLOSE_NONE);
}

static void of_two_tokens_issued_together_one_leads_in(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t tokens[2][MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, 42, ISSUE_START + 5, tokens[0]);
    world->now.unix_s++; // so that they are not the same bytes
    make_token(world, 42, ISSUE_START + 5, tokens[1]);
    connect_with(world, 1, tokens[0]);
    run(world, 30);
    connect_with(world, 2, tokens[1]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OLD_TOKEN), 1);
    assert_int_equal(client_at(world, 2)->close_reason, MUSTER_CLOSE_REPLACED);
}

static void a_fresh_resume_token_comes_every_minute(void **state)
{
    struct world *world = world_with_player(state);
    run(world, 61 * 60);
    assert_int_equal(client_at(world, 0)->resume_token_count, 3);
    run(world, 60 * 60);
    assert_int_equal(client_at(world, 0)->resume_token_count, 4);
    client_at(world, 0)->is_silent = true;
    run(world, 20 * 60);
    connect_with(world, 1, client_at(world, 0)->resume_tokens[3]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
}

static void actions_are_counted_anew_on_a_new_connection(void **state)
{
    struct world *world = world_with_player(state);
    const struct play_input first[] = {walk(1, 50, 0), walk(2, 51, 1)};
    client_send_inputs(world, 0, first, 2);
    exchange(world);
    connect_with(world, 1, client_at(world, 0)->resume_tokens[0]);
    run(world, 30);
    world->event_count = 0;
    const struct play_input again = walk(1, 80, 4);
    client_send_inputs(world, 1, &again, 1);
    exchange(world);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_ACTION), 1);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_ACTION)->action.tick, 80);
}

static void a_player_who_was_put_out_needs_a_new_login(void **state)
{
    struct world *world = world_with_player(state);
    const struct client *player = client_at(world, 0);
    connect_client(world, 1, 43);
    run(world, 30);
    uint8_t login_token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, 42, ISSUE_START - 1, login_token); // never used

    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, NULL);
    run(world, 10);
    world->event_count = 0;
    connect_with(world, 2, player->resume_tokens[0]);
    connect_with(world, 3, player->resume_tokens[1]);
    connect_with(world, 4, login_token);
    run(world, 30);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST), 3);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_REFUSED), 3);
    const muster_gateway_event *refused = find_event(world, MUSTER_GATEWAY_REFUSED);
    assert_int_equal(refused->reason, MUSTER_CLOSE_REFUSED);
    assert_int_equal(refused->player.id[0], 42);
    for (uint32_t i = 2; i < 5; i++) {
        assert_int_equal(client_at(world, i)->close_reason, MUSTER_CLOSE_REFUSED);
    }

    connect_with(world, 5, client_at(world, 1)->resume_tokens[0]); // another player's
    connect_client(world, 6, 42);
    run(world, 30);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST), 3);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_RESUMED), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 1);
}

static void a_player_who_was_put_out_is_forgotten_with_the_last_token(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, NULL);
    run(world, 10 * 60);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    make_token(world, 42, ISSUE_START + 2, token);
    connect_with(world, 1, token);
    run(world, 30);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST), 1);
    run(world, 180 * 60);
    make_token(world, 42, ISSUE_START + 2, token);
    connect_with(world, 2, token);
    run(world, 30);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
}

static void a_player_who_left_comes_back_with_what_it_has(void **state)
{
    struct world *world = world_with_player(state);
    muster_netcode_client_disconnect(client_at(world, 0)->netcode);
    run(world, 5);
    connect_with(world, 1, client_at(world, 0)->resume_tokens[0]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_OUTCAST), 0);
}

static void a_player_whom_the_game_lets_go_is_not_put_out(void **state)
{
    struct world *world = world_with_player(state);
    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_LEFT, NULL);
    run(world, 10);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_LEFT);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_KICKED), 0);
    connect_with(world, 1, client_at(world, 0)->resume_tokens[0]);
    run(world, 30);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_JOINED), 2);
}

static void a_token_for_a_player_of_another_version_is_refused(void **state)
{
    struct world *world = world_with_player(state);
    const muster_login maker = login();
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = maker.protocol_id;
    def.client_id = 99;
    def.create_unix_s = world->now.unix_s;
    def.expire_unix_s = world->now.unix_s + 30;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = maker.addresses[0];
    memcpy(def.private_key, maker.private_key, sizeof def.private_key);
    bytes_store_u16(def.user_data, 2);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&def, token), MUSTER_OK);
    connect_with(world, 1, token);
    run(world, 30);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_PLAYER_DATA), 1);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_REFUSED)->reason, MUSTER_CLOSE_VERSION);
    assert_int_equal(client_at(world, 1)->close_reason, MUSTER_CLOSE_VERSION);
}

// Epochs.

static void ask_refresh(struct world *world, uint32_t index)
{
    assert_int_equal(
        muster_session_push(client_at(world, index)->session, PLAY_MESSAGE_REFRESH, NULL, 0),
        MUSTER_OK);
}

static void a_refresh_begins_an_epoch_and_a_connection(void **state)
{
    struct world *world = world_with_player(state);
    const uint32_t before = ready_connection(world);
    assert_int_equal(send_state(world, before, 77), MUSTER_OK);
    ask_refresh(world, 0);
    run(world, 10);
    const uint32_t after = ready_connection(world);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);
    assert_true(after > before);
    assert_int_equal(client_at(world, 0)->epoch, 0);

    // What was under way still is of the connection before.
    const muster_gateway_event *acked = find_event(world, MUSTER_GATEWAY_UPDATE_ACKED);
    assert_non_null(acked);
    assert_int_equal(acked->token, 77);
    assert_int_equal(acked->connection, before);

    assert_int_equal(send_state(world, before, 78), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(send_state(world, after, 78), MUSTER_OK);
    run(world, 1);
    assert_int_equal(client_at(world, 0)->update_count, 2);
    assert_int_equal(client_at(world, 0)->epoch, 1);
}

static void a_refresh_within_a_second_waits_until_it_is_over(void **state)
{
    struct world *world = world_with_player(state);
    ask_refresh(world, 0);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);
    ask_refresh(world, 0);
    ask_refresh(world, 0);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);

    client_at(world, 0)->is_silent = true; // nothing of the client is needed for the answer
    run(world, 35);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 2);
    run(world, 10);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 3);
    run(world, 120);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 3);
    client_at(world, 0)->is_silent = false;
    run(world, 1);
    assert_int_equal(send_state(world, ready_connection(world), 0), MUSTER_OK);
    run(world, 1);
    assert_int_equal(client_at(world, 0)->epoch, 2);
}

static void a_refresh_of_what_never_was_is_malformed(void **state)
{
    struct world *world = world_with_player(state);
    connect_client(world, 1, 43);
    while (client_at(world, 1)->welcome_count == 0) {
        world->now.steady_us += TICK_US;
        exchange(world);
    }
    ask_refresh(world, 1);
    client_at(world, 1)->newest_tick = 0; // so it has not said that it has its welcome
    client_send_inputs(world, 1, NULL, 0);
    exchange(world);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 1);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_READY), 1);
}

// Messages that are not reliable.

static void unreliable_messages_are_checked_against_the_table(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    client_send(world, 0, PLAY_RECORD_CUSTOM, (const uint8_t *)"\2here", 5);
    exchange(world);
    const muster_gateway_event *event = find_event(world, MUSTER_GATEWAY_MESSAGE);
    assert_non_null(event);
    assert_int_equal(event->message.message_index, MESSAGE_POINT);
    assert_int_equal(event->message.length, 4);
    assert_memory_equal(world->message, "here", 4);

    // A reliable one as a record, and an unreliable one as a message.
    client_send(world, 0, PLAY_RECORD_CUSTOM, (const uint8_t *)"\0hello", 6);
    exchange(world);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 1);
    assert_int_equal(muster_session_push(client_at(world, 0)->session, PLAY_MESSAGE_CUSTOM,
                         (const uint8_t *)"\2here", 5),
        MUSTER_OK);
    run(world, 5);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 2);

    // One byte more than the table allows, and a record without an index.
    uint8_t too_long[102] = {MESSAGE_POINT};
    client_send(world, 0, PLAY_RECORD_CUSTOM, too_long, 101);
    exchange(world);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_MESSAGE), 2);
    client_send(world, 0, PLAY_RECORD_CUSTOM, too_long, 102);
    exchange(world);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 3);
    client_send(world, 0, PLAY_RECORD_CUSTOM, NULL, 0);
    exchange(world);
    run(world, 5);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_PROTOCOL);
}

static void unreliable_messages_beyond_their_rate_are_refused(void **state)
{
    struct world *world = world_with_player(state);
    world->event_count = 0;
    for (uint32_t i = 0; i < 60; i++) {
        client_send(world, 0, PLAY_RECORD_CUSTOM, (const uint8_t *)"\2here", 5);
        run(world, 1);
    }
    // A second's worth at four a second, after a burst of ten and one that may come ahead.
    assert_in_range(count_events(world, MUSTER_GATEWAY_MESSAGE), 14, 16);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_MESSAGE_RATE),
        60 - count_events(world, MUSTER_GATEWAY_MESSAGE));
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MESSAGES),
        count_events(world, MUSTER_GATEWAY_MESSAGE));
}

static void reliable_messages_that_a_silence_held_up_all_come_through(void **state)
{
    struct world *world = world_with_player(state);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(muster_session_push(client_at(world, 0)->session, PLAY_MESSAGE_CUSTOM,
                             (const uint8_t *)"\0hello", 6),
            MUSTER_OK);
    }
    run(world, 10);
    // Five seconds' worth at four a second beside the burst of eleven.
    assert_in_range(count_events(world, MUSTER_GATEWAY_MESSAGE), 30, 32);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_MESSAGE_RATE),
        40 - count_events(world, MUSTER_GATEWAY_MESSAGE));
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
}

static void unreliable_messages_go_with_the_next_packet_or_are_dropped(void **state)
{
    struct world *world = world_with_player(state);
    const uint8_t bytes[100] = {0};
    muster_gateway_send_message(world->gateway, 0, MESSAGE_POINT, bytes, sizeof bytes);
    assert_int_equal(send_state(world, ready_connection(world), 0), MUSTER_OK);
    const uint32_t with_state_count = world->to_clients.batch.count;
    exchange(world);
    assert_int_equal(with_state_count, 1);
    assert_int_equal(client_at(world, 0)->loose_count, 1);
    assert_int_equal(client_at(world, 0)->update_count, 1);

    for (uint32_t i = 0; i < 10; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_POINT, bytes, 1);
    }
    exchange(world); // without state they get a packet of their own
    assert_int_equal(client_at(world, 0)->loose_count, 7);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MESSAGES_DROPPED), 4);
}

static void unreliable_messages_do_not_displace_state_or_reliable_ones(void **state)
{
    struct world *world = world_with_player(state);
    static const uint8_t bytes[MUSTER_GATEWAY_STATE_BYTES_MAX];
    const uint32_t connection = ready_connection(world);
    for (uint32_t i = 0; i < 6; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_POINT, bytes, 100);
    }
    muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, bytes, 1000);
    const muster_gateway_state update = {.player_index = 0,
        .connection = connection,
        .bytes = bytes,
        .length = MUSTER_GATEWAY_STATE_BYTES_MAX};
    assert_int_equal(
        muster_gateway_send_state(world->gateway, world->now, &update, &world->to_clients.batch),
        MUSTER_OK);
    exchange(world);
    assert_int_equal(client_at(world, 0)->update_count, 1);
    assert_int_equal(client_at(world, 0)->loose_count, 6);
    run(world, 1);
    assert_int_equal(client_at(world, 0)->custom_count, 1);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MESSAGES_DROPPED), 0);

    run(world, 10);
    for (uint32_t i = 0; i < 6; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_POINT, bytes, 100);
    }
    muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, bytes, 1000);
    exchange(world);
    assert_int_equal(client_at(world, 0)->loose_count, 12);
    assert_int_equal(client_at(world, 0)->custom_count, 2);
}

static void a_player_without_a_connection_is_sent_nothing(void **state)
{
    struct world *world = world_with_player(state);
    client_at(world, 0)->is_silent = true;
    run(world, 6 * 60);
    assert_int_equal(count_events(world, MUSTER_GATEWAY_LOST), 1);
    for (uint32_t i = 0; i < 1000; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, NULL, 0);
        muster_gateway_send_message(world->gateway, 0, MESSAGE_POINT, NULL, 0);
    }
    assert_int_equal(send_state(world, ready_connection(world), 1), MUSTER_ERR_NOT_FOUND);
    run(world, 10);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_QUEUE_FULL), 0);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MESSAGES_DROPPED), 0);
    assert_null(muster_gateway_session(world->gateway, 0));
}

// How connections end.

static void a_player_too_far_behind_is_ended(void **state)
{
    struct world *world = world_with_player(state);
    static const uint8_t news[1000] = {0};
    client_at(world, 0)->is_silent = true;
    for (uint32_t i = 0; i < FRAGMENTS_OF_SESSION / FRAGMENTS_OF_NEWS; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, news, sizeof news);
    }
    run(world, 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
    muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, news, sizeof news);
    client_at(world, 0)->is_silent = false;
    run(world, 5);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_QUEUE_FULL), 1);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_LIMIT);
    assert_int_equal(client_at(world, 0)->close_reason, MUSTER_CLOSE_LIMIT);
}

// A payload that no session wrote.
static void client_send_payload(
    struct world *world, uint32_t index, const uint8_t *bytes, uint32_t length)
{
    struct client *client = client_at(world, index);
    muster_packet *slot = &world->to_server.slots[world->to_server.batch.count++];
    memcpy(slot->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, bytes, length);
    assert_int_equal(muster_netcode_client_seal(client->netcode, length, slot), MUSTER_OK);
    slot->address = client->address;
}

static void a_client_that_closes_its_session_leaves(void **state)
{
    struct world *world = world_with_player(state);
    uint8_t bytes[64];
    const uint32_t length =
        muster_session_write_close(MUSTER_CLOSE_KICKED, "of its own making", bytes, sizeof bytes);
    client_send_payload(world, 0, bytes, length);
    exchange(world);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_LEFT);
}

static void a_session_of_another_version_is_ended(void **state)
{
    struct world *world = world_with_player(state);
    const uint8_t bytes[16] = {0xff, 0xff};
    client_send_payload(world, 0, bytes, sizeof bytes);
    run(world, 5);
    assert_int_equal(find_event(world, MUSTER_GATEWAY_LEFT)->reason, MUSTER_CLOSE_VERSION);
    assert_int_equal(client_at(world, 0)->close_reason, MUSTER_CLOSE_VERSION);
}

static void records_of_no_kind_and_broken_packets_are_counted(void **state)
{
    struct world *world = world_with_player(state);
    client_send(world, 0, 9, (const uint8_t *)"what", 4);
    exchange(world);
    const uint8_t cut[1] = {MUSTER_SESSION_VERSION << 4};
    client_send_payload(world, 0, cut, sizeof cut);
    exchange(world);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_PACKET), 2);
    assert_int_equal(muster_session_push(client_at(world, 0)->session, 99, NULL, 0), MUSTER_OK);
    run(world, 2);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE), 1);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
}

static void bytes_beyond_a_sessions_rate_are_dropped(void **state)
{
    muster_gateway_def def = world_default_def();
    def.byte_rate_max = 20000;
    def.malformed_count_max = 1000;
    struct world *world = world_create(state, &def);
    connect_client(world, 0, 42);
    run(world, 30);
    const uint8_t bytes[990] = {MESSAGE_POINT}; // with the packet's head about a thousand
    for (uint32_t i = 0; i < 100; i++) {
        client_send(world, 0, PLAY_RECORD_CUSTOM, bytes, sizeof bytes);
        exchange(world);
    }
    // The bytes of a second are taken at once, and one packet that comes ahead; no packet of the
    // hundred is beyond the rate of packets.
    assert_in_range(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE), 78, 82);
    assert_int_equal(counter(world, MUSTER_GATEWAY_COUNTER_REFUSED_PACKET_RATE) +
                         counter(world, MUSTER_GATEWAY_COUNTER_MALFORMED_MESSAGE),
        100);
    assert_null(find_event(world, MUSTER_GATEWAY_LEFT));
}

static void what_finds_no_slot_is_due_again(void **state)
{
    struct world *world = world_with_player(state);
    const uint32_t connection = ready_connection(world);
    world->to_clients.batch.capacity = 1;
    assert_int_equal(send_state(world, connection, 5), MUSTER_ERR_FULL);
    for (uint32_t i = 0; i < 3; i++) {
        muster_gateway_send_message(world->gateway, 0, MESSAGE_NEWS, NULL, 0);
    }
    world->now.steady_us += TICK_US;
    muster_gateway_update(world->gateway, world->now, &world->to_clients.batch);
    drain_events(world);
    assert_int_equal(world->to_clients.batch.count, 0);
    world->to_clients.batch.capacity = PACKETS_CAPACITY;
    run(world, 2);
    assert_int_equal(client_at(world, 0)->custom_count, 3);

    muster_gateway_kick(world->gateway, 0, MUSTER_CLOSE_KICKED, NULL);
    world->to_clients.batch.capacity = 1;
    muster_gateway_update(world->gateway, world->now, &world->to_clients.batch);
    drain_events(world);
    world->to_clients.batch.capacity = PACKETS_CAPACITY;
    assert_int_equal(world->to_clients.batch.count, 0);
    run(world, 2);
    assert_int_equal(client_at(world, 0)->close_reason, MUSTER_CLOSE_KICKED);
}

static void those_whom_slots_were_missing_for_come_first(void **state)
{
    struct world *world = world_with_player(state);
    connect_client(world, 1, 43);
    run(world, 30);
    const uint8_t bytes[100] = {0};
    for (uint32_t i = 0; i < 20; i++) {
        for (uint32_t player_index = 0; player_index < 2; player_index++) {
            muster_gateway_send_message(
                world->gateway, player_index, MESSAGE_POINT, bytes, sizeof bytes);
        }
        world->to_clients.batch.capacity = 2; // what one player may take
        exchange(world);
        world->to_clients.batch.capacity = PACKETS_CAPACITY;
        world->now.steady_us += TICK_US;
    }
    assert_true(client_at(world, 0)->loose_count >= 10);
    assert_true(client_at(world, 1)->loose_count >= 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(who_comes_before_the_first_tick_becomes_ready_too, teardown),
        cmocka_unit_test(a_long_welcome_comes_in_parts),
        cmocka_unit_test_teardown(a_welcome_that_finds_no_room_waits_for_it, teardown),
        cmocka_unit_test_teardown(either_resume_token_leads_back_the_newer_one_last, teardown),
        cmocka_unit_test_teardown(
            once_the_newer_resume_token_was_used_the_older_one_leads_nowhere, teardown),
        cmocka_unit_test_teardown(of_two_tokens_issued_together_one_leads_in, teardown),
        cmocka_unit_test_teardown(a_fresh_resume_token_comes_every_minute, teardown),
        cmocka_unit_test_teardown(actions_are_counted_anew_on_a_new_connection, teardown),
        cmocka_unit_test_teardown(a_player_who_was_put_out_needs_a_new_login, teardown),
        cmocka_unit_test_teardown(
            a_player_who_was_put_out_is_forgotten_with_the_last_token, teardown),
        cmocka_unit_test_teardown(a_player_who_left_comes_back_with_what_it_has, teardown),
        cmocka_unit_test_teardown(a_player_whom_the_game_lets_go_is_not_put_out, teardown),
        cmocka_unit_test_teardown(a_token_for_a_player_of_another_version_is_refused, teardown),
        cmocka_unit_test_teardown(a_refresh_begins_an_epoch_and_a_connection, teardown),
        cmocka_unit_test_teardown(a_refresh_within_a_second_waits_until_it_is_over, teardown),
        cmocka_unit_test_teardown(a_refresh_of_what_never_was_is_malformed, teardown),
        cmocka_unit_test_teardown(unreliable_messages_are_checked_against_the_table, teardown),
        cmocka_unit_test_teardown(unreliable_messages_beyond_their_rate_are_refused, teardown),
        cmocka_unit_test_teardown(
            reliable_messages_that_a_silence_held_up_all_come_through, teardown),
        cmocka_unit_test_teardown(
            unreliable_messages_go_with_the_next_packet_or_are_dropped, teardown),
        cmocka_unit_test_teardown(
            unreliable_messages_do_not_displace_state_or_reliable_ones, teardown),
        cmocka_unit_test_teardown(a_player_without_a_connection_is_sent_nothing, teardown),
        cmocka_unit_test_teardown(a_player_too_far_behind_is_ended, teardown),
        cmocka_unit_test_teardown(a_client_that_closes_its_session_leaves, teardown),
        cmocka_unit_test_teardown(a_session_of_another_version_is_ended, teardown),
        cmocka_unit_test_teardown(records_of_no_kind_and_broken_packets_are_counted, teardown),
        cmocka_unit_test_teardown(bytes_beyond_a_sessions_rate_are_dropped, teardown),
        cmocka_unit_test_teardown(what_finds_no_slot_is_due_again, teardown),
        cmocka_unit_test_teardown(those_whom_slots_were_missing_for_come_first, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
