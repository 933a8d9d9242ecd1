// SPDX-License-Identifier: Apache-2.0
#include "muster/login.h"

#include "core/assert.h"
#include "core/bytes.h"
#include "wire/play.h"

#include <sodium.h>

// Where the random bytes of one token go.
#define RANDOM_KEY_UP_OFFSET   0
#define RANDOM_KEY_DOWN_OFFSET 32
#define RANDOM_NONCE_OFFSET    64
#define RANDOM_ID_OFFSET       88

_Static_assert(RANDOM_ID_OFFSET + 8 == MUSTER_LOGIN_RANDOM_BYTES, "every byte is used once");

muster_login muster_login_default(void)
{
    return (muster_login){.lifetime_s = 30, .timeout_s = 5};
}

muster_status muster_login_issue(const muster_login *login,
    const muster_player *player,
    uint64_t issue,
    uint64_t unix_s,
    const uint8_t *random_bytes,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES])
{
    MUSTER_ASSERT(login != NULL && player != NULL);
    MUSTER_ASSERT(random_bytes != NULL && out_token != NULL);
    memset(out_token, 0, MUSTER_CONNECT_TOKEN_BYTES);
    const char *name_end = memchr(player->name, 0, sizeof player->name);
    if (name_end == NULL || login->lifetime_s == 0 || login->timeout_s == 0 ||
        login->timeout_s > INT32_MAX ||
        !record_is_text((const uint8_t *)player->name, (size_t)(name_end - player->name))) {
        return MUSTER_ERR_INVALID;
    }

    struct play_token_data data = {
        .player_id = {player->id[0], player->id[1]},
        .party_id = player->party_id,
        .issue = issue,
        .tier = player->tier,
    };
    memcpy(data.name, player->name, sizeof data.name);

    muster_connect_token_def def = muster_connect_token_default_def();
    def.protocol_id = login->protocol_id;
    def.client_id = bytes_load_u64(random_bytes + RANDOM_ID_OFFSET);
    def.create_unix_s = unix_s;
    def.expire_unix_s = unix_s + login->lifetime_s;
    def.timeout_s = (int32_t)login->timeout_s;
    def.address_count = login->address_count;
    memcpy(def.addresses, login->addresses, sizeof def.addresses);
    memcpy(def.private_key, login->private_key, sizeof def.private_key);
    memcpy(def.nonce, random_bytes + RANDOM_NONCE_OFFSET, sizeof def.nonce);
    memcpy(def.client_to_server_key, random_bytes + RANDOM_KEY_UP_OFFSET,
        sizeof def.client_to_server_key);
    memcpy(def.server_to_client_key, random_bytes + RANDOM_KEY_DOWN_OFFSET,
        sizeof def.server_to_client_key);
    play_write_token_data(&data, def.user_data);
    const muster_status status = muster_connect_token_write(&def, out_token);
    sodium_memzero(&def, sizeof def);
    return status;
}
