// SPDX-License-Identifier: Apache-2.0

// Two sessions joined by a channel that the input drives: it delivers packets late, twice, out of
// order or never, and now and then packets of its own making. As long as it only handles whole
// packets, messages must arrive once each, in order, with their bytes; tokens must come back once,
// and none acked that did not arrive. Packets of its own making may end a session and make it
// believe anything, but the session stays within its memory and keeps its own order.

#include "muster/session.h"

#include "core/assert.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PACKET_COUNT    64u // packets of one direction that the channel remembers
#define MESSAGE_COUNT   4096u
#define INPUT_BYTES_MAX 4096u
#define TICK_US         16667u

struct input {
    const uint8_t *bytes;
    size_t length;
};

struct packet {
    uint32_t length;
    uint64_t token;
    uint8_t bytes[MUSTER_SESSION_PACKET_BYTES_MAX];
};

struct end {
    muster_session_pool *pool;
    muster_session *session;
    struct packet packets[PACKET_COUNT]; // sent by this end, in a ring
    uint64_t sent_count;
    uint64_t fate_count;
    uint32_t pushed_count;
    uint32_t popped_count;
    bool has_arrived[INPUT_BYTES_MAX + 1]; // by the token of the packet
};

struct world {
    struct end ends[2];
    uint64_t now_us;
    bool is_forged; // from then on only memory and order are checked
};

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t take_byte(struct input *input)
{
    if (input->length == 0) {
        return 0;
    }
    input->length--;
    return *input->bytes++;
}

static uint32_t length_of(uint32_t number)
{
    static const uint32_t lengths[] = {0, 1, 30, 288, 289, 700, 2000, 5};
    return lengths[number % (sizeof lengths / sizeof lengths[0])];
}

static uint8_t byte_of(uint32_t number, uint32_t index)
{
    return (uint8_t)(number * 31 + index * 7 + index / 256);
}

static void create(struct world *world, uint8_t choice)
{
    memset(world, 0, sizeof *world);
    muster_session_pool_def def = muster_session_pool_default_def();
    def.receive_fragment_count = choice % 2 == 0 ? 8 : 16;
    def.send_fragment_count = 24;
    for (int i = 0; i < 2; i++) {
        struct end *end = &world->ends[i];
        muster_status status = muster_session_pool_create(&def, &end->pool);
        MUSTER_ASSERT(status == MUSTER_OK);
        status = muster_session_pool_acquire(end->pool, &end->session);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
}

static void step_push(struct end *end)
{
    if (end->pushed_count == MESSAGE_COUNT) {
        return;
    }
    static uint8_t bytes[2000];
    const uint32_t length = length_of(end->pushed_count);
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = byte_of(end->pushed_count, i);
    }
    const muster_status status =
        muster_session_push(end->session, (uint16_t)end->pushed_count, bytes, length);
    end->pushed_count += status == MUSTER_OK;
}

static void step_write(struct world *world, struct end *end, uint8_t choice)
{
    struct packet *packet = &end->packets[end->sent_count % PACKET_COUNT];
    const uint32_t capacity = choice % 4 == 0 ? 64u + choice : MUSTER_SESSION_PACKET_BYTES_MAX;
    if (muster_session_begin_packet(end->session, world->now_us, packet->bytes, capacity,
            choice % 3 == 0 ? 400 : MUSTER_SESSION_PACKET_BYTES_MAX) != MUSTER_OK) {
        return;
    }
    uint8_t *bytes;
    uint32_t room;
    if (muster_session_begin_blob(end->session, choice % 64, choice % 5 == 0, &bytes, &room) ==
        MUSTER_OK) {
        const uint32_t length = choice < room ? choice : room;
        memset(bytes, choice, length);
        muster_session_end_blob(end->session, length);
    }
    packet->token = ++end->sent_count;
    packet->length = muster_session_end_packet(end->session, packet->token);
    MUSTER_ASSERT(packet->length <= capacity);
    const uint32_t path_bytes = muster_session_packet_bytes(end->session);
    MUSTER_ASSERT(path_bytes >= MUSTER_SESSION_NARROW_BYTES_MIN &&
                  path_bytes <= MUSTER_SESSION_PACKET_BYTES_MAX);
}

static void pop_all(struct world *world, struct end *end, struct end *peer)
{
    for (muster_session_message message; muster_session_pop(end->session, &message);) {
        MUSTER_ASSERT(message.length <= MUSTER_SESSION_MESSAGE_BYTES_MAX);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < message.length; i++) {
            sum += message.bytes[i]; // so that a sanitizer sees every byte read
        }
        const uint32_t number = end->popped_count++;
        if (world->is_forged) {
            continue;
        }
        MUSTER_ASSERT(sum <= UINT8_MAX * message.length);
        MUSTER_ASSERT(number < peer->pushed_count);
        MUSTER_ASSERT(message.kind == (uint16_t)number);
        MUSTER_ASSERT(message.length == length_of(number));
        for (uint32_t i = 0; i < message.length; i++) {
            MUSTER_ASSERT(message.bytes[i] == byte_of(number, i));
        }
    }
    for (muster_session_fate fate; muster_session_pop_fate(end->session, &fate);) {
        end->fate_count++;
        MUSTER_ASSERT(fate.token >= 1 && fate.token <= end->sent_count);
        MUSTER_ASSERT(!fate.is_acked || world->is_forged || peer->has_arrived[fate.token]);
    }
    MUSTER_ASSERT(end->fate_count <= end->sent_count);
}

static void step_deliver(struct world *world, struct end *to, struct end *from, uint8_t choice)
{
    if (from->sent_count == 0) {
        return;
    }
    const uint64_t known = from->sent_count < PACKET_COUNT ? from->sent_count : PACKET_COUNT;
    const uint64_t back = choice % 4 == 0 ? (choice / 4) % known : 0;
    const struct packet *packet = &from->packets[(from->sent_count - 1 - back) % PACKET_COUNT];
    muster_session_received received;
    const muster_status status =
        muster_session_read(to->session, world->now_us, packet->bytes, packet->length, &received);
    MUSTER_ASSERT(status == MUSTER_OK || world->is_forged);
    if (status == MUSTER_OK && received.is_fresh) {
        MUSTER_ASSERT(!to->has_arrived[packet->token] || world->is_forged);
        to->has_arrived[packet->token] = true;
    }
    pop_all(world, to, from);
}

// A packet of the channel's own making: one that was sent with bytes changed, or the input's.
static void step_forge(struct world *world, struct end *to, struct end *from, struct input *input)
{
    struct packet forged = from->packets[(from->sent_count + PACKET_COUNT - 1) % PACKET_COUNT];
    const uint8_t choice = take_byte(input);
    if (choice % 2 == 0 && forged.length > 0) {
        forged.bytes[(choice * 7u) % forged.length] ^= take_byte(input);
        forged.bytes[(choice * 3u) % 16] = take_byte(input);
    } else {
        forged.length = 3u + choice % 64;
        for (uint32_t i = 0; i < forged.length; i++) {
            forged.bytes[i] = take_byte(input);
        }
        forged.bytes[0] = choice % 8 == 1 ? forged.bytes[0] : 0x10 | (forged.bytes[0] & 15);
    }
    world->is_forged = true;
    muster_session_received received;
    const muster_status status =
        muster_session_read(to->session, world->now_us, forged.bytes, forged.length, &received);
    MUSTER_ASSERT(status == MUSTER_OK || received.blob_count == 0);
    for (uint32_t i = 0; i < received.blob_count; i++) {
        const muster_session_blob *blob = &received.blobs[i];
        MUSTER_ASSERT(blob->bytes >= forged.bytes);
        MUSTER_ASSERT(blob->bytes + blob->length <= forged.bytes + forged.length);
    }
    pop_all(world, to, from);
}

static bool is_settled(const struct world *world)
{
    bool is_settled = true;
    for (int i = 0; i < 2; i++) {
        const struct end *end = &world->ends[i];
        is_settled = is_settled && end->popped_count == world->ends[1 - i].pushed_count &&
                     muster_session_get_stats(end->session).send_fragment_count == 0;
    }
    return is_settled;
}

// With the channel honest at last, everything arrives and is confirmed.
static void settle(struct world *world)
{
    for (uint32_t round = 0; round < 400 && !is_settled(world); round++) {
        world->now_us += TICK_US * 10;
        for (int i = 0; i < 2; i++) {
            step_write(world, &world->ends[i], 1);
            step_deliver(world, &world->ends[1 - i], &world->ends[i], 1);
        }
    }
    MUSTER_ASSERT(is_settled(world));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct world world;
    struct input input = {
        .bytes = bytes,
        .length = length < INPUT_BYTES_MAX - 512 ? length : INPUT_BYTES_MAX - 512,
    };
    create(&world, take_byte(&input));
    const bool may_forge = take_byte(&input) % 2 == 1;
    while (input.length > 0) {
        const uint8_t step = take_byte(&input);
        const uint8_t choice = step / 8;
        struct end *end = &world.ends[step / 128];
        struct end *peer = &world.ends[1 - step / 128];
        switch (step % 8) {
        case 0:
        case 1:
            step_push(end);
            break;
        case 2:
        case 3:
            step_write(&world, end, (uint8_t)(choice * 17));
            break;
        case 4:
        case 5:
            step_deliver(&world, end, peer, take_byte(&input));
            break;
        case 6:
            world.now_us += (uint64_t)take_byte(&input) * 4000;
            break;
        default:
            if (may_forge) {
                step_forge(&world, end, peer, &input);
            }
            break;
        }
    }
    if (!world.is_forged) {
        settle(&world);
    }
    for (int i = 0; i < 2; i++) {
        muster_session_pool_destroy(world.ends[i].pool);
    }
    return 0;
}
