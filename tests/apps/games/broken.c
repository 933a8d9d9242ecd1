// SPDX-License-Identifier: Apache-2.0

// A game that is broken in the place that the build names: BROKEN_CONSTRUCTOR crashes while it is
// loaded, BROKEN_END ends the program then, BROKEN_ENTRY aborts when it is asked for its table,
// BROKEN_TABLE has one that points nowhere, BROKEN_START crashes when its world is made, and
// BROKEN_NOTHING sends nothing of it to players.

#include "muster/game.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(BROKEN_CONSTRUCTOR)
__attribute__((constructor)) static void construct(void)
{
    raise(SIGSEGV);
}
#elif defined(BROKEN_END)
__attribute__((constructor)) static void construct(void)
{
    _exit(7);
}
#endif

#if defined(BROKEN_START)
static void start(const muster_host *host, muster_world *world)
{
    (void)host;
    (void)world;
    raise(SIGSEGV);
}
#endif

static void join(const muster_host *host, muster_world *world, uint32_t player_index)
{
    (void)host;
    (void)world;
    (void)player_index;
}

const muster_game *muster_game_module(void)
{
    static const muster_field_def fields[] = {{"position", MUSTER_COLUMN_POSITION,
        MUSTER_FIELD_POSITION, .min = -500.0f, .max = 500.0f, .precision = 0.01f}};
    static muster_game game = {MUSTER_GAME_ABI, .rules_version = 1, .name = "broken",
        .tick_rate_hz = 60, .limits = {.player_count_max = 4, .entity_count_max = 4},
        .fields = fields, .field_count = 1, .join = join};
#if defined(BROKEN_ENTRY)
    abort();
#elif defined(BROKEN_TABLE)
    game.name = (const char *)(uintptr_t)8;
#elif defined(BROKEN_START)
    game.start = start;
#elif defined(BROKEN_NOTHING)
    game.field_count = 0;
#endif
    return &game;
}
