// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"

static enum exit_code run(const struct invocation *invocation)
{
    command_complete_bash(invocation->root, invocation->out);
    return EXIT_CODE_DONE;
}

static const struct example examples[] = {
    {"source <(muster completion)", "Complete commands and flags in this bash."},
    {"muster completion > ~/.local/share/bash-completion/completions/muster",
        "Complete them in every bash of this user."},
    {0},
};

const struct command command_completion = {
    .name = "completion",
    .summary = "Print completion of commands and flags for bash.",
    .examples = examples,
    .run = run,
};
