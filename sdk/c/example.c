// SPDX-License-Identifier: Apache-2.0

// A client of the game hello on the shared library alone: joins, walks, sees itself move, leaves.

#include "muster_client.h"

#include <stdio.h>
#include <threads.h>

int main(int argc, char **argv)
{
    muster_sdk_def def;
    muster_sdk_client *client = NULL;
    (void)muster_sdk_default_def(&def);
    if (muster_sdk_create(MUSTER_SDK_ABI, &def, &client) != MUSTER_SDK_OK) {
        return 1;
    }
    int32_t status = muster_sdk_join(client, argc > 1 ? argv[1] : NULL, NULL, "ada", 5000);
    status = status == MUSTER_SDK_OK ? muster_sdk_wait(client, 10000) : status;
    const double walk[] = {0.0, 5.0}; // heading, metres a second
    for (uint32_t frame = 0; frame < 60 && status == MUSTER_SDK_OK; frame++) {
        uint32_t sequence;
        (void)muster_sdk_act_by_name(client, "walk", walk, 2, &sequence);
        const struct timespec frame_time = {.tv_nsec = 16666667};
        (void)thrd_sleep(&frame_time, NULL);
        status = muster_sdk_update(client);
    }
    muster_sdk_entity own;
    if (muster_sdk_get_own(client, &own) == MUSTER_SDK_OK) {
        printf("entity %u is at %.2f %.2f %.2f\n", own.index, (double)own.place[0],
            (double)own.place[1], (double)own.place[2]);
    }
    muster_sdk_error error;
    if (status != MUSTER_SDK_OK && muster_sdk_last_error(client, &error) == MUSTER_SDK_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    (void)muster_sdk_leave(client);
    muster_sdk_destroy(client);
    return status == MUSTER_SDK_OK ? 0 : 1;
}
