// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/folder.h"

#include <string.h>
#include <unistd.h>

bool folder_program_path(char *out_path, size_t capacity)
{
    const ssize_t length = readlink("/proc/self/exe", out_path, capacity - 1);
    if (length <= 0) {
        return false;
    }
    out_path[length] = '\0';
    return true;
}

bool folder_of_program(char *out_path, size_t capacity)
{
    if (!folder_program_path(out_path, capacity)) {
        return false;
    }
    *(strrchr(out_path, '/') + 1) = '\0';
    return true;
}
