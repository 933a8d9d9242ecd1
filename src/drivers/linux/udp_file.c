// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // recvmmsg(), sendmmsg()

#include "drivers/linux/udp_file.h"

#include "drivers/linux/socket_address.h"
#include "drivers/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

static int kernel_recvmmsg(
    int file, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    return recvmmsg(file, messages, count, flags, timeout);
}

static ptrdiff_t kernel_recvmsg(int file, struct msghdr *message, int flags)
{
    return recvmsg(file, message, flags);
}

static int kernel_sendmmsg(int file, struct mmsghdr *messages, unsigned count, int flags)
{
    return sendmmsg(file, messages, count, flags);
}

static ptrdiff_t kernel_sendmsg(int file, const struct msghdr *message, int flags)
{
    return sendmsg(file, message, flags);
}

struct udp_system udp_kernel(void)
{
    return (struct udp_system){
        .recvmmsg = kernel_recvmmsg,
        .recvmsg = kernel_recvmsg,
        .sendmmsg = kernel_sendmmsg,
        .sendmsg = kernel_sendmsg,
    };
}

// The kernel doubles what it is asked for to cover its own bookkeeping, and reports the double.
// FORCE goes beyond its limit where this process may.
uint32_t udp_file_set_buffer(int file, int option, int force_option, uint32_t bytes)
{
    const int wanted = (int)bytes;
    if (setsockopt(file, SOL_SOCKET, force_option, &wanted, sizeof wanted) != 0) {
        (void)setsockopt(file, SOL_SOCKET, option, &wanted, sizeof wanted);
    }
    int granted = 0;
    socklen_t length = sizeof granted;
    (void)getsockopt(file, SOL_SOCKET, option, &granted, &length);
    return (uint32_t)granted / 2;
}

// Forbids fragments, for both families of a socket that has two.
static bool forbid_fragments(int file, int family)
{
    const int mode = IP_PMTUDISC_DO;
    const int mode6 = IPV6_PMTUDISC_DO;
    if (family == AF_INET6 &&
        setsockopt(file, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &mode6, sizeof mode6) != 0) {
        return false;
    }
    return setsockopt(file, IPPROTO_IP, IP_MTU_DISCOVER, &mode, sizeof mode) == 0;
}

int udp_file_open(const muster_address *address, int family, muster_address *out_local)
{
    const int file = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
    if (file < 0) {
        return -1;
    }
    const int only_ipv6 = 0;
    union socket_address local;
    socklen_t length = socket_address_write(address, family, &local);
    if ((family == AF_INET6 &&
            setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6) != 0) ||
        !forbid_fragments(file, family) || bind(file, &local.any, length) != 0) {
        goto fail;
    }
    length = sizeof local;
    if (getsockname(file, &local.any, &length) != 0) {
        goto fail;
    }
    *out_local = socket_address_read(&local);
    return file;

fail:;
    const int code = errno;
    close(file);
    errno = code;
    return -1;
}
