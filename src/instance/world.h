// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The inside of an instance: one slab of memory that holds the world's state, what is derived
/// from it, and what lasts for one step only.
///
/// - State is what the blocks show: it is hashed, kept and compared. Nothing else decides what a
///   step does.
/// - Derived memory follows from state and is made again after a restore.
/// - Scratch is empty between two steps.

#include "muster/game.h"
#include "muster/instance.h"
#include "muster/space_api.h"
#include "sched/runner.h"

/// Bits of a slot in a global id: instance, generation of the slot, slot.
#define WORLD_SLOT_BITS       16
#define WORLD_GENERATION_BITS 32

/// Bytes of a block's name that is put together, as of "player_" and the column's.
#define WORLD_NAME_BYTES (MUSTER_NAME_BYTES + 8)

_Static_assert(MUSTER_ENTITY_COUNT_MAX <= 1u << WORLD_SLOT_BITS, "a slot must fit its bits");

/// Blocks that every world has, in front of the game's. The order puts counts before what they
/// count, and entities together.
enum world_block {
    WORLD_BLOCK_TICK,
    WORLD_BLOCK_TIME_SCALE,
    WORLD_BLOCK_PLAYER_SLOT_COUNT,
    WORLD_BLOCK_SLOT_COUNT,
    WORLD_BLOCK_GENERATION,
    WORLD_BLOCK_ALIVE,
    WORLD_BLOCK_KIND,
    WORLD_BLOCK_TEAM,
    WORLD_BLOCK_OWNER,
    WORLD_BLOCK_POSITION,
    WORLD_BLOCK_VELOCITY,
    WORLD_BLOCK_GAME, // the game's columns, its columns by player, then the three below
};

/// What the checker of a frame knows of a player while it reads.
struct frame_member {
    uint64_t id[2];
    uint64_t order; // where the player stands in this frame
    bool is_there;
};

struct muster_world {
    // What it was made from.
    const muster_game *game;
    muster_allocator allocator;
    muster_parallel parallel;
    muster_game_limits limits;
    int64_t options[MUSTER_OPTION_COUNT_MAX];
    uint64_t seed;
    uint32_t instance_id;
    size_t bytes;

    // State that is one number.
    uint64_t tick;
    uint32_t time_scale_permille;
    uint32_t player_slot_count; // players at and beyond it have never been
    uint32_t slot_count;        // likewise entities
    uint32_t one;               // the element count of blocks of one element
    uint32_t blob_bytes;

    // State by entity.
    uint32_t *generation; // of the slot's latest entity, kept when it is gone
    uint8_t *is_alive;
    uint16_t *kind;
    uint16_t *team;
    uint32_t *owner;
    muster_vec3 *position;
    muster_vec3 *velocity;

    // State by player. A player is there if it has joined in some tick.
    muster_player *players;
    uint8_t *activity;

    uint8_t *blob;
    muster_state_block *blocks;
    uint64_t *block_hashes; // of the state after the latest step
    uint32_t block_count;
    uint32_t entity_block_end; // blocks from ALIVE up to here are zero for an empty slot
    const muster_state_block *column_blocks[MUSTER_COLUMN_GAME + MUSTER_COLUMN_COUNT_MAX];

    // Physics; NULL without. The columns are the space's own, for reading.
    muster_space *space;
    muster_space_columns bodies;
    struct physics_build *build; // while build() runs

    // Derived.
    muster_entity_id *id;
    uint64_t *free_slots;    // bit s: slot s may be given out
    uint64_t *kind_slots;    // for each kind, bit s: such an entity lives in slot s
    uint16_t *viewer_count;  // by slot: players that see from it
    uint32_t slot_words;     // of 64 slots each
    uint32_t free_words_min; // words below it have no free slot
    uint8_t *activity_told;  // by player: the activity that the last event named
    uint64_t hash;
    muster_world_view view;
    char (*names)[WORLD_NAME_BYTES]; // of blocks by player, then of the space

    // Scratch.
    bool has_contacts;            // physics has stepped in this step
    uint64_t *newborn_slots;      // bit s: spawned in this step
    uint64_t *removed_slots;      // bit s: removed in this step
    struct frame_member *members; // by player, of the frame that is checked
    muster_core_event *events;
    uint32_t event_count, event_next, event_count_max;
    muster_outgoing *outgoing;
    uint32_t outgoing_count, outgoing_next, outgoing_count_max;
    uint8_t *outgoing_bytes;
    uint32_t outgoing_bytes_used, outgoing_bytes_max;
    uint8_t *backup; // the state before a restore; an allocation of its own, rarely touched
    size_t backup_bytes;

    // The game's tasks, and what they cost.
    struct runner runner;
    struct runner_task *runner_tasks;
    struct runner_cost *runner_costs;
    struct runner_cost physics_cost;
    uint64_t (*now_ns)(void *clock_context);
    void *clock_context;
};

struct muster_instance {
    muster_world world;
};

/// The table that modules get.
const muster_host *world_host(void);

/// Stops the process: the game has called a host function with what cannot be.
_Noreturn void world_misuse(const muster_world *world, const char *function, const char *what);

// layout.c

/// Bytes of the slab of a world with these limits.
size_t world_slab_bytes(const muster_game *game, const muster_game_limits *limits);

/// Divides the slab, zeroed, that begins with the world itself and fills in its pointers, blocks
/// and view. Game and limits are set already.
void world_lay_out(muster_world *world);

/// Makes derived memory from state.
void world_derive(muster_world *world);

// entity.c

/// As in muster_host.
muster_status world_spawn(
    muster_world *world, uint32_t kind, muster_vec3 position, uint32_t *out_slot);

/// As in muster_host, for a live slot.
void world_remove(muster_world *world, uint32_t slot);

/// As in muster_host, for a kind in range.
uint32_t world_entity_next(const muster_world *world, uint32_t kind, uint32_t slot_min);

/// As in muster_host.
uint32_t world_entity_find(const muster_world *world, muster_entity_id id);

/// Empties the slots of removed entities and forgets who is newborn.
void world_end_entities(muster_world *world);

static inline bool world_is_alive(const muster_world *world, uint32_t slot)
{
    return slot < world->slot_count && world->is_alive[slot] != 0;
}

static inline bool world_is_newborn(const muster_world *world, uint32_t slot)
{
    return (world->newborn_slots[slot / 64] >> (slot % 64) & 1) != 0;
}

// player.c

/// Puts a player in; one that is there already keeps its columns.
void world_join(muster_world *world, uint32_t player_index, const muster_player *player);

/// Takes a player out and clears all that names its index.
void world_leave(muster_world *world, uint32_t player_index);

/// As in muster_host, for a player that is there.
void world_set_player_entity(muster_world *world, uint32_t player_index, uint32_t slot);

/// Adds an event to those of this step, of which there is room for as many as can happen.
void world_push_event(
    muster_world *world, muster_event_type type, uint32_t player_index, uint32_t detail);

/// Adds an event for every player whose activity has changed in this step.
void world_tell_activities(muster_world *world);

static inline bool world_has_player(const muster_world *world, uint32_t player_index)
{
    return player_index < world->player_slot_count && world->players[player_index].joined_tick != 0;
}

// state.c

/// Hashes every block, and from that the whole.
void world_hash_state(muster_world *world);

/// Makes everything follow from a state that was overwritten.
void world_restored(muster_world *world);
