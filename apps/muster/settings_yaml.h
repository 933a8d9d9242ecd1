// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The configuration file: YAML of sections that hold keys, and nothing else YAML could do.
/// Duplicate and unknown keys, aliases, tags, lists and second documents are refused, each with
/// file, line, column, what was found and what was expected.
///
/// Memory: libyaml's own, given back before return. Threads: one owner per configuration.

#include "apps/muster/settings.h"

#include <stdio.h>

/// The longest file that is read.
#define SETTINGS_FILE_BYTES_MAX (1024u * 1024u)

/// Sets what the `length` bytes say; `name` stands in messages and origins. MUSTER_ERR_MALFORMED
/// with the problem when they are wrong; the configuration is then half set and of no use.
MUSTER_NODISCARD muster_status settings_read_yaml(struct configuration *configuration,
    const char *name,
    const void *bytes,
    size_t length,
    struct problem *problem);

/// As settings_read_yaml() for the file at `path`. Also MUSTER_ERR_NOT_FOUND or MUSTER_ERR_IO when
/// it cannot be read, MUSTER_ERR_FULL when it is longer than SETTINGS_FILE_BYTES_MAX.
MUSTER_NODISCARD muster_status settings_read_file(
    struct configuration *configuration, const char *path, struct problem *problem);

/// How settings_write_yaml() explains each line.
enum settings_remark {
    SETTINGS_REMARK_NONE,
    SETTINGS_REMARK_HELP,   // what each key means and may be
    SETTINGS_REMARK_ORIGIN, // where each value came from
};

/// Writes all values as a file that settings_read_yaml() reads back to equal settings.
void settings_write_yaml(
    const struct configuration *configuration, enum settings_remark remark, FILE *file);
