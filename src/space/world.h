// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the files of this part share: the state of a space, by slot; and the work arrays of one
/// step, by place. A place is a body's index in the order of the grid, so that what is near in
/// space is near in memory.

#include "muster/grid.h"
#include "muster/space.h"

#include "space/kernels.h"
#include "space/plan.h"

/// Bodies in one item of a parallel loop over places.
#define SPACE_CHUNK_BODY_COUNT 256u

/// Sleep label of a body that is awake.
#define SPACE_AWAKE UINT32_MAX

/// Set in the flags of a body that was added or moved by hand since the latest step: contacts
/// kept from before are not its own.
#define SPACE_FRESH 64u

/// Flags of bodies that nothing pushes.
#define SPACE_UNPUSHED (MUSTER_BODY_KINEMATIC | MUSTER_BODY_SENSOR)

/// Penetration that is left alone, so that resting contacts stay contacts.
#define SPACE_SLOP_M 0.005f

/// The place of a slot that is not in the index.
#define SPACE_NO_PLACE UINT32_MAX

/// The end of a chain of contacts.
#define SPACE_NO_CONTACT UINT32_MAX

/// Bodies closer than this touch.
#define SPACE_TOUCH_M 0.01f

/// The other end of a contact: a slot, or one of these plus an index.
#define SPACE_OTHER_BOX      (1u << 24)
#define SPACE_OTHER_TERRAIN  (1u << 25)
#define SPACE_OTHER_TOUCHING (1u << 31) ///< Set in the state if the two touched.

/// Terrain contacts of one body, and anchors (boxes and terrain) together.
#define SPACE_TERRAIN_CONTACT_MAX 3u

/// Bodies that a query looks through one by one before the index is sorted again.
#define SPACE_STALE_COUNT_MAX 64u

/// A ball on its way. A ray is one without a radius.
struct sweep {
    muster_vec3 from;
    muster_vec3 way;
    float radius_m;
};

/// What it meets first so far. Begins with a fraction of 1 and nothing.
struct sweep_hit {
    muster_space_kind kind;
    uint32_t index;
    float fraction;
    muster_vec3 normal;
};

/// Contacts up to which small islands share a batch.
#define SPACE_BATCH_CONTACT_COUNT 1024u

/// Contacts above which an island is solved colour by colour, by all workers together.
#define SPACE_LARGE_ISLAND_CONTACT_COUNT 2048u

/// Ways a batch sorts its groups: colours of pairs, pairs alone, and the same for anchors.
#define SPACE_BATCH_SORT_COUNT (2u * (KERNEL_COLOUR_COUNT + 1u))

/// One contact in this many may find no colour and be solved alone; more are dropped.
#define SPACE_LONE_SHARE 16u

/// Improves `hit` by a body at a place if the sweep meets it; a lower slot wins a tie.
void ball_sweep(const struct sweep *sweep,
    muster_vec3 centre,
    float radius_m,
    uint32_t slot,
    struct sweep_hit *hit);

/// How a contact is solved.
enum contact_sort {
    CONTACT_PAIR,   ///< Two bodies that can be pushed.
    CONTACT_ANCHOR, ///< One body that can be pushed and something that cannot.
    CONTACT_SENSOR, ///< Only reported.
    CONTACT_WAKE,   ///< Body b sleeps and must wake; the search is then done again.
};

/// A contact while a step works on it.
struct contact {
    uint32_t place_a; ///< Can be pushed, unless it is a sensor's contact.
    uint32_t place_b; ///< The place of a body, or that of the still body for boxes and terrain.
    uint32_t other;   ///< As in the state.
    uint32_t island;
    uint32_t group; ///< Where it is solved; SPACE_NO_PLACE for nowhere.
    uint8_t sort;
    uint8_t colour;
    uint8_t lane;
    bool was_touching;
    bool is_touching;
    muster_vec3 normal; ///< From b to a.
    float separation_m;
    float approach_mps;
    float friction;
    float bounce_mps; ///< Speed to part at; 0 for none.
    float normal_impulse;
    muster_vec3 friction_impulse;
};

/// The box round something, along the axes.
struct bounds {
    muster_vec3 min, max;
};

/// Static boxes and the cells of a plan in which each is listed wherever a body could touch it.
struct box_table {
    muster_space_box *boxes;
    struct bounds *bounds;
    float *sines;
    float *cosines;
    uint32_t *cell_start;
    uint32_t *cell_boxes;
    uint32_t box_count;
    uint32_t cell_box_capacity;
    struct plan plan;
    float reach_m; ///< How far beyond itself a box is listed.
};

/// The height field.
struct terrain {
    float *heights_m;
    uint32_t column_count, row_count; ///< Samples; the plan has the squares between them.
    struct plan plan;
    float height_min_m, height_max_m;
    uint8_t material;
    uint16_t category;
};

/// A run of small islands, or one large one: what one worker solves, or all together.
struct batch {
    uint32_t contact_begin, contact_end; ///< In batch_contacts.
    uint32_t group_begin;
    uint32_t group_capacity;
    bool is_large;
    bool has_bounce;
    uint32_t dropped_count;
    uint32_t colour_begin[SPACE_BATCH_SORT_COUNT + 1]; ///< First group of each sort.
};

/// One item's share of the contacts.
struct chunk {
    uint32_t contact_begin, contact_count, contact_capacity;
    uint32_t cache_begin; ///< Index of its first contact in the state.
    uint32_t dropped_count;
    bool has_sleeper;  ///< Something in it meets a body that sleeps.
    bool has_inactive; ///< Contacts of some bodies in it may be kept.
    bool may_sleep;    ///< Some body has rested long enough.
};

/// What gravity and drag do to bodies of a material in a step.
struct motion {
    muster_vec3 pull; ///< Velocity gained.
    float kept;       ///< Share of the velocity that remains.
};

struct muster_space {
    muster_allocator allocator;
    size_t bytes;
    const struct kernels *kernels;
    uint64_t static_hash;
    uint64_t dropped_count;

    // Settings.
    uint32_t body_capacity;
    uint32_t contact_capacity;
    float step_s;
    float steps_per_s;
    muster_vec3 gravity;
    uint32_t iteration_count;
    float cell_m;
    float reach_max_m; // of a body that is found through its own and the neighbouring cells
    float sleep_speed_squared;
    uint32_t sleep_ticks;
    float ground_normal_z_min;
    float partition_min_x, partition_min_y;
    float partitions_per_m;
    uint32_t partition_side_count;
    struct terrain terrain;
    struct box_table box_table;
    muster_space_material materials[MUSTER_SPACE_MATERIAL_COUNT_MAX];
    struct motion motions[MUSTER_SPACE_MATERIAL_COUNT_MAX];
    uint32_t material_count;

    // State, by slot. counts[0] is the slot count, counts[1] the number of contacts.
    uint32_t one; // live elements of the block of counts
    uint32_t counts[2];
    muster_vec3 *position;
    muster_vec3 *velocity;
    muster_vec3 *ground_normal;
    float *radius_m;
    float *inverse_mass;
    uint32_t *sleep_label; // SPACE_AWAKE, or the lowest slot of those it fell asleep with
    uint16_t *rest_ticks;
    uint16_t *category;
    uint16_t *mask;
    uint8_t *flags;
    uint8_t *material;

    // State, by contact: the slot that owns it and the other end; impulses along the normal and
    // across it.
    uint32_t (*contact_ends)[2];
    float (*contact_impulse)[4];

    // Derived from the state by a chain for each slot: contacts that it owns.
    uint32_t *contact_head;
    uint32_t *contact_next;

    // The index, and what changed since it was sorted.
    muster_grid *flat_grid;    // cells without an upper and a lower end
    muster_grid *layered_grid; // cubes
    muster_grid *grid;         // the better one of the two
    muster_grid_view view;
    bool is_grid_sorted;
    uint8_t *is_stale;
    uint32_t stale_count;
    uint32_t stale_slots[SPACE_STALE_COUNT_MAX];
    uint32_t *slot_list;
    uint32_t *large_places; // bodies too large for their cells
    uint32_t large_count;
    uint32_t *place_of_slot; // UINT32_MAX for slots that are not in the index
    float *place_reach_m;    // negative for those
    float *place_radius_m;
    uint64_t *found_slots; // a bit set for queries

    // Bullets, by slot.
    uint32_t *bullet_slots;
    uint32_t bullet_count;

    // One step's work, by place.
    struct kernel_body *bodies; // velocity and inverse mass; one more for what stands still
    struct kernel_body *moves;  // velocity that moves the body in this step
    uint8_t *place_flags;
    uint32_t *colour_mask;
    uint8_t *anchor_count;
    uint32_t *parent;
    uint32_t *island_of;
    uint16_t *island_rest_ticks; // by root place

    struct chunk *chunks;
    uint32_t chunk_count;
    struct contact *contacts;
    uint32_t *kept_contacts; // indices of contacts that sleep on
    uint32_t kept_count;
    uint32_t *island_size;
    uint32_t *island_batch;
    uint32_t island_count;
    struct batch *batches;
    uint32_t batch_capacity;
    uint32_t batch_count;
    uint32_t *batch_contacts;
    struct kernel_group *groups;
    uint32_t group_capacity;

    muster_space_contact *events;
    uint32_t event_count;
    muster_space_hit *hits;
    uint32_t hit_count;
};

/// What a body at a place is in this step.
enum place_flag {
    PLACE_PUSHED = 1,   ///< Can be pushed, and is awake.
    PLACE_ACTIVE = 2,   ///< Its contacts are looked for; else those kept are kept.
    PLACE_SENSOR = 4,   ///< Is not felt.
    PLACE_SLEEPING = 8, ///< Can be pushed, and sleeps.
};

// boxes.c

/// Checks boxes and counts what their table needs. `table` gets the measures, no memory.
bool box_table_plan(struct box_table *table, const muster_space_def *def, float reach_m);

/// Fills a table whose arrays were laid out.
void box_table_fill(struct box_table *table, const muster_space_box *boxes);

/// The boxes that something whose middle is at (x, y) and that reaches at most the table's reach
/// can touch.
muster_grid_range box_table_at(const struct box_table *table, float x, float y);

/// The distance from a box's surface to a point, negative inside, and the way out.
float box_distance(
    const struct box_table *table, uint32_t box, muster_vec3 point, muster_vec3 *out_normal);

/// Improves `hit` by the boxes with a category of the mask that a ball meets on its way. Edges
/// count as sharp. Is only met what the ball moves into; one that begins inside meets it at 0.
void box_table_sweep(
    const struct box_table *table, const struct sweep *sweep, uint16_t mask, struct sweep_hit *hit);

// terrain.c

/// A point of contact with the ground.
struct terrain_contact {
    muster_vec3 normal;
    float separation_m;
};

/// Checks a height field and copies what is not an array.
bool terrain_plan(struct terrain *terrain, const muster_space_def *def);

/// Copies the heights.
void terrain_fill(struct terrain *terrain, const float *heights_m);

/// The contacts of a ball with the ground that are nearer than `margin_m`, deepest first.
uint32_t terrain_touch(const struct terrain *terrain,
    muster_vec3 centre,
    float radius_m,
    float margin_m,
    struct terrain_contact out_contacts[SPACE_TERRAIN_CONTACT_MAX]);

/// Improves `hit` by where a ball meets the ground on its way.
void terrain_sweep(const struct terrain *terrain, const struct sweep *sweep, struct sweep_hit *hit);

// body.c

/// Wakes everything that fell asleep together with a slot.
void space_wake(muster_space *space, uint32_t slot);

/// Wakes everything with a label.
void space_wake_label(muster_space *space, uint32_t label);

// index.c

/// Sorts all bodies but bullets by place. Does nothing if they are.
void space_index_sort(muster_space *space);

/// Notes that a slot is no longer where, or what, the index says.
void space_index_touch(muster_space *space, uint32_t slot);

/// Forgets the index.
void space_index_drop(muster_space *space);

/// Derives the chains of contacts from the state.
void space_chain_contacts(muster_space *space);

// Small sums of every file.

/// The lower of each coordinate.
static inline muster_vec3 vec3_min(muster_vec3 a, muster_vec3 b)
{
    return (muster_vec3){a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y, a.z < b.z ? a.z : b.z};
}

/// The higher of each coordinate.
static inline muster_vec3 vec3_max(muster_vec3 a, muster_vec3 b)
{
    return (muster_vec3){a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y, a.z > b.z ? a.z : b.z};
}

/// A position within the bounds.
static inline muster_vec3 space_limit_position(muster_vec3 position)
{
    const float max = MUSTER_SPACE_COORDINATE_MAX;
    const muster_vec3 high = {max, max, max};
    return vec3_max(vec3_min(position, high), muster_vec3_scale(high, -1.0f));
}

/// A velocity cut to the fastest there is.
static inline muster_vec3 space_limit_speed(muster_vec3 velocity)
{
    const float max = MUSTER_SPACE_SPEED_MAX;
    const float square = muster_vec3_dot(velocity, velocity);
    if (square <= max * max) {
        return velocity;
    }
    // A little below the limit, so that rounding cannot leave it above.
    return muster_vec3_scale(velocity, max * 0.999999f / muster_sqrt(square));
}

/// The velocity of a slot after gravity and drag have acted for a step.
static inline muster_vec3 space_accelerated(const muster_space *space, uint32_t slot)
{
    const struct motion *motion = &space->motions[space->material[slot]];
    const muster_vec3 velocity = muster_vec3_add(space->velocity[slot], motion->pull);
    return muster_vec3_scale(velocity, motion->kept);
}

// step.c

/// Readies velocities, reaches and flags by place. May be done again after bodies woke.
void space_prepare_bodies(muster_space *space, const muster_parallel *parallel);

// collide.c

/// Finds the contacts of this step; wakes what is met. Velocities must be prepared.
void space_find_contacts(muster_space *space, const muster_parallel *parallel);

// island.c

/// Joins what touches into islands and spreads the contacts over batches.
void space_find_islands(muster_space *space);

/// The island of a place, named by one of its places.
uint32_t space_island_root(muster_space *space, uint32_t place);

/// Puts to sleep the islands that have rested.
void space_put_to_sleep(muster_space *space);

// solve.c

/// Solves every contact: velocities in `bodies` and `moves`, impulses in `contacts`.
void space_solve(muster_space *space, const muster_parallel *parallel);

// bullet.c

/// Moves the bullets and lists what they hit. The index must be that of the step's beginning.
void space_move_bullets(muster_space *space);
