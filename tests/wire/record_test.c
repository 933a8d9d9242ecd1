// SPDX-License-Identifier: Apache-2.0
#include "wire/record.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    uint8_t bytes[256];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    record_write_u8(&writer, 0xAB);
    record_write_u16(&writer, 0xABCD);
    record_write_u32(&writer, 0xABCDEF01);
    record_write_u64(&writer, UINT64_C(0xABCDEF0123456789));
    record_write_f32(&writer, -1.5f);
    record_write_text(&writer, "gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x90\x88");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        record_write_varint(&writer, values[i]);
    }
    assert_false(writer.is_full);

    struct record_reader reader = record_reader_on(bytes, writer.length);
    char text[64];
    assert_int_equal(record_read_u8(&reader), 0xAB);
    assert_int_equal(record_read_u16(&reader), 0xABCD);
    assert_int_equal(record_read_u32(&reader), 0xABCDEF01);
    assert_int_equal(record_read_u64(&reader), UINT64_C(0xABCDEF0123456789));
    assert_true(record_read_f32(&reader) == -1.5f);
    record_read_text(&reader, text, sizeof text);
    assert_string_equal(text, "gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x90\x88");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(record_read_varint(&reader), values[i]);
    }
    assert_true(record_is_read(&reader));

    // The same at every truncation: wrong, and never beyond the end.
    for (size_t length = 0; length < writer.length; length++) {
        struct record_reader cut = record_reader_on(bytes, length);
        (void)record_read_space(&cut, 1 + 2 + 4 + 8 + 4);
        record_read_text(&cut, text, sizeof text);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            (void)record_read_varint(&cut);
        }
        assert_false(record_is_read(&cut));
    }
}

static void a_full_writer_writes_nothing_more(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    struct record_writer writer = record_writer_on(bytes, 3);
    record_write_u16(&writer, 1);
    record_write_u32(&writer, 2);
    record_write_u8(&writer, 3);
    assert_true(writer.is_full);
    assert_int_equal(writer.length, 2);
    assert_int_equal(bytes[2], 0);
}

static bool is_varint(const uint8_t *bytes, size_t length)
{
    struct record_reader reader = record_reader_on(bytes, length);
    (void)record_read_varint(&reader);
    return record_is_read(&reader);
}

static void a_varint_has_one_form(void **state)
{
    (void)state;
    const uint8_t max[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    const uint8_t over[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
    const uint8_t endless[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    assert_true(is_varint(max, sizeof max));
    assert_false(is_varint(over, sizeof over));
    assert_false(is_varint(endless, sizeof endless));
    assert_false(is_varint((const uint8_t[]){0x80, 0}, 2));
    assert_true(is_varint((const uint8_t[]){0}, 1));

    const uint8_t nine[] = {9};
    struct record_reader reader = record_reader_on(nine, 1);
    assert_int_equal(record_read_varint_max(&reader, 9), 9);
    reader = record_reader_on(nine, 1);
    assert_int_equal(record_read_varint_max(&reader, 8), 0);
    assert_true(reader.is_malformed);
}

static bool is_text(const char *text)
{
    return record_is_text((const uint8_t *)text, strlen(text));
}

static void texts_are_utf8_without_control_characters(void **state)
{
    (void)state;
    assert_true(is_text(""));
    assert_true(is_text("plain \xC3\xA9 \xE2\x82\xAC \xF4\x8F\xBF\xBF"));
    assert_false(is_text("line\nfeed"));
    assert_false(is_text("\x7F"));
    assert_false(is_text("\xC2\x80"));         // a control character of two bytes
    assert_false(is_text("\xC0\xAF"));         // overlong
    assert_false(is_text("\xE0\x80\xAF"));     // overlong
    assert_false(is_text("\xED\xA0\x80"));     // surrogate
    assert_false(is_text("\xF4\x90\x80\x80")); // beyond Unicode
    assert_false(is_text("\xE2\x82"));         // cut short
    assert_false(is_text("\xE2\x28\xA1"));     // no continuation
    assert_false(is_text("\xFF"));
    assert_false(is_text("\x80"));
}

static void a_text_too_long_for_its_place_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct record_writer writer = record_writer_on(bytes, sizeof bytes);
    record_write_text(&writer, "four");
    char text[5];
    struct record_reader reader = record_reader_on(bytes, writer.length);
    record_read_text(&reader, text, sizeof text);
    assert_string_equal(text, "four");
    reader = record_reader_on(bytes, writer.length);
    record_read_text(&reader, text, sizeof text - 1);
    assert_true(reader.is_malformed);
    assert_string_equal(text, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_full_writer_writes_nothing_more),
        cmocka_unit_test(a_varint_has_one_form),
        cmocka_unit_test(texts_are_utf8_without_control_characters),
        cmocka_unit_test(a_text_too_long_for_its_place_is_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
