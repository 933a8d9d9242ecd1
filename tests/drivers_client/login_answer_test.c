// SPDX-License-Identifier: Apache-2.0
#include "drivers/client/login_answer.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers_client/login_answers.h"

static muster_client_ticket ticket;
static muster_client_error error;

static muster_status read_answer(uint32_t http_status, const char *body)
{
    error = (muster_client_error){0};
    memset(&ticket, 0xAA, sizeof ticket);
    return login_answer_read(http_status, body, (uint32_t)strlen(body), &ticket, &error);
}

// Nothing is kept of an answer that is none, and a person is told.
static void assert_malformed(uint32_t http_status, const char *body)
{
    const muster_client_ticket none = {0};
    assert_int_equal(read_answer(http_status, body), MUSTER_ERR_MALFORMED);
    assert_memory_equal(&ticket, &none, sizeof none);
    assert_non_null(strstr(error.text, "no Muster server"));
    assert_int_equal(error.http_status, 0);
}

static void a_good_answer_is_a_ticket(void **state)
{
    (void)state;
    char body[ANSWER_BYTES];
    answer_good(body);
    assert_int_equal(read_answer(201, body), MUSTER_OK);
    assert_string_equal(ticket.player_id, ANSWER_ID);
    assert_int_equal(ticket.tick_rate_hz, 60);
    assert_int_equal(ticket.token_lifetime_s, 30);
    assert_int_equal(ticket.clock_us, 5000);
    assert_int_equal(ticket.tick_zero_us, 2000);
    muster_connect_token token;
    assert_int_equal(muster_connect_token_read(ticket.token, &token), MUSTER_OK);
    assert_int_equal(token.addresses[0].port, 7777);
    assert_string_equal(error.text, "");
}

static void members_that_are_not_known_are_left_alone(void **state)
{
    (void)state;
    char body[ANSWER_BYTES];
    answer_with("{", "{\"later\":[1,{\"x\":null}],", body);
    assert_int_equal(read_answer(201, body), MUSTER_OK);
}

static void an_answer_cut_anywhere_is_none(void **state)
{
    (void)state;
    char body[ANSWER_BYTES];
    answer_good(body);
    for (size_t length = strlen(body); length-- > 0;) {
        body[length] = '\0';
        assert_malformed(201, body);
    }
}

static void an_answer_with_a_wrong_member_is_none(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"\"player_id\"", "\"id\""},
        {"\"" ANSWER_ID "\"", "7"},
        {"\"" ANSWER_ID "\"", "\"00112233445566778899aabbccddeef\""},
        {"\"" ANSWER_ID "\"", "\"00112233445566778899aabbccddeeffa\""},
        {"\"" ANSWER_ID "\"", "\"00112233445566778899aabbccddeefg\""},
        {"\"token\"", "\"ticket\""},
        {"\"token\":\"", "\"token\":\"AAAA"},
        {"\"token\":\"", "\"token\":\"!"},
        {"\"token\":\"", "\"token\":\"\",\"rest\":\""},
        {"\"token\":\"TkVU", "\"token\":\"TkVV"}, // of another version of netcode
        {"\"tick_rate_hz\":60", "\"tick_rate_hz\":0"},
        {"\"tick_rate_hz\":60", "\"tick_rate_hz\":241"},
        {"\"tick_rate_hz\":60", "\"tick_rate_hz\":-60"},
        {"\"tick_rate_hz\":60", "\"tick_rate_hz\":60.0"},
        {"\"tick_rate_hz\":60", "\"tick_rate_hz\":\"60\""},
        {"\"tick_rate_hz\"", "\"rate\""},
        {"\"token_lifetime_s\":30", "\"token_lifetime_s\":0"},
        {"\"token_lifetime_s\":30", "\"token_lifetime_s\":4294967296"},
        {"\"clock_us\":5000", "\"clock_us\":-1"},
        {"\"tick_zero_us\":2000", "\"tick_zero_us\":-1"},
        {"\"tick_zero_us\":2000", "\"tick_zero_us\":9223372036854775808"},
        {"\"tick_zero_us\":2000", "\"tick_zero_us\":true"},
        {"}", "}}"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char body[ANSWER_BYTES];
        answer_with(changes[i][0], changes[i][1], body);
        assert_malformed(201, body);
    }
    static const char *const strange[] = {
        "", "[]", "7", "null", "\"token\"", "{}", "<html></html>"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_malformed(201, strange[i]);
    }
}

static void a_refusal_has_its_status_code_and_reason(void **state)
{
    (void)state;
    assert_int_equal(
        read_answer(401, "{\"error\":\"unauthorized\",\"message\":\"The key is unknown.\"}"),
        MUSTER_ERR_DENIED);
    assert_int_equal(error.http_status, 401);
    assert_string_equal(error.code, "unauthorized");
    assert_string_equal(
        error.text, "the server refuses a login with 401 unauthorized: The key is unknown.");
    assert_int_equal(read_answer(503, "{\"error\":\"draining\"}"), MUSTER_ERR_DENIED);
    assert_int_equal(error.http_status, 503);
    assert_string_equal(
        error.text, "the server refuses a login with 503 draining: no reason given");
}

static void a_long_refusal_is_cut(void **state)
{
    (void)state;
    char body[ANSWER_BYTES];
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(body, sizeof body, "{\"error\":\"%s\",\"message\":\"%s\"}", text, text);
    assert_int_equal(read_answer(400, body), MUSTER_ERR_DENIED);
    assert_int_equal(strlen(error.code), sizeof error.code - 1);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void a_refusal_brings_no_control_characters(void **state)
{
    (void)state;
    assert_int_equal(read_answer(401, "{\"error\":\"unauthorized\",\"message\":\"\\u001b[2J\"}"),
        MUSTER_ERR_DENIED);
    assert_null(strchr(error.text, 0x1B));
    assert_non_null(strstr(error.text, "no reason given"));
    assert_malformed(401, "{\"error\":\"\\u009b2J\"}");
}

static void what_another_program_answers_is_no_refusal(void **state)
{
    (void)state;
    assert_malformed(404, "<html>404 Not Found</html>");
    assert_malformed(404, "");
    assert_malformed(500, "{\"message\":\"x\"}");
    assert_malformed(500, "{\"error\":\"\",\"message\":\"x\"}");
    assert_malformed(200, "{\"error\":\"x\",\"message\":\"y\"}");
    char body[ANSWER_BYTES];
    answer_good(body);
    assert_malformed(200, body);
    assert_malformed(401, body);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_is_a_ticket),
        cmocka_unit_test(members_that_are_not_known_are_left_alone),
        cmocka_unit_test(an_answer_cut_anywhere_is_none),
        cmocka_unit_test(an_answer_with_a_wrong_member_is_none),
        cmocka_unit_test(a_refusal_has_its_status_code_and_reason),
        cmocka_unit_test(a_long_refusal_is_cut),
        cmocka_unit_test(a_refusal_brings_no_control_characters),
        cmocka_unit_test(what_another_program_answers_is_no_refusal),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
