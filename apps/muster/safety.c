// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/safety.h"

#include "core/assert.h"

#include <arpa/inet.h>
#include <string.h>

#define LOOPBACK_V4 127u // the first byte of 127.0.0.0/8

bool address_is_loopback(const char *address)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == LOOPBACK_V4;
    }
    struct in6_addr v6;
    const int result = inet_pton(AF_INET6, address, &v6);
    MUSTER_ASSERT(result == 1); // the settings admit nothing else
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        return v6.s6_addr[12] == LOOPBACK_V4;
    }
    return IN6_IS_ADDR_LOOPBACK(&v6);
}

muster_status safety_load_secrets(const struct settings *settings,
    const char *state_home,
    const char *home,
    struct secrets *out_secrets,
    struct problem *problem)
{
    memset(out_secrets, 0, sizeof *out_secrets);
    if (settings->gateway.secrets == SETTING_SECRETS_DEVELOPMENT) {
        secrets_init_development(out_secrets);
        return MUSTER_OK;
    }
    char path[SETTING_TEXT_CAPACITY + 64];
    struct text text = text_in(path, sizeof path);
    text_append(&text, settings->gateway.secrets_file);
    if (text.length == 0 && secrets_default_path(state_home, home, &text, problem) != MUSTER_OK) {
        return MUSTER_ERR_NOT_FOUND;
    }
    bool is_created = false;
    return secrets_read_or_create(path, out_secrets, &is_created, problem);
}

static muster_status refuse(
    const char *key, const char *address, const char *reason, struct problem *problem)
{
    problem_set(problem, "%s is %s, which other machines can reach, %s", key, address, reason);
    return MUSTER_ERR_DENIED;
}

muster_status safety_check(
    const struct settings *settings, const struct secrets *secrets, struct problem *problem)
{
    const char *bind = settings->network.bind;
    const char *admin_bind = settings->network.admin_bind;
    const bool is_bind_wide = !address_is_loopback(bind);
    const bool is_admin_wide = !address_is_loopback(admin_bind);
    const char *key = is_bind_wide ? "network.bind" : "network.admin_bind";
    const char *address = is_bind_wide ? bind : admin_bind;
    if (!is_bind_wide && !is_admin_wide) {
        return MUSTER_OK;
    }
    if (secrets->is_development) {
        return refuse(key, address,
            "while the keys are the published ones; set gateway.secrets: own", problem);
    }
    if (!settings->gateway.admin_authentication) {
        return refuse(key, address,
            "while operators need no key; set gateway.admin_authentication: true", problem);
    }
    if (is_bind_wide && settings->gateway.guests) {
        return refuse(
            key, address, "while guests need no API key; set gateway.guests: false", problem);
    }
    return MUSTER_OK;
}
