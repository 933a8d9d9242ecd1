// SPDX-License-Identifier: Apache-2.0
#include "apps/server/dump.h"

#include "core/assert.h"

#include <inttypes.h>
#include <string.h>

#define NUMBER_BYTES 32u
#define ID_BYTES     24u

void dump_number(muster_state_type type, uint64_t bits, char *out_text, size_t capacity)
{
    if (type == MUSTER_STATE_F32) {
        const uint32_t narrow = (uint32_t)bits;
        float real;
        memcpy(&real, &narrow, sizeof real);
        (void)snprintf(out_text, capacity, "%.9g", (double)real);
    } else if (type == MUSTER_STATE_I32) {
        (void)snprintf(out_text, capacity, "%" PRId32, (int32_t)(uint32_t)bits);
    } else {
        (void)snprintf(out_text, capacity, "%" PRIu64, bits);
    }
}

static uint64_t read_bits(const muster_column_def *column, const void *data, uint32_t index)
{
    const uint32_t bytes = muster_state_type_bytes(column->type);
    uint64_t bits = 0; // little-endian, as every machine that runs worlds
    memcpy(&bits, (const uint8_t *)data + (size_t)index * bytes, bytes);
    return bits;
}

static const void *game_column(const muster_world_view *view, uint32_t index)
{
    return view->columns[MUSTER_COLUMN_GAME + index];
}

static void print_entity(
    const muster_game *game, const muster_world_view *view, uint32_t slot, FILE *file)
{
    const muster_vec3 position = view->position[slot];
    const muster_vec3 velocity = view->velocity[slot];
    fprintf(file,
        "slot=%" PRIu32 " id=%016" PRIx64 " kind=%u team=%u position=%.9g,%.9g,%.9g "
        "velocity=%.9g,%.9g,%.9g",
        slot, (uint64_t)view->id[slot], view->kind[slot], view->team[slot], (double)position.x,
        (double)position.y, (double)position.z, (double)velocity.x, (double)velocity.y,
        (double)velocity.z);
    for (uint32_t i = 0; i < game->column_count; i++) {
        const muster_column_def *column = &game->columns[i];
        fprintf(file, " %s=", column->name);
        for (uint32_t lane = 0; lane < column->lane_count; lane++) {
            char text[NUMBER_BYTES];
            const uint64_t bits =
                read_bits(column, game_column(view, i), slot * column->lane_count + lane);
            dump_number(column->type, bits, text, sizeof text);
            fprintf(file, "%s%s", lane > 0 ? "," : "", text);
        }
    }
    fputc('\n', file);
}

void dump_print(const muster_game *game, const muster_instance *instance, FILE *file)
{
    MUSTER_ASSERT(game != NULL && instance != NULL && file != NULL);
    const muster_world_view *view = muster_instance_view(instance);
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        if (view->is_alive[slot] != 0) {
            print_entity(game, view, slot, file);
        }
    }
}

static json_t *number_json(const muster_column_def *column, const void *data, uint32_t index)
{
    const uint64_t bits = read_bits(column, data, index);
    if (column->type == MUSTER_STATE_F32) {
        const uint32_t narrow = (uint32_t)bits;
        float real;
        memcpy(&real, &narrow, sizeof real);
        return json_real((double)real);
    }
    return json_integer(
        column->type == MUSTER_STATE_I32 ? (int32_t)(uint32_t)bits : (json_int_t)bits);
}

static json_t *vector_json(muster_vec3 vector)
{
    return json_pack("[f, f, f]", (double)vector.x, (double)vector.y, (double)vector.z);
}

static json_t *entity_json(const muster_game *game, const muster_world_view *view, uint32_t slot)
{
    char id[ID_BYTES];
    (void)snprintf(id, sizeof id, "%016" PRIx64, (uint64_t)view->id[slot]);
    json_t *entity = json_pack("{s:I, s:s, s:i, s:i, s:o, s:o}", "slot", (json_int_t)slot, "id", id,
        "kind", (int)view->kind[slot], "team", (int)view->team[slot], "position",
        vector_json(view->position[slot]), "velocity", vector_json(view->velocity[slot]));
    for (uint32_t i = 0; i < game->column_count; i++) {
        const muster_column_def *column = &game->columns[i];
        json_t *lanes = json_array();
        for (uint32_t lane = 0; lane < column->lane_count; lane++) {
            json_array_append_new(
                lanes, number_json(column, game_column(view, i), slot * column->lane_count + lane));
        }
        json_object_set_new(entity, column->name, lanes);
    }
    return entity;
}

json_t *dump_json(const muster_game *game, const muster_instance *instance)
{
    MUSTER_ASSERT(game != NULL && instance != NULL);
    const muster_world_view *view = muster_instance_view(instance);
    json_t *entities = json_array();
    for (uint32_t slot = 0; slot < view->slot_count; slot++) {
        if (view->is_alive[slot] != 0) {
            json_array_append_new(entities, entity_json(game, view, slot));
        }
    }
    return entities;
}
