// SPDX-License-Identifier: Apache-2.0

// The built program, run as a user runs it: exit codes and the exact words.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL}, &outcome)

static struct outcome outcome;
static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    folder_begin(folder);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static void expect_usage(const char *err)
{
    assert_string_equal(outcome.err, err);
    assert_string_equal(outcome.out, "");
    assert_int_equal(outcome.code, 2);
}

static void expect_help_fits(void)
{
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.err, "");
    assert_int_equal(strncmp(outcome.out, "Examples:\n  ", 12), 0);
    for (const char *line = outcome.out; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strcspn(line, "\n") > 80) {
            fail_msg("wider than 80 columns: %.*s", (int)strcspn(line, "\n"), line);
        }
    }
}

static void version_names_version_and_commit(void **state)
{
    (void)state;
    RUN("--version");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(strncmp(outcome.out, "muster 0.1.0 (", 14), 0);
    assert_string_equal(strchr(outcome.out, ')'), ")\n");
}

// Checks the help of the command that `words` name, and of every command below it.
static void expect_help_below(const char **words, uint32_t depth)
{
    assert_in_range(depth, 0, 3);
    words[depth] = "--help";
    words[depth + 1] = NULL;
    program_run(words, &outcome);
    expect_help_fits();
    assert_non_null(strstr(outcome.out, "\nUsage: muster"));
    assert_non_null(strstr(outcome.out, "\n  --help "));
    const char *at = strstr(outcome.out, "\nCommands:\n");
    char names[32][32];
    uint32_t name_count = 0;
    for (at = at != NULL ? at + strlen("\nCommands:\n") : ""; strncmp(at, "  ", 2) == 0;
         at += strcspn(at, "\n") + 1) {
        // A row that begins with more blanks goes on with the row before.
        if (at[2] != ' ') {
            assert_in_range(name_count, 0, 31);
            assert_int_equal(sscanf(at, " %31s", names[name_count++]), 1);
        }
    }
    for (uint32_t i = 0; i < name_count; i++) {
        words[depth] = names[i];
        expect_help_below(words, depth + 1);
    }
}

static void help_of_every_command_begins_with_examples_and_fits(void **state)
{
    (void)state;
    const char *words[8];
    expect_help_below(words, 0);
    RUN("-h");
    expect_help_fits();
    assert_non_null(strstr(outcome.out, "  config  "));
    assert_non_null(strstr(outcome.out, "--version"));
    RUN("config", "show", "-h");
    assert_non_null(strstr(outcome.out, "--origin"));
    assert_non_null(strstr(outcome.out, "--set KEY=VALUE"));
}

static void wrong_command_lines_are_refused_with_the_nearest(void **state)
{
    (void)state;
    program_run((const char *const[]){NULL}, &outcome);
    expect_usage("muster: muster needs a command\nSee muster --help\n");
    RUN("confg");
    expect_usage("muster: unknown command \"confg\" of muster; did you mean \"config\"?\n"
                 "See muster --help\n");
    RUN("--verison");
    expect_usage("muster: unknown flag \"--verison\" of muster; did you mean \"--version\"?\n"
                 "See muster --help\n");
    RUN("dance");
    expect_usage("muster: unknown command \"dance\" of muster\nSee muster --help\n");
    RUN("config");
    expect_usage("muster: muster config needs a command\nSee muster config --help\n");
    RUN("config", "shwo");
    expect_usage("muster: unknown command \"shwo\" of muster config; did you mean \"show\"?\n"
                 "See muster config --help\n");
    RUN("config", "show", "--orign");
    expect_usage("muster: unknown flag \"--orign\" of muster config show; did you mean "
                 "\"--origin\"?\nSee muster config show --help\n");
    RUN("config", "show", "extra");
    expect_usage("muster: unexpected argument \"extra\" of muster config show\n"
                 "See muster config show --help\n");
    RUN("config", "check");
    expect_usage("muster: muster config check needs FILE\nSee muster config check --help\n");
    RUN("config", "show", "--config");
    expect_usage("muster: --config has no value, expected a path of 1 to 1023 bytes\n"
                 "See muster config show --help\n");
    RUN("config", "show", "--json", "--json");
    expect_usage("muster: --json is given twice\nSee muster config show --help\n");
    RUN("config", "show", "--json=true");
    expect_usage("muster: --json takes no value\nSee muster config show --help\n");
    RUN("config", "show", "-j");
    expect_usage("muster: unknown flag \"-j\"; flags begin with two dashes\n"
                 "See muster config show --help\n");
}

static void init_writes_a_file_that_check_accepts_and_that_equals_the_defaults(void **state)
{
    (void)state;
    static struct outcome defaults;
    program_run((const char *const[]){"config", "show", NULL}, &defaults);
    assert_int_equal(defaults.code, 0);
    RUN("config", "init", "arena.yaml");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out, "");
    RUN("config", "check", "arena.yaml");
    assert_string_equal(outcome.out, "arena.yaml: ok\n");
    assert_int_equal(outcome.code, 0);
    RUN("config", "show", "--config", "arena.yaml");
    assert_string_equal(outcome.out, defaults.out);
    RUN("config", "init", "arena.yaml");
    assert_int_equal(outcome.code, 1);
    assert_string_equal(
        outcome.err, "muster: arena.yaml: File exists; choose another name or remove it\n");
    RUN("config", "init", "nowhere/arena.yaml");
    assert_int_equal(outcome.code, 1);
    assert_string_equal(outcome.err, "muster: nowhere/arena.yaml: No such file or directory\n");
}

static void check_names_file_line_and_column(void **state)
{
    (void)state;
    file_write("arena.yaml", "game:\n  wrokers: 30\n");
    RUN("config", "check", "arena.yaml");
    expect_usage("muster: arena.yaml:2:3: unknown key \"wrokers\" in game; did you mean "
                 "\"workers\"?\n");
    RUN("config", "check", "missing.yaml");
    expect_usage("muster: missing.yaml: No such file or directory\n");
    RUN("config", "check", "--json", "arena.yaml");
    assert_int_equal(outcome.code, 2);
    assert_string_equal(outcome.err, "");
    assert_string_equal(outcome.out,
        "{\n  \"file\": \"arena.yaml\",\n  \"valid\": false,\n"
        "  \"problem\": \"arena.yaml:2:3: unknown key \\\"wrokers\\\" in game; did you mean "
        "\\\"workers\\\"?\"\n}\n");
    RUN("config", "check", "--json", "\xff.yaml");
    assert_int_equal(outcome.code, 2);
    assert_non_null(strstr(outcome.out, "\"file\": \"\\\\xff.yaml\""));
}

static void every_kind_of_wrong_file_is_refused_with_its_place(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *problem;
    } files[] = {
        {"gmae:\n  seed: 1\n", "1:1: unknown section \"gmae\"; did you mean \"game\"?"},
        {"game:\n  seed: red\n", "2:9: game.seed is \"red\", expected a whole number"},
        {"network:\n  udp_port: 0\n",
            "2:13: network.udp_port is \"0\", expected a whole number from 1 to 65535"},
        {"gateway:\n  resume_window: 30\n",
            "2:18: gateway.resume_window is \"30\", expected a duration from 0s to 10m, with its "
            "unit, such as 30s"},
        {"audit:\n  rotate: 64s\n", "2:11: audit.rotate is \"64s\", expected a size from 64KiB to "
                                    "16GiB, with its unit, such "
                                    "as 64MiB"},
        {"game:\n  seed: 1\n\n  seed: 2\n", "4:3: game.seed stands twice, first on line 2"},
        {"game:\n  seed: *here\n", "2:9: game.seed is an alias (*), expected a whole number"},
        {"game: &here\n  seed: 1\n",
            "1:7: found an anchor (&), expected the keys of game, indented under it"},
        {"game:\n\tseed: 1\n", "2:1: found a tab, expected spaces"},
        {"game: [seed]\n", "1:7: found a list, expected the keys of game, indented under it"},
    };
    for (uint32_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        file_write("wrong.yaml", files[i].text);
        char expected[256];
        snprintf(expected, sizeof expected, "muster: wrong.yaml:%s\n", files[i].problem);
        RUN("config", "check", "wrong.yaml");
        expect_usage(expected);
        RUN("config", "show", "--config", "wrong.yaml");
        expect_usage(expected);
    }
}

static void flags_stand_over_environment_over_file_over_defaults(void **state)
{
    (void)state;
    file_write("arena.yaml", "game: {name: a, seed: 1, workers: 1}\n");
    setenv("MUSTER_CONFIG", "arena.yaml", 1);
    setenv("MUSTER_GAME_SEED", "2", 1);
    setenv("MUSTER_GAME_WORKERS", "2", 1);
    RUN("config", "show", "--origin", "--set", "game.workers=3", "--set=log.level=warn");
    unsetenv("MUSTER_GAME_SEED");
    unsetenv("MUSTER_GAME_WORKERS");
    assert_string_equal(outcome.err, "");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.out, "  name: \"a\"  # arena.yaml:1\n"
                                        "  seed: 2  # MUSTER_GAME_SEED\n"
                                        "  workers: 3  # --set\n"));
    assert_non_null(strstr(outcome.out, "  level: warn  # --set\n  format: auto  # default\n"));
    RUN("config", "show", "--origin", "--json", "--set", "game.seed=18446744073709551615");
    unsetenv("MUSTER_CONFIG");
    assert_int_equal(outcome.code, 0);
    assert_non_null(strstr(outcome.out, "\"value\": \"18446744073709551615\""));
    assert_non_null(strstr(outcome.out, "\"origin\": \"arena.yaml:1\""));
}

static void wrong_settings_from_outside_the_file_are_refused(void **state)
{
    (void)state;
    setenv("MUSTER_NETWORK_UDP_PORT", "70000", 1);
    RUN("config", "show");
    unsetenv("MUSTER_NETWORK_UDP_PORT");
    expect_usage("muster: MUSTER_NETWORK_UDP_PORT is \"70000\", expected a whole number from 1 to "
                 "65535\n");
    RUN("config", "show", "--set", "game.sede=1");
    expect_usage("muster: unknown setting \"game.sede\"; did you mean \"game.seed\"?\n");
    RUN("config", "show", "--set", "game.seed");
    expect_usage("muster: --set is \"game.seed\", expected KEY=VALUE, such as game.seed=7\n");
}

static void check_refuses_to_listen_wide_while_doors_are_open(void **state)
{
    (void)state;
    file_write("wide.yaml", "network: {bind: 0.0.0.0}\n");
    RUN("config", "check", "wide.yaml");
    expect_usage(
        "muster: wide.yaml: network.bind is 0.0.0.0, which other machines can reach, while "
        "operators need no key; set gateway.admin_authentication: true\n");
    file_write("wide.yaml", "network: {bind: 0.0.0.0}\n"
                            "gateway: {guests: false, admin_authentication: true}\n");
    RUN("config", "check", "wide.yaml");
    assert_string_equal(outcome.out, "wide.yaml: ok\n");
    assert_int_equal(outcome.code, 0);
}

static void mistyped_variables_are_named_and_foreign_ones_are_not(void **state)
{
    (void)state;
    setenv("MUSTER_GAME_SEDE", "1", 1);
    setenv("MUSTER_PORT", "tcp://10.0.0.1:7777", 1);
    setenv("MUSTER_SERVICE_HOST", "10.0.0.1", 1);
    RUN("config", "show");
    unsetenv("MUSTER_GAME_SEDE");
    unsetenv("MUSTER_PORT");
    unsetenv("MUSTER_SERVICE_HOST");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.err,
        "muster: ignored the variable \"MUSTER_GAME_SEDE\"; did you mean "
        "\"MUSTER_GAME_SEED\"?\n");
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    const char *const line[] = {"-c", "exec \"$0\" config show > /dev/full", MUSTER_PROGRAM, NULL};
    program_run_at("/bin/sh", line, &outcome);
    assert_int_equal(outcome.code, 1);
    assert_string_equal(outcome.err, "muster: standard output cannot be written\n");
}

static void doctor_names_a_taken_port_and_who_shows_its_owner(void **state)
{
    (void)state;
    const int taken = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &length), 0);
    char assignment[64];
    snprintf(assignment, sizeof assignment, "network.udp_port=%u", ntohs(address.sin_port));
    RUN("doctor", "--set", assignment);
    assert_int_equal(outcome.code, 3);
    assert_non_null(strstr(outcome.out, "Address already in use"));
    assert_non_null(strstr(outcome.out, "--set network.udp_port=PORT"));
    assert_null(strchr(outcome.out, '\x1b'));
    RUN("doctor", "--json", "--set", assignment);
    assert_int_equal(outcome.code, 3);
    assert_int_equal(strncmp(outcome.out, "{\n  \"state\": \"fail\",", 20), 0);
    close(taken);
}

static void an_absent_benchmark_is_missing(void **state)
{
    (void)state;
    RUN("bench", "no_such_benchmark");
    assert_int_equal(outcome.code, 3);
    assert_string_equal(outcome.out, "");
    const char *first = "muster: no benchmark \"no_such_benchmark\"\n";
    assert_int_equal(strncmp(outcome.err, first, strlen(first)), 0);
    RUN("bench", "../bench/x");
    assert_int_equal(outcome.code, 3);
}

// The program beside benchmarks of this test's own, as it stands once installed.
static void install_benchmark(const char *name, const char *script)
{
    const char *const copy[] = {
        "-c", "mkdir -p bin bench && cp \"$0\" bin/muster", MUSTER_PROGRAM, NULL};
    program_run_at("/bin/sh", copy, &outcome);
    assert_int_equal(outcome.code, 0);
    char path[64];
    snprintf(path, sizeof path, "bench/muster-bench-%s", name);
    file_write(path, script);
    assert_int_equal(chmod(path, 0755), 0);
}

#define RUN_INSTALLED(...)                                                                         \
    program_run_at("bin/muster", (const char *const[]){__VA_ARGS__, NULL}, &outcome)

static void benchmarks_are_listed_and_run_with_what_follows_their_name(void **state)
{
    (void)state;
    install_benchmark("echo", "#!/bin/sh\n"
                              "echo '{\"bench\":\"echo\",\"metric\":\"a\",\"value\":1.5,'"
                              "'\"unit\":\"ms\",\"peer\":\"other\",\"ratio\":0.25}'\n"
                              "echo \"skipped: $*\"\n");
    install_benchmark("broken", "#!/bin/sh\nexit 7\n");
    RUN_INSTALLED("bench");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out, "broken\necho\n");
    RUN_INSTALLED("bench", "echo", "--rounds", "5");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out,
        "echo           a                                           1.5 ms         0.25 of other\n"
        "skipped: --rounds 5\n");
    RUN_INSTALLED("bench", "echo", "--rounds", "--json", "5");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out,
        "{\"bench\":\"echo\",\"metric\":\"a\",\"value\":1.5,\"unit\":\"ms\",\"peer\":\"other\","
        "\"ratio\":0.25}\nskipped: --rounds 5\n");
    RUN_INSTALLED("bench", "--json", "broken");
    assert_int_equal(outcome.code, 7);
    RUN_INSTALLED("bench", "broken");
    assert_int_equal(outcome.code, 1);
    install_benchmark("choosy", "#!/bin/sh\necho usage >&2\nexit 2\n");
    RUN_INSTALLED("bench", "choosy");
    assert_int_equal(outcome.code, 2);
    RUN_INSTALLED("bench", "ecko");
    assert_int_equal(outcome.code, 3);
    assert_string_equal(outcome.err,
        "muster: no benchmark \"ecko\"; did you mean \"echo\"?\nThere are: broken choosy echo\n");
}

static void completion_is_a_script_that_completes_commands_and_flags(void **state)
{
    (void)state;
    const char *const script[] = {"-c",
        "eval \"$($0 completion)\"\n"
        "COMP_WORDS=(muster config sh) COMP_CWORD=2; _muster; echo \"${COMPREPLY[@]}\"\n"
        "COMP_WORDS=(muster config show --or) COMP_CWORD=3; _muster; echo \"${COMPREPLY[@]}\"\n"
        "COMP_WORDS=(muster d) COMP_CWORD=1; _muster; echo \"${COMPREPLY[@]}\"\n",
        MUSTER_PROGRAM, NULL};
    program_run_at("/bin/bash", script, &outcome);
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.out, "show\n--origin\ndoctor\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_names_version_and_commit),
        cmocka_unit_test(help_of_every_command_begins_with_examples_and_fits),
        cmocka_unit_test(wrong_command_lines_are_refused_with_the_nearest),
        cmocka_unit_test(init_writes_a_file_that_check_accepts_and_that_equals_the_defaults),
        cmocka_unit_test(check_names_file_line_and_column),
        cmocka_unit_test(every_kind_of_wrong_file_is_refused_with_its_place),
        cmocka_unit_test(flags_stand_over_environment_over_file_over_defaults),
        cmocka_unit_test(wrong_settings_from_outside_the_file_are_refused),
        cmocka_unit_test(check_refuses_to_listen_wide_while_doors_are_open),
        cmocka_unit_test(mistyped_variables_are_named_and_foreign_ones_are_not),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(doctor_names_a_taken_port_and_who_shows_its_owner),
        cmocka_unit_test(an_absent_benchmark_is_missing),
        cmocka_unit_test(benchmarks_are_listed_and_run_with_what_follows_their_name),
        cmocka_unit_test(completion_is_a_script_that_completes_commands_and_flags),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
