// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"

#include <unistd.h>

static const struct command *const commands[] = {
    &command_up,
    &command_bots,
    &command_top,
    &command_replay,
    &command_relay,
    &command_bench,
    &command_config,
    &command_doctor,
    &command_completion,
    NULL,
};

static const struct example examples[] = {
    {"muster up --game hello --bots 20", "Run a world with some bots."},
    {"muster doctor", "Check this machine and print the lines that repair it."},
    {"muster config init arena.yaml", "Write a configuration with every setting explained."},
    {0},
};

static const struct command root = {
    .name = "muster",
    .summary = "Runs real-time multiplayer games.",
    .examples = examples,
    .subcommands = commands,
};

int main(int argc, char **argv)
{
    return command_main(&root, argc, argv, environ, stdout, stderr);
}
