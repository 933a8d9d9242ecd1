// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/log.h"

#include "apps/muster/text.h"

#include "core/assert.h"
#include "drivers/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US       UINT64_C(1000000)
#define CUT_BYTES       16u // kept free for `cut=true`, a brace and the line end
#define FIELD_BYTES_MAX 1024u

static const char *const level_words[] = {"debug", "info", "warn", "error"};

static uint64_t system_now_us(void *context)
{
    (void)context;
    return clock_unix_us();
}

struct log_def log_default_def(void)
{
    return (struct log_def){
        .descriptor = STDERR_FILENO,
        .level = LOG_INFO,
        .format = isatty(STDERR_FILENO) == 1 ? LOG_TEXT : LOG_JSON,
        .repeat_count_max = 5,
        .now_us = system_now_us,
    };
}

struct log_field log_text(const char *name, const char *text)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_TEXT, .text = text};
}

struct log_field log_number(const char *name, int64_t number)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_NUMBER, .number = number};
}

struct log_field log_real(const char *name, double real)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_REAL, .real = real};
}

struct log_field log_bool(const char *name, bool is_true)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_BOOL, .is_true = is_true};
}

// Lines.

static bool is_plain(const char *string)
{
    if (string[0] == '\0') {
        return false;
    }
    for (const char *at = string; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr("\"\\=", *at) != NULL) {
            return false;
        }
    }
    return true;
}

// Appends a string in double quotes. JSON has no \xNN, so a byte that is no character becomes the
// replacement character there.
static void append_quoted(struct text *text, const char *string, enum log_format format)
{
    const size_t length = strlen(string);
    text_append(text, "\"");
    for (size_t i = 0; i < length;) {
        const uint32_t count = text_character_bytes(string + i, length - i);
        const uint8_t byte = (uint8_t)string[i];
        if (count == 0 && format == LOG_TEXT) {
            text_format(text, "\\x%02x", byte);
        } else if (count == 0) {
            text_format(text, "\\u%04x", byte < 0x80 ? byte : 0xfffdu);
        } else {
            text_append(text, byte == '"' || byte == '\\' ? "\\" : "");
            text_append_bytes(text, string + i, count);
        }
        i += count == 0 ? 1 : count;
    }
    text_append(text, "\"");
}

static void append_value(struct text *text, const struct log_field *field, enum log_format format)
{
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        if (format == LOG_TEXT && is_plain(field->text)) {
            text_append(text, field->text);
        } else {
            append_quoted(text, field->text, format);
        }
        break;
    case LOG_FIELD_NUMBER:
        text_format(text, "%" PRId64, field->number);
        break;
    case LOG_FIELD_REAL:
        // JSON has no infinity.
        if (format == LOG_JSON && !isfinite(field->real)) {
            text_append(text, "null");
        } else {
            text_format(text, "%.6g", field->real);
        }
        break;
    case LOG_FIELD_BOOL:
        text_append(text, field->is_true ? "true" : "false");
        break;
    }
}

// Appends a whole field or nothing. False when it does not fit.
static bool append_field(struct text *line, const struct log_field *field, enum log_format format)
{
    char buffer[FIELD_BYTES_MAX];
    struct text text = text_in(buffer, sizeof buffer);
    const bool is_first = line->length == 0;
    if (format == LOG_TEXT) {
        text_format(&text, "%s%s=", is_first ? "" : " ", field->name);
    } else {
        text_format(&text, "%s\"%s\":", is_first ? "{" : ",", field->name);
    }
    append_value(&text, field, format);
    if (text.is_cut || line->length + text.length + CUT_BYTES >= line->capacity) {
        return false;
    }
    text_append_bytes(line, buffer, text.length);
    return true;
}

static void print_time(uint64_t now_us, struct text *text)
{
    const time_t seconds = (time_t)(now_us / SECOND_US);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    text_format(text, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", parts.tm_year + 1900, parts.tm_mon + 1,
        parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
        (unsigned)(now_us % SECOND_US / 1000u));
}

// The line goes out in one write(2) of no more than a pipe takes whole, so that lines of several
// threads, or processes, never mix. A reader that is gone costs the line.
static void write_out(int descriptor, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t written = write(descriptor, bytes + done, length - done);
        if (written < 0 && errno != EINTR) {
            return;
        }
        done += written > 0 ? (size_t)written : 0;
    }
}

// A line being built, and whether everything fitted.
struct line {
    struct text text;
    enum log_format format;
    bool is_cut;
};

static void add(struct line *line, struct log_field field)
{
    if (!append_field(&line->text, &field, line->format)) {
        line->is_cut = true;
    }
}

static void write_line(struct log *log,
    enum log_level level,
    const char *message,
    uint32_t repeat_count,
    const struct log_field *fields,
    uint32_t field_count)
{
    char bytes[LOG_LINE_BYTES_MAX];
    char time_bytes[40];
    struct text time_text = text_in(time_bytes, sizeof time_bytes);
    print_time(log->def.now_us(log->def.context), &time_text);
    struct line line = {.text = text_in(bytes, sizeof bytes), .format = log->def.format};
    add(&line, log_text("ts", time_bytes));
    add(&line, log_text("level", level_words[level]));
    if (log->def.role != NULL) {
        add(&line, log_text("role", log->def.role));
    }
    add(&line, log_text("msg", message));
    for (uint32_t i = 0; i < field_count; i++) {
        add(&line, fields[i]);
    }
    if (repeat_count > 0) {
        add(&line, log_number("repeats", repeat_count));
    }
    const bool is_json = log->def.format == LOG_JSON;
    if (line.is_cut) {
        text_append(&line.text, is_json ? ",\"cut\":true" : " cut=true");
    }
    text_append(&line.text, is_json ? "}\n" : "\n");
    MUSTER_ASSERT(!line.text.is_cut);
    write_out(log->def.descriptor, bytes, line.text.length);
}

// Repeats.

static uint64_t key_of(enum log_level level, const char *message)
{
    // FNV-1a: short, and good enough to tell a few dozen messages apart.
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)level;
    for (const char *at = message; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    return hash | 1;
}

// The message's slot, or else the one that began first.
static struct log_repeat *find_repeat(struct log *log, uint64_t key)
{
    struct log_repeat *oldest = &log->repeats[0];
    for (uint32_t i = 0; i < LOG_REPEAT_COUNT; i++) {
        struct log_repeat *repeat = &log->repeats[i];
        if (repeat->key == key) {
            return repeat;
        }
        if (repeat->begin_us < oldest->begin_us) {
            oldest = repeat;
        }
    }
    return oldest;
}

// Counts a message. True when its line is to be written; `out_owed` then holds what another
// message, whose slot this one takes, or this one itself still owes.
static bool count_message(
    struct log *log, enum log_level level, const char *message, struct log_repeat *out_owed)
{
    const uint64_t key = key_of(level, message);
    const uint64_t now_us = log->def.now_us(log->def.context);
    struct log_repeat *repeat = find_repeat(log, key);
    *out_owed = (struct log_repeat){0};
    // A clock that was set back gives a difference that wraps to a very long time.
    const bool is_over = now_us - repeat->begin_us >= SECOND_US;
    if (repeat->key != key || is_over) {
        *out_owed = *repeat;
        *repeat = (struct log_repeat){.key = key, .begin_us = now_us, .level = level};
        struct text text = text_in(repeat->message, sizeof repeat->message);
        text_append(&text, message);
    }
    if (repeat->written_count == log->def.repeat_count_max) {
        repeat->left_out_count++;
        return false;
    }
    repeat->written_count++;
    return true;
}

static void write_owed(struct log *log, const struct log_repeat *owed)
{
    write_line(log, owed->level, owed->message, owed->left_out_count, NULL, 0);
}

void log_open(struct log *log, const struct log_def *def)
{
    MUSTER_ASSERT(def->now_us != NULL);
    MUSTER_ASSERT(def->repeat_count_max > 0);
    memset(log, 0, sizeof *log);
    log->def = *def;
    const int result = pthread_mutex_init(&log->lock, NULL);
    MUSTER_ASSERT(result == 0);
}

void log_close(struct log *log)
{
    for (uint32_t i = 0; i < LOG_REPEAT_COUNT; i++) {
        if (log->repeats[i].left_out_count > 0) {
            write_owed(log, &log->repeats[i]);
        }
    }
    pthread_mutex_destroy(&log->lock);
}

void log_write(struct log *log,
    enum log_level level,
    const char *message,
    const struct log_field *fields,
    uint32_t field_count)
{
    MUSTER_ASSERT(message != NULL);
    MUSTER_ASSERT(fields != NULL || field_count == 0);
    if (level < log->def.level) {
        return;
    }
    struct log_repeat owed = {0};
    if (level != LOG_ERROR) {
        pthread_mutex_lock(&log->lock);
        const bool is_written = count_message(log, level, message, &owed);
        pthread_mutex_unlock(&log->lock);
        if (!is_written) {
            return;
        }
    }
    uint32_t repeat_count = 0;
    if (owed.left_out_count > 0 && owed.key == key_of(level, message)) {
        repeat_count = owed.left_out_count;
    } else if (owed.left_out_count > 0) {
        write_owed(log, &owed);
    }
    write_line(log, level, message, repeat_count, fields, field_count);
}
