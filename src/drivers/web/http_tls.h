// SPDX-License-Identifier: Apache-2.0
#pragma once

/// TLS from the inside: what the server's sources and http_tls.c share.

#include "drivers/http_certificate.h"

#include <stdatomic.h>

struct connection;
struct http_server;
struct ssl_ctx_st;

/// TLS of a server. All but `next` belongs to the web thread once the server runs.
struct http_tls {
    struct lws_vhost *vhost;                 ///< Where connections with TLS belong; NULL without.
    struct ssl_ctx_st *context;              ///< OpenSSL's side of it.
    const struct http_certificate *first;    ///< What it starts with, until it has started.
    _Atomic(struct http_certificate *) next; ///< Another one on its way here; owned.
};

/// Makes the side of the library that connections with TLS belong to.
/// @return false if it cannot
bool http_tls_start(struct http_server *server);

/// Takes the library's new context.
/// @return 0, or -1 if it cannot be used, for callbacks
int http_tls_prepare(struct http_server *server, struct ssl_ctx_st *context);

/// Uses the certificate that was set, for connections that come from now on.
void http_tls_renew(struct http_server *server);

/// Whether a connection is encrypted if its listener wants that. The library lets plain HTTP
/// through on a port with TLS, so that it can be told.
bool http_tls_is_as_due(const struct connection *connection);

/// Whether the client of a waiting request has closed its end. Nothing is taken from the socket:
/// with TLS its last words lie there unread.
bool http_has_left(const struct connection *connection);

/// Frees what was not taken.
void http_tls_finish(struct http_server *server);

/// Has a context use a certificate.
/// @return false if it refuses
bool http_certificate_apply(const struct http_certificate *certificate, struct ssl_ctx_st *context);
