// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Two ends of a session and the packet that travels between them.
///
///     struct pair pair = pair_create();
///     carry(&pair, 0, token); // from end 0 to end 1
///     pair_destroy(&pair);

#include "muster/session.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define PACKET_MAX MUSTER_SESSION_PACKET_BYTES_MAX

struct pair {
    muster_session_pool *pools[2];
    muster_session *ends[2];
    uint64_t now_us;
    uint8_t packet[PACKET_MAX];
    uint32_t length;
    muster_session_received received;
};

static inline muster_session_pool_def small_def(void)
{
    muster_session_pool_def def = muster_session_pool_default_def();
    def.receive_fragment_count = 8;
    def.send_fragment_count = 16;
    def.session_send_fragment_count_max = 16;
    return def;
}

static inline struct pair pair_with(muster_session_pool_def def)
{
    struct pair pair = {.now_us = 1000000};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(muster_session_pool_create(&def, &pair.pools[i]), MUSTER_OK);
        assert_int_equal(muster_session_pool_acquire(pair.pools[i], &pair.ends[i]), MUSTER_OK);
    }
    return pair;
}

static inline struct pair pair_create(void)
{
    return pair_with(muster_session_pool_default_def());
}

static inline void pair_destroy(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        muster_session_pool_release(pair->pools[i], pair->ends[i]);
        muster_session_pool_destroy(pair->pools[i]);
    }
}

// Writes a packet with every fragment that fits and one blob (of `blob_length` bytes of value 7),
// unless the length is 0.
static inline void write_from(struct pair *pair, int from, uint32_t blob_length, uint64_t token)
{
    muster_session *session = pair->ends[from];
    assert_int_equal(
        muster_session_begin_packet(session, pair->now_us, pair->packet, PACKET_MAX, PACKET_MAX),
        MUSTER_OK);
    if (blob_length > 0) {
        uint8_t *bytes;
        uint32_t capacity;
        assert_int_equal(muster_session_begin_blob(session, 5, true, &bytes, &capacity), MUSTER_OK);
        assert_in_range(blob_length, 0, capacity);
        memset(bytes, 7, blob_length);
        muster_session_end_blob(session, blob_length);
    }
    pair->length = muster_session_end_packet(session, token);
}

static inline muster_status read_at(struct pair *pair, int to)
{
    return muster_session_read(
        pair->ends[to], pair->now_us, pair->packet, pair->length, &pair->received);
}

static inline void carry(struct pair *pair, int from, uint64_t token)
{
    write_from(pair, from, 0, token);
    assert_int_equal(read_at(pair, 1 - from), MUSTER_OK);
    assert_true(pair->received.is_fresh);
}

static inline void assert_next_fate(struct pair *pair, int end, uint64_t token, bool is_acked)
{
    muster_session_fate fate = {0};
    assert_true(muster_session_pop_fate(pair->ends[end], &fate));
    assert_int_equal(fate.token, token);
    assert_int_equal(fate.is_acked, is_acked);
}

static inline void assert_no_fate(struct pair *pair, int end)
{
    muster_session_fate fate;
    assert_false(muster_session_pop_fate(pair->ends[end], &fate));
}

// What a test sends.
static uint8_t message_bytes[MUSTER_SESSION_MESSAGE_BYTES_MAX];

static inline void fill_message(uint32_t length, uint8_t seed)
{
    for (uint32_t i = 0; i < length; i++) {
        message_bytes[i] = (uint8_t)(seed + i * 7 + i / 251);
    }
}

static inline void assert_message(
    const muster_session_message *message, uint16_t kind, uint32_t length, uint8_t seed)
{
    assert_int_equal(message->kind, kind);
    assert_int_equal(message->length, length);
    fill_message(length, seed);
    assert_memory_equal(message->bytes, message_bytes, length);
}
