// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // access()

#include "drivers/module.h"

#include "core/assert.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct module {
    muster_allocator allocator;
    void *library;
    char path[MODULE_PATH_BYTES_MAX];
};

static void complain_of_folders(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    struct driver_error *out_error)
{
    if (out_error == NULL) {
        return;
    }
    char text[sizeof out_error->text] = "nowhere";
    size_t length = 0;
    for (uint32_t i = 0; i < folder_count && length < sizeof text; i++) {
        const int added =
            snprintf(text + length, sizeof text - length, "%s%s", i > 0 ? ", " : "", folders[i]);
        length += added > 0 ? (size_t)added : 0;
    }
    driver_error_write(out_error, 0, "no module %.64s; looked in %.900s", name, text);
    out_error->code = ENOENT;
}

static muster_status find(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    char out_path[MODULE_PATH_BYTES_MAX],
    struct driver_error *out_error)
{
    if (name[0] == '\0') {
        return MUSTER_ERR_INVALID;
    }
    const bool is_path = strchr(name, '/') != NULL;
    const uint32_t try_count = is_path ? 1 : folder_count;
    for (uint32_t i = 0; i < try_count; i++) {
        const int length =
            is_path ? snprintf(out_path, MODULE_PATH_BYTES_MAX, "%s", name)
                    : snprintf(out_path, MODULE_PATH_BYTES_MAX, "%s/%s.so", folders[i], name);
        if (length < 0 || length >= MODULE_PATH_BYTES_MAX) {
            driver_error_write(out_error, ENAMETOOLONG, "cannot look for module %.64s", name);
            return MUSTER_ERR_INVALID;
        }
        if (access(out_path, F_OK) == 0) {
            return MUSTER_OK;
        }
    }
    if (is_path) {
        driver_error_write(out_error, ENOENT, "cannot load %.128s", name);
    } else {
        complain_of_folders(name, folders, folder_count, out_error);
    }
    return MUSTER_ERR_NOT_FOUND;
}

muster_status module_find(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    char out_path[MODULE_PATH_BYTES_MAX],
    struct driver_error *out_error)
{
    MUSTER_ASSERT(name != NULL);
    MUSTER_ASSERT(folders != NULL || folder_count == 0);
    MUSTER_ASSERT(out_path != NULL);
    const muster_status status = find(name, folders, folder_count, out_path, out_error);
    if (status != MUSTER_OK) {
        out_path[0] = '\0';
    }
    return status;
}

muster_status module_open(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    const muster_allocator *allocator,
    struct module **out_module,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(allocator != NULL);
    MUSTER_ASSERT(out_module != NULL);
    *out_module = NULL;

    char path[MODULE_PATH_BYTES_MAX];
    const muster_status status = module_find(name, folders, folder_count, path, out_error);
    if (status != MUSTER_OK) {
        return status;
    }

    struct module *module =
        allocator->alloc(allocator->context, sizeof *module, _Alignof(struct module));
    if (module == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    // NOW: what is missing is missed here and not in the middle of a match. LOCAL: two games may
    // use the same names.
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *reason = dlerror();
        driver_error_write(out_error, 0, "cannot load %s", reason != NULL ? reason : path);
        allocator->free(allocator->context, module, sizeof *module);
        return MUSTER_ERR_IO;
    }
    module->allocator = *allocator;
    module->library = library;
    memcpy(module->path, path, sizeof path);
    *out_module = module;
    return MUSTER_OK;
}

void module_close(struct module *module)
{
    if (module == NULL) {
        return;
    }
    const muster_allocator allocator = module->allocator;
    (void)dlclose(module->library);
    allocator.free(allocator.context, module, sizeof *module);
}

muster_status module_symbol(const struct module *module,
    const char *symbol,
    void **out_symbol,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(module != NULL);
    MUSTER_ASSERT(symbol != NULL);
    MUSTER_ASSERT(out_symbol != NULL);
    *out_symbol = dlsym(module->library, symbol);
    if (*out_symbol == NULL) {
        driver_error_write(out_error, 0, "%.160s does not export %.64s", module->path, symbol);
        return MUSTER_ERR_NOT_FOUND;
    }
    return MUSTER_OK;
}

const char *module_path(const struct module *module)
{
    MUSTER_ASSERT(module != NULL);
    return module->path;
}
