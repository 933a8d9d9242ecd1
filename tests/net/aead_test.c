// SPDX-License-Identifier: Apache-2.0

// libsodium's own combination is the model, at every length.

#include "net/aead.h"

#include "harness/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define GUARD_BYTES 64

static uint64_t test_seed = 20261120;

struct sample {
    uint8_t key[32];
    uint8_t nonce[12];
    uint8_t associated[AEAD_ASSOCIATED_BYTES_MAX];
    uint8_t text[AEAD_BYTES_MAX + GUARD_BYTES];
};

static struct sample sample_of(uint64_t *random)
{
    struct sample sample;
    uint8_t *bytes = (uint8_t *)&sample;
    for (size_t i = 0; i < sizeof sample; i++) {
        bytes[i] = (uint8_t)random_next(random);
    }
    return sample;
}

static struct aead aead_of(const struct sample *sample, uint32_t associated_bytes)
{
    return (struct aead){
        .key = sample->key,
        .nonce = sample->nonce,
        .associated = sample->associated,
        .associated_bytes = associated_bytes,
    };
}

static void every_length_equals_libsodium_both_ways(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)test_seed);
    uint64_t random = test_seed;
    for (uint32_t length = 0; length <= AEAD_BYTES_MAX; length++) {
        const struct sample sample = sample_of(&random);
        const struct aead aead = aead_of(&sample, length % (AEAD_ASSOCIATED_BYTES_MAX + 1));
        uint8_t expected[sizeof sample.text];
        uint8_t expected_mac[AEAD_MAC_BYTES];
        memcpy(expected, sample.text, sizeof expected);
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(expected, expected_mac, NULL, expected,
            length, aead.associated, aead.associated_bytes, NULL, aead.nonce, aead.key);

        uint8_t sealed[sizeof sample.text];
        uint8_t mac[AEAD_MAC_BYTES];
        memcpy(sealed, sample.text, sizeof sealed);
        aead_seal(&aead, sealed, length, mac);
        assert_memory_equal(sealed, expected, sizeof sealed); // and nothing beyond the length
        assert_memory_equal(mac, expected_mac, sizeof mac);

        assert_true(aead_open(&aead, sealed, length, mac));
        assert_memory_equal(sealed, sample.text, sizeof sealed);
    }
}

static void a_forgery_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    uint64_t random = test_seed;
    static const uint32_t lengths[] = {0, 1, 16, 192, 448, 449, AEAD_BYTES_MAX};
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const uint32_t length = lengths[i];
        struct sample sample = sample_of(&random);
        const struct aead aead = aead_of(&sample, 22);
        uint8_t mac[AEAD_MAC_BYTES];
        aead_seal(&aead, sample.text, length, mac);
        const struct sample sealed = sample;
        for (uint32_t bit = 0; bit < (length + AEAD_MAC_BYTES + 22) * 8; bit++) {
            const uint32_t byte = bit / 8;
            uint8_t *changed = byte < length ? &sample.text[byte]
                               : byte < length + AEAD_MAC_BYTES
                                   ? &mac[byte - length]
                                   : &sample.associated[byte - length - AEAD_MAC_BYTES];
            *changed ^= (uint8_t)(1u << bit % 8);
            assert_false(aead_open(&aead, sample.text, length, mac));
            *changed ^= (uint8_t)(1u << bit % 8);
        }
        assert_memory_equal(sample.text, sealed.text, sizeof sealed.text);
        assert_true(aead_open(&aead, sample.text, length, mac));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_equals_libsodium_both_ways),
        cmocka_unit_test(a_forgery_is_refused_and_left_as_it_is),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    if (argc > 2) {
        test_seed = strtoull(argv[2], NULL, 10);
    }
    return sodium_init() < 0 ? EXIT_FAILURE : cmocka_run_group_tests(tests, NULL, NULL);
}
