// SPDX-License-Identifier: Apache-2.0
#include "apps/server/recorder.h"

#include "core/assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct recorder {
    struct recorder_def def;
    muster_frame_log *log;
    struct log_file *file; // the world's

    // Each hands a file over: released by who stores it, acquired by who takes it.
    _Atomic(struct log_file *) offered;
    _Atomic(struct log_file *) finished;
    _Atomic int failure; // by the world; stands for itself
};

muster_status recorder_open_file(
    const char *path, struct log_file **out_file, struct driver_error *out_error)
{
    struct log_file_def def = log_file_default_def();
    def.path = path;
    def.ring_bytes = RECORDER_RING_BYTES;
    return log_file_open(&def, out_file, out_error);
}

static muster_status append(struct recorder *recorder, const uint8_t *bytes, size_t length)
{
    if (length > log_file_record_bytes_max(recorder->file)) {
        return MUSTER_ERR_FULL;
    }
    return log_file_append(recorder->file, bytes, (uint32_t)length);
}

static muster_status begin(struct recorder *recorder)
{
    const uint8_t *bytes;
    size_t length;
    muster_frame_log_begin(recorder->log, &bytes, &length);
    return append(recorder, bytes, length);
}

muster_status recorder_create(const struct recorder_def *def, struct recorder **out_recorder)
{
    MUSTER_ASSERT(def != NULL && def->instance != NULL && def->file != NULL);
    MUSTER_ASSERT(out_recorder != NULL);
    *out_recorder = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct recorder *recorder =
        heap.alloc(heap.context, sizeof *recorder, _Alignof(struct recorder));
    if (recorder == NULL) {
        log_file_close(def->file);
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(recorder, 0, sizeof *recorder);
    recorder->def = *def;
    recorder->file = def->file;
    muster_frame_log_def log_def = muster_frame_log_default_def();
    log_def.instance = def->instance;
    log_def.snapshot_period_ticks = def->snapshot_period_ticks;
    muster_status status = muster_frame_log_create(&log_def, &recorder->log);
    if (status == MUSTER_OK) {
        status = begin(recorder);
    }
    if (status != MUSTER_OK) {
        recorder_destroy(recorder);
        return status;
    }
    *out_recorder = recorder;
    return MUSTER_OK;
}

void recorder_destroy(struct recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    log_file_close(recorder->file);
    log_file_close(atomic_load_explicit(&recorder->offered, memory_order_acquire));
    log_file_close(atomic_load_explicit(&recorder->finished, memory_order_acquire));
    muster_frame_log_destroy(recorder->log);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, recorder, sizeof *recorder);
}

static void note_failure(struct recorder *recorder, muster_status status)
{
    int failure = 0;
    if (status == MUSTER_ERR_IO) {
        failure = log_file_failure(recorder->file);
    } else if (status != MUSTER_OK) {
        failure = EAGAIN;
    }
    atomic_store_explicit(&recorder->failure, failure, memory_order_relaxed);
}

// The tick stands in the old file too, so that each file reaches to where the next begins.
static void go_on_in(struct recorder *recorder, struct log_file *file)
{
    atomic_store_explicit(&recorder->finished, recorder->file, memory_order_release);
    recorder->file = file;
    note_failure(recorder, begin(recorder));
}

void recorder_add(struct recorder *recorder, const uint8_t *frame, uint32_t length)
{
    MUSTER_ASSERT(recorder != NULL);
    if (recorder_failure(recorder) == 0) {
        const uint8_t *bytes;
        size_t byte_count;
        muster_status status =
            muster_frame_log_add(recorder->log, frame, length, &bytes, &byte_count);
        if (status == MUSTER_OK) {
            status = append(recorder, bytes, byte_count);
        }
        note_failure(recorder, status);
    }
    if (atomic_load_explicit(&recorder->finished, memory_order_relaxed) == NULL) {
        struct log_file *next =
            atomic_exchange_explicit(&recorder->offered, NULL, memory_order_acq_rel);
        if (next != NULL) {
            go_on_in(recorder, next);
        }
    }
}

int recorder_failure(const struct recorder *recorder)
{
    MUSTER_ASSERT(recorder != NULL);
    return atomic_load_explicit(&recorder->failure, memory_order_relaxed);
}

bool recorder_offer_file(struct recorder *recorder, struct log_file *file)
{
    MUSTER_ASSERT(recorder != NULL && file != NULL);
    struct log_file *none = NULL;
    return atomic_compare_exchange_strong_explicit(
        &recorder->offered, &none, file, memory_order_release, memory_order_relaxed);
}

struct log_file *recorder_take_file(struct recorder *recorder)
{
    MUSTER_ASSERT(recorder != NULL);
    return atomic_exchange_explicit(&recorder->finished, NULL, memory_order_acq_rel);
}
