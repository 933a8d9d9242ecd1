// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_web_state.h"

#include "apps/server/login_request.h"
#include "apps/server/server_player.h"
#include "core/assert.h"
#include "drivers/clock.h"
#include "wire/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What operators do to players: send away, keep out, speak to.

#define KICK_TEXT_BYTES_MAX 100u
#define BAN_SECONDS_DEFAULT 3600u

// Who is meant, and what the body says.
struct order {
    uint64_t player_id[2];
    uint32_t player_index;
    const json_t *body; // an object
};

static void respond_accepted(struct http_response *response)
{
    server_web_respond(response, 202, json_pack("{s:b}", "accepted", true));
}

// The text of a member, "" without it, NULL if it is none, too long or not what a client shows.
static const char *read_text(const json_t *body, const char *key, size_t bytes_max)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL) {
        return "";
    }
    const char *text = json_string_value(value);
    const size_t length = json_string_length(value);
    return text != NULL && length <= bytes_max && record_is_text((const uint8_t *)text, length)
               ? text
               : NULL;
}

// How many of these members an object has.
static size_t count_members(const json_t *body, const char *const *keys, size_t key_count)
{
    size_t count = 0;
    for (size_t i = 0; i < key_count; i++) {
        count += json_object_get(body, keys[i]) != NULL ? 1 : 0;
    }
    return count;
}

static void kick(struct server_web *web, const struct order *order, struct http_response *response)
{
    static const char *const keys[] = {"reason"};
    const char *reason = read_text(order->body, keys[0], KICK_TEXT_BYTES_MAX);
    if (reason == NULL || json_object_size(order->body) != count_members(order->body, keys, 1)) {
        http_respond_error(response, 400, "invalid",
            "The body must be {\"reason\": TEXT} with at most 100 bytes of text, or empty.");
        return;
    }
    struct server *server = server_process_server(web->def.process);
    if (server_kick(server, order->player_index, order->player_id, reason) != MUSTER_OK) {
        http_respond_error(response, 503, "busy", "Too many kicks wait; try again.");
        return;
    }
    respond_accepted(response);
}

// Reads {"seconds": N, "reason": TEXT, "address": BOOL}, all of them optional.
static bool read_ban(const json_t *body, uint64_t now_ms, struct ban *out_ban, bool *out_by_address)
{
    static const char *const keys[] = {"seconds", "reason", "address"};
    const json_t *seconds = json_object_get(body, keys[0]);
    const char *reason = read_text(body, keys[1], KICK_TEXT_BYTES_MAX);
    const json_t *by_address = json_object_get(body, keys[2]);
    const json_int_t count = seconds != NULL ? json_integer_value(seconds) : BAN_SECONDS_DEFAULT;
    if (reason == NULL || json_object_size(body) != count_members(body, keys, 3) ||
        (seconds != NULL && !json_is_integer(seconds)) || count < 1 ||
        count > (json_int_t)BAN_SECONDS_MAX ||
        (by_address != NULL && !json_is_boolean(by_address))) {
        return false;
    }
    *out_ban = (struct ban){.until_ms = now_ms + (uint64_t)count * 1000};
    *out_by_address = json_is_true(by_address);
    (void)snprintf(out_ban->reason, sizeof out_ban->reason, "%s", reason);
    return true;
}

static void ban(struct server_web *web, const struct order *order, struct http_response *response)
{
    const uint64_t now_ms = clock_unix_us() / 1000;
    struct ban ban;
    bool by_address;
    if (!read_ban(order->body, now_ms, &ban, &by_address)) {
        http_respond_error(response, 400, "invalid",
            "The body must be {\"seconds\": N, \"reason\": TEXT, \"address\": BOOL}, or less.");
        return;
    }
    memcpy(ban.player_id, order->player_id, sizeof ban.player_id);
    muster_address address;
    journal_describe_player(web->def.journal, order->player_index, ban.name, &address);
    if (by_address) {
        ban.address = address;
        ban.address.port = 0;
    }
    struct server *server = server_process_server(web->def.process);
    if (bans_add(&web->bans, &ban, now_ms) != MUSTER_OK) {
        http_respond_error(response, 503, "full", "As many as there may be are banned already.");
        return;
    }
    journal_note_ban(web->def.journal, now_ms, &ban, true);
    if (server_kick(server, order->player_index, order->player_id, ban.reason) != MUSTER_OK) {
        http_respond_error(response, 503, "busy", "Banned, but too many kicks wait; kick again.");
        return;
    }
    server_web_respond(
        response, 202, json_pack("{s:b, s:I}", "accepted", true, "ban", (json_int_t)ban.number));
}

static void message(
    struct server_web *web, const struct order *order, struct http_response *response)
{
    const char *text = read_text(order->body, "text", SERVER_NOTICE_BYTES_MAX);
    struct server *server = server_process_server(web->def.process);
    const muster_status status =
        text == NULL || json_object_size(order->body) != 1
            ? MUSTER_ERR_INVALID
            : server_notice(server, order->player_index, order->player_id, text);
    switch (status) {
    case MUSTER_OK:
        respond_accepted(response);
        break;
    case MUSTER_ERR_INVALID:
        http_respond_error(response, 400, "invalid",
            "The body must be {\"text\": TEXT} with 1 to 200 bytes of text.");
        break;
    case MUSTER_ERR_NOT_FOUND:
        http_respond_error(response, 409, "no_message",
            "This game has no message \"notice\" by which operators could speak.");
        break;
    default:
        http_respond_error(response, 503, "busy", "Too many messages wait; try again.");
        break;
    }
}

// Reads "ID/VERB". @return the verb, NULL if it is none
static const char *read_path(const char *tail, uint64_t out_id[2])
{
    char id[LOGIN_ID_TEXT_BYTES];
    const size_t length = LOGIN_ID_TEXT_BYTES - 1;
    if (strlen(tail) <= length || tail[length] != '/') {
        return NULL;
    }
    memcpy(id, tail, length);
    id[length] = '\0';
    return login_id_read(id, out_id) ? tail + length + 1 : NULL;
}

void server_operate_player(
    void *context, const struct http_request *request, struct http_response *response)
{
    static const struct {
        const char *verb;
        void (*run)(struct server_web *, const struct order *, struct http_response *);
    } verbs[] = {{"kick", kick}, {"ban", ban}, {"message", message}};
    struct server_web *web = context;
    if (!server_web_may_operate(web, request, response)) {
        return;
    }
    struct order order;
    const char *verb = read_path(request->tail, order.player_id);
    size_t number = 0;
    while (verb != NULL && number < 3 && strcmp(verb, verbs[number].verb) != 0) {
        number++;
    }
    if (verb == NULL || number == 3) {
        http_respond_error(response, 404, "not_found",
            "There are /v1/players/ID/kick, /v1/players/ID/ban and /v1/players/ID/message.");
        return;
    }
    json_t *body = request->body_bytes == 0 ? json_object()
                                            : json_loadb(request->body, request->body_bytes,
                                                  JSON_REJECT_DUPLICATES, NULL);
    order.body = body;
    order.player_index = journal_find_player(web->def.journal, order.player_id);
    if (!json_is_object(body)) {
        http_respond_error(response, 400, "invalid", "The body must be a JSON object, or empty.");
    } else if (order.player_index == MUSTER_NONE) {
        http_respond_error(response, 404, "not_found", "No such player is in the world.");
    } else {
        verbs[number].run(web, &order, response);
    }
    json_decref(body);
}

// Bans.

void server_operate_bans(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (server_web_may_view(web, request, response)) {
        server_web_respond(response, 200, bans_list(&web->bans, clock_unix_us() / 1000));
    }
}

void server_operate_lift(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!server_web_may_operate(web, request, response)) {
        return;
    }
    const uint64_t now_ms = clock_unix_us() / 1000;
    char *end;
    const unsigned long number = strtoul(request->tail, &end, 10);
    const struct ban lifted = {.number = (uint32_t)number};
    if (end == request->tail || strcmp(end, "/lift") != 0 || number > UINT32_MAX ||
        !bans_lift(&web->bans, lifted.number, now_ms)) {
        http_respond_error(response, 404, "not_found", "No ban of this number is in force.");
        return;
    }
    journal_note_ban(web->def.journal, now_ms, &lifted, false);
    respond_accepted(response);
}
