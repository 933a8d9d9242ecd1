// SPDX-License-Identifier: Apache-2.0
#include "apps/bots/brain.h"

#include "muster/random.h"

#define DECIDE_TICKS 90u

enum { WALK_ACTION = 0 };

enum random_purpose {
    RANDOM_HEADING = 1,
    RANDOM_SPEED = 2,
};

void brain_init(struct brain *brain, uint64_t seed, uint32_t bot_index)
{
    *brain = (struct brain){
        .seed = seed,
        .bot_index = bot_index,
        .target_index = MUSTER_NONE,
    };
}

static float draw(const struct brain *brain, enum random_purpose purpose)
{
    const muster_random_key key = {.seed = brain->seed,
        .entity = brain->bot_index,
        .tick = brain->decided_tick,
        .purpose = purpose};
    return muster_random_unit(muster_random(key, 0));
}

static void look_at_tables(struct brain *brain, muster_client *client)
{
    brain->is_ready = true;
    brain->actions[WALK_ACTION] = muster_client_find_action(client, "walk");
    if (brain->actions[WALK_ACTION] != MUSTER_NONE) {
        brain->kind = BRAIN_WALKER;
    }
}

// Walks somewhere for a second and a half, then somewhere else.
static void think_walker(struct brain *brain, muster_client *client)
{
    const uint64_t tick = muster_client_tick(client);
    if (tick >= brain->decided_tick + DECIDE_TICKS || brain->decided_tick == 0) {
        brain->decided_tick = tick;
        brain->heading = (draw(brain, RANDOM_HEADING) * 2.0f - 1.0f) * MUSTER_PI;
        brain->speed = draw(brain, RANDOM_SPEED) * 5.0f;
    }
    const muster_value values[MUSTER_CLIENT_PARAM_MAX] = {
        {.real = brain->heading}, {.real = brain->speed}};
    uint32_t sequence;
    // A full queue means that the server has not been heard for a second; walking can wait.
    const muster_status status =
        muster_client_act(client, brain->actions[WALK_ACTION], values, &sequence);
    (void)status;
}

void brain_think(struct brain *brain, muster_client *client)
{
    if (!brain->is_ready) {
        look_at_tables(brain, client);
    }
    if (brain->kind == BRAIN_WALKER) {
        think_walker(brain, client);
    }
}
