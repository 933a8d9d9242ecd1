// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command.h"

#include <string.h>

// The script finds the words that came before the cursor and looks them up in one `case`: every
// command offers its subcommands, or else its flags and files.

static void write_command(const struct command *command, const char *path, FILE *file)
{
    fprintf(file, "    \"%s\") words=\"", path);
    for (const struct command *const *sub = command->subcommands; sub != NULL && *sub != NULL;
         sub++) {
        fprintf(file, "%s ", (*sub)->name);
    }
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(command, i)) != NULL; i++) {
        fprintf(file, "--%s ", flag->name);
    }
    fprintf(file, "\" ;;\n");
    for (const struct command *const *sub = command->subcommands; sub != NULL && *sub != NULL;
         sub++) {
        char sub_path[64];
        struct text text = text_in(sub_path, sizeof sub_path);
        text_format(&text, "%s %s", path, (*sub)->name);
        write_command(*sub, sub_path, file);
    }
}

void command_complete_bash(const struct command *root, FILE *file)
{
    fprintf(file,
        "_%s()\n"
        "{\n"
        "    local path=\"%s\" words=\"\" word\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "        case \"$word\" in -*) break ;; *) path=\"$path $word\" ;; esac\n"
        "    done\n"
        "    case \"$path\" in\n",
        root->name, root->name);
    write_command(root, root->name, file);
    fprintf(file,
        "    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
        "}\n"
        "complete -o default -F _%s %s\n",
        root->name, root->name);
}
