// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/settings.h"
#include "apps/muster/settings_yaml.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct configuration configuration;
static struct problem problem;

static muster_status read_text(const char *text)
{
    configuration_init(&configuration);
    problem_set(&problem, "none");
    return settings_read_yaml(&configuration, "arena.yaml", text, strlen(text), &problem);
}

static void expect_problem(const char *text, const char *expected)
{
    assert_int_equal(read_text(text), MUSTER_ERR_MALFORMED);
    assert_string_equal(problem.text, expected);
}

static void every_row_has_a_default_that_its_own_rule_accepts(void **state)
{
    (void)state;
    configuration_init(&configuration);
    const struct setting *setting = NULL;
    uint32_t count = 0;
    for (; (setting = setting_at(count)) != NULL; count++) {
        assert_non_null(setting_section_help(setting->section));
        assert_in_range(strlen(setting->help), 10, 70);
        uint32_t index = UINT32_MAX;
        assert_true(setting_find(setting->section, setting->key, &index));
        assert_int_equal(index, count);
    }
    assert_in_range(count, 30, SETTING_COUNT_MAX);
    assert_int_equal(configuration.settings.game.workers, 0);
    assert_int_equal(configuration.settings.gateway.resume_window_us, 30000000);
    assert_int_equal(configuration.settings.audit.rotate_bytes, 64 << 20);
    assert_string_equal(configuration.settings.network.bind, "127.0.0.1");
    assert_true(configuration.settings.gateway.guests);
}

static void no_two_rows_share_a_field(void **state)
{
    (void)state;
    const struct setting *a = NULL;
    for (uint32_t i = 0; (a = setting_at(i)) != NULL; i++) {
        const struct setting *b = NULL;
        for (uint32_t j = i + 1; (b = setting_at(j)) != NULL; j++) {
            assert_int_not_equal(a->offset, b->offset);
        }
    }
}

static void a_file_sets_what_it_names_and_leaves_the_rest(void **state)
{
    (void)state;
    assert_int_equal(read_text("# an arena\n"
                               "game:\n"
                               "  name: arena\n"
                               "  seed: 0x10\n"
                               "network: {bind: '::1', udp_port: 9000}\n"
                               "limits:\n"
                               "gateway:\n"
                               "  guests: false\n"
                               "  resume_window: 1500ms\n"
                               "audit:\n"
                               "  file: \"logs/a \\\"b\\\".log\"\n"
                               "  rotate: 1MiB\n"
                               "log: {level: error}\n"),
        MUSTER_OK);
    const struct settings *settings = &configuration.settings;
    assert_string_equal(settings->game.name, "arena");
    assert_int_equal(settings->game.seed, 16);
    assert_int_equal(settings->game.workers, 0);
    assert_string_equal(settings->network.bind, "::1");
    assert_int_equal(settings->network.udp_port, 9000);
    assert_false(settings->gateway.guests);
    assert_int_equal(settings->gateway.resume_window_us, 1500000);
    assert_string_equal(settings->audit.file, "logs/a \"b\".log");
    assert_int_equal(settings->audit.rotate_bytes, 1 << 20);
    assert_int_equal(settings->log.level, SETTING_LOG_ERROR);
}

static void files_without_content_are_all_defaults(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), MUSTER_OK);
    assert_int_equal(read_text("# nothing\n"), MUSTER_OK);
    assert_int_equal(read_text("---\n"), MUSTER_OK);
    assert_int_equal(read_text("--- ~\n...\n"), MUSTER_OK);
    assert_int_equal(read_text("{}\n"), MUSTER_OK);
    assert_int_equal(read_text("game:\n"), MUSTER_OK);
}

static void unknown_names_are_refused_with_the_nearest(void **state)
{
    (void)state;
    expect_problem("game:\n  seed: 1\n  wrokers: 30\n",
        "arena.yaml:3:3: unknown key \"wrokers\" in game; did you mean \"workers\"?");
    expect_problem(
        "gaem:\n  seed: 1\n", "arena.yaml:1:1: unknown section \"gaem\"; did you mean \"game\"?");
    expect_problem("game:\n  colour: red\n", "arena.yaml:2:3: unknown key \"colour\" in game");
    expect_problem("<<: {}\n", "arena.yaml:1:1: unknown section \"<<\"");
    expect_problem("\"ga\\x1b[31mme\": {}\n", "arena.yaml:1:1: unknown section \"ga\\x1b[31mme\"");
}

static void duplicates_are_refused_with_the_first_line(void **state)
{
    (void)state;
    expect_problem(
        "game:\n  seed: 1\n  seed: 1\n", "arena.yaml:3:3: game.seed stands twice, first on line 2");
    expect_problem("game:\n  seed: 1\nlog:\ngame:\n  workers: 1\n",
        "arena.yaml:4:1: section game stands twice, first on line 1");
}

static void wrong_values_are_refused_with_what_was_expected(void **state)
{
    (void)state;
    expect_problem("game:\n  workers: fast\n",
        "arena.yaml:2:12: game.workers is \"fast\", expected a whole number from 0 to 64");
    expect_problem("game:\n  workers: \"60\"\n",
        "arena.yaml:2:12: game.workers is the text \"60\", expected a whole number from 0 to 64");
    expect_problem("game:\n  workers: 65\n",
        "arena.yaml:2:12: game.workers is \"65\", expected a whole number from 0 to 64");
    expect_problem("game:\n  workers:\n",
        "arena.yaml:2:11: game.workers is empty, expected a whole number from 0 to 64");
    expect_problem("game:\n  workers: [60]\n",
        "arena.yaml:2:12: game.workers is a list, expected a whole number from 0 to 64");
    expect_problem(
        "game:\n  seed: -1\n", "arena.yaml:2:9: game.seed is \"-1\", expected a whole number");
    expect_problem("gateway:\n  guests: yes\n",
        "arena.yaml:2:11: gateway.guests is \"yes\", expected true or false");
    expect_problem("log:\n  level: wran\n",
        "arena.yaml:2:10: log.level is \"wran\", expected one of debug, info, warn, error; did you "
        "mean \"warn\"?");
    expect_problem("network:\n  bind: localhost\n",
        "arena.yaml:2:9: network.bind is \"localhost\", expected an IPv4 or IPv6 address, such as "
        "127.0.0.1");
    expect_problem("game:\n  name: {a: b}\n",
        "arena.yaml:2:9: game.name is a group of keys, expected a printable text of 1 to 31 "
        "bytes");
}

static void units_are_required_and_checked(void **state)
{
    (void)state;
    expect_problem("gateway:\n  token_lifetime: 30\n",
        "arena.yaml:2:19: gateway.token_lifetime is \"30\", expected a duration from 1s to 1h, "
        "with its unit, such as 30s");
    expect_problem("gateway:\n  token_lifetime: 30MiB\n",
        "arena.yaml:2:19: gateway.token_lifetime is \"30MiB\", expected a duration from 1s to 1h, "
        "with its unit, such as 30s");
    expect_problem("audit:\n  rotate: 64M\n",
        "arena.yaml:2:11: audit.rotate is \"64M\", expected a size from 64KiB to 16GiB, with its "
        "unit, such as 64MiB");
}

static void what_yaml_could_do_besides_is_refused(void **state)
{
    (void)state;
    expect_problem("game: &anchor\n  seed: 1\n",
        "arena.yaml:1:7: found an anchor (&), expected the keys of game, indented under it");
    expect_problem("game:\n  seed: &a 1\n",
        "arena.yaml:2:9: found an anchor (&), expected the plain value of game.seed");
    expect_problem("game:\n  seed: !!int 1\n",
        "arena.yaml:2:9: found a tag (!), expected the plain value of game.seed");
    expect_problem("game:\n  seed: *a\n",
        "arena.yaml:2:9: game.seed is an alias (*), expected a whole number");
    expect_problem("game: *a\n",
        "arena.yaml:1:7: found an alias (*), expected the keys of game, indented under it");
    expect_problem(
        "game:\n  ? [a]\n  : 1\n", "arena.yaml:2:5: found a list, expected a key of game");
    expect_problem("- game\n", "arena.yaml:1:1: found a list, expected sections such as \"game:\"");
    expect_problem(
        "game\n", "arena.yaml:1:1: found a single value, expected sections such as \"game:\"");
    expect_problem("game: 5\n",
        "arena.yaml:1:7: found a single value, expected the keys of game, indented under it");
    expect_problem("? [a]\n: 1\n", "arena.yaml:1:3: found a list, expected the name of a section");
    expect_problem("game:\n---\nlog:\n",
        "arena.yaml:2:1: found a second document, expected the end of the file");
}

static void syntax_errors_name_their_place(void **state)
{
    (void)state;
    expect_problem("game:\n\tseed: 1\n", "arena.yaml:2:1: found a tab, expected spaces");
    expect_problem("game: {seed: 1\n",
        "arena.yaml:2:1: did not find expected ',' or '}' (while parsing a flow mapping that "
        "begins on line 1)");
    expect_problem("game:\n  name: \"arena\n",
        "arena.yaml:3:1: found unexpected end of stream (while scanning a quoted scalar that "
        "begins on line 2)");
    expect_problem("game:\n  name: \xff\n",
        "arena.yaml:2:9: invalid leading UTF-8 octet, expected UTF-8 text");
}

static void a_text_with_a_zero_byte_is_refused_whole(void **state)
{
    (void)state;
    assert_int_equal(read_text("game:\n  name: \"a\\0b\"\n"), MUSTER_ERR_MALFORMED);
    assert_int_equal(read_text("game:\n  name: \"a\\nb\"\n"), MUSTER_ERR_MALFORMED);
}

static void missing_and_oversized_files_are_named(void **state)
{
    (void)state;
    configuration_init(&configuration);
    assert_int_equal(
        settings_read_file(&configuration, "/nowhere/arena.yaml", &problem), MUSTER_ERR_NOT_FOUND);
    assert_string_equal(problem.text, "/nowhere/arena.yaml: No such file or directory");
    assert_int_equal(settings_read_file(&configuration, "/tmp", &problem), MUSTER_ERR_IO);
    assert_string_equal(problem.text, "/tmp: Is a directory");
    assert_int_equal(settings_read_file(&configuration, "/dev/zero", &problem), MUSTER_ERR_FULL);
    assert_string_equal(
        problem.text, "/dev/zero: longer than 1048576 bytes, expected a configuration file");
}

static void what_is_written_reads_back_equal(void **state)
{
    (void)state;
    static struct configuration written;
    configuration_init(&written);
    const struct setting_origin flag = {.source = SETTING_FROM_FLAG, .flag = "set"};
    uint32_t index = 0;
    assert_true(setting_find("game", "name", &index));
    assert_int_equal(configuration_set(&written, index, "a \"\\ # : b", flag), MUSTER_OK);
    assert_true(setting_find("gateway", "token_lifetime", &index));
    assert_int_equal(configuration_set(&written, index, "90s", flag), MUSTER_OK);
    for (int remark = SETTINGS_REMARK_NONE; remark <= SETTINGS_REMARK_ORIGIN; remark++) {
        char *text = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&text, &length);
        settings_write_yaml(&written, (enum settings_remark)remark, file);
        fclose(file);
        assert_int_equal(read_text(text), MUSTER_OK);
        assert_memory_equal(&configuration.settings, &written.settings, sizeof written.settings);
        free(text);
    }
}

static void origins_name_default_file_environment_and_flag(void **state)
{
    (void)state;
    assert_int_equal(read_text("game:\n  seed: 1\n  workers: 2\n"), MUSTER_OK);
    char *const environment[] = {"OTHER=1", "MUSTER_PORT=tcp://10.0.0.1", "MUSTER_GAME_WORKERS=3",
        "MUSTER_GAME_SEEDS=9", NULL};
    assert_int_equal(settings_read_environment(&configuration, environment, &problem), MUSTER_OK);
    assert_int_equal(configuration_assign(&configuration, "log.level=debug", &problem), MUSTER_OK);
    assert_int_equal(configuration.settings.game.seed, 1);
    assert_int_equal(configuration.settings.game.workers, 3);
    assert_int_equal(configuration.settings.log.level, SETTING_LOG_DEBUG);
    const struct {
        const char *name;
        const char *origin;
    } expected[] = {
        {"game.name", "default"},
        {"game.seed", "arena.yaml:2"},
        {"game.workers", "MUSTER_GAME_WORKERS"},
        {"log.level", "--set"},
    };
    for (uint32_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        uint32_t index = 0;
        assert_int_equal(setting_find_dotted(expected[i].name, &index, &problem), MUSTER_OK);
        char buffer[128];
        struct text text = text_in(buffer, sizeof buffer);
        configuration_print_origin(&configuration, index, &text);
        assert_string_equal(buffer, expected[i].origin);
    }
}

static void wrong_variables_and_assignments_are_refused(void **state)
{
    (void)state;
    configuration_init(&configuration);
    char *const environment[] = {"MUSTER_GAME_SEED=x", NULL};
    assert_int_equal(
        settings_read_environment(&configuration, environment, &problem), MUSTER_ERR_INVALID);
    assert_string_equal(problem.text, "MUSTER_GAME_SEED is \"x\", expected a whole number");
    const char *const assignments[][2] = {
        {"game.seed", "--set is \"game.seed\", expected KEY=VALUE, such as game.seed=7"},
        {"game.seed=x", "--set: game.seed is \"x\", expected a whole number"},
        {"game.sede=1", "unknown setting \"game.sede\"; did you mean \"game.seed\"?"},
        {"=1", "unknown setting \"\""},
    };
    for (uint32_t i = 0; i < sizeof assignments / sizeof assignments[0]; i++) {
        assert_int_equal(
            configuration_assign(&configuration, assignments[i][0], &problem), MUSTER_ERR_INVALID);
        assert_string_equal(problem.text, assignments[i][1]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_a_default_that_its_own_rule_accepts),
        cmocka_unit_test(no_two_rows_share_a_field),
        cmocka_unit_test(a_file_sets_what_it_names_and_leaves_the_rest),
        cmocka_unit_test(files_without_content_are_all_defaults),
        cmocka_unit_test(unknown_names_are_refused_with_the_nearest),
        cmocka_unit_test(duplicates_are_refused_with_the_first_line),
        cmocka_unit_test(wrong_values_are_refused_with_what_was_expected),
        cmocka_unit_test(units_are_required_and_checked),
        cmocka_unit_test(what_yaml_could_do_besides_is_refused),
        cmocka_unit_test(syntax_errors_name_their_place),
        cmocka_unit_test(a_text_with_a_zero_byte_is_refused_whole),
        cmocka_unit_test(missing_and_oversized_files_are_named),
        cmocka_unit_test(what_is_written_reads_back_equal),
        cmocka_unit_test(origins_name_default_file_environment_and_flag),
        cmocka_unit_test(wrong_variables_and_assignments_are_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
