// SPDX-License-Identifier: Apache-2.0

// Packets of an open connection that are cut, changed, repeated, or another's: at either end each
// is refused, counted, and harms nothing.

#include "net/netcode_packet.h"
#include "net/netcode_pair.h"

#include <stdlib.h>

#define REPLAY_SIZE 256

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair_create(pair);
    pair_connect(pair, 7);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    pair_destroy(*state);
    free(*state);
    return 0;
}

// Which end a packet is for.
enum end {
    TO_SERVER,
    TO_CLIENT,
};

struct crafted {
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    uint32_t length;
};

// A packet with an authentic seal, of any type and size.
static struct crafted craft(
    const struct pair *pair, enum end end, uint32_t type, uint64_t sequence, uint32_t body_bytes)
{
    const muster_connect_token_def *def = &pair->token_def;
    const struct netcode_associated associated = netcode_associated_of(def->protocol_id);
    const struct netcode_header header = {
        .type = (enum netcode_packet_type)type,
        .body_bytes = body_bytes,
        .sequence = sequence,
    };
    struct crafted packet;
    memset(packet.bytes, 0x5a, sizeof packet.bytes);
    packet.length = netcode_packet_seal(&associated,
        end == TO_SERVER ? def->client_to_server_key : def->server_to_client_key, &header,
        packet.bytes);
    return packet;
}

static muster_netcode_counters counters_of(const struct pair *pair, enum end end)
{
    return end == TO_SERVER ? *muster_netcode_server_counters(pair->server)
                            : *muster_netcode_client_counters(pair->client);
}

// Delivers a packet; true if it led to an event or payload.
static bool deliver(struct pair *pair, enum end end, const uint8_t *bytes, uint32_t length)
{
    const muster_address client = address_of(PAIR_CLIENT_ADDRESS);
    const muster_address server = address_of(PAIR_SERVER_ADDRESS);
    return end == TO_SERVER ? pair_server_receive(pair, &client, bytes, length)
                            : pair_client_receive(pair, pair->client, &server, bytes, length);
}

// Delivers a packet that must change nothing but one counter, and returns which.
static muster_netcode_counter refusal(
    struct pair *pair, enum end end, const uint8_t *bytes, uint32_t length)
{
    const muster_netcode_counters before = counters_of(pair, end);
    assert_false(deliver(pair, end, bytes, length));
    const muster_netcode_counters after = counters_of(pair, end);
    muster_netcode_counter counter = MUSTER_NETCODE_COUNTER_COUNT;
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        if (after.values[i] != before.values[i]) {
            assert_int_equal(after.values[i], before.values[i] + 1);
            assert_int_equal(counter, MUSTER_NETCODE_COUNTER_COUNT);
            counter = (muster_netcode_counter)i;
        }
    }
    assert_in_range(counter, MUSTER_NETCODE_COUNTER_REPEATED, MUSTER_NETCODE_COUNTER_COUNT - 1);
    assert_int_equal(pair->to_client.batch.count, 0);
    assert_true(muster_netcode_server_is_connected(pair->server, 0));
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);
    return counter;
}

// The types that an open connection takes, each with a size that it takes.
static const struct {
    enum netcode_packet_type type;
    uint32_t body_bytes;
} open_types[] = {
    {NETCODE_PACKET_KEEP_ALIVE, 8},
    {NETCODE_PACKET_PAYLOAD, 1},
    {NETCODE_PACKET_PAYLOAD, 100},
    {NETCODE_PACKET_DISCONNECT, 0},
};

#define OPEN_TYPE_COUNT (sizeof open_types / sizeof open_types[0])

static void a_packet_cut_anywhere_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        for (uint32_t i = 0; i < OPEN_TYPE_COUNT; i++) {
            const struct crafted packet =
                craft(pair, (enum end)end, open_types[i].type, 70000, open_types[i].body_bytes);
            for (uint32_t length = 1; length < packet.length; length++) {
                const muster_netcode_counter counter =
                    refusal(pair, (enum end)end, packet.bytes, length);
                const bool is_short = length < 18 || length < 1 + 3 + 16;
                assert_int_equal(counter, is_short ? MUSTER_NETCODE_COUNTER_REFUSED_SIZE
                                                   : MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
            }
        }
    }
}

static void a_packet_changed_anywhere_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        for (uint32_t i = 0; i < OPEN_TYPE_COUNT; i++) {
            struct crafted packet =
                craft(pair, (enum end)end, open_types[i].type, 70000, open_types[i].body_bytes);
            for (uint32_t bit = 0; bit < packet.length * 8; bit++) {
                packet.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                refusal(pair, (enum end)end, packet.bytes, packet.length);
                packet.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
    }
}

static void a_packet_with_bytes_added_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        const struct crafted packet = craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 10);
        for (uint32_t length = packet.length + 1; length <= MUSTER_PACKET_BYTES_MAX; length++) {
            assert_int_equal(refusal(pair, (enum end)end, packet.bytes, length),
                MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
        }
    }
}

static void a_packet_is_accepted_once(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        const struct crafted payload =
            craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 10);
        assert_true(deliver(pair, (enum end)end, payload.bytes, payload.length));
        assert_int_equal(refusal(pair, (enum end)end, payload.bytes, payload.length),
            MUSTER_NETCODE_COUNTER_REFUSED_REPLAY);

        // Nor under the number of an accepted packet, whatever the type.
        const struct crafted disconnect =
            craft(pair, (enum end)end, NETCODE_PACKET_DISCONNECT, 70000, 0);
        assert_int_equal(refusal(pair, (enum end)end, disconnect.bytes, disconnect.length),
            MUSTER_NETCODE_COUNTER_REFUSED_REPLAY);
    }
}

static void a_packet_out_of_the_window_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        const struct crafted newest = craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 10);
        assert_true(deliver(pair, (enum end)end, newest.bytes, newest.length));
        const struct crafted too_old =
            craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000 - REPLAY_SIZE, 10);
        assert_int_equal(refusal(pair, (enum end)end, too_old.bytes, too_old.length),
            MUSTER_NETCODE_COUNTER_REFUSED_REPLAY);
        const struct crafted oldest =
            craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000 - REPLAY_SIZE + 1, 10);
        assert_true(deliver(pair, (enum end)end, oldest.bytes, oldest.length));
    }
}

static void a_forged_number_does_not_move_the_window(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        struct crafted packet =
            craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, UINT64_MAX - 1, 10);
        packet.bytes[20] ^= 1;
        assert_int_equal(refusal(pair, (enum end)end, packet.bytes, packet.length),
            MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
        packet = craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 100, 10);
        assert_true(deliver(pair, (enum end)end, packet.bytes, packet.length));
    }
}

static void an_authentic_packet_of_a_wrong_size_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        static const struct {
            enum netcode_packet_type type;
            uint32_t body_bytes;
        } wrong[] = {
            {NETCODE_PACKET_KEEP_ALIVE, 0},
            {NETCODE_PACKET_KEEP_ALIVE, 7},
            {NETCODE_PACKET_KEEP_ALIVE, 9},
            {NETCODE_PACKET_PAYLOAD, 0},
            {NETCODE_PACKET_DISCONNECT, 1},
        };
        for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            // Three bytes of number make even an empty body long enough to be read.
            const struct crafted packet =
                craft(pair, (enum end)end, wrong[i].type, 70000 + i, wrong[i].body_bytes);
            assert_int_equal(refusal(pair, (enum end)end, packet.bytes, packet.length),
                MUSTER_NETCODE_COUNTER_REFUSED_BODY);
        }
    }
}

static void a_type_out_of_place_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        for (uint32_t type = 1; type < 16; type++) {
            const bool is_open_type = type == NETCODE_PACKET_KEEP_ALIVE ||
                                      type == NETCODE_PACKET_PAYLOAD ||
                                      type == NETCODE_PACKET_DISCONNECT;
            if (is_open_type) {
                continue;
            }
            const struct crafted packet = craft(pair, (enum end)end, type, 70000 + type, 308);
            const bool is_late_response = end == TO_SERVER && type == NETCODE_PACKET_RESPONSE;
            assert_int_equal(refusal(pair, (enum end)end, packet.bytes, packet.length),
                is_late_response ? MUSTER_NETCODE_COUNTER_REPEATED
                                 : MUSTER_NETCODE_COUNTER_REFUSED_TYPE);
        }
    }
}

// A client repeats its response until it has the answer; what others send in its name is refused.
static void a_late_response_is_no_refusal_but_a_forged_one_is(void **state)
{
    struct pair *pair = *state;
    struct crafted response = craft(pair, TO_SERVER, NETCODE_PACKET_RESPONSE, 70000, 308);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(refusal(pair, TO_SERVER, response.bytes, response.length),
            MUSTER_NETCODE_COUNTER_REPEATED);
    }
    for (uint32_t bit = 8; bit < response.length * 8; bit++) {
        response.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(refusal(pair, TO_SERVER, response.bytes, response.length),
            MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
        response.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    response = craft(pair, TO_SERVER, NETCODE_PACKET_RESPONSE, 70001, 307);
    assert_int_equal(refusal(pair, TO_SERVER, response.bytes, response.length),
        MUSTER_NETCODE_COUNTER_REFUSED_BODY);
}

static void a_number_of_no_or_too_many_bytes_is_refused(void **state)
{
    struct pair *pair = *state;
    static const uint32_t sizes[] = {0, 9, 10, 15};
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        for (uint32_t i = 0; i < 4; i++) {
            struct crafted packet = craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 100);
            packet.bytes[0] = (uint8_t)(sizes[i] << 4 | NETCODE_PACKET_PAYLOAD);
            assert_int_equal(refusal(pair, (enum end)end, packet.bytes, packet.length),
                MUSTER_NETCODE_COUNTER_REFUSED_SEQUENCE);
        }
    }
}

static void a_request_to_a_client_is_refused(void **state)
{
    struct pair *pair = *state;
    const uint8_t bytes[NETCODE_REQUEST_BYTES] = {0};
    assert_int_equal(
        refusal(pair, TO_CLIENT, bytes, sizeof bytes), MUSTER_NETCODE_COUNTER_REFUSED_TYPE);
}

static void a_packet_of_another_session_or_protocol_is_refused(void **state)
{
    struct pair *pair = *state;
    for (int end = TO_SERVER; end <= TO_CLIENT; end++) {
        const muster_connect_token_def own = pair->token_def;
        pair->token_def = pair_token_def(pair, 8);
        const struct crafted other = craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 10);
        pair->token_def = own;
        assert_int_equal(refusal(pair, (enum end)end, other.bytes, other.length),
            MUSTER_NETCODE_COUNTER_REFUSED_FORGED);

        pair->token_def.protocol_id ^= 1;
        const struct crafted foreign =
            craft(pair, (enum end)end, NETCODE_PACKET_PAYLOAD, 70000, 10);
        pair->token_def = own;
        assert_int_equal(refusal(pair, (enum end)end, foreign.bytes, foreign.length),
            MUSTER_NETCODE_COUNTER_REFUSED_FORGED);

        // What an end sent itself does not come back to it.
        const enum end reflected = end == TO_SERVER ? TO_CLIENT : TO_SERVER;
        const struct crafted echo = craft(pair, reflected, NETCODE_PACKET_PAYLOAD, 70000, 10);
        assert_int_equal(refusal(pair, (enum end)end, echo.bytes, echo.length),
            MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
    }
}

// The version is in what every packet is authenticated with.
static void a_packet_of_another_version_is_refused(void **state)
{
    struct pair *pair = *state;
    const muster_connect_token_def *def = &pair->token_def;
    struct netcode_associated associated = netcode_associated_of(def->protocol_id);
    associated.bytes[NETCODE_VERSION_BYTES - 2] = '1';
    const struct netcode_header header = {
        .type = NETCODE_PACKET_PAYLOAD,
        .body_bytes = 10,
        .sequence = 70000,
    };
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX] = {0};
    uint32_t length = netcode_packet_seal(&associated, def->client_to_server_key, &header, bytes);
    assert_int_equal(
        refusal(pair, TO_SERVER, bytes, length), MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
    length = netcode_packet_seal(&associated, def->server_to_client_key, &header, bytes);
    assert_int_equal(
        refusal(pair, TO_CLIENT, bytes, length), MUSTER_NETCODE_COUNTER_REFUSED_FORGED);
}

static void a_packet_from_another_address_is_refused(void **state)
{
    struct pair *pair = *state;
    const struct crafted up = craft(pair, TO_SERVER, NETCODE_PACKET_PAYLOAD, 70000, 10);
    const muster_address other = address_of("10.0.0.1:5001");
    assert_false(pair_server_receive(pair, &other, up.bytes, up.length));
    assert_int_equal(pair_server_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 1);

    const struct crafted down = craft(pair, TO_CLIENT, NETCODE_PACKET_PAYLOAD, 70000, 10);
    assert_false(pair_client_receive(pair, pair->client, &other, down.bytes, down.length));
    assert_int_equal(pair_client_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS), 1);
}

// A denial to a client that is being connected, and to one that is.
static void a_denial_counts_while_connecting_only(void **state)
{
    struct pair *pair = *state;
    const struct crafted denied = craft(pair, TO_CLIENT, NETCODE_PACKET_DENIED, 70000, 0);
    assert_int_equal(
        refusal(pair, TO_CLIENT, denied.bytes, denied.length), MUSTER_NETCODE_COUNTER_REFUSED_TYPE);
    pair_begin(pair, pair->client, 9);
    const struct crafted current = craft(pair, TO_CLIENT, NETCODE_PACKET_DENIED, 70000, 0);
    assert_false(deliver(pair, TO_CLIENT, current.bytes, current.length));
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_DENIED);
}

// Every packet of the way to a connection, cut and changed, at a client.
static void a_connecting_client_refuses_cut_and_changed_packets(void **state)
{
    struct pair *pair = *state;
    pair_begin(pair, pair->client, 9);
    struct crafted packet =
        craft(pair, TO_CLIENT, NETCODE_PACKET_CHALLENGE, UINT64_C(1) << 63, 308);
    for (uint32_t length = 0; length < packet.length; length++) {
        assert_false(deliver(pair, TO_CLIENT, packet.bytes, length));
    }
    for (uint32_t bit = 0; bit < packet.length * 8; bit++) {
        packet.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(deliver(pair, TO_CLIENT, packet.bytes, packet.length));
        packet.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_REQUESTING);
    deliver(pair, TO_CLIENT, packet.bytes, packet.length);
    assert_int_equal(
        muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_RESPONDING);

    // A payload before the keep-alive that connects is lost, as the standard says.
    packet = craft(pair, TO_CLIENT, NETCODE_PACKET_PAYLOAD, 0, 10);
    assert_false(deliver(pair, TO_CLIENT, packet.bytes, packet.length));
}

// A server that holds the keys can spoil its own connection, but not the one to the next server.
static void a_server_cannot_spoil_the_next_one(void **state)
{
    struct pair *pair = *state;
    assert_true(muster_netcode_server_drop(pair->server, 0));
    const muster_address spoiler = address_of("192.0.2.66:1");
    pair->token_def = pair_token_def(pair, 9);
    pair->token_def.address_count = 2;
    pair->token_def.addresses[1] = pair->token_def.addresses[0];
    pair->token_def.addresses[0] = spoiler;
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    assert_int_equal(muster_connect_token_write(&pair->token_def, token), MUSTER_OK);
    assert_int_equal(muster_netcode_client_connect(pair->client, pair->now, token), MUSTER_OK);

    struct crafted packet =
        craft(pair, TO_CLIENT, NETCODE_PACKET_CHALLENGE, UINT64_C(1) << 63, 308);
    pair_client_receive(pair, pair->client, &spoiler, packet.bytes, packet.length);
    packet = craft(pair, TO_CLIENT, NETCODE_PACKET_KEEP_ALIVE, UINT64_MAX, 7);
    pair_client_receive(pair, pair->client, &spoiler, packet.bytes, packet.length);
    assert_int_equal(pair_client_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_BODY), 1);

    const muster_address from = address_of(PAIR_CLIENT_ADDRESS);
    for (uint32_t i = 0; i < 60; i++) {
        const muster_address to = muster_netcode_client_server_address(pair->client);
        pair_update_client(pair, pair->client);
        if (muster_address_is_equal(&to, &spoiler)) {
            slots_reset(&pair->to_server);
        }
        pair_deliver_to_server(pair, &from);
        pair_update_server(pair);
        pair_deliver_to_client(pair, pair->client);
        pair_advance_us(pair, 100000);
    }
    assert_int_equal(muster_netcode_client_state_of(pair->client), MUSTER_NETCODE_CLIENT_CONNECTED);
}

static void a_client_at_rest_refuses_everything(void **state)
{
    struct pair *pair = *state;
    muster_netcode_client_disconnect(pair->client);
    for (uint32_t type = 1; type < NETCODE_PACKET_TYPE_COUNT; type++) {
        const struct crafted packet = craft(pair, TO_CLIENT, type, 70000, 8);
        assert_false(deliver(pair, TO_CLIENT, packet.bytes, packet.length));
    }
    assert_int_equal(pair_client_count(pair, MUSTER_NETCODE_COUNTER_REFUSED_TYPE), 6);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_packet_cut_anywhere_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_changed_anywhere_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_with_bytes_added_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_is_accepted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_out_of_the_window_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_number_does_not_move_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_authentic_packet_of_a_wrong_size_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_type_out_of_place_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_late_response_is_no_refusal_but_a_forged_one_is, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_number_of_no_or_too_many_bytes_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_to_a_client_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_packet_of_another_session_or_protocol_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_of_another_version_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_packet_from_another_address_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_denial_counts_while_connecting_only, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_connecting_client_refuses_cut_and_changed_packets, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_cannot_spoil_the_next_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_at_rest_refuses_everything, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
