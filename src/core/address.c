// SPDX-License-Identifier: Apache-2.0
#include "core/address.h"

#include "core/assert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

// The text of an IPv6 address without brackets and port, with its closing zero.
#define IP_TEXT_BYTES INET6_ADDRSTRLEN

_Static_assert(sizeof(muster_address) == 20, "no padding, so that bytes may be compared");
_Static_assert(IP_TEXT_BYTES + sizeof "[]:65535" <= MUSTER_ADDRESS_TEXT_BYTES, "room for all");

// The first 12 bytes of an IPv4 address written as an IPv6 address.
static const uint8_t ipv4_mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

// Reads one to five digits that end the text.
static bool parse_port(const char *text, uint16_t *out_port)
{
    uint32_t port = 0;
    uint32_t digit_count = 0;
    for (; text[digit_count] >= '0' && text[digit_count] <= '9' && digit_count < 5; digit_count++) {
        port = port * 10 + (uint32_t)(text[digit_count] - '0');
    }
    *out_port = (uint16_t)port;
    return digit_count >= 1 && text[digit_count] == '\0' && port <= UINT16_MAX;
}

void address_unmap(muster_address *address)
{
    MUSTER_ASSERT(address != NULL);
    if (address->family != MUSTER_ADDRESS_IPV6 ||
        memcmp(address->ip, ipv4_mapped_prefix, sizeof ipv4_mapped_prefix) != 0) {
        return;
    }
    address->family = MUSTER_ADDRESS_IPV4;
    memcpy(address->ip, address->ip + sizeof ipv4_mapped_prefix, 4);
    memset(address->ip + 4, 0, sizeof address->ip - 4);
}

static bool parse_ip(const char *text, int family, muster_address *out_address)
{
    if (inet_pton(family, text, out_address->ip) != 1) {
        return false;
    }
    out_address->family = family == AF_INET ? MUSTER_ADDRESS_IPV4 : MUSTER_ADDRESS_IPV6;
    address_unmap(out_address);
    return true;
}

muster_address muster_address_of_link(uint32_t number)
{
    MUSTER_ASSERT(number != 0);
    return (muster_address){
        .ip = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
            (uint8_t)number},
        .family = MUSTER_ADDRESS_LINK,
    };
}

uint32_t muster_address_link(const muster_address *address)
{
    MUSTER_ASSERT(address != NULL);
    const uint8_t *bytes = address->ip;
    return address->family != MUSTER_ADDRESS_LINK
               ? 0
               : (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                     bytes[3];
}

muster_status muster_address_parse(const char *text, muster_address *out_address)
{
    MUSTER_ASSERT(text != NULL);
    MUSTER_ASSERT(out_address != NULL);
    *out_address = (muster_address){0};

    const bool is_ipv6 = text[0] == '[';
    const char *ip_begin = is_ipv6 ? text + 1 : text;
    const size_t ip_bytes = strcspn(ip_begin, is_ipv6 ? "]" : ":");
    const char *rest = ip_begin + ip_bytes;
    if (ip_bytes >= IP_TEXT_BYTES || (is_ipv6 && *rest != ']')) {
        return MUSTER_ERR_MALFORMED;
    }
    rest += is_ipv6 ? 1 : 0;

    char ip_text[IP_TEXT_BYTES] = {0};
    memcpy(ip_text, ip_begin, ip_bytes);
    muster_address address = {0};
    if (!parse_ip(ip_text, is_ipv6 ? AF_INET6 : AF_INET, &address)) {
        return MUSTER_ERR_MALFORMED;
    }
    if (*rest != '\0' && (*rest != ':' || !parse_port(rest + 1, &address.port))) {
        return MUSTER_ERR_MALFORMED;
    }
    *out_address = address;
    return MUSTER_OK;
}

void muster_address_print(const muster_address *address, char out_text[MUSTER_ADDRESS_TEXT_BYTES])
{
    MUSTER_ASSERT(address != NULL);
    MUSTER_ASSERT(out_text != NULL);

    if (address->family == MUSTER_ADDRESS_LINK) {
        snprintf(
            out_text, MUSTER_ADDRESS_TEXT_BYTES, "link:%u", (unsigned)muster_address_link(address));
        return;
    }
    const bool is_ipv4 = address->family == MUSTER_ADDRESS_IPV4;
    if (!is_ipv4 && address->family != MUSTER_ADDRESS_IPV6) {
        memcpy(out_text, "none", sizeof "none");
        return;
    }
    char ip_text[IP_TEXT_BYTES];
    const char *printed =
        inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address->ip, ip_text, sizeof ip_text);
    MUSTER_ASSERT(printed == ip_text);
    snprintf(out_text, MUSTER_ADDRESS_TEXT_BYTES, is_ipv4 ? "%s:%u" : "[%s]:%u", ip_text,
        (unsigned)address->port);
}

bool muster_address_is_equal(const muster_address *a, const muster_address *b)
{
    MUSTER_ASSERT(a != NULL);
    MUSTER_ASSERT(b != NULL);
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}
