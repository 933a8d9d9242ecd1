// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/text.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char *nearest_of(const char *wanted, const char *const *words)
{
    struct nearest nearest = nearest_begin(wanted);
    for (uint32_t i = 0; words[i] != NULL; i++) {
        nearest_offer(&nearest, words[i]);
    }
    return nearest.best != NULL ? nearest.best : "none";
}

static void text_that_does_not_fit_is_cut_and_remembered(void **state)
{
    (void)state;
    char buffer[8];
    struct text text = text_in(buffer, sizeof buffer);
    text_append(&text, "");
    text_append(&text, "1234567");
    assert_false(text.is_cut);
    assert_string_equal(buffer, "1234567");
    text_append(&text, "8");
    assert_true(text.is_cut);
    assert_string_equal(buffer, "1234567");
    text = text_in(buffer, sizeof buffer);
    text_format(&text, "%d", 1234567);
    assert_false(text.is_cut);
    text_format(&text, "%d", 8);
    assert_true(text.is_cut);
    assert_int_equal(text.length, 7);
    text = text_in(buffer, sizeof buffer);
    text_format(&text, "%s", "12345678");
    assert_true(text.is_cut);
    assert_int_equal(text.length, 7);
    assert_string_equal(buffer, "1234567");
}

static void utf8_is_taken_by_its_table_only(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        uint32_t count;
    } expected[] = {
        {"a", 1},
        {"~", 1},
        {" ", 1},
        {"\x1f", 0},
        {"\x7f", 0},
        {"\x80", 0},
        {"\xc1\xbf", 0},
        {"\xc2\x80", 0},
        {"\xc2\x9f", 0},
        {"\xc2\xa0", 2},
        {"\xdf\xbf", 2},
        {"\xdf", 0},
        {"\xdf\x7f", 0},
        {"\xdf\xc0", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0},
        {"\xef\xbf", 0},
        {"\xef\xbf\xbd", 3},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf0\x9f\x98", 0},
        {"\xf0\x9f\x98(", 0},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"", 0},
    };
    for (uint32_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(
            text_character_bytes(expected[i].bytes, strlen(expected[i].bytes)), expected[i].count);
    }
}

static void quotes_escape_what_a_terminal_would_obey(void **state)
{
    (void)state;
    char buffer[512];
    struct text text = text_in(buffer, sizeof buffer);
    const char bytes[] = "a\"\\\n\x1b\0\xff\xc3\xa9";
    text_quote(&text, bytes, sizeof bytes - 1);
    assert_string_equal(buffer, "\"a\\\"\\\\\\x0a\\x1b\\x00\\xff\xc3\xa9\"");
    char longer[100];
    memset(longer, 'x', sizeof longer);
    text = text_in(buffer, sizeof buffer);
    text_quote(&text, longer, 60);
    assert_int_equal(text.length, 62);
    text = text_in(buffer, sizeof buffer);
    text_quote(&text, longer, 61);
    assert_string_equal(buffer + 60, "x...\"");
}

static void two_slips_are_near_and_three_are_not(void **state)
{
    (void)state;
    const char *const words[] = {"config", "doctor", "bench", "up", "tick_rate_hz", NULL};
    assert_string_equal(nearest_of("config", words), "config");
    assert_string_equal(nearest_of("confg", words), "config");
    assert_string_equal(nearest_of("confiig", words), "config");
    assert_string_equal(nearest_of("ocnfgi", words), "config"); // two swaps
    assert_string_equal(nearest_of("cnfg", words), "config");
    assert_string_equal(nearest_of("cfg", words), "none");
    assert_string_equal(nearest_of("benhc", words), "bench");
    assert_string_equal(nearest_of("hcneb", words), "none");
    assert_string_equal(nearest_of("xy", words), "none"); // as far from "up" as it is long
    assert_string_equal(nearest_of("ups", words), "up");
    assert_string_equal(nearest_of("fop", words), "none"); // more than half of it differs
    assert_string_equal(nearest_of("", words), "none");
}

static void the_beginning_of_a_long_word_is_near_too(void **state)
{
    (void)state;
    const char *const words[] = {"tick_rate_hz", "token_lifetime", NULL};
    assert_string_equal(nearest_of("tikc_rate", words), "tick_rate_hz");
    assert_string_equal(nearest_of("tick", words), "tick_rate_hz");
    assert_string_equal(nearest_of("tokn", words), "token_lifetime");
    assert_string_equal(nearest_of("tick_rat_h", words), "tick_rate_hz");
    assert_string_equal(nearest_of("rate", words), "none");
}

static void the_nearer_word_wins_and_long_words_are_passed_over(void **state)
{
    (void)state;
    const char *const words[] = {"grain", "train", NULL};
    assert_string_equal(nearest_of("trin", words), "train");
    char longest[66];
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    const char *const long_words[] = {longest, NULL};
    assert_string_equal(nearest_of(longest, long_words), "none");
    assert_string_equal(
        nearest_of(longest + 1, (const char *const[]){longest + 2, NULL}), longest + 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_does_not_fit_is_cut_and_remembered),
        cmocka_unit_test(utf8_is_taken_by_its_table_only),
        cmocka_unit_test(quotes_escape_what_a_terminal_would_obey),
        cmocka_unit_test(two_slips_are_near_and_three_are_not),
        cmocka_unit_test(the_beginning_of_a_long_word_is_near_too),
        cmocka_unit_test(the_nearer_word_wins_and_long_words_are_passed_over),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
