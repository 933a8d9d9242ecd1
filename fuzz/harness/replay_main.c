// SPDX-License-Identifier: Apache-2.0

// Runs a fuzz target without libFuzzer: over every file of the folders and files named on the
// command line (a folder that is missing counts as empty), then over a fixed number of seeds, so
// that every build and every compiler makes the same checks.

#include "harness/random.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX 65536
#define PATH_BYTES_MAX  4096
#define SEED_COUNT      500

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t input[INPUT_BYTES_MAX];

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    const size_t length = fread(input, 1, sizeof input, file);
    const bool is_read = ferror(file) == 0;
    fclose(file);
    if (!is_read) {
        perror(path);
        return false;
    }
    (void)LLVMFuzzerTestOneInput(input, length);
    return true;
}

static bool replay_path(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return true;
        }
        fclose(file);
        return replay_file(path);
    }
    bool is_replayed = true;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char file_path[PATH_BYTES_MAX];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(file_path, sizeof file_path, "%s/%s", path, entry->d_name);
        is_replayed = replay_file(file_path) && is_replayed;
    }
    closedir(folder);
    return is_replayed;
}

// Short inputs as well as long ones: most decoders refuse early.
static void run_seed(uint64_t seed)
{
    uint64_t random_state = seed;
    const size_t length = (size_t)(random_next(&random_state) % (seed % 2 == 0 ? 4096 : 64));
    for (size_t i = 0; i < length; i++) {
        input[i] = (uint8_t)random_next(&random_state);
    }
    (void)LLVMFuzzerTestOneInput(input, length);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!replay_path(argv[i])) {
            return EXIT_FAILURE;
        }
    }
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        run_seed(seed);
    }
    return EXIT_SUCCESS;
}
