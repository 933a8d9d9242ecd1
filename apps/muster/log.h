// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The program's log: one line an event, `key=value` for people or JSON for programs.
///
///     struct log log;
///     struct log_def def = log_default_def();
///     log_open(&log, &def);
///     log_write(&log, LOG_INFO, "listening",
///         LOG_FIELDS(log_text("address", "127.0.0.1"), log_number("port", 7777)));
///
///     ts=2026-01-31T12:00:00.000Z level=info role=up msg=listening address=127.0.0.1 port=7777
///     {"ts":"2026-01-31T12:00:00.000Z","level":"info","role":"up","msg":"listening",...}
///
/// What comes from outside is escaped: no terminal sees a control character, no line is broken,
/// every JSON line parses. Never pass a secret.
///
/// Repeats: of one message at one level, at most `repeat_count_max` lines a second are written. The
/// first line after such a second has the number left out as `repeats`; log_close() writes what
/// is still owed. Errors are never left out.
///
/// Memory: none of its own. Cost: a few microseconds and one write(2) a line; a lock is held for
/// the count of repeats only. Threads: any thread may write; open and close are the owner's.

#include "muster/base.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_TEXT, LOG_JSON };

/// The longest line, its line end included. Fields that do not fit are left out and the line has
/// `cut=true`.
#define LOG_LINE_BYTES_MAX 4096u

/// Messages whose repeats are counted at once; the oldest gives way.
#define LOG_REPEAT_COUNT 64u

/// The longest message that is written in full.
#define LOG_MESSAGE_BYTES_MAX 256u

struct log_def {
    /// Where lines go. Default: standard error. Stays open.
    int descriptor;
    /// The least important level that is written. Default: LOG_INFO.
    enum log_level level;
    /// Default: LOG_TEXT on a terminal, LOG_JSON elsewhere.
    enum log_format format;
    /// Stands in every line; NULL for none. Must outlive the log. Default: NULL.
    const char *role;
    /// Lines of one message in a second. Default: 5.
    uint32_t repeat_count_max;
    /// Microseconds since 1970. Called by writing threads. Default: the system's clock.
    uint64_t (*now_us)(void *context);
    /// Passed to `now_us`. Default: NULL.
    void *context;
};

/// The defaults above.
struct log_def log_default_def(void);

struct log_repeat {
    uint64_t key; // hash of level and message; 0: unused
    uint64_t begin_us;
    uint32_t written_count;
    uint32_t left_out_count;
    enum log_level level;
    char message[LOG_MESSAGE_BYTES_MAX];
};

struct log {
    struct log_def def;
    pthread_mutex_t lock; // of `repeats`
    struct log_repeat repeats[LOG_REPEAT_COUNT];
};

enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_REAL, LOG_FIELD_BOOL };

/// One named value of a line.
struct log_field {
    const char *name; // a constant of letters, digits and underscores
    enum log_field_kind kind;
    union {
        const char *text;
        int64_t number;
        double real;
        bool is_true;
    };
};

/// The fields of one line, for log_write()'s last two arguments.
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]){__VA_ARGS__},                                                       \
        (uint32_t)(sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/// No fields.
#define LOG_NO_FIELDS NULL, 0u

/// A text, which must live until the line is written.
struct log_field log_text(const char *name, const char *text);

/// A whole number.
struct log_field log_number(const char *name, int64_t number);

/// A number with a fraction, written with six digits.
struct log_field log_real(const char *name, double real);

/// True or false.
struct log_field log_bool(const char *name, bool is_true);

/// Begins a log.
void log_open(struct log *log, const struct log_def *def);

/// Writes how often repeats that are still owed were left out.
void log_close(struct log *log);

/// Writes one line when `level` is important enough. `message` says what happened, in the same
/// words every time; what differs belongs into fields.
void log_write(struct log *log,
    enum log_level level,
    const char *message,
    const struct log_field *fields,
    uint32_t field_count);
