// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

// Boxes are listed in every cell of a plan that they come within reach of. Something that is not
// larger than that reach looks at one cell only.

#define CELL_M_MIN         4.0f
#define SIDE_COUNT_MAX     128u
#define CELL_BOX_COUNT_MAX (1u << 22)

static float absolute(float value)
{
    return value < 0.0f ? -value : value;
}

static bool is_between(float value, float min, float max)
{
    return value >= min && value <= max;
}

static bool box_is_valid(const muster_space_box *box, uint32_t material_count)
{
    const float max = MUSTER_SPACE_COORDINATE_MAX;
    return is_between(box->centre.x, -max, max) && is_between(box->centre.y, -max, max) &&
           is_between(box->centre.z, -max, max) && is_between(box->half_size.x, 0.01f, max) &&
           is_between(box->half_size.y, 0.01f, max) && is_between(box->half_size.z, 0.01f, max) &&
           is_between(box->heading, -3.2f, 3.2f) && box->material < material_count;
}

// Half the lengths of the box round a turned box.
static muster_vec3 box_extent(const muster_space_box *box)
{
    const float sine = absolute(muster_sin(box->heading));
    const float cosine = absolute(muster_cos(box->heading));
    return (muster_vec3){
        cosine * box->half_size.x + sine * box->half_size.y,
        sine * box->half_size.x + cosine * box->half_size.y,
        box->half_size.z,
    };
}

struct box_cells {
    struct plan_span columns, rows;
};

static struct box_cells cells_of(const struct box_table *table, const muster_space_box *box)
{
    const struct plan *plan = &table->plan;
    const muster_vec3 extent = box_extent(box);
    const float reach_x = extent.x + table->reach_m;
    const float reach_y = extent.y + table->reach_m;
    const float x = box->centre.x - plan->min_x;
    const float y = box->centre.y - plan->min_y;
    return (struct box_cells){
        plan_interval(x - reach_x, x + reach_x, plan->cells_per_m, plan->column_count),
        plan_interval(y - reach_y, y + reach_y, plan->cells_per_m, plan->row_count),
    };
}

// A square plan round all boxes.
static struct plan plan_round(const muster_space_box *boxes, uint32_t box_count, float reach_m)
{
    muster_vec3 min = {0.0f, 0.0f, 0.0f};
    float size = CELL_M_MIN;
    if (box_count > 0) {
        min = (muster_vec3){1e9f, 1e9f, 0.0f};
        muster_vec3 max = {-1e9f, -1e9f, 0.0f};
        for (uint32_t i = 0; i < box_count; i++) {
            const muster_vec3 extent = box_extent(&boxes[i]);
            const muster_vec3 centre = boxes[i].centre;
            min.x = muster_clamp(centre.x - extent.x, -1e9f, min.x);
            min.y = muster_clamp(centre.y - extent.y, -1e9f, min.y);
            max.x = muster_clamp(centre.x + extent.x, max.x, 1e9f);
            max.y = muster_clamp(centre.y + extent.y, max.y, 1e9f);
        }
        min.x -= reach_m;
        min.y -= reach_m;
        const float width = max.x + reach_m - min.x;
        const float depth = max.y + reach_m - min.y;
        size = muster_clamp(depth, width, 1e9f);
    }
    const float side = muster_clamp(size / CELL_M_MIN, 1.0f, (float)SIDE_COUNT_MAX);
    const uint32_t side_count = (uint32_t)side;
    // A little more than the size, so that rounding leaves nothing outside.
    const float cell_m = size * 1.001f / (float)side_count;
    return (struct plan){
        .min_x = min.x,
        .min_y = min.y,
        .cell_m = cell_m,
        .cells_per_m = 1.0f / cell_m,
        .column_count = side_count,
        .row_count = side_count,
    };
}

bool box_table_plan(struct box_table *table, const muster_space_def *def, float reach_m)
{
    if (def->box_count > MUSTER_SPACE_BOX_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < def->box_count; i++) {
        if (!box_is_valid(&def->boxes[i], def->material_count)) {
            return false;
        }
    }
    table->reach_m = reach_m;
    table->box_count = def->box_count;
    table->plan = plan_round(def->boxes, def->box_count, reach_m);

    uint64_t cell_box_count = 0;
    for (uint32_t i = 0; i < def->box_count; i++) {
        const struct box_cells cells = cells_of(table, &def->boxes[i]);
        const uint32_t columns = (uint32_t)(cells.columns.last - cells.columns.first + 1);
        const uint32_t rows = (uint32_t)(cells.rows.last - cells.rows.first + 1);
        cell_box_count += (uint64_t)columns * rows;
    }
    table->cell_box_capacity = (uint32_t)cell_box_count;
    return cell_box_count <= CELL_BOX_COUNT_MAX;
}

// Counts, or lists once the ends are known, a box in its cells.
static void list_box(struct box_table *table, uint32_t box, bool is_listing)
{
    const struct box_cells cells = cells_of(table, &table->boxes[box]);
    for (int32_t row = cells.rows.first; row <= cells.rows.last; row++) {
        for (int32_t column = cells.columns.first; column <= cells.columns.last; column++) {
            const uint32_t cell = (uint32_t)row * table->plan.column_count + (uint32_t)column;
            if (is_listing) {
                table->cell_boxes[--table->cell_start[cell]] = box;
            } else {
                table->cell_start[cell]++;
            }
        }
    }
}

void box_table_fill(struct box_table *table, const muster_space_box *boxes)
{
    for (uint32_t i = 0; i < table->box_count; i++) {
        const muster_vec3 extent = box_extent(&boxes[i]);
        table->boxes[i] = boxes[i];
        table->bounds[i].min = muster_vec3_sub(boxes[i].centre, extent);
        table->bounds[i].max = muster_vec3_add(boxes[i].centre, extent);
        table->sines[i] = muster_sin(boxes[i].heading);
        table->cosines[i] = muster_cos(boxes[i].heading);
        list_box(table, i, false);
    }
    const uint32_t cell_count = table->plan.column_count * table->plan.row_count;
    uint32_t end = 0;
    for (uint32_t cell = 0; cell <= cell_count; cell++) {
        end += table->cell_start[cell];
        table->cell_start[cell] = end;
    }
    for (uint32_t i = table->box_count; i-- > 0;) {
        list_box(table, i, true);
    }
}

muster_grid_range box_table_at(const struct box_table *table, float x, float y)
{
    const struct plan *plan = &table->plan;
    const float column = (x - plan->min_x) * plan->cells_per_m;
    const float row = (y - plan->min_y) * plan->cells_per_m;
    const float side = (float)plan->column_count;
    if (column < 0.0f || row < 0.0f || column >= side || row >= side) {
        return (muster_grid_range){0, 0};
    }
    const uint32_t cell = (uint32_t)row * plan->column_count + (uint32_t)column;
    return (muster_grid_range){table->cell_start[cell], table->cell_start[cell + 1]};
}

static muster_vec3 to_box(const struct box_table *table, uint32_t box, muster_vec3 way)
{
    const float sine = table->sines[box];
    const float cosine = table->cosines[box];
    return (muster_vec3){cosine * way.x + sine * way.y, cosine * way.y - sine * way.x, way.z};
}

static muster_vec3 from_box(const struct box_table *table, uint32_t box, muster_vec3 way)
{
    const float sine = table->sines[box];
    const float cosine = table->cosines[box];
    return (muster_vec3){cosine * way.x - sine * way.y, cosine * way.y + sine * way.x, way.z};
}

// The way out of a box through its nearest side, for a point in it.
static float way_out(muster_vec3 point, muster_vec3 half_size, muster_vec3 *out_normal)
{
    const float deep[3] = {
        absolute(point.x) - half_size.x,
        absolute(point.y) - half_size.y,
        absolute(point.z) - half_size.z,
    };
    const float sign[3] = {
        point.x < 0.0f ? -1.0f : 1.0f,
        point.y < 0.0f ? -1.0f : 1.0f,
        point.z < 0.0f ? -1.0f : 1.0f,
    };
    const uint32_t flat = deep[1] > deep[0] ? 1 : 0;
    const uint32_t side = deep[2] > deep[flat] ? 2 : flat;
    float normal[3] = {0.0f, 0.0f, 0.0f};
    normal[side] = sign[side];
    *out_normal = (muster_vec3){normal[0], normal[1], normal[2]};
    return deep[side];
}

float box_distance(
    const struct box_table *table, uint32_t box, muster_vec3 point, muster_vec3 *out_normal)
{
    const muster_vec3 half = table->boxes[box].half_size;
    const muster_vec3 local = to_box(table, box, muster_vec3_sub(point, table->boxes[box].centre));
    const muster_vec3 nearest = {
        muster_clamp(local.x, -half.x, half.x),
        muster_clamp(local.y, -half.y, half.y),
        muster_clamp(local.z, -half.z, half.z),
    };
    const muster_vec3 way = muster_vec3_sub(local, nearest);
    float distance = muster_vec3_length(way);
    muster_vec3 normal;
    if (distance > 1e-6f) {
        normal = muster_vec3_scale(way, 1.0f / distance);
    } else {
        distance = way_out(local, half, &normal);
    }
    *out_normal = from_box(table, box, normal);
    return distance;
}

// The part of a line, between 0 and 1, that is between two planes across an axis.
struct slab_cut {
    float begin, end;
    uint32_t axis; // across which it begins
};

static void cut(struct slab_cut *cut, float from, float way, float half, uint32_t axis)
{
    if (way == 0.0f) {
        cut->end = absolute(from) <= half ? cut->end : -1.0f;
        return;
    }
    const float low = (-half - from) / way;
    const float high = (half - from) / way;
    const float begin = low < high ? low : high;
    const float end = low < high ? high : low;
    if (begin > cut->begin) {
        cut->begin = begin;
        cut->axis = axis;
    }
    cut->end = end < cut->end ? end : cut->end;
}

static void box_sweep(
    const struct box_table *table, uint32_t box, const struct sweep *sweep, struct sweep_hit *hit)
{
    const muster_vec3 from =
        to_box(table, box, muster_vec3_sub(sweep->from, table->boxes[box].centre));
    const muster_vec3 way = to_box(table, box, sweep->way);
    const muster_vec3 reach = {sweep->radius_m, sweep->radius_m, sweep->radius_m};
    const muster_vec3 half = muster_vec3_add(table->boxes[box].half_size, reach);

    struct slab_cut inside = {.begin = -1.0f, .end = hit->fraction, .axis = 0};
    cut(&inside, from.x, way.x, half.x, 0);
    cut(&inside, from.y, way.y, half.y, 1);
    cut(&inside, from.z, way.z, half.z, 2);
    if (inside.begin >= inside.end || inside.end < 0.0f) {
        return;
    }

    muster_vec3 normal;
    float fraction = inside.begin;
    if (fraction < 0.0f) {
        // It begins inside: met if it goes further in.
        way_out(from, half, &normal);
        fraction = 0.0f;
        if (muster_vec3_dot(normal, way) >= 0.0f) {
            return;
        }
    } else {
        const float parts[3] = {way.x, way.y, way.z};
        float normal_parts[3] = {0.0f, 0.0f, 0.0f};
        normal_parts[inside.axis] = parts[inside.axis] > 0.0f ? -1.0f : 1.0f;
        normal = (muster_vec3){normal_parts[0], normal_parts[1], normal_parts[2]};
    }
    *hit = (struct sweep_hit){
        .kind = MUSTER_SPACE_BOX,
        .index = box,
        .fraction = fraction,
        .normal = from_box(table, box, normal),
    };
}

static void sweep_range(const struct box_table *table,
    muster_grid_range range,
    const struct sweep *sweep,
    uint16_t mask,
    struct sweep_hit *hit)
{
    for (uint32_t i = range.begin; i < range.end; i++) {
        const uint32_t box = table->cell_boxes[i];
        if ((table->boxes[box].category & mask) != 0) {
            box_sweep(table, box, sweep, hit);
        }
    }
}

void box_table_sweep(
    const struct box_table *table, const struct sweep *sweep, uint16_t mask, struct sweep_hit *hit)
{
    const struct plan *plan = &table->plan;
    const struct plan_span rows = plan_rows(plan, sweep->from, sweep->way, sweep->radius_m);
    for (int32_t row = rows.first; row <= rows.last; row++) {
        const struct plan_span columns =
            plan_columns(plan, sweep->from, sweep->way, sweep->radius_m, row);
        for (int32_t column = columns.first; column <= columns.last; column++) {
            const uint32_t cell = (uint32_t)row * plan->column_count + (uint32_t)column;
            const muster_grid_range range = {table->cell_start[cell], table->cell_start[cell + 1]};
            sweep_range(table, range, sweep, mask, hit);
        }
    }
}
