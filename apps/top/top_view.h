// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The live view as text: lines of figures, and below them a map of where things are.

#include "apps/muster/text.h"
#include "apps/top/top_sample.h"

/// Room for one picture of the largest terminal that is drawn in full.
#define TOP_VIEW_BYTES 262144u

struct top_view {
    uint32_t columns; // of the terminal
    uint32_t rows;    // 0 for figures alone
    bool has_colour;
    bool is_lively;      // lines end by erasing what was behind them
    const char *problem; // shown instead of the map; NULL for none
    const char *page;    // "http://127.0.0.1:7770/", named where there is room; NULL for none
};

/// Draws a sample.
/// @param before  an earlier sample, for what happens in a second; may be the same
void top_view_draw(const struct top_view *view,
    const struct top_sample *before,
    const struct top_sample *now,
    struct text *text);
