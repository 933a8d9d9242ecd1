// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A muster_address as the kernel has it, and back.

#include "muster/packet.h"

#include <netinet/in.h>
#include <sys/socket.h>

/// The kernel's form of an IPv4 or IPv6 address.
union socket_address {
    struct sockaddr any;      ///< For the calls that take one.
    struct sockaddr_in ipv4;  ///< Valid when any.sa_family is AF_INET.
    struct sockaddr_in6 ipv6; ///< Valid when any.sa_family is AF_INET6.
};

/// Writes `address` for a socket of family AF_INET or AF_INET6; IPv4 on the latter as mapped.
/// @return its length, or 0 if a socket of that family cannot reach the address
socklen_t socket_address_write(
    const muster_address *address, int family, union socket_address *out_address);

/// Reads what the kernel wrote; none for a family that is neither.
muster_address socket_address_read(const union socket_address *address);
