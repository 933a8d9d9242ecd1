// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A plan: a finite grid of squares seen from above. Boxes are listed by its cells, and the
/// height field is one.

#include "muster/math.h"

struct plan {
    float min_x, min_y;
    float cell_m;
    float cells_per_m;
    uint32_t column_count, row_count;
};

/// Cells that follow each other: from `first` to `last`, none if `last` is smaller.
struct plan_span {
    int32_t first, last;
};

/// The cells that an interval covers, of those between 0 and `count`.
struct plan_span plan_interval(float min_m, float max_m, float cells_per_m, uint32_t count);

/// The rows that a line widened by `reach_m` crosses.
struct plan_span plan_rows(
    const struct plan *plan, muster_vec3 from, muster_vec3 way, float reach_m);

/// The columns that it crosses in a row.
struct plan_span plan_columns(
    const struct plan *plan, muster_vec3 from, muster_vec3 way, float reach_m, int32_t row);
