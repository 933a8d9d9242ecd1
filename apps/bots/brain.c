// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/brain.h"

#include "muster/random.h"

#define DECIDE_TICKS 90u

enum { DRAW_HEADING = 1, DRAW_SPEED = 2 };

void brain_init(struct brain *brain, uint64_t seed, uint32_t bot_index)
{
    *brain = (struct brain){.seed = seed, .bot_index = bot_index};
}

float brain_draw(const struct brain *brain, uint32_t purpose)
{
    const muster_random_key key = {.seed = brain->seed,
        .entity = brain->bot_index,
        .tick = brain->decided_tick,
        .purpose = purpose};
    return muster_random_unit(muster_random(key, 0));
}

void brain_act(muster_client *client, uint32_t action_index, const muster_value *values)
{
    uint32_t sequence;
    const muster_status status = muster_client_act(client, action_index, values, &sequence);
    (void)status;
}

static void look_at_tables(struct brain *brain, const muster_client *client)
{
    brain->has_tables = true;
    brain->walk = muster_client_find_action(client, "walk");
    if (fighter_init(&brain->fighter, client)) {
        brain->kind = BRAIN_FIGHTER;
    } else if (brain->walk != MUSTER_NONE) {
        brain->kind = BRAIN_WALKER;
    }
}

// Walks somewhere for a second and a half, then somewhere else.
static void walker_think(struct brain *brain, muster_client *client)
{
    const uint64_t tick = muster_client_tick(client);
    if (tick >= brain->decided_tick + DECIDE_TICKS || brain->decided_tick == 0) {
        brain->decided_tick = tick;
        brain->heading = (brain_draw(brain, DRAW_HEADING) * 2.0f - 1.0f) * MUSTER_PI;
        brain->speed = brain_draw(brain, DRAW_SPEED) * 5.0f;
    }
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {
        {.real = brain->heading}, {.real = brain->speed}};
    brain_act(client, brain->walk, values);
}

void brain_think(struct brain *brain, muster_client *client)
{
    if (!brain->has_tables) {
        look_at_tables(brain, client);
    }
    switch (brain->kind) {
    case BRAIN_NONE:
        break;
    case BRAIN_WALKER:
        walker_think(brain, client);
        break;
    case BRAIN_FIGHTER:
        fighter_think(brain, client);
        break;
    }
}
