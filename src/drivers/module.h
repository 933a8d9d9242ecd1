// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Modules: shared objects that are loaded while the program runs, such as games.
///
/// - Loading runs the module's constructors: a module is code, and is trusted as the program is.
/// - Threads: a module belongs to one thread at a time; its symbols to whoever they are given to.

#include "drivers/error.h"
#include "muster/base.h"

/// The longest path, with its closing zero.
#define MODULE_PATH_BYTES_MAX 1024

/// A loaded module.
struct module;

/// Finds the file of a module.
/// @param name          a path if it contains "/", else a name that is looked for as
///                      "<folder>/<name>.so" in each folder in turn
/// @param folders       may be NULL if `folder_count` is 0
/// @param out_path      set to the path of the first that is there; empty on failure
/// @param out_error     told where it was looked for; may be NULL
/// @return MUSTER_ERR_NOT_FOUND if there is no such file, MUSTER_ERR_INVALID if a path is too long
///         or the name empty
MUSTER_NODISCARD muster_status module_find(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    char out_path[MODULE_PATH_BYTES_MAX],
    struct driver_error *out_error);

/// Loads a module.
/// @param name          as for module_find()
/// @param folders       may be NULL if `folder_count` is 0
/// @param folder_count  how many
/// @param allocator     where the module's own few bytes come from; copied
/// @param out_module    set to the module, or to NULL on failure
/// @param out_error     told what was tried and why it failed; may be NULL
/// @return MUSTER_ERR_NOT_FOUND if there is no such file, MUSTER_ERR_IO if it cannot be loaded,
///         MUSTER_ERR_INVALID if a path is too long or the name empty, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status module_open(const char *name,
    const char *const *folders,
    uint32_t folder_count,
    const muster_allocator *allocator,
    struct module **out_module,
    struct driver_error *out_error);

/// Unloads a module. Nothing of it may be in use. Does nothing for NULL.
void module_close(struct module *module);

/// Finds an exported function or object.
/// @param out_symbol  set to its address, or to NULL on failure
/// @param out_error   told what is missing in which file; may be NULL
/// @return MUSTER_ERR_NOT_FOUND
MUSTER_NODISCARD muster_status module_symbol(const struct module *module,
    const char *symbol,
    void **out_symbol,
    struct driver_error *out_error);

/// The path the module was loaded from. Belongs to the module.
const char *module_path(const struct module *module);
