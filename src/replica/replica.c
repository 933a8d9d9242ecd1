// SPDX-License-Identifier: Apache-2.0
#include "replica/server.h"

#include "core/assert.h"
#include "core/large.h"
#include "replica/slab.h"

#include <string.h>

#define JOURNAL_BYTES_MIN  1024u
#define JOURNAL_BYTES_MAX  (1u << 20)
#define ENCODINGS_MIN      64u
#define ENCODINGS_MAX      (1u << 22)
#define INTEREST_TICKS_MAX 60u
#define ENTRY_ALIGNMENT    16u

// Bits of a packet with one whole entity, beside the entity's sections: count, tick, parameter,
// the ends of the lists, and the entity's index, id, kind and sections.
#define ENTER_HEAD_BITS (16 + 80 + 8 + 2 + 12 + 64 + 16 + 1 + MUSTER_REPLICA_SECTION_COUNT_MAX)

// The grid's cells: the first radius, within what makes sense for any world.
#define CELL_M_MIN 5.0f
#define CELL_M_MAX 200.0f

muster_replica_def muster_replica_default_def(void)
{
    return (muster_replica_def){
        .client_capacity = 64,
        .entity_capacity = 1024,
        .journal_bytes = 16384,
        .encoding_capacity = 65536,
        .interest_ticks = 12,
        .allocator = muster_heap_allocator(),
    };
}

static bool is_power_of_two(uint32_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

static bool is_def_valid(const muster_replica_def *def)
{
    if (def->schema == NULL || muster_replica_schema_check(def->schema) != MUSTER_OK) {
        return false;
    }
    struct layout layout;
    layout_init(&layout, def->schema);
    return layout.bit_count_max + ENTER_HEAD_BITS <= MUSTER_REPLICA_PACKET_BYTES_MIN * 8 &&
           def->client_capacity >= 1 &&
           def->client_capacity <= MUSTER_REPLICA_CLIENT_CAPACITY_MAX &&
           def->entity_capacity >= 1 &&
           def->entity_capacity <= MUSTER_REPLICA_ENTITY_CAPACITY_MAX &&
           def->journal_bytes >= JOURNAL_BYTES_MIN && def->journal_bytes <= JOURNAL_BYTES_MAX &&
           is_power_of_two(def->journal_bytes) && def->encoding_capacity >= ENCODINGS_MIN &&
           def->encoding_capacity <= ENCODINGS_MAX && is_power_of_two(def->encoding_capacity) &&
           def->kind_count <= MUSTER_REPLICA_KIND_COUNT_MAX &&
           (def->kind_count == 0 || def->kinds != NULL) && def->interest_ticks >= 1 &&
           def->interest_ticks <= INTEREST_TICKS_MAX;
}

static void take_history(struct slab *slab,
    struct history *history,
    const struct layout *layout,
    uint32_t entity_capacity)
{
    const size_t entities = entity_capacity;
    history->entity_capacity = entity_capacity;
    history->slots = slab_take(slab, entities * sizeof *history->slots);
    history->values =
        slab_take(slab, HISTORY_DEPTH * entities * layout->value_count * sizeof *history->values);
    history->pasts = slab_take(slab, entities * layout->section_count * sizeof *history->pasts);
    history->ids = slab_take(slab, entities * sizeof *history->ids);
    history->positions = slab_take(slab, entities * sizeof *history->positions);
    for (uint32_t f = 0; f < layout->field_count; f++) {
        history->columns[f] =
            slab_take(slab, entities * layout->fields[f].lane_count * sizeof(uint32_t));
    }
    history->is_moving = slab_take(slab, entities);
    history->lives = slab_take(slab, entities * sizeof *history->lives);
    history->births = slab_take(slab, entities * sizeof *history->births);
}

static void take_client(struct slab *slab,
    struct slab *entries,
    struct client *client,
    const struct layout *layout,
    const muster_replica_def *def)
{
    const size_t indices = layout->known_count_max;
    const size_t words = (indices + 63) / 64;
    client->index_count = layout->known_count_max;
    client->lane_count =
        (layout->section_count + HISTORY_LANES - 1) / HISTORY_LANES * HISTORY_LANES;
    client->word_count = (uint32_t)words;
    client->journal_mask = def->journal_bytes - 1;
    client->entry_bytes = (uint32_t)(sizeof(struct client_entry) + ENTRY_ALIGNMENT - 1 +
                                     client->lane_count * sizeof(uint32_t)) /
                          ENTRY_ALIGNMENT * ENTRY_ALIGNMENT;
    client->entries = slab_take(entries, indices * client->entry_bytes);
    client->slots = slab_take(slab, words * 64 * sizeof *client->slots);
    client->taken = slab_take(slab, words * sizeof *client->taken);
    client->ring_sets = slab_take(slab, MUSTER_CHANNEL_COUNT * words * sizeof *client->ring_sets);
    client->pending = slab_take(slab, words * sizeof *client->pending);
    client->chosen = slab_take(slab, words * sizeof *client->chosen);
    client->entering = slab_take(slab, words * sizeof *client->entering);
    client->leaving = slab_take(slab, words * sizeof *client->leaving);
    client->quiet = slab_take(slab, words * sizeof *client->quiet);
    client->seen = slab_take(slab, (def->entity_capacity + 63) / 64 * sizeof *client->seen);
    client->journal = slab_take(slab, def->journal_bytes);
    client->packets = slab_take(slab, CLIENT_PACKET_COUNT * sizeof *client->packets);
}

// Lays everything out: clients' entries, few of which are ever used, in a slab of their own. With
// slabs that have no memory it only measures.
static muster_replica *take_all(struct slab *slab,
    struct slab *entries,
    const struct layout *layout,
    const muster_replica_def *def)
{
    muster_replica *replica = slab_take(slab, sizeof *replica);
    muster_replica measured;
    muster_replica *filled = replica != NULL ? replica : &measured;
    memset(filled, 0, sizeof *filled);
    filled->layout = *layout;
    filled->history.layout = &filled->layout;
    filled->history.stamp = HISTORY_STAMP_FIRST;
    take_history(slab, &filled->history, layout, def->entity_capacity);
    filled->cache.entries = slab_take(slab, def->encoding_capacity * sizeof *filled->cache.entries);
    filled->cache.capacity = def->encoding_capacity;
    filled->cache.mask = def->encoding_capacity - 1;
    atomic_init(&filled->cache.add_count, 0);
    filled->grid_slots = slab_take(slab, def->entity_capacity * sizeof *filled->grid_slots);
    filled->client_capacity = def->client_capacity;
    filled->clients = slab_take(slab, def->client_capacity * sizeof *filled->clients);
    for (uint32_t number = 0; number < def->client_capacity; number++) {
        struct client client = {.number = number};
        take_client(slab, entries, &client, layout, def);
        if (replica != NULL) {
            filled->clients[number] = client;
        }
    }
    return replica;
}

static muster_grid_def grid_def_of(const muster_replica_def *def)
{
    const float radius_m = def->schema->channels[MUSTER_CHANNEL_CRITICAL].radius_m;
    muster_grid_def grid_def = muster_grid_default_def();
    grid_def.point_capacity = def->entity_capacity;
    grid_def.cell_m =
        radius_m < CELL_M_MIN ? CELL_M_MIN : (radius_m > CELL_M_MAX ? CELL_M_MAX : radius_m);
    grid_def.allocator = def->allocator;
    return grid_def;
}

size_t muster_replica_memory_bytes(const muster_replica_def *def)
{
    MUSTER_ASSERT(def != NULL);
    if (!is_def_valid(def)) {
        return 0;
    }
    struct layout layout;
    layout_init(&layout, def->schema);
    struct slab slab = {0};
    struct slab entries = {0};
    (void)take_all(&slab, &entries, &layout, def);
    const muster_grid_def grid_def = grid_def_of(def);
    const size_t grid_cells = (size_t)grid_def.column_count * grid_def.row_count;
    const size_t grid_bytes =
        grid_cells * sizeof(uint32_t) + (size_t)def->entity_capacity * 5 * sizeof(uint32_t);
    return slab.used + entries.used + SERVER_GRID_COUNT * grid_bytes;
}

static void sort_sections(muster_replica *replica)
{
    for (uint32_t s = 0; s < replica->layout.section_count; s++) {
        const struct layout_section *section = &replica->layout.sections[s];
        const uint32_t bit = 1u << s;
        replica->channel_masks[section->channel] |= bit;
        switch (section->visibility) {
        case MUSTER_VISIBLE_EVERYONE:
            replica->everyone_mask |= bit;
            break;
        case MUSTER_VISIBLE_OWNER:
            replica->owner_mask |= bit;
            break;
        case MUSTER_VISIBLE_TEAM:
            replica->team_mask |= bit;
            break;
        case MUSTER_VISIBLE_RULE:
            replica->rule_mask |= bit;
            break;
        }
    }
}

static void fill_shape_masks(muster_replica *replica)
{
    for (uint32_t sections = 0; sections < 1u << MUSTER_REPLICA_SECTION_COUNT_MAX; sections++) {
        for (uint32_t s = 0; s < MUSTER_REPLICA_SECTION_COUNT_MAX; s++) {
            const uint32_t base = (sections >> s & 1) != 0 ? (1u << HEADING_BASE_BITS) - 1 : 0;
            replica->shape_masks[sections] |= heading_shape_part(s, base);
        }
    }
}

static void set_reaches(muster_replica *replica, const muster_replica_def *def)
{
    for (uint32_t kind = 0; kind < def->kind_count; kind++) {
        const float reach_m = def->kinds[kind].reach_m;
        replica->kind_reach_m[kind] = reach_m;
        replica->short_reach_m =
            reach_m > replica->short_reach_m ? reach_m : replica->short_reach_m;
    }
}

static void give_memory(const muster_replica *replica)
{
    const muster_allocator *allocator = &replica->allocator;
    for (uint32_t i = 0; i < SERVER_GRID_COUNT; i++) {
        muster_grid_destroy(replica->grids[i]);
    }
    if (replica->entries != NULL) {
        allocator->free(allocator->context, replica->entries, replica->entries_bytes);
    }
    if (replica->memory != NULL) {
        allocator->free(allocator->context, replica->memory, replica->memory_bytes);
    }
}

// Takes what give_memory() gives back, also after a failure.
static muster_status take_memory(muster_replica *replica, const muster_replica_def *def)
{
    const muster_allocator *allocator = &def->allocator;
    replica->memory = allocator->alloc(allocator->context, replica->memory_bytes,
        large_alignment(replica->memory_bytes, SLAB_ALIGNMENT));
    replica->entries = allocator->alloc(allocator->context, replica->entries_bytes, SLAB_ALIGNMENT);
    if (replica->memory == NULL || replica->entries == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    const muster_grid_def grid_def = grid_def_of(def);
    muster_status status = MUSTER_OK;
    for (uint32_t i = 0; i < SERVER_GRID_COUNT && status == MUSTER_OK; i++) {
        status = muster_grid_create(&grid_def, &replica->grids[i]);
    }
    return status;
}

muster_status muster_replica_create(const muster_replica_def *def, muster_replica **out_replica)
{
    MUSTER_ASSERT(def != NULL && out_replica != NULL);
    *out_replica = NULL;
    if (!is_def_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    struct layout layout;
    layout_init(&layout, def->schema);
    muster_replica measured = {.allocator = def->allocator};
    struct slab slab = {0};
    struct slab entries = {0};
    (void)take_all(&slab, &entries, &layout, def);
    measured.memory_bytes = slab.used;
    measured.entries_bytes = entries.used;
    const muster_status status = take_memory(&measured, def);
    if (status != MUSTER_OK) {
        give_memory(&measured);
        return status;
    }
    slab = (struct slab){.bytes = measured.memory};
    entries = (struct slab){.bytes = measured.entries};
    muster_replica *replica = take_all(&slab, &entries, &layout, def);
    memcpy(replica->grids, measured.grids, sizeof measured.grids);
    set_reaches(replica, def);
    replica->interest_ticks = def->interest_ticks;
    replica->tick_rate_hz = def->schema->tick_rate_hz;
    replica->allocator = def->allocator;
    replica->memory = measured.memory;
    replica->memory_bytes = measured.memory_bytes;
    replica->entries = measured.entries;
    replica->entries_bytes = measured.entries_bytes;
    sort_sections(replica);
    fill_shape_masks(replica);
    memset(replica->history.ids, 0, def->entity_capacity * sizeof *replica->history.ids);
    for (uint32_t slot = 0; slot < def->entity_capacity; slot++) {
        replica->history.slots[slot] = (struct history_slot){.born_stamp = HISTORY_NEVER};
    }
    for (uint32_t i = 0; i < def->encoding_capacity; i++) {
        atomic_init(&replica->cache.entries[i].tag, 0);
    }
    *out_replica = replica;
    return MUSTER_OK;
}

void muster_replica_destroy(muster_replica *replica)
{
    if (replica == NULL) {
        return;
    }
    const muster_replica given = *replica;
    give_memory(&given);
}

static struct client *client_at(const muster_replica *replica, uint32_t number)
{
    MUSTER_ASSERT(replica != NULL && number < replica->client_capacity);
    MUSTER_ASSERT(replica->clients[number].is_added);
    return &replica->clients[number];
}

void muster_replica_add_client(muster_replica *replica, uint32_t number)
{
    MUSTER_ASSERT(replica != NULL && number < replica->client_capacity);
    struct client *client = &replica->clients[number];
    MUSTER_ASSERT(!client->is_added);
    client->is_added = true;
    client_reset(client, &replica->history, replica->layout.radius_m[MUSTER_CHANNEL_COUNT - 1]);
}

static void add_counts(muster_replica_counts *sum, const muster_replica_counts *counts)
{
    sum->packets += counts->packets;
    sum->bytes += counts->bytes;
    sum->enters += counts->enters;
    sum->updates += counts->updates;
    sum->leaves += counts->leaves;
    sum->sections += counts->sections;
    sum->encodings += counts->encodings;
    for (uint32_t c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        sum->channel_sections[c] += counts->channel_sections[c];
        sum->channel_encodings[c] += counts->channel_encodings[c];
        sum->channel_encoding_bits[c] += counts->channel_encoding_bits[c];
    }
}

void muster_replica_remove_client(muster_replica *replica, uint32_t number)
{
    struct client *client = client_at(replica, number);
    add_counts(&replica->removed_counts, &client->counts);
    client->is_added = false;
}

// The phases of the channels in this tick.
static void begin_phases(muster_replica *replica)
{
    for (uint32_t c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        const uint32_t interval_ticks = replica->layout.interval_ticks[c];
        replica->due_patterns[c] = 0;
        for (uint32_t phase = 0; phase < SERVER_PHASE_COUNT; phase++) {
            const uint32_t rest = (replica->history.stamp + phase) % interval_ticks;
            replica->phases[c][phase] = (uint8_t)rest;
            replica->due_patterns[c] |= (uint64_t)(rest == 0) << phase;
        }
    }
    for (uint32_t ring = 0; ring < MUSTER_CHANNEL_COUNT; ring++) {
        for (uint32_t phase = 0; phase < SERVER_PHASE_COUNT; phase++) {
            replica->due_sections[ring][phase] = (uint16_t)server_due_sections(
                replica, ring, phase, replica->layout.interval_ticks[ring]);
        }
    }
}

// The first grid takes those that reach as far as channels do, the second the others.
static void build_grid(muster_replica *replica, uint32_t grid_index)
{
    const struct history *history = &replica->history;
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->live_count; i++) {
        const uint32_t slot = history->lives[i];
        const bool is_short = server_kind_reach_m(replica, slot) > 0.0f;
        replica->grid_slots[count] = slot;
        count += is_short == (grid_index == 1) ? 1 : 0;
    }
    const muster_status status = muster_grid_build(
        replica->grids[grid_index], history->positions, replica->grid_slots, count);
    MUSTER_ASSERT(status == MUSTER_OK);
}

void muster_replica_begin_tick(
    muster_replica *replica, const muster_replica_world *world, const muster_parallel *parallel)
{
    MUSTER_ASSERT(replica != NULL && world != NULL && parallel != NULL);
    struct history *history = &replica->history;
    history_begin_tick(history, world, parallel);
    cache_begin_tick(&replica->cache);
    build_grid(replica, 0);
    build_grid(replica, 1);
    begin_phases(replica);
    replica->can_see_fields = world->can_see_fields;
    replica->can_see_entity = world->can_see_entity;
    replica->rule_context = world->context;
    replica->has_rules = world->can_see_entity != NULL || replica->rule_mask != 0;
    replica->is_plain = world->can_see_entity == NULL &&
                        (replica->owner_mask | replica->team_mask | replica->rule_mask) == 0;
}

void muster_replica_look(
    muster_replica *replica, uint32_t number, const muster_replica_viewer *viewer)
{
    MUSTER_ASSERT(viewer != NULL);
    struct client *client = client_at(replica, number);
    if (client->viewer.player_index != viewer->player_index ||
        client->viewer.team != viewer->team) {
        memset(client->quiet, 0, client->word_count * sizeof *client->quiet);
    }
    client->viewer = *viewer;
    client->has_viewer = true;
    client_prefetch(client);
}

bool muster_replica_acked(muster_replica *replica, uint32_t number, muster_replica_token token)
{
    return client_acked(client_at(replica, number), token);
}

bool muster_replica_lost(muster_replica *replica, uint32_t number, muster_replica_token token)
{
    return client_lost(client_at(replica, number), &replica->history, token);
}

uint32_t muster_replica_known_count(const muster_replica *replica, uint32_t number)
{
    return client_at(replica, number)->known_count;
}

muster_replica_counts muster_replica_count(const muster_replica *replica, uint32_t number)
{
    return client_at(replica, number)->counts;
}

muster_replica_counts muster_replica_count_all(const muster_replica *replica)
{
    MUSTER_ASSERT(replica != NULL);
    muster_replica_counts sum = replica->removed_counts;
    for (uint32_t number = 0; number < replica->client_capacity; number++) {
        if (replica->clients[number].is_added) {
            add_counts(&sum, &replica->clients[number].counts);
        }
    }
    return sum;
}

uint32_t muster_replica_value(
    const muster_replica *replica, uint32_t slot, uint32_t field_index, uint32_t lane)
{
    MUSTER_ASSERT(replica != NULL && slot < replica->history.entity_capacity);
    MUSTER_ASSERT(field_index < replica->layout.field_count);
    const struct layout_field *field = &replica->layout.fields[field_index];
    MUSTER_ASSERT(lane < field->lane_count && replica->history.ids[slot] != 0);
    return history_record(&replica->history, slot, 0)[field->value_index + lane];
}
