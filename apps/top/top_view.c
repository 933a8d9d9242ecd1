// SPDX-License-Identifier: Apache-2.0
#include "apps/top/top_view.h"

#include "apps/muster/terminal.h"
#include "core/assert.h"

#include <stdio.h>
#include <string.h>

#define GAUGE_CELLS  24u
#define COLUMNS_MAX  240u
#define ROWS_MAX     80u
#define MAP_ROWS_MIN 4u
#define TEAM_COUNT   6u

// What the footer takes without the address of a page.
#define FOOTER_COLUMNS 60u

// A terminal's cell is about twice as high as it is wide.
#define CELL_ASPECT 2.0

struct drawing {
    const struct top_view *view;
    struct text *text;
    uint32_t row_count;
};

static void colour(const struct drawing *drawing, enum terminal_colour which)
{
    text_append(drawing->text, terminal_colour(drawing->view->has_colour, which));
}

static void end_line(struct drawing *drawing)
{
    colour(drawing, TERMINAL_PLAIN);
    text_append(drawing->text, drawing->view->is_lively ? "\x1b[K\r\n" : "\n");
    drawing->row_count++;
}

static void label(struct drawing *drawing, const char *name)
{
    colour(drawing, TERMINAL_DIM);
    text_format(drawing->text, "%-10s", name);
    colour(drawing, TERMINAL_PLAIN);
}

// What happened in a second.
static double rate(const struct top_sample *before,
    const struct top_sample *now,
    double value_before,
    double value_now)
{
    const double seconds = (double)(now->time_us - before->time_us) / 1e6;
    const double change = value_now - value_before;
    return seconds > 0.0 && change > 0.0 ? change / seconds : 0.0;
}

static void bytes(struct drawing *drawing, double count)
{
    static const char *const units[] = {"B", "kB", "MB", "GB"};
    uint32_t unit = 0;
    while (count >= 1000.0 && unit < 3) {
        count /= 1000.0;
        unit++;
    }
    text_format(drawing->text, "%.*f %s", unit == 0 ? 0 : 1, count, units[unit]);
}

static void gauge(struct drawing *drawing, double share)
{
    const double bounded = share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
    const uint32_t filled = (uint32_t)(bounded * GAUGE_CELLS + 0.5);
    text_append(drawing->text, "[");
    colour(drawing, share > 1.0 ? TERMINAL_RED : share > 0.8 ? TERMINAL_YELLOW : TERMINAL_GREEN);
    for (uint32_t i = 0; i < GAUGE_CELLS; i++) {
        text_append(drawing->text, i < filled ? "#" : " ");
    }
    colour(drawing, TERMINAL_PLAIN);
    text_append(drawing->text, "]");
}

// Figures.

static void draw_head(struct drawing *drawing, const struct top_sample *now)
{
    const uint64_t seconds = (uint64_t)(now->tick / now->tick_rate_hz);
    text_format(drawing->text, "muster %s  %s  tick %.0f  %llu:%02llu:%02llu", now->version,
        now->game, now->tick, (unsigned long long)(seconds / 3600),
        (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60));
    end_line(drawing);
}

static void draw_tick(
    struct drawing *drawing, const struct top_sample *before, const struct top_sample *now)
{
    const double budget_ms = 1000.0 / now->tick_rate_hz;
    label(drawing, "tick");
    gauge(drawing, now->tick_ms_p99 / budget_ms);
    text_format(drawing->text, " p50 %.1f  p99 %.1f  max %.1f of %.1f ms", now->tick_ms_p50,
        now->tick_ms_p99, now->tick_ms_max, budget_ms);
    end_line(drawing);
    static const char *const names[TOP_PHASE_COUNT] = {"input", "step", "replicate"};
    const double ticks = now->ticks - before->ticks;
    label(drawing, "phases");
    for (uint32_t i = 0; i < TOP_PHASE_COUNT; i++) {
        const double spent_ms = (now->phase_s[i] - before->phase_s[i]) * 1000.0;
        text_format(drawing->text, "%s %.2f ms  ", names[i], ticks > 0.0 ? spent_ms / ticks : 0.0);
    }
    text_format(drawing->text, "missed %.0f of %.0f", now->missed_ticks, now->ticks);
    end_line(drawing);
}

static void draw_load(
    struct drawing *drawing, const struct top_sample *before, const struct top_sample *now)
{
    label(drawing, "world");
    text_format(drawing->text, "%.0f players  %.0f entities", now->players, now->entities);
    end_line(drawing);
    label(drawing, "process");
    text_format(drawing->text, "CPU %.0f %% of a core  memory ",
        rate(before, now, before->cpu_s, now->cpu_s) * 100.0);
    bytes(drawing, now->resident_bytes);
    end_line(drawing);
    const double sent = rate(before, now, before->sent_bytes, now->sent_bytes);
    label(drawing, "network");
    text_append(drawing->text, "in ");
    bytes(drawing, rate(before, now, before->received_bytes, now->received_bytes));
    text_format(drawing->text, "/s %.0f packets/s  out ",
        rate(before, now, before->received_packets, now->received_packets));
    bytes(drawing, sent);
    text_format(drawing->text, "/s %.0f packets/s",
        rate(before, now, before->sent_packets, now->sent_packets));
    if (now->players > 0.0) {
        text_format(drawing->text, "  %.0f kbit/s a player", sent * 8.0 / 1000.0 / now->players);
    }
    end_line(drawing);
}

static void draw_refusals(struct drawing *drawing, const struct top_sample *now)
{
    label(drawing, "refused");
    size_t width = 10;
    for (uint32_t i = 0; i < now->refusal_count; i++) {
        char item[TOP_WORD_BYTES + 32];
        const int length = snprintf(
            item, sizeof item, "%s %.0f  ", now->refusals[i].reason, now->refusals[i].count);
        width += (size_t)length;
        if (width > drawing->view->columns) {
            text_append(drawing->text, "...");
            break;
        }
        text_append(drawing->text, item);
    }
    if (now->refusal_count == 0) {
        text_append(drawing->text, "nothing");
    }
    end_line(drawing);
    if (now->record_failed > 0.0) {
        colour(drawing, TERMINAL_RED);
        text_append(drawing->text, "the frame log ended early; see the server's log");
        end_line(drawing);
    }
}

// The map.

struct cell {
    uint16_t player_count;
    uint16_t other_count;
    uint32_t team; // of the last player, else of the last thing
};

struct map {
    struct cell cells[ROWS_MAX][COLUMNS_MAX];
    uint32_t columns, rows;
    double min_x, min_y;
    double step_x, step_y; // metres of a cell
};

static void measure(struct map *map, const struct top_sample *now)
{
    double min_x = now->points[0].x;
    double max_x = min_x;
    double min_y = now->points[0].y;
    double max_y = min_y;
    for (uint32_t i = 0; i < now->point_count; i++) {
        const double x = now->points[i].x;
        const double y = now->points[i].y;
        min_x = x < min_x ? x : min_x;
        max_x = x > max_x ? x : max_x;
        min_y = y < min_y ? y : min_y;
        max_y = y > max_y ? y : max_y;
    }
    // One scale for both directions, so that a circle looks like one.
    double step = (max_x - min_x + 1.0) / map->columns;
    const double step_by_rows = (max_y - min_y + 1.0) / map->rows / CELL_ASPECT;
    step = step_by_rows > step ? step_by_rows : step;
    map->step_x = step;
    map->step_y = step * CELL_ASPECT;
    map->min_x = (min_x + max_x + 1.0 - map->step_x * map->columns) / 2.0;
    map->min_y = (min_y + max_y + 1.0 - map->step_y * map->rows) / 2.0;
}

static void place(struct map *map, const struct top_point *point)
{
    const double column = (point->x + 0.5 - map->min_x) / map->step_x;
    const double row = (point->y + 0.5 - map->min_y) / map->step_y;
    if (column < 0.0 || row < 0.0 || column >= map->columns || row >= map->rows) {
        return;
    }
    struct cell *cell = &map->cells[map->rows - 1 - (uint32_t)row][(uint32_t)column];
    if (point->is_player) {
        cell->player_count++;
        cell->team = point->team;
    } else {
        cell->other_count++;
        cell->team = cell->player_count == 0 ? point->team : cell->team;
    }
}

static void draw_cell(struct drawing *drawing, const struct cell *cell)
{
    static const char *const colours[TEAM_COUNT] = {
        "\x1b[37m", "\x1b[36m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m"};
    if (cell->player_count == 0 && cell->other_count == 0) {
        text_append(drawing->text, " ");
        return;
    }
    const bool is_player = cell->player_count > 0;
    const char *mark = ".";
    if (is_player) {
        mark = cell->player_count >= 8 ? "@" : cell->player_count >= 2 ? "O" : "o";
    } else if (cell->other_count >= 4) {
        mark = ":";
    }
    if (drawing->view->has_colour) {
        text_append(drawing->text, is_player ? colours[cell->team % TEAM_COUNT] : "\x1b[2m");
    }
    text_append(drawing->text, mark);
    colour(drawing, TERMINAL_PLAIN);
}

static void draw_map(struct drawing *drawing, const struct top_sample *now)
{
    const struct top_view *view = drawing->view;
    if (view->rows < drawing->row_count + MAP_ROWS_MIN + 1 || now->point_count == 0) {
        return;
    }
    struct map map;
    memset(&map, 0, sizeof map);
    map.columns = view->columns < COLUMNS_MAX ? view->columns : COLUMNS_MAX;
    map.rows = view->rows - drawing->row_count - 1;
    map.rows = map.rows < ROWS_MAX ? map.rows : ROWS_MAX;
    measure(&map, now);
    for (uint32_t i = 0; i < now->point_count; i++) {
        place(&map, &now->points[i]);
    }
    for (uint32_t row = 0; row < map.rows; row++) {
        for (uint32_t column = 0; column < map.columns; column++) {
            draw_cell(drawing, &map.cells[row][column]);
        }
        end_line(drawing);
    }
    colour(drawing, TERMINAL_DIM);
    text_format(drawing->text, "o player  . other  a column is %.*f m  q ends",
        map.step_x < 10.0 ? 1 : 0, map.step_x);
    if (view->page != NULL && map.columns >= FOOTER_COLUMNS + strlen(view->page)) {
        text_format(drawing->text, "  browser: %s", view->page);
    }
    colour(drawing, TERMINAL_PLAIN);
}

void top_view_draw(const struct top_view *view,
    const struct top_sample *before,
    const struct top_sample *now,
    struct text *text)
{
    MUSTER_ASSERT(view != NULL && before != NULL && now != NULL && text != NULL);
    struct drawing drawing = {.view = view, .text = text};
    draw_head(&drawing, now);
    draw_tick(&drawing, before, now);
    draw_load(&drawing, before, now);
    draw_refusals(&drawing, now);
    if (view->problem != NULL) {
        colour(&drawing, TERMINAL_RED);
        text_append(text, view->problem);
        end_line(&drawing);
    } else if (view->rows > 0) {
        draw_map(&drawing, now);
    }
}
