// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/document.h"
#include "apps/muster/safety.h"
#include "apps/muster/settings_yaml.h"
#include "apps/server/server_tls.h"
#include "drivers/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DAY_S 86400u

// `config init`

static enum exit_code run_init(const struct invocation *invocation)
{
    struct configuration configuration;
    configuration_init(&configuration);
    const char *path = argument_text(invocation, 0);
    path = path != NULL ? path : "muster.yaml";
    if (strcmp(path, "-") == 0) {
        settings_write_yaml(&configuration, SETTINGS_REMARK_HELP, invocation->out);
        return EXIT_CODE_DONE;
    }
    // Exclusive creation: what stands there is somebody's configuration.
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        const bool is_there = errno == EEXIST;
        fprintf(invocation->err, "muster: %s: %s%s\n", path, strerror(errno),
            is_there ? "; choose another name or remove it" : "");
        return EXIT_CODE_FAILED;
    }
    FILE *file = fdopen(descriptor, "w");
    if (file == NULL) {
        close(descriptor);
        fprintf(invocation->err, "muster: %s: %s\n", path, strerror(errno));
        return EXIT_CODE_FAILED;
    }
    settings_write_yaml(&configuration, SETTINGS_REMARK_HELP, file);
    const bool is_written = ferror(file) == 0;
    if (fclose(file) != 0 || !is_written) {
        fprintf(invocation->err, "muster: %s cannot be written\n", path);
        return EXIT_CODE_FAILED;
    }
    fprintf(invocation->err, "Wrote %s; start with it by: muster up --config %s\n", path, path);
    return EXIT_CODE_DONE;
}

static const struct example init_examples[] = {
    {"muster config init", "Write muster.yaml."},
    {"muster config init arena.yaml", "Write arena.yaml."},
    {"muster config init -", "Write to standard output."},
    {0},
};

static const struct argument init_arguments[] = {
    {.name = "FILE", .help = "What to write; muster.yaml when left out.", .is_optional = true},
    {0},
};

static const struct command command_init = {
    .name = "init",
    .summary = "Write a file with every setting, explained.",
    .examples = init_examples,
    .arguments = init_arguments,
    .run = run_init,
};

// `config check`

static enum exit_code print_check_json(
    const struct invocation *invocation, const char *path, const struct problem *problem)
{
    json_t *document = json_object();
    json_object_set_new(document, "file", document_text(path));
    json_object_set_new(document, "valid", json_boolean(problem == NULL));
    if (problem != NULL) {
        json_object_set_new(document, "problem", document_text(problem->text));
    }
    if (!document_write(document, invocation->out)) {
        return EXIT_CODE_FAILED;
    }
    return problem == NULL ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
}

// What a start with this file would refuse, without looking at the server's own keys.
static muster_status check_safety(
    const char *path, const struct settings *settings, struct problem *problem)
{
    const struct secrets secrets = {
        .is_development = settings->gateway.secrets == SETTING_SECRETS_DEVELOPMENT,
    };
    struct problem refusal;
    const muster_status status = safety_check(settings, &secrets, &refusal);
    if (status != MUSTER_OK) {
        problem_set(problem, "%.400s: %.600s", path, refusal.text);
    }
    return status;
}

// A certificate that is about to expire is told of, and no problem yet.
static muster_status check_tls(const struct invocation *invocation,
    const char *path,
    const struct settings *settings,
    struct problem *problem)
{
    struct http_certificate_facts facts;
    struct driver_error error = {0};
    const uint64_t now_unix_s = clock_unix_seconds();
    const muster_status status = server_tls_check(settings, now_unix_s, &facts, &error);
    if (status != MUSTER_OK) {
        problem_set(problem, "%.400s: %.600s", path, error.text);
    } else if (facts.expires_unix_s != 0 && facts.expires_unix_s < now_unix_s + SERVER_TLS_WARN_S) {
        fprintf(invocation->err, "muster: %s: the certificate expires in %llu days\n", path,
            (unsigned long long)((facts.expires_unix_s - now_unix_s) / DAY_S));
    }
    return status;
}

static enum exit_code run_check(const struct invocation *invocation)
{
    struct configuration configuration;
    configuration_init(&configuration);
    struct problem problem;
    const char *path = argument_text(invocation, 0);
    muster_status status = settings_read_file(&configuration, path, &problem);
    if (status == MUSTER_OK) {
        status = check_safety(path, &configuration.settings, &problem);
    }
    if (status == MUSTER_OK) {
        status = check_tls(invocation, path, &configuration.settings, &problem);
    }
    if (flag_is_true(invocation, "json")) {
        return print_check_json(invocation, path, status == MUSTER_OK ? NULL : &problem);
    }
    if (status != MUSTER_OK) {
        fprintf(invocation->err, "muster: %s\n", problem.text);
        return EXIT_CODE_USAGE;
    }
    fprintf(invocation->out, "%s: ok\n", path);
    return EXIT_CODE_DONE;
}

static const struct example check_examples[] = {
    {"muster config check arena.yaml", "Exit 0 when the file is right, else say where not."},
    {"muster config check arena.yaml --json", "The same for a program."},
    {0},
};

static const struct argument check_arguments[] = {
    {.name = "FILE", .help = "The configuration to read."},
    {0},
};

static const struct flag check_flags[] = {
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

static const struct command command_check = {
    .name = "check",
    .summary = "Read a file and say what is wrong with it.",
    .examples = check_examples,
    .flags = check_flags,
    .arguments = check_arguments,
    .run = run_check,
};

// `config show`

static json_t *value_as_json(const struct configuration *configuration, uint32_t index)
{
    char buffer[SETTING_TEXT_CAPACITY];
    struct text text = text_in(buffer, sizeof buffer);
    configuration_print_value(configuration, index, &text);
    const enum value_kind kind = setting_at(index)->rule.kind;
    if (kind == VALUE_BOOL) {
        return json_boolean(strcmp(buffer, "true") == 0);
    }
    struct value value;
    const struct value_rule any_integer = {.kind = VALUE_INTEGER};
    if (kind == VALUE_INTEGER && value_read(&any_integer, buffer, &value) &&
        value.number <= INT64_MAX) {
        return json_integer((json_int_t)value.number);
    }
    return json_string(buffer); // also an integer beyond what JSON readers agree on
}

static json_t *setting_as_json(
    const struct configuration *configuration, uint32_t index, bool with_origin)
{
    json_t *value = value_as_json(configuration, index);
    if (!with_origin) {
        return value;
    }
    char buffer[SETTING_TEXT_CAPACITY + 16];
    struct text text = text_in(buffer, sizeof buffer);
    configuration_print_origin(configuration, index, &text);
    return json_pack("{s:o, s:s}", "value", value, "origin", buffer);
}

static enum exit_code show_json(const struct invocation *invocation)
{
    const bool with_origin = flag_is_true(invocation, "origin");
    json_t *document = json_object();
    const struct setting *setting = NULL;
    for (uint32_t i = 0; (setting = setting_at(i)) != NULL; i++) {
        json_t *section = json_object_get(document, setting->section);
        if (section == NULL) {
            section = json_object();
            json_object_set_new(document, setting->section, section);
        }
        json_object_set_new(
            section, setting->key, setting_as_json(&invocation->configuration, i, with_origin));
    }
    return document_write(document, invocation->out) ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
}

static enum exit_code run_show(const struct invocation *invocation)
{
    if (flag_is_true(invocation, "json")) {
        return show_json(invocation);
    }
    settings_write_yaml(&invocation->configuration,
        flag_is_true(invocation, "origin") ? SETTINGS_REMARK_ORIGIN : SETTINGS_REMARK_NONE,
        invocation->out);
    return EXIT_CODE_DONE;
}

static const struct example show_examples[] = {
    {"muster config show --config arena.yaml", "All values in effect, as a file."},
    {"muster config show --origin", "The same, and where each came from."},
    {"muster config show --set game.seed=7 --json", "One JSON document."},
    {0},
};

static const struct flag show_flags[] = {
    {.name = "origin", .rule = {.kind = VALUE_BOOL}, .help = "Say where each value came from."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "Print one JSON document."},
    {0},
};

static const struct command command_show = {
    .name = "show",
    .summary = "Print the settings in effect.",
    .examples = show_examples,
    .flags = show_flags,
    .uses_settings = true,
    .run = run_show,
};

static const struct command *const subcommands[] = {
    &command_init, &command_check, &command_show, NULL};

static const struct example examples[] = {
    {"muster config init arena.yaml", "Write a file with every setting, explained."},
    {"muster config check arena.yaml", "Say what is wrong with it."},
    {"muster config show --origin", "Print what is in effect, and why."},
    {0},
};

const struct command command_config = {
    .name = "config",
    .summary = "Write, check and show the configuration.",
    .examples = examples,
    .subcommands = subcommands,
};
