// SPDX-License-Identifier: Apache-2.0
#include "muster/impairment.h"

#include "core/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Numbers are decimal with up to six places and a unit. They are read as whole millionths, so
// that nothing is rounded on the way.

#define MILLION           UINT64_C(1000000)
#define NUMBER_MAX        UINT64_C(1000000000) // before the unit
#define RATE_QUEUE_BYTES  64000u
#define REORDER_US        20000u
#define WORD_BYTES_MAX    12u
#define TYPO_MAX          3u // letters between a wrong key and the one that was meant
#define TRACE_TIME_US_MAX UINT64_C(86400000000) // a day

#define ARRAY_COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

struct unit {
    const char *name;
    uint64_t scale;
};

static const struct unit time_units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};
static const struct unit share_units[] = {{"%", MUSTER_PPM / 100}};
static const struct unit rate_units[] = {
    {"bit", 1}, {"kbit", 1000}, {"Mbit", 1000000}, {"Gbit", 1000000000}};
static const struct unit size_units[] = {{"B", 1}, {"KB", 1000}, {"MB", 1000000}};

struct quantity {
    const char *noun;
    const char *example;
    const struct unit *units;
    uint32_t unit_count;
    uint64_t max;
    const char *max_text;
};

static const struct quantity delay_quantity = {
    "a time", "20ms", time_units, ARRAY_COUNT(time_units), 60000000, "60s"};
static const struct quantity share_quantity = {
    "a share", "1.5%", share_units, ARRAY_COUNT(share_units), MUSTER_PPM, "100%"};
static const struct quantity rate_quantity = {
    "a rate", "5Mbit", rate_units, ARRAY_COUNT(rate_units), UINT64_C(100000000000), "100Gbit"};
static const struct quantity size_quantity = {
    "a size", "64KB", size_units, ARRAY_COUNT(size_units), 1u << 30, "1073MB"};
static const struct quantity mtu_quantity = {
    "a size", "1200B", size_units, ARRAY_COUNT(size_units), 65535, "65535B"};
static const struct quantity moment_quantity = {
    "a time", "1500ms", time_units, ARRAY_COUNT(time_units), TRACE_TIME_US_MAX, "86400s"};

// One-way figures, of the order that published measurements report; good for comparing, not for
// predicting a certain network.
static const struct {
    const char *name;
    const char *rules;
} presets[] = {
    {"lan", "delay=300us,jitter=200us"},
    {"wifi", "delay=8ms,jitter=6ms,loss=0.2%,burst=0.2%/20%/50%"},
    {"mobile", "delay=45ms,jitter=20ms,loss=0.5%,burst=0.3%/15%/60%,dup=0.1%,rate=12Mbit,"
               "queue=256KB"},
    {"bad", "delay=100ms,jitter=30ms,loss=20%,dup=1%,reorder=1%"},
};

// The text not yet read, and where its errors go.
struct parser {
    const char *start;
    const char *at;
    const char *end;
    char *error;
    uint32_t line; // 0: positions are columns of the text
};

static bool fail(const struct parser *parser, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Writes the first error; later ones are its consequences. Always false.
static bool fail(const struct parser *parser, const char *at, const char *format, ...)
{
    if (parser->error[0] != '\0') {
        return false;
    }
    const int used = parser->line > 0 ? snprintf(parser->error, MUSTER_IMPAIRMENT_ERROR_BYTES,
                                            "line %u: ", parser->line)
                                      : snprintf(parser->error, MUSTER_IMPAIRMENT_ERROR_BYTES,
                                            "at %d: ", (int)(at - parser->start) + 1);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(
        parser->error + used, (size_t)(MUSTER_IMPAIRMENT_ERROR_BYTES - used), format, arguments);
    va_end(arguments);
    return false;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '%';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// A word of letters, cut to the room; what is cut is no known word either way.
static void take_word(struct parser *parser, char out_word[WORD_BYTES_MAX + 1])
{
    uint32_t length = 0;
    while (parser->at < parser->end && is_word_char(*parser->at)) {
        if (length < WORD_BYTES_MAX) {
            out_word[length++] = *parser->at;
        }
        parser->at++;
    }
    out_word[length] = '\0';
}

static bool take_char(struct parser *parser, char c)
{
    if (parser->at == parser->end || *parser->at != c) {
        return false;
    }
    parser->at++;
    return true;
}

// Reads digits with at most six places as millionths. False if there are none, or too many.
static bool take_millionths(struct parser *parser, uint64_t *out_value)
{
    uint64_t value = 0;
    uint64_t place = MILLION;
    bool has_digit = false;
    bool has_point = false;
    *out_value = 0;
    for (; parser->at < parser->end; parser->at++) {
        const char c = *parser->at;
        if (c == '.' && !has_point && has_digit) {
            has_point = true;
        } else if (is_digit(c) && !has_point) {
            value = value * 10 + (uint64_t)(c - '0') * MILLION;
            has_digit = true;
        } else if (is_digit(c) && place > 1) {
            place /= 10;
            value += (uint64_t)(c - '0') * place;
        } else {
            break;
        }
        if (value > NUMBER_MAX * MILLION) {
            return false;
        }
    }
    *out_value = value;
    return has_digit;
}

static bool take_quantity(
    struct parser *parser, const struct quantity *quantity, uint64_t *out_value)
{
    const char *at = parser->at;
    *out_value = 0;
    uint64_t number;
    if (!take_millionths(parser, &number)) {
        return fail(parser, at, "expected %s such as %s", quantity->noun, quantity->example);
    }
    char word[WORD_BYTES_MAX + 1];
    take_word(parser, word);
    for (uint32_t i = 0; i < quantity->unit_count; i++) {
        const struct unit *unit = &quantity->units[i];
        if (strcmp(unit->name, word) != 0) {
            continue;
        }
        // At most 10^15 millionths of 10^9: compared before multiplying.
        if (number / MILLION > quantity->max / unit->scale ||
            (number / MILLION) * unit->scale + (number % MILLION) * unit->scale / MILLION >
                quantity->max) {
            return fail(
                parser, at, "%s of at most %s is expected", quantity->noun, quantity->max_text);
        }
        *out_value = (number / MILLION) * unit->scale + (number % MILLION) * unit->scale / MILLION;
        return true;
    }
    if (word[0] == '\0') {
        return fail(parser, at, "the number has no unit; expected %s such as %s", quantity->noun,
            quantity->example);
    }
    return fail(parser, at, "unknown unit \"%s\"; expected %s such as %s", word, quantity->noun,
        quantity->example);
}

static bool take_u32(struct parser *parser, const struct quantity *quantity, uint32_t *out_value)
{
    uint64_t value;
    const bool is_taken = take_quantity(parser, quantity, &value);
    *out_value = (uint32_t)value;
    return is_taken;
}

// Keys.

enum key {
    KEY_DELAY,
    KEY_JITTER,
    KEY_LOSS,
    KEY_BURST,
    KEY_DUP,
    KEY_REORDER,
    KEY_REORDER_BY,
    KEY_RATE,
    KEY_QUEUE,
    KEY_MTU,
    KEY_ORDER,
    KEY_COUNT,
};

static const char *const key_names[KEY_COUNT] = {"delay", "jitter", "loss", "burst", "dup",
    "reorder", "reorder_by", "rate", "queue", "mtu", "order"};

// How many letters must be changed, added or removed to turn one word into the other.
static uint32_t word_distance(const char *a, const char *b)
{
    uint32_t row[WORD_BYTES_MAX + 1];
    const uint32_t b_length = (uint32_t)strlen(b);
    for (uint32_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (uint32_t i = 0; a[i] != '\0'; i++) {
        uint32_t diagonal = row[0];
        row[0] = i + 1;
        for (uint32_t j = 0; j < b_length; j++) {
            const uint32_t changed = diagonal + (a[i] != b[j]);
            const uint32_t shorter = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = changed < shorter ? changed : shorter;
        }
    }
    return row[b_length];
}

static bool fail_key(const struct parser *parser, const char *at, const char *word)
{
    const char *nearest = key_names[0];
    for (uint32_t i = 1; i < KEY_COUNT; i++) {
        if (word_distance(word, key_names[i]) < word_distance(word, nearest)) {
            nearest = key_names[i];
        }
    }
    const uint32_t distance = word_distance(word, nearest);
    if (distance <= TYPO_MAX && 2 * distance <= strlen(word)) {
        return fail(parser, at, "unknown key \"%s\"; did you mean \"%s\"?", word, nearest);
    }
    return fail(parser, at,
        "unknown key \"%s\"; expected delay, jitter, loss, burst, dup, reorder, reorder_by, "
        "rate, queue, mtu or order",
        word);
}

static bool take_burst(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    if (!take_u32(parser, &share_quantity, &rules->burst_enter_ppm)) {
        return false;
    }
    const bool has_all =
        take_char(parser, '/') && take_u32(parser, &share_quantity, &rules->burst_leave_ppm) &&
        take_char(parser, '/') && take_u32(parser, &share_quantity, &rules->burst_loss_ppm);
    if (!has_all) {
        return fail(parser, at, "expected three shares such as burst=1%%/25%%/80%%");
    }
    if (rules->burst_enter_ppm > 0 && rules->burst_leave_ppm == 0) {
        return fail(parser, at, "a burst that is entered must be left at more than 0%%");
    }
    return true;
}

static bool take_order(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    char word[WORD_BYTES_MAX + 1];
    take_word(parser, word);
    rules->is_unordered = strcmp(word, "free") == 0;
    if (!rules->is_unordered && strcmp(word, "fifo") != 0) {
        return fail(parser, at, "unknown order \"%s\"; expected fifo or free", word);
    }
    return true;
}

static bool take_rate(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    if (!take_quantity(parser, &rate_quantity, &rules->rate_bits)) {
        return false;
    }
    if (rules->rate_bits < 1000) {
        return fail(parser, at, "a rate of at least 1kbit is expected");
    }
    return true;
}

static bool take_queue(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    if (!take_u32(parser, &size_quantity, &rules->queue_bytes)) {
        return false;
    }
    if (rules->queue_bytes < 1500) {
        return fail(parser, at, "a queue of at least 1500B is expected");
    }
    return true;
}

static bool take_mtu(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    if (!take_u32(parser, &mtu_quantity, &rules->mtu_bytes)) {
        return false;
    }
    if (rules->mtu_bytes < 68) {
        return fail(parser, at, "an mtu of at least 68B is expected");
    }
    return true;
}

static bool take_value(struct parser *parser, enum key key, muster_impairment_rules *rules)
{
    switch (key) {
    case KEY_DELAY:
        return take_u32(parser, &delay_quantity, &rules->delay_us);
    case KEY_JITTER:
        return take_u32(parser, &delay_quantity, &rules->jitter_us);
    case KEY_LOSS:
        return take_u32(parser, &share_quantity, &rules->loss_ppm);
    case KEY_BURST:
        return take_burst(parser, rules);
    case KEY_DUP:
        return take_u32(parser, &share_quantity, &rules->duplicate_ppm);
    case KEY_REORDER:
        return take_u32(parser, &share_quantity, &rules->reorder_ppm);
    case KEY_REORDER_BY:
        return take_u32(parser, &delay_quantity, &rules->reorder_us);
    case KEY_RATE:
        return take_rate(parser, rules);
    case KEY_QUEUE:
        return take_queue(parser, rules);
    case KEY_MTU:
        return take_mtu(parser, rules);
    case KEY_ORDER:
    case KEY_COUNT:
        break;
    }
    return take_order(parser, rules);
}

// Items.

static bool parse_items(struct parser *parser, muster_impairment_rules *rules);

static bool take_preset(
    struct parser *parser, const char *at, const char *word, muster_impairment_rules *rules)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(presets); i++) {
        if (strcmp(presets[i].name, word) == 0) {
            const char *text = presets[i].rules;
            struct parser inner = {
                .start = text, .at = text, .end = text + strlen(text), .error = parser->error};
            return parse_items(&inner, rules);
        }
    }
    return fail(
        parser, at, "unknown preset \"%s\"; expected lan, wifi, mobile, bad or KEY=VALUE", word);
}

static bool take_item(struct parser *parser, muster_impairment_rules *rules)
{
    const char *at = parser->at;
    char word[WORD_BYTES_MAX + 1];
    take_word(parser, word);
    if (word[0] == '\0') {
        return fail(parser, at, "expected a preset or KEY=VALUE");
    }
    if (!take_char(parser, '=')) {
        if (at != parser->start) {
            return fail(parser, at, "expected KEY=VALUE; a preset comes first");
        }
        return take_preset(parser, at, word, rules);
    }
    for (uint32_t key = 0; key < KEY_COUNT; key++) {
        if (strcmp(key_names[key], word) == 0) {
            return take_value(parser, (enum key)key, rules);
        }
    }
    return fail_key(parser, at, word);
}

static bool parse_items(struct parser *parser, muster_impairment_rules *rules)
{
    do {
        if (!take_item(parser, rules)) {
            return false;
        }
    } while (take_char(parser, ','));
    if (parser->at != parser->end) {
        return fail(parser, parser->at, "expected a comma or the end");
    }
    return true;
}

muster_status muster_impairment_parse(const char *text,
    muster_impairment_rules *out_rules,
    char out_error[MUSTER_IMPAIRMENT_ERROR_BYTES])
{
    MUSTER_ASSERT(text != NULL);
    MUSTER_ASSERT(out_rules != NULL);
    MUSTER_ASSERT(out_error != NULL);
    *out_rules = (muster_impairment_rules){0};
    out_error[0] = '\0';

    struct parser parser = {
        .start = text, .at = text, .end = text + strlen(text), .error = out_error};
    muster_impairment_rules rules = {.queue_bytes = RATE_QUEUE_BYTES, .reorder_us = REORDER_US};
    if (!parse_items(&parser, &rules)) {
        return MUSTER_ERR_MALFORMED;
    }
    if (rules.jitter_us > rules.delay_us) {
        (void)fail(&parser, text, "jitter of %u us exceeds the delay of %u us", rules.jitter_us,
            rules.delay_us);
        return MUSTER_ERR_MALFORMED;
    }
    *out_rules = rules;
    return MUSTER_OK;
}

const char *muster_impairment_preset(uint32_t index, const char **out_rules_text)
{
    MUSTER_ASSERT(out_rules_text != NULL);
    *out_rules_text = index < ARRAY_COUNT(presets) ? presets[index].rules : NULL;
    return index < ARRAY_COUNT(presets) ? presets[index].name : NULL;
}

// Traces.

static void skip_spaces(struct parser *parser)
{
    while (take_char(parser, ' ') || take_char(parser, '\t') || take_char(parser, '\r')) {
    }
}

// The second word of a line: a delay, "lost" or "end".
static bool take_trace_delay(struct parser *parser, uint32_t *out_delay_us, bool *out_is_end)
{
    *out_is_end = false;
    if (parser->at < parser->end && is_digit(*parser->at)) {
        return take_u32(parser, &delay_quantity, out_delay_us);
    }
    char word[WORD_BYTES_MAX + 1];
    take_word(parser, word);
    *out_is_end = strcmp(word, "end") == 0;
    *out_delay_us = MUSTER_IMPAIRMENT_LOST;
    if (!*out_is_end && strcmp(word, "lost") != 0) {
        return fail(parser, parser->at, "expected a delay such as 20ms, lost or end");
    }
    return true;
}

static muster_status take_trace_line(struct parser *parser,
    muster_impairment_trace_point *points,
    uint32_t capacity,
    muster_impairment_rules *rules)
{
    uint64_t time_us;
    uint32_t delay_us;
    bool is_end;
    if (!take_quantity(parser, &moment_quantity, &time_us)) {
        return MUSTER_ERR_MALFORMED;
    }
    skip_spaces(parser);
    if (!take_trace_delay(parser, &delay_us, &is_end)) {
        return MUSTER_ERR_MALFORMED;
    }
    skip_spaces(parser);
    const uint32_t count = rules->trace_count;
    if (parser->at != parser->end) {
        (void)fail(parser, parser->at, "expected the end of the line");
    } else if (rules->trace_period_us != 0) {
        (void)fail(parser, parser->at, "a line follows the end");
    } else if (count == 0 ? time_us != 0 || is_end : time_us <= points[count - 1].time_us) {
        (void)fail(
            parser, parser->at, count == 0 ? "the first point is at 0" : "times must ascend");
    }
    if (parser->error[0] != '\0') {
        return MUSTER_ERR_MALFORMED;
    }
    if (is_end) {
        rules->trace_period_us = time_us;
        return MUSTER_OK;
    }
    if (count == capacity) {
        (void)fail(parser, parser->at, "more than %u points", capacity);
        return MUSTER_ERR_FULL;
    }
    points[count] = (muster_impairment_trace_point){.time_us = time_us, .delay_us = delay_us};
    rules->trace_count++;
    return MUSTER_OK;
}

muster_status muster_impairment_parse_trace(const char *text,
    size_t length,
    muster_impairment_trace_point *points,
    uint32_t capacity,
    muster_impairment_rules *out_rules,
    char out_error[MUSTER_IMPAIRMENT_ERROR_BYTES])
{
    MUSTER_ASSERT(text != NULL || length == 0);
    MUSTER_ASSERT(points != NULL || capacity == 0);
    MUSTER_ASSERT(out_rules != NULL);
    MUSTER_ASSERT(out_error != NULL);
    out_error[0] = '\0';

    muster_impairment_rules rules = *out_rules;
    rules.trace = points;
    rules.trace_count = 0;
    rules.trace_period_us = 0;
    struct parser parser = {.start = text, .at = text, .end = text, .error = out_error};
    const char *const text_end = text + length;
    while (parser.end < text_end) {
        parser.at = parser.end;
        parser.line++;
        const char *newline = memchr(parser.at, '\n', (size_t)(text_end - parser.at));
        parser.end = newline != NULL ? newline : text_end;
        skip_spaces(&parser);
        if (parser.at < parser.end && *parser.at != '#') {
            const muster_status status = take_trace_line(&parser, points, capacity, &rules);
            if (status != MUSTER_OK) {
                return status;
            }
        }
        parser.end += newline != NULL;
    }
    if (rules.trace_period_us == 0) {
        parser.line += parser.line == 0; // an empty text
        (void)fail(&parser, parser.at, "the trace has no end");
        return MUSTER_ERR_MALFORMED;
    }
    *out_rules = rules;
    return MUSTER_OK;
}
