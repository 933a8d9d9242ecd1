// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include "harness/random.h"

#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BYTES_MAX 300

// Recorded logs hold these hashes, so they must never change.
static void hashes_are_the_same_everywhere(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    for (uint32_t i = 0; i < BYTES_MAX; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    assert_true(hash_bytes(NULL, 0, 0) == UINT64_C(0x6BC7886D72D5E956));
    assert_true(hash_bytes(bytes, 1, 0) == UINT64_C(0x28263C019B1CE560));
    assert_true(hash_bytes(bytes, 64, 5) == UINT64_C(0xF1A0B89E7A20D372));
    assert_true(hash_bytes(bytes, BYTES_MAX, 5) == UINT64_C(0x2CC15C0F60490612));
    assert_true(hash_combine(1, 2) == UINT64_C(0x6885857F8862A595));
}

static void every_bit_and_every_length_counts(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX] = {0};
    uint64_t random_state = 1;
    for (uint32_t i = 0; i < BYTES_MAX; i++) {
        bytes[i] = (uint8_t)random_next(&random_state);
    }
    for (size_t length = 1; length <= BYTES_MAX; length += 13) {
        const uint64_t hash = hash_bytes(bytes, length, 3);
        assert_true(hash != hash_bytes(bytes, length - 1, 3));
        assert_true(hash != hash_bytes(bytes, length, 4));
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_true(hash != hash_bytes(bytes, length, 3));
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

static void zeros_at_the_end_count(void **state)
{
    (void)state;
    const uint8_t zeros[BYTES_MAX] = {0};
    uint64_t hashes[BYTES_MAX];
    for (size_t length = 0; length < BYTES_MAX; length++) {
        hashes[length] = hash_bytes(zeros, length, 0);
        for (size_t i = 0; i < length; i++) {
            assert_true(hashes[i] != hashes[length]);
        }
    }
}

static void alignment_changes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX + 8];
    uint64_t first = 0;
    for (size_t offset = 0; offset < 8; offset++) {
        memset(bytes, 0xEE, sizeof bytes);
        for (uint32_t i = 0; i < BYTES_MAX; i++) {
            bytes[offset + i] = (uint8_t)i;
        }
        const uint64_t hash = hash_bytes(bytes + offset, BYTES_MAX, 0);
        first = offset == 0 ? hash : first;
        assert_true(hash == first);
    }
}

// Two changes that undo each other in a weak hash: equal bits in two words, words exchanged, and
// values that move from one entity to the next.
static void changes_do_not_cancel_out(void **state)
{
    (void)state;
    uint64_t words[64] = {0};
    const uint64_t hash = hash_bytes(words, sizeof words, 0);
    for (size_t i = 0; i < 64; i++) {
        for (size_t k = i + 1; k < 64; k++) {
            words[i] = words[k] = UINT64_C(1) << 63;
            assert_true(hash_bytes(words, sizeof words, 0) != hash);
            words[i] = 1;
            words[k] = UINT64_MAX;
            const uint64_t one_way = hash_bytes(words, sizeof words, 0);
            words[i] = UINT64_MAX;
            words[k] = 1;
            assert_true(hash_bytes(words, sizeof words, 0) != one_way);
            words[i] = words[k] = 0;
        }
    }
}

// A flipped bit changes half of the bits of the hash, give or take.
static void a_bit_reaches_all_bits_of_the_hash(void **state)
{
    (void)state;
    uint8_t bytes[128] = {0};
    uint32_t changed_count[64] = {0};
    const uint64_t hash = hash_bytes(bytes, sizeof bytes, 0);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        const uint64_t changed = hash ^ hash_bytes(bytes, sizeof bytes, 0);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        for (size_t i = 0; i < 64; i++) {
            changed_count[i] += (uint32_t)(changed >> i & 1);
        }
    }
    for (size_t i = 0; i < 64; i++) {
        assert_in_range(changed_count[i], 400, 624);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_the_same_everywhere),
        cmocka_unit_test(every_bit_and_every_length_counts),
        cmocka_unit_test(zeros_at_the_end_count),
        cmocka_unit_test(alignment_changes_nothing),
        cmocka_unit_test(changes_do_not_cancel_out),
        cmocka_unit_test(a_bit_reaches_all_bits_of_the_hash),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
