// SPDX-License-Identifier: Apache-2.0

// A client of the game hello: joins, walks for two seconds, says whom it sees, and leaves.

#include "muster/client_driver.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    muster_client_login_def login = muster_client_login_default_def();
    login.server = argc > 1 ? argv[1] : login.server;
    const muster_client_driver_def def = muster_client_driver_default_def();
    muster_client_driver *driver = NULL;
    muster_client_ticket ticket;
    muster_client_error error;
    if (muster_client_login_ask(&login, &ticket, &error) != MUSTER_OK ||
        muster_client_driver_create(&def, &driver, &error) != MUSTER_OK ||
        muster_client_driver_connect(driver, ticket.token) != MUSTER_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    muster_client *client = muster_client_driver_client(driver);
    const muster_value walk[] = {{.real = 0.0f}, {.real = 5.0f}}; // heading, metres a second
    uint32_t walk_count = 0;
    while (muster_client_driver_run(driver, 16667) > MUSTER_CLIENT_IDLE && walk_count < 120) {
        const uint32_t index = muster_client_find_action(client, "walk");
        (void)!muster_client_act(client, index, walk, &walk_count); // not before it plays
        muster_replica_event event;
        muster_replica_view *view = muster_client_view(client);
        while (view != NULL && muster_replica_view_pop_event(view, &event)) {
            printf("%s %s\n", event.type == MUSTER_REPLICA_ENTER ? "sees" : "loses",
                event.entity.is_mine ? "itself" : "another");
        }
    }
    const bool has_failed = muster_client_driver_failure(driver, &error) != MUSTER_OK;
    fprintf(stderr, "%s%s", error.text, has_failed ? "\n" : "");
    muster_client_driver_leave(driver);
    muster_client_driver_destroy(driver);
    return has_failed ? 1 : 0;
}
