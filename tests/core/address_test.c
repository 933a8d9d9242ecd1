// SPDX-License-Identifier: Apache-2.0
#include "muster/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(const char *text, const char *expected)
{
    muster_address address;
    assert_int_equal(muster_address_parse(text, &address), MUSTER_OK);
    char printed[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&address, printed);
    assert_string_equal(printed, expected);
}

static void an_address_is_printed_as_it_is_read(void **state)
{
    (void)state;
    expect_text("127.0.0.1:7777", "127.0.0.1:7777");
    expect_text("255.255.255.255:65535", "255.255.255.255:65535");
    expect_text("[::1]:7777", "[::1]:7777");
    expect_text("[2001:DB8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1");
    expect_text("[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
        "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

static void a_missing_port_is_zero(void **state)
{
    (void)state;
    expect_text("10.0.0.1", "10.0.0.1:0");
    expect_text("[::]", "[::]:0");
}

static void a_mapped_address_is_kept_as_ipv4(void **state)
{
    (void)state;
    expect_text("[::ffff:192.0.2.7]:9", "192.0.2.7:9");
    expect_text("[::ffff:c000:207]:9", "192.0.2.7:9");
}

static void a_link_is_printed_by_its_number(void **state)
{
    (void)state;
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    const muster_address link = muster_address_of_link(4294967295);
    muster_address_print(&link, text);
    assert_string_equal(text, "link:4294967295");
}

static void only_links_have_a_link_number(void **state)
{
    (void)state;
    const muster_address link = muster_address_of_link(0x01020304);
    const muster_address ipv4 = {.ip = {1, 2, 3, 4}, .family = MUSTER_ADDRESS_IPV4};
    const muster_address expected = {.ip = {1, 2, 3, 4}, .family = MUSTER_ADDRESS_LINK};
    assert_memory_equal(&link, &expected, sizeof expected);
    assert_int_equal(muster_address_link(&link), 0x01020304);
    assert_int_equal(muster_address_link(&ipv4), 0);
    assert_false(muster_address_is_equal(&link, &ipv4));
    const muster_address other = muster_address_of_link(0x01020305);
    assert_false(muster_address_is_equal(&link, &other));
}

static void bytes_are_in_network_order_and_the_rest_is_zero(void **state)
{
    (void)state;
    muster_address address;
    assert_int_equal(muster_address_parse("1.2.3.4:258", &address), MUSTER_OK);
    const muster_address expected = {
        .ip = {1, 2, 3, 4},
        .port = 258,
        .family = MUSTER_ADDRESS_IPV4,
    };
    assert_memory_equal(&address, &expected, sizeof expected);

    assert_int_equal(muster_address_parse("[102::f]:0", &address), MUSTER_OK);
    assert_int_equal(address.family, MUSTER_ADDRESS_IPV6);
    assert_int_equal(address.ip[0], 1);
    assert_int_equal(address.ip[1], 2);
    assert_int_equal(address.ip[15], 15);
}

static void other_text_is_malformed_and_leaves_no_address(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "none", "localhost:1", "1.2.3", "1.2.3.4.5",
        "1.2.3.256", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:1x", "1.2.3.4:65536", "1.2.3.4:000001",
        "1.2.3.4:-1", "1.2.3.4 :1", " 1.2.3.4", "link:7", "::1", "[::1", "[::1]7",
        "[::1]:", "[::1]:65536", "[1.2.3.4]:1", "[]:1", "[:::]:1", "[1:2:3:4:5:6:7:8:9]:1",
        "[::1%lo]:1", "[::g]:1", "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]:1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        muster_address address;
        memset(&address, 0xaa, sizeof address);
        assert_int_equal(muster_address_parse(texts[i], &address), MUSTER_ERR_MALFORMED);
        const muster_address none = {0};
        assert_memory_equal(&address, &none, sizeof none);
    }
}

static void no_address_prints_as_none(void **state)
{
    (void)state;
    const muster_address none = {0};
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&none, text);
    assert_string_equal(text, "none");
}

static void equality_looks_at_family_ip_and_port(void **state)
{
    (void)state;
    const muster_address a = {.ip = {1, 2, 3, 4}, .port = 5, .family = MUSTER_ADDRESS_IPV4};
    muster_address b = a;
    assert_true(muster_address_is_equal(&a, &b));
    b.port = 6;
    assert_false(muster_address_is_equal(&a, &b));
    b = a;
    b.ip[3] = 5;
    assert_false(muster_address_is_equal(&a, &b));
    b = a;
    b.family = MUSTER_ADDRESS_IPV6;
    assert_false(muster_address_is_equal(&a, &b));
    b.ip[15] = 1;
    muster_address c = b;
    c.ip[15] = 2;
    assert_false(muster_address_is_equal(&b, &c));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_printed_as_it_is_read),
        cmocka_unit_test(a_missing_port_is_zero),
        cmocka_unit_test(a_mapped_address_is_kept_as_ipv4),
        cmocka_unit_test(a_link_is_printed_by_its_number),
        cmocka_unit_test(only_links_have_a_link_number),
        cmocka_unit_test(bytes_are_in_network_order_and_the_rest_is_zero),
        cmocka_unit_test(other_text_is_malformed_and_leaves_no_address),
        cmocka_unit_test(no_address_prints_as_none),
        cmocka_unit_test(equality_looks_at_family_ip_and_port),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
