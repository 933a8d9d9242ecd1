// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where the program itself stands, for what is installed beside it.

#include <stdbool.h>
#include <stddef.h>

/// Room for a path with its closing zero.
#define FOLDER_PATH_BYTES_MAX 4096u

/// Writes the folder of the running program, with a final slash.
/// @return false if the system does not say
bool folder_of_program(char *out_path, size_t capacity);

/// Writes the running program's own path.
/// @return false if the system does not say
bool folder_program_path(char *out_path, size_t capacity);
