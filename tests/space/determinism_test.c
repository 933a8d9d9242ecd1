// SPDX-License-Identifier: Apache-2.0
#include "space/scene_run.h"

#include "drivers/workers.h"
#include "harness/random.h"

static const enum physics_scene_kind kinds[] = {
    PHYSICS_SCENE_OPEN, PHYSICS_SCENE_CROWD, PHYSICS_SCENE_PILE};

static uint64_t run(const struct physics_scene *scene,
    muster_space_variant variant,
    const muster_parallel *parallel,
    uint32_t sleep_ticks,
    uint32_t tick_count)
{
    muster_space *space = test_scene(scene, variant, sleep_ticks);
    test_run_scene(scene, space, parallel, 0, tick_count);
    const uint64_t hash = test_state_hash(space);
    muster_space_destroy(space);
    return hash;
}

// Ticks after which the pile has an island that all workers solve together.
#define TICK_COUNT 110

static uint32_t body_count_of(enum physics_scene_kind kind)
{
    return kind == PHYSICS_SCENE_PILE ? 1600 : 300;
}

static void any_number_of_workers_gives_the_same_bits(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 3; k++) {
        struct physics_scene scene;
        physics_scene_init(&scene, kinds[k], k != 0, body_count_of(kinds[k]));
        const muster_parallel serial = muster_parallel_serial();
        const uint64_t alone = run(&scene, MUSTER_SPACE_FASTEST, &serial, 20, TICK_COUNT);
        for (uint32_t worker_count = 1; worker_count <= 4; worker_count++) {
            struct workers_def def = workers_default_def();
            def.worker_count = worker_count;
            struct workers *workers;
            assert_int_equal(workers_create(&def, &workers, NULL), MUSTER_OK);
            const muster_parallel parallel = workers_parallel(workers);
            const uint64_t shared = run(&scene, MUSTER_SPACE_FASTEST, &parallel, 20, TICK_COUNT);
            workers_destroy(workers);
            assert_true(shared == alone);
        }
    }
}

static void run_backwards(
    void *pool, uint32_t item_count, muster_parallel_item *item, void *context)
{
    (void)pool;
    for (uint32_t i = item_count; i-- > 0;) {
        item(context, i, 0);
    }
}

static void the_order_in_which_items_run_does_not_matter(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    const muster_parallel backwards = {.worker_count = 1, .run = run_backwards};
    for (uint32_t k = 0; k < 3; k++) {
        struct physics_scene scene;
        physics_scene_init(&scene, kinds[k], k != 1, body_count_of(kinds[k]));
        const uint64_t forward = run(&scene, MUSTER_SPACE_FASTEST, &serial, 20, TICK_COUNT);
        assert_true(run(&scene, MUSTER_SPACE_FASTEST, &backwards, 20, TICK_COUNT) == forward);
    }
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    for (uint32_t k = 0; k < 3; k++) {
        struct physics_scene scene;
        physics_scene_init(&scene, kinds[k], k == 0, body_count_of(kinds[k]));
        const uint64_t baseline = run(&scene, MUSTER_SPACE_BASELINE, &serial, 0, TICK_COUNT);
        assert_true(run(&scene, MUSTER_SPACE_FASTEST, &serial, 0, TICK_COUNT) == baseline);

        muster_space_def def = physics_scene_def(&scene);
        def.variant = MUSTER_SPACE_AVX2;
        muster_space *space;
        if (muster_space_create(&def, &space) != MUSTER_OK) {
            print_message("no AVX2 here\n");
            continue;
        }
        muster_space_destroy(space);
        assert_true(run(&scene, MUSTER_SPACE_AVX2, &serial, 0, TICK_COUNT) == baseline);
    }
}

// Copies the live elements of one space's state into another, as a snapshot and its restoration
// would; everything beyond them is overwritten with rubbish.
static void copy_state(muster_space *from, muster_space *to)
{
    muster_state_block source[MUSTER_SPACE_STATE_BLOCK_COUNT];
    muster_state_block target[MUSTER_SPACE_STATE_BLOCK_COUNT];
    uint32_t count;
    muster_space_state_blocks(from, source, &count);
    muster_space_state_blocks(to, target, &count);
    for (uint32_t i = 0; i < count; i++) {
        const size_t element_bytes = muster_state_element_bytes(&source[i]);
        const size_t live_bytes = *source[i].element_count * element_bytes;
        memset(target[i].data, 0xA5, target[i].element_capacity * element_bytes);
        memcpy(target[i].data, source[i].data, live_bytes);
    }
    assert_int_equal(muster_space_restored(to), MUSTER_OK);
}

static void a_restored_world_goes_on_as_if_nothing_had_been(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    for (uint32_t k = 0; k < 3; k++) {
        struct physics_scene scene;
        physics_scene_init(&scene, kinds[k], k == 2, 600);
        muster_space *space = test_scene(&scene, MUSTER_SPACE_FASTEST, 10);
        muster_space *other = test_scene(&scene, MUSTER_SPACE_BASELINE, 10);
        assert_true(muster_space_static_hash(space) == muster_space_static_hash(other));
        for (uint64_t tick = 0; tick < 120; tick += 40) {
            test_run_scene(&scene, space, &serial, tick, tick + 40);
            assert_true(muster_space_body_remove(space, (uint32_t)tick + 3));
            copy_state(space, other);
            assert_true(test_state_hash(space) == test_state_hash(other));
            test_run_scene(&scene, other, &serial, tick + 40, tick + 60);
            muster_space *twin = test_scene(&scene, MUSTER_SPACE_FASTEST, 10);
            copy_state(space, twin);
            test_run_scene(&scene, twin, &serial, tick + 40, tick + 60);
            assert_true(test_state_hash(twin) == test_state_hash(other));
            muster_space_destroy(twin);
        }
        muster_space_destroy(space);
        muster_space_destroy(other);
    }
}

// A world in which everything happens: things fall, sleep, are hit, come and go.
struct zoo {
    muster_space *space;
    uint64_t random;
};

static muster_space *create_zoo_space(void)
{
    static const muster_space_material materials[2] = {
        {.friction = 0.5f, .gravity_scale = 1.0f, .restitution = 0.3f},
        {.friction = 0.2f, .gravity_scale = 0.5f, .damping_per_s = 0.1f},
    };
    muster_space_box boxes[2] = {test_floor, test_floor};
    boxes[1].centre = (muster_vec3){3.0f, 0.0f, 1.0f};
    boxes[1].half_size = (muster_vec3){0.2f, 5.0f, 1.0f};
    boxes[1].heading = 0.7f;
    boxes[1].material = 1;
    muster_space_def def = muster_space_default_def();
    def.body_capacity = 300;
    def.materials = materials;
    def.material_count = 2;
    def.boxes = boxes;
    def.box_count = 2;
    def.sleep_ticks = 10;
    return test_create(&def);
}

static float between(struct zoo *zoo, float min, float max)
{
    return min + (max - min) * (float)(random_next(&zoo->random) >> 40) / 16777216.0f;
}

static void disturb(struct zoo *zoo)
{
    const uint32_t slot = (uint32_t)(random_next(&zoo->random) % 300);
    const uint32_t deed = (uint32_t)(random_next(&zoo->random) % 8);
    static const uint8_t sorts[8] = {0, 0, 0, 0, MUSTER_BODY_KINEMATIC, MUSTER_BODY_SENSOR,
        MUSTER_BODY_BULLET, MUSTER_BODY_PLAYER};
    muster_body_def body = muster_body_default_def();
    body.position = (muster_vec3){
        between(zoo, -6.0f, 6.0f), between(zoo, -6.0f, 6.0f), between(zoo, 0.5f, 6.0f)};
    body.velocity = (muster_vec3){
        between(zoo, -2.0f, 2.0f), between(zoo, -2.0f, 2.0f), between(zoo, -2.0f, 0.0f)};
    body.radius_m = between(zoo, 0.2f, deed == 0 ? 1.5f : 0.6f);
    body.mass_kg = between(zoo, 0.5f, 4.0f);
    body.flags = sorts[random_next(&zoo->random) % 8];
    body.material = (uint8_t)(random_next(&zoo->random) % 2);
    if ((body.flags & MUSTER_BODY_BULLET) != 0) {
        body.velocity = muster_vec3_scale(body.velocity, 60.0f);
        body.radius_m = 0.05f;
    }
    muster_status status = MUSTER_OK;
    if (deed < 5) {
        status = muster_space_body_add(zoo->space, slot, &body);
    } else if (deed == 5) {
        status = muster_space_body_set_position(zoo->space, slot, body.position);
    } else if (deed == 6) {
        status = muster_space_body_push(zoo->space, slot, body.velocity);
    } else {
        muster_space_body_remove(zoo->space, slot);
    }
    assert_true(
        status == MUSTER_OK || status == MUSTER_ERR_INVALID || status == MUSTER_ERR_NOT_FOUND);
}

// Queries between the steps must not change anything, whenever they come.
static void look_around(struct zoo *zoo)
{
    const muster_space_ray ray = {
        .from = {-8.0f, between(zoo, -6.0f, 6.0f), 1.0f},
        .to = {8.0f, between(zoo, -6.0f, 6.0f), 1.0f},
        .mask = 0xFFFF,
        .ignore_slot = UINT32_MAX,
    };
    muster_space_hit hit;
    muster_space_ray_cast(zoo->space, &ray, &hit);
}

static void a_busy_world_can_be_restored_at_every_tick(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        struct zoo zoo = {.space = create_zoo_space(), .random = seed};
        struct zoo twin = {.space = create_zoo_space(), .random = seed};
        for (uint32_t tick = 0; tick < 400; tick++) {
            const uint32_t deed_count = tick % 100 < 60 ? 3 : 0;
            for (uint32_t i = 0; i < deed_count; i++) {
                disturb(&zoo);
                look_around(&zoo);
            }
            // The twin only ever lives for one tick.
            copy_state(zoo.space, twin.space);
            test_steps(zoo.space, 1);
            test_steps(twin.space, 1);
            assert_true(test_state_hash(zoo.space) == test_state_hash(twin.space));
            if (tick % 7 == 0) {
                look_around(&zoo);
            }
        }
        muster_space_destroy(zoo.space);
        muster_space_destroy(twin.space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_workers_gives_the_same_bits),
        cmocka_unit_test(the_order_in_which_items_run_does_not_matter),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(a_restored_world_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(a_busy_world_can_be_restored_at_every_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
