// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Packet batches in memory for tests: slots with their bytes behind them.
///
///     static struct packets packets;
///     muster_packet_batch *batch = packets_reset(&packets);

#include "muster/packet.h"

#include <string.h>

#define PACKETS_CAPACITY 512

struct packets {
    muster_packet_batch batch;
    muster_packet slots[PACKETS_CAPACITY];
    uint8_t bytes[PACKETS_CAPACITY][MUSTER_PACKET_BYTES_MAX];
};

/// An empty batch on the packets' memory.
static inline muster_packet_batch *packets_reset(struct packets *packets)
{
    for (uint32_t i = 0; i < PACKETS_CAPACITY; i++) {
        packets->slots[i] = (muster_packet){.bytes = packets->bytes[i]};
    }
    packets->batch = (muster_packet_batch){
        .packets = packets->slots,
        .capacity = PACKETS_CAPACITY,
    };
    return &packets->batch;
}

/// An IPv4 address of the test's own.
static inline muster_address packets_address(uint8_t host, uint16_t port)
{
    return (muster_address){.ip = {127, 0, 0, host}, .port = port, .family = MUSTER_ADDRESS_IPV4};
}
