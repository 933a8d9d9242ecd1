// SPDX-License-Identifier: Apache-2.0
#include "apps/server/login_request.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void assert_refused(const char *body, const char *expected_problem)
{
    struct login_request request;
    char problem[LOGIN_PROBLEM_BYTES];
    assert_int_equal(
        login_request_read(body, strlen(body), &request, problem), MUSTER_ERR_MALFORMED);
    assert_non_null(strstr(problem, expected_problem));
}

static void every_member_is_read(void **state)
{
    (void)state;
    const char *body =
        "{\"name\":\"Zo\xC3\xAB\",\"player_id\":\"0123456789ABCDEFfedcba9876543210\","
        "\"party_id\":7,\"tier\":3}";
    struct login_request request;
    char problem[LOGIN_PROBLEM_BYTES];
    assert_int_equal(login_request_read(body, strlen(body), &request, problem), MUSTER_OK);
    assert_string_equal(request.player.name, "Zo\xC3\xAB");
    assert_true(request.has_id);
    assert_int_equal(request.player.id[0], UINT64_C(0x0123456789ABCDEF));
    assert_int_equal(request.player.id[1], UINT64_C(0xFEDCBA9876543210));
    assert_int_equal(request.player.party_id, 7);
    assert_int_equal(request.player.tier, 3);
    char text[LOGIN_ID_TEXT_BYTES];
    login_id_print(request.player.id, text);
    assert_string_equal(text, "0123456789abcdeffedcba9876543210");
}

static void an_empty_body_is_a_guest(void **state)
{
    (void)state;
    struct login_request request;
    char problem[LOGIN_PROBLEM_BYTES];
    assert_int_equal(login_request_read("", 0, &request, problem), MUSTER_OK);
    assert_string_equal(request.player.name, "guest");
    assert_false(request.has_id);
    assert_int_equal(login_request_read("{}", 2, &request, problem), MUSTER_OK);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_refused("{", "line 1 column 1");
    assert_refused("[]", "must be a JSON object");
    assert_refused("{\"name\":\"a\",\"name\":\"b\"}", "duplicate");
    assert_refused("{\"nmae\":\"a\"}", "unknown key \"nmae\"");
    assert_refused("{\"name\":\"\"}", "\"name\" must be");
    assert_refused("{\"name\":7}", "\"name\" must be");
    assert_refused("{\"name\":\"line\\nfeed\"}", "\"name\" must be");
    assert_refused("{\"name\":\"0123456789012345678901234567890123456789\"}", "1 to 31 bytes");
    assert_refused("{\"player_id\":\"12\"}", "32 hexadecimal digits");
    assert_refused("{\"player_id\":\"0123456789ABCDEFfedcba987654321g\"}", "32 hexadecimal digits");
    assert_refused("{\"tier\":256}", "from 0 to 255");
    assert_refused("{\"tier\":-1}", "from 0 to 255");
    assert_refused("{\"tier\":1.5}", "from 0 to 255");
    assert_refused("{\"party_id\":\"7\"}", "\"party_id\" must be");
}

static void no_truncation_of_a_body_is_accepted(void **state)
{
    (void)state;
    const char *body = "{\"name\":\"Ada\",\"tier\":1}";
    struct login_request request;
    char problem[LOGIN_PROBLEM_BYTES];
    for (size_t length = 1; length < strlen(body); length++) {
        assert_int_equal(login_request_read(body, length, &request, problem), MUSTER_ERR_MALFORMED);
        assert_true(strlen(problem) > 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(an_empty_body_is_a_guest),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(no_truncation_of_a_body_is_accepted),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
