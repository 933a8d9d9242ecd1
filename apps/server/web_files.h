// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The files of the pages: read once, at the start, and answered from memory, so that no request
/// reaches the disk and no path leads out of a folder.
///
/// - Memory: at loading, the files and 512 bytes for each of WEB_FILE_COUNT_MAX.
/// - Threads: loaded and freed by one; read by any.

#include "drivers/http_server.h"

/// Files of one table, the longest of them, and the longest path, with its closing zero.
#define WEB_FILE_COUNT_MAX 128
#define WEB_FILE_BYTES_MAX ((size_t)2 << 20) ///< As above.
#define WEB_PATH_BYTES_MAX 128               ///< As above.

/// Where files lie and by what paths they are asked for.
struct web_folder {
    const char *prefix; ///< "/play/" of requests.
    const char *folder; ///< "web/play", below the shared folder; absolute for one elsewhere.
};

/// A table of files.
struct web_files;

/// Reads the files of some folders, not of folders in them. A folder that is not there has none.
/// @param share  the folder that relative ones are in
/// @return MUSTER_ERR_NO_MEMORY, MUSTER_ERR_FULL if there are too many or one is too long,
///         MUSTER_ERR_IO if one cannot be read
MUSTER_NODISCARD muster_status web_files_load(const char *share,
    const struct web_folder *folders,
    uint32_t folder_count,
    struct web_files **out_files,
    struct driver_error *out_error);

/// Gives the files up. Does nothing for NULL.
void web_files_free(struct web_files *files);

/// How many files there are.
uint32_t web_files_count(const struct web_files *files);

/// Answers with the file of a path, or "index.html" of a path that is a folder's, with or without
/// its slash; 304 if the client has it already.
/// @param path  as it was asked for, or another one
void web_files_respond(const struct web_files *files,
    const char *path,
    const struct http_request *request,
    struct http_response *response);

/// A handler that answers with the file of the request's path. The context is the table.
http_handler web_files_answer;

/// Writes where installed files of this program are: what MUSTER_WEB_PATH says, or
/// "../share/muster" beside the program.
/// @return false if the system does not say where the program is, or the path is too long
bool web_files_share(char *out_path, size_t capacity);
