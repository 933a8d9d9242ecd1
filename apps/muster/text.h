// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Text for people: strings built in fixed buffers, quoting of what came from outside, and the
/// nearest known word to a mistyped one.
///
///     char line[80];
///     struct text text = text_in(line, sizeof line);
///     text_format(&text, "found ");
///     text_quote(&text, bytes, length);
///
/// Memory: none of its own. Cost: linear. Threads: any, one at a time per object.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Room for one message to a person, its final zero included.
#define PROBLEM_BYTES_MAX 1024

/// What went wrong, as one sentence without a final full stop, for a person to read.
struct problem {
    char text[PROBLEM_BYTES_MAX];
};

/// Writes the problem's sentence; what does not fit is cut.
__attribute__((format(printf, 2, 3))) void problem_set(
    struct problem *problem, const char *format, ...);

/// A string that grows inside a buffer of the caller and always ends with a zero byte. What does
/// not fit is left out and `is_cut` becomes true.
struct text {
    char *bytes;
    size_t capacity; // bytes, the final zero included
    size_t length;
    bool is_cut;
};

/// An empty text in `buffer`, which must outlive it and hold at least one byte.
struct text text_in(char *buffer, size_t capacity);

/// Appends `string`.
void text_append(struct text *text, const char *string);

/// Appends `length` bytes as they are.
void text_append_bytes(struct text *text, const char *bytes, size_t length);

/// Appends as printf() would.
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);

/// Appends at most the first 60 bytes in double quotes. Quotes, backslashes, control characters
/// and bytes that are not UTF-8 are escaped, so that nothing from outside reaches a terminal raw.
void text_quote(struct text *text, const char *bytes, size_t length);

/// The length in bytes of the printable UTF-8 character at `bytes`, or 0 when there is none:
/// a control character (also of the C1 set) or bytes that are not UTF-8.
uint32_t text_character_bytes(const char *bytes, size_t length);

/// The search for the known word that a mistyped word most likely meant.
struct nearest {
    const char *wanted;
    const char *best; // NULL until a word is near enough
    uint32_t distance_min;
};

/// Begins a search for `wanted`, which must outlive it.
struct nearest nearest_begin(const char *wanted);

/// Offers a known word, which must outlive the search. A word counts as near when at most two
/// characters must be added, left out, replaced or swapped with their neighbour, in the word or
/// in its beginning up to an underscore: "tikc_rate" is near "tick_rate_hz".
void nearest_offer(struct nearest *nearest, const char *candidate);

/// Appends `; did you mean "best"?` when a word was near enough.
void nearest_append(const struct nearest *nearest, struct text *text);
