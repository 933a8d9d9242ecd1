// SPDX-License-Identifier: Apache-2.0
#pragma once

/// JSON documents for `--json`.

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/// A JSON string of `text`. Bytes that are not UTF-8 are written as \xNN, because JSON has no way
/// to hold them. NULL only when memory is short.
json_t *document_text(const char *text);

/// A JSON number, or a string of one that not every reader would take as a number.
json_t *document_number(uint64_t number);

/// Writes `document` and a line end, and gives it up, also when it is NULL. False when it is NULL
/// or cannot be written.
bool document_write(json_t *document, FILE *file);
