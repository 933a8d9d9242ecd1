// SPDX-License-Identifier: Apache-2.0
#include "apps/server/game_module.h"

#include "apps/muster/folder.h"
#include "apps/muster/text.h"
#include "core/assert.h"
#include "drivers/trial.h"
#include "muster/instance.h"

#include <stdio.h>
#include <string.h>

#define FOLDER_COUNT_MAX 16u

// A constructor that computes for longer than this is taken for one that hangs.
#define TRIAL_S_MAX 10u

// In the folder above the program's: of a build tree, and where a program is installed.
static const char *const relative_folders[] = {"games", "lib/muster/games",
    "lib/x86_64-linux-gnu/muster/games", "lib/aarch64-linux-gnu/muster/games"};

#define RELATIVE_COUNT (sizeof relative_folders / sizeof relative_folders[0])

struct folders {
    char texts[FOLDER_COUNT_MAX][FOLDER_PATH_BYTES_MAX];
    const char *list[FOLDER_COUNT_MAX];
    uint32_t count;
};

static void add_folder(struct folders *folders, const char *before, const char *path, size_t length)
{
    if (folders->count < FOLDER_COUNT_MAX && length > 0) {
        char *text = folders->texts[folders->count];
        struct text builder = text_in(text, FOLDER_PATH_BYTES_MAX);
        text_append(&builder, before);
        text_append_bytes(&builder, path, length);
        folders->list[folders->count] = text;
        folders->count++;
    }
}

static void find_folders(struct folders *folders, const char *game_path)
{
    folders->count = 0;
    for (const char *rest = game_path; rest != NULL && *rest != '\0';) {
        const size_t length = strcspn(rest, ":");
        add_folder(folders, "", rest, length);
        rest += length + (rest[length] == ':' ? 1 : 0);
    }
    char own[FOLDER_PATH_BYTES_MAX];
    if (folder_of_program(own, sizeof own)) {
        own[strlen(own) - 1] = '\0';
        const char *above = strrchr(own, '/');
        own[above != NULL ? (size_t)(above - own) + 1 : 0] = '\0';
        for (uint32_t i = 0; i < RELATIVE_COUNT; i++) {
            add_folder(folders, own, relative_folders[i], strlen(relative_folders[i]));
        }
    }
}

// A module is asked for its game only after its symbol was found, and the game is looked into only
// as far as its version says that this program knows it.
static muster_status read_game(struct game_module *module, struct driver_error *out_error)
{
    void *symbol;
    muster_status status = module_symbol(module->module, "muster_game_module", &symbol, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    const muster_game *(*ask)(void);
    memcpy(&ask, &symbol, sizeof ask);
    module->game = ask();
    char reason[MUSTER_REASON_BYTES];
    if (module->game == NULL) {
        driver_error_write(out_error, 0, "%s returns no game", module_path(module->module));
        return MUSTER_ERR_INVALID;
    }
    status = muster_game_check(module->game, reason);
    if (status != MUSTER_OK) {
        driver_error_write(out_error, 0, "%s: %s", module_path(module->module), reason);
    }
    return status;
}

static muster_status load(
    const char *path, struct game_module *out_module, struct driver_error *out_error)
{
    const muster_allocator heap = muster_heap_allocator();
    muster_status status = module_open(path, NULL, 0, &heap, &out_module->module, out_error);
    if (status == MUSTER_OK) {
        status = read_game(out_module, out_error);
    }
    if (status != MUSTER_OK) {
        game_module_close(out_module);
    }
    return status;
}

// What loading says counts when it is done again; here only whether it comes back.
static void try_to_load(void *context)
{
    struct game_module module = {0};
    struct driver_error error;
    if (load(context, &module, &error) == MUSTER_OK) {
        game_module_close(&module);
    }
}

static muster_status find(const char *name,
    const char *game_path,
    char out_path[MODULE_PATH_BYTES_MAX],
    struct driver_error *out_error)
{
    const muster_allocator heap = muster_heap_allocator();
    struct folders *folders = heap.alloc(heap.context, sizeof *folders, _Alignof(struct folders));
    if (folders == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    find_folders(folders, game_path);
    const muster_status status =
        module_find(name, folders->list, folders->count, out_path, out_error);
    heap.free(heap.context, folders, sizeof *folders);
    return status;
}

muster_status game_module_open(const char *name,
    const char *game_path,
    struct game_module *out_module,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(name != NULL && out_module != NULL && out_error != NULL);
    *out_module = (struct game_module){0};
    char path[MODULE_PATH_BYTES_MAX];
    const muster_status status = find(name, game_path, path, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    char what[MODULE_PATH_BYTES_MAX + 32];
    (void)snprintf(what, sizeof what, "loading game %s", path);
    const muster_status tried = trial_run(try_to_load, path, what, TRIAL_S_MAX, out_error);
    return tried == MUSTER_OK ? load(path, out_module, out_error) : tried;
}

void game_module_close(struct game_module *module)
{
    MUSTER_ASSERT(module != NULL);
    module_close(module->module);
    *module = (struct game_module){0};
}
