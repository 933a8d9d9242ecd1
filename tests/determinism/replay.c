// SPDX-License-Identifier: Apache-2.0

// Runs a frame log with kernels and worker counts of choice and compares every tick's hash:
//
//     determinism_replay GAME.so FILE (baseline|avx2) WORKERS
//
// Exit codes: 0 equal at every tick, 4 different, 77 this processor has no such kernels.

#include "muster/replay.h"
#include "apps/server/game_module.h"
#include "drivers/workers.h"
#include "muster/space.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_FAILED    1
#define CODE_USAGE     2
#define CODE_DIFFERENT 4
#define CODE_SKIPPED   77

struct file {
    uint8_t *bytes;
    size_t length;
};

static muster_space_variant forced_variant; // for the space that the replay creates

muster_status __real_muster_space_create(const muster_space_def *def, muster_space **out_space);
muster_status __wrap_muster_space_create(const muster_space_def *def, muster_space **out_space);

muster_status __wrap_muster_space_create(const muster_space_def *def, muster_space **out_space)
{
    muster_space_def forced = *def;
    forced.variant = forced_variant;
    const muster_status status = __real_muster_space_create(&forced, out_space);
    if (status == MUSTER_ERR_INVALID && forced_variant == MUSTER_SPACE_AVX2) {
        printf("skipped: this processor has no AVX2\n");
        exit(CODE_SKIPPED);
    }
    return status;
}

static bool read_file(const char *path, struct file *out_file)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return false;
    }
    const long length = ftell(file);
    rewind(file);
    out_file->length = length > 0 ? (size_t)length : 0;
    out_file->bytes = malloc(out_file->length + 1);
    const bool is_read = out_file->bytes != NULL &&
                         fread(out_file->bytes, 1, out_file->length, file) == out_file->length;
    fclose(file);
    return is_read;
}

static int say(const muster_replay *replay, muster_replay_state_type state)
{
    const uint64_t tick = muster_instance_tick(muster_replay_instance(replay));
    if (state == MUSTER_REPLAY_ENDED) {
        printf("equal to tick %" PRIu64 "\n", tick);
        return 0;
    }
    if (state != MUSTER_REPLAY_DIFFERS) {
        printf("the log ends badly after tick %" PRIu64 "\n", tick);
        return CODE_FAILED;
    }
    const muster_replay_finding *found = muster_replay_found(replay);
    printf("differs at tick %" PRIu64 " in %s, element %" PRIu32 "\n", found->tick,
        found->block_name != NULL ? found->block_name : "an unknown block", found->element_min);
    return CODE_DIFFERENT;
}

static int replay_with(
    const muster_game *game, const struct file *file, const muster_parallel *parallel)
{
    muster_replay_def def = muster_replay_default_def();
    def.game = game;
    def.bytes = file->bytes;
    def.length = file->length;
    def.parallel = *parallel;
    muster_replay *replay;
    const muster_status status = muster_replay_create(&def, &replay);
    if (status != MUSTER_OK) {
        fprintf(stderr, "no replay: %s\n", muster_status_name(status));
        return CODE_FAILED;
    }
    while (muster_replay_step(replay) == MUSTER_REPLAY_RUNNING) {
    }
    const int code = say(replay, muster_replay_state(replay));
    muster_replay_destroy(replay);
    return code;
}

static int run(const muster_game *game, const struct file *file, uint32_t worker_count)
{
    struct workers_def def = workers_default_def();
    struct workers *workers;
    struct driver_error error = {0};
    def.worker_count = worker_count;
    if (workers_create(&def, &workers, &error) != MUSTER_OK) {
        fprintf(stderr, "no workers: %s\n", error.text);
        return CODE_FAILED;
    }
    const muster_parallel parallel = workers_parallel(workers);
    const int code = replay_with(game, file, &parallel);
    workers_destroy(workers);
    return code;
}

int main(int argument_count, char **arguments)
{
    struct game_module module;
    struct driver_error error = {0};
    struct file file = {0};
    if (argument_count != 5) {
        fprintf(stderr, "determinism_replay GAME.so FILE (baseline|avx2) WORKERS\n");
        return CODE_USAGE;
    }
    const bool is_avx2 = strcmp(arguments[3], "avx2") == 0;
    forced_variant = is_avx2 ? MUSTER_SPACE_AVX2 : MUSTER_SPACE_BASELINE;
    if (game_module_open(arguments[1], NULL, &module, &error) != MUSTER_OK) {
        fprintf(stderr, "%s\n", error.text);
        return CODE_USAGE;
    }
    int code = CODE_USAGE;
    if (read_file(arguments[2], &file)) {
        code = run(module.game, &file, (uint32_t)strtoul(arguments[4], NULL, 10));
    } else {
        fprintf(stderr, "cannot read %s\n", arguments[2]);
    }
    free(file.bytes);
    game_module_close(&module);
    return code;
}
