// SPDX-License-Identifier: Apache-2.0
#include "wire/param.h"

#include "core/assert.h"

// Through double, in which every range of at most 2^31 steps of floats is exact enough for the
// nearest step to be unique.
uint32_t param_step_max(const muster_param_def *param)
{
    MUSTER_ASSERT(param != NULL);
    const double steps = ((double)param->max - (double)param->min) / (double)param->precision;
    return (uint32_t)(steps + 0.5);
}

muster_value param_value(const muster_param_def *param, uint32_t step)
{
    MUSTER_ASSERT(step <= param_step_max(param));
    const double value = (double)param->min + (double)step * (double)param->precision;
    if (param->is_real) {
        return (muster_value){.real = (float)value};
    }
    return (muster_value){.whole = (int32_t)value};
}

uint32_t param_step(const muster_param_def *param, muster_value value)
{
    MUSTER_ASSERT(param != NULL);
    const double given = param->is_real ? (double)value.real : (double)value.whole;
    const double steps = (given - (double)param->min) / (double)param->precision + 0.5;
    const uint32_t step_max = param_step_max(param);
    if (!(steps >= 1.0)) {
        return 0;
    }
    return steps >= (double)step_max + 1.0 ? step_max : (uint32_t)steps;
}
