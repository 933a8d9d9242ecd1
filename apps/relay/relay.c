// SPDX-License-Identifier: Apache-2.0
#include "apps/relay/relay.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/udp.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define RECEIVE_COUNT      64u
#define PACKET_COUNT_MAX   65536u
#define SILENCE_US_MAX     60000000u
#define BUFFER_BYTES       (256u * 1024)
#define UP(client_index)   (2 * (client_index))
#define DOWN(client_index) (2 * (client_index) + 1)

struct client {
    struct udp_socket *socket; // towards the server; NULL: a free place
    muster_address address;
    uint64_t heard_us;
};

struct relay {
    struct relay_def def;
    struct udp_socket *socket; // towards clients
    muster_impairment *model;
    struct client clients[RELAY_CLIENT_COUNT_MAX];
    uint32_t served_count;
    uint64_t refused_count;
    muster_packet_batch received;
    muster_packet packets[RECEIVE_COUNT];
    uint8_t bytes[RECEIVE_COUNT][MUSTER_PACKET_BYTES_MAX];
    uint8_t out_bytes[MUSTER_PACKET_BYTES_MAX];
};

static muster_status open_sockets(struct relay *relay, struct driver_error *out_error)
{
    struct udp_def udp = udp_default_def();
    udp.address = relay->def.listen;
    const muster_status status = udp_open(&udp, &relay->socket, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    muster_impairment_def def = muster_impairment_default_def();
    def.seed = relay->def.seed;
    def.link_count = 2 * RELAY_CLIENT_COUNT_MAX;
    def.packet_count = PACKET_COUNT_MAX;
    def.rules = relay->def.rules;
    const muster_status model_status = muster_impairment_create(&def, &relay->model);
    if (model_status != MUSTER_OK) {
        driver_error_write(
            out_error, 0, "the network cannot be modelled: %s", muster_status_name(model_status));
    }
    return model_status;
}

muster_status relay_create(
    const struct relay_def *def, struct relay **out_relay, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && out_relay != NULL && out_error != NULL);
    *out_relay = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct relay *relay = heap.alloc(heap.context, sizeof *relay, _Alignof(struct relay));
    if (relay == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(relay, 0, sizeof *relay);
    relay->def = *def;
    for (uint32_t i = 0; i < RECEIVE_COUNT; i++) {
        relay->packets[i] = (muster_packet){.bytes = relay->bytes[i]};
    }
    relay->received = (muster_packet_batch){.packets = relay->packets, .capacity = RECEIVE_COUNT};
    const muster_status status = open_sockets(relay, out_error);
    if (status != MUSTER_OK) {
        relay_destroy(relay);
        return status;
    }
    *out_relay = relay;
    return MUSTER_OK;
}

void relay_destroy(struct relay *relay)
{
    if (relay == NULL) {
        return;
    }
    for (uint32_t i = 0; i < RELAY_CLIENT_COUNT_MAX; i++) {
        udp_close(relay->clients[i].socket);
    }
    udp_close(relay->socket);
    muster_impairment_destroy(relay->model);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, relay, sizeof *relay);
}

// Clients.

static bool open_client(struct relay *relay, struct client *client, const muster_address *address)
{
    struct udp_def def = udp_default_def();
    def.receive_buffer_bytes = BUFFER_BYTES;
    def.send_buffer_bytes = BUFFER_BYTES;
    // A free port of the family that the server has.
    const char *any = relay->def.server.family == MUSTER_ADDRESS_IPV4 ? "0.0.0.0:0" : "[::]:0";
    if (muster_address_parse(any, &def.address) != MUSTER_OK) {
        return false;
    }
    udp_close(client->socket);
    client->socket = NULL;
    if (udp_open(&def, &client->socket, NULL) != MUSTER_OK) {
        return false;
    }
    client->address = *address;
    relay->served_count++;
    return true;
}

// The client with an address; a new one gets a place that is free, or whose owner is silent.
static struct client *find_client(
    struct relay *relay, const muster_address *address, uint64_t now_us)
{
    struct client *place = NULL;
    for (uint32_t i = 0; i < RELAY_CLIENT_COUNT_MAX; i++) {
        struct client *client = &relay->clients[i];
        if (client->socket != NULL && muster_address_is_equal(&client->address, address)) {
            return client;
        }
        const bool is_free = client->socket == NULL || now_us - client->heard_us > SILENCE_US_MAX;
        place = place == NULL && is_free ? client : place;
    }
    return place != NULL && open_client(relay, place, address) ? place : NULL;
}

// In.

static void push(struct relay *relay, uint64_t now_us, uint32_t link, const muster_packet *packet)
{
    if (muster_impairment_push(relay->model, now_us, link, packet->bytes, packet->length) !=
        MUSTER_OK) {
        relay->refused_count++;
    }
}

static void take_from_clients(struct relay *relay, uint64_t now_us)
{
    while (udp_receive(relay->socket, &relay->received) > 0) {
        for (uint32_t i = 0; i < relay->received.count; i++) {
            const muster_packet *packet = &relay->received.packets[i];
            struct client *client = find_client(relay, &packet->address, now_us);
            if (client == NULL) {
                relay->refused_count++;
                continue;
            }
            client->heard_us = now_us;
            push(relay, now_us, UP((uint32_t)(client - relay->clients)), packet);
        }
    }
}

static void take_from_server(struct relay *relay, uint32_t client_index, uint64_t now_us)
{
    struct client *client = &relay->clients[client_index];
    while (udp_receive(client->socket, &relay->received) > 0) {
        for (uint32_t i = 0; i < relay->received.count; i++) {
            const muster_packet *packet = &relay->received.packets[i];
            if (muster_address_is_equal(&packet->address, &relay->def.server)) {
                push(relay, now_us, DOWN(client_index), packet);
            }
        }
    }
}

// Out.

static void send_due(struct relay *relay, uint64_t now_us)
{
    muster_impairment_packet due;
    while (muster_impairment_pop(relay->model, now_us, &due)) {
        const struct client *client = &relay->clients[due.link / 2];
        if (client->socket == NULL) {
            continue;
        }
        const bool is_up = due.link % 2 == 0;
        memcpy(relay->out_bytes, due.bytes, due.length);
        muster_packet packet = {
            .bytes = relay->out_bytes,
            .length = due.length,
            .address = is_up ? relay->def.server : client->address,
        };
        const muster_packet_batch batch = {.packets = &packet, .count = 1, .capacity = 1};
        // What the kernel has no room for is lost, as on any network.
        (void)udp_send(is_up ? client->socket : relay->socket, &batch, 0);
    }
}

static void wait_for_packets(struct relay *relay, uint64_t end_us)
{
    struct pollfd files[RELAY_CLIENT_COUNT_MAX + 1] = {
        {.fd = udp_file(relay->socket), .events = POLLIN}};
    for (uint32_t i = 0; i < RELAY_CLIENT_COUNT_MAX; i++) {
        const struct udp_socket *socket = relay->clients[i].socket;
        files[i + 1] =
            (struct pollfd){.fd = socket != NULL ? udp_file(socket) : -1, .events = POLLIN};
    }
    const uint64_t due_us = muster_impairment_next_us(relay->model);
    const uint64_t until_us = due_us < end_us ? due_us : end_us;
    const uint64_t now_us = clock_monotonic_us();
    const uint64_t wait_us = until_us > now_us ? until_us - now_us : 0;
    const struct timespec wait = {
        .tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000 * 1000)};
    if (ppoll(files, RELAY_CLIENT_COUNT_MAX + 1, &wait, NULL) <= 0) {
        return;
    }
    const uint64_t heard_us = clock_monotonic_us();
    for (uint32_t i = 0; i < RELAY_CLIENT_COUNT_MAX; i++) {
        if (files[i + 1].revents != 0) {
            take_from_server(relay, i, heard_us);
        }
    }
    if (files[0].revents != 0) {
        take_from_clients(relay, heard_us);
    }
}

void relay_run_until(struct relay *relay, uint64_t end_us)
{
    MUSTER_ASSERT(relay != NULL);
    while (clock_monotonic_us() < end_us) {
        wait_for_packets(relay, end_us);
        send_due(relay, clock_monotonic_us());
    }
}

static void add(muster_impairment_stats *sum, const muster_impairment_stats *part)
{
    sum->packets_pushed += part->packets_pushed;
    sum->packets_popped += part->packets_popped;
    sum->packets_lost += part->packets_lost;
    sum->packets_burst_lost += part->packets_burst_lost;
    sum->packets_too_long += part->packets_too_long;
    sum->packets_dropped += part->packets_dropped;
    sum->packets_duplicated += part->packets_duplicated;
    sum->packets_reordered += part->packets_reordered;
    sum->bytes_popped += part->bytes_popped;
}

struct relay_summary relay_read_summary(const struct relay *relay)
{
    MUSTER_ASSERT(relay != NULL);
    struct relay_summary summary = {
        .client_count = relay->served_count, .refused_count = relay->refused_count};
    for (uint32_t i = 0; i < RELAY_CLIENT_COUNT_MAX; i++) {
        const muster_impairment_stats up = muster_impairment_get_stats(relay->model, UP(i));
        const muster_impairment_stats down = muster_impairment_get_stats(relay->model, DOWN(i));
        add(&summary.to_server, &up);
        add(&summary.to_clients, &down);
    }
    return summary;
}
