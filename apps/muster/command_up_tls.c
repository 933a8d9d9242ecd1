// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/command_up.h"
#include "drivers/clock.h"

#include <sodium.h>

// The certificate of `muster up`: what is said about it, and when it is read again.

#define DAY_S 86400u

static void say(struct up *up, enum log_level level, const char *message)
{
    log_write(&up->log, level, message,
        LOG_FIELDS(log_text("fingerprint", up->certificate.fingerprint),
            log_number("days_left",
                ((int64_t)up->certificate.expires_unix_s - (int64_t)clock_unix_seconds()) /
                    (int64_t)DAY_S)));
}

// Once a day.
static void warn_of_end(struct up *up, uint64_t now_unix_s)
{
    if (up->certificate.expires_unix_s < now_unix_s + SERVER_TLS_WARN_S &&
        now_unix_s >= up->certificate_warned_unix_s + DAY_S) {
        up->certificate_warned_unix_s = now_unix_s;
        say(up, LOG_WARN,
            up->certificate.expires_unix_s > now_unix_s ? "the certificate is about to expire"
                                                        : "the certificate has expired");
    }
}

enum exit_code up_load_tls(struct up *up, struct http_certificate **out_certificate)
{
    struct driver_error error = {0};
    server_tls_init(&up->tls, &up->settings);
    *out_certificate = NULL;
    if (server_tls_load(&up->tls, clock_unix_seconds(), out_certificate, &error) != MUSTER_OK) {
        return up_complain(up, error.text, EXIT_CODE_USAGE);
    }
    if (*out_certificate == NULL) {
        return EXIT_CODE_DONE;
    }
    const bool has_children = up->has_top || flag_number(up->invocation, "bots") > 0;
    if (has_children && up->settings.tls.plain_port == 0) {
        http_certificate_destroy(*out_certificate);
        *out_certificate = NULL;
        return up_complain(up,
            "bots and the live view speak plain HTTP; with TLS set tls.plain_port for them",
            EXIT_CODE_USAGE);
    }
    if (server_tls_has_files(&up->settings) && !signals_take_hangup(&up->signals)) {
        return up_complain(up, "cannot wait for SIGHUP", EXIT_CODE_FAILED);
    }
    up->certificate = *http_certificate_facts(*out_certificate);
    say(up, LOG_INFO,
        server_tls_has_files(&up->settings) ? "certificate" : "self-signed certificate");
    warn_of_end(up, clock_unix_seconds());
    return EXIT_CODE_DONE;
}

void up_tend_tls(struct up *up)
{
    if (up->certificate.expires_unix_s == 0) {
        return;
    }
    const uint64_t now_unix_s = clock_unix_seconds();
    const bool is_asked = up->signals.hangup_count != up->hangup_count;
    up->hangup_count = up->signals.hangup_count;
    if (is_asked || server_tls_look(&up->tls, clock_monotonic_us())) {
        struct driver_error error = {0};
        struct http_certificate *certificate = NULL;
        if (server_tls_load(&up->tls, now_unix_s, &certificate, &error) == MUSTER_OK) {
            up->certificate = *http_certificate_facts(certificate);
            up->certificate_warned_unix_s = 0;
            server_web_set_certificate(up->web, certificate);
            say(up, LOG_INFO, "another certificate is in use");
        } else {
            log_write(&up->log, LOG_ERROR, "the certificate is refused, the old one stays",
                LOG_FIELDS(log_text("reason", error.text)));
        }
    }
    warn_of_end(up, now_unix_s);
}
