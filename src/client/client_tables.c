// SPDX-License-Identifier: Apache-2.0
#include "muster/client_tables.h"

#include "client/client_state.h"
#include "core/assert.h"

_Static_assert(MUSTER_CLIENT_NAME_BYTES == PLAY_NAME_BYTES, "names are copied whole");
_Static_assert(MUSTER_CLIENT_PARAM_MAX == MUSTER_PARAM_COUNT_MAX, "so are parameters");

uint32_t muster_client_action_count(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->tables.action_count;
}

uint32_t muster_client_message_count(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->tables.message_count;
}

bool muster_client_action_at(
    const muster_client *client, uint32_t action_index, muster_client_action_def *out_def)
{
    MUSTER_ASSERT(client != NULL && out_def != NULL);
    *out_def = (muster_client_action_def){0};
    if (action_index >= client->tables.action_count) {
        return false;
    }
    struct play_action action;
    play_action_at(&client->tables, action_index, &action);
    memcpy(out_def->name, action.name, sizeof out_def->name);
    out_def->rate_hz_max = action.rate_hz_max;
    out_def->param_count = action.param_count;
    for (uint32_t i = 0; i < action.param_count; i++) {
        muster_client_param_def *param = &out_def->params[i];
        memcpy(param->name, action.param_names[i], sizeof param->name);
        param->is_real = action.params[i].is_real;
        param->min = action.params[i].min;
        param->max = action.params[i].max;
        param->precision = action.params[i].precision;
    }
    return true;
}

bool muster_client_message_at(
    const muster_client *client, uint32_t message_index, muster_client_message_def *out_def)
{
    MUSTER_ASSERT(client != NULL && out_def != NULL);
    *out_def = (muster_client_message_def){0};
    if (message_index >= client->tables.message_count) {
        return false;
    }
    struct play_message message;
    play_message_at(&client->tables, message_index, &message);
    memcpy(out_def->name, message.name, sizeof out_def->name);
    out_def->bytes_max = message.bytes_max;
    out_def->is_reliable = message.is_reliable;
    out_def->is_from_players = message.is_from_players;
    return true;
}

const muster_replica_schema *muster_client_schema(const muster_client *client)
{
    MUSTER_ASSERT(client != NULL);
    return client->schema.field_count > 0 ? &client->schema : NULL;
}
