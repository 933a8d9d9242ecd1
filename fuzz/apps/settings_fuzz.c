// SPDX-License-Identifier: Apache-2.0

// Whatever a configuration file holds, reading it ends with settings that write and read back
// equal, or with one printable line that says why not.

#include "apps/muster/settings_yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_problem(const struct problem *problem)
{
    const size_t length = strlen(problem->text);
    require(length > 0 && length < PROBLEM_BYTES_MAX);
    for (size_t i = 0; i < length;) {
        const uint32_t count = text_character_bytes(problem->text + i, length - i);
        require(count > 0);
        i += count;
    }
}

static void check_round_trip(const struct configuration *configuration)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    require(file != NULL);
    settings_write_yaml(configuration, SETTINGS_REMARK_HELP, file);
    require(fclose(file) == 0);
    static struct configuration again;
    configuration_init(&again);
    struct problem problem;
    require(settings_read_yaml(&again, "again", text, length, &problem) == MUSTER_OK);
    for (uint32_t i = 0; setting_at(i) != NULL; i++) {
        char values[2][SETTING_TEXT_CAPACITY];
        struct text first = text_in(values[0], sizeof values[0]);
        struct text second = text_in(values[1], sizeof values[1]);
        configuration_print_value(configuration, i, &first);
        configuration_print_value(&again, i, &second);
        require(strcmp(values[0], values[1]) == 0);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct configuration configuration;
    configuration_init(&configuration);
    struct problem problem;
    const muster_status status =
        settings_read_yaml(&configuration, "fuzz.yaml", bytes, length, &problem);
    if (status == MUSTER_OK) {
        check_round_trip(&configuration);
    } else {
        check_problem(&problem);
    }
    return 0;
}
