// SPDX-License-Identifier: Apache-2.0

// Who is kept out, and for how long.

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/server/bans.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS 1700000000000u

static struct bans bans;

static const uint64_t ada[2] = {1, 2};
static const uint64_t bob[2] = {1, 3};
static const uint64_t nobody[2] = {0, 0};

static muster_address address_of(const char *text)
{
    muster_address address;
    assert_int_equal(muster_address_parse(text, &address), MUSTER_OK);
    return address;
}

static int setup(void **state)
{
    (void)state;
    memset(&bans, 0, sizeof bans);
    return 0;
}

static void a_ban_is_about_a_player_until_it_is_over(void **state)
{
    (void)state;
    const muster_address here = address_of("127.0.0.1:1");
    struct ban ban = {.player_id = {ada[0], ada[1]}, .until_ms = NOW_MS + 1000};
    assert_null(bans_find(&bans, ada, &here, NOW_MS));
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_OK);
    assert_int_equal(ban.number, 1);
    assert_non_null(bans_find(&bans, ada, &here, NOW_MS));
    assert_non_null(bans_find(&bans, ada, &here, NOW_MS + 999));
    assert_null(bans_find(&bans, ada, &here, NOW_MS + 1000));
    assert_null(bans_find(&bans, bob, &here, NOW_MS));
    assert_null(bans_find(&bans, nobody, &here, NOW_MS));
    assert_null(bans_find(&bans, NULL, &here, NOW_MS));
}

static void a_ban_is_about_an_address_whatever_its_port(void **state)
{
    (void)state;
    const muster_address there = address_of("192.0.2.7:4000");
    const muster_address other_port = address_of("192.0.2.7:4001");
    const muster_address other = address_of("192.0.2.8:4000");
    const muster_address same_bytes = address_of("[c000:207::]:4000");
    struct ban ban = {.address = there, .until_ms = NOW_MS + 1000};
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_OK);
    assert_non_null(bans_find(&bans, ada, &there, NOW_MS));
    assert_non_null(bans_find(&bans, NULL, &other_port, NOW_MS));
    assert_null(bans_find(&bans, ada, &other, NOW_MS));
    assert_null(bans_find(&bans, ada, &same_bytes, NOW_MS));
}

static void a_ban_is_lifted_by_its_number_once(void **state)
{
    (void)state;
    const muster_address here = address_of("127.0.0.1:1");
    struct ban first = {.player_id = {ada[0], ada[1]}, .until_ms = NOW_MS + 1000};
    struct ban second = {.player_id = {bob[0], bob[1]}, .until_ms = NOW_MS + 1000};
    assert_int_equal(bans_add(&bans, &first, NOW_MS), MUSTER_OK);
    assert_int_equal(bans_add(&bans, &second, NOW_MS), MUSTER_OK);
    assert_false(bans_lift(&bans, 0, NOW_MS));
    assert_false(bans_lift(&bans, 3, NOW_MS));
    assert_false(bans_lift(&bans, first.number, NOW_MS + 1000));
    assert_true(bans_lift(&bans, first.number, NOW_MS));
    assert_false(bans_lift(&bans, first.number, NOW_MS));
    assert_null(bans_find(&bans, ada, &here, NOW_MS));
    assert_non_null(bans_find(&bans, bob, &here, NOW_MS));
}

static void a_full_table_takes_more_when_one_is_over(void **state)
{
    (void)state;
    struct ban ban = {.player_id = {ada[0], ada[1]}, .until_ms = NOW_MS + 1000};
    for (uint32_t i = 0; i < BAN_COUNT_MAX; i++) {
        assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_OK);
    }
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_ERR_FULL);
    assert_true(bans_lift(&bans, 500, NOW_MS));
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_OK);
    assert_int_equal(ban.number, BAN_COUNT_MAX + 1);
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_ERR_FULL);
    ban.until_ms = NOW_MS + 2000;
    assert_int_equal(bans_add(&bans, &ban, NOW_MS + 1000), MUSTER_OK);
}

static void what_is_in_force_is_listed(void **state)
{
    (void)state;
    struct ban ban = {.player_id = {ada[0], ada[1]},
        .address = address_of("192.0.2.7"),
        .until_ms = NOW_MS + 1000,
        .name = "Ada",
        .reason = "shouting"};
    struct ban past = {.player_id = {bob[0], bob[1]}, .until_ms = NOW_MS};
    assert_int_equal(bans_add(&bans, &ban, NOW_MS), MUSTER_OK);
    assert_int_equal(bans_add(&bans, &past, NOW_MS), MUSTER_OK);
    json_t *document = bans_list(&bans, NOW_MS);
    char *text = json_dumps(document, JSON_COMPACT);
    assert_string_equal(text,
        "{\"bans\":[{\"ban\":1,\"until_ms\":1700000001000,\"name\":\"Ada\",\"reason\":\"shouting\","
        "\"player_id\":\"00000000000000010000000000000002\",\"address\":\"192.0.2.7:0\"}]}");
    free(text);
    json_decref(document);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_ban_is_about_a_player_until_it_is_over, setup),
        cmocka_unit_test_setup(a_ban_is_about_an_address_whatever_its_port, setup),
        cmocka_unit_test_setup(a_ban_is_lifted_by_its_number_once, setup),
        cmocka_unit_test_setup(a_full_table_takes_more_when_one_is_over, setup),
        cmocka_unit_test_setup(what_is_in_force_is_listed, setup),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
