// SPDX-License-Identifier: Apache-2.0
#include "net/connect_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Where the tests reach into a token.
#define PRIVATE_OFFSET       61
#define ADDRESS_COUNT_OFFSET 1089
#define FIRST_TYPE_OFFSET    1093
#define CREATE_OFFSET        21

// A definition with as many addresses, every second one IPv6.
static muster_connect_token_def def_with(uint32_t address_count)
{
    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = 0x1234;
    def.client_id = UINT64_MAX;
    def.create_unix_s = 100;
    def.expire_unix_s = 145;
    def.timeout_s = -1;
    def.address_count = address_count;
    for (uint32_t i = 0; i < address_count && i < 32; i++) {
        char text[MUSTER_ADDRESS_TEXT_BYTES];
        snprintf(text, sizeof text, i % 2 == 0 ? "10.0.0.%u:7777" : "[2001:db8::%x]:65535", i);
        assert_int_equal(muster_address_parse(text, &def.addresses[i]), MUSTER_OK);
    }
    memset(def.private_key, 1, sizeof def.private_key);
    memset(def.nonce, 2, sizeof def.nonce);
    memset(def.client_to_server_key, 3, sizeof def.client_to_server_key);
    memset(def.server_to_client_key, 4, sizeof def.server_to_client_key);
    memset(def.user_data, 5, sizeof def.user_data);
    return def;
}

struct token {
    uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
};

static struct token written(const muster_connect_token_def *def)
{
    struct token token;
    assert_int_equal(muster_connect_token_write(def, token.bytes), MUSTER_OK);
    return token;
}

static struct private_token_seal seal_of(const muster_connect_token_def *def)
{
    return (struct private_token_seal){
        .protocol_id = def->protocol_id,
        .expire_unix_s = def->expire_unix_s,
        .key = def->private_key,
        .nonce = def->nonce,
    };
}

static void any_number_of_servers_arrives_in_both_parts(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX; count++) {
        const muster_connect_token_def def = def_with(count);
        struct token token = written(&def);
        muster_connect_token read;
        assert_int_equal(muster_connect_token_read(token.bytes, &read), MUSTER_OK);
        assert_int_equal(read.address_count, count);
        assert_memory_equal(read.addresses, def.addresses, sizeof def.addresses);
        assert_int_equal(read.timeout_s, -1);
        assert_true(read.expire_unix_s == 145 && read.create_unix_s == 100);

        const struct private_token_seal seal = seal_of(&def);
        assert_true(private_token_open(&seal, read.private_data));
        struct private_token private_token;
        assert_int_equal(private_token_read(read.private_data, &private_token), MUSTER_OK);
        assert_true(private_token.client_id == UINT64_MAX);
        assert_int_equal(private_token.timeout_s, -1);
        assert_memory_equal(private_token.addresses, def.addresses, sizeof def.addresses);
        assert_memory_equal(private_token.user_data, def.user_data, sizeof def.user_data);
    }
}

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES];
    const uint8_t zeros[MUSTER_CONNECT_TOKEN_BYTES] = {0};
    muster_connect_token_def def = def_with(0);
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_ERR_INVALID);
    assert_memory_equal(bytes, zeros, sizeof bytes);
    def = def_with(33);
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_ERR_INVALID);
    def = def_with(3);
    def.addresses[2] = (muster_address){0};
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_ERR_INVALID);
    def = def_with(1);
    def.expire_unix_s = def.create_unix_s - 1;
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_ERR_INVALID);
    def.expire_unix_s = def.create_unix_s;
    assert_int_equal(muster_connect_token_write(&def, bytes), MUSTER_OK);
}

static void a_token_of_another_version_is_refused(void **state)
{
    (void)state;
    const muster_connect_token_def def = def_with(1);
    for (uint32_t i = 0; i < NETCODE_VERSION_BYTES; i++) {
        struct token token = written(&def);
        token.bytes[i] ^= 1;
        muster_connect_token read;
        assert_int_equal(muster_connect_token_read(token.bytes, &read), MUSTER_ERR_VERSION);
        const muster_connect_token none = {0};
        assert_memory_equal(&read, &none, sizeof none);
    }
}

static void a_malformed_token_is_refused(void **state)
{
    (void)state;
    const muster_connect_token_def def = def_with(2);
    muster_connect_token read;
    static const uint8_t counts[] = {0, 33, 255};
    for (uint32_t i = 0; i < sizeof counts; i++) {
        struct token token = written(&def);
        token.bytes[ADDRESS_COUNT_OFFSET] = counts[i];
        assert_int_equal(muster_connect_token_read(token.bytes, &read), MUSTER_ERR_MALFORMED);
    }
    for (uint32_t type = 0; type < 256; type++) {
        struct token token = written(&def);
        token.bytes[FIRST_TYPE_OFFSET] = (uint8_t)type;
        const bool is_good = type == 1;
        const bool is_other_length = type == 2;
        const muster_status status = muster_connect_token_read(token.bytes, &read);
        assert_true(is_other_length || status == (is_good ? MUSTER_OK : MUSTER_ERR_MALFORMED));
    }
    struct token token = written(&def);
    token.bytes[CREATE_OFFSET] = 146;
    assert_int_equal(muster_connect_token_read(token.bytes, &read), MUSTER_ERR_MALFORMED);
}

static void a_malformed_private_part_is_refused(void **state)
{
    (void)state;
    const muster_connect_token_def def = def_with(2);
    const struct private_token_seal seal = seal_of(&def);
    struct token token = written(&def);
    uint8_t *bytes = token.bytes + PRIVATE_OFFSET;
    assert_true(private_token_open(&seal, bytes));
    struct private_token read;
    bytes[12] = 33;
    assert_int_equal(private_token_read(bytes, &read), MUSTER_ERR_MALFORMED);
    bytes[12] = 2;
    assert_int_equal(private_token_read(bytes, &read), MUSTER_OK);
    bytes[16] = 0;
    assert_int_equal(private_token_read(bytes, &read), MUSTER_ERR_MALFORMED);
}

// As another login may write it.
static void a_mapped_address_is_read_as_ipv4(void **state)
{
    (void)state;
    muster_connect_token_def def = def_with(1);
    def.addresses[0] = (muster_address){
        .ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7},
        .port = 9,
        .family = MUSTER_ADDRESS_IPV6,
    };
    const struct token token = written(&def);
    muster_connect_token read;
    assert_int_equal(muster_connect_token_read(token.bytes, &read), MUSTER_OK);
    muster_address expected;
    assert_int_equal(muster_address_parse("192.0.2.7:9", &expected), MUSTER_OK);
    assert_memory_equal(&read.addresses[0], &expected, sizeof expected);
}

// Every bit of the private part, the nonce and what is authenticated beside them.
static void a_changed_bit_breaks_the_seal(void **state)
{
    (void)state;
    const muster_connect_token_def def = def_with(1);
    const struct token token = written(&def);
    for (uint32_t bit = 0; bit < MUSTER_CONNECT_TOKEN_PRIVATE_BYTES * 8; bit++) {
        const struct private_token_seal seal = seal_of(&def);
        uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES];
        memcpy(bytes, token.bytes + PRIVATE_OFFSET, sizeof bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(private_token_open(&seal, bytes));
    }
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES];
        memcpy(bytes, token.bytes + PRIVATE_OFFSET, sizeof bytes);
        struct private_token_seal seal = seal_of(&def);
        seal.protocol_id ^= UINT64_C(1) << bit;
        assert_false(private_token_open(&seal, bytes));
        seal = seal_of(&def);
        seal.expire_unix_s ^= UINT64_C(1) << bit;
        assert_false(private_token_open(&seal, bytes));
    }
    muster_connect_token_def other = def;
    other.private_key[31] ^= 1;
    const struct private_token_seal other_key = seal_of(&other);
    uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES];
    memcpy(bytes, token.bytes + PRIVATE_OFFSET, sizeof bytes);
    assert_false(private_token_open(&other_key, bytes));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_servers_arrives_in_both_parts),
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(a_token_of_another_version_is_refused),
        cmocka_unit_test(a_malformed_token_is_refused),
        cmocka_unit_test(a_malformed_private_part_is_refused),
        cmocka_unit_test(a_mapped_address_is_read_as_ipv4),
        cmocka_unit_test(a_changed_bit_breaks_the_seal),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
