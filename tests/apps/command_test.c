// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ(...) read_line((char *const[]){"muster", __VA_ARGS__, NULL})

static struct invocation invocation;
static struct problem problem;

static enum exit_code run_nothing(const struct invocation *unused)
{
    (void)unused;
    return EXIT_CODE_VIOLATION;
}

static const struct example examples[] = {{"muster up", "Run."}, {0}};
static const char *const scenes[] = {"mixed", "battle", NULL};
static const struct flag up_flags[] = {
    {.name = "bots",
        .placeholder = "N",
        .rule = {.kind = VALUE_INTEGER, .max = 100},
        .fallback = "10",
        .help = "Bots."},
    {.name = "for", .placeholder = "TIME", .rule = {.kind = VALUE_DURATION}, .help = "How long."},
    {.name = "scene",
        .placeholder = "SCENE",
        .rule = {.kind = VALUE_CHOICE, .choices = scenes},
        .fallback = "battle",
        .help = "Which."},
    {.name = "json", .rule = {.kind = VALUE_BOOL}, .help = "JSON."},
    {.name = "seed", .placeholder = "N", .setting = "game.seed"},
    {.name = "guests", .placeholder = "BOOL", .setting = "gateway.guests", .help = "Guests."},
    {0},
};
static const struct argument up_arguments[] = {
    {.name = "WORLD", .help = "Which world."},
    {.name = "COPY", .help = "Where to.", .is_optional = true},
    {0},
};
static const struct command command_up = {
    .name = "up",
    .summary = "Run a world.",
    .examples = examples,
    .flags = up_flags,
    .arguments = up_arguments,
    .uses_settings = true,
    .run = run_nothing,
};
static const struct argument bench_arguments[] = {{.name = "NAME", .help = "Which."}, {0}};
static const struct command command_bench = {
    .name = "bench",
    .summary = "Run another.",
    .examples = examples,
    .arguments = bench_arguments,
    .takes_rest = true,
    .run = run_nothing,
};
static const struct command *const subcommands[] = {&command_up, &command_bench, NULL};
static const struct command root = {
    .name = "muster", .summary = "Runs.", .examples = examples, .subcommands = subcommands};

static enum command_request read_line(char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    problem_set(&problem, "none");
    return command_read(&root, argc, argv, &invocation, &problem);
}

static void flags_and_arguments_may_mix(void **state)
{
    (void)state;
    assert_int_equal(
        READ("up", "--bots", "7", "arena", "--for=60s", "copy", "--json"), COMMAND_RUN);
    assert_string_equal(invocation.path, "muster up");
    assert_int_equal(flag_number(&invocation, "bots"), 7);
    assert_int_equal(flag_number(&invocation, "for"), 60000000);
    assert_string_equal(flag_text(&invocation, "for"), "60s");
    assert_true(flag_is_true(&invocation, "json"));
    assert_int_equal(invocation.argument_count, 2);
    assert_string_equal(argument_text(&invocation, 0), "arena");
    assert_string_equal(argument_text(&invocation, 1), "copy");
    assert_null(argument_text(&invocation, 2));
}

static void flags_that_are_left_out_have_their_defaults(void **state)
{
    (void)state;
    assert_int_equal(READ("up", "arena"), COMMAND_RUN);
    assert_int_equal(flag_number(&invocation, "bots"), 10);
    assert_false(flag_is_given(&invocation, "bots"));
    assert_int_equal(flag_number(&invocation, "scene"), 1);
    assert_int_equal(flag_number(&invocation, "for"), 0);
    assert_null(flag_text(&invocation, "for"));
    assert_false(flag_is_true(&invocation, "json"));
}

static void two_dashes_end_the_flags(void **state)
{
    (void)state;
    assert_int_equal(READ("up", "--json", "--", "--bots"), COMMAND_RUN);
    assert_string_equal(argument_text(&invocation, 0), "--bots");
    assert_int_equal(READ("up", "-"), COMMAND_RUN);
    assert_string_equal(argument_text(&invocation, 0), "-");
}

static void wrong_lines_say_why(void **state)
{
    (void)state;
    const struct {
        char *words[6];
        const char *problem;
    } lines[] = {
        {{"muster", "up", "a", "--bots", "many", NULL},
            "--bots is \"many\", expected a whole number from 0 to 100"},
        {{"muster", "up", "a", "--bots=101", NULL},
            "--bots is \"101\", expected a whole number from 0 to 100"},
        {{"muster", "up", "a", "--bots=", NULL},
            "--bots is \"\", expected a whole number from 0 to 100"},
        {{"muster", "up", "a", "--bots", "--json", NULL},
            "--bots has no value, expected a whole number from 0 to 100"},
        {{"muster", "up", "a", "--bots", NULL},
            "--bots has no value, expected a whole number from 0 to 100"},
        {{"muster", "up", "a", "--for", "60", NULL},
            "--for is \"60\", expected a duration, with its unit, such as 30s"},
        {{"muster", "up", "a", "--scene", "batle", NULL},
            "--scene is \"batle\", expected one of mixed, battle; did you mean \"battle\"?"},
        {{"muster", "up", "a", "--botz", "1", NULL},
            "unknown flag \"--botz\" of muster up; did you mean \"--bots\"?"},
        {{"muster", "up", "a", "--bots=1", "--bots=1", NULL}, "--bots is given twice"},
        {{"muster", "up", "a", "--json=1", NULL}, "--json takes no value"},
        {{"muster", "up", "a", "--seed", "x", NULL}, "--seed is \"x\", expected a whole number"},
        {{"muster", "up", "a", "--guests=no", NULL}, "--guests is \"no\", expected true or false"},
        {{"muster", "up", NULL}, "muster up needs WORLD"},
        {{"muster", "up", "a", "b", "c\x1b", NULL}, "unexpected argument \"c\\x1b\" of muster up"},
        {{"muster", "bench", NULL}, "muster bench needs NAME"},
        {{"muster", "bench", "--set", "a", NULL}, "unknown flag \"--set\" of muster bench"},
        {{"muster", "benhc", NULL}, "unknown command \"benhc\" of muster; did you mean \"bench\"?"},
    };
    for (uint32_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(read_line(lines[i].words), COMMAND_WRONG);
        assert_string_equal(problem.text, lines[i].problem);
    }
}

static void a_very_long_flag_is_unknown_and_quoted_short(void **state)
{
    (void)state;
    char word[3000] = "--";
    memset(word + 2, 'x', sizeof word - 3);
    word[sizeof word - 1] = '\0';
    assert_int_equal(READ("up", word), COMMAND_WRONG);
    assert_in_range(strlen(problem.text), 60, 120);
}

static void help_wins_over_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(READ("--help"), COMMAND_HELP);
    assert_int_equal(READ("up", "--help"), COMMAND_HELP);
    assert_ptr_equal(invocation.command, &command_up);
    assert_int_equal(READ("up", "-h", "--nonsense"), COMMAND_HELP);
    assert_int_equal(READ("--version"), COMMAND_VERSION);
    assert_int_equal(READ("help"), COMMAND_HELP);
    assert_ptr_equal(invocation.command, &root);
    assert_int_equal(READ("help", "up"), COMMAND_HELP);
    assert_ptr_equal(invocation.command, &command_up);
    assert_int_equal(READ("help", "upp"), COMMAND_WRONG);
    assert_string_equal(problem.text, "unknown command \"upp\" of muster; did you mean \"up\"?");
}

static void what_follows_the_last_argument_is_passed_on_unread(void **state)
{
    (void)state;
    assert_int_equal(READ("bench", "udp", "--rounds", "5", "--help", "--"), COMMAND_RUN);
    assert_string_equal(argument_text(&invocation, 0), "udp");
    assert_string_equal(invocation.rest[0], "--rounds");
    assert_string_equal(invocation.rest[3], "--");
    assert_null(invocation.rest[4]);
    assert_int_equal(READ("bench", "udp"), COMMAND_RUN);
    assert_null(invocation.rest[0]);
}

static void flags_write_settings_over_environment(void **state)
{
    (void)state;
    char *const environment[] = {"MUSTER_GAME_SEED=5", "MUSTER_GAME_WORKERS=2", NULL};
    assert_int_equal(READ("up", "a", "--seed", "9", "--guests", "false", "--set", "log.level=warn"),
        COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_OK);
    const struct settings *settings = &invocation.configuration.settings;
    assert_int_equal(settings->game.seed, 9);
    assert_int_equal(settings->game.workers, 2);
    assert_false(settings->gateway.guests);
    assert_int_equal(settings->log.level, SETTING_LOG_WARN);
    char buffer[64];
    struct text text = text_in(buffer, sizeof buffer);
    uint32_t index = 0;
    assert_true(setting_find("game", "seed", &index));
    configuration_print_origin(&invocation.configuration, index, &text);
    assert_string_equal(buffer, "--seed");
}

static void the_log_follows_the_settings(void **state)
{
    (void)state;
    char *const environment[] = {NULL};
    assert_int_equal(
        READ("up", "a", "--set", "log.level=warn", "--set=log.format=json"), COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_OK);
    struct log_def def = command_log_def(&invocation);
    assert_int_equal(def.level, LOG_WARN);
    assert_int_equal(def.format, LOG_JSON);
    assert_string_equal(def.role, "up");
    assert_int_equal(READ("up", "a", "--set", "log.format=text"), COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_OK);
    def = command_log_def(&invocation);
    assert_int_equal(def.level, LOG_INFO);
    assert_int_equal(def.format, LOG_TEXT);
    assert_int_equal(READ("up", "a"), COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_OK);
    assert_int_equal(command_log_def(&invocation).format, log_default_def().format);
}

static void the_configuration_file_is_named_by_flag_or_variable(void **state)
{
    (void)state;
    char *const environment[] = {"MUSTER_CONFIG=/nowhere/a.yaml", NULL};
    assert_int_equal(READ("up", "a"), COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_ERR_INVALID);
    assert_string_equal(problem.text, "/nowhere/a.yaml: No such file or directory");
    assert_int_equal(READ("up", "a", "--config", "/nowhere/b.yaml"), COMMAND_RUN);
    assert_int_equal(command_configure(&invocation, environment, &problem), MUSTER_ERR_INVALID);
    assert_string_equal(problem.text, "/nowhere/b.yaml: No such file or directory");
}

static void help_and_completion_name_every_flag(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_int_equal(READ("up", "--help"), COMMAND_HELP);
    command_help(&invocation, file);
    command_complete_bash(&root, file);
    fclose(file);
    assert_non_null(strstr(text, "Usage: muster up [FLAG...] WORLD [COPY]\n"));
    assert_non_null(strstr(text, "  --bots N "));
    assert_non_null(strstr(text, "Default: 10."));
    assert_non_null(strstr(text, "Setting: game.seed."));
    assert_non_null(strstr(text,
        "\"muster up\") words=\"--bots --for --scene --json --seed --guests --help --config --set "
        "\" ;;"));
    free(text);
}

static void main_returns_the_commands_code(void **state)
{
    (void)state;
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    char *const environment[] = {NULL};
    char *const run[] = {"muster", "up", "arena", NULL};
    assert_int_equal(command_main(&root, 3, run, environment, null, null), 4);
    char *const wrong[] = {"muster", "up", NULL};
    assert_int_equal(command_main(&root, 2, wrong, environment, null, null), 2);
    fclose(null);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_arguments_may_mix),
        cmocka_unit_test(flags_that_are_left_out_have_their_defaults),
        cmocka_unit_test(two_dashes_end_the_flags),
        cmocka_unit_test(wrong_lines_say_why),
        cmocka_unit_test(a_very_long_flag_is_unknown_and_quoted_short),
        cmocka_unit_test(help_wins_over_what_is_missing),
        cmocka_unit_test(what_follows_the_last_argument_is_passed_on_unread),
        cmocka_unit_test(flags_write_settings_over_environment),
        cmocka_unit_test(the_log_follows_the_settings),
        cmocka_unit_test(the_configuration_file_is_named_by_flag_or_variable),
        cmocka_unit_test(help_and_completion_name_every_flag),
        cmocka_unit_test(main_returns_the_commands_code),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
