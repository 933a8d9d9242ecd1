// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small WebSocket client for tests of the program. It waits for what it asks, and fails the test
/// when nothing comes.

#include "apps/world.h"

#include <poll.h>

#define WEBSOCKET_BYTES_MAX 4096u
#define WEBSOCKET_BINARY    2u
#define WEBSOCKET_CLOSE     8u
#define WEBSOCKET_PING      9u

struct websocket {
    int file;
    uint32_t length; // of the last message
    uint8_t bytes[WEBSOCKET_BYTES_MAX];
};

static inline void websocket_write(const struct websocket *socket, const void *bytes, size_t length)
{
    assert_int_equal(write(socket->file, bytes, length), (ssize_t)length);
}

static inline void websocket_read(const struct websocket *socket, void *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        struct pollfd file = {.fd = socket->file, .events = POLLIN};
        assert_int_equal(poll(&file, 1, 20000), 1);
        const ssize_t count = read(socket->file, (uint8_t *)bytes + done, length - done);
        assert_true(count > 0);
        done += (size_t)count;
    }
}

/// Asks for one on the public side of a world, as a page from an origin does.
/// @param origin  NULL: not as a page
/// @return the status of the answer; 101 if it is open
static inline uint32_t websocket_ask(
    struct websocket *socket_, const struct running *world, const char *origin)
{
    char head[512];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)world->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket_->file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(socket_->file, (struct sockaddr *)&address, sizeof address), 0);
    const int length = snprintf(head, sizeof head,
        "GET /v1/connect HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: muster.1\r\n%s%s%s\r\n",
        world->port, origin != NULL ? "Origin: " : "", origin != NULL ? origin : "",
        origin != NULL ? "\r\n" : "");
    websocket_write(socket_, head, (size_t)length);
    uint32_t count = 0;
    do {
        assert_true(count < sizeof head - 1);
        websocket_read(socket_, head + count++, 1);
        head[count] = '\0';
    } while (strstr(head, "\r\n\r\n") == NULL);
    assert_int_equal(strncmp(head, "HTTP/1.", 7), 0);
    return (uint32_t)strtoul(head + strlen("HTTP/1.1 "), NULL, 10);
}

/// Opens one on the public side of a world.
static inline void websocket_open(struct websocket *socket, const struct running *world)
{
    assert_int_equal(websocket_ask(socket, world, NULL), 101);
}

/// Sends a message, masked with zeros as a client may.
static inline void websocket_send(
    const struct websocket *socket, uint32_t opcode, const void *bytes, uint32_t length)
{
    uint8_t head[8] = {(uint8_t)(0x80u | opcode)};
    uint32_t head_bytes = 2;
    assert_true(length < 65536);
    if (length < 126) {
        head[1] = (uint8_t)(0x80u | length);
    } else {
        head[1] = 0x80u | 126u;
        head[2] = (uint8_t)(length >> 8);
        head[3] = (uint8_t)length;
        head_bytes = 4;
    }
    websocket_write(socket, head, head_bytes + 4);
    websocket_write(socket, bytes, length);
}

/// Waits for a message. @return its opcode
static inline uint32_t websocket_receive(struct websocket *socket)
{
    uint8_t head[2];
    websocket_read(socket, head, 2);
    assert_true((head[0] & 0xf0u) == 0x80u && head[1] < 127);
    socket->length = head[1];
    if (head[1] == 126) {
        uint8_t bytes[2];
        websocket_read(socket, bytes, 2);
        socket->length = (uint32_t)bytes[0] << 8 | bytes[1];
    }
    assert_true(socket->length <= sizeof socket->bytes);
    websocket_read(socket, socket->bytes, socket->length);
    return head[0] & 0x0fu;
}

static inline void websocket_close(struct websocket *socket)
{
    close(socket->file);
    socket->file = -1;
}
