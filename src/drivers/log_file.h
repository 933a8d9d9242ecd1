// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Log files: records appended to a file by a thread of its own, so that who makes them never
/// waits for a disk.
///
///     void *bytes;
///     if (log_file_reserve(log, 4096, &bytes) == MUSTER_OK) {
///         log_file_commit(log, encode(bytes, 4096));
///     }
///
/// - Order: as committed. The file only ever ends with a whole record, short of a power cut or a
///   kill in the middle of a write.
/// - Loss: what is committed is written within about 20 ms and forced to the disk within a second.
/// - A write that fails (a full disk, a limit, an error) seals the file: it is cut back to its last
///   whole record, log_file_failure() tells why, and from then on every record is refused. Who
///   writes goes on.
/// - Memory: one allocation at creation and the ring; none afterwards.
/// - Threads: one thread at a time reserves, commits and appends. Any thread may ask how it stands.

#include "drivers/error.h"
#include "muster/base.h"

/// A log file. Opened and closed by its owner.
struct log_file;

/// What a log file is made from. Start from log_file_default_def().
struct log_file_def {
    /// Where it is. Only read by log_file_open(). Default NULL.
    const char *path;

    /// Whether what the file holds already stays, and records are added behind it; otherwise the
    /// file must not exist. Default false.
    bool can_continue;

    /// Room for records that are not written yet, a power of two in [64, 2^30]. A record may take
    /// up to half of it. Default 1 MiB.
    uint32_t ring_bytes;

    /// Where the memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
};

/// How a log file stands.
struct log_file_stats {
    uint64_t written_bytes; ///< Handed to the kernel: survives the end of this process.
    uint64_t durable_bytes; ///< Forced to the disk: survives a power cut.
    uint64_t record_count;  ///< Records among the written bytes.
};

/// A definition with every field at its default.
struct log_file_def log_file_default_def(void);

/// Opens a file and starts its thread.
/// @param out_log    set to the log, or to NULL on failure
/// @param out_error  told why on MUSTER_ERR_IO, its code EEXIST for a file that exists; may be NULL
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY,
///         MUSTER_ERR_IO
MUSTER_NODISCARD muster_status log_file_open(
    const struct log_file_def *def, struct log_file **out_log, struct driver_error *out_error);

/// Writes what is committed, forces it to the disk, and closes the file. Does nothing for NULL.
void log_file_close(struct log_file *log);

/// The longest record it takes.
uint32_t log_file_record_bytes_max(const struct log_file *log);

/// Finds room for a record, as ring_reserve() does.
/// @return MUSTER_ERR_FULL while the disk is behind, MUSTER_ERR_IO once the file is sealed
MUSTER_NODISCARD muster_status log_file_reserve(
    struct log_file *log, uint32_t bytes_max, void **out_bytes);

/// Hands over the first `length` bytes of the reservation as one record.
void log_file_commit(struct log_file *log, uint32_t length);

/// Copies one record in.
/// @return MUSTER_ERR_FULL while the disk is behind, MUSTER_ERR_IO once the file is sealed
MUSTER_NODISCARD muster_status log_file_append(
    struct log_file *log, const void *bytes, uint32_t length);

/// Waits until everything committed so far is durable, or the file is sealed. For a clean stop and
/// for tests, never for a tick.
/// @return MUSTER_ERR_IO if the file is sealed
MUSTER_NODISCARD muster_status log_file_flush(struct log_file *log);

/// Why the file is sealed.
/// @return 0 while it is not, else the errno value: ENOSPC for a full disk
int log_file_failure(const struct log_file *log);

/// How the file stands.
struct log_file_stats log_file_read_stats(const struct log_file *log);
