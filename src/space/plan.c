// SPDX-License-Identifier: Apache-2.0
#include "space/plan.h"

// Spans are widened by this, which is more than the rounding of any coordinate.
#define ROUNDING_M 0.01f

struct plan_span plan_interval(float min_m, float max_m, float cells_per_m, uint32_t count)
{
    const float end = (float)count;
    const float first = muster_clamp(muster_floor(min_m * cells_per_m), 0.0f, end);
    const float last = muster_clamp(muster_floor(max_m * cells_per_m), -1.0f, end - 1.0f);
    return (struct plan_span){(int32_t)first, (int32_t)last};
}

static float min_of(float a, float b)
{
    return a < b ? a : b;
}

static float max_of(float a, float b)
{
    return a > b ? a : b;
}

struct plan_span plan_rows(
    const struct plan *plan, muster_vec3 from, muster_vec3 way, float reach_m)
{
    const float y = from.y - plan->min_y;
    const float reach = reach_m + ROUNDING_M;
    return plan_interval(min_of(y, y + way.y) - reach, max_of(y, y + way.y) + reach,
        plan->cells_per_m, plan->row_count);
}

struct plan_span plan_columns(
    const struct plan *plan, muster_vec3 from, muster_vec3 way, float reach_m, int32_t row)
{
    // The part of the line that is in the row.
    const float reach = reach_m + ROUNDING_M;
    const float bottom = plan->min_y + (float)row * plan->cell_m - reach - from.y;
    const float top = bottom + plan->cell_m + 2.0f * reach;
    float begin = 0.0f;
    float end = 1.0f;
    if (way.y > ROUNDING_M || way.y < -ROUNDING_M) {
        begin = muster_clamp(min_of(bottom / way.y, top / way.y), 0.0f, 1.0f);
        end = muster_clamp(max_of(bottom / way.y, top / way.y), 0.0f, 1.0f);
    }

    const float x = from.x - plan->min_x;
    const float x0 = x + way.x * begin;
    const float x1 = x + way.x * end;
    return plan_interval(
        min_of(x0, x1) - reach, max_of(x0, x1) + reach, plan->cells_per_m, plan->column_count);
}
