// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

#include "harness/random.h"

#define PLAYER_COUNT 8u
#define TICK_COUNT   10000u
#define STUCK_TICKS  600u
#define STUCK_M      1.0f
#define GUARD_COUNT  (CAMP_COUNT_MAX * CAMP_SIZE)

// One seed where the compiler does not optimise: it takes as long there as all of them elsewhere.
#ifdef __OPTIMIZE__
#define SEED_COUNT 3u
#else
#define SEED_COUNT 1u
#endif

// Where each guard was when it had last gone a metre.
struct watch {
    muster_entity_id id;
    muster_vec3 at;
    uint32_t tick;
};

struct visit {
    uint64_t random_state;
    uint32_t mood_counts[MOOD_COUNT];
};

// Every player goes near some camp.
static void visit_camps(const struct state *state, void *context)
{
    struct visit *visit = context;
    for (uint32_t i = 0; i < PLAYER_COUNT; i++) {
        const uint32_t slot = state->host->player_entity(state->world, i);
        const uint32_t camp =
            (uint32_t)(random_next(&visit->random_state) % state->memory->camp_count);
        const muster_vec3 centre = {
            state->memory->camps[camp].at[0], state->memory->camps[camp].at[1], 0.0f};
        if (state_is_fighting(state, slot)) {
            const muster_vec3 place = place_near(state, i, centre, 70.0f, FIGHTER_RADIUS_M);
            state->host->space->body_move(state->world, slot, place);
            state->health[slot] = HEALTH_MAX;
            state->armour[slot] = 100;
        }
    }
}

// Guards that were hit flee.
static void hit_some_guards(const struct state *state, void *context)
{
    struct visit *visit = context;
    const uint32_t index =
        (uint32_t)(random_next(&visit->random_state) % (state->memory->camp_count * CAMP_SIZE));
    const struct guard *guard = &state->memory->guards[index];
    if (guard->slot != MUSTER_NONE) {
        (void)harm(state, guard->slot, 75, 1 + index % PLAYER_COUNT, 1);
    }
}

static void look_at_guards(const struct scene *scene, struct watch *watches, struct visit *visit)
{
    const struct memory *memory = scene_memory(scene);
    const muster_world_view *view = scene_view(scene);
    for (uint32_t i = 0; i < memory->camp_count * CAMP_SIZE; i++) {
        const struct guard *guard = &memory->guards[i];
        visit->mood_counts[guard->mood]++;
        if (guard->slot == MUSTER_NONE) {
            continue;
        }
        struct watch *watch = &watches[i];
        const muster_vec3 here = view->position[guard->slot];
        const bool is_new = watch->id != view->id[guard->slot];
        if (is_new || distance_flat(here, watch->at) >= STUCK_M) {
            *watch = (struct watch){view->id[guard->slot], here, (uint32_t)view->tick};
        }
        if (view->tick - watch->tick >= STUCK_TICKS) {
            fail_msg("seed %llu: guard %u in mood %u is stuck at (%f, %f) in tick %llu",
                (unsigned long long)scene->seed, i, guard->mood, (double)here.x, (double)here.y,
                (unsigned long long)view->tick);
        }
    }
}

static void watch_guards(uint64_t seed)
{
    static struct watch watches[GUARD_COUNT];
    memset(watches, 0, sizeof watches);
    struct visit visit = {.random_state = seed};
    struct scene scene;
    const struct scene_def def = {
        .seed = seed,
        .has_land = true,
        .camps = 8,
        .entity_count_max = 512,
        .player_count_max = PLAYER_COUNT,
    };
    scene_set_up(&scene, &def);
    for (uint32_t i = 0; i < PLAYER_COUNT; i++) {
        scene_join(&scene, i, 0);
    }
    scene_step(&scene);
    for (uint32_t i = 0; i < TICK_COUNT; i++) {
        for (uint32_t k = 0; k < PLAYER_COUNT; k++) {
            scene_move(&scene, k, (float)((i / 200 + k) % 6) - 3.0f, 4, false);
        }
        if (i % 900 == 0) {
            scene_do(&scene, visit_camps, &visit);
        } else if (i % 50 == 0) {
            scene_do(&scene, hit_some_guards, &visit);
        } else {
            scene_step(&scene);
        }
        look_at_guards(&scene, watches, &visit);
    }
    for (uint32_t mood = 0; mood < MOOD_COUNT; mood++) {
        assert_true(visit.mood_counts[mood] > 1000);
    }
    scene_tear_down(&scene);
}

static void no_guard_is_stuck_for_ten_seconds_in_ten_thousand_ticks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
        watch_guards(seed);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_guard_is_stuck_for_ten_seconds_in_ten_thousand_ticks),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
