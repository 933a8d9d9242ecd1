// SPDX-License-Identifier: Apache-2.0

// A program of somebody else's, built against an installed Muster: it links the libraries and
// uses what they export.

#include <muster/base.h>
#include <muster/timer_wheel.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    muster_timer_wheel *wheel = NULL;
    const muster_timer_wheel_def def = muster_timer_wheel_default_def();
    const muster_status status = muster_timer_wheel_create(&def, &wheel);
    puts(muster_status_name(status));
    muster_timer_wheel_destroy(wheel);
    return status == MUSTER_OK && strcmp(muster_status_name(status), "MUSTER_OK") == 0 ? 0 : 1;
}
