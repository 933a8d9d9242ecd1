// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_tls.h"

#include "core/assert.h"

#include <string.h>
#include <sys/stat.h>

#define LOOK_US 2000000u

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

bool server_tls_has_files(const struct settings *settings)
{
    return is_set(settings->tls.certificate) || is_set(settings->tls.key);
}

bool server_tls_is_wanted(const struct settings *settings)
{
    return server_tls_has_files(settings) || settings->tls.self_signed;
}

void server_tls_init(struct server_tls *out_tls, const struct settings *settings)
{
    MUSTER_ASSERT(out_tls != NULL && settings != NULL);
    *out_tls = (struct server_tls){.settings = settings};
}

// A file that cannot be found has zeros.
static void read_stamps(
    const struct settings *settings, struct server_tls_stamp stamps[SERVER_TLS_FILE_COUNT])
{
    const char *paths[SERVER_TLS_FILE_COUNT] = {settings->tls.certificate, settings->tls.key};
    for (uint32_t i = 0; i < SERVER_TLS_FILE_COUNT; i++) {
        struct stat found;
        stamps[i] = (struct server_tls_stamp){0};
        if (stat(paths[i], &found) == 0) {
            stamps[i].device = (uint64_t)found.st_dev;
            stamps[i].inode = (uint64_t)found.st_ino;
            stamps[i].length = (uint64_t)found.st_size;
            stamps[i].changed_ns =
                (uint64_t)found.st_mtim.tv_sec * 1000000000u + (uint64_t)found.st_mtim.tv_nsec;
        }
    }
}

static muster_status make(struct server_tls *tls,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    const struct settings *settings = tls->settings;
    const char *names[] = {
        "localhost",
        "127.0.0.1",
        "::1",
        settings->network.host,
        settings->network.admin_host,
        settings->network.bind,
        settings->network.admin_bind,
    };
    return http_certificate_make(
        names, sizeof names / sizeof names[0], now_unix_s, out_certificate, out_error);
}

muster_status server_tls_load(struct server_tls *tls,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(tls != NULL && out_certificate != NULL);
    *out_certificate = NULL;
    const struct settings *settings = tls->settings;
    if (!server_tls_is_wanted(settings)) {
        return MUSTER_OK;
    }
    if (!server_tls_has_files(settings)) {
        return make(tls, now_unix_s, out_certificate, out_error);
    }
    if (settings->tls.self_signed) {
        driver_error_write(
            out_error, 0, "tls.self_signed and tls.certificate exclude each other; set one");
        return MUSTER_ERR_INVALID;
    }
    if (!is_set(settings->tls.certificate) || !is_set(settings->tls.key)) {
        driver_error_write(out_error, 0, "tls.certificate and tls.key belong together; %s is empty",
            is_set(settings->tls.key) ? "tls.certificate" : "tls.key");
        return MUSTER_ERR_INVALID;
    }
    // Taken before the files are read: what changes from now on counts as a change.
    read_stamps(settings, tls->stamps);
    tls->has_changed = false;
    return http_certificate_load(
        settings->tls.certificate, settings->tls.key, now_unix_s, out_certificate, out_error);
}

muster_status server_tls_check(const struct settings *settings,
    uint64_t now_unix_s,
    struct http_certificate_facts *out_facts,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(out_facts != NULL);
    struct server_tls tls;
    struct http_certificate *certificate;
    server_tls_init(&tls, settings);
    const muster_status status = server_tls_load(&tls, now_unix_s, &certificate, out_error);
    *out_facts = certificate != NULL ? *http_certificate_facts(certificate)
                                     : (struct http_certificate_facts){0};
    http_certificate_destroy(certificate);
    return status;
}

// The two files are not replaced in one moment: they must have come to rest.
bool server_tls_look(struct server_tls *tls, uint64_t now_us)
{
    MUSTER_ASSERT(tls != NULL);
    if (!server_tls_has_files(tls->settings) || now_us < tls->look_us) {
        return false;
    }
    tls->look_us = now_us + LOOK_US;
    struct server_tls_stamp stamps[SERVER_TLS_FILE_COUNT];
    read_stamps(tls->settings, stamps);
    const bool is_same = memcmp(stamps, tls->stamps, sizeof stamps) == 0;
    const bool is_at_rest = is_same && tls->has_changed;
    memcpy(tls->stamps, stamps, sizeof stamps);
    tls->has_changed = !is_same;
    return is_at_rest;
}
