// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A login on a thread of its own, since it waits for the server.
///
/// The job belongs to two, its thread and whoever began it; the last of them gives its memory back.
/// So a login that nobody wants any more is let go at once, and runs out by itself.

#include "muster/client_driver.h"

struct login_job;

/// Begins one. The texts are copied.
/// @param out_job  set to the job, or to NULL on failure
/// @return MUSTER_ERR_INVALID for a text that is too long, MUSTER_ERR_NO_MEMORY, MUSTER_ERR_IO
///         without a thread
MUSTER_NODISCARD muster_status login_job_start(
    const muster_client_login_def *def, struct login_job **out_job);

/// Whether the answer is there.
bool login_job_is_done(const struct login_job *job);

/// The answer of a job that is done, as of muster_client_login_ask().
/// @param out_token  set to the token
/// @param out_error  told why there is none
muster_status login_job_answer(const struct login_job *job,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES],
    muster_client_error *out_error);

/// Lets go of a job, done or not. Does nothing for NULL.
void login_job_release(struct login_job *job);
