// SPDX-License-Identifier: Apache-2.0

// A player with a good token who says whatever the input says: payloads that netcode has
// authenticated, and the session, the inputs, the messages and the acks in them. Beside it an
// honest player must stay, unharmed.

#include "muster/gateway.h"

#include "core/assert.h"
#include "net/netcode_fuzz.h"
#include "wire/play.h"

#define TICK_US 16667

static const muster_param_def params[] = {
    {.name = "a", .is_real = true, .min = -1.0f, .max = 1.0f, .precision = 0.5f}};
static const muster_action_def actions[] = {
    {.name = "walk", .params = params, .param_count = 1, .rate_hz_max = 60},
    {.name = "wave", .rate_hz_max = 2}};
static const muster_message_def messages[] = {
    {"chat", 64, true, true, 4}, {"wink", 8, false, true, 4}, {"news", 900, true, false, 1}};
static const muster_game game = {.abi = MUSTER_GAME_ABI,
    .name = "fuzz",
    .tick_rate_hz = 60,
    .actions = actions,
    .action_count = 2,
    .messages = messages,
    .message_count = 3};

struct fuzz {
    muster_gateway *gateway;
    muster_netcode_client *clients[2]; // the hostile one, the honest one
    muster_netcode_time now;
    uint32_t connections[2]; // of the players, as READY said
    uint32_t players[2];
    uint32_t left_count[2];
    struct slots up, down;
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_action(const muster_gateway_action *action)
{
    MUSTER_ASSERT(action->action_index < game.action_count);
    MUSTER_ASSERT(action->step_count == game.actions[action->action_index].param_count);
    MUSTER_ASSERT(action->step_count == 0 || action->steps[0] <= 4);
    MUSTER_ASSERT(action->sequence > 0 && action->tick <= MUSTER_TICK_MAX);
}

static void drain(struct fuzz *fuzz)
{
    muster_gateway_event event;
    while (muster_gateway_pop_event(fuzz->gateway, &event)) {
        const uint32_t who = event.player_index == fuzz->players[0] ? 0 : 1;
        if (event.type == MUSTER_GATEWAY_JOINED) {
            fuzz->players[event.player.id[0] - 1] = event.player_index;
        } else if (event.type == MUSTER_GATEWAY_READY) {
            fuzz->connections[who] = event.connection;
        } else if (event.type == MUSTER_GATEWAY_ACTION) {
            check_action(&event.action);
        } else if (event.type == MUSTER_GATEWAY_MESSAGE) {
            MUSTER_ASSERT(event.message.message_index < 2);
            MUSTER_ASSERT(
                event.message.length <= game.messages[event.message.message_index].bytes_max);
        } else if (event.type == MUSTER_GATEWAY_LEFT || event.type == MUSTER_GATEWAY_LOST) {
            fuzz->left_count[who]++;
        }
    }
}

static void exchange(struct fuzz *fuzz)
{
    for (uint32_t i = 0; i < fuzz->up.batch.count; i++) {
        slots_reset(&fuzz->down, FUZZ_SLOT_COUNT);
        muster_gateway_receive(fuzz->gateway, fuzz->now, &fuzz->up.packets[i], &fuzz->down.batch);
        drain(fuzz);
        for (uint32_t k = 0; k < fuzz->down.batch.count; k++) {
            muster_packet *packet = &fuzz->down.packets[k];
            muster_netcode_client *client = fuzz->clients[packet->address.ip[1] & 1];
            packet->address = fuzz_server_address();
            muster_netcode_payload payload;
            (void)muster_netcode_client_receive(client, fuzz->now, packet, &payload);
        }
    }
    slots_reset(&fuzz->up, FUZZ_SLOT_COUNT);
}

static void step(struct fuzz *fuzz)
{
    fuzz->now.steady_us += TICK_US;
    slots_reset(&fuzz->up, FUZZ_SLOT_COUNT);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t before = fuzz->up.batch.count;
        muster_netcode_client_update(fuzz->clients[i], fuzz->now, &fuzz->up.batch);
        for (uint32_t k = before; k < fuzz->up.batch.count; k++) {
            fuzz->up.packets[k].address = fuzz_address((uint8_t)i);
        }
    }
    exchange(fuzz);
    slots_reset(&fuzz->down, FUZZ_SLOT_COUNT);
    muster_gateway_update(fuzz->gateway, fuzz->now, &fuzz->down.batch);
    drain(fuzz);
    for (uint32_t k = 0; k < fuzz->down.batch.count; k++) {
        muster_packet *packet = &fuzz->down.packets[k];
        muster_netcode_client *client = fuzz->clients[packet->address.ip[1] & 1];
        packet->address = fuzz_server_address();
        muster_netcode_payload payload;
        (void)muster_netcode_client_receive(client, fuzz->now, packet, &payload);
    }
}

static void send_payload(struct fuzz *fuzz, const uint8_t *bytes, uint32_t length)
{
    slots_reset(&fuzz->up, FUZZ_SLOT_COUNT);
    muster_packet *packet = &fuzz->up.packets[0];
    memcpy(packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, bytes, length);
    if (length > 0 && muster_netcode_client_seal(fuzz->clients[0], length, packet) == MUSTER_OK) {
        packet->address = fuzz_address(0);
        fuzz->up.batch.count = 1;
        exchange(fuzz);
    }
}

static void send_state(struct fuzz *fuzz, uint32_t length, uint32_t token)
{
    static const uint8_t zeros[MUSTER_GATEWAY_STATE_BYTES_MAX];
    const muster_gateway_state state = {.player_index = fuzz->players[0],
        .connection = fuzz->connections[0],
        .tick = 5,
        .token = token,
        .bytes = zeros,
        .length = length};
    slots_reset(&fuzz->down, FUZZ_SLOT_COUNT);
    const muster_status status =
        muster_gateway_send_state(fuzz->gateway, fuzz->now, &state, &fuzz->down.batch);
    MUSTER_ASSERT(status != MUSTER_ERR_INVALID);
}

static void create(struct fuzz *fuzz)
{
    fuzz->now = (muster_netcode_time){.steady_us = 1000000, .unix_s = FUZZ_UNIX_S};
    muster_gateway_def def = muster_gateway_default_def();
    def.game = &game;
    def.player_count_max = 2;
    def.login.protocol_id = FUZZ_PROTOCOL_ID;
    def.login.address_count = 1;
    def.login.addresses[0] = fuzz_server_address();
    muster_status status = muster_gateway_create(&def, &fuzz->gateway);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < 2; i++) {
        const muster_player player = {.id = {i + 1, 1}, .name = "Ada"};
        uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
        uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
        memset(random_bytes, (int)i + 1, sizeof random_bytes);
        status = muster_login_issue(&def.login, &player, 1, FUZZ_UNIX_S, random_bytes, token);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_netcode_client_create(NULL, &fuzz->clients[i]);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_netcode_client_connect(fuzz->clients[i], fuzz->now, token);
        MUSTER_ASSERT(status == MUSTER_OK);
        fuzz->players[i] = MUSTER_NONE;
    }
    for (uint32_t i = 0; i < 40; i++) {
        step(fuzz);
    }
    MUSTER_ASSERT(fuzz->players[0] != MUSTER_NONE && fuzz->players[1] != MUSTER_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct fuzz fuzz;
    fuzz = (struct fuzz){0};
    create(&fuzz);
    struct input input = {.bytes = bytes, .length = length};
    for (uint32_t turn = 0; input.length > 0 && turn < 200; turn++) {
        uint8_t payload[MUSTER_NETCODE_PAYLOAD_BYTES_MAX] = {0};
        const uint8_t what = take_byte(&input);
        if (what < 200) {
            send_payload(&fuzz, payload, take_bytes(&input, payload, what));
        } else if (what < 230) {
            step(&fuzz);
        } else if (what < 240) {
            send_state(&fuzz, what * 4u, turn);
        } else if (what < 250) {
            muster_gateway_send_message(
                fuzz.gateway, fuzz.players[0], what % 3, payload, what % 3 == 1 ? 8 : 60);
        } else {
            fuzz.now.steady_us += 400000;
            step(&fuzz);
        }
    }
    step(&fuzz);
    MUSTER_ASSERT(fuzz.left_count[1] == 0 || fuzz.now.steady_us > 4000000);
    muster_netcode_client_destroy(fuzz.clients[0]);
    muster_netcode_client_destroy(fuzz.clients[1]);
    muster_gateway_destroy(fuzz.gateway);
    return 0;
}
