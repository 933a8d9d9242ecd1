// SPDX-License-Identifier: Apache-2.0
#pragma once

/// State blocks: how a part shows the memory that makes up a world's state, so that snapshots,
/// restores, hashes and differences are written once for all parts.
///
/// A world's state is a list of blocks in a fixed order. Each is an array of plain elements: no
/// pointers, no padding with undefined bytes, nothing that depends on the machine. Elements at
/// and beyond the live count are not state. A live count is itself state: it lies in an earlier
/// block of the same list, so that reading blocks in order restores counts before what they
/// count.

#include "muster/base.h"

/// The most blocks one world can be made of.
#define MUSTER_STATE_BLOCK_COUNT_MAX 256

/// What one element of a block is made of, for naming and printing differences.
typedef enum muster_state_type {
    /// Unsigned, 8 bits.
    MUSTER_STATE_U8 = 0,

    /// Unsigned, 16 bits.
    MUSTER_STATE_U16 = 1,

    /// Unsigned, 32 bits.
    MUSTER_STATE_U32 = 2,

    /// Unsigned, 64 bits.
    MUSTER_STATE_U64 = 3,

    /// Signed, 32 bits.
    MUSTER_STATE_I32 = 4,

    /// Floating point, 32 bits, compared bit by bit.
    MUSTER_STATE_F32 = 5,
} muster_state_type;

/// One array of a world's state. The part that filled it in owns the memory and keeps it at the
/// same address for the life of the world.
typedef struct muster_state_block {
    /// Unique within the world, lower case with underscores: "position", "contact_impulse". Lives
    /// as long as the world.
    const char *name;

    /// `element_capacity` elements, aligned for `type`.
    void *data;

    /// Points to the number of live elements, at most `element_capacity`.
    const uint32_t *element_count;

    /// The most elements the block can hold.
    uint32_t element_capacity;

    /// Numbers in an element: 3 for a vector.
    uint32_t lane_count;

    /// The type of each of those numbers.
    muster_state_type type;

    /// True if element i belongs to the entity in slot i, which is how a difference in it is named.
    bool is_by_entity;
} muster_state_block;

/// Bytes of one number of a type; 0 for a value that is not a type.
MUSTER_API uint32_t muster_state_type_bytes(muster_state_type type);

/// Bytes of one element of a block.
MUSTER_API uint32_t muster_state_element_bytes(const muster_state_block *block);
