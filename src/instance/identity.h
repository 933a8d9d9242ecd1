// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a snapshot and a frame log begin with: which world it is that they are of.

#include "instance/world.h"
#include "muster/frame_log.h"
#include "wire/record.h"

/// Bytes of an identity, at most.
#define IDENTITY_BYTES_MAX (128 + 8 * MUSTER_OPTION_COUNT_MAX)

/// The identity of a world.
muster_world_identity identity_of(const muster_world *world);

/// Writes an identity.
void identity_write(struct record_writer *writer, const muster_world_identity *identity);

/// Reads an identity; latches an error.
void identity_read(struct record_reader *reader, muster_world_identity *out_identity);

/// Whether states and frames of one can be given to the other.
bool identity_is_equal(const muster_world_identity *left, const muster_world_identity *right);
