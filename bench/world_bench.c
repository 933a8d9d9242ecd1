// SPDX-License-Identifier: Apache-2.0

// A world of skirmish in this process, with players who act every tick: what a tick costs, and
// what the game's own tasks cost in it. Sockets and replication are left out.
//
//     muster-bench-world [--players N] [--bodies M] [--scene 0|1|2] [--ticks T]
//
// Without arguments it runs the scenes mixed, battle and spread with 1,000 players and 10,000
// bodies. Prints one line of JSON per metric, in CPU time of the one thread; "start" is from
// nothing to the end of the first tick.

#define _POSIX_C_SOURCE 199309L // clock_gettime()

#include "bench_arguments.h"
#include "games/skirmish_crowd.h"

#include "core/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEED           1u
#define WARM_UP_TICKS  120u
#define TICK_COUNT_MAX 100000u

struct setting {
    uint32_t player_count;
    int64_t bodies, scene;
    uint32_t tick_count;
};

static struct crowd crowd;
static double tick_ms[TICK_COUNT_MAX];

static uint64_t cpu_now_ns(void *context)
{
    (void)context;
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print(const struct setting *setting, const char *metric, double value, const char *unit)
{
    static const char *const scenes[] = {"mixed", "battle", "spread"};
    printf("{\"bench\":\"world\",\"metric\":\"%s_%s\",\"value\":%.4f,\"unit\":\"%s\"}\n",
        scenes[setting->scene], metric, value, unit);
}

static void print_tasks(const struct setting *setting,
    const muster_instance *instance,
    const muster_task_cost *before,
    double step_ns)
{
    const muster_game *game = muster_game_module();
    double all_ns = 0.0;
    for (uint32_t i = 0; i < game->task_count; i++) {
        const muster_task_cost cost = muster_instance_task_cost(instance, i);
        const double spent_ns = (double)(cost.total_ns - before[i].total_ns);
        char name[64];
        snprintf(name, sizeof name, "task_%s", game->tasks[i].name);
        print(setting, name, spent_ns * 1e-3 / setting->tick_count, "us");
        all_ns += spent_ns;
    }
    print(setting, "tasks", all_ns * 1e-6 / setting->tick_count, "ms");
    print(setting, "rest", (step_ns - all_ns) * 1e-6 / setting->tick_count, "ms");
}

static void step(muster_instance *instance, muster_frame_builder *builder, double *out_ms)
{
    muster_frame_begin(builder, muster_instance_tick(instance) + 1, SEED);
    crowd_play(&crowd, builder, instance);
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(builder, &frame, &length);
    const uint64_t start_ns = cpu_now_ns(NULL);
    MUSTER_ASSERT(muster_instance_step(instance, frame, length) == MUSTER_OK);
    *out_ms = (double)(cpu_now_ns(NULL) - start_ns) * 1e-6;
}

static void run(const struct setting *setting)
{
    const muster_game *game = muster_game_module();
    const int64_t options[] = {setting->bodies, setting->scene, 24, 4};
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    def.seed = SEED;
    def.options = options;
    def.now_ns = cpu_now_ns;
    const uint64_t start_ns = cpu_now_ns(NULL);
    muster_instance *instance;
    MUSTER_ASSERT(muster_instance_create(&def, &instance) == MUSTER_OK);
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    muster_frame_builder *builder;
    MUSTER_ASSERT(muster_frame_builder_create(&builder_def, &builder) == MUSTER_OK);
    crowd = (struct crowd){
        .random_state = SEED,
        .member_count = setting->player_count,
        .scene = setting->scene,
    };

    double ms;
    step(instance, builder, &ms);
    print(setting, "start", (double)(cpu_now_ns(NULL) - start_ns) * 1e-6, "ms");
    for (uint32_t i = 1; i < WARM_UP_TICKS; i++) {
        step(instance, builder, &ms);
    }
    muster_task_cost before[MUSTER_TASK_COUNT_MAX];
    for (uint32_t i = 0; i < game->task_count; i++) {
        before[i] = muster_instance_task_cost(instance, i);
    }
    double step_ns = 0.0;
    for (uint32_t i = 0; i < setting->tick_count; i++) {
        step(instance, builder, &tick_ms[i]);
        step_ns += tick_ms[i] * 1e6;
    }
    qsort(tick_ms, setting->tick_count, sizeof tick_ms[0], compare);
    print(setting, "tick_p50", tick_ms[setting->tick_count / 2], "ms");
    print(setting, "tick_p99", tick_ms[setting->tick_count * 99 / 100], "ms");
    print_tasks(setting, instance, before, step_ns);
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
}

static bool read_setting(int argc, char **argv, struct setting *setting, int64_t *out_scene)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t value;
        if (strcmp(argv[i], "--players") == 0 && bench_read_number(argv[i + 1], 1, 2048, &value)) {
            setting->player_count = (uint32_t)value;
        } else if (strcmp(argv[i], "--bodies") == 0 &&
                   bench_read_number(argv[i + 1], 0, 12000, &value)) {
            setting->bodies = value;
        } else if (strcmp(argv[i], "--scene") == 0 &&
                   bench_read_number(argv[i + 1], 0, 2, &value)) {
            *out_scene = value;
        } else if (strcmp(argv[i], "--ticks") == 0 &&
                   bench_read_number(argv[i + 1], 1, TICK_COUNT_MAX, &value)) {
            setting->tick_count = (uint32_t)value;
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct setting setting = {.player_count = 1000, .bodies = 10000, .tick_count = 600};
    int64_t only_scene = -1;
    if (!read_setting(argc, argv, &setting, &only_scene)) {
        fprintf(stderr, "usage: muster-bench-world [--players N] [--bodies M] [--scene 0|1|2] "
                        "[--ticks T]\n");
        return 2;
    }
    for (int64_t scene = SCENE_MIXED; scene <= SCENE_SPREAD; scene++) {
        setting.scene = scene;
        if (only_scene < 0 || only_scene == scene) {
            run(&setting);
        }
    }
    return 0;
}
