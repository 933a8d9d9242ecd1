// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // SOCK_CLOEXEC

#include "drivers/http_client.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/linux/socket_address.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_BYTES_MIN 256u

// Waits for the socket. Returns 0, or the errno value.
static int wait_for(int file, short events, uint64_t deadline_us)
{
    for (;;) {
        const uint64_t now_us = clock_monotonic_us();
        if (now_us >= deadline_us) {
            return ETIMEDOUT;
        }
        struct pollfd poll_file = {.fd = file, .events = events};
        const int result = poll(&poll_file, 1, (int)((deadline_us - now_us) / 1000 + 1));
        if (result > 0) {
            return 0;
        }
        if (result < 0 && errno != EINTR) {
            return errno;
        }
    }
}

// Connects. Returns the socket, or -1 and the errno value.
static int connect_to(const muster_address *server, uint64_t deadline_us, int *out_code)
{
    const int family = server->family == MUSTER_ADDRESS_IPV4 ? AF_INET : AF_INET6;
    union socket_address address;
    const socklen_t length = socket_address_write(server, family, &address);
    const int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) {
        *out_code = errno;
        return -1;
    }
    int code = connect(file, &address.any, length) == 0 ? 0 : errno;
    if (code == EINPROGRESS) {
        code = wait_for(file, POLLOUT, deadline_us);
        socklen_t code_bytes = sizeof code;
        if (code == 0 && getsockopt(file, SOL_SOCKET, SO_ERROR, &code, &code_bytes) != 0) {
            code = errno;
        }
    }
    *out_code = code;
    if (code != 0) {
        close(file);
        return -1;
    }
    return file;
}

// Sends everything. Returns 0, or the errno value.
static int send_all(int file, const char *bytes, uint32_t length, uint64_t deadline_us)
{
    while (length > 0) {
        const ssize_t sent = send(file, bytes, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            length -= (uint32_t)sent;
        } else if (errno == EAGAIN || errno == EINTR) {
            const int code = wait_for(file, POLLOUT, deadline_us);
            if (code != 0) {
                return code;
            }
        } else {
            return errno;
        }
    }
    return 0;
}

// Reads until the response is whole. A server that refuses a body may have answered and closed
// before all of it was sent: `send_code` matters only if no response comes.
static muster_status receive(int file,
    char *room,
    uint32_t room_bytes,
    uint64_t deadline_us,
    int send_code,
    struct http_parsed_response *out_parsed,
    int *out_code)
{
    uint32_t length = 0;
    for (;;) {
        if (length == room_bytes) {
            return MUSTER_ERR_FULL;
        }
        const ssize_t got = recv(file, room + length, room_bytes - length, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            *out_code = wait_for(file, POLLIN, deadline_us);
            if (*out_code != 0) {
                return MUSTER_ERR_IO;
            }
            continue;
        }
        if (got < 0) {
            *out_code = send_code != 0 ? send_code : errno;
            return MUSTER_ERR_IO;
        }
        length += (uint32_t)got;
        const enum http_parse parse = http_response_parse(room, length, got == 0, out_parsed);
        if (parse == HTTP_PARSE_DONE) {
            return MUSTER_OK;
        }
        if (parse == HTTP_PARSE_BAD) {
            *out_code = send_code;
            return length == 0 && send_code != 0 ? MUSTER_ERR_IO : MUSTER_ERR_MALFORMED;
        }
    }
}

static bool is_one_line(const char *text)
{
    return text == NULL || text[strcspn(text, "\r\n")] == '\0';
}

// Writes the head of the request. Returns its length, or 0 if it is none.
static uint32_t write_head(
    const struct http_client_request *request, char head[HTTP_CLIENT_HEAD_BYTES_MAX])
{
    if (request->server.family == MUSTER_ADDRESS_NONE || request->method == NULL ||
        request->path == NULL || request->path[0] != '/' || request->timeout_ms == 0 ||
        (request->body == NULL && request->body_bytes != 0) || !is_one_line(request->host) ||
        !is_one_line(request->method) || !is_one_line(request->path) ||
        !is_one_line(request->authorization) || !is_one_line(request->content_type)) {
        return 0;
    }
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&request->server, address);
    const bool has_authorization = request->authorization != NULL;
    const int length = snprintf(head, HTTP_CLIENT_HEAD_BYTES_MAX,
        "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s%sContent-Type: %s\r\n"
        "Content-Length: %u\r\n\r\n",
        request->method, request->path, request->host != NULL ? request->host : address,
        has_authorization ? "Authorization: " : "", has_authorization ? request->authorization : "",
        has_authorization ? "\r\n" : "",
        request->content_type != NULL ? request->content_type : "application/json",
        request->body_bytes);
    return length > 0 && length < HTTP_CLIENT_HEAD_BYTES_MAX ? (uint32_t)length : 0;
}

muster_status http_client_send(const struct http_client_request *request,
    char *room,
    uint32_t room_bytes,
    struct http_client_response *out_response,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(request != NULL);
    MUSTER_ASSERT(room != NULL);
    MUSTER_ASSERT(out_response != NULL);
    *out_response = (struct http_client_response){0};

    char head[HTTP_CLIENT_HEAD_BYTES_MAX];
    const uint32_t head_bytes = write_head(request, head);
    if (head_bytes == 0 || room_bytes < ROOM_BYTES_MIN) {
        return MUSTER_ERR_INVALID;
    }
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&request->server, address);
    const uint64_t deadline_us = clock_monotonic_us() + (uint64_t)request->timeout_ms * 1000;
    int code;
    const int file = connect_to(&request->server, deadline_us, &code);
    if (file < 0) {
        driver_error_write(out_error, code, "cannot connect to TCP %s", address);
        return MUSTER_ERR_IO;
    }
    code = send_all(file, head, head_bytes, deadline_us);
    if (code == 0) {
        code = send_all(file, request->body, request->body_bytes, deadline_us);
    }
    struct http_parsed_response parsed;
    // One byte stays for the zero behind the body.
    const muster_status status =
        receive(file, room, room_bytes - 1, deadline_us, code, &parsed, &code);
    close(file);
    if (status != MUSTER_OK) {
        driver_error_write(out_error, code, "no answer from TCP %s", address);
        return status;
    }
    room[parsed.body_first + parsed.body_bytes] = '\0';
    *out_response = (struct http_client_response){
        .status = parsed.status,
        .body = room + parsed.body_first,
        .body_bytes = parsed.body_bytes,
    };
    return MUSTER_OK;
}
