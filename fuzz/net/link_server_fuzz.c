// SPDX-License-Identifier: Apache-2.0

// A link server among links that send what the input says: tickets of any bytes, tickets with an
// authentic seal around any contents, which come from those who hold the key, good tickets, and
// what comes behind them.

#include "core/bytes.h"
#include "net/link_server.h"
#include "net/netcode_fuzz.h"
#include "net/netcode_packet.h"

#include <sodium.h>

#define LINK_SLOTS      3
#define LINK_NUMBERS    7
#define INPUT_BYTES_MAX 4096
#define NONCE_OFFSET    37 // in a token
#define PRIVATE_OFFSET  61
#define SEAL_BYTES      16

struct world {
    muster_netcode_server *netcode;
    struct link_server *server;
    muster_netcode_time now;
    struct slots down;
    uint64_t received;
    uint8_t token_number;
    bool is_open[LINK_SLOTS];
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_event(
    struct world *world, const muster_netcode_event *event, const muster_packet *packet)
{
    MUSTER_ASSERT(event->client_index < LINK_SLOTS);
    bool *is_open = &world->is_open[event->client_index];
    MUSTER_ASSERT(*is_open == (event->type != MUSTER_NETCODE_EVENT_CONNECTED));
    *is_open = event->type != MUSTER_NETCODE_EVENT_DISCONNECTED;
    if (event->length > 0) {
        MUSTER_ASSERT(event->bytes >= packet->bytes);
        MUSTER_ASSERT(event->bytes + event->length <= packet->bytes + packet->length);
    }
}

// Every packet counts once, and is answered by its link's end, or not at all.
static void deliver(struct world *world, uint8_t number, uint8_t *bytes, uint32_t length)
{
    muster_packet packet = {.length = length, .bytes = bytes};
    packet.address = muster_address_of_link(1 + number % LINK_NUMBERS);
    muster_address peer;
    muster_netcode_event event;
    slots_reset(&world->down, 2);
    (void)link_server_is_ticket(world->server, &packet, &peer);
    if (link_server_receive(world->server, world->now, &packet, &world->down.batch, &event)) {
        check_event(world, &event, &packet);
    }
    const uint32_t count = world->down.batch.count;
    MUSTER_ASSERT(count == 0 || world->down.packets[count - 1].length == 0);
    world->received++;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        sum += link_server_counters(world->server)->values[i];
    }
    MUSTER_ASSERT(sum == world->received);
}

static void step_any(struct world *world, struct input *input)
{
    uint8_t bytes[MUSTER_LINK_TICKET_BYTES] = {0};
    const uint8_t number = take_byte(input);
    deliver(world, number, bytes, take_bytes(input, bytes, take_byte(input)));
}

// A good ticket; some are cut or changed.
static void step_ticket(struct world *world, struct input *input)
{
    uint8_t bytes[MUSTER_LINK_TICKET_BYTES] = {0};
    uint8_t changes[4] = {0};
    const uint8_t number = take_byte(input);
    world->token_number = (uint8_t)(world->token_number + take_byte(input) % 2);
    const muster_connect_token_def def = fuzz_token_def(world->token_number, world->now.unix_s);
    const muster_status status = muster_connect_token_write(&def, bytes + MUSTER_LINK_PEER_BYTES);
    MUSTER_ASSERT(status == MUSTER_OK);
    take_bytes(input, changes, take_byte(input) % 8 == 0 ? sizeof changes : 0);
    bytes[bytes_load_u16(changes) % sizeof bytes] ^= changes[2];
    const uint32_t cut = changes[3];
    deliver(world, number, bytes, (uint32_t)sizeof bytes - cut);
}

// A ticket that is right around the private part, and a seal around anything.
static void step_sealed(struct world *world, struct input *input)
{
    uint8_t bytes[MUSTER_LINK_TICKET_BYTES] = {0};
    uint8_t *token = bytes + MUSTER_LINK_PEER_BYTES;
    static const uint8_t key[MUSTER_NETCODE_KEY_BYTES];
    const uint8_t number = take_byte(input);
    const muster_connect_token_def def = fuzz_token_def(++world->token_number, world->now.unix_s);
    const muster_status status = muster_connect_token_write(&def, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    uint8_t *text = token + PRIVATE_OFFSET;
    memset(text, 0, MUSTER_CONNECT_TOKEN_PRIVATE_BYTES);
    take_bytes(input, text, take_byte(input));
    uint8_t associated[NETCODE_VERSION_BYTES + 16];
    memcpy(associated, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(associated + NETCODE_VERSION_BYTES, def.protocol_id);
    bytes_store_u64(associated + NETCODE_VERSION_BYTES + 8, def.expire_unix_s);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(text,
        text + MUSTER_CONNECT_TOKEN_PRIVATE_BYTES - SEAL_BYTES, NULL, text,
        MUSTER_CONNECT_TOKEN_PRIVATE_BYTES - SEAL_BYTES, associated, sizeof associated, NULL,
        token + NONCE_OFFSET, key);
    deliver(world, number, bytes, sizeof bytes);
}

static void step_close(struct world *world, struct input *input)
{
    uint8_t bytes[1] = {0};
    deliver(world, take_byte(input), bytes, 0);
}

static void step_time(struct world *world, struct input *input)
{
    world->now.steady_us += (uint64_t)take_byte(input) << take_byte(input) % 24;
    world->now.unix_s += take_byte(input) % 8;
    slots_reset(&world->down, FUZZ_SLOT_COUNT);
    muster_netcode_server_update(world->netcode, world->now, &world->down.batch);
    muster_netcode_event event;
    while (link_server_pop_silent(world->server, &event)) {
        MUSTER_ASSERT(event.type == MUSTER_NETCODE_EVENT_DISCONNECTED);
        MUSTER_ASSERT(world->is_open[event.client_index]);
    }
}

static void step_owner(struct world *world, struct input *input)
{
    uint8_t bytes[1];
    muster_packet packet = {.bytes = bytes};
    const uint32_t index = take_byte(input) % LINK_SLOTS;
    if (world->is_open[index]) {
        link_server_address(world->server, index, 1, &packet);
        MUSTER_ASSERT(muster_address_link(&packet.address) <= LINK_NUMBERS);
        link_server_close(world->server, index, &packet);
        MUSTER_ASSERT(packet.length == 0);
        world->is_open[index] = false;
    }
}

static void create(struct world *world)
{
    world->now = (muster_netcode_time){.unix_s = FUZZ_UNIX_S};
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.protocol_id = FUZZ_PROTOCOL_ID;
    def.client_count_max = 1;
    def.pending_count_max = 1;
    def.token_count_max = 8;
    def.address_count = 1;
    def.addresses[0] = fuzz_server_address();
    muster_status status = muster_netcode_server_create(&def, &world->netcode);
    MUSTER_ASSERT(status == MUSTER_OK);
    const struct link_server_def links_def = {
        .netcode = world->netcode, .link_count_max = LINK_SLOTS, .allocator = def.allocator};
    status = link_server_create(&links_def, &world->server);
    MUSTER_ASSERT(status == MUSTER_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const steps[])(struct world *, struct input *) = {
        step_any, step_ticket, step_ticket, step_sealed, step_close, step_time, step_owner};
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
    uint32_t open_count = 0;
    for (uint32_t i = 0; i < LINK_SLOTS; i++) {
        open_count += world.is_open[i] ? 1 : 0;
    }
    MUSTER_ASSERT(open_count == link_server_count(world.server));
    link_server_destroy(world.server);
    muster_netcode_server_destroy(world.netcode);
    return 0;
}
