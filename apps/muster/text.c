// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/text.h"

#include "core/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_BYTES_MAX  60u
#define DISTANCE_MAX     2u
#define WORD_BYTES_MAX   64u // longer words are not compared
#define PREFIX_BYTES_MIN 4u  // a shorter beginning is near too many words

struct text text_in(char *buffer, size_t capacity)
{
    MUSTER_ASSERT(buffer != NULL);
    MUSTER_ASSERT(capacity > 0);
    buffer[0] = '\0';
    return (struct text){.bytes = buffer, .capacity = capacity};
}

void text_append_bytes(struct text *text, const char *bytes, size_t length)
{
    MUSTER_ASSERT(text->length < text->capacity);
    const size_t free_bytes = text->capacity - text->length - 1;
    const size_t taken_bytes = length < free_bytes ? length : free_bytes;
    if (taken_bytes > 0) {
        memcpy(text->bytes + text->length, bytes, taken_bytes);
    }
    text->length += taken_bytes;
    text->bytes[text->length] = '\0';
    text->is_cut = text->is_cut || taken_bytes < length;
}

void text_append(struct text *text, const char *string)
{
    text_append_bytes(text, string, strlen(string));
}

__attribute__((format(printf, 2, 0))) static void format_list(
    struct text *text, const char *format, va_list list)
{
    const size_t free_bytes = text->capacity - text->length;
    const int wanted = vsnprintf(text->bytes + text->length, free_bytes, format, list);
    MUSTER_ASSERT(wanted >= 0);
    text->is_cut = text->is_cut || (size_t)wanted >= free_bytes;
    text->length += (size_t)wanted < free_bytes ? (size_t)wanted : free_bytes - 1;
}

void text_format(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    format_list(text, format, list);
    va_end(list);
}

void problem_set(struct problem *problem, const char *format, ...)
{
    struct text text = text_in(problem->text, sizeof problem->text);
    va_list list;
    va_start(list, format);
    format_list(&text, format, list);
    va_end(list);
}

// UTF-8 by its table of well-formed byte sequences: the first byte gives the length and, where
// the general range would allow an overlong form or a surrogate, bounds for the second byte.
uint32_t text_character_bytes(const char *bytes, size_t length)
{
    const uint8_t *byte = (const uint8_t *)bytes;
    if (length == 0 || byte[0] < 0x20 || byte[0] == 0x7f) {
        return 0;
    }
    if (byte[0] < 0x80) {
        return 1;
    }
    if (byte[0] < 0xc2 || byte[0] > 0xf4) {
        return 0;
    }
    const uint32_t count = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
    if (length < count) {
        return 0;
    }
    uint8_t second_min = 0x80;
    uint8_t second_max = 0xbf;
    switch (byte[0]) {
    case 0xc2:
        second_min = 0xa0;
        break; // U+0080 to U+009F are control characters
    case 0xe0:
        second_min = 0xa0;
        break;
    case 0xed:
        second_max = 0x9f;
        break;
    case 0xf0:
        second_min = 0x90;
        break;
    case 0xf4:
        second_max = 0x8f;
        break;
    default:
        break;
    }
    if (byte[1] < second_min || byte[1] > second_max) {
        return 0;
    }
    for (uint32_t i = 2; i < count; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return count;
}

void text_quote(struct text *text, const char *bytes, size_t length)
{
    text_append(text, "\"");
    size_t position = 0;
    while (position < length && position < QUOTE_BYTES_MAX) {
        const uint32_t count = text_character_bytes(bytes + position, length - position);
        const char first = bytes[position];
        if (count == 0) {
            text_format(text, "\\x%02x", (unsigned)(uint8_t)first);
            position++;
            continue;
        }
        if (first == '"' || first == '\\') {
            text_append(text, "\\");
        }
        text_append_bytes(text, bytes + position, count);
        position += count;
    }
    text_append(text, position < length ? "...\"" : "\"");
}

struct nearest nearest_begin(const char *wanted)
{
    return (struct nearest){.wanted = wanted, .distance_min = UINT32_MAX};
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Fills out_distances[j] with the distance between `wanted` and the first j characters of
// `candidate`, row by row of the usual table; the two rows above are kept for swapped neighbours.
static void distances(
    const char *wanted, const char *candidate, uint32_t out_distances[WORD_BYTES_MAX + 1])
{
    uint32_t rows[3][WORD_BYTES_MAX + 1];
    const uint32_t wanted_length = (uint32_t)strlen(wanted);
    const uint32_t length = (uint32_t)strlen(candidate);
    for (uint32_t j = 0; j <= length; j++) {
        rows[0][j] = j;
    }
    for (uint32_t i = 1; i <= wanted_length; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= length; j++) {
            const uint32_t change = wanted[i - 1] == candidate[j - 1] ? 0 : 1;
            row[j] = smaller(above[j - 1] + change, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && wanted[i - 1] == candidate[j - 2] &&
                wanted[i - 2] == candidate[j - 1]) {
                row[j] = smaller(row[j], rows[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    memcpy(out_distances, rows[wanted_length % 3], (length + 1) * sizeof out_distances[0]);
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    const size_t wanted_length = strlen(nearest->wanted);
    const size_t length = strlen(candidate);
    if (wanted_length > WORD_BYTES_MAX || length > WORD_BYTES_MAX) {
        return;
    }
    uint32_t distance_by_length[WORD_BYTES_MAX + 1];
    distances(nearest->wanted, candidate, distance_by_length);
    uint32_t distance = distance_by_length[length];
    for (size_t j = PREFIX_BYTES_MIN; j < length && wanted_length >= PREFIX_BYTES_MIN; j++) {
        if (candidate[j] == '_') {
            distance = smaller(distance, distance_by_length[j]);
        }
    }
    // A word of which more than half differs is not near, however short it is.
    if (distance <= DISTANCE_MAX && 2 * distance <= wanted_length &&
        distance < nearest->distance_min) {
        nearest->best = candidate;
        nearest->distance_min = distance;
    }
}

void nearest_append(const struct nearest *nearest, struct text *text)
{
    if (nearest->best != NULL) {
        text_format(text, "; did you mean \"%s\"?", nearest->best);
    }
}
