// SPDX-License-Identifier: Apache-2.0
#include "wire/bits.h"

#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PUT_COUNT    200
#define BUFFER_BYTES (PUT_COUNT * 8)

static uint64_t seed = 1;

// What a random stream is made of, kept beside it.
struct put {
    uint64_t value;
    uint32_t bit_count;
};

static void random_puts(uint64_t *random_state, struct put puts[PUT_COUNT])
{
    for (int i = 0; i < PUT_COUNT; i++) {
        puts[i].bit_count = (uint32_t)(random_next(random_state) % 65);
        puts[i].value = random_next(random_state) & bits_mask(puts[i].bit_count);
    }
}

static void bits_lie_least_significant_first(void **state)
{
    (void)state;
    uint8_t bytes[3];
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    bits_put(&writer, 1, 1);
    bits_put(&writer, 0, 2);
    bits_put(&writer, 0x1FF, 9);
    bits_put_bool(&writer, true);

    assert_int_equal(bit_writer_finish(&writer), 2);
    assert_int_equal(bytes[0], 0xF9);
    assert_int_equal(bytes[1], 0x1F);
}

static void a_mask_holds_the_lowest_bits(void **state)
{
    (void)state;
    assert_int_equal(bits_mask(0), 0);
    assert_int_equal(bits_mask(1), 1);
    assert_int_equal(bits_mask(63), UINT64_MAX >> 1);
    assert_true(bits_mask(64) == UINT64_MAX);
    assert_int_equal(bits_for(0), 0);
    assert_int_equal(bits_for(1), 1);
    assert_int_equal(bits_for(255), 8);
    assert_int_equal(bits_for(256), 9);
    assert_int_equal(bits_for(UINT64_MAX), 64);
}

static void every_width_reads_back_at_every_offset(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset < 64; offset++) {
        for (uint32_t bit_count = 0; bit_count <= 64; bit_count++) {
            uint8_t bytes[17] = {0};
            bytes[16] = 0xA5; // beyond the stream
            struct bit_writer writer;
            bit_writer_init(&writer, bytes, 16);
            bits_put(&writer, 0, offset);
            bits_put(&writer, bits_mask(bit_count), bit_count);
            const size_t length = bit_writer_finish(&writer);
            assert_int_equal(length, (offset + bit_count + 7) / 8);
            assert_false(writer.is_overrun);
            assert_int_equal(bytes[16], 0xA5);

            struct bit_reader reader;
            bit_reader_init(&reader, bytes, length);
            assert_int_equal(bits_get(&reader, offset), 0);
            assert_true(bits_get(&reader, bit_count) == bits_mask(bit_count));
            assert_false(reader.is_failed);
        }
    }
}

static void a_random_stream_fails_exactly_where_it_is_cut(void **state)
{
    (void)state;
    uint64_t random_state = seed;
    struct put puts[PUT_COUNT];
    static uint8_t bytes[BUFFER_BYTES];
    random_puts(&random_state, puts);
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    for (int i = 0; i < PUT_COUNT; i++) {
        bits_put(&writer, puts[i].value, puts[i].bit_count);
    }
    const size_t length = bit_writer_finish(&writer);
    assert_false(writer.is_overrun);

    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *exact = malloc(cut + 1); // its end is watched by the address sanitizer
        assert_non_null(exact);
        memcpy(exact + 1, bytes, cut);
        struct bit_reader reader;
        bit_reader_init(&reader, exact + 1, cut);
        size_t bit_count = 0;
        bool is_failed = false;
        for (int i = 0; i < PUT_COUNT; i++) {
            bit_count += puts[i].bit_count;
            is_failed = is_failed || bit_count > cut * 8;
            const uint64_t value = bits_get(&reader, puts[i].bit_count);
            assert_true(value == (is_failed ? 0 : puts[i].value));
            assert_int_equal(reader.is_failed, is_failed);
        }
        free(exact);
    }
}

static void bits_are_seen_before_they_are_taken(void **state)
{
    (void)state;
    uint64_t random_state = seed;
    for (size_t length = 0; length <= 24; length++) {
        uint8_t *exact = malloc(length + 1); // its end is watched by the address sanitizer
        assert_non_null(exact);
        for (size_t i = 0; i < length; i++) {
            exact[1 + i] = (uint8_t)random_next(&random_state);
        }
        struct bit_reader reader;
        bit_reader_init(&reader, exact + 1, length);
        for (;;) {
            const size_t left = bit_reader_left(&reader);
            const uint32_t shown = left < BITS_PEEK_MAX ? (uint32_t)left : BITS_PEEK_MAX;
            struct bit_reader taken = reader;
            const uint64_t word = bits_peek(&reader) & bits_mask(BITS_PEEK_MAX);
            assert_true(word == bits_get(&taken, shown)); // and zeros behind them
            if (left == 0) {
                break;
            }
            bits_skip(&reader, 1);
        }
        assert_false(reader.is_failed);
        bits_skip(&reader, 1);
        assert_true(reader.is_failed);
        assert_int_equal(reader.bit_index, length * 8);
        bits_skip(&reader, 0);
        assert_true(reader.is_failed);
        free(exact);
    }
}

static void a_writer_touches_nothing_beyond_its_capacity(void **state)
{
    (void)state;
    uint64_t random_state = seed;
    struct put puts[PUT_COUNT];
    random_puts(&random_state, puts);
    for (size_t capacity = 0; capacity < 300; capacity++) {
        uint8_t *exact = malloc(capacity + 1);
        assert_non_null(exact);
        struct bit_writer writer;
        bit_writer_init(&writer, exact + 1, capacity);
        size_t bit_count = 0;
        bool is_overrun = false;
        for (int i = 0; i < PUT_COUNT; i++) {
            is_overrun = is_overrun || bit_count + puts[i].bit_count > capacity * 8;
            bits_put(&writer, puts[i].value, puts[i].bit_count);
            bit_count += is_overrun ? 0 : puts[i].bit_count;
            assert_int_equal(writer.is_overrun, is_overrun);
            assert_int_equal(writer.bit_count, bit_count);
        }
        assert_true(bit_writer_finish(&writer) <= capacity);
        bits_put_run(&writer, (const uint8_t *)puts, sizeof puts, 3, capacity * 8 + 1);
        assert_true(writer.is_overrun);
        free(exact);
    }
}

static void a_copy_of_the_writer_is_a_bookmark(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    bits_put(&writer, 0x1234567, 30);
    const struct bit_writer bookmark = writer;
    for (int i = 0; i < 100; i++) {
        bits_put(&writer, 0x7FF, 11);
    }
    assert_true(writer.is_overrun);
    writer = bookmark;
    bits_put(&writer, 0x55, 7);

    const size_t length = bit_writer_finish(&writer);
    struct bit_reader reader;
    bit_reader_init(&reader, bytes, length);
    assert_int_equal(bits_get(&reader, 30), 0x1234567);
    assert_int_equal(bits_get(&reader, 7), 0x55);
    assert_int_equal(bits_get(&reader, 3), 0);
    assert_int_equal(bit_reader_left(&reader), 0);
}

static void runs_are_copied_from_any_offset_to_any_offset(void **state)
{
    (void)state;
    uint64_t random_state = seed;
    uint8_t source[48];
    for (size_t i = 0; i < sizeof source; i++) {
        source[i] = (uint8_t)random_next(&random_state);
    }
    for (int round = 0; round < 20000; round++) {
        const size_t bit_offset = random_next(&random_state) % (sizeof source * 8 + 1);
        const size_t bit_count = random_next(&random_state) % (sizeof source * 8 - bit_offset + 1);
        const uint32_t lead = (uint32_t)(random_next(&random_state) % 64);
        uint8_t bytes[64];
        struct bit_writer writer;
        bit_writer_init(&writer, bytes, sizeof bytes);
        bits_put(&writer, 0, lead);
        bits_put_run(&writer, source, sizeof source, bit_offset, bit_count);
        assert_int_equal(writer.bit_count, lead + bit_count);

        struct bit_reader expected;
        struct bit_reader copied;
        bit_reader_init(&expected, source, sizeof source);
        bit_reader_init(&copied, bytes, bit_writer_finish(&writer));
        expected.bit_index = bit_offset;
        assert_int_equal(bits_get(&copied, lead), 0);
        for (size_t i = 0; i < bit_count; i++) {
            assert_int_equal(bits_get(&copied, 1), bits_get(&expected, 1));
        }
    }
}

static void zigzag_keeps_small_magnitudes_small(void **state)
{
    (void)state;
    const int64_t values[] = {0, -1, 1, -2, 2, INT64_MAX, INT64_MIN};
    const uint64_t codes[] = {0, 1, 2, 3, 4, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(bits_zigzag(values[i]) == codes[i]);
        assert_true(bits_unzigzag(codes[i]) == values[i]);
    }
}

static void varints_read_back_and_are_refused_at_every_cut(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= 64; bits++) {
        for (uint64_t below = 0; below < 2; below++) {
            const uint64_t value = bits_mask(bits) - (bits > 0 ? below : 0);
            uint8_t bytes[BITS_VARINT_BYTES_MAX];
            struct bit_writer writer;
            bit_writer_init(&writer, bytes, sizeof bytes);
            bits_put_varint(&writer, value);
            const size_t length = bit_writer_finish(&writer);
            assert_false(writer.is_overrun);
            assert_int_equal(length, value == 0 ? 1 : (bits_for(value) + 6) / 7);
            for (size_t cut = 0; cut <= length; cut++) {
                struct bit_reader reader;
                bit_reader_init(&reader, bytes, cut);
                assert_true(bits_get_varint(&reader) == (cut == length ? value : 0));
                assert_int_equal(reader.is_failed, cut < length);
            }
        }
    }
}

static void a_varint_has_one_form_and_64_bits(void **state)
{
    (void)state;
    const uint8_t overlong[] = {0x81, 0x00};
    const uint8_t too_large[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    const uint8_t too_many[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x01};
    struct bit_reader reader;
    bit_reader_init(&reader, overlong, sizeof overlong);
    assert_int_equal(bits_get_varint(&reader), 0);
    assert_true(reader.is_failed);
    bit_reader_init(&reader, too_large, sizeof too_large);
    assert_int_equal(bits_get_varint(&reader), 0);
    assert_true(reader.is_failed);
    bit_reader_init(&reader, too_many, sizeof too_many);
    assert_int_equal(bits_get_varint(&reader), 0);
    assert_true(reader.is_failed);
}

static void ranged_numbers_use_the_bits_of_their_range(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    bits_put_ranged(&writer, -3, -3, 6);
    bits_put_ranged(&writer, 6, -3, 6);
    bits_put_ranged(&writer, 5, 5, 5);
    bits_put_ranged(&writer, INT64_MIN, INT64_MIN, INT64_MAX);
    bits_put(&writer, 10, 4); // 7 in [-3, 6] does not exist
    assert_int_equal(writer.bit_count, 4 + 4 + 64 + 4);

    struct bit_reader reader;
    bit_reader_init(&reader, bytes, bit_writer_finish(&writer));
    assert_int_equal(bits_get_ranged(&reader, -3, 6), -3);
    assert_int_equal(bits_get_ranged(&reader, -3, 6), 6);
    assert_int_equal(bits_get_ranged(&reader, 5, 5), 5);
    assert_true(bits_get_ranged(&reader, INT64_MIN, INT64_MAX) == INT64_MIN);
    assert_false(reader.is_failed);
    assert_int_equal(bits_get_ranged(&reader, -3, 6), -3);
    assert_true(reader.is_failed);
}

static void bytes_pass_through_at_any_bit(void **state)
{
    (void)state;
    const uint8_t text[] = "every format of the project";
    for (uint32_t lead = 0; lead < 16; lead++) {
        uint8_t bytes[sizeof text + 2];
        uint8_t copied[sizeof text];
        struct bit_writer writer;
        bit_writer_init(&writer, bytes, sizeof bytes);
        bits_put(&writer, bits_mask(lead), lead);
        bits_put_bytes(&writer, text, sizeof text);
        const size_t length = bit_writer_finish(&writer);

        struct bit_reader reader;
        bit_reader_init(&reader, bytes, length);
        assert_int_equal(bits_get(&reader, lead), bits_mask(lead));
        bits_get_bytes(&reader, copied, sizeof copied);
        assert_false(reader.is_failed);
        assert_memory_equal(copied, text, sizeof text);

        bit_reader_init(&reader, bytes, length - 1);
        assert_int_equal(bits_get(&reader, lead), bits_mask(lead));
        bits_get_bytes(&reader, copied, sizeof copied);
        assert_true(reader.is_failed);
        assert_int_equal(copied[0], 0);
    }
}

static void alignment_is_zeros_and_checked(void **state)
{
    (void)state;
    uint8_t bytes[4];
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, sizeof bytes);
    bits_put(&writer, 5, 3);
    bits_put_align(&writer);
    bits_put_align(&writer);
    bits_put(&writer, 0xAB, 8);
    assert_int_equal(bit_writer_finish(&writer), 2);

    struct bit_reader reader;
    bit_reader_init(&reader, bytes, 2);
    assert_int_equal(bits_get(&reader, 3), 5);
    bits_get_align(&reader);
    assert_int_equal(bits_get(&reader, 8), 0xAB);
    assert_false(reader.is_failed);

    bytes[0] |= 0x80;
    bit_reader_init(&reader, bytes, 2);
    assert_int_equal(bits_get(&reader, 3), 5);
    bits_get_align(&reader);
    assert_true(reader.is_failed);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_lie_least_significant_first),
        cmocka_unit_test(a_mask_holds_the_lowest_bits),
        cmocka_unit_test(every_width_reads_back_at_every_offset),
        cmocka_unit_test(a_random_stream_fails_exactly_where_it_is_cut),
        cmocka_unit_test(bits_are_seen_before_they_are_taken),
        cmocka_unit_test(a_writer_touches_nothing_beyond_its_capacity),
        cmocka_unit_test(a_copy_of_the_writer_is_a_bookmark),
        cmocka_unit_test(runs_are_copied_from_any_offset_to_any_offset),
        cmocka_unit_test(zigzag_keeps_small_magnitudes_small),
        cmocka_unit_test(varints_read_back_and_are_refused_at_every_cut),
        cmocka_unit_test(a_varint_has_one_form_and_64_bits),
        cmocka_unit_test(ranged_numbers_use_the_bits_of_their_range),
        cmocka_unit_test(bytes_pass_through_at_any_bit),
        cmocka_unit_test(alignment_is_zeros_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
