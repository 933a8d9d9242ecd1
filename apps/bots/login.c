// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/login.h"

#include "drivers/http_client.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ROOM_BYTES 16384u
#define TIMEOUT_MS 5000u

bool login_is_local(const muster_address *address)
{
    static const uint8_t loopback_ipv6[16] = {[15] = 1};
    return address->family == MUSTER_ADDRESS_IPV4
               ? address->ip[0] == 127
               : memcmp(address->ip, loopback_ipv6, sizeof loopback_ipv6) == 0;
}

static muster_status read_answer(const json_t *document,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES],
    struct login_answer *out_answer)
{
    const char *token = json_string_value(json_object_get(document, "token"));
    const json_int_t rate = json_integer_value(json_object_get(document, "tick_rate_hz"));
    const json_int_t zero = json_integer_value(json_object_get(document, "tick_zero_us"));
    size_t length = 0;
    if (token == NULL || rate < 1 || rate > 240 ||
        sodium_base642bin(out_token, MUSTER_CONNECT_TOKEN_BYTES, token, strlen(token), NULL,
            &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length != MUSTER_CONNECT_TOKEN_BYTES) {
        return MUSTER_ERR_MALFORMED;
    }
    out_answer->tick_rate_hz = (uint32_t)rate;
    out_answer->tick_zero_us = zero > 0 ? (uint64_t)zero : 0;
    return MUSTER_OK;
}

static void describe_refusal(
    uint32_t status, const json_t *document, struct driver_error *out_error)
{
    const char *message = json_string_value(json_object_get(document, "message"));
    driver_error_write(out_error, 0, "the server refuses a login with %u: %s", status,
        message != NULL ? message : "no reason given");
}

muster_status login_ask(const muster_address *server,
    const char *api_key,
    uint32_t bot_index,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES],
    struct login_answer *out_answer,
    struct driver_error *out_error)
{
    char body[64];
    char authorization[128];
    (void)snprintf(body, sizeof body, "{\"name\":\"bot %u\"}", bot_index);
    (void)snprintf(
        authorization, sizeof authorization, "Bearer %s", api_key != NULL ? api_key : "");
    const struct http_client_request request = {
        .server = *server,
        .method = "POST",
        .path = "/v1/sessions",
        .authorization = api_key != NULL ? authorization : NULL,
        .body = body,
        .body_bytes = (uint32_t)strlen(body),
        .timeout_ms = TIMEOUT_MS,
    };
    char room[ROOM_BYTES];
    struct http_client_response response;
    muster_status status = http_client_send(&request, room, sizeof room, &response, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    json_error_t error;
    json_t *document = json_loadb(response.body, response.body_bytes, 0, &error);
    if (response.status != 201) {
        describe_refusal(response.status, document, out_error);
        status = MUSTER_ERR_IO;
    } else {
        status = read_answer(document, out_token, out_answer);
        if (status != MUSTER_OK) {
            driver_error_write(out_error, 0, "the server's answer to a login makes no sense");
        }
    }
    json_decref(document);
    return status;
}
