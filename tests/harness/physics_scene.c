// SPDX-License-Identifier: Apache-2.0
#include "harness/physics_scene.h"

#include "muster/random.h"

#include "core/assert.h"

#define SEED         UINT64_C(2026)
#define BODY_COUNT   10000u
#define BATTLE_COUNT 1000u
#define BATTLE_M     200.0f
#define OPEN_M       4000.0f
#define CROWD_M      120.0f
#define BIN_M        101.0f
#define BIN_DEPTH_M  5.0f
#define CROWD_SPEED  3.0f
#define TURN_TICKS   60u // between two changes of mind
#define EAGERNESS    0.1f

enum purpose { PURPOSE_X, PURPOSE_Y, PURPOSE_Z, PURPOSE_SPEED, PURPOSE_DIRECTION };

static float random_unit(uint32_t body, uint64_t tick, enum purpose purpose)
{
    const muster_random_key key = {
        .seed = SEED, .entity = body, .tick = tick, .purpose = (uint64_t)purpose};
    return muster_random_unit(muster_random(key, 0));
}

const char *physics_scene_name(enum physics_scene_kind kind)
{
    static const char *const names[] = {"open", "crowd", "pile"};
    return names[kind];
}

static void add_box(struct physics_scene *scene, muster_vec3 min, muster_vec3 max)
{
    MUSTER_ASSERT(scene->box_count < PHYSICS_SCENE_BOX_COUNT);
    const muster_vec3 sum = muster_vec3_add(min, max);
    const muster_vec3 size = muster_vec3_sub(max, min);
    scene->boxes[scene->box_count++] = (muster_space_box){
        .centre = muster_vec3_scale(sum, 0.5f),
        .half_size = muster_vec3_scale(size, 0.5f),
        .material = 1,
        .category = 1,
    };
}

// Four walls round the origin, 10 m thick.
static void add_walls(
    struct physics_scene *scene, float half_x, float half_y, float low, float high)
{
    const float x = half_x;
    const float y = half_y;
    const float t = 10.0f;
    add_box(scene, (muster_vec3){-x - t, -y - t, low}, (muster_vec3){-x, y + t, high});
    add_box(scene, (muster_vec3){x, -y - t, low}, (muster_vec3){x + t, y + t, high});
    add_box(scene, (muster_vec3){-x, -y - t, low}, (muster_vec3){x, -y, high});
    add_box(scene, (muster_vec3){-x, y, low}, (muster_vec3){x, y + t, high});
}

// The walls of a planar version stand off by more than bodies reach in a plane.
#define PLANE_GAP_M (PHYSICS_SCENE_RADIUS_M + 0.05f)

void physics_scene_init(
    struct physics_scene *scene, enum physics_scene_kind kind, bool is_planar, uint32_t body_count)
{
    MUSTER_ASSERT(body_count <= BODY_COUNT);
    const bool is_pile = kind == PHYSICS_SCENE_PILE;
    const float friction = is_pile ? 0.5f : 0.2f;
    *scene = (struct physics_scene){
        .kind = kind,
        .is_planar = is_planar,
        .body_count = body_count,
        .materials = {{.friction = friction, .gravity_scale = 1.0f},
            {.friction = is_pile ? friction : 0.0f, .gravity_scale = 1.0f}},
        .gravity = {0.0f, 0.0f, is_planar && !is_pile ? 0.0f : -9.81f},
    };
    if (is_pile) {
        const float depth = is_planar ? PLANE_GAP_M : 0.5f * BIN_DEPTH_M;
        add_walls(scene, 0.5f * BIN_M, depth, -10.0f, 400.0f);
        add_box(scene, (muster_vec3){-70.0f, -20.0f, -10.0f}, (muster_vec3){70.0f, 20.0f, 0.0f});
        if (is_planar) {
            // What bounds the plane is smooth.
            scene->boxes[2].material = 0;
            scene->boxes[3].material = 0;
        }
        return;
    }
    const float half = 0.5f * (kind == PHYSICS_SCENE_OPEN ? OPEN_M : CROWD_M);
    const float wide = half + 10.0f;
    add_walls(scene, half, half, -10.0f, 20.0f);
    const float floor = is_planar ? PHYSICS_SCENE_RADIUS_M - PLANE_GAP_M : 0.0f;
    add_box(scene, (muster_vec3){-wide, -wide, -10.0f}, (muster_vec3){wide, wide, floor});
    if (is_planar) {
        const float ceiling = PHYSICS_SCENE_RADIUS_M + PLANE_GAP_M;
        add_box(scene, (muster_vec3){-wide, -wide, ceiling}, (muster_vec3){wide, wide, 20.0f});
    }
}

muster_space_def physics_scene_def(const struct physics_scene *scene)
{
    muster_space_def def = muster_space_default_def();
    def.body_capacity = scene->body_count;
    def.gravity = scene->gravity;
    def.sleep_ticks = 0;
    def.cell_m = 1.3f * 2.0f * PHYSICS_SCENE_RADIUS_M;
    def.materials = scene->materials;
    def.material_count = 2;
    def.boxes = scene->boxes;
    def.box_count = scene->box_count;
    return def;
}

static muster_vec3 place_in_open(uint32_t body)
{
    const bool is_in_battle = body % (BODY_COUNT / BATTLE_COUNT) == 0;
    const float size = is_in_battle ? BATTLE_M : OPEN_M - 4.0f;
    return (muster_vec3){
        size * (random_unit(body, 0, PURPOSE_X) - 0.5f),
        size * (random_unit(body, 0, PURPOSE_Y) - 0.5f),
        PHYSICS_SCENE_RADIUS_M,
    };
}

static muster_vec3 place_in_crowd(uint32_t body)
{
    const float step = CROWD_M / 100.0f;
    const float jitter = 0.15f;
    return (muster_vec3){
        step * ((float)(body % 100) - 49.5f) + jitter * (random_unit(body, 0, PURPOSE_X) - 0.5f),
        step * ((float)(body / 100) - 49.5f) + jitter * (random_unit(body, 0, PURPOSE_Y) - 0.5f),
        PHYSICS_SCENE_RADIUS_M,
    };
}

// Rows that stand in each other's gaps, a little out of line, so that no towers form.
static muster_vec3 place_in_pile(const struct physics_scene *scene, uint32_t body)
{
    const uint32_t column_count = 80;
    const uint32_t layer_count = scene->is_planar ? 1 : 4;
    const uint32_t row = body / (column_count * layer_count);
    const uint32_t layer = body / column_count % layer_count;
    const float shift = row % 2 == 0 ? 0.0f : 0.6f;
    const float jitter = 0.1f;
    const float y = 1.2f * ((float)layer - 1.5f) + jitter * random_unit(body, 0, PURPOSE_Y);
    return (muster_vec3){
        1.2f * ((float)(body % column_count) - 39.75f) + shift +
            jitter * random_unit(body, 0, PURPOSE_X),
        scene->is_planar ? 0.0f : y,
        0.6f + 1.1f * (float)row + jitter * random_unit(body, 0, PURPOSE_Z),
    };
}

// The direction that a body has a mind to at a tick; bodies change theirs at different ticks.
static muster_vec3 direction_at(uint32_t body, uint64_t tick)
{
    const float turn =
        random_unit(body, (tick + body) / TURN_TICKS, PURPOSE_DIRECTION) * 2.0f * MUSTER_PI;
    return (muster_vec3){muster_cos(turn), muster_sin(turn), 0.0f};
}

static float speed_of(const struct physics_scene *scene, uint32_t body)
{
    const float varied = 1.0f + 9.0f * random_unit(body, 0, PURPOSE_SPEED);
    return scene->kind == PHYSICS_SCENE_OPEN ? varied : CROWD_SPEED;
}

muster_body_def physics_scene_body(const struct physics_scene *scene, uint32_t body)
{
    muster_body_def def = muster_body_default_def();
    def.radius_m = PHYSICS_SCENE_RADIUS_M;
    switch (scene->kind) {
    case PHYSICS_SCENE_OPEN:
        def.position = place_in_open(body);
        break;
    case PHYSICS_SCENE_CROWD:
        def.position = place_in_crowd(body);
        break;
    case PHYSICS_SCENE_PILE:
        def.position = place_in_pile(scene, body);
        return def;
    }
    def.velocity = muster_vec3_scale(direction_at(body, 0), speed_of(scene, body));
    return def;
}

bool physics_scene_push(const struct physics_scene *scene,
    uint32_t body,
    uint64_t tick,
    muster_vec3 velocity,
    muster_vec3 *out_velocity)
{
    if (scene->kind == PHYSICS_SCENE_PILE) {
        return false;
    }
    const muster_vec3 wanted = muster_vec3_scale(direction_at(body, tick), speed_of(scene, body));
    muster_vec3 change = muster_vec3_sub(wanted, velocity);
    change.z = 0.0f;
    *out_velocity = muster_vec3_add(velocity, muster_vec3_scale(change, EAGERNESS));
    return true;
}

muster_status physics_scene_create(
    const struct physics_scene *scene, const muster_space_def *def, muster_space **out_space)
{
    muster_status status = muster_space_create(def, out_space);
    for (uint32_t i = 0; i < scene->body_count && status == MUSTER_OK; i++) {
        const muster_body_def body = physics_scene_body(scene, i);
        status = muster_space_body_add(*out_space, i, &body);
    }
    return status;
}

void physics_scene_push_all(const struct physics_scene *scene, muster_space *space, uint64_t tick)
{
    const muster_space_columns columns = muster_space_columns_read(space);
    for (uint32_t i = 0; i < columns.slot_count; i++) {
        if ((columns.flags[i] & MUSTER_BODY_EXISTS) == 0) {
            continue;
        }
        muster_vec3 velocity;
        if (physics_scene_push(scene, i, tick, columns.velocity[i], &velocity)) {
            const muster_status status = muster_space_body_set_velocity(space, i, velocity);
            MUSTER_ASSERT(status == MUSTER_OK);
        }
    }
}
