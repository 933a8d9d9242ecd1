// SPDX-License-Identifier: Apache-2.0
#include "apps/server/bans.h"

#include "apps/server/login_request.h"
#include "core/assert.h"

#include <string.h>

static bool is_in_force(const struct ban *ban, uint64_t now_ms)
{
    return ban->number != 0 && now_ms < ban->until_ms;
}

static bool has_player(const struct ban *ban)
{
    return ban->player_id[0] != 0 || ban->player_id[1] != 0;
}

muster_status bans_add(struct bans *bans, struct ban *ban, uint64_t now_ms)
{
    MUSTER_ASSERT(bans != NULL && ban != NULL);
    for (uint32_t i = 0; i < BAN_COUNT_MAX; i++) {
        if (!is_in_force(&bans->list[i], now_ms)) {
            ban->number = ++bans->newest_number;
            bans->list[i] = *ban;
            return MUSTER_OK;
        }
    }
    return MUSTER_ERR_FULL;
}

bool bans_lift(struct bans *bans, uint32_t number, uint64_t now_ms)
{
    MUSTER_ASSERT(bans != NULL);
    for (uint32_t i = 0; i < BAN_COUNT_MAX; i++) {
        struct ban *ban = &bans->list[i];
        if (number != 0 && ban->number == number && is_in_force(ban, now_ms)) {
            *ban = (struct ban){0};
            return true;
        }
    }
    return false;
}

static bool is_about(
    const struct ban *ban, const uint64_t player_id[2], const muster_address *address)
{
    const bool is_player = player_id != NULL && has_player(ban) &&
                           ban->player_id[0] == player_id[0] && ban->player_id[1] == player_id[1];
    const bool is_address = ban->address.family != MUSTER_ADDRESS_NONE &&
                            ban->address.family == address->family &&
                            memcmp(ban->address.ip, address->ip, sizeof address->ip) == 0;
    return is_player || is_address;
}

const struct ban *bans_find(const struct bans *bans,
    const uint64_t player_id[2],
    const muster_address *address,
    uint64_t now_ms)
{
    MUSTER_ASSERT(bans != NULL && address != NULL);
    for (uint32_t i = 0; i < BAN_COUNT_MAX; i++) {
        const struct ban *ban = &bans->list[i];
        if (is_in_force(ban, now_ms) && is_about(ban, player_id, address)) {
            return ban;
        }
    }
    return NULL;
}

static json_t *ban_json(const struct ban *ban)
{
    json_t *document = json_pack("{s:I, s:I, s:s, s:s}", "ban", (json_int_t)ban->number, "until_ms",
        (json_int_t)ban->until_ms, "name", ban->name, "reason", ban->reason);
    if (has_player(ban)) {
        char id[LOGIN_ID_TEXT_BYTES];
        login_id_print(ban->player_id, id);
        json_object_set_new(document, "player_id", json_string(id));
    }
    if (ban->address.family != MUSTER_ADDRESS_NONE) {
        char text[MUSTER_ADDRESS_TEXT_BYTES];
        muster_address_print(&ban->address, text);
        json_object_set_new(document, "address", json_string(text));
    }
    return document;
}

json_t *bans_list(const struct bans *bans, uint64_t now_ms)
{
    MUSTER_ASSERT(bans != NULL);
    json_t *list = json_array();
    for (uint32_t i = 0; i < BAN_COUNT_MAX; i++) {
        if (is_in_force(&bans->list[i], now_ms)) {
            json_array_append_new(list, ban_json(&bans->list[i]));
        }
    }
    return json_pack("{s:o}", "bans", list);
}
