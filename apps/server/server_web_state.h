// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The HTTP side from the inside: what its two faces, players' and operators', share.

#include "apps/server/bans.h"
#include "apps/server/server_sockets.h"
#include "apps/server/server_web.h"
#include "apps/server/web_files.h"
#include "drivers/http_server.h"
#include "gateway/rate.h"
#include "muster/login.h"

#include <jansson.h>
#include <stdatomic.h>

#define ROUTE_COUNT_MAX 32u

// No origin is shorter than "http://a" and a comma.
#define ORIGIN_COUNT_MAX (SETTING_TEXT_CAPACITY / 9u + 1u)

#define CONTENT_JSON    "application/json"
#define CONTENT_TEXT    "text/plain; charset=utf-8"
#define CONTENT_BYTES   "application/octet-stream"
#define CONTENT_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct server_web {
    struct server_web_def def;
    struct secrets secrets;
    muster_login login;
    struct rate_table *login_rates;
    struct rate_table *admin_rates;       // of logins on the admin side
    uint8_t session_secret[SECRET_BYTES]; // of this start
    struct bans bans;
    bool is_secure; // whether cookies may go over TLS alone
    struct web_files *public_files;
    struct web_files *admin_files;
    struct http_server *http;
    struct server_sockets *sockets;
    struct server_links links; // over the sockets, for the network thread
    const char *hosts[2];      // names of the players' and the operators' side; "" for none
    char origins_text[SETTING_TEXT_CAPACITY];
    const char *origins[ORIGIN_COUNT_MAX]; // in it
    struct http_route public_routes[ROUTE_COUNT_MAX];
    struct http_route admin_routes[ROUTE_COUNT_MAX];
    struct http_route plain_routes[2 * ROUTE_COUNT_MAX]; // both, for programs without TLS
    _Atomic uint64_t certificate_expires_unix_s;         // 0 without TLS
    _Atomic bool is_draining;
};

/// True once a drain has begun.
bool server_web_is_draining(const struct server_web *web);

/// True if the request may see what operators see. If not, it is answered.
bool server_web_may_view(const struct server_web *web,
    const struct http_request *request,
    struct http_response *response);

/// True if the request may change something. If not, it is answered.
bool server_web_may_operate(const struct server_web *web,
    const struct http_request *request,
    struct http_response *response);

/// Fills the routes of logins on the admin side. @return how many
uint32_t server_login_routes(struct server_web *web, struct http_route *routes);

/// True if the request shows a key as "Authorization: Bearer KEY".
bool server_web_has_key(const struct http_request *request, const uint8_t key[SECRET_BYTES]);

/// Answers with a document, which is given up.
void server_web_respond(struct http_response *response, uint32_t status, json_t *document);

/// GET /healthz.
http_handler server_admin_health;

/// POST /v1/players/ID/kick, /ban and /message, GET /v1/bans, POST /v1/bans/N/lift.
http_handler server_operate_player;
http_handler server_operate_bans; ///< As above.
http_handler server_operate_lift; ///< As above.

/// Fills the operators' routes. @return how many
uint32_t server_admin_routes(struct server_web *web);
