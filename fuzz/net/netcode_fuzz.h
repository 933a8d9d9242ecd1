// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the fuzz targets of the netcode server and client share: input bytes, slots, tokens.

#include "muster/netcode_client.h"
#include "muster/netcode_server.h"

#include "core/assert.h"

#include <string.h>

#define FUZZ_SLOT_COUNT  8
#define FUZZ_PROTOCOL_ID 7
#define FUZZ_UNIX_S      1800000000

struct input {
    const uint8_t *bytes;
    size_t length;
};

struct slots {
    muster_packet_batch batch;
    muster_packet packets[FUZZ_SLOT_COUNT];
    uint8_t bytes[FUZZ_SLOT_COUNT][MUSTER_PACKET_BYTES_MAX];
};

static inline uint8_t take_byte(struct input *input)
{
    if (input->length == 0) {
        return 0;
    }
    input->length--;
    return *input->bytes++;
}

/// Up to `length` bytes; returns how many there were.
static inline uint32_t take_bytes(struct input *input, uint8_t *out_bytes, uint32_t length)
{
    const uint32_t taken = input->length < length ? (uint32_t)input->length : length;
    memcpy(out_bytes, input->bytes, taken);
    input->bytes += taken;
    input->length -= taken;
    return taken;
}

static inline void slots_reset(struct slots *slots, uint32_t capacity)
{
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = capacity};
    for (uint32_t i = 0; i < FUZZ_SLOT_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
}

/// One of 256 addresses of both families.
static inline muster_address fuzz_address(uint8_t number)
{
    return (muster_address){
        .ip = {10, number},
        .port = 1000,
        .family = number % 2 == 0 ? MUSTER_ADDRESS_IPV4 : MUSTER_ADDRESS_IPV6,
    };
}

static inline muster_address fuzz_server_address(void)
{
    return (muster_address){.ip = {192, 0, 2, 1}, .port = 7777, .family = MUSTER_ADDRESS_IPV4};
}

/// The token of a client number, for the fuzzed server.
static inline muster_connect_token_def fuzz_token_def(uint8_t number, uint64_t unix_s)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = FUZZ_PROTOCOL_ID;
    def.client_id = number;
    def.create_unix_s = unix_s;
    def.expire_unix_s = unix_s + 30;
    def.timeout_s = 5;
    def.address_count = 1;
    def.addresses[0] = fuzz_server_address();
    memset(def.nonce, number, sizeof def.nonce);
    memset(def.client_to_server_key, number, sizeof def.client_to_server_key);
    memset(def.server_to_client_key, number + 1, sizeof def.server_to_client_key);
    return def;
}
