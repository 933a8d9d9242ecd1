// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // fdatasync(), O_CLOEXEC

#include "drivers/log_file.h"

#include "core/assert.h"
#include "core/ring.h"
#include "drivers/clock.h"
#include "drivers/linux/futex.h"
#include "drivers/linux/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The owner fills a ring and never wakes the writer, which looks by itself every PERIOD_US: waking
// is a system call. Only a flush and the end wake it, through `bell`.

#define PERIOD_US 20000u
#define SYNC_US   900000u // with a period on top, within a second

struct log_file {
    muster_allocator allocator;
    struct ring *ring;
    int file;
    pthread_t thread;
    uint64_t committed_count; // records; the owner's

    // Written by the writer, read by anyone.
    _Atomic int failure;
    _Atomic uint64_t written_bytes;
    _Atomic uint64_t durable_bytes;
    _Atomic uint64_t record_count;

    _Atomic uint32_t bell; // raised by the owner when it wants the writer's attention
    _Atomic bool is_flushing;
    _Atomic bool is_closing;

    // Records that are durable, or dropped because the file is sealed. A flush sleeps on the bell.
    _Atomic uint64_t settled_count;
    _Atomic uint32_t settled_bell;

    // The writer's own.
    uint64_t taken_count; // records taken out of the ring
    uint64_t synced_us;
};

// The writer.

// Writes the whole record. Returns 0, or the errno value of what went wrong.
static int write_record(int file, const uint8_t *bytes, uint32_t length)
{
    while (length > 0) {
        const ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            length -= (uint32_t)written;
        }
    }
    return 0;
}

// Ends the file behind its last whole record. Nothing more is written to it.
static void seal(struct log_file *log, int code)
{
    const uint64_t bytes = atomic_load_explicit(&log->written_bytes, memory_order_relaxed);
    // What cannot be cut, such as a device, has nothing to cut.
    const int result = ftruncate(log->file, (off_t)bytes);
    (void)result;
    atomic_store_explicit(&log->failure, code, memory_order_relaxed);
}

static bool is_sealed(const struct log_file *log)
{
    // Relaxed: the code itself is all that is read because of it.
    return atomic_load_explicit(&log->failure, memory_order_relaxed) != 0;
}

// Takes every record out of the ring, and writes them unless the file is sealed.
static void drain(struct log_file *log)
{
    const void *bytes;
    uint32_t length;
    while (ring_peek(log->ring, &bytes, &length)) {
        if (!is_sealed(log)) {
            const int code = write_record(log->file, bytes, length);
            if (code != 0) {
                seal(log, code);
            } else {
                atomic_fetch_add_explicit(&log->written_bytes, length, memory_order_relaxed);
                atomic_fetch_add_explicit(&log->record_count, 1, memory_order_relaxed);
            }
        }
        ring_release(log->ring);
        log->taken_count++;
    }
}

// Forces what is written to the disk and tells a flush that waits.
static void sync_file(struct log_file *log)
{
    const uint64_t written_bytes = atomic_load_explicit(&log->written_bytes, memory_order_relaxed);
    const bool has_news =
        written_bytes != atomic_load_explicit(&log->durable_bytes, memory_order_relaxed);
    // A device or a pipe cannot be forced, which is not a failure (EINVAL).
    if (has_news && fdatasync(log->file) != 0 && errno != EINVAL && !is_sealed(log)) {
        seal(log, errno);
    } else {
        atomic_store_explicit(&log->durable_bytes, written_bytes, memory_order_relaxed);
    }
    log->synced_us = clock_monotonic_us();
    // Release: pairs with the acquire in log_file_flush(), which then sees how the file stands.
    atomic_store_explicit(&log->settled_count, log->taken_count, memory_order_release);
    atomic_fetch_add_explicit(&log->settled_bell, 1, memory_order_release);
    futex_wake_all(&log->settled_bell);
}

static void *run_writer(void *argument)
{
    struct log_file *log = argument;
    bool is_closing = false;
    while (!is_closing) {
        // The bell is read before the wishes behind it: a ring in between cuts the sleep short.
        const uint32_t bell = atomic_load_explicit(&log->bell, memory_order_acquire);
        is_closing = atomic_load_explicit(&log->is_closing, memory_order_acquire);
        const bool is_flushing =
            atomic_exchange_explicit(&log->is_flushing, false, memory_order_acquire);
        drain(log);
        if (is_closing || is_flushing || clock_monotonic_us() - log->synced_us >= SYNC_US) {
            sync_file(log);
        }
        if (!is_closing) {
            futex_sleep(&log->bell, bell, PERIOD_US);
        }
    }
    return NULL;
}

// The owner.

static void ring_bell(struct log_file *log)
{
    // Release: pairs with the acquire in run_writer(), which then sees the wish.
    atomic_fetch_add_explicit(&log->bell, 1, memory_order_release);
    futex_wake_all(&log->bell);
}

struct log_file_def log_file_default_def(void)
{
    return (struct log_file_def){
        .ring_bytes = 1u << 20,
        .allocator = muster_heap_allocator(),
    };
}

// Opens the file for appending. Returns -1 with errno set; an existing file is EEXIST.
static int open_file(const struct log_file_def *def, uint64_t *out_bytes)
{
    const int exclusive = def->can_continue ? 0 : O_EXCL;
    const int file = open(def->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | exclusive, 0640);
    struct stat stat;
    if (file >= 0 && fstat(file, &stat) != 0) {
        const int code = errno;
        close(file);
        errno = code;
        return -1;
    }
    *out_bytes = file >= 0 ? (uint64_t)stat.st_size : 0;
    return file;
}

static void log_free(struct log_file *log)
{
    const muster_allocator allocator = log->allocator;
    ring_destroy(log->ring);
    if (log->file >= 0) {
        close(log->file);
    }
    allocator.free(allocator.context, log, sizeof *log);
}

muster_status log_file_open(
    const struct log_file_def *def, struct log_file **out_log, struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_log != NULL);
    *out_log = NULL;
    if (def->path == NULL || def->allocator.alloc == NULL || def->allocator.free == NULL) {
        return MUSTER_ERR_INVALID;
    }

    struct log_file *log =
        def->allocator.alloc(def->allocator.context, sizeof *log, _Alignof(struct log_file));
    if (log == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(log, 0, sizeof *log);
    log->allocator = def->allocator;
    log->file = -1;
    const struct ring_def ring_def = {
        .capacity_bytes = def->ring_bytes,
        .allocator = def->allocator,
    };
    const muster_status status = ring_create(&ring_def, &log->ring);
    if (status != MUSTER_OK) {
        log_free(log);
        return status;
    }

    uint64_t bytes;
    log->file = open_file(def, &bytes);
    int code = log->file < 0 ? errno : 0;
    if (code == 0) {
        atomic_init(&log->written_bytes, bytes);
        atomic_init(&log->durable_bytes, bytes);
        log->synced_us = clock_monotonic_us();
        code = thread_start(&log->thread, "muster-log", run_writer, log);
    }
    if (code != 0) {
        driver_error_write(out_error, code, "cannot write to %s", def->path);
        log_free(log);
        return MUSTER_ERR_IO;
    }
    *out_log = log;
    return MUSTER_OK;
}

void log_file_close(struct log_file *log)
{
    if (log == NULL) {
        return;
    }
    atomic_store_explicit(&log->is_closing, true, memory_order_release);
    ring_bell(log);
    const int result = pthread_join(log->thread, NULL);
    MUSTER_ASSERT(result == 0);
    log_free(log);
}

uint32_t log_file_record_bytes_max(const struct log_file *log)
{
    MUSTER_ASSERT(log != NULL);
    return ring_record_bytes_max(log->ring);
}

muster_status log_file_reserve(struct log_file *log, uint32_t bytes_max, void **out_bytes)
{
    MUSTER_ASSERT(log != NULL);
    MUSTER_ASSERT(out_bytes != NULL);
    *out_bytes = NULL;
    if (is_sealed(log)) {
        return MUSTER_ERR_IO;
    }
    return ring_reserve(log->ring, bytes_max, out_bytes);
}

void log_file_commit(struct log_file *log, uint32_t length)
{
    MUSTER_ASSERT(log != NULL);
    ring_commit(log->ring, length);
    log->committed_count++;
}

muster_status log_file_append(struct log_file *log, const void *bytes, uint32_t length)
{
    MUSTER_ASSERT(bytes != NULL || length == 0);
    void *room;
    const muster_status status = log_file_reserve(log, length, &room);
    if (status != MUSTER_OK) {
        return status;
    }
    if (length != 0) {
        memcpy(room, bytes, length);
    }
    log_file_commit(log, length);
    return MUSTER_OK;
}

muster_status log_file_flush(struct log_file *log)
{
    MUSTER_ASSERT(log != NULL);
    // Release: pairs with the acquire in run_writer(), which then finds all that is committed.
    atomic_store_explicit(&log->is_flushing, true, memory_order_release);
    ring_bell(log);
    for (;;) {
        // Acquire: both pair with the releases in sync_file().
        const uint32_t settled_bell =
            atomic_load_explicit(&log->settled_bell, memory_order_acquire);
        if (atomic_load_explicit(&log->settled_count, memory_order_acquire) >=
            log->committed_count) {
            return is_sealed(log) ? MUSTER_ERR_IO : MUSTER_OK;
        }
        futex_sleep(&log->settled_bell, settled_bell, FUTEX_FOREVER);
    }
}

int log_file_failure(const struct log_file *log)
{
    MUSTER_ASSERT(log != NULL);
    return atomic_load_explicit(&log->failure, memory_order_relaxed);
}

struct log_file_stats log_file_read_stats(const struct log_file *log)
{
    MUSTER_ASSERT(log != NULL);
    return (struct log_file_stats){
        .written_bytes = atomic_load_explicit(&log->written_bytes, memory_order_relaxed),
        .durable_bytes = atomic_load_explicit(&log->durable_bytes, memory_order_relaxed),
        .record_count = atomic_load_explicit(&log->record_count, memory_order_relaxed),
    };
}
