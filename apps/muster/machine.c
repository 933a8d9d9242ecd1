// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/machine.h"

#include "core/assert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <yaml.h>

#define MIB UINT64_C(1048576)

#define KERNEL_MAJOR_MIN  5u // recvmmsg, sendmmsg with segmentation, eventfd, timerfd
#define KERNEL_MINOR_MIN  10u
#define CORE_COUNT_WANTED 2
#define MEMORY_WANTED     (512 * MIB)
#define DISK_WANTED       (1024 * MIB)
#define OPEN_FILES_WANTED 4096u // connections of the web side, files, and some to spare

struct checks {
    const struct machine_def *def;
    struct check *list;
    uint32_t count;
};

static struct check *add(struct checks *checks, const char *name)
{
    MUSTER_ASSERT(checks->count < MACHINE_CHECK_COUNT_MAX);
    struct check *check = &checks->list[checks->count++];
    memset(check, 0, sizeof *check);
    check->name = name;
    return check;
}

#define FOUND(check, ...)  (void)snprintf((check)->found, sizeof(check)->found, __VA_ARGS__)
#define WANTED(check, ...) (void)snprintf((check)->wanted, sizeof(check)->wanted, __VA_ARGS__)
#define FIX(check, ...)    (void)snprintf((check)->fix, sizeof(check)->fix, __VA_ARGS__)

// Reads a small file below the root as text. False when it cannot be read.
static bool read_text(
    const struct checks *checks, const char *path, char *out_text, size_t capacity)
{
    char full_path[512];
    out_text[0] = '\0';
    (void)snprintf(full_path, sizeof full_path, "%s%s", checks->def->root, path);
    FILE *file = fopen(full_path, "r");
    if (file == NULL) {
        return false;
    }
    const size_t length = fread(out_text, 1, capacity - 1, file);
    out_text[length] = '\0';
    out_text[strcspn(out_text, "\n")] = '\0';
    fclose(file);
    return true;
}

static void check_kernel(struct checks *checks)
{
    struct check *check = add(checks, "kernel");
    struct utsname name;
    unsigned major = 0;
    unsigned minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
        check->state = CHECK_WARN;
        FOUND(check, "unknown");
        WANTED(check, "Linux %u.%u or later", KERNEL_MAJOR_MIN, KERNEL_MINOR_MIN);
        return;
    }
    FOUND(check, "%.40s %.60s", name.sysname, name.release);
    if (major < KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor < KERNEL_MINOR_MIN)) {
        check->state = CHECK_WARN;
        WANTED(check, "Linux %u.%u or later", KERNEL_MAJOR_MIN, KERNEL_MINOR_MIN);
        FIX(check, "install a newer kernel; older ones carry fewer packets per second");
    }
}

static void check_cores(struct checks *checks)
{
    struct check *check = add(checks, "cores");
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    FOUND(check, "%ld", count);
    if (count < CORE_COUNT_WANTED) {
        check->state = CHECK_WARN;
        WANTED(check, "%d: one for the world, one for the network", CORE_COUNT_WANTED);
    }
}

static void check_memory(struct checks *checks)
{
    struct check *check = add(checks, "memory");
    char full_path[512];
    (void)snprintf(full_path, sizeof full_path, "%s/proc/meminfo", checks->def->root);
    FILE *file = fopen(full_path, "r");
    uint64_t free_kib = 0;
    bool is_found = false;
    char line[128];
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        is_found = sscanf(line, "MemAvailable: %" SCNu64, &free_kib) == 1;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (!is_found) {
        check->state = CHECK_WARN;
        FOUND(check, "unknown");
        WANTED(check, "a readable /proc/meminfo");
        return;
    }
    FOUND(check, "%" PRIu64 " MiB free", free_kib / 1024);
    if (free_kib < MEMORY_WANTED / 1024) {
        check->state = CHECK_WARN;
        WANTED(check, "%" PRIu64 " MiB free", MEMORY_WANTED / MIB);
        FIX(check, "stop other programs, or lower limits.players and limits.entities");
    }
}

// The kernel silently gives less than a socket asks for when its maximum is lower.
static void check_buffer(struct checks *checks, const char *name, uint64_t wanted_bytes)
{
    struct check *check = add(checks, name);
    char path[64];
    char text[64];
    (void)snprintf(path, sizeof path, "/proc/sys/net/core/%s", name + strlen("net.core."));
    uint64_t found_bytes = 0;
    if (!read_text(checks, path, text, sizeof text) ||
        sscanf(text, "%" SCNu64, &found_bytes) != 1) {
        check->state = CHECK_WARN;
        FOUND(check, "unknown");
        WANTED(check, "a readable %s", path);
        return;
    }
    FOUND(check, "%" PRIu64 " bytes", found_bytes);
    if (found_bytes < wanted_bytes) {
        check->state = CHECK_WARN;
        WANTED(check, "%" PRIu64 " bytes, or bursts of packets are lost", wanted_bytes);
        FIX(check, "sudo sysctl -w %s=%" PRIu64, name, wanted_bytes);
    }
}

static void check_open_files(struct checks *checks)
{
    struct check *check = add(checks, "open files");
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        check->state = CHECK_WARN;
        FOUND(check, "unknown");
        WANTED(check, "%u", OPEN_FILES_WANTED);
        return;
    }
    FOUND(check, "%" PRIu64, (uint64_t)limit.rlim_cur);
    if (limit.rlim_cur < OPEN_FILES_WANTED) {
        check->state = CHECK_WARN;
        WANTED(check, "%u", OPEN_FILES_WANTED);
        FIX(check, "ulimit -n %u", OPEN_FILES_WANTED);
    }
}

static void check_processor(struct checks *checks)
{
    struct check *check = add(checks, "processor");
#if defined(__x86_64__)
    const bool has_aes = __builtin_cpu_supports("aes") != 0;
    const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    FOUND(check, "aes %s, avx2 %s", has_aes ? "yes" : "no", has_avx2 ? "yes" : "no");
    if (!has_avx2) {
        check->state = CHECK_WARN;
        WANTED(check, "avx2; physics and encryption take more time without it");
        FIX(check, "show the host's processor to the virtual machine (cpu type host)");
    }
#else
    FOUND(check, "not x86-64");
#endif
}

static void check_clock(struct checks *checks)
{
    struct check *check = add(checks, "clock");
    char source[64];
    const char *path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    if (!read_text(checks, path, source, sizeof source)) {
        FOUND(check, "unknown");
        return;
    }
    FOUND(check, "%.60s", source);
    // These are read by a system call or a slow device, thousands of times a second.
    if (strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0 ||
        strcmp(source, "jiffies") == 0) {
        check->state = CHECK_WARN;
        WANTED(check, "tsc, or the hypervisor's own clock");
        FIX(check, "echo tsc | sudo tee %s", path);
    }
}

// The folder that a path's file would stand in, "." for a bare name.
static void folder_of(const char *path, char *out_folder, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        (void)snprintf(out_folder, capacity, ".");
        return;
    }
    const int length = slash == path ? 1 : (int)(slash - path);
    (void)snprintf(out_folder, capacity, "%.*s", length, path);
}

static void check_disk(struct checks *checks)
{
    struct check *check = add(checks, "disk");
    const struct settings *settings = checks->def->settings;
    char folder[SETTING_TEXT_CAPACITY];
    if (settings->state.directory[0] != '\0') {
        (void)snprintf(folder, sizeof folder, "%s", settings->state.directory);
    } else {
        folder_of(settings->record.file, folder, sizeof folder);
    }
    struct statvfs system;
    if (statvfs(folder, &system) != 0) {
        check->state = CHECK_FAIL;
        FOUND(check, "%.80s: %s", folder, strerror(errno));
        WANTED(check, "a folder to write to");
        FIX(check, "mkdir -p %.200s", folder);
        return;
    }
    const uint64_t free_bytes = (uint64_t)system.f_bavail * system.f_frsize;
    FOUND(check, "%" PRIu64 " MiB free in %.80s", free_bytes / MIB, folder);
    if (free_bytes < DISK_WANTED) {
        check->state = CHECK_WARN;
        WANTED(check, "%" PRIu64 " MiB; a full disk ends logs and snapshots", DISK_WANTED / MIB);
    }
}

// Ports.

struct port_check {
    const char *name;
    const char *address;
    uint64_t port;
    int type; // SOCK_DGRAM or SOCK_STREAM
    const char *key;
};

static socklen_t socket_address(const char *address, uint64_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    const int is_read = inet_pton(AF_INET6, address, &v6->sin6_addr);
    MUSTER_ASSERT(is_read == 1); // the settings admit nothing else
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return sizeof *v6;
}

// Binds for a moment. Returns 0 or why it failed.
static int try_bind(const struct port_check *port)
{
    struct sockaddr_storage address;
    const socklen_t length = socket_address(port->address, port->port, &address);
    const int descriptor = socket(address.ss_family, port->type | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return errno;
    }
    // As a server does, so that a connection that is still closing does not count as taken.
    const int on = 1;
    if (port->type == SOCK_STREAM) {
        (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    const int result = bind(descriptor, (const struct sockaddr *)&address, length);
    const int reason = result == 0 ? 0 : errno;
    close(descriptor);
    return reason;
}

static void check_port(struct checks *checks, const struct port_check *port)
{
    struct check *check = add(checks, port->name);
    const int reason = try_bind(port);
    const char *protocol = port->type == SOCK_DGRAM ? "UDP" : "TCP";
    if (reason == 0) {
        FOUND(check, "%s %.45s port %" PRIu64 " is free", protocol, port->address, port->port);
        return;
    }
    check->state = CHECK_FAIL;
    FOUND(check, "%s %.45s port %" PRIu64 ": %s", protocol, port->address, port->port,
        strerror(reason));
    WANTED(check, "a port that can be bound");
    if (reason == EADDRINUSE) {
        FIX(check, "ss -lnp 'sport = :%" PRIu64 "' shows who has it; or --set %s=PORT", port->port,
            port->key);
    } else {
        FIX(check, "choose another by --set %s=PORT", port->key);
    }
}

static void check_ports(struct checks *checks)
{
    const struct settings *settings = checks->def->settings;
    const struct port_check ports[] = {
        {"player port", settings->network.bind, settings->network.udp_port, SOCK_DGRAM,
            "network.udp_port"},
        {"public port", settings->network.bind, settings->network.http_port, SOCK_STREAM,
            "network.http_port"},
        {"admin port", settings->network.admin_bind, settings->network.admin_port, SOCK_STREAM,
            "network.admin_port"},
    };
    for (uint32_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        check_port(checks, &ports[i]);
    }
}

// Libraries.

struct library_version {
    unsigned numbers[3];
};

static struct library_version version_of(const char *text)
{
    struct library_version version = {{0}};
    (void)sscanf(text, "%u.%u.%u", &version.numbers[0], &version.numbers[1], &version.numbers[2]);
    return version;
}

static bool is_older(const char *found, const char *wanted)
{
    const struct library_version a = version_of(found);
    const struct library_version b = version_of(wanted);
    for (uint32_t i = 0; i < 3; i++) {
        if (a.numbers[i] != b.numbers[i]) {
            return a.numbers[i] < b.numbers[i];
        }
    }
    return false;
}

// The library that is loaded may be older than the one the program was built with.
static void check_library(struct checks *checks,
    const char *name,
    const char *found,
    const char *wanted,
    const char *package)
{
    struct check *check = add(checks, name);
    FOUND(check, "%s", found);
    if (is_older(found, wanted)) {
        check->state = CHECK_FAIL;
        WANTED(check, "%s or later", wanted);
        FIX(check, "sudo apt-get install %s", package);
    }
}

static void check_libraries(struct checks *checks)
{
    check_library(checks, "libsodium", sodium_version_string(), "1.0.18", "libsodium23");
    check_library(checks, "libyaml", yaml_get_version_string(), "0.2.5", "libyaml-0-2");
    check_library(checks, "jansson", jansson_version_str(), "2.13", "libjansson4");
}

uint32_t machine_check(
    const struct machine_def *def, struct check out_checks[MACHINE_CHECK_COUNT_MAX])
{
    MUSTER_ASSERT(def->root != NULL);
    MUSTER_ASSERT(def->settings != NULL);
    struct checks checks = {.def = def, .list = out_checks};
    check_kernel(&checks);
    check_cores(&checks);
    check_memory(&checks);
    check_processor(&checks);
    check_clock(&checks);
    check_buffer(&checks, "net.core.rmem_max", def->settings->network.receive_buffer_bytes);
    check_buffer(&checks, "net.core.wmem_max", def->settings->network.send_buffer_bytes);
    check_open_files(&checks);
    check_disk(&checks);
    check_ports(&checks);
    check_libraries(&checks);
    return checks.count;
}

enum check_state machine_worst(const struct check *checks, uint32_t count)
{
    enum check_state worst = CHECK_OK;
    for (uint32_t i = 0; i < count; i++) {
        worst = checks[i].state > worst ? checks[i].state : worst;
    }
    return worst;
}
