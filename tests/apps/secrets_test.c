// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/safety.h"
#include "apps/muster/secrets.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/program.h"

#include <sys/stat.h>

static char folder[64];
static struct secrets secrets;
static struct problem problem;

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

static bool is_zero(const struct secrets *checked)
{
    static const struct secrets zero;
    return memcmp(checked->private_key, zero.private_key, SECRET_BYTES) == 0 &&
           memcmp(checked->api_key, zero.api_key, SECRET_BYTES) == 0 &&
           memcmp(checked->admin_key, zero.admin_key, SECRET_BYTES) == 0;
}

static muster_status read_text(const char *text)
{
    unlink("secrets");
    file_write("secrets", text);
    assert_int_equal(chmod("secrets", 0600), 0);
    return secrets_read("secrets", &secrets, &problem);
}

static void the_first_start_makes_keys_that_only_the_owner_can_read(void **state)
{
    (void)state;
    bool is_created = false;
    const mode_t mask = umask(0);
    assert_int_equal(
        secrets_read_or_create("a/b/secrets", &secrets, &is_created, &problem), MUSTER_OK);
    umask(mask);
    assert_true(is_created);
    assert_false(secrets.is_development);
    assert_false(is_zero(&secrets));
    assert_memory_not_equal(secrets.private_key, secrets.api_key, SECRET_BYTES);
    struct stat status;
    assert_int_equal(stat("a/b/secrets", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(stat("a", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    struct secrets again;
    assert_int_equal(
        secrets_read_or_create("a/b/secrets", &again, &is_created, &problem), MUSTER_OK);
    assert_false(is_created);
    assert_memory_equal(again.private_key, secrets.private_key, SECRET_BYTES);
    assert_memory_equal(again.api_key, secrets.api_key, SECRET_BYTES);
    assert_memory_equal(again.admin_key, secrets.admin_key, SECRET_BYTES);
}

static void two_servers_have_different_keys(void **state)
{
    (void)state;
    struct secrets other;
    bool is_created = false;
    assert_int_equal(secrets_read_or_create("one", &secrets, &is_created, &problem), MUSTER_OK);
    assert_int_equal(secrets_read_or_create("two", &other, &is_created, &problem), MUSTER_OK);
    assert_memory_not_equal(secrets.private_key, other.private_key, SECRET_BYTES);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
    (void)state;
    bool is_created = false;
    assert_int_equal(secrets_read_or_create("open", &secrets, &is_created, &problem), MUSTER_OK);
    const mode_t modes[] = {0640, 0604, 0620, 0601, 0666};
    for (uint32_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod("open", modes[i]), 0);
        assert_int_equal(
            secrets_read_or_create("open", &secrets, &is_created, &problem), MUSTER_ERR_DENIED);
        assert_true(is_zero(&secrets));
        char expected[128];
        snprintf(expected, sizeof expected,
            "open: mode %04o lets others read it; run: chmod 600 open", (unsigned)modes[i]);
        assert_string_equal(problem.text, expected);
    }
    assert_int_equal(chmod("open", 0400), 0);
    assert_int_equal(secrets_read("open", &secrets, &problem), MUSTER_OK);
}

static void links_pipes_and_folders_are_refused(void **state)
{
    (void)state;
    bool is_created = false;
    assert_int_equal(secrets_read_or_create("real", &secrets, &is_created, &problem), MUSTER_OK);
    assert_int_equal(symlink("real", "linked"), 0);
    assert_int_equal(secrets_read("linked", &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text, "linked: is a link, expected the file itself");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(secrets_read("pipe", &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text, "pipe: expected a file");
    assert_int_equal(secrets_read(".", &secrets, &problem), MUSTER_ERR_DENIED);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(
        secrets_read_or_create("dangling", &secrets, &is_created, &problem), MUSTER_ERR_DENIED);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    bool is_created = true;
    assert_int_equal(
        secrets_read_or_create("/proc/muster/secrets", &secrets, &is_created, &problem),
        MUSTER_ERR_IO);
    assert_false(is_created);
    assert_string_equal(
        problem.text, "/proc/muster/secrets: cannot be made: No such file or directory");
    char longest[1400];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(
        secrets_read_or_create(longest, &secrets, &is_created, &problem), MUSTER_ERR_IO);
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ODD "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00"

static void files_hold_each_key_once_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("private_key = " ODD "\n\n# x\napi_key=" ODD "\nadmin_key = " ODD), MUSTER_OK);
    assert_int_equal(secrets.private_key[0], 0xff);
    assert_int_equal(secrets.admin_key[31], 0);
    assert_false(secrets.is_development);
    const char *const wrong[] = {
        "private_key = " ODD "\nprivate_key = " ODD "\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key = " ODD "00\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key = ff\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key = g" ODD "\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key " ODD "\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key =\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key\napi_key = " ODD "\nadmin_key = " ODD "\n",
        "private_key = " ODD " \napi_key = " ODD "\nadmin_key = " ODD "\n",
        "root_key = " ODD "\n",
    };
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(wrong[i]), MUSTER_ERR_MALFORMED);
        assert_true(is_zero(&secrets));
        assert_null(strstr(problem.text, "ff"));
    }
    assert_int_equal(
        read_text("private_key = " ODD "\nadmin_key = " ODD "\n"), MUSTER_ERR_MALFORMED);
    assert_string_equal(
        problem.text, "secrets: api_key is missing, expected 64 hexadecimal digits");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    const char *whole = "private_key = " ODD "\napi_key = " ODD "\nadmin_key = " ODD;
    char text[512];
    for (size_t length = 0; length < strlen(whole); length++) {
        memcpy(text, whole, length);
        text[length] = '\0';
        assert_int_equal(read_text(text), MUSTER_ERR_MALFORMED);
    }
    assert_int_equal(read_text(whole), MUSTER_OK);
    char longest[5000];
    memset(longest, '#', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(read_text(longest), MUSTER_ERR_MALFORMED);
}

static void a_file_with_a_published_key_counts_as_development(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("private_key = " KEY "\napi_key = " ODD "\nadmin_key = " ODD), MUSTER_OK);
    assert_true(secrets.is_development);
    assert_int_equal(
        read_text("private_key = " ODD "\napi_key = " KEY "\nadmin_key = " ODD), MUSTER_OK);
    assert_false(secrets.is_development);
}

static void sent_keys_are_compared_whole(void **state)
{
    (void)state;
    secrets_init_development(&secrets);
    assert_true(secret_is_equal(secrets.private_key, KEY));
    const char *const wrong[] = {"", "00", ODD, KEY "00",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1e"};
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(secret_is_equal(secrets.private_key, wrong[i]));
    }
    secrets_finish(&secrets);
    assert_true(is_zero(&secrets));
    // A key of zeros must not equal what could not be read.
    assert_false(secret_is_equal(secrets.private_key, ""));
}

static void the_file_stands_in_the_users_state_folder(void **state)
{
    (void)state;
    char path[128];
    struct text text = text_in(path, sizeof path);
    assert_int_equal(secrets_default_path("/state", "/users/a", &text, &problem), MUSTER_OK);
    assert_string_equal(path, "/state/muster/secrets");
    text = text_in(path, sizeof path);
    assert_int_equal(secrets_default_path("", "/users/a", &text, &problem), MUSTER_OK);
    assert_string_equal(path, "/users/a/.local/state/muster/secrets");
    assert_int_equal(secrets_default_path(NULL, "", &text, &problem), MUSTER_ERR_NOT_FOUND);
    assert_string_equal(
        problem.text, "no folder for the server's keys: set gateway.secrets_file, or HOME");
}

static void settings_say_which_keys_are_used(void **state)
{
    (void)state;
    static struct configuration configuration;
    configuration_init(&configuration);
    struct settings *settings = &configuration.settings;
    assert_int_equal(safety_load_secrets(settings, NULL, folder, &secrets, &problem), MUSTER_OK);
    assert_false(secrets.is_development);
    assert_int_equal(access(".local/state/muster/secrets", F_OK), 0);
    assert_int_equal(
        safety_load_secrets(settings, NULL, NULL, &secrets, &problem), MUSTER_ERR_NOT_FOUND);
    snprintf(settings->gateway.secrets_file, sizeof settings->gateway.secrets_file, "own-keys");
    assert_int_equal(safety_load_secrets(settings, NULL, NULL, &secrets, &problem), MUSTER_OK);
    assert_int_equal(access("own-keys", F_OK), 0);
    settings->gateway.secrets = SETTING_SECRETS_DEVELOPMENT;
    assert_int_equal(safety_load_secrets(settings, NULL, NULL, &secrets, &problem), MUSTER_OK);
    assert_true(secrets.is_development);
}

static void loopback_is_told_from_what_others_reach(void **state)
{
    (void)state;
    const char *const near[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    const char *const wide[] = {"0.0.0.0", "::", "126.0.0.1", "128.0.0.1", "192.168.0.1",
        "2001:db8::1", "::ffff:10.0.0.1", "fe80::1", "::2"};
    for (uint32_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        assert_true(address_is_loopback(near[i]));
    }
    for (uint32_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        assert_false(address_is_loopback(wide[i]));
    }
}

static void listening_wide_is_refused_until_everything_is_closed(void **state)
{
    (void)state;
    static struct configuration configuration;
    configuration_init(&configuration);
    struct settings *settings = &configuration.settings;
    secrets_init_development(&secrets);
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_OK);
    snprintf(settings->network.bind, sizeof settings->network.bind, "0.0.0.0");
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text,
        "network.bind is 0.0.0.0, which other machines can reach, while the keys are the "
        "published ones; set gateway.secrets: own");
    secrets.is_development = false;
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text,
        "network.bind is 0.0.0.0, which other machines can reach, while operators need no key; "
        "set gateway.admin_authentication: true");
    settings->gateway.admin_authentication = true;
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text,
        "network.bind is 0.0.0.0, which other machines can reach, while guests need no API key; "
        "set gateway.guests: false");
    settings->gateway.guests = false;
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_OK);
    secrets.is_development = true;
    snprintf(settings->network.bind, sizeof settings->network.bind, "127.0.0.1");
    snprintf(settings->network.admin_bind, sizeof settings->network.admin_bind, "::");
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_ERR_DENIED);
    assert_string_equal(problem.text,
        "network.admin_bind is ::, which other machines can reach, while the keys are the "
        "published ones; set gateway.secrets: own");
    secrets.is_development = false;
    settings->gateway.guests = true; // players come from this machine only
    assert_int_equal(safety_check(settings, &secrets, &problem), MUSTER_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_makes_keys_that_only_the_owner_can_read),
        cmocka_unit_test(two_servers_have_different_keys),
        cmocka_unit_test(a_file_that_others_can_read_is_refused),
        cmocka_unit_test(links_pipes_and_folders_are_refused),
        cmocka_unit_test(a_place_that_cannot_be_written_is_named),
        cmocka_unit_test(files_hold_each_key_once_and_nothing_else),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_file_with_a_published_key_counts_as_development),
        cmocka_unit_test(sent_keys_are_compared_whole),
        cmocka_unit_test(the_file_stands_in_the_users_state_folder),
        cmocka_unit_test(settings_say_which_keys_are_used),
        cmocka_unit_test(loopback_is_told_from_what_others_reach),
        cmocka_unit_test(listening_wide_is_refused_until_everything_is_closed),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
