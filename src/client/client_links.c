// SPDX-License-Identifier: Apache-2.0
#include "client/client_state.h"

#include "core/assert.h"

#include <string.h>

// The two links to the server: which of them carries the game, and when the other is tried.

static void close_link(muster_client *client, uint32_t link_index)
{
    struct link *link = &client->links[link_index];
    if (link->session != NULL) {
        muster_session_pool_release(client->sessions, link->session);
        link->session = NULL;
    }
    muster_netcode_client_disconnect(link->netcode);
    link->is_resting = false;
}

muster_status client_open_link(
    muster_client *client, uint32_t link_index, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES])
{
    close_link(client, link_index);
    struct link *link = &client->links[link_index];
    const muster_status status = muster_netcode_client_connect(link->netcode, client->now, token);
    if (status != MUSTER_OK) {
        return status;
    }
    link->heard_us = client->now.steady_us;
    return muster_session_pool_acquire(client->sessions, &link->session);
}

void client_use_link(muster_client *client, uint32_t link_index)
{
    close_link(client, 1 - link_index);
    client->link_index = link_index;
    client->is_welcomed = false;
    client->welcome_length = 0;
    client->tables = (struct play_tables){0};
    client->has_fresh_tokens = false;
    client->epoch = 0;
    client->is_refreshing = false;
    client->needs_refresh = false;
    client->loose.length = 0;
    client->loose.count = 0;
    client->pending_count = 0;
    client->sequence = 0;
    client->state = MUSTER_CLIENT_JOINING;
}

// A token that has been used, or may have been, gives way to the next.
static void drop_resume_token(muster_client *client)
{
    MUSTER_ASSERT(client->resume_token_count > 0);
    client->resume_token_count--;
    memmove(client->resume_tokens[0], client->resume_tokens[1], sizeof client->resume_tokens[0]);
}

void client_resume_link(muster_client *client, uint32_t link_index)
{
    client->stats.resumes++;
    drop_resume_token(client);
    client_use_link(client, link_index);
}

void client_end(muster_client *client, muster_client_state state)
{
    for (uint32_t i = 0; i < LINK_COUNT; i++) {
        close_link(client, i);
    }
    client->state = state;
}

static void update_connecting(muster_client *client)
{
    const muster_netcode_client_state state =
        muster_netcode_client_state_of(client->links[client->link_index].netcode);
    if (state == MUSTER_NETCODE_CLIENT_CONNECTED) {
        client->state = MUSTER_CLIENT_JOINING;
    } else if (state <= MUSTER_NETCODE_CLIENT_DISCONNECTED) {
        client->is_denied = state == MUSTER_NETCODE_CLIENT_DENIED;
        client_end(client, MUSTER_CLIENT_UNREACHABLE);
    }
}

static void begin_resume(muster_client *client)
{
    client->state = MUSTER_CLIENT_RESUMING;
    client->resume_started_us = client->now.steady_us;
    if (client_open_link(client, 1 - client->link_index, client->resume_tokens[0]) != MUSTER_OK) {
        client_end(client, MUSTER_CLIENT_UNREACHABLE);
    }
}

// A server that is gone for longer than netcode's timeout ends the first link; the second goes on.
static void update_playing(muster_client *client)
{
    const struct link *link = &client->links[client->link_index];
    const muster_netcode_client_state state = muster_netcode_client_state_of(link->netcode);
    const bool is_silent = client->now.steady_us - link->heard_us >= client->def.resume_after_us;
    if (state == MUSTER_NETCODE_CLIENT_DISCONNECTED) {
        client_end(client, MUSTER_CLIENT_CLOSED);
    } else if (is_silent || state < MUSTER_NETCODE_CLIENT_DISCONNECTED) {
        if (client->resume_token_count > 0) {
            begin_resume(client);
        } else if (state < MUSTER_NETCODE_CLIENT_DISCONNECTED) {
            client_end(client, MUSTER_CLIENT_UNREACHABLE);
        }
    }
}

// The server may have taken a token while its answers were lost, so the next try is made with
// another one, if there is another.
static void try_again(muster_client *client, uint32_t link_index)
{
    if (client->resume_token_count > 1) {
        drop_resume_token(client);
    }
    if (client_open_link(client, link_index, client->resume_tokens[0]) != MUSTER_OK) {
        client_end(client, MUSTER_CLIENT_UNREACHABLE);
    }
}

static void update_resuming(muster_client *client)
{
    const uint32_t other_index = 1 - client->link_index;
    const struct link *first = &client->links[client->link_index];
    const muster_netcode_client_state state =
        muster_netcode_client_state_of(client->links[other_index].netcode);
    if (first->heard_us > client->resume_started_us) {
        close_link(client, other_index);
        if (client->resume_token_count > 1) {
            drop_resume_token(client);
        }
        client->state = client->is_welcomed ? MUSTER_CLIENT_PLAYING : MUSTER_CLIENT_JOINING;
    } else if (state == MUSTER_NETCODE_CLIENT_CONNECTED) {
        client_resume_link(client, other_index);
    } else if (client->now.steady_us - client->resume_started_us >= client->def.resume_window_us) {
        client_end(client, MUSTER_CLIENT_UNREACHABLE);
    } else if (state <= MUSTER_NETCODE_CLIENT_DISCONNECTED) {
        try_again(client, other_index);
    }
}

static void update_link(struct link *link, muster_netcode_time now, muster_packet_batch *packets)
{
    if (link->is_resting) {
        return;
    }
    muster_netcode_client_update(link->netcode, now, packets);
    link->is_resting = link->session == NULL && !muster_netcode_client_is_leaving(link->netcode);
}

void client_update_links(muster_client *client, muster_packet_batch *packets)
{
    for (uint32_t i = 0; i < LINK_COUNT; i++) {
        update_link(&client->links[i], client->now, packets);
    }
    if (client->state == MUSTER_CLIENT_CONNECTING) {
        update_connecting(client);
    } else if (client->state == MUSTER_CLIENT_RESUMING) {
        update_resuming(client);
    } else if (client->state > MUSTER_CLIENT_IDLE) {
        update_playing(client);
    }
}
