// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Unreliable messages of a game that wait for the next packet, as records of kind
/// PLAY_RECORD_CUSTOM. Few and for one packet only: what finds no room is dropped by the caller.

#include "wire/play.h"

/// So many records fit into a packet beside an INPUT or an UPDATE.
#define LOOSE_COUNT_MAX 6

/// The longest message, and some short ones.
#define LOOSE_BYTES (MUSTER_MESSAGE_BYTES_MAX + 16u)

struct loose {
    uint32_t length; // bytes in use
    uint32_t count;
    uint8_t bytes[LOOSE_BYTES]; // each record behind its length in two bytes
};

/// @return false if there is no room
bool loose_push(struct loose *loose, uint32_t message_index, const void *bytes, uint32_t length);

/// The oldest record.
/// @param out_bytes  set to it; good until the next pop
/// @return its length, 0 if there is none
uint32_t loose_first(const struct loose *loose, const uint8_t **out_bytes);

/// Removes the oldest record; there must be one.
void loose_pop(struct loose *loose);
