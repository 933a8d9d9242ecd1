// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_web_state.h"

#include "apps/muster/folder.h"
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

#define RATE_SLOT_COUNT       16384u
#define ADMIN_RATE_SLOT_COUNT 1024u
#define RATE_BURST_US         1000000u
#define STRICT_TRANSPORT_S    2592000u // 30 days

#define ORIGIN_SEPARATORS ", "

// Logins.

// A studio's back end shows the API key; without one only guests come in, where they may.
static bool has_api_key(const struct server_web *web, const struct http_request *request)
{
    return server_web_has_key(request, web->secrets.api_key);
}

static void refuse_login(struct server_web *web,
    const struct http_request *request,
    struct http_response *response,
    uint32_t status,
    const char *code,
    const char *message)
{
    journal_note_login(web->def.journal, clock_unix_us() / 1000, NULL, &request->peer, code);
    http_respond_error(response, status, code, message);
}

static bool may_log_in(
    struct server_web *web, const struct http_request *request, struct http_response *response)
{
    const uint64_t rate = web->def.settings->gateway.address_requests_per_second;
    if (server_web_is_draining(web)) {
        refuse_login(web, request, response, 503, "draining", "The server is shutting down.");
        return false;
    }
    if (!rate_table_take(web->login_rates, &request->peer, clock_monotonic_us(), 1000000 / rate,
            RATE_BURST_US)) {
        refuse_login(web, request, response, 429, "rate",
            "Too many logins from this address; try again in a second.");
        return false;
    }
    if (request->authorization[0] == '\0' && web->def.settings->gateway.guests) {
        return true;
    }
    if (!has_api_key(web, request)) {
        refuse_login(web, request, response, 401, "unauthorized",
            "Send the API key as \"Authorization: Bearer KEY\".");
        return false;
    }
    return true;
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
    server_web_respond(response, 201, document);
    sodium_memzero(token_text, sizeof token_text);
}

// Who is banned, by id or by address, gets no token. An id that a guest is given is new.
static bool is_banned(struct server_web *web,
    const struct http_request *request,
    const struct login_request *login,
    struct http_response *response)
{
    const struct ban *ban =
        bans_find(&web->bans, login->player.id, &request->peer, clock_unix_us() / 1000);
    if (ban == NULL) {
        return false;
    }
    char message[BAN_REASON_BYTES_MAX + 32];
    (void)snprintf(
        message, sizeof message, "Banned%s%s", ban->reason[0] != '\0' ? ": " : ".", ban->reason);
    refuse_login(web, request, response, 403, "banned", message);
    return true;
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
        refuse_login(web, request, response, 400, "invalid", problem);
        return;
    }
    if (!login.has_id || !has_api_key(web, request)) {
        // Only who has the key may say who a player is.
        clock_random_bytes(login.player.id, sizeof login.player.id);
    }
    if (is_banned(web, request, &login, response)) {
        return;
    }
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    clock_random_bytes(random_bytes, sizeof random_bytes);
    const muster_status status = muster_login_issue(
        &web->login, &login.player, clock_unix_us(), clock_unix_seconds(), random_bytes, token);
    if (status == MUSTER_OK) {
        journal_note_login(
            web->def.journal, clock_unix_us() / 1000, &login.player, &request->peer, NULL);
        respond_token(web, &login, token, response);
    } else {
        http_respond_error(response, 500, "internal", muster_status_name(status));
    }
    sodium_memzero(random_bytes, sizeof random_bytes);
    sodium_memzero(token, sizeof token);
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

static muster_status load_files(struct server_web *web, struct driver_error *out_error)
{
    static const struct web_folder public_folders[] = {
        {"/play/", "web/play"},
        {"/shared/", "web/shared"},
        {"/sdk/js/", "sdk/js"},
    };
    static const struct web_folder admin_folders[] = {
        {"/dashboard/", "web/dashboard"},
        {"/shared/", "web/shared"},
        {"/dygraphs/", "/usr/share/javascript/dygraphs"},
    };
    char share[FOLDER_PATH_BYTES_MAX];
    if (!web_files_share(share, sizeof share)) {
        driver_error_write(out_error, 0, "cannot tell where the pages are");
        return MUSTER_ERR_IO;
    }
    const muster_status status = web_files_load(share, public_folders,
        sizeof public_folders / sizeof public_folders[0], &web->public_files, out_error);
    return status == MUSTER_OK
               ? web_files_load(share, admin_folders,
                     sizeof admin_folders / sizeof admin_folders[0], &web->admin_files, out_error)
               : status;
}

static uint32_t fill_public_routes(struct server_web *web)
{
    const struct http_route routes[] = {
        {HTTP_POST, "/v1/sessions", post_session, web, false},
        {HTTP_GET, "/healthz", server_admin_health, web, false},
        {HTTP_GET, "/play", web_files_answer, web->public_files, false},
        {HTTP_GET, "/play/*", web_files_answer, web->public_files, false},
        {HTTP_GET, "/shared/*", web_files_answer, web->public_files, false},
        {HTTP_GET, "/sdk/js/*", web_files_answer, web->public_files, false},
    };
    memcpy(web->public_routes, routes, sizeof routes);
    return sizeof routes / sizeof routes[0];
}

static void fill_routes(struct server_web *web, struct http_server_def *http_def)
{
    http_def->listeners[0].routes = web->public_routes;
    http_def->listeners[0].route_count = fill_public_routes(web);
    http_def->listeners[1].routes = web->admin_routes;
    http_def->listeners[1].route_count = server_admin_routes(web);
    const struct settings *settings = web->def.settings;
    web->hosts[0] = settings->network.host;
    web->hosts[1] = settings->network.admin_host;
    for (uint32_t i = 0; i < 2; i++) {
        http_def->listeners[i].hosts = &web->hosts[i];
        http_def->listeners[i].host_count = web->hosts[i][0] != '\0' ? 1 : 0;
    }
    http_def->listener_count = 2;
}

// TLS on both sides, and if it is wished a plain port on loopback with the routes of both.
static void fill_tls(struct server_web *web, struct http_server_def *http_def)
{
    const struct settings *settings = web->def.settings;
    if (web->def.certificate == NULL) {
        return;
    }
    http_def->certificate = web->def.certificate;
    http_def->listeners[0].has_tls = true;
    http_def->listeners[1].has_tls = settings->tls.admin;
    web->is_secure = settings->tls.admin;
    // A browser would take it for all ports of the host, and hold to it.
    if (settings->tls.admin && !settings->tls.self_signed) {
        http_def->strict_transport_s = STRICT_TRANSPORT_S;
    }
    atomic_store_explicit(&web->certificate_expires_unix_s,
        http_certificate_facts(web->def.certificate)->expires_unix_s, memory_order_relaxed);
    if (settings->tls.plain_port != 0) {
        struct http_listener_def *plain = &http_def->listeners[http_def->listener_count++];
        const uint32_t public_count = http_def->listeners[0].route_count;
        const uint32_t admin_count = http_def->listeners[1].route_count;
        memcpy(web->plain_routes, web->public_routes, public_count * sizeof web->plain_routes[0]);
        memcpy(web->plain_routes + public_count, web->admin_routes,
            admin_count * sizeof web->plain_routes[0]);
        plain->address = (muster_address){.family = MUSTER_ADDRESS_IPV4,
            .ip = {127, 0, 0, 1},
            .port = (uint16_t)settings->tls.plain_port};
        plain->routes = web->plain_routes;
        plain->route_count = public_count + admin_count;
    }
}

static uint32_t socket_player_count(const struct server_web *web)
{
    const uint64_t wanted = web->def.settings->network.websocket_players;
    return wanted > 0 ? (uint32_t)wanted
                      : server_player_count_max(server_process_server(web->def.process));
}

// Cuts the list of origins into its words, which stay in `web`.
static void fill_sockets(struct server_web *web, struct http_socket_def *out_def)
{
    uint32_t count = 0;
    *out_def = server_sockets_def(socket_player_count(web));
    (void)snprintf(
        web->origins_text, sizeof web->origins_text, "%s", web->def.settings->gateway.origins);
    char *rest = NULL;
    for (char *word = strtok_r(web->origins_text, ORIGIN_SEPARATORS, &rest);
         word != NULL && count < ORIGIN_COUNT_MAX;
         word = strtok_r(NULL, ORIGIN_SEPARATORS, &rest)) {
        web->origins[count++] = word;
    }
    out_def->origins = web->origins;
    out_def->origin_count = count;
}

static muster_status start_http(struct server_web *web, struct driver_error *out_error)
{
    const struct settings *settings = web->def.settings;
    struct http_server_def http_def = http_server_default_def();
    http_def.connection_count_max = 2 * http_def.address_connection_count_max;
    fill_routes(web, &http_def);
    fill_tls(web, &http_def);
    fill_sockets(web, &http_def.sockets);
    muster_status status = listen_address("network.bind", settings->network.bind,
        settings->network.http_port, &http_def.listeners[0].address, out_error);
    if (status == MUSTER_OK) {
        status = listen_address("network.admin_bind", settings->network.admin_bind,
            settings->network.admin_port, &http_def.listeners[1].address, out_error);
    }
    return status == MUSTER_OK ? http_server_start(&http_def, &web->http, out_error) : status;
}

// Players over WebSockets.

static const muster_packet_batch *receive_links(void *context)
{
    return server_sockets_receive(context);
}

static void send_links(void *context, const muster_packet *packets, uint32_t packet_count)
{
    server_sockets_send(context, packets, packet_count);
}

static muster_status connect_links(struct server_web *web, struct driver_error *out_error)
{
    const muster_status status =
        server_sockets_create(web->http, socket_player_count(web), &web->sockets);
    if (status != MUSTER_OK) {
        driver_error_write(out_error, 0, "no memory for the sockets of players");
        return status;
    }
    web->links = (struct server_links){
        .receive = receive_links,
        .send = send_links,
        .context = web->sockets,
    };
    server_process_set_links(web->def.process, &web->links);
    return MUSTER_OK;
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
    clock_random_bytes(web->session_secret, sizeof web->session_secret);
    muster_status status =
        rate_table_create(&heap, RATE_SLOT_COUNT, rate_secret, &web->login_rates);
    if (status == MUSTER_OK) {
        status = rate_table_create(&heap, ADMIN_RATE_SLOT_COUNT, rate_secret, &web->admin_rates);
    }
    if (status == MUSTER_OK) {
        status = load_files(web, out_error);
    }
    if (status == MUSTER_OK) {
        status = start_http(web, out_error);
    }
    if (status == MUSTER_OK) {
        status = connect_links(web, out_error);
    }
    if (status != MUSTER_OK) {
        server_web_stop(web);
        return status;
    }
    *out_web = web;
    return MUSTER_OK;
}

void server_web_set_certificate(struct server_web *web, struct http_certificate *certificate)
{
    MUSTER_ASSERT(web != NULL && certificate != NULL);
    atomic_store_explicit(&web->certificate_expires_unix_s,
        http_certificate_facts(certificate)->expires_unix_s, memory_order_relaxed);
    http_server_set_certificate(web->http, certificate);
}

void server_web_drain(struct server_web *web)
{
    MUSTER_ASSERT(web != NULL);
    atomic_store_explicit(&web->is_draining, true, memory_order_relaxed);
}

void server_web_count(const struct server_web *web, muster_stats *stats)
{
    MUSTER_ASSERT(web != NULL && stats != NULL);
    const struct http_server_stats http = http_server_read_stats(web->http);
    const uint64_t counts[SERVER_HTTP_COUNT] = {http.connection_count, http.refused_count,
        http.request_count, http.bad_count, http.failed_count};
    for (uint32_t i = 0; i < SERVER_HTTP_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_HTTP, i, (int64_t)counts[i]);
    }
    const struct http_socket_stats sockets = http_server_read_socket_stats(web->http);
    for (uint32_t i = 0; i < HTTP_SOCKET_COUNTER_COUNT; i++) {
        muster_stats_set(stats, SERVER_STAT_SOCKET_EVENTS, i, (int64_t)sockets.counts[i]);
    }
    muster_stats_set(stats, SERVER_STAT_SOCKETS, 0, (int64_t)sockets.open_count);
    muster_stats_set(stats, SERVER_STAT_SOCKET_BYTES, 0, (int64_t)sockets.received_bytes);
    muster_stats_set(stats, SERVER_STAT_SOCKET_BYTES, 1, (int64_t)sockets.sent_bytes);
    const uint64_t expires_s =
        atomic_load_explicit(&web->certificate_expires_unix_s, memory_order_relaxed);
    const uint64_t now_s = clock_unix_seconds();
    const int64_t left_s = expires_s > now_s ? (int64_t)(expires_s - now_s) : 0;
    muster_stats_set(stats, SERVER_STAT_CERTIFICATE, 0, expires_s == 0 ? -1 : left_s);
}

void server_web_wake(struct server_web *web)
{
    MUSTER_ASSERT(web != NULL);
    http_server_wake(web->http);
}

void server_web_stop(struct server_web *web)
{
    if (web == NULL) {
        return;
    }
    if (web->links.context != NULL) {
        server_process_set_links(web->def.process, NULL);
    }
    http_server_stop(web->http);
    server_sockets_destroy(web->sockets);
    web_files_free(web->public_files);
    web_files_free(web->admin_files);
    rate_table_destroy(web->login_rates);
    rate_table_destroy(web->admin_rates);
    secrets_finish(&web->secrets);
    const muster_allocator heap = muster_heap_allocator();
    sodium_memzero(web, sizeof *web);
    heap.free(heap.context, web, sizeof *web);
}
