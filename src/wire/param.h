// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Parameters of actions as whole numbers of steps above their minimum: what travels, what is
/// recorded, and what both ends turn into the same value, bit for bit.

#include "muster/game.h"

/// The largest step of a parameter: (max - min) / precision, rounded to the nearest.
uint32_t param_step_max(const muster_param_def *param);

/// The value of a step, which must not be above param_step_max().
muster_value param_value(const muster_param_def *param, uint32_t step);

/// The step nearest to a value; a value outside of the range is taken as its nearest end, and one
/// that is no number as the minimum.
uint32_t param_step(const muster_param_def *param, muster_value value);
