// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // POLLRDHUP

#include "core/assert.h"
#include "drivers/web/http_internal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

// TLS by the library, with a context of OpenSSL that is set up here: connections that have begun
// keep the certificate they began with, so that another one may come at any time.

#define VHOST_NAME "muster-tls"

bool http_tls_start(struct http_server *server)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, // listeners are the server's own
        .protocols = server->protocols,
        .vhost_name = VHOST_NAME,
        .timeout_secs_ah_idle = server->def.idle_seconds_max,
        // Who speaks plain HTTP on such a port is told so, by begin_request().
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |
                   LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT |
                   LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER,
        .alpn = "http/1.1",
    };
    server->tls.vhost = lws_create_vhost(server->context, &info);
    server->tls.first = NULL;
    return server->tls.vhost != NULL && server->tls.context != NULL;
}

int http_tls_prepare(struct http_server *server, SSL_CTX *context)
{
    server->tls.context = context;
    // The library would let a client choose among its virtual hosts by name; there is but one.
    (void)SSL_CTX_set_tlsext_servername_callback(context, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // tickets need none
    const bool is_ready = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                          http_certificate_apply(server->tls.first, context);
    ERR_clear_error();
    return is_ready ? 0 : -1;
}

void http_tls_renew(struct http_server *server)
{
    // Acquire: pairs with the release in http_server_set_certificate().
    struct http_certificate *next =
        atomic_exchange_explicit(&server->tls.next, NULL, memory_order_acq_rel);
    if (next != NULL) {
        // What passed http_certificate_load() is not refused, but for want of memory.
        (void)http_certificate_apply(next, server->tls.context);
        ERR_clear_error();
        http_certificate_destroy(next);
    }
}

bool http_tls_is_as_due(const struct connection *connection)
{
    return !connection->listener->def.has_tls || lws_is_ssl(connection->wsi) != 0;
}

bool http_has_left(const struct connection *connection)
{
    struct pollfd file = {.fd = lws_get_socket_fd(connection->wsi), .events = POLLRDHUP};
    return poll(&file, 1, 0) > 0 && (file.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void http_tls_finish(struct http_server *server)
{
    http_certificate_destroy(
        atomic_exchange_explicit(&server->tls.next, NULL, memory_order_acq_rel));
}

void http_server_set_certificate(struct http_server *server, struct http_certificate *certificate)
{
    MUSTER_ASSERT(server != NULL && server->tls.vhost != NULL);
    MUSTER_ASSERT(certificate != NULL);
    // Release: pairs with the acquire in http_tls_renew().
    http_certificate_destroy(
        atomic_exchange_explicit(&server->tls.next, certificate, memory_order_acq_rel));
    http_ring_bell(server);
}
