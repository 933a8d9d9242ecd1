// SPDX-License-Identifier: Apache-2.0

// What a packet costs a server on real sockets.
//
// The first metrics are the driver's alone: sending and receiving 64 packets of 100, 500 and 1,200
// bytes, one system call each, in batches, and in runs that the kernel segments. The last one is
// the server's whole way, socket, netcode with its cipher, and session: 1,000 clients on sockets of
// their own at one packet a tick each way, 100 bytes up and 500 bytes down, beside ENet, which does
// not encrypt, with as many hosts, sockets and bytes, in rounds that take turns.
//
// Everything runs on one thread, and only what the server does is timed, by the thread's CPU
// clock: medians of several rounds. On loopback what the network does on arrival is charged to the
// sender, for both alike.

#define _GNU_SOURCE // struct mmsghdr

#include "muster/netcode_client.h"
#include "muster/netcode_server.h"
#include "muster/session.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/udp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifdef MUSTER_BENCH_ENET
#include <enet/enet.h>
#endif

#define ROUND_COUNT         9
#define RAW_PACKETS         64u
#define RAW_CALLS           300u
#define CLIENT_COUNT        1000u
#define TICKS_PER_ROUND     30u
#define TICK_US             16667u
#define SERVER_SLOTS        64u
#define UP_BYTES            100u
#define DOWN_BYTES          500u
#define SERVER_BUFFER_BYTES (16u << 20)
#define BUFFER_BYTES_NEEDED (2u << 20) // a tick of packets, with what the kernel keeps about each
#define UNIX_S              1800000000u

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

// Slots with their memory.
struct slots {
    muster_packet_batch batch;
    muster_packet packets[CLIENT_COUNT];
    uint8_t bytes[CLIENT_COUNT][MUSTER_PACKET_BYTES_MAX];
};

static struct slots in;
static struct slots out;

static void slots_init(struct slots *slots)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = CLIENT_COUNT};
}

static int compare_values(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double rounds[ROUND_COUNT])
{
    qsort(rounds, ROUND_COUNT, sizeof rounds[0], compare_values);
    return rounds[ROUND_COUNT / 2];
}

static struct udp_socket *open_socket(const struct udp_def *def)
{
    struct udp_socket *socket;
    struct driver_error error = {0};
    if (udp_open(def, &socket, &error) != MUSTER_OK) {
        fprintf(stderr, "udp_bench: %s\n", error.text);
        exit(3);
    }
    return socket;
}

// The driver alone.

static int no_sendmmsg(int file, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)file;
    (void)messages;
    (void)count;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

static int no_recvmmsg(
    int file, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    (void)timeout;
    return no_sendmmsg(file, messages, count, flags);
}

// One round: the CPU time of a packet, sent and received.
static void raw_round(struct udp_socket *sender,
    struct udp_socket *receiver,
    uint32_t length,
    double *out_send_ns,
    double *out_receive_ns)
{
    const muster_address to = udp_local_address(receiver);
    uint64_t send_ns = 0;
    uint64_t receive_ns = 0;
    for (uint32_t call = 0; call < RAW_CALLS; call++) {
        for (uint32_t i = 0; i < RAW_PACKETS; i++) {
            out.packets[i].address = to;
            out.packets[i].length = length;
        }
        out.batch.count = RAW_PACKETS;
        const uint64_t start_ns = clock_thread_cpu_ns();
        const uint32_t sent = udp_send(sender, &out.batch, 0);
        const uint64_t middle_ns = clock_thread_cpu_ns();
        const uint32_t received = udp_receive(receiver, &in.batch);
        receive_ns += clock_thread_cpu_ns() - middle_ns;
        send_ns += middle_ns - start_ns;
        MUSTER_ASSERT(sent == RAW_PACKETS && received == RAW_PACKETS);
    }
    *out_send_ns = (double)send_ns / (RAW_CALLS * RAW_PACKETS);
    *out_receive_ns = (double)receive_ns / (RAW_CALLS * RAW_PACKETS);
}

static void run_raw(const char *mode, bool is_batching, bool can_segment, uint32_t length)
{
    struct udp_def def = udp_default_def();
    def.can_segment = can_segment;
    if (!is_batching) {
        def.system.sendmmsg = no_sendmmsg;
        def.system.recvmmsg = no_recvmmsg;
    }
    struct udp_socket *sender = open_socket(&def);
    struct udp_socket *receiver = open_socket(&def);
    double send_ns[ROUND_COUNT];
    double receive_ns[ROUND_COUNT];
    for (int round = 0; round < ROUND_COUNT; round++) {
        raw_round(sender, receiver, length, &send_ns[round], &receive_ns[round]);
    }
    if (can_segment && !udp_read_stats(sender).is_segmenting) {
        fprintf(stderr, "udp_bench: %s skipped: this kernel does not segment\n", mode);
    } else {
        printf("{\"bench\":\"udp\",\"metric\":\"send_%s_%u\",\"value\":%.1f,\"unit\":\"ns\"}\n",
            mode, length, median(send_ns));
        printf("{\"bench\":\"udp\",\"metric\":\"receive_%s_%u\",\"value\":%.1f,\"unit\":\"ns\"}\n",
            mode, length, median(receive_ns));
    }
    udp_close(sender);
    udp_close(receiver);
}

// The whole way.

static struct {
    struct udp_socket *socket;
    muster_netcode_server *netcode;
    muster_session_pool *pool;
    muster_session *sessions[CLIENT_COUNT]; // by client index
    uint64_t received_count;
} server;

static struct {
    struct udp_socket *sockets[CLIENT_COUNT];
    muster_netcode_client *netcodes[CLIENT_COUNT];
    muster_session_pool *pool;
    muster_session *sessions[CLIENT_COUNT];
    uint64_t received_count;
} clients;

static const uint8_t payload[DOWN_BYTES];
static muster_netcode_time now = {.steady_us = 1000000, .unix_s = UNIX_S};

static void create_sessions(muster_session_pool **out_pool, muster_session *sessions[CLIENT_COUNT])
{
    muster_session_pool_def def = muster_session_pool_default_def();
    def.session_count = CLIENT_COUNT;
    def.receive_fragment_count = 16;
    def.send_fragment_count = 8192;
    muster_status status = muster_session_pool_create(&def, out_pool);
    for (uint32_t i = 0; i < CLIENT_COUNT && status == MUSTER_OK; i++) {
        status = muster_session_pool_acquire(*out_pool, &sessions[i]);
    }
    MUSTER_ASSERT(status == MUSTER_OK);
}

// Writes one packet of a session with a blob of `length` bytes. Returns its length.
static uint32_t write_packet(muster_session *session, uint8_t *bytes, uint32_t length)
{
    uint8_t *blob;
    uint32_t capacity;
    muster_status status = muster_session_begin_packet(
        session, now.steady_us, bytes, MUSTER_SESSION_PACKET_BYTES_MAX, 600);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_session_begin_blob(session, 1, true, &blob, &capacity);
    MUSTER_ASSERT(status == MUSTER_OK && capacity >= length);
    memcpy(blob, payload, length);
    muster_session_end_blob(session, length);
    return muster_session_end_packet(session, now.steady_us);
}

// Reads a packet of a session. Returns whether it held a blob of `length` bytes.
static bool read_packet(
    muster_session *session, const uint8_t *bytes, uint32_t bytes_count, uint32_t length)
{
    muster_session_received received;
    const muster_status status =
        muster_session_read(session, now.steady_us, bytes, bytes_count, &received);
    MUSTER_ASSERT(status == MUSTER_OK);
    for (muster_session_message message; muster_session_pop(session, &message);) {
    }
    for (muster_session_fate fate; muster_session_pop_fate(session, &fate);) {
    }
    return received.blob_count == 1 && received.blobs[0].length == length;
}

static void client_connect(uint32_t number)
{
    struct udp_def socket_def = udp_default_def();
    socket_def.call_packets_max = 4;
    socket_def.receive_buffer_bytes = 1 << 16;
    socket_def.send_buffer_bytes = 1 << 16;
    clients.sockets[number] = open_socket(&socket_def);

    muster_connect_token_def def = muster_connect_token_default_def();
    def.client_id = number + 1;
    def.create_unix_s = UNIX_S;
    def.expire_unix_s = UNIX_S + 3600;
    def.timeout_s = 600;
    def.address_count = 1;
    def.addresses[0] = udp_local_address(server.socket);
    clock_random_bytes(def.client_to_server_key, sizeof def.client_to_server_key);
    clock_random_bytes(def.server_to_client_key, sizeof def.server_to_client_key);
    clock_random_bytes(def.nonce, sizeof def.nonce);
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    muster_status status = muster_connect_token_write(&def, token);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_netcode_client_create(NULL, &clients.netcodes[number]);
    MUSTER_ASSERT(status == MUSTER_OK);
    status = muster_netcode_client_connect(clients.netcodes[number], now, token);
    MUSTER_ASSERT(status == MUSTER_OK);
}

// Client: sends what netcode wants, or a payload once connected.
static void client_send(uint32_t number)
{
    muster_netcode_client *netcode = clients.netcodes[number];
    out.batch.count = 0;
    muster_netcode_client_update(netcode, now, &out.batch);
    if (muster_netcode_client_state_of(netcode) == MUSTER_NETCODE_CLIENT_CONNECTED) {
        muster_packet *packet = &out.packets[out.batch.count++];
        const uint32_t length = write_packet(
            clients.sessions[number], packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, UP_BYTES);
        const muster_status status = muster_netcode_client_seal(netcode, length, packet);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
    const uint32_t sent = udp_send(clients.sockets[number], &out.batch, 0);
    MUSTER_ASSERT(sent == out.batch.count);
}

static void client_receive(uint32_t number)
{
    const uint32_t count = udp_receive(clients.sockets[number], &in.batch);
    for (uint32_t i = 0; i < count; i++) {
        muster_netcode_payload received;
        if (muster_netcode_client_receive(
                clients.netcodes[number], now, &in.packets[i], &received) &&
            read_packet(clients.sessions[number], received.bytes, received.length, DOWN_BYTES)) {
            clients.received_count++;
        }
    }
}

// Sends what the server has written.
static void server_flush(void)
{
    const uint32_t sent = udp_send(server.socket, &out.batch, 0);
    MUSTER_ASSERT(sent == out.batch.count);
    out.batch.count = 0;
}

// Server: reads what has come, then sends a packet to each client. What is timed. It goes through
// few slots again and again, so that a packet is still in the cache when its turn comes.
static void server_tick(bool has_clients)
{
    muster_packet_batch some = {.packets = in.packets, .capacity = SERVER_SLOTS};
    out.batch.count = 0;
    while (udp_receive(server.socket, &some) > 0) {
        for (uint32_t i = 0; i < some.count; i++) {
            muster_netcode_event event;
            if (muster_netcode_server_receive(
                    server.netcode, now, &some.packets[i], &out.batch, &event) &&
                event.type == MUSTER_NETCODE_EVENT_PAYLOAD &&
                read_packet(
                    server.sessions[event.client_index], event.bytes, event.length, UP_BYTES)) {
                server.received_count++;
            }
        }
    }
    muster_netcode_server_update(server.netcode, now, &out.batch);
    server_flush();
    for (uint32_t i = 0; has_clients && i < CLIENT_COUNT; i++) {
        muster_packet *packet = &out.packets[out.batch.count++];
        const uint32_t length = write_packet(
            server.sessions[i], packet->bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, DOWN_BYTES);
        const muster_status status = muster_netcode_server_seal(server.netcode, i, length, packet);
        MUSTER_ASSERT(status == MUSTER_OK);
        if (out.batch.count == SERVER_SLOTS) {
            server_flush();
        }
    }
    server_flush();
}

// One tick. Returns the server's CPU time.
static uint64_t muster_tick(void)
{
    now.steady_us += TICK_US;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        client_send(i);
    }
    const uint64_t start_ns = clock_thread_cpu_ns();
    server_tick(true);
    const uint64_t ns = clock_thread_cpu_ns() - start_ns;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        client_receive(i);
    }
    return ns;
}

// Opens everything. False, with a word why, where the machine grants too little.
static bool muster_open(void)
{
    struct udp_def def = udp_default_def();
    def.call_packets_max = SERVER_SLOTS;
    def.receive_buffer_bytes = SERVER_BUFFER_BYTES;
    def.send_buffer_bytes = SERVER_BUFFER_BYTES;
    server.socket = open_socket(&def);
    const uint32_t granted_bytes = udp_read_stats(server.socket).receive_buffer_bytes;
    if (granted_bytes < BUFFER_BYTES_NEEDED) {
        fprintf(stderr,
            "udp_bench: server_packet skipped: a socket gets only %u bytes of buffer; "
            "raise net.core.rmem_max\n",
            granted_bytes);
        udp_close(server.socket);
        return false;
    }
    muster_netcode_server_def netcode_def = muster_netcode_server_default_def();
    netcode_def.address_count = 1;
    netcode_def.addresses[0] = udp_local_address(server.socket);
    const muster_status status = muster_netcode_server_create(&netcode_def, &server.netcode);
    MUSTER_ASSERT(status == MUSTER_OK);
    create_sessions(&server.pool, server.sessions);
    create_sessions(&clients.pool, clients.sessions);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        client_connect(i);
        for (int exchange = 0; exchange < 2; exchange++) {
            client_send(i);
            server_tick(false);
            client_receive(i);
        }
        MUSTER_ASSERT(
            muster_netcode_client_state_of(clients.netcodes[i]) == MUSTER_NETCODE_CLIENT_CONNECTED);
    }
    return true;
}

static void muster_close(void)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        muster_netcode_client_destroy(clients.netcodes[i]);
        udp_close(clients.sockets[i]);
    }
    muster_session_pool_destroy(clients.pool);
    muster_session_pool_destroy(server.pool);
    muster_netcode_server_destroy(server.netcode);
    udp_close(server.socket);
}

#ifdef MUSTER_BENCH_ENET

// The peer: ENet as its tutorial has it, one service loop a tick.

static struct {
    ENetHost *server;
    ENetHost *hosts[CLIENT_COUNT];
    ENetPeer *peers[CLIENT_COUNT];
    uint32_t connected_count;
    uint64_t received_count;
} enet;

static void enet_send(ENetPeer *peer, uint32_t length)
{
    ENetPacket *packet = enet_packet_create(payload, length, 0);
    const int result = enet_peer_send(peer, 0, packet);
    MUSTER_ASSERT(result == 0);
}

static void enet_serve(ENetHost *host)
{
    ENetEvent event;
    while (enet_host_service(host, &event, 0) > 0) {
        if (event.type == ENET_EVENT_TYPE_CONNECT) {
            enet.connected_count++;
        } else if (event.type == ENET_EVENT_TYPE_RECEIVE) {
            enet.received_count++;
            enet_packet_destroy(event.packet);
        }
    }
}

static uint64_t enet_tick(void)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        enet_send(enet.peers[i], UP_BYTES);
        enet_host_flush(enet.hosts[i]);
    }
    const uint64_t start_ns = clock_thread_cpu_ns();
    enet_serve(enet.server);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        if (enet.server->peers[i].state == ENET_PEER_STATE_CONNECTED) {
            enet_send(&enet.server->peers[i], DOWN_BYTES);
        }
    }
    enet_host_flush(enet.server);
    const uint64_t ns = clock_thread_cpu_ns() - start_ns;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        enet_serve(enet.hosts[i]);
    }
    return ns;
}

static void peer_open(void)
{
    MUSTER_ASSERT(enet_initialize() == 0);
    ENetAddress address = {.port = 0};
    (void)enet_address_set_host_ip(&address, "127.0.0.1");
    enet.server = enet_host_create(&address, CLIENT_COUNT, 1, 0, 0);
    MUSTER_ASSERT(enet.server != NULL);
    const int bytes = (int)SERVER_BUFFER_BYTES;
    (void)setsockopt(enet.server->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    (void)setsockopt(enet.server->socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    (void)enet_socket_get_address(enet.server->socket, &address);
    (void)enet_address_set_host_ip(&address, "127.0.0.1");
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        enet.hosts[i] = enet_host_create(NULL, 1, 1, 0, 0);
        MUSTER_ASSERT(enet.hosts[i] != NULL);
        enet.peers[i] = enet_host_connect(enet.hosts[i], &address, 1, 0);
        MUSTER_ASSERT(enet.peers[i] != NULL);
        for (int exchange = 0; exchange < 4; exchange++) {
            enet_serve(enet.hosts[i]);
            enet_serve(enet.server);
        }
    }
    const uint64_t deadline_us = clock_monotonic_us() + 10000000;
    while (enet.connected_count < 2 * CLIENT_COUNT && clock_monotonic_us() < deadline_us) {
        enet_serve(enet.server);
        for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
            enet_serve(enet.hosts[i]);
        }
    }
    MUSTER_ASSERT(enet.connected_count == 2 * CLIENT_COUNT);
    // Otherwise ENet drops packets by itself when round trips vary, as they do on a busy machine.
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        enet_peer_throttle_configure(enet.peers[i], 1000, ENET_PEER_PACKET_THROTTLE_SCALE, 0);
        enet_peer_throttle_configure(
            &enet.server->peers[i], 1000, ENET_PEER_PACKET_THROTTLE_SCALE, 0);
    }
}

static void peer_close(void)
{
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        enet_host_destroy(enet.hosts[i]);
    }
    enet_host_destroy(enet.server);
    enet_deinitialize();
}

static uint64_t peer_received_count(void)
{
    return enet.received_count;
}

#else

static void peer_open(void)
{
    fprintf(stderr, "udp_bench: no peer: built without ENet (Debian package libenet-dev)\n");
}

static void peer_close(void)
{
}

static uint64_t enet_tick(void)
{
    return 0;
}

static uint64_t peer_received_count(void)
{
    return 0;
}

#endif

static double round_ns(uint64_t (*tick)(void))
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < TICKS_PER_ROUND; i++) {
        ns += tick();
    }
    return (double)ns / (2.0 * CLIENT_COUNT * TICKS_PER_ROUND);
}

// Prints the figure, beside the peer's unless that is 0.
static void print_server(double ns, double peer_ns)
{
    printf("{\"bench\":\"udp\",\"metric\":\"server_packet\",\"value\":%.1f,\"unit\":\"ns\"", ns);
    if (peer_ns > 0) {
        printf(",\"peer\":\"enet-debian-plaintext\",\"peer_value\":%.1f,\"ratio\":%.3f", peer_ns,
            ns / peer_ns);
    }
    printf("}\n");
}

static void run_server(void)
{
    if (!muster_open()) {
        return;
    }
    peer_open();
    double muster_ns[ROUND_COUNT];
    double peer_ns[ROUND_COUNT];
    uint64_t peer_first_count = 0;
    for (int round = -1; round < ROUND_COUNT; round++) { // the first one warms up
        const int place = round < 0 ? 0 : round;
        muster_ns[place] = round_ns(muster_tick);
        peer_ns[place] = round_ns(enet_tick);
        if (round < 0) {
            server.received_count = 0;
            clients.received_count = 0;
            peer_first_count = peer_received_count();
        }
    }
    // A figure counts only if nothing was lost on the way.
    const uint64_t wanted = (uint64_t)CLIENT_COUNT * TICKS_PER_ROUND * ROUND_COUNT;
    const uint64_t peer_count = peer_received_count() - peer_first_count;
    if (server.received_count != wanted || clients.received_count != wanted) {
        fprintf(stderr, "udp_bench: server_packet skipped: packets were lost\n");
    } else if (peer_count != 2 * wanted) {
        print_server(median(muster_ns), 0);
        fprintf(stderr, "udp_bench: no peer: it lost %lld of %llu packets\n",
            (long long)(2 * wanted - peer_count), (unsigned long long)(2 * wanted));
    } else {
        print_server(median(muster_ns), median(peer_ns));
    }
    peer_close();
    muster_close();
}

int main(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; // two sockets for each client
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    slots_init(&in);
    slots_init(&out);
    const uint32_t lengths[] = {100, 500, 1200};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        run_raw("single", false, false, lengths[i]);
        run_raw("mmsg", true, false, lengths[i]);
        run_raw("gso", true, true, lengths[i]);
    }
    run_server();
    return EXIT_SUCCESS;
}
