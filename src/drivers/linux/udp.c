// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // recvmmsg(), sendmmsg(), ppoll()

#include "drivers/udp.h"

#include "core/assert.h"
#include "drivers/linux/socket_address.h"
#include "drivers/linux/udp_file.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Sending cuts a batch into messages: runs of packets to one destination, all of one length but
// for a shorter last one, which the kernel segments, and single packets. When a message fails, its
// run is sent again as single packets. If these go, the kernel or the device cannot segment and
// the socket stops trying; if they are refused too, it was the path, and nothing is learnt.

#define REFUSAL_COUNT_MAX 64u
#define RUN_PACKETS_MAX   64u    // the kernel's UDP_MAX_SEGMENTS
#define RUN_BYTES_MAX     64000u // below the 65,507 of the longest datagram
#define BUFFER_BYTES_MIN  4096u
#define BUFFER_BYTES_MAX  (1u << 30)

union segment_control {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr header; // aligns the bytes
};

struct udp_socket {
    muster_allocator allocator;
    struct udp_system system;
    int file;
    int family;
    uint32_t call_packets_max;
    muster_address local_address;
    muster_address peer_address; // none: not connected
    int path_code;
    struct udp_stats stats;
    struct udp_refusal refusals[REFUSAL_COUNT_MAX];
    uint32_t refusal_first;
    uint32_t refusal_count;

    // One for each packet of a call.
    struct mmsghdr *messages;
    struct iovec *pieces;
    union socket_address *addresses;
    union segment_control *controls;
};

// Opening.

struct udp_def udp_default_def(void)
{
    return (struct udp_def){
        .address = {.family = MUSTER_ADDRESS_IPV4, .ip = {127, 0, 0, 1}},
        .call_packets_max = 64,
        .receive_buffer_bytes = 4u << 20,
        .send_buffer_bytes = 4u << 20,
        .can_segment = true,
        .system = udp_kernel(),
        .allocator = muster_heap_allocator(),
    };
}

static bool def_is_valid(const struct udp_def *def)
{
    const struct udp_system *system = &def->system;
    return def->address.family != MUSTER_ADDRESS_NONE && def->call_packets_max >= 1 &&
           def->call_packets_max <= UDP_CALL_PACKETS_MAX &&
           def->receive_buffer_bytes >= BUFFER_BYTES_MIN &&
           def->receive_buffer_bytes <= BUFFER_BYTES_MAX &&
           def->send_buffer_bytes >= BUFFER_BYTES_MIN &&
           def->send_buffer_bytes <= BUFFER_BYTES_MAX && system->recvmmsg != NULL &&
           system->recvmsg != NULL && system->sendmmsg != NULL && system->sendmsg != NULL &&
           def->allocator.alloc != NULL && def->allocator.free != NULL;
}

static size_t socket_bytes(uint32_t call_packets_max)
{
    return sizeof(struct udp_socket) +
           (size_t)call_packets_max *
               (sizeof(struct mmsghdr) + sizeof(struct iovec) + sizeof(union socket_address) +
                   sizeof(union segment_control));
}

// Allocates the socket with its arrays, all 8-byte aligned.
static struct udp_socket *socket_alloc(const struct udp_def *def)
{
    _Static_assert(sizeof(struct udp_socket) % 8 == 0 && sizeof(struct mmsghdr) % 8 == 0 &&
                       sizeof(struct iovec) % 8 == 0 && sizeof(union segment_control) % 8 == 0,
        "the arrays must be aligned one after the other");

    const size_t bytes = socket_bytes(def->call_packets_max);
    struct udp_socket *socket =
        def->allocator.alloc(def->allocator.context, bytes, _Alignof(struct udp_socket));
    if (socket == NULL) {
        return NULL;
    }
    memset(socket, 0, bytes);
    socket->messages = (void *)(socket + 1);
    socket->pieces = (void *)(socket->messages + def->call_packets_max);
    socket->controls = (void *)(socket->pieces + def->call_packets_max);
    socket->addresses = (void *)(socket->controls + def->call_packets_max);
    return socket;
}

muster_status udp_open(
    const struct udp_def *def, struct udp_socket **out_socket, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_socket != NULL);
    *out_socket = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const int family = def->address.family == MUSTER_ADDRESS_IPV4 ? AF_INET : AF_INET6;
    muster_address local_address;
    const int file = udp_file_open(&def->address, family, &local_address);
    if (file < 0) {
        char text[MUSTER_ADDRESS_TEXT_BYTES];
        const int code = errno;
        muster_address_print(&def->address, text);
        driver_error_write(out_error, code, "cannot listen on UDP %s", text);
        return MUSTER_ERR_IO;
    }

    struct udp_socket *made = socket_alloc(def);
    if (made == NULL) {
        close(file);
        return MUSTER_ERR_NO_MEMORY;
    }
    made->allocator = def->allocator;
    made->system = def->system;
    made->file = file;
    made->family = family;
    made->call_packets_max = def->call_packets_max;
    made->local_address = local_address;
    made->stats = (struct udp_stats){
        .is_segmenting = def->can_segment,
        .is_batching_sends = true,
        .is_batching_receives = true,
        .receive_buffer_bytes =
            udp_file_set_buffer(file, SO_RCVBUF, SO_RCVBUFFORCE, def->receive_buffer_bytes),
        .send_buffer_bytes =
            udp_file_set_buffer(file, SO_SNDBUF, SO_SNDBUFFORCE, def->send_buffer_bytes),
    };
    *out_socket = made;
    return MUSTER_OK;
}

void udp_close(struct udp_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    close(socket->file);
    const muster_allocator allocator = socket->allocator;
    allocator.free(allocator.context, socket, socket_bytes(socket->call_packets_max));
}

muster_address udp_local_address(const struct udp_socket *socket)
{
    MUSTER_ASSERT(socket != NULL);
    return socket->local_address;
}

static bool is_connected(const struct udp_socket *socket)
{
    return socket->peer_address.family != MUSTER_ADDRESS_NONE;
}

muster_status udp_connect(struct udp_socket *socket, const muster_address *address)
{
    MUSTER_ASSERT(socket != NULL);
    MUSTER_ASSERT(address != NULL);

    // A connected socket keeps its own address, even one that this machine no longer has, until
    // its connection is dissolved.
    if (is_connected(socket)) {
        const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
        (void)connect(socket->file, &nobody, sizeof nobody);
        socket->peer_address = (muster_address){0};
    }
    if (address->family == MUSTER_ADDRESS_NONE) {
        return MUSTER_OK;
    }
    union socket_address peer;
    const socklen_t length = socket_address_write(address, socket->family, &peer);
    if (length == 0 || connect(socket->file, &peer.any, length) != 0) {
        socket->path_code = length == 0 ? EAFNOSUPPORT : errno;
        return MUSTER_ERR_IO;
    }
    socket->peer_address = *address;
    return MUSTER_OK;
}

muster_address udp_peer_address(const struct udp_socket *socket)
{
    MUSTER_ASSERT(socket != NULL);
    return socket->peer_address;
}

int udp_path_code(const struct udp_socket *socket)
{
    MUSTER_ASSERT(socket != NULL);
    return socket->path_code;
}

int udp_file(const struct udp_socket *socket)
{
    MUSTER_ASSERT(socket != NULL);
    return socket->file;
}

bool udp_wait(struct udp_socket *socket, uint32_t timeout_us)
{
    MUSTER_ASSERT(socket != NULL);
    const struct timespec timeout = {
        .tv_sec = timeout_us / 1000000,
        .tv_nsec = (long)(timeout_us % 1000000) * 1000,
    };
    struct pollfd poll_file = {.fd = socket->file, .events = POLLIN};
    return ppoll(&poll_file, 1, &timeout, NULL) == 1;
}

// Receiving.

// Points the first `count` messages at the batch's slots from `first` on.
static void prepare_receive(
    struct udp_socket *socket, const muster_packet_batch *batch, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        socket->pieces[i] = (struct iovec){
            .iov_base = batch->packets[first + i].bytes,
            .iov_len = MUSTER_PACKET_BYTES_MAX,
        };
        socket->messages[i] = (struct mmsghdr){
            .msg_hdr =
                {
                    .msg_name = &socket->addresses[i],
                    .msg_namelen = sizeof socket->addresses[i],
                    .msg_iov = &socket->pieces[i],
                    .msg_iovlen = 1,
                },
        };
    }
}

// Receives up to `count` messages. Returns how many; 0 when nothing has arrived.
static uint32_t receive_messages(struct udp_socket *socket, uint32_t count)
{
    for (;;) {
        ptrdiff_t result;
        socket->stats.receive_call_count++;
        if (socket->stats.is_batching_receives) {
            result = socket->system.recvmmsg(socket->file, socket->messages, count, 0, NULL);
        } else {
            result = socket->system.recvmsg(socket->file, &socket->messages[0].msg_hdr, 0);
            if (result >= 0) {
                socket->messages[0].msg_len = (unsigned)result;
                result = 1;
            }
        }
        if (result >= 0) {
            return (uint32_t)result;
        }
        if (errno == ENOSYS && socket->stats.is_batching_receives) {
            socket->stats.is_batching_receives = false;
        } else if (errno != EINTR) {
            // Anything but EAGAIN is what the network said of a packet that was sent.
            socket->path_code = errno == EAGAIN ? socket->path_code : errno;
            return 0;
        }
    }
}

// Takes message `i` into the batch's next slot. The slot it arrived in changes places with that
// one, so that a dropped packet leaves no hole.
static void accept_message(
    struct udp_socket *socket, muster_packet_batch *batch, uint32_t i, uint32_t slot)
{
    const struct mmsghdr *message = &socket->messages[i];
    if ((message->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        socket->stats.packets_truncated++;
        return;
    }
    muster_packet *arrived = &batch->packets[slot];
    muster_packet *next = &batch->packets[batch->count];
    uint8_t *const bytes = arrived->bytes;
    arrived->bytes = next->bytes;
    *next = (muster_packet){
        .address = socket_address_read(&socket->addresses[i]),
        .length = message->msg_len,
        .bytes = bytes,
    };
    batch->count++;
    socket->path_code = 0;
    socket->stats.packets_received++;
    socket->stats.bytes_received += message->msg_len;
}

uint32_t udp_receive(struct udp_socket *socket, muster_packet_batch *batch)
{
    MUSTER_ASSERT(socket != NULL);
    MUSTER_ASSERT(batch != NULL);

    batch->count = 0;
    while (batch->count < batch->capacity) {
        const uint32_t first = batch->count;
        const uint32_t room = batch->capacity - first;
        const uint32_t wanted = room < socket->call_packets_max ? room : socket->call_packets_max;
        prepare_receive(socket, batch, first, wanted);
        const uint32_t got = receive_messages(socket, wanted);
        for (uint32_t i = 0; i < got; i++) {
            accept_message(socket, batch, i, first + i);
        }
        // Fewer than asked for: the queue is empty, and asking again would cost a call to learn it.
        if (got == 0 || (got < wanted && socket->stats.is_batching_receives)) {
            break;
        }
    }
    return batch->count;
}

// Sending.

static void refuse(struct udp_socket *socket, const muster_packet *packet, int code)
{
    if (code == EMSGSIZE) {
        socket->stats.packets_refused_too_long++;
    } else {
        socket->stats.packets_refused++;
        socket->path_code = code;
    }
    if (socket->refusal_count == REFUSAL_COUNT_MAX) {
        return;
    }
    const uint32_t index = (socket->refusal_first + socket->refusal_count) % REFUSAL_COUNT_MAX;
    socket->refusals[index] = (struct udp_refusal){
        .address = packet->address,
        .length = packet->length,
        .code = code,
    };
    socket->refusal_count++;
}

// The number of packets from `first` on that can travel as one message; 1 for a single packet.
static uint32_t run_length(
    const struct udp_socket *socket, const muster_packet_batch *batch, uint32_t first, uint32_t end)
{
    const muster_packet *head = &batch->packets[first];
    uint32_t bytes = head->length;
    uint32_t count = 1;
    if (!socket->stats.is_segmenting || head->length == 0) {
        return count;
    }
    while (first + count < end && count < RUN_PACKETS_MAX) {
        const muster_packet *next = &batch->packets[first + count];
        const bool fits = next->length <= head->length && next->length > 0 &&
                          bytes + next->length <= RUN_BYTES_MAX;
        if (!fits || !muster_address_is_equal(&next->address, &head->address)) {
            break;
        }
        bytes += next->length;
        count++;
        if (next->length < head->length) {
            break; // only the last may be shorter
        }
    }
    return count;
}

// Writes the message of `count` packets from `first` on. False if the socket's family cannot
// reach the address.
static bool write_message(struct udp_socket *socket,
    uint32_t message_index,
    uint32_t piece_index,
    const muster_packet *packets,
    uint32_t count)
{
    union socket_address *address = NULL; // that which the socket is connected to
    socklen_t address_bytes = 0;
    if (!is_connected(socket) ||
        !muster_address_is_equal(&packets[0].address, &socket->peer_address)) {
        address = &socket->addresses[message_index];
        address_bytes = socket_address_write(&packets[0].address, socket->family, address);
        if (address_bytes == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        MUSTER_ASSERT(packets[i].length <= MUSTER_PACKET_BYTES_MAX);
        socket->pieces[piece_index + i] = (struct iovec){
            .iov_base = packets[i].bytes,
            .iov_len = packets[i].length,
        };
    }
    struct msghdr *header = &socket->messages[message_index].msg_hdr;
    *header = (struct msghdr){
        .msg_name = address,
        .msg_namelen = address_bytes,
        .msg_iov = &socket->pieces[piece_index],
        .msg_iovlen = count,
    };
    if (count > 1) {
        union segment_control *control = &socket->controls[message_index];
        const uint16_t segment_bytes = (uint16_t)packets[0].length;
        header->msg_control = control;
        header->msg_controllen = sizeof control->bytes;
        struct cmsghdr *entry = CMSG_FIRSTHDR(header);
        entry->cmsg_level = SOL_UDP;
        entry->cmsg_type = UDP_SEGMENT;
        entry->cmsg_len = CMSG_LEN(sizeof segment_bytes);
        memcpy(CMSG_DATA(entry), &segment_bytes, sizeof segment_bytes);
    }
    return true;
}

// Fills messages with packets [first, end). Stops before one that cannot be addressed.
static uint32_t write_messages(
    struct udp_socket *socket, const muster_packet_batch *batch, uint32_t first, uint32_t end)
{
    uint32_t message_count = 0;
    for (uint32_t next = first; next < end;) {
        const uint32_t count = run_length(socket, batch, next, end);
        if (!write_message(socket, message_count, next - first, &batch->packets[next], count)) {
            break;
        }
        next += count;
        message_count++;
    }
    return message_count;
}

// Sends messages from the front. Returns how many went, or -1 with errno set if the first did not.
static int send_messages(struct udp_socket *socket, uint32_t count)
{
    for (;;) {
        int result;
        socket->stats.send_call_count++;
        if (socket->stats.is_batching_sends) {
            result = socket->system.sendmmsg(socket->file, socket->messages, count, 0);
        } else {
            result =
                socket->system.sendmsg(socket->file, &socket->messages[0].msg_hdr, 0) < 0 ? -1 : 1;
        }
        if (result >= 0) {
            return result;
        }
        if (errno == ENOSYS && socket->stats.is_batching_sends) {
            socket->stats.is_batching_sends = false;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

// Accounts for one message that went. Returns its packets.
static uint32_t count_sent(struct udp_socket *socket, uint32_t message_index)
{
    const struct msghdr *header = &socket->messages[message_index].msg_hdr;
    const uint32_t count = (uint32_t)header->msg_iovlen;
    socket->stats.packets_sent += count;
    socket->stats.segmented_packets += count > 1 ? count : 0;
    for (uint32_t i = 0; i < count; i++) {
        socket->stats.bytes_sent += header->msg_iov[i].iov_len;
    }
    return count;
}

static bool is_buffer_full(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == ENOBUFS;
}

// Sends one packet alone. False if the buffer is full.
static bool send_single(struct udp_socket *socket, const muster_packet *packet, int *out_code)
{
    *out_code = 0;
    if (!write_message(socket, 0, 0, packet, 1)) {
        *out_code = EAFNOSUPPORT;
    } else if (send_messages(socket, 1) == 1) {
        (void)count_sent(socket, 0);
    } else {
        *out_code = errno;
    }
    if (is_buffer_full(*out_code)) {
        socket->stats.send_blocked_count++;
        return false;
    }
    if (*out_code != 0) {
        refuse(socket, packet, *out_code);
    }
    return true;
}

// Sends again, one by one, the run of packets that was refused as one message with `run_code`.
// Returns the index of the first packet not done.
static uint32_t send_run_singly(struct udp_socket *socket,
    const muster_packet_batch *batch,
    uint32_t first,
    uint32_t count,
    int run_code)
{
    bool has_refused = false;
    for (uint32_t i = first; i < first + count; i++) {
        int code;
        if (!send_single(socket, &batch->packets[i], &code)) {
            return i;
        }
        has_refused = has_refused || code != 0;
    }
    // EIO is what a device without checksum offload answers. The others may also be the path's, and
    // on a connected socket they may be about an earlier packet.
    if (run_code == EIO || (!has_refused && !is_connected(socket))) {
        socket->stats.is_segmenting = false;
    }
    return first + count;
}

uint32_t udp_send(struct udp_socket *socket, const muster_packet_batch *batch, uint32_t first_index)
{
    MUSTER_ASSERT(socket != NULL);
    MUSTER_ASSERT(batch != NULL);
    MUSTER_ASSERT(first_index <= batch->count && batch->count <= batch->capacity);

    uint32_t next = first_index;
    while (next < batch->count) {
        const uint32_t left = batch->count - next;
        const uint32_t count = left < socket->call_packets_max ? left : socket->call_packets_max;
        const uint32_t message_count = write_messages(socket, batch, next, next + count);
        if (message_count == 0) {
            refuse(socket, &batch->packets[next++], EAFNOSUPPORT);
            continue;
        }
        const int sent = send_messages(socket, message_count);
        for (int i = 0; i < sent; i++) {
            next += count_sent(socket, (uint32_t)i);
        }
        if (sent >= 0) {
            continue; // the next turn begins with the message that stopped this one, if any
        }
        const int code = errno;
        const uint32_t run_count = (uint32_t)socket->messages[0].msg_hdr.msg_iovlen;
        if (is_buffer_full(code)) {
            socket->stats.send_blocked_count++;
            return next;
        }
        if (run_count > 1) {
            const uint32_t run_end = next + run_count;
            next = send_run_singly(socket, batch, next, run_count, code);
            if (next < run_end) {
                return next;
            }
        } else {
            refuse(socket, &batch->packets[next++], code);
        }
    }
    return next;
}

bool udp_pop_refused(struct udp_socket *socket, struct udp_refusal *out_refusal)
{
    MUSTER_ASSERT(socket != NULL);
    MUSTER_ASSERT(out_refusal != NULL);
    if (socket->refusal_count == 0) {
        return false;
    }
    *out_refusal = socket->refusals[socket->refusal_first];
    socket->refusal_first = (socket->refusal_first + 1) % REFUSAL_COUNT_MAX;
    socket->refusal_count--;
    return true;
}

struct udp_stats udp_read_stats(const struct udp_socket *socket)
{
    MUSTER_ASSERT(socket != NULL);
    struct udp_stats stats = socket->stats;
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof memory;
    if (getsockopt(socket->file, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0) {
        stats.packets_dropped = memory[SK_MEMINFO_DROPS];
    }
    return stats;
}
