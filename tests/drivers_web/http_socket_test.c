// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "drivers/http_socket.h"

#include "drivers/clock.h"
#include "drivers/http_server.h"
#include "drivers/linux/socket_address.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
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

// A client that need not keep to any rule.

static int connect_raw(const struct world *world, uint32_t listener_index)
{
    const muster_address address = http_server_address(world->server, listener_index);
    union socket_address name;
    const socklen_t length = socket_address_write(&address, AF_INET, &name);
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(connect(file, &name.any, length), 0);
    return file;
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_message_comes_back_whole_at_every_length, setup, teardown),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
