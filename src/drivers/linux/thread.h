// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Starting a driver's thread.

#include <pthread.h>

/// Starts a thread that takes no signals, so that those meant for the process reach the thread
/// that waits for them.
/// @param name  at most 15 characters; what a debugger and `top -H` show
/// @return 0, or an errno value
int thread_start(pthread_t *out_thread, const char *name, void *(*run)(void *), void *argument);
