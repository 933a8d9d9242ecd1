// SPDX-License-Identifier: Apache-2.0
#include "muster/grid.h"

#include "core/assert.h"

#include <string.h>

// A counting sort. A cell is (column, row); the column is x modulo the table's width, so that
// neighbours along x are neighbours in memory and a row of a box is one range, or two where the
// table wraps. The row folds y and the layer into one number: y + LAYER_STRIDE * z modulo the
// table's height. The stride is odd, so worlds that lie in any one plane fill the table evenly,
// and the nine rows round a cell never share a table row when the table has 128 rows or more.
#define LAYER_STRIDE 37

// Readers may load whole vectors that begin at the last point.
#define PAD_COUNT 8u

// A point on its way to its place.
struct sorted {
    uint32_t id;
    uint32_t cell;
};

struct muster_grid {
    muster_allocator allocator;
    size_t bytes;
    float cell_m;
    float cells_per_m;
    int32_t column_mask;
    int32_t row_mask;
    uint32_t column_bits;
    bool is_layered;
    uint32_t point_capacity;
    uint32_t point_count;
    uint32_t cell_count;
    float *x;
    float *y;
    float *z;
    uint32_t *ids;
    uint32_t *cell_of; // by the order of the call to build, while building
    uint32_t *cells;   // of the sorted points
    uint32_t *cell_start;
    struct sorted *sorted; // while building
};

static int32_t cell_coordinate(const muster_grid *grid, float coordinate_m)
{
    // Rounds down without a branch, which half of all points would take.
    const float scaled = coordinate_m * grid->cells_per_m;
    const int32_t truncated = (int32_t)scaled;
    return truncated - (scaled < (float)truncated);
}

static int32_t layer_coordinate(const muster_grid *grid, float height_m)
{
    return grid->is_layered ? cell_coordinate(grid, height_m) : 0;
}

static uint32_t row_start(const muster_grid *grid, int32_t y, int32_t z)
{
    const uint32_t row = (uint32_t)((y + LAYER_STRIDE * z) & grid->row_mask);
    return row << grid->column_bits;
}

static uint32_t cell_of(const muster_grid *grid, muster_vec3 position)
{
    const int32_t x = cell_coordinate(grid, position.x);
    const int32_t y = cell_coordinate(grid, position.y);
    const int32_t z = layer_coordinate(grid, position.z);
    return row_start(grid, y, z) + (uint32_t)(x & grid->column_mask);
}

muster_grid_def muster_grid_default_def(void)
{
    return (muster_grid_def){
        .point_capacity = 1024,
        .cell_m = 50.0f,
        .column_count = 128,
        .row_count = 128,
        .is_layered = false,
        .allocator = muster_heap_allocator(),
    };
}

static bool side_is_valid(uint32_t cell_count, uint32_t cell_count_min)
{
    return cell_count >= cell_count_min && cell_count <= MUSTER_GRID_SIDE_MAX &&
           (cell_count & (cell_count - 1)) == 0;
}

static bool def_is_valid(const muster_grid_def *def)
{
    const bool has_allocator = def->allocator.alloc != NULL && def->allocator.free != NULL;
    const bool has_capacity =
        def->point_capacity >= 1 && def->point_capacity <= MUSTER_GRID_POINT_CAPACITY_MAX;
    return has_allocator && has_capacity && def->cell_m >= 0.01f && def->cell_m <= 1e6f &&
           side_is_valid(def->column_count, 8) &&
           side_is_valid(def->row_count, def->is_layered ? 128 : 8);
}

muster_status muster_grid_create(const muster_grid_def *def, muster_grid **out_grid)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_grid != NULL);
    *out_grid = NULL;
    if (!def_is_valid(def)) {
        return MUSTER_ERR_INVALID;
    }

    const size_t point_count = (size_t)def->point_capacity + PAD_COUNT;
    const size_t cell_count = (size_t)def->column_count * def->row_count;
    const size_t words = point_count * 8 + cell_count + 1;
    const size_t bytes = sizeof(muster_grid) + words * sizeof(uint32_t);
    muster_grid *grid = def->allocator.alloc(def->allocator.context, bytes, _Alignof(muster_grid));
    if (grid == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }

    memset(grid, 0, bytes);
    grid->allocator = def->allocator;
    grid->bytes = bytes;
    grid->cell_m = def->cell_m;
    grid->cells_per_m = 1.0f / def->cell_m;
    grid->column_mask = (int32_t)def->column_count - 1;
    grid->row_mask = (int32_t)def->row_count - 1;
    grid->column_bits = (uint32_t)__builtin_ctz(def->column_count);
    grid->is_layered = def->is_layered;
    grid->point_capacity = def->point_capacity;
    grid->cell_count = (uint32_t)cell_count;
    grid->x = (float *)(grid + 1);
    grid->y = grid->x + point_count;
    grid->z = grid->y + point_count;
    grid->ids = (uint32_t *)(grid->z + point_count);
    grid->sorted = (struct sorted *)(grid->ids + point_count);
    grid->cell_of = (uint32_t *)(grid->sorted + point_count);
    grid->cells = grid->cell_of + point_count;
    grid->cell_start = grid->cells + point_count;
    *out_grid = grid;
    return MUSTER_OK;
}

void muster_grid_destroy(muster_grid *grid)
{
    if (grid == NULL) {
        return;
    }
    const muster_allocator allocator = grid->allocator;
    allocator.free(allocator.context, grid, grid->bytes);
}

uint32_t muster_grid_cell_at(const muster_grid *grid, muster_vec3 position)
{
    MUSTER_ASSERT(grid != NULL);
    return cell_of(grid, position);
}

muster_status muster_grid_build(
    muster_grid *grid, const muster_vec3 *positions, const uint32_t *ids, uint32_t id_count)
{
    MUSTER_ASSERT(grid != NULL);
    MUSTER_ASSERT(positions != NULL || id_count == 0);
    if (id_count > grid->point_capacity) {
        return MUSTER_ERR_FULL;
    }

    uint32_t *starts = grid->cell_start;
    memset(starts, 0, ((size_t)grid->cell_count + 1) * sizeof starts[0]);
    for (uint32_t i = 0; i < id_count; i++) {
        const uint32_t cell = cell_of(grid, positions[ids == NULL ? i : ids[i]]);
        grid->cell_of[i] = cell;
        starts[cell]++;
    }

    // Each start becomes the end of its cell; placing points from the last to the first then
    // moves it down to the cell's begin and keeps their order.
    uint32_t end = 0;
    for (uint32_t cell = 0; cell <= grid->cell_count; cell++) {
        end += starts[cell];
        starts[cell] = end;
    }
    for (uint32_t i = id_count; i-- > 0;) {
        const uint32_t cell = grid->cell_of[i];
        const struct sorted sorted = {.id = ids == NULL ? i : ids[i], .cell = cell};
        grid->sorted[--starts[cell]] = sorted;
    }

    // The scattered writes are over; the rest is written front to back.
    for (uint32_t place = 0; place < id_count; place++) {
        const struct sorted sorted = grid->sorted[place];
        const muster_vec3 position = positions[sorted.id];
        grid->ids[place] = sorted.id;
        grid->cells[place] = sorted.cell;
        grid->x[place] = position.x;
        grid->y[place] = position.y;
        grid->z[place] = position.z;
    }
    grid->point_count = id_count;
    return MUSTER_OK;
}

muster_grid_view muster_grid_read(const muster_grid *grid)
{
    MUSTER_ASSERT(grid != NULL);
    return (muster_grid_view){
        .ids = grid->ids,
        .x = grid->x,
        .y = grid->y,
        .z = grid->z,
        .cell_start = grid->cell_start,
        .point_count = grid->point_count,
        .cell_count = grid->cell_count,
    };
}

muster_grid_cursor muster_grid_walk(const muster_grid *grid, muster_vec3 min, muster_vec3 max)
{
    MUSTER_ASSERT(grid != NULL);
    MUSTER_ASSERT(min.x <= max.x && min.y <= max.y && min.z <= max.z);

    muster_grid_cursor cursor = {
        .grid = grid,
        .x_first = cell_coordinate(grid, min.x),
        .x_last = cell_coordinate(grid, max.x),
        .y_first = cell_coordinate(grid, min.y),
        .y_last = cell_coordinate(grid, max.y),
        .z_last = layer_coordinate(grid, max.z),
        .z = layer_coordinate(grid, min.z),
    };
    cursor.y = cursor.y_first;

    // Cells beyond a whole turn round the table would only come again.
    if (cursor.x_last - cursor.x_first > grid->column_mask) {
        cursor.x_first = 0;
        cursor.x_last = grid->column_mask;
    }
    const int64_t row_count =
        ((int64_t)cursor.y_last - cursor.y + 1) * ((int64_t)cursor.z_last - cursor.z + 1);
    if (row_count > grid->row_mask) {
        cursor.is_whole = true;
        cursor.rest = (muster_grid_range){0, grid->point_count};
        cursor.z = cursor.z_last + 1;
    }
    return cursor;
}

// The cells of one row: those up to the table's right edge, and those that wrap to its left one.
static void row_ranges(const muster_grid_cursor *cursor, muster_grid_range out_ranges[2])
{
    const muster_grid *grid = cursor->grid;
    const uint32_t *row = grid->cell_start + row_start(grid, cursor->row_y, cursor->row_z);
    const int32_t first = cursor->x_first & grid->column_mask;
    const int32_t end = first + (cursor->x_last - cursor->x_first) + 1;
    const int32_t edge = grid->column_mask + 1;
    const int32_t wrapped = end > edge ? end - edge : 0;
    out_ranges[0] = (muster_grid_range){row[first], row[end - wrapped]};
    out_ranges[1] = (muster_grid_range){row[0], row[wrapped]};
}

bool muster_grid_next(muster_grid_cursor *cursor, muster_grid_range *out_range)
{
    MUSTER_ASSERT(cursor != NULL);
    MUSTER_ASSERT(out_range != NULL);

    muster_grid_range ranges[2] = {cursor->rest, {0, 0}};
    while (ranges[0].begin == ranges[0].end && cursor->z <= cursor->z_last) {
        cursor->row_y = cursor->y++;
        cursor->row_z = cursor->z;
        if (cursor->y > cursor->y_last) {
            cursor->y = cursor->y_first;
            cursor->z++;
        }
        row_ranges(cursor, ranges);
        if (ranges[0].begin == ranges[0].end) {
            ranges[0] = ranges[1];
            ranges[1] = (muster_grid_range){0, 0};
        }
    }
    cursor->rest = ranges[1];
    if (ranges[0].begin == ranges[0].end) {
        return false;
    }
    *out_range = ranges[0];
    return true;
}

bool muster_grid_is_in_row(const muster_grid_cursor *cursor, uint32_t index)
{
    MUSTER_ASSERT(cursor != NULL);
    const muster_grid *grid = cursor->grid;
    if (cursor->is_whole || !grid->is_layered) {
        return true;
    }
    return cell_coordinate(grid, grid->y[index]) == cursor->row_y &&
           cell_coordinate(grid, grid->z[index]) == cursor->row_z;
}

static uint32_t add_range(muster_grid_range *ranges, uint32_t count, uint32_t begin, uint32_t end)
{
    ranges[count] = (muster_grid_range){begin, end};
    return count + (begin < end ? 1u : 0u);
}

uint32_t muster_grid_after(const muster_grid *grid, uint32_t index, muster_grid_range *out_ranges)
{
    MUSTER_ASSERT(grid != NULL);
    MUSTER_ASSERT(index < grid->point_count);
    MUSTER_ASSERT(out_ranges != NULL);

    const int32_t edge = grid->column_mask;
    const int32_t column = (int32_t)grid->cells[index] & edge;
    const int32_t row_index = (int32_t)(grid->cells[index] >> grid->column_bits);

    // The points after it in its own cell, and the next cell of its row.
    const uint32_t *row = grid->cell_start + row_start(grid, row_index, 0);
    uint32_t count = 0;
    if (column < edge) {
        count = add_range(out_ranges, count, index + 1, row[column + 2]);
    } else {
        count = add_range(out_ranges, count, index + 1, row[column + 1]);
        count = add_range(out_ranges, count, row[0], row[1]);
    }

    // Three cells of each row on one side of it: above, and for layers all of the one on top.
    static const int32_t sides[4] = {1, LAYER_STRIDE - 1, LAYER_STRIDE, LAYER_STRIDE + 1};
    const uint32_t side_count = grid->is_layered ? 4 : 1;
    for (uint32_t i = 0; i < side_count; i++) {
        row = grid->cell_start + row_start(grid, row_index + sides[i], 0);
        if (column == 0) {
            count = add_range(out_ranges, count, row[0], row[2]);
            count = add_range(out_ranges, count, row[edge], row[edge + 1]);
        } else if (column == edge) {
            count = add_range(out_ranges, count, row[edge - 1], row[edge + 1]);
            count = add_range(out_ranges, count, row[0], row[1]);
        } else {
            count = add_range(out_ranges, count, row[column - 1], row[column + 2]);
        }
    }
    return count;
}

static float distance_squared(const muster_grid *grid, uint32_t index, muster_vec3 centre)
{
    const muster_vec3 point = {grid->x[index], grid->y[index], grid->z[index]};
    const muster_vec3 way = muster_vec3_sub(point, centre);
    return muster_vec3_dot(way, way);
}

muster_status muster_grid_within(const muster_grid *grid,
    muster_vec3 centre,
    float radius_m,
    uint32_t *out_ids,
    uint32_t id_capacity,
    uint32_t *out_count)
{
    MUSTER_ASSERT(grid != NULL);
    MUSTER_ASSERT(out_ids != NULL || id_capacity == 0);
    MUSTER_ASSERT(out_count != NULL);
    MUSTER_ASSERT(radius_m >= 0.0f);

    const float radius_squared = radius_m * radius_m;
    const muster_vec3 reach = {radius_m, radius_m, radius_m};
    muster_grid_cursor cursor =
        muster_grid_walk(grid, muster_vec3_sub(centre, reach), muster_vec3_add(centre, reach));
    *out_count = 0;
    for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
        for (uint32_t i = range.begin; i < range.end; i++) {
            if (distance_squared(grid, i, centre) > radius_squared ||
                !muster_grid_is_in_row(&cursor, i)) {
                continue;
            }
            if (*out_count == id_capacity) {
                return MUSTER_ERR_FULL;
            }
            out_ids[(*out_count)++] = grid->ids[i];
        }
    }
    return MUSTER_OK;
}
