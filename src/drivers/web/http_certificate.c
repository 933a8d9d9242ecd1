// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // timegm()

#include "drivers/http_certificate.h"

#include "core/assert.h"
#include "drivers/web/http_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// OpenSSL keeps the errors of a thread in a queue, and reads it when it judges a connection: so
// every function here leaves it empty.

#define SERIAL_BYTES 16
#define DAY_SECONDS  86400
#define NAMES_BYTES  2560u
#define NAME_BYTES   253u
#define SHA256_BYTES 32u
#define TIME_BYTES   32u

struct http_certificate {
    X509 *leaf;
    STACK_OF(X509) * chain; // without it
    EVP_PKEY *key;
    struct http_certificate_facts facts;
};

static struct http_certificate *certificate_alloc(void)
{
    const muster_allocator heap = muster_heap_allocator();
    struct http_certificate *certificate =
        heap.alloc(heap.context, sizeof *certificate, _Alignof(struct http_certificate));
    if (certificate != NULL) {
        *certificate = (struct http_certificate){0};
    }
    return certificate;
}

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "it is not understood";
}

// Reading.

// A key that is encrypted is refused: OpenSSL would ask for its password on the terminal.
static int refuse_password(char *room, int room_bytes, int is_writing, void *context)
{
    (void)room;
    (void)room_bytes;
    (void)is_writing;
    (void)context;
    return -1;
}

static bool read_chain(struct http_certificate *certificate, BIO *pem)
{
    certificate->leaf = PEM_read_bio_X509(pem, NULL, refuse_password, NULL);
    certificate->chain = sk_X509_new_null();
    if (certificate->leaf == NULL || certificate->chain == NULL) {
        return false;
    }
    for (;;) {
        X509 *next = PEM_read_bio_X509(pem, NULL, refuse_password, NULL);
        if (next == NULL) {
            // The end, or only what is no certificate, as a key in the same file.
            return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        }
        if (sk_X509_push(certificate->chain, next) == 0) {
            X509_free(next);
            return false;
        }
    }
}

static uint64_t unix_seconds(const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return 0;
    }
    const time_t seconds = timegm(&parts);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

static void print_time(uint64_t unix_s, char room[TIME_BYTES])
{
    const time_t seconds = (time_t)unix_s;
    struct tm parts;
    room[0] = '\0';
    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(room, TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &parts);
    }
}

static bool read_facts(struct http_certificate *certificate)
{
    struct http_certificate_facts *facts = &certificate->facts;
    uint8_t digest[SHA256_BYTES];
    unsigned digest_bytes = sizeof digest;
    if (X509_digest(certificate->leaf, EVP_sha256(), digest, &digest_bytes) != 1) {
        return false;
    }
    for (uint32_t i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(facts->fingerprint + 3 * (size_t)i, 4,
            i + 1 < SHA256_BYTES ? "%02X:" : "%02X", digest[i]);
    }
    facts->begins_unix_s = unix_seconds(X509_get0_notBefore(certificate->leaf));
    facts->expires_unix_s = unix_seconds(X509_get0_notAfter(certificate->leaf));
    return true;
}

// Lets OpenSSL judge the parts together, as it will when they are used.
static bool is_usable(const struct http_certificate *certificate)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const bool is_applied = context != NULL && http_certificate_apply(certificate, context);
    SSL_CTX_free(context);
    return is_applied;
}

static muster_status check(const struct http_certificate *certificate,
    const char *name,
    const char *key_name,
    uint64_t now_unix_s,
    struct driver_error *out_error)
{
    const struct http_certificate_facts *facts = &certificate->facts;
    char time[TIME_BYTES];
    if (X509_check_private_key(certificate->leaf, certificate->key) != 1) {
        driver_error_write(
            out_error, 0, "%s: the key does not belong to the certificate %s", key_name, name);
        return MUSTER_ERR_INVALID;
    }
    if (facts->expires_unix_s <= now_unix_s) {
        print_time(facts->expires_unix_s, time);
        driver_error_write(out_error, 0, "%s: the certificate expired on %s", name, time);
        return MUSTER_ERR_INVALID;
    }
    if (facts->begins_unix_s > now_unix_s) {
        print_time(facts->begins_unix_s, time);
        driver_error_write(out_error, 0, "%s: the certificate begins only on %s", name, time);
        return MUSTER_ERR_INVALID;
    }
    if (!is_usable(certificate)) {
        driver_error_write(out_error, 0, "%s: the certificate cannot be used: %s", name, reason());
        return MUSTER_ERR_INVALID;
    }
    return MUSTER_OK;
}

static muster_status parse(struct http_certificate *certificate,
    BIO *pem,
    const char *name,
    BIO *key_pem,
    const char *key_name,
    struct driver_error *out_error)
{
    if (!read_chain(certificate, pem) || !read_facts(certificate)) {
        driver_error_write(
            out_error, 0, "%s: this is no certificate in PEM format: %s", name, reason());
        return MUSTER_ERR_MALFORMED;
    }
    ERR_clear_error();
    certificate->key = PEM_read_bio_PrivateKey(key_pem, NULL, refuse_password, NULL);
    if (certificate->key == NULL) {
        driver_error_write(out_error, 0, "%s: this is no key in PEM format without a password: %s",
            key_name, reason());
        return MUSTER_ERR_MALFORMED;
    }
    return MUSTER_OK;
}

static muster_status make_from(BIO *pem,
    const char *name,
    BIO *key_pem,
    const char *key_name,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    struct http_certificate *certificate = certificate_alloc();
    if (certificate == NULL || pem == NULL || key_pem == NULL) {
        http_certificate_destroy(certificate);
        driver_error_write(out_error, 0, "no memory for a certificate");
        return MUSTER_ERR_NO_MEMORY;
    }
    muster_status status = parse(certificate, pem, name, key_pem, key_name, out_error);
    if (status == MUSTER_OK) {
        status = check(certificate, name, key_name, now_unix_s, out_error);
    }
    ERR_clear_error();
    if (status != MUSTER_OK) {
        http_certificate_destroy(certificate);
        return status;
    }
    *out_certificate = certificate;
    return MUSTER_OK;
}

muster_status http_certificate_read(const char *pem,
    size_t pem_bytes,
    const char *key_pem,
    size_t key_pem_bytes,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(pem != NULL && pem_bytes <= HTTP_CERTIFICATE_BYTES_MAX);
    MUSTER_ASSERT(key_pem != NULL && key_pem_bytes <= HTTP_CERTIFICATE_BYTES_MAX);
    MUSTER_ASSERT(out_certificate != NULL);
    *out_certificate = NULL;
    BIO *bio = BIO_new_mem_buf(pem, (int)pem_bytes);
    BIO *key_bio = BIO_new_mem_buf(key_pem, (int)key_pem_bytes);
    const muster_status status =
        make_from(bio, "certificate", key_bio, "key", now_unix_s, out_certificate, out_error);
    (void)BIO_free(bio);
    (void)BIO_free(key_bio);
    return status;
}

// A file's bytes as OpenSSL reads them, which wipes them.
static muster_status read_file(const char *path, BIO **out_bio, struct driver_error *out_error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        driver_error_write(out_error, errno, "%s cannot be read", path);
        return MUSTER_ERR_IO;
    }
    BIO *bio = BIO_new(BIO_s_secmem());
    (void)BIO_set_mem_eof_return(bio, 0);
    char piece[4096];
    size_t bytes = 0;
    size_t got = 0;
    errno = 0;
    while (bio != NULL && bytes <= HTTP_CERTIFICATE_BYTES_MAX &&
           (got = fread(piece, 1, sizeof piece, file)) > 0) {
        bytes += got;
        (void)BIO_write(bio, piece, (int)got);
    }
    const int code = ferror(file) != 0 ? errno : 0;
    (void)fclose(file);
    OPENSSL_cleanse(piece, sizeof piece);
    if (bio == NULL || code != 0 || bytes > HTTP_CERTIFICATE_BYTES_MAX) {
        driver_error_write(
            out_error, code, code != 0 ? "%s cannot be read" : "%s is too long", path);
        (void)BIO_free(bio);
        return bio == NULL ? MUSTER_ERR_NO_MEMORY : MUSTER_ERR_IO;
    }
    *out_bio = bio;
    return MUSTER_OK;
}

muster_status http_certificate_load(const char *path,
    const char *key_path,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(path != NULL && key_path != NULL);
    MUSTER_ASSERT(out_certificate != NULL);
    *out_certificate = NULL;
    BIO *bio = NULL;
    BIO *key_bio = NULL;
    muster_status status = read_file(path, &bio, out_error);
    if (status == MUSTER_OK) {
        status = read_file(key_path, &key_bio, out_error);
    }
    if (status == MUSTER_OK) {
        status = make_from(bio, path, key_bio, key_path, now_unix_s, out_certificate, out_error);
    }
    (void)BIO_free(bio);
    (void)BIO_free(key_bio);
    return status;
}

// Making.

static bool is_name(const char *name)
{
    const size_t length = strlen(name);
    return length <= NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789.-_") == length;
}

// Appends a name as OpenSSL's configuration has it.
static bool append_name(char names[NAMES_BYTES], const char *name)
{
    uint8_t address[sizeof(struct in6_addr)];
    const bool is_address =
        inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    const size_t used = strlen(names);
    if (!is_address && !is_name(name)) {
        return false;
    }
    (void)snprintf(names + used, NAMES_BYTES - used, "%s%s:%s", used > 0 ? "," : "",
        is_address ? "IP" : "DNS", name);
    return true;
}

static bool add_extension(X509 *leaf, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, leaf, leaf, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    const bool is_added = extension != NULL && X509_add_ext(leaf, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool set_serial(X509 *leaf)
{
    uint8_t bytes[SERIAL_BYTES];
    BIGNUM *number = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_new() : NULL;
    bytes[0] &= 0x7F; // positive
    const bool is_set = number != NULL && BN_bin2bn(bytes, sizeof bytes, number) != NULL &&
                        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(leaf)) != NULL;
    BN_free(number);
    return is_set;
}

// A day of the past allows for clocks that are behind.
static bool fill(struct http_certificate *certificate, const char *names, uint64_t now_unix_s)
{
    X509 *leaf = certificate->leaf;
    X509_NAME *subject = X509_get_subject_name(leaf);
    static const unsigned char common_name[] = "Muster for development";
    return X509_set_version(leaf, X509_VERSION_3) == 1 && set_serial(leaf) &&
           ASN1_TIME_set(X509_getm_notBefore(leaf), (time_t)now_unix_s - DAY_SECONDS) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(leaf),
               (time_t)now_unix_s + (time_t)HTTP_CERTIFICATE_DAYS * DAY_SECONDS) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(leaf, subject) == 1 &&
           X509_set_pubkey(leaf, certificate->key) == 1 &&
           add_extension(leaf, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(leaf, NID_key_usage, "critical,digitalSignature") &&
           add_extension(leaf, NID_ext_key_usage, "serverAuth") &&
           (names[0] == '\0' || add_extension(leaf, NID_subject_alt_name, names)) &&
           X509_sign(leaf, certificate->key, EVP_sha256()) > 0;
}

muster_status http_certificate_make(const char *const *names,
    uint32_t name_count,
    uint64_t now_unix_s,
    struct http_certificate **out_certificate,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(names != NULL || name_count == 0);
    MUSTER_ASSERT(name_count <= HTTP_CERTIFICATE_NAME_COUNT_MAX);
    MUSTER_ASSERT(out_certificate != NULL);
    *out_certificate = NULL;
    char text[NAMES_BYTES] = "";
    for (uint32_t i = 0; i < name_count; i++) {
        if (names[i][0] != '\0' && !append_name(text, names[i])) {
            driver_error_write(out_error, 0, "\"%s\" is no name for a certificate", names[i]);
            return MUSTER_ERR_INVALID;
        }
    }
    struct http_certificate *certificate = certificate_alloc();
    if (certificate != NULL) {
        certificate->leaf = X509_new();
        certificate->chain = sk_X509_new_null();
        certificate->key = EVP_EC_gen("P-256");
    }
    if (certificate == NULL || certificate->leaf == NULL || certificate->chain == NULL ||
        certificate->key == NULL || !fill(certificate, text, now_unix_s) ||
        !read_facts(certificate)) {
        driver_error_write(out_error, 0, "a certificate cannot be made: %s", reason());
        http_certificate_destroy(certificate);
        ERR_clear_error();
        return MUSTER_ERR_NO_MEMORY;
    }
    *out_certificate = certificate;
    return MUSTER_OK;
}

// Using.

bool http_certificate_apply(const struct http_certificate *certificate, SSL_CTX *context)
{
    return SSL_CTX_use_cert_and_key(
               context, certificate->leaf, certificate->key, certificate->chain, 1) == 1;
}

const struct http_certificate_facts *http_certificate_facts(
    const struct http_certificate *certificate)
{
    MUSTER_ASSERT(certificate != NULL);
    return &certificate->facts;
}

void http_certificate_destroy(struct http_certificate *certificate)
{
    if (certificate == NULL) {
        return;
    }
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, certificate, sizeof *certificate);
}
