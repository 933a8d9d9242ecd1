// SPDX-License-Identifier: Apache-2.0

// A client whose server sends any bytes, in the clear and behind an authentic seal, and whose
// token may be any bytes too.

#include "net/netcode_fuzz.h"
#include "net/netcode_packet.h"

#define INPUT_BYTES_MAX 4096

struct world {
    muster_netcode_client *client;
    muster_netcode_time now;
    struct slots slots;
    uint64_t sequence;
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void deliver(struct world *world, muster_packet *packet)
{
    muster_netcode_payload payload;
    if (muster_netcode_client_receive(world->client, world->now, packet, &payload)) {
        MUSTER_ASSERT(
            muster_netcode_client_state_of(world->client) == MUSTER_NETCODE_CLIENT_CONNECTED);
        MUSTER_ASSERT(payload.length >= 1 && payload.bytes >= packet->bytes);
        MUSTER_ASSERT(payload.bytes + payload.length <= packet->bytes + packet->length);
    }
}

static void step_raw(struct world *world, struct input *input)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX];
    muster_packet packet = {.bytes = slot};
    packet.address = muster_netcode_client_server_address(world->client);
    packet.address.port ^= take_byte(input) == 1 ? 1 : 0;
    packet.length = take_bytes(input, slot, take_byte(input));
    deliver(world, &packet);
}

// What a server sends next, or again, or out of order.
static void step_sealed(struct world *world, struct input *input)
{
    static const uint32_t body_bytes[] = {0, 8, 308, 1, 100, 1200};
    uint8_t slot[MUSTER_PACKET_BYTES_MAX] = {0};
    const muster_connect_token_def def = fuzz_token_def(0, FUZZ_UNIX_S);
    const struct netcode_associated associated = netcode_associated_of(FUZZ_PROTOCOL_ID);
    world->sequence += take_byte(input) % 4;
    const struct netcode_header header = {
        .type = (enum netcode_packet_type)(1 + take_byte(input) % 6),
        .sequence = world->sequence - take_byte(input) % 2,
        .body_bytes = body_bytes[take_byte(input) % 6],
    };
    muster_packet packet = {.bytes = slot};
    packet.address = muster_netcode_client_server_address(world->client);
    packet.length = netcode_packet_seal(&associated, def.server_to_client_key, &header, slot);
    deliver(world, &packet);
}

static void step_connect(struct world *world, struct input *input)
{
    muster_connect_token_def def = fuzz_token_def(0, FUZZ_UNIX_S);
    def.address_count = 1 + take_byte(input) % 3;
    def.addresses[1] = fuzz_address(1);
    def.addresses[2] = fuzz_address(2);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    const muster_status written = muster_connect_token_write(&def, token);
    MUSTER_ASSERT(written == MUSTER_OK);
    const uint32_t changed = take_byte(input) * 8u;
    token[changed] ^= take_byte(input);
    const muster_status status = muster_netcode_client_connect(world->client, world->now, token);
    const muster_netcode_client_state state = muster_netcode_client_state_of(world->client);
    MUSTER_ASSERT((status == MUSTER_OK) == (state == MUSTER_NETCODE_CLIENT_REQUESTING));
}

static void step_update(struct world *world, struct input *input)
{
    world->now.steady_us += (uint64_t)take_byte(input) << take_byte(input) % 24;
    slots_reset(&world->slots, take_byte(input) % 2);
    muster_netcode_client_update(world->client, world->now, &world->slots.batch);
    MUSTER_ASSERT(world->slots.batch.count <= world->slots.batch.capacity);
}

static void step_owner(struct world *world, struct input *input)
{
    uint8_t slot[MUSTER_PACKET_BYTES_MAX] = {0};
    muster_packet packet = {.bytes = slot};
    if (take_byte(input) % 4 == 0) {
        muster_netcode_client_disconnect(world->client);
    }
    const muster_status status = muster_netcode_client_seal(world->client, 1, &packet);
    MUSTER_ASSERT((status == MUSTER_OK) == (muster_netcode_client_state_of(world->client) ==
                                               MUSTER_NETCODE_CLIENT_CONNECTED));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const steps[])(struct world *, struct input *) = {
        step_raw, step_sealed, step_sealed, step_connect, step_update, step_owner};
    struct input input = {
        .bytes = bytes,
        .length = length < INPUT_BYTES_MAX ? length : INPUT_BYTES_MAX,
    };
    static struct world world;
    memset(&world, 0, sizeof world);
    const muster_status status = muster_netcode_client_create(NULL, &world.client);
    MUSTER_ASSERT(status == MUSTER_OK);
    while (input.length > 0) {
        steps[take_byte(&input) % (sizeof steps / sizeof steps[0])](&world, &input);
    }
    muster_netcode_client_destroy(world.client);
    return 0;
}
