// SPDX-License-Identifier: Apache-2.0
#include "client_handle.h"

#include <string.h>

// What the game's tables say: actions with their parameters, messages, fields.

_Static_assert(MUSTER_SDK_NAME_BYTES == MUSTER_CLIENT_NAME_BYTES &&
                   MUSTER_SDK_NAME_BYTES == MUSTER_REPLICA_NAME_BYTES,
    "names are copied whole");

typedef uint32_t find_function(const muster_client *client, const char *name);

static int32_t find(const muster_sdk_client *client,
    const char *name,
    uint32_t *out_index,
    find_function *find_name)
{
    if (out_index == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_index = 0;
    if (client == NULL || name == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const uint32_t index =
        client_schema(client) != NULL ? find_name(client->client, name) : MUSTER_NONE;
    *out_index = index != MUSTER_NONE ? index : 0;
    return index != MUSTER_NONE ? MUSTER_SDK_OK : MUSTER_SDK_ERR_NOT_FOUND;
}

int32_t muster_sdk_find_action(
    const muster_sdk_client *client, const char *name, uint32_t *out_index)
{
    return find(client, name, out_index, muster_client_find_action);
}

int32_t muster_sdk_find_message(
    const muster_sdk_client *client, const char *name, uint32_t *out_index)
{
    return find(client, name, out_index, muster_client_find_message);
}

int32_t muster_sdk_find_field(
    const muster_sdk_client *client, const char *name, uint32_t *out_index)
{
    return find(client, name, out_index, muster_client_find_field);
}

static bool read_action(
    const muster_sdk_client *client, uint32_t action_index, muster_client_action_def *out_def)
{
    return client_schema(client) != NULL &&
           muster_client_action_at(client->client, action_index, out_def);
}

int32_t muster_sdk_get_action(
    const muster_sdk_client *client, uint32_t action_index, muster_sdk_action *out_action)
{
    if (out_action == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_action = (muster_sdk_action){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    muster_client_action_def def;
    if (!read_action(client, action_index, &def)) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    memcpy(out_action->name, def.name, sizeof out_action->name);
    out_action->param_count = def.param_count;
    out_action->rate_hz_max = def.rate_hz_max;
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_param(const muster_sdk_client *client,
    uint32_t action_index,
    uint32_t param_index,
    muster_sdk_param *out_param)
{
    if (out_param == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_param = (muster_sdk_param){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    muster_client_action_def def;
    if (!read_action(client, action_index, &def) || param_index >= def.param_count) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    const muster_client_param_def *param = &def.params[param_index];
    memcpy(out_param->name, param->name, sizeof out_param->name);
    out_param->min = (double)param->min;
    out_param->max = (double)param->max;
    out_param->precision = (double)param->precision;
    out_param->is_real = param->is_real;
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_message(
    const muster_sdk_client *client, uint32_t message_index, muster_sdk_message *out_message)
{
    if (out_message == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_message = (muster_sdk_message){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    muster_client_message_def def;
    if (client_schema(client) == NULL ||
        !muster_client_message_at(client->client, message_index, &def)) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    memcpy(out_message->name, def.name, sizeof out_message->name);
    out_message->bytes_max = def.bytes_max;
    out_message->is_reliable = def.is_reliable;
    out_message->is_from_players = def.is_from_players;
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_field(
    const muster_sdk_client *client, uint32_t field_index, muster_sdk_field *out_field)
{
    if (out_field == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_field = (muster_sdk_field){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_replica_schema *schema = client_schema(client);
    if (schema == NULL || field_index >= schema->field_count) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    const muster_replica_field *field = &schema->fields[field_index];
    memcpy(out_field->name, field->name, sizeof out_field->name);
    out_field->min = (double)field->min;
    out_field->max = (double)field->max;
    out_field->precision = (double)field->precision;
    out_field->lane_count = field->lane_count;
    out_field->encoding = field->encoding;
    return MUSTER_SDK_OK;
}
