// SPDX-License-Identifier: Apache-2.0
#include "apps/server/state_folder.h"

#include "apps/server/frame_file.h"
#include "core/assert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// What is committed is written within a fraction of this, and forced to the disk within it.
#define LOSS_S 1u

#define NUMBER_TEXT_BYTES 24u

struct state_folder {
    char path[STATE_PATH_BYTES / 2];
    char next_path[STATE_PATH_BYTES];
    uint64_t interval_us;
    uint64_t begun_us; // of the log that is being written
    uint32_t number;   // of the log that is being written, or of the newest
    int lock;
};

static void log_path(
    const struct state_folder *folder, uint32_t number, char out_path[STATE_PATH_BYTES])
{
    (void)snprintf(
        out_path, STATE_PATH_BYTES, "%s/world-%08" PRIu32 ".frames", folder->path, number);
}

static void name_path(
    const struct state_folder *folder, const char *name, char out_path[STATE_PATH_BYTES])
{
    (void)snprintf(out_path, STATE_PATH_BYTES, "%s/%s", folder->path, name);
}

// The number of a log's file name, 0 for other files.
static uint32_t number_of(const char *name)
{
    uint32_t number = 0;
    int length = 0;
    if (sscanf(name, "world-%8" SCNu32 ".frames%n", &number, &length) != 1 ||
        (size_t)length != strlen(name)) {
        return 0;
    }
    return number;
}

// The greatest number below a limit, 0 without one.
static uint32_t newest_below(const struct state_folder *folder, uint32_t limit)
{
    DIR *list = opendir(folder->path);
    uint32_t newest = 0;
    if (list == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        const uint32_t number = number_of(entry->d_name);
        if (number > newest && number < limit) {
            newest = number;
        }
    }
    closedir(list);
    return newest;
}

static muster_status lock(struct state_folder *folder, struct driver_error *out_error)
{
    char path[STATE_PATH_BYTES];
    if (mkdir(folder->path, 0700) != 0 && errno != EEXIST) {
        driver_error_write(out_error, errno, "%s", folder->path);
        return MUSTER_ERR_IO;
    }
    name_path(folder, "lock", path);
    folder->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock < 0) {
        driver_error_write(out_error, errno, "%s", path);
        return MUSTER_ERR_IO;
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        driver_error_write(out_error, errno, "%s is in use by another server", folder->path);
        return MUSTER_ERR_IO;
    }
    return MUSTER_OK;
}

muster_status state_folder_open(const char *path,
    uint64_t interval_us,
    struct state_folder **out_folder,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(path != NULL && out_folder != NULL && out_error != NULL);
    *out_folder = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct state_folder *folder = heap.alloc(heap.context, sizeof *folder, 8);
    if (folder == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    *folder = (struct state_folder){.interval_us = interval_us, .lock = -1};
    if (strlen(path) >= sizeof folder->path) {
        driver_error_write(out_error, ENAMETOOLONG, "%s", path);
        state_folder_close(folder);
        return MUSTER_ERR_IO;
    }
    (void)snprintf(folder->path, sizeof folder->path, "%s", path);
    const muster_status status = lock(folder, out_error);
    if (status != MUSTER_OK) {
        state_folder_close(folder);
        return status;
    }
    folder->number = newest_below(folder, UINT32_MAX);
    *out_folder = folder;
    return MUSTER_OK;
}

void state_folder_close(struct state_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    if (folder->lock >= 0) {
        close(folder->lock);
    }
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, folder, sizeof *folder);
}

// Loading.

// True if the run before ended with this tick as it should; the mark is good for one start.
static bool take_stopped_mark(const struct state_folder *folder, uint64_t tick)
{
    char path[STATE_PATH_BYTES];
    char text[NUMBER_TEXT_BYTES] = "";
    name_path(folder, "stopped", path);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool is_read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    (void)unlink(path);
    return is_read && strtoull(text, NULL, 10) == tick;
}

static muster_status take_snapshot(
    const muster_instance *instance, struct state_world *world, struct driver_error *out_error)
{
    const muster_allocator heap = muster_heap_allocator();
    world->snapshot_length = muster_instance_snapshot_bytes(instance);
    world->snapshot = heap.alloc(heap.context, world->snapshot_length, 8);
    if (world->snapshot == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    muster_instance_snapshot(instance, world->snapshot);
    world->tick = muster_instance_tick(instance);
    return MUSTER_OK;
}

static muster_status replay(const char *path,
    const struct frame_file *file,
    const muster_game *game,
    struct state_world *world,
    struct driver_error *out_error)
{
    muster_replay_def def = muster_replay_default_def();
    def.game = game;
    def.from_tick = MUSTER_TICK_NEVER; // from the last snapshot
    muster_replay *run;
    muster_status status = frame_file_replay(path, file, &def, &run, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    while (muster_replay_step(run) == MUSTER_REPLAY_RUNNING) {
    }
    const muster_replay_finding *found = muster_replay_found(run);
    if (found != NULL) {
        driver_error_write(out_error, 0,
            "%s does not replay: it differs first at tick %" PRIu64
            "; `muster replay` shows where, and another folder begins a new world",
            path, found->tick);
        status = MUSTER_ERR_MALFORMED;
    } else {
        world->seed = file->identity.seed;
        world->limits = file->identity.limits;
        memcpy(world->options, file->identity.options, sizeof world->options);
        status = take_snapshot(muster_replay_instance(run), world, out_error);
    }
    muster_replay_destroy(run);
    return status;
}

// A log that a crash left without its first snapshot says nothing; the one before it then reaches
// to the same tick.
static bool is_begun(const struct frame_file *file)
{
    muster_world_identity identity;
    muster_frame_log_record record;
    size_t offset;
    return muster_frame_log_read_header(file->bytes, file->length, &identity, &offset) ==
               MUSTER_OK &&
           muster_frame_log_read(file->bytes, file->length, &offset, &record) == MUSTER_OK;
}

muster_status state_folder_load(struct state_folder *folder,
    const muster_game *game,
    struct state_world *out_world,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(folder != NULL && game != NULL && out_world != NULL && out_error != NULL);
    *out_world = (struct state_world){0};
    uint32_t number = folder->number;
    while (number != 0) {
        char path[STATE_PATH_BYTES];
        struct frame_file file;
        log_path(folder, number, path);
        muster_status status = frame_file_open(path, &file, out_error);
        if (status == MUSTER_ERR_IO || status == MUSTER_ERR_VERSION) {
            return status;
        }
        if (status == MUSTER_OK && is_begun(&file)) {
            status = replay(path, &file, game, out_world, out_error);
            frame_file_close(&file);
            out_world->lost_ticks_max = take_stopped_mark(folder, out_world->tick)
                                            ? 0
                                            : (uint64_t)LOSS_S * game->tick_rate_hz;
            return status;
        }
        frame_file_close(&file);
        number = newest_below(folder, number);
    }
    return MUSTER_OK;
}

void state_world_free(struct state_world *world)
{
    MUSTER_ASSERT(world != NULL);
    const muster_allocator heap = muster_heap_allocator();
    if (world->snapshot != NULL) {
        heap.free(heap.context, world->snapshot, world->snapshot_length);
    }
    *world = (struct state_world){0};
}

// Writing.

const char *state_folder_next_path(struct state_folder *folder)
{
    MUSTER_ASSERT(folder != NULL);
    folder->number++;
    log_path(folder, folder->number, folder->next_path);
    return folder->next_path;
}

// The newest two stay: the one before the current reaches to where the current begins.
static void remove_old(const struct state_folder *folder)
{
    uint32_t number = folder->number > 1 ? newest_below(folder, folder->number - 1) : 0;
    while (number != 0) {
        char path[STATE_PATH_BYTES];
        log_path(folder, number, path);
        (void)unlink(path);
        number = newest_below(folder, number);
    }
}

// A log that failed is no reason to remove an older one that did not.
static void take_finished(struct state_folder *folder, struct recorder *recorder)
{
    struct log_file *file = recorder_take_file(recorder);
    if (file == NULL) {
        return;
    }
    const bool is_whole = log_file_flush(file) == MUSTER_OK;
    log_file_close(file);
    if (is_whole) {
        remove_old(folder);
    }
}

void state_folder_tend(struct state_folder *folder, struct recorder *recorder, uint64_t now_us)
{
    MUSTER_ASSERT(folder != NULL && recorder != NULL);
    take_finished(folder, recorder);
    if (folder->begun_us == 0) {
        folder->begun_us = now_us;
    }
    if (now_us - folder->begun_us < folder->interval_us) {
        return;
    }
    folder->begun_us = now_us;
    struct log_file *file;
    const char *path = state_folder_next_path(folder);
    // Without a file the log goes on in the one it has, and another try follows.
    if (recorder_open_file(path, &file, NULL) == MUSTER_OK &&
        !recorder_offer_file(recorder, file)) {
        log_file_close(file);
        (void)unlink(path);
    }
}

void state_folder_mark_stopped(struct state_folder *folder, uint64_t tick)
{
    MUSTER_ASSERT(folder != NULL);
    char path[STATE_PATH_BYTES];
    name_path(folder, "stopped", path);
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        fprintf(file, "%" PRIu64 "\n", tick);
        fclose(file);
    }
}
