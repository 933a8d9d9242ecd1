// SPDX-License-Identifier: Apache-2.0

// What the whole gateway costs a packet: 1,000 clients in process at 60 Hz, each of which sends its
// last actions as an INPUT record and gets 500 bytes of state with a token. It is netcode with its
// cipher, the session, limits, records checked against the game's tables, and events; there are no
// sockets, which `muster-bench-udp` has beside ENet.
//
// Prints one line of JSON per metric: CPU time, the median of several rounds.

#include "muster/gateway.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "muster/netcode_client.h"
#include "wire/play.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIENT_COUNT   1000u
#define ROUND_COUNT    7u
#define TICK_COUNT     60u // in a round
#define TICK_US        16667u
#define JOIN_TICKS_MAX 600u
#define STATE_BYTES    500u
#define INPUT_COUNT    4u // actions in a packet, of which one is new
#define UP_COUNT       (2 * CLIENT_COUNT)
#define DOWN_COUNT     (4 * CLIENT_COUNT)

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

enum phase { PHASE_RECEIVE, PHASE_SEND, PHASE_UPDATE, PHASE_COUNT };

// One slot a packet, so that the working set is that of a real tick.
struct slots {
    muster_packet_batch batch;
    muster_packet packets[DOWN_COUNT];
    uint8_t bytes[DOWN_COUNT][MUSTER_PACKET_BYTES_MAX];
};

struct client {
    muster_netcode_client *netcode;
    muster_session *session;
    uint32_t connection; // 0 until it takes state
};

static const muster_param_def walk_params[] = {
    {.name = "heading", .is_real = true, .min = -3.2f, .max = 3.2f, .precision = 0.01f},
    {.name = "speed", .is_real = true, .min = 0.0f, .max = 5.0f, .precision = 0.01f},
};

static const muster_action_def actions[] = {
    {.name = "walk", .params = walk_params, .param_count = 2, .rate_hz_max = 60},
};

static const muster_game game = {
    .abi = MUSTER_GAME_ABI,
    .rules_version = 1,
    .name = "bench",
    .tick_rate_hz = 60,
    .actions = actions,
    .action_count = 1,
};

static muster_gateway *gateway;
static muster_session_pool *pool;
static muster_login login;
static struct client clients[CLIENT_COUNT];
static struct slots up;
static struct slots down;
static muster_netcode_time now = {.steady_us = 1000000, .unix_s = 1000};
static uint64_t tick;
static uint8_t input[256]; // of this tick, the same for all
static uint32_t input_length;
static uint64_t ready_count;
static uint64_t action_count;
static uint64_t acked_count;
static uint64_t phase_ns[PHASE_COUNT];

static void require(muster_status status)
{
    MUSTER_ASSERT(status == MUSTER_OK);
}

static muster_address address_of(uint32_t number)
{
    return (muster_address){
        .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number},
        .port = 40000,
        .family = MUSTER_ADDRESS_IPV4,
    };
}

static void slots_init(struct slots *slots, uint32_t capacity)
{
    for (uint32_t i = 0; i < capacity; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = capacity};
}

static void create(void)
{
    slots_init(&up, UP_COUNT);
    slots_init(&down, DOWN_COUNT);
    login = muster_login_default();
    login.address_count = 1;
    login.addresses[0] = address_of(65535);
    muster_gateway_def def = muster_gateway_default_def();
    def.game = &game;
    def.login = login;
    def.player_count_max = CLIENT_COUNT;
    require(muster_gateway_create(&def, &gateway));
    muster_session_pool_def pool_def = muster_session_pool_default_def();
    pool_def.session_count = CLIENT_COUNT;
    require(muster_session_pool_create(&pool_def, &pool));
}

static void connect_client(uint32_t number)
{
    struct client *client = &clients[number];
    const muster_player player = {.id = {number + 1, 1}, .name = "player"};
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    clock_random_bytes(random_bytes, sizeof random_bytes);
    require(muster_login_issue(&login, &player, number + 1, now.unix_s, random_bytes, token));
    require(muster_netcode_client_create(NULL, &client->netcode));
    require(muster_session_pool_acquire(pool, &client->session));
    require(muster_netcode_client_connect(client->netcode, now, token));
}

// The clients' side.

static void write_input(void)
{
    struct play_input inputs[INPUT_COUNT];
    for (uint32_t i = 0; i < INPUT_COUNT; i++) {
        inputs[i] = (struct play_input){
            .tick = tick + i,
            .sequence = (uint32_t)tick + i,
            .step_count = 2,
            .steps = {(uint32_t)(tick + i) % 640, 250},
        };
    }
    struct record_writer writer = record_writer_on(input, sizeof input);
    const uint32_t count = play_write_inputs(&writer, tick, inputs, INPUT_COUNT);
    MUSTER_ASSERT(count == INPUT_COUNT);
    input_length = (uint32_t)writer.length;
}

static void client_send(uint32_t number)
{
    struct client *client = &clients[number];
    const uint32_t first = up.batch.count;
    muster_netcode_client_update(client->netcode, now, &up.batch);
    if (muster_netcode_client_state_of(client->netcode) == MUSTER_NETCODE_CLIENT_CONNECTED) {
        muster_packet *packet = &up.packets[up.batch.count++];
        uint8_t *blob;
        uint32_t capacity;
        require(muster_session_begin_packet(client->session, now.steady_us,
            packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, MUSTER_SESSION_PACKET_BYTES_MAX, 600));
        require(
            muster_session_begin_blob(client->session, PLAY_RECORD_INPUT, true, &blob, &capacity));
        memcpy(blob, input, input_length);
        muster_session_end_blob(client->session, input_length);
        const uint32_t length = muster_session_end_packet(client->session, 0);
        require(muster_netcode_client_seal(client->netcode, length, packet));
    }
    for (uint32_t i = first; i < up.batch.count; i++) {
        up.packets[i].address = address_of(number);
    }
}

static void client_receive(muster_packet *packet)
{
    struct client *client = &clients[(uint32_t)packet->address.ip[2] << 8 | packet->address.ip[3]];
    muster_netcode_payload payload;
    muster_session_received received;
    packet->address = address_of(65535);
    if (!muster_netcode_client_receive(client->netcode, now, packet, &payload)) {
        return;
    }
    require(muster_session_read(
        client->session, now.steady_us, payload.bytes, payload.length, &received));
    for (muster_session_message message; muster_session_pop(client->session, &message);) {
    }
}

// The gateway's side, which is timed.

static void take_events(void)
{
    muster_gateway_event event;
    while (muster_gateway_pop_event(gateway, &event)) {
        if (event.type == MUSTER_GATEWAY_READY) {
            clients[event.player_index].connection = event.connection;
            ready_count++;
        }
        action_count += event.type == MUSTER_GATEWAY_ACTION;
        acked_count += event.type == MUSTER_GATEWAY_UPDATE_ACKED;
    }
}

static void gateway_receive(void)
{
    for (uint32_t i = 0; i < up.batch.count; i++) {
        muster_gateway_receive(gateway, now, &up.packets[i], &down.batch);
        take_events();
    }
}

static void gateway_send(void)
{
    static const uint8_t bytes[STATE_BYTES];
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const muster_gateway_state state = {
            .player_index = i,
            .connection = clients[i].connection,
            .tick = tick,
            .counted_sequence = (uint32_t)tick,
            .token = (uint32_t)tick,
            .bytes = bytes,
            .length = STATE_BYTES,
        };
        if (state.connection != 0) {
            require(muster_gateway_send_state(gateway, now, &state, &down.batch));
        }
    }
}

static void gateway_update(void)
{
    muster_gateway_update(gateway, now, &down.batch);
    take_events();
}

static void timed(void (*act)(void), enum phase phase)
{
    const uint64_t start_ns = clock_thread_cpu_ns();
    act();
    phase_ns[phase] += clock_thread_cpu_ns() - start_ns;
}

static void run_tick(void)
{
    tick++;
    now.steady_us += TICK_US;
    now.unix_s = now.steady_us / 1000000 + 999;
    up.batch.count = 0;
    down.batch.count = 0;
    muster_gateway_set_tick(gateway, tick);
    write_input();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        client_send(i);
    }
    timed(gateway_receive, PHASE_RECEIVE);
    timed(gateway_send, PHASE_SEND);
    timed(gateway_update, PHASE_UPDATE);
    for (uint32_t i = 0; i < down.batch.count; i++) {
        client_receive(&down.packets[i]);
    }
}

// Figures.

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print(const char *metric, double values[ROUND_COUNT])
{
    qsort(values, ROUND_COUNT, sizeof values[0], compare);
    printf("{\"bench\":\"gateway\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"ns\"}\n", metric,
        values[ROUND_COUNT / 2]);
}

static void measure(void)
{
    double receive_ns[ROUND_COUNT];
    double send_ns[ROUND_COUNT];
    double update_ns[ROUND_COUNT];
    double packet_ns[ROUND_COUNT];
    const double count = CLIENT_COUNT * TICK_COUNT;
    action_count = 0;
    acked_count = 0;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        memset(phase_ns, 0, sizeof phase_ns);
        for (uint32_t i = 0; i < TICK_COUNT; i++) {
            run_tick();
        }
        receive_ns[round] = (double)phase_ns[PHASE_RECEIVE] / count;
        send_ns[round] = (double)phase_ns[PHASE_SEND] / count;
        update_ns[round] = (double)phase_ns[PHASE_UPDATE] / count;
        packet_ns[round] = (receive_ns[round] + send_ns[round] + update_ns[round]) / 2;
    }
    // A figure counts only if everything came through.
    MUSTER_ASSERT(action_count == (uint64_t)count * ROUND_COUNT);
    MUSTER_ASSERT(acked_count == (uint64_t)count * ROUND_COUNT);
    print("packet", packet_ns);
    print("receive_input", receive_ns);
    print("send_state_500", send_ns);
    print("update_per_client", update_ns);
}

int main(void)
{
    create();
    write_input();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        connect_client(i);
    }
    for (uint32_t i = 0; i < JOIN_TICKS_MAX && ready_count < CLIENT_COUNT; i++) {
        run_tick();
    }
    MUSTER_ASSERT(ready_count == CLIENT_COUNT);
    for (uint32_t i = 0; i < TICK_COUNT; i++) {
        run_tick(); // until what was queued while joining is away
    }
    measure();
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        muster_netcode_client_destroy(clients[i].netcode);
    }
    muster_session_pool_destroy(pool);
    muster_gateway_destroy(gateway);
    return EXIT_SUCCESS;
}
