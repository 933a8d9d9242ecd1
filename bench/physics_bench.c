// SPDX-License-Identifier: Apache-2.0

// What a tick of physics costs with 10,000 bodies, beside Chipmunk.
//
// Both engines simulate the same planar scenes: the same radii, places, pushes, steps and
// iterations, bodies that do not turn, no sleeping. Ours is its 3-D solver between two walls.
// Chipmunk runs each scene with its tree and with its spatial hash and the better one counts. The
// native 3-D scene is measured beside. Rounds are interleaved; a figure is the median of rounds
// of process CPU time. Contacts and overlaps are counted by one function for both.
//
//     muster-bench-physics [--json] [--peer NAME] [--bodies N] [--scene open|crowd|pile]
//
// The peer is whichever libchipmunk the loader finds: give another name when it is not Debian's,
// such as one of tools/build_chipmunk.sh.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "muster/grid.h"
#include "muster/space.h"

#include "core/assert.h"
#include "harness/physics_scene.h"

#include <chipmunk/chipmunk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BODY_COUNT_MAX 10000u
#define ROUND_COUNT    7u
#define ROUND_STEPS    20u
#define STEP_S         (1.0 / 60.0)
#define ITERATIONS     10
#define SLOP_M         0.005

// Bodies closer than this are in contact: more than either engine lets them overlap, so that the
// one which lets them overlap more does not count more neighbours.
#define COUNTED_GAP_M 0.03f

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

// A cell of Chipmunk's spatial hash is best a little larger than a body, and its table several
// times the bodies; these were the best of those tried.
#define HASH_CELL_M     1.3
#define HASH_CELL_COUNT 60000

enum runner_kind { RUN_PLANAR, RUN_NATIVE, RUN_TREE, RUN_HASH, RUNNER_COUNT };

// One scene in one engine.
struct runner {
    struct physics_scene scene;
    muster_space *space;
    cpSpace *peer;
    cpBody *peer_bodies[BODY_COUNT_MAX];
    uint64_t tick;
    double rounds_ms[ROUND_COUNT];
    double median_ms;
    double contact_count; // mean of the rounds' ends, as is the overlap
    double overlap;
};

static double cpu_now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

// Chipmunk's plane is x and y; a pile is seen from the side.
static cpVect to_plane(const struct runner *runner, muster_vec3 vector)
{
    const bool is_pile = runner->scene.kind == PHYSICS_SCENE_PILE;
    return cpv((cpFloat)vector.x, (cpFloat)(is_pile ? vector.z : vector.y));
}

static muster_vec3 from_plane(const struct runner *runner, cpVect vector)
{
    const bool is_pile = runner->scene.kind == PHYSICS_SCENE_PILE;
    const float up = (float)vector.y;
    return (muster_vec3){(float)vector.x, is_pile ? 0.0f : up, is_pile ? up : 0.0f};
}

// Chipmunk takes the product of two frictions, ours the geometric mean.
static cpFloat peer_friction(const struct runner *runner, uint8_t material)
{
    return cpfsqrt((cpFloat)runner->scene.materials[material].friction);
}

// The walls that cross the plane; those along it bound only the third dimension.
static void add_peer_walls(struct runner *runner)
{
    for (uint32_t i = 0; i < runner->scene.box_count; i++) {
        const muster_space_box *box = &runner->scene.boxes[i];
        const muster_vec3 low = muster_vec3_sub(box->centre, box->half_size);
        const muster_vec3 high = muster_vec3_add(box->centre, box->half_size);
        const bool is_pile = runner->scene.kind == PHYSICS_SCENE_PILE;
        const bool crosses =
            is_pile ? low.y < 0.0f && high.y > 0.0f
                    : low.z < PHYSICS_SCENE_RADIUS_M && high.z > PHYSICS_SCENE_RADIUS_M;
        if (crosses) {
            const cpVect min = to_plane(runner, low);
            const cpVect max = to_plane(runner, high);
            const cpBB bounds = cpBBNew(min.x, min.y, max.x, max.y);
            cpShape *shape = cpBoxShapeNew2(cpSpaceGetStaticBody(runner->peer), bounds, 0.0);
            cpShapeSetFriction(shape, peer_friction(runner, box->material));
            cpSpaceAddShape(runner->peer, shape);
        }
    }
}

// Where Chipmunk has its assertions on, it says so on standard output, which holds figures alone.
static cpSpace *create_peer_quietly(void)
{
    fflush(stdout);
    const int figures = dup(STDOUT_FILENO);
    const int diverted = dup2(STDERR_FILENO, STDOUT_FILENO);
    MUSTER_ASSERT(figures >= 0 && diverted >= 0);
    cpSpace *peer = cpSpaceNew();
    fflush(stdout);
    const int restored = dup2(figures, STDOUT_FILENO);
    MUSTER_ASSERT(restored >= 0);
    close(figures);
    return peer;
}

static void create_peer(struct runner *runner, bool has_hash)
{
    cpSpace *peer = create_peer_quietly();
    runner->peer = peer;
    cpSpaceSetIterations(peer, ITERATIONS);
    cpSpaceSetCollisionSlop(peer, SLOP_M);
    cpSpaceSetGravity(peer, to_plane(runner, runner->scene.gravity));
    if (has_hash) {
        cpSpaceUseSpatialHash(peer, HASH_CELL_M, HASH_CELL_COUNT);
    }
    add_peer_walls(runner);
    for (uint32_t i = 0; i < runner->scene.body_count; i++) {
        const muster_body_def def = physics_scene_body(&runner->scene, i);
        cpBody *body = cpSpaceAddBody(peer, cpBodyNew(1.0, (cpFloat)INFINITY));
        cpBodySetPosition(body, to_plane(runner, def.position));
        cpBodySetVelocity(body, to_plane(runner, def.velocity));
        cpShape *shape =
            cpSpaceAddShape(peer, cpCircleShapeNew(body, PHYSICS_SCENE_RADIUS_M, cpvzero));
        cpShapeSetFriction(shape, peer_friction(runner, 0));
        runner->peer_bodies[i] = body;
    }
}

static struct runner *create_runner(
    enum runner_kind runner_kind, enum physics_scene_kind kind, uint32_t body_count)
{
    struct runner *runner = calloc(1, sizeof *runner);
    MUSTER_ASSERT(runner != NULL);
    physics_scene_init(&runner->scene, kind, runner_kind != RUN_NATIVE, body_count);
    if (runner_kind == RUN_TREE || runner_kind == RUN_HASH) {
        create_peer(runner, runner_kind == RUN_HASH);
        return runner;
    }
    muster_space_def def = physics_scene_def(&runner->scene);
    def.iteration_count = ITERATIONS;
    const muster_status status = physics_scene_create(&runner->scene, &def, &runner->space);
    MUSTER_ASSERT(status == MUSTER_OK);
    return runner;
}

static void destroy_shape(cpSpace *peer, cpShape *shape, void *context)
{
    (void)context;
    cpSpaceRemoveShape(peer, shape);
    cpShapeFree(shape);
}

static void free_shape_later(cpShape *shape, void *context)
{
    cpSpaceAddPostStepCallback(context, (cpPostStepFunc)destroy_shape, shape, NULL);
}

static void destroy_runner(struct runner *runner)
{
    muster_space_destroy(runner->space);
    if (runner->peer != NULL) {
        cpSpaceEachShape(runner->peer, free_shape_later, runner->peer);
        for (uint32_t i = 0; i < runner->scene.body_count; i++) {
            cpSpaceRemoveBody(runner->peer, runner->peer_bodies[i]);
            cpBodyFree(runner->peer_bodies[i]);
        }
        cpSpaceFree(runner->peer);
    }
    free(runner);
}

static void push_all(struct runner *runner)
{
    if (runner->space != NULL) {
        physics_scene_push_all(&runner->scene, runner->space, runner->tick);
        return;
    }
    for (uint32_t i = 0; i < runner->scene.body_count; i++) {
        cpBody *body = runner->peer_bodies[i];
        muster_vec3 velocity = from_plane(runner, cpBodyGetVelocity(body));
        if (physics_scene_push(&runner->scene, i, runner->tick, velocity, &velocity)) {
            cpBodySetVelocity(body, to_plane(runner, velocity));
        }
    }
}

// CPU time of one tick; the pushes are the game's and do not count.
static double step_ms(struct runner *runner)
{
    push_all(runner);
    runner->tick++;
    const muster_parallel serial = muster_parallel_serial();
    const double start_ms = cpu_now_ms();
    if (runner->space != NULL) {
        muster_space_step(runner->space, &serial);
    } else {
        cpSpaceStep(runner->peer, STEP_S);
    }
    return cpu_now_ms() - start_ms;
}

static double steps_ms(struct runner *runner, uint32_t step_count)
{
    double sum_ms = 0.0;
    for (uint32_t i = 0; i < step_count; i++) {
        sum_ms += step_ms(runner);
    }
    return sum_ms / step_count;
}

static const muster_vec3 *positions_of(struct runner *runner)
{
    static muster_vec3 positions[BODY_COUNT_MAX];
    if (runner->space != NULL) {
        return muster_space_columns_read(runner->space).position;
    }
    for (uint32_t i = 0; i < runner->scene.body_count; i++) {
        positions[i] = from_plane(runner, cpBodyGetPosition(runner->peer_bodies[i]));
    }
    return positions;
}

// Pairs that touch or nearly do, and by what share of a diameter those that touch overlap.
static void measure_contacts(struct runner *runner)
{
    muster_grid_def def = muster_grid_default_def();
    def.point_capacity = BODY_COUNT_MAX;
    def.cell_m = 2.0f;
    def.is_layered = true;
    muster_grid *grid;
    muster_status status = muster_grid_create(&def, &grid);
    MUSTER_ASSERT(status == MUSTER_OK);
    const muster_vec3 *positions = positions_of(runner);
    status = muster_grid_build(grid, positions, NULL, runner->scene.body_count);
    MUSTER_ASSERT(status == MUSTER_OK);

    const float diameter = 2.0f * PHYSICS_SCENE_RADIUS_M;
    uint32_t contact_count = 0;
    uint32_t touching_count = 0;
    double overlap_sum = 0.0;
    for (uint32_t i = 0; i < runner->scene.body_count; i++) {
        uint32_t near[64];
        uint32_t near_count;
        status =
            muster_grid_within(grid, positions[i], diameter + COUNTED_GAP_M, near, 64, &near_count);
        MUSTER_ASSERT(status == MUSTER_OK);
        for (uint32_t k = 0; k < near_count; k++) {
            const float distance =
                muster_vec3_length(muster_vec3_sub(positions[i], positions[near[k]]));
            const bool is_new = near[k] > i;
            const bool is_touching = is_new && distance < diameter;
            contact_count += is_new;
            touching_count += is_touching;
            overlap_sum += is_touching ? (double)((diameter - distance) / diameter) : 0.0;
        }
    }
    muster_grid_destroy(grid);
    runner->contact_count += (double)contact_count / ROUND_COUNT;
    runner->overlap += touching_count > 0 ? overlap_sum / touching_count / ROUND_COUNT : 0.0;
}

static int compare_ms(const void *left, const void *right)
{
    const double left_ms = *(const double *)left;
    const double right_ms = *(const double *)right;
    return (left_ms > right_ms) - (left_ms < right_ms);
}

struct line {
    const char *scene;
    const char *suffix;
    const char *unit;
    const char *peer; // NULL if none ran
    double value;
    double peer_value;
};

static void print_line(const struct line *line)
{
    printf("{\"bench\":\"physics\",\"metric\":\"%s%s\",\"value\":%.5g,\"unit\":\"%s\"", line->scene,
        line->suffix, line->value, line->unit);
    if (line->peer != NULL) {
        const double ratio = line->peer_value > 0.0 ? line->value / line->peer_value : 0.0;
        printf(",\"peer\":\"%s\",\"peer_value\":%.5g,\"ratio\":%.4g", line->peer, line->peer_value,
            ratio);
    }
    printf("}\n");
    fflush(stdout);
}

static void print_scene(struct runner *runners[RUNNER_COUNT], const char *peer_name)
{
    const struct runner *ours = runners[RUN_PLANAR];
    const bool is_tree_better = runners[RUN_TREE]->median_ms < runners[RUN_HASH]->median_ms;
    const struct runner *peer = runners[is_tree_better ? RUN_TREE : RUN_HASH];
    const char *scene = physics_scene_name(ours->scene.kind);
    const struct line lines[] = {
        {scene, "", "ms", peer_name, ours->median_ms, peer->median_ms},
        {scene, "_contacts", "count", peer_name, ours->contact_count, peer->contact_count},
        {scene, "_overlap", "share", peer_name, ours->overlap, peer->overlap},
        {scene, "_native", "ms", NULL, runners[RUN_NATIVE]->median_ms, 0.0},
        {scene, "_native_contacts", "count", NULL, runners[RUN_NATIVE]->contact_count, 0.0},
        {scene, "_native_overlap", "share", NULL, runners[RUN_NATIVE]->overlap, 0.0},
    };
    for (uint32_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        print_line(&lines[i]);
    }
}

static void run_scene(enum physics_scene_kind kind, uint32_t body_count, const char *peer_name)
{
    const uint32_t settle_steps = kind == PHYSICS_SCENE_PILE ? 900 : 120;
    struct runner *runners[RUNNER_COUNT];
    for (uint32_t i = 0; i < RUNNER_COUNT; i++) {
        runners[i] = create_runner((enum runner_kind)i, kind, body_count);
        steps_ms(runners[i], settle_steps);
    }
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        for (uint32_t i = 0; i < RUNNER_COUNT; i++) {
            runners[i]->rounds_ms[round] = steps_ms(runners[i], ROUND_STEPS);
            measure_contacts(runners[i]);
        }
    }
    for (uint32_t i = 0; i < RUNNER_COUNT; i++) {
        qsort(runners[i]->rounds_ms, ROUND_COUNT, sizeof(double), compare_ms);
        runners[i]->median_ms = runners[i]->rounds_ms[ROUND_COUNT / 2];
    }
    print_scene(runners, peer_name);
    for (uint32_t i = 0; i < RUNNER_COUNT; i++) {
        destroy_runner(runners[i]);
    }
}

int main(int argument_count, char **arguments)
{
    const char *peer_name = "chipmunk-debian";
    const char *scene_name = "";
    uint32_t body_count = BODY_COUNT_MAX;
    for (int i = 1; i < argument_count; i++) {
        const bool has_value = i + 1 < argument_count;
        if (strcmp(arguments[i], "--peer") == 0 && has_value) {
            peer_name = arguments[++i];
        } else if (strcmp(arguments[i], "--bodies") == 0 && has_value) {
            body_count = (uint32_t)strtoul(arguments[++i], NULL, 10);
        } else if (strcmp(arguments[i], "--scene") == 0 && has_value) {
            scene_name = arguments[++i];
        } else if (strcmp(arguments[i], "--json") != 0) {
            fprintf(stderr, "usage: %s [--json] [--peer NAME] [--bodies N] [--scene NAME]\n",
                arguments[0]);
            return 2;
        }
    }
    if (body_count < 1 || body_count > BODY_COUNT_MAX) {
        fprintf(stderr, "%s: --bodies is between 1 and %u\n", arguments[0], BODY_COUNT_MAX);
        return 2;
    }
    static const enum physics_scene_kind kinds[] = {
        PHYSICS_SCENE_OPEN, PHYSICS_SCENE_CROWD, PHYSICS_SCENE_PILE};
    for (uint32_t i = 0; i < 3; i++) {
        if (scene_name[0] == '\0' || strcmp(scene_name, physics_scene_name(kinds[i])) == 0) {
            run_scene(kinds[i], body_count, peer_name);
        }
    }
    return EXIT_SUCCESS;
}
