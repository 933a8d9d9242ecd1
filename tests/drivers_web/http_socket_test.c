// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "drivers/http_socket.h"

#include "drivers/clock.h"
#include "drivers/http_server.h"
#include "drivers/linux/socket_address.h"
#include "harness/failing_heap.h"
#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TIMEOUT_US        20000000u
#define MESSAGE_BYTES_MAX 3000u
#define SEND_BYTES_MAX    1200u
#define ROOM_BYTES        400000u
#define HEADER_BYTES_MAX  16u
#define SOCKET_COUNT_MAX  4u

enum opcode {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
    OPCODE_NONE = 16, // the connection has ended
};

#define FIN 0x80u

// A server and what its consumer, the test, has popped so far.
struct world {
    struct http_server *server;
    bool is_echo; // whether messages are sent back
    uint32_t number;
    muster_address peer;
    uint32_t opened_count;
    uint32_t closed_count;
    uint32_t close_code;
    uint32_t message_count;
    uint32_t message_bytes;
    uint32_t expected_count; // messages that a test has looked at
    uint8_t message[MESSAGE_BYTES_MAX];
};

struct frame {
    uint32_t opcode;
    uint32_t first_byte;
    uint64_t length;
    uint8_t bytes[ROOM_BYTES];
};

static const char *const origins[] = {"https://play.example.org", "http://localhost:8000"};
static const char *const hosts[] = {"play.example.org"};

static struct http_server_def test_def(void)
{
    struct http_server_def def = http_server_default_def();
    def.listener_count = 2;
    for (int i = 0; i < 2; i++) {
        def.listeners[i] = (struct http_listener_def){
            .address = {.family = MUSTER_ADDRESS_IPV4, .ip = {127, 0, 0, 1}},
            .hosts = hosts,
            .host_count = 1,
        };
    }
    def.connection_count_max = 8;
    def.sockets.path = "/v1/connect";
    def.sockets.subprotocol = "muster.1";
    def.sockets.count_max = SOCKET_COUNT_MAX;
    def.sockets.receive_bytes_max = MESSAGE_BYTES_MAX;
    def.sockets.send_bytes_max = SEND_BYTES_MAX;
    def.sockets.origins = origins;
    def.sockets.origin_count = 2;
    return def;
}

static void start(struct world *world, const struct http_server_def *def)
{
    struct driver_error error = {0};
    *world = (struct world){0};
    if (http_server_start(def, &world->server, &error) != MUSTER_OK) {
        fail_msg("%s", error.text);
    }
}

static int setup(void **state)
{
    static struct world world;
    const struct http_server_def def = test_def();
    start(&world, &def);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    http_server_stop(world->server);
    return 0;
}

// The consumer.

static void pump(struct world *world)
{
    struct http_socket_event event;
    while (http_server_pop_socket_event(world->server, &event)) {
        assert_int_not_equal(event.number, 0);
        switch (event.type) {
        case HTTP_SOCKET_OPENED:
            world->number = event.number;
            world->peer = event.peer;
            world->opened_count++;
            break;
        case HTTP_SOCKET_MESSAGE:
            world->message_count++;
            world->message_bytes = event.length;
            assert_true(event.length <= MESSAGE_BYTES_MAX);
            memcpy(world->message, event.bytes, event.length);
            if (world->is_echo) {
                assert_int_equal(
                    http_server_send_socket(world->server, event.number, event.bytes, event.length),
                    MUSTER_OK);
            }
            break;
        case HTTP_SOCKET_CLOSED:
            world->close_code = event.code;
            world->closed_count++;
            break;
        }
    }
    http_server_flush_sockets(world->server);
}

static void pump_until(struct world *world, const uint32_t *count, uint32_t value)
{
    const uint64_t end_us = clock_monotonic_us() + TIMEOUT_US;
    pump(world);
    while (*count < value) {
        assert_true(clock_monotonic_us() < end_us);
        clock_sleep_until_us(clock_monotonic_us() + 500);
        pump(world);
    }
}

static uint64_t counted(const struct world *world, enum http_socket_counter counter)
{
    return http_server_read_socket_stats(world->server).counts[counter];
}

static void wait_until_counted(
    struct world *world, enum http_socket_counter counter, uint64_t value)
{
    const uint64_t end_us = clock_monotonic_us() + TIMEOUT_US;
    while (counted(world, counter) < value) {
        assert_true(clock_monotonic_us() < end_us);
        clock_sleep_until_us(clock_monotonic_us() + 500);
        pump(world);
    }
}

// A client that need not keep to any rule.

static int connect_from(uint32_t ip, const struct world *world, uint32_t listener_index)
{
    const muster_address address = http_server_address(world->server, listener_index);
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    // Clients by the thousand have an address of their own, so that they take no port from others.
    const int yes = 1;
    const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip)};
    assert_int_equal(setsockopt(file, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes), 0);
    assert_int_equal(bind(file, (const struct sockaddr *)&client, sizeof client), 0);
    assert_int_equal(connect(file, &name.any, length), 0);
    return file;
}

static int connect_raw(const struct world *world, uint32_t listener_index)
{
    return connect_from(INADDR_LOOPBACK + 8, world, listener_index);
}

static void send_bytes(int file, const void *bytes, size_t length)
{
    // A server that has ended the connection already is what some tests are about.
    const ssize_t sent = send(file, bytes, length, MSG_NOSIGNAL);
    (void)sent;
}

static void send_text(int file, const char *text)
{
    send_bytes(file, text, strlen(text));
}

// Reads exactly so many bytes. Returns false at the end of the connection.
static bool read_bytes(struct world *world, int file, void *bytes, size_t length)
{
    const uint64_t end_us = clock_monotonic_us() + TIMEOUT_US;
    for (size_t done = 0; done < length;) {
        struct pollfd poll_file = {.fd = file, .events = POLLIN};
        const int ready = poll(&poll_file, 1, 1);
        pump(world);
        assert_true(clock_monotonic_us() < end_us);
        if (ready > 0) {
            const ssize_t got = recv(file, (uint8_t *)bytes + done, length - done, 0);
            if (got <= 0) {
                return false;
            }
            done += (size_t)got;
        }
    }
    return true;
}

// Reads the head of a response, up to its empty line. "" if the connection ends before.
static const char *read_head(struct world *world, int file)
{
    static char head[4096];
    size_t length = 0;
    memset(head, 0, sizeof head);
    while (strstr(head, "\r\n\r\n") == NULL && length < sizeof head - 1) {
        if (!read_bytes(world, file, head + length, 1)) {
            return "";
        }
        length++;
    }
    return head;
}

static const char good_request[] = "GET /v1/connect HTTP/1.1\r\n"
                                   "Host: localhost\r\n"
                                   "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Protocol: muster.1\r\n\r\n";

static int open_socket(struct world *world)
{
    const uint32_t opened_count = world->opened_count;
    const int file = connect_raw(world, 0);
    send_text(file, good_request);
    const char *head = read_head(world, file);
    if (strstr(head, "HTTP/1.1 101") != head) {
        fail_msg("%s", head);
    }
    // The example of the standard.
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: muster.1\r\n"));
    assert_null(strstr(head, "Extensions"));
    pump_until(world, &world->opened_count, opened_count + 1);
    return file;
}

// Writes a frame as a client does, and returns its length.
static size_t write_frame(
    uint8_t *room, uint32_t first_byte, const void *bytes, uint64_t length, uint64_t told_length)
{
    static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    size_t used = 0;
    room[used++] = (uint8_t)first_byte;
    if (told_length < 126) {
        room[used++] = (uint8_t)(0x80 | told_length);
    } else {
        const uint32_t size = told_length < 65536 ? 2 : 8;
        room[used++] = 0x80 | (size == 2 ? 126 : 127);
        for (uint32_t i = 0; i < size; i++) {
            room[used++] = (uint8_t)(told_length >> (8 * (size - 1 - i)));
        }
    }
    memcpy(room + used, mask, sizeof mask);
    used += sizeof mask;
    for (uint64_t i = 0; i < length; i++) {
        room[used++] = ((const uint8_t *)bytes)[i] ^ mask[i % 4];
    }
    return used;
}

static void send_frame(int file, uint32_t first_byte, const void *bytes, uint64_t length)
{
    static uint8_t room[ROOM_BYTES + HEADER_BYTES_MAX];
    assert_true(length <= ROOM_BYTES);
    send_bytes(file, room, write_frame(room, first_byte, bytes, length, length));
}

static const struct frame *read_frame(struct world *world, int file)
{
    static struct frame frame;
    uint8_t head[2];
    frame.opcode = OPCODE_NONE;
    if (!read_bytes(world, file, head, sizeof head)) {
        return &frame;
    }
    frame.first_byte = head[0];
    frame.length = head[1];
    assert_true(head[1] < 128); // servers do not mask
    if (head[1] >= 126) {
        uint8_t length[8];
        const uint32_t size = head[1] == 126 ? 2 : 8;
        assert_true(read_bytes(world, file, length, size));
        frame.length = 0;
        for (uint32_t i = 0; i < size; i++) {
            frame.length = frame.length << 8 | length[i];
        }
    }
    assert_true(frame.length <= ROOM_BYTES);
    if (read_bytes(world, file, frame.bytes, frame.length)) {
        frame.opcode = head[0] & 0xF;
    }
    return &frame;
}

static const uint8_t *pattern(uint32_t length)
{
    static uint8_t bytes[ROOM_BYTES];
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    return bytes;
}

// Reads on to the close frame, or to the end, and checks its code; 1006 for none. The consumer is
// told the same code.
static void assert_closed(struct world *world, int file, uint32_t code, uint32_t told_code)
{
    const uint32_t closed_count = world->closed_count;
    const struct frame *frame;
    do {
        frame = read_frame(world, file);
    } while (frame->opcode != OPCODE_NONE && frame->opcode != OPCODE_CLOSE);
    uint32_t got = 1006;
    if (frame->opcode == OPCODE_CLOSE) {
        got = frame->length < 2 ? 1005 : (uint32_t)frame->bytes[0] << 8 | frame->bytes[1];
        send_frame(file, FIN | OPCODE_CLOSE, frame->bytes, frame->length);
    }
    assert_int_equal(got, code);
    close(file);
    if (world->closed_count == closed_count) {
        pump_until(world, &world->closed_count, closed_count + 1);
    }
    assert_int_equal(world->close_code, told_code);
}

// Tests.

static void a_message_comes_back_whole_at_every_length(void **state)
{
    struct world *world = *state;
    world->is_echo = true;
    const int file = open_socket(world);
    assert_int_equal(world->peer.family, MUSTER_ADDRESS_IPV4);
    assert_int_not_equal(world->peer.port, 0);
    const uint32_t lengths[] = {0, 1, 2, 125, 126, 127, 500, 1199, SEND_BYTES_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        send_frame(file, FIN | OPCODE_BINARY, pattern(lengths[i]), lengths[i]);
        const struct frame *frame = read_frame(world, file);
        assert_int_equal(frame->first_byte, FIN | OPCODE_BINARY);
        assert_int_equal(frame->length, lengths[i]);
        assert_memory_equal(frame->bytes, pattern(lengths[i]), lengths[i]);
    }
    close(file);
    pump_until(world, &world->closed_count, 1);
    assert_int_equal(world->close_code, 1006);
    assert_int_equal(http_server_read_socket_stats(world->server).open_count, 0);
}

// Waits for the next message and checks it.
static void expect_message(struct world *world, const void *bytes, uint32_t length)
{
    world->expected_count++;
    pump_until(world, &world->message_count, world->expected_count);
    assert_int_equal(world->message_bytes, length);
    assert_memory_equal(world->message, bytes, length);
}

static void pieces_are_put_together(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    const uint8_t *bytes = pattern(MESSAGE_BYTES_MAX);
    const uint32_t piece_lengths[] = {1, 7, 125, 126, 1000, 1500, MESSAGE_BYTES_MAX};
    for (size_t i = 0; i < sizeof piece_lengths / sizeof piece_lengths[0]; i++) {
        uint32_t done = 0;
        while (done < MESSAGE_BYTES_MAX) {
            const uint32_t left = MESSAGE_BYTES_MAX - done;
            const uint32_t length = left < piece_lengths[i] ? left : piece_lengths[i];
            send_frame(file, done == 0 ? OPCODE_BINARY : OPCODE_CONTINUATION, bytes + done, length);
            done += length;
        }
        send_frame(file, FIN | OPCODE_CONTINUATION, NULL, 0);
        expect_message(world, bytes, MESSAGE_BYTES_MAX);
    }
    assert_int_equal(world->message_count, sizeof piece_lengths / sizeof piece_lengths[0]);
    close(file);
}

static void a_message_may_come_byte_by_byte(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    uint8_t frame[300];
    const size_t length = write_frame(frame, FIN | OPCODE_BINARY, pattern(200), 200, 200);
    for (size_t i = 0; i < length; i++) {
        send_bytes(file, frame + i, 1);
        pump(world);
    }
    expect_message(world, pattern(200), 200);
    close(file);
}

static void a_ping_between_pieces_is_answered_and_changes_nothing(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    const uint32_t ping_lengths[] = {0, 1, 125};
    for (size_t i = 0; i < sizeof ping_lengths / sizeof ping_lengths[0]; i++) {
        send_frame(file, OPCODE_BINARY, pattern(100), 100);
        send_frame(file, FIN | OPCODE_PING, pattern(300), ping_lengths[i]);
        const struct frame *frame = read_frame(world, file);
        assert_int_equal(frame->first_byte, FIN | OPCODE_PONG);
        assert_int_equal(frame->length, ping_lengths[i]);
        assert_memory_equal(frame->bytes, pattern(300), ping_lengths[i]);
        send_frame(file, OPCODE_CONTINUATION, pattern(200) + 100, 50);
        send_frame(file, FIN | OPCODE_PONG, "?", 1);
        send_frame(file, FIN | OPCODE_CONTINUATION, pattern(200) + 150, 50);
        expect_message(world, pattern(200), 200);
    }
    close(file);
}

static void messages_may_come_together(void **state)
{
    struct world *world = *state;
    static uint8_t packet[ROOM_BYTES];
    size_t length = 0;
    for (uint32_t i = 0; i < 40; i++) {
        length += write_frame(packet + length, FIN | OPCODE_BINARY, pattern(1000) + i, i, i);
    }
    const int file = open_socket(world);
    send_bytes(file, packet, length);
    pump_until(world, &world->message_count, 40);
    assert_int_equal(world->message_bytes, 39);
    assert_memory_equal(world->message, pattern(1000) + 39, 39);
    close(file);
}

static void a_message_too_long_ends_the_socket(void **state)
{
    struct world *world = *state;
    uint8_t head[HEADER_BYTES_MAX];
    const uint64_t told_lengths[] = {MESSAGE_BYTES_MAX + 1, 65536, UINT64_C(1) << 62, INT64_MAX};
    for (size_t i = 0; i < sizeof told_lengths / sizeof told_lengths[0]; i++) {
        const int file = open_socket(world);
        // It is enough to say so.
        uint8_t bytes[HEADER_BYTES_MAX + 1];
        const size_t length = write_frame(bytes, FIN | OPCODE_BINARY, "x", 1, told_lengths[i]);
        send_bytes(file, bytes, length);
        assert_closed(world, file, 1009, 1009);
    }
    const int file = open_socket(world);
    for (uint32_t i = 0; i < 3; i++) {
        send_frame(file, i == 0 ? OPCODE_BINARY : OPCODE_CONTINUATION, pattern(1000), 1000);
    }
    send_bytes(file, head, write_frame(head, FIN | OPCODE_CONTINUATION, "x", 1, 1));
    assert_closed(world, file, 1009, 1009);
    assert_int_equal(counted(world, HTTP_SOCKET_COUNT_TOO_LONG), 5);
    assert_int_equal(world->message_count, 0);
}

static void text_ends_the_socket(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    send_frame(file, FIN | OPCODE_TEXT, "hello", 5);
    assert_closed(world, file, 1003, 1003);
    assert_int_equal(counted(world, HTTP_SOCKET_COUNT_TEXT), 1);
    assert_int_equal(world->message_count, 0);
}

static void broken_frames_end_the_socket(void **state)
{
    struct world *world = *state;
    const uint32_t first_bytes[] = {FIN | 0x40 | OPCODE_BINARY, FIN | 0x20 | OPCODE_BINARY,
        FIN | 0x10 | OPCODE_BINARY, FIN | 0x70 | OPCODE_PING, FIN | 3, FIN | 4, FIN | 5, FIN | 6,
        FIN | 7, FIN | 11, FIN | 12, FIN | 13, FIN | 14, FIN | 15, OPCODE_PING, OPCODE_CLOSE,
        FIN | OPCODE_CONTINUATION, OPCODE_CONTINUATION};
    for (size_t i = 0; i < sizeof first_bytes / sizeof first_bytes[0]; i++) {
        const int file = open_socket(world);
        send_frame(file, first_bytes[i], "abc", 3);
        assert_closed(world, file, 1002, 1006);
    }
    // A message within a message, and control frames that are too long.
    int file = open_socket(world);
    send_frame(file, OPCODE_BINARY, "abc", 3);
    send_frame(file, FIN | OPCODE_BINARY, "abc", 3);
    assert_closed(world, file, 1002, 1006);
    file = open_socket(world);
    send_frame(file, FIN | OPCODE_PING, pattern(126), 126);
    assert_closed(world, file, 1006, 1006); // the library just hangs up
    file = open_socket(world);
    const uint8_t negative[] = {0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5};
    send_bytes(file, negative, sizeof negative);
    assert_closed(world, file, 1006, 1006);
    assert_int_equal(world->message_count, 0);
    assert_int_equal(counted(world, HTTP_SOCKET_COUNT_LOST), 21);
}

static void the_consumer_need_not_wait_for_a_client_that_broke_a_frame(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    send_frame(file, FIN | 3, "abc", 3);
    pump_until(world, &world->closed_count, 1);
    // The library still waits for the client's close frame.
    assert_int_equal(http_server_read_socket_stats(world->server).open_count, 1);
    assert_int_equal(http_server_send_socket(world->server, world->number, "x", 1), MUSTER_OK);
    pump(world);
    const struct frame *frame = read_frame(world, file);
    assert_int_equal(frame->opcode, OPCODE_CLOSE);
    send_frame(file, FIN | OPCODE_CLOSE, frame->bytes, frame->length);
    assert_int_equal(read_frame(world, file)->opcode, OPCODE_NONE);
    close(file);
}

static void a_client_may_say_goodbye(void **state)
{
    struct world *world = *state;
    const struct {
        uint8_t bytes[8];
        uint32_t length;
        uint32_t answer;
        uint32_t told;
    } goodbyes[] = {
        {{0x03, 0xE8, 'b', 'y', 'e'}, 5, 1000, 1000},
        {{0x03, 0xE9}, 2, 1001, 1001},
        {{0x0F, 0xA1}, 2, 4001, 4001},
        {{0}, 0, 1005, 1005},
        {{0x03, 0xED}, 2, 1002, 1002}, // codes that nobody may send
        {{0x00, 0x01}, 2, 1002, 1002},
    };
    for (size_t i = 0; i < sizeof goodbyes / sizeof goodbyes[0]; i++) {
        const int file = open_socket(world);
        send_frame(file, FIN | OPCODE_CLOSE, goodbyes[i].bytes, goodbyes[i].length);
        assert_closed(world, file, goodbyes[i].answer, goodbyes[i].told);
    }
    assert_int_equal(counted(world, HTTP_SOCKET_COUNT_LOST), 0);
}

static void the_consumer_closes_behind_what_it_has_sent(void **state)
{
    struct world *world = *state;
    const int file = open_socket(world);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(
            http_server_send_socket(world->server, world->number, pattern(100) + i, 50), MUSTER_OK);
    }
    assert_int_equal(
        http_server_close_socket(world->server, world->number, 4007, "gone"), MUSTER_OK);
    // What comes after the close is passed over, as is what goes to nobody.
    assert_int_equal(http_server_send_socket(world->server, world->number, "x", 1), MUSTER_OK);
    assert_int_equal(http_server_close_socket(world->server, world->number, 1000, ""), MUSTER_OK);
    assert_int_equal(http_server_send_socket(world->server, 0, "x", 1), MUSTER_OK);
    assert_int_equal(http_server_send_socket(world->server, world->number + 1, "x", 1), MUSTER_OK);
    assert_int_equal(
        http_server_send_socket(world->server, world->number + 4096, "x", 1), MUSTER_OK);
    assert_int_equal(http_server_send_socket(world->server, UINT32_MAX, "x", 1), MUSTER_OK);
    http_server_flush_sockets(world->server);
    for (uint32_t i = 0; i < 10; i++) {
        const struct frame *frame = read_frame(world, file);
        assert_int_equal(frame->first_byte, FIN | OPCODE_BINARY);
        assert_int_equal(frame->length, 50);
        assert_memory_equal(frame->bytes, pattern(100) + i, 50);
    }
    const struct frame *frame = read_frame(world, file);
    assert_int_equal(frame->first_byte, FIN | OPCODE_CLOSE);
    assert_int_equal(frame->length, 6);
    assert_memory_equal(frame->bytes, "\x0F\xA7gone", 6);
    pump_until(world, &world->closed_count, 1);
    assert_int_equal(world->close_code, 4007);
    close(file);
}

// Sends a handshake with one line put in the place of another, and checks how it is refused.
static void assert_refused(struct world *world,
    const char *line,
    const char *instead,
    const char *status,
    enum http_socket_counter counter)
{
    char request[2000];
    const char *found = strstr(good_request, line);
    assert_non_null(found);
    (void)snprintf(request, sizeof request, "%.*s%s%s", (int)(found - good_request), good_request,
        instead, found + strlen(line));
    const uint64_t before = counted(world, counter);
    const int file = connect_raw(world, 0);
    send_text(file, request);
    const char *head = read_head(world, file);
    // The library does not know the version of a request to upgrade yet.
    if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(head + 9, status, 3) != 0) {
        fail_msg("%s instead of %s: %.300s", instead, line, head);
    }
    assert_int_equal(counted(world, counter), before + 1);
    char rest;
    while (read_bytes(world, file, &rest, 1)) {
    }
    close(file);
}

static void a_handshake_that_is_not_as_it_must_be_is_refused(void **state)
{
    struct world *world = *state;
    const enum http_socket_counter bad = HTTP_SOCKET_COUNT_REFUSED_BAD;
    const enum http_socket_counter protocol = HTTP_SOCKET_COUNT_REFUSED_PROTOCOL;
    const char *const protocol_line = "Sec-WebSocket-Protocol: muster.1\r\n";
    assert_refused(world, protocol_line, "", "400", protocol);
    const char *const wrong[] = {"muster.2", "muster.10", "muster", "muster.1x", "xmuster.1",
        "Muster.1", "(http)", "", "muster.1;x", "a, b", "muster.1/a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[200];
        (void)snprintf(line, sizeof line, "Sec-WebSocket-Protocol: %s\r\n", wrong[i]);
        assert_refused(world, protocol_line, line, "400", protocol);
    }
    char line[400];
    (void)snprintf(line, sizeof line, "Sec-WebSocket-Protocol: muster.1, %0200d\r\n", 1);
    assert_refused(world, protocol_line, line, "400", protocol);
    assert_refused(world, "Upgrade: websocket\r\n", "", "426", bad);
    assert_refused(world, "Upgrade: websocket\r\n", "Upgrade: h2c\r\n", "400", bad);
    assert_refused(world, "Connection: Upgrade\r\n", "", "400", bad);
    assert_refused(world, "Connection: Upgrade\r\n", "Connection: keep-alive\r\n", "400", bad);
    assert_refused(world, "dGhlIHNhbXBsZSBub25jZQ==", "", "400", bad);
    assert_refused(world, "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", "400", bad);
    assert_refused(world, "Version: 13", "Version: 12", "426", bad);
    assert_refused(world, "Sec-WebSocket-Version: 13\r\n", "", "426", bad);
    assert_refused(world, "GET", "POST", "400", bad);
    assert_refused(world, "HTTP/1.1", "HTTP/1.0", "400", bad);
    assert_refused(
        world, "Host: localhost\r\n", "Host: localhost\r\nContent-Length: 3\r\n", "400", bad);
    assert_int_equal(counted(world, HTTP_SOCKET_COUNT_OPENED), 0);
    pump(world);
    assert_int_equal(world->opened_count, 0);
}

static void foreign_hosts_and_pages_are_refused(void **state)
{
    struct world *world = *state;
    const char *const host_line = "Host: localhost\r\n";
    const enum http_socket_counter host = HTTP_SOCKET_COUNT_REFUSED_HOST;
    const enum http_socket_counter origin = HTTP_SOCKET_COUNT_REFUSED_ORIGIN;
    assert_refused(world, host_line, "", "421", host);
    assert_refused(world, host_line, "Host: evil.example.org\r\n", "421", host);
    const char *const foreign[] = {"http://evil.example.org", "null", "http://localhost:1",
        "https://play.example.org.evil.net", "http://play.example.org", "localhost", "file://"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        char lines[200];
        (void)snprintf(lines, sizeof lines, "Host: localhost\r\nOrigin: %s\r\n", foreign[i]);
        assert_refused(world, host_line, lines, "403", origin);
    }
    const char *const good[] = {"Host: localhost:99\r\nOrigin: http://LOCALHOST:99\r\n",
        "Host: [::1]:7777\r\nOrigin: https://[::1]:7777\r\n",
        "Host: play.example.org\r\nOrigin: https://play.example.org\r\n",
        "Host: 127.0.0.1\r\nOrigin: http://localhost:8000\r\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char request[1000];
        (void)snprintf(request, sizeof request, "GET /v1/connect HTTP/1.1\r\n%s%s", good[i],
            strstr(good_request, "Upgrade:"));
        const int file = connect_raw(world, 0);
        send_text(file, request);
        assert_non_null(strstr(read_head(world, file), " 101 "));
        close(file);
        wait_until_counted(world, HTTP_SOCKET_COUNT_CLOSED, i + 1);
    }
}

static void a_list_of_subprotocols_may_be_offered(void **state)
{
    struct world *world = *state;
    const char *const lists[] = {
        "muster.1", "muster.2, muster.1", "muster.1,chat", "a ,b , muster.1"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char request[1000];
        const char *found = strstr(good_request, "muster.1");
        (void)snprintf(request, sizeof request, "%.*s%s\r\n\r\n", (int)(found - good_request),
            good_request, lists[i]);
        const int file = connect_raw(world, 0);
        send_text(file, request);
        const char *head = read_head(world, file);
        assert_non_null(strstr(head, " 101 "));
        assert_non_null(strstr(head, "Sec-WebSocket-Protocol: muster.1\r\n"));
        close(file);
        wait_until_counted(world, HTTP_SOCKET_COUNT_CLOSED, i + 1);
    }
}

static void only_one_path_of_one_port_opens_sockets(void **state)
{
    struct world *world = *state;
    char request[1000];
    (void)snprintf(
        request, sizeof request, "GET /v1/other%s", good_request + strlen("GET /v1/connect"));
    const int other = connect_raw(world, 0);
    send_text(other, request);
    assert_non_null(strstr(read_head(world, other), " 400 "));
    close(other);
    const int admin = connect_raw(world, 1);
    send_text(admin, good_request);
    assert_non_null(strstr(read_head(world, admin), " 400 "));
    close(admin);
}

static void a_handshake_cut_short_at_any_byte_harms_nobody(void **state)
{
    struct world *world = *state;
    for (size_t length = 0; length < sizeof good_request - 1; length++) {
        const int file = connect_raw(world, 0);
        send_bytes(file, good_request, length);
        close(file);
    }
    struct http_server_stats stats;
    do {
        clock_sleep_until_us(clock_monotonic_us() + 500);
        stats = http_server_read_stats(world->server);
    } while (stats.connection_count + stats.refused_count < sizeof good_request - 1 ||
             stats.open_count != 0);
    close(open_socket(world));
}

static void a_frame_cut_short_at_any_byte_harms_nobody(void **state)
{
    struct world *world = *state;
    uint8_t frame[200];
    const size_t frame_bytes = write_frame(frame, FIN | OPCODE_BINARY, pattern(130), 130, 130);
    for (uint32_t length = 0; length < frame_bytes; length++) {
        const int file = open_socket(world);
        send_bytes(file, frame, length);
        close(file);
        pump_until(world, &world->closed_count, length + 1);
    }
    assert_int_equal(world->message_count, 0);
    assert_int_equal(http_server_read_socket_stats(world->server).open_count, 0);
}

static void sockets_beyond_the_limit_are_refused_until_there_is_room(void **state)
{
    struct world *world = *state;
    int files[SOCKET_COUNT_MAX];
    uint32_t numbers[SOCKET_COUNT_MAX + 20];
    for (uint32_t i = 0; i < SOCKET_COUNT_MAX; i++) {
        files[i] = open_socket(world);
        numbers[i] = world->number;
    }
    assert_refused(world, "GET", "GET", "503", HTTP_SOCKET_COUNT_REFUSED_FULL);
    assert_int_equal(http_server_read_socket_stats(world->server).open_count, SOCKET_COUNT_MAX);
    for (uint32_t i = 0; i < 20; i++) {
        close(files[i % SOCKET_COUNT_MAX]);
        pump_until(world, &world->closed_count, i + 1);
        wait_until_counted(world, HTTP_SOCKET_COUNT_CLOSED, i + 1);
        files[i % SOCKET_COUNT_MAX] = open_socket(world);
        numbers[SOCKET_COUNT_MAX + i] = world->number;
    }
    for (uint32_t i = 0; i < SOCKET_COUNT_MAX + 20; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(numbers[i], numbers[k]);
        }
    }
    for (uint32_t i = 0; i < SOCKET_COUNT_MAX; i++) {
        close(files[i]);
    }
}

static void one_address_cannot_hold_all_sockets_in_silence(void **state)
{
    (void)state;
    struct world world;
    struct http_server_def def = test_def();
    def.sockets.address_silent_count_max = 2;
    start(&world, &def);
    const int first = open_socket(&world);
    const int second = open_socket(&world);
    assert_refused(&world, "GET", "GET", "503", HTTP_SOCKET_COUNT_REFUSED_FULL);
    const int other = connect_from(INADDR_LOOPBACK + 9, &world, 0);
    send_text(other, good_request);
    assert_non_null(strstr(read_head(&world, other), " 101 "));
    pump_until(&world, &world.opened_count, 3);
    send_frame(first, FIN | OPCODE_BINARY, "abc", 3);
    expect_message(&world, "abc", 3);
    close(open_socket(&world));
    wait_until_counted(&world, HTTP_SOCKET_COUNT_CLOSED, 1);
    // Who is told to go and stays holds one as well.
    send_frame(first, FIN | OPCODE_TEXT, "abc", 3);
    wait_until_counted(&world, HTTP_SOCKET_COUNT_TEXT, 1);
    assert_refused(&world, "GET", "GET", "503", HTTP_SOCKET_COUNT_REFUSED_FULL);
    close(first);
    close(second);
    close(other);
    http_server_stop(world.server);
}

// Sends a message again and again until the server has dropped one.
static void flood(struct world *world, int file)
{
    const uint64_t end_us = clock_monotonic_us() + TIMEOUT_US;
    uint8_t frames[512 * 16];
    uint8_t frame[HEADER_BYTES_MAX + 1];
    const size_t frame_bytes = write_frame(frame, FIN | OPCODE_BINARY, "x", 1, 1);
    for (size_t i = 0; i < 512; i++) {
        memcpy(frames + i * frame_bytes, frame, frame_bytes);
    }
    while (counted(world, HTTP_SOCKET_COUNT_RECEIVED_DROPPED) == 0) {
        assert_true(clock_monotonic_us() < end_us);
        send_bytes(file, frames, 512 * frame_bytes);
        pump(world);
    }
}

static void a_flood_of_one_client_is_dropped_and_harms_no_other(void **state)
{
    struct world *world = *state;
    const int flooder = open_socket(world);
    const int other = open_socket(world);
    flood(world, flooder);
    close(flooder);
    pump_until(world, &world->closed_count, 1);
    const uint64_t all_count = counted(world, HTTP_SOCKET_COUNT_RECEIVED_DROPPED);
    assert_int_equal(world->message_count + all_count, counted(world, HTTP_SOCKET_COUNT_RECEIVED));
    send_frame(other, FIN | OPCODE_BINARY, "y", 1);
    pump_until(world, &world->message_count, world->message_count + 1);
    assert_memory_equal(world->message, "y", 1);
    close(other);
}

static void an_order_for_one_that_has_gone_reaches_nobody_else(void **state)
{
    struct world *world = *state;
    const int first = open_socket(world);
    const uint32_t first_number = world->number;
    close(first);
    pump_until(world, &world->closed_count, 1);
    wait_until_counted(world, HTTP_SOCKET_COUNT_CLOSED, 1);
    const int second = open_socket(world);
    assert_int_not_equal(world->number, first_number);
    assert_int_equal(http_server_send_socket(world->server, first_number, "old", 3), MUSTER_OK);
    assert_int_equal(http_server_close_socket(world->server, first_number, 1000, ""), MUSTER_OK);
    assert_int_equal(http_server_send_socket(world->server, world->number, "new", 3), MUSTER_OK);
    http_server_flush_sockets(world->server);
    const struct frame *frame = read_frame(world, second);
    assert_int_equal(frame->first_byte, FIN | OPCODE_BINARY);
    assert_memory_equal(frame->bytes, "new", 3);
    close(second);
}

static void slow_handshakes_by_the_thousand_are_bounded(void **state)
{
    (void)state;
    struct world world;
    struct http_server_def def = test_def();
    def.idle_seconds_max = 1;
    def.sockets.first_ms_max = 3600000; // the kernel may be slow with so many
    start(&world, &def);
    const int player = open_socket(&world);
    for (uint32_t i = 0; i < 1000; i++) {
        const int file = connect_raw(&world, 0);
        send_bytes(file, good_request, 40 + i % 100);
        if (i < 980) {
            close(file);
        }
        assert_true(http_server_read_stats(world.server).open_count <= def.connection_count_max);
    }
    // Who is in goes on as before.
    send_frame(player, FIN | OPCODE_BINARY, "abc", 3);
    expect_message(&world, "abc", 3);
    while (http_server_read_stats(world.server).open_count != 0) {
        clock_sleep_until_us(clock_monotonic_us() + 500);
    }
    // The slow ones are gone, and there is room again.
    close(open_socket(&world));
    close(player);
    http_server_stop(world.server);
}

static void a_client_that_says_nothing_is_sent_away(void **state)
{
    (void)state;
    struct world world;
    struct http_server_def def = test_def();
    def.sockets.first_ms_max = 100;
    start(&world, &def);
    const int file = open_socket(&world);
    const int speaker = open_socket(&world);
    send_frame(speaker, FIN | OPCODE_BINARY, "abc", 3);
    assert_closed(&world, file, 1008, 1008);
    assert_int_equal(counted(&world, HTTP_SOCKET_COUNT_LATE), 1);
    send_frame(speaker, FIN | OPCODE_BINARY, "def", 3);
    pump_until(&world, &world.message_count, 2);
    close(speaker);
    http_server_stop(world.server);
}

static void a_peer_that_is_dead_is_noticed_by_a_ping(void **state)
{
    (void)state;
    struct world world;
    struct http_server_def def = test_def();
    def.sockets.silence_ms_max = 1500;
    start(&world, &def);
    const int alive = open_socket(&world);
    const int dead = open_socket(&world);
    const uint64_t begin_us = clock_monotonic_us();
    send_frame(alive, FIN | OPCODE_BINARY, "abc", 3);
    send_frame(dead, FIN | OPCODE_BINARY, "abc", 3);
    while (world.closed_count == 0) {
        const struct frame *frame = read_frame(&world, alive);
        assert_int_equal(frame->first_byte, FIN | OPCODE_PING);
        send_frame(alive, FIN | OPCODE_PONG, frame->bytes, frame->length);
    }
    assert_int_equal(world.close_code, 1006);
    assert_true(clock_monotonic_us() - begin_us > 1500000);
    assert_int_equal(counted(&world, HTTP_SOCKET_COUNT_SILENT), 1);
    wait_until_counted(&world, HTTP_SOCKET_COUNT_CLOSED, 1);
    assert_int_equal(http_server_read_socket_stats(world.server).open_count, 1);
    close(dead);
    close(alive);
    http_server_stop(world.server);
}

static void *stop_server(void *server)
{
    http_server_stop(server);
    return NULL;
}

static void a_stop_says_so_to_everybody(void **state)
{
    (void)state;
    struct world world;
    const struct http_server_def def = test_def();
    start(&world, &def);
    int files[SOCKET_COUNT_MAX];
    for (uint32_t i = 0; i < SOCKET_COUNT_MAX; i++) {
        files[i] = open_socket(&world);
    }
    assert_int_equal(http_server_send_socket(world.server, world.number, "last", 4), MUSTER_OK);
    http_server_flush_sockets(world.server);
    wait_until_counted(&world, HTTP_SOCKET_COUNT_SENT, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_server, world.server), 0);
    for (uint32_t i = 0; i < SOCKET_COUNT_MAX; i++) {
        uint8_t bytes[64];
        uint32_t length = 0;
        ssize_t got;
        while ((got = recv(files[i], bytes + length, sizeof bytes - length, 0)) > 0) {
            length += (uint32_t)got;
            send_frame(files[i], FIN | OPCODE_CLOSE, "\x03\xE9", 2);
        }
        const uint32_t before = i == SOCKET_COUNT_MAX - 1 ? 6 : 0;
        assert_int_equal(length, before + 12);
        assert_memory_equal(bytes + before, "\x88\x0A\x03\xE9stopping", 12);
        close(files[i]);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_slow_reader_holds_little_and_then_gets_the_newest(void **state)
{
    (void)state;
    struct world world;
    const struct http_server_def def = test_def();
    start(&world, &def);
    const int file = open_socket(&world);
    const int other = open_socket(&world);
    const uint32_t other_number = world.number;
    const uint32_t slow_number = other_number - 1; // the table is filled in order
    static uint8_t message[1000];
    for (uint32_t i = 1; i <= 4000; i++) {
        memcpy(message, &i, sizeof i);
        assert_int_equal(
            http_server_send_socket(world.server, slow_number, message, sizeof message), MUSTER_OK);
        assert_int_equal(http_server_send_socket(world.server, other_number, &i, 4), MUSTER_OK);
        pump(&world);
        // Who reads misses nothing.
        const struct frame *frame = read_frame(&world, other);
        assert_int_equal(frame->length, 4);
        assert_memory_equal(frame->bytes, &i, 4);
    }
    // What the reader's own kernel has taken is not held here.
    int held = 0;
    assert_int_equal(ioctl(file, FIONREAD, &held), 0);
    const uint64_t dropped = counted(&world, HTTP_SOCKET_COUNT_SENT_DROPPED);
    const uint64_t held_bytes = (4000 - dropped) * sizeof message - (uint64_t)held;
    print_message("held for a reader that does not read: %llu bytes, dropped %llu of 4000\n",
        (unsigned long long)held_bytes, (unsigned long long)dropped);
    assert_true(held_bytes <= 64000);
    assert_true(dropped > 0);
    uint32_t last = 0;
    uint32_t got_count = 0;
    while (last != 4000) {
        const struct frame *frame = read_frame(&world, file);
        uint32_t sequence;
        assert_int_equal(frame->length, sizeof message);
        memcpy(&sequence, frame->bytes, sizeof sequence);
        assert_true(sequence > last);
        last = sequence;
        got_count++;
    }
    assert_int_equal(got_count + dropped, 4000);
    close(file);
    close(other);
    http_server_stop(world.server);
}

static void a_closed_slow_reader_is_not_waited_for(void **state)
{
    (void)state;
    struct world world;
    const struct http_server_def def = test_def();
    start(&world, &def);
    const int file = open_socket(&world);
    static const uint8_t message[SEND_BYTES_MAX];
    // Until neither its kernel nor the server's takes any more.
    uint64_t sent = 0;
    for (int still = 0; still < 20; still++) {
        for (int i = 0; i < 20; i++) {
            assert_int_equal(
                http_server_send_socket(world.server, world.number, message, sizeof message),
                MUSTER_OK);
        }
        http_server_flush_sockets(world.server);
        clock_sleep_until_us(clock_monotonic_us() + 5000);
        const uint64_t sent_now = counted(&world, HTTP_SOCKET_COUNT_SENT);
        still = sent_now == sent ? still : 0;
        sent = sent_now;
    }
    assert_int_equal(http_server_close_socket(world.server, world.number, 1000, ""), MUSTER_OK);
    pump_until(&world, &world.closed_count, 1);
    assert_int_equal(world.close_code, 1000);
    wait_until_counted(&world, HTTP_SOCKET_COUNT_CLOSED, 1);
    close(file);
    http_server_stop(world.server);
}

// Opens a socket while the consumer looks away. Returns whether it was let in.
static bool try_open(const struct world *world, int *out_file)
{
    char head[12];
    *out_file = connect_raw(world, 0);
    send_text(*out_file, good_request);
    assert_int_equal(recv(*out_file, head, sizeof head, MSG_WAITALL), sizeof head);
    return memcmp(head, "HTTP/1.1 101", sizeof head) == 0;
}

static void a_consumer_far_behind_loses_messages_and_nothing_else(void **state)
{
    (void)state;
    struct world world;
    struct http_server_def def = test_def();
    def.sockets.ring_bytes = 32768;
    start(&world, &def);
    const int file = open_socket(&world);
    for (uint32_t i = 0; i < 100; i++) {
        send_frame(file, FIN | OPCODE_BINARY, pattern(1000), 1000);
    }
    for (uint32_t i = 0; i < 300; i++) {
        send_frame(file, FIN | OPCODE_BINARY, NULL, 0);
    }
    const uint64_t end_us = clock_monotonic_us() + TIMEOUT_US;
    while (counted(&world, HTTP_SOCKET_COUNT_RECEIVED) < 400) {
        assert_true(clock_monotonic_us() < end_us);
        clock_sleep_until_us(clock_monotonic_us() + 500);
    }
    const uint64_t dropped = counted(&world, HTTP_SOCKET_COUNT_RECEIVED_DROPPED);
    assert_true(dropped > 350 && dropped < 390);
    // A quarter of the ring is left to those who come and go.
    int other;
    assert_true(try_open(&world, &other));
    close(other);
    close(file);
    while (counted(&world, HTTP_SOCKET_COUNT_CLOSED) < 2) {
        clock_sleep_until_us(clock_monotonic_us() + 500);
    }
    pump_until(&world, &world.closed_count, 2);
    assert_int_equal(world.message_count, 400 - dropped);

    // The other way the consumer is told at once.
    muster_status status = MUSTER_OK;
    for (uint32_t i = 0; i < 100 && status == MUSTER_OK; i++) {
        status = http_server_send_socket(world.server, world.number, pattern(1000), 1000);
    }
    assert_int_equal(status, MUSTER_ERR_FULL);
    http_server_flush_sockets(world.server);
    close(open_socket(&world));
    http_server_stop(world.server);
}

static void an_end_that_finds_no_room_is_told_later(void **state)
{
    (void)state;
    struct http_server_def def = test_def();
    def.sockets.ring_bytes = 4096;
    def.sockets.receive_bytes_max = 100;
    def.sockets.send_bytes_max = 100;
    def.sockets.first_ms_max = 3600000;
    // With one more event than pairs, or without, it is an end that finds the ring full.
    for (uint32_t stay_count = 0; stay_count < 2; stay_count++) {
        struct world world;
        start(&world, &def);
        int stays = -1;
        assert_true(stay_count == 0 || try_open(&world, &stays));
        // Clients come and go, until nobody is let in any more.
        int file = -1;
        while (try_open(&world, &file)) {
            close(file);
            while (http_server_read_socket_stats(world.server).open_count > stay_count) {
                clock_sleep_until_us(clock_monotonic_us() + 500);
            }
            assert_true(counted(&world, HTTP_SOCKET_COUNT_OPENED) < 1000);
        }
        close(file);
        const uint32_t opened = (uint32_t)counted(&world, HTTP_SOCKET_COUNT_OPENED);
        assert_int_equal(counted(&world, HTTP_SOCKET_COUNT_CLOSED), opened - stay_count);
        assert_int_equal(counted(&world, HTTP_SOCKET_COUNT_REFUSED_FULL), 1);
        // Who comes before the last end is told takes nothing from it.
        pump(&world);
        close(open_socket(&world));
        pump_until(&world, &world.closed_count, opened + 1 - stay_count);
        assert_int_equal(world.opened_count, opened + 1);
        assert_int_equal(world.closed_count, opened + 1 - stay_count);
        close(stays);
        http_server_stop(world.server);
    }
}

static uint32_t random_below(uint64_t *random, uint32_t bound)
{
    return (uint32_t)(random_next(random) % bound);
}

// Sends what a careless or hostile client might, from a seed that is told.
static void random_frames_harm_nobody(void **state)
{
    struct world *world = *state;
    const char *wanted = getenv("MUSTER_TEST_SEED");
    const uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : 20261121;
    print_message("seed %llu (MUSTER_TEST_SEED)\n", (unsigned long long)seed);
    uint64_t random = seed;
    for (uint32_t i = 0; i < 300; i++) {
        const int file = open_socket(world);
        static uint8_t packet[9000];
        size_t length = 0;
        while (length < 4000 && random_below(&random, 8) != 0) {
            const uint32_t bytes = random_below(&random, 4) == 0 ? random_below(&random, 2000)
                                                                 : random_below(&random, 130);
            const uint32_t first_byte =
                random_below(&random, 3) == 0 ? random_below(&random, 256) : FIN | OPCODE_BINARY;
            length += write_frame(packet + length, first_byte, pattern(2000), bytes, bytes);
        }
        if (length > 0 && random_below(&random, 2) == 0) {
            packet[random_below(&random, (uint32_t)length)] ^=
                (uint8_t)(1u << random_below(&random, 8));
        }
        send_bytes(file, packet, length);
        (void)shutdown(file, SHUT_WR);
        close(file);
        wait_until_counted(world, HTTP_SOCKET_COUNT_CLOSED, i + 1);
    }
    pump_until(world, &world->closed_count, 300);
    world->is_echo = true;
    const int file = open_socket(world);
    send_frame(file, FIN | OPCODE_BINARY, "abc", 3);
    assert_int_equal(read_frame(world, file)->length, 3);
    close(file);
}

static void start_refuses_a_definition_out_of_range(void **state)
{
    (void)state;
    struct http_server_def bad[13];
    for (size_t i = 0; i < 13; i++) {
        bad[i] = test_def();
    }
    bad[0].sockets.subprotocol = NULL;
    bad[1].sockets.listener_index = 2;
    bad[2].sockets.count_max = 0;
    bad[3].sockets.count_max = HTTP_SOCKET_COUNT_MAX + 1;
    bad[4].sockets.receive_bytes_max = 0;
    bad[5].sockets.send_bytes_max = HTTP_SOCKET_BYTES_MAX + 1;
    bad[6].sockets.queue_count = 0;
    bad[7].sockets.first_ms_max = 0;
    bad[8].sockets.silence_ms_max = 0;
    bad[9].sockets.origins = NULL;
    bad[10].sockets.ring_bytes = 4096;
    bad[11].sockets.ring_bytes = 100000;
    bad[12].sockets.address_silent_count_max = 0;
    for (size_t i = 0; i < 13; i++) {
        struct http_server *server;
        assert_int_equal(http_server_start(&bad[i], &server, NULL), MUSTER_ERR_INVALID);
        assert_null(server);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct http_server_def def = test_def();
    for (uint32_t count = 0; count <= 5; count++) {
        struct failing_heap heap = {.alloc_count_max = count};
        def.allocator = failing_heap_allocator(&heap);
        struct http_server *server;
        assert_int_equal(
            http_server_start(&def, &server, NULL), count < 5 ? MUSTER_ERR_NO_MEMORY : MUSTER_OK);
        http_server_stop(server);
        assert_int_equal(heap.bytes_live, 0);
    }
}

static void every_counter_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < HTTP_SOCKET_COUNTER_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(http_socket_counter_name((enum http_socket_counter)i),
                http_socket_counter_name((enum http_socket_counter)k));
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_message_comes_back_whole_at_every_length, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_are_put_together, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_may_come_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_ping_between_pieces_is_answered_and_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_may_come_together, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_too_long_ends_the_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(text_ends_the_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_frames_end_the_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_consumer_need_not_wait_for_a_client_that_broke_a_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_may_say_goodbye, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_consumer_closes_behind_what_it_has_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_handshake_that_is_not_as_it_must_be_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_hosts_and_pages_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_of_subprotocols_may_be_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(only_one_path_of_one_port_opens_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_handshake_cut_short_at_any_byte_harms_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_frame_cut_short_at_any_byte_harms_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(
            sockets_beyond_the_limit_are_refused_until_there_is_room, setup, teardown),
        cmocka_unit_test(one_address_cannot_hold_all_sockets_in_silence),
        cmocka_unit_test_setup_teardown(
            an_order_for_one_that_has_gone_reaches_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_flood_of_one_client_is_dropped_and_harms_no_other, setup, teardown),
        cmocka_unit_test(slow_handshakes_by_the_thousand_are_bounded),
        cmocka_unit_test(a_client_that_says_nothing_is_sent_away),
        cmocka_unit_test(a_peer_that_is_dead_is_noticed_by_a_ping),
        cmocka_unit_test(a_stop_says_so_to_everybody),
        cmocka_unit_test(a_slow_reader_holds_little_and_then_gets_the_newest),
        cmocka_unit_test(a_closed_slow_reader_is_not_waited_for),
        cmocka_unit_test(a_consumer_far_behind_loses_messages_and_nothing_else),
        cmocka_unit_test(an_end_that_finds_no_room_is_told_later),
        cmocka_unit_test_setup_teardown(random_frames_harm_nobody, setup, teardown),
        cmocka_unit_test(start_refuses_a_definition_out_of_range),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_counter_has_a_name_of_its_own),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
