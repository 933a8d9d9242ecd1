// SPDX-License-Identifier: Apache-2.0
#include "muster/instance.h"

#include "core/assert.h"
#include "instance/frame_codec.h"
#include "instance/physics.h"
#include "wire/param.h"

#include <string.h>

#define INSTANCE_ID_MAX 65535u

// Creation.

muster_instance_def muster_instance_default_def(void)
{
    return (muster_instance_def){
        .seed = 1,
        .instance_id = 1,
        .parallel = muster_parallel_serial(),
        .allocator = muster_heap_allocator(),
    };
}

// A limit of zero is the game's.
static bool lower_limit(uint32_t *limit, uint32_t limit_of_game)
{
    if (*limit == 0) {
        *limit = limit_of_game;
    }
    return *limit <= limit_of_game;
}

static bool lower_limits(muster_game_limits *limits, const muster_game_limits *of_game)
{
    return lower_limit(&limits->player_count_max, of_game->player_count_max) &&
           lower_limit(&limits->entity_count_max, of_game->entity_count_max) &&
           lower_limit(&limits->box_count_max, of_game->box_count_max) &&
           lower_limit(&limits->blob_bytes, of_game->blob_bytes) &&
           limits->blob_bytes == of_game->blob_bytes; // what a game writes there has one size
}

// Without values, each is the game's fallback.
static bool choose_options(const muster_instance_def *def, int64_t *options)
{
    for (uint32_t i = 0; i < def->game->option_count; i++) {
        const muster_option_def *option = &def->game->options[i];
        options[i] = def->options != NULL ? def->options[i] : option->fallback;
        if (options[i] < option->min || options[i] > option->max) {
            return false;
        }
    }
    return true;
}

static bool def_is_valid(const muster_instance_def *def)
{
    return def->instance_id >= 1 && def->instance_id <= INSTANCE_ID_MAX &&
           def->parallel.run != NULL && def->parallel.worker_count >= 1 &&
           def->parallel.worker_count <= MUSTER_WORKER_COUNT_MAX && def->allocator.alloc != NULL &&
           def->allocator.free != NULL;
}

// What a step leaves behind for others to take.
static void clear_results(muster_world *world)
{
    world->event_count = world->event_next = 0;
    world->outgoing_count = world->outgoing_next = 0;
    world->outgoing_bytes_used = 0;
    world->has_contacts = false;
}

void world_restored(muster_world *world)
{
    world_derive(world);
    clear_results(world);
    world_hash_state(world);
}

static void begin_world(muster_world *world)
{
    const muster_game *game = world->game;
    if (game->start != NULL) {
        game->start(world_host(), world);
    }
    world_end_entities(world);
    world_push_event(world, MUSTER_EVENT_INSTANCE_STARTED, MUSTER_NONE, 0);
    world_hash_state(world);
}

// Room for the largest state: all elements, and a count for each block.
static bool create_backup(muster_world *world)
{
    for (uint32_t i = 0; i < world->block_count; i++) {
        const muster_state_block *block = &world->blocks[i];
        world->backup_bytes += sizeof(uint32_t);
        world->backup_bytes += (size_t)block->element_capacity * muster_state_element_bytes(block);
    }
    world->backup = world->allocator.alloc(world->allocator.context, world->backup_bytes, 64);
    return world->backup != NULL;
}

static muster_status create_world(muster_world *world)
{
    world_lay_out(world);
    world->time_scale_permille = FRAME_PERMILLE_MAX;
    world_derive(world);
    const muster_status status = physics_create(world);
    if (status != MUSTER_OK) {
        return status;
    }
    return create_backup(world) ? MUSTER_OK : MUSTER_ERR_NO_MEMORY;
}

muster_status muster_instance_create(const muster_instance_def *def, muster_instance **out_instance)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_instance != NULL);
    *out_instance = NULL;

    char reason[MUSTER_REASON_BYTES];
    if (def->game == NULL || !def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    const muster_status status = muster_game_check(def->game, reason);
    if (status != MUSTER_OK) {
        return status;
    }
    muster_game_limits limits = def->limits;
    int64_t options[MUSTER_OPTION_COUNT_MAX] = {0};
    if (!lower_limits(&limits, &def->game->limits) || !choose_options(def, options)) {
        return MUSTER_ERR_INVALID;
    }

    const size_t bytes = world_slab_bytes(def->game, &limits);
    muster_instance *instance = def->allocator.alloc(def->allocator.context, bytes, 64);
    if (instance == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(instance, 0, bytes);
    instance->world = (muster_world){
        .game = def->game,
        .allocator = def->allocator,
        .parallel = def->parallel,
        .limits = limits,
        .seed = def->seed,
        .instance_id = def->instance_id,
        .bytes = bytes,
        .now_ns = def->now_ns,
        .clock_context = def->clock_context,
    };
    memcpy(instance->world.options, options, sizeof options);
    const muster_status created = create_world(&instance->world);
    if (created != MUSTER_OK) {
        muster_instance_destroy(instance);
        return created;
    }
    begin_world(&instance->world);
    *out_instance = instance;
    return MUSTER_OK;
}

void muster_instance_destroy(muster_instance *instance)
{
    if (instance == NULL) {
        return;
    }
    muster_world *world = &instance->world;
    const muster_allocator allocator = world->allocator;
    physics_destroy(world);
    if (world->backup != NULL) {
        allocator.free(allocator.context, world->backup, world->backup_bytes);
    }
    allocator.free(allocator.context, instance, world->bytes);
}

// A step.

static void apply_action(muster_world *world, const struct frame_record *record)
{
    const muster_action_def *def = &world->game->actions[record->index];
    muster_value values[MUSTER_PARAM_COUNT_MAX] = {{0}};
    for (uint32_t i = 0; i < def->param_count; i++) {
        values[i] = param_value(&def->params[i], record->steps[i]);
    }
    const muster_action action = {
        .player_index = record->player_index,
        .action_index = record->index,
        .values = values,
    };
    world->game->act(world_host(), world, &action);
}

static void apply_message(muster_world *world, const struct frame_record *record)
{
    const muster_message message = {
        .player_index = record->player_index,
        .message_index = record->index,
        .bytes = record->bytes,
        .length = record->length,
    };
    world->game->receive(world_host(), world, &message);
}

static void apply_leave(muster_world *world, uint32_t player_index)
{
    const uint32_t slot = world->players[player_index].entity_slot;
    if (world->game->leave != NULL) {
        world->game->leave(world_host(), world, player_index);
    } else if (slot != MUSTER_NONE) {
        world_remove(world, slot);
    }
    world_leave(world, player_index);
}

static void apply_record(muster_world *world, const struct frame_record *record)
{
    const muster_game *game = world->game;
    switch (record->type) {
    case FRAME_LEAVE:
        apply_leave(world, record->player_index);
        return;
    case FRAME_JOIN:
        world_join(world, record->player_index, &record->player);
        game->join(world_host(), world, record->player_index);
        return;
    case FRAME_TIME_SCALE:
        world->time_scale_permille = record->permille;
        return;
    case FRAME_ACTION:
        apply_action(world, record);
        return;
    case FRAME_MESSAGE:
        apply_message(world, record);
        return;
    }
}

static void apply_frame(muster_world *world, const uint8_t *frame, uint32_t length)
{
    struct record_reader reader = record_reader_on(frame, length);
    uint64_t tick;
    const uint32_t record_count = frame_read_header(&reader, &tick);
    for (uint32_t i = 0; i < record_count; i++) {
        struct frame_record record;
        frame_read_record(&reader, world->game, &world->limits, &record);
        MUSTER_ASSERT(!reader.is_malformed);
        apply_record(world, &record);
    }
}

static uint32_t next_entity_item(const muster_world *world, uint32_t kind, uint32_t slot_min)
{
    uint32_t slot = world_entity_next(world, kind, slot_min);
    while (slot != MUSTER_NONE && world_is_newborn(world, slot)) {
        slot = world_entity_next(world, kind, slot + 1);
    }
    return slot;
}

static uint32_t next_item(void *context, uint32_t task_index, uint32_t index_min)
{
    const muster_world *world = context;
    const muster_task_def *task = &world->game->tasks[task_index];
    switch (task->scope) {
    case MUSTER_TASK_ONCE:
        return index_min == 0 ? 0 : RUNNER_NONE;
    case MUSTER_TASK_EACH_PLAYER:
        return world_host()->player_next(world, index_min);
    case MUSTER_TASK_EACH_ENTITY:
        return next_entity_item(world, task->kind, index_min);
    }
    return RUNNER_NONE;
}

static void run_item(void *context, uint32_t task_index, uint32_t index)
{
    muster_world *world = context;
    world->game->tasks[task_index].run(world_host(), world, index);
}

static void run_tasks(muster_world *world, muster_task_class first, muster_task_class last)
{
    const struct runner_source source = {
        .context = world,
        .next = next_item,
        .run = run_item,
        .now_ns = world->now_ns,
        .clock_context = world->clock_context,
    };
    runner_run(&world->runner, &source, world->tick, (uint32_t)first, (uint32_t)last);
}

static void run_physics(muster_world *world)
{
    if (world->now_ns == NULL) {
        physics_step(world);
        return;
    }
    struct runner_cost *cost = &world->physics_cost;
    const uint64_t start_ns = world->now_ns(world->clock_context);
    physics_step(world);
    const uint64_t spent_ns = world->now_ns(world->clock_context) - start_ns;
    cost->item_count++;
    cost->total_ns += spent_ns;
    cost->tick_ns_max = spent_ns > cost->tick_ns_max ? spent_ns : cost->tick_ns_max;
}

muster_status muster_instance_step(muster_instance *instance, const uint8_t *frame, uint32_t length)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(frame != NULL || length == 0);
    muster_world *world = &instance->world;
    if (!frame_is_valid(world, frame, length)) {
        return MUSTER_ERR_MALFORMED;
    }

    world->tick++;
    world->view.tick = world->tick;
    clear_results(world);

    apply_frame(world, frame, length);
    run_tasks(world, MUSTER_TASK_CRITICAL, MUSTER_TASK_PLAYER);
    run_physics(world);
    run_tasks(world, MUSTER_TASK_WORLD, MUSTER_TASK_BACKGROUND);
    world_end_entities(world);
    world_tell_activities(world);
    world_hash_state(world);
    return MUSTER_OK;
}

// Reading.

uint64_t muster_instance_tick(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    return instance->world.tick;
}

uint64_t muster_instance_hash(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    return instance->world.hash;
}

const muster_world_view *muster_instance_view(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    return &instance->world.view;
}

const muster_state_block *muster_instance_blocks(
    const muster_instance *instance, uint32_t *out_count)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(out_count != NULL);
    *out_count = instance->world.block_count;
    return instance->world.blocks;
}

const muster_space *muster_instance_space(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    return instance->world.space;
}

const muster_player *muster_instance_player(const muster_instance *instance, uint32_t player_index)
{
    MUSTER_ASSERT(instance != NULL);
    return world_host()->player(&instance->world, player_index);
}

bool muster_instance_can_see(const muster_instance *instance, uint32_t player_index, uint32_t slot)
{
    MUSTER_ASSERT(instance != NULL);
    const muster_world *world = &instance->world;
    MUSTER_ASSERT(world_has_player(world, player_index));
    MUSTER_ASSERT(world_is_alive(world, slot));
    return world->game->can_see != NULL &&
           world->game->can_see(world_host(), world, player_index, slot);
}

bool muster_instance_pop_outgoing(muster_instance *instance, muster_outgoing *out_outgoing)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(out_outgoing != NULL);
    muster_world *world = &instance->world;
    if (world->outgoing_next == world->outgoing_count) {
        return false;
    }
    *out_outgoing = world->outgoing[world->outgoing_next];
    world->outgoing_next++;
    return true;
}

bool muster_instance_pop_event(muster_instance *instance, muster_core_event *out_event)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(out_event != NULL);
    muster_world *world = &instance->world;
    if (world->event_next == world->event_count) {
        return false;
    }
    *out_event = world->events[world->event_next];
    world->event_next++;
    return true;
}

static muster_task_cost cost_of(const struct runner_cost *cost)
{
    return (muster_task_cost){
        .item_count = cost->item_count,
        .total_ns = cost->total_ns,
        .tick_ns_max = cost->tick_ns_max,
    };
}

muster_task_cost muster_instance_task_cost(const muster_instance *instance, uint32_t task_index)
{
    MUSTER_ASSERT(instance != NULL);
    MUSTER_ASSERT(task_index < instance->world.runner.task_count);
    return cost_of(&instance->world.runner_costs[task_index]);
}

muster_task_cost muster_instance_physics_cost(const muster_instance *instance)
{
    MUSTER_ASSERT(instance != NULL);
    return cost_of(&instance->world.physics_cost);
}
