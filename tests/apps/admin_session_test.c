// SPDX-License-Identifier: Apache-2.0

// Roles, keys and cookies of the admin side.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/server/admin_session.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define NOW_S UINT64_C(1000000)

static const uint8_t secret[SECRET_BYTES] = {1, 2, 3};
static const uint8_t other_secret[SECRET_BYTES] = {1, 2, 4};

static enum admin_role check(const char *value, uint64_t now_s, char out_csrf[ADMIN_CSRF_BYTES])
{
    char cookies[ADMIN_COOKIE_BYTES_MAX + 64];
    (void)snprintf(cookies, sizeof cookies, "a=1; " ADMIN_COOKIE "=%s; b=2", value);
    return admin_session_check(secret, cookies, now_s, out_csrf);
}

static void a_session_has_its_role_until_it_expires(void **state)
{
    (void)state;
    char csrf[ADMIN_CSRF_BYTES];
    for (enum admin_role role = ADMIN_VIEWER; role <= ADMIN_OPERATOR; role++) {
        char value[ADMIN_COOKIE_BYTES_MAX];
        admin_session_issue(secret, role, NOW_S, value);
        assert_int_equal(check(value, NOW_S, csrf), role);
        assert_int_equal(strlen(csrf), ADMIN_CSRF_BYTES - 1);
        assert_int_equal(check(value, NOW_S + ADMIN_SESSION_S - 1, csrf), role);
        assert_int_equal(check(value, NOW_S + ADMIN_SESSION_S, csrf), ADMIN_NOBODY);
        assert_string_equal(csrf, "");
    }
}

static void a_cookie_that_was_changed_or_cut_is_nobodys(void **state)
{
    (void)state;
    char value[ADMIN_COOKIE_BYTES_MAX];
    char csrf[ADMIN_CSRF_BYTES];
    admin_session_issue(secret, ADMIN_VIEWER, NOW_S, value);
    const size_t length = strlen(value);
    for (size_t i = 0; i < length; i++) {
        char changed[ADMIN_COOKIE_BYTES_MAX];
        memcpy(changed, value, sizeof changed);
        changed[i] = changed[i] == '2' ? '3' : '2';
        assert_int_equal(check(changed, NOW_S, csrf), ADMIN_NOBODY);
        memcpy(changed, value, sizeof changed);
        changed[i] = '\0';
        assert_int_equal(check(changed, NOW_S, csrf), ADMIN_NOBODY);
    }
    char longer[2 * ADMIN_COOKIE_BYTES_MAX];
    (void)snprintf(longer, sizeof longer, ADMIN_COOKIE "=%0*d", (int)ADMIN_COOKIE_BYTES_MAX, 1);
    assert_int_equal(admin_session_check(secret, longer, NOW_S, csrf), ADMIN_NOBODY);
}

static void cookies_of_others_and_of_another_start_are_nobodys(void **state)
{
    (void)state;
    char value[ADMIN_COOKIE_BYTES_MAX];
    char csrf[ADMIN_CSRF_BYTES];
    static const char *const others[] = {"", ";", "; ;", ADMIN_COOKIE, ADMIN_COOKIE "=",
        "x" ADMIN_COOKIE "=1.2.3", ADMIN_COOKIE "=..", ADMIN_COOKIE "=2", "a=b; c"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(admin_session_check(secret, others[i], NOW_S, csrf), ADMIN_NOBODY);
    }
    admin_session_issue(other_secret, ADMIN_OPERATOR, NOW_S, value);
    assert_int_equal(check(value, NOW_S, csrf), ADMIN_NOBODY);
}

static void sessions_have_different_csrf_tokens(void **state)
{
    (void)state;
    char value[ADMIN_COOKIE_BYTES_MAX];
    char first[ADMIN_CSRF_BYTES];
    char second[ADMIN_CSRF_BYTES];
    admin_session_issue(secret, ADMIN_OPERATOR, NOW_S, value);
    assert_int_equal(check(value, NOW_S, first), ADMIN_OPERATOR);
    assert_null(strstr(value, first)); // the cookie does not give it away
    admin_session_issue(secret, ADMIN_OPERATOR, NOW_S + 1, value);
    assert_int_equal(check(value, NOW_S, second), ADMIN_OPERATOR);
    assert_string_not_equal(first, second);
}

static void each_key_has_its_role(void **state)
{
    (void)state;
    uint8_t viewer_key[SECRET_BYTES];
    char text[SECRET_TEXT_CAPACITY];
    admin_viewer_key(secret, viewer_key);
    (void)sodium_bin2hex(text, sizeof text, viewer_key, sizeof viewer_key);
    assert_int_equal(admin_role_of_key(secret, text), ADMIN_VIEWER);
    assert_int_equal(admin_role_of_key(other_secret, text), ADMIN_NOBODY);
    (void)sodium_bin2hex(text, sizeof text, secret, sizeof secret);
    assert_int_equal(admin_role_of_key(secret, text), ADMIN_OPERATOR);
    text[63] = '\0';
    assert_int_equal(admin_role_of_key(secret, text), ADMIN_NOBODY);
    assert_int_equal(admin_role_of_key(secret, ""), ADMIN_NOBODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_has_its_role_until_it_expires),
        cmocka_unit_test(a_cookie_that_was_changed_or_cut_is_nobodys),
        cmocka_unit_test(cookies_of_others_and_of_another_start_are_nobodys),
        cmocka_unit_test(sessions_have_different_csrf_tokens),
        cmocka_unit_test(each_key_has_its_role),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
