// SPDX-License-Identifier: Apache-2.0
#include "net/replay_window.h"

#include "core/assert.h"

#include <string.h>

// One bit per number in a ring, valid for (newest - 256, newest]. Before the first packet the
// newest is 0 with its bit clear, which says exactly that nothing has come yet.

static uint64_t bit_of(uint64_t sequence)
{
    return UINT64_C(1) << (sequence % 64);
}

static uint32_t word_of(uint64_t sequence)
{
    return (uint32_t)(sequence / 64) % (REPLAY_WINDOW_SIZE / 64);
}

bool replay_window_has(const struct replay_window *window, uint64_t sequence)
{
    MUSTER_ASSERT(window != NULL);
    if (sequence > window->newest) {
        return false;
    }
    // Subtracting cannot wrap, whereas adding the size to the sequence could.
    if (window->newest - sequence >= REPLAY_WINDOW_SIZE) {
        return true;
    }
    return (window->received[word_of(sequence)] & bit_of(sequence)) != 0;
}

void replay_window_add(struct replay_window *window, uint64_t sequence)
{
    MUSTER_ASSERT(window != NULL);
    MUSTER_ASSERT(!replay_window_has(window, sequence));

    if (sequence > window->newest && sequence - window->newest >= REPLAY_WINDOW_SIZE) {
        memset(window->received, 0, sizeof window->received);
        window->newest = sequence;
    }
    while (window->newest < sequence) {
        window->newest++;
        window->received[word_of(window->newest)] &= ~bit_of(window->newest);
    }
    window->received[word_of(sequence)] |= bit_of(sequence);
}
