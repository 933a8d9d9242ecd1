// SPDX-License-Identifier: Apache-2.0
#include "drivers/client/login_answer.h"

#include "core/assert.h"
#include "wire/record.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HTTP_CREATED     201u
#define TICK_RATE_HZ_MAX 240u
#define HEX_DIGITS       "0123456789abcdefABCDEF"

static bool read_number(
    const json_t *document, const char *key, uint64_t min, uint64_t max, uint64_t *out_number)
{
    const json_t *value = json_object_get(document, key);
    const json_int_t number = json_integer_value(value);
    *out_number = number > 0 ? (uint64_t)number : 0;
    return json_is_integer(value) && number >= 0 && *out_number >= min && *out_number <= max;
}

static bool read_id(const json_t *document, char out_id[33])
{
    const char *id = json_string_value(json_object_get(document, "player_id"));
    if (id == NULL || strlen(id) != 32 || strspn(id, HEX_DIGITS) != 32) {
        return false;
    }
    memcpy(out_id, id, 33);
    return true;
}

// A token that its client could not read would be of no use.
static bool read_token(const json_t *document, uint8_t out_bytes[MUSTER_CONNECT_TOKEN_BYTES])
{
    const char *text = json_string_value(json_object_get(document, "token"));
    size_t length = 0;
    if (text == NULL ||
        sodium_base642bin(out_bytes, MUSTER_CONNECT_TOKEN_BYTES, text, strlen(text), NULL, &length,
            NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length != MUSTER_CONNECT_TOKEN_BYTES) {
        return false;
    }
    muster_connect_token token;
    const muster_status status = muster_connect_token_read(out_bytes, &token);
    sodium_memzero(&token, sizeof token);
    return status == MUSTER_OK;
}

static bool read_ticket(const json_t *document, muster_client_ticket *ticket)
{
    uint64_t rate_hz;
    uint64_t lifetime_s;
    const bool is_read = read_id(document, ticket->player_id) &&
                         read_token(document, ticket->token) &&
                         read_number(document, "tick_rate_hz", 1, TICK_RATE_HZ_MAX, &rate_hz) &&
                         read_number(document, "token_lifetime_s", 1, UINT32_MAX, &lifetime_s) &&
                         read_number(document, "clock_us", 0, INT64_MAX, &ticket->clock_us) &&
                         read_number(document, "tick_zero_us", 0, INT64_MAX, &ticket->tick_zero_us);
    if (is_read) {
        ticket->tick_rate_hz = (uint32_t)rate_hz;
        ticket->token_lifetime_s = (uint32_t)lifetime_s;
    }
    return is_read;
}

// Text from outside reaches no terminal with control characters in it.
static const char *read_text(const json_t *document, const char *key)
{
    const json_t *value = json_object_get(document, key);
    const char *text = json_string_value(value);
    const size_t length = json_string_length(value);
    return text != NULL && record_is_text((const uint8_t *)text, length) ? text : NULL;
}

static bool read_refusal(
    uint32_t http_status, const json_t *document, muster_client_error *out_error)
{
    const char *code = read_text(document, "error");
    const char *message = read_text(document, "message");
    if (http_status < 400 || code == NULL || code[0] == '\0') {
        return false;
    }
    out_error->http_status = http_status;
    (void)snprintf(out_error->code, sizeof out_error->code, "%s", code);
    (void)snprintf(out_error->text, sizeof out_error->text,
        "the server refuses a login with %u %s: %s", http_status, out_error->code,
        message != NULL ? message : "no reason given");
    return true;
}

muster_status login_answer_read(uint32_t http_status,
    const char *body,
    uint32_t body_bytes,
    muster_client_ticket *out_ticket,
    muster_client_error *out_error)
{
    MUSTER_ASSERT(body != NULL || body_bytes == 0);
    MUSTER_ASSERT(out_ticket != NULL);
    MUSTER_ASSERT(out_error != NULL);
    *out_ticket = (muster_client_ticket){0};

    muster_status status = MUSTER_ERR_MALFORMED;
    json_error_t error;
    json_t *document = json_loadb(body, body_bytes, 0, &error);
    if (http_status == HTTP_CREATED && read_ticket(document, out_ticket)) {
        status = MUSTER_OK;
    } else if (read_refusal(http_status, document, out_error)) {
        status = MUSTER_ERR_DENIED;
    } else {
        (void)snprintf(out_error->text, sizeof out_error->text,
            "what answers with %u is no Muster server", http_status);
    }
    json_decref(document);
    if (status != MUSTER_OK) {
        sodium_memzero(out_ticket, sizeof *out_ticket);
    }
    return status;
}
