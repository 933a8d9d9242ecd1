// SPDX-License-Identifier: Apache-2.0
#include "core/ring.h"

#include "harness/failing_heap.h"
#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#define RECORD_COUNT 200000u

static struct ring *ring_of(uint32_t capacity_bytes)
{
    struct ring_def def = ring_default_def();
    def.capacity_bytes = capacity_bytes;
    struct ring *ring;
    assert_int_equal(ring_create(&def, &ring), MUSTER_OK);
    return ring;
}

static void assert_pops(struct ring *ring, const char *text)
{
    const void *bytes;
    uint32_t length;
    assert_true(ring_peek(ring, &bytes, &length));
    assert_int_equal(length, strlen(text));
    assert_memory_equal(bytes, text, length);
    ring_release(ring);
}

static void push_text(struct ring *ring, const char *text)
{
    assert_int_equal(ring_push(ring, text, (uint32_t)strlen(text)), MUSTER_OK);
}

static void create_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    const uint32_t bad[] = {0, 32, 63, 65, 96, (1u << 30) + 1, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ring_def def = ring_default_def();
        def.capacity_bytes = bad[i];
        struct ring *ring;
        assert_int_equal(ring_create(&def, &ring), MUSTER_ERR_INVALID);
        assert_null(ring);
    }
    struct ring_def def = ring_default_def();
    def.allocator.alloc = NULL;
    struct ring *ring;
    assert_int_equal(ring_create(&def, &ring), MUSTER_ERR_INVALID);
}

static void memory_is_taken_once_and_given_back(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    struct ring_def def = ring_default_def();
    def.allocator = failing_heap_allocator(&heap);
    struct ring *ring;
    assert_int_equal(ring_create(&def, &ring), MUSTER_ERR_NO_MEMORY);
    assert_null(ring);

    heap.alloc_count_max = 1;
    assert_int_equal(ring_create(&def, &ring), MUSTER_OK);
    push_text(ring, "left behind");
    ring_destroy(ring);
    assert_int_equal(heap.bytes_live, 0);
    ring_destroy(NULL);
}

static void records_come_out_in_order_and_whole(void **state)
{
    (void)state;
    struct ring *ring = ring_of(256);
    const void *bytes;
    uint32_t length;
    assert_false(ring_peek(ring, &bytes, &length));
    assert_null(bytes);

    push_text(ring, "one");
    push_text(ring, "");
    push_text(ring, "three");
    assert_pops(ring, "one");
    assert_pops(ring, "");
    assert_pops(ring, "three");
    assert_false(ring_peek(ring, &bytes, &length));
    ring_destroy(ring);
}

static void a_peek_changes_nothing(void **state)
{
    (void)state;
    struct ring *ring = ring_of(64);
    push_text(ring, "same");
    for (int i = 0; i < 3; i++) {
        const void *bytes;
        uint32_t length;
        assert_true(ring_peek(ring, &bytes, &length));
        assert_int_equal(length, 4);
    }
    assert_pops(ring, "same");
    ring_destroy(ring);
}

static void a_reservation_is_invisible_until_it_is_committed(void **state)
{
    (void)state;
    struct ring *ring = ring_of(64);
    void *room;
    const void *bytes;
    uint32_t length;
    assert_int_equal(ring_reserve(ring, 20, &room), MUSTER_OK);
    assert_false(ring_peek(ring, &bytes, &length));

    // The second reservation takes the first one's place, and may be cut short by the commit.
    assert_int_equal(ring_reserve(ring, 24, &room), MUSTER_OK);
    memcpy(room, "abc", 3);
    ring_commit(ring, 3);
    assert_pops(ring, "abc");
    assert_false(ring_peek(ring, &bytes, &length));
    ring_destroy(ring);
}

static void a_full_ring_refuses_and_recovers(void **state)
{
    (void)state;
    struct ring *ring = ring_of(64);
    for (int i = 0; i < 4; i++) {
        push_text(ring, "12345678"); // 16 bytes with its header
    }
    void *room;
    assert_int_equal(ring_reserve(ring, 0, &room), MUSTER_ERR_FULL);
    assert_null(room);
    assert_int_equal(ring_push(ring, "x", 1), MUSTER_ERR_FULL);

    assert_pops(ring, "12345678");
    push_text(ring, "again");
    assert_int_equal(ring_push(ring, "", 0), MUSTER_ERR_FULL);
    for (int i = 0; i < 3; i++) {
        assert_pops(ring, "12345678");
    }
    assert_pops(ring, "again");
    ring_destroy(ring);
}

static void an_empty_ring_takes_the_longest_record_at_every_offset(void **state)
{
    (void)state;
    struct ring *ring = ring_of(128);
    const uint32_t length_max = ring_record_bytes_max(ring);
    assert_int_equal(length_max, 56);
    char longest[57];
    memset(longest, 'y', 56);
    longest[56] = '\0';
    for (int i = 0; i < 64; i++) {
        push_text(ring, longest);
        assert_pops(ring, longest);
        push_text(ring, "");
        assert_pops(ring, "");
    }
    ring_destroy(ring);
}

static void records_are_aligned_to_8(void **state)
{
    (void)state;
    struct ring *ring = ring_of(256);
    for (uint32_t length = 0; length < 200; length++) {
        void *room;
        const void *bytes;
        uint32_t seen;
        assert_int_equal(ring_reserve(ring, length % 33, &room), MUSTER_OK);
        assert_int_equal((uintptr_t)room % 8, 0);
        ring_commit(ring, length % 33);
        assert_true(ring_peek(ring, &bytes, &seen));
        assert_ptr_equal(bytes, room);
        ring_release(ring);
    }
    ring_destroy(ring);
}

// Both sides derive record i from i alone, so each byte is checked without sharing anything else.
static uint32_t record_length(uint64_t index)
{
    return (uint32_t)(random_next(&index) % 60);
}

static void *produce(void *argument)
{
    struct ring *ring = argument;
    for (uint64_t i = 0; i < RECORD_COUNT; i++) {
        const uint32_t length = record_length(i);
        void *room;
        // Reserving more than the record needs, as an encoder does.
        while (ring_reserve(ring, length + (uint32_t)(i % 50), &room) != MUSTER_OK) {
            sched_yield();
        }
        memset(room, (int)(i & 0xFF), length);
        ring_commit(ring, length);
    }
    return NULL;
}

static void two_threads_pass_every_record_once(void **state)
{
    (void)state;
    struct ring *ring = ring_of(512);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);

    for (uint64_t i = 0; i < RECORD_COUNT; i++) {
        const uint8_t *bytes;
        uint32_t length;
        const void *record;
        while (!ring_peek(ring, &record, &length)) {
            sched_yield();
        }
        bytes = record;
        assert_int_equal(length, record_length(i));
        for (uint32_t k = 0; k < length; k++) {
            if (bytes[k] != (i & 0xFF)) {
                fail_msg("record %llu byte %u", (unsigned long long)i, k);
            }
        }
        ring_release(ring);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    const void *record;
    uint32_t length;
    assert_false(ring_peek(ring, &record, &length));
    ring_destroy(ring);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_refuses_a_definition_out_of_range),
        cmocka_unit_test(memory_is_taken_once_and_given_back),
        cmocka_unit_test(records_come_out_in_order_and_whole),
        cmocka_unit_test(a_peek_changes_nothing),
        cmocka_unit_test(a_reservation_is_invisible_until_it_is_committed),
        cmocka_unit_test(a_full_ring_refuses_and_recovers),
        cmocka_unit_test(an_empty_ring_takes_the_longest_record_at_every_offset),
        cmocka_unit_test(records_are_aligned_to_8),
        cmocka_unit_test(two_threads_pass_every_record_once),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
