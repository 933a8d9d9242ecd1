// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The commands of the program, as tables: parsing, `--help`, suggestions and shell completion all
/// follow from them. One command is one source file with one table and one function:
///
///     static const struct flag flags[] = {
///         {.name = "bots", .placeholder = "N", .rule = {.kind = VALUE_INTEGER, .max = 100000},
///             .fallback = "0", .help = "Bots that play along."},
///         {.name = "seed", .placeholder = "N", .setting = "game.seed"},
///         {0},
///     };
///     static enum exit_code run(const struct invocation *invocation)
///     {
///         const uint64_t bot_count = flag_number(invocation, "bots");
///         ...
///     }
///     const struct command command_up = {.name = "up", .flags = flags, .run = run, ...};
///
/// A flag with `setting` is another way to write that setting: rule, default and help are the
/// setting's, and the command reads the value in invocation->configuration.
///
/// Memory: none of its own. Threads: the main thread.

#include "apps/muster/log.h"
#include "apps/muster/settings.h"

#include <stdio.h>

/// What the program's end tells its caller.
enum exit_code {
    EXIT_CODE_DONE = 0,      // also a clean drain after a signal
    EXIT_CODE_FAILED = 1,    // it was tried and did not work
    EXIT_CODE_USAGE = 2,     // wrong flags, configuration or input
    EXIT_CODE_MISSING = 3,   // something it needs is missing, or a port is taken
    EXIT_CODE_VIOLATION = 4, // a check ran and found a violation
    EXIT_CODE_INTERRUPTED = 130,
    EXIT_CODE_TERMINATED = 143,
};

/// The most flags of one command, shared ones included.
#define FLAG_COUNT_MAX 48u

/// The most positional arguments of one command line, and of `--set`.
#define ARGUMENT_COUNT_MAX 64u

struct invocation;

/// One flag, written `--name VALUE` or `--name=VALUE`; one of kind VALUE_BOOL without a setting is
/// a switch and takes no value.
struct flag {
    const char *name;        // without dashes
    const char *placeholder; // what stands for the value in help: "N", "FILE"
    struct value_rule rule;
    const char *fallback; // the default as it would be written; NULL: not given
    const char *help;     // one line
    const char *setting;  // "game.seed": the flag writes this setting
};

/// One positional argument.
struct argument {
    const char *name; // in capitals
    const char *help;
    bool is_optional; // none that must be given may follow
};

/// One line to copy, and what it does.
struct example {
    const char *line; // "muster up --bots 100"
    const char *meaning;
};

struct command {
    const char *name;
    const char *summary;                      // one line, at most 56 columns
    const struct example *examples;           // two or three; ends with {0}
    const struct flag *flags;                 // ends with {0}; NULL: none
    const struct argument *arguments;         // ends with {0}; NULL: none
    const struct command *const *subcommands; // ends with NULL; NULL: it is run itself
    bool uses_settings; // adds --config and --set and fills invocation->configuration
    bool takes_rest;    // what follows the last argument is passed on unread
    enum exit_code (*run)(const struct invocation *invocation);
};

/// What a command is run with.
struct invocation {
    const struct command *command;
    const struct command *root;
    char path[64];                       // "muster config show"
    FILE *out;                           // data
    FILE *err;                           // everything else
    struct value values[FLAG_COUNT_MAX]; // by position of the flag; text NULL: neither given
                                         // nor defaulted
    bool is_given[FLAG_COUNT_MAX];
    const char *arguments[ARGUMENT_COUNT_MAX];
    uint32_t argument_count;
    char *const *rest;                           // of `takes_rest`, ends with NULL
    const char *assignments[ARGUMENT_COUNT_MAX]; // of --set, in order
    uint32_t assignment_count;
    struct configuration configuration; // of `uses_settings`
};

/// The flag at `index`: the command's own, then the shared ones that it takes. NULL behind them.
const struct flag *command_flag(const struct command *command, uint32_t index);

/// The rule, default and help of a flag, which may be those of its setting.
struct flag flag_resolved(const struct flag *flag);

/// True when the flag takes no value.
bool flag_is_switch(const struct flag *flag);

/// What the command line asks for.
enum command_request {
    COMMAND_RUN,
    COMMAND_HELP,    // of invocation->command
    COMMAND_VERSION, // of the program
    COMMAND_WRONG,   // the problem says why
};

/// Reads a command line. argv[0] is not looked at; `root` is the program itself.
enum command_request command_read(const struct command *root,
    int argc,
    char *const *argv,
    struct invocation *out_invocation,
    struct problem *problem);

/// Fills invocation->configuration: defaults, the file that --config or MUSTER_CONFIG names, the
/// environment, the flags. MUSTER_ERR_INVALID with the problem. A variable that looks like a
/// mistyped setting is named on invocation->err and otherwise ignored.
MUSTER_NODISCARD muster_status command_configure(
    struct invocation *invocation, char *const *environment, struct problem *problem);

/// Reads, configures and runs a command line, or prints what is wrong with it. Returns the
/// program's exit code; output that could not be written counts as a failure.
int command_main(const struct command *root,
    int argc,
    char *const *argv,
    char *const *environment,
    FILE *out,
    FILE *err);

/// Writes the help of invocation->command.
void command_help(const struct invocation *invocation, FILE *file);

/// Writes completion of the whole table for bash.
void command_complete_bash(const struct command *root, FILE *file);

// For commands. Each name must be one of the command's flags.

/// True when the flag stands on the command line.
bool flag_is_given(const struct invocation *invocation, const char *name);

/// A switch, or another flag of kind VALUE_BOOL.
bool flag_is_true(const struct invocation *invocation, const char *name);

/// A flag that is a number: microseconds for durations, the position for choices. 0 when it is
/// neither given nor defaulted.
uint64_t flag_number(const struct invocation *invocation, const char *name);

/// A flag as it was written; NULL when it is neither given nor defaulted.
const char *flag_text(const struct invocation *invocation, const char *name);

/// The log that the settings ask for, on standard error, with the command's name as its role. Of
/// commands with `uses_settings`.
struct log_def command_log_def(const struct invocation *invocation);

/// The positional argument at `index`; NULL when it was left out.
const char *argument_text(const struct invocation *invocation, uint32_t index);
