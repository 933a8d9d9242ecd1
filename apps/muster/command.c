// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command.h"

#include "apps/muster/settings_yaml.h"
#include "apps/muster/version.h"

#include "core/assert.h"

#include <string.h>

// A command line is read from left to right: words that name commands, then flags and arguments
// in any order. "--" ends the flags. What a command passes on begins behind its last argument.

static const struct flag shared_flags[] = {
    {.name = "help", .rule = {.kind = VALUE_BOOL}, .help = "Show this help."},
    {.name = "config",
        .placeholder = "FILE",
        .rule = {.kind = VALUE_PATH, .min = 1},
        .help = "Read settings from FILE (also MUSTER_CONFIG)."},
    {.name = "set",
        .placeholder = "KEY=VALUE",
        .rule = {.kind = VALUE_TEXT, .min = 1},
        .help = "Set one setting, such as game.seed=7; repeatable."},
};

#define SHARED_ALWAYS        1u // --help
#define SHARED_WITH_SETTINGS (sizeof shared_flags / sizeof shared_flags[0])

const struct flag *command_flag(const struct command *command, uint32_t index)
{
    uint32_t own_count = 0;
    for (const struct flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++) {
        if (own_count == index) {
            return flag;
        }
        own_count++;
    }
    const uint32_t shared_index = index - own_count;
    const size_t shared_count = command->uses_settings ? SHARED_WITH_SETTINGS : SHARED_ALWAYS;
    return shared_index < shared_count ? &shared_flags[shared_index] : NULL;
}

struct flag flag_resolved(const struct flag *flag)
{
    struct flag resolved = *flag;
    if (flag->setting != NULL) {
        uint32_t index = 0;
        struct problem problem;
        const muster_status status = setting_find_dotted(flag->setting, &index, &problem);
        MUSTER_ASSERT(status == MUSTER_OK);
        const struct setting *setting = setting_at(index);
        resolved.rule = setting->rule;
        resolved.fallback = setting->fallback;
        resolved.help = flag->help != NULL ? flag->help : setting->help;
    }
    return resolved;
}

bool flag_is_switch(const struct flag *flag)
{
    return flag->setting == NULL && flag->rule.kind == VALUE_BOOL;
}

// The state of reading one command line.
struct line {
    int argc;
    char *const *argv;
    int at;
    bool are_flags_over;
    struct invocation *invocation;
    struct problem *problem;
};

static bool find_flag(const struct command *command, const char *name, uint32_t *out_index)
{
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(command, i)) != NULL; i++) {
        MUSTER_ASSERT(i < FLAG_COUNT_MAX);
        if (strcmp(flag->name, name) == 0) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static enum command_request refuse_flag(struct line *line, const char *name)
{
    const struct command *command = line->invocation->command;
    struct nearest nearest = nearest_begin(name);
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(command, i)) != NULL; i++) {
        nearest_offer(&nearest, flag->name);
    }
    char written[VALUE_TEXT_BYTES_MAX];
    struct text written_text = text_in(written, sizeof written);
    text_format(&written_text, "--%s", name);
    struct text text = text_in(line->problem->text, sizeof line->problem->text);
    text_append(&text, "unknown flag ");
    text_quote(&text, written, written_text.length);
    text_format(&text, " of %s", line->invocation->path);
    if (nearest.best != NULL) {
        text_format(&text, "; did you mean \"--%s\"?", nearest.best);
    }
    return COMMAND_WRONG;
}

static enum command_request store_flag(struct line *line, uint32_t index, const char *written)
{
    struct invocation *invocation = line->invocation;
    const struct flag flag = flag_resolved(command_flag(invocation->command, index));
    const bool is_assignment = strcmp(flag.name, "set") == 0 && invocation->command->uses_settings;
    if (invocation->is_given[index] && !is_assignment) {
        problem_set(line->problem, "--%s is given twice", flag.name);
        return COMMAND_WRONG;
    }
    if (!value_read(&flag.rule, written, &invocation->values[index])) {
        struct text text = text_in(line->problem->text, sizeof line->problem->text);
        text_format(&text, "--%s is ", flag.name);
        value_complain(&flag.rule, written, &text);
        return COMMAND_WRONG;
    }
    invocation->is_given[index] = true;
    if (is_assignment) {
        if (invocation->assignment_count == ARGUMENT_COUNT_MAX) {
            problem_set(line->problem, "--set is given more than %u times", ARGUMENT_COUNT_MAX);
            return COMMAND_WRONG;
        }
        invocation->assignments[invocation->assignment_count++] = written;
    }
    return COMMAND_RUN;
}

// Reads the flag at the current word, and its value, which may be the next word.
static enum command_request read_flag(struct line *line, const char *word)
{
    char name[64];
    struct text text = text_in(name, sizeof name);
    const char *equals = strchr(word, '=');
    text_append_bytes(&text, word, equals != NULL ? (size_t)(equals - word) : strlen(word));
    uint32_t index = 0;
    if (text.is_cut || !find_flag(line->invocation->command, name, &index)) {
        return refuse_flag(line, name);
    }
    const struct flag *flag = command_flag(line->invocation->command, index);
    if (flag_is_switch(flag)) {
        if (equals != NULL) {
            problem_set(line->problem, "--%s takes no value", name);
            return COMMAND_WRONG;
        }
        return store_flag(line, index, "true");
    }
    if (equals != NULL) {
        return store_flag(line, index, equals + 1);
    }
    if (line->at == line->argc || strncmp(line->argv[line->at], "--", 2) == 0) {
        const struct flag resolved = flag_resolved(flag);
        struct text message = text_in(line->problem->text, sizeof line->problem->text);
        text_format(&message, "--%s has no value, expected ", name);
        value_describe(&resolved.rule, &message);
        return COMMAND_WRONG;
    }
    return store_flag(line, index, line->argv[line->at++]);
}

static uint32_t argument_count_of(const struct command *command, bool needed_only)
{
    uint32_t count = 0;
    for (const struct argument *argument = command->arguments;
         argument != NULL && argument->name != NULL; argument++) {
        count += needed_only && argument->is_optional ? 0 : 1;
    }
    return count;
}

static enum command_request read_argument(struct line *line, const char *word)
{
    struct invocation *invocation = line->invocation;
    const uint32_t count_max = argument_count_of(invocation->command, false);
    MUSTER_ASSERT(count_max <= ARGUMENT_COUNT_MAX);
    if (invocation->argument_count == count_max) {
        struct text text = text_in(line->problem->text, sizeof line->problem->text);
        text_append(&text, "unexpected argument ");
        text_quote(&text, word, strlen(word));
        text_format(&text, " of %s", invocation->path);
        return COMMAND_WRONG;
    }
    invocation->arguments[invocation->argument_count++] = word;
    if (invocation->argument_count == count_max && invocation->command->takes_rest) {
        invocation->rest = line->argv + line->at;
        line->at = line->argc;
    }
    return COMMAND_RUN;
}

static enum command_request read_word(struct line *line)
{
    const char *word = line->argv[line->at++];
    if (line->are_flags_over || word[0] != '-' || word[1] == '\0') {
        return read_argument(line, word);
    }
    if (strcmp(word, "--") == 0) {
        line->are_flags_over = true;
        return COMMAND_RUN;
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
        return COMMAND_HELP;
    }
    if (strncmp(word, "--", 2) != 0) {
        struct text text = text_in(line->problem->text, sizeof line->problem->text);
        text_append(&text, "unknown flag ");
        text_quote(&text, word, strlen(word));
        text_append(&text, "; flags begin with two dashes");
        return COMMAND_WRONG;
    }
    return read_flag(line, word + 2);
}

static const struct command *find_subcommand(const struct command *command, const char *name)
{
    for (const struct command *const *sub = command->subcommands; *sub != NULL; sub++) {
        if (strcmp((*sub)->name, name) == 0) {
            return *sub;
        }
    }
    return NULL;
}

static enum command_request refuse_command(struct line *line, const char *word)
{
    const struct command *command = line->invocation->command;
    struct nearest nearest = nearest_begin(word);
    for (const struct command *const *sub = command->subcommands; *sub != NULL; sub++) {
        nearest_offer(&nearest, (*sub)->name);
    }
    nearest_offer(&nearest, "--help");
    if (command == line->invocation->root) {
        nearest_offer(&nearest, "--version");
    }
    struct text text = text_in(line->problem->text, sizeof line->problem->text);
    text_append(&text, word[0] == '-' ? "unknown flag " : "unknown command ");
    text_quote(&text, word, strlen(word));
    text_format(&text, " of %s", line->invocation->path);
    nearest_append(&nearest, &text);
    return COMMAND_WRONG;
}

// Descends the commands that the first words name. `muster help config` asks for the help of
// `muster config`.
static enum command_request read_path(struct line *line)
{
    struct invocation *invocation = line->invocation;
    const bool is_help = line->argc > 1 && strcmp(line->argv[1], "help") == 0;
    line->at = is_help ? 2 : 1;
    while (invocation->command->subcommands != NULL) {
        if (line->at == line->argc && is_help) {
            return COMMAND_HELP;
        }
        if (line->at == line->argc) {
            problem_set(line->problem, "%s needs a command", invocation->path);
            return COMMAND_WRONG;
        }
        const char *word = line->argv[line->at++];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            return COMMAND_HELP;
        }
        if (strcmp(word, "--version") == 0 && invocation->command == invocation->root) {
            return COMMAND_VERSION;
        }
        const struct command *sub = find_subcommand(invocation->command, word);
        if (sub == NULL) {
            return refuse_command(line, word);
        }
        invocation->command = sub;
        const size_t length = strlen(invocation->path);
        struct text path = text_in(invocation->path + length, sizeof invocation->path - length);
        text_format(&path, " %s", sub->name);
    }
    return is_help ? COMMAND_HELP : COMMAND_RUN;
}

static void set_fallbacks(struct invocation *invocation)
{
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(invocation->command, i)) != NULL; i++) {
        const struct flag resolved = flag_resolved(flag);
        if (!invocation->is_given[i] && resolved.fallback != NULL) {
            const bool is_read =
                value_read(&resolved.rule, resolved.fallback, &invocation->values[i]);
            MUSTER_ASSERT(is_read);
        }
    }
}

enum command_request command_read(const struct command *root,
    int argc,
    char *const *argv,
    struct invocation *out_invocation,
    struct problem *problem)
{
    memset(out_invocation, 0, sizeof *out_invocation);
    out_invocation->root = root;
    out_invocation->command = root;
    struct text path = text_in(out_invocation->path, sizeof out_invocation->path);
    text_append(&path, root->name);
    struct line line = {
        .argc = argc,
        .argv = argv,
        .invocation = out_invocation,
        .problem = problem,
    };
    enum command_request request = read_path(&line);
    while (request == COMMAND_RUN && line.at < line.argc) {
        request = read_word(&line);
    }
    if (request != COMMAND_RUN) {
        return request;
    }
    const struct command *command = out_invocation->command;
    if (out_invocation->argument_count < argument_count_of(command, true)) {
        problem_set(problem, "%s needs %s", out_invocation->path,
            command->arguments[out_invocation->argument_count].name);
        return COMMAND_WRONG;
    }
    set_fallbacks(out_invocation);
    return COMMAND_RUN;
}

static const char *variable(char *const *environment, const char *name)
{
    const size_t length = strlen(name);
    for (char *const *at = environment; *at != NULL; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            return *at + length + 1;
        }
    }
    return NULL;
}

// Flags that stand for settings. Their values were checked when they were read.
static void apply_flags(struct invocation *invocation)
{
    const struct flag *flag = NULL;
    for (uint32_t i = 0; (flag = command_flag(invocation->command, i)) != NULL; i++) {
        if (flag->setting == NULL || !invocation->is_given[i]) {
            continue;
        }
        uint32_t index = 0;
        struct problem unused;
        muster_status status = setting_find_dotted(flag->setting, &index, &unused);
        MUSTER_ASSERT(status == MUSTER_OK);
        const struct setting_origin origin = {.source = SETTING_FROM_FLAG, .flag = flag->name};
        status = configuration_set(
            &invocation->configuration, index, invocation->values[i].text, origin);
        MUSTER_ASSERT(status == MUSTER_OK);
    }
}

// A mistyped variable would be ignored in silence. Only what is near a setting is named, because
// orchestrators set variables of their own for a service that is called muster.
static void warn_of_stray_variable(const char *stray, FILE *err)
{
    char name[SETTING_NAME_CAPACITY];
    struct text text = text_in(name, sizeof name);
    text_append_bytes(&text, stray, strcspn(stray, "="));
    if (text.is_cut) {
        return;
    }
    char known[SETTING_COUNT_MAX + 1][SETTING_NAME_CAPACITY] = {"MUSTER_CONFIG"};
    struct nearest nearest = nearest_begin(name);
    nearest_offer(&nearest, known[0]);
    for (uint32_t i = 0; setting_at(i) != NULL; i++) {
        struct text known_text = text_in(known[i + 1], sizeof known[i + 1]);
        setting_environment_name(setting_at(i), &known_text);
        nearest_offer(&nearest, known[i + 1]);
    }
    if (nearest.best != NULL && strcmp(nearest.best, name) != 0) {
        struct problem problem;
        struct text message = text_in(problem.text, sizeof problem.text);
        text_append(&message, "ignored the variable ");
        text_quote(&message, name, text.length);
        nearest_append(&nearest, &message);
        fprintf(err, "muster: %s\n", problem.text);
    }
}

muster_status command_configure(
    struct invocation *invocation, char *const *environment, struct problem *problem)
{
    struct configuration *configuration = &invocation->configuration;
    configuration_init(configuration);
    const char *path = flag_text(invocation, "config");
    if (path == NULL) {
        path = variable(environment, "MUSTER_CONFIG");
    }
    if (path != NULL && path[0] != '\0' &&
        settings_read_file(configuration, path, problem) != MUSTER_OK) {
        return MUSTER_ERR_INVALID;
    }
    if (settings_read_environment(configuration, environment, problem) != MUSTER_OK) {
        return MUSTER_ERR_INVALID;
    }
    for (uint32_t i = 0; i < invocation->assignment_count; i++) {
        if (configuration_assign(configuration, invocation->assignments[i], problem) != MUSTER_OK) {
            return MUSTER_ERR_INVALID;
        }
    }
    apply_flags(invocation);
    for (char *const *at = environment; *at != NULL; at++) {
        if (strncmp(*at, "MUSTER_", strlen("MUSTER_")) == 0) {
            warn_of_stray_variable(*at, invocation->err);
        }
    }
    return MUSTER_OK;
}

static enum exit_code run_request(enum command_request request,
    struct invocation *invocation,
    char *const *environment,
    struct problem *problem)
{
    if (request == COMMAND_HELP) {
        command_help(invocation, invocation->out);
        return EXIT_CODE_DONE;
    }
    if (request == COMMAND_VERSION) {
        fprintf(invocation->out, "muster %s (%s)\n", muster_version(), muster_commit());
        return EXIT_CODE_DONE;
    }
    if (request == COMMAND_WRONG) {
        fprintf(invocation->err, "muster: %s\n", problem->text);
        fprintf(invocation->err, "See %s --help\n", invocation->path);
        return EXIT_CODE_USAGE;
    }
    if (invocation->command->uses_settings &&
        command_configure(invocation, environment, problem) != MUSTER_OK) {
        fprintf(invocation->err, "muster: %s\n", problem->text);
        return EXIT_CODE_USAGE;
    }
    return invocation->command->run(invocation);
}

int command_main(const struct command *root,
    int argc,
    char *const *argv,
    char *const *environment,
    FILE *out,
    FILE *err)
{
    struct invocation invocation;
    struct problem problem;
    const enum command_request request = command_read(root, argc, argv, &invocation, &problem);
    invocation.out = out;
    invocation.err = err;
    const enum exit_code code = run_request(request, &invocation, environment, &problem);
    if (fflush(out) != 0 || ferror(out) != 0) {
        fprintf(err, "muster: standard output cannot be written\n");
        return code == EXIT_CODE_DONE ? (int)EXIT_CODE_FAILED : (int)code;
    }
    return (int)code;
}

// For commands.

static uint32_t index_of_flag(const struct invocation *invocation, const char *name)
{
    uint32_t index = 0;
    const bool is_found = find_flag(invocation->command, name, &index);
    MUSTER_ASSERT(is_found);
    return index;
}

bool flag_is_given(const struct invocation *invocation, const char *name)
{
    return invocation->is_given[index_of_flag(invocation, name)];
}

bool flag_is_true(const struct invocation *invocation, const char *name)
{
    return flag_number(invocation, name) != 0;
}

uint64_t flag_number(const struct invocation *invocation, const char *name)
{
    return invocation->values[index_of_flag(invocation, name)].number;
}

const char *flag_text(const struct invocation *invocation, const char *name)
{
    return invocation->values[index_of_flag(invocation, name)].text;
}

_Static_assert((int)SETTING_LOG_DEBUG == (int)LOG_DEBUG, "levels are told apart by position");
_Static_assert((int)SETTING_LOG_ERROR == (int)LOG_ERROR, "levels are told apart by position");

struct log_def command_log_def(const struct invocation *invocation)
{
    MUSTER_ASSERT(invocation->command->uses_settings);
    const struct settings *settings = &invocation->configuration.settings;
    struct log_def def = log_default_def();
    def.level = (enum log_level)settings->log.level;
    if (settings->log.format != SETTING_LOG_AUTO) {
        def.format = settings->log.format == SETTING_LOG_JSON ? LOG_JSON : LOG_TEXT;
    }
    def.role = invocation->command->name;
    return def;
}

const char *argument_text(const struct invocation *invocation, uint32_t index)
{
    return index < invocation->argument_count ? invocation->arguments[index] : NULL;
}
