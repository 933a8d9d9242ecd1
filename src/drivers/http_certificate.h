// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Who a TLS server says it is: a certificate, the chain that vouches for it, and its key.
///
///     struct http_certificate *certificate;
///     status = http_certificate_load(path, key_path, clock_unix_seconds(), &certificate, &error);
///
/// One that was loaded is fit to be used: its parts belong together and its time is right.
///
/// - Memory: OpenSSL's own, a few kilobytes. Threads: one at a time; reading, any.

#include "drivers/error.h"
#include "muster/base.h"

/// The longest PEM file, or text.
#define HTTP_CERTIFICATE_BYTES_MAX (1u << 20)

/// Room for a fingerprint, its final zero included.
#define HTTP_FINGERPRINT_BYTES 96

/// The most names of a certificate that is made here.
#define HTTP_CERTIFICATE_NAME_COUNT_MAX 8

/// Days that a certificate which is made here is good for.
#define HTTP_CERTIFICATE_DAYS 90

/// Facts of a certificate.
struct http_certificate_facts {
    char fingerprint[HTTP_FINGERPRINT_BYTES]; ///< SHA-256, as browsers show it: "AB:CD:...".
    uint64_t begins_unix_s;                   ///< Since when it is good.
    uint64_t expires_unix_s;                  ///< Until when.
};

/// A certificate with its key. Made by one of the functions below, destroyed by its owner.
struct http_certificate;

/// Reads two files in PEM format: the certificate followed by its chain, and the key, which is not
/// encrypted. They may be one file.
/// @param now_unix_s       the time that it must be good for
/// @param out_certificate  set to it, or to NULL on failure
/// @param out_error        told which file and why; its code the errno value of a file; may be NULL
/// @return MUSTER_ERR_IO for a file that cannot be read, MUSTER_ERR_MALFORMED for one that is not
///         PEM, MUSTER_ERR_INVALID if the key does not fit or is too weak or the time is wrong,
///         MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status http_certificate_load(const char *path,
    const char *key_path,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error);

/// The same from memory.
/// @param pem      the certificate and its chain; `pem_bytes` long
/// @param key_pem  the key; `key_pem_bytes` long
MUSTER_NODISCARD muster_status http_certificate_read(const char *pem,
    size_t pem_bytes,
    const char *key_pem,
    size_t key_pem_bytes,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error);

/// Makes a key and a certificate that only itself vouches for, for development.
/// @param names       host names and addresses as text; empty ones are left out
/// @param name_count  at most HTTP_CERTIFICATE_NAME_COUNT_MAX
/// @return MUSTER_ERR_INVALID for a name that is none, MUSTER_ERR_NO_MEMORY
MUSTER_NODISCARD muster_status http_certificate_make(const char *const *names,
    uint32_t name_count,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error);

/// What is known of it.
const struct http_certificate_facts *http_certificate_facts(
    const struct http_certificate *certificate);

/// Does nothing for NULL. A server that uses it keeps what it needs.
void http_certificate_destroy(struct http_certificate *certificate);
