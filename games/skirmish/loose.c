// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

#define RADIUS_MIN_M 0.35f
#define RADIUS_MAX_M 0.6f

void loose_start(const struct state *state)
{
    const uint32_t guard_count = state->memory->camp_count * CAMP_SIZE;
    const uint32_t body_count = (uint32_t)state->host->option(state->world, OPTION_BODIES);
    for (uint32_t i = guard_count; i < body_count; i++) {
        const float radius_m = state_random(state, i, PURPOSE_LOOSE, 0, RADIUS_MIN_M, RADIUS_MAX_M);
        const uint64_t who = PLAYER_COUNT_MAX + i;
        uint32_t slot;
        const muster_vec3 place = place_start(state, who, i, radius_m);
        if (state->host->entity_spawn(state->world, KIND_LOOSE, place, &slot) != MUSTER_OK) {
            return;
        }
        muster_body_def body = state->host->space->body_default_def();
        body.radius_m = radius_m;
        body.mass_kg = LOOSE_MASS_KG;
        body.material = MATERIAL_LOOSE;
        body.category = CATEGORY_LOOSE;
        state->host->space->body_add(state->world, slot, &body);
    }
}
