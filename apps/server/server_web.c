// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_web.h"

#include "apps/server/login_request.h"
#include "apps/server/server_stats.h"
#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/http_server.h"
#include "gateway/rate.h"
#include "muster/login.h"

#include <jansson.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define RATE_SLOT_COUNT 16384u
#define RATE_BURST_US   1000000u
#define ROUTE_COUNT_MAX 8u

#define CONTENT_JSON    "application/json"
#define CONTENT_TEXT    "text/plain; charset=utf-8"
#define CONTENT_METRICS "text/plain; version=0.0.4; charset=utf-8"

// A server whose last tick is older than this is alive, but not well.
#define STALL_TICKS_MAX 60u

struct server_web {
    struct server_web_def def;
    struct secrets secrets;
    muster_login login;
    struct rate_table *login_rates;
    struct http_server *http;
    struct http_route public_routes[ROUTE_COUNT_MAX];
    struct http_route admin_routes[ROUTE_COUNT_MAX];
    _Atomic bool is_draining;
};

static bool is_draining(const struct server_web *web)
{
    return atomic_load_explicit(&web->is_draining, memory_order_relaxed);
}

// Logins.

// A studio's back end shows the API key; without one only guests come in, where they may.
static bool has_api_key(const struct server_web *web, const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const size_t length = sizeof scheme - 1;
    return strncmp(request->authorization, scheme, length) == 0 &&
           secret_is_equal(web->secrets.api_key, request->authorization + length);
}

static bool may_log_in(
    struct server_web *web, const struct http_request *request, struct http_response *response)
{
    const uint64_t rate = web->def.settings->gateway.address_requests_per_second;
    if (is_draining(web)) {
        http_respond_error(response, 503, "draining", "The server is shutting down.");
        return false;
    }
    if (!rate_table_take(web->login_rates, &request->peer, clock_monotonic_us(), 1000000 / rate,
            RATE_BURST_US)) {
        http_respond_error(
            response, 429, "rate", "Too many logins from this address; try again in a second.");
        return false;
    }
    if (request->authorization[0] == '\0' && web->def.settings->gateway.guests) {
        return true;
    }
    if (!has_api_key(web, request)) {
        http_respond_error(
            response, 401, "unauthorized", "Send the API key as \"Authorization: Bearer KEY\".");
        return false;
    }
    return true;
}

static void respond_json(struct http_response *response, uint32_t status, json_t *document)
{
    const size_t length = json_dumpb(document, response->room, response->room_bytes, JSON_COMPACT);
    json_decref(document);
    if (length > response->room_bytes) {
        http_respond_error(response, 500, "internal", "The answer is too long.");
        return;
    }
    response->status = status;
    response->content_type = CONTENT_JSON;
    response->body_bytes = (uint32_t)length;
}

static void respond_token(struct server_web *web,
    const struct login_request *login,
    const uint8_t *token,
    struct http_response *response)
{
    static const int variant = sodium_base64_VARIANT_ORIGINAL;
    char token_text[sodium_base64_ENCODED_LEN(
        MUSTER_CONNECT_TOKEN_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    char id_text[LOGIN_ID_TEXT_BYTES];
    char address_text[MUSTER_ADDRESS_TEXT_BYTES];
    (void)sodium_bin2base64(
        token_text, sizeof token_text, token, MUSTER_CONNECT_TOKEN_BYTES, variant);
    login_id_print(login->player.id, id_text);
    muster_address_print(&web->login.addresses[0], address_text);
    json_t *document = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "player_id", id_text,
        "token", token_text, "udp", address_text, "token_lifetime_s",
        (json_int_t)web->login.lifetime_s, "tick_rate_hz", (json_int_t)web->def.game->tick_rate_hz,
        "clock_us", (json_int_t)clock_monotonic_us(), "tick_zero_us",
        (json_int_t)server_process_started_us(web->def.process));
    respond_json(response, 201, document);
    sodium_memzero(token_text, sizeof token_text);
}

static void post_session(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!may_log_in(web, request, response)) {
        return;
    }
    struct login_request login;
    char problem[LOGIN_PROBLEM_BYTES];
    if (login_request_read(request->body, request->body_bytes, &login, problem) != MUSTER_OK) {
        http_respond_error(response, 400, "invalid", problem);
        return;
    }
    if (!login.has_id || !has_api_key(web, request)) {
        // Only who has the key may say who a player is.
        clock_random_bytes(login.player.id, sizeof login.player.id);
    }
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    clock_random_bytes(random_bytes, sizeof random_bytes);
    const muster_status status = muster_login_issue(
        &web->login, &login.player, clock_unix_us(), clock_unix_seconds(), random_bytes, token);
    if (status == MUSTER_OK) {
        respond_token(web, &login, token, response);
    } else {
        http_respond_error(response, 500, "internal", muster_status_name(status));
    }
    sodium_memzero(random_bytes, sizeof random_bytes);
    sodium_memzero(token, sizeof token);
}

// Operators.

static void get_health(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    http_respond(response, 200, CONTENT_TEXT, "ok\n");
}

// Ready: it lets players in, and its ticks come.
static void get_ready(
    void *context, const struct http_request *request, struct http_response *response)
{
    const struct server_web *web = context;
    (void)request;
    const struct server_summary summary =
        server_read_summary(server_process_server(web->def.process));
    const uint64_t elapsed_us = clock_monotonic_us() - server_process_started_us(web->def.process);
    const uint64_t due_tick = elapsed_us * web->def.game->tick_rate_hz / 1000000;
    const bool is_ticking = summary.tick + STALL_TICKS_MAX >= due_tick;
    const bool is_open = !is_draining(web);
    json_t *document = json_pack("{s:b, s:{s:b, s:b}}", "ready", is_ticking && is_open, "checks",
        "ticking", is_ticking, "open", is_open);
    respond_json(response, is_ticking && is_open ? 200 : 503, document);
}

static void get_metrics(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    (void)request;
    size_t length;
    muster_stats *stats = server_stats(server_process_server(web->def.process));
    if (muster_stats_write(stats, response->room, response->room_bytes, &length) != MUSTER_OK) {
        http_respond_error(response, 500, "internal", "The answer is too long.");
        return;
    }
    response->status = 200;
    response->content_type = CONTENT_METRICS;
    response->body_bytes = (uint32_t)length;
}

static double quantile_ms(const muster_histogram *histogram, uint32_t per_million)
{
    return (double)muster_histogram_quantile(histogram, per_million) / 1000.0;
}

static void get_status(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    (void)request;
    struct server *server = server_process_server(web->def.process);
    const struct server_summary summary = server_read_summary(server);
    const muster_histogram *times =
        muster_stats_histogram(server_stats(server), SERVER_STAT_TICK_TIME, 0);
    char hash[17];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary.hash);
    json_t *document = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:{s:f, s:f, s:f}}",
        "version", web->def.version, "game", web->def.game->name, "tick", (json_int_t)summary.tick,
        "hash", hash, "players", (json_int_t)summary.players, "entities",
        (json_int_t)summary.entities, "missed_ticks", (json_int_t)summary.missed_ticks, "tick_ms",
        "p50", quantile_ms(times, 500000), "p99", quantile_ms(times, 990000), "max",
        (double)muster_histogram_max(times) / 1000.0);
    respond_json(response, 200, document);
}

// Start and stop.

static muster_status listen_address(const char *key,
    const char *bind,
    uint64_t port,
    muster_address *out_address,
    struct driver_error *out_error)
{
    char text[SETTING_ADDRESS_CAPACITY + 2];
    (void)snprintf(text, sizeof text, strchr(bind, ':') != NULL ? "[%s]" : "%s", bind);
    if (muster_address_parse(text, out_address) != MUSTER_OK) {
        driver_error_write(out_error, 0, "%s is no address: %s", key, bind);
        return MUSTER_ERR_INVALID;
    }
    out_address->port = (uint16_t)port;
    return MUSTER_OK;
}

static void fill_routes(struct server_web *web, struct http_server_def *http_def)
{
    web->public_routes[0] =
        (struct http_route){HTTP_POST, "/v1/sessions", post_session, web, false};
    web->public_routes[1] = (struct http_route){HTTP_GET, "/healthz", get_health, web, false};
    web->admin_routes[0] = (struct http_route){HTTP_GET, "/metrics", get_metrics, web, false};
    web->admin_routes[1] = (struct http_route){HTTP_GET, "/healthz", get_health, web, false};
    web->admin_routes[2] = (struct http_route){HTTP_GET, "/readyz", get_ready, web, false};
    web->admin_routes[3] = (struct http_route){HTTP_GET, "/v1/status", get_status, web, false};
    http_def->listeners[0].routes = web->public_routes;
    http_def->listeners[0].route_count = 2;
    http_def->listeners[1].routes = web->admin_routes;
    http_def->listeners[1].route_count = 4;
    http_def->listener_count = 2;
}

static muster_status start_http(struct server_web *web, struct driver_error *out_error)
{
    const struct settings *settings = web->def.settings;
    struct http_server_def http_def = http_server_default_def();
    fill_routes(web, &http_def);
    muster_status status = listen_address("network.bind", settings->network.bind,
        settings->network.http_port, &http_def.listeners[0].address, out_error);
    if (status == MUSTER_OK) {
        status = listen_address("network.admin_bind", settings->network.admin_bind,
            settings->network.admin_port, &http_def.listeners[1].address, out_error);
    }
    return status == MUSTER_OK ? http_server_start(&http_def, &web->http, out_error) : status;
}

static void fill_login(struct server_web *web)
{
    const struct settings *settings = web->def.settings;
    web->login = muster_login_default();
    web->login.protocol_id = server_protocol_id(web->def.game);
    web->login.address_count = 1;
    web->login.addresses[0] = server_process_address(web->def.process);
    memcpy(web->login.private_key, web->secrets.private_key, sizeof web->login.private_key);
    const uint64_t lifetime_s = settings->gateway.token_lifetime_us / 1000000;
    web->login.lifetime_s = lifetime_s > 0 ? (uint32_t)lifetime_s : 1;
    const uint64_t timeout_s = settings->gateway.connection_timeout_us / 1000000;
    web->login.timeout_s = timeout_s > 0 ? (uint32_t)timeout_s : 1;
}

muster_status server_web_start(
    const struct server_web_def *def, struct server_web **out_web, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && out_web != NULL && out_error != NULL);
    *out_web = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct server_web *web = heap.alloc(heap.context, sizeof *web, _Alignof(struct server_web));
    if (web == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(web, 0, sizeof *web);
    web->def = *def;
    web->secrets = *def->secrets;
    fill_login(web);
    uint8_t rate_secret[16];
    clock_random_bytes(rate_secret, sizeof rate_secret);
    muster_status status =
        rate_table_create(&heap, RATE_SLOT_COUNT, rate_secret, &web->login_rates);
    if (status == MUSTER_OK) {
        status = start_http(web, out_error);
    }
    if (status != MUSTER_OK) {
        server_web_stop(web);
        return status;
    }
    *out_web = web;
    return MUSTER_OK;
}

void server_web_drain(struct server_web *web)
{
    MUSTER_ASSERT(web != NULL);
    atomic_store_explicit(&web->is_draining, true, memory_order_relaxed);
}

void server_web_stop(struct server_web *web)
{
    if (web == NULL) {
        return;
    }
    http_server_stop(web->http);
    rate_table_destroy(web->login_rates);
    secrets_finish(&web->secrets);
    const muster_allocator heap = muster_heap_allocator();
    sodium_memzero(web, sizeof *web);
    heap.free(heap.context, web, sizeof *web);
}
