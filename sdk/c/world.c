// SPDX-License-Identifier: Apache-2.0
#include "client_handle.h"

#include <string.h>

// What is in the world: entities with their fields and places, and events of them.

_Static_assert(MUSTER_SDK_LANE_COUNT_MAX == MUSTER_REPLICA_LANE_COUNT_MAX &&
                   MUSTER_SDK_ENTITY_COUNT_MAX == MUSTER_REPLICA_KNOWN_COUNT_MAX &&
                   MUSTER_SDK_UINT == (int)MUSTER_FIELD_UINT &&
                   MUSTER_SDK_FLOAT == (int)MUSTER_FIELD_FLOAT &&
                   MUSTER_SDK_POSITION == (int)MUSTER_FIELD_POSITION &&
                   MUSTER_SDK_ANGLE == (int)MUSTER_FIELD_ANGLE &&
                   MUSTER_SDK_ENTER == (int)MUSTER_REPLICA_ENTER &&
                   MUSTER_SDK_LEAVE == (int)MUSTER_REPLICA_LEAVE,
    "numbers are handed on as they are");

// The interface's own layout, on every machine.
_Static_assert(sizeof(muster_sdk_entity) == 48 && sizeof(muster_sdk_event) == 56 &&
                   sizeof(muster_sdk_pending) == 152 && sizeof(muster_sdk_info) == 72 &&
                   sizeof(muster_sdk_stats) == 88 && sizeof(muster_sdk_field) == 64 &&
                   sizeof(muster_sdk_param) == 64 && sizeof(muster_sdk_error) == 296,
    "structs have no holes");

static bool is_in_world(const muster_sdk_client *client)
{
    return client->has_world && muster_client_state_of(client->client) > MUSTER_CLIENT_IDLE;
}

muster_replica_view *client_view(const muster_sdk_client *client)
{
    return is_in_world(client) ? muster_client_view(client->client) : NULL;
}

const muster_replica_schema *client_schema(const muster_sdk_client *client)
{
    return is_in_world(client) ? muster_client_schema(client->client) : NULL;
}

static muster_sdk_entity entity_from(const muster_replica_entity *entity)
{
    return (muster_sdk_entity){
        .id = entity->id,
        .tick = entity->tick,
        .index = entity->index,
        .kind = entity->kind,
        .is_mine = entity->is_mine,
    };
}

static void place_at(const muster_sdk_client *client, double tick, muster_sdk_entity *entity)
{
    entity->has_place = muster_client_place(client->client, entity->index, tick, entity->place);
}

int32_t muster_sdk_get_entities(const muster_sdk_client *client,
    muster_sdk_entity *out_entities,
    uint32_t capacity,
    uint32_t *out_count)
{
    if (out_count == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_count = 0;
    if (client == NULL || (out_entities == NULL && capacity > 0)) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_replica_view *view = client_view(client);
    if (view == NULL) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    const uint32_t needed = muster_replica_view_count(view);
    if (needed > capacity) {
        *out_count = needed;
        return MUSTER_SDK_ERR_FULL;
    }
    const double tick = muster_client_render_tick(client->client);
    const uint32_t end = muster_replica_view_index_end(view);
    uint32_t count = 0;
    for (uint32_t i = 0; i < end && count < needed; i++) {
        muster_replica_entity entity;
        if (muster_replica_view_entity(view, i, &entity)) {
            out_entities[count] = entity_from(&entity);
            place_at(client, tick, &out_entities[count]);
            count++;
        }
    }
    *out_count = count;
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_entity(
    const muster_sdk_client *client, uint32_t entity_index, muster_sdk_entity *out_entity)
{
    if (out_entity == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_entity = (muster_sdk_entity){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_replica_view *view = client_view(client);
    muster_replica_entity entity;
    if (view == NULL || !muster_replica_view_entity(view, entity_index, &entity)) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    *out_entity = entity_from(&entity);
    place_at(client, muster_client_render_tick(client->client), out_entity);
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_own(const muster_sdk_client *client, muster_sdk_entity *out_entity)
{
    if (out_entity == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_entity = (muster_sdk_entity){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_replica_view *view = client_view(client);
    const uint32_t end = view != NULL ? muster_replica_view_index_end(view) : 0;
    for (uint32_t i = 0; i < end; i++) {
        muster_replica_entity entity;
        if (muster_replica_view_entity(view, i, &entity) && entity.is_mine) {
            return muster_sdk_get_entity(client, i, out_entity);
        }
    }
    return MUSTER_SDK_ERR_NOT_FOUND;
}

// Whole numbers are exact as doubles, which they are not as floats.
static void read_numbers(const muster_replica_view *view,
    uint32_t entity_index,
    uint32_t field_index,
    const muster_replica_field *field,
    double *out_numbers)
{
    uint32_t values[MUSTER_SDK_LANE_COUNT_MAX];
    float numbers[MUSTER_SDK_LANE_COUNT_MAX];
    const bool is_known = muster_replica_view_values(view, entity_index, field_index, values) &&
                          muster_replica_view_numbers(view, entity_index, field_index, numbers);
    for (uint32_t i = 0; is_known && i < field->lane_count; i++) {
        out_numbers[i] = field->encoding == MUSTER_FIELD_UINT ? (double)field->min + values[i]
                                                              : (double)numbers[i];
    }
}

int32_t muster_sdk_get_numbers(const muster_sdk_client *client,
    uint32_t entity_index,
    uint32_t field_index,
    double *out_numbers)
{
    if (out_numbers == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    memset(out_numbers, 0, MUSTER_SDK_LANE_COUNT_MAX * sizeof out_numbers[0]);
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_replica_schema *schema = client_schema(client);
    if (schema == NULL || field_index >= schema->field_count ||
        muster_replica_view_field_tick(client_view(client), entity_index, field_index) == 0) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    read_numbers(
        client_view(client), entity_index, field_index, &schema->fields[field_index], out_numbers);
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_place(
    const muster_sdk_client *client, uint32_t entity_index, double tick, float *out_place)
{
    if (out_place == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    memset(out_place, 0, MUSTER_SDK_LANE_COUNT_MAX * sizeof out_place[0]);
    if (client == NULL || tick != tick) {
        return MUSTER_SDK_ERR_INVALID;
    }
    return client_view(client) != NULL &&
                   muster_client_place(client->client, entity_index, tick, out_place)
               ? MUSTER_SDK_OK
               : MUSTER_SDK_ERR_NOT_FOUND;
}

int32_t muster_sdk_pop_event(muster_sdk_client *client, muster_sdk_event *out_event)
{
    if (out_event == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_event = (muster_sdk_event){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (client->is_reset_due) {
        client->is_reset_due = false;
        out_event->type = MUSTER_SDK_RESET;
        return MUSTER_SDK_OK;
    }
    muster_replica_view *view = client_view(client);
    muster_replica_event event;
    if (view == NULL || !muster_replica_view_pop_event(view, &event)) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    out_event->type = event.type;
    out_event->entity = entity_from(&event.entity);
    return MUSTER_SDK_OK;
}
