// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Values as people write them, for flags and for the configuration: what kinds there are, how
/// each is read, printed and described. A number that has a unit carries it in the text (`30s`,
/// `64MiB`), so a file never leaves open what a number means.
///
/// Memory: none. Cost: linear in the text. Threads: any.

#include "apps/muster/text.h"

/// What a value is and how it is written.
enum value_kind {
    VALUE_BOOL,     // true or false
    VALUE_INTEGER,  // decimal, or hexadecimal after 0x
    VALUE_DURATION, // a whole number and us, ms, s, m, h or d; kept in microseconds
    VALUE_BYTES,    // a whole number and B, kB, MB, GB, KiB, MiB or GiB; kept in bytes
    VALUE_CHOICE,   // one of several words; kept as the word's position
    VALUE_TEXT,     // printable UTF-8
    VALUE_PATH,     // a file or folder
    VALUE_ADDRESS,  // an IPv4 or IPv6 address in digits
};

/// Which values are right. `min` and `max` are inclusive: a number in the kind's own unit, for
/// texts, paths and addresses a length in bytes. A max of 0 stands for "no bound" with numbers,
/// and for VALUE_TEXT_BYTES_MAX with texts.
struct value_rule {
    enum value_kind kind;
    uint64_t min;
    uint64_t max;
    const char *const *choices; // of VALUE_CHOICE, ends with NULL
};

/// The longest text or path, without the final zero.
#define VALUE_TEXT_BYTES_MAX 1023u

/// A value that was read.
struct value {
    uint64_t number;  // also 0 or 1 for VALUE_BOOL, the position for VALUE_CHOICE
    const char *text; // as it was written; belongs to the caller of value_read()
};

/// Reads `text` by its rule. False when it is not what the rule asks for; value_describe() says
/// what that is.
bool value_read(const struct value_rule *rule, const char *text, struct value *out_value);

/// Appends the value in the form that value_read() accepts, numbers in the largest unit that
/// needs no fraction.
void value_print(const struct value_rule *rule, const struct value *value, struct text *text);

/// Appends what the rule asks for: "a duration from 1s to 1h, such as 30s".
void value_describe(const struct value_rule *rule, struct text *text);

/// Appends that `found` is not what the rule asks for: `"blue", expected one of red, green`, for
/// choices with the nearest one.
void value_complain(const struct value_rule *rule, const char *found, struct text *text);
