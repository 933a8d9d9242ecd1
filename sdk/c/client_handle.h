// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What stands behind a muster_sdk_client: a client driver, a login that may be under way beside
/// it, and what the caller is yet to be told.

#include "login_job.h"
#include "muster/client_driver.h"
#include "muster/client_tables.h"
#include "muster_client.h"

struct muster_sdk_client {
    muster_client_driver *driver;
    muster_client *client;
    struct login_job *login;    // NULL when none is under way
    int32_t refused;            // why the last login failed, 0 if it has not
    bool has_world;             // the client has played since its last connect
    bool is_reset_due;          // all entities are to be forgotten before the next event
    uint64_t resumes_told;      // how many of the client's views the caller was told of
    uint64_t refreshes_told;    // and how often one was emptied
    uint64_t messages_too_long; // that were dropped here
    muster_sdk_error error;
};

/// Keeps why a call failed. The text may be NULL: the status speaks for itself.
int32_t client_fail(muster_sdk_client *client, muster_status status, const char *text);

/// The entities, NULL while the client is in no world.
muster_replica_view *client_view(const muster_sdk_client *client);

/// The game's tables, NULL while the client is in no world.
const muster_replica_schema *client_schema(const muster_sdk_client *client);
