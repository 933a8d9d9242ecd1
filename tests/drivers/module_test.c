// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // mkdtemp()

#include "drivers/module.h"

#include "harness/failing_heap.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// DRIVERS_MODULE_FOLDER is where the build puts drivers_module_sample.so.
static const char *const folders[] = {"/nonexistent", DRIVERS_MODULE_FOLDER};

static void assert_answers(struct module *module)
{
    void *symbol;
    assert_int_equal(module_symbol(module, "module_sample_answer", &symbol, NULL), MUSTER_OK);
    int (*answer)(void);
    memcpy(&answer, &symbol, sizeof answer);
    assert_int_equal(answer(), 42);
}

static void a_module_is_found_by_name(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    struct module *module;
    assert_int_equal(
        module_open("drivers_module_sample", folders, 2, &heap, &module, NULL), MUSTER_OK);
    assert_string_equal(module_path(module), DRIVERS_MODULE_FOLDER "/drivers_module_sample.so");
    assert_answers(module);
    module_close(module);
    module_close(NULL);
}

static void a_module_is_found_by_path(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    struct module *module;
    assert_int_equal(module_open(DRIVERS_MODULE_FOLDER "/drivers_module_sample.so", NULL, 0, &heap,
                         &module, NULL),
        MUSTER_OK);
    assert_answers(module);
    module_close(module);
}

static void a_missing_module_is_named(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    struct module *module;
    struct driver_error error;
    assert_int_equal(
        module_open("chess", folders, 2, &heap, &module, &error), MUSTER_ERR_NOT_FOUND);
    assert_null(module);
    assert_int_equal(error.code, ENOENT);
    assert_non_null(strstr(error.text, "chess"));
    assert_string_equal(
        error.text, "no module chess; looked in /nonexistent, " DRIVERS_MODULE_FOLDER);
    assert_int_equal(module_open("chess", NULL, 0, &heap, &module, NULL), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(
        module_open("./chess.so", NULL, 0, &heap, &module, &error), MUSTER_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "./chess.so"));
}

static void a_name_that_cannot_be_one_is_invalid(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    struct module *module;
    static char long_name[MODULE_PATH_BYTES_MAX + 8];
    memset(long_name, 'x', sizeof long_name - 1);
    assert_int_equal(module_open(long_name, folders, 2, &heap, &module, NULL), MUSTER_ERR_INVALID);
    long_name[3] = '/';
    assert_int_equal(module_open(long_name, NULL, 0, &heap, &module, NULL), MUSTER_ERR_INVALID);
    assert_int_equal(module_open("", folders, 2, &heap, &module, NULL), MUSTER_ERR_INVALID);
}

static void a_file_that_is_no_module_is_refused_with_a_reason(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    char path[] = "/tmp/muster_module_XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "no module", 9), 9);
    close(file);
    struct module *module;
    struct driver_error error;
    assert_int_equal(module_open(path, NULL, 0, &heap, &module, &error), MUSTER_ERR_IO);
    assert_null(module);
    assert_non_null(strstr(error.text, path));
    unlink(path);
}

static void a_missing_symbol_is_named(void **state)
{
    (void)state;
    const muster_allocator heap = muster_heap_allocator();
    struct module *module;
    assert_int_equal(
        module_open("drivers_module_sample", folders, 2, &heap, &module, NULL), MUSTER_OK);
    struct driver_error error;
    void *symbol;
    assert_int_equal(module_symbol(module, "muster_game", &symbol, &error), MUSTER_ERR_NOT_FOUND);
    assert_null(symbol);
    assert_non_null(strstr(error.text, "muster_game"));
    assert_non_null(strstr(error.text, "drivers_module_sample.so"));
    module_close(module);
}

static void memory_is_given_back(void **state)
{
    (void)state;
    struct failing_heap heap = {.alloc_count_max = 0};
    const muster_allocator allocator = failing_heap_allocator(&heap);
    struct module *module;
    assert_int_equal(module_open("drivers_module_sample", folders, 2, &allocator, &module, NULL),
        MUSTER_ERR_NO_MEMORY);
    heap.alloc_count_max = 1;
    assert_int_equal(
        module_open("drivers_module_sample", folders, 2, &allocator, &module, NULL), MUSTER_OK);
    module_close(module);
    assert_int_equal(heap.bytes_live, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_is_found_by_name),
        cmocka_unit_test(a_module_is_found_by_path),
        cmocka_unit_test(a_missing_module_is_named),
        cmocka_unit_test(a_name_that_cannot_be_one_is_invalid),
        cmocka_unit_test(a_file_that_is_no_module_is_refused_with_a_reason),
        cmocka_unit_test(a_missing_symbol_is_named),
        cmocka_unit_test(memory_is_given_back),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
