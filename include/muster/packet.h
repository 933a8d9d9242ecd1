// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Datagrams and where they go: what network parts and the socket driver hand each other.
///
/// The driver owns batches of fixed slots. A part that sends writes bytes and address straight
/// into free slots; a part that receives reads the slots in place until its call returns. Nothing
/// is copied between a part and the system call.

#include "muster/base.h"

/// Bytes of one slot, the largest UDP payload Muster sends or receives. With IPv6 and UDP headers
/// it makes 1,280 bytes, which every IPv6 path carries.
#define MUSTER_PACKET_BYTES_MAX 1232

/// What kind of address a muster_address holds.
typedef enum muster_address_family {
    /// No address.
    MUSTER_ADDRESS_NONE = 0,
    /// The number of a link, in the first four bytes; muster/link.h says what a link is.
    MUSTER_ADDRESS_LINK = 1,
    /// Four bytes.
    MUSTER_ADDRESS_IPV4 = 4,
    /// Sixteen bytes.
    MUSTER_ADDRESS_IPV6 = 6,
} muster_address_family;

/// An IP address and a UDP or TCP port, or a link. Zero is no address. IPv4-mapped IPv6 addresses
/// are kept as IPv4, so that one client has one address.
typedef struct muster_address {
    /// Network order; IPv4 and a link's number in the first four bytes, the rest zero.
    uint8_t ip[16];

    /// The port in host order; 0 for a link.
    uint16_t port;

    /// A muster_address_family.
    uint8_t family;

    /// Always 0, so that addresses may be compared and hashed as bytes.
    uint8_t zero;
} muster_address;

/// One datagram in a slot.
typedef struct muster_packet {
    /// Where it goes, or where it came from.
    muster_address address;

    /// Bytes in use, at most MUSTER_PACKET_BYTES_MAX; only the ticket of a link is longer.
    uint32_t length;

    /// The slot's memory.
    uint8_t *bytes;
} muster_packet;

/// Slots to fill or to read. Owned by a driver, or by a test.
typedef struct muster_packet_batch {
    /// `capacity` slots.
    muster_packet *packets;

    /// The number of slots.
    uint32_t capacity;

    /// Slots in use, from the front.
    uint32_t count;
} muster_packet_batch;

/// Room for an address as text, with its closing zero: "[" 45 characters "]:65535".
#define MUSTER_ADDRESS_TEXT_BYTES 56

/// Reads "127.0.0.1:7777" or "[::1]:7777". A missing port is 0.
/// @param out_address  set to the address, or to none on failure
/// @return MUSTER_ERR_MALFORMED
MUSTER_API MUSTER_NODISCARD muster_status muster_address_parse(
    const char *text, muster_address *out_address);

/// Writes an address as muster_address_parse() reads it; "none" for no address, and "link:7" for a
/// link, which it does not read: a host may be called so.
MUSTER_API void muster_address_print(
    const muster_address *address, char out_text[MUSTER_ADDRESS_TEXT_BYTES]);

/// True if family, IP address and port, or the numbers of links, are equal.
MUSTER_API bool muster_address_is_equal(const muster_address *a, const muster_address *b);

/// The address of a link.
/// @param number  not 0
MUSTER_API muster_address muster_address_of_link(uint32_t number);

/// The number of a link, 0 for an address that is not one.
MUSTER_API uint32_t muster_address_link(const muster_address *address);
