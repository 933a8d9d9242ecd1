// SPDX-License-Identifier: Apache-2.0
#include "net/used_tokens.h"

#include "harness/failing_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct mac {
    uint8_t bytes[USED_TOKEN_MAC_BYTES];
};

static struct mac mac_of(uint32_t number)
{
    struct mac mac = {0};
    memcpy(mac.bytes, &number, sizeof number);
    return mac;
}

static muster_address address_of(const char *text)
{
    muster_address address;
    assert_int_equal(muster_address_parse(text, &address), MUSTER_OK);
    return address;
}

static struct used_tokens *create(uint32_t capacity)
{
    const muster_allocator allocator = muster_heap_allocator();
    struct used_tokens *tokens;
    assert_int_equal(used_tokens_create(&allocator, capacity, 1, &tokens), MUSTER_OK);
    return tokens;
}

static muster_status claim(struct used_tokens *tokens, uint32_t number, uint64_t expire_unix_s)
{
    const struct mac mac = mac_of(number);
    const muster_address address = address_of("10.0.0.1:1");
    return used_tokens_claim(tokens, mac.bytes, &address, expire_unix_s);
}

static void a_token_belongs_to_the_first_address_that_shows_it(void **state)
{
    (void)state;
    struct used_tokens *tokens = create(4);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_OK);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_OK);
    const struct mac mac = mac_of(1);
    const muster_address other_port = address_of("10.0.0.1:2");
    assert_int_equal(used_tokens_claim(tokens, mac.bytes, &other_port, 100), MUSTER_ERR_DENIED);
    const muster_address other_ip = address_of("10.0.0.2:1");
    assert_int_equal(used_tokens_claim(tokens, mac.bytes, &other_ip, 100), MUSTER_ERR_DENIED);
    used_tokens_destroy(tokens);
}

static void a_spent_token_is_refused_everywhere(void **state)
{
    (void)state;
    struct used_tokens *tokens = create(4);
    const struct mac mac = mac_of(1);
    used_tokens_spend(tokens, mac.bytes);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_OK);
    used_tokens_spend(tokens, mac.bytes);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_ERR_DENIED);
    used_tokens_destroy(tokens);
}

static void tokens_that_agree_in_half_of_their_seal_are_not_mixed_up(void **state)
{
    (void)state;
    struct used_tokens *tokens = create(4);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_OK);
    struct mac mac = mac_of(1);
    mac.bytes[15] = 1;
    const muster_address address = address_of("10.0.0.1:1");
    assert_int_equal(used_tokens_claim(tokens, mac.bytes, &address, 100), MUSTER_ERR_DENIED);
    used_tokens_destroy(tokens);
}

static void a_full_table_forgets_nothing_before_it_expires(void **state)
{
    (void)state;
    enum { CAPACITY = 100 };
    struct used_tokens *tokens = create(CAPACITY);
    for (uint32_t number = 0; number < CAPACITY; number++) {
        assert_int_equal(claim(tokens, number, 100 + number), MUSTER_OK);
    }
    used_tokens_sweep(tokens, 99);
    used_tokens_sweep(tokens, 99);
    assert_int_equal(claim(tokens, CAPACITY, 500), MUSTER_ERR_FULL);
    assert_int_equal(claim(tokens, 0, 100), MUSTER_OK);

    // Two sweeps go round the whole table.
    used_tokens_sweep(tokens, 109);
    used_tokens_sweep(tokens, 109);
    for (uint32_t number = 0; number < 10; number++) {
        assert_int_equal(claim(tokens, CAPACITY + number, 500), MUSTER_OK);
    }
    assert_int_equal(claim(tokens, 500, 500), MUSTER_ERR_FULL);
    used_tokens_destroy(tokens);
}

static void a_clock_set_back_does_not_revive_what_was_forgotten(void **state)
{
    (void)state;
    struct used_tokens *tokens = create(4);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_OK);
    used_tokens_sweep(tokens, 5000);
    assert_int_equal(claim(tokens, 1, 100), MUSTER_ERR_DENIED);
    assert_int_equal(claim(tokens, 2, 101), MUSTER_OK);
    used_tokens_destroy(tokens);
}

static void a_creation_that_cannot_succeed_leaves_nothing(void **state)
{
    (void)state;
    struct used_tokens *tokens;
    const muster_allocator heap_allocator = muster_heap_allocator();
    assert_int_equal(used_tokens_create(&heap_allocator, 0, 1, &tokens), MUSTER_ERR_INVALID);
    assert_int_equal(used_tokens_create(&heap_allocator, USED_TOKENS_CAPACITY_MAX + 1, 1, &tokens),
        MUSTER_ERR_INVALID);
    for (uint32_t max = 0; max < 2; max++) {
        struct failing_heap heap = {.alloc_count_max = max};
        const muster_allocator allocator = failing_heap_allocator(&heap);
        assert_int_equal(used_tokens_create(&allocator, 4, 1, &tokens), MUSTER_ERR_NO_MEMORY);
        assert_null(tokens);
        assert_int_equal(heap.bytes_live, 0);
    }
    used_tokens_destroy(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_belongs_to_the_first_address_that_shows_it),
        cmocka_unit_test(a_spent_token_is_refused_everywhere),
        cmocka_unit_test(tokens_that_agree_in_half_of_their_seal_are_not_mixed_up),
        cmocka_unit_test(a_full_table_forgets_nothing_before_it_expires),
        cmocka_unit_test(a_clock_set_back_does_not_revive_what_was_forgotten),
        cmocka_unit_test(a_creation_that_cannot_succeed_leaves_nothing),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
