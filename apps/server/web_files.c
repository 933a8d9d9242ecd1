// SPDX-License-Identifier: Apache-2.0
#include "apps/server/web_files.h"

#include "apps/muster/folder.h"
#include "core/assert.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TAG_HASH_BYTES 16u
#define TAG_BYTES      (2 * TAG_HASH_BYTES + 3) // quoted, closed by a zero
#define INDEX          "index.html"

// Scripts, styles and data come from this server and from nowhere else; nobody frames a page.
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

struct web_file {
    char path[WEB_PATH_BYTES_MAX];
    const char *content_type;
    char *bytes;
    uint32_t length;
    char tag[TAG_BYTES];
};

struct web_files {
    uint32_t count;
    struct web_file list[WEB_FILE_COUNT_MAX];
};

// What is served, and as what; other files are left alone.
static const char *content_type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
    };
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(ending, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return NULL;
}

static void make_tag(struct web_file *file)
{
    uint8_t hash[TAG_HASH_BYTES];
    char text[2 * TAG_HASH_BYTES + 1];
    (void)crypto_generichash(
        hash, sizeof hash, (const uint8_t *)file->bytes, file->length, NULL, 0);
    (void)sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    (void)snprintf(file->tag, sizeof file->tag, "\"%s\"", text);
}

static muster_status complain(
    struct driver_error *out_error, muster_status status, const char *path, const char *what)
{
    driver_error_write(out_error, errno, "%s: %s", path, what);
    return status;
}

static muster_status read_file(
    const char *path, struct web_file *file, struct driver_error *out_error)
{
    FILE *stream = fopen(path, "rb");
    struct stat facts;
    if (stream == NULL) {
        return complain(out_error, MUSTER_ERR_IO, path, "cannot be read");
    }
    muster_status status = MUSTER_OK;
    if (fstat(fileno(stream), &facts) != 0 || (size_t)facts.st_size > WEB_FILE_BYTES_MAX) {
        status = complain(out_error, MUSTER_ERR_FULL, path, "longer than a page's file may be");
    }
    const muster_allocator heap = muster_heap_allocator();
    if (status == MUSTER_OK) {
        file->length = (uint32_t)facts.st_size;
        file->bytes = heap.alloc(heap.context, (size_t)file->length + 1, 1);
        status = file->bytes != NULL ? MUSTER_OK : MUSTER_ERR_NO_MEMORY;
    }
    if (status == MUSTER_OK && fread(file->bytes, 1, file->length, stream) != file->length) {
        status = complain(out_error, MUSTER_ERR_IO, path, "cannot be read");
    }
    fclose(stream);
    if (status == MUSTER_OK) {
        make_tag(file);
    }
    return status;
}

static muster_status add_file(struct web_files *files,
    const struct web_folder *folder,
    const char *folder_path,
    const char *name,
    struct driver_error *out_error)
{
    char path[FOLDER_PATH_BYTES_MAX];
    struct stat facts;
    const int length = snprintf(path, sizeof path, "%s/%s", folder_path, name);
    const bool is_file =
        (size_t)length < sizeof path && stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
    const char *content_type = content_type_of(name);
    if (!is_file || content_type == NULL || name[0] == '.') {
        return MUSTER_OK;
    }
    if (files->count == WEB_FILE_COUNT_MAX ||
        strlen(folder->prefix) + strlen(name) >= WEB_PATH_BYTES_MAX) {
        return complain(
            out_error, MUSTER_ERR_FULL, path, "one file too many, or its name too long");
    }
    struct web_file *file = &files->list[files->count++];
    (void)snprintf(file->path, sizeof file->path, "%s%s", folder->prefix, name);
    file->content_type = content_type;
    return read_file(path, file, out_error);
}

static muster_status add_folder(struct web_files *files,
    const char *share,
    const struct web_folder *folder,
    struct driver_error *out_error)
{
    char path[FOLDER_PATH_BYTES_MAX];
    const bool is_elsewhere = folder->folder[0] == '/';
    (void)snprintf(path, sizeof path, "%s%s%s", is_elsewhere ? "" : share, is_elsewhere ? "" : "/",
        folder->folder);
    DIR *listing = opendir(path);
    if (listing == NULL) {
        return MUSTER_OK;
    }
    muster_status status = MUSTER_OK;
    for (const struct dirent *entry = readdir(listing); entry != NULL && status == MUSTER_OK;
         entry = readdir(listing)) {
        status = add_file(files, folder, path, entry->d_name, out_error);
    }
    closedir(listing);
    return status;
}

muster_status web_files_load(const char *share,
    const struct web_folder *folders,
    uint32_t folder_count,
    struct web_files **out_files,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(share != NULL && folders != NULL && out_files != NULL && out_error != NULL);
    *out_files = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct web_files *files = heap.alloc(heap.context, sizeof *files, _Alignof(struct web_files));
    if (files == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(files, 0, sizeof *files);
    for (uint32_t i = 0; i < folder_count; i++) {
        const muster_status status = add_folder(files, share, &folders[i], out_error);
        if (status != MUSTER_OK) {
            web_files_free(files);
            return status;
        }
    }
    *out_files = files;
    return MUSTER_OK;
}

void web_files_free(struct web_files *files)
{
    if (files == NULL) {
        return;
    }
    const muster_allocator heap = muster_heap_allocator();
    for (uint32_t i = 0; i < files->count; i++) {
        if (files->list[i].bytes != NULL) {
            heap.free(heap.context, files->list[i].bytes, (size_t)files->list[i].length + 1);
        }
    }
    heap.free(heap.context, files, sizeof *files);
}

uint32_t web_files_count(const struct web_files *files)
{
    MUSTER_ASSERT(files != NULL);
    return files->count;
}

static const struct web_file *find(const struct web_files *files, const char *path)
{
    for (uint32_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].path, path) == 0) {
            return &files->list[i];
        }
    }
    return NULL;
}

static const struct web_file *find_or_index(const struct web_files *files, const char *path)
{
    char index[HTTP_PATH_BYTES_MAX + sizeof "/" INDEX];
    const struct web_file *file = find(files, path);
    if (file != NULL) {
        return file;
    }
    const bool has_slash = path[0] != '\0' && path[strlen(path) - 1] == '/';
    (void)snprintf(index, sizeof index, "%s%s" INDEX, path, has_slash ? "" : "/");
    return find(files, index);
}

void web_files_respond(const struct web_files *files,
    const char *path,
    const struct http_request *request,
    struct http_response *response)
{
    MUSTER_ASSERT(files != NULL && path != NULL && request != NULL && response != NULL);
    const struct web_file *file = find_or_index(files, path);
    if (file == NULL) {
        http_respond_error(response, 404, "not_found",
            files->count > 0 ? "There is nothing at this path."
                             : "The pages are not installed; MUSTER_WEB_PATH says where they are.");
        return;
    }
    const bool is_known = strcmp(request->if_none_match, file->tag) == 0;
    response->status = is_known ? 304 : 200;
    response->content_type = file->content_type;
    response->body = file->bytes;
    response->body_bytes = is_known ? 0 : file->length;
    http_add_header(response, "cache-control:", "no-cache");
    http_add_header(response, "etag:", file->tag);
    http_add_header(response, "content-security-policy:", POLICY);
    http_add_header(response, "referrer-policy:", "no-referrer");
    http_add_header(response, "cross-origin-opener-policy:", "same-origin");
    http_add_header(response, "x-frame-options:", "DENY");
}

void web_files_answer(
    void *context, const struct http_request *request, struct http_response *response)
{
    web_files_respond(context, request->path, request, response);
}

bool web_files_share(char *out_path, size_t capacity)
{
    const char *wanted = getenv("MUSTER_WEB_PATH");
    if (wanted != NULL && wanted[0] != '\0') {
        return (size_t)snprintf(out_path, capacity, "%s", wanted) < capacity;
    }
    char own[FOLDER_PATH_BYTES_MAX];
    return folder_of_program(own, sizeof own) &&
           (size_t)snprintf(out_path, capacity, "%s../share/muster", own) < capacity;
}
