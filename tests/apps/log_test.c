// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/log.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US    UINT64_C(1000000)
#define START_US     (UINT64_C(1769860800) * SECOND_US + UINT64_C(12345)) // 2026-01-31 12:00
#define OUTPUT_BYTES 1048576u
#define THREAD_COUNT 4u
#define THREAD_LINES 200u

static char output[OUTPUT_BYTES];
static uint64_t clock_us;
static struct log log_under_test;
static FILE *file;

static uint64_t now_us(void *context)
{
    (void)context;
    return clock_us;
}

static void open_log(enum log_format format)
{
    file = tmpfile();
    assert_non_null(file);
    clock_us = START_US;
    struct log_def def = log_default_def();
    def.descriptor = fileno(file);
    def.format = format;
    def.now_us = now_us;
    log_open(&log_under_test, &def);
}

// Closes the log and returns all it has written.
static const char *close_log(void)
{
    log_close(&log_under_test);
    rewind(file);
    output[fread(output, 1, sizeof output - 1, file)] = '\0';
    fclose(file);
    return output;
}

static uint32_t line_count(const char *text)
{
    uint32_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

static void text_lines_are_keys_and_values(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    log_write(&log_under_test, LOG_INFO, "listening",
        LOG_FIELDS(log_text("address", "127.0.0.1"), log_number("port", 7777),
            log_real("load", 0.5), log_bool("guests", true)));
    assert_string_equal(close_log(),
        "ts=2026-01-31T12:00:00.012Z level=info msg=listening address=127.0.0.1 port=7777 "
        "load=0.5 guests=true\n");
}

static void json_lines_hold_the_same(void **state)
{
    (void)state;
    open_log(LOG_JSON);
    log_under_test.def.role = "up";
    log_write(&log_under_test, LOG_WARN, "tick missed",
        LOG_FIELDS(log_number("tick", -1), log_bool("late", false), log_real("cost", INFINITY)));
    assert_string_equal(close_log(),
        "{\"ts\":\"2026-01-31T12:00:00.012Z\",\"level\":\"warn\",\"role\":\"up\",\"msg\":\"tick "
        "missed\",\"tick\":-1,\"late\":false,\"cost\":null}\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    log_under_test.def.level = LOG_WARN;
    log_write(&log_under_test, LOG_DEBUG, "a", LOG_NO_FIELDS);
    log_write(&log_under_test, LOG_INFO, "b", LOG_NO_FIELDS);
    log_write(&log_under_test, LOG_WARN, "c", LOG_NO_FIELDS);
    log_write(&log_under_test, LOG_ERROR, "d", LOG_NO_FIELDS);
    assert_string_equal(close_log(), "ts=2026-01-31T12:00:00.012Z level=warn msg=c\n"
                                     "ts=2026-01-31T12:00:00.012Z level=error msg=d\n");
}

static void what_comes_from_outside_cannot_forge_a_line(void **state)
{
    (void)state;
    const char *name = "a b\nlevel=error \"\\\x1b[2J\xff\xc2\x9b\xc3\xa9";
    open_log(LOG_TEXT);
    log_write(&log_under_test, LOG_INFO, "joined",
        LOG_FIELDS(log_text("name", name), log_text("none", ""), log_text("equal", "a=b")));
    assert_string_equal(close_log(),
        "ts=2026-01-31T12:00:00.012Z level=info msg=joined name=\"a b\\x0alevel=error "
        "\\\"\\\\\\x1b[2J\\xff\\xc2\\x9b\xc3\xa9\" none=\"\" equal=\"a=b\"\n");
    open_log(LOG_JSON);
    log_write(&log_under_test, LOG_INFO, "joined", LOG_FIELDS(log_text("name", name)));
    json_t *line = json_loads(close_log(), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "name")),
        "a b\nlevel=error \"\\\x1b[2J\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
    json_decref(line);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    char longest[2000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        open_log((enum log_format)format);
        struct log_field fields[12];
        for (uint32_t i = 0; i < 12; i++) {
            fields[i] = log_text("part", longest + 1400);
        }
        fields[3].text = longest; // longer than a field may be
        fields[11] = log_number("last", 1);
        log_write(&log_under_test, LOG_INFO, "full", fields, 12);
        const char *text = close_log();
        assert_in_range(strlen(text), 3000, LOG_LINE_BYTES_MAX);
        assert_int_equal(line_count(text), 1);
        assert_non_null(strstr(text, "last"));
        assert_non_null(strstr(text, "cut"));
        json_t *line = json_loads(text, 0, NULL);
        assert_int_equal(line != NULL, format == LOG_JSON);
        json_decref(line);
    }
}

static void every_length_of_line_stays_within_its_maximum(void **state)
{
    (void)state;
    char word[1001];
    memset(word, 'x', sizeof word);
    word[sizeof word - 1] = '\0';
    const char *end = word + sizeof word - 1;
    const struct log_field part = log_text("part", word);
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        for (uint32_t length = 900; length < 1000; length++) {
            open_log((enum log_format)format);
            const struct log_field fields[] = {
                part, part, part, log_text("x", end - length), log_text("y", word)};
            log_write(&log_under_test, LOG_INFO, "full", fields, 5);
            const char *text = close_log();
            assert_in_range(strlen(text), 3000, LOG_LINE_BYTES_MAX);
            assert_non_null(strstr(text, "cut"));
            json_t *line = json_loads(text, 0, NULL);
            assert_int_equal(line != NULL, format == LOG_JSON);
            json_decref(line);
        }
    }
}

static void repeats_are_counted_and_owed(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    for (uint32_t i = 0; i < 12; i++) {
        log_write(&log_under_test, LOG_WARN, "bad token", LOG_NO_FIELDS);
        log_write(&log_under_test, LOG_ERROR, "disk full", LOG_NO_FIELDS);
    }
    clock_us += SECOND_US - 1;
    log_write(&log_under_test, LOG_WARN, "bad token", LOG_NO_FIELDS);
    log_write(&log_under_test, LOG_INFO, "bad token", LOG_NO_FIELDS); // another level
    clock_us += 1;
    log_write(&log_under_test, LOG_WARN, "bad token", LOG_NO_FIELDS);
    for (uint32_t i = 0; i < 6; i++) {
        log_write(&log_under_test, LOG_WARN, "bad token", LOG_NO_FIELDS);
    }
    const char *text = close_log();
    assert_int_equal(line_count(text), 5 + 12 + 1 + 5 + 1);
    assert_non_null(strstr(text, "01.012Z level=warn msg=\"bad token\" repeats=8\n"));
    const char *last = strstr(text, "msg=\"bad token\" repeats=2\n");
    assert_non_null(last);
    assert_string_equal(last, "msg=\"bad token\" repeats=2\n");
}

static void a_message_that_gives_way_is_paid_first(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    for (uint32_t i = 0; i < 7; i++) {
        log_write(&log_under_test, LOG_INFO, "first", LOG_NO_FIELDS);
    }
    for (uint32_t i = 0; i < LOG_REPEAT_COUNT; i++) {
        char message[32];
        snprintf(message, sizeof message, "message-%u", i);
        clock_us++;
        log_write(&log_under_test, LOG_INFO, message, LOG_NO_FIELDS);
    }
    const char *text = close_log();
    const char *owed = strstr(text, "msg=first repeats=2\n");
    assert_non_null(owed);
    assert_non_null(strstr(owed, "msg=message-63\n"));
    assert_int_equal(line_count(text), 5 + LOG_REPEAT_COUNT + 1);
}

static void a_clock_that_jumps_back_begins_anew(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    for (uint32_t i = 0; i < 6; i++) {
        log_write(&log_under_test, LOG_INFO, "a", LOG_NO_FIELDS);
    }
    clock_us -= 10 * SECOND_US;
    log_write(&log_under_test, LOG_INFO, "a", LOG_NO_FIELDS);
    const char *text = close_log();
    assert_int_equal(line_count(text), 6);
    assert_non_null(strstr(text, "11:59:50.012Z level=info msg=a repeats=1\n"));
}

static void *write_lines(void *context)
{
    const char *role = context;
    for (uint32_t i = 0; i < THREAD_LINES; i++) {
        char message[32];
        snprintf(message, sizeof message, "%s-%u", role, i);
        log_write(&log_under_test, LOG_INFO, message,
            LOG_FIELDS(log_text("filler", "0123456789012345678901234567890123456789")));
    }
    return NULL;
}

static void lines_of_several_threads_never_mix(void **state)
{
    (void)state;
    open_log(LOG_JSON);
    pthread_t threads[THREAD_COUNT];
    static char names[THREAD_COUNT][2];
    for (uint32_t i = 0; i < THREAD_COUNT; i++) {
        names[i][0] = (char)('a' + i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (uint32_t i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    char *text = (char *)close_log();
    assert_int_equal(line_count(text), THREAD_COUNT * THREAD_LINES);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_t *parsed = json_loads(line, 0, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
    }
}

static void a_reader_that_is_gone_costs_the_line_only(void **state)
{
    (void)state;
    open_log(LOG_TEXT);
    log_under_test.def.descriptor = -1;
    log_write(&log_under_test, LOG_INFO, "unheard", LOG_NO_FIELDS);
    assert_string_equal(close_log(), "");
}

static void the_system_clock_is_the_default(void **state)
{
    (void)state;
    const struct log_def def = log_default_def();
    assert_true(def.now_us(def.context) > START_US - 10 * 365 * 86400 * SECOND_US);
    assert_int_equal(def.descriptor, STDERR_FILENO);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_keys_and_values),
        cmocka_unit_test(json_lines_hold_the_same),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(what_comes_from_outside_cannot_forge_a_line),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(every_length_of_line_stays_within_its_maximum),
        cmocka_unit_test(repeats_are_counted_and_owed),
        cmocka_unit_test(a_message_that_gives_way_is_paid_first),
        cmocka_unit_test(a_clock_that_jumps_back_begins_anew),
        cmocka_unit_test(lines_of_several_threads_never_mix),
        cmocka_unit_test(a_reader_that_is_gone_costs_the_line_only),
        cmocka_unit_test(the_system_clock_is_the_default),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
