// SPDX-License-Identifier: Apache-2.0
#include "instance/sums.h"

#include "core/assert.h"
#include "muster/random.h"

#include <string.h>

// What odd numbers are for.
enum {
    PURPOSE_WORD = 1,  // factors of words in the sums of groups
    PURPOSE_PLACE = 2, // weights of places in a group
    PURPOSE_GROUP = 3, // weights of groups
};

static uint64_t odd_number(uint64_t purpose, uint32_t index)
{
    const muster_random_key key = {.purpose = purpose};
    return muster_random(key, index) | 1;
}

// The weight of element i is that of its group times that of its place in the group, so that the
// inner loop has one multiplication by a number from a small table.
static uint64_t weight_of(const struct sums *sums, uint32_t element)
{
    return odd_number(PURPOSE_GROUP, element / SUMS_GROUP_SLOTS) *
           sums->weights[element % SUMS_GROUP_SLOTS];
}

// Numbers of 64 bits count as two words, smaller ones as one.
static uint32_t words_in_lane(const muster_state_block *block)
{
    return block->type == MUSTER_STATE_U64 ? 2 : 1;
}

static uint32_t words_in_element(const muster_state_block *block)
{
    return block->lane_count * words_in_lane(block);
}

static uint32_t word_bytes(const muster_state_block *block)
{
    const uint32_t bytes = muster_state_type_bytes(block->type);
    return bytes < sizeof(uint32_t) ? bytes : (uint32_t)sizeof(uint32_t);
}

static uint32_t count_groups(const muster_world *world)
{
    return (world->limits.entity_count_max + SUMS_GROUP_SLOTS - 1) / SUMS_GROUP_SLOTS;
}

static uint32_t count_words(const muster_world *world)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->block_count; i++) {
        count += words_in_element(&world->blocks[i]);
    }
    return count;
}

size_t sums_bytes(const muster_world *world)
{
    const size_t sum_count =
        count_words(world) + (size_t)(world->block_count + 1) * count_groups(world);
    const size_t number_count =
        SUMS_GROUP_SLOTS + world->block_count + (world->block_count + 2) / 2;
    return sum_count * sizeof(struct sum) + number_count * sizeof(uint64_t);
}

void sums_init(struct sums *sums, const muster_world *world, void *memory)
{
    MUSTER_ASSERT((uintptr_t)memory % _Alignof(struct sum) == 0);
    memset(memory, 0, sums_bytes(world));
    *sums = (struct sums){
        .block_count = world->block_count,
        .word_count = count_words(world),
        .group_count = count_groups(world),
    };
    sums->words = memory;
    sums->parts = sums->words + sums->word_count;
    sums->groups = sums->parts + (size_t)sums->block_count * sums->group_count;
    sums->weights = (void *)(sums->groups + sums->group_count);
    sums->block_hashes = sums->weights + SUMS_GROUP_SLOTS;
    sums->word_begins = (void *)(sums->block_hashes + sums->block_count);
    for (uint32_t i = 0; i < SUMS_GROUP_SLOTS; i++) {
        sums->weights[i] = odd_number(PURPOSE_PLACE, i);
    }
    for (uint32_t i = 0; i < world->block_count; i++) {
        sums->word_begins[i + 1] = sums->word_begins[i] + words_in_element(&world->blocks[i]);
    }
}

void sums_clear(struct sums *sums)
{
    memset(sums->words, 0, sums->word_count * sizeof(struct sum));
    memset(sums->groups, 0, sums->group_count * sizeof(struct sum));
}

// Summing.

// The sums of one word of the elements of a group, `stride` bytes apart.
static struct sum sum_words(const uint8_t *word,
    size_t stride,
    uint32_t count,
    uint32_t bytes,
    const uint64_t weights[SUMS_GROUP_SLOTS])
{
    struct sum sum = {0};
    for (uint32_t i = 0; i < count; i++, word += stride) {
        uint32_t value = 0;
        if (bytes == sizeof value) {
            memcpy(&value, word, sizeof value); // a load, where a copy of any size is a call
        } else {
            memcpy(&value, word, bytes);
        }
        sum.plain += value;
        sum.weighted += weights[i] * value;
    }
    return sum;
}

// Sums the elements of one group, into the words of the block and into the block's part.
static void sum_group(
    struct sums *sums, const muster_state_block *block, uint32_t block_index, uint32_t group)
{
    const uint32_t first = group * SUMS_GROUP_SLOTS;
    const uint32_t left = *block->element_count - first;
    const uint32_t count = left < SUMS_GROUP_SLOTS ? left : SUMS_GROUP_SLOTS;
    const size_t stride = muster_state_element_bytes(block);
    const uint8_t *elements = (const uint8_t *)block->data + first * stride;
    const uint64_t group_weight = odd_number(PURPOSE_GROUP, group);
    struct sum part = {0};
    for (uint32_t i = 0; i < words_in_element(block); i++) {
        const uint32_t bytes = word_bytes(block);
        const uint32_t word_index = sums->word_begins[block_index] + i;
        const struct sum sum =
            sum_words(elements + (size_t)i * bytes, stride, count, bytes, sums->weights);
        const uint64_t factor = odd_number(PURPOSE_WORD, word_index);
        sums->words[word_index].plain += sum.plain;
        sums->words[word_index].weighted += group_weight * sum.weighted;
        part.plain += factor * sum.plain;
        part.weighted += factor * sum.weighted;
    }
    if (block->is_by_entity) {
        sums->parts[(size_t)block_index * sums->group_count + group] = part;
    }
}

static void sum_block(struct sums *sums, const muster_state_block *block, uint32_t block_index)
{
    const uint32_t word_begin = sums->word_begins[block_index];
    memset(&sums->words[word_begin], 0, words_in_element(block) * sizeof(struct sum));
    const uint32_t group_end =
        (uint32_t)(((uint64_t)*block->element_count + SUMS_GROUP_SLOTS - 1) / SUMS_GROUP_SLOTS);
    for (uint32_t group = 0; group < group_end; group++) {
        sum_group(sums, block, block_index, group);
    }
    for (uint32_t group = group_end; block->is_by_entity && group < sums->group_count; group++) {
        sums->parts[(size_t)block_index * sums->group_count + group] = (struct sum){0};
    }
}

void sums_update(struct sums *sums, const muster_world *world)
{
    for (uint32_t i = 0; i < sums->block_count; i++) {
        if (sums->block_hashes[i] != world->block_hashes[i]) {
            sums->block_hashes[i] = world->block_hashes[i];
            sum_block(sums, &world->blocks[i], i);
        }
    }
    memset(sums->groups, 0, sums->group_count * sizeof(struct sum));
    for (uint32_t i = 0; i < sums->block_count; i++) {
        const struct sum *parts = &sums->parts[(size_t)i * sums->group_count];
        for (uint32_t group = 0; group < sums->group_count; group++) {
            sums->groups[group].plain += parts[group].plain;
            sums->groups[group].weighted += parts[group].weighted;
        }
    }
}

// Bytes. Written are the sums that changed, first by word, then by group: how many, then for each
// its index and the two numbers.

static bool is_equal(const struct sum *left, const struct sum *right)
{
    return left->plain == right->plain && left->weighted == right->weighted;
}

static void write_list(
    struct record_writer *writer, struct sum *last, const struct sum *sums, uint32_t count)
{
    uint32_t changed_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        changed_count += !is_equal(&last[i], &sums[i]);
    }
    record_write_varint(writer, changed_count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_equal(&last[i], &sums[i])) {
            record_write_varint(writer, i);
            record_write_u64(writer, sums[i].plain);
            record_write_u64(writer, sums[i].weighted);
            last[i] = sums[i];
        }
    }
}

static void read_list(struct record_reader *reader, struct sum *sums, uint32_t count)
{
    const uint64_t changed_count = record_read_varint_max(reader, count);
    for (uint64_t i = 0; i < changed_count && !reader->is_malformed; i++) {
        const uint64_t index = record_read_varint_max(reader, count - 1);
        sums[index].plain = record_read_u64(reader);
        sums[index].weighted = record_read_u64(reader);
    }
}

size_t sums_write_bytes_max(const struct sums *sums)
{
    const size_t sum_count = (size_t)sums->word_count + sums->group_count;
    return 2 * RECORD_VARINT_BYTES_MAX + sum_count * (RECORD_VARINT_BYTES_MAX + sizeof(struct sum));
}

void sums_write(struct record_writer *writer, struct sums *last, const struct sums *sums)
{
    write_list(writer, last->words, sums->words, sums->word_count);
    write_list(writer, last->groups, sums->groups, sums->group_count);
}

void sums_read(struct record_reader *reader, struct sums *sums)
{
    read_list(reader, sums->words, sums->word_count);
    read_list(reader, sums->groups, sums->group_count);
}

// Finding.

static struct sum difference(const struct sum *recorded, const struct sum *own)
{
    return (struct sum){
        .plain = recorded->plain - own->plain,
        .weighted = recorded->weighted - own->weighted,
    };
}

static uint32_t own_word(const muster_state_block *block, uint32_t element, uint32_t word)
{
    const uint32_t bytes = word_bytes(block);
    const uint8_t *data = block->data;
    uint32_t value = 0;
    memcpy(
        &value, data + (size_t)element * muster_state_element_bytes(block) + word * bytes, bytes);
    return value;
}

// The one element whose word differs, if the sums and the word as it is here agree on that.
static bool solve_word(const struct sums *own,
    const muster_state_block *block,
    const struct sum *difference,
    uint32_t word,
    uint32_t *out_element,
    uint32_t *out_recorded)
{
    const int64_t by = (int64_t)difference->plain;
    *out_element = 0;
    *out_recorded = 0;
    if (by == 0 || by > UINT32_MAX || by < -(int64_t)UINT32_MAX) {
        return false;
    }
    const int64_t recorded_max = (int64_t)(UINT64_MAX >> (64 - 8 * word_bytes(block)));
    bool is_found = false;
    for (uint32_t i = 0; i < *block->element_count; i++) {
        const int64_t recorded = (int64_t)own_word(block, i, word) + by;
        const bool is_possible = weight_of(own, i) * difference->plain == difference->weighted &&
                                 recorded >= 0 && recorded <= recorded_max;
        if (is_possible && is_found) {
            return false;
        }
        if (is_possible) {
            is_found = true;
            *out_element = i;
            *out_recorded = (uint32_t)recorded;
        }
    }
    return is_found;
}

// Solves a lane of one or two words, which must name the same element.
static bool solve_lane(const struct sums *own,
    const muster_state_block *block,
    const struct sum *differences,
    struct sums_finding *finding)
{
    const uint32_t count = words_in_lane(block);
    bool is_solved = false;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t word = finding->lane_index * count + i;
        const struct sum zero = {0};
        uint32_t element;
        uint32_t recorded;
        if (is_equal(&differences[i], &zero)) {
            continue;
        }
        const bool is_good = solve_word(own, block, &differences[i], word, &element, &recorded) &&
                             (!is_solved || element == finding->element_min);
        if (!is_good) {
            return false;
        }
        is_solved = true;
        finding->element_min = finding->element_max = element;
        finding->recorded_bits |= (uint64_t)recorded << (32 * i);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t word = finding->lane_index * count + i;
        if (differences[i].plain == 0) {
            finding->recorded_bits |= (uint64_t)own_word(block, finding->element_min, word)
                                      << (32 * i);
        }
    }
    return is_solved;
}

// The one slot of a group that differs; MUSTER_NONE if it is not one, or none does.
static uint32_t solve_group(const struct sums *own, const struct sum *difference, uint32_t group)
{
    for (uint32_t i = 0; difference->plain != 0 && i < SUMS_GROUP_SLOTS; i++) {
        if (own->weights[i] * difference->plain == difference->weighted) {
            return group * SUMS_GROUP_SLOTS + i;
        }
    }
    return MUSTER_NONE;
}

// Names an entity through the groups: the lowest that is alone in its group, or else the first
// group that differs.
static void find_by_group(
    const struct sums *own, const struct sums *recorded, struct sums_finding *finding)
{
    bool has_group = false;
    for (uint32_t group = 0; group < own->group_count; group++) {
        const struct sum by = difference(&recorded->groups[group], &own->groups[group]);
        if (by.plain == 0 && by.weighted == 0) {
            continue;
        }
        const uint32_t slot = solve_group(own, &by, group);
        if (slot != MUSTER_NONE) {
            finding->element_min = finding->element_max = slot;
            return;
        }
        if (!has_group) {
            has_group = true;
            finding->element_min = group * SUMS_GROUP_SLOTS;
            finding->element_max = finding->element_min + SUMS_GROUP_SLOTS - 1;
        }
    }
}

static bool find_in_lane(const muster_world *world,
    const struct sums *own,
    const struct sums *recorded,
    struct sums_finding *finding)
{
    const muster_state_block *block = &world->blocks[finding->block_index];
    const uint32_t count = words_in_lane(block);
    const uint32_t begin = own->word_begins[finding->block_index] + finding->lane_index * count;
    struct sum differences[2];
    bool is_different = false;
    for (uint32_t i = 0; i < count; i++) {
        differences[i] = difference(&recorded->words[begin + i], &own->words[begin + i]);
        is_different = is_different || differences[i].plain != 0 || differences[i].weighted != 0;
    }
    if (!is_different) {
        return false;
    }

    finding->recorded_bits = 0;
    finding->has_recorded = solve_lane(own, block, differences, finding);
    if (!finding->has_recorded) {
        finding->recorded_bits = 0;
        finding->element_min = 0;
        finding->element_max = *block->element_count > 0 ? *block->element_count - 1 : 0;
        if (block->is_by_entity) {
            find_by_group(own, recorded, finding);
        }
    }
    return true;
}

bool sums_find(const muster_world *world,
    const struct sums *own,
    const struct sums *recorded,
    struct sums_finding *out_finding)
{
    MUSTER_ASSERT(own->word_count == recorded->word_count);
    *out_finding = (struct sums_finding){0};
    for (uint32_t i = 0; i < world->block_count; i++) {
        for (uint32_t lane = 0; lane < world->blocks[i].lane_count; lane++) {
            out_finding->block_index = i;
            out_finding->lane_index = lane;
            if (find_in_lane(world, own, recorded, out_finding)) {
                return true;
            }
        }
    }
    return false;
}
