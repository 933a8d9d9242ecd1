// SPDX-License-Identifier: Apache-2.0
#pragma once

/// UDP sockets: many datagrams a system call, straight from and into the slots of a batch.
///
///     if (udp_wait(udp, 1000)) {
///         udp_receive(udp, &in);               // in.count packets, valid until the next receive
///     }
///     ... a part reads `in` and fills `out` ...
///     uint32_t done = udp_send(udp, &out, 0);  // fewer than out.count: the buffer is full, later
///
/// - Order: as given; datagrams to one destination are not reordered here.
/// - Memory: one allocation at creation, about 400 bytes for each packet of `call_packets_max`.
/// - Cost: one system call for up to `call_packets_max` packets. Runs of packets of equal length
///   to one destination travel through the kernel as one (UDP_SEGMENT). Where the kernel or the
///   device cannot do one of these, the socket goes on without it and udp_stats says so.
/// - Threads: a socket belongs to one thread at a time.
/// - Packets are never fragmented. One that is too long for its path is refused by the kernel,
///   counted, and shown by udp_pop_refused().

#include "drivers/error.h"
#include "muster/packet.h"

/// The most packets of one system call.
#define UDP_CALL_PACKETS_MAX 256

struct mmsghdr;
struct msghdr;
struct timespec;

/// The system calls a socket makes once it is open, so that tests can refuse them. Each behaves as
/// its namesake: a result, or -1 and errno.
struct udp_system {
    /// Receives several datagrams.
    int (*recvmmsg)(
        int file, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);

    /// Receives one.
    ptrdiff_t (*recvmsg)(int file, struct msghdr *message, int flags);

    /// Sends several datagrams.
    int (*sendmmsg)(int file, struct mmsghdr *messages, unsigned count, int flags);

    /// Sends one.
    ptrdiff_t (*sendmsg)(int file, const struct msghdr *message, int flags);
};

/// The kernel's own.
struct udp_system udp_kernel(void);

/// A socket. Opened and closed by its owner.
struct udp_socket;

/// What a socket is made from. Start from udp_default_def().
struct udp_def {
    /// Where to listen. Port 0 takes a free one; "[::]" listens on IPv4 too, whose addresses are
    /// then given and taken as IPv4. Default 127.0.0.1:0.
    muster_address address;

    /// Packets of one system call, in [1, UDP_CALL_PACKETS_MAX]. Default 64.
    uint32_t call_packets_max;

    /// Kernel buffers to ask for, each in [4,096, 1 GiB]; the kernel may grant less. Default 4 MiB.
    uint32_t receive_buffer_bytes;
    uint32_t send_buffer_bytes; ///< As above.

    /// Whether runs may travel as one. Default true.
    bool can_segment;

    /// Default udp_kernel().
    struct udp_system system;

    /// Where the socket's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
};

/// What a socket has done. Counts since it was opened.
struct udp_stats {
    uint64_t packets_sent;             ///< Taken by the kernel.
    uint64_t bytes_sent;               ///< Payload of those.
    uint64_t send_call_count;          ///< System calls made to send.
    uint64_t segmented_packets;        ///< Of packets_sent, those that travelled in a run.
    uint64_t send_blocked_count;       ///< Times the send buffer was full.
    uint64_t packets_refused_too_long; ///< Longer than their path carries.
    uint64_t packets_refused;          ///< Not sent for another reason: no route, a firewall.
    uint64_t packets_received;         ///< Given to the caller.
    uint64_t bytes_received;           ///< Payload of those.
    uint64_t receive_call_count;       ///< System calls made to receive.
    uint64_t packets_truncated;        ///< Arrived longer than a slot and were dropped.
    uint64_t packets_dropped;          ///< Lost by the kernel, mostly to a full receive buffer.
    uint32_t receive_buffer_bytes;     ///< What the kernel granted.
    uint32_t send_buffer_bytes;        ///< What the kernel granted.
    bool is_segmenting;                ///< Runs travel as one.
    bool is_batching_sends;            ///< Several packets a system call.
    bool is_batching_receives;         ///< Several packets a system call.
};

/// A packet the kernel would not send.
struct udp_refusal {
    muster_address address; ///< Where it was to go.
    uint32_t length;        ///< Its payload in bytes.
    int code;               ///< The errno value; EMSGSIZE when it was too long for its path.
};

/// A definition with every field at its default.
struct udp_def udp_default_def(void);

/// Opens a socket that never blocks.
/// @param out_error  told why on MUSTER_ERR_IO, its code EADDRINUSE for a port in use; may be NULL
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY,
///         MUSTER_ERR_IO
MUSTER_NODISCARD muster_status udp_open(
    const struct udp_def *def, struct udp_socket **out_socket, struct driver_error *out_error);

/// Closes a socket. Does nothing for NULL.
void udp_close(struct udp_socket *socket);

/// Where the socket listens, with the port that was taken.
muster_address udp_local_address(const struct udp_socket *socket);

/// From now on receives from one address only, which makes sending to it cheaper and lets the
/// network say that nothing listens there. The kernel chooses the socket's own IP address anew, by
/// the routes of this moment; a port that udp_open() was given stays, one that it took may change.
/// Packets to other addresses can still be sent.
/// @param address  none: from any address again
/// @return MUSTER_ERR_IO if there is no way to the address; the socket then receives from any
MUSTER_NODISCARD muster_status udp_connect(
    struct udp_socket *socket, const muster_address *address);

/// The address of udp_connect(); none for a socket that receives from any.
muster_address udp_peer_address(const struct udp_socket *socket);

/// What was said last against packets of this socket: an errno value, such as ECONNREFUSED when
/// nothing listens at the connected address. 0 if a packet has been received since.
int udp_path_code(const struct udp_socket *socket);

/// The file descriptor, for a caller that waits on several things at once. Not to be closed.
int udp_file(const struct udp_socket *socket);

/// Waits until a packet can be received, at most `timeout_us`; 0 only looks.
/// @return false when the time ran out or a signal came
bool udp_wait(struct udp_socket *socket, uint32_t timeout_us);

/// Receives what has arrived into the slots of `batch`, from the front, and sets its count. Never
/// waits. Slots may change places in the batch; each keeps its memory of at least
/// MUSTER_PACKET_BYTES_MAX bytes.
/// @return the new count
uint32_t udp_receive(struct udp_socket *socket, muster_packet_batch *batch);

/// Sends packets [first_index, count) of `batch`. Never waits: when the kernel's buffer is full it
/// stops, and the caller tries the rest later or drops it. Packets that are refused count as done.
/// @return the index of the first packet that is not done; `count` when all are
uint32_t udp_send(
    struct udp_socket *socket, const muster_packet_batch *batch, uint32_t first_index);

/// Takes the oldest refusal. At most 64 are kept; further ones are counted only.
/// @return false, leaving `out_refusal` alone, when there is none
bool udp_pop_refused(struct udp_socket *socket, struct udp_refusal *out_refusal);

/// What the socket has done so far.
struct udp_stats udp_read_stats(const struct udp_socket *socket);
