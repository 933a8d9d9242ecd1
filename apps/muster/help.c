// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command.h"

#include "core/assert.h"

#include <string.h>

// Help begins with lines to copy, because most people look for one, and fits 80 columns.

#define COLUMN_COUNT 80u

// Writes `words` from the current `column` on, breaking lines so that they go on at `indent`.
static void write_wrapped(const char *words, size_t column, size_t indent, FILE *file)
{
    const char *at = words;
    while (*at != '\0') {
        const size_t length = strcspn(at, " ");
        if (column > indent && column + 1 + length > COLUMN_COUNT) {
            fprintf(file, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', file);
            column++;
        }
        fwrite(at, 1, length, file);
        column += length;
        at += length;
        at += strspn(at, " ");
    }
    fputc('\n', file);
}

// One row of a list: a name, then its explanation in the second column.
static void write_row(const char *name, const char *words, size_t width, FILE *file)
{
    const size_t indent = width + 4;
    fprintf(file, "  %s", name);
    size_t column = strlen(name) + 2;
    if (column + 2 > indent) {
        fprintf(file, "\n%*s", (int)indent, "");
    } else {
        fprintf(file, "%*s", (int)(indent - column), "");
    }
    column = indent;
    write_wrapped(words, column, indent, file);
}

static void write_examples(const struct command *command, FILE *file)
{
    fprintf(file, "Examples:\n");
    for (const struct example *example = command->examples; example->line != NULL; example++) {
        fprintf(file, "  %s\n      ", example->line);
        write_wrapped(example->meaning, 6, 6, file);
    }
}

static void write_usage(const struct invocation *invocation, FILE *file)
{
    const struct command *command = invocation->command;
    fprintf(file, "\nUsage: %s", invocation->path);
    if (command->subcommands != NULL) {
        fprintf(file, " COMMAND");
    }
    fprintf(file, " [FLAG...]");
    for (const struct argument *argument = command->arguments;
         argument != NULL && argument->name != NULL; argument++) {
        fprintf(file, argument->is_optional ? " [%s]" : " %s", argument->name);
    }
    fprintf(file, "%s\n", command->takes_rest ? " [ARGUMENT...]" : "");
    write_wrapped(command->summary, 0, 0, file);
}

static void describe_flag(const struct flag *flag, struct text *text)
{
    const struct flag resolved = flag_resolved(flag);
    text_append(text, resolved.help);
    if (flag_is_switch(flag)) {
        return;
    }
    if (resolved.rule.kind != VALUE_PATH && resolved.rule.kind != VALUE_TEXT) {
        text_append(text, " Takes ");
        value_describe(&resolved.rule, text);
        text_append(text, ".");
    }
    if (resolved.fallback != NULL && resolved.fallback[0] != '\0') {
        text_format(text, " Default: %s.", resolved.fallback);
    }
    if (flag->setting != NULL) {
        text_format(text, " Setting: %s.", flag->setting);
    }
    MUSTER_ASSERT(!text->is_cut);
}

static void write_flags(const struct command *command, FILE *file)
{
    fprintf(file, "\nFlags:\n");
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(command, i)) != NULL; i++) {
        char name[64];
        char words[1024];
        struct text name_text = text_in(name, sizeof name);
        struct text words_text = text_in(words, sizeof words);
        text_format(&name_text, "--%s", flag->name);
        if (!flag_is_switch(flag)) {
            text_format(&name_text, " %s", flag->placeholder);
        }
        describe_flag(flag, &words_text);
        write_row(name, words, 22, file);
    }
}

void command_help(const struct invocation *invocation, FILE *file)
{
    const struct command *command = invocation->command;
    write_examples(command, file);
    write_usage(invocation, file);
    if (command->subcommands != NULL) {
        fprintf(file, "\nCommands:\n");
        for (const struct command *const *sub = command->subcommands; *sub != NULL; sub++) {
            write_row((*sub)->name, (*sub)->summary, 12, file);
        }
    }
    if (command->arguments != NULL) {
        fprintf(file, "\nArguments:\n");
        for (const struct argument *argument = command->arguments; argument->name != NULL;
             argument++) {
            write_row(argument->name, argument->help, 12, file);
        }
    }
    write_flags(command, file);
    if (command == invocation->root) {
        write_row("--version", "Show version and commit.", 22, file);
        fprintf(file, "\nExit codes: 0 done, 1 failed, 2 wrong usage, configuration or input,\n"
                      "3 something needed is missing or a port is taken, 4 a check found a\n"
                      "violation, 130 and 143 after a second signal.\n"
                      "Flags stand over MUSTER_* variables, these over the file of --config.\n");
    }
}
