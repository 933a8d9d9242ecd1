// SPDX-License-Identifier: Apache-2.0
#include "drivers/linux/socket_address.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

socklen_t socket_address_write(
    const muster_address *address, int family, union socket_address *out_address)
{
    if (family == AF_INET && address->family == MUSTER_ADDRESS_IPV4) {
        out_address->ipv4 = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = htons(address->port),
        };
        memcpy(&out_address->ipv4.sin_addr, address->ip, 4);
        return sizeof out_address->ipv4;
    }
    if (family != AF_INET6 || address->family == MUSTER_ADDRESS_NONE) {
        return 0;
    }
    out_address->ipv6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6,
        .sin6_port = htons(address->port),
    };
    uint8_t *ip = out_address->ipv6.sin6_addr.s6_addr;
    if (address->family == MUSTER_ADDRESS_IPV4) {
        memcpy(ip, mapped_prefix, sizeof mapped_prefix);
        memcpy(ip + sizeof mapped_prefix, address->ip, 4);
    } else {
        memcpy(ip, address->ip, 16);
    }
    return sizeof out_address->ipv6;
}

muster_address socket_address_read(const union socket_address *address)
{
    muster_address result = {0};
    if (address->any.sa_family == AF_INET) {
        result.family = MUSTER_ADDRESS_IPV4;
        result.port = ntohs(address->ipv4.sin_port);
        memcpy(result.ip, &address->ipv4.sin_addr, 4);
    } else if (address->any.sa_family == AF_INET6) {
        const uint8_t *ip = address->ipv6.sin6_addr.s6_addr;
        const bool is_mapped = memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
        result.family = is_mapped ? MUSTER_ADDRESS_IPV4 : MUSTER_ADDRESS_IPV6;
        result.port = ntohs(address->ipv6.sin6_port);
        memcpy(result.ip, is_mapped ? ip + sizeof mapped_prefix : ip, is_mapped ? 4 : 16);
    }
    return result;
}
