// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/machine.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char folder[64];
static struct configuration configuration;
static struct check checks[MACHINE_CHECK_COUNT_MAX];
static uint32_t count;

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

static uint64_t free_port(int type, int *out_holder)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    *out_holder = socket(AF_INET, type, 0);
    assert_int_equal(bind(*out_holder, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(*out_holder, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

// Default settings on ports that nobody has.
static void reset(void)
{
    configuration_init(&configuration);
    int holders[3];
    configuration.settings.network.udp_port = free_port(SOCK_DGRAM, &holders[0]);
    configuration.settings.network.http_port = free_port(SOCK_STREAM, &holders[1]);
    configuration.settings.network.admin_port = free_port(SOCK_STREAM, &holders[2]);
    for (uint32_t i = 0; i < 3; i++) {
        close(holders[i]);
    }
}

static const struct check *run(const char *root, const char *name)
{
    const struct machine_def def = {.root = root, .settings = &configuration.settings};
    count = machine_check(&def, checks);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(checks[i].name, name) == 0) {
            return &checks[i];
        }
    }
    fail_msg("no check %s", name);
    return NULL;
}

static void make_file(const char *path, const char *text)
{
    char part[128];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0700);
    }
    file_write(path, text);
}

static void the_machine_of_the_test_has_no_failure(void **state)
{
    (void)state;
    reset();
    assert_string_equal(run("", "libyaml")->name, "libyaml");
    assert_in_range(count, 12, MACHINE_CHECK_COUNT_MAX);
    assert_int_not_equal(machine_worst(checks, count), CHECK_FAIL);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(checks[i].found[0], '\0');
        assert_int_equal(checks[i].wanted[0] != '\0', checks[i].state != CHECK_OK);
    }
}

static void small_socket_buffers_come_with_the_line_that_widens_them(void **state)
{
    (void)state;
    reset();
    make_file("small/proc/sys/net/core/rmem_max", "212992\n");
    make_file("small/proc/sys/net/core/wmem_max", "4194304\n");
    const struct check *check = run("small", "net.core.rmem_max");
    assert_int_equal(check->state, CHECK_WARN);
    assert_string_equal(check->found, "212992 bytes");
    assert_string_equal(check->fix, "sudo sysctl -w net.core.rmem_max=4194304");
    assert_int_equal(run("small", "net.core.wmem_max")->state, CHECK_OK);
    configuration.settings.network.send_buffer_bytes = 4194305;
    assert_int_equal(run("small", "net.core.wmem_max")->state, CHECK_WARN);
}

static void slow_clocks_and_scarce_memory_are_warned_of(void **state)
{
    (void)state;
    reset();
    const char *clock = "slow/sys/devices/system/clocksource/clocksource0/current_clocksource";
    make_file(clock, "hpet\n");
    make_file("slow/proc/meminfo", "MemTotal: 900000 kB\nMemAvailable:  524287 kB\n");
    const struct check *check = run("slow", "clock");
    assert_int_equal(check->state, CHECK_WARN);
    assert_string_equal(check->found, "hpet");
    check = run("slow", "memory");
    assert_int_equal(check->state, CHECK_WARN);
    assert_string_equal(check->found, "511 MiB free");
    make_file(clock, "kvm-clock\n");
    make_file("slow/proc/meminfo", "MemAvailable:  524288 kB\n");
    assert_int_equal(run("slow", "clock")->state, CHECK_OK);
    assert_int_equal(run("slow", "memory")->state, CHECK_OK);
}

static void what_cannot_be_read_is_unknown_and_no_failure(void **state)
{
    (void)state;
    reset();
    assert_string_equal(run("nowhere", "memory")->found, "unknown");
    assert_string_equal(run("nowhere", "net.core.rmem_max")->found, "unknown");
    assert_string_equal(run("nowhere", "clock")->found, "unknown");
    assert_int_not_equal(machine_worst(checks, count), CHECK_FAIL);
}

static void few_open_files_are_warned_of(void **state)
{
    (void)state;
    reset();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    const struct check *check = run("", "open files");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(check->state, CHECK_WARN);
    assert_string_equal(check->fix, "ulimit -n 4096");
}

static void taken_ports_fail_with_the_setting_that_moves_them(void **state)
{
    (void)state;
    reset();
    int holder = -1;
    configuration.settings.network.admin_port = free_port(SOCK_STREAM, &holder);
    assert_int_equal(listen(holder, 1), 0);
    const struct check *check = run("", "admin port");
    assert_int_equal(check->state, CHECK_FAIL);
    assert_non_null(strstr(check->found, ": Address already in use"));
    assert_non_null(strstr(check->fix, "--set network.admin_port=PORT"));
    assert_int_equal(machine_worst(checks, count), CHECK_FAIL);
    close(holder);
    assert_int_equal(run("", "admin port")->state, CHECK_OK);
}

static void an_address_of_another_machine_fails(void **state)
{
    (void)state;
    reset();
    snprintf(configuration.settings.network.bind, SETTING_ADDRESS_CAPACITY, "2001:db8::1");
    assert_int_equal(run("", "player port")->state, CHECK_FAIL);
    assert_int_equal(run("", "public port")->state, CHECK_FAIL);
    assert_int_equal(run("", "admin port")->state, CHECK_OK);
}

static void a_folder_that_is_missing_fails_with_the_line_that_makes_it(void **state)
{
    (void)state;
    reset();
    snprintf(configuration.settings.state.directory, SETTING_TEXT_CAPACITY, "worlds/one");
    const struct check *check = run("", "disk");
    assert_int_equal(check->state, CHECK_FAIL);
    assert_string_equal(check->fix, "mkdir -p worlds/one");
    configuration.settings.state.directory[0] = '\0';
    snprintf(configuration.settings.record.file, SETTING_TEXT_CAPACITY, "nowhere/run.mlog");
    assert_string_equal(run("", "disk")->fix, "mkdir -p nowhere");
    snprintf(configuration.settings.record.file, SETTING_TEXT_CAPACITY, "/run.mlog");
    assert_int_not_equal(run("", "disk")->state, CHECK_FAIL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_of_the_test_has_no_failure),
        cmocka_unit_test(small_socket_buffers_come_with_the_line_that_widens_them),
        cmocka_unit_test(slow_clocks_and_scarce_memory_are_warned_of),
        cmocka_unit_test(what_cannot_be_read_is_unknown_and_no_failure),
        cmocka_unit_test(few_open_files_are_warned_of),
        cmocka_unit_test(taken_ports_fail_with_the_setting_that_moves_them),
        cmocka_unit_test(an_address_of_another_machine_fails),
        cmocka_unit_test(a_folder_that_is_missing_fails_with_the_line_that_makes_it),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
