// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A spatial index that is sorted anew each tick: points go into cells, queries walk over cells.
///
///     muster_grid_build(grid, positions, slots, slot_count);
///     muster_grid_cursor cursor = muster_grid_walk(grid, min, max);
///     for (muster_grid_range range; muster_grid_next(&cursor, &range);) {
///         for (uint32_t i = range.begin; i < range.end; i++) { use(view.ids[i], view.x[i]); }
///     }
///
/// Space is cut into cubes (columns without an upper or lower end if the grid is not layered).
/// Cells that follow each other along x lie side by side in memory; the table of cells is finite
/// and wraps round, so one table cell may hold points of several places. A world that fits into
/// the table without layers has every cell to itself.
///
/// - Order: points are sorted by cell and, in a cell, keep the order they were given in. It
///   depends on the definition and the points alone.
/// - Memory: one allocation at creation, 32 bytes a point and 4 a cell; none afterwards.
/// - Cost: building is linear in points and cells; a walk costs one step a row of cells.
/// - Threads: built by one thread at a time. While nobody builds, any number may read.

#include "muster/base.h"
#include "muster/math.h"

/// The most points one grid can be created for.
#define MUSTER_GRID_POINT_CAPACITY_MAX (1u << 20)

/// The most cells in each direction of the table.
#define MUSTER_GRID_SIDE_MAX 2048u

/// The largest coordinate of a point or a query, in cells.
#define MUSTER_GRID_CELL_MAX (1 << 24)

/// A grid. Created and destroyed by its owner.
typedef struct muster_grid muster_grid;

/// What a grid is made from. Start from muster_grid_default_def().
typedef struct muster_grid_def {
    /// Points it can hold, in [1, MUSTER_GRID_POINT_CAPACITY_MAX]. Default 1024.
    uint32_t point_capacity;

    /// Length of a cell's side in metres, at least 0.01. Default 50.
    float cell_m;

    /// Cells of the table along x, a power of two in [8, MUSTER_GRID_SIDE_MAX]. Default 128.
    uint32_t column_count;

    /// Rows of cells in the table, a power of two in [8, MUSTER_GRID_SIDE_MAX]; at least 128 if
    /// layered. Default 128.
    uint32_t row_count;

    /// True if height counts too, so that cells are cubes. Default false.
    bool is_layered;

    /// Where the grid's memory comes from. Default muster_heap_allocator().
    muster_allocator allocator;
} muster_grid_def;

/// The sorted points, for reading. Valid until the grid is built again; `x`, `y` and `z` may be
/// read up to 8 elements past the last point, which are then finite and of no meaning.
typedef struct muster_grid_view {
    /// The ids in order of cells, `point_count` of them.
    const uint32_t *ids;

    /// Their coordinates in metres, in the same order.
    const float *x, *y, *z;

    /// Points of cell c are those from cell_start[c] up to cell_start[c + 1], which is excluded.
    const uint32_t *cell_start;

    /// Points in the grid.
    uint32_t point_count;

    /// Cells in the table; cell_start has one element more.
    uint32_t cell_count;
} muster_grid_view;

/// Sorted points that lie side by side: from `begin` up to `end`, which is excluded.
typedef struct muster_grid_range {
    /// Indices into the arrays of a muster_grid_view.
    uint32_t begin, end;
} muster_grid_range;

/// The most ranges that muster_grid_after() writes.
#define MUSTER_GRID_AFTER_RANGE_COUNT 10u

/// The state of a walk. Fill in with muster_grid_walk(); the fields are the grid's own.
typedef struct muster_grid_cursor {
    /// The grid walked over.
    const muster_grid *grid;

    /// First and last cell along x, first and last row along y, last layer.
    int32_t x_first, x_last, y_first, y_last, z_last;

    /// The row that comes next.
    int32_t y, z;

    /// The row the latest range came from.
    int32_t row_y, row_z;

    /// The part of that row that is left over because the table wraps round within it.
    muster_grid_range rest;

    /// True if the box covers the whole table, which is then one range.
    bool is_whole;
} muster_grid_cursor;

/// A definition with every field at its default.
MUSTER_API muster_grid_def muster_grid_default_def(void);

/// Creates an empty grid. The caller owns it and ends it with muster_grid_destroy().
/// @param def       not kept; may be on the stack
/// @param out_grid  set to the grid, or to NULL on failure
/// @return MUSTER_ERR_INVALID if a field of `def` is out of range, MUSTER_ERR_NO_MEMORY
MUSTER_API MUSTER_NODISCARD muster_status muster_grid_create(
    const muster_grid_def *def, muster_grid **out_grid);

/// Destroys a grid. Does nothing for NULL.
MUSTER_API void muster_grid_destroy(muster_grid *grid);

/// Replaces what the grid holds.
/// @param positions  indexed by id; finite, at most MUSTER_GRID_CELL_MAX cells from the origin
/// @param ids        `id_count` ids, or NULL for 0, 1, 2, ...
/// @return MUSTER_ERR_FULL for more ids than the capacity; the grid keeps what it held
MUSTER_API MUSTER_NODISCARD muster_status muster_grid_build(
    muster_grid *grid, const muster_vec3 *positions, const uint32_t *ids, uint32_t id_count);

/// The sorted points.
MUSTER_API muster_grid_view muster_grid_read(const muster_grid *grid);

/// The table cell that a position falls into, in [0, cell_count).
MUSTER_API uint32_t muster_grid_cell_at(const muster_grid *grid, muster_vec3 position);

/// Begins a walk over every cell that a box touches; the box's ends belong to it.
/// @param min  the lowest corner, within MUSTER_GRID_CELL_MAX cells
/// @param max  the highest corner, not below `min` in any direction
MUSTER_API muster_grid_cursor muster_grid_walk(
    const muster_grid *grid, muster_vec3 min, muster_vec3 max);

/// The next points of a walk. They include all in the box and may include others. If the grid is
/// layered a point may come more than once; else it comes once.
/// @return false when the walk is over, leaving `out_range` alone
MUSTER_API bool muster_grid_next(muster_grid_cursor *cursor, muster_grid_range *out_range);

/// True unless a point of the walk's latest range lies in a row that only shares its place in the
/// table with the row the walk is at. Leaving out such points, a walk sees each point once.
/// @param index  of a sorted point in that range
MUSTER_API bool muster_grid_is_in_row(const muster_grid_cursor *cursor, uint32_t index);

/// Lists where the partners of a sorted point are: over all points, every two of which are in the
/// same or in neighbouring cells, corners included, come together exactly once. Others that share
/// a table cell with them may come too.
/// @param index       of a sorted point
/// @param out_ranges  room for MUSTER_GRID_AFTER_RANGE_COUNT
/// @return how many ranges were written, none of them empty
MUSTER_API uint32_t muster_grid_after(
    const muster_grid *grid, uint32_t index, muster_grid_range *out_ranges);

/// Lists the points within a distance, each once, in order of rows and cells.
/// @param radius_m  at least 0; a point at exactly this distance is within
/// @param out_ids   room for `id_capacity` ids
/// @param out_count set to how many were found and written
/// @return MUSTER_ERR_FULL if there are more than `id_capacity`; the first ones were written
MUSTER_API MUSTER_NODISCARD muster_status muster_grid_within(const muster_grid *grid,
    muster_vec3 centre,
    float radius_m,
    uint32_t *out_ids,
    uint32_t id_capacity,
    uint32_t *out_count);
