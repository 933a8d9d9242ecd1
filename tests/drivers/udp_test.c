// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // struct mmsghdr, unshare()

#include "drivers/udp.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOT_COUNT      200u
#define WAIT_US         5000000u
#define SEGMENT_MESSAGE "this kernel does not segment on loopback"

// A batch with its slots.
struct slots {
    muster_packet_batch batch;
    muster_packet packets[SLOT_COUNT];
    uint8_t bytes[SLOT_COUNT][MUSTER_PACKET_BYTES_MAX];
};

static void slots_init(struct slots *slots)
{
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = SLOT_COUNT};
}

// Adds a packet whose every byte is `fill`.
static void slots_add(struct slots *slots, muster_address to, uint32_t length, int fill)
{
    muster_packet *packet = &slots->packets[slots->batch.count++];
    packet->address = to;
    packet->length = length;
    memset(packet->bytes, fill, length);
}

static void assert_packet(const muster_packet *packet, uint32_t length, int fill)
{
    assert_int_equal(packet->length, length);
    for (uint32_t i = 0; i < length; i++) {
        assert_int_equal(packet->bytes[i], fill);
    }
}

static struct udp_socket *open_on(const char *address, const struct udp_system *system)
{
    struct udp_def def = udp_default_def();
    assert_int_equal(muster_address_parse(address, &def.address), MUSTER_OK);
    if (system != NULL) {
        def.system = *system;
    }
    struct udp_socket *socket;
    struct driver_error error = {0};
    const muster_status status = udp_open(&def, &socket, &error);
    if (status != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    return socket;
}

// Receives until `count` packets have come. They are gathered in `slots`.
static void receive_all(struct udp_socket *socket, struct slots *slots, uint32_t count)
{
    uint32_t got = 0;
    while (got < count) {
        assert_true(udp_wait(socket, WAIT_US));
        muster_packet_batch rest = {
            .packets = slots->packets + got,
            .capacity = slots->batch.capacity - got,
        };
        got += udp_receive(socket, &rest);
    }
    assert_int_equal(got, count);
    slots->batch.count = got;
}

// The kernel behind a mask that refuses what a test says. One test at a time uses it.
static struct {
    int run_error;          // errno for a message of several packets; 0 lets it through
    uint32_t length_max;    // packets longer than this are refused with EMSGSIZE
    bool has_no_mmsg;       // the calls for several messages answer ENOSYS
    uint32_t messages_left; // before EAGAIN
    uint32_t interrupts;    // calls to interrupt with EINTR first
} mask;

static void mask_reset(void)
{
    memset(&mask, 0, sizeof mask);
    mask.length_max = UINT32_MAX;
    mask.messages_left = UINT32_MAX;
}

static int refuse_with(int code)
{
    errno = code;
    return -1;
}

static ptrdiff_t masked_sendmsg(int file, const struct msghdr *message, int flags)
{
    if (mask.interrupts > 0) {
        mask.interrupts--;
        return refuse_with(EINTR);
    }
    if (message->msg_iovlen > 1 && mask.run_error != 0) {
        return refuse_with(mask.run_error);
    }
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        if (message->msg_iov[i].iov_len > mask.length_max) {
            return refuse_with(EMSGSIZE);
        }
    }
    if (mask.messages_left == 0) {
        return refuse_with(EAGAIN);
    }
    mask.messages_left--;
    return udp_kernel().sendmsg(file, message, flags);
}

static int masked_sendmmsg(int file, struct mmsghdr *messages, unsigned count, int flags)
{
    if (mask.has_no_mmsg) {
        return refuse_with(ENOSYS);
    }
    for (unsigned i = 0; i < count; i++) {
        if (masked_sendmsg(file, &messages[i].msg_hdr, flags) < 0) {
            return i == 0 ? -1 : (int)i;
        }
    }
    return (int)count;
}

static int masked_recvmmsg(
    int file, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (mask.interrupts > 0) {
        mask.interrupts--;
        return refuse_with(EINTR);
    }
    if (mask.has_no_mmsg) {
        return refuse_with(ENOSYS);
    }
    return udp_kernel().recvmmsg(file, messages, count, flags, timeout);
}

static struct udp_system masked_system(void)
{
    struct udp_system system = udp_kernel();
    system.sendmsg = masked_sendmsg;
    system.sendmmsg = masked_sendmmsg;
    system.recvmmsg = masked_recvmmsg;
    return system;
}

// Two sockets on loopback: `sender` behind the mask, `receiver` beside it.
struct pair {
    struct udp_socket *sender;
    struct udp_socket *receiver;
    muster_address to;
    struct slots out;
    struct slots in;
};

static int setup(void **state)
{
    static struct pair pair;
    mask_reset();
    const struct udp_system system = masked_system();
    pair.sender = open_on("127.0.0.1:0", &system);
    pair.receiver = open_on("127.0.0.1:0", NULL);
    pair.to = udp_local_address(pair.receiver);
    slots_init(&pair.out);
    slots_init(&pair.in);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    udp_close(pair->sender);
    udp_close(pair->receiver);
    return 0;
}

static void open_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    struct udp_def bad[8];
    for (size_t i = 0; i < 8; i++) {
        bad[i] = udp_default_def();
    }
    bad[0].address.family = MUSTER_ADDRESS_NONE;
    bad[1].call_packets_max = 0;
    bad[2].call_packets_max = UDP_CALL_PACKETS_MAX + 1;
    bad[3].receive_buffer_bytes = 4095;
    bad[4].send_buffer_bytes = (1u << 30) + 1;
    bad[5].system.recvmmsg = NULL;
    bad[6].system.sendmsg = NULL;
    bad[7].allocator.free = NULL;
    for (size_t i = 0; i < 8; i++) {
        struct udp_socket *socket;
        assert_int_equal(udp_open(&bad[i], &socket, NULL), MUSTER_ERR_INVALID);
        assert_null(socket);
    }
}

static void open_gives_everything_back_when_memory_is_out(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    struct udp_def def = udp_default_def();
    def.allocator = failing_heap_allocator(&heap);
    struct udp_socket *socket;
    assert_int_equal(udp_open(&def, &socket, NULL), MUSTER_ERR_NO_MEMORY);
    assert_null(socket);
    heap.alloc_count_max = 1;
    assert_int_equal(udp_open(&def, &socket, NULL), MUSTER_OK);
    udp_close(socket);
    assert_int_equal(heap.bytes_live, 0);
    udp_close(NULL);
}

static void a_port_in_use_is_named(void **state)
{
    struct pair *pair = *state;
    struct udp_def def = udp_default_def();
    def.address = pair->to;
    struct udp_socket *socket;
    struct driver_error error = {0};
    assert_int_equal(udp_open(&def, &socket, &error), MUSTER_ERR_IO);
    assert_null(socket);
    assert_int_equal(error.code, EADDRINUSE);
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&pair->to, text);
    assert_non_null(strstr(error.text, text));
    assert_non_null(strstr(error.text, "in use"));
}

static void buffers_are_granted_and_reported(void **state)
{
    struct pair *pair = *state;
    const struct udp_stats stats = udp_read_stats(pair->receiver);
    assert_true(stats.receive_buffer_bytes >= 64 * 1024);
    assert_true(stats.send_buffer_bytes >= 64 * 1024);
}

static void packets_arrive_as_they_were_sent(void **state)
{
    struct pair *pair = *state;
    for (uint32_t i = 0; i < 150; i++) {
        slots_add(&pair->out, pair->to, (i * 37) % (MUSTER_PACKET_BYTES_MAX + 1), (int)i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 150);
    receive_all(pair->receiver, &pair->in, 150);

    const muster_address from = udp_local_address(pair->sender);
    for (uint32_t i = 0; i < 150; i++) {
        assert_packet(&pair->in.packets[i], (i * 37) % (MUSTER_PACKET_BYTES_MAX + 1), (int)i);
        assert_true(muster_address_is_equal(&pair->in.packets[i].address, &from));
    }
    const struct udp_stats sent = udp_read_stats(pair->sender);
    const struct udp_stats received = udp_read_stats(pair->receiver);
    assert_int_equal(sent.packets_sent, 150);
    assert_int_equal(received.packets_received, 150);
    assert_int_equal(sent.bytes_sent, received.bytes_received);
    assert_int_equal(udp_receive(pair->receiver, &pair->in.batch), 0);
    assert_false(udp_wait(pair->receiver, 0));
}

static void sending_starts_where_it_is_told(void **state)
{
    struct pair *pair = *state;
    for (int i = 0; i < 5; i++) {
        slots_add(&pair->out, pair->to, 10, i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 5), 5);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 3), 5);
    receive_all(pair->receiver, &pair->in, 2);
    assert_packet(&pair->in.packets[0], 10, 3);
    assert_packet(&pair->in.packets[1], 10, 4);
}

static void a_small_batch_leaves_the_rest_for_later(void **state)
{
    struct pair *pair = *state;
    for (int i = 0; i < 5; i++) {
        slots_add(&pair->out, pair->to, 10, i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 5);
    pair->in.batch.capacity = 3;
    receive_all(pair->receiver, &pair->in, 3);
    assert_packet(&pair->in.packets[2], 10, 2);
    receive_all(pair->receiver, &pair->in, 2);
    assert_packet(&pair->in.packets[1], 10, 4);
}

static void a_packet_longer_than_a_slot_is_dropped_without_a_hole(void **state)
{
    struct pair *pair = *state;
    // Sent past the driver, which has no such packets.
    struct udp_socket *other = open_on("127.0.0.1:0", NULL);
    const uint32_t lengths[] = {10, 4000, MUSTER_PACKET_BYTES_MAX + 1, 20, 3000, 30};
    static uint8_t bytes[4000];
    struct sockaddr_storage name;
    socklen_t name_bytes = sizeof name;
    assert_int_equal(
        getsockname(udp_file(pair->receiver), (struct sockaddr *)&name, &name_bytes), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(bytes, (int)i, sizeof bytes);
        assert_int_equal(
            sendto(udp_file(other), bytes, lengths[i], 0, (struct sockaddr *)&name, name_bytes),
            lengths[i]);
    }
    receive_all(pair->receiver, &pair->in, 3);
    assert_packet(&pair->in.packets[0], 10, 0);
    assert_packet(&pair->in.packets[1], 20, 3);
    assert_packet(&pair->in.packets[2], 30, 5);
    assert_int_equal(udp_read_stats(pair->receiver).packets_truncated, 3);

    // Each slot kept a memory of its own.
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_ptr_not_equal(pair->in.packets[i].bytes, pair->in.packets[k].bytes);
        }
    }
    udp_close(other);
}

static void runs_to_one_address_travel_as_one(void **state)
{
    struct pair *pair = *state;
    struct udp_socket *other = open_on("127.0.0.1:0", NULL);
    const muster_address other_to = udp_local_address(other);
    // Runs: 0-3 with a shorter last one, 4-5, then one for somebody else, 7-8, and 9 empty.
    const uint32_t lengths[] = {500, 500, 500, 40, 300, 300, 300, 300, 300, 0};
    for (uint32_t i = 0; i < 10; i++) {
        slots_add(&pair->out, i == 6 ? other_to : pair->to, lengths[i], (int)i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 10);
    receive_all(pair->receiver, &pair->in, 9);
    for (uint32_t i = 0, k = 0; i < 10; i++) {
        if (i != 6) {
            assert_packet(&pair->in.packets[k++], lengths[i], (int)i);
        }
    }
    receive_all(other, &pair->in, 1);
    assert_packet(&pair->in.packets[0], 300, 6);
    const struct udp_stats stats = udp_read_stats(pair->sender);
    assert_int_equal(stats.packets_sent, 10);
    if (!stats.is_segmenting) {
        print_message("%s\n", SEGMENT_MESSAGE);
    } else {
        assert_int_equal(stats.segmented_packets, 8);
        assert_int_equal(stats.send_call_count, 1);
    }
    udp_close(other);
}

static void a_long_run_is_cut_to_what_the_kernel_takes(void **state)
{
    struct pair *pair = *state;
    for (uint32_t i = 0; i < 150; i++) {
        slots_add(&pair->out, pair->to, MUSTER_PACKET_BYTES_MAX, (int)i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 150);
    receive_all(pair->receiver, &pair->in, 150);
    for (uint32_t i = 0; i < 150; i++) {
        assert_packet(&pair->in.packets[i], MUSTER_PACKET_BYTES_MAX, (int)i);
    }
}

static void a_socket_that_must_not_segment_does_not(void **state)
{
    struct pair *pair = *state;
    struct udp_def def = udp_default_def();
    def.can_segment = false;
    struct udp_socket *sender;
    assert_int_equal(udp_open(&def, &sender, NULL), MUSTER_OK);
    slots_add(&pair->out, pair->to, 100, 1);
    slots_add(&pair->out, pair->to, 100, 2);
    assert_int_equal(udp_send(sender, &pair->out.batch, 0), 2);
    assert_int_equal(udp_read_stats(sender).segmented_packets, 0);
    receive_all(pair->receiver, &pair->in, 2);
    udp_close(sender);
}

static void a_device_that_cannot_segment_ends_segmenting(void **state)
{
    const int codes[] = {EIO, EINVAL, EMSGSIZE};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(setup(state), 0);
        struct pair *pair = *state;
        mask.run_error = codes[i];
        for (int k = 0; k < 6; k++) {
            slots_add(&pair->out, pair->to, 200, k);
        }
        assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 6);
        receive_all(pair->receiver, &pair->in, 6);
        for (int k = 0; k < 6; k++) {
            assert_packet(&pair->in.packets[k], 200, k);
        }
        const struct udp_stats stats = udp_read_stats(pair->sender);
        assert_false(stats.is_segmenting);
        assert_int_equal(stats.packets_sent, 6);
        assert_int_equal(stats.packets_refused + stats.packets_refused_too_long, 0);
        assert_int_equal(teardown(state), 0);
    }
}

static void a_narrow_path_refuses_its_packets_and_nothing_else(void **state)
{
    struct pair *pair = *state;
    mask.length_max = 600;
    const uint32_t lengths[] = {1200, 1200, 500, 400, 1000, 100};
    for (uint32_t i = 0; i < 6; i++) {
        slots_add(&pair->out, pair->to, lengths[i], (int)i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 6);
    receive_all(pair->receiver, &pair->in, 3);
    assert_packet(&pair->in.packets[0], 500, 2);
    assert_packet(&pair->in.packets[1], 400, 3);
    assert_packet(&pair->in.packets[2], 100, 5);

    const struct udp_stats stats = udp_read_stats(pair->sender);
    assert_int_equal(stats.packets_refused_too_long, 3);
    assert_true(stats.is_segmenting); // one client's path must not slow down the others
    const uint32_t refused[] = {1200, 1200, 1000};
    for (int i = 0; i < 3; i++) {
        struct udp_refusal refusal;
        assert_true(udp_pop_refused(pair->sender, &refusal));
        assert_int_equal(refusal.length, refused[i]);
        assert_int_equal(refusal.code, EMSGSIZE);
        assert_true(muster_address_is_equal(&refusal.address, &pair->to));
    }
    struct udp_refusal none;
    assert_false(udp_pop_refused(pair->sender, &none));
}

static void a_kernel_without_batches_is_called_packet_by_packet(void **state)
{
    struct pair *pair = *state;
    mask.has_no_mmsg = true;
    const struct udp_system system = masked_system();
    struct udp_socket *receiver = open_on("127.0.0.1:0", &system);
    const muster_address to = udp_local_address(receiver);
    for (uint32_t i = 0; i < 20; i++) {
        slots_add(&pair->out, to, 100 + i, (int)i);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 20);
    receive_all(receiver, &pair->in, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_packet(&pair->in.packets[i], 100 + i, (int)i);
    }
    assert_false(udp_read_stats(pair->sender).is_batching_sends);
    assert_false(udp_read_stats(receiver).is_batching_receives);
    udp_close(receiver);
}

static void a_full_buffer_stops_the_send_where_it_is(void **state)
{
    struct pair *pair = *state;
    for (uint32_t i = 0; i < 10; i++) {
        slots_add(&pair->out, pair->to, 100 + i, (int)i); // growing lengths: no runs
    }
    mask.messages_left = 4;
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 4);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 4), 4);
    assert_int_equal(udp_read_stats(pair->sender).send_blocked_count, 2);
    mask.messages_left = UINT32_MAX;
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 4), 10);
    receive_all(pair->receiver, &pair->in, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_packet(&pair->in.packets[i], 100 + i, (int)i);
    }
    assert_int_equal(udp_read_stats(pair->sender).packets_sent, 10);
}

static void a_buffer_that_fills_in_a_refused_run_loses_nothing(void **state)
{
    struct pair *pair = *state;
    for (int i = 0; i < 6; i++) {
        slots_add(&pair->out, pair->to, 100, i);
    }
    mask.run_error = EIO;
    mask.messages_left = 2;
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 2);
    mask.messages_left = UINT32_MAX;
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 2), 6);
    receive_all(pair->receiver, &pair->in, 6);
    for (int i = 0; i < 6; i++) {
        assert_packet(&pair->in.packets[i], 100, i);
    }
}

static void an_interrupted_call_is_made_again(void **state)
{
    struct pair *pair = *state;
    mask.interrupts = 2;
    slots_add(&pair->out, pair->to, 100, 1);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 1);
    receive_all(pair->receiver, &pair->in, 1);

    pair->out.packets[0].address = udp_local_address(pair->sender);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 1);
    mask.interrupts = 2;
    receive_all(pair->sender, &pair->in, 1);
}

static void an_address_out_of_reach_is_refused_alone(void **state)
{
    struct pair *pair = *state;
    muster_address ipv6;
    assert_int_equal(muster_address_parse("[::1]:9", &ipv6), MUSTER_OK);
    slots_add(&pair->out, ipv6, 100, 0);
    slots_add(&pair->out, pair->to, 100, 1);
    slots_add(&pair->out, ipv6, 100, 2);
    slots_add(&pair->out, pair->to, 100, 3);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 4);
    receive_all(pair->receiver, &pair->in, 2);
    assert_packet(&pair->in.packets[0], 100, 1);
    assert_packet(&pair->in.packets[1], 100, 3);
    assert_int_equal(udp_read_stats(pair->sender).packets_refused, 2);
}

static void refusals_beyond_the_kept_ones_are_counted(void **state)
{
    struct pair *pair = *state;
    mask.length_max = 10;
    for (uint32_t i = 0; i < 100; i++) {
        slots_add(&pair->out, pair->to, 11 + i, 0);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 100);
    assert_int_equal(udp_read_stats(pair->sender).packets_refused_too_long, 100);
    struct udp_refusal refusal;
    for (uint32_t i = 0; i < 64; i++) {
        assert_true(udp_pop_refused(pair->sender, &refusal));
        assert_int_equal(refusal.length, 11 + i);
    }
    assert_false(udp_pop_refused(pair->sender, &refusal));
}

static void one_socket_serves_both_families(void **state)
{
    struct pair *pair = *state;
    struct udp_def def = udp_default_def();
    struct udp_socket *both;
    struct driver_error error;
    assert_int_equal(muster_address_parse("[::]:0", &def.address), MUSTER_OK);
    if (udp_open(&def, &both, &error) != MUSTER_OK) {
        print_message("no IPv6 here: %s\n", error.text);
        skip();
    }
    struct udp_socket *ipv6 = open_on("[::1]:0", NULL);
    muster_address to4 = udp_local_address(pair->sender);
    muster_address to6 = udp_local_address(ipv6);
    to4.port = udp_local_address(both).port;
    to6.port = to4.port;
    slots_add(&pair->out, to4, 100, 4);
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 1);
    pair->out.packets[0].address = to6;
    assert_int_equal(udp_send(ipv6, &pair->out.batch, 0), 1);

    // Each answer goes back to where its packet came from.
    receive_all(both, &pair->in, 2);
    assert_int_equal(pair->in.packets[0].address.family, MUSTER_ADDRESS_IPV4);
    assert_int_equal(pair->in.packets[1].address.family, MUSTER_ADDRESS_IPV6);
    assert_int_equal(udp_send(both, &pair->in.batch, 0), 2);
    receive_all(pair->sender, &pair->out, 1);
    receive_all(ipv6, &pair->out, 1);
    udp_close(ipv6);
    udp_close(both);
}

// Sets the path of loopback to `mtu` bytes in a network of this thread's own.
static bool make_narrow_loopback(int mtu)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    const int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};
    request.ifr_mtu = mtu;
    bool is_done = ioctl(file, SIOCSIFMTU, &request) == 0;
    request.ifr_flags = IFF_UP;
    is_done = is_done && ioctl(file, SIOCSIFFLAGS, &request) == 0;
    close(file);
    return is_done;
}

static void *send_on_a_narrow_path(void *argument)
{
    bool *out_is_possible = argument;
    *out_is_possible = make_narrow_loopback(1000);
    if (!*out_is_possible) {
        return NULL;
    }
    static struct slots out;
    static struct slots in;
    slots_init(&out);
    slots_init(&in);
    struct udp_socket *sender = open_on("127.0.0.1:0", NULL);
    struct udp_socket *receiver = open_on("127.0.0.1:0", NULL);
    const muster_address to = udp_local_address(receiver);
    slots_add(&out, to, 1200, 1);
    slots_add(&out, to, 1200, 2);
    slots_add(&out, to, 900, 3);
    slots_add(&out, to, 1100, 4);
    slots_add(&out, to, 972, 5);
    assert_int_equal(udp_send(sender, &out.batch, 0), 5);
    assert_int_equal(udp_read_stats(sender).packets_refused_too_long, 3);
    assert_true(udp_read_stats(sender).is_segmenting);
    receive_all(receiver, &in, 2);
    assert_packet(&in.packets[0], 900, 3);
    assert_packet(&in.packets[1], 972, 5);
    udp_close(sender);
    udp_close(receiver);
    return NULL;
}

static void packets_are_refused_rather_than_fragmented(void **state)
{
    (void)state;
    bool is_possible = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_on_a_narrow_path, &is_possible), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (!is_possible) {
        print_message("this user may not make a network of its own\n");
        skip();
    }
}

static void packets_the_kernel_drops_are_counted(void **state)
{
    struct pair *pair = *state;
    struct udp_def def = udp_default_def();
    def.receive_buffer_bytes = 4096;
    struct udp_socket *small;
    assert_int_equal(udp_open(&def, &small, NULL), MUSTER_OK);
    const muster_address to = udp_local_address(small);
    for (uint32_t i = 0; i < 100; i++) {
        slots_add(&pair->out, to, 1000 + i, 0);
    }
    assert_int_equal(udp_send(pair->sender, &pair->out.batch, 0), 100);
    const uint32_t got = udp_receive(small, &pair->in.batch);
    assert_true(got < 100);
    assert_int_equal(got + udp_read_stats(small).packets_dropped, 100);
    udp_close(small);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_refuses_a_definition_out_of_range),
        cmocka_unit_test(open_gives_everything_back_when_memory_is_out),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(buffers_are_granted_and_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_arrive_as_they_were_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(sending_starts_where_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_small_batch_leaves_the_rest_for_later, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_packet_longer_than_a_slot_is_dropped_without_a_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_to_one_address_travel_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_long_run_is_cut_to_what_the_kernel_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_must_not_segment_does_not, setup, teardown),
        cmocka_unit_test(a_device_that_cannot_segment_ends_segmenting),
        cmocka_unit_test_setup_teardown(
            a_narrow_path_refuses_its_packets_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_kernel_without_batches_is_called_packet_by_packet, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_buffer_stops_the_send_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_buffer_that_fills_in_a_refused_run_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_call_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_out_of_reach_is_refused_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_beyond_the_kept_ones_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(one_socket_serves_both_families, setup, teardown),
        cmocka_unit_test(packets_are_refused_rather_than_fragmented),
        cmocka_unit_test_setup_teardown(packets_the_kernel_drops_are_counted, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
