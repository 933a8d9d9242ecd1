// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"
#include "core/large.h"

#include <string.h>

// A space's memory is laid out by one function that runs twice: over nothing, to learn how much
// there is, and over the memory.
struct slab {
    char *base;
    size_t used;
};

static void *take(struct slab *slab, size_t count, size_t element_bytes)
{
    const size_t begin = (slab->used + 63) & ~(size_t)63;
    slab->used = begin + count * element_bytes;
    return slab->base == NULL ? NULL : slab->base + begin;
}

#define TAKE(slab, array, count) ((array) = take((slab), (count), sizeof *(array)))

static void lay_out_state(muster_space *space, struct slab *slab)
{
    const size_t body_count = space->body_capacity;
    TAKE(slab, space->position, body_count);
    TAKE(slab, space->velocity, body_count);
    TAKE(slab, space->ground_normal, body_count);
    TAKE(slab, space->radius_m, body_count);
    TAKE(slab, space->inverse_mass, body_count);
    TAKE(slab, space->sleep_label, body_count);
    TAKE(slab, space->rest_ticks, body_count);
    TAKE(slab, space->category, body_count);
    TAKE(slab, space->mask, body_count);
    TAKE(slab, space->flags, body_count);
    TAKE(slab, space->material, body_count);
    TAKE(slab, space->contact_ends, space->contact_capacity);
    TAKE(slab, space->contact_impulse, space->contact_capacity);
}

static void lay_out_bodies(muster_space *space, struct slab *slab)
{
    const size_t body_count = space->body_capacity;
    TAKE(slab, space->contact_head, body_count);
    TAKE(slab, space->is_stale, body_count);
    TAKE(slab, space->slot_list, body_count);
    TAKE(slab, space->large_places, body_count);
    TAKE(slab, space->place_of_slot, body_count);
    TAKE(slab, space->place_reach_m, body_count + KERNEL_LANE_COUNT);
    TAKE(slab, space->place_radius_m, body_count);
    TAKE(slab, space->found_slots, body_count / 64 + 1);
    TAKE(slab, space->bullet_slots, body_count);
    TAKE(slab, space->bodies, body_count + 1);
    TAKE(slab, space->moves, body_count + 1);
    TAKE(slab, space->place_flags, body_count);
    TAKE(slab, space->colour_mask, body_count);
    TAKE(slab, space->anchor_count, body_count);
    TAKE(slab, space->parent, body_count);
    TAKE(slab, space->island_of, body_count);
    TAKE(slab, space->island_rest_ticks, body_count);
    TAKE(slab, space->hits, body_count);
}

static void lay_out_contacts(muster_space *space, struct slab *slab)
{
    const size_t contact_count = space->contact_capacity;
    TAKE(slab, space->contact_next, contact_count);
    TAKE(slab, space->chunks, space->body_capacity / SPACE_CHUNK_BODY_COUNT + 1);
    TAKE(slab, space->contacts, contact_count);
    TAKE(slab, space->kept_contacts, contact_count);
    TAKE(slab, space->island_size, space->body_capacity);
    TAKE(slab, space->island_batch, space->body_capacity);
    TAKE(slab, space->batches, space->batch_capacity);
    TAKE(slab, space->batch_contacts, contact_count);
    TAKE(slab, space->groups, space->group_capacity);
    TAKE(slab, space->events, contact_count);
}

static void lay_out_statics(muster_space *space, struct slab *slab)
{
    struct box_table *table = &space->box_table;
    TAKE(slab, table->boxes, table->box_count);
    TAKE(slab, table->bounds, table->box_count);
    TAKE(slab, table->sines, table->box_count);
    TAKE(slab, table->cosines, table->box_count);
    TAKE(slab, table->cell_start, (size_t)table->plan.column_count * table->plan.row_count + 1);
    TAKE(slab, table->cell_boxes, table->cell_box_capacity);
    struct terrain *terrain = &space->terrain;
    TAKE(slab, terrain->heights_m, (size_t)terrain->column_count * terrain->row_count);
}

static void lay_out(muster_space *space, struct slab *slab)
{
    take(slab, 1, sizeof *space);
    lay_out_state(space, slab);
    lay_out_bodies(space, slab);
    lay_out_contacts(space, slab);
    lay_out_statics(space, slab);
}

muster_space_def muster_space_default_def(void)
{
    static const muster_space_material material = {.friction = 0.5f, .gravity_scale = 1.0f};
    return (muster_space_def){
        .body_capacity = 1024,
        .contact_capacity_per_body = 8,
        .step_s = 1.0f / 60.0f,
        .gravity = {0.0f, 0.0f, -9.81f},
        .iteration_count = 10,
        .cell_m = 2.0f,
        .sleep_speed_mps = 0.05f,
        .sleep_ticks = 30,
        .ground_normal_z_min = 0.7f,
        .materials = &material,
        .material_count = 1,
        .partition_min_x = -2000.0f,
        .partition_min_y = -2000.0f,
        .partition_m = 500.0f,
        .partition_side_count = 8,
        .variant = MUSTER_SPACE_FASTEST,
        .allocator = muster_heap_allocator(),
    };
}

// False for what is not a number, too.
static bool is_between(float value, float min, float max)
{
    return value >= min && value <= max;
}

static bool count_is_between(uint32_t count, uint32_t min, uint32_t max)
{
    return count >= min && count <= max;
}

static bool settings_are_valid(const muster_space_def *def)
{
    const float far = 4.0f * MUSTER_SPACE_COORDINATE_MAX;
    const bool is_valid[] = {
        count_is_between(def->body_capacity, 1, MUSTER_SPACE_BODY_CAPACITY_MAX),
        count_is_between(def->contact_capacity_per_body, 1, 64),
        is_between(def->step_s, 0.001f, 0.1f),
        is_between(def->gravity.x, -1000.0f, 1000.0f),
        is_between(def->gravity.y, -1000.0f, 1000.0f),
        is_between(def->gravity.z, -1000.0f, 1000.0f),
        count_is_between(def->iteration_count, 2, 64),
        is_between(def->cell_m, 0.05f, 128.0f),
        is_between(def->sleep_speed_mps, 0.0f, 10.0f),
        def->sleep_ticks <= 60000,
        is_between(def->ground_normal_z_min, 1e-6f, 1.0f),
        def->materials != NULL,
        count_is_between(def->material_count, 1, MUSTER_SPACE_MATERIAL_COUNT_MAX),
        is_between(def->partition_min_x, -far, far),
        is_between(def->partition_min_y, -far, far),
        is_between(def->partition_m, 1.0f, 32768.0f),
        count_is_between(def->partition_side_count, 1, MUSTER_SPACE_PARTITION_SIDE_MAX),
        def->allocator.alloc != NULL,
        def->allocator.free != NULL,
    };
    bool all = true;
    for (uint32_t i = 0; i < sizeof is_valid / sizeof is_valid[0]; i++) {
        all = all && is_valid[i];
    }
    return all;
}

static bool material_is_valid(const muster_space_material *material)
{
    return is_between(material->friction, 0.0f, 10.0f) &&
           is_between(material->restitution, 0.0f, 1.0f) &&
           is_between(material->gravity_scale, -10.0f, 10.0f) &&
           is_between(material->damping_per_s, 0.0f, 60.0f);
}

static const struct kernels *kernels_for(muster_space_variant variant)
{
    const struct kernels *avx2 = kernels_avx2();
    switch (variant) {
    case MUSTER_SPACE_FASTEST:
        return avx2 != NULL ? avx2 : &kernels_baseline;
    case MUSTER_SPACE_BASELINE:
        return &kernels_baseline;
    case MUSTER_SPACE_AVX2:
        return avx2;
    }
    return NULL;
}

// Fills in all that is not an array. Returns false if the definition is not valid.
static bool plan(muster_space *space, const muster_space_def *def)
{
    if (!settings_are_valid(def)) {
        return false;
    }
    bool is_valid = true;
    for (uint32_t i = 0; i < def->material_count; i++) {
        is_valid = is_valid && material_is_valid(&def->materials[i]);
        const muster_space_material *material = &def->materials[i];
        space->materials[i] = *material;
        space->motions[i].pull =
            muster_vec3_scale(def->gravity, material->gravity_scale * def->step_s);
        space->motions[i].kept = 1.0f / (1.0f + material->damping_per_s * def->step_s);
    }
    space->kernels = kernels_for(def->variant);
    space->allocator = def->allocator;
    space->material_count = def->material_count;
    space->body_capacity = def->body_capacity;
    space->contact_capacity = def->body_capacity * def->contact_capacity_per_body;
    space->step_s = def->step_s;
    space->steps_per_s = 1.0f / def->step_s;
    space->gravity = def->gravity;
    space->iteration_count = def->iteration_count;
    space->cell_m = def->cell_m;
    space->reach_max_m = 0.5f * def->cell_m;
    space->sleep_speed_squared = def->sleep_speed_mps * def->sleep_speed_mps;
    space->sleep_ticks = def->sleep_ticks;
    space->ground_normal_z_min = def->ground_normal_z_min;
    space->partition_min_x = def->partition_min_x;
    space->partition_min_y = def->partition_min_y;
    space->partitions_per_m = 1.0f / def->partition_m;
    space->partition_side_count = def->partition_side_count;
    space->one = 1;

    // Every batch but the last has enough contacts; each may leave one group of each colour
    // unfilled, and one contact in sixteen may be alone in its group.
    space->batch_capacity = space->contact_capacity / SPACE_BATCH_CONTACT_COUNT + 1;
    space->group_capacity = space->contact_capacity / KERNEL_LANE_COUNT +
                            space->contact_capacity / SPACE_LONE_SHARE +
                            space->batch_capacity * (2 * KERNEL_COLOUR_COUNT + 2);
    return is_valid && space->kernels != NULL && terrain_plan(&space->terrain, def) &&
           box_table_plan(&space->box_table, def, space->reach_max_m);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t byte_count)
{
    // FNV-1a: simple, and run once in the life of a space.
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < byte_count; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001B3);
    }
    return hash;
}

static uint64_t hash_statics(const muster_space *space, const muster_space_def *def)
{
    const float settings[] = {
        def->step_s,
        def->gravity.x,
        def->gravity.y,
        def->gravity.z,
        def->cell_m,
        def->sleep_speed_mps,
        def->ground_normal_z_min,
        space->terrain.plan.cell_m,
        space->terrain.plan.min_x,
        space->terrain.plan.min_y,
    };
    const uint32_t counts[] = {
        def->body_capacity,
        def->contact_capacity_per_body,
        def->iteration_count,
        def->sleep_ticks,
        space->terrain.column_count,
        space->terrain.row_count,
        space->terrain.material,
        space->terrain.category,
    };
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    hash = mix(hash, settings, sizeof settings);
    hash = mix(hash, counts, sizeof counts);
    hash = mix(hash, space->materials, space->material_count * sizeof space->materials[0]);
    const struct box_table *table = &space->box_table;
    for (uint32_t i = 0; i < table->box_count; i++) {
        const muster_space_box *box = &table->boxes[i];
        const float parts[] = {box->centre.x, box->centre.y, box->centre.z, box->half_size.x,
            box->half_size.y, box->half_size.z, box->heading};
        const uint16_t tags[] = {box->material, box->category};
        hash = mix(hash, parts, sizeof parts);
        hash = mix(hash, tags, sizeof tags);
    }
    const size_t sample_count = (size_t)space->terrain.column_count * space->terrain.row_count;
    return mix(hash, space->terrain.heights_m, sample_count * sizeof(float));
}

// The smallest table of cells, in powers of two, that has two cells for each body.
static muster_grid_def grid_def(const muster_space_def *def, bool is_layered)
{
    muster_grid_def grid = muster_grid_default_def();
    grid.allocator = def->allocator;
    grid.point_capacity = def->body_capacity;
    grid.cell_m = def->cell_m;
    grid.is_layered = is_layered;
    grid.column_count = 16;
    grid.row_count = is_layered ? 128 : 16;
    while (grid.column_count * grid.row_count < 2 * def->body_capacity) {
        if (grid.column_count < grid.row_count) {
            grid.column_count *= 2;
        } else {
            grid.row_count *= 2;
        }
    }
    return grid;
}

static muster_status create_grids(muster_space *space, const muster_space_def *def)
{
    const muster_grid_def flat = grid_def(def, false);
    const muster_grid_def layered = grid_def(def, true);
    const muster_status status = muster_grid_create(&flat, &space->flat_grid);
    return status == MUSTER_OK ? muster_grid_create(&layered, &space->layered_grid) : status;
}

static void destroy_grids(muster_space *space)
{
    muster_grid_destroy(space->flat_grid);
    muster_grid_destroy(space->layered_grid);
}

muster_status muster_space_create(const muster_space_def *def, muster_space **out_space)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_space != NULL);
    *out_space = NULL;

    muster_space planned = {0};
    if (!plan(&planned, def)) {
        return MUSTER_ERR_INVALID;
    }
    struct slab slab = {0};
    lay_out(&planned, &slab);

    muster_status status = create_grids(&planned, def);
    if (status == MUSTER_OK) {
        slab.base =
            def->allocator.alloc(def->allocator.context, slab.used, large_alignment(slab.used, 64));
        status = slab.base == NULL ? MUSTER_ERR_NO_MEMORY : MUSTER_OK;
    }
    if (status != MUSTER_OK) {
        destroy_grids(&planned);
        return status;
    }

    memset(slab.base, 0, slab.used);
    planned.bytes = slab.used;
    slab.used = 0;
    lay_out(&planned, &slab);
    box_table_fill(&planned.box_table, def->boxes);
    terrain_fill(&planned.terrain, def->terrain.heights_m);
    planned.static_hash = hash_statics(&planned, def);

    muster_space *space = (muster_space *)(void *)slab.base;
    *space = planned;
    space_chain_contacts(space);
    *out_space = space;
    return MUSTER_OK;
}

void muster_space_destroy(muster_space *space)
{
    if (space == NULL) {
        return;
    }
    destroy_grids(space);
    const muster_allocator allocator = space->allocator;
    allocator.free(allocator.context, space, space->bytes);
}

uint64_t muster_space_static_hash(const muster_space *space)
{
    MUSTER_ASSERT(space != NULL);
    return space->static_hash;
}

uint64_t muster_space_dropped_count(const muster_space *space)
{
    MUSTER_ASSERT(space != NULL);
    return space->dropped_count;
}

const muster_space_contact *muster_space_contacts(const muster_space *space, uint32_t *out_count)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_count != NULL);
    *out_count = space->event_count;
    return space->events;
}

const muster_space_hit *muster_space_hits(const muster_space *space, uint32_t *out_count)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_count != NULL);
    *out_count = space->hit_count;
    return space->hits;
}
