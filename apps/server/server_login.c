// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_web_state.h"

#include "apps/server/admin_session.h"
#include "drivers/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

// Who may look and who may act on the admin side, and how a browser logs in there.

#define LOGINS_PER_S     5u
#define RATE_BURST_US    1000000u
#define COOKIE_TAIL      "; Path=/; HttpOnly; SameSite=Strict"
#define SET_COOKIE_BYTES (ADMIN_COOKIE_BYTES_MAX + 128u)

// The role of a request, and whether it has shown the session's CSRF token or needs none.
static enum admin_role read_role(const struct server_web *web,
    const struct http_request *request,
    bool *out_may_change,
    char out_csrf[ADMIN_CSRF_BYTES])
{
    static const char scheme[] = "Bearer ";
    const size_t scheme_length = sizeof scheme - 1;
    out_csrf[0] = '\0';
    *out_may_change = true;
    if (!web->def.settings->gateway.admin_authentication) {
        return ADMIN_OPERATOR;
    }
    if (strncmp(request->authorization, scheme, scheme_length) == 0) {
        return admin_role_of_key(web->secrets.admin_key, request->authorization + scheme_length);
    }
    const enum admin_role role =
        admin_session_check(web->session_secret, request->cookie, clock_unix_seconds(), out_csrf);
    *out_may_change = role != ADMIN_NOBODY && strlen(request->auth_token) == strlen(out_csrf) &&
                      sodium_memcmp(request->auth_token, out_csrf, strlen(out_csrf)) == 0;
    return role;
}

static void refuse_nobody(struct http_response *response)
{
    http_respond_error(response, 401, "unauthorized",
        "Send the admin key as \"Authorization: Bearer KEY\", or log in at /v1/login.");
}

bool server_web_may_view(const struct server_web *web,
    const struct http_request *request,
    struct http_response *response)
{
    bool may_change;
    char csrf[ADMIN_CSRF_BYTES];
    if (read_role(web, request, &may_change, csrf) == ADMIN_NOBODY) {
        refuse_nobody(response);
        return false;
    }
    return true;
}

bool server_web_may_operate(const struct server_web *web,
    const struct http_request *request,
    struct http_response *response)
{
    bool may_change;
    char csrf[ADMIN_CSRF_BYTES];
    const enum admin_role role = read_role(web, request, &may_change, csrf);
    if (role == ADMIN_NOBODY) {
        refuse_nobody(response);
    } else if (role != ADMIN_OPERATOR) {
        http_respond_error(response, 403, "read_only", "This key may look, and nothing else.");
    } else if (!may_change) {
        http_respond_error(
            response, 403, "csrf", "Send the token of GET /v1/session as \"X-Auth-Token\".");
    }
    return role == ADMIN_OPERATOR && may_change;
}

static json_t *describe(const struct server_web *web, enum admin_role role, const char *csrf)
{
    json_t *document = json_pack("{s:s, s:s, s:b}", "role", admin_role_name(role), "csrf", csrf,
        "authentication", web->def.settings->gateway.admin_authentication);
    if (role == ADMIN_OPERATOR) {
        uint8_t key[SECRET_BYTES];
        char text[SECRET_TEXT_CAPACITY];
        admin_viewer_key(web->secrets.admin_key, key);
        (void)sodium_bin2hex(text, sizeof text, key, sizeof key);
        json_object_set_new(document, "viewer_key", json_string(text));
        sodium_memzero(key, sizeof key);
        sodium_memzero(text, sizeof text);
    }
    return document;
}

// Puts a header into the room, behind the body.
static void set_cookie(const struct server_web *web,
    struct http_response *response,
    const char *value,
    uint32_t lifetime_s)
{
    char *place = response->room + response->body_bytes;
    const uint32_t left = response->room_bytes - response->body_bytes;
    if (left < SET_COOKIE_BYTES) {
        http_respond_error(response, 500, "internal", "The answer is too long.");
        return;
    }
    (void)snprintf(place, SET_COOKIE_BYTES, ADMIN_COOKIE "=%s; Max-Age=%u" COOKIE_TAIL "%s", value,
        lifetime_s, web->is_secure ? "; Secure" : "");
    http_add_header(response, "set-cookie:", place);
}

// Reads {"key": TEXT}. The document must be given up.
static json_t *read_key(const struct http_request *request, const char **out_key)
{
    json_t *document = json_loadb(request->body, request->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *key = json_string_value(json_object_get(document, "key"));
    *out_key = json_object_size(document) == 1 ? key : NULL;
    return document;
}

static void post_login(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!rate_table_take(web->admin_rates, &request->peer, clock_monotonic_us(),
            1000000 / LOGINS_PER_S, RATE_BURST_US)) {
        http_respond_error(response, 429, "rate", "Too many logins; try again in a second.");
        return;
    }
    const char *key;
    json_t *document = read_key(request, &key);
    const enum admin_role role =
        key != NULL ? admin_role_of_key(web->secrets.admin_key, key) : ADMIN_NOBODY;
    json_decref(document);
    if (key == NULL) {
        http_respond_error(response, 400, "invalid", "The body must be {\"key\": TEXT}.");
        return;
    }
    if (role == ADMIN_NOBODY) {
        http_respond_error(response, 401, "unauthorized", "This is no key of this server.");
        return;
    }
    char value[ADMIN_COOKIE_BYTES_MAX];
    char cookies[ADMIN_COOKIE_BYTES_MAX + sizeof ADMIN_COOKIE];
    char csrf[ADMIN_CSRF_BYTES];
    const uint64_t now_s = clock_unix_seconds();
    admin_session_issue(web->session_secret, role, now_s, value);
    (void)snprintf(cookies, sizeof cookies, ADMIN_COOKIE "=%s", value);
    (void)admin_session_check(web->session_secret, cookies, now_s, csrf);
    server_web_respond(response, 200, describe(web, role, csrf));
    set_cookie(web, response, value, ADMIN_SESSION_S);
}

static void post_logout(
    void *context, const struct http_request *request, struct http_response *response)
{
    const struct server_web *web = context;
    (void)request;
    server_web_respond(response, 200, json_pack("{s:s}", "role", admin_role_name(ADMIN_NOBODY)));
    set_cookie(web, response, "", 0);
}

static void get_session(
    void *context, const struct http_request *request, struct http_response *response)
{
    const struct server_web *web = context;
    bool may_change;
    char csrf[ADMIN_CSRF_BYTES];
    const enum admin_role role = read_role(web, request, &may_change, csrf);
    server_web_respond(response, 200, describe(web, role, csrf));
}

uint32_t server_login_routes(struct server_web *web, struct http_route *routes)
{
    routes[0] = (struct http_route){HTTP_POST, "/v1/login", post_login, web, false};
    routes[1] = (struct http_route){HTTP_POST, "/v1/logout", post_logout, web, false};
    routes[2] = (struct http_route){HTTP_GET, "/v1/session", get_session, web, false};
    return 3;
}
