// SPDX-License-Identifier: Apache-2.0

// What a server does with requests and responses that it must refuse, and with definitions.

#include "net/netcode_packet.h"
#include "net/netcode_pair.h"

#include <sodium.h>
#include <stdlib.h>

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair_create(pair);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    pair_destroy(*state);
    free(*state);
    return 0;
}

struct request {
    uint8_t bytes[NETCODE_REQUEST_BYTES];
};

// The request that a client sends with a token of this definition.
static struct request request_of(struct pair *pair, const muster_connect_token_def *def)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_OK);
    pair_update_client(pair, pair->client);
    assert_int_equal(pair->to_server.batch.count, 1);
    assert_int_equal(pair->to_server.packets[0].length, NETCODE_REQUEST_BYTES);
    struct request request;
    memcpy(request.bytes, pair->to_server.packets[0].bytes, sizeof request.bytes);
    slots_reset(&pair->to_server);
    return request;
}

static struct request request_number(struct pair *pair, uint64_t number)
{
    const muster_connect_token_def def = pair_token_def(pair, number);
    return request_of(pair, &def);
}

// Sends a request and says whether it was answered.
static bool is_answered(struct pair *pair, const struct request *request, const char *from)
{
    const muster_address address = address_of(from);
    const uint32_t count = pair->to_client.batch.count;
    assert_false(pair_server_receive(pair, &address, request->bytes, sizeof request->bytes));
    const bool is_answered = pair->to_client.batch.count > count;
    slots_reset(&pair->to_client);
    return is_answered;
}

// A refusal, or a repetition: no answer, no event, this counter and no other.
static void expect_refused(struct pair *pair,
    const struct request *request,
    const char *from,
    muster_netcode_counter counter)
{
    const muster_netcode_counters before = *muster_netcode_server_counters(pair->server);
    assert_false(is_answered(pair, request, from));
    const muster_netcode_counters *after = muster_netcode_server_counters(pair->server);
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        assert_int_equal(after->values[i] - before.values[i], i == (uint32_t)counter ? 1 : 0);
    }
}

static void a_request_of_another_size_is_refused(void **state)
{
    struct pair *pair = *state;
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX] = {0};
    const struct request request = request_number(pair, 1);
    memcpy(bytes, request.bytes, sizeof request.bytes);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    uint64_t refused_count = 0;
    for (uint32_t length = 1; length <= sizeof bytes; length++) {
        if (length == NETCODE_REQUEST_BYTES) {
            continue;
        }
        assert_false(pair_server_receive(pair, &from, bytes, length));
        refused_count++;
    }
    assert_int_equal(pair->to_client.batch.count, 0);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), refused_count);
}

static void an_empty_packet_is_refused(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    assert_false(pair_server_receive(pair, &from, NULL, 0));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 1);
}

static void every_changed_bit_of_a_request_is_refused(void **state)
{
    struct pair *pair = *state;
    const struct request request = request_number(pair, 1);
    for (uint32_t bit = 8; bit < NETCODE_REQUEST_BYTES * 8; bit++) {
        struct request changed = request;
        changed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(is_answered(pair, &changed, PAIR_CLIENT_ADDRESS));
    }
    const uint64_t version_bits = UINT64_C(8) * NETCODE_VERSION_BYTES;
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_VERSION), version_bits);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL), 64);
    const uint64_t sealed_bits = UINT64_C(8) * (24 + 1024);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED) +
                         pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED),
        64 + sealed_bits);

    // None of them spoilt the token.
    assert_true(is_answered(pair, &request, PAIR_CLIENT_ADDRESS));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REQUEST), 1);
}

static void an_expired_token_is_refused_from_its_second_on(void **state)
{
    struct pair *pair = *state;
    const struct request request = request_number(pair, 1);
    pair->now.unix_s += 30;
    expect_refused(
        pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED);
    pair->now.unix_s -= 1;
    assert_true(is_answered(pair, &request, PAIR_CLIENT_ADDRESS));
}

static void a_token_with_another_key_is_refused(void **state)
{
    struct pair *pair = *state;
    muster_connect_token_def def = pair_token_def(pair, 1);
    def.private_key[0] ^= 1;
    const struct request request = request_of(pair, &def);
    expect_refused(
        pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED);
}

static void a_token_for_another_server_is_refused(void **state)
{
    struct pair *pair = *state;
    muster_connect_token_def def = pair_token_def(pair, 1);
    def.addresses[0].port++;
    struct request request = request_of(pair, &def);
    expect_refused(
        pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER);

    // One of several is enough.
    def = pair_token_def(pair, 2);
    def.address_count = 3;
    def.addresses[2] = def.addresses[0];
    def.addresses[0] = address_of("192.0.2.2:7777");
    def.addresses[1] = address_of("[2001:db8::1]:7777");
    request = request_of(pair, &def);
    assert_true(is_answered(pair, &request, PAIR_CLIENT_ADDRESS));
}

// A login with a broken program: authentic, but not what the format says.
static void an_authentic_but_malformed_token_is_refused(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def def = pair_token_def(pair, 1);
    struct request request = request_of(pair, &def);
    uint8_t *bytes = request.bytes + NETCODE_REQUEST_PRIVATE_OFFSET;
    const struct private_token_seal seal = {
        .protocol_id = def.protocol_id,
        .expire_unix_s = def.expire_unix_s,
        .key = def.private_key,
        .nonce = def.nonce,
    };
    assert_true(private_token_open(&seal, bytes));
    bytes[12] = 0; // the number of addresses
    uint8_t associated[NETCODE_VERSION_BYTES + 16];
    memcpy(associated, request.bytes + 1, sizeof associated);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes, NULL, bytes,
        MUSTER_CONNECT_TOKEN_PRIVATE_BYTES - NETCODE_MAC_BYTES, associated, sizeof associated, NULL,
        def.nonce, def.private_key);
    expect_refused(
        pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED);
}

static void a_token_shown_from_another_address_is_refused(void **state)
{
    struct pair *pair = *state;
    const struct request request = request_number(pair, 1);
    assert_true(is_answered(pair, &request, "10.0.0.1:1"));
    expect_refused(pair, &request, "10.0.0.1:2", MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED);
    expect_refused(pair, &request, "[2001:db8::1]:1", MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED);
    assert_true(is_answered(pair, &request, "10.0.0.1:1"));
}

static void a_token_leads_to_one_connection(void **state)
{
    struct pair *pair = *state;
    const struct request request = request_number(pair, 1);
    pair_connect(pair, 1);
    const struct request other = request_number(pair, 2);
    expect_refused(pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REPEATED);
    expect_refused(
        pair, &other, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS_CONNECTED);
    expect_refused(pair, &other, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REPEATED);
    expect_refused(pair, &request, "10.0.0.9:1", MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED);
    assert_true(muster_netcode_server_drop(pair->server, 0));
    expect_refused(pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED);
}

static void the_table_of_tokens_has_an_end(void **state)
{
    struct pair *pair = *state;
    for (uint64_t number = 0; number < pair->server_def.token_count_max; number++) {
        const struct request request = request_number(pair, number);
        is_answered(pair, &request, PAIR_CLIENT_ADDRESS);
    }
    const struct request request = request_number(pair, 99);
    expect_refused(pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL);

    // Tokens that expire make room.
    pair->now.unix_s += 30;
    pair_update_server(pair);
    const struct request fresh = request_number(pair, 100);
    assert_true(is_answered(pair, &fresh, PAIR_CLIENT_ADDRESS));
}

static void the_table_of_pending_connections_has_an_end(void **state)
{
    struct pair *pair = *state;
    char from[MUSTER_ADDRESS_TEXT_BYTES] = "10.0.0.1:1";
    for (uint64_t number = 0; number < pair->server_def.pending_count_max; number++) {
        from[9] = (char)('1' + number);
        const struct request request = request_number(pair, number);
        assert_true(is_answered(pair, &request, from));
    }
    const struct request request = request_number(pair, 99);
    expect_refused(pair, &request, "10.0.0.1:9", MUSTER_NETCODE_COUNTER_REFUSED_PENDING_FULL);

    // After the tokens' timeout the entries are free.
    for (uint32_t s = 0; s < 5; s++) {
        pair_update_server(pair);
        expect_refused(pair, &request, "10.0.0.1:9", MUSTER_NETCODE_COUNTER_REFUSED_PENDING_FULL);
        pair_advance_us(pair, 1000000);
    }
    pair_update_server(pair);
    assert_true(is_answered(pair, &request, "10.0.0.1:9"));
}

static void an_answer_needs_a_free_slot_and_is_given_when_there_is_one(void **state)
{
    struct pair *pair = *state;
    const struct request request = request_number(pair, 1);
    pair->to_client.batch.count = pair->to_client.batch.capacity;
    expect_refused(pair, &request, PAIR_CLIENT_ADDRESS, MUSTER_NETCODE_COUNTER_REFUSED_NO_SLOT);
    assert_true(is_answered(pair, &request, PAIR_CLIENT_ADDRESS));
}

// Fills all four slots with clients of their own.
static void fill_server(struct pair *pair)
{
    for (uint64_t number = 0; number < 4; number++) {
        muster_netcode_client *client;
        assert_int_equal(muster_netcode_client_create(NULL, &client), MUSTER_OK);
        muster_address from = address_of("10.0.0.2:1");
        from.port = (uint16_t)(100 + number);
        pair_connect_from(pair, client, 50 + number, &from);
        muster_netcode_client_destroy(client);
    }
    assert_int_equal(muster_netcode_server_client_count(pair->server), 4);
}

static void a_full_server_denies(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    fill_server(pair);
    pair_begin(pair, pair->client, 1);
    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    pair_deliver_to_client(pair, pair->client);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL), 1);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_DENIED);

    // Without room for the denial it is counted all the same.
    const struct request request = request_number(pair, 2);
    pair->to_client.batch.count = pair->to_client.batch.capacity;
    expect_refused(pair, &request, "10.0.0.9:9", MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL);
}

static void a_server_that_fills_up_denies_the_response_too(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 1);
    pair_step(pair, pair->client, &from, 0);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_RESPONDING);
    fill_server(pair);
    pair_update_client(pair, pair->client);
    pair_deliver_to_server(pair, &from);
    pair_deliver_to_client(pair, pair->client);
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_DENIED);
}

static void the_first_response_with_an_id_wins(void **state)
{
    struct pair *pair = *state;
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    pair_begin(pair, pair->client, 1);
    pair_step(pair, pair->client, &from, 0);

    // Another token of the same id, from elsewhere.
    muster_netcode_client *other;
    assert_int_equal(muster_netcode_client_create(NULL, &other), MUSTER_OK);
    const muster_address other_from = address_of("10.0.0.3:1");
    muster_connect_token_def def = pair_token_def(pair, 1);
    def.nonce[0]++;
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(other, pair->now, token), MUSTER_OK);
    pair_step(pair, other, &other_from, 0);
    pair_step(pair, other, &other_from, 0);
    assert_int_equal(muster_netcode_client_state_of(other), MUSTER_NETCODE_CLIENT_CONNECTED);
    muster_netcode_client_destroy(other);

    pair_step(pair, pair->client, &from, 0);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED), 1);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_RESPONDING);
}

// A sealed response with this challenge.
static uint32_t response(
    const muster_connect_token_def *def, const uint8_t *challenge_body, uint8_t *out_bytes)
{
    const struct netcode_associated associated = netcode_associated_of(def->protocol_id);
    const struct netcode_header header = {
        .type = NETCODE_PACKET_RESPONSE,
        .body_bytes = NETCODE_CHALLENGE_BODY_BYTES,
    };
    memcpy(out_bytes + MUSTER_NETCODE_PAYLOAD_OFFSET, challenge_body, NETCODE_CHALLENGE_BODY_BYTES);
    return netcode_packet_seal(&associated, def->client_to_server_key, &header, out_bytes);
}

// Takes the challenge out of the server's answer.
static void read_challenge(
    struct pair *pair, const muster_connect_token_def *def, uint8_t *out_challenge_body)
{
    muster_packet *packet = &pair->to_client.packets[0];
    const struct netcode_associated associated = netcode_associated_of(def->protocol_id);
    struct netcode_header header;
    muster_netcode_counter refusal;
    assert_true(netcode_header_read(packet->bytes, packet->length, &header, &refusal));
    assert_int_equal(header.type, NETCODE_PACKET_CHALLENGE);
    assert_true(header.sequence >= UINT64_C(1) << 63);
    assert_true(
        netcode_packet_open(&associated, def->server_to_client_key, &header, packet->bytes));
    memcpy(out_challenge_body, packet->bytes + header.body_offset, NETCODE_CHALLENGE_BODY_BYTES);
    slots_reset(&pair->to_client);
}

static void a_challenge_is_good_for_its_client_only(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def defs[2] = {pair_token_def(pair, 1), pair_token_def(pair, 2)};
    const muster_address from[2] = {address_of("10.0.0.1:1"), address_of("10.0.0.1:2")};
    uint8_t challenges[2][NETCODE_CHALLENGE_BODY_BYTES];
    for (uint32_t i = 0; i < 2; i++) {
        const struct request request = request_of(pair, &defs[i]);
        pair_server_receive(pair, &from[i], request.bytes, sizeof request.bytes);
        read_challenge(pair, &defs[i], challenges[i]);
    }
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    uint32_t length = response(&defs[0], challenges[1], bytes);
    assert_false(pair_server_receive(pair, &from[0], bytes, length));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_CHALLENGE), 1);

    // From the wrong address the packet's own key does not fit either.
    length = response(&defs[0], challenges[0], bytes);
    assert_false(pair_server_receive(pair, &from[1], bytes, length));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_FORGED), 1);

    assert_true(pair_server_receive(pair, &from[0], bytes, length));
    assert_int_equal(pair->event.client_id, 1);
}

static void every_changed_bit_of_a_challenge_is_refused(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def def = pair_token_def(pair, 1);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const struct request request = request_of(pair, &def);
    pair_server_receive(pair, &from, request.bytes, sizeof request.bytes);
    uint8_t challenge[NETCODE_CHALLENGE_BODY_BYTES];
    read_challenge(pair, &def, challenge);
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    for (uint32_t bit = 0; bit < NETCODE_CHALLENGE_BODY_BYTES * 8; bit++) {
        challenge[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const uint32_t length = response(&def, challenge, bytes);
        assert_false(pair_server_receive(pair, &from, bytes, length));
        challenge[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_CHALLENGE),
        UINT64_C(8) * NETCODE_CHALLENGE_BODY_BYTES);
    const uint32_t length = response(&def, challenge, bytes);
    assert_true(pair_server_receive(pair, &from, bytes, length));
}

static void a_response_after_its_time_is_refused(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def def = pair_token_def(pair, 1);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const struct request request = request_of(pair, &def);
    pair_server_receive(pair, &from, request.bytes, sizeof request.bytes);
    uint8_t challenge[NETCODE_CHALLENGE_BODY_BYTES];
    read_challenge(pair, &def, challenge);
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    const uint32_t length = response(&def, challenge, bytes);
    for (uint32_t s = 0; s < 5; s++) {
        pair_advance_us(pair, 1000000);
        assert_false(pair_server_receive(pair, &from, bytes, 1));
    }
    assert_false(pair_server_receive(pair, &from, bytes, length));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 2);
}

// Whatever else comes from an address that is being connected.
static void a_pending_address_is_trusted_with_a_response_only(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def def = pair_token_def(pair, 1);
    const struct netcode_associated associated = netcode_associated_of(def.protocol_id);
    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    const struct request request = request_of(pair, &def);
    pair_server_receive(pair, &from, request.bytes, sizeof request.bytes);
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX] = {0};
    for (uint32_t type = 1; type < NETCODE_PACKET_TYPE_COUNT; type++) {
        const struct netcode_header header = {
            .type = (enum netcode_packet_type)type,
            .body_bytes = 8,
            .sequence = type,
        };
        const uint32_t length =
            netcode_packet_seal(&associated, def.client_to_server_key, &header, bytes);
        assert_false(pair_server_receive(pair, &from, bytes, length));
        assert_false(pair_server_receive(pair, &from, bytes, NETCODE_PACKET_BYTES_MIN - 1));
    }
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_TYPE), 5);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_BODY), 1);
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), 6);
    assert_int_equal(muster_netcode_server_client_count(pair->server), 0);
}

static void a_definition_out_of_range_is_refused(void **state)
{
    (void)state;
    muster_netcode_server *server;
    muster_netcode_server_def good = muster_netcode_server_default_def();
    good.address_count = 1;
    good.addresses[0] = address_of(PAIR_SERVER_ADDRESS);
    muster_netcode_server_def defs[10];
    for (uint32_t i = 0; i < 10; i++) {
        defs[i] = good;
    }
    defs[0].address_count = 0;
    defs[1].address_count = MUSTER_NETCODE_SERVER_ADDRESS_COUNT_MAX + 1;
    defs[2].addresses[0] = (muster_address){0};
    defs[3].client_count_max = 0;
    defs[4].client_count_max = MUSTER_NETCODE_CLIENT_COUNT_MAX + 1;
    defs[5].pending_count_max = 0;
    defs[6].pending_count_max = MUSTER_NETCODE_CLIENT_COUNT_MAX + 1;
    defs[7].token_count_max = 0;
    defs[8].token_count_max = (1u << 20) + 1;
    defs[9].allocator.alloc = NULL;
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(muster_netcode_server_create(&defs[i], &server), MUSTER_ERR_INVALID);
        assert_null(server);
    }
}

static void a_creation_that_cannot_succeed_leaves_nothing(void **state)
{
    (void)state;
    muster_netcode_server_def def = muster_netcode_server_default_def();
    def.address_count = 1;
    def.addresses[0] = address_of(PAIR_SERVER_ADDRESS);
    muster_netcode_server *server;
    for (uint32_t max = 0; max < 5; max++) {
        struct failing_heap heap = {.alloc_count_max = max};
        def.allocator = failing_heap_allocator(&heap);
        assert_int_equal(muster_netcode_server_create(&def, &server), MUSTER_ERR_NO_MEMORY);
        assert_null(server);
        assert_int_equal(heap.bytes_live, 0);
    }
    struct failing_heap heap = {.alloc_count_max = 0};
    const muster_allocator allocator = failing_heap_allocator(&heap);
    muster_netcode_client *client;
    assert_int_equal(muster_netcode_client_create(&allocator, &client), MUSTER_ERR_NO_MEMORY);
    assert_null(client);
    muster_netcode_server_destroy(NULL);
    muster_netcode_client_destroy(NULL);
}

static void every_counter_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        const char *name = muster_netcode_counter_name((muster_netcode_counter)i);
        assert_string_not_equal(name, "unknown");
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(name, muster_netcode_counter_name((muster_netcode_counter)j));
        }
    }
    assert_string_equal(muster_netcode_counter_name(MUSTER_NETCODE_COUNTER_COUNT), "unknown");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_of_another_size_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_packet_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_changed_bit_of_a_request_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_expired_token_is_refused_from_its_second_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_with_another_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_for_another_server_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_authentic_but_malformed_token_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_token_shown_from_another_address_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_leads_to_one_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_of_tokens_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_table_of_pending_connections_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_answer_needs_a_free_slot_and_is_given_when_there_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_server_denies, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_server_that_fills_up_denies_the_response_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_response_with_an_id_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(a_challenge_is_good_for_its_client_only, setup, teardown),
        cmocka_unit_test_setup_teardown(
            every_changed_bit_of_a_challenge_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_response_after_its_time_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_pending_address_is_trusted_with_a_response_only, setup, teardown),
        cmocka_unit_test(a_definition_out_of_range_is_refused),
        cmocka_unit_test(a_creation_that_cannot_succeed_leaves_nothing),
        cmocka_unit_test(every_counter_has_a_name_of_its_own),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
