// SPDX-License-Identifier: Apache-2.0
#include "apps/server/frame_file.h"

#include "core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static muster_status map(
    const char *path, int descriptor, struct frame_file *file, struct driver_error *out_error)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0) {
        driver_error_write(out_error, errno, "%s", path);
        return MUSTER_ERR_IO;
    }
    if (!S_ISREG(about.st_mode) || about.st_size == 0) {
        driver_error_write(out_error, 0,
            "%s is %s, expected a frame log as `muster up --record FILE` writes it", path,
            S_ISREG(about.st_mode) ? "empty" : "no regular file");
        return MUSTER_ERR_MALFORMED;
    }
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        driver_error_write(out_error, errno, "%s", path);
        return MUSTER_ERR_IO;
    }
    file->bytes = bytes;
    file->length = (size_t)about.st_size;
    return MUSTER_OK;
}

static muster_status read_header(
    const char *path, struct frame_file *file, struct driver_error *out_error)
{
    size_t offset;
    const muster_status status =
        muster_frame_log_read_header(file->bytes, file->length, &file->identity, &offset);
    if (status == MUSTER_ERR_VERSION) {
        driver_error_write(out_error, 0,
            "%s is a frame log of another version of the format, expected version %d", path,
            MUSTER_FRAME_LOG_VERSION);
    } else if (status != MUSTER_OK) {
        driver_error_write(out_error, 0,
            "%s is no frame log, expected one as `muster up --record FILE` writes it", path);
    }
    return status;
}

muster_status frame_file_open(
    const char *path, struct frame_file *out_file, struct driver_error *out_error)
{
    MUSTER_ASSERT(path != NULL && out_file != NULL && out_error != NULL);
    *out_file = (struct frame_file){0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        driver_error_write(out_error, errno, "%s", path);
        return errno == ENOENT ? MUSTER_ERR_NOT_FOUND : MUSTER_ERR_IO;
    }
    muster_status status = map(path, descriptor, out_file, out_error);
    close(descriptor);
    if (status == MUSTER_OK) {
        status = read_header(path, out_file, out_error);
    }
    if (status != MUSTER_OK) {
        frame_file_close(out_file);
    }
    return status;
}

void frame_file_close(struct frame_file *file)
{
    MUSTER_ASSERT(file != NULL);
    if (file->bytes != NULL) {
        (void)munmap((void *)(uintptr_t)file->bytes, file->length);
    }
    *file = (struct frame_file){0};
}

muster_status frame_file_check_game(const char *path,
    const struct frame_file *file,
    const muster_game *game,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(path != NULL && file != NULL && game != NULL);
    const muster_world_identity *identity = &file->identity;
    if (strcmp(identity->game_name, game->name) == 0 &&
        identity->rules_version == game->rules_version &&
        identity->tick_rate_hz == game->tick_rate_hz) {
        return MUSTER_OK;
    }
    driver_error_write(out_error, 0,
        "%s is of %s with rules %u at %u Hz, but the game is %s with rules %u at %u Hz", path,
        identity->game_name, identity->rules_version, identity->tick_rate_hz, game->name,
        game->rules_version, game->tick_rate_hz);
    return MUSTER_ERR_VERSION;
}

muster_status frame_file_replay(const char *path,
    const struct frame_file *file,
    const muster_replay_def *def,
    muster_replay **out_replay,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(path != NULL && file != NULL && def != NULL && out_replay != NULL);
    *out_replay = NULL;
    muster_status status = frame_file_check_game(path, file, def->game, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    muster_replay_def own = *def;
    own.bytes = file->bytes;
    own.length = file->length;
    status = muster_replay_create(&own, out_replay);
    if (status == MUSTER_ERR_VERSION) {
        driver_error_write(out_error, 0,
            "%s is of another build of %s, which lays out its world differently", path,
            def->game->name);
    } else if (status == MUSTER_ERR_MALFORMED) {
        driver_error_write(
            out_error, 0, "%s breaks off or is damaged before the end of its first snapshot", path);
    } else if (status != MUSTER_OK) {
        driver_error_write(
            out_error, 0, "%s cannot be replayed: %s", path, muster_status_name(status));
    }
    return status;
}
