// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Recorder: a world's frame log on its way to a file.
///
///     recorder_add(recorder, frame, length);   // the world's side, after each step; never waits
///
/// A file that fails (a full disk) or falls behind ends at its last whole tick: from then on
/// nothing is added, recorder_failure() says why, and the world goes on. The owner may offer
/// another file at any time; the recorder goes on in it, beginning with a snapshot.
///
/// - Memory: that of the frame log, at creation.
/// - Threads: creation, destruction, offers and takes on the owner's thread; recorder_add() on the
///   world's; recorder_failure() on any.

#include "drivers/log_file.h"
#include "muster/frame_log.h"

/// Room in the file's ring for some ticks and two snapshots of a large world.
#define RECORDER_RING_BYTES (1u << 25)

struct recorder;

struct recorder_def {
    const muster_instance *instance; // must outlive the recorder
    struct log_file *file;           // the recorder's from then on, also on failure
    uint32_t snapshot_period_ticks;  // ticks between two snapshots within one file
};

/// Opens the file of a frame log.
/// @param out_error  told why, its code EEXIST for a file that exists
/// @return MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
MUSTER_NODISCARD muster_status recorder_open_file(
    const char *path, struct log_file **out_file, struct driver_error *out_error);

/// Begins the log in the file, with a snapshot of the world as it is.
/// @return MUSTER_ERR_NO_MEMORY, MUSTER_ERR_FULL for a world too large for the file's ring,
///         MUSTER_ERR_IO
MUSTER_NODISCARD muster_status recorder_create(
    const struct recorder_def *def, struct recorder **out_recorder);

/// Writes what is left and closes the file. Does nothing for NULL.
void recorder_destroy(struct recorder *recorder);

/// World: adds the tick that has run.
void recorder_add(struct recorder *recorder, const uint8_t *frame, uint32_t length);

/// Why the log ended early.
/// @return 0 while it has not; an errno value, EAGAIN when the disk fell behind
int recorder_failure(const struct recorder *recorder);

/// Owner: the file to go on in after the next tick.
/// @return false, with the file still the caller's, while the one before is not taken yet
bool recorder_offer_file(struct recorder *recorder, struct log_file *file);

/// Owner: a file that is finished, to be closed by the caller.
/// @return NULL when there is none
struct log_file *recorder_take_file(struct recorder *recorder);
