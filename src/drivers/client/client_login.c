// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // getaddrinfo()

#include "core/assert.h"
#include "drivers/client/login_answer.h"
#include "drivers/clock.h"
#include "drivers/http_client.h"
#include "drivers/linux/socket_address.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT    7777u
#define BODY_BYTES      512u
#define ROOM_BYTES      8192u // three times a good answer
#define API_KEY_BYTES   256u
#define PORT_DIGITS_MAX 5u

/// Where a server may be.
struct places {
    muster_address list[MUSTER_CLIENT_LOGIN_ADDRESS_COUNT_MAX];
    uint32_t count;
};

muster_client_login_def muster_client_login_default_def(void)
{
    return (muster_client_login_def){.server = "127.0.0.1:7777", .timeout_ms = 5000};
}

__attribute__((format(printf, 3, 4))) static muster_status fail(
    muster_client_error *out_error, muster_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(out_error->text, sizeof out_error->text, format, arguments);
    va_end(arguments);
    return status;
}

// Cuts "name:port" into its two.
static bool read_name(
    const char *server, char out_name[MUSTER_CLIENT_HOST_BYTES_MAX + 1], uint16_t *out_port)
{
    const size_t length = strcspn(server, ":");
    const char *digits = server + length;
    if (length == 0 || length > MUSTER_CLIENT_HOST_BYTES_MAX) {
        return false;
    }
    memcpy(out_name, server, length);
    out_name[length] = '\0';
    *out_port = PORT_DEFAULT;
    if (*digits == '\0') {
        return true;
    }
    digits++;
    const size_t digit_count = strspn(digits, "0123456789");
    if (digit_count == 0 || digit_count > PORT_DIGITS_MAX || digits[digit_count] != '\0') {
        return false;
    }
    const unsigned long port = strtoul(digits, NULL, 10);
    *out_port = (uint16_t)port;
    return port >= 1 && port <= UINT16_MAX;
}

// Asks the system for the addresses of a name.
static muster_status look_up(
    const char *name, uint16_t port, struct places *out_places, muster_client_error *out_error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int code = getaddrinfo(name, NULL, &hints, &found);
    if (code != 0) {
        const bool is_missing = code != EAI_AGAIN && code != EAI_SYSTEM && code != EAI_MEMORY;
        return fail(out_error, is_missing ? MUSTER_ERR_NOT_FOUND : MUSTER_ERR_IO,
            "cannot find host %s: %s", name, gai_strerror(code));
    }
    for (const struct addrinfo *entry = found;
         entry != NULL && out_places->count < MUSTER_CLIENT_LOGIN_ADDRESS_COUNT_MAX;
         entry = entry->ai_next) {
        union socket_address address = {0};
        if (entry->ai_addrlen > sizeof address) {
            continue;
        }
        memcpy(&address, entry->ai_addr, entry->ai_addrlen);
        muster_address *place = &out_places->list[out_places->count];
        *place = socket_address_read(&address);
        place->port = port;
        out_places->count += place->family != MUSTER_ADDRESS_NONE ? 1 : 0;
    }
    freeaddrinfo(found);
    return out_places->count > 0
               ? MUSTER_OK
               : fail(out_error, MUSTER_ERR_NOT_FOUND, "host %s has no address", name);
}

static muster_status find_places(
    const char *server, struct places *out_places, muster_client_error *out_error)
{
    *out_places = (struct places){0};
    if (muster_address_parse(server, &out_places->list[0]) == MUSTER_OK) {
        if (out_places->list[0].port == 0) {
            out_places->list[0].port = PORT_DEFAULT;
        }
        out_places->count = 1;
        return MUSTER_OK;
    }
    char name[MUSTER_CLIENT_HOST_BYTES_MAX + 1];
    uint16_t port;
    if (!read_name(server, name, &port)) {
        return fail(out_error, MUSTER_ERR_INVALID, "a server is written as HOST:PORT");
    }
    return look_up(name, port, out_places, out_error);
}

// Writes the request's body. Returns its length, 0 if it cannot be written.
static uint32_t write_body(const muster_client_login_def *def, char out_body[BODY_BYTES])
{
    json_t *document = json_object();
    bool is_good = document != NULL;
    if (def->name != NULL) {
        is_good = is_good && json_object_set_new(document, "name", json_string(def->name)) == 0;
    }
    if (def->player_id != NULL) {
        is_good =
            is_good && json_object_set_new(document, "player_id", json_string(def->player_id)) == 0;
    }
    if (def->party_id != 0) {
        json_t *number = json_integer((json_int_t)def->party_id);
        is_good = is_good && json_object_set_new(document, "party_id", number) == 0;
    }
    if (def->tier != 0) {
        is_good = is_good && json_object_set_new(document, "tier", json_integer(def->tier)) == 0;
    }
    const size_t length = is_good ? json_dumpb(document, out_body, BODY_BYTES, JSON_COMPACT) : 0;
    json_decref(document);
    return length <= BODY_BYTES ? (uint32_t)length : 0;
}

// Asks at one address.
static muster_status ask(const struct http_client_request *request,
    muster_client_ticket *out_ticket,
    muster_client_error *out_error)
{
    char room[ROOM_BYTES];
    struct http_client_response response;
    struct driver_error error = {0};
    const muster_status status = http_client_send(request, room, sizeof room, &response, &error);
    switch (status) {
    case MUSTER_OK:
        return login_answer_read(
            response.status, response.body, response.body_bytes, out_ticket, out_error);
    case MUSTER_ERR_INVALID:
        return fail(out_error, status, "server and API key are one line each");
    case MUSTER_ERR_IO:
        return fail(
            out_error, error.code == ETIMEDOUT ? MUSTER_ERR_TIMED_OUT : status, "%s", error.text);
    default:
        return fail(out_error, MUSTER_ERR_MALFORMED, "what answers is no Muster server");
    }
}

muster_status muster_client_login_ask(const muster_client_login_def *def,
    muster_client_ticket *out_ticket,
    muster_client_error *out_error)
{
    MUSTER_ASSERT(def != NULL && def->server != NULL);
    MUSTER_ASSERT(out_ticket != NULL);
    MUSTER_ASSERT(out_error != NULL);
    *out_ticket = (muster_client_ticket){0};
    *out_error = (muster_client_error){0};

    char body[BODY_BYTES];
    char authorization[API_KEY_BYTES + sizeof "Bearer "];
    struct http_client_request request = {
        .host = def->server,
        .method = "POST",
        .path = "/v1/sessions",
        .authorization = def->api_key != NULL ? authorization : NULL,
        .body = body,
        .body_bytes = write_body(def, body),
    };
    const char *api_key = def->api_key != NULL ? def->api_key : "";
    (void)snprintf(authorization, sizeof authorization, "Bearer %s", api_key);
    if (request.body_bytes == 0 || def->timeout_ms == 0 || def->party_id > INT64_MAX ||
        strlen(api_key) > API_KEY_BYTES) {
        return fail(out_error, MUSTER_ERR_INVALID, "nobody can log in like this");
    }
    struct places places;
    muster_status status = find_places(def->server, &places, out_error);
    const uint64_t end_us = clock_monotonic_us() + (uint64_t)def->timeout_ms * 1000;
    for (uint32_t i = 0; i < places.count; i++) {
        // What is left of the time is shared by the addresses that are left.
        const uint64_t now_us = clock_monotonic_us();
        const uint64_t left_us = end_us > now_us ? end_us - now_us : 0;
        request.timeout_ms = (uint32_t)(left_us / 1000 / (places.count - i)) + 1;
        request.server = places.list[i];
        status = ask(&request, out_ticket, out_error);
        if (status != MUSTER_ERR_IO && status != MUSTER_ERR_TIMED_OUT) {
            break;
        }
    }
    if (status == MUSTER_OK) {
        *out_error = (muster_client_error){0}; // of addresses before the one that answered
    }
    return status;
}
