// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Signals: being asked to stop, as something to look at rather than an interruption.
///
///     first SIGINT or SIGTERM    drain and exit with 0
///     a second one               exit at once with 128 + its number
///
/// - Threads: open it on the main thread before any other starts, so that all inherit the mask.
///   One thread at a time reads it. One per process at a time, as signals are the process's.

#include "drivers/error.h"
#include "muster/base.h"

/// SIGINT and SIGTERM as a file.
struct signals {
    int file;              ///< Readable when one has come. Not to be closed.
    uint32_t stop_count;   ///< How often the process was asked to stop.
    int last_signal;       ///< The number of the last one; 0 before the first.
    uint32_t hangup_count; ///< How often SIGHUP came, once it is taken.
};

/// Takes SIGINT and SIGTERM from their default action, which ends the process, and ignores
/// SIGPIPE, so that a peer that hangs up is an error of a write.
/// @param out_error  told why; may be NULL
/// @return MUSTER_ERR_IO
MUSTER_NODISCARD muster_status signals_open(
    struct signals *out_signals, struct driver_error *out_error);

/// Takes SIGHUP too, which ends the process otherwise. Before any thread starts.
/// @return false if the system refuses
bool signals_take_hangup(struct signals *signals);

/// Gives all back to their default action.
void signals_close(struct signals *signals);

/// Takes what has come and updates the counts. Never waits.
/// @return the new stop_count
uint32_t signals_read(struct signals *signals);
