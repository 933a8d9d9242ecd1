// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A world's entities, for people and programs to read.

#include "muster/instance.h"

#include <jansson.h>
#include <stdio.h>

/// One number of a world's state, from its bits.
void dump_number(muster_state_type type, uint64_t bits, char *out_text, size_t capacity);

/// Prints every entity, a line each.
void dump_print(const muster_game *game, const muster_instance *instance, FILE *file);

/// Every entity as an array of objects.
json_t *dump_json(const muster_game *game, const muster_instance *instance);
