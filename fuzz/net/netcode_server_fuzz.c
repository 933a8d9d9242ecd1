// SPDX-License-Identifier: Apache-2.0

// A server among strangers and four honest clients, in an order that the input chooses. Strangers
// send any bytes; packets with an authentic seal around any contents come from those who hold keys.

#include "net/netcode_fuzz.h"
#include "net/netcode_packet.h"

#define CLIENT_COUNT    4
#define CLIENT_SLOTS    3
#define INPUT_BYTES_MAX 4096

struct world {
    muster_netcode_server *server;
    muster_netcode_client *clients[CLIENT_COUNT];
    muster_netcode_time now;
    struct slots to_server;
    struct slots to_client;
    uint8_t token_number;
    uint8_t numbers[CLIENT_COUNT]; // of the clients' tokens
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_event(
    const struct world *world, const muster_netcode_event *event, const muster_packet *packet)
{
    MUSTER_ASSERT(event->client_index < CLIENT_SLOTS);
    const bool is_connected =
        muster_netcode_server_is_connected(world->server, event->client_index);
    MUSTER_ASSERT(is_connected == (event->type != MUSTER_NETCODE_EVENT_DISCONNECTED));
    if (event->length > 0) {
        MUSTER_ASSERT(event->bytes >= packet->bytes);
        MUSTER_ASSERT(event->bytes + event->length <= packet->bytes + packet->length);
    }
}

static void deliver(struct world *world, muster_packet *packet)
{
    const uint32_t reply_count = world->to_client.batch.count;
    muster_netcode_event event;
    const bool is_event = muster_netcode_server_receive(
        world->server, world->now, packet, &world->to_client.batch, &event);
    if (world->to_client.batch.count > reply_count) {
        MUSTER_ASSERT(world->to_client.batch.count == reply_count + 1);
        MUSTER_ASSERT(world->to_client.packets[reply_count].length <= packet->length);
    }
    if (is_event) {
        check_event(world, &event, packet);
    }
    const uint32_t client_count = muster_netcode_server_client_count(world->server);
    MUSTER_ASSERT(client_count <= CLIENT_SLOTS);
}

static void step_stranger(struct world *world, struct input *input)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX];
    muster_packet packet = {.bytes = slot};
    packet.address = fuzz_address(take_byte(input));
    packet.length = take_bytes(input, slot, take_byte(input));
    deliver(world, &packet);
}

// A request that is right up to the sealed part.
static void step_request(struct world *world, struct input *input)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX] = {0};
    const struct netcode_associated associated = netcode_associated_of(FUZZ_PROTOCOL_ID);
    memcpy(slot + 1, associated.bytes, NETCODE_VERSION_BYTES + 8);
    memset(slot + NETCODE_REQUEST_EXPIRE_OFFSET, 0x7f, 8);
    take_bytes(input, slot + NETCODE_REQUEST_NONCE_OFFSET, take_byte(input));
    muster_packet packet = {
        .bytes = slot, .length = NETCODE_REQUEST_BYTES, .address = fuzz_address(take_byte(input))};
    deliver(world, &packet);
}

static void step_sealed(struct world *world, struct input *input)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX] = {0};
    const uint8_t client = take_byte(input) % CLIENT_COUNT;
    const muster_connect_token_def def = fuzz_token_def(world->numbers[client], world->now.unix_s);
    const struct netcode_associated associated = netcode_associated_of(FUZZ_PROTOCOL_ID);
    const struct netcode_header header = {
        .type = (enum netcode_packet_type)(1 + take_byte(input) % 6),
        .sequence = (uint64_t)take_byte(input) << take_byte(input) % 57,
        .body_bytes = take_bytes(input, slot + MUSTER_NETCODE_PAYLOAD_OFFSET, take_byte(input)),
    };
    muster_packet packet = {.bytes = slot, .address = fuzz_address(client)};
    packet.length = netcode_packet_seal(&associated, def.client_to_server_key, &header, slot);
    deliver(world, &packet);
}

static void step_connect(struct world *world, struct input *input)
{
    const uint8_t client = take_byte(input) % CLIENT_COUNT;
    world->numbers[client] = world->token_number++;
    const muster_connect_token_def def = fuzz_token_def(world->numbers[client], world->now.unix_s);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    muster_status status = muster_connect_token_write(&def, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_netcode_client_connect(world->clients[client], world->now, token);
    MUSTER_ASSERT(status == MUSTER_OK);
}

// An honest client speaks and hears everything that the server has sent since.
static void step_client(struct world *world, struct input *input)
{
    const uint8_t number = take_byte(input) % CLIENT_COUNT;
    muster_netcode_client *client = world->clients[number];
    slots_reset(&world->to_server, 1);
    muster_netcode_client_update(client, world->now, &world->to_server.batch);
    for (uint32_t i = 0; i < world->to_server.batch.count; i++) {
        world->to_server.packets[i].address = fuzz_address(number);
        deliver(world, &world->to_server.packets[i]);
    }
    for (uint32_t i = 0; i < world->to_client.batch.count; i++) {
        muster_netcode_payload payload;
        world->to_client.packets[i].address = fuzz_server_address();
        (void)muster_netcode_client_receive(
            client, world->now, &world->to_client.packets[i], &payload);
    }
    slots_reset(&world->to_client, take_byte(input) % (FUZZ_SLOT_COUNT + 1));
}

static void step_time(struct world *world, struct input *input)
{
    world->now.steady_us += (uint64_t)take_byte(input) << take_byte(input) % 24;
    world->now.unix_s += take_byte(input) % 8;
    muster_netcode_server_update(world->server, world->now, &world->to_client.batch);
    muster_netcode_event event;
    while (muster_netcode_server_pop_event(world->server, &event)) {
        MUSTER_ASSERT(event.type == MUSTER_NETCODE_EVENT_DISCONNECTED);
    }
}

static void step_owner(struct world *world, struct input *input)
{
    const uint32_t client_index = take_byte(input) % (CLIENT_SLOTS + 1);
    switch (take_byte(input) % 3) {
    case 0:
        (void)muster_netcode_server_disconnect(world->server, client_index);
        break;
    case 1:
        (void)muster_netcode_server_drop(world->server, client_index);
        break;
    default: {
        uint8_t slot[MUSTER_PACKET_BYTES_MAX] = {0};
        muster_packet packet = {.bytes = slot};
        const muster_status status =
            muster_netcode_server_seal(world->server, client_index, 1, &packet);
        MUSTER_ASSERT((status == MUSTER_OK) ==
                      muster_netcode_server_is_connected(world->server, client_index));
        break;
    }
    }
}

static void create(struct world *world)
{
    world->now = (muster_netcode_time){.unix_s = FUZZ_UNIX_S};
    slots_reset(&world->to_client, FUZZ_SLOT_COUNT);
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.protocol_id = FUZZ_PROTOCOL_ID;
    def.client_count_max = CLIENT_SLOTS;
    def.pending_count_max = 2;
    def.token_count_max = 8;
    def.address_count = 1;
    def.addresses[0] = fuzz_server_address();
    muster_status status = muster_netcode_server_create(&def, &world->server);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        status = muster_netcode_client_create(NULL, &world->clients[i]);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const steps[])(struct world *, struct input *) = {step_stranger, step_request,
        step_sealed, step_connect, step_client, step_client, step_time, step_owner};
    struct input input = {
        .bytes = bytes,
        .length = length < INPUT_BYTES_MAX ? length : INPUT_BYTES_MAX,
    };
    static struct world world;
    memset(&world, 0, sizeof world);
    create(&world);
    while (input.length > 0) {
        steps[take_byte(&input) % (sizeof steps / sizeof steps[0])](&world, &input);
    }
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        muster_netcode_client_destroy(world.clients[i]);
    }
    muster_netcode_server_destroy(world.server);
    return 0;
}
