// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

// Sequential impulses, begun with those of the step before. Contacts of one colour share no body
// that can be pushed, so eight are solved at once and, in a large island, by several workers;
// the order within a colour does not matter, which is why neither changes the result. Bodies are
// independent of each other across islands, so the colours of one island do not depend on what
// else is in its batch.
//
// Bodies that overlap are pushed apart by a share of the overlap. The last round is solved
// without that push, which takes out again the speed that it added; bodies move by the speed
// before it.

#define RELAX_COUNT 1u

// The share of the impulses of the step before that a step begins with. With all of it, a pile
// that is too high to be solved in a step's rounds swings for ever.
#define WARM_SHARE 0.92f

// The share of an overlap that is resolved in a step, and how fast at most.
#define PUSH_SHARE     0.2f
#define PUSH_SPEED_MAX 4.0f

// Slots for groups in a batch: colours of pairs, pairs alone, colours of anchors, anchors alone.
#define PAIR_LONE    KERNEL_COLOUR_COUNT
#define ANCHOR_FIRST (KERNEL_COLOUR_COUNT + 1u)
#define ANCHOR_LONE  (2u * KERNEL_COLOUR_COUNT + 1u)
#define SORT_COUNT   SPACE_BATCH_SORT_COUNT
#define DROPPED      UINT8_MAX

_Static_assert(ANCHOR_LONE + 1u == SORT_COUNT, "one place for each colour");

static bool is_lone(uint32_t colour)
{
    return colour == PAIR_LONE || colour == ANCHOR_LONE;
}

static uint8_t colour_pair(muster_space *space, const struct contact *contact)
{
    const uint32_t used =
        space->colour_mask[contact->place_a] | space->colour_mask[contact->place_b];
    if (used == UINT32_MAX) {
        return PAIR_LONE;
    }
    const uint32_t colour = (uint32_t)__builtin_ctz(~used);
    space->colour_mask[contact->place_a] |= 1u << colour;
    space->colour_mask[contact->place_b] |= 1u << colour;
    return (uint8_t)colour;
}

static uint8_t colour_anchor(muster_space *space, const struct contact *contact)
{
    const uint8_t colour = space->anchor_count[contact->place_a];
    if (colour == KERNEL_COLOUR_COUNT) {
        return ANCHOR_LONE;
    }
    space->anchor_count[contact->place_a]++;
    return (uint8_t)(ANCHOR_FIRST + colour);
}

// Gives each contact a colour, counts them, and lays out the groups of each colour.
static void colour_batch(muster_space *space, struct batch *batch)
{
    uint32_t counts[SORT_COUNT] = {0};
    for (uint32_t i = batch->contact_begin; i < batch->contact_end; i++) {
        struct contact *contact = &space->contacts[space->batch_contacts[i]];
        contact->colour = contact->sort == CONTACT_PAIR ? colour_pair(space, contact)
                                                        : colour_anchor(space, contact);
        counts[contact->colour]++;
    }
    const uint32_t lone_max =
        (batch->contact_end - batch->contact_begin) / SPACE_LONE_SHARE / 2 + 1;
    uint32_t group = batch->group_begin;
    for (uint32_t colour = 0; colour < SORT_COUNT; colour++) {
        batch->colour_begin[colour] = group;
        const uint32_t count = counts[colour];
        const uint32_t lone_count = count < lone_max ? count : lone_max;
        group += is_lone(colour) ? lone_count : (count + KERNEL_LANE_COUNT - 1) / KERNEL_LANE_COUNT;
    }
    batch->colour_begin[SORT_COUNT] = group;
    MUSTER_ASSERT(group - batch->group_begin <= batch->group_capacity);
}

static void clear_groups(muster_space *space, const struct batch *batch)
{
    const uint32_t still = space->view.point_count;
    for (uint32_t i = batch->group_begin; i < batch->colour_begin[SORT_COUNT]; i++) {
        struct kernel_group *group = &space->groups[i];
        *group = (struct kernel_group){0};
        for (uint32_t lane = 0; lane < KERNEL_LANE_COUNT; lane++) {
            group->place_a[lane] = still;
            group->place_b[lane] = still;
        }
    }
}

static void fill_lane(const muster_space *space,
    struct kernel_group *group,
    uint32_t lane,
    const struct contact *contact)
{
    const float inverse_mass =
        space->bodies[contact->place_a].inverse_mass + space->bodies[contact->place_b].inverse_mass;
    const float separation = contact->separation_m;
    const bool is_apart = separation > 0.0f;
    const float rate = PUSH_SHARE * space->steps_per_s;
    const float push = muster_clamp((separation + SPACE_SLOP_M) * rate, -PUSH_SPEED_MAX, 0.0f);
    group->place_a[lane] = contact->place_a;
    group->place_b[lane] = contact->place_b;
    group->normal_x[lane] = contact->normal.x;
    group->normal_y[lane] = contact->normal.y;
    group->normal_z[lane] = contact->normal.z;
    group->mass[lane] = 1.0f / inverse_mass;
    group->bias_mps[lane] = is_apart ? separation * space->steps_per_s : push;
    group->friction[lane] = contact->friction;
    group->bounce_mps[lane] = contact->bounce_mps;
    group->impulse[lane] = WARM_SHARE * contact->normal_impulse;
    group->friction_x[lane] = WARM_SHARE * contact->friction_impulse.x;
    group->friction_y[lane] = WARM_SHARE * contact->friction_impulse.y;
    group->friction_z[lane] = WARM_SHARE * contact->friction_impulse.z;
}

static void fill_groups(muster_space *space, struct batch *batch)
{
    uint32_t used[SORT_COUNT] = {0};
    batch->has_bounce = false;
    batch->dropped_count = 0;
    for (uint32_t i = batch->contact_begin; i < batch->contact_end; i++) {
        const uint32_t index = space->batch_contacts[i];
        struct contact *contact = &space->contacts[index];
        const uint32_t colour = contact->colour;
        const uint32_t count = used[colour]++;
        const uint32_t shift = is_lone(colour) ? 1 : KERNEL_LANE_COUNT;
        const uint32_t group_index = batch->colour_begin[colour] + count / shift;
        contact->group = group_index;
        contact->lane = (uint8_t)(count % shift);
        if (group_index >= batch->colour_begin[colour + 1]) {
            contact->group = SPACE_NO_PLACE;
            batch->dropped_count++;
            continue;
        }
        struct kernel_group *group = &space->groups[group_index];
        group->lane_count = contact->lane + 1u;
        fill_lane(space, group, contact->lane, contact);
        batch->has_bounce = batch->has_bounce || contact->bounce_mps > 0.0f;
    }
}

static void store_impulses(muster_space *space, const struct batch *batch)
{
    for (uint32_t i = batch->contact_begin; i < batch->contact_end; i++) {
        struct contact *contact = &space->contacts[space->batch_contacts[i]];
        if (contact->group == SPACE_NO_PLACE) {
            continue;
        }
        const struct kernel_group *group = &space->groups[contact->group];
        const uint32_t lane = contact->lane;
        contact->normal_impulse = group->impulse[lane];
        contact->friction_impulse = (muster_vec3){
            group->friction_x[lane], group->friction_y[lane], group->friction_z[lane]};
        contact->is_touching = contact->is_touching || contact->normal_impulse > 0.0f;
    }
}

// One pass over some groups.
enum pass { PASS_WARM_START, PASS_SOLVE, PASS_RELAX, PASS_BOUNCE };

static void run_pass(
    muster_space *space, enum pass pass, uint32_t begin, uint32_t end, bool is_anchored)
{
    const struct kernels *kernels = space->kernels;
    struct kernel_group *groups = &space->groups[begin];
    const uint32_t count = end - begin;
    switch (pass) {
    case PASS_WARM_START:
        kernels->warm_start(groups, count, space->bodies, is_anchored);
        break;
    case PASS_SOLVE:
        kernels->solve(groups, count, space->bodies, is_anchored);
        break;
    case PASS_RELAX:
        kernels->relax(groups, count, space->bodies, space->moves, is_anchored);
        break;
    case PASS_BOUNCE:
        kernels->bounce(groups, count, space->bodies, is_anchored);
        break;
    }
}

// How passes reach the groups of a batch: all at once, or shared among workers.
struct rounds {
    muster_space *space;
    const struct batch *batch;
    const muster_parallel *parallel; // NULL for all at once
    enum pass pass;
    uint32_t begin, end;
    bool is_anchored;
};

// Groups that one worker takes at a time.
#define BLOCK_GROUP_COUNT 32u

static void run_block(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    const struct rounds *rounds = context;
    const uint32_t begin = rounds->begin + item_index * BLOCK_GROUP_COUNT;
    const uint32_t rest = rounds->end - begin;
    const uint32_t count = rest < BLOCK_GROUP_COUNT ? rest : BLOCK_GROUP_COUNT;
    run_pass(rounds->space, rounds->pass, begin, begin + count, rounds->is_anchored);
}

static void run_colours(struct rounds *rounds)
{
    const muster_parallel *parallel = rounds->parallel;
    for (uint32_t colour = 0; colour < SORT_COUNT; colour++) {
        rounds->begin = rounds->batch->colour_begin[colour];
        rounds->end = rounds->batch->colour_begin[colour + 1];
        rounds->is_anchored = colour >= ANCHOR_FIRST;
        const uint32_t count = rounds->end - rounds->begin;
        const uint32_t block_count = (count + BLOCK_GROUP_COUNT - 1) / BLOCK_GROUP_COUNT;
        if (is_lone(colour)) {
            run_pass(rounds->space, rounds->pass, rounds->begin, rounds->end, rounds->is_anchored);
        } else if (block_count > 0) {
            parallel->run(parallel->pool, block_count, run_block, rounds);
        }
    }
}

static void run_all(struct rounds *rounds, enum pass pass)
{
    rounds->pass = pass;
    if (rounds->parallel != NULL) {
        run_colours(rounds);
        return;
    }
    const uint32_t *begin = rounds->batch->colour_begin;
    run_pass(rounds->space, pass, begin[0], begin[ANCHOR_FIRST], false);
    run_pass(rounds->space, pass, begin[ANCHOR_FIRST], begin[SORT_COUNT], true);
}

static void solve_batch(muster_space *space, struct batch *batch, const muster_parallel *parallel)
{
    colour_batch(space, batch);
    clear_groups(space, batch);
    fill_groups(space, batch);

    struct rounds rounds = {.space = space, .batch = batch, .parallel = parallel};
    run_all(&rounds, PASS_WARM_START);
    for (uint32_t i = RELAX_COUNT; i < space->iteration_count; i++) {
        run_all(&rounds, PASS_SOLVE);
    }
    run_all(&rounds, PASS_RELAX);
    for (uint32_t i = 0; i < RELAX_COUNT; i++) {
        run_all(&rounds, PASS_SOLVE);
    }
    if (batch->has_bounce) {
        run_all(&rounds, PASS_BOUNCE);
    }
    store_impulses(space, batch);
}

static void solve_small(void *context, uint32_t item_index, uint32_t worker_index)
{
    (void)worker_index;
    muster_space *space = context;
    struct batch *batch = &space->batches[item_index];
    if (!batch->is_large) {
        solve_batch(space, batch, NULL);
    }
}

void space_solve(muster_space *space, const muster_parallel *parallel)
{
    parallel->run(parallel->pool, space->batch_count, solve_small, space);
    for (uint32_t i = 0; i < space->batch_count; i++) {
        struct batch *batch = &space->batches[i];
        if (batch->is_large) {
            solve_batch(space, batch, parallel);
        }
        space->dropped_count += batch->dropped_count;
    }
}
