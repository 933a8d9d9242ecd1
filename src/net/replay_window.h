// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Which of the last 256 sequence numbers of one sender have been received. A window of zeros is
/// ready for use.

#include "muster/base.h"

/// Sequence numbers it can tell apart, back from the newest.
#define REPLAY_WINDOW_SIZE 256

struct replay_window {
    uint64_t newest;
    uint64_t received[REPLAY_WINDOW_SIZE / 64]; // bit `sequence % 256`
};

/// True if the number was received before or lies too far back to tell. Changes nothing, so that
/// it may be asked about packets that have not proven themselves.
bool replay_window_has(const struct replay_window *window, uint64_t sequence);

/// Notes a number of an authentic packet.
void replay_window_add(struct replay_window *window, uint64_t sequence);
