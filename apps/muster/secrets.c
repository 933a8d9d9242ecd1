// SPDX-License-Identifier: Apache-2.0
#include "apps/muster/secrets.h"

#include "core/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX 4096u
#define PATH_BYTES_MAX 1280u
#define KEY_COUNT      3u

static const char *const key_names[KEY_COUNT] = {"private_key", "api_key", "admin_key"};

static uint8_t *key_at(struct secrets *secrets, uint32_t index)
{
    uint8_t *const keys[KEY_COUNT] = {secrets->private_key, secrets->api_key, secrets->admin_key};
    return keys[index];
}

void secrets_init_development(struct secrets *out_secrets)
{
    for (uint32_t i = 0; i < SECRET_BYTES; i++) {
        for (uint32_t key = 0; key < KEY_COUNT; key++) {
            key_at(out_secrets, key)[i] = (uint8_t)(key * SECRET_BYTES + i);
        }
    }
    out_secrets->is_development = true;
}

void secrets_finish(struct secrets *secrets)
{
    sodium_memzero(secrets, sizeof *secrets);
}

// One public key among them is enough to let strangers in.
static bool has_development_key(struct secrets *secrets)
{
    struct secrets known;
    secrets_init_development(&known);
    bool is_known = false;
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        is_known =
            is_known || sodium_memcmp(key_at(secrets, i), key_at(&known, i), SECRET_BYTES) == 0;
    }
    return is_known;
}

// Reads `name = digits`. False when the line is anything else, without a word of what it held.
static bool read_line(const char *line, size_t length, struct secrets *secrets, bool *is_found)
{
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        const size_t name_length = strlen(key_names[i]);
        if (length <= name_length || memcmp(line, key_names[i], name_length) != 0) {
            continue;
        }
        const char *at = line + name_length;
        const char *end = line + length;
        while (at < end && *at == ' ') {
            at++;
        }
        if (at == end || *at++ != '=' || is_found[i]) {
            return false;
        }
        while (at < end && *at == ' ') {
            at++;
        }
        size_t key_bytes = 0;
        const int result = sodium_hex2bin(
            key_at(secrets, i), SECRET_BYTES, at, (size_t)(end - at), NULL, &key_bytes, NULL);
        is_found[i] = true;
        return result == 0 && key_bytes == SECRET_BYTES && (size_t)(end - at) == 2u * SECRET_BYTES;
    }
    return false;
}

static muster_status read_text(
    const char *path, const char *text, struct secrets *secrets, struct problem *problem)
{
    bool is_found[KEY_COUNT] = {false};
    uint32_t line_number = 1;
    for (const char *line = text; *line != '\0'; line_number++) {
        const size_t length = strcspn(line, "\n");
        if (length > 0 && line[0] != '#' && !read_line(line, length, secrets, is_found)) {
            problem_set(problem,
                "%s:%u: expected private_key, api_key and admin_key, each once, as NAME = 64 "
                "hexadecimal digits",
                path, line_number);
            return MUSTER_ERR_MALFORMED;
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        if (!is_found[i]) {
            problem_set(
                problem, "%s: %s is missing, expected 64 hexadecimal digits", path, key_names[i]);
            return MUSTER_ERR_MALFORMED;
        }
    }
    secrets->is_development = has_development_key(secrets);
    return MUSTER_OK;
}

static muster_status check_owner(const char *path, int descriptor, struct problem *problem)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        problem_set(problem, "%s: %s", path, strerror(errno));
        return MUSTER_ERR_IO;
    }
    if (!S_ISREG(status.st_mode)) {
        problem_set(problem, "%s: expected a file", path);
        return MUSTER_ERR_DENIED;
    }
    if (status.st_uid != geteuid()) {
        problem_set(problem, "%s: another user owns it, expected a file of this user", path);
        return MUSTER_ERR_DENIED;
    }
    if ((status.st_mode & 077) != 0) {
        problem_set(problem, "%s: mode %04o lets others read it; run: chmod 600 %s", path,
            (unsigned)(status.st_mode & 07777), path);
        return MUSTER_ERR_DENIED;
    }
    return MUSTER_OK;
}

static muster_status read_descriptor(
    const char *path, int descriptor, struct secrets *secrets, struct problem *problem)
{
    const muster_status status = check_owner(path, descriptor, problem);
    if (status != MUSTER_OK) {
        return status;
    }
    char text[FILE_BYTES_MAX + 1];
    const ssize_t length = read(descriptor, text, sizeof text);
    if (length < 0) {
        problem_set(problem, "%s: %s", path, strerror(errno));
        return MUSTER_ERR_IO;
    }
    muster_status result = MUSTER_ERR_MALFORMED;
    if (length > (ssize_t)FILE_BYTES_MAX) {
        problem_set(problem, "%s: longer than %u bytes, expected three keys", path, FILE_BYTES_MAX);
    } else {
        text[length] = '\0';
        result = read_text(path, text, secrets, problem);
    }
    sodium_memzero(text, sizeof text);
    return result;
}

muster_status secrets_read(const char *path, struct secrets *out_secrets, struct problem *problem)
{
    MUSTER_ASSERT(path != NULL);
    memset(out_secrets, 0, sizeof *out_secrets);
    // Non-blocking, because a pipe of that name would wait for a writer for ever.
    const int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        const int reason = errno;
        problem_set(problem, "%s: %s", path,
            reason == ELOOP ? "is a link, expected the file itself" : strerror(reason));
        return reason == ENOENT  ? MUSTER_ERR_NOT_FOUND
               : reason == ELOOP ? MUSTER_ERR_DENIED
                                 : MUSTER_ERR_IO;
    }
    const muster_status status = read_descriptor(path, descriptor, out_secrets, problem);
    close(descriptor);
    if (status != MUSTER_OK) {
        secrets_finish(out_secrets);
    }
    return status;
}

// Makes every missing folder above `path`.
static bool make_folders(const char *path)
{
    char folder[PATH_BYTES_MAX];
    struct text text = text_in(folder, sizeof folder);
    text_append(&text, path);
    if (text.is_cut) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            return false;
        }
        *slash = '/';
    }
    return true;
}

static bool write_keys(int descriptor)
{
    struct secrets secrets;
    randombytes_buf(&secrets, sizeof secrets);
    char text[FILE_BYTES_MAX];
    struct text file_text = text_in(text, sizeof text);
    text_append(&file_text, "# Keys of a Muster server. Whoever reads this can let players in.\n");
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        char digits[SECRET_TEXT_CAPACITY];
        sodium_bin2hex(digits, sizeof digits, key_at(&secrets, i), SECRET_BYTES);
        text_format(&file_text, "%s = %s\n", key_names[i], digits);
        sodium_memzero(digits, sizeof digits);
    }
    const ssize_t written = write(descriptor, text, file_text.length);
    const bool is_written = written == (ssize_t)file_text.length && fsync(descriptor) == 0;
    sodium_memzero(text, sizeof text);
    secrets_finish(&secrets);
    return is_written;
}

// Writes the keys under another name and links them to `path`: nobody ever sees half a file, and
// of two programs that do this at once, one link wins and both read it.
static bool create_file(const char *path, bool *out_is_created)
{
    char draft[PATH_BYTES_MAX + 32];
    struct text text = text_in(draft, sizeof draft);
    text_format(&text, "%s.%ld.new", path, (long)getpid());
    if (text.is_cut) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return false;
    }
    bool is_done = write_keys(descriptor);
    int reason = errno;
    close(descriptor);
    if (is_done) {
        *out_is_created = link(draft, path) == 0;
        reason = errno;
        is_done = *out_is_created || reason == EEXIST;
    }
    unlink(draft);
    errno = reason;
    return is_done;
}

muster_status secrets_read_or_create(
    const char *path, struct secrets *out_secrets, bool *out_is_created, struct problem *problem)
{
    *out_is_created = false;
    muster_status status = secrets_read(path, out_secrets, problem);
    if (status != MUSTER_ERR_NOT_FOUND) {
        return status;
    }
    const int result = sodium_init();
    MUSTER_ASSERT(result >= 0);
    if (!make_folders(path) || !create_file(path, out_is_created)) {
        problem_set(problem, "%s: cannot be made: %s", path, strerror(errno));
        return MUSTER_ERR_IO;
    }
    return secrets_read(path, out_secrets, problem);
}

muster_status secrets_default_path(
    const char *state_home, const char *home, struct text *path, struct problem *problem)
{
    if (state_home != NULL && state_home[0] != '\0') {
        text_format(path, "%s/muster/secrets", state_home);
        return MUSTER_OK;
    }
    if (home != NULL && home[0] != '\0') {
        text_format(path, "%s/.local/state/muster/secrets", home);
        return MUSTER_OK;
    }
    problem_set(problem, "no folder for the server's keys: set gateway.secrets_file, or HOME");
    return MUSTER_ERR_NOT_FOUND;
}

bool secret_is_equal(const uint8_t key[SECRET_BYTES], const char *sent)
{
    uint8_t sent_key[SECRET_BYTES] = {0};
    size_t sent_bytes = 0;
    const size_t length = strnlen(sent, SECRET_TEXT_CAPACITY);
    const bool is_key =
        length == 2u * SECRET_BYTES &&
        sodium_hex2bin(sent_key, sizeof sent_key, sent, length, NULL, &sent_bytes, NULL) == 0 &&
        sent_bytes == SECRET_BYTES;
    const bool is_equal = sodium_memcmp(key, sent_key, SECRET_BYTES) == 0;
    sodium_memzero(sent_key, sizeof sent_key);
    return is_key && is_equal;
}
