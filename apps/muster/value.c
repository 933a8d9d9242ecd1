// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/value.h"

#include "core/assert.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

// Largest first: printing takes the first one that divides the number.
static const struct unit duration_units[] = {
    {"d", UINT64_C(86400000000)},
    {"h", UINT64_C(3600000000)},
    {"m", UINT64_C(60000000)},
    {"s", UINT64_C(1000000)},
    {"ms", UINT64_C(1000)},
    {"us", 1},
    {NULL, 0},
};

static const struct unit bytes_units[] = {
    {"GiB", UINT64_C(1) << 30},
    {"GB", UINT64_C(1000000000)},
    {"MiB", UINT64_C(1) << 20},
    {"MB", UINT64_C(1000000)},
    {"KiB", UINT64_C(1) << 10},
    {"kB", UINT64_C(1000)},
    {"B", 1},
    {NULL, 0},
};

// Reads the digits at the start of `text`; `out_rest` is what follows them.
static bool read_digits(
    const char *text, uint32_t base, uint64_t *out_number, const char **out_rest)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at != '\0'; at++) {
        const char lower = (char)(*at | 0x20);
        uint32_t digit = base;
        if (*at >= '0' && *at <= '9') {
            digit = (uint32_t)(*at - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            digit = (uint32_t)(lower - 'a') + 10;
        }
        if (digit >= base) {
            break;
        }
        if (number > (UINT64_MAX - digit) / base) {
            return false;
        }
        number = number * base + digit;
    }
    *out_number = number;
    *out_rest = at;
    return at != text;
}

static bool read_integer(const char *text, uint64_t *out_number)
{
    const bool is_hexadecimal = strncmp(text, "0x", 2) == 0;
    const char *rest = NULL;
    return read_digits(
               is_hexadecimal ? text + 2 : text, is_hexadecimal ? 16 : 10, out_number, &rest) &&
           *rest == '\0';
}

static bool read_quantity(const struct unit *units, const char *text, uint64_t *out_number)
{
    uint64_t count = 0;
    const char *rest = NULL;
    if (!read_digits(text, 10, &count, &rest)) {
        return false;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(unit->name, rest) == 0) {
            *out_number = count * unit->factor;
            return count <= UINT64_MAX / unit->factor;
        }
    }
    return false;
}

static bool read_choice(const char *const *choices, const char *text, uint64_t *out_number)
{
    for (uint64_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out_number = i;
            return true;
        }
    }
    return false;
}

static uint64_t text_bytes_max(const struct value_rule *rule)
{
    return rule->max == 0 ? VALUE_TEXT_BYTES_MAX : rule->max;
}

static bool is_printable(const struct value_rule *rule, const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        const uint32_t count = text_character_bytes(text + i, length - i);
        if (count == 0) {
            return false;
        }
        i += count;
    }
    return length >= rule->min && length <= text_bytes_max(rule);
}

static bool is_address(const struct value_rule *rule, const char *text)
{
    uint8_t address[sizeof(struct in6_addr)];
    return is_printable(rule, text) &&
           (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1);
}

static bool is_in_range(const struct value_rule *rule, uint64_t number)
{
    return number >= rule->min && (rule->max == 0 || number <= rule->max);
}

bool value_read(const struct value_rule *rule, const char *text, struct value *out_value)
{
    MUSTER_ASSERT(text != NULL);
    *out_value = (struct value){.text = text};
    uint64_t *number = &out_value->number;
    switch (rule->kind) {
    case VALUE_BOOL:
        *number = strcmp(text, "true") == 0;
        return *number == 1 || strcmp(text, "false") == 0;
    case VALUE_INTEGER:
        return read_integer(text, number) && is_in_range(rule, *number);
    case VALUE_DURATION:
        return read_quantity(duration_units, text, number) && is_in_range(rule, *number);
    case VALUE_BYTES:
        return read_quantity(bytes_units, text, number) && is_in_range(rule, *number);
    case VALUE_CHOICE:
        return read_choice(rule->choices, text, number);
    case VALUE_TEXT:
    case VALUE_PATH:
        return is_printable(rule, text);
    case VALUE_ADDRESS:
        return is_address(rule, text);
    }
    return false;
}

static void print_quantity(const struct unit *units, uint64_t number, struct text *text)
{
    const struct unit *unit = units;
    while (unit[1].name != NULL && (number == 0 || number % unit->factor != 0)) {
        unit++;
    }
    text_format(text, "%" PRIu64 "%s", number / unit->factor, unit->name);
}

static void print_number(const struct value_rule *rule, uint64_t number, struct text *text)
{
    if (rule->kind == VALUE_DURATION && number == 0) {
        text_append(text, "0s");
    } else if (rule->kind == VALUE_DURATION) {
        print_quantity(duration_units, number, text);
    } else if (rule->kind == VALUE_BYTES) {
        print_quantity(bytes_units, number, text);
    } else {
        text_format(text, "%" PRIu64, number);
    }
}

void value_print(const struct value_rule *rule, const struct value *value, struct text *text)
{
    switch (rule->kind) {
    case VALUE_BOOL:
        text_append(text, value->number != 0 ? "true" : "false");
        break;
    case VALUE_INTEGER:
    case VALUE_DURATION:
    case VALUE_BYTES:
        print_number(rule, value->number, text);
        break;
    case VALUE_CHOICE:
        text_append(text, rule->choices[value->number]);
        break;
    case VALUE_TEXT:
    case VALUE_PATH:
    case VALUE_ADDRESS:
        text_append(text, value->text);
        break;
    }
}

static void describe_range(const struct value_rule *rule, struct text *text)
{
    if (rule->max != 0) {
        text_append(text, " from ");
        print_number(rule, rule->min, text);
        text_append(text, " to ");
        print_number(rule, rule->max, text);
    } else if (rule->min != 0) {
        text_append(text, " of at least ");
        print_number(rule, rule->min, text);
    }
}

void value_describe(const struct value_rule *rule, struct text *text)
{
    switch (rule->kind) {
    case VALUE_BOOL:
        text_append(text, "true or false");
        break;
    case VALUE_INTEGER:
        text_append(text, "a whole number");
        describe_range(rule, text);
        break;
    case VALUE_DURATION:
        text_append(text, "a duration");
        describe_range(rule, text);
        text_append(text, ", with its unit, such as 30s");
        break;
    case VALUE_BYTES:
        text_append(text, "a size");
        describe_range(rule, text);
        text_append(text, ", with its unit, such as 64MiB");
        break;
    case VALUE_CHOICE:
        text_append(text, "one of ");
        for (uint32_t i = 0; rule->choices[i] != NULL; i++) {
            text_format(text, "%s%s", i == 0 ? "" : ", ", rule->choices[i]);
        }
        break;
    case VALUE_TEXT:
        text_format(text, "a printable text of %" PRIu64 " to %" PRIu64 " bytes", rule->min,
            text_bytes_max(rule));
        break;
    case VALUE_PATH:
        text_format(
            text, "a path of %" PRIu64 " to %" PRIu64 " bytes", rule->min, text_bytes_max(rule));
        break;
    case VALUE_ADDRESS:
        text_append(text, "an IPv4 or IPv6 address, such as 127.0.0.1");
        break;
    }
}

void value_complain(const struct value_rule *rule, const char *found, struct text *text)
{
    text_quote(text, found, strlen(found));
    text_append(text, ", expected ");
    value_describe(rule, text);
    if (rule->kind == VALUE_CHOICE) {
        struct nearest nearest = nearest_begin(found);
        for (uint32_t i = 0; rule->choices[i] != NULL; i++) {
            nearest_offer(&nearest, rule->choices[i]);
        }
        nearest_append(&nearest, text);
    }
}
