// SPDX-License-Identifier: Apache-2.0
#include "apps/server/admin_session.h"

#include "core/assert.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAC_BYTES      32u
#define MAC_TEXT_BYTES (2 * MAC_BYTES + 1)
#define PREFIX_BYTES   32u // "1.18446744073709551615"

const char *admin_role_name(enum admin_role role)
{
    return role == ADMIN_OPERATOR ? "operator" : role == ADMIN_VIEWER ? "viewer" : "nobody";
}

// Keyed BLAKE2b of a purpose and a text, as hexadecimal digits.
static void make_mac(const uint8_t secret[SECRET_BYTES],
    const char *purpose,
    const char *text,
    char out_text[MAC_TEXT_BYTES])
{
    uint8_t mac[MAC_BYTES];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, secret, SECRET_BYTES, sizeof mac);
    // With its closing zero, so that no purpose is the beginning of another one's text.
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    (void)crypto_generichash_update(&state, (const uint8_t *)text, strlen(text));
    (void)crypto_generichash_final(&state, mac, sizeof mac);
    (void)sodium_bin2hex(out_text, MAC_TEXT_BYTES, mac, sizeof mac);
}

void admin_viewer_key(const uint8_t admin_key[SECRET_BYTES], uint8_t out_key[SECRET_BYTES])
{
    static const char purpose[] = "muster viewer key";
    (void)crypto_generichash(
        out_key, SECRET_BYTES, (const uint8_t *)purpose, sizeof purpose, admin_key, SECRET_BYTES);
}

enum admin_role admin_role_of_key(const uint8_t admin_key[SECRET_BYTES], const char *sent)
{
    MUSTER_ASSERT(sent != NULL);
    uint8_t viewer_key[SECRET_BYTES];
    admin_viewer_key(admin_key, viewer_key);
    const bool is_operator = secret_is_equal(admin_key, sent);
    const bool is_viewer = secret_is_equal(viewer_key, sent);
    sodium_memzero(viewer_key, sizeof viewer_key);
    return is_operator ? ADMIN_OPERATOR : is_viewer ? ADMIN_VIEWER : ADMIN_NOBODY;
}

void admin_session_issue(const uint8_t secret[SECRET_BYTES],
    enum admin_role role,
    uint64_t now_s,
    char out_value[ADMIN_COOKIE_BYTES_MAX])
{
    MUSTER_ASSERT(role == ADMIN_VIEWER || role == ADMIN_OPERATOR);
    char prefix[PREFIX_BYTES];
    char mac[MAC_TEXT_BYTES];
    (void)snprintf(
        prefix, sizeof prefix, "%d.%llu", (int)role, (unsigned long long)(now_s + ADMIN_SESSION_S));
    make_mac(secret, "session", prefix, mac);
    (void)snprintf(out_value, ADMIN_COOKIE_BYTES_MAX, "%s.%s", prefix, mac);
}

// Finds our cookie in "a=1; muster_admin=…; b=2" and copies its value; empty if it is not there.
static void find_cookie(const char *cookies, char out_value[ADMIN_COOKIE_BYTES_MAX])
{
    const size_t name_length = sizeof ADMIN_COOKIE - 1;
    out_value[0] = '\0';
    for (const char *at = cookies; *at != '\0';) {
        at += strspn(at, "; ");
        const size_t length = strcspn(at, ";");
        const bool is_ours = length > name_length && at[name_length] == '=' &&
                             strncmp(at, ADMIN_COOKIE, name_length) == 0;
        const size_t value_length = is_ours ? length - name_length - 1 : 0;
        if (is_ours && value_length < ADMIN_COOKIE_BYTES_MAX) {
            memcpy(out_value, at + name_length + 1, value_length);
            out_value[value_length] = '\0';
            return;
        }
        at += length;
    }
}

enum admin_role admin_session_check(const uint8_t secret[SECRET_BYTES],
    const char *cookies,
    uint64_t now_s,
    char out_csrf[ADMIN_CSRF_BYTES])
{
    MUSTER_ASSERT(cookies != NULL && out_csrf != NULL);
    char value[ADMIN_COOKIE_BYTES_MAX];
    char mac[MAC_TEXT_BYTES];
    out_csrf[0] = '\0';
    find_cookie(cookies, value);
    char *dot = strrchr(value, '.');
    if (dot == NULL || strlen(dot + 1) != MAC_TEXT_BYTES - 1) {
        return ADMIN_NOBODY;
    }
    *dot = '\0';
    make_mac(secret, "session", value, mac);
    if (sodium_memcmp(mac, dot + 1, MAC_TEXT_BYTES - 1) != 0) {
        return ADMIN_NOBODY;
    }
    // From here on the text is one that this server has written.
    const int role = value[0] - '0';
    if (strtoull(value + 2, NULL, 10) <= now_s) {
        return ADMIN_NOBODY;
    }
    make_mac(secret, "csrf", mac, out_csrf);
    return (enum admin_role)role;
}
