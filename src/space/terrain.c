// SPDX-License-Identifier: Apache-2.0
#include "space/world.h"

#include "core/assert.h"

#include <string.h>

// Each square of four samples is two triangles that share the diagonal from its lowest corner:
//
//     01 ----- 11
//      | 1  /  |
//      |  /  0 |
//     00 ----- 10
//
// What is below a triangle is solid. A ball touches the faces that its middle stands over, each
// with its own contact, so that it rests in a valley. An edge or a corner counts only if it is
// nearer than every face: on even ground the edges between faces then never disturb what rolls
// over them.

struct triangle {
    muster_vec3 corners[3];
    muster_vec3 normal;
};

bool terrain_plan(struct terrain *terrain, const muster_space_def *space_def)
{
    const muster_space_terrain *def = &space_def->terrain;
    if (def->heights_m == NULL) {
        return true;
    }
    const bool is_valid = def->column_count >= 2 && def->row_count >= 2 &&
                          def->column_count <= MUSTER_SPACE_TERRAIN_SIDE_MAX &&
                          def->row_count <= MUSTER_SPACE_TERRAIN_SIDE_MAX &&
                          def->sample_m >= 0.1f && def->sample_m <= 1000.0f &&
                          def->min_x >= -1e6f && def->min_x <= 1e6f && def->min_y >= -1e6f &&
                          def->min_y <= 1e6f && def->material < space_def->material_count;
    if (!is_valid) {
        return false;
    }
    terrain->column_count = def->column_count;
    terrain->row_count = def->row_count;
    terrain->material = def->material;
    terrain->category = def->category;
    terrain->height_min_m = def->heights_m[0];
    terrain->height_max_m = def->heights_m[0];
    terrain->plan = (struct plan){
        .min_x = def->min_x,
        .min_y = def->min_y,
        .cell_m = def->sample_m,
        .cells_per_m = 1.0f / def->sample_m,
        .column_count = def->column_count - 1,
        .row_count = def->row_count - 1,
    };
    const size_t sample_count = (size_t)def->column_count * def->row_count;
    for (size_t i = 0; i < sample_count; i++) {
        const float height = def->heights_m[i];
        if (!(height >= -MUSTER_SPACE_COORDINATE_MAX && height <= MUSTER_SPACE_COORDINATE_MAX)) {
            return false;
        }
        terrain->height_min_m = height < terrain->height_min_m ? height : terrain->height_min_m;
        terrain->height_max_m = height > terrain->height_max_m ? height : terrain->height_max_m;
    }
    return true;
}

void terrain_fill(struct terrain *terrain, const float *heights_m)
{
    const size_t sample_count = (size_t)terrain->column_count * terrain->row_count;
    if (sample_count > 0) {
        memcpy(terrain->heights_m, heights_m, sample_count * sizeof heights_m[0]);
    }
}

static muster_vec3 sample_at(const struct terrain *terrain, int32_t column, int32_t row)
{
    const struct plan *plan = &terrain->plan;
    return (muster_vec3){
        plan->min_x + (float)column * plan->cell_m,
        plan->min_y + (float)row * plan->cell_m,
        terrain->heights_m[(uint32_t)row * terrain->column_count + (uint32_t)column],
    };
}

static struct triangle triangle_at(
    const struct terrain *terrain, int32_t column, int32_t row, uint32_t half)
{
    struct triangle triangle;
    triangle.corners[0] = sample_at(terrain, column, row);
    if (half == 0) {
        triangle.corners[1] = sample_at(terrain, column + 1, row);
        triangle.corners[2] = sample_at(terrain, column + 1, row + 1);
    } else {
        triangle.corners[1] = sample_at(terrain, column + 1, row + 1);
        triangle.corners[2] = sample_at(terrain, column, row + 1);
    }
    const muster_vec3 first = muster_vec3_sub(triangle.corners[1], triangle.corners[0]);
    const muster_vec3 second = muster_vec3_sub(triangle.corners[2], triangle.corners[0]);
    triangle.normal = muster_vec3_normalize(muster_vec3_cross(first, second));
    return triangle;
}

// The heights between which a square lies.
static void height_range(
    const struct terrain *terrain, int32_t column, int32_t row, float *out_min, float *out_max)
{
    const float *low = terrain->heights_m + (uint32_t)row * terrain->column_count + column;
    const float *high = low + terrain->column_count;
    const float corners[4] = {low[0], low[1], high[0], high[1]};
    *out_min = corners[0];
    *out_max = corners[0];
    for (uint32_t i = 1; i < 4; i++) {
        *out_min = corners[i] < *out_min ? corners[i] : *out_min;
        *out_max = corners[i] > *out_max ? corners[i] : *out_max;
    }
}

static float area_sign(muster_vec3 a, muster_vec3 b, float x, float y)
{
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}

// True if a place is in a triangle as seen from above; its edges belong to it.
static bool is_above(const struct triangle *triangle, float x, float y)
{
    const muster_vec3 *corners = triangle->corners;
    return area_sign(corners[0], corners[1], x, y) >= 0.0f &&
           area_sign(corners[1], corners[2], x, y) >= 0.0f &&
           area_sign(corners[2], corners[0], x, y) >= 0.0f;
}

static muster_vec3 nearest_on_edge(muster_vec3 a, muster_vec3 b, muster_vec3 point)
{
    const muster_vec3 edge = muster_vec3_sub(b, a);
    const float along = muster_vec3_dot(muster_vec3_sub(point, a), edge);
    const float share = muster_clamp(along / muster_vec3_dot(edge, edge), 0.0f, 1.0f);
    return muster_vec3_add(a, muster_vec3_scale(edge, share));
}

// What a ball touches, while the triangles near it are looked at.
struct touch {
    muster_vec3 centre;
    float radius_m;
    float margin_m;
    uint32_t face_count;
    struct terrain_contact *faces; // deepest first
    struct terrain_contact edge;   // the nearest
};

static void add_face(struct touch *touch, struct terrain_contact face)
{
    uint32_t place = touch->face_count;
    if (place == SPACE_TERRAIN_CONTACT_MAX) {
        place--;
        if (face.separation_m >= touch->faces[place].separation_m) {
            return;
        }
    } else {
        touch->face_count++;
    }
    for (; place > 0 && touch->faces[place - 1].separation_m > face.separation_m; place--) {
        touch->faces[place] = touch->faces[place - 1];
    }
    touch->faces[place] = face;
}

static void touch_edges(struct touch *touch, const struct triangle *triangle)
{
    for (uint32_t i = 0; i < 3; i++) {
        const muster_vec3 nearest =
            nearest_on_edge(triangle->corners[i], triangle->corners[(i + 1) % 3], touch->centre);
        const muster_vec3 way = muster_vec3_sub(touch->centre, nearest);
        const float distance = muster_vec3_length(way);
        const float separation = distance - touch->radius_m;
        if (distance > 1e-6f && separation < touch->edge.separation_m) {
            touch->edge.separation_m = separation;
            touch->edge.normal = muster_vec3_scale(way, 1.0f / distance);
        }
    }
}

static void touch_triangle(struct touch *touch, const struct triangle *triangle)
{
    const muster_vec3 way = muster_vec3_sub(touch->centre, triangle->corners[0]);
    const float height = muster_vec3_dot(way, triangle->normal);
    const float separation = height - touch->radius_m;
    if (separation >= touch->margin_m) {
        return;
    }
    // Below the ground the column decides, so that nothing that fell through slips sideways;
    // above it, the foot of the perpendicular.
    const muster_vec3 foot =
        muster_vec3_sub(touch->centre, muster_vec3_scale(triangle->normal, height));
    const muster_vec3 over = height < 0.0f ? touch->centre : foot;
    if (is_above(triangle, over.x, over.y)) {
        add_face(touch, (struct terrain_contact){triangle->normal, separation});
    } else if (height >= 0.0f) {
        touch_edges(touch, triangle);
    }
}

uint32_t terrain_touch(const struct terrain *terrain,
    muster_vec3 centre,
    float radius_m,
    float margin_m,
    struct terrain_contact out_contacts[SPACE_TERRAIN_CONTACT_MAX])
{
    const struct plan *plan = &terrain->plan;
    const float reach = radius_m + margin_m;
    if (terrain->column_count == 0 || centre.z - reach > terrain->height_max_m) {
        return 0;
    }
    struct touch touch = {
        .centre = centre,
        .radius_m = radius_m,
        .margin_m = margin_m,
        .faces = out_contacts,
        .edge = {.separation_m = margin_m},
    };
    const float x = centre.x - plan->min_x;
    const float y = centre.y - plan->min_y;
    const struct plan_span columns =
        plan_interval(x - reach, x + reach, plan->cells_per_m, plan->column_count);
    const struct plan_span rows =
        plan_interval(y - reach, y + reach, plan->cells_per_m, plan->row_count);
    for (int32_t row = rows.first; row <= rows.last; row++) {
        for (int32_t column = columns.first; column <= columns.last; column++) {
            float min;
            float max;
            height_range(terrain, column, row, &min, &max);
            if (centre.z - reach > max) {
                continue;
            }
            for (uint32_t half = 0; half < 2; half++) {
                const struct triangle triangle = triangle_at(terrain, column, row, half);
                touch_triangle(&touch, &triangle);
            }
        }
    }

    const float nearest_face = touch.face_count > 0 ? out_contacts[0].separation_m : margin_m;
    if (touch.edge.separation_m < nearest_face) {
        add_face(&touch, touch.edge);
    }
    return touch.face_count;
}

bool muster_space_ground_height(const muster_space *space, float x, float y, float *out_height_m)
{
    MUSTER_ASSERT(space != NULL);
    MUSTER_ASSERT(out_height_m != NULL);
    *out_height_m = 0.0f;
    const struct terrain *terrain = &space->terrain;
    const struct plan *plan = &terrain->plan;
    const float column = (x - plan->min_x) * plan->cells_per_m;
    const float row = (y - plan->min_y) * plan->cells_per_m;
    const bool is_inside = column >= 0.0f && row >= 0.0f && column <= (float)plan->column_count &&
                           row <= (float)plan->row_count && terrain->column_count > 0;
    if (!is_inside) {
        return false;
    }
    // The far edges belong to the last squares.
    const float left = muster_clamp(muster_floor(column), 0.0f, (float)plan->column_count - 1.0f);
    const float low = muster_clamp(muster_floor(row), 0.0f, (float)plan->row_count - 1.0f);
    const uint32_t half = row - low > column - left ? 1 : 0;
    const struct triangle triangle = triangle_at(terrain, (int32_t)left, (int32_t)low, half);
    const muster_vec3 corner = triangle.corners[0];
    const float slope = triangle.normal.x * (x - corner.x) + triangle.normal.y * (y - corner.y);
    *out_height_m = corner.z - slope / triangle.normal.z;
    return true;
}

// Where a ball meets the plane of a triangle, over the triangle.
static void sweep_triangle(const struct triangle *triangle,
    const struct sweep *sweep,
    float radius_m,
    struct sweep_hit *hit)
{
    const muster_vec3 normal = triangle->normal;
    const float closing = -muster_vec3_dot(normal, sweep->way);
    if (closing <= 0.0f) {
        return;
    }
    const muster_vec3 offset = muster_vec3_sub(sweep->from, triangle->corners[0]);
    const float distance = muster_vec3_dot(normal, offset) - radius_m;
    const float fraction = distance > 0.0f ? distance / closing : 0.0f;
    if (fraction >= hit->fraction) {
        return;
    }
    const float sunk = radius_m + (distance > 0.0f ? 0.0f : distance);
    const muster_vec3 foot =
        muster_vec3_sub(muster_vec3_add(sweep->from, muster_vec3_scale(sweep->way, fraction)),
            muster_vec3_scale(normal, sunk > 0.0f ? sunk : 0.0f));
    if (is_above(triangle, foot.x, foot.y)) {
        *hit = (struct sweep_hit){
            .kind = MUSTER_SPACE_TERRAIN,
            .index = 0,
            .fraction = fraction,
            .normal = normal,
        };
    }
}

static void sweep_square(const struct terrain *terrain,
    int32_t column,
    int32_t row,
    const struct sweep *sweep,
    struct sweep_hit *hit)
{
    float min;
    float max;
    height_range(terrain, column, row, &min, &max);
    const float from = sweep->from.z - sweep->radius_m;
    if (from > max && from + sweep->way.z > max) {
        return;
    }
    for (uint32_t half = 0; half < 2; half++) {
        const struct triangle triangle = triangle_at(terrain, column, row, half);
        sweep_triangle(&triangle, sweep, sweep->radius_m, hit);
        // A ball that slips past a ridge between two faces is stopped by its middle.
        sweep_triangle(&triangle, sweep, 0.0f, hit);
    }
}

void terrain_sweep(const struct terrain *terrain, const struct sweep *sweep, struct sweep_hit *hit)
{
    const struct plan *plan = &terrain->plan;
    const struct plan_span rows = plan_rows(plan, sweep->from, sweep->way, sweep->radius_m);
    for (int32_t row = rows.first; row <= rows.last; row++) {
        const struct plan_span columns =
            plan_columns(plan, sweep->from, sweep->way, sweep->radius_m, row);
        for (int32_t column = columns.first; column <= columns.last; column++) {
            sweep_square(terrain, column, row, sweep, hit);
        }
    }
}
