// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sums over a world's state from which a single difference can be worked out.
///
/// Take the 32-bit words of one lane, w(i) for element i, and a fixed odd 64-bit weight g(i) for
/// every index. Of two states, let d(i) be by how much w(i) differs. Kept are the plain sum of w(i)
/// and the sum of g(i) * w(i), modulo 2^64. If only element k differs, the plain sums differ by
/// d(k) and the weighted ones by g(k) * d(k): k is the index whose weight fits, and the other
/// state's word follows. No state needs to be kept for that.
///
/// If several elements of a lane differ in one tick, no weight fits. For blocks by entity there is
/// a second net: for each group of 256 slots the same two sums over all lanes of all such blocks,
/// each word times an odd factor of its lane. They still name an entity if it is the only one of
/// its group that differs, in however many lanes.

#include "instance/world.h"
#include "wire/record.h"

/// Slots in a group.
#define SUMS_GROUP_SLOTS 256

/// Two sums; plain and weighted.
struct sum {
    uint64_t plain;
    uint64_t weighted;
};

/// All sums of a world. Zero for a world of zeros.
struct sums {
    uint32_t block_count;
    uint32_t word_count;    // sums by word of all lanes
    uint32_t group_count;   // groups of slots
    uint32_t *word_begins;  // by block, the index of its first word; one more at the end
    uint64_t *block_hashes; // what `words` of a block were summed at
    struct sum *words;
    uint64_t *weights;  // by place in a group, see weight_of() in the source
    struct sum *parts;  // by block and group: what the block adds to the group
    struct sum *groups; // by group
};

/// What two sets of sums say about the first difference between their states.
struct sums_finding {
    uint32_t block_index;
    uint32_t lane_index;
    uint32_t element_min, element_max; // equal if the element is known
    bool has_recorded;                 // the other state's number is known
    uint64_t recorded_bits;
};

/// Bytes of memory that the sums of a world take.
size_t sums_bytes(const muster_world *world);

/// Divides memory of sums_bytes(), aligned to 8; all sums are zero.
void sums_init(struct sums *sums, const muster_world *world, void *memory);

/// Sums what has changed since the last time, after a step or restore.
void sums_update(struct sums *sums, const muster_world *world);

/// Bytes that sums_write() writes at most.
size_t sums_write_bytes_max(const struct sums *sums);

/// Writes the sums that differ from `last`, and makes `last` equal.
void sums_write(struct record_writer *writer, struct sums *last, const struct sums *sums);

/// Reads what sums_write() wrote into `sums`, which holds the ones before; latches an error.
void sums_read(struct record_reader *reader, struct sums *sums);

/// Sets all sums to zero.
void sums_clear(struct sums *sums);

/// Finds where the state of `world`, of which `own` are the sums, differs from the state that
/// `recorded` are of.
/// @return false if the sums are equal
bool sums_find(const muster_world *world,
    const struct sums *own,
    const struct sums *recorded,
    struct sums_finding *out_finding);
