// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/commands.h"
#include "apps/muster/folder.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Benchmarks are programs of their own, so that what they compare with never becomes part of the
// server. They stand next to this program once installed, and in ../bench of a build tree.

#define PREFIX         "muster-bench-"
#define PATH_BYTES_MAX 4096u
#define NAME_COUNT_MAX 64u
#define NAME_BYTES_MAX 64u
#define LINE_BYTES_MAX 4096u
#define EXIT_NOT_RUN   127
#define ARGUMENT_MAX   64u
#define NO_PROGRAM     "no program " PREFIX "NAME stands beside this one; build or install them\n"

static const char *const folders[] = {"", "../bench/"};

#define FOLDER_COUNT (sizeof folders / sizeof folders[0])

static bool find_program(const char *name, char *out_path, size_t capacity)
{
    char own[PATH_BYTES_MAX];
    if (!folder_of_program(own, sizeof own)) {
        return false;
    }
    for (uint32_t i = 0; i < FOLDER_COUNT; i++) {
        const int length = snprintf(out_path, capacity, "%s%s" PREFIX "%s", own, folders[i], name);
        if (length > 0 && (size_t)length < capacity && access(out_path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

struct names {
    char list[NAME_COUNT_MAX][NAME_BYTES_MAX];
    uint32_t count;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_folder(const char *path, struct names *names)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name + strlen(PREFIX);
        char program[PATH_BYTES_MAX];
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && strlen(name) < NAME_BYTES_MAX &&
            names->count < NAME_COUNT_MAX && find_program(name, program, sizeof program)) {
            memcpy(names->list[names->count++], name, strlen(name) + 1);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void list_programs(struct names *names)
{
    names->count = 0;
    char own[PATH_BYTES_MAX];
    if (!folder_of_program(own, sizeof own)) {
        return;
    }
    for (uint32_t i = 0; i < FOLDER_COUNT; i++) {
        char path[PATH_BYTES_MAX + 16];
        (void)snprintf(path, sizeof path, "%s%s", own, folders[i]);
        list_folder(path, names);
    }
    qsort(names->list, names->count, sizeof names->list[0], compare_names);
}

static enum exit_code refuse(const struct invocation *invocation, const char *name)
{
    struct names names;
    list_programs(&names);
    struct nearest nearest = nearest_begin(name);
    for (uint32_t i = 0; i < names.count; i++) {
        nearest_offer(&nearest, names.list[i]);
    }
    struct problem problem;
    struct text text = text_in(problem.text, sizeof problem.text);
    text_append(&text, "no benchmark ");
    text_quote(&text, name, strlen(name));
    nearest_append(&nearest, &text);
    fprintf(invocation->err, "muster: %s\n", problem.text);
    fprintf(invocation->err, names.count == 0 ? NO_PROGRAM : "There are:");
    for (uint32_t i = 0; i < names.count; i++) {
        fprintf(invocation->err, " %s", names.list[i]);
    }
    fprintf(invocation->err, names.count == 0 ? "" : "\n");
    return EXIT_CODE_MISSING;
}

static enum exit_code print_names(const struct invocation *invocation)
{
    struct names names;
    list_programs(&names);
    for (uint32_t i = 0; i < names.count; i++) {
        fprintf(invocation->out, "%s\n", names.list[i]);
    }
    if (names.count == 0) {
        fprintf(invocation->err, "muster: " NO_PROGRAM);
    }
    return names.count == 0 ? EXIT_CODE_MISSING : EXIT_CODE_DONE;
}

// One figure as a row of a table; a line that is no figure as it is.
static void print_figure(const char *line, FILE *file)
{
    json_t *figure = json_loads(line, 0, NULL);
    const char *bench = json_string_value(json_object_get(figure, "bench"));
    const char *metric = json_string_value(json_object_get(figure, "metric"));
    const char *unit = json_string_value(json_object_get(figure, "unit"));
    const char *peer = json_string_value(json_object_get(figure, "peer"));
    const json_t *value = json_object_get(figure, "value");
    const json_t *ratio = json_object_get(figure, "ratio");
    if (bench == NULL || metric == NULL || !json_is_number(value)) {
        fputs(line, file);
    } else {
        fprintf(file, "%-14s %-34s %12.6g %-10s", bench, metric, json_number_value(value),
            unit != NULL ? unit : "");
        if (peer != NULL && json_is_number(ratio)) {
            fprintf(file, " %.3g of %s", json_number_value(ratio), peer);
        }
        fputc('\n', file);
    }
    json_decref(figure);
}

// Runs the program with its figures going through this process, as a table.
static enum exit_code run_as_table(
    const struct invocation *invocation, const char *path, char *const *arguments)
{
    int ends[2];
    if (pipe(ends) != 0) {
        fprintf(invocation->err, "muster: %s\n", strerror(errno));
        return EXIT_CODE_FAILED;
    }
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(path, arguments);
        _exit(EXIT_NOT_RUN);
    }
    close(ends[1]);
    FILE *figures = child > 0 ? fdopen(ends[0], "r") : NULL;
    if (figures == NULL) {
        fprintf(invocation->err, "muster: %s\n", strerror(errno));
        close(ends[0]);
        return EXIT_CODE_FAILED;
    }
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, figures) != NULL) {
        print_figure(line, invocation->out);
        fflush(invocation->out);
    }
    fclose(figures);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CODE_FAILED;
    return code == EXIT_CODE_DONE || code == EXIT_CODE_USAGE ? (enum exit_code)code
                                                             : EXIT_CODE_FAILED;
}

static enum exit_code run(const struct invocation *invocation)
{
    const char *name = argument_text(invocation, 0);
    if (name == NULL) {
        return print_names(invocation);
    }
    char path[PATH_BYTES_MAX];
    if (!find_program(name, path, sizeof path)) {
        return refuse(invocation, name);
    }
    bool is_json = flag_is_true(invocation, "json");
    char *arguments[ARGUMENT_MAX + 2] = {path};
    uint32_t count = 1;
    for (char *const *rest = invocation->rest; *rest != NULL; rest++) {
        if (strcmp(*rest, "--json") == 0) {
            is_json = true;
        } else if (count <= ARGUMENT_MAX) {
            arguments[count++] = *rest;
        }
    }
    if (!is_json) {
        return run_as_table(invocation, path, arguments);
    }
    execv(path, arguments);
    fprintf(invocation->err, "muster: %s: %s\n", path, strerror(errno));
    return EXIT_CODE_MISSING;
}

static const struct example examples[] = {
    {"muster bench", "List the benchmarks."},
    {"muster bench physics", "Run one and print its figures as a table."},
    {"muster bench physics --json", "One JSON line a figure."},
    {0},
};

static const struct flag flags[] = {
    {.name = "json",
        .rule = {.kind = VALUE_BOOL},
        .help = "Print one JSON line a figure; may also stand behind NAME."},
    {0},
};

static const struct argument arguments[] = {
    {.name = "NAME",
        .help = "Which benchmark; the list of them when left out. What follows is passed on to it.",
        .is_optional = true},
    {0},
};

const struct command command_bench = {
    .name = "bench",
    .summary = "Run a benchmark program.",
    .examples = examples,
    .flags = flags,
    .arguments = arguments,
    .takes_rest = true,
    .run = run,
};
