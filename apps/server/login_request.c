// SPDX-License-Identifier: Apache-2.0
#include "apps/server/login_request.h"

#include "wire/record.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define TIER_MAX     255
#define DEFAULT_NAME "guest"

__attribute__((format(printf, 2, 3))) static bool refuse(char *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem, LOGIN_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool read_name(const json_t *value, muster_player *player, char *problem)
{
    const char *name = json_string_value(value);
    const size_t length = json_string_length(value);
    if (name == NULL || length == 0 || length >= sizeof player->name ||
        !record_is_text((const uint8_t *)name, length)) {
        return refuse(problem,
            "\"name\" must be a text of 1 to %zu bytes without control characters",
            sizeof player->name - 1);
    }
    memcpy(player->name, name, length + 1);
    return true;
}

bool login_id_read(const char *text, uint64_t out_id[2])
{
    static const char digits[] = "0123456789abcdef";
    if (text == NULL || strlen(text) != LOGIN_ID_TEXT_BYTES - 1) {
        return false;
    }
    out_id[0] = 0;
    out_id[1] = 0;
    for (uint32_t i = 0; i < LOGIN_ID_TEXT_BYTES - 1; i++) {
        const char lower = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 'a' - 'A') : text[i];
        const char *digit = strchr(digits, lower);
        if (digit == NULL) {
            return false;
        }
        out_id[i / 16] = out_id[i / 16] << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

static bool read_id(const json_t *value, muster_player *player, char *problem)
{
    return login_id_read(json_string_value(value), player->id) ||
           refuse(problem, "\"player_id\" must be 32 hexadecimal digits");
}

static bool read_number(
    const json_t *value, const char *key, uint64_t max, uint64_t *out_number, char *problem)
{
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number > max) {
        return refuse(
            problem, "\"%s\" must be a whole number from 0 to %llu", key, (unsigned long long)max);
    }
    *out_number = (uint64_t)number;
    return true;
}

static bool read_member(
    const char *key, const json_t *value, struct login_request *request, char *problem)
{
    uint64_t number = 0;
    if (strcmp(key, "name") == 0) {
        return read_name(value, &request->player, problem);
    }
    if (strcmp(key, "player_id") == 0) {
        request->has_id = true;
        return read_id(value, &request->player, problem);
    }
    if (strcmp(key, "party_id") == 0) {
        return read_number(value, key, INT64_MAX, &request->player.party_id, problem);
    }
    if (strcmp(key, "tier") == 0) {
        const bool is_read = read_number(value, key, TIER_MAX, &number, problem);
        request->player.tier = (uint32_t)number;
        return is_read;
    }
    return refuse(problem,
        "unknown key \"%.40s\"; there are \"name\", \"player_id\", \"party_id\" and \"tier\"", key);
}

static bool read_members(json_t *document, struct login_request *request, char *problem)
{
    const char *key;
    json_t *value;
    json_object_foreach(document, key, value)
    {
        if (!read_member(key, value, request, problem)) {
            return false;
        }
    }
    return true;
}

muster_status login_request_read(
    const char *body, size_t length, struct login_request *out_request, char *out_problem)
{
    *out_request = (struct login_request){.player = {.name = DEFAULT_NAME}};
    out_request->player.entity_slot = MUSTER_NONE;
    out_problem[0] = '\0';
    if (length == 0) {
        return MUSTER_OK;
    }
    json_error_t error;
    json_t *document = json_loadb(body, length, JSON_REJECT_DUPLICATES, &error);
    bool is_read = false;
    if (document == NULL) {
        (void)refuse(out_problem, "line %d column %d: %s", error.line, error.column, error.text);
    } else if (!json_is_object(document)) {
        (void)refuse(out_problem, "the body must be a JSON object");
    } else {
        is_read = read_members(document, out_request, out_problem);
    }
    json_decref(document);
    return is_read ? MUSTER_OK : MUSTER_ERR_MALFORMED;
}

void login_id_print(const uint64_t id[2], char out_text[LOGIN_ID_TEXT_BYTES])
{
    (void)snprintf(out_text, LOGIN_ID_TEXT_BYTES, "%016llx%016llx", (unsigned long long)id[0],
        (unsigned long long)id[1]);
}
