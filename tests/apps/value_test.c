// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/value.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char *const colours[] = {"red", "green", "blue", NULL};

static struct value_rule rule_of(enum value_kind kind, uint64_t min, uint64_t max)
{
    return (struct value_rule){.kind = kind, .min = min, .max = max, .choices = colours};
}

static void expect_number(enum value_kind kind, const char *text, uint64_t expected)
{
    const struct value_rule rule = rule_of(kind, 0, 0);
    struct value value;
    assert_true(value_read(&rule, text, &value));
    assert_true(value.number == expected);
}

static void expect_refusal(enum value_kind kind, const char *text)
{
    const struct value_rule rule = rule_of(kind, 0, 0);
    struct value value;
    if (value_read(&rule, text, &value)) {
        fail_msg("\"%s\" was read as kind %d", text, (int)kind);
    }
}

static void expect_words(const char *words, const struct value_rule *rule)
{
    char buffer[256];
    struct text text = text_in(buffer, sizeof buffer);
    value_describe(rule, &text);
    assert_string_equal(buffer, words);
}

static void whole_numbers_are_decimal_or_hexadecimal_and_nothing_else(void **state)
{
    (void)state;
    expect_number(VALUE_INTEGER, "0", 0);
    expect_number(VALUE_INTEGER, "007", 7);
    expect_number(VALUE_INTEGER, "0xfF", 255);
    expect_number(VALUE_INTEGER, "18446744073709551615", UINT64_MAX);
    expect_number(VALUE_INTEGER, "0xffffffffffffffff", UINT64_MAX);
    const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "1_000", "0x", "0xg",
        "a", "0X1", "18446744073709551616", "99999999999999999999", "0x10000000000000000"};
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_refusal(VALUE_INTEGER, wrong[i]);
    }
}

static void durations_carry_their_unit(void **state)
{
    (void)state;
    expect_number(VALUE_DURATION, "5us", 5);
    expect_number(VALUE_DURATION, "500ms", 500000);
    expect_number(VALUE_DURATION, "60s", 60000000);
    expect_number(VALUE_DURATION, "2m", 120000000);
    expect_number(VALUE_DURATION, "1h", UINT64_C(3600000000));
    expect_number(VALUE_DURATION, "1d", UINT64_C(86400000000));
    const char *const wrong[] = {"60", "s", "", "60 s", "60S", "60sec", "1.5s", "-1s", "0x5s",
        "64MiB", "5ns", "999999999999d"};
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_refusal(VALUE_DURATION, wrong[i]);
    }
}

static void sizes_tell_powers_of_ten_from_powers_of_two(void **state)
{
    (void)state;
    expect_number(VALUE_BYTES, "7B", 7);
    expect_number(VALUE_BYTES, "7kB", 7000);
    expect_number(VALUE_BYTES, "7KiB", 7168);
    expect_number(VALUE_BYTES, "7MB", 7000000);
    expect_number(VALUE_BYTES, "7MiB", 7340032);
    expect_number(VALUE_BYTES, "7GB", UINT64_C(7000000000));
    expect_number(VALUE_BYTES, "7GiB", UINT64_C(7516192768));
    const char *const wrong[] = {"7", "7M", "7KB", "7mib", "7 MiB", "99999999999999GiB"};
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_refusal(VALUE_BYTES, wrong[i]);
    }
}

static void ranges_include_both_ends(void **state)
{
    (void)state;
    const struct value_rule rule = rule_of(VALUE_INTEGER, 2, 5);
    struct value value;
    assert_false(value_read(&rule, "1", &value));
    assert_true(value_read(&rule, "2", &value));
    assert_true(value_read(&rule, "5", &value));
    assert_false(value_read(&rule, "6", &value));
    const struct value_rule open = rule_of(VALUE_INTEGER, 2, 0);
    assert_false(value_read(&open, "1", &value));
    assert_true(value_read(&open, "18446744073709551615", &value));
}

static void words_are_exact(void **state)
{
    (void)state;
    expect_number(VALUE_BOOL, "true", 1);
    expect_number(VALUE_BOOL, "false", 0);
    expect_refusal(VALUE_BOOL, "True");
    expect_refusal(VALUE_BOOL, "1");
    expect_refusal(VALUE_BOOL, "");
    expect_number(VALUE_CHOICE, "blue", 2);
    expect_refusal(VALUE_CHOICE, "Blue");
    expect_refusal(VALUE_CHOICE, "");
}

static void texts_are_printable_and_of_a_stated_length(void **state)
{
    (void)state;
    const struct value_rule rule = rule_of(VALUE_TEXT, 1, 4);
    struct value value;
    assert_false(value_read(&rule, "", &value));
    assert_true(value_read(&rule, "a\xc3\xa9z", &value));
    assert_false(value_read(&rule, "abcde", &value));
    assert_false(value_read(&rule, "a\nb", &value));
    assert_false(value_read(&rule, "\x1b[m", &value));
    assert_false(value_read(&rule, "\xff", &value));
    assert_false(value_read(&rule, "\xc2\x9b", &value)); // a control sequence in one character
    char longest[VALUE_TEXT_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[VALUE_TEXT_BYTES_MAX] = '\0';
    const struct value_rule path = rule_of(VALUE_PATH, 0, 0);
    assert_true(value_read(&path, longest, &value));
    longest[VALUE_TEXT_BYTES_MAX] = 'a';
    longest[VALUE_TEXT_BYTES_MAX + 1] = '\0';
    assert_false(value_read(&path, longest, &value));
}

static void addresses_are_digits(void **state)
{
    (void)state;
    const char *const right[] = {"127.0.0.1", "0.0.0.0", "::", "::1", "2001:db8::1"};
    const char *const wrong[] = {
        "", "localhost", "127.0.0", "127.0.0.256", ":::", "::1%lo", "127.0.0.1:80", "[::1]"};
    const struct value_rule rule = rule_of(VALUE_ADDRESS, 2, 45);
    struct value value;
    for (uint32_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(value_read(&rule, right[i], &value));
    }
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(value_read(&rule, wrong[i], &value));
    }
}

static void what_is_printed_reads_back_in_the_largest_whole_unit(void **state)
{
    (void)state;
    const struct {
        enum value_kind kind;
        uint64_t number;
        const char *text;
    } expected[] = {
        {VALUE_BOOL, 1, "true"},
        {VALUE_INTEGER, UINT64_MAX, "18446744073709551615"},
        {VALUE_DURATION, 90000000, "90s"},
        {VALUE_DURATION, UINT64_C(172800000000), "2d"},
        {VALUE_DURATION, 120000000, "2m"},
        {VALUE_DURATION, 1500000, "1500ms"},
        {VALUE_DURATION, 1, "1us"},
        {VALUE_DURATION, 0, "0s"},
        {VALUE_BYTES, 0, "0B"},
        {VALUE_BYTES, 125000, "125kB"},
        {VALUE_BYTES, 65536, "64KiB"},
        {VALUE_BYTES, 1000001, "1000001B"},
        {VALUE_CHOICE, 1, "green"},
    };
    for (uint32_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct value_rule rule = rule_of(expected[i].kind, 0, 0);
        const struct value value = {.number = expected[i].number};
        char buffer[64];
        struct text text = text_in(buffer, sizeof buffer);
        value_print(&rule, &value, &text);
        assert_string_equal(buffer, expected[i].text);
        expect_number(expected[i].kind, buffer, expected[i].number);
    }
}

static void rules_say_what_they_expect(void **state)
{
    (void)state;
    const struct value_rule bounded = rule_of(VALUE_DURATION, 1000000, UINT64_C(3600000000));
    expect_words("a duration from 1s to 1h, with its unit, such as 30s", &bounded);
    const struct value_rule least = rule_of(VALUE_INTEGER, 3, 0);
    expect_words("a whole number of at least 3", &least);
    const struct value_rule choice = rule_of(VALUE_CHOICE, 0, 0);
    expect_words("one of red, green, blue", &choice);
    const struct value_rule path = rule_of(VALUE_PATH, 0, 0);
    expect_words("a path of 0 to 1023 bytes", &path);
    char buffer[256];
    struct text text = text_in(buffer, sizeof buffer);
    value_complain(&choice, "gren", &text);
    assert_string_equal(
        buffer, "\"gren\", expected one of red, green, blue; did you mean \"green\"?");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_decimal_or_hexadecimal_and_nothing_else),
        cmocka_unit_test(durations_carry_their_unit),
        cmocka_unit_test(sizes_tell_powers_of_ten_from_powers_of_two),
        cmocka_unit_test(ranges_include_both_ends),
        cmocka_unit_test(words_are_exact),
        cmocka_unit_test(texts_are_printable_and_of_a_stated_length),
        cmocka_unit_test(addresses_are_digits),
        cmocka_unit_test(what_is_printed_reads_back_in_the_largest_whole_unit),
        cmocka_unit_test(rules_say_what_they_expect),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
