// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // mount(), mkdtemp()

#include "drivers/log_file.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX 200000u

// A folder of its own for each test.
struct folder {
    char path[64];
    char file[96];
};

static int setup(void **state)
{
    static struct folder folder;
    (void)snprintf(folder.path, sizeof folder.path, "/tmp/muster_log_XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    (void)snprintf(folder.file, sizeof folder.file, "%s/frames.log", folder.path);
    *state = &folder;
    return 0;
}

static int teardown(void **state)
{
    const struct folder *folder = *state;
    (void)unlink(folder->file);
    (void)rmdir(folder->path);
    return 0;
}

static struct log_file *open_log(const char *path, bool can_continue)
{
    struct log_file_def def = log_file_default_def();
    def.path = path;
    def.can_continue = can_continue;
    def.ring_bytes = 4096;
    struct log_file *log;
    struct driver_error error = {0};
    if (log_file_open(&def, &log, &error) != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
    return log;
}

// Reads the whole file. Returns its length.
static size_t read_file(const char *path, char bytes[FILE_BYTES_MAX])
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    size_t length = 0;
    ssize_t got;
    while ((got = read(file, bytes + length, FILE_BYTES_MAX - length)) > 0) {
        length += (size_t)got;
    }
    close(file);
    return length;
}

static void append_text(struct log_file *log, const char *text)
{
    while (log_file_append(log, text, (uint32_t)strlen(text)) != MUSTER_OK) {
        sched_yield();
    }
}

static void open_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    struct log_file_def def = log_file_default_def();
    struct log_file *log;
    assert_int_equal(log_file_open(&def, &log, NULL), MUSTER_ERR_INVALID);
    def.path = "/tmp/never";
    def.ring_bytes = 100;
    assert_int_equal(log_file_open(&def, &log, NULL), MUSTER_ERR_INVALID);
    assert_null(log);
    def.ring_bytes = 4096;
    def.allocator.free = NULL;
    assert_int_equal(log_file_open(&def, &log, NULL), MUSTER_ERR_INVALID);
    log_file_close(NULL);
}

static void every_allocation_may_fail(void **state)
{
    const struct folder *folder = *state;
    struct log_file_def def = log_file_default_def();
    def.path = folder->file;
    for (uint32_t count = 0; count <= 2; count++) {
        struct failing_heap heap = {.alloc_count_max = count};
        def.allocator = failing_heap_allocator(&heap);
        struct log_file *log;
        assert_int_equal(
            log_file_open(&def, &log, NULL), count < 2 ? MUSTER_ERR_NO_MEMORY : MUSTER_OK);
        log_file_close(log);
        assert_int_equal(heap.bytes_live, 0);
    }
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    const struct folder *folder = *state;
    struct log_file_def def = log_file_default_def();
    struct log_file *log;
    struct driver_error error;
    def.path = "/nonexistent/frames.log";
    assert_int_equal(log_file_open(&def, &log, &error), MUSTER_ERR_IO);
    assert_int_equal(error.code, ENOENT);
    assert_non_null(strstr(error.text, def.path));

    // A file that is there is somebody's log.
    log_file_close(open_log(folder->file, false));
    def.path = folder->file;
    assert_int_equal(log_file_open(&def, &log, &error), MUSTER_ERR_IO);
    assert_int_equal(error.code, EEXIST);
    assert_null(log);
}

static void records_are_in_the_file_in_order(void **state)
{
    const struct folder *folder = *state;
    static char expected[FILE_BYTES_MAX];
    static char found[FILE_BYTES_MAX];
    struct log_file *log = open_log(folder->file, false);
    size_t length = 0;
    for (int i = 0; i < 5000; i++) {
        char text[32];
        length += (size_t)snprintf(text, sizeof text, "record %d\n", i);
        memcpy(expected + length - strlen(text), text, strlen(text));
        append_text(log, text);
    }
    log_file_close(log);
    assert_int_equal(read_file(folder->file, found), length);
    assert_memory_equal(found, expected, length);
}

static void a_flush_makes_everything_durable(void **state)
{
    const struct folder *folder = *state;
    static char found[FILE_BYTES_MAX];
    struct log_file *log = open_log(folder->file, false);
    assert_int_equal(log_file_flush(log), MUSTER_OK);
    void *room;
    assert_int_equal(log_file_reserve(log, 100, &room), MUSTER_OK);
    memcpy(room, "12345", 5);
    log_file_commit(log, 5);
    append_text(log, "678");
    assert_int_equal(log_file_flush(log), MUSTER_OK);
    assert_int_equal(read_file(folder->file, found), 8);
    assert_memory_equal(found, "12345678", 8);
    const struct log_file_stats stats = log_file_read_stats(log);
    assert_int_equal(stats.durable_bytes, 8);
    assert_int_equal(stats.written_bytes, 8);
    assert_int_equal(stats.record_count, 2);
    log_file_close(log);
}

static void records_are_written_and_forced_without_being_asked(void **state)
{
    const struct folder *folder = *state;
    struct log_file *log = open_log(folder->file, false);
    append_text(log, "by itself");
    // Ends by the test's time limit if it never happens.
    while (log_file_read_stats(log).durable_bytes != 9) {
        sched_yield();
    }
    log_file_close(log);
}

static void a_log_continues_behind_what_is_there(void **state)
{
    const struct folder *folder = *state;
    static char found[FILE_BYTES_MAX];
    struct log_file *log = open_log(folder->file, false);
    append_text(log, "before ");
    log_file_close(log);
    log = open_log(folder->file, true);
    append_text(log, "after");
    log_file_close(log);
    assert_int_equal(read_file(folder->file, found), 12);
    assert_memory_equal(found, "before after", 12);
}

static void a_disk_that_is_behind_refuses_and_does_not_wait(void **state)
{
    const struct folder *folder = *state;
    struct log_file *log = open_log(folder->file, false);
    static const char bytes[1000];
    assert_true(log_file_record_bytes_max(log) >= sizeof bytes);
    muster_status status;
    do {
        status = log_file_append(log, bytes, sizeof bytes);
    } while (status == MUSTER_OK);
    assert_int_equal(status, MUSTER_ERR_FULL);
    assert_int_equal(log_file_flush(log), MUSTER_OK);
    assert_int_equal(log_file_append(log, bytes, sizeof bytes), MUSTER_OK);
    log_file_close(log);
}

// Appends records of 100 bytes until the file is sealed, and checks that it ends with a whole one.
static void fill_until_sealed(const char *path, int code)
{
    static char found[FILE_BYTES_MAX];
    struct log_file *log = open_log(path, false);
    char record[100];
    memset(record, 'r', sizeof record);
    record[99] = '\n';
    muster_status status;
    do {
        status = log_file_append(log, record, sizeof record);
        sched_yield();
    } while (status != MUSTER_ERR_IO);
    assert_int_equal(log_file_failure(log), code);
    assert_int_equal(log_file_flush(log), MUSTER_ERR_IO);
    void *room;
    assert_int_equal(log_file_reserve(log, 1, &room), MUSTER_ERR_IO);
    assert_null(room);
    const struct log_file_stats stats = log_file_read_stats(log);
    log_file_close(log);

    const size_t length = read_file(path, found);
    assert_true(length > 0);
    assert_int_equal(length % sizeof record, 0);
    assert_int_equal(length, stats.written_bytes);
    assert_int_equal(length, stats.record_count * sizeof record);
    for (size_t i = 0; i < length; i += sizeof record) {
        assert_memory_equal(found + i, record, sizeof record);
    }
}

static void a_limit_on_file_size_seals_the_log_at_a_whole_record(void **state)
{
    const struct folder *folder = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {.rlim_cur = 50050, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fill_until_sealed(folder->file, EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void a_full_disk_seals_the_log_at_a_whole_record(void **state)
{
    const struct folder *folder = *state;
    if (mount("tmpfs", folder->path, "tmpfs", 0, "size=64k") != 0) {
        print_message("this user may not mount a small disk\n");
        skip();
    }
    fill_until_sealed(folder->file, ENOSPC);
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(umount(folder->path), 0);
}

static void a_device_that_is_always_full_seals_the_log_at_once(void **state)
{
    (void)state;
    struct log_file *log = open_log("/dev/full", true);
    append_text(log, "into the void");
    assert_int_equal(log_file_flush(log), MUSTER_ERR_IO);
    assert_int_equal(log_file_failure(log), ENOSPC);
    assert_int_equal(log_file_append(log, "x", 1), MUSTER_ERR_IO);
    assert_int_equal(log_file_read_stats(log).record_count, 0);
    log_file_close(log);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_refuses_a_definition_out_of_range),
        cmocka_unit_test_setup_teardown(a_path_that_cannot_be_written_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(records_are_in_the_file_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flush_makes_everything_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(
            records_are_written_and_forced_without_being_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_continues_behind_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_disk_that_is_behind_refuses_and_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_limit_on_file_size_seals_the_log_at_a_whole_record, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_disk_seals_the_log_at_a_whole_record, setup, teardown),
        cmocka_unit_test(a_device_that_is_always_full_seals_the_log_at_once),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
