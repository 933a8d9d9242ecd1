// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Trials: a function runs in a process of its own first, to see whether it comes back. For code of
/// others, such as a module that is loaded, whose crash would end the program without a word.
///
/// - The process is a copy: what the function changes is gone with it. It hears nothing, and what
///   it prints is lost. A crash leaves no core file.
/// - Cost: a fork. Threads: only while the program has one thread.

#include "drivers/error.h"
#include "muster/base.h"

/// Runs `run` and waits until it has come back, crashed or taken too long.
/// @param what       named in the error, such as "game hello.so while it is loaded"
/// @param timeout_s  at least 1; then it is ended
/// @param out_error  told what became of it; may be NULL
/// @return MUSTER_ERR_INVALID if it did not come back, MUSTER_ERR_IO if there can be no process
MUSTER_NODISCARD muster_status trial_run(void (*run)(void *context),
    void *context,
    const char *what,
    uint32_t timeout_s,
    struct driver_error *out_error);
