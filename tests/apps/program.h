// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Runs the built program as a user would and keeps what it says.
///
///     struct outcome outcome;
///     program_run((const char *[]){"config", "check", path, NULL}, &outcome);
///     assert_int_equal(outcome.code, 2);

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTCOME_BYTES_MAX 65536u
#define RUN_ARGUMENT_MAX  32u

struct outcome {
    int code; // of exit, or 128 and the signal
    char out[OUTCOME_BYTES_MAX];
    char err[OUTCOME_BYTES_MAX];
};

static inline void program_read_back(FILE *file, char out_text[OUTCOME_BYTES_MAX])
{
    rewind(file);
    out_text[fread(out_text, 1, OUTCOME_BYTES_MAX - 1, file)] = '\0';
    fclose(file);
}

/// Has the process end with its parent: a test that fails leaves nothing running.
static inline void die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(127);
    }
}

/// Runs `path` with `arguments`, which end with NULL and leave out the program's own name.
static inline void program_run_at(
    const char *path, const char *const *arguments, struct outcome *out_outcome)
{
    char *list[RUN_ARGUMENT_MAX + 2] = {(char *)path};
    for (uint32_t i = 0; i < RUN_ARGUMENT_MAX && arguments[i] != NULL; i++) {
        list[i + 1] = (char *)arguments[i];
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    assert_non_null(out);
    assert_non_null(err);
    const pid_t parent = getpid();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        die_with_parent(parent);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        execv(path, list);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    out_outcome->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    program_read_back(out, out_outcome->out);
    program_read_back(err, out_outcome->err);
}

/// Runs muster with `arguments`, which end with NULL.
static inline void program_run(const char *const *arguments, struct outcome *out_outcome)
{
    program_run_at(MUSTER_PROGRAM, arguments, out_outcome);
}

/// Makes a folder of its own for a test and makes it the current one.
static inline void folder_begin(char out_path[64])
{
    snprintf(out_path, 64, "/tmp/muster-test-XXXXXX");
    assert_non_null(mkdtemp(out_path));
    assert_int_equal(chdir(out_path), 0);
}

/// Removes the current folder, which must be folder_begin()'s, and all in it.
static inline void folder_end(const char *path)
{
    assert_int_equal(chdir("/"), 0);
    const pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/// Writes `text` as the file at `path`.
static inline void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

/// Reads the file at `path`, cut at the buffer's end; an empty text when there is none.
static inline void file_read(const char *path, char out_text[OUTCOME_BYTES_MAX])
{
    out_text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        program_read_back(file, out_text);
    }
}
