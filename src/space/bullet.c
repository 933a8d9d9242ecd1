// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

// Bullets move after everything else has, along straight lines, one after the other by slot. The
// index still holds where bodies were when the step began, and the solver's velocities say how
// each of them moved: a bullet is swept relative to each body, so that neither can jump past the
// other.

// The way of a bullet is looked along in pieces of this many cells.
#define PIECE_CELLS 2.0f

// A bullet that lies on something does not hit it anew each tick.
#define HIT_SPEED_MIN 0.5f

struct shot {
    muster_space *space;
    uint32_t slot;
    struct sweep sweep;
    struct sweep_hit hit;
};

static muster_vec3 movement_of(const muster_space *space, uint32_t place)
{
    const bool is_touched = (space->colour_mask[place] | space->anchor_count[place]) != 0;
    const struct kernel_body *body = is_touched ? &space->moves[place] : &space->bodies[place];
    return muster_vec3_scale((muster_vec3){body->x, body->y, body->z}, space->step_s);
}

static bool is_target(const struct shot *shot, uint32_t slot)
{
    const muster_space *space = shot->space;
    return (space->flags[slot] & MUSTER_BODY_SENSOR) == 0 &&
           (space->category[slot] & space->mask[shot->slot]) != 0 &&
           (space->category[shot->slot] & space->mask[slot]) != 0;
}

static void aim_at_place(struct shot *shot, uint32_t place)
{
    const muster_space *space = shot->space;
    const uint32_t slot = space->view.ids[place];
    if (!is_target(shot, slot)) {
        return;
    }
    const muster_grid_view *view = &space->view;
    const muster_vec3 centre = {view->x[place], view->y[place], view->z[place]};
    struct sweep sweep = shot->sweep;
    sweep.way = muster_vec3_sub(sweep.way, movement_of(space, place));
    ball_sweep(&sweep, centre, space->place_radius_m[place], slot, &shot->hit);
}

static void aim_at_bodies(struct shot *shot)
{
    muster_space *space = shot->space;
    const float reach = shot->sweep.radius_m + 2.0f * space->reach_max_m + SPACE_TOUCH_M;
    const muster_vec3 out = {reach, reach, reach};
    const float length = muster_vec3_length(shot->sweep.way);
    const float piece_count = muster_floor(length / (PIECE_CELLS * space->cell_m)) + 1.0f;
    const muster_vec3 piece = muster_vec3_scale(shot->sweep.way, 1.0f / piece_count);
    muster_vec3 begin = shot->sweep.from;
    for (float i = 0.0f; i < piece_count; i += 1.0f) {
        const muster_vec3 end = muster_vec3_add(begin, piece);
        muster_grid_cursor cursor = muster_grid_walk(space->grid,
            muster_vec3_sub(vec3_min(begin, end), out), muster_vec3_add(vec3_max(begin, end), out));
        for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
            for (uint32_t place = range.begin; place < range.end; place++) {
                aim_at_place(shot, place);
            }
        }
        begin = end;
    }
    for (uint32_t i = 0; i < space->large_count; i++) {
        aim_at_place(shot, space->large_places[i]);
    }
}

// What was hit, as far as it can be pushed.
struct target {
    float inverse_mass;
    float restitution;
    muster_vec3 velocity;
};

static struct target target_of(const muster_space *space, const struct sweep_hit *hit)
{
    struct target target = {0};
    uint8_t material = space->terrain.material;
    if (hit->kind == MUSTER_SPACE_BODY) {
        target.inverse_mass = space->inverse_mass[hit->index];
        target.velocity = space->velocity[hit->index];
        material = space->material[hit->index];
    } else if (hit->kind == MUSTER_SPACE_BOX) {
        material = space->box_table.boxes[hit->index].material;
    }
    target.restitution = space->materials[material].restitution;
    return target;
}

// The bullet bounces off, without friction. Returns how fast it came.
static float bounce_off(struct shot *shot)
{
    muster_space *space = shot->space;
    const struct sweep_hit *hit = &shot->hit;
    const struct target target = target_of(space, hit);
    const float own = space->materials[space->material[shot->slot]].restitution;
    const float restitution = own > target.restitution ? own : target.restitution;
    const muster_vec3 velocity = space->velocity[shot->slot];
    const float closing = -muster_vec3_dot(muster_vec3_sub(velocity, target.velocity), hit->normal);
    if (closing <= 0.0f) {
        return 0.0f;
    }
    const float inverse_mass = space->inverse_mass[shot->slot];
    const float impulse = (1.0f + restitution) * closing / (inverse_mass + target.inverse_mass);
    const muster_vec3 change = muster_vec3_scale(hit->normal, impulse);
    space->velocity[shot->slot] =
        space_limit_speed(muster_vec3_add(velocity, muster_vec3_scale(change, inverse_mass)));
    if (hit->kind == MUSTER_SPACE_BODY && target.inverse_mass > 0.0f) {
        space->velocity[hit->index] = space_limit_speed(
            muster_vec3_sub(target.velocity, muster_vec3_scale(change, target.inverse_mass)));
        space_wake(space, hit->index);
    }
    return closing;
}

static void move_bullet(muster_space *space, uint32_t slot)
{
    space->velocity[slot] = space_limit_speed(space_accelerated(space, slot));
    space->flags[slot] &= (uint8_t)~SPACE_FRESH;

    struct shot shot = {
        .space = space,
        .slot = slot,
        .sweep =
            {
                .from = space->position[slot],
                .way = muster_vec3_scale(space->velocity[slot], space->step_s),
                .radius_m = space->radius_m[slot],
            },
        .hit = {.fraction = 1.0f},
    };
    aim_at_bodies(&shot);
    box_table_sweep(&space->box_table, &shot.sweep, space->mask[slot], &shot.hit);
    if ((space->terrain.category & space->mask[slot]) != 0) {
        terrain_sweep(&space->terrain, &shot.sweep, &shot.hit);
    }

    const muster_vec3 way = muster_vec3_scale(shot.sweep.way, shot.hit.fraction);
    space->position[slot] = space_limit_position(muster_vec3_add(shot.sweep.from, way));
    if (shot.hit.kind == MUSTER_SPACE_NOTHING || bounce_off(&shot) < HIT_SPEED_MIN) {
        return;
    }
    space->hits[space->hit_count++] = (muster_space_hit){
        .slot = slot,
        .kind = shot.hit.kind,
        .index = shot.hit.index,
        .point = space->position[slot],
        .normal = shot.hit.normal,
        .fraction = shot.hit.fraction,
    };
}

void space_move_bullets(muster_space *space)
{
    space->hit_count = 0;
    for (uint32_t i = 0; i < space->bullet_count; i++) {
        move_bullet(space, space->bullet_slots[i]);
    }
}
