// SPDX-License-Identifier: Apache-2.0
#include "net/connect_token.h"

#include "core/address.h"
#include "core/assert.h"
#include "core/bytes.h"

#include <sodium.h>
#include <string.h>

// Both parts of a token end in the same list of servers and pair of keys, and both are zeros from
// there on. Neither can run over its size, so cursors are plain pointers: 32 IPv6 addresses of 19
// bytes, the keys and user data make 944 of 1,008 bytes.

#define ADDRESS_TYPE_IPV4  1
#define ADDRESS_TYPE_IPV6  2
#define ADDRESS_BYTES_MAX  (1 + 16 + 2)
#define ADDRESSES_BYTES    (MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX * ADDRESS_BYTES_MAX)
#define MAC_BYTES          16
#define PRIVATE_TEXT_BYTES (MUSTER_CONNECT_TOKEN_PRIVATE_BYTES - MAC_BYTES)

// Where the fields of a token lie.
#define PROTOCOL_OFFSET NETCODE_VERSION_BYTES
#define CREATE_OFFSET   (PROTOCOL_OFFSET + 8)
#define EXPIRE_OFFSET   (CREATE_OFFSET + 8)
#define NONCE_OFFSET    (EXPIRE_OFFSET + 8)
#define PRIVATE_OFFSET  (NONCE_OFFSET + MUSTER_CONNECT_TOKEN_NONCE_BYTES)
#define TIMEOUT_OFFSET  (PRIVATE_OFFSET + MUSTER_CONNECT_TOKEN_PRIVATE_BYTES)
#define SERVERS_OFFSET  (TIMEOUT_OFFSET + 4)

_Static_assert(
    8 + 4 + 4 + ADDRESSES_BYTES + 2 * MUSTER_NETCODE_KEY_BYTES + MUSTER_NETCODE_USER_DATA_BYTES <=
        PRIVATE_TEXT_BYTES,
    "the largest private part must fit");
_Static_assert(SERVERS_OFFSET + 4 + ADDRESSES_BYTES + 2 * MUSTER_NETCODE_KEY_BYTES <=
                   MUSTER_CONNECT_TOKEN_BYTES,
    "the largest token must fit");
_Static_assert(MAC_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "one seal");

// The servers and keys that both parts share.
struct servers {
    uint32_t address_count;
    muster_address addresses[MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX];
    uint8_t client_to_server_key[MUSTER_NETCODE_KEY_BYTES];
    uint8_t server_to_client_key[MUSTER_NETCODE_KEY_BYTES];
};

// An IPv6 address is eight 16-bit numbers, which the format stores with their low byte first,
// whereas a muster_address holds network order.
static void swap_pairs(uint8_t *out_bytes, const uint8_t *bytes)
{
    for (uint32_t i = 0; i < 16; i += 2) {
        out_bytes[i] = bytes[i + 1];
        out_bytes[i + 1] = bytes[i];
    }
}

static uint8_t *address_write(const muster_address *address, uint8_t *cursor)
{
    if (address->family == MUSTER_ADDRESS_IPV4) {
        *cursor++ = ADDRESS_TYPE_IPV4;
        memcpy(cursor, address->ip, 4);
        cursor += 4;
    } else {
        *cursor++ = ADDRESS_TYPE_IPV6;
        swap_pairs(cursor, address->ip);
        cursor += 16;
    }
    bytes_store_u16(cursor, address->port);
    return cursor + 2;
}

// Returns the byte after the address, or NULL if its type is unknown.
static const uint8_t *address_read(const uint8_t *cursor, muster_address *out_address)
{
    const uint8_t type = *cursor++;
    if (type == ADDRESS_TYPE_IPV4) {
        out_address->family = MUSTER_ADDRESS_IPV4;
        memcpy(out_address->ip, cursor, 4);
        cursor += 4;
    } else if (type == ADDRESS_TYPE_IPV6) {
        out_address->family = MUSTER_ADDRESS_IPV6;
        swap_pairs(out_address->ip, cursor);
        address_unmap(out_address);
        cursor += 16;
    } else {
        return NULL;
    }
    out_address->port = bytes_load_u16(cursor);
    return cursor + 2;
}

static uint8_t *servers_write(const muster_connect_token_def *def, uint8_t *cursor)
{
    bytes_store_u32(cursor, def->address_count);
    cursor += 4;
    for (uint32_t i = 0; i < def->address_count; i++) {
        cursor = address_write(&def->addresses[i], cursor);
    }
    memcpy(cursor, def->client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    cursor += MUSTER_NETCODE_KEY_BYTES;
    memcpy(cursor, def->server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
    return cursor + MUSTER_NETCODE_KEY_BYTES;
}

// Returns the byte after the keys, or NULL if the list is malformed.
static const uint8_t *servers_read(const uint8_t *cursor, struct servers *out_servers)
{
    *out_servers = (struct servers){.address_count = bytes_load_u32(cursor)};
    cursor += 4;
    if (out_servers->address_count < 1 ||
        out_servers->address_count > MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX) {
        return NULL;
    }
    for (uint32_t i = 0; i < out_servers->address_count && cursor != NULL; i++) {
        cursor = address_read(cursor, &out_servers->addresses[i]);
    }
    if (cursor == NULL) {
        return NULL;
    }
    memcpy(out_servers->client_to_server_key, cursor, MUSTER_NETCODE_KEY_BYTES);
    cursor += MUSTER_NETCODE_KEY_BYTES;
    memcpy(out_servers->server_to_client_key, cursor, MUSTER_NETCODE_KEY_BYTES);
    return cursor + MUSTER_NETCODE_KEY_BYTES;
}

// The private part.

struct associated {
    uint8_t bytes[NETCODE_VERSION_BYTES + 8 + 8];
};

static struct associated associated_of(const struct private_token_seal *seal)
{
    struct associated associated;
    memcpy(associated.bytes, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(associated.bytes + NETCODE_VERSION_BYTES, seal->protocol_id);
    bytes_store_u64(associated.bytes + NETCODE_VERSION_BYTES + 8, seal->expire_unix_s);
    return associated;
}

static void private_token_write(
    const muster_connect_token_def *def, uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES])
{
    bytes_store_u64(bytes, def->client_id);
    bytes_store_u32(bytes + 8, (uint32_t)def->timeout_s);
    uint8_t *user_data = servers_write(def, bytes + 12);
    memcpy(user_data, def->user_data, MUSTER_NETCODE_USER_DATA_BYTES);
}

static void private_token_seal(
    const struct private_token_seal *seal, uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES])
{
    const struct associated associated = associated_of(seal);
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached(bytes, bytes + PRIVATE_TEXT_BYTES, NULL,
        bytes, PRIVATE_TEXT_BYTES, associated.bytes, sizeof associated.bytes, NULL, seal->nonce,
        seal->key);
}

bool private_token_open(
    const struct private_token_seal *seal, uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES])
{
    MUSTER_ASSERT(seal != NULL);
    MUSTER_ASSERT(bytes != NULL);
    const struct associated associated = associated_of(seal);
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(bytes, NULL, bytes,
               PRIVATE_TEXT_BYTES, bytes + PRIVATE_TEXT_BYTES, associated.bytes,
               sizeof associated.bytes, seal->nonce, seal->key) == 0;
}

muster_status private_token_read(
    const uint8_t bytes[MUSTER_CONNECT_TOKEN_PRIVATE_BYTES], struct private_token *out_token)
{
    MUSTER_ASSERT(bytes != NULL);
    MUSTER_ASSERT(out_token != NULL);

    struct servers servers;
    const uint8_t *user_data = servers_read(bytes + 12, &servers);
    if (user_data == NULL) {
        *out_token = (struct private_token){0};
        return MUSTER_ERR_MALFORMED;
    }
    out_token->client_id = bytes_load_u64(bytes);
    out_token->timeout_s = (int32_t)bytes_load_u32(bytes + 8);
    out_token->address_count = servers.address_count;
    memcpy(out_token->addresses, servers.addresses, sizeof servers.addresses);
    memcpy(out_token->client_to_server_key, servers.client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(out_token->server_to_client_key, servers.server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(out_token->user_data, user_data, MUSTER_NETCODE_USER_DATA_BYTES);
    return MUSTER_OK;
}

// The whole token.

muster_connect_token_def muster_connect_token_default_def(void)
{
    return (muster_connect_token_def){.timeout_s = 10};
}

static bool def_is_valid(const muster_connect_token_def *def)
{
    if (def->address_count < 1 || def->address_count > MUSTER_CONNECT_TOKEN_ADDRESS_COUNT_MAX ||
        def->create_unix_s > def->expire_unix_s) {
        return false;
    }
    for (uint32_t i = 0; i < def->address_count; i++) {
        if (def->addresses[i].family != MUSTER_ADDRESS_IPV4 &&
            def->addresses[i].family != MUSTER_ADDRESS_IPV6) {
            return false;
        }
    }
    return true;
}

muster_status muster_connect_token_write(
    const muster_connect_token_def *def, uint8_t out_bytes[MUSTER_CONNECT_TOKEN_BYTES])
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_bytes != NULL);

    memset(out_bytes, 0, MUSTER_CONNECT_TOKEN_BYTES);
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }
    memcpy(out_bytes, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(out_bytes + PROTOCOL_OFFSET, def->protocol_id);
    bytes_store_u64(out_bytes + CREATE_OFFSET, def->create_unix_s);
    bytes_store_u64(out_bytes + EXPIRE_OFFSET, def->expire_unix_s);
    memcpy(out_bytes + NONCE_OFFSET, def->nonce, MUSTER_CONNECT_TOKEN_NONCE_BYTES);
    bytes_store_u32(out_bytes + TIMEOUT_OFFSET, (uint32_t)def->timeout_s);
    servers_write(def, out_bytes + SERVERS_OFFSET);

    const struct private_token_seal seal = {
        .protocol_id = def->protocol_id,
        .expire_unix_s = def->expire_unix_s,
        .key = def->private_key,
        .nonce = def->nonce,
    };
    private_token_write(def, out_bytes + PRIVATE_OFFSET);
    private_token_seal(&seal, out_bytes + PRIVATE_OFFSET);
    return MUSTER_OK;
}

muster_status muster_connect_token_read(
    const uint8_t bytes[MUSTER_CONNECT_TOKEN_BYTES], muster_connect_token *out_token)
{
    MUSTER_ASSERT(bytes != NULL);
    MUSTER_ASSERT(out_token != NULL);
    *out_token = (muster_connect_token){0};

    if (memcmp(bytes, NETCODE_VERSION, NETCODE_VERSION_BYTES) != 0) {
        return MUSTER_ERR_VERSION;
    }
    struct servers servers;
    const uint64_t create_unix_s = bytes_load_u64(bytes + CREATE_OFFSET);
    const uint64_t expire_unix_s = bytes_load_u64(bytes + EXPIRE_OFFSET);
    if (servers_read(bytes + SERVERS_OFFSET, &servers) == NULL || create_unix_s > expire_unix_s) {
        return MUSTER_ERR_MALFORMED;
    }
    out_token->protocol_id = bytes_load_u64(bytes + PROTOCOL_OFFSET);
    out_token->create_unix_s = create_unix_s;
    out_token->expire_unix_s = expire_unix_s;
    out_token->timeout_s = (int32_t)bytes_load_u32(bytes + TIMEOUT_OFFSET);
    out_token->address_count = servers.address_count;
    memcpy(out_token->addresses, servers.addresses, sizeof servers.addresses);
    memcpy(out_token->client_to_server_key, servers.client_to_server_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(out_token->server_to_client_key, servers.server_to_client_key, MUSTER_NETCODE_KEY_BYTES);
    memcpy(out_token->nonce, bytes + NONCE_OFFSET, MUSTER_CONNECT_TOKEN_NONCE_BYTES);
    memcpy(out_token->private_data, bytes + PRIVATE_OFFSET, MUSTER_CONNECT_TOKEN_PRIVATE_BYTES);
    return MUSTER_OK;
}
