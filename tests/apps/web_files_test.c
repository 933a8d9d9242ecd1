// SPDX-License-Identifier: Apache-2.0

// The files of pages: what is read, and how it is answered.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"
#include "apps/server/web_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ROOM_BYTES 4096u

static char folder[64];
static char room[ROOM_BYTES];
static struct http_response response;

static const struct web_folder folders[] = {{"/play/", "play"}, {"/none/", "none"}};

static int enter_folder(void **state)
{
    (void)state;
    folder_begin(folder);
    assert_int_equal(mkdir("share", 0700), 0);
    assert_int_equal(mkdir("share/play", 0700), 0);
    assert_int_equal(mkdir("share/play/inner.js", 0700), 0);
    file_write("share/play/index.html", "<!doctype html>");
    file_write("share/play/main.js", "run();");
    file_write("share/play/.secret.js", "no");
    file_write("share/play/notes.txt", "no");
    file_write("share/beside.js", "no");
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_end(folder);
    return 0;
}

static struct web_files *load(void)
{
    struct web_files *files;
    struct driver_error error = {0};
    assert_int_equal(web_files_load("share", folders, 2, &files, &error), MUSTER_OK);
    return files;
}

static void ask(struct web_files *files, const char *path, const char *tag)
{
    const struct http_request request = {.path = path, .if_none_match = tag};
    response = (struct http_response){.room = room, .room_bytes = sizeof room};
    web_files_answer(files, &request, &response);
}

static const char *header(const char *name)
{
    for (uint32_t i = 0; i < response.header_count; i++) {
        if (strcmp(response.headers[i].name, name) == 0) {
            return response.headers[i].value;
        }
    }
    return "";
}

static void a_file_is_answered_with_its_type_and_a_strict_policy(void **state)
{
    (void)state;
    struct web_files *files = load();
    ask(files, "/play/main.js", "");
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/javascript; charset=utf-8");
    assert_int_equal(response.body_bytes, 6);
    assert_memory_equal(response.body, "run();", 6);
    assert_non_null(strstr(header("content-security-policy:"), "default-src 'none'"));
    assert_null(strstr(header("content-security-policy:"), "unsafe"));
    assert_string_equal(header("x-frame-options:"), "DENY");
    web_files_free(files);
}

static void a_folder_is_its_index_with_and_without_a_slash(void **state)
{
    (void)state;
    struct web_files *files = load();
    static const char *const paths[] = {"/play", "/play/", "/play/index.html"};
    for (size_t i = 0; i < 3; i++) {
        ask(files, paths[i], "");
        assert_int_equal(response.status, 200);
        assert_string_equal(response.content_type, "text/html; charset=utf-8");
    }
    web_files_free(files);
}

static void what_a_client_has_is_not_sent_again(void **state)
{
    (void)state;
    struct web_files *files = load();
    char tag[HTTP_TAG_BYTES_MAX];
    ask(files, "/play/main.js", "\"another\"");
    assert_int_equal(response.status, 200);
    (void)snprintf(tag, sizeof tag, "%s", header("etag:"));
    ask(files, "/play/main.js", tag);
    assert_int_equal(response.status, 304);
    assert_int_equal(response.body_bytes, 0);
    ask(files, "/play/index.html", tag);
    assert_int_equal(response.status, 200);
    web_files_free(files);
}

static void only_files_of_pages_in_the_folder_itself_are_there(void **state)
{
    (void)state;
    struct web_files *files = load();
    assert_int_equal(web_files_count(files), 2);
    static const char *const paths[] = {"/play/.secret.js", "/play/notes.txt", "/play/inner.js",
        "/play/../beside.js", "/beside.js", "/none/", "/", "", "/play//", "/play/index"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        ask(files, paths[i], "");
        assert_int_equal(response.status, 404);
    }
    web_files_free(files);
}

static void pages_that_are_not_installed_are_said_to_be_so(void **state)
{
    (void)state;
    struct web_files *files;
    struct driver_error error = {0};
    assert_int_equal(web_files_load("nowhere", folders, 2, &files, &error), MUSTER_OK);
    ask(files, "/play", "");
    assert_int_equal(response.status, 404);
    assert_non_null(strstr(response.body, "MUSTER_WEB_PATH"));
    web_files_free(files);
}

static void too_many_or_too_long_files_are_refused_by_name(void **state)
{
    (void)state;
    struct web_files *files;
    struct driver_error error = {0};
    FILE *file = fopen("share/play/long.js", "w");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)WEB_FILE_BYTES_MAX, SEEK_SET), 0);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    assert_int_equal(web_files_load("share", folders, 2, &files, &error), MUSTER_ERR_FULL);
    assert_null(files);
    assert_non_null(strstr(error.text, "share/play/long.js"));
    assert_int_equal(remove("share/play/long.js"), 0);
    for (uint32_t i = 0; i < WEB_FILE_COUNT_MAX; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "share/play/%u.css", i);
        file_write(name, "");
    }
    assert_int_equal(web_files_load("share", folders, 2, &files, &error), MUSTER_ERR_FULL);
    assert_null(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_file_is_answered_with_its_type_and_a_strict_policy, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            a_folder_is_its_index_with_and_without_a_slash, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            what_a_client_has_is_not_sent_again, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            only_files_of_pages_in_the_folder_itself_are_there, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            pages_that_are_not_installed_are_said_to_be_so, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(
            too_many_or_too_long_files_are_refused_by_name, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
