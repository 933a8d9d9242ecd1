// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command_up.h"
#include "apps/muster/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// The processes that `muster up` starts beside itself: bots, which reach it over sockets as anybody
// would, and a live view, which asks its admin side.

#define ARGUMENT_BYTES 96u

enum exit_code up_complain(const struct up *up, const char *text, enum exit_code code)
{
    fprintf(up->invocation->err, "muster: %s\n", text);
    return code;
}

// A child must not outlive a parent that crashes, not even one that is gone by now.
static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) {
        _exit(EXIT_CODE_FAILED);
    }
}

static void become_bots(const struct up *up, int output)
{
    char path[FOLDER_PATH_BYTES_MAX];
    char server[ARGUMENT_BYTES];
    char count[ARGUMENT_BYTES];
    char seed[ARGUMENT_BYTES];
    char duration[ARGUMENT_BYTES];
    const uint64_t for_us = flag_number(up->invocation, "for");
    const struct settings *settings = &up->settings;
    (void)snprintf(server, sizeof server, "127.0.0.1:%llu",
        (unsigned long long)(server_tls_is_wanted(settings) ? settings->tls.plain_port
                                                            : settings->network.http_port));
    (void)snprintf(
        count, sizeof count, "%llu", (unsigned long long)flag_number(up->invocation, "bots"));
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)up->seed);
    (void)snprintf(duration, sizeof duration, "%lluus", (unsigned long long)for_us);
    const char *arguments[] = {"muster", "bots", "--json", "--server", server, "--count", count,
        "--seed", seed, for_us > 0 ? "--for" : NULL, duration, NULL};
    // What they say of themselves would stand in the middle of a live view.
    const int nowhere = up->top_pid != 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    if (nowhere >= 0) {
        (void)dup2(nowhere, STDERR_FILENO);
    }
    if (dup2(output, STDOUT_FILENO) < 0 || !folder_program_path(path, sizeof path)) {
        _exit(EXIT_CODE_FAILED);
    }
    execv(path, (char *const *)(uintptr_t)arguments);
    _exit(EXIT_CODE_FAILED);
}

enum exit_code up_start_bots(struct up *up)
{
    if (flag_number(up->invocation, "bots") == 0) {
        return EXIT_CODE_DONE;
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return up_complain(up, strerror(errno), EXIT_CODE_FAILED);
    }
    const pid_t parent = getpid();
    up->bots_pid = fork();
    if (up->bots_pid == 0) {
        die_with(parent);
        become_bots(up, ends[1]);
    }
    close(ends[1]);
    if (up->bots_pid < 0) {
        close(ends[0]);
        up->bots_pid = 0;
        return up_complain(up, strerror(errno), EXIT_CODE_FAILED);
    }
    up->bots_file = ends[0];
    return EXIT_CODE_DONE;
}

void up_read_bots(struct up *up)
{
    const size_t room = sizeof up->bots_text - 1 - up->bots_length;
    const ssize_t length = read(up->bots_file, up->bots_text + up->bots_length, room);
    if (length > 0) {
        up->bots_length += (size_t)length;
        return;
    }
    close(up->bots_file);
    up->bots_file = -1;
    (void)waitpid(up->bots_pid, &up->bots_status, 0);
    up->bots_pid = 0;
}

void up_stop_bots(struct up *up)
{
    if (up->bots_pid == 0) {
        return;
    }
    (void)kill(up->bots_pid, SIGTERM);
    while (up->bots_file >= 0) {
        up_read_bots(up);
    }
}

// The live view.

// Where the admin side is reached from this machine.
static void print_admin_address(const struct settings *settings, char out_text[ARGUMENT_BYTES])
{
    if (server_tls_is_wanted(settings)) {
        (void)snprintf(out_text, ARGUMENT_BYTES, "127.0.0.1:%llu",
            (unsigned long long)settings->tls.plain_port);
        return;
    }
    const char *bind = settings->network.admin_bind;
    const bool is_any = strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0;
    const char *format = !is_any && strchr(bind, ':') != NULL ? "[%s]:%llu" : "%s:%llu";
    (void)snprintf(out_text, ARGUMENT_BYTES, format, is_any ? "127.0.0.1" : bind,
        (unsigned long long)settings->network.admin_port);
}

// The key goes by the environment, which other users cannot read as they can a command line.
static void become_top(const struct up *up)
{
    char path[FOLDER_PATH_BYTES_MAX];
    char server[ARGUMENT_BYTES];
    char key[SECRET_TEXT_CAPACITY];
    print_admin_address(&up->settings, server);
    (void)sodium_bin2hex(key, sizeof key, up->secrets.admin_key, sizeof up->secrets.admin_key);
    const char *arguments[] = {"muster", "top", "--server", server, NULL};
    if (!folder_program_path(path, sizeof path) || setenv("MUSTER_ADMIN_KEY", key, 1) != 0) {
        _exit(EXIT_CODE_FAILED);
    }
    execv(path, (char *const *)(uintptr_t)arguments);
    _exit(EXIT_CODE_FAILED);
}

enum exit_code up_start_top(struct up *up)
{
    if (!up->has_top) {
        return EXIT_CODE_DONE;
    }
    const pid_t parent = getpid();
    up->top_pid = fork();
    if (up->top_pid == 0) {
        die_with(parent);
        become_top(up);
    }
    if (up->top_pid < 0) {
        up->top_pid = 0;
        return up_complain(up, strerror(errno), EXIT_CODE_FAILED);
    }
    return EXIT_CODE_DONE;
}

bool up_is_top_over(struct up *up)
{
    if (up->top_pid != 0 && waitpid(up->top_pid, NULL, WNOHANG) == up->top_pid) {
        up->top_pid = 0;
    }
    return up->has_top && up->top_pid == 0;
}

void up_stop_top(struct up *up)
{
    if (up->top_pid != 0) {
        (void)kill(up->top_pid, SIGTERM);
        (void)waitpid(up->top_pid, NULL, 0);
        up->top_pid = 0;
    }
}
