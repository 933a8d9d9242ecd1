// SPDX-License-Identifier: Apache-2.0
#include "client_handle.h"

#include <string.h>

// What the player does and says, and what is said to the player.

_Static_assert(MUSTER_SDK_PARAM_COUNT_MAX == MUSTER_CLIENT_PARAM_MAX &&
                   MUSTER_SDK_PENDING_COUNT_MAX == MUSTER_CLIENT_PENDING_MAX,
    "every action has room");

// Brings a number into a parameter's range first: beyond it, a conversion is not defined.
static muster_value value_from(double number, const muster_client_param_def *param)
{
    const double min = (double)param->min;
    const double max = (double)param->max;
    const double inside = number < min ? min : number > max ? max : number;
    if (param->is_real) {
        return (muster_value){.real = (float)inside};
    }
    return (muster_value){.whole = (int32_t)(inside < 0.0 ? inside - 0.5 : inside + 0.5)};
}

static bool has_no_number(const double *values, uint32_t value_count)
{
    for (uint32_t i = 0; i < value_count; i++) {
        if (values[i] != values[i]) {
            return true;
        }
    }
    return false;
}

int32_t muster_sdk_act(muster_sdk_client *client,
    uint32_t action_index,
    const double *values,
    uint32_t value_count,
    uint32_t *out_sequence)
{
    if (out_sequence != NULL) {
        *out_sequence = 0;
    }
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (out_sequence == NULL || (values == NULL && value_count > 0)) {
        return client_fail(client, MUSTER_ERR_INVALID, "an argument of an action is NULL");
    }
    muster_client_action_def def;
    if (muster_client_state_of(client->client) != MUSTER_CLIENT_PLAYING ||
        !muster_client_action_at(client->client, action_index, &def)) {
        return client_fail(
            client, MUSTER_ERR_NOT_FOUND, "no such action, or the client does not play");
    }
    if (value_count != def.param_count || has_no_number(values, value_count)) {
        return client_fail(client, MUSTER_ERR_INVALID, "an action takes a number a parameter");
    }
    muster_value inner[MUSTER_CLIENT_PARAM_MAX] = {{0}};
    for (uint32_t i = 0; i < def.param_count; i++) {
        inner[i] = value_from(values[i], &def.params[i]);
    }
    const muster_status status =
        muster_client_act(client->client, action_index, inner, out_sequence);
    return status == MUSTER_OK ? MUSTER_SDK_OK
                               : client_fail(client, status, "too many actions wait to be counted");
}

int32_t muster_sdk_act_by_name(muster_sdk_client *client,
    const char *name,
    const double *values,
    uint32_t value_count,
    uint32_t *out_sequence)
{
    if (out_sequence != NULL) {
        *out_sequence = 0;
    }
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (name == NULL) {
        return client_fail(client, MUSTER_ERR_INVALID, "an argument of an action is NULL");
    }
    const uint32_t action_index = muster_client_find_action(client->client, name);
    return muster_sdk_act(client, action_index, values, value_count, out_sequence);
}

static muster_sdk_pending pending_from(
    const muster_client_action *action, const muster_client_action_def *def)
{
    muster_sdk_pending pending = {
        .tick = action->tick,
        .sequence = action->sequence,
        .action_index = action->action_index,
        .value_count = def->param_count,
    };
    for (uint32_t i = 0; i < def->param_count; i++) {
        pending.values[i] = def->params[i].is_real ? (double)action->values[i].real
                                                   : (double)action->values[i].whole;
    }
    return pending;
}

int32_t muster_sdk_get_pending(const muster_sdk_client *client,
    muster_sdk_pending *out_actions,
    uint32_t capacity,
    uint32_t *out_count)
{
    if (out_count == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_count = 0;
    if (client == NULL || (out_actions == NULL && capacity > 0)) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (client_schema(client) == NULL) {
        return MUSTER_SDK_ERR_NOT_FOUND;
    }
    muster_client_action actions[MUSTER_CLIENT_PENDING_MAX];
    const uint32_t count =
        muster_client_pending(client->client, actions, MUSTER_CLIENT_PENDING_MAX);
    *out_count = count;
    if (count > capacity) {
        return MUSTER_SDK_ERR_FULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        muster_client_action_def def;
        (void)muster_client_action_at(client->client, actions[i].action_index, &def);
        out_actions[i] = pending_from(&actions[i], &def);
    }
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_send(
    muster_sdk_client *client, uint32_t message_index, const uint8_t *bytes, uint32_t length)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (bytes == NULL && length > 0) {
        return client_fail(client, MUSTER_ERR_INVALID, "the bytes of a message are NULL");
    }
    const muster_status status = muster_client_send(client->client, message_index, bytes, length);
    switch (status) {
    case MUSTER_OK:
        return MUSTER_SDK_OK;
    case MUSTER_ERR_NOT_FOUND:
        return client_fail(
            client, status, "no such message for players, or the client does not play");
    case MUSTER_ERR_INVALID:
        return client_fail(client, status, "the message is too long");
    default:
        return client_fail(client, status, "too many messages are under way");
    }
}

int32_t muster_sdk_pop_message(muster_sdk_client *client,
    uint32_t *out_message_index,
    uint8_t *out_bytes,
    uint32_t capacity,
    uint32_t *out_length)
{
    if (out_message_index != NULL) {
        *out_message_index = 0;
    }
    if (out_length != NULL) {
        *out_length = 0;
    }
    if (client == NULL || out_message_index == NULL || out_bytes == NULL || out_length == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (capacity < MUSTER_SDK_MESSAGE_BYTES_MAX) {
        return MUSTER_SDK_ERR_FULL;
    }
    muster_client_message message;
    while (muster_client_pop_message(client->client, &message)) {
        if (message.length > MUSTER_SDK_MESSAGE_BYTES_MAX) {
            client->messages_too_long++; // no game has such
            continue;
        }
        memcpy(out_bytes, message.bytes, message.length);
        *out_message_index = message.message_index;
        *out_length = message.length;
        return MUSTER_SDK_OK;
    }
    return MUSTER_SDK_ERR_NOT_FOUND;
}
