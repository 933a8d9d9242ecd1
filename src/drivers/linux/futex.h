// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Sleeping on a word of memory. What the word means, and in which order memory becomes visible,
/// is the caller's: these are system calls and nothing more.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/// No time limit.
#define FUTEX_FOREVER UINT64_MAX

/// Sleeps while `*word` is `expected`, at most `timeout_us`. May also return early for no reason.
void futex_sleep(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_us);

/// Wakes every thread that sleeps on `word`.
void futex_wake_all(_Atomic uint32_t *word);
