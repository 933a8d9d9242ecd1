// SPDX-License-Identifier: Apache-2.0
#include "net/link_server.h"

#include "net/netcode_pair.h"

#define LINK_COUNT_MAX 3u
#define TIMEOUT_US     5000000u // of the pair's tokens
#define STEP_US        500000u  // less than the most that a clock steps

// A link server beside the netcode server of a pair, with slots for its packets.
struct links {
    struct pair pair;
    struct link_server *server;
    muster_netcode_event event;
    uint8_t bytes[MUSTER_LINK_TICKET_BYTES];
    uint64_t token_number;
};

static int setup(void **state)
{
    static struct links links;
    links = (struct links){0};
    pair_create(&links.pair);
    const struct link_server_def def = {
        .netcode = links.pair.server,
        .link_count_max = LINK_COUNT_MAX,
        .seed = 5,
        .allocator = failing_heap_allocator(&links.pair.heap),
    };
    assert_int_equal(link_server_create(&def, &links.server), MUSTER_OK);
    *state = &links;
    return 0;
}

static int teardown(void **state)
{
    struct links *links = *state;
    link_server_destroy(links->server);
    pair_destroy(&links->pair);
    return 0;
}

static bool receive(struct links *links, uint32_t number, const void *bytes, uint32_t length)
{
    slots_reset(&links->pair.to_client);
    assert_true(length <= sizeof links->bytes);
    if (length > 0) {
        memmove(links->bytes, bytes, length);
    }
    muster_packet packet = {
        .address = muster_address_of_link(number), .length = length, .bytes = links->bytes};
    links->event = (muster_netcode_event){0};
    return link_server_receive(
        links->server, links->pair.now, &packet, &links->pair.to_client.batch, &links->event);
}

static void write_ticket(const muster_connect_token_def *def, uint8_t *out_ticket)
{
    const muster_address peer = address_of("198.51.100.7:4567");
    muster_link_write_peer(&peer, out_ticket);
    assert_int_equal(
        muster_connect_token_write(def, out_ticket + MUSTER_LINK_PEER_BYTES), MUSTER_OK);
}

static void make_ticket(struct links *links, uint8_t *out_ticket)
{
    const muster_connect_token_def def = pair_token_def(&links->pair, ++links->token_number);
    write_ticket(&def, out_ticket);
}

static uint32_t connect(struct links *links, uint32_t number)
{
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    make_ticket(links, ticket);
    assert_true(receive(links, number, ticket, sizeof ticket));
    assert_int_equal(links->event.type, MUSTER_NETCODE_EVENT_CONNECTED);
    return links->event.client_index;
}

static uint64_t counter(const struct links *links, muster_netcode_counter which)
{
    return link_server_counters(links->server)->values[which];
}

static uint64_t counter_sum(const struct links *links)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        sum += link_server_counters(links->server)->values[i];
    }
    return sum;
}

// The answer to a ticket that is refused: why, and the end.
static void assert_refused(
    struct links *links, uint32_t number, muster_netcode_counter which, muster_close_reason reason)
{
    const muster_packet_batch *batch = &links->pair.to_client.batch;
    assert_int_equal(batch->count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(muster_address_link(&batch->packets[i].address), number);
    }
    assert_true(batch->packets[0].length > 3);
    assert_int_equal(batch->packets[0].bytes[0], 0);
    assert_int_equal(batch->packets[0].bytes[1], reason);
    assert_int_equal(batch->packets[1].length, 0);
    assert_true(counter(links, which) > 0);
}

static void the_peer_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const texts[] = {"1.2.3.4:5", "255.255.255.255:65535", "[2001:db8::9]:443"};
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t bytes[MUSTER_LINK_PEER_BYTES];
        const muster_address peer = address_of(texts[i]);
        muster_link_write_peer(&peer, bytes);
        const muster_address read = muster_link_read_peer(bytes);
        assert_memory_equal(&read, &peer, sizeof peer);
    }
}

static void a_ticket_opens_a_connection_with_its_user_data(void **state)
{
    struct links *links = *state;
    const uint32_t index = connect(links, 70);
    const muster_connect_token_def def = pair_token_def(&links->pair, 1);
    const muster_address peer = address_of("198.51.100.7:4567");
    assert_true(index < LINK_COUNT_MAX);
    assert_int_equal(links->event.length, MUSTER_NETCODE_USER_DATA_BYTES);
    assert_memory_equal(links->event.bytes, def.user_data, sizeof def.user_data);
    assert_int_equal(links->event.client_id, 1);
    assert_true(muster_address_is_equal(&links->event.address, &peer));
    assert_int_equal(links->pair.to_client.batch.count, 0);
    assert_int_equal(link_server_count(links->server), 1);
    assert_int_equal(link_server_index_end(links->server), 1);
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REQUEST), 1);
}

static void packets_of_an_open_link_are_payloads_as_they_are(void **state)
{
    struct links *links = *state;
    const uint32_t index = connect(links, 70);
    uint8_t bytes[MUSTER_NETCODE_PAYLOAD_BYTES_MAX + 1];
    memset(bytes, 0xab, sizeof bytes);
    for (uint32_t length = 1; length <= MUSTER_NETCODE_PAYLOAD_BYTES_MAX; length++) {
        assert_true(receive(links, 70, bytes, length));
        assert_int_equal(links->event.type, MUSTER_NETCODE_EVENT_PAYLOAD);
        assert_int_equal(links->event.client_index, index);
        assert_int_equal(links->event.length, length);
        assert_memory_equal(links->event.bytes, bytes, length);
    }
    assert_false(receive(links, 70, bytes, sizeof bytes));
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), 1);
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_PAYLOAD), 1200);
    assert_int_equal(links->pair.to_client.batch.count, 0);
}

static void a_ticket_cut_at_any_length_is_refused(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    make_ticket(links, ticket);
    for (uint32_t length = 1; length < sizeof ticket; length++) {
        assert_false(receive(links, length, ticket, length));
        assert_refused(links, length, MUSTER_NETCODE_COUNTER_REFUSED_SIZE, MUSTER_CLOSE_REFUSED);
    }
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_SIZE), sizeof ticket - 1);
    assert_int_equal(link_server_count(links->server), 0);
    assert_true(receive(links, 9000, ticket, sizeof ticket));
}

// The seal covers what leads to a connection; the rest of a token is for the client.
static void a_ticket_with_a_changed_byte_is_refused_where_it_counts(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    const uint32_t first = MUSTER_LINK_PEER_BYTES;
    uint32_t number = 1;
    make_ticket(links, ticket);
    for (uint32_t i = 0; i < 1085; i++) {
        const bool is_creation = i >= 21 && i < 29;
        if (is_creation) {
            continue;
        }
        ticket[first + i] ^= 1;
        assert_false(receive(links, number++, ticket, sizeof ticket));
        assert_int_equal(links->pair.to_client.batch.count, 2);
        ticket[first + i] ^= 1;
    }
    assert_true(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED) >= 24 + 1024);
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_VERSION), 13);
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL), 8);
    assert_int_equal(counter_sum(links), number - 1);
    assert_true(receive(links, number, ticket, sizeof ticket));
}

static void a_ticket_that_cannot_be_read_is_refused(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    make_ticket(links, ticket);
    ticket[MUSTER_LINK_PEER_BYTES + 1089] = 33; // addresses, more than there may be
    assert_false(receive(links, 1, ticket, sizeof ticket));
    assert_refused(links, 1, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED, MUSTER_CLOSE_REFUSED);
}

static void expect_refusal(struct links *links,
    const muster_connect_token_def *def,
    uint32_t number,
    muster_netcode_counter which,
    muster_close_reason reason)
{
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    write_ticket(def, ticket);
    assert_false(receive(links, number, ticket, sizeof ticket));
    assert_refused(links, number, which, reason);
    assert_int_equal(counter(links, which), 1);
}

static void a_ticket_that_is_not_for_here_and_now_is_refused(void **state)
{
    struct links *links = *state;
    muster_connect_token_def def = pair_token_def(&links->pair, 1);
    def.expire_unix_s = links->pair.now.unix_s;
    expect_refusal(
        links, &def, 1, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED, MUSTER_CLOSE_REFUSED);
    def = pair_token_def(&links->pair, 2);
    def.protocol_id++;
    expect_refusal(links, &def, 2, MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL, MUSTER_CLOSE_VERSION);
    def = pair_token_def(&links->pair, 3);
    def.private_key[31] ^= 0x80;
    expect_refusal(
        links, &def, 3, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED, MUSTER_CLOSE_REFUSED);
    def = pair_token_def(&links->pair, 4);
    def.addresses[0].port++;
    expect_refusal(
        links, &def, 4, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER, MUSTER_CLOSE_REFUSED);
    assert_int_equal(link_server_count(links->server), 0);
}

static void a_token_is_good_for_one_connection(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    uint8_t copy[MUSTER_LINK_TICKET_BYTES];
    make_ticket(links, ticket);
    uint8_t again[MUSTER_LINK_TICKET_BYTES];
    memcpy(copy, ticket, sizeof copy);
    memcpy(again, ticket, sizeof again);
    assert_true(receive(links, 1, ticket, sizeof ticket));
    assert_false(receive(links, 2, copy, sizeof copy));
    assert_refused(links, 2, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED, MUSTER_CLOSE_REFUSED);
    assert_true(receive(links, 1, NULL, 0)); // also when its connection has ended
    assert_false(receive(links, 3, copy, sizeof copy));
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED), 2);
    assert_false(receive(links, 1, again, sizeof again)); // also on a link of its number
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED), 3);
}

static void links_beyond_the_slots_are_refused_and_their_tickets_stay_good(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    uint8_t copy[MUSTER_LINK_TICKET_BYTES];
    for (uint32_t i = 1; i <= LINK_COUNT_MAX; i++) {
        (void)connect(links, i);
    }
    make_ticket(links, ticket);
    memcpy(copy, ticket, sizeof copy);
    assert_false(receive(links, 8, ticket, sizeof ticket));
    assert_refused(links, 8, MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL, MUSTER_CLOSE_FULL);
    assert_int_equal(link_server_count(links->server), LINK_COUNT_MAX);
    assert_true(receive(links, 2, NULL, 0));
    assert_true(receive(links, 9, copy, sizeof copy));
}

static void nothing_is_allocated_after_creation(void **state)
{
    struct links *links = *state;
    const uint32_t alloc_count = links->pair.heap.alloc_count;
    for (uint32_t i = 1; i <= 2 * LINK_COUNT_MAX; i++) {
        uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
        make_ticket(links, ticket);
        (void)receive(links, i, ticket, sizeof ticket);
    }
    (void)receive(links, 1, NULL, 0);
    assert_int_equal(links->pair.heap.alloc_count, alloc_count);
    assert_int_equal(links->pair.heap.free_count, 0);
}

static void tokens_beyond_the_table_are_refused(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    for (uint32_t i = 1; i <= links->pair.server_def.token_count_max; i++) {
        (void)connect(links, i);
        assert_true(receive(links, i, NULL, 0));
    }
    make_ticket(links, ticket);
    assert_false(receive(links, 99, ticket, sizeof ticket));
    assert_refused(links, 99, MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL, MUSTER_CLOSE_FULL);
}

static void a_link_that_its_driver_closes_is_gone(void **state)
{
    struct links *links = *state;
    const uint32_t index = connect(links, 70);
    assert_true(receive(links, 70, NULL, 0));
    assert_int_equal(links->event.type, MUSTER_NETCODE_EVENT_DISCONNECTED);
    assert_int_equal(links->event.reason, MUSTER_NETCODE_REASON_LINK_CLOSED);
    assert_int_equal(links->event.client_index, index);
    assert_int_equal(link_server_count(links->server), 0);
    assert_false(receive(links, 70, NULL, 0));
    assert_int_equal(links->pair.to_client.batch.count, 0);
    assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REPEATED), 1);
}

static void a_link_that_is_closed_from_here_hears_so_again(void **state)
{
    struct links *links = *state;
    const uint32_t index = connect(links, 70);
    muster_packet packet = {.bytes = links->bytes};
    link_server_address(links->server, index, 5, &packet);
    assert_int_equal(muster_address_link(&packet.address), 70);
    assert_int_equal(packet.length, 5);
    link_server_close(links->server, index, &packet);
    assert_int_equal(muster_address_link(&packet.address), 70);
    assert_int_equal(packet.length, 0);
    assert_int_equal(link_server_count(links->server), 0);

    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    muster_address peer;
    make_ticket(links, ticket);
    const muster_packet again = {
        .address = muster_address_of_link(70), .length = sizeof ticket, .bytes = ticket};
    assert_false(link_server_is_ticket(links->server, &again, &peer));
    for (uint32_t i = 1; i <= 3; i++) {
        assert_false(receive(links, 70, ticket, i == 3 ? sizeof ticket : 7));
        assert_int_equal(links->pair.to_client.batch.count, 1);
        assert_int_equal(links->pair.to_client.packets[0].length, 0);
        assert_int_equal(counter(links, MUSTER_NETCODE_COUNTER_REPEATED), i);
    }
    assert_int_equal(counter_sum(links), 4);
}

static void only_what_comes_first_is_a_ticket(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    make_ticket(links, ticket);
    muster_packet packet = {
        .address = muster_address_of_link(70), .length = sizeof ticket, .bytes = ticket};
    muster_address peer = {0};
    const muster_address expected = address_of("198.51.100.7:4567");
    assert_true(link_server_is_ticket(links->server, &packet, &peer));
    assert_true(muster_address_is_equal(&peer, &expected));
    packet.length = MUSTER_LINK_PEER_BYTES - 1;
    assert_false(link_server_is_ticket(links->server, &packet, &peer));
    (void)connect(links, 70);
    packet.length = MUSTER_LINK_PEER_BYTES;
    assert_false(link_server_is_ticket(links->server, &packet, &peer));
}

static bool pop_silent_after(struct links *links, uint64_t us)
{
    for (uint64_t passed_us = 0; passed_us < us; passed_us += STEP_US) {
        pair_advance_us(&links->pair, STEP_US);
        muster_netcode_server_update(
            links->pair.server, links->pair.now, &links->pair.to_client.batch);
    }
    return link_server_pop_silent(links->server, &links->event);
}

static void a_silent_link_times_out_once_and_keeps_its_slot(void **state)
{
    struct links *links = *state;
    const uint8_t byte = 1;
    (void)connect(links, 70);
    const uint32_t index = connect(links, 71);
    assert_false(pop_silent_after(links, TIMEOUT_US - STEP_US));
    assert_true(receive(links, 70, &byte, 1));
    assert_true(pop_silent_after(links, STEP_US));
    assert_int_equal(links->event.type, MUSTER_NETCODE_EVENT_DISCONNECTED);
    assert_int_equal(links->event.reason, MUSTER_NETCODE_REASON_TIMED_OUT);
    assert_int_equal(links->event.client_index, index);
    assert_false(link_server_pop_silent(links->server, &links->event));
    assert_int_equal(link_server_count(links->server), 2);
    assert_true(pop_silent_after(links, TIMEOUT_US));
}

static void a_token_without_timeout_is_never_silent(void **state)
{
    struct links *links = *state;
    uint8_t ticket[MUSTER_LINK_TICKET_BYTES];
    muster_connect_token_def def = pair_token_def(&links->pair, 1);
    def.timeout_s = 0;
    write_ticket(&def, ticket);
    assert_true(receive(links, 70, ticket, sizeof ticket));
    assert_false(pop_silent_after(links, 100 * TIMEOUT_US));
}

static void an_empty_heap_is_no_link_server(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 2; count++) {
        struct links links = {0};
        pair_create(&links.pair);
        struct failing_heap heap = {.alloc_count_max = count};
        const struct link_server_def def = {
            .netcode = links.pair.server,
            .link_count_max = LINK_COUNT_MAX,
            .allocator = failing_heap_allocator(&heap),
        };
        assert_int_equal(link_server_create(&def, &links.server), MUSTER_ERR_NO_MEMORY);
        assert_null(links.server);
        assert_int_equal(heap.bytes_live, 0);
        link_server_destroy(NULL);
        pair_destroy(&links.pair);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peer_is_read_as_it_was_written),
        cmocka_unit_test_setup_teardown(
            a_ticket_opens_a_connection_with_its_user_data, setup, teardown),
        cmocka_unit_test_setup_teardown(
            packets_of_an_open_link_are_payloads_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_cut_at_any_length_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_ticket_with_a_changed_byte_is_refused_where_it_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_that_cannot_be_read_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_ticket_that_is_not_for_here_and_now_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_good_for_one_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(
            links_beyond_the_slots_are_refused_and_their_tickets_stay_good, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_allocated_after_creation, setup, teardown),
        cmocka_unit_test_setup_teardown(tokens_beyond_the_table_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_that_its_driver_closes_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_link_that_is_closed_from_here_hears_so_again, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_comes_first_is_a_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_silent_link_times_out_once_and_keeps_its_slot, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_without_timeout_is_never_silent, setup, teardown),
        cmocka_unit_test(an_empty_heap_is_no_link_server),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
