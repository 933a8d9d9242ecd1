// SPDX-License-Identifier: Apache-2.0
#include "client_handle.h"

#include <stdio.h>
#include <string.h>

// Coming and going. Whatever a caller may pass by mistake is refused here: behind this file,
// a wrong argument stops the process.

#define WAIT_STEP_MS 5u
#define WAIT_MS_MAX  600000u

_Static_assert(MUSTER_SDK_OK == (int)MUSTER_OK &&
                   MUSTER_SDK_ERR_INVALID == (int)MUSTER_ERR_INVALID &&
                   MUSTER_SDK_ERR_NO_MEMORY == (int)MUSTER_ERR_NO_MEMORY &&
                   MUSTER_SDK_ERR_FULL == (int)MUSTER_ERR_FULL &&
                   MUSTER_SDK_ERR_MALFORMED == (int)MUSTER_ERR_MALFORMED &&
                   MUSTER_SDK_ERR_NOT_FOUND == (int)MUSTER_ERR_NOT_FOUND &&
                   MUSTER_SDK_ERR_IO == (int)MUSTER_ERR_IO &&
                   MUSTER_SDK_ERR_DENIED == (int)MUSTER_ERR_DENIED &&
                   MUSTER_SDK_ERR_VERSION == (int)MUSTER_ERR_VERSION &&
                   MUSTER_SDK_ERR_TIMED_OUT == (int)MUSTER_ERR_TIMED_OUT,
    "statuses are handed on as they are");
_Static_assert(MUSTER_SDK_UNREACHABLE == (int)MUSTER_CLIENT_UNREACHABLE &&
                   MUSTER_SDK_CLOSED == (int)MUSTER_CLIENT_CLOSED &&
                   MUSTER_SDK_IDLE == (int)MUSTER_CLIENT_IDLE &&
                   MUSTER_SDK_CONNECTING == (int)MUSTER_CLIENT_CONNECTING &&
                   MUSTER_SDK_JOINING == (int)MUSTER_CLIENT_JOINING &&
                   MUSTER_SDK_PLAYING == (int)MUSTER_CLIENT_PLAYING &&
                   MUSTER_SDK_RESUMING == (int)MUSTER_CLIENT_RESUMING,
    "so are states");
_Static_assert(MUSTER_SDK_TOKEN_BYTES == MUSTER_CONNECT_TOKEN_BYTES &&
                   MUSTER_SDK_ERROR_CODE_BYTES == sizeof((muster_client_error){0}.code) &&
                   MUSTER_SDK_ERROR_TEXT_BYTES == sizeof((muster_client_error){0}.text),
    "so are tokens and errors");

int32_t client_fail(muster_sdk_client *client, muster_status status, const char *text)
{
    client->error = (muster_sdk_error){.status = status};
    (void)snprintf(client->error.text, sizeof client->error.text, "%s",
        text != NULL ? text : muster_status_name(status));
    return status;
}

static int32_t fail_as(
    muster_sdk_client *client, muster_status status, const muster_client_error *error)
{
    (void)client_fail(client, status, error->text[0] != '\0' ? error->text : NULL);
    client->error.http_status = error->http_status;
    memcpy(client->error.code, error->code, sizeof client->error.code);
    return status;
}

uint32_t muster_sdk_abi(void)
{
    return MUSTER_SDK_ABI;
}

int32_t muster_sdk_default_def(muster_sdk_def *out_def)
{
    if (out_def == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_client_def def = muster_client_default_def();
    *out_def = (muster_sdk_def){
        .resume_after_ms = (uint32_t)(def.resume_after_us / 1000),
        .resume_window_ms = (uint32_t)(def.resume_window_us / 1000),
        .margin_ticks = def.margin_ticks,
        .send_ticks = def.send_ticks,
    };
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_create(uint32_t abi, const muster_sdk_def *def, muster_sdk_client **out_client)
{
    if (out_client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_client = NULL;
    if (abi != MUSTER_SDK_ABI) {
        return MUSTER_SDK_ERR_VERSION;
    }
    if (def == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    muster_client_driver_def driver_def = muster_client_driver_default_def();
    driver_def.client.resume_after_us = (uint64_t)def->resume_after_ms * 1000;
    driver_def.client.resume_window_us = (uint64_t)def->resume_window_ms * 1000;
    driver_def.client.margin_ticks = def->margin_ticks;
    driver_def.client.send_ticks = def->send_ticks;
    const muster_allocator allocator = driver_def.client.allocator;
    muster_sdk_client *client =
        allocator.alloc(allocator.context, sizeof *client, _Alignof(muster_sdk_client));
    if (client == NULL) {
        return MUSTER_SDK_ERR_NO_MEMORY;
    }
    memset(client, 0, sizeof *client);
    muster_client_error error;
    const muster_status status = muster_client_driver_create(&driver_def, &client->driver, &error);
    if (status != MUSTER_OK) {
        allocator.free(allocator.context, client, sizeof *client);
        return status;
    }
    client->client = muster_client_driver_client(client->driver);
    *out_client = client;
    return MUSTER_SDK_OK;
}

void muster_sdk_destroy(muster_sdk_client *client)
{
    if (client == NULL) {
        return;
    }
    login_job_release(client->login);
    muster_client_driver_destroy(client->driver);
    const muster_allocator allocator = muster_heap_allocator();
    allocator.free(allocator.context, client, sizeof *client);
}

// What was open before is given up.
static void give_up(muster_sdk_client *client)
{
    login_job_release(client->login);
    client->login = NULL;
    client->refused = MUSTER_SDK_OK;
    client->has_world = false;
    client->is_reset_due = false;
    muster_client_leave(client->client);
}

int32_t muster_sdk_join(muster_sdk_client *client,
    const char *server,
    const char *api_key,
    const char *name,
    uint32_t timeout_ms)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (timeout_ms == 0) {
        return client_fail(client, MUSTER_ERR_INVALID, "a login takes at least a millisecond");
    }
    give_up(client);
    muster_client_login_def def = muster_client_login_default_def();
    def.server = server != NULL ? server : def.server;
    def.api_key = api_key;
    def.name = name;
    def.timeout_ms = timeout_ms;
    const muster_status status = login_job_start(&def, &client->login);
    switch (status) {
    case MUSTER_OK:
        return MUSTER_SDK_OK;
    case MUSTER_ERR_INVALID:
        return client_fail(client, status, "server, API key or name is too long");
    case MUSTER_ERR_IO:
        return client_fail(client, status, "the system gives no thread for the login");
    default:
        return client_fail(client, status, NULL);
    }
}

static int32_t connect_with(muster_sdk_client *client, const uint8_t *token)
{
    const muster_status status = muster_client_driver_connect(client->driver, token);
    return status == MUSTER_OK ? MUSTER_SDK_OK
                               : client_fail(client, status, "this is no token of a server");
}

int32_t muster_sdk_connect(muster_sdk_client *client, const uint8_t *token, uint32_t token_bytes)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (token == NULL || token_bytes != MUSTER_SDK_TOKEN_BYTES) {
        return client_fail(client, MUSTER_ERR_INVALID, "a token has 2,048 bytes");
    }
    give_up(client);
    return connect_with(client, token);
}

// Goes on with a login whose answer has come.
static int32_t take_login(muster_sdk_client *client)
{
    if (!login_job_is_done(client->login)) {
        return MUSTER_SDK_OK;
    }
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    muster_client_error error;
    const muster_status answer = login_job_answer(client->login, token, &error);
    login_job_release(client->login);
    client->login = NULL;
    const int32_t status =
        answer == MUSTER_OK ? connect_with(client, token) : fail_as(client, answer, &error);
    client->refused = status;
    return status;
}

// A connection that begins anew, and a client that asks for everything anew, start with no entity.
static void follow_view(muster_sdk_client *client)
{
    const muster_client_stats stats = muster_client_stats_of(client->client);
    if (stats.refreshes != client->refreshes_told) {
        client->refreshes_told = stats.refreshes;
        client->is_reset_due = client->has_world;
    }
    const bool is_playing = muster_client_state_of(client->client) == MUSTER_CLIENT_PLAYING;
    if (is_playing && (!client->has_world || stats.resumes != client->resumes_told)) {
        client->resumes_told = stats.resumes;
        client->has_world = true;
        client->is_reset_due = true;
    }
}

static void drop_events(muster_sdk_client *client)
{
    muster_replica_view *view = client_view(client);
    muster_replica_event event;
    while (view != NULL && muster_replica_view_pop_event(view, &event)) {
    }
}

static int32_t advance(muster_sdk_client *client)
{
    if (client->refused != MUSTER_SDK_OK) {
        return client->refused;
    }
    if (client->login != NULL) {
        const int32_t status = take_login(client);
        if (status != MUSTER_SDK_OK) {
            return status;
        }
    }
    const muster_client_state state = muster_client_driver_update(client->driver);
    follow_view(client);
    if (state >= MUSTER_CLIENT_IDLE) {
        return MUSTER_SDK_OK;
    }
    muster_client_error error;
    const muster_status status = muster_client_driver_failure(client->driver, &error);
    return fail_as(client, status, &error);
}

int32_t muster_sdk_update(muster_sdk_client *client)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    drop_events(client);
    return advance(client);
}

int32_t muster_sdk_wait(muster_sdk_client *client, uint32_t timeout_ms)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    if (timeout_ms > WAIT_MS_MAX) {
        return client_fail(client, MUSTER_ERR_INVALID, "waits at most 600,000 ms");
    }
    for (uint32_t waited_ms = 0;; waited_ms += WAIT_STEP_MS) {
        const int32_t status = advance(client);
        const muster_client_state state = muster_client_state_of(client->client);
        if (status != MUSTER_SDK_OK || (client->login == NULL && state == MUSTER_CLIENT_PLAYING)) {
            return status;
        }
        if (waited_ms >= timeout_ms) {
            return client_fail(client, MUSTER_ERR_TIMED_OUT, "the client does not play yet");
        }
        (void)muster_client_driver_run(client->driver, WAIT_STEP_MS * 1000);
    }
}

int32_t muster_sdk_leave(muster_sdk_client *client)
{
    const int32_t status = muster_sdk_begin_leave(client);
    if (status == MUSTER_SDK_OK) {
        muster_client_driver_leave(client->driver);
    }
    return status;
}

int32_t muster_sdk_begin_leave(muster_sdk_client *client)
{
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    give_up(client);
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_last_error(const muster_sdk_client *client, muster_sdk_error *out_error)
{
    if (out_error == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_error = client != NULL ? client->error : (muster_sdk_error){0};
    return client != NULL ? MUSTER_SDK_OK : MUSTER_SDK_ERR_INVALID;
}

static int32_t state_of(const muster_sdk_client *client)
{
    if (client->refused != MUSTER_SDK_OK) {
        return MUSTER_SDK_REFUSED;
    }
    return client->login != NULL ? MUSTER_SDK_LOGGING_IN
                                 : (int32_t)muster_client_state_of(client->client);
}

int32_t muster_sdk_get_info(const muster_sdk_client *client, muster_sdk_info *out_info)
{
    if (out_info == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_info = (muster_sdk_info){.player_index = MUSTER_NONE};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_client *inner = client->client;
    out_info->state = state_of(client);
    out_info->close_reason = muster_client_close_reason(inner);
    out_info->is_leaving = muster_client_is_leaving(inner);
    const muster_replica_schema *schema = client_schema(client);
    if (schema == NULL) {
        return MUSTER_SDK_OK;
    }
    muster_client_action pending[MUSTER_CLIENT_PENDING_MAX];
    out_info->tick = muster_client_tick(inner);
    out_info->newest_tick = muster_client_newest_tick(inner);
    out_info->render_tick = muster_client_render_tick(inner);
    out_info->player_index = muster_client_player_index(inner);
    out_info->tick_rate_hz = schema->tick_rate_hz;
    out_info->action_count = muster_client_action_count(inner);
    out_info->message_count = muster_client_message_count(inner);
    out_info->field_count = schema->field_count;
    out_info->entity_count = muster_replica_view_count(client_view(client));
    out_info->counted_sequence = muster_client_counted(inner);
    out_info->pending_count = muster_client_pending(inner, pending, MUSTER_CLIENT_PENDING_MAX);
    return MUSTER_SDK_OK;
}

int32_t muster_sdk_get_stats(const muster_sdk_client *client, muster_sdk_stats *out_stats)
{
    if (out_stats == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    *out_stats = (muster_sdk_stats){0};
    if (client == NULL) {
        return MUSTER_SDK_ERR_INVALID;
    }
    const muster_client_stats stats = muster_client_stats_of(client->client);
    *out_stats = (muster_sdk_stats){
        .updates = stats.updates,
        .updates_refused = stats.updates_refused,
        .refreshes = stats.refreshes,
        .resumes = stats.resumes,
        .packets_sent = stats.packets_sent,
        .packets_received = stats.packets_received,
        .bytes_sent = stats.bytes_sent,
        .bytes_received = stats.bytes_received,
        .messages_dropped = stats.messages_dropped + client->messages_too_long,
        .rtt_us = stats.rtt_us,
        .loss_ppm = stats.loss_ppm,
        .interpolation_us = stats.interpolation_us,
        .margin_ticks = stats.margin_ticks,
    };
    return MUSTER_SDK_OK;
}
