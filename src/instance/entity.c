// SPDX-License-Identifier: Apache-2.0
#include "instance/world.h"

#include "core/assert.h"
#include "instance/physics.h"

#include <string.h>

// An entity takes the lowest free slot, so that live slots stay close together. What leaves a slot
// does so in two steps: at removal it stops being alive and being found, and at the end of the
// step its columns become zero and the slot may be given out again. A global id holds the
// instance, the slot and how many entities the slot has held, so that finding a slot by id needs
// no table and an id never comes twice.
//
// Bit sets by kind make a walk over one kind cost what there is of it.

#define GENERATION_MAX UINT32_MAX

static uint64_t *kind_words(const muster_world *world, uint32_t kind)
{
    return world->kind_slots + (size_t)kind * world->slot_words;
}

static void set_bit(uint64_t *words, uint32_t slot)
{
    words[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void clear_bit(uint64_t *words, uint32_t slot)
{
    words[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static muster_entity_id make_id(const muster_world *world, uint32_t slot)
{
    const uint64_t instance = world->instance_id;
    const uint64_t generation = world->generation[slot];
    return instance << (WORLD_GENERATION_BITS + WORLD_SLOT_BITS) | generation << WORLD_SLOT_BITS |
           slot;
}

// A slot whose count of entities is used up is never given out again.
static void offer_slot(muster_world *world, uint32_t slot)
{
    if (world->generation[slot] == GENERATION_MAX) {
        return;
    }
    set_bit(world->free_slots, slot);
    if (slot / 64 < world->free_words_min) {
        world->free_words_min = slot / 64;
    }
}

static uint32_t lowest_free_slot(muster_world *world)
{
    while (world->free_words_min < world->slot_words) {
        const uint64_t word = world->free_slots[world->free_words_min];
        if (word != 0) {
            return world->free_words_min * 64 + (uint32_t)__builtin_ctzll(word);
        }
        world->free_words_min++;
    }
    return MUSTER_NONE;
}

static void zero_slot(muster_world *world, uint32_t slot)
{
    for (uint32_t i = WORLD_BLOCK_ALIVE; i < world->entity_block_end; i++) {
        const muster_state_block *block = &world->blocks[i];
        const size_t bytes = muster_state_element_bytes(block);
        memset((uint8_t *)block->data + slot * bytes, 0, bytes);
    }
}

// What lies at and beyond the slot count is not state and may hold anything.
static void extend_slots(muster_world *world, uint32_t slot)
{
    while (world->slot_count <= slot) {
        world->generation[world->slot_count] = 0;
        zero_slot(world, world->slot_count);
        world->slot_count++;
    }
    world->view.slot_count = world->slot_count;
}

muster_status world_spawn(
    muster_world *world, uint32_t kind, muster_vec3 position, uint32_t *out_slot)
{
    MUSTER_ASSERT(kind < MUSTER_KIND_COUNT_MAX);
    *out_slot = lowest_free_slot(world);
    if (*out_slot == MUSTER_NONE) {
        return MUSTER_ERR_FULL;
    }
    const uint32_t slot = *out_slot;
    extend_slots(world, slot);
    MUSTER_ASSERT(world->is_alive[slot] == 0);

    world->generation[slot]++;
    world->is_alive[slot] = 1;
    world->kind[slot] = (uint16_t)kind;
    world->position[slot] = position;
    world->id[slot] = make_id(world, slot);
    clear_bit(world->free_slots, slot);
    set_bit(world->newborn_slots, slot);
    set_bit(kind_words(world, kind), slot);
    return MUSTER_OK;
}

// Players that see from a slot no longer do.
static void close_eyes(muster_world *world, uint32_t slot)
{
    for (uint32_t i = 0; world->viewer_count[slot] > 0; i++) {
        MUSTER_ASSERT(i < world->player_slot_count);
        if (world_has_player(world, i) && world->players[i].entity_slot == slot) {
            world->players[i].entity_slot = MUSTER_NONE;
            world->viewer_count[slot]--;
        }
    }
}

void world_remove(muster_world *world, uint32_t slot)
{
    MUSTER_ASSERT(world_is_alive(world, slot));
    close_eyes(world, slot);
    physics_remove(world, slot);
    world->is_alive[slot] = 0;
    clear_bit(kind_words(world, world->kind[slot]), slot);
    set_bit(world->removed_slots, slot);
}

uint32_t world_entity_next(const muster_world *world, uint32_t kind, uint32_t slot_min)
{
    MUSTER_ASSERT(kind < MUSTER_KIND_COUNT_MAX);
    if (slot_min >= world->slot_count) {
        return MUSTER_NONE;
    }
    const uint64_t *words = kind_words(world, kind);
    const uint32_t word_end = (world->slot_count + 63) / 64;
    uint32_t i = slot_min / 64;
    uint64_t word = words[i] & UINT64_MAX << (slot_min % 64);
    while (word == 0) {
        i++;
        if (i == word_end) {
            return MUSTER_NONE;
        }
        word = words[i];
    }
    return i * 64 + (uint32_t)__builtin_ctzll(word);
}

uint32_t world_entity_find(const muster_world *world, muster_entity_id id)
{
    const uint32_t slot = (uint32_t)(id & ((1u << WORLD_SLOT_BITS) - 1));
    const bool is_found = world_is_alive(world, slot) && world->id[slot] == id;
    return is_found ? slot : MUSTER_NONE;
}

static void end_removed(muster_world *world, uint32_t slot)
{
    zero_slot(world, slot);
    world->id[slot] = 0;
    offer_slot(world, slot);
}

void world_end_entities(muster_world *world)
{
    const uint32_t word_end = (world->slot_count + 63) / 64;
    for (uint32_t i = 0; i < word_end; i++) {
        for (uint64_t word = world->removed_slots[i]; word != 0; word &= word - 1) {
            end_removed(world, i * 64 + (uint32_t)__builtin_ctzll(word));
        }
        world->removed_slots[i] = 0;
        world->newborn_slots[i] = 0;
    }
}

static void derive_slot(muster_world *world, uint32_t slot)
{
    world->viewer_count[slot] = 0;
    world->id[slot] = 0;
    if (slot >= world->slot_count) {
        set_bit(world->free_slots, slot);
    } else if (world->is_alive[slot] != 0) {
        world->id[slot] = make_id(world, slot);
        set_bit(kind_words(world, world->kind[slot]), slot);
    } else {
        offer_slot(world, slot);
    }
}

void world_derive(muster_world *world)
{
    const size_t set_bytes = (size_t)world->slot_words * sizeof(uint64_t);
    memset(world->free_slots, 0, set_bytes);
    memset(world->newborn_slots, 0, set_bytes);
    memset(world->removed_slots, 0, set_bytes);
    memset(world->kind_slots, 0, set_bytes * MUSTER_KIND_COUNT_MAX);
    world->free_words_min = 0;
    for (uint32_t slot = 0; slot < world->limits.entity_count_max; slot++) {
        derive_slot(world, slot);
    }
    for (uint32_t i = 0; i < world->player_slot_count; i++) {
        if (world_has_player(world, i) && world->players[i].entity_slot != MUSTER_NONE) {
            world->viewer_count[world->players[i].entity_slot]++;
        }
    }
    memcpy(world->activity_told, world->activity, world->limits.player_count_max);
    world->view.tick = world->tick;
    world->view.slot_count = world->slot_count;
}
