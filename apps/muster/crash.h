// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The last words of a process: when an assertion fires or the process receives SIGSEGV, SIGBUS,
/// SIGFPE, SIGILL or SIGABRT, a file with what is needed to replay the moment.
///
///     static struct crash_facts facts;   // filled before, updated while running
///     crash_install(&facts);
///     atomic_store(&facts.tick, tick);
///
/// The process then ends as it would have: by the same signal.
///
/// A signal handler has no argument, so this is the one place of the program with a variable of
/// its own: which facts are installed. Memory: static, also the handler's stack. Threads: install
/// and remove on one thread; any thread may crash, the first one writes.

#include <stdatomic.h>
#include <stdint.h>

#define CRASH_TEXT_BYTES_MAX 1024u

/// What a report names. Texts end with a zero byte and stay as they are while installed.
struct crash_facts {
    char folder[CRASH_TEXT_BYTES_MAX]; // where the report goes: crash-PID.txt
    char version[64];
    char command[CRASH_TEXT_BYTES_MAX];  // the command line
    char game[CRASH_TEXT_BYTES_MAX];     // the file of the game that runs; empty for none
    char log_path[CRASH_TEXT_BYTES_MAX]; // the frame log; empty when none is written
    uint64_t seed;
    _Atomic uint64_t tick; // the world's owner stores it each tick, relaxed
};

/// From now on a crash writes a report with `facts`, which must outlive crash_remove().
void crash_install(struct crash_facts *facts);

/// Signals mean again what they meant before crash_install().
void crash_remove(void);
