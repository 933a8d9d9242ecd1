// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Numbers on the command line of benches.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/// Reads a whole number. @return false if the text is none or out of [min, max]
static inline bool bench_read_number(const char *text, int64_t min, int64_t max, int64_t *out_value)
{
    char *end;
    const long long value = strtoll(text, &end, 10);
    *out_value = value;
    return end != text && *end == '\0' && value >= min && value <= max;
}
