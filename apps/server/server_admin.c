// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_web_state.h"

#include "apps/server/server_live.h"
#include "apps/server/server_stats.h"
#include "core/assert.h"
#include "drivers/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What operators ask and want done.

// A server whose last tick is older than this is alive, but not well.
#define STALL_TICKS_MAX 60u

#define REAL_DIGITS 9 // more than is measured, and 0.2 is not written as 0.20000000000000001

bool server_web_is_draining(const struct server_web *web)
{
    return atomic_load_explicit(&web->is_draining, memory_order_relaxed);
}

bool server_web_has_key(const struct http_request *request, const uint8_t key[SECRET_BYTES])
{
    static const char scheme[] = "Bearer ";
    const size_t length = sizeof scheme - 1;
    return strncmp(request->authorization, scheme, length) == 0 &&
           secret_is_equal(key, request->authorization + length);
}

void server_web_respond(struct http_response *response, uint32_t status, json_t *document)
{
    const size_t length = json_dumpb(document, response->room, response->room_bytes,
        JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(document);
    if (length > response->room_bytes) {
        http_respond_error(response, 500, "internal", "The answer is too long.");
        return;
    }
    response->status = status;
    response->content_type = CONTENT_JSON;
    response->body_bytes = (uint32_t)length;
}

// Health and figures.

void server_admin_health(
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
    const bool is_open = !server_web_is_draining(web);
    json_t *document = json_pack("{s:b, s:{s:b, s:b}}", "ready", is_ticking && is_open, "checks",
        "ticking", is_ticking, "open", is_open);
    server_web_respond(response, is_ticking && is_open ? 200 : 503, document);
}

static void get_metrics(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!server_web_may_view(web, request, response)) {
        return;
    }
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
    if (!server_web_may_view(web, request, response)) {
        return;
    }
    struct server *server = server_process_server(web->def.process);
    const struct server_summary summary = server_read_summary(server);
    const muster_histogram *times =
        muster_stats_histogram(server_stats(server), SERVER_STAT_TICK_TIME, 0);
    char hash[17];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary.hash);
    json_t *document = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:{s:f, s:f, s:f}}",
        "version", web->def.version, "game", web->def.game->name, "tick_rate_hz",
        (json_int_t)web->def.game->tick_rate_hz, "tick", (json_int_t)summary.tick, "hash", hash,
        "players", (json_int_t)summary.players, "entities", (json_int_t)summary.entities,
        "missed_ticks", (json_int_t)summary.missed_ticks, "tick_ms", "p50",
        quantile_ms(times, 500000), "p99", quantile_ms(times, 990000), "max",
        (double)muster_histogram_max(times) / 1000.0);
    server_web_respond(response, 200, document);
}

// Events.

static bool read_number(const char *text, uint64_t *out_number)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > INT64_MAX) {
        return false;
    }
    *out_number = number;
    return true;
}

// Polled: called again after every collection until there is something to tell.
static void get_events(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!server_web_may_view(web, request, response)) {
        return;
    }
    uint64_t after = 0;
    const char *argument = http_request_argument(request, "after");
    if (argument != NULL && !read_number(argument, &after)) {
        http_respond_error(response, 400, "invalid", "\"after\" must be the number of an event.");
        return;
    }
    json_t *document = journal_events(web->def.journal, after, request->is_last_call);
    if (document != NULL) {
        server_web_respond(response, 200, document);
    }
}

// Players.

static void get_players(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (server_web_may_view(web, request, response)) {
        server_web_respond(response, 200,
            journal_players(web->def.journal, server_process_server(web->def.process)));
    }
}

static void get_map(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (server_web_may_view(web, request, response)) {
        server_web_respond(response, 200, journal_map(web->def.journal));
    }
}

// Polled: called again after every collection until there is a newer map than the asker has. What
// is left from when somebody looked last is too old for anybody, and a page that has seen an
// earlier run of the server knows nothing of this one.
static void get_live(
    void *context, const struct http_request *request, struct http_response *response)
{
    struct server_web *web = context;
    if (!server_web_may_view(web, request, response)) {
        return;
    }
    uint64_t after = 0;
    const char *argument = http_request_argument(request, "after");
    if (argument != NULL && !read_number(argument, &after)) {
        http_respond_error(response, 400, "invalid", "\"after\" must be the number of a tick.");
        return;
    }
    struct server *server = server_process_server(web->def.process);
    server_want_live(server);
    const uint64_t tick = server_read_summary(server).tick;
    const uint64_t second = web->def.game->tick_rate_hz;
    const uint64_t oldest = tick > second ? tick - second : 0;
    if (after > tick || after < oldest) {
        after = oldest;
    }
    MUSTER_ASSERT(response->room_bytes >= SERVER_LIVE_BYTES_MAX);
    const uint32_t length = journal_live(web->def.journal, after, response->room);
    if (length > 0) {
        response->status = 200;
        response->content_type = CONTENT_BYTES;
        response->body_bytes = length;
    } else if (request->is_last_call) {
        http_respond_error(response, 503, "busy", "No tick has run.");
    }
}

static void get_dashboard(
    void *context, const struct http_request *request, struct http_response *response)
{
    web_files_respond(context, "/dashboard/", request, response);
}

uint32_t server_admin_routes(struct server_web *web)
{
    const struct http_route routes[] = {
        {HTTP_GET, "/metrics", get_metrics, web, false},
        {HTTP_GET, "/healthz", server_admin_health, web, false},
        {HTTP_GET, "/readyz", get_ready, web, false},
        {HTTP_GET, "/v1/status", get_status, web, false},
        {HTTP_GET, "/v1/events", get_events, web, true},
        {HTTP_GET, "/v1/players", get_players, web, false},
        {HTTP_GET, "/v1/map", get_map, web, false},
        {HTTP_GET, "/v1/live", get_live, web, true},
        {HTTP_POST, "/v1/players/*", server_operate_player, web, false},
        {HTTP_GET, "/v1/bans", server_operate_bans, web, false},
        {HTTP_POST, "/v1/bans/*", server_operate_lift, web, false},
        {HTTP_GET, "/", get_dashboard, web->admin_files, false},
        {HTTP_GET, "/dashboard/*", web_files_answer, web->admin_files, false},
        {HTTP_GET, "/shared/*", web_files_answer, web->admin_files, false},
        {HTTP_GET, "/dygraphs/*", web_files_answer, web->admin_files, false},
    };
    const uint32_t count = sizeof routes / sizeof routes[0];
    MUSTER_ASSERT(count + 3 <= ROUTE_COUNT_MAX);
    memcpy(web->admin_routes, routes, sizeof routes);
    return count + server_login_routes(web, web->admin_routes + count);
}
